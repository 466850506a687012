//! The host among the members and the arbiter (R63-R67, rows 8 and 9), over HTTP.

use model::SessionId;
use model::session_type::Joinability;
use model::wire::{PrincipalKind, RequestInstance, Reserve, Session, UpdateSession};
use sdk::{Client, Condition, Who};
use tests::world::{LAW_TYPES, World, create, flags, join, refused, seat};
use tests::{Host, player, raw, run};

const TYPES: &str = include_str!("../src/together_types.yaml");

fn of(name: &str) -> Option<model::PlayerId> {
    Some(player(name))
}

fn hold(name: &str) -> Reserve {
    Reserve {
        players: vec![seat(name)],
        ..Reserve::default()
    }
}

async fn etag(client: &Client, id: SessionId) -> String {
    let versioned = client.session_versioned(id).await;
    versioned.expect("the session").etag
}

/// Becomes the host, or makes somebody so, by the newest tag.
async fn hosts(client: &Client, id: SessionId, token: Option<&str>) -> Result<Session, sdk::Error> {
    client.set_host(id, token, &etag(client, id).await).await
}

#[test]
fn r64_f35_of_two_who_want_to_host_the_first_does_and_the_other_learns_who() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let id = create(&ann, "Linked").await.id;
        let read = join(&bob, id).await.expect("a seat");
        assert_eq!((read.host, read.arbiter), (None, of("ann")), "the leader");
        let seen = etag(&ann, id).await;
        let won = bob
            .set_host(id, Some("d1"), &seen)
            .await
            .expect("the first");
        assert_eq!((won.host.as_deref(), won.arbiter), (Some("d1"), of("bob")));
        match ann.set_host(id, Some("d0"), &seen).await {
            Err(sdk::Error::Problem {
                status: 412,
                problem,
                ..
            }) => assert_eq!(problem.extensions["current"]["host"], "d1"),
            other => panic!("412 was expected: {other:?}"),
        }
        let read = ann.session(id).await.expect("it");
        assert_eq!(read.host.as_deref(), Some("d1"));
        // Both at once, again and again: always exactly one.
        for _ in 0..10 {
            hosts(&ann, id, None).await.expect("a member's");
            let seen = etag(&ann, id).await;
            let (one, other) = tokio::join!(
                ann.set_host(id, Some("d0"), &seen),
                bob.set_host(id, Some("d1"), &seen)
            );
            let winner = if one.is_ok() { "d0" } else { "d1" };
            let read = ann.session(id).await.expect("it");
            assert_eq!(read.host.as_deref(), Some(winner));
            assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
        }
        world.stop().await;
    });
}

#[test]
fn f22_the_host_is_a_member_who_is_there_and_needs_if_match() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| world.player(name));
        let id = create(&ann, "Linked").await.id;
        join(&bob, id).await.expect("a seat");
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let path = format!("/v1/sessions/{id}/host");
        let request = |body| raw::Request {
            method: "PUT",
            path: &path,
            token: Some(&token),
            headers: &[],
            body,
        };
        let answer = raw::send(&world.server.url, request(br#"{"device_token":"d0"}"#)).await;
        assert_eq!((answer.status, answer.problem()), (400, "malformed"));
        for bad in ["d2", "D0", "", "x"] {
            refused(hosts(&ann, id, Some(bad)).await, 422, "invalid");
        }
        refused(hosts(&eve, id, Some("d0")).await, 403, "not-member");
        bob.update_member(id, Who::Me, &flags(None, Some(false)))
            .await
            .expect("his");
        refused(hosts(&ann, id, Some("d1")).await, 422, "invalid");
        bob.update_member(id, Who::Me, &flags(None, Some(true)))
            .await
            .expect("his");
        // Any joined member may say who it is, and that it is nobody.
        let read = hosts(&ann, id, Some("d1")).await.expect("a member's");
        assert_eq!(read.host.as_deref(), Some("d1"));
        let read = hosts(&bob, id, None).await.expect("a member's");
        assert_eq!(read.host, None);
        // It ends as he goes inactive, and as he leaves.
        hosts(&bob, id, Some("d1")).await.expect("his");
        let read = bob
            .update_member(id, Who::Me, &flags(None, Some(false)))
            .await
            .expect("his");
        assert_eq!((read.host, read.arbiter), (None, of("ann")));
        bob.update_member(id, Who::Me, &flags(None, Some(true)))
            .await
            .expect("his");
        hosts(&bob, id, Some("d1")).await.expect("his");
        bob.leave(id, Who::Me).await.expect("his");
        assert_eq!(ann.session(id).await.expect("it").host, None);
        world.stop().await;
    });
}

