//! The tickets of a simulation, in the order in which they come: drawn from a population or read from a trace.

use std::collections::BTreeMap;

use model::ticket::{TicketPlayer, Value};
use model::{Millis, PlayerId, Timestamp};

use super::chance::{Chance, Spread, Values, Weighted};
use super::population::Population;

const HOUR_MS: u64 = 3_600_000;
/// A day, in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A ticket to come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrival {
    pub(super) at: Timestamp,
    pub(super) players: Vec<TicketPlayer>,
    /// It is taken back if not matched by then.
    pub(super) leaves_after: Option<Millis>,
    /// Its party queues again so long after it was matched.
    pub(super) comes_back_after: Option<Millis>,
}

/// Where tickets come from.
#[derive(Debug)]
pub(super) enum Crowd {
    Population {
        population: Box<Population>,
        seed: u64,
    },
    Trace(Vec<Arrival>),
}

impl Crowd {
    /// Tickets that come by themselves; not those of parties that come back.
    pub(super) fn tickets(&self) -> u64 {
        match self {
            Crowd::Population { population, .. } => {
                population.tickets_per_day * u64::from(population.days)
            }
            Crowd::Trace(arrivals) => arrivals.len() as u64,
        }
    }

    /// When hours are counted from.
    pub(super) fn starts(&self) -> Timestamp {
        match self {
            Crowd::Population { population, .. } => population.starts,
            Crowd::Trace(arrivals) => {
                let first = arrivals.first().map_or(0, |arrival| arrival.at.0);
                Timestamp(first.div_euclid(DAY_MS) * DAY_MS)
            }
        }
    }

    /// The midnight after the last ticket that comes by itself.
    pub(super) fn ends(&self) -> Timestamp {
        let starts = self.starts();
        let days = match self {
            Crowd::Population { population, .. } => u64::from(population.days),
            Crowd::Trace(arrivals) => {
                let last = arrivals.last().map_or(starts, |arrival| arrival.at);
                last.since(starts).0 / DAY_MS.unsigned_abs() + 1
            }
        };
        starts + Millis(days.saturating_mul(DAY_MS.unsigned_abs()))
    }

    /// Whether a party ever queues twice.
    pub(super) fn comes_back(&self) -> bool {
        match self {
            Crowd::Population { population, .. } => population.comes_back.is_some(),
            Crowd::Trace(_) => false,
        }
    }

    /// Whether a player may come while an earlier ticket of his still waits: a trace may say so. Who is drawn comes
    /// back only once he was matched.
    pub(super) fn may_overlap(&self) -> bool {
        matches!(self, Crowd::Trace(_))
    }

    /// The party of the ticket with this number, matched long enough ago, as it queues again.
    pub(super) fn again(&self, at: Timestamp, players: Vec<TicketPlayer>, number: u64) -> Arrival {
        let (leaves_after, comes_back_after) = match self {
            Crowd::Population { population, seed } => {
                let mut chance = Chance::of(!seed, number);
                later(population, &mut chance)
            }
            Crowd::Trace(_) => (None, None),
        };
        Arrival {
            at,
            players,
            leaves_after,
            comes_back_after,
        }
    }

    /// All of them, in order of time; the same ones every time.
    pub(super) fn arrivals(&self) -> Box<dyn Iterator<Item = Arrival> + '_> {
        match self {
            Crowd::Population { population, seed } => Box::new(drawn(population, *seed)),
            Crowd::Trace(arrivals) => Box::new(arrivals.iter().cloned()),
        }
    }
}

