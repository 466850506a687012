//! `muster bench`: measures this build on this machine, each figure beside a baseline of the same run.

mod check;
mod child;
mod figure;
mod host;
mod http_baseline;
mod large_session_join;
mod law;
mod load;
mod matcher;
mod matcher_backfill;
mod matcher_cores;
mod matcher_crowd;
mod matcher_explain;
mod matcher_shapes;
mod matcher_start;
mod measure;
mod player;
mod search;
mod serve;
mod session_writes;
mod simulate;
mod ticket_to_assignment;
mod world;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{files, say};
use figure::Outcome;

pub use serve::{Args as ServeArgs, run as serve};

/// Measure this build on this machine.
///
/// Each figure stands beside a baseline of the same run and their ratio, which says more than the figure when the
/// machine is another one. Progress goes to standard error. Run it on an idle machine, built with --release.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  muster bench --list
  muster bench ticket-to-assignment
  muster bench session-writes --postgres postgres://muster@localhost/bench
  muster bench ticket-to-assignment session-writes --json --quick")]
pub struct Args {
    /// What to measure; without any: everything.
    names: Vec<String>,
    /// One JSON object a line for each figure instead of a table.
    #[arg(long)]
    json: bool,
    /// Name what can be measured, and end.
    #[arg(long)]
    list: bool,
    /// A short run: the figures are rougher.
    #[arg(long)]
    quick: bool,
    /// A PostgreSQL database that may be written to, for the rows that need one; each run leaves its rows behind.
    #[arg(long, value_name = "URL", env = "MUSTER_TEST_POSTGRES")]
    postgres: Option<String>,
    /// Offer just this many tickets a second instead of searching for the most that are sustained.
    #[arg(long, value_name = "TICKETS")]
    rate: Option<f64>,
}

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Full,
    Quick,
}

/// What can be measured, with what it is.
const BENCHES: [(&str, &str); 7] = [
    (
        "matcher",
        "the matcher by itself on one core: tickets a second, candidates and memory, each match verified",
    ),
    (
        "matcher-start",
        "the server's start with 1,000,000 tickets in its database: until the first match, until all are loaded",
    ),
    (
        "ticket-to-assignment",
        "4v4 over HTTP: from the ticket that completes a match until every member has read a joinable address",
    ),
    (
        "session-writes",
        "joins, updates and leaves through the committer, against a bare loop on one connection",
    ),
    (
        "large-session-join",
        "a join among 10,000 members over HTTP: the server's processor time, against a join among 100",
    ),
    (
        "law",
        "settle, apply-join and apply-update of sessions of 8, 100 and 10,000 members, against those of 8",
    ),
    (
        "simulate",
        "a day of 1,000,000 tickets through the sample queue, each match verified; the share of promised waits that were kept",
    ),
];

/// Measures and prints.
///
/// # Errors
/// An unknown name, or a measurement that could not be carried out.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.list {
        for (name, what) in BENCHES {
            say::line(&format_args!("{name:<22} {what}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let names = chosen(&args.names)?;
    let length = if args.quick {
        Length::Quick
    } else {
        Length::Full
    };
    if cfg!(debug_assertions) {
        say::complain(&"this build is not optimised: its figures say nothing");
    }
    // The load generator's players and game servers have a connection each; the server inherits it.
    files::raise_limit();
    let mut outcomes = Vec::new();
    for name in names {
        say::complain(&format_args!(
            "{name}: load average {}",
            measure::load_average()
        ));
        let measured = match name {
            "session-writes" => session_writes::run(length, args.postgres.as_deref()),
            "large-session-join" => large_session_join::run(length),
            "law" => law::run(length),
            "matcher" => matcher::run(length),
            "matcher-start" => matcher_start::run(length, args.postgres.as_deref()),
            "simulate" => simulate::run(length),
            _ => ticket_to_assignment::run(length, args.rate),
        };
        for outcome in measured.with_context(|| format!("{name} was not measured"))? {
            if args.json {
                say::line(&outcome.json());
            }
            outcomes.push(outcome);
        }
    }
    if !args.json {
        say::line(&figure::table(&outcomes));
    }
    let void = outcomes.iter().any(Outcome::is_void);
    Ok(if void {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The benches that were named, each once, in their own order.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static str>> {
    for name in names {
        if !BENCHES.iter().any(|(known, _)| known == name) {
            let known: Vec<&str> = BENCHES.iter().map(|(known, _)| *known).collect();
            anyhow::bail!("there is no bench {name:?}; known: {}", known.join(", "));
        }
    }
    let wanted = |known: &str| names.is_empty() || names.iter().any(|name| name == known);
    Ok(BENCHES
        .iter()
        .map(|(known, _)| *known)
        .filter(|known| wanted(known))
        .collect())
}

#[cfg(test)]
mod tests;
