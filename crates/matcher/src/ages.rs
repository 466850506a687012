//! The tickets of a pool by age: places in a ring for those who come in order, a tree for the few who do not.
//!
//! All tickets of a queue widen at the same ages, so whoever widens next is found by one cursor for each of those ages
//! that follows the ring. Nothing needs to be ordered then when a ticket comes or goes: it takes the next place, or
//! leaves its own empty.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use crate::entry::AgeKey;
use crate::pool::Slot;
use crate::prefetch::prefetch;

/// Places of a chunk: as many as a word has bits.
const CHUNK: u64 = 64;
/// Of a ring's chunks at least one in so many holds somebody; else the oldest ones move to the tree.
const CHUNKS_FOR_EACH_HELD: usize = 8;
/// Places taken of the first two chunks, if there are two.
const FIRST_MIN: u32 = 8;
/// A ring of fewer chunks is not too long.
const CHUNKS_KEPT: usize = 64;

/// Where a ticket stands in its pool's order of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Seat(u64);

/// In the tree.
pub(crate) const ASIDE: Seat = Seat(u64::MAX);

#[derive(Debug)]
struct Chunk {
    /// A bit for each place that is taken.
    taken: u64,
    slots: [Slot; CHUNK as usize],
}

impl Chunk {
    /// Who is in it, the oldest first.
    fn places(&self) -> impl Iterator<Item = Slot> + '_ {
        let mut left = self.taken;
        std::iter::from_fn(move || {
            let place = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            // Of nobody left it is a place beyond the last.
            self.slots.get(place as usize).copied()
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// Without the empty ones at the front.
    chunks: VecDeque<Option<Box<Chunk>>>,
    /// How many places of each chunk are taken: in a row, so that they are summed up without a look at each chunk.
    counts: VecDeque<u8>,
    /// The number of the first chunk.
    base: u64,
    /// The place that is given next.
    next: u64,
    /// Chunks that hold somebody.
    held: usize,
    /// Of the last who took a place.
    newest: Option<AgeKey>,
    aside: BTreeMap<AgeKey, Slot>,
    len: usize,
}

impl Ages {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many are older than this key. One byte read for each chunk, and one step for each older one of the tree.
    pub fn rank(&self, key: &AgeKey, key_of: impl Fn(Slot) -> AgeKey) -> usize {
        let is_older = |slot: &Slot| key_of(*slot) < *key;
        let (mut low, mut high) = (0, self.chunks.len());
        // Before `low` every chunk begins with somebody older, from `high` on none does.
        while low < high {
            let middle = low + (high - low) / 2;
            let counts = self.counts.range(middle..high);
            let at = counts.take_while(|count| **count == 0).count() + middle;
            let chunk = self.chunks.get(at).and_then(Option::as_deref);
            match chunk.and_then(|chunk| chunk.places().next()) {
                Some(first) if at < high && is_older(&first) => low = at + 1,
                _ => high = middle,
            }
        }
        let last = (0..low).rev().find(|at| self.counts[*at] > 0).unwrap_or(0);
        let whole = self.counts.range(..last).map(|count| usize::from(*count));
        let begun = self.chunks.get(last).and_then(Option::as_deref);
        let of_last = begun.map_or(0, |begun| begun.places().filter(is_older).count());
        let in_ring = whole.sum::<usize>() + of_last;
        self.aside.range(..key).count() + in_ring
    }

    /// Lets a ticket in.
    pub fn insert(&mut self, key: AgeKey, slot: Slot) -> Seat {
        self.len += 1;
        // After nobody anybody comes in order.
        self.newest = self.newest.filter(|_| self.len > 1);
        if self.newest.is_some_and(|newest| key < newest) {
            self.aside.insert(key, slot);
            return ASIDE;
        }
        self.newest = Some(key);
        let place = self.next;
        self.next += 1;
        if self.chunks.is_empty() {
            self.base = place / CHUNK;
        }
        let at = (place / CHUNK - self.base) as usize;
        while self.chunks.len() <= at {
            self.chunks.push_back(None);
            self.counts.push_back(0);
        }
        let held = &mut self.held;
        let chunk = self.chunks[at].get_or_insert_with(|| {
            *held += 1;
            Box::new(Chunk {
                taken: 0,
                slots: [Slot::MAX; CHUNK as usize],
            })
        });
        self.counts[at] += 1;
        chunk.taken |= 1 << (place % CHUNK);
        chunk.slots[(place % CHUNK) as usize] = slot;
        Seat(place)
    }

    /// Takes a ticket out.
    pub fn remove(&mut self, seat: Seat, key: &AgeKey) {
        self.len -= 1;
        if seat == ASIDE {
            self.aside.remove(key);
            return;
        }
        let at = (seat.0 / CHUNK).wrapping_sub(self.base) as usize;
        let Some(Some(chunk)) = self.chunks.get_mut(at) else {
            return;
        };
        self.counts[at] -= 1;
        chunk.taken &= !(1 << (seat.0 % CHUNK));
        if chunk.taken == 0 {
            self.chunks[at] = None;
            self.held -= 1;
            self.trim();
        }
    }

    /// Who is in this place will leave soon.
    pub fn expect(&self, seat: Seat) {
        let at = (seat.0 / CHUNK).wrapping_sub(self.base) as usize;
        if let Some(Some(chunk)) = self.chunks.get(at) {
            prefetch(&chunk.taken);
        }
    }

    /// Who is in a place of the ring, or was there last.
    pub fn at(&self, Seat(place): Seat) -> Option<Slot> {
        let at = (place / CHUNK).checked_sub(self.base)? as usize;
        let chunk = self.chunks.get(at)?.as_deref()?;
        Some(chunk.slots[(place % CHUNK) as usize])
    }

    fn trim(&mut self) {
        while let Some(None) = self.chunks.front() {
            self.chunks.pop_front();
            self.counts.pop_front();
            self.base += 1;
        }
    }

    /// Whether the first chunks are to be [`Ages::set_aside`]: the oldest tickets are then found in the first two and in
    /// the tree, and the ring is not long for those who are left in it.
    pub fn is_sparse(&self) -> bool {
        let Some(Some(first)) = self.chunks.front().filter(|_| self.chunks.len() > 1) else {
            return false;
        };
        let long = self.chunks.len() > CHUNKS_KEPT;
        let second = self.chunks.get(1).and_then(Option::as_deref);
        let second = second.map_or(0, |chunk| chunk.taken.count_ones());
        first.taken.count_ones() + second < FIRST_MIN
            || (long && self.chunks.len() > self.held * CHUNKS_FOR_EACH_HELD)
    }

    /// Moves the tickets of the first chunk to the tree; who they are.
    pub fn set_aside(&mut self, key_of: impl Fn(Slot) -> AgeKey) -> Vec<Slot> {
        let Some(Some(chunk)) = self.chunks.pop_front() else {
            return Vec::new();
        };
        self.counts.pop_front();
        self.base += 1;
        self.held -= 1;
        self.trim();
        let places = (0..CHUNK as usize).filter(|place| chunk.taken & (1 << place) != 0);
        let moved: Vec<Slot> = places.map(|place| chunk.slots[place]).collect();
        let keys = moved.iter().map(|&slot| (key_of(slot), slot));
        self.aside.extend(keys);
        moved
    }

    /// The next ticket in the ring from a place on, and its place.
    pub fn from(&self, Seat(place): Seat) -> Option<(Seat, Slot)> {
        let place = place.max(self.base * CHUNK);
        let mut at = (place / CHUNK - self.base) as usize;
        let mut before = place % CHUNK;
        while at < self.chunks.len() {
            if let Some(chunk) = &self.chunks[at] {
                let taken = chunk.taken & (u64::MAX << before);
                if taken != 0 {
                    let bit = u64::from(taken.trailing_zeros());
                    let seat = Seat((self.base + at as u64) * CHUNK + bit);
                    return Some((seat, chunk.slots[bit as usize]));
                }
            }
            (at, before) = (at + 1, 0);
        }
        None
    }

    /// The place that is given next.
    pub fn end(&self) -> Seat {
        Seat(self.next)
    }

    fn ring(&self) -> impl Iterator<Item = Slot> + '_ {
        self.chunks
            .iter()
            .flatten()
            .flat_map(|chunk| chunk.places())
    }

    /// Those behind a key, of the ring from a place on, the oldest first; each with the place behind it in the ring.
    pub fn behind<'a>(
        &'a self,
        (key, seat): (Option<AgeKey>, Seat),
        key_of: impl Fn(Slot) -> AgeKey + 'a,
    ) -> impl Iterator<Item = (AgeKey, Slot, Seat)> + 'a {
        let start = key.map_or(Bound::Unbounded, Bound::Excluded);
        let mut aside = self.aside.range((start, Bound::Unbounded)).peekable();
        let mut at = seat;
        std::iter::from_fn(move || {
            let ring = self.from(at).map(|(seat, slot)| (key_of(slot), slot, seat));
            let other = aside.peek().map(|&(&key, &slot)| (key, slot));
            match (ring, other) {
                (Some((key, slot, seat)), other) if other.is_none_or(|(other, _)| key < other) => {
                    at = seat.next();
                    Some((key, slot, at))
                }
                (_, Some((key, slot))) => {
                    aside.next();
                    Some((key, slot, at))
                }
                _ => None,
            }
        })
    }

    /// All of them, the oldest first.
    pub fn iter<'a>(
        &'a self,
        key_of: impl Fn(Slot) -> AgeKey + 'a,
    ) -> impl Iterator<Item = (AgeKey, Slot)> + 'a {
        let ring = self.ring().map(move |slot| (key_of(slot), slot));
        let mut ring = ring.peekable();
        let mut aside = self
            .aside
            .iter()
            .map(|(&key, &slot)| (key, slot))
            .peekable();
        std::iter::from_fn(move || match aside.peek() {
            None => ring.next(),
            Some(other) => match ring.peek() {
                Some(first) if first < other => ring.next(),
                _ => aside.next(),
            },
        })
    }
}

