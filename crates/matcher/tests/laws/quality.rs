//! How good matches of small pools are beside the best that there are, found by trying everything.

use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output};
use model::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, Expansion, ExpansionStep,
    ExpansionTarget, Queue, Reading, Rule, RuleKind, Scope, TeamSettings,
};
use model::ticket::{TicketPlayer, Value};
use model::{Millis, Name, SessionId, Ticket, TicketId, Timestamp};
use uuid::Uuid;

/// The most tickets of a pool.
pub const TICKETS_MAX: usize = 16;
/// The skill window, and what it widens to after ten seconds.
const WINDOW: (f64, f64) = (200.0, 500.0);
/// Players of a team.
const TEAM: usize = 4;

/// How the tickets of a pool come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coming {
    /// One after the other, half a second apart: a match is made as soon as one is possible.
    Arriving,
    /// All of them wait when the queue opens.
    Opening,
}

/// Whether matches are compared with the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// With every other that there might have been.
    Exhaustive,
    /// They are only made.
    Nobody,
}

/// Sums over matches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quality {
    /// Matches.
    pub matches: u32,
    /// Of the matches: the largest difference in skill of two parties.
    pub gap: f64,
    /// The same of the best match with the same two oldest tickets, to whom it was promised.
    pub best_gap: f64,
    /// The same of the best match with the same oldest ticket, whoever else has to wait on.
    pub best_gap_of_oldest: f64,
    /// Of the matches: the difference of the teams' means.
    pub balance: f64,
    /// The same of the best split of the same tickets.
    pub best_balance: f64,
}

impl Quality {
    /// By how much the mean gap is above the best, 0.05 for 5 %.
    pub fn gap_loss(&self) -> f64 {
        self.gap / self.best_gap - 1.0
    }

    /// By how much the mean gap is above the best for the oldest, whoever else has to wait on.
    pub fn gap_loss_of_oldest(&self) -> f64 {
        self.gap / self.best_gap_of_oldest - 1.0
    }

    /// By how much the mean difference of teams is above the best.
    pub fn balance_loss(&self) -> f64 {
        self.balance / self.best_balance - 1.0
    }
}

/// SplitMix64.
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

/// 4v4 by skill, parties of one to three.
pub fn queue() -> Queue {
    let skill = Attribute {
        kind: AttributeType::Number,
        source: AttributeSource::Server,
        default: None,
    };
    let team = |team: &str| TeamSettings::new(name(team), TEAM as u16, TEAM as u16);
    Queue {
        party_players_max: 3,
        attributes: [(name("skill"), skill)].into_iter().collect(),
        rules: vec![Rule {
            name: name("skill-gap"),
            prefer: None,
            kind: RuleKind::Distance {
                read: Reading::of(name("skill")),
                per: Scope::Party,
                of: Aggregate::Mean,
                max: WINDOW.0,
            },
        }],
        expansions: vec![Expansion {
            target: ExpansionTarget::Rule(0),
            steps: vec![ExpansionStep {
                after: Millis::seconds(10),
                limit: Some(WINDOW.1),
            }],
        }],
        ..Queue::new(name("q"), vec![team("red"), team("blue")])
    }
}

fn ticket(id: u64, at: i64, chance: &mut Chance) -> Ticket {
    let size = 1 + chance.below(6).saturating_sub(3);
    let around = chance.below(1_200);
    let player = |n: u64, skill: u64| TicketPlayer {
        attributes: [(name("skill"), Value::Number(skill as f64))]
            .into_iter()
            .collect(),
        ..TicketPlayer::new(format!("p{id}-{n}").parse().expect("a player"))
    };
    let uuid = Uuid::from_u128(u128::from(id));
    Ticket {
        players: (0..size)
            .map(|n| player(n, around + chance.below(60)))
            .collect(),
        ..Ticket::new(TicketId(uuid), name("q"), SessionId(uuid), Timestamp(at))
    }
}

/// What the reference knows of a ticket.
#[derive(Debug, Clone, Copy)]
struct Party {
    id: TicketId,
    at: i64,
    players: usize,
    sum: f64,
}

impl Party {
    fn of(ticket: &Ticket) -> Party {
        let skills = ticket
            .players
            .iter()
            .map(|player| match player.attributes.get("skill") {
                Some(Value::Number(skill)) => *skill,
                _ => 0.0,
            });
        Party {
            id: ticket.id,
            at: ticket.created_at.0,
            players: ticket.players.len(),
            sum: skills.sum(),
        }
    }

    fn skill(&self) -> f64 {
        self.sum / self.players as f64
    }

    fn limit(&self, now: i64) -> f64 {
        if now - self.at >= 10_000 {
            WINDOW.1
        } else {
            WINDOW.0
        }
    }
}

/// The difference in skill of a set, if its parties accept each other.
fn gap(set: &[Party], now: i64) -> Option<f64> {
    let skills = || set.iter().map(Party::skill);
    let gap = skills().fold(f64::MIN, f64::max) - skills().fold(f64::MAX, f64::min);
    let limit = set
        .iter()
        .map(|party| party.limit(now))
        .fold(f64::MAX, f64::min);
    (gap <= limit).then_some(gap)
}

