//! How far a run is: a bar where there is a terminal, a line now and then where there is none.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use model::Millis;

use crate::say;

/// Smaller crowds are over before anybody asks.
const LONG: u64 = 200_000;
/// The bar moves after so many tickets.
const EVERY: u64 = 1_000;

/// Progress of one crowd through one configuration.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    all: u64,
    came: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(what: &str, all: u64) -> Progress {
        let shown = all >= LONG && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let style =
                ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos}/{len} tickets  {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(all).with_style(style)
        });
        Progress {
            what: what.to_owned(),
            all,
            came: 0,
            bar,
        }
    }

    /// A ticket has come, so long after the start of the first day.
    pub(super) fn came(&mut self, after: Millis) {
        self.came += 1;
        let words = || {
            let minutes = after.0 / 60_000;
            format!("{}: {:02}:{:02}", self.what, minutes / 60, minutes % 60)
        };
        match &self.bar {
            Some(bar) if self.came.is_multiple_of(EVERY) => {
                bar.set_position(self.came);
                bar.set_message(words());
            }
            None if self.all >= LONG && self.came.is_multiple_of(self.all / 10) => {
                let (came, all) = (self.came, self.all);
                say::complain(&format_args!("{}, {came}/{all} tickets", words()));
            }
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
