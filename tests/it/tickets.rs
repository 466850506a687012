//! Tickets over HTTP: who queues, what is refused and by which name, and how a ticket ends.

use model::Millis;
use model::ticket::{EndReason, TicketState};
use model::wire::{Claims, CreateTicket, PrincipalKind, Ticket};
use sdk::{Client, Who};
use serde_json::json;
use server::core::Settings;
use tests::queue::{once, queue_alone, session_of, ticket, ticket_of};
use tests::world::{World, create, create_with, join, refusal, refused};
use tests::{Host, Kind, SESSION_TYPES, player, raw, run};

/// Queues whose rules can be told apart by name; a party of two may queue for `rules`.
const RULES: &str = r#"
---
apiVersion: v1
kind: Queue
name: rules
session_type: Game
regions: { allow: [eu-west, us-east], max_latency: 80ms }
teams: { count: 2, size: 2 }
party: { max_players: 2 }
attributes:
  skill: { type: number, source: server, default: 1500 }
  rank: { type: number, source: claim, default: 0 }
  mode: { type: strings, source: player, default: [tdm] }
  build: { type: string, source: player }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
  - { name: same-mode, intersect: mode, min: 1 }
  - { name: same-build, equal: build }
expansions:
  - { rule: skill-gap, steps: [ { after: 10s, max: 400 } ] }
ticket: { time_out: 5m }
"#;

fn with_rules() -> String {
    let fleet = "regions: [eu-west]\ncapacity";
    let more = "regions: [eu-west, us-east, elsewhere]\ncapacity";
    format!("{}{RULES}", SESSION_TYPES.replace(fleet, more))
}

async fn cancel(client: &Client, party: model::SessionId) -> Ticket {
    client.cancel_ticket(party).await.expect("taken back")
}

#[test]
fn the_leader_alone_queues_and_a_party_queues_once() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let party = create(&ann, "Party").await.id;
        join(&bob, party).await.expect("a seat");
        refused(
            bob.create_ticket(party, &ticket("tdm")).await,
            403,
            "not-leader",
        );
        let cid = world.player("cid");
        refused(
            cid.create_ticket(party, &ticket("tdm")).await,
            403,
            "not-member",
        );
        refused(
            ann.create_ticket(party, &ticket("nothing")).await,
            404,
            "not-found",
        );
        let room = create(&cid, "Room").await.id;
        refused(
            cid.create_ticket(room, &ticket("tdm")).await,
            409,
            "not-queueable",
        );
        let made = ann.create_ticket(party, &ticket("TDM")).await;
        let made = made.expect("the leader's right");
        assert_eq!(made.state, TicketState::Searching);
        assert_eq!(made.players, tests::world::players(&["ann", "bob"]));
        refused(
            ann.create_ticket(party, &ticket("tdm")).await,
            409,
            "already-queued",
        );
        // Every player of the party reads it, nobody else.
        assert_eq!(bob.ticket(made.id).await.expect("his").id, made.id);
        refused(cid.ticket(made.id).await, 404, "not-found");
        refused(bob.cancel_ticket(party).await, 403, "not-leader");
        let ended = cancel(&ann, party).await;
        assert_eq!(
            (ended.state, ended.reason),
            (TicketState::Canceled, Some(EndReason::LeftQueue))
        );
        refused(ann.cancel_ticket(party).await, 409, "conflict");
        let noted = ann.session(party).await.expect("it").ticket.expect("it");
        assert_eq!((noted.id, noted.state), (made.id, TicketState::Canceled));
        world.stop().await;
    });
}

#[test]
fn a_ticket_is_durable_before_the_reply_and_keeps_its_age_over_a_restart_sqlite() {
    run(durable(Kind::Sqlite));
}

#[test]
fn a_ticket_is_durable_before_the_reply_and_keeps_its_age_over_a_restart_postgres() {
    run(durable(Kind::Postgres));
}

