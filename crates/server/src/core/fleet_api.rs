//! The fleet API in memory: the registry as the process plugin inside `serve` sees it.

use std::collections::BTreeSet;

use allocator::{Demand, Error, FleetApi, FleetSpec, NewGameServer, Observation, Observed};
use async_trait::async_trait;
use model::config::fleet_revision;
use model::fleet::Provider;
use model::game_server::GameServerState;
use model::{GameServer, GameServerId, Name, Namespace, Region};
use std::sync::Arc;
use store::{Item, WriteSet};

use super::registry::FleetKey;
use super::{Core, rows};

/// The fleet API over the registry of a core in the same process.
#[derive(Debug, Clone)]
pub struct InMemoryFleetApi {
    core: Core,
}

impl InMemoryFleetApi {
    /// The registry of `core`.
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    fn of_provider(&self, provider: Provider) -> Vec<(Namespace, Name, Region)> {
        let config = self.core.config();
        let mut keys: BTreeSet<FleetKey> = BTreeSet::new();
        for fleet in config
            .fleets
            .values()
            .filter(|fleet| fleet.provider == provider)
        {
            keys.extend(
                fleet
                    .regions
                    .iter()
                    .map(|region| (fleet.name.clone(), region.clone())),
            );
        }
        // Game servers of fleets that are gone from the YAML still have to be ended by somebody.
        let left_over = self.core.registry.fleets().into_iter().filter(|(name, _)| {
            config
                .fleet(name.as_str())
                .is_none_or(|fleet| fleet.provider == provider)
        });
        keys.extend(left_over);
        let namespace = &self.core.namespace;
        keys.into_iter()
            .map(|(fleet, region)| (namespace.clone(), fleet, region))
            .collect()
    }

    fn demand_now(&self, key: &FleetKey, version: u64) -> Demand {
        let config = self.core.config();
        let (waiting, used) = self.core.registry.load(key);
        let fleet = config
            .fleet(key.0.as_str())
            .filter(|fleet| fleet.regions.contains(&key.1));
        let Some(fleet) = fleet else {
            return Demand {
                version,
                spec: None,
                waiting,
                desired: 0,
            };
        };
        let capacity = fleet.capacity;
        let for_waiting = waiting.div_ceil(u32::from(capacity.slots.max(1)));
        let wanted = used
            .saturating_add(for_waiting)
            .saturating_add(capacity.buffer);
        let spec = FleetSpec {
            namespace: self.core.namespace.clone(),
            fleet: fleet.clone(),
            region: key.1.clone(),
            fleet_revision: fleet_revision(fleet),
        };
        let desired = wanted.max(capacity.min).min(capacity.max);
        Demand {
            version,
            spec: Some(spec),
            waiting,
            desired,
        }
    }

    async fn next_change(&self, seen: u64) -> Result<u64, Error> {
        let mut changes = self.core.registry.changes();
        let shutting_down = || Error::Unavailable("the server is shutting down".into());
        loop {
            let version = *changes.borrow_and_update();
            if version != seen {
                return Ok(version);
            }
            tokio::select! {
                changed = changes.changed() => changed.map_err(|_| shutting_down())?,
                () = self.core.shutdown.cancelled() => return Err(shutting_down()),
            }
        }
    }

    fn check(&self, namespace: &Namespace) -> Result<(), Error> {
        if *namespace == self.core.namespace {
            Ok(())
        } else {
            Err(Error::Refused(format!(
                "namespace {namespace} is not served here"
            )))
        }
    }
}

fn unavailable(error: crate::Error) -> Error {
    Error::Unavailable(error.cause())
}

#[async_trait]
impl FleetApi for InMemoryFleetApi {
    async fn fleets(
        &self,
        provider: Provider,
        seen: u64,
    ) -> Result<(u64, Vec<(Namespace, Name, Region)>), Error> {
        // The version is a digest of the answer, so that demand alone wakes nobody here.
        let mut version = 0;
        loop {
            version = self.next_change(version).await?;
            let fleets = self.of_provider(provider);
            let text = format!("{fleets:?}");
            let digest = u64::from_str_radix(&rows::digest(&text)[..16], 16)
                .unwrap_or(1)
                .max(1);
            if digest != seen {
                return Ok((digest, fleets));
            }
        }
    }

