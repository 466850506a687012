//! What keeps two tickets out of every common match, whoever else joins them, and when it no longer will.
//!
//! A rule counts here if two parties decide it: once broken by the two, it stays broken in every larger match, and
//! as limits only widen it is kept for ever once it is kept.

use std::collections::BTreeSet;

use model::queue::{Aggregate, ExpansionTarget, Operand, Queue, Reading, RuleKind, Scope};
use model::ticket::{TicketPlayer, Value};
use model::{Ticket, Timestamp};

use crate::avoid::meetings;
use crate::entry::{Entry, Near, number, text, value};
use crate::facts::shared_by_two;
use crate::finals::{base, has_any, is_indexed, shared, steps, summed};
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
    /// One of them has a player of the other on his list, and lists are kept strictly.
    Avoided,
}

/// A rule as two parties are asked by it.
struct Asked<'a> {
    index: usize,
    kind: &'a RuleKind,
    how: How,
}

enum How {
    /// The distance rule of this number of the plan.
    Distance(usize),
    /// The intersect rule of this number of the plan.
    Shared(usize),
    /// By the players themselves; the limits of each level.
    Players(Vec<Limits>),
}

#[derive(Clone, Copy)]
struct Limits {
    off: bool,
    max: f64,
    min: f64,
}

/// Judges pairs that one ticket is part of.
pub(crate) struct Judge<'a> {
    plan: &'a Plan,
    own: &'a Entry,
    ticket: &'a Ticket,
    rules: Vec<Asked<'a>>,
    /// By the size of the other party: whether the teams can hold both; larger ones follow from the sum.
    fits: Vec<bool>,
}

