//! The rules that a whole candidate match is asked at last: what neither pools nor distances nor balance decide.
//!
//! Rules of the set are asked once for each set of tickets, rules of the split once for each split that is considered.

use std::collections::{BTreeMap, BTreeSet};

use model::Name;
use model::queue::{
    Aggregate, Avoid, ExpansionTarget, Operand, Queue, Reading, Rule, RuleKind, Scope,
};
use model::ticket::{TicketPlayer, Value};

use crate::avoid::meetings;
use crate::entry::{Entry, common_texts, number, text, texts, value};
use crate::roles::fill_roles;
use crate::wishes::Score;

/// The last questions of a queue.
#[derive(Debug, Default)]
pub(crate) struct Finals {
    of_set: Vec<Final>,
    of_split: Vec<Final>,
    /// By team.
    roles: Vec<BTreeMap<Name, u16>>,
    /// By team: the fewest players at each level.
    team_min: Vec<Vec<u32>>,
    /// What is only wished.
    wishes: Vec<Wish>,
    /// Who avoids somebody never meets him, or would rather not.
    avoid: Option<Avoid>,
    /// Teams of one class may change names.
    pub classes: Vec<usize>,
}

/// One rule with its limits at each level.
#[derive(Debug)]
struct Final {
    kind: RuleKind,
    limits: Vec<Limits>,
    /// Whether tickets that break it break it whoever joins them.
    stays_broken: bool,
}

/// A rule that makes a match better by its weight.
#[derive(Debug)]
struct Wish {
    kind: RuleKind,
    weight: f64,
    of_split: bool,
}

/// What a ticket of one level demands; of the rules that have no such limit it says nothing.
#[derive(Debug, Clone, Copy)]
struct Limits {
    off: bool,
    max: f64,
    min: f64,
}

/// Some tickets, or all of them on their teams.
struct Seated<'a> {
    queue: &'a Queue,
    entries: &'a [&'a Entry],
    team_of: &'a [u16],
}

/// Whether pools, distances and balance alone keep a rule, so that it is not asked again.
pub(crate) fn is_indexed(queue: &Queue, index: usize, rule: &Rule) -> bool {
    let widens = || {
        let of_rule = |t: &ExpansionTarget| {
            *t == ExpansionTarget::Rule(index) || *t == ExpansionTarget::RuleMin(index)
        };
        queue.expansions.iter().any(|e| of_rule(&e.target))
    };
    rule.prefer.is_none()
        && match &rule.kind {
            RuleKind::Distance { per, .. } => *per == Scope::Party,
            RuleKind::Balance { of, .. } => *of == Aggregate::Mean,
            RuleKind::Equal { per, .. } => *per == Scope::Match,
            RuleKind::Intersect { per, .. } => *per == Scope::Match && !widens(),
            _ => false,
        }
}

/// Whether any last question is about more than what an entry sums up: the entries then keep their tickets.
pub(crate) fn reads_tickets(queue: &Queue) -> bool {
    let mut rules = queue.rules.iter().enumerate();
    rules.any(|(index, rule)| !is_indexed(queue, index, rule))
        || queue.teams.iter().any(|team| !team.roles.is_empty())
        || queue.avoid.is_some()
}

/// The players of a ticket, where its queue's entries keep their tickets.
fn players(entry: &Entry) -> &[TicketPlayer] {
    entry
        .ticket
        .as_deref()
        .map_or(&[], |ticket| &ticket.players)
}

/// Whether a rule asks how the tickets are split.
fn is_of_split(kind: &RuleKind) -> bool {
    match kind {
        RuleKind::Balance { .. } => true,
        RuleKind::Distance { .. } => false,
        RuleKind::Equal { per, .. }
        | RuleKind::Different { per, .. }
        | RuleKind::Intersect { per, .. } => *per == Scope::Team,
        RuleKind::Contains { per, team, .. } | RuleKind::Compare { per, team, .. } => {
            *per == Scope::Team || team.is_some()
        }
        RuleKind::All(parts) | RuleKind::Any(parts) => parts.iter().any(is_of_split),
        RuleKind::Not(part) => is_of_split(part),
    }
}

