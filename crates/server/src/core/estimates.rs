//! How long tickets wait, by queue: told of every ticket that begins and ends waiting, asked by who reads one.

use std::borrow::Borrow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ::metrics::gauge;
use matcher::{Basis, End, Estimator, WINDOW, Waiter, Waits, nearest_region};
use model::config::Config;
use model::queue::Queue;
use model::ticket::TicketState;
use model::{Name, Region, Ticket, TicketId, Timestamp, opening, wire};

use super::Core;

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
    /// It is in a match that waits for its players' word.
    is_held: bool,
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

    /// Promises what the queue does now; with other quantiles the figures begin anew.
    fn promise(&mut self, queue: &Queue, now: Timestamp) {
        if self.estimator.quantiles() == queue.estimate_quantiles {
            return;
        }
        self.estimator = Estimator::new(&queue.estimate_quantiles);
        for noted in self.waiting.values() {
            self.estimator.arrived(now, &noted.waiter());
            if noted.is_held {
                self.estimator.hold(&noted.waiter(), true);
            }
        }
    }

    /// How a ticket stands; `queue`: where it waits in this one.
    fn moved(&mut self, now: Timestamp, ticket: &Ticket, queue: Option<&Queue>, name: &Name) {
        match (ticket.state, queue) {
            (TicketState::Searching | TicketState::Proposed, Some(queue)) => {
                let noted = match self.waiting.entry(ticket.id) {
                    Entry::Occupied(noted) => noted.into_mut(),
                    Entry::Vacant(place) => {
                        let noted = place.insert(noted(queue, ticket));
                        self.estimator.arrived(now, &noted.waiter());
                        noted
                    }
                };
                let is_held = ticket.state == TicketState::Proposed;
                if std::mem::replace(&mut noted.is_held, is_held) != is_held {
                    self.estimator.hold(&noted.waiter(), is_held);
                }
            }
            (state, _) => {
                if let Some(noted) = self.waiting.remove(&ticket.id) {
                    if noted.is_held {
                        self.estimator.hold(&noted.waiter(), false);
                    }
                    let is_matched = matches!(state, TicketState::Placing | TicketState::Found);
                    // Of several queues it was matched in one, and left the others.
                    let end = match is_matched && ticket.queue == *name {
                        true => End::Matched,
                        false => End::Gone,
                    };
                    self.estimator.ended(now, &noted.waiter(), end);
                }
            }
        }
    }
}

fn noted(queue: &Queue, ticket: &Ticket) -> Noted {
    Noted {
        region: nearest_region(queue, ticket).cloned(),
        players: u16::try_from(ticket.players.len()).unwrap_or(u16::MAX),
        created_at: ticket.created_at,
        is_held: false,
    }
}

/// The figures of a queue for who asks: of all its tickets, and of those of each region.
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

    /// Notes how a ticket stands, as it was committed; in a queue where it does not wait only its end counts. `config` is
    /// asked for what is configured at that moment.
    pub(crate) fn moved(
        &self,
        now: Timestamp,
        ticket: &Ticket,
        config: impl FnOnce() -> Arc<Config>,
    ) {
        self.all_moved(now, [ticket], config);
    }

    /// [`Estimates::moved`] of several, one after the other. An iterator that reads how they stand when it is asked for
    /// the first one misses no move.
    pub(crate) fn all_moved(
        &self,
        now: Timestamp,
        tickets: impl IntoIterator<Item = impl Borrow<Ticket>>,
        config: impl FnOnce() -> Arc<Config>,
    ) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let config = config();
        for ticket in tickets {
            let ticket = ticket.borrow();
            let group_of = |name: &Name| config.queue(name.as_str()).map(|queue| &queue.group);
            let mut places = ticket.waits_in(group_of).map(|(place, _)| place).peekable();
            for (place, name) in ticket.all_queues().iter().enumerate() {
                let queue = config.queue(name.as_str());
                if let Some(queue) = queue {
                    let of_queue = queues.entry(name.clone());
                    let of_queue = of_queue.or_insert_with(|| OfQueue::new(queue));
                    of_queue.promise(queue, now);
                }
                let queue = queue.filter(|_| places.next_if_eq(&place).is_some());
                if let Some(of_queue) = queues.get_mut(name) {
                    of_queue.moved(now, ticket, queue.map(|queue| &**queue), name);
                }
            }
        }
    }

    /// What is expected of a ticket that waits.
    fn of_ticket(&self, now: Timestamp, ticket: TicketId, queue: &Name) -> Option<wire::Estimate> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let of_queue = queues.get_mut(queue)?;
        let waiter = of_queue.waiting.get(&ticket)?.waiter();
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
            queue: queue.clone(),
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
            let stays = config.queue(name.as_str()).is_some() || !of_queue.waiting.is_empty();
            for (region, party) in of_queue.published.iter().filter(|_| !stays) {
                publish(name, region, party, &nobody());
            }
            stays
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
    /// What is expected of a ticket while it waits: of several queues, of the one where it is likely to wait least.
    pub(crate) fn estimate_of(&self, ticket: &Ticket) -> Option<wire::Estimate> {
        let queues = ticket.all_queues().iter();
        let now = self.now();
        let known = queues.filter_map(|queue| self.estimates.of_ticket(now, ticket.id, queue));
        known.min_by_key(|estimate| {
            let longest = estimate.quantiles.last().and_then(|one| one.wait_ms);
            longest.map_or(u64::MAX, |wait| wait.0)
        })
    }

    /// A queue as clients see it.
    pub(crate) async fn queue_view(&self, queue: &Queue) -> wire::Queue {
        let now = self.now();
        let told = self.estimates.of_queue(now, &queue.name);
        let all = told.as_ref().map(|told| &told.all);
        let changes = || opening::next_change(&queue.open, now).map(Into::into);
        let (queue_is, opens_at, closes_at) = match opening::is_open(&queue.open, now) {
            _ if !queue.active => (wire::QueueGate::Paused, None, None),
            true => (wire::QueueGate::Open, None, changes()),
            false => (wire::QueueGate::Closed, changes(), None),
        };
        wire::Queue {
            name: queue.name.clone(),
            group: queue.group.clone(),
            active: queue.active,
            queue_is,
            opens_at,
            closes_at,
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
