//! How long tickets wait, over HTTP: what a ticket is told, what a queue tells, and what operators read.

use model::ticket::TicketState;
use model::wire::{CreateTicket, EstimateBasis, Queue, Ticket};
use sdk::Client;
use serde_json::json;
use tests::queue::{NO, once, queue_alone, ticket_of};
use tests::world::World;
use tests::{SESSION_TYPES, run};

/// Its name is that of no other test's queue, as all servers of a process share one recorder.
const MEASURED: &str = r#"
---
apiVersion: v1
kind: Queue
name: measured
session_type: Game
regions: { allow: [eu-west] }
teams: { count: 2, size: 1 }
ticket: { time_out: 10m }
estimates: { quantiles: [0.4, 0.9] }
"#;

/// Two queues that a party may wait in at once.
const TWO: &str = r#"
---
apiVersion: v1
kind: Queue
name: two-a
group: two
session_type: Game
regions: { allow: [eu-west] }
teams: { count: 2, size: 1 }
---
apiVersion: v1
kind: Queue
name: two-b
group: two
session_type: Game
regions: { allow: [eu-west] }
teams: { count: 2, size: 1 }
"#;

async fn queued(world: &World, name: &str) -> (Client, Ticket) {
    let client = world.player(name);
    let said = json!({ "latencies": { "eu-west": 30 } });
    let body = ticket_of("measured", name, said);
    let made = queue_alone(&client, &body).await;
    (client, made)
}

/// Pairs of whom the first waits two seconds for the second.
async fn pairs(world: &World, pairs: u64) {
    for n in 0..pairs {
        world.at(n * 2_000);
        let (ann, first) = queued(world, &format!("ann-{n}")).await;
        world.at(n * 2_000 + 2_000);
        let (bob, second) = queued(world, &format!("bob-{n}")).await;
        once(&ann, first.id, TicketState::Placing).await;
        once(&bob, second.id, TicketState::Placing).await;
    }
}

async fn queue(client: &Client) -> Queue {
    let name = "measured".parse().expect("a name");
    client.queue(&name).await.expect("the queue")
}

#[test]
fn a_ticket_is_told_how_long_it_may_wait_and_a_queue_how_long_others_did() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{MEASURED}")).await;
        let admin = world.admin();
        let before = queue(&admin).await;
        assert_eq!((before.waiting, before.matched_per_minute), (0, 0.0));
        assert_eq!(before.by_region, []);
        pairs(&world, 6).await;
        // Of the running quarter minute nothing is told yet.
        world.at(14_000);
        let (early, ticket) = queued(&world, "early").await;
        assert_eq!(ticket.estimate, None);
        let party = ticket.party;
        early.cancel_ticket(party).await.expect("taken back");

        world.at(15_000);
        let (late, ticket) = queued(&world, "late").await;
        let estimate = ticket.estimate.expect("twelve were matched");
        assert_eq!(estimate.basis, EstimateBasis::Queue, "too few for a region");
        let waits: Vec<_> = estimate
            .quantiles
            .iter()
            .map(|one| (one.quantile, one.wait_ms.map(|ms| ms.0)))
            .collect();
        assert_eq!(waits[0], (0.4, Some(250)), "half of them waited for nobody");
        let (quantile, long) = waits[1];
        assert!(quantile == 0.9 && long.is_some_and(|ms| (2_000..2_300).contains(&ms)));

        let told = queue(&admin).await;
        assert_eq!(told.waiting, 1);
        assert_eq!(told.window_ms.0, 600_000);
        assert_eq!(
            told.matched_per_minute, 48.0,
            "twelve in a quarter of a minute"
        );
        let region = told.by_region.first().expect("a region");
        assert_eq!(region.region.as_ref().map(|r| r.as_str()), Some("eu-west"));
        let party = region.by_party.first().expect("a size");
        assert_eq!(
            (party.players, party.waiting, party.matched_per_minute),
            (1, 1, 48.0)
        );
        for waits in [&told.waits, &region.waits, &party.waits] {
            let quantiles: Vec<f64> = waits.iter().map(|one| one.quantile).collect();
            assert_eq!(quantiles, [0.5, 0.9, 0.99]);
            assert!(waits.iter().all(|one| one.wait_ms.is_some()), "{waits:?}");
        }

        // Six of the thirteen who came were matched at once, and ages are told apart to a tenth.
        let metrics = admin.metrics().await.expect("metrics");
        for line in [
            "muster_queue_waiting_tickets{queue=\"measured\",region=\"all\",party_players=\"all\"} 1",
            "muster_queue_waiting_tickets{queue=\"measured\",region=\"eu-west\",party_players=\"1\"} 1",
            "muster_queue_matched_per_minute{queue=\"measured\",region=\"eu-west\",party_players=\"all\"} 48",
            "muster_queue_wait_quantile_seconds{queue=\"measured\",region=\"all\",party_players=\"all\",quantile=\"0.5\"} 2.011",
        ] {
            let told: Vec<&str> = metrics.lines().filter(|l| l.contains("measured")).collect();
            assert!(told.contains(&line), "{line}: {told:#?}");
        }

        // Who waits longer than anybody is told that nobody knows.
        world.at(75_000);
        let read = late.ticket(ticket.id).await.expect("it");
        let estimate = read.estimate.expect("others were matched");
        assert!(estimate.quantiles.iter().all(|one| one.wait_ms.is_none()));
        late.cancel_ticket(ticket.party).await.expect("taken back");
        assert_eq!(queue(&admin).await.waiting, 0);
        let ended = late.ticket(ticket.id).await.expect("it");
        assert_eq!(ended.estimate, None, "it waits for nothing");
        // Of a queue that is gone no figure stays behind.
        let told = async |figure: &str| {
            let metrics = admin.metrics().await.expect("metrics");
            let of_all = "{queue=\"measured\",region=\"all\",party_players=\"all\"}";
            let figure = format!("muster_queue_{figure}{of_all} ");
            let mut lines = metrics.lines();
            let value = lines.find_map(|line| line.strip_prefix(&figure));
            value.map(str::to_owned)
        };
        assert_ne!(told("matched_per_minute").await.as_deref(), Some("0"));
        world.server.reloaded(SESSION_TYPES).await;
        assert_eq!(told("matched_per_minute").await.as_deref(), Some("0"));
        world.stop().await;
    });
}

