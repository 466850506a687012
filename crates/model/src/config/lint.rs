//! What judges a section of a document: the section, where it stands, and where to say what is wrong with it.

use super::diagnostic::Report;
use super::document::Document;

/// A section and its judge's notes. The rules of each kind of section stand in the file named after it.
pub(super) struct Lint<'a, R> {
    /// As it was written.
    pub raw: &'a R,
    /// Where it stands.
    pub document: &'a Document,
    /// What is wrong.
    pub reports: &'a mut Vec<Report>,
}

impl<R> Lint<'_, R> {
    /// Something at this path fails the set; `help` says what to write instead.
    pub fn error(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let report = Report::error(code, self.document.at(path), message);
        self.reports.push(report.write(help));
    }

    /// The same of what works, perhaps not as meant.
    pub fn warning(
        &mut self,
        code: &'static str,
        path: &[&str],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let report = Report::warning(code, self.document.at(path), message);
        self.reports.push(report.write(help));
    }
}
