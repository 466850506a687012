//! The language of queues over HTTP: avoid lists, roles that a match gives out, and numbers that are none.

use model::PlayerId;
use model::ticket::TicketState;
use model::wire::{PrincipalKind, Session, Ticket};
use sdk::Client;
use serde_json::json;
use tests::queue::{queue_alone, session_of, ticket, ticket_of};
use tests::world::{World, create, join, refusal};
use tests::{SESSION_TYPES, player, raw, run};

const QUEUES: &str = r#"
---
apiVersion: v1
kind: Queue
name: apart
session_type: Game
regions: { allow: [eu-west] }
teams: { count: 2, size: 1 }
avoid: { max_players: 3, soft: false }
---
apiVersion: v1
kind: SessionType
name: Dungeon
size: { teams: 1, players_per_team: 4 }
joinability: private
instance: { fleet: arena, startup_params: { map: Cave } }
roles:
  role_types:
    class:
      roles: { healer: { max: 1 }, tank: {} }
---
apiVersion: v1
kind: Queue
name: dungeon
session_type: Dungeon
regions: { allow: [eu-west] }
teams:
  - { name: heroes, min_players: 4, max_players: 4, roles: { healer: 1, Tank: 1, scout: 1 } }
roles: { attribute: likes }
attributes:
  likes: { type: strings, source: player, default: [] }
---
apiVersion: v1
kind: Queue
name: numbers
session_type: Game
regions: { allow: [eu-west] }
teams: { count: 2, size: 1 }
attributes:
  skill: { type: number, source: player, default: 0 }
  levels: { type: numbers, source: player, default: { duel: 1 } }
  modes: { type: strings, source: player, default: [dm] }
---
apiVersion: v1
kind: Queue
name: sides
session_type: Game
regions: { allow: [eu-west] }
teams:
  - { name: red, min_players: 1, max_players: 4 }
  - { name: blue, min_players: 1, max_players: 4 }
party: { max_players: 4 }
attributes:
  players: { type: number, default: 1 }
rules:
  - { name: even-sides, balance: players, of: sum, max: 1 }
  - { name: no-singles, compare: players, per: party, of: sum, op: ">=", value: 2 }
"#;

async fn world() -> World {
    World::with(&format!("{SESSION_TYPES}{QUEUES}")).await
}

async fn state(client: &Client, ticket: &Ticket) -> TicketState {
    client.ticket(ticket.id).await.expect("it").state
}

#[test]
fn nobody_is_matched_with_a_player_whom_he_avoids() {
    run(async {
        let world = world().await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let avoids =
            |name: &str, others: &[&str]| ticket_of("apart", name, json!({ "avoid": others }));
        let first = queue_alone(&ann, &avoids("ann", &["bob", "zoe"])).await;
        let second = queue_alone(&bob, &ticket("apart")).await;
        let third = queue_alone(&cid, &ticket("apart")).await;
        let game = session_of(&ann, first.id).await;
        assert_eq!(session_of(&cid, third.id).await, game);
        assert_eq!(state(&bob, &second).await, TicketState::Searching);
        // Who comes back to the server finds his list as it was.
        let dan = world.player("dan");
        let other = queue_alone(&dan, &avoids("dan", &["bob"])).await;
        let world = world.restart().await;
        let (dan, bob) = (world.player("dan"), world.player("bob"));
        let eve = world.player("eve");
        let last = queue_alone(&eve, &ticket("apart")).await;
        session_of(&eve, last.id).await;
        let waiting = [state(&dan, &other).await, state(&bob, &second).await];
        assert!(
            waiting.contains(&TicketState::Searching),
            "one of them is left"
        );
        world.stop().await;
    });
}

#[test]
fn a_list_that_the_queue_does_not_take_is_422_and_says_which_limit() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let party = create(&ann, "Party").await.id;
        let names: Vec<String> = (0..100).map(|n| format!("enemy-{n}")).collect();
        let asks = |queue, n: usize| ticket_of(queue, "ann", json!({ "avoid": names[..n] }));
        for n in [4, 100] {
            let (status, detail) = refusal(ann.create_ticket(party, &asks("apart", n)).await);
            let said = format!(
                "players.ann.avoid: queue apart: avoid.max_players: player ann avoids {n} players, at most 3 may be named"
            );
            assert_eq!((status, detail.contains(&said)), (422, true), "{detail}");
        }
        let (status, detail) = refusal(ann.create_ticket(party, &asks("duel", 1)).await);
        assert_eq!(status, 422);
        assert!(
            detail.contains("avoid: this queue takes no list"),
            "{detail}"
        );
        // Whom he names twice counts once.
        let twice = [&names[..3], &names[..3]].concat();
        let twice = ticket_of("apart", "ann", json!({ "avoid": twice }));
        ann.create_ticket(party, &twice).await.expect("a ticket");
        world.stop().await;
    });
}

#[test]
fn f11_a_sum_of_ones_counts_players_so_sides_are_even_and_parties_have_a_least_size() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let alone = create(&ann, "Party").await.id;
        let (status, detail) = refusal(ann.create_ticket(alone, &ticket("sides")).await);
        assert_eq!(
            (status, detail.contains("no-singles")),
            (422, true),
            "{detail}"
        );
        let mut queued = Vec::new();
        for names in [
            &["bea", "bob"][..],
            &["cid", "cora", "carl", "cem"],
            &["dan", "dea", "don"],
        ] {
            let players: Vec<Client> = names.iter().map(|name| world.player(name)).collect();
            let (leader, others) = players.split_first().expect("a leader");
            let party = create(leader, "Party").await.id;
            for other in others {
                join(other, party).await.expect("a seat");
            }
            let made = leader.create_ticket(party, &ticket("sides")).await;
            queued.push((leader.clone(), made.expect("a ticket").id));
        }
        // Two and four are too far apart; three is near enough to the two, who came first.
        let [(bea, two), (cid, four), (dan, three)] = &queued[..] else {
            panic!("three parties");
        };
        assert_eq!(session_of(bea, *two).await, session_of(dan, *three).await);
        let waits = cid.ticket(*four).await.expect("it").state;
        assert_eq!(waits, TicketState::Searching);
        world.stop().await;
    });
}

