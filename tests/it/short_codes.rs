//! Short codes and what is done to whole sessions at once, over HTTP (F1, F3).

use model::SessionId;
use model::wire::{InviteSession, PrincipalKind, Session};
use sdk::{Client, Who};
use server::Principal;
use server::core::{Asked, CODE_ALPHABET, CODE_CHARS};
use tests::world::{LAW_TYPES, World, create, create_with, join, refused};
use tests::{raw, run};

fn invited(session: &Session) -> Vec<&str> {
    let invites = session.invites.iter();
    invites.map(|invite| invite.player.as_str()).collect()
}

fn members(session: &Session) -> Vec<&str> {
    let members = session.members.iter();
    members.map(|member| member.player.as_str()).collect()
}

async fn coded(client: &Client, id: SessionId) -> String {
    let session = client
        .give_short_code(id)
        .await
        .expect("the leader's right");
    session.short_code.expect("a code")
}

#[test]
fn f1_a_session_has_one_code_for_life_which_leads_to_it_until_it_ends() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Teams").await.id;
        join(&bob, id).await.expect("public");
        refused(bob.give_short_code(id).await, 403, "not-leader");
        refused(cid.give_short_code(id).await, 403, "not-member");
        let code = coded(&ann, id).await;
        assert_eq!(code.len(), CODE_CHARS);
        assert!(
            code.bytes().all(|byte| CODE_ALPHABET.contains(&byte)),
            "{code}"
        );
        // Again it is the same; nothing has changed.
        let before = ann.session(id).await.expect("hers");
        assert_eq!(coded(&world.backend(), id).await, code);
        assert_eq!(ann.session(id).await.expect("hers"), before);
        // Members see it, others must be told it; as people write it.
        assert_eq!(
            bob.session(id).await.expect("his").short_code.as_deref(),
            Some(&*code)
        );
        assert_eq!(cid.session(id).await.expect("open").short_code, None);
        let found = cid.short_code(&code.to_lowercase()).await.expect("it");
        assert_eq!((found.session, found.code), (id, code.clone()));
        for none in ["", "ABC", "AAAAAAA", "O0O0O0", "%C3%9C2345", "../etc"] {
            let found = cid.short_code(none).await;
            assert_eq!(found.expect_err("none").status(), Some(404), "{none}");
        }
        // It is kept over a restart and free again when the session is over.
        let world = world.restart().await;
        let (ann, cid) = (world.player("ann"), world.player("cid"));
        assert_eq!(cid.short_code(&code).await.expect("it").session, id);
        ann.delete_session(id).await.expect("the leader's right");
        refused(cid.short_code(&code).await, 404, "not-found");
        let next = create(&ann, "Teams").await.id;
        let given = give(&world, next, &[&code]).await.expect("free again");
        assert_eq!(given.short_code, Some(code.clone()));
        assert_eq!(cid.short_code(&code).await.expect("it").session, next);
        world.stop().await;
    });
}

/// Gives a code out of these, the last one for ever.
async fn give(world: &World, id: SessionId, codes: &[&str]) -> Result<Session, server::Error> {
    let who = Principal::Admin {
        subject: "root".into(),
    };
    let mut drawn = codes.iter();
    let mut last = "";
    let core = &world.server.core;
    core.give_short_code_of(&Asked::always(&who, id), || {
        last = drawn.next().copied().unwrap_or(last);
        last.to_owned()
    })
    .await
}

#[test]
fn f1_two_sessions_never_have_the_same_code() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let [one, two, three] = [
            create(&ann, "Teams").await.id,
            create(&ann, "Teams").await.id,
            create(&ann, "Teams").await.id,
        ];
        let of = |session: Session| session.short_code;
        let first = give(&world, one, &["222222"]).await.expect("free");
        assert_eq!(of(first).as_deref(), Some("222222"));
        let second = give(&world, two, &["222222", "222222", "333333"]).await;
        assert_eq!(of(second.expect("the third")).as_deref(), Some("333333"));
        // After a bounded number of tries it is refused, and nothing has changed.
        let before = ann.session(three).await.expect("hers");
        let refusal = give(&world, three, &["222222"]).await.expect_err("taken");
        assert!(matches!(refusal, server::Error::Conflict(_)), "{refusal}");
        assert_eq!(ann.session(three).await.expect("hers"), before);
        world.stop().await;
    });
}

#[test]
fn f1_a_code_leads_nobody_to_a_session_that_is_not_for_him_to_see() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create_with(&ann, "Secret", &["cid"]).await.id;
        let code = coded(&ann, id).await;
        let secret = bob.short_code(&code).await.expect_err("not for him");
        let none = bob.short_code("222222").await.expect_err("none");
        let said = |error: sdk::Error| match error {
            sdk::Error::Problem {
                status, problem, ..
            } => (status, problem.detail),
            other => panic!("not a refusal: {other}"),
        };
        let (status, detail) = said(secret);
        assert_eq!((status, detail.replace(&code, "222222")), said(none));
        let cid = world.player("cid");
        assert_eq!(cid.short_code(&code).await.expect("his").session, id);
        world.stop().await;
    });
}

