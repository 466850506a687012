//! A harness that lets retirement and allocation start at the same moment: after one commit each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use allocator::conformance::fleet_api::{FleetHarness, FleetKey};
use allocator::{Demand, Error, FleetApi, NewGameServer, Observation, Observed};
use async_trait::async_trait;
use model::fleet::{Capacity, Provider};
use model::{AllocationId, GameServer, GameServerId, Name, Namespace, Region, SessionId};
use tests::Fleets;

/// The fleets of one server, with a retirement that takes as long to begin as an allocation does.
pub struct Race {
    fleets: Fleets,
    api: Arc<Level>,
    rounds: u32,
}

impl Race {
    /// Counts in `retired` how often retirement wins.
    pub async fn new(fleets: Fleets, retired: Arc<AtomicU32>, rounds: u32) -> Race {
        let api = Level {
            inner: fleets.api(),
            start: fleets.spare_session().await,
            fleets: fleets.clone(),
            retired,
        };
        Race {
            fleets,
            api: Arc::new(api),
            rounds,
        }
    }
}

/// The allocation begins with the request for a host, which is a commit; so does this retirement begin with one.
#[derive(Debug)]
struct Level {
    inner: Arc<dyn FleetApi>,
    fleets: Fleets,
    start: SessionId,
    retired: Arc<AtomicU32>,
}

#[async_trait]
impl FleetApi for Level {
    async fn fleets(
        &self,
        provider: Provider,
        seen: u64,
    ) -> Result<(u64, Vec<(Namespace, Name, Region)>), Error> {
        self.inner.fleets(provider, seen).await
    }

    async fn demand(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
        seen: u64,
    ) -> Result<Demand, Error> {
        self.inner.demand(namespace, fleet, region, seen).await
    }

    async fn list(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
    ) -> Result<Vec<GameServer>, Error> {
        self.inner.list(namespace, fleet, region).await
    }

    async fn register(&self, namespace: &Namespace, new: NewGameServer) -> Result<Observed, Error> {
        self.inner.register(namespace, new).await
    }

    async fn observed(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        observation: Observation,
    ) -> Result<(), Error> {
        self.inner.observed(namespace, id, observation).await
    }

    async fn retire(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        drain: bool,
    ) -> Result<bool, Error> {
        self.fleets.write_something(self.start).await;
        let leave = self.inner.retire(namespace, id, drain).await;
        if matches!(leave, Ok(true)) {
            self.retired.fetch_add(1, Ordering::Relaxed);
        }
        leave
    }
}

#[async_trait]
impl FleetHarness for Race {
    fn api(&self) -> Arc<dyn FleetApi> {
        Arc::<Level>::clone(&self.api)
    }

    async fn put_fleet(&self, name: &str, capacity: Capacity) -> FleetKey {
        self.fleets.put_fleet(name, capacity).await
    }

    async fn remove_fleet(&self, key: &FleetKey) {
        self.fleets.remove_fleet(key).await;
    }

    async fn ready(&self, key: &FleetKey, id: GameServerId) {
        self.fleets.ready(key, id).await;
    }

    async fn allocate(&self, key: &FleetKey) -> Option<(GameServerId, AllocationId)> {
        self.fleets.allocate(key).await
    }

    async fn release(&self, key: &FleetKey, id: GameServerId, allocation: AllocationId) {
        self.fleets.release(key, id, allocation).await;
    }

    fn race_rounds(&self) -> u32 {
        self.rounds
    }
}
