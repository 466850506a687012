//! The search for a match that contains one given ticket, the oldest possible partner first.
//!
//! The partner ("anchor") is tried in age order, so that a match with the oldest ticket is found
//! whenever there is one; the other seats are filled with the nearest tickets by skill. In a small pool
//! the search goes on from there to the set that lies closest together. Sets are tried
//! in a fixed order, and a set that can't fill the teams any more is left at once. The order is what
//! makes a search resumable: its cursor is the last set that it tried.

use model::Timestamp;
use smallvec::SmallVec;

use crate::demands::Demands;
use crate::duel::{duel, duel_with_oldest, is_duel};
use crate::entry::{AgeKey, Entry, Near, RegionId};
use crate::gather::{Candidate, Gathered, NearKey, Seeker, candidate, gather, is_in};
use crate::order::near_key;
use crate::plan::{Counts, count};
use crate::pool::{Entries, QueueState, Slot, bit, plays_in};
use crate::teams::{EXACT_RESCUE_STEPS_MAX, FEW, Formed, Party, Seats, Split, form};
use crate::window::{Base, Seen, can_grow};
use crate::wishes::{WISHED_SETS_EXACT, WISHED_SETS_MAX};

/// Sets and splits that one event may try for one ticket in a pool that is too large for trying all.
pub(crate) const STEPS_MAX: u64 = 16_384;
/// The same for all tickets together of pools that are small enough for trying all. Two teams of any one size take 2.3
/// million at most, with which six against six of sixteen are known not to be.
pub(crate) const EXACT_STEPS_MAX: u64 = 1 << 22;
/// The same for a set that is closer together than the one that was found, in a pool that is small enough for trying all.
const CLOSER_STEPS_MAX: u64 = 16_384;
/// Who is found without the pool's oldest is tried with him and with those whom both may meet, looking so much farther.
const WITH_DOUBLINGS_MAX: u32 = 3;
/// Tries to add several waiting tickets to a match that may start but has room.
const FILL_TRIES_MAX: u32 = 32;

/// Where a search stopped.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cursor {
    /// Slices that it has had.
    pub slices: u32,
    /// How often the gathering was widened since.
    widened: u32,
    /// Whoever searches was tried already with all of whom one reaches no farther than this.
    tried: Option<f64>,
    /// Whether a set was passed over as no split of it was found, where there may be one.
    gave_up: bool,
    at: Option<Stop>,
}

impl Cursor {
    /// The start of a search after the limit of the ticket grew from this one, if whatever was possible under it would
    /// have been found: a match that has become possible spans more, and all who are in it reach that far.
    pub fn beyond(tried: Option<f64>) -> Cursor {
        Cursor {
            tried,
            ..Cursor::default()
        }
    }

    /// Whether something of what was tried so far was not tried to the end.
    pub fn may_have_missed(&self) -> bool {
        self.gave_up || self.widened > 0
    }

    /// Whether it is the start of a search that tries everything.
    pub fn is_anew(&self) -> bool {
        self.slices == 0 && self.tried.is_none()
    }
}

/// The last set that was tried: region and the tickets after the anchor.
#[derive(Debug, Clone, PartialEq)]
struct Stop {
    anchor: AgeKey,
    /// Where in the anchor's sets; `None`: after all of them.
    inside: Option<(Option<RegionId>, Vec<NearKey>)>,
}

/// What came of a search.
#[derive(Debug)]
pub(crate) enum Outcome {
    Found(Found),
    /// No match with this ticket is possible, as far as the search can see.
    Nothing,
    /// The budget of this event ended first.
    PutOff(Cursor),
}

/// Tickets that can play together.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub slots: Vec<Slot>,
    pub split: Split,
    pub region: Option<RegionId>,
}

/// Everything that a search reads.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub queue: &'a QueueState,
    pub entries: &'a Entries,
    /// Set if tickets may wait whose time is over.
    pub overdue: Option<Timestamp>,
    /// What is left of [`EXACT_STEPS_MAX`].
    pub exact_steps: u64,
}

