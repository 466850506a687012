//! What only a file can show: its log, its folder, its damage.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use store::{Committer, CommitterOptions, Options, Row, Store, WriteSet};
use tokio_util::task::TaskTracker;

use crate::support::*;

#[tokio::test]
async fn the_log_does_not_grow_without_end() {
    let database = sqlite("the_log").await.unwrap();
    let log_bytes_max = 1024 * 1024;
    let options = Options {
        log_bytes_max,
        ..Options::default()
    };
    let store = Store::open(&database.url, options).await.unwrap();
    let tasks = TaskTracker::new();
    let often = CommitterOptions {
        tidy_every: Duration::from_millis(1),
        ..Default::default()
    };
    let committer = Committer::start(&store, often, &tasks).await.unwrap();
    let log = format!("{}-wal", database.url.strip_prefix("sqlite://").unwrap());
    let mut longest = 0;
    for round in 1..=120_i64 {
        let items = (0..16).map(|n| {
            let body = "x".repeat(60_000);
            let expected = (round > 1).then_some(round - 1);
            put(
                Row {
                    body,
                    ..row(&key(&n.to_string()), round)
                },
                expected,
            )
        });
        committer
            .commit(WriteSet {
                items: items.collect(),
            })
            .await
            .unwrap();
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    // 120 MB went through it; a batch is a megabyte, and some come before the log is looked at.
    assert!(longest < 40 * log_bytes_max, "{longest}");
    committer.shutdown().await;
}

async fn opening(url: &str) -> String {
    Store::open(url, Options::default())
        .await
        .unwrap_err()
        .to_string()
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let absent = at("absent/muster.db");
    let expected = format!(
        "cannot open the database {absent}: the file cannot be opened for writing (unable to open \
         database file); check that its folder exists and that this user may write there"
    );
    assert_eq!(opening(&format!("sqlite://{absent}")).await, expected);
    let foreign = at("foreign.db");
    let options = SqliteConnectOptions::new()
        .filename(&foreign)
        .create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE songs (id INTEGER)")
        .execute(&mut other)
        .await
        .unwrap();
    let expected = format!(
        "the database {foreign} belongs to another program: it has the table \"songs\" and none of \
         Muster's; give Muster a file of its own"
    );
    assert_eq!(opening(&format!("sqlite://{foreign}")).await, expected);
    let damaged = at("damaged.db");
    std::fs::write(&damaged, "this is no database at all, ".repeat(100)).unwrap();
    let expected = format!(
        "cannot open the database {damaged}: the file is damaged or no database (file is not a \
         database); restore a backup or give another path"
    );
    assert_eq!(opening(&format!("sqlite://{damaged}")).await, expected);
    let expected = "the database URL \"sqlite::memory:\" is not supported: \
                    it must name a file; a database in memory keeps nothing";
    assert_eq!(opening("sqlite::memory:").await, expected);
    let expected = "the database URL \"mysql://x\" is not supported: \
                    it must begin with sqlite:// or postgres://";
    assert_eq!(opening("mysql://x").await, expected);
    let nobody = opening("postgres://nobody@127.0.0.1:1/x").await;
    assert!(
        nobody.starts_with("cannot open the database x on 127.0.0.1:1: "),
        "{nobody}"
    );
}
