//! An ordered map of small values in leaves of 64, whose tags let a walk pass over what it does not want.
//!
//! Made for many short-lived keys: a change moves at most one leaf, keys that only grow fill leaves to the brim,
//! and a walk reads memory in a row. Three levels, as a fixed depth keeps the code short: a million keys are some
//! hundred blocks.

/// Keys of a leaf and leaves of a block before they are parted.
const FULL: usize = 64;

/// A value with a set of bits by which walks choose.
pub(crate) trait Tagged: Copy {
    /// At least one bit if walks are to find it.
    fn tags(&self) -> u128;
}

#[derive(Debug)]
struct Leaf<K, V> {
    /// Of all items.
    tags: u128,
    /// Never empty.
    items: Vec<(K, V)>,
}

#[derive(Debug)]
struct Block<K, V> {
    /// At most the first key.
    from: K,
    /// Of all leaves.
    tags: u128,
    /// Never empty; each with the least key that it may hold.
    leaves: Vec<(K, Leaf<K, V>)>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sorted<K, V> {
    blocks: Vec<Block<K, V>>,
    len: usize,
}

/// Where a walk is: block, leaf, item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(usize, usize, usize);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted {
            blocks: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Ord + Copy, V: Tagged> Leaf<K, V> {
    fn of(items: Vec<(K, V)>) -> Leaf<K, V> {
        let mut leaf = Leaf { tags: 0, items };
        leaf.tag();
        leaf
    }

    fn tag(&mut self) {
        self.tags = self.items.iter().fold(0, |tags, (_, v)| tags | v.tags());
    }
}

impl<K: Ord + Copy, V: Tagged> Block<K, V> {
    fn tag(&mut self) {
        self.tags = self.leaves.iter().fold(0, |tags, (_, l)| tags | l.tags);
    }
}

impl<K: Ord + Copy, V: Tagged> Sorted<K, V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place of the first item whose key is not below `key`; possibly after the last of its leaf.
    pub fn spot(&self, key: &K) -> Spot {
        let b = self.blocks.partition_point(|block| block.from <= *key);
        let b = b.saturating_sub(1);
        let Some(block) = self.blocks.get(b) else {
            return Spot(0, 0, 0);
        };
        let l = block.leaves.partition_point(|(from, _)| *from <= *key);
        let l = l.saturating_sub(1);
        let i = block.leaves[l].1.items.partition_point(|(k, _)| k < key);
        Spot(b, l, i)
    }

    /// Puts a key in that is not there.
    pub fn insert(&mut self, key: K, value: V) {
        self.len += 1;
        let Spot(b, l, i) = self.spot(&key);
        let last = b + 1 >= self.blocks.len();
        let Some(block) = self.blocks.get_mut(b) else {
            let leaf = Leaf::of(vec![(key, value)]);
            self.blocks.push(Block {
                from: key,
                tags: leaf.tags,
                leaves: vec![(key, leaf)],
            });
            return;
        };
        let last = last && l + 1 == block.leaves.len();
        block.tags |= value.tags();
        let (_, leaf) = &mut block.leaves[l];
        if leaf.items.len() < FULL {
            leaf.tags |= value.tags();
            leaf.items.insert(i, (key, value));
        } else if last && i == FULL {
            let leaf = Leaf::of(vec![(key, value)]);
            block.leaves.push((key, leaf));
        } else {
            let right = leaf.items.split_off(FULL / 2);
            let right_from = right[0].0;
            let mut right = Leaf::of(right);
            if i <= FULL / 2 {
                leaf.items.insert(i, (key, value));
            } else {
                right.items.insert(i - FULL / 2, (key, value));
                right.tag();
            }
            leaf.tag();
            block.leaves.insert(l + 1, (right_from, right));
        }
        if block.leaves.len() > FULL {
            let at = if last { FULL } else { FULL / 2 };
            let leaves = block.leaves.split_off(at);
            let from = leaves[0].0;
            block.tag();
            let mut right = Block {
                from,
                tags: 0,
                leaves,
            };
            right.tag();
            self.blocks.insert(b + 1, right);
        }
    }

    /// Takes a key out; whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Spot(b, l, i) = self.spot(key);
        let Some(block) = self.blocks.get_mut(b) else {
            return false;
        };
        let (_, leaf) = &mut block.leaves[l];
        if leaf.items.get(i).is_none_or(|(k, _)| k != key) {
            return false;
        }
        self.len -= 1;
        leaf.items.remove(i);
        let tags = leaf.tags;
        leaf.tag();
        let same = leaf.tags == tags;
        if leaf.items.is_empty() {
            block.leaves.remove(l);
        }
        if block.leaves.is_empty() {
            self.blocks.remove(b);
        } else if !same {
            block.tag();
        }
        true
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let leaves = self.blocks.iter().flat_map(|block| &block.leaves);
        leaves.flat_map(|(_, leaf)| leaf.items.iter().copied())
    }

    /// The first.
    pub fn first(&self) -> Option<(K, V)> {
        self.iter().next()
    }

    /// From this place on upward: the next leaf's items that may be wanted, and where to go on.
    pub fn up(&self, spot: Spot, wanted: u128) -> Option<(&[(K, V)], Spot)> {
        let Spot(mut b, mut l, mut i) = spot;
        while let Some(block) = self.blocks.get(b) {
            if block.tags & wanted != 0 {
                while let Some((_, leaf)) = block.leaves.get(l) {
                    if leaf.tags & wanted != 0 && i < leaf.items.len() {
                        return Some((&leaf.items[i..], Spot(b, l + 1, 0)));
                    }
                    (l, i) = (l + 1, 0);
                }
            }
            (b, l, i) = (b + 1, 0, 0);
        }
        None
    }

    /// The same downward, below this place; items in ascending order.
    pub fn down(&self, spot: Spot, wanted: u128) -> Option<(&[(K, V)], Spot)> {
        let Spot(b, l, mut i) = spot;
        // One more than the index, so that nothing is below it at 0.
        let (mut b, mut l) = (b + 1, l + 1);
        while b > 0 {
            if let Some(block) = self.blocks.get(b - 1).filter(|x| x.tags & wanted != 0) {
                l = l.min(block.leaves.len());
                while l > 0 {
                    let leaf = &block.leaves[l - 1].1;
                    let end = i.min(leaf.items.len());
                    if leaf.tags & wanted != 0 && end > 0 {
                        let next = below(b, l);
                        return Some((&leaf.items[..end], next));
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
                    reference.entry(key).or_insert_with(|| {
                        sorted.insert(key, value);
                        value
                    });
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
                up.extend(items.iter().copied().filter(|(_, v)| is_wanted(v)));
                spot = next;
            }
            let above = reference.range(from..).filter(|(_, v)| is_wanted(v));
            prop_assert!(up.into_iter().eq(above.map(|(&k, &v)| (k, v))));
            let (mut down, mut spot) = (Vec::new(), sorted.spot(&from));
            while let Some((items, next)) = sorted.down(spot, wanted) {
                down.extend(items.iter().rev().copied().filter(|(_, v)| is_wanted(v)));
                spot = next;
            }
            let under = reference.range(..from).rev().filter(|(_, v)| is_wanted(v));
            prop_assert!(down.into_iter().eq(under.map(|(&k, &v)| (k, v))));
        }
    }
}
