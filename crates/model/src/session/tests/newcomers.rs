//! The clocks of newcomers and what becomes of their episodes (R34, R55, R57-R59).

use super::together::{demanding, failure, figures, measuring, stage, uploads};
use super::*;
use crate::qos::Qos;

/// A joining takes 10 s, measuring 30 s, deciding 5 s; one is enough to start.
fn newcomers() -> SessionType {
    demanding(1, Qos::default())
}

fn reserve_newcomers(names: &[&str]) -> Command {
    Command::Reserve {
        players: names.iter().map(|name| (player(name), None)).collect(),
        initialize: true,
    }
}

fn newcomer(name: &str, state: JoinedState) -> Command {
    Command::Join(Join {
        initialize: true,
        ..Join::new(player(name), state)
    })
}

/// Everybody has measured somebody, so the measuring is over.
fn all_measure(world: &mut World, now: i64, names: &[&str]) {
    for name in names {
        let peer = [("d9", figures(1, 9_000, 9_000))];
        world.run(now, &by(name), &uploads(name, &peer)).unwrap();
    }
}

#[test]
fn r55_r57_a_newcomers_reservation_lasts_for_the_join_timeout() {
    let mut world = World::of(newcomers(), &["a"]);
    world
        .run(1_000, &Actor::Server, &reserve_newcomers(&["b"]))
        .unwrap();
    world.run(1_000, &by("a"), &reserve(&["c"])).unwrap();
    assert_eq!(world.session.next_timer(), Some(at(11_000)));
    world.read(10_999);
    assert_eq!(world.state("b"), Some(MemberState::Reserved));
    world.read(11_000);
    assert_eq!(world.state("b"), None);
    world.read(30_999);
    assert_eq!(
        world.state("c"),
        Some(MemberState::Reserved),
        "who did not ask for it waits as long as anybody"
    );
    world.read(31_000);
    assert_eq!(world.state("c"), None);
}

#[test]
fn r57_who_waits_for_the_next_episode_has_no_clock_before_it_begins() {
    let mut of_type = newcomers();
    of_type.timeouts.reserved_removal = Some(Millis::seconds(5));
    let mut world = measuring(of_type, &["a", "b"]);
    world
        .run(1_000, &Actor::Server, &reserve_newcomers(&["c"]))
        .unwrap();
    world.read(25_000);
    assert_eq!(world.state("c"), Some(MemberState::Reserved));
    all_measure(&mut world, 25_000, &["a", "b"]);
    world.read(25_000);
    assert_eq!(stage(&world), (1, Stage::Done));
    world.read(25_000);
    assert_eq!(stage(&world), (2, Stage::Joining));
    world.read(34_999);
    assert_eq!(world.state("c"), Some(MemberState::Reserved));
    world.read(35_000);
    assert_eq!(world.state("c"), None);
}

#[test]
fn r57_who_is_ready_is_not_made_inactive_while_he_is_brought_in() {
    let mut of_type = newcomers();
    of_type.timeouts.ready_removal = Some(Millis::seconds(1));
    let mut world = World::new(NewSession {
        members: ["a", "b"]
            .map(|name| joined(name, JoinedState::Ready))
            .into(),
        initialize: true,
        ..new_session(of_type, Actor::Server)
    });
    world.read(0);
    all_measure(&mut world, 29_999, &["a", "b"]);
    assert_eq!(world.state("a"), Some(MemberState::Ready));
    world.read(29_999);
    assert_eq!(stage(&world), (1, Stage::Done));
    world.read(29_999);
    assert_eq!(world.state("a"), Some(MemberState::Inactive));
}

