//! Measures the committer against a bare loop that writes the same rows and bytes on one connection.

use std::sync::Arc;
use std::time::Duration;

use model::{Namespace, Timestamp};
use tokio_util::task::TaskTracker;

use crate::backend::{Patience, WriteError, Writer};
use crate::clock::Stopwatch;
use crate::committer::{Committer, CommitterHandle, CommitterOptions};
use crate::error::{CommitError, Error};
use crate::options::Options;
use crate::row::{Key, Kind, Row};
use crate::store::Store;
use crate::write_set::{Item, WriteSet};

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionWrites {
    /// Write sets that wait at any moment.
    pub outstanding: usize,
    /// Sessions, each with its player, that every one of the outstanding writers works on in turn.
    pub sessions_each: usize,
    /// How often both halves take turns; the first turn of each only warms up. Short turns, so that both meet the same noise.
    pub turns: u32,
    /// How long a half's turn is.
    pub turn: Duration,
}

impl Default for SessionWrites {
    fn default() -> Self {
        Self {
            outstanding: 256,
            sessions_each: 40,
            turns: 11,
            turn: Duration::from_millis(1_000),
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Write sets a second through the committer.
    pub committer: f64,
    /// Write sets a second of the bare loop.
    pub bare: f64,
    /// Write sets of the committer that were measured.
    pub sets: u64,
    /// Write sets of one of its transactions on average; the bare loop's are as large.
    pub batch: f64,
}

impl Figures {
    /// The committer's share of what the bare loop does.
    pub fn ratio(&self) -> f64 {
        self.committer / self.bare
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The database cannot be used.
    #[error("the database cannot be used for measuring")]
    Store(#[source] Error),
    /// A write set was not committed.
    #[error("a write set was not committed")]
    Commit(#[source] CommitError),
    /// The bare loop failed.
    #[error("the bare loop failed: {0:?}")]
    Bare(WriteError),
}

/// Joins, updates and leaves, one each in turn, on an otherwise unused database: each puts a
/// header of 700 bytes, puts or deletes a member of 350 and bumps the player. Both halves take turns.
pub async fn session_writes(url: &str, what: &SessionWrites) -> Result<Figures, BenchError> {
    let store = Store::open(url, Options::default())
        .await
        .map_err(BenchError::Store)?;
    let tasks = TaskTracker::new();
    let committer = Committer::start(&store, CommitterOptions::default(), &tasks)
        .await
        .map_err(BenchError::Store)?;
    let outcome = measure(&store, &committer, what).await;
    committer.shutdown().await;
    tasks.close();
    tasks.wait().await;
    store.close().await;
    outcome
}

async fn measure(
    store: &Store,
    committer: &CommitterHandle,
    what: &SessionWrites,
) -> Result<Figures, BenchError> {
    // Of its own, so that what an earlier run has left is in nobody's way.
    let run = store
        .backend()
        .fresh_id()
        .await
        .map_err(BenchError::Store)?;
    let mut ours = players(&format!("measured-{}", run.simple()), what);
    let mut bare = players(&format!("bare-{}", run.simple()), what);
    prepare(committer, ours.iter().chain(&bare)).await?;
    let mut writer = store
        .backend()
        .writer(Patience::Skip)
        .await
        .map_err(BenchError::Store)?;
    let (mut sets, mut batches, mut bare_sets) = (0, 0, 0);
    let (mut ours_took, mut bare_took) = (Duration::ZERO, Duration::ZERO);
    for turn in 0..what.turns.max(2) {
        let before = committer.batches();
        let watch = Stopwatch::start();
        let done = through_committer(committer, &mut ours, watch, what.turn).await?;
        let took = watch.elapsed();
        let written = committer.batches() - before;
        let batch = (done / written.max(1)).max(1);
        let watch = Stopwatch::start();
        let bare_done = bare_loop(&mut *writer, &mut bare, batch, watch, what.turn).await?;
        if turn > 0 {
            sets += done;
            batches += written;
            ours_took += took;
            bare_sets += bare_done;
            bare_took += watch.elapsed();
        }
    }
    Ok(Figures {
        committer: sets as f64 / ours_took.as_secs_f64(),
        bare: bare_sets as f64 / bare_took.as_secs_f64(),
        sets,
        batch: sets as f64 / batches.max(1) as f64,
    })
}

async fn through_committer(
    committer: &CommitterHandle,
    writers: &mut [Sessions],
    watch: Stopwatch,
    turn: Duration,
) -> Result<u64, BenchError> {
    let running = writers.iter_mut().map(|sessions| async move {
        let mut done = 0;
        while watch.elapsed() < turn {
            committer
                .commit(sessions.step())
                .await
                .map_err(BenchError::Commit)?;
            done += 1;
        }
        Ok(done)
    });
    let done: Vec<Result<u64, BenchError>> = futures_util::future::join_all(running).await;
    done.into_iter().sum()
}

async fn bare_loop(
    writer: &mut dyn Writer,
    writers: &mut [Sessions],
    batch: u64,
    watch: Stopwatch,
    turn: Duration,
) -> Result<u64, BenchError> {
    let batch = usize::try_from(batch).unwrap_or(1).min(writers.len());
    let mut done = 0;
    while watch.elapsed() < turn {
        // The next ones in turn; each writer has at most one write set in a batch.
        writers.rotate_left(batch);
        let sets: Vec<_> = writers
            .iter_mut()
            .take(batch)
            .map(|sessions| Arc::new(sessions.step()))
            .collect();
        done += sets.len() as u64;
        writer
            .write_unchecked(sets)
            .await
            .map_err(BenchError::Bare)?;
        writer.between().await;
    }
    Ok(done)
}

/// The sessions that one writer works on in turn.
struct Sessions {
    all: Vec<Session>,
    next: usize,
}

struct Session {
    header: Row,
    member: Row,
    player: Key,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Join,
    Update,
    Leave,
}

fn players(namespace: &str, what: &SessionWrites) -> Vec<Sessions> {
    let namespace: Namespace = namespace.parse().expect("a namespace's name");
    let sessions = |writer: usize| {
        let all = (0..what.sessions_each)
            .map(|n| Session::new(&namespace, writer, n))
            .collect();
        // They start at different steps, so that every batch has some of each.
        Sessions {
            all,
            next: writer % what.sessions_each.max(1),
        }
    };
    (0..what.outstanding).map(sessions).collect()
}

impl Session {
    fn new(namespace: &Namespace, writer: usize, n: usize) -> Self {
        let id = format!("{writer:08x}-0000-4000-8000-{n:012x}");
        let player = format!("player-{writer}-{n}");
        let header = Row {
            key: Key::new(namespace, Kind::Session, &id),
            number: 1,
            due: Some(Timestamp(1_900_000_000_000)),
            ended: false,
            parent: None,
            player: None,
            body: body(700),
        };
        let member = Row {
            key: Key::beside(namespace, Kind::Member, format!("{id}/{:010}", 0), &id),
            number: 0,
            due: None,
            ended: false,
            parent: Some(id),
            player: Some(player.clone()),
            body: body(350),
        };
        Self {
            header,
            member,
            player: Key::new(namespace, Kind::Player, player),
            step: Step::Join,
        }
    }
}

fn body(bytes: usize) -> String {
    format!("{{\"data\":\"{}\"}}", "x".repeat(bytes.saturating_sub(11)))
}

impl Sessions {
    fn step(&mut self) -> WriteSet {
        let at = self.next;
        self.next = (at + 1) % self.all.len();
        let session = &mut self.all[at];
        let header = session.header.number;
        session.header.number += 1;
        let member = session.member.number;
        let member = match session.step {
            Step::Join => {
                session.member.number = 1;
                session.step = Step::Update;
                Item::Put {
                    row: session.member.clone(),
                    expected: None,
                }
            }
            Step::Update => {
                session.member.number += 1;
                session.step = Step::Leave;
                Item::Put {
                    row: session.member.clone(),
                    expected: Some(member),
                }
            }
            Step::Leave => {
                session.step = Step::Join;
                Item::Delete {
                    key: session.member.key.clone(),
                    expected: member,
                }
            }
        };
        let header = Item::Put {
            row: session.header.clone(),
            expected: Some(header),
        };
        WriteSet {
            items: vec![
                header,
                member,
                Item::Bump {
                    key: session.player.clone(),
                },
            ],
        }
    }
}

async fn prepare(
    committer: &CommitterHandle,
    writers: impl Iterator<Item = &Sessions>,
) -> Result<(), BenchError> {
    for sessions in writers {
        let items = sessions.all.iter().flat_map(|session| {
            let header = Item::Put {
                row: session.header.clone(),
                expected: None,
            };
            [
                header,
                Item::Bump {
                    key: session.player.clone(),
                },
            ]
        });
        let items: Vec<Item> = items.collect();
        for some in items.chunks(crate::write_set::WRITE_SET_ITEMS_MAX) {
            let set = WriteSet {
                items: some.to_vec(),
            };
            committer.commit(set).await.map_err(BenchError::Commit)?;
        }
    }
    Ok(())
}
