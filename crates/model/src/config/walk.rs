//! Walks a tree against a JSON Schema and reports everything that does not fit, each at its place.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::diagnostic::Report;
use super::duration;
use super::nearest::{nearest, quoted_list};
use super::schema::{alternatives, property, resolved};
use super::tree::{Data, Entry, Node, Span};

/// Reports everything in `node` that `root` does not allow. `path` names the node in messages.
pub(super) fn walk(root: &Value, node: &Node, path: &str, reports: &mut Vec<Report>) {
    let mut walk = Walk { root, path: Vec::new(), reports };
    if !path.is_empty() {
        walk.path.push(path.to_owned());
    }
    walk.value(root, node, None);
}

struct Walk<'a> {
    root: &'a Value,
    path: Vec<String>,
    reports: &'a mut Vec<Report>,
}

/// A JSON type, as the keyword `type` has it.
fn type_name(data: &Data) -> &'static str {
    match data {
        Data::Null => "null",
        Data::Bool(_) => "boolean",
        Data::Int(_) => "integer",
        Data::Float(_) => "number",
        Data::Text(_) => "string",
        Data::List(_) => "array",
        Data::Map(_) => "object",
    }
}

/// The JSON types that a schema allows; empty is all.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => schema
            .get("const")
            .or_else(|| schema.get("enum").and_then(|values| values.get(0)))
            .map(|value| match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            })
            .into_iter()
            .collect(),
    }
}

fn allows_type(schema: &Value, data: &Data) -> bool {
    let types = types(schema);
    let name = type_name(data);
    types.is_empty() || types.contains(&name) || (name == "integer" && types.contains(&"number"))
}

