//! How long the tickets of a queue wait, estimated from those of the last minutes: matched and still waiting alike.
//!
//! A table of life as insurers keep it, over a sliding window: for each age, how many tickets came to that age within
//! the window, and how many were matched at it. Whoever still waits has come to every age up to his own and was
//! matched at none, so he counts against optimism; who cancels or expires stops counting from there on, either way.
//! The quantile is the age at which so large a share of those who begin would have been matched.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use model::queue::Queue;
use model::{Millis, Region, Ticket, Timestamp};

/// The figures are of this long.
pub const WINDOW: Millis = Millis::seconds(600);
/// The window moves on in steps of this; what happened in the running step is not in the figures yet.
pub const STEP: Millis = Millis::seconds(15);
/// Tickets matched within the window for a region, or parties of one size in it, to speak for themselves.
pub const ENOUGH: u32 = 50;
/// Tickets matched within the window for a queue to say anything.
pub const ENOUGH_OF_QUEUE: u32 = 10;
/// Pairs of region and party size of which one estimator keeps figures; others count for their queue alone.
pub const CELLS_MAX: usize = 256;
/// Tickets that came to an age within the window for the ages above it to be believed.
const ENOUGH_AT_AGE: u32 = 5;
const STEPS: usize = (WINDOW.0 / STEP.0) as usize;
/// Ages are told apart to a tenth, from a quarter of a second to a day.
const AGES: usize = 136;
const BOUNDS: [u64; AGES] = bounds();

const fn bounds() -> [u64; AGES] {
    let mut bounds = [0; AGES];
    let mut at = 1;
    bounds[1] = 250;
    while at + 1 < AGES {
        bounds[at + 1] = bounds[at] + bounds[at] / 10;
        at += 1;
    }
    bounds
}

/// Which of the spans of ages.
fn span_of(age: Millis) -> usize {
    BOUNDS.partition_point(|&bound| bound <= age.0).max(1) - 1
}

/// The region that is nearest to a ticket's players, the farthest of them decides, among those that its queue allows
/// and all of them measured. Figures by region are of tickets whose nearest it is, wherever they play in the end.
pub fn nearest_region<'a>(queue: &Queue, ticket: &'a Ticket) -> Option<&'a Region> {
    let allow = queue.regions.allow.as_deref();
    let mut measured = ticket
        .players
        .iter()
        .filter(|player| !player.latencies.is_empty());
    let first = measured.next()?;
    let others: Vec<_> = measured.collect();
    let listed = first.latencies.iter();
    let allowed = listed.filter(|(region, _)| allow.is_none_or(|list| list.contains(region)));
    let worst = allowed.filter_map(|(region, &ms)| {
        let of_others = others.iter().map(|player| player.latencies.get(region));
        let worst = of_others.chain([Some(&ms)]).collect::<Option<Vec<_>>>()?;
        Some((*worst.into_iter().max()?, region))
    });
    worst.min().map(|(_, region)| region)
}

/// What an estimator has to know of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter<'a> {
    /// See [`nearest_region`].
    pub region: Option<&'a Region>,
    /// In its party.
    pub players: u16,
    /// Its age counts from here.
    pub created_at: Timestamp,
}

/// How a ticket stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In a match.
    Matched,
    /// It expired or was taken back.
    Gone,
}

/// Of whom an estimate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Parties of this size whose nearest region is the same.
    Party,
    /// Tickets whose nearest region is the same.
    Region,
    /// All tickets of the queue.
    Queue,
}

/// What is expected of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Of whom this is true.
    pub basis: Basis,
    /// For each of the estimator's quantiles.
    pub quantiles: Vec<Expected>,
}

/// One quantile of a wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// So large a share of such tickets is matched by then.
    pub quantile: f64,
    /// Altogether, counted from the ticket's creation; `None`: longer than anything seen.
    pub wait: Option<Millis>,
    /// The share of the tickets that were promised a wait at this quantile and were matched within it, as last
    /// measured; the difference from the quantile is the error. `None`: no promise has come due yet.
    pub kept: Option<f64>,
}

/// Figures of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Waits {
    /// Tickets that search now.
    pub waiting: u32,
    /// Tickets matched within the window.
    pub matched: u32,
    /// By the minute, over as much of the window as has passed since the queue's first ticket.
    pub matched_per_minute: f64,
    /// For each quantile that was asked for; `None`: nobody knows.
    pub quantiles: Vec<Option<Millis>>,
}

