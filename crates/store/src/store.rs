//! The store: a cheap handle to a database, opened by its URL.

use std::sync::Arc;

use model::{Millis, Namespace, PlayerId, SessionId, Timestamp};
use uuid::Uuid;

use crate::backend::{Backend, Lease};
use crate::error::{Error, LeaseError};
use crate::options::Options;
use crate::outage::Outage;
use crate::postgres::Postgres;
use crate::row::{Key, Kind, Row};
use crate::sqlite::Sqlite;
use crate::write_set::ClaimKey;

/// A database whose schema is up to date and which keeps what it acknowledged. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    outage: Arc<Outage>,
}

impl Store {
    /// Opens `sqlite:///path/file.db` (made if absent; its folder must exist) or `postgres://…`, brings
    /// the schema up to date and refuses a database that does not write through to the disk.
    pub async fn open(url: &str, options: Options) -> Result<Store, Error> {
        let backend: Arc<dyn Backend> = match url.split_once(':') {
            Some(("sqlite", _)) => Arc::new(Sqlite::open(url, options).await?),
            Some(("postgres" | "postgresql", _)) => Arc::new(Postgres::open(url, options).await?),
            _ => {
                let reason = "it must begin with sqlite:// or postgres://".into();
                return Err(Error::Url {
                    url: url.into(),
                    reason,
                });
            }
        };
        Ok(Store {
            backend,
            outage: Arc::default(),
        })
    }

    /// The rows of these keys, place by place; `None` where there is none. One snapshot.
    pub async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.backend.get(keys).await
    }

    /// A session's header and its members in order of their ids, consistent with each other.
    pub async fn session(
        &self,
        namespace: &Namespace,
        session: SessionId,
    ) -> Result<Option<(Row, Vec<Row>)>, Error> {
        self.backend.session(namespace, session).await
    }

    /// At most `limit` rows of a namespace with `due <= now`, oldest first.
    pub async fn due(
        &self,
        namespace: &Namespace,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        self.backend.due(namespace, now, limit).await
    }

    /// The earliest due time of a namespace's rows; `None` if nothing is due ever.
    pub async fn next_due(&self, namespace: &Namespace) -> Result<Option<Timestamp>, Error> {
        self.backend.next_due(namespace).await
    }

    /// At most `limit` rows of this parent that have not ended, by id, after the id `after`.
    pub async fn by_parent(
        &self,
        namespace: &Namespace,
        kind: Kind,
        parent: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        self.backend
            .by_parent(namespace, kind, parent, after, limit)
            .await
    }

    /// What rows of this kind that have not ended belong to, each parent once, in order. O(parents) steps in the index.
    pub async fn parents(&self, namespace: &Namespace, kind: Kind) -> Result<Vec<String>, Error> {
        self.backend.parents(namespace, kind).await
    }

    /// Every row with this player, in key order.
    pub async fn by_player(
        &self,
        namespace: &Namespace,
        player: &PlayerId,
    ) -> Result<Vec<Row>, Error> {
        self.backend.by_player(namespace, player).await
    }

    /// At most `limit` rows of this kind that have not ended, in key order, after the given one. Rows of other kinds and
    /// namespaces cost nothing.
    pub async fn scan(
        &self,
        namespace: &Namespace,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        self.backend.scan(namespace, kind, after, limit).await
    }

    /// The row that has this name, even if that row has ended or is absent (then the name is free).
    pub async fn claim_holder(
        &self,
        namespace: &Namespace,
        claim: &ClaimKey,
    ) -> Result<Option<Key>, Error> {
        self.backend.claim_holder(namespace, claim).await
    }

    /// The database's clock. SQLite: the wall clock, never behind what was committed before.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        self.backend.now().await
    }

    /// Takes a lease that is free, has expired or is already `holder`'s own; its epoch grows.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Millis,
    ) -> Result<Lease, LeaseError> {
        self.backend.acquire_lease(name, holder, ttl).await
    }

    /// Extends a lease to `ttl` from now; [`LeaseError::Lost`] if somebody took it over.
    pub async fn renew_lease(&self, lease: &Lease, ttl: Millis) -> Result<Lease, LeaseError> {
        let renewed = self.backend.renew_lease(lease, ttl).await;
        match &renewed {
            Ok(_) => self.outage.over(),
            Err(LeaseError::Store(error)) => self.outage.failed(&error.cause()),
            Err(LeaseError::Held { .. } | LeaseError::Lost { .. }) => {}
        }
        renewed
    }

    /// Why the last write, of rows or of a lease, found the database unavailable; `None` after one that succeeded.
    pub fn outage(&self) -> Option<String> {
        self.outage.why()
    }

    /// Gives a lease back, so that the next one need not wait; nothing happens if it was lost.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), LeaseError> {
        self.backend.release_lease(lease).await
    }

    /// Ends the lease of a holder that the caller knows to be dead; nothing happens if somebody else has it.
    pub async fn expire_lease(&self, name: &str, holder: &str) -> Result<(), LeaseError> {
        self.backend.expire_lease(name, holder).await
    }

    /// The store's epoch, made with the schema: event cursors of another epoch are void.
    pub async fn epoch(&self) -> Result<Uuid, Error> {
        self.backend.epoch().await
    }

    /// Gives the store another epoch; to be called after a backup was restored.
    pub async fn renew_epoch(&self) -> Result<Uuid, Error> {
        self.backend.renew_epoch().await
    }

    /// Brings the schema to `version`, downwards too; see [`crate::migrate`].
    pub async fn migrate(&self, version: i64) -> Result<(), Error> {
        self.backend.migrate(version).await
    }

    /// Closes the connections of every clone, the committer's excepted.
    pub async fn close(&self) {
        self.backend.close().await;
    }

    pub(crate) fn shared_outage(&self) -> Arc<Outage> {
        Arc::clone(&self.outage)
    }

    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }
}
