//! Sessions that are played and ask for players, as a ticket that waits sees them: how many there are, and what keeps it
//! from which.

use std::collections::BTreeMap;

use model::{Millis, Timestamp};

use crate::backfill::{Backfills, Line, Open};
use crate::entry::{Entry, PoolKey};
use crate::explain::{besides_rules, by_whole, distance_reads, key_name, obstacle_name, rule_name};
use crate::pairs::{Asked, How, Obstacle, asked};
use crate::plan::{Level, Plan};

/// One session is looked at for so many tickets that an explanation may look at, the nearest by the first distance rule.
const TICKETS_A_SESSION: usize = 4;
/// For each of these tickets a rule is asked so often of the ticket and a party who plays.
const QUESTIONS_A_TICKET: usize = 8;
/// Of those that are kept from the ticket the nearest so many are asked when they no longer will be.
const REACHES_MAX: usize = 32;
/// Values of what must be equal by which sessions are counted.
const LINES_MAX: usize = 1_024;

/// The sessions of a queue that ask for players now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sessions {
    /// How many there are.
    pub asking: u64,
    /// Not all were looked at, only the nearest: there may be more of everything.
    pub is_sample: bool,
    /// From how many nothing keeps the ticket, as far as it and each party who plays decide that.
    pub open: u64,
    /// The others by what keeps it from them, each counted once; the most first.
    pub kept_from: Vec<KeptFrom>,
    /// The rules that only all who would play together decide, where some are open.
    pub undecided: Vec<String>,
    /// What comes within reach next, or else the nearest by a distance.
    pub nearest_miss: Option<SessionMiss>,
}

/// Sessions that one thing keeps a ticket from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFrom {
    /// As [`crate::KeptOut::rule`]; besides `seats` where no team wants so many players as the party has,
    /// `created_before` where only tickets join that were created earlier, `refused` where the session does not take it.
    pub rule: String,
    /// How many.
    pub sessions: u64,
}

/// A session outside of reach.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionMiss {
    /// As [`KeptFrom::rule`].
    pub rule: String,
    /// What the rule reads, if it is one of distance.
    pub attribute: Option<String>,
    /// Of a distance: how far apart those who play are at most, the ticket among them.
    pub gap: Option<f64>,
    /// Of a distance: how far the ticket accepts; infinite: any.
    pub limit: Option<f64>,
    /// When nothing keeps it from there any more; `None`: no expansion brings that while it waits.
    pub reached_at: Option<Timestamp>,
}

/// What keeps a ticket from a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    By(Obstacle),
    Seats,
    CreatedBefore,
    Refused,
}

/// What a ticket of this pool is to be told of the sessions of its queue; `None` where none asks. As much work as is due
/// to an explanation that looks at so many tickets.
pub(crate) fn sessions(
    plan: &Plan,
    backfills: &Backfills,
    (own, key): (&Entry, &PoolKey),
    now: Timestamp,
    looked_at_max: usize,
) -> Option<Sessions> {
    let mut sight = Sight {
        plan,
        own,
        now,
        rules: asked(plan),
        questions_left: looked_at_max * QUESTIONS_A_TICKET,
        said: Sessions {
            asking: 0,
            is_sample: false,
            open: 0,
            kept_from: Vec::new(),
            undecided: Vec::new(),
            nearest_miss: None,
        },
        kept: BTreeMap::new(),
        misses: Vec::new(),
    };
    for (seen, (other, line)) in backfills.lines_of(own.queue).enumerate() {
        if seen == LINES_MAX {
            sight.said.is_sample = true;
            break;
        }
        let differs = other.iter().zip(key).position(|(a, b)| a != b);
        sight.count_line(line, differs);
    }
    if let Some(line) = backfills.line(own.queue, key) {
        sight.said.asking += line.sessions() as u64;
        sight.look(backfills, line, looked_at_max / TICKETS_A_SESSION);
    }
    (sight.said.asking > 0).then(|| sight.told())
}

struct Sight<'a> {
    plan: &'a Plan,
    own: &'a Entry,
    now: Timestamp,
    rules: Vec<Asked<'a>>,
    questions_left: usize,
    said: Sessions,
    kept: BTreeMap<String, u64>,
    /// The nearest first, with what keeps the ticket from them.
    misses: Vec<(&'a Open, Kept)>,
}

impl<'a> Sight<'a> {
    /// Sessions of those who have other values of what must be equal, by the first that differs.
    fn count_line(&mut self, line: &Line, differs: Option<usize>) {
        let Some(differs) = differs else { return };
        let sessions = line.sessions() as u64;
        self.said.asking += sessions;
        *self.kept.entry(key_name(self.plan, differs)).or_default() += sessions;
    }

