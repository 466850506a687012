//! Explanations of tickets over HTTP: who may ask, what is said while it searches, and afterwards.

use model::ticket::TicketState;
use model::wire::{CreateTicket, QueueGate, RegionStanding, SearchOutlook, SearchProgress, Ticket};
use serde_json::json;
use tests::queue::{once, queue_alone, ticket, ticket_of};
use tests::world::{World, create, refusal, refused};
use tests::{SESSION_TYPES, run};

/// A queue in which little is enough to be kept out, and one that is paused or closed.
const QUEUES: &str = r#"
---
apiVersion: v1
kind: Queue
name: narrow
session_type: Game
regions: { allow: [eu-west, us-east], max_latency: 80ms }
teams: { count: 2, size: 2 }
party: { max_players: 2 }
attributes:
  skill: { type: number, source: player, default: 1500 }
  build: { type: string, source: player, default: "7" }
rules:
  - { name: skill-gap, distance: skill, max: 200 }
  - { name: same-build, equal: build }
expansions:
  - { rule: skill-gap, steps: [ { after: 10s, max: 400 } ] }
  - { rule: regions.max_latency, steps: [ { after: 30s, max: 150ms } ] }
ticket: { time_out: 5m }
---
apiVersion: v1
kind: Queue
name: resting
active: false
session_type: Game
teams: { count: 2, size: 1 }
open:
  - { days: [mon, tue, wed, thu, fri, sat, sun], from: "18:00", to: "20:00", zone: UTC }
---
apiVersion: v1
kind: Queue
name: evening
session_type: Game
teams: { count: 2, size: 1 }
open:
  - { days: [mon, tue, wed, thu, fri, sat, sun], from: "18:00", to: "20:00", zone: UTC }
---
apiVersion: v1
kind: Queue
name: morning
session_type: Game
teams: { count: 2, size: 1 }
open:
  - { days: [mon, tue, wed, thu, fri, sat, sun], from: "06:00", to: "12:00", zone: UTC }
---
apiVersion: v1
kind: Queue
name: tanks
session_type: Game
roles: { attribute: role }
attributes:
  role: { type: strings, source: player, default: [dps] }
teams:
  - { name: red, min_players: 2, max_players: 2, roles: { tank: 1 } }
  - { name: blue, min_players: 2, max_players: 2, roles: { tank: 1 } }
"#;

/// Two queues that share tickets; of the second fewer players are enough after a while.
const SHARED: &str = r#"
---
apiVersion: v1
kind: Queue
name: two
group: shared
session_type: Game
teams: { count: 2, size: 2 }
---
apiVersion: v1
kind: Queue
name: asym
group: shared
session_type: Game
teams:
  - { name: many, min_players: 4, max_players: 4 }
  - { name: one, min_players: 1, max_players: 1 }
expansions:
  - { rule: teams.many.min_players, steps: [ { after: 8s, min: 2 } ] }
"#;

fn types() -> String {
    let fleet = "regions: [eu-west]\ncapacity";
    let both = "regions: [eu-west, us-east]\ncapacity";
    format!("{}{QUEUES}{SHARED}", SESSION_TYPES.replace(fleet, both))
}

async fn queued(world: &World, name: &str, skill: f64, build: &str) -> Ticket {
    let said = json!({
        "attributes": { "skill": skill, "build": build },
        "latencies": { "eu-west": 30, "us-east": 120 },
    });
    queue_alone(&world.player(name), &ticket_of("narrow", name, said)).await
}