async fn durable(kind: Kind) {
    let world = World::on(kind, "durable", &with_rules(), Settings::default()).await;
    let Some(world) = world else { return };
    // Two parties that differ by 300: together only after ten seconds of each one's own age.
    let said = |skill: f64, name: &str| {
        let said = json!({
            "attributes": { "skill": skill, "build": "7" }, "latencies": { "eu-west": 30 },
        });
        ticket_of("rules", name, said)
    };
    let backend = world.backend();
    let mut made = Vec::new();
    for (name, skill) in [("ann", 1000.0), ("bob", 1300.0)] {
        let pair = create(&world.player(name), "Party").await.id;
        let body = said(skill, name);
        made.push(backend.create_ticket(pair, &body).await.expect("a ticket"));
    }
    world.at(9_000);
    let world = world.restart().await;
    let admin = world.admin();
    for ticket in &made {
        let read = admin.ticket(ticket.id).await.expect("the ticket");
        assert_eq!(&read, ticket);
    }
    // Two more of the same kind make four; their own age is not enough, the old ones' is not asked alone.
    let backend = world.backend();
    for (name, skill) in [("cid", 1000.0), ("dan", 1300.0)] {
        let pair = create(&world.player(name), "Party").await.id;
        let body = said(skill, name);
        made.push(backend.create_ticket(pair, &body).await.expect("a ticket"));
    }
    world.at(10_500);
    let queue = admin.queue(&"rules".parse().expect("a name")).await;
    assert_eq!(queue.expect("the queue").waiting, 4);
    for ticket in &made {
        let state = admin.ticket(ticket.id).await.expect("it").state;
        assert_eq!(
            state,
            TicketState::Searching,
            "the young ones do not accept"
        );
    }
    world.at(19_500);
    for ticket in &made {
        once(&admin, ticket.id, TicketState::Placing).await;
    }
    world.stop().await;
}

#[test]
fn one_live_ticket_a_player_sqlite() {
    run(one_live_ticket(Kind::Sqlite));
}

#[test]
fn one_live_ticket_a_player_postgres() {
    run(one_live_ticket(Kind::Postgres));
}

async fn one_live_ticket(kind: Kind) {
    let world = World::on(kind, "one_live_ticket", SESSION_TYPES, Settings::default()).await;
    let Some(world) = world else { return };
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
    let first = create(&ann, "Party").await.id;
    let second = create(&cid, "Party").await.id;
    for party in [first, second] {
        join(&bob, party).await.expect("a seat");
    }
    ann.create_ticket(first, &ticket("tdm"))
        .await
        .expect("a ticket");
    let before = cid.session(second).await.expect("it").change_number;
    let again = cid.create_ticket(second, &ticket("tdm")).await;
    let Err(sdk::Error::Problem {
        status, problem, ..
    }) = &again
    else {
        panic!("must be refused: {again:?}");
    };
    assert_eq!(
        (*status, &problem.extensions["player"]),
        (409, &json!("bob"))
    );
    refused(again, 409, "already-queued");
    let party = cid.session(second).await.expect("it");
    assert_eq!((party.change_number, party.ticket), (before, None));
    cancel(&ann, first).await;
    cid.create_ticket(second, &ticket("tdm"))
        .await
        .expect("bob is free again");
    world.stop().await;
}

