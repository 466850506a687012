//! Whether the rules of a queue can be kept at all, and whether who brings only the defaults gets in.
//!
//! Judged is what the rules demand once every expansion has come: what no age of any ticket makes possible is wrong.

use std::collections::BTreeMap;

use super::diagnostic::Report;
use super::queue_rules::{RuleLint, contradict};
use crate::queue::{
    Aggregate, AttributeType, Comparison, Expansion, ExpansionTarget, Operand, Reading, Rule,
    RuleKind, Scope,
};
use crate::ticket::Value;

/// Between which numbers the players of a team are.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

const ANY: Range = Range {
    low: f64::NEG_INFINITY,
    high: f64::INFINITY,
};

impl Range {
    fn hull(self, other: Range) -> Range {
        Range {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// Whether some number of it compares like this.
    fn may(self, by: Comparison, with: f64) -> bool {
        let tries = [
            self.low,
            self.high,
            with.clamp(self.low, self.high),
            self.low.midpoint(self.high),
        ];
        // An open end holds any number beyond.
        let beyond = [
            (with - 1.0).clamp(self.low, self.high),
            (with + 1.0).clamp(self.low, self.high),
        ];
        tries.iter().chain(&beyond).any(|&x| by.holds(x, with))
    }
}

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

impl RuleLint<'_> {
    /// Reports rules that nobody can keep together, and defaults that keep nobody in.
    pub fn sense(&mut self, rules: &[Rule], expansions: &[Expansion]) {
        if self.document.is_unsure(&["rules"]) || self.document.is_unsure(&["teams"]) {
            return;
        }
        let rules = rules.iter().enumerate();
        let wide: Vec<(usize, Rule)> = rules
            .filter_map(|(index, rule)| Some((index, widest(rule, index, expansions)?)))
            .collect();
        let before = self.reports.len();
        self.contradictions(&wide);
        if self.reports.len() == before {
            self.bounds(&wide);
            self.crowded(&wide);
        }
        if self.reports.len() == before {
            self.defaults(&wide);
        }
    }

    fn never_met(&mut self, index: usize, message: String, help: &str) {
        let path = ["rules", &index.to_string(), "name"];
        self.error("never-met", &path, message, help);
    }

    /// Rules that no player, party or match can keep both.
    fn contradictions(&mut self, wide: &[(usize, Rule)]) {
        for (n, (index, rule)) in wide.iter().enumerate() {
            let mut before = wide.iter().take(n);
            if let Some((_, other)) = before.find(|(_, other)| contradict(&other.kind, &rule.kind))
            {
                let message = format!("nobody can keep both `{}` and `{}`", other.name, rule.name);
                let path = ["rules", &index.to_string(), "name"];
                let help = "remove one of them, or write `any: […]` with both";
                self.error("rules-contradict", &path, message, help);
            }
        }
    }

    /// Between which numbers `compare` lets the players of each team be.
    fn ranges(&self, wide: &[(usize, Rule)], of: &Reading) -> Vec<Range> {
        let mut ranges = vec![ANY; self.teams.len()];
        for (_, rule) in wide {
            let RuleKind::Compare {
                read,
                per: Scope::Player,
                team,
                by,
                with: Operand::Number(with),
                ..
            } = &rule.kind
            else {
                continue;
            };
            let asked = ranges.iter_mut().enumerate();
            let asked = asked.filter(|(n, _)| team.is_none_or(|team| team == *n) && read == of);
            for (_, range) in asked {
                match by {
                    Comparison::Less | Comparison::AtMost => range.high = range.high.min(*with),
                    Comparison::Greater | Comparison::AtLeast => range.low = range.low.max(*with),
                    Comparison::Equal => {
                        range.low = range.low.max(*with);
                        range.high = range.high.min(*with);
                    }
                    Comparison::Unequal => {}
                }
            }
        }
        ranges
    }

    /// What is asked of teams or the match against what is asked of their players.
    fn bounds(&mut self, wide: &[(usize, Rule)]) {
        for (index, rule) in wide {
            let read = match &rule.kind {
                RuleKind::Distance { read, .. }
                | RuleKind::Balance { read, .. }
                | RuleKind::Compare { read, .. } => read,
                _ => continue,
            };
            let ranges = self.ranges(wide, read);
            let empty = ranges.iter().position(|range| range.low > range.high);
            let name = &rule.name;
            if let Some(team) = empty {
                if matches!(rule.kind, RuleKind::Compare { .. }) {
                    let team = &self.teams[team].name;
                    let message = format!("no number of `{read}` does for the team `{team}`");
                    self.never_met(*index, message, "make the rules on it agree");
                    return;
                }
                continue;
            }
            match &rule.kind {
                RuleKind::Distance { per, of, max, .. }
                    if *per == Scope::Player || *of != Aggregate::Sum =>
                {
                    self.apart(*index, rule, &ranges, *max);
                }
                RuleKind::Balance { of, max, .. } => {
                    let ranges = match of {
                        Aggregate::Sum => self.sums(&ranges),
                        _ => ranges,
                    };
                    self.apart(*index, rule, &ranges, *max);
                }
                RuleKind::Compare {
                    per: scope @ (Scope::Party | Scope::Team | Scope::Match),
                    of: Aggregate::Min | Aggregate::Max | Aggregate::Mean,
                    team,
                    by,
                    with: Operand::Number(with),
                    ..
                } => {
                    let hull = ranges.iter().copied().reduce(Range::hull);
                    let can = match (scope, team) {
                        (_, Some(team)) => ranges.get(*team).is_none_or(|r| r.may(*by, *with)),
                        (Scope::Match, None) => hull.is_none_or(|r| r.may(*by, *with)),
                        _ => ranges.iter().all(|range| range.may(*by, *with)),
                    };
                    if !can {
                        let message =
                            format!("the rules on players leave no `{read}` that keeps `{name}`");
                        self.never_met(*index, message, "make the rules on it agree");
                    }
                }
                _ => {}
            }
        }
    }

    /// The sums of teams whose players are in these ranges.
    fn sums(&self, ranges: &[Range]) -> Vec<Range> {
        let teams = self.teams.iter().zip(ranges);
        let sum = |n: u16, x: f64| f64::from(n) * x;
        teams
            .map(|(team, range)| {
                // A team may shrink to one player with age.
                let most = team.players_max;
                Range {
                    low: sum(if range.low > 0.0 { 1 } else { most }, range.low),
                    high: sum(if range.high < 0.0 { 1 } else { most }, range.high),
                }
            })
            .collect()
    }

    /// Whether the numbers of two teams are always farther apart than a rule lets them be.
    fn apart(&mut self, index: usize, rule: &Rule, ranges: &[Range], max: f64) {
        let teams = self.teams;
        let named = || teams.iter().zip(ranges);
        let far = named().find_map(|(high, above)| {
            let below = named().find(|(_, below)| above.low - below.high > max);
            below.map(|(low, _)| (&high.name, &low.name))
        });
        if let Some((high, low)) = far {
            let message = format!(
                "other rules keep `{high}` and `{low}` farther apart than `{}` lets them be",
                rule.name
            );
            self.never_met(index, message, "raise `max`, or make the rules agree");
        }
    }

    /// Rules `contains` on one text of each player that together want more players than there are seats.
    fn crowded(&mut self, wide: &[(usize, Rule)]) {
        let seats = self.teams.iter().map(|team| u32::from(team.players_max));
        let (all, least) = (seats.clone().sum(), seats.clone().min().unwrap_or(0));
        let mut wanted: BTreeMap<_, (u32, Vec<&String>)> = BTreeMap::new();
        for (index, rule) in wide {
            let RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                min,
                ..
            } = &rule.kind
            else {
                continue;
            };
            let declared = self.attributes.get(attribute);
            let one_each = declared.is_some_and(|a| a.kind == AttributeType::String);
            let key = (attribute, *per == Scope::Team, *team);
            let (sum, seen) = wanted.entry(key).or_default();
            if !one_each || values.iter().any(|value| seen.contains(&value)) {
                continue;
            }
            seen.extend(values);
            *sum += min;
            let most = match (per, team) {
                (_, Some(team)) => seats.clone().nth(*team).unwrap_or(0),
                (Scope::Team, None) => least,
                _ => all,
            };
            if *sum > most && *sum > *min {
                let of = if *per == Scope::Match {
                    "match"
                } else {
                    "team"
                };
                let message = format!(
                    "`{}` and the rules before it want {sum} players, a {of} has {most} seats at most",
                    rule.name
                );
                return self.never_met(*index, message, "want fewer of them");
            }
        }
    }

