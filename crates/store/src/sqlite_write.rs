//! Writes batches into SQLite: one connection, set-based statements, the log kept short between batches.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use model::{Timestamp, shard_of};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row as _, Sqlite, SqliteConnection, query::Query};
use uuid::Uuid;

use crate::backend::{Batch, WriteError, Writer};
use crate::clock::WallClock;
use crate::error::{self, Error, advice, sqlite_code};
use crate::plan::{Changes, ClaimOut, Footprint, RowOut, Seen, SeenClaim, Stored, Verdict, View};
use crate::plan::{holders, judge};
use crate::row::Key;
use crate::sqlite::{Log, held, keys_json};

/// The one connection that writes rows.
#[derive(Debug)]
pub(crate) struct SqliteWriter {
    connection: SqliteConnection,
    clock: Arc<WallClock>,
    log: Arc<Log>,
}

macro_rules! see_rows {
    ($begin:literal) => {
        concat!(
            $begin,
            "SELECT k.key, r.number, r.ended, r.due, r.parent, r.player FROM json_each(?1) AS k \
             CROSS JOIN rows AS r ON r.namespace = k.value ->> 0 AND r.shard = k.value ->> 1 \
             AND r.kind = k.value ->> 2 AND r.id = k.value ->> 3"
        )
    };
}
const SEE_ROWS: &str = see_rows!("");
/// One errand to the connection's thread instead of two.
const BEGIN_AND_SEE_ROWS: &str = see_rows!("BEGIN IMMEDIATE; ");

const STAMP_AND_COMMIT: &str = "DELETE FROM batches WHERE id = ?; \
    INSERT INTO batches (id, committed_at) VALUES (?, ?); COMMIT";

const SEE_CLAIMS: &str = "SELECT k.key, c.namespace, c.holder_shard, c.holder_kind, c.holder_id \
    FROM json_each(?1) AS k CROSS JOIN claims AS c ON c.namespace = k.value ->> 0 \
    AND c.shard = k.value ->> 1 AND c.kind = k.value ->> 2 AND c.key = k.value ->> 3";

/// Rows of one statement. A row of placeholders a row is much faster than a JSON array that
/// carries the bodies; few sizes, so that every statement stays prepared.
const CHUNKS: [usize; 4] = [64, 16, 4, 1];

/// A statement in each of [`CHUNKS`]' sizes.
struct Sized([String; CHUNKS.len()]);

impl Sized {
    fn new(head: &str, row: &str, tail: &str) -> Self {
        Self(CHUNKS.map(|rows| {
            let mut sql = head.to_owned();
            for place in 0..rows {
                let comma = if place == 0 { "" } else { ", " };
                // Writing to a String cannot fail.
                let _ = write!(sql, "{comma}{row}");
            }
            sql + tail
        }))
    }
}

const ROW_COLUMNS: &str = "INSERT INTO rows (namespace, shard, kind, id, number, due, ended, parent, player, body) VALUES ";
const ON_ROW: &str =
    " ON CONFLICT (namespace, shard, kind, id) DO UPDATE SET number = excluded.number";

static INSERT: LazyLock<Sized> =
    LazyLock::new(|| Sized::new(ROW_COLUMNS, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ""));
static MOVE: LazyLock<Sized> = LazyLock::new(|| {
    let rest = ", due = excluded.due, ended = excluded.ended, parent = excluded.parent, \
                player = excluded.player, body = excluded.body";
    Sized::new(
        ROW_COLUMNS,
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &format!("{ON_ROW}{rest}"),
    )
});
/// The row exists: everything but number and body is only there to make the statement whole.
static UPDATE: LazyLock<Sized> = LazyLock::new(|| {
    let tail = format!("{ON_ROW}, body = excluded.body");
    Sized::new(
        ROW_COLUMNS,
        "(?, ?, ?, ?, ?, NULL, 1, NULL, NULL, ?)",
        &tail,
    )
});
static BUMP: LazyLock<Sized> = LazyLock::new(|| {
    Sized::new(
        ROW_COLUMNS,
        "(?, ?, ?, ?, ?, NULL, 1, NULL, NULL, '')",
        ON_ROW,
    )
});
static DELETE: LazyLock<Sized> = LazyLock::new(|| {
    // A row value IN (VALUES …) would read the whole table.
    let head = "DELETE FROM rows WHERE rowid IN (SELECT r.rowid FROM (VALUES ";
    let tail = ") AS k CROSS JOIN rows AS r ON r.namespace = k.column1 AND r.shard = k.column2 \
                AND r.kind = k.column3 AND r.id = k.column4)";
    Sized::new(head, "(?, ?, ?, ?)", tail)
});
static CLAIM: LazyLock<Sized> = LazyLock::new(|| {
    let head = "INSERT INTO claims (namespace, shard, kind, key, holder_shard, holder_kind, holder_id) VALUES ";
    let tail = " ON CONFLICT (namespace, shard, kind, key) DO UPDATE SET holder_shard = \
                excluded.holder_shard, holder_kind = excluded.holder_kind, holder_id = excluded.holder_id";
    Sized::new(head, "(?, ?, ?, ?, ?, ?, ?)", tail)
});
static FREE: LazyLock<Sized> = LazyLock::new(|| {
    let head = "DELETE FROM claims WHERE rowid IN (SELECT c.rowid FROM (VALUES ";
    let tail = ") AS k CROSS JOIN claims AS c ON c.namespace = k.column1 AND c.shard = k.column2 \
                AND c.kind = k.column3 AND c.key = k.column4)";
    Sized::new(head, "(?, ?, ?, ?)", tail)
});

