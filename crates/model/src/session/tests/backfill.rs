//! Backfill: who may ask for players, for how long, and what a refill does (R71, F11-F13).

use super::hosting::{FIRST, SECOND, attempt, request, status_update};
use super::*;
use crate::session_type::{BackfillSettings, BackfillUntil};

fn of_type(until: BackfillUntil) -> SessionType {
    SessionType {
        backfill: Some(BackfillSettings {
            ack_timeout: Millis::seconds(30),
            until,
        }),
        ..game()
    }
}

/// A match of a and b against c and d, in a type of two teams of four, whose instance became joinable at 1,000.
fn played(of_type: SessionType) -> World {
    let seat = |(name, team): (&str, u8)| NewSeat::Reserved {
        player: player(name),
        team: Some(team),
    };
    let mut world = World::new(NewSession {
        members: [("a", 0), ("b", 0), ("c", 1), ("d", 1)].map(seat).into(),
        queue: Some("tdm".parse().unwrap()),
        keeps_tickets: true,
        ..new_session(of_type, Actor::Service)
    });
    let allocation = attempt(FIRST);
    for command in [
        Command::RequestInstance(request(10)),
        Command::Allocate { allocation },
    ] {
        world.run(0, &Actor::Service, &command).unwrap();
    }
    for name in ["a", "b", "c", "d"] {
        let join = join(name, JoinedState::Active);
        world.run(500, &by(name), &join).unwrap();
    }
    let update = status_update(FIRST, InstanceStatus::Joinable);
    world.run(1_000, &Actor::Host(FIRST), &update).unwrap();
    world
}

fn ask(wanted: &[(u8, u16)]) -> Command {
    Command::SetBackfill {
        wanted: wanted.to_vec(),
        created_before: None,
    }
}

fn refill(players: &[(&str, u8)]) -> Command {
    let player = |&(name, team): &(&str, u8)| Backfilled {
        player: player(name),
        team,
    };
    Command::Refill {
        players: players.iter().map(player).collect(),
        row: 9,
    }
}

fn wanted(world: &World) -> Option<Vec<u16>> {
    let backfill = world.session.header().backfill.as_ref();
    backfill.map(|backfill| backfill.wanted.clone())
}

#[test]
fn f13_the_host_and_servers_ask_and_nobody_else() {
    let mut world = played(of_type(BackfillUntil::Closed));
    for actor in [by("a"), Actor::Host(SECOND), by("nobody")] {
        assert_eq!(
            world.run(2_000, &actor, &ask(&[(0, 1)])),
            Err(Error::NotHost)
        );
    }
    for actor in [Actor::Host(FIRST), Actor::Server, Actor::Admin] {
        world.run(2_000, &actor, &ask(&[(0, 1)])).unwrap();
        let ack = Command::AcknowledgeBackfill;
        assert_eq!(world.run(2_000, &by("a"), &ack), Err(Error::NotHost));
        world.run(2_000, &actor, &ack).unwrap();
        let remove = Command::RemoveBackfill;
        assert_eq!(world.run(2_000, &by("a"), &remove), Err(Error::NotHost));
        world.run(2_000, &actor, &remove).unwrap();
        assert_eq!(wanted(&world), None);
        assert_eq!(
            world.run(2_000, &actor, &remove),
            Err(Error::NoSuchBackfill)
        );
        assert_eq!(world.run(2_000, &actor, &ack), Err(Error::NoSuchBackfill));
    }
}

#[test]
fn f13_it_is_asked_only_where_it_can_be_given() {
    let refused = |world: &mut World, command: &Command| {
        world.run(2_000, &Actor::Server, command).unwrap_err()
    };
    let mut plain = played(game());
    assert_eq!(refused(&mut plain, &ask(&[])), Error::NoBackfill);
    let mut by_hand = World::of(of_type(BackfillUntil::Closed), &["a"]);
    assert_eq!(refused(&mut by_hand, &ask(&[])), Error::NotMatched);
    let mut world = played(of_type(BackfillUntil::Closed));
    assert_eq!(refused(&mut world, &ask(&[(2, 1)])), Error::NoSuchTeam(2));
    assert_eq!(refused(&mut world, &ask(&[(0, 3)])), Error::TeamFull);
    assert_eq!(wanted(&world), None, "a refusal changes nothing");
    let update = status_update(FIRST, InstanceStatus::Unjoinable);
    world.run(2_000, &Actor::Host(FIRST), &update).unwrap();
    assert_eq!(refused(&mut world, &ask(&[(0, 1)])), Error::NotJoinable);
    let update = status_update(FIRST, InstanceStatus::Joinable);
    world.run(2_000, &Actor::Host(FIRST), &update).unwrap();
    let close = Command::Update(Update {
        closed: Some(true),
        ..Update::default()
    });
    world.run(2_000, &Actor::Server, &close).unwrap();
    assert_eq!(refused(&mut world, &ask(&[(0, 1)])), Error::Closed);
}

#[test]
fn f13_a_missed_acknowledgement_ends_it_at_its_deadline() {
    let mut world = played(of_type(BackfillUntil::Closed));
    world.run(2_000, &Actor::Server, &ask(&[(0, 1)])).unwrap();
    assert_eq!(world.session.sweep_at(), Some(at(32_000)));
    world.read(31_999);
    assert_eq!(wanted(&world), Some(vec![1, 0]));
    let ack = Command::AcknowledgeBackfill;
    world.run(31_999, &Actor::Host(FIRST), &ack).unwrap();
    assert_eq!(world.session.sweep_at(), Some(at(61_999)));
    world.read(61_998);
    assert!(wanted(&world).is_some());
    let late = world.run(61_999, &Actor::Host(FIRST), &ack);
    assert_eq!((late, wanted(&world)), (Err(Error::NoSuchBackfill), None));
}