impl Scene<'_> {
    /// Whether these two tickets may never be on one team.
    fn are_rivals(&self, a: Slot, b: Slot) -> bool {
        let finals = &self.queue.plan.finals;
        finals.are_rivals(self.entries.at(a), self.entries.at(b))
    }

    /// Whether among some tickets there are so many of whom no two may be on one team. They are few, and so many seldom
    /// more than three.
    fn has_rivals(&self, among: &[Slot], wanted: usize) -> bool {
        let Some(fewer) = wanted.checked_sub(1) else {
            return true;
        };
        among.iter().enumerate().any(|(at, &slot)| {
            let others = among.iter().skip(at + 1).copied();
            let rivals: Vec<Slot> = others.filter(|&o| self.are_rivals(slot, o)).collect();
            rivals.len() >= fewer && self.has_rivals(&rivals, fewer)
        })
    }

    /// Fewest players of a match with any of these, as each demands it by its own age.
    fn least(&self, slots: &[Slot]) -> u32 {
        let plan = &self.queue.plan;
        let of = |&slot: &Slot| plan.least(self.entries.at(slot).level);
        slots.iter().map(of).max().unwrap_or(plan.players_min)
    }

    /// Whether these two tickets may never meet.
    fn are_apart(&self, a: Slot, b: Slot) -> bool {
        let finals = &self.queue.plan.finals;
        finals.are_apart(self.entries.at(a), self.entries.at(b))
    }
}

/// Regions that are kept without a box.
const REGIONS_INLINE: usize = 4;
/// Teams that are.
const TEAMS_INLINE: usize = 4;

/// Who may join some tickets: (nearness, slot).
type Rest = SmallVec<[(NearKey, Slot); FEW]>;

/// One region with what may be matched there, nearest first.
struct Context {
    region: Option<RegionId>,
    near: Rest,
}

/// The regions where a ticket may be matched, its best one first.
type Contexts = SmallVec<[Context; REGIONS_INLINE]>;

/// Those who may be a ticket's partner, the oldest first, each with its place among the candidates.
type Anchors = SmallVec<[(AgeKey, Slot, u32); FEW]>;

/// Searches for a match with the ticket in `slot`.
pub(crate) fn search(
    scene: Scene<'_>,
    slot: Slot,
    cursor: &Cursor,
    gathered: &mut Gathered,
) -> Outcome {
    (gathered.steps, gathered.gave_up) = (0, cursor.gave_up);
    let own = scene.entries.at(slot);
    let pool = &scene.queue.pools[own.pool as usize];
    let seeker = Seeker {
        queue: scene.queue,
        entries: scene.entries,
        pool,
        slot,
        entry: own,
        overdue: scene.overdue,
        widened: cursor.widened,
        tried: cursor.tried,
        with: None,
    };
    let is_duel = is_duel(scene);
    if is_duel && let Some(found) = duel_with_oldest(scene, seeker) {
        gathered.begin(1);
        return Outcome::Found(found);
    }
    gather(seeker, gathered);
    let truncated = gathered.truncated;
    if is_duel && let Some(found) = duel(scene, slot, own, &gathered.candidates) {
        return Outcome::Found(found);
    }
    let (found, stopped) = try_sets(scene, seeker, cursor.at.as_ref(), gathered);
    let gave_up = gathered.gave_up;
    match (found, stopped) {
        (Some(found), _) => Outcome::Found(with_oldest(scene, seeker, found, gathered)),
        (None, Some(stop)) if !truncated => Outcome::PutOff(Cursor {
            slices: cursor.slices + 1,
            gave_up,
            at: Some(stop),
            ..*cursor
        }),
        // The next slice looks farther and therefore starts over: with the oldest partner, who may need one from afar.
        (None, _) if truncated => Outcome::PutOff(Cursor {
            slices: cursor.slices + 1,
            widened: cursor.widened + 1,
            tried: cursor.tried,
            gave_up,
            at: None,
        }),
        (None, _) => Outcome::Nothing,
    }
}

