//! Sessions with more members than one answer, one notice or one write holds (R41-R43).

use futures_util::StreamExt as _;
use model::session_type::Joinability;
use model::wire::{CreateSession, MemberState, NoticeKind, Reservation, Reserve, UpdateSession};
use model::{PlayerId, SessionId};
use sdk::{Client, Condition, Who};
use server::core::Settings;
use store::{Options, Store};

use tests::world::{LAW_TYPES, World, active, create, flags, join, of, refused, states};
use tests::{Kind, namespace, player, run};

/// A world whose operator lets sessions have so many seats.
async fn world(large_members_max: u32) -> World {
    let settings = Settings {
        large_members_max,
        ..Settings::default()
    };
    let world = World::on(Kind::Sqlite, "", LAW_TYPES, settings).await;
    world.expect("a SQLite database is always there")
}

fn crowd(from: usize, to: usize) -> Vec<PlayerId> {
    (from..to).map(|n| player(&format!("c{n:04}"))).collect()
}

/// The back end holds seats for these players.
async fn reserve(
    backend: &Client,
    id: SessionId,
    players: Vec<PlayerId>,
) -> Result<(), sdk::Error> {
    let seats = players.into_iter().map(|player| Reservation {
        player,
        team: None,
        spectator: false,
    });
    let body = Reserve {
        initialize: false,
        players: seats.collect(),
    };
    backend.reserve(id, &body).await.map(drop)
}

#[test]
fn r41_a_large_session_holds_as_many_as_its_type_and_its_operator_allow() {
    run(async {
        let usual = world(1_000).await;
        let ann = usual.player("ann");
        refused(ann.create_session(&of("Crowd")).await, 422, "invalid");
        let asks = |seats| CreateSession {
            max_members: Some(seats),
            ..of("Gathering")
        };
        // Of a type that says nothing a hundred is the most, large or not.
        refused(ann.create_session(&asks(101)).await, 422, "invalid");
        ann.create_session(&asks(100)).await.expect("within both");
        usual.stop().await;

        let world = world(1_200).await;
        let (ann, backend) = (world.player("ann"), world.backend());
        let id = create(&ann, "Crowd").await.id;
        for (from, to) in [(0, 500), (500, 1_000), (1_000, 1_198)] {
            reserve(&backend, id, crowd(from, to)).await.expect("seats");
        }
        let bob = join(&world.player("bob"), id).await.expect("the last seat");
        assert_eq!((bob.seats.taken(), bob.max_members), (1_200, 1_200));
        refused(join(&world.player("cid"), id).await, 409, "session-full");
        world.stop().await;
    });
}

#[test]
fn r42_a_member_of_a_large_session_sees_his_own_seat_and_the_counts() {
    run(async {
        let world = world(1_200).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let backend = world.backend();
        let made = create(&ann, "Crowd").await;
        let id = made.id;
        assert!(made.large);
        assert_eq!(states(&made), [("ann", MemberState::Active)]);
        let joined = join(&bob, id).await.expect("a seat");
        assert_eq!(states(&joined), [("bob", MemberState::Active)]);
        assert_eq!((joined.seats.active, joined.seats.taken()), (2, 2));
        let stranger = cid.session(id).await.expect("it is open");
        assert_eq!((states(&stranger), stranger.seats.active), (vec![], 2));
        reserve(&backend, id, crowd(0, 120)).await.expect("seats");

        // In pages: his own seat for a member, everybody for the studio's servers.
        let own = bob.members(id, None).await.expect("a page");
        assert_eq!((own.items.len(), own.next), (1, None));
        assert_eq!(own.items[0].player, player("bob"));
        let none = cid.members(id, None).await.expect("a page");
        assert_eq!(none.items, []);
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = backend.members(id, after).await.expect("a page");
            assert!(page.items.len() <= 50);
            seen.extend(page.items.into_iter().map(|member| member.index));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, (0..122).collect::<Vec<u32>>());
        world.stop().await;
    });
}

#[test]
fn the_members_of_a_small_session_come_in_pages_too_for_whoever_may_read_it() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let (ann, cid) = (world.player("ann"), world.player("cid"));
        let open = create(&ann, "Teams").await.id;
        join(&world.player("bob"), open).await.expect("a seat");
        let page = cid.members(open, None).await.expect("it is open");
        let players: Vec<&str> = page.items.iter().map(|one| one.player.as_str()).collect();
        assert_eq!((players, page.next), (vec!["ann", "bob"], None));
        let rest = cid.members(open, Some(0)).await.expect("a page");
        assert_eq!(rest.items.len(), 1);
        let secret = create(&ann, "Secret").await.id;
        refused(cid.members(secret, None).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r42_members_of_a_large_session_are_told_of_what_is_everybody_s_and_of_their_own() {
    run(async {
        let world = world(1_200).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Crowd").await.id;
        join(&bob, id).await.expect("a seat");
        let seen = ann.events().await.expect("a page").cursor;
        join(&world.player("cid"), id).await.expect("a seat");
        bob.update_member(id, Who::Me, &flags(Some(true), Some(false)))
            .await
            .expect("his own state");
        let wait = std::time::Duration::ZERO;
        let quiet = ann.events_after(&seen, wait).await.expect("a page");
        assert_eq!(quiet.notices, [], "others come and change");
        let shut = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        bob.update_session(id, &shut, Condition::Always)
            .await
            .expect("a member's right");
        let told = ann.events_after(&seen, wait).await.expect("a page");
        assert_eq!(told.notices.len(), 1);
        assert_eq!(told.notices[0].kind, NoticeKind::Session);
        world.stop().await;
    });
}

#[test]
fn r43_whoever_is_gone_from_a_large_session_becomes_inactive_a_second_later_at_most() {
    run(async {
        let world = world(1_200).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "Crowd").await.id;
        join(&bob, id).await.expect("a seat");
        // Past the grace after a start; the window of 20 s counts from a player's last request.
        world.at(70_000);
        for present in [&ann, &bob] {
            present.session_types().await.expect("he is there");
        }
        world.at(89_500);
        let read = ann.session(id).await.expect("it");
        assert_eq!((read.seats.active, read.seats.inactive), (2, 0));
        world.at(90_000);
        let read = ann.session(id).await.expect("it");
        assert_eq!(
            (read.seats.active, read.seats.inactive),
            (2, 0),
            "asked for just now"
        );
        world.at(90_500);
        let read = ann.session(id).await.expect("it");
        assert_eq!((read.seats.active, read.seats.inactive), (1, 1));
        world.stop().await;
    });
}

