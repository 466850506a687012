//! What both databases must do alike; stamped on each.

use std::collections::BTreeMap;

use model::{Millis, Namespace, SessionId, Timestamp};
use store::{CommitError, Item, Key, Kind, LeaseError, Row};
use uuid::Uuid;

use crate::support::*;

/// Stamps functions that take a [`Database`] as tests of the databases that `support::$make` makes.
macro_rules! store_conformance {
    ($make:ident: $($test:ident),* $(,)?) => {
        mod $make {
            $(
                #[tokio::test]
                async fn $test() {
                    let name = concat!(stringify!($make), "::", stringify!($test));
                    if let Some(database) = crate::support::$make(name).await {
                        super::$test(database).await;
                    }
                }
            )*
        }
    };
}

macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        store_conformance!(sqlite: $($test),*);
        store_conformance!(postgres: $($test),*);
    };
}

on_both!(
    what_is_put_is_read_again_after_reopening,
    a_put_at_another_number_loses_and_changes_nothing,
    a_new_row_must_not_exist_yet,
    a_check_holds_the_whole_set,
    bumps_commute_and_make_the_row,
    a_deleted_row_is_gone_and_may_be_made_again,
    a_claim_has_one_holder_until_it_is_freed,
    a_claim_of_an_ended_or_absent_holder_is_free,
    a_claim_changes_hands_in_one_set,
    sets_of_one_batch_see_each_other_in_order,
    due_rows_of_a_namespace_come_oldest_first_over_all_shards,
    a_session_comes_with_its_members,
    a_parent_lists_what_has_not_ended_page_by_page,
    a_player_finds_his_rows,
    a_scan_reads_every_living_row_of_a_kind_once,
    a_lease_has_one_holder_and_a_growing_epoch,
    the_clock_does_not_run_backwards_over_a_restart,
    the_epoch_survives_reopening_but_not_renewal,
    what_is_too_large_or_malformed_is_refused_at_the_door,
    texts_survive_whatever_they_contain,
    after_shutdown_everything_is_answered,
);

async fn what_is_put_is_read_again_after_reopening(database: Database) {
    let full = Row {
        due: Some(Timestamp(7)),
        ended: true,
        parent: Some("queue".into()),
        player: Some("ann".into()),
        ..row(&key("a"), 3)
    };
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([put(full.clone(), None)]))
        .await
        .unwrap();
    bench.close().await;
    let bench = Bench::open(&database).await;
    let found = bench
        .store
        .get(&[key("b"), key("a"), key("a")])
        .await
        .unwrap();
    assert_eq!(found, [None, Some(full.clone()), Some(full.clone())]);
    // Each of the other columns can change, and back to nothing.
    let plain = row(&key("a"), 4);
    bench
        .committer
        .commit(set([put(plain.clone(), Some(3))]))
        .await
        .unwrap();
    assert_eq!(bench.one(&key("a")).await, Some(plain));
    let full = Row { number: 5, ..full };
    bench
        .committer
        .commit(set([put(full.clone(), Some(4))]))
        .await
        .unwrap();
    assert_eq!(bench.one(&key("a")).await, Some(full));
}

async fn a_put_at_another_number_loses_and_changes_nothing(database: Database) {
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let late = set([put(row(&key("a"), 9), Some(4)), insert(&key("b"))]);
    let lost = bench.committer.commit(late).await;
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys: vec![key("a")],
            claims: vec![]
        })
    );
    assert_eq!(bench.number(&key("a")).await, Some(1));
    assert_eq!(bench.number(&key("b")).await, None);
}

async fn a_new_row_must_not_exist_yet(database: Database) {
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let lost = bench.committer.commit(set([insert(&key("a"))])).await;
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys: vec![key("a")],
            claims: vec![]
        })
    );
    let absent = set([put(row(&key("b"), 3), Some(2))]);
    let lost = bench.committer.commit(absent).await;
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys: vec![key("b")],
            claims: vec![]
        })
    );
}

