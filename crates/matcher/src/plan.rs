//! A queue made ready for matching: its limits at every age and the multisets of party sizes that fill its teams.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::queue::{
    Aggregate, Expansion, ExpansionTarget, Queue, Reading, RuleKind, Scope, SortOrder,
};
use model::{Millis, Name, Region};

use crate::entry::{Near, Ping};
use crate::facts::Column;
use crate::finals::{Finals, is_indexed, reads_tickets};
use crate::wanted::Wanted;

/// Games of at most this many players have their fillings listed.
const LISTED_PLAYERS_MAX: u32 = 16;
/// Queues with more fillings than this are treated like large games.
const FILLINGS_MAX: usize = 2_048;

/// Parties by their size: `counts[n - 1]` parties of n players.
pub(crate) type Counts = [u8; LISTED_PLAYERS_MAX as usize];

/// The limits of a ticket of a certain age; infinite where there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    /// For each of [`Plan::distance`].
    pub distance: Vec<f64>,
    /// For each of [`Plan::balance`].
    pub balance: Vec<f64>,
    /// Milliseconds.
    pub max_latency: f64,
    /// Milliseconds.
    pub max_latency_delta: f64,
}

impl Level {
    /// Whether a party may play where it measured this.
    pub fn accepts(&self, ping: &Ping<'_>) -> bool {
        self.reaches(ping.worst_ms, ping.worst_delta_ms)
    }

    /// The same of a region that is known by its number.
    pub fn is_near(&self, ping: &Near) -> bool {
        self.reaches(ping.worst_ms, ping.worst_delta_ms)
    }

    /// Whether both levels have the same limits of latency.
    pub fn reaches_like(&self, other: &Level) -> bool {
        self.max_latency == other.max_latency && self.max_latency_delta == other.max_latency_delta
    }

    fn reaches(&self, worst_ms: u32, worst_delta_ms: u32) -> bool {
        f64::from(worst_ms) <= self.max_latency
            && f64::from(worst_delta_ms) <= self.max_latency_delta
    }
}

/// A queue with its rules sorted by what they do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// As configured.
    pub queue: Arc<Queue>,
    /// The regions that it allows, sorted, no region twice.
    pub allow: Option<Vec<Region>>,
    /// What the pools are ordered by if the queue says so and no distance rule comes first that reads the same, then
    /// what the distance rules between parties read; and how a party's numbers become one.
    pub distance: Vec<(Reading, Aggregate)>,
    /// Where in `distance` the first rule stands.
    pub first_rule: usize,
    /// In which order a search tries tickets.
    pub order: SortOrder,
    /// Attributes of the balance rules; without one that of the first distance rule, with infinite limits,
    /// so that teams are balanced as well as they can be.
    pub balance: Vec<Reading>,
    /// Attributes of the equal rules with the rules' names.
    pub equal: Vec<(Reading, Name)>,
    /// The rules that read one number of several, with its attribute and key.
    pub keys: Vec<(Name, Name, String)>,
    /// Of the intersect rules the cell of a ticket's facts that holds its texts, and their minimum.
    pub intersect: Vec<(usize, usize)>,
    /// Ages in milliseconds at which the next of `levels` begins.
    pub afters: Vec<u64>,
    /// The same as spans of time; then the queue's time-out, if it has one.
    pub ages: Vec<Millis>,
    /// One more than `afters`; limits only grow from one to the next.
    pub levels: Vec<Level>,
    /// Of each level the limit of the first distance rule; infinite without one.
    pub reach: Vec<f64>,
    /// For each of `balance` the distance rule that reads the same, if there is one.
    pub sums_of: Vec<Option<usize>>,
    /// For each team those with the same seats, itself among them.
    pub twins: Vec<Vec<usize>>,
    /// Players of the smallest match.
    pub players_min: u32,
    /// Players of the largest match.
    pub players_max: u32,
    /// All other rules.
    pub finals: Finals,
    /// Whom a match must have, however few there are.
    pub wanted: Wanted,
    simple: bool,
    /// By level the fewest players of a match that a ticket of it is in; empty if they are the same at every level.
    pub least: Vec<u32>,
    /// Whether nothing but the limit of the first distance rule grows with a ticket's age.
    pub only_reach_widens: bool,
    /// Whether they read more of a ticket than its entry sums up.
    pub reads_tickets: bool,
}

