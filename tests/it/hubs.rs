//! Hubs lead whoever comes to a session with space; sessions that launch by themselves or are kept running (R19, R77).

use std::collections::BTreeSet;

use model::SessionId;
use model::instance::{CloseReason, InstanceStatus};
use model::wire::{CreateSession, PrincipalKind, Session, UpdateSession};
use sdk::{Client, Condition, Who};
use server::core::Settings;
use tests::world::{World, create, flags, join, of, refused, states};
use tests::{Host, Kind, raw, run};

const HUBS: &str = include_str!("../src/hub_types.yaml");

async fn there(client: &Client, region: &str, of_type: &str) -> Session {
    let body = CreateSession {
        region: Some(region.parse().expect("a region")),
        ..of(of_type)
    };
    client.create_session(&body).await.expect("a hub")
}

async fn with_party(
    client: &Client,
    of_type: &str,
    party: SessionId,
) -> Result<Session, sdk::Error> {
    let body = CreateSession {
        party: Some(party),
        ..of(of_type)
    };
    client.create_session(&body).await
}

fn names(session: &Session) -> Vec<&str> {
    states(session).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn r19_r78_who_creates_a_hub_is_led_to_one_with_space_and_the_third_of_two_seats_makes_the_next() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let first = create(&ann, "Harbour").await;
        let second = create(&bob, "harbour").await;
        assert_eq!(second.id, first.id);
        assert_eq!(names(&second), ["ann", "bob"]);
        let third = create(&cid, "Harbour").await;
        assert_ne!(third.id, first.id);
        assert_eq!(create(&dan, "Harbour").await.id, third.id);
        // Whoever is in one already gets his own.
        assert_eq!(create(&ann, "Harbour").await.id, first.id);
        assert_eq!(ann.my_sessions().await.expect("a list").len(), 1);
        // A seat that becomes free is the next one's.
        bob.leave(first.id, Who::Me).await.expect("he leaves");
        let eve = create(&world.player("eve"), "Harbour").await;
        assert_eq!(eve.id, first.id);
        world.stop().await;
    });
}

#[test]
fn r78_a_hub_is_left_open_by_time_too() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let hub = create(&ann, "Harbour").await.id;
        create(&bob, "Harbour").await;
        let away = flags(None, Some(false));
        bob.update_member(hub, Who::Me, &away).await.expect("away");
        world.at(119_999);
        assert_ne!(create(&cid, "Harbour").await.id, hub);
        // Nobody has looked at it since: whoever comes does.
        world.at(120_000);
        let dan = world.player("dan");
        assert_eq!(create(&dan, "Meadow").await.r#type.as_str(), "Meadow");
        let [eve, fay] = ["eve", "fay"].map(|name| world.player(name));
        let led: BTreeSet<SessionId> = [
            create(&eve, "Harbour").await.id,
            create(&fay, "Harbour").await.id,
        ]
        .into();
        assert!(led.contains(&hub), "{led:?}");
        world.stop().await;
    });
}

#[test]
fn r78_two_who_come_at_once_for_one_free_seat_do_not_both_get_it_and_do_not_make_two_hubs() {
    run(async {
        let world = World::with(HUBS).await;
        let clients: Vec<Client> = (0..9).map(|n| world.player(&format!("p{n}"))).collect();
        let coming = clients.iter().map(|client| create(client, "Harbour"));
        let led = futures_util::future::join_all(coming).await;
        let hubs: BTreeSet<SessionId> = led.iter().map(|session| session.id).collect();
        assert_eq!(hubs.len(), 5, "nine players, two seats each");
        for hub in hubs {
            let session = world.admin().session(hub).await.expect("it is there");
            assert!(session.members.len() <= 2);
        }
        world.stop().await;
    });
}

