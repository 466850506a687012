//! Documents in memory: one slot for each id, locked while a write of it is under way.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Shards of the map, so that cores seldom wait for each other.
const SHARDS: usize = 64;
/// Slots kept at most in one shard; beyond it those that nobody holds are let go.
const SLOTS_MAX: usize = 4_096;

/// A slot: `None` means that the document has to be loaded.
pub(crate) type Slot<V> = Arc<AsyncMutex<Option<V>>>;

/// Documents by id. Locking a slot waits for the write that is under way; the map itself never waits.
pub(crate) struct Slots<K, V> {
    shards: Vec<Mutex<HashMap<K, Slot<V>>>>,
    hasher: RandomState,
}

impl<K: Hash + Eq + Copy, V> Slots<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    fn shard(&self, key: K) -> std::sync::MutexGuard<'_, HashMap<K, Slot<V>>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The locked slot of `key`; made if it is not there.
    pub(crate) async fn lock(&self, key: K) -> OwnedMutexGuard<Option<V>> {
        let slot = {
            let mut shard = self.shard(key);
            if shard.len() >= SLOTS_MAX && !shard.contains_key(&key) {
                metrics::counter!("muster_cache_evictions_total").increment(1);
                shard.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            shard.entry(key).or_default().clone()
        };
        slot.lock_owned().await
    }

    /// Lets go of a document that has ended, unless somebody waits for it.
    pub(crate) fn forget(&self, key: K) {
        let mut shard = self.shard(key);
        if shard
            .get(&key)
            .is_some_and(|slot| Arc::strong_count(slot) <= 2)
        {
            shard.remove(&key);
        }
    }
}