#[test]
fn r57_r58_measuring_ends_in_time_and_while_matching_after_45_s_at_most() {
    for (timeout, matched, ends) in [
        (60_000, false, 60_000),
        (60_000, true, 45_000),
        (30_000, true, 30_000),
    ] {
        let mut of_type = newcomers();
        let settings = of_type.together.initialization.as_mut().unwrap();
        settings.measurement_timeout = Millis(timeout);
        let mut world = World::new(NewSession {
            members: ["a", "b"]
                .map(|name| joined(name, JoinedState::Active))
                .into(),
            match_id: matched.then_some(crate::MatchId(id(3))),
            initialize: true,
            ..new_session(of_type, Actor::Service)
        });
        world.read(0);
        assert_eq!(world.session.next_timer(), Some(at(ends)));
        world.read(ends - 1);
        assert_eq!(stage(&world), (1, Stage::Measuring));
        world.read(ends);
        assert_eq!(stage(&world), (1, Stage::Failed));
        assert_eq!(failure(&world, "a"), Some(Failure::Timeout));
    }
}

#[test]
fn r57_after_a_later_episode_failed_the_next_begins() {
    let mut world = World::of(newcomers(), &["a"]);
    let active = JoinedState::Active;
    world.run(0, &by("b"), &newcomer("b", active)).unwrap();
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Measuring));
    world.run(0, &by("c"), &newcomer("c", active)).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (2, Stage::Failed));
    assert_eq!(world.session.next_timer(), Some(at(i64::MIN)));
    world.read(30_000);
    assert_eq!(stage(&world), (3, Stage::Joining));
    assert_eq!((world.state("b"), failure(&world, "c")), (None, None));
}

#[test]
fn r57_after_the_first_episode_failed_nobody_waits_and_nobody_gets_in() {
    let mut world = measuring(newcomers(), &["a", "b"]);
    let active = JoinedState::Active;
    world.run(0, &by("c"), &newcomer("c", active)).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Failed));
    assert_eq!(failure(&world, "c"), Some(Failure::Episode));
    world.read(30_000);
    assert_eq!(world.session.seats_taken(), 0);
    assert_eq!(world.session.next_timer(), None);
    for refused in [
        world.run(30_000, &by("d"), &join("d", active)),
        world.run(30_000, &Actor::Server, &reserve(&["d"])),
    ] {
        assert_eq!(refused, Err(Error::InitializationFailed));
    }
}

#[test]
fn r57_r59_each_stage_has_a_clock_of_its_own_and_without_a_decision_all_fail() {
    let mut of_type = newcomers();
    let settings = of_type.together.initialization.as_mut().unwrap();
    settings.external_evaluation = true;
    let mut world = measuring(of_type, &["a", "b"]);
    all_measure(&mut world, 20_000, &["a", "b"]);
    world.read(20_000);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    world.read(24_999);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    world.read(25_000);
    assert_eq!(stage(&world), (1, Stage::Failed));
    assert_eq!(failure(&world, "a"), Some(Failure::Episode));
}

/// Makes a member's initialization depend on others, by index.
fn depends(world: &mut World, now: i64, name: &str, on: &[u32]) {
    let update = ConnectivityUpdate {
        initialization_group: Some(on.to_vec()),
        ..ConnectivityUpdate::default()
    };
    let player = player(name);
    let command = Command::SetConnectivity { player, update };
    world.run(now, &by(name), &command).unwrap();
}

#[test]
fn r34_a_group_fails_with_whoever_of_it_fails_or_is_gone() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut world = measuring(newcomers(), &names);
    // d hangs on c, who hangs on b, who is late; e on f, who leaves; a on himself alone.
    depends(&mut world, 0, "d", &[2]);
    depends(&mut world, 0, "c", &[1]);
    depends(&mut world, 0, "e", &[5, 0]);
    depends(&mut world, 0, "a", &[0]);
    all_measure(&mut world, 0, &["a", "c", "d", "e"]);
    world.run(0, &by("f"), &leave("f")).unwrap();
    world.read(29_999);
    assert_eq!(stage(&world), (1, Stage::Measuring));
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Done));
    let failed = ["a", "b", "c", "d", "e"].map(|name| failure(&world, name));
    let (late, group) = (Some(Failure::Timeout), Some(Failure::Group));
    assert_eq!(failed, [None, late, group, group, group]);
    world.read(30_000);
    assert_eq!(world.session.seats_taken(), 1);
}

