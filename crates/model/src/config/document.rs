//! One document of a set: what it describes, what it is called, and what it takes over by `extends`.

use std::collections::BTreeMap;

use super::SourceFile;
use super::build::parse;
use super::diagnostic::{Report, place_name};
use super::nearest::{nearest, quoted_list};
use super::repair::{Lost, repaired};
use super::schema::{Kind, cached};
use super::tree::{Data, Node, Span};
use super::walk::walk;
use crate::Name;

/// Session types under one, by `extends`; more are refused.
const BASES_MAX: usize = 16;

/// A document and what is known of it so far.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// What it describes.
    pub kind: Kind,
    /// Its name, if it has one that can be a name.
    pub name: Option<Name>,
    /// Its tree without what does not fit its schema; of a session type that extends another, both merged.
    pub node: Node,
    /// Whether it fits its schema, and everything it extends does; else it is judged, but never used.
    pub sound: bool,
    /// What was taken out of the tree.
    pub lost: Lost,
    /// Whether what it extends is not known: then nothing is known of what it does not write.
    pub base_unknown: bool,
}

impl Document {
    /// Where to point for `path`, or for the nearest thing above it that is written. Nowhere, if what stood there
    /// was taken out: whatever is said of it now would be said of a default.
    pub fn at(&self, path: &[&str]) -> Span {
        if self.lost.hides(path) || self.base_unknown && !self.has(path) {
            return Span::NOWHERE;
        }
        match path.split_first() {
            Some((first, _)) if self.node.get(first).is_none() => self.name_span(),
            None => self.name_span(),
            _ => self.node.span_at(path),
        }
    }

    /// Where to point for the key `key` of the map at `path`.
    pub fn key_at(&self, path: &[&str], key: &str) -> Span {
        path.iter()
            .try_fold(&self.node, |node, step| node.get(step))
            .and_then(|map| map.entry(key))
            .map_or_else(|| self.at(path), |entry| entry.key_span)
    }

    /// Whether nobody can tell what `path` holds, all of it: something there is not as it was meant.
    pub fn is_unsure(&self, path: &[&str]) -> bool {
        self.base_unknown || self.lost.touches(path)
    }

    /// Whether anything is written at `path`.
    pub fn has(&self, path: &[&str]) -> bool {
        path.iter()
            .try_fold(&self.node, |node, step| node.child(step))
            .is_some()
    }

    /// Where its name stands.
    pub fn name_span(&self) -> Span {
        self.node
            .get("name")
            .map_or(self.node.place(), |name| name.span)
    }
}

/// Every document of the files that says what it describes, walked against its schema.
pub(super) fn read_all(files: &[SourceFile], reports: &mut Vec<Report>) -> Vec<Document> {
    let mut documents = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for node in parse(index, &file.text, reports) {
            documents.extend(document(node, reports));
        }
    }
    refuse_duplicates(files, &mut documents, reports);
    extend_all(&mut documents, reports);
    documents
}

fn document(node: Node, reports: &mut Vec<Report>) -> Option<Document> {
    let place = node.place();
    match &node.data {
        Data::Null => return None,
        Data::Map(_) => {}
        _ => {
            let message = "a document must be a map of keys and values";
            let help = "begin it with `apiVersion: v1` and `kind: SessionType`";
            reports.push(Report::error("wrong-type", place, message).write(help));
            return None;
        }
    }
    let kinds = || quoted_list(Kind::ALL.map(Kind::as_str));
    let Some(kind_node) = node.get("kind") else {
        let message = "the document lacks the key `kind`";
        let help = format!("add `kind: …`, one of {}", kinds());
        reports.push(Report::error("missing-key", place, message).write(help));
        return None;
    };
    let written = kind_node.text().unwrap_or_default();
    let before = reports.len();
    let kind = match Kind::from_name(written) {
        Some(kind) => kind,
        None => {
            let message = format!("there is no kind `{written}`");
            let near = nearest(written, Kind::ALL.iter().map(|kind| kind.as_str()));
            let help = match near {
                Some(near) => format!("write `{near}`"),
                None => format!("write one of {}", kinds()),
            };
            reports.push(Report::error("unknown-kind", kind_node.span, message).write(help));
            // What was probably meant is judged too.
            near.and_then(Kind::from_name)?
        }
    };
    let kind_reported = reports.len() > before;
    let mut own = Vec::new();
    let bad = walk(cached(kind), &node, "", &mut own);
    let kind_span = kind_node.span;
    reports.extend(
        own.into_iter()
            .filter(|report| !kind_reported || report.span() != kind_span),
    );
    let sound = reports.len() == before;
    let name = node
        .get("name")
        .and_then(Node::text)
        .and_then(|name| name.parse().ok());
    let (node, lost) = repaired(&node, &bad);
    Some(Document {
        kind,
        name,
        node,
        sound,
        lost,
        base_unknown: false,
    })
}

