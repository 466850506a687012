//! Law: whatever is committed at once, in any mixture, equals a naive model that applies one set after the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use model::{Namespace, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{ClaimKey, CommitError, Item, Key, Kind, Row, WriteSet};

use crate::support::*;

on_both!(any_write_sets_equal_the_naive_model);

#[derive(Debug, Default, Clone, PartialEq)]
struct Model {
    rows: BTreeMap<Key, Row>,
    claims: BTreeMap<String, Key>,
}

impl Model {
    /// The keys that lose, or everything applied.
    fn apply(&mut self, set: &WriteSet) -> Result<(), Vec<Key>> {
        let number = |key: &Key| self.rows.get(key).map(|row| row.number);
        let mut lost = Vec::new();
        for item in &set.items {
            match item {
                Item::Put { row, expected } if number(&row.key) != *expected => {
                    lost.push(row.key.clone());
                }
                Item::Delete { key, expected } if number(key) != Some(*expected) => {
                    lost.push(key.clone());
                }
                Item::Check { key, expected } if number(key) != *expected => lost.push(key.clone()),
                _ => {}
            }
        }
        lost.sort();
        let mut after = self.clone();
        after.write_rows(set);
        let mut taken = false;
        for item in &set.items {
            if let Item::Free { claim, holder } = item
                && after.claims.get(&claim.key) == Some(holder)
            {
                after.claims.remove(&claim.key);
            }
        }
        for item in &set.items {
            let Item::Claim { claim, holder } = item else {
                continue;
            };
            if let Some(current) = after.claims.get(&claim.key) {
                let live = after.rows.get(current).is_some_and(|row| !row.ended);
                taken |= current != holder && live;
            }
            after.claims.insert(claim.key.clone(), holder.clone());
        }
        if taken || !lost.is_empty() {
            return Err(lost);
        }
        *self = after;
        Ok(())
    }

    fn write_rows(&mut self, set: &WriteSet) {
        for item in &set.items {
            match item {
                Item::Put { row, .. } => drop(self.rows.insert(row.key.clone(), row.clone())),
                Item::Delete { key, .. } => drop(self.rows.remove(key)),
                _ => {}
            }
        }
        for item in &set.items {
            if let Item::Bump { key } = item {
                let fresh = || Row {
                    body: "{}".into(),
                    ..row(key, 0)
                };
                self.rows.entry(key.clone()).or_insert_with(fresh).number += 1;
            }
        }
    }
}

/// A write set before it has its namespace: small numbers that stand for keys and values.
#[derive(Debug, Clone)]
struct Draft {
    kind: u8,
    key: u8,
    name: u8,
    number: i64,
    flags: u8,
}

fn drafts() -> impl Strategy<Value = Vec<Vec<Vec<Draft>>>> {
    let draft = (0_u8..9, 0_u8..5, 0_u8..3, 0_i64..4, any::<u8>()).prop_map(
        |(kind, key, name, number, flags)| Draft {
            kind,
            key,
            name,
            number,
            flags,
        },
    );
    let set = prop::collection::vec(draft, 1..5);
    // Groups are committed at once and thus become batches.
    prop::collection::vec(prop::collection::vec(set, 1..20), 1..4)
}

fn build(namespace: &Namespace, drafts: &[Draft]) -> WriteSet {
    let mut set = WriteSet::default();
    for draft in drafts {
        set.items.push(item(namespace, draft));
        if set.check().is_err() {
            set.items.pop();
        }
    }
    set
}

fn item(namespace: &Namespace, draft: &Draft) -> Item {
    let key = Key::new(namespace, Kind::Session, draft.key);
    let claim = ClaimKey {
        kind: "name",
        key: draft.name.to_string(),
    };
    let expected = (draft.number > 0).then_some(draft.number);
    let flag = |bit: u8| draft.flags & (1 << bit) != 0;
    match draft.kind {
        0..=3 => Item::Put {
            row: Row {
                due: flag(0).then_some(Timestamp(i64::from(draft.name))),
                ended: flag(1) && flag(2),
                parent: flag(3).then(|| "parent".into()),
                player: flag(4).then(|| "player".into()),
                body: draft.flags.to_string(),
                ..row(&key, draft.number + 1)
            },
            expected,
        },
        4 => Item::Delete {
            key,
            expected: draft.number,
        },
        5 => Item::Check { key, expected },
        6 => Item::Bump { key },
        7 => Item::Claim { claim, holder: key },
        _ => Item::Free { claim, holder: key },
    }
}

async fn any_write_sets_equal_the_naive_model(database: Database) {
    static CASE: AtomicU64 = AtomicU64::new(0);
    let bench = Bench::open(&database).await;
    let runtime = tokio::runtime::Handle::current();
    // The cases run beside the runtime that the committer runs on.
    let law = tokio::task::spawn_blocking(move || {
        let config = Config {
            cases: 150,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(config)
            .run(&drafts(), |groups| {
                let case = CASE.fetch_add(1, Ordering::Relaxed);
                let namespace: Namespace = format!("case-{case}").parse().unwrap();
                runtime.block_on(compare(&bench, &namespace, &groups))
            })
            .unwrap();
    });
    law.await.unwrap();
}

async fn compare(
    bench: &Bench,
    namespace: &Namespace,
    groups: &[Vec<Vec<Draft>>],
) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for group in groups {
        let sets: Vec<WriteSet> = group
            .iter()
            .map(|drafts| build(namespace, drafts))
            .collect();
        let outcomes = join_all(sets.iter().map(|set| bench.committer.commit(set.clone()))).await;
        for (set, outcome) in sets.iter().zip(outcomes) {
            let outcome = outcome.map_err(|error| match error {
                CommitError::Conflict { keys, .. } => keys,
                other => panic!("{other:?} for {set:?}"),
            });
            prop_assert_eq!(outcome, model.apply(set), "{:?}", set);
        }
        let keys: Vec<Key> = (0..5)
            .map(|key| Key::new(namespace, Kind::Session, key))
            .collect();
        let stored = bench.store.get(&keys).await.unwrap();
        let expected: Vec<_> = keys
            .iter()
            .map(|key| model.rows.get(key).cloned())
            .collect();
        prop_assert_eq!(stored, expected);
        for name in 0..3 {
            let claim = ClaimKey {
                kind: "name",
                key: name.to_string(),
            };
            let holder = bench.store.claim_holder(namespace, &claim).await.unwrap();
            prop_assert_eq!(holder.as_ref(), model.claims.get(&claim.key), "{:?}", claim);
        }
    }
    Ok(())
}