/// Figures of those whose nearest region is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionWaits {
    /// `None`: of tickets that measured no region.
    pub region: Option<Region>,
    /// All party sizes together.
    pub waits: Waits,
    /// By party size.
    pub by_party: Vec<(u16, Waits)>,
}

/// What came of the promises of one quantile that were made within one step.
#[derive(Debug, Clone, Copy, Default)]
struct Promised {
    wait: Option<Millis>,
    made: u32,
    kept: u32,
    /// Taken back or expired before the promise came due.
    void: u32,
}

/// What happened within a step, or within all steps of the window; both lists are by age and end with zeros left out.
#[derive(Debug, Clone, Default)]
struct Counts {
    /// Tickets that came to this age.
    entered: Vec<u32>,
    /// Tickets that were matched at it.
    matched: Vec<u32>,
}

impl Counts {
    fn add(list: &mut Vec<u32>, at: usize, n: u32) {
        if list.len() <= at {
            list.resize(at + 1, 0);
        }
        list[at] = list[at].saturating_add(n);
    }

    fn merge(&mut self, other: &Counts) {
        for (own, others) in [
            (&mut self.entered, &other.entered),
            (&mut self.matched, &other.matched),
        ] {
            for (at, &n) in others.iter().enumerate() {
                Counts::add(own, at, n);
            }
        }
    }

    fn remove(&mut self, other: &Counts) {
        for (own, others) in [
            (&mut self.entered, &other.entered),
            (&mut self.matched, &other.matched),
        ] {
            for (own, &n) in own.iter_mut().zip(others) {
                *own = own.saturating_sub(n);
            }
        }
    }

    fn matched(&self) -> u32 {
        self.matched.iter().fold(0, |sum, &n| sum.saturating_add(n))
    }

    /// The wait that a share of those who have come to an age does not exceed; O([`AGES`]).
    fn wait(&self, quantile: f64, age: Millis) -> Option<Millis> {
        let mut waiting = 1.0;
        for at in span_of(age)..self.matched.len().min(AGES - 1) {
            let entered = self.entered.get(at).copied().unwrap_or(0);
            let matched = self.matched[at].min(entered);
            if matched > 0 {
                waiting *= 1.0 - f64::from(matched) / f64::from(entered);
            }
            if waiting <= 1.0 - quantile + 1e-12 {
                return Some(Millis(BOUNDS[at + 1]));
            }
        }
        None
    }

    fn enough_at(&self, age: Millis) -> bool {
        let at = span_of(age);
        at == 0 || self.entered.get(at).is_some_and(|&n| n >= ENOUGH_AT_AGE)
    }
}

/// Figures of some tickets of a queue.
#[derive(Debug, Default)]
struct Cell {
    /// By the second of their creation; no more entries than tickets wait.
    waiting: BTreeMap<i64, u32>,
    waiting_count: u32,
    /// Those of them that do not search: see [`Estimator::hold`].
    held: u32,
    running: Counts,
    /// The steps of the window, the oldest first.
    steps: VecDeque<Counts>,
    /// All of them.
    sum: Counts,
    /// Of the running step and those of the window, the newest last; only of cells that promise.
    promised: VecDeque<Vec<Promised>>,
}

fn second(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}

impl Cell {
    fn arrived(&mut self, waiter: &Waiter<'_>, now: Timestamp) {
        *self.waiting.entry(second(waiter.created_at)).or_default() += 1;
        self.waiting_count += 1;
        if now.since(waiter.created_at).0 < 1_000 {
            Counts::add(&mut self.running.entered, 0, 1);
        }
    }

    fn ended(&mut self, waiter: &Waiter<'_>, end: End, now: Timestamp, step_began: Timestamp) {
        let created = second(waiter.created_at);
        match self.waiting.get_mut(&created) {
            Some(1) => {
                self.waiting.remove(&created);
            }
            Some(n) => *n -= 1,
            None => return,
        }
        self.waiting_count -= 1;
        let at = span_of(now.since(waiter.created_at));
        let before = span_of(step_began.since(Timestamp(created * 1_000)));
        for age in before + 1..=at {
            Counts::add(&mut self.running.entered, age, 1);
        }
        if end == End::Matched {
            Counts::add(&mut self.running.matched, at, 1);
        }
    }

