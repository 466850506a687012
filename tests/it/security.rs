//! Who may call what, over HTTP: the whole route table by every kind of principal, and tokens that are not good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::wire::{Claims, PrincipalKind as Kind};
use model::{Millis, SessionId};
use sdk::Who;
use server::PrincipalKind;
use server::http::routes::{Access, ROUTES, Route};
use tests::world::{START, World, create, join, refused};
use tests::{Host, SESSION_TYPES, player, raw, run};

/// A party that nobody outside may know of, beside [`SESSION_TYPES`].
const HIDDEN: &str = "
---
apiVersion: v1
kind: SessionType
name: Hidden
creation: { by_players: true }
can_join_matchmaking: true
size: { teams: 1, players_per_team: 4 }
visibility: private
";

const KINDS: [(Kind, PrincipalKind, &str); 4] = [
    (Kind::Player, PrincipalKind::Player, "ann"),
    (Kind::Server, PrincipalKind::Server, "backend"),
    (Kind::Fleet, PrincipalKind::Fleet, "racks"),
    (Kind::Admin, PrincipalKind::Admin, "root"),
];

/// A body that the route can read.
fn body_of(route: &Route) -> &'static [u8] {
    match (route.verb.as_str(), route.path) {
        ("PATCH", "/v1/sessions/{id}") => br#"{"closed":true}"#,
        ("PATCH", "/v1/sessions/{id}/members/{player}") => br#"{"active":true}"#,
        (_, "/v1/sessions/{id}/members/{player}/move") => br#"{"team":0}"#,
        ("POST", "/v1/sessions/{id}/invites") => br#"{"players":["eve"]}"#,
        ("PUT", "/v1/sessions/{id}/members/{player}/roles/{name}") => br#"{"role":"healer"}"#,
        (_, "/v1/sessions/{id}/swap") => br#"{"players":["ann","bob"]}"#,
        (_, "/v1/sessions/{id}/reservations") => br#"{"players":[{"player":"eve"}]}"#,
        ("PUT", "/v1/sessions/{id}/initialization") => br#"{"succeeded":true}"#,
        ("PUT", "/v1/sessions/{id}/host") => br#"{"device_token":"d0"}"#,
        ("POST", "/v1/sessions/{id}/ticket") => br#"{"queue":"duel"}"#,
        _ => b"",
    }
}

/// The routes of one session that a player may call.
fn of_a_session() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| {
        route.path.starts_with("/v1/sessions/{id}") && route.access.admits(PrincipalKind::Player)
    })
}

#[test]
fn an_outsider_cannot_tell_a_private_session_from_none() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{HIDDEN}")).await;
        let secret = create(&world.player("ann"), "Hidden").await;
        let bob = raw::token(&raw::claims(Kind::Player, "bob"));
        let nobody = uuid::Uuid::from_u128(7).to_string();
        for route in of_a_session() {
            for player in ["me", "bob", "ann"] {
                for headers in [&[][..], &[("if-match", "\"stale:0\"")]] {
                    let ask = async |id: &str| {
                        let path = route.path.replace("{id}", id).replace("{player}", player);
                        let path = path.replace("{other}", id);
                        let path = path.replace("{name}", "kick");
                        let answer = raw::send(
                            &world.server.url,
                            raw::Request {
                                method: route.verb.as_str(),
                                path: &path,
                                token: Some(&bob),
                                headers,
                                body: body_of(route),
                            },
                        )
                        .await;
                        let detail = answer.body["detail"].to_string();
                        let problem = answer.problem().to_owned();
                        (answer.status, problem, detail.replace(id, "{id}"))
                    };
                    let what = format!("{} {} for {player}", route.verb.as_str(), route.path);
                    let (none, private) = (ask(&nobody).await, ask(&secret.id.to_string()).await);
                    assert_eq!(private, none, "{what}");
                    assert!([403, 404].contains(&none.0), "{what}: {none:?}");
                }
            }
        }
        let ann = world.player("ann");
        assert_eq!(ann.session(secret.id).await.expect("hers"), secret);
        world.stop().await;
    });
}

