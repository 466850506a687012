//! `cargo xtask test` and `cargo xtask ci`: prepare, run the suites in order, clean up, tell.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::child::{self, Job, Outcome};
use crate::cli::Selection;
use crate::debian::{self, Need};
use crate::deny;
use crate::executables;
use crate::interrupt;
use crate::postgres::{self, Cluster};
use crate::report::{self, Row};
use crate::suites::{SUITES, Scope, Suite, Work};
use crate::tally::{self, Tally};
use crate::workspace::{Workspace, cargo};

/// How much of a failed command's log is shown.
const TAIL_LINES: usize = 60;
const INTERRUPTED: u8 = 130;

/// Runs the suites of a task.
pub(crate) fn run(scope: Scope, selection: &Selection) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let plan = Plan::new(&workspace, scope, &selection.only)?;
    if selection.list {
        list(&workspace, &plan);
        return Ok(ExitCode::SUCCESS);
    }
    interrupt::install()?;
    std::fs::create_dir_all(workspace.logs()).context("cannot create the folder of the logs")?;

    let mut run = Run::prepare(workspace, &plan)?;
    for suite in &plan.suites {
        if !interrupt::seen() {
            run.suite(suite, &plan.packages)?;
        }
    }
    let Run { rows, cluster, .. } = run;
    drop(cluster);

    let skip_is_failure = std::env::var_os("CI").is_some_and(|value| value == "true");
    report::print(&rows, skip_is_failure);
    let [_, failed, skipped] = report::sums(&rows);
    Ok(if interrupt::seen() {
        ExitCode::from(INTERRUPTED)
    } else if failed > 0 || (skip_is_failure && skipped > 0) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What of a task is run.
#[derive(Debug)]
struct Plan {
    suites: Vec<Suite>,
    /// The packages whose tests are run; all if none is named.
    packages: Vec<String>,
}

impl Plan {
    fn new(workspace: &Workspace, scope: Scope, only: &[String]) -> Result<Self> {
        let suites = || SUITES.iter().filter(|suite| scope.runs(suite));
        let is_package =
            |name: &String| workspace.members.iter().any(|member| member.name == *name);
        for name in only {
            if !is_package(name) && !suites().any(|suite| suite.name == name) {
                bail!("there is no suite `{name}`; --list shows what there is");
            }
        }
        let named = |suite: &Suite| only.iter().any(|name| name == suite.name);
        let all_packages = SUITES
            .iter()
            .any(|suite| matches!(suite.work, Work::Packages) && named(suite));
        let packages: Vec<String> = match all_packages {
            true => Vec::new(),
            false => only
                .iter()
                .filter(|name| is_package(name))
                .cloned()
                .collect(),
        };
        let wanted = |suite: &&Suite| {
            only.is_empty()
                || named(suite)
                || (matches!(suite.work, Work::Packages) && !packages.is_empty())
        };
        Ok(Self {
            suites: suites().filter(wanted).copied().collect(),
            packages,
        })
    }
}

fn list(workspace: &Workspace, plan: &Plan) {
    for suite in &plan.suites {
        println!("{:<16} {}", suite.name, suite.about);
        if matches!(suite.work, Work::Packages) {
            for member in &workspace.members {
                if plan.packages.is_empty() || plan.packages.contains(&member.name) {
                    println!("  {}", member.name);
                }
            }
        }
    }
}

/// A run of suites: what was prepared for it, and its rows so far.
#[derive(Debug)]
struct Run {
    workspace: Workspace,
    missing: Vec<Need>,
    cluster: Option<Cluster>,
    env: Vec<(OsString, OsString)>,
    rows: Vec<Row>,
}

impl Run {
    /// Installs what the suites need and starts the database.
    fn prepare(workspace: Workspace, plan: &Plan) -> Result<Self> {
        let mut needs: Vec<Need> = plan
            .suites
            .iter()
            .flat_map(|suite| suite.needs.iter().copied())
            .collect();
        needs.sort();
        needs.dedup();
        let missing = debian::provide(&workspace, &needs)?;
        let mut env = vec![
            (OsString::from("PATH"), debian::path()),
            (OsString::from("RUST_BACKTRACE"), OsString::from("1")),
        ];
        let programs = needs
            .contains(&Need::Postgres)
            .then(postgres::programs)
            .flatten();
        let mut run = Self {
            workspace,
            missing,
            cluster: None,
            env: Vec::new(),
            rows: Vec::new(),
        };
        if let Some(programs) = programs {
            let log = run.workspace.log("postgres");
            match Cluster::start(&programs, &log) {
                Ok(cluster) => {
                    env.push((postgres::URL_VARIABLE.into(), OsString::from(&cluster.url)));
                    run.cluster = Some(cluster);
                }
                Err(error) => {
                    let tally = Tally::fail(format!("{error:#}"));
                    run.finish("postgres", tally, Duration::ZERO, &log);
                }
            }
        }
        run.env = env;
        Ok(run)
    }

    fn suite(&mut self, suite: &Suite, packages: &[String]) -> Result<()> {
        let lacks = suite.needs.iter().find(|need| self.missing.contains(need));
        if let (Some(need), false) = (lacks, matches!(suite.work, Work::Packages)) {
            let tally = Tally::skip(suite.name, need.reason());
            self.finish(suite.name, tally, Duration::ZERO, Path::new(""));
            return Ok(());
        }
        match suite.work {
            Work::Cargo(arguments) => {
                let mut command = cargo();
                command.args(arguments);
                self.verdict(suite, suite.name, command)
            }
            Work::CargoForEachPackage(arguments) => {
                for member in self.workspace.members.clone() {
                    let mut command = cargo();
                    command.args(arguments).arg(&member.name);
                    self.verdict(suite, &format!("{}/{}", suite.name, member.name), command)?;
                }
                Ok(())
            }
            Work::Packages => self.packages(suite, packages),
            Work::LibTest(arguments) => {
                let mut command = cargo();
                command.args(arguments);
                self.counted(suite, suite.name, command)
            }
            Work::Deny(checks) => self.deny(suite, checks),
            Work::DenyOnline(checks) => {
                if deny::is_online() {
                    return self.deny(suite, checks);
                }
                let tally = Tally::skip(suite.name, "github.com cannot be reached");
                self.finish(suite.name, tally, Duration::ZERO, Path::new(""));
                Ok(())
            }
        }
    }

    /// Builds once, then runs each test executable.
    fn packages(&mut self, suite: &Suite, packages: &[String]) -> Result<()> {
        let messages = self.workspace.logs().join("build.json");
        let command = executables::build(packages);
        let (outcome, log) = self.child(suite, "build", command, Some(messages.clone()))?;
        // What could be built is run all the same: one broken package does not hide the others.
        self.finish(
            "build",
            verdict("build", &outcome, ""),
            outcome.duration,
            &log,
        );
        let built = executables::read(&self.workspace, &messages, packages)?;
        for executable in &built.tests {
            if interrupt::seen() {
                break;
            }
            let command = executables::command(executable, &built);
            self.counted(suite, &executable.row, command)?;
        }
        Ok(())
    }

    fn deny(&mut self, suite: &Suite, checks: &[&str]) -> Result<()> {
        match deny::program(&self.workspace)? {
            Ok(program) => {
                let mut command = Command::new(program);
                command.args(["--workspace", "check"]).args(checks);
                self.verdict(suite, suite.name, command)
            }
            Err(why) => {
                let tally = Tally::skip(suite.name, why);
                self.finish(suite.name, tally, Duration::ZERO, Path::new(""));
                Ok(())
            }
        }
    }

    /// Runs a command that is one test.
    fn verdict(&mut self, suite: &Suite, row: &str, command: Command) -> Result<()> {
        let (outcome, log) = self.child(suite, row, command, None)?;
        let tally = verdict(row, &outcome, &read(&log));
        self.finish(row, tally, outcome.duration, &log);
        Ok(())
    }

    /// Runs a command whose output says how many tests there were.
    fn counted(&mut self, suite: &Suite, row: &str, command: Command) -> Result<()> {
        let (outcome, log) = self.child(suite, row, command, None)?;
        let text = read(&log);
        let tally = match tally::libtest(&text) {
            None => verdict(row, &outcome, &text),
            Some(mut tally) => {
                match outcome.ending.failure() {
                    Some(failure) if tally.failed == 0 => tally.add_failure(failure),
                    _ => {}
                }
                blame_left_behind(&mut tally, &outcome);
                tally
            }
        };
        self.finish(row, tally, outcome.duration, &log);
        Ok(())
    }

    fn child(
        &self,
        suite: &Suite,
        row: &str,
        mut command: Command,
        stdout: Option<PathBuf>,
    ) -> Result<(Outcome, PathBuf)> {
        let log = self.workspace.log(row);
        command.envs(
            self.env
                .iter()
                .map(|(name, value)| (OsStr::new(name), value)),
        );
        command.envs(suite.env.iter().copied());
        if command.get_current_dir().is_none() {
            command.current_dir(&self.workspace.root);
        }
        let job = Job {
            name: row.to_owned(),
            command,
            log: log.clone(),
            stdout,
            limit: suite.limit,
        };
        Ok((child::run(job)?, log))
    }

    /// Keeps a row, tells it, and shows the end of the log of what failed.
    fn finish(&mut self, name: &str, tally: Tally, duration: Duration, log: &Path) {
        let row = Row {
            name: name.to_owned(),
            tally,
            duration,
        };
        report::line(&row);
        if row.tally.failed > 0 {
            let text = read(log);
            let lines: Vec<&str> = text.lines().collect();
            println!("----- the end of {}", log.display());
            for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
                println!("  {line}");
            }
            println!("-----");
        }
        self.rows.push(row);
    }
}

/// The tally of a command that is one test.
fn verdict(row: &str, outcome: &Outcome, log: &str) -> Tally {
    let mut tally = match outcome.ending.failure() {
        Some(failure) => match tally::unfinished(log).as_slice() {
            [] => Tally::fail(failure),
            tests => Tally::fail(format!("{failure}; not finished: {}", tests.join(", "))),
        },
        None => match tally::skips(log).into_iter().next() {
            Some(skip) => Tally::skip(row, skip.reason),
            None => Tally::pass(),
        },
    };
    blame_left_behind(&mut tally, outcome);
    tally
}

/// What a suite leaves running is a failure of that suite.
fn blame_left_behind(tally: &mut Tally, outcome: &Outcome) {
    if !outcome.left_behind.is_empty() {
        tally.add_failure(format!(
            "left processes behind: {}",
            outcome.left_behind.join(", ")
        ));
    }
}

/// A log, as far as it can be read.
fn read(log: &Path) -> String {
    std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
