//! A database of its own for every test, and short ways to say what it writes.

use std::sync::atomic::{AtomicU32, Ordering};

use model::{Namespace, Timestamp};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{
    ClaimKey, Committer, CommitterHandle, CommitterOptions, Item, Key, Kind, Options, Row, Store,
    WriteSet,
};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

/// Names the environment variable with a superuser's URL of a PostgreSQL server.
pub const POSTGRES: &str = "MUSTER_TEST_POSTGRES";

/// A database that is empty at first.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    _folder: Option<TempDir>,
}

/// A new SQLite file.
pub async fn sqlite(_test: &str) -> Option<Database> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("muster.db").display());
    Some(Database {
        url,
        _folder: Some(folder),
    })
}

/// A new PostgreSQL database; `None`, said aloud, if there is no server and this is not CI.
pub async fn postgres(test: &str) -> Option<Database> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var(POSTGRES) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{POSTGRES} must be set in CI"
        );
        skipped(test);
        return None;
    };
    let name = format!(
        "store_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let drop_it = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop_it))
        .execute(&mut connection)
        .await
        .unwrap();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    Some(Database {
        url: format!("{server}/{name}"),
        _folder: None,
    })
}

#[expect(clippy::print_stdout, reason = "the test runner reads this line")]
fn skipped(test: &str) {
    println!("SKIPPED {test}: {POSTGRES} is not set; run cargo xtask test");
}

/// An open store with a committer.
pub struct Bench {
    pub store: Store,
    pub committer: CommitterHandle,
    pub tasks: TaskTracker,
}

impl Bench {
    pub async fn open(database: &Database) -> Bench {
        Bench::with(database, CommitterOptions::default()).await
    }

    pub async fn with(database: &Database, options: CommitterOptions) -> Bench {
        let store = Store::open(&database.url, Options::default())
            .await
            .unwrap();
        let tasks = TaskTracker::new();
        let committer = Committer::start(&store, options, &tasks).await.unwrap();
        Bench {
            store,
            committer,
            tasks,
        }
    }

    /// Ends the committer and waits for its tasks.
    pub async fn close(self) {
        self.committer.shutdown().await;
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }

    pub async fn one(&self, key: &Key) -> Option<Row> {
        self.store
            .get(std::slice::from_ref(key))
            .await
            .unwrap()
            .remove(0)
    }

    pub async fn number(&self, key: &Key) -> Option<i64> {
        self.one(key).await.map(|row| row.number)
    }
}

pub fn ns() -> Namespace {
    "game-prod".parse().unwrap()
}

pub fn key(id: &str) -> Key {
    Key::new(&ns(), Kind::Session, id)
}

pub fn row(key: &Key, number: i64) -> Row {
    Row {
        key: key.clone(),
        number,
        due: None,
        ended: false,
        parent: None,
        player: None,
        body: format!("{{\"n\":{number}}}"),
    }
}

pub fn due(row: Row, at: i64) -> Row {
    Row {
        due: Some(Timestamp(at)),
        ..row
    }
}

pub fn put(row: Row, expected: Option<i64>) -> Item {
    Item::Put { row, expected }
}

pub fn insert(key: &Key) -> Item {
    put(row(key, 1), None)
}

pub fn claim_key(name: &str) -> ClaimKey {
    ClaimKey {
        kind: "ticket",
        key: name.into(),
    }
}

pub fn claim(name: &str, holder: &Key) -> Item {
    Item::Claim {
        claim: claim_key(name),
        holder: holder.clone(),
    }
}

pub fn free(name: &str, holder: &Key) -> Item {
    Item::Free {
        claim: claim_key(name),
        holder: holder.clone(),
    }
}

pub fn set<const N: usize>(items: [Item; N]) -> WriteSet {
    WriteSet {
        items: items.into(),
    }
}

impl Database {
    /// One that exists.
    pub fn at(url: String) -> Database {
        Database { url, _folder: None }
    }

    /// Runs a statement past the store, in the dialect of the database.
    pub async fn raw(&self, sqlite: &'static str, postgres: &'static str) {
        if self.url.starts_with("sqlite") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sqlite)
                .execute(&mut connection)
                .await
                .unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(postgres)
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}