impl Walk<'_> {
    fn value(&mut self, schema: &Value, node: &Node, key_span: Option<Span>) {
        let root = self.root;
        let all = alternatives(root, schema);
        let fitting: Vec<&Value> =
            all.iter().copied().filter(|schema| allows_type(schema, &node.data)).collect();
        match fitting.as_slice() {
            [] => self.wrong_type(&all, is_duration(root, schema), node, key_span),
            [one] => self.check(one, node, key_span),
            several if several.iter().all(|schema| !constants(schema).is_empty()) => {
                let allowed = several.iter().flat_map(|schema| constants(schema)).collect();
                self.constant(allowed, node);
            }
            several => {
                let best = several
                    .iter()
                    .map(|schema| {
                        let mut reports = Vec::new();
                        let path = self.path.clone();
                        let mut attempt = Walk { root, path, reports: &mut reports };
                        attempt.check(schema, node, key_span);
                        reports
                    })
                    .min_by_key(Vec::len);
                self.reports.extend(best.unwrap_or_default());
            }
        }
    }

    /// Checks a node whose type one schema allows.
    fn check(&mut self, schema: &Value, node: &Node, key_span: Option<Span>) {
        let allowed = constants(schema);
        if !allowed.is_empty() {
            return self.constant(allowed, node);
        }
        match &node.data {
            Data::Int(value) => self.number(schema, node, *value as f64),
            Data::Float(value) => self.number(schema, node, *value),
            Data::Text(text) => self.text(schema, node.span, text),
            Data::List(items) => self.list(schema, node, items, key_span),
            Data::Map(entries) => self.map(schema, node, entries, key_span),
            Data::Null | Data::Bool(_) => {}
        }
    }

    fn number(&mut self, schema: &Value, node: &Node, value: f64) {
        if !value.is_finite() {
            let message = format!("{} must be a finite number", self.subject());
            return self.error("out-of-range", node.span, message, None);
        }
        let minimum = schema.get("minimum").and_then(Value::as_f64);
        let maximum = schema.get("maximum").and_then(Value::as_f64);
        // A whole number beyond 64 bits would lose digits on its way into the settings.
        let minimum = minimum.or(Some(i64::MIN as f64));
        let too_big = maximum.unwrap_or(u64::MAX as f64);
        let whole = matches!(node.data, Data::Int(_));
        if minimum.is_some_and(|minimum| value < minimum)
            || maximum.is_some_and(|maximum| value > maximum)
            || (whole && value >= u64::MAX as f64)
        {
            let subject = self.subject();
            let (message, proposal) = match (schema.get("minimum"), schema.get("maximum")) {
                (Some(low), Some(high)) => (
                    format!("{subject} must be between {low} and {high}, not {value}"),
                    format!("write {}", if value < low.as_f64().unwrap_or(0.0) { low } else { high }),
                ),
                (Some(low), None) if value < 0.0 || value < low.as_f64().unwrap_or(0.0) => (
                    format!("{subject} must be at least {low}, not {value}"),
                    format!("write {low} or more"),
                ),
                (None, Some(high)) => (
                    format!("{subject} must be at most {high}, not {value}"),
                    format!("write {high} or less"),
                ),
                _ => (
                    format!("{subject} is too large a number"),
                    format!("write less than {too_big}"),
                ),
            };
            self.error("out-of-range", node.span, message, Some(proposal));
        }
    }

    fn text(&mut self, schema: &Value, span: Span, text: &str) {
        let length = text.chars().count() as u64;
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        if limit("minLength").is_some_and(|min| length < min) {
            let message = format!("{} must not be empty", self.subject());
            return self.error("bad-text", span, message, None);
        }
        if let Some(max) = limit("maxLength").filter(|&max| length > max) {
            let message =
                format!("{} may have at most {max} characters, not {length}", self.subject());
            return self.error("bad-text", span, message, None);
        }
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
            return;
        };
        let is_duration = pattern == duration::PATTERN;
        let matches = if is_duration {
            text.parse::<duration::Duration>().is_ok()
        } else {
            // A provider's pattern that is no regular expression is its own fault, not the designer's.
            Regex::new(pattern).map_or(true, |regex| regex.is_match(text))
        };
        if matches {
            return;
        }
        if is_duration {
            return self.bad_duration(span, text);
        }
        let hint = schema.get("patternErrorMessage").and_then(Value::as_str);
        let message = format!("{} may not be `{text}`", self.subject());
        let proposal = hint.map_or_else(|| format!("it must match `{pattern}`"), str::to_owned);
        self.error("bad-text", span, message, Some(proposal));
    }

    fn bad_duration(&mut self, span: Span, text: &str) {
        let message = format!("{} must be {}, not `{text}`", self.subject(), duration::WORDS);
        let proposal = match duration::guess(text) {
            Some(guess) => format!("write `{guess}`"),
            None => "write `30s`, for example".to_owned(),
        };
        self.error("bad-duration", span, message, Some(proposal));
    }

    fn list(&mut self, schema: &Value, node: &Node, items: &[Node], key_span: Option<Span>) {
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        let (count, place) = (items.len() as u64, key_span.unwrap_or(node.span));
        if let Some(min) = limit("minItems").filter(|&min| count < min) {
            let message = format!("{} must have at least {min} entries", self.subject());
            self.error("out-of-range", place, message, None);
        }
        if let Some(max) = limit("maxItems").filter(|&max| count > max) {
            let message = format!("{} may have at most {max} entries, not {count}", self.subject());
            self.error("out-of-range", place, message, None);
        }
        let Some(item_schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.path.push(index.to_string());
            self.value(item_schema, item, None);
            self.path.pop();
        }
    }

    fn map(&mut self, schema: &Value, node: &Node, entries: &[Entry], key_span: Option<Span>) {
        let mut seen = BTreeSet::new();
        for entry in entries {
            if !seen.insert(&entry.key) {
                let message = format!("the key `{}` is there twice", entry.key);
                let proposal = "keep one of them".to_owned();
                self.error("duplicate-key", entry.key_span, message, Some(proposal));
                continue;
            }
            match self.schema_of(schema, &entry.key) {
                Some(child) => {
                    self.path.push(entry.key.clone());
                    self.value(child, &entry.value, Some(entry.key_span));
                    self.path.pop();
                }
                None => self.unknown_key(schema, entry),
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            if entries.iter().all(|entry| entry.key != key) {
                let place = match entries.first() {
                    Some(entry) if self.path.is_empty() => entry.key_span,
                    first => key_span.or(first.map(|entry| entry.key_span)).unwrap_or(node.span),
                };
                let message = format!("{} lacks the key `{key}`", self.subject());
                let proposal = format!("add `{key}: …`{}", self.described(schema, key));
                self.error("missing-key", place, message, Some(proposal));
            }
        }
    }

    /// The schema of the value of `key`; `None` if the key is not allowed.
    fn schema_of<'s>(&self, schema: &'s Value, key: &str) -> Option<&'s Value> {
        if let Some(child) = property(schema, key) {
            return Some(child);
        }
        if let Some(patterns) = schema.get("patternProperties").and_then(Value::as_object) {
            for (pattern, child) in patterns {
                if Regex::new(pattern).is_ok_and(|regex| regex.is_match(key)) {
                    return Some(child);
                }
            }
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(child) => Some(child),
            None => Some(&Value::Bool(true)),
        }
    }

    fn unknown_key(&mut self, schema: &Value, entry: &Entry) {
        let key = &entry.key;
        let known: Vec<&str> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|known| known.keys().map(String::as_str).collect())
            .unwrap_or_default();
        if known.is_empty() && schema.get("patternProperties").is_some() {
            let message = format!("`{key}` is no name for an entry of {}", self.subject());
            let hint = "a name holds letters, digits and . _ - only, 1 to 100 of them";
            return self.error("bad-text", entry.key_span, message, Some(hint.to_owned()));
        }
        let message = match self.path.last() {
            Some(_) => format!("{} has no key `{key}`", self.subject()),
            None => format!("there is no key `{key}`"),
        };
        let proposal = if key == "<<" {
            "write the keys out; a session type can take over another with `extends`".to_owned()
        } else if let Some(near) = nearest(key, known.iter().copied()) {
            format!("write `{near}`")
        } else if let Some(section) = self.section_with(key) {
            format!("`{key}` belongs under `{section}`")
        } else {
            format!("known keys: {}", quoted_list(known))
        };
        self.error("unknown-key", entry.key_span, message, Some(proposal));
    }

    /// A section of the document in which `key` is known.
    fn section_with(&self, key: &str) -> Option<&str> {
        let sections = resolved(self.root, self.root).get("properties")?.as_object()?;
        sections.iter().find_map(|(name, section)| {
            alternatives(self.root, section)
                .into_iter()
                .any(|schema| property(schema, key).is_some())
                .then_some(name.as_str())
        })
    }

    /// The first sentence of a key's description, to stand behind its name.
    fn described(&self, schema: &Value, key: &str) -> String {
        let description = property(schema, key)
            .and_then(|property| property.get("description"))
            .and_then(Value::as_str)
            .and_then(|text| text.split(['.', ':', ';']).next());
        match description {
            Some(text) => format!(" ({})", text.replace('\n', " ")),
            None => String::new(),
        }
    }

    fn constant(&mut self, allowed: Vec<&Value>, node: &Node) {
        if allowed.contains(&&node.json()) {
            return;
        }
        let words: Vec<String> = allowed
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let written = match &node.data {
            Data::Text(text) => text.clone(),
            _ => node.json().to_string(),
        };
        let message = format!("{} may not be `{written}`", self.subject());
        let list = quoted_list(words.iter().map(String::as_str));
        let proposal = match nearest(&written, words.iter().map(String::as_str)) {
            Some(near) if words.len() > 1 => format!("write `{near}`; allowed are {list}"),
            _ if words.len() == 1 => format!("write {list}"),
            _ => format!("write one of {list}"),
        };
        self.error("not-allowed", node.span, message, Some(proposal));
    }

    fn wrong_type(&mut self, all: &[&Value], duration: bool, node: &Node, key_span: Option<Span>) {
        let mut expected: Vec<&str> = Vec::new();
        for word in all.iter().flat_map(|schema| types(schema)).map(type_in_words) {
            if !expected.contains(&word) {
                expected.push(word);
            }
        }
        let nullable = expected.contains(&"null");
        if duration {
            expected = vec![duration::WORDS];
            expected.extend(nullable.then_some("`null` (never)"));
        }
        let place = match &node.data {
            Data::List(_) | Data::Map(_) | Data::Null => key_span.unwrap_or(node.span),
            _ => node.span,
        };
        let found = found_in_words(&node.data);
        let message =
            format!("{} must be {}, not {found}", self.subject(), expected.join(" or "));
        let proposal = propose(&node.data, &expected, duration, all);
        self.error("wrong-type", place, message, proposal);
    }

    /// The path of where we are, as the subject of a sentence.
    fn subject(&self) -> String {
        match self.path.as_slice() {
            [] => "the document".to_owned(),
            path => format!("`{}`", path.join(".")),
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: String, proposal: Option<String>) {
        let report = Report::error(code, span, message);
        self.reports.push(match proposal {
            Some(proposal) => report.write(proposal),
            None => report,
        });
    }
}

