//! How many tickets a second one matcher takes: `cargo run --release -p matcher --example throughput`.
//!
//! Every match is verified by the independent checker, outside the measured time.
#![expect(clippy::print_stdout, reason = "its output is a table")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use matcher::{Event, Match, Matcher, Output, check_match};
use model::queue::{
    Aggregate, Expansion, ExpansionStep, ExpansionTarget, Queue, Reading, RegionRules, Rule,
    RuleKind, Scope, TeamSettings,
};
use model::ticket::{TicketPlayer, TicketState, Value};
use model::{Millis, Name, Region, SessionId, Ticket, TicketId, Timestamp};
use uuid::Uuid;

fn main() {
    println!(
        "row                     waiting   tickets/s   p50 µs   p99 µs   max µs   looked at   matches"
    );
    for n in [1_000, 10_000, 100_000] {
        one_against_one(n);
    }
    for n in [1_000, 10_000, 100_000] {
        four_against_four(n, Crowd::Mixed);
    }
    for n in [1_000, 10_000, 100_000] {
        four_against_four(n, Crowd::TriosOnly);
    }
    large_game(100_000);
}

/// A generator that is good enough for a bench (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn queue(teams: u16, players: u16) -> Queue {
    let team = |n| TeamSettings {
        name: name(&format!("team{n}")),
        players_min: players,
        players_max: players,
        roles: BTreeMap::new(),
    };
    Queue {
        name: name("q"),
        active: true,
        open: Vec::new(),
        session_type: name("Game"),
        cross_play: false,
        regions: RegionRules::default(),
        teams: (0..teams).map(team).collect(),
        party_players_max: 4,
        party_aggregate: Aggregate::Mean,
        attributes: BTreeMap::new(),
        role_attribute: None,
        rules: Vec::new(),
        expansions: Vec::new(),
        ticket_time_out: None,
        placement_retries: 3,
    }
}

fn with_skill(mut queue: Queue) -> Queue {
    queue.rules.push(Rule {
        name: name("skill-gap"),
        prefer: None,
        kind: RuleKind::Distance {
            read: Reading::of(name("skill")),
            per: Scope::Party,
            of: Aggregate::Mean,
            max: 100.0,
        },
    });
    let step = |seconds, max| ExpansionStep {
        after: Millis::seconds(seconds),
        limit: Some(max),
    };
    queue.expansions.push(Expansion {
        target: ExpansionTarget::Rule(0),
        steps: vec![step(10, 200.0), step(30, 500.0)],
    });
    queue
}

fn ticket(id: u64, now: i64, players: u64, skill: u64, pings: &[(Region, u32)]) -> Arc<Ticket> {
    let id = Uuid::from_u128(u128::from(id));
    let player = |n| TicketPlayer {
        player: format!("{id}-{n}").parse().expect("a player"),
        platform: None,
        attributes: BTreeMap::from([(name("skill"), Value::Number(skill as f64))]),
        latencies: pings.iter().cloned().collect(),
    };
    Arc::new(Ticket {
        id: TicketId(id),
        queue: name("q"),
        party: SessionId(id),
        created_at: Timestamp(now),
        expires_at: None,
        state: TicketState::Searching,
        reason: None,
        ended_at: None,
        match_id: None,
        session: None,
        placements_failed: 0,
        custom_data: Default::default(),
        players: (0..players).map(player).collect(),
    })
}

struct Bench {
    queue: Arc<Queue>,
    matcher: Matcher,
    live: HashMap<TicketId, Arc<Ticket>>,
    matches: u64,
    players: u64,
    times: Vec<Duration>,
}

