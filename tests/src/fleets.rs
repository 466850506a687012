//! The real server as the conformance suites of fleets, providers and allocators want it: its registry, its core.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allocator::conformance::fleet_api::{FleetHarness, FleetKey};
use allocator::conformance::hosts::AllocatorHarness;
use allocator::{AllocationRequest, AllocationState, Allocator, FleetApi, NewGameServer, Observed};
use async_trait::async_trait;
use model::config::SourceFile;
use model::fleet::Capacity;
use model::instance::Addresses;
use model::wire::{CreateSession, RequestInstance, UpdateSession};
use model::{AllocationId, GameServerId, Millis, Name, SessionId};
use serde_json::{Value, json};
use server::Principal;
use server::core::{Asked, Core, InMemoryFleetApi, RegistryAllocator, Settings};

use crate::{Database, Kind, Setup, TestServer, namespace};

/// The region of all fleets here.
const REGION: &str = "local";

/// What stays when there is no fleet.
const NOTHING: &str =
    "apiVersion: v1\nkind: SessionType\nname: Nothing\ntimeouts: { session_empty: null }\n";

/// A server whose fleets the test makes; each has a session type that gets its hosts there.
#[derive(Clone)]
pub struct Fleets {
    shared: Arc<Shared>,
    /// Goes before the names of fleets, so that several may use one server.
    prefix: String,
}

impl std::fmt::Debug for Fleets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fleets({:?})", self.prefix)
    }
}

struct Shared {
    server: TestServer,
    _database: Database,
    /// The fleets as documents, by name. Held while they are activated, so that the last change is the active one.
    documents: tokio::sync::Mutex<BTreeMap<String, Value>>,
    /// Sessions without a host, by their fleet, to be used again.
    idle: Mutex<BTreeMap<Name, Vec<SessionId>>>,
    /// What was allocated, and to which session.
    held: Mutex<BTreeMap<AllocationId, SessionId>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn operator() -> Principal {
    Principal::Admin {
        subject: "the suite".to_owned(),
    }
}

/// The game server itself, after its first poll.
fn game_server(id: GameServerId) -> Principal {
    Principal::GameServer {
        id,
        first_token: false,
        expires_at: i64::MAX,
    }
}

fn session_type(fleet: &Name) -> String {
    format!("On-{fleet}")
}

impl Fleets {
    /// A server on a database of its own, without fleets; `None` where that database is not to be had.
    ///
    /// Nothing is hedged: the suites play no game that acknowledges.
    pub async fn start(kind: Kind) -> Option<Fleets> {
        let database = Database::new(kind, "conformance").await?;
        let setup = Setup {
            session_types: NOTHING.to_owned(),
            settings: Settings {
                hedge_after: Millis::seconds(3_600),
                ..Settings::default()
            },
            ..Setup::default()
        };
        let server = TestServer::start(&database, setup).await;
        let shared = Shared {
            server,
            _database: database,
            documents: tokio::sync::Mutex::default(),
            idle: Mutex::default(),
            held: Mutex::default(),
        };
        Some(Fleets {
            shared: Arc::new(shared),
            prefix: String::new(),
        })
    }

    /// The same server with fleets of other names.
    #[must_use]
    pub fn beside(&self, prefix: &str) -> Fleets {
        Fleets {
            prefix: prefix.to_owned(),
            ..self.clone()
        }
    }

    /// A session that has nothing to do with any fleet.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn spare_session(&self) -> SessionId {
        let body = CreateSession {
            r#type: "Nothing".to_owned(),
            ..CreateSession::default()
        };
        let made = self.core().create_session(&operator(), body, None).await;
        made.expect("a session").1.id
    }