#[test]
fn f13_it_ends_with_whatever_lets_players_in() {
    let ends = [
        (
            Actor::Host(FIRST),
            status_update(FIRST, InstanceStatus::Unjoinable),
        ),
        (
            Actor::Host(FIRST),
            status_update(FIRST, InstanceStatus::Closed),
        ),
        (
            Actor::Server,
            Command::Update(Update {
                closed: Some(true),
                ..Update::default()
            }),
        ),
    ];
    for (actor, command) in ends {
        let mut world = played(of_type(BackfillUntil::Closed));
        world.run(2_000, &Actor::Server, &ask(&[(0, 1)])).unwrap();
        world.run(3_000, &actor, &command).unwrap();
        assert_eq!(wanted(&world), None, "{command:?}");
    }
}

#[test]
fn f12_a_refill_reserves_seats_on_their_teams_or_none() {
    let mut world = played(of_type(BackfillUntil::Closed));
    world
        .run(2_000, &Actor::Server, &ask(&[(0, 1), (1, 2)]))
        .unwrap();
    let full = world.run(3_000, &Actor::Service, &refill(&[("e", 0), ("f", 0)]));
    assert_eq!(full, Err(Error::TeamFull));
    let twice = world.run(3_000, &Actor::Service, &refill(&[("e", 0), ("c", 1)]));
    assert_eq!(twice, Err(Error::AlreadyMember));
    assert_eq!(world.state("e"), None, "all or none");
    let foreign = world.run(3_000, &Actor::Server, &refill(&[("e", 0)]));
    assert_eq!(foreign, Err(Error::NotService));
    world
        .run(3_000, &Actor::Service, &refill(&[("e", 0), ("f", 1)]))
        .unwrap();
    for (name, team) in [("e", 0), ("f", 1)] {
        let member = world.session.member_of(&player(name)).unwrap();
        assert_eq!(
            (member.state, member.team),
            (MemberState::Reserved, Some(team))
        );
        assert!(member.backfilled);
    }
    assert_eq!(wanted(&world), Some(vec![0, 1]));
    let matched = world.session.header().matched.clone().unwrap();
    assert_eq!(matched.tickets, Some(9));
    let added = |world: &World| world.session.header().backfill.clone().unwrap().added.len();
    assert_eq!(added(&world), 2);
    world
        .run(4_000, &Actor::Host(FIRST), &Command::AcknowledgeBackfill)
        .unwrap();
    assert_eq!(added(&world), 0, "the host has heard of them");
}

#[test]
fn until_says_whether_a_full_team_ends_it() {
    for (until, left) in [
        (BackfillUntil::Closed, Some(vec![0, 0])),
        (BackfillUntil::Full, None),
    ] {
        let mut world = played(of_type(until));
        world.run(2_000, &Actor::Server, &ask(&[(0, 1)])).unwrap();
        assert_eq!(wanted(&world), Some(vec![1, 0]));
        world
            .run(3_000, &Actor::Service, &refill(&[("e", 0)]))
            .unwrap();
        assert_eq!(wanted(&world), left);
    }
}

#[test]
fn a_seat_that_somebody_else_took_is_not_given_again() {
    let mut world = played(of_type(BackfillUntil::Closed));
    world.run(2_000, &Actor::Server, &ask(&[(0, 2)])).unwrap();
    let free = |world: &World| backfill_seats(world.session.constants(), world.session.header());
    assert_eq!(free(&world), [2, 0]);
    let reserve = Command::Reserve {
        players: vec![(player("x"), Some(0))],
        initialize: false,
    };
    world.run(2_500, &Actor::Server, &reserve).unwrap();
    assert_eq!(free(&world), [1, 0]);
    let full = world.run(3_000, &Actor::Service, &refill(&[("e", 0), ("f", 0)]));
    assert_eq!(full, Err(Error::TeamFull));
    world
        .run(3_000, &Actor::Service, &refill(&[("e", 0)]))
        .unwrap();
}

#[test]
fn who_was_backfilled_and_never_came_is_wanted_again() {
    let mut world = played(of_type(BackfillUntil::Closed));
    world.run(2_000, &Actor::Server, &ask(&[(0, 2)])).unwrap();
    world
        .run(3_000, &Actor::Service, &refill(&[("e", 0), ("f", 0)]))
        .unwrap();
    world.run(4_000, &by("e"), &leave("e")).unwrap();
    assert_eq!(wanted(&world), Some(vec![1, 0]), "he declined");
    world
        .run(20_000, &Actor::Host(FIRST), &Command::AcknowledgeBackfill)
        .unwrap();
    world.read(33_000);
    assert_eq!(world.state("f"), None, "his reservation has expired");
    assert_eq!(wanted(&world), Some(vec![2, 0]));
    world.run(34_000, &by("a"), &leave("a")).unwrap();
    assert_eq!(
        wanted(&world),
        Some(vec![2, 0]),
        "for a leaver the host asks"
    );
}

#[test]
fn asking_again_keeps_the_turn_and_what_the_host_has_not_heard() {
    let mut world = played(of_type(BackfillUntil::Closed));
    world.run(2_000, &Actor::Server, &ask(&[(0, 1)])).unwrap();
    world
        .run(3_000, &Actor::Service, &refill(&[("e", 0)]))
        .unwrap();
    world.run(9_000, &Actor::Server, &ask(&[(1, 2)])).unwrap();
    let backfill = world.session.header().backfill.clone().unwrap();
    assert_eq!(
        (backfill.created_at, backfill.acknowledged_at),
        (at(2_000), at(9_000))
    );
    assert_eq!((backfill.wanted, backfill.added.len()), (vec![0, 2], 1));
}
