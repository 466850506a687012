//! A YAML file as trees that remember where every key and value was written.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag, options};

use super::diagnostic::Report;
use super::scalar;

/// A file larger than this many bytes is refused.
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;
/// Nodes of one document with every alias expanded; more is refused.
const NODES_MAX: usize = 20_000;
/// Levels of one document with every alias expanded; more is refused.
const DEPTH_MAX: usize = 64;

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

impl Node {
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

    /// The span of the deepest node on the way along `path` (keys, and indices in decimal).
    pub fn span_at(&self, path: &[&str]) -> Span {
        let Some((step, rest)) = path.split_first() else {
            return self.place();
        };
        let child = match &self.data {
            Data::List(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
            Data::Map(_) => self.get(step),
            _ => None,
        };
        match child {
            Some(child) if rest.is_empty() && !child.is_scalar() => {
                self.entry(step).map_or(child.place(), |entry| entry.key_span)
            }
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
            Data::Null => Value::Null,
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

/// The documents of a file that could be read, in order; what could not is reported.
pub(super) fn parse(file: usize, text: &str, reports: &mut Vec<Report>) -> Vec<Node> {
    let mut builder = Builder::new(file, text.len());
    if let Some(at) = text.find('\0') {
        reports.push(
            Report::error("nul-character", builder.span(at, at + 1), "a NUL character is not text")
                .write("remove it; the file may be in UTF-16: save it as UTF-8"),
        );
        return Vec::new();
    }
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has more than {FILE_BYTES_MAX} bytes");
        reports.push(
            Report::error("too-large", builder.span(0, 0), message)
                .write("split it into several files of the same folder"),
        );
        return Vec::new();
    }
    let mut parser = Parser::new_from_str_with_options(
        text,
        options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        },
    );
    let mut documents = Vec::new();
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => {
                let end = text.len();
                let range = span.byte_range().unwrap_or(end..end);
                if let Some(document) = builder.event(event, range, reports) {
                    documents.push(document);
                }
            }
            Some(Err(error)) => {
                reports.push(syntax_error(&builder, text, &error));
                builder.reset();
                // The rest of a broken document would only echo the first mistake; the next
                // document is independent of it.
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    documents
}

/// Lists and maps that are still open, and everything needed to close them.
struct Builder {
    file: usize,
    file_end: usize,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    /// Set once the document broke a limit: the rest of it is skipped.
    refused: bool,
    root: Option<Node>,
}

struct Open {
    node: Node,
    anchor: usize,
    /// In a map, the key that waits for its value; `None` inside if the key was refused.
    key: Option<Option<(String, Span)>>,
    /// Levels below, this one included.
    height: usize,
    /// Nodes below, this one included.
    size: usize,
}

#[derive(Clone)]
struct Anchored {
    node: Node,
    height: usize,
    size: usize,
}

impl Builder {
    fn new(file: usize, file_end: usize) -> Self {
        Builder {
            file,
            file_end,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            refused: false,
            root: None,
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            file: self.file,
            start: start.min(self.file_end),
            end: end.clamp(start.min(self.file_end), self.file_end),
        }
    }

    fn reset(&mut self) {
        *self = Builder::new(self.file, self.file_end);
    }

    /// Takes one event; answers a document when it is complete.
    fn event(
        &mut self,
        event: Event<'_>,
        range: std::ops::Range<usize>,
        reports: &mut Vec<Report>,
    ) -> Option<Node> {
        let span = self.span(range.start, range.end);
        if let Some(tag) = event.tag().filter(|tag| !tag.is_yaml_core_schema()) {
            let message = format!("the tag `{}` means nothing here", tag.original());
            reports.push(Report::error("tag", span, message).write("remove the tag"));
        }
        match event {
            Event::DocumentEnd => {
                let (root, refused) = (self.root.take(), self.refused);
                self.reset();
                return root.filter(|_| !refused);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let data = resolve(&text, style, tag.as_deref());
                self.scalar(Node { data, span }, anchor, reports);
            }
            Event::SequenceStart(_, anchor, _) => self.start(Data::List(Vec::new()), span, anchor),
            Event::MappingStart(_, anchor, _) => self.start(Data::Map(Vec::new()), span, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end, reports),
            Event::Alias(id) => self.alias(id, span, reports),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` before this place");
                reports.push(
                    Report::error("unknown-anchor", span, message)
                        .write("quote it if text that begins with `*` is meant"),
                );
                self.refused = true;
                self.complete(Node { data: Data::Null, span }, 1, 1, reports);
            }
            _ => {}
        }
        None
    }

    fn scalar(&mut self, node: Node, anchor: usize, reports: &mut Vec<Report>) {
        if node.text().is_some_and(|text| text.contains('\0')) {
            let message = "a NUL character is not text";
            reports.push(Report::error("nul-character", node.span, message).write("remove the `\\0`"));
        }
        if anchor > 0 {
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, height: 1, size: 1 });
        }
        self.complete(node, 1, 1, reports);
    }

    fn start(&mut self, data: Data, span: Span, anchor: usize) {
        self.open.push(Open {
            node: Node { data, span },
            anchor,
            key: None,
            height: 1,
            size: 1,
        });
    }

    fn end(&mut self, end: usize, reports: &mut Vec<Report>) {
        let Some(mut open) = self.open.pop() else {
            return;
        };
        open.node.span.end = end.max(open.node.span.start);
        if open.anchor > 0 && !self.refused {
            self.anchors.insert(
                open.anchor,
                Anchored { node: open.node.clone(), height: open.height, size: open.size },
            );
        }
        self.complete(open.node, open.height, open.size, reports);
    }

    fn alias(&mut self, id: usize, span: Span, reports: &mut Vec<Report>) {
        if self.refused {
            return self.complete(Node { data: Data::Null, span }, 1, 1, reports);
        }
        let Some(target) = self.anchors.get(&id) else {
            reports.push(Report::error(
                "recursive-alias",
                span,
                "this alias stands inside the value that it repeats",
            ));
            self.refused = true;
            return self.complete(Node { data: Data::Null, span }, 1, 1, reports);
        };
        if self.nodes.saturating_add(target.size) > NODES_MAX {
            self.refuse("too many values when every alias is written out", span, reports);
            return self.complete(Node { data: Data::Null, span }, 1, 1, reports);
        }
        let Anchored { node, height, size } = target.clone();
        self.nodes += size;
        self.complete(node, height, size, reports);
    }

    fn refuse(&mut self, message: &'static str, span: Span, reports: &mut Vec<Report>) {
        if !self.refused {
            let message = format!("{message}: at most {NODES_MAX} values, {DEPTH_MAX} levels deep");
            reports.push(
                Report::error("too-large", span, message)
                    .write("split the document, or repeat fewer aliases"),
            );
        }
        self.refused = true;
    }

    /// Puts a complete node where it belongs: into what is open, or at the root.
    fn complete(&mut self, node: Node, height: usize, size: usize, reports: &mut Vec<Report>) {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > NODES_MAX || self.open.len() + height > DEPTH_MAX {
            self.refuse("too many values or levels", node.place(), reports);
        }
        let refused = self.refused;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        if refused {
            return;
        }
        open.height = open.height.max(height + 1);
        open.size = open.size.saturating_add(size);
        match (&mut open.node.data, open.key.take()) {
            (Data::List(items), _) => items.push(node),
            (Data::Map(_), None) => open.key = Some(key_of(&node, reports)),
            (Data::Map(entries), Some(Some((key, key_span)))) => {
                entries.push(Entry { key, key_span, value: node });
            }
            _ => {}
        }
    }
}

/// The text of a key. Duplicates are the walker's to report, as it knows the names of the maps.
fn key_of(node: &Node, reports: &mut Vec<Report>) -> Option<(String, Span)> {
    let key = match &node.data {
        Data::Text(text) => text.clone(),
        Data::Null => "null".to_owned(),
        Data::Bool(value) => value.to_string(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => value.to_string(),
        Data::List(_) | Data::Map(_) => {
            let message = "a key must be text, not a list or a map";
            reports.push(
                Report::error("key-not-text", node.span, message)
                    .write("quote a value that begins with `{` or `[`"),
            );
            return None;
        }
    };
    Some((key, node.span))
}

fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Data {
    let as_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
    if style == ScalarStyle::Plain && !as_text {
        scalar::resolve(text)
    } else {
        Data::Text(text.to_owned())
    }
}

fn syntax_error(builder: &Builder, text: &str, error: &ScanError) -> Report {
    let marker = error.marker();
    let at = marker.byte_offset().unwrap_or(text.len()).min(text.len());
    let at = (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let (message, help) = explain(error.kind());
    let message = message.map_or_else(|| error.kind().to_string(), str::to_owned);
    let code = if matches!(error.kind(), ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation) {
        "tab"
    } else {
        "yaml-syntax"
    };
    let report = Report::error(code, builder.span(at, end), format!("broken YAML: {message}"));
    match help {
        Some(help) => report.write(help),
        None => report,
    }
}

/// What the parser's commonest complaints mean to somebody who writes settings.
fn explain(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => (
            Some("a tab where only spaces may stand"),
            Some("indent with spaces"),
        ),
        ErrorKind::UnexpectedEofFlowSequence | ErrorKind::ExpectedFlowSequenceSeparator => (
            Some("a list that began with `[` is not closed"),
            Some("close it with `]`, or put a `,` between its entries"),
        ),
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator => (
            Some("a map that began with `{` is not closed"),
            Some("close it with `}`, or put a `,` between its entries"),
        ),
        ErrorKind::ExpectedBlockMappingKey => (
            Some("this line is no key of the map around it"),
            Some("indent it like the keys above it, and write `key: value`"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            Some("this line is no entry of the list around it"),
            Some("begin it with `- `, indented like the entries above it"),
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            Some("a key without its `:`"),
            Some("write `key: value`, with a space after the colon"),
        ),
        ErrorKind::InvalidIndentation => (
            Some("the indentation fits nothing above it"),
            Some("indent with the same number of spaces as the keys around it"),
        ),
        _ => (None, None),
    }
}
