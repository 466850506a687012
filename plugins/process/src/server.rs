//! The life of one game server: row, process, exit or stop, and the word of its end; one task each.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allocator::{Error, FleetApi, FleetSpec, NewGameServer, Observation, Observed};
use model::game_server::GameServerState;
use model::instance::Addresses;
use model::{GameServerId, Name, Namespace, Region};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::launch::{self, Facts};
use crate::log;
use crate::options::Options;
use crate::ports::{Port, Ports};
use crate::process::{self, Ask, Exit, Process};
use crate::table::Table;

/// First and longest pause before the registry is told again what it could not be told.
const TELL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What all game servers of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub api: Arc<dyn FleetApi>,
    pub options: Options,
    pub table: Table,
    pub ports: Ports,
    /// Bounds the starts at the same moment.
    pub starts: Semaphore,
    /// Where logs lie.
    pub logs: PathBuf,
    /// Whose logs are being written.
    pub alive: Mutex<BTreeSet<GameServerId>>,
}

/// One fleet in one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub namespace: Namespace,
    pub fleet: Name,
    pub region: Region,
}

/// What is noted in the row, to know the process again after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// Absent until it has been started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<NotedProcess>,
    pub port: u16,
    /// `wrap` stops the game itself.
    pub wrapped: bool,
    pub grace_ms: u64,
}

/// One process for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotedProcess {
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub start: u64,
}

/// How a game server's task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The registry does not want it.
    Refused(String),
    /// The registry could not be asked.
    Unavailable(String),
    /// It could not be started.
    Failed(String),
    /// It ended by itself.
    Exited {
        exit: Exit,
        /// Whether it ever asked for its assignment.
        ready: bool,
        lived: Duration,
    },
    /// It was ended.
    Stopped,
    /// It goes on without us.
    Left,
}

/// What a task listens to and shows.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// Why it is to be ended, once it is.
    pub stop: watch::Receiver<Option<&'static str>>,
    /// It is to be left alone from now on.
    pub leave: CancellationToken,
    /// Whether it has a row.
    pub registered: Arc<AtomicBool>,
}

