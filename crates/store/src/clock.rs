//! The two clocks that the store may read: the wall clock that stands in for SQLite's, and a stopwatch for metrics.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// A wall clock that never runs backwards, not over a restart either: it starts at the greatest
/// time found in the database.
#[derive(Debug)]
pub struct WallClock {
    high_water: AtomicI64,
}

impl WallClock {
    /// A clock that shows at least `high_water`.
    pub fn starting_at(high_water: Timestamp) -> Self {
        Self {
            high_water: AtomicI64::new(high_water.0),
        }
    }

    /// Now, or the latest time shown before if that is later.
    pub fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "SQLite has no clock of its own; this is the database's clock there"
        )]
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let wall = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.high_water.fetch_max(wall, Ordering::Relaxed).max(wall))
    }
}

/// Measures a span for a metric or a figure; decides nothing.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a span for metrics, of which no decision depends"
        )]
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
