//! Writes batches into SQLite: one connection, each batch in one go on a thread that may block.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::{Namespace, Timestamp, shard_of};
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use uuid::Uuid;

use crate::backend::{Batch, WriteError, Writer};
use crate::clock::WallClock;
use crate::decode;
use crate::error::{self, Error, told};
use crate::plan::{Changes, Footprint, RowOut, Seen, SeenClaim, Stored, Verdict, View};
use crate::plan::{holders, judge};
use crate::row::Key;
use crate::sqlite::Log;
use crate::write_set::{ClaimKey, WriteSet};

/// The one connection that writes rows.
///
/// It is rusqlite's and not sqlx's, which hands each statement to a thread and back: a batch has
/// some hundred statements, and the way there and back takes longer than most of them.
#[derive(Debug)]
pub(crate) struct SqliteWriter {
    inner: Arc<Mutex<Inner>>,
    log: Arc<Log>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    clock: Arc<WallClock>,
}

const SEE_ROW: &str = "SELECT number, ended, due, parent, player FROM rows \
    WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND id = ?4";

const SEE_CLAIM: &str = "SELECT holder_shard, holder_kind, holder_id FROM claims \
    WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND key = ?4";

const INSERT: &str = "INSERT INTO rows (namespace, shard, kind, id, number, due, ended, parent, player, body) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const MOVE: &str = "UPDATE rows SET number = ?5, due = ?6, ended = ?7, parent = ?8, player = ?9, \
    body = ?10 WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND id = ?4";

const UPDATE: &str = "UPDATE rows SET number = ?5, body = ?6 \
    WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND id = ?4";

const BUMP: &str = "UPDATE rows SET number = ?5 \
    WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND id = ?4";

const DELETE: &str =
    "DELETE FROM rows WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND id = ?4";

const CLAIM: &str = "INSERT INTO claims \
    (namespace, shard, kind, key, holder_shard, holder_kind, holder_id) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (namespace, shard, kind, key) DO UPDATE SET \
    holder_shard = excluded.holder_shard, holder_kind = excluded.holder_kind, \
    holder_id = excluded.holder_id";

const FREE: &str =
    "DELETE FROM claims WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND key = ?4";

impl SqliteWriter {
    /// Opens a connection of its own to a database that exists and has its schema.
    pub(crate) fn open(
        file: &Path,
        busy: Duration,
        clock: Arc<WallClock>,
        log: Arc<Log>,
    ) -> Result<Self, Error> {
        let connection =
            connect(file, busy).map_err(Error::read_page("opening a connection to write"))?;
        let inner = Inner { connection, clock };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
            log,
        })
    }

    /// Does something with the connection on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Inner) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let inner = self.inner.clone();
        let working = tokio::task::spawn_blocking(move || {
            // A panic leaves at most an open transaction behind, which the next batch rolls back.
            work(&mut inner.lock().unwrap_or_else(PoisonError::into_inner))
        });
        working
            .await
            .unwrap_or_else(|gone| Err(WriteError::Unavailable(gone.to_string())))
    }
}

