//! What is durable: rows in SQLite or PostgreSQL behind one trait, written in batches by the committer.
//!
//! [`Store`] reads; nothing but the [`Committer`] writes rows. A [`WriteSet`] stands or falls whole;
//! `plan` decides which of a batch win, the two backends show it what is stored and write its changes.

pub mod row;
pub mod write_set;

mod backend;
pub mod bench;
mod clock;
mod committer;
mod decode;
mod error;
pub mod migrate;
mod options;
mod outage;
pub mod plan;
mod postgres;
mod postgres_write;
mod sqlite;
mod sqlite_read;
mod sqlite_write;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;

pub use backend::{Backend, Batch, Lease, Patience, WriteError, Writer};
pub use committer::{Committer, CommitterHandle, CommitterOptions};
pub use error::{CommitError, Error, LeaseError};
pub use options::Options;
pub use row::{Key, Kind, Row};
pub use store::Store;
pub use write_set::{ClaimKey, Item, WriteSet};