impl Plan {
    pub fn new(queue: Arc<Queue>) -> Plan {
        let mut plan = Plan {
            allow: queue.regions.allow.clone().map(|mut allow| {
                allow.sort_unstable();
                allow.dedup();
                allow
            }),
            distance: Vec::new(),
            first_rule: 0,
            order: SortOrder::Nearest,
            balance: Vec::new(),
            equal: Vec::new(),
            keys: keys(&queue),
            intersect: Vec::new(),
            afters: Vec::new(),
            ages: Vec::new(),
            levels: Vec::new(),
            reach: Vec::new(),
            sums_of: Vec::new(),
            twins: Vec::new(),
            players_min: 0,
            players_max: queue.teams.iter().map(|t| u32::from(t.players_max)).sum(),
            finals: Finals::default(),
            wanted: Wanted::default(),
            simple: false,
            least: Vec::new(),
            only_reach_widens: false,
            reads_tickets: reads_tickets(&queue),
            queue,
        };
        let queue = Arc::clone(&plan.queue);
        let mut first = Level {
            distance: Vec::new(),
            balance: Vec::new(),
            max_latency: limit(queue.regions.max_latency.map(|ms| ms.0 as f64)),
            max_latency_delta: limit(queue.regions.max_latency_delta.map(|ms| ms.0 as f64)),
        };
        if let Some(sort) = &queue.sort {
            plan.order = sort.order;
        }
        if let Some(read) = sorted_apart(&queue) {
            plan.distance.push((read.clone(), queue.party_aggregate));
            first.distance.push(f64::INFINITY);
            plan.first_rule = 1;
        }
        for (_, rule) in indexed(&queue) {
            match &rule.kind {
                RuleKind::Distance { read, of, max, .. } => {
                    plan.distance.push((read.clone(), *of));
                    first.distance.push(*max);
                }
                RuleKind::Balance { read, max, .. } => {
                    plan.balance.push(read.clone());
                    first.balance.push(*max);
                }
                RuleKind::Equal { read, .. } => {
                    plan.equal.push((read.clone(), rule.name.clone()));
                }
                _ => {}
            }
        }
        if let (true, Some((read, _))) =
            (plan.balance.is_empty(), plan.distance.get(plan.first_rule))
        {
            plan.balance.push(read.clone());
            first.balance.push(f64::INFINITY);
        }
        plan.widen(first);
        let reach = |level: &Level| level.distance.first().copied().unwrap_or(f64::INFINITY);
        plan.reach = plan.levels.iter().map(reach).collect();
        let same = |read: &Reading| plan.distance.iter().position(|(other, _)| other == read);
        plan.sums_of = plan.balance.iter().map(same).collect();
        plan.ages = plan.afters.iter().map(|&after| Millis(after)).collect();
        plan.ages.extend(queue.ticket_time_out);
        plan.finals = Finals::new(&queue, &plan.afters);
        for (_, rule) in indexed(&queue) {
            if let RuleKind::Intersect { attribute, min, .. } = &rule.kind {
                let texts = Column::Shared(attribute.clone());
                let cell = plan.finals.columns.of_ticket(texts);
                plan.intersect.push((cell, *min));
            }
        }
        plan.wanted = Wanted::new(&queue, &plan.afters);
        plan.twins = twins(&plan.finals.classes);
        let teams = 0..queue.teams.len();
        plan.simple = plan.decides_by_pairs();
        let reach = plan.first_distance().filter(|_| plan.first_rule == 0);
        plan.only_reach_widens = (plan.queue.expansions.iter())
            .all(|e| matches!(e.target, ExpansionTarget::Rule(at) if Some(at) == reach));
        plan.least = plan.finals.least();
        plan.players_min = teams.map(|team| plan.finals.team_min_last(team)).sum();
        plan
    }

