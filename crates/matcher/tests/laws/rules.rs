//! What the matcher does, one thing at a time.

use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output};
use model::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, CLIENT_VERSION, Comparison,
    ExpansionTarget, Queue, Reading, RuleKind, Scope,
};
use model::ticket::Value;
use model::{Millis, TicketId, Timestamp};
use proptest::prelude::*;

use crate::random::cases;
use crate::world::{QueueExt, TicketExt, World, compare, name, queue, region, ticket};

/// The tickets of a match, in order.
pub fn ids(found: &Match) -> Vec<u128> {
    let mut ids: Vec<u128> = found.tickets().map(|id| id.0.as_u128()).collect();
    ids.sort_unstable();
    ids
}

fn id(n: u128) -> TicketId {
    TicketId(uuid::Uuid::from_u128(n))
}

#[test]
fn the_ticket_that_completes_a_match_makes_it_at_once() {
    let mut world = World::new(queue(&[(2, 2), (2, 2)]));
    assert!(world.add(ticket(1, 0, &[0.0; 2])).is_empty());
    assert!(world.add(ticket(2, 0, &[0.0])).is_empty());
    let matches = world.add(ticket(3, 0, &[0.0]));
    assert_eq!(matches.len(), 1);
    assert_eq!(ids(&matches[0]), [1, 2, 3]);
    assert_eq!(matches[0].figures.players, 4);
}

#[test]
fn nobody_waits_behind_a_ticket_that_cannot_be_matched() {
    let mut world = World::new(queue(&[(1, 1), (1, 1)]).distance("skill", 10.0));
    world.add(ticket(1, 0, &[9_000.0]));
    world.add(ticket(2, 0, &[50.0]));
    assert_eq!(ids(&world.add(ticket(3, 0, &[55.0]))[0]), [2, 3]);
}

#[test]
fn ranges_widen_by_each_tickets_own_age_and_both_must_accept() {
    let q = queue(&[(1, 1), (1, 1)]).distance("skill", 100.0);
    let mut world = World::new(q.widens(ExpansionTarget::Rule(0), &[(10_000, Some(500.0))]));
    world.add(ticket(1, 0, &[1_000.0]));
    world.advance(9_000);
    assert!(world.add(ticket(2, 9_000, &[1_300.0])).is_empty());
    assert!(
        world.advance(1_000).is_empty(),
        "the younger one does not accept yet"
    );
    assert_eq!(world.matcher.next_deadline(), Some(Timestamp(19_000)));
    assert!(world.advance(8_999).is_empty());
    assert_eq!(world.advance(1).len(), 1);
}

/// The nearest are not the only ones who count while a balance holds that is given up later.
#[test]
fn a_balance_that_is_given_up_with_age_is_searched_for_before() {
    let q = queue(&[(1, 1), (1, 1)]).balance("skill", 0.0);
    let mut world = World::new(q.widens(ExpansionTarget::Rule(0), &[(60_000, None)]));
    for (id, skill) in (1..).zip([10.0, 20.0, 30.0, 40.0, 7.0, 50.0]) {
        assert!(world.add(ticket(id, 0, &[skill])).is_empty());
    }
    assert_eq!(ids(&world.add(ticket(7, 0, &[7.0]))[0]), [5, 7]);
}

#[test]
fn a_failed_match_gives_its_survivors_back_with_their_age() {
    let q = queue(&[(1, 1), (1, 1)]).distance("skill", 100.0);
    let mut world = World::new(q.widens(ExpansionTarget::Rule(0), &[(10_000, Some(500.0))]));
    world.add(ticket(1, 0, &[0.0]));
    let first = world.add(ticket(2, 0, &[0.0])).remove(0);
    world.advance(10_000);
    assert!(
        world.add(ticket(3, 0, &[400.0])).is_empty(),
        "nobody is there to meet"
    );
    let again = world.fail(first.handle, vec![id(2)]);
    assert_eq!(ids(&again[0]), [1, 3]);
    assert_ne!(again[0].handle, first.handle);
    assert_eq!(again[0].figures.oldest_wait, Millis(10_000));
}

#[test]
fn a_ticket_that_leaves_while_proposed_does_not_come_back() {
    let mut world = World::new(queue(&[(1, 1), (1, 1)]));
    world.add(ticket(1, 0, &[0.0]));
    let found = world.add(ticket(2, 0, &[0.0])).remove(0);
    world.remove(id(1));
    assert!(world.fail(found.handle, vec![]).is_empty());
    assert!(!world.matcher.is_waiting(id(1)));
    assert!(world.matcher.is_waiting(id(2)));
}

#[test]
fn f34_a_ticket_expires_and_is_not_matched_any_more() {
    let mut world = World::new(queue(&[(1, 1), (1, 1)]));
    let mut short = ticket(1, 0, &[0.0]);
    short.expires_at = Some(Timestamp(500));
    world.add(short);
    assert_eq!(world.matcher.next_deadline(), Some(Timestamp(500)));
    world.advance(500);
    assert_eq!(world.said, [Output::Expired(id(1))]);
    assert!(world.add(ticket(2, 500, &[0.0])).is_empty());
}

