//! What a search looks at: the nearest tickets of each class that the ticket which searches and they accept each other.

use model::Timestamp;
use smallvec::SmallVec;

use crate::entry::{Entry, RegionId};
use crate::facts::shared_by_two;
use crate::order::arrange;
use crate::plan::Plan;
use crate::pool::{
    Class, EXACT_TICKETS_MAX, Entries, Mask, Place, Pool, QueueState, SHARED_BIT, SHARED_TAG,
    SkillKey, Slot, bit, has_tag, plays_in, skill_key, tag,
};
use crate::sorted::{FULL, Halves as _, Spot};
use crate::wanted::gather_wanted;

/// Of a pool's oldest tickets so many are candidates however far they are from the nearest.
const OLDEST_LOOKED_AT: usize = 4;
/// If no more than so many who may be met are within reach, all of them are taken.
const WHOLE_MAX: u64 = 16;
/// The same of all who are within reach of skill, whether the ticket may meet them or not.
const WHOLE_PASSED_MAX: usize = 64;
/// With more than so many on a side it is not tried.
const CROWD: usize = 8;
/// Tickets looked at on each side of a class when a search begins.
const SCAN_MAX: u32 = 512;
/// A search that has found nothing looks at up to `SCAN_MAX << SCAN_DOUBLINGS_MAX`.
const SCAN_DOUBLINGS_MAX: u32 = 6;
/// Of a sum or a difference, more than it can be off by, relative to the larger number.
const ROUNDING: f64 = 1e-12;
/// Items passed over on each side, for each that may be looked at; only classes that share a tag are passed over.
const PASSED_MAX: u32 = 16;

/// Nearness to the ticket that searches: the difference in skill, then order of arrival.
pub(crate) type NearKey = (u64, u64);

/// A ticket that the one which searches may meet, as far as pairs of them decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub near: NearKey,
    pub slot: Slot,
    pub players: u16,
    pub level: u16,
    pub skill: f64,
    /// Where it may play now.
    pub mask: Mask,
    pub anywhere: bool,
}

impl Candidate {
    /// A ticket so far away from the one which searches.
    fn new(key: SkillKey, slot: Slot, gap: f64, kind: &Class) -> Candidate {
        Candidate {
            near: (gap.to_bits(), key.seq()),
            slot,
            players: kind.players,
            level: kind.level,
            skill: key.skill(),
            mask: kind.mask,
            anywhere: kind.anywhere,
        }
    }
}

/// What a search found to look at, and what it notes while it looks; kept from one search to the next.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Without the ticket that searches; ordered by skill.
    pub candidates: Vec<Candidate>,
    /// Some class was not scanned far enough to know its nearest acceptable tickets.
    pub truncated: bool,
    /// There may be acceptable tickets that are no candidates, and that could make a difference. As long as a search may
    /// look farther it is truncated then.
    pub partial: bool,
    /// Tickets looked at.
    pub looked_at: u64,
    /// Sets and splits tried.
    pub steps: u64,
    /// Whether a set was passed over as no split of it was found, where there may be one; of the slices before too.
    pub gave_up: bool,
    /// Whether there may be a match with the pool's oldest instead of the one that was found.
    pub passed_over: bool,
    /// For each class, valid where its walk is this one.
    quotas: Vec<Quota>,
    walk: u64,
}

impl Gathered {
    /// Forgets the last search, where so many were looked at so far.
    pub fn begin(&mut self, looked_at: u64) {
        self.candidates.clear();
        (self.truncated, self.partial, self.looked_at) = (false, false, looked_at);
        self.passed_over = false;
    }
}

/// What is still wanted of a class in one walk.
#[derive(Debug, Clone, Copy, Default)]
struct Quota {
    walk: u64,
    /// On each side.
    of_side: u32,
    wanted: u32,
    scanned: u32,
    limit: f64,
}

/// Everything that gathering needs to know about the ticket that searches.
#[derive(Clone, Copy)]
pub(crate) struct Seeker<'a> {
    pub queue: &'a QueueState,
    pub entries: &'a Entries,
    pub pool: &'a Pool,
    pub slot: Slot,
    pub entry: &'a Entry,
    /// Set if tickets may wait whose time is over.
    pub overdue: Option<Timestamp>,
    /// How often this search has decided to look farther.
    pub widened: u32,
    /// Those who reach no farther than this need not be looked at.
    pub tried: Option<f64>,
    /// Those whom this ticket can't meet need not be looked at either.
    pub with: Option<Slot>,
}

