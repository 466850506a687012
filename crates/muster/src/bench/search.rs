//! The search for the highest rate that is sustained.

use std::sync::Arc;
use std::time::Duration;

use super::child::Server;
use super::load::{self, Offer, Report};
use super::world::World;
use super::{Length, check};
use crate::say;

/// The load generator may use this share of its core; above it, it measures itself.
pub(super) const GENERATOR_MAX: f64 = 0.8;
/// The 99th percentile may be this long, in milliseconds.
const P99_MAX: f64 = 1_000.0;
/// So many tickets more on their way in the last quarter than in the second are chance.
const BACKLOG_SLACK: f64 = 50.0;
/// From one probe to the next while they succeed.
const STEP_UP: f64 = 1.5;
/// The search ends when the rate that holds and the one that does not are this close.
const CLOSE: f64 = 1.12;
/// From one long run to the next while they fail.
const STEP_DOWN: f64 = 0.92;

/// Why a step does not count as sustained; `None`: it does.
///
/// Sustained: nothing failed, every ticket was found in time, p99 is at most a second, the backlog of the last quarter
/// is not above that of the second quarter by more than half of it and a few, what was offered was really sent, and
/// the load generator used at most four fifths of its core.
pub(super) fn unsustained(report: &Report) -> Option<String> {
    let (before, after) = report.backlog;
    if !report.failures.is_empty() {
        return Some(format!("a call failed: {}", report.failures[0]));
    }
    if report.lost > 0 || report.late > 0 {
        return Some(format!(
            "{} tickets were not found, {} games late",
            report.lost, report.late
        ));
    }
    if report.p(0.99) > P99_MAX {
        return Some(format!("p99 is {:.0} ms", report.p(0.99)));
    }
    if after > before * 1.5 + BACKLOG_SLACK {
        return Some(format!("the backlog grows from {before:.0} to {after:.0}"));
    }
    if report.starved > 0 || report.rate() < report.offer.rate * 0.95 {
        return Some(format!("only {:.0} tickets/s were sent", report.rate()));
    }
    (report.generator > GENERATOR_MAX).then(|| {
        format!(
            "the load generator used {:.0} % of its core",
            report.generator * 100.0
        )
    })
}

/// Probes rates, then holds the best of them for the full time, less until one is sustained.
pub(super) async fn highest(
    world: &Arc<World>,
    server: &Server,
    length: Length,
) -> anyhow::Result<Option<Report>> {
    let (probe, hold) = match length {
        Length::Full => (Duration::from_secs(6), Duration::from_secs(30)),
        Length::Quick => (Duration::from_secs(3), Duration::from_secs(6)),
    };
    let (mut good, mut bad) = (0.0, f64::INFINITY);
    let mut rate = 400.0;
    while bad / good > CLOSE {
        if held(world, server, Offer { rate, span: probe })
            .await?
            .is_some()
        {
            good = rate;
        } else {
            bad = rate;
        }
        rate = match (good > 0.0, bad.is_finite()) {
            (true, true) => (good * bad).sqrt(),
            (true, false) => good * STEP_UP,
            (false, _) => bad / 2.0,
        };
        if rate < 10.0 {
            return Ok(None);
        }
    }
    rate = good;
    while rate >= 10.0 {
        if let Some(report) = held(world, server, Offer { rate, span: hold }).await? {
            return Ok(Some(report));
        }
        rate *= STEP_DOWN;
    }
    Ok(None)
}

/// One step with its check; the report if it was sustained.
async fn held(world: &Arc<World>, server: &Server, offer: Offer) -> anyhow::Result<Option<Report>> {
    let report = load::step(world, server, offer).await;
    let why = unsustained(&report);
    say::complain(&format_args!(
        "  {}: {}",
        report.line(),
        why.as_deref().unwrap_or("sustained")
    ));
    check::placements(world, server, &report.tickets).await?;
    Ok(why.is_none().then_some(report))
}
