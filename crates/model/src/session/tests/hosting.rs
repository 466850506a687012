//! The instance from requested to closed (A.2, R72-R75, F7, rows 11, 38, 39, 47).

use super::*;
use crate::MatchId;
use crate::instance::{Addresses, CloseReason, InstanceAllocation};

pub(super) const FIRST: AllocationId = AllocationId(Uuid::from_u128(21));
pub(super) const SECOND: AllocationId = AllocationId(Uuid::from_u128(22));

pub(super) fn attempt(allocation: AllocationId) -> InstanceAllocation {
    InstanceAllocation {
        id: allocation,
        game_server: GameServerId(allocation.0),
        at: at(0),
        acknowledged: false,
        addresses: Addresses::default(),
        hedge: None,
    }
}

pub(super) fn status_update(allocation_id: AllocationId, status: InstanceStatus) -> Command {
    Command::HostUpdate(HostUpdate {
        allocation_id,
        status: Some(status),
        version: None,
        join_custom_data: None,
        connected: None,
    })
}

pub(super) fn request(number: u128) -> InstanceRequest {
    InstanceRequest {
        id: InstanceId(id(number)),
        startup_params: None,
        fleet: None,
    }
}

/// A game whose instance was requested and allocated at 0.
pub(super) fn allocated(active: &[&str]) -> World {
    let mut world = World::of(game(), active);
    world
        .run(0, &Actor::Service, &Command::RequestInstance(request(10)))
        .unwrap();
    world
        .run(
            0,
            &Actor::Service,
            &Command::Allocate {
                allocation: attempt(FIRST),
            },
        )
        .unwrap();
    world
}

/// A game whose instance became joinable at 1,000.
pub(super) fn joinable(active: &[&str]) -> World {
    let mut world = allocated(active);
    let update = status_update(FIRST, InstanceStatus::Joinable);
    world.run(1_000, &Actor::Host(FIRST), &update).unwrap();
    world
}

fn released(allocation: AllocationId) -> Released {
    Released {
        allocation,
        game_server: GameServerId(allocation.0),
    }
}

fn releases(changes: &Changes) -> Vec<Released> {
    let of = |event: &Event| match event {
        Event::InstanceChanged { released, .. } => released.clone(),
        _ => Vec::new(),
    };
    changes.events.iter().flat_map(of).collect()
}

#[test]
fn a2_the_whole_way() {
    let mut world = World::of(game(), &["a", "b"]);
    let ask = Command::RequestInstance(request(10));
    assert_eq!(world.run(0, &by("b"), &ask), Err(Error::NotLeader));
    world.run(0, &by("a"), &ask).unwrap();
    assert_eq!(world.run(0, &by("a"), &ask), Err(Error::InstanceExists));
    assert_eq!(
        world.session.sweep_at(),
        Some(at(30_000)),
        "an instance is always looked after"
    );
    let allocate = Command::Allocate {
        allocation: attempt(FIRST),
    };
    assert_eq!(world.run(1, &by("a"), &allocate), Err(Error::NotService));
    world.run(1, &Actor::Service, &allocate).unwrap();
    let host = Actor::Host(FIRST);
    let acknowledge = Command::Acknowledge {
        allocation_id: FIRST,
    };
    world.run(2, &host, &acknowledge).unwrap();
    assert_eq!(world.status(), Some(InstanceStatus::Pending));
    assert!(
        world.run(3, &host, &acknowledge).unwrap().is_empty(),
        "twice is once"
    );
    for status in [
        InstanceStatus::Joinable,
        InstanceStatus::Unjoinable,
        InstanceStatus::Joinable,
    ] {
        world.run(4, &host, &status_update(FIRST, status)).unwrap();
        assert_eq!(world.status(), Some(status));
    }
    let changes = world
        .run(5, &host, &status_update(FIRST, InstanceStatus::Closed))
        .unwrap();
    assert_eq!(releases(&changes), [released(FIRST)]);
    let instance = world.session.header().instance.clone().unwrap();
    assert_eq!(
        (instance.closed, instance.joinable_at),
        (Some(CloseReason::Host), Some(at(4)))
    );
    let reopen = world
        .run(6, &host, &status_update(FIRST, InstanceStatus::Joinable))
        .unwrap_err();
    assert_eq!(
        (reopen.clone(), reopen.status()),
        (Error::InstanceClosed, 410)
    );
    let agrees = world
        .run(6, &host, &status_update(FIRST, InstanceStatus::Closed))
        .unwrap();
    assert!(agrees.is_empty());
    assert_eq!(world.session.seats_taken(), 2, "R73: the players stay");
    world
        .run(7, &by("a"), &Command::RequestInstance(request(11)))
        .unwrap();
}