#[test]
fn r57_the_first_episode_needs_enough_to_start_and_a_later_one_only_somebody() {
    for (needed, came) in [(2, Stage::Done), (3, Stage::Failed)] {
        let mut world = measuring(demanding(needed, Qos::default()), &["a", "b", "c"]);
        all_measure(&mut world, 0, &["a", "b"]);
        world.read(30_000);
        assert_eq!(stage(&world), (1, came), "{needed}");
        let late = failure(&world, "c");
        assert_eq!(late, Some(Failure::Timeout));
        let whole = (came == Stage::Failed).then_some(Failure::Episode);
        assert_eq!([failure(&world, "a"), failure(&world, "b")], [whole; 2]);
    }
    let mut world = World::of(demanding(3, Qos::default()), &["a"]);
    let active = JoinedState::Active;
    world.run(0, &by("b"), &newcomer("b", active)).unwrap();
    all_measure(&mut world, 0, &["b"]);
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Done));
}

#[test]
fn r38_servers_are_measured_too_and_an_empty_answer_counts() {
    let server = ("eu".parse().unwrap(), "192.0.2.1:9000".to_owned());
    let qos = Qos {
        measurement_servers: [server].into(),
        ..Qos::default()
    };
    let answer = |name: &str, peers: bool, servers: bool| {
        let peer = ("d9".to_owned(), figures(1, 9_000, 9_000));
        let update = ConnectivityUpdate {
            measurements: peers.then(|| [peer].into()),
            server_measurements: servers.then(Default::default),
            ..ConnectivityUpdate::default()
        };
        let player = player(name);
        Command::SetConnectivity { player, update }
    };
    let mut world = measuring(demanding(1, qos), &["a", "b", "c"]);
    for (name, peers, servers) in [("a", true, true), ("b", true, false), ("c", false, true)] {
        world
            .run(0, &by(name), &answer(name, peers, servers))
            .unwrap();
    }
    world.read(29_999);
    assert_eq!(stage(&world), (1, Stage::Measuring));
    world.read(30_000);
    let failed = ["a", "b", "c"].map(|name| failure(&world, name));
    let late = Some(Failure::Timeout);
    assert_eq!(failed, [None, late, late]);
}

#[test]
fn r37_nothing_is_asked_of_members_who_have_nobody_to_measure() {
    let made = |of_type: SessionType, devices: [&str; 3]| {
        let seat = |(name, device): (&str, &str)| {
            NewSeat::Joined(Box::new(Join {
                device: Some(device.into()),
                ..Join::new(player(name), JoinedState::Active)
            }))
        };
        let mut world = World::new(NewSession {
            members: ["a", "b", "c"].into_iter().zip(devices).map(seat).collect(),
            initialize: true,
            ..new_session(of_type, Actor::Server)
        });
        world.read(0);
        world
    };
    assert_eq!(stage(&made(newcomers(), ["x"; 3])), (1, Stage::Done));
    let mut nothing = newcomers();
    nothing.together.qos.as_mut().unwrap().metrics = crate::qos::Metrics::default();
    assert_eq!(stage(&made(nothing, ["x", "y", "z"])), (1, Stage::Done));
    // The one on the other device has left, so two sit side by side.
    let mut world = made(newcomers(), ["x", "x", "y"]);
    assert_eq!(stage(&world), (1, Stage::Measuring));
    world.run(0, &by("c"), &leave("c")).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Done));
    assert_eq!([failure(&world, "a"), failure(&world, "b")], [None; 2]);
}