/// What of a rule more tickets do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Once it holds.
    Held,
    /// Once it is broken.
    Not,
}

/// Whether a rule of the set stays as it is, whoever joins; limits only tighten as tickets join.
fn stays(kind: &RuleKind, kept: Kept) -> bool {
    let breaks = match kind {
        RuleKind::Distance { .. } => true,
        RuleKind::Equal { per, .. }
        | RuleKind::Different { per, .. }
        | RuleKind::Intersect { per, .. } => *per == Scope::Match,
        RuleKind::Contains { min, max, .. } if kept == Kept::Held => {
            return *min > 0 && max.is_none();
        }
        RuleKind::Contains { min, .. } => *min == 0,
        RuleKind::Compare { per, team, .. } => {
            matches!(per, Scope::Player | Scope::Party) && team.is_none()
        }
        RuleKind::Balance { .. } => false,
        RuleKind::All(parts) | RuleKind::Any(parts) => {
            return parts.iter().all(|part| stays(part, kept));
        }
        RuleKind::Not(part) => {
            let other = match kept {
                Kept::Held => Kept::Not,
                Kept::Not => Kept::Held,
            };
            return stays(part, other);
        }
    };
    breaks && kept == Kept::Not
}

/// The teams that a rule names.
fn named(kind: &RuleKind, out: &mut BTreeSet<usize>) {
    match kind {
        RuleKind::Contains { team, .. } | RuleKind::Compare { team, .. } => out.extend(*team),
        RuleKind::All(parts) | RuleKind::Any(parts) => parts.iter().for_each(|p| named(p, out)),
        RuleKind::Not(part) => named(part, out),
        _ => {}
    }
}

/// The upper and the lower limit of a rule as it is written; infinite where it has none.
pub(crate) fn base(kind: &RuleKind) -> (f64, f64) {
    match kind {
        RuleKind::Distance { max, .. } | RuleKind::Balance { max, .. } => (*max, f64::NEG_INFINITY),
        RuleKind::Intersect { min, .. } => (f64::INFINITY, *min as f64),
        RuleKind::Contains { min, max, .. } => {
            (max.map_or(f64::INFINITY, f64::from), f64::from(*min))
        }
        RuleKind::Compare {
            with: Operand::Number(limit),
            ..
        } => (*limit, *limit),
        _ => (f64::INFINITY, f64::NEG_INFINITY),
    }
}

impl Finals {
    /// `afters` are the ages at which levels begin, without the first.
    pub fn new(queue: &Queue, afters: &[u64]) -> Finals {
        let ages = || std::iter::once(0).chain(afters.iter().copied());
        let mut finals = Finals::default();
        let mut names = BTreeSet::new();
        for (index, rule) in queue.rules.iter().enumerate() {
            if is_indexed(queue, index, rule) {
                continue;
            }
            named(&rule.kind, &mut names);
            let kind = rule.kind.clone();
            if let Some(weight) = rule.prefer {
                let of_split = is_of_split(&kind);
                finals.wishes.push(Wish {
                    kind,
                    weight,
                    of_split,
                });
                continue;
            }
            let limits = ages()
                .map(|age| Limits::at(queue, index, &kind, age))
                .collect();
            let of_split = is_of_split(&kind);
            let one = Final {
                stays_broken: stays(&kind, Kept::Not),
                kind,
                limits,
            };
            match of_split {
                true => finals.of_split.push(one),
                false => finals.of_set.push(one),
            }
        }
        for (team, settings) in queue.teams.iter().enumerate() {
            let target = ExpansionTarget::TeamMin(team);
            let min = |age| {
                let least =
                    steps(queue, &target, age).map(|limit| limit.map_or(1, |limit| limit as u32));
                least.fold(u32::from(settings.players_min), u32::min).max(1)
            };
            finals.team_min.push(ages().map(min).collect());
        }
        finals.avoid = queue.avoid;
        finals.roles = queue.teams.iter().map(|t| t.roles.clone()).collect();
        finals.classes = (0..queue.teams.len())
            .map(|team| {
                let seats = |t: usize| {
                    let max = queue.teams.get(t).map(|team| team.players_max);
                    (finals.team_min.get(t), max, finals.roles.get(t))
                };
                let same = |t: &usize| !names.contains(t) && seats(*t) == seats(team);
                let first = (0..team).find(same);
                first.filter(|_| !names.contains(&team)).unwrap_or(team)
            })
            .collect();
        finals
    }