#[test]
fn row45_whoever_joins_or_leaves_the_party_cancels_its_ticket_with_the_reason() {
    run(async {
        let world = World::new().await;
        let names = ["ann", "bob", "cid"];
        let [ann, bob, cid] = names.map(|name| world.player(name));
        let party = create(&ann, "Party").await.id;
        join(&bob, party).await.expect("a seat");
        for step in ["joins", "leaves", "is kicked"] {
            let made = ann.create_ticket(party, &ticket("tdm")).await;
            let made = made.unwrap_or_else(|error| panic!("before he {step}: {error}"));
            match step {
                "joins" => drop(join(&cid, party).await.expect("a seat")),
                "leaves" => drop(cid.leave(party, Who::Me).await.expect("a way out")),
                _ => drop(
                    ann.leave(party, Who::Player(&player("bob")))
                        .await
                        .expect("a kick"),
                ),
            }
            let ended = ann.ticket(made.id).await.expect("it");
            assert_eq!(
                (ended.state, ended.reason),
                (TicketState::Canceled, Some(EndReason::PartyChanged)),
                "{step}"
            );
            let noted = ann.session(party).await.expect("it").ticket.expect("it");
            assert_eq!(noted.reason, Some(EndReason::PartyChanged));
        }
        // A reservation is no change of the party yet; the end of the session is one.
        let made = ann.create_ticket(party, &ticket("tdm")).await.expect("one");
        let reserve = model::wire::Reserve {
            players: vec![tests::world::seat("dan")],
            initialize: false,
        };
        ann.reserve(party, &reserve).await.expect("a seat");
        let read = ann.ticket(made.id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching);
        ann.delete_session(party).await.expect("the leader's right");
        let ended = ann.ticket(made.id).await.expect("it");
        assert_eq!(
            (ended.state, ended.reason),
            (TicketState::Canceled, Some(EndReason::SessionEnded))
        );
        queue_alone(&ann, &ticket("tdm")).await;
        world.stop().await;
    });
}

#[test]
fn a_ticket_that_waited_too_long_expires_and_frees_its_players() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let made = queue_alone(&ann, &ticket("tdm")).await;
        let five_minutes = 300_000;
        assert_eq!(
            made.expires_at.map(|at| at.0),
            Some(made.created_at.0 + model::Millis(five_minutes))
        );
        world.at(five_minutes - 1);
        world.run_timers().await;
        let read = ann.ticket(made.id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching);
        world.at(five_minutes);
        world.run_timers().await;
        let ended = once(&ann, made.id, TicketState::Expired).await;
        assert_eq!(ended.reason, Some(EndReason::Timeout));
        let party = tests::eventually("the party to be told", async || {
            let party = ann.session(made.party).await.expect("it");
            (party.ticket.as_ref()?.state == TicketState::Expired).then_some(party)
        });
        assert_eq!(party.await.ticket.expect("it").reason, ended.reason);
        queue_alone(&ann, &ticket("tdm")).await;
        // An ended ticket stays readable for an hour.
        world.at(five_minutes + 3_599_999);
        world.run_timers().await;
        ann.ticket(made.id).await.expect("still");
        world.at(five_minutes + 3_600_000);
        world.run_timers().await;
        refused(ann.ticket(made.id).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn f34_a_party_that_would_not_wait_as_long_as_its_queue_lets_it_says_so() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let willing = |time_out_ms: u64| CreateTicket {
            time_out_ms: Some(Millis(time_out_ms)),
            ..ticket("tdm")
        };
        let party = create(&ann, "Party").await.id;
        let (status, said) = refusal(ann.create_ticket(party, &willing(0)).await);
        assert_eq!(status, 422);
        assert!(said.starts_with("time_out_ms: "), "{said}");
        let short = ann.create_ticket(party, &willing(20_000)).await;
        let short = short.expect("a ticket");
        assert_eq!(
            short.expires_at.map(|at| at.0),
            Some(short.created_at.0 + Millis(20_000))
        );
        world.at(19_999);
        world.run_timers().await;
        let read = ann.ticket(short.id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching);
        world.at(20_000);
        world.run_timers().await;
        let ended = once(&ann, short.id, TicketState::Expired).await;
        assert_eq!(ended.reason, Some(EndReason::Timeout));
        // Longer than the queue lets anybody wait is as long as the queue does.
        let bob = world.player("bob");
        let long = queue_alone(&bob, &willing(u64::MAX)).await;
        assert_eq!(
            long.expires_at.map(|at| at.0),
            Some(long.created_at.0 + Millis::seconds(300))
        );
        world.stop().await;
    });
}

