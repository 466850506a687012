//! Passwords of sessions over HTTP (F6): who sets one, who is asked for it, what becomes of guessing.

use model::SessionId;
use model::session_type::Joinability;
use model::wire::{
    CreateSession, InvitePlayers, JoinSession, Password, PrincipalKind, Session, UpdateSession,
};
use sdk::{Client, Condition, Who};
use serde_json::json;
use server::core::{PASSWORD_TRIES_MAX, PASSWORD_TRIES_WINDOW};
use tests::world::{LAW_TYPES, World, active, create, join, of, players, refused, seat};
use tests::{raw, run};

/// Where the leader alone says who may join.
const LED: &str = "
---
apiVersion: v1
kind: SessionType
name: Led
creation: { by_players: true }
joinability: public
joinability_by: leader
";

async fn world() -> World {
    World::with(&format!("{LAW_TYPES}{LED}")).await
}

fn password(text: &str) -> Option<Password> {
    Some(Password(text.to_owned()))
}

async fn protected(leader: &Client, text: &str) -> Session {
    let body = CreateSession {
        joinability: Some(Joinability::Public),
        password: password(text),
        ..of("Plain")
    };
    leader.create_session(&body).await.expect("a session")
}

async fn set(client: &Client, id: SessionId, text: &str) -> Result<Session, sdk::Error> {
    let update = UpdateSession {
        password: password(text),
        ..UpdateSession::default()
    };
    client.update_session(id, &update, Condition::Always).await
}

async fn say(client: &Client, id: SessionId, text: &str) -> Result<Session, sdk::Error> {
    let body = JoinSession {
        password: password(text),
        ..active()
    };
    client.join(id, Who::Me, &body).await
}

#[test]
fn f6_a_password_is_asked_of_joiners_changed_live_and_never_shown() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let made = protected(&ann, "sesame").await;
        let id = made.id;
        assert!(made.password_protected);
        let shown = serde_json::to_string(&made).expect("JSON");
        assert!(
            !shown.contains("sesame") && !shown.contains("digest"),
            "{shown}"
        );
        assert!(bob.session(id).await.expect("open").password_protected);
        refused(join(&bob, id).await, 403, "wrong-password");
        refused(say(&bob, id, "Sesame").await, 403, "wrong-password");
        say(&bob, id, "sesame").await.expect("the right one");
        // Members are not asked again. Any of them may change it here, and who is in stays in.
        join(&bob, id).await.expect("a member");
        set(&bob, id, "öffne dich").await.expect("a member's right");
        refused(say(&cid, id, "sesame").await, 403, "wrong-password");
        say(&cid, id, "öffne dich").await.expect("the new one");
        let seats = ann.session(id).await.expect("hers").members.len();
        assert_eq!(seats, 3);
        // It outlives the server; empty takes it away.
        let world = world.restart().await;
        let [ann, dan] = ["ann", "dan"].map(|name| world.player(name));
        refused(say(&dan, id, "sesame").await, 403, "wrong-password");
        let opened = set(&ann, id, "").await.expect("a member's right");
        assert!(!opened.password_protected);
        join(&dan, id).await.expect("nothing to know any more");
        world.stop().await;
    });
}

#[test]
fn f6_a_reservation_an_invite_and_the_studio_need_no_password() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let body = CreateSession {
            joinability: Some(Joinability::Public),
            password: password("sesame"),
            reserve: vec![seat("bob")],
            ..of("Plain")
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        join(&world.player("bob"), id).await.expect("a seat");
        let invite = InvitePlayers {
            players: players(&["cid"]),
            context: String::new(),
        };
        ann.invite(id, &invite).await.expect("a member's right");
        say(&world.player("cid"), id, "anything")
            .await
            .expect("an invite");
        let dans = tests::player("dan");
        let brought = world.backend();
        brought
            .join(id, Who::Player(&dans), &active())
            .await
            .expect("the studio vouches");
        world.stop().await;
    });
}

#[test]
fn f6_who_may_change_the_joinability_may_change_the_password() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Led").await.id;
        join(&bob, id).await.expect("public");
        refused(set(&bob, id, "mine").await, 403, "not-leader");
        refused(set(&cid, id, "mine").await, 403, "not-member");
        refused(set(&cid, id, "").await, 403, "not-member");
        let secret = create(&ann, "Secret").await.id;
        refused(set(&cid, secret, "mine").await, 404, "not-found");
        assert!(!ann.session(id).await.expect("hers").password_protected);
        set(&ann, id, "hers").await.expect("the leader");
        set(&world.backend(), id, "theirs")
            .await
            .expect("the studio");
        say(&cid, id, "theirs").await.expect("the newest");
        world.stop().await;
    });
}

