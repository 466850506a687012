//! Invites over HTTP (R47, R68-R70, rows 8, 22, 29): who gets them, what they are good for, how they end.

use std::time::Duration;

use model::SessionId;
use model::session_type::{Joinability, Visibility};
use model::wire::{
    CreateSession, EventPage, InvitePlayers, NoticeKind, PrincipalKind, Reserve, Session,
    UpdateSession,
};
use sdk::{Client, Condition, Who};
use serde_json::json;
use tests::world::{
    LAW_TYPES, World, active, create, create_with, join, of, players, refused, seat,
};
use tests::{Host, SESSION_TYPES, player, raw, run};

/// Types with each knob of `invites` set otherwise than by default.
const TYPES: &str = "
apiVersion: v1
kind: SessionType
name: Loyal
creation: { by_players: true }
joinability: public
invites: { reject_stale: false }
---
apiVersion: v1
kind: SessionType
name: Strict
creation: { by_players: true }
joinability: public
invites: { allow_members: false }
---
apiVersion: v1
kind: SessionType
name: Quick
creation: { by_players: true }
joinability: private
invites: { time_out: 10s, min_interval: 0 }
---
apiVersion: v1
kind: SessionType
name: Quiet
creation: { by_players: true }
joinability: private
invites: { notify_on_reservation: false }
";

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

async fn world() -> World {
    World::with(&format!("{LAW_TYPES}---{TYPES}")).await
}

fn those(names: &[&str]) -> InvitePlayers {
    InvitePlayers {
        players: players(names),
        context: String::new(),
    }
}

async fn invite(client: &Client, id: SessionId, names: &[&str]) -> Result<Session, sdk::Error> {
    client.invite(id, &those(names)).await
}

fn invited(session: &Session) -> Vec<&str> {
    let invites = session.invites.iter();
    invites.map(|invite| invite.player.as_str()).collect()
}

fn notices(page: &EventPage) -> Vec<(NoticeKind, &str)> {
    page.notices
        .iter()
        .map(|notice| (notice.kind, notice.resource.as_str()))
        .collect()
}

async fn set(client: &Client, id: SessionId, update: UpdateSession) -> Session {
    let updated = client.update_session(id, &update, Condition::Always).await;
    updated.expect("a member's right")
}

fn joinability(joinability: Joinability) -> UpdateSession {
    UpdateSession {
        joinability: Some(joinability),
        ..UpdateSession::default()
    }
}

