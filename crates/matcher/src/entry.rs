//! A ticket made ready for matching: its numbers summed up, its regions agreed within the party.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::queue::{Queue, Reading};
use model::ticket::{TicketPlayer, Value};
use model::{Name, Region, Ticket, TicketId, Timestamp};

use crate::ages::Seat;
use crate::finals::summed;
use crate::plan::Plan;

/// The values of the attributes that must be equal, in the order of the rules; then the platform, where players of
/// different ones do not meet.
pub(crate) type PoolKey = Box<[Box<str>]>;

/// Age order: the oldest first; who came first to this matcher breaks ties.
pub(crate) type AgeKey = (Timestamp, u64);

/// A region that every player of a party listed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ping {
    pub region: Region,
    /// Of the player who is farthest from it.
    pub worst_ms: u32,
    /// Of the player for whom it is worst, over his own best allowed region.
    pub worst_delta_ms: u32,
    /// Whether anybody measured it.
    pub measured: bool,
}

/// What matching reads of a ticket.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub players: u16,
    /// For each distance rule, summed up as the queue says.
    pub numbers: Box<[f64]>,
    /// For each of [`Plan::balance`], the sum over players.
    pub sums: Box<[f64]>,
    /// For each intersect rule, what all players have: sorted, no value twice.
    pub shared: Box<[Box<[Arc<str>]>]>,
    pub key: PoolKey,
    /// Nobody measured anything and the queue allows any region.
    pub anywhere: bool,
    /// Sorted by latency, then region; empty if `anywhere`.
    pub pings: Box<[Ping]>,
}

/// A region of a queue, by the order in which tickets named them.
pub(crate) type RegionId = u32;

/// A region that every player of a party listed, as [`Ping`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub region: RegionId,
    pub worst_ms: u32,
    pub worst_delta_ms: u32,
    pub measured: bool,
}

/// A ticket that waits or is in an emitted match: no more of it than matching reads.
#[derive(Debug)]
pub(crate) struct Entry {
    pub id: TicketId,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// Counts up with every ticket that is added; kept when a ticket comes back from a match.
    pub seq: u64,
    /// When it must be touched next, if that is noted for it by itself.
    pub deadline: Option<Timestamp>,
    /// Where it stands in its pool's order of age, while it waits.
    pub seat: Seat,
    /// Which of the matcher's queues.
    pub queue: u32,
    /// Which of the queue's pools, while it waits.
    pub pool: u32,
    /// Which of the pool's classes, while it waits.
    pub class: u16,
    /// How far its limits have widened.
    pub level: u16,
    pub players: u16,
    pub anywhere: bool,
    /// The handle of the emitted match that holds it; 0 while it waits.
    pub proposed: u64,
    /// As [`Fit::numbers`].
    pub numbers: Box<[f64]>,
    /// As [`Fit::sums`].
    pub sums: Box<[f64]>,
    /// As [`Fit::shared`].
    pub shared: Box<[Box<[Arc<str>]>]>,
    /// As [`Fit::pings`].
    pub pings: Box<[Near]>,
    /// All of it, where rules that are asked at last read it.
    pub ticket: Option<Arc<Ticket>>,
}

impl Entry {
    pub fn age_key(&self) -> AgeKey {
        (self.created_at, self.seq)
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// What the pools are ordered by: the number of the first distance rule.
    pub fn skill(&self) -> f64 {
        self.numbers.first().copied().unwrap_or(0.0)
    }

    pub fn ping(&self, region: RegionId) -> Option<&Near> {
        self.pings.iter().find(|ping| ping.region == region)
    }
}

/// What the players of one party must have in common, and do not.
#[derive(Debug)]
pub(crate) enum Apart {
    /// The attribute of this `equal` rule.
    Rule(Name),
    /// The platform.
    Platform,
}

/// Sums up a ticket, unless its own players may not meet.
pub(crate) fn fit(plan: &Plan, ticket: &Ticket) -> Result<Fit, Apart> {
    let queue = &*plan.queue;
    let players = &ticket.players;
    let mut key = Vec::with_capacity(plan.equal.len());
    for (attribute, rule) in &plan.equal {
        let mut texts = players.iter().map(|p| text(queue, p, attribute));
        let first = texts.next().unwrap_or_default();
        if texts.any(|text| text != first) {
            return Err(Apart::Rule(rule.clone()));
        }
        key.push(first);
    }
    if !queue.cross_play {
        key.push(platform(players)?);
    }
    let numbers = plan
        .distance
        .iter()
        .map(|(read, of)| summed(*of, players.iter().map(|p| number(queue, p, read))));
    let sums = plan
        .balance
        .iter()
        .map(|attribute| players.iter().map(|p| number(queue, p, attribute)).sum());
    let shared = plan
        .intersect
        .iter()
        .map(|(attribute, _)| shared(queue, players, attribute));
    Ok(Fit {
        players: u16::try_from(players.len()).unwrap_or(u16::MAX),
        numbers: numbers.collect(),
        sums: sums.collect(),
        shared: shared.collect(),
        key: key.into(),
        anywhere: queue.regions.allow.is_none() && players.iter().all(|p| p.latencies.is_empty()),
        pings: pings(queue, players),
    })
}

/// The one platform that players of a party name; empty: none of them names any.
fn platform(players: &[TicketPlayer]) -> Result<Box<str>, Apart> {
    let mut named = players.iter().filter_map(|player| player.platform.as_ref());
    let first = named.next();
    if named.any(|other| Some(other) != first) {
        return Err(Apart::Platform);
    }
    Ok(first.map_or_else(Box::default, |name| name.as_str().into()))
}

/// What a player has of an attribute, or its default.
pub(crate) fn value<'a>(
    queue: &'a Queue,
    player: &'a TicketPlayer,
    attribute: &Name,
) -> Option<&'a Value> {
    let declared = || queue.attributes.get(attribute)?.default.as_ref();
    player.attributes.get(attribute).or_else(declared)
}

