//! The independent checker: whether a match keeps every rule for every player. Shares no code with the search.

use std::collections::{BTreeMap, BTreeSet};

use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, RuleKind, Scope,
};
use model::ticket::{TicketPlayer, Value};
use model::{Name, Region, Ticket, TicketId, Timestamp};

use crate::event::{Match, MatchTeam};

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
            if !ticket.all_queues().contains(&queue.name) {
                return Err(format!("{id} waits in another queue"));
            }
            members.push(*ticket);
        }
        let players: usize = members.iter().map(|t| t.players.len()).sum();
        if players == 0 || players > usize::from(settings.players_max) {
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
    check_avoided(queue, &all)?;
    check_region(queue, &all, now, found.region.as_ref())?;
    check_teams(queue, &teams, now)?;
    for ((team, members), settings) in found.teams.iter().zip(&teams).zip(&queue.teams) {
        check_roles(queue, team, members, &settings.roles)?;
    }
    let game = Game {
        queue,
        teams: &teams,
    };
    for (index, rule) in queue.rules.iter().enumerate() {
        if rule.prefer.is_some() {
            continue;
        }
        let bounds = all
            .iter()
            .map(|t| demanded(queue, t, now, index, &rule.kind));
        let tightest = bounds.flatten().reduce(|a, b| Bounds {
            most: a.most.min(b.most),
            least: a.least.max(b.least),
        });
        if tightest.is_some_and(|bounds| !game.keeps(&rule.kind, bounds)) {
            return Err(format!("rule {} is broken", rule.name));
        }
    }
    Ok(())
}

/// What a ticket demands of a rule with limits; the other fields of a rule never change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub most: f64,
    pub least: f64,
}

pub(crate) fn written(kind: &RuleKind) -> Bounds {
    let (most, least) = match kind {
        RuleKind::Distance { max, .. } | RuleKind::Balance { max, .. } => (Some(*max), None),
        RuleKind::Intersect { min, .. } => (None, Some(*min as f64)),
        RuleKind::Contains { min, max, .. } => (max.map(f64::from), Some(f64::from(*min))),
        RuleKind::Compare {
            with: Operand::Number(x),
            ..
        } => (Some(*x), Some(*x)),
        _ => (None, None),
    };
    Bounds {
        most: most.unwrap_or(f64::INFINITY),
        least: least.unwrap_or(f64::NEG_INFINITY),
    }
}

/// What the rule at `index` is for a ticket of this age; `None`: it has given it up.
pub(crate) fn demanded(
    queue: &Queue,
    ticket: &Ticket,
    now: Timestamp,
    index: usize,
    kind: &RuleKind,
) -> Option<Bounds> {
    let age = now.since(ticket.created_at);
    let mut bounds = written(kind);
    for expansion in &queue.expansions {
        for step in expansion.steps.iter().filter(|step| step.after <= age) {
            match (&expansion.target, step.limit) {
                (ExpansionTarget::Rule(of), None) if *of == index => return None,
                (ExpansionTarget::Rule(of), Some(limit)) if *of == index => {
                    bounds.most = bounds.most.max(limit);
                }
                (ExpansionTarget::RuleMin(of), limit) if *of == index => {
                    bounds.least = bounds.least.min(limit.unwrap_or(f64::NEG_INFINITY));
                }
                _ => {}
            }
        }
    }
    Some(bounds)
}

/// Whether every team has as many players as each ticket wants by now, and everybody for its roles.
fn check_teams(queue: &Queue, teams: &[Vec<&Ticket>], now: Timestamp) -> Result<(), String> {
    for (index, (team, settings)) in teams.iter().zip(&queue.teams).enumerate() {
        let players: Vec<&TicketPlayer> = team.iter().flat_map(|t| &t.players).collect();
        for ticket in teams.iter().flatten() {
            let is_this =
                |e: &&model::queue::Expansion| e.target == ExpansionTarget::TeamMin(index);
            let age = now.since(ticket.created_at);
            let expansions = queue.expansions.iter().filter(is_this);
            let steps = expansions.flat_map(|e| &e.steps).filter(|s| s.after <= age);
            let limits = steps.map(|s| s.limit.unwrap_or(1.0));
            let least = limits.fold(f64::from(settings.players_min), f64::min);
            if (players.len() as f64) < least {
                return Err(format!(
                    "team {} has {} players",
                    settings.name,
                    players.len()
                ));
            }
        }
        if !settings.roles.is_empty() && !roles_filled(queue, &players, &settings.roles) {
            return Err(format!("team {} lacks a role", settings.name));
        }
    }
    Ok(())
}