#[test]
fn row49_who_may_set_which_attribute() {
    run(async {
        let world = World::with(&with_rules()).await;
        let backend = world.backend();
        let ann = ranked(&world, "ann", 7.0);
        let party = create(&ann, "Party").await.id;
        let asks = |attributes: serde_json::Value| {
            let said = json!({ "attributes": attributes, "latencies": { "eu-west": 30 } });
            ticket_of("rules", "ann", said)
        };
        for (attribute, value) in [("skill", json!(9000)), ("rank", json!(9000))] {
            let body = asks(json!({ attribute: value, "build": "7" }));
            let (status, detail) = refusal(ann.create_ticket(party, &body).await);
            assert_eq!(status, 403);
            assert!(detail.contains(attribute), "{detail}");
        }
        assert_eq!(ann.session(party).await.expect("it").ticket, None);
        let body = asks(json!({ "mode": ["ctf"], "build": "7" }));
        let made = ann.create_ticket(party, &body).await.expect("a ticket");
        let kept = stored(&world, made.id).await;
        assert_eq!(
            kept,
            json!({ "skill": 1500.0, "rank": 7.0, "mode": ["ctf"], "build": "7" }),
            "the claim is the token's, the rest the player's or the queue's"
        );
        cancel(&ann, party).await;
        let body = asks(json!({ "skill": 900, "rank": 3, "mode": ["ctf"], "build": "8" }));
        let made = backend.create_ticket(party, &body).await.expect("a ticket");
        let kept = stored(&world, made.id).await;
        assert_eq!(
            kept,
            json!({ "skill": 900.0, "rank": 3.0, "mode": ["ctf"], "build": "8" }),
            "a server sets any"
        );
        cancel(&ann, party).await;
        // Each one's claim is that of his own token, whoever queues.
        let bob = ranked(&world, "bob", 40.0);
        join(&bob, party).await.expect("a seat");
        join(&ranked(&world, "bob", 41.0), party)
            .await
            .expect("his newest token");
        let build = json!({ "attributes": { "build": "7" }, "latencies": { "eu-west": 30 } });
        let body = json!({ "queue": "rules", "players": { "ann": build, "bob": build } });
        let body = serde_json::from_value(body).expect("a ticket");
        for client in [&ann, &backend] {
            let made = client.create_ticket(party, &body).await.expect("a ticket");
            let ranks: Vec<_> = (0..2)
                .map(async |n| stored_of(&world, made.id, n).await["rank"].clone())
                .collect();
            assert_eq!(futures_util::future::join_all(ranks).await, [7.0, 41.0]);
            cancel(&ann, party).await;
        }
        world.stop().await;
    });
}