#[test]
fn a_match_hands_each_player_his_role() {
    run(async {
        let world = world().await;
        let likes = [
            ("ann", json!(["tank", "Tank", "healer"])),
            ("bob", json!(["healer", "Tank"])),
            ("cid", json!(["healer", "scout"])),
            ("dan", json!([])),
        ];
        let mut last = None;
        for (name, likes) in likes {
            let client = world.player(name);
            let said = json!({ "attributes": { "likes": likes } });
            let ticket = queue_alone(&client, &ticket_of("dungeon", name, said)).await;
            last = Some((client, ticket));
        }
        let (dan, ticket) = last.expect("four tickets");
        let game = session_of(&dan, ticket.id).await;
        let game: Session = dan.session(game).await.expect("his game");
        let of = |name: &str| {
            let who: PlayerId = player(name);
            let member = game.members.iter().find(|member| member.player == who);
            let member = member.expect("a member");
            json!({ "roles": member.roles, "data": member.custom_data })
        };
        assert_eq!(
            of("ann"),
            json!({ "roles": { "class": "tank" }, "data": {} })
        );
        assert_eq!(
            of("bob"),
            json!({ "roles": { "class": "healer" }, "data": {} })
        );
        assert_eq!(
            of("cid"),
            json!({ "roles": {}, "data": { "role": "scout" } }),
            "the type has no such role"
        );
        assert_eq!(of("dan"), json!({ "roles": {}, "data": {} }), "he is free");
        world.stop().await;
    });
}

/// What a player may say by mistake, the status of the answer and what it says.
const MISSAID: &[(&str, u16, &str)] = &[
    (
        r#""attributes": { "skill": NaN }"#,
        400,
        "players.ann.attributes.skill: expected value",
    ),
    (
        r#""attributes": { "skill": Infinity }"#,
        400,
        "expected value",
    ),
    (
        r#""attributes": { "skill": 1e999 }"#,
        400,
        "players.ann.attributes.skill: number out of range",
    ),
    (
        r#""attributes": { "skill": 1e300 }"#,
        422,
        "players.ann.attributes.skill: queue numbers: attribute skill",
    ),
    (
        r#""attributes": { "skill": -1e16 }"#,
        422,
        "attribute skill",
    ),
    (
        r#""attributes": { "skill": "12" }"#,
        422,
        "players.ann.attributes.skill: must be a number, not a text",
    ),
    (
        r#""attributes": { "skill": null }"#,
        422,
        "players.ann.attributes.skill: must be a number, not null",
    ),
    (
        r#""attributes": { "skill": true }"#,
        422,
        "attributes.skill: must be a number, not true or false",
    ),
    (
        r#""attributes": { "skill": [1, 2] }"#,
        422,
        "attributes.skill: must be a number, not such a list",
    ),
    (
        r#""attributes": { "levels": { "a": { "b": 1 } } }"#,
        422,
        "players.ann.attributes.levels.a: must be a number, not a map of numbers",
    ),
    (
        r#""attributes": { "modes": [1] }"#,
        422,
        "players.ann.attributes.modes[0]: must be a text, not a number",
    ),
    (
        r#""attributes": { "levels": { "duel": 1e16 } }"#,
        422,
        "players.ann.attributes.levels: queue numbers: attribute levels",
    ),
    (
        r#""attributes": { "levels": 3 }"#,
        422,
        "attributes.levels: must be a map of numbers, not a number",
    ),
    (
        r#""latencies": { "eu-west": -1 }"#,
        422,
        "players.ann.latencies.eu-west: must be a whole number of milliseconds from 0 to 10000, not -1",
    ),
    (
        r#""latencies": { "eu-west": 0.5 }"#,
        422,
        "latencies.eu-west: must be a whole number",
    ),
    (
        r#""latencies": { "eu-west": null }"#,
        422,
        "from 0 to 10000, not null",
    ),
    (
        r#""latencies": { "eu-west": 10001 }"#,
        422,
        "players.ann.latencies.eu-west: queue numbers: latencies: player ann gave 10001 ms to region eu-west",
    ),
    (
        r#""latencies": { "eu-west": 4294967296 }"#,
        422,
        "from 0 to 10000, not 4294967296",
    ),
    (r#""latencies": { "mars": 10 }"#, 422, "regions.allow"),
    (r#""avoid": "bob""#, 400, "expected a sequence"),
];

#[test]
fn numbers_that_are_none_are_refused_and_change_nothing() {
    run(async {
        let world = world().await;
        let ann = world.player("ann");
        let party = create(&ann, "Party").await;
        let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
        let path = format!("/v1/sessions/{}/ticket", party.id);
        for &(said, status, why) in MISSAID {
            let body = format!(r#"{{ "queue": "numbers", "players": {{ "ann": {{ {said} }} }} }}"#);
            let request = raw::Request {
                method: "POST",
                path: &path,
                token: Some(&token),
                headers: &[],
                body: body.as_bytes(),
            };
            let answer = raw::send(&world.server.url, request).await;
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            assert_eq!(answer.status, status, "{said}: {detail}");
            assert!(detail.contains(why), "{said}: {detail}");
        }
        let read = ann.session(party.id).await.expect("it");
        assert_eq!(
            (read.ticket, read.change_number),
            (None, party.change_number)
        );
        world.stop().await;
    });
}
