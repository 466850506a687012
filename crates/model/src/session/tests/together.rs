//! Connections, newcomers and the host among members: examples, and the laws of every history (F29, R34, R57).

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::qos::{
    HostSelectionMetric, InitializationSettings, Metrics, PeerToHost, PeerToPeer, Qos, Together,
};

const ALL: Metrics = Metrics {
    latency: true,
    bandwidth_down: true,
    bandwidth_up: true,
    custom: false,
};

fn settings(needed: u32) -> InitializationSettings {
    InitializationSettings {
        join_timeout: Millis::seconds(10),
        measurement_timeout: Millis::seconds(30),
        evaluation_timeout: Millis::seconds(5),
        external_evaluation: false,
        members_needed_to_start: needed,
    }
}

pub(super) fn near() -> PeerToPeer {
    PeerToPeer {
        latency_maximum: 100,
        bandwidth_minimum_kbps: 1_000,
    }
}

pub(super) fn to_host() -> PeerToHost {
    PeerToHost {
        latency_maximum: 100,
        bandwidth_down_minimum_kbps: 2_000,
        bandwidth_up_minimum_kbps: 1_000,
        host_selection_metric: HostSelectionMetric::Latency,
    }
}

fn together(needed: u32, qos: Qos) -> Together {
    Together {
        qos: Some(qos),
        initialization: Some(settings(needed)),
    }
}

/// A game whose newcomers are brought together by these demands.
pub(super) fn demanding(needed: u32, qos: Qos) -> SessionType {
    let mut of_type = game();
    of_type.instance = None;
    of_type.timeouts.session_empty = None;
    of_type.capabilities.connectivity = true;
    of_type.together = together(
        needed,
        Qos {
            metrics: ALL,
            ..qos
        },
    );
    of_type
}

pub(super) fn figures(latency: u32, down: u32, up: u32) -> Measurement {
    Measurement {
        latency: Some(latency),
        bandwidth_down: Some(down),
        bandwidth_up: Some(up),
        ..Measurement::default()
    }
}

pub(super) fn uploads(name: &str, peers: &[(&str, Measurement)]) -> Command {
    let measurements = peers
        .iter()
        .map(|(token, figures)| ((*token).to_owned(), figures.clone()))
        .collect();
    Command::SetConnectivity {
        player: player(name),
        update: ConnectivityUpdate {
            measurements: Some(measurements),
            ..ConnectivityUpdate::default()
        },
    }
}

/// A session made with these players as its first episode, which measures.
pub(super) fn measuring(of_type: SessionType, names: &[&str]) -> World {
    let members = names
        .iter()
        .map(|name| joined(name, JoinedState::Active))
        .collect();
    let mut world = World::new(NewSession {
        members,
        initialize: true,
        ..new_session(of_type, Actor::Server)
    });
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Measuring));
    world
}

pub(super) fn stage(world: &World) -> (u32, Stage) {
    let init = world.session.header().initialization.as_ref().unwrap();
    (init.episode, init.stage)
}

pub(super) fn failure(world: &World, name: &str) -> Option<Failure> {
    let member = world.session.member_of(&player(name))?;
    member.initialization?.failure
}

pub(super) fn failures<'n>(world: &World, names: &[&'n str]) -> Vec<(&'n str, Failure)> {
    let of = |name: &&'n str| Some((*name, failure(world, name)?));
    names.iter().filter_map(of).collect()
}

#[test]
fn f29_each_demand_between_peers_has_its_reason_and_holds_at_its_bound() {
    let cases = [
        (figures(100, 1_000, 1_000), None),
        (figures(101, 1_000, 1_000), Some(Failure::Latency)),
        (figures(100, 999, 1_000), Some(Failure::BandwidthDown)),
        (figures(100, 1_000, 999), Some(Failure::BandwidthUp)),
        (figures(101, 999, 999), Some(Failure::Latency)),
        (figures(100, 999, 999), Some(Failure::BandwidthDown)),
        (
            Measurement {
                latency: Some(1),
                ..Measurement::default()
            },
            Some(Failure::Network),
        ),
        (Measurement::default(), Some(Failure::Network)),
    ];
    for (of_a, expected) in cases {
        // What a measured of b counts against the two as much as what b measured of a.
        for (one, other) in [
            (of_a.clone(), figures(1, 9_000, 9_000)),
            (figures(1, 9_000, 9_000), of_a.clone()),
        ] {
            let qos = Qos {
                peer_to_peer: Some(near()),
                ..Qos::default()
            };
            let mut world = measuring(demanding(1, qos), &["a", "b"]);
            world
                .run(0, &by("a"), &uploads("a", &[("d1", one)]))
                .unwrap();
            world
                .run(0, &by("b"), &uploads("b", &[("d0", other)]))
                .unwrap();
            world.read(0);
            assert_eq!(stage(&world), (1, Stage::Done));
            assert_eq!(
                (failure(&world, "a"), failure(&world, "b")),
                (None, expected)
            );
        }
    }
}

