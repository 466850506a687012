//! Which of our packages may depend on which, and which may know which outside library: the table of the design.
//!
//! The laws are about what ships, so they look at normal and build dependencies. Tests may depend on more, within
//! two limits: nothing depends on xtask, and the pure packages stay pure in their tests too.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{FILES, WORKSPACE, assert_none, file, has_word};
use crate::workspace::{array, text};

/// Every package of ours and the packages of ours that it may depend on.
const EDGES: &[(&str, May)] = &[
    ("model", May::DependOn(&[])),
    ("matcher", May::DependOn(&["model"])),
    ("allocator", May::DependOn(&["model"])),
    ("store", May::DependOn(&["model"])),
    (
        "server",
        May::DependOn(&["model", "matcher", "allocator", "store"]),
    ),
    ("sdk", May::DependOn(&["model"])),
    (
        "plugin-process",
        May::DependOn(&["model", "allocator", "sdk"]),
    ),
    ("muster", May::DependOnAllBut(&["xtask", "tests"])),
    ("tests", May::DependOnAllBut(&["xtask"])),
    ("xtask", May::DependOn(&[])),
];

/// What a package may depend on.
#[derive(Clone, Copy, Debug)]
enum May {
    DependOn(&'static [&'static str]),
    DependOnAllBut(&'static [&'static str]),
}

impl May {
    fn permits(self, package: &str) -> bool {
        match self {
            Self::DependOn(list) => list.contains(&package),
            Self::DependOnAllBut(list) => !list.contains(&package),
        }
    }
}

/// Pure even in their tests.
const PURE: &[&str] = &["model", "matcher", "allocator", "xtask"];

/// Libraries that only some packages may name, and the law behind it.
const KNOWLEDGE: &[(&str, &[&str], &str)] = &[
    ("axum", &["server"], "only server knows HTTP routes"),
    ("sqlx", &["store"], "only store knows SQL"),
    (
        "kube",
        &["plugin-kubernetes"],
        "only plugins/kubernetes knows kube",
    ),
    (
        "anyhow",
        &["muster", "xtask", "tests"],
        "libraries have errors of their own",
    ),
];

/// Dependencies without a mention in the source of their package, and why they are there.
const UNMENTIONED: &[(&str, &str, &str)] = &[];

/// One dependency of one package of ours.
#[derive(Debug)]
struct Edge {
    from: String,
    /// The name on the registry.
    to: String,
    /// The name in the manifest.
    key: String,
    ships: bool,
}

#[test]
fn our_packages_depend_on_each_other_as_the_design_says() {
    let mut findings = Vec::new();
    for member in &WORKSPACE.members {
        if !EDGES.iter().any(|(name, _)| *name == member.name) {
            findings.push(format!("{} has no row in the table", member.name));
        }
    }
    for edge in edges() {
        let ours = WORKSPACE
            .members
            .iter()
            .any(|member| member.name == edge.to);
        let Some((_, may)) = EDGES.iter().find(|(name, _)| *name == edge.from) else {
            continue;
        };
        let bound = edge.ships || PURE.contains(&edge.from.as_str()) || edge.to == "xtask";
        let itself = edge.from == edge.to;
        if ours && bound && !itself && !may.permits(&edge.to) {
            findings.push(format!("{} may not depend on {}", edge.from, edge.to));
        }
    }
    assert_none(&findings);
}

#[test]
fn only_the_package_in_charge_names_a_library() {
    let findings: Vec<String> = edges()
        .iter()
        .filter(|edge| edge.ships)
        .filter_map(|edge| {
            let (_, may, law) = KNOWLEDGE.iter().find(|(library, ..)| *library == edge.to)?;
            (!may.contains(&edge.from.as_str()))
                .then(|| format!("{} names {}: {law}", edge.from, edge.to))
        })
        .collect();
    assert_none(&findings);
}

