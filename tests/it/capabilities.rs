//! Capabilities that say who is asked for and who meets whom, over HTTP (R40, F21).

use model::ticket::TicketState;
use model::wire::{PrincipalKind, Session};
use sdk::{Client, Who};
use serde_json::json;
use tests::queue::{queue_alone, session_of, ticket};
use tests::world::{World, create, join, refused, seat};
use tests::{SESSION_TYPES, raw, run};

use super::standing::Table;
use model::wire::MemberState::{Active, Inactive};

const TYPES: &str = r#"
---
apiVersion: v1
kind: SessionType
name: Apart
creation: { by_players: true }
joinability: public
---
apiVersion: v1
kind: SessionType
name: Plaza
extends: Apart
hub: { enabled: true }
---
apiVersion: v1
kind: SessionType
name: Mixed
creation: { by_players: true }
joinability: public
capabilities: { cross_play: true }
---
apiVersion: v1
kind: SessionType
name: MixedGame
extends: Game
capabilities: { cross_play: true }
---
apiVersion: v1
kind: SessionType
name: MixedParty
extends: Party
capabilities: { cross_play: true }
---
apiVersion: v1
kind: Queue
name: apart
session_type: Game
teams: { count: 2, size: 1 }
---
apiVersion: v1
kind: Queue
name: mixed
session_type: MixedGame
teams: { count: 2, size: 1 }
---
apiVersion: v1
kind: SessionType
name: Unwatched
creation: { by_players: true }
joinability: public
capabilities: { connection_required_for_active_members: true, suppress_presence_activity_check: true }
"#;

async fn world() -> World {
    World::with(&format!("{SESSION_TYPES}{TYPES}")).await
}

/// A player whose token names this platform.
fn on(world: &World, name: &str, platform: &str) -> Client {
    let mut claims = raw::claims(PrincipalKind::Player, name);
    claims.platform = Some(platform.parse().expect("a name"));
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

fn refused_cross_play(result: Result<Session, sdk::Error>) {
    refused(result, 403, "cross-play");
}

#[test]
fn f21_without_cross_play_players_of_two_platforms_do_not_meet() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = [("ann", "xbox"), ("bob", "psn"), ("cid", "Xbox")]
            .map(|(name, platform)| on(&world, name, platform));
        let eve = world.player("eve");
        let id = create(&ann, "Apart").await.id;
        refused_cross_play(join(&bob, id).await);
        // Neither does a seat that is held for him help.
        let body = model::wire::Reserve {
            players: vec![seat("bob")],
            ..Default::default()
        };
        ann.reserve(id, &body).await.expect("the leader's");
        refused_cross_play(join(&bob, id).await);
        // Case tells no platforms apart, and who names none is not restricted, nor is whom a server brings.
        join(&cid, id).await.expect("a seat");
        join(&eve, id).await.expect("a seat");
        let dan = tests::player("dan");
        let backend = world.backend();
        let body = tests::world::active();
        let brought = backend.join(id, Who::Player(&dan), &body);
        brought.await.expect("a server's");
        // He who comes again from another platform is refused while the others are there, and alone he is not.
        let anns = on(&world, "ann", "psn");
        refused_cross_play(join(&anns, id).await);
        cid.leave(id, Who::Me).await.expect("his");
        join(&anns, id).await.expect("she is alone with it");
        join(&bob, id).await.expect("the seat that was held");
        refused_cross_play(join(&cid, id).await);
        world.stop().await;
    });
}

#[test]
fn f21_r40_cross_play_is_the_types_or_where_it_leaves_that_open_the_creators() {
    run(async {
        let world = world().await;
        let path = String::new();
        let table = Table { world, path };
        let body = json!({ "type": "Apart", "capabilities": { "cross_play": true } });
        let token = |name: &str, platform: &str| on(&table.world, name, platform);
        let (ann, bob) = (token("ann", "xbox"), token("bob", "psn"));
        let made = table.ok("zoe", "POST", "~/v1/sessions", body).await;
        assert_eq!(made["capabilities"], json!({ "cross_play": true }));
        let id = made["id"].as_str().and_then(|id| id.parse().ok());
        let id: model::SessionId = id.expect("an id");
        join(&ann, id).await.expect("a seat");
        join(&bob, id).await.expect("a seat");
        let mixed = create(&ann, "Mixed").await;
        assert!(mixed.capabilities.cross_play);
        join(&bob, mixed.id).await.expect("a seat");
        // What the type writes out is its own to say.
        let more = json!({ "gameplay": true, "cross_play": true });
        let body = json!({ "type": "Mixed", "capabilities": more });
        let refusal = table.call("zoe", "POST", "~/v1/sessions", body).await;
        assert_eq!(refusal.problem(), "constants-conflict");
        // The platforms are counted anew after a restart.
        let apart = create(&ann, "Apart").await.id;
        let world = table.world.restart().await;
        refused_cross_play(join(&on(&world, "bob", "psn"), apart).await);
        join(&on(&world, "cid", "xbox"), apart)
            .await
            .expect("a seat");
        world.stop().await;
    });
}