#[test]
fn free_seats_are_filled_with_who_waits() {
    let mut world = World::new(queue(&[(2, 4), (2, 4)]).balance("skill", 5.0));
    for n in 1..=3 {
        assert!(world.add(ticket(n, 0, &[100.0 * n as f64])).is_empty());
    }
    // 100 + 400 against 200 + 300; two may not start alone, as they are too uneven.
    assert_eq!(world.add(ticket(4, 0, &[400.0])).len(), 1);
    let mut world = World::new(queue(&[(1, 4)]));
    let q = Arc::new(Queue {
        active: false,
        ..queue(&[(2, 4)])
    });
    world.matcher = Matcher::new(vec![q], 1);
    let now = Timestamp(0);
    for n in 1..=6 {
        assert!(
            world
                .matcher
                .handle(now, Event::Add(Arc::new(ticket(n, 0, &[0.0]))))
                .is_empty()
        );
    }
    let said = world
        .matcher
        .set_queues(now, vec![Arc::new(queue(&[(2, 4)]))]);
    let matches: Vec<Vec<u128>> = said
        .iter()
        .filter_map(|o| {
            if let Output::Match(m) = o {
                Some(ids(m))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(matches, [vec![1, 2, 3, 4], vec![5, 6]]);
}

#[test]
fn the_region_is_the_best_that_all_agree_on() {
    let mut q = queue(&[(1, 1), (1, 1)]);
    q.regions.max_latency = Some(Millis(80));
    let mut world = World::new(q);
    world.add(ticket(1, 0, &[0.0]).pings(&[("ap", 20), ("eu", 70), ("us", 75)]));
    let found = world
        .add(ticket(2, 0, &[0.0]).pings(&[("ap", 90), ("eu", 60), ("us", 10)]))
        .remove(0);
    assert_eq!(found.region, Some(region("eu")));
    assert_eq!(found.figures.latency_worst_ms, Some(70));
    let mut world = World::new(queue(&[(1, 1), (1, 1)]));
    world.add(ticket(3, 0, &[0.0]));
    assert_eq!(world.add(ticket(4, 0, &[0.0]))[0].region, None);
}

#[test]
fn two_client_versions_never_meet_however_long_they_wait() {
    let attribute = name(CLIENT_VERSION);
    let mut q = queue(&[(1, 1), (1, 1)])
        .distance("skill", 10.0)
        .widens(ExpansionTarget::Rule(0), &[(1_000, None)])
        .rule(
            "build",
            RuleKind::Equal {
                read: Reading::of(attribute),
                per: Scope::Match,
            },
        );
    q.attributes.insert(
        name(CLIENT_VERSION),
        Attribute {
            kind: AttributeType::String,
            source: AttributeSource::Player,
            default: None,
        },
    );
    let of = |id, version: &str| {
        ticket(id, 0, &[0.0]).with(CLIENT_VERSION, Value::String(version.into()))
    };
    let mut world = World::new(q);
    for (id, version) in [(1, "1.4.0"), (2, "1.4.1"), (3, "1.4"), (4, "1.4.0 ")] {
        assert_eq!(world.add(of(id, version)).len(), 0, "{version}");
    }
    assert_eq!(world.advance(1_000_000).len(), 0);
    let found = world.add(of(5, "1.4.1")).remove(0);
    assert_eq!(ids(&found), [2, 5]);
}

#[test]
fn a_reload_keeps_age_and_puts_out_tickets_of_a_queue_that_is_gone() {
    let old = Arc::new(queue(&[(1, 1), (1, 1)]).distance("skill", 10.0));
    let mut matcher = Matcher::new(vec![old], 1);
    let now = Timestamp(5_000);
    matcher.handle(now, Event::Add(Arc::new(ticket(1, 0, &[0.0]))));
    matcher.handle(now, Event::Add(Arc::new(ticket(2, 0, &[300.0]))));
    let wider = queue(&[(1, 1), (1, 1)]).distance("skill", 10.0);
    let wider = Arc::new(wider.widens(ExpansionTarget::Rule(0), &[(5_000, Some(300.0))]));
    let said = matcher.set_queues(now, vec![wider]);
    assert!(
        matches!(&said[..], [Output::Match(found)] if ids(found) == [1, 2]),
        "{said:?}"
    );
    matcher.handle(now, Event::Add(Arc::new(ticket(3, 0, &[0.0]))));
    assert_eq!(
        matcher.set_queues(now, vec![]),
        [Output::QueueRemoved(id(3))]
    );
    let back = matcher.handle(
        now,
        Event::Failed {
            handle: 1,
            gone: vec![id(2)],
        },
    );
    assert_eq!(back, [Output::QueueRemoved(id(1))]);
    assert!(matcher.is_empty());
}

/// After a reload nobody waits who would be refused after a restart.
#[test]
fn a_reload_that_takes_a_step_away_refuses_whom_it_alone_let_in() {
    let kinds = [
        RuleKind::Distance {
            read: Reading::of(name("skill")),
            of: Aggregate::Mean,
            per: Scope::Player,
            max: 10.0,
        },
        compare(
            Scope::Player,
            Aggregate::Max,
            None,
            Comparison::AtMost,
            10.0,
        ),
    ];
    let now = Timestamp(5_000);
    for kind in kinds {
        let strict = queue(&[(2, 2), (2, 2)]).rule("limit", kind);
        let wide = strict.clone();
        let wide = wide.widens(ExpansionTarget::Rule(0), &[(10_000, Some(500.0))]);
        let waits = Arc::new(ticket(1, 0, &[1.0, 500.0]));
        let mut matcher = Matcher::new(vec![Arc::new(wide)], 1);
        assert_eq!(matcher.handle(now, Event::Add(Arc::clone(&waits))), []);
        let said = matcher.set_queues(now, vec![Arc::new(strict)]);
        assert_eq!(said, [Output::Again(id(1))]);
        let said = matcher.handle(now, Event::Add(waits));
        assert!(matches!(said[..], [Output::Refused(_, _)]), "{said:?}");
    }
}

/// The matcher keeps no more of a ticket than its queue reads.
#[test]
fn a_queue_that_reads_other_things_asks_for_its_tickets_again() {
    let now = Timestamp(5_000);
    let mut matcher = Matcher::new(vec![Arc::new(queue(&[(1, 1), (1, 1)]))], 1);
    let waits = Arc::new(ticket(3, 40, &[900.0]));
    for n in [1, 2] {
        matcher.handle(now, Event::Add(Arc::new(ticket(n, 30, &[0.0]))));
    }
    matcher.handle(now, Event::Add(Arc::clone(&waits)));
    let next = queue(&[(1, 1), (1, 1)]).distance("skill", 10.0);
    let said = matcher.set_queues(now, vec![Arc::new(next)]);
    assert_eq!(said, [Output::Again(id(3))]);
    assert!(matcher.is_empty());
    let failed = Event::Failed {
        handle: 1,
        gone: vec![id(2)],
    };
    assert_eq!(matcher.handle(now, failed), [Output::Again(id(1))]);
    assert_eq!(matcher.proposed_in(id(1)), None);
    matcher.handle(now, Event::Add(waits));
    assert!(matcher.is_waiting(id(3)));
    let said = matcher.handle(now, Event::Add(Arc::new(ticket(4, 50, &[895.0]))));
    assert!(
        matches!(&said[..], [Output::Match(found)] if ids(found) == [3, 4]
            && found.figures.oldest_wait == Millis(4_960)),
        "{said:?}"
    );
}

#[test]
fn a_paused_queue_waits() {
    let mut paused = queue(&[(1, 1), (1, 1)]);
    paused.active = false;
    let mut world = World::new(paused);
    world.exhaustive = false;
    world.add(ticket(1, 0, &[0.0]));
    assert!(world.add(ticket(2, 0, &[0.0])).is_empty());
    assert_eq!(world.matcher.next_deadline(), None);
}

/// The smallest difference of means of any split of `skills` into two halves.
fn best_gap(skills: &[f64]) -> f64 {
    let half = skills.len() / 2;
    let total: f64 = skills.iter().sum();
    let sets = (0_u32..1 << skills.len()).filter(|bits| bits.count_ones() as usize == half);
    let sum = |bits: u32| -> f64 {
        skills
            .iter()
            .enumerate()
            .filter(|(n, _)| bits & (1 << n) != 0)
            .map(|(_, s)| s)
            .sum()
    };
    sets.map(|bits| (total - 2.0 * sum(bits)).abs() / half as f64)
        .fold(f64::INFINITY, f64::min)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn two_teams_of_up_to_six_are_balanced_optimally(skills in prop::collection::vec(0_u16..3_000, 12), half in 1_usize..7) {
        let skills: Vec<f64> = skills.iter().take(half * 2).map(|&s| f64::from(s)).collect();
        let seats = (half as u16, half as u16);
        let q = Arc::new(queue(&[seats, seats]).balance("skill", f64::MAX));
        let mut matcher = Matcher::new(vec![q], 1);
        let mut said = Vec::new();
        for (n, &skill) in skills.iter().enumerate() {
            said.extend(matcher.handle(Timestamp(0), Event::Add(Arc::new(ticket(n as u64, 0, &[skill])))));
        }
        let [Output::Match(found)] = &said[..] else { panic!("one match, not {said:?}") };
        prop_assert!((found.figures.balance_gap - best_gap(&skills)).abs() < 1e-6);
    }

    /// A pool of 16 solos in 1v1 with random ranges: nobody is left who could play.
    #[test]
    fn pools_of_sixteen_are_searched_to_the_end(tickets in prop::collection::vec((0_u16..400, 0_u16..3_000), 16)) {
        let q = queue(&[(1, 1), (1, 1)]).distance("skill", 8.0);
        let mut world = World::new(q.widens(ExpansionTarget::Rule(0), &[(1_000, Some(20.0)), (2_000, Some(60.0))]));
        for (n, &(skill, age)) in tickets.iter().enumerate() {
            world.add(ticket(n as u64, -i64::from(age), &[f64::from(skill)]));
        }
        for _ in 0..3 {
            world.advance(1_000);
        }
    }
}