fn refuse_duplicates(files: &[SourceFile], documents: &mut [Document], reports: &mut Vec<Report>) {
    let mut first: BTreeMap<(Kind, String), Span> = BTreeMap::new();
    for document in documents {
        let Some(name) = &document.name else {
            continue;
        };
        let key = (document.kind, name.as_str().to_ascii_lowercase());
        let span = document.name_span();
        if let Some(&earlier) = first.get(&key) {
            let message = format!(
                "there already is a {} `{name}`, at {}",
                document.kind.noun(),
                place_name(files, earlier),
            );
            let help = "choose another name; names are compared without case";
            reports.push(Report::error("duplicate-name", span, message).write(help));
            document.sound = false;
            document.name = None;
        } else {
            first.insert(key, span);
        }
    }
}

/// Replaces the tree of every session type that extends another by both merged.
fn extend_all(documents: &mut [Document], reports: &mut Vec<Report>) {
    let by_name: BTreeMap<String, (Name, usize)> = documents
        .iter()
        .enumerate()
        .filter(|(_, document)| document.kind == Kind::SessionType)
        .filter_map(|(i, document)| {
            let name = document.name.clone()?;
            Some((name.as_str().to_ascii_lowercase(), (name, i)))
        })
        .collect();
    let bases: Vec<Option<usize>> = documents
        .iter_mut()
        .map(|document| base_of(document, &by_name, reports))
        .collect();
    let chains: Vec<Chain> = (0..documents.len())
        .map(|start| chain(start, &bases))
        .collect();
    for (document, chain) in documents.iter_mut().zip(&chains) {
        let (code, message) = match chain {
            Chain::Bases(_) => continue,
            Chain::Circle => (
                "cyclic-extends",
                "this session type extends itself, directly or through others".to_owned(),
            ),
            Chain::TooLong => (
                "long-extends",
                format!("more than {BASES_MAX} session types under this one"),
            ),
            Chain::OntoCircle => {
                document.sound = false;
                document.base_unknown = true;
                continue;
            }
        };
        let report = Report::error(code, document.at(&["extends"]), message);
        reports.push(report.write("remove one `extends`"));
        document.sound = false;
        document.base_unknown = true;
    }
    // Merging in order of the length of the chain finds every base already merged.
    let mut order: Vec<(usize, usize)> = chains
        .iter()
        .enumerate()
        .filter_map(|(i, chain)| match chain {
            Chain::Bases(length) => Some((*length, i)),
            _ => None,
        })
        .collect();
    order.sort_unstable();
    for (_, i) in order {
        let Some(base) = bases
            .get(i)
            .copied()
            .flatten()
            .and_then(|b| documents.get(b))
            .cloned()
        else {
            continue;
        };
        if let Some(document) = documents.get_mut(i) {
            document.lost.inherit(&base.lost, &document.node);
            document.node = merged(&base.node, &document.node);
            document.sound &= base.sound;
            document.base_unknown |= base.base_unknown;
        }
    }
}

fn base_of(
    document: &mut Document,
    by_name: &BTreeMap<String, (Name, usize)>,
    reports: &mut Vec<Report>,
) -> Option<usize> {
    if document.kind != Kind::SessionType {
        return None;
    }
    let base = document.node.get("extends")?.text()?.to_owned();
    let found = by_name
        .get(&base.to_ascii_lowercase())
        .map(|(_, index)| *index);
    if found.is_none() {
        let message = format!("there is no session type `{base}` to extend");
        let report = Report::error("unknown-session-type", document.at(&["extends"]), message);
        let names = by_name.values().map(|(name, _)| name.as_str());
        reports.push(match nearest(&base, names) {
            Some(near) => report.write(format!("write `{near}`")),
            None => report.write("write the name of a session type of this set"),
        });
        document.sound = false;
        document.base_unknown = true;
    }
    found
}

/// What lies under a document.
enum Chain {
    /// So many bases.
    Bases(usize),
    /// Itself again.
    Circle,
    /// Others that extend each other.
    OntoCircle,
    /// More than [`BASES_MAX`].
    TooLong,
}

fn chain(start: usize, bases: &[Option<usize>]) -> Chain {
    let mut seen = vec![start];
    while let Some(base) = seen.last().and_then(|&at| bases.get(at).copied().flatten()) {
        if base == start {
            return Chain::Circle;
        }
        if seen.contains(&base) {
            return Chain::OntoCircle;
        }
        if seen.len() > BASES_MAX {
            return Chain::TooLong;
        }
        seen.push(base);
    }
    Chain::Bases(seen.len() - 1)
}

/// `child` over `base`: a section that both have is merged key by key, one level deep.
fn merged(base: &Node, child: &Node) -> Node {
    let mut node = child.clone();
    let Data::Map(entries) = &mut node.data else {
        return node;
    };
    for inherited in base.entries() {
        if inherited.key == "name" || inherited.key == "extends" {
            continue;
        }
        let Some(own) = entries.iter_mut().find(|entry| entry.key == inherited.key) else {
            entries.push(inherited.clone());
            continue;
        };
        let Data::Map(own_entries) = &mut own.value.data else {
            continue;
        };
        for deeper in inherited.value.entries() {
            if own_entries.iter().all(|entry| entry.key != deeper.key) {
                own_entries.push(deeper.clone());
            }
        }
    }
    node
}
