//! Random queues, tickets and histories.

use model::queue::{
    Aggregate, Avoid, Comparison, ExpansionTarget, Operand, Queue, Reading, Rule, RuleKind, Scope,
    Sort, SortOrder,
};
use model::ticket::Value;
use model::{Millis, Ticket, Timestamp};
use proptest::prelude::*;

use crate::world::{QueueExt, TicketExt, name, queue, region, texts, ticket};

/// A property's configuration: so many cases, unless `PROPTEST_CASES` says how many.
pub fn cases(cases: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(cases),
    }
}

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
    /// Two bits for each player.
    pub hats: u8,
    /// For each of three regions a ping or none, shared by the party but for its first player.
    pub pings: Option<[Option<u8>; 3]>,
    pub first_free: bool,
    /// The first player avoids the first one of this ticket.
    pub avoids: Option<u8>,
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
        for (n, player) in ticket.players.iter_mut().enumerate() {
            let hat = ["red", "blue", "red", "green"][usize::from(self.hats >> (2 * n)) % 4];
            let hat = Value::String(hat.into());
            player.attributes.insert(name("hat"), hat);
        }
        if let Some(other) = self.avoids.filter(|other| u64::from(*other) < id) {
            let other = format!("p{other}-0").parse().expect("a player");
            ticket.players[0].avoid = [other].into();
        }
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
        (
            proptest::bool::weighted(0.8),
            any::<u8>(),
            proptest::option::weighted(0.4, 0_u8..10),
        ),
        pings,
        proptest::bool::weighted(0.2),
        prop_oneof![3 => Just(0_u16), 1 => 0_u16..4_000],
        proptest::option::weighted(0.3, 0_u16..9_000),
    )
        .prop_map(
            |(skills, ranks, modes, (build, hats, avoids), pings, first_free, age, life)| Draft {
                skills,
                ranks,
                modes,
                build,
                hats,
                avoids,
                pings,
                first_free,
                age,
                life,
            },
        )
}

pub fn history(length: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(8), 1..length)
}

/// One in which hardly anybody goes again, so that many wait at once.
pub fn crowded_history(length: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(24), length / 2..length)
}

/// Of 8 other things so many are arrivals.
fn op(arrivals: u32) -> impl Strategy<Value = Op> {
    prop_oneof![
        arrivals => draft().prop_map(Op::Add),
        1 => any::<usize>().prop_map(Op::Remove),
        3 => (0_u16..3_000).prop_map(Op::Advance),
        2 => any::<usize>().prop_map(Op::Commit),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(n, gone)| Op::Fail(n, gone)),
    ]
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

/// What random queues have more or less of.
#[derive(Debug, Clone, Copy)]
struct Taste {
    /// How likely rules of the kinds that pools are ordered by are.
    distance: f64,
    /// The limit of the first of them.
    skill: (u8, u8),
    equal: f64,
    /// How much likelier rules that are asked at last are than none, and fewer than how many.
    last: (u32, usize),
    /// Which of those rules.
    asked: Asked,
}

/// What is asked at last: any of these, as likely as it is often in the list.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// As [`Last::kind`] numbers them.
    what: &'static [u8],
    /// As [`Last::join`] numbers compounds; beyond them a rule stands for itself.
    within: &'static [u8],
}

/// A bit of everything.
const ANYTHING: Asked = Asked {
    what: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    within: &[0, 1, 2, 4, 4, 4, 4, 4],
};

/// Compounds, mostly of what is asked of texts that players share or not.
const COMPOUNDS: Asked = Asked {
    what: &[0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 10],
    within: &[0, 0, 0, 1, 2, 3, 4, 4],
};

pub fn random_queue() -> impl Strategy<Value = Queue> {
    queue_of(Taste {
        distance: 0.7,
        skill: (0, 60),
        equal: 0.5,
        last: (2, 3),
        asked: ANYTHING,
    })
}

/// Queues that hardly say who is near whom: nearly all that is asked is asked at last, most of it in compounds.
pub fn queue_of_last_rules() -> impl Strategy<Value = Queue> {
    queue_of(Taste {
        distance: 0.3,
        skill: (60, 120),
        equal: 0.2,
        last: (9, 4),
        asked: COMPOUNDS,
    })
}

