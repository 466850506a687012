//! The session browser: what is listed, who sets an entry, and that joinability still holds (R20, R80, row 43).

use model::SessionId;
use model::instance::InstanceStatus;
use model::session_type::Joinability;
use model::wire::{BrowserEntry, CreateSession, SetBrowserEntry, UpdateSession};
use sdk::{BrowserSearch, Client, Condition, Who};
use tests::world::{World, create, join, of, refused};
use tests::{Host, run};

const TYPES: &str = include_str!("../src/hub_types.yaml");

async fn listed(client: &Client, search: BrowserSearch<'_>) -> Vec<BrowserEntry> {
    let page = client.browse(search).await.expect("a page");
    assert_eq!(page.next, None);
    page.items
}

async fn ids(client: &Client, search: BrowserSearch<'_>) -> Vec<SessionId> {
    let entries = listed(client, search).await;
    entries.into_iter().map(|entry| entry.session).collect()
}

const ALL: BrowserSearch<'_> = BrowserSearch {
    r#type: None,
    region: None,
    params: &[],
    after: None,
};

async fn says(client: &Client, id: SessionId, closed: Option<bool>) {
    let body = UpdateSession {
        closed,
        ..UpdateSession::default()
    };
    let changed = client.update_session(id, &body, Condition::Always).await;
    changed.expect("changed");
}

#[test]
fn r20_r80_a_browser_game_is_public_and_listed_from_the_start_and_joined_from_there() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let made = create(&ann, "BrowserGame").await;
        assert_eq!(made.joinability, Joinability::Public);
        create(&ann, "Harbour").await;
        let [entry] = &listed(&bob, ALL).await[..] else {
            panic!("one entry");
        };
        assert_eq!(entry.session, made.id);
        assert_eq!((entry.players, entry.max_players), (1, 2));
        assert_eq!(entry.params["ranked"], "false");
        let joined = join(&bob, entry.session).await.expect("anybody may");
        assert_eq!(joined.seats.active, 2);
        world.stop().await;
    });
}

#[test]
fn r80_row43_an_entry_is_hidden_while_the_session_is_full_closed_or_not_joinable_and_comes_back() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create(&ann, "BrowserGame").await.id;
        assert_eq!(ids(&cid, ALL).await, [id]);
        join(&bob, id).await.expect("a seat");
        assert_eq!(ids(&cid, ALL).await, [], "full");
        bob.leave(id, Who::Me).await.expect("he leaves");
        assert_eq!(ids(&cid, ALL).await, [id]);
        says(&ann, id, Some(true)).await;
        assert_eq!(ids(&cid, ALL).await, [], "closed");
        says(&ann, id, Some(false)).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        ann.request_instance(id, &Default::default())
            .await
            .expect("a host");
        assert_eq!(ids(&cid, ALL).await, [], "not joinable yet");
        let game = host.open(id).await;
        let entry = &listed(&cid, ALL).await[0];
        assert_eq!(entry.instance, Some(InstanceStatus::Joinable));
        let shut = host
            .says(id, game.allocation_id, InstanceStatus::Unjoinable)
            .await;
        shut.expect("said");
        assert_eq!(ids(&cid, ALL).await, [], "unjoinable");
        // Of a type that hides nothing all of that shows.
        let arcade = create(&cid, "Arcade").await.id;
        says(&cid, arcade, Some(true)).await;
        assert_eq!(ids(&ann, ALL).await, [arcade]);
        world.stop().await;
    });
}

#[test]
fn r80_time_is_up_to_date_in_the_browser_and_a_session_that_ended_is_gone() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let body = CreateSession {
            reserve: vec![tests::world::seat("cid")],
            ..of("BrowserGame")
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        assert_eq!(ids(&bob, ALL).await, [], "the reserved seat counts");
        // Nobody reads the session itself: the look into the browser does.
        world.at(30_000);
        assert_eq!(listed(&bob, ALL).await[0].players, 1);
        ann.leave(id, Who::Me).await.expect("she leaves");
        assert_eq!(listed(&bob, ALL).await[0].players, 0);
        // With an entry it is always swept.
        world.at(30_000 + 3_600_000);
        world.run_timers().await;
        refused(world.admin().session(id).await, 404, "not-found");
        assert_eq!(ids(&bob, ALL).await, []);
        world.stop().await;
    });
}

