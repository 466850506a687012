//! An ordered map of small values in linked leaves of 24, whose tags let a walk pass over what it does not want.
//!
//! Made for many short-lived keys: a change moves at most one leaf, keys that only grow fill leaves to the brim,
//! and a walk reads memory in a row. Who keeps the leaf of a key finds it again without a search, as with a million
//! keys each step of one waits for memory; for the same reason a leaf's parts are looked at one beside the other, not
//! one after the other. Three levels, as a fixed depth keeps the code short: a million keys are some thousand blocks.

use smallvec::SmallVec;

use crate::matcher::LOOK_AHEAD;
use crate::prefetch::prefetch;

/// Keys of a leaf.
pub(crate) const FULL: usize = 24;
/// Leaves of a block before it is parted.
const LEAVES: usize = 64;
/// Keys on one line of memory.
const LINE: usize = 8;
/// A leaf's tags are made anew when the part of it that left is one of so many: a walk may look into it in vain.
const LOOKED_AFTER: usize = 4;
/// A block's tags are made anew when so many left for each of its leaves.
const BLOCK_LOOKED_AFTER: usize = 6;

/// A key in two halves, ordered by the first, then by the second.
pub(crate) trait Halves: Ord + Copy {
    /// Not above any key.
    const MIN: Self;
    /// Above every key.
    const END: Self;
    fn halves(self) -> (u64, u64);
    fn join(high: u64, low: u64) -> Self;
}

/// A value with a set of bits by which walks choose.
pub(crate) trait Tagged: Copy + Default {
    /// At least one bit if walks are to find it.
    fn tags(&self) -> u128;
}

/// A leaf, as long as it lives; then maybe another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafId(u32);

impl LeafId {
    /// No leaf.
    pub const NONE: LeafId = LeafId(u32::MAX);
}

impl Default for LeafId {
    fn default() -> LeafId {
        LeafId::NONE
    }
}

/// What is read of every leaf comes first: it is on one line of memory.
#[derive(Debug)]
#[repr(C, align(64))]
struct Leaf<K, V> {
    /// The least key that it may hold.
    low: K,
    /// The least key after it that it may not hold.
    upto: K,
    /// Of all items, and of those that left since it was looked after.
    tags: u128,
    before: LeafId,
    after: LeafId,
    /// That it belongs to.
    block: u32,
    /// How many left since.
    left: u16,
    len: u16,
    /// Of the keys, apart from the rest, as a search for one reads little else.
    high: [u64; FULL],
    /// The other halves, with the values.
    rows: [(u64, V); FULL],
}

#[derive(Debug)]
struct Block<K> {
    /// Of all leaves, and of those that left since it was looked after.
    tags: u128,
    /// How many left since, as far as its leaves were looked after.
    left: usize,
    /// For each leaf the least key that it may hold.
    from: Vec<K>,
    /// Never empty.
    leaves: Vec<LeafId>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sorted<K, V> {
    /// For each block in order the least key that it may hold.
    from: Vec<K>,
    /// Blocks in order.
    order: Vec<u32>,
    blocks: Vec<Block<K>>,
    free_blocks: Vec<u32>,
    leaves: Vec<Box<Leaf<K, V>>>,
    free: Vec<LeafId>,
    #[cfg(test)]
    len: usize,
    /// The leaf that grew last: what comes next is often near.
    last: LeafId,
    /// Where new keys are expected, the next one last.
    hints: Vec<LeafId>,
}

/// Where a walk is: leaf, item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot(LeafId, usize);

/// A key that will be asked for soon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead<K> {
    pub key: K,
    /// Where it is; of one that is to be put in that is found.
    pub leaf: LeafId,
    /// Between these keys it will be looked around.
    pub low: K,
    pub high: K,
}