#[test]
fn f35_a_host_who_is_there_gives_it_up_himself_or_by_the_leader_and_is_not_displaced() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Linked").await.id;
        for client in [&bob, &cid] {
            join(client, id).await.expect("a seat");
        }
        hosts(&bob, id, Some("d1")).await.expect("nobody hosts");
        for token in [Some("d2"), Some("d0"), None] {
            refused(hosts(&cid, id, token).await, 403, "not-leader");
        }
        refused(cid.reserve(id, &hold("dan")).await, 403, "not-leader");
        // The host picks who follows him, and so may the leader and a server.
        let read = hosts(&bob, id, Some("d2")).await.expect("his to give");
        assert_eq!(read.host.as_deref(), Some("d2"));
        refused(hosts(&bob, id, Some("d1")).await, 403, "not-leader");
        hosts(&ann, id, Some("d1")).await.expect("the leader's");
        let backend = world.backend();
        hosts(&backend, id, Some("d2")).await.expect("a server's");
        // Nobody waits for a host who is away: then it is the first one's again.
        cid.update_member(id, Who::Me, &flags(None, Some(false)))
            .await
            .expect("his");
        hosts(&bob, id, Some("d1")).await.expect("nobody hosts");
        world.stop().await;
    });
}

#[test]
fn row_42_of_two_on_one_device_the_other_hosts_on() {
    run(async {
        let world = World::with(TYPES).await;
        let on_console = |name: &str| {
            let mut claims = raw::claims(PrincipalKind::Player, name);
            claims.device = Some("console".into());
            Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
        };
        let (ann, ben) = (on_console("ann"), on_console("ben"));
        let id = create(&ann, "Linked").await.id;
        join(&ben, id).await.expect("a seat");
        hosts(&ann, id, Some("d0")).await.expect("theirs");
        ann.leave(id, Who::Me).await.expect("hers");
        let read = ben.session(id).await.expect("it");
        assert_eq!(
            (read.host.as_deref(), read.arbiter),
            (Some("d0"), of("ben"))
        );
        world.stop().await;
    });
}

#[test]
fn r65_r66_the_host_has_no_power_over_members_but_may_hold_open_seats() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Linked").await.id;
        for client in [&bob, &cid] {
            join(client, id).await.expect("a seat");
        }
        refused(bob.reserve(id, &hold("dan")).await, 403, "not-leader");
        hosts(&bob, id, Some("d1")).await.expect("his");
        // R25, R65.
        let read = bob.reserve(id, &hold("dan")).await.expect("the host's");
        assert_eq!(read.members[3].player, player("dan"));
        // R28, R43, row 8.
        let (cids, dans) = (player("cid"), player("dan"));
        for whose in [&cids, &dans] {
            let whose = Who::Player(whose);
            refused(bob.leave(id, whose).await, 403, "not-leader");
            let away = flags(None, Some(false));
            refused(bob.update_member(id, whose, &away).await, 403, "forbidden");
            refused(bob.move_member(id, whose, 0).await, 403, "not-leader");
        }
        refused(bob.promote(id, &cids).await, 403, "not-leader");
        refused(bob.delete_session(id).await, 403, "not-leader");
        let asked = bob.request_instance(id, &RequestInstance::default()).await;
        refused(asked, 403, "not-leader");
        // It is over with the role.
        hosts(&ann, id, Some("d0")).await.expect("a member's");
        refused(bob.reserve(id, &hold("eve")).await, 403, "not-leader");
        world.stop().await;
    });
}

#[test]
fn r67_with_an_instance_the_game_server_is_the_arbiter_and_no_member_hosts() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&ann, "Room").await.id;
        join(&bob, id).await.expect("a seat");
        hosts(&bob, id, Some("d1")).await.expect("his");
        let read = ann.request_instance(id, &RequestInstance::default()).await;
        let read = read.expect("hers");
        assert_eq!((read.host, read.arbiter), (None, None));
        refused(hosts(&bob, id, Some("d1")).await, 409, "instance-exists");
        host.open(id).await;
        // The game server holds seats too, and has no power over members either.
        let read = host.client.reserve(id, &hold("cid")).await;
        assert_eq!(read.expect("the host's").members[2].player, player("cid"));
        let bobs = player("bob");
        refused(
            host.client.leave(id, Who::Player(&bobs)).await,
            403,
            "forbidden",
        );
        let stranger = Host::start(&world.server, "arena", "eu-west").await;
        refused(
            stranger.client.reserve(id, &hold("dan")).await,
            404,
            "not-found",
        );
        ann.close_instance(id).await.expect("hers");
        let read = hosts(&bob, id, Some("d1")).await.expect("his again");
        assert_eq!(read.arbiter, of("bob"));
        world.stop().await;
    });
}

#[test]
fn r63_whoever_makes_a_session_is_its_arbiter_at_first_and_the_next_leader_after_him() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create(&ann, "Teams").await;
        assert_eq!(made.arbiter, of("ann"));
        let joined = join(&bob, made.id).await.expect("a seat");
        assert_eq!(joined.arbiter, of("ann"));
        ann.leave(made.id, Who::Me).await.expect("she may");
        let left = bob.session(made.id).await.expect("it");
        assert_eq!(left.arbiter, of("bob"), "a session with members has one");
        world.stop().await;
    });
}

#[test]
fn r15_the_host_has_the_last_word_after_the_rules_have_let_somebody_by() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create(&ann, "Teams").await;
        // Anybody may join by the rules; the arbiter takes no more.
        let shut = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        ann.update_session(made.id, &shut, Condition::Always)
            .await
            .expect("a member's right");
        refused(join(&bob, made.id).await, 403, "session-closed");
        assert_eq!(
            ann.session(made.id).await.expect("it").joinability,
            Joinability::Public
        );
        world.stop().await;
    });
}
