//! Permissions that the leader grants (F2), and what they allow: kicking, moving, swapping.

use std::collections::BTreeSet;

use super::{Actor, Draft, Error, Event, Member, Permission};
use crate::PlayerId;
use crate::subscriptions::ChangeType;

impl Draft<'_> {
    /// Whether a joined member has been granted a permission, or leads and needs none.
    pub fn is_permitted(&self, player: &PlayerId, permission: Permission) -> bool {
        self.member_of(player).is_some_and(|member| {
            member.is_joined()
                && (self.work.header.leader == Some(member.index)
                    || member.standing.permissions.contains(&permission))
        })
    }

    /// Who has been granted it, and whoever may do all that the leader may.
    pub(super) fn require_permission(
        &self,
        actor: &Actor,
        permission: Permission,
    ) -> Result<(), Error> {
        match actor {
            Actor::Player(player) if self.is_permitted(player, permission) => Ok(()),
            _ => self.require_leader(actor),
        }
    }

    /// An owner may kick anybody, the leader all but owners, a member with the permission all but both.
    pub(super) fn require_kick(&self, actor: &Actor, target: &Member) -> Result<(), Error> {
        if self.require_owner(actor).is_ok() {
            return Ok(());
        }
        self.require_permission(actor, Permission::Kick)?;
        self.require_power_over(actor, target)
    }

    /// Owners have power over anybody, the leader over all but owners, a permission over all but both.
    pub(super) fn require_power_over(&self, actor: &Actor, target: &Member) -> Result<(), Error> {
        if self.require_owner(actor).is_ok() {
            return Ok(());
        }
        if target.standing.owner {
            return Err(Error::NotOwner);
        }
        if self.work.header.leader == Some(target.index) {
            self.require_leader(actor)?;
        }
        Ok(())
    }

    pub(super) fn permit(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        change: impl FnOnce(&mut BTreeSet<Permission>) -> bool,
    ) -> Result<(), Error> {
        self.require_leader(actor)?;
        let mut member = Member::clone(self.joined_target(player)?);
        change(&mut member.standing.permissions);
        self.write_member(member)
    }

    /// Two members of different teams change places; full teams do not hinder them.
    pub(super) fn swap(&mut self, actor: &Actor, players: &[PlayerId; 2]) -> Result<(), Error> {
        self.require_permission(actor, Permission::Move)?;
        let [first, second] = players;
        let mut first = Member::clone(self.member_of(first).ok_or(Error::NoSuchMember)?);
        let mut second = Member::clone(self.member_of(second).ok_or(Error::NoSuchMember)?);
        let leader = self.work.header.leader;
        if [first.index, second.index].map(Some).contains(&leader) {
            return Err(Error::LeaderStays);
        }
        if first.team.is_none() || second.team.is_none() {
            return Err(Error::Invalid("a spectator is on no team"));
        }
        if first.team == second.team {
            return Err(Error::SameTeam);
        }
        std::mem::swap(&mut first.team, &mut second.team);
        for member in [first, second] {
            let (index, player) = (member.index, member.player.clone());
            self.work.events.push(Event::MemberUpdated {
                index,
                player,
                change: ChangeType::MembersStatus,
            });
            self.put_member(member);
        }
        Ok(())
    }
}