#[test]
fn r78_the_fullest_the_emptiest_or_the_oldest_hub_is_taken_first() {
    run(async {
        let world = World::with(HUBS).await;
        let came = |name: &str| world.player(name);
        // Of four seats: the first hub gets full, then a second one begins.
        let first = create(&came("a"), "Meadow").await.id;
        for name in ["b", "c", "d"] {
            assert_eq!(create(&came(name), "Meadow").await.id, first);
        }
        let second = create(&came("e"), "Meadow").await.id;
        came("d").leave(first, Who::Me).await.expect("he leaves");
        assert_eq!(create(&came("f"), "Meadow").await.id, second, "emptiest");
        let fullest = create(&came("g"), "Harbour").await.id;
        came("g").leave(fullest, Who::Me).await.expect("he leaves");
        // An empty hub lives on for a while, and is the one with space.
        assert_eq!(create(&came("h"), "Harbour").await.id, fullest);
        let oldest = create(&came("i"), "Crossroads").await.id;
        for name in ["j", "k", "l"] {
            create(&came(name), "Crossroads").await;
        }
        world.at(1);
        let younger = create(&came("m"), "Crossroads").await.id;
        assert_ne!(younger, oldest);
        create(&came("n"), "Crossroads").await;
        came("i").leave(oldest, Who::Me).await.expect("he leaves");
        assert_eq!(create(&came("o"), "Crossroads").await.id, oldest);
        world.stop().await;
    });
}

#[test]
fn r78_row40_region_restricts_only_where_it_is_stated() {
    run(async {
        let world = World::with(HUBS).await;
        let came = |name: &str| world.player(name);
        let europe = there(&came("a"), "eu-west", "Meadow").await;
        let america = there(&came("b"), "us-east", "Meadow").await;
        assert_ne!(europe.id, america.id);
        assert_eq!(there(&came("c"), "eu-west", "Meadow").await.id, europe.id);
        let anywhere = create(&came("d"), "Meadow").await;
        assert_eq!(anywhere.id, america.id, "the emptiest of both");
        // Crossroads are one wherever one comes from.
        let one = there(&came("e"), "eu-west", "Crossroads").await.id;
        assert_eq!(there(&came("f"), "us-east", "Crossroads").await.id, one);
        world.stop().await;
    });
}

#[test]
fn r78_row18_a_party_goes_to_one_hub_and_never_splits_over_one_free_seat() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let half = create(&cid, "Harbour").await.id;
        let party = create(&ann, "Party").await.id;
        join(&bob, party).await.expect("a seat");
        refused(with_party(&bob, "Harbour", party).await, 403, "not-leader");
        let hub = with_party(&ann, "Harbour", party).await.expect("a hub");
        assert_ne!(hub.id, half);
        assert_eq!(names(&hub), ["ann", "bob"]);
        // The seat that is held for him is where he is led, by whichever way he comes.
        let bobs = create(&bob, "Harbour").await;
        assert_eq!(bobs.id, hub.id);
        assert_eq!(bobs.seats.active, 2);
        // He leads a party of his own, and his hub has no space for it: all of it moves.
        assert_eq!(create(&world.player("fay"), "Harbour").await.id, half);
        let stranger = world.player("dan");
        let full = create(&stranger, "Harbour").await.id;
        let eve = world.player("eve");
        assert_eq!(create(&eve, "Harbour").await.id, full);
        let pair = create(&stranger, "Party").await.id;
        join(&world.player("gus"), pair).await.expect("a seat");
        let moved = with_party(&stranger, "Harbour", pair).await.expect("a hub");
        assert_eq!(names(&moved), ["dan", "gus"]);
        assert_eq!(names(&eve.session(full).await.expect("hers")), ["eve"]);
        // Where parties go one by one nothing is held.
        let alone = with_party(&ann, "Crossroads", party).await.expect("a hub");
        assert_eq!(names(&alone), ["ann"]);
        refused(with_party(&ann, "Arcade", party).await, 422, "invalid");
        let unknown = SessionId(uuid::Uuid::from_u128(7));
        refused(with_party(&ann, "Harbour", unknown).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r78_row18_row40_a_join_that_names_a_hub_with_space_is_honoured_and_leaves_the_old_layer() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let first = create(&ann, "Harbour").await.id;
        create(&bob, "Harbour").await;
        let second = create(&cid, "Harbour").await.id;
        // To a friend on another layer.
        let hopped = join(&ann, second).await.expect("it has space");
        assert_eq!(hopped.id, second);
        assert_eq!(
            names(&world.admin().session(first).await.expect("there")),
            ["bob"]
        );
        // Full by now: the next one is led on.
        let led = join(&dan, second).await.expect("another one");
        assert_eq!(led.id, first);
        // A member of a full hub who comes again has no need to be led anywhere.
        assert_eq!(join(&ann, second).await.expect("his own").id, second);
        // Closed for newcomers, and nobody may make another: the refusal stands.
        let palace = world
            .backend()
            .create_session(&of("Palace"))
            .await
            .expect("made");
        join(&ann, palace.id).await.expect("a seat");
        refused(join(&bob, palace.id).await, 409, "session-full");
        refused(bob.create_session(&of("Palace")).await, 403, "forbidden");
        world.stop().await;
    });
}