#[test]
fn r80_the_leader_sets_and_removes_the_entry_where_the_type_lets_him() {
    run(async {
        let world = World::with(TYPES).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "BrowserGame").await.id;
        join(&bob, id).await.expect("a seat");
        let entry = |value: &str| SetBrowserEntry {
            params: [("map".to_owned(), value.to_owned())].into(),
        };
        refused(
            bob.set_browser_entry(id, &entry("x")).await,
            403,
            "not-leader",
        );
        let removed = ann.remove_browser_entry(id).await.expect("she leads");
        assert_eq!(removed.browser_entry, None);
        bob.leave(id, Who::Me).await.expect("he leaves");
        assert_eq!(ids(&bob, ALL).await, []);
        let set = ann
            .set_browser_entry(id, &entry("Dunes"))
            .await
            .expect("she leads");
        let again = ann
            .set_browser_entry(id, &entry("Dunes"))
            .await
            .expect("the same");
        assert_eq!(again.change_number, set.change_number);
        assert_eq!(listed(&bob, ALL).await[0].params["map"], "Dunes");
        let long = ann.set_browser_entry(id, &entry(&"x".repeat(4_097))).await;
        refused(long, 422, "invalid");
        let arcade = create(&bob, "Arcade").await.id;
        refused(bob.remove_browser_entry(arcade).await, 409, "not-listable");
        refused(
            ann.set_browser_entry(arcade, &entry("x")).await,
            403,
            "not-member",
        );
        world.stop().await;
    });
}

#[test]
fn r80_search_by_type_region_and_what_entries_show_in_pages_the_newest_first() {
    run(async {
        let world = World::with(TYPES).await;
        let backend = world.backend();
        let mut made = Vec::new();
        for n in 0..120 {
            world.at(n);
            let region = if n % 2 == 0 { "eu-west" } else { "us-east" };
            let body = CreateSession {
                region: Some(region.parse().expect("a region")),
                ..of("BrowserGame")
            };
            made.push(backend.create_session(&body).await.expect("a session").id);
        }
        made.reverse();
        let ann = world.player("ann");
        let arcade = create(&ann, "Arcade").await.id;
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let search = BrowserSearch {
                r#type: Some("browsergame"),
                after,
                ..ALL
            };
            let page = ann.browse(search).await.expect("a page");
            assert!(page.items.len() <= 50);
            seen.extend(page.items.iter().map(|entry| entry.session));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, made);
        let dunes = SetBrowserEntry {
            params: [("map".to_owned(), "Dunes & more: all".to_owned())].into(),
        };
        backend
            .set_browser_entry(made[2], &dunes)
            .await
            .expect("a server may");
        let found = BrowserSearch {
            params: &[("map", "Dunes & more: all")],
            ..ALL
        };
        assert_eq!(ids(&ann, found).await, [made[2]]);
        let elsewhere = BrowserSearch {
            region: Some("eu-west"),
            ..found
        };
        let region_of = world.admin().session(made[2]).await.expect("there").region;
        let in_europe = region_of.is_some_and(|region| region.as_str() == "eu-west");
        assert_eq!(ids(&ann, elsewhere).await.len(), usize::from(in_europe));
        let none = BrowserSearch {
            r#type: Some("Arcade"),
            params: &[("map", "x")],
            ..ALL
        };
        assert_eq!(ids(&ann, none).await, []);
        let private = BrowserSearch {
            r#type: Some("ARCADE"),
            ..ALL
        };
        // Private sessions may be listed; joining is what their rules govern.
        assert_eq!(ids(&world.player("bob"), private).await, [arcade]);
        refused(
            join(&world.player("bob"), arcade).await,
            403,
            "not-admitted",
        );
        world.stop().await;
    });
}

#[test]
fn r80_the_browser_is_the_same_after_a_restart() {
    run(async {
        let world = World::with(TYPES).await;
        let id = create(&world.player("ann"), "BrowserGame").await.id;
        let world = world.restart().await;
        assert_eq!(ids(&world.player("bob"), ALL).await, [id]);
        world.stop().await;
    });
}
