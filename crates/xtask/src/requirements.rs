//! Which test proves which requirement: the list of `docs/requirements.md` beside the tests' names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use comfy_table::{ContentArrangement, Table, presets};

use crate::workspace::Workspace;

/// Where the requirements stand, from the root.
const LIST: &str = "docs/requirements.md";
/// Tests under here speak HTTP with the real server.
const OVER_HTTP: &str = "tests/it";
/// Where Rust files with tests are.
const SOURCES: [&str; 3] = ["crates", "plugins", "tests"];

/// A requirement and what proves it.
#[derive(Debug, Default)]
pub(crate) struct Requirement {
    /// One line.
    pub(crate) text: String,
    /// Tests of the package itself.
    pub(crate) inside: BTreeSet<String>,
    /// Tests over HTTP.
    pub(crate) over_http: BTreeSet<String>,
}

/// Prints them all, or those that no test over HTTP proves.
pub(crate) fn run(missing: bool) -> Result<ExitCode> {
    let all = load(&Workspace::load()?.root)?;
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["", "requirement", "proven over HTTP by", "and by"]);
    for (number, requirement) in &all {
        if missing && !requirement.over_http.is_empty() {
            continue;
        }
        let list = |tests: &BTreeSet<String>| {
            let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
            tests.join("\n")
        };
        let over_http = match requirement.over_http.is_empty() {
            true => "not yet".to_owned(),
            false => list(&requirement.over_http),
        };
        table.add_row([
            format!("R{number}"),
            requirement.text.clone(),
            over_http,
            list(&requirement.inside),
        ]);
    }
    println!("{table}");
    let proven = |tests: fn(&Requirement) -> bool| all.values().filter(|one| tests(one)).count();
    println!(
        "{} requirements: {} proven over HTTP, {} by tests inside only, {} not yet",
        all.len(),
        proven(|one| !one.over_http.is_empty()),
        proven(|one| one.over_http.is_empty() && !one.inside.is_empty()),
        proven(|one| one.over_http.is_empty() && one.inside.is_empty()),
    );
    Ok(ExitCode::SUCCESS)
}

/// The list with the tests of each.
pub(crate) fn load(root: &Path) -> Result<BTreeMap<u32, Requirement>> {
    let path = root.join(LIST);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut all: BTreeMap<u32, Requirement> = text.lines().filter_map(row).collect();
    let over_http = root.join(OVER_HTTP);
    for source in SOURCES {
        for file in rust_files(&root.join(source))? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            for test in tests(&text) {
                for number in numbers(test) {
                    let requirement = all.get_mut(&number).with_context(|| {
                        let file = file.display();
                        format!("{test} in {file} proves R{number}, which {LIST} does not have")
                    })?;
                    let of = match file.starts_with(&over_http) {
                        true => &mut requirement.over_http,
                        false => &mut requirement.inside,
                    };
                    of.insert(test.to_owned());
                }
            }
        }
    }
    Ok(all)
}

/// `| R48 | text |`.
fn row(line: &str) -> Option<(u32, Requirement)> {
    let (number, text) = line.strip_prefix("| R")?.split_once('|')?;
    let requirement = Requirement {
        text: text.trim().trim_end_matches('|').trim().to_owned(),
        ..Requirement::default()
    };
    Some((number.trim().parse().ok()?, requirement))
}

/// The functions of a file that stand under a test attribute.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let mut attributed = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with("#[") {
            attributed |= line.contains("test");
            return None;
        }
        let name = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "))
            .and_then(|rest| rest.split_once('('))
            .map(|(name, _)| name);
        let found = name.filter(|_| attributed);
        // Comments stand between an attribute and its function; anything else ends its reach.
        attributed &= line.starts_with("//");
        found
    })
}

/// The numbers at the beginning of a test's name: `r48_r50_…`.
fn numbers(test: &str) -> impl Iterator<Item = u32> {
    test.split('_')
        .map_while(|part| part.strip_prefix('r')?.parse().ok())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                found.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_proves_the_numbers_at_the_beginning_of_its_name() {
        let text = "#[test]\nfn r7_r22_once() {\n}\nfn r8_helper() {\n#[tokio::test]\n// why\nasync fn r9_x() {\n";
        let found: Vec<Vec<u32>> = tests(text).map(|test| numbers(test).collect()).collect();
        assert_eq!(found, [vec![7, 22], vec![9]]);
    }

    #[test]
    fn the_list_is_whole_and_every_number_in_a_test_s_name_stands_in_it() {
        let all = load(&Workspace::load().expect("cargo").root).expect("the list");
        assert!(all.keys().copied().eq(1..=93), "{:?}", all.keys());
    }
}