/// One of the numbers of a player by key: his own, or the default's.
pub(crate) fn keyed(queue: &Queue, player: &TicketPlayer, name: &Name, key: &str) -> Option<f64> {
    let of = |value: Option<&Value>| match value {
        Some(Value::Numbers(numbers)) => numbers.get(key).copied(),
        _ => None,
    };
    let declared = || queue.attributes.get(name).map(|a| a.default.as_ref());
    of(player.attributes.get(name)).or_else(|| of(declared()?))
}

/// What a rule reads of a player as a number.
pub(crate) fn number(queue: &Queue, player: &TicketPlayer, read: &Reading) -> f64 {
    let found = match (&read.key, value(queue, player, &read.attribute)) {
        (Some(key), _) => keyed(queue, player, &read.attribute, key),
        (None, Some(Value::Number(x))) => Some(*x),
        (None, _) => None,
    };
    found.filter(|x| x.is_finite()).unwrap_or(0.0)
}

/// What a rule reads of a player as a text: the same text for the same value.
pub(crate) fn text(queue: &Queue, player: &TicketPlayer, read: &Reading) -> Box<str> {
    match value(queue, player, &read.attribute) {
        Some(Value::String(text)) => text.as_str().into(),
        // Zero has two signs.
        Some(Value::Number(_) | Value::Numbers(_)) => {
            (number(queue, player, read) + 0.0).to_string().into()
        }
        Some(Value::Strings(texts)) => texts.join("\n").into(),
        None => Box::default(),
    }
}

/// The texts that a player has of an attribute; one text counts as a list of it.
pub(crate) fn texts<'a>(
    queue: &'a Queue,
    player: &'a TicketPlayer,
    attribute: &Name,
) -> &'a [String] {
    match value(queue, player, attribute) {
        Some(Value::Strings(texts)) => texts,
        Some(Value::String(text)) => std::slice::from_ref(text),
        _ => &[],
    }
}

/// The texts that all of some players have; `None` without players.
pub(crate) fn common_texts<'a>(
    queue: &'a Queue,
    players: impl IntoIterator<Item = &'a TicketPlayer>,
    attribute: &Name,
) -> Option<BTreeSet<&'a str>> {
    let mut players = players.into_iter();
    let first = texts(queue, players.next()?, attribute);
    let mut common: BTreeSet<&str> = first.iter().map(String::as_str).collect();
    for player in players {
        let own = texts(queue, player, attribute);
        common.retain(|text| own.iter().any(|other| other == text));
    }
    Some(common)
}

fn shared(queue: &Queue, players: &[TicketPlayer], attribute: &Name) -> Box<[Arc<str>]> {
    let common = common_texts(queue, players, attribute).unwrap_or_default();
    common.into_iter().map(Arc::from).collect()
}

/// The regions that everybody who measured listed and the queue allows.
fn pings(queue: &Queue, players: &[TicketPlayer]) -> Box<[Ping]> {
    let allow = queue.regions.allow.as_deref();
    let allowed = |region: &Region| allow.is_none_or(|list| list.contains(region));
    let ping = |region: &Region, ms: Option<u32>| Ping {
        region: region.clone(),
        worst_ms: ms.unwrap_or(0),
        worst_delta_ms: 0,
        measured: ms.is_some(),
    };
    let mut measured = players.iter().filter(|player| !player.latencies.is_empty());
    // Ordered by region, as the maps are.
    let mut pings: Vec<Ping> = match (measured.next(), allow) {
        (Some(first), _) => {
            let listed = first.latencies.iter().filter(|(region, _)| allowed(region));
            let mut pings: Vec<Ping> = listed.map(|(region, &ms)| ping(region, Some(ms))).collect();
            let best = pings.iter().map(|ping| ping.worst_ms).min().unwrap_or(0);
            for ping in &mut pings {
                ping.worst_delta_ms = ping.worst_ms - best;
            }
            pings
        }
        (None, Some(list)) => list.iter().map(|region| ping(region, None)).collect(),
        (None, None) => Vec::new(),
    };
    for player in measured {
        meet(&mut pings, player, allowed);
    }
    pings.sort_by(|a, b| (a.worst_ms, &a.region).cmp(&(b.worst_ms, &b.region)));
    pings.dedup_by(|a, b| a.region == b.region);
    pings.into()
}

/// Keeps the regions that this player listed too; both are ordered by region and walked side by side.
fn meet(pings: &mut Vec<Ping>, player: &TicketPlayer, allowed: impl Fn(&Region) -> bool) {
    let mut best = u32::MAX;
    let mut listed = player.latencies.iter().peekable();
    let mut own = Vec::with_capacity(pings.len());
    pings.retain(|ping| {
        while let Some((region, &ms)) = listed.next_if(|(region, _)| **region < ping.region) {
            if allowed(region) {
                best = best.min(ms);
            }
        }
        let same = listed.next_if(|(region, _)| **region == ping.region);
        own.extend(same.map(|(_, &ms)| ms));
        same.is_some()
    });
    let rest = listed
        .filter(|(region, _)| allowed(region))
        .map(|(_, &ms)| ms);
    let best = own.iter().copied().chain(rest).fold(best, u32::min);
    for (ping, ms) in pings.iter_mut().zip(own) {
        ping.worst_ms = ping.worst_ms.max(ms);
        ping.worst_delta_ms = ping.worst_delta_ms.max(ms.saturating_sub(best));
    }
}
