//! What only several connections to one PostgreSQL can show.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use model::Millis;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{CommitError, CommitterOptions, Item, Key, Kind, LeaseError, Options, Store, WriteSet};

use crate::proxy::{Cut, Proxy};
use crate::support::*;

/// Long enough for a loaded machine; a test that reaches it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

async fn sql(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

/// Waits until some connection to this database waits for a lock.
async fn until_somebody_waits(watcher: &mut PgConnection) {
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *watcher)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
    }
}

#[tokio::test]
async fn a_row_locked_elsewhere_defers_its_set_and_holds_up_nobody() {
    let Some(database) = postgres("a_row_locked_elsewhere").await else {
        return;
    };
    let bench = Bench::open(&database).await;
    let shared = key("shared");
    bench
        .committer
        .commit(set([insert(&shared)]))
        .await
        .unwrap();
    let mut stranger = PgConnection::connect(&database.url).await.unwrap();
    sql(
        &mut stranger,
        "BEGIN; SELECT 1 FROM rows WHERE id = 'shared' FOR UPDATE",
    )
    .await;
    let handle = bench.committer.clone();
    let update = set([put(row(&shared, 2), Some(1)), insert(&key("beside"))]);
    let blocked = bench
        .tasks
        .spawn(async move { handle.commit(update).await });
    let mut watcher = PgConnection::connect(&database.url).await.unwrap();
    until_somebody_waits(&mut watcher).await;
    // The deferred set waits in a transaction of its own; everybody else passes it.
    for n in 0..50 {
        bench
            .committer
            .commit(set([insert(&key(&n.to_string()))]))
            .await
            .unwrap();
    }
    assert!(!blocked.is_finished());
    assert_eq!(bench.number(&key("beside")).await, None);
    sql(&mut stranger, "COMMIT").await;
    blocked.await.unwrap().unwrap();
    assert_eq!(bench.number(&shared).await, Some(2));
    assert_eq!(bench.number(&key("beside")).await, Some(1));
    bench.close().await;
}

