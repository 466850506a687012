//! Configuration that people write refuses what it does not know.

use super::{FILES, TrackedFile, assert_none};

/// Where such structs live: a folder `config` or a file `config.rs` below one of these.
const FOLDERS: &[&str] = &[
    "crates/model/src/",
    "crates/server/src/",
    "crates/muster/src/",
    "plugins/",
];

/// Attributes that hand the decision to another type.
const DELEGATES: &[&str] = &["try_from", "transparent", "from ="];

/// Structs beside the configuration that no person writes, and who does.
const WRITTEN_BY_US: &[(&str, &str)] = &[(
    "SourceFile",
    "a revision in the store, read by later releases too",
)];

#[test]
fn every_configuration_struct_refuses_unknown_fields() {
    let findings: Vec<String> = FILES
        .iter()
        .filter(|file| {
            file.is_rust()
                && !file.is_test()
                && FOLDERS.iter().any(|folder| file.path.starts_with(folder))
                && file
                    .path
                    .split('/')
                    .any(|part| part == "config" || part == "config.rs")
        })
        .flat_map(lenient_structs)
        .collect();
    assert_none(&findings);
}

#[test]
fn a_struct_that_takes_anything_is_found() {
    let text = "
#[derive(Debug, Deserialize)]
#[serde(rename_all = \"camelCase\")]
/// Lenient.
pub struct Lenient {
    field: u8,
}

#[derive(
    Debug, serde::Deserialize,
)]
#[serde(deny_unknown_fields)]
struct Strict { field: u8 }

#[derive(Deserialize)]
struct Tuple(u8);

#[derive(Deserialize)]
enum Choice { A }
";
    let file = TrackedFile {
        path: "config.rs".into(),
        text: text.into(),
    };
    assert_eq!(
        lenient_structs(&file),
        ["config.rs:5: struct Lenient takes unknown fields"]
    );
}

/// Structs with named fields that derive `Deserialize` without `deny_unknown_fields`.
fn lenient_structs(file: &TrackedFile) -> Vec<String> {
    let mut findings = Vec::new();
    // The attributes since the last item.
    let mut attributes = String::new();
    let mut in_attribute = false;
    for (number, line) in file.lines() {
        let line = line.trim();
        if in_attribute || line.starts_with("#[") {
            attributes.push_str(line);
            in_attribute = attributes.matches('[').count() > attributes.matches(']').count();
            continue;
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let item = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ");
        if let Some(declaration) = item.strip_prefix("struct ") {
            let strict = attributes.contains("deny_unknown_fields")
                || DELEGATES
                    .iter()
                    .any(|attribute| attributes.contains(attribute));
            if attributes.contains("Deserialize") && declaration.contains('{') && !strict {
                let name = declaration
                    .split(['<', ' ', '{'])
                    .next()
                    .unwrap_or_default();
                if WRITTEN_BY_US.iter().any(|(ours, _)| *ours == name) {
                    attributes.clear();
                    continue;
                }
                findings.push(format!(
                    "{}:{number}: struct {name} takes unknown fields",
                    file.path
                ));
            }
        }
        attributes.clear();
    }
    findings
}
