//! The laws of time over HTTP, on a clock that the test moves: time-outs, settling, documents, constants.

use futures_util::FutureExt as _;
use model::session_type::{Joinability, Visibility};
use model::wire::{CreateSession, JoinSession, MemberState, Reserve, UpdateSession};
use sdk::{Condition, Who};
use serde_json::json;
use server::core::Settings;
use tests::world::{
    LAW_TYPES, World, active, create, create_with, flags, join, of, refused, seat, states,
};
use tests::{Kind, player, run};

use MemberState::{Active, Inactive, Ready, Reserved};

#[test]
fn r1_r16_one_container_whose_behaviour_comes_from_its_type() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let hasty = create(&ann, "hasty").await;
        let endless = create(&ann, "ENDLESS").await;
        assert_eq!(
            (hasty.r#type.as_str(), endless.r#type.as_str()),
            ("Hasty", "Endless")
        );
        for id in [hasty.id, endless.id] {
            let ready = JoinSession {
                ready: true,
                ..JoinSession::default()
            };
            bob.join(id, Who::Me, &ready).await.expect("a seat");
        }
        let hasty = ann.session(hasty.id).await.expect("the session");
        let endless = ann.session(endless.id).await.expect("the session");
        assert_eq!(states(&hasty), [("ann", Active), ("bob", Inactive)]);
        assert_eq!(states(&endless), [("ann", Active), ("bob", Ready)]);
        refused(ann.create_session(&of("nothing")).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r2_r3_the_document_has_type_id_region_teams_and_data_that_nobody_interprets() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let mut body = CreateSession {
            region: Some("eu-west".parse().expect("a region")),
            ..of("Teams")
        };
        body.custom_data
            .insert("map".into(), "{not: json".to_owned());
        let made = ann.create_session(&body).await.expect("a session");
        let read = ann.session(made.id).await.expect("the same");
        assert_eq!(made, read);
        assert_eq!(read.r#type.as_str(), "Teams");
        assert_eq!(read.region.as_ref().map(|r| r.as_str()), Some("eu-west"));
        let sizes: Vec<_> = read
            .teams
            .iter()
            .map(|team| (team.taken, team.size))
            .collect();
        assert_eq!(sizes, [(1, Some(2)), (0, Some(2))]);
        assert_eq!(read.custom_data, body.custom_data);
        assert_eq!(
            read.type_custom_data.get("season").map(String::as_str),
            Some("7")
        );
        assert_eq!(read.instance, None);
        world.stop().await;
    });
}

#[test]
fn r4_a_session_is_found_by_its_reference_and_no_two_share_one() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(create(&ann, "Plain").await.id);
        }
        for id in &ids {
            assert_eq!(ann.session(*id).await.expect("the session").id, *id);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20);
        world.stop().await;
    });
}

#[test]
fn r7_r22_constants_are_set_at_creation_and_the_type_s_own_cannot_be_changed() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let constants = json!({ "seed": 7, "deep": { "null": null, "list": [1.5, "x"] } });
        let open = CreateSession {
            constants: constants.clone(),
            joinability: Some(Joinability::Public),
            ..of("Plain")
        };
        // The YAML leaves the joinability out, so it is the creator's to set (row 32).
        let made = ann.create_session(&open).await.expect("a session");
        assert_eq!(made.joinability, Joinability::Public);
        assert_eq!(
            ann.session(made.id).await.expect("it").constants,
            constants,
            "nested nulls, numbers and lists survive (row 21)"
        );
        // So are who sees it and how many it holds, once and for all.
        let small = CreateSession {
            visibility: Some(Visibility::Private),
            max_members: Some(2),
            ..of("Plain")
        };
        let small = ann.create_session(&small).await.expect("a session").id;
        refused(world.player("bob").session(small).await, 404, "not-found");
        let hold = |name| Reserve {
            players: vec![seat(name)],
            initialize: false,
        };
        let backend = world.backend();
        let held = backend.reserve(small, &hold("bob")).await;
        held.expect("a seat");
        refused(
            backend.reserve(small, &hold("cid")).await,
            409,
            "session-full",
        );
        let large = CreateSession {
            max_members: Some(101),
            ..of("Plain")
        };
        refused(ann.create_session(&large).await, 422, "invalid");
        // Teams has it written out: it may be repeated, not changed (row 16).
        for (asked, status) in [(Joinability::Public, 201), (Joinability::Private, 409)] {
            let body = CreateSession {
                joinability: Some(asked),
                ..of("Teams")
            };
            match ann.create_session(&body).await {
                Ok(_) => assert_eq!(status, 201),
                Err(error) => {
                    assert_eq!(status, 409);
                    refused(Err::<(), _>(error), 409, "constants-conflict");
                }
            }
        }
        world.stop().await;
    });
}

