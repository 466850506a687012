//! The row `session-writes`: the committer against a bare loop, on both databases.

use std::time::Duration;

use anyhow::Context as _;
use store::bench::{Figures, SessionWrites, session_writes};

use super::Length;
use super::figure::{Figure, Outcome};
use crate::say;

const SQLITE: &str = "session-writes.sqlite";
const POSTGRES: &str = "session-writes.postgres";

pub(super) fn run(length: Length, postgres: Option<&str>) -> anyhow::Result<Vec<Outcome>> {
    let what = match length {
        Length::Full => SessionWrites::default(),
        Length::Quick => SessionWrites {
            turns: 4,
            turn: Duration::from_millis(500),
            ..SessionWrites::default()
        },
    };
    // As the server runs it: several threads, of which the committer's task uses what it gets.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let mut outcomes = vec![measured(&runtime, SQLITE, &url, &what)?];
    outcomes.push(match postgres {
        Some(url) => measured(&runtime, POSTGRES, url, &what)?,
        None => Outcome::Skipped {
            row: POSTGRES,
            why: "no database was given; use --postgres URL or MUSTER_TEST_POSTGRES".to_owned(),
        },
    });
    Ok(outcomes)
}

fn measured(
    runtime: &tokio::runtime::Runtime,
    row: &'static str,
    url: &str,
    what: &SessionWrites,
) -> anyhow::Result<Outcome> {
    say::complain(&format_args!(
        "{row}: {} turns of {:?} each for the committer and the bare loop",
        what.turns, what.turn
    ));
    let figures: Figures = runtime
        .block_on(session_writes(url, what))
        .with_context(|| row.to_owned())?;
    say::complain(&format_args!(
        "{row}: {:.0} write sets in a batch",
        figures.batch
    ));
    Ok(Outcome::Measured(Figure {
        row,
        unit: "writes/s",
        value: figures.committer,
        baseline: figures.bare,
        n: figures.sets,
    }))
}