    /// The running step ends and the next begins.
    fn step(&mut self, began: Timestamp) {
        let ends = began + STEP;
        for (&created, &n) in &self.waiting {
            let created = Timestamp(created * 1_000);
            let (before, at) = (span_of(began.since(created)), span_of(ends.since(created)));
            for age in before + 1..=at {
                Counts::add(&mut self.running.entered, age, n);
            }
        }
        let ended = std::mem::take(&mut self.running);
        self.sum.merge(&ended);
        self.steps.push_back(ended);
        if self.steps.len() > STEPS
            && let Some(oldest) = self.steps.pop_front()
        {
            self.sum.remove(&oldest);
        }
    }

    /// What was promised to those who were created when this ticket was; the running step's stand last.
    fn promised_at(&mut self, began: Timestamp, waiter: &Waiter<'_>) -> Option<&mut Vec<Promised>> {
        let steps_ago = began.since(waiter.created_at).0.div_ceil(STEP.0);
        let last = (self.promised.len() as u64).checked_sub(1)?;
        let at = usize::try_from(last.checked_sub(steps_ago)?).ok()?;
        self.promised.get_mut(at)
    }

    fn is_silent(&self) -> bool {
        self.waiting_count == 0 && self.running.entered.is_empty() && self.sum.matched() == 0
    }

    fn waits(&self, quantiles: &[f64], watched: Millis) -> Waits {
        let matched = self.sum.matched();
        let passed = watched.0 as f64 / 60_000.0;
        let known = matched >= ENOUGH_OF_QUEUE;
        let wait = |&q: &f64| self.sum.wait(q, Millis(0)).filter(|_| known);
        Waits {
            waiting: self.waiting_count.saturating_sub(self.held),
            matched,
            matched_per_minute: if passed > 0.0 {
                f64::from(matched) / passed
            } else {
                0.0
            },
            quantiles: quantiles.iter().map(wait).collect(),
        }
    }
}

#[derive(Debug, Default)]
struct OfRegion {
    all: Cell,
    by_party: BTreeMap<u16, Cell>,
}

/// The waits of one queue. Bounded: by [`CELLS_MAX`], [`WINDOW`] and the number of tickets that wait.
#[derive(Debug)]
pub struct Estimator {
    quantiles: Vec<f64>,
    /// When the running step began; `None` before the first event.
    began: Option<Timestamp>,
    all: Cell,
    regions: BTreeMap<Option<Region>, OfRegion>,
    cells: usize,
    /// What came of the promises of steps that have left the window with everything decided, by quantile: made and
    /// kept, halved now and then, so that the latest weigh most.
    decided: Vec<(f64, f64)>,
}

/// Promises that weigh as much as everything before them.
const REMEMBERED: f64 = 10_000.0;

impl Estimator {
    /// Of a queue without tickets; what it promises are these quantiles, each between 0 and 1.
    pub fn new(quantiles: &[f64]) -> Estimator {
        Estimator {
            quantiles: quantiles.to_vec(),
            began: None,
            all: Cell::default(),
            regions: BTreeMap::new(),
            cells: 0,
            decided: vec![(0.0, 0.0); quantiles.len()],
        }
    }

    /// What it promises.
    pub fn quantiles(&self) -> &[f64] {
        &self.quantiles
    }

    /// Time passes. Every other call that is told the time does this too; O(cells × seconds within which those who
    /// wait came) for each step that has ended.
    pub fn advance(&mut self, now: Timestamp) {
        let step = i64::try_from(STEP.0).unwrap_or(i64::MAX);
        let now = Timestamp(now.0.div_euclid(step) * step);
        let Some(mut began) = self.began else {
            self.began = Some(now);
            return;
        };
        // What lies before the window is forgotten anyway.
        let window = Millis(WINDOW.0 + STEP.0);
        if now.since(began) > window {
            self.step(began);
            began = now - window;
        }
        while began < now {
            self.step(began);
            began = began + STEP;
        }
        self.began = Some(began);
    }

