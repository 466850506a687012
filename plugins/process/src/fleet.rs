//! The loop of one fleet in one region: makes the game servers of this machine what the registry wants them to be.
//!
//! Level-triggered: every pass reads all rows anew, decides by [`plan`], and does it. A pass comes with every change
//! of the demand, with every game server that ends, and from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allocator::{Demand, Error, FleetSpec};
use model::game_server::GameServerState;
use model::{GameServer, GameServerId};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::options::OnShutdown;
use crate::plan::{Row, Wanted, Why, plan};
use crate::process::Process;
use crate::server::{self, Ending, Key, Noted, NotedProcess, Shared, Signals, now};
use crate::table::Found;

/// Longest pause before the registry is asked again for a demand that it could not give.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(5);
/// A game server that ends by itself so soon counts as a failed start, whatever it says.
const LIFE_MIN: Duration = Duration::from_secs(1);
/// One that ends with an error so soon does too.
const LIFE_MIN_WITH_ERROR: Duration = Duration::from_secs(10);
/// How often game servers in use are asked again whether they may end, when everything is to stop.
const DRAIN_LOOK: Duration = Duration::from_millis(100);

/// A fleet and its game servers.
#[derive(Debug)]
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    key: Key,
    demand: Option<Demand>,
    /// Of the content revision beside it; `None`: it cannot be read.
    config: Option<(u64, Option<Arc<Config>>)>,
    tracked: BTreeMap<GameServerId, Tracked>,
    tasks: JoinSet<(GameServerId, Ending)>,
    backoff: Backoff,
    /// No starts before this, as the registry would not have them.
    pause: Option<Instant>,
    leave: CancellationToken,
}

#[derive(Debug)]
struct Tracked {
    started: Instant,
    stop: watch::Sender<Option<&'static str>>,
    registered: Arc<AtomicBool>,
    ready: bool,
}

impl Tracked {
    fn stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }
}

impl Fleet {
    pub fn new(shared: Arc<Shared>, key: Key) -> Self {
        let options = &shared.options;
        let backoff = Backoff::new(options.backoff_first, options.backoff_max);
        Self {
            shared,
            key,
            demand: None,
            config: None,
            tracked: BTreeMap::new(),
            tasks: JoinSet::new(),
            backoff,
            pause: None,
            leave: CancellationToken::new(),
        }
    }

