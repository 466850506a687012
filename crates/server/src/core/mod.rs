//! The core of the server: what HTTP, timers, the matcher and game servers do, on the store's behalf.
//!
//! One [`Core`] serves one namespace of one store. It keeps committed documents in memory, changes them only
//! through the committer, and tells whoever waits. Every method may be called from any task at any time.

mod acceptance;
mod allocate;
mod asked;
mod assignments;
mod backfills;
mod brought;
mod browser;
mod busy;
mod codes;
mod consequences;
mod ending;
mod estimates;
mod events;
mod explain;
mod fleet_api;
mod hosting;
mod hubs;
mod idempotency;
mod inbox;
mod invites;
mod keeper;
mod large;
mod listings;
mod load_tickets;
mod matchmaker;
mod matchmaking;
mod passwords;
mod penalties;
mod players;
mod recent;
mod registry;
mod revisions;
mod rows;
mod sessions;
mod slots;
mod standing;
mod start;
mod subscriptions;
mod tickets;
mod timers;
mod together;
mod turned_out;
mod view;
mod write;

use std::future::Future;
use std::sync::Arc;

use model::config::Config;
use model::{InstallationId, MatchId, Millis, Namespace, PlayerId, Proposal, SessionId, Timestamp};
use store::{CommitterHandle, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::auth::Keys;
use crate::clock::Clock;
use crate::ids::Ids;
use crate::{Error, Principal};

pub use allocate::RegistryAllocator;
pub use asked::Asked;
pub use browser::Search;
pub use codes::{CODE_ALPHABET, CODE_CHARS};
pub use fleet_api::InMemoryFleetApi;
pub use hosting::CLIENT_VERSION_BYTES_MAX;
pub(crate) use hosting::parse_client_version;
pub use passwords::{TRIES_MAX as PASSWORD_TRIES_MAX, TRIES_WINDOW as PASSWORD_TRIES_WINDOW};
pub use revisions::Activated;
pub use sessions::JoinMode;
pub use start::{Drivers, Parts};

/// What an operator may set of the core.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where game servers reach this server; goes into `MUSTER_URL`.
    pub public_url: String,
    /// No acknowledgement within this: a second game server is allocated.
    pub hedge_after: Millis,
    /// Sessions with a due timer are looked at this often even if nobody asks; 0: only when somebody asks (row 11).
    pub sweep_interval: Millis,
    /// Seats of the largest session that may be made, where its type has the capability `large` (row 6).
    pub large_members_max: u32,
    /// How long the token of a game server is good; renewed over its poll.
    pub game_server_token_ttl: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:7350".into(),
            hedge_after: Millis(250),
            sweep_interval: Millis(0),
            large_members_max: 1_000,
            game_server_token_ttl: Millis::seconds(3_600),
        }
    }
}

/// The core; cheap to clone.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

/// What all clones share.
pub struct Inner {
    namespace: Namespace,
    installation: InstallationId,
    epoch: Uuid,
    settings: Settings,
    store: Store,
    commits: CommitterHandle,
    clock: Clock,
    ids: Ids,
    keys: Keys,
    revisions: revisions::Revisions,
    sessions: slots::Slots<SessionId, write::Document>,
    tickets: tickets::Tickets,
    estimates: estimates::Estimates,
    proposals: busy::Records<MatchId, Proposal>,
    passwords: passwords::Passwords,
    players: players::Players,
    registry: registry::Registry,
    matchmaker: matchmaker::Matchmaker,
    turned_out: turned_out::TurnedOut,
    backfills: backfills::Backfills,
    timers: timers::Timers,
    listings: listings::Listings,
    hubs: hubs::Hubs,
    keeper: keeper::Keeper,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl std::ops::Deref for Core {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({})", self.namespace)
    }
}

impl Core {
    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The namespace that it serves.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The installation: this store and everything that was started for it.
    pub fn installation(&self) -> InstallationId {
        self.installation
    }

    /// Where game servers reach this server.
    pub fn public_url(&self) -> &str {
        &self.settings.public_url
    }

    /// Whether the principal of a good token may still act at all.
    ///
    /// # Errors
    /// 401 for a game server that is no longer registered or whose token has been exchanged.
    pub fn admit(&self, who: &Principal) -> Result<(), Error> {
        match who {
            Principal::GameServer {
                id, first_token, ..
            } => self.still_registered(*id, *first_token).map(drop),
            _ => Ok(()),
        }
    }

    /// A player did something: he is there.
    pub fn seen(&self, player: &PlayerId) {
        self.players.seen(player, self.now());
    }

    /// Whether requests can be served; sets the clock by the database's.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the store is away, or took no write when it was last asked to.
    pub async fn ready(&self) -> Result<(), Error> {
        let at = self.store.now().await.map_err(store_error)?;
        self.clock.resync(at);
        self.store
            .outage()
            .map_or(Ok(()), |why| Err(Error::Unavailable(why)))
    }

    /// The active configuration.
    pub fn config(&self) -> Arc<Config> {
        self.revisions.active()
    }

    /// Runs `task` to its end even if whoever asked goes away; shutdown waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}

/// Only servers and admins act for others.
pub(crate) fn actor(who: &Principal) -> model::session::Actor {
    use model::session::Actor;
    match who {
        Principal::Player { player, .. } => Actor::Player(player.clone()),
        Principal::Server { .. } | Principal::Fleet { .. } => Actor::Server,
        Principal::Admin { .. } => Actor::Admin,
        // A game server acts through its allocation; with none it is nobody in particular.
        Principal::GameServer { id, .. } => Actor::Host(id.0.into()),
    }
}

pub(crate) fn store_error(error: store::Error) -> Error {
    Error::Unavailable(error.to_string())
}
