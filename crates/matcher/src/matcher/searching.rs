//! In what order and for how long tickets are searched for: slices of bounded work, the oldest ticket first.

use super::Matcher;
use super::refilling::Turn;
use crate::entry::{AgeKey, Cut, Entry};
use crate::event::Output;
use crate::pool::{EXACT_TICKETS_MAX, Pool, Slot};
use crate::search::{Cursor, EXACT_STEPS_MAX, Outcome, STEPS_MAX, Scene, search};

/// Searches that were put off and are resumed in one event; the others are due at once.
const RESUMED_MAX: usize = 8;
/// So many of small pools that have had their steps are passed over to find one that may go on.
const SKIPPED_MAX: usize = 64;
/// Slices after which the search of a pool's oldest ticket is given up, until it widens or enough have gone.
const SLICES_MAX: u32 = 64;
/// The same of every other ticket; once it has become the oldest its search begins anew.
const SLICES_OF_OTHERS_MAX: u32 = 16;

impl Matcher {
    /// After somebody left the pool: whose search has become worth another try.
    pub(super) fn has_left(&mut self, queue: u32, number: u32) {
        if !self.unfinished.is_empty() {
            self.begin_anew(queue, number);
        }
        self.search_again(queue, number);
    }

    /// Begins the searches anew that were put off while the pool was larger than those where all is tried, if what they
    /// have tried may not have been tried to the end.
    fn begin_anew(&mut self, queue: u32, number: u32) {
        let state = self.queues.get(queue as usize);
        let state = state.and_then(|held| held.state.as_ref());
        let pool = state.and_then(|state| state.pools.get(number as usize));
        let Some(pool) = pool.filter(|pool| pool.by_age.len() == EXACT_TICKETS_MAX) else {
            return;
        };
        for (age, slot) in pool.by_age.iter(|slot| self.entries.age_key(slot)) {
            let search = self.unfinished.get(&age);
            if search.is_some_and(|(_, cursor)| cursor.may_have_missed()) {
                self.unfinished.remove(&age);
                self.backlog.insert(queue, age, slot);
            }
        }
    }

    /// Notes whose search is worth another try now that somebody left the pool: the oldest's, and in a pool that has
    /// become small enough for trying all everybody's.
    fn search_again(&mut self, queue: u32, number: u32) {
        let Some(pool) = self.state(queue).and_then(|s| s.pools.get(number as usize)) else {
            return;
        };
        if pool.unsure_before == 0 {
            return;
        }
        let small = pool.is_small();
        let looked_at = if small { EXACT_TICKETS_MAX } else { 1 };
        let keys = pool.by_age.iter(|slot| self.entries.age_key(slot));
        let worth_it = |&(nth, (age, slot)): &(usize, (AgeKey, Slot))| {
            let entry = self.entries.at(slot);
            match entry.cut {
                // It goes on by itself, and nobody has come for whom it would have to begin again.
                _ if self.unfinished.contains_key(&age) => false,
                Cut::Short => true,
                Cut::First => small || pool.has_shrunk(),
                Cut::No => nth == 0 && pool.is_unsure(entry),
            }
        };
        let again = keys.take(looked_at).enumerate().filter(worth_it);
        let again: Vec<(AgeKey, Slot)> = again.map(|(_, key)| key).collect();
        self.backlog.extend(queue, again);
    }

    /// After a search was given up: the match that it may have missed may be the oldest's, whose own search was complete
    /// before. It is searched for anew, unless the two can't meet.
    fn oldest_may_miss(&mut self, missed: Slot) {
        let missed = self.entries.at(missed);
        let (queue, number) = (missed.queue, missed.pool);
        let Some(oldest) = self.oldest(queue, number) else {
            return;
        };
        let entry = self.entries.at(oldest);
        let apart = (missed.skill() - entry.skill()).abs();
        let age = entry.age_key();
        let is_complete = entry.cut == Cut::No;
        let state = self.queues[queue as usize].state.as_mut();
        let Some(state) = state.filter(|state| apart <= state.plan.reach(entry.level)) else {
            return;
        };
        state.pools[number as usize].sure = None;
        if is_complete {
            self.backlog.insert(queue, age, oldest);
        }
    }

