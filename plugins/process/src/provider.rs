//! `ProcessProvider`: one loop for each fleet, and the care for what no fleet cares for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocator::{Error, FleetApi};
use model::fleet::Provider;
use model::{GameServerId, Name, Namespace, Region};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::log;
use crate::options::{OnShutdown, Options};
use crate::ports::Ports;
use crate::process;
use crate::server::{Key, Shared};
use crate::table::Table;

/// Pause before the registry is asked again, and before a loop that ended is begun anew.
const AGAIN: Duration = Duration::from_secs(1);

/// Keeps the game servers of all process fleets running on this machine.
#[derive(Debug)]
pub struct ProcessProvider {
    shared: Arc<Shared>,
}

impl ProcessProvider {
    /// A provider that has done nothing yet.
    pub fn new(api: Arc<dyn FleetApi>, options: Options) -> Self {
        let turn = options.installation.0.as_u128() % 0xffff;
        let shared = Shared {
            api,
            table: Table::default(),
            ports: Ports::new(u32::try_from(turn).unwrap_or(0)),
            starts: Semaphore::new(options.starts_at_once.max(1)),
            logs: options.data_dir.join("logs"),
            alive: Mutex::default(),
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Runs until `shutdown` is cancelled and everything is left or stopped as [`OnShutdown`] says.
    ///
    /// Never ends because of an error: what fails is tried again, bounded, and shown in the log and the metrics.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut keeper = Keeper {
            shared: self.shared,
            fleets: JoinSet::new(),
            running: BTreeMap::new(),
            listed: BTreeSet::new(),
            ends: JoinSet::new(),
        };
        keeper.run(&shutdown).await;
        keeper.shut_down().await;
    }
}

struct Keeper {
    shared: Arc<Shared>,
    fleets: JoinSet<()>,
    /// The loops by the id of their task.
    running: BTreeMap<tokio::task::Id, Key>,
    listed: BTreeSet<Key>,
    /// Processes without a row, on their way out.
    ends: JoinSet<()>,
}

