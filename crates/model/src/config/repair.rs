//! A tree without what does not fit its schema, so that the rest of a document can be judged in the same go.

use std::collections::BTreeSet;

use super::tree::{Data, Entry, Node};

/// Paths from the root of a document: keys, and `[0]` for the first entry of a list.
pub(super) type Bad = BTreeSet<Vec<String>>;

/// What was taken out of a document: paths of keys, indices in decimal, `*` for an entry of a list that is gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost(BTreeSet<Vec<String>>);

impl Lost {
    /// Whether what stood at `path`, or what held it, is gone.
    pub fn hides(&self, path: &[&str]) -> bool {
        self.0
            .iter()
            .any(|lost| lost.len() <= path.len() && lost.iter().zip(path).all(|(a, b)| a == b))
    }

    /// Whether anything at, above or below `path` is gone.
    pub fn touches(&self, path: &[&str]) -> bool {
        let mut lost = self.0.iter();
        lost.any(|lost| lost.iter().zip(path).all(|(a, b)| a == b))
    }

    /// Takes over what a base has lost and `child` does not write itself.
    pub fn inherit(&mut self, base: &Lost, child: &Node) {
        let own = |path: &&Vec<String>| {
            let Some((section, rest)) = path.split_first() else {
                return false;
            };
            match (child.get(section), rest.first()) {
                (None, _) => false,
                (Some(section), Some(key)) if !section.entries().is_empty() => {
                    section.get(key).is_some()
                }
                _ => true,
            }
        };
        self.0
            .extend(base.0.iter().filter(|path| !own(path)).cloned());
    }
}

/// `node` without what is bad and without second entries of a key, and what is gone.
pub(super) fn repaired(node: &Node, bad: &Bad) -> (Node, Lost) {
    let mut lost = Lost::default();
    // A key of the document that is not there has lost its value too.
    let absent = bad
        .iter()
        .filter(|path| matches!(path.as_slice(), [key] if node.get(key).is_none()));
    lost.0.extend(absent.cloned());
    let node = without(node, bad, &mut Vec::new(), &mut Vec::new(), &mut lost);
    (node, lost)
}

/// `written` is where we are in the tree as it was, `kept` in the new one.
fn without(
    node: &Node,
    bad: &Bad,
    written: &mut Vec<String>,
    kept: &mut Vec<String>,
    lost: &mut Lost,
) -> Node {
    let mut child = |step: String, kept_step: String, gone: &str, value: &Node| {
        written.push(step);
        kept.push(kept_step);
        let new = if bad.contains(written.as_slice()) {
            kept.pop();
            kept.push(gone.to_owned());
            lost.0.insert(kept.clone());
            None
        } else {
            Some(without(value, bad, written, kept, lost))
        };
        written.pop();
        kept.pop();
        new
    };
    let data = match &node.data {
        Data::List(items) => {
            let mut new = Vec::new();
            for (index, item) in items.iter().enumerate() {
                new.extend(child(
                    format!("[{index}]"),
                    new.len().to_string(),
                    "*",
                    item,
                ));
            }
            Data::List(new)
        }
        Data::Map(entries) => {
            let mut seen = BTreeSet::new();
            let mut new = Vec::new();
            for entry in entries {
                if seen.insert(&entry.key)
                    && let Some(value) = child(
                        entry.key.clone(),
                        entry.key.clone(),
                        &entry.key,
                        &entry.value,
                    )
                {
                    new.push(Entry {
                        value,
                        ..entry.clone()
                    });
                }
            }
            Data::Map(new)
        }
        other => other.clone(),
    };
    Node {
        data,
        ..node.clone()
    }
}
