//! The committer: one task that makes one transaction of all write sets that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::backend::{Backend, Batch, Patience, WriteError, Writer};
use crate::clock::Stopwatch;
use crate::error::{CommitError, Error};
use crate::outage::Outage;
use crate::plan::Verdict;
use crate::store::Store;
use crate::write_set::WriteSet;

/// Limits of a committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitterOptions {
    /// Write sets that may wait, the ones being written included; more are [`CommitError::Overloaded`].
    pub queue_sets_max: usize,
    /// Write sets of one transaction.
    pub batch_sets_max: usize,
    /// Items of one transaction; a single write set may exceed it.
    pub batch_items_max: usize,
    /// How often a write set that meets a locked row goes to the next batch before it waits for
    /// that row in a transaction of its own.
    pub deferrals_max: u32,
    /// How often a batch is tried again when the database cannot be reached, before everybody in
    /// it is told so.
    pub attempts_max: u32,
    /// How long to wait before such a new attempt.
    pub retry_pause: Duration,
    /// How often housekeeping runs beside the writes, if there are any.
    pub tidy_every: Duration,
}

impl Default for CommitterOptions {
    fn default() -> Self {
        Self {
            queue_sets_max: 8_192,
            batch_sets_max: 256,
            batch_items_max: 4_096,
            deferrals_max: 3,
            attempts_max: 3,
            retry_pause: Duration::from_millis(50),
            tidy_every: Duration::from_millis(200),
        }
    }
}

/// How often a batch gives way to others that write the same new rows, before it is halved.
const COLLISIONS_MAX: u32 = 16;

/// Starts committers.
#[derive(Debug)]
pub struct Committer;

/// Hands write sets to a committer. Clones share it.
#[derive(Debug, Clone)]
pub struct CommitterHandle {
    waiting: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    batches: Arc<AtomicU64>,
    stop: CancellationToken,
    stopped: CancellationToken,
}

#[derive(Debug)]
struct Waiting {
    set: Arc<WriteSet>,
    deferrals: u32,
    answer: oneshot::Sender<Result<(), CommitError>>,
    /// Its place in the queue, given back when it is answered.
    _place: OwnedSemaphorePermit,
}

impl Waiting {
    fn answer(self, outcome: Result<(), CommitError>) {
        // Whoever asked may have gone away; the outcome stands all the same.
        let _ = self.answer.send(outcome);
    }
}

impl Committer {
    /// Opens a connection that writes and spawns the tasks on `tasks`; they end after
    /// [`CommitterHandle::shutdown`], or when every handle is dropped.
    pub async fn start(
        store: &Store,
        options: CommitterOptions,
        tasks: &TaskTracker,
    ) -> Result<CommitterHandle, Error> {
        let backend = store.backend().clone();
        let writer = backend.writer(Patience::Skip).await?;
        let first_id = backend.fresh_id().await?;
        let (waiting, queue) = mpsc::unbounded_channel();
        let (locked, patient_queue) = mpsc::unbounded_channel();
        let handle = CommitterHandle {
            waiting,
            room: Arc::new(Semaphore::new(options.queue_sets_max)),
            batches: Arc::new(AtomicU64::new(0)),
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
        };
        let patient = Patient {
            backend: backend.clone(),
            options: options.clone(),
            queue: patient_queue,
            stop: handle.stop.clone(),
            written: handle.batches.clone(),
            outage: store.shared_outage(),
        };
        let patient = tasks.spawn(patient.run());
        let tidier = tasks.spawn(tidy(backend, options.tidy_every, handle.stopped.clone()));
        let task = Task {
            batches: Batches {
                writer,
                next_id: first_id,
                settled: None,
                options,
                stop: handle.stop.clone(),
                written: handle.batches.clone(),
                outage: store.shared_outage(),
            },
            queue,
            locked,
            stop: handle.stop.clone(),
        };
        let stopped = handle.stopped.clone();
        tasks.spawn(async move {
            task.run().await;
            // The patient task ends when the last sender is gone, which `run` has dropped.
            let _ = patient.await;
            stopped.cancel();
            let _ = tidier.await;
        });
        Ok(handle)
    }
}

impl CommitterHandle {
    /// Commits a write set; answers once it is durable, or why nothing of it was written.
    pub async fn commit(&self, set: WriteSet) -> Result<(), CommitError> {
        set.check()?;
        if set.items.is_empty() {
            return Ok(());
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            counter!("muster_commit_queue_full_total").increment(1);
            return Err(CommitError::Overloaded);
        };
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            set: Arc::new(set),
            deferrals: 0,
            answer,
            _place: place,
        };
        let gone = || CommitError::Unavailable("the server is shutting down".into());
        if self.stop.is_cancelled() || self.waiting.send(waiting).is_err() {
            return Err(gone());
        }
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Batches that were written since the start.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Takes no more write sets, writes those that wait, and returns when all are answered.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }
}

