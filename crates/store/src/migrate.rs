//! The schema's versions: pairs of scripts that go up and down again, in both dialects.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::error::{Error, advice};

/// The schema versions that this program works with; the last one is what [`crate::Store::open`] makes.
pub const SUPPORTED: &[i64] = &[1];

/// Before the first migration.
pub const EMPTY: i64 = 0;

/// PostgreSQL's advisory lock that one process holds while it looks at the schema and changes it:
/// the bytes of "muster", so that no other program's lock is likely to be the same.
const SCHEMA_LOCK: i64 = 0x6d75_7374_6572;

/// A table that every version of the schema has, and hardly anybody else's.
const OURS: &str = "leases";

struct Migration {
    version: i64,
    sqlite: Scripts,
    postgres: Scripts,
}

struct Scripts {
    up: &'static str,
    down: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    sqlite: Scripts {
        up: include_str!("../migrations/sqlite/0001_rows.up.sql"),
        down: include_str!("../migrations/sqlite/0001_rows.down.sql"),
    },
    postgres: Scripts {
        up: include_str!("../migrations/postgres/0001_rows.up.sql"),
        down: include_str!("../migrations/postgres/0001_rows.down.sql"),
    },
}];

/// The version that this program makes of any older one.
pub fn newest() -> i64 {
    SUPPORTED.last().copied().unwrap_or(EMPTY)
}

struct Step {
    version: i64,
    direction: &'static str,
    script: &'static str,
    /// What the schema's version is after this step.
    after: i64,
}

/// The scripts from one version to another, in the order to run them.
fn steps(
    found: i64,
    target: i64,
    dialect: impl Fn(&Migration) -> &Scripts,
) -> Result<Vec<Step>, Error> {
    if found != EMPTY && !SUPPORTED.contains(&found) {
        return Err(Error::SchemaVersion {
            found,
            supported: SUPPORTED,
        });
    }
    let up = MIGRATIONS
        .iter()
        .filter(|m| found < m.version && m.version <= target)
        .map(|m| Step {
            version: m.version,
            direction: "up",
            script: dialect(m).up,
            after: m.version,
        });
    let down = MIGRATIONS
        .iter()
        .rev()
        .filter(|m| target < m.version && m.version <= found)
        .map(|m| Step {
            version: m.version,
            direction: "down",
            script: dialect(m).down,
            after: m.version - 1,
        });
    Ok(up.chain(down).collect())
}

fn failed(step: &Step) -> impl FnOnce(sqlx::Error) -> Error {
    let (version, direction) = (step.version, step.direction);
    move |source| Error::Migrate {
        version,
        direction,
        advice: advice(&source),
        source,
    }
}

/// A file with tables, none of which is ours, is another program's.
async fn refuse_foreign(connection: &mut SqliteConnection) -> Result<(), Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(Error::read("reading the names of the tables"))?;
    if tables.iter().any(|table| table == OURS) {
        return Ok(());
    }
    let Some(table) = tables.into_iter().next() else {
        return Ok(());
    };
    let what: String =
        sqlx::query_scalar("SELECT file FROM pragma_database_list WHERE name = 'main'")
            .fetch_one(connection)
            .await
            .map_err(Error::read("reading the database's path"))?;
    Err(Error::Foreign { what, table })
}

/// Brings a SQLite schema to `target` in one transaction. Returns the version found before.
pub async fn sqlite(connection: &mut SqliteConnection, target: i64) -> Result<i64, Error> {
    let begun = connection.begin_with("BEGIN IMMEDIATE").await;
    let mut tx = begun.map_err(Error::read("locking the schema"))?;
    let found: i64 = sqlx::query("PRAGMA user_version")
        .fetch_one(&mut *tx)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(Error::read("reading the schema's version"))?;
    let steps = steps(found, target, |m| &m.sqlite)?;
    refuse_foreign(&mut tx).await?;
    for step in steps {
        let script = format!("{}\nPRAGMA user_version = {};", step.script, step.after);
        let ran = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *tx).await;
        ran.map_err(failed(&step))?;
    }
    tx.commit()
        .await
        .map_err(Error::read("committing the schema"))?;
    Ok(found)
}

/// Brings a PostgreSQL schema to `target` in one transaction. Returns the version found before.
///
/// Several processes may do so at once: they queue at an advisory lock, as PostgreSQL's
/// `CREATE TABLE IF NOT EXISTS` fails in several ways when two run it at one moment.
pub async fn postgres(connection: &mut PgConnection, target: i64) -> Result<i64, Error> {
    let begun = connection
        .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
        .await;
    let mut tx = begun.map_err(Error::read("locking the schema"))?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(SCHEMA_LOCK)
        .execute(&mut *tx)
        .await
        .map_err(Error::read("locking the schema"))?;
    let exists: bool = sqlx::query("SELECT to_regclass('schema_version') IS NOT NULL")
        .fetch_one(&mut *tx)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(Error::read("looking for the schema"))?;
    if !exists {
        sqlx::raw_sql(
            "CREATE TABLE schema_version \
             (one smallint PRIMARY KEY CHECK (one = 1), version bigint NOT NULL)",
        )
        .execute(&mut *tx)
        .await
        .map_err(Error::read("making the schema's version"))?;
    }
    sqlx::query("INSERT INTO schema_version (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING")
        .execute(&mut *tx)
        .await
        .map_err(Error::read("making the schema's version"))?;
    let found: i64 = sqlx::query("SELECT version FROM schema_version WHERE one = 1")
        .fetch_one(&mut *tx)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(Error::read("reading the schema's version"))?;
    for step in steps(found, target, |m| &m.postgres)? {
        let ran = sqlx::raw_sql(step.script).execute(&mut *tx).await;
        ran.map_err(failed(&step))?;
        sqlx::query("UPDATE schema_version SET version = $1 WHERE one = 1")
            .bind(step.after)
            .execute(&mut *tx)
            .await
            .map_err(failed(&step))?;
    }
    tx.commit()
        .await
        .map_err(Error::read("committing the schema"))?;
    Ok(found)
}
