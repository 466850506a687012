//! The matcher: waiting tickets, what changes them, and the decisions that follow.

mod arriving;
mod refilling;
mod searching;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::queue::Queue;
use model::{Name, TicketId, Timestamp};
use smallvec::SmallVec;

use crate::backfill::Backfills;
use crate::backlog::Backlog;
use crate::entry::{AgeKey, Entry};
use crate::event::{Event, Figures, Match, MatchTeam, Output, Stats};
use crate::gather::Gathered;
use crate::ids::Ids;
use crate::plan::{Plan, reads_alike};
use crate::pool::{Due, Entries, QueueState, SkillKey, Slot};
use crate::roles::of_team;
use crate::search::{Cursor, EXACT_STEPS_MAX, Found, worst_ms};
use crate::sorted::Ahead;
use crate::validate::{Rejection, last_age, no_region_within};
use arriving::AllEarly;
use refilling::Turn;

/// Tickets that may widen or expire in one event; the others are due at once.
const DUE_MAX: usize = 1_024;

/// So many events ahead are worth a look ([`Matcher::expect`]).
pub const LOOK_AHEAD: usize = 32;

/// One group of queues that share tickets, all regions together: the unit of ownership and threads.
#[derive(Debug)]
pub struct Matcher {
    /// By the number that entries name; one that is gone leaves its name.
    queues: Vec<Held>,
    queue_of: BTreeMap<Name, u32>,
    entries: Entries,
    /// Waiting and proposed; looked up by id only, never iterated.
    by_id: Ids,
    waiting: usize,
    /// When tickets widen or expire: (not after that, queue, pool), see `Pool::noted`.
    due: BTreeSet<(Timestamp, u32, u32)>,
    /// Searches that are unfinished, the oldest ticket first.
    unfinished: BTreeMap<AgeKey, (Slot, Cursor)>,
    /// Tickets to search for anew: since the queues changed, or since what kept a search from being complete has gone.
    backlog: Backlog,
    /// Tickets of matches that were emitted, by handle.
    proposed: BTreeMap<u64, Vec<Slot>>,
    /// Sessions that ask for players.
    backfills: Backfills,
    /// What searches write on.
    gathered: Gathered,
    /// What is left of this event's [`EXACT_STEPS_MAX`].
    exact_steps: u64,
    /// Tickets that come next.
    early: AllEarly,
    now: Timestamp,
    next_seq: u64,
    next_handle: u64,
    seed: u64,
    stats: Stats,
}

/// A ticket that came, or whose limits have grown; then as in [`Cursor::beyond`].
type Changed = (Slot, Option<f64>);

/// Several of them.
type AllChanged = SmallVec<[Changed; 2]>;

/// Where a ticket is that will be read soon: queue, pool, place in its order by skill.
type Placing = ((u32, u32), Ahead<SkillKey>);

/// Several of them.
type Places = SmallVec<[Placing; LOOK_AHEAD]>;

/// A queue, or what is left of it.
#[derive(Debug)]
struct Held {
    name: Name,
    state: Option<QueueState>,
}

/// A ticket with what is around it.
pub(crate) struct Glimpse<'a> {
    pub queue: &'a QueueState,
    pub entries: &'a Entries,
    pub slot: Slot,
    pub entry: &'a Entry,
    /// Whether a search for it is still to come, or to be gone on with.
    pub is_put_off: bool,
}

impl Matcher {
    /// A matcher without tickets. The seed decides what the rules leave open.
    pub fn new(queues: Vec<Arc<Queue>>, seed: u64) -> Matcher {
        let mut matcher = Matcher {
            queues: Vec::new(),
            queue_of: BTreeMap::new(),
            entries: Entries::default(),
            by_id: Ids::default(),
            waiting: 0,
            due: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            backlog: Backlog::default(),
            proposed: BTreeMap::new(),
            backfills: Backfills::default(),
            gathered: Gathered::default(),
            exact_steps: EXACT_STEPS_MAX,
            early: AllEarly::new(),
            now: Timestamp(i64::MIN),
            next_seq: 0,
            next_handle: 1,
            seed,
            stats: Stats::default(),
        };
        for queue in queues {
            matcher.hold(queue);
        }
        matcher
    }

    fn hold(&mut self, queue: Arc<Queue>) {
        let number = u32::try_from(self.queues.len()).unwrap_or(u32::MAX);
        let name = queue.name.clone();
        self.queue_of.insert(name.clone(), number);
        self.queues.push(Held {
            name,
            state: Some(QueueState::new(queue)),
        });
    }