#[test]
fn r68_a_private_session_takes_an_invite_which_holds_no_seat_and_is_good_once() {
    run(async {
        let world = world().await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let body = CreateSession {
            joinability: Some(Joinability::Private),
            max_members: Some(2),
            ..of("Plain")
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        refused(join(&bob, id).await, 403, "not-admitted");
        let body = InvitePlayers {
            context: "map 3".into(),
            ..those(&["bob", "cid"])
        };
        let session = ann.invite(id, &body).await.expect("a member's right");
        assert_eq!(invited(&session), ["bob", "cid"]);
        assert_eq!((session.members.len(), session.teams[0].taken), (1, 1));
        let sent = &session.invites[0];
        assert_eq!(sent.by, Some(player("ann")));
        assert_eq!(
            sent.expires_at.0,
            sent.created_at.0 + model::Millis::seconds(300)
        );
        // Members see them; the invited player sees his own, and strangers none.
        assert_eq!(invited(&bob.session(id).await.expect("open")), [""; 0]);
        assert_eq!(invited(&dan.session(id).await.expect("open")), [""; 0]);
        let mine = bob.my_invites().await.expect("his own");
        let of = |of: &model::wire::MyInvite| (of.session, of.by.clone(), of.context.clone());
        let expected = [(id, Some(player("ann")), "map 3".to_owned())];
        assert_eq!(mine.iter().map(of).collect::<Vec<_>>(), expected);
        assert_eq!(dan.my_invites().await.expect("his own"), []);
        // It admits once, and never makes room.
        let session = join(&bob, id).await.expect("an invite admits");
        assert_eq!(invited(&session), ["cid"]);
        assert_eq!(bob.my_invites().await.expect("his own"), []);
        refused(join(&cid, id).await, 409, "session-full");
        bob.leave(id, Who::Me).await.expect("his own seat");
        refused(join(&bob, id).await, 403, "not-admitted");
        join(&cid, id).await.expect("a seat is free now");
        // Whoever has a seat needs none, and a held seat takes the place of an invite.
        refused(invite(&ann, id, &["cid"]).await, 409, "already-member");
        cid.leave(id, Who::Me).await.expect("his own seat");
        invite(&ann, id, &["dan"]).await.expect("a member's right");
        let held = Reserve {
            initialize: false,
            players: vec![seat("dan")],
        };
        let session = ann.reserve(id, &held).await.expect("the leader's right");
        assert_eq!(invited(&session), [""; 0]);
        world.stop().await;
    });
}

#[test]
fn r69_a_player_is_invited_to_a_session_at_most_once_in_the_interval_by_whomever() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Teams").await.id;
        join(&bob, id).await.expect("public");
        invite(&ann, id, &["cid"]).await.expect("a member's right");
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        let body = json!({ "players": ["dan", "cid"] }).to_string();
        let again = async || {
            let request = raw::Request {
                method: "POST",
                path: &format!("/v1/sessions/{id}/invites"),
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            raw::send(&world.server.url, request).await
        };
        world.at(10_001);
        let answer = again().await;
        assert_eq!((answer.status, answer.problem()), (429, "invited-lately"));
        assert_eq!(answer.header("retry-after"), Some("20"));
        assert_eq!(answer.body["player"], "cid");
        // All or none: nobody of that request was invited. It makes no difference that he declines, or gets in.
        let session = cid.withdraw_invite(id, Who::Me).await.expect("his own");
        assert_eq!(invited(&ann.session(id).await.expect("hers")), [""; 0]);
        assert!(session.is_some(), "the session is open to see");
        world.at(29_999);
        assert_eq!(again().await.header("retry-after"), Some("1"));
        let world = world.restart().await;
        let bob = world.player("bob");
        refused(invite(&bob, id, &["cid"]).await, 429, "invited-lately");
        // To another session he is invited all the same.
        let other = create(&bob, "Teams").await.id;
        invite(&bob, other, &["cid"])
            .await
            .expect("another session");
        world.at(30_000);
        let session = invite(&bob, id, &["cid"]).await.expect("long enough ago");
        let first = session.invites[0].expires_at;
        // Again is a reminder: one invite, which lives from now on.
        world.at(60_000);
        let session = invite(&bob, id, &["cid"]).await.expect("long enough ago");
        assert_eq!(invited(&session), ["cid"]);
        assert!(session.invites[0].expires_at > first);
        world.stop().await;
    });
}

#[test]
fn r47_a4_an_invite_from_before_the_joinability_was_tightened_follows_reject_stale() {
    run(async {
        let world = world().await;
        for (of_type, stale) in [("Teams", true), ("Loyal", false)] {
            let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
            let id = create(&ann, of_type).await.id;
            invite(&ann, id, &["bob"]).await.expect("a member's right");
            let session = set(&ann, id, joinability(Joinability::Private)).await;
            let expected: &[&str] = if stale { &[] } else { &["bob"] };
            assert_eq!(invited(&session), expected, "{of_type}");
            if stale {
                refused(join(&bob, id).await, 403, "not-admitted");
                // One from afterwards is good, and stays so when it is loosened.
                refused(invite(&ann, id, &["bob"]).await, 429, "invited-lately");
                invite(&ann, id, &["cid"]).await.expect("a member's right");
                set(&ann, id, joinability(Joinability::Followed)).await;
                let session = set(&ann, id, joinability(Joinability::Followed)).await;
                assert_eq!(invited(&session), ["cid"]);
                join(&world.player("cid"), id).await.expect("not stale");
            } else {
                join(&bob, id).await.expect("kept");
            }
        }
        world.stop().await;
    });
}

