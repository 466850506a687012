//! What a match must have, of a role or of a text that `contains` counts, where too few who could play together bring it.

use std::collections::BTreeMap;

use model::{Name, Timestamp};

use crate::entry::Entry;
use crate::plan::Plan;
use crate::wanted::{WANTS_MAX, Want};

/// Of a role or a text fewer players are there than a match must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The rule `contains` that wants them; `None`: they are to take a role.
    pub rule: Option<Name>,
    /// Where players bring it.
    pub attribute: Name,
    /// The texts of which any counts; of a role its name.
    pub values: Vec<String>,
    /// Players of the smallest match who must bring it.
    pub players: u64,
    /// Players of the ticket and of those who could play with it who do: of one party no more than its team has use for.
    pub found: u64,
}

impl Shortage {
    /// Players who are still to come.
    pub fn missing(&self) -> u64 {
        self.players.saturating_sub(self.found)
    }
}

/// Whom of those who bring a want an explanation knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Everybody who waits within reach.
    pub all: bool,
    /// By want: everybody within reach who brings it.
    pub holders: [bool; WANTS_MAX],
}

/// Those of one level together.
#[derive(Debug, Clone, Copy, Default)]
struct Many {
    players: u32,
    /// For each want how many bring it.
    found: [u32; WANTS_MAX],
}

/// What a ticket and some of these others are short of, in whatever match they make. O(others · wants).
pub(crate) fn shortages(
    plan: &Plan,
    (own, others): (&Entry, &[&Entry]),
    known: Known,
    now: Timestamp,
) -> Vec<Shortage> {
    if plan.wanted.len() == 0 {
        return Vec::new();
    }
    let level_of = |entry: &Entry| plan.level_at(now.since(entry.created_at).0);
    let mut by_level = vec![Many::default(); plan.afters.len() + 1];
    for entry in std::iter::once(own).chain(others.iter().copied()) {
        let Some(many) = by_level.get_mut(usize::from(level_of(entry))) else {
            continue;
        };
        many.players += u32::from(entry.players);
        for ((found, brings), (_, want)) in
            (many.found.iter_mut().zip(entry.brings)).zip(plan.wanted.iter())
        {
            *found += u32::from(brings).min(want.of_party);
        }
    }
    let wants = plan.wanted.iter().filter(|(n, _)| known.holders[*n]);
    let short = wants.filter_map(|(n, want)| {
        let least = want.fewest(level_of(own));
        let (players, found) = lack(plan, (n, want), least, &by_level, known.all)?;
        Some(Shortage {
            rule: want.rule.clone(),
            attribute: want.attribute.clone(),
            values: want.texts.clone(),
            players: u64::from(players),
            found: u64::from(found),
        })
    });
    short.collect()
}

/// How many players must bring a want, `least` by the ticket itself, and how many do, in the match that is short of the
/// fewest; `None`: some match is short of none.
fn lack(
    plan: &Plan,
    (n, want): (usize, &Want),
    least: u32,
    by_level: &[Many],
    is_all: bool,
) -> Option<(u32, u32)> {
    // By what tickets ask for: their players, and those who bring it.
    let mut by_demand = BTreeMap::from([(least, (0, 0))]);
    for (many, level) in by_level.iter().zip(0_u16..) {
        // Who was not looked at brings nothing of it, but may ask for less than those who were.
        if many.players > 0 || !is_all {
            let demand = want.fewest(level).max(least);
            let (players, found) = by_demand.entry(demand).or_default();
            *players += many.players;
            *found += many.found[n];
        }
    }
    // A match asks for as many as the most demanding of its tickets does; those who ask for no more may be in it.
    let (mut players, mut found) = (0, 0);
    let mut nearest: Option<(u32, u32)> = None;
    for (demand, more) in by_demand {
        (players, found) = (players + more.0, found + more.1);
        if is_all && players < plan.players_min {
            continue;
        }
        let missing = |(demand, found): (u32, u32)| demand.saturating_sub(found);
        if nearest.is_none_or(|one| missing((demand, found)) < missing(one)) {
            nearest = Some((demand, found));
        }
    }
    // Where they are too few for any match, others come, who ask for as much at least.
    let nearest = nearest.unwrap_or((least, found));
    (nearest.0 > nearest.1).then_some(nearest)
}
