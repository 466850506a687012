//! The SQLite backend: one file, one writer, readers beside it (WAL).

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use model::{Millis, Namespace, PlayerId, SessionId, Timestamp, shard_of};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row as _, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::backend::{Backend, Lease, Patience, Writer};
use crate::clock::{Stopwatch, WallClock};
use crate::decode::{self, OfParent};
use crate::error::{Error, LeaseError, SQLITE_BUSY, advice, sqlite_code};
use crate::migrate;
use crate::options::Options;
use crate::row::{Key, Kind, Row};
use crate::sqlite_read::PageReader;
use crate::sqlite_write::SqliteWriter;
use crate::write_set::ClaimKey;

/// A SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    readers: SqlitePool,
    pages: PageReader,
    /// Leases and the epoch: what is written beside the committer.
    pub(crate) side: Mutex<SqliteConnection>,
    /// Empties the write-ahead log into the file, which may take long.
    checkpointer: Mutex<SqliteConnection>,
    clock: Arc<WallClock>,
    file: PathBuf,
    busy: Duration,
    log: Arc<Log>,
}

/// How long the write-ahead log is, as last seen by the checkpointer.
#[derive(Debug)]
pub(crate) struct Log {
    /// Pages in it.
    pub(crate) pages: AtomicU64,
    /// From here on the writer empties it itself.
    pub(crate) pages_max: u64,
}

const PAGE_BYTES: u32 = 4096;

const GET: &str = "SELECT k.key, r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, \
    r.parent, r.player, r.body FROM json_each(?1) AS k CROSS JOIN rows AS r \
    ON r.namespace = k.value ->> 0 AND r.shard = k.value ->> 1 AND r.kind = k.value ->> 2 \
    AND r.id = k.value ->> 3";

const SESSION: &str = "SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows WHERE namespace = ?1 AND shard = ?2 AND kind = 1 AND id = ?3 \
    UNION ALL SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows WHERE namespace = ?1 AND shard = ?2 AND kind = 2 AND id > ?3 || '/' AND id < ?3 || '0' \
    ORDER BY kind, id";

/// Hops over the due index from one shard that has due rows to the next.
const DUE_SHARDS: &str = "WITH RECURSIVE shards (shard) AS (\
    SELECT min(shard) FROM rows INDEXED BY rows_due WHERE namespace = ?1 AND due IS NOT NULL \
    UNION ALL SELECT (SELECT min(r.shard) FROM rows AS r INDEXED BY rows_due WHERE r.namespace = ?1 \
    AND r.shard > s.shard AND r.due IS NOT NULL) FROM shards AS s WHERE s.shard IS NOT NULL)";

/// Hops over the index from one parent to the next.
const PARENTS: &str = "WITH RECURSIVE parents (parent) AS (\
    SELECT min(parent) FROM rows INDEXED BY rows_parent WHERE namespace = ?1 AND kind = ?2 AND ended = 0 \
    AND parent IS NOT NULL UNION ALL SELECT (SELECT min(r.parent) FROM rows AS r INDEXED BY rows_parent \
    WHERE r.namespace = ?1 AND r.kind = ?2 AND r.ended = 0 AND r.parent > p.parent) \
    FROM parents AS p WHERE p.parent IS NOT NULL) SELECT parent FROM parents WHERE parent IS NOT NULL";

const BY_PLAYER: &str = "SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows INDEXED BY rows_player WHERE namespace = ?1 AND player = ?2 ORDER BY shard, kind, id";

/// Seeks in each shard: a kind's rows stand together there, and nothing is read of the others. They come in the order of
/// the shards, as these drive the join.
pub(crate) const SCAN: &str = "WITH RECURSIVE shards (shard) AS (\
    SELECT ?3 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 255) \
    SELECT r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, r.parent, r.player, r.body \
    FROM shards AS s CROSS JOIN rows AS r ON r.namespace = ?1 AND r.shard = s.shard AND r.kind = ?2 \
    AND r.id > iif(s.shard = ?3, ?4, '') AND r.ended = 0 LIMIT ?5";

const CLAIM_HOLDER: &str = "SELECT namespace, holder_shard, holder_kind, holder_id FROM claims \
    WHERE namespace = ?1 AND shard = ?2 AND kind = ?3 AND key = ?4";

/// This and [`RENEW`] are fetched to their end, though they give one row: to take the first row only would drop
/// the failure of the commit behind it, and with it that nothing was written.
const ACQUIRE: &str = "INSERT INTO leases (name, holder, epoch, written, expires) \
    VALUES (?1, ?2, 1, ?3, ?3 + ?4) ON CONFLICT (name) DO UPDATE SET holder = ?2, \
    epoch = epoch + 1, written = ?3, expires = ?3 + ?4 WHERE expires <= ?3 OR holder = ?2 \
    RETURNING epoch, expires";

