//! A ticket's own limits in its explanation: which regions they leave it, and what widens next.

use std::collections::{BTreeMap, BTreeSet};

use model::queue::{ExpansionTarget, Queue};
use model::{Millis, Region, Ticket, Timestamp};

use crate::entry::{Entry, Near, RegionId};
use crate::explain::{Crowd, RegionStanding, RegionView, Widening, rule_name};
use crate::finals::{base, steps};
use crate::matcher::Glimpse;
use crate::plan::Plan;

/// The ticket's regions, then those that the queue allows and the party did not list, and those that it listed and the
/// queue does not allow. `crowds` are the candidates who may play in each.
pub(crate) fn regions(
    glimpse: &Glimpse<'_>,
    ticket: &Ticket,
    crowds: &BTreeMap<RegionId, Crowd>,
    now: Timestamp,
) -> Vec<RegionView> {
    let plan = &glimpse.queue.plan;
    let own = glimpse.entry;
    let mut named: BTreeSet<&Region> = BTreeSet::new();
    let mut views = Vec::new();
    for ping in &own.pings {
        let Some(region) = glimpse.queue.regions.get(ping.region) else {
            continue;
        };
        named.insert(region);
        let candidates = crowds.get(&ping.region).copied().unwrap_or_default();
        views.push(RegionView {
            region: region.clone(),
            latency_ms: ping.measured.then_some(ping.worst_ms),
            standing: too_far(plan, own, ping, now)
                .unwrap_or(RegionStanding::Considered { candidates }),
        });
    }
    let allow = plan.queue.regions.allow.as_deref();
    let listed = ticket
        .players
        .iter()
        .flat_map(|player| player.latencies.keys());
    let others: BTreeSet<&Region> = allow.into_iter().flatten().chain(listed).collect();
    for region in others.difference(&named) {
        let is_allowed = allow.is_none_or(|list| list.contains(region));
        views.push(RegionView {
            region: (*region).clone(),
            latency_ms: None,
            standing: match is_allowed {
                true => RegionStanding::NotListed,
                false => RegionStanding::NotAllowed,
            },
        });
    }
    views
}

/// Which limit keeps a ticket out of a region, and until when.
fn too_far(plan: &Plan, own: &Entry, ping: &Near, now: Timestamp) -> Option<RegionStanding> {
    let present = plan.level_at(now.since(own.created_at).0);
    let level = plan.level(present);
    if level.is_near(ping) {
        return None;
    }
    let later = plan.afters.iter().zip(1_u16..).skip(usize::from(present));
    let opens = later.map(|(after, level)| (own.created_at + Millis(*after), level));
    let live = |at: &Timestamp| own.expires.at().is_none_or(|end| *at < end);
    let mut opens = opens.filter(|(at, level)| live(at) && plan.level(*level).is_near(ping));
    let (rule, measured_ms, limit_ms) = if f64::from(ping.worst_ms) > level.max_latency {
        ("regions.max_latency", ping.worst_ms, level.max_latency)
    } else {
        let limit = level.max_latency_delta;
        ("regions.max_latency_delta", ping.worst_delta_ms, limit)
    };
    Some(RegionStanding::TooFar {
        rule,
        measured_ms,
        limit_ms,
        opens_at: opens.next().map(|(at, _)| at),
    })
}

/// The limits of the ticket's own that widen next, unless it expires before.
pub(crate) fn next(plan: &Plan, own: &Entry, now: Timestamp) -> Vec<Widening> {
    let queue = &plan.queue;
    let age = now.since(own.created_at).0;
    let present = usize::from(plan.level_at(age));
    let mut targets: Vec<&ExpansionTarget> = Vec::new();
    for expansion in &queue.expansions {
        if !targets.contains(&&expansion.target) {
            targets.push(&expansion.target);
        }
    }
    for &after in plan.afters.iter().skip(present) {
        let at = own.created_at + Millis(after);
        if own.expires.at().is_some_and(|end| end <= at) {
            break;
        }
        let changes = targets.iter().filter_map(|target| {
            let (from, to) = (limit_at(queue, target, age), limit_at(queue, target, after));
            (from != to).then(|| Widening {
                rule: target_name(queue, target),
                from: from.0,
                to: to.0,
                off: to.1,
                at,
            })
        });
        let changes: Vec<Widening> = changes.collect();
        if !changes.is_empty() {
            return changes;
        }
    }
    Vec::new()
}

/// A limit at an age, and whether it is given up by then.
fn limit_at(queue: &Queue, target: &ExpansionTarget, age: u64) -> (f64, bool) {
    let ms = |limit: Option<Millis>| limit.map_or(f64::INFINITY, |ms| ms.0 as f64);
    let (written, falls) = match target {
        ExpansionTarget::Rule(index) => match queue.rules.get(*index) {
            Some(rule) => (base(&rule.kind).0, false),
            None => (f64::INFINITY, false),
        },
        ExpansionTarget::RuleMin(index) => match queue.rules.get(*index) {
            Some(rule) => (base(&rule.kind).1, true),
            None => (f64::NEG_INFINITY, true),
        },
        ExpansionTarget::MaxLatency => (ms(queue.regions.max_latency), false),
        ExpansionTarget::MaxLatencyDelta => (ms(queue.regions.max_latency_delta), false),
        ExpansionTarget::TeamMin(team) => {
            let min = queue.teams.get(*team).map_or(1, |team| team.players_min);
            (f64::from(min), true)
        }
    };
    let steps: Vec<Option<f64>> = steps(queue, target, age).collect();
    let off = steps.iter().any(Option::is_none);
    let limit = steps.into_iter().fold(written, |limit, step| match falls {
        false => limit.max(step.unwrap_or(f64::INFINITY)),
        true => limit.min(step.unwrap_or(f64::NEG_INFINITY)),
    });
    (limit, off)
}

fn target_name(queue: &Queue, target: &ExpansionTarget) -> String {
    match target {
        ExpansionTarget::Rule(index) | ExpansionTarget::RuleMin(index) => rule_name(queue, *index),
        ExpansionTarget::MaxLatency => "regions.max_latency".to_owned(),
        ExpansionTarget::MaxLatencyDelta => "regions.max_latency_delta".to_owned(),
        ExpansionTarget::TeamMin(team) => match queue.teams.get(*team) {
            Some(team) => format!("teams.{}.min_players", team.name),
            None => String::new(),
        },
    }
}
