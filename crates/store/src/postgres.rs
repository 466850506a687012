//! The PostgreSQL backend: a pool that reads; connections that write stand beside it.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use model::{Millis, Namespace, PlayerId, SessionId, Timestamp, shard_of};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::backend::{Backend, Lease, Patience, Writer};
use crate::decode::{self, OfParent, Unknown};
use crate::error::{Error, LeaseError, advice};
use crate::migrate;
use crate::options::Options;
use crate::postgres_write::PostgresWriter;
use crate::row::{Key, Kind, Row};
use crate::write_set::ClaimKey;

/// A PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    readers: PgPool,
    connect: PgConnectOptions,
    options: Options,
}

const GET: &str = "SELECT k.place, r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, \
    r.parent, r.player, r.body \
    FROM unnest($1::text[], $2::int2[], $3::int2[], $4::text[]) WITH ORDINALITY \
    AS k (namespace, shard, kind, id, place) \
    JOIN rows AS r ON r.namespace = k.namespace AND r.shard = k.shard AND r.kind = k.kind AND r.id = k.id";

const SESSION: &str = "SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows WHERE namespace = $1 AND shard = $2 AND kind = 1 AND id = $3 \
    UNION ALL SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows WHERE namespace = $1 AND shard = $2 AND kind = 2 AND id > $3 || '/' AND id < $3 || '0' \
    ORDER BY kind, id";

/// Hops over the due index from one shard that has due rows to the next.
const DUE: &str = "WITH RECURSIVE shards (shard) AS (\
    (SELECT shard FROM rows WHERE namespace = $1 AND due IS NOT NULL ORDER BY shard LIMIT 1) \
    UNION ALL SELECT n.shard FROM shards AS s CROSS JOIN LATERAL (\
    SELECT r.shard FROM rows AS r WHERE r.namespace = $1 AND r.due IS NOT NULL \
    AND r.shard > s.shard ORDER BY r.shard LIMIT 1) AS n) \
    SELECT r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, r.parent, r.player, r.body \
    FROM shards AS s CROSS JOIN LATERAL (SELECT * FROM rows AS o WHERE o.namespace = $1 \
    AND o.shard = s.shard AND o.due <= $2 ORDER BY o.due LIMIT $3) AS r ORDER BY r.due LIMIT $3";

const NEXT_DUE: &str = "WITH RECURSIVE shards (shard, due) AS (\
    (SELECT shard, due FROM rows WHERE namespace = $1 AND due IS NOT NULL ORDER BY shard, due LIMIT 1) \
    UNION ALL SELECT n.shard, n.due FROM shards AS s CROSS JOIN LATERAL (\
    SELECT r.shard, r.due FROM rows AS r WHERE r.namespace = $1 AND r.due IS NOT NULL \
    AND r.shard > s.shard ORDER BY r.shard, r.due LIMIT 1) AS n) SELECT min(due) FROM shards";

const BY_PARENT: &str = "SELECT shard, id, number, due, player, body FROM rows \
     WHERE namespace = $1 AND kind = $2 AND parent = $3 AND NOT ended \
    AND id > $4 ORDER BY id LIMIT $5";

/// Hops over the index from one parent to the next.
const PARENTS: &str = "WITH RECURSIVE parents (parent) AS (\
    (SELECT parent FROM rows WHERE namespace = $1 AND kind = $2 AND NOT ended AND parent IS NOT NULL \
    ORDER BY parent LIMIT 1) UNION ALL SELECT (SELECT r.parent FROM rows AS r WHERE r.namespace = $1 \
    AND r.kind = $2 AND NOT r.ended AND r.parent > p.parent ORDER BY r.parent LIMIT 1) \
    FROM parents AS p WHERE p.parent IS NOT NULL) SELECT parent FROM parents WHERE parent IS NOT NULL";

const BY_PLAYER: &str = "SELECT namespace, shard, kind, id, number, due, ended, parent, player, body \
    FROM rows WHERE namespace = $1 AND player = $2 ORDER BY shard, kind, id";

