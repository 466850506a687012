//! Walks a tree against a JSON Schema and reports everything that does not fit, each at its place.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use super::diagnostic::Report;
use super::duration;
use super::nearest::{nearest, quoted_list};
use super::repair::Bad;
use super::schema::{alternatives, property, resolved};
use super::tree::{Data, Entry, Node, Span};
use super::wording::{found_in_words, propose, type_in_words};

/// Reports everything in `node` that `root` does not allow, and answers where it stands. `path` names the node in
/// messages and begins the answered paths.
pub(super) fn walk(root: &Value, node: &Node, path: &str, reports: &mut Vec<Report>) -> Bad {
    let mut bad = Bad::new();
    let mut walk = Walk {
        root,
        path: Vec::new(),
        depth: usize::from(!path.is_empty()),
        hint: None,
        reports,
        bad: &mut bad,
    };
    if !path.is_empty() {
        walk.path.push(path.to_owned());
    }
    walk.value(root, node, None);
    bad
}

struct Walk<'a> {
    root: &'a Value,
    path: Vec<String>,
    /// Of the path, where the walk began.
    depth: usize,
    /// What the schema of the text at hand says of it, for want of a better hint.
    hint: Option<String>,
    reports: &'a mut Vec<Report>,
    /// What cannot be used: itself, or a key that it cannot be without.
    bad: &'a mut Bad,
}