    /// One commit that changes nothing but this session.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn write_something(&self, session: SessionId) {
        let read = self.core().read_session(&operator(), session).await;
        let body = UpdateSession {
            custom: Some(json!(read.expect("it is there").change_number)),
            ..UpdateSession::default()
        };
        let written = self
            .core()
            .update_session(&Asked::always(&operator(), session), body)
            .await;
        written.expect("it may be written");
    }

    /// Its core.
    pub fn core(&self) -> &Core {
        &self.shared.server.core
    }

    /// Puts the fleet that this name stands for, with this `config`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn put(&self, name: &str, capacity: Capacity, config: Value) -> FleetKey {
        let key = FleetKey {
            namespace: namespace(),
            fleet: format!("{}{name}", self.prefix).parse().expect("a name"),
            region: REGION.parse().expect("a region"),
        };
        let document = json!({
            "apiVersion": "v1",
            "kind": "Fleet",
            "name": key.fleet.as_str(),
            "provider": "process",
            "regions": [REGION],
            "capacity": {
                "min": capacity.min,
                "buffer": capacity.buffer,
                "max": capacity.max,
                "slots": capacity.slots,
            },
            "config": config,
        });
        let mut documents = self.shared.documents.lock().await;
        documents.insert(key.fleet.to_string(), document);
        self.activate(&documents).await;
        key
    }

    async fn activate(&self, fleets: &BTreeMap<String, Value>) {
        let mut text = NOTHING.to_owned();
        for (name, fleet) in fleets {
            let name: Name = name.parse().expect("a name");
            let of_type = json!({
                "apiVersion": "v1",
                "kind": "SessionType",
                "name": session_type(&name),
                "joinability": "public",
                "timeouts": { "session_empty": null },
                "instance": {
                    "host_type": "dedicated",
                    "fleet": name.as_str(),
                    "close_on_empty": false,
                    "allocation_timeout": "1h",
                    "startup_params": { "map": "Arena" },
                },
            });
            text.push_str(&format!("---\n{of_type}\n---\n{fleet}\n"));
        }
        let file = SourceFile {
            path: "suite.yaml".into(),
            text: text.clone(),
        };
        let activated = self.core().activate(vec![file]).await;
        if let Err(diagnostics) = activated.expect("the store is there") {
            let found: Vec<_> = diagnostics.iter().map(|one| one.render(&text)).collect();
            panic!("{}", found.join("\n"));
        }
    }

    /// Each ready game server of the fleet polls once, which makes it a candidate for the next second.
    async fn poll_all(&self, key: &FleetKey) {
        let api = InMemoryFleetApi::new(self.core().clone());
        let rows = api.list(&key.namespace, &key.fleet, &key.region).await;
        for row in rows.expect("list answers") {
            if row.has_free_slot() {
                self.poll(row.id).await;
            }
        }
    }

    async fn poll(&self, id: GameServerId) {
        let answer = self
            .core()
            .assignments(&game_server(id), None, Millis(0))
            .await;
        // One that has ended meanwhile is told so.
        drop(answer);
    }

    async fn session_on(&self, fleet: &Name) -> SessionId {
        let idle = locked(&self.shared.idle).get_mut(fleet).and_then(Vec::pop);
        if let Some(session) = idle {
            return session;
        }
        let body = CreateSession {
            r#type: session_type(fleet),
            ..CreateSession::default()
        };
        let made = self.core().create_session(&operator(), body, None).await;
        made.expect("a session").1.id
    }

    /// A session of the fleet that has just asked for a host.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn waiting_session(&self, fleet: &Name) -> SessionId {
        let session = self.session_on(fleet).await;
        let body = RequestInstance::default();
        let asked = self
            .core()
            .request_instance(&Asked::always(&operator(), session), body, None)
            .await;
        asked.expect("it may have a host");
        session
    }

    async fn give_back(&self, fleet: &Name, session: SessionId) {
        let closed = self
            .core()
            .close_instance(&Asked::always(&operator(), session))
            .await;
        closed.expect("its instance is open");
        let mut idle = locked(&self.shared.idle);
        idle.entry(fleet.clone()).or_default().push(session);
    }

    fn request(&self, fleet: &Name, session: SessionId) -> AllocationRequest {
        AllocationRequest {
            id: RegistryAllocator::id_of(session),
            namespace: namespace(),
            session,
            fleet: fleet.clone(),
            region: None,
            startup_params: model::session_type::StartupParams::default(),
            members: Vec::new(),
        }
    }
}

#[async_trait]
impl FleetHarness for Fleets {
    fn api(&self) -> Arc<dyn FleetApi> {
        Arc::new(InMemoryFleetApi::new(self.core().clone()))
    }

    async fn put_fleet(&self, name: &str, capacity: Capacity) -> FleetKey {
        self.put(name, capacity, json!({ "command": ["true"] }))
            .await
    }

