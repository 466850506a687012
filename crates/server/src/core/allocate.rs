//! The instance driver: gives a session that asked for a host the best ready game server, and hedges it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allocator::{Allocation, AllocationRequest, AllocationState, Allocator, Capabilities};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use model::game_server::Allocated;
use model::instance::{CloseReason, InstanceAllocation, InstanceStatus};
use model::session::{Actor, Changes, Command, Draft, Session};
use model::{AllocationId, GameServer, GameServerId, Namespace, SessionId, Timestamp};
use store::Item;

use super::registry::TakenServer;
use super::write::{Along, Refusal};
use super::{Core, rows};
use crate::Error;

/// Waiting sessions that are looked at when a game server becomes free.
const WAKE_MAX: usize = 4;
/// The pause after a look for a second game server that found none; it doubles up to `hedge_after`.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Which look for a second game server it is: the first one is made at the moment of the miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Again,
}

/// What came of a look for a second game server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hedge {
    /// There is one now, or the attempt needs none any more.
    Settled,
    /// No other game server can be had.
    NobodyYet,
}

/// A game server for a session that is about to be made: its row goes into the same write set.
pub(crate) struct NewHost {
    taken: TakenServer,
    hosting: Arc<GameServer>,
    allocation: AllocationId,
}

impl NewHost {
    /// The row of the game server as it hosts the session.
    pub(crate) fn item(&self, namespace: &Namespace) -> Result<Item, Error> {
        let row = rows::game_server_row(namespace, &self.hosting, self.taken.number + 1)?;
        Ok(Item::Put {
            row,
            expected: Some(self.taken.number),
        })
    }
}

