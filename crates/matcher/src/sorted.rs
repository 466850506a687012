//! An ordered map of small values in leaves of 32, whose tags let a walk pass over what it does not want.
//!
//! Made for many short-lived keys: a change moves at most one leaf, keys that only grow fill leaves to the brim,
//! and a walk reads memory in a row. Three levels, as a fixed depth keeps the code short: a million keys are some
//! thousand blocks. A leaf is one piece of memory whose parts are looked at one beside the other, not one after the
//! other, as with a million keys each look waits for memory.

/// Keys of a leaf.
const FULL: usize = 32;
/// Leaves of a block before it is parted.
const LEAVES: usize = 64;
/// Keys on one line of memory.
const LINE: usize = 8;

/// A leaf's tags are made anew when the part of it that left is one of so many: a walk may look into it in vain.
const LOOKED_AFTER: usize = 4;

/// A key in two halves, ordered by the first, then by the second.
pub(crate) trait Halves: Ord + Copy {
    fn halves(self) -> (u64, u64);
    fn join(high: u64, low: u64) -> Self;
}

/// A value with a set of bits by which walks choose.
pub(crate) trait Tagged: Copy + Default {
    /// At least one bit if walks are to find it.
    fn tags(&self) -> u128;
}

#[derive(Debug)]
struct Leaf<V> {
    /// Of all items, and of those that left since it was looked after.
    tags: u128,
    /// How many left since.
    left: usize,
    /// Never 0 in a block.
    len: usize,
    /// Of the keys, apart from the rest, as a search for one reads little else.
    high: [u64; FULL],
    /// The other halves, with the values.
    rows: [(u64, V); FULL],
}

#[derive(Debug)]
struct Block<K, V> {
    /// Of all leaves.
    tags: u128,
    /// For each leaf the least key that it may hold.
    from: Vec<K>,
    /// Never empty.
    leaves: Vec<Box<Leaf<V>>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sorted<K, V> {
    /// For each block the least key that it may hold.
    from: Vec<K>,
    blocks: Vec<Block<K, V>>,
    len: usize,
    /// Block and leaf that changed last: what is looked for next is often there.
    last: (usize, usize),
}

/// Where a walk is: block, leaf, item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(usize, usize, usize);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted {
            from: Vec::new(),
            blocks: Vec::new(),
            len: 0,
            last: (0, 0),
        }
    }
}

impl<V: Tagged> Leaf<V> {
    fn new() -> Box<Leaf<V>> {
        Box::new(Leaf {
            tags: 0,
            left: 0,
            len: 0,
            high: [0; FULL],
            rows: [(0, V::default()); FULL],
        })
    }

    fn of<K: Halves>(key: K, value: V) -> Box<Leaf<V>> {
        let mut leaf = Leaf::new();
        leaf.insert(0, key, value);
        leaf
    }

    /// Its upper half as a leaf of its own.
    fn part(&mut self) -> Box<Leaf<V>> {
        let mut right = Leaf::new();
        let (at, n) = (FULL / 2, self.len - FULL / 2);
        right.high[..n].copy_from_slice(&self.high[at..self.len]);
        right.rows[..n].copy_from_slice(&self.rows[at..self.len]);
        (self.len, right.len) = (at, n);
        self.tag();
        right.tag();
        right
    }

    fn tag(&mut self) {
        self.left = 0;
        let rows = self.rows.iter().take(self.len);
        self.tags = rows.fold(0, |tags, (_, v)| tags | v.tags());
    }

    /// How many keys are below this one.
    fn below<K: Halves>(&self, key: K) -> usize {
        let (high, low) = key.halves();
        let all = &self.high[..self.len.min(FULL)];
        let lines = all.iter().step_by(LINE).filter(|h| **h < high).count();
        let from = lines.saturating_sub(1) * LINE;
        let line = all[from..].iter().take(LINE);
        let mut at = from + line.filter(|h| **h < high).count();
        // Those with the same first half.
        let mut rest = all.len() - at;
        while rest > 0 && all[at] == high && self.rows[at].0 < low {
            let mid = at + rest / 2;
            if all[mid] == high && self.rows[mid].0 < low {
                (at, rest) = (mid + 1, rest - rest / 2 - 1);
            } else {
                (at, rest) = (at + 1, rest / 2 - 1);
            }
        }
        at
    }

    fn has<K: Halves>(&self, i: usize, key: K) -> bool {
        i < self.len && (self.high[i], self.rows[i].0) == key.halves()
    }

    fn first<K: Halves>(&self) -> K {
        K::join(self.high[0], self.rows[0].0)
    }

    fn insert<K: Halves>(&mut self, i: usize, key: K, value: V) {
        let len = self.len;
        self.high.copy_within(i..len, i + 1);
        self.rows.copy_within(i..len, i + 1);
        let (high, low) = key.halves();
        self.high[i] = high;
        self.rows[i] = (low, value);
        self.tags |= value.tags();
        self.len += 1;
    }