async fn a_check_holds_the_whole_set(database: Database) {
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let check = |id: &str, expected| Item::Check {
        key: key(id),
        expected,
    };
    let holds = set([check("a", Some(1)), check("b", None), insert(&key("c"))]);
    bench.committer.commit(holds).await.unwrap();
    let fails = set([check("a", Some(2)), check("c", None), insert(&key("d"))]);
    let lost = bench.committer.commit(fails).await;
    let keys = {
        let mut keys = vec![key("a"), key("c")];
        keys.sort();
        keys
    };
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys,
            claims: vec![]
        })
    );
    assert_eq!(
        bench.number(&key("a")).await,
        Some(1),
        "a check writes nothing"
    );
    assert_eq!(bench.number(&key("d")).await, None);
}

async fn bumps_commute_and_make_the_row(database: Database) {
    let bench = Bench::open(&database).await;
    let player = Key::new(&ns(), Kind::Player, "ann");
    let bump = || Item::Bump {
        key: player.clone(),
    };
    let all = (0..50).map(|_| bench.committer.commit(set([bump(), bump()])));
    for outcome in futures_util::future::join_all(all).await {
        outcome.unwrap();
    }
    assert_eq!(bench.number(&player).await, Some(100));
    // A bump beside a put counts on top of it, whatever their order.
    bench
        .committer
        .commit(set([bump(), put(row(&player, 200), Some(100))]))
        .await
        .unwrap();
    let stored = bench.one(&player).await.unwrap();
    assert_eq!((stored.number, stored.body.as_str()), (201, "{\"n\":200}"));
    bench.committer.commit(set([bump()])).await.unwrap();
    assert_eq!(
        bench.one(&player).await.unwrap(),
        Row {
            number: 202,
            ..stored
        }
    );
}

async fn a_deleted_row_is_gone_and_may_be_made_again(database: Database) {
    let bench = Bench::open(&database).await;
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let delete = |expected| {
        set([Item::Delete {
            key: key("a"),
            expected,
        }])
    };
    let conflict = Err(CommitError::Conflict {
        keys: vec![key("a")],
        claims: vec![],
    });
    assert_eq!(bench.committer.commit(delete(7)).await, conflict);
    bench.committer.commit(delete(1)).await.unwrap();
    assert_eq!(bench.number(&key("a")).await, None);
    assert_eq!(bench.committer.commit(delete(1)).await, conflict);
    bench
        .committer
        .commit(set([put(row(&key("a"), 5), None)]))
        .await
        .unwrap();
    assert_eq!(bench.number(&key("a")).await, Some(5));
}

async fn a_claim_has_one_holder_until_it_is_freed(database: Database) {
    let bench = Bench::open(&database).await;
    let (a, b) = (key("a"), key("b"));
    bench
        .committer
        .commit(set([insert(&a), claim("ann", &a)]))
        .await
        .unwrap();
    bench
        .committer
        .commit(set([claim("ann", &a)]))
        .await
        .unwrap();
    let lost = bench
        .committer
        .commit(set([insert(&b), claim("ann", &b)]))
        .await;
    let claims = vec![(claim_key("ann"), a.clone())];
    assert_eq!(
        lost,
        Err(CommitError::Conflict {
            keys: vec![],
            claims
        })
    );
    assert_eq!(
        bench.number(&b).await,
        None,
        "the row beside the claim is not written either"
    );
    // Who does not hold it cannot free it.
    bench
        .committer
        .commit(set([free("ann", &b)]))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        Some(a.clone())
    );
    bench
        .committer
        .commit(set([free("ann", &a)]))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        None
    );
    bench
        .committer
        .commit(set([insert(&b), claim("ann", &b)]))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        Some(b)
    );
}

