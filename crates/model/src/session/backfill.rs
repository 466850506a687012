//! Backfill: a session that a queue made and that is played asks that queue for players (R71, F12, F13).

use serde::{Deserialize, Serialize};

use super::places::Place;
use super::{Actor, Constants, Draft, Error, Event, Header, PlayerSeats, RemovalReason};
use crate::instance::InstanceStatus;
use crate::session_type::BackfillUntil;
use crate::subscriptions::ChangeType;
use crate::{Name, PlayerId, Timestamp};

/// Players that a host is told of with one acknowledgement; of more it hears by the session's members alone.
pub const BACKFILLED_MAX: usize = 100;

/// That a session is the match of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The queue.
    pub queue: Name,
    /// The number of the row that keeps what its players were matched with; `None`: nothing keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tickets: Option<u64>,
}

/// What a session asks of its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Since when; its turn among others counts from here.
    pub created_at: Timestamp,
    /// When the host has said last that it goes on; `ack_timeout` counts from here.
    pub acknowledged_at: Timestamp,
    /// Players wanted, by team.
    pub wanted: Vec<u16>,
    /// Only tickets that were created before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Timestamp>,
    /// Players who were added and of whom the host has not heard yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Backfilled>,
}

/// A player for whom a seat was reserved by backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfilled {
    /// Who.
    pub player: PlayerId,
    /// His team.
    pub team: u8,
}

/// When the host's silence ends the backfill (F13).
pub(super) fn deadline(constants: &Constants, header: &Header) -> Option<Timestamp> {
    let settings = constants.session_type.backfill?;
    let backfill = header.backfill.as_ref()?;
    Some(backfill.acknowledged_at + settings.ack_timeout)
}

/// Seats that a session's backfill has to give, by team: no more than it wants, and no more than are free.
pub fn backfill_seats(constants: &Constants, header: &Header) -> Vec<u16> {
    let Some(backfill) = &header.backfill else {
        return Vec::new();
    };
    let size = &constants.session_type.size;
    let mut left = PlayerSeats::of(constants, header).open;
    let seats = backfill.wanted.iter().zip(&header.teams);
    let of_team = seats.map(|(&wanted, team)| {
        let places = match size.teams {
            Some(_) => u32::from(size.players_per_team).saturating_sub(team.taken),
            None => u32::MAX,
        };
        let given = u32::from(wanted).min(places).min(left);
        left -= given;
        u16::try_from(given).unwrap_or(u16::MAX)
    });
    of_team.collect()
}

