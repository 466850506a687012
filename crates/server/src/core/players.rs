//! What each player is told of: his sessions, his ticket, and whether he is there.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::session::{Header, Liveness, Member, Presence, Suspects};
use model::session_type::SessionType;
use model::{Millis, PlayerId, SessionId, TicketId, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use super::subscriptions::{Noticed, Watch, watches};

/// After a start nobody counts as gone for this long (A.3 row 48).
const START_GRACE: Millis = Millis::seconds(60);
/// Players kept in memory at most; beyond it those who neither wait nor were seen lately are let go.
const PLAYERS_MAX: usize = 500_000;

/// Where a session stands for the notices of one member: change numbers count within a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) branch: Uuid,
    /// The change that this was true at.
    at: u64,
    /// The last change that members are told of.
    pub(crate) number: u64,
    /// He has joined, or was matched into it: not somebody's mere reservation, which anybody may make.
    pub(crate) wanted: bool,
    /// Whether he is told of it: not of a mere reservation where the type says so.
    pub(crate) told: bool,
    /// What he subscribes to; nothing: he is told of every change.
    pub(crate) watches: Vec<Watch>,
}

impl Stand {
    /// `noticed`: the last changes that members are told of.
    pub(crate) fn of(
        of_type: &SessionType,
        header: &Header,
        noticed: &Noticed,
        member: &Member,
    ) -> Self {
        Self {
            told: member.is_joined() || of_type.invites.notify_on_reservation,
            branch: header.branch,
            at: header.change_number,
            number: noticed.any(),
            wanted: member.is_joined() || header.match_id.is_some(),
            watches: watches(&of_type.subscriptions, noticed, member),
        }
    }
}

/// One player's things.
#[derive(Debug, Clone, Default)]
pub(crate) struct Things {
    pub(crate) sessions: BTreeMap<SessionId, Stand>,
    pub(crate) ticket: Option<(TicketId, i64)>,
    /// Sessions that he is invited to, with the change number of each when he was.
    pub(crate) invites: BTreeMap<SessionId, u64>,
}

/// The most sessions of one player in one answer.
const PAGE: usize = 100;

/// A page of a player's sessions, those `after` one; and the last of them where there are more. O(page + log sessions).
pub(crate) fn page<V>(
    sessions: &BTreeMap<SessionId, V>,
    after: Option<SessionId>,
) -> (Vec<SessionId>, Option<SessionId>) {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut ids = sessions.range((from, Bound::Unbounded));
    let page: Vec<SessionId> = ids.by_ref().take(PAGE).map(|(id, _)| *id).collect();
    let next = ids.next().and_then(|_| page.last().copied());
    (page, next)
}

/// Something of a player's that changed in the store.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Session(SessionId, Stand),
    Left(SessionId),
    Ticket(TicketId, i64),
    Invited(SessionId, u64),
    /// With the change number of the session when the invite ended.
    InviteEnded(SessionId, u64),
}

#[derive(Default)]
struct Entry {
    loaded: bool,
    things: Things,
    /// Changes that were committed while the store was being read; applied on top of what it said.
    meanwhile: Vec<Change>,
    /// So many read his things from the store just now.
    loading: u32,
    notify: Arc<Notify>,
    polls: u32,
    seen: Option<Timestamp>,
}

/// All players that were seen or told of lately.
pub(crate) struct Players {
    map: Mutex<HashMap<PlayerId, Entry>>,
    started: Timestamp,
}

impl Things {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Session(id, stand) => {
                let known = self.sessions.get(&id);
                if known.is_none_or(|known| known.branch != stand.branch || known.at <= stand.at) {
                    self.sessions.insert(id, stand);
                }
            }
            Change::Left(id) => {
                self.sessions.remove(&id);
            }
            Change::Invited(id, number) => {
                let known = self.invites.entry(id).or_insert(number);
                *known = number.max(*known);
            }
            Change::InviteEnded(id, number) => {
                if self.invites.get(&id).is_some_and(|&known| known <= number) {
                    self.invites.remove(&id);
                }
            }
            Change::Ticket(id, number) => {
                if !self
                    .ticket
                    .is_some_and(|(known, at)| known == id && at > number)
                {
                    self.ticket = Some((id, number));
                }
            }
        }
    }
}