async fn a_claim_of_an_ended_or_absent_holder_is_free(database: Database) {
    let bench = Bench::open(&database).await;
    let (a, b, c) = (key("a"), key("b"), key("c"));
    bench
        .committer
        .commit(set([insert(&a), claim("ann", &a)]))
        .await
        .unwrap();
    let ended = Row {
        ended: true,
        ..row(&a, 2)
    };
    bench
        .committer
        .commit(set([put(ended, Some(1))]))
        .await
        .unwrap();
    bench
        .committer
        .commit(set([insert(&b), claim("ann", &b)]))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        Some(b.clone())
    );
    bench
        .committer
        .commit(set([Item::Delete {
            key: b,
            expected: 1,
        }]))
        .await
        .unwrap();
    bench
        .committer
        .commit(set([insert(&c), claim("ann", &c)]))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        Some(c)
    );
}

async fn a_claim_changes_hands_in_one_set(database: Database) {
    let bench = Bench::open(&database).await;
    let (a, b, c) = (key("a"), key("b"), key("c"));
    bench
        .committer
        .commit(set([insert(&a), claim("ann", &a)]))
        .await
        .unwrap();
    let handed = set([insert(&b), claim("ann", &b), free("ann", &a)]);
    bench.committer.commit(handed).await.unwrap();
    let ended = Row {
        ended: true,
        ..row(&b, 2)
    };
    let taken = set([claim("ann", &c), insert(&c), put(ended, Some(1))]);
    bench.committer.commit(taken).await.unwrap();
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        Some(c)
    );
}

async fn sets_of_one_batch_see_each_other_in_order(database: Database) {
    let bench = Bench::open(&database).await;
    let a = key("a");
    let steps = [
        set([insert(&a), claim("ann", &a)]),
        set([put(row(&a, 2), Some(1))]),
        set([put(row(&a, 9), Some(1))]),
        set([
            Item::Delete {
                key: a.clone(),
                expected: 2,
            },
            free("ann", &a),
        ]),
        set([put(row(&a, 4), None)]),
    ];
    let all = steps.into_iter().map(|step| bench.committer.commit(step));
    let outcomes = futures_util::future::join_all(all).await;
    let conflict = Err(CommitError::Conflict {
        keys: vec![a.clone()],
        claims: vec![],
    });
    assert_eq!(outcomes, [Ok(()), Ok(()), conflict, Ok(()), Ok(())]);
    assert_eq!(bench.number(&a).await, Some(4));
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key("ann"))
            .await
            .unwrap(),
        None
    );
}

async fn due_rows_of_a_namespace_come_oldest_first_over_all_shards(database: Database) {
    let bench = Bench::open(&database).await;
    let store = &bench.store;
    let other: Namespace = "other".parse().unwrap();
    assert_eq!(store.next_due(&ns()).await.unwrap(), None);
    // What is due first is another's, and more than is asked for.
    for at in 0..100_i64 {
        let scattered = (at * 37) % 100;
        let namespace = if scattered < 30 { &other } else { &ns() };
        let key = Key::new(namespace, Kind::Ticket, format!("t{scattered}"));
        let written = due(row(&key, 1), 1_000 + scattered);
        bench
            .committer
            .commit(set([put(written, None)]))
            .await
            .unwrap();
    }
    bench
        .committer
        .commit(set([insert(&key("never"))]))
        .await
        .unwrap();
    for (namespace, own) in [(&other, 1_000..1_030), (&ns(), 1_030..1_100)] {
        let due_at = async |now: i64, limit: usize| {
            let rows = store.due(namespace, Timestamp(now), limit).await.unwrap();
            rows.iter().map(|row| row.due.unwrap().0).collect()
        };
        let next = store.next_due(namespace).await.unwrap();
        assert_eq!(next, Some(Timestamp(own.start)));
        let found: Vec<i64> = due_at(own.start - 1, 10).await;
        assert!(found.is_empty(), "{found:?}");
        let found: Vec<i64> = due_at(own.start + 19, 1_000).await;
        assert_eq!(found, (own.start..own.start + 20).collect::<Vec<_>>());
        let found: Vec<i64> = due_at(5_000, 7).await;
        assert_eq!(found, (own.start..own.start + 7).collect::<Vec<_>>());
        let found: Vec<i64> = due_at(5_000, 1_000).await;
        assert_eq!(found, own.collect::<Vec<_>>());
    }
}