#[test]
fn f21_a_queue_matches_players_of_two_platforms_only_for_a_type_with_cross_play() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = [("ann", "xbox"), ("bob", "psn"), ("cid", "psn")]
            .map(|(name, platform)| on(&world, name, platform));
        let one = queue_alone(&ann, &ticket("apart")).await;
        let two = queue_alone(&bob, &ticket("apart")).await;
        let three = queue_alone(&cid, &ticket("apart")).await;
        let session = session_of(&cid, three.id).await;
        assert_eq!(session_of(&bob, two.id).await, session);
        let state = ann.ticket(one.id).await.expect("it").state;
        assert_eq!(state, TicketState::Searching);
        // With it they meet.
        let [dan, eve] =
            [("dan", "xbox"), ("eve", "psn")].map(|(name, platform)| on(&world, name, platform));
        let four = queue_alone(&dan, &ticket("mixed")).await;
        let five = queue_alone(&eve, &ticket("mixed")).await;
        let session = session_of(&eve, five.id).await;
        assert_eq!(session_of(&dan, four.id).await, session);
        // A party of two platforms finds no match without.
        let [fay, gus] =
            [("fay", "xbox"), ("gus", "psn")].map(|(name, platform)| on(&world, name, platform));
        let party = create(&fay, "MixedParty").await.id;
        let body = model::wire::Reserve {
            players: vec![seat("gus")],
            ..Default::default()
        };
        fay.reserve(party, &body).await.expect("the leader's");
        join(&gus, party).await.expect("his seat");
        let refusal = fay.create_ticket(party, &ticket("tdm")).await;
        let (status, detail) = tests::world::refusal(refusal);
        assert_eq!(status, 422);
        assert!(detail.contains("cross_play"), "{detail}");
        world.stop().await;
    });
}

#[test]
fn f21_where_nobody_asks_for_presence_nobody_becomes_inactive_by_silence() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let made = create(&ann, "Unwatched").await;
        assert!(made.capabilities.suppress_presence_activity_check);
        join(&world.player("bob"), made.id).await.expect("a seat");
        world.at(3_600_000);
        let read = world.admin().session(made.id).await.expect("it");
        assert!(read.members.iter().all(|member| member.state == Active));
        // The creator may say so too, where the type leaves it open.
        let body = |suppressed: bool| model::wire::CreateSession {
            capabilities: model::session_type::Capabilities {
                connection_required_for_active_members: true,
                suppress_presence_activity_check: suppressed,
                ..Default::default()
            },
            ..tests::world::of("Apart")
        };
        for (suppressed, expected) in [(true, Active), (false, Inactive)] {
            let made = ann.create_session(&body(suppressed)).await;
            let id = made.expect("a session").id;
            world.at(if suppressed { 7_200_000 } else { 10_800_000 });
            let read = world.admin().session(id).await.expect("it");
            assert_eq!(read.members[0].state, expected);
        }
        world.stop().await;
    });
}

#[test]
fn f21_a_hub_without_cross_play_has_sessions_for_each_platform() {
    run(async {
        let world = world().await;
        let mut places = Vec::new();
        for (name, platform) in [
            ("ann", "xbox"),
            ("bob", "psn"),
            ("cid", "xbox"),
            ("dan", "psn"),
        ] {
            places.push(create(&on(&world, name, platform), "Plaza").await.id);
        }
        assert_eq!((places[0], places[1]), (places[2], places[3]));
        assert_ne!(places[0], places[1]);
        // By its id too he is led to another one.
        let led = join(&on(&world, "eve", "psn"), places[0]).await;
        assert_eq!(led.expect("a seat").id, places[1]);
        world.stop().await;
    });
}