/// Tries the sets of those who were gathered, from where the last slice stopped; a match, or else where it stopped.
fn try_sets(
    scene: Scene<'_>,
    seeker: Seeker<'_>,
    from: Option<&Stop>,
    gathered: &mut Gathered,
) -> (Option<Found>, Option<Stop>) {
    let (own, candidates) = (seeker.entry, &gathered.candidates);
    let mut contexts = Contexts::new();
    if may_fill(scene, own, candidates) {
        for candidate in candidates {
            scene.entries.expect(candidate.slot);
        }
        note_contexts(scene, own, candidates, &mut contexts);
    }
    if contexts.is_empty() {
        return (None, None);
    }
    let tries_all = seeker.pool.is_small();
    let mut run = Run {
        scene,
        own,
        tries_all,
        steps: gathered.steps,
        steps_max: if tries_all {
            scene.exact_steps
        } else {
            STEPS_MAX
        },
        with: seeker.with,
        gave_up: false,
        resume: Vec::new(),
        resuming: false,
        chosen: vec![seeker.slot],
        region: None,
        found: None,
        complete: 0,
        closer_than: f64::INFINITY,
        closer_until: 0,
    };
    let stopped = run.anchors(&contexts, candidates, from);
    let found = run.found.take();
    let (steps, gave_up) = (run.steps, run.gave_up);
    gathered.steps = steps;
    gathered.gave_up |= gave_up;
    let found = found.map(|found| complete(scene, &contexts, found));
    (found, stopped)
}

/// A match that was found among the nearest of those whom the ticket may meet, or another one with the pool's oldest, if
/// those were not among them whom both may meet: nobody shall pass him over again and again.
///
/// O(tickets within reach of skill), at most `SCAN_MAX << WITH_DOUBLINGS_MAX` of each class on either side.
fn with_oldest(
    scene: Scene<'_>,
    seeker: Seeker<'_>,
    found: Found,
    gathered: &mut Gathered,
) -> Found {
    let mut by_age = seeker.pool.by_age.iter(|slot| scene.entries.age_key(slot));
    let oldest = by_age.next().map(|(_, slot)| slot);
    let Some(oldest) = oldest.filter(|oldest| !found.slots.contains(oldest)) else {
        return found;
    };
    if candidate(seeker, oldest).is_none() {
        return found;
    }
    gathered.passed_over = gathered.gave_up;
    if !gathered.partial {
        return found;
    }
    let mut with = Seeker {
        with: Some(oldest),
        widened: 0,
        ..seeker
    };
    loop {
        let looked_at = gathered.looked_at;
        gather(with, gathered);
        gathered.looked_at += looked_at;
        let truncated = gathered.truncated && with.widened < WITH_DOUBLINGS_MAX;
        match try_sets(scene, with, None, gathered) {
            (Some(better), _) => return better,
            (None, None) if truncated => with.widened += 1,
            (None, stopped) => {
                gathered.passed_over = stopped.is_some() || gathered.partial || gathered.gave_up;
                return found;
            }
        }
    }
}

/// Whether the sizes of all together would do, wherever they may play.
fn may_fill(scene: Scene<'_>, own: &Entry, candidates: &[Candidate]) -> bool {
    let least = scene.queue.plan.least(own.level);
    let (mut base, mut more) = (Counts::default(), Counts::default());
    count(&mut base, own.players);
    let mut players = u32::from(own.players);
    for candidate in candidates {
        count(&mut more, candidate.players);
        players += u32::from(candidate.players);
    }
    players >= least && scene.queue.sizes.can_fill(&base, &more, players)
}

/// Notes where the ticket may play now, its best region first, with whom it can meet there; without the regions
/// that can't fill a match.
fn note_contexts(scene: Scene<'_>, own: &Entry, candidates: &[Candidate], contexts: &mut Contexts) {
    if own.anywhere {
        let listed = candidates.iter().filter(|c| !c.anywhere);
        let mask = listed.fold(0, |mask, c| mask | c.mask);
        let regions = scene.queue.regions.backwards();
        for region in regions.filter(|&region| mask & bit(region) != 0) {
            note_context(scene, own, candidates, Some(region), contexts);
        }
        note_context(scene, own, candidates, None, contexts);
        return;
    }
    let level = scene.queue.plan.level(own.level);
    for ping in own.pings.iter().filter(|ping| level.is_near(ping)) {
        note_context(scene, own, candidates, Some(ping.region), contexts);
    }
}

