//! Queues and tickets to play with, and a matcher that is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output, check_match};
use model::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, Comparison, Expansion, ExpansionStep,
    ExpansionTarget, Operand, Queue, Reading, Rule, RuleKind, Scope, TeamSettings,
};
use model::ticket::{TicketPlayer, Value};
use model::{Millis, Name, Region, SessionId, Ticket, TicketId, Timestamp};
use uuid::Uuid;

use crate::exhaustive::Exhaustive;
pub use crate::exhaustive::possible;

pub fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub fn region(text: &str) -> Region {
    text.parse().expect("a region")
}

/// A queue without rules.
pub fn queue(teams: &[(u16, u16)]) -> Queue {
    let attribute = |kind, default| Attribute {
        kind,
        source: AttributeSource::Server,
        default: Some(default),
    };
    let teams = teams.iter().enumerate();
    let team = |(n, &(min, max)): (usize, &(u16, u16))| {
        TeamSettings::new(name(&format!("team{n}")), min, max)
    };
    Queue {
        party_players_max: 4,
        attributes: BTreeMap::from([
            (
                name("skill"),
                attribute(AttributeType::Number, Value::Number(0.0)),
            ),
            (
                name("rank"),
                attribute(AttributeType::Number, Value::Number(0.0)),
            ),
            (
                name("mode"),
                attribute(AttributeType::Strings, Value::Strings(vec!["dm".into()])),
            ),
            (
                name("build"),
                attribute(AttributeType::String, Value::String("1".into())),
            ),
            (
                name("hat"),
                attribute(AttributeType::String, Value::String("red".into())),
            ),
            (
                name("level"),
                attribute(
                    AttributeType::Numbers,
                    Value::Numbers(BTreeMap::from([("duel".into(), 1.0)])),
                ),
            ),
        ]),
        role_attribute: Some(name("mode")),
        placement_retries: 3,
        estimate_quantiles: vec![0.5, 0.9],
        ..Queue::new(name("q"), teams.map(team).collect())
    }
}

/// A comparison of skill with a number.
pub fn compare(
    per: Scope,
    of: Aggregate,
    team: Option<usize>,
    by: Comparison,
    with: f64,
) -> RuleKind {
    RuleKind::Compare {
        read: Reading::of(name("skill")),
        per,
        of,
        team,
        by,
        with: Operand::Number(with),
    }
}

pub trait QueueExt {
    fn rule(self, name: &str, kind: RuleKind) -> Self;
    fn distance(self, attribute: &str, max: f64) -> Self;
    fn balance(self, attribute: &str, max: f64) -> Self;
    fn widens(self, target: ExpansionTarget, steps: &[(u64, Option<f64>)]) -> Self;
}

impl QueueExt for Queue {
    fn rule(mut self, rule: &str, kind: RuleKind) -> Self {
        self.rules.push(Rule {
            name: name(rule),
            prefer: None,
            kind,
        });
        self
    }
    fn distance(self, attribute: &str, max: f64) -> Self {
        let kind = RuleKind::Distance {
            read: Reading::of(name(attribute)),
            per: Scope::Party,
            of: Aggregate::Mean,
            max,
        };
        self.rule(&format!("{attribute}-gap"), kind)
    }
    fn balance(self, attribute: &str, max: f64) -> Self {
        let kind = RuleKind::Balance {
            read: Reading::of(name(attribute)),
            of: Aggregate::Mean,
            max,
        };
        self.rule(&format!("{attribute}-balance"), kind)
    }
    fn widens(mut self, target: ExpansionTarget, steps: &[(u64, Option<f64>)]) -> Self {
        let step = |&(after, max): &(u64, Option<f64>)| ExpansionStep {
            after: Millis(after),
            limit: max,
        };
        self.expansions.push(Expansion {
            target,
            steps: steps.iter().map(step).collect(),
        });
        self
    }
}

