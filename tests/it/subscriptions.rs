//! Subscriptions of members over HTTP: written one by one, shown to nobody else, and what each profile is told of, when.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use model::session::SUBSCRIPTIONS_MAX;
use model::subscriptions::{Profile, SUBSCRIBED_SESSIONS_MAX, Subscription, Subscriptions};
use model::wire::{
    CreateSession, EventPage, JoinSession, NoticeKind, PrincipalKind, Session, UpdateMember,
    UpdateSession,
};
use model::{Millis, SessionId};
use sdk::{Client, Condition, Who};
use serde_json::{Value, json};
use tests::raw::{self, Request};
use tests::world::{World, active, create, flags, join, of, refused};
use tests::{Kind, player, run};
use uuid::Uuid;

const TYPES: &str = "
apiVersion: v1
kind: SessionType
name: Room
creation: { by_players: true }
joinability: public
timeouts: { ready_removal: null, inactive_removal: null }
subscriptions:
  max_per_connection: 2
  profiles:
    roster: { changes: [members_list, members_status], min_interval: 1s }
    party: { changes: [everything], min_interval: 5s }
    queue: { changes: [custom_property], min_interval: 2s }
    queuehost: { changes: [members_custom_property], min_interval: 0 }
    initialization: { changes: [joinability], min_interval: 50ms }
---
apiVersion: v1
kind: SessionType
name: Closet
creation: { by_players: true }
joinability: public
subscriptions: { max_per_connection: 0 }
---
apiVersion: v1
kind: SessionType
name: Square
creation: { by_players: true }
joinability: public
hub: { enabled: true }
timeouts: { session_empty: null }
subscriptions: { max_per_connection: 2 }
---
apiVersion: v1
kind: SessionType
name: Crowd
creation: { by_players: true }
joinability: public
capabilities: { large: true }
";

const SHORT: Duration = Duration::from_millis(20);

fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn to(profile: Profile) -> Option<Subscription> {
    Some(Subscription {
        profile,
        on_behalf_of_title: None,
    })
}

fn subscribe(changes: &[(u128, Option<Subscription>)]) -> UpdateMember {
    UpdateMember {
        subscriptions: changes_of(changes),
        ..UpdateMember::default()
    }
}

fn changes_of(changes: &[(u128, Option<Subscription>)]) -> BTreeMap<Uuid, Option<Subscription>> {
    let changes = changes.iter();
    changes
        .map(|(number, change)| (key(*number), change.clone()))
        .collect()
}

async fn subscribes(client: &Client, id: SessionId, number: u128, profile: Profile) -> Session {
    let body = subscribe(&[(number, to(profile))]);
    let done = client.update_member(id, Who::Me, &body).await;
    done.expect("his own affair")
}

/// The subscriptions of a player as this reader sees them.
fn seen(session: &Session, name: &str) -> Subscriptions {
    let member = session.members.iter().find(|m| m.player == player(name));
    member.expect("a member").subscriptions.clone()
}

async fn set_custom(client: &Client, id: SessionId, value: i32) -> Session {
    let body = UpdateSession {
        custom: Some(json!(value)),
        ..UpdateSession::default()
    };
    let done = client.update_session(id, &body, Condition::Always).await;
    done.expect("a member's to write")
}

async fn set_own(client: &Client, id: SessionId, value: i32) -> Session {
    let body = UpdateMember {
        custom: Some(json!(value)),
        ..UpdateMember::default()
    };
    let done = client.update_member(id, Who::Me, &body).await;
    done.expect("his own")
}

async fn set_closed(client: &Client, id: SessionId, closed: bool) -> Session {
    let body = UpdateSession {
        closed: Some(closed),
        ..UpdateSession::default()
    };
    let done = client.update_session(id, &body, Condition::Always).await;
    done.expect("a member's to write")
}

/// A member's view of his events: each poll goes on from the last.
struct Ear {
    client: Client,
    cursor: String,
}

impl Ear {
    /// From now on.
    async fn of(world: &World, name: &str) -> Ear {
        let client = world.player(name);
        let cursor = client.events().await.expect("a page").cursor;
        Ear { client, cursor }
    }