struct Task {
    batches: Batches,
    queue: mpsc::UnboundedReceiver<Waiting>,
    locked: mpsc::UnboundedSender<Waiting>,
    stop: CancellationToken,
}

impl Task {
    async fn run(mut self) {
        let mut batch: Vec<Waiting> = Vec::new();
        let mut over: Option<Waiting> = None;
        loop {
            if batch.is_empty() && over.is_none() {
                let next = tokio::select! {
                    biased;
                    next = self.queue.recv() => next,
                    () = self.stop.cancelled(), if !self.queue.is_closed() => {
                        self.queue.close();
                        continue;
                    }
                };
                match next {
                    Some(waiting) => over = Some(waiting),
                    None => return,
                }
            }
            self.fill(&mut batch, &mut over);
            let deferred = self.batches.write_all(std::mem::take(&mut batch)).await;
            for waiting in deferred {
                match waiting.deferrals < self.batches.options.deferrals_max {
                    true => batch.push(waiting),
                    // Nobody receives only if that task panicked; then the answer says so.
                    false => drop(self.locked.send(waiting)),
                }
            }
            self.batches.writer.between().await;
        }
    }

    /// Adds those that wait, up to the limits; one that no longer fits is left in `over`.
    fn fill(&mut self, batch: &mut Vec<Waiting>, over: &mut Option<Waiting>) {
        let options = &self.batches.options;
        let mut items: usize = batch.iter().map(|waiting| waiting.set.items.len()).sum();
        while batch.len() < options.batch_sets_max {
            let Some(next) = over.take().or_else(|| self.queue.try_recv().ok()) else {
                return;
            };
            items += next.set.items.len();
            if items > options.batch_items_max && !batch.is_empty() {
                *over = Some(next);
                return;
            }
            batch.push(next);
        }
    }
}

/// Writes sets that met locked rows too often, one at a time, each in a transaction that waits.
struct Patient {
    backend: Arc<dyn Backend>,
    options: CommitterOptions,
    queue: mpsc::UnboundedReceiver<Waiting>,
    stop: CancellationToken,
    written: Arc<AtomicU64>,
    outage: Arc<Outage>,
}

impl Patient {
    async fn run(mut self) {
        let mut batches: Option<Batches> = None;
        while let Some(waiting) = self.queue.recv().await {
            let ready = match batches.take() {
                Some(ready) => Ok(ready),
                None => self.batches().await,
            };
            match ready {
                Ok(mut ready) => {
                    let mut sets = vec![waiting];
                    // A row that is made again while it is waited for is met at the next look.
                    for _ in 0..=self.options.deferrals_max {
                        sets = ready.write_all(sets).await;
                    }
                    let locked = CommitError::Unavailable("a row stays locked elsewhere".into());
                    answer_all(sets, &locked);
                    batches = Some(ready);
                }
                Err(error) => waiting.answer(Err(CommitError::Unavailable(error.to_string()))),
            }
        }
    }

    async fn batches(&self) -> Result<Batches, Error> {
        Ok(Batches {
            writer: self.backend.writer(Patience::Wait).await?,
            next_id: self.backend.fresh_id().await?,
            settled: None,
            options: self.options.clone(),
            stop: self.stop.clone(),
            written: self.written.clone(),
            outage: self.outage.clone(),
        })
    }
}

async fn tidy(backend: Arc<dyn Backend>, every: Duration, stopped: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // Said when it begins: it is tried so often that the log would hold little else.
        match backend.tidy().await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the store's housekeeping failed; trying again");
            }
            Err(_) => {}
        }
    }
}

/// A writer with the ids of its batches.
struct Batches {
    writer: Box<dyn Writer>,
    next_id: Uuid,
    settled: Option<Uuid>,
    options: CommitterOptions,
    stop: CancellationToken,
    written: Arc<AtomicU64>,
    outage: Arc<Outage>,
}

