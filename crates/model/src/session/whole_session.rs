//! What is done to many players at once, and the short code that brings them together (F1, F3).

use super::{Actor, Draft, Error, Permission, RemovalReason};
use crate::subscriptions::ChangeType;
use crate::{PlayerId, Timestamp};

impl Draft<'_> {
    /// Takes away the seats of those of the players who have one, but never the actor's own (F3).
    pub(super) fn kick_all(
        &mut self,
        actor: &Actor,
        players: &[PlayerId],
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.require_owner(actor).is_err() {
            self.require_permission(actor, Permission::Kick)?;
        }
        for player in players {
            let own = matches!(actor, Actor::Player(own) if own == player);
            let Some(member) = self.member_of(player).filter(|_| !own).cloned() else {
                continue;
            };
            self.require_kick(actor, &member)?;
            self.remove_member(member.index, RemovalReason::Kicked, now);
        }
        Ok(())
    }

    /// Gives the session a code of its own; it keeps the first for life (F1).
    pub(super) fn set_short_code(&mut self, actor: &Actor, code: &str) -> Result<(), Error> {
        self.require_leader(actor)?;
        if self.work.header.short_code.is_none() {
            self.header_mut().short_code = Some(code.to_owned());
            self.header_changed(ChangeType::Everything);
        }
        Ok(())
    }
}
