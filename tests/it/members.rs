//! Members, leaders and documents over HTTP: who may write what, who may do what to whom.

use model::wire::{CreateSession, JoinSession, MemberState, UpdateMember, UpdateSession};
use sdk::{Condition, Who};
use serde_json::json;
use tests::world::{
    LAW_TYPES, World, active, create, create_with, flags, join, of, refused, states,
};
use tests::{TestServer, player, raw, run};

use MemberState::{Active, Inactive, Ready, Reserved};

#[test]
fn r8_properties_of_the_session_are_any_joined_member_s_to_write_and_nobody_else_s() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let id = create_with(&ann, "Teams", &["cid"]).await.id;
        join(&bob, id).await.expect("a seat");
        let write = |value: serde_json::Value| UpdateSession {
            custom: Some(value),
            custom_data: Some([("map".to_owned(), "B".to_owned())].into()),
            ..UpdateSession::default()
        };
        let custom = json!({ "round": 3, "deep": { "null": null, "list": [1, [2.5]] } });
        let read = bob
            .update_session(id, &write(custom.clone()), Condition::Always)
            .await
            .expect("a member's right");
        assert_eq!(read.custom, custom);
        // A field is replaced whole (R11).
        let read = ann
            .update_session(id, &write(json!({ "x": 1 })), Condition::Always)
            .await
            .expect("a member's right");
        assert_eq!(
            (read.custom.clone(), read.members.len()),
            (json!({ "x": 1 }), 3)
        );
        for stranger in [&cid, &dan] {
            let refusal = stranger
                .update_session(id, &write(json!(7)), Condition::Always)
                .await;
            refused(refusal, 403, "not-member");
        }
        let unchanged = ann.session(id).await.expect("it");
        assert_eq!(unchanged.change_number, read.change_number);
        // Row 30: with joinability_by leader the members may write all but the joinability.
        let patient = create(&ann, "Patient").await.id;
        join(&bob, patient).await.expect("a seat");
        bob.update_session(patient, &write(json!(1)), Condition::Always)
            .await
            .expect("a member's right");
        let shut = UpdateSession {
            joinability: Some(model::session_type::Joinability::Private),
            ..UpdateSession::default()
        };
        let by_bob = bob.update_session(patient, &shut, Condition::Always).await;
        refused(by_bob, 403, "not-leader");
        ann.update_session(patient, &shut, Condition::Always)
            .await
            .expect("the leader's right");
        world.stop().await;
    });
}

#[test]
fn r9_a_member_s_constants_are_set_as_he_joins_and_his_properties_are_his_alone() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob, backend) = (world.player("ann"), world.player("bob"), world.backend());
        let id = create(&ann, "Teams").await.id;
        let body = JoinSession {
            constants: json!({ "platform": "pc", "null": null }),
            custom: json!({ "colour": "red" }),
            custom_data: [("weapon".to_owned(), "bow".to_owned())].into(),
            ..active()
        };
        let joined = bob.join(id, Who::Me, &body).await.expect("a seat");
        assert_eq!(joined.members[1].constants, body.constants);
        assert_eq!(joined.members[1].custom, body.custom);
        let blue = UpdateMember {
            custom: Some(json!({ "colour": "blue" })),
            ..UpdateMember::default()
        };
        let read = bob.update_member(id, Who::Me, &blue).await.expect("his");
        assert_eq!(read.members[1].custom, json!({ "colour": "blue" }));
        assert_eq!(read.members[1].custom_data, body.custom_data, "left out");
        // Not the leader, not a server, not an operator.
        let bobs = player("bob");
        let whose = Who::Player(&bobs);
        for other in [&ann, &backend, &world.admin()] {
            refused(
                other.update_member(id, whose, &blue).await,
                403,
                "forbidden",
            );
        }
        refused(ann.join(id, whose, &body).await, 403, "forbidden");
        // A server may join a player, once; afterwards the properties are the member's own.
        let cids = player("cid");
        backend
            .join(id, Who::Player(&cids), &active())
            .await
            .expect("a seat for cid");
        refused(backend.join(id, whose, &body).await, 409, "already-member");
        // Joining again sets his state and properties; another value for a constant is refused.
        let again = JoinSession {
            custom: json!({ "colour": "green" }),
            ready: true,
            ..JoinSession::default()
        };
        let read = bob.join(id, Who::Me, &again).await.expect("his");
        assert_eq!(read.members[1].state, Ready);
        assert_eq!(read.members[1].custom, json!({ "colour": "green" }));
        assert_eq!(read.members[1].constants, body.constants);
        let other = JoinSession {
            constants: json!({ "platform": "console" }),
            ..active()
        };
        refused(
            bob.join(id, Who::Me, &other).await,
            409,
            "constants-conflict",
        );
        let unchanged = bob.session(id).await.expect("it");
        assert_eq!(unchanged.members[1].state, Ready);
        world.stop().await;
    });
}