    fn step(&mut self, began: Timestamp) {
        let ended = began + STEP;
        self.all.step(began);
        for of_region in self.regions.values_mut() {
            of_region.all.step(began);
            for cell in of_region.by_party.values_mut() {
                cell.step(began);
            }
        }
        self.regions.retain(|_, of_region| {
            of_region
                .by_party
                .retain(|_, cell| !(cell.is_silent() && cell.promised.is_empty()));
            !of_region.by_party.is_empty() || !of_region.all.is_silent()
        });
        let sizes = self.regions.values().map(|r| r.by_party.len());
        self.cells = sizes.sum();
        let (all, quantiles) = (&self.all, &self.quantiles);
        for of_region in self.regions.values_mut() {
            let region = &of_region.all;
            for cell in of_region.by_party.values_mut() {
                let (_, best) = best([Some(&*cell), Some(region), Some(all)], Millis(0));
                let waits = quantiles.iter().map(|&q| Promised {
                    wait: best.and_then(|best| best.sum.wait(q, Millis(0))),
                    ..Promised::default()
                });
                let waits = waits.collect();
                cell.promised.push_back(waits);
                // One that is decided is counted and let go; one that can't be within the window is let go too.
                while let Some(first) = cell.promised.front() {
                    let n = cell.promised.len() as u64 - 1;
                    let made_until = ended - Millis(STEP.0 * n.saturating_sub(1));
                    let over = |p: &Promised| {
                        p.made == 0 || p.wait.is_some_and(|wait| made_until + wait < ended)
                    };
                    let too_old = cell.promised.len() > STEPS + 1;
                    if n == 0 || !(too_old || first.iter().all(over)) {
                        break;
                    }
                    for (promised, decided) in first.iter().zip(&mut self.decided) {
                        if !too_old || over(promised) {
                            decided.0 +=
                                f64::from(promised.made - promised.void.min(promised.made));
                            decided.1 += f64::from(promised.kept.min(promised.made));
                        }
                    }
                    cell.promised.pop_front();
                }
                if cell.is_silent() && cell.promised.iter().flatten().all(|p| p.made == 0) {
                    cell.promised.clear();
                }
            }
        }
        for (made, kept) in &mut self.decided {
            if *made > REMEMBERED {
                (*made, *kept) = (*made / 2.0, *kept / 2.0);
            }
        }
    }

    /// A ticket waits from now on: it is new, has come back from a match that failed, or was loaded. What it is
    /// promised, for each of the quantiles: how long altogether, if anything can be said.
    pub fn arrived(&mut self, now: Timestamp, waiter: &Waiter<'_>) -> Vec<Option<Millis>> {
        self.advance(now);
        self.all.arrived(waiter, now);
        let room = self.cells < CELLS_MAX;
        let region = waiter.region.cloned();
        if !room && !self.regions.contains_key(&region) {
            return vec![None; self.quantiles.len()];
        }
        let of_region = self.regions.entry(region).or_default();
        of_region.all.arrived(waiter, now);
        let cell = match of_region.by_party.entry(waiter.players) {
            Entry::Occupied(cell) => cell.into_mut(),
            Entry::Vacant(_) if !room => return vec![None; self.quantiles.len()],
            Entry::Vacant(place) => {
                self.cells += 1;
                place.insert(Cell::default())
            }
        };
        cell.arrived(waiter, now);
        if cell.promised.is_empty() {
            let (_, best) = best([None, Some(&of_region.all), Some(&self.all)], Millis(0));
            let waits = self.quantiles.iter().map(|&q| Promised {
                wait: best.and_then(|best| best.sum.wait(q, Millis(0))),
                ..Promised::default()
            });
            let waits = waits.collect();
            cell.promised.push_back(waits);
        }
        let promised = cell.promised.back().into_iter().flatten();
        let promised = promised.map(|promised| promised.wait).collect();
        // To one that comes back it was promised long ago.
        if now.since(waiter.created_at).0 < 1_000
            && let Some(began) = self.began
        {
            let made = cell.promised_at(began, waiter).into_iter().flatten();
            for made in made.filter(|made| made.wait.is_some()) {
                made.made += 1;
            }
        }
        promised
    }

