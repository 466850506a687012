//! Bad input over HTTP: a problem document with the status of A.3 row 15, nothing changed, nothing logged as our error.

use std::io;
use std::sync::{Arc, Mutex};

use model::wire::{PrincipalKind, UpdateSession};
use sdk::{Condition, Who};
use tests::queue::ticket;
use tests::world::{World, create, create_with, join, refused};
use tests::{player, raw, run};

/// What was logged at warn and error by the server while this stands.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a test on one thread and says what was logged as an error meanwhile.
fn logged(test: impl Future<Output = ()>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // The subscriber is this thread's, so everything of the server runs on it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    tracing::subscriber::with_default(subscriber, || runtime.block_on(test));
    let text = log.0.lock().expect("the log").clone();
    String::from_utf8_lossy(&text).into_owned()
}

struct Case<'a> {
    what: &'a str,
    method: &'a str,
    path: String,
    body: Vec<u8>,
    expected: (u16, &'a str),
}

fn case<'a>(
    what: &'a str,
    method: &'a str,
    path: String,
    body: impl Into<Vec<u8>>,
    expected: (u16, &'a str),
) -> Case<'a> {
    Case {
        what,
        method,
        path,
        body: body.into(),
        expected,
    }
}

/// Each of them by ann, who leads the session.
fn cases(session: &str) -> Vec<Case<'static>> {
    let sessions = || "/v1/sessions".to_owned();
    let one = format!("/v1/sessions/{session}");
    let me = format!("{one}/members/me");
    let of = |rest: &str| format!("{one}{rest}");
    let (malformed, invalid) = ((400, "malformed"), (422, "invalid"));
    let huge = |key: &str, bytes: usize| format!("{{\"{key}\": \"{}\"}}", "x".repeat(bytes));
    let long_id = "p".repeat(300);
    let many: Vec<String> = (0..65).map(|n| format!("\"k{n}\": \"v\"")).collect();
    vec![
        case("no body", "POST", sessions(), "", malformed),
        case("half a body", "POST", sessions(), "{\"type\":", malformed),
        case(
            "not UTF-8",
            "POST",
            sessions(),
            b"{\"type\":\"\xff\"}".to_vec(),
            malformed,
        ),
        case("a list", "POST", sessions(), "[\"Room\"]", malformed),
        case("null", "PATCH", one.clone(), "null", malformed),
        case("a number", "PATCH", one.clone(), "7", malformed),
        case(
            "unknown field",
            "POST",
            sessions(),
            r#"{"type":"Room","colour":"red"}"#,
            malformed,
        ),
        case(
            "a field twice",
            "PATCH",
            one.clone(),
            r#"{"closed":true,"closed":false}"#,
            malformed,
        ),
        case(
            "wrong type",
            "PATCH",
            one.clone(),
            r#"{"closed":"yes"}"#,
            malformed,
        ),
        case(
            "wrong value",
            "PATCH",
            one.clone(),
            r#"{"joinability":"open"}"#,
            malformed,
        ),
        case(
            "NUL escaped",
            "PATCH",
            one.clone(),
            r#"{"custom":{"a":"\u0000"}}"#,
            malformed,
        ),
        case(
            "NUL raw",
            "PATCH",
            one.clone(),
            b"{\"custom\":\"\0\"}".to_vec(),
            malformed,
        ),
        case(
            "constants again",
            "PATCH",
            one.clone(),
            r#"{"constants":{"a":1}}"#,
            malformed,
        ),
        case(
            "huge body",
            "PATCH",
            one.clone(),
            huge("custom", 300 * 1024),
            (413, "body-too-large"),
        ),
        case(
            "large document",
            "PATCH",
            one.clone(),
            huge("custom", 100 * 1024),
            invalid,
        ),
        case(
            "large member",
            "PATCH",
            me.clone(),
            huge("custom", 5_000),
            invalid,
        ),
        case(
            "custom data with many keys",
            "PATCH",
            one.clone(),
            format!("{{\"custom_data\":{{{}}}}}", many.join(",")),
            invalid,
        ),
        case(
            "custom data with a long value",
            "PATCH",
            one.clone(),
            format!("{{\"custom_data\":{}}}", huge("k", 4_097)),
            invalid,
        ),
        case(
            "deep JSON",
            "PATCH",
            one.clone(),
            format!("{{\"custom\":{}", "[".repeat(5_000)),
            malformed,
        ),
        case(
            "ready and active",
            "PATCH",
            me.clone(),
            r#"{"ready":true,"active":true}"#,
            malformed,
        ),
        case(
            "a team that is none",
            "POST",
            of("/members/me/move"),
            r#"{"team":9}"#,
            invalid,
        ),
        case(
            "a team beyond numbers",
            "POST",
            of("/members/me/move"),
            r#"{"team":-1}"#,
            malformed,
        ),
        case(
            "a long player id",
            "DELETE",
            format!("{one}/members/{long_id}"),
            "",
            malformed,
        ),
        case(
            "a player id with NUL",
            "DELETE",
            of("/members/a%00b"),
            "",
            malformed,
        ),
        case(
            "a path that is not UTF-8",
            "DELETE",
            of("/members/%ff"),
            "",
            malformed,
        ),
        case(
            "a long player id to reserve",
            "POST",
            of("/reservations"),
            format!("{{\"players\":[{{\"player\":\"{long_id}\"}}]}}"),
            malformed,
        ),
        case(
            "no such session",
            "GET",
            "/v1/sessions/nonsense".into(),
            "",
            (404, "not-found"),
        ),
        case(
            "a long session id",
            "GET",
            format!("/v1/sessions/{}", "a".repeat(2_000)),
            "",
            (404, "not-found"),
        ),
        case(
            "a vanished session",
            "GET",
            "/v1/sessions/00000000-0000-7000-8000-000000000001".into(),
            "",
            (404, "not-found"),
        ),
        case(
            "no such type",
            "POST",
            sessions(),
            r#"{"type":"Nothing"}"#,
            (404, "not-found"),
        ),
        case(
            "a long type",
            "POST",
            sessions(),
            huge("type", 5_000),
            (404, "not-found"),
        ),
        case(
            "no such queue",
            "POST",
            of("/ticket"),
            r#"{"queue":"nothing"}"#,
            (404, "not-found"),
        ),
        case(
            "not to be queued",
            "POST",
            of("/ticket"),
            r#"{"queue":"duel"}"#,
            (409, "not-queueable"),
        ),
        case(
            "a ping that is no number",
            "POST",
            of("/ticket"),
            r#"{"queue":"duel","players":{"ann":{"latencies":{"eu-west":-5}}}}"#,
            malformed,
        ),
        case(
            "a body where none belongs",
            "DELETE",
            one.clone(),
            "{}",
            malformed,
        ),
        case(
            "a parameter that is none",
            "GET",
            of("?verbose=1"),
            "",
            malformed,
        ),
        case(
            "no such path",
            "GET",
            "/v1/nothing".into(),
            "",
            (404, "no-such-path"),
        ),
        case(
            "no such method",
            "PUT",
            one.clone(),
            "{}",
            (405, "method-not-allowed"),
        ),
        case(
            "a region that is none",
            "POST",
            sessions(),
            r#"{"type":"Room","region":"a b"}"#,
            malformed,
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
        for case in cases(&before.id.to_string()) {
            let request = raw::Request {
                method: case.method,
                path: &case.path,
                token: Some(&token),
                headers: &[],
                body: &case.body,
            };
            let answer = raw::send(&world.server.url, request).await;
            let seen = (answer.status, answer.problem());
            assert_eq!(seen, case.expected, "{}: {answer:?}", case.what);
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{}",
                case.what
            );
            let after = ann.session(before.id).await.expect("it");
            assert_eq!(after.change_number, before.change_number, "{}", case.what);
        }
        let mine = ann.my_sessions().await.expect("hers").items;
        assert_eq!(mine.len(), 1, "none was made on the way: {mine:?}");
        media_types_and_headers(&world, &before, &token).await;
        world.stop().await;
    });
    assert_eq!(text, "");
}

async fn media_types_and_headers(world: &World, before: &model::wire::Session, token: &str) {
    let path = format!("/v1/sessions/{}", before.id);
    let long = "k".repeat(300);
    let cases: [(&[(&str, &str)], u16, &str); 4] = [
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
