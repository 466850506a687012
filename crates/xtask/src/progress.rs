//! The one live line that says what runs, and lines that stay.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Without a terminal a line is printed this often, so that a log shows life.
const HEARTBEAT: Duration = Duration::from_secs(60);
const WIDTH: usize = 100;

/// How long something has taken so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a task runner times real commands; nothing here is replayed"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The live line of one command.
#[derive(Debug)]
pub(crate) struct Progress {
    name: String,
    terminal: bool,
    watch: Stopwatch,
    next_heartbeat: Duration,
}

impl Progress {
    /// Begins the line of a command.
    pub(crate) fn start(name: &str) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            name: name.to_owned(),
            terminal,
            watch: Stopwatch::start(),
            next_heartbeat: HEARTBEAT,
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// Shows what is going on now.
    pub(crate) fn show(&mut self, detail: &str) {
        let elapsed = self.elapsed();
        let line = format!("  ...  {:<24} {:>7}  {detail}", self.name, seconds(elapsed));
        let line: String = line
            .chars()
            .filter(|c| !c.is_control())
            .take(WIDTH)
            .collect();
        if self.terminal {
            print!("\r\x1b[2K{line}");
            // A line that cannot be shown is no reason to stop what it tells about.
            let _ = std::io::stdout().flush();
        } else if elapsed >= self.next_heartbeat {
            self.next_heartbeat = elapsed + HEARTBEAT;
            println!("{line}");
        }
    }

    /// Takes the live line away.
    pub(crate) fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[2K");
            let _ = std::io::stdout().flush();
        }
    }
}

/// A duration for people: `0.4 s`, `83 s`, `4 m 10 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} m {:02} s", whole / 60, whole % 60),
    }
}
