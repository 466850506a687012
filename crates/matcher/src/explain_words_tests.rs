//! What people read.

use super::*;
use crate::explain::Position;
use crate::explain_sessions::KeptFrom;
use crate::minimum::Minimum;

const NOW: Timestamp = Timestamp(1_000_000);

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A ticket alone in an open queue.
fn alone() -> Explanation {
    Explanation {
        queue: name("duel"),
        now: NOW,
        gate: Gate::Open,
        search: Search::Done,
        position: Position {
            place: 1,
            of: 1,
            in_queue: 1,
        },
        regions: Vec::new(),
        anywhere: true,
        looked_at: 0,
        is_sample: false,
        candidates: Crowd::default(),
        kept_out: Vec::new(),
        outlook: Outlook::TooFew { players: 1 },
        minimum: Minimum::default(),
        short_of: Vec::new(),
        nearest_miss: None,
        sessions: None,
        next: Vec::new(),
    }
}

fn miss(attribute: Option<&str>, reached_at: Option<i64>) -> NearestMiss {
    NearestMiss {
        rule: "skill-gap".to_owned(),
        attribute: attribute.map(str::to_owned),
        waiting: Crowd {
            tickets: 1,
            players: 3,
        },
        gap: attribute.map(|_| 212.337),
        own_limit: attribute.map(|_| 500.0),
        their_limit: attribute.map(|_| 200.0),
        reached_at: reached_at.map(|ms| NOW + Millis(ms as u64)),
    }
}

#[test]
fn a_ticket_alone_is_told_who_is_missing_and_where_it_stands() {
    assert_eq!(
        sentences(&alone()),
        [
            "1 more player is wanted.",
            "Nobody could play with you.",
            "By age it is number 1 of 1.",
        ]
    );
}

#[test]
fn one_of_a_thing_is_told_as_one() {
    let said = Explanation {
        position: Position {
            in_queue: 2,
            ..alone().position
        },
        outlook: Outlook::ShortOf,
        short_of: vec![
            Shortage {
                rule: None,
                attribute: name("role"),
                values: vec!["tank".to_owned()],
                players: 1,
                found: 0,
            },
            Shortage {
                rule: Some(name("streamers")),
                attribute: name("tags"),
                values: vec!["live".to_owned(), "on".to_owned()],
                players: 2,
                found: 1,
            },
        ],
        ..alone()
    };
    let words = sentences(&said);
    assert_eq!(
        words[0],
        "There are players enough, but 1 player who would take role tank is wanted (nobody within reach is one) and 2 players with live or on are wanted by rule streamers (1 is within reach)."
    );
    assert_eq!(
        words[2],
        "By age it is number 1 of 1 (and 1 waits with other values of what must be equal)."
    );
    let fall = Fall {
        at: NOW,
        players: 1,
        missing: 0,
        waited: Millis(0),
    };
    assert_eq!(super::fall(&fall, NOW), "now 1 player is enough");
}

#[test]
fn a_miss_names_whose_range_is_too_narrow() {
    let said = |miss| nearest(&miss, NOW);
    assert_eq!(
        said(miss(Some("skill"), Some(5_001))),
        "1 party of 3 waits at skill 212.34 from yours, where it asks to be within 200; you reach each other in 6 s."
    );
    assert_eq!(
        said(miss(None, None)),
        "1 party of 3 waits behind rule skill-gap; no widening brings you together."
    );
}

#[test]
fn a_gap_reads_as_more_than_the_limit_that_it_is_beyond() {
    for (gap, own, shown) in [
        (200.001, 200.0, ["200.001", "200"]),
        (200.014, 200.0, ["200.01", "200"]),
        (200.006, 200.0056, ["200.006", "200.0056"]),
        (0.3, 0.1 + 0.2 - 1e-3, ["0.3", "0.299"]),
        (
            1e15 + 0.125,
            1e15,
            ["1000000000000000.1", "1000000000000000"],
        ),
        (0.1 + 0.2, 0.3, ["0.30000000000000004", "0.3"]),
    ] {
        let miss = NearestMiss {
            gap: Some(gap),
            own_limit: Some(own),
            their_limit: Some(own),
            ..miss(Some("s"), None)
        };
        let [gap, own] = shown;
        let within_reach = within(&miss).expect("a limit");
        assert_eq!(
            (nearest(&miss, NOW), within_reach),
            (
                format!(
                    "1 party of 3 waits at s {gap} from yours; no widening brings you together."
                ),
                format!("within s {own}"),
            )
        );
    }
}

#[test]
fn a_queue_that_is_closed_says_until_when() {
    let at = |ms| Explanation {
        gate: Gate::Closed {
            opens_at: Some(NOW + Millis(ms)),
        },
        ..alone()
    };
    let says = |ms| sentences(&at(ms)).remove(0);
    let rest = "tickets wait.";
    assert_eq!(
        says(90_000),
        format!("Queue duel is closed and opens in 90 s; {rest}")
    );
    assert_eq!(
        says(120_000),
        format!("Queue duel is closed and opens in 2 min; {rest}")
    );
    assert_eq!(
        says(3_599_001),
        format!("Queue duel is closed and opens in 60 min; {rest}")
    );
    assert_eq!(
        says(7_500_001),
        format!("Queue duel is closed and opens in 2 h 6 min; {rest}")
    );
    assert_eq!(
        says(172_800_001),
        format!("Queue duel is closed and opens in 3 days; {rest}")
    );
}

