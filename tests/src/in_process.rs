//! A server in the test's own process: the real one, over HTTP, on a database of the test's.

use std::path::PathBuf;
use std::sync::Arc;

use model::wire::{Claims, PrincipalKind};
use model::{Millis, Namespace, PlayerId, Timestamp};
use plugin_process::{OnShutdown, ProcessProvider};
use server::clock::Clock;
use server::config::Limits;
use server::core::{Drivers, InMemoryFleetApi, Settings};
use server::{Options, Server};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Database, SECRET, SESSION_TYPES, muster};

/// What a test server is made with.
pub struct Setup {
    /// The YAML; default: [`SESSION_TYPES`].
    pub session_types: String,
    /// A clock that only the test moves; the timers are then run by hand.
    pub clock: Option<Clock>,
    /// Whether game servers of `provider: process` are run.
    pub process_provider: bool,
    /// What an operator may set.
    pub settings: Settings,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            session_types: SESSION_TYPES.to_owned(),
            clock: None,
            process_provider: false,
            settings: Settings::default(),
        }
    }
}

/// A running server. End it with [`TestServer::stop`]; dropping it leaves tasks to the runtime's end.
pub struct TestServer {
    /// Its core, for what HTTP does not show.
    pub core: server::core::Core,
    /// Where it is.
    pub url: String,
    /// The folder of its session types and data.
    pub folder: PathBuf,
    _folder: TempDir,
    shutdown: CancellationToken,
    reload: Arc<tokio::sync::Notify>,
    tasks: TaskTracker,
}

impl TestServer {
    /// Starts a server on `database`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(database: &Database, setup: Setup) -> TestServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let types = folder.path().join("sessiontypes");
        std::fs::create_dir(&types).expect("a folder");
        std::fs::write(types.join("types.yaml"), &setup.session_types).expect("a file");
        let drivers = if setup.clock.is_some() {
            Drivers::ByHand
        } else {
            Drivers::Running
        };
        let server = Server::start(Options {
            database: database.url.clone(),
            namespace: namespace(),
            secret: SECRET.to_vec(),
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: None,
            session_types: Some(types),
            providers: muster::provider_schemas(),
            limits: Limits::default(),
            settings: setup.settings,
            clock: setup.clock,
            drivers,
        })
        .await
        .unwrap_or_else(|error| panic!("the server does not start: {error}"));
        let (shutdown, drained) = (CancellationToken::new(), CancellationToken::new());
        let reload = Arc::new(tokio::sync::Notify::new());
        let tasks = TaskTracker::new();
        let core = server.core().clone();
        let url = format!("http://{}", server.address());
        let provider = setup.process_provider.then(|| {
            let api = Arc::new(InMemoryFleetApi::new(core.clone()));
            let data = folder.path().join("data");
            let mut options =
                plugin_process::Options::new(core.installation(), data, muster::executable());
            options.on_shutdown = OnShutdown::Stop;
            ProcessProvider::new(api, options)
        });
        let (stop, after) = (shutdown.clone(), drained.clone());
        tasks.spawn(async move {
            match provider {
                Some(provider) => provider.run(stop).await,
                None => stop.cancelled().await,
            }
            after.cancel();
        });
        let reloads = reload.clone();
        tasks.spawn(async move {
            server
                .run(drained, reloads)
                .await
                .expect("the server serves");
        });
        let path = folder.path().to_owned();
        TestServer {
            core,
            url,
            folder: path,
            _folder: folder,
            shutdown,
            reload,
            tasks,
        }
    }

    /// Drains and stops it, game servers included.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Replaces its YAML and asks it to look.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn reload(&self, yaml: &str) {
        std::fs::write(self.folder.join("sessiontypes/types.yaml"), yaml).expect("a file");
        self.reload.notify_one();
    }

    /// The same, and waits until the set has taken effect.
    ///
    /// # Panics
    /// When it does not.
    pub async fn reloaded(&self, yaml: &str) {
        let before = self.core.config();
        self.reload(yaml);
        crate::eventually("the new set", async || {
            (!Arc::ptr_eq(&self.core.config(), &before)).then_some(())
        })
        .await;
    }

    /// A client of this player.
    pub fn player(&self, player: &str) -> sdk::Client {
        self.client(PrincipalKind::Player, player)
    }

    /// A client of a principal of any kind.
    ///
    /// # Panics
    /// When the token cannot be made.
    pub fn client(&self, kind: PrincipalKind, subject: &str) -> sdk::Client {
        client(&self.url, kind, subject)
    }
}

/// The namespace of all tests.
///
/// # Panics
/// Never: it is a name.
pub fn namespace() -> Namespace {
    "default".parse().expect("a name")
}

/// A client with a token that outlives the test.
///
/// # Panics
/// When the token cannot be made.
pub fn client(url: &str, kind: PrincipalKind, subject: &str) -> sdk::Client {
    // Good for clocks of tests from 1970 on as well as for the wall clock.
    let forever = Millis::seconds(200 * 365 * 86_400);
    let claims = Claims::new(namespace(), kind, subject, Timestamp(0), forever);
    let token = sdk::token::mint(SECRET, &claims).expect("a token");
    sdk::Client::new(url, &token).expect("a client")
}

/// A player's id.
///
/// # Panics
/// When it is none.
pub fn player(name: &str) -> PlayerId {
    name.parse().expect("a player's id")
}