type Bound = Query<'static, Sqlite, SqliteArguments>;

impl SqliteWriter {
    pub(crate) fn new(connection: SqliteConnection, clock: Arc<WallClock>, log: Arc<Log>) -> Self {
        Self {
            connection,
            clock,
            log,
        }
    }

    async fn execute(&mut self, query: Bound) -> Result<(), WriteError> {
        query
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(failed)
    }

    async fn attempt(&mut self, batch: &Batch<'_>) -> Result<Vec<Verdict>, WriteError> {
        let footprint = Footprint::new(batch.sets);
        let view = self.see(batch, &footprint).await?;
        let (verdicts, changes) = judge(batch.sets, &footprint, &view);
        if changes.is_empty() {
            self.execute(sqlx::query("ROLLBACK")).await?;
            return Ok(verdicts);
        }
        self.apply(&changes).await?;
        let commit = sqlx::query(STAMP_AND_COMMIT)
            .bind(batch.settled.unwrap_or_default().to_string())
            .bind(batch.id.to_string())
            .bind(self.clock.now().0);
        match commit.execute(&mut self.connection).await {
            Ok(_) => Ok(verdicts),
            // Which of the three failed is not told, so its outcome is looked up like a lost one.
            Err(error) => Err(WriteError::Lost {
                why: advice(&error),
                verdicts,
            }),
        }
    }

    async fn see(
        &mut self,
        batch: &Batch<'_>,
        footprint: &Footprint<'_>,
    ) -> Result<View, WriteError> {
        let mut rows = vec![Seen::Absent; footprint.keys.len()];
        let keys = keys_json(footprint.keys.iter().copied());
        for (place, stored) in self.stored(BEGIN_AND_SEE_ROWS, keys).await? {
            if let Some(seen) = rows.get_mut(place) {
                *seen = Seen::At(stored);
            }
        }
        let mut claims = vec![SeenClaim::Free; footprint.claims.len()];
        if !claims.is_empty() {
            let keys: Vec<_> = footprint
                .claims
                .iter()
                .map(|(namespace, claim)| {
                    (
                        namespace.as_str(),
                        shard_of(&claim.key),
                        claim.kind,
                        &claim.key,
                    )
                })
                .collect();
            let found = sqlx::query(SEE_CLAIMS)
                .bind(serde_json::to_string(&keys).unwrap_or_default())
                .fetch_all(&mut self.connection)
                .await
                .map_err(failed)?;
            for row in &found {
                let place: i64 = row.try_get(0).map_err(failed)?;
                let holder = held(row, 1).map_err(unreadable)?;
                if let Some(seen) = usize::try_from(place)
                    .ok()
                    .and_then(|at| claims.get_mut(at))
                {
                    *seen = SeenClaim::Held(holder);
                }
            }
        }
        let wanted = holders(batch.sets, footprint, &claims);
        let mut live = BTreeMap::new();
        if !wanted.is_empty() {
            for (place, stored) in self.stored(SEE_ROWS, keys_json(wanted.iter())).await? {
                if let Some(holder) = wanted.get(place) {
                    live.insert(holder.clone(), !stored.ended);
                }
            }
        }
        Ok(View { rows, claims, live })
    }