/// Seeks in each shard: a kind's rows stand together there, and nothing is read of the others. They come in the order of
/// the shards, as what is lateral is read for each of them in turn; to say so again would have all of them sorted for
/// each page.
const SCAN: &str = "SELECT o.* FROM generate_series($3::int2, 255) AS s (shard) CROSS JOIN LATERAL (\
    SELECT r.namespace, r.shard, r.kind, r.id, r.number, r.due, r.ended, r.parent, r.player, r.body \
    FROM rows AS r WHERE r.namespace = $1 AND r.shard = s.shard::int2 AND r.kind = $2 \
    AND r.id > CASE WHEN s.shard = $3 THEN $4 ELSE '' END AND NOT r.ended ORDER BY r.id LIMIT $5) AS o LIMIT $5";

const CLAIM_HOLDER: &str = "SELECT namespace, holder_shard, holder_kind, holder_id FROM claims \
    WHERE namespace = $1 AND shard = $2 AND kind = $3 AND key = $4";

/// The database's clock in milliseconds.
macro_rules! now {
    () => {
        "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}
pub(crate) use now;

const ACQUIRE: &str = concat!(
    "INSERT INTO leases AS l (name, holder, epoch, written, expires) SELECT $1, $2, 1, now, now + $3 FROM (SELECT ",
    now!(),
    " AS now) AS clock ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = l.epoch + 1, \
     written = excluded.written, expires = excluded.expires \
     WHERE l.expires <= excluded.written OR l.holder = excluded.holder RETURNING epoch, expires"
);

const RENEW: &str = concat!(
    "UPDATE leases SET written = now, expires = now + $4 FROM (SELECT ",
    now!(),
    " AS now) AS clock WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING epoch, expires"
);

const HOLDER: &str = concat!(
    "SELECT holder, expires - ",
    now!(),
    " FROM leases WHERE name = $1"
);

impl Postgres {
    /// See [`crate::Store::open`].
    pub(crate) async fn open(url: &str, options: Options) -> Result<Self, Error> {
        let connect = PgConnectOptions::from_str(url).map_err(|e| Error::Url {
            url: url.rsplit_once('@').map_or(url, |(_, host)| host).into(),
            reason: e.to_string(),
        })?;
        let connect = connect
            .application_name("muster")
            .disable_statement_logging();
        let unopened = |source| {
            let (host, port) = (connect.get_host(), connect.get_port());
            Error::Open {
                what: format!(
                    "{} on {host}:{port}",
                    connect.get_database().unwrap_or("(default)")
                ),
                advice: match &source {
                    sqlx::Error::Io(io) => format!(
                        "nothing answers at {host}:{port} ({io}); see that PostgreSQL runs there and can be reached from here"
                    ),
                    other => advice(other),
                },
                source,
            }
        };
        reach(&connect, options.wait).await.map_err(unopened)?;
        let readers = PgPoolOptions::new()
            .max_connections(options.readers.max(1))
            .acquire_timeout(options.wait)
            .connect_with(connect.clone())
            .await
            .map_err(unopened)?;
        let mut connection = readers
            .acquire()
            .await
            .map_err(Error::read("connecting to the database"))?;
        for (setting, wanted) in [
            ("fsync", &["on"][..]),
            ("synchronous_commit", &["on", "remote_apply"]),
        ] {
            let found: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(setting)
                .fetch_one(&mut *connection)
                .await
                .map_err(Error::read("reading the database's settings"))?;
            if !wanted.contains(&found.as_str()) {
                return Err(Error::Unsafe {
                    setting,
                    found,
                    wanted: "on",
                });
            }
        }
        migrate::postgres(&mut connection, migrate::newest()).await?;
        // What writers of long ago left; the newest stays, as SQLite's clock starts from it.
        sqlx::query("DELETE FROM batches WHERE committed_at < (SELECT max(committed_at) FROM batches) - 86400000")
            .execute(&mut *connection)
            .await
            .map_err(Error::read("removing old batch ids"))?;
        drop(connection);
        Ok(Self {
            readers,
            connect,
            options,
        })
    }

    async fn held_by(&self, name: &str) -> Result<(String, i64), LeaseError> {
        let found = sqlx::query(HOLDER)
            .bind(name)
            .fetch_optional(&self.readers)
            .await;
        let found = found
            .and_then(|row| {
                row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                    .transpose()
            })
            .map_err(lease_failed)?;
        Ok(found.unwrap_or_default())
    }
}

/// Pause between two attempts to reach a database that is not there yet.
const REACH_AGAIN: Duration = Duration::from_millis(200);

/// Waits until the database can be reached, `wait` at most. The pool would wait too, and then not say for what.
async fn reach(connect: &PgConnectOptions, wait: Duration) -> Result<(), sqlx::Error> {
    let mut last = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    let trying = async {
        loop {
            last = match PgConnection::connect_with(connect).await {
                Ok(connection) => return connection.close().await,
                Err(error) if comes_up(&error) => error,
                Err(error) => return Err(error),
            };
            tokio::time::sleep(REACH_AGAIN).await;
        }
    };
    let reached = tokio::time::timeout(wait, trying).await;
    reached.unwrap_or(Err(last))
}

/// Whether it may only be on its way up: nobody listens yet, or `cannot_connect_now`.
fn comes_up(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(error, sqlx::Error::Io(_)) || code.as_deref() == Some("57P03")
}

fn lease_failed(source: sqlx::Error) -> LeaseError {
    LeaseError::Store(Error::read("asking for a lease")(source))
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Keys as four arrays for `unnest`.
pub(crate) struct KeyArrays<'a> {
    pub(crate) namespaces: Vec<&'a str>,
    pub(crate) shards: Vec<i16>,
    pub(crate) kinds: Vec<i16>,
    pub(crate) ids: Vec<&'a str>,
}

impl<'a> KeyArrays<'a> {
    pub(crate) fn new(keys: impl Iterator<Item = &'a Key> + Clone) -> Self {
        Self {
            namespaces: keys.clone().map(|key| key.namespace.as_str()).collect(),
            shards: keys.clone().map(|key| i16::from(key.shard)).collect(),
            kinds: keys.clone().map(|key| key.kind as i16).collect(),
            ids: keys.map(|key| key.id.as_str()).collect(),
        }
    }
}

#[async_trait]
impl Backend for Postgres {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let arrays = KeyArrays::new(keys.iter());
        let found = sqlx::query(GET)
            .bind(arrays.namespaces)
            .bind(arrays.shards)
            .bind(arrays.kinds)
            .bind(arrays.ids)
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading rows"))?;
        let mut rows = vec![None; keys.len()];
        for row in &found {
            let place: i64 = row.try_get(0).map_err(Error::read("reading rows"))?;
            let read = decode::Raw::read(row, 1)
                .map_err(Error::read("reading rows"))?
                .row()?;
            let place = usize::try_from(place - 1)
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
            .bind(i16::from(shard_of(&id)))
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
        let found = sqlx::query(DUE)
            .bind(namespace.as_str())
            .bind(now.0)
            .bind(limit(count))
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading what is due"))?;
        decode::rows(&found, "reading what is due")
    }

    async fn next_due(&self, namespace: &Namespace) -> Result<Option<Timestamp>, Error> {
        let due: Option<i64> = sqlx::query_scalar(NEXT_DUE)
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
        let found = sqlx::query(BY_PARENT)
            .bind(of.namespace.as_str())
            .bind(of.kind as i16)
            .bind(&of.parent)
            .bind(&of.after)
            .bind(of.limit)
            .fetch_all(&self.readers)
            .await
            .map_err(Error::read("reading rows of a parent"))?;
        let read = |row: &PgRow| -> Result<Unknown, sqlx::Error> {
            Ok(Unknown {
                shard: row.try_get(0)?,
                id: row.try_get(1)?,
                number: row.try_get(2)?,
                due: row.try_get(3)?,
                player: row.try_get(4)?,
                body: row.try_get(5)?,
            })
        };
        let read = |row| of.row(read(row).map_err(Error::read("reading rows of a parent"))?);
        found.iter().map(read).collect()
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
            .bind(after.map_or(0, |key| i16::from(key.shard)))
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
            .bind(i16::from(shard_of(&claim.key)))
            .bind(claim.kind)
            .bind(&claim.key)
            .fetch_optional(&self.readers)
            .await
            .map_err(Error::read("reading a claim"))?;
        found.map(|row| held(&row, 0)).transpose()
    }

    async fn now(&self) -> Result<Timestamp, Error> {
        let now: i64 = sqlx::query_scalar(concat!("SELECT ", now!()))
            .fetch_one(&self.readers)
            .await
            .map_err(Error::read("reading the database's clock"))?;
        Ok(Timestamp(now))
    }

    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Millis,
    ) -> Result<Lease, LeaseError> {
        let given = sqlx::query(ACQUIRE)
            .bind(name)
            .bind(holder)
            .bind(i64::try_from(ttl.0).unwrap_or(i64::MAX / 2))
            .fetch_optional(&self.readers)
            .await
            .map_err(lease_failed)?;
        if let Some(row) = given {
            return Ok(Lease {
                name: name.into(),
                holder: holder.into(),
                epoch: row.try_get(0).map_err(lease_failed)?,
                expires: Timestamp(row.try_get(1).map_err(lease_failed)?),
            });
        }
        let (holder, left) = self.held_by(name).await?;
        Err(LeaseError::Held {
            holder,
            expires_in: Millis(left.max(0).unsigned_abs()),
        })
    }

    async fn renew_lease(&self, lease: &Lease, ttl: Millis) -> Result<Lease, LeaseError> {
        let renewed = sqlx::query(RENEW)
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(lease.epoch)
            .bind(i64::try_from(ttl.0).unwrap_or(i64::MAX / 2))
            .fetch_optional(&self.readers)
            .await
            .map_err(lease_failed)?;
        match renewed {
            Some(row) => {
                let expires = Timestamp(row.try_get(1).map_err(lease_failed)?);
                Ok(Lease {
                    expires,
                    ..lease.clone()
                })
            }
            None => {
                let (holder, _) = self.held_by(&lease.name).await?;
                Err(LeaseError::Lost { holder })
            }
        }
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LeaseError> {
        sqlx::query("UPDATE leases SET expires = 0 WHERE name = $1 AND holder = $2 AND epoch = $3")
            .bind(&lease.name)
            .bind(&lease.holder)
            .bind(lease.epoch)
            .execute(&self.readers)
            .await
            .map_err(lease_failed)?;
        Ok(())
    }

    async fn expire_lease(&self, name: &str, holder: &str) -> Result<(), LeaseError> {
        sqlx::query("UPDATE leases SET expires = 0 WHERE name = $1 AND holder = $2")
            .bind(name)
            .bind(holder)
            .execute(&self.readers)
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
        sqlx::query("UPDATE store SET epoch = gen_random_uuid()::text")
            .execute(&self.readers)
            .await
            .map_err(Error::read("renewing the store's epoch"))?;
        self.epoch().await
    }

    async fn fresh_id(&self) -> Result<Uuid, Error> {
        let text: String = sqlx::query_scalar("SELECT gen_random_uuid()::text")
            .fetch_one(&self.readers)
            .await
            .map_err(Error::read("asking for an id"))?;
        text.parse().map_err(|e| Error::Row {
            id: text.clone(),
            reason: format!("{e}"),
        })
    }

    async fn writer(&self, patience: Patience) -> Result<Box<dyn Writer>, Error> {
        let mut writer =
            PostgresWriter::new(self.connect.clone(), patience, self.options.lock_wait);
        writer
            .connect()
            .await
            .map_err(Error::read("opening a connection to write"))?;
        Ok(Box::new(writer))
    }

    async fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn migrate(&self, version: i64) -> Result<(), Error> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(Error::read("connecting to the database"))?;
        migrate::postgres(&mut connection, version).await.map(drop)
    }

    async fn close(&self) {
        self.readers.close().await;
    }
}

/// The key in the four columns from the one at `first` on.
pub(crate) fn held(row: &PgRow, first: usize) -> Result<Key, Error> {
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
