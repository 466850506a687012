//! What the tickets of a set demand of any further one: their limits, how many players have room, what all must share.

use crate::entry::Entry;
use crate::facts::Common;
use crate::gather::NearKey;
use crate::plan::{Counts, count};
use crate::pool::{Entries, Slot};
use crate::search::Scene;
use crate::window::{Base, Seen, can_grow};

/// Of one distance rule: lowest and highest number of a set, tightest limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub low: f64,
    pub high: f64,
    limit: f64,
}

impl Span {
    fn of(x: f64, limit: f64) -> Span {
        Span {
            low: x,
            high: x,
            limit,
        }
    }

    fn allows(&self, x: f64, limit: f64) -> bool {
        self.high.max(x) - self.low.min(x) <= self.limit.min(limit)
    }

    fn take(&mut self, x: f64, limit: f64) {
        self.low = self.low.min(x);
        self.high = self.high.max(x);
        self.limit = self.limit.min(limit);
    }
}

/// What the tickets of a set demand of any further one.
#[derive(Clone)]
pub(crate) struct Demands {
    /// Of the first distance rule.
    pub first: Span,
    /// Of the other distance rules.
    others: Vec<Span>,
    /// Of the first intersect rule the texts that all have.
    shared: Common,
    /// Of the other intersect rules.
    also_shared: Vec<Common>,
    pub counts: Counts,
    pub players: u32,
}

/// The numbers of a ticket and its limits for them, by distance rule.
fn spans<'a>(scene: Scene<'a>, entry: &'a Entry) -> impl Iterator<Item = (f64, f64)> + 'a {
    let level = scene.queue.plan.level(entry.level);
    let numbers = entry.numbers.iter().zip(&level.distance);
    numbers.map(|(&x, &limit)| (x, limit))
}

impl Demands {
    pub fn of(scene: Scene<'_>, entry: &Entry) -> Demands {
        let mut counts = Counts::default();
        count(&mut counts, entry.players);
        let spans = spans(scene, entry).map(|(x, limit)| Span::of(x, limit));
        let rules = scene.queue.plan.intersect.iter();
        let mut shared = rules.map(|&(cell, _)| Common::of(&entry.facts, cell));
        Demands {
            first: Span::of(entry.skill(), scene.queue.plan.reach(entry.level)),
            others: spans.skip(1).collect(),
            shared: shared.next().unwrap_or_default(),
            also_shared: shared.collect(),
            counts,
            players: u32::from(entry.players),
        }
    }

    /// Players together with these.
    pub fn players_with(&self, entries: &Entries, rest: &[(NearKey, Slot)]) -> u32 {
        let more = rest
            .iter()
            .map(|&(_, slot)| u32::from(entries.at(slot).players));
        self.players + more.sum::<u32>()
    }

    /// What all of these demand; `None` if one of them is not allowed.
    pub fn of_all(scene: Scene<'_>, slots: &[Slot]) -> Option<Demands> {
        let (first, others) = slots.split_first()?;
        let first = Demands::of(scene, scene.entries.at(*first));
        others.iter().try_fold(first, |demands, &slot| {
            let entry = scene.entries.at(slot);
            demands
                .allow(scene, entry)
                .then(|| demands.with(scene, entry))
        })
    }

    /// Whether a set stays within every ticket's limits when this ticket joins it.
    pub fn allow(&self, scene: Scene<'_>, entry: &Entry) -> bool {
        let plan = &scene.queue.plan;
        if self.players + u32::from(entry.players) > plan.players_max {
            return false;
        }
        if !self.first.allows(entry.skill(), plan.reach(entry.level)) {
            return false;
        }
        let others = || {
            let mut pairs = self.others.iter().zip(spans(scene, entry).skip(1));
            pairs.all(|(span, (x, limit))| span.allows(x, limit))
        };
        let share = || {
            let shared = std::iter::once(&self.shared).chain(&self.also_shared);
            let mut rules = shared.zip(&plan.intersect);
            rules.all(|(have, &(cell, min))| have.len_with(&entry.facts, cell) >= min)
        };
        (self.others.is_empty() || others()) && (plan.intersect.is_empty() || share())
    }

    /// Whether the set still spans less than this by the first distance rule when this ticket joins it.
    pub fn stay_within(&self, closer_than: f64, entry: &Entry) -> bool {
        let with = |x: f64| self.first.high.max(x) - self.first.low.min(x);
        closer_than == f64::INFINITY || with(entry.skill()) < closer_than
    }

    /// Whether some of these tickets, each of which is allowed, may complete a match that spans less than this.
    pub fn can_grow(
        &self,
        scene: Scene<'_>,
        rest: impl Iterator<Item = Slot> + Clone,
        closer_than: f64,
    ) -> bool {
        let plan = &scene.queue.plan;
        let base = Base {
            low: self.first.low,
            high: self.first.high,
            limit: self.first.limit.min(closer_than),
            counts: self.counts,
            players: self.players,
        };
        let seen = |slot| {
            let entry = scene.entries.at(slot);
            Seen {
                skill: entry.skill(),
                limit: plan.reach(entry.level),
                players: entry.players,
            }
        };
        can_grow(&scene.queue.sizes, base, rest.map(seen))
    }

    pub fn with(&self, scene: Scene<'_>, entry: &Entry) -> Demands {
        let plan = &scene.queue.plan;
        let mut demands = self.clone();
        demands.first.take(entry.skill(), plan.reach(entry.level));
        for (span, (x, limit)) in demands.others.iter_mut().zip(spans(scene, entry).skip(1)) {
            span.take(x, limit);
        }
        let shared = std::iter::once(&mut demands.shared).chain(&mut demands.also_shared);
        for (have, (cell, _)) in shared.zip(&plan.intersect) {
            have.meet(&entry.facts, *cell);
        }
        count(&mut demands.counts, entry.players);
        demands.players += u32::from(entry.players);
        demands
    }
}