#[test]
fn f29_as_few_as_possible_go_for_all_others_to_reach_each_other() {
    let qos = Qos {
        peer_to_peer: Some(near()),
        ..Qos::default()
    };
    let names = ["a", "b", "c", "d"];
    let mut world = measuring(demanding(3, qos), &names);
    let (good, bad) = (figures(1, 9_000, 9_000), figures(200, 9_000, 9_000));
    // Nobody reaches a, who is the oldest; without him all is well.
    for (index, name) in names.iter().enumerate() {
        let peers: Vec<(String, Measurement)> = (0..names.len())
            .filter(|peer| *peer != index)
            .map(|peer| {
                let far = index == 0 || peer == 0;
                (format!("d{peer}"), if far { &bad } else { &good }.clone())
            })
            .collect();
        let peers: Vec<(&str, Measurement)> = peers
            .iter()
            .map(|(token, figures)| (token.as_str(), figures.clone()))
            .collect();
        world.run(0, &by(name), &uploads(name, &peers)).unwrap();
    }
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Done));
    assert_eq!(failures(&world, &names), [("a", Failure::Latency)]);
    let removed = world.read(0);
    let reasons: Vec<RemovalReason> = removed
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MemberRemoved { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [RemovalReason::InitFailed]);
}

#[test]
fn f29_who_was_there_before_is_exempt_and_is_measured_all_the_same() {
    let qos = Qos {
        peer_to_peer: Some(near()),
        ..Qos::default()
    };
    let mut world = World::of(demanding(2, qos), &["old"]);
    let mut newcomer = Join::new(player("new"), JoinedState::Active);
    newcomer.initialize = true;
    world.run(0, &by("new"), &Command::Join(newcomer)).unwrap();
    assert_eq!(stage(&world), (2, Stage::Joining));
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Measuring));
    // Who comes now without asking is nobody's to measure.
    world
        .run(0, &by("late"), &join("late", JoinedState::Active))
        .unwrap();
    let far = figures(500, 9_000, 9_000);
    world
        .run(0, &by("new"), &uploads("new", &[("d0", far)]))
        .unwrap();
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Failed));
    assert_eq!(
        failures(&world, &["old", "new", "late"]),
        [("new", Failure::Latency)]
    );
    world.read(0);
    let there: Vec<_> = world
        .session
        .members()
        .map(|m| m.player.to_string())
        .collect();
    assert_eq!(there, ["old", "late"]);
    assert!(!world.session.header().is_unusable());
}

