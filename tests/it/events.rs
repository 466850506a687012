//! Change notices over HTTP: a cursor misses nothing, carries all state and survives a restart.

use std::time::Duration;

use futures_util::FutureExt as _;
use model::Millis;
use model::instance::InstanceStatus;
use model::wire::{EventPage, HostUpdate, Notice, NoticeKind};
use sdk::{Client, Who};
use server::core::Settings;
use tests::queue::{queue_alone, session_of, ticket};
use tests::world::{World, active, create, create_with, join, refused};
use tests::{Host, Kind, SESSION_TYPES, player, raw, run};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

fn kinds(page: &EventPage) -> Vec<NoticeKind> {
    page.notices.iter().map(|notice| notice.kind).collect()
}

fn session_notice(page: &EventPage, id: model::SessionId) -> &Notice {
    let path = format!("/v1/sessions/{id}");
    let found = page.notices.iter().find(|notice| notice.resource == path);
    found.unwrap_or_else(|| panic!("no notice of {path}: {page:?}"))
}

async fn after(client: &Client, cursor: &str) -> EventPage {
    client.events_after(cursor, LONG).await.expect("a page")
}

#[test]
fn nothing_is_missed_between_polls_sqlite() {
    run(nothing_is_missed(Kind::Sqlite));
}

#[test]
fn nothing_is_missed_between_polls_postgres() {
    run(nothing_is_missed(Kind::Postgres));
}

async fn nothing_is_missed(kind: Kind) {
    let world = World::on(
        kind,
        "nothing_is_missed",
        SESSION_TYPES,
        Settings::default(),
    )
    .await;
    let Some(world) = world else { return };
    let mut host = Host::start(&world.server, "arena", "eu-west").await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let start = bob.events().await.expect("a page");
    assert_eq!(start.notices, []);
    // A reservation makes him a member whom things concern; nobody was polling meanwhile.
    let room = create_with(&ann, "Room", &["bob"]).await.id;
    let page = after(&bob, &start.cursor).await;
    assert_eq!(kinds(&page), [NoticeKind::Session]);
    assert_eq!(session_notice(&page, room).change_number, Some(1));
    // Two changes between polls are one notice, with the number of the last.
    join(&bob, room).await.expect("his seat");
    let ready = tests::world::flags(Some(true), None);
    ann.update_member(room, Who::Me, &ready)
        .await
        .expect("hers");
    let now = bob.session(room).await.expect("it");
    let page = after(&bob, &page.cursor).await;
    let notice = session_notice(&page, room);
    assert_eq!(
        (notice.change_number, notice.branch),
        (Some(now.change_number), Some(now.branch))
    );
    // The instance: told when it is joinable.
    ann.request_instance(room, &Default::default())
        .await
        .expect("an instance");
    host.open(room).await;
    let mut cursor = page.cursor;
    loop {
        let page = after(&bob, &cursor).await;
        cursor = page.cursor;
        let seen = bob.instance(room).await.expect("it");
        if seen.status == model::instance::InstanceStatus::Joinable {
            break;
        }
    }
    // Tickets: made, matched, found.
    let made = queue_alone(&bob, &ticket("duel")).await;
    let page = after(&bob, &cursor).await;
    let told = page.notices.iter().any(|notice| {
        notice.kind == NoticeKind::Ticket && notice.resource == format!("/v1/tickets/{}", made.id)
    });
    assert!(told, "{page:?}");
    queue_alone(&ann, &ticket("duel")).await;
    let mut cursor = page.cursor;
    let game = session_of(&bob, made.id).await;
    loop {
        let page = after(&bob, &cursor).await;
        let game = format!("/v1/sessions/{game}");
        let there = page.notices.iter().any(|notice| notice.resource == game);
        cursor = page.cursor;
        if there {
            break;
        }
    }
    world.stop().await;
}