#[test]
fn a_ticket_that_searches_is_told_what_keeps_it_waiting_and_until_when() {
    run(async {
        let world = World::with(&types()).await;
        let ann = queued(&world, "ann", 1_000.0, "7").await;
        queued(&world, "bob", 1_212.0, "7").await;
        queued(&world, "cid", 800.0, "7").await;
        queued(&world, "dan", 1_000.0, "8").await;
        world.at(4_000);
        let said = world.player("ann").explain_ticket(ann.id).await;
        let said = said.expect("her own");
        assert_eq!(
            said.summary,
            [
                "The ticket searches.",
                "2 more players are wanted within skill 200.",
                "1 player waits at skill 212 from yours; you reach each other in 6 s.",
                "1 player could play with you; kept out are 1 by rule same-build and 1 by rule skill-gap.",
                "Region eu-west (30 ms) is considered; 1 player could play there.",
                "Region us-east is too far: regions.max_latency is 80 ms, yours 120 ms; it is considered in 26 s.",
                "By age it is number 1 of 3 (and 1 waits with other values of what must be equal).",
                "In 6 s skill-gap widens from 200 to 400.",
            ]
        );
        let search = said.search.expect("it searches");
        assert_eq!(search.queue_is, QueueGate::Open);
        assert_eq!(search.progress, SearchProgress::Done);
        assert_eq!(
            (search.position, search.position_of, search.waiting),
            (1, 3, 4)
        );
        assert_eq!((search.looked_at, search.is_sample), (3, false));
        assert_eq!(search.candidates.tickets, 1);
        assert_eq!(search.outlook, SearchOutlook::TooFew);
        assert_eq!(search.players_missing, Some(2));
        let miss = search.nearest_miss.expect("bob");
        assert_eq!((miss.rule.as_str(), miss.gap), ("skill-gap", Some(212.0)));
        assert_eq!(miss.reached_in_ms, Some(6_000));
        let far = &search.regions[1];
        assert_eq!(far.standing, RegionStanding::TooFar);
        assert_eq!((far.measured_ms, far.limit_ms), (Some(120), Some(80.0)));
        assert_eq!(search.next_expansion[0].in_ms, 6_000);
        // What was promised comes.
        world.at(10_000);
        let said = world
            .admin()
            .explain_ticket(ann.id)
            .await
            .expect("his right");
        let search = said.search.expect("it searches");
        assert_eq!(
            (search.candidates.tickets, search.players_missing),
            (2, Some(1))
        );
        world.stop().await;
    });
}

#[test]
fn whoever_may_read_a_ticket_is_told_and_nobody_else() {
    run(async {
        let world = World::with(&types()).await;
        let made = queued(&world, "ann", 1_000.0, "7").await;
        refused(
            world.player("bob").explain_ticket(made.id).await,
            404,
            "not-found",
        );
        let unknown = model::TicketId(made.party.0);
        refused(
            world.admin().explain_ticket(unknown).await,
            404,
            "not-found",
        );
        for client in [world.player("ann"), world.backend(), world.admin()] {
            assert_eq!(
                client.explain_ticket(made.id).await.expect("it").ticket,
                made.id
            );
        }
        world.stop().await;
    });
}

#[test]
fn a_queue_that_makes_no_matches_says_so_and_until_when() {
    run(async {
        let world = World::with(&types()).await;
        let mut said = Vec::new();
        for (name, queue) in [("ann", "resting"), ("bob", "resting"), ("cid", "evening")] {
            let client = world.player(name);
            let made = queue_alone(&client, &ticket(queue)).await;
            said.push(client.explain_ticket(made.id).await.expect("it"));
        }
        let search = said[1].search.as_ref().expect("it searches");
        // Outside of its hours too: opening alone would change nothing.
        assert_eq!(search.queue_is, QueueGate::Paused);
        assert_eq!(search.opens_at, None);
        assert_eq!(search.outlook, SearchOutlook::Possible);
        assert_eq!(said[1].summary[1], "Queue resting is paused; tickets wait.");
        let search = said[2].search.as_ref().expect("it searches");
        let opens_at = search.opens_at.map(|at| at.0.0 % 86_400_000);
        assert_eq!(search.queue_is, QueueGate::Closed);
        assert_eq!(opens_at, Some(18 * 3_600_000));
        // The queue itself says the same.
        let ann = world.player("ann");
        let queue = async |name: &str| ann.queue(&name.parse().expect("a name")).await.expect("it");
        let evening = queue("evening").await;
        assert_eq!(
            (evening.active, evening.queue_is),
            (true, QueueGate::Closed)
        );
        assert_eq!(
            (evening.opens_at, evening.closes_at),
            (search.opens_at, None)
        );
        assert_eq!(queue("resting").await.queue_is, QueueGate::Paused);
        let narrow = queue("narrow").await;
        assert_eq!((narrow.queue_is, narrow.closes_at), (QueueGate::Open, None));
        let morning = queue("morning").await;
        let closes_at = morning.closes_at.map(|at| at.0.0 % 86_400_000);
        assert_eq!(
            (morning.queue_is, closes_at),
            (QueueGate::Open, Some(12 * 3_600_000))
        );
        world.stop().await;
    });
}

#[test]
fn a_role_that_nobody_takes_is_told_by_name() {
    run(async {
        let world = World::with(&types()).await;
        for name in ["ann", "bob", "cid"] {
            queue_alone(&world.player(name), &ticket("tanks")).await;
        }
        let eve = queue_alone(&world.player("eve"), &ticket("tanks")).await;
        let said = world
            .player("eve")
            .explain_ticket(eve.id)
            .await
            .expect("hers");
        assert_eq!(
            said.summary[1],
            "There are players enough, but 2 players who would take role tank are wanted (nobody within reach is one)."
        );
        let search = said.search.expect("it searches");
        assert_eq!(search.outlook, SearchOutlook::ShortOf);
        assert_eq!(
            json!(search.short_of),
            json!([{ "role": "tank", "attribute": "role", "players": 2, "found": 0, "players_missing": 2 }])
        );
        world.stop().await;
    });
}