async fn a_session_comes_with_its_members(database: Database) {
    let bench = Bench::open(&database).await;
    let session = SessionId(Uuid::from_u128(77));
    let header = Key::new(&ns(), Kind::Session, session);
    let member = |index: u32| {
        let text = session.to_string();
        let key = Key::beside(&ns(), Kind::Member, format!("{text}/{index:010}"), &text);
        Row {
            parent: Some(text),
            player: Some(format!("p{index}")),
            ..row(&key, 1)
        }
    };
    assert_eq!(bench.store.session(&ns(), session).await.unwrap(), None);
    let written = set([
        put(member(11), None),
        put(row(&header, 1), None),
        put(member(2), None),
        insert(&key("someone-else")),
    ]);
    bench.committer.commit(written).await.unwrap();
    let found = bench.store.session(&ns(), session).await.unwrap();
    assert_eq!(found, Some((row(&header, 1), vec![member(2), member(11)])));
    let other = "other".parse().unwrap();
    assert_eq!(bench.store.session(&other, session).await.unwrap(), None);
}

async fn a_parent_lists_what_has_not_ended_page_by_page(database: Database) {
    let bench = Bench::open(&database).await;
    for n in 0..30 {
        let key = Key::new(&ns(), Kind::Ticket, format!("t{n:02}"));
        let parent = if n % 2 == 0 { "ranked" } else { "casual" };
        let row = Row {
            parent: Some(parent.into()),
            ended: n % 10 == 0,
            ..row(&key, 1)
        };
        bench.committer.commit(set([put(row, None)])).await.unwrap();
    }
    let mut found = Vec::new();
    loop {
        let after = found.last().cloned();
        let page = bench
            .store
            .by_parent(&ns(), Kind::Ticket, "ranked", after.as_deref(), 5)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|row| row.key.id));
    }
    let expected: Vec<String> = (0..30)
        .filter(|n| n % 2 == 0 && n % 10 != 0)
        .map(|n| format!("t{n:02}"))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        bench
            .store
            .by_parent(&ns(), Kind::Member, "ranked", None, 5)
            .await
            .unwrap(),
        []
    );
    // Of parents those that have somebody left, each once.
    let over = Key::new(&ns(), Kind::Ticket, "over");
    let over = Row {
        parent: Some("empty".into()),
        ended: true,
        ..row(&over, 1)
    };
    bench
        .committer
        .commit(set([put(over, None)]))
        .await
        .unwrap();
    let parents = bench.store.parents(&ns(), Kind::Ticket).await.unwrap();
    assert_eq!(parents, ["casual", "ranked"]);
    let none = bench.store.parents(&ns(), Kind::Member).await.unwrap();
    assert_eq!(none, [""; 0]);
}

async fn a_player_finds_his_rows(database: Database) {
    let bench = Bench::open(&database).await;
    for (id, player) in [("s1/1", "ann"), ("s2/1", "bob"), ("s3/1", "ann")] {
        let key = Key::new(&ns(), Kind::Member, id);
        let row = Row {
            player: Some(player.into()),
            ..row(&key, 1)
        };
        bench.committer.commit(set([put(row, None)])).await.unwrap();
    }
    let found = bench
        .store
        .by_player(&ns(), &"ann".parse().unwrap())
        .await
        .unwrap();
    let mut ids: Vec<_> = found.into_iter().map(|row| row.key.id).collect();
    ids.sort();
    assert_eq!(ids, ["s1/1", "s3/1"]);
    assert_eq!(
        bench
            .store
            .by_player(&ns(), &"eve".parse().unwrap())
            .await
            .unwrap(),
        []
    );
}