impl Keeper {
    async fn run(&mut self, shutdown: &CancellationToken) {
        let options = &self.shared.options;
        let mut audits = tokio::time::interval(options.audit.max(Duration::from_millis(1)));
        let mut log_checks = tokio::time::interval(options.log_check.max(Duration::from_millis(1)));
        audits.set_missed_tick_behavior(MissedTickBehavior::Delay);
        log_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut poll = Box::pin(poll(Arc::clone(&self.shared), 0));
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(ended) = self.fleets.join_next_with_id() => {
                    let task = match ended {
                        Ok((task, ())) => task,
                        Err(error) => {
                            tracing::error!(%error, "the loop of a fleet has failed");
                            error.id()
                        }
                    };
                    self.running.remove(&task);
                    // At once it might only end again.
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN) => {}
                        () = shutdown.cancelled() => return,
                    }
                    self.start_loops(shutdown);
                }
                Some(_) = self.ends.join_next() => {}
                (seen, fleets) = &mut poll => {
                    poll.set(self::poll(Arc::clone(&self.shared), seen));
                    self.listed = fleets;
                    self.start_loops(shutdown);
                }
                _ = audits.tick() => {
                    tokio::select! {
                        audit = self.audit() => if let Err(error) = audit {
                            tracing::warn!(%error, "cannot look for processes without a row");
                            audits.reset_after(AGAIN);
                        },
                        () = shutdown.cancelled() => return,
                    }
                }
                _ = log_checks.tick() => self.tidy_logs().await,
            }
        }
    }

    fn start_loops(&mut self, shutdown: &CancellationToken) {
        for key in &self.listed {
            if !self.running.values().any(|running| running == key) {
                let fleet = Fleet::new(Arc::clone(&self.shared), key.clone());
                let task = self.fleets.spawn(fleet.run(shutdown.clone()));
                self.running.insert(task.id(), key.clone());
            }
        }
    }

    /// Ends processes that carry our installation's id and that of a game server without a row.
    ///
    /// The processes are read before the rows: as a row comes before its process, whatever is seen running has had
    /// its row by then, and if none is listed afterwards, it is gone.
    async fn audit(&mut self) -> Result<(), Error> {
        let shared = &self.shared;
        let found = shared.table.scan().await;
        let own = found
            .iter()
            .filter(|found| found.installation == Some(shared.options.installation));
        let mut strangers: BTreeSet<GameServerId> =
            own.filter_map(|found| found.game_server).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let (_, fleets) = shared.api.fleets(Provider::Process, 0).await?;
        for (namespace, fleet, region) in fleets {
            for row in shared.api.list(&namespace, &fleet, &region).await? {
                strangers.remove(&row.id);
            }
        }
        for id in strangers {
            metrics::counter!("muster_process_strangers_ended_total").increment(1);
            tracing::warn!(game_server = %id, "a process of ours has no row, ending it");
            let shared = Arc::clone(shared);
            self.ends.spawn(async move {
                let Options {
                    installation,
                    stop_grace,
                    ..
                } = shared.options;
                process::end_remnants(installation, id, stop_grace, &shared.table).await;
            });
        }
        Ok(())
    }

    async fn tidy_logs(&self) {
        let shared = Arc::clone(&self.shared);
        // A log belongs to the living as long as any process might write it, known to a fleet's loop or not yet.
        let found = shared.table.scan().await;
        let mut alive: BTreeSet<GameServerId> =
            found.iter().filter_map(|found| found.game_server).collect();
        alive.extend(shared.alive().iter());
        let tidied = tokio::task::spawn_blocking(move || {
            let keep = log::Keep {
                log_bytes_max: shared.options.log_bytes_max,
                ended_max: shared.options.ended_logs_max,
                ended_bytes_max: shared.options.ended_logs_bytes_max,
            };
            // A log that was begun meanwhile is young and thus kept.
            log::tidy(&shared.logs, &alive, keep)
        });
        if let Ok(Err(error)) = tidied.await {
            tracing::warn!(%error, "cannot tidy the logs of game servers");
        }
    }

    async fn shut_down(mut self) {
        while self.fleets.join_next().await.is_some() {}
        let shared = Arc::clone(&self.shared);
        if shared.options.on_shutdown == OnShutdown::Leave {
            return;
        }
        // Fleets that nobody has looked at yet may have game servers of an earlier life, and those have rows.
        let ask = shared.api.fleets(Provider::Process, 0);
        if let Ok(Ok((_, fleets))) = tokio::time::timeout(shared.options.drain_max, ask).await {
            let ended = CancellationToken::new();
            ended.cancel();
            self.listed = keys(fleets);
            self.running.clear();
            self.start_loops(&ended);
            while self.fleets.join_next().await.is_some() {}
        }
        while self.ends.join_next().await.is_some() {}
        let Options {
            installation,
            stop_grace,
            ..
        } = shared.options;
        let found = shared.table.scan().await;
        let own = found
            .iter()
            .filter(|found| found.installation == Some(installation));
        let left: BTreeSet<GameServerId> = own.filter_map(|found| found.game_server).collect();
        for id in left {
            process::end_remnants(installation, id, stop_grace, &shared.table).await;
        }
    }
}

fn keys(fleets: Vec<(Namespace, Name, Region)>) -> BTreeSet<Key> {
    let keys = fleets.into_iter().map(|(namespace, fleet, region)| Key {
        namespace,
        fleet,
        region,
    });
    keys.collect()
}

/// The next list of fleets, however long the registry is away.
async fn poll(shared: Arc<Shared>, seen: u64) -> (u64, BTreeSet<Key>) {
    loop {
        match shared.api.fleets(Provider::Process, seen).await {
            // A transport may give up waiting and answer with what is known.
            Ok((version, fleets)) if version != seen => return (version, keys(fleets)),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the registry cannot be asked for fleets");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
