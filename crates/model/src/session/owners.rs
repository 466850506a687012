//! Owners (F28): who they are, whom they keep out, and what becomes of the session without one.

use super::{
    Actor, Constants, Draft, Error, Event, HEADER_BYTES_MAX, InviteEnd, Member, RemovalReason,
    limits,
};
use crate::roles::Migration;
use crate::subscriptions::ChangeType;
use crate::{PlayerId, Timestamp};

/// The most players that a session keeps out by name.
pub const BLOCKED_MAX: usize = 100;

impl Constants {
    /// Whether members who are no owners may invite, as far as ownership is concerned (F28).
    pub fn may_invite_as_non_owner(&self) -> bool {
        self.session_type
            .ownership
            .is_none_or(|ownership| ownership.allow_non_owner_invites)
    }
}

impl Draft<'_> {
    /// An owner, servers, admins, the service; a host has no power over members (R66).
    pub(super) fn require_owner(&self, actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => Ok(()),
            Actor::Host(_) => Err(Error::NotOwner),
            Actor::Player(player) => {
                let member = self.member_of(player).ok_or(Error::NotAMember)?;
                if member.standing.owner {
                    Ok(())
                } else {
                    Err(Error::NotOwner)
                }
            }
        }
    }

    fn require_owned(&self, actor: &Actor) -> Result<(), Error> {
        if self.base.constants.session_type.ownership.is_none() {
            return Err(Error::NoOwners);
        }
        self.require_owner(actor)
    }

    /// Where there is no owner yet, who joins becomes one: the creator, or the first to come.
    pub(super) fn own_if_first(&self, member: &mut Member) {
        if self.base.constants.session_type.ownership.is_some()
            && self.work.header.ranks.owners == 0
        {
            member.standing.owner = true;
        }
    }

    pub(super) fn add_owner(&mut self, actor: &Actor, player: &PlayerId) -> Result<(), Error> {
        self.require_owned(actor)?;
        let mut member = Member::clone(self.joined_target(player)?);
        member.standing.owner = true;
        self.write_member(member)
    }

    pub(super) fn remove_owner(&mut self, actor: &Actor, player: &PlayerId) -> Result<(), Error> {
        self.require_owned(actor)?;
        let mut member = Member::clone(self.joined_target(player)?);
        if member.standing.owner && self.work.header.ranks.owners == 1 {
            return Err(Error::LastOwner);
        }
        member.standing.owner = false;
        self.write_member(member)
    }

    pub(super) fn block(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_owned(actor)?;
        if *actor == Actor::Player(player.clone()) {
            return Err(Error::Invalid("an owner does not block himself"));
        }
        let blocked = &self.work.header.ranks.blocked;
        if blocked.contains(player) {
            return Ok(());
        }
        if blocked.len() >= BLOCKED_MAX {
            return Err(Error::Invalid("a session blocks at most 100 players"));
        }
        let header = self.header_mut();
        header.ranks.blocked.insert(player.clone());
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.header_changed(ChangeType::Everything);
        self.drop_invite(player, InviteEnd::Withdrawn, now);
        if let Some(index) = self.member_of(player).map(|member| member.index) {
            self.remove_member(index, RemovalReason::Kicked, now);
        }
        Ok(())
    }

    pub(super) fn unblock(&mut self, actor: &Actor, player: &PlayerId) -> Result<(), Error> {
        self.require_owned(actor)?;
        if self.work.header.ranks.blocked.contains(player) {
            self.header_mut().ranks.blocked.remove(player);
            self.header_changed(ChangeType::Everything);
        }
        Ok(())
    }

    /// That the player is not kept out by name; neither a reservation nor a server helps against it.
    pub(super) fn require_unblocked(&self, player: &PlayerId) -> Result<(), Error> {
        if self.work.header.ranks.blocked.contains(player) {
            Err(Error::Blocked)
        } else {
            Ok(())
        }
    }

    /// When the last owner has gone: the session ends, or whoever joined first owns it. O(touched), or
    /// O(members) where it ends.
    pub(super) fn settle_ownership(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.work.owner_lost) {
            return;
        }
        let Some(ownership) = self.base.constants.session_type.ownership else {
            return;
        };
        match ownership.migration {
            Migration::EndSession => self.delete(now),
            Migration::Oldest => {
                let Some(mut member) = self.first_joined().map(|first| Member::clone(first)) else {
                    return;
                };
                member.standing.owner = true;
                let (index, player) = (member.index, member.player.clone());
                self.work.events.push(Event::MemberUpdated {
                    index,
                    player,
                    change: ChangeType::MembersStatus,
                });
                self.put_member(member);
            }
        }
    }
}
