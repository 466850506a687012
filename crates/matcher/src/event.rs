//! What goes into the matcher and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Millis, Name, PlayerId, Region, SessionId, Ticket, TicketId};

use crate::{Backfill, Refill, Rejection};

/// Something that happened to tickets or matches.
#[derive(Debug, Clone)]
pub enum Event {
    /// A ticket searches. One that is here already, waiting or in a match, changes nothing.
    Add(Arc<Ticket>),
    /// A ticket ended. While it is in a match that was emitted, it will not come back from there.
    Remove(TicketId),
    /// The match of this handle stands: the matcher forgets its tickets.
    Committed(u64),
    /// The match of this handle came to nothing: its tickets search again at once, with their age.
    Failed {
        /// [`Match::handle`].
        handle: u64,
        /// Tickets of the match that do not come back.
        gone: Vec<TicketId>,
    },
    /// A session asks for players, or for others than before. After a refill of it was made it gets no other until
    /// this says what it wants now.
    Backfill(Arc<Backfill>),
    /// A session asks for players no longer.
    EndBackfill(SessionId),
    /// Time passed, or a search is unfinished: see [`crate::Matcher::next_deadline`].
    Tick,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// These tickets play together. They are in no pool until `Committed` or `Failed`.
    Match(Match),
    /// These tickets join a session that is played. They are in no pool until `Committed` or `Failed`.
    Refill(Refill),
    /// The ticket waited longer than it may; the matcher has forgotten it.
    Expired(TicketId),
    /// The ticket's queue does not exist (any more); the matcher has forgotten it.
    QueueRemoved(TicketId),
    /// The ticket's queue reads other things of tickets than it did, and the matcher keeps no more of them than is
    /// read: it has forgotten the ticket, hand it in again. Its age counts from its creation as before.
    Again(TicketId),
    /// The ticket can't be matched under its queue's rules; the matcher has forgotten it. Happens when
    /// [`crate::validate()`] was not asked, or was asked under an older revision of the queue.
    Refused(TicketId, Rejection),
}

/// Tickets that play together.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Names the match in `Committed` and `Failed`; counts up from 1, never used twice by one matcher.
    pub handle: u64,
    /// The queue whose rules it satisfies.
    pub queue: Name,
    /// Where it is played; `None` if nobody named a region and the queue allows any.
    pub region: Option<Region>,
    /// Every team of the queue, in the queue's order.
    pub teams: Vec<MatchTeam>,
    /// How good it is.
    pub figures: Figures,
}

impl Match {
    /// The tickets of all teams.
    pub fn tickets(&self) -> impl Iterator<Item = TicketId> + '_ {
        self.teams
            .iter()
            .flat_map(|team| team.tickets.iter().copied())
    }
}

/// One team of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchTeam {
    /// As the queue names it.
    pub name: Name,
    /// Whole parties, oldest first.
    pub tickets: Vec<TicketId>,
    /// Who takes which of the team's roles, as its players like it best together; who is not named is free.
    pub roles: BTreeMap<PlayerId, Name>,
}

/// How good a match is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Players in all teams.
    pub players: u32,
    /// Of the queue's first distance rule: the largest difference of two tickets; 0 without one.
    pub distance_gap: f64,
    /// Of the queue's first balance rule (without one, over the attribute of its first distance rule):
    /// the largest difference of two teams' means over players; 0 without either.
    pub balance_gap: f64,
    /// The largest round trip of any player to the region, in milliseconds; `None` if nobody measured.
    pub latency_worst_ms: Option<u32>,
    /// How long its oldest ticket waited.
    pub oldest_wait: Millis,
    /// Of the rules with `prefer` the sum of the weights of those that it keeps.
    pub preference: f64,
    /// Pairs of its players of whom one would rather not have met the other; parties are not asked about their own.
    pub avoided: u32,
}

/// What the matcher has done since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Searches started.
    pub searches: u64,
    /// Tickets looked at while candidates were gathered.
    pub looked_at: u64,
    /// Sets and splits tried.
    pub steps: u64,
    /// Searches that ran out of one event's budget and were put off to be resumed.
    pub put_off: u64,
    /// Searches that were given up after their last slice.
    pub given_up: u64,
    /// Matches emitted.
    pub matches: u64,
    /// Refills of played sessions emitted.
    pub refills: u64,
    /// Backfills that were not taken, as their queue had [`crate::BACKFILLS_MAX`].
    pub backfills_refused: u64,
}