impl Bench {
    fn new(queue: Queue) -> Bench {
        let queue = Arc::new(queue);
        let matcher = Matcher::new(vec![Arc::clone(&queue)], 1);
        Bench {
            queue,
            matcher,
            live: HashMap::new(),
            matches: 0,
            players: 0,
            times: Vec::new(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
    fn handle(&mut self, now: i64, event: Event) {
        if let Event::Add(ticket) = &event {
            self.live.insert(ticket.id, Arc::clone(ticket));
        }
        let start = Instant::now();
        let outputs = self.matcher.handle(Timestamp(now), event);
        self.times.push(start.elapsed());
        self.take(now, outputs);
    }

    fn take(&mut self, now: i64, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Match(found) = output {
                self.verify(now, &found);
                self.matcher
                    .handle(Timestamp(now), Event::Committed(found.handle));
            }
        }
    }

    fn verify(&mut self, now: i64, found: &Match) {
        let tickets: Vec<Arc<Ticket>> = found
            .tickets()
            .filter_map(|id| self.live.remove(&id))
            .collect();
        let tickets: Vec<&Ticket> = tickets.iter().map(|t| &**t).collect();
        check_match(&self.queue, &tickets, Timestamp(now), found).expect("every rule is kept");
        self.matches += 1;
        self.players += u64::from(found.figures.players);
    }

    fn print(&mut self, row: &str, waiting: usize, tickets: usize, looked_at: u64) {
        let total: Duration = self.times.iter().sum();
        self.times.sort_unstable();
        let at = |q: f64| {
            let n = (self.times.len() as f64 * q) as usize;
            self.times
                .get(n.min(self.times.len().saturating_sub(1)))
                .map_or(0.0, |t| t.as_secs_f64() * 1e6)
        };
        println!(
            "{row:<22} {waiting:>8} {:>11.0} {:>8.1} {:>8.1} {:>8.0} {:>11.1} {:>9}",
            tickets as f64 / total.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(1.0),
            looked_at as f64 / tickets as f64,
            self.matches,
        );
        let stats = self.matcher.stats();
        if stats.put_off + stats.given_up > 0 {
            println!(
                "    searches put off {}, given up {}",
                stats.put_off, stats.given_up
            );
        }
    }
}

/// n tickets wait in a paused queue; then it opens.
fn one_against_one(n: u64) {
    let mut paused = queue(2, 1);
    paused.active = false;
    let mut bench = Bench::new(paused);
    for id in 0..n {
        bench.handle(0, Event::Add(ticket(id, 0, 1, 0, &[])));
    }
    bench.times.clear();
    bench.queue = Arc::new(queue(2, 1));
    let queues = vec![Arc::clone(&bench.queue)];
    let outputs = bench.matcher.set_queues(Timestamp(0), queues);
    bench.take(0, outputs);
    while bench.matcher.next_deadline().is_some() {
        bench.handle(0, Event::Tick);
    }
    assert!(bench.matcher.is_empty());
    bench.print(
        "1v1 all acceptable",
        n as usize,
        n as usize,
        bench.matcher.stats().looked_at,
    );
}

enum Crowd {
    /// Parties of 1-4; the skills so far apart that about n tickets wait.
    Mixed,
    /// Nine of ten parties are trios that find no fourth, all of one skill.
    TriosOnly,
}

fn four_against_four(n: u64, crowd: Crowd) {
    let mut queue = with_skill(queue(2, 4));
    queue.regions.max_latency = Some(Millis(80));
    let mut bench = Bench::new(queue);
    let mut chance = Chance(n);
    let regions: Vec<Region> = ["ap", "eu", "sa", "us", "za"]
        .iter()
        .map(|r| r.parse().expect("a region"))
        .collect();
    let mut draw = |id: u64, now: i64| {
        let (players, skill) = match crowd {
            Crowd::Mixed => (1 + chance.below(4), chance.below(n * 12)),
            Crowd::TriosOnly if chance.below(20) > 0 => (3, 1_000 + chance.below(20)),
            Crowd::TriosOnly => (1 + chance.below(4), chance.below(n * 12)),
        };
        let home = chance.below(5) as usize;
        let ping = |(at, region): (usize, &Region)| {
            let far = (at as i64 - home as i64).unsigned_abs() as u32;
            (region.clone(), 15 + 40 * far)
        };
        let pings: Vec<(Region, u32)> = regions.iter().enumerate().map(ping).collect();
        ticket(id, now, players, skill, &pings)
    };
    let mut id = 0;
    while bench.matcher.len() < n as usize && id < n * 8 {
        // Everybody arrives within the first seconds; what waits is then left to widen.
        let now = (id * 9_000 / (n * 8)) as i64;
        bench.handle(now, Event::Add(draw(id, now)));
        id += 1;
    }
    let mut now = 9_000;
    let waiting = bench.matcher.len();
    bench.times.clear();
    (bench.matches, bench.players) = (0, 0);
    let before = bench.matcher.stats().looked_at;
    let arrivals = 100_000;
    let mut recent = Vec::new();
    for n in 0..arrivals {
        now += i64::from(n % 10 == 0);
        let ticket = draw(id, now);
        recent.push(ticket.id);
        bench.handle(now, Event::Add(ticket));
        id += 1;
        if n % 10 == 9 {
            let gone = recent.swap_remove(n / 2 % recent.len());
            bench.handle(now, Event::Remove(gone));
        }
    }
    let row = match crowd {
        Crowd::Mixed => "4v4 skill and latency",
        Crowd::TriosOnly => "4v4 crowd of trios",
    };
    let looked_at = bench.matcher.stats().looked_at - before;
    bench.print(row, waiting, arrivals, looked_at);
}

/// 50v50 in one region, parties of 1-4.
fn large_game(n: u64) {
    let mut bench = Bench::new(with_skill(queue(2, 50)));
    let mut chance = Chance(n);
    for id in 0..n {
        let (players, skill) = (1 + chance.below(4), chance.below(2_000));
        bench.handle(0, Event::Add(ticket(id, 0, players, skill, &[])));
    }
    let waiting = bench.matcher.len();
    bench.print(
        "50v50",
        waiting,
        n as usize,
        bench.matcher.stats().looked_at,
    );
}