/// Notes what the ticket can meet in a region, unless that can't fill a match.
fn note_context(
    scene: Scene<'_>,
    own: &Entry,
    candidates: &[Candidate],
    region: Option<RegionId>,
    contexts: &mut Contexts,
) {
    let plan = &scene.queue.plan;
    let here = candidates.iter();
    let here = here.filter(|candidate| is_in(plan, scene.entries, candidate, region));
    let here: SmallVec<[&Candidate; FEW]> = here.collect();
    let mut base = Counts::default();
    count(&mut base, own.players);
    let skill = own.skill();
    let base = Base {
        low: skill,
        high: skill,
        limit: plan.reach(own.level),
        counts: base,
        players: u32::from(own.players),
    };
    let seen = here.iter().map(|candidate| Seen {
        skill: candidate.skill,
        limit: plan.reach(candidate.level),
        players: candidate.players,
    });
    if !can_grow(&scene.queue.sizes, base, seen) {
        return;
    }
    let mut near: Rest = here.iter().map(|c| (c.near, c.slot)).collect();
    near.sort_unstable();
    contexts.push(Context { region, near });
}

/// Whether the sets below were all tried.
#[derive(PartialEq)]
enum Flow {
    Tried,
    Found,
    OutOfBudget,
}

struct Run<'a> {
    scene: Scene<'a>,
    own: &'a Entry,
    /// Whether the pool is small enough for that.
    tries_all: bool,
    steps: u64,
    steps_max: u64,
    /// As [`Seeker::with`].
    with: Option<Slot>,
    /// Whether a set was passed over as no split of it was found, where there may be one.
    gave_up: bool,
    /// The path to where the last slice stopped.
    resume: Vec<NearKey>,
    /// Whether that path is still being followed.
    resuming: bool,
    chosen: Vec<Slot>,
    region: Option<RegionId>,
    /// The best of those with the oldest possible partner.
    found: Option<Found>,
    /// Complete sets that were tried with him.
    complete: u32,
    /// The difference in skill of the set that was found, once only a set with a smaller one would be better.
    closer_than: f64,
    /// The steps at which that is given up.
    closer_until: u64,
}

impl<'a> Run<'a> {
    /// Tries every partner, the oldest first, and at last the ticket alone.
    fn anchors(
        &mut self,
        contexts: &[Context],
        candidates: &[Candidate],
        from: Option<&Stop>,
    ) -> Option<Stop> {
        let own = Demands::of(self.scene, self.own);
        for (age, anchor, at) in self.by_age(contexts, candidates) {
            if from.is_some_and(|s| age < s.anchor || (age == s.anchor && s.inside.is_none())) {
                continue;
            }
            let inside = from
                .filter(|s| s.anchor == age)
                .and_then(|s| s.inside.as_ref());
            let shared = self.shared_regions(contexts, &candidates[at as usize]);
            let start = inside.and_then(|(at, _)| shared.iter().position(|c| c.region == *at));
            for (index, context) in shared.into_iter().enumerate().skip(start.unwrap_or(0)) {
                let path = inside
                    .filter(|_| Some(index) == start)
                    .map(|(_, path)| path.clone());
                self.resume = path.unwrap_or_default();
                self.resuming = !self.resume.is_empty();
                match self.with_anchor(context, &own, age, anchor) {
                    Flow::Tried if self.closer_than < f64::INFINITY => return None,
                    Flow::Tried => {}
                    Flow::Found => return None,
                    Flow::OutOfBudget if self.found.is_some() => return None,
                    Flow::OutOfBudget => {
                        let path = self.path(self.chosen.iter().skip(2));
                        let inside = Some((context.region, path));
                        return Some(Stop {
                            anchor: age,
                            inside,
                        });
                    }
                }
            }
            if self.found.is_some() {
                return None;
            }
            if self.is_over_budget() {
                return Some(Stop {
                    anchor: age,
                    inside: None,
                });
            }
        }
        if let Some(context) = contexts.first()
            && self.with.is_none()
        {
            self.region = context.region;
            self.chosen.truncate(1);
            self.leaf(&own);
        }
        None
    }

    fn is_over_budget(&self) -> bool {
        self.steps > self.steps_max
    }

    fn near_key(&self, slot: Slot) -> NearKey {
        let other = self.scene.entries.at(slot);
        let plan = &self.scene.queue.plan;
        near_key(plan, self.own.skill(), (other.skill(), other.seq))
    }