impl Players {
    pub(crate) fn new(started: Timestamp) -> Self {
        Self {
            map: Mutex::default(),
            started,
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<PlayerId, Entry>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A player did something.
    pub(crate) fn seen(&self, player: &PlayerId, now: Timestamp) {
        let mut map = self.map();
        match map.get_mut(player) {
            Some(entry) => entry.seen = Some(now),
            None => {
                if map.len() >= PLAYERS_MAX {
                    metrics::counter!("muster_players_evictions_total").increment(1);
                    let old = now - Millis::seconds(600);
                    map.retain(|_, entry| entry.polls > 0 || entry.seen.is_some_and(|at| at > old));
                }
                map.insert(
                    player.clone(),
                    Entry {
                        seen: Some(now),
                        ..Entry::default()
                    },
                );
            }
        }
    }

    /// Something of players' changed; wakes the long polls of each once, when all of it can be seen.
    pub(crate) fn tell(&self, changes: Vec<(PlayerId, Change)>) {
        let mut map = self.map();
        let mut woken: Vec<Arc<Notify>> = Vec::with_capacity(changes.len());
        for (player, change) in changes {
            let Some(entry) = map.get_mut(&player) else {
                continue;
            };
            if entry.loading > 0 {
                entry.meanwhile.push(change.clone());
            }
            if entry.loaded {
                entry.things.apply(change);
            }
            if !woken.iter().any(|known| Arc::ptr_eq(known, &entry.notify)) {
                woken.push(entry.notify.clone());
            }
        }
        drop(map);
        for notify in woken {
            notify.notify_waiters();
        }
    }

    /// His things, if they are in memory.
    pub(crate) fn things(&self, player: &PlayerId) -> Option<Things> {
        self.map()
            .get(player)
            .filter(|entry| entry.loaded)
            .map(|entry| entry.things.clone())
    }

    /// Begins reading his things from the store; what is told meanwhile is kept.
    pub(crate) fn begin_load(&self, player: &PlayerId) {
        self.map().entry(player.clone()).or_default().loading += 1;
    }

    /// The store has answered, or nobody waits for it any more.
    pub(crate) fn load_over(&self, player: &PlayerId) {
        if let Some(entry) = self.map().get_mut(player) {
            entry.loading = entry.loading.saturating_sub(1);
            if entry.loading == 0 {
                entry.meanwhile = Vec::new();
            }
        }
    }

    /// What the store said; what was told meanwhile goes on top.
    pub(crate) fn end_load(&self, player: &PlayerId, things: Things) -> Things {
        let mut map = self.map();
        let entry = map.entry(player.clone()).or_default();
        if !entry.loaded {
            entry.things = things;
            entry.loaded = true;
            for change in std::mem::take(&mut entry.meanwhile) {
                entry.things.apply(change);
            }
        }
        entry.things.clone()
    }

    /// Wakes when something of the player's may have changed.
    pub(crate) fn notify(&self, player: &PlayerId) -> Arc<Notify> {
        self.map().entry(player.clone()).or_default().notify.clone()
    }

    /// A long poll of his is open; ends with the guard.
    pub(crate) fn poll<'a>(
        &'a self,
        player: &'a PlayerId,
        now: impl Fn() -> Timestamp + 'a,
    ) -> Poll<'a, impl Fn() -> Timestamp + 'a> {
        self.map().entry(player.clone()).or_default().polls += 1;
        Poll {
            players: self,
            player,
            now,
        }
    }

    /// Who is there, at one instant, for sessions with this presence window.
    pub(crate) fn liveness(&self, now: Timestamp, window: Millis, required: bool) -> At<'_> {
        At {
            players: self,
            now,
            window,
            required,
        }
    }
}

/// An open long poll.
pub(crate) struct Poll<'a, N: Fn() -> Timestamp> {
    players: &'a Players,
    player: &'a PlayerId,
    now: N,
}

impl<N: Fn() -> Timestamp> Drop for Poll<'_, N> {
    fn drop(&mut self) {
        let now = (self.now)();
        if let Some(entry) = self.players.map().get_mut(self.player) {
            entry.polls = entry.polls.saturating_sub(1);
            entry.seen = Some(now);
        }
    }
}

/// Liveness at one instant.
pub(crate) struct At<'a> {
    players: &'a Players,
    now: Timestamp,
    window: Millis,
    required: bool,
}

impl Liveness for At<'_> {
    fn suspects(&self) -> Suspects<'_> {
        match self.required {
            true => Suspects::Anybody,
            false => Suspects::Only(&[]),
        }
    }

    fn of(&self, player: &PlayerId) -> Presence {
        if !self.required {
            return Presence::Unknown;
        }
        let grace_over = self.now > self.players.started + START_GRACE;
        let map = self.players.map();
        let seen = match map.get(player) {
            Some(entry) if entry.polls > 0 => return Presence::Present,
            Some(entry) => entry.seen,
            None => None,
        };
        match seen {
            Some(at) if self.now < at + self.window => Presence::Present,
            _ if grace_over => Presence::Gone,
            _ => Presence::Unknown,
        }
    }
}
