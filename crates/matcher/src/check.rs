//! The independent checker: whether a match keeps every rule for every player. Shares no code with the search.

use std::collections::{BTreeMap, BTreeSet};

use model::queue::{Aggregate, ExpansionTarget, Queue, RuleKind};
use model::ticket::{TicketPlayer, Value};
use model::{Name, Region, Ticket, TicketId, Timestamp};

use crate::event::Match;

/// Means are compared with this relative tolerance, as a sum depends on its order; it is wider than the
/// tolerance of those who make the teams.
const TOLERANCE: f64 = 2e-9;

/// Whether a match keeps every rule of the queue at `now`, under each ticket's own expansions; the first
/// rule that it breaks, in words. `tickets` holds at least the tickets of the match.
pub fn check_match(
    queue: &Queue,
    tickets: &[&Ticket],
    now: Timestamp,
    found: &Match,
) -> Result<(), String> {
    let by_id: BTreeMap<TicketId, &Ticket> = tickets.iter().map(|t| (t.id, *t)).collect();
    let mut teams: Vec<Vec<&Ticket>> = Vec::new();
    let mut seen = BTreeSet::new();
    if found.teams.len() != queue.teams.len() {
        return Err("not every team is there".into());
    }
    for (team, settings) in found.teams.iter().zip(&queue.teams) {
        if team.name != settings.name {
            return Err(format!(
                "team {} stands where {} should",
                team.name, settings.name
            ));
        }
        let mut members = Vec::new();
        for id in &team.tickets {
            let ticket = by_id.get(id).ok_or_else(|| format!("{id} is no ticket"))?;
            if !seen.insert(*id) {
                return Err(format!("{id} is placed twice"));
            }
            if ticket.queue != queue.name {
                return Err(format!("{id} waits in another queue"));
            }
            members.push(*ticket);
        }
        let players: usize = members.iter().map(|t| t.players.len()).sum();
        let (min, max) = (
            usize::from(settings.players_min),
            usize::from(settings.players_max),
        );
        if players < min || players > max {
            return Err(format!("team {} has {players} players", team.name));
        }
        teams.push(members);
    }
    let all: Vec<&Ticket> = teams.iter().flatten().copied().collect();
    let mut players = BTreeSet::new();
    for player in all.iter().flat_map(|t| &t.players) {
        if !players.insert(&player.player) {
            return Err(format!("player {} is in it twice", player.player));
        }
    }
    if !queue.cross_play && !share_platform(&all) {
        return Err("players of different platforms meet without cross_play".to_owned());
    }
    check_region(queue, &all, now, found.region.as_ref())?;
    for (index, rule) in queue.rules.iter().enumerate() {
        let limit = |ticket: &Ticket, max: f64| {
            let is_this = |t: &ExpansionTarget| *t == ExpansionTarget::Rule(index);
            limit(queue, ticket, now, is_this, Some(max))
        };
        let kept = match &rule.kind {
            // Each ticket's own limit holds for any two tickets of its match, not only for its own pairs.
            RuleKind::Distance { attribute, max } => all.iter().enumerate().all(|(n, a)| {
                all.iter().skip(n + 1).all(|b| {
                    let number = |ticket| party_number(queue, ticket, attribute);
                    all.iter()
                        .all(|t| (number(a) - number(b)).abs() <= limit(t, *max))
                })
            }),
            RuleKind::Balance { attribute, max } => {
                let means: Vec<f64> = teams.iter().map(|t| mean(queue, t, attribute)).collect();
                let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let low = means.iter().copied().fold(f64::INFINITY, f64::min);
                let slack = TOLERANCE * high.abs().max(low.abs());
                all.iter().all(|t| high - low <= limit(t, *max) + slack)
            }
            RuleKind::Equal { attribute } => {
                let mut values = all
                    .iter()
                    .flat_map(|t| &t.players)
                    .map(|p| value(queue, p, attribute));
                let first = values.next();
                values.all(|value| Some(value) == first)
            }
            RuleKind::Intersect { attribute, min } => shared(queue, &all, attribute) >= *min,
        };
        if !kept {
            return Err(format!("rule {} is broken", rule.name));
        }
    }
    Ok(())
}

/// Whether all players who name a platform name the same, and no ticket that names none meets one that does.
fn share_platform(all: &[&Ticket]) -> bool {
    let of = |ticket: &Ticket| {
        let mut named = ticket.players.iter().filter_map(|p| p.platform.clone());
        let first = named.next();
        named.all(|other| Some(other) == first).then_some(first)
    };
    let first = all.first().and_then(|ticket| of(ticket));
    first.is_some() && all.iter().all(|ticket| of(ticket) == first)
}