    async fn page(&mut self) -> EventPage {
        let page = self.client.events_after(&self.cursor, SHORT).await;
        let page = page.expect("a page");
        self.cursor.clone_from(&page.cursor);
        page
    }

    /// What he is told of a session: its change number and which of his subscriptions it is for; nothing: not now.
    async fn hears(&mut self, id: SessionId) -> Option<(u64, Vec<Uuid>)> {
        let page = self.page().await;
        let path = format!("/v1/sessions/{id}");
        let mut told = page.notices.into_iter().filter(|n| n.resource == path);
        let notice = told.next()?;
        assert_eq!(notice.kind, NoticeKind::Session);
        assert!(notice.branch.is_some());
        assert_eq!(told.next(), None, "one notice of a session");
        Some((
            notice.change_number.expect("a number"),
            notice.subscriptions,
        ))
    }
}

/// Ann's room with bob in it.
async fn room(world: &World) -> (Client, Client, SessionId) {
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let id = create(&ann, "Room").await.id;
    join(&bob, id).await.expect("a seat");
    (ann, bob, id)
}

#[test]
fn r39_subscriptions_are_written_one_by_one_and_seen_by_nobody_else() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        let titled = Subscription {
            profile: Profile::Matchmaking,
            on_behalf_of_title: Some("1777860928".into()),
        };
        let two = subscribe(&[(1, to(Profile::Roster)), (2, Some(titled.clone()))]);
        let done = bob.update_member(id, Who::Me, &two).await.expect("his own");
        let roster = Subscription {
            profile: Profile::Roster,
            on_behalf_of_title: None,
        };
        let both = Subscriptions::from([(key(1), roster.clone()), (key(2), titled)]);
        assert_eq!(seen(&done, "bob"), both);
        // One more, one less, one that never was; what is not named stays.
        let party = to(Profile::Party).expect("one");
        let change = subscribe(&[(3, Some(party.clone())), (2, None), (9, None)]);
        let done = bob.update_member(id, Who::Me, &change).await;
        let left = Subscriptions::from([(key(1), roster), (key(3), party)]);
        assert_eq!(seen(&done.expect("his own"), "bob"), left);
        // Nothing else that he writes touches them.
        assert_eq!(seen(&set_own(&bob, id, 1).await, "bob"), left);
        let again = join(&bob, id).await.expect("his seat");
        assert_eq!(seen(&again, "bob"), left);
        assert_eq!(seen(&bob.session(id).await.expect("his"), "bob"), left);
        for other in [&ann, &world.player("eve"), &world.backend(), &world.admin()] {
            let read = other.session(id).await.expect("open to read");
            assert_eq!(seen(&read, "bob"), Subscriptions::new());
            let bobs = player("bob");
            let whose = Who::Player(&bobs);
            let refusal = other.update_member(id, whose, &change).await;
            let error = refusal.expect_err("not theirs to write");
            assert_eq!(error.status(), Some(403), "{error}");
        }
        assert_eq!(seen(&bob.session(id).await.expect("his"), "bob"), left);
        // The same over the wire: an id is a GUID, null removes, and nothing else is known.
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        for (body, status) in [
            (r#"{"subscriptions":{"x":{"profile":"roster"}}}"#, 400),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-000000000003":{"profile":"rooster"}}}"#,
                400,
            ),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-000000000003":{}}}"#,
                400,
            ),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-000000000003":{"profile":"party","on_behalf_of_title":"x"}}}"#,
                422,
            ),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-00000000000a":null,"00000000-0000-0000-0000-00000000000A":{"profile":"party"}}}"#,
                400,
            ),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-000000000003":null}}"#,
                200,
            ),
            (
                r#"{"subscriptions":{"00000000-0000-0000-0000-000000000001":{"profile":"roster","on_behalf_of_title":""}}}"#,
                200,
            ),
        ] {
            let request = Request {
                method: "PATCH",
                path: &format!("/v1/sessions/{id}/members/me"),
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            let answer = raw::send(&world.server.url, request).await;
            assert_eq!(answer.status, status, "{body}: {answer:?}");
        }
        let read = bob.session(id).await.expect("his");
        assert_eq!(seen(&read, "bob").len(), 1);
        world.stop().await;
    });
}