    /// Takes a new revision of the queues. Tickets keep their age; those whose queue is gone or whose
    /// new rules refuse them are put out, and those of which it reads other things than before are asked for
    /// again. Emitted matches stand as they are.
    ///
    /// O(tickets of the queues that changed); their searches are then due, a few in each event.
    pub fn set_queues(&mut self, now: Timestamp, queues: Vec<Arc<Queue>>) -> Vec<Output> {
        self.now = self.now.max(now);
        self.exact_steps = EXACT_STEPS_MAX;
        // By the new rules they may be something else.
        self.early.clear();
        let mut old = std::mem::take(&mut self.queue_of);
        let mut out = Vec::new();
        let (mut homeless, mut changed) = (Vec::new(), Vec::new());
        for queue in queues {
            let name = queue.name.clone();
            let Some(number) = old.remove(&name) else {
                self.hold(queue);
                continue;
            };
            let before = self
                .state(number)
                .map(|state| Arc::clone(&state.plan.queue));
            match before {
                Some(before) if *before == *queue => {
                    self.queue_of.insert(name, number);
                }
                Some(before) if reads_alike(&before, &queue) => {
                    self.queue_of.insert(name, number);
                    self.replan(number, queue, &mut out);
                    changed.push((number, self.slots_of(number)));
                }
                _ => {
                    homeless.extend(self.slots_of(number));
                    self.hold(queue);
                }
            }
        }
        for &number in old.values() {
            homeless.extend(self.slots_of(number));
        }
        homeless.sort_unstable();
        for (_, slot) in homeless {
            if let Some(entry) = self.entries.get(slot) {
                out.push(self.without_queue(entry));
                self.withdraw(slot);
                self.drop_entry(slot);
            }
        }
        let kept: BTreeSet<u32> = self.queue_of.values().copied().collect();
        for (held, number) in self.queues.iter_mut().zip(0..) {
            if !kept.contains(&number) {
                held.state = None;
            }
        }
        // What was to be searched for before still is.
        for (number, slots) in changed {
            self.backlog.extend(number, slots);
        }
        self.reopen_backfills();
        self.resume(&mut out);
        self.resume_refills(&mut out);
        out
    }

    fn state(&self, queue: u32) -> Option<&QueueState> {
        self.queues.get(queue as usize)?.state.as_ref()
    }

    /// What is said of a ticket that waited in a queue which is no more, or reads other things than it did.
    fn without_queue(&self, entry: &Entry) -> Output {
        let name = self.queues.get(entry.queue as usize).map(|held| &held.name);
        match name.and_then(|name| self.queue_of.get(name)) {
            Some(_) => Output::Again(entry.id),
            None => Output::QueueRemoved(entry.id),
        }
    }

    /// A revision that reads of tickets what the last one did.
    fn replan(&mut self, number: u32, queue: Arc<Queue>, out: &mut Vec<Output>) {
        let Some(state) = self.queues[number as usize].state.as_mut() else {
            return;
        };
        let plan = Plan::new(Arc::clone(&queue));
        if plan.levels == state.plan.levels && plan.ages == state.plan.ages {
            state.replan(queue);
            return;
        }
        let slots = self.slots_of(number);
        for &(_, slot) in &slots {
            self.withdraw(slot);
        }
        if let Some(state) = self.queues[number as usize].state.as_mut() {
            state.replan(queue);
        }
        for (_, slot) in slots {
            self.enter(slot, out);
        }
    }

    /// Who waits in a queue, oldest first in each of its pools.
    fn slots_of(&self, number: u32) -> Vec<(AgeKey, Slot)> {
        let mut all = Vec::new();
        for pool in self.state(number).into_iter().flat_map(|s| &s.pools) {
            all.reserve(pool.by_age.len());
            all.extend(pool.by_age.iter(|slot| self.entries.age_key(slot)));
        }
        all
    }

