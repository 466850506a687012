//! Virtual time: the matcher of the server, fed with a crowd as fast as it goes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, ensure};
use matcher::{End, Estimator, Event, Match, Matcher, Output, Waiter, check_match, nearest_region};
use model::opening;
use model::queue::Queue;
use model::ticket::TicketPlayer;
use model::{Millis, PlayerId, Region, SessionId, Ticket, TicketId, Timestamp};
use uuid::Uuid;

use super::crowd::{Arrival, Crowd};
use super::population::TICKETS_MAX;
use super::progress::Progress;

/// Rounds of the matcher without time passing, after which it would never end.
const IDLE_MAX: u32 = 10_000_000;

/// What became of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The run ended and it still waited.
    Waiting,
    Matched,
    Expired,
    Canceled,
    /// At the door.
    Refused,
    /// One of its players came again in a later ticket: whoever queues anew has stopped waiting before.
    Replaced,
}

/// A ticket and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) created_at: Timestamp,
    /// Index into [`Day::regions`]: the region nearest to it.
    pub(super) region: u16,
    pub(super) players: u16,
    pub(super) fate: Fate,
    /// Until it was matched or otherwise ended; none if it still waits.
    pub(super) waited: Millis,
    /// The largest difference of two parties of its match, in what the queue's first distance rule reads.
    pub(super) skill_gap: f32,
    /// The largest difference of two teams of its match, in what the queue balances.
    pub(super) balance_gap: f32,
    /// Of the one of its players who is farthest from the match's region.
    pub(super) latency_ms: Option<u16>,
}

/// What happened.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) queue: Arc<Queue>,
    pub(super) records: Vec<Record>,
    /// For each record and each of the queue's estimate quantiles what was promised when it came.
    pub(super) promised: Vec<Option<Millis>>,
    pub(super) regions: Vec<Option<Region>>,
    /// Players of each match.
    pub(super) match_players: Vec<u32>,
    /// Why tickets were refused, in words, and how many.
    pub(super) refused: BTreeMap<String, u64>,
    /// Which tickets were refused at the door, in order: the first of the crowd is 0. Who comes back was let in before.
    pub(super) turned_away: Vec<u64>,
    pub(super) stats: matcher::Stats,
}

/// What happens besides arrivals.
#[derive(Debug, Clone, PartialEq)]
enum Later {
    Leave(u64),
    /// The party of the ticket of this number queues again.
    Again(Vec<TicketPlayer>, u64),
}

/// A ticket that waits.
#[derive(Debug)]
struct Live {
    ticket: Arc<Ticket>,
    comes_back_after: Option<Millis>,
}

struct Run<'a> {
    crowd: &'a Crowd,
    day: Day,
    matcher: Matcher,
    estimator: Estimator,
    /// By number; `None`: it has ended.
    live: Vec<Option<Live>>,
    /// In which of them the players wait; left empty where nobody can be in two.
    waits_in: BTreeMap<PlayerId, u64>,
    later: BinaryHeap<Reverse<(Timestamp, u64)>>,
    /// By the second number in `later`.
    what: BTreeMap<u64, Later>,
    next_later: u64,
    hours_change: Option<Timestamp>,
    /// Nobody comes back after this, nor waits for the queue to open.
    ends: Timestamp,
    now: Timestamp,
    idle: u32,
    halt: Halt<'a>,
}

/// What ends a run before its crowd does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halt<'a> {
    /// Somebody asked.
    pub(super) stop: &'a AtomicBool,
    /// More tickets than these, those who come back counted, are an error.
    pub(super) tickets_max: u64,
}

