//! What a game server says about itself and its games.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use model::instance::InstanceStatus;
use model::wire::{Assignment, Health, HostUpdate};
use model::{AllocationId, GameServerId, SessionId};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::outbox::{Outbox, Post, Report};
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
    /// Since when nobody answers its polls; `None` while somebody does.
    away_since: watch::Sender<Option<Instant>>,
    health: Mutex<Health>,
    health_changed: Notify,
    outbox: watch::Sender<Outbox>,
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
            away_since: watch::Sender::new(None),
            health: Mutex::new(Health::Healthy),
            health_changed: Notify::new(),
            outbox: watch::Sender::new(Outbox::default()),
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

    /// Says something about a game without waiting: it is sent in the background, for as long as it takes.
    /// What is said later replaces what has not been sent yet. A refusal is logged.
    pub fn post(&self, game: &Assignment, report: Report) {
        self.shared
            .outbox
            .send_modify(|outbox| outbox.add(game, report));
    }

    /// Who is connected to a game now, as the game calls them: [`Report::Connected`], posted.
    pub fn connected(&self, game: &Assignment, players: Vec<String>) {
        self.post(game, Report::Connected(players));
    }

    /// Waits until everything that was posted has been delivered or refused.
    pub async fn posted(&self) {
        let mut outbox = self.shared.outbox.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = outbox.wait_for(Outbox::is_idle).await;
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

    /// Waits until no poll has been answered for `limit`, by nobody and with nothing: the server is gone. An answer
    /// meanwhile begins the wait anew. Dropping the future and asking again loses no time.
    pub async fn server_away_for(&self, limit: Duration) {
        let mut away = self.shared.away_since.subscribe();
        loop {
            // The sender lives in `self`, so waiting cannot fail.
            let since = match away.wait_for(Option::is_some).await.map(|since| *since) {
                Ok(Some(since)) => since,
                Ok(None) | Err(_) => continue,
            };
            tokio::select! {
                () = sleep_until(since + limit) => return,
                _ = away.wait_for(Option::is_none) => {}
            }
        }
    }

    pub(super) fn set_server_away(&self, away: bool) {
        self.shared.away_since.send_if_modified(|since| {
            let changed = since.is_some() != away;
            if changed {
                *since = away.then(now);
            }
            changed
        });
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

    /// The next thing to send; waits for it. [`Reporter::sent`] must follow.
    pub(super) async fn next_post(&self) -> Post {
        let mut outbox = self.shared.outbox.subscribe();
        loop {
            let _ = outbox.wait_for(|outbox| !outbox.is_empty()).await;
            let mut next = None;
            self.shared.outbox.send_if_modified(|outbox| {
                next = outbox.take();
                next.is_some()
            });
            if let Some(post) = next {
                return post;
            }
        }
    }

    /// What came of the post: done with, or to be sent again.
    pub(super) fn sent(&self, again: Option<Post>) {
        self.shared
            .outbox
            .send_modify(|outbox| outbox.settle(again));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the shell of the driver: it measures how long nobody answers"
)]
fn now() -> Instant {
    Instant::now()
}

/// Says nothing yet.
pub(super) fn empty_update(allocation_id: AllocationId) -> HostUpdate {
    HostUpdate {
        allocation_id,
        status: None,
        version: None,
        join_custom_data: None,
        connected: None,
    }
}
