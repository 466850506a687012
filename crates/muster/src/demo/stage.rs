//! What has happened so far, for the progress, the table and the verdict; and whether somebody still waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::wire::Session;
use model::{GameServerId, PlayerId, SessionId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::agent::address;
use super::cast::Party;
use super::company::{Candidate, helpers};
use super::game::Played;

/// Where a party stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Has not come yet, or is getting together.
    Arriving,
    /// In the queue.
    Queued,
    /// Matched; the host is being started.
    Placing,
    /// Has an address.
    Playing,
    /// Between two games, or on its way out.
    Resting,
    /// Has left.
    Gone,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arriving => "is still getting together",
            Self::Queued => "still waits in the queue",
            Self::Placing => "is matched and waits for its game server",
            Self::Playing => "still plays",
            Self::Resting => "is not back from its game",
            Self::Gone => "has left",
        })
    }
}

/// A party.
#[derive(Debug, Clone)]
pub(super) struct PartyState {
    pub phase: Phase,
    pub size: usize,
    skill: f64,
    queued_at: Option<Instant>,
    /// Players who have played, by match.
    pub games: BTreeMap<SessionId, usize>,
    /// Whether it has been given an address.
    placed: bool,
}

/// A match as its players saw it.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub region: String,
    pub address: String,
    pub game_server: Option<GameServerId>,
    /// By party, the team that it was put on.
    pub parties: BTreeMap<usize, Option<u8>>,
    /// Everybody with a seat.
    pub players: usize,
    pub playing: usize,
    pub played: BTreeMap<PlayerId, Played>,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub parties: Vec<PartyState>,
    pub matches: BTreeMap<SessionId, Match>,
    /// In the order in which they were first seen.
    pub order: Vec<SessionId>,
    /// From the ticket to the seat, one for each player and match.
    pub found: Vec<Duration>,
    /// From the ticket to the address.
    pub addressed: Vec<Duration>,
    /// The most games that were played at a time.
    pub games_max: usize,
}

impl State {
    /// Parties that were given no game yet.
    pub fn waiting(&self) -> usize {
        self.parties.iter().filter(|party| !party.placed).count()
    }

    /// Players who were given a game, and all.
    pub fn players(&self) -> (usize, usize) {
        let all = self.parties.iter().map(|party| party.size).sum();
        let placed = self.parties.iter().filter(|party| party.placed);
        (placed.map(|party| party.size).sum(), all)
    }

    /// Games that are played now.
    pub fn games_now(&self) -> usize {
        self.matches
            .values()
            .filter(|game| game.playing > 0)
            .count()
    }

    /// Who is to play again now.
    fn helpers(&self) -> Vec<usize> {
        let in_phase = |phase| {
            self.parties
                .iter()
                .filter(move |party| party.phase == phase)
        };
        let stuck: Vec<f64> = in_phase(Phase::Queued)
            .filter(|party| !party.placed)
            .map(|party| party.skill)
            .collect();
        if stuck.is_empty() || in_phase(Phase::Arriving).next().is_some() {
            return Vec::new();
        }
        let middle = stuck.iter().sum::<f64>() / stuck.len() as f64;
        let resting = self.parties.iter().enumerate();
        let candidates = resting
            .filter(|(_, party)| party.phase == Phase::Resting)
            .map(|(number, party)| Candidate {
                party: number,
                size: party.size,
                distance: (party.skill - middle).abs(),
            })
            .collect();
        let waiting = in_phase(Phase::Queued).map(|party| party.size);
        helpers(waiting, candidates).unwrap_or_default()
    }

    /// Game servers that have hosted.
    pub fn hosts(&self) -> usize {
        let hosts: BTreeSet<GameServerId> = self
            .matches
            .values()
            .filter_map(|game| game.game_server)
            .collect();
        hosts.len()
    }
}

/// What has happened so far.
#[derive(Debug)]
pub(super) struct Stage {
    state: Mutex<State>,
    /// By party: it is asked to play again.
    calls: Vec<Notify>,
    /// Every party has been given a game.
    pub served: CancellationToken,
}