    /// Judges the nearest; those farther away than the ticket's own limit are counted unseen.
    fn look(&mut self, backfills: &'a Backfills, line: &Line, max: usize) {
        let (mut looked, mut last_gap) = (0, 0.0);
        for (gap, id) in line.nearest(self.own.skill(), max) {
            let Some(open) = backfills.open(id) else {
                continue;
            };
            let Some(kept) = self.kept(open, self.now) else {
                break;
            };
            (looked, last_gap) = (looked + 1, gap);
            match kept {
                None => self.said.open += 1,
                Some(kept) => {
                    *self.kept.entry(self.name(kept)).or_default() += 1;
                    self.misses.push((open, kept));
                }
            }
        }
        let unseen = line.sessions().saturating_sub(looked) as u64;
        let level = self.level_at(self.now);
        let limit = self.plan.level(level).distance.first();
        let first = self
            .plan
            .first_distance()
            .filter(|_| self.plan.first_rule == 0);
        match first.zip(limit) {
            // Their lowest number alone is farther away than that, and the walk went on in the order of it.
            Some((index, &limit)) if unseen > 0 && last_gap > limit => {
                let far = self.name(Kept::By(Obstacle::Rule(index)));
                *self.kept.entry(far).or_default() += unseen;
            }
            _ => self.said.is_sample |= unseen > 0,
        }
    }

    fn told(mut self) -> Sessions {
        self.said.nearest_miss = self.nearest_miss();
        let mut said = self.said;
        let kept = self.kept.into_iter();
        said.kept_from = kept
            .map(|(rule, sessions)| KeptFrom { rule, sessions })
            .collect();
        said.kept_from
            .sort_by_key(|kept| std::cmp::Reverse(kept.sessions));
        if said.open > 0 {
            // Here a party and what all who play have in common decide what they share.
            let shared = self
                .rules
                .iter()
                .filter(|rule| matches!(rule.how, How::Shared(_)));
            let decided: Vec<usize> = shared.map(|rule| rule.index).collect();
            let open = by_whole(self.plan).filter(|rule| !decided.contains(rule));
            let named = open.map(|rule| rule_name(&self.plan.queue, rule));
            said.undecided = named.chain(besides_rules(self.plan)).collect();
        }
        said
    }

    fn name(&self, kept: Kept) -> String {
        match kept {
            Kept::By(obstacle) => obstacle_name(&self.plan.queue, obstacle),
            Kept::Seats => "seats".to_owned(),
            Kept::CreatedBefore => "created_before".to_owned(),
            Kept::Refused => "refused".to_owned(),
        }
    }

    fn level_at(&self, at: Timestamp) -> u16 {
        self.plan.level_at(at.since(self.own.created_at).0)
    }

    /// What keeps the ticket from a session at an instant, if anything: the first distance, as the order has it, then
    /// what never changes, regions and the other rules in their order. The outer `None`: too much was asked already.
    fn kept(&mut self, open: &Open, at: Timestamp) -> Option<Option<Kept>> {
        let own = self.own;
        let level = self.level_at(at);
        let first = self
            .rules
            .iter()
            .find(|r| matches!(r.how, How::Distance(0)));
        if let Some(rule) = first
            && self.is_far(open, 0, level)
        {
            return Some(Some(Kept::By(Obstacle::Rule(rule.index))));
        }
        if !open.has_seats_for(own) {
            return Some(Some(Kept::Seats));
        }
        if open
            .asked
            .created_before
            .is_some_and(|before| own.created_at >= before)
        {
            return Some(Some(Kept::CreatedBefore));
        }
        if open.asked.refused.contains(&own.id) {
            return Some(Some(Kept::Refused));
        }
        if let Some(obstacle) = self.region_obstacle(open, self.plan.level(level)) {
            return Some(Some(Kept::By(obstacle)));
        }
        let finals = &self.plan.finals;
        let lasts = self.rules.iter().filter(|r| matches!(r.how, How::Last(_)));
        let questions = (lasts.count() + usize::from(finals.parts())) * open.playing.len();
        self.questions_left = self.questions_left.checked_sub(questions)?;
        if open.playing.iter().any(|other| finals.avoids(own, other)) {
            return Some(Some(Kept::By(Obstacle::Avoided)));
        }
        let broken = self
            .rules
            .iter()
            .find(|rule| self.breaks(rule, open, level));
        Some(broken.map(|rule| Kept::By(Obstacle::Rule(rule.index))))
    }