#[test]
fn r75_only_the_host_marks_joinable() {
    let mut world = allocated(&["a"]);
    let update = status_update(FIRST, InstanceStatus::Joinable);
    for actor in [by("a"), Actor::Server, Actor::Admin] {
        assert_eq!(world.run(1, &actor, &update), Err(Error::NotHost));
    }
    world.run(1, &Actor::Host(FIRST), &update).unwrap();
    assert_eq!(
        world.status(),
        Some(InstanceStatus::Joinable),
        "it acknowledges by itself"
    );
}

#[test]
fn a_host_cannot_step_over_states() {
    use InstanceStatus::{Allocated, Pending, Requested, Unjoinable};
    for to in [Requested, Allocated, Pending, Unjoinable] {
        let mut world = allocated(&["a"]);
        let refusal = world
            .run(1, &Actor::Host(FIRST), &status_update(FIRST, to))
            .unwrap_err();
        assert_eq!(refusal.status(), 409, "{to:?}");
        assert_eq!(
            world.status(),
            Some(Allocated),
            "a refused update acknowledges nothing"
        );
    }
}

#[test]
fn the_first_of_two_attempts_to_acknowledge_wins() {
    for (winner, loser) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let mut world = allocated(&["a"]);
        let hedge = Command::Hedge {
            allocation: attempt(SECOND),
        };
        world.run(250, &Actor::Service, &hedge).unwrap();
        assert_eq!(
            world
                .run(250, &Actor::Service, &hedge)
                .unwrap_err()
                .status(),
            409
        );
        let acknowledge = |id| Command::Acknowledge { allocation_id: id };
        let changes = world
            .run(300, &Actor::Host(winner), &acknowledge(winner))
            .unwrap();
        assert_eq!(releases(&changes), [released(loser)]);
        let late = world.run(301, &Actor::Host(loser), &acknowledge(loser));
        assert_eq!(late, Err(Error::ForeignAllocation));
        let held = world
            .session
            .header()
            .instance
            .clone()
            .unwrap()
            .allocation
            .unwrap();
        assert_eq!(
            (held.id, held.acknowledged, held.hedge),
            (winner, true, None)
        );
    }
}

