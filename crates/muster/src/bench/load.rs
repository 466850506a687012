//! One step of load: tickets at a given rate for a given time, and what came of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::child::Server;
use super::world::World;
use super::{http_baseline, measure, player};

/// With more tickets than this on their way the step ends: what is offered is not sustained.
const PENDING_MAX: usize = 3_000;
/// How long a step waits at its end for tickets that are still on their way.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a step waits then for games to be over; those of tickets that were taken back may never be complete.
const LAST_GAMES: Duration = Duration::from_secs(5);
/// Between two looks at how many tickets are on their way.
const LOOK: Duration = Duration::from_millis(100);
/// Between two single players who come at the end so that the last parties find company.
const FILL: Duration = Duration::from_millis(10);

/// What is offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offer {
    /// Tickets a second, at random times that are independent of each other.
    pub(super) rate: f64,
    /// For how long.
    pub(super) span: Duration,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    pub(super) offer: Offer,
    /// Tickets that were sent, and how long that took.
    pub(super) sent: u64,
    pub(super) took: Duration,
    /// Tickets not sent, as no party was at hand or too many were on their way.
    pub(super) starved: u64,
    /// Milliseconds from completing ticket to assignment, sorted.
    pub(super) latencies: Vec<f64>,
    /// The same of an empty endpoint, meanwhile.
    pub(super) empty: Vec<f64>,
    /// Tickets on their way, on average, in the second and in the last quarter.
    pub(super) backlog: (f64, f64),
    /// Games that were over before every member knew.
    pub(super) late: u64,
    pub(super) failures: Vec<String>,
    /// Tickets that nobody had found at the end.
    pub(super) lost: usize,
    /// Share of one core that the load generator and the server used.
    pub(super) generator: f64,
    pub(super) server: f64,
    /// The tickets that were found.
    pub(super) tickets: Vec<model::TicketId>,
}

impl Report {
    pub(super) fn p(&self, q: f64) -> f64 {
        measure::quantile(&self.latencies, q)
    }

    /// Tickets a second that were really sent.
    pub(super) fn rate(&self) -> f64 {
        self.sent as f64 / self.took.as_secs_f64()
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        format!(
            "{:.0} tickets/s for {:.0?}: p50 {:.1} ms, p99 {:.1} ms, backlog {:.0} then {:.0}, generator {:.0} %, server {:.0} %, late {}, starved {}, lost {}{}",
            self.rate(),
            self.took,
            self.p(0.5),
            self.p(0.99),
            self.backlog.0,
            self.backlog.1,
            self.generator * 100.0,
            self.server * 100.0,
            self.late,
            self.starved,
            self.lost,
            self.failures
                .first()
                .map(|first| format!(", {} failures: {first}", self.failures.len()))
                .unwrap_or_default(),
        )
    }
}

/// Offers tickets, waits until they are found, and reports.
pub(super) async fn step(world: &Arc<World>, server: &Server, offer: Offer) -> Report {
    world.begin();
    let stop = CancellationToken::new();
    let started = measure::now();
    let (own, of_server) = (
        measure::processor_time(),
        measure::processor_time_of(server.id()),
    );
    let pinging = CancellationToken::new();
    let offering = async {
        let offered = offer_tickets(world, offer, &stop).await;
        pinging.cancel();
        offered
    };
    let (offered, empty, backlog) = tokio::join!(
        offering,
        http_baseline::latencies(world.client(0), pinging.clone()),
        watch_backlog(world, pinging.clone())
    );
    let took = started.elapsed();
    let share = |used: Duration| used.as_secs_f64() / took.as_secs_f64();
    let generator = share(measure::processor_time().saturating_sub(own));
    let server = share(measure::processor_time_of(server.id()).saturating_sub(of_server));
    let ended = measure::now();
    let lost = settle(world, &stop, &offered.tasks_left).await;
    let seen = world.take_seen();
    let mut latencies: Vec<f64> = seen
        .matches
        .iter()
        .filter(|(sent, _)| *sent < ended)
        .map(|(_, took)| *took)
        .collect();
    latencies.sort_by(f64::total_cmp);
    Report {
        offer,
        sent: offered.sent,
        took,
        starved: offered.starved,
        latencies,
        empty,
        backlog: (mean_of_quarter(&backlog, 1), mean_of_quarter(&backlog, 3)),
        late: seen.late,
        failures: seen.first_failures,
        lost,
        generator,
        server,
        tickets: seen.found,
    }
}

