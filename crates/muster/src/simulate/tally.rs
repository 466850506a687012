//! What a run came to: the figures of all tickets, and of those of each region, hour and party size.

use std::collections::BTreeMap;

use model::Timestamp;
use serde::Serialize;

use super::day::{Day, Fate, Record};
use super::reads::GapsOf;

/// Points of a curve: the percentiles from 0 to 100.
const POINTS: usize = 101;

/// A whole run, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) queue: String,
    /// Where the queue was read from.
    pub(super) config: String,
    pub(super) seed: u64,
    /// Every match was judged by the independent checker.
    pub(super) matches_verified: u64,
    /// Of which numbers the gaps are.
    pub(super) gaps_of: GapsOf,
    pub(super) all: Group,
    pub(super) by_region: Vec<Group>,
    /// Of arrival, UTC.
    pub(super) by_hour: Vec<Group>,
    pub(super) by_party: Vec<Group>,
    /// Matches with so many players.
    pub(super) match_players: BTreeMap<u32, u64>,
    /// Why tickets were refused at the door, and how many.
    pub(super) refused: BTreeMap<String, u64>,
    /// Which of the crowd's tickets these were, in order.
    #[serde(skip)]
    pub(super) turned_away: Vec<u64>,
    pub(super) promises: Vec<Promise>,
    /// Searches that ran out of one event's budget, and those that were given up.
    pub(super) searches_put_off: u64,
    pub(super) searches_given_up: u64,
}

/// Figures of some tickets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) tickets: u64,
    pub(super) players: u64,
    pub(super) matched: u64,
    pub(super) expired: u64,
    pub(super) canceled: u64,
    pub(super) refused: u64,
    /// One of its players came again in a later ticket.
    pub(super) replaced: u64,
    /// When the run ended.
    pub(super) waiting: u64,
    /// Of matched tickets.
    pub(super) wait_seconds: Figures,
    /// Of the ticket's match: the largest difference of two parties in the queue's first distance rule.
    pub(super) skill_gap: Figures,
    /// Of the ticket's match: the difference between its teams.
    pub(super) balance_gap: Figures,
    /// Of the ticket's player who is farthest from the match's region.
    pub(super) latency_ms: Figures,
}

/// What is known of many numbers; nothing of none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) n: u64,
    pub(super) mean: Option<f64>,
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
    /// The percentiles from 0 to 100, for a curve; not of parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) percentiles: Vec<f64>,
}

/// What came of the waits that were promised for one quantile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Promise {
    pub(super) quantile: f64,
    /// Tickets that were promised something and did not leave before it came due.
    pub(super) promised: u64,
    /// Of those, matched in time.
    pub(super) kept: u64,
    /// Unknown where nothing was promised.
    pub(super) kept_share: Option<f64>,
    /// Tickets that came when nothing could be promised.
    pub(super) without: u64,
    /// The mean of what was promised.
    pub(super) mean_seconds: Option<f64>,
}

#[derive(Default)]
struct Gathered {
    name: String,
    tickets: u64,
    players: u64,
    fates: [u64; 6],
    waits: Vec<f64>,
    gaps: Vec<f64>,
    balances: Vec<f64>,
    latencies: Vec<f64>,
}

impl Gathered {
    fn named(name: String) -> Gathered {
        Gathered {
            name,
            ..Gathered::default()
        }
    }

    fn add(&mut self, record: &Record, of: &GapsOf) {
        self.tickets += 1;
        self.players += u64::from(record.players);
        self.fates[record.fate as usize] += 1;
        if record.fate != Fate::Matched {
            return;
        }
        self.waits.push(record.waited.0 as f64 / 1_000.0);
        if of.skill_gap.is_some() {
            self.gaps.push(f64::from(record.skill_gap));
        }
        if of.balance_gap.is_some() {
            self.balances.push(f64::from(record.balance_gap));
        }
        self.latencies.extend(record.latency_ms.map(f64::from));
    }

    fn group(self, curve: Curve) -> Group {
        let fate = |fate: Fate| self.fates[fate as usize];
        Group {
            tickets: self.tickets,
            players: self.players,
            matched: fate(Fate::Matched),
            expired: fate(Fate::Expired),
            canceled: fate(Fate::Canceled),
            refused: fate(Fate::Refused),
            replaced: fate(Fate::Replaced),
            waiting: fate(Fate::Waiting),
            name: self.name,
            wait_seconds: figures(self.waits, curve),
            skill_gap: figures(self.gaps, curve),
            balance_gap: figures(self.balances, curve),
            latency_ms: figures(self.latencies, curve),
        }
    }
}

