//! Judging newcomers by what they measured: demands between peers, demands towards a host (R37, F20, F29).

use std::collections::BTreeMap;

use super::{Failure, Measurement, Member};
use crate::qos::{HostSelectionMetric, PeerToHost, PeerToPeer, Qos};

/// Whether two members are on different devices, so that there is something to measure between them.
pub(super) fn is_apart(a: &Member, b: &Member) -> bool {
    a.index != b.index && a.token() != b.token()
}

/// Newcomers who fail, with the reason that comes first. `peers` are all who were measured, newcomers among them;
/// none has failed before. O(newcomers · peers).
///
/// Of two peers who do not reach each other one has to go: the one who has most such peers, among several the one
/// who came last; so as many as possible stay. With a host (`host`) each newcomer has to reach it. Without one,
/// and where it is still to be chosen (`choose`), each has to reach the member whom most can reach.
pub(super) fn failures(
    qos: &Qos,
    newcomers: &[&Member],
    peers: &[&Member],
    host: Option<&str>,
    choose: bool,
) -> BTreeMap<u32, Failure> {
    let mut failures = BTreeMap::new();
    if let Some(demand) = &qos.peer_to_peer {
        failures = apart_from_peers(demand, newcomers, peers);
    }
    if let Some(demand) = &qos.peer_to_host {
        let there: Vec<&Member> = newcomers
            .iter()
            .filter(|member| !failures.contains_key(&member.index))
            .copied()
            .collect();
        let chosen = ranked(demand, &there);
        let host = match host {
            Some(token) => peers
                .iter()
                .find(|peer| peer.token() == Some(token))
                .copied(),
            None if choose => chosen.first().map(|candidate| candidate.member),
            None => None,
        };
        if let Some(host) = host {
            for member in there.iter().filter(|member| is_apart(member, host)) {
                if let Some(failure) = to_host(demand, member, host) {
                    failures.insert(member.index, failure);
                }
            }
        }
    }
    failures
}

fn apart_from_peers(
    demand: &PeerToPeer,
    newcomers: &[&Member],
    peers: &[&Member],
) -> BTreeMap<u32, Failure> {
    let is_new = |member: &Member| newcomers.iter().any(|new| new.index == member.index);
    let new: Vec<bool> = peers.iter().map(|peer| is_new(peer)).collect();
    // For each newcomer whom he does not reach, by position among the peers, and why.
    let mut bad: BTreeMap<usize, BTreeMap<usize, Failure>> = BTreeMap::new();
    for (a, one) in peers.iter().enumerate() {
        for (b, other) in peers.iter().enumerate().skip(a + 1) {
            let (one_is_new, other_is_new) = (new.get(a) == Some(&true), new.get(b) == Some(&true));
            if !(one_is_new || other_is_new) || !is_apart(one, other) {
                continue;
            }
            let there = one_is_new.then(|| to_peer(demand, one, other)).flatten();
            let back = other_is_new.then(|| to_peer(demand, other, one)).flatten();
            let Some(failure) = there.into_iter().chain(back).min() else {
                continue;
            };
            if one_is_new {
                bad.entry(a).or_default().insert(b, failure);
            }
            if other_is_new {
                bad.entry(b).or_default().insert(a, failure);
            }
        }
    }
    let mut failures = BTreeMap::new();
    while let Some((&worst, of)) = bad.iter().max_by_key(|(at, of)| (of.len(), **at)) {
        if let (Some(member), Some(failure)) = (peers.get(worst), of.values().min()) {
            failures.insert(member.index, *failure);
        }
        bad.remove(&worst);
        for of in bad.values_mut() {
            of.remove(&worst);
        }
        bad.retain(|_, of| !of.is_empty());
    }
    failures
}

fn measured<'a>(member: &'a Member, of: &Member) -> Option<&'a Measurement> {
    let said = member.connectivity.as_deref()?;
    said.measurements.get(of.token()?)
}