#[test]
fn who_waits_is_woken_and_a_wait_that_runs_out_is_an_empty_page() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let start = ann.events().await.expect("a page").cursor;
        let quiet = ann.events_after(&start, SHORT).await.expect("a page");
        assert_eq!(quiet.notices, []);
        let core = world.server.core.clone();
        let anns = player("ann");
        let mut poll = Box::pin(core.events(&anns, Some(&quiet.cursor), Millis::seconds(60)));
        assert!((&mut poll).now_or_never().is_none());
        let made = create(&ann, "Room").await;
        let page = poll.await.expect("a page");
        assert_eq!(session_notice(&page, made.id).change_number, Some(1));
        // Somebody else's affairs wake nobody.
        let quiet = after_quietly(&ann, &page.cursor).await;
        create(&world.player("bob"), "Room").await;
        assert_eq!(after_quietly(&ann, &quiet).await, quiet);
        world.stop().await;
    });
}

async fn after_quietly(client: &Client, cursor: &str) -> String {
    let page = client.events_after(cursor, SHORT).await.expect("a page");
    assert_eq!(page.notices, []);
    page.cursor
}

#[test]
fn a_cursor_survives_a_restart_and_tells_what_changed_while_nobody_was_there_sqlite() {
    run(survives_a_restart(Kind::Sqlite));
}

#[test]
fn a_cursor_survives_a_restart_and_tells_what_changed_while_nobody_was_there_postgres() {
    run(survives_a_restart(Kind::Postgres));
}

async fn survives_a_restart(kind: Kind) {
    let world = World::on(
        kind,
        "survives_a_restart",
        SESSION_TYPES,
        Settings::default(),
    )
    .await;
    let Some(world) = world else { return };
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let left = create(&ann, "Room").await.id;
    let kept = create(&ann, "Room").await.id;
    for room in [left, kept] {
        join(&bob, room).await.expect("a seat");
    }
    let made = queue_alone(&bob, &ticket("tdm")).await;
    let quiet = bob.events().await.expect("a page").cursor;
    let world = world.restart().await;
    let bob = world.player("bob");
    assert_eq!(after_quietly(&bob, &quiet).await, quiet, "nothing happened");
    // He is kicked, his ticket is taken back, and the server starts once more before he asks.
    let ann = world.player("ann");
    ann.leave(left, Who::Player(&player("bob")))
        .await
        .expect("a kick");
    bob.cancel_ticket(made.party).await.expect("taken back");
    let world = world.restart().await;
    let page = after(&world.player("bob"), &quiet).await;
    let mut told: Vec<_> = page
        .notices
        .iter()
        .map(|notice| (notice.kind, notice.resource.clone()))
        .collect();
    told.sort_by_key(|(_, resource)| resource.clone());
    let mut expected = vec![
        (NoticeKind::SessionLeft, format!("/v1/sessions/{left}")),
        (NoticeKind::Session, format!("/v1/sessions/{}", made.party)),
        (NoticeKind::Ticket, format!("/v1/tickets/{}", made.id)),
    ];
    expected.sort_by_key(|(_, resource)| resource.clone());
    assert_eq!(told, expected);
    after_quietly(&world.player("bob"), &page.cursor).await;
    world.stop().await;
}

#[test]
fn of_another_store_s_cursor_nothing_is_believed_and_the_present_state_is_told() {
    run(async {
        let (here, there) = (World::new().await, World::new().await);
        let ann = here.player("ann");
        let room = create(&ann, "Room").await;
        let foreign = there.player("ann").events().await.expect("a page").cursor;
        let page = ann.events_after(&foreign, LONG).await.expect("at once");
        assert_eq!(kinds(&page), [NoticeKind::Session]);
        session_notice(&page, room.id);
        here.stop().await;
        there.stop().await;
    });
}

#[test]
fn a_cursor_that_cannot_be_read_is_400() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        for cursor in ["x", "AAAA", "e30", "\0", "{}"] {
            refused(ann.events_after(cursor, LONG).await, 400, "malformed");
        }
        let token = raw::token(&raw::claims(model::wire::PrincipalKind::Player, "ann"));
        let long = "A".repeat(9_000);
        for query in [
            "cursor=".to_owned(),
            "wait=x".to_owned(),
            "wait=-1".to_owned(),
            "wait=300001".to_owned(),
            "wait=1&wait=2".to_owned(),
            "seen=1".to_owned(),
            format!("cursor={long}"),
        ] {
            let answer = raw::send(
                &world.server.url,
                raw::Request {
                    method: "GET",
                    path: &format!("/v1/events?{query}"),
                    token: Some(&token),
                    headers: &[],
                    body: b"",
                },
            )
            .await;
            let short = &query[..query.len().min(20)];
            assert_eq!(
                (answer.status, answer.problem()),
                (400, "malformed"),
                "{short}"
            );
        }
        world.stop().await;
    });
}