impl Seat {
    /// The place after this one.
    pub fn next(self) -> Seat {
        self.after(1)
    }

    /// So many places after this one.
    pub fn after(self, places: u64) -> Seat {
        Seat(self.0.saturating_add(places))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Who is in it stands in the order of age, a cursor meets everybody of the ring once, and the ring is short.
        #[test]
        fn everybody_is_found_by_age_however_they_came_and_went(
            ops in prop::collection::vec((0_u8..8, 0_usize..400), 1..1_500),
        ) {
            let (mut ages, mut reference) = (Ages::default(), BTreeMap::new());
            let (mut seats, mut keys) = (Vec::new(), Vec::new());
            let (mut cursor, mut met) = (Seat::default(), Vec::new());
            for (seq, (op, n)) in ops.into_iter().enumerate() {
                let slot = keys.len() as Slot;
                if op < 5 {
                    // One in five comes late.
                    let late = if op == 0 { n } else { 0 };
                    let key = (Timestamp((seq * 2).saturating_sub(late) as i64), seq as u64);
                    keys.push(key);
                    seats.push(ages.insert(key, slot));
                    reference.insert(key, slot);
                } else if let Some((&key, &slot)) = reference.iter().nth(n % reference.len().max(1)) {
                    ages.remove(seats[slot as usize], &key);
                    reference.remove(&key);
                    for slot in std::iter::from_fn(|| {
                        ages.is_sparse().then(|| ages.set_aside(|slot| keys[slot as usize]))
                    }).flatten() {
                        seats[slot as usize] = ASIDE;
                    }
                } else {
                    while let Some((seat, slot)) = ages.from(cursor) {
                        met.push(slot);
                        cursor = seat.next();
                    }
                    cursor = cursor.max(ages.end());
                }
                prop_assert_eq!(ages.len(), reference.len());
            }
            let found = ages.iter(|slot| keys[slot as usize]);
            prop_assert!(found.eq(reference.iter().map(|(&key, &slot)| (key, slot))));
            for (older, &key) in reference.keys().enumerate() {
                prop_assert_eq!(ages.rank(&key, |slot| keys[slot as usize]), older);
            }
            // In slices, each from where the last one ended.
            let (mut from, mut sliced) = ((None, Seat::default()), Vec::new());
            while let Some((key, slot, seat)) = {
                let mut rest = ages.behind(from, |slot| keys[slot as usize]);
                rest.next()
            } {
                sliced.push((key, slot));
                from = (Some(key), seat);
            }
            let all: Vec<_> = reference.iter().map(|(&key, &slot)| (key, slot)).collect();
            prop_assert_eq!(sliced, all);
            prop_assert!(met.is_sorted());
            for &slot in reference.values() {
                let seat = seats[slot as usize];
                prop_assert!(seat == ASIDE || seat >= cursor || met.contains(&slot));
            }
            let in_ring = reference.values().filter(|&&slot| seats[slot as usize] != ASIDE);
            let in_ring = in_ring.count();
            prop_assert!(ages.chunks.len() <= CHUNKS_KEPT.max(ages.held * CHUNKS_FOR_EACH_HELD));
            prop_assert!(ages.held <= in_ring.max(1));
        }
    }
}