#[test]
fn f6_passwords_keep_their_limits() {
    run(async {
        let world = world().await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        // Characters, not bytes.
        let longest = "ü".repeat(128);
        let id = protected(&ann, &longest).await.id;
        let body = CreateSession {
            password: password(&format!("{longest}x")),
            ..of("Plain")
        };
        refused(ann.create_session(&body).await, 422, "invalid");
        let too_long = format!("{longest}x");
        refused(set(&ann, id, &too_long).await, 422, "invalid");
        refused(say(&bob, id, &too_long).await, 422, "invalid");
        say(&bob, id, &longest).await.expect("the right one");
        let body = CreateSession {
            me: Some(JoinSession {
                password: password("sesame"),
                ..active()
            }),
            ..of("Plain")
        };
        refused(ann.create_session(&body).await, 422, "invalid");
        assert!(!protected(&ann, "").await.password_protected, "R12");
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let request = raw::Request {
            method: "PATCH",
            path: &format!("/v1/sessions/{id}"),
            token: Some(&token),
            headers: &[],
            body: br#"{"password":["sesame"]}"#,
        };
        let answer = raw::send(&world.server.url, request).await;
        assert_eq!((answer.status, answer.problem()), (400, "malformed"));
        world.stop().await;
    });
}

#[test]
fn f6_whoever_guesses_is_not_listened_to_for_a_while() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = protected(&ann, "sesame").await.id;
        let other = protected(&ann, "sesame").await.id;
        // Right ones do not count, and neither does saying nothing.
        for _ in 0..PASSWORD_TRIES_MAX + 2 {
            refused(join(&bob, id).await, 403, "wrong-password");
            say(&cid, id, "sesame").await.expect("the right one");
            cid.leave(id, Who::Me).await.expect("his own seat");
        }
        // Nor does a right one that something else is wrong with.
        for _ in 0..PASSWORD_TRIES_MAX + 2 {
            let body = JoinSession {
                password: password("sesame"),
                team: Some(9),
                ..active()
            };
            let odd = cid.join(id, Who::Me, &body).await;
            refused(odd, 422, "invalid");
        }
        for n in 0..PASSWORD_TRIES_MAX {
            let id = if n % 2 == 0 { id } else { other };
            refused(say(&bob, id, "wrong").await, 403, "wrong-password");
        }
        world.at(20_500);
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        let body = json!({ "active": true, "password": "sesame" }).to_string();
        for dry in ["", "?dry_run=true"] {
            let request = raw::Request {
                method: "PUT",
                path: &format!("/v1/sessions/{id}/members/me{dry}"),
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!((answer.status, answer.problem()), (429, "too-many-tries"));
            assert_eq!(answer.header("retry-after"), Some("40"));
        }
        // It is his own affair: others get in, and so does he with an invite, or once the time is over.
        say(&cid, id, "sesame").await.expect("the right one");
        world.at(PASSWORD_TRIES_WINDOW.0);
        say(&bob, id, "sesame").await.expect("the right one");
        world.stop().await;
    });
}

#[test]
fn f6_a_repeated_create_is_the_same_session_and_one_with_another_password_is_refused() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let body = |text| CreateSession {
            joinability: Some(Joinability::Public),
            password: password(text),
            ..of("Plain")
        };
        let made = ann.create_session_keyed(&body("sesame"), "once").await;
        let again = ann.create_session_keyed(&body("sesame"), "once").await;
        assert_eq!(made.expect("a session").id, again.expect("the same").id);
        // With another password it is another request, which the key is not good for.
        let other = ann.create_session_keyed(&body("other"), "once").await;
        refused(other, 409, "idempotency-key-reused");
        world.stop().await;
    });
}

#[test]
fn f6_the_same_password_again_is_no_change_and_tells_nobody_anything() {
    run(async {
        let world = world().await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let made = protected(&ann, "sesame").await;
        let again = set(&ann, made.id, "sesame").await.expect("hers");
        assert_eq!(again.change_number, made.change_number);
        let other = set(&ann, made.id, "sesam").await.expect("hers");
        assert_eq!(other.change_number, made.change_number + 1);
        refused(say(&bob, made.id, "sesame").await, 403, "wrong-password");
        say(&bob, made.id, "sesam").await.expect("the right one");
        // Who may not set it does not learn from the answer what it is.
        let led = CreateSession {
            password: password("sesame"),
            ..of("Led")
        };
        let led = ann.create_session(&led).await.expect("a session").id;
        say(&bob, led, "sesame").await.expect("the right one");
        for guess in ["sesame", "sesam"] {
            refused(set(&bob, led, guess).await, 403, "not-leader");
        }
        world.stop().await;
    });
}
