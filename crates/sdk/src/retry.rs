//! When a call is sent again: pure decisions over what came back.

use std::time::Duration;

use crate::chance;

/// Whether a call may be sent again although it may already have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is the same as once: reads, absolute writes, creates with an idempotency key.
    Safe,
    /// The same of a deletion: repeated, it may find nothing, and is done.
    Deletion,
    /// Only when the answer says that nothing was done (429, or 503 with `Retry-After`).
    OnlyIfRefused,
}

/// What came of one attempt, as far as repeating it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// No answer, or half of one.
    NoAnswer,
    /// An answer that is not a success.
    Status {
        /// The HTTP status.
        status: u16,
        /// What its `Retry-After` says.
        retry_after: Option<Duration>,
    },
}

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Attempts in all, the first included.
    pub attempts_max: u32,
    /// The longest pause that a server may ask for; one that asks for more gets no second attempt.
    pub pause_max: Duration,
}

impl Policy {
    /// The pause before the next attempt, after `attempts` of them; `None`: give up.
    pub(crate) fn pause(self, repeat: Repeat, outcome: Outcome, attempts: u32) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let backoff = backoff(attempts).min(self.pause_max);
        let safe = match repeat {
            Repeat::Safe | Repeat::Deletion => true,
            Repeat::OnlyIfRefused => false,
        };
        match outcome {
            Outcome::NoAnswer => safe.then_some(backoff),
            Outcome::Status {
                status: 429 | 503,
                retry_after: Some(asked),
            } => (asked <= self.pause_max).then(|| asked.max(backoff)),
            // A throttled call was not carried out, whoever says so without a time.
            Outcome::Status { status: 429, .. } => Some(backoff),
            Outcome::Status { status: 503, .. } => safe.then_some(backoff),
            Outcome::Status { .. } => None,
        }
    }
}

/// The pause after `attempts` attempts: doubles from 50 ms, at most 2 s.
fn backoff(attempts: u32) -> Duration {
    Duration::from_millis((25_u64 << attempts.clamp(1, 7)).min(2_000))
}

/// Pauses that grow, for loops that never give up.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next pause, with jitter: up to 2 s.
    pub(crate) fn next(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        chance::jittered(backoff(self.attempts))
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_running(&self) -> bool {
        self.attempts > 0
    }

    /// After a success.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        attempts_max: 4,
        pause_max: Duration::from_secs(5),
    };

    fn status(status: u16, retry_after: Option<u64>) -> Outcome {
        Outcome::Status {
            status,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn only_what_may_be_sent_twice_is_sent_again_without_an_answer() {
        assert!(POLICY.pause(Repeat::Safe, Outcome::NoAnswer, 1).is_some());
        let pause = POLICY.pause(Repeat::OnlyIfRefused, Outcome::NoAnswer, 1);
        assert_eq!(pause, None);
    }

    #[test]
    fn a_refusal_is_repeated_after_the_time_that_it_asks_for() {
        for repeat in [Repeat::Safe, Repeat::OnlyIfRefused] {
            for code in [429, 503] {
                let pause = POLICY.pause(repeat, status(code, Some(3)), 1);
                assert_eq!(pause, Some(Duration::from_secs(3)));
                assert_eq!(POLICY.pause(repeat, status(code, Some(60)), 1), None);
            }
        }
    }

    #[test]
    fn other_answers_are_final_and_attempts_are_bounded() {
        for code in [400, 404, 409, 412, 500, 502] {
            assert_eq!(POLICY.pause(Repeat::Safe, status(code, None), 1), None);
        }
        assert_eq!(POLICY.pause(Repeat::Safe, Outcome::NoAnswer, 4), None);
    }

    #[test]
    fn pauses_double_and_stay_below_two_seconds() {
        let pauses: Vec<u64> = (1..=8)
            .map(|n| backoff(n).as_millis().try_into().unwrap_or(0))
            .collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    }
}
