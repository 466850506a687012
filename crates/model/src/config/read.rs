//! Reads a folder of YAML files; the one place of this crate that touches the disk, on its caller's behalf.

use std::io;
use std::path::{Path, PathBuf};

use super::{Checked, Diagnostic, ProviderSchema, Severity, SourceFile, check};

/// How deep subfolders are searched for YAML files that somebody may miss.
const DEPTH_MAX: usize = 8;
/// Subfolders whose files nobody misses: sets to read and to copy from, and players for `muster simulate`.
const ASIDE: [&str; 2] = ["examples", "populations"];

/// Why a folder could not be read. Boxed into an [`io::Error`] of the same kind by [`read_dir`].
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
pub struct ReadError {
    path: String,
    source: io::Error,
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        io::Error::new(error.source.kind(), error)
    }
}

/// The YAML files of a folder, and what is wrong with them before anybody looks at their YAML.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// What could be read, sorted by name. Of a file that is not UTF-8, what is not text is replaced by U+FFFD, so
    /// that the rest of it can be checked.
    pub files: Vec<SourceFile>,
    /// Files that cannot be read or are no text; files in subfolders, which nobody reads.
    pub findings: Vec<Diagnostic>,
}

impl Folder {
    /// [`check`] of its files, together with its own findings.
    pub fn check(&self, providers: &[ProviderSchema]) -> Checked {
        let Checked {
            diagnostics,
            config,
        } = check(&self.files, providers);
        Checked {
            diagnostics: self.with_findings(diagnostics),
            config: config.filter(|_| !self.is_broken()),
        }
    }

    /// Whether a finding keeps the set from being used.
    pub fn is_broken(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.severity == Severity::Error)
    }

    /// These diagnostics and the folder's findings, sorted by file and place.
    pub fn with_findings(&self, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        diagnostics.extend(self.findings.iter().cloned());
        diagnostics.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
        diagnostics
    }
}

/// Every `*.yaml` and `*.yml` directly in `dir`. Hidden files, which editors leave behind, are left alone.
///
/// # Errors
/// When the folder itself cannot be read; what is wrong with a file is one of [`Folder::findings`].
pub fn read_dir(dir: &Path) -> io::Result<Folder> {
    let mut folder = Folder::default();
    for path in entries(dir)? {
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && ASIDE.iter().any(|name| path.ends_with(name)) => {}
            Ok(metadata) if metadata.is_dir() => passed_over(&path, &mut folder.findings),
            _ if !is_yaml(&path) => {}
            Ok(metadata) if metadata.is_file() => read(&path, &mut folder),
            Ok(_) => folder.findings.push(unreadable(&path, "is no file")),
            Err(error) => folder
                .findings
                .push(unreadable(&path, &format!("cannot be read: {error}"))),
        }
    }
    Ok(folder)
}

/// Everything in a folder that is not hidden, sorted by name.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let open = |source| ReadError {
        path: dir.display().to_string(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(open)? {
        let entry = entry.map_err(open)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| ext == "yaml" || ext == "yml")
}

/// Reads one file into the folder.
pub(super) fn read(path: &Path, folder: &mut Folder) {
    let shown = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = format!("cannot be read: {error}");
            return folder.findings.push(unreadable(path, &what));
        }
    };
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let offset = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        folder.findings.push(Diagnostic {
            severity: Severity::Error,
            path: shown.clone(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
            length: 1,
            code: "not-utf-8",
            message: format!("not UTF-8 text (byte {offset} of the file)"),
            proposal: Some("save the file as UTF-8".to_owned()),
        });
        text
    });
    folder.files.push(SourceFile { path: shown, text });
}

fn unreadable(path: &Path, message: &str) -> Diagnostic {
    of_the_whole(
        path,
        Severity::Error,
        "unreadable",
        format!("the file {message}"),
        "make it readable, or remove it",
    )
}

fn of_the_whole(
    path: &Path,
    severity: Severity,
    code: &'static str,
    message: String,
    proposal: &str,
) -> Diagnostic {
    Diagnostic {
        severity,
        path: path.display().to_string(),
        line: 1,
        column: 1,
        length: 1,
        code,
        message,
        proposal: Some(proposal.to_owned()),
    }
}

/// Says so of every YAML file below a subfolder: the set is the folder's own files.
fn passed_over(dir: &Path, findings: &mut Vec<Diagnostic>) {
    let mut folders = vec![(dir.to_owned(), 1)];
    while let Some((dir, depth)) = folders.pop() {
        // What cannot be looked into is none of the set's files either.
        for path in entries(&dir).unwrap_or_default() {
            let is_link = path.is_symlink();
            if path.is_dir() && !is_link && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if is_yaml(&path) && !path.is_dir() {
                findings.push(of_the_whole(
                    &path,
                    Severity::Warning,
                    "subfolder",
                    "a file in a subfolder is not read".to_owned(),
                    "move it into the folder itself, or check its folder by itself",
                ));
            }
        }
    }
}
