//! Starting and stopping a core: the lease, what is loaded first, the drivers, the drain.

use std::sync::Arc;

use model::config::ProviderSchema;
use model::instance::InstanceAllocation;
use model::session::Header;
use model::{GameServer, InstallationId, Namespace};
use store::{Committer, CommitterOptions, Key, Kind, Row, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::hosting::awaits_acknowledgement;
use super::{
    Core, Inner, Settings, backfills, busy, hubs, keeper, listings, matchmaker, passwords, players,
    registry, revisions, rows, slots, store_error, tickets, timers,
};
use crate::Error;
use crate::auth::Keys;
use crate::clock::Clock;
use crate::ids::Ids;

/// Rows that one page of the start-up load takes.
const PAGE: usize = 1_000;

/// What a core is made of.
pub struct Parts {
    /// The namespace that it serves.
    pub namespace: Namespace,
    /// Where everything durable is.
    pub store: Store,
    /// Where `now` comes from.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// What tokens are signed with.
    pub keys: Keys,
    /// Schemas of the providers' parts of fleets.
    pub providers: Vec<ProviderSchema>,
    /// What the operator set.
    pub settings: Settings,
    /// Whether drivers run by themselves; tests with a manual clock run them by hand.
    pub drivers: Drivers,
}

/// Who runs the timer driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drivers {
    /// It runs by itself.
    Running,
    /// Whoever holds the core calls [`Core::run_timers_once`].
    ByHand,
}

impl Core {
    /// Loads what is live, oldest tickets first, and starts the drivers. The caller holds the lease.
    ///
    /// # Errors
    /// 503 when the store cannot be read, 500 when a row cannot be.
    pub async fn start(parts: Parts) -> Result<Core, Error> {
        let tasks = TaskTracker::new();
        let commits = Committer::start(&parts.store, CommitterOptions::default(), &tasks)
            .await
            .map_err(store_error)?;
        let epoch = parts.store.epoch().await.map_err(store_error)?;
        let now = parts.clock.now();
        let core = Core {
            inner: Arc::new(Inner {
                installation: InstallationId(epoch),
                namespace: parts.namespace,
                epoch,
                settings: parts.settings,
                store: parts.store,
                commits,
                clock: parts.clock,
                ids: parts.ids,
                keys: parts.keys,
                revisions: revisions::Revisions::new(parts.providers),
                sessions: slots::Slots::new(),
                tickets: tickets::Tickets::new(),
                estimates: super::estimates::Estimates::new(),
                proposals: busy::Records::new(),
                passwords: passwords::Passwords::new(),
                players: players::Players::new(now),
                registry: registry::Registry::new(),
                matchmaker: matchmaker::Matchmaker::new(),
                turned_out: super::turned_out::TurnedOut::default(),
                backfills: backfills::Backfills::default(),
                timers: timers::Timers::new(),
                listings: listings::Listings::default(),
                hubs: hubs::Hubs::default(),
                keeper: keeper::Keeper::new(),
                tasks,
                shutdown: CancellationToken::new(),
            }),
        };
        core.load_active_revision().await?;
        let queues: Vec<_> = core.config().queues.values().cloned().collect();
        core.matchmaker
            .start(&core, &queues, 1)
            .map_err(|error| Error::Internal(format!("the matcher's thread: {error}")))?;
        core.load_game_servers().await?;
        core.load_tickets().await?;
        core.load_proposals().await?;
        core.load_open_instances().await?;
        if parts.drivers == Drivers::Running {
            let timers = core.clone();
            core.spawn(async move { timers.run_timers().await });
        }
        Ok(core)
    }

    /// Commits what waits and lets tasks finish. Call after [`Core::begin_shutdown`].
    pub async fn stop_tasks(&self) {
        self.commits.clone().shutdown().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Long polls are answered with what they have and drivers stop; requests are still served.
    pub fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }

    async fn load_game_servers(&self) -> Result<(), Error> {
        for row in self.scan(Kind::GameServer).await? {
            let server: GameServer = rows::parse(&row)?;
            self.registry.committed(Arc::new(server), row.number);
        }
        Ok(())
    }

