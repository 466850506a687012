//! Seats: joining, capacity, teams, properties and their writers (R8, R9, R25-R28, R44).

use serde_json::json;

use super::*;

#[test]
fn r25_reserved_seats_count() {
    let mut world = World::of(party(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b", "c", "d"])).unwrap();
    assert_eq!(world.session.seats_taken(), 4);
    let refusal = world.run(0, &by("a"), &reserve(&["e"])).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::SessionFull, 409)
    );
    let refused = world.run(0, &Actor::Server, &join("e", JoinedState::Active));
    assert_eq!(refused, Err(Error::SessionFull));
}

#[test]
fn reservations_are_all_or_none() {
    let mut world = World::of(party(), &["a", "b"]);
    let number = world.number();
    assert_eq!(
        world.run(0, &by("a"), &reserve(&["c", "d", "e"])),
        Err(Error::SessionFull)
    );
    assert_eq!(
        world.run(0, &by("a"), &reserve(&["c", "c"])),
        Err(Error::AlreadyMember)
    );
    assert_eq!((world.session.seats_taken(), world.number()), (2, number));
    assert_eq!(world.session.header().next_index, 2, "no index was used up");
}

#[test]
fn row_29_leader_and_servers_reserve_and_others_do_not() {
    let mut world = World::of(party(), &["a", "b"]);
    assert_eq!(
        world.run(0, &by("b"), &reserve(&["c"])),
        Err(Error::NotLeader)
    );
    assert_eq!(
        world.run(0, &by("x"), &reserve(&["c"])),
        Err(Error::NotAMember)
    );
    world.run(0, &Actor::Server, &reserve(&["c"])).unwrap();
    let seat = world.session.member_of(&player("c")).unwrap();
    assert_eq!(
        (seat.reserved_at, seat.reserved_by.clone()),
        (Some(at(0)), Some(Actor::Server))
    );
}

