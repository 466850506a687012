//! How long to wait after starts that failed in a row. Pure: `now` is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row and what they cost.
///
/// After a failure one game server at a time is tried; only when one becomes ready do the others follow.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
    last: Option<Instant>,
}

impl Backoff {
    /// Nothing has failed yet. The wait begins with `first`, doubles, and ends at `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            failures: 0,
            last: None,
        }
    }

    /// Starts that failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A start failed at `now`; those that began before the last failure were the same attempt.
    pub fn failed(&mut self, now: Instant, started: Instant) {
        if self.last.is_none_or(|last| started >= last) {
            self.failures = self.failures.saturating_add(1);
        }
        self.last = Some(now);
    }

    /// A game server that was started at `started` has become ready.
    pub fn succeeded(&mut self, started: Instant) {
        if self.last.is_none_or(|last| started >= last) {
            self.failures = 0;
            self.last = None;
        }
    }

    /// The wait after the last failure; zero when the last start went well.
    pub fn wait(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => self
                .first
                .saturating_mul(2_u32.saturating_pow(failures - 1))
                .min(self.max),
        }
    }

    /// When the next start may be tried; `None`: at any time.
    pub fn until(&self) -> Option<Instant> {
        self.last
            .filter(|_| self.failures > 0)
            .map(|last| last + self.wait())
    }

    /// How many game servers may be started now, when `unproven` others have been started and are not yet ready.
    pub fn allowed(&self, now: Instant, unproven: u32) -> u32 {
        match self.until() {
            None => u32::MAX,
            Some(until) if now >= until && unproven == 0 => 1,
            Some(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn the_wait_doubles_up_to_its_bound_and_ends_with_success() {
        let mut now = crate::server::now();
        let mut backoff = Backoff::new(FIRST, MAX);
        assert_eq!(backoff.allowed(now, 9), u32::MAX);
        for wait_ms in [100, 200, 400, 800, 1_000, 1_000] {
            backoff.failed(now, now);
            assert_eq!(backoff.wait(), Duration::from_millis(wait_ms));
            assert_eq!(backoff.allowed(now, 0), 0);
            now += backoff.wait();
            assert_eq!(backoff.allowed(now, 0), 1);
            assert_eq!(backoff.allowed(now, 1), 0, "one at a time");
        }
        backoff.succeeded(now);
        assert_eq!((backoff.failures(), backoff.wait()), (0, Duration::ZERO));
        assert_eq!(backoff.allowed(now, 0), u32::MAX);
    }

    #[test]
    fn one_round_of_starts_is_one_failure_and_an_old_success_proves_nothing() {
        let began = crate::server::now();
        let mut backoff = Backoff::new(FIRST, MAX);
        for millis in 1..=8 {
            backoff.failed(began + Duration::from_millis(millis), began);
        }
        assert_eq!(backoff.failures(), 1);
        backoff.succeeded(began);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let now = crate::server::now();
        let mut backoff = Backoff::new(Duration::from_secs(u64::MAX / 2), Duration::MAX);
        backoff.failures = u32::MAX;
        backoff.failed(now, now);
        assert_eq!(backoff.wait(), Duration::MAX);
    }
}