/// A player whose token vouches for his rank.
fn ranked(world: &World, name: &str, rank: f64) -> Client {
    let mut claims: Claims = raw::claims(PrincipalKind::Player, name);
    let attribute = "rank".parse().expect("a name");
    claims
        .attributes
        .insert(attribute, model::ticket::Value::Number(rank));
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

/// The attributes of a ticket's first player, as the database has them.
async fn stored(world: &World, id: model::TicketId) -> serde_json::Value {
    stored_of(world, id, 0).await
}

/// The attributes of a ticket's `n`th player, as the database has them.
async fn stored_of(world: &World, id: model::TicketId, n: usize) -> serde_json::Value {
    let options = store::Options::default();
    let store = store::Store::open(&world.database.url, options)
        .await
        .expect("the store");
    let key = store::Key::new(&tests::namespace(), store::Kind::Ticket, id);
    let rows = store.get(&[key]).await.expect("the row");
    let body = rows[0].as_ref().expect("the row").body.clone();
    store.close().await;
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    body["players"][n]["attributes"].clone()
}

#[test]
fn what_does_not_fit_the_queue_is_422_and_names_the_rule_or_the_attribute() {
    run(async {
        let world = World::with(&with_rules()).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let party = create(&ann, "Party").await.id;
        let said = |said: serde_json::Value| ticket_of("rules", "ann", said);
        let cases = [
            (json!({}), "build"),
            (json!({ "attributes": { "build": 7 } }), "build"),
            (
                json!({ "attributes": { "build": "7", "mode": "tdm" } }),
                "mode",
            ),
            (
                json!({ "attributes": { "build": "7" }, "latencies": { "eu-west": 4_000_000 } }),
                "latencies",
            ),
            (
                json!({ "attributes": { "build": "7" }, "latencies": { "eu-west": 200 } }),
                "regions.max_latency",
            ),
            (
                json!({ "attributes": { "build": "7" }, "latencies": { "elsewhere": 20 } }),
                "regions.allow: no allowed region",
            ),
            (
                json!({ "attributes": { "build": "7" }, "latencies": { "eu-west": 20, "ap-south": 20 } }),
                "players.ann.latencies.ap-south: no fleet has such a region, and no queue in its regions.allow; there are",
            ),
            (
                json!({ "attributes": { "build": "7" }, "latencies": { "eu-wset": 20 } }),
                "did you mean eu-west?",
            ),
            (
                json!({ "attributes": { "build": "7", "mode": [] }, "latencies": { "eu-west": 20 } }),
                "same-mode",
            ),
            (
                json!({ "attributes": { "build": "7" } }),
                "regions.max_latency: player ann has measured no region; send players.ann.latencies",
            ),
            (
                json!({ "attributes": { "bulid": "7" } }),
                "players.ann.attributes.bulid: queue rules has no such attribute; did you mean build?",
            ),
            (
                json!({ "attributes": { "build": "7", "colour": 7 } }),
                "it has build, mode, rank, skill",
            ),
            (
                json!({ "attributes": { "build": "7", "Build": "8" } }),
                "is there twice",
            ),
        ];
        for (body, name) in cases {
            let (status, detail) = refusal(ann.create_ticket(party, &said(body.clone())).await);
            assert_eq!(status, 422, "{body}: {detail}");
            assert!(detail.contains(name), "{body}: {detail}");
        }
        // Of somebody who is not in the party nothing may be said.
        let stranger = ticket_of("rules", "zoe", json!({ "attributes": { "build": "7" } }));
        let (status, detail) = refusal(ann.create_ticket(party, &stranger).await);
        assert_eq!(status, 422);
        assert!(detail.contains("zoe"), "{detail}");
        for player in [&bob, &cid] {
            join(player, party).await.expect("a seat");
        }
        let mut three = said(json!({ "attributes": { "build": "7" } }));
        for name in ["bob", "cid"] {
            let one = ticket_of("rules", name, json!({ "attributes": { "build": "7" } }));
            three.players.extend(one.players);
        }
        let (status, detail) = refusal(ann.create_ticket(party, &three).await);
        assert_eq!(status, 422);
        assert!(detail.contains("party.max_players"), "{detail}");
        let read = ann.session(party).await.expect("it");
        assert_eq!((read.ticket, read.change_number), (None, 3));
        world.stop().await;
    });
}

#[test]
fn a_server_s_misspelt_attribute_is_refused_and_another_case_is_the_same_name() {
    run(async {
        let world = World::new().await;
        let backend = world.backend();
        let party = create(&world.player("ann"), "Party").await.id;
        let asks = |said| ticket_of("duel", "ann", json!({ "attributes": said }));
        let body = asks(json!({ "skil": 5000 }));
        let (status, detail) = refusal(backend.create_ticket(party, &body).await);
        assert_eq!(status, 422);
        assert!(detail.contains("did you mean skill?"), "{detail}");
        let body = asks(json!({ "Skill": 5000 }));
        let made = backend.create_ticket(party, &body).await.expect("a ticket");
        assert_eq!(stored(&world, made.id).await, json!({ "skill": 5000.0 }));
        world.stop().await;
    });
}

const BUILDS: &str = r#"
---
apiVersion: v1
kind: Queue
name: builds
session_type: Game
teams: { count: 2, size: 1 }
attributes: {}
rules:
  - { name: build, equal: client_version }
"#;

#[test]
fn players_of_two_client_versions_never_meet() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{BUILDS}")).await;
        let asks = |name: &str, version: &str| {
            let said = json!({ "attributes": { "client_version": version } });
            ticket_of("builds", name, said)
        };
        // Who has none is told what to send.
        let zoe = world.player("zoe");
        let party = create(&zoe, "Party").await.id;
        let (status, detail) = refusal(zoe.create_ticket(party, &ticket("builds")).await);
        assert_eq!(status, 422);
        assert!(
            detail.contains("send players.zoe.attributes.client_version"),
            "{detail}"
        );
        // A player says it himself, or his token does.
        let ann = world.player("ann");
        let one = queue_alone(&ann, &asks("ann", "1.4.0")).await;
        let mut claims: Claims = raw::claims(PrincipalKind::Player, "bob");
        let name = model::queue::CLIENT_VERSION.parse().expect("a name");
        let version = model::ticket::Value::String("1.4.1".to_owned());
        claims.attributes.insert(name, version);
        let bob = Client::new(&world.server.url, &raw::token(&claims)).expect("a client");
        let two = queue_alone(&bob, &ticket("builds")).await;
        world.at(200_000);
        for (client, ticket) in [(&ann, &one), (&bob, &two)] {
            let state = client.ticket(ticket.id).await.expect("it").state;
            assert_eq!(state, TicketState::Searching, "two builds");
        }
        let cid = world.player("cid");
        let three = queue_alone(&cid, &asks("cid", "1.4.1")).await;
        let session = session_of(&cid, three.id).await;
        assert_eq!(session_of(&bob, two.id).await, session);
        let state = ann.ticket(one.id).await.expect("it").state;
        assert_eq!(state, TicketState::Searching);
        world.stop().await;
    });
}