#[test]
fn r48_zero_is_immediate_null_is_never_and_omitted_is_the_default() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, admin) = (world.player("ann"), world.admin());
        let hasty = create_with(&ann, "Hasty", &["bob"]).await.id;
        let endless = create_with(&ann, "Endless", &["bob"]).await.id;
        let plain = create_with(&ann, "Plain", &["bob"]).await.id;
        let now = async |id| states_of(&admin.session(id).await.expect("it"));
        assert_eq!(now(hasty).await, "ann active");
        assert_eq!(now(endless).await, "ann active, bob reserved");
        world.at(29_999);
        assert_eq!(now(plain).await, "ann active, bob reserved");
        world.at(30_000);
        assert_eq!(now(plain).await, "ann active");
        world.at(400 * 86_400_000);
        assert_eq!(now(endless).await, "ann active, bob reserved");
        world.stop().await;
    });
}

fn states_of(session: &model::wire::Session) -> String {
    let all: Vec<String> = states(session)
        .iter()
        .map(|(name, state)| format!("{name} {}", format!("{state:?}").to_lowercase()))
        .collect();
    all.join(", ")
}

#[test]
fn r49_r51_a_reservation_ends_when_somebody_looks_and_not_before_sqlite() {
    run(reservations_are_lazy(Kind::Sqlite));
}

#[test]
fn r49_r51_a_reservation_ends_when_somebody_looks_and_not_before_postgres() {
    run(reservations_are_lazy(Kind::Postgres));
}

async fn reservations_are_lazy(kind: Kind) {
    let world = World::on(
        kind,
        "reservations_are_lazy",
        LAW_TYPES,
        Settings::default(),
    );
    let Some(world) = world.await else { return };
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let made = create_with(&ann, "Pair", &["bob"]).await;
    let seen = bob.events().await.expect("notices");
    world.at(29_999);
    let read = ann.session(made.id).await.expect("it");
    assert_eq!(states(&read), [("ann", Active), ("bob", Reserved)]);
    assert_eq!(read.change_number, made.change_number);
    // The sweeper is off: time alone changes nothing and tells nobody.
    world.at(30_000);
    world.run_timers().await;
    let quiet = bob
        .events_after(&seen.cursor, std::time::Duration::from_millis(1))
        .await;
    assert_eq!(quiet.expect("a page").notices, []);
    let read = ann.session(made.id).await.expect("it");
    assert_eq!(states(&read), [("ann", Active)]);
    assert_eq!(read.change_number, made.change_number + 1);
    // The seat is free again.
    join(&world.player("cid"), made.id)
        .await
        .expect("bob's seat");
    world.stop().await;
}

#[test]
fn row11_with_a_sweep_interval_time_alone_is_enough() {
    run(async {
        let settings = Settings {
            sweep_interval: model::Millis::seconds(1),
            ..Settings::default()
        };
        let world = World::on(Kind::Sqlite, "", LAW_TYPES, settings).await;
        let world = world.expect("SQLite");
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create_with(&ann, "Pair", &["bob"]).await;
        let seen = bob.events().await.expect("notices");
        world.at(31_000);
        world.run_timers().await;
        let told = bob
            .events_after(&seen.cursor, std::time::Duration::ZERO)
            .await
            .expect("a page");
        assert_eq!(told.notices.len(), 1, "{told:?}");
        assert_eq!(ann.session(made.id).await.expect("it").members.len(), 1);
        world.stop().await;
    });
}