#[test]
fn r39_only_active_members_of_sessions_that_are_not_large_subscribe() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        let one = subscribe(&[(1, to(Profile::Roster))]);
        for state in [flags(Some(true), None), flags(None, Some(false))] {
            bob.update_member(id, Who::Me, &state).await.expect("his");
            let both = UpdateMember {
                custom: Some(json!("lost")),
                ..one.clone()
            };
            let refusal = bob.update_member(id, Who::Me, &both).await;
            refused(refusal, 409, "conflict");
        }
        let read = bob.session(id).await.expect("his");
        assert_eq!(read.members[1].custom, json!(null), "nothing is half done");
        // To become active and to subscribe is one request.
        let both = UpdateMember {
            active: Some(true),
            ..one.clone()
        };
        bob.update_member(id, Who::Me, &both).await.expect("his");
        // What he has stays while he is away; he may only give it up.
        let away = flags(None, Some(false));
        let read = bob.update_member(id, Who::Me, &away).await.expect("his");
        assert_eq!(seen(&read, "bob").len(), 1);
        let none = subscribe(&[(1, None)]);
        let read = bob.update_member(id, Who::Me, &none).await.expect("his");
        assert_eq!(seen(&read, "bob").len(), 0);
        // At the door: active, for oneself.
        let brings = |active| JoinSession {
            active,
            subscriptions: changes_of(&[(1, to(Profile::Roster))]),
            ..JoinSession::default()
        };
        let cat = world.player("cat");
        let refusal = cat.join(id, Who::Me, &brings(false)).await;
        refused(refusal, 409, "conflict");
        let cats = player("cat");
        let whose = Who::Player(&cats);
        let refusal = world.backend().join(id, whose, &brings(true)).await;
        refused(refusal, 403, "forbidden");
        let read = cat.join(id, Who::Me, &brings(true)).await.expect("a seat");
        assert_eq!(seen(&read, "cat").len(), 1);
        let me = CreateSession {
            me: Some(brings(true)),
            ..of("Room")
        };
        let made = world.player("dan").create_session(&me).await;
        assert_eq!(seen(&made.expect("his"), "dan").len(), 1);
        // Nobody of a crowd.
        let crowd = create(&ann, "Crowd").await.id;
        let refusal = ann.update_member(crowd, Who::Me, &one).await;
        refused(refusal, 409, "conflict");
        let refusal = cat.join(crowd, Who::Me, &brings(true)).await;
        refused(refusal, 409, "conflict");
        world.stop().await;
    });
}

#[test]
fn r39_a_member_has_ten_subscriptions_and_a_player_so_many_sessions_with_some() {
    run(async {
        let world = World::with(TYPES).await;
        let (_, bob, first) = room(&world).await;
        let ten: Vec<_> = (0..SUBSCRIPTIONS_MAX as u128)
            .map(|number| (number, to(Profile::Roster)))
            .collect();
        bob.update_member(first, Who::Me, &subscribe(&ten))
            .await
            .expect("ten");
        let more = subscribe(&[(99, to(Profile::Party))]);
        let refusal = bob.update_member(first, Who::Me, &more).await;
        refused(refusal, 409, "too-many-subscriptions");
        let instead = subscribe(&[(99, to(Profile::Party)), (0, None)]);
        let done = bob.update_member(first, Who::Me, &instead).await;
        assert_eq!(seen(&done.expect("still ten"), "bob").len(), 10);

        let [second, third] = [create(&bob, "Room").await.id, create(&bob, "Room").await.id];
        subscribes(&bob, second, 1, Profile::Roster).await;
        let one = subscribe(&[(1, to(Profile::Roster))]);
        let refusal = bob.update_member(third, Who::Me, &one).await;
        refused(refusal, 409, "too-many-subscriptions");
        let cat = world.player("cat");
        let fourth = create(&cat, "Room").await.id;
        let body = JoinSession {
            subscriptions: one.subscriptions.clone(),
            ..active()
        };
        let refusal = bob.join(fourth, Who::Me, &body).await;
        refused(refusal, 409, "too-many-subscriptions");
        let me = CreateSession {
            me: Some(body.clone()),
            ..of("Room")
        };
        refused(bob.create_session(&me).await, 409, "too-many-subscriptions");
        // Another of those that he has counts for nothing; a session that he leaves no longer.
        subscribes(&bob, second, 2, Profile::Party).await;
        bob.leave(first, Who::Me).await.expect("his seat");
        bob.join(fourth, Who::Me, &body).await.expect("room for it");
        let refusal = bob.update_member(third, Who::Me, &one).await;
        refused(refusal, 409, "too-many-subscriptions");
        // It is counted anew from the store.
        let world = world.restart().await;
        let bob = world.player("bob");
        let refusal = bob.update_member(third, Who::Me, &one).await;
        refused(refusal, 409, "too-many-subscriptions");
        let none = subscribe(&[(1, None), (2, None)]);
        bob.update_member(second, Who::Me, &none)
            .await
            .expect("his");
        bob.update_member(third, Who::Me, &one).await.expect("room");
        // Whoever is led into a hub is counted as well.
        let square = create(&world.player("cat"), "Square").await.id;
        let me = |subscriptions| CreateSession {
            me: Some(JoinSession {
                subscriptions,
                ..active()
            }),
            ..of("Square")
        };
        let brings = me(one.subscriptions.clone());
        let refusal = bob.create_session(&brings).await;
        refused(refusal, 409, "too-many-subscriptions");
        let led = bob.create_session(&me(BTreeMap::new())).await;
        assert_eq!(led.expect("a seat").id, square);
        // A type may allow none.
        let cat = world.player("cat");
        let closet = create(&cat, "Closet").await.id;
        let refusal = cat.update_member(closet, Who::Me, &one).await;
        refused(refusal, 409, "too-many-subscriptions");
        world.stop().await;
    });
}

