//! Applying a command: all of it or nothing.

use super::{
    Actor, Command, Draft, Error, Event, HEADER_BYTES_MAX, RemovalReason, Update, limits,
    places::Place,
};
use crate::Timestamp;
use crate::instance::CloseReason;
use crate::session_type::JoinabilityBy;
use crate::ticket::{EndReason, TicketState};

impl Draft<'_> {
    /// Changes the draft as `command` says, if `actor` may. Settle first: the law looks at the draft as it is.
    ///
    /// A refusal leaves the draft as it was. O(touched), except where [`Draft`]'s functions say otherwise and
    /// for [`Command::Delete`], which is O(members).
    pub fn apply(&mut self, actor: &Actor, command: &Command, now: Timestamp) -> Result<(), Error> {
        if self.work.deleted {
            return Err(Error::SessionEnded);
        }
        let before = self.work.clone();
        let result = self.dispatch(actor, command, now);
        if result.is_err() {
            self.work = before;
        } else {
            self.settle_ownership(now);
        }
        result
    }

    fn dispatch(&mut self, actor: &Actor, command: &Command, now: Timestamp) -> Result<(), Error> {
        match command {
            Command::Join(join) => self.join(actor, join, now),
            Command::UpdateMember {
                player,
                state,
                custom_data,
                custom,
            } => self.update_member(actor, player, *state, custom_data, custom, now),
            Command::Leave { player } => self.leave(actor, player, now),
            Command::Kick { player } => self.kick(actor, player, now),
            Command::Promote { player } => self.promote(actor, player),
            Command::Move { player, team } => self.move_member(actor, player, Place::Team(*team)),
            Command::Reserve { players } => {
                let place = |team: &Option<u8>| team.map_or(Place::Any, Place::Team);
                let players: Vec<_> = players
                    .iter()
                    .map(|(player, team)| (player.clone(), place(team)))
                    .collect();
                self.reserve(actor, &players, now)
            }
            Command::Update(update) => self.update(actor, update),
            Command::PutServer {
                name,
                constants,
                custom,
            } => self.put_server(actor, name, constants, custom.as_ref()),
            Command::RemoveServer { name } => self.remove_server(actor, name),
            Command::Standing(command) => self.apply_standing(actor, command, now),
            Command::RequestInstance(request) => {
                self.require_leader(actor)?;
                self.request_instance(request, now)
            }
            Command::Allocate { allocation } => {
                Self::require_service(actor)?;
                self.allocate(allocation, now)
            }
            Command::Hedge { allocation } => {
                Self::require_service(actor)?;
                self.hedge(allocation)
            }
            Command::Acknowledge { allocation_id } => self.acknowledge(actor, *allocation_id, now),
            Command::HostUpdate(update) => self.host_update(actor, update, now),
            Command::LoseHost { allocation_id } => {
                Self::require_service(actor)?;
                self.lose_host(*allocation_id, now)
            }
            Command::CloseInstance { reason } => self.end_instance(actor, *reason, now),
            Command::SetTicket(ticket) => self.set_ticket(actor, ticket),
            Command::ClearTicket { id, state, reason } => {
                self.clear_ticket(actor, *id, *state, *reason)
            }
            Command::Delete => {
                self.require_leader(actor)?;
                self.delete(now);
                Ok(())
            }
        }
    }

    /// Ends the session with all it holds (row 39). O(members).
    pub(super) fn delete(&mut self, now: Timestamp) {
        self.close_instance(CloseReason::SessionEnded, now);
        self.end_ticket(TicketState::Canceled, EndReason::SessionEnded);
        let seats: Vec<u32> = self.members().map(|member| member.index).collect();
        for index in seats {
            self.remove_member(index, RemovalReason::SessionEnded, now);
        }
        self.work.deleted = true;
    }

    fn update(&mut self, actor: &Actor, update: &Update) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => {}
            Actor::Host(allocation) => {
                self.require_host(*allocation)?;
                if update.joinability.is_some() {
                    return Err(Error::NotAMember);
                }
            }
            Actor::Player(player) => {
                self.joined_actor(player)?;
                let by_leader =
                    self.base.constants.session_type.joinability_by == JoinabilityBy::Leader;
                if by_leader && update.joinability.is_some() {
                    self.require_leader(actor)?;
                }
            }
        }
        let limits = &self.base.constants.session_type.custom_data_limits;
        let before = self.work.header.clone();
        let header = self.header_mut();
        header.joinability = update.joinability.unwrap_or(header.joinability);
        header.closed = update.closed.unwrap_or(header.closed);
        if let Some(data) = &update.custom_data {
            limits::check_custom_data(data, limits)?;
            header.custom_data.clone_from(data);
        }
        if let Some(custom) = &update.custom {
            header.custom.clone_from(custom);
        }
        for (&team, data) in &update.teams {
            limits::check_custom_data(data, limits)?;
            let team = header
                .teams
                .get_mut(usize::from(team))
                .ok_or(Error::NoSuchTeam(team))?;
            team.custom_data.clone_from(data);
        }
        if *header == *before {
            return Ok(());
        }
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        self.work.events.push(Event::HeaderChanged);
        Ok(())
    }
}