impl Draft<'_> {
    /// Asks for players, or for others than before: the host, servers, admins (F13). Its turn stays what it was.
    pub(super) fn set_backfill(
        &mut self,
        actor: &Actor,
        wanted: &[(u8, u16)],
        created_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_backfiller(actor)?;
        if self.base.constants.session_type.backfill.is_none() {
            return Err(Error::NoBackfill);
        }
        let header = &self.work.header;
        if header
            .matched
            .as_ref()
            .is_none_or(|by| by.tickets.is_none())
        {
            return Err(Error::NotMatched);
        }
        if header.closed {
            return Err(Error::Closed);
        }
        if !self.is_joinable() {
            return Err(Error::NotJoinable);
        }
        let mut by_team = vec![0_u16; header.teams.len()];
        for &(team, players) in wanted {
            let of_team = by_team.get_mut(usize::from(team));
            *of_team.ok_or(Error::NoSuchTeam(team))? = players;
        }
        let old = header.backfill.as_ref();
        let backfill = Backfill {
            created_at: old.map_or(now, |old| old.created_at),
            acknowledged_at: now,
            wanted: by_team,
            created_before,
            added: old.map(|old| old.added.clone()).unwrap_or_default(),
        };
        let is_news = old.is_none_or(|old| {
            old.wanted != backfill.wanted || old.created_before != backfill.created_before
        });
        self.header_mut().backfill = Some(backfill);
        let seats = backfill_seats(&self.base.constants, &self.work.header);
        let asked = self.work.header.backfill.iter().flat_map(|b| &b.wanted);
        if asked.zip(&seats).any(|(wanted, free)| wanted > free) {
            return Err(Error::TeamFull);
        }
        if is_news {
            self.header_changed(ChangeType::MatchmakingStatus);
        }
        Ok(())
    }

    /// The host goes on, and has heard of who was added: those are told in the answer to this very command (F13).
    pub(super) fn acknowledge_backfill(
        &mut self,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.require_backfiller(actor)?;
        let backfill = self.header_mut().backfill.as_mut();
        let backfill = backfill.ok_or(Error::NoSuchBackfill)?;
        backfill.acknowledged_at = now;
        backfill.added.clear();
        Ok(())
    }

    /// Asks for players no longer: the host, servers, admins (F13).
    pub(super) fn remove_backfill(&mut self, actor: &Actor) -> Result<(), Error> {
        self.require_backfiller(actor)?;
        if self.work.header.backfill.is_none() {
            return Err(Error::NoSuchBackfill);
        }
        self.end_backfill();
        Ok(())
    }

    /// Takes players in whom the queue has found, all or none, each on his team: the service (F12). `row` is the
    /// number that the row of what they were matched with gets by this.
    pub(super) fn refill(
        &mut self,
        actor: &Actor,
        players: &[Backfilled],
        row: u64,
        now: Timestamp,
    ) -> Result<(), Error> {
        if *actor != Actor::Service {
            return Err(Error::NotService);
        }
        if self.work.header.backfill.is_none() {
            return Err(Error::NoSuchBackfill);
        }
        let seats = backfill_seats(&self.base.constants, &self.work.header);
        for (team, &free) in (0_u8..).zip(&seats) {
            let coming = players.iter().filter(|player| player.team == team).count();
            if coming > usize::from(free) {
                return Err(Error::TeamFull);
            }
        }
        let first = self.work.header.next_index;
        for player in players {
            let place = Place::Team(player.team);
            self.reserve_place(actor, &player.player, place, now)?;
        }
        for index in first..self.work.header.next_index {
            if let Some(mut member) = self.member(index).map(|member| (**member).clone()) {
                member.backfilled = true;
                self.put_member(member);
            }
        }
        let initialize = self.base.constants.session_type.together.initialization;
        self.enlist_from(first, initialize.is_some(), now)?;
        let header = self.header_mut();
        if let Some(matched) = &mut header.matched {
            matched.tickets = Some(row);
        }
        if let Some(backfill) = &mut header.backfill {
            for player in players {
                if let Some(wanted) = backfill.wanted.get_mut(usize::from(player.team)) {
                    *wanted = wanted.saturating_sub(1);
                }
            }
            backfill.added.extend(players.iter().cloned());
            let more = backfill.added.len().saturating_sub(BACKFILLED_MAX);
            backfill.added.drain(..more);
        }
        self.header_changed(ChangeType::MatchmakingStatus);
        Ok(())
    }

    /// Ends a backfill whose time or whose session is over, and gives back what did not come of a refill: the seat of
    /// somebody who never joined is wanted again.
    pub(super) fn settle_backfill(&mut self, now: Timestamp) {
        if self.work.header.backfill.is_none() {
            return;
        }
        let constants = &self.base.constants;
        let silent = deadline(constants, &self.work.header).is_none_or(|at| at <= now);
        let wants = backfill_seats(constants, &self.work.header);
        let until_full = constants.session_type.backfill;
        let until_full = until_full.is_some_and(|b| b.until == BackfillUntil::Full);
        let full = until_full && wants.iter().all(|&seats| seats == 0);
        if silent || full || self.work.header.closed || !self.is_joinable() {
            self.end_backfill();
        }
    }

    /// Seats of players who were backfilled and never came are wanted again.
    pub(super) fn want_again(&mut self) {
        let lost = |event: &Event| match event {
            Event::MemberRemoved { index, reason, .. } => {
                let never_came = matches!(
                    reason,
                    RemovalReason::ReservationExpired | RemovalReason::Declined
                );
                let member = self.base.member(*index).filter(|_| never_came)?;
                member.team.filter(|_| member.backfilled)
            }
            _ => None,
        };
        let teams: Vec<u8> = self.work.events.iter().filter_map(lost).collect();
        if teams.is_empty() || self.work.header.backfill.is_none() {
            return;
        }
        if let Some(backfill) = &mut self.header_mut().backfill {
            for team in teams {
                if let Some(wanted) = backfill.wanted.get_mut(usize::from(team)) {
                    *wanted = wanted.saturating_add(1);
                }
            }
        }
    }

    fn end_backfill(&mut self) {
        self.header_mut().backfill = None;
        self.header_changed(ChangeType::MatchmakingStatus);
    }

    fn is_joinable(&self) -> bool {
        let instance = self.work.header.instance.as_ref();
        !self.work.deleted && instance.is_some_and(|one| one.status == InstanceStatus::Joinable)
    }

    /// The host of the instance, servers, admins, the service; never the leader, who plays himself.
    fn require_backfiller(&self, actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => Ok(()),
            Actor::Host(allocation) => self.require_host(*allocation),
            Actor::Player(_) => Err(Error::NotHost),
        }
    }
}
