//! Live progress: a bar where there is a terminal, a line every second where there is none.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::interval;

use super::life::World;
use super::stage::{Phase, State};

/// How often the bar moves.
const BAR: Duration = Duration::from_millis(100);
/// How often a line is written.
const LINE: Duration = Duration::from_secs(1);

/// Shows how things stand until it is dropped.
pub(super) async fn show(world: Arc<World>) {
    if std::io::stderr().is_terminal() {
        let (_, all) = world.stage.snapshot().players();
        let bar = Bar(ProgressBar::new(all as u64));
        let style =
            ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos}/{len} placed  {msg}");
        bar.0
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut ticks = interval(BAR);
        loop {
            ticks.tick().await;
            let state = world.stage.snapshot();
            bar.0.set_position(state.players().0 as u64);
            bar.0.set_message(words(&state));
        }
    }
    let mut ticks = interval(LINE);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let state = world.stage.snapshot();
        let (placed, all) = state.players();
        // A reader who has gone away is no error of ours.
        let _ = writeln!(
            std::io::stderr(),
            "{placed}/{all} placed  {}",
            words(&state)
        );
    }
}

/// A bar that does not stay when the show is over.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn words(state: &State) -> String {
    let count = |phase| {
        state
            .parties
            .iter()
            .filter(|party| party.phase == phase)
            .count()
    };
    format!(
        "parties: {} queued, {} placing, {} playing, {} gone; games: {} now, {} in all, on {} game servers",
        count(Phase::Queued),
        count(Phase::Placing),
        count(Phase::Playing),
        count(Phase::Gone),
        state.games_now(),
        state.matches.len(),
        state.hosts(),
    )
}
