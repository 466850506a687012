//! The rows `matcher-*`: the matcher by itself on one core; every match is verified, outside the measured time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use matcher::{Event, LOOK_AHEAD, Match, Matcher, Output, Refill, check_match};
use model::queue::Queue;
use model::{Ticket, TicketId, Timestamp};

use super::figure::{Figure, Outcome};
use super::matcher_backfill::{self, Sessions};
use super::matcher_crowd::{Crowd, Kind, bare, queue};
use super::{Length, matcher_cores, matcher_explain, matcher_shapes, measure};

/// A row of duels matches so many tickets at least.
const DUELS_MIN: u64 = 200_000;
/// Tickets that are made before the clock runs and handed in while it does: so few that the processor has them at hand,
/// as it has those that a shell has just read.
pub(super) const BATCH: u64 = 125;
/// Of so many looks ahead the events of one are timed each by itself: to read the clock takes time too.
const TIMED_ONE_IN: u64 = 8;
/// Matches that wait for their judge in the rows of a steady state: all that are made while it is measured, so that his
/// reads of other memory come afterwards.
pub(super) const UNVERIFIED_MAX: usize = 131_072;
/// Tickets that are added to the hostile crowd, one after the other, and taken out again.
const PROBES: u64 = 4_000;
/// Tickets of which the baselines of the crowds are made.
pub(super) const BARE: u64 = 100_000;

/// Tickets a second for each size, then the single rows.
pub(super) fn run(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let sizes = match length {
        Length::Full => 4,
        Length::Quick => 2,
    };
    // First, while the process holds nothing else: its resident set is what is measured.
    let mut outcomes = vec![memory(length)?];
    let duels = [
        ("matcher-1v1.1000", 1_000),
        ("matcher-1v1.10000", 10_000),
        ("matcher-1v1.100000", 100_000),
        ("matcher-1v1.1000000", 1_000_000),
    ];
    for (row, n) in duels.into_iter().take(sizes + 1) {
        outcomes.push(duels_of(row, n)?);
    }
    let games = [
        (["matcher-4v4.1000", "matcher-4v4.1000.p99"], 1_000),
        (["matcher-4v4.10000", "matcher-4v4.10000.p99"], 10_000),
        (["matcher-4v4.100000", "matcher-4v4.100000.p99"], 100_000),
        (
            ["matcher-4v4.1000000", "matcher-4v4.1000000.p99"],
            1_000_000,
        ),
    ];
    for (rows, n) in games.into_iter().take(sizes) {
        outcomes.extend(steady(rows, n, length)?);
    }
    outcomes.push(large(length)?);
    outcomes.extend(matcher_shapes::run(length)?);
    outcomes.push(matcher_backfill::run(length)?);
    outcomes.extend(hostile(length)?);
    outcomes.extend(matcher_explain::run(length)?);
    outcomes.push(matcher_cores::run(length)?);
    Ok(outcomes)
}

/// A matcher that is watched.
pub(super) struct Run {
    pub(super) queue: Arc<Queue>,
    pub(super) matcher: Matcher,
    pub(super) crowd: Crowd,
    said: Vec<(Timestamp, Output)>,
    /// What was said before, for the judge: copied, as the shell drops what it was told and its memory is used again.
    unverified: Vec<(Timestamp, Output)>,
    pub(super) spent: Duration,
    pub(super) matches: u64,
    pub(super) players: u64,
    /// What is played while it runs.
    pub(super) sessions: Sessions,
    gone: HashSet<TicketId>,
    /// How often it has looked ahead.
    looks: u64,
    /// So much may be said before it is verified: the judge's reads push the matcher's memory out of the caches.
    pub(super) unverified_max: usize,
}

impl Run {
    pub(super) fn new(crowd: Crowd, queue: Arc<Queue>) -> Run {
        Run {
            matcher: Matcher::new(vec![Arc::clone(&queue)], 1),
            queue,
            crowd,
            said: Vec::new(),
            unverified: Vec::new(),
            spent: Duration::ZERO,
            matches: 0,
            players: 0,
            sessions: Sessions::new(),
            gone: HashSet::new(),
            looks: 0,
            unverified_max: 0,
        }
    }