    /// Who brings nothing has the default, and is refused at the door if that breaks a rule by itself.
    fn defaults(&mut self, wide: &[(usize, Rule)]) {
        for (index, rule) in wide {
            let attribute = match &rule.kind {
                RuleKind::Compare { read, .. } => &read.attribute,
                RuleKind::Intersect { attribute, .. } => attribute,
                _ => continue,
            };
            let declared = self.attributes.get(attribute);
            let default = declared.and_then(|declared| declared.default.as_ref());
            let fits = default.is_none_or(|default| default_keeps(&rule.kind, default));
            if fits {
                continue;
            }
            let path = ["rules", &index.to_string(), "name"];
            let message = format!(
                "whoever brings no `{attribute}` is refused: its default breaks `{}`",
                rule.name
            );
            let report = Report::warning("default-breaks-rule", self.document.at(&path), message);
            self.reports.push(
                report.write("change the default, or remove it so that he is told what he lacks"),
            );
        }
    }
}

/// Whether a player with the default keeps a rule that speaks of every player.
fn default_keeps(kind: &RuleKind, default: &Value) -> bool {
    match (kind, default) {
        (
            RuleKind::Compare {
                per: Scope::Player,
                team: None,
                read,
                by,
                with,
                ..
            },
            default,
        ) => {
            let number = match (default, &read.key) {
                (Value::Number(x), None) => Some(*x),
                (Value::Numbers(numbers), Some(key)) => numbers.get(key).copied(),
                _ => None,
            };
            match (with, number, default) {
                (Operand::Number(with), Some(x), _) => by.holds(x, *with),
                (Operand::Text(with), _, Value::String(text)) => {
                    (text == with) == (*by == Comparison::Equal)
                }
                _ => true,
            }
        }
        (RuleKind::Intersect { min, .. }, Value::Strings(texts)) => texts.len() >= *min,
        _ => true,
    }
}
