//! A database of its own for every test, of either kind; for the tests of other packages, which know no SQL.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Names the environment variable with a superuser's URL of a PostgreSQL server.
pub const POSTGRES: &str = "MUSTER_TEST_POSTGRES";

/// A PostgreSQL database that is empty at first; dropped with the server that it is on.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn new_postgres_database(server: &str) -> Result<String, crate::Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("muster_{}_{count}", std::process::id());
    let failed = crate::Error::read("making a database for a test");
    let made: Result<(), sqlx::Error> = async {
        let mut connection = PgConnection::connect(server).await?;
        for sql in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await?;
        }
        Ok(())
    }
    .await;
    made.map_err(failed)?;
    let base = server.rsplit_once('/').map_or(server, |(base, _)| base);
    Ok(format!("{base}/{name}"))
}