/// Where a new key is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub leaf: LeafId,
    /// A new leaf, if its keys have moved there.
    pub parted: Option<LeafId>,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted {
            from: Vec::new(),
            order: Vec::new(),
            blocks: Vec::new(),
            free_blocks: Vec::new(),
            leaves: Vec::new(),
            free: Vec::new(),
            #[cfg(test)]
            len: 0,
            last: LeafId::NONE,
            hints: Vec::new(),
        }
    }
}

impl<K: Halves, V: Tagged> Leaf<K, V> {
    fn new(low: K, upto: K) -> Leaf<K, V> {
        Leaf {
            low,
            upto,
            tags: 0,
            before: LeafId::NONE,
            after: LeafId::NONE,
            block: 0,
            left: 0,
            len: 0,
            high: [0; FULL],
            rows: [(0, V::default()); FULL],
        }
    }

    fn len(&self) -> usize {
        usize::from(self.len).min(FULL)
    }

    fn covers(&self, key: &K) -> bool {
        self.low <= *key && *key < self.upto
    }

    /// Looks after it; how many had left.
    fn tag(&mut self) -> usize {
        let rows = self.rows.iter().take(self.len());
        self.tags = rows.fold(0, |tags, (_, v)| tags | v.tags());
        usize::from(std::mem::take(&mut self.left))
    }

    /// Notes that an item left; if it was looked after then, how many had.
    fn lose(&mut self) -> Option<usize> {
        self.left += 1;
        (usize::from(self.left) * LOOKED_AFTER >= self.len()).then(|| self.tag())
    }

    /// What is read of every leaf, and so many keys, will be read soon.
    fn expect_keys(&self, n: usize) {
        prefetch(&self.low);
        prefetch(&self.high[..n]);
    }

    /// How many keys are below this one.
    fn below(&self, key: K) -> usize {
        let (high, low) = key.halves();
        let all = &self.high[..self.len()];
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

    fn has(&self, i: usize, key: K) -> bool {
        i < self.len() && (self.high[i], self.rows[i].0) == key.halves()
    }

    fn first(&self) -> K {
        K::join(self.high[0], self.rows[0].0)
    }

    fn insert(&mut self, i: usize, key: K, value: V) {
        let len = self.len();
        self.high.copy_within(i..len, i + 1);
        self.rows.copy_within(i..len, i + 1);
        let (high, low) = key.halves();
        self.high[i] = high;
        self.rows[i] = (low, value);
        self.tags |= value.tags();
        self.len += 1;
    }

    fn remove(&mut self, i: usize) {
        let len = self.len();
        self.high.copy_within(i + 1..len, i);
        self.rows.copy_within(i + 1..len, i);
        self.len -= 1;
    }

    fn items(&self, from: usize, to: usize) -> impl DoubleEndedIterator<Item = (K, V)> + '_ {
        let items = self.high[from..to].iter().zip(&self.rows[from..to]);
        items.map(|(&high, &(low, value))| (K::join(high, low), value))
    }
}

/// The last of `from` that is not above `key`, or the first. Some are looked at for the rest, each by itself.
fn last_at<K: Ord>(from: &[K], key: &K) -> usize {
    let step = if from.len() > LEAVES {
        LEAVES / 2
    } else {
        LINE
    };
    let not_above = |from: &&K| **from <= *key;
    let begin = from.iter().step_by(step).filter(not_above).count();
    let begin = begin.saturating_sub(1) * step;
    let near = from[begin..].iter().take(step);
    (begin + near.filter(not_above).count()).saturating_sub(1)
}

impl<K: Halves, V: Tagged> Sorted<K, V> {
    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    fn leaf(&self, id: LeafId) -> Option<&Leaf<K, V>> {
        self.leaves.get(id.0 as usize).map(|leaf| &**leaf)
    }

    fn at(&mut self, id: LeafId) -> &mut Leaf<K, V> {
        &mut self.leaves[id.0 as usize]
    }

