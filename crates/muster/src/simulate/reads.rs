//! What a queue reads of its players: of what its gaps are, and of which attributes a crowd says nothing.

use std::collections::BTreeSet;

use model::Name;
use model::queue::{Aggregate, Queue, Reading, RuleKind, Scope};
use model::ticket::Value;
use serde::Serialize;

use super::chance::Values;
use super::crowd::Crowd;

/// Of which numbers the gaps of a run are; `None`: the queue demands nothing of which there would be a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct GapsOf {
    pub(super) skill_gap: Option<String>,
    pub(super) balance_gap: Option<String>,
}

impl GapsOf {
    /// What the matcher measures: its first rule `distance` between parties, and its first rule `balance` of means.
    pub(super) fn queue(queue: &Queue) -> GapsOf {
        let rules = || queue.rules.iter().filter(|rule| rule.prefer.is_none());
        let distance = rules().find_map(|rule| match &rule.kind {
            RuleKind::Distance {
                read,
                per: Scope::Party,
                of,
                ..
            } => Some((read, *of)),
            _ => None,
        });
        let balance = rules().find_map(|rule| match &rule.kind {
            RuleKind::Balance {
                read,
                of: Aggregate::Mean,
                ..
            } => Some(read),
            _ => None,
        });
        let alone = queue.party_players_max <= 1;
        let skill_gap = distance.map(|(read, of)| match of {
            Aggregate::Mean => read.to_string(),
            _ if alone => read.to_string(),
            Aggregate::Sum => format!("{read}, summed up by party"),
            Aggregate::Min => format!("{read}, the least of a party"),
            Aggregate::Max => format!("{read}, the greatest of a party"),
        });
        let balance = balance.or(distance.map(|(read, _)| read));
        GapsOf {
            skill_gap,
            balance_gap: balance.map(Reading::to_string),
        }
    }
}

/// What a queue reads of a player, each once.
fn readings(queue: &Queue) -> Vec<Reading> {
    let mut all = Vec::new();
    for rule in &queue.rules {
        rule.kind.readings(&mut |attribute, key| {
            all.push(Reading {
                attribute: attribute.clone(),
                key: key.cloned(),
            });
        });
    }
    all.extend(queue.sort.iter().map(|sort| sort.read.clone()));
    all.extend(queue.role_attribute.clone().map(Reading::of));
    let mut seen = BTreeSet::new();
    all.retain(|read| seen.insert(read.to_string()));
    all
}

/// Whether anybody of a crowd brings what is read.
fn brings(crowd: &Crowd, read: &Reading) -> bool {
    match crowd {
        Crowd::Population { population, .. } => {
            match (population.attributes.get(&read.attribute), &read.key) {
                (None, _) => false,
                (Some(Values::Numbers(numbers)), Some(key)) => numbers.contains_key(key),
                (Some(_), _) => true,
            }
        }
        Crowd::Trace(arrivals) => {
            let players = arrivals.iter().flat_map(|arrival| &arrival.players);
            let mut values = players.filter_map(|player| player.attributes.get(&read.attribute));
            values.any(|value| match (value, &read.key) {
                (Value::Numbers(numbers), Some(key)) => numbers.contains_key(key),
                _ => true,
            })
        }
    }
}

/// What a queue reads and nobody brings.
fn unbrought(crowd: &Crowd, queue: &Queue) -> Vec<Reading> {
    let mut all = readings(queue);
    all.retain(|read| !brings(crowd, read));
    all
}

fn who(crowd: &Crowd) -> &'static str {
    match crowd {
        Crowd::Population { .. } => "population",
        Crowd::Trace(_) => "trace",
    }
}

/// What stands in for it where nobody brings it.
fn has_default(queue: &Queue, read: &Reading) -> bool {
    let default = |name: &Name| queue.attributes.get(name)?.default.as_ref();
    match (default(&read.attribute), &read.key) {
        (Some(Value::Numbers(numbers)), Some(key)) => numbers.contains_key(key),
        (default, _) => default.is_some(),
    }
}

/// A sentence for each attribute that queues read and nobody brings. Each queue comes with its folder.
pub(super) fn unsaid(crowd: &Crowd, queues: &[(&str, &Queue)]) -> Vec<String> {
    let who = who(crowd);
    let mut sentences: Vec<String> = Vec::new();
    for (folder, queue) in queues {
        for read in unbrought(crowd, queue) {
            let has_default = has_default(queue, &read);
            let so = match has_default {
                true => "everybody has its default",
                false => "as it has no default, everybody is refused",
            };
            let does_so = |(_, queue): &(&str, &Queue)| {
                readings(queue).contains(&read) && self::has_default(queue, &read) == has_default
            };
            let by = match queues.iter().all(does_so) {
                true => String::new(),
                false => format!(", which {folder} reads"),
            };
            let sentence = format!("The {who} says nothing of `{read}`{by}: {so}.");
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
    }
    sentences
}

/// A sentence, where one queue alone reads what nobody brings: what it makes of that was not simulated.
pub(super) fn one_sided(
    crowd: &Crowd,
    (this, own): (&str, &Queue),
    (against, other): (&str, &Queue),
) -> Option<String> {
    let (own, other) = (unbrought(crowd, own), unbrought(crowd, other));
    let alone = own.iter().filter(|read| !other.contains(read));
    let alone = alone.chain(other.iter().filter(|read| !own.contains(read)));
    let alone: Vec<String> = alone.map(|read| format!("`{read}`")).collect();
    (!alone.is_empty()).then(|| {
        format!(
            "{this} and {against} cannot be compared until the {} says something of {}.",
            who(crowd),
            alone.join(" and ")
        )
    })
}

/// A sentence for each gap that is of one thing here and of another there, so that they cannot be compared.
pub(super) fn of_different_things(
    (this, own): (&str, &GapsOf),
    (against, other): (&str, &GapsOf),
) -> Vec<String> {
    let pairs = [
        ("skill gap", &own.skill_gap, &other.skill_gap),
        ("gap between teams", &own.balance_gap, &other.balance_gap),
    ];
    let pairs = pairs.into_iter().filter_map(|(what, a, b)| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        (a != b).then(|| {
            format!("The {what} is of `{a}` in {this} and of `{b}` in {against}: they cannot be compared.")
        })
    });
    pairs.collect()
}