impl Inner {
    /// Does something in a transaction; nothing of it stays that `work` has not committed.
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Self) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        self.roll_back();
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        let result = begun.map_err(failed).and_then(|()| work(self));
        self.roll_back();
        result
    }

    fn write(&self, batch: &Batch) -> Result<Vec<Verdict>, WriteError> {
        let sets = batch.borrowed();
        let footprint = Footprint::new(&sets);
        let view = self.see(&sets, &footprint).map_err(failed)?;
        let (verdicts, changes) = judge(&sets, &footprint, &view);
        if changes.is_empty() {
            return Ok(verdicts);
        }
        self.apply(&changes)
            .and_then(|()| self.stamp(batch))
            .map_err(failed)?;
        match self.connection.execute_batch("COMMIT") {
            Ok(()) => Ok(verdicts),
            // The transaction is over, one way or the other.
            Err(error) if self.connection.is_autocommit() => Err(WriteError::Lost {
                why: told(&error),
                verdicts,
            }),
            Err(error) => Err(failed(error)),
        }
    }

    /// Nothing happens where no transaction is open.
    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "a transaction could not be rolled back");
        }
    }

    fn see(&self, sets: &[&WriteSet], footprint: &Footprint<'_>) -> Result<View, rusqlite::Error> {
        let rows = footprint
            .keys
            .iter()
            .map(|key| Ok(self.stored(key)?.map_or(Seen::Absent, Seen::At)))
            .collect::<Result<_, rusqlite::Error>>()?;
        let claims: Vec<SeenClaim> = footprint
            .claims
            .iter()
            .map(|(namespace, claim)| {
                let holder = self.holder(namespace, claim)?;
                Ok(holder.map_or(SeenClaim::Free, SeenClaim::Held))
            })
            .collect::<Result<_, rusqlite::Error>>()?;
        let mut live = BTreeMap::new();
        for holder in holders(sets, footprint, &claims) {
            if let Some(stored) = self.stored(&holder)? {
                live.insert(holder, !stored.ended);
            }
        }
        Ok(View { rows, claims, live })
    }

    fn stored(&self, key: &Key) -> Result<Option<Stored>, rusqlite::Error> {
        self.connection
            .prepare_cached(SEE_ROW)?
            .query_row(
                params![key.namespace.as_str(), key.shard, key.kind as i16, key.id],
                |row| {
                    Ok(Stored {
                        number: row.get(0)?,
                        ended: row.get(1)?,
                        due: row.get::<_, Option<i64>>(2)?.map(Timestamp),
                        parent: row.get(3)?,
                        player: row.get(4)?,
                    })
                },
            )
            .optional()
    }

    fn holder(
        &self,
        namespace: &Namespace,
        claim: &ClaimKey,
    ) -> Result<Option<Key>, rusqlite::Error> {
        self.connection
            .prepare_cached(SEE_CLAIM)?
            .query_row(
                params![
                    namespace.as_str(),
                    shard_of(&claim.key),
                    claim.kind,
                    claim.key
                ],
                |row| {
                    let (shard, kind, id) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    decode::key(namespace.to_string(), shard, kind, id).map_err(|bad| {
                        rusqlite::Error::FromSqlConversionFailure(1, Type::Integer, Box::new(bad))
                    })
                },
            )
            .optional()
    }

    fn apply(&self, changes: &Changes<'_>) -> Result<(), rusqlite::Error> {
        let mut free = self.connection.prepare_cached(FREE)?;
        for (namespace, claim) in &changes.claim_deletes {
            free.execute(params![
                namespace.as_str(),
                shard_of(&claim.key),
                claim.kind,
                claim.key
            ])?;
        }
        let mut take = self.connection.prepare_cached(CLAIM)?;
        for out in changes.claim_inserts.iter().chain(&changes.claim_updates) {
            take.execute(params![
                out.namespace.as_str(),
                shard_of(&out.claim.key),
                out.claim.kind,
                out.claim.key,
                out.holder.shard,
                out.holder.kind as i16,
                out.holder.id
            ])?;
        }
        let mut delete = self.connection.prepare_cached(DELETE)?;
        for key in &changes.deletes {
            delete.execute(params![
                key.namespace.as_str(),
                key.shard,
                key.kind as i16,
                key.id
            ])?;
        }
        self.put(INSERT, &changes.inserts)?;
        self.put(MOVE, &changes.moves)?;
        let mut update = self.connection.prepare_cached(UPDATE)?;
        for RowOut {
            key, number, body, ..
        } in &changes.updates
        {
            update.execute(params![
                key.namespace.as_str(),
                key.shard,
                key.kind as i16,
                key.id,
                number,
                body
            ])?;
        }
        let mut bump = self.connection.prepare_cached(BUMP)?;
        for (key, number) in &changes.bumps {
            bump.execute(params![
                key.namespace.as_str(),
                key.shard,
                key.kind as i16,
                key.id,
                number
            ])?;
        }
        Ok(())
    }

    fn put(&self, sql: &str, rows: &[RowOut<'_>]) -> Result<(), rusqlite::Error> {
        let mut put = self.connection.prepare_cached(sql)?;
        for row in rows {
            put.execute(params![
                row.key.namespace.as_str(),
                row.key.shard,
                row.key.kind as i16,
                row.key.id,
                row.number,
                row.due.map(|due| due.0),
                row.ended,
                row.parent,
                row.player,
                row.body
            ])?;
        }
        Ok(())
    }

    fn stamp(&self, batch: &Batch) -> Result<(), rusqlite::Error> {
        if let Some(settled) = batch.settled {
            self.connection
                .prepare_cached("DELETE FROM batches WHERE id = ?1")?
                .execute([settled.to_string()])?;
        }
        self.connection
            .prepare_cached("INSERT INTO batches (id, committed_at) VALUES (?1, ?2)")?
            .execute(params![batch.id.to_string(), self.clock.now().0])?;
        Ok(())
    }

    fn write_unchecked(&self, sets: &[Arc<WriteSet>]) -> Result<(), WriteError> {
        self.apply(&Changes::unchecked(sets))
            .and_then(|()| self.connection.execute_batch("COMMIT"))
            .map_err(failed)
    }

    fn was_committed(&mut self, batch: Uuid) -> Result<bool, WriteError> {
        self.roll_back();
        self.connection
            .prepare_cached("SELECT 1 FROM batches WHERE id = ?1")
            .and_then(|mut found| found.exists([batch.to_string()]))
            .map_err(failed)
    }

    /// Empties the log to its end, so that the next batch starts it anew; whether it could. Gives up when another
    /// checkpoint runs, or when a reader still needs the log after the busy timeout.
    fn restart_log(&self) -> Result<bool, WriteError> {
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| {
                row.get::<_, bool>(0)
            });
        busy.map(|busy| !busy).map_err(failed)
    }
}