/// Who is said to take a role is in the team and would; of each role there are as many as wanted. Nothing is said of a
/// team whose roles are not given out yet.
fn check_roles(
    queue: &Queue,
    team: &MatchTeam,
    members: &[&Ticket],
    wanted: &BTreeMap<Name, u16>,
) -> Result<(), String> {
    if team.roles.is_empty() {
        return Ok(());
    }
    let name = &team.name;
    for (player, role) in &team.roles {
        let mut players = members.iter().flat_map(|ticket| &ticket.players);
        let own = players.find(|member| member.player == *player);
        let list = own.and_then(|own| value(queue, own, queue.role_attribute.as_ref()?));
        let takes =
            matches!(list, Some(Value::Strings(list)) if list.iter().any(|o| o == role.as_str()));
        if !takes {
            return Err(format!("team {name} makes {player} a {role}"));
        }
    }
    let holds = |role: &Name| team.roles.values().filter(|held| *held == role).count();
    let fits = wanted
        .iter()
        .all(|(role, n)| holds(role) == usize::from(*n));
    match fits && team.roles.values().all(|role| wanted.contains_key(role)) {
        true => Ok(()),
        false => Err(format!("team {name} gives out other roles than it wants")),
    }
}

/// Where lists are kept strictly, nobody meets whom he avoids, unless they queued together.
pub(crate) fn check_avoided(queue: &Queue, all: &[&Ticket]) -> Result<(), String> {
    if queue.avoid.is_none_or(|avoid| avoid.soft) {
        return Ok(());
    }
    for ticket in all {
        for other in all.iter().filter(|other| other.id != ticket.id) {
            for player in &ticket.players {
                let mut others = other.players.iter().map(|player| &player.player);
                if let Some(met) = others.find(|met| player.avoid.contains(*met)) {
                    return Err(format!("avoid: player {} meets {met}", player.player));
                }
            }
        }
    }
    Ok(())
}

/// By Hall's theorem: any set of roles has players enough who would take one of them.
fn roles_filled(queue: &Queue, players: &[&TicketPlayer], roles: &BTreeMap<Name, u16>) -> bool {
    let wanted: Vec<(&Name, u16)> = roles.iter().map(|(role, n)| (role, *n)).collect();
    let Some(attribute) = queue.role_attribute.as_ref().filter(|_| wanted.len() < 20) else {
        return false;
    };
    (0_u32..1 << wanted.len()).all(|set| {
        let chosen: Vec<&(&Name, u16)> = wanted
            .iter()
            .enumerate()
            .filter_map(|(n, role)| (set & (1 << n) != 0).then_some(role))
            .collect();
        let would = |player: &&&TicketPlayer| match value(queue, player, attribute) {
            Some(Value::Strings(own)) => {
                let takes = |role: &&&(&Name, u16)| own.iter().any(|o| o == role.0.as_str());
                chosen.iter().any(|role| takes(&role))
            }
            _ => false,
        };
        let seats: usize = chosen.iter().map(|(_, n)| usize::from(*n)).sum();
        players.iter().filter(would).count() >= seats
    })
}

/// A match as its rules see it.
pub(crate) struct Game<'a> {
    pub queue: &'a Queue,
    pub teams: &'a [Vec<&'a Ticket>],
}