#[test]
fn r46_a_large_session_does_not_ask_its_members_who_may_join() {
    run(async {
        let world = world(1_200).await;
        let ann = world.player("ann");
        let id = create(&ann, "Crowd").await.id;
        for joinability in [Joinability::Followed, Joinability::Local] {
            let body = CreateSession {
                joinability: Some(joinability),
                ..of("Gathering")
            };
            refused(ann.create_session(&body).await, 409, "conflict");
            let body = UpdateSession {
                joinability: Some(joinability),
                ..UpdateSession::default()
            };
            let live = ann.update_session(id, &body, Condition::Always).await;
            refused(live, 409, "conflict");
        }
        world.stop().await;
    });
}

#[test]
fn r49_a_crowd_of_reservations_that_run_out_at_once_goes_in_several_looks() {
    run(async {
        let world = world(1_200).await;
        let (ann, backend) = (world.player("ann"), world.backend());
        let id = create(&ann, "Crowd").await.id;
        for (from, to) in [(0, 500), (500, 1_000), (1_000, 1_100)] {
            reserve(&backend, id, crowd(from, to)).await.expect("seats");
        }
        world.at(29_999);
        assert_eq!(ann.session(id).await.expect("it").seats.reserved, 1_100);
        world.at(30_000);
        let mut left = Vec::new();
        while left.last() != Some(&0) {
            assert!(left.len() < 4, "it comes to an end: {left:?}");
            left.push(ann.session(id).await.expect("it").seats.reserved);
        }
        assert_eq!(left, [600, 100, 0]);
        world.stop().await;
    });
}

#[test]
fn r30_a_large_session_ends_for_everybody_at_once_and_is_cleared_away_over_a_restart() {
    run(async {
        let world = world(1_200).await;
        let (ann, bob, backend) = (world.player("ann"), world.player("bob"), world.backend());
        let id = create(&ann, "Crowd").await.id;
        join(&bob, id).await.expect("a seat");
        for (from, to) in [(0, 500), (500, 1_000), (1_000, 1_198)] {
            reserve(&backend, id, crowd(from, to)).await.expect("seats");
        }
        ann.delete_session(id).await.expect("the leader's right");
        let gone = async |world: &World| {
            for name in ["ann", "bob", "c0007"] {
                let one = world.player(name);
                refused(one.session(id).await, 404, "not-found");
                assert_eq!(one.my_sessions().await.expect("a list"), []);
            }
            refused(join(&world.player("dan"), id).await, 404, "not-found");
            refused(
                world.backend().leave(id, Who::Player(&player("bob"))).await,
                404,
                "not-found",
            );
        };
        gone(&world).await;
        // Whoever works next clears away what the one before has left.
        let world = world.restart().await;
        gone(&world).await;
        world.run_timers().await;
        gone(&world).await;
        let again = world.player("bob");
        let other = create(&world.player("ann"), "Crowd").await.id;
        again.join(other, Who::Me, &active()).await.expect("a seat");
        let store = Store::open(&world.database.url, Options::default())
            .await
            .expect("the store");
        let rows = store.session(&namespace(), id).await.expect("the store");
        assert!(rows.is_none(), "no row is left");
        world.stop().await;
    });
}

#[test]
fn f3_a_whole_session_is_kicked_however_many_they_are() {
    run(async {
        let world = world(1_200).await;
        let backend = world.backend();
        let (one, other) = (
            create(&world.player("ann"), "Crowd").await.id,
            create(&world.player("bob"), "Crowd").await.id,
        );
        for id in [one, other] {
            let joins = crowd(0, 1_100).into_iter().map(async |player| {
                let joined = backend.join(id, Who::Player(&player), &active()).await;
                joined.expect("a seat");
            });
            let joins = futures_util::stream::iter(joins).buffer_unordered(32);
            joins.collect::<()>().await;
        }
        let left = backend.kick_session(one, other).await.expect("its right");
        assert_eq!(left.expect("ann is there").seats.taken(), 1);
        assert_eq!(
            backend.session(other).await.expect("it").seats.taken(),
            1_101
        );
        world.stop().await;
    });
}