    fn breaks(&self, rule: &Asked<'_>, open: &Open, level: u16) -> bool {
        match &rule.how {
            How::Distance(n) => self.is_far(open, *n, level),
            How::Shared(n) => {
                let shared = open.shared.get(*n).zip(self.plan.intersect.get(*n));
                let facts = &self.own.facts;
                shared.is_some_and(|(have, &(cell, min))| have.len_with(facts, cell) < min)
            }
            // Who plays has accepted this match, so of him the widest limits are asked.
            How::Last(rule) => open.playing.iter().any(|other| {
                let finals = &self.plan.finals;
                finals.breaks(rule, [self.own, other], [level, u16::MAX])
            }),
        }
    }

    fn is_far(&self, open: &Open, n: usize, level: u16) -> bool {
        let gap = self.gap(open, n).zip(self.limit(n, level));
        gap.is_some_and(|(gap, limit)| gap > limit)
    }

    /// How far apart those who play and the ticket are by a distance rule of the plan.
    fn gap(&self, open: &Open, n: usize) -> Option<f64> {
        let (&(low, high), &x) = open.spans.get(n).zip(self.own.numbers.get(n))?;
        // The refill's own expression, so that rounding can't part them.
        Some(high.max(x) - low.min(x))
    }

    fn limit(&self, n: usize, level: u16) -> Option<f64> {
        let of = |level: &Level| level.distance.get(n).copied();
        Some(of(self.plan.level(level))?.min(of(self.plan.last_level())?))
    }

    fn region_obstacle(&self, open: &Open, level: &Level) -> Option<Obstacle> {
        if self.own.anywhere {
            return None;
        }
        let Some(ping) = open.region.and_then(|region| self.own.ping(region)) else {
            return Some(Obstacle::NoSharedRegion);
        };
        if level.is_near(ping) {
            return None;
        }
        match f64::from(ping.worst_ms) > level.max_latency {
            true => Some(Obstacle::Latency),
            false => Some(Obstacle::LatencyDelta),
        }
    }

    /// When nothing keeps the ticket from a session any more, if that comes while it waits. The outer `None`: too much was
    /// asked already.
    fn reached_at(&mut self, open: &Open) -> Option<Option<Timestamp>> {
        let own = self.own;
        let present = usize::from(self.level_at(self.now));
        let later = self.plan.afters.iter().skip(present);
        let times = later.map(|&after| own.created_at + Millis(after));
        let live = |at: &Timestamp| own.expires.at().is_none_or(|end| *at < end);
        let times: Vec<Timestamp> = times.filter(live).collect();
        let mut is_known = true;
        let first = times.partition_point(|&at| {
            let kept = self.kept(open, at);
            is_known &= kept.is_some();
            kept != Some(None)
        });
        is_known.then(|| times.get(first).copied())
    }

    fn nearest_miss(&mut self) -> Option<SessionMiss> {
        let misses = std::mem::take(&mut self.misses).into_iter();
        let known = misses.take(REACHES_MAX).map_while(|(open, kept)| {
            let reached_at = self.reached_at(open)?;
            Some((reached_at, open, kept))
        });
        let known: Vec<_> = known.collect();
        let reached = known.iter().filter(|(at, ..)| at.is_some());
        if let Some(&(at, open, kept)) = reached.min_by_key(|(at, ..)| *at) {
            return Some(self.miss(open, kept, at));
        }
        let told = known
            .iter()
            .map(|&(_, open, kept)| self.miss(open, kept, None));
        let far = told.filter(|miss| miss.gap.is_some());
        far.reduce(|a, b| {
            if a.rule == b.rule && b.gap < a.gap {
                b
            } else {
                a
            }
        })
    }

    fn miss(&self, open: &Open, kept: Kept, reached_at: Option<Timestamp>) -> SessionMiss {
        let distance = match kept {
            Kept::By(Obstacle::Rule(index)) => self.distance(open, index),
            _ => None,
        };
        SessionMiss {
            rule: self.name(kept),
            attribute: distance.as_ref().map(|(attribute, ..)| attribute.clone()),
            gap: distance.as_ref().map(|&(_, gap, _)| gap),
            limit: distance.map(|(.., limit)| limit),
            reached_at,
        }
    }

    /// What a distance rule reads, how far apart the session would be by it with the ticket, and how far that accepts.
    fn distance(&self, open: &Open, index: usize) -> Option<(String, f64, f64)> {
        let level = self.level_at(self.now);
        let attribute = distance_reads(&self.plan.queue, index)?;
        match &self.rules.iter().find(|rule| rule.index == index)?.how {
            How::Distance(n) => Some((attribute, self.gap(open, *n)?, self.limit(*n, level)?)),
            How::Last(rule) => {
                let finals = &self.plan.finals;
                let gaps = open.playing.iter();
                let gaps = gaps.filter_map(|other| finals.gap(rule, [self.own, other]));
                Some((attribute, gaps.reduce(f64::max)?, rule.max(level)))
            }
            How::Shared(_) => None,
        }
    }
}