#[test]
fn r60_a_subscriber_is_told_only_of_what_his_profiles_cover() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        let mut ear = Ear::of(&world, "bob").await;
        let mut anns = Ear::of(&world, "ann").await;
        // Without subscriptions: of everything.
        let now = set_custom(&ann, id, 1).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, vec![])));
        assert_eq!(anns.hears(id).await, Some((now, vec![])));
        subscribes(&bob, id, 7, Profile::Roster).await;
        assert_eq!(ear.hears(id).await, None);
        assert_eq!(
            anns.hears(id).await,
            None,
            "what he wants to hear is his affair"
        );
        set_custom(&ann, id, 2).await;
        set_own(&ann, id, 2).await;
        set_closed(&ann, id, true).await;
        assert_eq!(ear.hears(id).await, None);
        let away = flags(None, Some(false));
        let now = ann.update_member(id, Who::Me, &away).await.expect("hers");
        assert_eq!(ear.hears(id).await, Some((now.change_number, vec![key(7)])));
        assert!(anns.hears(id).await.is_some());
        // Another profile, and none at all again.
        world.at(60_000);
        subscribes(&bob, id, 8, Profile::Queue).await;
        let now = set_custom(&ann, id, 3).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, vec![key(8)])));
        world.at(120_000);
        set_own(&ann, id, 3).await;
        assert_eq!(ear.hears(id).await, None);
        let none = subscribe(&[(7, None), (8, None)]);
        bob.update_member(id, Who::Me, &none).await.expect("his");
        let now = set_own(&ann, id, 4).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, vec![])));
        // The end of his membership he hears of at once, whatever he subscribes to.
        subscribes(&bob, id, 9, Profile::Queue).await;
        ear.hears(id).await;
        let bobs = player("bob");
        ann.leave(id, Who::Player(&bobs))
            .await
            .expect_err("bob leads");
        world
            .admin()
            .leave(id, Who::Player(&bobs))
            .await
            .expect("kicked");
        let page = ear.page().await;
        assert_eq!(page.notices.len(), 1);
        assert_eq!(page.notices[0].kind, NoticeKind::SessionLeft);
        world.stop().await;
    });
}