impl Seeker<'_> {
    fn class(&self) -> &Class {
        &self.pool.classes[self.entry.class as usize].0
    }

    fn limit(&self, level: u16) -> f64 {
        let plan = &self.queue.plan;
        plan.reach(self.entry.level).min(plan.reach(level))
    }

    fn scan_max(&self) -> u32 {
        SCAN_MAX << self.widened.min(SCAN_DOUBLINGS_MAX)
    }

    /// What is wanted of a class on one side.
    fn quota(&self, class: &Class) -> Quota {
        let plan = &self.queue.plan;
        let own = self.class();
        let shared = own.mask & class.mask;
        let room = plan
            .players_max
            .saturating_sub(u32::from(self.entry.players));
        let mut wanted = wanted(plan, room, class.players);
        if !plan.is_simple() {
            wanted = wanted.saturating_mul(1 << self.widened.min(SCAN_DOUBLINGS_MAX));
        }
        if shared == 0 && !(own.anywhere && class.anywhere) {
            wanted = 0;
        } else if wanted > 0 && shared & SHARED_BIT != 0 && !(own.anywhere || class.anywhere) {
            // These may be in different regions, so that some of them do not tell of all.
            wanted = u32::MAX;
        }
        if self
            .tried
            .is_some_and(|tried| plan.reach(class.level) <= tried)
        {
            wanted = 0;
        }
        Quota {
            walk: 0,
            of_side: wanted,
            wanted,
            scanned: 0,
            limit: self.limit(class.level),
        }
    }

    /// The tags of classes that may have somebody whom it may meet and who makes a difference.
    fn wanted_tags(&self) -> u128 {
        let known = match self.pool.classes.len() {
            classes @ 0..=127 => (1 << classes) - 1,
            _ => u128::MAX,
        };
        let plan = &self.queue.plan;
        let reaching = self
            .tried
            .map_or(u128::MAX, |tried| self.pool.reaching(plan, tried));
        self.pool.met_by(self.entry.class) & known & reaching
    }

    /// Whether skill and place alone say that a ticket is acceptable.
    fn is_plain(&self) -> bool {
        let plan = &self.queue.plan;
        self.overdue.is_none()
            && self.with.is_none()
            && plan.distance.len() <= 1
            && plan.intersect.is_empty()
            && !plan.finals.parts_pairs()
    }

    fn accepts(&self, slot: Slot) -> bool {
        let plan = &self.queue.plan;
        let other = self.entries.at(slot);
        let live = self.overdue.is_none_or(|now| !other.is_expired(now));
        let meets =
            |with: Slot| with == slot || accept_each_other(plan, self.entries.at(with), other);
        live && accept_each_other(plan, self.entry, other) && self.with.is_none_or(meets)
    }
}

/// Gathers the nearest of each class, and of the oldest those that fit.
pub(crate) fn gather(seeker: Seeker<'_>, out: &mut Gathered) {
    out.begin(0);
    let order = &seeker.pool.by_skill;
    let start = order.spot_near(seeker.entry.leaf, &skill_key(seeker.entry));
    let reach = bounds(seeker);
    let is_crowded = order.is_crowded(start, reach, CROWD);
    let is_whole = !is_crowded && take_all(seeker, start, reach, out);
    if !is_whole {
        out.candidates.clear();
        both_sides(seeker, start, reach, out);
    }
    let near = out.candidates.len();
    if !is_whole {
        gather_oldest(seeker, out);
        gather_wanted(seeker, out);
    }
    arrange(seeker, out);
    if out.candidates.len() > near {
        out.candidates.sort_by(|a, b| a.skill.total_cmp(&b.skill));
    }
    // Whoever brings what is wanted has been looked for by himself: where nobody does, the others are no help.
    out.partial &= out.truncated || brings_enough(seeker, out);
    out.truncated |= out.partial && seeker.widened < SCAN_DOUBLINGS_MAX;
}

