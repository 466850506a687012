//! The rules that a whole candidate match is asked at last: what neither pools nor distances nor balance decide.
//!
//! Rules of the set are asked once for each set of tickets, rules of the split once for each split that is considered.

use std::collections::{BTreeMap, BTreeSet};

use model::Name;
use model::queue::{Aggregate, Avoid, ExpansionTarget, Operand, Queue, Rule, RuleKind, Scope};
use model::ticket::TicketPlayer;

use crate::avoid::{meetings, names};
use crate::entry::{Entry, texts};
use crate::facts::{Columns, PlayerColumn};
use crate::question::{Question, Seated};
use crate::roles;
use crate::wishes::Score;

/// Two tickets that are not on one team for certain.
const APART: [u16; 2] = [0, 1];

/// The last questions of a queue.
#[derive(Debug, Default)]
pub(crate) struct Finals {
    of_set: Vec<Final>,
    of_split: Vec<Final>,
    /// What is read of each ticket beforehand.
    pub columns: Columns,
    /// By team.
    roles: Vec<Roles>,
    /// By team: the fewest players at each level.
    team_min: Vec<Vec<u32>>,
    /// What is only wished.
    wishes: Vec<Wish>,
    /// Who avoids somebody never meets him, or would rather not.
    avoid: Option<Avoid>,
    /// Teams of one class may change names.
    pub classes: Vec<usize>,
}

/// The roles that a team wants.
#[derive(Debug, Default, PartialEq)]
struct Roles {
    /// Which of them a player would take.
    column: usize,
    /// How many they are.
    names: usize,
    /// The role of each seat with one.
    seats: Vec<usize>,
}

/// One rule with its limits at each level.
#[derive(Debug)]
pub(crate) struct Final {
    /// Of the rule.
    index: usize,
    question: Question,
    limits: Vec<Limits>,
    /// Whether tickets that break it break it whoever joins them; of a rule of the split, whoever joins their team.
    stays_broken: bool,
}

