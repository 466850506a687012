//! How tickets that wait and backfills that ask find each other, in slices of bounded work.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use model::queue::Priority;
use model::{SessionId, Timestamp};

use super::Matcher;
use crate::ages::Seat;
use crate::backfill::{Backfill, BackfillKey, Backfills, CANDIDATES_MAX, Open, Refill, reached};
use crate::entry::{AgeKey, Entry};
use crate::event::{MatchTeam, Output};
use crate::plan::Plan;
use crate::pool::{Pool, QueueState, SkillKey, Slot};

/// Backfills that a ticket looks at in one event; the others are due at once.
const BACKFILLS_LOOKED_AT: usize = 256;
/// Backfills of them that it tries to join, with others who wait.
const BACKFILLS_TRIED: usize = 8;
/// Of a pool's oldest tickets so many may join together with a ticket that looks for a backfill.
const PARTNERS_LOOKED_AT: usize = 64;
/// Tickets that a backfill looks at in one event.
const TICKETS_LOOKED_AT: usize = 512;
/// Backfills, and tickets, whose looks go on in one event.
const RESUMED_MAX: usize = 8;

/// Who joins on which team.
type Joining = Vec<(Slot, u16)>;

/// When a ticket that searches looks for a session, by its queue's priority.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Before a new match is looked for.
    First,
    /// A new match was found, the oldest of it created then: of those that asked before.
    Instead(Timestamp),
    /// No new match is possible.
    Last,
}

impl Turn {
    /// Whose turn it is.
    fn priorities(self) -> &'static [Priority] {
        match self {
            Turn::First => &[Priority::High],
            Turn::Instead(_) => &[Priority::Normal],
            Turn::Last => &[Priority::Normal, Priority::Low],
        }
    }
}

/// What a ticket finds among the sessions that ask.
enum Look {
    /// None that it may join.
    Nothing,
    /// One that it joins, and who with it.
    Joins(SessionId, Joining),
    /// One that has to look at who waited before, first.
    Fresh(BackfillKey),
    /// There are more, from this one on.
    PutOff(BackfillKey),
}

impl Matcher {
    /// A session asks for players, or for others than before.
    pub(super) fn put_backfill(&mut self, asked: Arc<Backfill>) {
        let open = self.open(&asked);
        if !self.backfills.put(asked, open) {
            self.stats.backfills_refused += 1;
        }
    }

    fn open(&mut self, asked: &Arc<Backfill>) -> Option<Open> {
        let number = self.queue_of.get(&asked.queue).copied()?;
        let state = self.queues.get_mut(number as usize)?.state.as_mut()?;
        Open::new(state, number, asked)
    }

    /// The queues are others now.
    pub(super) fn reopen_backfills(&mut self) {
        for asked in self.backfills.asked() {
            let open = self.open(&asked);
            self.backfills.reopen(asked.session, open);
        }
    }

    /// Sessions that ask for players, to look at.
    pub(crate) fn backfills(&self) -> &Backfills {
        &self.backfills
    }

    /// Whether a queue's backfills are served at this point.
    fn priority_is(&self, slot: Slot, any_of: &[Priority]) -> bool {
        let entry = self.entries.get(slot);
        let state = entry.and_then(|entry| self.state(entry.queue));
        state.is_some_and(|state| any_of.contains(&state.plan.queue.backfill.priority))
    }

    /// Whether a ticket joins a session at this point of its search.
    pub(super) fn refills(&mut self, slot: Slot, turn: Turn, out: &mut Vec<Output>) -> bool {
        !self.backfills.is_idle()
            && self.priority_is(slot, turn.priorities())
            && self.refill_with(slot, Bound::Unbounded, turn, out)
    }

    /// Goes on with looks that are due.
    pub(super) fn resume_refills(&mut self, out: &mut Vec<Output>) {
        let Backfills { due, held_up, .. } = &mut self.backfills;
        held_up.retain(|&queue, of_queue| {
            let holds_up = self.backlog.has(queue);
            if !holds_up {
                due.append(of_queue);
            }
            holds_up
        });
        for _ in 0..RESUMED_MAX {
            let Some((key, from)) = self.backfills.due.pop_first() else {
                break;
            };
            self.refill(key, from, out);
        }
        for _ in 0..RESUMED_MAX {
            let Some((age, (slot, from))) = self.backfills.unfinished.pop_first() else {
                break;
            };
            if self.is_here((age, slot)) {
                self.refill_with(slot, Bound::Included(from), Turn::Last, out);
            }
        }
    }

