//! What a well-formed request comes to: statuses, entity tags, locations, repeated keys, refusals by law.

use axum::body::Body;
use axum::http::{Method, Request, header};
use model::instance::InstanceStatus;
use model::session::Error as Law;
use model::wire::PrincipalKind as Kind;

use super::{Answer, App};
use crate::Error;
use crate::etag;
use crate::http::problem::Problem;

async fn party(app: &App) -> (String, Answer) {
    let answer = app
        .json(Method::POST, "/v1/sessions", r#"{"type":"party"}"#)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = format!("/v1/sessions/{}", answer.body["id"].as_str().unwrap());
    (path, answer)
}

/// A request of alice's with one more header.
async fn with(app: &App, method: Method, path: &str, header: (&str, &str), body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", app.token(Kind::Player)),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header(header.0, header.1);
    app.call(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

fn tag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_created_session_has_its_location_and_its_tag() {
    let app = App::new().await;
    let (path, answer) = party(&app).await;
    assert_eq!(answer.headers[header::LOCATION], path.as_str());
    let branch = answer.body["branch"].as_str().unwrap();
    assert_eq!(
        tag(&answer),
        format!("\"{branch}:{}\"", answer.body["change_number"])
    );
    let read = app.bare(Method::GET, &path, Some(Kind::Player)).await;
    assert_eq!((read.status, tag(&read)), (200, tag(&answer)));
    assert_eq!(read.body, answer.body);
}

#[tokio::test]
async fn a_read_with_the_tag_that_still_holds_is_304_without_a_body() {
    let app = App::new().await;
    let (path, answer) = party(&app).await;
    for known in [tag(&answer), format!("W/{}", tag(&answer)), "*".into()] {
        let read = with(&app, Method::GET, &path, ("If-None-Match", &known), "").await;
        assert_eq!((read.status, tag(&read)), (304, tag(&answer)));
        assert!(read.body.is_null());
    }
    let read = with(
        &app,
        Method::GET,
        &path,
        ("If-None-Match", "\"else:1\""),
        "",
    )
    .await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn a_write_with_an_old_tag_is_412_with_the_session_as_it_is_now() {
    let app = App::new().await;
    let (path, answer) = party(&app).await;
    let old = tag(&answer);
    let body = r#"{"custom_data":{"name":"a"}}"#;
    let first = with(&app, Method::PATCH, &path, ("If-Match", &old), body).await;
    assert_eq!(first.status, 200, "{first:?}");
    let second = with(&app, Method::PATCH, &path, ("If-Match", &old), body).await;
    assert_eq!(
        (second.status, second.problem()),
        (412, "precondition-failed")
    );
    assert_eq!(second.body["current"], first.body);
    assert_eq!(tag(&second), tag(&first));
}

#[tokio::test]
async fn a_repeated_key_creates_once() {
    let app = App::new().await;
    let key = ("Idempotency-Key", "one");
    let body = r#"{"type":"party"}"#;
    let first = with(&app, Method::POST, "/v1/sessions", key, body).await;
    let again = with(&app, Method::POST, "/v1/sessions", key, body).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.body["id"], again.body["id"]);
}

#[tokio::test]
async fn joining_is_201_then_200_and_the_last_leave_is_204() {
    let app = App::new().await;
    let (path, _) = party(&app).await;
    let bob = format!("{path}/members/bob");
    let closed = app.bare(Method::PUT, &bob, Some(Kind::Fleet)).await;
    assert_eq!(closed.status, 403);
    let reserve = r#"{"players":[{"player":"bob"}]}"#;
    let reserved = app
        .json(Method::POST, &format!("{path}/reservations"), reserve)
        .await;
    assert_eq!(reserved.status, 200, "{reserved:?}");
    let joined = app.bare(Method::PUT, &bob, Some(Kind::Server)).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let me = format!("{path}/members/me");
    let again = app.bare(Method::PUT, &me, Some(Kind::Player)).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        app.bare(Method::DELETE, &bob, Some(Kind::Player))
            .await
            .status,
        200
    );
    assert_eq!(
        app.bare(Method::DELETE, &me, Some(Kind::Player))
            .await
            .status,
        204
    );
    let gone = app.bare(Method::GET, &path, Some(Kind::Player)).await;
    assert_eq!((gone.status, gone.problem()), (404, "not-found"));
}

#[test]
fn every_refusal_of_the_law_has_the_status_that_the_law_gives_it() {
    let from = InstanceStatus::Closed;
    let refusals = [
        Law::SessionEnded,
        Law::NotAdmitted,
        Law::Closed,
        Law::NotLeader,
        Law::NotHost,
        Law::NotAMember,
        Law::NotJoined,
        Law::NotOwnMember,
        Law::NotService,
        Law::NotServer,
        Law::CannotChangeTeam,
        Law::CreationNotAllowed,
        Law::NoSuchMember,
        Law::NoSuchServer,
        Law::ReadyAndActive,
        Law::NotOwner,
        Law::Blocked,
        Law::CrossPlay,
        Law::LastOwner,
        Law::RoleFull("healer".parse().unwrap()),
        Law::LeaderStays,
        Law::LooksOn,
        Law::SameTeam,
        Law::NoOwners,
        Law::NoSuchRole("healer".parse().unwrap()),
        Law::SessionFull,
        Law::SpectatorsFull,
        Law::TeamFull,
        Law::AlreadyMember,
        Law::ReservedOnly,
        Law::InitializationFailed,
        Law::NotEvaluating,
        Law::ConstantsConflict("constants"),
        Law::FixedByType("joinability"),
        Law::InstanceExists,
        Law::NotJoinable,
        Law::ForeignAllocation,
        Law::InstanceTransition {
            from,
            to: InstanceStatus::Joinable,
        },
        Law::VersionMismatch,
        Law::ClientMismatch,
        Law::AlreadyQueued,
        Law::NoSuchTicket,
        Law::NotQueueable,
        Law::NotListable,
        Law::NoInstance,
        Law::InstanceClosed,
        Law::StartupParamsMissing,
        Law::NoInstances,
        Law::EmptyCreate,
        Law::NoSuchTeam(7),
        Law::CustomDataLimits {
            what: "keys",
            limit: 1,
        },
        Law::CustomDataKey {
            key: String::new(),
            why: model::session::KeyError::Twice,
        },
        Law::TooLarge {
            document: "session",
            limit: 1,
        },
        Law::Invalid("players"),
    ];
    for law in refusals {
        let (status, text) = (law.status(), law.to_string());
        let response = Problem::from(Error::Law(law)).into_response(None);
        assert_eq!(response.status().as_u16(), status, "{text}");
    }
}

#[test]
fn a_tag_names_its_version_and_no_other() {
    let branch = uuid::Uuid::from_u128(1);
    let tag = format!("\"{branch}:7\"");
    assert!(etag::names(&tag, branch, Some(7)));
    assert!(!etag::names(&tag, branch, None));
    assert!(etag::names("*", branch, None));
    assert!(etag::names(&format!("\"x\", {tag}"), branch, Some(7)));
    assert!(!etag::names(&tag, branch, Some(8)));
    assert!(!etag::names(&tag, uuid::Uuid::from_u128(2), Some(7)));
    for odd in ["", "\"\"", "\"7\"", &tag[1..], "\"x:7\""] {
        assert!(!etag::names(odd, branch, Some(7)), "{odd}");
    }
}