impl Batches {
    /// Writes all of them, answers those that are decided and returns the deferred.
    async fn write_all(&mut self, sets: Vec<Waiting>) -> Vec<Waiting> {
        let mut deferred = Vec::new();
        // Halves of a refused batch, the first half on top.
        let mut stack = vec![sets];
        while let Some(mut sets) = stack.pop() {
            match self.write(&sets).await {
                Ok(verdicts) => settle(sets, verdicts, &mut deferred),
                Err(WriteError::Refused(_) | WriteError::Collided) if sets.len() > 1 => {
                    let second = sets.split_off(sets.len() / 2);
                    stack.push(second);
                    stack.push(sets);
                }
                Err(WriteError::Refused(why)) => {
                    counter!("muster_commit_refused_total").increment(1);
                    tracing::error!(%why, "the database refuses a write set");
                    answer_all(sets, &CommitError::Refused(why));
                }
                Err(WriteError::Lost { why, .. } | WriteError::Unavailable(why)) => {
                    self.outage.failed(&why);
                    answer_all(sets, &CommitError::Unavailable(why));
                }
                Err(WriteError::Collided) => {
                    answer_all(
                        sets,
                        &CommitError::Unavailable("too much contention".into()),
                    );
                }
            }
        }
        deferred
    }

    /// Writes one batch, over collisions, lost replies and short outages.
    async fn write(&mut self, sets: &[Waiting]) -> Result<Vec<Verdict>, WriteError> {
        let watch = Stopwatch::start();
        let shared: Arc<[_]> = sets.iter().map(|waiting| waiting.set.clone()).collect();
        let mut attempts = 0;
        let mut collisions = 0;
        loop {
            let id = self.next_id;
            self.next_id = Uuid::from_u128(id.as_u128().wrapping_add(1));
            let batch = Batch {
                id,
                settled: self.settled,
                sets: shared.clone(),
            };
            let failure = match self.writer.write(batch).await {
                Ok(verdicts) => {
                    self.settled = Some(id);
                    self.written.fetch_add(1, Ordering::Relaxed);
                    // Where all have lost, nothing was written.
                    if verdicts.iter().any(|one| matches!(one, Verdict::Won)) {
                        self.outage.over();
                    }
                    counter!("muster_commit_batches_total").increment(1);
                    histogram!("muster_commit_batch_size").record(sets.len() as f64);
                    histogram!("muster_commit_duration_seconds").record(watch.elapsed());
                    return Ok(verdicts);
                }
                Err(failure) => failure,
            };
            match failure {
                WriteError::Lost { why, verdicts } => {
                    let news = "the reply to a COMMIT was lost; looking up its outcome";
                    match attempts == 0 && self.outage.why().is_none() {
                        true => tracing::warn!(%why, "{news}"),
                        false => tracing::debug!(%why, "{news}"),
                    }
                    let committed = self.was_committed(id, &why).await?;
                    self.settled = Some(id);
                    if committed {
                        self.outage.over();
                        return Ok(verdicts);
                    }
                    attempts += 1;
                    // A full disk fails every COMMIT, and whoever waits must hear of it.
                    if attempts >= self.options.attempts_max {
                        return Err(WriteError::Unavailable(why));
                    }
                }
                // Whoever came in between has finished, so trying again at once makes progress.
                WriteError::Collided if collisions < COLLISIONS_MAX => {
                    collisions += 1;
                    continue;
                }
                WriteError::Unavailable(_) if attempts + 1 < self.options.attempts_max => {
                    attempts += 1;
                }
                WriteError::Refused(_) | WriteError::Unavailable(_) | WriteError::Collided => {
                    return Err(failure);
                }
            }
            tokio::time::sleep(self.options.retry_pause).await;
        }
    }

    /// Asks until the database answers: nobody may be told anything before that is known.
    async fn was_committed(&mut self, id: Uuid, lost: &str) -> Result<bool, WriteError> {
        loop {
            let why = match self.writer.was_committed(id).await {
                Ok(committed) => return Ok(committed),
                Err(why) => why,
            };
            self.outage
                .failed(&format!("{lost}; its outcome cannot be looked up yet"));
            tracing::debug!(?why, "the outcome of a COMMIT could not be looked up yet");
            if self.stop.is_cancelled() {
                let why = format!("{lost}; whether it was committed is not known");
                return Err(WriteError::Unavailable(why));
            }
            tokio::time::sleep(self.options.retry_pause).await;
        }
    }
}

fn settle(sets: Vec<Waiting>, verdicts: Vec<Verdict>, deferred: &mut Vec<Waiting>) {
    assert_eq!(sets.len(), verdicts.len(), "a verdict for every write set");
    for (mut waiting, verdict) in sets.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Won => waiting.answer(Ok(())),
            Verdict::Lost { keys, claims } => {
                counter!("muster_commit_conflicts_total").increment(1);
                waiting.answer(Err(CommitError::Conflict { keys, claims }));
            }
            Verdict::Deferred => {
                counter!("muster_commit_deferred_total").increment(1);
                waiting.deferrals += 1;
                deferred.push(waiting);
            }
        }
    }
}

fn answer_all(sets: Vec<Waiting>, error: &CommitError) {
    for waiting in sets {
        waiting.answer(Err(error.clone()));
    }
}
