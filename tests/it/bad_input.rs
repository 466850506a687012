//! Bad input over HTTP: a problem document with the status of A.3 row 15, nothing changed, nothing logged as our error.

use model::wire::{PrincipalKind, UpdateSession};
use sdk::{Condition, Who};
use tests::log::logged;
use tests::queue::ticket;
use tests::world::{World, create, create_with, join, refused};
use tests::{player, raw, run};

/// What is sent (name, method, path in which `{s}` is the session, body) and what comes back (status, problem).
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u16,
    &'static str,
);

/// Each of them by ann, who leads the session.
const CASES: &[Case] = &[
    ("no body", "POST", "", "", 400, "malformed"),
    ("half a body", "POST", "", r#"{"type":"#, 400, "malformed"),
    ("a list", "POST", "", r#"["Room"]"#, 400, "malformed"),
    ("null", "PATCH", "/{s}", "null", 400, "malformed"),
    ("a number", "PATCH", "/{s}", "7", 400, "malformed"),
    (
        "unknown field",
        "POST",
        "",
        r#"{"type":"Room","colour":"red"}"#,
        400,
        "malformed",
    ),
    (
        "a field twice",
        "PATCH",
        "/{s}",
        r#"{"closed":true,"closed":false}"#,
        400,
        "malformed",
    ),
    (
        "wrong type",
        "PATCH",
        "/{s}",
        r#"{"closed":"yes"}"#,
        400,
        "malformed",
    ),
    (
        "wrong value",
        "PATCH",
        "/{s}",
        r#"{"joinability":"open"}"#,
        400,
        "malformed",
    ),
    (
        "NUL escaped",
        "PATCH",
        "/{s}",
        r#"{"custom":{"a":"\u0000"}}"#,
        400,
        "malformed",
    ),
    (
        "NUL raw",
        "PATCH",
        "/{s}",
        "{\"custom\":\"\0\"}",
        400,
        "malformed",
    ),
    (
        "constants again",
        "PATCH",
        "/{s}",
        r#"{"constants":{"a":1}}"#,
        400,
        "malformed",
    ),
    (
        "ready and active",
        "PATCH",
        "/{s}/members/me",
        r#"{"ready":true,"active":true}"#,
        400,
        "malformed",
    ),
    (
        "a team that is none",
        "POST",
        "/{s}/members/me/move",
        r#"{"team":9}"#,
        422,
        "invalid",
    ),
    (
        "no number of a team",
        "POST",
        "/{s}/members/me/move",
        r#"{"team":-1}"#,
        400,
        "malformed",
    ),
    (
        "a player id with NUL",
        "DELETE",
        "/{s}/members/a%00b",
        "",
        400,
        "malformed",
    ),
    (
        "a path that is not UTF-8",
        "DELETE",
        "/{s}/members/%ff",
        "",
        400,
        "malformed",
    ),
    ("no session id", "GET", "/nonsense", "", 404, "not-found"),
    (
        "a vanished session",
        "GET",
        "/00000000-0000-7000-8000-000000000001",
        "",
        404,
        "not-found",
    ),
    (
        "no such type",
        "POST",
        "",
        r#"{"type":"Nothing"}"#,
        404,
        "not-found",
    ),
    (
        "no such queue",
        "POST",
        "/{s}/ticket",
        r#"{"queue":"nothing"}"#,
        404,
        "not-found",
    ),
    (
        "not to be queued",
        "POST",
        "/{s}/ticket",
        r#"{"queue":"duel"}"#,
        409,
        "not-queueable",
    ),
    ("no ping", "POST", "/{s}/ticket", NO_PING, 422, "invalid"),
    (
        "a body where none belongs",
        "DELETE",
        "/{s}",
        "{}",
        400,
        "malformed",
    ),
    (
        "no such parameter",
        "GET",
        "/{s}?verbose=1",
        "",
        400,
        "malformed",
    ),
    (
        "no such path",
        "GET",
        "/{s}/nothing",
        "",
        404,
        "no-such-path",
    ),
    (
        "no such method",
        "PUT",
        "/{s}",
        "{}",
        405,
        "method-not-allowed",
    ),
    (
        "no region",
        "POST",
        "",
        r#"{"type":"Room","region":"a b"}"#,
        400,
        "malformed",
    ),
    (
        "a key of no letters (row 46)",
        "PATCH",
        "/{s}",
        r#"{"custom_data":{"":"1"}}"#,
        422,
        "invalid",
    ),
    (
        "a key of other characters (row 46)",
        "PATCH",
        "/{s}/members/me",
        r#"{"custom_data":{"a b/\u00fc":"1"}}"#,
        422,
        "invalid",
    ),
    (
        "keys that differ in case (row 46)",
        "POST",
        "",
        r#"{"type":"Room","custom_data":{"k":"x","K":"y"}}"#,
        422,
        "invalid",
    ),
    (
        "a seat for me",
        "POST",
        "/{s}/reservations",
        r#"{"players":[{"player":"me"}]}"#,
        400,
        "malformed",
    ),
    (
        "pings of me",
        "POST",
        "/{s}/ticket",
        r#"{"queue":"duel","players":{"me":{}}}"#,
        400,
        "malformed",
    ),
    (
        "a number that would not survive (row 21)",
        "PATCH",
        "/{s}",
        r#"{"custom":{"n":123456789012345678901234567890}}"#,
        400,
        "malformed",
    ),
];

const NO_PING: &str = r#"{"queue":"duel","players":{"ann":{"latencies":{"eu-west":-5}}}}"#;

/// The same of what is large: method, path behind the sessions', body, status, problem.
type Large = (&'static str, String, Vec<u8>, u16, &'static str);

fn large(session: &str) -> Vec<Large> {
    let one = format!("/{session}");
    let text = |key: &str, bytes: usize| format!("{{\"{key}\":\"{}\"}}", "x".repeat(bytes));
    let data = |data: String| format!("{{\"custom_data\":{data}}}").into_bytes();
    let id = "p".repeat(300);
    let seat = format!("{{\"players\":[{{\"player\":\"{id}\"}}]}}");
    let many: Vec<String> = (0..65).map(|n| format!("\"k{n}\":\"v\"")).collect();
    let many = format!("{{{}}}", many.join(","));
    let deep = format!("{{\"custom\":{}", "[".repeat(5_000));
    let not_utf8 = b"{\"type\":\"\xff\"}".to_vec();
    let huge = text("custom", 300 * 1_024).into_bytes();
    let document = text("custom", 100 * 1_024).into_bytes();
    let member = text("custom", 5_000).into_bytes();
    let me = format!("{one}/members/me");
    vec![
        ("POST", String::new(), not_utf8, 400, "malformed"),
        ("PATCH", one.clone(), huge, 413, "body-too-large"),
        ("PATCH", one.clone(), document, 422, "invalid"),
        ("PATCH", me, member, 422, "invalid"),
        ("PATCH", one.clone(), data(many), 422, "invalid"),
        ("PATCH", one.clone(), data(text("k", 4_097)), 422, "invalid"),
        ("PATCH", one.clone(), deep.into_bytes(), 400, "malformed"),
        (
            "DELETE",
            format!("{one}/members/{id}"),
            Vec::new(),
            400,
            "malformed",
        ),
        (
            "POST",
            format!("{one}/reservations"),
            seat.into_bytes(),
            400,
            "malformed",
        ),
        (
            "GET",
            format!("/{}", "a".repeat(2_000)),
            Vec::new(),
            404,
            "not-found",
        ),
        (
            "POST",
            String::new(),
            text("type", 5_000).into_bytes(),
            404,
            "not-found",
        ),
    ]
}

#[test]
fn whatever_comes_in_is_a_problem_document_changes_nothing_and_is_no_error_of_ours() {
    let text = logged(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let before = create(&ann, "Room").await;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let id = before.id.to_string();
        let small = CASES
            .iter()
            .map(|&(_, method, path, body, status, problem)| {
                let path = path.replace("{s}", &id);
                (method, path, body.as_bytes().to_vec(), status, problem)
            });
        for (method, path, body, status, problem) in small.chain(large(&id)) {
            let request = raw::Request {
                method,
                path: &format!("/v1/sessions{path}"),
                token: Some(&token),
                headers: &[],
                body: &body,
            };
            let what = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let what = format!("{method} {path} {what}");
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!(
                (answer.status, answer.problem()),
                (status, problem),
                "{what}"
            );
            let media_type = answer.header("content-type");
            assert_eq!(media_type, Some("application/problem+json"), "{what}");
            let after = ann.session(before.id).await.expect("it");
            assert_eq!(after.change_number, before.change_number, "{what}");
        }
        let mine = ann.my_sessions().await.expect("hers");
        assert_eq!(mine.len(), 1, "none was made on the way: {mine:?}");
        media_types_and_headers(&world, &before, &token).await;
        world.stop().await;
    });
    assert_eq!(text, "");
}

#[test]
fn refusals_say_it_in_the_caller_s_words() {
    run(async {
        let world = World::new().await;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let long = format!("{{\"type\":\"{}\"}}", "x".repeat(5_000));
        let cut = format!("session type {}… does not exist", "x".repeat(100));
        let cases = [
            ("7", "the body must be a JSON object, not a number"),
            ("null", "the body must be a JSON object, not null"),
            (
                r#"{"type":"Room","me":7}"#,
                "me: invalid type: integer `7`, expected an object at line 1 column 21",
            ),
            (
                r#"{"type":""}"#,
                "a session type without a name does not exist: name one",
            ),
            (&long, &cut),
            (
                r#"{"type":"Room","joinability":"private"}"#,
                "the session type fixes `joinability`: leave it out, or send the type's own value",
            ),
            (
                r#"{"type":"Room","custom_data":{"k":"x","K":"y"}}"#,
                "the key \"k\" of custom data is there twice; keys are compared without case",
            ),
        ];
        for (body, words) in cases {
            let request = raw::Request {
                method: "POST",
                path: "/v1/sessions",
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!(answer.body["detail"], words, "{body}");
        }
        // Nobody can be called what stands for the caller.
        let me = raw::token(&raw::claims(PrincipalKind::Player, "me"));
        let request = raw::Request {
            method: "GET",
            path: "/v1/players/me/sessions",
            token: Some(&me),
            headers: &[],
            body: b"",
        };
        let answer = raw::send(&world.server.url, request).await;
        assert_eq!((answer.status, answer.problem()), (401, "unauthorized"));
        world.stop().await;
    });
}

type Headers<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

async fn media_types_and_headers(world: &World, before: &model::wire::Session, token: &str) {
    let path = format!("/v1/sessions/{}", before.id);
    let long = "k".repeat(300);
    let cases: [Headers<'_>; 4] = [
        (
            &[("content-type", "text/plain")],
            415,
            "unsupported-media-type",
        ),
        (
            &[("if-match", "\"a\""), ("if-match", "\"b\"")],
            400,
            "malformed",
        ),
        (&[("if-match", "\u{e4}")], 400, "malformed"),
        (&[("if-match", "\"nonsense\"")], 412, "precondition-failed"),
    ];
    for (headers, status, problem) in cases {
        let request = raw::Request {
            method: "PATCH",
            path: &path,
            token: Some(token),
            headers,
            body: br#"{"closed":true}"#,
        };
        let answer = raw::send(&world.server.url, request).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (status, problem),
            "{headers:?}"
        );
    }
    let request = raw::Request {
        method: "POST",
        path: "/v1/sessions",
        token: Some(token),
        headers: &[("idempotency-key", &long)],
        body: br#"{"type":"Room"}"#,
    };
    let answer = raw::send(&world.server.url, request).await;
    assert_eq!((answer.status, answer.problem()), (400, "malformed"));
    let after = world.player("ann").session(before.id).await.expect("it");
    assert_eq!(after.change_number, before.change_number);
}

#[test]
fn full_closed_private_and_vanished_sessions_and_queueing_twice_are_refused_and_unchanged() {
    let text = logged(async {
        let world = World::new().await;
        let names = ["ann", "bob", "cid"];
        let [ann, bob, cid] = names.map(|name| world.player(name));
        let room = create_with(&ann, "Room", &["x", "y", "z"]).await;
        refused(join(&bob, room.id).await, 409, "session-full");
        refused(
            world
                .backend()
                .join(
                    room.id,
                    Who::Player(&player("bob")),
                    &tests::world::active(),
                )
                .await,
            409,
            "session-full",
        );
        let after = ann.session(room.id).await.expect("it");
        assert_eq!(after.change_number, room.change_number);
        let shut = |closed, joinability| UpdateSession {
            closed,
            joinability,
            ..UpdateSession::default()
        };
        let private = Some(model::session_type::Joinability::Private);
        for (update, problem) in [
            (shut(Some(true), None), "session-closed"),
            (shut(None, private), "not-admitted"),
        ] {
            let room = create(&ann, "Room").await.id;
            let room = ann.update_session(room, &update, Condition::Always).await;
            let room = room.expect("a member's right");
            refused(join(&bob, room.id).await, 403, problem);
            let after = ann.session(room.id).await.expect("it");
            assert_eq!(after.change_number, room.change_number);
        }
        let party = create(&cid, "Party").await.id;
        cid.create_ticket(party, &ticket("tdm")).await.expect("one");
        let before = cid.session(party).await.expect("it").change_number;
        refused(
            cid.create_ticket(party, &ticket("tdm")).await,
            409,
            "already-queued",
        );
        let after = cid.session(party).await.expect("it").change_number;
        assert_eq!(after, before);
        cid.leave(party, Who::Me).await.expect("a way out");
        refused(join(&cid, party).await, 404, "not-found");
        refused(cid.session(party).await, 404, "not-found");
        refused(
            cid.create_ticket(party, &ticket("tdm")).await,
            404,
            "not-found",
        );
        world.stop().await;
    });
    assert_eq!(text, "");
}

#[test]
fn broken_http_and_a_client_that_hangs_up_harm_nobody() {
    run(async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let world = World::new().await;
        let address = world.server.url.strip_prefix("http://").expect("http");
        for bytes in [
            &b"\x16\x03\x01\x02\x00"[..],
            b"GARBAGE\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        ] {
            let mut stream = tokio::net::TcpStream::connect(address).await.expect("one");
            stream.write_all(bytes).await.expect("sent");
            stream.shutdown().await.expect("hung up");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
        }
        world.player("ann").queues().await.expect("all is well");
        world.stop().await;
    });
}