    async fn remove_fleet(&self, key: &FleetKey) {
        let mut documents = self.shared.documents.lock().await;
        documents.remove(key.fleet.as_str());
        self.activate(&documents).await;
    }

    async fn ready(&self, _: &FleetKey, id: GameServerId) {
        self.poll(id).await;
    }

    async fn allocate(&self, key: &FleetKey) -> Option<(GameServerId, AllocationId)> {
        self.poll_all(key).await;
        let session = self.waiting_session(&key.fleet).await;
        let allocator = RegistryAllocator::new(self.core().clone());
        let tried = allocator.ensure(self.request(&key.fleet, session)).await;
        let instance = self.core().read_instance(&operator(), session).await;
        let instance = instance.expect("it has been asked for");
        match tried.expect("it can be served").state {
            AllocationState::Allocated { .. } => {
                let id = instance.game_server.expect("a host");
                let allocation = instance.allocation_id.expect("an attempt");
                locked(&self.shared.held).insert(allocation, session);
                Some((id, allocation))
            }
            AllocationState::Waiting => {
                self.give_back(&key.fleet, session).await;
                None
            }
            AllocationState::Failed { reason } => panic!("{reason}"),
        }
    }

    async fn release(&self, key: &FleetKey, _: GameServerId, allocation: AllocationId) {
        let session = locked(&self.shared.held).remove(&allocation);
        let session = session.expect("it was allocated here");
        self.give_back(&key.fleet, session).await;
    }

    fn race_rounds(&self) -> u32 {
        // Many more of them are run in a test of their own.
        50
    }
}

/// The server with one fleet, for the suite of allocators.
pub struct Hosts {
    fleets: Fleets,
    key: FleetKey,
    polls: Mutex<tokio::task::JoinSet<()>>,
}

impl Hosts {
    /// As [`Fleets::start`], with one fleet without game servers.
    pub async fn start(kind: Kind) -> Option<Hosts> {
        let fleets = Fleets::start(kind).await?;
        let capacity = Capacity {
            min: 0,
            buffer: 0,
            max: 1_000,
            slots: 1,
        };
        let key = fleets.put_fleet("fleet", capacity).await;
        Some(Hosts {
            fleets,
            key,
            polls: Mutex::default(),
        })
    }
}

/// Registers one more game server of a fleet, as a provider would that is about to start it.
///
/// # Panics
/// When there is no room.
pub async fn register(api: &dyn FleetApi, key: &FleetKey, node: &str) -> (GameServerId, Observed) {
    let id = allocator::conformance::fresh_id();
    let demand = api
        .demand(&key.namespace, &key.fleet, &key.region, 0)
        .await
        .expect("demand answers");
    let new = NewGameServer {
        id,
        fleet: key.fleet.clone(),
        region: key.region.clone(),
        node: node.to_owned(),
        addresses: Addresses {
            external: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("default".to_owned(), 7_000)]),
            ..Addresses::default()
        },
        fleet_revision: demand.spec.expect("the fleet exists").fleet_revision,
        provider_data: Value::Null,
    };
    let observed = api.register(&key.namespace, new).await;
    (id, observed.expect("there is room"))
}

#[async_trait]
impl AllocatorHarness for Hosts {
    fn allocator(&self) -> Arc<dyn Allocator> {
        Arc::new(RegistryAllocator::new(self.fleets.core().clone()))
    }

    fn request(&self) -> AllocationRequest {
        // The suite asks in passing, and a session takes a commit.
        let session = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.fleets.waiting_session(&self.key.fleet))
        });
        self.fleets.request(&self.key.fleet, session)
    }

    fn doomed_request(&self) -> AllocationRequest {
        // A session that does not exist gets no host.
        self.fleets
            .request(&self.key.fleet, allocator::conformance::fresh_id())
    }

    async fn add_hosts(&self, count: usize) {
        let api = self.fleets.api();
        for _ in 0..count {
            let (id, _) = register(api.as_ref(), &self.key, "node-1").await;
            self.fleets.poll(id).await;
            let core = self.fleets.core().clone();
            locked(&self.polls).spawn(async move {
                let mut seen = None;
                while let Ok(page) = core
                    .assignments(&game_server(id), seen, Millis::seconds(60))
                    .await
                {
                    seen = Some(page.version);
                }
            });
        }
    }
}
