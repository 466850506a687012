//! How a ticket comes in: read and judged at the door, all that are known to come at once, then let into its pool.

use std::collections::VecDeque;
use std::sync::Arc;

use model::{Region, Ticket};

use super::{Matcher, Places};
use crate::ages::Seat;
use crate::entry::{Cut, Entry, Expiry, Fit, PoolKey};
use crate::event::{Event, Output};
use crate::facts::Facts;
use crate::pool::QueueState;
use crate::search::Cursor;
use crate::sorted::LeafId;
use crate::validate::{Rejection, admit};

/// A ticket that was read before its turn.
#[derive(Debug)]
pub(super) struct Early {
    ticket: Arc<Ticket>,
    read: Read,
}

/// Those that were read before their turn, in its order.
pub(super) type AllEarly = VecDeque<Early>;

/// A ticket as it will wait in the pool of this key, but for what is noted when it enters and for its facts.
type Read = (PoolKey, Entry);

/// Why a ticket can't be read.
enum Unread {
    Refused(Rejection),
    /// These regions have no number yet.
    Regions(Vec<Region>),
}

/// Reads a ticket and judges it. Nothing changes, so that it may be done before its turn.
fn read(state: &QueueState, queue: u32, ticket: &Arc<Ticket>) -> Result<Read, Unread> {
    let plan = &state.plan;
    let fit = admit(plan, ticket).map_err(Unread::Refused)?;
    let Fit {
        players,
        numbers,
        sums,
        key,
        anywhere,
        pings,
    } = fit;
    let entry = Entry {
        created_at: ticket.created_at,
        seq: 0,
        expires: Expiry::from(ticket.expires_at),
        queue,
        pool: 0,
        proposed: 0,
        seat: Seat::default(),
        leaf: LeafId::NONE,
        class: 0,
        level: 0,
        players,
        anywhere,
        cut: Cut::No,
        numbers,
        deadline: None,
        id: ticket.id,
        sums,
        pings: state.regions.near(&pings).map_err(Unread::Regions)?,
        facts: Facts::default(),
        brings: plan.wanted.brought(&plan.queue, &ticket.players),
        ticket: plan.reads_tickets.then(|| Arc::clone(ticket)),
    };
    Ok((key, entry))
}

impl Matcher {
    /// Reads the tickets that come next, one after the other: what follows from one of them runs through more code than
    /// a processor has at hand. Where in large pools they will be.
    pub(super) fn read_early<'a>(&mut self, events: impl Iterator<Item = &'a Event>) -> Places {
        let mut places = Places::new();
        self.early.clear();
        for event in events {
            let Event::Add(ticket) = event else {
                continue;
            };
            self.by_id.expect(ticket.id);
            let Some(&queue) = self.queue_of.get(&ticket.queue) else {
                continue;
            };
            let Some(state) = self.state(queue) else {
                continue;
            };
            if let Ok(read) = read(state, queue, ticket) {
                let ahead = state.ahead_of_new(&read.1);
                places.extend(ahead.map(|(pool, ahead)| ((queue, pool), ahead)));
                let ticket = Arc::clone(ticket);
                self.early.push_back(Early { ticket, read });
            }
        }
        places
    }

    /// Lets a ticket in and searches for its match.
    pub(super) fn add(&mut self, ticket: Arc<Ticket>, out: &mut Vec<Output>) {
        let mut early = self.early.iter();
        let at = early.position(|early| Arc::ptr_eq(&early.ticket, &ticket));
        // Those before it have not come, and will not.
        let early = at.and_then(|at| self.early.drain(..=at).next_back());
        if self.slot_of(ticket.id).is_some() {
            return;
        }
        let number = self.queue_of.get(&ticket.queue).copied();
        let held = number.and_then(|number| self.queues.get_mut(number as usize));
        let Some((state, queue)) = held.and_then(|held| held.state.as_mut()).zip(number) else {
            out.push(Output::QueueRemoved(ticket.id));
            return;
        };
        let mut read = early.map_or_else(|| read(state, queue, &ticket), |early| Ok(early.read));
        let (key, mut entry) = loop {
            match read {
                Ok(read) => break read,
                Err(Unread::Refused(rejection)) => {
                    out.push(Output::Refused(ticket.id, rejection));
                    return;
                }
                Err(Unread::Regions(new)) => {
                    for region in &new {
                        state.regions.number(region);
                    }
                    read = self::read(state, queue, &ticket);
                }
            }
        };
        entry.facts = Facts::read(
            &state.plan.finals.columns,
            &state.plan.queue,
            &mut state.lexicon,
            &ticket.players,
        );
        entry.pool = state.pool(key);
        entry.seq = self.next_seq;
        self.next_seq += 1;
        let slot = self.entries.insert(entry);
        self.by_id.insert(ticket.id, slot);
        if self.enter(slot, out) {
            self.search(slot, &Cursor::default(), out);
        }
    }
}
