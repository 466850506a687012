//! Whether the rules of a queue can be kept at all, and whether who brings only the defaults gets in.
//!
//! Judged is what the rules demand once every expansion has come that a ticket lives to see: what no age of any ticket
//! makes possible is wrong.

use super::diagnostic::Report;
use super::nearest::quoted_list;
use super::possible::{Team, World, conflict, is_impossible};
use super::queue_rules::RuleLint;
use crate::Name;
use crate::queue::{
    Aggregate, Comparison, Expansion, ExpansionStep, ExpansionTarget, Operand, Reading, Rule,
    RuleKind, Scope,
};
use crate::ticket::Value;

/// A rule as wide as it ever gets; `None`: it is a wish, or it is given up at last.
fn widest(rule: &Rule, index: usize, expansions: &[Expansion]) -> Option<Rule> {
    let limits = |target: ExpansionTarget| {
        let of_rule = expansions.iter().filter(move |e| e.target == target);
        of_rule.flat_map(|e| &e.steps).map(|step| step.limit)
    };
    let mut rule = rule.clone();
    if rule.prefer.is_some() {
        return None;
    }
    for limit in limits(ExpansionTarget::Rule(index)) {
        let limit = limit?;
        match &mut rule.kind {
            RuleKind::Distance { max, .. } | RuleKind::Balance { max, .. } => *max = max.max(limit),
            RuleKind::Contains { max: Some(max), .. } => *max = (*max).max(limit as u32),
            RuleKind::Compare {
                with: Operand::Number(with),
                ..
            } => *with = with.max(limit),
            _ => {}
        }
    }
    for limit in limits(ExpansionTarget::RuleMin(index)) {
        let limit = limit.unwrap_or(f64::NEG_INFINITY);
        match &mut rule.kind {
            RuleKind::Intersect { min, .. } => *min = (*min).min(limit as usize),
            RuleKind::Contains { min, .. } => *min = (*min).min(limit as u32),
            RuleKind::Compare {
                with: Operand::Number(with),
                ..
            } => *with = with.min(limit),
            _ => {}
        }
    }
    Some(rule)
}

impl<'a> RuleLint<'a> {
    /// Reports rules that nobody can keep, alone or together, and defaults that keep nobody in. Without `rules`, as one of
    /// them is no rule, each of the others is judged by its number of players alone.
    pub fn sense(&mut self, rules: Option<&[Rule]>, expansions: &[Expansion]) {
        let document = self.document;
        let is_unsure = |part: &&str| document.is_unsure(&[part]);
        if ["teams", "expansions"].iter().any(is_unsure) {
            return;
        }
        let mut sizes = self.teams.iter();
        let is_sure = !["rules", "party"].iter().any(is_unsure)
            && sizes.all(|team| team.players_min <= team.players_max);
        let expansions = &self.that_come(expansions);
        let are_countable = self.counts(expansions) == 0;
        let (true, Some(rules)) = (is_sure && are_countable, rules) else {
            return;
        };
        let rules = rules.iter().enumerate();
        let wide: Vec<(usize, Rule)> = rules
            .filter_map(|(index, rule)| Some((index, widest(rule, index, expansions)?)))
            .collect();
        let world = self.world(expansions);
        if self.conflicts(&world, &wide) == 0 {
            self.defaults(&world, &wide);
            self.idle(&world);
        }
    }

    /// Reports whatever wants more players than teams have; how much of it no match can do without.
    fn counts(&mut self, expansions: &[Expansion]) -> usize {
        let mut missed = 0;
        for (index, rule) in self.judged.clone().iter().enumerate() {
            let Some(rule) = rule else { continue };
            let wide = widest(rule, index, expansions);
            let is_met = |rule: &Rule| self.uncountable(&rule.kind).is_none();
            let falls = !is_met(rule) && wide.as_ref().is_some_and(is_met);
            if !falls {
                let path = ["rules".to_owned(), index.to_string()];
                let whole = format!("the rule `{}`", rule.name);
                missed += self.count(&rule.kind, &path, wide.is_some(), &whole);
            }
        }
        missed
    }

