//! What cannot be read is refused with the right problem, before the core hears of it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use model::wire::PrincipalKind as Kind;

use super::{Answer, App, NOBODY};
use crate::config::Limits;

#[track_caller]
fn refused(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(
        (answer.status, answer.problem()),
        (status, problem),
        "{answer:?}"
    );
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(answer.body["status"], status);
    assert!(answer.body["title"].is_string());
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_400() {
    let app = App::new().await;
    let deep = format!(r#"{{"type":"party","custom":{}"#, "[".repeat(10_000));
    let cases = [
        ("", "body is needed"),
        ("{", "EOF"),
        ("[]", "not an array"),
        (" [\"party\"]", "not an array"),
        ("null", "null"),
        ("{}", "missing field `type`"),
        (r#"{"type":1}"#, "expected a string"),
        (
            r#"{"type":"party","colour":"red"}"#,
            "unknown field `colour`",
        ),
        (
            r#"{"type":"party","type":"party"}"#,
            "duplicate field `type`",
        ),
        (r#"{"type":"party","region":"a b"}"#, "region: "),
        (r#"{"type":"party","region":"a b"}"#, "may not contain ' '"),
        (
            r#"{"type":"party","joinability":"nobody"}"#,
            "unknown variant",
        ),
        (r#"{"type":"party"} x"#, "trailing characters"),
        (r#"{"type":"a\u0000b"}"#, "NUL"),
        (r#"{"type":"party","custom":{"deep":["\\\u0000"]}}"#, "NUL"),
        ("{\"type\":\"a\u{0}b\"}", "NUL"),
        (
            r#"{"type":"party","custom_data":{"k":"\ud800"}}"#,
            "hex escape",
        ),
        (deep.as_str(), "recursion limit"),
    ];
    for (body, words) in cases {
        let answer = app.json(Method::POST, "/v1/sessions", body).await;
        refused(&answer, 400, "malformed");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_with_its_place() {
    let app = App::new().await;
    let path = format!("/v1/sessions/{}/ticket", uuid::Uuid::nil());
    let cases = [
        (
            r#"{"attributes":{"lvl":1e999}}"#,
            "players.x.attributes.lvl: number out of range at line 1 column",
        ),
        (
            r#"{"attributes":{"lvl":NaN}}"#,
            "players.x.attributes.lvl: expected value at line 1 column",
        ),
        (
            r#"{"latencies":{"eu-west":1e400}}"#,
            "players.x.latencies.eu-west: number out of range at line 1 column",
        ),
        (r#"{"avoid":["ann",""]}"#, "players.x.avoid[1]: "),
        (r#"{"skill":7}"#, "players.x.skill: unknown field `skill`"),
    ];
    for (player, words) in cases {
        let body = format!(r#"{{"queue":"duel","players":{{"x":{player}}}}}"#);
        let answer = app.json(Method::POST, &path, &body).await;
        refused(&answer, 400, "malformed");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with(words), "{detail}");
    }
}

#[tokio::test]
async fn an_escaped_backslash_before_u0000_is_no_nul() {
    let app = App::new().await;
    let body = r#"{"type":"party","custom":"\\u0000"}"#;
    let answer = app.json(Method::POST, "/v1/sessions", body).await;
    assert_ne!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_one_at_the_limit_is_read() {
    let app = App::with(Limits {
        body_bytes_max: 1_000,
        ..Limits::default()
    })
    .await;
    let body = |length: usize| {
        let frame = r#"{"type":"party","custom":""}"#.len();
        format!(
            r#"{{"type":"party","custom":"{}"}}"#,
            "x".repeat(length - frame)
        )
    };
    let answer = app.json(Method::POST, "/v1/sessions", &body(1_001)).await;
    refused(&answer, 413, "body-too-large");
    assert_eq!(answer.body["bytes_max"], 1_000);
    let answer = app.json(Method::POST, "/v1/sessions", &body(1_000)).await;
    assert_ne!(answer.status, 413);
    assert_ne!(answer.status, 400);
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_415() {
    let app = App::new().await;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = Request::post("/v1/sessions").header(
            header::AUTHORIZATION,
            format!("Bearer {}", app.token(Kind::Player)),
        );
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let answer = app.call(request.body(Body::from("{}")).unwrap()).await;
        refused(&answer, 415, "unsupported-media-type");
    }
    let request = Request::post("/v1/sessions")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", app.token(Kind::Player)),
        )
        .header(header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
    refused(
        &app.call(request.body(Body::from("{}")).unwrap()).await,
        400,
        "malformed",
    );
}

#[tokio::test]
async fn ids_that_cannot_be_are_404_and_players_400() {
    let app = App::new().await;
    let long = "x".repeat(5_000);
    let compact = NOBODY.replace('-', "");
    for id in [
        "1",
        "%00",
        "party",
        &long,
        &compact,
        &format!("{{{NOBODY}}}"),
    ] {
        let id = id.replace('{', "%7B").replace('}', "%7D");
        let answer = app
            .bare(
                Method::GET,
                &format!("/v1/sessions/{id}"),
                Some(Kind::Player),
            )
            .await;
        refused(&answer, 404, "not-found");
        assert!(answer.body["id"].as_str().unwrap().len() <= 100);
    }
    for name in ["a%20b", "%F0%9F%8E%AE", &long] {
        let answer = app
            .bare(
                Method::GET,
                &format!("/v1/queues/{name}"),
                Some(Kind::Player),
            )
            .await;
        refused(&answer, 404, "not-found");
    }
    for player in ["a%20b", "%00", &long] {
        let path = format!("/v1/sessions/{NOBODY}/members/{player}");
        refused(
            &app.bare(Method::DELETE, &path, Some(Kind::Server)).await,
            400,
            "malformed",
        );
    }
    let answer = app
        .bare(Method::GET, "/v1/sessions/%FF", Some(Kind::Player))
        .await;
    refused(&answer, 400, "malformed");
}

#[tokio::test]
async fn query_parameters_are_known_single_and_whole() {
    let app = App::new().await;
    let long = format!("/v1/events?cursor={}", "x".repeat(9_000));
    for path in [
        "/v1/events?wait=1&wait=1",
        "/v1/events?wait=-1",
        "/v1/events?wait=soon",
        "/v1/events?wait=",
        "/v1/events?wait=300001",
        "/v1/events?wait=99999999999999999999",
        "/v1/events?cursor=",
        "/v1/events?cursor=%F",
        "/v1/events?cursor=%FF",
        "/v1/events?colour=red",
        "/v1/queues?wait=1",
        &long,
    ] {
        refused(
            &app.bare(Method::GET, path, Some(Kind::Player)).await,
            400,
            "malformed",
        );
    }
}

#[tokio::test]
async fn odd_headers_are_400() {
    let app = App::new().await;
    for (name, values) in [
        ("Idempotency-Key", vec!["k".repeat(201)]),
        ("Idempotency-Key", vec![String::new()]),
        ("Idempotency-Key", vec!["a".to_owned(), "b".to_owned()]),
    ] {
        let mut request = Request::post("/v1/sessions")
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", app.token(Kind::Player)),
            )
            .header(header::CONTENT_TYPE, "application/json");
        for value in values {
            request = request.header(name, value);
        }
        let answer = app
            .call(request.body(Body::from(r#"{"type":"party"}"#)).unwrap())
            .await;
        refused(&answer, 400, "malformed");
    }
}

#[tokio::test]
async fn unknown_paths_are_404_and_unknown_methods_405() {
    let app = App::new().await;
    for path in [
        "/v2/sessions",
        "/v1/sessions/",
        "/v1",
        "//",
        "/v1/queues/a/b",
        "/healthz/",
    ] {
        refused(
            &app.bare(Method::GET, path, None).await,
            404,
            "no-such-path",
        );
    }
    let path = format!("/v1/sessions/{NOBODY}");
    for method in [Method::POST, Method::PUT, Method::OPTIONS, Method::TRACE] {
        let answer = app.bare(method, &path, None).await;
        refused(&answer, 405, "method-not-allowed");
        assert_eq!(answer.headers[header::ALLOW], "GET, PATCH, DELETE, HEAD");
    }
}

#[tokio::test]
async fn a_body_where_none_is_taken_is_400() {
    let app = App::new().await;
    let path = format!("/v1/sessions/{NOBODY}/members/me/promote");
    refused(&app.json(Method::POST, &path, "{}").await, 400, "malformed");
}