    async fn demand(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
        seen: u64,
    ) -> Result<Demand, Error> {
        self.check(namespace)?;
        let version = self.next_change(seen).await?;
        Ok(self.demand_now(&(fleet.clone(), region.clone()), version))
    }

    async fn list(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
    ) -> Result<Vec<GameServer>, Error> {
        self.check(namespace)?;
        let servers = self
            .core
            .registry
            .of_fleet(&(fleet.clone(), region.clone()));
        Ok(servers
            .into_iter()
            .map(|server| (*server).clone())
            .collect())
    }

    async fn register(&self, namespace: &Namespace, new: NewGameServer) -> Result<Observed, Error> {
        self.check(namespace)?;
        let core = &self.core;
        let now = core.now();
        if core.registry.records.get(new.id).is_none() {
            let config = core.config();
            let fleet = config
                .fleet(new.fleet.as_str())
                .ok_or_else(|| Error::Refused(format!("fleet {} is not configured", new.fleet)))?;
            let key = (new.fleet.clone(), new.region.clone());
            let max = fleet.capacity.max;
            // Held to the end of the write, so that those who register at the same moment count each other.
            let Some(_place) = core.registry.place(key, new.id, max) else {
                return Err(Error::Refused(format!(
                    "fleet {} has its maximum of {max} game servers in {}",
                    new.fleet, new.region
                )));
            };
            let server = GameServer {
                id: new.id,
                fleet: new.fleet,
                region: new.region,
                node: new.node,
                version: fleet.version.clone(),
                addresses: new.addresses,
                state: GameServerState::Starting,
                since: now,
                slots: fleet.capacity.slots,
                allocations: Vec::new(),
                fleet_revision: new.fleet_revision,
                first_token_spent: false,
                provider_data: new.provider_data,
            };
            let row = rows::game_server_row(&core.namespace, &server, 1).map_err(unavailable)?;
            let set = WriteSet {
                items: vec![Item::Put {
                    row,
                    expected: None,
                }],
            };
            match core.commits.commit(set).await {
                Ok(()) => core.registry.committed(Arc::new(server), 1),
                Err(store::CommitError::Conflict { .. }) => {
                    return Err(Error::Refused("this game server has ended".into()));
                }
                Err(error) => return Err(Error::Unavailable(error.to_string())),
            }
        }
        let ttl = core.settings.game_server_token_ttl;
        Ok(Observed {
            url: core.settings.public_url.clone(),
            token: core
                .keys
                .mint_game_server(&core.namespace, new.id, true, now, ttl),
        })
    }

    async fn observed(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        observation: Observation,
    ) -> Result<(), Error> {
        self.check(namespace)?;
        match observation {
            Observation::Running { provider_data } => {
                let change =
                    |server: &mut GameServer| server.provider_data.clone_from(&provider_data);
                self.core
                    .change_server(id, change)
                    .await
                    .map_err(unavailable)?;
            }
            Observation::Ended { reason } => {
                let Some(before) = self.core.registry.records.get(id) else {
                    return Ok(());
                };
                tracing::info!(game_server.id = %id, reason, "a game server has ended");
                let now = self.core.now();
                let ended = |server: &mut GameServer| {
                    server.state = GameServerState::Gone;
                    server.since = now;
                };
                let after = self
                    .core
                    .change_server(id, ended)
                    .await
                    .map_err(unavailable)?;
                self.core
                    .hosts_lost(after.as_deref().unwrap_or(&before.value));
            }
        }
        Ok(())
    }

    async fn retire(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        drain: bool,
    ) -> Result<bool, Error> {
        self.check(namespace)?;
        let now = self.core.now();
        let change = |server: &mut GameServer| {
            let live = matches!(
                server.state,
                GameServerState::Starting | GameServerState::Ready
            );
            if live && (drain || server.allocations.is_empty()) {
                server.state = GameServerState::Draining;
                server.since = now;
            }
        };
        let after = self
            .core
            .change_server(id, change)
            .await
            .map_err(unavailable)?;
        // One that is not there has ended already; so may its process.
        Ok(after.is_none_or(|server| {
            server.state == GameServerState::Draining && server.allocations.is_empty()
        }))
    }
}
