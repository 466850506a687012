//! What every file has to look like: its header, its size, its last line.

use super::{FILES, WORKSPACE, assert_none};
use crate::generate::{GENERATED, VARIABLE};

/// No file is longer; a file of tests may be half as long again.
const LINES_MAX: usize = 1_000;
const TEST_LINES_MAX: usize = 1_500;
/// What we aim for. They are printed, not enforced: one large change should not fail for the sum of all others.
const MEDIAN_AIM: usize = 150;
const P95_AIM: usize = 600;
const ARCHITECTURE_LINES_MAX: usize = 300;

#[test]
fn every_rust_file_opens_with_a_sentence_that_says_what_it_is_for() {
    let findings: Vec<String> = FILES
        .iter()
        .filter(|file| file.is_rust() && !file.text.starts_with("//! "))
        .map(|file| format!("{}:1: does not open with `//! `", file.path))
        .collect();
    assert_none(&findings);
}

#[test]
fn no_rust_file_is_too_long() {
    let mut lengths = Vec::new();
    let mut findings = Vec::new();
    for file in FILES.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count();
        let max = if file.is_test() {
            TEST_LINES_MAX
        } else {
            LINES_MAX
        };
        if lines > max {
            findings.push(format!("{}: {lines} lines, at most {max}", file.path));
        }
        if !file.is_test() {
            lengths.push(lines);
        }
    }
    lengths.sort_unstable();
    let quantile = |percent: usize| lengths.get(lengths.len() * percent / 100).copied();
    println!(
        "{} files without tests: median {} lines (aim {MEDIAN_AIM}), p95 {} (aim {P95_AIM})",
        lengths.len(),
        quantile(50).unwrap_or(0),
        quantile(95).unwrap_or(0),
    );
    assert_none(&findings);
}

#[test]
fn the_architecture_page_stays_short() {
    let findings: Vec<String> = FILES
        .iter()
        .filter(|file| file.path == "docs/architecture.md")
        .filter(|file| file.text.lines().count() > ARCHITECTURE_LINES_MAX)
        .map(|file| format!("{}: more than {ARCHITECTURE_LINES_MAX} lines", file.path))
        .collect();
    assert_none(&findings);
}

#[test]
fn every_file_ends_with_a_newline_and_rust_has_no_tabs() {
    let mut findings = Vec::new();
    for file in FILES.iter() {
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(format!("{}: no newline at its end", file.path));
        }
        if file.is_rust() {
            let tabs = file.lines().filter(|(_, line)| line.contains('\t'));
            findings.extend(tabs.map(|(number, _)| format!("{}:{number}: a tab", file.path)));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_test_that_writes_a_file_is_run_by_generate() {
    let read = format!("(\"{VARIABLE}\")");
    let mut findings = Vec::new();
    for file in FILES
        .iter()
        .filter(|file| file.is_rust() && file.text.contains(&read))
    {
        let listed = GENERATED.iter().any(|row| {
            let function = row.test.rsplit("::").next().unwrap_or_default();
            file.text.contains(&format!("fn {function}("))
        });
        if !listed {
            findings.push(format!(
                "{}: reads {VARIABLE}, but no row of GENERATED runs it",
                file.path
            ));
        }
    }
    for row in GENERATED {
        if !WORKSPACE
            .members
            .iter()
            .any(|member| member.name == row.package)
        {
            findings.push(format!("GENERATED: there is no package {}", row.package));
        }
    }
    assert_none(&findings);
}
