//! How single calls are sent, repeated, timed out and taken apart.

use std::time::Duration;

use model::wire::{CreateSession, UpdateSession};
use model::{PlayerId, SessionId};
use serde_json::json;

use super::harness::{Answer, Server, json, with_headers};
use crate::{Client, Condition, Error, Who};

fn id() -> SessionId {
    "00000000-0000-4000-8000-000000000001"
        .parse()
        .expect("an id")
}

fn player(name: &str) -> PlayerId {
    name.parse().expect("a player")
}

fn session() -> serde_json::Value {
    json!({
        "id": id(), "type": "Party", "type_revision": 1, "branch": id(), "change_number": 1,
        "created_at": "2026-01-01T00:00:00Z", "visibility": "open", "joinability": "private",
        "closed": false, "max_members": 4, "teams": [], "members": [],
    })
}

#[tokio::test]
async fn a_problem_says_what_was_asked_of_whom() {
    let server = Server::start(|_, _| {
        json(
            409,
            json!({
                "type": "urn:muster:problem:session-full", "title": "Full", "status": 409,
                "detail": "all 4 seats are taken", "seats": 4,
            }),
        )
    })
    .await;
    let error = server
        .client()
        .create_session(&CreateSession::default())
        .await
        .expect_err("is refused");
    assert_eq!(
        error.to_string(),
        format!(
            "POST /v1/sessions to http://{}: 409 session-full: all 4 seats are taken",
            server.address
        )
    );
    assert_eq!(error.status(), Some(409));
    assert_eq!(error.problem_type(), Some("session-full"));
    let Error::Problem { problem, .. } = error else {
        panic!("is a problem")
    };
    assert_eq!(problem.extensions.get("seats"), Some(&json!(4)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_error_that_is_no_problem_document_is_shown_as_it_is() {
    let server = Server::start(|_, _| with_headers(502, &[], "<html>bad gateway")).await;
    let error = server.client().healthz().await.expect_err("fails");
    let expected = format!(
        "GET /healthz to http://{}: 502 <html>bad gateway",
        server.address
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_sent_again_with_the_same_key() {
    let server = Server::start(|before, _| match before {
        0 => Answer::Drop,
        _ => json(201, session()),
    })
    .await;
    let body = CreateSession::default();
    server.client().create_session(&body).await.expect("works");
    server.client().create_session(&body).await.expect("works");
    let asked = server.asked();
    let keys: Vec<&str> = asked.iter().map(|a| a.header("idempotency-key")).collect();
    let [first, second, third] = keys[..] else {
        panic!("three requests, not {keys:?}")
    };
    assert_eq!(first, second);
    assert!(uuid::Uuid::parse_str(first).is_ok());
    assert_ne!(first, third, "another create has another key");
}

#[tokio::test]
async fn what_may_not_be_sent_twice_is_not_sent_again_without_an_answer() {
    let server = Server::start(|_, _| Answer::Drop).await;
    let error = server
        .client()
        .promote(id(), &player("ann"))
        .await
        .expect_err("fails");
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_throttled_call_comes_back_when_told_and_gives_up_when_that_is_too_late() {
    let server = Server::start(|before, asked| match (before, asked.path.as_str()) {
        (_, "/healthz") => with_headers(429, &[("retry-after", "3600")], ""),
        (0, _) => with_headers(503, &[("retry-after", "0")], ""),
        _ => json(200, session()),
    })
    .await;
    let client = server.client();
    client.promote(id(), &player("ann")).await.expect("works");
    assert_eq!(server.asked().len(), 2);
    let error = client.healthz().await.expect_err("is refused");
    let Error::Problem { retry_after, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(3600)));
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_deletion_that_finds_nothing_after_a_lost_answer_is_done() {
    let server = Server::start(|before, _| match before {
        0 => Answer::Drop,
        _ => json(
            404,
            json!({ "type": "x", "title": "Not found", "status": 404 }),
        ),
    })
    .await;
    let client = server.client();
    assert_eq!(client.leave(id(), Who::Me).await.expect("is done"), None);
    let error = client
        .leave(id(), Who::Me)
        .await
        .expect_err("was not there");
    assert_eq!(error.status(), Some(404));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up_and_a_long_poll_waits_longer() {
    let server = Server::start(|_, _| Answer::Hang).await;
    let client = server.impatient_client(Duration::from_millis(20));
    let error = client
        .promote(id(), &player("ann"))
        .await
        .expect_err("times out");
    assert!(matches!(error, Error::TimedOut { after, .. } if after == Duration::from_millis(20)));
    let wait = Duration::from_millis(30);
    let error = client.events_after("c", wait).await.expect_err("times out");
    assert!(matches!(error, Error::TimedOut { after, .. } if after == Duration::from_millis(50)));
}

#[tokio::test]
async fn conditions_travel_in_headers() {
    let server = Server::start(|_, asked| match asked.header("if-none-match") {
        "\"1\"" => with_headers(304, &[("etag", "\"1\"")], ""),
        _ => with_headers(200, &[("etag", "\"1\"")], &session().to_string()),
    })
    .await;
    let client = server.client();
    let read = client.session_versioned(id()).await.expect("works");
    assert_eq!(read.etag, "\"1\"");
    let again = client.session_if_changed(id(), &read.etag).await;
    assert_eq!(again.expect("works"), None);
    let changed = client.session_if_changed(id(), "\"0\"").await;
    assert_eq!(changed.expect("works"), Some(read.clone()));
    let body = UpdateSession::default();
    let condition = Condition::Unchanged(&read.etag);
    client
        .update_session(id(), &body, condition)
        .await
        .expect("works");
    let asked = server.asked();
    let last = asked.last().expect("was asked");
    assert_eq!(last.header("if-match"), "\"1\"");
    assert_eq!(last.header("authorization"), "Bearer first");
}

#[tokio::test]
async fn whatever_stands_in_a_path_or_query_arrives_whole() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        path if path.starts_with("/v1/events") => {
            json(200, json!({ "cursor": "a b", "notices": [] }))
        }
        _ => json(200, session()),
    })
    .await;
    let client = server.client();
    let body = Default::default();
    let ann = player("steam|ann:1@x");
    client
        .join(id(), Who::Player(&ann), &body)
        .await
        .expect("works");
    let mut watch = client.watch();
    watch.next(Duration::ZERO).await.expect("works");
    watch.next(Duration::from_secs(1)).await.expect("works");
    let paths: Vec<String> = server.asked().into_iter().map(|a| a.path).collect();
    assert_eq!(
        paths,
        [
            format!("/v1/sessions/{}/members/steam%7Cann%3A1%40x", id()),
            "/v1/events".to_owned(),
            "/v1/events?cursor=a%20b&wait=1000".to_owned(),
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_something_else_is_shown() {
    let server = Server::start(|_, _| json(200, json!({ "hello": 1 }))).await;
    let error = server.client().session(id()).await.expect_err("fails");
    assert!(
        matches!(&error, Error::Decode { excerpt, .. } if excerpt == r#"{"hello":1}"#),
        "{error:?}"
    );
    let error = server.client().session_versioned(id()).await;
    assert!(matches!(
        error,
        Err(Error::MissingHeader { header: "ETag", .. })
    ));
}

#[test]
fn addresses_that_cannot_work_are_refused_with_advice() {
    for (url, advice) in [
        ("https://muster.example", "does not speak TLS"),
        ("127.0.0.1:8080", "http://"),
        ("ftp://x", "must begin with http://"),
        ("http://x/?a=1", "must not have a query"),
        ("", "http://HOST:PORT"),
    ] {
        let error = Client::new(url, "").expect_err(url).to_string();
        assert!(error.contains(advice), "{error}");
    }
    assert!(matches!(Client::new("http://x", "a\nb"), Err(Error::Token)));
}
