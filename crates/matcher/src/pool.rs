//! Where tickets wait: pools by equal attributes, inside ordered by skill, told apart by level, party size and regions.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::queue::Queue;
use model::{Region, Timestamp};
use smallvec::SmallVec;

use crate::ages::{ASIDE, Ages, Seat};
use crate::entry::{AgeKey, Entry, Near, Ping, Pings, PoolKey, RegionId, order};
use crate::facts::Lexicon;
use crate::matcher::mix;
use crate::plan::{Plan, Sizes};
use crate::prefetch::prefetch;
use crate::sorted::{Ahead, Halves, LeafId, Sorted, Tagged};
use crate::teams::FEW;
use crate::wanted::Holders;

/// Pools of at most this many tickets are searched exhaustively, every time.
pub(crate) const EXACT_TICKETS_MAX: usize = 16;

/// Waiting tickets by their place in [`Entries`].
pub(crate) type Slot = u32;

/// All tickets that wait or are in an emitted match, by slot.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    slots: Vec<Option<Entry>>,
    free: Vec<Slot>,
}

impl Entries {
    pub fn insert(&mut self, entry: Entry) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(entry);
            return slot;
        }
        self.slots.push(Some(entry));
        Slot::try_from(self.slots.len() - 1).unwrap_or(Slot::MAX)
    }

    /// What waits in this slot will be read soon.
    pub fn expect(&self, slot: Slot) {
        if let Some(held) = self.slots.get(slot as usize) {
            prefetch(held);
        }
    }

    pub fn clear(&mut self, slot: Slot) {
        if let Some(held) = self.slots.get_mut(slot as usize)
            && held.is_some()
        {
            *held = None;
            self.free.push(slot);
        }
    }

    pub fn get(&self, slot: Slot) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The age of a ticket that a pool holds.
    pub fn age_key(&self, slot: Slot) -> AgeKey {
        self.at(slot).age_key()
    }

    /// The entry of a slot that a pool holds.
    pub fn at(&self, slot: Slot) -> &Entry {
        match self.get(slot) {
            Some(entry) => entry,
            None => unreachable!("pools hold waiting tickets only"),
        }
    }
}

/// Ordered by skill: the bits of the number such that they sort like it, then order of arrival.
///
/// In one number, as that compares without a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SkillKey(u128);

impl SkillKey {
    pub fn new(skill: f64, seq: u64) -> SkillKey {
        SkillKey((u128::from(order_bits(skill)) << 64) | u128::from(seq))
    }

    /// The number.
    pub fn skill(self) -> f64 {
        from_order_bits((self.0 >> 64) as u64)
    }

    /// The order of arrival.
    pub fn seq(self) -> u64 {
        self.0 as u64
    }
}

impl Halves for SkillKey {
    const MIN: SkillKey = SkillKey(0);
    const END: SkillKey = SkillKey(u128::MAX);

    fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    fn join(high: u64, low: u64) -> SkillKey {
        SkillKey((u128::from(high) << 64) | u128::from(low))
    }
}

/// A pool of so many tickets is too large for the processor's caches: some 300 bytes a ticket.
const LARGE_FROM: usize = 4_096;
/// How many of a pool's tickets ahead of one that widens their memory is asked for.
const SEATS_AHEAD: u64 = 12;
/// Chunks of a pool's ring of ages that one ticket that leaves may close.
const SET_ASIDE_MAX: usize = 4;

/// Those of a pool who are due.
pub(crate) type Due = SmallVec<[Slot; FEW]>;

/// Regions as bits: those with numbers from 63 on share the last.
pub(crate) type Mask = u64;

/// The last bit of a mask.
pub(crate) const SHARED_BIT: Mask = 1 << 63;

/// The bit of a region.
pub(crate) fn bit(region: RegionId) -> Mask {
    1 << region.min(63)
}

/// What tells the tickets of a pool apart but for their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    pub level: u16,
    pub players: u16,
    /// Where they may play now; all bits if `anywhere`.
    pub mask: Mask,
    pub anywhere: bool,
}

/// Pools with more classes than this have a [`Pool::recent`].
const RECENT_FROM: usize = 4;
/// Its places.
const RECENT: usize = 128;

