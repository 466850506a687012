//! The second opinion on sessions that ask their queue for players: from the documentation alone (F13).

use std::collections::BTreeSet;

use model::wire::{Backfill, Session};

use super::{MemberState, Naive, Refusal, Rules, ms, seats};

/// What a session type says of backfill.
#[derive(Debug, Clone)]
pub struct BackfillRules {
    /// How long a host may say nothing.
    pub ack_timeout: u64,
    /// It ends as soon as no seat is left to give.
    pub until_full: bool,
}

/// What a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Since when.
    since: u64,
    /// When the host said last that it goes on.
    heard: u64,
    /// By team.
    wanted: Vec<u16>,
    /// Only who queued before.
    before: Option<u64>,
    /// Of whom the host has not heard, with their teams.
    unheard: Vec<(String, u8)>,
}

/// Somebody who waits in the session's queue, alone.
#[derive(Debug, Clone)]
pub struct Waits {
    /// Who.
    pub player: String,
    /// Since when.
    pub since: u64,
}

impl Rules {
    /// A session type that a queue of the same rules makes matches of, with both.
    pub fn queue_yaml(&self) -> String {
        let backfill = self.backfill.as_ref().map_or(String::new(), |rules| {
            let until = if rules.until_full { "full" } else { "closed" };
            let timeout = rules.ack_timeout;
            format!("backfill: {{ ack_timeout: {timeout}, until: {until} }}\n")
        });
        format!(
            "{}instance: {{ fleet: arena, close_on_empty: false, startup_params: {{ map: Arena }} }}\n{backfill}---\n\
             apiVersion: v1\nkind: Queue\nname: {}\nsession_type: {}\nregions: {{ allow: [eu-west] }}\n\
             teams: {{ count: {}, size: {} }}\nticket: {{ time_out: null }}\n\
             backfill: {{ priority: high, max_players_per_refill: 1 }}\n",
            self.yaml(),
            self.queue(),
            self.name,
            self.teams,
            self.of_team(),
        )
    }

    /// The name of that queue.
    pub fn queue(&self) -> String {
        self.name.to_lowercase()
    }
}

impl Naive {
    /// A match, as it is once its host takes players in.
    pub fn matched(rules: Rules, seen: &Session, world: &Naive) -> Naive {
        let mut naive = Naive::world(rules, world.started);
        naive.heard.clone_from(&world.heard);
        naive.number = seen.change_number;
        let document = &mut naive.document;
        document.seats = seats(seen);
        document.next_index = document
            .seats
            .iter()
            .map(|seat| seat.index + 1)
            .max()
            .unwrap_or(0);
        let players = document.seats.iter().map(|seat| seat.player.clone());
        document.brought = players.collect();
        document.ended = false;
        document.joinable = true;
        naive
    }

    /// His team, if he has a seat.
    pub fn team_of(&self, player: &str) -> Option<u8> {
        self.seat(player).map(|seat| seat.team)
    }

    pub(super) fn taken(&self, team: u8) -> usize {
        let seats = self.document.seats.iter();
        seats.filter(|seat| seat.team == team).count()
    }

    fn free(&self, team: usize) -> usize {
        let taken = u8::try_from(team).map_or(0, |team| self.taken(team));
        self.rules.of_team().saturating_sub(taken)
    }

    pub(super) fn silence_ends(&self) -> Option<u64> {
        let asking = self.document.asking.as_ref()?;
        Some(asking.heard + self.rules.backfill.as_ref()?.ack_timeout)
    }

    /// Teams that want somebody and have a seat for him.
    fn seats_to_give(&self, asking: &Asking) -> Vec<u8> {
        let teams = (0_u8..).zip(&asking.wanted);
        let teams = teams.filter(|&(team, &wanted)| wanted > 0 && self.free(team.into()) > 0);
        teams.map(|(team, _)| team).collect()
    }

    /// Ends what its time, its instance, its session or its being full has ended.
    pub(super) fn end_asking(&mut self, now: u64) {
        let Some(asking) = &self.document.asking else {
            return;
        };
        let silent = self.silence_ends().is_none_or(|at| at <= now);
        let until_full = self.rules.backfill.as_ref().is_some_and(|b| b.until_full);
        let full = until_full && self.seats_to_give(asking).is_empty();
        let document = &self.document;
        if silent || full || document.closed || document.ended || !document.joinable {
            self.document.asking = None;
        }
    }