#[test]
fn a_host_that_is_lost_makes_room_before_it_acknowledges_and_closes_afterwards() {
    let lose = |allocation_id| Command::LoseHost { allocation_id };
    let mut world = allocated(&["a"]);
    let changes = world.run(1, &Actor::Service, &lose(FIRST)).unwrap();
    assert_eq!(releases(&changes), [released(FIRST)]);
    let instance = world.session.header().instance.clone().unwrap();
    assert_eq!(
        (instance.status, instance.allocation),
        (InstanceStatus::Requested, None)
    );
    assert_eq!(
        world.session.next_timer(),
        Some(at(30_000)),
        "the clock of the request goes on"
    );

    let mut world = allocated(&["a"]);
    world
        .run(
            1,
            &Actor::Service,
            &Command::Hedge {
                allocation: attempt(SECOND),
            },
        )
        .unwrap();
    world.run(2, &Actor::Service, &lose(FIRST)).unwrap();
    let held = world
        .session
        .header()
        .instance
        .clone()
        .unwrap()
        .allocation
        .unwrap();
    assert_eq!((held.id, held.hedge), (SECOND, None));
    assert_eq!(
        world.run(2, &Actor::Service, &lose(FIRST)),
        Err(Error::ForeignAllocation)
    );

    let mut world = joinable(&["a"]);
    world.run(2_000, &Actor::Service, &lose(FIRST)).unwrap();
    let instance = world.session.header().instance.clone().unwrap();
    assert_eq!(instance.closed, Some(CloseReason::HostLost));
    assert!(
        world
            .run(2_000, &Actor::Service, &lose(FIRST))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_attempt_starts_fresh_and_goes_on_alone_when_its_rival_is_lost() {
    let stale = |id| InstanceAllocation {
        acknowledged: true,
        hedge: Some(Box::new(attempt(id))),
        ..attempt(id)
    };
    let mut world = World::of(game(), &["a"]);
    let held = |world: &World| {
        let instance = world.session.header().instance.clone().unwrap();
        instance.allocation.unwrap()
    };
    for command in [
        Command::RequestInstance(request(10)),
        Command::Allocate {
            allocation: stale(FIRST),
        },
    ] {
        world.run(0, &Actor::Service, &command).unwrap();
    }
    assert_eq!(held(&world), attempt(FIRST));
    let hedge = Command::Hedge {
        allocation: stale(SECOND),
    };
    world.run(0, &Actor::Service, &hedge).unwrap();
    assert_eq!(held(&world).hedge.as_deref(), Some(&attempt(SECOND)));
    let lose = Command::LoseHost {
        allocation_id: SECOND,
    };
    let changes = world.run(0, &Actor::Service, &lose).unwrap();
    assert_eq!(releases(&changes), [released(SECOND)]);
    assert_eq!(held(&world), attempt(FIRST));
}

#[test]
fn instances_time_out_when_settled() {
    let mut world = allocated(&["a"]);
    assert!(world.read(29_999).is_empty());
    let changes = world.read(30_000);
    assert_eq!(releases(&changes), [released(FIRST)]);
    let closed = |world: &World| world.session.header().instance.as_ref().unwrap().closed;
    assert_eq!(closed(&world), Some(CloseReason::AllocationTimeout));

    let mut world = allocated(&["a"]);
    let acknowledge = Command::Acknowledge {
        allocation_id: FIRST,
    };
    world
        .run(20_000, &Actor::Host(FIRST), &acknowledge)
        .unwrap();
    assert!(world.read(139_999).is_empty());
    world.read(140_000);
    assert_eq!(closed(&world), Some(CloseReason::BootTimeout));
}

#[test]
fn r74_somebody_must_say_what_to_start() {
    let mut of_type = game();
    if let Some(settings) = &mut of_type.instance {
        settings.startup_params = None;
    }
    let mut world = World::of(of_type, &["a"]);
    let bare = Command::RequestInstance(request(10));
    let refusal = world.run(0, &by("a"), &bare).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::StartupParamsMissing, 422)
    );
    let params = StartupParams {
        map: "Dunes".into(),
        ..Default::default()
    };
    let full = InstanceRequest {
        startup_params: Some(params.clone()),
        ..request(10)
    };
    world
        .run(0, &by("a"), &Command::RequestInstance(full))
        .unwrap();
    assert_eq!(
        world
            .session
            .header()
            .instance
            .as_ref()
            .unwrap()
            .startup_params,
        params
    );
    let mut world = World::of(party(), &["a"]);
    assert_eq!(world.run(0, &by("a"), &bare), Err(Error::NoInstances));
}