    fn remove(&mut self, i: usize) {
        let len = self.len;
        self.high.copy_within(i + 1..len, i);
        self.rows.copy_within(i + 1..len, i);
        self.len -= 1;
    }

    fn items<K: Halves>(
        &self,
        from: usize,
        to: usize,
    ) -> impl DoubleEndedIterator<Item = (K, V)> + '_ {
        let items = self.high[from..to].iter().zip(&self.rows[from..to]);
        items.map(|(&high, &(low, value))| (K::join(high, low), value))
    }
}

impl<K: Halves, V: Tagged> Block<K, V> {
    fn tag(&mut self) {
        self.tags = self.leaves.iter().fold(0, |tags, leaf| tags | leaf.tags);
    }
}

/// The last of `from` that is not above `key`, or the first.
fn last_at<K: Ord>(from: &[K], key: &K) -> usize {
    from.partition_point(|from| from <= key).saturating_sub(1)
}

impl<K: Halves, V: Tagged> Sorted<K, V> {
    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of the first item whose key is not below `key`; possibly after the last of its leaf.
    pub fn spot(&self, key: &K) -> Spot {
        let (b, l) = self.last;
        if let Some(block) = self.blocks.get(b)
            && block.from.get(l).is_some_and(|from| from <= key)
            && block
                .from
                .get(l + 1)
                .or(self.from.get(b + 1))
                .is_none_or(|next| key < next)
        {
            return Spot(b, l, block.leaves[l].below(*key));
        }
        let b = last_at(&self.from, key);
        let Some(block) = self.blocks.get(b) else {
            return Spot(0, 0, 0);
        };
        let l = last_at(&block.from, key);
        Spot(b, l, block.leaves[l].below(*key))
    }

    /// Reads what a change of this key reads, all at once; some number of it, or nobody would look.
    pub fn peek(&self, key: &K) -> Option<u64> {
        let block = self.blocks.get(last_at(&self.from, key))?;
        let leaf = block.leaves.get(last_at(&block.from, key))?;
        let high = leaf.high.iter().step_by(LINE);
        let rows = leaf.rows.iter().step_by(LINE / 2);
        Some(
            high.chain(rows.map(|(low, _)| low))
                .fold(0, |sum, line| sum ^ line),
        )
    }

    /// Puts a key in that is not there.
    pub fn insert(&mut self, key: K, value: V) {
        self.len += 1;
        let Spot(b, l, i) = self.spot(&key);
        self.last = (b, l);
        let last = b + 1 >= self.blocks.len();
        let Some(block) = self.blocks.get_mut(b) else {
            self.from.push(key);
            self.blocks.push(Block {
                tags: value.tags(),
                from: vec![key],
                leaves: vec![Leaf::of(key, value)],
            });
            return;
        };
        let last = last && l + 1 == block.leaves.len();
        block.tags |= value.tags();
        let leaf = &mut block.leaves[l];
        if leaf.len < FULL {
            leaf.insert(i, key, value);
            return;
        }
        if last && i == FULL {
            block.from.push(key);
            block.leaves.push(Leaf::of(key, value));
        } else {
            let mut right = leaf.part();
            let from = right.first();
            if i <= FULL / 2 {
                leaf.insert(i, key, value);
            } else {
                right.insert(i - FULL / 2, key, value);
            }
            block.from.insert(l + 1, from);
            block.leaves.insert(l + 1, right);
        }
        if block.leaves.len() > LEAVES {
            let at = if last { LEAVES } else { LEAVES / 2 };
            let mut right = Block {
                tags: 0,
                from: block.from.split_off(at),
                leaves: block.leaves.split_off(at),
            };
            right.tag();
            block.tag();
            self.from.insert(b + 1, right.from[0]);
            self.blocks.insert(b + 1, right);
        }
    }