#[test]
fn row29_r49_an_invite_ends_when_somebody_looks_after_its_time() {
    run(async {
        let world = world().await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let id = create(&ann, "Plain").await.id;
        let start = bob.events().await.expect("a page");
        let made = invite(&ann, id, &["bob"]).await.expect("a member's right");
        assert_eq!(made.next_timer, Some(made.invites[0].expires_at));
        let page = bob.events_after(&start.cursor, LONG).await.expect("a page");
        let path = format!("/v1/sessions/{id}");
        assert_eq!(notices(&page), [(NoticeKind::Invite, path.as_str())]);
        world.at(299_999);
        assert_eq!(ann.session(id).await.expect("hers"), made);
        world.at(300_000);
        // Nobody has looked, so nobody is told.
        let cursor = page.cursor;
        let page = bob.events_after(&cursor, SHORT).await.expect("a page");
        assert_eq!(notices(&page), []);
        assert_eq!(bob.my_invites().await.expect("his own"), []);
        let page = bob.events_after(&page.cursor, LONG).await.expect("a page");
        assert_eq!(notices(&page), [(NoticeKind::InviteEnded, path.as_str())]);
        let session = ann.session(id).await.expect("hers");
        assert_eq!(session.change_number, made.change_number + 1);
        assert_eq!((invited(&session), session.next_timer), (vec![], None));
        refused(join(&bob, id).await, 403, "not-admitted");
        world.stop().await;
    });
}

#[test]
fn r70_each_of_several_invited_players_is_told_and_told_again_when_it_is_over() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let id = create(&ann, "Plain").await.id;
        let path = format!("/v1/sessions/{id}");
        let names = ["bob", "cid", "dan", "eve"];
        let mut cursors = Vec::new();
        for name in names {
            let page = world.player(name).events().await.expect("a page");
            cursors.push(page.cursor);
        }
        invite(&ann, id, &names).await.expect("a member's right");
        for (name, cursor) in names.iter().zip(&mut cursors) {
            let page = world.player(name).events_after(cursor, LONG).await;
            let page = page.expect("a page");
            assert_eq!(notices(&page), [(NoticeKind::Invite, path.as_str())]);
            *cursor = page.cursor;
        }
        // Over a restart nothing is told twice and nothing is lost.
        let world = world.restart().await;
        let [ann, bob, cid, dan, eve] =
            ["ann", "bob", "cid", "dan", "eve"].map(|name| world.player(name));
        let fresh = dan.events().await.expect("a page");
        assert_eq!(notices(&fresh), [(NoticeKind::Invite, path.as_str())]);
        let same = bob.events_after(&cursors[0], SHORT).await.expect("a page");
        assert_eq!(notices(&same), []);
        join(&bob, id).await.expect("an invite admits");
        let cids = player("cid");
        ann.withdraw_invite(id, Who::Player(&cids))
            .await
            .expect("her own");
        dan.withdraw_invite(id, Who::Me).await.expect("his own");
        let over = (NoticeKind::InviteEnded, path.as_str());
        let joined = (NoticeKind::Session, path.as_str());
        for (client, cursor, expected) in [
            (&bob, &cursors[0], vec![joined, over]),
            (&cid, &cursors[1], vec![over]),
            (&dan, &cursors[2], vec![over]),
        ] {
            let page = client.events_after(cursor, LONG).await.expect("a page");
            assert_eq!(notices(&page), expected);
        }
        // The end of the session is the end of its invites.
        ann.delete_session(id).await.expect("the leader's right");
        let page = eve.events_after(&cursors[3], LONG).await.expect("a page");
        assert_eq!(notices(&page), [over]);
        assert_eq!(eve.my_invites().await.expect("his own"), []);
        world.stop().await;
    });
}

