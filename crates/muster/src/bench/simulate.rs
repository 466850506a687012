//! The rows `simulate` and `estimates`: a day of tickets through the sample queue, and what the promises were worth.

use super::figure::{Figure, Outcome};
use super::{Length, measure};
use crate::simulate::Rehearsal;

/// Seconds for a day of a million tickets, beside the making of its crowd alone; the share of kept promises.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let tickets = match length {
        Length::Full => 1_000_000,
        Length::Quick => 50_000,
    };
    let rehearsal = Rehearsal::new(tickets)?;
    let started = measure::processor_time();
    let drawn = rehearsal.draw();
    let baseline = measure::processor_time() - started;
    let started = measure::processor_time();
    let kept = rehearsal.play()?;
    let took = measure::processor_time() - started;
    Ok(vec![
        Outcome::Measured(Figure {
            row: "simulate",
            unit: "s",
            value: took.as_secs_f64(),
            baseline: baseline.as_secs_f64(),
            n: drawn,
        }),
        Outcome::Measured(Figure {
            row: "estimates",
            unit: "% kept",
            value: kept.share * 100.0,
            baseline: kept.quantile * 100.0,
            n: kept.promised,
        }),
    ])
}
