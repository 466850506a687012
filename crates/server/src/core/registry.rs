//! The registry of game servers in memory: who is ready, who polls, who waits for a host.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::game_server::GameServerState;
use model::wire::Health;
use model::{AllocationId, GameServer, GameServerId, Millis, Name, Region, SessionId, Timestamp};
use tokio::sync::{Notify, watch};

use super::busy::{Records, Take, Taken};

/// A poll that ended this lately still counts as open: the game server is about to poll again.
const POLL_GAP: Millis = Millis::seconds(1);
/// A ready game server without an open poll for this long cannot be told anything, and is retired. Game servers poll
/// again at once, and after a restart of the server within seconds.
pub(crate) const SILENCE_MAX: Millis = Millis::seconds(60);
/// Candidates that one allocation looks at.
const CANDIDATES_MAX: usize = 256;

pub(crate) type TakenServer = Taken<GameServerId, GameServer>;

/// A fleet in one region.
pub(crate) type FleetKey = (Name, Region);

/// All game servers of this process's shards that are not gone.
pub(crate) struct Registry {
    pub(crate) records: Records<GameServerId, GameServer>,
    live: Mutex<Live>,
    /// Counts up with anything that may change a fleet's demand.
    changed: watch::Sender<u64>,
    /// Attempts about which their hosts write right now.
    writing: Mutex<BTreeMap<AllocationId, u32>>,
}

#[derive(Default)]
struct Live {
    servers: HashMap<GameServerId, LiveServer>,
    fleets: BTreeMap<FleetKey, FleetLive>,
}

#[derive(Default)]
struct FleetLive {
    /// Ready with a free slot: the fullest first.
    free: BTreeSet<(Reverse<u16>, GameServerId)>,
    /// All that are not gone.
    all: BTreeSet<GameServerId>,
    /// Those whose row is being written for the first time.
    registering: BTreeSet<GameServerId>,
    /// Sessions that wait for a host, oldest request first.
    waiting: BTreeSet<(Timestamp, SessionId)>,
}