#[test]
fn r17_r18_the_sample_party_is_private_and_the_sample_game_has_teams() {
    run(async {
        let database = tests::Database::new(tests::Kind::Sqlite, "").await;
        let database = database.expect("SQLite");
        let mut yaml = String::new();
        for file in model::config::read_dir(&tests::samples())
            .expect("the samples")
            .files
        {
            yaml.push_str(&file.text);
            yaml.push_str("\n---\n");
        }
        let yaml = yaml.trim_end().trim_end_matches("---").to_owned();
        let setup = tests::Setup {
            session_types: yaml,
            ..tests::Setup::default()
        };
        let server = TestServer::start(&database, setup).await;
        let (ann, bob) = (server.player("ann"), server.player("bob"));
        let party = create(&ann, "Party").await;
        refused(join(&bob, party.id).await, 403, "not-admitted");
        let game = ann.session_type(&"Game".parse().expect("a name")).await;
        assert!(game.expect("the type").teams > 1);
        let party = ann.session_type(&"party".parse().expect("a name")).await;
        assert!(party.expect("the type").can_join_matchmaking);
        server.stop().await;
    });
}

#[test]
fn r25_a_reserved_player_takes_a_seat_has_not_joined_and_may_decline() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let made = create_with(&ann, "Pair", &["bob"]).await;
        assert_eq!(states(&made), [("ann", Active), ("bob", Reserved)]);
        assert_eq!(made.members[1].joined_at, None);
        refused(join(&cid, made.id).await, 409, "session-full");
        refused(
            bob.update_member(made.id, Who::Me, &flags(None, Some(true)))
                .await,
            409,
            "reserved-only",
        );
        refused(
            ann.promote(made.id, &player("bob")).await,
            409,
            "reserved-only",
        );
        let declined = bob.leave(made.id, Who::Me).await.expect("his to decline");
        assert_eq!(states(&declined.expect("ann's")), [("ann", Active)]);
        join(&cid, made.id).await.expect("the free seat");
        // Only the leader, and servers, reserve; all of them or none.
        let lobby = create(&ann, "Lobby").await.id;
        join(&bob, lobby).await.expect("a seat");
        let seats = |names: &[&str]| model::wire::Reserve {
            players: names.iter().map(|name| tests::world::seat(name)).collect(),
            initialize: false,
        };
        refused(
            bob.reserve(lobby, &seats(&["dan"])).await,
            403,
            "not-leader",
        );
        refused(
            ann.reserve(lobby, &seats(&["dan", "bob"])).await,
            409,
            "already-member",
        );
        assert_eq!(ann.session(lobby).await.expect("it").members.len(), 2);
        world.stop().await;
    });
}

#[test]
fn r26_r27_ready_is_on_the_way_and_active_takes_part() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create_with(&ann, "Pair", &["bob"]).await.id;
        let ready = JoinSession {
            ready: true,
            ..JoinSession::default()
        };
        world.at(29_999);
        let joined = bob.join(id, Who::Me, &ready).await.expect("his seat");
        assert_eq!(states(&joined), [("ann", Active), ("bob", Ready)]);
        // The reservation's clock is over with the reservation; active has no clock at all.
        world.at(100_000);
        let playing = bob
            .update_member(id, Who::Me, &flags(None, Some(true)))
            .await
            .expect("his");
        assert_eq!(states(&playing), [("ann", Active), ("bob", Active)]);
        world.at(400 * 86_400_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Active)]);
        assert_eq!(read.change_number, playing.change_number);
        world.stop().await;
    });
}