impl<'a> Judge<'a> {
    pub fn new(plan: &'a Plan, sizes: &Sizes, own: &'a Entry, ticket: &'a Ticket) -> Judge<'a> {
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
            ticket,
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
        let is_strict = self.plan.queue.avoid.is_some_and(|avoid| !avoid.soft);
        if is_strict && meetings(Pair::new(self, other).parties.into_iter()) > 0 {
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
        let end = match (self.own.expires_at, other.expires_at) {
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
        match (&rule.how, rule.kind) {
            (How::Distance(n), _) => Some(Gap {
                gap: (self.own.numbers.get(*n)? - other.numbers.get(*n)?).abs(),
                own: *self.plan.level(own).distance.get(*n)?,
                other: *self.plan.level(others).distance.get(*n)?,
            }),
            (How::Players(limits), RuleKind::Distance { read, .. }) => {
                let pair = Pair::new(self, other);
                let limit = |level: u16| limits.get(usize::from(level)).or(limits.last());
                let max = |l: &Limits| if l.off { f64::INFINITY } else { l.max };
                Some(Gap {
                    gap: pair.gap(read),
                    own: limit(own).map_or(f64::INFINITY, max),
                    other: limit(others).map_or(f64::INFINITY, max),
                })
            }
            _ => None,
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
            How::Players(limits) => {
                let of = |level: u16| limits.get(usize::from(level)).or(limits.last());
                let demanded = [of(own), of(others)].into_iter().flatten();
                let mut demanded = demanded.filter(|limits| !limits.off).peekable();
                if demanded.peek().is_none() {
                    return false;
                }
                let (max, min) = demanded
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(max, min), l| {
                        (max.min(l.max), min.max(l.min))
                    });
                Pair::new(self, other).breaks(rule.kind, max, min)
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
fn asked(plan: &Plan) -> Vec<Asked<'_>> {
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
            (false, kind) => How::Players(limits(plan, index, kind)),
        };
        all.push(Asked { index, kind, how });
    }
    all
}

fn limits(plan: &Plan, index: usize, kind: &RuleKind) -> Vec<Limits> {
    let queue = &*plan.queue;
    let ages = std::iter::once(0).chain(plan.afters.iter().copied());
    let at = |age| {
        let (mut max, mut min) = base(kind);
        let mut off = false;
        for limit in steps(queue, &ExpansionTarget::Rule(index), age) {
            off |= limit.is_none();
            max = max.max(limit.unwrap_or(f64::INFINITY));
        }
        for limit in steps(queue, &ExpansionTarget::RuleMin(index), age) {
            min = min.min(limit.unwrap_or(f64::NEG_INFINITY));
        }
        Limits { off, max, min }
    };
    ages.map(at).collect()
}

/// The players of two parties.
struct Pair<'a> {
    queue: &'a Queue,
    parties: [&'a [TicketPlayer]; 2],
}

impl<'a> Pair<'a> {
    fn new(judge: &'a Judge<'_>, other: &'a Entry) -> Pair<'a> {
        let theirs = other.ticket.as_deref().map(|ticket| &*ticket.players);
        Pair {
            queue: &judge.plan.queue,
            parties: [&judge.ticket.players, theirs.unwrap_or_default()],
        }
    }

    fn all(&self) -> Vec<&'a TicketPlayer> {
        self.parties.iter().copied().flatten().collect()
    }

    /// The groups of players of whom a rule can already be judged: those of a team are at least a party.
    fn groups(&self, per: Scope) -> Vec<Vec<&'a TicketPlayer>> {
        match per {
            Scope::Match => vec![self.all()],
            Scope::Team | Scope::Party => {
                let parties = self.parties.iter();
                parties.map(|players| players.iter().collect()).collect()
            }
            Scope::Player => self.all().into_iter().map(|player| vec![player]).collect(),
        }
    }

    fn gap(&self, read: &Reading) -> f64 {
        let all = self.all();
        let numbers = || all.iter().map(|player| number(self.queue, player, read));
        numbers().fold(f64::NEG_INFINITY, f64::max) - numbers().fold(f64::INFINITY, f64::min)
    }

    fn kinds(&self, group: &[&TicketPlayer], read: &Reading) -> usize {
        let texts = group.iter().map(|player| text(self.queue, player, read));
        texts.collect::<BTreeSet<_>>().len()
    }

    /// Whether every match with both parties breaks the rule.
    fn breaks(&self, kind: &RuleKind, max: f64, min: f64) -> bool {
        let part = |kind: &RuleKind| {
            let (max, min) = base(kind);
            self.breaks(kind, max, min)
        };
        match kind {
            RuleKind::Distance { read, per, of, .. } => match per {
                Scope::Player => self.gap(read) > max,
                _ => {
                    let figures = self.groups(Scope::Party);
                    let mut figures = figures.iter().map(|group| self.figure(group, read, *of));
                    let pair = figures.next().zip(figures.next());
                    pair.is_some_and(|(a, b)| (a - b).abs() > max)
                }
            },
            RuleKind::Equal { read, per } => {
                let groups = self.groups(*per);
                groups.iter().any(|group| self.kinds(group, read) > 1)
            }
            RuleKind::Different { read, per } => {
                let groups = self.groups(*per);
                groups
                    .iter()
                    .any(|group| self.kinds(group, read) < group.len())
            }
            RuleKind::Intersect { attribute, per, .. } => {
                let groups = self.groups(*per);
                let few = |group: &Vec<_>| (shared(self.queue, group, attribute) as f64) < min;
                groups.iter().any(few)
            }
            RuleKind::Contains {
                attribute,
                values,
                per,
                team: None,
                ..
            } => self.groups(*per).iter().any(|group| {
                let has = |player: &&&TicketPlayer| has_any(self.queue, player, attribute, values);
                group.iter().filter(has).count() as f64 > max
            }),
            RuleKind::Compare { team: None, .. } => self.breaks_compare(kind, max, min),
            RuleKind::All(parts) => parts.iter().any(part),
            RuleKind::Any(parts) => parts.iter().all(part),
            RuleKind::Balance { .. }
            | RuleKind::Contains { .. }
            | RuleKind::Compare { .. }
            | RuleKind::Not(_) => false,
        }
    }

    fn figure(&self, group: &[&TicketPlayer], read: &Reading, of: Aggregate) -> f64 {
        summed(
            of,
            group.iter().map(|player| number(self.queue, player, read)),
        )
    }

    fn breaks_compare(&self, kind: &RuleKind, max: f64, min: f64) -> bool {
        use model::queue::Comparison::{AtMost, Equal, Less};
        let RuleKind::Compare {
            read,
            per: per @ (Scope::Player | Scope::Party),
            of,
            by,
            with,
            ..
        } = kind
        else {
            return false;
        };
        self.groups(*per).iter().any(|group| {
            let own = self.figure(group, read, *of);
            match with {
                Operand::Text(wanted) => group.iter().any(|player| {
                    let has = value(self.queue, player, &read.attribute);
                    let is = matches!(has, Some(Value::String(text)) if text == wanted);
                    is != (*by == Equal)
                }),
                Operand::Number(_) if matches!(by, Less | AtMost) => !by.holds(own, max),
                Operand::Number(_) => !by.holds(own, min),
                Operand::Reading(other) => !by.holds(own, self.figure(group, other, *of)),
            }
        })
    }
}