    /// One event with what the shell answers to its matches; the microseconds that it took by the clock.
    pub(super) fn handle(&mut self, now: Timestamp, event: Event) -> f64 {
        let started = measure::now();
        let outputs = self.matcher.handle(now, event);
        self.answer(now, outputs);
        started.elapsed().as_secs_f64() * 1e6
    }

    /// Events that are known together, as the shell hands them in; the microseconds that some of them took by the clock.
    pub(super) fn handle_all(&mut self, events: Vec<(Timestamp, Event)>, times: &mut Vec<f64>) {
        let mut events = events.into_iter();
        while !events.as_slice().is_empty() {
            self.looks += 1;
            let ahead = events.as_slice().iter().take(LOOK_AHEAD);
            let n = ahead.len() as f64;
            let started = measure::now();
            self.matcher.expect(ahead.map(|(_, event)| event));
            let mut last = measure::now();
            let share = (last - started).as_secs_f64() / n;
            for (now, event) in events.by_ref().take(LOOK_AHEAD) {
                let outputs = self.matcher.handle(now, event);
                self.answer(now, outputs);
                if self.looks.is_multiple_of(TIMED_ONE_IN) {
                    let ended = measure::now();
                    times.push(((ended - last).as_secs_f64() + share) * 1e6);
                    last = ended;
                }
            }
        }
    }

    /// Commits the matches and refills, and keeps what was said for [`Run::verify_all`].
    fn answer(&mut self, now: Timestamp, mut outputs: Vec<Output>) {
        while let Some(output) = outputs.pop() {
            if let Output::Match(Match { handle, .. }) | Output::Refill(Refill { handle, .. }) =
                &output
            {
                let committed = Event::Committed(*handle);
                outputs.extend(self.matcher.handle(now, committed));
            }
            self.said.push((now, output));
        }
    }

    /// Adds the processor time of what is done, then verifies what was said, if that is much.
    ///
    /// Processor time, as the machine may have other work: what preempts the matcher is not its cost.
    pub(super) fn timed(&mut self, act: impl FnOnce(&mut Run)) -> anyhow::Result<()> {
        let started = measure::processor_time();
        act(self);
        self.spent += measure::processor_time() - started;
        self.unverified.extend(self.said.iter().cloned());
        self.said.clear();
        if self.unverified.len() > self.unverified_max {
            self.verify_all()?;
        }
        Ok(())
    }

    pub(super) fn verify_all(&mut self) -> anyhow::Result<()> {
        let mut unverified = std::mem::take(&mut self.unverified);
        unverified.append(&mut self.said);
        for (now, output) in unverified.drain(..) {
            match output {
                Output::Match(found) => self.verify(now, &found)?,
                Output::Refill(refill) => {
                    let tickets = self.taken(refill.tickets())?;
                    let tickets: Vec<&Ticket> = tickets.iter().collect();
                    self.sessions.verify(&self.queue, &tickets, now, refill)?;
                }
                other => anyhow::bail!("nothing but matches and refills may come of it: {other:?}"),
            }
        }
        self.unverified = unverified;
        Ok(())
    }

    /// Tickets that are in a match or a refill now. Each follows from its number, so that none needs to be kept.
    fn taken(&mut self, ids: impl Iterator<Item = TicketId>) -> anyhow::Result<Vec<Ticket>> {
        let mut tickets = Vec::new();
        for id in ids {
            ensure!(self.gone.insert(id), "{id} is matched twice");
            tickets.push(self.crowd.ticket_of(id));
        }
        Ok(tickets)
    }

    fn verify(&mut self, now: Timestamp, found: &Match) -> anyhow::Result<()> {
        let tickets = self.taken(found.tickets())?;
        let tickets: Vec<&Ticket> = tickets.iter().collect();
        check_match(&self.queue, &tickets, now, found)
            .map_err(anyhow::Error::msg)
            .context("a match breaks a rule")?;
        self.matches += 1;
        self.players += u64::from(found.figures.players);
        Ok(())
    }

    /// Begins anew, when what was said until now is verified.
    pub(super) fn forget_figures(&mut self) -> anyhow::Result<()> {
        self.verify_all()?;
        (self.spent, self.matches, self.players) = (Duration::ZERO, 0, 0);
        self.sessions.joined = 0;
        Ok(())
    }
}