#[test]
fn searches_that_are_not_done_and_limits_that_widen_are_told() {
    let widening = |to, off| Widening {
        rule: "skill-gap".to_owned(),
        from: 100.0,
        to,
        off,
        at: NOW + Millis(500),
    };
    let crowded = || Explanation {
        position: Position {
            of: 17,
            ..alone().position
        },
        ..alone()
    };
    let said = Explanation {
        search: Search::GivenUp { as_oldest: false },
        outlook: Outlook::Open {
            rules: vec!["fair".to_owned(), "maps".to_owned()],
        },
        next: vec![widening(200.5, false), widening(f64::INFINITY, true)],
        ..crowded()
    };
    let words = sentences(&said);
    assert_eq!(
        words[0],
        "There may be players enough; no match of them is known that keeps fair and maps too."
    );
    assert_eq!(
        words[3],
        "In 1 s skill-gap widens from 100 to 200.5 and skill-gap no longer holds for you."
    );
    assert_eq!(
        words[4],
        "Its last search was given up for its length, so not every combination was tried; it is begun anew when its limits widen, it has become the oldest here or no more than 16 wait here, and whoever comes is tried at once."
    );
    let last = |search| {
        sentences(&Explanation {
            search,
            ..crowded()
        })
        .pop()
    };
    let oldest = last(Search::GivenUp { as_oldest: true }).expect("a sentence");
    assert!(
        oldest.contains("anew when a quarter have gone since or no more than 16 wait here, and"),
        "{oldest}"
    );
    let few = Explanation {
        search: Search::GivenUp { as_oldest: true },
        ..alone()
    };
    let few = sentences(&few).pop().expect("a sentence");
    assert!(few.contains("anew when somebody leaves, and"), "{few}");
    let unsure = last(Search::Unsure).expect("a sentence");
    assert!(
        unsure.contains("not every combination with this one need have been tried"),
        "{unsure}"
    );
}

#[test]
fn sessions_that_ask_are_counted_by_what_keeps_the_ticket_from_them() {
    let kept = |rule: &str, sessions| KeptFrom {
        rule: rule.to_owned(),
        sessions,
    };
    let mut said = Sessions {
        asking: 9,
        is_sample: false,
        open: 2,
        kept_from: vec![
            kept("skill-gap", 3),
            kept("seats", 2),
            kept("refused", 1),
            kept("created_before", 1),
        ],
        undecided: vec!["fair".to_owned()],
        nearest_miss: None,
    };
    assert_eq!(
        asking(&said),
        "9 sessions that are played ask for players; nothing keeps you from 2, but no seat is known there that keeps fair too; you are kept from 3 by rule skill-gap, from 2 by having too many players for the seats of a team, from 1 by the session itself, which does not take you and from 1 by having been queued too late for it."
    );
    said.is_sample = true;
    said.undecided.clear();
    said.kept_from.truncate(1);
    assert_eq!(
        asking(&said),
        "At least 9 sessions that are played ask for players; you could join at least 2; you are kept from at least 3 by rule skill-gap."
    );
}

#[test]
fn of_several_queues_the_others_are_named_and_why_one_of_them_is_silent() {
    let names = [name("asym"), name("ffa")];
    assert_eq!(elsewhere_sentence(&[]), None);
    let said = |n: usize| elsewhere_sentence(&names[..n]).expect("a sentence");
    assert_eq!(said(1), "The ticket waits in queue asym too.");
    assert_eq!(said(2), "The ticket waits in queues asym and ffa too.");
    assert_eq!(
        absence_sentence(&names[0], None),
        "The ticket does not wait in queue asym now."
    );
    assert_eq!(
        absence_sentence(&names[0], Some(&names[1])),
        "A match with this ticket is being made in queue ffa."
    );
}

#[test]
fn a_ticket_that_ended_is_told_why() {
    let mut ticket = searching();
    assert_eq!(ticket_sentence(&ticket), "The ticket searches.");
    ticket.state = TicketState::Expired;
    ticket.reason = Some(EndReason::Timeout);
    assert_eq!(
        ticket_sentence(&ticket),
        "The ticket has expired: it waited as long as its party or the queue allows."
    );
    ticket.state = TicketState::Placing;
    ticket.reason = None;
    assert_eq!(
        ticket_sentence(&ticket),
        "The ticket is in a match whose session waits for its host."
    );
}

fn searching() -> Ticket {
    let nil = uuid::Uuid::nil();
    let party = model::SessionId(nil);
    Ticket::new(model::TicketId(nil), name("duel"), party, NOW)
}
