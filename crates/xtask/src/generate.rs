//! `cargo xtask generate`: the tests that keep generated files fresh write them instead.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cargo, output};

/// With this variable set to 1 a freshness test writes its file instead of comparing it.
pub(crate) const VARIABLE: &str = "MUSTER_UPDATE";
/// Generated files, and the test that keeps them fresh.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generated {
    /// What is written.
    pub(crate) files: &'static str,
    /// The package of the test.
    pub(crate) package: &'static str,
    /// The test.
    pub(crate) test: &'static str,
}

/// Every file that a test writes.
pub(crate) const GENERATED: &[Generated] = &[
    Generated {
        files: "sessiontypes/schema",
        package: "model",
        test: "config::tests::the_committed_schemas_are_fresh",
    },
    Generated {
        files: "crates/model/testdata/broken",
        package: "model",
        test: "config::tests::every_broken_file_says_what_to_write_instead",
    },
    Generated {
        files: "docs/openapi.json",
        package: "server",
        test: "http::tests::documents::openapi_json_is_fresh",
    },
    Generated {
        files: "docs/security.md",
        package: "server",
        test: "http::tests::documents::the_table_of_security_md_is_fresh",
    },
];

/// Writes the generated files of some packages, or of all if none is named, and says what changed.
pub(crate) fn run(packages: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    for package in packages {
        if !GENERATED.iter().any(|row| row.package == package) {
            bail!("the package `{package}` has no generated files");
        }
    }
    let mut all_well = true;
    for row in GENERATED {
        if !packages.is_empty() && !packages.iter().any(|package| package == row.package) {
            continue;
        }
        let mut command = cargo();
        command
            .current_dir(&workspace.root)
            .env(VARIABLE, "1")
            .args(["test", "--quiet", "--package", row.package, row.test])
            .stdin(Stdio::null());
        let test = command.output().context("cannot start cargo")?;
        let ran = String::from_utf8_lossy(&test.stdout).contains(" 1 passed");
        let well = test.status.success() && ran;
        all_well &= well;
        println!("{} {}", if well { "wrote " } else { "FAILED" }, row.files);
        if !well {
            println!("{}", String::from_utf8_lossy(&test.stdout));
            println!("{}", String::from_utf8_lossy(&test.stderr));
        }
    }
    let mut git = Command::new("git");
    git.current_dir(&workspace.root).args(["status", "--short"]);
    let changed = output(&mut git)?;
    match changed.as_slice() {
        [] => println!("nothing changed"),
        changed => print!("changed:\n{}", String::from_utf8_lossy(changed)),
    }
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
