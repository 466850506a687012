//! What keeps two tickets out of every common match, whoever else joins them, and when it no longer will.
//!
//! A rule counts here if two parties decide it: once broken by the two, it stays broken in every larger match, and
//! as limits only widen it is kept for ever once it is kept.

use model::Timestamp;
use model::queue::RuleKind;

use crate::entry::{Entry, Near};
use crate::facts::shared_by_two;
use crate::finals::{Final, is_indexed};
use crate::plan::{Counts, Level, Plan, Sizes, count};

/// What keeps two tickets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Obstacle {
    /// The rule at this index.
    Rule(usize),
    /// No teams can hold both parties.
    Sizes,
    /// No region that both may use, whatever their latencies.
    NoSharedRegion,
    /// In every region that both may use one of them is beyond its limit.
    Latency,
    /// The same, where in one of them it is the limit over the best region that they are beyond.
    LatencyDelta,
    /// A player of the ticket itself has one of the other on his list, and lists are kept strictly. Of the other's list
    /// nothing is said: whom it names must not learn of it.
    Avoided,
}

/// A rule as two parties are asked by it.
pub(crate) struct Asked<'a> {
    pub index: usize,
    pub how: How<'a>,
}

/// Where a rule that two parties may decide is kept.
pub(crate) enum How<'a> {
    /// The distance rule of this number of the plan.
    Distance(usize),
    /// The intersect rule of this number of the plan.
    Shared(usize),
    /// By the rule as a whole match is asked at last.
    Last(&'a Final),
}

/// Judges pairs that one ticket is part of.
pub(crate) struct Judge<'a> {
    plan: &'a Plan,
    own: &'a Entry,
    rules: Vec<Asked<'a>>,
    /// By the size of the other party: whether the teams can hold both; larger ones follow from the sum.
    fits: Vec<bool>,
}

