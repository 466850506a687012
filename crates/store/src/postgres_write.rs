//! Writes batches into PostgreSQL: locks without waiting, compares, writes with a few set-based statements.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Timestamp, shard_of};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _};
use uuid::Uuid;

use crate::backend::{Batch, Patience, WriteError, Writer};
use crate::error::{Error, advice};
use crate::plan::{Changes, ClaimOut, Footprint, RowOut, Seen, SeenClaim, Stored, Verdict, View};
use crate::plan::{holders, judge};
use crate::postgres::{KeyArrays, held, now};
use crate::row::Key;
use crate::write_set::WriteSet;

/// A connection that writes rows; made anew after it broke.
#[derive(Debug)]
pub(crate) struct PostgresWriter {
    options: PgConnectOptions,
    patience: Patience,
    lock_wait: Duration,
    connection: Option<PgConnection>,
}

macro_rules! keys {
    () => {
        "unnest($1::text[], $2::int2[], $3::int2[], $4::text[]) WITH ORDINALITY \
         AS k (namespace, shard, kind, id, place)"
    };
}

macro_rules! on_key {
    () => {
        "r.namespace = k.namespace AND r.shard = k.shard AND r.kind = k.kind AND r.id = k.id"
    };
}

macro_rules! see_rows {
    ($lock:literal) => {
        concat!(
            "SELECT k.place, r.number, r.ended, r.due, r.parent, r.player FROM ",
            keys!(),
            " JOIN rows AS r ON ",
            on_key!(),
            " ORDER BY k.place",
            $lock
        )
    };
}
const LOCK_ROWS: &str = see_rows!(" FOR UPDATE OF r SKIP LOCKED");
const WAIT_FOR_ROWS: &str = see_rows!(" FOR UPDATE OF r");
const SEE_ROWS: &str = see_rows!("");

macro_rules! see_claims {
    ($lock:literal) => {
        concat!(
            "SELECT k.place, c.namespace, c.holder_shard, c.holder_kind, c.holder_id FROM \
             unnest($1::text[], $2::int2[], $3::text[], $4::text[]) WITH ORDINALITY \
             AS k (namespace, shard, kind, key, place) JOIN claims AS c ON c.namespace = k.namespace \
             AND c.shard = k.shard AND c.kind = k.kind AND c.key = k.key ORDER BY k.place",
            $lock
        )
    };
}
const LOCK_CLAIMS: &str = see_claims!(" FOR UPDATE OF c SKIP LOCKED");
const WAIT_FOR_CLAIMS: &str = see_claims!(" FOR UPDATE OF c");
const SEE_CLAIMS: &str = see_claims!("");

macro_rules! whole_rows {
    () => {
        "unnest($1::text[], $2::int2[], $3::int2[], $4::text[], $5::int8[], $6::int8[], $7::bool[], \
         $8::text[], $9::text[], $10::text[]) \
         AS k (namespace, shard, kind, id, number, due, ended, parent, player, body)"
    };
}
const INSERT: &str = concat!(
    "INSERT INTO rows (namespace, shard, kind, id, number, due, ended, parent, player, body) \
     SELECT * FROM ",
    whole_rows!(),
    " ON CONFLICT DO NOTHING"
);
const MOVE: &str = concat!(
    "UPDATE rows AS r SET number = k.number, due = k.due, ended = k.ended, parent = k.parent, \
     player = k.player, body = k.body FROM ",
    whole_rows!(),
    " WHERE ",
    on_key!()
);
/// Touches no indexed column, so that PostgreSQL updates in place.
const UPDATE: &str = concat!(
    "UPDATE rows AS r SET number = k.number, body = k.body FROM \
     unnest($1::text[], $2::int2[], $3::int2[], $4::text[], $5::int8[], $6::text[]) \
     AS k (namespace, shard, kind, id, number, body) WHERE ",
    on_key!()
);
const BUMP: &str = concat!(
    "UPDATE rows AS r SET number = k.number FROM \
     unnest($1::text[], $2::int2[], $3::int2[], $4::text[], $5::int8[]) \
     AS k (namespace, shard, kind, id, number) WHERE ",
    on_key!()
);
const DELETE: &str = concat!(
    "DELETE FROM rows AS r USING ",
    keys!(),
    " WHERE ",
    on_key!()
);

