//! The row `matcher-cores`: two groups of queues on two threads against one on one.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use anyhow::Context as _;
use matcher::Event;
use model::{Ticket, Timestamp};

use super::figure::{Figure, Outcome};
use super::matcher::Run;
use super::matcher_crowd::{Crowd, Kind, queue};
use super::{Length, measure};

/// About so many wait in each group while it counts.
const WAITING: u64 = 10_000;
/// One and two take turns so often; the best turn of each counts, as other work of the machine only slows down.
const TURNS: usize = 3;

/// Tickets a second of two groups; the baseline is one group by itself. By the clock.
pub(super) fn run(length: Length) -> anyhow::Result<Outcome> {
    let n = match length {
        Length::Full => 400_000,
        Length::Quick => 80_000,
    };
    let (mut one, mut two) = (0.0_f64, 0.0_f64);
    for _ in 0..TURNS {
        one = one.max(n as f64 / slowest_of(1, n)?.as_secs_f64());
        two = two.max(2.0 * n as f64 / slowest_of(2, n)?.as_secs_f64());
    }
    Ok(Outcome::Measured(Figure {
        row: "matcher-cores",
        unit: "tickets/s",
        value: two,
        baseline: one,
        n: 2 * n,
    }))
}

/// How long the slowest of so many groups takes for n tickets, all beginning at once; every match is verified then.
fn slowest_of(groups: usize, n: u64) -> anyhow::Result<Duration> {
    let barrier = Barrier::new(groups);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..groups)
            .map(|_| scope.spawn(|| one_group(&barrier, n)))
            .collect();
        let mut slowest = Duration::ZERO;
        for thread in threads {
            let took = thread.join().ok().context("a group's thread panicked")??;
            slowest = slowest.max(took);
        }
        Ok(slowest)
    })
}

fn one_group(barrier: &Barrier, n: u64) -> anyhow::Result<Duration> {
    let mut run = Run::new(Crowd::new(Kind::Mixed, WAITING), queue("bench-4v4")?);
    let warm = WAITING * 4;
    for number in 0..warm {
        let ticket = run.crowd.ticket(number);
        run.handle(ticket.created_at, Event::Add(Arc::new(ticket)));
    }
    run.verify_all()?;
    // The shell keeps its tickets: to make and to drop them is not the matcher's work.
    let tickets: Vec<Arc<Ticket>> = (warm..warm + n)
        .map(|number| Arc::new(run.crowd.ticket(number)))
        .collect();
    barrier.wait();
    let started = measure::now();
    for ticket in &tickets {
        let now: Timestamp = ticket.created_at;
        run.handle(now, Event::Add(Arc::clone(ticket)));
    }
    let took = started.elapsed();
    run.verify_all()?;
    Ok(took)
}