/// What is known of a game server beyond its row.
struct LiveServer {
    node: String,
    used: u16,
    free: bool,
    polls: u32,
    poll_ended: Option<Timestamp>,
    /// When a look first found no open poll; none since.
    silent_since: Option<Timestamp>,
    suspect: bool,
    health: Health,
    heard: Option<Timestamp>,
    notify: Arc<Notify>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            records: Records::new(),
            live: Mutex::default(),
            changed: watch::Sender::new(1),
            writing: Mutex::default(),
        }
    }

    fn writing(&self) -> MutexGuard<'_, BTreeMap<AllocationId, u32>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host of an attempt writes; until this is dropped it counts as heard of.
    pub(crate) fn host_writes(&self, attempt: AllocationId) -> HostWrites<'_> {
        *self.writing().entry(attempt).or_default() += 1;
        HostWrites {
            registry: self,
            attempt,
        }
    }

    /// Whether the host of an attempt has been heard of and only the store has not answered yet.
    pub(crate) fn is_writing(&self, attempt: AllocationId) -> bool {
        self.writing().contains_key(&attempt)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the store has now, and wakes the game server's poll.
    pub(crate) fn committed(&self, server: Arc<GameServer>, number: i64) {
        let mut live = self.live();
        let Live { servers, fleets } = &mut *live;
        let key = (server.fleet.clone(), server.region.clone());
        let fleet = fleets.entry(key).or_default();
        let known = servers.entry(server.id).or_insert_with(|| LiveServer {
            node: server.node.clone(),
            used: 0,
            free: false,
            polls: 0,
            poll_ended: None,
            silent_since: None,
            suspect: false,
            health: Health::Unknown,
            heard: None,
            notify: Arc::default(),
        });
        if known.free {
            fleet.free.remove(&(Reverse(known.used), server.id));
        }
        known.used = server.used();
        known.free = server.has_free_slot();
        if known.free {
            fleet.free.insert((Reverse(known.used), server.id));
        }
        let notify = known.notify.clone();
        if server.state == GameServerState::Gone {
            fleet.all.remove(&server.id);
            servers.remove(&server.id);
            drop(live);
            self.records.remove(server.id);
        } else {
            fleet.all.insert(server.id);
            drop(live);
            self.records.put(server.id, server, number);
        }
        notify.notify_waiters();
        self.touch();
    }

    /// Keeps a place for a new game server among the `max` of its fleet while its row is written; `None`: it is full.
    pub(crate) fn place(&self, key: FleetKey, id: GameServerId, max: u32) -> Option<Place<'_>> {
        let mut live = self.live();
        let fleet = live.fleets.entry(key.clone()).or_default();
        if fleet.all.union(&fleet.registering).count() >= max as usize {
            return None;
        }
        fleet.registering.insert(id);
        Some(Place {
            registry: self,
            key,
            id,
        })
    }

    /// Something changed that a fleet's demand is made of.
    pub(crate) fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Follows the changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Takes the best candidate for one more session: an open poll, a free slot, the fullest first.
    /// O(log game servers) when the first ones are eligible; looks at [`CANDIDATES_MAX`] at most.
    pub(crate) fn pick(
        &self,
        fleet: &Name,
        regions: &[Region],
        exclude: Option<GameServerId>,
        now: Timestamp,
    ) -> Option<TakenServer> {
        let live = self.live();
        for region in regions {
            let Some(in_region) = live.fleets.get(&(fleet.clone(), region.clone())) else {
                continue;
            };
            for (_, id) in in_region.free.iter().take(CANDIDATES_MAX) {
                let eligible = live.servers.get(id).is_some_and(|server| {
                    let polls =
                        server.polls > 0 || server.poll_ended.is_some_and(|at| now < at + POLL_GAP);
                    polls && !server.suspect && exclude != Some(*id)
                });
                if !eligible {
                    continue;
                }
                if let Take::Taken(taken) = self.records.try_take(*id)
                    && taken.value.has_free_slot()
                {
                    return Some(taken);
                }
            }
        }
        None
    }

    /// A session waits for a host.
    pub(crate) fn wait(&self, key: FleetKey, since: Timestamp, session: SessionId) {
        if self
            .live()
            .fleets
            .entry(key)
            .or_default()
            .waiting
            .insert((since, session))
        {
            self.touch();
        }
    }

    /// It waits no longer.
    pub(crate) fn wait_over(&self, fleet: &Name, since: Timestamp, session: SessionId) {
        let mut removed = false;
        let mut live = self.live();
        for (_, fleet) in live
            .fleets
            .iter_mut()
            .filter(|((name, _), _)| name == fleet)
        {
            removed |= fleet.waiting.remove(&(since, session));
        }
        drop(live);
        if removed {
            self.touch();
        }
    }

    /// The sessions that wait longest for a host of this fleet in this region, `limit` at most.
    pub(crate) fn longest_waiting(&self, key: &FleetKey, limit: usize) -> Vec<SessionId> {
        let live = self.live();
        let Some(fleet) = live.fleets.get(key) else {
            return Vec::new();
        };
        fleet
            .waiting
            .iter()
            .take(limit)
            .map(|&(_, session)| session)
            .collect()
    }

    /// How many sessions wait, and how many game servers have something in use.
    pub(crate) fn load(&self, key: &FleetKey) -> (u32, u32) {
        let live = self.live();
        let Some(fleet) = live.fleets.get(key) else {
            return (0, 0);
        };
        let used = fleet
            .all
            .iter()
            .filter(|id| live.servers.get(id).is_some_and(|server| server.used > 0))
            .count();
        (count(fleet.waiting.len()), count(used))
    }

    /// The rows of one fleet and region, by id.
    pub(crate) fn of_fleet(&self, key: &FleetKey) -> Vec<Arc<GameServer>> {
        let ids: Vec<_> = match self.live().fleets.get(key) {
            Some(fleet) => fleet.all.iter().copied().collect(),
            None => Vec::new(),
        };
        ids.into_iter()
            .filter_map(|id| Some(self.records.get(id)?.value))
            .collect()
    }

    /// Fleets and regions that have game servers or waiting sessions.
    pub(crate) fn fleets(&self) -> Vec<FleetKey> {
        let live = self.live();
        let busy = |fleet: &FleetLive| !fleet.all.is_empty() || !fleet.waiting.is_empty();
        live.fleets
            .iter()
            .filter(|(_, fleet)| busy(fleet))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// A poll of this game server opens: it is no suspect any more. What wakes it.
    pub(crate) fn poll_opens(&self, id: GameServerId) -> Option<Arc<Notify>> {
        let mut live = self.live();
        let server = live.servers.get_mut(&id)?;
        server.polls += 1;
        server.silent_since = None;
        server.suspect = false;
        Some(server.notify.clone())
    }

    /// A poll of this game server ends.
    pub(crate) fn poll_ends(&self, id: GameServerId, now: Timestamp) {
        if let Some(server) = self.live().servers.get_mut(&id) {
            server.polls = server.polls.saturating_sub(1);
            server.poll_ended = Some(now);
        }
    }

    /// Looks who has no open poll; answers the ready ones for which that has been so, at every look, for
    /// [`SILENCE_MAX`]. A clock that jumps between two looks retires nobody.
    pub(crate) fn silent(&self, now: Timestamp) -> Vec<GameServerId> {
        let mut live = self.live();
        let Live { servers, fleets } = &mut *live;
        let mut silent = Vec::new();
        for id in fleets.values().flat_map(|fleet| &fleet.all) {
            let Some(server) = servers.get_mut(id).filter(|server| server.polls == 0) else {
                continue;
            };
            let since = *server.silent_since.get_or_insert(now);
            if since + SILENCE_MAX <= now {
                silent.push(*id);
            }
        }
        drop(live);
        silent.retain(|id| {
            let record = self.records.get(*id);
            record.is_some_and(|record| record.value.state == GameServerState::Ready)
        });
        silent
    }

    /// It did not acknowledge in time: its whole node is suspect until each of its game servers polls again.
    /// Their open polls are answered at once, so that those which are well come back in a moment.
    pub(crate) fn suspect_node_of(&self, id: GameServerId) {
        let mut live = self.live();
        let Some(node) = live.servers.get(&id).map(|server| server.node.clone()) else {
            return;
        };
        metrics::counter!("muster_acknowledgements_missed_total").increment(1);
        for server in live
            .servers
            .values_mut()
            .filter(|server| server.node == node)
        {
            server.suspect = true;
            server.notify.notify_waiters();
        }
    }

    /// Whether its poll is to be answered at once, to see whether it comes back.
    pub(crate) fn is_suspect(&self, id: GameServerId) -> bool {
        self.live()
            .servers
            .get(&id)
            .is_some_and(|server| server.suspect)
    }

    /// It says how it is.
    pub(crate) fn set_health(&self, id: GameServerId, health: Health, now: Timestamp) -> bool {
        let mut live = self.live();
        let Some(server) = live.servers.get_mut(&id) else {
            return false;
        };
        server.health = health;
        server.heard = Some(now);
        true
    }

    /// How it is, as far as it said so within `patience`.
    pub(crate) fn health(&self, id: GameServerId, now: Timestamp, patience: Millis) -> Health {
        let live = self.live();
        match live.servers.get(&id) {
            Some(server) if server.heard.is_some_and(|at| now < at + patience) => server.health,
            _ => Health::Unknown,
        }
    }
}

/// A place in a fleet that nobody else can have until this is dropped; by then its row has it, or it is free again.
pub(crate) struct Place<'a> {
    registry: &'a Registry,
    key: FleetKey,
    id: GameServerId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(fleet) = self.registry.live().fleets.get_mut(&self.key) {
            fleet.registering.remove(&self.id);
        }
    }
}

/// A host's write under way.
pub(crate) struct HostWrites<'a> {
    registry: &'a Registry,
    attempt: AllocationId,
}

impl Drop for HostWrites<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.registry.writing().entry(self.attempt) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