    /// Whether no search was put off, and nobody is to be searched for since the queues changed.
    pub(super) fn has_sought_all(&self) -> bool {
        self.unfinished.is_empty() && self.backlog.is_empty()
    }

    pub(super) fn oldest(&self, queue: u32, pool: u32) -> Option<Slot> {
        let pool = self.state(queue)?.pools.get(pool as usize)?;
        pool.by_age
            .iter(|slot| self.entries.age_key(slot))
            .next()
            .map(|(_, slot)| slot)
    }

    /// Searches once and emits the match if there is one; whether there was.
    pub(super) fn search(&mut self, slot: Slot, cursor: &Cursor, out: &mut Vec<Output>) -> bool {
        if cursor.slices == 0 && self.refills(slot, Turn::First, out) {
            return true;
        }
        // An earlier match may have taken the ticket.
        let waits = |entry: &&Entry| entry.proposed == 0 && !entry.is_expired(self.now);
        let Some(entry) = self.entries.get(slot).filter(waits) else {
            return false;
        };
        let state = self.queues[entry.queue as usize].state.as_ref();
        let Some(queue) = state.filter(|state| state.plan.queue.active) else {
            return false;
        };
        let (number, pool) = (entry.queue, entry.pool);
        let age = entry.age_key();
        let is_small = queue.pools[pool as usize].is_small();
        let is_spent = is_small && self.small_have_had_theirs();
        if is_spent && cursor.slices > 0 {
            self.put_off(slot, cursor.clone());
            return false;
        }
        if cursor.is_anew() && !self.backlog.is_empty() {
            self.backlog.remove(age);
        }
        let due = self.due.first().map(|&(at, _, _)| at);
        let scene = Scene {
            queue,
            entries: &self.entries,
            overdue: due.filter(|&at| at <= self.now).map(|_| self.now),
            exact_steps: if is_spent {
                STEPS_MAX
            } else {
                self.exact_steps
            },
        };
        let outcome = search(scene, slot, cursor, &mut self.gathered);
        if is_small {
            self.exact_steps = self.exact_steps.saturating_sub(self.gathered.steps);
        }
        self.stats.looked_at += self.gathered.looked_at;
        self.stats.steps += self.gathered.steps;
        let is_done = match &outcome {
            Outcome::Found(_) => !self.gathered.passed_over,
            Outcome::Nothing => !self.gathered.gave_up,
            Outcome::PutOff(_) => false,
        };
        if is_spent && !is_done {
            // It begins when there are steps for it.
            self.unfinished.remove(&age);
            self.backlog.insert(number, age, slot);
            return false;
        }
        self.stats.searches += u64::from(cursor.slices == 0);
        let is_cut = self.note_end(slot, &outcome);
        match outcome {
            Outcome::Found(found) => {
                self.stats.given_up += u64::from(self.gathered.passed_over);
                let all = found
                    .slots
                    .iter()
                    .filter_map(|&slot| self.entries.get(slot));
                let oldest = all.map(|entry| entry.created_at).min();
                let turn = Turn::Instead(oldest.unwrap_or(self.now));
                if self.refills(slot, turn, out) {
                    return true;
                }
                let is_taken = |&slot: &Slot| self.entries.at(slot).proposed != 0;
                if found.slots.iter().any(is_taken) {
                    // A session took others of this match.
                    return self.search(slot, cursor, out);
                }
                self.emit(number, found, out);
                true
            }
            Outcome::Nothing => {
                self.finish(slot);
                self.refills(slot, Turn::Last, out)
            }
            Outcome::PutOff(_) if is_cut => {
                self.finish(slot);
                self.refills(slot, Turn::Last, out)
            }
            Outcome::PutOff(cursor) => {
                self.stats.put_off += u64::from(cursor.slices == 1);
                self.put_off(slot, cursor);
                false
            }
        }
    }