#[test]
fn matches_keep_the_queue_s_rules_and_regions() {
    run(async {
        let world = World::with(&with_rules()).await;
        let backend = world.backend();
        let mut tickets = Vec::new();
        // Two who may meet (same mode, build and region) among those who may not.
        let cases = [
            ("far-skill", 2000, "tdm", "7", "eu-west"),
            ("other-mode", 1500, "ctf", "7", "eu-west"),
            ("other-build", 1500, "tdm", "8", "eu-west"),
            ("other-region", 1500, "tdm", "7", "us-east"),
            ("one", 1500, "tdm", "7", "eu-west"),
            ("two", 1550, "tdm", "7", "eu-west"),
            ("three", 1450, "tdm", "7", "eu-west"),
            ("four", 1500, "tdm", "7", "eu-west"),
        ];
        for (name, skill, mode, build, region) in cases {
            let said = json!({
                "attributes": { "skill": skill, "mode": [mode], "build": build },
                "latencies": { region: 30, "elsewhere": 5 },
            });
            let party = create(&world.player(name), "Party").await.id;
            let body = ticket_of("rules", name, said);
            tickets.push(backend.create_ticket(party, &body).await.expect("one"));
        }
        let admin = world.admin();
        let mut games = Vec::new();
        for ticket in &tickets[4..] {
            games.push(session_of(&admin, ticket.id).await);
        }
        games.dedup();
        assert_eq!(games.len(), 1, "all four are in one game");
        let game = admin.session(games[0]).await.expect("it");
        assert_eq!(game.region.map(|r| r.to_string()), Some("eu-west".into()));
        let mut teams: Vec<_> = game.members.iter().map(|one| one.team).collect();
        teams.sort();
        assert_eq!(teams, [Some(0), Some(0), Some(1), Some(1)]);
        for ticket in &tickets[..4] {
            let read = admin.ticket(ticket.id).await.expect("it");
            assert_eq!(read.state, TicketState::Searching, "{:?}", read.players);
        }
        world.stop().await;
    });
}