    /// Says what follows from an event. `now` that lies before an earlier one counts as that one.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Output> {
        self.now = self.now.max(now);
        self.exact_steps = EXACT_STEPS_MAX;
        let mut out = Vec::new();
        self.run_due(&mut out);
        // A match that stands gives nobody a chance: what is left to do is done in the next event.
        let goes_on = !matches!(event, Event::Committed(_));
        match event {
            Event::Add(ticket) => self.add(ticket, &mut out),
            Event::Remove(id) => self.remove(id),
            Event::Backfill(asked) => self.put_backfill(asked),
            Event::EndBackfill(session) => self.backfills.remove(session),
            Event::Committed(handle) => {
                self.backfills.committed(handle);
                for slot in self.proposed.remove(&handle).unwrap_or_default() {
                    self.drop_entry(slot);
                }
            }
            Event::Failed { handle, gone } => {
                self.backfills.failed(handle);
                self.fail(handle, &gone, &mut out);
            }
            Event::Tick => {}
        }
        if goes_on {
            self.resume(&mut out);
        }
        self.resume_refills(&mut out);
        while let Some(first) = self.backlog.first()
            && !self.is_here(first)
        {
            self.backlog.remove(first.0);
        }
        out
    }

    /// Looks ahead at the events that come next, at most [`LOOK_AHEAD`]: what they read of memory is then waited for at
    /// once, not one after the other, and the tickets that come are read at once. No answer changes, and other events may
    /// come instead.
    pub fn expect<'a>(&mut self, events: impl Iterator<Item = &'a Event> + Clone) {
        let removed = events.clone().filter_map(|event| match event {
            Event::Remove(id) => Some(*id),
            _ => None,
        });
        removed.clone().for_each(|id| self.by_id.expect(id));
        let mut places = self.read_early(events);
        let leaving = removed.filter_map(|id| self.slot_of(id));
        leaving.for_each(|slot| self.expect_to_leave(slot));
        self.expect_places(&mut places);
    }

    /// This waiting ticket will leave its pool soon.
    fn expect_to_leave(&self, slot: Slot) {
        if let Some(entry) = self.entries.get(slot)
            && let Some(state) = self.state(entry.queue)
        {
            state.expect_to_leave(entry);
        }
    }

    /// These waiting tickets will widen soon.
    fn expect_to_widen(&mut self, slots: &[Slot]) {
        let mut places = Places::new();
        places.extend(slots.iter().filter_map(|&slot| {
            let entry = self.entries.get(slot)?;
            let ahead = self.state(entry.queue)?.ahead_of_widened(entry)?;
            Some(((entry.queue, entry.pool), ahead))
        }));
        self.expect_places(&mut places);
    }

    fn expect_places(&mut self, places: &mut [Placing]) {
        places.sort_by_key(|(pool, _)| *pool);
        for of_pool in places.chunk_by_mut(|(a, _), (b, _)| a == b) {
            let Some(&((queue, pool), _)) = of_pool.first() else {
                continue;
            };
            let state = self.queues[queue as usize].state.as_mut();
            if let Some(pool) = state.and_then(|state| state.pools.get_mut(pool as usize)) {
                pool.by_skill.expect(of_pool);
            }
        }
    }

    /// Whether what was noted of a ticket is still so.
    fn is_here(&self, (age, slot): (AgeKey, Slot)) -> bool {
        let entry = self.entries.get(slot);
        entry.is_some_and(|entry| entry.age_key() == age && entry.proposed == 0)
    }

    /// When [`Event::Tick`] is wanted: the next expansion or expiry; the time of the last event if
    /// there is work left from it. `None`: not before another event.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !self.unfinished.is_empty() || !self.backlog.is_empty() || self.backfills.has_work() {
            return Some(self.now);
        }
        self.due.first().map(|&(at, _, _)| at)
    }

    /// Tickets that wait in any queue; those in emitted matches do not count.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Tickets that wait in a queue.
    pub fn waiting(&self, queue: &Name) -> usize {
        let number = self.queue_of.get(queue).copied();
        let state = number.and_then(|number| self.state(number));
        state.map_or(0, |state| state.waiting)
    }

    /// Whether a ticket waits in a pool.
    pub fn is_waiting(&self, ticket: TicketId) -> bool {
        self.entry(ticket).is_some_and(|entry| entry.proposed == 0)
    }

    /// The emitted match that holds a ticket.
    pub fn proposed_in(&self, ticket: TicketId) -> Option<u64> {
        let entry = self.entry(ticket)?;
        Some(entry.proposed).filter(|&handle| handle != 0)
    }

    fn slot_of(&self, ticket: TicketId) -> Option<Slot> {
        let is = |slot| {
            self.entries
                .get(slot)
                .is_some_and(|entry| entry.id == ticket)
        };
        self.by_id.get(ticket, is)
    }

    fn entry(&self, ticket: TicketId) -> Option<&Entry> {
        self.entries.get(self.slot_of(ticket)?)
    }

    /// What an explanation reads of a ticket that is here.
    pub(crate) fn glimpse(&self, ticket: TicketId) -> Option<Glimpse<'_>> {
        let slot = self.slot_of(ticket)?;
        let entry = self.entries.get(slot)?;
        let queue = self.state(entry.queue)?;
        let is_put_off = self.unfinished.contains_key(&entry.age_key())
            || self.backlog.contains(entry.age_key());
        Some(Glimpse {
            queue,
            entries: &self.entries,
            slot,
            entry,
            is_put_off,
        })
    }

    /// What was done since the matcher was made.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Puts a ticket that is in no pool into its own, unless its queue or its time is over.
    fn enter(&mut self, slot: Slot, out: &mut Vec<Output>) -> bool {
        let Some(entry) = self.entries.get_mut(slot) else {
            return false;
        };
        let state = self.queues[entry.queue as usize].state.as_mut();
        let put_out = match &state {
            None => Some(None),
            Some(_) if entry.is_expired(self.now) => Some(Some(Output::Expired(entry.id))),
            Some(state) => no_region(&state.plan, entry)
                .map(|rejection| Some(Output::Refused(entry.id, rejection))),
        };
        let (Some(state), None) = (state, &put_out) else {
            let said = put_out.flatten();
            let said = said.or_else(|| Some(self.without_queue(self.entries.get(slot)?)));
            out.extend(said);
            self.drop_entry(slot);
            return false;
        };
        entry.proposed = 0;
        entry.level = state.plan.level_at(self.now.since(entry.created_at).0);
        let (queue, pool) = (entry.queue, entry.pool);
        let due = state.insert(slot, &mut self.entries);
        self.waiting += 1;
        if let Some(at) = due {
            note_due(&mut self.due, state, at, queue, pool);
        }
        true
    }

    fn remove(&mut self, id: TicketId) {
        let Some(slot) = self.slot_of(id) else {
            return;
        };
        let handle = self.entries.get(slot).map_or(0, |entry| entry.proposed);
        if handle == 0 {
            self.withdraw(slot);
        } else if let Some(slots) = self.proposed.get_mut(&handle) {
            slots.retain(|&other| other != slot);
        }
        self.drop_entry(slot);
    }

    /// Takes a waiting ticket out of its pool and all that is due; its entry stays.
    fn withdraw(&mut self, slot: Slot) {
        let Some(entry) = self.entries.get(slot) else {
            return;
        };
        if !self.unfinished.is_empty() {
            self.unfinished.remove(&entry.age_key());
        }
        self.waiting -= 1;
        let (queue, pool) = (entry.queue, entry.pool);
        if let Some(state) = self.queues[queue as usize].state.as_mut() {
            state.remove(slot, &mut self.entries);
            self.has_left(queue, pool);
        }
    }

    /// Forgets a ticket that is in no pool.
    fn drop_entry(&mut self, slot: Slot) {
        let Some(entry) = self.entries.get(slot) else {
            return;
        };
        self.by_id.remove(entry.id, slot);
        if let Some(state) = self.queues[entry.queue as usize].state.as_mut() {
            state.leave(entry.pool);
        }
        self.entries.clear(slot);
    }

    fn fail(&mut self, handle: u64, gone: &[TicketId], out: &mut Vec<Output>) {
        let mut changed = AllChanged::new();
        for slot in self.proposed.remove(&handle).unwrap_or_default() {
            let comes_back = |entry: &Entry| !gone.contains(&entry.id);
            if !self.entries.get(slot).is_some_and(comes_back) {
                self.drop_entry(slot);
            } else if self.enter(slot, out) {
                changed.push((slot, None));
            }
        }
        self.search_changed(changed, out);
    }

    /// Widens and expires what is due.
    fn run_due(&mut self, out: &mut Vec<Output>) {
        if self.due.first().is_none_or(|&(at, _, _)| at > self.now) {
            return;
        }
        let (mut changed, mut due) = (AllChanged::new(), Due::new());
        let mut left = DUE_MAX;
        while let Some(&(at, queue, pool)) = self.due.first().filter(|_| left > 0) {
            if at > self.now {
                break;
            }
            let Some(state) = self.queues[queue as usize].state.as_mut() else {
                self.due.remove(&(at, queue, pool));
                continue;
            };
            due.clear();
            state.take_due(pool, self.now, left, &mut self.entries, &mut due);
            left -= due.len();
            for some in due.chunks(LOOK_AHEAD) {
                self.expect_to_widen(some);
                for &slot in some {
                    self.grow_older(slot, &mut changed, out);
                }
            }
            let mut next = None;
            if let Some(state) = self.queues[queue as usize].state.as_mut() {
                next = state.due_at(pool, &self.entries);
                if let Some(pool) = state.pools.get_mut(pool as usize) {
                    pool.noted = next;
                }
            }
            // First in, then out: a set that is never empty keeps its memory.
            self.due.extend(next.map(|at| (at, queue, pool)));
            if next != Some(at) {
                self.due.remove(&(at, queue, pool));
            }
        }
        self.search_changed(changed, out);
    }

    /// Widens or expires a ticket that may be due.
    fn grow_older(&mut self, slot: Slot, changed: &mut AllChanged, out: &mut Vec<Output>) {
        let has_sought_all = self.has_sought_all();
        let Some(entry) = self.entries.get_mut(slot) else {
            return;
        };
        if entry.is_expired(self.now) {
            out.push(Output::Expired(entry.id));
            self.withdraw(slot);
            self.drop_entry(slot);
            return;
        }
        let Some(state) = self.queues[entry.queue as usize].state.as_mut() else {
            return;
        };
        let level = state.plan.level_at(self.now.since(entry.created_at).0);
        if level == entry.level {
            state.renew_deadline(slot, entry);
            return;
        }
        let pool = &state.pools[entry.pool as usize];
        // What was possible before may not have been found where searches were put off or given up.
        let is_sure = has_sought_all && !pool.is_unsure(entry);
        let tried =
            (is_sure && state.plan.only_reach_widens).then(|| state.plan.reach(entry.level));
        state.widen(slot, entry, level);
        changed.push((slot, tried));
    }

    /// Looks for the matches that the change of these waiting tickets made possible.
    fn search_changed(&mut self, mut changed: AllChanged, out: &mut Vec<Output>) {
        changed.sort_by_key(|&(slot, _)| self.entries.get(slot).map(Entry::age_key));
        if changed.len() > 1 {
            // Where sessions come first, they choose before any new match is made.
            for &(slot, _) in &changed {
                self.refills(slot, Turn::First, out);
            }
            // Several changes at once: the oldest tickets, changed or not, choose first.
            let entries = changed
                .iter()
                .filter_map(|&(slot, _)| self.entries.get(slot));
            let pools: BTreeSet<(u32, u32)> =
                entries.map(|entry| (entry.queue, entry.pool)).collect();
            for (queue, pool) in pools {
                while let Some(oldest) = self.oldest(queue, pool) {
                    if self.goes_on(oldest, &changed)
                        || self.is_far(oldest, &changed)
                        || !self.search(oldest, &Cursor::default(), out)
                    {
                        break;
                    }
                }
            }
        }
        for (slot, tried) in changed {
            self.search(slot, &Cursor::beyond(tried), out);
        }
    }

    /// Whether the search of a ticket that is none of those was put off: to begin anew with each of their changes it would
    /// never end, and what their changes made possible their own searches find.
    fn goes_on(&self, slot: Slot, changed: &[Changed]) -> bool {
        !self.unfinished.is_empty()
            && self.unfinished.contains_key(&self.entries.age_key(slot))
            && changed.iter().all(|&(other, _)| other != slot)
    }

    /// Whether the change of those can't have made a match possible that this one is in: none of them is within its
    /// reach, and whatever was possible before would have been found.
    fn is_far(&self, slot: Slot, changed: &[Changed]) -> bool {
        let entry = self.entries.at(slot);
        let Some(state) = self.state(entry.queue) else {
            return true;
        };
        let is_sure = !state.pools[entry.pool as usize].is_unsure(entry);
        let reach = state.plan.reach(entry.level);
        let others = changed
            .iter()
            .filter_map(|&(slot, _)| self.entries.get(slot));
        let mut near = others.filter(|other| {
            let same = (other.queue, other.pool) == (entry.queue, entry.pool);
            same && (other.skill() - entry.skill()).abs() <= reach
        });
        is_sure && self.has_sought_all() && near.next().is_none()
    }

    fn emit(&mut self, number: u32, found: Found, out: &mut Vec<Output>) {
        let handle = self.next_handle;
        self.next_handle += 1;
        let Some(state) = self.state(number) else {
            return;
        };
        for &slot in &found.slots {
            let entry = self.entries.at(slot);
            if state.pools[entry.pool as usize].is_large() {
                self.by_id.expect(entry.id);
                state.expect_to_leave(entry);
            }
        }
        let figures = self.figures(state, &found);
        let teams = self.teams(state, &found, handle);
        let queue = state.plan.queue.name.clone();
        let region = found.region.and_then(|at| state.regions.get(at));
        let region = region.cloned();
        self.propose(found.slots, handle);
        self.stats.matches += 1;
        out.push(Output::Match(Match {
            handle,
            queue,
            region,
            teams,
            figures,
        }));
    }

    /// Holds tickets for what was decided, until that stands or has failed.
    fn propose(&mut self, slots: Vec<Slot>, handle: u64) {
        for &slot in &slots {
            self.withdraw(slot);
            if let Some(entry) = self.entries.get_mut(slot) {
                entry.proposed = handle;
            }
        }
        self.proposed.insert(handle, slots);
    }

    /// The split with its names. Interchangeable teams change names by chance of the seed, so that
    /// nobody is always red.
    fn teams(&self, state: &QueueState, found: &Found, handle: u64) -> Vec<MatchTeam> {
        let settings = &state.plan.queue.teams;
        let chance = mix(self.seed ^ mix(handle));
        let turned = |team: usize| {
            let twins = state.plan.twins.get(team)?;
            let place = twins.iter().position(|&t| t == team)? as u64;
            let n = twins.len() as u64;
            twins.get(((place + chance % n) % n) as usize).copied()
        };
        let usual = found.slots.len().div_ceil(settings.len().max(1));
        let mut teams: Vec<MatchTeam> = settings
            .iter()
            .map(|settings| MatchTeam {
                name: settings.name.clone(),
                tickets: Vec::with_capacity(usual),
                roles: BTreeMap::new(),
            })
            .collect();
        let mut members: Vec<(AgeKey, u16, TicketId)> = found
            .slots
            .iter()
            .zip(&found.split.team_of)
            .map(|(&slot, &team)| {
                let entry = self.entries.at(slot);
                (entry.age_key(), team, entry.id)
            })
            .collect();
        members.sort_unstable();
        for (_, team, id) in members {
            let team = usize::from(team);
            if let Some(team) = teams.get_mut(turned(team).unwrap_or(team)) {
                team.tickets.push(id);
            }
        }
        for (team, settings) in teams.iter_mut().zip(settings) {
            if settings.roles.is_empty() {
                continue;
            }
            let ids = team.tickets.iter();
            let tickets = ids.filter_map(|id| self.entry(*id)?.ticket.as_deref());
            team.roles = of_team(&state.plan.queue, settings, tickets);
        }
        teams
    }

    fn figures(&self, state: &QueueState, found: &Found) -> Figures {
        let entries = || found.slots.iter().map(|&slot| self.entries.at(slot));
        let nth = state.plan.first_rule;
        let skills = entries().filter_map(|entry| entry.numbers.get(nth).copied());
        let (low, high) = skills.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        let oldest = entries().map(|entry| entry.created_at).min();
        Figures {
            players: entries().map(|entry| u32::from(entry.players)).sum(),
            distance_gap: if state.plan.distance.len() <= nth {
                0.0
            } else {
                high - low
            },
            balance_gap: found.split.gaps.first().copied().unwrap_or(0.0),
            latency_worst_ms: worst_ms(entries(), found.region),
            oldest_wait: oldest.map(|at| self.now.since(at)).unwrap_or_default(),
            preference: found.split.score.preference,
            avoided: found.split.score.meetings,
        }
    }
}

/// Why a ticket can be played nowhere, whatever its age.
fn no_region(plan: &Plan, entry: &Entry) -> Option<Rejection> {
    if entry.anywhere {
        return None;
    }
    let last = plan.level_at(last_age(entry.created_at, entry.expires.at()));
    let last = plan.level(last);
    if entry.pings.iter().any(|ping| last.is_near(ping)) {
        return None;
    }
    Some(no_region_within(
        entry.pings.iter().map(|p| p.worst_ms),
        last,
    ))
}

/// Notes that a ticket of a pool is due, unless the pool is noted for an earlier time.
fn note_due(
    due: &mut BTreeSet<(Timestamp, u32, u32)>,
    state: &mut QueueState,
    at: Timestamp,
    queue: u32,
    pool: u32,
) {
    let Some(known) = state.pools.get_mut(pool as usize) else {
        return;
    };
    if let Some(noted) = known.noted {
        if noted <= at {
            return;
        }
        due.remove(&(noted, queue, pool));
    }
    known.noted = Some(at);
    due.insert((at, queue, pool));
}

/// A number that looks random (the finalizer of SplitMix64).
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