#[test]
fn r50_r52_ready_becomes_inactive_and_no_access_makes_two_steps() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Competitive").await.id;
        let ready = JoinSession {
            ready: true,
            ..JoinSession::default()
        };
        bob.join(id, Who::Me, &ready).await.expect("a seat");
        world.at(179_999);
        let before = ann.session(id).await.expect("it");
        assert_eq!(states(&before), [("ann", Active), ("bob", Ready)]);
        // inactive_removal is 0 and due at once, yet one access makes one step.
        world.at(180_000);
        let first = ann.session(id).await.expect("it");
        assert_eq!(states(&first), [("ann", Active), ("bob", Inactive)]);
        assert_eq!(first.change_number, before.change_number + 1);
        let second = ann.session(id).await.expect("it");
        assert_eq!(states(&second), [("ann", Active)]);
        assert_eq!(second.change_number, first.change_number + 1);
        world.stop().await;
    });
}

#[test]
fn r53_an_inactive_member_is_removed_two_hours_after_the_access_that_made_him_so() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let (plain, endless) = (
            create(&ann, "Teams").await.id,
            create(&ann, "Endless").await.id,
        );
        let ready = JoinSession {
            ready: true,
            ..JoinSession::default()
        };
        let bob = world.player("bob");
        bob.join(plain, Who::Me, &ready).await.expect("a seat");
        let idle = JoinSession::default();
        bob.join(endless, Who::Me, &idle).await.expect("a seat");
        // Ready ran out at 180 000; it was noticed at 1 000 000, and that is when the next clock starts.
        world.at(1_000_000);
        let read = ann.session(plain).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        world.at(1_000_000 + 7_199_999);
        let read = ann.session(plain).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        world.at(1_000_000 + 7_200_000);
        let read = ann.session(plain).await.expect("it");
        assert_eq!(states(&read), [("ann", Active)]);
        world.at(400 * 86_400_000);
        let read = ann.session(endless).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        world.stop().await;
    });
}

#[test]
fn r54_an_empty_session_is_deleted_at_once_or_when_its_time_is_over() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, admin) = (world.player("ann"), world.admin());
        let (plain, lobby) = (
            create(&ann, "Plain").await.id,
            create(&ann, "Lobby").await.id,
        );
        assert_eq!(ann.leave(plain, Who::Me).await.expect("a way out"), None);
        refused(admin.session(plain).await, 404, "not-found");
        let left = ann.leave(lobby, Who::Me).await.expect("a way out");
        assert_eq!(left.map(|session| session.members.len()), Some(0));
        world.at(9_999);
        // Somebody comes back in time: the clock stops.
        join(&ann, lobby).await.expect("a seat");
        world.at(60_000);
        admin.session(lobby).await.expect("it still is");
        ann.leave(lobby, Who::Me).await.expect("a way out");
        world.at(69_999);
        admin.session(lobby).await.expect("it still is");
        world.at(70_000);
        refused(admin.session(lobby).await, 404, "not-found");
        refused(join(&ann, lobby).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r54_row20_an_empty_session_is_made_only_where_it_may_stay_empty() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let backend = world.backend();
        refused(backend.create_session(&of("Plain")).await, 422, "invalid");
        let made = backend.create_session(&of("Official")).await;
        let made = made.expect("a session");
        assert_eq!((made.members.len(), made.leader), (0, None));
        // Row 41: of a session made by a server, the first joined member leads.
        let joined = join(&world.player("ann"), made.id).await.expect("a seat");
        assert_eq!(joined.leader, Some(player("ann")));
        world.stop().await;
    });
}

#[test]
fn r56_those_who_lost_power_are_found_gone_days_later_and_their_clock_starts_then_sqlite() {
    run(the_worked_example(Kind::Sqlite));
}

#[test]
fn r56_those_who_lost_power_are_found_gone_days_later_and_their_clock_starts_then_postgres() {
    run(the_worked_example(Kind::Postgres));
}