#[test]
fn a_queue_that_a_reload_removes_cancels_its_tickets_and_no_others() {
    run(async {
        let world = World::with(&with_rules()).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let gone = queue_alone(&ann, &ticket("duel")).await;
        let kept = queue_alone(&bob, &ticket("tdm")).await;
        let without: Vec<&str> = SESSION_TYPES
            .split("---\n")
            .filter(|document| !document.contains("name: duel"))
            .collect();
        world.server.reload(&without.join("---\n"));
        let ended = once(&ann, gone.id, TicketState::Canceled).await;
        assert_eq!(ended.reason, Some(EndReason::QueueRemoved));
        let read = bob.ticket(kept.id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching);
        refused(
            ann.queue(&"duel".parse().expect("a name")).await,
            404,
            "not-found",
        );
        queue_alone(&ann, &ticket("tdm")).await;
        world.stop().await;
    });
}

#[test]
fn a_matched_ticket_counts_until_the_instance_is_joinable_and_is_not_to_be_taken_back() {
    run(async {
        let world = World::new().await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let first = queue_alone(&ann, &ticket("duel")).await;
        let second = queue_alone(&bob, &ticket("duel")).await;
        let game = session_of(&ann, first.id).await;
        refused(ann.cancel_ticket(first.party).await, 409, "conflict");
        // One live ticket a player, also from another party.
        let other = create(&ann, "Party").await.id;
        refused(
            ann.create_ticket(other, &ticket("tdm")).await,
            409,
            "already-queued",
        );
        host.open(game).await;
        for (client, ticket) in [(&ann, &first), (&bob, &second)] {
            let found = once(client, ticket.id, TicketState::Found).await;
            assert_eq!(
                (found.session, found.reason),
                (Some(game), Some(EndReason::Assigned))
            );
            assert!(found.match_id.is_some());
        }
        ann.create_ticket(other, &ticket("tdm"))
            .await
            .expect("free again");
        world.stop().await;
    });
}

#[test]
fn a_placement_that_fails_sends_the_tickets_back_with_their_age_and_at_last_fails_them() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let first = queue_alone(&ann, &ticket("duel")).await;
        queue_alone(&bob, &ticket("duel")).await;
        // No game server at all: allocation_timeout is 30 s, and the queue's retries are three.
        let mut games = std::collections::BTreeSet::new();
        for round in 0..4_u64 {
            let game = tests::eventually("a match", async || {
                let ticket = ann.ticket(first.id).await.expect("it");
                assert_eq!(ticket.created_at, first.created_at);
                ticket.session.filter(|game| !games.contains(game))
            })
            .await;
            games.insert(game);
            world.at((round + 1) * 31_000);
            world.run_timers().await;
        }
        let failed = once(&ann, first.id, TicketState::Failed).await;
        assert_eq!(failed.reason, Some(EndReason::PlacementFailed));
        for game in games {
            refused(world.admin().session(game).await, 404, "not-found");
        }
        queue_alone(&ann, &ticket("tdm")).await;
        world.stop().await;
    });
}

#[test]
fn a_reserved_player_is_no_part_of_the_party_that_queues() {
    run(async {
        let world = World::new().await;
        let ann = world.player("ann");
        let party = create_with(&ann, "Party", &["bob"]).await.id;
        let made = ann.create_ticket(party, &ticket("tdm")).await.expect("one");
        assert_eq!(made.players, [player("ann")]);
        // He comes: the party has changed.
        join(&world.player("bob"), party).await.expect("his seat");
        let ended = ann.ticket(made.id).await.expect("it");
        assert_eq!(ended.reason, Some(EndReason::PartyChanged));
        world.stop().await;
    });
}
