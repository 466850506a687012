//! What is done to many players at once, and the short code that brings them together (F1, F3).

use super::{Actor, Draft, Error, Event, RemovalReason};
use crate::{PlayerId, Timestamp};

impl Draft<'_> {
    /// Takes away the seats of those of the players who have one, but never the actor's own (F3).
    pub(super) fn kick_all(
        &mut self,
        actor: &Actor,
        players: &[PlayerId],
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_leader(actor)?;
        for player in players {
            let own = matches!(actor, Actor::Player(own) if own == player);
            if !own && let Some(index) = self.member_of(player).map(|member| member.index) {
                self.remove_member(index, RemovalReason::Kicked, now);
            }
        }
        Ok(())
    }

    /// Gives the session a code of its own; it keeps the first for life (F1).
    pub(super) fn set_short_code(&mut self, actor: &Actor, code: &str) -> Result<(), Error> {
        self.require_leader(actor)?;
        if self.work.header.short_code.is_none() {
            self.header_mut().short_code = Some(code.to_owned());
            self.work.events.push(Event::HeaderChanged);
        }
        Ok(())
    }
}