impl<'a> Halt<'a> {
    pub(super) fn at(stop: &'a AtomicBool) -> Halt<'a> {
        Halt {
            stop,
            tickets_max: TICKETS_MAX,
        }
    }
}

/// Runs a crowd through a queue.
///
/// # Errors
/// When a match breaks a rule, which is a defect of the matcher, when too many come back, or when the run was asked to
/// stop.
pub(super) fn run(
    queue: &Arc<Queue>,
    crowd: &Crowd,
    seed: u64,
    progress: &mut Progress,
    halt: Halt<'_>,
) -> anyhow::Result<Day> {
    let starts = crowd.starts();
    let mut run = Run {
        crowd,
        day: Day {
            queue: Arc::clone(queue),
            records: Vec::new(),
            promised: Vec::new(),
            regions: Vec::new(),
            match_players: Vec::new(),
            refused: Default::default(),
            turned_away: Vec::new(),
            stats: Default::default(),
        },
        matcher: Matcher::new(vec![queue.as_of(starts)], seed),
        estimator: Estimator::new(&queue.estimate_quantiles),
        live: Vec::new(),
        waits_in: BTreeMap::new(),
        later: BinaryHeap::new(),
        what: Default::default(),
        next_later: 0,
        hours_change: opening::next_change(&queue.open, starts),
        ends: crowd.ends(),
        now: starts,
        idle: 0,
        halt,
    };
    let mut arrivals = crowd.arrivals().zip(0..).peekable();
    loop {
        let arrival = arrivals.peek().map(|(arrival, _)| arrival.at);
        let Some(at) = run.next(arrival) else { break };
        run.step(at)?;
        while let Some((arrival, number)) = arrivals.next_if(|(arrival, _)| arrival.at <= at) {
            progress.came(run.now.since(starts));
            if !run.arrive(arrival)? {
                run.day.turned_away.push(number);
            }
        }
        run.tick(at)?;
    }
    run.day.stats = run.matcher.stats();
    Ok(run.day)
}

impl Run<'_> {
    /// When something happens next; `None`: never again. A queue that opens and closes for ever without anybody in
    /// it, or for those alone who never leave, is over.
    fn next(&self, arrival: Option<Timestamp>) -> Option<Timestamp> {
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        let due = self.matcher.next_deadline();
        let ahead = [arrival, later, due];
        let next = ahead.into_iter().flatten().min();
        let change = self.hours_change.filter(|_| {
            next.is_some() || (!self.matcher.is_empty() && self.hours_change < Some(self.ends))
        });
        next.into_iter()
            .chain(change)
            .min()
            .map(|at| at.max(self.now))
    }

    /// Something more happens, perhaps at the same instant.
    fn goes_on(&mut self) -> anyhow::Result<()> {
        self.idle += 1;
        ensure!(
            self.idle < IDLE_MAX,
            "the matcher does not come to an end at one instant"
        );
        if self.idle % 1_024 == 1 {
            ensure!(
                !self.halt.stop.load(Ordering::Relaxed),
                "stopped; nothing was written"
            );
        }
        Ok(())
    }