#[test]
fn r59_with_an_external_evaluation_measurements_fail_nobody_but_the_late() {
    let qos = Qos {
        peer_to_peer: Some(super::together::near()),
        ..Qos::default()
    };
    let mut of_type = demanding(1, qos);
    let settings = of_type.together.initialization.as_mut().unwrap();
    settings.external_evaluation = true;
    let mut world = measuring(of_type, &["a", "b", "c"]);
    let far = figures(900, 1, 1);
    for (name, peer) in [("a", "d1"), ("b", "d0")] {
        let peers = [(peer, far.clone())];
        world.run(0, &by(name), &uploads(name, &peers)).unwrap();
    }
    let decide = |succeeded| Command::PostEvaluation { succeeded };
    let early = world.run(0, &by("a"), &decide(true));
    assert_eq!(early, Err(Error::NotEvaluating));
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    let failed = ["a", "b", "c"].map(|name| failure(&world, name));
    assert_eq!(failed, [None, None, Some(Failure::Timeout)]);
    world.run(30_000, &by("b"), &decide(true)).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Done));
    assert_eq!([failure(&world, "a"), failure(&world, "b")], [None; 2]);
}

#[test]
fn r57_those_of_one_write_are_one_episode_and_who_comes_after_waits_for_the_next() {
    let episode = |world: &World, name: &str| {
        let member = world.session.member_of(&player(name)).unwrap();
        member.initialization.map(|of| of.episode)
    };
    let mut world = World::of(newcomers(), &["a"]);
    let server = Actor::Server;
    world
        .run(0, &server, &reserve_newcomers(&["b", "c"]))
        .unwrap();
    world
        .run(0, &server, &reserve_newcomers(&["d", "e"]))
        .unwrap();
    assert_eq!(stage(&world), (2, Stage::Joining));
    let all = ["a", "b", "c", "d", "e"].map(|name| episode(&world, name));
    assert_eq!(all, [None, Some(2), Some(2), Some(3), Some(3)]);
    // Who joins on his seat stays in the episode for which it was held.
    let active = JoinedState::Active;
    for name in ["d", "b"] {
        world.run(0, &by(name), &newcomer(name, active)).unwrap();
    }
    assert_eq!(
        (episode(&world, "b"), episode(&world, "d")),
        (Some(2), Some(3))
    );
    assert_eq!(stage(&world), (2, Stage::Joining));
    world.read(10_000);
    world.read(10_000);
    assert_eq!(stage(&world), (2, Stage::Measuring));
    assert_eq!(
        (world.state("c"), world.state("e")),
        (None, Some(MemberState::Reserved))
    );
}

#[test]
fn r57_where_nobody_is_on_his_way_an_episode_begins_with_whoever_comes() {
    let mut world = measuring(newcomers(), &["a", "b"]);
    all_measure(&mut world, 0, &["a", "b"]);
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Done));
    let server = Actor::Server;
    world
        .run(5_000, &server, &reserve_newcomers(&["c"]))
        .unwrap();
    assert_eq!(stage(&world), (2, Stage::Joining));
    assert_eq!(world.session.next_timer(), Some(at(15_000)));
}

#[test]
fn r57_the_next_episode_waits_for_all_who_waited_for_it() {
    let mut world = measuring(newcomers(), &["a", "b"]);
    world
        .run(0, &Actor::Server, &reserve_newcomers(&["c"]))
        .unwrap();
    all_measure(&mut world, 0, &["a", "b"]);
    // The first episode ends in the very write in which another one comes.
    let active = JoinedState::Active;
    world.run(0, &by("d"), &newcomer("d", active)).unwrap();
    assert_eq!(stage(&world), (1, Stage::Done));
    for _ in 0..3 {
        world.read(0);
        assert_eq!(stage(&world), (2, Stage::Joining), "c is not here yet");
    }
    world.run(0, &by("c"), &newcomer("c", active)).unwrap();
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Measuring));
}

#[test]
fn r57_nobody_is_brought_together_where_the_type_does_not_say_so() {
    let mut world = World::of(game(), &["a"]);
    for refused in [
        world.run(0, &by("b"), &newcomer("b", JoinedState::Active)),
        world.run(0, &by("a"), &reserve_newcomers(&["b"])),
    ] {
        assert_eq!(refused.unwrap_err().status(), 422);
    }
    assert_eq!(world.session.seats_taken(), 1);
}

