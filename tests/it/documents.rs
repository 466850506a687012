//! What stands in a session's document over HTTP, how it is written, and how its members find it again.

use model::wire::{
    Capabilities, CreateSession, MemberState, NoticeKind, PrincipalKind, PutServer, UpdateMember,
    UpdateSession,
};
use sdk::{Condition, Who};
use serde_json::json;
use tests::world::{
    LAW_TYPES, World, active, create, create_with, flags, join, of, refused, states,
};
use tests::{player, raw, run};

/// A write of one field.
fn custom(value: serde_json::Value) -> UpdateSession {
    UpdateSession {
        custom: Some(value),
        ..UpdateSession::default()
    }
}

#[test]
fn r6_the_studio_s_own_json_is_kept_and_never_acted_on() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let ours = json!({
            "closed": true, "joinability": "private", "max_members": 1, "leader": "bob",
            "system": { "timeouts": { "session_empty": 0 } },
        });
        let body = CreateSession {
            custom: ours.clone(),
            constants: ours.clone(),
            ..of("Teams")
        };
        let made = ann.create_session(&body).await.expect("a session");
        let read = join(&bob, made.id)
            .await
            .expect("nothing of it closes the session");
        assert_eq!((&read.custom, &read.constants), (&ours, &ours));
        assert_eq!(read.leader, Some(player("ann")));
        world.stop().await;
    });
}

#[test]
fn r11_a_field_is_replaced_whole_and_what_is_left_out_stays() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let id = create(&ann, "Teams").await.id;
        let both = UpdateSession {
            custom: Some(json!({ "map": "A", "rounds": [1, 2] })),
            custom_data: Some([("k".to_owned(), "1".to_owned())].into()),
            ..UpdateSession::default()
        };
        let written = ann.update_session(id, &both, Condition::Always).await;
        written.expect("a member's right");
        let other = custom(json!({ "map": "B" }));
        let read = ann.update_session(id, &other, Condition::Always).await;
        let read = read.expect("a member's right");
        assert_eq!(read.custom, json!({ "map": "B" }), "nothing is merged");
        assert_eq!(read.custom_data["k"], "1", "what is left out stays");
        // The same holds for a member's own fields.
        let member = |custom: Option<serde_json::Value>, data: Option<&str>| UpdateMember {
            custom,
            custom_data: data.map(|value| [("k".to_owned(), value.to_owned())].into()),
            ..UpdateMember::default()
        };
        for body in [
            member(Some(json!({ "a": 1, "b": 2 })), Some("7")),
            member(Some(json!({ "b": 3 })), None),
        ] {
            let written = ann.update_member(id, Who::Me, &body);
            written.await.expect("his own");
        }
        let read = ann.session(id).await.expect("it");
        assert_eq!(read.members[0].custom, json!({ "b": 3 }));
        assert_eq!(read.members[0].custom_data["k"], "7");
        world.stop().await;
    });
}

#[test]
fn r12_false_and_empty_are_the_same_as_absent() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let made = create(&ann, "Teams").await;
        let nothing = UpdateSession {
            closed: Some(false),
            custom_data: Some(Default::default()),
            ..UpdateSession::default()
        };
        let read = ann
            .update_session(made.id, &nothing, Condition::Always)
            .await;
        assert_eq!(read.expect("a member's right"), made, "nothing has changed");
        let set = UpdateSession {
            custom_data: Some([("k".to_owned(), "1".to_owned())].into()),
            ..UpdateSession::default()
        };
        let read = ann.update_session(made.id, &set, Condition::Always).await;
        let set = read.expect("a member's right");
        let read = ann
            .update_session(made.id, &nothing, Condition::Always)
            .await;
        let cleared = read.expect("a member's right");
        assert_eq!(cleared.change_number, set.change_number + 1);
        assert_eq!(cleared.custom_data, made.custom_data);
        let text = serde_json::to_value(&cleared).expect("JSON");
        assert!(text.get("custom_data").is_none(), "{text}");
        // Neither ready nor active is inactive, said or not.
        let said = flags(Some(false), Some(false));
        let read = ann.update_member(made.id, Who::Me, &said);
        let read = read.await.expect("his own");
        assert_eq!(states(&read), [("ann", MemberState::Inactive)]);
        world.stop().await;
    });
}