    /// Notes how a slice of a ticket's search ended; whether the search is given up.
    fn note_end(&mut self, slot: Slot, outcome: &Outcome) -> bool {
        let may_be_cut = match outcome {
            Outcome::Found(_) => false,
            Outcome::Nothing => self.gathered.partial || self.gathered.gave_up,
            Outcome::PutOff(_) => true,
        };
        let entry = self.entries.at(slot);
        let (number, pool, seq) = (entry.queue, entry.pool, entry.seq);
        let known = self.state(number).and_then(|s| s.pools.get(pool as usize));
        let is_unsure = known.is_some_and(|pool| pool.is_unsure(entry));
        let is_first = (may_be_cut || is_unsure) && self.oldest(number, pool) == Some(slot);
        let slices_max = if is_first {
            SLICES_MAX
        } else {
            SLICES_OF_OTHERS_MAX
        };
        let is_cut = match outcome {
            Outcome::PutOff(cursor) => cursor.slices >= slices_max,
            _ => may_be_cut,
        };
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.cut = match (is_cut, is_first) {
                (false, _) => Cut::No,
                (true, false) => Cut::Short,
                (true, true) => Cut::First,
            };
        }
        let state = self.queues[number as usize].state.as_mut();
        if let Some(pool) = state.and_then(|state| state.pools.get_mut(pool as usize)) {
            if is_cut {
                pool.unsure_before = self.next_seq;
                self.stats.given_up += 1;
            }
            match (is_first, is_cut, outcome) {
                (true, true, _) => pool.given_up_at = pool.by_age.len(),
                (true, false, Outcome::Nothing) => pool.sure = Some(seq),
                (false, true, _) => self.oldest_may_miss(slot),
                _ => {}
            }
        }
        is_cut
    }

    fn put_off(&mut self, slot: Slot, cursor: Cursor) {
        if let Some(entry) = self.entries.get(slot) {
            self.unfinished.insert(entry.age_key(), (slot, cursor));
        }
    }

    fn finish(&mut self, slot: Slot) {
        if self.unfinished.is_empty() {
            return;
        }
        if let Some(entry) = self.entries.get(slot) {
            self.unfinished.remove(&entry.age_key());
        }
    }

    /// Whether the steps that small pools have together in one event are spent, or so many of them that what is left
    /// would be a slice of its number and hardly of work.
    fn small_have_had_theirs(&self) -> bool {
        self.exact_steps <= EXACT_STEPS_MAX / 2
    }

    /// Whether a search that was put off may go on in this event.
    fn may_go_on(&self, slot: Slot) -> bool {
        let is_small = |entry: &Entry| {
            let pools = self.state(entry.queue).map(|state| &state.pools);
            let pool = pools.and_then(|pools| pools.get(entry.pool as usize));
            pool.is_some_and(Pool::is_small)
        };
        !self.small_have_had_theirs() || !self.entries.get(slot).is_some_and(is_small)
    }

    /// Goes on with searches that were put off, the oldest ticket's first; with one of a small pool in any case.
    pub(super) fn resume(&mut self, out: &mut Vec<Output>) {
        self.exact_steps = self.exact_steps.max(EXACT_STEPS_MAX / 2 + 1);
        let mut resumed = 0;
        while resumed < RESUMED_MAX {
            let may_go_on = |&(_, slot): &(AgeKey, Slot)| self.may_go_on(slot);
            let noted = self.backlog.iter().take(SKIPPED_MAX).find(may_go_on);
            let mut put_off = self.unfinished.iter().take(SKIPPED_MAX);
            let put_off = put_off.find(|&(_, &(slot, _))| self.may_go_on(slot));
            match (noted, put_off.map(|(&age, _)| age)) {
                (Some((age, slot)), other) if other.is_none_or(|other| age < other) => {
                    self.backlog.remove(age);
                    if self.is_here((age, slot)) {
                        resumed += 1;
                        self.search(slot, &Cursor::default(), out);
                    }
                }
                (_, Some(age)) => {
                    resumed += 1;
                    if let Some((slot, cursor)) = self.unfinished.remove(&age) {
                        self.search(slot, &cursor, out);
                    }
                }
                _ => break,
            }
        }
    }
}
