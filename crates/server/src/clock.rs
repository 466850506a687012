//! The shell's clock: the database's time, advanced by a monotonic clock, never backwards.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use model::Timestamp;

/// Where the shell gets `now` from. Cheap to clone.
#[derive(Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

enum Inner {
    /// Base from the database plus what the monotonic clock says has passed since.
    Running {
        base: Mutex<(Timestamp, std::time::Instant)>,
        last: AtomicI64,
    },
    /// Set by hand, for tests.
    Manual(AtomicI64),
}

impl Clock {
    /// A clock that starts at the database's time.
    pub fn running(database_now: Timestamp) -> Self {
        Self {
            inner: Arc::new(Inner::Running {
                base: Mutex::new((database_now, monotonic())),
                last: AtomicI64::new(database_now.0),
            }),
        }
    }

    /// A clock that moves only by [`Clock::advance_to`].
    pub fn manual(start: Timestamp) -> Self {
        Self {
            inner: Arc::new(Inner::Manual(AtomicI64::new(start.0))),
        }
    }

    /// The present, never earlier than what it said before.
    pub fn now(&self) -> Timestamp {
        match &*self.inner {
            Inner::Manual(now) => Timestamp(now.load(Ordering::Acquire)),
            Inner::Running { base, last } => {
                let (at, since) = *base.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let passed = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                let now = at.0.saturating_add(passed);
                Timestamp(last.fetch_max(now, Ordering::AcqRel).max(now))
            }
        }
    }

    /// Takes the database's time as the new base; time read so far is never undercut.
    pub fn resync(&self, database_now: Timestamp) {
        if let Inner::Running { base, .. } = &*self.inner {
            *base.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
                (database_now, monotonic());
        }
    }

    /// Moves a manual clock forward.
    ///
    /// # Panics
    /// On a running clock: a test that meant to move time would prove nothing.
    pub fn advance_to(&self, now: Timestamp) {
        match &*self.inner {
            Inner::Manual(at) => {
                at.fetch_max(now.0, Ordering::AcqRel);
            }
            Inner::Running { .. } => panic!("only a manual clock can be moved"),
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now().0)
    }
}

/// The one place of the server that reads the monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that everything else is given"
)]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