fn connect(file: &Path, busy: Duration) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    Ok(connection)
}

/// A full or failing disk is nobody's fault and passes; anything else is the batch's own.
fn failed(error: rusqlite::Error) -> WriteError {
    match error
        .sqlite_error()
        .map(|sqlite| sqlite.extended_code & 0xff)
    {
        Some(
            error::SQLITE_FULL
            | error::SQLITE_IOERR
            | error::SQLITE_CORRUPT
            | error::SQLITE_NOTADB
            | error::SQLITE_READONLY
            | error::SQLITE_CANTOPEN
            | error::SQLITE_PERM
            | error::SQLITE_BUSY
            | error::SQLITE_NOMEM,
        )
        | None => WriteError::Unavailable(told(&error)),
        Some(_) => WriteError::Refused(told(&error)),
    }
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn write(&mut self, batch: Batch) -> Result<Vec<Verdict>, WriteError> {
        self.blocking(move |inner| inner.transaction(|inner| inner.write(&batch)))
            .await
    }

    async fn was_committed(&mut self, batch: Uuid) -> Result<bool, WriteError> {
        self.blocking(move |inner| inner.was_committed(batch)).await
    }

    async fn write_unchecked(&mut self, sets: Vec<Arc<WriteSet>>) -> Result<(), WriteError> {
        self.blocking(move |inner| inner.transaction(|inner| inner.write_unchecked(&sets)))
            .await
    }

    async fn between(&mut self) {
        if self.log.pages.load(Ordering::Relaxed) < self.log.pages_max {
            return;
        }
        match self.blocking(|inner| inner.restart_log()).await {
            Ok(true) => self.log.pages.store(0, Ordering::Relaxed),
            Ok(false) => tracing::debug!("the write-ahead log is in use; it is emptied later"),
            Err(error) => tracing::warn!(?error, "the write-ahead log could not be emptied"),
        }
    }
}

#[cfg(test)]
impl SqliteWriter {
    /// Runs a statement on the connection that writes.
    pub(crate) async fn run(&mut self, sql: &'static str) {
        let ran = self.blocking(move |inner| {
            let ran = inner.connection.execute_batch(sql);
            ran.map_err(failed)
        });
        ran.await.unwrap();
    }
}
