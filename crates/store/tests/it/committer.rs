//! The committer on both databases: poisoned batches, limits, large sets.

use futures_util::future::join_all;
use store::{CommitError, CommitterOptions, Row};

use crate::support::*;

on_both!(
    a_poisoned_write_set_fails_alone_in_a_batch_of_100,
    too_many_that_wait_are_turned_away,
    batches_keep_to_their_limits_and_lose_nothing,
    a_lone_write_set_is_a_batch_of_its_own,
);

async fn a_poisoned_write_set_fails_alone_in_a_batch_of_100(database: Database) {
    let bench = Bench::open(&database).await;
    database
        .raw(
            "CREATE TRIGGER poison BEFORE INSERT ON rows WHEN NEW.body LIKE '%poison%' \
             BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
            "ALTER TABLE rows ADD CONSTRAINT poison CHECK (body NOT LIKE '%poison%')",
        )
        .await;
    let all = (0..100).map(|n| {
        let body = if n == 61 { "\"poison\"" } else { "\"food\"" };
        let row = Row {
            body: body.into(),
            ..row(&key(&n.to_string()), 1)
        };
        bench.committer.commit(set([put(row, None)]))
    });
    let outcomes = join_all(all).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let stored = bench.number(&key(&n.to_string())).await;
        match n {
            61 => {
                assert!(
                    matches!(outcome, Err(CommitError::Refused(_))),
                    "{outcome:?}"
                );
                assert_eq!(stored, None);
            }
            _ => assert_eq!((outcome, stored), (Ok(()), Some(1)), "{n}"),
        }
    }
    // Halving 100 down to one takes seven steps; each leaves one half that is written.
    assert!(
        bench.committer.batches() <= 8,
        "{}",
        bench.committer.batches()
    );
}

async fn too_many_that_wait_are_turned_away(database: Database) {
    let options = CommitterOptions {
        queue_sets_max: 10,
        ..CommitterOptions::default()
    };
    let bench = Bench::with(&database, options).await;
    let all = (0..25).map(|n| bench.committer.commit(set([insert(&key(&n.to_string()))])));
    let outcomes = join_all(all).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        10
    );
    assert!(
        outcomes[10..]
            .iter()
            .all(|o| *o == Err(CommitError::Overloaded)),
        "{outcomes:?}"
    );
    // Their places are free again.
    bench
        .committer
        .commit(set([insert(&key("later"))]))
        .await
        .unwrap();
}

async fn batches_keep_to_their_limits_and_lose_nothing(database: Database) {
    let options = CommitterOptions {
        batch_sets_max: 10,
        batch_items_max: 25,
        ..CommitterOptions::default()
    };
    let bench = Bench::with(&database, options).await;
    let large = |n: usize| {
        let items = (0..n % 40 + 1)
            .map(|item| insert(&key(&format!("{n}/{item}"))))
            .collect();
        store::WriteSet { items }
    };
    let outcomes = join_all((0..120).map(|n| bench.committer.commit(large(n)))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    for n in 0..120 {
        let last = key(&format!("{n}/{}", n % 40));
        assert_eq!(bench.number(&last).await, Some(1));
    }
    assert!(
        bench.committer.batches() >= 120 * 20 / 40,
        "{}",
        bench.committer.batches()
    );
}

async fn a_lone_write_set_is_a_batch_of_its_own(database: Database) {
    let bench = Bench::open(&database).await;
    for n in 0..5 {
        bench
            .committer
            .commit(set([insert(&key(&n.to_string()))]))
            .await
            .unwrap();
        assert_eq!(bench.committer.batches(), n + 1);
    }
    // Nothing to write is nothing to wait for.
    bench.committer.commit(set([])).await.unwrap();
    assert_eq!(bench.committer.batches(), 5);
}