    /// Looks for a session that the ticket may join at this turn, the oldest first.
    fn refill_with(
        &mut self,
        slot: Slot,
        mut from: Bound<BackfillKey>,
        turn: Turn,
        out: &mut Vec<Output>,
    ) -> bool {
        let mut tried = 0;
        loop {
            match self.session_for(slot, from, turn, &mut tried) {
                Look::Nothing => return false,
                Look::Joins(session, joining) => {
                    self.emit_refill(session, &joining, out);
                    return true;
                }
                Look::Fresh(key) => {
                    let Some(first) = self.backfills.due.remove(&key) else {
                        return false;
                    };
                    self.refill(key, first, out);
                    // By now it is not fresh any more, or asks for nobody.
                    from = Bound::Included(key);
                }
                Look::PutOff(key) => {
                    if let Some(entry) = self.entries.get(slot)
                        && !matches!(turn, Turn::Instead(_))
                    {
                        let age = entry.age_key();
                        self.stats.put_off += 1;
                        self.backfills.unfinished.insert(age, (slot, key));
                    }
                    return false;
                }
            }
            if self
                .entries
                .get(slot)
                .is_some_and(|entry| entry.proposed != 0)
            {
                return true;
            }
        }
    }

    /// The first session from a key on that is something to this ticket at this turn.
    fn session_for(
        &self,
        slot: Slot,
        from: Bound<BackfillKey>,
        turn: Turn,
        tried: &mut usize,
    ) -> Look {
        let waits = |entry: &&Entry| entry.proposed == 0;
        let Some(entry) = self.entries.get(slot).filter(waits) else {
            return Look::Nothing;
        };
        let Some(state) = self.state(entry.queue).filter(|s| s.plan.queue.active) else {
            return Look::Nothing;
        };
        let pool = &state.pools[entry.pool as usize];
        let Some(line) = self.backfills.line(entry.queue, &pool.key) else {
            return Look::Nothing;
        };
        for (looked, key) in line.around(&state.plan, entry, from).enumerate() {
            if matches!(turn, Turn::Instead(oldest) if key.0 >= oldest) {
                break;
            }
            if looked == BACKFILLS_LOOKED_AT || *tried == BACKFILLS_TRIED {
                return Look::PutOff(key);
            }
            let open = self.backfills.open(key.1);
            let Some(open) = open.filter(|open| open.accepts(&state.plan, entry, self.now)) else {
                continue;
            };
            *tried += 1;
            if self.is_fresh(&state.plan, open.queue, &key) {
                match turn {
                    // Its own look comes after the searches.
                    Turn::Last => continue,
                    Turn::First | Turn::Instead(_) => return Look::Fresh(key),
                }
            }
            let oldest = pool.by_age.iter(|slot| self.entries.at(slot).age_key());
            let others = oldest.take(PARTNERS_LOOKED_AT).map(|(_, other)| other);
            let others = others.filter(|&other| other != slot && self.may_join(open, other));
            let mut candidates: Vec<Slot> = others.take(CANDIDATES_MAX - 1).collect();
            candidates.push(slot);
            if let (Some(joining), _) = self.choose(open, candidates, Some(slot)) {
                return Look::Joins(key.1, joining);
            }
        }
        Look::Nothing
    }

    /// Whether a session asks since a moment ago and those who waited before were not looked at, which this event will
    /// do, or a later one if it is held up: until then it is nobody's who would come before the oldest.
    fn is_fresh(&self, plan: &Plan, queue: u32, key: &BackfillKey) -> bool {
        let Backfills { due, held_up, .. } = &self.backfills;
        let is_next = due.len() <= RESUMED_MAX || self.holds_up(plan, queue);
        let next = due.get(key).filter(|_| is_next);
        next.or_else(|| held_up.get(&queue)?.get(key))
            .is_some_and(|(age, _)| age.is_none())
    }

    /// Whether the sessions of a queue have to wait until everybody in it was searched for: see [`Self::may_join`].
    fn holds_up(&self, plan: &Plan, queue: u32) -> bool {
        plan.queue.backfill.priority == Priority::Low && self.backlog.has(queue)
    }

    /// Looks for players for one backfill, from a ticket on.
    fn refill(&mut self, key: BackfillKey, from: (Option<AgeKey>, Seat), out: &mut Vec<Output>) {
        let Some(open) = self.backfills.open(key.1) else {
            return;
        };
        let Some(state) = self.state(open.queue).filter(|s| s.plan.queue.active) else {
            return;
        };
        if self.holds_up(&state.plan, open.queue) {
            let held_up = self.backfills.held_up.entry(open.queue);
            held_up.or_default().insert(key, from);
            return;
        }
        let Some(pool) = state.pool_of(&open.key) else {
            return;
        };
        let mut candidates = Vec::new();
        let (mut looked, mut last) = (0, from);
        for (age, slot, seat) in self.behind(pool, open, from).take(TICKETS_LOOKED_AT) {
            (looked, last) = (looked + 1, (Some(age), seat));
            if self.may_join(open, slot) {
                candidates.push(slot);
            }
            if candidates.len() == CANDIDATES_MAX {
                break;
            }
        }
        let ended = looked < TICKETS_LOOKED_AT && candidates.len() < CANDIDATES_MAX;
        let (joining, everything) = self.choose(open, candidates, None);
        self.stats.looked_at += looked as u64;
        self.stats.given_up += u64::from(!everything && joining.is_none());
        match joining {
            Some(joining) => self.emit_refill(key.1, &joining, out),
            None if !ended => {
                self.backfills.due.insert(key, last);
            }
            None => {}
        }
    }