const RENEW: &str = "UPDATE leases SET written = ?4, expires = ?4 + ?5 \
    WHERE name = ?1 AND holder = ?2 AND epoch = ?3 RETURNING epoch, expires";

impl Sqlite {
    /// See [`crate::Store::open`].
    pub(crate) async fn open(url: &str, options: Options) -> Result<Self, Error> {
        let bad = |reason: String| Error::Url {
            url: url.into(),
            reason,
        };
        let parsed = SqliteConnectOptions::from_str(url).map_err(|e| bad(e.to_string()))?;
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(bad(
                "it must name a file; a database in memory keeps nothing".into(),
            ));
        }
        let connect = parsed
            .create_if_missing(true)
            .page_size(PAGE_BYTES)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(options.wait)
            .pragma("wal_autocheckpoint", "0")
            .pragma("cache_size", "-65536")
            .disable_statement_logging();
        let what = connect.get_filename().display().to_string();
        let unopened = |source: sqlx::Error| Error::Open {
            what: what.clone(),
            advice: advice(&source),
            source,
        };
        let mut side = first_connection(&connect, options.wait)
            .await
            .map_err(unopened)?;
        check_durability(&mut side).await?;
        migrate::sqlite(&mut side, migrate::newest()).await?;
        // What writers of long ago left; the newest stays, as SQLite's clock starts from it.
        sqlx::query("DELETE FROM batches WHERE committed_at < (SELECT max(committed_at) FROM batches) - 86400000")
            .execute(&mut side)
            .await
            .map_err(Error::read("removing old batch ids"))?;
        let checkpointer = SqliteConnection::connect_with(&connect)
            .await
            .map_err(unopened)?;
        let reading = SqliteConnectOptions::from_str(url)
            .map_err(|e| bad(e.to_string()))?
            .read_only(true)
            .busy_timeout(options.wait);
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(options.wait)
            .connect_with(reading)
            .await
            .map_err(unopened)?;
        let clock = Arc::new(WallClock::starting_at(high_water(&mut side).await?));
        let pages_max = options.log_bytes_max / u64::from(PAGE_BYTES);
        let log = Arc::new(Log {
            pages: AtomicU64::new(0),
            pages_max,
        });
        let file = connect.get_filename().to_owned();
        Ok(Self {
            readers,
            pages: PageReader::open(&file, options.wait)?,
            side: Mutex::new(side),
            checkpointer: Mutex::new(checkpointer),
            clock,
            file,
            busy: options.wait,
            log,
        })
    }

    async fn lease_holder(
        &self,
        side: &mut SqliteConnection,
        name: &str,
    ) -> Result<(String, i64), LeaseError> {
        let found = sqlx::query("SELECT holder, expires FROM leases WHERE name = ?1")
            .bind(name)
            .fetch_optional(side)
            .await
            .and_then(|row| {
                row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                    .transpose()
            })
            .map_err(lease_failed)?;
        Ok(found.unwrap_or_default())
    }
}

