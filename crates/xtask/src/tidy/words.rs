//! Words that no tracked file may have: paths of somebody's machine, marks of unfinished work.

use super::{FILES, assert_none, has_word};

/// Each is written in two parts, so that this file is not a finding itself.
const WORDS: &[(&str, &str)] = &[
    (
        concat!("TO", "DO"),
        "finish it, or refuse the case with a clear error",
    ),
    (concat!("FIX", "ME"), "mend it"),
    (concat!("XX", "X"), "say what you mean"),
    (
        concat!("unimpl", "emented!"),
        "refuse the case with a clear error",
    ),
    (concat!("to", "do!"), "refuse the case with a clear error"),
    (
        concat!("#[", "ignore"),
        "a test runs, or says SKIPPED and why",
    ),
];

/// Folders of machines. Only what begins a path counts: `docs/work/` is fine.
const FOLDERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

#[test]
fn no_tracked_file_has_words_of_unfinished_work_or_paths_of_a_machine() {
    let mut findings = Vec::new();
    for file in FILES.iter() {
        for (number, line) in file.lines() {
            for (word, instead) in WORDS {
                if stands_alone(line, word) {
                    findings.push(format!("{}:{number}: {word}: {instead}", file.path));
                }
            }
            for folder in FOLDERS {
                if begins_path(line, folder) {
                    findings.push(format!(
                        "{}:{number}: {folder}: a path of a machine",
                        file.path
                    ));
                }
            }
        }
    }
    assert_none(&findings);
}

fn stands_alone(line: &str, word: &str) -> bool {
    if word.ends_with(char::is_alphanumeric) && word.starts_with(char::is_alphanumeric) {
        has_word(line, word)
    } else {
        line.contains(word)
    }
}

fn begins_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-./}>".contains(c))
    })
}