impl Game<'_> {
    /// Everybody whom a rule judges together: players, parties, teams or all.
    fn units(&self, per: Scope, team: Option<usize>) -> Vec<Vec<&TicketPlayer>> {
        let mut units: Vec<Vec<&TicketPlayer>> = Vec::new();
        for (index, tickets) in self.teams.iter().enumerate() {
            if team.is_some_and(|team| team != index) {
                continue;
            }
            match per {
                Scope::Player => {
                    let players = tickets.iter().flat_map(|t| &t.players);
                    units.extend(players.map(|player| vec![player]));
                }
                Scope::Party => units.extend(tickets.iter().map(|t| t.players.iter().collect())),
                // Of a match that is played a team may be empty; nothing is asked of it.
                Scope::Team if tickets.is_empty() => {}
                Scope::Team => units.push(tickets.iter().flat_map(|t| &t.players).collect()),
                Scope::Match => {
                    let all = tickets.iter().flat_map(|t| &t.players);
                    match units.first_mut() {
                        Some(unit) => unit.extend(all),
                        None => units.push(all.collect()),
                    }
                }
            }
        }
        units
    }

    fn figure(&self, unit: &[&TicketPlayer], read: &Reading, of: Aggregate) -> f64 {
        let mut numbers: Vec<f64> = unit.iter().map(|p| number(self.queue, p, read)).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let sum: f64 = numbers.iter().sum();
        let found = match of {
            Aggregate::Min => numbers.first().copied(),
            Aggregate::Max => numbers.last().copied(),
            Aggregate::Sum => Some(sum),
            Aggregate::Mean => Some(sum / numbers.len() as f64),
        };
        found.unwrap_or(f64::NAN)
    }

    /// Whether the figures of any two units differ by at most so much.
    fn within(&self, read: &Reading, per: Scope, of: Aggregate, most: f64) -> bool {
        let units = self.units(per, None);
        let figures: Vec<f64> = units.iter().map(|u| self.figure(u, read, of)).collect();
        figures.iter().all(|a| {
            figures.iter().all(|b| {
                // Parties are compared as they are; means of teams are sums in some order.
                let slack = match per {
                    Scope::Team => TOLERANCE * a.abs().max(b.abs()),
                    _ => 0.0,
                };
                (a - b).abs() <= most + slack
            })
        })
    }

    pub fn keeps(&self, kind: &RuleKind, bounds: Bounds) -> bool {
        let part = |kind: &RuleKind| self.keeps(kind, written(kind));
        match kind {
            RuleKind::Distance { read, per, of, .. } => self.within(read, *per, *of, bounds.most),
            RuleKind::Balance { read, of, .. } => self.within(read, Scope::Team, *of, bounds.most),
            RuleKind::Equal { read, per } => self.units(*per, None).iter().all(|unit| {
                let same = |a: &&TicketPlayer, b: &&TicketPlayer| self.same(a, b, read);
                unit.iter().all(|a| unit.iter().all(|b| same(a, b)))
            }),
            RuleKind::Different { read, per } => self.units(*per, None).iter().all(|unit| {
                let others = |n: usize| unit.iter().skip(n + 1);
                let mut each = unit.iter().enumerate();
                each.all(|(n, a)| others(n).all(|b| !self.same(a, b, read)))
            }),
            RuleKind::Intersect { attribute, per, .. } => {
                let units = self.units(*per, None);
                let shared = |unit: &Vec<_>| shared(self.queue, unit, attribute);
                units.iter().all(|unit| shared(unit) as f64 >= bounds.least)
            }
            RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                ..
            } => self.units(*per, *team).iter().all(|unit| {
                let has = |player: &&&TicketPlayer| match value(self.queue, player, attribute) {
                    Some(Value::String(own)) => values.contains(own),
                    Some(Value::Strings(own)) => values.iter().any(|v| own.contains(v)),
                    _ => false,
                };
                let count = unit.iter().filter(has).count() as f64;
                count >= bounds.least && count <= bounds.most
            }),
            RuleKind::Compare { .. } => self.compares(kind, bounds),
            RuleKind::All(parts) => parts.iter().all(part),
            RuleKind::Any(parts) => parts.iter().any(part),
            RuleKind::Not(inner) => !part(inner),
        }
    }

    fn compares(&self, kind: &RuleKind, bounds: Bounds) -> bool {
        let RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } = kind
        else {
            return false;
        };
        self.units(*per, *team).iter().all(|unit| {
            let own = self.figure(unit, read, *of);
            match (with, by) {
                (Operand::Text(text), _) => unit.iter().all(|player| {
                    let has = value(self.queue, player, &read.attribute);
                    let is_same = has == Some(&Value::String(text.clone()));
                    is_same == (*by == Comparison::Equal)
                }),
                (Operand::Reading(other), _) => by.holds(own, self.figure(unit, other, *of)),
                (Operand::Number(_), Comparison::Less | Comparison::AtMost) => {
                    by.holds(own, bounds.most)
                }
                (Operand::Number(_), _) => by.holds(own, bounds.least),
            }
        })
    }

    /// Whether two players have the same value.
    fn same(&self, a: &TicketPlayer, b: &TicketPlayer, read: &Reading) -> bool {
        match read.key {
            Some(_) => number(self.queue, a, read) == number(self.queue, b, read),
            None => {
                let of = |p| value(self.queue, p, &read.attribute);
                of(a) == of(b)
            }
        }
    }
}

/// Whether all players who name a platform name the same, and no ticket that names none meets one that does.
pub(crate) fn share_platform(all: &[&Ticket]) -> bool {
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
    let limits = steps.map(|s| s.limit.unwrap_or(f64::INFINITY));
    limits.fold(base.unwrap_or(f64::INFINITY), f64::max)
}

pub(crate) fn check_region(
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

pub(crate) fn value<'a>(
    queue: &'a Queue,
    player: &'a TicketPlayer,
    name: &Name,
) -> Option<&'a Value> {
    let declared = queue.attributes.get(name).and_then(|a| a.default.as_ref());
    player.attributes.get(name).or(declared)
}

fn number(queue: &Queue, player: &TicketPlayer, read: &Reading) -> f64 {
    let default = queue.attributes.get(&read.attribute);
    let values = [
        player.attributes.get(&read.attribute),
        default.and_then(|attribute| attribute.default.as_ref()),
    ];
    let found = values.into_iter().flatten().find_map(|value| match value {
        Value::Number(x) if read.key.is_none() => Some(*x),
        Value::Numbers(numbers) => numbers.get(read.key.as_ref()?).copied(),
        _ => None,
    });
    found.filter(|x| x.is_finite()).unwrap_or(0.0)
}

/// How many values every player has.
fn shared(queue: &Queue, unit: &[&TicketPlayer], name: &Name) -> usize {
    let mut sets = unit.iter().map(|p| match value(queue, p, name) {
        Some(Value::Strings(texts)) => texts.iter().collect::<BTreeSet<_>>(),
        _ => BTreeSet::new(),
    });
    let first = sets.next().unwrap_or_default();
    sets.fold(first, |have, more| {
        have.intersection(&more).copied().collect()
    })
    .len()
}