/// Fewest and most players of each team.
fn team_sizes() -> impl Strategy<Value = Vec<(u16, u16)>> {
    prop_oneof![
        Just(vec![(1, 1), (1, 1)]),
        Just(vec![(2, 2), (2, 2)]),
        Just(vec![(1, 2), (1, 2)]),
        Just(vec![(3, 3), (3, 3)]),
        Just(vec![(1, 1), (3, 4)]),
        Just(vec![(1, 1); 4]),
        Just(vec![(2, 2); 3]),
        Just(vec![(2, 4)]),
    ]
}

fn queue_of(taste: Taste) -> impl Strategy<Value = Queue> {
    let rules = (
        proptest::option::weighted(taste.distance, (taste.skill.0..taste.skill.1, steps())),
        proptest::option::weighted(0.3, (0_u8..40, steps())),
        proptest::option::weighted(0.5, (0_u8..60, steps())),
        proptest::option::weighted(0.4, 1_usize..3),
        proptest::bool::weighted(taste.equal),
    );
    let limit = || proptest::option::of(20_u8..140);
    let regions = (any::<bool>(), limit(), limit(), steps(), steps());
    let aggregate = prop_oneof![
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        Just(Aggregate::Mean)
    ];
    let one = (last_rule_of(taste.asked), proptest::bool::weighted(0.3));
    let (weight, fewer_than) = taste.last;
    let last = prop_oneof![
        1 => Just(Vec::new()),
        weight => prop::collection::vec(one, 1..fewer_than),
    ];
    let order = prop_oneof![
        Just(SortOrder::Nearest),
        Just(SortOrder::Ascending),
        Just(SortOrder::Descending)
    ];
    let sort = proptest::option::weighted(0.4, (order, any::<bool>()));
    let avoid = (proptest::option::weighted(0.3, any::<bool>()), sort);
    let all = (team_sizes(), rules, regions, aggregate, last, avoid);
    all.prop_map(|(teams, rules, regions, aggregate, last, (avoid, sort))| {
        let (skill, rank, balance, modes, equal) = rules;
        let (allow, latency, delta, latency_steps, delta_steps) = regions;
        let mut q = queue(&teams);
        q.party_aggregate = aggregate;
        q.party_players_max = 3;
        q.sort = sort.map(|(order, rank)| Sort {
            read: Reading::of(name(if rank { "rank" } else { "skill" })),
            order,
        });
        q.avoid = avoid.map(|soft| Avoid {
            players_max: 3,
            soft,
        });
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
                    per: Scope::Match,
                    min,
                },
            );
        }
        if equal {
            q = q.rule(
                "build",
                RuleKind::Equal {
                    read: Reading::of(name("build")),
                    per: Scope::Match,
                },
            );
        }
        for (rule, is_wish) in last {
            let kind = rule.kind().filter(|_| is_wish);
            let name = name(&format!("wish-{}", q.rules.len()));
            match kind {
                None => q = rule.join(q),
                Some(kind) => q.rules.push(Rule {
                    name,
                    prefer: Some(2.0),
                    kind,
                }),
            }
        }
        q.regions.allow = allow.then(|| vec![region("eu"), region("us")]);
        q.regions.max_latency = latency.map(|ms| Millis(u64::from(ms)));
        q.regions.max_latency_delta = delta.map(|ms| Millis(u64::from(ms)));
        q.widens(ExpansionTarget::MaxLatency, &latency_steps)
            .widens(ExpansionTarget::MaxLatencyDelta, &delta_steps)
    })
}

/// A rule that is asked of a whole match at last, or a team that shrinks or wants roles.
#[derive(Debug, Clone)]
pub struct Last {
    what: u8,
    /// A number that is taken for a skill, or for a count.
    number: u8,
    few: u32,
    per_team: bool,
    only_first: bool,
    of: Aggregate,
    by: Comparison,
    steps: Vec<(u64, Option<f64>)>,
    /// Inside of a compound.
    within: u8,
}

pub fn last_rule() -> impl Strategy<Value = Last> {
    last_rule_of(ANYTHING)
}