#[test]
fn r21_every_session_is_made_of_one_template_and_keeps_it() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        refused(ann.create_session(&of("Nothing")).await, 404, "not-found");
        let made = create(&ann, "Plain").await;
        assert_eq!(made.r#type.as_str(), "Plain");
        // The template changes: what was made of the old one keeps it, the next one is made of the new.
        let changed = LAW_TYPES.replacen(
            "name: Plain\n",
            "name: Plain\nsize: { teams: 1, players_per_team: 1 }\njoinability: public\n",
            1,
        );
        world.server.reload(&changed);
        let next = async || create(&ann, "Plain").await;
        let mut newest = next().await;
        while newest.yaml_revision == made.yaml_revision {
            newest = next().await;
        }
        assert_eq!((newest.max_members, made.max_members), (1, 100));
        let old = ann.session(made.id).await.expect("it");
        assert_eq!(
            (old.max_members, old.yaml_revision),
            (100, made.yaml_revision)
        );
        world.stop().await;
    });
}

#[test]
fn r30_r32_who_leaves_is_removed_and_the_last_one_ends_the_session() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut mine = Vec::new();
        for of_type in ["Teams", "Pair", "Competitive"] {
            let id = create(&ann, of_type).await.id;
            mine.push(id);
        }
        join(&bob, mine[0]).await.expect("a seat");
        let left = ann.leave(mine[0], Who::Me).await.expect("his own seat");
        let left = left.expect("bob is still there");
        assert_eq!(states(&left), [("bob", MemberState::Active)]);
        // The others he finds, leaves, and so ends.
        let found = ann.my_sessions().await.expect("his");
        assert_eq!(found.len(), 2);
        for session in found {
            let ended = ann.leave(session.id, Who::Me).await.expect("his own seat");
            assert_eq!(ended, None);
            refused(world.admin().session(session.id).await, 404, "not-found");
        }
        assert_eq!(ann.my_sessions().await.expect("his"), []);
        world.stop().await;
    });
}

#[test]
fn r31_a_player_who_comes_back_finds_his_sessions_with_his_state() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let (active_in, inactive_in) = (
            create(&ann, "Teams").await.id,
            create(&ann, "Pair").await.id,
        );
        let away = flags(None, Some(false));
        let away = ann.update_member(inactive_in, Who::Me, &away);
        away.await.expect("his own");
        // As after a crash of his machine and of ours: nothing but his token is left.
        let world = world.restart().await;
        let found = world.player("ann").my_sessions().await.expect("his");
        let of = |id| {
            found
                .iter()
                .find(|session| session.id == id)
                .map(|s| s.state)
        };
        assert_eq!(of(active_in), Some(MemberState::Active));
        assert_eq!(of(inactive_in), Some(MemberState::Inactive));
        assert_eq!(found.len(), 2);
        world.stop().await;
    });
}

#[test]
fn r31_many_sessions_come_a_hundred_at_a_time() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let mut made = Vec::new();
        for _ in 0..205 {
            made.push(create(&ann, "Plain").await.id);
        }
        // Made in one millisecond of the test's clock, they are in no order of time.
        made.sort_unstable();
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let page = async |query: &str| {
            let request = raw::Request {
                method: "GET",
                path: &format!("/v1/players/me/sessions{query}"),
                token: Some(&token),
                headers: &[],
                body: b"",
            };
            raw::send(&world.server.url, request).await
        };
        let first = page("").await.body;
        assert_eq!(first["items"].as_array().map(Vec::len), Some(100));
        assert_eq!(first["next"], made[99].to_string());
        let last = page(&format!("?after={}", made[199])).await.body;
        assert_eq!(last["items"].as_array().map(Vec::len), Some(5));
        assert!(last.get("next").is_none());
        assert_eq!(page("?after=nothing").await.status, 400);
        let all = ann.my_sessions().await.expect("his");
        assert!(
            all.iter().map(|session| session.id).eq(made),
            "each once, in order"
        );
        world.stop().await;
    });
}

