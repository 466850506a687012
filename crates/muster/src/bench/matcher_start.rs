//! The rows `matcher-start.*`: the server's start with a million tickets in its database.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use model::session::Header;
use model::{Name, Namespace, Ticket, Timestamp};
use server::config::Limits;
use server::core::{Drivers, Settings};
use server::{Options, Server};
use store::{Committer, CommitterOptions, Item, Key, Kind, Row, Store, WriteSet};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::figure::{Figure, Outcome};
use super::matcher_crowd::{Crowd, QUEUES};
use super::{Length, measure};
use crate::{configuration, say};

/// Where the tickets wait.
const QUEUE: &str = "bench-4v4";
/// Tickets of one write set, and write sets under way at a time, while the database is filled.
const SET: u64 = 200;
const FILLING: usize = 16;
/// A start without a match by then has failed.
const FIRST_MAX: Duration = Duration::from_secs(60);
/// Rows of one read.
const PAGE: usize = 1_000;

/// What one start showed.
struct Start {
    /// Seconds until every ticket was in the matcher.
    loaded: f64,
    /// Milliseconds until the first match was made.
    first: f64,
}

pub(super) fn run(length: Length, postgres: Option<&str>) -> anyhow::Result<Vec<Outcome>> {
    let n = match length {
        Length::Full => 1_000_000,
        Length::Quick => 100_000,
    };
    // What the server has to complain about says why nothing is measured.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn"))
        .with_writer(std::io::stderr)
        .try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let types = folder.path().join("sessiontypes");
    std::fs::create_dir(&types)?;
    std::fs::write(types.join("bench.yaml"), QUEUES)?;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let rows = ["matcher-start.sqlite", "matcher-start.sqlite.first"];
    let mut outcomes = runtime.block_on(measured(rows, &url, &types, n))?;
    let rows = ["matcher-start.postgres", "matcher-start.postgres.first"];
    match postgres {
        Some(url) => outcomes.extend(runtime.block_on(measured(rows, url, &types, n))?),
        None => outcomes.extend(rows.map(|row| Outcome::Skipped {
            row,
            why: "no database was given; use --postgres URL or MUSTER_TEST_POSTGRES".to_owned(),
        })),
    }
    Ok(outcomes)
}