    /// Runs until `shutdown`, or until the fleet is gone and nothing of it is left.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut poll = Box::pin(poll(Arc::clone(&self.shared), self.key.clone(), 0));
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                demand = &mut poll => {
                    poll.set(self::poll(Arc::clone(&self.shared), self.key.clone(), demand.version));
                    self.demand = Some(demand);
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            while let Some(ended) = self.tasks.try_join_next() {
                self.ended(ended);
            }
            // A pass may be dropped anywhere: what it has begun is in the rows, and found there by the next.
            let pass = tokio::select! {
                pass = self.pass() => pass,
                () = shutdown.cancelled() => break,
            };
            match pass {
                Ok(Pass::Done) => return,
                Ok(Pass::More) => {}
                Err(error) => {
                    tracing::warn!(fleet = %self.key.fleet, %error, "the registry cannot be asked");
                }
            }
        }
        self.shut_down().await;
    }

    fn next_wake(&self) -> Instant {
        let now = now();
        let sooner = [self.backoff.until(), self.pause];
        let sooner = sooner.into_iter().flatten().filter(|at| *at > now).min();
        let resync = now + self.shared.options.resync;
        sooner.map_or(resync, |at| at.min(resync))
    }

    fn ended(&mut self, ended: Result<(GameServerId, Ending), JoinError>) {
        let (id, ending) = match ended {
            Ok(ended) => ended,
            // A bug of ours: the provider starts this loop anew, and it takes back what runs.
            Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
        };
        let Some(tracked) = self.tracked.remove(&id) else {
            return;
        };
        let fleet = &self.key.fleet;
        match ending {
            Ending::Stopped | Ending::Left => {}
            Ending::Refused(reason) | Ending::Unavailable(reason) => {
                tracing::info!(%fleet, reason, "the registry takes no game server now");
                self.pause = Some(now() + self.shared.options.resync);
            }
            Ending::Failed(reason) => self.start_failed(tracked.started, &reason),
            Ending::Exited { exit, ready, lived } => {
                let short = lived < LIFE_MIN || (!exit.clean && lived < LIFE_MIN_WITH_ERROR);
                if short || !ready {
                    self.start_failed(tracked.started, &exit.words);
                } else {
                    tracing::info!(%fleet, game_server = %id, exit = exit.words, "game server ended");
                }
            }
        }
    }

    fn start_failed(&mut self, started: Instant, reason: &str) {
        self.backoff.failed(now(), started);
        let (fleet, region) = (&self.key.fleet, &self.key.region);
        let labels = [("fleet", fleet.to_string()), ("region", region.to_string())];
        metrics::counter!("muster_process_start_failures_total", &labels).increment(1);
        self.show_backoff();
        let (failures, wait) = (self.backoff.failures(), self.backoff.wait());
        tracing::warn!(%fleet, %region, reason, failures, ?wait, "a game server could not be started");
    }

    fn show_backoff(&self) {
        let (fleet, region) = (self.key.fleet.to_string(), self.key.region.to_string());
        let labels = [("fleet", fleet), ("region", region)];
        metrics::gauge!("muster_process_backoff_seconds", &labels)
            .set(self.backoff.wait().as_secs_f64());
    }

    /// One look at everything, and what follows from it.
    async fn pass(&mut self) -> Result<Pass, Error> {
        let Some(demand) = self.demand.clone() else {
            return Ok(Pass::More);
        };
        let registered: Vec<GameServerId> = (self.tracked.iter())
            .filter(|(_, tracked)| tracked.registered.load(Ordering::SeqCst))
            .map(|(id, _)| *id)
            .collect();
        let key = &self.key;
        let rows = self
            .shared
            .api
            .list(&key.namespace, &key.fleet, &key.region)
            .await?;
        let listed: BTreeSet<GameServerId> = rows.iter().map(|row| row.id).collect();
        for id in registered.iter().filter(|id| !listed.contains(id)) {
            // Without a row there is nothing that could be allocated, and nobody to ask.
            self.stop(*id, "its row is gone");
        }
        self.take_back(&rows).await;
        self.note_ready(&rows);
        let Some(spec) = demand.spec else {
            self.carry_out(&rows, Wanted::Nothing, None).await?;
            let done = rows.is_empty() && self.tracked.is_empty();
            return Ok(if done { Pass::Done } else { Pass::More });
        };
        // A fleet that cannot be read is left as it is: what runs is better than nothing.
        if let Some(config) = self.config_of(&spec) {
            let wanted = Wanted::Fleet {
                revision: spec.fleet_revision,
                desired: demand.desired,
                max: spec.fleet.capacity.max,
            };
            self.carry_out(&rows, wanted, Some((&spec, config))).await?;
        }
        Ok(Pass::More)
    }

    fn config_of(&mut self, spec: &FleetSpec) -> Option<Arc<Config>> {
        if let Some((revision, config)) = &self.config
            && *revision == spec.fleet_revision
        {
            return config.clone();
        }
        let config = match Config::read(&spec.fleet.config) {
            Ok(config) => Some(Arc::new(config)),
            Err(findings) => {
                let fleet = &self.key.fleet;
                tracing::error!(%fleet, ?findings, "the fleet's config cannot be used");
                None
            }
        };
        self.config = Some((spec.fleet_revision, config.clone()));
        // New content deserves a try at once.
        let options = &self.shared.options;
        self.backoff = Backoff::new(options.backoff_first, options.backoff_max);
        config
    }

    /// Rows of this node that no task cares for: of an earlier life of ours. Alive: taken back; else: ended.
    async fn take_back(&mut self, rows: &[GameServer]) {
        let node = &self.shared.options.node;
        let orphans: Vec<&GameServer> = (rows.iter())
            .filter(|row| row.node == *node && !self.tracked.contains_key(&row.id))
            .collect();
        if orphans.is_empty() {
            return;
        }
        let found = self.shared.table.scan().await;
        for row in orphans {
            let noted: Option<Noted> = serde_json::from_value(row.provider_data.clone()).ok();
            let leader = self.leader(&found, row.id, noted.as_ref());
            let elsewhere = leader.and_then(|leader| self.polls_elsewhere(leader));
            let process = leader.and_then(|leader| match Process::adopt(leader) {
                Ok(process) => process,
                Err(error) => {
                    tracing::error!(game_server = %row.id, %error, "cannot watch a game server");
                    None
                }
            });
            let signals = self.track(row.id, true);
            let (shared, key, id) = (Arc::clone(&self.shared), self.key.clone(), row.id);
            if let (Some(process), Some(noted)) = (process, noted) {
                if let Some(url) = elsewhere {
                    tracing::warn!(
                        game_server = %id, pid = process.pid,
                        "this game server was told that the server is at {url}, where it is no longer; ending it"
                    );
                    self.stop(id, "it was started for another address of the server");
                } else {
                    metrics::counter!("muster_process_adopted_total").increment(1);
                    tracing::info!(game_server = %id, pid = process.pid, "game server taken back");
                }
                let noted = Noted {
                    process: Some(NotedProcess {
                        pid: process.pid,
                        start: process.start,
                    }),
                    ..noted
                };
                let held = (shared.ports.adopt(noted.port), now());
                self.tasks.spawn(async move {
                    let life = server::keep(&shared, &key, id, process, noted, held, signals);
                    (id, life.await)
                });
            } else {
                self.stop(id, "it is not running any more");
                self.tasks
                    .spawn(async move { (id, server::bury(&shared, &key, id, signals).await) });
            }
        }
    }

    /// Where it looks for the server, if that is not where the server is.
    fn polls_elsewhere<'a>(&self, found: &'a Found) -> Option<&'a str> {
        let ours = self.shared.options.url.as_deref()?;
        found.url.as_deref().filter(|url| *url != ours)
    }

    /// The process that a row speaks of. Before the pid was noted it is the first of its own group.
    fn leader<'a>(
        &self,
        found: &'a [Found],
        id: GameServerId,
        noted: Option<&Noted>,
    ) -> Option<&'a Found> {
        let installation = self.shared.options.installation;
        let own = found.iter().filter(|found| found.is_of(installation, id));
        match noted?.process {
            Some(process) => own
                .into_iter()
                .find(|found| found.pid == process.pid && found.start == process.start),
            None => own
                .filter(|found| found.pid == found.group)
                .min_by_key(|found| (found.start, found.pid)),
        }
    }

    fn note_ready(&mut self, rows: &[GameServer]) {
        for row in rows
            .iter()
            .filter(|row| row.state == GameServerState::Ready)
        {
            if let Some(tracked) = self.tracked.get_mut(&row.id)
                && !tracked.ready
            {
                tracked.ready = true;
                self.backoff.succeeded(tracked.started);
            }
        }
        self.show_backoff();
    }

    /// Retires and starts by the plan. Without a `source` nothing can be started.
    async fn carry_out(
        &mut self,
        rows: &[GameServer],
        wanted: Wanted,
        source: Option<(&FleetSpec, Arc<Config>)>,
    ) -> Result<(), Error> {
        let now = now();
        let view: Vec<Row> = rows.iter().map(|row| self.view(row, now)).collect();
        let listed: BTreeSet<GameServerId> = rows.iter().map(|row| row.id).collect();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let in_flight = self
            .tracked
            .keys()
            .filter(|id| !listed.contains(id))
            .count();
        // One that we end is not waited for; one that has lost its row has most likely failed, which its task is about
        // to say.
        let unproven = self
            .tracked
            .iter()
            .filter(|(id, tracked)| !(tracked.ready || tracked.stopping() && listed.contains(id)));
        let allowed = match self.pause {
            Some(pause) if now < pause => 0,
            Some(_) | None => self.backoff.allowed(now, count(unproven.count())),
        };
        let timeout = self.shared.options.start_timeout;
        let plan = plan(&view, wanted, count(in_flight), allowed, timeout);
        for (id, why) in plan.retire {
            let leave = self
                .shared
                .api
                .retire(&self.key.namespace, id, why.drain())
                .await?;
            if leave {
                if why == Why::NeverReady
                    && let Some(started) = self.tracked.get(&id).map(|tracked| tracked.started)
                {
                    self.start_failed(started, why.reason());
                }
                self.stop(id, why.reason());
            }
        }
        if let Some((spec, config)) = source {
            for _ in 0..plan.start {
                self.start(spec.clone(), Arc::clone(&config));
            }
        }
        Ok(())
    }

    fn view(&self, row: &GameServer, now: Instant) -> Row {
        let tracked = self.tracked.get(&row.id);
        Row {
            id: row.id,
            state: row.state,
            used: row.used(),
            fleet_revision: row.fleet_revision,
            age: tracked.map_or(Duration::ZERO, |tracked| {
                now.saturating_duration_since(tracked.started)
            }),
            ours: tracked.is_some_and(|tracked| !tracked.stopping()),
        }
    }

    fn start(&mut self, spec: FleetSpec, config: Arc<Config>) {
        let id = new_id();
        let signals = self.track(id, false);
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        self.tasks.spawn(async move {
            let life = server::start(shared, key, spec, config, id, signals);
            (id, life.await)
        });
    }

    fn track(&mut self, id: GameServerId, registered: bool) -> Signals {
        let (stop, stopped) = watch::channel(None);
        let registered = Arc::new(AtomicBool::new(registered));
        let tracked = Tracked {
            started: now(),
            stop,
            registered: Arc::clone(&registered),
            ready: false,
        };
        self.tracked.insert(id, tracked);
        Signals {
            stop: stopped,
            leave: self.leave.clone(),
            registered,
        }
    }

    fn stop(&self, id: GameServerId, reason: &'static str) {
        if let Some(tracked) = self.tracked.get(&id) {
            tracked.stop.send_if_modified(|old| {
                let first = old.is_none();
                *old = old.or(Some(reason));
                first
            });
        }
    }

    async fn shut_down(mut self) {
        if self.shared.options.on_shutdown == OnShutdown::Stop {
            let deadline = now() + self.shared.options.drain_max;
            let _ = tokio::time::timeout_at(deadline, self.take_back_all()).await;
            // Whoever is in use until then loses its host: the operator has asked for it.
            let _ = tokio::time::timeout_at(deadline, self.drain()).await;
            for id in self.tracked.keys().copied().collect::<Vec<_>>() {
                self.stop(id, "its provider was stopped");
            }
            let all = async { while self.tasks.join_next().await.is_some() {} };
            let patience = self.shared.options.drain_max + self.shared.options.stop_grace * 2;
            // Longer than that only the registry can take; the processes have ended by then.
            let _ = tokio::time::timeout(patience, all).await;
        }
        self.leave.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// What an earlier life of ours has left, and no pass of this one has seen.
    async fn take_back_all(&mut self) {
        let key = &self.key;
        let rows = (self.shared.api).list(&key.namespace, &key.fleet, &key.region);
        match rows.await {
            Ok(rows) => self.take_back(&rows).await,
            Err(error) => {
                tracing::warn!(fleet = %key.fleet, %error, "the registry cannot be asked")
            }
        }
    }

    /// Takes everything out of service and ends what is idle, until nothing is left.
    async fn drain(&mut self) {
        loop {
            let going: Vec<GameServerId> = (self.tracked.iter())
                .filter(|(_, tracked)| !tracked.stopping())
                .map(|(id, _)| *id)
                .collect();
            if going.is_empty() {
                return;
            }
            for id in going {
                let leave = self.shared.api.retire(&self.key.namespace, id, true).await;
                if leave.unwrap_or(false) {
                    self.stop(id, "its provider was stopped");
                }
            }
            tokio::time::sleep(DRAIN_LOOK).await;
            while let Some(ended) = self.tasks.try_join_next() {
                self.ended(ended);
            }
        }
    }
}

enum Pass {
    /// The fleet is gone and nothing of it is left.
    Done,
    More,
}

/// The next demand, however long the registry is away.
async fn poll(shared: Arc<Shared>, key: Key, seen: u64) -> Demand {
    let mut pause = DRAIN_LOOK;
    loop {
        let (namespace, fleet, region) = (&key.namespace, &key.fleet, &key.region);
        match shared.api.demand(namespace, fleet, region, seen).await {
            // A transport may give up waiting and answer with what is known.
            Ok(demand) if demand.version != seen => return demand,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%fleet, %error, "the registry cannot be asked for demand");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ASK_AGAIN_MAX);
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the shell of this plugin: ids of game servers are made here, and must differ between its lives"
)]
fn new_id() -> GameServerId {
    use rand::Rng;
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    GameServerId(uuid::Builder::from_random_bytes(bytes).into_uuid())
}
