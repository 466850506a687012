//! Records in memory that one writer at a time takes, changes in the store and puts back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A record with the number that it has in the store.
#[derive(Debug, Clone)]
pub(crate) struct Record<V> {
    pub(crate) value: Arc<V>,
    pub(crate) number: i64,
    busy: bool,
}

/// Live records by id. Taking one marks it busy; dropping the guard frees it and wakes who waits.
pub(crate) struct Records<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    map: Mutex<HashMap<K, Record<V>>>,
    freed: Notify,
}

/// A record that nobody else may write until this is dropped.
pub(crate) struct Taken<K: Eq + Hash + Copy, V> {
    inner: Arc<Inner<K, V>>,
    pub(crate) key: K,
    pub(crate) value: Arc<V>,
    pub(crate) number: i64,
}

/// What came of an attempt to take a record.
pub(crate) enum Take<K: Eq + Hash + Copy, V> {
    Taken(Taken<K, V>),
    Busy,
    Absent,
}

impl<K: Eq + Hash + Copy + Debug, V> Records<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                map: Mutex::default(),
                freed: Notify::new(),
            }),
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<K, Record<V>>> {
        self.inner.map()
    }

    /// The record as it was last committed.
    pub(crate) fn get(&self, key: K) -> Option<Record<V>>
    where
        V: Clone,
    {
        self.map().get(&key).cloned()
    }

    /// Notes a record that the store has, new or reloaded; keeps whether it is taken.
    pub(crate) fn put(&self, key: K, value: Arc<V>, number: i64) {
        self.put_all([(key, value, number)]);
    }

    /// [`Records::put`] of several, one after the other.
    pub(crate) fn put_all(&self, records: impl IntoIterator<Item = (K, Arc<V>, i64)>) {
        let mut map = self.map();
        for (key, value, number) in records {
            match map.entry(key) {
                Entry::Occupied(known) => {
                    let known = known.into_mut();
                    (known.value, known.number) = (value, number);
                }
                Entry::Vacant(place) => {
                    let busy = false;
                    place.insert(Record {
                        value,
                        number,
                        busy,
                    });
                }
            }
        }
    }

    pub(crate) fn remove(&self, key: K) {
        self.map().remove(&key);
        self.inner.freed.notify_waiters();
    }

    /// Takes a record if it is there and free.
    pub(crate) fn try_take(&self, key: K) -> Take<K, V> {
        match self.map().get_mut(&key) {
            None => Take::Absent,
            Some(record) if record.busy => Take::Busy,
            Some(record) => {
                record.busy = true;
                Take::Taken(Taken {
                    inner: self.inner.clone(),
                    key,
                    value: record.value.clone(),
                    number: record.number,
                })
            }
        }
    }

    /// Takes a record, waiting for whoever has it; `None` if it is not there.
    ///
    /// Who takes several takes them in order of their keys, and game servers before tickets.
    pub(crate) async fn take(&self, key: K) -> Option<Taken<K, V>> {
        loop {
            let freed = self.inner.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.try_take(key) {
                Take::Taken(taken) => return Some(taken),
                Take::Absent => return None,
                Take::Busy => freed.await,
            }
        }
    }

    /// A snapshot of all records, in no order.
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        #[expect(clippy::iter_over_hash_type, reason = "callers sort or count")]
        fn collect<K, V>(map: &HashMap<K, Record<V>>) -> Vec<Arc<V>> {
            let mut values = Vec::with_capacity(map.len());
            for record in map.values() {
                values.push(record.value.clone());
            }
            values
        }
        collect(&self.map())
    }
}

impl<K, V> Inner<K, V> {
    fn map(&self) -> MutexGuard<'_, HashMap<K, Record<V>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy, V> Taken<K, V> {
    /// Notes what the store has now.
    pub(crate) fn committed(&mut self, value: Arc<V>, number: i64) {
        self.value = value.clone();
        self.number = number;
        if let Some(record) = self.inner.map().get_mut(&self.key) {
            record.value = value;
            record.number = number;
        }
    }
}

impl<K: Eq + Hash + Copy, V> Drop for Taken<K, V> {
    fn drop(&mut self) {
        if let Some(record) = self.inner.map().get_mut(&self.key) {
            record.busy = false;
        }
        self.inner.freed.notify_waiters();
    }
}