#[test]
fn r26_r27_a_reserved_player_joins_on_his_seat() {
    let mut world = World::of(game(), &["a"]);
    let seats = Command::Reserve {
        players: vec![(player("b"), Some(1))],
        initialize: false,
    };
    world.run(0, &by("a"), &seats).unwrap();
    let changes = world
        .run(10, &by("b"), &join("b", JoinedState::Ready))
        .unwrap();
    let member = world.session.member_of(&player("b")).unwrap();
    assert_eq!(
        (member.index, member.team, member.joined_at),
        (1, Some(1), Some(at(10)))
    );
    assert_eq!(member.since, at(10));
    let (index, player) = (1, player("b"));
    assert_eq!(
        changes.events,
        [Event::MemberJoined {
            index,
            player,
            state: MemberState::Ready
        }]
    );
    world
        .run(20, &by("b"), &set_state("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.state("b"), Some(MemberState::Active));
}

#[test]
fn row_30_closed_keeps_all_but_the_reserved_out() {
    let mut world = World::of(game(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let close = Command::Update(Update {
        closed: Some(true),
        ..Update::default()
    });
    world.run(0, &by("a"), &close).unwrap();
    for actor in [by("c"), Actor::Server] {
        let refusal = world
            .run(1, &actor, &join("c", JoinedState::Active))
            .unwrap_err();
        assert_eq!((refusal.clone(), refusal.status()), (Error::Closed, 403));
    }
    world
        .run(1, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    world.run(1, &by("a"), &reserve(&["c"])).unwrap();
}

#[test]
fn row_30_a_partys_joinability_is_its_leaders() {
    let open = Command::Update(Update {
        joinability: Some(Joinability::Public),
        ..Update::default()
    });
    let mut world = World::of(party(), &["a", "b"]);
    world.run(0, &by("a"), &reserve(&["c"])).unwrap();
    assert_eq!(world.run(1, &by("b"), &open), Err(Error::NotLeader));
    assert_eq!(world.run(1, &by("c"), &open), Err(Error::NotJoined));
    world.run(1, &by("a"), &open).unwrap();
    let mut world = World::of(game(), &["a", "b"]);
    world.run(1, &by("b"), &open).unwrap();
    assert_eq!(world.run(1, &by("x"), &open), Err(Error::NotAMember));
}

#[test]
fn row_7_visible_and_private_sessions_admit_the_reserved_alone() {
    for visibility in [Visibility::Visible, Visibility::Private] {
        let mut world = World::of(
            SessionType {
                visibility,
                ..game()
            },
            &["a"],
        );
        let refused = world.run(0, &by("b"), &join("b", JoinedState::Active));
        assert_eq!(refused, Err(Error::NotAdmitted));
        world.run(0, &by("a"), &reserve(&["b"])).unwrap();
        world
            .run(0, &by("b"), &join("b", JoinedState::Active))
            .unwrap();
    }
}

#[test]
fn row_31_local_and_followed_joiners() {
    let with = |acquaintance, device: Option<&str>| {
        let join = Join::new(player("b"), JoinedState::Active);
        let device = device.map(str::to_owned);
        Command::Join(Join {
            acquaintance,
            device,
            ..join
        })
    };
    let admits = |joinability, command: &Command| {
        let mut first = Join::new(player("a"), JoinedState::Active);
        first.device = Some("console-1".into());
        let members = vec![NewSeat::Joined(Box::new(first))];
        let of_type = SessionType {
            joinability,
            ..game()
        };
        let new = NewSession {
            members,
            ..new_session(of_type, by("a"))
        };
        World::new(new).run(1, &by("b"), command).is_ok()
    };
    let stranger = with(Acquaintance::Stranger, None);
    let elsewhere = with(Acquaintance::Stranger, Some("console-2"));
    let local = with(Acquaintance::Stranger, Some("console-1"));
    let followed = with(Acquaintance::FollowedByMember, None);
    for (joinability, admitted) in [
        (Joinability::Public, [true, true, true, true]),
        (Joinability::Followed, [false, false, true, true]),
        (Joinability::Local, [false, false, true, false]),
        (Joinability::Private, [false, false, false, false]),
    ] {
        let tried = [&stranger, &elsewhere, &local, &followed].map(|c| admits(joinability, c));
        assert_eq!(tried, admitted, "{joinability:?}");
    }
}

#[test]
fn joiners_are_spread_over_teams_whose_places_are_limited() {
    let mut of_type = game();
    of_type.size = Size {
        teams: Some(2),
        players_per_team: 1,
        max_members: 3,
        ..of_type.size
    };
    let mut world = World::of(of_type, &["a", "b"]);
    let teams: Vec<_> = world.session.members().map(|member| member.team).collect();
    assert_eq!(teams, [Some(0), Some(1)]);
    let refusal = world
        .run(0, &by("c"), &join("c", JoinedState::Active))
        .unwrap_err();
    assert_eq!((refusal.clone(), refusal.status()), (Error::TeamFull, 409));
    let to = |team| Command::Move {
        player: player("a"),
        team,
    };
    assert_eq!(world.run(0, &by("a"), &to(1)), Err(Error::TeamFull));
    assert_eq!(world.run(0, &by("a"), &to(2)), Err(Error::NoSuchTeam(2)));
    world.run(0, &by("b"), &leave("b")).unwrap();
    world.run(0, &by("a"), &to(1)).unwrap();
    let taken: Vec<_> = world
        .session
        .header()
        .teams
        .iter()
        .map(|team| team.taken)
        .collect();
    assert_eq!(taken, [0, 1]);
}

#[test]
fn who_moves_whom_between_teams() {
    let mut of_type = game();
    of_type.size.can_change_own_team = false;
    let mut world = World::of(of_type, &["a", "b"]);
    let to = |name: &str| Command::Move {
        player: player(name),
        team: 0,
    };
    assert_eq!(
        world.run(0, &by("b"), &to("b")),
        Err(Error::CannotChangeTeam)
    );
    assert_eq!(world.run(0, &by("b"), &to("a")), Err(Error::NotLeader));
    world.run(0, &by("a"), &to("b")).unwrap();
    world.run(0, &by("b"), &leave("b")).unwrap();
    let seats = Command::Reserve {
        players: vec![(player("c"), Some(1))],
        initialize: false,
    };
    world.run(0, &by("a"), &seats).unwrap();
    let elsewhere = Join {
        team: Some(0),
        ..Join::new(player("c"), JoinedState::Active)
    };
    let refused = world.run(0, &by("c"), &Command::Join(elsewhere));
    assert_eq!(refused, Err(Error::CannotChangeTeam));
}

#[test]
fn r9_constants_are_set_once_and_properties_are_the_members_own() {
    let mut world = World::of(game(), &["a"]);
    let constants = json!({"skin": 4});
    let first = Join {
        constants: constants.clone(),
        ..Join::new(player("b"), JoinedState::Active)
    };
    world
        .run(0, &by("b"), &Command::Join(first.clone()))
        .unwrap();
    let number = world.number();
    world.run(1, &by("b"), &Command::Join(first)).unwrap();
    assert_eq!(world.number(), number, "the same again changes nothing");
    let other = Join {
        constants: json!(5),
        ..Join::new(player("b"), JoinedState::Active)
    };
    let refusal = world.run(1, &by("b"), &Command::Join(other)).unwrap_err();
    assert_eq!(refusal.status(), 409);
    let colour = Command::UpdateMember {
        player: player("b"),
        state: None,
        custom_data: None,
        custom: Some(json!({"colour": "red"})),
    };
    for actor in [by("a"), Actor::Server, Actor::Service] {
        assert_eq!(world.run(1, &actor, &colour), Err(Error::NotOwnMember));
    }
    world.run(1, &by("b"), &colour).unwrap();
    let member = world.session.member_of(&player("b")).unwrap();
    assert_eq!(
        (&member.constants, &member.custom),
        (&constants, &json!({"colour": "red"}))
    );
}

#[test]
fn r12_who_joins_again_keeps_what_he_leaves_out() {
    let mut world = World::of(game(), &["a"]);
    let data = CustomData::from([("colour".to_owned(), "red".to_owned())]);
    let first = Join {
        team: Some(1),
        device: Some("console".into()),
        custom_data: data.clone(),
        custom: json!(1),
        ..Join::new(player("b"), JoinedState::Active)
    };
    world.run(0, &by("b"), &Command::Join(first)).unwrap();
    let b = |world: &World| Member::clone(world.session.member_of(&player("b")).unwrap());
    let before = b(&world);
    let again = join("b", JoinedState::Ready);
    world.run(1, &by("b"), &again).unwrap();
    let after = Member {
        state: MemberState::Ready,
        since: at(1),
        version: 3,
        ..before
    };
    assert_eq!(b(&world), after);
    // What he brings is taken: his data, his place, and what his newest token says.
    let rest = Join {
        team: Some(0),
        device: Some("handheld".into()),
        claims: [("rank".parse().unwrap(), crate::ticket::Value::Number(3.0))].into(),
        follows: vec![player("x")],
        custom_data: CustomData::from([("colour".to_owned(), "blue".to_owned())]),
        custom: json!(2),
        ..Join::new(player("b"), JoinedState::Ready)
    };
    world
        .run(2, &by("b"), &Command::Join(rest.clone()))
        .unwrap();
    let after = Member {
        team: rest.team,
        device: rest.device,
        claims: rest.claims,
        follows: rest.follows,
        custom_data: rest.custom_data,
        custom: rest.custom,
        version: 4,
        ..after
    };
    assert_eq!(b(&world), after);
    let refused = world.run(3, &Actor::Server, &again);
    assert_eq!(refused, Err(Error::AlreadyMember));
}

#[test]
fn r8_any_joined_member_writes_session_properties() {
    let mut world = World::of(game(), &["a", "b"]);
    let update = Command::Update(Update {
        custom: Some(json!({"map": null})),
        teams: [(
            1,
            CustomData::from([("side".to_owned(), "attack".to_owned())]),
        )]
        .into(),
        ..Update::default()
    });
    let changes = world.run(1, &by("b"), &update).unwrap();
    assert_eq!(
        changes.events,
        [Event::HeaderChanged(
            crate::subscriptions::ChangeType::CustomProperty
        )]
    );
    assert_eq!(world.session.header().custom, json!({"map": null}));
    assert_eq!(world.session.header().teams[1].custom_data.len(), 1);
    assert!(
        world.run(2, &by("b"), &update).unwrap().is_empty(),
        "the same again is no change"
    );
    let nowhere = Update {
        teams: [(2, CustomData::new())].into(),
        ..Update::default()
    };
    assert_eq!(
        world.run(2, &by("b"), &Command::Update(nowhere)),
        Err(Error::NoSuchTeam(2))
    );
}

#[test]
fn whose_turn_it_is_are_joined_members_each_once() {
    let names: Vec<String> = (0..=TURN_MAX).map(|n| format!("p{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut of_type = game();
    of_type.size.max_members = 150;
    of_type.size.players_per_team = 75;
    let mut world = World::of(of_type, &names);
    world.run(0, &by("p0"), &reserve(&["r"])).unwrap();
    let turn = |of: Vec<u32>| {
        Command::Update(Update {
            turn: Some(of),
            ..Update::default()
        })
    };
    let all = u32::try_from(TURN_MAX).unwrap();
    for good in [vec![3, 1], (0..all).collect(), Vec::new()] {
        world.run(1, &by("p5"), &turn(good.clone())).unwrap();
        assert_eq!(world.session.header().turn, good);
    }
    for wrong in [(0..=all).collect(), vec![1, 1], vec![all + 1], vec![900]] {
        let refusal = world.run(1, &by("p5"), &turn(wrong)).unwrap_err();
        assert_eq!(refusal.status(), 422);
    }
    // Who goes is passed over.
    world.run(2, &by("p5"), &turn(vec![3, 1, 2])).unwrap();
    world.run(3, &by("p1"), &leave("p1")).unwrap();
    assert_eq!(world.session.header().turn, [3, 2]);
}

#[test]
fn documents_have_a_size_limit() {
    let mut world = World::of(game(), &["a"]);
    let long = json!("x".repeat(SESSION_CUSTOM_BYTES_MAX));
    let update = Update {
        custom: Some(long.clone()),
        ..Update::default()
    };
    let refusal = world
        .run(1, &by("a"), &Command::Update(update))
        .unwrap_err();
    assert_eq!(
        refusal,
        Error::TooLarge {
            document: "session's own data",
            limit: SESSION_CUSTOM_BYTES_MAX
        }
    );
    let big = Join {
        custom: long,
        ..Join::new(player("b"), JoinedState::Active)
    };
    let refusal = world.run(1, &by("b"), &Command::Join(big)).unwrap_err();
    assert_eq!(
        refusal,
        Error::TooLarge {
            document: "member",
            limit: MEMBER_BYTES_MAX
        }
    );
}

#[test]
fn row_12_leader_and_servers_kick_and_others_leave() {
    let mut world = World::of(game(), &["a", "b", "c"]);
    assert_eq!(world.run(1, &by("b"), &kick("c")), Err(Error::NotLeader));
    assert_eq!(
        world.run(1, &by("b"), &leave("c")),
        Err(Error::NotOwnMember)
    );
    let changes = world.run(1, &by("a"), &kick("c")).unwrap();
    let kicked = Event::MemberRemoved {
        index: 2,
        player: player("c"),
        from: MemberState::Active,
        reason: RemovalReason::Kicked,
    };
    assert_eq!(changes.events, [kicked]);
    world.run(1, &Actor::Server, &kick("b")).unwrap();
    assert_eq!(world.run(1, &by("a"), &kick("x")), Err(Error::NoSuchMember));
}

#[test]
fn a_reserved_player_who_leaves_declines() {
    let mut world = World::of(game(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let changes = world.run(1, &by("b"), &leave("b")).unwrap();
    assert!(matches!(
        &changes.events[..],
        [Event::MemberRemoved {
            reason: RemovalReason::Declined,
            ..
        }]
    ));
    assert!(!changes.party_changed());
}

#[test]
fn an_index_is_never_used_twice() {
    let mut world = World::of(game(), &["a", "b"]);
    world.run(1, &by("b"), &leave("b")).unwrap();
    world
        .run(2, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.session.member_of(&player("b")).unwrap().index, 2);
}

#[test]
fn a_deleted_session_takes_no_command() {
    let mut world = World::of(game(), &["a", "b"]);
    assert_eq!(
        world.run(1, &by("b"), &Command::Delete),
        Err(Error::NotLeader)
    );
    let mut draft = world.session.draft();
    draft.apply(&by("a"), &Command::Delete, at(1)).unwrap();
    let refused = draft.apply(&by("b"), &leave("b"), at(1));
    assert_eq!(refused, Err(Error::SessionEnded));
    let changes = draft.finish(at(1));
    assert_eq!(changes.members, [(0, None), (1, None)]);
    assert!(changes.deleted);
}

#[test]
fn r10_what_stands_of_a_server_is_its_own_and_its_constants_are_set_as_it_comes() {
    let mut world = World::of(game(), &["a"]);
    let put = |name: &str, constants, custom| Command::PutServer {
        name: name.parse().unwrap(),
        constants,
        custom,
    };
    let first = put("Director", json!({"seed": 7}), Some(json!(1)));
    for nobody in [by("a"), Actor::Admin] {
        assert_eq!(world.run(0, &nobody, &first), Err(Error::NotServer));
    }
    world.run(0, &Actor::Server, &first).unwrap();
    // The same name in other letters is the same server.
    let again = put("DIRECTOR", json!(null), Some(json!(2)));
    world.run(0, &Actor::Server, &again).unwrap();
    let other = put("director", json!(8), None);
    let refusal = world.run(0, &Actor::Server, &other).unwrap_err();
    assert_eq!(refusal.status(), 409);
    let servers = &world.session.header().servers;
    let expected = Participant {
        constants: json!({"seed": 7}),
        custom: json!(2),
    };
    assert_eq!(
        servers.iter().collect::<Vec<_>>(),
        [(&"Director".parse().unwrap(), &expected)]
    );
    let same = put("director", json!({"seed": 7}), None);
    assert!(world.run(1, &Actor::Server, &same).unwrap().is_empty());
    let remove = |name: &str| Command::RemoveServer {
        name: name.parse().unwrap(),
    };
    let refusal = world.run(1, &Actor::Server, &remove("referee"));
    assert_eq!(refusal, Err(Error::NoSuchServer));
    assert_eq!(
        world.run(1, &by("a"), &remove("director")),
        Err(Error::NotServer)
    );
    world.run(1, &Actor::Server, &remove("director")).unwrap();
    assert!(world.session.header().servers.is_empty());
}

#[test]
fn r10_a_session_has_servers_up_to_its_limit() {
    let mut world = World::of(game(), &["a"]);
    let put = |number: usize| Command::PutServer {
        name: format!("s{number}").parse().unwrap(),
        constants: json!(null),
        custom: None,
    };
    for number in 0..SERVERS_MAX {
        world.run(0, &Actor::Server, &put(number)).unwrap();
    }
    let refusal = world.run(0, &Actor::Server, &put(SERVERS_MAX));
    assert_eq!(refusal.unwrap_err().status(), 422);
    assert!(world.run(0, &Actor::Server, &put(0)).unwrap().is_empty());
}