impl Core {
    /// A ready game server for a session that is not made yet, so that a match and its host are one commit;
    /// `None` when it has no instance, none is ready, or others have waited longer.
    pub(crate) fn host_for_new(
        &self,
        session: &mut Session,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<Option<NewHost>, Error> {
        let header = session.header();
        let (id, region) = (header.id, header.region.clone());
        let Some(instance) = header.open_instance() else {
            return Ok(None);
        };
        let fleet = instance.fleet.clone();
        let regions = self.regions_for(&fleet, region.as_ref());
        let others_wait = regions.iter().any(|region| {
            let key = (fleet.clone(), region.clone());
            !self.registry.longest_waiting(&key, 1).is_empty()
        });
        if others_wait {
            return Ok(None);
        }
        let Some(taken) = self.registry.pick(&fleet, &regions, None, now) else {
            return Ok(None);
        };
        let allocation = self.attempt(&taken, now);
        let mut hosting = (*taken.value).clone();
        hosting.allocations.push(Allocated {
            allocation: allocation.id,
            session: id,
            at: now,
        });
        let host = NewHost {
            taken,
            hosting: Arc::new(hosting),
            allocation: allocation.id,
        };
        let mut draft = session.draft();
        draft.apply(&Actor::Service, &Command::Allocate { allocation }, now)?;
        let more = draft.finish(now);
        changes.header.clone_from(&more.header);
        changes.members.extend(more.members.iter().cloned());
        changes.events.extend(more.events.iter().cloned());
        changes.next_timer = more.next_timer;
        changes.sweep_at = more.sweep_at;
        session.commit(more);
        Ok(Some(host))
    }

    /// The session and its host are committed: the game server's poll is answered, its acknowledgement awaited.
    pub(crate) fn host_taken(&self, session: SessionId, host: NewHost) {
        let NewHost {
            mut taken,
            hosting,
            allocation,
        } = host;
        let number = taken.number + 1;
        taken.committed(hosting.clone(), number);
        self.registry.committed(hosting.clone(), number);
        drop(taken);
        // Its other slots could not be had while this one was written.
        self.server_freed(&hosting);
        self.expect_acknowledgement(session, allocation);
    }

    /// Begins to look for a host; the session waits in the order of its request if none is ready.
    pub(crate) fn ask_for_host(&self, session: SessionId) {
        let core = self.clone();
        self.spawn(async move {
            match core.allocate(session).await {
                Ok(()) | Err(Error::NotFound { .. } | Error::Law(_)) => {}
                Err(error) => {
                    let news = "no host could be allocated; the next sweep tries again";
                    match core.store.outage() {
                        None => {
                            tracing::warn!(cause = error.cause(), session.id = %session, "{news}")
                        }
                        Some(_) => {
                            tracing::debug!(cause = error.cause(), session.id = %session, "{news}")
                        }
                    }
                }
            }
        });
    }

    /// Allocates a ready game server in the very write set that moves the instance on, or lets the session wait.
    pub(crate) async fn allocate(&self, session: SessionId) -> Result<(), Error> {
        self.write(session, |draft, along, now| {
            let header = draft.header();
            let Some(instance) = header.open_instance() else {
                return Ok(());
            };
            if instance.status != InstanceStatus::Requested {
                return Ok(());
            }
            let (fleet, since) = (instance.fleet.clone(), instance.requested_at);
            let regions = self.regions_for(&fleet, header.region.as_ref());
            let mut server = self.registry.pick(&fleet, &regions, None, now);
            if server.is_none()
                && let Some(region) = regions.first()
            {
                self.registry
                    .wait((fleet.clone(), region.clone()), since, session);
                // One may have become free before this session was seen to wait.
                server = self.registry.pick(&fleet, &regions, None, now);
            }
            if let Some(server) = server {
                let allocation = self.attempt(&server, now);
                draft.apply(&Actor::Service, &Command::Allocate { allocation }, now)?;
                along.servers.push(server);
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    fn attempt(&self, server: &TakenServer, now: Timestamp) -> InstanceAllocation {
        InstanceAllocation {
            id: self.ids.next(now),
            game_server: server.key,
            at: now,
            acknowledged: false,
            addresses: server.value.addresses.clone(),
            hedge: None,
        }
    }

    /// A game server may have become free: the sessions that wait longest ask again.
    pub(crate) fn server_freed(&self, server: &GameServer) {
        if server.has_free_slot() {
            let key = (server.fleet.clone(), server.region.clone());
            let wake = usize::from(server.slots).min(WAKE_MAX);
            for session in self.registry.longest_waiting(&key, wake) {
                self.ask_for_host(session);
            }
        }
    }

    /// Waits for the acknowledgement of an attempt; without it a second game server is allocated beside the first.
    ///
    /// The first look makes the whole node suspect, and on a single node that is everybody until they poll again; so it
    /// looks again soon, and ever more seldom, as long as the attempt is missed.
    pub(crate) fn expect_acknowledgement(&self, session: SessionId, attempt: AllocationId) {
        let core = self.clone();
        self.spawn(async move {
            let hedge_after = core.settings.hedge_after.duration();
            let mut look = Look::First;
            let mut wait = hedge_after;
            loop {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = core.shutdown.cancelled() => return,
                }
                // A host whose answer waits for the store has been heard of.
                if core.registry.is_writing(attempt) {
                    continue;
                }
                match core.hedge(session, attempt, look).await {
                    Ok(Hedge::Settled) | Err(Error::NotFound { .. } | Error::Law(_)) => return,
                    Ok(Hedge::NobodyYet) => {}
                    Err(error) => {
                        let news = "an allocation could not be hedged; trying again";
                        match core.store.outage() {
                            None => tracing::warn!(cause = error.cause(), session.id = %session, "{news}"),
                            Some(_) => tracing::debug!(cause = error.cause(), session.id = %session, "{news}"),
                        }
                    }
                }
                wait = match look {
                    Look::First => LOOK_AGAIN.min(hedge_after),
                    Look::Again => (wait * 2).min(hedge_after),
                };
                look = Look::Again;
            }
        });
    }

    async fn hedge(
        &self,
        session: SessionId,
        attempt: AllocationId,
        look: Look,
    ) -> Result<Hedge, Error> {
        // Most attempts are acknowledged by now; that is seen without a write.
        self.write(session, |draft, along, now| {
            let Some(missed) = missed(draft, attempt) else {
                return Ok(Hedge::Settled);
            };
            if look == Look::First {
                self.registry.suspect_node_of(missed);
            }
            self.add_second_attempt(draft, along, missed, now)
        })
        .await
        .map(|written| written.result)
    }

    fn add_second_attempt(
        &self,
        draft: &mut Draft<'_>,
        along: &mut Along,
        missed: GameServerId,
        now: Timestamp,
    ) -> Result<Hedge, Refusal> {
        let header = draft.header();
        let Some(instance) = header.open_instance() else {
            return Ok(Hedge::Settled);
        };
        let fleet = instance.fleet.clone();
        let regions = self.regions_for(&fleet, header.region.as_ref());
        let Some(server) = self.registry.pick(&fleet, &regions, Some(missed), now) else {
            return Ok(Hedge::NobodyYet);
        };
        metrics::counter!("muster_allocations_hedged_total").increment(1);
        let allocation = self.attempt(&server, now);
        draft.apply(&Actor::Service, &Command::Hedge { allocation }, now)?;
        along.servers.push(server);
        Ok(Hedge::Settled)
    }
}

/// The game server of an attempt that is still neither acknowledged nor hedged.
fn missed(draft: &Draft<'_>, attempt: AllocationId) -> Option<GameServerId> {
    let allocation = draft.header().open_instance()?.allocation.as_ref()?;
    let waits = allocation.id == attempt && !allocation.acknowledged && allocation.hedge.is_none();
    waits.then_some(allocation.game_server)
}

/// The allocator over our own registry: hosts are game servers of a fleet.
///
/// A session has one host at a time, so an allocation's id here is its session's own (see [`Self::id_of`]): it stays
/// the same whichever attempt wins, on every replica and after a restart.
#[derive(Debug, Clone)]
pub struct RegistryAllocator {
    core: Core,
}

impl RegistryAllocator {
    /// An allocator over the registry of `core`.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// The id under which the host of `session` is asked for.
    pub fn id_of(session: SessionId) -> AllocationId {
        AllocationId(session.0)
    }

    /// The sessions that have a host, each with the first one promised to it, in the order of their ids.
    fn held(&self) -> BTreeMap<SessionId, Arc<GameServer>> {
        let mut held: BTreeMap<SessionId, (Timestamp, Arc<GameServer>)> = BTreeMap::new();
        for server in self.core.registry.records.values() {
            for one in &server.allocations {
                let first = held
                    .entry(one.session)
                    .or_insert_with(|| (one.at, server.clone()));
                if (one.at, server.id) < (first.0, first.1.id) {
                    *first = (one.at, server.clone());
                }
            }
        }
        held.into_iter()
            .map(|(session, (_, server))| (session, server))
            .collect()
    }
}

fn allocated(session: SessionId, server: &GameServer) -> Allocation {
    Allocation {
        id: RegistryAllocator::id_of(session),
        state: AllocationState::Allocated {
            game_server: Some(server.id),
            addresses: server.addresses.clone(),
        },
    }
}

#[async_trait]
impl Allocator for RegistryAllocator {
    /// The request is durable already, as the open instance of its session; a repeat finds what it was given.
    async fn ensure(&self, request: AllocationRequest) -> Result<Allocation, allocator::Error> {
        if request.id != Self::id_of(request.session) {
            let why = "an allocation of the registry has the id of its session";
            return Err(allocator::Error::Refused(why.into()));
        }
        self.core.allocate(request.session).await.map_err(refused)?;
        Ok(match self.held().get(&request.session) {
            Some(server) => allocated(request.session, server),
            None => Allocation {
                id: request.id,
                state: AllocationState::Waiting,
            },
        })
    }

    /// Closes the session's instance, so that nobody looks for another host.
    async fn release(&self, id: AllocationId) -> Result<(), allocator::Error> {
        let command = Command::CloseInstance {
            reason: CloseReason::Requested,
        };
        let closed = self
            .core
            .write(SessionId(id.0), |draft, _, now| {
                Ok(draft.apply(&Actor::Service, &command, now)?)
            })
            .await;
        match closed {
            // A law that forbids it says that there is nothing to close.
            Ok(_) | Err(Error::NotFound { .. } | Error::Law(_)) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }

    async fn list(&self) -> Result<Vec<Allocation>, allocator::Error> {
        let held = self.held();
        Ok(held
            .iter()
            .map(|(session, server)| allocated(*session, server))
            .collect())
    }

    fn watch(&self) -> BoxStream<'static, AllocationId> {
        let changes = self.core.registry.changes();
        let this = self.clone();
        Box::pin(futures_util::stream::unfold(
            (changes, Vec::new()),
            move |(mut changes, mut queue)| {
                let this = this.clone();
                async move {
                    loop {
                        if let Some(id) = queue.pop() {
                            return Some((id, (changes, queue)));
                        }
                        changes.changed().await.ok()?;
                        queue = this.held().into_keys().map(Self::id_of).collect();
                    }
                }
            },
        ))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reuses_hosts: true,
            player_hosts: false,
        }
    }
}

fn refused(error: Error) -> allocator::Error {
    match error {
        Error::Overloaded | Error::Unavailable(_) | Error::Internal(_) => {
            allocator::Error::Unavailable(error.to_string())
        }
        other => allocator::Error::Refused(other.to_string()),
    }
}