macro_rules! whole_claims {
    () => {
        "unnest($1::text[], $2::int2[], $3::text[], $4::text[], $5::int2[], $6::int2[], $7::text[]) \
         AS k (namespace, shard, kind, key, holder_shard, holder_kind, holder_id)"
    };
}
const CLAIM: &str = concat!(
    "INSERT INTO claims (namespace, shard, kind, key, holder_shard, holder_kind, holder_id) \
     SELECT * FROM ",
    whole_claims!(),
    " ON CONFLICT DO NOTHING"
);
const RECLAIM: &str = concat!(
    "UPDATE claims AS c SET holder_shard = k.holder_shard, holder_kind = k.holder_kind, \
     holder_id = k.holder_id FROM ",
    whole_claims!(),
    " WHERE c.namespace = k.namespace AND c.shard = k.shard AND c.kind = k.kind AND c.key = k.key"
);
const FREE: &str = "DELETE FROM claims AS c USING \
    unnest($1::text[], $2::int2[], $3::text[], $4::text[]) AS k (namespace, shard, kind, key) \
    WHERE c.namespace = k.namespace AND c.shard = k.shard AND c.kind = k.kind AND c.key = k.key";

const STAMP: &str = concat!(
    "WITH settled AS (DELETE FROM batches WHERE id = $2) \
     INSERT INTO batches (id, committed_at) VALUES ($1, ",
    now!(),
    ")"
);
/// Waits for a transaction that has the same id under way; if it is not there then, it never will be.
const FENCE: &str = concat!(
    "INSERT INTO batches (id, committed_at) VALUES ($1, ",
    now!(),
    ") ON CONFLICT DO NOTHING"
);

/// Every statement finds its rows by their key, one after the other. A plan that PostgreSQL keeps
/// for a prepared statement was made when the table was small, and reads all of it for each batch
/// when it has grown; without these ways to read it has no such plan to choose.
const SETTINGS: [&str; 5] = [
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SET plan_cache_mode = force_generic_plan",
];

type Bound<'q> = Query<'q, sqlx::Postgres, PgArguments>;

impl PostgresWriter {
    pub(crate) fn new(options: PgConnectOptions, patience: Patience, lock_wait: Duration) -> Self {
        Self {
            options,
            patience,
            lock_wait,
            connection: None,
        }
    }