async fn a_scan_reads_every_living_row_of_a_kind_once(database: Database) {
    let bench = Bench::open(&database).await;
    let other: Namespace = "other".parse().unwrap();
    let mut expected = BTreeMap::from([(ns(), Vec::new()), (other.clone(), Vec::new())]);
    // Several of them share a shard, so that pages end within one.
    for n in 0..600 {
        let namespace = if n % 4 == 0 { &other } else { &ns() };
        let kind = if n % 5 == 0 {
            Kind::Member
        } else {
            Kind::Session
        };
        let key = Key::new(namespace, kind, format!("x{n}"));
        let row = Row {
            ended: n % 7 == 0,
            ..row(&key, 1)
        };
        bench
            .committer
            .commit(set([put(row.clone(), None)]))
            .await
            .unwrap();
        if kind == Kind::Session && !row.ended {
            expected.get_mut(namespace).unwrap().push(key);
        }
    }
    for (namespace, mut expected) in expected {
        expected.sort();
        let mut found: Vec<Key> = Vec::new();
        loop {
            let page = bench
                .store
                .scan(&namespace, Kind::Session, found.last(), 6)
                .await
                .unwrap();
            assert!(page.len() <= 6);
            if page.is_empty() {
                break;
            }
            found.extend(page.into_iter().map(|row| row.key));
        }
        assert_eq!(found, expected);
    }
}

async fn a_lease_has_one_holder_and_a_growing_epoch(database: Database) {
    let bench = Bench::open(&database).await;
    let store = &bench.store;
    let long = Millis::seconds(600);
    let first = store.acquire_lease("all", "one", long).await.unwrap();
    match store.acquire_lease("all", "two", long).await {
        Err(LeaseError::Held { holder, expires_in }) => {
            assert_eq!(holder, "one");
            assert!(
                expires_in > Millis::seconds(500) && expires_in <= long,
                "{expires_in}"
            );
        }
        other => panic!("{other:?}"),
    }
    let renewed = store.renew_lease(&first, long).await.unwrap();
    assert_eq!(renewed.epoch, first.epoch);
    assert!(renewed.expires >= first.expires);
    // An expired one is anybody's, and the old holder learns of it.
    store.renew_lease(&first, Millis(0)).await.unwrap();
    let second = store.acquire_lease("all", "two", long).await.unwrap();
    assert!(second.epoch > first.epoch);
    match store.renew_lease(&first, long).await {
        Err(LeaseError::Lost { holder }) => assert_eq!(holder, "two"),
        other => panic!("{other:?}"),
    }
    // The old holder's release does nothing; the holder's does.
    store.release_lease(&first).await.unwrap();
    assert!(store.acquire_lease("all", "one", long).await.is_err());
    store.release_lease(&second).await.unwrap();
    let third = store.acquire_lease("all", "one", long).await.unwrap();
    assert!(third.epoch > second.epoch);
    // The same holder takes its own back at once, as after a crash.
    let fourth = store.acquire_lease("all", "one", long).await.unwrap();
    assert!(fourth.epoch > third.epoch);
}

async fn the_clock_does_not_run_backwards_over_a_restart(database: Database) {
    let bench = Bench::open(&database).await;
    let before = bench.store.now().await.unwrap();
    bench
        .committer
        .commit(set([insert(&key("a"))]))
        .await
        .unwrap();
    let after = bench.store.now().await.unwrap();
    assert!(after >= before && before.0 > 1_600_000_000_000);
    bench.close().await;
    let bench = Bench::open(&database).await;
    assert!(bench.store.now().await.unwrap() >= after);
}

async fn the_epoch_survives_reopening_but_not_renewal(database: Database) {
    let bench = Bench::open(&database).await;
    let epoch = bench.store.epoch().await.unwrap();
    bench.close().await;
    let bench = Bench::open(&database).await;
    assert_eq!(bench.store.epoch().await.unwrap(), epoch);
    let renewed = bench.store.renew_epoch().await.unwrap();
    assert_ne!(renewed, epoch);
    assert_eq!(bench.store.epoch().await.unwrap(), renewed);
    bench.store.migrate(0).await.unwrap();
    bench.store.migrate(store::migrate::newest()).await.unwrap();
    assert_ne!(bench.store.epoch().await.unwrap(), renewed);
}

