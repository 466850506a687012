//! Invites: each lives for a while, holds no seat and lets its player in (R68-R70, rows 8, 22, 29).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Actor, Draft, Error, Event, HEADER_BYTES_MAX, InviteEnd, Permission, limits};
use crate::{Millis, PlayerId, Timestamp};

/// The most invites of one session that live at a time, and the most players that one command invites.
pub const INVITES_MAX: usize = 100;
/// The most players of one session for whom `min_interval` counts at a time, those with a live invite included.
pub const INVITED_LATELY_MAX: usize = 200;
/// The longest context of an invite, in bytes (F32).
pub const INVITE_CONTEXT_BYTES_MAX: usize = 256;

/// An invite that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Who is invited; he has no seat.
    pub player: PlayerId,
    /// Who invited him.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The inviter's own words, opaque to Muster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// The session's change number when it was made.
    pub version: u64,
}

/// The invites of a session, and who was invited lately. Both are bounded; a look-up is O(invites).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invites {
    /// In order of expiry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    live: Vec<Invite>,
    /// Players whose invite is over, and who may not be invited again yet (R69).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lately: Vec<Lately>,
}

/// Somebody who was invited lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lately {
    player: PlayerId,
    /// From when on he may be invited again.
    until: Timestamp,
}

impl Invites {
    /// The invite of this player.
    pub fn of(&self, player: &PlayerId) -> Option<&Invite> {
        self.live.iter().find(|invite| invite.player == *player)
    }

    /// Those that live, the next to end first.
    pub fn iter(&self) -> impl Iterator<Item = &Invite> {
        self.live.iter()
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.lately.is_empty()
    }

    /// When the next one ends by itself. O(1).
    pub(super) fn first_expiry(&self) -> Option<Timestamp> {
        self.live.first().map(|invite| invite.expires_at)
    }

    /// Gives those that are new the change number of the document that they are first in.
    pub(super) fn number(&mut self, change_number: u64) {
        for invite in &mut self.live {
            if invite.version == 0 {
                invite.version = change_number;
            }
        }
    }

    /// How long this player cannot be invited again.
    fn wait(&self, player: &PlayerId, min_interval: Millis, now: Timestamp) -> Option<Millis> {
        let live = self.of(player).map(|invite| invite.at + min_interval);
        let over = self.lately.iter().find(|lately| lately.player == *player);
        let until = live.or(over.map(|lately| lately.until))?;
        (until > now).then(|| until.since(now))
    }

    fn take(&mut self, player: &PlayerId) -> Option<Invite> {
        let live = self.live.iter();
        let place = live.clone().position(|invite| invite.player == *player)?;
        Some(self.live.remove(place))
    }

    fn put(&mut self, invite: Invite) {
        let place = self
            .live
            .partition_point(|other| other.expires_at <= invite.expires_at);
        self.live.insert(place, invite);
    }
}

