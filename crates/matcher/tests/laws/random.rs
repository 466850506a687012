//! Random queues, tickets and histories.

use model::queue::{Aggregate, ExpansionTarget, Queue, RuleKind};
use model::ticket::Value;
use model::{Millis, Ticket, Timestamp};
use proptest::prelude::*;

use crate::world::{QueueExt, TicketExt, name, queue, region, texts, ticket};

/// One thing that happens. Numbers pick among what is there.
#[derive(Debug, Clone)]
pub enum Op {
    Add(Draft),
    Remove(usize),
    Advance(u16),
    Commit(usize),
    Fail(usize, u8),
}

/// A ticket to be.
#[derive(Debug, Clone)]
pub struct Draft {
    pub skills: Vec<u8>,
    pub ranks: u8,
    pub modes: u8,
    pub build: bool,
    /// For each of three regions a ping or none, shared by the party but for its first player.
    pub pings: Option<[Option<u8>; 3]>,
    pub first_free: bool,
    /// Created so long before it is added, and with this long to live.
    pub age: u16,
    pub life: Option<u16>,
}

const REGIONS: [&str; 3] = ["ap", "eu", "us"];
const MODES: [&str; 4] = ["ctf", "dm", "koth", "race"];

impl Draft {
    pub fn ticket(&self, id: u64, now: i64) -> Ticket {
        let skills: Vec<f64> = self.skills.iter().map(|&s| f64::from(s)).collect();
        let modes: Vec<&str> = (0..4)
            .filter(|n| self.modes & (1 << n) != 0)
            .map(|n| MODES[n])
            .collect();
        let build = if self.build { "1" } else { "2" };
        let at = now - i64::from(self.age);
        let mut ticket = ticket(id, at, &skills)
            .with("rank", Value::Number(f64::from(self.ranks)))
            .with("mode", texts(&modes))
            .with("build", Value::String(build.into()));
        ticket.expires_at = self.life.map(|life| Timestamp(now + 1 + i64::from(life)));
        if let Some(pings) = self.pings {
            let listed = REGIONS.iter().zip(pings);
            let listed: Vec<(&str, u32)> = listed
                .filter_map(|(r, ms)| Some((*r, u32::from(ms?))))
                .collect();
            ticket = ticket.pings(&listed);
            if self.first_free {
                ticket.players[0].latencies.clear();
            }
        }
        ticket
    }
}

pub fn draft() -> impl Strategy<Value = Draft> {
    let pings = proptest::option::weighted(
        0.8,
        proptest::array::uniform3(proptest::option::weighted(0.8, 0_u8..150)),
    );
    (
        prop::collection::vec(0_u8..120, 1..4),
        0_u8..60,
        1_u8..16,
        proptest::bool::weighted(0.8),
        pings,
        proptest::bool::weighted(0.2),
        prop_oneof![3 => Just(0_u16), 1 => 0_u16..4_000],
        proptest::option::weighted(0.3, 0_u16..9_000),
    )
        .prop_map(
            |(skills, ranks, modes, build, pings, first_free, age, life)| Draft {
                skills,
                ranks,
                modes,
                build,
                pings,
                first_free,
                age,
                life,
            },
        )
}

pub fn history(length: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => draft().prop_map(Op::Add),
        1 => any::<usize>().prop_map(Op::Remove),
        3 => (0_u16..3_000).prop_map(Op::Advance),
        2 => any::<usize>().prop_map(Op::Commit),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(n, gone)| Op::Fail(n, gone)),
    ];
    prop::collection::vec(op, 1..length)
}

fn steps() -> impl Strategy<Value = Vec<(u64, Option<f64>)>> {
    let step = (1_u64..6_000, proptest::option::weighted(0.9, 0_u8..120));
    prop::collection::vec(step, 0..3).prop_map(|mut steps| {
        steps.sort_by_key(|s| s.0);
        steps
            .into_iter()
            .map(|(after, max)| (after, max.map(f64::from)))
            .collect()
    })
}

pub fn random_queue() -> impl Strategy<Value = Queue> {
    let teams = prop_oneof![
        Just(vec![(1, 1), (1, 1)]),
        Just(vec![(2, 2), (2, 2)]),
        Just(vec![(1, 2), (1, 2)]),
        Just(vec![(3, 3), (3, 3)]),
        Just(vec![(1, 1), (3, 4)]),
        Just(vec![(1, 1); 4]),
        Just(vec![(2, 2); 3]),
        Just(vec![(2, 4)]),
    ];
    let rules = (
        proptest::option::weighted(0.7, (0_u8..60, steps())),
        proptest::option::weighted(0.3, (0_u8..40, steps())),
        proptest::option::weighted(0.5, (0_u8..60, steps())),
        proptest::option::weighted(0.4, 1_usize..3),
        any::<bool>(),
    );
    let limit = || proptest::option::of(20_u8..140);
    let regions = (any::<bool>(), limit(), limit(), steps(), steps());
    let aggregate = prop_oneof![
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        Just(Aggregate::Mean)
    ];
    (teams, rules, regions, aggregate).prop_map(|(teams, rules, regions, aggregate)| {
        let (skill, rank, balance, modes, equal) = rules;
        let (allow, latency, delta, latency_steps, delta_steps) = regions;
        let mut q = queue(&teams);
        q.party_aggregate = aggregate;
        q.party_players_max = 3;
        for (attribute, rule) in [("skill", skill), ("rank", rank)] {
            if let Some((max, steps)) = rule {
                q = q.distance(attribute, f64::from(max));
                let index = q.rules.len() - 1;
                q = q.widens(ExpansionTarget::Rule(index), &steps);
            }
        }
        if let Some((max, steps)) = balance {
            q = q.balance("skill", f64::from(max));
            let index = q.rules.len() - 1;
            q = q.widens(ExpansionTarget::Rule(index), &steps);
        }
        if let Some(min) = modes {
            q = q.rule(
                "mode",
                RuleKind::Intersect {
                    attribute: name("mode"),
                    min,
                },
            );
        }
        if equal {
            q = q.rule(
                "build",
                RuleKind::Equal {
                    attribute: name("build"),
                },
            );
        }
        q.regions.allow = allow.then(|| vec![region("eu"), region("us")]);
        q.regions.max_latency = latency.map(|ms| Millis(u64::from(ms)));
        q.regions.max_latency_delta = delta.map(|ms| Millis(u64::from(ms)));
        q.widens(ExpansionTarget::MaxLatency, &latency_steps)
            .widens(ExpansionTarget::MaxLatencyDelta, &delta_steps)
    })
}
