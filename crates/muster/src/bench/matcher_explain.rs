//! The rows `matcher-explain*`: how long explanations take while a million tickets wait, the slowest among them.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use matcher::Event;
use model::Timestamp;

use super::figure::{Figure, Outcome};
use super::matcher::Run;
use super::matcher_crowd::{Crowd, Kind, queue};
use super::{Length, measure};

/// Tickets that ask, spread over those who wait.
const ASKED: u64 = 2_000;
/// Each asks so often, and the least time counts: what the host of a virtual machine takes away in between is booked as
/// the process's.
const TURNS: usize = 3;

/// The slowest of a crowd spread over all skills and of one that is nearly all of one skill, and the quantile 0.999 of
/// both; the baseline is the same with 1,000 waiting.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let n = match length {
        Length::Full => 1_000_000,
        Length::Quick => 100_000,
    };
    let both = |n| {
        let mut times = millis_of_each(Kind::Mixed, n)?;
        times.extend(millis_of_each(Kind::Trios, n)?);
        times.sort_unstable_by(f64::total_cmp);
        anyhow::Ok(times)
    };
    let (few, many) = (both(1_000)?, both(n)?);
    let figure = |row, q| {
        Outcome::Measured(Figure {
            row,
            unit: "ms",
            value: measure::quantile(&many, q),
            baseline: measure::quantile(&few, q),
            n: ASKED * 2,
        })
    };
    Ok(vec![
        figure("matcher-explain", 1.0),
        figure("matcher-explain.p999", 0.999),
    ])
}

/// The processor time of each explanation.
fn millis_of_each(kind: Kind, n: u64) -> anyhow::Result<Vec<f64>> {
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
    let mut times = Vec::new();
    for at in 0..ASKED {
        let ticket = run.crowd.ticket(at * n / ASKED % n);
        let turn = || {
            let started = measure::processor_time();
            let said = black_box(run.matcher.explain(ticket.id, &ticket, now));
            (measure::millis(measure::processor_time() - started), said)
        };
        let (mut least, said) = turn();
        for _ in 1..TURNS {
            least = turn().0.min(least);
        }
        times.push(least);
        let said = said.context("the ticket waits")?;
        let kept_out: u64 = said.kept_out.iter().map(|kept| kept.tickets).sum();
        ensure!(said.position.in_queue as u64 == n, "not all of them wait");
        let counted = said.candidates.tickets + kept_out;
        ensure!(
            said.is_sample || counted == n - 1,
            "{counted} of {} others were counted",
            n - 1
        );
    }
    Ok(times)
}
