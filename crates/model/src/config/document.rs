//! One document of a set: what it describes, what it is called, and what it takes over by `extends`.

use std::collections::{BTreeMap, BTreeSet};

use super::SourceFile;
use super::diagnostic::{Report, place_name};
use super::nearest::{nearest, quoted_list};
use super::schema::{Kind, cached};
use super::tree::{Data, Node, Span, parse};
use super::walk::walk;
use crate::Name;

/// A document and what is known of it so far.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// What it describes.
    pub kind: Kind,
    /// Its name, if it has one that can be a name.
    pub name: Option<Name>,
    /// Its tree; of a session type that extends another, both merged.
    pub node: Node,
    /// Whether it fits its schema, and everything it extends does.
    pub sound: bool,
}

impl Document {
    /// Where to point for `path`, or for the nearest thing above it that is written.
    pub fn at(&self, path: &[&str]) -> Span {
        match path.split_first() {
            Some((first, _)) if self.node.get(first).is_none() => self.name_span(),
            None => self.name_span(),
            _ => self.node.span_at(path),
        }
    }

    /// Whether anything is written at `path`.
    pub fn has(&self, path: &[&str]) -> bool {
        path.iter().try_fold(&self.node, |node, key| node.get(key)).is_some()
    }

    /// Where its name stands.
    pub fn name_span(&self) -> Span {
        self.node.get("name").map_or(self.node.place(), |name| name.span)
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
    let Some(kind) = Kind::from_name(written) else {
        let message = format!("there is no kind `{written}`");
        let help = match nearest(written, Kind::ALL.iter().map(|kind| kind.as_str())) {
            Some(near) => format!("write `{near}`"),
            None => format!("write one of {}", kinds()),
        };
        reports.push(Report::error("unknown-kind", kind_node.span, message).write(help));
        return None;
    };
    let before = reports.len();
    walk(cached(kind), &node, "", reports);
    let sound = reports.len() == before;
    let name = node.get("name").and_then(Node::text).and_then(|name| name.parse().ok());
    Some(Document { kind, name, node, sound })
}

fn refuse_duplicates(
    files: &[SourceFile],
    documents: &mut [Document],
    reports: &mut Vec<Report>,
) {
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
    let by_name: BTreeMap<String, usize> = documents
        .iter()
        .enumerate()
        .filter(|(_, document)| document.kind == Kind::SessionType)
        .filter_map(|(i, document)| Some((document.name.as_ref()?.as_str().to_ascii_lowercase(), i)))
        .collect();
    let bases: Vec<Option<usize>> = documents
        .iter_mut()
        .map(|document| base_of(document, &by_name, reports))
        .collect();
    for start in 0..documents.len() {
        if let Some(cycle) = cycle_from(start, &bases)
            && let Some(document) = documents.get_mut(start)
        {
            if cycle.contains(&start) {
                let message = "this session type extends itself, directly or through others";
                let span = document.at(&["extends"]);
                reports.push(Report::error("cyclic-extends", span, message).write("remove one `extends`"));
            }
            document.sound = false;
        }
    }
    // Merging in order of the length of the chain finds every base already merged.
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|&i| chain_length(i, &bases));
    for i in order {
        let Some(base) = bases.get(i).copied().flatten().and_then(|b| documents.get(b)).cloned()
        else {
            continue;
        };
        if let Some(document) = documents.get_mut(i) {
            if document.sound && base.sound {
                document.node = merged(&base.node, &document.node);
            } else {
                document.sound = false;
            }
        }
    }
}

fn base_of(
    document: &mut Document,
    by_name: &BTreeMap<String, usize>,
    reports: &mut Vec<Report>,
) -> Option<usize> {
    if document.kind != Kind::SessionType {
        return None;
    }
    let base = document.node.get("extends")?.text()?.to_owned();
    let found = by_name.get(&base.to_ascii_lowercase()).copied();
    if found.is_none() {
        let message = format!("there is no session type `{base}` to extend");
        let report = Report::error("unknown-session-type", document.at(&["extends"]), message);
        let names = by_name.keys().map(String::as_str);
        reports.push(match nearest(&base, names) {
            Some(near) => report.write(format!("write `{near}`")),
            None => report.write("write the name of a session type of this set"),
        });
        document.sound = false;
    }
    found
}

/// The members of the cycle that the chain of bases from `start` ends in, if it does.
fn cycle_from(start: usize, bases: &[Option<usize>]) -> Option<BTreeSet<usize>> {
    let mut seen = Vec::new();
    let mut at = start;
    loop {
        if let Some(first) = seen.iter().position(|&i| i == at) {
            return Some(seen.split_off(first).into_iter().collect());
        }
        seen.push(at);
        at = bases.get(at).copied().flatten()?;
    }
}

/// How many bases lie under a document; a cycle counts as endless.
fn chain_length(start: usize, bases: &[Option<usize>]) -> usize {
    let mut at = start;
    for length in 0..bases.len() {
        match bases.get(at).copied().flatten() {
            Some(base) => at = base,
            None => return length,
        }
    }
    usize::MAX
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