/// The limit in force for a ticket: the base and every step whose time has come, whichever is widest.
fn limit(
    queue: &Queue,
    ticket: &Ticket,
    now: Timestamp,
    is_target: impl Fn(&ExpansionTarget) -> bool,
    base: Option<f64>,
) -> f64 {
    let age = now.since(ticket.created_at);
    let expansions = queue.expansions.iter().filter(|e| is_target(&e.target));
    let steps = expansions.flat_map(|e| &e.steps).filter(|s| s.after <= age);
    let limits = steps.map(|s| s.max.unwrap_or(f64::INFINITY));
    limits.fold(base.unwrap_or(f64::INFINITY), f64::max)
}

fn check_region(
    queue: &Queue,
    all: &[&Ticket],
    now: Timestamp,
    region: Option<&Region>,
) -> Result<(), String> {
    let allow = queue.regions.allow.as_ref();
    let Some(region) = region else {
        let free = allow.is_none()
            && all
                .iter()
                .all(|t| t.players.iter().all(|p| p.latencies.is_empty()));
        return if free {
            Ok(())
        } else {
            Err("no region, although there are rules or pings".into())
        };
    };
    if allow.is_some_and(|list| !list.contains(region)) {
        return Err(format!("region {region} is not allowed"));
    }
    for ticket in all {
        let base = |ms: Option<model::Millis>| ms.map(|ms| ms.0 as f64);
        let is_latency = |t: &ExpansionTarget| *t == ExpansionTarget::MaxLatency;
        let is_delta = |t: &ExpansionTarget| *t == ExpansionTarget::MaxLatencyDelta;
        let max = limit(
            queue,
            ticket,
            now,
            is_latency,
            base(queue.regions.max_latency),
        );
        let delta = limit(
            queue,
            ticket,
            now,
            is_delta,
            base(queue.regions.max_latency_delta),
        );
        for player in ticket.players.iter().filter(|p| !p.latencies.is_empty()) {
            let Some(&ms) = player.latencies.get(region) else {
                return Err(format!("player {} did not list {region}", player.player));
            };
            let usable = player
                .latencies
                .iter()
                .filter(|(r, _)| allow.is_none_or(|l| l.contains(r)));
            let best = usable.map(|(_, &ms)| ms).min().unwrap_or(ms);
            if f64::from(ms) > max {
                return Err(format!(
                    "regions.max_latency: player {} has {ms} ms",
                    player.player
                ));
            }
            if f64::from(ms - best) > delta {
                return Err(format!(
                    "regions.max_latency_delta: player {} has {ms} ms",
                    player.player
                ));
            }
        }
    }
    Ok(())
}

fn value<'a>(queue: &'a Queue, player: &'a TicketPlayer, name: &Name) -> Option<&'a Value> {
    let declared = queue.attributes.get(name).and_then(|a| a.default.as_ref());
    player.attributes.get(name).or(declared)
}

fn number(queue: &Queue, player: &TicketPlayer, name: &Name) -> f64 {
    match value(queue, player, name) {
        Some(Value::Number(x)) if x.is_finite() => *x,
        _ => 0.0,
    }
}

fn party_number(queue: &Queue, ticket: &Ticket, name: &Name) -> f64 {
    let numbers = ticket.players.iter().map(|p| number(queue, p, name));
    match queue.party_aggregate {
        Aggregate::Min => numbers.fold(f64::INFINITY, f64::min),
        Aggregate::Max => numbers.fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Mean => numbers.sum::<f64>() / ticket.players.len() as f64,
    }
}

fn mean(queue: &Queue, team: &[&Ticket], name: &Name) -> f64 {
    let players: Vec<&TicketPlayer> = team.iter().flat_map(|t| &t.players).collect();
    players.iter().map(|p| number(queue, p, name)).sum::<f64>() / players.len() as f64
}

/// How many values every player has.
fn shared(queue: &Queue, all: &[&Ticket], name: &Name) -> usize {
    let mut sets = all
        .iter()
        .flat_map(|t| &t.players)
        .map(|p| match value(queue, p, name) {
            Some(Value::Strings(texts)) => texts.iter().collect::<BTreeSet<_>>(),
            _ => BTreeSet::new(),
        });
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |have, more| {
        have.intersection(&more).copied().collect()
    })
    .len()
}