/// A JSON type, as the keyword `type` has it.
fn type_name(data: &Data) -> &'static str {
    match data {
        Data::Null | Data::Broken => "null",
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
        if node.data == Data::Broken {
            self.bad.insert(self.path.clone());
            return;
        }
        let root = self.root;
        self.hint = resolved(root, schema)
            .get("description")
            .and_then(Value::as_str)
            .filter(|_| matches!(node.data, Data::Text(_)))
            .map(str::to_owned);
        let all = alternatives(root, schema);
        let fitting: Vec<&Value> = all
            .iter()
            .copied()
            .filter(|schema| allows_type(schema, &node.data))
            .collect();
        match fitting.as_slice() {
            [] => self.wrong_type(&all, is_duration(root, schema), node, key_span),
            [one] => self.check(one, node, key_span),
            several if several.iter().all(|schema| !constants(schema).is_empty()) => {
                let allowed = several
                    .iter()
                    .flat_map(|schema| constants(schema))
                    .collect();
                self.constant(allowed, node);
            }
            several => match tags(several) {
                Some(tags) => self.one_of(&tags, node, key_span),
                None => self.best_of(several, node, key_span),
            },
        }
    }

    /// Reports what the schema that fits best has to say.
    fn best_of(&mut self, schemas: &[&Value], node: &Node, key_span: Option<Span>) {
        let best = schemas
            .iter()
            .map(|schema| {
                let (mut reports, mut bad) = (Vec::new(), Bad::new());
                let mut attempt = Walk {
                    root: self.root,
                    path: self.path.clone(),
                    depth: self.depth,
                    hint: self.hint.clone(),
                    reports: &mut reports,
                    bad: &mut bad,
                };
                attempt.check(schema, node, key_span);
                (reports, bad)
            })
            .min_by_key(|(reports, _)| reports.len());
        if let Some((reports, bad)) = best {
            self.reports.extend(reports);
            self.bad.extend(bad);
        }
    }

    /// A map with exactly one of some keys, each with a schema of its own.
    fn one_of(&mut self, tags: &[(&str, &Value)], node: &Node, key_span: Option<Span>) {
        let properties: serde_json::Map<String, Value> = tags
            .iter()
            .map(|(tag, schema)| ((*tag).to_owned(), (*schema).clone()))
            .collect();
        let union = serde_json::json!({ "properties": properties, "additionalProperties": false });
        self.map(&union, node, node.entries(), key_span);
        let known = |entry: &&Entry| tags.iter().any(|(tag, _)| *tag == entry.key);
        let written: Vec<&Entry> = node.entries().iter().filter(known).collect();
        let list = quoted_list(tags.iter().map(|(tag, _)| *tag)).replace(" and ", " or ");
        let help = format!("write one of {list}");
        match written.as_slice() {
            [one] => {
                // Without its one key it would be nothing.
                let mut below = self.path.clone();
                below.push(one.key.clone());
                if self.bad.contains(&below) {
                    self.bad.insert(self.path.clone());
                }
            }
            [] if node.entries().is_empty() => {
                let message = format!("{} must have one of the keys {list}", self.subject());
                let place = key_span.unwrap_or(node.span);
                self.error("missing-key", place, message, Some(help));
            }
            // What is there instead has been reported.
            [] => {
                self.bad.insert(self.path.clone());
            }
            [first, second, ..] => {
                let message = format!(
                    "{} must have only one of the keys {list}, not both `{}` and `{}`",
                    self.subject(),
                    first.key,
                    second.key
                );
                let help = "keep one of them".to_owned();
                self.error("one-of", second.key_span, message, Some(help));
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
            Data::Null | Data::Bool(_) | Data::Broken => {}
        }
    }

    fn number(&mut self, schema: &Value, node: &Node, value: f64) {
        let (low, high) = (schema.get("minimum"), schema.get("maximum"));
        let below = low.and_then(Value::as_f64).is_some_and(|low| value < low);
        let above = high
            .and_then(Value::as_f64)
            .is_some_and(|high| value > high);
        // What 64 bits cannot hold would not arrive as it was written.
        let unheld = matches!(node.data, Data::Int(_)) && value.abs() >= i64::MAX as f64;
        if value.is_finite() && !below && !above && !unheld {
            return;
        }
        let (subject, digits) = (self.subject(), &node.digits);
        let (message, proposal) = match (low, high) {
            _ if !value.is_finite() => (
                format!("{subject} must be a finite number"),
                "write a plain number".to_owned(),
            ),
            (_, Some(high)) if high == &Value::from(duration::MAX.0) => (
                format!(
                    "{subject} must be a time between 0 and {}, not {digits}",
                    duration::MAX
                ),
                "write `0` for at once, or a time such as `30s`".to_owned(),
            ),
            (Some(low), Some(high)) => (
                format!("{subject} must be between {low} and {high}, not {digits}"),
                if below {
                    format!("write {low} or more")
                } else {
                    format!("write {high} or less")
                },
            ),
            (Some(low), None) if below => (
                format!("{subject} must be at least {low}, not {digits}"),
                format!("write {low} or more"),
            ),
            (None, Some(high)) if above => (
                format!("{subject} must be at most {high}, not {digits}"),
                format!("write {high} or less"),
            ),
            _ => (
                format!("{subject} is too large a number"),
                format!("write a number between {} and {}", i64::MIN, i64::MAX),
            ),
        };
        self.error("out-of-range", node.span, message, Some(proposal));
    }

    fn text(&mut self, schema: &Value, span: Span, text: &str) {
        let length = text.chars().count() as u64;
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        if limit("minLength").is_some_and(|min| length < min) {
            let message = format!("{} must not be empty", self.subject());
            let hint = schema.get("patternErrorMessage").and_then(Value::as_str);
            let proposal = hint.unwrap_or("write something").to_owned();
            return self.error("bad-text", span, message, Some(proposal));
        }
        if let Some(max) = limit("maxLength").filter(|&max| length > max) {
            let message = format!(
                "{} may have at most {max} characters, not {length}",
                self.subject()
            );
            return self.error("bad-text", span, message, None);
        }
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
            return;
        };
        if pattern == duration::PATTERN {
            if let Err(error) = text.parse::<duration::Duration>() {
                self.bad_duration(span, text, error);
            }
            return;
        }
        // A provider's pattern that is no regular expression is its own fault, not the designer's.
        if Regex::new(pattern).map_or(true, |regex| regex.is_match(text)) {
            return;
        }
        let proposal = match schema.get("patternErrorMessage").and_then(Value::as_str) {
            Some(hint) => hint.to_owned(),
            None => self
                .hint
                .take()
                .unwrap_or_else(|| format!("it must match `{pattern}`")),
        };
        let message = format!("{} may not be `{text}`", self.subject());
        self.error("bad-text", span, message, Some(proposal));
    }

    fn bad_duration(&mut self, span: Span, text: &str, error: duration::Error) {
        let message = format!("{} {error}, not `{text}`", self.subject());
        let proposal = match (error, duration::guess(text)) {
            (duration::Error::Form, Some(guess)) => format!("write `{guess}`"),
            (duration::Error::Form, None) => "write `30s`, for example".to_owned(),
            (duration::Error::TooLong, _) => {
                "write `null` where never is meant and allowed".to_owned()
            }
        };
        self.error("bad-duration", span, message, Some(proposal));
    }

    fn list(&mut self, schema: &Value, node: &Node, items: &[Node], key_span: Option<Span>) {
        let limit = |key| schema.get(key).and_then(Value::as_u64);
        let (count, place) = (items.len() as u64, key_span.unwrap_or(node.span));
        if let Some(min) = limit("minItems").filter(|&min| count < min) {
            let entries = if min == 1 { "entry" } else { "entries" };
            let message = format!("{} must have at least {min} {entries}", self.subject());
            let proposal = format!("write {min} or more");
            self.error("out-of-range", place, message, Some(proposal));
        }
        if let Some(max) = limit("maxItems").filter(|&max| count > max) {
            let message = format!(
                "{} may have at most {max} entries, not {count}",
                self.subject()
            );
            let proposal = format!("write {max} or fewer");
            self.error("out-of-range", place, message, Some(proposal));
        }
        let Some(item_schema) = schema.get("items") else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            self.path.push(format!("[{index}]"));
            self.value(item_schema, item, None);
            self.path.pop();
        }
    }

    fn map(&mut self, schema: &Value, node: &Node, entries: &[Entry], key_span: Option<Span>) {
        let mut seen = BTreeSet::new();
        let mut meant = BTreeSet::new();
        for entry in entries {
            if !seen.insert(entry.key.as_str()) {
                let message = format!("the key `{}` is there twice", entry.key);
                self.reports.push(
                    Report::error("duplicate-key", entry.key_span, message)
                        .write("keep one of them"),
                );
                continue;
            }
            match self.schema_of(schema, &entry.key) {
                Some(child) => {
                    self.path.push(entry.key.clone());
                    self.value(child, &entry.value, Some(entry.key_span));
                    self.path.pop();
                }
                None => meant.extend(self.unknown_key(schema, entry)),
            }
        }
        let below = |path: &[String], key: &str| [path, &[key.to_owned()]].concat();
        for key in meant.iter().filter(|key| node.get(key).is_none()) {
            self.bad.insert(below(&self.path, key));
        }
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            // A document is still one without a key, anything in it is not.
            let at = below(&self.path, key);
            if self.path.len() == self.depth && !seen.contains(key) {
                self.bad.insert(at);
            } else if self.bad.contains(&at) || !seen.contains(key) {
                self.bad.insert(self.path.clone());
            }
            if !seen.contains(key) && !meant.contains(key) {
                let place = match entries.first() {
                    Some(entry) if self.path.is_empty() => entry.key_span,
                    first => key_span
                        .or(first.map(|entry| entry.key_span))
                        .unwrap_or(node.span),
                };
                let message = format!("{} lacks the key `{key}`", self.subject());
                let proposal = format!("add `{key}: …`{}", self.described(schema, key));
                self.reports
                    .push(Report::error("missing-key", place, message).write(proposal));
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

    /// Reports a key; answers the known key that it probably is.
    fn unknown_key<'s>(&mut self, schema: &'s Value, entry: &Entry) -> Option<&'s str> {
        let key = &entry.key;
        let mut at = self.path.clone();
        at.push(key.clone());
        self.bad.insert(at);
        let known: Vec<&str> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|known| known.keys().map(String::as_str).collect())
            .unwrap_or_default();
        if known.is_empty() && schema.get("patternProperties").is_some() {
            let message = format!("`{key}` is no name for an entry of {}", self.subject());
            let hint = "a name holds letters, digits and . _ - only, 1 to 100 of them";
            self.reports
                .push(Report::error("bad-text", entry.key_span, message).write(hint));
            return None;
        }
        let message = match self.path.last() {
            Some(_) => format!("{} has no key `{key}`", self.subject()),
            None => format!("there is no key `{key}`"),
        };
        let near = nearest(key, known.iter().copied());
        let proposal = if key == "<<" {
            "write the keys out; a session type can take over another with `extends`".to_owned()
        } else if let Some(near) = near {
            format!("write `{near}`")
        } else if let Some(section) = self.section_with(key) {
            format!("`{key}` belongs under `{section}`")
        } else {
            format!("known keys: {}", quoted_list(known))
        };
        self.reports
            .push(Report::error("unknown-key", entry.key_span, message).write(proposal));
        near
    }

    /// A section of the document in which `key` is known.
    fn section_with(&self, key: &str) -> Option<&str> {
        let sections = resolved(self.root, self.root)
            .get("properties")?
            .as_object()?;
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
            .map(first_clause);
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
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
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
        for word in all
            .iter()
            .flat_map(|schema| types(schema))
            .map(type_in_words)
        {
            if !expected.contains(&word) {
                expected.push(word);
            }
        }
        let nullable = expected.contains(&"null");
        expected.retain(|word| *word != "null");
        if duration {
            let bare = expected.contains(&"a whole number");
            expected = vec![if bare {
                duration::WORDS
            } else {
                duration::TEXT_WORDS
            }];
            expected.extend(nullable.then_some("`null` (never)"));
        }
        if expected.is_empty() {
            expected.push("left empty");
        }
        let place = match &node.data {
            Data::List(_) | Data::Map(_) | Data::Null => key_span.unwrap_or(node.span),
            _ => node.span,
        };
        let found = found_in_words(node);
        let message = format!(
            "{} must be {}, not {found}",
            self.subject(),
            expected.join(" or ")
        );
        let proposal = propose(node, &expected, duration, all);
        self.error("wrong-type", place, message, proposal);
    }

    /// The path of where we are, as the subject of a sentence.
    fn subject(&self) -> String {
        match self.path.as_slice() {
            [] => "the document".to_owned(),
            path => format!("`{}`", path.join(".").replace(".[", "[")),
        }
    }

    /// Reports the node where we are; it cannot be used.
    fn error(&mut self, code: &'static str, span: Span, message: String, proposal: Option<String>) {
        self.bad.insert(self.path.clone());
        let report = Report::error(code, span, message);
        self.reports.push(match proposal {
            Some(proposal) => report.write(proposal),
            None => report,
        });
    }
}