    /// Takes a key out; whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Spot(b, l, i) = self.spot(key);
        let Some(block) = self.blocks.get_mut(b) else {
            return false;
        };
        let leaf = &mut block.leaves[l];
        if !leaf.has(i, *key) {
            return false;
        }
        self.len -= 1;
        leaf.remove(i);
        leaf.left += 1;
        let tags = leaf.tags;
        if leaf.left * LOOKED_AFTER >= leaf.len {
            leaf.tag();
        }
        let same = leaf.tags == tags;
        if leaf.len == 0 {
            block.from.remove(l);
            block.leaves.remove(l);
        }
        if block.leaves.is_empty() {
            self.from.remove(b);
            self.blocks.remove(b);
        } else if !same {
            block.tag();
        }
        true
    }

    /// Gives a key that is there another value.
    pub fn set(&mut self, key: &K, value: V) {
        let Spot(b, l, i) = self.spot(key);
        self.last = (b, l);
        let Some(block) = self.blocks.get_mut(b) else {
            return;
        };
        let leaf = &mut block.leaves[l];
        if !leaf.has(i, *key) {
            return;
        }
        leaf.rows[i].1 = value;
        leaf.tags |= value.tags();
        leaf.left += 1;
        if leaf.left * LOOKED_AFTER >= leaf.len {
            leaf.tag();
            block.tag();
        } else {
            block.tags |= value.tags();
        }
    }

    /// All of them in order.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let leaves = self.blocks.iter().flat_map(|block| &block.leaves);
        leaves.flat_map(|leaf| leaf.items(0, leaf.len))
    }

    /// From this place on upward: the next leaf's items that may be wanted, and where to go on.
    pub fn up(
        &self,
        spot: Spot,
        wanted: u128,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        let Spot(mut b, mut l, mut i) = spot;
        while let Some(block) = self.blocks.get(b) {
            if block.tags & wanted != 0 {
                while let Some(leaf) = block.leaves.get(l) {
                    if leaf.tags & wanted != 0 && i < leaf.len {
                        return Some((leaf.items(i, leaf.len), Spot(b, l + 1, 0)));
                    }
                    (l, i) = (l + 1, 0);
                }
            }
            (b, l, i) = (b + 1, 0, 0);
        }
        None
    }

    /// The same downward, below this place; items in ascending order.
    pub fn down(
        &self,
        spot: Spot,
        wanted: u128,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        let Spot(b, l, mut i) = spot;
        // One more than the index, so that nothing is below it at 0.
        let (mut b, mut l) = (b + 1, l + 1);
        while b > 0 {
            if let Some(block) = self.blocks.get(b - 1).filter(|x| x.tags & wanted != 0) {
                l = l.min(block.leaves.len());
                while l > 0 {
                    let leaf = &block.leaves[l - 1];
                    let end = i.min(leaf.len);
                    if leaf.tags & wanted != 0 && end > 0 {
                        return Some((leaf.items(0, end), below(b, l)));
                    }
                    (l, i) = (l - 1, usize::MAX);
                }
            }
            (b, l, i) = (b - 1, usize::MAX, usize::MAX);
        }
        None
    }
}

/// The place before a leaf, both counted from one: [`Sorted::down`] finds nothing there if there is none.
fn below(b: usize, l: usize) -> Spot {
    match (b, l) {
        (1, 1) => Spot(0, 0, 0),
        (_, 1) => Spot(b - 2, usize::MAX - 1, usize::MAX),
        _ => Spot(b - 1, l - 2, usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Tagged for u8 {
        fn tags(&self) -> u128 {
            1 << self
        }
    }

    /// Some share their first half.
    impl Halves for u16 {
        fn halves(self) -> (u64, u64) {
            (u64::from(self / 50), u64::from(self % 50))
        }

        fn join(high: u64, low: u64) -> u16 {
            (high * 50 + low) as u16
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_in_order_whose_walks_find_what_they_want(
            ops in prop::collection::vec((any::<bool>(), 0_u16..700, 0_u8..4), 1..3_000),
            from in 0_u16..700,
            wanted in 0_u128..16,
        ) {
            let (mut sorted, mut reference) = (Sorted::default(), BTreeMap::new());
            // A run of growing keys first, so that there are several blocks.
            for key in 1_000_u16..7_000 {
                sorted.insert(key, (key % 4) as u8);
                reference.insert(key, (key % 4) as u8);
            }
            for (put, key, value) in ops {
                if put {
                    match reference.insert(key, value) {
                        Some(_) => sorted.set(&key, value),
                        None => sorted.insert(key, value),
                    }
                } else {
                    prop_assert_eq!(sorted.remove(&key), reference.remove(&key).is_some());
                    sorted.remove(&(key * 10));
                    reference.remove(&(key * 10));
                }
            }
            prop_assert_eq!(sorted.len(), reference.len());
            prop_assert!(sorted.iter().eq(reference.iter().map(|(&k, &v)| (k, v))));
            let is_wanted = |v: &u8| v.tags() & wanted != 0;
            let (mut up, mut spot) = (Vec::new(), sorted.spot(&from));
            while let Some((items, next)) = sorted.up(spot, wanted) {
                up.extend(items.filter(|(_, v)| is_wanted(v)));
                spot = next;
            }
            let above = reference.range(from..).filter(|(_, v)| is_wanted(v));
            prop_assert!(up.into_iter().eq(above.map(|(&k, &v)| (k, v))));
            let (mut down, mut spot) = (Vec::new(), sorted.spot(&from));
            while let Some((items, next)) = sorted.down(spot, wanted) {
                down.extend(items.rev().filter(|(_, v)| is_wanted(v)));
                spot = next;
            }
            let under = reference.range(..from).rev().filter(|(_, v)| is_wanted(v));
            prop_assert!(down.into_iter().eq(under.map(|(&k, &v)| (k, v))));
        }
    }
}
