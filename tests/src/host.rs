//! A game server that the test plays itself: registered, polling, and told what to say.

use std::time::Duration;

use allocator::{FleetApi, NewGameServer};
use model::instance::{Addresses, InstanceStatus};
use model::wire::{Assignment, Assignments, HostUpdate, Instance};
use model::{AllocationId, GameServerId, SessionId};
use sdk::Client;
use server::core::InMemoryFleetApi;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{TestServer, namespace};

/// A game server that is ready; it goes away with this.
pub struct Host {
    /// Its client, with the token that it was given by its first poll.
    pub client: Client,
    /// The token.
    pub token: String,
    /// Which.
    pub id: GameServerId,
    assignments: watch::Receiver<Assignments>,
    _polls: JoinSet<()>,
}

impl Host {
    /// Registers a game server of `fleet` in `region`, whose first poll makes it ready.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn start(server: &TestServer, fleet: &str, region: &str) -> Host {
        let id = GameServerId(uuid::Uuid::from_u128(rand_id(server)));
        let api = InMemoryFleetApi::new(server.core.clone());
        let addresses: Addresses = serde_json::from_value(serde_json::json!({
            "external": "192.0.2.7",
            "ports": { "default": 21_234 }
        }))
        .expect("addresses");
        let new = NewGameServer {
            id,
            fleet: fleet.parse().expect("a name"),
            region: region.parse().expect("a region"),
            node: "here".into(),
            addresses,
            fleet_revision: revision(server, fleet),
            provider_data: serde_json::Value::Null,
        };
        let observed = api.register(&namespace(), new).await.expect("a row");
        let first = Client::new(&server.url, &observed.token).expect("a client");
        let page = first.assignments().await.expect("a poll");
        let token = page.token.clone().unwrap_or(observed.token);
        let client = first.with_token(&token).expect("a client");
        let (sender, assignments) = watch::channel(page);
        let mut polls = JoinSet::new();
        let polling = client.clone();
        polls.spawn(async move {
            loop {
                let seen = sender.borrow().version;
                match polling
                    .assignments_after(seen, Duration::from_secs(30))
                    .await
                {
                    Ok(page) => drop(sender.send(page)),
                    Err(_) => return,
                }
            }
        });
        Host {
            client,
            token,
            id,
            assignments,
            _polls: polls,
        }
    }

    /// What it is to host in this session, as soon as it is told.
    ///
    /// # Panics
    /// When that takes a minute.
    pub async fn assignment(&mut self, session: SessionId) -> Assignment {
        let wanted = |page: &Assignments| page.assignments.iter().any(|one| one.session == session);
        let told = tokio::time::timeout(
            Duration::from_secs(60),
            self.assignments.wait_for(|page| wanted(page)),
        );
        let page = told.await.expect("an assignment").expect("polls").clone();
        let mut found = page.assignments.into_iter();
        found
            .find(|one| one.session == session)
            .expect("the assignment")
    }

    /// Says how its instance is.
    ///
    /// # Errors
    /// Whatever the server says.
    pub async fn says(
        &self,
        session: SessionId,
        allocation_id: AllocationId,
        status: InstanceStatus,
    ) -> Result<Instance, sdk::Error> {
        let update = HostUpdate {
            allocation_id,
            status: Some(status),
            version: None,
            join_custom_data: None,
            connected: None,
        };
        self.client.update_instance(session, &update).await
    }

    /// Takes the session on and marks its instance joinable.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(&mut self, session: SessionId) -> Assignment {
        let assignment = self.assignment(session).await;
        let joinable = InstanceStatus::Joinable;
        self.says(session, assignment.allocation_id, joinable)
            .await
            .expect("joinable");
        assignment
    }
}

/// An id that is used once in a database.
fn rand_id(server: &TestServer) -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let ours = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    let time = u128::from(server.core.now().0.unsigned_abs());
    (time << 80) | (7_u128 << 76) | (2_u128 << 62) | ours
}

fn revision(server: &TestServer, fleet: &str) -> u64 {
    let config = server.core.config();
    config
        .fleet(fleet)
        .map_or(0, |fleet| model::config::fleet_revision(fleet))
}
