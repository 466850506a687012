//! The ticket that a session notes (row 45, F10).

use super::*;
use crate::ticket::{EndReason, TicketState};

pub(super) fn searching(number: u128) -> TicketRef {
    TicketRef {
        id: TicketId(id(number)),
        queue: "tdm".parse().unwrap(),
        state: TicketState::Searching,
        reason: None,
    }
}

#[test]
fn f10_the_leader_queues_once() {
    let mut world = World::of(party(), &["a", "b"]);
    let queue = Command::SetTicket(searching(5));
    assert_eq!(world.run(1, &by("b"), &queue), Err(Error::NotLeader));
    world.run(1, &by("a"), &queue).unwrap();
    let again = Command::SetTicket(searching(6));
    let refusal = world.run(1, &by("a"), &again).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::AlreadyQueued, 409)
    );
    let mut of_type = party();
    of_type.can_join_matchmaking = false;
    let mut world = World::of(of_type, &["a"]);
    assert_eq!(world.run(1, &by("a"), &queue), Err(Error::NotQueueable));
}

#[test]
fn row_21_data_of_a_ticket_keeps_the_limits_of_the_type_and_its_own() {
    let mut of_type = party();
    of_type.custom_data_limits = CustomDataLimits {
        value_bytes: 8_000,
        ..of_type.custom_data_limits
    };
    let world = World::of(of_type, &["a"]);
    let draft = world.session.draft();
    let data = |length| CustomData::from([("k".to_owned(), "x".repeat(length))]);
    draft.check_ticket_data(&data(4_000)).unwrap();
    assert!(matches!(
        draft.check_ticket_data(&data(5_000)),
        Err(Error::TooLarge { .. })
    ));
    assert!(draft.check_ticket_data(&data(8_001)).is_err());
}

#[test]
fn the_ticket_that_ended_stays_readable_with_its_reason() {
    let mut world = World::of(party(), &["a"]);
    world
        .run(1, &by("a"), &Command::SetTicket(searching(5)))
        .unwrap();
    assert!(world.session.header().live_ticket().is_some());
    let clear = |number| Command::ClearTicket {
        id: TicketId(id(number)),
        state: TicketState::Expired,
        reason: EndReason::Timeout,
    };
    assert!(
        world.run(2, &Actor::Service, &clear(6)).unwrap().is_empty(),
        "not this one"
    );
    assert_eq!(world.run(2, &by("a"), &clear(6)), Err(Error::NoSuchTicket));
    let changes = world.run(2, &Actor::Service, &clear(5)).unwrap();
    let (state, reason) = (TicketState::Expired, Some(EndReason::Timeout));
    let id = TicketId(id(5));
    assert_eq!(changes.events, [Event::TicketChanged { id, state, reason }]);
    assert!(world.run(2, &Actor::Service, &clear(5)).unwrap().is_empty());
    world
        .run(3, &by("a"), &Command::SetTicket(searching(6)))
        .unwrap();
}

#[test]
fn r45_who_joins_voids_a_searching_ticket_and_no_placing_one() {
    let mut world = World::of(party(), &["a"]);
    world
        .run(1, &by("a"), &Command::SetTicket(searching(5)))
        .unwrap();
    let changes = world.run(1, &by("a"), &reserve(&["b"])).unwrap();
    assert!(
        !changes.party_changed(),
        "a reserved player is in no ticket"
    );
    assert!(world.session.header().live_ticket().is_some());
    world
        .run(2, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert!(world.session.header().live_ticket().is_none());

    world
        .run(3, &by("a"), &Command::SetTicket(searching(6)))
        .unwrap();
    let proposed = TicketRef {
        state: TicketState::Proposed,
        ..searching(6)
    };
    world
        .run(3, &Actor::Service, &Command::SetTicket(proposed))
        .unwrap();
    world.run(3, &by("b"), &leave("b")).unwrap();
    assert!(world.session.header().live_ticket().is_none());
    world.run(3, &by("a"), &reserve(&["b"])).unwrap();
    world
        .run(3, &by("b"), &join("b", JoinedState::Active))
        .unwrap();

    world
        .run(3, &by("a"), &Command::SetTicket(searching(6)))
        .unwrap_err();
    world
        .run(3, &Actor::Service, &Command::SetTicket(searching(6)))
        .unwrap();
    let placing = TicketRef {
        state: TicketState::Placing,
        ..searching(6)
    };
    assert_eq!(
        world.run(3, &by("a"), &Command::SetTicket(placing.clone())),
        Err(Error::NotService)
    );
    world
        .run(3, &Actor::Service, &Command::SetTicket(placing.clone()))
        .unwrap();
    world.run(4, &by("b"), &leave("b")).unwrap();
    assert_eq!(world.session.header().ticket, Some(placing));
}

#[test]
fn row_11_a_queued_session_is_swept() {
    let mut world = World::of(party(), &["a"]);
    world.run(0, &by("b"), &leave("b")).unwrap_err();
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    assert_eq!(world.session.sweep_at(), None);
    world
        .run(0, &by("a"), &Command::SetTicket(searching(5)))
        .unwrap();
    assert_eq!(world.session.sweep_at(), Some(at(30_000)));
}

#[test]
fn row_39_a_deleted_session_ends_its_ticket() {
    let mut world = World::of(party(), &["a"]);
    world
        .run(1, &by("a"), &Command::SetTicket(searching(5)))
        .unwrap();
    let changes = world.run(2, &Actor::Admin, &Command::Delete).unwrap();
    let ticket = changes.header.unwrap().ticket.clone().unwrap();
    assert_eq!(ticket.reason, Some(EndReason::SessionEnded));
}