    /// Lists the levels: the limits in force from each age on at which any step begins.
    fn widen(&mut self, first: Level) {
        let steps = self.queue.expansions.iter().flat_map(|e| &e.steps);
        let afters: BTreeSet<u64> = steps.map(|s| s.after.0).filter(|&ms| ms > 0).collect();
        self.afters = afters.into_iter().collect();
        for after in std::iter::once(0).chain(self.afters.iter().copied()) {
            let mut level = first.clone();
            for expansion in &self.queue.expansions {
                let target = match expansion.target {
                    ExpansionTarget::MaxLatency => Some(&mut level.max_latency),
                    ExpansionTarget::MaxLatencyDelta => Some(&mut level.max_latency_delta),
                    ExpansionTarget::Rule(index) => limit_of(&self.queue, index, &mut level),
                    ExpansionTarget::RuleMin(_) | ExpansionTarget::TeamMin(_) => None,
                };
                let Some(target) = target else { continue };
                for step in expansion.steps.iter().filter(|s| s.after.0 <= after) {
                    // `max` never takes a NaN over a number, and never narrows.
                    *target = target.max(limit(step.limit));
                }
            }
            self.levels.push(level);
        }
    }

    /// The level of a ticket of this age.
    pub fn level_at(&self, age_ms: u64) -> u16 {
        let passed = self.afters.partition_point(|&after| after <= age_ms);
        u16::try_from(passed).unwrap_or(u16::MAX)
    }

    /// The limits of a level; the last ones beyond the last.
    pub fn level(&self, level: u16) -> &Level {
        let last = self.levels.len() - 1;
        &self.levels[usize::from(level).min(last)]
    }

    /// The fewest players of a match that a ticket of this level is in.
    pub fn least(&self, level: u16) -> u32 {
        let own = self.least.get(usize::from(level)).or(self.least.last());
        own.copied().unwrap_or(self.players_min)
    }

    /// The limit of the first distance rule at a level; infinite without one.
    pub fn reach(&self, level: u16) -> f64 {
        let own = self.reach.get(usize::from(level)).or(self.reach.last());
        own.copied().unwrap_or(f64::INFINITY)
    }

    /// The limits of a ticket that is old enough for every expansion.
    pub fn last_level(&self) -> &Level {
        self.level(u16::MAX)
    }

    /// The index of the distance rule by which pools are ordered.
    pub fn first_distance(&self) -> Option<usize> {
        let mut rules = indexed(&self.queue);
        rules
            .find(|(_, rule)| matches!(rule.kind, RuleKind::Distance { .. }))
            .map(|(index, _)| index)
    }

    /// Whether a match can be judged by pairs of distances and party sizes alone.
    pub fn is_simple(&self) -> bool {
        self.simple
    }

    fn decides_by_pairs(&self) -> bool {
        // The tightest there is: what widens without end in time may bind before.
        let balanced = self.level(0).balance.iter().any(|max| max.is_finite());
        let plain = self.distance.len() <= 1 && self.intersect.is_empty() && !self.finals.ask();
        plain && !balanced && self.order == SortOrder::Nearest
    }
}

fn keys(queue: &Queue) -> Vec<(Name, Name, String)> {
    let mut keys = Vec::new();
    for rule in &queue.rules {
        rule.kind.readings(&mut |attribute, key| {
            keys.extend(key.map(|key| (rule.name.clone(), attribute.clone(), key.clone())));
        });
    }
    keys
}