#[test]
fn row29_who_may_invite_and_who_may_take_it_back() {
    run(async {
        let world = world().await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let id = create_with(&ann, "Teams", &["held"]).await.id;
        join(&bob, id).await.expect("public");
        join(&cid, id).await.expect("public");
        // Members may, as may the studio; a reserved player and a stranger may not.
        let held = world.player("held");
        refused(invite(&held, id, &["eve"]).await, 403, "not-member");
        refused(invite(&dan, id, &["eve"]).await, 403, "not-member");
        invite(&bob, id, &["dan", "eve"]).await.expect("a member");
        let session = invite(&world.backend(), id, &["fay"])
            .await
            .expect("a server");
        assert_eq!(session.invites[2].by, None);
        let [dans, eves, fays] = ["dan", "eve", "fay"].map(player);
        // Another member may not take back what he has not sent; who sent it, the leader and servers may.
        let taken = cid.withdraw_invite(id, Who::Player(&dans)).await;
        refused(taken, 403, "not-leader");
        let eve = world.player("eve");
        let taken = eve.withdraw_invite(id, Who::Player(&dans)).await;
        refused(taken, 403, "not-member");
        bob.withdraw_invite(id, Who::Player(&dans))
            .await
            .expect("his own");
        ann.withdraw_invite(id, Who::Player(&fays))
            .await
            .expect("the leader");
        let back = world.backend();
        back.withdraw_invite(id, Who::Player(&eves))
            .await
            .expect("a server");
        let taken = ann.withdraw_invite(id, Who::Player(&eves)).await;
        refused(taken, 404, "not-found");
        refused(dan.withdraw_invite(id, Who::Me).await, 404, "not-found");
        // `allow_members: false`: the leader and servers only.
        let id = create(&ann, "Strict").await.id;
        join(&bob, id).await.expect("public");
        refused(invite(&bob, id, &["eve"]).await, 403, "not-leader");
        invite(&ann, id, &["eve"]).await.expect("the leader");
        invite(&world.backend(), id, &["fay"])
            .await
            .expect("a server");
        world.stop().await;
    });
}

#[test]
fn row8_a_host_invites_and_reserves_and_has_no_other_power_over_members() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&ann, "Room").await.id;
        set(&ann, id, joinability(Joinability::Private)).await;
        // Not before it is one.
        let early = invite(&host.client, id, &["bob"]).await;
        refused(early, 404, "not-found");
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        host.open(id).await;
        let session = invite(&host.client, id, &["bob"]).await.expect("the host");
        assert_eq!(
            (invited(&session), &session.invites[0].by),
            (vec!["bob"], &None)
        );
        join(&bob, id).await.expect("an invite admits");
        let held = Reserve {
            initialize: false,
            players: vec![seat("cid")],
        };
        host.client.reserve(id, &held).await.expect("the host");
        // What it has sent it may take back, and nothing else.
        invite(&host.client, id, &["dan"]).await.expect("the host");
        invite(&ann, id, &["eve"]).await.expect("a member");
        let [bobs, dans, eves] = ["bob", "dan", "eve"].map(player);
        host.client
            .withdraw_invite(id, Who::Player(&dans))
            .await
            .expect("its own");
        let taken = host.client.withdraw_invite(id, Who::Player(&eves)).await;
        refused(taken, 403, "not-leader");
        let kick = host.client.leave(id, Who::Player(&bobs)).await;
        refused(kick, 403, "forbidden");
        world.stop().await;
    });
}

#[test]
fn a3b_an_invited_player_may_look_at_a_private_session_and_does_not_pass_closed() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "Secret").await.id;
        refused(bob.session(id).await, 404, "not-found");
        invite(&ann, id, &["bob", "cid"]).await.expect("a member");
        let seen = bob.session(id).await.expect("an invited player");
        assert_eq!(seen.visibility, Visibility::Private);
        set(
            &ann,
            id,
            UpdateSession {
                closed: Some(true),
                ..UpdateSession::default()
            },
        )
        .await;
        refused(join(&bob, id).await, 403, "session-closed");
        set(
            &ann,
            id,
            UpdateSession {
                closed: Some(false),
                ..UpdateSession::default()
            },
        )
        .await;
        join(&bob, id).await.expect("an invite admits");
        // Who declines has nothing more to see.
        let left = cid.withdraw_invite(id, Who::Me).await.expect("his own");
        assert_eq!(left, None);
        refused(cid.session(id).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn row17_players_are_told_of_their_reservations_unless_the_type_says_otherwise() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        for (of_type, told) in [("Plain", true), ("Quiet", false)] {
            let bob = world.player(&format!("bob-{of_type}"));
            let start = bob.events().await.expect("a page").cursor;
            let id = create_with(&ann, of_type, &[&format!("bob-{of_type}")])
                .await
                .id;
            let page = bob.events_after(&start, SHORT).await.expect("a page");
            assert_eq!(page.notices.len(), usize::from(told), "{of_type}");
            // It is there to be found all the same, and once he is in he is told of it.
            assert_eq!(bob.my_sessions().await.expect("his own")[0].id, id);
            join(&bob, id).await.expect("his seat");
            let page = bob.events_after(&page.cursor, LONG).await.expect("a page");
            assert_eq!(page.notices[0].kind, NoticeKind::Session, "{of_type}");
        }
        world.stop().await;
    });
}