    /// Whether distances and sizes alone do not decide.
    pub fn ask(&self) -> bool {
        let shrinks = |levels: &Vec<u32>| levels.first() != levels.last();
        self.avoid.is_some()
            || !self.wishes.is_empty()
            || !self.of_set.is_empty()
            || !self.of_split.is_empty()
            || self.roles.iter().any(|roles| !roles.is_empty())
            || self.team_min.iter().any(shrinks)
    }

    /// The fewest players that a team may ever have.
    pub fn team_min_last(&self, team: usize) -> u32 {
        let levels = self.team_min.get(team);
        levels.and_then(|l| l.last()).copied().unwrap_or(1)
    }

    /// The fewest players that a team may have in a match of these tickets.
    pub fn team_min(&self, team: usize, entries: &[&Entry]) -> u32 {
        let Some(levels) = self.team_min.get(team) else {
            return 1;
        };
        let of = |entry: &&Entry| levels.get(usize::from(entry.level)).or(levels.last());
        entries.iter().filter_map(of).copied().max().unwrap_or(1)
    }

    /// Whether these tickets keep what does not depend on their teams.
    pub fn set_holds(&self, queue: &Queue, entries: &[&Entry]) -> bool {
        let seated = Seated {
            queue,
            entries,
            team_of: &[],
        };
        self.of_set.iter().all(|one| one.holds(&seated))
            && (!self.parts() || meetings(entries.iter().map(|entry| players(entry))) == 0)
    }

    /// Whether there is anything to ask tickets of whom not all are there yet.
    pub fn asks_early(&self) -> bool {
        self.of_set.iter().any(|one| one.stays_broken)
    }

    /// Whether more may join these tickets, as far as the rules say that stay broken.
    pub fn may_hold(&self, queue: &Queue, entries: &[&Entry]) -> bool {
        let seated = Seated {
            queue,
            entries,
            team_of: &[],
        };
        let mut early = self.of_set.iter().filter(|one| one.stays_broken);
        early.all(|one| one.holds(&seated))
    }

    /// Whether the teams keep the rules that depend on them; `team_of` says the team of each ticket.
    pub fn rules_hold(&self, queue: &Queue, entries: &[&Entry], team_of: &[u16]) -> bool {
        let seated = Seated {
            queue,
            entries,
            team_of,
        };
        self.of_split.iter().all(|one| one.holds(&seated))
    }

    /// Whether the teams keep what depends on them, and then how much of the wishes; `team_of` says the team of each
    /// ticket.
    pub fn of_split(&self, queue: &Queue, entries: &[&Entry], team_of: &[u16]) -> Option<Score> {
        let seated = Seated {
            queue,
            entries,
            team_of,
        };
        let holds = self.rules_hold(queue, entries, team_of)
            && self.roles.iter().enumerate().all(|(team, roles)| {
                roles.is_empty() || fill_roles(queue, &seated.of_team(team), roles, 0)
            });
        holds.then(|| self.kept(&seated, true))
    }

    /// How much of the wishes these tickets keep, as far as it does not depend on their teams.
    pub fn score(&self, queue: &Queue, entries: &[&Entry]) -> Score {
        let seated = Seated {
            queue,
            entries,
            team_of: &[],
        };
        let mut score = self.kept(&seated, false);
        if self.avoid.is_some_and(|avoid| avoid.soft) {
            score.meetings = meetings(entries.iter().map(|entry| players(entry)));
        }
        score
    }

