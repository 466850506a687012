//! Tests that need a look inside: what a writer says when its disk is full, and how a statement finds its rows.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use model::{Millis, Namespace, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::backend::{Backend, Batch, WriteError, Writer};
use crate::clock::WallClock;
use crate::error::LeaseError;
use crate::options::Options;
use crate::plan::Verdict;
use crate::row::{Key, Kind, Row};
use crate::sqlite::{Log, SCAN, Sqlite};
use crate::sqlite_write::SqliteWriter;
use crate::write_set::{Item, WriteSet};

fn large(id: &str) -> WriteSet {
    let namespace: Namespace = "game".parse().unwrap();
    let row = Row {
        key: Key::new(&namespace, Kind::Session, id),
        number: 1,
        due: None,
        ended: false,
        parent: None,
        player: None,
        body: "x".repeat(60_000),
    };
    WriteSet {
        items: vec![Item::Put {
            row,
            expected: None,
        }],
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_writing_goes_on_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.db");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    crate::migrate::sqlite(&mut connection, crate::migrate::newest())
        .await
        .unwrap();
    let clock = Arc::new(WallClock::starting_at(Timestamp(0)));
    let log = Arc::new(Log {
        pages: AtomicU64::new(0),
        pages_max: u64::MAX,
    });
    let mut writer = SqliteWriter::open(&file, Duration::from_secs(1), clock, log).unwrap();
    // SQLite's own limit gives the very error of a full disk.
    writer.run("PRAGMA max_page_count = 30").await;
    let all: Arc<[_]> = ["a", "b", "c"].map(|id| Arc::new(large(id))).into();
    let batch = || Batch {
        id: Uuid::from_u128(1),
        settled: None,
        sets: all.clone(),
    };
    match writer.write(batch()).await {
        Err(WriteError::Unavailable(why)) => {
            assert!(why.starts_with("the disk is full"), "{why}");
            assert!(why.ends_with("free some space and try again"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(writer.was_committed(Uuid::from_u128(1)).await, Ok(false));
    writer.run("PRAGMA max_page_count = 3000").await;
    assert_eq!(writer.write(batch()).await, Ok(vec![Verdict::Won; 3]));
    assert_eq!(writer.was_committed(Uuid::from_u128(1)).await, Ok(true));
}

/// Every COMMIT of the connection that writes leases fails, or none does.
async fn let_commits(store: &Sqlite, succeed: bool) {
    let mut side = store.side.lock().await;
    let mut handle = side.lock_handle().await.unwrap();
    handle.set_commit_hook(move || succeed);
}

#[tokio::test]
async fn a_lease_whose_commit_fails_is_not_given() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("lease.db").display());
    let store = Sqlite::open(&url, Options::default()).await.unwrap();
    let ttl = Millis::seconds(10);
    let failed = |outcome: &Result<_, LeaseError>| matches!(outcome, Err(LeaseError::Store(_)));

    let_commits(&store, false).await;
    let refused = store.acquire_lease("cell", "ann", ttl).await;
    assert!(failed(&refused), "{refused:?}");
    let_commits(&store, true).await;
    let lease = store.acquire_lease("cell", "ann", ttl).await.unwrap();
    assert_eq!(lease.epoch, 1, "nothing of the first attempt is there");

    let_commits(&store, false).await;
    let refused = store.renew_lease(&lease, Millis::seconds(1_000)).await;
    assert!(failed(&refused), "{refused:?}");
    let refused = store.release_lease(&lease).await;
    assert!(matches!(refused, Err(LeaseError::Store(_))), "{refused:?}");
    let_commits(&store, true).await;
    match store.acquire_lease("cell", "bob", ttl).await {
        Err(LeaseError::Held { holder, expires_in }) => {
            assert_eq!(holder, "ann");
            assert!(expires_in <= ttl, "{expires_in}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_scan_seeks_its_own_rows_and_walks_past_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scan.db");
    let url = format!("sqlite://{}", file.display());
    drop(Sqlite::open(&url, Options::default()).await.unwrap());
    let connection = rusqlite::Connection::open(&file).unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {SCAN}");
    let mut statement = connection.prepare(&explain).unwrap();
    let steps = statement.query_map(("game", 1, 0, "", 10), |row| row.get::<_, String>(3));
    let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
    let seeks = "(namespace=? AND shard=? AND kind=? AND id>?)";
    assert!(steps.iter().any(|step| step.ends_with(seeks)), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.contains("SCAN r")),
        "{steps:?}"
    );
}
