//! The schema goes up, down and up again.

use store::{Options, Store};

use crate::support::*;

on_both!(
    every_supported_version_goes_up_down_and_up,
    an_unknown_version_is_refused_in_words,
    several_may_open_a_new_database_at_once,
);

async fn every_supported_version_goes_up_down_and_up(database: Database) {
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    for &version in store::migrate::SUPPORTED.iter().rev() {
        bench.store.migrate(version).await.unwrap();
        assert_eq!(bench.number(&key("a")).await, Some(1));
    }
    bench.store.migrate(store::migrate::EMPTY).await.unwrap();
    assert!(
        bench.store.get(&[key("a")]).await.is_err(),
        "the tables are gone"
    );
    for &version in store::migrate::SUPPORTED {
        bench.store.migrate(version).await.unwrap();
    }
    assert_eq!(bench.number(&key("a")).await, None);
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
}

async fn an_unknown_version_is_refused_in_words(database: Database) {
    drop(Bench::open(&database).await);
    database
        .raw(
            "PRAGMA user_version = 999",
            "UPDATE schema_version SET version = 999",
        )
        .await;
    let error = Store::open(&database.url, Options::default())
        .await
        .unwrap_err();
    let expected = "the database has schema version 999, this program supports [1]: \
                    use the program that wrote it, or restore a backup";
    assert_eq!(error.to_string(), expected);
}

async fn several_may_open_a_new_database_at_once(database: Database) {
    let open = || Store::open(&database.url, Options::default());
    let opened = futures_util::future::join_all((0..8).map(|_| open())).await;
    let mut epochs = Vec::new();
    for store in opened {
        epochs.push(store.unwrap().epoch().await.unwrap());
    }
    assert!(epochs.windows(2).all(|two| two[0] == two[1]), "{epochs:?}");
}
