//! `cargo xtask generate`: the tests that keep generated files fresh write them instead.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cargo, output};

/// With this variable set to 1 a freshness test writes its file instead of comparing it.
const VARIABLE: &str = "MUSTER_UPDATE";
/// The tests that keep a file fresh have one of these in their path.
const FILTERS: &[&str] = &["fresh", "golden"];

/// Writes the generated files of some packages, or of all if none is named, and says what changed.
pub(crate) fn run(packages: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    for package in packages {
        if !workspace
            .members
            .iter()
            .any(|member| member.name == *package)
        {
            bail!("there is no package `{package}`");
        }
    }
    let mut command = cargo();
    command
        .current_dir(&workspace.root)
        .env(VARIABLE, "1")
        .args(["test", "--no-fail-fast"]);
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command
        .args(["--quiet", "--bins", "--lib", "--tests", "--"])
        .args(FILTERS);
    let status = command.status().context("cannot start cargo")?;

    let mut git = Command::new("git");
    git.current_dir(&workspace.root).args(["status", "--short"]);
    let changed = output(&mut git)?;
    match changed.as_slice() {
        [] => println!("nothing changed"),
        changed => print!("changed:\n{}", String::from_utf8_lossy(changed)),
    }
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