/// A text up to its first full stop, colon or semicolon; one inside of a word is none.
fn first_clause(text: &str) -> &str {
    let ends = text.char_indices().filter(|(_, c)| ".:;".contains(*c));
    let mut ends = ends.map(|(at, _)| text.split_at(at));
    let is_end = |rest: &str| rest.chars().nth(1).is_none_or(char::is_whitespace);
    ends.find(|(_, rest)| is_end(rest))
        .map_or(text, |(clause, _)| clause)
}

/// The one key of each schema, if every one is a map of exactly one key.
fn tags<'s>(schemas: &[&'s Value]) -> Option<Vec<(&'s str, &'s Value)>> {
    let tag = |schema: &'s Value| {
        let properties = schema.get("properties")?.as_object()?;
        let (key, child) = properties.iter().next()?;
        let required = schema.get("required")?.as_array()?;
        (properties.len() == 1 && required.len() == 1 && required.first()? == key)
            .then_some((key.as_str(), child))
    };
    schemas.iter().map(|schema| tag(schema)).collect()
}

/// The values that `const` and `enum` allow.
pub(super) fn constants(schema: &Value) -> Vec<&Value> {
    match (
        schema.get("const"),
        schema.get("enum").and_then(Value::as_array),
    ) {
        (Some(value), _) => vec![value],
        (None, Some(values)) => values.iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn is_duration(root: &Value, schema: &Value) -> bool {
    let is = |schema: &Value| {
        let schema = resolved(root, schema);
        let is = |key, value| schema.get(key).and_then(Value::as_str) == Some(value);
        is("format", duration::FORMAT) || is("pattern", duration::PATTERN)
    };
    let options = schema.get("anyOf").and_then(Value::as_array);
    is(schema) || options.into_iter().flatten().any(is)
}
