//! How a store is opened, with the defaults that suit one machine.

use std::time::Duration;

/// Options of [`crate::Store::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections that read at the same time; the committer's come on top, and on SQLite one
    /// that reads long pages.
    pub readers: u32,
    /// How long a read waits for a free connection, and SQLite for another program's lock.
    pub wait: Duration,
    /// How long a write set that was deferred too often waits for a row that is locked elsewhere.
    pub lock_wait: Duration,
    /// SQLite: bytes of the write-ahead log from which the writer itself empties it between batches.
    pub log_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            wait: Duration::from_secs(10),
            lock_wait: Duration::from_secs(10),
            log_bytes_max: 64 * 1024 * 1024,
        }
    }
}