/// n tickets wait in a paused queue; then it opens, and the clock runs until it is empty.
fn duels_of(row: &'static str, n: u64) -> anyhow::Result<Outcome> {
    // Few are matched before the process has touched the memory that it needs: they are matched again and again.
    let rounds = (DUELS_MIN / n).max(1);
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        spent += duels_once(n)?.spent;
    }
    let (crowd, paused) = (Crowd::new(Kind::Duels, n), queue("paused-1v1")?);
    Ok(Outcome::Measured(Figure {
        row,
        unit: "tickets/s",
        value: (n * rounds) as f64 / spent.as_secs_f64(),
        baseline: bare(&crowd, &paused, n),
        n: n * rounds,
    }))
}

fn duels_once(n: u64) -> anyhow::Result<Run> {
    let crowd = Crowd::new(Kind::Duels, n);
    let mut run = Run::new(crowd, queue("paused-1v1")?);
    let now = Timestamp(0);
    for id in 0..n {
        run.handle(now, Event::Add(Arc::new(run.crowd.ticket(id))));
    }
    run.verify_all()?;
    let mut open = (*run.queue).clone();
    open.active = true;
    run.queue = Arc::new(open);
    let queues = vec![Arc::clone(&run.queue)];
    run.timed(|run| {
        let outputs = run.matcher.set_queues(now, queues);
        run.answer(now, outputs);
    })?;
    while run.matcher.next_deadline().is_some() {
        run.timed(|run| {
            for _ in 0..BATCH {
                run.handle(now, Event::Tick);
            }
        })?;
    }
    ensure!(
        run.matcher.is_empty(),
        "{} tickets were left",
        run.matcher.len()
    );
    Ok(run)
}

