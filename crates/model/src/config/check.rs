//! Checks a set of files as a whole: every document for itself, then what refers to what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::diagnostic::{Report, locate};
use super::document::{Document, read_all};
use super::nearest::nearest;
use super::schema::Kind;
use super::{Checked, Config, ProviderSchema, Severity, SourceFile};
use super::{fleet, queue, session_type, unsupported};
use crate::Name;

/// Checks all files in one go. Never panics; O(size of the files).
pub fn check(files: &[SourceFile], providers: &[ProviderSchema]) -> Checked {
    let mut reports = Vec::new();
    let documents = read_all(files, &mut reports);
    let mut set = Set {
        names: Names::of(&documents),
        config: Config::default(),
    };
    // What is referred to is validated before what refers to it.
    for kind in [Kind::Fleet, Kind::SessionType, Kind::Queue] {
        for document in documents.iter().filter(|document| document.kind == kind) {
            set.add(document, providers, &mut reports);
        }
    }
    let diagnostics = locate(files, reports);
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    Checked {
        diagnostics,
        config: (!failed).then_some(set.config),
    }
}

/// What a reference to another document found.
pub(super) enum Found<T> {
    /// The validated document.
    Valid(T),
    /// A document with errors of its own; nothing more can be said.
    Broken,
    /// None; the nearest name, if one is near.
    Missing(Option<String>),
}

/// Everything validated so far, and every name of the set.
pub(super) struct Set {
    names: Names,
    config: Config,
}

struct Names(BTreeMap<Kind, Vec<Name>>);

impl Names {
    fn of(documents: &[Document]) -> Names {
        let mut names: BTreeMap<Kind, Vec<Name>> = BTreeMap::new();
        for document in documents {
            names
                .entry(document.kind)
                .or_default()
                .extend(document.name.clone());
        }
        Names(names)
    }

    fn find<T>(&self, kind: Kind, name: &Name, valid: Option<T>) -> Found<T> {
        let names = self.0.get(&kind).map(Vec::as_slice).unwrap_or_default();
        if let Some(valid) = valid {
            return Found::Valid(valid);
        }
        if names
            .iter()
            .any(|known| known.as_str().eq_ignore_ascii_case(name.as_str()))
        {
            return Found::Broken;
        }
        let near = nearest(name.as_str(), names.iter().map(Name::as_str));
        Found::Missing(near.map(str::to_owned))
    }
}

impl Set {
    /// The fleet of this name.
    pub fn fleet(&self, name: &Name) -> Found<&Arc<crate::fleet::Fleet>> {
        self.names
            .find(Kind::Fleet, name, self.config.fleet(name.as_str()))
    }

    /// The session type of this name.
    pub fn session_type(&self, name: &Name) -> Found<&Arc<crate::session_type::SessionType>> {
        self.names.find(
            Kind::SessionType,
            name,
            self.config.session_type(name.as_str()),
        )
    }

    /// The queues that were validated before, by name.
    pub fn queues(&self) -> &BTreeMap<Name, Arc<crate::queue::Queue>> {
        &self.config.queues
    }

    /// Validates a document and keeps it if it has no error.
    fn add(
        &mut self,
        document: &Document,
        providers: &[ProviderSchema],
        reports: &mut Vec<Report>,
    ) {
        // What is not sound is judged all the same, to say everything in one go.
        let name = document.name.clone().filter(|_| document.sound);
        let mut own = Vec::new();
        match document.kind {
            Kind::Fleet => {
                if let Some(raw) = raw(document, &mut own) {
                    let valid = fleet::validate(&raw, document, providers, &mut own);
                    unsupported::refuse(&raw, document, &mut own);
                    if let (Some(name), Some(valid), false) = (name, valid, any_error(&own)) {
                        self.config.fleets.insert(name, Arc::new(valid));
                    }
                }
            }
            Kind::SessionType => {
                if let Some(raw) = raw(document, &mut own) {
                    let valid = session_type::validate(&raw, document, self, &mut own);
                    unsupported::refuse(&raw, document, &mut own);
                    if let (Some(name), Some(valid), false) = (name, valid, any_error(&own)) {
                        self.config.written.insert(name.clone(), written(document));
                        self.config.session_types.insert(name, Arc::new(valid));
                    }
                }
            }
            Kind::Queue => {
                if let Some(raw) = raw(document, &mut own) {
                    let valid = queue::validate(&raw, document, self, &mut own);
                    unsupported::refuse(&raw, document, &mut own);
                    if let (Some(name), Some(valid), false) = (name, valid, any_error(&own)) {
                        self.config.queues.insert(name, Arc::new(valid));
                    }
                }
            }
        }
        reports.extend(own);
    }
}

/// Reports a reference to a document that is not there.
pub(super) fn missing(
    kind: Kind,
    code: &'static str,
    name: &Name,
    near: Option<String>,
    span: super::tree::Span,
) -> Report {
    let report = Report::error(code, span, format!("there is no {} `{name}`", kind.noun()));
    match near {
        Some(near) => report.write(format!("write `{near}`")),
        None => report.write(format!(
            "add a document with `kind: {kind}` and `name: {name}`"
        )),
    }
}

fn any_error(reports: &[Report]) -> bool {
    reports.iter().any(Report::is_error)
}

fn raw<T: DeserializeOwned>(document: &Document, reports: &mut Vec<Report>) -> Option<T> {
    match serde_json::from_value(document.node.json()) {
        Ok(raw) => Some(raw),
        Err(_) if !document.sound => None,
        Err(error) => {
            // The walker knows the same schema; this catches only what a schema cannot say.
            let span = document.name_span();
            reports.push(Report::error(
                "invalid",
                span,
                format!("cannot be read: {error}"),
            ));
            None
        }
    }
}

/// The keys that are written, one and two levels deep.
fn written(document: &Document) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    for entry in document.node.entries() {
        written.insert(entry.key.clone());
        for deeper in entry.value.entries() {
            written.insert(format!("{}.{}", entry.key, deeper.key));
        }
    }
    written
}