#[test]
fn r60_each_profile_covers_its_own_kinds_of_change() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        let mut minutes = 0;
        for profile in [
            Profile::Roster,
            Profile::Party,
            Profile::Queue,
            Profile::Queuehost,
            Profile::Initialization,
        ] {
            subscribes(&bob, id, 1, profile).await;
            let mut ear = Ear::of(&world, "bob").await;
            for (change, covered) in [
                ("list", profile == Profile::Roster),
                ("status", profile == Profile::Roster),
                ("custom", profile == Profile::Queue),
                ("own", profile == Profile::Queuehost),
                ("closed", profile == Profile::Initialization),
                ("invite", false),
            ] {
                minutes += 1;
                world.at(minutes * 60_000);
                let value = i32::try_from(minutes).expect("few");
                match change {
                    "list" => {
                        let cat = world.player(&format!("cat{minutes}"));
                        join(&cat, id).await.expect("a seat");
                    }
                    "status" => {
                        let ready = flags(Some(true), None);
                        ann.update_member(id, Who::Me, &ready).await.expect("hers");
                        let active = flags(None, Some(true));
                        ann.update_member(id, Who::Me, &active).await.expect("hers");
                    }
                    "custom" => drop(set_custom(&ann, id, value).await),
                    "own" => drop(set_own(&ann, id, value).await),
                    "closed" => {
                        set_closed(&ann, id, true).await;
                        set_closed(&ann, id, false).await;
                    }
                    _ => {
                        let body = model::wire::InvitePlayers {
                            players: vec![player(&format!("ivy{minutes}"))],
                            ..Default::default()
                        };
                        ann.invite(id, &body).await.expect("hers to invite");
                    }
                }
                let heard = ear.hears(id).await;
                let covered = covered || profile == Profile::Party;
                assert_eq!(heard.is_some(), covered, "{profile:?} and {change}");
                assert!(heard.is_none_or(|(_, ids)| ids == [key(1)]));
            }
        }
        world.stop().await;
    });
}

#[test]
fn r60_an_interval_holds_back_and_then_one_notice_tells_all() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        subscribes(&bob, id, 1, Profile::Queue).await;
        subscribes(&bob, id, 2, Profile::Queue).await;
        let mut ear = Ear::of(&world, "bob").await;
        // He has just been told of all there is; the queue is told every two seconds.
        set_custom(&ann, id, 1).await;
        assert_eq!(ear.hears(id).await, None);
        world.at(1_999);
        let now = set_custom(&ann, id, 2).await.change_number;
        assert_eq!(ear.hears(id).await, None);
        world.at(2_000);
        let both = vec![key(1), key(2)];
        assert_eq!(ear.hears(id).await, Some((now, both.clone())));
        assert_eq!(ear.hears(id).await, None, "R61: nothing twice");
        // After a quiet time the first is told at once.
        world.at(10_000);
        let now = set_custom(&ann, id, 3).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, both.clone())));
        set_custom(&ann, id, 4).await;
        // What is held back does not hold back the rest, and is not lost by it.
        let other = create(&bob, "Room").await.id;
        assert!(
            ear.page()
                .await
                .notices
                .iter()
                .any(|notice| { notice.resource == format!("/v1/sessions/{other}") })
        );
        assert_eq!(ear.hears(id).await, None);
        let world = world.restart().await;
        world.at(11_999);
        let mut ear = Ear {
            client: world.player("bob"),
            cursor: ear.cursor,
        };
        assert_eq!(
            ear.hears(id).await,
            None,
            "the cursor knows when he was told"
        );
        world.at(12_000);
        let now = ann_reads(&world, id).await;
        assert_eq!(ear.hears(id).await, Some((now, both)));
        world.stop().await;
    });
}

async fn ann_reads(world: &World, id: SessionId) -> u64 {
    let read = world.player("ann").session(id).await;
    read.expect("hers").change_number
}

#[test]
fn r60_of_several_profiles_the_one_that_is_first_to_tell_takes_the_others_along() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        subscribes(&bob, id, 1, Profile::Party).await;
        subscribes(&bob, id, 2, Profile::Roster).await;
        let mut ear = Ear::of(&world, "bob").await;
        // Only the party covers it, and waits for five seconds.
        set_custom(&ann, id, 1).await;
        world.at(4_999);
        assert_eq!(ear.hears(id).await, None);
        world.at(5_000);
        assert!(matches!(ear.hears(id).await, Some((_, ids)) if ids == [key(1)]));
        // Now both; the roster waits for one.
        set_custom(&ann, id, 2).await;
        join(&world.player("cat"), id).await.expect("a seat");
        world.at(5_999);
        assert_eq!(ear.hears(id).await, None);
        world.at(6_000);
        assert!(matches!(ear.hears(id).await, Some((_, ids)) if ids == [key(1), key(2)]));
        world.at(60_000);
        assert_eq!(ear.hears(id).await, None);
        world.stop().await;
    });
}