impl Class {
    fn hash(&self) -> usize {
        let rest = (u64::from(self.level) << 32) | u64::from(self.players);
        let mixed = mix(self.mask ^ rest.rotate_left(17)) ^ u64::from(self.anywhere);
        mixed as usize
    }
}

/// A waiting ticket as the order by skill has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub slot: Slot,
    pub class: u32,
}

/// The bit by which walks find a class; those with numbers from 127 on share the last.
pub(crate) fn tag(class: u32) -> u128 {
    1 << class.min(127)
}

/// Whether the bit of a class is among these.
#[inline]
pub(crate) fn has_tag(tags: u128, class: u32) -> bool {
    (tags >> class.min(127)) & 1 != 0
}

/// The bit that classes share.
pub(crate) const SHARED_TAG: u128 = 1 << 127;

impl Tagged for Place {
    fn tags(&self) -> u128 {
        tag(self.class)
    }
}

/// Tickets of one queue with the same values of its equal attributes.
#[derive(Debug)]
pub(crate) struct Pool {
    pub key: PoolKey,
    /// That wait here or are in an emitted match.
    tickets: usize,
    pub by_skill: Sorted<SkillKey, Place>,
    /// Those of them who bring what is wanted.
    pub holders: Holders,
    /// All of them, oldest first, also those that may play nowhere yet.
    pub by_age: Ages,
    /// For each of [`Plan::afters`] who in the ring of ages has not come to it yet; the last one: who may expire next.
    cursors: Vec<Seat>,
    /// When those widen or expire whom no cursor meets then: (when, order of arrival).
    deadlines: BTreeMap<(Timestamp, u64), Slot>,
    /// The time for which the matcher has noted this pool, if it has: not after anything that is due here.
    pub noted: Option<Timestamp>,
    /// With how many tickets each has; the numbers of empty ones are used again.
    pub classes: Vec<(Class, u32)>,
    free_classes: Vec<u32>,
    class_of: BTreeMap<Class, u32>,
    /// For each class that has a tag of its own the tags of those who may play where it may.
    meets: Vec<u128>,
    /// By level the tags of its classes.
    of_level: Vec<u128>,
    /// Of tickets that came before this one not every possible match need have been found.
    pub unsure_before: u64,
    /// Of the oldest ticket its `seq`, if its search was complete since one was given up that may concern it.
    pub sure: Option<u64>,
    /// How many waited when the search of the oldest was given up.
    pub given_up_at: usize,
    /// Numbers of classes by their hash, as they were last; most are asked for here alone.
    recent: Vec<u32>,
}

impl Pool {
    fn new(key: PoolKey) -> Pool {
        Pool {
            key,
            tickets: 1,
            by_skill: Sorted::default(),
            holders: Holders::default(),
            by_age: Ages::default(),
            cursors: Vec::new(),
            deadlines: BTreeMap::new(),
            noted: None,
            classes: Vec::new(),
            free_classes: Vec::new(),
            class_of: BTreeMap::new(),
            meets: Vec::new(),
            of_level: Vec::new(),
            unsure_before: 0,
            sure: None,
            given_up_at: 0,
            recent: Vec::new(),
        }
    }

    /// Whether a match with this ticket may have been missed by a search of another that was given up.
    pub fn is_unsure(&self, entry: &Entry) -> bool {
        entry.seq < self.unsure_before && self.sure != Some(entry.seq)
    }

    /// Whether so many have gone since the search of the oldest was given up that another is worth it: a quarter, so
    /// that who comes and goes does not have it begun again and again.
    pub fn has_shrunk(&self) -> bool {
        4 * self.by_age.len() <= 3 * self.given_up_at
    }

    /// Whether all is tried in it.
    pub fn is_small(&self) -> bool {
        self.by_age.len() <= EXACT_TICKETS_MAX
    }

    /// Whether it is too large for the processor's caches, so that looking ahead saves more than it takes.
    pub fn is_large(&self) -> bool {
        self.by_age.len() >= LARGE_FROM
    }

