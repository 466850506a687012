//! The fleet API in memory, as small as it can be kept, and a TCP port where game servers ask for their assignment.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allocator::conformance::fleet_api::{FleetHarness, FleetKey};
use allocator::conformance::fresh_id;
use allocator::{Demand, Error, FleetApi, FleetSpec, NewGameServer, Observation, Observed};
use async_trait::async_trait;
use model::fleet::{Capacity, Fleet, Provider};
use model::game_server::{Allocated, GameServerState};
use model::{AllocationId, GameServer, GameServerId, Name, Namespace, Region, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::ProviderHarness;

type Flat = (Namespace, Name, Region);

#[derive(Debug, Default)]
struct State {
    /// The content revision and the fleet; kept without a fleet once it is removed.
    fleets: BTreeMap<Flat, Option<(u64, Arc<Fleet>)>>,
    rows: BTreeMap<GameServerId, (Flat, GameServer)>,
    tokens: BTreeMap<GameServerId, String>,
    /// What was last told of each fleet, with the version that it was told by.
    told: BTreeMap<Flat, Demand>,
    told_fleets: (u64, Vec<Flat>),
    /// Counts up with everything that changes.
    version: u64,
}

#[derive(Debug)]
pub struct Memory {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    url: String,
}

/// The registry with its port. Everything ends with it.
pub struct Registry {
    memory: Arc<Memory>,
    _door: JoinSet<()>,
}

fn flat(key: &FleetKey) -> Flat {
    (key.namespace.clone(), key.fleet.clone(), key.region.clone())
}

impl State {
    fn demand(&self, key: &Flat) -> (Option<FleetSpec>, u32) {
        let Some((revision, fleet)) = self.fleets.get(key).cloned().flatten() else {
            return (None, 0);
        };
        let used = self
            .rows
            .values()
            .filter(|(of, row)| of == key && row.used() > 0)
            .count();
        let used = u32::try_from(used).expect("few");
        let Capacity {
            min, buffer, max, ..
        } = fleet.capacity;
        let spec = FleetSpec {
            namespace: key.0.clone(),
            region: key.2.clone(),
            fleet_revision: revision,
            fleet,
        };
        (Some(spec), min.max(used + buffer).min(max))
    }

    /// Notes what has changed for those who wait.
    fn settle(&mut self) {
        self.version += 1;
        for key in self.fleets.keys().cloned().collect::<Vec<_>>() {
            let (spec, desired) = self.demand(&key);
            let told = self.told.get(&key);
            if told.is_none_or(|told| (&told.spec, told.desired) != (&spec, desired)) {
                let demand = Demand {
                    version: self.version,
                    spec,
                    waiting: 0,
                    desired,
                };
                self.told.insert(key, demand);
            }
        }
        let alive = |key: &Flat| self.rows.values().any(|(of, _)| of == key);
        let fleets = self
            .fleets
            .iter()
            .filter(|(key, fleet)| fleet.is_some() || alive(key));
        let fleets: Vec<Flat> = fleets.map(|(key, _)| key.clone()).collect();
        if self.told_fleets.1 != fleets {
            self.told_fleets = (self.version, fleets);
        }
    }
}

impl Memory {
    fn read(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.read();
        let result = change(&mut state);
        state.settle();
        self.changes.send_replace(state.version);
        result
    }

    async fn until<T>(&self, ready: impl Fn(&State) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(answer) = ready(&self.read()) {
                return answer;
            }
            changes
                .changed()
                .await
                .expect("the registry holds the sender");
        }
    }

    fn make_ready(&self, id: GameServerId) {
        self.change(|state| {
            if let Some((_, row)) = state.rows.get_mut(&id)
                && row.state == GameServerState::Starting
            {
                row.state = GameServerState::Ready;
            }
        });
    }

    /// A game server says its id and its token, and keeps the connection for as long as it lives.
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        if stream.read_line(&mut line).await.is_err() {
            return;
        }
        let Some((id, token)) = line.trim().split_once(' ') else {
            return;
        };
        let Ok(id) = id.parse() else {
            return;
        };
        if self
            .read()
            .tokens
            .get(&id)
            .is_some_and(|known| known == token)
        {
            self.make_ready(id);
        }
        let _ = stream.read_to_string(&mut line).await;
    }
}

#[async_trait]
impl FleetApi for Memory {
    async fn fleets(&self, _: Provider, seen: u64) -> Result<(u64, Vec<Flat>), Error> {
        let news = |state: &State| (state.told_fleets.0 != seen).then(|| state.told_fleets.clone());
        Ok(self.until(news).await)
    }

    async fn demand(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
        seen: u64,
    ) -> Result<Demand, Error> {
        let key = (namespace.clone(), fleet.clone(), region.clone());
        let news = |state: &State| {
            state
                .told
                .get(&key)
                .filter(|told| told.version != seen)
                .cloned()
        };
        Ok(self.until(news).await)
    }

    async fn list(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
    ) -> Result<Vec<GameServer>, Error> {
        let key = (namespace.clone(), fleet.clone(), region.clone());
        let state = self.read();
        let rows = state.rows.values().filter(|(of, _)| *of == key);
        Ok(rows.map(|(_, row)| row.clone()).collect())
    }

