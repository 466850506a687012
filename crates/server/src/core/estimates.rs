//! How long tickets wait, by queue: told of every ticket that begins and ends waiting, asked by who reads one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use ::metrics::gauge;
use matcher::{Basis, End, Estimator, WINDOW, Waiter, Waits, nearest_region};
use model::config::Config;
use model::queue::Queue;
use model::ticket::TicketState;
use model::{Name, Region, Ticket, TicketId, Timestamp, wire};

use super::{Core, view};

/// The shares of tickets of which a queue tells the wait.
const TOLD: [f64; 3] = [0.5, 0.9, 0.99];

/// The label of figures that are not of one region or one party size.
const EVERY: &str = "all";

/// The waits of every queue since this process began; what was before it is not known.
pub(crate) struct Estimates {
    queues: Mutex<BTreeMap<Name, OfQueue>>,
}

struct OfQueue {
    estimator: Estimator,
    /// As they were told to the estimator.
    waiting: BTreeMap<TicketId, Noted>,
    /// Of which regions and party sizes there are gauges.
    published: BTreeSet<(String, String)>,
}

struct Noted {
    region: Option<Region>,
    players: u16,
    created_at: Timestamp,
}

impl Noted {
    fn waiter(&self) -> Waiter<'_> {
        Waiter {
            region: self.region.as_ref(),
            players: self.players,
            created_at: self.created_at,
        }
    }
}

impl OfQueue {
    fn new(queue: &Queue) -> OfQueue {
        OfQueue {
            estimator: Estimator::new(&queue.estimate_quantiles),
            waiting: BTreeMap::new(),
            published: BTreeSet::new(),
        }
    }
}

fn noted(queue: &Queue, ticket: &Ticket) -> Noted {
    Noted {
        region: nearest_region(queue, ticket).cloned(),
        players: u16::try_from(ticket.players.len()).unwrap_or(u16::MAX),
        created_at: ticket.created_at,
    }
}

/// The figures of a queue, made of those for one asked for.
struct Told {
    all: Waits,
    regions: Vec<matcher::RegionWaits>,
}

impl Estimates {
    pub(crate) fn new() -> Self {
        Self {
            queues: Mutex::default(),
        }
    }

    /// Notes how a ticket stands, as it was committed. Of one whose queue is gone only the end counts.
    pub(crate) fn moved(&self, now: Timestamp, ticket: &Ticket, config: &Config) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = config.queue(ticket.queue.as_str());
        if let Some(queue) = queue {
            let of_queue = queues
                .entry(ticket.queue.clone())
                .or_insert_with(|| OfQueue::new(queue));
            if of_queue.estimator.quantiles() != queue.estimate_quantiles {
                let mut estimator = Estimator::new(&queue.estimate_quantiles);
                for noted in of_queue.waiting.values() {
                    estimator.arrived(now, &noted.waiter());
                }
                of_queue.estimator = estimator;
            }
        }
        let Some(of_queue) = queues.get_mut(&ticket.queue) else {
            return;
        };
        let waits = matches!(ticket.state, TicketState::Searching | TicketState::Proposed);
        if waits {
            if let Some(queue) = queue
                && !of_queue.waiting.contains_key(&ticket.id)
            {
                let noted = noted(queue, ticket);
                of_queue.estimator.arrived(now, &noted.waiter());
                of_queue.waiting.insert(ticket.id, noted);
            }
        } else if let Some(noted) = of_queue.waiting.remove(&ticket.id) {
            let end = match ticket.state {
                TicketState::Placing | TicketState::Found => End::Matched,
                _ => End::Gone,
            };
            of_queue.estimator.ended(now, &noted.waiter(), end);
        }
    }

    /// What is expected of a ticket that waits.
    fn of_ticket(&self, now: Timestamp, ticket: &Ticket) -> Option<wire::Estimate> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let of_queue = queues.get_mut(&ticket.queue)?;
        let waiter = of_queue.waiting.get(&ticket.id)?.waiter();
        let estimate = of_queue.estimator.estimate(now, &waiter)?;
        let quantiles = estimate.quantiles.iter().map(|one| wire::ExpectedWait {
            quantile: one.quantile,
            wait_ms: one.wait,
            // Both are shares of few digits; what is beyond them is noise.
            error: one
                .kept
                .map(|kept| ((kept - one.quantile) * 10_000.0).round() / 10_000.0),
        });
        Some(wire::Estimate {
            basis: match estimate.basis {
                Basis::Party => wire::EstimateBasis::Party,
                Basis::Region => wire::EstimateBasis::Region,
                Basis::Queue => wire::EstimateBasis::Queue,
            },
            quantiles: quantiles.collect(),
        })
    }

    fn of_queue(&self, now: Timestamp, queue: &Name) -> Option<Told> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let of_queue = queues.get_mut(queue)?;
        of_queue.estimator.advance(now);
        Some(Told {
            all: of_queue.estimator.waits(&TOLD),
            regions: of_queue.estimator.by_region(&TOLD),
        })
    }

    /// Brings the gauges of all queues up to date, and forgets queues that are gone.
    fn publish(&self, now: Timestamp, config: &Config) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, of_queue) in queues.iter_mut() {
            of_queue.estimator.advance(now);
            let mut told = vec![(
                EVERY.to_owned(),
                EVERY.to_owned(),
                of_queue.estimator.waits(&TOLD),
            )];
            // Names of regions that the queue does not list come from players: there may be any number of them.
            let listed = config
                .queue(name.as_str())
                .and_then(|q| q.regions.allow.as_ref());
            let of_regions = of_queue.estimator.by_region(&TOLD).into_iter();
            for of_region in of_regions {
                let Some(region) = of_region
                    .region
                    .filter(|r| listed.is_some_and(|l| l.contains(r)))
                else {
                    continue;
                };
                let parts = of_region.by_party.into_iter();
                told.extend(
                    parts.map(|(players, waits)| (region.to_string(), players.to_string(), waits)),
                );
                told.push((region.to_string(), EVERY.to_owned(), of_region.waits));
            }
            let now_told = told
                .iter()
                .map(|(region, party, _)| (region.clone(), party.clone()));
            let now_told: BTreeSet<_> = now_told.collect();
            for (region, party) in of_queue.published.difference(&now_told) {
                publish(name, region, party, &nobody());
            }
            for (region, party, waits) in &told {
                publish(name, region, party, waits);
            }
            of_queue.published.extend(now_told);
        }
        queues.retain(|name, of_queue| {
            config.queue(name.as_str()).is_some() || !of_queue.waiting.is_empty()
        });
    }
}

