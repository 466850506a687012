//! Who of several takes the free seat of a played match: the oldest who fits, also after reloads and refills that failed.

use std::sync::Arc;

use matcher::{Backfill, Event, Matcher, Output};
use model::queue::{Priority, Queue, RuleKind, Scope};
use model::{Ticket, Timestamp};

use crate::backfill::{duel, joined, session, with_priority};
use crate::world::{QueueExt, TicketExt, name, queue, texts, ticket};

const ALL: [Priority; 3] = [Priority::High, Priority::Normal, Priority::Low];

/// Goes on until nothing is left to do; all that is said.
fn to_the_end(matcher: &mut Matcher, mut said: Vec<Output>) -> Vec<Output> {
    while matcher.next_deadline() == Some(Timestamp(0)) {
        said.extend(matcher.handle(Timestamp(0), Event::Tick));
    }
    said
}

/// A queue of 15 against 15 that is closed, in which 20 wait: too few for a match and too many for one event.
fn closed(priority: Priority) -> (Queue, Matcher) {
    let mut q = with_priority(queue(&[(15, 15), (15, 15)]), priority).distance("skill", 1.0);
    q.active = false;
    let mut matcher = Matcher::new(vec![Arc::new(q.clone())], 1);
    for n in 1..=20 {
        // Two in three are too far away from whoever plays.
        let skill = if n % 3 == 0 { 0.0 } else { 50.0 };
        let waits = Event::Add(Arc::new(ticket(n, n as i64 - 100, &[skill])));
        assert_eq!(matcher.handle(Timestamp(0), waits), []);
    }
    (q, matcher)
}

#[test]
fn when_a_queue_opens_its_oldest_takes_the_seat_though_not_all_are_searched_for_at_once() {
    for priority in ALL {
        let (q, mut matcher) = closed(priority);
        let asked = Event::Backfill(Arc::new(duel(0, [0.0; 4], &[0])));
        assert_eq!(matcher.handle(Timestamp(0), asked), []);
        let open = Queue { active: true, ..q };
        let said = matcher.set_queues(Timestamp(0), vec![Arc::new(open)]);
        let said = to_the_end(&mut matcher, said);
        assert_eq!(joined(&said), [vec![3]], "{priority:?}");
    }
}

#[test]
fn who_asks_while_a_reload_is_searched_for_is_served_by_who_was_searched_for_before() {
    for priority in ALL {
        let (q, mut matcher) = closed(priority);
        let open = Queue { active: true, ..q };
        let mut said = matcher.set_queues(Timestamp(0), vec![Arc::new(open)]);
        // More of them than look in one event.
        for n in 0..10 {
            let mut asked = duel(n, [0.0; 4], &[0]);
            asked.session = session(900 + n as u64);
            said.extend(matcher.handle(Timestamp(0), Event::Backfill(Arc::new(asked))));
        }
        let said = to_the_end(&mut matcher, said);
        let all: Vec<Vec<u128>> = [3, 6, 9, 12, 15, 18].map(|n| vec![n]).into();
        assert_eq!(joined(&said), all, "{priority:?}");
    }
}

#[test]
fn a_session_does_not_wait_for_the_searches_of_another_queue() {
    for priority in ALL {
        let (q, mut matcher) = closed(priority);
        let other = Queue {
            name: name("other"),
            ..with_priority(queue(&[(2, 2), (2, 2)]), priority)
        };
        let both = |q: &Queue| vec![Arc::new(q.clone()), Arc::new(other.clone())];
        let mut said = matcher.set_queues(Timestamp(0), both(&q));
        let waits = Ticket {
            queue: name("other"),
            ..ticket(30, 0, &[0.0])
        };
        said.extend(matcher.handle(Timestamp(0), Event::Add(Arc::new(waits))));
        let open = Queue { active: true, ..q };
        said.extend(matcher.set_queues(Timestamp(0), both(&open)));
        let asked = Backfill {
            queue: name("other"),
            ..duel(0, [0.0; 4], &[0])
        };
        said.extend(matcher.handle(Timestamp(0), Event::Backfill(Arc::new(asked))));
        assert_eq!(joined(&said), [vec![30]], "{priority:?}");
        assert_eq!(
            matcher.next_deadline(),
            Some(Timestamp(0)),
            "the others are searched for"
        );
    }
}

#[test]
fn who_comes_back_from_a_refill_joins_again_though_more_than_are_tried_at_once_waited_before() {
    // Of low priority the new match comes first that he makes possible.
    for priority in [Priority::High, Priority::Normal] {
        let healer = RuleKind::Contains {
            attribute: name("mode"),
            values: vec!["healer".into()],
            per: Scope::Match,
            team: None,
            min: 1,
            max: None,
        };
        let q = with_priority(queue(&[(2, 2), (2, 2)]), priority).rule("healer", healer);
        let mut matcher = Matcher::new(vec![Arc::new(q)], 1);
        let mut handle = |event| matcher.handle(Timestamp(0), event);
        let asked = duel(-200, [0.0; 4], &[0]);
        assert_eq!(handle(Event::Backfill(Arc::new(asked))), []);
        let heals = ticket(30, 0, &[0.0]).with("mode", texts(&["healer"]));
        let mut said = handle(Event::Add(Arc::new(heals)));
        for n in 1..=18 {
            let waits = ticket(n, n as i64 - 100, &[0.0]);
            said.extend(handle(Event::Add(Arc::new(waits))));
        }
        let gone = Vec::new();
        said.extend(handle(Event::Failed { handle: 1, gone }));
        assert_eq!(joined(&said), [vec![30], vec![30]], "{priority:?}");
        assert_eq!(said.len(), 2, "{priority:?}");
    }
}