#[test]
fn r78_row18_hubs_that_he_could_not_join_are_passed_over() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let hub = create(&ann, "Meadow").await.id;
        let closed = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        let changed = ann.update_session(hub, &closed, Condition::Always).await;
        changed.expect("she leads");
        let other = create(&bob, "Meadow").await.id;
        assert_ne!(other, hub);
        let open = UpdateSession {
            closed: Some(false),
            ..UpdateSession::default()
        };
        let changed = ann.update_session(hub, &open, Condition::Always).await;
        changed.expect("she leads");
        bob.leave(other, Who::Me).await.expect("he leaves");
        let admin = world.admin();
        let changed = admin.update_session(other, &closed, Condition::Always);
        changed.await.expect("an operator may");
        assert_eq!(create(&cid, "Meadow").await.id, hub);
        world.stop().await;
    });
}

#[test]
fn row40_two_hops_at_once_end_in_one_hub() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let (europe, america) = (
            there(&ann, "eu-west", "Meadow").await.id,
            there(&bob, "us-east", "Meadow").await.id,
        );
        for n in 0..20 {
            let one = world.player(&format!("p{n}"));
            let (a, b) = tokio::join!(join(&one, europe), join(&one, america));
            let (a, b) = (a.expect("it has space"), b.expect("it has space"));
            let mine = one.my_sessions().await.expect("a list");
            assert_eq!(mine.len(), 1, "after {} and {}", a.id, b.id);
            one.leave(mine[0].id, Who::Me).await.expect("he leaves");
        }
        world.stop().await;
    });
}

#[test]
fn row50_a_seat_among_the_spectators_is_no_space_in_a_hub() {
    run(async {
        let world = World::with(HUBS).await;
        let mut hubs = BTreeSet::new();
        for n in 0..20 {
            let hub = create(&world.player(&format!("p{n}")), "Stage").await;
            assert!(hubs.insert(hub.id));
        }
        let listed = world.player("q").browse(Default::default()).await;
        assert_eq!(listed.expect("a page").items, [], "all of them are full");
        world.stop().await;
    });
}

#[test]
fn row40_a_seat_that_a_stranger_holds_leads_nobody_to_another_region_nor_away() {
    run(async {
        let world = World::with(HUBS).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let far = there(&ann, "us-east", "Meadow").await.id;
        let own = there(&bob, "eu-west", "Meadow").await.id;
        let reserve = async |name: &str| {
            let body = model::wire::Reserve {
                players: vec![tests::world::seat(name)],
                initialize: false,
            };
            ann.reserve(far, &body).await.expect("she leads");
        };
        reserve("bob").await;
        assert_eq!(there(&bob, "eu-west", "Meadow").await.id, own);
        reserve("cid").await;
        let cid = world.player("cid");
        assert_eq!(there(&cid, "eu-west", "Meadow").await.id, own);
        // A server that brings somebody takes him along.
        let of_bob = tests::player("bob");
        let (backend, active) = (world.backend(), tests::world::active());
        let brought = backend.join(far, Who::Player(&of_bob), &active).await;
        brought.expect("a server may");
        let mine = bob.my_sessions().await.expect("his");
        assert_eq!(mine.iter().map(|one| one.id).collect::<Vec<_>>(), [far]);
        world.stop().await;
    });
}