    async fn register(&self, namespace: &Namespace, new: NewGameServer) -> Result<Observed, Error> {
        let key = (namespace.clone(), new.fleet.clone(), new.region.clone());
        self.change(|state| {
            let fleet = state.fleets.get(&key).cloned().flatten();
            let (_, fleet) = fleet.ok_or_else(|| Error::Refused("no such fleet".to_owned()))?;
            let alive = state.rows.values().filter(|(of, _)| *of == key).count();
            if let Entry::Vacant(vacant) = state.rows.entry(new.id) {
                if alive >= usize::try_from(fleet.capacity.max).expect("small") {
                    return Err(Error::Refused("the fleet has reached its max".to_owned()));
                }
                let row = GameServer {
                    id: new.id,
                    fleet: new.fleet,
                    region: new.region,
                    node: new.node,
                    version: None,
                    addresses: new.addresses,
                    state: GameServerState::Starting,
                    since: Timestamp(0),
                    slots: fleet.capacity.slots,
                    allocations: Vec::new(),
                    fleet_revision: new.fleet_revision,
                    first_token_spent: false,
                    provider_data: new.provider_data,
                };
                vacant.insert((key, row));
            }
            let token = format!("token-{}", state.version);
            state.tokens.insert(new.id, token.clone());
            Ok(Observed {
                url: self.url.clone(),
                token,
            })
        })
    }

    async fn observed(
        &self,
        _: &Namespace,
        id: GameServerId,
        observation: Observation,
    ) -> Result<(), Error> {
        self.change(|state| match observation {
            Observation::Running { provider_data } => {
                if let Some((_, row)) = state.rows.get_mut(&id) {
                    row.provider_data = provider_data;
                }
            }
            Observation::Ended { .. } => {
                state.rows.remove(&id);
                state.tokens.remove(&id);
            }
        });
        Ok(())
    }

    async fn retire(&self, _: &Namespace, id: GameServerId, drain: bool) -> Result<bool, Error> {
        Ok(self.change(|state| match state.rows.get_mut(&id) {
            None => true,
            Some((_, row)) => {
                if drain || row.used() == 0 {
                    row.state = GameServerState::Draining;
                }
                row.state == GameServerState::Draining && row.used() == 0
            }
        }))
    }
}

impl Registry {
    /// An empty registry that listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = listener.local_addr().expect("it is bound").to_string();
        let memory = Arc::new(Memory {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            url,
        });
        memory.change(|_| ());
        let mut door = JoinSet::new();
        let served = Arc::clone(&memory);
        door.spawn(async move {
            let mut guests = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("accepts");
                guests.spawn(Arc::clone(&served).serve(stream));
                while guests.try_join_next().is_some() {}
            }
        });
        Self {
            memory,
            _door: door,
        }
    }
}

#[async_trait]
impl FleetHarness for Registry {
    fn api(&self) -> Arc<dyn FleetApi> {
        Arc::<Memory>::clone(&self.memory)
    }

    async fn put_fleet(&self, name: &str, capacity: Capacity) -> FleetKey {
        self.put_fleet_of(name, capacity, serde_json::json!({ "command": ["true"] }))
            .await
    }

    async fn remove_fleet(&self, key: &FleetKey) {
        self.memory
            .change(|state| state.fleets.insert(flat(key), None));
    }

    async fn ready(&self, _: &FleetKey, id: GameServerId) {
        self.memory.make_ready(id);
    }

    async fn allocate(&self, key: &FleetKey) -> Option<(GameServerId, AllocationId)> {
        self.memory.change(|state| {
            let mut rows = state.rows.values_mut();
            let (_, row) = rows.find(|(of, row)| *of == flat(key) && row.has_free_slot())?;
            let allocation: AllocationId = fresh_id();
            row.allocations.push(Allocated {
                allocation,
                session: fresh_id(),
                at: Timestamp(0),
            });
            Some((row.id, allocation))
        })
    }

    async fn release(&self, _: &FleetKey, id: GameServerId, allocation: AllocationId) {
        self.memory.change(|state| {
            if let Some((_, row)) = state.rows.get_mut(&id) {
                row.allocations.retain(|held| held.allocation != allocation);
            }
        });
    }

    fn race_rounds(&self) -> u32 {
        10_000
    }
}

#[async_trait]
impl ProviderHarness for Registry {
    async fn put_fleet_of(
        &self,
        name: &str,
        capacity: Capacity,
        config: serde_json::Value,
    ) -> FleetKey {
        let key = FleetKey {
            namespace: "test".parse().expect("a name"),
            fleet: name.parse().expect("a name"),
            region: "local".parse().expect("a name"),
        };
        let fleet = Fleet {
            name: key.fleet.clone(),
            provider: Provider::Process,
            regions: vec![key.region.clone()],
            version: None,
            capacity,
            config,
        };
        self.memory.change(|state| {
            let old = state.fleets.get(&flat(&key)).cloned().flatten();
            let content = |fleet: &Fleet| (fleet.config.clone(), fleet.capacity.slots);
            let revision = match old {
                Some((revision, old)) if content(&old) == content(&fleet) => revision,
                Some(_) | None => state.version,
            };
            state
                .fleets
                .insert(flat(&key), Some((revision, Arc::new(fleet))));
        });
        key
    }

    fn game(&self, behaviour: &str) -> Vec<String> {
        let asks = r#"exec 3<>"/dev/tcp/${MUSTER_URL/://}"; echo "$MUSTER_GAME_SERVER_ID $MUSTER_TOKEN" >&3; "#;
        ["bash", "-c", &format!("{asks}{behaviour}")]
            .map(str::to_owned)
            .to_vec()
    }
}