/// An hour's tickets are spread over it evenly by chance; how many they are follows the curve exactly.
fn drawn(population: &Population, seed: u64) -> impl Iterator<Item = Arrival> + '_ {
    let hours = u64::from(population.days) * 24;
    let homes = population.regions.iter();
    let all: f64 = homes
        .map(|home| home.share * population.hours.iter().sum::<f64>())
        .sum();
    let mut owed = 0.0;
    let mut number = 0;
    (0..hours).flat_map(move |hour| {
        let weights: Vec<f64> = population
            .regions
            .iter()
            .map(|home| {
                let local = (hour as i64 + i64::from(home.hours_ahead)).rem_euclid(24);
                home.share * population.hours[local as usize]
            })
            .collect();
        owed += population.tickets_per_day as f64 * weights.iter().sum::<f64>() / all;
        // Rounding is carried over, and the last hour settles it.
        let wanted = match hour + 1 == hours {
            true => population.tickets_per_day * u64::from(population.days) - number,
            false => (owed.round() as u64).saturating_sub(number),
        };
        let homes = Weighted::new(weights.into_iter().zip(0..));
        let mut chance = Chance::of(seed, hour | 1 << 63);
        let mut times: Vec<u64> = (0..wanted).map(|_| chance.below(HOUR_MS)).collect();
        times.sort_unstable();
        let first = number;
        number += wanted;
        times.into_iter().zip(first..).map(move |(offset, number)| {
            let mut chance = Chance::of(seed, number);
            let home = homes.as_ref().and_then(|homes| homes.draw(&mut chance));
            let at = population.starts + Millis(hour * HOUR_MS + offset);
            arrival(
                population,
                at,
                home.copied().unwrap_or(0),
                number,
                &mut chance,
            )
        })
    })
}

fn arrival(
    population: &Population,
    at: Timestamp,
    home: usize,
    number: u64,
    chance: &mut Chance,
) -> Arrival {
    let size = population.parties.draw(chance).copied().unwrap_or(1);
    let mut players: Vec<TicketPlayer> = (0..size)
        .filter_map(|member| player(number, member).map(TicketPlayer::new))
        .collect();
    for (region, spread) in population.regions.get(home).iter().flat_map(|h| &h.latency) {
        let drawn = spread.draw_party(chance, players.len());
        for (player, ms) in players.iter_mut().zip(drawn) {
            player.latencies.insert(region.clone(), ms.round() as u32);
        }
    }
    for (name, values) in &population.attributes {
        let drawn = draw(values, chance, players.len());
        for (player, value) in players.iter_mut().zip(drawn) {
            player.attributes.insert(name.clone(), value);
        }
    }
    let (leaves_after, comes_back_after) = later(population, chance);
    Arrival {
        at,
        players,
        leaves_after,
        comes_back_after,
    }
}

/// Whether a party loses patience and whether it comes back, and when.
fn later(population: &Population, chance: &mut Chance) -> (Option<Millis>, Option<Millis>) {
    let mut one = |what: &Option<(f64, Spread)>| {
        let (share, spread) = what.as_ref()?;
        let happens = chance.share() < *share;
        let after = spread.draw(chance);
        happens.then_some(Millis((after * 1_000.0).round() as u64))
    };
    (one(&population.cancel), one(&population.comes_back))
}

/// An id that is as short as any.
pub(super) fn player(number: u64, member: u16) -> Option<PlayerId> {
    format!("p{number}-{member}").parse().ok()
}

/// A value for each player of a party.
fn draw(values: &Values, chance: &mut Chance, players: usize) -> Vec<Value> {
    match values {
        Values::Number(spread) => {
            let drawn = spread.draw_party(chance, players);
            drawn.into_iter().map(Value::Number).collect()
        }
        // A party that queues together agrees on what it plays.
        Values::Text(texts) => {
            let text = texts.draw(chance).cloned().unwrap_or_default();
            vec![Value::String(text); players]
        }
        Values::OneText(texts) => {
            let text = texts.draw(chance).cloned().into_iter().collect();
            vec![Value::Strings(text); players]
        }
        Values::Texts(texts) => {
            let one = |_| {
                let has = texts.iter().filter(|(share, _)| chance.share() < *share);
                Value::Strings(has.map(|(_, text)| text.clone()).collect())
            };
            (0..players).map(one).collect()
        }
        Values::Numbers(numbers) => {
            let mut all = vec![BTreeMap::new(); players];
            for (key, spread) in numbers {
                let drawn = spread.draw_party(chance, players);
                for (own, x) in all.iter_mut().zip(drawn) {
                    own.insert(key.clone(), x);
                }
            }
            all.into_iter().map(Value::Numbers).collect()
        }
    }
}