/// The smallest difference of the teams' means over every split into two full teams.
fn best_split(set: &[Party]) -> Option<f64> {
    let splits = (0_u32..1 << set.len()).filter_map(|bits| {
        let red = || {
            set.iter()
                .enumerate()
                .filter(move |(n, _)| bits & (1 << n) != 0)
        };
        let players: usize = red().map(|(_, party)| party.players).sum();
        let all: usize = set.iter().map(|party| party.players).sum();
        if players != TEAM || all != 2 * TEAM {
            return None;
        }
        let red: f64 = red().map(|(_, party)| party.sum).sum();
        let all: f64 = set.iter().map(|party| party.sum).sum();
        Some(((all - red) - red).abs() / TEAM as f64)
    });
    splits.reduce(f64::min)
}

/// The smallest gap of any match with these tickets, over every set of the pool.
fn best_gap(pool: &[Party], promised: &[TicketId], now: i64) -> Option<f64> {
    let (with, others): (Vec<Party>, Vec<Party>) =
        pool.iter().partition(|p| promised.contains(&p.id));
    let mut best = None;
    grow(&mut with.clone(), &others, now, &mut best);
    best
}

fn grow(set: &mut Vec<Party>, rest: &[Party], now: i64, best: &mut Option<f64>) {
    let Some(gap) = gap(set, now).filter(|gap| best.is_none_or(|best| *gap < best)) else {
        return;
    };
    let players: usize = set.iter().map(|party| party.players).sum();
    if players == 2 * TEAM && best_split(set).is_some() {
        *best = Some(gap);
    }
    for (n, party) in rest.iter().enumerate() {
        if players + party.players <= 2 * TEAM {
            set.push(*party);
            grow(set, &rest[n + 1..], now, best);
            set.pop();
        }
    }
}

/// So many pools of random tickets.
pub fn measure(coming: Coming, pools: u32, seed: u64, judge: Judge) -> Quality {
    let mut quality = Quality::default();
    let mut chance = Chance(seed);
    for _ in 0..pools {
        one_pool(coming, judge, &mut chance, &mut quality);
    }
    quality
}

fn one_pool(coming: Coming, judge: Judge, chance: &mut Chance, quality: &mut Quality) {
    let mut open = queue();
    let mut paused = open.clone();
    paused.active = coming == Coming::Arriving;
    open.active = true;
    let mut matcher = Matcher::new(vec![Arc::new(paused)], 1);
    let mut pool: Vec<Party> = Vec::new();
    for id in 0..2 * TICKETS_MAX as u64 {
        if pool.len() == TICKETS_MAX {
            break;
        }
        let at = id as i64 * 500;
        let ticket = ticket(id, at, chance);
        pool.push(Party::of(&ticket));
        let said = matcher.handle(Timestamp(at), Event::Add(Arc::new(ticket)));
        take(said, judge, &mut pool, at, quality);
    }
    let mut now = 2 * TICKETS_MAX as i64 * 500;
    let said = matcher.set_queues(Timestamp(now), vec![Arc::new(open)]);
    take(said, judge, &mut pool, now, quality);
    while let Some(at) = matcher.next_deadline() {
        now = now.max(at.0);
        let said = matcher.handle(Timestamp(now), Event::Tick);
        take(said, judge, &mut pool, now, quality);
    }
}

fn take(said: Vec<Output>, by: Judge, pool: &mut Vec<Party>, now: i64, quality: &mut Quality) {
    for output in said {
        let Output::Match(found) = output else {
            panic!("nothing but matches may come of it: {output:?}");
        };
        quality.matches += 1;
        if by == Judge::Exhaustive {
            judge(&found, pool, now, quality);
        }
        pool.retain(|party| found.tickets().all(|id| id != party.id));
    }
}

fn judge(found: &Match, pool: &[Party], now: i64, quality: &mut Quality) {
    let is_in = |party: &&Party| found.tickets().any(|id| id == party.id);
    let set: Vec<Party> = pool.iter().filter(is_in).copied().collect();
    let mut by_age: Vec<(i64, TicketId)> = set.iter().map(|p| (p.at, p.id)).collect();
    by_age.sort_unstable();
    let promised: Vec<TicketId> = by_age.iter().take(2).map(|(_, id)| *id).collect();
    let own = gap(&set, now).expect("its parties accept each other");
    assert!((own - found.figures.distance_gap).abs() < 1e-9);
    let best = best_gap(pool, &promised, now).expect("there is the match itself");
    let of_oldest = best_gap(pool, &promised[..1], now).expect("there is the match itself");
    let best_balance = best_split(&set).expect("it was split");
    assert!(best <= own && best_balance <= found.figures.balance_gap + 1e-9);
    quality.gap += own;
    quality.best_gap += best;
    quality.best_gap_of_oldest += of_oldest;
    quality.balance += found.figures.balance_gap;
    quality.best_balance += best_balance;
}