#[test]
fn a_stale_if_match_stops_every_write_to_a_session() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let session = create(&ann, "Room").await;
        let token = raw::token(&raw::claims(Kind::Player, "ann"));
        let mut writes = 0;
        for route in of_a_session().filter(|route| route.verb.as_str() != "GET") {
            let path = route
                .path
                .replace("{player}", "me")
                .replace("{name}", "kick");
            let path = path.replace("{id}", &session.id.to_string());
            let path = path.replace("{other}", &session.id.to_string());
            let request = raw::Request {
                method: route.verb.as_str(),
                path: &path,
                token: Some(&token),
                headers: &[("if-match", "\"stale:0\"")],
                body: body_of(route),
            };
            let answer = raw::send(&world.server.url, request).await;
            let seen = (answer.status, answer.problem());
            assert_eq!(seen, (412, "precondition-failed"), "{path}: {answer:?}");
            assert_eq!(
                answer.body["current"]["id"],
                session.id.to_string(),
                "{path}"
            );
            writes += 1;
        }
        assert!(writes >= 11, "{writes}");
        assert_eq!(ann.session(session.id).await.expect("hers"), session);
        world.stop().await;
    });
}

async fn call(world: &World, route: &Route, id: &str, token: Option<&str>) -> raw::Answer {
    let path = route
        .path
        .replace("{id}", id)
        .replace("{player}", "ann")
        .replace("{other}", id)
        .replace("{name}", "nothing");
    let request = raw::Request {
        method: route.verb.as_str(),
        path: &path,
        token,
        headers: &[],
        body: b"",
    };
    raw::send(&world.server.url, request).await
}

#[test]
fn r5_every_route_admits_the_kinds_of_the_table_and_refuses_all_others() {
    run(async {
        let world = World::new().await;
        let host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&world.player("ann"), "Room").await.id;
        let nobody = uuid::Uuid::from_u128(7).to_string();
        // A session that is there and one that is not; ann leads the first.
        for route in ROUTES {
            for id in [&nobody, &id.to_string()] {
                let what = format!("{} {} of {id}", route.verb.as_str(), route.path);
                let answer = call(&world, route, id, None).await;
                match route.access {
                    Access::Open => assert_ne!(answer.status, 401, "{what}: {answer:?}"),
                    Access::Only(_) => {
                        assert_eq!(answer.status, 401, "{what}: {answer:?}");
                        assert!(answer.header("www-authenticate").is_some(), "{what}");
                    }
                }
                let mut principals: Vec<_> = KINDS
                    .iter()
                    .map(|&(kind, of, name)| (of, raw::token(&raw::claims(kind, name))))
                    .collect();
                principals.push((PrincipalKind::GameServer, host.token.clone()));
                for (of, token) in principals {
                    // What ends the session or the game server is for last.
                    if *id != nobody && route.verb.as_str() == "DELETE"
                        || route.path.ends_with("/shutdown")
                    {
                        continue;
                    }
                    let answer = call(&world, route, id, Some(&token)).await;
                    let seen = (answer.status, answer.problem());
                    if route.access.admits(of) {
                        assert_ne!(seen.0, 401, "{what} by {of:?}: {answer:?}");
                        // What the host may do in somebody else's session is the law's to say, not the gate's.
                        let foreign = of == PrincipalKind::GameServer && *id != nobody;
                        let fine = foreign || seen != (403, "forbidden");
                        assert!(fine, "{what} by {of:?}: {answer:?}");
                    } else {
                        assert_eq!(seen, (403, "forbidden"), "{what} by {of:?}");
                    }
                }
            }
        }
        world.stop().await;
    });
}