    /// The leaf that may hold a key; `near` is it in most cases. None only where nothing was ever put in.
    fn leaf_of(&self, near: LeafId, key: &K) -> LeafId {
        if self.leaf(near).is_some_and(|leaf| leaf.covers(key)) {
            return near;
        }
        let block = self.order.get(last_at(&self.from, key));
        block.map_or(LeafId::NONE, |&block| {
            let block = &self.blocks[block as usize];
            block.leaves[last_at(&block.from, key)]
        })
    }

    /// The place of the first item whose key is not below `key`; possibly after the last of its leaf.
    pub fn spot(&self, key: &K) -> Spot {
        self.spot_near(self.last, key)
    }

    /// The same of a key whose leaf may be known.
    pub fn spot_near(&self, near: LeafId, key: &K) -> Spot {
        let leaf = self.leaf_of(near, key);
        Spot(leaf, self.leaf(leaf).map_or(0, |leaf| leaf.below(*key)))
    }

    /// Whether in its leaf more than so many on a side of a place are between these keys, as far as halves tell.
    pub fn is_crowded(&self, Spot(leaf, at): Spot, (low, high): (K, K), n: usize) -> bool {
        self.leaf(leaf).is_some_and(|leaf| {
            let all = &leaf.high[..leaf.len()];
            let up = all.get(at + n).is_some_and(|h| *h <= high.halves().0);
            let down = at.checked_sub(n + 1).and_then(|at| all.get(at));
            up || down.is_some_and(|h| *h >= low.halves().0)
        })
    }

    /// This leaf will be read soon.
    pub fn expect_at(&self, leaf: LeafId) {
        if let Some(leaf) = self.leaf(leaf) {
            prefetch(leaf);
        }
    }

    /// These keys will be put in, or what is around them will be read, soon. Each step is taken for all of them before
    /// the next, so that they wait for memory side by side. Where new ones go is remembered.
    pub fn expect<T>(&mut self, ahead: &mut [(T, Ahead<K>)]) {
        let first = ahead.first().map(|(_, ahead)| ahead.leaf);
        self.look_up(ahead);
        if first == Some(LeafId::NONE) {
            self.hints.clear();
            let leaves = ahead.iter().rev().map(|(_, ahead)| ahead.leaf);
            self.hints.extend(leaves);
        }
    }

    fn look_up<T>(&self, ahead: &mut [(T, Ahead<K>)]) {
        let block = |ahead: &Ahead<K>| {
            if ahead.leaf != LeafId::NONE {
                return None;
            }
            let block = self.order.get(last_at(&self.from, &ahead.key))?;
            let block = &self.blocks[*block as usize];
            prefetch(block);
            Some(block)
        };
        let blocks: SmallVec<[Option<&Block<K>>; LOOK_AHEAD]> =
            ahead.iter().map(|(_, ahead)| block(ahead)).collect();
        for block in blocks.iter().flatten() {
            prefetch(&block.from[..]);
            prefetch(&block.leaves[..]);
        }
        for ((_, ahead), block) in ahead.iter_mut().zip(blocks) {
            if let Some(block) = block {
                ahead.leaf = block.leaves[last_at(&block.from, &ahead.key)];
            }
            if let Some(leaf) = self.leaves.get(ahead.leaf.0 as usize) {
                prefetch(leaf);
            }
        }
        for leaf in ahead.iter().filter_map(|(_, ahead)| self.leaf(ahead.leaf)) {
            leaf.expect_keys(FULL);
        }
        for (_, ahead) in ahead {
            let Some(leaf) = self.leaf(ahead.leaf) else {
                continue;
            };
            prefetch(&leaf.rows[..leaf.len()]);
            // Of those beside it what is on its side: below, of a leaf that is as full as most.
            if ahead.low < leaf.low
                && let Some(below) = self.leaf(leaf.before)
            {
                below.expect_keys(FULL);
                prefetch(&below.rows[FULL / 3..FULL * 5 / 6]);
            }
            if leaf.upto <= ahead.high
                && let Some(above) = self.leaf(leaf.after)
            {
                above.expect_keys(LINE);
                prefetch(&above.rows[..LINE]);
            }
        }
    }