#[test]
fn f29_hosts_are_proposed_after_the_first_episode_where_there_is_none() {
    let qos = || Qos {
        peer_to_host: Some(super::together::to_host()),
        ..Qos::default()
    };
    let good = figures(1, 9_000, 9_000);
    let measured = |world: &mut World| {
        for (name, peer) in [("a", "d1"), ("b", "d0")] {
            let peers = [(peer, good.clone())];
            world.run(0, &by(name), &uploads(name, &peers)).unwrap();
        }
    };
    let proposed = |mut world: World| {
        world.read(0);
        assert_eq!(stage(&world).1, Stage::Done);
        world.session.header().host_candidates.len()
    };
    let mut world = measuring(demanding(1, qos()), &["a", "b"]);
    measured(&mut world);
    assert_eq!(proposed(world), 2);
    let mut world = measuring(demanding(1, qos()), &["a", "b"]);
    let host = Command::SetHost {
        device_token: Some("d0".into()),
    };
    world.run(0, &by("a"), &host).unwrap();
    measured(&mut world);
    assert_eq!(proposed(world), 0);
    let mut hosted = demanding(1, qos());
    hosted.instance = game().instance;
    let mut world = measuring(hosted, &["a", "b"]);
    let ask = Command::RequestInstance(hosting::request(10));
    world.run(0, &by("a"), &ask).unwrap();
    measured(&mut world);
    assert_eq!(proposed(world), 0);
    let mut judged = demanding(1, qos());
    let settings = judged.together.initialization.as_mut().unwrap();
    settings.external_evaluation = true;
    let mut world = measuring(judged, &["a", "b"]);
    measured(&mut world);
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    assert!(world.session.header().host_candidates.is_empty());
    let mut world = World::of(demanding(1, qos()), &["a"]);
    let active = JoinedState::Active;
    world.run(0, &by("b"), &newcomer("b", active)).unwrap();
    world.read(0);
    measured(&mut world);
    assert_eq!(proposed(world), 0);
}

#[test]
fn f29_a_candidate_stands_while_he_is_away_and_until_he_leaves() {
    let qos = Qos {
        peer_to_host: Some(super::together::to_host()),
        ..Qos::default()
    };
    let mut world = measuring(demanding(1, qos), &["a", "b"]);
    let good = figures(1, 9_000, 9_000);
    for (name, peer) in [("a", "d1"), ("b", "d0")] {
        let peers = [(peer, good.clone())];
        world.run(0, &by(name), &uploads(name, &peers)).unwrap();
    }
    world.read(0);
    let candidates = |world: &World| world.session.header().host_candidates.clone();
    assert_eq!(candidates(&world), ["d0", "d1"]);
    let away = set_state("b", JoinedState::Inactive);
    world.run(0, &by("b"), &away).unwrap();
    assert_eq!(candidates(&world), ["d0", "d1"]);
    world.run(0, &by("b"), &leave("b")).unwrap();
    assert_eq!(candidates(&world), ["d0"]);
    let host = Command::SetHost {
        device_token: Some("d0".into()),
    };
    let mut hosted = World {
        session: world.session.clone(),
        ..World::of(game(), &["x"])
    };
    hosted.run(0, &by("a"), &host).unwrap();
    assert!(candidates(&hosted).is_empty());
    world.run(0, &by("a"), &leave("a")).unwrap();
    assert!(candidates(&world).is_empty());
}

#[test]
fn f29_all_who_have_joined_are_measured_but_those_who_wait_for_the_next_episode() {
    let mut world = World::of(newcomers(), &["a"]);
    world.run(0, &by("a"), &reserve(&["r"])).unwrap();
    for name in ["b", "c"] {
        let seat = reserve_newcomers(&[name]);
        world.run(0, &Actor::Server, &seat).unwrap();
    }
    for name in ["c", "b"] {
        let active = join(name, JoinedState::Active);
        world.run(0, &by(name), &active).unwrap();
    }
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Measuring));
    let measured = &world
        .session
        .header()
        .initialization
        .as_ref()
        .unwrap()
        .peers;
    let index = |name| world.session.member_of(&player(name)).unwrap().index;
    assert_eq!(*measured, ["a", "b"].map(index));
}
