//! The test executables of the workspace, as cargo's build messages name them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::{Member, Workspace, array, cargo, text};

/// The suite that drives the built program needs it built, though it does not depend on it.
const DRIVES: (&str, &str) = ("tests", "muster");

/// One test executable.
#[derive(Clone, Debug)]
pub(crate) struct Executable {
    /// The name of its row: the package, and the target where it is not the library.
    pub(crate) row: String,
    /// The package it belongs to.
    pub(crate) member: Member,
    /// The file.
    pub(crate) path: PathBuf,
}

/// What a build made.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// The test executables, in the order of their rows.
    pub(crate) tests: Vec<Executable>,
    /// The programs: name and file.
    pub(crate) programs: Vec<(String, PathBuf)>,
}

/// The build of the programs and test executables of some packages, or of all if none is named.
///
/// One invocation for programs and tests, so that both share their dependencies' features and nothing is built twice.
pub(crate) fn build(packages: &[String]) -> Command {
    let mut command = cargo();
    command.args([
        "build",
        "--keep-going",
        "--bins",
        "--tests",
        "--message-format=json-render-diagnostics",
    ]);
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let (suite, program) = DRIVES;
    if packages.iter().any(|package| package == suite) {
        command.args(["--package", program]);
    }
    command
}

/// Reads the messages of a build.
pub(crate) fn read(workspace: &Workspace, messages: &Path, packages: &[String]) -> Result<Built> {
    let messages = std::fs::read_to_string(messages)
        .with_context(|| format!("cannot read {}", messages.display()))?;
    let mut built = Built::default();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("a build message is not JSON")?;
        let Some(path) = message["executable"].as_str().map(PathBuf::from) else {
            continue;
        };
        let target = &message["target"];
        let name = text(target, "name")?;
        if message["profile"]["test"] != true {
            built.programs.push((name.to_owned(), path));
            continue;
        }
        let id = text(&message, "package_id")?;
        let Some(member) = workspace.members.iter().find(|member| member.id == id) else {
            continue;
        };
        if packages.is_empty() || packages.contains(&member.name) {
            let kinds = array(target, "kind")?;
            built.tests.push(Executable {
                row: row(member, name, kinds),
                member: member.clone(),
                path,
            });
        }
    }
    built.tests.sort_by(|a, b| a.row.cmp(&b.row));
    Ok(built)
}

fn row(member: &Member, target: &str, kinds: &[Value]) -> String {
    let is = |kind: &str| kinds.iter().any(|value| value == kind);
    if is("lib") || (is("bin") && !member.has_library) {
        member.name.clone()
    } else if is("bin") {
        format!("{}/bin", member.name)
    } else {
        format!("{}/{target}", member.name)
    }
}

/// The command that runs one test executable as `cargo test` would.
pub(crate) fn command(executable: &Executable, built: &Built) -> Command {
    let member = &executable.member;
    let mut command = Command::new(&executable.path);
    command
        .arg("--show-output")
        .current_dir(&member.directory)
        .env("CARGO_MANIFEST_DIR", &member.directory)
        .env("CARGO_PKG_NAME", &member.name)
        .env("CARGO_PKG_VERSION", &member.version);
    for (name, path) in &built.programs {
        command.env(format!("CARGO_BIN_EXE_{name}"), path);
    }
    command
}
