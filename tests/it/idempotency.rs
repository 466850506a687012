//! Repeats and races over HTTP: Idempotency-Key, If-Match, If-None-Match.

use model::wire::{PrincipalKind, UpdateSession};
use sdk::Condition;
use serde_json::json;
use server::core::Settings;
use tests::queue::ticket;
use tests::world::{World, create, of, refused};
use tests::{Kind, SESSION_TYPES, raw, run};

async fn post(world: &World, name: &str, path: &str, key: &str, body: &str) -> raw::Answer {
    let token = raw::token(&raw::claims(PrincipalKind::Player, name));
    let request = raw::Request {
        method: "POST",
        path,
        token: Some(&token),
        headers: &[("idempotency-key", key)],
        body: body.as_bytes(),
    };
    raw::send(&world.server.url, request).await
}

#[test]
fn a_repeat_gives_the_same_session_and_a_reused_key_is_409_sqlite() {
    run(repeats(Kind::Sqlite));
}

#[test]
fn a_repeat_gives_the_same_session_and_a_reused_key_is_409_postgres() {
    run(repeats(Kind::Postgres));
}

async fn repeats(kind: Kind) {
    let world = World::on(kind, "repeats", SESSION_TYPES, Settings::default()).await;
    let Some(world) = world else { return };
    let (path, body) = ("/v1/sessions", r#"{"type":"Room"}"#);
    let first = post(&world, "ann", path, "k", body).await;
    assert_eq!(first.status, 201, "{first:?}");
    // Also after a restart: the key is as durable as the session.
    let world = world.restart().await;
    let again = post(&world, "ann", path, "k", body).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    // Another spelling of the same request is the same request.
    let spelt = post(&world, "ann", path, "k", " { \"type\" : \"Room\" } ").await;
    assert_eq!((spelt.status, &spelt.body), (201, &first.body));
    for other in [r#"{"type":"Party"}"#, r#"{"type":"Room","custom":1}"#] {
        let reused = post(&world, "ann", path, "k", other).await;
        assert_eq!(
            (reused.status, reused.problem()),
            (409, "idempotency-key-reused"),
            "{other}"
        );
    }
    let mine = world.player("ann").my_sessions().await.expect("hers");
    assert_eq!(mine.len(), 1);
    // The password is part of the request.
    let secret = |password: &str| json!({ "type": "Room", "password": password }).to_string();
    let first = post(&world, "ann", path, "p", &secret("sesame")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let world = world.restart().await;
    let again = post(&world, "ann", path, "p", &secret("sesame")).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    for other in [&secret("sesam"), &secret(""), body] {
        let reused = post(&world, "ann", path, "p", other).await;
        let refusal = (reused.status, reused.problem());
        assert_eq!(refusal, (409, "idempotency-key-reused"), "{other}");
    }
    // Somebody else's key of the same name is another key.
    let bobs = post(&world, "bob", path, "k", body).await;
    assert_eq!(bobs.status, 201);
    assert_ne!(bobs.body["id"], first.body["id"]);
    // A request that was refused has used up nothing.
    let refused = post(&world, "ann", path, "n", r#"{"type":"Nothing"}"#).await;
    assert_eq!(refused.status, 404);
    let now = post(&world, "ann", path, "n", body).await;
    assert_eq!(now.status, 201);
    world.stop().await;
}

#[test]
fn twenty_at_once_with_one_key_make_one_session() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let body = of("Room");
        let all = (0..20).map(|_| ann.create_session_keyed(&body, "once"));
        let made = futures_util::future::join_all(all).await;
        let mut ids: Vec<_> = made
            .into_iter()
            .map(|one| one.expect("the session").id)
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(ann.my_sessions().await.expect("hers").len(), 1);
        world.stop().await;
    });
}

#[test]
fn a_ticket_and_an_instance_are_asked_for_once_too() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let party = create(&ann, "Party").await.id;
        let path = format!("/v1/sessions/{party}/ticket");
        let first = post(&world, "ann", &path, "t", r#"{"queue":"tdm"}"#).await;
        assert_eq!(first.status, 201, "{first:?}");
        let again = post(&world, "ann", &path, "t", r#"{"queue":"tdm"}"#).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        let reused = post(&world, "ann", &path, "t", r#"{"queue":"duel"}"#).await;
        assert_eq!(reused.problem(), "idempotency-key-reused");
        // The key stays that ticket's after it has ended, and another key is another ticket.
        ann.cancel_ticket(party).await.expect("taken back");
        let ended = post(&world, "ann", &path, "t", r#"{"queue":"tdm"}"#).await;
        assert_eq!(
            (ended.status, &ended.body["state"]),
            (201, &json!("canceled"))
        );
        assert_eq!(ended.body["id"], first.body["id"]);
        ann.create_ticket(party, &ticket("tdm")).await.expect("new");
        let other = create(&world.player("ann"), "Party").await.id;
        let elsewhere = format!("/v1/sessions/{other}/ticket");
        let reused = post(&world, "ann", &elsewhere, "t", r#"{"queue":"tdm"}"#).await;
        assert_eq!(reused.status, 409, "{reused:?}");
        let room = create(&ann, "Room").await.id;
        let path = format!("/v1/sessions/{room}/instance");
        let first = post(&world, "ann", &path, "i", "{}").await;
        assert_eq!(first.status, 201, "{first:?}");
        let again = post(&world, "ann", &path, "i", "{}").await;
        assert_eq!(again.status, 201);
        assert_eq!(again.body["instance"]["id"], first.body["instance"]["id"]);
        let other = r#"{"startup_params":{"map":"Other"}}"#;
        let reused = post(&world, "ann", &path, "i", other).await;
        assert_eq!(reused.problem(), "idempotency-key-reused");
        let without = post(&world, "ann", &path, "j", "{}").await;
        assert_eq!(without.problem(), "instance-exists");
        world.stop().await;
    });
}

#[test]
fn a_stale_if_match_is_412_with_the_current_body_and_a_known_etag_is_304() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let id = create(&ann, "Room").await.id;
        let tag = ann.session_versioned(id).await.expect("it").etag;
        assert_eq!(ann.session_if_changed(id, &tag).await.expect("304"), None);
        let write = |value: i32| UpdateSession {
            custom: Some(json!(value)),
            ..UpdateSession::default()
        };
        let now = ann
            .update_session(id, &write(1), Condition::Unchanged(&tag))
            .await
            .expect("it was unchanged");
        let stale = ann
            .update_session(id, &write(2), Condition::Unchanged(&tag))
            .await;
        let Err(sdk::Error::Problem { problem, .. }) = &stale else {
            panic!("must be refused: {stale:?}");
        };
        let current = serde_json::from_value(problem.extensions["current"].clone());
        assert_eq!(current.ok(), Some(now.clone()));
        refused(stale, 412, "precondition-failed");
        let changed = ann.session_if_changed(id, &tag).await.expect("200");
        let changed = changed.expect("the new document");
        assert_eq!(changed.value, now);
        // `*` is any; a change that changes nothing is no change.
        ann.update_session(id, &write(1), Condition::Unchanged("*"))
            .await
            .expect("any");
        let same = ann
            .session_if_changed(id, &changed.etag)
            .await
            .expect("304");
        assert_eq!(same, None);
        world.stop().await;
    });
}