impl Stage {
    /// Nothing has happened yet.
    pub fn new(parties: &[Party]) -> Self {
        let party = |party: &Party| PartyState {
            phase: Phase::Arriving,
            size: party.people.len(),
            skill: party.skill(),
            queued_at: None,
            games: BTreeMap::new(),
            placed: false,
        };
        let state = State {
            parties: parties.iter().map(party).collect(),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            calls: parties.iter().map(|_| Notify::new()).collect(),
            served: CancellationToken::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where things stand.
    pub fn snapshot(&self) -> State {
        self.state().clone()
    }

    /// Waits until the party is asked to play again.
    pub async fn called(&self, party: usize) {
        match self.calls.get(party) {
            Some(call) => call.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Moves a party, and asks others to play again if those in the queue cannot make whole matches.
    fn move_to(&self, number: usize, phase: Phase) {
        let mut state = self.state();
        if let Some(party) = state.parties.get_mut(number) {
            party.phase = phase;
        }
        for helper in state.helpers() {
            // In the queue from now on, so that nobody is asked for the same reason.
            if let Some(party) = state.parties.get_mut(helper) {
                party.phase = Phase::Queued;
            }
            if let Some(call) = self.calls.get(helper) {
                call.notify_one();
            }
        }
    }

    /// The party asks for a game; waits count from here.
    pub fn queues(&self, party: usize) {
        if let Some(party) = self.state().parties.get_mut(party) {
            party.queued_at = Some(now());
        }
        self.move_to(party, Phase::Queued);
    }

    /// The match has come to nothing; the party waits on.
    pub fn waits_on(&self, party: usize) {
        self.move_to(party, Phase::Queued);
    }

    /// A player sees that he has a seat.
    pub fn found(&self, number: usize) {
        let mut state = self.state();
        let waited = state
            .parties
            .get(number)
            .and_then(|party| Some(party.queued_at?.elapsed()));
        state.found.extend(waited);
        drop(state);
        self.move_to(number, Phase::Placing);
    }

    /// A player has read the address of his game.
    pub fn addressed(&self, number: usize, player: &PlayerId, session: &Session) {
        let mut state = self.state();
        let Some(party) = state.parties.get_mut(number) else {
            return;
        };
        party.phase = Phase::Playing;
        party.placed = true;
        let waited = party.queued_at.map(|at| at.elapsed());
        state.addressed.extend(waited);
        if !state.matches.contains_key(&session.id) {
            state.order.push(session.id);
        }
        let seat = session
            .members
            .iter()
            .find(|member| member.player == *player);
        let instance = session.instance.as_ref();
        let game = state.matches.entry(session.id).or_insert_with(|| Match {
            region: session
                .region
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string),
            address: address(session)
                .map_or(String::new(), |(host, port)| format!("{host}:{port}")),
            game_server: instance.and_then(|instance| instance.game_server),
            parties: BTreeMap::new(),
            players: session.members.len(),
            playing: 0,
            played: BTreeMap::new(),
        });
        game.parties.insert(number, seat.and_then(|seat| seat.team));
        game.playing += 1;
        state.games_max = state.games_max.max(state.games_now());
        if state.waiting() == 0 {
            self.served.cancel();
        }
    }

    /// A player has played and left the game.
    pub fn played(&self, party: usize, player: &PlayerId, session: SessionId, how: Played) {
        let mut state = self.state();
        if let Some(game) = state.matches.get_mut(&session) {
            game.playing = game.playing.saturating_sub(1);
            game.played.insert(player.clone(), how);
        }
        if let Some(party) = state.parties.get_mut(party) {
            *party.games.entry(session).or_default() += 1;
        }
    }

    /// The whole party has left its game.
    pub fn rests(&self, party: usize) {
        self.move_to(party, Phase::Resting);
    }

    /// The party has ended.
    pub fn gone(&self, party: usize) {
        self.move_to(party, Phase::Gone);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo measures what its players wait; nothing is decided by it"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