/// A ticket of queue `q`, created at `at` ms: players with their skill.
pub fn ticket(id: u64, at: i64, skills: &[f64]) -> Ticket {
    let uuid = Uuid::from_u128(u128::from(id));
    Ticket {
        players: skills
            .iter()
            .enumerate()
            .map(|(n, &skill)| TicketPlayer {
                attributes: [(name("skill"), Value::Number(skill))]
                    .into_iter()
                    .collect(),
                ..TicketPlayer::new(format!("p{id}-{n}").parse().expect("a player"))
            })
            .collect(),
        ..Ticket::new(TicketId(uuid), name("q"), SessionId(uuid), Timestamp(at))
    }
}

pub trait TicketExt {
    fn with(self, attribute: &str, value: Value) -> Self;
    fn pings(self, pings: &[(&str, u32)]) -> Self;
}

impl TicketExt for Ticket {
    fn with(mut self, attribute: &str, value: Value) -> Self {
        for player in &mut self.players {
            player.attributes.insert(name(attribute), value.clone());
        }
        self
    }
    fn pings(mut self, pings: &[(&str, u32)]) -> Self {
        for player in &mut self.players {
            player.latencies = pings.iter().map(|&(r, ms)| (region(r), ms)).collect();
        }
        self
    }
}

pub fn texts(values: &[&str]) -> Value {
    Value::Strings(values.iter().map(|v| (*v).to_owned()).collect())
}

/// A matcher whose every word is checked.
pub struct World {
    pub queue: Arc<Queue>,
    pub matcher: Matcher,
    pub now: i64,
    /// Waiting, by age.
    pub waiting: BTreeMap<(Timestamp, u64), Arc<Ticket>>,
    pub seq: BTreeMap<TicketId, u64>,
    pub proposed: BTreeMap<u64, Vec<Arc<Ticket>>>,
    /// Everything that was said.
    pub said: Vec<Output>,
    /// Whether each pool is compared with the exhaustive search.
    pub exhaustive: bool,
    judge: Exhaustive,
}

impl World {
    pub fn new(queue: Queue) -> World {
        let queue = Arc::new(queue);
        World {
            matcher: Matcher::new(vec![Arc::clone(&queue)], 7),
            queue,
            now: 0,
            waiting: BTreeMap::new(),
            seq: BTreeMap::new(),
            proposed: BTreeMap::new(),
            said: Vec::new(),
            exhaustive: true,
            judge: Exhaustive::default(),
        }
    }

    pub fn add(&mut self, ticket: Ticket) -> Vec<Match> {
        let ticket = Arc::new(ticket);
        let seq = self.seq.len() as u64;
        self.seq.insert(ticket.id, seq);
        self.waiting
            .insert((ticket.created_at, seq), Arc::clone(&ticket));
        self.handle(Event::Add(ticket))
    }

    pub fn remove(&mut self, id: TicketId) {
        self.waiting.retain(|_, t| t.id != id);
        for tickets in self.proposed.values_mut() {
            tickets.retain(|t| t.id != id);
        }
        let matches = self.handle(Event::Remove(id));
        assert!(
            matches.is_empty(),
            "a ticket that leaves makes no match possible"
        );
    }

    pub fn advance(&mut self, ms: i64) -> Vec<Match> {
        self.now += ms;
        self.handle(Event::Tick)
    }

    pub fn commit(&mut self, handle: u64) {
        self.proposed.remove(&handle);
        self.handle(Event::Committed(handle));
    }

    pub fn fail(&mut self, handle: u64, gone: Vec<TicketId>) -> Vec<Match> {
        for ticket in self.proposed.remove(&handle).unwrap_or_default() {
            if !gone.contains(&ticket.id) {
                self.waiting
                    .insert((ticket.created_at, self.seq[&ticket.id]), ticket);
            }
        }
        self.handle(Event::Failed { handle, gone })
    }

