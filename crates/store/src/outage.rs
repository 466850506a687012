//! Whether the database takes writes: what failed last, said once when it begins and once when it ends.

use std::sync::{Mutex, PoisonError};

/// Why writing fails at the moment, if it does. Shared by all that write to one database.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    why: Mutex<Option<String>>,
}

impl Outage {
    /// A write failed as the database was not available.
    pub(crate) fn failed(&self, why: &str) {
        let mut now = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if now.is_none() {
            tracing::warn!(why, "the database takes no writes");
        }
        *now = Some(why.to_owned());
    }

    /// A write succeeded.
    pub(crate) fn over(&self) {
        let mut now = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if now.take().is_some() {
            tracing::warn!("the database takes writes again");
        }
    }

    /// Why the last write failed; `None` after one that succeeded.
    pub(crate) fn why(&self) -> Option<String> {
        let now = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }
}