async fn the_worked_example(kind: Kind) {
    let world = World::on(kind, "the_worked_example", LAW_TYPES, Settings::default());
    let Some(world) = world.await else { return };
    let admin = world.admin();
    // After a start nobody counts as gone for a minute (row 48).
    world.at(100_000);
    let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
    let slow = create(&ann, "Watched").await.id;
    let quick = create(&ann, "WatchedCompetitive").await.id;
    for id in [slow, quick] {
        for player in [&bob, &cid, &dan] {
            join(player, id).await.expect("a seat");
        }
    }
    // A and B lose power; C and D leave within the presence window, which makes nobody inactive.
    world.at(110_000);
    for id in [slow, quick] {
        for player in [&cid, &dan] {
            player.leave(id, Who::Me).await.expect("a way out");
        }
        let left = admin.session(id).await.expect("it");
        assert_eq!(states(&left), [("ann", Active), ("bob", Active)]);
    }
    // Days later A reads: A is there, B is not, and his clock starts now.
    let days = 3 * 86_400_000;
    world.at(days);
    for id in [slow, quick] {
        let read = ann.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        assert_eq!(read.members[1].since.0, world.server.core.now());
    }
    // A leaves. With a time-out of an hour B is still there; with 0 that write removes him and the session.
    let left = ann.leave(slow, Who::Me).await.expect("a way out");
    let left = left.expect("B is still in it");
    assert_eq!(states(&left), [("bob", Inactive)]);
    let gone = ann.leave(quick, Who::Me).await.expect("a way out");
    assert_eq!(gone, None);
    refused(admin.session(quick).await, 404, "not-found");
    world.at(days + 3_599_999);
    admin.session(slow).await.expect("it still is");
    world.at(days + 3_600_000);
    refused(admin.session(slow).await, 404, "not-found");
    world.stop().await;
}

#[test]
fn r28_r56_nobody_is_gone_within_a_minute_of_a_restart_and_a_long_poll_counts_as_there() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        world.at(100_000);
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Watched").await.id;
        join(&bob, id).await.expect("a seat");
        // Row 48: the server itself was away for an hour.
        world.at(3_700_000);
        let world = world.restart().await;
        let admin = world.admin();
        world.at(3_760_000);
        let read = admin.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Active)]);
        // Ann has a poll open, bob was never heard of again.
        let ann = world.player("ann");
        let cursor = ann.events().await.expect("a page").cursor;
        // The route's own call, so that the poll is certain to be open before time moves.
        let core = world.server.core.clone();
        let (anns, wait) = (player("ann"), model::Millis::seconds(30));
        let mut poll = Box::pin(core.events(&anns, Some(&cursor), wait));
        assert!((&mut poll).now_or_never().is_none(), "nothing is new yet");
        world.at(3_900_000);
        let read = admin.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        assert_eq!(poll.await.expect("a page").notices.len(), 1);
        world.stop().await;
    });
}

#[test]
fn row15_what_settling_did_is_kept_although_the_request_is_refused() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create_with(&ann, "Pair", &["cid"]).await;
        let tag = ann.session_versioned(made.id).await.expect("it").etag;
        world.at(30_000);
        // If-Match is compared after settling, and settling moves the number (A.2).
        let update = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        let stale = ann
            .update_session(made.id, &update, Condition::Unchanged(&tag))
            .await;
        refused(stale, 412, "precondition-failed");
        let read = ann.session(made.id).await.expect("it");
        assert_eq!(read.change_number, made.change_number + 1);
        assert_eq!((read.members.len(), read.closed), (1, false));
        // Settling and a write are one change number.
        let reserve = model::wire::Reserve {
            players: vec![seat("dan")],
            initialize: false,
        };
        let held = ann.reserve(made.id, &reserve).await.expect("a seat");
        world.at(60_000);
        let joined = join(&bob, made.id).await.expect("dan's seat");
        assert_eq!(joined.change_number, held.change_number + 1);
        assert_eq!(states(&joined), [("ann", Active), ("bob", Active)]);
        world.stop().await;
    });
}