#[test]
fn invites_keep_their_limits_and_a_refused_request_changes_nothing() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let before = create(&ann, "Quick").await;
        let id = before.id;
        let named = |count: usize, from: usize| -> Vec<String> {
            (from..from + count).map(|n| format!("p{n}")).collect()
        };
        let ask = async |names: &[String], context: usize| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let body = InvitePlayers {
                context: "x".repeat(context),
                ..those(&names)
            };
            ann.invite(id, &body).await
        };
        refused(ask(&[], 0).await, 422, "invalid");
        refused(ask(&named(1, 0), 257).await, 422, "invalid");
        refused(ask(&["p".into(), "p".into()], 0).await, 422, "invalid");
        refused(ask(&named(101, 0), 0).await, 409, "too-many-invites");
        assert_eq!(ann.session(id).await.expect("hers"), before);
        let session = ask(&named(100, 0), 256)
            .await
            .expect("as many as there may be");
        assert_eq!(session.invites.len(), 100);
        refused(ask(&named(1, 100), 0).await, 409, "too-many-invites");
        // With no interval the same again takes their place.
        ask(&named(100, 0), 0).await.expect("the same again");
        world.at(10_000);
        ask(&named(100, 100), 0).await.expect("the first are over");
        // Where there is one, those who were invited lately count with those who are.
        let other = create(&ann, "Teams").await.id;
        for from in [0, 100] {
            let names = named(100, from);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            invite(&ann, other, &names).await.expect("there is space");
            set(&ann, other, joinability(Joinability::Private)).await;
            set(&ann, other, joinability(Joinability::Public)).await;
        }
        refused(invite(&ann, other, &["one"]).await, 409, "too-many-invites");
        world.at(40_000);
        invite(&ann, other, &["one"])
            .await
            .expect("long enough ago");
        world.stop().await;
    });
}

#[test]
fn my_invites_come_in_pages() {
    run(async {
        let world = world().await;
        let backend = world.backend();
        let bob = world.player("bob");
        for _ in 0..101 {
            let body = CreateSession { ..of("Lobby") };
            let id = backend.create_session(&body).await.expect("a session").id;
            invite(&backend, id, &["bob"]).await.expect("a server");
        }
        // He is told of the newest only, so that the cursor fits into a URL.
        let page = bob.events().await.expect("a page");
        assert_eq!(page.notices.len(), 20);
        let mine = bob.my_invites().await.expect("his own");
        assert_eq!(mine.len(), 101);
        assert!(mine.is_sorted_by_key(|one| one.session));
        let newest = format!("/v1/sessions/{}", mine[100].session);
        assert_eq!(notices(&page)[0], (NoticeKind::Invite, newest.as_str()));
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        let request = raw::Request {
            method: "GET",
            path: "/v1/players/me/invites",
            token: Some(&token),
            headers: &[],
            body: b"",
        };
        let page = raw::send(&world.server.url, request).await;
        assert_eq!(page.body["items"].as_array().map(Vec::len), Some(100));
        assert_eq!(page.body["next"], mine[99].session.to_string());
        world.stop().await;
    });
}

#[test]
fn an_invited_player_never_sees_connection_data() {
    run(async {
        let world = World::with(SESSION_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&ann, "Room").await.id;
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        host.open(id).await;
        invite(&ann, id, &["bob"]).await.expect("a member");
        let seen = bob.session(id).await.expect("it").instance.expect("it");
        assert_eq!((seen.addresses, seen.allocation_id), (None, None));
        bob.join(id, Who::Me, &active()).await.expect("public");
        let seen = bob.instance(id).await.expect("it");
        assert!(seen.addresses.is_some());
        world.stop().await;
    });
}