#[tokio::test]
async fn a_row_that_stays_locked_is_given_up_in_words() {
    let Some(database) = postgres("a_row_that_stays_locked").await else {
        return;
    };
    let options = store::Options {
        lock_wait: Duration::from_millis(20),
        ..store::Options::default()
    };
    let store = store::Store::open(&database.url, options).await.unwrap();
    let tasks = tokio_util::task::TaskTracker::new();
    let quick = CommitterOptions {
        attempts_max: 2,
        ..CommitterOptions::default()
    };
    let committer = store::Committer::start(&store, quick, &tasks)
        .await
        .unwrap();
    committer
        .commit(set([insert(&key("shared"))]))
        .await
        .unwrap();
    let mut stranger = PgConnection::connect(&database.url).await.unwrap();
    sql(
        &mut stranger,
        "BEGIN; SELECT 1 FROM rows WHERE id = 'shared' FOR UPDATE",
    )
    .await;
    let outcome = committer
        .commit(set([put(row(&key("shared"), 2), Some(1))]))
        .await;
    assert!(
        matches!(outcome, Err(CommitError::Unavailable(_))),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_committers_share_rows_and_every_change_counts_once() {
    let Some(database) = postgres("two_committers_share_rows").await else {
        return;
    };
    let benches = [Bench::open(&database).await, Bench::open(&database).await];
    let shared: Vec<Key> = (0..4).map(|n| key(&format!("shared{n}"))).collect();
    let player = Key::new(&ns(), Kind::Player, "ann");
    for key in &shared {
        benches[0]
            .committer
            .commit(set([insert(key)]))
            .await
            .unwrap();
    }
    let worker = |at: usize| {
        let (bench, shared, player) = (&benches[at % 2], &shared, player.clone());
        async move {
            for n in 0..20 {
                let target = &shared[(at + n) % shared.len()];
                loop {
                    let number = bench.number(target).await.unwrap();
                    let change = set([
                        put(row(target, number + 1), Some(number)),
                        Item::Bump {
                            key: player.clone(),
                        },
                        insert(&key(&format!("own-{at}-{n}-{number}"))),
                    ]);
                    match bench.committer.commit(change).await {
                        Ok(()) => break,
                        Err(CommitError::Conflict { keys, .. }) => {
                            assert_eq!(keys, std::slice::from_ref(target));
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, join_all((0..16).map(worker)))
        .await
        .unwrap();
    let mut total = 0;
    for key in &shared {
        total += benches[0].number(key).await.unwrap() - 1;
    }
    assert_eq!(total, 16 * 20);
    assert_eq!(benches[1].number(&player).await, Some(16 * 20));
    for bench in benches {
        bench.close().await;
    }
}

/// The database's server behind a proxy.
async fn behind_proxy(database: &Database) -> (Proxy, Database) {
    let (server, path) = database.url.rsplit_once('/').unwrap();
    let (login, server) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(server.to_owned()).await;
    let through = Database::at(format!("{login}@127.0.0.1:{}/{path}", proxy.port));
    (proxy, through)
}

/// A server waits for such a database, and does not for one that takes no writes.
#[tokio::test]
async fn a_database_that_cannot_be_reached_is_told_from_one_that_refuses() {
    let Some(database) = postgres("a_database_that_cannot_be_reached").await else {
        return;
    };
    let (proxy, through) = behind_proxy(&database).await;
    let options = Options {
        wait: Duration::from_millis(300),
        ..Options::default()
    };
    let store = Store::open(&through.url, options).await.unwrap();
    let long = Millis::seconds(60);
    let lease = store.acquire_lease("all", "one", long).await.unwrap();
    let renewed = async || match store.renew_lease(&lease, long).await {
        Err(LeaseError::Store(error)) => Some(error.is_away()),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    };
    database
        .raw("", "ALTER TABLE leases ADD CHECK (epoch < 0) NOT VALID")
        .await;
    assert_eq!(renewed().await, Some(false), "it answers");
    drop(proxy);
    assert_eq!(renewed().await, Some(true), "it does not");
}

async fn a_cut_commit(name: &str, cut: Cut) {
    let Some(database) = postgres(name).await else {
        return;
    };
    let (proxy, through) = behind_proxy(&database).await;
    let bench = Bench::open(&through).await;
    let player = Key::new(&ns(), Kind::Player, "ann");
    for round in 1..=20 {
        proxy.cut_next(cut);
        let bumped = set([
            Item::Bump {
                key: player.clone(),
            },
            insert(&key(&round.to_string())),
        ]);
        let outcome = tokio::time::timeout(PATIENCE, bench.committer.commit(bumped)).await;
        outcome.unwrap().unwrap();
        assert!(proxy.has_cut());
        assert_eq!(
            bench.number(&player).await,
            Some(round),
            "counted once and not twice"
        );
    }
    bench.close().await;
}

#[tokio::test]
async fn a_connection_cut_after_commit_was_sent_is_looked_up() {
    a_cut_commit("a_connection_cut_after_commit", Cut::After).await;
}

#[tokio::test]
async fn a_connection_cut_before_commit_was_sent_is_written_again() {
    a_cut_commit("a_connection_cut_before_commit", Cut::Before).await;
}

#[tokio::test]
async fn a_connection_that_ended_between_batches_is_made_again() {
    let Some(database) = postgres("a_connection_that_ended").await else {
        return;
    };
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    database
        .raw(
            "",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    bench
        .committer
        .commit(set([insert(&key("b"))]))
        .await
        .unwrap();
    assert_eq!(bench.number(&key("b")).await, Some(1));
}

async fn recreated_meanwhile(name: &str, meanwhile: &str, expected_number: Option<i64>) {
    let Some(database) = postgres(name).await else {
        return;
    };
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let mut stranger = PgConnection::connect(&database.url).await.unwrap();
    sql(&mut stranger, &format!("BEGIN; {meanwhile}")).await;
    let handle = bench.committer.clone();
    let update = set([put(row(&key("a"), 2), Some(1))]);
    let update = bench
        .tasks
        .spawn(async move { handle.commit(update).await });
    let mut watcher = PgConnection::connect(&database.url).await.unwrap();
    until_somebody_waits(&mut watcher).await;
    sql(&mut stranger, "COMMIT").await;
    let lost = update.await.unwrap();
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys: vec![key("a")],
            claims: vec![]
        })
    );
    assert_eq!(bench.number(&key("a")).await, expected_number);
}

#[tokio::test]
async fn a_row_deleted_and_made_again_between_read_and_lock_loses() {
    let meanwhile = "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM rows WHERE id = 'a'; \
        DELETE FROM rows WHERE id = 'a'; UPDATE kept SET number = 7; INSERT INTO rows SELECT * FROM kept";
    recreated_meanwhile("a_row_deleted_and_made_again", meanwhile, Some(7)).await;
}

#[tokio::test]
async fn a_row_deleted_between_read_and_lock_loses() {
    let meanwhile = "DELETE FROM rows WHERE id = 'a'";
    recreated_meanwhile("a_row_deleted", meanwhile, None).await;
}

#[tokio::test]
async fn a_row_made_elsewhere_at_the_same_time_is_met_and_not_overwritten() {
    let Some(database) = postgres("a_row_made_elsewhere").await else {
        return;
    };
    let bench = Bench::open(&database).await;
    let mut stranger = PgConnection::connect(&database.url).await.unwrap();
    let shard = key("a").shard;
    let made = format!(
        "BEGIN; INSERT INTO rows VALUES ('game-prod', {shard}, 1, 'a', 7, NULL, false, NULL, NULL, '')"
    );
    sql(&mut stranger, &made).await;
    let handle = bench.committer.clone();
    let sets = [set([insert(&key("a"))]), set([insert(&key("b"))])];
    let both = bench.tasks.spawn(async move {
        let commits = sets.map(|set| handle.commit(set));
        join_all(commits).await
    });
    let mut watcher = PgConnection::connect(&database.url).await.unwrap();
    until_somebody_waits(&mut watcher).await;
    sql(&mut stranger, "COMMIT").await;
    let conflict = Err(CommitError::Conflict {
        keys: vec![key("a")],
        claims: vec![],
    });
    assert_eq!(both.await.unwrap(), [conflict, Ok(())]);
    assert_eq!(bench.number(&key("a")).await, Some(7));
    assert_eq!(bench.number(&key("b")).await, Some(1));
}

const RACE_URL: &str = "MUSTER_STORE_RACE_URL";
const RACE_NAME: &str = "MUSTER_STORE_RACE_NAME";
const RACED: usize = 300;

fn holder(racer: &str, n: usize) -> Key {
    Key::new(&ns(), Kind::Ticket, format!("{racer}-{n}"))
}

#[tokio::test]
async fn claims_raced_by_two_processes_have_one_holder_each() {
    let Some(database) = postgres("claims_raced_by_two_processes").await else {
        return;
    };
    let bench = Bench::open(&database).await;
    let racers = ["red", "blue"];
    let run = |racer: &str| {
        tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres_only::a_racing_process", "--nocapture"])
            .env(RACE_URL, &database.url)
            .env(RACE_NAME, racer)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .status()
    };
    let ended = tokio::time::timeout(PATIENCE, join_all(racers.map(run)))
        .await
        .unwrap();
    assert!(ended.into_iter().all(|status| status.unwrap().success()));
    let mut won = [0; 2];
    for n in 0..RACED {
        let claim = claim_key(&format!("name{n}"));
        let taken = bench
            .store
            .claim_holder(&ns(), &claim)
            .await
            .unwrap()
            .unwrap();
        let both = bench
            .store
            .get(&racers.map(|racer| holder(racer, n)))
            .await
            .unwrap();
        let written: Vec<bool> = both.iter().map(Option::is_some).collect();
        let expected: Vec<bool> = racers
            .iter()
            .map(|racer| holder(racer, n) == taken)
            .collect();
        assert_eq!(
            written, expected,
            "only the winner's row stands beside the claim"
        );
        won[usize::from(expected[1])] += 1;
    }
    assert_eq!(won.iter().sum::<usize>(), RACED);
}

/// Runs as a process of its own, started by the test above; by itself it does nothing.
#[tokio::test]
async fn a_racing_process() {
    let (Ok(url), Ok(racer)) = (std::env::var(RACE_URL), std::env::var(RACE_NAME)) else {
        return;
    };
    let database = Database::at(url);
    let bench = Bench::open(&database).await;
    let start = Key::new(&ns(), Kind::Setting, "start");
    bench
        .committer
        .commit(set([Item::Bump { key: start.clone() }]))
        .await
        .unwrap();
    while bench.number(&start).await != Some(2) {}
    for some in (0..RACED).collect::<Vec<_>>().chunks(30) {
        let race = some.iter().map(|&n| {
            let holder = holder(&racer, n);
            let items = vec![insert(&holder), claim(&format!("name{n}"), &holder)];
            bench.committer.commit(WriteSet { items })
        });
        for outcome in join_all(race).await {
            match outcome {
                Ok(()) => {}
                Err(CommitError::Conflict { keys, claims }) => {
                    assert!(keys.is_empty() && claims.len() == 1);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    bench.close().await;
}

#[tokio::test]
async fn every_statement_of_a_large_table_finds_its_rows_by_key() {
    let Some(database) = postgres("every_statement_of_a_large_table").await else {
        return;
    };
    let bench = Bench::open(&database).await;
    // The statements are prepared and their plans kept while the table is empty.
    for round in 1..=12 {
        let items = (0..20).map(|n| {
            let expected = (round > 1).then_some(round - 1);
            put(row(&key(&n.to_string()), round), expected)
        });
        bench
            .committer
            .commit(WriteSet {
                items: items.collect(),
            })
            .await
            .unwrap();
    }
    for some in (0..20_000).collect::<Vec<_>>().chunks(1_000) {
        let items = some
            .iter()
            .map(|n| insert(&key(&format!("many{n}"))))
            .collect();
        bench.committer.commit(WriteSet { items }).await.unwrap();
    }
    for round in 2..=30 {
        let items = (0..20).map(|n| put(row(&key(&format!("many{n}")), round), Some(round - 1)));
        bench
            .committer
            .commit(WriteSet {
                items: items.collect(),
            })
            .await
            .unwrap();
    }
    // The connections hand in their counts when they end.
    bench.close().await;
    let mut watcher = PgConnection::connect(&database.url).await.unwrap();
    loop {
        let (read, updated): (i64, i64) = sqlx::query_as(
            "SELECT seq_tup_read, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'rows'",
        )
        .fetch_one(&mut watcher)
        .await
        .unwrap();
        assert_eq!(read, 0, "no batch reads the whole table");
        if updated == (11 + 29) * 20 {
            return;
        }
    }
}

#[tokio::test]
async fn a_port_where_nothing_answers_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let options = store::Options {
        wait: Duration::from_millis(300),
        ..store::Options::default()
    };
    let url = format!("postgres://muster@127.0.0.1:{port}/games");
    let error = store::Store::open(&url, options).await.unwrap_err();
    let expected = format!(
        "cannot open the database games on 127.0.0.1:{port}: nothing answers at 127.0.0.1:{port} \
         (Connection refused (os error 111)); see that PostgreSQL runs there and can be reached from here"
    );
    assert_eq!(error.to_string(), expected);
}