    fn kept(&self, seated: &Seated<'_>, of_split: bool) -> Score {
        let asked = self.wishes.iter().filter(|wish| wish.of_split == of_split);
        let kept = asked.filter(|wish| {
            let (max, min) = base(&wish.kind);
            seated.keeps(&wish.kind, max, min)
        });
        Score {
            meetings: 0,
            // Added up from a positive zero.
            preference: kept.fold(0.0, |sum, wish| sum + wish.weight),
        }
    }

    /// Whether some matches are better than others.
    pub fn has_wishes(&self) -> bool {
        !self.wishes.is_empty() || self.avoid.is_some_and(|avoid| avoid.soft)
    }

    /// A score that no match exceeds.
    pub fn best_score(&self) -> Score {
        self.best_of_split().and(self.best(false))
    }

    /// The same of what depends on the teams.
    pub fn best_of_split(&self) -> Score {
        self.best(true)
    }

    fn best(&self, of_split: bool) -> Score {
        let wishes = self.wishes.iter().filter(|wish| wish.of_split == of_split);
        Score {
            meetings: 0,
            preference: wishes.fold(0.0, |sum, wish| sum + wish.weight),
        }
    }

    /// Whether avoid lists are kept strictly.
    fn parts(&self) -> bool {
        self.avoid.is_some_and(|avoid| !avoid.soft)
    }

    /// Whether these two tickets may never meet.
    pub fn are_apart(&self, a: &Entry, b: &Entry) -> bool {
        self.parts() && meetings([a, b].iter().map(|entry| players(entry))) > 0
    }
}

/// The limits of the steps that have come at this age.
pub(crate) fn steps<'a>(
    queue: &'a Queue,
    target: &'a ExpansionTarget,
    age: u64,
) -> impl Iterator<Item = Option<f64>> + 'a {
    let of_target = queue.expansions.iter().filter(move |e| e.target == *target);
    let steps = of_target.flat_map(|e| &e.steps);
    steps.filter(move |s| s.after.0 <= age).map(|s| s.limit)
}

impl Limits {
    fn at(queue: &Queue, index: usize, kind: &RuleKind, age: u64) -> Limits {
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
    }
}

impl Final {
    fn holds(&self, seated: &Seated<'_>) -> bool {
        let mut tightest: Option<(f64, f64)> = None;
        for entry in seated.entries {
            let level = usize::from(entry.level);
            let Some(own) = self.limits.get(level).or(self.limits.last()) else {
                continue;
            };
            if !own.off {
                let (max, min) = tightest.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
                tightest = Some((max.min(own.max), min.max(own.min)));
            }
        }
        tightest.is_none_or(|(max, min)| seated.keeps(&self.kind, max, min))
    }
}

