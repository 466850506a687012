//! The shell's source of ids: time-ordered UUIDs (RFC 9562, version 7) from a seeded generator.

use std::sync::Mutex;

use model::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// Makes ids; one for the whole process.
pub struct Ids {
    random: Mutex<StdRng>,
}

impl Ids {
    /// Ids that nobody can guess.
    pub fn from_entropy() -> Self {
        Self {
            random: Mutex::new(rand::make_rng()),
        }
    }

    /// The same ids in the same order, for tests.
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// The next id; as the type that the caller wants.
    pub fn next<T: From<Uuid>>(&self, now: Timestamp) -> T {
        let mut bytes = [0; 10];
        self.random
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .fill_bytes(&mut bytes);
        let millis = u64::try_from(now.0).unwrap_or(0);
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}