fn encoded(json: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

#[test]
fn tokens_that_are_not_good_are_401() {
    run(async {
        let world = World::new().await;
        let good = raw::claims(Kind::Player, "ann");
        let of = |change: &dyn Fn(&mut Claims)| {
            let mut claims = good.clone();
            change(&mut claims);
            raw::token(&claims)
        };
        let seconds = START.0 / 1_000;
        let token = raw::token(&good);
        let parts: Vec<&str> = token.split('.').collect();
        let payload = serde_json::to_value(&good).expect("JSON");
        let mut admin = payload.clone();
        admin["kind"] = "admin".into();
        let none = encoded(&serde_json::json!({ "alg": "none", "typ": "JWT" }));
        let bad = [
            (
                "foreign namespace",
                of(&|c| c.ns = "elsewhere".parse().expect("a name")),
            ),
            ("expired", of(&|c| c.exp = seconds - 31)),
            ("another audience", of(&|c| c.aud = "others".into())),
            ("empty subject", of(&|c| c.sub = String::new())),
            ("a player's id with a NUL", of(&|c| c.sub = "a\0b".into())),
            (
                "a game server whose subject is no id",
                of(&|c| c.kind = Kind::GameServer),
            ),
            (
                "other secret",
                sdk::token::mint(b"another secret of thirty-two bytes or more", &good)
                    .expect("a token"),
            ),
            (
                "tampered",
                format!("{}.{}.{}", parts[0], encoded(&admin), parts[2]),
            ),
            ("alg none", format!("{none}.{}.", encoded(&admin))),
            (
                "alg none, signed",
                format!("{none}.{}.{}", parts[1], parts[2]),
            ),
            ("cut", format!("{}.{}", parts[0], parts[1])),
            ("too long", format!("{token}{}", "x".repeat(4_096))),
        ];
        for (what, token) in bad {
            let request = raw::Request {
                method: "GET",
                path: "/v1/queues",
                token: Some(&token),
                headers: &[],
                body: b"",
            };
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!(
                (answer.status, answer.problem()),
                (401, "unauthorized"),
                "{what}"
            );
        }
        // The same token is good until its time is over on the server's own clock.
        let short = of(&|c| c.exp = seconds + 60);
        let client = sdk::Client::new(&world.server.url, &short).expect("a client");
        client.queues().await.expect("still good");
        world.at(60_000 + 30_000);
        refused(client.queues().await, 401, "unauthorized");
        world.stop().await;
    });
}

#[test]
fn a_game_server_s_token_acts_for_nothing_but_itself() {
    run(async {
        let world = World::new().await;
        let mut one = Host::start(&world.server, "arena", "eu-west").await;
        let ann = world.player("ann");
        let room = create(&ann, "Room").await.id;
        ann.request_instance(room, &Default::default())
            .await
            .expect("an instance");
        let assignment = one.open(room).await;
        let other = Host::start(&world.server, "arena", "eu-west").await;
        let closed = model::instance::InstanceStatus::Closed;
        refused(
            other.says(room, assignment.allocation_id, closed).await,
            409,
            "foreign-allocation",
        );
        refused(
            other.client.acknowledge(assignment.allocation_id).await,
            409,
            "foreign-allocation",
        );
        let page = other.client.assignments().await.expect("its own");
        assert_eq!((page.game_server, page.assignments.len()), (other.id, 0));
        // Nor for players, sessions or fleets.
        let client = &one.client;
        refused(client.session(room).await, 403, "forbidden");
        refused(client.my_sessions().await, 403, "forbidden");
        refused(join(client, room).await, 403, "forbidden");
        refused(
            client.leave(room, Who::Player(&player("ann"))).await,
            403,
            "forbidden",
        );
        refused(client.delete_session(room).await, 403, "forbidden");
        refused(client.fleets().await, 403, "forbidden");
        // Of a game server that nobody registered the token is worth nothing.
        let unknown = uuid::Uuid::from_u128(7).to_string();
        let unknown = world.server.client(Kind::GameServer, &unknown);
        let (status, _) = tests::world::refusal(unknown.assignments().await);
        assert_eq!(status, 401);
        let still = ann.instance(room).await.expect("it");
        assert_eq!(still.status, model::instance::InstanceStatus::Joinable);
        world.stop().await;
    });
}

#[test]
fn the_first_token_of_a_game_server_is_spent_by_the_token_that_replaces_it() {
    run(async {
        let world = World::new().await;
        let mut claims = raw::claims(Kind::GameServer, "");
        let host = Host::start(&world.server, "arena", "eu-west").await;
        host.client.assignments().await.expect("the token in use");
        claims.sub = host.id.to_string();
        claims.first = true;
        let first = raw::token(&claims);
        let id = uuid::Uuid::from_u128(7).to_string();
        for route in ROUTES {
            if route.access != Access::Open && route.access.admits(PrincipalKind::GameServer) {
                let answer = call(&world, route, &id, Some(&first)).await;
                // Whoever reads the environment later comes too late, whatever he asks for.
                let what = format!("{} {}", route.verb.as_str(), route.path);
                assert_eq!(
                    (answer.status, answer.problem()),
                    (401, "unauthorized"),
                    "{what}"
                );
            }
        }
        host.client.assignments().await.expect("it lives");
        world.stop().await;
    });
}

#[test]
fn a_player_sees_and_changes_nothing_of_others_by_guessing_ids() {
    run(async {
        let world = World::with(tests::world::LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let secret = create(&ann, "Secret").await;
        let check = async |id: SessionId| {
            let answers = [
                bob.session(id).await.map(drop),
                bob.instance(id).await.map(drop),
                bob.leave(id, Who::Me).await.map(drop),
            ];
            for answer in answers {
                refused(answer, 404, "not-found");
            }
        };
        check(secret.id).await;
        assert_eq!(ann.session(secret.id).await.expect("hers"), secret);
        // An expired clock is no way in, either.
        world.clock.advance_to(START + Millis::seconds(3_600));
        check(secret.id).await;
        world.stop().await;
    });
}