    /// Who comes next to the age `which` of [`Plan::ages`], and when. Its cursor moves past those who have gone.
    fn head(&mut self, plan: &Plan, which: usize, entries: &Entries) -> Option<(Timestamp, Slot)> {
        self.cursors.resize(plan.ages.len(), Seat::default());
        let (seat, slot) = match self.by_age.from(self.cursors[which]) {
            Some(found) => found,
            None => {
                self.cursors[which] = self.by_age.end();
                return None;
            }
        };
        self.cursors[which] = seat;
        Some((entries.at(slot).created_at + plan.ages[which], slot))
    }

    /// Notes when a ticket is due, if no cursor meets it then.
    fn note_deadline(&mut self, plan: &Plan, slot: Slot, entry: &mut Entry) {
        entry.deadline = match entry.seat {
            ASIDE => deadline(plan, entry),
            _ if entry.expires.at() == entry.created_at.after(plan.queue.ticket_time_out) => None,
            _ => entry.expires.at(),
        };
        if let Some(at) = entry.deadline {
            self.deadlines.insert((at, entry.seq), slot);
        }
    }

    fn enter_class(&mut self, class: Class) -> u32 {
        if self.recent.is_empty() && self.classes.len() > RECENT_FROM {
            self.recent = vec![u32::MAX; RECENT];
        }
        let place = class.hash() % RECENT;
        let recent = self.recent.get(place).copied().unwrap_or(u32::MAX);
        if let Some((known, tickets @ 1..)) = self.classes.get_mut(recent as usize)
            && *known == class
        {
            *tickets += 1;
            return recent;
        }
        let number = self.look_up_class(class);
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = number;
        }
        number
    }

    fn look_up_class(&mut self, class: Class) -> u32 {
        if let Some(&number) = self.class_of.get(&class) {
            self.classes[number as usize].1 += 1;
            return number;
        }
        let number = match self.free_classes.pop() {
            Some(number) => {
                self.classes[number as usize] = (class, 1);
                number
            }
            None => {
                self.classes.push((class, 1));
                u32::try_from(self.classes.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.class_of.insert(class, number);
        self.note_meets(number);
        self.note_level(number);
        number
    }

    /// Notes at which level a new class is.
    fn note_level(&mut self, number: u32) {
        let level = usize::from(self.classes[number as usize].0.level);
        for tags in &mut self.of_level {
            *tags &= !tag(number) | SHARED_TAG;
        }
        if self.of_level.len() <= level {
            self.of_level.resize(level + 1, SHARED_TAG);
        }
        self.of_level[level] |= tag(number);
    }

    /// The tags of those who reach farther than this, and maybe of others.
    pub fn reaching(&self, plan: &Plan, tried: f64) -> u128 {
        let levels = self.of_level.iter().zip(0..);
        let wide = levels.filter(|&(_, level)| plan.reach(level) > tried);
        wide.fold(SHARED_TAG, |tags, (of_level, _)| tags | of_level)
    }

    /// Notes whom a new class may meet.
    fn note_meets(&mut self, number: u32) {
        let new = self.classes[number as usize].0;
        let mut met = SHARED_TAG;
        let known = self.meets.iter_mut().zip(&self.classes).zip(0_u32..);
        for ((meets, (other, _)), at) in known {
            // Where one may play anywhere its bits are all set.
            if other.mask & new.mask != 0 {
                *meets |= tag(number);
                met |= tag(at);
            } else if tag(number) != SHARED_TAG {
                *meets &= !tag(number);
            }
        }
        if tag(number) == SHARED_TAG {
            return;
        }
        if new.mask != 0 {
            met |= tag(number);
        }
        let at = number as usize;
        if self.meets.len() <= at {
            self.meets.resize(at + 1, 0);
        }
        self.meets[at] = met;
    }

    /// The tags of those whom a class may meet, and maybe of others.
    pub fn met_by(&self, class: u32) -> u128 {
        self.meets.get(class as usize).copied().unwrap_or(u128::MAX)
    }

    fn leave_class(&mut self, number: u32) {
        let (class, tickets) = &mut self.classes[number as usize];
        *tickets -= 1;
        if *tickets == 0 {
            self.class_of.remove(class);
            self.free_classes.push(number);
        }
    }

    fn place(&mut self, mask: Mask, slot: Slot, entry: &mut Entry) -> Place {
        let class = self.enter_class(Class {
            level: entry.level,
            players: entry.players,
            mask,
            anywhere: entry.anywhere,
        });
        entry.class = class;
        Place { slot, class }
    }
}

/// The regions that tickets of a queue named.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    /// By number.
    names: Vec<Region>,
    /// By name.
    order: Vec<(Region, RegionId)>,
}

impl Regions {
    /// The name of a region.
    pub fn get(&self, region: RegionId) -> Option<&Region> {
        self.names.get(region as usize)
    }

    /// Pings, which are ordered by region, with numbers for regions, the nearest first.
    ///
    /// # Errors
    /// The regions among them that have no number yet.
    pub fn near(&self, pings: &[Ping<'_>]) -> Result<Pings, Vec<Region>> {
        let (mut from, mut new) = (0, Vec::new());
        let near = pings.iter().map(|ping| {
            let known = self.known(ping.region, &mut from);
            if known.is_none() {
                new.push(ping.region.clone());
            }
            Near {
                region: known.unwrap_or_default(),
                worst_ms: ping.worst_ms,
                worst_delta_ms: ping.worst_delta_ms,
                measured: ping.measured,
            }
        });
        let mut near = Pings::new(near);
        if !new.is_empty() {
            return Err(new);
        }
        near.sort();
        Ok(near)
    }

    /// The number of a region, whoever names it.
    pub fn number(&mut self, region: &Region) -> RegionId {
        let mut at = 0;
        if let Some(number) = self.known(region, &mut at) {
            return number;
        }
        let number = RegionId::try_from(self.names.len()).unwrap_or(RegionId::MAX);
        self.names.push(region.clone());
        self.order.insert(at, (region.clone(), number));
        number
    }

    /// The number of a region, if it has one. `from` remembers where in their order the last one was, as they are asked
    /// for in it.
    fn known(&self, region: &Region, from: &mut usize) -> Option<RegionId> {
        while let Some((known, number)) = self.order.get(*from) {
            let order = order(known, region);
            if order.is_gt() {
                break;
            }
            *from += 1;
            if order.is_eq() {
                return Some(*number);
            }
        }
        None
    }

    /// Regions by name, the last first.
    pub fn backwards(&self) -> impl Iterator<Item = RegionId> + '_ {
        self.order.iter().rev().map(|&(_, number)| number)
    }
}

/// One queue: its plan and its pools.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub plan: Plan,
    pub sizes: Sizes,
    /// Empty ones are used again.
    pub pools: Vec<Pool>,
    free_pools: Vec<u32>,
    pool_of: BTreeMap<PoolKey, u32>,
    /// The pool that a ticket entered last: most of them are one and the same.
    recent: u32,
    pub regions: Regions,
    pub lexicon: Lexicon,
    pub waiting: usize,
}