/// This machine's monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the shell of this plugin; decisions take `now` from here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Shared {
    pub fn alive(&self) -> MutexGuard<'_, BTreeSet<GameServerId>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the registry until it has heard.
    async fn tell(&self, key: &Key, id: GameServerId, observation: Observation) {
        let mut pause = TELL.0;
        loop {
            match self
                .api
                .observed(&key.namespace, id, observation.clone())
                .await
            {
                Ok(()) => return,
                Err(error) if error.retryable() => {
                    tracing::warn!(game_server = %id, %error, "the registry cannot be told, trying again");
                }
                Err(error) => {
                    tracing::error!(game_server = %id, %error, "the registry does not listen");
                    return;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(TELL.1);
        }
    }

    async fn tell_ended(&self, key: &Key, id: GameServerId, reason: impl Into<String>) {
        let reason = reason.into();
        self.tell(key, id, Observation::Ended { reason }).await;
    }
}

/// Starts a game server and keeps it until it ends.
pub(crate) async fn start(
    shared: Arc<Shared>,
    key: Key,
    spec: FleetSpec,
    config: Arc<Config>,
    id: GameServerId,
    signals: Signals,
) -> Ending {
    let permit = tokio::select! {
        permit = shared.starts.acquire() => permit,
        () = signals.leave.cancelled() => return Ending::Left,
    };
    if signals.stop.borrow().is_some() {
        return Ending::Stopped;
    }
    let Some(port) = shared.ports.take(config.ports) else {
        metrics::counter!("muster_process_ports_exhausted_total").increment(1);
        return Ending::Failed(format!("no port of {} is free", config.ports));
    };
    let noted = Noted {
        process: None,
        port: port.number(),
        wrapped: config.wrap.is_some(),
        grace_ms: grace(&config, &shared.options),
    };
    let game_server = new_game_server(&shared.options, &spec, id, &noted);
    let observed = match shared.api.register(&key.namespace, game_server).await {
        Ok(observed) => observed,
        Err(Error::Unavailable(reason)) => return Ending::Unavailable(reason),
        Err(error) => return Ending::Refused(error.to_string()),
    };
    signals.registered.store(true, Ordering::SeqCst);
    metrics::counter!("muster_process_starts_total").increment(1);
    shared.alive().insert(id);
    let started = now();
    let process = execute(&shared, &key, &config, id, port.number(), &observed).await;
    drop(permit);
    match process {
        Ok(process) => {
            let process_noted = NotedProcess {
                pid: process.pid,
                start: process.start,
            };
            let noted = Noted {
                process: Some(process_noted),
                ..noted
            };
            keep(&shared, &key, id, process, noted, (port, started), signals).await
        }
        Err(reason) => {
            shared.alive().remove(&id);
            tokio::select! {
                () = shared.tell_ended(&key, id, &reason) => {}
                () = signals.leave.cancelled() => {}
            }
            Ending::Failed(reason)
        }
    }
}

/// Keeps a process that runs: tells of it, waits for its end or for leave to end it, cleans up, tells of its end.
pub(crate) async fn keep(
    shared: &Shared,
    key: &Key,
    id: GameServerId,
    process: Process,
    noted: Noted,
    (port, started): (Port, Instant),
    mut signals: Signals,
) -> Ending {
    shared.alive().insert(id);
    let leave = signals.leave.clone();
    let life = async {
        let reason = {
            let running = Observation::Running {
                provider_data: serde_json::to_value(&noted).unwrap_or_default(),
            };
            // Both go on until one of them is: the word of its life must not delay the notice of its end.
            let until = async {
                tokio::select! {
                    _ = process.exited() => None,
                    reason = stop_reason(&mut signals.stop) => Some(reason),
                }
            };
            tokio::pin!(until);
            tokio::select! {
                reason = &mut until => reason,
                () = shared.tell(key, id, running) => until.await,
            }
        };
        if let Some(reason) = reason {
            stop(shared, key, id, process, &noted, reason).await;
            return Ending::Stopped;
        }
        let lived = now().saturating_duration_since(started);
        let ready = was_ready(shared, key, id).await;
        let exit = process.finish(&shared.table).await;
        shared.tell_ended(key, id, &exit.words).await;
        Ending::Exited { exit, ready, lived }
    };
    let ending = tokio::select! {
        ending = life => ending,
        () = leave.cancelled() => Ending::Left,
    };
    shared.alive().remove(&id);
    // Given back only now: nobody of this game server can have the port any more.
    drop(port);
    ending
}

/// Ends what a row speaks of when its leader is gone: remnants, and then the row.
pub(crate) async fn bury(shared: &Shared, key: &Key, id: GameServerId, signals: Signals) -> Ending {
    let life = async {
        let grace = shared.options.stop_grace;
        process::end_remnants(shared.options.installation, id, grace, &shared.table).await;
        shared
            .tell_ended(
                key,
                id,
                "it was not running any more when its provider came back",
            )
            .await;
    };
    tokio::select! {
        () = life => Ending::Stopped,
        () = signals.leave.cancelled() => Ending::Left,
    }
}

async fn stop(
    shared: &Shared,
    key: &Key,
    id: GameServerId,
    process: Process,
    noted: &Noted,
    reason: &str,
) {
    let (ask, extra) = match noted.wrapped {
        // `wrap` gives its game the grace, and needs a moment itself.
        true => (Ask::Leader, Duration::from_secs(2)),
        false => (Ask::Everyone, Duration::ZERO),
    };
    let grace = Duration::from_millis(noted.grace_ms) + extra;
    if !process.ask_to_stop(ask, grace, &shared.table).await {
        metrics::counter!("muster_process_kills_total").increment(1);
        tracing::warn!(game_server = %id, ?grace, "did not stop in time, killing it");
    }
    let exit = process.finish(&shared.table).await;
    tracing::info!(game_server = %id, reason, exit = exit.words, "game server ended");
    shared
        .tell_ended(key, id, format!("{reason} ({})", exit.words))
        .await;
}

async fn stop_reason(stop: &mut watch::Receiver<Option<&'static str>>) -> &'static str {
    match stop.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        // The fleet's loop is gone, and with it whoever could want an end.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// Whether the row says that it has asked for its assignment; when the registry cannot be asked, the best is assumed.
async fn was_ready(shared: &Shared, key: &Key, id: GameServerId) -> bool {
    let rows = shared
        .api
        .list(&key.namespace, &key.fleet, &key.region)
        .await;
    let rows = rows.unwrap_or_default();
    let row = rows.iter().find(|row| row.id == id);
    row.is_none_or(|row| row.state != GameServerState::Starting)
}

async fn execute(
    shared: &Arc<Shared>,
    key: &Key,
    config: &Arc<Config>,
    id: GameServerId,
    port: u16,
    observed: &Observed,
) -> Result<Process, String> {
    let facts = Facts {
        installation: shared.options.installation,
        id,
        address: &shared.options.address,
        port,
        url: &observed.url,
        token: &observed.token,
        executable: &shared.options.executable,
        server_away_max: shared.options.server_away_max,
    };
    let launch = launch::launch(config, &facts, |name| std::env::var(name).ok());
    let path = log::path(&shared.logs, &key.namespace, &key.fleet, id);
    let (installation, limits) = (facts.installation, config.limits.clone());
    let started = tokio::task::spawn_blocking(move || {
        let log = log::open(&path)
            .map_err(|error| format!("cannot open the log {}: {error}", path.display()))?;
        Process::start(&launch, &limits, log, installation, id)
            .map_err(|error| format!("cannot start {}: {error}", launch.program.display()))
    });
    match started.await {
        Ok(result) => result,
        Err(_) => Err("the provider is shutting down".to_owned()),
    }
}

fn new_game_server(
    options: &Options,
    spec: &FleetSpec,
    id: GameServerId,
    noted: &Noted,
) -> NewGameServer {
    NewGameServer {
        id,
        fleet: spec.fleet.name.clone(),
        region: spec.region.clone(),
        node: options.node.clone(),
        addresses: Addresses {
            external: options.address.clone(),
            ports: [("default".to_owned(), noted.port)].into(),
            ..Addresses::default()
        },
        fleet_revision: spec.fleet_revision,
        provider_data: serde_json::to_value(noted).unwrap_or_default(),
    }
}

fn grace(config: &Config, options: &Options) -> u64 {
    match &config.wrap {
        Some(rules) => rules.stop.grace.0,
        None => u64::try_from(options.stop_grace.as_millis()).unwrap_or(u64::MAX),
    }
}