#[test]
fn row_38_a_host_of_a_foreign_version_is_refused() {
    let mut world = allocated(&["a"]);
    let report = |version: &str| {
        Command::HostUpdate(HostUpdate {
            allocation_id: FIRST,
            status: Some(InstanceStatus::Joinable),
            version: Some(version.parse().unwrap()),
            join_custom_data: Some(CustomData::from([("token".to_owned(), "s".to_owned())])),
            connected: Some(vec!["b".into(), "a".into(), "b".into()]),
        })
    };
    let host = Actor::Host(FIRST);
    let refusal = world.run(1, &host, &report("2.0.0")).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::VersionMismatch, 409)
    );
    let changes = world.run(1, &host, &report("1.5.2")).unwrap();
    let updated = |data| Event::InstanceUpdated {
        id: InstanceId(id(10)),
        data,
    };
    // Nobody could join yet: members hear that it is joinable.
    assert!(changes.events.contains(&updated(HostData::Passing)));
    let instance = world.session.header().instance.clone().unwrap();
    assert_eq!(instance.connected, ["a", "b"]);
    assert!(
        world.run(2, &host, &report("1.5.2")).unwrap().is_empty(),
        "the same again"
    );
    let quiet = HostUpdate {
        allocation_id: FIRST,
        status: None,
        version: None,
        join_custom_data: None,
        connected: None,
    };
    let connected = HostUpdate {
        connected: Some(vec!["a".into()]),
        ..quiet.clone()
    };
    let version = HostUpdate {
        version: Some("1.5.3".parse().unwrap()),
        ..quiet.clone()
    };
    let secret = HostUpdate {
        join_custom_data: Some(CustomData::new()),
        connected: Some(Vec::new()),
        ..quiet
    };
    for (update, data) in [
        (connected, HostData::Passing),
        (version, HostData::ToJoin),
        (secret, HostData::ToJoin),
    ] {
        let changes = world.run(3, &host, &Command::HostUpdate(update));
        assert_eq!(changes.unwrap().events, [updated(data)]);
    }
}