/// Between two attempts to open a database that somebody else is just making.
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Opens the file and turns its log on. Of several who do that at one moment SQLite refuses all but one at
/// once, without waiting for its busy timeout, so waiting is done here.
async fn first_connection(
    connect: &SqliteConnectOptions,
    wait: Duration,
) -> Result<SqliteConnection, sqlx::Error> {
    let watch = Stopwatch::start();
    loop {
        match SqliteConnection::connect_with(connect).await {
            Err(error) if sqlite_code(&error) == Some(SQLITE_BUSY) && watch.elapsed() < wait => {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

async fn check_durability(connection: &mut SqliteConnection) -> Result<(), Error> {
    let read = Error::read("reading the database's settings");
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    if mode != "wal" {
        return Err(Error::Unsafe {
            setting: "journal_mode",
            found: mode,
            wanted: "wal",
        });
    }
    let read = Error::read("reading the database's settings");
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    if synchronous < 2 {
        let found = synchronous.to_string();
        return Err(Error::Unsafe {
            setting: "synchronous",
            found,
            wanted: "2",
        });
    }
    Ok(())
}

/// The latest time that this database has seen.
async fn high_water(connection: &mut SqliteConnection) -> Result<Timestamp, Error> {
    let seen: i64 = sqlx::query_scalar(
        "SELECT max(coalesce((SELECT max(committed_at) FROM batches), 0), \
         coalesce((SELECT max(written) FROM leases), 0))",
    )
    .fetch_one(connection)
    .await
    .map_err(Error::read("reading the clock's high-water mark"))?;
    Ok(Timestamp(seen))
}

fn lease_failed(source: sqlx::Error) -> LeaseError {
    LeaseError::Store(Error::read("asking for a lease")(source))
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl Backend for Sqlite {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let found = sqlx::query(GET)
            .bind(keys_json(keys.iter()))
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading rows"))?;
        let mut rows = vec![None; keys.len()];
        for row in &found {
            let place: i64 = row.try_get(0).map_err(Error::read("reading rows"))?;
            let read = decode::Raw::read(row, 1)
                .map_err(Error::read("reading rows"))?
                .row()?;
            let place = usize::try_from(place)
                .ok()
                .and_then(|place| rows.get_mut(place));
            if let Some(place) = place {
                *place = Some(read);
            }
        }
        Ok(rows)
    }

    async fn session(
        &self,
        namespace: &Namespace,
        session: SessionId,
    ) -> Result<Option<(Row, Vec<Row>)>, Error> {
        let id = session.to_string();
        let found = sqlx::query(SESSION)
            .bind(namespace.as_str())
            .bind(i64::from(shard_of(&id)))
            .bind(&id)
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading a session"))?;
        Ok(decode::header_and_members(decode::rows(
            &found,
            "reading a session",
        )?))
    }

    async fn due(
        &self,
        namespace: &Namespace,
        now: Timestamp,
        count: usize,
    ) -> Result<Vec<Row>, Error> {
        let sql = format!(
            "{DUE_SHARDS}, chosen AS (SELECT r.rowid AS at, r.due AS due FROM shards AS s \
             CROSS JOIN rows AS r INDEXED BY rows_due ON r.namespace = ?1 \
             AND r.shard = s.shard AND r.due <= ?2 ORDER BY r.due, r.rowid LIMIT ?3) \
             SELECT r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, r.parent, \
             r.player, r.body FROM chosen AS c CROSS JOIN rows AS r ON r.rowid = c.at \
             ORDER BY r.due, r.rowid"
        );
        let found = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(namespace.as_str())
            .bind(now.0)
            .bind(limit(count))
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading what is due"))?;
        decode::rows(&found, "reading what is due")
    }

    async fn next_due(&self, namespace: &Namespace) -> Result<Option<Timestamp>, Error> {
        let sql = format!(
            "{DUE_SHARDS} SELECT min((SELECT min(r.due) FROM rows AS r INDEXED BY rows_due \
             WHERE r.namespace = ?1 AND r.shard = s.shard AND r.due IS NOT NULL)) \
             FROM shards AS s"
        );
        let due: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(namespace.as_str())
            .fetch_one(&self.readers)
            .await
            .map_err(Error::read("reading when something is due"))?;
        Ok(due.map(Timestamp))
    }

    async fn by_parent(
        &self,
        namespace: &Namespace,
        kind: Kind,
        parent: &str,
        after: Option<&str>,
        count: usize,
    ) -> Result<Vec<Row>, Error> {
        let of = OfParent::new(namespace, kind, parent, after, limit(count));
        self.pages.by_parent(of).await
    }

    async fn parents(&self, namespace: &Namespace, kind: Kind) -> Result<Vec<String>, Error> {
        sqlx::query_scalar(PARENTS)
            .bind(namespace.as_str())
            .bind(kind as i16)
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading parents"))
    }

    async fn by_player(&self, namespace: &Namespace, player: &PlayerId) -> Result<Vec<Row>, Error> {
        let found = sqlx::query(BY_PLAYER)
            .bind(namespace.as_str())
            .bind(player.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading rows of a player"))?;
        decode::rows(&found, "reading rows of a player")
    }

    async fn scan(
        &self,
        namespace: &Namespace,
        kind: Kind,
        after: Option<&Key>,
        count: usize,
    ) -> Result<Vec<Row>, Error> {
        let found = sqlx::query(SCAN)
            .bind(namespace.as_str())
            .bind(kind as i16)
            .bind(after.map_or(0, |key| i64::from(key.shard)))
            .bind(after.map_or("", |key| key.id.as_str()))
            .bind(limit(count))
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("scanning rows"))?;
        decode::rows(&found, "scanning rows")
    }

    async fn claim_holder(
        &self,
        namespace: &Namespace,
        claim: &ClaimKey,
    ) -> Result<Option<Key>, Error> {
        let found = sqlx::query(CLAIM_HOLDER)
            .bind(namespace.as_str())
            .bind(i64::from(shard_of(&claim.key)))
            .bind(claim.kind)
            .bind(&claim.key)
            .fetch_optional(&self.readers)
            .await
            .map_err(Error::read("reading a claim"))?;
        found.map(|row| held(&row, 0)).transpose()
    }

    async fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.clock.now())
    }

    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Millis,
    ) -> Result<Lease, LeaseError> {
        let mut side = self.side.lock().await;
        let now = self.clock.now();
        let given = sqlx::query(ACQUIRE)
            .bind(name)
            .bind(holder)
            .bind(now.0)
            .bind(millis(ttl))
            .fetch_all(&mut *side)
            .await
            .map_err(lease_failed)?;
        if let Some(row) = given.first() {
            return Ok(Lease {
                name: name.into(),
                holder: holder.into(),
                epoch: row.try_get(0).map_err(lease_failed)?,
                expires: Timestamp(row.try_get(1).map_err(lease_failed)?),
            });
        }
        let (holder, expires) = self.lease_holder(&mut side, name).await?;
        Err(LeaseError::Held {
            holder,
            expires_in: Timestamp(expires).since(now),
        })
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Millis) -> Result<Lease, LeaseError> {
        let mut side = self.side.lock().await;
        let renewed = sqlx::query(RENEW)
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(lease.epoch)
            .bind(self.clock.now().0)
            .bind(millis(ttl))
            .fetch_all(&mut *side)
            .await
            .map_err(lease_failed)?;
        match renewed.first() {
            Some(row) => {
                let expires = Timestamp(row.try_get(1).map_err(lease_failed)?);
                Ok(Lease {
                    expires,
                    ..lease.clone()
                })
            }
            None => {
                let (holder, _) = self.lease_holder(&mut side, &lease.name).await?;
                Err(LeaseError::Lost { holder })
            }
        }
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LeaseError> {
        let mut side = self.side.lock().await;
        sqlx::query("UPDATE leases SET expires = 0 WHERE name = ?1 AND holder = ?2 AND epoch = ?3")
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(lease.epoch)
            .execute(&mut *side)
            .await
            .map_err(lease_failed)?;
        Ok(())
    }

    async fn expire_lease(&self, name: &str, holder: &str) -> Result<(), LeaseError> {
        let mut side = self.side.lock().await;
        sqlx::query("UPDATE leases SET expires = 0 WHERE name = ?1 AND holder = ?2")
            .bind(name)
            .bind(holder)
            .execute(&mut *side)
            .await
            .map_err(lease_failed)?;
        Ok(())
    }

    async fn epoch(&self) -> Result<Uuid, Error> {
        let text: String = sqlx::query_scalar("SELECT epoch FROM store")
            .fetch_one(&self.readers)
            .await
            .map_err(Error::read("reading the store's epoch"))?;
        text.parse().map_err(|e| Error::Row {
            id: "epoch".into(),
            reason: format!("{e}"),
        })
    }

    async fn renew_epoch(&self) -> Result<Uuid, Error> {
        sqlx::query("UPDATE store SET epoch = lower(hex(randomblob(16)))")
            .execute(&mut *self.side.lock().await)
            .await
            .map_err(Error::read("renewing the store's epoch"))?;
        self.epoch().await
    }

    async fn fresh_id(&self) -> Result<Uuid, Error> {
        let text: String = sqlx::query_scalar("SELECT lower(hex(randomblob(16)))")
            .fetch_one(&self.readers)
            .await
            .map_err(Error::read("asking for an id"))?;
        text.parse().map_err(|e| Error::Row {
            id: text.clone(),
            reason: format!("{e}"),
        })
    }

    async fn writer(&self, _: Patience) -> Result<Box<dyn Writer>, Error> {
        let writer =
            SqliteWriter::open(&self.file, self.busy, self.clock.clone(), self.log.clone())?;
        Ok(Box::new(writer))
    }

    async fn tidy(&self) -> Result<(), Error> {
        let mut checkpointer = self.checkpointer.lock().await;
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(&mut *checkpointer)
            .await
            .map_err(Error::read("emptying the write-ahead log"))?;
        let pages: i64 = row
            .try_get(1)
            .map_err(Error::read("emptying the write-ahead log"))?;
        self.log
            .pages
            .store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }

    async fn migrate(&self, version: i64) -> Result<(), Error> {
        migrate::sqlite(&mut *self.side.lock().await, version)
            .await
            .map(drop)
    }

    async fn close(&self) {
        self.readers.close().await;
    }
}

fn millis(span: Millis) -> i64 {
    i64::try_from(span.0).unwrap_or(i64::MAX / 2)
}

/// `[[namespace, shard, kind, id], …]`.
pub(crate) fn keys_json<'a>(keys: impl Iterator<Item = &'a Key>) -> String {
    let all: Vec<_> = keys
        .map(|key| (key.namespace.as_str(), key.shard, key.kind as i16, &key.id))
        .collect();
    serde_json::to_string(&all).unwrap_or_default()
}

/// The key in the four columns from the one at `first` on.
pub(crate) fn held(row: &sqlx::sqlite::SqliteRow, first: usize) -> Result<Key, Error> {
    let columns = || -> Result<_, sqlx::Error> {
        Ok((
            row.try_get(first)?,
            row.try_get(first + 1)?,
            row.try_get(first + 2)?,
            row.try_get(first + 3)?,
        ))
    };
    let (namespace, shard, kind, id) = columns().map_err(Error::read("reading a claim"))?;
    decode::key(namespace, shard, kind, id)
}