#[test]
fn a_ticket_in_several_queues_is_told_of_each_and_of_the_one_that_is_asked_for_above_all() {
    run(async {
        let world = World::with(&types()).await;
        for name in ["ann", "bob"] {
            queue_alone(&world.player(name), &ticket("asym")).await;
        }
        let cid = world.player("cid");
        let several = CreateTicket {
            queues: vec!["two".to_owned(), "asym".to_owned()],
            ..CreateTicket::default()
        };
        let made = queue_alone(&cid, &several).await;
        let said = cid.explain_ticket(made.id).await.expect("his own");
        assert_eq!(said.queue.as_str(), "two");
        assert_eq!(
            said.summary,
            [
                "The ticket searches.",
                "3 more players are wanted.",
                "Nobody could play with you.",
                "Region eu-west is considered; nobody who could play with you is there.",
                "Region us-east is considered; nobody who could play with you is there.",
                "By age it is number 1 of 1.",
                "The ticket waits in queue asym too.",
            ]
        );
        let [two, asym] = said.queues.as_slice() else {
            panic!("both queues: {said:?}");
        };
        assert_eq!((&said.queue, &said.search), (&two.queue, &two.search));
        assert_eq!(asym.queue.as_str(), "asym");
        assert_eq!(asym.summary[0], "2 more players are wanted.");
        let search = asym.search.as_ref().expect("it waits there");
        assert_eq!(search.candidates.players, 2);
        assert_eq!(
            search.next_expansion[0].rule.as_str(),
            "teams.many.min_players"
        );
        assert_eq!(
            (search.minimum.players, search.minimum.of_newcomers),
            (5, 5)
        );
        let fall = &search.minimum.falls[0];
        assert_eq!(
            (fall.players, fall.players_missing, fall.in_ms),
            (3, 0, 8_000)
        );
        // The other one at the top, with the same said of both.
        let [upper, narrow, resting] =
            ["ASYM", "narrow", "resting"].map(|text| text.parse().expect("a name"));
        let asked = cid.explain_ticket_in(made.id, &upper).await;
        let asked = asked.expect("his own");
        assert_eq!(
            (&asked.queue, &asked.search, &asked.queues),
            (&asym.queue, &asym.search, &said.queues)
        );
        assert_eq!(asked.summary[1..3], asym.summary[..2]);
        let other = cid.explain_ticket_in(made.id, &narrow).await;
        let detail = "queue must be one of the ticket's, not \"narrow\"; known: two, asym";
        assert_eq!(refusal(other), (400, detail.to_owned()));
        let ann = world.player("ann");
        let strange = ann.explain_ticket_in(made.id, &narrow).await;
        refused(strange, 404, "not-found");
        // A ticket in one queue has no list, and may be asked for by its queue's name.
        let alone = queue_alone(&world.player("dan"), &ticket("resting")).await;
        let said = world.admin().explain_ticket_in(alone.id, &resting).await;
        let said = said.expect("his right");
        assert_eq!((said.queue.as_str(), said.queues.len()), ("resting", 0));
        world.stop().await;
    });
}

#[test]
fn a_ticket_in_a_match_or_ended_is_told_so() {
    run(async {
        let world = World::with(&types()).await;
        let admin = world.admin();
        let mut tickets = Vec::new();
        for name in ["ann", "bob", "cid", "dan"] {
            tickets.push(queued(&world, name, 1_000.0, "7").await);
        }
        let placing = once(&admin, tickets[0].id, TicketState::Placing).await;
        let said = admin.explain_ticket(placing.id).await.expect("it");
        assert_eq!(
            (said.match_id, said.session),
            (placing.match_id, placing.session)
        );
        assert_eq!(said.search, None);
        let sentence = "The ticket is in a match whose session waits for its host.";
        assert_eq!(said.summary, [sentence]);
        let eve = world.player("eve");
        let party = create(&eve, "Party").await.id;
        let made = eve.create_ticket(party, &ticket("resting")).await;
        let made = made.expect("a ticket");
        eve.cancel_ticket(party).await.expect("taken back");
        let said = eve.explain_ticket(made.id).await.expect("still there");
        assert_eq!(
            said.summary,
            ["The ticket is canceled: the leader took it back."]
        );
        world.stop().await;
    });
}