    pub(crate) async fn connect(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        // Taken out and put back, as a borrow of it could not be returned from one branch only.
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connected().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn connected(&self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let lock_wait = format!("SET lock_timeout = {}", self.lock_wait.as_millis());
        // A writer that vanished in the middle of a transaction must not keep its locks for long.
        let idle = "SET idle_in_transaction_session_timeout = 15000";
        for sql in [lock_wait.as_str(), idle] {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await?;
        }
        for sql in SETTINGS {
            // Engines that only speak PostgreSQL's protocol may not know these.
            if let Err(error) = sqlx::raw_sql(sql).execute(&mut connection).await {
                tracing::debug!(%error, sql, "the database does not know this setting");
            }
        }
        Ok(connection)
    }

    async fn attempt(&mut self, batch: &Batch) -> Result<Vec<Verdict>, WriteError> {
        let patience = self.patience;
        let connection = self.connect().await.map_err(failed)?;
        execute(
            connection,
            sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED"),
        )
        .await?;
        let sets = batch.borrowed();
        let footprint = Footprint::new(&sets);
        let view = see(connection, patience, &sets, &footprint).await?;
        let (verdicts, changes) = judge(&sets, &footprint, &view);
        if changes.is_empty() {
            simply(connection, "ROLLBACK").await.map_err(failed)?;
            return Ok(verdicts);
        }
        apply(connection, &changes).await?;
        let stamp = sqlx::query(STAMP)
            .bind(batch.id.to_string())
            .bind(batch.settled.unwrap_or_default().to_string());
        execute(connection, stamp).await?;
        match simply(connection, "COMMIT").await {
            Ok(()) => Ok(verdicts),
            Err(error) => Err(WriteError::Lost {
                why: advice(&error),
                verdicts,
            }),
        }
    }
}

/// One round trip and nothing prepared.
async fn simply(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

async fn execute(connection: &mut PgConnection, query: Bound<'_>) -> Result<u64, WriteError> {
    query
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
        .map_err(failed)
}

/// Locks what the batch touches and reads what the comparison needs.
async fn see(
    connection: &mut PgConnection,
    patience: Patience,
    sets: &[&WriteSet],
    footprint: &Footprint<'_>,
) -> Result<View, WriteError> {
    // Claims before rows, each in key order, everywhere: whoever waits, waits in one direction.
    let claims = see_claims(connection, patience, footprint).await?;
    let rows = see_rows(connection, patience, footprint).await?;
    let wanted = holders(sets, footprint, &claims);
    let mut live = BTreeMap::new();
    if !wanted.is_empty() {
        for (place, stored) in stored(connection, SEE_ROWS, wanted.iter()).await? {
            if let Some(holder) = wanted.get(place) {
                live.insert(holder.clone(), !stored.ended);
            }
        }
    }
    Ok(View { rows, claims, live })
}

async fn see_rows(
    connection: &mut PgConnection,
    patience: Patience,
    footprint: &Footprint<'_>,
) -> Result<Vec<Seen>, WriteError> {
    let mut rows = vec![Seen::Absent; footprint.keys.len()];
    if rows.is_empty() {
        return Ok(rows);
    }
    let lock = match patience {
        Patience::Skip => LOCK_ROWS,
        Patience::Wait => WAIT_FOR_ROWS,
    };
    for (place, stored) in stored(connection, lock, footprint.keys.iter().copied()).await? {
        if let Some(seen) = rows.get_mut(place) {
            *seen = Seen::At(stored);
        }
    }
    // What was not locked is absent, or locked elsewhere, or was made again in the meantime: a
    // newer look that finds it tells that it must be tried again.
    let missing: Vec<usize> = (0..rows.len())
        .filter(|&place| rows[place] == Seen::Absent)
        .collect();
    if missing.is_empty() {
        return Ok(rows);
    }
    let keys = missing.iter().map(|&place| footprint.keys[place]);
    for (place, _) in stored(connection, SEE_ROWS, keys).await? {
        if let Some(&place) = missing.get(place) {
            rows[place] = Seen::Locked;
        }
    }
    Ok(rows)
}

async fn see_claims(
    connection: &mut PgConnection,
    patience: Patience,
    footprint: &Footprint<'_>,
) -> Result<Vec<SeenClaim>, WriteError> {
    let mut claims = vec![SeenClaim::Free; footprint.claims.len()];
    if claims.is_empty() {
        return Ok(claims);
    }
    let lock = match patience {
        Patience::Skip => LOCK_CLAIMS,
        Patience::Wait => WAIT_FOR_CLAIMS,
    };
    for (place, holder) in found_claims(connection, lock, footprint, None).await? {
        if let Some(seen) = claims.get_mut(place) {
            *seen = SeenClaim::Held(holder);
        }
    }
    let missing: Vec<usize> = (0..claims.len())
        .filter(|&place| claims[place] == SeenClaim::Free)
        .collect();
    if missing.is_empty() {
        return Ok(claims);
    }
    for (place, _) in found_claims(connection, SEE_CLAIMS, footprint, Some(&missing)).await? {
        if let Some(&place) = missing.get(place) {
            claims[place] = SeenClaim::Locked;
        }
    }
    Ok(claims)
}

async fn found_claims(
    connection: &mut PgConnection,
    sql: &'static str,
    footprint: &Footprint<'_>,
    only: Option<&[usize]>,
) -> Result<Vec<(usize, Key)>, WriteError> {
    let chosen: Vec<_> = match only {
        None => footprint.claims.clone(),
        Some(places) => places
            .iter()
            .map(|&place| footprint.claims[place])
            .collect(),
    };
    let query = sqlx::query(sql)
        .bind(
            chosen
                .iter()
                .map(|(namespace, _)| namespace.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            chosen
                .iter()
                .map(|(_, claim)| i16::from(shard_of(&claim.key)))
                .collect::<Vec<_>>(),
        )
        .bind(
            chosen
                .iter()
                .map(|(_, claim)| claim.kind)
                .collect::<Vec<_>>(),
        )
        .bind(
            chosen
                .iter()
                .map(|(_, claim)| claim.key.as_str())
                .collect::<Vec<_>>(),
        );
    let found = query.fetch_all(connection).await.map_err(failed)?;
    found
        .iter()
        .map(|row| {
            Ok((
                place(row).map_err(failed)?,
                held(row, 1).map_err(unreadable)?,
            ))
        })
        .collect()
}

async fn stored<'a>(
    connection: &mut PgConnection,
    sql: &'static str,
    keys: impl Iterator<Item = &'a Key> + Clone,
) -> Result<Vec<(usize, Stored)>, WriteError> {
    let arrays = KeyArrays::new(keys);
    let query = sqlx::query(sql)
        .bind(arrays.namespaces)
        .bind(arrays.shards)
        .bind(arrays.kinds)
        .bind(arrays.ids);
    let decode = |row: &PgRow| -> Result<(usize, Stored), sqlx::Error> {
        let stored = Stored {
            number: row.try_get(1)?,
            ended: row.try_get(2)?,
            due: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
            parent: row.try_get(4)?,
            player: row.try_get(5)?,
        };
        Ok((place(row)?, stored))
    };
    let found = query.fetch_all(connection).await.map_err(failed)?;
    found
        .iter()
        .map(decode)
        .collect::<Result<_, _>>()
        .map_err(failed)
}

/// PostgreSQL counts from one.
fn place(row: &PgRow) -> Result<usize, sqlx::Error> {
    let place: i64 = row.try_get(0)?;
    Ok(usize::try_from(place - 1).unwrap_or(usize::MAX))
}

async fn apply(connection: &mut PgConnection, changes: &Changes<'_>) -> Result<(), WriteError> {
    // The statements that may wait for somebody else's new rows come first, claims before rows.
    if !changes.claim_inserts.is_empty() {
        let made = execute(connection, bind_claims(CLAIM, &changes.claim_inserts)).await?;
        expect_all(made, changes.claim_inserts.len())?;
    }
    if !changes.inserts.is_empty() {
        let made = execute(connection, bind_rows(INSERT, &changes.inserts)).await?;
        expect_all(made, changes.inserts.len())?;
    }
    if !changes.claim_updates.is_empty() {
        execute(connection, bind_claims(RECLAIM, &changes.claim_updates)).await?;
    }
    if !changes.claim_deletes.is_empty() {
        let freed = &changes.claim_deletes;
        let query = sqlx::query(FREE)
            .bind(
                freed
                    .iter()
                    .map(|(namespace, _)| namespace.as_str())
                    .collect::<Vec<_>>(),
            )
            .bind(
                freed
                    .iter()
                    .map(|(_, claim)| i16::from(shard_of(&claim.key)))
                    .collect::<Vec<_>>(),
            )
            .bind(
                freed
                    .iter()
                    .map(|(_, claim)| claim.kind)
                    .collect::<Vec<_>>(),
            )
            .bind(
                freed
                    .iter()
                    .map(|(_, claim)| claim.key.as_str())
                    .collect::<Vec<_>>(),
            );
        execute(connection, query).await?;
    }
    if !changes.moves.is_empty() {
        execute(connection, bind_rows(MOVE, &changes.moves)).await?;
    }
    if !changes.updates.is_empty() {
        let rows = &changes.updates;
        let query = bind_keys(UPDATE, rows.iter().map(|row| row.key))
            .bind(rows.iter().map(|row| row.number).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.body).collect::<Vec<_>>());
        execute(connection, query).await?;
    }
    if !changes.bumps.is_empty() {
        let query = bind_keys(BUMP, changes.bumps.iter().map(|(key, _)| *key)).bind(
            changes
                .bumps
                .iter()
                .map(|(_, number)| *number)
                .collect::<Vec<_>>(),
        );
        execute(connection, query).await?;
    }
    if !changes.deletes.is_empty() {
        execute(
            connection,
            bind_keys(DELETE, changes.deletes.iter().copied()),
        )
        .await?;
    }
    Ok(())
}

/// Fewer than asked for: somebody else made one of them since we looked.
fn expect_all(made: u64, asked: usize) -> Result<(), WriteError> {
    match usize::try_from(made) == Ok(asked) {
        true => Ok(()),
        false => Err(WriteError::Collided),
    }
}

fn bind_keys<'a>(sql: &'static str, keys: impl Iterator<Item = &'a Key> + Clone) -> Bound<'a> {
    let arrays = KeyArrays::new(keys);
    sqlx::query(sql)
        .bind(arrays.namespaces)
        .bind(arrays.shards)
        .bind(arrays.kinds)
        .bind(arrays.ids)
}

fn bind_rows<'a>(sql: &'static str, rows: &[RowOut<'a>]) -> Bound<'a> {
    bind_keys(sql, rows.iter().map(|row| row.key))
        .bind(rows.iter().map(|row| row.number).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|row| row.due.map(|due| due.0))
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|row| row.ended).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.parent).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.player).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.body).collect::<Vec<_>>())
}

