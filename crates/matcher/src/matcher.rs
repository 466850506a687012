//! The matcher: waiting tickets, what changes them, and the decisions that follow.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::queue::Queue;
use model::{Name, Ticket, TicketId, Timestamp};

use crate::entry::{AgeKey, Entry, PoolKey};
use crate::event::{Event, Figures, Match, MatchTeam, Output, Stats};
use crate::plan::Plan;
use crate::pool::{Entries, QueueState, Slot};
use crate::search::{Cursor, Found, Outcome, Scene, search, worst_ms};
use crate::validate::admit;

/// Tickets that may widen or expire in one event; the others are due at once.
const DUE_MAX: usize = 1_024;
/// Searches that were put off and are resumed in one event; the others are due at once.
const RESUMED_MAX: usize = 8;
/// Slices after which a search is given up, until its ticket changes or a new one can meet it.
const SLICES_MAX: u32 = 64;

/// One group of queues that share tickets, all regions together: the unit of ownership and threads.
#[derive(Debug)]
pub struct Matcher {
    queues: BTreeMap<Name, QueueState>,
    entries: Entries,
    /// Looked up by id only; never iterated.
    by_id: HashMap<TicketId, Slot>,
    /// When a waiting ticket widens or expires.
    deadlines: BTreeSet<(Timestamp, u64, Slot)>,
    /// Searches that are unfinished, the oldest ticket first.
    unfinished: BTreeMap<AgeKey, (Slot, Cursor)>,
    /// Tickets of matches that were emitted, by handle.
    proposed: BTreeMap<u64, Vec<Proposed>>,
    /// Where a ticket is proposed; looked up by id only.
    proposed_by_id: HashMap<TicketId, u64>,
    now: Timestamp,
    next_seq: u64,
    next_handle: u64,
    seed: u64,
    stats: Stats,
}

/// A ticket in a match that was emitted.
#[derive(Debug)]
struct Proposed {
    ticket: Arc<Ticket>,
    seq: u64,
}

impl Matcher {
    /// A matcher without tickets. The seed decides what the rules leave open.
    pub fn new(queues: Vec<Arc<Queue>>, seed: u64) -> Matcher {
        let states = queues
            .into_iter()
            .map(|q| (q.name.clone(), QueueState::new(q)));
        Matcher {
            queues: states.collect(),
            entries: Entries::default(),
            by_id: HashMap::new(),
            deadlines: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            proposed: BTreeMap::new(),
            proposed_by_id: HashMap::new(),
            now: Timestamp(i64::MIN),
            next_seq: 0,
            next_handle: 1,
            seed,
            stats: Stats::default(),
        }
    }

    /// Takes a new revision of the queues. Tickets keep their age; those whose queue is gone or whose
    /// new rules refuse them are put out. Emitted matches stand as they are.
    ///
    /// O(tickets of the queues that changed); their searches are then due, a few in each event.
    pub fn set_queues(&mut self, now: Timestamp, queues: Vec<Arc<Queue>>) -> Vec<Output> {
        self.now = self.now.max(now);
        let mut old = std::mem::take(&mut self.queues);
        let mut homeless = BTreeMap::new();
        for queue in queues {
            let name = queue.name.clone();
            let state = match old.remove(&name) {
                Some(same) if *same.plan.queue == *queue => same,
                Some(changed) => {
                    homeless.extend(slots_of(&changed));
                    QueueState::new(queue)
                }
                None => QueueState::new(queue),
            };
            self.queues.insert(name, state);
        }
        for gone in old.values() {
            homeless.extend(slots_of(gone));
        }
        let mut out = Vec::new();
        let mut changed = Vec::new();
        for slot in homeless.into_values() {
            if let Some(entry) = self.forget(slot) {
                changed.extend(self.admit(entry.ticket, entry.seq, &mut out));
            }
        }
        for slot in changed {
            self.put_off(slot, Cursor::default());
        }
        self.resume(&mut out);
        out
    }

