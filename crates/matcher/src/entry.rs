//! A ticket made ready for matching: its numbers summed up, its regions agreed within the party.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use model::queue::{Queue, Reading};
use model::ticket::{TicketPlayer, Value};
use model::{Name, Region, Ticket, TicketId, Timestamp};
use smallvec::SmallVec;

use crate::ages::Seat;
use crate::facts::Facts;
use crate::finals::summed;
use crate::plan::Plan;
use crate::sorted::LeafId;
use crate::wanted::Brings;

/// The values of the attributes that must be equal, in the order of the rules; then the platform, where players of
/// different ones do not meet. No text is none: comparing empty ones can take longer than all else that is done to find
/// a pool, as a vectorized `memcmp` masks off what it must not read, and processors do that slowly.
pub(crate) type PoolKey = SmallVec<[Option<Box<str>>; 1]>;

/// Age order: the oldest first; who came first to this matcher breaks ties.
pub(crate) type AgeKey = (Timestamp, u64);

/// A region that every player of a party listed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ping<'a> {
    pub region: &'a Region,
    /// Of the player who is farthest from it.
    pub worst_ms: u32,
    /// Of the player for whom it is worst, over his own best allowed region.
    pub worst_delta_ms: u32,
    /// Of the player who was looked at last.
    last_ms: u32,
    /// Whether anybody measured it.
    pub measured: bool,
}

/// What matching reads of a ticket.
#[derive(Debug, Clone)]
pub(crate) struct Fit<'a> {
    pub players: u16,
    /// For each distance rule, summed up as the queue says.
    pub numbers: Few<f64>,
    /// For each of [`Plan::balance`], the sum over players.
    pub sums: Few<f64>,
    pub key: PoolKey,
    /// Nobody measured anything and the queue allows any region.
    pub anywhere: bool,
    /// Sorted by region; empty if `anywhere`.
    pub pings: Vec<Ping<'a>>,
}

/// A region of a queue, by the order in which tickets named them.
pub(crate) type RegionId = u32;

/// A region that every player of a party listed, as [`Ping`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Near {
    pub region: RegionId,
    pub worst_ms: u32,
    pub worst_delta_ms: u32,
    pub measured: bool,
}

impl Near {
    /// The round trip of the player for whom it is worst, if anybody measured it.
    pub fn measured_ms(&self) -> Option<u32> {
        self.measured.then_some(self.worst_ms)
    }
}

/// Some values in a row; one is kept without a box.
#[derive(Debug, Clone)]
pub(crate) enum Few<T> {
    One([T; 1]),
    Boxed(Box<[T]>),
}

impl<T> Deref for Few<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Few::One(one) => one,
            Few::Boxed(all) => all,
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Few<T> {
        let mut iter = iter.into_iter();
        match (iter.next(), iter.next()) {
            (None, _) => Few::Boxed(Box::default()),
            (Some(one), None) => Few::One([one]),
            (Some(a), Some(b)) => Few::Boxed([a, b].into_iter().chain(iter).collect()),
        }
    }
}

/// So many pings are kept without a box.
const PINGS_INLINE: usize = 5;

/// The pings of a ticket.
#[derive(Debug)]
pub(crate) enum Pings {
    Inline(u8, [Near; PINGS_INLINE]),
    Boxed(Box<[Near]>),
}