#[test]
fn r41_size_is_a_hundred_by_default_and_never_exceeded() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let admin = world.backend();
        let ann = world.player("ann");
        let made = create(&ann, "Plain").await;
        assert_eq!(made.max_members, 100);
        let seats = |from: usize, to: usize| model::wire::Reserve {
            players: (from..to)
                .map(|n| tests::world::seat(&format!("p{n}")))
                .collect(),
            initialize: false,
        };
        let full = admin
            .reserve(made.id, &seats(1, 100))
            .await
            .expect("99 seats");
        assert_eq!(full.members.len(), 100);
        refused(
            admin.reserve(made.id, &seats(100, 101)).await,
            409,
            "session-full",
        );
        // All of a request, or nothing of it.
        let pair = create(&ann, "Pair").await.id;
        refused(admin.reserve(pair, &seats(0, 4)).await, 409, "session-full");
        assert_eq!(admin.session(pair).await.expect("it").members.len(), 1);
        world.stop().await;
    });
}

#[test]
fn r61_r62_r70_change_numbers_tell_what_is_new_and_the_host_sees_who_comes() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Teams").await.id;
        let start = ann.events().await.expect("a page");
        join(&bob, id).await.expect("a seat");
        let long = std::time::Duration::from_secs(30);
        let page = ann.events_after(&start.cursor, long).await.expect("a page");
        let [notice] = &page.notices[..] else {
            panic!("one notice of one change: {page:?}");
        };
        assert_eq!(notice.kind, NoticeKind::Session);
        let read = ann.session(id).await.expect("it");
        assert_eq!(notice.change_number, Some(read.change_number));
        assert_eq!(states(&read)[1], ("bob", MemberState::Active));
        // With the new cursor the same change is told no second time.
        let short = std::time::Duration::from_millis(20);
        let again = ann.events_after(&page.cursor, short).await.expect("a page");
        assert_eq!(again.notices, []);
        // With the old one it is, under the same number.
        let again = ann
            .events_after(&start.cursor, short)
            .await
            .expect("a page");
        assert_eq!(again.notices, page.notices);
        // A write that changes nothing has no number.
        let same = bob.join(id, Who::Me, &active()).await.expect("again");
        assert_eq!(same.change_number, read.change_number);
        world.stop().await;
    });
}

#[test]
fn f24_a_dry_run_answers_what_a_write_would_come_to_and_writes_nothing() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let before = create_with(&ann, "Lobby", &["bob"]).await;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let ask = async |method: &str, path: &str, body: &str| {
            let request = raw::Request {
                method,
                path: &format!("/v1/sessions{path}?dry_run=true"),
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            raw::send(&world.server.url, request).await
        };
        let id = before.id;
        let closed = ask("PATCH", &format!("/{id}"), r#"{"closed":true}"#).await;
        assert_eq!((closed.status, &closed.body["closed"]), (200, &json!(true)));
        // The number that it would get is somebody else's to use.
        assert_eq!(closed.body["change_number"], before.change_number);
        let seated = r#"{"players":[{"player":"cid"}]}"#;
        let seated = ask("POST", &format!("/{id}/reservations"), seated).await;
        assert_eq!(seated.body["members"].as_array().map(Vec::len), Some(3));
        let kicked = ask("DELETE", &format!("/{id}/members/bob"), "").await;
        assert_eq!(kicked.body["members"].as_array().map(Vec::len), Some(1));
        let refused = ask("POST", &format!("/{id}/members/bob/promote"), "").await;
        assert_eq!((refused.status, refused.problem()), (409, "reserved-only"));
        let made = ask("POST", "", r#"{"type":"Teams"}"#).await;
        assert_eq!((made.status, &made.body["type"]), (200, &json!("Teams")));
        assert_eq!(ask("DELETE", &format!("/{id}"), "").await.status, 204);
        // Nothing of it happened, not even what time would have done.
        assert_eq!(ann.my_sessions().await.expect("his").len(), 1);
        world.at(30_000);
        let later = ask("PATCH", &format!("/{id}"), "{}").await;
        assert_eq!(later.body["members"].as_array().map(Vec::len), Some(1));
        let read = ann.session(id).await.expect("it");
        let next = before.change_number + 1;
        assert_eq!(read.change_number, next, "the reservation ran out once");
        assert!(!read.closed);
        let odd = raw::Request {
            method: "PATCH",
            path: &format!("/v1/sessions/{id}?dry_run=yes"),
            token: Some(&token),
            headers: &[],
            body: b"{}",
        };
        assert_eq!(raw::send(&world.server.url, odd).await.status, 400);
        world.stop().await;
    });
}

