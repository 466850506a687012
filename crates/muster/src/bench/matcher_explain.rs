//! The row `matcher-explain`: how long the slowest of many explanations takes while a million tickets wait.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use matcher::Event;
use model::Timestamp;

use super::figure::{Figure, Outcome};
use super::matcher::Run;
use super::matcher_crowd::{Crowd, Kind, queue};
use super::{Length, measure};

/// Tickets that ask, spread over those who wait.
const ASKED: u64 = 2_000;

/// The slowest of a crowd spread over all skills and of one that is nearly all of one skill; the baseline is the same
/// with 1,000 waiting.
pub(super) fn run(length: Length) -> anyhow::Result<Outcome> {
    let n = match length {
        Length::Full => 1_000_000,
        Length::Quick => 100_000,
    };
    let mut value = Duration::ZERO;
    let mut baseline = Duration::ZERO;
    for kind in [Kind::Mixed, Kind::Trios] {
        value = value.max(slowest(kind, n)?);
        baseline = baseline.max(slowest(kind, 1_000)?);
    }
    Ok(Outcome::Measured(Figure {
        row: "matcher-explain",
        unit: "ms",
        value: measure::millis(value),
        baseline: measure::millis(baseline),
        n: ASKED * 2,
    }))
}

fn slowest(kind: Kind, n: u64) -> anyhow::Result<Duration> {
    // Nobody is matched, so that all of them wait.
    let mut paused = (*queue("bench-4v4")?).clone();
    paused.active = false;
    let mut run = Run::new(Crowd::new(kind, n), Arc::new(paused));
    let mut now = Timestamp(0);
    for id in 0..n {
        let ticket = run.crowd.ticket(id);
        now = ticket.created_at;
        run.handle(now, Event::Add(Arc::new(ticket)));
    }
    run.verify_all()?;
    let mut slowest = Duration::ZERO;
    let mut kept_out = 0;
    for at in 0..ASKED {
        let ticket = run.crowd.ticket(at * n / ASKED % n);
        let started = measure::processor_time();
        let said = black_box(run.matcher.explain(ticket.id, &ticket, now));
        slowest = slowest.max(measure::processor_time() - started);
        let said = said.context("the ticket waits")?;
        kept_out += said.kept_out.iter().map(|kept| kept.tickets).sum::<u64>();
        ensure!(said.position.in_queue as u64 == n, "not all of them wait");
        let counted = said.candidates.tickets + kept_out.min(n - 1);
        ensure!(
            said.is_sample || counted >= n - 1,
            "somebody was not counted"
        );
    }
    Ok(slowest)
}