#[test]
fn r60_a_long_poll_waits_for_the_interval_and_answers_when_it_is_over() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        subscribes(&bob, id, 1, Profile::Initialization).await;
        let ear = Ear::of(&world, "bob").await;
        let core = world.server.core.clone();
        let bobs = player("bob");
        let wait = Millis::seconds(60);
        let mut poll = Box::pin(core.events(&bobs, Some(&ear.cursor), wait));
        assert!((&mut poll).now_or_never().is_none());
        // Held back for 50 ms of the world's time, which stands still until it is moved.
        let now = set_closed(&ann, id, true).await.change_number;
        assert!((&mut poll).now_or_never().is_none());
        world.at(50);
        let page = poll.await.expect("a page");
        assert_eq!(page.notices.len(), 1);
        assert_eq!(page.notices[0].change_number, Some(now));
        assert_eq!(page.notices[0].subscriptions, [key(1)]);
        // What comes later than the interval wakes at once.
        world.at(1_000);
        let mut poll = Box::pin(core.events(&bobs, Some(&page.cursor), wait));
        assert!((&mut poll).now_or_never().is_none());
        set_custom(&ann, id, 1).await;
        assert!((&mut poll).now_or_never().is_none(), "not covered");
        let now = set_closed(&ann, id, false).await.change_number;
        let page = poll.await.expect("a page");
        assert_eq!(page.notices[0].change_number, Some(now));
        world.stop().await;
    });
}

#[test]
fn r60_a_cursor_from_a_time_to_come_holds_nothing_back() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        subscribes(&bob, id, 1, Profile::Queue).await;
        let mut ear = Ear::of(&world, "bob").await;
        let now = set_custom(&ann, id, 1).await.change_number;
        assert_eq!(ear.hears(id).await, None);
        let cursor = URL_SAFE_NO_PAD.decode(&ear.cursor).expect("base64");
        let mut cursor: Value = serde_json::from_slice(&cursor).expect("JSON");
        for at in [0, i64::MAX] {
            cursor["w"][id.to_string()] = json!(at);
            ear.cursor = URL_SAFE_NO_PAD.encode(cursor.to_string());
            assert_eq!(ear.hears(id).await, Some((now, vec![key(1)])), "{at}");
        }
        world.stop().await;
    });
}

#[test]
fn f30_a_cursor_of_as_many_subscribed_sessions_as_are_told_of_fits_into_a_url() {
    run(async {
        let most = TYPES.replace("max_per_connection: 2", "max_per_connection: 40");
        let world = World::with(&most).await;
        let bob = world.player("bob");
        let mut rooms = Vec::new();
        for _ in 0..SUBSCRIBED_SESSIONS_MAX {
            let id = create(&bob, "Room").await.id;
            subscribes(&bob, id, 1, Profile::Queuehost).await;
            rooms.push(id);
        }
        create(&bob, "Room").await;
        let mut ear = Ear::of(&world, "bob").await;
        // With the longest token the head of a request stays below 16 KiB.
        assert!(ear.cursor.len() < 10 * 1024, "{}", ear.cursor.len());
        assert_eq!(ear.page().await.notices, []);
        // He is told of each of them.
        for id in rooms {
            let now = set_own(&bob, id, 1).await.change_number;
            assert_eq!(ear.hears(id).await, Some((now, vec![key(1)])));
        }
        world.stop().await;
    });
}

#[test]
fn r39_r61_a_session_that_he_subscribes_in_is_told_of_before_any_number_of_newer_ones() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob, id) = room(&world).await;
        subscribes(&bob, id, 1, Profile::Queue).await;
        world.at(1_000);
        for _ in 0..SUBSCRIBED_SESSIONS_MAX {
            create(&bob, "Room").await;
        }
        let mut ear = Ear::of(&world, "bob").await;
        world.at(60_000);
        let now = set_custom(&ann, id, 1).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, vec![key(1)])));
        // The same from the store.
        let world = world.restart().await;
        ear.client = world.player("bob");
        ear.page().await;
        world.at(120_000);
        let now = set_custom(&world.player("ann"), id, 2).await.change_number;
        assert_eq!(ear.hears(id).await, Some((now, vec![key(1)])));
        world.stop().await;
    });
}

