//! Sessions found by keyword or by player; data of teams and tickets; whose turn it is (R2, R3, R32, F22, F32).

use std::collections::BTreeSet;

use model::session_type::Visibility;
use model::wire::{CreateSession, CreateTicket, UpdateSession};
use model::{Name, SessionId};
use sdk::{Client, Condition, Who};
use tests::queue::ticket;
use tests::world::{LAW_TYPES, World, create, join, of, refused};
use tests::{player, run};

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn names(texts: &[&str]) -> BTreeSet<Name> {
    texts.iter().map(|text| name(text)).collect()
}

async fn found(client: &Client, keyword: &str) -> Vec<SessionId> {
    let found = client.find_sessions(&name(keyword)).await.expect("a list");
    found.into_iter().map(|session| session.id).collect()
}

async fn update(client: &Client, id: SessionId, body: UpdateSession) -> Result<(), sdk::Error> {
    let updated = client.update_session(id, &body, Condition::Always).await;
    updated.map(drop)
}

#[test]
fn f32_sessions_are_found_by_keyword_by_whoever_may_see_them() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let body = CreateSession {
            keywords: names(&["Beginners", "late"]),
            ..of("Lobby")
        };
        let open = ann.create_session(&body).await.expect("a session");
        assert_eq!(open.keywords, names(&["beginners", "late"]));
        world.at(1);
        let hidden = CreateSession {
            keywords: names(&["late"]),
            visibility: Some(Visibility::Private),
            ..of("Plain")
        };
        let hidden = bob.create_session(&hidden).await.expect("a session").id;
        assert_eq!(found(&cid, "BEGINNERS").await, [open.id]);
        assert_eq!(found(&cid, "late").await, [open.id]);
        assert_eq!(found(&bob, "late").await, [hidden, open.id]);
        assert_eq!(found(&world.backend(), "late").await, [hidden, open.id]);
        assert_eq!(found(&cid, "early").await, []);
        // Changed as a whole, by any joined member.
        let early = UpdateSession {
            keywords: Some(names(&["early"])),
            ..UpdateSession::default()
        };
        refused(
            update(&cid, open.id, early.clone()).await,
            403,
            "not-member",
        );
        join(&cid, open.id).await.expect("it is public");
        update(&cid, open.id, early).await.expect("a member may");
        assert_eq!(found(&ann, "beginners").await, []);
        assert_eq!(found(&ann, "early").await, [open.id]);
        let many = (0..21).map(|n| name(&format!("k{n}"))).collect();
        let many = UpdateSession {
            keywords: Some(many),
            ..UpdateSession::default()
        };
        refused(update(&ann, open.id, many).await, 422, "invalid");
        // Found after a restart; what time has ended is not found.
        let world = world.restart().await;
        let (ann, cid) = (world.player("ann"), world.player("cid"));
        assert_eq!(found(&ann, "early").await, [open.id]);
        for one in [&ann, &cid] {
            one.leave(open.id, Who::Me).await.expect("they leave");
        }
        assert_eq!(
            found(&cid, "early").await,
            [open.id],
            "empty for ten seconds"
        );
        world.at(10_001);
        assert_eq!(found(&cid, "early").await, []);
        world.stop().await;
    });
}

#[test]
fn f32_a_keyword_finds_a_hundred_sessions_at_a_time_and_must_be_given() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let backend = world.backend();
        let mut made = Vec::new();
        for n in 0..205 {
            world.at(n);
            let body = CreateSession {
                keywords: names(&["crowd"]),
                ..of("Lobby")
            };
            made.push(backend.create_session(&body).await.expect("a session").id);
        }
        made.reverse();
        assert_eq!(found(&backend, "crowd").await, made);
        let token = tests::raw::token(&tests::raw::claims(
            model::wire::PrincipalKind::Player,
            "ann",
        ));
        for (path, status) in [
            ("/v1/sessions", 400),
            ("/v1/sessions?keyword=", 400),
            ("/v1/sessions?keyword=a%20b", 400),
            ("/v1/sessions?keyword=a&keyword=b", 400),
            ("/v1/sessions?keyword=none", 200),
        ] {
            let request = tests::raw::Request {
                method: "GET",
                path,
                token: Some(&token),
                headers: &[],
                body: b"",
            };
            let answer = tests::raw::send(&world.server.url, request).await;
            assert_eq!(answer.status, status, "{path}");
        }
        world.stop().await;
    });
}

#[test]
fn r32_f32_servers_find_the_sessions_of_any_player_and_players_their_own() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Teams").await.id;
        let of_ann = player("ann");
        let hers = Who::Player(&of_ann);
        assert_eq!(ann.sessions_of(hers).await.expect("hers")[0].id, id);
        let found = world
            .backend()
            .sessions_of(hers)
            .await
            .expect("a server may");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, id);
        refused(bob.sessions_of(hers).await, 403, "forbidden");
        world.stop().await;
    });
}

#[test]
fn r2_r3_teams_have_data_of_their_own() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let id = create(&ann, "Teams").await.id;
        let data = |team: u8, value: &str| UpdateSession {
            teams: [(team, [("colour".to_owned(), value.to_owned())].into())].into(),
            ..UpdateSession::default()
        };
        update(&ann, id, data(1, "red"))
            .await
            .expect("a member may");
        update(&ann, id, data(0, "blue"))
            .await
            .expect("a member may");
        let teams = ann.session(id).await.expect("hers").teams;
        let colours = teams.iter().map(|team| team.custom_data["colour"].as_str());
        assert!(colours.eq(["blue", "red"]));
        refused(update(&ann, id, data(9, "x")).await, 422, "invalid");
        refused(
            update(&ann, id, data(0, &"x".repeat(4_097))).await,
            422,
            "invalid",
        );
        world.stop().await;
    });
}

#[test]
fn f22_the_session_says_whose_turn_it_is_of_those_who_are_there() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Teams").await.id;
        join(&bob, id).await.expect("a seat");
        let turn = |turn: &[u32]| UpdateSession {
            turn: Some(turn.to_vec()),
            ..UpdateSession::default()
        };
        update(&bob, id, turn(&[1, 0])).await.expect("a member may");
        assert_eq!(ann.session(id).await.expect("hers").turn, [1, 0]);
        for bad in [&[2_u32][..], &[0, 0]] {
            refused(update(&ann, id, turn(bad)).await, 422, "invalid");
        }
        bob.leave(id, Who::Me).await.expect("he leaves");
        assert_eq!(ann.session(id).await.expect("hers").turn, [0]);
        world.stop().await;
    });
}

#[test]
fn row21_a_ticket_has_data_of_its_own_within_the_limits_of_the_partys_type() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let party = create(&ann, "Party").await.id;
        let with = |value: &str| CreateTicket {
            custom_data: [("screen".to_owned(), value.to_owned())].into(),
            ..ticket("tdm")
        };
        let long = ann.create_ticket(party, &with(&"x".repeat(4_096))).await;
        refused(long, 422, "invalid");
        let made = ann.create_ticket(party, &with("lobby")).await.expect("one");
        assert_eq!(made.custom_data["screen"], "lobby");
        let read = world.restart().await.player("ann").ticket(made.id).await;
        assert_eq!(read.expect("it").custom_data["screen"], "lobby");
    });
}