    /// A ticket that had arrived is in a match that may yet come to nothing, or is so no longer: it waits on, but does
    /// not search meanwhile. Call it with every change, and before the ticket ends.
    pub fn hold(&mut self, waiter: &Waiter<'_>, is_held: bool) {
        let of_region = self.regions.get_mut(&waiter.region.cloned());
        let cells = of_region.map(|of| (&mut of.all, of.by_party.get_mut(&waiter.players)));
        let (region, party) = cells.unzip();
        let cells = [Some(&mut self.all), region, party.flatten()];
        for cell in cells.into_iter().flatten() {
            cell.held = match is_held {
                true => cell.held + 1,
                false => cell.held.saturating_sub(1),
            };
        }
    }

    /// A ticket that had arrived waits no more.
    pub fn ended(&mut self, now: Timestamp, waiter: &Waiter<'_>, end: End) {
        self.advance(now);
        let Some(began) = self.began else {
            return;
        };
        self.all.ended(waiter, end, now, began);
        let Some(of_region) = self.regions.get_mut(&waiter.region.cloned()) else {
            return;
        };
        of_region.all.ended(waiter, end, now, began);
        let Some(cell) = of_region.by_party.get_mut(&waiter.players) else {
            return;
        };
        cell.ended(waiter, end, now, began);
        let promised = cell.promised_at(began, waiter);
        for promised in promised.into_iter().flatten() {
            let in_time = promised
                .wait
                .is_some_and(|wait| now.since(waiter.created_at) <= wait);
            match end {
                End::Matched if in_time => promised.kept += 1,
                End::Gone if in_time => promised.void += 1,
                End::Matched | End::Gone => {}
            }
        }
    }

    /// What is expected of a ticket that waits; `None`: there is too little to go by.
    pub fn estimate(&mut self, now: Timestamp, waiter: &Waiter<'_>) -> Option<Estimate> {
        self.advance(now);
        let age = now.since(waiter.created_at);
        let of_region = self.regions.get(&waiter.region.cloned());
        let cell = of_region.and_then(|of_region| of_region.by_party.get(&waiter.players));
        let region = of_region.map(|of_region| &of_region.all);
        let (basis, best) = best([cell, region, Some(&self.all)], age);
        if best.is_none() && self.all.sum.matched() < ENOUGH_OF_QUEUE {
            return None;
        }
        let kept = self.kept();
        let quantiles = self.quantiles.iter().zip(kept);
        let quantiles = quantiles.map(|(&quantile, kept)| Expected {
            quantile,
            // Of one who has waited longer than others do nobody knows.
            wait: best.and_then(|best| best.sum.wait(quantile, age)),
            kept,
        });
        Some(Estimate {
            basis,
            quantiles: quantiles.collect(),
        })
    }

    /// For each of its quantiles, the share of promises that were kept, as last measured.
    pub fn kept(&self) -> Vec<Option<f64>> {
        let share = |&(made, kept): &(f64, f64)| (made >= 1.0).then(|| kept / made);
        self.decided.iter().map(share).collect()
    }

    /// How much of the window has passed: of a region that was first heard of later the time before counts too.
    fn watched(&self) -> Millis {
        Millis(self.all.steps.len() as u64 * STEP.0)
    }

    /// All tickets together.
    pub fn waits(&self, quantiles: &[f64]) -> Waits {
        self.all.waits(quantiles, self.watched())
    }

    /// By region, and there by party size.
    pub fn by_region(&self, quantiles: &[f64]) -> Vec<RegionWaits> {
        let (regions, watched) = (self.regions.iter(), self.watched());
        let waits = regions.map(|(region, of_region)| RegionWaits {
            region: region.clone(),
            waits: of_region.all.waits(quantiles, watched),
            by_party: of_region
                .by_party
                .iter()
                .map(|(&players, cell)| (players, cell.waits(quantiles, watched)))
                .collect(),
        });
        waits.collect()
    }
}

/// The finest cell that has enough to go by.
fn best(cells: [Option<&Cell>; 3], age: Millis) -> (Basis, Option<&Cell>) {
    let bases = [Basis::Party, Basis::Region, Basis::Queue];
    let enough = [ENOUGH, ENOUGH, ENOUGH_OF_QUEUE];
    let mut finest = bases.into_iter().zip(cells).zip(enough);
    let found = finest.find_map(|((basis, cell), enough)| {
        let cell = cell?;
        let speaks = cell.sum.matched() >= enough && cell.sum.enough_at(age);
        speaks.then_some((basis, Some(cell)))
    });
    found.unwrap_or((Basis::Queue, None))
}