#[test]
fn f30_row40_the_hub_that_a_hop_leaves_does_not_count() {
    run(async {
        let world = World::with(TYPES).await;
        let (_, bob, first) = room(&world).await;
        subscribes(&bob, first, 1, Profile::Roster).await;
        let brings = JoinSession {
            subscriptions: changes_of(&[(1, to(Profile::Roster))]),
            ..active()
        };
        let making = CreateSession {
            me: Some(brings.clone()),
            ..of("Square")
        };
        let square = bob.create_session(&making).await.expect("two of two").id;
        // Made by the studio, since players are led to the one that is there.
        let other = world.backend().create_session(&of("Square")).await;
        let other = other.expect("a second one").id;
        let hopped = bob.join(other, Who::Me, &brings).await.expect("a hop");
        assert_eq!((hopped.id, seen(&hopped, "bob").len()), (other, 1));
        let left = world.admin().session(square).await.expect("it is there");
        assert_eq!(left.members.len(), 0);
        // His own once more, by its id and by the hub rule.
        let again = bob.join(other, Who::Me, &brings).await.expect("his seat");
        assert_eq!(again.id, other);
        let again = bob.create_session(&making).await.expect("his seat");
        assert_eq!(again.id, other);
        // Wherever else he stays does count.
        let refusal = create_with_own(&bob, &brings).await;
        refused(refusal, 409, "too-many-subscriptions");
        let none = subscribe(&[(1, None)]);
        bob.update_member(other, Who::Me, &none).await.expect("his");
        let third = create_with_own(&bob, &brings).await.expect("two of two");
        assert_eq!(seen(&third, "bob").len(), 1);
        let hub = world.backend().create_session(&of("Square")).await;
        let hub = hub.expect("a third one").id;
        let refusal = bob.join(hub, Who::Me, &brings).await;
        refused(refusal, 409, "too-many-subscriptions");
        let refusal = bob.create_session(&making).await;
        refused(refusal, 409, "too-many-subscriptions");
        world.stop().await;
    });
}

/// A room of his own that he subscribes in at once.
async fn create_with_own(client: &Client, me: &JoinSession) -> Result<Session, sdk::Error> {
    let body = CreateSession {
        me: Some(me.clone()),
        ..of("Room")
    };
    client.create_session(&body).await
}

#[test]
fn r61_after_a_restart_a_subscriber_hears_once_too_often_and_never_too_seldom_sqlite() {
    run(after_a_restart(Kind::Sqlite));
}

#[test]
fn r61_after_a_restart_a_subscriber_hears_once_too_often_and_never_too_seldom_postgres() {
    run(after_a_restart(Kind::Postgres));
}

async fn after_a_restart(kind: Kind) {
    let world = World::on(kind, "subscriber_restarts", TYPES, Default::default()).await;
    let Some(world) = world else { return };
    let (ann, bob, id) = room(&world).await;
    subscribes(&bob, id, 1, Profile::Roster).await;
    let mut ear = Ear::of(&world, "bob").await;
    world.at(60_000);
    // Not covered; but the new server does not know what kind the last change was.
    let now = set_custom(&ann, id, 1).await.change_number;
    let world = world.restart().await;
    ear.client = world.player("bob");
    assert_eq!(ear.hears(id).await, Some((now, vec![key(1)])));
    assert_eq!(
        ear.hears(id).await,
        None,
        "its number says that it is the same"
    );
    world.at(120_000);
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    set_custom(&ann, id, 2).await;
    assert_eq!(ear.hears(id).await, None);
    let now = join(&world.player("cat"), id).await.expect("a seat");
    assert_eq!(ear.hears(id).await, Some((now.change_number, vec![key(1)])));
    let read = bob.session(id).await.expect("his");
    assert_eq!(seen(&read, "bob").len(), 1, "stored with his seat");
    world.stop().await;
}