    async fn stored(
        &mut self,
        sql: &'static str,
        keys: String,
    ) -> Result<Vec<(usize, Stored)>, WriteError> {
        let found = sqlx::query(sql)
            .bind(keys)
            .fetch_all(&mut self.connection)
            .await;
        let decode = |row: &sqlx::sqlite::SqliteRow| -> Result<(usize, Stored), sqlx::Error> {
            let place: i64 = row.try_get(0)?;
            let stored = Stored {
                number: row.try_get(1)?,
                ended: row.try_get(2)?,
                due: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
                parent: row.try_get(4)?,
                player: row.try_get(5)?,
            };
            Ok((usize::try_from(place).unwrap_or(usize::MAX), stored))
        };
        found
            .map_err(failed)?
            .iter()
            .map(decode)
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    async fn apply(&mut self, changes: &Changes<'_>) -> Result<(), WriteError> {
        self.chunked(
            &FREE,
            &changes.claim_deletes,
            |query, (namespace, claim)| {
                let shard = i64::from(shard_of(&claim.key));
                query
                    .bind(namespace.to_string())
                    .bind(shard)
                    .bind(claim.kind)
                    .bind(claim.key.clone())
            },
        )
        .await?;
        self.chunked(&CLAIM, &changes.claim_inserts, bind_claim)
            .await?;
        self.chunked(&CLAIM, &changes.claim_updates, bind_claim)
            .await?;
        self.chunked(&DELETE, &changes.deletes, |query, key| bind_key(query, key))
            .await?;
        self.chunked(&INSERT, &changes.inserts, bind_row).await?;
        self.chunked(&MOVE, &changes.moves, bind_row).await?;
        self.chunked(&UPDATE, &changes.updates, |query, row| {
            bind_key(query, row.key)
                .bind(row.number)
                .bind(row.body.to_owned())
        })
        .await?;
        self.chunked(&BUMP, &changes.bumps, |query, (key, number)| {
            bind_key(query, key).bind(*number)
        })
        .await
    }

    async fn chunked<T>(
        &mut self,
        statement: &'static LazyLock<Sized>,
        things: &[T],
        bind: impl Fn(Bound, &T) -> Bound,
    ) -> Result<(), WriteError> {
        let mut rest = things;
        for (sql, rows) in statement.0.iter().zip(CHUNKS) {
            while let Some((chunk, after)) = rest.split_at_checked(rows) {
                let query = chunk.iter().fold(sqlx::query(sql.as_str()), &bind);
                self.execute(query).await?;
                rest = after;
            }
        }
        Ok(())
    }
}

fn bind_key(query: Bound, key: &Key) -> Bound {
    query
        .bind(key.namespace.to_string())
        .bind(i64::from(key.shard))
        .bind(key.kind as i16)
        .bind(key.id.clone())
}

fn bind_row(query: Bound, row: &RowOut<'_>) -> Bound {
    bind_key(query, row.key)
        .bind(row.number)
        .bind(row.due.map(|due| due.0))
        .bind(row.ended)
        .bind(row.parent.map(str::to_owned))
        .bind(row.player.map(str::to_owned))
        .bind(row.body.to_owned())
}

fn bind_claim(query: Bound, out: &ClaimOut<'_>) -> Bound {
    query
        .bind(out.namespace.to_string())
        .bind(i64::from(shard_of(&out.claim.key)))
        .bind(out.claim.kind)
        .bind(out.claim.key.clone())
        .bind(i64::from(out.holder.shard))
        .bind(out.holder.kind as i16)
        .bind(out.holder.id.clone())
}

fn unreadable(error: Error) -> WriteError {
    WriteError::Unavailable(error.to_string())
}

/// A full or failing disk is nobody's fault and passes; anything else is the batch's own.
fn failed(problem: sqlx::Error) -> WriteError {
    match sqlite_code(&problem) {
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
        | None => WriteError::Unavailable(advice(&problem)),
        Some(_) => WriteError::Refused(advice(&problem)),
    }
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn write(&mut self, batch: Batch<'_>) -> Result<Vec<Verdict>, WriteError> {
        let outcome = self.attempt(&batch).await;
        if outcome.is_err() {
            // SQLite may have rolled back by itself already; then this says so and that is fine.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        outcome
    }

    async fn was_committed(&mut self, batch: Uuid) -> Result<bool, WriteError> {
        let found = sqlx::query("SELECT 1 FROM batches WHERE id = ?1")
            .bind(batch.to_string())
            .fetch_optional(&mut self.connection)
            .await;
        found.map(|row| row.is_some()).map_err(failed)
    }

    async fn write_unchecked(&mut self, changes: &Changes<'_>) -> Result<(), WriteError> {
        self.execute(sqlx::query("BEGIN IMMEDIATE")).await?;
        self.apply(changes).await?;
        self.execute(sqlx::query("COMMIT")).await
    }

    async fn between(&mut self) {
        if self.log.pages.load(Ordering::Relaxed) < self.log.pages_max {
            return;
        }
        // Between batches nobody writes, so this one reaches the end of the log and the next
        // batch starts it anew; readers that still need it make it give up after the busy timeout.
        match sqlx::query("PRAGMA wal_checkpoint(RESTART)")
            .execute(&mut self.connection)
            .await
        {
            Ok(_) => self.log.pages.store(0, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
    }
}

#[cfg(test)]
impl SqliteWriter {
    /// Runs a statement on the connection that writes.
    pub(crate) async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.connection)
            .await
            .unwrap();
    }
}