/// For each team those of its class, itself among them.
fn twins(classes: &[usize]) -> Vec<Vec<usize>> {
    let of = |class: usize| {
        let alike = classes.iter().enumerate();
        let alike = alike.filter(|(_, other)| **other == class);
        alike.map(|(team, _)| team).collect()
    };
    classes.iter().map(|class| of(*class)).collect()
}

/// Whether entries that were made by the one queue do for the other: it reads the same of its tickets and lets the same
/// in; limits that no party can break by itself may differ.
pub(crate) fn reads_alike(old: &Queue, new: &Queue) -> bool {
    let read = |queue: &Queue| -> Vec<(bool, RuleKind, Vec<Expansion>)> {
        let rules = queue.rules.iter().enumerate();
        rules
            .map(|(index, rule)| {
                let mut kind = rule.kind.clone();
                // A party breaks neither by itself.
                let is_judged_by_others = match &mut kind {
                    RuleKind::Distance { per, max, .. } if *per == Scope::Party => Some(max),
                    RuleKind::Balance { max, .. } => Some(max),
                    _ => None,
                };
                let mut widens = Vec::new();
                match is_judged_by_others {
                    Some(max) => *max = 0.0,
                    None => widens.extend(expansions_of(queue, index)),
                }
                (is_indexed(queue, index, rule), kind, widens)
            })
            .collect()
    };
    let limited = |queue: &Queue| {
        let regions = &queue.regions;
        regions.max_latency.is_some() || regions.max_latency_delta.is_some()
    };
    old.cross_play == new.cross_play
        && old.regions.allow == new.regions.allow
        && limited(old) == limited(new)
        && old.teams == new.teams
        && old.sort == new.sort
        && old.role_attribute == new.role_attribute
        && old.party_players_max == new.party_players_max
        && old.party_aggregate == new.party_aggregate
        && old.attributes == new.attributes
        && reads_tickets(old) == reads_tickets(new)
        && read(old) == read(new)
}

fn expansions_of(queue: &Queue, rule: usize) -> impl Iterator<Item = Expansion> + '_ {
    let of = move |expansion: &&Expansion| {
        let (widens, falls) = (ExpansionTarget::Rule(rule), ExpansionTarget::RuleMin(rule));
        expansion.target == widens || expansion.target == falls
    };
    queue.expansions.iter().filter(of).cloned()
}

fn limit(max: Option<f64>) -> f64 {
    max.unwrap_or(f64::INFINITY)
}

/// The rules that pools, distances and balance keep, with their index.
fn indexed(queue: &Queue) -> impl Iterator<Item = (usize, &model::queue::Rule)> {
    let rules = queue.rules.iter().enumerate();
    rules.filter(|(index, rule)| is_indexed(queue, *index, rule))
}

/// What the pools are ordered by, unless the first distance rule reads the same.
fn sorted_apart(queue: &Queue) -> Option<&Reading> {
    let sort = queue.sort.as_ref()?;
    let first = indexed(queue).find_map(|(_, rule)| match &rule.kind {
        RuleKind::Distance { read, of, .. } => Some((read, *of)),
        _ => None,
    });
    (first != Some((&sort.read, queue.party_aggregate))).then_some(&sort.read)
}

/// How many of the rules that pools, distances and balance keep are of this kind and stand before an index.
pub(crate) fn nth_of_kind(queue: &Queue, index: usize, kind: &RuleKind) -> usize {
    let same = std::mem::discriminant(kind);
    let before = indexed(queue).filter(|(at, _)| *at < index);
    before
        .filter(|(_, other)| std::mem::discriminant(&other.kind) == same)
        .count()
}

/// The place in `level` of the limit of the rule at `index`.
fn limit_of<'a>(queue: &Queue, index: usize, level: &'a mut Level) -> Option<&'a mut f64> {
    let (_, rule) = indexed(queue).find(|(at, _)| *at == index)?;
    let nth = nth_of_kind(queue, index, &rule.kind);
    match rule.kind {
        RuleKind::Distance { .. } => {
            let apart = usize::from(sorted_apart(queue).is_some());
            level.distance.get_mut(nth + apart)
        }
        RuleKind::Balance { .. } => level.balance.get_mut(nth),
        _ => None,
    }
}