    /// The same of one condition, called `subject`; who `is_needed` is an error, all else a warning.
    fn count(&mut self, kind: &RuleKind, path: &[String], is_needed: bool, subject: &str) -> usize {
        let mut parts = |parts: &[RuleKind], key: &str, is_needed| {
            let parts = parts.iter().enumerate();
            let missed = parts.map(|(index, part)| {
                let path = [path, &[key.to_owned(), index.to_string()]].concat();
                self.count(part, &path, is_needed, "this part")
            });
            missed.sum()
        };
        match kind {
            RuleKind::All(all) => return parts(all, "all", is_needed),
            RuleKind::Any(any) => return parts(any, "any", false),
            RuleKind::Not(part) => {
                let path = [path, &["not".to_owned()]].concat();
                return self.count(part, &path, false, "this part");
            }
            _ => {}
        }
        let Some((min, most, of)) = self.uncountable(kind) else {
            return 0;
        };
        let message = format!("{min} players can never be in a {of} of at most {most}");
        let help = format!("write {most} or less");
        let path = [path, &["min".to_owned()]].concat();
        if is_needed {
            self.wrong("never-met", &path, message, &help);
        } else {
            // A match may come about without it; whether it can is judged of all rules together.
            let message = format!("{message}, so {subject} is never kept");
            self.warn("never-met", &path, message, &help);
        }
        usize::from(is_needed)
    }

    /// How many players it wants of how many that a team, or the match, has at most; `None`: no more than there can be.
    fn uncountable(&self, kind: &RuleKind) -> Option<(u32, u32, &'static str)> {
        let RuleKind::Contains { per, team, min, .. } = kind else {
            return None;
        };
        let sizes = self.teams.iter().map(|team| u32::from(team.players_max));
        let (most, of) = match (team, per) {
            (Some(index), _) => (sizes.clone().nth(*index)?, "team"),
            (None, Scope::Match) => (sizes.sum(), "match"),
            (None, _) => (sizes.min()?, "team"),
        };
        (*min > most).then_some((*min, most, of))
    }

    /// The expansions without steps that no ticket lives to see.
    fn that_come(&self, expansions: &[Expansion]) -> Vec<Expansion> {
        let is_known = !self.document.is_unsure(&["ticket"]);
        let lives = self.raw.ticket.time_out.filter(|_| is_known);
        let mut expansions = expansions.to_vec();
        for expansion in &mut expansions {
            let comes = |step: &ExpansionStep| lives.is_none_or(|lives| step.after < lives.0);
            expansion.steps.retain(comes);
        }
        expansions
    }