    /// Time moves to `at`: hours, and what was planned.
    fn step(&mut self, at: Timestamp) -> anyhow::Result<()> {
        if at > self.now {
            self.idle = 0;
        }
        self.goes_on()?;
        self.now = at;
        if self.hours_change.is_some_and(|change| change <= at) {
            self.hours_change = opening::next_change(&self.day.queue.open, at);
            let queue = self.day.queue.as_of(at);
            let outputs = self.matcher.set_queues(at, vec![queue]);
            self.answer(outputs)?;
        }
        while let Some(Reverse((due, number))) = self.later.peek().copied()
            && due <= at
        {
            self.later.pop();
            self.goes_on()?;
            match self.what.remove(&number) {
                Some(Later::Leave(number)) => self.take_back(number, Fate::Canceled)?,
                Some(Later::Again(players, number)) => {
                    let arrival = self.crowd.again(at, players, number);
                    self.arrive(arrival)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn tick(&mut self, at: Timestamp) -> anyhow::Result<()> {
        if self.matcher.next_deadline().is_some_and(|due| due <= at) {
            let outputs = self.matcher.handle(at, Event::Tick);
            self.answer(outputs)?;
        }
        Ok(())
    }

    fn plan(&mut self, at: Timestamp, what: Later) {
        self.later.push(Reverse((at, self.next_later)));
        self.what.insert(self.next_later, what);
        self.next_later += 1;
    }

    /// Whether the ticket was let in.
    fn arrive(&mut self, arrival: Arrival) -> anyhow::Result<bool> {
        let number = self.day.records.len() as u64;
        let most = self.halt.tickets_max;
        ensure!(
            number < most,
            "more than {most} tickets with those who come back, the most of one run; write a smaller come_back.share or tickets_per_day, or a longer come_back.after_seconds"
        );
        let queue = Arc::clone(&self.day.queue);
        let mut ticket = ticket(&queue, number, &arrival);
        let refused = matcher::validate(&queue, &ticket).err();
        matcher::prepare(&queue, &mut ticket);
        let region = nearest_region(&queue, &ticket).cloned();
        let known = self.day.regions.iter().position(|known| *known == region);
        let place = known.unwrap_or_else(|| {
            self.day.regions.push(region.clone());
            self.day.regions.len() - 1
        });
        let mut record = Record {
            created_at: arrival.at,
            region: u16::try_from(place).unwrap_or(u16::MAX),
            players: u16::try_from(ticket.players.len()).unwrap_or(u16::MAX),
            fate: Fate::Waiting,
            waited: Millis(0),
            skill_gap: 0.0,
            balance_gap: 0.0,
            latency_ms: None,
        };
        if let Some(rejection) = refused {
            record.fate = Fate::Refused;
            let none = queue.estimate_quantiles.iter().map(|_| None);
            self.day.promised.extend(none);
            self.day.records.push(record);
            self.live.push(None);
            self.refuse(&ticket.players, &rejection.to_string());
            return Ok(false);
        }
        let waiter = Waiter {
            region: region.as_ref(),
            players: record.players,
            created_at: arrival.at,
        };
        self.replace(number, &ticket.players)?;
        let promised = self.estimator.arrived(self.now, &waiter);
        let unknown = std::iter::repeat(None);
        let quantiles = queue.estimate_quantiles.len();
        self.day
            .promised
            .extend(promised.into_iter().chain(unknown).take(quantiles));
        self.day.records.push(record);
        let ticket = Arc::new(ticket);
        self.live.push(Some(Live {
            ticket: Arc::clone(&ticket),
            comes_back_after: arrival.comes_back_after,
        }));
        if let Some(after) = arrival.leaves_after {
            self.plan(arrival.at + after, Later::Leave(number));
        }
        let outputs = self.matcher.handle(self.now, Event::Add(ticket));
        self.answer(outputs)?;
        Ok(true)
    }

    /// Counts a refusal by its words, without the names of players.
    fn refuse(&mut self, players: &[TicketPlayer], words: &str) {
        let is_name = |word: &str| {
            let mut parts = word.split(|c: char| ".,;: ".contains(c));
            parts.any(|part| players.iter().any(|player| player.player.as_str() == part))
        };
        let said: Vec<&str> = words
            .split(' ')
            .map(|word| if is_name(word) { "…" } else { word })
            .collect();
        *self.day.refused.entry(said.join(" ")).or_default() += 1;
    }

    /// The tickets in which these players still wait end: a player waits in one at a time.
    fn replace(&mut self, number: u64, players: &[TicketPlayer]) -> anyhow::Result<()> {
        if !self.crowd.may_overlap() {
            return Ok(());
        }
        let earlier = players
            .iter()
            .filter_map(|player| self.waits_in.get(&player.player).copied());
        let earlier: BTreeSet<u64> = earlier.collect();
        for number in earlier {
            self.take_back(number, Fate::Replaced)?;
        }
        let players = players.iter().map(|player| (player.player.clone(), number));
        self.waits_in.extend(players);
        Ok(())
    }

    /// Its party waits no more, if it still does.
    fn take_back(&mut self, number: u64, fate: Fate) -> anyhow::Result<()> {
        let Some(live) = self.live.get(number as usize).and_then(Option::as_ref) else {
            return Ok(());
        };
        let id = live.ticket.id;
        // What is due at this very moment comes first, and may be a match with it.
        let outputs = self.matcher.handle(self.now, Event::Remove(id));
        self.answer(outputs)?;
        self.end(number, fate);
        Ok(())
    }

    /// Notes how a ticket ended; the ticket, if it was live.
    fn end(&mut self, number: u64, fate: Fate) -> Option<Live> {
        let live = self.live.get_mut(number as usize)?.take()?;
        if self.crowd.may_overlap() {
            for player in &live.ticket.players {
                self.waits_in.remove(&player.player);
            }
        }
        let record = &mut self.day.records[number as usize];
        record.fate = fate;
        record.waited = self.now.since(record.created_at);
        let region = &self.day.regions[usize::from(record.region)];
        let waiter = Waiter {
            region: region.as_ref(),
            players: record.players,
            created_at: record.created_at,
        };
        let end = match fate {
            Fate::Matched => End::Matched,
            _ => End::Gone,
        };
        self.estimator.ended(self.now, &waiter, end);
        Some(live)
    }

    /// Does what the server does with decisions; a match stands at once.
    fn answer(&mut self, outputs: Vec<Output>) -> anyhow::Result<()> {
        let mut outputs = std::collections::VecDeque::from(outputs);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Match(found) => {
                    self.matched(&found)?;
                    let committed = Event::Committed(found.handle);
                    outputs.extend(self.matcher.handle(self.now, committed));
                }
                Output::Expired(id) => {
                    self.end(number_of(id), Fate::Expired);
                }
                Output::Refused(id, rejection) => {
                    if let Some(live) = self.end(number_of(id), Fate::Refused) {
                        self.refuse(&live.ticket.players, &rejection.to_string());
                    }
                }
                Output::Refill(refill) => {
                    let session = refill.session;
                    anyhow::bail!("session {session} was refilled, though none asked");
                }
                Output::Again(id) | Output::QueueRemoved(id) => {
                    anyhow::bail!("ticket {id} lost its queue, which stands");
                }
            }
        }
        Ok(())
    }

    fn matched(&mut self, found: &Match) -> anyhow::Result<()> {
        let mut tickets = Vec::new();
        for id in found.tickets() {
            let live = self.live.get(number_of(id) as usize);
            let live = live.and_then(Option::as_ref);
            tickets.push(Arc::clone(
                &live
                    .with_context(|| format!("{id} is matched twice"))?
                    .ticket,
            ));
        }
        let all: Vec<&Ticket> = tickets.iter().map(|ticket| &**ticket).collect();
        check_match(&self.day.queue, &all, self.now, found)
            .map_err(anyhow::Error::msg)
            .context("a match breaks a rule, which is a defect of Muster")?;
        for ticket in &tickets {
            let number = number_of(ticket.id);
            let latencies = found.region.iter().flat_map(|region| {
                let of = ticket.players.iter();
                of.filter_map(move |player| player.latencies.get(region))
            });
            let latency = latencies.max().copied();
            let record = &mut self.day.records[number as usize];
            record.skill_gap = found.figures.distance_gap as f32;
            record.balance_gap = found.figures.balance_gap as f32;
            record.latency_ms = latency.map(|ms| u16::try_from(ms).unwrap_or(u16::MAX));
            let live = self.end(number, Fate::Matched);
            if let Some(after) = live.and_then(|live| live.comes_back_after)
                && self.now + after < self.ends
            {
                let again = Later::Again(ticket.players.clone(), number);
                self.plan(self.now + after, again);
            }
        }
        self.day.match_players.push(found.figures.players);
        Ok(())
    }
}

fn ticket(queue: &Queue, number: u64, arrival: &Arrival) -> Ticket {
    // Version 7, as the server draws them: time in front.
    let uuid = Uuid::from_u128((u128::from(arrival.at.0 as u64) << 80) | u128::from(number));
    let (id, party) = (TicketId(uuid), SessionId(uuid));
    Ticket {
        expires_at: arrival.at.after(queue.ticket_time_out),
        players: arrival.players.clone(),
        ..Ticket::new(id, queue.name.clone(), party, arrival.at)
    }
}

fn number_of(id: TicketId) -> u64 {
    id.0.as_u128() as u64
}