/// The load beside the reading of the same rows by itself; the first match beside that of a start with eight tickets.
async fn measured(
    rows: [&'static str; 2],
    url: &str,
    types: &Path,
    n: u64,
) -> anyhow::Result<Vec<Outcome>> {
    // Of its own, so that what an earlier run has left is in nobody's way.
    let run = uuid::Uuid::from_u128(wall_clock().0 as u128)
        .simple()
        .to_string();
    let run = run.get(16..).unwrap_or_default();
    let few: Namespace = format!("few-{run}").parse()?;
    let many: Namespace = format!("many-{run}").parse()?;
    let alone = start(url, &few, types, 8).await?;
    say::complain(&format_args!("  {}: writing {n} tickets", rows[0]));
    let start = start(url, &many, types, n).await?;
    let read = read_bare(url, &many, n).await?;
    let figure = |row, unit, value, baseline| {
        Outcome::Measured(Figure {
            row,
            unit,
            value,
            baseline,
            n,
        })
    };
    Ok(vec![
        figure(rows[0], "s", start.loaded, read),
        figure(rows[1], "ms", start.first, alone.first),
    ])
}

/// The oldest eight make a match; everybody else is out of everybody's reach.
fn ticket(number: u64, name: &Name, created_at: Timestamp) -> Ticket {
    let mut ticket = Crowd::lone(number);
    ticket.queue = name.clone();
    ticket.created_at = created_at;
    ticket
}

/// Writes tickets as they stand while they search, created one a millisecond up to now.
async fn fill(url: &str, namespace: &Namespace, n: u64) -> anyhow::Result<()> {
    let store = Store::open(url, store::Options::default()).await?;
    let tasks = TaskTracker::new();
    let committer = Committer::start(&store, CommitterOptions::default(), &tasks).await?;
    let queue: Name = QUEUE.parse()?;
    let from = wall_clock().0 - n as i64;
    let sets = (0..n).step_by(SET as usize).map(|first| {
        let rows = (first..n.min(first + SET)).map(|number| {
            let ticket = ticket(number, &queue, Timestamp(from + number as i64));
            Ok(Item::Put {
                row: Row {
                    key: Key::new(namespace, Kind::Ticket, ticket.id),
                    number: 1,
                    due: ticket.expires_at,
                    ended: false,
                    parent: Some(ticket.queue.to_string()),
                    player: None,
                    body: serde_json::to_string(&ticket)?,
                },
                expected: None,
            })
        });
        rows.collect::<anyhow::Result<Vec<Item>>>()
    });
    let mut filling = futures_util::stream::iter(sets)
        .map(|items| {
            let committer = committer.clone();
            async move {
                committer.commit(WriteSet { items: items? }).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(FILLING);
    while let Some(filled) = filling.next().await {
        filled?;
    }
    drop(filling);
    committer.shutdown().await;
    tasks.close();
    tasks.wait().await;
    store.close().await;
    Ok(())
}

/// A server that has started.
async fn serve(url: &str, namespace: &Namespace, types: &Path) -> anyhow::Result<Server> {
    let server = Server::start(Options {
        database: url.to_owned(),
        namespace: namespace.clone(),
        secret: b"a secret of the bench, thirty-two bytes".to_vec(),
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: None,
        session_types: Some(types.to_owned()),
        providers: configuration::provider_schemas(),
        limits: Limits::default(),
        settings: Settings::default(),
        clock: None,
        drivers: Drivers::Running,
    });
    Ok(server.await?)
}

async fn stop(server: Server) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    server.run(shutdown, Arc::new(Notify::new())).await?;
    Ok(())
}

/// A start with n tickets in the database, in which an earlier server has left its revision of the YAML.
async fn start(url: &str, namespace: &Namespace, types: &Path, n: u64) -> anyhow::Result<Start> {
    stop(serve(url, namespace, types).await?).await?;
    fill(url, namespace, n).await?;
    let began = wall_clock();
    let watch = measure::now();
    let server = serve(url, namespace, types).await?;
    // Answered behind the last of the tickets.
    let waiting = server.core().queue(QUEUE).await?.waiting;
    let loaded = watch.elapsed().as_secs_f64();
    ensure!(u64::from(waiting) == n - 8, "{waiting} of {n} tickets wait");
    let first = first_match(url, namespace).await?;
    stop(server).await?;
    Ok(Start {
        loaded,
        first: first.since(began).0 as f64,
    })
}

/// When the match was made, by the session that it became; its tickets are read too.
async fn first_match(url: &str, namespace: &Namespace) -> anyhow::Result<Timestamp> {
    let store = Store::open(url, store::Options::default()).await?;
    let patience = measure::now();
    let found = loop {
        ensure!(patience.elapsed() < FIRST_MAX, "no match was made");
        let rows = store.scan(namespace, Kind::Session, None, PAGE).await?;
        if let Some(row) = rows.first() {
            break Header::from_json(&row.body)?;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    ensure!(found.match_id.is_some(), "the session is no match");
    store.close().await;
    Ok(found.created_at)
}

/// Seconds to read the same rows, page by page, and nothing else.
async fn read_bare(url: &str, namespace: &Namespace, n: u64) -> anyhow::Result<f64> {
    let store = Store::open(url, store::Options::default()).await?;
    let watch = measure::now();
    let (mut after, mut read): (Option<String>, u64) = (None, 0);
    loop {
        let kind = Kind::Ticket;
        let page = store.by_parent(namespace, kind, QUEUE, after.as_deref(), PAGE);
        let page = page.await?;
        read += page.len() as u64;
        match page.last() {
            Some(row) => after = Some(row.key.id.clone()),
            None => break,
        }
    }
    let took = watch.elapsed().as_secs_f64();
    ensure!(read + 8 >= n, "{read} of {n} tickets were read");
    store.close().await;
    Ok(took)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tickets are as old as the database's clock says, which is the machine's"
)]
fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_millis() as i64))
}