impl<'a> Judge<'a> {
    pub fn new(plan: &'a Plan, sizes: &Sizes, own: &'a Entry) -> Judge<'a> {
        let fits = (1..=16).map(|other| {
            let mut counts = Counts::default();
            count(&mut counts, own.players);
            count(&mut counts, other);
            let enough = Counts::default().map(|_| u8::MAX);
            let sum = u32::from(own.players) + u32::from(other);
            sum <= plan.players_max && sizes.can_fill(&counts, &enough, u32::MAX)
        });
        Judge {
            plan,
            own,
            rules: asked(plan),
            fits: fits.collect(),
        }
    }

    fn level_of(&self, entry: &Entry, at: Timestamp) -> u16 {
        self.plan.level_at(at.since(entry.created_at).0)
    }

    /// What keeps the two apart at an instant: distance first, as the order of pools has it; then sizes, regions and the
    /// other rules in their order.
    pub fn obstacle(&self, other: &Entry, at: Timestamp) -> Option<Obstacle> {
        let levels = (self.level_of(self.own, at), self.level_of(other, at));
        let first = self
            .rules
            .iter()
            .position(|r| matches!(r.how, How::Distance(0)));
        let first = first.and_then(|at| self.rules.get(at));
        if let Some(rule) = first.filter(|rule| self.breaks(rule, other, levels)) {
            return Some(Obstacle::Rule(rule.index));
        }
        let fits = self.fits.get(usize::from(other.players).wrapping_sub(1));
        let sum = u32::from(self.own.players) + u32::from(other.players);
        if !fits.copied().unwrap_or(sum <= self.plan.players_max) {
            return Some(Obstacle::Sizes);
        }
        if let Some(obstacle) = self.region_obstacle(other, levels) {
            return Some(obstacle);
        }
        if self.plan.finals.avoids(self.own, other) {
            return Some(Obstacle::Avoided);
        }
        let broken = self
            .rules
            .iter()
            .find(|rule| self.breaks(rule, other, levels));
        broken.map(|rule| Obstacle::Rule(rule.index))
    }

    /// When nothing keeps them apart any more, if that comes while both wait; `now` if nothing does.
    ///
    /// O(log levels) judgements.
    pub fn reached_at(&self, other: &Entry, now: Timestamp) -> Option<Timestamp> {
        let end = match (self.own.expires.at(), other.expires.at()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let mut times = vec![now];
        for entry in [self.own, other] {
            let level = usize::from(self.level_of(entry, now));
            let later = self.plan.afters.iter().skip(level);
            times.extend(later.map(|&after| entry.created_at + model::Millis(after)));
        }
        times.retain(|&at| at >= now && end.is_none_or(|end| at < end));
        times.sort_unstable();
        let free = |at: &Timestamp| self.obstacle(other, *at).is_none();
        let first = times.partition_point(|at| !free(at));
        times.get(first).copied()
    }

    /// The limits of a distance rule for the ticket itself and for another, and how far apart the two are by it.
    pub fn distance(&self, index: usize, other: &Entry, at: Timestamp) -> Option<Gap> {
        let rule = self.rules.iter().find(|rule| rule.index == index)?;
        let (own, others) = (self.level_of(self.own, at), self.level_of(other, at));
        match &rule.how {
            How::Distance(n) => Some(Gap {
                gap: (self.own.numbers.get(*n)? - other.numbers.get(*n)?).abs(),
                own: *self.plan.level(own).distance.get(*n)?,
                other: *self.plan.level(others).distance.get(*n)?,
            }),
            How::Last(rule) => Some(Gap {
                gap: self.plan.finals.gap(rule, [self.own, other])?,
                own: rule.max(own),
                other: rule.max(others),
            }),
            How::Shared(_) => None,
        }
    }

    /// Where both may play at an instant.
    pub fn regions<'e>(
        &'e self,
        other: &'e Entry,
        at: Timestamp,
    ) -> impl Iterator<Item = &'e Near> {
        let own = self.plan.level(self.level_of(self.own, at));
        let theirs = self.plan.level(self.level_of(other, at));
        let here = self.own.pings.iter().filter(|ping| own.is_near(ping));
        here.filter(move |ping| {
            other.anywhere
                || other
                    .ping(ping.region)
                    .is_some_and(|ping| theirs.is_near(ping))
        })
    }

    fn region_obstacle(&self, other: &Entry, levels: (u16, u16)) -> Option<Obstacle> {
        let (own, theirs) = (self.plan.level(levels.0), self.plan.level(levels.1));
        if self.own.anywhere && other.anywhere {
            return None;
        }
        let sides: Vec<[Option<(&Near, &Level)>; 2]> = if self.own.anywhere {
            other
                .pings
                .iter()
                .map(|p| [Some((p, theirs)), None])
                .collect()
        } else if other.anywhere {
            self.own
                .pings
                .iter()
                .map(|p| [Some((p, own)), None])
                .collect()
        } else {
            let both = self.own.pings.iter();
            let both =
                both.filter_map(|p| Some([Some((p, own)), Some((other.ping(p.region)?, theirs))]));
            both.collect()
        };
        if sides.is_empty() {
            return Some(Obstacle::NoSharedRegion);
        }
        let near = |(ping, level): &(&Near, &Level)| level.is_near(ping);
        if sides.iter().any(|both| both.iter().flatten().all(near)) {
            return None;
        }
        let far = |(ping, level): &(&Near, &Level)| f64::from(ping.worst_ms) > level.max_latency;
        match sides.iter().all(|both| both.iter().flatten().any(far)) {
            true => Some(Obstacle::Latency),
            false => Some(Obstacle::LatencyDelta),
        }
    }

    fn breaks(&self, rule: &Asked<'_>, other: &Entry, (own, others): (u16, u16)) -> bool {
        match &rule.how {
            How::Distance(n) => {
                let limit = |level| self.plan.level(level).distance.get(*n).copied();
                let limit = limit(own).zip(limit(others)).map(|(a, b)| a.min(b));
                let numbers = self.own.numbers.get(*n).zip(other.numbers.get(*n));
                let pair = limit.zip(numbers);
                // The search's own expression, so that rounding can't part them.
                pair.is_some_and(|(limit, (a, b))| (a - b).abs() > limit)
            }
            How::Shared(n) => {
                let rule = self.plan.intersect.get(*n);
                let own = &self.own.facts;
                rule.is_some_and(|&(cell, min)| shared_by_two(own, &other.facts, cell) < min)
            }
            How::Last(rule) => {
                let finals = &self.plan.finals;
                finals.breaks(rule, [self.own, other], [own, others])
            }
        }
    }
}

/// How far apart two tickets are, and how far apart each accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    pub gap: f64,
    pub own: f64,
    pub other: f64,
}

/// The rules that two parties may decide.
pub(crate) fn asked(plan: &Plan) -> Vec<Asked<'_>> {
    let queue = &*plan.queue;
    let (mut distances, mut shareds) = (plan.first_rule, 0);
    let mut all = Vec::new();
    for (index, rule) in queue.rules.iter().enumerate() {
        if rule.prefer.is_some() {
            continue;
        }
        let kind = &rule.kind;
        let how = match (is_indexed(queue, index, rule), kind) {
            (true, RuleKind::Distance { .. }) => {
                distances += 1;
                How::Distance(distances - 1)
            }
            (true, RuleKind::Intersect { .. }) => {
                shareds += 1;
                How::Shared(shareds - 1)
            }
            // The pool's key, and what only whole teams decide.
            (true, _) => continue,
            (false, _) => match plan.finals.rule(index) {
                Some(rule) => How::Last(rule),
                None => continue,
            },
        };
        all.push(Asked { index, how });
    }
    all
}
