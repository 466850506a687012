//! A provider under test: what it was told, what it said, and the processes that it has.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allocator::conformance::{fresh_id, within};
use allocator::{Demand, Error, FleetApi, NewGameServer, Observation, Observed};
use async_trait::async_trait;
use model::fleet::Provider;
use model::{GameServer, GameServerId, InstallationId, Name, Namespace, Region};
use plugin_process::{Found, OnShutdown, Options, ProcessProvider, of_installation};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The clock of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "tests measure how long real processes take"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits until `ready` gives something; looks again every few milliseconds, as processes give no notice.
pub async fn eventually<T>(what: &str, mut ready: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(found) = ready().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// Passes everything on, counts, and can be away.
#[derive(Debug)]
pub struct Spy {
    inner: Arc<dyn FleetApi>,
    pub registered: Mutex<Vec<Instant>>,
    pub ended: Mutex<Vec<(GameServerId, String)>>,
    pub lists: AtomicUsize,
    /// How often it was said of a game server that it runs.
    pub running: AtomicUsize,
    away: AtomicBool,
}

impl Spy {
    fn here(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("the registry is away".to_owned()));
        }
        Ok(())
    }

    pub fn registered(&self) -> Vec<Instant> {
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn ended(&self) -> Vec<(GameServerId, String)> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl FleetApi for Spy {
    async fn fleets(
        &self,
        provider: Provider,
        seen: u64,
    ) -> Result<(u64, Vec<(Namespace, Name, Region)>), Error> {
        self.here()?;
        self.inner.fleets(provider, seen).await
    }

    async fn demand(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
        seen: u64,
    ) -> Result<Demand, Error> {
        self.here()?;
        self.inner.demand(namespace, fleet, region, seen).await
    }

    async fn list(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
    ) -> Result<Vec<GameServer>, Error> {
        self.here()?;
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list(namespace, fleet, region).await
    }

    async fn register(&self, namespace: &Namespace, new: NewGameServer) -> Result<Observed, Error> {
        self.here()?;
        self.registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(now());
        self.inner.register(namespace, new).await
    }

    async fn observed(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        observation: Observation,
    ) -> Result<(), Error> {
        self.here()?;
        if let Observation::Running { .. } = &observation {
            self.running.fetch_add(1, Ordering::SeqCst);
        }
        if let Observation::Ended { reason } = &observation {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((id, reason.clone()));
        }
        self.inner.observed(namespace, id, observation).await
    }

    async fn retire(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        drain: bool,
    ) -> Result<bool, Error> {
        self.here()?;
        self.inner.retire(namespace, id, drain).await
    }
}

/// One installation on this machine, with a provider that can be started and ended as often as one likes.
pub struct World {
    pub installation: InstallationId,
    pub spy: Arc<Spy>,
    pub options: Options,
    folder: tempfile::TempDir,
    provider: Option<(JoinHandle<()>, CancellationToken)>,
}

impl World {
    /// Nothing runs yet. Quick time-outs, so that tests are.
    pub fn new(api: Arc<dyn FleetApi>) -> Self {
        let installation: InstallationId = fresh_id();
        let folder = tempfile::tempdir().expect("a folder");
        let executable = "/usr/bin/env".into();
        let options = Options {
            stop_grace: Duration::from_secs(5),
            start_timeout: Duration::from_secs(20),
            resync: Duration::from_millis(50),
            backoff_first: Duration::from_millis(50),
            log_check: Duration::from_millis(50),
            on_shutdown: OnShutdown::Stop,
            drain_max: Duration::from_millis(200),
            ..Options::new(installation, folder.path().to_owned(), executable)
        };
        let spy = Spy {
            inner: api,
            registered: Mutex::default(),
            ended: Mutex::default(),
            lists: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            away: AtomicBool::new(false),
        };
        Self {
            installation,
            spy: Arc::new(spy),
            options,
            folder,
            provider: None,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the registry can be reached from now on.
    pub fn set_away(&self, away: bool) {
        self.spy.away.store(away, Ordering::SeqCst);
    }

    #[expect(clippy::disallowed_methods, reason = "the test joins or aborts it")]
    pub fn start(&mut self) {
        assert!(self.provider.is_none(), "one at a time");
        let api = Arc::<Spy>::clone(&self.spy);
        let provider = ProcessProvider::new(api, self.options.clone());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(provider.run(shutdown.clone()));
        self.provider = Some((task, shutdown));
    }

    /// Ends the provider in order.
    pub async fn shut_down(&mut self) {
        let (task, shutdown) = self.provider.take().expect("it runs");
        shutdown.cancel();
        within("the provider's end", task)
            .await
            .expect("it ends well");
    }

    /// Ends the provider in the middle of whatever it does.
    pub async fn crash(&mut self) {
        let (task, _) = self.provider.take().expect("it runs");
        task.abort();
        let _ = task.await;
    }

    /// The processes of this installation.
    pub async fn processes(&self) -> Vec<Found> {
        let installation = self.installation;
        let found = tokio::task::spawn_blocking(move || of_installation(installation));
        found.await.expect("the scan ends well")
    }

    /// The same once there are as many: a game server may count as ready before its process is more than a copy of
    /// ours, which carries no installation yet.
    pub async fn so_many_processes(&self, count: usize) -> Vec<Found> {
        eventually("the processes", async || {
            let found = self.processes().await;
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// Ends the provider in order; then no process on this machine may carry the installation's id.
    pub async fn leaves_nothing(mut self) {
        if self.provider.is_some() {
            self.shut_down().await;
        }
        assert_eq!(self.processes().await, [], "processes are left");
    }
}

impl Drop for World {
    /// A test that fails leaves no process either.
    fn drop(&mut self) {
        if let Some((task, _)) = self.provider.take() {
            task.abort();
        }
        for found in of_installation(self.installation) {
            if let Some(pid) = rustix::process::Pid::from_raw(found.pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}