    /// Says what follows from an event. `now` that lies before an earlier one counts as that one.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Output> {
        self.now = self.now.max(now);
        let mut out = Vec::new();
        self.run_due(&mut out);
        match event {
            Event::Add(ticket) => self.add(ticket, &mut out),
            Event::Remove(id) => self.remove(id),
            Event::Committed(handle) => drop(self.take_proposed(handle)),
            Event::Failed { handle, gone } => self.fail(handle, &gone, &mut out),
            Event::Tick => {}
        }
        self.resume(&mut out);
        out
    }

    /// When [`Event::Tick`] is wanted: the next expansion or expiry; the time of the last event if
    /// there is work left from it. `None`: not before another event.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if !self.unfinished.is_empty() {
            return Some(self.now);
        }
        self.deadlines.first().map(|&(at, _, _)| at)
    }

    /// Tickets that wait in any queue; those in emitted matches do not count.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Tickets that wait in a queue.
    pub fn waiting(&self, queue: &Name) -> usize {
        self.queues.get(queue).map_or(0, |state| state.waiting)
    }

    /// Whether a ticket waits in a pool.
    pub fn is_waiting(&self, ticket: TicketId) -> bool {
        self.by_id.contains_key(&ticket)
    }

    /// The emitted match that holds a ticket.
    pub fn proposed_in(&self, ticket: TicketId) -> Option<u64> {
        self.proposed_by_id.get(&ticket).copied()
    }

    /// What was done since the matcher was made.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn add(&mut self, ticket: Arc<Ticket>, out: &mut Vec<Output>) {
        let known =
            self.by_id.contains_key(&ticket.id) || self.proposed_by_id.contains_key(&ticket.id);
        if known {
            return;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        if let Some(slot) = self.admit(ticket, seq, out) {
            self.search_changed(vec![slot], out);
        }
    }

    /// Puts a ticket into its pools, unless its queue or its time is over.
    fn admit(&mut self, ticket: Arc<Ticket>, seq: u64, out: &mut Vec<Output>) -> Option<Slot> {
        let Some(state) = self.queues.get_mut(&ticket.queue) else {
            out.push(Output::QueueRemoved(ticket.id));
            return None;
        };
        let fit = match admit(&state.plan, &ticket) {
            Ok(fit) => fit,
            Err(rejection) => {
                out.push(Output::Refused(ticket.id, rejection));
                return None;
            }
        };
        let level = state.plan.level_at(self.now.since(ticket.created_at).0);
        let mut entry = Entry {
            ticket,
            fit,
            seq,
            level,
            deadline: None,
        };
        if entry.is_expired(self.now) {
            out.push(Output::Expired(entry.ticket.id));
            return None;
        }
        entry.deadline = deadline(&state.plan, &entry);
        let (id, at) = (entry.ticket.id, entry.deadline);
        let slot = self.entries.insert(entry);
        state.insert(slot, self.entries.at(slot));
        self.by_id.insert(id, slot);
        self.deadlines.extend(at.map(|at| (at, seq, slot)));
        Some(slot)
    }

    fn remove(&mut self, id: TicketId) {
        if let Some(&slot) = self.by_id.get(&id) {
            self.forget(slot);
        } else if let Some(handle) = self.proposed_by_id.remove(&id)
            && let Some(tickets) = self.proposed.get_mut(&handle)
        {
            tickets.retain(|proposed| proposed.ticket.id != id);
        }
    }

    /// Takes a waiting ticket out of everything.
    fn forget(&mut self, slot: Slot) -> Option<Entry> {
        let entry = self.entries.take(slot)?;
        if let Some(state) = self.queues.get_mut(&entry.ticket.queue) {
            state.remove(&entry);
        }
        self.by_id.remove(&entry.ticket.id);
        self.unfinished.remove(&entry.age_key());
        if let Some(at) = entry.deadline {
            self.deadlines.remove(&(at, entry.seq, slot));
        }
        Some(entry)
    }

    fn take_proposed(&mut self, handle: u64) -> Vec<Proposed> {
        let tickets = self.proposed.remove(&handle).unwrap_or_default();
        for proposed in &tickets {
            self.proposed_by_id.remove(&proposed.ticket.id);
        }
        tickets
    }

    fn fail(&mut self, handle: u64, gone: &[TicketId], out: &mut Vec<Output>) {
        let mut changed = Vec::new();
        for proposed in self.take_proposed(handle) {
            if !gone.contains(&proposed.ticket.id) {
                changed.extend(self.admit(proposed.ticket, proposed.seq, out));
            }
        }
        self.search_changed(changed, out);
    }

    /// Widens and expires what is due.
    fn run_due(&mut self, out: &mut Vec<Output>) {
        let mut changed = Vec::new();
        for _ in 0..DUE_MAX {
            let Some(&(at, seq, slot)) = self.deadlines.first() else {
                break;
            };
            if at > self.now {
                break;
            }
            self.deadlines.remove(&(at, seq, slot));
            let Some(entry) = self.entries.get_mut(slot) else {
                continue;
            };
            if entry.is_expired(self.now) {
                out.push(Output::Expired(entry.ticket.id));
                self.forget(slot);
                continue;
            }
            let Some(state) = self.queues.get_mut(&entry.ticket.queue) else {
                continue;
            };
            let level = state
                .plan
                .level_at(self.now.since(entry.ticket.created_at).0);
            state.widen(slot, entry, level);
            entry.deadline = deadline(&state.plan, entry);
            self.deadlines
                .extend(entry.deadline.map(|at| (at, seq, slot)));
            changed.push(slot);
        }
        self.search_changed(changed, out);
    }

    /// Looks for the matches that the change of these waiting tickets made possible.
    fn search_changed(&mut self, mut changed: Vec<Slot>, out: &mut Vec<Output>) {
        changed.sort_by_key(|&slot| self.entries.get(slot).map(Entry::age_key));
        if changed.len() > 1 {
            // Several changes at once: the oldest tickets, changed or not, choose first.
            let entries = changed.iter().filter_map(|&slot| self.entries.get(slot));
            let pools: BTreeSet<(Name, PoolKey)> = entries
                .map(|entry| (entry.ticket.queue.clone(), entry.fit.key.clone()))
                .collect();
            for (queue, key) in pools {
                while let Some(oldest) = self.oldest(&queue, &key) {
                    if !self.search(oldest, &Cursor::default(), out) {
                        break;
                    }
                }
            }
        }
        for slot in changed {
            // A slot may be free again, as an earlier match took its ticket.
            if self.entries.get(slot).is_some() {
                self.search(slot, &Cursor::default(), out);
            }
        }
    }

    fn oldest(&self, queue: &Name, key: &PoolKey) -> Option<Slot> {
        self.queues
            .get(queue)?
            .pools
            .get(key)?
            .by_age
            .values()
            .next()
            .copied()
    }

    /// Searches once and emits the match if there is one; whether there was.
    fn search(&mut self, slot: Slot, cursor: &Cursor, out: &mut Vec<Output>) -> bool {
        let Some(entry) = self.entries.get(slot) else {
            return false;
        };
        let Some(queue) = self.queues.get(&entry.ticket.queue) else {
            return false;
        };
        if !queue.plan.queue.active || entry.is_expired(self.now) {
            return false;
        }
        self.stats.searches += u64::from(*cursor == Cursor::default());
        let scene = Scene {
            queue,
            entries: &self.entries,
            now: self.now,
        };
        let (outcome, looked_at) = search(scene, slot, cursor);
        self.stats.looked_at += looked_at;
        match outcome {
            Outcome::Found(found) => {
                let name = queue.plan.queue.name.clone();
                self.emit(&name, found, out);
                true
            }
            Outcome::Nothing => {
                self.finish(slot);
                false
            }
            Outcome::PutOff(cursor) if cursor.slices >= SLICES_MAX => {
                self.stats.given_up += 1;
                self.finish(slot);
                false
            }
            Outcome::PutOff(cursor) => {
                self.stats.put_off += u64::from(cursor.slices == 1);
                self.put_off(slot, cursor);
                false
            }
        }
    }

    fn put_off(&mut self, slot: Slot, cursor: Cursor) {
        if let Some(entry) = self.entries.get(slot) {
            self.unfinished.insert(entry.age_key(), (slot, cursor));
        }
    }

    fn finish(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.get(slot) {
            self.unfinished.remove(&entry.age_key());
        }
    }

    /// Goes on with searches that were put off, the oldest ticket's first.
    fn resume(&mut self, out: &mut Vec<Output>) {
        for _ in 0..RESUMED_MAX {
            let Some((_, (slot, cursor))) = self.unfinished.pop_first() else {
                break;
            };
            self.search(slot, &cursor, out);
        }
    }

    fn emit(&mut self, queue: &Name, found: Found, out: &mut Vec<Output>) {
        let handle = self.next_handle;
        self.next_handle += 1;
        let Some(state) = self.queues.get(queue) else {
            return;
        };
        let figures = self.figures(state, &found);
        let teams = self.teams(state, &found, handle);
        let mut tickets = Vec::with_capacity(found.slots.len());
        for &slot in &found.slots {
            if let Some(entry) = self.forget(slot) {
                self.proposed_by_id.insert(entry.ticket.id, handle);
                tickets.push(Proposed {
                    ticket: entry.ticket,
                    seq: entry.seq,
                });
            }
        }
        self.proposed.insert(handle, tickets);
        self.stats.matches += 1;
        let (queue, region) = (queue.clone(), found.region);
        out.push(Output::Match(Match {
            handle,
            queue,
            region,
            teams,
            figures,
        }));
    }

    /// The split with its names. Interchangeable teams change names by chance of the seed, so that
    /// nobody is always red.
    fn teams(&self, state: &QueueState, found: &Found, handle: u64) -> Vec<MatchTeam> {
        let settings = &state.plan.queue.teams;
        let seats = |team: usize| state.plan.finals.classes.get(team);
        let chance = mix(self.seed ^ mix(handle));
        let mut members: Vec<Vec<(AgeKey, TicketId)>> = vec![Vec::new(); settings.len()];
        for (&slot, &team) in found.slots.iter().zip(&found.split.team_of) {
            let team = usize::from(team);
            let twins: Vec<usize> = (0..settings.len())
                .filter(|&t| seats(t) == seats(team))
                .collect();
            let place = twins.iter().position(|&t| t == team).unwrap_or(0) as u64;
            let turned = (place + chance % twins.len().max(1) as u64) % twins.len().max(1) as u64;
            let team = twins.get(turned as usize).copied().unwrap_or(team);
            let entry = self.entries.at(slot);
            if let Some(members) = members.get_mut(team) {
                members.push((entry.age_key(), entry.ticket.id));
            }
        }
        let named = settings.iter().zip(members);
        let team = |(settings, mut members): (&model::queue::TeamSettings, Vec<_>)| {
            members.sort_unstable();
            MatchTeam {
                name: settings.name.clone(),
                tickets: members.into_iter().map(|(_, id)| id).collect(),
            }
        };
        named.map(team).collect()
    }

    fn figures(&self, state: &QueueState, found: &Found) -> Figures {
        let entries = || found.slots.iter().map(|&slot| self.entries.at(slot));
        let skills = entries().map(|entry| entry.fit.skill());
        let (low, high) = skills.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        });
        let oldest = entries().map(|entry| entry.ticket.created_at).min();
        Figures {
            players: entries().map(|entry| u32::from(entry.fit.players)).sum(),
            distance_gap: if state.plan.distance.is_empty() {
                0.0
            } else {
                high - low
            },
            balance_gap: found.split.gaps.first().copied().unwrap_or(0.0),
            latency_worst_ms: worst_ms(entries(), found.region.as_ref()),
            oldest_wait: oldest.map(|at| self.now.since(at)).unwrap_or_default(),
        }
    }
}

fn slots_of(state: &QueueState) -> impl Iterator<Item = (AgeKey, Slot)> + '_ {
    state
        .pools
        .values()
        .flat_map(|pool| pool.by_age.iter().map(|(&age, &slot)| (age, slot)))
}

/// When a ticket widens or expires next.
fn deadline(plan: &Plan, entry: &Entry) -> Option<Timestamp> {
    let after = plan.afters.get(usize::from(entry.level)).copied();
    let widens = after.map(|after| entry.ticket.created_at + model::Millis(after));
    match (widens, entry.ticket.expires_at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A number that looks random (the finalizer of SplitMix64).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
