//! What the load generator keeps: parties that may queue, matches on their way, and what was seen of them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use model::{SessionId, TicketId};
use sdk::{Client, Settings};
use tokio_util::task::TaskTracker;

use super::measure;

/// Seats of a match.
pub(super) const SEATS: usize = 8;

/// A simulated player: what a client on his machine would keep.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) client: Client,
    /// What he has seen; `None` before his first look.
    pub(super) cursor: Option<String>,
    /// Games that he was in, whose later changes are none of his business.
    pub(super) games: HashSet<SessionId>,
}

/// A party session with its members, the leader first.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) id: SessionId,
    pub(super) members: Vec<Player>,
}

/// A ticket that was found: every member of the party has read where to play.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) party: Party,
    pub(super) ticket: TicketId,
    pub(super) game: SessionId,
    pub(super) sent: Instant,
    pub(super) read: Instant,
}

/// What was seen since [`World::begin`].
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Tickets that were found.
    pub(super) found: Vec<TicketId>,
    /// Milliseconds from the ticket that completed a match until its last member knew, by when that ticket was sent.
    pub(super) matches: Vec<(Instant, f64)>,
    /// Games that were over before every member had read the address.
    pub(super) late: u64,
    /// Calls that failed, with what the first few said.
    pub(super) failures: u64,
    pub(super) first_failures: Vec<String>,
}

#[derive(Default)]
struct State {
    idle: VecDeque<Party>,
    matches: HashMap<SessionId, Progress>,
    pending: usize,
    seen: Seen,
}

#[derive(Default)]
struct Progress {
    parties: Vec<Party>,
    players: usize,
    last_sent: Option<Instant>,
    last_read: Option<Instant>,
    over: bool,
}

/// Addresses that the load comes from. An address has 28,000 ports: with many of them in use the
/// kernel searches long for a free one.
const ADDRESSES: u8 = 8;

/// Shared by all tasks of the load generator.
pub(super) struct World {
    /// Clients without a token, each from an address of its own, as players are. Their connections
    /// are everybody's.
    clients: Vec<Client>,
    pub(super) tasks: TaskTracker,
    state: Mutex<State>,
}

impl World {
    /// For the server at `url`.
    pub(super) fn new(url: &str) -> Result<Self, sdk::Error> {
        let client = |last| {
            let settings = Settings {
                local_address: Some(Ipv4Addr::new(127, 0, 1, last).into()),
                ..Settings::default()
            };
            Client::with_settings(url, "", settings)
        };
        Ok(Self {
            clients: (1..=ADDRESSES).map(client).collect::<Result<_, _>>()?,
            tasks: TaskTracker::new(),
            state: Mutex::default(),
        })
    }

    /// The `n`th one's client, still without a token.
    pub(super) fn client(&self, n: usize) -> &Client {
        &self.clients[n % self.clients.len()]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts counting anew.
    pub(super) fn begin(&self) {
        self.state().seen = Seen::default();
    }

    /// What was seen since then.
    pub(super) fn take_seen(&self) -> Seen {
        std::mem::take(&mut self.state().seen)
    }

    /// Tickets on their way.
    pub(super) fn pending(&self) -> usize {
        self.state().pending
    }

    /// Games that are not over, or not known to all their members.
    pub(super) fn games(&self) -> usize {
        self.state().matches.len()
    }

    /// A party that is not queued, the one that waits longest first.
    pub(super) fn take_party(&self) -> Option<Party> {
        let mut state = self.state();
        let party = state.idle.pop_front()?;
        state.pending += 1;
        Some(party)
    }

    /// A party of one that is not queued.
    pub(super) fn take_single(&self) -> Option<Party> {
        let mut state = self.state();
        let at = state
            .idle
            .iter()
            .position(|party| party.members.len() == 1)?;
        let party = state.idle.remove(at)?;
        state.pending += 1;
        Some(party)
    }

    /// A party is not queued.
    pub(super) fn add_idle(&self, party: Party) {
        self.state().idle.push_back(party);
    }

    /// A party whose ticket was taken back may queue again.
    pub(super) fn taken_back(&self, party: Party) {
        let mut state = self.state();
        state.pending -= 1;
        state.idle.push_back(party);
    }

    /// A ticket came to nothing; its party is not used again.
    pub(super) fn ticket_failed(&self, error: &dyn std::fmt::Display) {
        self.state().pending -= 1;
        self.failed(error);
    }

    /// A call failed.
    pub(super) fn failed(&self, error: &dyn std::fmt::Display) {
        let mut state = self.state();
        state.seen.failures += 1;
        if state.seen.first_failures.len() < 3 {
            state.seen.first_failures.push(error.to_string());
        }
    }

    /// A ticket was found.
    pub(super) fn found(&self, found: Found) {
        let mut state = self.state();
        state.pending -= 1;
        state.seen.found.push(found.ticket);
        let progress = state.matches.entry(found.game).or_default();
        progress.players += found.party.members.len();
        progress.parties.push(found.party);
        progress.last_sent = progress.last_sent.max(Some(found.sent));
        progress.last_read = progress.last_read.max(Some(found.read));
        let complete = progress.players == SEATS;
        if complete && let (Some(sent), Some(read)) = (progress.last_sent, progress.last_read) {
            let over = progress.over;
            state.seen.late += u64::from(over);
            let took = measure::millis(read.saturating_duration_since(sent));
            state.seen.matches.push((sent, took));
        }
        Self::finish(&mut state, found.game);
    }

    /// The game server says that a game is over.
    pub(super) fn game_over(&self, game: SessionId) {
        let mut state = self.state();
        state.matches.entry(game).or_default().over = true;
        Self::finish(&mut state, game);
    }

    /// The parties of a game that is over and that all its members knew of may queue again.
    fn finish(state: &mut State, game: SessionId) {
        let done = state
            .matches
            .get(&game)
            .is_some_and(|progress| progress.over && progress.players == SEATS);
        if done && let Some(progress) = state.matches.remove(&game) {
            state.idle.extend(progress.parties);
        }
    }

    /// The game sessions are deleted: nobody remembers them.
    pub(super) fn forget_games(&self) {
        let mut state = self.state();
        state.matches.clear();
        for player in state.idle.iter_mut().flat_map(|party| &mut party.members) {
            player.games.clear();
        }
    }
}
