//! Taking, holding, changing and giving up seats (R9, R24-R28).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Actor, Draft, Error, Event, InviteEnd, Join, JoinedState, MEMBER_BYTES_MAX, Member,
    MemberState, Permission, RemovalReason, limits, places::Place, subscriptions,
};
use crate::session_type::CustomData;
use crate::{PlayerId, Timestamp};

impl Draft<'_> {
    pub(super) fn join(&mut self, actor: &Actor, join: &Join, now: Timestamp) -> Result<(), Error> {
        Self::require_self(actor, &join.player)?;
        self.require_unblocked(&join.player)?;
        match self.member_of(&join.player).cloned() {
            None => {
                self.admit(actor, join)?;
                let member = self.new_member(join, now)?;
                self.seat(member, join, now)?;
                self.bring(actor, join, now)
            }
            Some(member) if member.is_joined() => self.join_again(actor, &member, join, now),
            Some(member) => {
                let mut member = (*member).clone();
                let place = join.place()?;
                if place.is_elsewhere(&member) {
                    self.require_own_team(actor)?;
                    self.change_place(&mut member, place)?;
                }
                self.seat(member, join, now)?;
                self.bring(actor, join, now)
            }
        }
    }

    /// A new seat for somebody who joins, where he wants to sit.
    pub(super) fn new_member(&mut self, join: &Join, now: Timestamp) -> Result<Member, Error> {
        let place = join.place()?;
        let team = self.new_place(place)?;
        let index = self.new_index()?;
        let mut member = reserved_member(index, join.player.clone(), team, now);
        member.standing.spectator = place == Place::Spectators;
        Ok(member)
    }

    /// Makes a joined member of whoever holds the seat, and gives him what he brought along.
    pub(super) fn seat(
        &mut self,
        mut member: Member,
        join: &Join,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_usable()?;
        let limits = &self.base.constants.session_type.custom_data_limits;
        limits::check_custom_data(&join.custom_data, limits)?;
        member.state = join.state.into();
        member.since = now;
        member.joined_at = Some(now);
        member.device.clone_from(&join.device);
        member.claims.clone_from(&join.claims);
        member.follows.clone_from(&join.follows);
        self.require_platform(join.platform.as_ref(), None)?;
        member.platform.clone_from(&join.platform);
        member.client_version = join.client_version.as_deref().cloned();
        member.custom_data.clone_from(&join.custom_data);
        member.constants.clone_from(&join.constants);
        member.custom.clone_from(&join.custom);
        self.name_device(&mut member, join);
        if join.initialize {
            self.enlist(&mut member, now)?;
        }
        if !join.initialization_group.is_empty() {
            self.depend_on(&mut member, &join.initialization_group)?;
        }
        self.own_if_first(&mut member);
        limits::check_size("member", MEMBER_BYTES_MAX, &member)?;
        self.drop_invite(&member.player, InviteEnd::Seated, now);
        let (index, player, state) = (member.index, member.player.clone(), member.state);
        self.work.events.push(Event::MemberJoined {
            index,
            player,
            state,
        });
        self.put_member(member.clone());
        self.leader_follows_join(&member);
        self.party_has_changed();
        Ok(())
    }

    /// A member joins again, as after a lost connection: state and properties are set, constants stay (R9).
    ///
    /// What he leaves out or empty stays as it is (R12).
    fn join_again(
        &mut self,
        actor: &Actor,
        member: &Member,
        join: &Join,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !matches!(actor, Actor::Player(_)) {
            return Err(Error::AlreadyMember);
        }
        if !join.constants.is_null() && join.constants != member.constants {
            return Err(Error::ConstantsConflict("the member's `constants`"));
        }
        let place = join.place()?;
        if place != Place::Any {
            self.move_member(actor, &join.player, place)?;
        }
        let custom_data = (!join.custom_data.is_empty()).then(|| join.custom_data.clone());
        let custom = (!join.custom.is_null()).then(|| join.custom.clone());
        self.set_properties(member.index, &custom_data, &custom)?;
        self.set_token(member.index, join)?;
        self.set_own(actor, member.index, &join.own, now)?;
        self.change_state(member.index, join.state.into(), now);
        self.subscribe(actor, member.index, &join.own.subscriptions)
    }

    pub(super) fn update_member(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        state: Option<JoinedState>,
        custom_data: &Option<CustomData>,
        custom: &Option<Value>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let own = *actor == Actor::Player(player.clone());
        let deactivates = *actor == Actor::Service
            && state == Some(JoinedState::Inactive)
            && custom_data.is_none()
            && custom.is_none();
        if !own && !deactivates {
            return Err(Error::NotOwnMember);
        }
        let member = self.member_of(player).ok_or(if own {
            Error::NotAMember
        } else {
            Error::NoSuchMember
        })?;
        if !member.is_joined() {
            return Err(Error::ReservedOnly);
        }
        let index = member.index;
        self.set_properties(index, custom_data, custom)?;
        if let Some(state) = state {
            self.change_state(index, state.into(), now);
        }
        Ok(())
    }

    pub(super) fn leave(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        now: Timestamp,
    ) -> Result<(), Error> {
        Self::require_self(actor, player)?;
        let member = self.member_of(player).ok_or(Error::NoSuchMember)?;
        let reason = if member.is_joined() {
            RemovalReason::Left
        } else {
            RemovalReason::Declined
        };
        self.remove_member(member.index, reason, now);
        Ok(())
    }

    pub(super) fn kick(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(member) = self.member_of(player) else {
            if self.require_owner(actor).is_err() {
                self.require_permission(actor, Permission::Kick)?;
            }
            return Err(Error::NoSuchMember);
        };
        self.require_kick(actor, member)?;
        self.remove_member(member.index, RemovalReason::Kicked, now);
        Ok(())
    }

    pub(super) fn promote(&mut self, actor: &Actor, player: &PlayerId) -> Result<(), Error> {
        self.require_leader(actor)?;
        let member = self.member_of(player).ok_or(Error::NoSuchMember)?;
        if !member.is_joined() {
            return Err(Error::ReservedOnly);
        }
        if member.standing.spectator {
            return Err(Error::LooksOn);
        }
        let index = member.index;
        if self.work.header.leader != Some(index) {
            self.install_leader(index);
        }
        Ok(())
    }

    pub(super) fn move_member(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        place: Place,
    ) -> Result<(), Error> {
        let own = *actor == Actor::Player(player.clone());
        if own && self.require_permission(actor, Permission::Move).is_err() {
            self.joined_actor(player)?;
            self.require_own_team(actor)?;
        } else {
            self.require_permission(actor, Permission::Move)?;
        }
        let mut member = Member::clone(self.member_of(player).ok_or(Error::NoSuchMember)?);
        if !own && self.require_leader(actor).is_err() {
            self.require_power_over(actor, &member)?;
            // Who only looks on loses his roles, which are not this actor's to take.
            if place == Place::Spectators {
                return Err(Error::NotLeader);
            }
        }
        if place.is_elsewhere(&member) {
            self.change_place(&mut member, place)?;
        }
        self.write_member(member)
    }

    /// Holds seats: all of them or, by the error, none, unless the type says otherwise.
    pub(super) fn reserve(
        &mut self,
        actor: &Actor,
        players: &[(PlayerId, Place)],
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_leader_or_host(actor)?;
        self.reserve_places(actor, players, now)
    }

    /// The leader, the host, servers, admins, the service (R25, row 29).
    pub(super) fn require_leader_or_host(&self, actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Host(allocation) => self.require_host(*allocation),
            // Of the host's powers this is the one about members (R25, R65, row 8).
            Actor::Player(player) if self.is_host(player) => Ok(()),
            Actor::Player(_) | Actor::Server | Actor::Admin | Actor::Service => {
                self.require_leader(actor)
            }
        }
    }

    /// Holds one seat.
    pub(super) fn reserve_place(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        place: Place,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_unblocked(player)?;
        if self.member_of(player).is_some() {
            return Err(Error::AlreadyMember);
        }
        let team = self.new_place(place)?;
        let index = self.new_index()?;
        self.drop_invite(player, InviteEnd::Seated, now);
        let mut member = reserved_member(index, player.clone(), team, now);
        member.standing.spectator = place == Place::Spectators;
        member.reserved_at = Some(now);
        member.reserved_by = Some(actor.clone());
        self.work.events.push(Event::MemberReserved {
            index,
            player: player.clone(),
        });
        self.put_member(member);
        Ok(())
    }

    /// The index of a new member; the session is full for good when they have run out.
    pub(super) fn new_index(&mut self) -> Result<u32, Error> {
        let header = self.header_mut();
        let index = header.next_index;
        header.next_index = index.checked_add(1).ok_or(Error::SessionFull)?;
        Ok(index)
    }

    /// A place in the team wished for, else in the one with the fewest seats taken. O(teams).
    ///
    /// Without `size` in the type there is one team, and its places are not counted (row 32).
    pub(super) fn place(&self, wish: Option<u8>) -> Result<Option<u8>, Error> {
        let size = &self.base.constants.session_type.size;
        let places = if size.teams.is_some() {
            u32::from(size.players_per_team)
        } else {
            u32::MAX
        };
        let teams = &self.work.header.teams;
        if let Some(team) = wish {
            let taken = teams
                .get(usize::from(team))
                .ok_or(Error::NoSuchTeam(team))?
                .taken;
            return if taken < places {
                Ok(wish)
            } else {
                Err(Error::TeamFull)
            };
        }
        let emptiest = (0u8..)
            .zip(teams)
            .filter(|(_, team)| team.taken < places)
            .min_by_key(|(_, team)| team.taken);
        emptiest
            .map(|(index, _)| Some(index))
            .ok_or(Error::TeamFull)
    }

    fn require_own_team(&self, actor: &Actor) -> Result<(), Error> {
        let free = self.base.constants.session_type.size.can_change_own_team;
        if free || self.require_leader(actor).is_ok() {
            Ok(())
        } else {
            Err(Error::CannotChangeTeam)
        }
    }

    fn set_properties(
        &mut self,
        index: u32,
        custom_data: &Option<CustomData>,
        custom: &Option<Value>,
    ) -> Result<(), Error> {
        let mut member = Member::clone(self.member(index).ok_or(Error::NoSuchMember)?);
        if let Some(data) = custom_data {
            let limits = &self.base.constants.session_type.custom_data_limits;
            limits::check_custom_data(data, limits)?;
            member.custom_data.clone_from(data);
        }
        if let Some(custom) = custom {
            member.custom.clone_from(custom);
        }
        self.write_member(member)
    }

    /// What his newest token says of him, and his client of itself.
    fn set_token(&mut self, index: u32, join: &Join) -> Result<(), Error> {
        let mut member = Member::clone(self.member(index).ok_or(Error::NoSuchMember)?);
        if join.device.is_some() {
            member.device.clone_from(&join.device);
        }
        member.claims.clone_from(&join.claims);
        member.follows.clone_from(&join.follows);
        if join.platform.is_some() {
            self.require_platform(join.platform.as_ref(), member.platform.as_ref())?;
            member.platform.clone_from(&join.platform);
        }
        if join.client_version.is_some() {
            member.client_version = join.client_version.as_deref().cloned();
        }
        self.write_member(member)
    }

    /// Writes a member whose data or team may have changed, and tells if they have.
    pub(super) fn write_member(&mut self, member: Member) -> Result<(), Error> {
        let old = self.member(member.index).ok_or(Error::NoSuchMember)?;
        let changes = subscriptions::changes_of(old, &member);
        if changes.is_empty() {
            return Ok(());
        }
        limits::check_size("member", MEMBER_BYTES_MAX, &member)?;
        for change in changes {
            let (index, player) = (member.index, member.player.clone());
            self.work.events.push(Event::MemberUpdated {
                index,
                player,
                change,
            });
        }
        self.put_member(member);
        Ok(())
    }
}

/// A new seat, held for a player.
pub(super) fn reserved_member(
    index: u32,
    player: PlayerId,
    team: Option<u8>,
    now: Timestamp,
) -> Member {
    Member {
        index,
        version: 0,
        player,
        state: MemberState::Reserved,
        since: now,
        reserved_at: None,
        reserved_by: None,
        backfilled: false,
        joined_at: None,
        team,
        device: None,
        claims: BTreeMap::new(),
        follows: Vec::new(),
        platform: None,
        client_version: None,
        standing: Default::default(),
        custom_data: CustomData::new(),
        constants: Value::Null,
        custom: Value::Null,
        connectivity: None,
        initialization_group: Vec::new(),
        initialization: None,
        subscriptions: BTreeMap::new(),
    }
}
