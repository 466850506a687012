//! Who gets as far as a handler: the table holds, and tokens that are not good are told so.

use axum::body::Body;
use axum::http::{Method, Request, header};
use model::wire::{Claims, PrincipalKind as Kind};
use model::{Millis, Namespace, Timestamp};

use super::{App, NOBODY};
use crate::PrincipalKind;
use crate::http::routes::{Access, ROUTES, Route};

const KINDS: [(Kind, PrincipalKind); 5] = [
    (Kind::Player, PrincipalKind::Player),
    (Kind::Server, PrincipalKind::Server),
    (Kind::Fleet, PrincipalKind::Fleet),
    (Kind::Admin, PrincipalKind::Admin),
    (Kind::GameServer, PrincipalKind::GameServer),
];

fn path(route: &Route) -> String {
    route
        .path
        .replace("{id}", NOBODY)
        .replace("{player}", "alice")
        .replace("{name}", "nothing")
}

fn method(route: &Route) -> Method {
    route.verb.as_str().parse().unwrap()
}

#[tokio::test]
async fn every_cell_of_the_table_is_kept_before_the_handler() {
    let app = App::new().await;
    for route in ROUTES {
        for (kind, of) in KINDS {
            let answer = app.bare(method(route), &path(route), Some(kind)).await;
            let context = format!(
                "{} {} by {kind:?}: {answer:?}",
                route.verb.as_str(),
                route.path
            );
            if route.access.admits(of) {
                // The handler itself refuses a game server that the registry does not have.
                let unregistered = answer.body["detail"].as_str();
                let unregistered = unregistered.is_some_and(|text| text.contains("registered"));
                assert!(answer.status != 401 || unregistered, "{context}");
                assert_ne!(answer.problem(), "forbidden", "{context}");
            } else {
                assert_eq!(
                    (answer.status, answer.problem()),
                    (403, "forbidden"),
                    "{context}"
                );
            }
        }
    }
}

#[tokio::test]
async fn without_a_token_only_open_routes_answer() {
    let app = App::new().await;
    for route in ROUTES {
        let answer = app.bare(method(route), &path(route), None).await;
        if route.access == Access::Open {
            assert_ne!(answer.status, 401, "{}", route.path);
        } else {
            assert_eq!(
                (answer.status, answer.problem()),
                (401, "unauthorized"),
                "{}",
                route.path
            );
            let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
            assert!(
                challenge.starts_with("Bearer realm=\"muster\""),
                "{challenge}"
            );
        }
    }
}

#[tokio::test]
async fn tokens_that_are_not_good_are_401() {
    let app = App::new().await;
    let mint = |namespace: &str, now: Timestamp| {
        let namespace: Namespace = namespace.parse().unwrap();
        let claims = Claims::new(namespace, Kind::Player, "alice", now, Millis::seconds(60));
        app.keys.mint(&claims).unwrap()
    };
    let good = mint("default", app.now);
    let long_ago = mint("default", app.now - Millis::seconds(91));
    let foreign = mint("elsewhere", app.now);
    let cases = [
        format!("Bearer {long_ago}"),
        format!("Bearer {foreign}"),
        format!("Bearer {}", good.replace('.', "")),
        format!("Bearer {good}x"),
        format!("Basic {good}"),
        format!("Bearer {}", "x".repeat(5_000)),
        "Bearer ".to_owned(),
        good.clone(),
    ];
    for value in cases {
        let request = Request::get("/v1/queues").header(header::AUTHORIZATION, &value);
        let answer = app.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (401, "unauthorized"),
            "{value}"
        );
        assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
    }
    let twice = Request::get("/v1/queues")
        .header(header::AUTHORIZATION, format!("Bearer {good}"))
        .header(header::AUTHORIZATION, format!("Bearer {good}"));
    assert_eq!(
        app.call(twice.body(Body::empty()).unwrap()).await.status,
        401
    );
}

#[tokio::test]
async fn a_player_acts_for_himself_only() {
    let app = App::new().await;
    let of_bob = format!("/v1/sessions/{NOBODY}/members/bob");
    for method in [Method::PUT, Method::PATCH] {
        let answer = app.json(method, &of_bob, "{}").await;
        assert_eq!((answer.status, answer.problem()), (403, "forbidden"));
    }
    // `me` is nobody for a server: it has to say whom it means.
    let me = format!("/v1/sessions/{NOBODY}/members/me");
    let answer = app.bare(Method::PUT, &me, Some(Kind::Server)).await;
    assert_eq!((answer.status, answer.problem()), (400, "malformed"));
}