impl Draft<'_> {
    /// Invites players: all of them or, by the error, none. Again after `min_interval`: instead of the first.
    pub(super) fn invite(
        &mut self,
        actor: &Actor,
        players: &[PlayerId],
        context: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_inviter(actor)?;
        if players.is_empty() {
            return Err(Error::Invalid("nobody is named: an invite is for somebody"));
        }
        if players.len() > INVITES_MAX {
            return Err(Error::TooManyInvites);
        }
        if context.len() > INVITE_CONTEXT_BYTES_MAX {
            return Err(Error::Invalid("`context` has at most 256 bytes"));
        }
        if BTreeSet::from_iter(players).len() < players.len() {
            return Err(Error::Invalid("a player is named twice"));
        }
        if players.iter().any(|one| self.member_of(one).is_some()) {
            return Err(Error::AlreadyMember);
        }
        for player in players {
            self.require_unblocked(player)?;
        }
        let settings = self.base.constants.session_type.invites;
        let invites = &mut self.header_mut().invites;
        invites.lately.retain(|lately| lately.until > now);
        for player in players {
            if let Some(wait) = invites.wait(player, settings.min_interval, now) {
                let player = player.clone();
                return Err(Error::InvitedLately { player, wait });
            }
        }
        for player in players {
            invites.take(player);
            invites.put(Invite {
                player: player.clone(),
                by: actor.clone(),
                at: now,
                expires_at: now + settings.time_out,
                context: context.to_owned(),
                version: 0,
            });
        }
        let live = invites.live.len();
        if live > INVITES_MAX || live + invites.lately.len() > INVITED_LATELY_MAX {
            return Err(Error::TooManyInvites);
        }
        limits::check_size("session", HEADER_BYTES_MAX, self.header())?;
        let told = players.iter().cloned();
        let told = told.map(|player| Event::Invited { player });
        self.work.events.extend(told);
        Ok(())
    }

    /// Invites those of the players who have no seat: a whole session at once (F3). Nothing happens when all have one.
    pub(super) fn invite_newcomers(
        &mut self,
        actor: &Actor,
        players: &[PlayerId],
        context: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_inviter(actor)?;
        let settings = self.base.constants.session_type.invites;
        let is_new = |player: &&PlayerId| {
            let invites = &self.work.header.invites;
            self.member_of(player).is_none()
                && self.require_unblocked(player).is_ok()
                && invites.wait(player, settings.min_interval, now).is_none()
        };
        let new: Vec<PlayerId> = players.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        self.invite(actor, &new, context, now)
    }

    /// Ends an invite early: the invited player declines, anybody else takes it back.
    pub(super) fn withdraw(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let reason = match actor {
            Actor::Server | Actor::Admin | Actor::Service => InviteEnd::Withdrawn,
            Actor::Player(own) if own == player => InviteEnd::Declined,
            Actor::Player(own) => {
                self.joined_actor(own)?;
                InviteEnd::Withdrawn
            }
            Actor::Host(allocation) => {
                self.require_host(*allocation)?;
                InviteEnd::Withdrawn
            }
        };
        let invite = self.work.header.invites.of(player);
        let sent = invite.ok_or(Error::NoSuchInvite)?.by == *actor;
        if reason == InviteEnd::Withdrawn && !sent {
            self.require_leader(actor)?;
        }
        self.drop_invite(player, reason, now);
        Ok(())
    }

    /// Ends the invite of a player, if there is one; for the rest of `min_interval` he is not invited again.
    pub(super) fn drop_invite(&mut self, player: &PlayerId, reason: InviteEnd, now: Timestamp) {
        if self.work.header.invites.of(player).is_none() {
            return;
        }
        let min_interval = self.base.constants.session_type.invites.min_interval;
        let invites = &mut self.header_mut().invites;
        let Some(invite) = invites.take(player) else {
            return;
        };
        let until = invite.at + min_interval;
        if until > now {
            let player = invite.player.clone();
            invites.lately.push(Lately { player, until });
        }
        let player = invite.player;
        self.work.events.push(Event::InviteEnded { player, reason });
    }

    /// Ends every invite. O(invites).
    pub(super) fn drop_invites(&mut self, reason: InviteEnd, now: Timestamp) {
        let live = self.work.header.invites.live.iter();
        let invited: Vec<PlayerId> = live.map(|invite| invite.player.clone()).collect();
        for player in &invited {
            self.drop_invite(player, reason, now);
        }
    }

    /// Ends the invites whose time is over; like every timer when somebody looks (R49). O(ended).
    pub(super) fn settle_invites(&mut self, now: Timestamp) {
        let live = self.work.header.invites.live.iter();
        let over = live.take_while(|invite| invite.expires_at <= now);
        let invited: Vec<PlayerId> = over.map(|invite| invite.player.clone()).collect();
        for player in &invited {
            self.drop_invite(player, InviteEnd::Expired, now);
        }
    }

    /// Any joined member, or the leader alone where the type says so; the host (row 8), servers, admins, the service.
    fn require_inviter(&self, actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => Ok(()),
            Actor::Host(allocation) => self.require_host(*allocation),
            Actor::Player(player) => {
                self.joined_actor(player)?;
                if !self.base.constants.may_invite_as_non_owner() {
                    return self.require_owner(actor);
                }
                if self.base.constants.session_type.invites.allow_members {
                    return Ok(());
                }
                self.require_permission(actor, Permission::Invite)
            }
        }
    }
}
