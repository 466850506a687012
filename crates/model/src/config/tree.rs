//! A YAML document as a tree that remembers where every key and value was written.

/// A place in a set of files: bytes `start..end` of the file with this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    /// Index of the file in the set.
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// What it is.
    pub data: Data,
    /// Where it stands; of a list or map, everything it spans.
    pub span: Span,
    /// How a number was written; empty for everything else.
    pub digits: String,
}

/// What a node is, after YAML 1.2's core schema.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number; may be infinite or no number.
    Float(f64),
    /// Everything else that is plain, and everything in quotes.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<Entry>),
    /// What could not be read, as has been reported.
    Broken,
}

/// One key of a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key, as text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// What it holds.
    pub value: Node,
}

impl Span {
    /// Of what is not to be reported.
    pub const NOWHERE: Span = Span {
        file: usize::MAX,
        start: 0,
        end: 0,
    };
}

impl Node {
    /// A value that is no number.
    pub fn new(data: Data, span: Span) -> Node {
        Node {
            data,
            span,
            digits: String::new(),
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a key leads to, or an index in decimal.
    pub fn child(&self, step: &str) -> Option<&Node> {
        match &self.data {
            Data::List(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
            Data::Map(_) => self.get(step),
            _ => None,
        }
    }

    /// The span of the deepest node on the way along `path` (keys, and indices in decimal).
    pub fn span_at(&self, path: &[&str]) -> Span {
        let Some((step, rest)) = path.split_first() else {
            return self.place();
        };
        match self.child(step) {
            Some(child) if rest.is_empty() && !child.is_scalar() => self
                .entry(step)
                .map_or(child.place(), |entry| entry.key_span),
            Some(child) => child.span_at(rest),
            None => self.place(),
        }
    }

    /// Where to point when the node as a whole is meant: its first key, or itself.
    pub fn place(&self) -> Span {
        match self.entries().first() {
            Some(entry) if entry.key_span.file == self.span.file => entry.key_span,
            _ => self.span,
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.data, Data::List(_) | Data::Map(_))
    }

    /// The same value as JSON; a number that JSON cannot hold becomes null.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            Data::Null | Data::Broken => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => (*value as f64).into(),
            },
            Data::Float(value) => (*value).into(),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Node::json).collect(),
            Data::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.json()))
                .collect(),
        }
    }
}
