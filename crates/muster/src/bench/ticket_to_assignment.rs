//! The rows `ticket-to-assignment`: how long a completed match takes, and how many tickets a second are sustained.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::child::Server;
use super::figure::{Figure, Outcome};
use super::load::{self, Offer, Report};
use super::world::World;
use super::{Length, check, host, http_baseline, measure, player, search};
use crate::say;

const P50: &str = "ticket-to-assignment.p50";
const P99: &str = "ticket-to-assignment.p99";
const MAX_RATE: &str = "ticket-to-assignment.max_rate";
const GAME_SERVERS: usize = 2_000;
/// Tickets a second at which the latency is measured.
const LATENCY_RATE: f64 = 100.0;
/// Of ten parties so many have one, two, three and four players: two on average.
const SIZES: [usize; 10] = [1, 1, 1, 1, 2, 2, 2, 3, 3, 4];
/// Parties that are made at a time.
const MAKING: usize = 64;

pub(super) fn run(length: Length, rate: Option<f64>) -> anyhow::Result<Vec<Outcome>> {
    say::complain(&format_args!(
        "starting the server with {GAME_SERVERS} game servers"
    ));
    let server = Server::start(GAME_SERVERS)?;
    // One thread, so that "its core" is one.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let outcomes = runtime.block_on(measured(&server, length, rate));
    // Polls that still wait are of no use to anybody.
    runtime.shutdown_background();
    outcomes
}

async fn measured(
    server: &Server,
    length: Length,
    rate: Option<f64>,
) -> anyhow::Result<Vec<Outcome>> {
    let world = Arc::new(World::new(&server.url)?);
    let stop = CancellationToken::new();
    for (n, (_, token)) in server.game_servers.iter().enumerate() {
        let client = world.client(n).with_token(token)?;
        world
            .tasks
            .spawn(host::host(Arc::clone(&world), client, stop.clone()));
    }
    let parties = match length {
        Length::Full => 16_000,
        Length::Quick => 6_000,
    };
    make_parties(&world, server, parties).await?;
    if let Some(rate) = rate {
        let span = Duration::from_secs(if length == Length::Quick { 6 } else { 30 });
        let report = step(&world, server, Offer { rate, span }).await?;
        return Ok(latency_rows(&report));
    }
    let span = Duration::from_secs(if length == Length::Quick { 6 } else { 30 });
    let rate = LATENCY_RATE;
    // Warms up caches, connections and the allocator's pools.
    step(
        &world,
        server,
        Offer {
            rate,
            span: Duration::from_secs(2),
        },
    )
    .await?;
    let report = step(&world, server, Offer { rate, span }).await?;
    let mut outcomes = latency_rows(&report);
    let empty = http_baseline::rate(world.client(0), Duration::from_secs(3)).await?;
    say::complain(&format_args!("an empty endpoint: {empty:.0} requests/s"));
    outcomes.push(match search::highest(&world, server, length).await? {
        Some(report) => Outcome::Measured(Figure {
            row: MAX_RATE,
            unit: "tickets/s",
            value: report.rate(),
            baseline: empty,
            n: report.sent,
        }),
        None => Outcome::Void {
            row: MAX_RATE,
            why: "no rate was sustained".to_owned(),
        },
    });
    stop.cancel();
    Ok(outcomes)
}

async fn make_parties(world: &Arc<World>, server: &Server, parties: usize) -> anyhow::Result<()> {
    let started = measure::now();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let sizes: Vec<usize> = (0..parties)
        .map(|_| SIZES[random.next_u32() as usize % SIZES.len()])
        .collect();
    let players: usize = sizes.iter().sum();
    let mut making = futures_util::stream::iter(sizes.into_iter().enumerate())
        .map(|(name, size)| player::make_party(world, server, name, size))
        .buffer_unordered(MAKING);
    while let Some(party) = making.next().await {
        world.add_idle(party?);
    }
    say::complain(&format_args!(
        "made {parties} parties with {players} players in {:.1?}",
        started.elapsed()
    ));
    Ok(())
}

/// One step with its check.
async fn step(world: &Arc<World>, server: &Server, offer: Offer) -> anyhow::Result<Report> {
    let report = load::step(world, server, offer).await;
    say::complain(&format_args!("  {}", report.line()));
    check::placements(world, server, &report.tickets).await?;
    Ok(report)
}

fn latency_rows(report: &Report) -> Vec<Outcome> {
    let figure = |row, q| match void(report) {
        Some(why) => Outcome::Void { row, why },
        None => Outcome::Measured(Figure {
            row,
            unit: "ms",
            value: report.p(q),
            baseline: measure::quantile(&report.empty, q),
            n: report.latencies.len() as u64,
        }),
    };
    vec![figure(P50, 0.5), figure(P99, 0.99)]
}

fn void(report: &Report) -> Option<String> {
    if report.generator > search::GENERATOR_MAX {
        return Some(format!(
            "the load generator used {:.0} % of its core",
            report.generator * 100.0
        ));
    }
    if report.lost > 0 || report.late > 0 || report.starved > 0 || !report.failures.is_empty() {
        return Some(report.line());
    }
    None
}
