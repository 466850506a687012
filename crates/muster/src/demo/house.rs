//! The real server with its process provider, in this process, and what is left of it afterwards.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use model::wire::{Claims, PrincipalKind};
use model::{InstallationId, Millis, Namespace};
use plugin_process::{Found, OnShutdown, ProcessProvider, of_installation};
use sdk::Client;
use server::auth::Keys;
use server::config::Config;
use server::core::{Drivers, InMemoryFleetApi, Settings};
use server::{Core, Options, Server};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::configuration;

/// How long tokens of players are good.
const TOKEN_TTL: Millis = Millis::seconds(3_600);
/// From SIGTERM to SIGKILL, and how long games may go on when the demo is interrupted.
const GRACE: Duration = Duration::from_secs(2);
/// A demo that was killed is not started again: its idle game servers need not wait for it.
const SERVER_AWAY_MAX: Duration = Duration::from_secs(5);

/// The sample session types as they were when this program was built.
const SAMPLES: [(&str, &str); 5] = [
    (
        "bzflag.yaml",
        include_str!("../../../../sessiontypes/bzflag.yaml"),
    ),
    (
        "fleets.yaml",
        include_str!("../../../../sessiontypes/fleets.yaml"),
    ),
    (
        "game.yaml",
        include_str!("../../../../sessiontypes/game.yaml"),
    ),
    (
        "party.yaml",
        include_str!("../../../../sessiontypes/party.yaml"),
    ),
    (
        "queues.yaml",
        include_str!("../../../../sessiontypes/queues.yaml"),
    ),
];

/// A server that serves.
pub(super) struct House {
    core: Core,
    keys: Keys,
    client: Client,
    stop: CancellationToken,
    serving: AbortOnDropHandle<std::io::Result<()>>,
}

/// Refuses a folder that a running server works with, before anything is written there.
///
/// # Errors
/// One sentence that says who has it.
pub(super) async fn check_free(data: &Path) -> anyhow::Result<()> {
    Ok(server::check_free(&config(data).database_url()).await?)
}

fn config(data: &Path) -> Config {
    Config {
        data_dir: data.to_path_buf(),
        ..Config::default()
    }
}

impl House {
    /// Starts server and provider on a free loopback port, with database and logs in `data`.
    ///
    /// # Errors
    /// One sentence about the folder, the session types or the database.
    pub async fn open(data: &Path, session_types: PathBuf) -> anyhow::Result<Self> {
        let config = config(data);
        let secret = configuration::secret_or_new(&config)?;
        let executable = std::env::current_exe().context("cannot find this program's own file")?;
        let server = Server::start(Options {
            database: config.database_url(),
            namespace: config.namespace.clone(),
            secret: secret.clone(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            session_types: Some(session_types),
            providers: configuration::provider_schemas(),
            limits: config.limits.clone(),
            settings: Settings::default(),
            clock: None,
            drivers: Drivers::Running,
        })
        .await?;
        let core = server.core().clone();
        let mut options =
            plugin_process::Options::new(core.installation(), data.to_path_buf(), executable);
        options.on_shutdown = OnShutdown::Stop;
        options.stop_grace = GRACE;
        options.server_away_max = Some(SERVER_AWAY_MAX);
        options.drain_max = GRACE;
        let provider = ProcessProvider::new(Arc::new(InMemoryFleetApi::new(core.clone())), options);
        let client = Client::new(&format!("http://{}", server.address()), "")?;
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let serving = TaskTracker::new().spawn(async move {
            // The provider ends first: while it retires its game servers the registry has to answer.
            let drained = CancellationToken::new();
            let providing = async {
                provider.run(stopping).await;
                drained.cancel();
            };
            let (served, ()) = tokio::join!(server.run(drained.clone(), Arc::default()), providing);
            served
        });
        Ok(Self {
            keys: Keys::new(config.namespace, &secret)?,
            core,
            client,
            stop,
            serving: AbortOnDropHandle::new(serving),
        })
    }

    /// A client for somebody.
    pub fn client(&self, kind: PrincipalKind, who: &str) -> anyhow::Result<Client> {
        let namespace: Namespace = self.keys.namespace().clone();
        let claims = Claims::new(namespace, kind, who, self.core.now(), TOKEN_TTL);
        Ok(self.client.with_token(&self.keys.mint(&claims)?)?)
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        self.client.url()
    }

    /// How many game servers the provider has started so far; `None`: the server does not say.
    pub async fn game_servers_started(&self) -> Option<u64> {
        let metrics = self
            .client(PrincipalKind::Admin, "demo")
            .ok()?
            .metrics()
            .await
            .ok()?;
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix("muster_process_starts_total "))?;
        count.trim().parse().ok()
    }

    /// Stops everything; answers with the processes of this installation that are still there.
    ///
    /// # Errors
    /// When the server did not end well.
    pub async fn close(self) -> anyhow::Result<Vec<Found>> {
        self.stop.cancel();
        let installation: InstallationId = self.core.installation();
        let served = self.serving.await.context("the server broke down")?;
        served.context("the server stopped")?;
        let left = tokio::task::spawn_blocking(move || of_installation(installation));
        left.await.context("cannot look for processes")
    }
}

/// The folder of session types: the one that was named, the one here, or a copy of the samples in `data`.
///
/// # Errors
/// When the copy cannot be written.
pub(super) fn session_types(named: Option<&Path>, data: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_path_buf());
    }
    let here = PathBuf::from("sessiontypes");
    if SAMPLES.iter().all(|(file, _)| here.join(file).is_file()) {
        return Ok(here);
    }
    let copy = data.join("sessiontypes");
    let cannot = || {
        format!(
            "cannot write the sample session types to {}",
            copy.display()
        )
    };
    std::fs::create_dir_all(&copy).with_context(cannot)?;
    for (file, text) in SAMPLES {
        std::fs::write(copy.join(file), text).with_context(cannot)?;
    }
    Ok(copy)
}

/// Logs to a file, so that the terminal is the demo's alone.
///
/// # Errors
/// When the file cannot be made.
pub(super) fn log_to(path: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write the log {}", path.display());
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(cannot)?;
    file.flush().with_context(cannot)?;
    // Whoever runs this in a test has set up a log of his own.
    let _ = tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
    Ok(())
}