    /// What is said of the teams and of what players bring.
    fn world(&self, expansions: &[Expansion]) -> World<'a> {
        World {
            teams: self.sizes(expansions),
            party_most: u32::from(self.party_players_max),
            attributes: self.attributes,
            role_attribute: self.raw.roles.as_ref().map(|roles| &roles.attribute),
        }
    }

    /// Warns of rules that do nothing, as every match keeps them, and of wishes without weight.
    fn idle(&mut self, world: &World<'_>) {
        for (index, rule) in self.judged.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let index = index.to_string();
            let (key, code, message, help) = if rule.prefer == Some(0.0) {
                let message = format!(
                    "no match is better for keeping `{}`: its weight is 0",
                    rule.name
                );
                (
                    "prefer",
                    "zero",
                    message,
                    "write a weight above 0, or remove the rule",
                )
            } else {
                let broken = RuleKind::Not(Box::new(rule.kind.clone()));
                if !is_impossible(world, std::iter::once(&broken)) {
                    continue;
                }
                let message = format!(
                    "every match of these teams keeps `{}`: the rule does nothing",
                    rule.name
                );
                (
                    "name",
                    "does-nothing",
                    message,
                    "remove it, or change it or the teams",
                )
            };
            let span = self.document.at(&["rules", &index, key]);
            self.reports
                .push(Report::warning(code, span, message).write(help));
        }
    }

    /// Reports rules that no match can keep together; how many times.
    fn conflicts(&mut self, world: &World<'_>, wide: &[(usize, Rule)]) -> usize {
        let mut left: Vec<&(usize, Rule)> = wide.iter().collect();
        let mut found = Vec::new();
        loop {
            let rules: Vec<&RuleKind> = left.iter().map(|(_, rule)| &rule.kind).collect();
            let places = conflict(world, &rules).unwrap_or_default();
            let Some(&last) = places.last() else { break };
            let names = places.iter().filter_map(|&place| left.get(place));
            let names: Vec<&str> = names.map(|(_, rule)| rule.name.as_str()).collect();
            found.push((left.remove(last).0, names));
        }
        for (index, names) in &found {
            self.report_conflict(*index, names);
        }
        found.len()
    }

    fn report_conflict(&mut self, index: usize, names: &[&str]) {
        let path = ["rules", &index.to_string(), "name"];
        let list = quoted_list(names.iter().copied());
        match names.len() {
            1 => {
                let message = format!("no match of these teams can keep {list}");
                let help = "it wants what contradicts itself or the roles, more players than a match has seats, or a number beyond 10^15: change it, or the teams";
                self.error("never-met", &path, message, help);
            }
            2 => {
                let message = format!("no match can keep both {list}");
                let help = "change or remove one of them, or write `any: […]` with both";
                self.error("rules-contradict", &path, message, help);
            }
            _ => {
                let message = format!("no match can keep {list} all together, only some of them");
                let help = "change or remove one of them";
                self.error("rules-contradict", &path, message, help);
            }
        }
    }

    /// The teams, as small as they may ever start.
    fn sizes(&self, expansions: &[Expansion]) -> Vec<Team> {
        let teams = self.teams.iter().enumerate().map(|(index, team)| {
            let falls = expansions
                .iter()
                .filter(|e| e.target == ExpansionTarget::TeamMin(index));
            let limits = falls.flat_map(|e| &e.steps).map(|step| step.limit);
            let limits = limits.map(|limit| limit.unwrap_or(1.0).max(1.0) as u32);
            let roles = team.roles.iter();
            Team {
                least: limits.fold(u32::from(team.players_min), u32::min),
                most: u32::from(team.players_max),
                roles: roles
                    .map(|(role, n)| (role.clone(), u32::from(*n)))
                    .collect(),
            }
        });
        teams.collect()
    }

    /// Who brings nothing has the default, and is refused at the door if that breaks a rule by itself.
    fn defaults(&mut self, world: &World<'_>, wide: &[(usize, Rule)]) {
        for (index, rule) in wide {
            let own = self.default_breaks(&rule.kind);
            let Some(names) = own.or_else(|| self.defaults_spoil(world, &rule.kind)) else {
                continue;
            };
            let path = ["rules", &index.to_string(), "name"];
            let (message, help) = match names.as_slice() {
                [name] => (
                    format!(
                        "whoever brings no `{name}` is refused: its default breaks `{}`",
                        rule.name
                    ),
                    "change the default, or remove it so that he is told what he lacks",
                ),
                names => (
                    format!(
                        "whoever brings neither {} is refused: their defaults break `{}`",
                        quoted_list(names.iter().copied()).replace(" and ", " nor "),
                        rule.name
                    ),
                    "change a default, or remove one so that he is told what he lacks",
                ),
            };
            let report = Report::warning("default-breaks-rule", self.document.at(&path), message);
            self.reports.push(report.write(help));
        }
    }

    fn default_of(&self, name: &Name) -> Option<&Value> {
        self.attributes.get(name)?.default.as_ref()
    }

    /// The attributes whose defaults keep a player out, whoever plays with him.
    fn default_breaks<'k>(&self, kind: &'k RuleKind) -> Option<Vec<&'k str>> {
        let number = |read: &Reading| match (self.default_of(&read.attribute)?, &read.key) {
            (Value::Number(x), None) => Some(*x),
            (Value::Numbers(numbers), Some(key)) => numbers.get(key).copied(),
            _ => None,
        };
        match kind {
            RuleKind::All(parts) => parts.iter().find_map(|part| self.default_breaks(part)),
            RuleKind::Intersect { attribute, min, .. } => match self.default_of(attribute)? {
                Value::Strings(texts) => (texts.len() < *min).then(|| vec![attribute.as_str()]),
                _ => None,
            },
            RuleKind::Compare {
                per: Scope::Player,
                team: None,
                read,
                by,
                with,
                ..
            } => {
                let own = read.attribute.as_str();
                match with {
                    Operand::Number(with) => (!by.holds(number(read)?, *with)).then(|| vec![own]),
                    Operand::Text(with) => {
                        let Value::String(text) = self.default_of(&read.attribute)? else {
                            return None;
                        };
                        ((text == with) != (*by == Comparison::Equal)).then(|| vec![own])
                    }
                    Operand::Reading(other) => {
                        let breaks = !by.holds(number(read)?, number(other)?);
                        let mut names = vec![own];
                        if other.attribute != read.attribute {
                            names.push(other.attribute.as_str());
                        }
                        breaks.then_some(names)
                    }
                }
            }
            _ => None,
        }
    }

    /// The attributes of whose defaults no match that keeps a rule has a player.
    fn defaults_spoil<'k>(&self, world: &World<'_>, kind: &'k RuleKind) -> Option<Vec<&'k str>> {
        let mut read: Vec<(&Name, Option<&String>)> = Vec::new();
        kind.readings(&mut |name, key| read.push((name, key)));
        read.retain(|(name, _)| self.default_of(name).is_some());
        let spoil = |read: &[(&Name, Option<&String>)]| {
            let there = read
                .iter()
                .flat_map(|(name, key)| self.with_default(name, *key));
            let there: Vec<RuleKind> = there.collect();
            is_impossible(world, std::iter::once(kind).chain(&there))
        };
        let alone = read.iter().find(|one| spoil(&[**one]));
        if let Some((name, _)) = alone {
            return Some(vec![name.as_str()]);
        }
        let is_so = read.len() > 1 && spoil(&read);
        let mut names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        is_so.then_some(names)
    }

    /// What holds of a match with a player who has the default of an attribute.
    fn with_default(&self, name: &Name, key: Option<&String>) -> Vec<RuleKind> {
        let number = |x: f64| {
            let ends = [
                (Aggregate::Min, Comparison::AtMost),
                (Aggregate::Max, Comparison::AtLeast),
            ];
            let compare = |(of, by)| RuleKind::Compare {
                read: Reading {
                    attribute: name.clone(),
                    key: key.cloned(),
                },
                per: Scope::Match,
                of,
                team: None,
                by,
                with: Operand::Number(x),
            };
            ends.map(compare).to_vec()
        };
        let has = |text: &String| RuleKind::Contains {
            attribute: name.clone(),
            values: vec![text.clone()],
            per: Scope::Match,
            team: None,
            min: 1,
            max: None,
        };
        match (self.default_of(name), key) {
            (Some(Value::Number(x)), None) => number(*x),
            (Some(Value::Numbers(numbers)), Some(key)) => {
                numbers.get(key).map_or_else(Vec::new, |x| number(*x))
            }
            (Some(Value::String(text)), _) => vec![has(text)],
            (Some(Value::Strings(texts)), _) => texts.iter().map(has).collect(),
            _ => Vec::new(),
        }
    }
}
