//! The trait behind which SQLite and PostgreSQL stand, and what both give back.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use model::{Millis, Namespace, PlayerId, SessionId, Timestamp};
use uuid::Uuid;

use crate::error::{Error, LeaseError};
use crate::plan::Verdict;
use crate::row::{Key, Kind, Row};
use crate::write_set::{ClaimKey, WriteSet};

/// A lease that was given: proof of which holding it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Greater with every change of hands; a fence for what is done under it.
    pub epoch: i64,
    /// When it ends unless renewed, by the database's clock.
    pub expires: Timestamp,
}

/// What to do about a row that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Leave its write sets for the next batch.
    Skip,
    /// Wait for it, up to [`crate::Options::lock_wait`].
    Wait,
}

/// Some write sets that become one transaction.
#[derive(Debug)]
pub struct Batch {
    /// Stored in the transaction, so that a lost reply can be looked up.
    pub id: Uuid,
    /// An earlier batch of the same writer whose outcome is known: its id may go.
    pub settled: Option<Uuid>,
    /// In the order of their arrival.
    pub sets: Arc<[Arc<WriteSet>]>,
}

impl Batch {
    /// Its write sets, borrowed.
    pub fn borrowed(&self) -> Vec<&WriteSet> {
        self.sets.iter().map(|set| &**set).collect()
    }
}

/// Why a batch has no verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// The reply to COMMIT was lost: ask [`Writer::was_committed`].
    Lost {
        /// What happened.
        why: String,
        /// What holds if it was committed.
        verdicts: Vec<Verdict>,
    },
    /// Another transaction came in between; nothing was written, the same batch may be tried again.
    Collided,
    /// The database refuses something in it; nothing was written.
    Refused(String),
    /// The database cannot be reached or written; nothing was written.
    Unavailable(String),
}

/// One connection that writes batches.
#[async_trait]
pub trait Writer: Send + fmt::Debug {
    /// Writes the winners of the batch in one transaction; one verdict a write set.
    async fn write(&mut self, batch: Batch) -> Result<Vec<Verdict>, WriteError>;

    /// Whether the batch of this id, of which the reply to COMMIT was lost, was committed.
    /// Waits for a transaction that is still under way and makes sure that it cannot commit later.
    async fn was_committed(&mut self, batch: Uuid) -> Result<bool, WriteError>;

    /// Writes sets in one transaction without locks, comparison or batch id; only for measuring.
    async fn write_unchecked(&mut self, sets: Vec<Arc<WriteSet>>) -> Result<(), WriteError>;

    /// Called between batches, for housekeeping that must not meet a write.
    async fn between(&mut self) {}
}

/// A database.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    /// The rows of these keys, place by place.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, Error>;
    /// A session's header and its members in order of their ids, of one moment.
    async fn session(
        &self,
        namespace: &Namespace,
        session: SessionId,
    ) -> Result<Option<(Row, Vec<Row>)>, Error>;
    /// The rows of a namespace that are due at `now`, oldest first.
    async fn due(
        &self,
        namespace: &Namespace,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, Error>;
    /// When the next row of a namespace is due.
    async fn next_due(&self, namespace: &Namespace) -> Result<Option<Timestamp>, Error>;
    /// Rows of a parent that have not ended, by id, after the given one.
    async fn by_parent(
        &self,
        namespace: &Namespace,
        kind: Kind,
        parent: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, Error>;
    /// The parents of rows of a kind that have not ended, in order.
    async fn parents(&self, namespace: &Namespace, kind: Kind) -> Result<Vec<String>, Error>;
    /// The member and invite rows of a player.
    async fn by_player(&self, namespace: &Namespace, player: &PlayerId) -> Result<Vec<Row>, Error>;
    /// Rows of a kind that have not ended, in key order, after the given one.
    async fn scan(
        &self,
        namespace: &Namespace,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Row>, Error>;
    /// Who has the name, whether or not that row lives.
    async fn claim_holder(
        &self,
        namespace: &Namespace,
        claim: &ClaimKey,
    ) -> Result<Option<Key>, Error>;
    /// The database's clock.
    async fn now(&self) -> Result<Timestamp, Error>;
    /// Takes a lease that is free, has expired, or is the holder's own.
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Millis,
    ) -> Result<Lease, LeaseError>;
    /// Extends a lease that nobody took over.
    async fn renew_lease(&self, lease: &Lease, ttl: Millis) -> Result<Lease, LeaseError>;
    /// Gives a lease back; nothing happens if it was lost.
    async fn release_lease(&self, lease: &Lease) -> Result<(), LeaseError>;
    /// Ends the lease of a holder that is known to be dead.
    async fn expire_lease(&self, name: &str, holder: &str) -> Result<(), LeaseError>;
    /// The store's epoch: made with the schema.
    async fn epoch(&self) -> Result<Uuid, Error>;
    /// Gives the store another epoch.
    async fn renew_epoch(&self) -> Result<Uuid, Error>;
    /// A random id of the database's making.
    async fn fresh_id(&self) -> Result<Uuid, Error>;
    /// A connection that writes.
    async fn writer(&self, patience: Patience) -> Result<Box<dyn Writer>, Error>;
    /// Housekeeping that may run beside writes, after each of [`crate::CommitterOptions::tidy_every`].
    async fn tidy(&self) -> Result<(), Error>;
    /// Brings the schema to this version, down included; everything else on it must have ended.
    async fn migrate(&self, version: i64) -> Result<(), Error>;
    /// Closes every connection.
    async fn close(&self);
}