#[test]
fn r28_an_inactive_member_keeps_his_seat_and_nobody_else_makes_him_inactive() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Pair").await.id;
        join(&bob, id).await.expect("a seat");
        let bobs = player("bob");
        let off = flags(None, Some(false));
        for other in [&ann, &world.backend(), &world.admin()] {
            let refusal = other.update_member(id, Who::Player(&bobs), &off).await;
            refused(refusal, 403, "forbidden");
        }
        let read = bob.update_member(id, Who::Me, &off).await.expect("his");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        refused(join(&cid, id).await, 409, "session-full");
        world.stop().await;
    });
}

#[test]
fn r66_row8_the_leader_kicks_and_promotes_a_member_does_not_and_a_host_has_no_power_over_members() {
    run(async {
        let world = World::new().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Room").await.id;
        for player in [&bob, &cid] {
            join(player, id).await.expect("a seat");
        }
        let [anns, bobs, cids] = ["ann", "bob", "cid"].map(player);
        refused(bob.leave(id, Who::Player(&cids)).await, 403, "not-leader");
        refused(bob.promote(id, &bobs).await, 403, "not-leader");
        let mut host = tests::Host::start(&world.server, "arena", "eu-west").await;
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        host.open(id).await;
        refused(
            host.client.leave(id, Who::Player(&cids)).await,
            403,
            "forbidden",
        );
        let promoted = ann.promote(id, &bobs).await.expect("the leader's right");
        assert_eq!(promoted.leader, Some(bobs.clone()));
        refused(ann.leave(id, Who::Player(&cids)).await, 403, "not-leader");
        let kicked = bob.leave(id, Who::Player(&cids)).await.expect("a kick");
        assert_eq!(kicked.map(|session| session.members.len()), Some(2));
        // A server may, too.
        let kicked = world.backend().leave(id, Who::Player(&anns)).await;
        assert_eq!(kicked.expect("a kick").expect("bob's").members.len(), 1);
        world.stop().await;
    });
}

#[test]
fn row41_the_leader_is_waited_for_and_then_the_oldest_joined_member_leads() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Patient").await.id;
        for (at, player) in [(1_000, &cid), (2_000, &bob)] {
            world.at(at);
            join(player, id).await.expect("a seat");
        }
        world.at(10_000);
        let off = flags(None, Some(false));
        ann.update_member(id, Who::Me, &off).await.expect("hers");
        world.at(39_999);
        assert_eq!(
            cid.session(id).await.expect("it").leader,
            Some(player("ann"))
        );
        world.at(40_000);
        assert_eq!(
            cid.session(id).await.expect("it").leader,
            Some(player("cid"))
        );
        // Without a grace the next one leads in the same write.
        let id = create(&ann, "Lobby").await.id;
        join(&bob, id).await.expect("a seat");
        let left = ann.leave(id, Who::Me).await.expect("a way out");
        assert_eq!(left.expect("bob's").leader, Some(player("bob")));
        world.stop().await;
    });
}

#[test]
fn teams_are_filled_evenly_and_members_move_themselves_where_the_type_lets_them() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let names = ["ann", "bob", "cid", "dan"];
        let [ann, bob, cid, dan] = names.map(|name| world.player(name));
        let id = create(&ann, "Teams").await.id;
        for player in [&bob, &cid] {
            join(player, id).await.expect("a seat");
        }
        let read = ann.session(id).await.expect("it");
        let teams: Vec<_> = read.members.iter().map(|one| one.team).collect();
        assert_eq!(teams, [Some(0), Some(1), Some(0)]);
        refused(bob.move_member(id, Who::Me, 0).await, 409, "team-full");
        refused(bob.move_member(id, Who::Me, 2).await, 422, "invalid");
        let moved = cid.move_member(id, Who::Me, 1).await.expect("his to do");
        assert_eq!(moved.members[2].team, Some(1));
        let bobs = player("bob");
        refused(
            cid.move_member(id, Who::Player(&bobs), 0).await,
            403,
            "not-leader",
        );
        let wish = JoinSession {
            team: Some(1),
            ..active()
        };
        refused(dan.join(id, Who::Me, &wish).await, 409, "team-full");
        let fixed = create(&ann, "FixedTeams").await.id;
        join(&bob, fixed).await.expect("a seat");
        refused(bob.move_member(fixed, Who::Me, 0).await, 403, "forbidden");
        ann.move_member(fixed, Who::Player(&bobs), 0)
            .await
            .expect("the leader's right");
        world.stop().await;
    });
}