    /// Who was backfilled and never joined is wanted again.
    pub(super) fn want_again(&mut self, lost: &super::Seat) {
        if let Some(asking) = self
            .document
            .asking
            .as_mut()
            .filter(|_| lost.backfilled && lost.joined_at.is_none())
        {
            asking.wanted[usize::from(lost.team)] += 1;
        }
    }

    pub(super) fn ask(
        &mut self,
        wanted: &[u16],
        before: Option<u64>,
        now: u64,
    ) -> Result<(), Refusal> {
        if self.document.closed {
            return Err((403, "session-closed"));
        }
        if !self.document.joinable {
            return Err((409, "not-joinable"));
        }
        let free = (0..wanted.len()).map(|team| self.free(team));
        if wanted
            .iter()
            .zip(free)
            .any(|(&wanted, free)| usize::from(wanted) > free)
        {
            return Err((409, "team-full"));
        }
        let old = self.document.asking.take();
        self.document.asking = Some(Asking {
            since: old.as_ref().map_or(now, |old| old.since),
            heard: now,
            wanted: wanted.to_vec(),
            before,
            unheard: old.map(|old| old.unheard).unwrap_or_default(),
        });
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, now: u64) -> Result<(), Refusal> {
        let asking = self.document.asking.as_mut().ok_or((404, "not-found"))?;
        asking.heard = now;
        asking.unheard.clear();
        Ok(())
    }

    pub(super) fn stop_asking(&mut self) -> Result<(), Refusal> {
        let asking = self.document.asking.take();
        asking.map(drop).ok_or((404, "not-found"))
    }

    /// Of those who wait, the one who gets a seat next, and on which teams he may get it. Where nobody is left whom the
    /// queue has brought there is nobody whom he would play with.
    pub fn next_in<'w>(&self, waiting: &'w [Waits]) -> Option<(&'w Waits, Vec<u8>)> {
        let asking = self.document.asking.as_ref()?;
        let mut brought = self.document.brought.iter();
        if !brought.any(|player| self.seat(player).is_some()) {
            return None;
        }
        let teams = self.seats_to_give(asking);
        let mut early = waiting.iter().filter(|waits| {
            let in_time = asking.before.is_none_or(|before| waits.since < before);
            in_time && self.seat(&waits.player).is_none()
        });
        let first = early.next().filter(|_| !teams.is_empty())?;
        Some((first, teams))
    }

    /// Whom the server has let in by backfill and this has not.
    pub fn new_in(&self, seen: &Session) -> Option<(String, u8)> {
        let is_new = |seat: &super::Seat| seat.index >= self.document.next_index;
        let mut new = seats(seen).into_iter().filter(is_new);
        let seat = new.find(|seat| seat.backfilled)?;
        Some((seat.player, seat.team))
    }

    /// Lets him in.
    pub fn refill(&mut self, player: &str, team: u8, now: u64) {
        self.add(player, team, MemberState::Reserved, now, None)
            .expect("a free seat");
        let document = &mut self.document;
        let seats = document.seats.iter().map(|seat| &seat.player);
        let there: BTreeSet<&String> = seats.collect();
        document.brought.retain(|player| there.contains(player));
        document.brought.insert(player.to_owned());
        if let Some(seat) = self.document.seats.last_mut() {
            seat.backfilled = true;
        }
        if let Some(asking) = &mut self.document.asking {
            asking.wanted[usize::from(team)] -= 1;
            asking.unheard.push((player.to_owned(), team));
        }
        self.number += 1;
        self.end_asking(now);
    }

    /// Where what the server says it asks for differs from this one's.
    pub fn asks_otherwise(&self, seen: Option<&Backfill>) -> Option<String> {
        let theirs = seen.map(|seen| {
            let told = &seen.backfilled_players;
            let asking = Asking {
                since: ms(&seen.created_at),
                heard: 0,
                wanted: seen
                    .teams
                    .iter()
                    .map(|team| team.players_required)
                    .collect(),
                before: seen.created_before.as_ref().map(ms),
                unheard: told
                    .iter()
                    .map(|one| (one.player.to_string(), one.team))
                    .collect(),
            };
            (asking, Some(ms(&seen.expires_at)))
        });
        let ours = self.document.asking.clone().map(|asking| {
            let asking = Asking { heard: 0, ..asking };
            (asking, self.silence_ends())
        });
        (ours != theirs).then(|| format!("expected {ours:#?}\nthe server has {theirs:#?}"))
    }
}