struct Offered {
    sent: u64,
    starved: u64,
    tasks_left: tokio_util::task::TaskTracker,
}

async fn offer_tickets(world: &Arc<World>, offer: Offer, stop: &CancellationToken) -> Offered {
    let tasks = tokio_util::task::TaskTracker::new();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut sent, mut starved) = (0, 0);
    let started = measure::now();
    let mut due = Duration::ZERO;
    loop {
        // Exponential gaps, in (0, 1] so that the logarithm exists.
        let uniform = (f64::from(random.next_u32()) + 1.0) / (f64::from(u32::MAX) + 1.0);
        due += Duration::from_secs_f64(-uniform.ln() / offer.rate);
        if due >= offer.span {
            break;
        }
        wait_until(started, due).await;
        if world.pending() > PENDING_MAX {
            starved += 1;
            break;
        }
        match world.take_party() {
            Some(party) => {
                let ticket = player::play(Arc::clone(world), party, stop.clone());
                tasks.spawn(ticket);
                sent += 1;
            }
            None => starved += 1,
        }
    }
    if starved == 0 {
        wait_until(started, offer.span).await;
    }
    tasks.close();
    Offered {
        sent,
        starved,
        tasks_left: tasks,
    }
}

async fn wait_until(started: Instant, due: Duration) {
    let left = due.saturating_sub(started.elapsed());
    // The timer's grain is a millisecond; what is due within it is sent at once.
    if left >= Duration::from_millis(1) {
        tokio::time::sleep(left).await;
    } else {
        tokio::task::consume_budget().await;
    }
}

async fn watch_backlog(world: &World, stop: CancellationToken) -> Vec<usize> {
    let mut seen = Vec::new();
    while !stop.is_cancelled() {
        tokio::time::sleep(LOOK).await;
        seen.push(world.pending());
    }
    seen
}

fn mean_of_quarter(looks: &[usize], quarter: usize) -> f64 {
    let size = looks.len().div_ceil(4).max(1);
    let part: Vec<usize> = looks
        .iter()
        .skip(quarter * size)
        .take(size)
        .copied()
        .collect();
    part.iter().sum::<usize>() as f64 / part.len().max(1) as f64
}

/// Sends single players until the last parties have found company, then takes back what is left of those.
/// How many of the measured tickets were not found.
async fn settle(
    world: &Arc<World>,
    stop: &CancellationToken,
    measured: &tokio_util::task::TaskTracker,
) -> usize {
    let fillers_stop = CancellationToken::new();
    let fillers = tokio_util::task::TaskTracker::new();
    let started = measure::now();
    while !measured.is_empty() && started.elapsed() < PATIENCE {
        // At most what one match needs, so that fillers do not play among themselves while others are only slow.
        if fillers.len() < super::world::SEATS
            && let Some(party) = world.take_single()
        {
            fillers.spawn(player::play(Arc::clone(world), party, fillers_stop.clone()));
        }
        tokio::time::sleep(FILL).await;
    }
    let lost = measured.len();
    stop.cancel();
    fillers_stop.cancel();
    fillers.close();
    measured.wait().await;
    fillers.wait().await;
    let started = measure::now();
    while world.games() > 0 && started.elapsed() < LAST_GAMES {
        tokio::time::sleep(LOOK).await;
    }
    lost
}