impl Deref for Pings {
    type Target = [Near];
    fn deref(&self) -> &[Near] {
        match self {
            Pings::Inline(len, pings) => pings.get(..usize::from(*len)).unwrap_or(pings),
            Pings::Boxed(pings) => pings,
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a Pings {
    type Item = &'a Near;
    type IntoIter = std::slice::Iter<'a, Near>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Pings {
    /// These, in this order.
    pub fn new(pings: impl ExactSizeIterator<Item = Near>) -> Pings {
        let len = pings.len();
        if len > PINGS_INLINE {
            return Pings::Boxed(pings.collect());
        }
        let mut inline = [Near::default(); PINGS_INLINE];
        for (place, ping) in inline.iter_mut().zip(pings) {
            *place = ping;
        }
        Pings::Inline(len as u8, inline)
    }

    /// Nearest first; the order that they have decides between equal ones.
    pub fn sort(&mut self) {
        let pings = match self {
            Pings::Inline(len, pings) => pings.get_mut(..usize::from(*len)).unwrap_or_default(),
            Pings::Boxed(pings) => pings,
        };
        pings.sort_by_key(|ping| ping.worst_ms);
    }
}

/// When a ticket's time is over, if ever: in half the room of an option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiry(Timestamp);

impl Expiry {
    pub const NEVER: Expiry = Expiry(Timestamp(i64::MAX));

    pub fn at(self) -> Option<Timestamp> {
        (self.0 < Expiry::NEVER.0).then_some(self.0)
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(at: Option<Timestamp>) -> Expiry {
        at.map_or(Expiry::NEVER, Expiry)
    }
}

/// How a ticket's last search ended. One byte, as a second one would not be on the same lines of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It was complete.
    No,
    /// It was given up for its budget.
    Short,
    /// It was given up for the budget of the oldest.
    First,
}

/// A ticket that waits or is in an emitted match: no more of it than matching reads.
///
/// What a change of it reads comes first, so that it is on the same lines of memory.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    pub created_at: Timestamp,
    /// Counts up with every ticket that is added; kept when a ticket comes back from a match.
    pub seq: u64,
    pub expires: Expiry,
    /// Which of the matcher's queues.
    pub queue: u32,
    /// Which of the queue's pools, while it waits.
    pub pool: u32,
    /// The handle of the emitted match that holds it; 0 while it waits.
    pub proposed: u64,
    /// Where it stands in its pool's order of age, while it waits.
    pub seat: Seat,
    /// Where it stands in its pool's order of skill, while it waits and unless it was moved.
    pub leaf: LeafId,
    /// Which of the pool's classes, while it waits.
    pub class: u32,
    /// How far its limits have widened.
    pub level: u16,
    pub players: u16,
    pub anywhere: bool,
    /// Whether its last search was cut short.
    pub cut: Cut,
    /// As [`Fit::numbers`].
    pub numbers: Few<f64>,
    /// What rules ask of it that are not about its numbers.
    pub facts: Facts,
    /// When it must be touched next, if that is noted for it by itself.
    pub deadline: Option<Timestamp>,
    /// How many of its players bring what is wanted.
    pub brings: Brings,
    /// As [`Fit::pings`], sorted by latency, then region.
    pub pings: Pings,
    pub id: TicketId,
    /// As [`Fit::sums`].
    pub sums: Few<f64>,
    /// All of it, where it matters who its players are.
    pub ticket: Option<Arc<Ticket>>,
}

/// Four lines of memory: one more would cost every ticket a fifth of its room.
const _: () = assert!(size_of::<Option<Entry>>() <= 256);

impl Entry {
    pub fn age_key(&self) -> AgeKey {
        (self.created_at, self.seq)
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.0 <= now
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
pub(crate) fn fit<'a>(plan: &'a Plan, ticket: &'a Ticket) -> Result<Fit<'a>, Apart> {
    let queue = &*plan.queue;
    let players = &ticket.players;
    let mut key = PoolKey::new();
    for (attribute, rule) in &plan.equal {
        let mut texts = players.iter().map(|p| text(queue, p, attribute));
        let first = texts.next().unwrap_or_default();
        if texts.any(|text| text != first) {
            return Err(Apart::Rule(rule.clone()));
        }
        key.push((!first.is_empty()).then(|| first.into()));
    }
    if !queue.cross_play {
        key.push(platform(players)?);
    }
    let figures = plan.distance.iter().map(|(read, of)| {
        let mut sum = 0.0;
        let numbers = players.iter().map(|player| {
            let x = number(queue, player, read);
            sum += x;
            x
        });
        (summed(*of, numbers), sum)
    });
    let figures: Few<(f64, f64)> = figures.collect();
    let numbers = figures.iter().map(|&(number, _)| number);
    let sums = plan.balance.iter().zip(&plan.sums_of).map(|(read, same)| {
        let known = same.and_then(|at| figures.get(at)).map(|&(_, sum)| sum);
        known.unwrap_or_else(|| players.iter().map(|p| number(queue, p, read)).sum())
    });
    Ok(Fit {
        players: u16::try_from(players.len()).unwrap_or(u16::MAX),
        numbers: numbers.collect(),
        sums: sums.collect(),
        key,
        anywhere: queue.regions.allow.is_none() && players.iter().all(|p| p.latencies.is_empty()),
        pings: pings(plan.allow.as_deref(), players),
    })
}

/// The one platform that players of a party name, if any of them names one.
fn platform(players: &[TicketPlayer]) -> Result<Option<Box<str>>, Apart> {
    let mut named = players.iter().filter_map(|player| player.platform.as_ref());
    let first = named.next();
    if named.any(|other| Some(other) != first) {
        return Err(Apart::Platform);
    }
    Ok(first.map(|name| name.as_str().into()))
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
pub(crate) fn text<'a>(queue: &'a Queue, player: &'a TicketPlayer, read: &Reading) -> Cow<'a, str> {
    match value(queue, player, &read.attribute) {
        Some(Value::String(text)) => text.as_str().into(),
        // Zero has two signs.
        Some(Value::Number(_) | Value::Numbers(_)) => {
            (number(queue, player, read) + 0.0).to_string().into()
        }
        Some(Value::Strings(texts)) => texts.join("\n").into(),
        None => Cow::default(),
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

/// The regions that everybody who measured listed and the queue allows; `allow` and what comes out are sorted.
fn pings<'a>(allow: Option<&'a [Region]>, players: &'a [TicketPlayer]) -> Vec<Ping<'a>> {
    let ping = |region: &'a Region, ms: Option<u32>| Ping {
        region,
        worst_ms: ms.unwrap_or(0),
        worst_delta_ms: 0,
        last_ms: 0,
        measured: ms.is_some(),
    };
    let mut measured = players.iter().filter(|player| !player.latencies.is_empty());
    let mut pings: Vec<Ping<'a>> = match (measured.next(), allow) {
        (Some(first), _) => {
            let mut pings = Vec::with_capacity(first.latencies.len());
            let mut allowed = Allowed(allow);
            let listed = first.latencies.iter();
            let listed = listed.filter(|(region, _)| allowed.has(region));
            pings.extend(listed.map(|(region, &ms)| ping(region, Some(ms))));
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
        meet(&mut pings, player, Allowed(allow));
    }
    pings
}

/// How two regions are ordered by name; equal ones are often the very same, which is seen at once.
pub(crate) fn order(a: &Region, b: &Region) -> Ordering {
    match std::ptr::eq(a.as_str(), b.as_str()) {
        true => Ordering::Equal,
        false => a.cmp(b),
    }
}

/// The regions of a sorted list that are yet to come; `None`: every region is in it.
struct Allowed<'a>(Option<&'a [Region]>);

impl Allowed<'_> {
    /// Whether the list has a region that is after those asked for already.
    fn has(&mut self, region: &Region) -> bool {
        let Some(list) = &mut self.0 else {
            return true;
        };
        while let Some((first, rest)) = list.split_first() {
            let order = order(first, region);
            if order.is_le() {
                *list = rest;
            }
            if order.is_ge() {
                return order.is_eq();
            }
        }
        false
    }
}

/// Keeps the regions that this player listed too; both are ordered by region and walked side by side.
fn meet(pings: &mut Vec<Ping<'_>>, player: &TicketPlayer, mut allowed: Allowed<'_>) {
    let mut best = u32::MAX;
    let mut kept = 0;
    let mut next = 0;
    for (region, &ms) in &player.latencies {
        let order = loop {
            match pings.get(next).map(|ping| order(ping.region, region)) {
                Some(Ordering::Less) => next += 1,
                order => break order,
            }
        };
        match pings.get_mut(next) {
            // It is allowed, or it would not be there.
            Some(ping) if order == Some(Ordering::Equal) => {
                best = best.min(ms);
                ping.worst_ms = ping.worst_ms.max(ms);
                ping.last_ms = ms;
                if kept < next {
                    pings.swap(kept, next);
                }
                (kept, next) = (kept + 1, next + 1);
            }
            _ if allowed.has(region) => best = best.min(ms),
            _ => {}
        }
    }
    pings.truncate(kept);
    for ping in pings {
        let delta = ping.last_ms.saturating_sub(best);
        ping.worst_delta_ms = ping.worst_delta_ms.max(delta);
    }
}
