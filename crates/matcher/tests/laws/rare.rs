//! Players of whom there are few: the only healer among hundreds is found, wherever he stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output, check_match};
use model::queue::{Aggregate, Comparison, Operand, Queue, Reading, RuleKind, Scope};
use model::{Ticket, TicketId, Timestamp};
use proptest::prelude::*;

use crate::random::cases;
use crate::world::{QueueExt, TicketExt, name, queue, texts, ticket};

/// The match is there after so many events at most: the arrival that makes it possible, and ticks.
const EVENTS_MAX: usize = 4;

/// Five against five, each team with one healer and one tank.
fn roles() -> Queue {
    let mut q = queue(&[(5, 5), (5, 5)]);
    for team in &mut q.teams {
        team.roles = [(name("healer"), 1), (name("tank"), 1)].into();
    }
    q
}

/// The same demanded by rules of the match.
fn contained() -> Queue {
    let contains = |value: &str, min| RuleKind::Contains {
        attribute: name("mode"),
        values: vec![value.to_owned()],
        per: Scope::Match,
        team: None,
        min,
        max: None,
    };
    let all = RuleKind::All(vec![
        contains("tank", 2),
        RuleKind::Compare {
            read: Reading::of(name("skill")),
            per: Scope::Match,
            of: Aggregate::Mean,
            team: None,
            by: Comparison::AtLeast,
            with: Operand::Number(0.0),
        },
    ]);
    queue(&[(5, 5), (5, 5)])
        .rule("healers", contains("healer", 2))
        .rule("tanks", all)
}

/// A matcher whose matches are judged by the independent check alone: pools too large for trying all.
pub struct Crowd {
    pub matcher: Matcher,
    queue: Arc<Queue>,
    tickets: Vec<Arc<Ticket>>,
    pub matches: Vec<Match>,
}

impl Crowd {
    pub fn new(queue: Queue) -> Crowd {
        let queue = Arc::new(queue);
        Crowd {
            matcher: Matcher::new(vec![queue.clone()], 1),
            queue,
            tickets: Vec::new(),
            matches: Vec::new(),
        }
    }

    pub fn event(&mut self, now: i64, event: Event) {
        for output in self.matcher.handle(Timestamp(now), event) {
            if let Output::Match(found) = output {
                let all: Vec<&Ticket> = self.tickets.iter().map(|t| &**t).collect();
                check_match(&self.queue, &all, Timestamp(now), &found).expect("every rule");
                self.matches.push(found);
            }
        }
    }

    fn add(&mut self, skill: f64, likes: &str) -> TicketId {
        let n = self.tickets.len() as u64;
        self.put(ticket(n + 1, n as i64, &[skill]).with("mode", texts(&[likes])))
    }

    /// Adds a ticket when it was created.
    pub fn put(&mut self, ticket: Ticket) -> TicketId {
        let made = Arc::new(ticket);
        self.tickets.push(made.clone());
        self.event(made.created_at.0, Event::Add(made.clone()));
        made.id
    }

    /// Lets the matcher go on until nothing is left to do at this time; how many events that took.
    pub fn settle(&mut self, now: i64) -> usize {
        let mut events = 0;
        while self.matcher.next_deadline().is_some_and(|at| at.0 <= now) {
            self.event(now, Event::Tick);
            events += 1;
        }
        events
    }
}