/// Whether the candidates may bring what the ticket's match must have.
fn brings_enough(seeker: Seeker<'_>, out: &Gathered) -> bool {
    let plan = &seeker.queue.plan;
    let seats = plan
        .players_max
        .saturating_sub(u32::from(seeker.entry.players));
    let others = out.candidates.iter().map(|c| seeker.entries.at(c.slot));
    let own = std::iter::once(seeker.entry);
    plan.wanted.len() == 0 || plan.wanted.can_be_met(own, others, seats)
}

/// Takes everybody within reach whom the ticket may meet; whether they are few enough for that.
fn take_all(
    seeker: Seeker<'_>,
    start: Spot,
    (lowest, highest): (SkillKey, SkillKey),
    out: &mut Gathered,
) -> bool {
    let order = &seeker.pool.by_skill;
    let mut all = All::new(seeker);
    // No number is told apart from its bits here: whether somebody really is within reach is asked of each.
    let (lowest, highest) = (lowest.halves().0, highest.halves().0);
    order.leaves_below(start, |high, rows| {
        let near = high.iter().rev().take_while(|high| **high >= lowest);
        let from = high.len() - near.count();
        let found = all.wanted(&rows[from..]);
        let found = found.iter().rev().map(|&at| from + usize::from(at));
        found.for_each(|at| all.take(out, high[at], rows[at]));
        from == 0 && !all.is_crowded(out)
    });
    out.candidates.reverse();
    order.leaves_from(start, |high, rows| {
        let near = high.iter().take_while(|high| **high <= highest);
        let upto = near.count();
        let found = all.wanted(&rows[..upto]);
        let found = found.iter().map(|&at| usize::from(at));
        found.for_each(|at| all.take(out, high[at], rows[at]));
        upto == high.len() && !all.is_crowded(out)
    });
    !all.is_crowded(out)
}

/// A walk that takes everybody.
struct All<'a> {
    seeker: Seeker<'a>,
    skill: f64,
    limit: f64,
    mask: Mask,
    /// As [`Seeker::wanted_tags`].
    tags: u128,
    /// As [`Seeker::tried`], or below every reach.
    tried: f64,
    /// Whether skill and place alone say that a ticket is acceptable.
    is_plain: bool,
    passed: usize,
}

impl<'a> All<'a> {
    fn new(seeker: Seeker<'a>) -> All<'a> {
        All {
            seeker,
            skill: seeker.entry.skill(),
            limit: seeker.queue.plan.reach(seeker.entry.level),
            mask: seeker.class().mask,
            tags: seeker.wanted_tags(),
            tried: seeker.tried.unwrap_or(f64::NEG_INFINITY),
            is_plain: seeker.is_plain(),
            passed: 0,
        }
    }

    /// How far away this half of a key is.
    #[inline]
    fn gap(&self, high: u64) -> f64 {
        // The same expression as the rule's, so that rounding can't part them; from the key, so that a
        // ticket out of reach is not touched.
        (self.skill - SkillKey::join(high, 0).skill()).abs()
    }

    fn is_crowded(&self, out: &Gathered) -> bool {
        self.passed > WHOLE_PASSED_MAX || out.looked_at > WHOLE_MAX
    }

    /// Whom of some it may want: noted without a branch, as nothing foretells them.
    #[inline]
    fn wanted(&mut self, rows: &[(u64, Place)]) -> SmallVec<[u8; FULL]> {
        self.passed += rows.len();
        let (mut found, mut n) = ([0; FULL], 0);
        for ((_, place), at) in rows.iter().zip(0_u8..) {
            found[n.min(FULL - 1)] = at;
            let is_wanted = has_tag(self.tags, place.class);
            n += usize::from(is_wanted & (place.slot != self.seeker.slot));
        }
        SmallVec::from_buf_and_len(found, n.min(FULL))
    }

    /// Takes an item, if the ticket may meet it.
    #[inline]
    fn take(&mut self, out: &mut Gathered, high: u64, (seq, place): (u64, Place)) {
        let (kind, _) = &self.seeker.pool.classes[place.class as usize];
        let reach = self.seeker.queue.plan.reach(kind.level);
        let gap = self.gap(high);
        // Classes that share a tag are told apart here.
        if kind.mask & self.mask == 0 || reach <= self.tried || gap > self.limit {
            return;
        }
        out.looked_at += 1;
        if out.looked_at <= WHOLE_MAX
            && gap <= reach
            && (self.is_plain || self.seeker.accepts(place.slot))
        {
            let key = SkillKey::join(high, seq);
            out.candidates
                .push(Candidate::new(key, place.slot, gap, kind));
        }
    }
}

/// Walks down, then up, between these keys, and takes of each class the nearest.
fn both_sides(
    seeker: Seeker<'_>,
    start: Spot,
    (low, high): (SkillKey, SkillKey),
    out: &mut Gathered,
) {
    let (pool, mut walk) = (seeker.pool, Walk::new(seeker));
    let order = &pool.by_skill;
    out.quotas.resize(pool.classes.len(), Quota::default());
    out.walk += 1;
    let mut spot = start;
    while let Some((items, next)) = order.down_until(spot, walk.tags, Some(low)) {
        if !walk.take_wanted(out, items.rev()) {
            break;
        }
        spot = next;
    }
    out.candidates.reverse();
    out.walk += 1;
    walk.turn();
    spot = start;
    while let Some((items, next)) = order.up_until(spot, walk.tags, Some(high)) {
        if !walk.take_wanted(out, items) {
            break;
        }
        spot = next;
    }
}

/// Beyond these nobody is within reach, however differences are rounded.
pub(crate) fn bounds(seeker: Seeker<'_>) -> (SkillKey, SkillKey) {
    let (skill, limit) = (seeker.entry.skill(), seeker.limit(u16::MAX));
    let reach = limit + (limit + skill.abs()) * ROUNDING;
    (
        SkillKey::new(skill - reach, 0),
        SkillKey::new(skill + reach, u64::MAX),
    )
}

/// A walk to one side, then to the other.
struct Walk<'a> {
    seeker: Seeker<'a>,
    skill: f64,
    own_limit: f64,
    scan_max: u32,
    passed: u32,
    /// Of classes of which more may be wanted.
    tags: u128,
    /// [`Walk::tags`] as they were at the start.
    all_tags: u128,
    /// Whether the other side was walked before.
    second: bool,
    /// Whether skill and place alone say that a ticket is acceptable.
    is_plain: bool,
    /// Whether the nearest of each class, as many as are wanted, stand for all of it.
    nearest_do: bool,
}

