//! The knobs whose behaviour does not exist yet, as one list; a value other than the fine ones is refused.

use serde::Serialize;
use serde_json::Value;

use super::diagnostic::Report;
use super::document::Document;
use super::nearest::quoted_list;
use super::schema::Kind;
use super::{raw_fleet, raw_instance, raw_queue, raw_session_type};

/// A knob whose behaviour does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// In which documents.
    pub kind: Kind,
    /// From the root of the document; `*` is every entry of a list. A section means everything in it.
    pub path: &'static str,
    /// What may be written all the same.
    pub fine: Fine,
}

/// Values that need no behaviour that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fine {
    /// The default, written out or not.
    Default,
    /// Any of these texts.
    OneOf(&'static [&'static str]),
}

fn one_of(values: &[&str]) -> String {
    let list = quoted_list(values.iter().copied());
    format!("write {}", list.replace(" and ", " or "))
}

const fn session_type(path: &'static str) -> Unsupported {
    Unsupported {
        kind: Kind::SessionType,
        path,
        fine: Fine::Default,
    }
}

const fn queue(path: &'static str) -> Unsupported {
    Unsupported {
        kind: Kind::Queue,
        path,
        fine: Fine::Default,
    }
}

const fn fleet(path: &'static str, fine: Fine) -> Unsupported {
    Unsupported {
        kind: Kind::Fleet,
        path,
        fine,
    }
}

/// The whole list. It shrinks to nothing as behaviour is built.
pub const UNSUPPORTED: &[Unsupported] = &[
    session_type("instance.host_type"),
    session_type("instance.fallback"),
    session_type("instance.player_host"),
    session_type("instance.region_fallback"),
    session_type("instance.map_selection"),
    session_type("instance.health.unhealthy_percentage"),
    session_type("instance.migration"),
    session_type("play_session"),
    session_type("platform_sessions"),
    queue("ticket.on_party_change"),
    fleet("provider", Fine::OneOf(&["process"])),
    fleet("allocator", Fine::Default),
];

/// A raw document and what it is when nothing is written.
pub(super) trait Defaults: Serialize {
    /// Every section present, with the default of each knob.
    fn defaults() -> Self;
}

impl Defaults for raw_session_type::SessionType {
    fn defaults() -> Self {
        Self {
            size: Some(raw_session_type::Size::default()),
            instance: Some(raw_instance::Instance::default()),
            ..Self::default()
        }
    }
}

impl Defaults for raw_queue::Queue {
    fn defaults() -> Self {
        Self::default()
    }
}

impl Defaults for raw_fleet::Fleet {
    fn defaults() -> Self {
        Self::default()
    }
}

/// Reports every value in `raw` that stands on the list and is not fine.
pub(super) fn refuse<T: Defaults>(raw: &T, document: &Document, reports: &mut Vec<Report>) {
    let (Ok(value), Ok(default)) = (
        serde_json::to_value(raw),
        serde_json::to_value(T::defaults()),
    ) else {
        return;
    };
    for knob in UNSUPPORTED.iter().filter(|knob| knob.kind == document.kind) {
        let steps: Vec<&str> = knob.path.split('.').collect();
        let mut search = Search {
            knob,
            found: Vec::new(),
        };
        search.descend(&steps, &value, Some(&default), &mut Vec::new());
        for (path, value, default) in search.found {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let message = format!("`{}` is not supported yet", shown(&path, value));
            let help = match (knob.fine, default) {
                (Fine::OneOf(values), _) => one_of(values),
                (Fine::Default, Some(Value::String(_) | Value::Bool(_) | Value::Number(_))) => {
                    format!(
                        "remove it; only its default works: {}",
                        default_in_words(default)
                    )
                }
                (Fine::Default, _) => "remove it".to_owned(),
            };
            reports
                .push(Report::error("not-supported-yet", document.at(&keys), message).write(help));
        }
    }
}

fn default_in_words(default: Option<&Value>) -> String {
    match default {
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
        None => "none".to_owned(),
    }
}

/// A knob and, if it is short, what it was set to.
fn shown(path: &[String], value: &Value) -> String {
    let mut shown = String::new();
    for step in path {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            shown.push_str(&format!("[{step}]"));
        } else {
            shown.push_str(if shown.is_empty() { "" } else { "." });
            shown.push_str(step);
        }
    }
    match value {
        Value::String(text) => format!("{shown}: {text}"),
        Value::Bool(_) | Value::Number(_) => format!("{shown}: {value}"),
        _ => shown,
    }
}

/// Where a knob of the list holds something that is not fine, with what it holds and its default there.
struct Search<'v> {
    knob: &'v Unsupported,
    found: Vec<(Vec<String>, &'v Value, Option<&'v Value>)>,
}

impl<'v> Search<'v> {
    fn descend(
        &mut self,
        steps: &[&str],
        value: &'v Value,
        default: Option<&'v Value>,
        path: &mut Vec<String>,
    ) {
        let Some((step, rest)) = steps.split_first() else {
            return self.compare(value, default, path);
        };
        match value {
            Value::Array(items) if *step == "*" => {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    self.descend(rest, item, None, path);
                    path.pop();
                }
            }
            _ => {
                if let Some(child) = value.get(step) {
                    path.push((*step).to_owned());
                    self.descend(rest, child, default.and_then(|d| d.get(step)), path);
                    path.pop();
                }
            }
        }
    }

    /// Finds the deepest places where `value` is not its default.
    fn compare(&mut self, value: &'v Value, default: Option<&'v Value>, path: &mut Vec<String>) {
        let fine = match self.knob.fine {
            Fine::Default => value.is_null() && default.is_none() || Some(value) == default,
            Fine::OneOf(texts) => {
                value.is_null() || value.as_str().is_some_and(|text| texts.contains(&text))
            }
        };
        if fine {
            return;
        }
        match (value.as_object(), default.and_then(Value::as_object)) {
            (Some(values), Some(defaults))
                if defaults.keys().all(|key| values.contains_key(key)) =>
            {
                for (key, value) in values {
                    path.push(key.clone());
                    self.compare(value, defaults.get(key), path);
                    path.pop();
                }
            }
            _ => self.found.push((path.clone(), value, default)),
        }
    }
}
