//! Broken YAML in the words of somebody who writes settings, not parsers.

use serde_yaml::granit_parser::ErrorKind;

use super::diagnostic::Report;
use super::tree::Span;

/// A report of what the parser stumbled over at `span`; `before` is the text before the innermost list or map
/// that is open there.
pub(super) fn explain(kind: &ErrorKind, span: Span, before: Option<&str>) -> Report {
    let line = before.map(|before| 1 + before.matches('\n').count());
    let unclosed = |what: &str, open: char| match line {
        Some(line) => format!("the {what} that began with `{open}` in line {line} is not closed"),
        None => format!("a {what} that began with `{open}` is not closed"),
    };
    let (message, help) = match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            return Report::error(
                "tab",
                span,
                "broken YAML: a tab where only spaces may stand",
            )
            .write("indent with spaces");
        }
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::UnclosedFlowCollection { open: '[' } => (
            unclosed("list", '['),
            "close it with `]`, or put a `,` between its entries",
        ),
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::UnclosedFlowCollection { .. } => (
            unclosed("map", '{'),
            "close it with `}`, or put a `,` between its entries",
        ),
        other => match in_words(other) {
            Some((message, help)) => (message.to_owned(), help),
            None => return Report::error("yaml-syntax", span, format!("broken YAML: {other}")),
        },
    };
    Report::error("yaml-syntax", span, format!("broken YAML: {message}")).write(help)
}

/// What is wrong, and what to write.
fn in_words(kind: &ErrorKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ErrorKind::ExpectedBlockMappingKey => (
            "this line is no key of the map around it",
            "indent it like the keys above it, and write `key: value`",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            "this line is no entry of the list around it",
            "begin it with `- `, indented like the entries above it",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a key without its `: `",
            "write `key: value`, with a space after the colon",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent => (
            "the indentation fits nothing above it",
            "indent with the same number of spaces as the keys around it",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `: ` where no key can be",
            "quote text that holds a colon and a space",
        ),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "the quote that begins here is not closed",
            "close it with the same quote",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "there is more text after a closing quote",
            "quote all of it, or nothing",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "no such escape in double quotes",
            "write the text in single quotes, where `\\` is only itself",
        ),
        ErrorKind::RecursionLimitExceeded => (
            "lists and maps lie too deep in each other",
            "no knob needs more than a few levels",
        ),
        ErrorKind::UnexpectedCharacter { .. }
        | ErrorKind::PlainScalarStartsWithDashFlowIndicator => (
            "plain text may not begin with this character",
            "put the text in quotes",
        ),
        ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEof => (
            "the file ends in the middle of something",
            "finish its last line",
        ),
        _ => return None,
    })
}