#[test]
fn after_a_restart_nothing_is_promised_and_who_waits_still_counts() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{MEASURED}")).await;
        pairs(&world, 6).await;
        world.at(15_000);
        let (_, ticket) = queued(&world, "late").await;
        assert!(ticket.estimate.is_some());
        let world = world.restart().await;
        let read = world.player("late").ticket(ticket.id).await.expect("it");
        assert_eq!((read.state, read.estimate), (TicketState::Searching, None));
        let told = queue(&world.admin()).await;
        assert_eq!((told.waiting, told.matched_per_minute), (1, 0.0));
        assert_eq!(told.by_region.first().map(|one| one.waiting), Some(1));
        world.stop().await;
    });
}

#[test]
fn who_waits_in_two_queues_counts_in_both_and_is_matched_in_one() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{TWO}")).await;
        let admin = world.admin();
        let told = async |name: &str| {
            let name = name.parse().expect("a name");
            let queue = admin.queue(&name).await.expect("the queue");
            let region = queue.by_region.first();
            (
                region.map_or(0, |one| one.waiting),
                queue.matched_per_minute,
            )
        };
        let said = || json!({ "latencies": { "eu-west": 30 } });
        let both = |name: &str| CreateTicket {
            queue: String::new(),
            queues: vec!["two-a".to_owned(), "two-b".to_owned()],
            ..ticket_of("", name, said())
        };
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let first = queue_alone(&ann, &both("ann")).await;
        assert_eq!((told("two-a").await.0, told("two-b").await.0), (1, 1));
        let second = queue_alone(&bob, &ticket_of("two-b", "bob", said())).await;
        once(&ann, first.id, TicketState::Placing).await;
        once(&bob, second.id, TicketState::Placing).await;
        world.at(15_000);
        assert_eq!(told("two-a").await, (0, 0.0), "left for another");
        assert_eq!(
            told("two-b").await,
            (0, 8.0),
            "both in a quarter of a minute"
        );
        world.stop().await;
    });
}

#[test]
fn who_is_in_a_match_that_waits_for_its_players_word_does_not_count_as_waiting() {
    run(async {
        let asks = "---\napiVersion: v1\nkind: Queue\nname: asking\nsession_type: Game\n\
                    regions: { allow: [eu-west] }\nteams: { count: 2, size: 1 }\n\
                    acceptance: { required: true, timeout: 4m }\n";
        let world = World::with(&format!("{SESSION_TYPES}{asks}")).await;
        let admin = world.admin();
        // All that is said of how many wait: of the queue, its region, its party size, and the gauges of the three.
        let waiting = async || {
            let name = "asking".parse().expect("a name");
            let queue = admin.queue(&name).await.expect("the queue");
            let region = queue.by_region.first().expect("a region");
            let party = region.by_party.first().expect("a size");
            let mut all = vec![queue.waiting, region.waiting, party.waiting];
            let metrics = admin.metrics().await.expect("metrics");
            for (region, party) in [("all", "all"), ("eu-west", "all"), ("eu-west", "1")] {
                let gauge = format!(
                    "muster_queue_waiting_tickets{{queue=\"asking\",region=\"{region}\",party_players=\"{party}\"}} "
                );
                let value = metrics.lines().find_map(|line| line.strip_prefix(&gauge));
                all.push(value.expect("a gauge").parse().expect("a number"));
            }
            all
        };
        let queued = async |name: &str| {
            let client = world.player(name);
            let said = json!({ "latencies": { "eu-west": 30 } });
            let made = queue_alone(&client, &ticket_of("asking", name, said)).await;
            (client, made)
        };
        let (ann, first) = queued("ann").await;
        assert_eq!(waiting().await, [1; 6]);
        let (bob, second) = queued("bob").await;
        once(&ann, first.id, TicketState::Proposed).await;
        once(&bob, second.id, TicketState::Proposed).await;
        assert_eq!(waiting().await, [0; 6]);
        let (_, third) = queued("cid").await;
        assert_eq!(waiting().await, [1; 6]);
        // One of them refuses: the other meets the third at once.
        bob.answer_match(second.id, &NO).await.expect("his word");
        once(&admin, third.id, TicketState::Proposed).await;
        once(&ann, first.id, TicketState::Proposed).await;
        assert_eq!(waiting().await, [0; 6]);
        ann.answer_match(first.id, &NO).await.expect("her word");
        once(&admin, third.id, TicketState::Searching).await;
        tests::eventually("the third to search", async || {
            (waiting().await == [1; 6]).then_some(())
        })
        .await;
        world.stop().await;
    });
}