proptest! {
    #![proptest_config(cases(24))]
    #[test]
    fn the_only_healers_and_tanks_among_five_hundred_are_found(
        by_roles in any::<bool>(),
        skills in prop::collection::vec(0_u16..1_000, 500),
        rare in prop::collection::vec(0_u16..1_000, 4),
        places in prop::collection::btree_set(0_usize..500, 4),
    ) {
        let q = if by_roles { roles() } else { contained() };
        let mut crowd = Crowd::new(q.distance("skill", 1_000.0));
        let mut rare: Vec<(&str, u16)> = ["healer", "healer", "tank", "tank"].into_iter().zip(rare).collect();
        let mut last = None;
        for (n, skill) in skills.iter().enumerate() {
            let id = match (places.contains(&n), rare.last().copied()) {
                (true, Some((role, skill))) => {
                    rare.pop();
                    crowd.add(f64::from(skill), role)
                }
                _ => crowd.add(f64::from(*skill), "fighter"),
            };
            if rare.is_empty() {
                last = Some(last.unwrap_or((id, n)));
            }
            let enough = rare.is_empty() && n >= 9;
            if enough {
                // From the arrival that makes it possible a few events at most.
                for event in 1..EVENTS_MAX {
                    if crowd.matches.is_empty() {
                        crowd.event((n + event) as i64, Event::Tick);
                    }
                }
                prop_assert_eq!(crowd.matches.len(), 1, "at {}", n);
                break;
            }
            prop_assert!(crowd.matches.is_empty());
        }
        let found: BTreeSet<TicketId> = crowd.matches[0].tickets().collect();
        prop_assert_eq!(found.len(), 10);
    }

    #[test]
    fn the_only_healer_within_reach_is_found_by_whoever_comes(
        skills in prop::collection::vec(0_u16..1_000, 499),
        healer in 300_u16..700,
        newcomer in 400_u16..600,
    ) {
        let mut q = queue(&[(3, 3)]);
        q.teams[0].roles = [(name("healer"), 1)].into();
        let mut crowd = Crowd::new(q.distance("skill", 300.0));
        for skill in skills {
            crowd.add(f64::from(skill), "fighter");
        }
        prop_assert!(crowd.matches.is_empty());
        let healer = crowd.add(f64::from(healer), "healer");
        prop_assert_eq!(crowd.matches.len(), 1, "two of five hundred are near him");
        prop_assert!(crowd.matches[0].tickets().any(|id| id == healer));
        crowd.add(f64::from(newcomer), "healer");
        prop_assert_eq!(crowd.matches.len(), 2);
    }
}

#[test]
fn a_fighter_who_comes_last_finds_the_healer_at_the_edge_of_his_reach() {
    let mut q = queue(&[(4, 4)]);
    q.teams[0].roles = [(name("healer"), 1)].into();
    let mut crowd = Crowd::new(q.distance("skill", 100.0));
    // Five hundred whom the healer does not reach, then him, then two whom he does.
    for n in 0..500_u16 {
        crowd.add(f64::from(n % 90), "fighter");
    }
    crowd.add(195.0, "healer");
    crowd.add(100.0, "fighter");
    crowd.add(101.0, "fighter");
    assert!(crowd.matches.is_empty());
    let last = crowd.add(96.0, "fighter");
    assert_eq!(crowd.matches.len(), 1, "{:?}", crowd.matcher.stats());
    assert!(crowd.matches[0].tickets().any(|id| id == last));
    assert_eq!(crowd.matcher.stats().given_up, 0);
}

/// As many as can be told apart by where they may play, which are more than a number of two bytes.
#[test]
fn no_number_of_kinds_of_tickets_is_too_many() {
    let mut paused = queue(&[(1, 1), (1, 1)]);
    paused.active = false;
    let regions: Vec<String> = (0..17).map(|n| format!("r{n:02}")).collect();
    let one = |n: u64| {
        let bits = regions.iter().enumerate();
        let listed = bits.filter(|(at, _)| n & (1 << at) != 0);
        let pings: Vec<(&str, u32)> = listed.map(|(_, name)| (name.as_str(), 20)).collect();
        Arc::new(ticket(n, 0, &[20.0]).pings(&pings))
    };
    let mut matcher = Matcher::new(vec![Arc::new(paused.clone())], 1);
    let kinds = 1..(1 << 16) + 100;
    for n in kinds.clone() {
        let said = matcher.handle(Timestamp(0), Event::Add(one(n)));
        assert!(said.is_empty(), "{said:?}");
    }
    let open = Queue {
        active: true,
        ..paused
    };
    // All but the last few go, and these are of kinds that came when there were too many for two bytes.
    for n in 1..kinds.end - 100 {
        matcher.handle(Timestamp(0), Event::Remove(one(n).id));
    }
    let said = matcher.set_queues(Timestamp(1), vec![Arc::new(open.clone())]);
    assert!(!said.is_empty(), "they can play");
    let all: Vec<Arc<Ticket>> = (kinds.end - 100..kinds.end).map(one).collect();
    let all: Vec<&Ticket> = all.iter().map(|ticket| &**ticket).collect();
    for output in said {
        let Output::Match(found) = output else {
            panic!("{output:?}");
        };
        check_match(&open, &all, Timestamp(1), &found).expect("every rule");
    }
}