#[test]
fn a_package_lives_in_the_directory_of_its_name() {
    let findings: Vec<String> = WORKSPACE
        .members
        .iter()
        .filter(|member| {
            let directory = member.directory.strip_prefix(&WORKSPACE.root).ok();
            let directory = directory.and_then(|path| path.to_str()).unwrap_or_default();
            let expected = match member.name.strip_prefix("plugin-") {
                Some(plugin) => format!("plugins/{plugin}"),
                None if member.name == "tests" => "tests".to_owned(),
                None => format!("crates/{}", member.name),
            };
            directory != expected
        })
        .map(|member| format!("{} is in {}", member.name, member.directory.display()))
        .collect();
    assert_none(&findings);
}

#[test]
fn every_dependency_of_a_package_is_used_in_its_source() {
    let mut findings = Vec::new();
    for edge in edges() {
        if UNMENTIONED
            .iter()
            .any(|(from, to, _)| *from == edge.from && *to == edge.key)
        {
            continue;
        }
        let member = WORKSPACE
            .members
            .iter()
            .find(|member| member.name == edge.from);
        let folder = member.and_then(|member| member.directory.strip_prefix(&WORKSPACE.root).ok());
        let folder = format!(
            "{}/",
            folder.expect("a package is inside its workspace").display()
        );
        let name = edge.key.replace('-', "_");
        let mentioned = FILES
            .iter()
            .filter(|file| file.is_rust() && file.path.starts_with(&folder))
            .flat_map(|file| file.text.lines())
            .any(|line| !line.trim_start().starts_with("//") && has_word(line, &name));
        if !mentioned {
            findings.push(format!("{folder}Cargo.toml: {} is not used", edge.key));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_dependency_of_the_workspace_is_used_by_a_package() {
    let edges = edges();
    let findings: Vec<String> = declared()
        .keys()
        .filter(|name| !edges.iter().any(|edge| edge.key == **name))
        .map(|name| format!("Cargo.toml: no package depends on {name}"))
        .collect();
    assert_none(&findings);
}

#[test]
fn versions_stand_in_the_root_manifest_alone() {
    let mut findings = Vec::new();
    for member in FILES
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
    {
        let mut in_dependencies = false;
        for (number, line) in member.lines() {
            if line.starts_with('[') {
                in_dependencies = line.trim_end().ends_with("dependencies]");
            } else if in_dependencies
                && line.contains('=')
                && !line.trim_start().starts_with('#')
                && !line.contains("workspace = true")
                // A package's own features, switched on for its tests.
                && !line.contains("path = \".\"")
            {
                findings.push(format!("{}:{number}: not `workspace = true`", member.path));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn every_outside_dependency_has_its_line_in_the_documentation() {
    let declared = declared();
    let page = file("docs/dependencies.md");
    let documented: Vec<&str> = page
        .text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once('`')
                .map(|(name, _)| name)
        })
        .collect();
    let mut findings = Vec::new();
    for (name, version) in &declared {
        if !documented.contains(&name.as_str()) {
            findings.push(format!(
                "Cargo.toml: {name} {version} has no row in {}",
                page.path
            ));
        }
    }
    for name in documented {
        if !declared.contains_key(name) {
            findings.push(format!(
                "{}: {name} is no dependency of the workspace",
                page.path
            ));
        }
    }
    assert_none(&findings);
}

/// The outside dependencies that the root manifest declares, with what it says about each.
fn declared() -> BTreeMap<String, String> {
    let manifest = file("Cargo.toml");
    manifest
        .text
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#') && !line.contains("path ="))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, what)| (name.to_owned(), what.to_owned()))
        .collect()
}

fn edges() -> Vec<Edge> {
    let packages = array(&WORKSPACE.metadata, "packages").expect("cargo lists packages");
    let ours = packages.iter().filter(|package| {
        WORKSPACE
            .members
            .iter()
            .any(|member| package["id"] == member.id.as_str())
    });
    ours.flat_map(|package| {
        let from = text(package, "name").expect("a package has a name");
        let dependencies = array(package, "dependencies").expect("a package lists dependencies");
        dependencies
            .iter()
            .map(move |dependency| edge(from, dependency))
    })
    .collect()
}

fn edge(from: &str, dependency: &Value) -> Edge {
    let to = text(dependency, "name").expect("a dependency has a name");
    Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        key: dependency["rename"].as_str().unwrap_or(to).to_owned(),
        ships: dependency["kind"] != "dev",
    }
}