#[test]
fn row_39_close_on_empty_and_deletion_let_the_host_go() {
    let mut of_type = game();
    of_type.timeouts.session_empty = None;
    let new = new_session(of_type, Actor::Server);
    let mut world = World::new(NewSession {
        instance: Some(request(10)),
        ..new
    });
    assert!(
        world.read(1).is_empty(),
        "a session that starts empty keeps its instance"
    );
    world
        .run(
            1,
            &Actor::Service,
            &Command::Allocate {
                allocation: attempt(FIRST),
            },
        )
        .unwrap();
    world
        .run(1, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    let changes = world.run(2, &by("a"), &leave("a")).unwrap();
    assert_eq!(releases(&changes), [released(FIRST)]);
    assert!(!changes.deleted);

    let mut world = joinable(&["a"]);
    let changes = world.run(2_000, &by("a"), &leave("a")).unwrap();
    assert!(changes.deleted);
    assert_eq!(releases(&changes), [released(FIRST)]);
}

#[test]
fn row_47_seats_of_a_match_wait_for_their_host() {
    let matched = |created_at_once| {
        let members = ["a", "b"].map(|name| NewSeat::Reserved {
            player: player(name),
            team: None,
        });
        World::new(NewSession {
            members: members.into(),
            match_id: Some(MatchId(id(3))),
            instance: created_at_once,
            ..new_session(game(), Actor::Service)
        })
    };
    let mut world = matched(Some(request(10)));
    assert_eq!(
        world.session.next_timer(),
        Some(at(30_000)),
        "the instance's clock alone"
    );
    world
        .run(
            0,
            &Actor::Service,
            &Command::Allocate {
                allocation: attempt(FIRST),
            },
        )
        .unwrap();
    let host = Actor::Host(FIRST);
    world
        .run(
            25_000,
            &host,
            &Command::Acknowledge {
                allocation_id: FIRST,
            },
        )
        .unwrap();
    assert!(world.read(90_000).is_empty());
    let changes = world
        .run(
            100_000,
            &host,
            &status_update(FIRST, InstanceStatus::Joinable),
        )
        .unwrap();
    assert!(changes.members.is_empty(), "no member row is rewritten");
    assert_eq!(changes.next_timer, Some(at(130_000)));
    assert_eq!(world.session.next_timer(), Some(at(130_000)));
    world
        .run(129_999, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    world.read(130_000);
    assert_eq!(
        (world.state("a"), world.state("b")),
        (Some(MemberState::Active), None)
    );

    let mut world = matched(Some(request(10)));
    world.read(30_000);
    assert_eq!(world.status(), Some(InstanceStatus::Closed));
    assert_eq!(
        world.session.next_timer(),
        Some(at(60_000)),
        "no host came: seats are freed in time"
    );
    world
        .run(
            31_000,
            &Actor::Service,
            &Command::RequestInstance(request(11)),
        )
        .unwrap();
    assert_eq!(
        world.session.next_timer(),
        Some(at(61_000)),
        "the second host's clock alone"
    );
    world.read(60_000);
    assert_eq!(world.state("b"), Some(MemberState::Reserved));

    let world = matched(None);
    assert_eq!(
        world.session.next_timer(),
        Some(at(30_000)),
        "nothing to wait for"
    );
}

#[test]
fn r51_only_the_first_host_of_a_match_stops_the_clock_of_its_reservations() {
    let mut world = World::of(game(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let ask = Command::RequestInstance(request(10));
    world.run(20_000, &by("a"), &ask).unwrap();
    world.read(30_000);
    assert_eq!(world.state("b"), None);

    let mut world = World::new(NewSession {
        members: vec![joined("a", JoinedState::Active)],
        match_id: Some(MatchId(id(3))),
        instance: Some(request(10)),
        ..new_session(game(), Actor::Service)
    });
    let allocate = Command::Allocate {
        allocation: attempt(FIRST),
    };
    world.run(0, &Actor::Service, &allocate).unwrap();
    let update = |to| status_update(FIRST, to);
    for to in [InstanceStatus::Joinable, InstanceStatus::Closed] {
        world.run(0, &Actor::Host(FIRST), &update(to)).unwrap();
    }
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let again = Command::RequestInstance(request(11));
    world.run(20_000, &by("a"), &again).unwrap();
    world.read(29_999);
    assert_eq!(world.state("b"), Some(MemberState::Reserved));
    world.read(30_000);
    assert_eq!(world.state("b"), None);
}

#[test]
fn f7_what_a_host_says_again_is_no_change_and_what_it_reports_has_limits() {
    let mut world = joinable(&["a"]);
    let host = Actor::Host(FIRST);
    for status in [InstanceStatus::Joinable, InstanceStatus::Unjoinable] {
        let update = status_update(FIRST, status);
        let first = world.run(2_000, &host, &update).unwrap();
        assert_eq!(first.is_empty(), status == InstanceStatus::Joinable);
        assert!(world.run(3_000, &host, &update).unwrap().is_empty());
    }
    let sees = |count: usize| {
        Command::HostUpdate(HostUpdate {
            allocation_id: FIRST,
            status: None,
            version: None,
            join_custom_data: None,
            connected: Some((0..count).map(|n| n.to_string()).collect()),
        })
    };
    world.run(4_000, &host, &sees(CONNECTED_MAX)).unwrap();
    let refusal = world.run(4_000, &host, &sees(CONNECTED_MAX + 1));
    assert_eq!(refusal.unwrap_err().status(), 422);
    let closed = status_update(FIRST, InstanceStatus::Closed);
    world.run(5_000, &host, &closed).unwrap();
    assert!(world.run(5_000, &host, &closed).unwrap().is_empty());
    let late = world.run(5_000, &host, &sees(1));
    assert_eq!(late, Err(Error::InstanceClosed));
}