    /// The tickets of a pool behind a place, the oldest first, each with the place behind it; only those near enough by
    /// the first distance rule, where that rule keeps out many.
    fn behind<'a>(
        &'a self,
        pool: &'a Pool,
        open: &Open,
        from: (Option<AgeKey>, Seat),
    ) -> Box<dyn Iterator<Item = (AgeKey, Slot, Seat)> + 'a> {
        let key_of = |slot| self.entries.at(slot).age_key();
        let span = |state: &QueueState| reached(&state.plan, open.span(), u16::MAX);
        let within = self.state(open.queue).map(span);
        let near = within.and_then(|within| tickets_within(pool, within));
        let Some(near) = near else {
            return Box::new(pool.by_age.behind(from, key_of));
        };
        let near = near.into_iter().map(|slot| (key_of(slot), slot, from.1));
        let mut near: Vec<_> = near.filter(|(age, _, _)| Some(*age) > from.0).collect();
        near.sort_unstable();
        Box::new(near.into_iter())
    }

    /// Whether a ticket that waits may join, by itself and its queue's priority: of a low one not before it is known that
    /// it finds no new match.
    fn may_join(&self, open: &Open, slot: Slot) -> bool {
        let (Some(entry), Some(state)) = (self.entries.get(slot), self.state(open.queue)) else {
            return false;
        };
        let is_known = state.plan.queue.backfill.priority != Priority::Low
            || (!self.backlog.has(open.queue) && !self.unfinished.contains_key(&entry.age_key()));
        is_known && entry.proposed == 0 && open.accepts(&state.plan, entry, self.now)
    }

    fn choose(
        &self,
        open: &Open,
        mut candidates: Vec<Slot>,
        must: Option<Slot>,
    ) -> (Option<Joining>, bool) {
        let Some(state) = self.state(open.queue) else {
            return (None, true);
        };
        candidates.sort_by_key(|&slot| self.entries.at(slot).age_key());
        let entries: Vec<&Entry> = candidates.iter().map(|&s| self.entries.at(s)).collect();
        let must = must.and_then(|must| candidates.iter().position(|&slot| slot == must));
        let choice = open.choose(&state.plan, &entries, must);
        let slots = |joining: Vec<(usize, u16)>| {
            let joining = joining.into_iter();
            joining.map(|(at, team)| (candidates[at], team)).collect()
        };
        (choice.joining.map(slots), choice.everything)
    }

    fn emit_refill(&mut self, session: SessionId, joining: &[(Slot, u16)], out: &mut Vec<Output>) {
        let Some(open) = self.backfills.open(session) else {
            return;
        };
        let Some(state) = self.state(open.queue) else {
            return;
        };
        let queue = &state.plan.queue;
        let mut joining = joining.to_vec();
        joining.sort_by_key(|&(slot, _)| self.entries.at(slot).age_key());
        let tickets = |at: usize| {
            let of_team = joining.iter().filter(|(_, team)| usize::from(*team) == at);
            let ids = of_team.map(|&(slot, _)| self.entries.at(slot).id);
            ids.collect()
        };
        let settings = queue.teams.iter().enumerate();
        let teams = settings.map(|(at, settings)| MatchTeam {
            name: settings.name.clone(),
            tickets: tickets(at),
            // Who plays may have taken any by now: that is the game's to settle.
            roles: BTreeMap::new(),
        });
        let oldest = joining.first().map(|&(slot, _)| self.entries.at(slot));
        let handle = self.next_handle;
        let refill = Refill {
            handle,
            session,
            queue: queue.name.clone(),
            teams: teams.collect(),
            oldest_wait: oldest
                .map(|entry| self.now.since(entry.created_at))
                .unwrap_or_default(),
        };
        self.next_handle += 1;
        self.propose(joining.into_iter().map(|(slot, _)| slot).collect(), handle);
        self.backfills.busy(session, handle);
        self.stats.refills += 1;
        out.push(Output::Refill(refill));
    }
}

/// Who in a pool has a number from here to there by which it is ordered; `None` where that is more than are looked at.
fn tickets_within(pool: &Pool, (low, high): (f64, f64)) -> Option<Vec<Slot>> {
    let until = SkillKey::new(high, u64::MAX);
    let mut spot = pool.by_skill.spot(&SkillKey::new(low, 0));
    let mut within = Vec::new();
    while let Some((items, next)) = pool.by_skill.up_until(spot, u128::MAX, Some(until)) {
        for (key, place) in items {
            if key > until {
                return Some(within);
            }
            within.push(place.slot);
        }
        if within.len() > TICKETS_LOOKED_AT {
            return None;
        }
        spot = next;
    }
    Some(within)
}