    fn path<'s>(&self, slots: impl Iterator<Item = &'s Slot>) -> Vec<NearKey> {
        slots.map(|&slot| self.near_key(slot)).collect()
    }

    /// The candidates that are in any of the contexts.
    fn by_age(&self, contexts: &[Context], candidates: &[Candidate]) -> Anchors {
        let (plan, entries) = (&self.scene.queue.plan, self.scene.entries);
        let in_any = |candidate: &Candidate| {
            let mut all = contexts.iter();
            all.any(|context| is_in(plan, entries, candidate, context.region))
        };
        let is_wanted = |slot: Slot| self.with.is_none_or(|with| with == slot);
        let found = candidates.iter().zip(0..);
        let found = found.filter(|(c, _)| is_wanted(c.slot) && in_any(c));
        let mut anchors: Anchors = found
            .map(|(c, at)| (entries.at(c.slot).age_key(), c.slot, at))
            .collect();
        anchors.sort_unstable();
        anchors
    }

    /// The contexts that contain the anchor, the one with the better worst latency first.
    fn shared_regions<'c>(
        &self,
        contexts: &'c [Context],
        anchor: &Candidate,
    ) -> SmallVec<[&'c Context; REGIONS_INLINE]> {
        let (plan, entries) = (&self.scene.queue.plan, self.scene.entries);
        let entry = entries.at(anchor.slot);
        let shared = contexts.iter().zip(0_u32..);
        let shared = shared.filter(|(c, _)| is_in(plan, entries, anchor, c.region));
        let mut shared: SmallVec<[_; REGIONS_INLINE]> = shared
            .map(|(c, at)| (worst_ms([self.own, entry], c.region), at, c))
            .collect();
        shared.sort_unstable_by_key(|&(worst_ms, at, _)| (worst_ms, at));
        shared.into_iter().map(|(_, _, context)| context).collect()
    }

    /// Tries the sets with this anchor and nobody older than it (with those there is no match).
    fn with_anchor(&mut self, context: &Context, own: &Demands, age: AgeKey, anchor: Slot) -> Flow {
        let entries = self.scene.entries;
        let entry = entries.at(anchor);
        let apart = |a: Slot, b: Slot| self.scene.are_apart(a, b);
        let first = self.chosen[0];
        if !own.allow(self.scene, entry) || apart(first, anchor) {
            return Flow::Tried;
        }
        let demands = own.with(self.scene, entry);
        let mut rest: Rest = context
            .near
            .iter()
            .copied()
            .filter(|&(_, slot)| entries.at(slot).age_key() > age)
            .filter(|&(_, slot)| demands.allow(self.scene, entries.at(slot)))
            .filter(|&(_, slot)| !apart(first, slot) && !apart(anchor, slot))
            .collect();
        self.steps += context.near.len() as u64 / 8 + 1;
        self.region = context.region;
        self.chosen.truncate(1);
        self.chosen.push(anchor);
        self.keep_parted(anchor, &mut rest);
        self.keep_modest(&demands, &mut rest);
        let flow = self.descend(&demands, &rest);
        if flow == Flow::Found && !self.tries_all && self.scene.queue.plan.finals.has_wishes() {
            self.exchange(&rest);
        }
        flow
    }

    /// Changes one ticket of the set that was found after the other, own and partner excepted, for one with whom more
    /// of the wishes are kept.
    fn exchange(&mut self, rest: &[(NearKey, Slot)]) {
        let scene = self.scene;
        let best = scene.queue.plan.finals.best_score();
        while let Some(found) = self.found.take() {
            let mut better = None;
            let places = 2..found.slots.len();
            let changes = places.flat_map(|place| rest.iter().map(move |&(_, slot)| (place, slot)));
            for (place, slot) in changes.filter(|(_, slot)| !found.slots.contains(slot)) {
                let done = found.split.score == best || self.complete >= WISHED_SETS_MAX;
                if done || self.is_over_budget() {
                    break;
                }
                self.steps += 1;
                let mut slots = found.slots.clone();
                slots[place] = slot;
                let Some(demands) = Demands::of_all(scene, &slots) else {
                    continue;
                };
                if !scene.queue.sizes.fills(&demands.counts, demands.players) {
                    continue;
                }
                self.complete += 1;
                let formed = split(scene, &slots, None);
                self.steps += u64::from(formed.steps);
                let wins = |split: &Split| split.score.is_better_than(found.split.score);
                better = formed.split.filter(wins).map(|split| (slots, split));
                if better.is_some() {
                    break;
                }
            }
            let Some((slots, split)) = better else {
                self.found = Some(found);
                return;
            };
            let region = found.region;
            self.found = Some(Found {
                slots,
                split,
                region,
            });
        }
    }

    /// Tries the chosen tickets and then every set that has some of `rest` in addition.
    fn descend(&mut self, demands: &Demands, rest: &[(NearKey, Slot)]) -> Flow {
        let entries = self.scene.entries;
        let rest_slots = rest.iter().map(|&(_, slot)| slot);
        if !demands.can_grow(self.scene, rest_slots, self.closer_than) {
            self.resuming = false;
            return Flow::Tried;
        }
        if !self.may_hold() || !self.may_be_met(demands, rest) || !self.are_enough(demands, rest) {
            self.resuming = false;
            return Flow::Tried;
        }
        if !self.resuming && self.leaf(demands) {
            return Flow::Found;
        }
        let depth = self.chosen.len() - 2;
        for (index, &(key, slot)) in rest.iter().enumerate() {
            if self.resuming && self.is_behind(depth, key) {
                continue;
            }
            if !demands.stay_within(self.closer_than, entries.at(slot)) {
                continue;
            }
            if self.steps > self.closer_until && self.closer_than < f64::INFINITY {
                return Flow::Found;
            }
            let next = demands.with(self.scene, entries.at(slot));
            let mut below: Rest = rest
                .iter()
                .skip(index + 1)
                .copied()
                .filter(|&(_, slot)| next.allow(self.scene, entries.at(slot)))
                .filter(|&(_, other)| !self.scene.are_apart(slot, other))
                .collect();
            self.steps += below.len() as u64 / 8 + 1;
            self.chosen.push(slot);
            self.keep_parted(slot, &mut below);
            self.keep_modest(&next, &mut below);
            let flow = self.descend(&next, &below);
            if flow != Flow::Tried {
                return flow;
            }
            if self.is_over_budget() {
                // `chosen` stays as it is: everything up to it was tried.
                return Flow::OutOfBudget;
            }
            self.chosen.pop();
        }
        self.resuming = false;
        Flow::Tried
    }

    /// Leaves out with whom there would be more tickets of whom no two may be on one team than there are teams; `slot` is
    /// the one that was chosen last, and before it nobody was left who would.
    fn keep_parted(&mut self, slot: Slot, rest: &mut Rest) {
        let (scene, plan) = (self.scene, &self.scene.queue.plan);
        if !plan.finals.parts_teams() {
            return;
        }
        let teams = plan.queue.teams.len();
        let others = self.chosen.iter().copied().filter(|&other| other != slot);
        let rivals: Vec<Slot> = others
            .filter(|&other| scene.are_rivals(other, slot))
            .collect();
        if rivals.len() + 1 < teams {
            return;
        }
        self.steps += rest.len() as u64 / 4;
        rest.retain(|&mut (_, other)| {
            let both = || {
                rivals
                    .iter()
                    .copied()
                    .filter(|&r| scene.are_rivals(r, other))
            };
            let crowded = || scene.has_rivals(&both().collect::<Vec<Slot>>(), teams - 1);
            !scene.are_rivals(slot, other) || !crowded()
        });
    }

    /// Leaves out who demands more players than there are: by his age his teams may not be as small yet.
    fn keep_modest(&self, demands: &Demands, rest: &mut Rest) {
        let (plan, entries) = (&self.scene.queue.plan, self.scene.entries);
        let mut before = usize::MAX;
        while !plan.least.is_empty() && rest.len() < before {
            before = rest.len();
            let players = demands.players_with(entries, rest);
            rest.retain(|&mut (_, slot)| plan.least(entries.at(slot).level) <= players);
        }
    }

    /// Whether the chosen tickets and all of the rest are as many players as the chosen ones demand.
    fn are_enough(&self, demands: &Demands, rest: &[(NearKey, Slot)]) -> bool {
        let plan = &self.scene.queue.plan;
        plan.least.is_empty()
            || demands.players_with(self.scene.entries, rest) >= self.scene.least(&self.chosen)
    }

    /// Whether others may join the chosen tickets, as far as their rules say that are asked at last.
    fn may_hold(&self) -> bool {
        let (plan, entries) = (&self.scene.queue.plan, self.scene.entries);
        if !plan.finals.asks_early() {
            return true;
        }
        let chosen: Vec<&Entry> = self.chosen.iter().map(|&slot| entries.at(slot)).collect();
        plan.finals.may_hold(&chosen)
    }

    /// Whether these others may bring what the chosen tickets still want.
    fn may_be_met(&self, demands: &Demands, rest: &[(NearKey, Slot)]) -> bool {
        let (plan, entries) = (&self.scene.queue.plan, self.scene.entries);
        let chosen = self.chosen.iter().map(|&slot| entries.at(slot));
        let rest = rest.iter().map(|&(_, slot)| entries.at(slot));
        let seats = plan.players_max.saturating_sub(demands.players);
        plan.wanted.len() == 0 || plan.wanted.can_be_met(chosen, rest, seats)
    }

    /// While the search returns to where it stopped: whether the sets with this ticket were tried.
    fn is_behind(&mut self, depth: usize, key: NearKey) -> bool {
        let Some(&target) = self.resume.get(depth) else {
            self.resuming = false;
            return false;
        };
        let arrived = depth + 1 == self.resume.len();
        if key > target || (key == target && arrived) {
            self.resuming = false;
        }
        key < target || (key == target && arrived)
    }

    /// Whether the chosen tickets are a match.
    fn leaf(&mut self, demands: &Demands) -> bool {
        if !self
            .scene
            .queue
            .sizes
            .fills(&demands.counts, demands.players)
        {
            return false;
        }
        let tries_all = self.tries_all && self.steps_max > STEPS_MAX;
        let rescue_steps = tries_all.then_some(EXACT_RESCUE_STEPS_MAX);
        let formed = split(self.scene, &self.chosen, rescue_steps);
        self.steps += u64::from(formed.steps);
        self.gave_up |= formed.is_given_up;
        let Some(split) = formed.split else {
            return false;
        };
        let score = split.score;
        let best = self.found.as_ref().map(|found| found.split.score);
        let closer = self.closer_than < f64::INFINITY;
        if best.is_none_or(|best| closer && score == best || score.is_better_than(best)) {
            self.found = Some(Found {
                slots: self.chosen.clone(),
                split,
                region: self.region,
            });
        }
        self.complete += 1;
        let finals = &self.scene.queue.plan.finals;
        if !self.tries_all || self.complete >= WISHED_SETS_EXACT {
            return true;
        }
        if finals.has_wishes() && score != finals.best_score() {
            return false;
        }
        // Nothing but a set that is closer together would be better, unless the queue says whom to prefer.
        let gap = demands.first.high - demands.first.low;
        if !closer {
            self.closer_until = self.steps + CLOSER_STEPS_MAX;
        }
        self.closer_than = gap;
        gap == 0.0 || self.scene.queue.plan.queue.sort.is_some()
    }
}