/// The values that `const` and `enum` allow.
fn constants(schema: &Value) -> Vec<&Value> {
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(value), _) => vec![value],
        (None, Some(values)) => values.iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn is_duration(root: &Value, schema: &Value) -> bool {
    let is = |schema: &Value| {
        resolved(root, schema).get("format").and_then(Value::as_str) == Some(duration::FORMAT)
    };
    let options = schema.get("anyOf").and_then(Value::as_array);
    is(schema) || options.into_iter().flatten().any(is)
}

fn type_in_words(name: &str) -> &str {
    match name {
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
}

fn found_in_words(data: &Data) -> String {
    match data {
        Data::Null => "nothing".to_owned(),
        Data::Bool(value) => format!("`{value}`"),
        Data::Int(value) => format!("the number {value}"),
        Data::Float(value) => format!("the number {value}"),
        Data::Text(text) => format!("the text `{}`", text.chars().take(60).collect::<String>()),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
    }
}

/// What somebody who wrote `data` probably meant.
fn propose(data: &Data, expected: &[&str], duration: bool, all: &[&Value]) -> Option<String> {
    let wants = |word: &str| expected.contains(&word);
    match data {
        Data::Null if wants("a map") => Some("give it keys, or remove the key".to_owned()),
        Data::Null => Some("give it a value, or remove the key to take the default".to_owned()),
        Data::Float(value) if duration && *value > 0.0 && *value < 1e9 => {
            Some(format!("write `{}` if seconds are meant", crate::Millis((value * 1e3) as u64)))
        }
        Data::Int(_) | Data::Float(_) if duration => Some("write `30s`, for example".to_owned()),
        Data::Int(value) if wants("text") => Some(format!("write it in quotes: \"{value}\"")),
        Data::Float(value) if wants("text") => Some(format!("write it in quotes: \"{value}\"")),
        Data::Bool(value) if wants("text") => {
            let texts: Vec<&str> =
                all.iter().flat_map(|s| constants(s)).filter_map(Value::as_str).collect();
            Some(match texts.is_empty() {
                true => format!("write it in quotes: \"{value}\""),
                false => format!("write one of {}", quoted_list(texts)),
            })
        }
        Data::Float(value) if wants("a whole number") => Some(format!("write {}", value.round())),
        Data::Text(text) if wants("`true` or `false`") => {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "y" | "on" | "true" => Some("write `true`".to_owned()),
                "no" | "n" | "off" | "false" => Some("write `false`".to_owned()),
                _ => Some("write `true` or `false`".to_owned()),
            }
        }
        Data::Text(text) if wants("a whole number") || wants("a number") => {
            let plain = text.trim().parse::<f64>().is_ok();
            plain.then(|| format!("write {} without quotes", text.trim()))
        }
        Data::Text(text) if wants("a list") => Some(format!("write `[{text}]`")),
        Data::Int(value) if wants("a list") => Some(format!("write `[{value}]`")),
        _ => None,
    }
}