#[test]
fn f3_a_whole_session_is_invited_by_who_is_in_both() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let party = create_with(&ann, "Teams", &["held"]).await.id;
        join(&bob, party).await.expect("public");
        join(&cid, party).await.expect("public");
        let game = create(&ann, "Plain").await.id;
        let body = InviteSession {
            context: "next map".into(),
        };
        // Who is in one of them only may not, whichever it is.
        refused(
            bob.invite_session(game, party, &body).await,
            403,
            "not-member",
        );
        let foreign = create(&bob, "Teams").await.id;
        refused(
            ann.invite_session(game, foreign, &body).await,
            403,
            "not-member",
        );
        let secret = create(&bob, "Secret").await.id;
        refused(
            ann.invite_session(game, secret, &body).await,
            404,
            "not-found",
        );
        refused(
            ann.invite_session(game, nowhere(), &body).await,
            404,
            "not-found",
        );
        // Every joined member who has no seat: not she herself, nor who is only expected.
        let session = ann.invite_session(game, party, &body).await;
        let session = session.expect("hers");
        assert_eq!(invited(&session), ["bob", "cid"]);
        assert_eq!(session.invites[0].context, "next map");
        assert_eq!(bob.my_invites().await.expect("his own").len(), 1);
        // Who was invited lately is not invited again, and keeps nobody else from it.
        bob.withdraw_invite(game, Who::Me).await.expect("his own");
        let again = ann.invite_session(game, party, &body).await;
        assert_eq!(invited(&again.expect("hers")), ["cid"]);
        join(&cid, game).await.expect("an invite admits");
        world.at(30_000);
        // The studio is nobody's member and may.
        let session = world.backend().invite_session(game, party, &body).await;
        assert_eq!(invited(&session.expect("a server")), ["bob"]);
        join(&bob, game).await.expect("an invite admits");
        let session = ann.invite_session(game, party, &body).await;
        assert_eq!(invited(&session.expect("nobody is left")), [""; 0]);
        world.stop().await;
    });
}

#[test]
fn f3_a_whole_session_is_kicked_by_the_leader_who_is_in_both() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let party = create(&ann, "Teams").await.id;
        let game = create(&ann, "Teams").await.id;
        for client in [&bob, &cid] {
            join(client, party).await.expect("public");
        }
        for client in [&bob, &dan] {
            join(client, game).await.expect("public");
        }
        refused(bob.kick_session(game, party).await, 403, "not-leader");
        refused(dan.kick_session(game, party).await, 403, "not-member");
        refused(ann.kick_session(party, nowhere()).await, 404, "not-found");
        let session = ann.kick_session(game, party).await.expect("the leader");
        assert_eq!(members(&session.expect("it goes on")), ["ann", "dan"]);
        assert_eq!(
            members(&ann.session(party).await.expect("hers")),
            ["ann", "bob", "cid"]
        );
        // The studio spares nobody; the session ends with its last member.
        let dans = create(&dan, "Teams").await.id;
        let left = world.backend().kick_session(game, party).await;
        assert_eq!(members(&left.expect("a server").expect("it")), ["dan"]);
        let ended = world.backend().kick_session(game, dans).await;
        assert_eq!(ended.expect("a server"), None);
        refused(dan.session(game).await, 404, "not-found");
        world.stop().await;
    });
}

fn nowhere() -> SessionId {
    SessionId(uuid::Uuid::from_u128(7))
}

#[test]
fn f3_the_other_session_of_a_path_is_an_id_or_nothing() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let id = create(&world.player("ann"), "Teams").await.id;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        for other in ["me", "..", "%00", &id.to_string().replace("-", "")] {
            let request = raw::Request {
                method: "POST",
                path: &format!("/v1/sessions/{id}/invited-sessions/{other}"),
                token: Some(&token),
                headers: &[],
                body: b"",
            };
            let answer = raw::send(&world.server.url, request).await;
            assert!([400, 404].contains(&answer.status), "{other}: {answer:?}");
        }
        world.stop().await;
    });
}

#[test]
fn a_dry_run_shows_no_code_that_nobody_will_ever_get() {
    run(async {
        let world = World::new().await;
        let id = create(&world.player("ann"), "Room").await.id;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let give = async |rest: &str| {
            let request = raw::Request {
                method: "POST",
                path: &format!("/v1/sessions/{id}/short-code{rest}"),
                token: Some(&token),
                headers: &[],
                body: b"",
            };
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.body
        };
        let dry = "?dry_run=true";
        assert!(give(dry).await.get("short_code").is_none());
        let given = give("").await;
        assert!(given["short_code"].is_string());
        // The one that it has is no news.
        assert_eq!(give(dry).await["short_code"], given["short_code"]);
        world.stop().await;
    });
}