#[test]
fn f25_a_member_is_joined_only_once_with_if_none_match() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let id = create(&world.player("ann"), "Teams").await.id;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        let put = async |tag: &str| {
            let request = raw::Request {
                method: "PUT",
                path: &format!("/v1/sessions/{id}/members/me"),
                token: Some(&token),
                headers: &[("if-none-match", tag)],
                body: br#"{"active":true}"#,
            };
            raw::send(&world.server.url, request).await
        };
        assert_eq!(put("*").await.status, 201);
        let again = put("*").await;
        assert_eq!(
            (again.status, again.problem()),
            (412, "precondition-failed")
        );
        assert_eq!(again.body["current"]["id"], id.to_string());
        assert_eq!(put("\"x:1\"").await.status, 400);
        world.stop().await;
    });
}

#[test]
fn r10_servers_take_part_without_a_seat_and_what_stands_of_them_is_theirs_to_write() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, backend) = (world.player("ann"), world.backend());
        let id = create(&ann, "Hasty").await.id;
        let name = |text: &str| text.parse::<model::Name>().expect("a name");
        let came = PutServer {
            constants: json!({ "region": "eu", "deep": { "null": null } }),
            custom: Some(json!({ "round": 1 })),
        };
        let read = backend.put_server(id, &name("Director"), &came).await;
        let read = read.expect("a server's right");
        assert_eq!(read.servers.len(), 1);
        assert_eq!(read.servers[0].constants, came.constants);
        // No seat, not leader, not counted.
        assert_eq!((read.members.len(), read.teams[0].taken), (1, 1));
        assert_eq!(read.leader, Some(player("ann")));
        // Names are compared without case; what is left out stays, the constants for good.
        let round = PutServer {
            custom: Some(json!({ "round": 2 })),
            ..PutServer::default()
        };
        let read = backend.put_server(id, &name("director"), &round).await;
        let read = read.expect("its own");
        assert_eq!(read.servers.len(), 1);
        assert_eq!(read.servers[0].name.as_str(), "Director");
        assert_eq!(read.servers[0].constants, came.constants);
        assert_eq!(read.servers[0].custom, json!({ "round": 2 }));
        let again = backend.put_server(id, &name("director"), &round).await;
        assert_eq!(again.expect("its own").change_number, read.change_number);
        let other = PutServer {
            constants: json!(7),
            ..PutServer::default()
        };
        let other = backend.put_server(id, &name("Director"), &other).await;
        refused(other, 409, "constants-conflict");
        // Servers alone write it; members read it, others do not.
        for client in [&ann, &world.admin()] {
            refused(
                client.put_server(id, &name("x"), &came).await,
                403,
                "forbidden",
            );
            let gone = client.remove_server(id, &name("Director")).await;
            refused(gone, 403, "forbidden");
        }
        assert_eq!(ann.session(id).await.expect("it").servers.len(), 1);
        let stranger = world.player("bob").session(id).await.expect("it is open");
        assert_eq!(stranger.servers, []);
        refused(
            backend.remove_server(id, &name("y")).await,
            404,
            "not-found",
        );
        let left = backend.remove_server(id, &name("DIRECTOR")).await;
        assert_eq!(left.expect("its own").servers, []);
        let back = backend.put_server(id, &name("Director"), &round).await;
        assert_eq!(back.expect("it comes again").servers.len(), 1);
        // Row 42: it does not keep the session from being empty.
        assert_eq!(ann.leave(id, Who::Me).await.expect("his own seat"), None);
        refused(backend.session(id).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r13_documents_carry_the_version_of_the_contract_and_the_revision_of_their_type() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let made = create(&ann, "Incapable").await;
        assert_eq!((made.contract, made.type_revision), (100, 7));
        let newer = LAW_TYPES.replace("revision: 7", "revision: 8");
        world.server.reload(&newer);
        let newest = tests::eventually("the reload", async || {
            let newest = create(&ann, "Incapable").await;
            (newest.yaml_revision > made.yaml_revision).then_some(newest)
        })
        .await;
        assert_eq!(newest.type_revision, 8);
        let old = ann.session(made.id).await.expect("it");
        assert_eq!(old.type_revision, 7, "snapshotted");
        world.stop().await;
    });
}

