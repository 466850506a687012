//! What is wrong with a file, where, and what to write instead: for people, for JSON and for GitHub.

use std::fmt::Write as _;

use serde::Serialize;

use super::SourceFile;
use super::tree::Span;

/// Longest part of a source line that is shown, in characters.
const SHOWN_MAX: usize = 160;

/// Whether a finding keeps a set of files from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The set is refused.
    Error,
    /// The set works, perhaps not as meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One finding in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether it fails the set.
    pub severity: Severity,
    /// The file, as it was named by [`SourceFile::path`].
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Characters to underline on that line; at least 1.
    pub length: usize,
    /// Stable name of this kind of finding, in kebab case.
    pub code: &'static str,
    /// What is wrong, in one clause without a full stop.
    pub message: String,
    /// What to write instead, as an imperative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
}

impl Diagnostic {
    /// For people: message, place, source line, caret and help. `source` is the text of the file.
    pub fn render(&self, source: &str) -> String {
        let mut out = format!(
            "{}[{}]: {}\n",
            self.severity.word(),
            self.code,
            self.message
        );
        let help = |out: &mut String, gutter: &str| {
            if let Some(proposal) = &self.proposal {
                // Writing to a `String` cannot fail.
                let _ = writeln!(out, "{gutter} = help: {proposal}");
            }
        };
        if source.is_empty() {
            let _ = writeln!(out, " --> {}", self.path);
            help(&mut out, " ");
            return out;
        }
        let line = source
            .split('\n')
            .nth(self.line.saturating_sub(1))
            .unwrap_or("");
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (shown, skipped) = window(line, self.column);
        let gutter = " ".repeat(self.line.to_string().len());
        let _ = writeln!(
            out,
            "{gutter}--> {}:{}:{}",
            self.path, self.line, self.column
        );
        let _ = writeln!(out, "{gutter} |");
        let _ = writeln!(out, "{} | {}", self.line, printable(&shown).trim_end());
        let before = self.column.saturating_sub(1).saturating_sub(skipped);
        let pad: String = shown
            .chars()
            .chain(std::iter::repeat(' '))
            .take(before)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let room = shown.chars().count().saturating_sub(before).max(1);
        let carets = "^".repeat(self.length.clamp(1, room));
        let _ = writeln!(out, "{gutter} | {pad}{carets}");
        help(&mut out, &gutter);
        out
    }

    /// A workflow command that GitHub shows beside the line.
    pub fn github(&self) -> String {
        let message = match &self.proposal {
            Some(proposal) => format!("{}; {proposal}", self.message),
            None => self.message.clone(),
        };
        let data = |text: &str| {
            text.replace('%', "%25")
                .replace('\r', "%0D")
                .replace('\n', "%0A")
        };
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        format!(
            "::{} file={},line={},col={},endColumn={},title={}::{}",
            self.severity.word(),
            property(&self.path),
            self.line,
            self.column,
            self.column + self.length,
            property(self.code),
            data(&message),
        )
    }
}

/// The part of a long line around `column`, and how many characters precede it.
fn window(line: &str, column: usize) -> (String, usize) {
    let skipped = match column.saturating_sub(1) {
        before if before < SHOWN_MAX * 3 / 4 => 0,
        before => before - SHOWN_MAX / 2,
    };
    (
        line.chars().skip(skipped).take(SHOWN_MAX).collect(),
        skipped,
    )
}

/// The same text without characters that would move or hide the caret.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// A finding whose place is still a span of bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    severity: Severity,
    code: &'static str,
    span: Span,
    message: String,
    proposal: Option<String>,
}

impl Report {
    /// A finding that fails the set.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Report {
            severity: Severity::Error,
            code,
            span,
            message: message.into(),
            proposal: None,
        }
    }

    /// A finding that does not.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Report {
            severity: Severity::Warning,
            ..Report::error(code, span, message)
        }
    }

    /// With what to write instead.
    pub fn write(mut self, proposal: impl Into<String>) -> Self {
        self.proposal = Some(proposal.into());
        self
    }

    /// Where it points.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether it fails the set.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// All reports as diagnostics, sorted by file, place, severity and message, each once.
pub(super) fn locate(files: &[SourceFile], mut reports: Vec<Report>) -> Vec<Diagnostic> {
    reports.sort_by(|a, b| {
        (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message))
    });
    reports.dedup();
    let lines: Vec<Vec<usize>> = files.iter().map(|file| line_starts(&file.text)).collect();
    reports
        .into_iter()
        .filter_map(|report| {
            let file = files.get(report.span.file)?;
            let place = Place::of(&file.text, lines.get(report.span.file)?, report.span);
            Some(Diagnostic {
                severity: report.severity,
                path: file.path.clone(),
                line: place.line,
                column: place.column,
                length: place.length,
                code: report.code,
                message: report.message,
                proposal: report.proposal,
            })
        })
        .collect()
}

/// `path:line` of a span, to name a second place inside a message.
pub(super) fn place_name(files: &[SourceFile], span: Span) -> String {
    match files.get(span.file) {
        Some(file) => {
            let place = Place::of(&file.text, &line_starts(&file.text), span);
            format!("{}:{}", file.path, place.line)
        }
        None => String::new(),
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(i, _)| i + 1),
        )
        .collect()
}

struct Place {
    line: usize,
    column: usize,
    length: usize,
}

impl Place {
    fn of(text: &str, line_starts: &[usize], span: Span) -> Place {
        let index = line_starts
            .partition_point(|&start| start <= span.start)
            .max(1)
            - 1;
        let line_start = line_starts.get(index).copied().unwrap_or(0);
        let line_end = line_starts
            .get(index + 1)
            .map_or(text.len(), |&next| next - 1);
        let count = |from: usize, to: usize| {
            text.get(from..to.max(from))
                .map_or(0, |part| part.trim_end_matches('\r').chars().count())
        };
        Place {
            line: index + 1,
            column: count(line_start, span.start) + 1,
            length: count(span.start, span.end.min(line_end)).max(1),
        }
    }
}
