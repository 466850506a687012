//! Applying a command: all of it or nothing.

use std::collections::BTreeSet;

use super::{
    Actor, Command, Draft, Error, HEADER_BYTES_MAX, Header, InviteEnd, RemovalReason,
    SESSION_CUSTOM_BYTES_MAX, SetPassword, TURN_MAX, Update, create, limits, places::Place,
};
use crate::Timestamp;
use crate::instance::CloseReason;
use crate::session_type::{Joinability, JoinabilityBy};
use crate::subscriptions::ChangeType;
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
            Command::Reserve {
                players,
                initialize,
            } => {
                let place = |team: &Option<u8>| team.map_or(Place::Any, Place::Team);
                let players: Vec<_> = players
                    .iter()
                    .map(|(player, team)| (player.clone(), place(team)))
                    .collect();
                let first = self.work.header.next_index;
                self.reserve(actor, &players, now)?;
                self.enlist_from(first, *initialize, now)
            }
            Command::SetConnectivity { player, update } => {
                self.set_connectivity(actor, player, update)
            }
            Command::PostEvaluation { succeeded } => self.post_evaluation(actor, *succeeded),
            Command::SetHost { device_token } => self.set_host(actor, device_token.as_deref()),
            Command::Invite { players, context } => self.invite(actor, players, context, now),
            Command::InviteNewcomers { players, context } => {
                self.invite_newcomers(actor, players, context, now)
            }
            Command::Withdraw { player } => self.withdraw(actor, player, now),
            Command::KickAll { players } => self.kick_all(actor, players, now),
            Command::SetShortCode { code } => self.set_short_code(actor, code),
            Command::Update(update) => self.update(actor, update, now),
            Command::PutServer {
                name,
                constants,
                custom,
            } => self.put_server(actor, name, constants, custom.as_ref()),
            Command::RemoveServer { name } => self.remove_server(actor, name),
            Command::SetBrowserEntry { params } => self.set_browser_entry(actor, params.as_ref()),
            Command::SetBackfill {
                wanted,
                created_before,
            } => self.set_backfill(actor, wanted, *created_before, now),
            Command::AcknowledgeBackfill => self.acknowledge_backfill(actor, now),
            Command::RemoveBackfill => self.remove_backfill(actor),
            Command::Refill { players, row } => self.refill(actor, players, *row, now),
            Command::Keep { kept } => self.keep(actor, *kept),
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
        self.drop_invites(InviteEnd::SessionEnded, now);
        self.work.deleted = true;
    }

    /// Whose turn it is are joined members, each once.
    fn check_turn(&self, turn: &[u32]) -> Result<(), Error> {
        if turn.len() > TURN_MAX {
            return Err(Error::Invalid("`turn` names at most 100 members"));
        }
        let is_joined = |index: &u32| self.member(*index).is_some_and(|member| member.is_joined());
        let each: BTreeSet<&u32> = turn.iter().collect();
        if each.len() == turn.len() && turn.iter().all(is_joined) {
            Ok(())
        } else {
            Err(Error::Invalid(
                "`turn` names joined members by index, each once",
            ))
        }
    }

    fn update(&mut self, actor: &Actor, update: &Update, now: Timestamp) -> Result<(), Error> {
        let rules = update.joinability.is_some() || update.password.is_some();
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => {}
            Actor::Host(allocation) => {
                self.require_host(*allocation)?;
                if rules {
                    return Err(Error::NotAMember);
                }
            }
            Actor::Player(player) => {
                self.joined_actor(player)?;
                let by_leader =
                    self.base.constants.session_type.joinability_by == JoinabilityBy::Leader;
                // Closing the door is as much a rule of who comes in as the joinability (row 30).
                if by_leader && (rules || update.closed.is_some()) {
                    self.require_leader(actor)?;
                }
            }
        }
        let of_type = &self.base.constants.session_type;
        if of_type.large && update.joinability.is_some_and(Joinability::asks_members) {
            return Err(Error::NotOnLarge("joinability that asks its members"));
        }
        if let Some(turn) = &update.turn {
            self.check_turn(turn)?;
        }
        if let Some(keywords) = &update.keywords {
            create::check_keywords(keywords)?;
        }
        let limits = &of_type.custom_data_limits;
        let before = self.work.header.clone();
        let header = self.header_mut();
        header.joinability = update.joinability.unwrap_or(header.joinability);
        header.closed = update.closed.unwrap_or(header.closed);
        match &update.password {
            None => {}
            Some(SetPassword::Remove) => header.password = None,
            Some(SetPassword::To(password)) => header.password = Some(password.clone()),
        }
        if let Some(data) = &update.custom_data {
            limits::check_custom_data(data, limits)?;
            header.custom_data.clone_from(data);
        }
        if let Some(keywords) = &update.keywords {
            header.keywords = create::folded(keywords);
        }
        if let Some(turn) = &update.turn {
            header.turn.clone_from(turn);
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
        let own = (&header.custom, &header.custom_data);
        limits::check_size("session's own data", SESSION_CUSTOM_BYTES_MAX, &own)?;
        limits::check_size("session", HEADER_BYTES_MAX, header)?;
        let tightened = header.joinability.openness() < before.joinability.openness();
        for change in changes_of(&before, header) {
            self.header_changed(change);
        }
        // An invite from before then is void: its player was invited to a session that let others in.
        if tightened && self.base.constants.session_type.invites.reject_stale {
            self.drop_invites(InviteEnd::Stale, now);
        }
        Ok(())
    }
}

/// What kinds of changes an update has made: to who may join, and to whatever else members may write, which is the
/// session's own data.
fn changes_of(before: &Header, after: &Header) -> Vec<ChangeType> {
    let mut open = before.clone();
    (open.joinability, open.closed) = (after.joinability, after.closed);
    open.password.clone_from(&after.password);
    let mut changes = Vec::new();
    if open != *before {
        changes.push(ChangeType::Joinability);
    }
    if open != *after {
        changes.push(ChangeType::CustomProperty);
    }
    changes
}