async fn what_is_too_large_or_malformed_is_refused_at_the_door(database: Database) {
    let bench = Bench::open(&database).await;
    let commit = |items| bench.committer.commit(store::WriteSet { items });
    let body = |kind, bytes| {
        let key = Key::new(&ns(), kind, "a");
        put(
            Row {
                body: "x".repeat(bytes),
                ..row(&key, 1)
            },
            None,
        )
    };
    assert_eq!(
        commit(vec![body(Kind::Member, 5_121)]).await,
        Err(CommitError::TooLarge)
    );
    assert_eq!(
        commit(vec![body(Kind::Session, 65_537)]).await,
        Err(CommitError::TooLarge)
    );
    assert_eq!(
        commit(vec![insert(&key(&"i".repeat(201)))]).await,
        Err(CommitError::TooLarge)
    );
    let many = (0..1_001).map(|n| insert(&key(&n.to_string()))).collect();
    assert_eq!(commit(many).await, Err(CommitError::TooLarge));
    let refused = |outcome| {
        assert!(
            matches!(outcome, Err(CommitError::Refused(_))),
            "{outcome:?}"
        )
    };
    let nul = Row {
        body: "a\0b".into(),
        ..row(&key("a"), 1)
    };
    refused(commit(vec![put(nul, None)]).await);
    refused(commit(vec![insert(&key("a\0b"))]).await);
    refused(commit(vec![put(row(&key("a"), 3), Some(3))]).await);
    refused(commit(vec![insert(&key("a")), insert(&key("a"))]).await);
    assert_eq!(bench.number(&key("a")).await, None);
    // The very limits are allowed.
    let id = "i".repeat(200);
    commit(vec![
        insert(&key(&id)),
        body(Kind::Member, 5_120),
        body(Kind::Session, 65_536),
    ])
    .await
    .unwrap();
    let many = (0..1_000).map(|n| insert(&key(&n.to_string()))).collect();
    commit(many).await.unwrap();
    assert_eq!(bench.number(&key("999")).await, Some(1));
}

async fn texts_survive_whatever_they_contain(database: Database) {
    let bench = Bench::open(&database).await;
    let odd = "'\"\\ \u{1} \u{7f} \u{fffd} \u{1f600} {}[]%_$1 ?1 NULL";
    let key = Key::new(&ns(), Kind::Ticket, odd);
    let written = Row {
        body: odd.into(),
        parent: Some(odd.into()),
        player: Some(odd.into()),
        ..row(&key, 1)
    };
    let taken = set([put(written.clone(), None), claim(odd, &key)]);
    bench.committer.commit(taken).await.unwrap();
    assert_eq!(bench.one(&key).await, Some(written.clone()));
    assert_eq!(
        bench
            .store
            .claim_holder(&ns(), &claim_key(odd))
            .await
            .unwrap(),
        Some(key.clone())
    );
    let again = Row {
        number: 2,
        ..written
    };
    bench
        .committer
        .commit(set([put(again.clone(), Some(1)), free(odd, &key)]))
        .await
        .unwrap();
    assert_eq!(bench.one(&key).await, Some(again));
}

async fn after_shutdown_everything_is_answered(database: Database) {
    let bench = Bench::open(&database).await;
    let handle = bench.committer.clone();
    let all = (0..200).map(|n| {
        let handle = handle.clone();
        async move { handle.commit(set([insert(&key(&n.to_string()))])).await }
    });
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(all), async {
        tokio::task::yield_now().await;
        bench.committer.clone().shutdown().await;
    });
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let written = bench.number(&key(&n.to_string())).await.is_some();
        assert_eq!(outcome.is_ok(), written, "{n}: {outcome:?}");
    }
    let late = bench.committer.commit(set([insert(&key("late"))])).await;
    assert!(matches!(late, Err(CommitError::Unavailable(_))), "{late:?}");
    bench.tasks.close();
    bench.tasks.wait().await;
}