/// Which multisets of party sizes fill a queue's teams.
#[derive(Debug)]
pub(crate) struct Sizes {
    players_min: u32,
    pairs: bool,
    /// Sorted; `None` for large games, where only the sum of players is known beforehand.
    fillings: Option<Vec<Counts>>,
}

impl Sizes {
    pub fn new(plan: &Plan) -> Sizes {
        let fillings = fillings(plan);
        let is_pair = |filling: &Counts| filling.iter().all(|&n| n == 0 || n == 2);
        let of_two = |filling: &Counts| filling.iter().sum::<u8>() == 2;
        let all = fillings.iter().flatten();
        Sizes {
            players_min: plan.players_min,
            pairs: fillings.is_some() && all.fold(true, |ok, f| ok && is_pair(f) && of_two(f)),
            fillings,
        }
    }

    /// Whether they are listed, so that sizes are decided by them.
    pub fn is_exact(&self) -> bool {
        self.fillings.is_some()
    }

    /// Whether every match is two parties of one size.
    pub fn are_pairs(&self) -> bool {
        self.pairs
    }

    /// Whether parties of exactly these sizes can fill the teams; for a large game whether they are enough.
    pub fn fills(&self, counts: &Counts, players: u32) -> bool {
        match &self.fillings {
            Some(fillings) => fillings.binary_search(counts).is_ok(),
            None => players >= self.players_min,
        }
    }

    /// Whether `fixed` parties and some of `more`, so many players together, can fill the teams; for a large game a
    /// necessary condition.
    pub fn can_fill(&self, fixed: &Counts, more: &Counts, players: u32) -> bool {
        if players < self.players_min {
            return false;
        }
        match &self.fillings {
            Some(fillings) => fillings.iter().any(|filling| {
                let pairs = fixed.iter().zip(more).zip(filling);
                pairs.fold(true, |ok, ((&f, &m), &want)| {
                    ok & (f <= want) & (want - f.min(want) <= m)
                })
            }),
            None => true,
        }
    }
}

/// Adds parties of `size` to `counts`; sizes beyond the listed ones need no count.
pub(crate) fn count(counts: &mut Counts, size: u16) {
    if let Some(n) = counts.get_mut(usize::from(size).wrapping_sub(1)) {
        *n = n.saturating_add(1);
    }
}

fn fillings(plan: &Plan) -> Option<Vec<Counts>> {
    if plan.players_max > LISTED_PLAYERS_MAX {
        return None;
    }
    let mut all = BTreeSet::from([Counts::default()]);
    for (index, team) in plan.queue.teams.iter().enumerate() {
        let least = u16::try_from(plan.finals.team_min_last(index)).unwrap_or(u16::MAX);
        let mut of_team = Vec::new();
        let party_max = plan.queue.party_players_max.min(team.players_max);
        for players in least..=team.players_max {
            partitions(players, party_max, &mut Counts::default(), &mut of_team);
        }
        let sum = |a: &Counts, b: &Counts| {
            let mut sum = *a;
            sum.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            sum
        };
        all = all
            .iter()
            .flat_map(|a| of_team.iter().map(move |b| sum(a, b)))
            .collect();
        if all.len() > FILLINGS_MAX {
            return None;
        }
    }
    Some(all.into_iter().collect())
}

/// All ways to write `players` as a sum of party sizes up to `size_max`.
fn partitions(players: u16, size_max: u16, so_far: &mut Counts, out: &mut Vec<Counts>) {
    if players == 0 {
        out.push(*so_far);
        return;
    }
    for size in 1..=size_max.min(players) {
        let slot = usize::from(size) - 1;
        so_far[slot] += 1;
        partitions(players - size, size, so_far, out);
        so_far[slot] -= 1;
    }
}