#[test]
fn r14_what_others_are_to_see_stands_in_custom_properties_and_the_state_of_a_game_does_not_fit() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Teams").await.id;
        join(&bob, id).await.expect("a seat");
        let colour = UpdateMember {
            custom: Some(json!({ "colour": "red", "weapon": "bow" })),
            ..UpdateMember::default()
        };
        ann.update_member(id, Who::Me, &colour)
            .await
            .expect("her own");
        let map = custom(json!({ "map": "Harbour" }));
        ann.update_session(id, &map, Condition::Always)
            .await
            .expect("a member's right");
        let read = bob.session(id).await.expect("it");
        assert_eq!(read.members[0].custom["colour"], "red");
        assert_eq!(read.custom["map"], "Harbour");
        let state = UpdateMember {
            custom: Some(json!("x".repeat(4 * 1024))),
            ..UpdateMember::default()
        };
        let refusal = ann.update_member(id, Who::Me, &state).await;
        refused(refusal, 422, "invalid");
        let state = custom(json!("x".repeat(60 * 1024)));
        let refusal = ann.update_session(id, &state, Condition::Always).await;
        refused(refusal, 422, "invalid");
        assert_eq!(ann.session(id).await.expect("it"), read);
        world.stop().await;
    });
}

#[test]
fn r23_r40_capabilities_are_added_at_creation_where_the_type_leaves_them_open_and_never_after() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let watched = Capabilities {
            connection_required_for_active_members: true,
            ..Capabilities::default()
        };
        let body = |of_type| CreateSession {
            capabilities: watched,
            ..of(of_type)
        };
        // An empty section leaves none to the creator; what the type says already may be repeated.
        refused(
            ann.create_session(&body("Incapable")).await,
            409,
            "constants-conflict",
        );
        ann.create_session(&body("Watched"))
            .await
            .expect("the type's own");
        let made = ann.create_session(&body("Endless")).await.expect("it");
        assert_eq!(made.capabilities, watched);
        join(&bob, made.id).await.expect("a seat");
        let plain = create(&ann, "Endless").await.id;
        join(&bob, plain).await.expect("a seat");
        // Bob falls silent: only where a connection is required he becomes inactive.
        world.at(100_000);
        let read = ann.session(made.id).await.expect("it");
        assert_eq!(
            states(&read),
            [("ann", MemberState::Active), ("bob", MemberState::Inactive)]
        );
        assert_eq!(read.capabilities, watched);
        let read = ann.session(plain).await.expect("it");
        assert_eq!(read.seats.active, 2);
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let later = raw::Request {
            method: "PATCH",
            path: &format!("/v1/sessions/{plain}"),
            token: Some(&token),
            headers: &[],
            body: br#"{"capabilities":{"gameplay":true}}"#,
        };
        let answer = raw::send(&world.server.url, later).await;
        assert_eq!((answer.status, answer.problem()), (400, "malformed"));
        let large = CreateSession {
            capabilities: Capabilities {
                connectivity: true,
                ..Capabilities::default()
            },
            ..of("Gathering")
        };
        // Written out in that type, so it is not even open.
        refused(ann.create_session(&large).await, 409, "constants-conflict");
        world.stop().await;
    });
}