fn bind_claims<'a>(sql: &'static str, claims: &[ClaimOut<'a>]) -> Bound<'a> {
    sqlx::query(sql)
        .bind(
            claims
                .iter()
                .map(|out| out.namespace.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            claims
                .iter()
                .map(|out| i16::from(shard_of(&out.claim.key)))
                .collect::<Vec<_>>(),
        )
        .bind(claims.iter().map(|out| out.claim.kind).collect::<Vec<_>>())
        .bind(
            claims
                .iter()
                .map(|out| out.claim.key.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            claims
                .iter()
                .map(|out| i16::from(out.holder.shard))
                .collect::<Vec<_>>(),
        )
        .bind(
            claims
                .iter()
                .map(|out| out.holder.kind as i16)
                .collect::<Vec<_>>(),
        )
        .bind(
            claims
                .iter()
                .map(|out| out.holder.id.as_str())
                .collect::<Vec<_>>(),
        )
}

fn unreadable(error: Error) -> WriteError {
    WriteError::Unavailable(error.to_string())
}

fn failed(error: sqlx::Error) -> WriteError {
    let code = error
        .as_database_error()
        .and_then(|e| e.code())
        .map(|code| code.into_owned());
    match code.as_deref() {
        // Serialization failures and deadlocks: the other one goes on, this one tries again.
        Some(code) if code.starts_with("40") => WriteError::Collided,
        // The operator, the connection, resources, a read-only standby, a lock that stays: these pass.
        Some(code)
            if ["08", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                || ["25006", "25P03", "55P03"].contains(&code) =>
        {
            WriteError::Unavailable(advice(&error))
        }
        Some(_) => WriteError::Refused(advice(&error)),
        None => WriteError::Unavailable(advice(&error)),
    }
}

#[async_trait]
impl Writer for PostgresWriter {
    async fn write(&mut self, batch: Batch) -> Result<Vec<Verdict>, WriteError> {
        let outcome = self.attempt(&batch).await;
        match &outcome {
            Ok(_) => {}
            Err(WriteError::Lost { .. } | WriteError::Unavailable(_)) => self.connection = None,
            Err(WriteError::Collided | WriteError::Refused(_)) => {
                if let Some(connection) = &mut self.connection
                    && simply(connection, "ROLLBACK").await.is_err()
                {
                    self.connection = None;
                }
            }
        }
        outcome
    }

    async fn was_committed(&mut self, batch: Uuid) -> Result<bool, WriteError> {
        let connection = self.connect().await.map_err(failed)?;
        let fence = execute(connection, sqlx::query(FENCE).bind(batch.to_string())).await;
        if fence.is_err() {
            self.connection = None;
        }
        // If the id could be inserted, it was not there and cannot come any more.
        Ok(fence? == 0)
    }

    async fn write_unchecked(&mut self, sets: Vec<Arc<WriteSet>>) -> Result<(), WriteError> {
        let connection = self.connect().await.map_err(failed)?;
        simply(connection, "BEGIN").await.map_err(failed)?;
        apply(connection, &Changes::unchecked(&sets)).await?;
        simply(connection, "COMMIT").await.map_err(failed)
    }
}