/// The figures of those who are gone from the window.
fn nobody() -> Waits {
    Waits {
        waiting: 0,
        matched: 0,
        matched_per_minute: 0.0,
        quantiles: vec![None; TOLD.len()],
    }
}

fn publish(queue: &Name, region: &str, party: &str, waits: &Waits) {
    let labels = [
        ("queue", queue.to_string()),
        ("region", region.to_owned()),
        ("party_players", party.to_owned()),
    ];
    gauge!("muster_queue_waiting_tickets", &labels).set(f64::from(waits.waiting));
    gauge!("muster_queue_matched_per_minute", &labels).set(waits.matched_per_minute);
    for (quantile, wait) in TOLD.iter().zip(&waits.quantiles) {
        let [queue, region, party] = labels.clone();
        let labels = [queue, region, party, ("quantile", quantile.to_string())];
        // Not a number where nobody knows: a zero would be read as no wait at all.
        let seconds = wait.map_or(f64::NAN, |wait| wait.0 as f64 / 1_000.0);
        gauge!("muster_queue_wait_quantile_seconds", &labels).set(seconds);
    }
}

fn quantiles(waits: &Waits) -> Vec<wire::WaitQuantile> {
    let pairs = TOLD.iter().zip(&waits.quantiles);
    let told = pairs.map(|(&quantile, &wait_ms)| wire::WaitQuantile { quantile, wait_ms });
    told.collect()
}

/// Two decimals are more than a window is worth.
fn per_minute(waits: &Waits) -> f64 {
    (waits.matched_per_minute * 100.0).round() / 100.0
}

impl Core {
    /// A ticket as clients see it, with what is expected of it while it waits.
    pub(crate) fn ticket_view(&self, ticket: &Ticket) -> wire::Ticket {
        wire::Ticket {
            estimate: self.estimates.of_ticket(self.now(), ticket),
            ..view::ticket(ticket)
        }
    }

    /// A queue as clients see it.
    pub(crate) async fn queue_view(&self, queue: &Queue) -> wire::Queue {
        let told = self.estimates.of_queue(self.now(), &queue.name);
        let all = told.as_ref().map(|told| &told.all);
        wire::Queue {
            name: queue.name.clone(),
            active: queue.active,
            session_type: queue.session_type.clone(),
            party_players_max: queue.party_players_max,
            waiting: self.matchmaker.waiting(&queue.name).await,
            window_ms: WINDOW,
            matched_per_minute: all.map_or(0.0, per_minute),
            waits: all.map(quantiles).unwrap_or_default(),
            by_region: told.map(by_region).unwrap_or_default(),
        }
    }

    /// Brings the metrics of the queues up to date; asked for when somebody reads them.
    pub(crate) fn publish_estimates(&self) {
        self.estimates.publish(self.now(), &self.config());
    }
}

fn by_region(told: Told) -> Vec<wire::RegionWaits> {
    let regions = told.regions.into_iter().map(|of| wire::RegionWaits {
        region: of.region,
        waiting: of.waits.waiting,
        matched_per_minute: per_minute(&of.waits),
        waits: quantiles(&of.waits),
        by_party: of
            .by_party
            .into_iter()
            .map(|(players, waits)| wire::PartyWaits {
                players,
                waiting: waits.waiting,
                matched_per_minute: per_minute(&waits),
                waits: quantiles(&waits),
            })
            .collect(),
    });
    regions.collect()
}