#[test]
fn r78_of_many_full_hubs_those_to_which_time_has_done_something_are_looked_at_first() {
    run(async {
        let world = World::with(HUBS).await;
        for n in 0..150 {
            create(&world.player(&format!("p{n}")), "Stage").await;
        }
        let body = CreateSession {
            reserve: vec![tests::world::seat("nobody")],
            ..of("Stage")
        };
        let made = world
            .backend()
            .create_session(&body)
            .await
            .expect("made")
            .id;
        world.at(30_000);
        let visitor = create(&world.player("visitor"), "Stage").await;
        // With nobody in it the session has ended with its reservation: what counts is that it was looked at.
        assert_ne!(visitor.id, made);
        refused(world.admin().session(made).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r78_what_only_a_new_hub_could_be_is_refused_to_players_whether_or_not_one_is_there() {
    run(async {
        let world = World::with(HUBS).await;
        let ann = world.player("ann");
        for _ in 0..2 {
            for body in [
                CreateSession {
                    reserve: vec![tests::world::seat("bob")],
                    ..of("Harbour")
                },
                CreateSession {
                    max_members: Some(1),
                    ..of("Harbour")
                },
            ] {
                refused(ann.create_session(&body).await, 422, "invalid");
            }
            create(&ann, "Harbour").await;
        }
        world.stop().await;
    });
}

#[test]
fn r78_a_key_is_good_for_one_request_whether_it_made_a_hub_or_led_to_one() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        for client in [&ann, &bob] {
            let first = client.create_session_keyed(&of("Harbour"), "k").await;
            let again = client.create_session_keyed(&of("Harbour"), "k").await;
            assert_eq!(first.expect("a hub").id, again.expect("the same").id);
            let other = client.create_session_keyed(&of("Meadow"), "k").await;
            refused(other, 409, "idempotency-key-reused");
        }
        world.stop().await;
    });
}

#[test]
fn row19_what_a_visitor_did_to_a_hub_that_is_kept_is_undone_once_he_is_gone() {
    run(async {
        let (world, id) = kept_city().await;
        let ann = world.player("ann");
        join(&ann, id).await.expect("a seat");
        let shut = UpdateSession {
            closed: Some(true),
            joinability: Some(model::session_type::Joinability::Private),
            ..UpdateSession::default()
        };
        let shut = ann.update_session(id, &shut, Condition::Always).await;
        shut.expect("she leads");
        ann.leave(id, Who::Me).await.expect("she leaves");
        let bob = world.player("bob");
        assert_eq!(there(&bob, "eu-west", "City").await.id, id);
        world.stop().await;
    });
}

#[test]
fn r78_who_knows_no_password_is_led_on_from_a_hub_that_has_one_and_who_mistypes_it_is_told_so() {
    run(async {
        let world = World::with(HUBS).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let hub = create(&ann, "Meadow").await.id;
        let locked = UpdateSession {
            password: Some(model::wire::Password("sesame".into())),
            ..UpdateSession::default()
        };
        let locked = ann.update_session(hub, &locked, Condition::Always).await;
        locked.expect("she leads");
        assert_ne!(join(&bob, hub).await.expect("another one").id, hub);
        let with = |password: &str| model::wire::JoinSession {
            password: Some(model::wire::Password(password.into())),
            ..tests::world::active()
        };
        let mistyped = cid.join(hub, Who::Me, &with("sesami")).await;
        refused(mistyped, 403, "wrong-password");
        let right = cid.join(hub, Who::Me, &with("sesame")).await;
        assert_eq!(right.expect("he knows it").id, hub);
        world.stop().await;
    });
}

#[test]
fn r78_a_dry_run_leads_nobody_anywhere() {
    run(async {
        let world = World::with(HUBS).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let token = raw::token(&raw::claims(PrincipalKind::Player, "bob"));
        let hub = create(&ann, "Harbour").await.id;
        let request = raw::Request {
            method: "POST",
            path: "/v1/sessions?dry_run=true",
            token: Some(&token),
            headers: &[],
            body: br#"{ "type": "Harbour" }"#,
        };
        let answer = raw::send(&world.server.url, request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["id"], hub.to_string());
        assert_eq!(bob.my_sessions().await.expect("a list"), []);
        assert_eq!(names(&ann.session(hub).await.expect("hers")), ["ann"]);
        world.stop().await;
    });
}

#[test]
fn r78_hubs_are_found_again_after_a_restart_on_both_databases() {
    run(async {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let world = World::on(kind, "hubs_restart", HUBS, Settings::default()).await;
            let Some(world) = world else { continue };
            let hub = create(&world.player("ann"), "Harbour").await.id;
            let world = world.restart().await;
            assert_eq!(create(&world.player("bob"), "Harbour").await.id, hub);
            assert_ne!(create(&world.player("cid"), "Harbour").await.id, hub);
            world.stop().await;
        }
    });
}

/// The sessions of this type that run, as an operator finds them.
async fn city(world: &World, region: &str) -> Session {
    let visitor = world.player(&format!("visitor-{region}"));
    let session = there(&visitor, region, "City").await;
    visitor.leave(session.id, Who::Me).await.expect("he leaves");
    world.admin().session(session.id).await.expect("it is kept")
}

/// A session that is kept running in Europe.
async fn kept_city() -> (World, SessionId) {
    let world = World::with(HUBS).await;
    world.run_timers().await;
    let id = city(&world, "eu-west").await.id;
    (world, id)
}

