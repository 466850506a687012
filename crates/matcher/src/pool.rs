//! Where tickets wait: pools by equal attributes, inside by region, level and party size, ordered by skill.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use model::queue::Queue;
use model::{Region, Timestamp};

use crate::entry::{AgeKey, Entry, Fit, PoolKey};
use crate::plan::{Counts, Plan, Sizes};

/// Pools of at most this many tickets are searched exhaustively, every time.
pub(crate) const EXACT_TICKETS_MAX: usize = 16;
/// Of a pool's oldest tickets so many are candidates however far they are from the nearest.
const OLDEST_LOOKED_AT: usize = 4;
/// Tickets looked at on each side of a class when a search begins.
const SCAN_MAX: usize = 512;
/// A search that has found nothing looks at up to `SCAN_MAX << SCAN_DOUBLINGS_MAX`.
const SCAN_DOUBLINGS_MAX: u32 = 6;

/// Waiting tickets by their place in [`Entries`].
pub(crate) type Slot = u32;

/// All tickets that wait, by slot.
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

    pub fn take(&mut self, slot: Slot) -> Option<Entry> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(entry)
    }

    pub fn get(&self, slot: Slot) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The entry of a slot that a pool holds.
    pub fn at(&self, slot: Slot) -> &Entry {
        match self.get(slot) {
            Some(entry) => entry,
            None => unreachable!("pools hold waiting tickets only"),
        }
    }
}

/// Ordered by skill: the bits of the number such that they sort like it, then age of arrival.
type SkillKey = (u64, u64);

/// Tickets of one level and party size in one region.
type Class = BTreeMap<SkillKey, Slot>;

/// Tickets that may play in one region.
#[derive(Debug, Default)]
pub(crate) struct RegionPool {
    classes: BTreeMap<(u16, u16), Class>,
    /// Of listed sizes; saturates.
    tickets_by_size: [u32; 16],
    /// In all tickets.
    pub players: u64,
}

/// Tickets of one queue with the same values of its equal attributes.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// `None`: tickets that may play anywhere.
    pub regions: BTreeMap<Option<Region>, RegionPool>,
    /// All of them, oldest first, also those that may play nowhere yet.
    pub by_age: BTreeMap<AgeKey, Slot>,
}

/// One queue: its plan and its pools.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub plan: Plan,
    pub sizes: Sizes,
    pub pools: BTreeMap<PoolKey, Pool>,
    pub waiting: usize,
}

impl QueueState {
    pub fn new(queue: Arc<Queue>) -> QueueState {
        let plan = Plan::new(queue);
        QueueState {
            sizes: Sizes::new(&plan),
            plan,
            pools: BTreeMap::new(),
            waiting: 0,
        }
    }

    /// Puts a ticket into its pools.
    pub fn insert(&mut self, slot: Slot, entry: &Entry) {
        let pool = match self.pools.get_mut(&entry.fit.key) {
            Some(pool) => pool,
            None => self.pools.entry(entry.fit.key.clone()).or_default(),
        };
        pool.by_age.insert(entry.age_key(), slot);
        self.waiting += 1;
        index(&self.plan, pool, slot, entry);
    }

    /// Takes a ticket out of its pools.
    pub fn remove(&mut self, entry: &Entry) {
        let Some(pool) = self.pools.get_mut(&entry.fit.key) else {
            return;
        };
        if pool.by_age.remove(&entry.age_key()).is_none() {
            return;
        }
        self.waiting -= 1;
        unindex(&self.plan, pool, entry);
        if pool.by_age.is_empty() {
            self.pools.remove(&entry.fit.key);
        }
    }

    /// Moves a waiting ticket to a wider level.
    pub fn widen(&mut self, slot: Slot, entry: &mut Entry, level: u16) {
        let Some(pool) = self.pools.get_mut(&entry.fit.key) else {
            return;
        };
        unindex(&self.plan, pool, entry);
        entry.level = level;
        index(&self.plan, pool, slot, entry);
    }
}

/// The regions in which a ticket of this level may play.
fn regions<'a>(
    plan: &'a Plan,
    fit: &'a Fit,
    level: u16,
) -> impl Iterator<Item = Option<Region>> + 'a {
    let level = plan.level(level);
    let listed = fit.pings.iter().filter(|ping| level.accepts(ping));
    let listed = listed.map(|ping| Some(ping.region.clone()));
    listed.chain(fit.anywhere.then_some(None))
}

fn index(plan: &Plan, pool: &mut Pool, slot: Slot, entry: &Entry) {
    for region in regions(plan, &entry.fit, entry.level) {
        let place = pool.regions.entry(region).or_default();
        let class = place
            .classes
            .entry((entry.level, entry.fit.players))
            .or_default();
        class.insert((order_bits(entry.fit.skill()), entry.seq), slot);
        place.players += u64::from(entry.fit.players);
        if let Some(n) = place
            .tickets_by_size
            .get_mut(usize::from(entry.fit.players) - 1)
        {
            *n += 1;
        }
    }
}

fn unindex(plan: &Plan, pool: &mut Pool, entry: &Entry) {
    for region in regions(plan, &entry.fit, entry.level) {
        let Some(place) = pool.regions.get_mut(&region) else {
            continue;
        };
        let key = (entry.level, entry.fit.players);
        if let Some(class) = place.classes.get_mut(&key) {
            class.remove(&(order_bits(entry.fit.skill()), entry.seq));
            if class.is_empty() {
                place.classes.remove(&key);
            }
        }
        place.players -= u64::from(entry.fit.players);
        if let Some(n) = place
            .tickets_by_size
            .get_mut(usize::from(entry.fit.players) - 1)
        {
            *n -= 1;
        }
        if place.classes.is_empty() {
            pool.regions.remove(&region);
        }
    }
}

