//! Making sessions: constants, who may, whom it holds (R1-R4, R7, R16-R18, R22).

use serde_json::json;

use super::*;

#[test]
fn r2_a_session_carries_its_type_id_region_teams_and_custom_data() {
    let data = CustomData::from([("mode".to_owned(), "ranked".to_owned())]);
    let new = NewSession {
        region: Some("eu-west".parse().unwrap()),
        custom_data: data.clone(),
        team_names: vec!["red".parse().unwrap(), "blue".parse().unwrap()],
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(game(), by("a"))
    };
    let (session, changes) = Session::create(new, at(9)).unwrap();
    let header = session.header();
    assert_eq!(header.id, SessionId(id(1)));
    assert_eq!(
        (header.session_type.as_str(), header.type_revision),
        ("Game", 7)
    );
    assert_eq!(header.region.as_ref().unwrap().as_str(), "eu-west");
    assert_eq!(header.teams.len(), 2);
    assert_eq!(header.teams[1].name.as_ref().unwrap().as_str(), "blue");
    assert_eq!(
        (header.custom_data.clone(), header.change_number),
        (data, 1)
    );
    assert_eq!((header.created_at, header.branch), (at(9), id(2)));
    assert_eq!(session.leader().unwrap().player, player("a"));
    assert_eq!(changes.header.as_ref(), Some(header));
    assert_eq!(changes.members.len(), 1);
}

#[test]
fn r1_r17_r18_the_type_alone_makes_a_party_or_a_game() {
    let world = World::of(party(), &["a"]);
    assert_eq!(world.session.header().teams.len(), 1);
    assert_eq!(world.session.header().joinability, Joinability::Private);
    let world = World::of(game(), &["a"]);
    assert_eq!(world.session.header().teams.len(), 2);
    assert_eq!(world.session.header().joinability, Joinability::Public);
}

#[test]
fn r16_a_session_keeps_the_constants_that_it_was_made_with() {
    let mut world = World::of(game(), &["a"]);
    let constants = world.session.constants().clone();
    world
        .run(1, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert!(Arc::ptr_eq(&constants, world.session.constants()));
    assert_eq!(
        constants.type_revision,
        world.session.header().type_revision
    );
}

#[test]
fn r22_what_the_type_writes_may_be_repeated_but_not_changed() {
    let ask = |visibility, max_members| {
        let members = vec![joined("a", JoinedState::Active)];
        let new = new_session(game(), by("a"));
        Session::create(
            NewSession {
                members,
                visibility,
                max_members,
                ..new
            },
            at(0),
        )
    };
    assert!(ask(Some(Visibility::Open), Some(8)).is_ok());
    let refusal = ask(Some(Visibility::Private), None).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::FixedByType("visibility"), 409)
    );
    assert_eq!(
        ask(None, Some(4)).unwrap_err(),
        Error::FixedByType("size.max_members")
    );
}

#[test]
fn r22_what_the_type_leaves_open_is_the_creators() {
    let mut constants = Constants::new(Arc::new(game()), 7);
    constants.written = BTreeSet::from([TypeConstant::Joinability]);
    let new = NewSession {
        constants: Arc::new(constants),
        visibility: Some(Visibility::Private),
        max_members: Some(2),
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(game(), by("a"))
    };
    let changed = NewSession {
        joinability: Some(Joinability::Local),
        ..new.clone()
    };
    let refusal = Session::create(changed, at(0)).unwrap_err();
    assert_eq!(refusal, Error::FixedByType("joinability"));
    let (session, _) = Session::create(new, at(0)).unwrap();
    assert_eq!(
        (session.visibility(), session.max_members()),
        (Visibility::Private, 2)
    );
    assert!(!session.is_visible_to(&looker(&player("b"))));
    assert!(session.is_visible_to(&looker(&player("a"))));
}

#[test]
fn r7_schemaless_constants_survive_the_store_and_no_command_changes_them() {
    let custom = json!({"nested": {"null": null, "n": [1, 2.5, -3e-7]}, "empty": {}});
    let new = NewSession {
        constants_custom: custom.clone(),
        custom: custom.clone(),
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(game(), by("a"))
    };
    let (session, _) = Session::create(new, at(0)).unwrap();
    let text = session.header().to_json().unwrap();
    let header = Header::from_json(&text).unwrap();
    assert_eq!(&header, &**session.header());
    assert_eq!(
        (header.constants_custom, header.custom),
        (custom.clone(), custom)
    );
}

#[test]
fn row20_an_empty_create_that_would_end_at_once_is_422() {
    let refusal = Session::create(new_session(game(), Actor::Server), at(0)).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::EmptyCreate, 422)
    );
    let mut of_type = game();
    of_type.timeouts.session_empty = Some(Millis(500));
    let (session, changes) = Session::create(new_session(of_type, Actor::Server), at(0)).unwrap();
    assert_eq!(changes.header.unwrap().change_number, 1);
    assert_eq!(session.next_timer(), Some(at(500)));
}

#[test]
fn who_may_create_is_the_types_word() {
    let mut of_type = game();
    of_type.creation = Creation {
        by_players: false,
        by_servers: false,
        by_matchmaking: false,
    };
    let create = |actor, match_id| {
        let members = vec![NewSeat::Reserved {
            player: player("a"),
            team: None,
        }];
        let new = NewSession {
            members,
            match_id,
            ..new_session(of_type.clone(), actor)
        };
        Session::create(new, at(0)).map(|_| ())
    };
    let matched = Some(crate::MatchId(id(4)));
    assert_eq!(create(by("a"), None), Err(Error::CreationNotAllowed));
    assert_eq!(create(Actor::Server, None), Err(Error::CreationNotAllowed));
    assert_eq!(
        create(Actor::Service, matched),
        Err(Error::CreationNotAllowed)
    );
    assert_eq!(create(Actor::Service, None), Ok(()));
    assert_eq!(create(Actor::Admin, None), Ok(()));
}

#[test]
fn a_player_seats_himself_and_reserves_for_others() {
    let create = |members| {
        Session::create(
            NewSession {
                members,
                ..new_session(party(), by("a"))
            },
            at(0),
        )
        .map(|_| ())
    };
    let guest = NewSeat::Reserved {
        player: player("b"),
        team: None,
    };
    assert_eq!(
        create(vec![joined("a", JoinedState::Inactive), guest.clone()]),
        Ok(())
    );
    let dragged = vec![
        joined("a", JoinedState::Active),
        joined("b", JoinedState::Active),
    ];
    assert_eq!(create(dragged), Err(Error::NotOwnMember));
    assert_eq!(create(vec![guest]), Err(Error::NotAMember));
    let twice = vec![
        joined("a", JoinedState::Active),
        joined("a", JoinedState::Active),
    ];
    assert_eq!(create(twice), Err(Error::AlreadyMember));
}

#[test]
fn r3_custom_data_keeps_to_the_types_limits() {
    let mut of_type = game();
    of_type.custom_data_limits = CustomDataLimits {
        keys: 1,
        key_bytes: 2,
        value_bytes: 3,
    };
    let mut world = World::of(of_type, &["a"]);
    let mut set = |pairs: &[(&str, &str)]| {
        let data = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let update = Update {
            custom_data: Some(data),
            ..Update::default()
        };
        world.run(1, &by("a"), &Command::Update(update)).map(|_| ())
    };
    assert_eq!(set(&[("ab", "abc")]), Ok(()));
    for over in [
        &[("a", "b"), ("c", "d")][..],
        &[("abc", "")],
        &[("a", "abcd")],
    ] {
        assert_eq!(set(over).unwrap_err().status(), 422);
    }
}