/// The best split of these tickets; `rescue_steps` as [`form`] has them.
fn split(scene: Scene<'_>, slots: &[Slot], rescue_steps: Option<u32>) -> Formed {
    let entries: SmallVec<[&Entry; FEW]> =
        slots.iter().map(|&slot| scene.entries.at(slot)).collect();
    let plan = &scene.queue.plan;
    let (queue, finals) = (&plan.queue, &plan.finals);
    if !finals.set_holds(&entries) {
        return Formed {
            split: None,
            steps: 1,
            is_given_up: false,
        };
    }
    let parties: SmallVec<[Party<'_>; FEW]> = entries
        .iter()
        .map(|entry| Party {
            players: u32::from(entry.players),
            sums: &entry.sums,
        })
        .collect();
    let teams = queue.teams.iter().enumerate();
    let seats: SmallVec<[Seats; TEAMS_INLINE]> = teams
        .map(|(index, team)| Seats {
            min: finals.team_min(index, &entries),
            max: u32::from(team.players_max),
            class: finals.classes.get(index).copied().unwrap_or(index),
        })
        .collect();
    // The tightest that any of them demands.
    let limits = |nth: usize| {
        let of = |entry: &&Entry| plan.level(entry.level).balance.get(nth).copied();
        entries.iter().filter_map(of).fold(f64::INFINITY, f64::min)
    };
    let balance: SmallVec<[f64; 1]> = (0..plan.balance.len()).map(limits).collect();
    let wished = finals.best_of_split();
    let allowed = |team_of: &[u16]| finals.of_split(&entries, team_of);
    let mut formed = form(&parties, &seats, &balance, (wished, &allowed), rescue_steps);
    if let (Some(split), true) = (&mut formed.split, finals.has_wishes()) {
        split.score = split.score.and(finals.score(&entries));
    }
    formed
}

/// The largest round trip of these tickets' players to a region, as far as anybody measured.
pub(crate) fn worst_ms<'e>(
    entries: impl IntoIterator<Item = &'e Entry>,
    region: Option<RegionId>,
) -> Option<u32> {
    let pings = entries.into_iter().filter_map(|entry| entry.ping(region?));
    pings.filter_map(Near::measured_ms).max()
}