/// About n tickets wait; they come at random, one in ten leaves, the ranges of those who wait widen.
fn steady(rows: [&'static str; 2], n: u64, length: Length) -> anyhow::Result<Vec<Outcome>> {
    let mut run = Run::new(Crowd::new(Kind::Mixed, n), queue("bench-4v4")?);
    run.unverified_max = UNVERIFIED_MAX;
    let (warm, measured) = match length {
        Length::Full => (n * 4, 400_000),
        Length::Quick => (n * 4, 40_000),
    };
    let mut times = Vec::new();
    let mut next = 0;
    let mut waited = 0;
    while next < warm + measured {
        if next == warm {
            run.forget_figures()?;
            times.clear();
        }
        // The shell keeps its tickets: to drop them is not the matcher's work.
        let events = events(&run, next, BATCH);
        let kept = events.clone();
        run.timed(|run| run.handle_all(events, &mut times))?;
        drop(kept);
        next += BATCH;
        waited = run.matcher.len();
    }
    run.verify_all()?;
    crate::say::complain(&format_args!(
        "  {}: {waited} wait, {} matches, {:?}",
        rows[0],
        run.matches,
        run.matcher.stats()
    ));
    times.sort_unstable_by(f64::total_cmp);
    let (p50, p99) = (
        measure::quantile(&times, 0.5),
        measure::quantile(&times, 0.99),
    );
    Ok(vec![
        Outcome::Measured(Figure {
            row: rows[0],
            unit: "tickets/s",
            value: measured as f64 / run.spent.as_secs_f64(),
            baseline: bare(&run.crowd, &run.queue, BARE),
            n: measured,
        }),
        Outcome::Measured(Figure {
            row: rows[1],
            unit: "µs",
            value: p99,
            baseline: p50,
            n: times.len() as u64,
        }),
    ])
}

/// The next n arrivals; one ticket in ten leaves, if the one that was drawn still waits by then.
pub(super) fn events(run: &Run, from: u64, n: u64) -> Vec<(Timestamp, Event)> {
    let mut events = Vec::new();
    for number in from..from + n {
        let ticket = run.crowd.ticket(number);
        let now = ticket.created_at;
        events.push((now, Event::Add(Arc::new(ticket))));
        if number % 10 == 9 {
            let leaver = run.crowd.leaver(number, |id| run.matcher.is_waiting(id));
            events.extend(leaver.map(|id| (now, Event::Remove(id))));
        }
    }
    events
}

/// 50 against 50, parties of one to four, from an empty pool.
fn large(length: Length) -> anyhow::Result<Outcome> {
    let n = match length {
        Length::Full => 200_000,
        Length::Quick => 20_000,
    };
    let mut run = Run::new(Crowd::new(Kind::Large, n), queue("bench-50v50")?);
    for from in (0..n).step_by(BATCH as usize) {
        let some: Vec<Arc<Ticket>> = (from..n.min(from + BATCH))
            .map(|id| Arc::new(run.crowd.ticket(id)))
            .collect();
        run.timed(|run| {
            for ticket in &some {
                run.handle(ticket.created_at, Event::Add(Arc::clone(ticket)));
            }
        })?;
    }
    let of_a_ticket = run.players as f64 / run.gone.len().max(1) as f64;
    Ok(Outcome::Measured(Figure {
        row: "matcher-100",
        unit: "players/s",
        value: run.players as f64 / run.spent.as_secs_f64(),
        baseline: bare(&run.crowd, &run.queue, BARE) * of_a_ticket,
        n: run.players,
    }))
}

/// Nine of ten who wait are parties of three that find no fourth: what one more ticket costs there.
fn hostile(length: Length) -> anyhow::Result<Vec<Outcome>> {
    let n = match length {
        Length::Full => 1_000_000,
        Length::Quick => 100_000,
    };
    let (few, many) = (probes(1_000)?, probes(n)?);
    let figure = |row, unit, value, baseline| {
        Outcome::Measured(Figure {
            row,
            unit,
            value,
            baseline,
            n: PROBES,
        })
    };
    Ok(vec![
        figure("matcher-hostile.candidates", "tickets", many.0, few.0),
        figure("matcher-hostile", "µs", many.1, few.1),
    ])
}

/// Candidates looked at for one ticket more among n, and the microseconds to add it and take it out again.
fn probes(n: u64) -> anyhow::Result<(f64, f64)> {
    let mut run = Run::new(Crowd::new(Kind::Trios, n), queue("bench-4v4")?);
    let mut next = 0;
    while (run.matcher.len() as u64) < n {
        ensure!(next < n * 8, "too many of the crowd are matched");
        let ticket = run.crowd.ticket(next);
        run.handle(Timestamp(0), Event::Add(Arc::new(ticket)));
        run.verify_all()?;
        next += 1;
    }
    let some: Vec<Arc<Ticket>> = (next..next + PROBES)
        .map(|id| Arc::new(run.crowd.ticket(id)))
        .collect();
    let before = run.matcher.stats().looked_at;
    let started = measure::processor_time();
    for ticket in &some {
        let (now, id) = (ticket.created_at, ticket.id);
        run.handle(now, Event::Add(Arc::clone(ticket)));
        run.matcher.handle(now, Event::Remove(id));
    }
    let micros = (measure::processor_time() - started).as_secs_f64() * 1e6;
    run.verify_all()?;
    let looked_at = run.matcher.stats().looked_at - before;
    Ok((looked_at as f64 / PROBES as f64, micros / PROBES as f64))
}

/// Bytes that the process grows by for each ticket that waits; the baseline is the ticket itself, kept by its caller.
fn memory(length: Length) -> anyhow::Result<Outcome> {
    let n = match length {
        Length::Full => 1_000_000,
        Length::Quick => 100_000,
    };
    let mut paused = (*queue("bench-4v4")?).clone();
    paused.active = false;
    let mut run = Run::new(Crowd::new(Kind::Mixed, n), Arc::new(paused));
    // What a ticket's making leaves behind for the next one is not the matcher's.
    drop(
        (0..BATCH)
            .map(|id| run.crowd.ticket(id))
            .collect::<Vec<_>>(),
    );
    let before = measure::resident_bytes();
    for id in 0..n {
        let ticket = run.crowd.ticket(id);
        run.handle(ticket.created_at, Event::Add(Arc::new(ticket)));
    }
    let value = (measure::resident_bytes() - before) / n as f64;
    let before = measure::resident_bytes();
    let kept: Vec<Arc<Ticket>> = (0..BARE).map(|id| Arc::new(run.crowd.ticket(id))).collect();
    let baseline = (measure::resident_bytes() - before) / kept.len() as f64;
    Ok(Outcome::Measured(Figure {
        row: "matcher-memory",
        unit: "bytes/ticket",
        value,
        baseline,
        n,
    }))
}