    /// The values of a leaf.
    pub fn values(&self, leaf: LeafId) -> impl Iterator<Item = V> + '_ {
        let leaf = self.leaf(leaf).into_iter();
        leaf.flat_map(|leaf| leaf.rows.iter().take(leaf.len()).map(|&(_, value)| value))
    }

    /// Puts a key in that is not there.
    pub fn insert(&mut self, key: K, value: V) -> Placed {
        #[cfg(test)]
        (self.len += 1);
        let hint = self.hints.pop().unwrap_or(self.last);
        let near = match self.leaf(self.last).is_some_and(|leaf| leaf.covers(&key)) {
            true => self.last,
            false => hint,
        };
        let mut id = self.leaf_of(near, &key);
        if id == LeafId::NONE {
            id = self.begin();
        }
        let leaf = self.at(id);
        let (mut i, is_last) = (leaf.below(key), leaf.upto == K::END);
        let mut parted = None;
        if leaf.len() == FULL {
            // Keys that only grow leave a full leaf behind.
            let keep = if is_last && i == FULL { FULL } else { FULL / 2 };
            let right = self.part(id, keep, key);
            parted = (keep < FULL).then_some(right);
            if i > keep || keep == FULL {
                (id, i) = (right, i - keep);
            }
        }
        self.last = id;
        let leaf = self.at(id);
        leaf.insert(i, key, value);
        let block = leaf.block;
        self.blocks[block as usize].tags |= value.tags();
        Placed { leaf: id, parted }
    }

    /// The only leaf.
    fn begin(&mut self) -> LeafId {
        self.from.push(K::MIN);
        self.order.push(0);
        self.blocks.push(Block {
            tags: 0,
            left: 0,
            from: vec![K::MIN],
            leaves: vec![LeafId(0)],
        });
        self.leaves.push(Box::new(Leaf::new(K::MIN, K::END)));
        LeafId(0)
    }

    /// Moves all of a full leaf but so many into a new one behind it; `key` is the first of that if nothing moves.
    fn part(&mut self, id: LeafId, keep: usize, key: K) -> LeafId {
        let leaf = self.at(id);
        let mut right = Leaf::new(key, leaf.upto);
        let moved = leaf.len() - keep;
        right.high[..moved].copy_from_slice(&leaf.high[keep..]);
        right.rows[..moved].copy_from_slice(&leaf.rows[keep..]);
        right.len = moved as u16;
        if moved > 0 {
            right.low = right.first();
            leaf.len = keep as u16;
            leaf.tag();
            right.tag();
        }
        let (low, number) = (right.low, leaf.block);
        leaf.upto = low;
        (right.before, right.after, right.block) = (id, leaf.after, number);
        let new = match self.free.pop() {
            Some(new) => {
                *self.at(new) = right;
                new
            }
            None => {
                self.leaves.push(Box::new(right));
                LeafId(self.leaves.len() as u32 - 1)
            }
        };
        let after = std::mem::replace(&mut self.at(id).after, new);
        if after != LeafId::NONE {
            self.at(after).before = new;
        }
        let block = &mut self.blocks[number as usize];
        let at = block.leaves.iter().position(|leaf| *leaf == id);
        let at = at.map_or(block.leaves.len(), |at| at + 1);
        block.from.insert(at, low);
        block.leaves.insert(at, new);
        if block.leaves.len() > LEAVES {
            self.part_block(number, after == LeafId::NONE);
        }
        new
    }

    /// Moves half of a block that is too long into a new one behind it; of the last one the last leaf alone.
    fn part_block(&mut self, number: u32, is_last: bool) {
        let block = &mut self.blocks[number as usize];
        let keep = if is_last { LEAVES } else { LEAVES / 2 };
        let right = Block {
            tags: block.tags,
            left: block.left,
            from: block.from.split_off(keep),
            leaves: block.leaves.split_off(keep),
        };
        let at = last_at(&self.from, &block.from[0]) + 1;
        let new = self.free_blocks.pop().unwrap_or(self.blocks.len() as u32);
        for leaf in &right.leaves {
            self.leaves[leaf.0 as usize].block = new;
        }
        self.from.insert(at, right.from[0]);
        self.order.insert(at, new);
        match self.blocks.get_mut(new as usize) {
            Some(free) => *free = right,
            None => self.blocks.push(right),
        }
        self.tag(number);
        self.tag(new);
    }

    /// Looks after a block.
    fn tag(&mut self, number: u32) {
        let Sorted { blocks, leaves, .. } = self;
        let block = &mut blocks[number as usize];
        let tags = block.leaves.iter().map(|leaf| leaves[leaf.0 as usize].tags);
        block.tags = tags.fold(0, |tags, of_leaf| tags | of_leaf);
        block.left = 0;
    }

    /// Notes that a leaf was looked after from which so many had left.
    fn looked_after(&mut self, number: u32, left: usize) {
        let block = &mut self.blocks[number as usize];
        block.left += left;
        if block.left >= block.leaves.len() * BLOCK_LOOKED_AFTER {
            self.tag(number);
        }
    }

    /// Takes a key out, whose leaf may be known; whether it was there.
    pub fn remove(&mut self, near: LeafId, key: &K) -> bool {
        let id = self.leaf_of(near, key);
        let Some(leaf) = self.leaves.get_mut(id.0 as usize) else {
            return false;
        };
        let i = leaf.below(*key);
        if !leaf.has(i, *key) {
            return false;
        }
        leaf.remove(i);
        #[cfg(test)]
        (self.len -= 1);
        let (number, is_empty) = (leaf.block, leaf.len == 0);
        if let Some(left) = leaf.lose() {
            self.looked_after(number, left);
        }
        if is_empty {
            self.forget(id);
        }
        true
    }

    /// Gives what an empty leaf may hold to the one before it, or, of the first of a block, to the one after it.
    fn forget(&mut self, id: LeafId) {
        let leaf = self.at(id);
        let (low, upto, number) = (leaf.low, leaf.upto, leaf.block);
        let (before, after) = (leaf.before, leaf.after);
        if before == LeafId::NONE && after == LeafId::NONE {
            return;
        }
        let block = &mut self.blocks[number as usize];
        let at = block.leaves.iter().position(|leaf| *leaf == id);
        let at = at.unwrap_or_default();
        block.leaves.remove(at);
        block.from.remove(at);
        let is_alone = block.leaves.is_empty();
        let to_after = if is_alone {
            before == LeafId::NONE
        } else {
            at == 0
        };
        if is_alone {
            let at = last_at(&self.from, &low);
            self.from.remove(at);
            self.order.remove(at);
            self.free_blocks.push(number);
        }
        if to_after {
            let next = self.at(after);
            next.low = low;
            let number = next.block;
            self.blocks[number as usize].from[0] = low;
            if is_alone {
                self.from[0] = low;
            }
        } else {
            self.at(before).upto = upto;
        }
        if before != LeafId::NONE {
            self.at(before).after = after;
        }
        if after != LeafId::NONE {
            self.at(after).before = before;
        }
        let leaf = self.at(id);
        // It covers nothing.
        (leaf.low, leaf.upto) = (K::END, K::MIN);
        self.free.push(id);
    }

    /// Gives a key that is there another value; the leaf where it is.
    pub fn set(&mut self, near: LeafId, key: &K, value: V) -> LeafId {
        let id = self.leaf_of(near, key);
        let Some(leaf) = self.leaves.get_mut(id.0 as usize) else {
            return id;
        };
        let i = leaf.below(*key);
        if !leaf.has(i, *key) {
            return id;
        }
        leaf.rows[i].1 = value;
        leaf.tags |= value.tags();
        let (number, left) = (leaf.block, leaf.lose());
        self.blocks[number as usize].tags |= value.tags();
        if let Some(left) = left {
            self.looked_after(number, left);
        }
        id
    }

    /// All of them in order.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        let blocks = self.order.iter().map(|at| &self.blocks[*at as usize]);
        let leaves = blocks.flat_map(|block| &block.leaves);
        let leaves = leaves.map(|id| &self.leaves[id.0 as usize]);
        leaves.flat_map(|leaf| leaf.items(0, leaf.len()))
    }

    /// Calls `take` with the items below a place, leaf by leaf from the highest on, as long as it says so: with their
    /// keys' first halves, and with the rest.
    pub fn leaves_below(
        &self,
        Spot(mut id, mut at): Spot,
        mut take: impl FnMut(&[u64], &[(u64, V)]) -> bool,
    ) {
        while let Some(leaf) = self.leaf(id) {
            let end = at.min(leaf.len());
            if !take(&leaf.high[..end], &leaf.rows[..end]) {
                return;
            }
            (id, at) = (leaf.before, usize::MAX);
        }
    }

    /// The same from a place on, from the lowest leaf on.
    pub fn leaves_from(
        &self,
        Spot(mut id, mut at): Spot,
        mut take: impl FnMut(&[u64], &[(u64, V)]) -> bool,
    ) {
        while let Some(leaf) = self.leaf(id) {
            let end = leaf.len();
            let from = at.min(end);
            if !take(&leaf.high[from..end], &leaf.rows[from..end]) {
                return;
            }
            (id, at) = (leaf.after, 0);
        }
    }

    /// From this place on upward: the next leaf's items that may be wanted, and where to go on.
    pub fn up(
        &self,
        spot: Spot,
        wanted: u128,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        self.up_until(spot, wanted, None)
    }

    /// The same downward, below this place; items in ascending order.
    pub fn down(
        &self,
        spot: Spot,
        wanted: u128,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        self.down_until(spot, wanted, None)
    }

    /// As [`Sorted::up`]; `None` where all keys are above `until`.
    pub fn up_until(
        &self,
        spot: Spot,
        wanted: u128,
        until: Option<K>,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        let Spot(mut id, mut i) = spot;
        loop {
            let leaf = self.leaf(id)?;
            let is_wanted = leaf.tags & wanted != 0;
            let next = match until.is_some_and(|until| until < leaf.upto) {
                true => LeafId::NONE,
                false if is_wanted => leaf.after,
                false => self.pass(leaf, wanted, true),
            };
            if is_wanted && i < leaf.len() {
                return Some((leaf.items(i, leaf.len()), Spot(next, 0)));
            }
            (id, i) = (next, 0);
        }
    }

    /// As [`Sorted::down`]; `None` where all keys are below `until`.
    pub fn down_until(
        &self,
        spot: Spot,
        wanted: u128,
        until: Option<K>,
    ) -> Option<(impl DoubleEndedIterator<Item = (K, V)> + '_, Spot)> {
        let Spot(mut id, mut i) = spot;
        loop {
            let leaf = self.leaf(id)?;
            let is_wanted = leaf.tags & wanted != 0;
            let next = match until.is_some_and(|until| leaf.low <= until) {
                true => LeafId::NONE,
                false if is_wanted => leaf.before,
                false => self.pass(leaf, wanted, false),
            };
            let end = i.min(leaf.len());
            if is_wanted && end > 0 {
                return Some((leaf.items(0, end), Spot(next, usize::MAX)));
            }
            (id, i) = (next, usize::MAX);
        }
    }

    /// The leaf after (or before) one that is not wanted; blocks that are not wanted either are passed over.
    fn pass(&self, leaf: &Leaf<K, V>, wanted: u128, up: bool) -> LeafId {
        let block = &self.blocks[leaf.block as usize];
        if block.tags & wanted != 0 {
            return if up { leaf.after } else { leaf.before };
        }
        let at = last_at(&self.from, &block.from[0]);
        let blocks = |at: &u32| &self.blocks[*at as usize];
        let is_wanted = |block: &&Block<K>| block.tags & wanted != 0;
        let found = match up {
            true => self.order[at + 1..].iter().map(blocks).find(is_wanted),
            false => self.order[..at].iter().rev().map(blocks).find(is_wanted),
        };
        let leaf = found.and_then(|block| match up {
            true => block.leaves.first(),
            false => block.leaves.last(),
        });
        leaf.copied().unwrap_or(LeafId::NONE)
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
        const MIN: u16 = 0;
        const END: u16 = u16::MAX;

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
            reach in 0_u16..8_000,
        ) {
            let (mut sorted, mut reference) = (Sorted::default(), BTreeMap::new());
            let mut known = BTreeMap::new();
            // A run of growing keys first, so that there are several blocks.
            for key in 1_000_u16..7_000 {
                known.insert(key, sorted.insert(key, (key % 4) as u8).leaf);
                reference.insert(key, (key % 4) as u8);
            }
            for (put, key, value) in ops {
                // The leaf that it went into, which may be another's now.
                let near = |key: u16| known.get(&key).copied().unwrap_or_default();
                if put && value == 0 {
                    // Rightly, or of others that will not come.
                    let ahead = [key, key + 300].map(|key| ((), Ahead {
                        key,
                        leaf: if reference.contains_key(&key) { near(key) } else { LeafId::NONE },
                        low: key,
                        high: key + reach,
                    }));
                    sorted.expect(&mut { ahead });
                }
                let leaf = if put {
                    match reference.insert(key, value) {
                        Some(_) => sorted.set(near(key), &key, value),
                        None => sorted.insert(key, value).leaf,
                    }
                } else {
                    let far = key * 10;
                    prop_assert_eq!(sorted.remove(near(key), &key), reference.remove(&key).is_some());
                    prop_assert_eq!(sorted.remove(near(far), &far), reference.remove(&far).is_some());
                    continue;
                };
                known.insert(key, leaf);
            }
            prop_assert_eq!(sorted.len(), reference.len());
            prop_assert!(sorted.iter().eq(reference.iter().map(|(&k, &v)| (k, v))));
            let is_wanted = |v: &u8| v.tags() & wanted != 0;
            let (low, high) = (from.saturating_sub(reach), from + reach);
            let (mut up, mut spot) = (Vec::new(), sorted.spot(&from));
            while let Some((items, next)) = sorted.up_until(spot, wanted, Some(high)) {
                up.extend(items.filter(|(k, v)| is_wanted(v) && *k <= high));
                spot = next;
            }
            let above = reference.range(from..=high).filter(|(_, v)| is_wanted(v));
            prop_assert!(up.into_iter().eq(above.map(|(&k, &v)| (k, v))));
            let (mut down, mut spot) = (Vec::new(), sorted.spot(&from));
            while let Some((items, next)) = sorted.down_until(spot, wanted, Some(low)) {
                down.extend(items.rev().filter(|(k, v)| is_wanted(v) && *k >= low));
                spot = next;
            }
            let (mut over, mut below) = (Vec::new(), Vec::new());
            let keys = |high: &[u64], rows: &[(u64, u8)]| -> Vec<u16> {
                high.iter().zip(rows).map(|(h, (l, _))| u16::join(*h, *l)).collect()
            };
            sorted.leaves_from(sorted.spot(&from), |high, rows| {
                over.extend(keys(high, rows));
                true
            });
            sorted.leaves_below(sorted.spot(&from), |high, rows| {
                below.extend(keys(high, rows).into_iter().rev());
                true
            });
            prop_assert!(over.into_iter().eq(reference.range(from..).map(|(&k, _)| k)));
            prop_assert!(below.into_iter().eq(reference.range(..from).rev().map(|(&k, _)| k)));
            let under = reference.range(low..from).rev().filter(|(_, v)| is_wanted(v));
            prop_assert!(down.into_iter().eq(under.map(|(&k, &v)| (k, v))));
        }
    }
}