impl<'a> Seated<'a> {
    fn of_team(&self, team: usize) -> Vec<&'a TicketPlayer> {
        let tickets = self.entries.iter().zip(self.team_of);
        tickets
            .filter(|&(_, &t)| usize::from(t) == team)
            .flat_map(|(entry, _)| players(entry))
            .collect()
    }

    /// The players of whom a rule speaks: each of these groups by itself.
    fn groups(&self, per: Scope, team: Option<usize>) -> Vec<Vec<&'a TicketPlayer>> {
        let seats = self.entries.iter().enumerate();
        let asked = seats.filter(|(n, _)| {
            team.is_none_or(|t| self.team_of.get(*n).copied() == u16::try_from(t).ok())
        });
        let entries = asked.map(|(_, entry)| *entry);
        match (per, team) {
            (Scope::Player, _) => entries.flat_map(players).map(|p| vec![p]).collect(),
            (Scope::Party, _) => entries.map(|e| players(e).iter().collect()).collect(),
            (Scope::Team, Some(team)) => Some(self.of_team(team))
                .into_iter()
                .filter(|players| !players.is_empty())
                .collect(),
            (Scope::Team, None) => (0..self.queue.teams.len())
                .map(|t| self.of_team(t))
                // Of a match that is played a team may be empty; nothing is asked of it.
                .filter(|players| !players.is_empty())
                .collect(),
            (Scope::Match, _) => vec![entries.flat_map(players).collect()],
        }
    }

    fn figure(&self, players: &[&TicketPlayer], read: &Reading, of: Aggregate) -> f64 {
        summed(of, players.iter().map(|p| number(self.queue, p, read)))
    }

    fn gap(&self, read: &Reading, per: Scope, of: Aggregate) -> f64 {
        let groups = self.groups(per, None);
        let figures = groups.iter().map(|players| self.figure(players, read, of));
        let (low, high) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| {
            (l.min(x), h.max(x))
        });
        high - low
    }

    fn keeps(&self, kind: &RuleKind, max: f64, min: f64) -> bool {
        let part = |kind: &RuleKind| {
            let (max, min) = base(kind);
            self.keeps(kind, max, min)
        };
        match kind {
            RuleKind::Distance { read, per, of, .. } => self.gap(read, *per, *of) <= max,
            RuleKind::Balance { read, of, .. } => self.gap(read, Scope::Team, *of) <= max,
            RuleKind::Equal { read, per } => {
                let groups = self.groups(*per, None);
                groups.iter().all(|players| {
                    let mut texts = players.iter().map(|p| text(self.queue, p, read));
                    let first = texts.next();
                    texts.all(|text| Some(text) == first)
                })
            }
            RuleKind::Different { read, per } => {
                let groups = self.groups(*per, None);
                groups.iter().all(|players| self.kinds(players, read) == players.len())
            }
            RuleKind::Intersect { attribute, per, .. } => {
                let groups = self.groups(*per, None);
                groups
                    .iter()
                    .all(|players| shared(self.queue, players, attribute) as f64 >= min)
            }
            RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                ..
            } => self.groups(*per, *team).iter().all(|players| {
                let has = |p: &&&TicketPlayer| has_any(self.queue, p, attribute, values);
                let n = players.iter().filter(has).count() as f64;
                min <= n && n <= max
            }),
            RuleKind::Compare {
                read,
                per,
                of,
                team,
                by,
                with,
            } => self.groups(*per, *team).iter().all(|players| match with {
                Operand::Text(text) => players.iter().all(|player| {
                    let is = matches!(value(self.queue, player, &read.attribute), Some(Value::String(t)) if t == text);
                    is == (*by == model::queue::Comparison::Equal)
                }),
                Operand::Number(_) => {
                    // What widens is the limit on its open side.
                    use model::queue::Comparison::{AtMost, Less};
                    let limit = if matches!(by, Less | AtMost) { max } else { min };
                    by.holds(self.figure(players, read, *of), limit)
                }
                Operand::Reading(other) => by.holds(
                    self.figure(players, read, *of),
                    self.figure(players, other, *of),
                ),
            }),
            RuleKind::All(parts) => parts.iter().all(part),
            RuleKind::Any(parts) => parts.iter().any(part),
            RuleKind::Not(inner) => !part(inner),
        }
    }

    /// How many different values there are.
    fn kinds(&self, players: &[&TicketPlayer], read: &Reading) -> usize {
        let texts = players.iter().map(|p| text(self.queue, p, read));
        texts.collect::<BTreeSet<_>>().len()
    }
}

/// Several numbers as one.
pub(crate) fn summed(of: Aggregate, numbers: impl Iterator<Item = f64>) -> f64 {
    match of {
        Aggregate::Min => numbers.fold(f64::INFINITY, f64::min),
        Aggregate::Max => numbers.fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Sum => numbers.sum(),
        Aggregate::Mean => {
            let (sum, n) = numbers.fold((0.0, 0_u32), |(sum, n), x| (sum + x, n + 1));
            sum / f64::from(n.max(1))
        }
    }
}

/// Whether a player has one of some texts.
pub(crate) fn has_any(
    queue: &Queue,
    player: &TicketPlayer,
    attribute: &Name,
    values: &[String],
) -> bool {
    let own = texts(queue, player, attribute);
    own.iter().any(|text| values.contains(text))
}

/// How many texts all players have.
pub(crate) fn shared(queue: &Queue, players: &[&TicketPlayer], attribute: &Name) -> usize {
    common_texts(queue, players.iter().copied(), attribute).map_or(usize::MAX, |all| all.len())
}
