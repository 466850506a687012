//! The events of a YAML file become trees: aliases are written out within limits, what is broken is reported.

use std::collections::BTreeMap;

use serde_yaml::granit_parser::{self as parser, Event, Parser, ScalarStyle, Tag};

use super::diagnostic::Report;
use super::tree::{Data, Entry, Node, Span};
use super::{scalar, syntax};

/// A file larger than this many bytes is refused.
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;
/// Documents of one file; more are refused.
const DOCUMENTS_MAX: usize = 1_000;
/// Values of one file with every alias written out, long texts counting as several; more is refused.
const VALUES_MAX: usize = 100_000;
/// Bytes of a text that count as one more value.
const BYTES_PER_VALUE: usize = 64;
/// Levels of one document with every alias expanded; more is refused.
const DEPTH_MAX: usize = 64;

/// The documents of a file that could be read, in order; what could not is reported.
pub(super) fn parse(file: usize, text: &str, reports: &mut Vec<Report>) -> Vec<Node> {
    let mut builder = Builder::new(file, text.len());
    if let Some(at) = text.find('\0') {
        reports.push(
            Report::error(
                "nul-character",
                builder.span(at, at + 1),
                "a NUL character is not text",
            )
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
        parser::options! {
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
                let bytes =
                    |span: &parser::Span| span.byte_range().unwrap_or(text.len()..text.len());
                if let Some(tag) = event.tag().filter(|tag| !tag.is_yaml_core_schema()) {
                    let range = bytes(&span.tag_span().unwrap_or(span));
                    let message = format!("the tag `{}` means nothing here", tag.original());
                    let place = builder.span(range.start, range.end);
                    reports.push(Report::error("tag", place, message).write("remove the tag"));
                }
                if let Some(document) = builder.event(event, bytes(&span), reports) {
                    if documents.len() == DOCUMENTS_MAX {
                        let message = format!("more than {DOCUMENTS_MAX} documents in one file");
                        let report = Report::error("too-large", document.place(), message);
                        reports.push(report.write("split the file"));
                        break;
                    }
                    documents.push(document);
                }
            }
            Some(Err(error)) => {
                reports.push(builder.syntax_error(text, &error));
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
    /// Of the whole file.
    values: usize,
    /// Set once the document broke a limit: the rest of it is skipped.
    refused: bool,
    /// Set once the file broke a limit, so that this is said once.
    exhausted: bool,
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
            values: 0,
            refused: false,
            exhausted: false,
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

    /// Forgets the document, not what the file has used up.
    fn reset(&mut self) {
        let (values, exhausted) = (self.values, self.exhausted);
        *self = Builder {
            values,
            exhausted,
            ..Builder::new(self.file, self.file_end)
        };
    }

    fn syntax_error(&self, text: &str, error: &parser::ScanError) -> Report {
        let at = error
            .marker()
            .byte_offset()
            .unwrap_or(text.len())
            .min(text.len());
        let at = text.floor_char_boundary(at);
        let end = text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(at, |c| at + c.len_utf8());
        let began = self.open.last().map(|open| open.node.span.start);
        syntax::explain(
            error.kind(),
            self.span(at, end),
            began.and_then(|start| text.get(..start)),
        )
    }

    /// Takes one event; answers a document when it is complete.
    fn event(
        &mut self,
        event: Event<'_>,
        range: std::ops::Range<usize>,
        reports: &mut Vec<Report>,
    ) -> Option<Node> {
        let span = self.span(range.start, range.end);
        match event {
            Event::DocumentEnd => {
                let (root, refused) = (self.root.take(), self.refused);
                self.reset();
                return root.filter(|_| !refused);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let data = resolve(&text, style, tag.as_deref());
                let digits = match data {
                    Data::Int(_) | Data::Float(_) => text.into_owned(),
                    _ => String::new(),
                };
                self.scalar(Node { data, span, digits }, anchor, reports);
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
                self.complete(Node::new(Data::Broken, span), 1, 1, reports);
            }
            _ => {}
        }
        None
    }

    fn scalar(&mut self, node: Node, anchor: usize, reports: &mut Vec<Report>) {
        if node.text().is_some_and(|text| text.contains('\0')) {
            let message = "a NUL character is not text";
            reports
                .push(Report::error("nul-character", node.span, message).write("remove the `\\0`"));
        }
        let size = 1 + node.text().map_or(0, str::len) / BYTES_PER_VALUE;
        if anchor > 0 {
            let node = node.clone();
            self.anchors.insert(
                anchor,
                Anchored {
                    node,
                    height: 1,
                    size,
                },
            );
        }
        self.complete(node, 1, size, reports);
    }

    fn start(&mut self, data: Data, span: Span, anchor: usize) {
        self.open.push(Open {
            node: Node::new(data, span),
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
                Anchored {
                    node: open.node.clone(),
                    height: open.height,
                    size: open.size,
                },
            );
        }
        self.complete(open.node, open.height, open.size, reports);
    }

    fn alias(&mut self, id: usize, span: Span, reports: &mut Vec<Report>) {
        if self.refused {
            return self.complete(Node::new(Data::Null, span), 1, 1, reports);
        }
        let Some(target) = self.anchors.get(&id) else {
            reports.push(Report::error(
                "recursive-alias",
                span,
                "this alias stands inside the value that it repeats",
            ));
            return self.complete(Node::new(Data::Broken, span), 1, 1, reports);
        };
        if self.values.saturating_add(target.size) > VALUES_MAX {
            self.refuse(span, reports);
            return self.complete(Node::new(Data::Null, span), 1, 1, reports);
        }
        let Anchored { node, height, size } = target.clone();
        self.values += size;
        self.complete(node, height, size, reports);
    }

    fn refuse(&mut self, span: Span, reports: &mut Vec<Report>) {
        if !self.refused && !self.exhausted {
            let message = format!(
                "too much: a file may have {VALUES_MAX} values with every alias written out, {DEPTH_MAX} levels deep"
            );
            reports.push(
                Report::error("too-large", span, message)
                    .write("use fewer aliases, or split the file"),
            );
        }
        self.refused = true;
        self.exhausted = self.values > VALUES_MAX;
    }

    /// Puts a complete node where it belongs: into what is open, or at the root.
    fn complete(&mut self, node: Node, height: usize, size: usize, reports: &mut Vec<Report>) {
        self.values += 1;
        if self.values > VALUES_MAX || self.open.len() + height > DEPTH_MAX {
            self.refuse(node.place(), reports);
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
                entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                });
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
        Data::Broken => return None,
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