#[test]
fn f29_candidates_are_in_the_order_of_the_metric_and_all_reach_the_first() {
    let orders = [
        (HostSelectionMetric::Latency, ["d0", "d1", "d2"]),
        (HostSelectionMetric::BandwidthDown, ["d1", "d2", "d0"]),
        (HostSelectionMetric::BandwidthUp, ["d2", "d0", "d1"]),
        (HostSelectionMetric::Bandwidth, ["d2", "d1", "d0"]),
    ];
    // What everybody measures of each: the figures of the host, by device.
    let of = |token: &str| match token {
        "d0" => figures(10, 2_000, 2_000),
        "d1" => figures(20, 4_000, 1_500),
        _ => figures(30, 3_000, 3_000),
    };
    let run = |by_metric, of_c: u32, to_c: u32| {
        let demand = PeerToHost {
            host_selection_metric: by_metric,
            ..to_host()
        };
        let qos = Qos {
            peer_to_host: Some(demand),
            ..Qos::default()
        };
        let names = ["a", "b", "c"];
        let mut world = measuring(demanding(1, qos), &names);
        for (index, name) in names.iter().enumerate() {
            let mut peers: Vec<_> = ["d0", "d1", "d2"].map(|token| (token, of(token))).into();
            peers.remove(index);
            for (token, figures) in &mut peers {
                let down = figures.bandwidth_down.unwrap();
                let at_most = match (*name, *token) {
                    ("c", _) => of_c,
                    (_, "d2") => to_c,
                    _ => down,
                };
                figures.bandwidth_down = Some(down.min(at_most));
            }
            world.run(0, &by(name), &uploads(name, &peers)).unwrap();
        }
        world.read(0);
        let candidates = world.session.header().host_candidates.clone();
        (candidates, failures(&world, &names))
    };
    for (metric, expected) in orders {
        let (candidates, gone) = run(metric, u32::MAX, u32::MAX);
        assert_eq!(
            (candidates, gone),
            (expected.map(str::to_owned).into(), vec![]),
            "{metric:?}"
        );
        // c gets too little from everybody, so all is well only as long as he is the host.
        let (candidates, gone) = run(metric, 1_999, u32::MAX);
        assert_eq!(
            (candidates, gone),
            (vec!["d2".to_owned()], vec![]),
            "{metric:?}"
        );
        // When nobody gets enough from him either he has to go, and hosts nothing.
        let (candidates, gone) = run(metric, 1_999, 1_999);
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|token| *token != "d2")
            .collect();
        assert_eq!(candidates, expected, "{metric:?}");
        assert_eq!(gone, [("c", Failure::BandwidthDown)], "{metric:?}");
    }
}

#[test]
fn f29_with_a_host_later_newcomers_have_to_reach_it() {
    let qos = Qos {
        peer_to_host: Some(to_host()),
        ..Qos::default()
    };
    let mut world = World::of(demanding(1, qos), &["host", "other"]);
    let set = Command::SetHost {
        device_token: Some("d0".into()),
    };
    world.run(0, &by("host"), &set).unwrap();
    for (name, latency, expected) in [("x", 101, Some(Failure::Latency)), ("y", 100, None)] {
        let mut newcomer = Join::new(player(name), JoinedState::Active);
        newcomer.initialize = true;
        world.run(0, &by(name), &Command::Join(newcomer)).unwrap();
        world.read(0);
        let peers = [
            ("d0", figures(latency, 9_000, 9_000)),
            ("d1", figures(900, 1, 1)),
        ];
        world.run(0, &by(name), &uploads(name, &peers)).unwrap();
        world.read(0);
        assert_eq!(failure(&world, name), expected);
        world.read(0);
    }
    assert_eq!(world.session.header().host.as_deref(), Some("d0"));
    assert_eq!(world.session.header().host_candidates, Vec::<String>::new());
}