/// Whether percentiles are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    Kept,
    Left,
}

fn figures(mut values: Vec<f64>, curve: Curve) -> Figures {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let at = |q: f64| {
        let rank = (q * n as f64).ceil() as usize;
        let value = values.get(rank.clamp(1, n.max(1)) - 1);
        value.copied().map(rounded)
    };
    let points = (0..POINTS).filter_map(|point| at(point as f64 / (POINTS - 1) as f64));
    Figures {
        n: n as u64,
        mean: share(values.iter().sum(), n as u64),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: at(1.0),
        percentiles: match curve {
            Curve::Kept => points.collect(),
            Curve::Left => Vec::new(),
        },
    }
}

/// Three decimals are more than a simulation is worth; a zero has no sign.
fn rounded(x: f64) -> f64 {
    (x * 1_000.0).round() / 1_000.0 + 0.0
}

/// `None`: of none.
fn share(sum: f64, of: u64) -> Option<f64> {
    (of > 0).then(|| rounded(sum / of as f64))
}

/// Sums a run up.
pub(super) fn report(day: Day, config: &str, seed: u64, starts: Timestamp) -> Report {
    let gaps_of = GapsOf::queue(&day.queue);
    let mut all = Gathered::named("all".into());
    let region = |region: &Option<model::Region>| {
        let name = region.as_ref().map(|region| region.as_str().to_owned());
        Gathered::named(name.unwrap_or_else(|| "nowhere measured".into()))
    };
    let mut by_region: Vec<Gathered> = day.regions.iter().map(region).collect();
    let hour = |hour| Gathered::named(format!("{hour:02}:00"));
    let mut by_hour: Vec<Gathered> = (0..24).map(hour).collect();
    let mut by_party: BTreeMap<u16, Gathered> = BTreeMap::new();
    for record in &day.records {
        all.add(record, &gaps_of);
        by_region[usize::from(record.region)].add(record, &gaps_of);
        let hour = record.created_at.since(starts).0 / 3_600_000 % 24;
        by_hour[hour as usize].add(record, &gaps_of);
        by_party
            .entry(record.players)
            .or_insert_with(|| Gathered::named(record.players.to_string()))
            .add(record, &gaps_of);
    }
    by_region.sort_by(|a, b| a.name.cmp(&b.name));
    let mut match_players = BTreeMap::new();
    for &players in &day.match_players {
        *match_players.entry(players).or_default() += 1;
    }
    let groups = |some: Vec<Gathered>| {
        let there = some.into_iter().filter(|gathered| gathered.tickets > 0);
        there.map(|gathered| gathered.group(Curve::Left)).collect()
    };
    Report {
        queue: day.queue.name.to_string(),
        config: config.to_owned(),
        seed,
        matches_verified: day.match_players.len() as u64,
        gaps_of,
        promises: promises(&day),
        all: all.group(Curve::Kept),
        by_region: groups(by_region),
        by_hour: groups(by_hour),
        by_party: groups(by_party.into_values().collect()),
        match_players,
        refused: day.refused,
        turned_away: day.turned_away,
        searches_put_off: day.stats.put_off,
        searches_given_up: day.stats.given_up,
    }
}

fn promises(day: &Day) -> Vec<Promise> {
    let quantiles = &day.queue.estimate_quantiles;
    let of = |(at, &quantile): (usize, &f64)| {
        let (mut promised, mut kept, mut without, mut sum) = (0_u64, 0_u64, 0, 0.0);
        let made = day.promised.iter().skip(at).step_by(quantiles.len());
        for (record, made) in day.records.iter().zip(made) {
            let Some(wait) = made else {
                without += u64::from(record.fate != Fate::Refused);
                continue;
            };
            let in_time = record.waited <= *wait;
            match record.fate {
                // Nobody knows whether it would have been kept.
                Fate::Canceled | Fate::Expired | Fate::Replaced if in_time => continue,
                Fate::Matched if in_time => kept += 1,
                Fate::Refused => continue,
                // Who still waits would wait for ever: the run ends when nothing more happens.
                Fate::Waiting | Fate::Matched | Fate::Canceled | Fate::Expired | Fate::Replaced => {
                }
            }
            promised += 1;
            sum += wait.0 as f64 / 1_000.0;
        }
        Promise {
            quantile,
            promised,
            kept,
            kept_share: share(kept as f64, promised),
            without,
            mean_seconds: share(sum, promised),
        }
    };
    quantiles.iter().enumerate().map(of).collect()
}