fn last_rule_of(asked: Asked) -> impl Strategy<Value = Last> {
    let of = prop_oneof![
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        Just(Aggregate::Mean),
        Just(Aggregate::Sum)
    ];
    let by = prop_oneof![
        Just(Comparison::Less),
        Just(Comparison::AtMost),
        Just(Comparison::AtLeast),
        Just(Comparison::Greater),
        Just(Comparison::Unequal),
    ];
    let flags = (any::<bool>(), any::<bool>());
    (
        prop::sample::select(asked.what),
        0_u8..150,
        0_u32..3,
        flags,
        of,
        by,
        steps(),
        prop::sample::select(asked.within),
    )
        .prop_map(
            |(what, number, few, (per_team, only_first), of, by, steps, within)| Last {
                what,
                number,
                few,
                per_team,
                only_first,
                of,
                by,
                steps,
                within,
            },
        )
}

impl Last {
    /// `None`: it is none of the rules, but shrinks a team or wants a role.
    pub fn kind(&self) -> Option<RuleKind> {
        let skill = Reading::of(name("skill"));
        let hat = Reading::of(name("hat"));
        let number = f64::from(self.number);
        let per = if self.per_team {
            Scope::Team
        } else {
            Scope::Match
        };
        let team = self.only_first.then_some(0);
        let compare = |per, team| RuleKind::Compare {
            read: skill.clone(),
            per,
            of: self.of,
            team,
            by: self.by,
            with: Operand::Number(number),
        };
        Some(match self.what {
            0 => RuleKind::Different { read: hat, per },
            1 => RuleKind::Equal {
                read: hat,
                per: Scope::Team,
            },
            2 => RuleKind::Contains {
                attribute: name("hat"),
                values: vec!["blue".into(), "green".into()],
                per: if self.only_first { Scope::Team } else { per },
                team,
                min: self.few.min(1),
                max: self.number.is_multiple_of(2).then_some(self.few.max(1)),
            },
            3 => compare(per, None),
            4 => compare(Scope::Team, team),
            5 => compare(Scope::Player, team),
            6 => compare(Scope::Party, None),
            7 => RuleKind::Distance {
                read: skill,
                per: Scope::Player,
                of: Aggregate::Mean,
                max: number,
            },
            8 => RuleKind::Balance {
                read: skill,
                of: self.of,
                max: number,
            },
            9 => RuleKind::Intersect {
                attribute: name("mode"),
                per,
                min: 2,
            },
            _ => return None,
        })
    }

    pub fn join(self, mut q: Queue) -> Queue {
        let index = q.rules.len();
        let Some(kind) = self.kind() else {
            let first = &mut q.teams[0];
            if self.only_first {
                first.roles = [(name("ctf"), 1)].into();
                return q;
            }
            let fewer = f64::from(first.players_min.saturating_sub(1).max(1));
            return q.widens(ExpansionTarget::TeamMin(0), &[(2_000, Some(fewer))]);
        };
        let rule = format!("split-{index}");
        let other = RuleKind::Contains {
            attribute: name("mode"),
            values: vec!["koth".into()],
            per: Scope::Match,
            team: None,
            min: 2,
            max: None,
        };
        let kind = match self.within {
            0 => RuleKind::Any(vec![kind, other]),
            1 => RuleKind::All(vec![kind, RuleKind::Not(Box::new(other))]),
            2 => RuleKind::Not(Box::new(kind)),
            3 => RuleKind::All(vec![RuleKind::Any(vec![other, kind])]),
            _ => return self.widening(q.rule(&rule, kind), index),
        };
        q.rule(&rule, kind)
    }

    fn widening(&self, q: Queue, index: usize) -> Queue {
        match self.what {
            0 | 1 => q.widens(ExpansionTarget::Rule(index), &[(4_000, None)]),
            9 => q.widens(ExpansionTarget::RuleMin(index), &[(2_000, Some(1.0))]),
            _ if matches!(self.by, Comparison::AtLeast | Comparison::Greater) && self.what < 7 => {
                let lower = f64::from(self.number / 2);
                q.widens(ExpansionTarget::RuleMin(index), &[(1_500, Some(lower))])
            }
            _ => q.widens(ExpansionTarget::Rule(index), &self.steps),
        }
    }
}
