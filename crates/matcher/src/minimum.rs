//! The smallest match that a ticket may be in while its queue starts with fewer after a while, and when it gets smaller.

use model::{Millis, Timestamp};

use crate::entry::Entry;
use crate::plan::Plan;

/// Changes that are looked at to find out when fewer players are enough.
const CHANGES_MAX: usize = 4_096;
/// Falls that are told.
const FALLS_MAX: usize = 8;

/// How many players a match takes, by who waits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Minimum {
    /// Players of the smallest match now.
    pub players: u64,
    /// Players that a ticket asks for when it comes.
    pub of_newcomers: u64,
    /// When fewer are enough, as long as not enough are there.
    pub falls: Vec<Fall>,
}

/// From when on fewer players are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// When.
    pub at: Timestamp,
    /// Players of the smallest match from then on.
    pub players: u64,
    /// Players who are then still missing.
    pub missing: u64,
    /// How long each of them must have waited.
    pub waited: Millis,
}

/// Players that are missing, and players of the match that they are missing for.
pub(crate) type Need = (u64, u64);

/// The ages from which on fewer players are enough for a ticket, with how many; the first is when it comes.
fn stages(plan: &Plan) -> Vec<(u64, u64)> {
    let mut stages: Vec<(u64, u64)> = Vec::new();
    let ages = std::iter::once(0).chain(plan.afters.iter().copied());
    for (level, after) in ages.enumerate() {
        let teams = 0..plan.queue.teams.len();
        let least = |team| u64::from(plan.finals.team_min_at(team, level));
        let players = teams.map(least).sum();
        if stages.last().is_none_or(|&(_, more)| players < more) {
            stages.push((after, players));
        }
    }
    stages
}

/// Players by the stage of their tickets.
struct Tally<'a> {
    stages: &'a [(u64, u64)],
    players: Vec<u64>,
    own: usize,
}

impl<'a> Tally<'a> {
    fn new(stages: &'a [(u64, u64)], own: &Entry, others: &[&Entry], now: Timestamp) -> Tally<'a> {
        let mut tally = Tally {
            stages,
            players: vec![0; stages.len()],
            own: stage_at(stages, own, now),
        };
        for entry in std::iter::once(own).chain(others.iter().copied()) {
            if let Some(players) = tally.players.get_mut(stage_at(stages, entry, now)) {
                *players += u64::from(entry.players);
            }
        }
        tally
    }

    /// A match asks for as many as the most demanding of its tickets does. Where those who ask for least are not enough,
    /// all of them count, and whoever of them asks for most.
    fn need(&self) -> Need {
        let (mut sum, mut asked) = (0, 0);
        for (stage, (players, (_, least))) in self.players.iter().zip(self.stages).enumerate().rev()
        {
            sum += players;
            if stage <= self.own && sum >= *least {
                return (0, *least);
            }
            if *players > 0 {
                asked = *least;
            }
        }
        (asked.saturating_sub(sum), asked)
    }

    fn shift(&mut self, players: u64, from: usize, to: Option<usize>) {
        if let Some(left) = self.players.get_mut(from) {
            *left = left.saturating_sub(players);
        }
        if let Some(joined) = to.and_then(|to| self.players.get_mut(to)) {
            *joined += players;
        }
    }
}

fn stage_at(stages: &[(u64, u64)], entry: &Entry, at: Timestamp) -> usize {
    let age = at.since(entry.created_at).0;
    let passed = stages.partition_point(|&(after, _)| after <= age);
    passed.saturating_sub(1)
}

/// What is missing for a match of a ticket with some of these others. O(others).
pub(crate) fn need(plan: &Plan, own: &Entry, others: &[&Entry], now: Timestamp) -> Need {
    Tally::new(&stages(plan), own, others, now).need()
}

/// When fewer are enough for a match of a ticket with some of these others, while they wait.
pub(crate) fn minimum(plan: &Plan, own: &Entry, others: &[&Entry], now: Timestamp) -> Minimum {
    let stages = stages(plan);
    let mut tally = Tally::new(&stages, own, others, now);
    let mut last = tally.need();
    let mut said = Minimum {
        players: last.1,
        of_newcomers: stages.first().map_or(0, |&(_, players)| players),
        falls: Vec::new(),
    };
    // Who comes to which stage when, or is gone; the ticket itself is the first.
    let mut changes: Vec<(Timestamp, usize, Option<usize>)> = Vec::new();
    let all: Vec<&Entry> = std::iter::once(own).chain(others.iter().copied()).collect();
    for (who, entry) in all.iter().enumerate() {
        let later = stages.iter().enumerate();
        for (stage, &(after, _)) in later.skip(stage_at(&stages, entry, now) + 1) {
            changes.push((entry.created_at + Millis(after), who, Some(stage)));
        }
        changes.extend(entry.expires.at().map(|at| (at, who, None)));
    }
    changes.sort_unstable();
    changes.truncate(CHANGES_MAX);
    let mut at_stage: Vec<Option<usize>> = all
        .iter()
        .map(|entry| Some(stage_at(&stages, entry, now)))
        .collect();
    for change in changes.chunk_by(|a, b| a.0 == b.0) {
        for &(_, who, to) in change {
            let Some((entry, held)) = all.get(who).zip(at_stage.get_mut(who)) else {
                continue;
            };
            if let Some(from) = *held {
                tally.shift(u64::from(entry.players), from, to);
                *held = to;
            }
        }
        let own_stage = at_stage.first().copied().flatten();
        let (Some(own_stage), Some(&(at, ..))) = (own_stage, change.first()) else {
            break;
        };
        if last.0 == 0 || said.falls.len() == FALLS_MAX {
            break;
        }
        tally.own = own_stage;
        let need = tally.need();
        if need < last {
            let waited = stages.iter().find(|(_, players)| *players <= need.1);
            said.falls.push(Fall {
                at,
                players: need.1,
                missing: need.0,
                waited: Millis(waited.map_or(0, |&(after, _)| after)),
            });
            last = need;
        }
    }
    said
}