/// Fills free seats with who waits, the oldest first, and picks the best region for those who play.
fn complete(scene: Scene<'_>, contexts: &[Context], mut found: Found) -> Found {
    if let Some(context) = contexts
        .iter()
        .find(|context| context.region == found.region)
    {
        fill(scene, context, &mut found);
    }
    let team = |slots: &[Slot], region: Option<RegionId>| {
        worst_ms(slots.iter().map(|&slot| scene.entries.at(slot)), region)
    };
    let everywhere = |region: Option<RegionId>| {
        let mut all = found.slots.iter().map(|&slot| scene.entries.at(slot));
        all.all(|entry| plays_in(&scene.queue.plan, entry, region))
    };
    let best = contexts
        .iter()
        .filter(|context| everywhere(context.region))
        .min_by_key(|context| {
            (
                team(&found.slots, context.region),
                context.region != found.region,
            )
        });
    if let Some(best) = best {
        found.region = best.region;
    }
    found
}

fn fill(scene: Scene<'_>, context: &Context, found: &mut Found) {
    let entries = scene.entries;
    let Some((first, others)) = found.slots.split_first() else {
        return;
    };
    let start = Demands::of(scene, entries.at(*first));
    let mut demands = others
        .iter()
        .fold(start, |d, &slot| d.with(scene, entries.at(slot)));
    if demands.players >= scene.queue.plan.players_max {
        return;
    }
    let mut waiting: Vec<Slot> = context.near.iter().map(|&(_, slot)| slot).collect();
    waiting.retain(|slot| !found.slots.contains(slot));
    waiting.sort_by_key(|&slot| entries.at(slot).age_key());
    let mut tries = 0;
    // As many as fit are added at once; if no split is found the batch is halved down to one by one.
    let mut batch = waiting.len().max(1);
    while !waiting.is_empty() && tries < FILL_TRIES_MAX {
        tries += 1;
        let (mut next, mut added) = (demands.clone(), Vec::new());
        waiting.retain(|&slot| demands.allow(scene, entries.at(slot)));
        for &slot in &waiting {
            if added.len() < batch && next.allow(scene, entries.at(slot)) {
                next = next.with(scene, entries.at(slot));
                added.push(slot);
            }
        }
        if added.is_empty() {
            return;
        }
        let slots: Vec<Slot> = found
            .slots
            .iter()
            .copied()
            .chain(added.iter().copied())
            .collect();
        // Who joins late spoils no wish.
        let spoils = |split: &Split| found.split.score.is_better_than(split.score);
        let tried = split(scene, &slots, None).split;
        match tried.filter(|split| !spoils(split)) {
            Some(split) => {
                found.slots = slots;
                found.split = split;
                demands = next;
                waiting.retain(|slot| !added.contains(slot));
            }
            None if added.len() == 1 => waiting.retain(|slot| !added.contains(slot)),
            None => batch = added.len() / 2,
        }
    }
}