/// Bits that sort like the number.
fn order_bits(x: f64) -> u64 {
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

/// What a search found to look at in one region.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Without the ticket that searches; no order yet.
    pub slots: Vec<Slot>,
    /// Some class was not scanned far enough to know its nearest acceptable tickets.
    pub truncated: bool,
    /// Tickets looked at.
    pub looked_at: u64,
}

/// Everything that gathering needs to know about the ticket that searches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeker<'a> {
    pub slot: Slot,
    pub entry: &'a Entry,
    pub now: Timestamp,
    /// How often this search has decided to look farther.
    pub widened: u32,
}

impl RegionPool {
    /// Parties by listed size, together with those of `other`.
    pub fn counts(&self, other: Option<&RegionPool>) -> Counts {
        let mut counts = Counts::default();
        for (size, n) in counts.iter_mut().enumerate() {
            let more = other.map_or(0, |o| o.tickets_by_size[size]);
            *n = u8::try_from(self.tickets_by_size[size].saturating_add(more)).unwrap_or(u8::MAX);
        }
        counts
    }
}

/// The tickets of `place` that the seeker and they accept each other, the nearest of each class.
pub(crate) fn gather(
    queue: &QueueState,
    entries: &Entries,
    seeker: Seeker<'_>,
    place: &RegionPool,
    out: &mut Gathered,
) {
    let plan = &queue.plan;
    let own = seeker.entry;
    let scan_max = SCAN_MAX << seeker.widened.min(SCAN_DOUBLINGS_MAX);
    let room = plan.players_max.saturating_sub(u32::from(own.fit.players));
    for (&(level, size), class) in &place.classes {
        let wanted = wanted(plan, room, size);
        let limit = plan
            .level(own.level)
            .distance
            .first()
            .zip(plan.level(level).distance.first());
        let limit = limit.map_or(f64::INFINITY, |(a, b)| a.min(*b));
        let from = (order_bits(own.fit.skill()), own.seq);
        let up = class.range((Bound::Excluded(from), Bound::Unbounded));
        let down = class.range(..from).rev();
        let sides: [&mut dyn Iterator<Item = (&SkillKey, &Slot)>; 2] = [&mut { up }, &mut { down }];
        for side in sides {
            let (mut found, mut scanned) = (0, 0);
            for (&(skill_bits, _), &slot) in side {
                // The same expression as the rule's, so that rounding can't part them; from the key,
                // so that a ticket out of reach is not touched.
                let gap = (own.fit.skill() - from_order_bits(skill_bits)).abs();
                if found >= wanted || gap > limit {
                    break;
                }
                if scanned >= scan_max {
                    out.truncated |= seeker.widened < SCAN_DOUBLINGS_MAX;
                    break;
                }
                scanned += 1;
                let other = entries.at(slot);
                if accept_each_other(plan, own, other) && !other.is_expired(seeker.now) {
                    out.slots.push(slot);
                    found += 1;
                }
            }
            out.looked_at += scanned as u64;
        }
    }
}

/// The pool's oldest tickets that may play in `region` with the seeker.
pub(crate) fn gather_oldest(
    plan: &Plan,
    entries: &Entries,
    seeker: Seeker<'_>,
    pool: &Pool,
    region: Option<&Region>,
    out: &mut Gathered,
) {
    for &slot in pool.by_age.values().take(OLDEST_LOOKED_AT) {
        let other = entries.at(slot);
        let here = plays_in(plan, other, region);
        let fits = here && slot != seeker.slot && !other.is_expired(seeker.now);
        if fits && accept_each_other(plan, seeker.entry, other) {
            out.slots.push(slot);
        }
    }
}

/// Whether a ticket may play there now; `None`: only where everybody may play anywhere.
pub(crate) fn plays_in(plan: &Plan, entry: &Entry, region: Option<&Region>) -> bool {
    let listed = || {
        entry
            .fit
            .ping(region?)
            .map(|ping| plan.level(entry.level).accepts(ping))
    };
    entry.fit.anywhere || listed().unwrap_or(false)
}

/// How many tickets of this size a class has to give on each side of the seeker.
///
/// Where only distance and sizes matter, a match of farther tickets can always be changed into one of
/// the nearest of each class, so as many as fit are enough to decide whether there is a match.
fn wanted(plan: &Plan, room: u32, size: u16) -> usize {
    let fit = (room / u32::from(size.max(1))) as usize;
    if plan.is_simple() || fit == 0 {
        fit
    } else {
        (fit * 2).max(EXACT_TICKETS_MAX)
    }
}

/// Whether each ticket is within the other's limits: distances and shared values.
fn accept_each_other(plan: &Plan, a: &Entry, b: &Entry) -> bool {
    let limits = plan
        .level(a.level)
        .distance
        .iter()
        .zip(&plan.level(b.level).distance);
    let numbers = a.fit.numbers.iter().zip(&b.fit.numbers);
    let near = numbers
        .zip(limits)
        .all(|((x, y), (l, m))| (x - y).abs() <= l.min(*m));
    let shared = || {
        let pairs = a.fit.shared.iter().zip(&b.fit.shared).zip(&plan.intersect);
        pairs
            .into_iter()
            .all(|((x, y), (_, min))| common(x, y).count() >= *min)
    };
    near && shared()
}

/// The values that are in both sorted lists.
pub(crate) fn common<'a>(
    a: &'a [Arc<str>],
    b: &'a [Arc<str>],
) -> impl Iterator<Item = &'a Arc<str>> {
    a.iter().filter(|value| b.binary_search(value).is_ok())
}