#[test]
fn row9_two_who_race_for_one_version_get_one_200_and_one_412_with_the_winner_s_document() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Teams").await.id;
        join(&bob, id).await.expect("a seat");
        let tag = ann.session_versioned(id).await.expect("it").etag;
        let claim = |name: &str| UpdateSession {
            custom: Some(json!({ "host": name })),
            ..UpdateSession::default()
        };
        let (anns, bobs) = (claim("ann"), claim("bob"));
        let (first, second) = tokio::join!(
            ann.update_session(id, &anns, Condition::Unchanged(&tag)),
            bob.update_session(id, &bobs, Condition::Unchanged(&tag)),
        );
        let (won, lost) = match (first, second) {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            other => panic!("one of two must win: {other:?}"),
        };
        let sdk::Error::Problem {
            status, problem, ..
        } = lost
        else {
            panic!("not a refusal: {lost}");
        };
        assert_eq!(status, 412);
        let current: model::wire::Session =
            serde_json::from_value(problem.extensions["current"].clone()).expect("a session");
        assert_eq!(current, won);
        world.stop().await;
    });
}

#[test]
fn creation_is_for_those_whom_the_type_names() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        refused(ann.create_session(&of("Official")).await, 403, "forbidden");
        let with_me = CreateSession {
            me: Some(active()),
            ..of("Official")
        };
        let by_server = world.backend().create_session(&with_me).await;
        refused(by_server, 422, "invalid");
        world.stop().await;
    });
}

/// The largest custom JSON that a member may keep.
async fn fill(client: &sdk::Client, id: model::SessionId) {
    let mut length = 4_096;
    loop {
        let full = UpdateMember {
            custom: Some(json!("x".repeat(length))),
            ..UpdateMember::default()
        };
        match client.update_member(id, Who::Me, &full).await {
            Ok(_) => return,
            Err(error) => assert_eq!(error.status(), Some(422), "{error}"),
        }
        length -= 1;
    }
}

#[test]
fn r49_a_member_whose_document_is_full_is_settled_like_any_other() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Watched").await.id;
        join(&bob, id).await.expect("a seat");
        fill(&bob, id).await;
        // Bob falls silent: "inactive" is longer than "active".
        world.at(100_000);
        let read = ann.session(id).await.expect("it is settled");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        // Whoever is the heir becomes the leader, full or not.
        ann.leave(id, Who::Me).await.expect("she may");
        let read = bob.session(id).await.expect("it");
        assert_eq!(read.leader, Some(player("bob")));
        world.stop().await;
    });
}

#[test]
fn a_dry_run_gives_nobody_the_tag_of_what_somebody_else_will_write() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let made = create(&ann, "Teams").await;
        let token = raw::token(&raw::claims(model::wire::PrincipalKind::Player, "ann"));
        let dry = raw::Request {
            method: "PATCH",
            path: &format!("/v1/sessions/{}?dry_run=true", made.id),
            token: Some(&token),
            headers: &[],
            body: br#"{"custom":{"x":"A"}}"#,
        };
        let answer = raw::send(&world.server.url, dry).await;
        assert_eq!(
            (answer.status, &answer.body["custom"]["x"]),
            (200, &json!("A"))
        );
        let before = ann.session_versioned(made.id).await.expect("it");
        assert_eq!(answer.header("etag"), Some(before.etag.as_str()));
        world.stop().await;
    });
}