#[test]
fn who_left_or_was_kicked_and_whose_session_ended_is_told_that_he_is_no_longer_in_it() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        for how in ["left", "kicked", "ended"] {
            let room = create(&ann, "Room").await.id;
            bob.join(room, Who::Me, &active()).await.expect("a seat");
            let cursor = bob.events().await.expect("a page").cursor;
            match how {
                "left" => drop(bob.leave(room, Who::Me).await.expect("a way out")),
                "kicked" => drop(
                    ann.leave(room, Who::Player(&player("bob")))
                        .await
                        .expect("it"),
                ),
                _ => ann.delete_session(room).await.expect("the leader's right"),
            }
            let page = after(&bob, &cursor).await;
            assert_eq!(kinds(&page), [NoticeKind::SessionLeft], "{how}");
            assert_eq!(session_notice(&page, room).change_number, None);
            // Once is enough.
            after_quietly(&bob, &page.cursor).await;
        }
        world.stop().await;
    });
}

#[test]
fn reservations_by_a_stranger_crowd_nobody_s_own_sessions_out() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let room = create(&ann, "Room").await.id;
        join(&bob, room).await.expect("a seat");
        let stranger = world.player("stranger");
        for _ in 0..45 {
            create_with(&stranger, "Room", &["bob"]).await;
        }
        let before = bob.events().await.expect("a page");
        let update = model::wire::UpdateSession {
            closed: Some(true),
            ..Default::default()
        };
        ann.update_session(room, &update, sdk::Condition::Always)
            .await
            .expect("hers");
        let page = after(&bob, &before.cursor).await;
        assert_eq!(page.notices.len(), 1, "{page:?}");
        session_notice(&page, room);
        world.stop().await;
    });
}

#[test]
fn f17_members_hear_of_changed_join_data_and_not_of_who_is_connected() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let room = create(&ann, "Room").await.id;
        join(&bob, room).await.expect("a seat");
        ann.request_instance(room, &Default::default())
            .await
            .expect("an instance");
        let allocation_id = host.assignment(room).await.allocation_id;
        let quiet = HostUpdate {
            allocation_id,
            status: None,
            version: None,
            join_custom_data: None,
            connected: None,
        };
        let secret = |word: &str| HostUpdate {
            join_custom_data: Some([("secret".to_owned(), word.to_owned())].into()),
            ..quiet.clone()
        };
        let version = HostUpdate {
            version: Some("1.4.2".into()),
            ..quiet.clone()
        };
        let connected = HostUpdate {
            connected: Some(vec!["ann".into()]),
            ..quiet.clone()
        };
        let both = HostUpdate {
            connected: Some(Vec::new()),
            ..secret("both")
        };
        let joinable = HostUpdate {
            status: Some(InstanceStatus::Joinable),
            ..quiet.clone()
        };
        let mut cursor = bob.events().await.expect("a page").cursor;
        for (says, told) in [
            // Nobody can join yet; what is joinable then takes it along.
            (secret("early"), false),
            (joinable, true),
            (secret("late"), true),
            (secret("late"), false),
            (connected.clone(), false),
            (version, true),
            (both, true),
            (connected, false),
        ] {
            host.client
                .update_instance(room, &says)
                .await
                .expect("the host's right");
            if told {
                let page = after(&bob, &cursor).await;
                let read = bob.session(room).await.expect("his");
                let notice = session_notice(&page, room);
                assert_eq!(notice.change_number, Some(read.change_number), "{says:?}");
                cursor = page.cursor;
            } else {
                cursor = after_quietly(&bob, &cursor).await;
            }
        }
        world.stop().await;
    });
}