    /// Sessions that wait for a host or for its acknowledgement go on; those whose host is gone are told.
    async fn load_open_instances(&self) -> Result<(), Error> {
        for row in self.scan(Kind::Session).await? {
            let header: Header = rows::parse(&row)?;
            if let Some(due) = row.due {
                self.timers.hint(due);
            }
            if row.ended {
                continue;
            }
            self.list_as_stored(&header).await?;
            if header.backfill.is_some() {
                self.load_backfill(header.id).await?;
            }
            let Some(instance) = header.open_instance() else {
                continue;
            };
            match &instance.allocation {
                None => self.ask_for_host(header.id),
                Some(allocation) => {
                    for attempt in allocation.attempts() {
                        if self.registry.records.get(attempt.game_server).is_none() {
                            let (core, id, lost) = (self.clone(), header.id, attempt.id);
                            self.spawn(async move { core.lose_host(id, lost).await });
                        }
                    }
                    if let Some(allocation) = awaits_acknowledgement(&header) {
                        self.expect_acknowledgement(header.id, allocation);
                    }
                }
            }
        }
        self.free_forgotten_slots().await
    }

    /// What is due is not known without its members: at the first look it is.
    async fn list_as_stored(&self, header: &Header) -> Result<(), Error> {
        let (revision, name) = (header.type_revision, &header.session_type);
        let constants = self.revisions.constants(self, revision, name).await?;
        self.listings.put(&constants, header, Some(self.now()));
        Ok(())
    }

    /// A slot whose session is gone, or has another host by now, is free.
    async fn free_forgotten_slots(&self) -> Result<(), Error> {
        for server in self.registry.records.values() {
            for held in &server.allocations {
                let session = self.settled_if_there(held.session).await?;
                let counts =
                    session.is_some_and(|session| counts(session.header(), held.allocation));
                if !counts {
                    let allocation = held.allocation;
                    self.change_server(server.id, |server| {
                        server
                            .allocations
                            .retain(|held| held.allocation != allocation);
                    })
                    .await?;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn scan(&self, kind: Kind) -> Result<Vec<Row>, Error> {
        let mut rows: Vec<Row> = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            let page = self
                .store
                .scan(&self.namespace, kind, after.as_ref(), PAGE)
                .await
                .map_err(store_error)?;
            let last = page.last().map(|row| row.key.clone());
            let full = page.len() == PAGE;
            rows.extend(page);
            match last {
                Some(key) if full => after = Some(key),
                _ => return Ok(rows),
            }
        }
    }

    /// Reads rows again that another writer has changed.
    pub(crate) async fn reload_records(&self, keys: &[Key]) -> Result<(), Error> {
        let of_records: Vec<Key> = keys
            .iter()
            .filter(|key| matches!(key.kind, Kind::Ticket | Kind::GameServer))
            .cloned()
            .collect();
        if of_records.is_empty() {
            return Ok(());
        }
        let found = self.store.get(&of_records).await.map_err(store_error)?;
        for (key, row) in of_records.iter().zip(found) {
            match (key.kind, row) {
                (Kind::Ticket, Some(row)) => {
                    self.tickets
                        .committed(Arc::new(rows::parse(&row)?), row.number);
                }
                (Kind::Ticket, None) => {
                    if let Ok(id) = key.id.parse() {
                        self.tickets.records.remove(id);
                    }
                }
                (_, Some(row)) => self
                    .registry
                    .committed(Arc::new(rows::parse(&row)?), row.number),
                (_, None) => {
                    if let Ok(id) = key.id.parse() {
                        self.registry.records.remove(id);
                    }
                }
            }
        }
        Ok(())
    }
}

fn counts(header: &Header, allocation: model::AllocationId) -> bool {
    let Some(instance) = header.open_instance() else {
        return false;
    };
    let first = instance.allocation.iter();
    first
        .flat_map(InstanceAllocation::attempts)
        .any(|attempt| attempt.id == allocation)
}