#[test]
fn r19_r77_row19_so_many_sessions_run_in_each_region_and_launch_by_themselves() {
    run(async {
        let world = World::with(HUBS).await;
        world.run_timers().await;
        let europe = city(&world, "eu-west").await;
        let america = city(&world, "us-east").await;
        assert_ne!(europe.id, america.id);
        for city in [&europe, &america] {
            assert!(city.kept && city.members.is_empty());
            let instance = city.instance.as_ref().expect("launched by itself");
            assert_eq!(instance.status, InstanceStatus::Requested);
            assert_eq!(instance.startup_params.map, "Harbour");
        }
        // Being empty does not end it, whatever `session_empty` says; one beside it ends as any other.
        world.at(25_000);
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        assert_eq!(there(&ann, "eu-west", "City").await.id, europe.id);
        assert_eq!(there(&bob, "eu-west", "City").await.id, europe.id);
        let beside = there(&cid, "eu-west", "City").await;
        assert!(!beside.kept && beside.instance.is_some());
        cid.leave(beside.id, Who::Me).await.expect("he leaves");
        refused(world.admin().session(beside.id).await, 404, "not-found");
        // Whoever ends one all the same gets another.
        world
            .admin()
            .delete_session(america.id)
            .await
            .expect("ended");
        world.run_timers().await;
        let again = city(&world, "us-east").await;
        assert!(again.kept && again.id != america.id);
        // A restart makes no second one.
        let world = world.restart().await;
        world.run_timers().await;
        assert_eq!(city(&world, "us-east").await.id, again.id);
        world.stop().await;
    });
}

#[test]
fn r77_a_hub_whose_host_fails_is_launched_again_after_a_while() {
    run(async {
        let (world, id) = kept_city().await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let game = host.open(id).await;
        let closed = InstanceStatus::Closed;
        let said = host.says(id, game.allocation_id, closed).await;
        said.expect("it goes");
        let instance = async || {
            let session = world.admin().session(id).await.expect("it is kept");
            session.instance.expect("one")
        };
        let first = instance().await;
        assert_eq!(first.closed, Some(CloseReason::Host));
        world.at(4_999);
        world.run_timers().await;
        assert_eq!(instance().await.id, first.id);
        world.at(5_000);
        world.run_timers().await;
        let second = instance().await;
        assert_ne!(second.id, first.id);
        assert!(second.closed.is_none());
        // What is kept running has a host again, whoever closed the last one.
        world.admin().close_instance(id).await.expect("closed");
        world.at(10_000);
        world.run_timers().await;
        assert!(instance().await.closed.is_none());
        world.stop().await;
    });
}

#[test]
fn r77_an_instance_that_waits_for_members_launches_with_the_last_of_them() {
    run(async {
        let world = World::with(HUBS).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create(&ann, "Pickup").await;
        assert_eq!(made.instance, None);
        let joined = join(&bob, made.id).await.expect("a seat");
        let instance = joined.instance.expect("launched");
        assert_eq!(instance.status, InstanceStatus::Requested);
        // Nobody waits for a host for ever, and nobody who waits is forgotten.
        world.at(30_000);
        world.run_timers().await;
        let closed = ann.session(made.id).await.expect("hers").instance;
        let reason = closed.as_ref().and_then(|instance| instance.closed);
        assert_eq!(reason, Some(CloseReason::AllocationTimeout));
        world.at(35_000);
        world.run_timers().await;
        let again = ann.session(made.id).await.expect("hers").instance;
        assert_ne!(
            again.map(|instance| instance.id),
            closed.map(|instance| instance.id)
        );
        world.stop().await;
    });
}

#[test]
fn row19_when_fewer_are_wanted_those_too_many_end_once_nobody_is_there() {
    run(async {
        let (world, id) = kept_city().await;
        let ann = world.player("ann");
        join(&ann, id).await.expect("a seat");
        let none = HUBS.replace("min_session_count: 1", "min_session_count: 0");
        world.server.reloaded(&none).await;
        world.run_timers().await;
        assert!(!ann.session(id).await.expect("hers").kept);
        assert_eq!(names(&ann.session(id).await.expect("hers")), ["ann"]);
        ann.leave(id, Who::Me).await.expect("she leaves");
        refused(world.admin().session(id).await, 404, "not-found");
        world.stop().await;
    });
}