fn to_peer(demand: &PeerToPeer, member: &Member, peer: &Member) -> Option<Failure> {
    let bandwidth = demand.bandwidth_minimum_kbps;
    judged(
        measured(member, peer),
        demand.latency_maximum,
        bandwidth,
        bandwidth,
    )
}

fn to_host(demand: &PeerToHost, member: &Member, host: &Member) -> Option<Failure> {
    judged(
        measured(member, host),
        demand.latency_maximum,
        demand.bandwidth_down_minimum_kbps,
        demand.bandwidth_up_minimum_kbps,
    )
}

/// The first demand that is not met. A figure that was demanded and left out: cannot be reached (R37).
fn judged(
    measured: Option<&Measurement>,
    latency_maximum: u32,
    down_minimum: u32,
    up_minimum: u32,
) -> Option<Failure> {
    let Some(measured) = measured else {
        return Some(Failure::Network);
    };
    let too_far = measured.latency.is_some_and(|ms| ms > latency_maximum);
    let below = |kbps: Option<u32>, minimum: u32| kbps.is_some_and(|kbps| kbps < minimum);
    let missing = measured.latency.is_none()
        || down_minimum > 0 && measured.bandwidth_down.is_none()
        || up_minimum > 0 && measured.bandwidth_up.is_none();
    if too_far {
        Some(Failure::Latency)
    } else if below(measured.bandwidth_down, down_minimum) {
        Some(Failure::BandwidthDown)
    } else if below(measured.bandwidth_up, up_minimum) {
        Some(Failure::BandwidthUp)
    } else {
        missing.then_some(Failure::Network)
    }
}

struct Candidate<'a> {
    member: &'a Member,
    /// How many on other devices cannot reach it.
    unreached: usize,
    /// The selection metric for the one who is worst off; lower is better.
    cost: u64,
}

/// Device tokens of those whom everybody can reach, best first by the selection metric (F29). O(members²).
pub(super) fn candidates(demand: &PeerToHost, members: &[&Member]) -> Vec<String> {
    ranked(demand, members)
        .into_iter()
        .filter(|candidate| candidate.unreached == 0)
        .filter_map(|candidate| candidate.member.token().map(str::to_owned))
        .collect()
}

/// One for each device: whom most can reach first, then by the selection metric, then by age.
fn ranked<'a>(demand: &PeerToHost, members: &[&'a Member]) -> Vec<Candidate<'a>> {
    let mut ranked: Vec<Candidate<'a>> = Vec::new();
    for member in members.iter().copied() {
        let known = |other: &Candidate<'_>| other.member.token() == member.token();
        if member.token().is_none() || ranked.iter().any(known) {
            continue;
        }
        let others = || members.iter().filter(|other| is_apart(other, member));
        ranked.push(Candidate {
            member,
            unreached: others()
                .filter(|other| to_host(demand, other, member).is_some())
                .count(),
            cost: others()
                .map(|other| cost(demand.host_selection_metric, measured(other, member)))
                .max()
                .unwrap_or(0),
        });
    }
    ranked.sort_by_key(|candidate| (candidate.unreached, candidate.cost, candidate.member.index));
    ranked
}

fn cost(metric: HostSelectionMetric, measured: Option<&Measurement>) -> u64 {
    let Some(measured) = measured else {
        return u64::MAX;
    };
    let figure = |figure: Option<u32>| u64::from(figure.unwrap_or(0));
    let (down, up) = (
        figure(measured.bandwidth_down),
        figure(measured.bandwidth_up),
    );
    match metric {
        HostSelectionMetric::Latency => measured.latency.map_or(u64::MAX, u64::from),
        HostSelectionMetric::BandwidthDown => down.abs_diff(u64::MAX),
        HostSelectionMetric::BandwidthUp => up.abs_diff(u64::MAX),
        HostSelectionMetric::Bandwidth => (down + up).abs_diff(u64::MAX),
    }
}