#[test]
fn r37_a_document_of_before_can_be_read_and_measurements_survive_the_store() {
    let mut of_type = game();
    of_type.capabilities.connectivity = true;
    let mut world = World::of(of_type, &["a"]);
    let odd = Measurement {
        latency: None,
        bandwidth_down: Some(7),
        bandwidth_up: None,
        custom: serde_json::json!([null, { "x": 0.1 }]),
    };
    let peers = [
        ("d1", odd),
        ("d2", Measurement::default()),
        ("d3", figures(1, 2, 3)),
        (
            "d4",
            Measurement {
                latency: Some(1),
                ..Measurement::default()
            },
        ),
    ];
    world.run(0, &by("a"), &uploads("a", &peers)).unwrap();
    let member = world.session.member_of(&player("a")).unwrap();
    let text = member.to_json().unwrap();
    assert!(text.contains(r#""d3":[1,2,3],"d4":[1]"#), "{text}");
    assert_eq!(Member::from_json(&text).unwrap(), **member);
    let mut older: serde_json::Value = serde_json::from_str(&text).unwrap();
    older.as_object_mut().unwrap().remove("connectivity");
    assert_eq!(
        Member::from_json(&older.to_string()).unwrap().connectivity,
        None
    );
}

#[test]
fn row_50_it_takes_players_to_start_and_who_looks_on_is_none_of_them() {
    for (players, expected) in [(1, Stage::Failed), (2, Stage::Done)] {
        let mut of_type = demanding(2, Qos::default());
        of_type.together.qos = None;
        of_type.size.spectators = 1;
        of_type.size.max_members = 9;
        let names = ["a", "b"];
        let watches = NewSeat::Joined(Box::new(Join {
            spectator: true,
            ..Join::new(player("s"), JoinedState::Active)
        }));
        let plays = names.iter().take(players);
        let plays = plays.map(|name| joined(name, JoinedState::Active));
        let mut world = World::new(NewSession {
            members: plays.chain([watches]).collect(),
            initialize: true,
            ..new_session(of_type, Actor::Server)
        });
        world.read(0);
        assert_eq!(stage(&world), (1, expected), "{players}");
    }
}

#[test]
fn r59_the_host_of_the_instance_decides_and_the_first_decision_counts() {
    let mut of_type = demanding(1, Qos::default());
    of_type.instance = game().instance;
    of_type.together.qos = None;
    if let Some(settings) = &mut of_type.together.initialization {
        settings.external_evaluation = true;
    }
    let mut world = World::new(NewSession {
        members: vec![joined("a", JoinedState::Active)],
        initialize: true,
        ..new_session(of_type, Actor::Server)
    });
    let decide = |succeeded| Command::PostEvaluation { succeeded };
    let stranger = Actor::Host(hosting::SECOND);
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    assert_eq!(world.run(0, &stranger, &decide(true)), Err(Error::NotHost));
    assert_eq!(
        world.run(0, &by("x"), &decide(true)),
        Err(Error::NotAMember)
    );
    let mut draft = world.session.draft();
    draft.apply(&by("a"), &decide(false), at(0)).unwrap();
    draft.apply(&by("a"), &decide(false), at(0)).unwrap();
    let other = draft.apply(&Actor::Server, &decide(true), at(0));
    assert_eq!(other, Err(Error::ConstantsConflict("the first decision")));
    let changes = draft.finish(at(0));
    world.take(changes);
    world.read(0);
    assert_eq!(stage(&world), (1, Stage::Failed));
    assert_eq!(failure(&world, "a"), Some(Failure::Episode));
}

/// Types of every kind: with and without connections, measuring, deciding.
pub(super) fn a_together() -> impl Strategy<Value = Together> {
    let peer = (1u32..200).prop_map(|latency_maximum| PeerToPeer {
        latency_maximum,
        bandwidth_minimum_kbps: 0,
    });
    let host = (1u32..200).prop_map(|latency_maximum| PeerToHost {
        latency_maximum,
        bandwidth_down_minimum_kbps: 0,
        bandwidth_up_minimum_kbps: 0,
        host_selection_metric: HostSelectionMetric::Latency,
    });
    let qos = (
        any::<bool>(),
        proptest::option::of(peer),
        proptest::option::of(host),
        any::<bool>(),
    )
        .prop_map(|(latency, peer_to_peer, peer_to_host, servers)| {
            let demanded = peer_to_peer.is_some() || peer_to_host.is_some();
            let server = ("eu".parse().unwrap(), "192.0.2.1:9000".to_owned());
            Qos {
                metrics: Metrics {
                    latency: latency || demanded,
                    ..Metrics::default()
                },
                peer_to_peer,
                peer_to_host,
                measurement_servers: servers.then_some(server).into_iter().collect(),
            }
        });
    let initialization = (
        1u64..20_000,
        1u64..60_000,
        1u64..10_000,
        any::<bool>(),
        1u32..4,
    )
        .prop_map(|(join, measure, evaluate, external_evaluation, needed)| {
            InitializationSettings {
                join_timeout: Millis(join),
                measurement_timeout: Millis(measure),
                evaluation_timeout: Millis(evaluate),
                external_evaluation,
                members_needed_to_start: needed,
            }
        });
    let on = proptest::option::weighted(0.7, qos);
    let initialization = proptest::option::weighted(0.6, initialization);
    (on, initialization).prop_map(|(qos, initialization)| Together {
        qos,
        initialization,
    })
}

fn a_token() -> impl Strategy<Value = String> {
    (0u32..8).prop_map(|index| format!("d{index}"))
}

/// What members and servers do about connections, newcomers and hosts.
pub(super) fn a_command() -> impl Strategy<Value = Command> {
    let measurement = proptest::option::of(1u32..200).prop_map(|latency| Measurement {
        latency,
        ..Measurement::default()
    });
    let update = (
        proptest::option::of(select(vec!["", "QUJD", "no base64"])),
        proptest::option::of(proptest::collection::btree_map(
            a_token(),
            measurement,
            0..8,
        )),
        proptest::option::of(any::<bool>()),
        proptest::option::of(proptest::collection::vec(0u32..8, 0..3)),
    )
        .prop_map(
            |(address, measurements, servers, group)| ConnectivityUpdate {
                secure_device_address: address.map(str::to_owned),
                measurements,
                server_measurements: servers.map(|reached| {
                    let of = ("eu".to_owned(), ServerMeasurement { latency: 5 });
                    reached
                        .then_some(of)
                        .into_iter()
                        .collect::<BTreeMap<_, _>>()
                }),
                initialization_group: group,
            },
        );
    let who = select(vec!["a", "b", "c", "d", "e"]).prop_map(player);
    prop_oneof![
        4 => (who, update)
            .prop_map(|(player, update)| Command::SetConnectivity { player, update }),
        1 => any::<bool>().prop_map(|succeeded| Command::PostEvaluation { succeeded }),
        2 => proptest::option::weighted(0.8, a_token())
            .prop_map(|device_token| Command::SetHost { device_token }),
    ]
}

/// What one settle may have done to newcomers since `before`: at most one stage, never back; whoever was marked
/// as failed is gone, and nobody is marked and removed in one go; no member skips a state.
pub(super) fn assert_one_stage(before: &Session, settled: &Draft<'_>) {
    let stages = |event: &&Event| matches!(event, Event::InitializationChanged { .. });
    let entered = settled.work.events.iter().filter(stages).count();
    assert!(entered <= 1, "{:?}", settled.work.events);
    let place = |header: &Header| {
        let init = header.initialization.as_ref();
        init.map(|init| (init.episode, init.stage))
    };
    let (was, is) = (place(before.header()), place(settled.header()));
    assert!(was <= is, "{was:?} -> {is:?}");
    assert_eq!(was != is, entered == 1);
    if let (Some((old, stage)), Some((new, begun))) = (was, is)
        && old != new
    {
        assert!(new == old + 1 && !stage.is_running() && begun == Stage::Joining);
    }
    for member in before.members() {
        let after = settled.member(member.index);
        let failed = |member: &Member| member.initialization.and_then(|of| of.failure);
        if failed(member).is_some() || settled.is_deleted() {
            assert!(
                after.is_none(),
                "failed members are gone after the next settle"
            );
            continue;
        }
        match (member.state, after.map(|member| member.state)) {
            (was, Some(is)) if was == is => {}
            (MemberState::Ready | MemberState::Active, Some(MemberState::Inactive)) => {}
            (MemberState::Reserved | MemberState::Inactive, None) => {}
            odd => panic!("{odd:?} in one settle: {:?}", settled.work.events),
        }
        // Members who did not ask for it are exempt from all of it.
        let marked = after.is_some_and(|after| failed(after).is_some()) && failed(member).is_none();
        assert!(!marked || member.initialization.is_some() && entered == 1);
    }
}

/// What holds of every committed session.
pub(super) fn assert_in_order(session: &Session) {
    let header = session.header();
    let host = header.host.as_deref();
    if let Some(host) = host {
        assert!(session.host().is_some(), "the host {host} is there");
        assert!(header.host_candidates.is_empty() && header.open_instance().is_none());
    }
    let connected = session.constants().session_type.capabilities.connectivity;
    for member in session.members() {
        assert_eq!(member.token().is_some(), connected && member.is_joined());
    }
    for candidate in &header.host_candidates {
        let mut tokens = session.members().filter_map(|member| member.token());
        assert!(
            tokens.any(|token| token == candidate),
            "{candidate} is there"
        );
    }
    let Some(init) = &header.initialization else {
        let mut newcomers = session.members().filter_map(|member| member.initialization);
        return assert_eq!(newcomers.next(), None);
    };
    for member in session.members() {
        let Some(of) = member.initialization else {
            continue;
        };
        assert!(of.episode <= init.episode + 1);
        let past_joining = of.episode == init.episode && init.stage > Stage::Joining;
        assert!(
            !past_joining || member.is_joined() || of.failure.is_some(),
            "who did not join in time is gone"
        );
    }
    assert!(init.stage != Stage::Measuring || connected);
    assert!(header.is_unusable() == (init.episode == 1 && init.stage == Stage::Failed));
}

/// A type whose newcomers get somewhere: they measure, are judged by it or by a decision, in ten seconds a stage.
fn a_patient_type() -> impl Strategy<Value = SessionType> {
    (a_together(), any::<bool>(), any::<bool>(), 1u32..3).prop_map(
        |(together, measures, external, needed)| {
            let mut of_type = demanding(needed, together.qos.unwrap_or_default());
            if let Some(settings) = &mut of_type.together.initialization {
                settings.external_evaluation = external;
            }
            if !measures {
                of_type.together.qos = None;
            }
            of_type
        },
    )
}

/// What newcomers do: they come together or alone, mostly measure everybody, decide, and now and then leave.
fn a_newcomer_step() -> impl Strategy<Value = laws::Step> {
    let who = || select(vec!["a", "b", "c", "d", "e"]).prop_map(player);
    let joins = (who(), proptest::bool::weighted(0.7)).prop_map(|(player, initialize)| Join {
        initialize,
        ..Join::new(player, JoinedState::Active)
    });
    let latencies = proptest::collection::vec(proptest::option::weighted(0.97, 1u32..130), 12);
    let group = proptest::option::weighted(0.1, proptest::collection::vec(0u32..8, 0..3));
    let uploads = (who(), latencies, group).prop_map(|(player, latencies, group)| {
        let measured = latencies.into_iter().enumerate().map(|(index, latency)| {
            let of = Measurement {
                latency,
                bandwidth_down: Some(9_000),
                bandwidth_up: Some(9_000),
                ..Measurement::default()
            };
            (format!("d{index}"), of)
        });
        let update = ConnectivityUpdate {
            measurements: Some(measured.collect()),
            server_measurements: Some(BTreeMap::new()),
            initialization_group: group,
            ..ConnectivityUpdate::default()
        };
        Command::SetConnectivity { player, update }
    });
    let pair = (who(), who()).prop_map(|(one, other)| Command::Reserve {
        players: vec![(one, None), (other, None)],
        initialize: true,
    });
    let command = prop_oneof![
        8 => joins.prop_map(Command::Join),
        8 => uploads,
        3 => pair,
        3 => proptest::bool::weighted(0.8)
            .prop_map(|succeeded| Command::PostEvaluation { succeeded }),
        1 => who().prop_map(|player| Command::Leave { player }),
        1 => proptest::option::weighted(0.8, a_token())
            .prop_map(|device_token| Command::SetHost { device_token }),
    ];
    let wait = prop_oneof![
        20 => 0i64..1_500,
        2 => select(vec![4_999i64, 5_000, 9_999, 10_000, 30_000, 45_000]),
        1 => select(vec![-5_000i64, -1]),
    ];
    (wait, command).prop_map(|(wait, command)| {
        let actor = match &command {
            Command::Join(join) => Actor::Player(join.player.clone()),
            Command::SetConnectivity { player, .. } => Actor::Player(player.clone()),
            _ => Actor::Service,
        };
        laws::Step {
            wait,
            gone: Vec::new(),
            actor,
            command,
        }
    })
}

proptest! {
    #![proptest_config(laws::cases(500))]

    #[test]
    fn r57_any_history_of_newcomers_keeps_the_law(
        of_type in a_patient_type(),
        initialize in any::<bool>(),
        steps in proptest::collection::vec(a_newcomer_step(), 1..60),
    ) {
        let new = NewSession {
            members: vec![joined("a", JoinedState::Active), joined("b", JoinedState::Active)],
            initialize,
            ..new_session(of_type, Actor::Server)
        };
        let first = Session::create(new, at(0)).unwrap().0;
        let (mut session, mut now) = (first.clone(), at(0));
        for one in &steps {
            now = Timestamp(now.0 + one.wait);
            let goes_on = laws::step(&mut session, one, now);
            if !goes_on || session.header().is_unusable() {
                (session, now) = (first.clone(), at(0));
            }
        }
    }
}