#[test]
fn row47_a_matched_player_s_reservation_counts_from_the_joinable_instance_on() {
    run(async {
        let world = World::new().await;
        let mut host = tests::Host::start(&world.server, "arena", "eu-west").await;
        let mut tickets = Vec::new();
        let players = [world.player("ann"), world.player("bob")];
        for client in &players {
            let party = create(client, "Party").await;
            let ticket = tests::queue::ticket("duel");
            let ticket = client.create_ticket(party.id, &ticket).await;
            tickets.push(ticket.expect("a ticket"));
        }
        let game = tests::queue::session_of(&players[0], tickets[0].id).await;
        let assignment = host.assignment(game).await;
        // Cold for 25 s: longer than half the time-out, and not a second of it counts.
        world.at(25_000);
        host.open(game).await;
        world.at(25_000 + 29_999);
        let read = world.admin().session(game).await.expect("it");
        assert_eq!(read.members.len(), 2, "{assignment:?}");
        join(&players[0], game).await.expect("his seat");
        world.at(25_000 + 30_000);
        let read = world.admin().session(game).await.expect("it");
        assert_eq!(read.members.len(), 1);
        world.stop().await;
    });
}

#[test]
fn r24_r27_the_member_alone_moves_between_ready_active_and_inactive_at_any_time() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = world.player("ann");
        let id = create(&ann, "Plain").await.id;
        let mut number = 1;
        for (ready, active, state) in [
            (Some(true), None, Ready),
            (None, Some(true), Active),
            (None, Some(false), Inactive),
            (Some(true), None, Ready),
            (Some(false), None, Inactive),
            (Some(false), Some(true), Active),
        ] {
            let update = flags(ready, active);
            let read = ann.update_member(id, Who::Me, &update).await.expect("it");
            number += 1;
            assert_eq!(
                (read.members[0].state, read.change_number),
                (state, number),
                "{update:?}"
            );
        }
        let both = ann
            .update_member(id, Who::Me, &flags(Some(true), Some(true)))
            .await;
        refused(both, 400, "malformed");
        let both = JoinSession {
            ready: true,
            ..active()
        };
        refused(ann.join(id, Who::Me, &both).await, 400, "malformed");
        // Neither flag is inactive, the default.
        let bob = world.player("bob");
        let lobby = create(&ann, "Lobby").await.id;
        let joined = bob.join(lobby, Who::Me, &JoinSession::default()).await;
        assert_eq!(joined.expect("a seat").members[1].state, Inactive);
        world.stop().await;
    });
}

#[test]
fn r29_r43_who_is_lost_holds_his_seat_until_he_is_found_gone_and_nobody_else_frees_it() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        // Past the minute after a start in which nobody counts as gone.
        world.at(100_000);
        let (ann, backend) = (world.player("ann"), world.backend());
        let small = CreateSession {
            max_members: Some(2),
            ..of("Watched")
        };
        let id = ann.create_session(&small).await.expect("a session").id;
        join(&world.player("bob"), id).await.expect("a seat");
        // Bob's machine loses its network. Until the presence window is over he still looks active.
        world.at(119_999);
        ann.session(id).await.expect("she is there");
        let read = backend.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Active)]);
        let cid = world.player("cid");
        refused(join(&cid, id).await, 409, "session-full");
        // Then he is inactive, and his seat is still his.
        world.at(120_000);
        refused(join(&cid, id).await, 409, "session-full");
        let read = backend.session(id).await.expect("it");
        assert_eq!(states(&read), [("ann", Active), ("bob", Inactive)]);
        // Only after his time-out it is free.
        let since = read.members[1].since.0.0;
        ann.session(id).await.expect("she is there");
        world.clock.advance_to(model::Timestamp(since + 3_599_999));
        refused(join(&cid, id).await, 409, "session-full");
        world.clock.advance_to(model::Timestamp(since + 3_600_000));
        join(&cid, id).await.expect("the seat is free");
        world.stop().await;
    });
}
