//! What a game server says about itself and its games.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::instance::InstanceStatus;
use model::wire::{Assignment, Health, HostUpdate};
use model::{AllocationId, GameServerId, SessionId};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::retry::Backoff;
use crate::{Client, Error};

/// Reports to Muster; a clone is cheap and reports for the same game server.
///
/// While Muster is away a report waits, for as long as it takes; an error is a refusal, and mostly says that the
/// session has got another host or has ended. Dropping the future takes the report back.
#[derive(Debug, Clone)]
pub struct Reporter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: GameServerId,
    /// Replaced whenever a poll brings a new token.
    client: RwLock<Client>,
    /// Whether a poll has been answered: before it, the token is good for the poll only.
    introduced: watch::Sender<bool>,
    health: Mutex<Health>,
    health_changed: Notify,
    /// Lists of connected players that have not been sent yet.
    connected: Mutex<BTreeMap<AllocationId, (SessionId, Vec<String>)>>,
    connected_changed: Notify,
}

/// A panic elsewhere leaves plain values behind, which are as good as before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    pub(super) fn new(client: Client, id: GameServerId) -> Self {
        let shared = Shared {
            id,
            client: RwLock::new(client),
            introduced: watch::Sender::new(false),
            health: Mutex::new(Health::Healthy),
            health_changed: Notify::new(),
            connected: Mutex::new(BTreeMap::new()),
            connected_changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// This game server.
    pub fn game_server(&self) -> GameServerId {
        self.shared.id
    }

    /// Takes an assignment on; to be said at once, as Muster asks another game server after 250 ms.
    ///
    /// # Errors
    /// A refusal: the session has got another host, or has ended.
    pub async fn acknowledge(&self, game: &Assignment) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            match self.client().acknowledge(game.allocation_id).await {
                Err(error) if error.is_temporary() => sleep(backoff.next()).await,
                result => return result,
            }
        }
    }

    /// Lets members in.
    ///
    /// # Errors
    /// A refusal.
    pub async fn joinable(&self, game: &Assignment) -> Result<(), Error> {
        self.status(game, InstanceStatus::Joinable).await
    }

    /// Lets nobody in any more; who is in stays in.
    ///
    /// # Errors
    /// A refusal.
    pub async fn unjoinable(&self, game: &Assignment) -> Result<(), Error> {
        self.status(game, InstanceStatus::Unjoinable).await
    }

    /// The game is over, for good.
    ///
    /// # Errors
    /// A refusal.
    pub async fn closed(&self, game: &Assignment) -> Result<(), Error> {
        self.status(game, InstanceStatus::Closed).await
    }

    async fn status(&self, game: &Assignment, status: InstanceStatus) -> Result<(), Error> {
        let update = HostUpdate {
            status: Some(status),
            ..empty_update(game.allocation_id)
        };
        self.update(game.session, &update).await
    }

    /// Anything that a host may say about its instance, such as its version or the studio's own join data.
    ///
    /// # Errors
    /// A refusal.
    pub async fn update(&self, session: SessionId, update: &HostUpdate) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            match self.client().update_instance(session, update).await {
                Err(error) if error.is_temporary() => sleep(backoff.next()).await,
                result => return result.map(|_| ()),
            }
        }
    }

    /// Who is connected to a game now, as the game calls them. Sent in the background; only the latest list counts.
    pub fn connected(&self, game: &Assignment, players: Vec<String>) {
        locked(&self.shared.connected).insert(game.allocation_id, (game.session, players));
        self.shared.connected_changed.notify_one();
    }

    /// How the game server is from now on; it is healthy at first. Told at once, then in every cadence.
    pub fn set_health(&self, health: Health) {
        let before = std::mem::replace(&mut *locked(&self.shared.health), health);
        if before != health {
            self.shared.health_changed.notify_one();
        }
    }

    /// The game server ends by its own will. One attempt with the client's usual retries, as the process may be
    /// about to be killed.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn shutdown(&self) -> Result<(), Error> {
        self.client().report_shutdown().await
    }

    /// The client as it stands now, with the token of the latest poll, for calls that are not here.
    pub fn client(&self) -> Client {
        let client = self.shared.client.read();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn use_token(&self, token: &str) {
        let mut client = self
            .shared
            .client
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match client.with_token(token) {
            Ok(renewed) => *client = renewed,
            // The old token goes on until the server refuses it.
            Err(error) => tracing::warn!(%error, "the new token is of no use"),
        }
    }

    pub(super) fn set_introduced(&self) {
        self.shared.introduced.send_replace(true);
    }

    pub(super) async fn introduced(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self
            .shared
            .introduced
            .subscribe()
            .wait_for(|&yes| yes)
            .await;
    }

    pub(super) fn health(&self) -> Health {
        *locked(&self.shared.health)
    }

    pub(super) async fn health_changed(&self) {
        self.shared.health_changed.notified().await;
    }

    pub(super) fn next_connected(&self) -> Option<(SessionId, HostUpdate)> {
        let (allocation, (session, players)) = locked(&self.shared.connected).pop_first()?;
        let update = HostUpdate {
            connected: Some(players),
            ..empty_update(allocation)
        };
        Some((session, update))
    }

    /// Puts a list back that could not be sent, unless there is a newer one.
    pub(super) fn put_back(&self, session: SessionId, update: HostUpdate) {
        let players = update.connected.unwrap_or_default();
        locked(&self.shared.connected)
            .entry(update.allocation_id)
            .or_insert((session, players));
    }

    pub(super) async fn connected_changed(&self) {
        self.shared.connected_changed.notified().await;
    }
}

/// Says nothing yet.
fn empty_update(allocation_id: AllocationId) -> HostUpdate {
    HostUpdate {
        allocation_id,
        status: None,
        version: None,
        join_custom_data: None,
        connected: None,
    }
}
