//! Tickets that are to be searched for anew, the oldest first, and how many of each queue there are.

use std::collections::BTreeMap;

use crate::entry::AgeKey;
use crate::pool::Slot;

/// See the module. Some may have gone meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Where each is and of which queue.
    all: BTreeMap<AgeKey, (Slot, u32)>,
    /// Of queues that have any.
    of_queue: BTreeMap<u32, usize>,
}

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn contains(&self, age: AgeKey) -> bool {
        self.all.contains_key(&age)
    }

    /// Whether a queue has any.
    pub fn has(&self, queue: u32) -> bool {
        self.of_queue.contains_key(&queue)
    }

    pub fn first(&self) -> Option<(AgeKey, Slot)> {
        self.iter().next()
    }

    pub fn iter(&self) -> impl Iterator<Item = (AgeKey, Slot)> + '_ {
        self.all.iter().map(|(&age, &(slot, _))| (age, slot))
    }

    /// Notes some tickets of a queue. O(those x log all): few come at a time, or all of a queue.
    pub fn extend(&mut self, queue: u32, some: impl IntoIterator<Item = (AgeKey, Slot)>) {
        for (age, slot) in some {
            self.insert(queue, age, slot);
        }
    }

    pub fn insert(&mut self, queue: u32, age: AgeKey, slot: Slot) {
        if self.all.insert(age, (slot, queue)).is_none() {
            *self.of_queue.entry(queue).or_default() += 1;
        }
    }

    pub fn remove(&mut self, age: AgeKey) {
        let Some((_, queue)) = self.all.remove(&age) else {
            return;
        };
        if let Some(left) = self.of_queue.get_mut(&queue) {
            *left -= 1;
            if *left == 0 {
                self.of_queue.remove(&queue);
            }
        }
    }
}
