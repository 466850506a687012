//! The rules of the house that hold for the whole tree, as tests.
//!
//! They look at what git tracks and at what cargo resolves, so a file that is not added yet is not judged yet.

mod config;
mod dependencies;
mod files;
mod licences;
mod tree;
mod words;

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::workspace::{Workspace, output};

/// The workspace, asked once for all tests.
static WORKSPACE: LazyLock<Workspace> =
    LazyLock::new(|| Workspace::load().expect("cargo metadata describes this workspace"));

/// Every text file that git tracks.
static FILES: LazyLock<Vec<TrackedFile>> = LazyLock::new(tracked_files);

/// A text file that git tracks.
#[derive(Debug)]
struct TrackedFile {
    /// Its path from the root, with slashes.
    path: String,
    /// Its text.
    text: String,
}

impl TrackedFile {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it holds nothing but tests: the package `tests`, a `tests` directory, a file `tests.rs`.
    fn is_test(&self) -> bool {
        self.path
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs")
    }

    /// The lines, counted from one.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

fn tracked_files() -> Vec<TrackedFile> {
    let mut git = Command::new("git");
    // A checkout that belongs to somebody else, as in a container, is still ours to read.
    git.current_dir(&WORKSPACE.root)
        .args(["-c", "safe.directory=*", "ls-files", "-z"]);
    let list = output(&mut git).expect("git lists the tracked files");
    let list = String::from_utf8(list).expect("paths in this repository are text");
    list.split_terminator('\0')
        .filter_map(|path| {
            let file: PathBuf = WORKSPACE.root.join(path);
            // A binary file is not text, and a file removed but not yet committed is not there.
            let text = std::fs::read_to_string(file).ok()?;
            Some(TrackedFile {
                path: path.to_owned(),
                text,
            })
        })
        .collect()
}

fn file(path: &str) -> &'static TrackedFile {
    FILES
        .iter()
        .find(|file| file.path == path)
        .unwrap_or_else(|| panic!("git tracks no {path}"))
}

/// Fails with every finding, not with the first one.
#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Whether `text` has `word` with no letter, digit or underscore at either side.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
