//! Live tickets in memory, with an index from the session that a match became to its tickets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::ticket::{EndReason, TicketState};
use model::{SessionId, Ticket, TicketId};

use super::busy::Records;

/// Ended tickets whose end is remembered for their parties; beyond it all are forgotten and read from the store.
const ENDS_MAX: usize = 65_536;

/// How a ticket ended.
pub(crate) type End = (TicketState, EndReason);

/// All live tickets of this process's shards.
pub(crate) struct Tickets {
    pub(crate) records: Records<TicketId, Ticket>,
    by_session: Mutex<HashMap<SessionId, Vec<TicketId>>>,
    ends: Mutex<HashMap<TicketId, End>>,
}

impl Tickets {
    pub(crate) fn new() -> Self {
        Self {
            records: Records::new(),
            by_session: Mutex::default(),
            ends: Mutex::default(),
        }
    }

    /// Notes what the store has; ended tickets leave memory and are read from the store.
    pub(crate) fn committed(&self, ticket: Arc<Ticket>, number: i64) {
        let mut by_session = self
            .by_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if ticket.state.is_live() {
            if let Some(session) = ticket.session {
                let tickets = by_session.entry(session).or_default();
                if !tickets.contains(&ticket.id) {
                    tickets.push(ticket.id);
                    tickets.sort();
                }
            }
            drop(by_session);
            self.records.put(ticket.id, ticket, number);
        } else {
            drop(by_session);
            if let Some(reason) = ticket.reason {
                let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
                if ends.len() >= ENDS_MAX {
                    ends.clear();
                }
                ends.insert(ticket.id, (ticket.state, reason));
            }
            self.records.remove(ticket.id);
        }
    }

    /// Notes what the store had at the start: live tickets.
    pub(crate) fn loaded(&self, tickets: &[(Arc<Ticket>, i64)]) {
        let (placing, others): (Vec<_>, Vec<_>) =
            (tickets.iter().cloned()).partition(|(ticket, _)| ticket.session.is_some());
        for (ticket, number) in placing {
            self.committed(ticket, number);
        }
        let others = others.into_iter();
        self.records
            .put_all(others.map(|(ticket, number)| (ticket.id, ticket, number)));
    }

    /// How a ticket ended, if that was lately.
    pub(crate) fn end_of(&self, ticket: TicketId) -> Option<End> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&ticket).copied()
    }

    /// The tickets that wait for this session's instance, in order of their ids.
    pub(crate) fn of_session(&self, session: SessionId) -> Vec<TicketId> {
        let by_session = self
            .by_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        by_session.get(&session).cloned().unwrap_or_default()
    }

    /// The session whose instance a ticket waits for, as it was last committed.
    pub(crate) fn session_of(&self, ticket: TicketId) -> Option<SessionId> {
        self.records.get(ticket)?.value.session
    }

    /// The session's tickets wait no longer.
    pub(crate) fn placed(&self, session: SessionId) {
        self.by_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&session);
    }
}