impl<'a> Walk<'a> {
    fn new(seeker: Seeker<'a>) -> Walk<'a> {
        let (plan, tags) = (&seeker.queue.plan, seeker.wanted_tags());
        Walk {
            seeker,
            skill: seeker.entry.skill(),
            own_limit: seeker.limit(u16::MAX),
            scan_max: seeker.scan_max(),
            passed: 0,
            tags,
            all_tags: tags,
            second: false,
            is_plain: seeker.is_plain(),
            nearest_do: plan.is_simple(),
        }
    }

    /// Turns to the other side.
    fn turn(&mut self) {
        (self.second, self.passed, self.tags) = (true, 0, self.all_tags);
    }

    /// Takes those that are of a class of which more may be wanted; whether the walk goes on.
    #[inline]
    fn take_wanted(
        &mut self,
        out: &mut Gathered,
        items: impl Iterator<Item = (SkillKey, Place)>,
    ) -> bool {
        for (key, place) in items {
            if has_tag(self.tags, place.class) && !self.take(out, key, place) {
                return false;
            }
        }
        true
    }

    /// Takes the next item, if more of its class is wanted; whether the walk goes on.
    fn take(&mut self, out: &mut Gathered, key: SkillKey, place: Place) -> bool {
        let Gathered {
            candidates,
            truncated,
            partial,
            looked_at,
            quotas,
            walk,
            ..
        } = out;
        if place.slot == self.seeker.slot {
            return true;
        }
        let class = tag(place.class);
        let skill = key.skill();
        // The same expression as the rule's, so that rounding can't part them; from the key, so that a
        // ticket out of reach is not touched.
        let gap = (self.skill - skill).abs();
        if gap > self.own_limit {
            return false;
        }
        let (kind, _) = &self.seeker.pool.classes[place.class as usize];
        let quota = &mut quotas[place.class as usize];
        if quota.walk != *walk {
            if self.second && quota.walk + 1 == *walk {
                (quota.wanted, quota.scanned) = (quota.of_side, 0);
            } else {
                *quota = self.seeker.quota(kind);
            }
            quota.walk = *walk;
        }
        if gap > quota.limit {
            quota.wanted = 0;
            return self.close(class, truncated, partial);
        }
        if quota.wanted == 0 {
            // One more than are wanted; without it they were all there are.
            *partial |= quota.of_side > 0 && !self.nearest_do;
            return self.close(class, truncated, partial);
        }
        if quota.scanned >= self.scan_max {
            *truncated |= self.seeker.widened < SCAN_DOUBLINGS_MAX;
            *partial = true;
            quota.wanted = 0;
            return self.close(class, truncated, partial);
        }
        quota.scanned += 1;
        *looked_at += 1;
        if self.is_plain || self.seeker.accepts(place.slot) {
            quota.wanted -= 1;
            candidates.push(Candidate::new(key, place.slot, gap, kind));
        }
        true
    }

    /// Notes that no more is wanted of a class; whether the walk goes on.
    fn close(&mut self, class: u128, truncated: &mut bool, partial: &mut bool) -> bool {
        if class != SHARED_TAG {
            self.tags &= !class;
            return self.tags != 0;
        }
        self.passed += 1;
        let goes_on = self.passed < self.scan_max * PASSED_MAX;
        *truncated |= !goes_on && self.seeker.widened < SCAN_DOUBLINGS_MAX;
        *partial |= !goes_on;
        goes_on
    }
}

/// The pool's oldest tickets that may play somewhere with the seeker.
fn gather_oldest(seeker: Seeker<'_>, out: &mut Gathered) {
    let plan = &seeker.queue.plan;
    if out.candidates.is_empty() && plan.is_simple() && !out.truncated {
        // Whoever is acceptable is within reach, and nobody is.
        return;
    }
    for (_, slot) in seeker
        .pool
        .by_age
        .iter(|slot| seeker.entries.age_key(slot))
        .take(OLDEST_LOOKED_AT)
    {
        if slot == seeker.slot {
            continue;
        }
        let known = || out.candidates.iter().any(|c| c.slot == slot);
        let found = candidate(seeker, slot).filter(|_| !known());
        out.candidates.extend(found);
    }
}

/// A ticket of the pool that may play somewhere with the seeker, if both accept each other.
pub(crate) fn candidate(seeker: Seeker<'_>, slot: Slot) -> Option<Candidate> {
    let other = seeker.entries.at(slot);
    let kind = &seeker.pool.classes[other.class as usize].0;
    let meets = seeker.class().mask & kind.mask != 0;
    (meets && seeker.accepts(slot)).then(|| Candidate {
        near: (
            (seeker.entry.skill() - other.skill()).abs().to_bits(),
            other.seq,
        ),
        slot,
        players: other.players,
        level: other.level,
        skill: other.skill(),
        mask: kind.mask,
        anywhere: kind.anywhere,
    })
}

/// Whether a candidate may play in a region where the ticket that searches may.
pub(crate) fn is_in(
    plan: &Plan,
    entries: &Entries,
    candidate: &Candidate,
    region: Option<RegionId>,
) -> bool {
    match region {
        _ if candidate.anywhere => true,
        None => false,
        Some(region) if bit(region) == SHARED_BIT => {
            plays_in(plan, entries.at(candidate.slot), Some(region))
        }
        Some(region) => candidate.mask & bit(region) != 0,
    }
}

/// How many tickets of this size a class has to give on each side of the seeker.
///
/// Where only distance and sizes matter, a match of farther tickets can always be changed into one of
/// the nearest of each class, so as many as fit are enough to decide whether there is a match.
fn wanted(plan: &Plan, room: u32, size: u16) -> u32 {
    let fit = room / u32::from(size.max(1));
    if plan.is_simple() || fit == 0 {
        fit
    } else {
        (fit * 2).max(EXACT_TICKETS_MAX as u32)
    }
}

/// Whether each ticket is within the other's limits, and no rule keeps them out of every match with both.
fn accept_each_other(plan: &Plan, a: &Entry, b: &Entry) -> bool {
    let limits = plan
        .level(a.level)
        .distance
        .iter()
        .zip(&plan.level(b.level).distance);
    let numbers = a.numbers.iter().zip(&b.numbers);
    let near = numbers
        .zip(limits)
        .all(|((x, y), (l, m))| (x - y).abs() <= l.min(*m));
    let share = || {
        let mut rules = plan.intersect.iter();
        rules.all(|&(cell, min)| shared_by_two(&a.facts, &b.facts, cell) >= min)
    };
    near && share() && !plan.finals.are_apart(a, b)
}
