//! A queue's rules over attributes, and how they widen with the age of a ticket.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::nearest::nearest;
use super::raw_queue as raw;
use super::widening;
use crate::Name;
use crate::queue::{
    Attribute, AttributeSource, AttributeType, CLIENT_VERSION, Expansion, Reading, Rule, Sort,
    SortOrder, TeamSettings,
};
use crate::ticket::Value;

/// Judges the rules and expansions of one queue.
pub(super) struct RuleLint<'a> {
    /// The queue.
    pub raw: &'a raw::Queue,
    /// What it declares.
    pub attributes: &'a BTreeMap<Name, Attribute>,
    /// Its teams.
    pub teams: &'a [TeamSettings],
    /// Its largest party.
    pub party_players_max: u16,
    /// Where it stands.
    pub document: &'a Document,
    /// What came of each rule, where it can be told.
    pub judged: Vec<Option<Rule>>,
    /// What is wrong.
    pub reports: &'a mut Vec<Report>,
}

impl RuleLint<'_> {
    pub(super) fn error(&mut self, code: &'static str, path: &[&str], message: String, help: &str) {
        let mut lint = Lint {
            raw: self.raw,
            document: self.document,
            reports: self.reports,
        };
        lint.error(code, path, message, help);
    }

    /// Reports at a path that was put together.
    pub(super) fn wrong(
        &mut self,
        code: &'static str,
        path: &[String],
        message: String,
        help: &str,
    ) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.error(code, &path, message, help);
    }

    /// The same of what works, perhaps not as meant.
    pub(super) fn warn(
        &mut self,
        code: &'static str,
        path: &[String],
        message: String,
        help: &str,
    ) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let report = Report::warning(code, self.document.at(&path), message);
        self.reports.push(report.write(help));
    }

    /// The attribute that lists the roles which players would take; the outer `None` if it is none.
    pub fn role_attribute(&mut self) -> Option<Option<Name>> {
        let Some(roles) = &self.raw.roles else {
            return Some(None);
        };
        let path = ["roles".to_owned(), "attribute".to_owned()];
        // Which roles a player would take is his own to say.
        let read = self.typed(&roles.attribute, None, &[AttributeType::Strings], &path)?;
        Some(Some(read.attribute))
    }

    /// The order in which those who wait are tried; the outer `None` if it cannot be told.
    pub fn sort(&mut self) -> Option<Option<Sort>> {
        let Some(sort) = &self.raw.sort else {
            return Some(None);
        };
        if self.document.is_unsure(&["sort"]) {
            return None;
        }
        let path = ["sort".to_owned(), "by".to_owned()];
        let kinds = [AttributeType::Number];
        let read = self.reading(&sort.by, sort.key.as_ref(), &kinds, &path)?;
        let order = match sort.order {
            raw::SortOrder::Nearest => SortOrder::Nearest,
            raw::SortOrder::Ascending => SortOrder::Ascending,
            raw::SortOrder::Descending => SortOrder::Descending,
        };
        Some(Some(Sort { read, order }))
    }

    /// The rules; `None` if one of them is no rule.
    pub fn rules(&mut self) -> Option<Vec<Rule>> {
        let raw = self.raw;
        let mut names = BTreeSet::new();
        let mut is_whole = true;
        self.judged.clear();
        for (index, rule) in raw.rules.iter().enumerate() {
            let index = index.to_string();
            if self.document.is_unsure(&["rules", &index]) {
                self.judged.push(None);
                continue;
            }
            let reserved = widening::is_reserved(rule.name.as_str());
            if reserved || !names.insert(rule.name.as_str().to_ascii_lowercase()) {
                let message = format!("there already is a rule `{}`", rule.name);
                let help = "choose another name; names are compared without case";
                self.error("duplicate-name", &["rules", &index, "name"], message, help);
            }
            if widening::is_explained(rule.name.as_str()) {
                let message = format!(
                    "`{}` is what explanations say of something that is no rule",
                    rule.name
                );
                let help = format!("choose another name, such as `{}-rule`", rule.name);
                self.error("reserved-name", &["rules", &index, "name"], message, &help);
            }
            let kind = {
                let path = ["rules", index.as_str()];
                self.condition(&rule.condition(), &path, Some(&rule.name), 1)
            };
            is_whole &= kind.is_some();
            self.judged.push(kind.map(|kind| Rule {
                name: rule.name.clone(),
                prefer: rule.prefer,
                kind,
            }));
        }
        is_whole.then(|| self.judged.iter().flatten().cloned().collect())
    }

    /// What a rule reads; the author is warned of what players say of themselves.
    pub(super) fn reading(
        &mut self,
        name: &Name,
        key: Option<&String>,
        kinds: &[AttributeType],
        path: &[String],
    ) -> Option<Reading> {
        let read = self.typed(name, key, kinds, path)?;
        let source = self.attributes.get(name)?.source;
        // What nobody declared cannot be declared better.
        let declared = self.raw.attributes.contains_key(name);
        if source == AttributeSource::Player && declared {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            let span = self.document.at(&steps);
            let message = format!("players set `{name}` themselves and may say what they like");
            self.reports.push(
                Report::warning("player-attribute", span, message)
                    .write("use `source: server` or `source: claim` unless that is meant"),
            );
        }
        Some(read)
    }

    /// The attribute that a rule reads is declared, and holds what the rule can compare: one of `kinds`.
    fn typed(
        &mut self,
        name: &Name,
        key: Option<&String>,
        kinds: &[AttributeType],
        path: &[String],
    ) -> Option<Reading> {
        let wants: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        let first = wants.first().copied().unwrap_or_default();
        let Some(attribute) = self.attributes.get(name) else {
            if self.document.is_unsure(&["attributes", name.as_str()]) {
                return None;
            }
            // A rule `equal` alone may read it without a declaration.
            let is_equal = path.last().is_some_and(|rule| rule == "equal");
            let built_in = is_equal.then_some(CLIENT_VERSION);
            let names = self.attributes.keys().map(Name::as_str).chain(built_in);
            let help = match nearest(name.as_str(), names) {
                Some(near) => format!("write `{near}`"),
                None if name.as_str() == CLIENT_VERSION
                    && kinds.contains(&AttributeType::String) =>
                {
                    format!(
                        "declare it: `attributes: {{ {name}: {{ type: string, source: player }} }}`; only `equal` reads it without"
                    )
                }
                None => format!("declare it: `attributes: {{ {name}: {{ type: {first} }} }}`"),
            };
            let message = format!("there is no attribute `{name}` in this queue");
            self.wrong("unknown-attribute", path, message, &help);
            return None;
        };
        // Of numbers by key, the rule reads one.
        let by_key = attribute.kind == AttributeType::Numbers;
        let (has, wants) = (attribute.kind.word(), wants.join(" or "));
        if !(kinds.contains(&attribute.kind) || by_key && kinds.contains(&AttributeType::Number)) {
            let rule = path.last().map(String::as_str).unwrap_or_default();
            let message =
                format!("`{rule}` compares attributes of type {wants}, `{name}` is of type {has}");
            let help = format!("declare `{name}` with `type: {first}`, or use another rule");
            self.wrong("attribute-type", path, message, &help);
            return None;
        }
        self.key(name, key, path)?;
        Some(Reading {
            attribute: name.clone(),
            key: key.cloned(),
        })
    }

    /// Which of the numbers of an attribute is read: said of those that have several, and of no others.
    fn key(&mut self, name: &Name, key: Option<&String>, path: &[String]) -> Option<()> {
        let attribute = self.attributes.get(name)?;
        let (message, help) = match (attribute.kind == AttributeType::Numbers, key) {
            (true, None) => (
                format!("`{name}` holds numbers by key, and nothing says which is meant"),
                "add `key: …`",
            ),
            (false, Some(key)) => (
                format!("`{name}` holds one value, it has no `{key}`"),
                "remove `key`, or declare it with `type: numbers`",
            ),
            (true, Some(key)) => match &attribute.default {
                Some(Value::Numbers(numbers)) if !numbers.contains_key(key) => (
                    format!("the default of `{name}` has no `{key}`"),
                    "add it to the default, for players who bring none",
                ),
                _ => return Some(()),
            },
            (false, None) => return Some(()),
        };
        self.wrong("attribute-key", path, message, help);
        None
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
            expansions.push(self.expansion(expansion, &index));
        }
        let expansions = expansions.into_iter().collect::<Option<Vec<_>>>()?;
        Some(expansions.into_iter().flatten().collect())
    }
}