/// A rule that makes a match better by its weight.
#[derive(Debug)]
struct Wish {
    question: Question,
    max: f64,
    min: f64,
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

/// Whether it matters who the players are, not only what they bring: the entries then keep their tickets.
pub(crate) fn reads_tickets(queue: &Queue) -> bool {
    queue.teams.iter().any(|team| !team.roles.is_empty()) || queue.avoid.is_some()
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

/// Whether players who break a rule of the split on one team break it whoever joins that team, whichever it is.
fn parts_team(kind: &RuleKind) -> bool {
    match kind {
        RuleKind::Equal { per, .. }
        | RuleKind::Different { per, .. }
        | RuleKind::Intersect { per, .. } => *per == Scope::Team,
        RuleKind::All(parts) | RuleKind::Any(parts) => parts.iter().all(parts_team),
        _ => false,
    }
}

/// The teams that a rule names.
pub(crate) fn named(kind: &RuleKind, out: &mut BTreeSet<usize>) {
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
            let question = Question::new(&mut finals.columns, &rule.kind);
            let of_split = is_of_split(&rule.kind);
            if let Some(weight) = rule.prefer {
                let (max, min) = base(&rule.kind);
                finals.wishes.push(Wish {
                    question,
                    max,
                    min,
                    weight,
                    of_split,
                });
                continue;
            }
            let limits = ages()
                .map(|age| Limits::at(queue, index, &rule.kind, age))
                .collect();
            let one = Final {
                index,
                stays_broken: match of_split {
                    true => parts_team(&rule.kind),
                    false => stays(&rule.kind, Kept::Not),
                },
                question,
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
        let columns = &mut finals.columns;
        let roles = queue.teams.iter();
        finals.roles = roles
            .map(|team| Roles::new(queue, columns, &team.roles))
            .collect();
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
            || self.roles.iter().any(|roles| !roles.seats.is_empty())
            || self.team_min.iter().any(shrinks)
    }

    /// The fewest players that a team may ever have.
    pub fn team_min_last(&self, team: usize) -> u32 {
        let levels = self.team_min.get(team);
        levels.and_then(|l| l.last()).copied().unwrap_or(1)
    }

    /// By level the fewest players that all teams together may have; empty if they are the same at every level.
    pub fn least(&self) -> Vec<u32> {
        let levels = self.team_min.iter().map(Vec::len).max().unwrap_or(0);
        let of = |level: usize| {
            self.team_min
                .iter()
                .filter_map(move |levels| levels.get(level))
        };
        let mut least: Vec<u32> = (0..levels).map(|level| of(level).sum()).collect();
        if least.first() == least.last() {
            least.clear();
        }
        least
    }

    /// The fewest players that a team may have in a match of tickets of a level; the last ones beyond the last.
    pub fn team_min_at(&self, team: usize, level: usize) -> u32 {
        let levels = self.team_min.get(team);
        let least = levels.and_then(|l| l.get(level).or(l.last()));
        least.copied().unwrap_or(1)
    }

    /// The fewest players that a team may have in a match of these tickets.
    pub fn team_min(&self, team: usize, entries: &[&Entry]) -> u32 {
        let Some(levels) = self.team_min.get(team) else {
            return 1;
        };
        let of = |entry: &&Entry| levels.get(usize::from(entry.level)).or(levels.last());
        entries.iter().filter_map(of).copied().max().unwrap_or(1)
    }

    fn seated<'a>(&'a self, entries: &'a [&'a Entry], team_of: &'a [u16]) -> Seated<'a> {
        Seated {
            columns: &self.columns,
            entries,
            team_of,
            teams: u16::try_from(self.team_min.len()).unwrap_or(u16::MAX),
        }
    }

    /// Whether these tickets keep what does not depend on their teams.
    pub fn set_holds(&self, entries: &[&Entry]) -> bool {
        let seated = self.seated(entries, &[]);
        self.of_set.iter().all(|one| one.holds(seated))
            && (!self.parts() || meetings(entries.iter().map(|entry| players(entry))) == 0)
    }

    /// Whether there is anything to ask tickets of whom not all are there yet.
    pub fn asks_early(&self) -> bool {
        self.of_set.iter().any(|one| one.stays_broken)
    }

    /// Whether more may join these tickets, as far as the rules say that stay broken.
    pub fn may_hold(&self, entries: &[&Entry]) -> bool {
        let seated = self.seated(entries, &[]);
        let mut early = self.of_set.iter().filter(|one| one.stays_broken);
        early.all(|one| one.holds(seated))
    }

    /// Whether the teams keep the rules that depend on them; `team_of` says the team of each ticket.
    pub fn rules_hold(&self, entries: &[&Entry], team_of: &[u16]) -> bool {
        let seated = self.seated(entries, team_of);
        self.of_split.iter().all(|one| one.holds(seated))
    }

    /// Whether each team's roles find players of their own, all but as many as it has `free` seats.
    pub fn roles_filled(&self, entries: &[&Entry], team_of: &[u16], free: &[u32]) -> bool {
        let mut teams = self.roles.iter().zip(0_u16..);
        teams.all(|(roles, team)| {
            if roles.seats.is_empty() {
                return true;
            }
            let on_team = entries.iter().zip(team_of).filter(|(_, t)| **t == team);
            let bits = |entry: &'_ &'_ Entry, player| {
                let players = usize::from(entry.players);
                self.columns.cells(roles.column, player, players)
            };
            let cells = roles.names.div_ceil(64);
            let players = on_team.flat_map(|(entry, _)| {
                let own = 0..usize::from(entry.players);
                own.map(move |player| entry.facts.bits(bits(entry, player), cells))
            });
            let players: Vec<&[u64]> = players.collect();
            let spare = free.get(usize::from(team)).copied().unwrap_or(0);
            roles::fill_roles(&players, &roles.seats, spare)
        })
    }

    /// Whether the teams keep what depends on them, and then how much of the wishes; `team_of` says the team of each
    /// ticket.
    pub fn of_split(&self, entries: &[&Entry], team_of: &[u16]) -> Option<Score> {
        let holds = self.rules_hold(entries, team_of) && self.roles_filled(entries, team_of, &[]);
        holds.then(|| self.kept(self.seated(entries, team_of), true))
    }

    /// How much of the wishes these tickets keep, as far as it does not depend on their teams.
    pub fn score(&self, entries: &[&Entry]) -> Score {
        let mut score = self.kept(self.seated(entries, &[]), false);
        if self.avoid.is_some_and(|avoid| avoid.soft) {
            score.meetings = meetings(entries.iter().map(|entry| players(entry)));
        }
        score
    }

    fn kept(&self, seated: Seated<'_>, of_split: bool) -> Score {
        let asked = self.wishes.iter().filter(|wish| wish.of_split == of_split);
        let kept = asked.filter(|wish| seated.keeps(&wish.question, wish.max, wish.min));
        Score {
            meetings: 0,
            // Added up from a positive zero.
            preference: kept.fold(0.0, |sum, wish| sum + wish.weight),
        }
    }

    /// The hard rule at this index of the queue's.
    pub fn rule(&self, index: usize) -> Option<&Final> {
        let mut all = self.of_set.iter().chain(&self.of_split);
        all.find(|one| one.index == index)
    }

    /// Whether two tickets of these levels break a rule whoever joins them.
    pub fn breaks(&self, rule: &Final, pair: [&Entry; 2], levels: [u16; 2]) -> bool {
        let limits = rule.tightest(levels.into_iter());
        let seated = self.apart(&pair);
        limits.is_some_and(|(max, min)| seated.breaks(&rule.question, max, min))
    }

    /// Whether every match of the first of these tickets with some of the others keeps a rule, whatever their teams are:
    /// only where that is seen at once. `levels` are those of the tickets.
    pub fn surely_holds(
        &self,
        rule: &Final,
        entries: &[&Entry],
        levels: impl Iterator<Item = u16>,
    ) -> bool {
        let limits = rule.tightest(levels);
        let seated = self.seated(entries, &[]);
        limits.is_none_or(|(max, min)| seated.surely_keeps(&rule.question, max, min))
    }

    /// How far apart two tickets are by a rule that is about a distance.
    pub fn gap(&self, rule: &Final, pair: [&Entry; 2]) -> Option<f64> {
        self.apart(&pair).gap(&rule.question)
    }

    fn apart<'a>(&'a self, pair: &'a [&'a Entry; 2]) -> Seated<'a> {
        Seated {
            teams: APART.len() as u16,
            ..self.seated(pair, &APART)
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
    pub fn parts(&self) -> bool {
        self.avoid.is_some_and(|avoid| !avoid.soft)
    }

    /// Whether [`Self::are_apart`] may say so of any.
    pub fn parts_pairs(&self) -> bool {
        self.parts() || self.asks_early()
    }

    /// Whether [`Self::are_rivals`] may say so of any.
    pub fn parts_teams(&self) -> bool {
        self.of_split.iter().any(|one| one.stays_broken)
    }

    /// Whether these two tickets may never be on one team.
    pub fn are_rivals(&self, a: &Entry, b: &Entry) -> bool {
        let both = [a, b];
        let seated = self.seated(&both, &[0, 0]);
        let mut rules = self.of_split.iter().filter(|one| one.stays_broken);
        rules.any(|one| !one.holds(seated))
    }

    /// Whether these two tickets may never meet.
    pub fn are_apart(&self, a: &Entry, b: &Entry) -> bool {
        !self.may_hold(&[a, b]) || self.may_not_meet(a, b)
    }

    /// Whether the first of them avoids the other, and that is kept strictly.
    pub fn avoids(&self, own: &Entry, other: &Entry) -> bool {
        self.parts() && names(players(own), players(other))
    }

    /// Whether one of them avoids the other, and that is kept strictly.
    pub fn may_not_meet(&self, a: &Entry, b: &Entry) -> bool {
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

impl Roles {
    fn new(queue: &Queue, columns: &mut Columns, wanted: &BTreeMap<Name, u16>) -> Roles {
        let mut roles = Roles {
            column: 0,
            // Without an attribute nobody would take any.
            names: 0,
            seats: roles::seats(wanted),
        };
        if let (Some(attribute), false) = (&queue.role_attribute, wanted.is_empty()) {
            let names: Vec<Name> = wanted.keys().cloned().collect();
            roles.names = names.len();
            roles.column = columns.of_player(PlayerColumn::Roles(attribute.clone(), names));
        }
        roles
    }
}

impl Final {
    fn limits(&self, level: u16) -> Option<&Limits> {
        let own = self.limits.get(usize::from(level));
        own.or(self.limits.last()).filter(|limits| !limits.off)
    }

    /// The tightest upper and lower limit that tickets of these levels demand; `None`: all have given the rule up.
    fn tightest(&self, levels: impl Iterator<Item = u16>) -> Option<(f64, f64)> {
        let demanded = levels.filter_map(|level| self.limits(level));
        let demanded = demanded.map(|limits| (limits.max, limits.min));
        demanded
            .reduce(|(max, min), (other_max, other_min)| (max.min(other_max), min.max(other_min)))
    }

    fn holds(&self, seated: Seated<'_>) -> bool {
        let levels = seated.entries.iter().map(|entry| entry.level);
        let limits = self.tightest(levels);
        limits.is_none_or(|(max, min)| seated.keeps(&self.question, max, min))
    }

    /// The upper limit of tickets of a level.
    pub fn max(&self, level: u16) -> f64 {
        self.limits(level)
            .map_or(f64::INFINITY, |limits| limits.max)
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
    let Some((first, others)) = players.split_first() else {
        return usize::MAX;
    };
    let own = texts(queue, first, attribute);
    let others = others.iter().map(|player| texts(queue, player, attribute));
    let others: Vec<&[String]> = others.collect();
    let all_have = |text: &String| others.iter().all(|own| own.contains(text));
    let is_first = |n: usize, text: &String| !own.iter().take(n).any(|other| other == text);
    let own = own.iter().enumerate();
    own.filter(|(n, text)| is_first(*n, text) && all_have(text))
        .count()
}
