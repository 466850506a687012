//! A queue's rules over attributes, and how they widen with the age of a ticket.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Report;
use super::document::Document;
use super::nearest::{nearest, quoted_list};
use super::raw_queue as raw;
use crate::queue::{
    Attribute, AttributeSource, AttributeType, CLIENT_VERSION, Expansion, ExpansionStep,
    ExpansionTarget, Rule, RuleKind,
};
use crate::{Millis, Name};

const MAX_LATENCY: &str = "regions.max_latency";
const MAX_LATENCY_DELTA: &str = "regions.max_latency_delta";

/// Judges the rules and expansions of one queue.
pub(super) struct RuleLint<'a> {
    /// The queue.
    pub raw: &'a raw::Queue,
    /// What it declares.
    pub attributes: &'a BTreeMap<Name, Attribute>,
    /// Where it stands.
    pub document: &'a Document,
    /// What is wrong.
    pub reports: &'a mut Vec<Report>,
}

/// What a limit is, and what it starts from.
struct Target {
    target: ExpansionTarget,
    base: f64,
    is_latency: bool,
}

impl RuleLint<'_> {
    fn error(&mut self, code: &'static str, path: &[&str], message: String, help: &str) {
        let span = self.document.at(path);
        self.reports
            .push(Report::error(code, span, message).write(help));
    }

    /// The rules; `None` if one of them is no rule.
    pub fn rules(&mut self) -> Option<Vec<Rule>> {
        let raw = self.raw;
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        for (index, rule) in raw.rules.iter().enumerate() {
            let index = index.to_string();
            if self.document.is_unsure(&["rules", &index]) {
                continue;
            }
            let reserved = [MAX_LATENCY, MAX_LATENCY_DELTA].contains(&rule.name.as_str());
            if reserved || !names.insert(rule.name.as_str().to_ascii_lowercase()) {
                let message = format!("there already is a rule `{}`", rule.name);
                let help = "choose another name; names are compared without case";
                self.error("duplicate-name", &["rules", &index, "name"], message, help);
            }
            rules.push(self.rule(rule, &index));
        }
        rules.into_iter().collect()
    }

    fn rule(&mut self, rule: &raw::Rule, index: &str) -> Option<Rule> {
        let demands = [
            ("distance", &rule.distance),
            ("balance", &rule.balance),
            ("equal", &rule.equal),
            ("intersect", &rule.intersect),
        ];
        let written: Vec<(&str, &Name)> = demands
            .iter()
            .filter_map(|(key, name)| Some((*key, name.as_ref()?)))
            .collect();
        let [(key, attribute)] = written.as_slice() else {
            let message = format!("the rule `{}` must demand exactly one thing", rule.name);
            let help =
                "write one of `distance`, `balance`, `equal` and `intersect`, naming an attribute";
            self.error("rule-kind", &["rules", index, "name"], message, help);
            return None;
        };
        let kind = match *key {
            "distance" | "balance" => AttributeType::Number,
            "equal" => AttributeType::String,
            _ => AttributeType::Strings,
        };
        let declared = self.attribute(attribute, kind, &["rules", index, key]);
        let limits = self.limits(rule, key, index);
        declared?;
        limits?;
        let attribute = (*attribute).clone();
        let max = rule.max.unwrap_or_default();
        let kind = match *key {
            "distance" => RuleKind::Distance { attribute, max },
            "balance" => RuleKind::Balance { attribute, max },
            "equal" => RuleKind::Equal { attribute },
            _ => RuleKind::Intersect {
                attribute,
                min: rule.min.unwrap_or(1) as usize,
            },
        };
        Some(Rule {
            name: rule.name.clone(),
            kind,
        })
    }

    /// `max` belongs to distances and balances, `min` to intersections.
    fn limits(&mut self, rule: &raw::Rule, key: &str, index: &str) -> Option<()> {
        let numeric = matches!(key, "distance" | "balance");
        if numeric && rule.max.is_none() {
            let message = format!("the rule `{}` lacks its limit `max`", rule.name);
            self.error(
                "missing-key",
                &["rules", index, "name"],
                message,
                "add `max: …`",
            );
            return None;
        }
        if !numeric && rule.max.is_some() {
            let message = format!("`{key}` has no `max`");
            self.error("rule-kind", &["rules", index, "max"], message, "remove it");
            return None;
        }
        if key != "intersect" && rule.min.is_some() {
            let message = format!("`{key}` has no `min`");
            self.error("rule-kind", &["rules", index, "min"], message, "remove it");
            return None;
        }
        Some(())
    }

    /// The attribute that a rule reads is declared, and holds what the rule can compare.
    fn attribute(&mut self, name: &Name, kind: AttributeType, path: &[&str]) -> Option<()> {
        let word = |kind| match kind {
            AttributeType::Number => "number",
            AttributeType::String => "string",
            AttributeType::Strings => "strings",
        };
        let Some(attribute) = self.attributes.get(name) else {
            if self.document.is_unsure(&["attributes", name.as_str()]) {
                return None;
            }
            let built_in = (kind == AttributeType::String).then_some(CLIENT_VERSION);
            let names = self.attributes.keys().map(Name::as_str).chain(built_in);
            let help = match nearest(name.as_str(), names) {
                Some(near) => format!("write `{near}`"),
                None => format!(
                    "declare it: `attributes: {{ {name}: {{ type: {} }} }}`",
                    word(kind)
                ),
            };
            let message = format!("there is no attribute `{name}` in this queue");
            self.error("unknown-attribute", path, message, &help);
            return None;
        };
        let (has, wants) = (word(attribute.kind), word(kind));
        if attribute.kind != kind {
            let rule = path.last().copied().unwrap_or_default();
            let message =
                format!("`{rule}` compares attributes of type {wants}, `{name}` is of type {has}");
            let help = format!("declare `{name}` with `type: {wants}`, or use another rule");
            self.error("attribute-type", path, message, &help);
            return None;
        }
        // What nobody declared cannot be declared better.
        let declared = self.raw.attributes.contains_key(name);
        if attribute.source == AttributeSource::Player && declared {
            let span = self.document.at(path);
            let message = format!("players set `{name}` themselves and may say what they like");
            self.reports.push(
                Report::warning("player-attribute", span, message)
                    .write("use `source: server` or `source: claim` unless that is meant"),
            );
        }
        Some(())
    }

    /// The expansions; `None` if one of them cannot be used.
    pub fn expansions(&mut self) -> Option<Vec<Expansion>> {
        let raw = self.raw;
        let mut seen = BTreeSet::new();
        let mut expansions = Vec::new();
        for (index, expansion) in raw.expansions.iter().enumerate() {
            let index = index.to_string();
            if self.document.is_unsure(&["expansions", &index]) {
                continue;
            }
            if !seen.insert(expansion.rule.as_str().to_ascii_lowercase()) {
                let message = format!("`{}` is expanded twice", expansion.rule);
                let help = "put all steps of a rule under one entry";
                self.error(
                    "duplicate-name",
                    &["expansions", &index, "rule"],
                    message,
                    help,
                );
            }
            let target = self.target(&expansion.rule, &index);
            expansions.push(target.and_then(|target| self.expansion(expansion, target, &index)));
        }
        expansions.into_iter().collect()
    }

    fn target(&mut self, name: &Name, index: &str) -> Option<Target> {
        let raw = self.raw;
        let latency = |target, limit: Option<super::duration::Duration>| match limit {
            Some(limit) => Ok(Target {
                target,
                base: limit.0.0 as f64,
                is_latency: true,
            }),
            None => Err((
                format!("`{name}` has no limit that could widen"),
                format!(
                    "add `{}` under `regions`",
                    name.as_str().trim_start_matches("regions.")
                ),
            )),
        };
        let same = |rule: &raw::Rule| rule.name.as_str().eq_ignore_ascii_case(name.as_str());
        let found = match (name.as_str(), raw.rules.iter().position(same)) {
            (MAX_LATENCY, _) => latency(ExpansionTarget::MaxLatency, raw.regions.max_latency),
            (MAX_LATENCY_DELTA, _) => latency(
                ExpansionTarget::MaxLatencyDelta,
                raw.regions.max_latency_delta,
            ),
            (_, Some(at)) => match raw.rules.get(at).and_then(|rule| rule.max) {
                Some(base) => Ok(Target {
                    target: ExpansionTarget::Rule(at),
                    base,
                    is_latency: false,
                }),
                None => Err((
                    format!("the rule `{name}` has no `max` that could widen"),
                    "expand rules of `distance` and `balance` only".to_owned(),
                )),
            },
            (_, None) => {
                let names: Vec<&str> = raw
                    .rules
                    .iter()
                    .map(|rule| rule.name.as_str())
                    .chain([MAX_LATENCY, MAX_LATENCY_DELTA])
                    .collect();
                let help = match nearest(name.as_str(), names.iter().copied()) {
                    Some(near) => format!("write `{near}`"),
                    None => format!("what can widen: {}", quoted_list(names)),
                };
                Err((format!("there is no rule `{name}` in this queue"), help))
            }
        };
        let unsure = ["rules", "regions"].map(|key| self.document.is_unsure(&[key]));
        match found {
            Ok(target) => Some(target),
            Err(_) if unsure.contains(&true) => None,
            Err((message, help)) => {
                self.error(
                    "unknown-rule",
                    &["expansions", index, "rule"],
                    message,
                    &help,
                );
                None
            }
        }
    }

    fn expansion(
        &mut self,
        raw: &raw::Expansion,
        target: Target,
        index: &str,
    ) -> Option<Expansion> {
        let mut steps = Vec::new();
        let (mut limit, mut age) = (Some(target.base), None);
        for (number, step) in raw.steps.iter().enumerate() {
            let number = number.to_string();
            let at = |key| ["expansions", index, "steps", number.as_str(), key];
            if age.is_some_and(|age| step.after.0 <= age) {
                let message = "this step does not come after the one before it".to_owned();
                self.error(
                    "step-order",
                    &at("after"),
                    message,
                    "order the steps by `after`",
                );
                return None;
            }
            age = Some(step.after.0);
            let max = self.limit(step.max, target.is_latency, &at("max"))?;
            let narrows = match (limit, max) {
                (None, _) => true,
                (Some(before), Some(max)) => max <= before,
                (Some(_), None) => false,
            };
            if narrows {
                let shown = |limit: f64| match target.is_latency {
                    true => Millis(limit as u64).to_string(),
                    false => limit.to_string(),
                };
                let before = limit.map_or_else(|| "no limit".to_owned(), shown);
                let message = format!("the limit must widen with age, but it was {before} before");
                let help = format!("write more than {before}, or remove the step");
                self.error("narrowing", &at("max"), message, &help);
                return None;
            }
            limit = max;
            steps.push(ExpansionStep {
                after: step.after.0,
                max,
            });
        }
        Some(Expansion {
            target: target.target,
            steps,
        })
    }

    /// The limit of a step in the unit of what it widens; the outer `None` if it is of the wrong sort.
    fn limit(
        &mut self,
        raw: Option<raw::Limit>,
        is_latency: bool,
        path: &[&str],
    ) -> Option<Option<f64>> {
        match raw {
            None => Some(None),
            Some(raw::Limit::Number(number)) => Some(Some(number)),
            Some(raw::Limit::Duration(duration)) if is_latency => Some(Some(duration.0.0 as f64)),
            Some(raw::Limit::Duration(duration)) => {
                let message = format!(
                    "this rule compares numbers, not times such as `{}`",
                    duration.0
                );
                self.error("wrong-type", path, message, "write a plain number");
                None
            }
        }
    }
}