impl QueueState {
    pub fn new(queue: Arc<Queue>) -> QueueState {
        let plan = Plan::new(queue);
        QueueState {
            sizes: Sizes::new(&plan),
            plan,
            pools: Vec::new(),
            free_pools: Vec::new(),
            pool_of: BTreeMap::new(),
            recent: 0,
            regions: Regions::default(),
            lexicon: Lexicon::default(),
            waiting: 0,
        }
    }

    /// Takes a revision that reads of tickets what the last one did; where the tickets wait is then out of date.
    pub fn replan(&mut self, queue: Arc<Queue>) {
        self.plan = Plan::new(queue);
        self.sizes = Sizes::new(&self.plan);
    }

    /// The pool of a key, for a ticket that enters it.
    pub fn pool(&mut self, key: PoolKey) -> u32 {
        if let Some(recent) = self.pools.get_mut(self.recent as usize)
            && recent.tickets > 0
            && recent.key == key
        {
            recent.tickets += 1;
            return self.recent;
        }
        self.recent = self.look_up_pool(key);
        self.recent
    }

    fn look_up_pool(&mut self, key: PoolKey) -> u32 {
        if let Some(&number) = self.pool_of.get(&key) {
            self.pools[number as usize].tickets += 1;
            return number;
        }
        let pool = Pool::new(key.clone());
        let number = match self.free_pools.pop() {
            Some(number) => {
                self.pools[number as usize] = pool;
                number
            }
            None => {
                self.pools.push(pool);
                u32::try_from(self.pools.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.pool_of.insert(key, number);
        number
    }

    /// The pool of a key, if any ticket belongs to it.
    pub fn pool_of(&self, key: &PoolKey) -> Option<&Pool> {
        self.pools.get(*self.pool_of.get(key)? as usize)
    }

    /// Puts a ticket into its pool; when it is due there.
    pub fn insert(&mut self, slot: Slot, entries: &mut Entries) -> Option<Timestamp> {
        let entry = entries.get_mut(slot)?;
        let pool = &mut self.pools[entry.pool as usize];
        entry.seat = pool.by_age.insert(entry.age_key(), slot);
        self.waiting += 1;
        let place = pool.place(mask(&self.plan, entry), slot, entry);
        let placed = pool.by_skill.insert(skill_key(entry), place);
        entry.leaf = placed.leaf;
        pool.holders.insert(&self.plan, slot, entry);
        pool.note_deadline(&self.plan, slot, entry);
        let due = deadline(&self.plan, entry);
        if let Some(parted) = placed.parted {
            for place in pool.by_skill.values(parted) {
                if let Some(moved) = entries.get_mut(place.slot) {
                    moved.leaf = parted;
                }
            }
        }
        due
    }

    /// Takes a waiting ticket out of its pool.
    pub fn remove(&mut self, slot: Slot, entries: &mut Entries) {
        let Some(entry) = entries.get(slot) else {
            return;
        };
        let number = entry.pool as usize;
        let pool = &mut self.pools[number];
        pool.by_age.remove(entry.seat, &entry.age_key());
        self.waiting -= 1;
        pool.by_skill.remove(entry.leaf, &skill_key(entry));
        pool.holders.remove(entry);
        pool.leave_class(entry.class);
        if let Some(at) = entry.deadline {
            pool.deadlines.remove(&(at, entry.seq));
        }
        for _ in 0..SET_ASIDE_MAX {
            if !pool.by_age.is_sparse() {
                return;
            }
            for slot in pool.by_age.set_aside(|slot| entries.age_key(slot)) {
                if let Some(entry) = entries.get_mut(slot) {
                    entry.seat = ASIDE;
                    if let Some(at) = entry.deadline {
                        pool.deadlines.remove(&(at, entry.seq));
                    }
                    pool.note_deadline(&self.plan, slot, entry);
                }
            }
        }
    }

    /// Notes that a ticket is gone for good; a pool that no ticket belongs to is forgotten.
    pub fn leave(&mut self, number: u32) {
        let pool = &mut self.pools[number as usize];
        pool.tickets -= 1;
        if pool.tickets == 0 {
            self.pool_of.remove(&pool.key);
            self.free_pools.push(number);
        }
    }

    /// Moves a waiting ticket to a wider level.
    pub fn widen(&mut self, slot: Slot, entry: &mut Entry, level: u16) {
        let pool = &mut self.pools[entry.pool as usize];
        let old = self.plan.level(entry.level);
        let same = old.reaches_like(self.plan.level(level));
        let known = pool.classes[entry.class as usize].0.mask;
        pool.leave_class(entry.class);
        entry.level = level;
        // Its pings are looked at only if the limits of latency widen too.
        let mask = if same { known } else { mask(&self.plan, entry) };
        let place = pool.place(mask, slot, entry);
        entry.leaf = pool.by_skill.set(entry.leaf, &skill_key(entry), place);
        if let Some(at) = entry.deadline {
            pool.deadlines.remove(&(at, entry.seq));
        }
        pool.note_deadline(&self.plan, slot, entry);
    }

    /// When the next ticket of a pool widens or expires.
    pub fn due_at(&mut self, number: u32, entries: &Entries) -> Option<Timestamp> {
        let pool = self.pools.get_mut(number as usize)?;
        let mut first = pool.deadlines.keys().next().map(|&(at, _)| at);
        for which in 0..self.plan.ages.len() {
            let head = pool.head(&self.plan, which, entries).map(|(at, _)| at);
            first = match (first, head) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        first
    }

    /// Moves up to `max` tickets of a pool that are due from its cursors to `out`; who they are and whether they
    /// really widen or expire has to be asked of each.
    pub fn take_due(
        &mut self,
        number: u32,
        now: Timestamp,
        max: usize,
        entries: &mut Entries,
        out: &mut Due,
    ) {
        let Some(pool) = self.pools.get_mut(number as usize) else {
            return;
        };
        // The oldest age first: those whose time is over, then those who widen last.
        for which in (0..self.plan.ages.len()).rev() {
            while out.len() < max
                && let Some((at, slot)) = pool.head(&self.plan, which, entries)
                && at <= now
            {
                if let Some(soon) = pool.by_age.at(pool.cursors[which].after(SEATS_AHEAD)) {
                    entries.expect(soon);
                }
                pool.cursors[which] = pool.cursors[which].next();
                out.push(slot);
            }
        }
        while out.len() < max
            && let Some((&key, &slot)) = pool.deadlines.first_key_value()
            && key.0 <= now
        {
            pool.deadlines.remove(&key);
            if let Some(entry) = entries.get_mut(slot) {
                entry.deadline = None;
            }
            out.push(slot);
        }
    }

    /// Where a ticket that will come soon is going to be, and in which pool; `None` if looking ahead saves nothing:
    /// where there are several pools, finding its own would take as long.
    pub fn ahead_of_new(&self, entry: &Entry) -> Option<(u32, Ahead<SkillKey>)> {
        let is_only = self.pools.len() == self.free_pools.len() + 1;
        (is_only && self.pools[self.recent as usize].is_large()).then(|| {
            let key = SkillKey::new(entry.skill(), u64::MAX);
            (self.recent, self.ahead(LeafId::NONE, key, 0))
        })
    }

    /// Where a waiting ticket of a large pool is that will come to its next level soon.
    pub fn ahead_of_widened(&self, entry: &Entry) -> Option<Ahead<SkillKey>> {
        let is_large = self.pools.get(entry.pool as usize)?.is_large();
        let level = entry.level.saturating_add(1);
        is_large.then(|| self.ahead(entry.leaf, skill_key(entry), level))
    }

    fn ahead(&self, leaf: LeafId, key: SkillKey, level: u16) -> Ahead<SkillKey> {
        let reach = self.plan.reach(level);
        Ahead {
            key,
            leaf,
            low: SkillKey::new(key.skill() - reach, 0),
            high: SkillKey::new(key.skill() + reach, u64::MAX),
        }
    }

    /// This waiting ticket will leave its pool soon.
    pub fn expect_to_leave(&self, entry: &Entry) {
        let pool = &self.pools[entry.pool as usize];
        pool.by_age.expect(entry.seat);
        pool.by_skill.expect_at(entry.leaf);
    }

    /// Notes when a waiting ticket is due next, if none of the cursors will meet it then.
    pub fn renew_deadline(&mut self, slot: Slot, entry: &mut Entry) {
        if entry.deadline.is_none() {
            self.pools[entry.pool as usize].note_deadline(&self.plan, slot, entry);
        }
    }
}

/// When a ticket widens or expires next.
fn deadline(plan: &Plan, entry: &Entry) -> Option<Timestamp> {
    let after = plan.afters.get(usize::from(entry.level)).copied();
    let widens = after.map(|after| entry.created_at + model::Millis(after));
    match (widens, entry.expires.at()) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn mask(plan: &Plan, entry: &Entry) -> Mask {
    if entry.anywhere {
        return Mask::MAX;
    }
    let level = plan.level(entry.level);
    let near = entry.pings.iter().filter(|ping| level.is_near(ping));
    near.fold(0, |mask, ping| mask | bit(ping.region))
}

/// Where a ticket stands in its pool's order.
pub(crate) fn skill_key(entry: &Entry) -> SkillKey {
    SkillKey::new(entry.skill(), entry.seq)
}

/// Bits that sort like the number.
pub(crate) fn order_bits(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | (1 << 63)
    }
}

/// The number whose [`order_bits`] these are.
fn from_order_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 {
        bits & !(1 << 63)
    } else {
        !bits
    })
}

/// Whether a ticket may play there now; `None`: only where everybody may play anywhere.
pub(crate) fn plays_in(plan: &Plan, entry: &Entry, region: Option<RegionId>) -> bool {
    let listed = || {
        let ping = entry.ping(region?)?;
        Some(plan.level(entry.level).is_near(ping))
    };
    entry.anywhere || listed().unwrap_or(false)
}
