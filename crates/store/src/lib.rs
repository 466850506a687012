//! What is durable: rows in SQLite or PostgreSQL behind one trait, written in batches by the committer.

pub mod row;
pub mod write_set;

pub use row::{Key, Kind, Row};
pub use write_set::{Item, WriteSet};
