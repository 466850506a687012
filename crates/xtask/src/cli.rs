//! The command line: which task, which suites of it.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::generate;
use crate::requirements;
use crate::run;
use crate::suites::Scope;

/// The tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what the tests need (as root on Debian; otherwise says what to install) and runs every suite
    #[command(after_help = "Examples:
  cargo xtask test                      everything; ends with a table and `N passed, N failed, N skipped`
  cargo xtask test --list               what there is to run
  cargo xtask test --only fmt clippy    two suites
  cargo xtask test --only store         the tests of one package
  CI=true cargo xtask test              a skipped test is a failure

Each suite writes its log to xtask/logs in the target directory. The exit code is 1 if anything failed.")]
    Test(Selection),
    /// The same and the slow checks of the dependencies: licences, sources, advisories, every package alone
    #[command(after_help = "Examples:
  cargo xtask ci
  cargo xtask ci --only deny advisories

cargo-deny is built into xtask/tools in the target directory if it is not installed.")]
    Ci(Selection),
    /// What takes hours: servers killed hundreds of times, laws over many more random cases
    #[command(after_help = "Examples:
  cargo xtask soak
  cargo xtask soak --only kills

MUSTER_KILL_SEED and PROPTEST_RNG_SEED repeat a run.")]
    Soak(Selection),
    /// Writes the generated files anew: JSON schemas, OpenAPI document, golden files
    #[command(after_help = "Examples:
  cargo xtask generate              all generated files, then what changed
  cargo xtask generate model        only those that tests of the package `model` keep

It runs the tests that keep these files fresh with MUSTER_UPDATE=1.")]
    Generate {
        /// The packages whose generated files are written; all if none is named
        packages: Vec<String>,
    },
    /// Prints the requirements of docs/requirements.md with the tests that prove each
    #[command(after_help = "Examples:
  cargo xtask requirements
  cargo xtask requirements --missing    those that no test over HTTP proves yet")]
    Requirements {
        /// Only those that no test over HTTP proves
        #[arg(long)]
        missing: bool,
    },
}

/// Which suites of a task are run.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// Run only these suites or packages
    #[arg(long, value_name = "SUITE", num_args = 1..)]
    pub(crate) only: Vec<String>,
    /// Print what would run, and run nothing
    #[arg(long)]
    pub(crate) list: bool,
}

impl Cli {
    /// Does what was asked.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.task {
            Task::Test(selection) => run::run(Scope::Test, &selection),
            Task::Ci(selection) => run::run(Scope::Ci, &selection),
            Task::Soak(selection) => run::run(Scope::Soak, &selection),
            Task::Generate { packages } => generate::run(&packages),
            Task::Requirements { missing } => requirements::run(missing),
        }
    }
}
