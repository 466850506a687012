//! Slots by ticket identifier: an open table of eight bytes a place, as the identifiers themselves stand in the entries.

use model::TicketId;

use crate::pool::Slot;
use crate::prefetch::prefetch;

/// No slot has the highest number.
const EMPTY: u64 = u64::MAX;
/// Places of the first table.
const PLACES_MIN: usize = 16;

/// See the module. A place holds 32 bits of the identifier's hash, then the slot.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    places: Vec<u64>,
    len: usize,
}

fn hash(id: TicketId) -> u32 {
    let bits = id.0.as_u128();
    (crate::matcher::mix(bits as u64 ^ crate::matcher::mix((bits >> 64) as u64)) >> 32) as u32
}

fn place(hash: u32, slot: Slot) -> u64 {
    (u64::from(hash) << 32) | u64::from(slot)
}

impl Ids {
    fn home(&self, place: u64) -> usize {
        (place >> 32) as usize & (self.places.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }

    /// This identifier will be asked for soon.
    pub fn expect(&self, id: TicketId) {
        if !self.places.is_empty() {
            prefetch(&self.places[self.home(place(hash(id), 0))]);
        }
    }

    /// The slot of an identifier; `is` says whether it is that of a slot.
    pub fn get(&self, id: TicketId, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        if self.places.is_empty() {
            return None;
        }
        let hash = hash(id);
        let mut at = self.home(place(hash, 0));
        loop {
            let found = self.places[at];
            if found == EMPTY {
                return None;
            }
            let slot = found as Slot;
            if (found >> 32) as u32 == hash && is(slot) {
                return Some(slot);
            }
            at = self.after(at);
        }
    }

    /// Notes the slot of an identifier that is not there.
    pub fn insert(&mut self, id: TicketId, slot: Slot) {
        // At most five of eight places are taken, so that runs stay short.
        if (self.len + 1) * 8 > self.places.len() * 5 {
            self.grow();
        }
        self.len += 1;
        self.put(place(hash(id), slot));
    }

    fn put(&mut self, place: u64) {
        let mut at = self.home(place);
        while self.places[at] != EMPTY {
            at = self.after(at);
        }
        self.places[at] = place;
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(PLACES_MIN);
        let old = std::mem::replace(&mut self.places, vec![EMPTY; places]);
        for place in old.into_iter().filter(|&place| place != EMPTY) {
            self.put(place);
        }
    }

    /// Forgets an identifier with its slot.
    pub fn remove(&mut self, id: TicketId, slot: Slot) {
        if self.places.is_empty() {
            return;
        }
        let wanted = place(hash(id), slot);
        let mut hole = self.home(wanted);
        while self.places[hole] != wanted {
            if self.places[hole] == EMPTY {
                return;
            }
            hole = self.after(hole);
        }
        self.len -= 1;
        // Who was pushed on past the hole moves back into it.
        let mask = self.places.len() - 1;
        let mut at = self.after(hole);
        while self.places[at] != EMPTY {
            let home = self.home(self.places[at]);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.places[hole] = self.places[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.places[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn whoever_was_put_in_is_found_until_taken_out(
            ops in prop::collection::vec((any::<bool>(), 0_u128..200), 1..1_000),
        ) {
            let (mut ids, mut reference) = (Ids::default(), BTreeMap::new());
            let mut slots = Vec::new();
            for (put, n) in ops {
                let id = TicketId(Uuid::from_u128(n));
                let found = ids.get(id, |slot| slots[slot as usize] == id);
                prop_assert_eq!(found, reference.get(&n).copied());
                match found {
                    None if put => {
                        let slot = slots.len() as Slot;
                        slots.push(id);
                        ids.insert(id, slot);
                        reference.insert(n, slot);
                    }
                    Some(slot) if !put => {
                        ids.remove(id, slot);
                        reference.remove(&n);
                    }
                    _ => {}
                }
            }
        }
    }
}
