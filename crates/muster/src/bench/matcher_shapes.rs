//! The rows `matcher-5v5-roles`, `matcher-1v4` and `matcher-compound`: a steady state under rules of other shapes.

use super::Length;
use super::figure::{Figure, Outcome};
use super::matcher::{BARE, BATCH, Run, UNVERIFIED_MAX, events};
use super::matcher_crowd::{Crowd, Kind, bare, queue};

/// About so many wait while it counts.
const WAITING: u64 = 10_000;

/// Players a second of each shape.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let rows = [
        ("matcher-5v5-roles", Kind::Roles, "bench-5v5-roles"),
        ("matcher-1v4", Kind::Hunt, "bench-1v4"),
        ("matcher-compound", Kind::Compound, "bench-compound"),
    ];
    rows.into_iter()
        .map(|(row, kind, name)| steady(row, kind, name, length))
        .collect()
}

/// About [`WAITING`] tickets wait; they come at random, one in ten leaves, the ranges of those who wait widen.
fn steady(row: &'static str, kind: Kind, name: &str, length: Length) -> anyhow::Result<Outcome> {
    let mut run = Run::new(Crowd::new(kind, WAITING), queue(name)?);
    run.unverified_max = UNVERIFIED_MAX;
    let (warm, measured) = match length {
        Length::Full => (WAITING * 4, 200_000),
        Length::Quick => (WAITING * 4, 40_000),
    };
    let mut waited = 0;
    for next in (0..warm + measured).step_by(BATCH as usize) {
        if next == warm {
            run.forget_figures()?;
        }
        // The shell keeps its tickets: to drop them is not the matcher's work.
        let events = events(&run, next, BATCH);
        let kept = events.clone();
        run.timed(|run| run.handle_all(events, &mut Vec::new()))?;
        drop(kept);
        waited = run.matcher.len();
    }
    run.verify_all()?;
    crate::say::complain(&format_args!(
        "  {row}: {waited} wait, {} matches, {:?}",
        run.matches,
        run.matcher.stats()
    ));
    let of_a_ticket = players_of_a_ticket(&run.crowd);
    Ok(Outcome::Measured(Figure {
        row,
        unit: "players/s",
        value: run.players as f64 / run.spent.as_secs_f64(),
        baseline: bare(&run.crowd, &run.queue, BARE) * of_a_ticket,
        n: run.players,
    }))
}

pub(super) fn players_of_a_ticket(crowd: &Crowd) -> f64 {
    let players: usize = (0..BATCH).map(|id| crowd.ticket(id).players.len()).sum();
    players as f64 / BATCH as f64
}
