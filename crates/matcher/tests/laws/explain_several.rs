//! Explanations of tickets that wait in several queues: of each as if the ticket waited there alone.

use std::sync::Arc;

use matcher::{Event, Explanation, Group, Outlook, Output, Search, sentences};
use model::queue::{ExpansionTarget, Queue};
use model::{Name, Ticket, Timestamp};

use crate::several::{in_queues, named};
use crate::world::{QueueExt, name, queue};

/// Two against two, and four against one of which two are enough after 8 s.
fn queues() -> Vec<Arc<Queue>> {
    let asym = queue(&[(4, 4), (1, 1)]);
    let asym = asym.widens(ExpansionTarget::TeamMin(0), &[(8_000, Some(2.0))]);
    vec![named(queue(&[(2, 2), (2, 2)]), "two"), named(asym, "asym")]
}

fn group(tickets: &[Ticket]) -> Group {
    let mut group = Group::new(queues(), 1);
    for ticket in tickets {
        let said = group.handle(ticket.created_at, Event::Add(Arc::new(ticket.clone())));
        assert_eq!(said, [], "nobody is matched yet");
    }
    group
}

fn explain(group: &Group, ticket: &Ticket, at: i64) -> Vec<Explanation> {
    group.explain(ticket, None, Timestamp(at))
}

fn names(said: &[Explanation]) -> Vec<&Name> {
    said.iter().map(|one| &one.queue).collect()
}

#[test]
fn each_queue_of_a_ticket_is_explained_as_if_it_waited_there_alone() {
    let crowd = [
        in_queues(1, 0, 0.0, &["asym"]),
        in_queues(2, 0, 0.0, &["asym"]),
    ];
    let with = |queues: &[&str]| {
        let own = in_queues(3, 1_000, 0.0, queues);
        let mut group = group(&crowd);
        assert_eq!(
            group.handle(Timestamp(1_000), Event::Add(Arc::new(own.clone()))),
            []
        );
        explain(&group, &own, 1_000)
    };
    let both = with(&["two", "asym"]);
    assert_eq!(both, [with(&["two"]), with(&["asym"])].concat());
    assert_eq!(both[0].outlook, Outlook::TooFew { players: 3 });
    assert_eq!(both[1].outlook, Outlook::TooFew { players: 2 });
    assert_eq!(both[1].candidates.tickets, 2);
    let fall = &both[1].minimum.falls[0];
    assert_eq!((fall.at, fall.players), (Timestamp(9_000), 3));
    assert_eq!(both[1].next[0].rule, "teams.team0.min_players");
    assert_eq!(
        sentences(&both[1])[1],
        "In 8 s 3 players are enough.",
        "what the first queue does not know"
    );
}

#[test]
fn of_a_ticket_in_a_match_that_queue_is_told_and_no_other() {
    let tickets = [1, 2, 3].map(|id| in_queues(id, 0, 0.0, &["two"]));
    let mut group = group(&tickets);
    let own = in_queues(4, 1, 0.0, &["asym", "two"]);
    let said = group.handle(Timestamp(1), Event::Add(Arc::new(own.clone())));
    assert_eq!(said.len(), 1, "a match");
    let said = explain(&group, &own, 1);
    assert_eq!(names(&said), [&name("two")]);
    assert_eq!(said[0].search, Search::InMatch);
}

#[test]
fn a_queue_that_a_reload_took_away_is_not_explained() {
    let own = in_queues(1, 0, 0.0, &["two", "asym"]);
    let mut group = group(std::slice::from_ref(&own));
    let said = group.set_queues(Timestamp(0), queues()[1..].to_vec(), []);
    assert_eq!(said, [Output::Again(own.id)]);
    group.handle(Timestamp(0), Event::Add(Arc::new(own.clone())));
    assert_eq!(names(&explain(&group, &own, 0)), [&name("asym")]);
}

/// A ticket in eight queues costs no more than twice what one in a single queue does.
#[test]
fn the_queue_that_is_asked_for_is_looked_at_in_full_and_the_others_share_as_much() {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let paused = |own: &&str| {
        let mut queue = queue(&[(1, 1), (1, 1)]);
        queue.active = false;
        named(queue, own)
    };
    let mut group = Group::new(all.iter().map(paused).collect(), 1);
    let tickets: Vec<Ticket> = (0..1_500).map(|id| in_queues(id, 0, 0.0, &all)).collect();
    for ticket in &tickets {
        group.handle(Timestamp(0), Event::Add(Arc::new(ticket.clone())));
    }
    for (first, whole) in [(None, 0), (Some(name("f")), 5)] {
        let said = group.explain(&tickets[700], first.as_ref(), Timestamp(0));
        let looked: Vec<u64> = said.iter().map(|one| one.looked_at).collect();
        let mut expected = [146; 8];
        expected[whole] = 1_024;
        assert_eq!(looked, expected);
        assert!(said.iter().all(|one| one.is_sample));
    }
}