    fn handle(&mut self, event: Event) -> Vec<Match> {
        let outputs = self.matcher.handle(Timestamp(self.now), event);
        self.said.extend(outputs.iter().cloned());
        let mut matches = Vec::new();
        for output in outputs {
            match output {
                Output::Match(found) => {
                    self.check(&found);
                    matches.push(found);
                }
                Output::Expired(id) => {
                    let ticket = self
                        .waiting
                        .values()
                        .find(|t| t.id == id)
                        .expect("it waited");
                    assert!(ticket.expires_at.is_some_and(|at| at.0 <= self.now));
                    self.waiting.retain(|_, t| t.id != id);
                }
                Output::Refill(_) => panic!("no session asked for players"),
                Output::Again(id) => panic!("{id} is asked for again, but its queue is as it was"),
                Output::QueueRemoved(id) | Output::Refused(id, _) => {
                    self.waiting.retain(|_, t| t.id != id);
                }
            }
        }
        self.check_rest();
        matches
    }

    fn check(&mut self, found: &Match) {
        let now = Timestamp(self.now);
        let waiting: Vec<&Ticket> = self.waiting.values().map(|t| &**t).collect();
        check_match(&self.queue, &waiting, now, found).expect("a match that keeps every rule");
        for (team, settings) in found.teams.iter().zip(&self.queue.teams) {
            let wanted: u16 = settings.roles.values().sum();
            assert_eq!(team.roles.len(), usize::from(wanted), "roles are given out");
        }
        let ids: BTreeSet<TicketId> = found.tickets().collect();
        let with: Vec<&Ticket> = waiting
            .iter()
            .copied()
            .filter(|t| ids.contains(&t.id))
            .collect();
        let same_pool = |t: &&&Ticket| {
            with.first()
                .is_some_and(|w| pool_of(&self.queue, w) == pool_of(&self.queue, t))
        };
        let oldest = waiting.iter().find(same_pool).expect("the match waited");
        if self.exhaustive && !ids.contains(&oldest.id) {
            let better = self
                .judge
                .possible(&self.queue, &waiting, now, Some(oldest.id));
            assert_eq!(better, None, "the oldest could have played");
        }
        let taken = |t: &Arc<Ticket>| ids.contains(&t.id);
        let tickets = self
            .waiting
            .values()
            .filter(|t| taken(t))
            .cloned()
            .collect();
        assert!(
            self.proposed.insert(found.handle, tickets).is_none(),
            "a handle used twice"
        );
        self.waiting.retain(|_, t| !taken(t));
    }

    fn check_rest(&mut self) {
        assert_eq!(self.matcher.len(), self.waiting.len(), "no ticket is lost");
        assert_eq!(self.matcher.waiting(&self.queue.name), self.waiting.len());
        for ticket in self.waiting.values() {
            assert!(self.matcher.is_waiting(ticket.id));
            assert_eq!(self.matcher.proposed_in(ticket.id), None);
        }
        for (&handle, tickets) in &self.proposed {
            for ticket in tickets {
                assert!(!self.matcher.is_waiting(ticket.id));
                assert_eq!(self.matcher.proposed_in(ticket.id), Some(handle));
            }
        }
        let deadline = self.matcher.next_deadline();
        if self.exhaustive {
            assert!(
                deadline.is_none_or(|at| at.0 > self.now),
                "small pools leave no work"
            );
            let waiting: Vec<&Ticket> = self.waiting.values().map(|t| &**t).collect();
            let left = self
                .judge
                .possible(&self.queue, &waiting, Timestamp(self.now), None);
            assert_eq!(left, None, "a match was left on the table");
        }
    }
}

/// The value that parts the queue's pools, if any does.
fn pool_of<'a>(queue: &Queue, ticket: &'a Ticket) -> Option<&'a Value> {
    let is_equal = |rule: &Rule| {
        matches!(
            rule.kind,
            RuleKind::Equal {
                per: Scope::Match,
                ..
            }
        )
    };
    if !queue.rules.iter().any(is_equal) {
        return None;
    }
    ticket.players.first()?.attributes.get("build")
}
