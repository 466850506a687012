//! Several queues a ticket, and groups of queues on threads of their own, over HTTP.

use model::ticket::{EndReason, TicketState};
use model::wire::CreateTicket;
use serde_json::json;
use server::core::Settings;
use tests::queue::{once, queue_alone, session_of, ticket};
use tests::world::{World, create, refusal, refused};
use tests::{Host, Kind, SESSION_TYPES, run};

/// One queue of duels.
fn duel(name: &str, group: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Queue\nname: {name}\ngroup: {group}\nsession_type: Game\n\
         regions: {{ allow: [eu-west] }}\nteams: {{ count: 2, size: 1 }}\n{more}"
    )
}

/// Three queues of one group, with what only one of them reads, and one of another group.
fn types() -> String {
    let skill = "attributes:\n  skill: { type: number, default: 1500 }\n";
    let mode = "attributes:\n  mode: { type: strings, source: player, default: [dm] }\n\
                ticket: { time_out: 1m }\nrules:\n  - { name: modes, intersect: mode, min: 1 }\n";
    [
        SESSION_TYPES.to_owned(),
        duel("ranked", "duels", skill),
        duel("casual", "duels", mode),
        duel("third", "duels", ""),
        duel("raid", "raids", ""),
    ]
    .concat()
}

fn several(queues: &[&str]) -> CreateTicket {
    CreateTicket {
        queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
        ..CreateTicket::default()
    }
}

#[test]
fn f10_a_ticket_in_several_queues_is_matched_in_one_and_shows_which() {
    run(async {
        let world = World::with(&types()).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let first = queue_alone(&ann, &several(&["Ranked", "CASUAL"])).await;
        assert_eq!(first.queue.as_str(), "ranked");
        assert_eq!(json!(first.queues), json!(["ranked", "casual"]));
        assert_eq!(
            first.expires_at.map(|at| at.0),
            Some(first.created_at.0 + model::Millis::seconds(60)),
            "the shortest of its queues' time-outs"
        );
        for queue in ["ranked", "casual"] {
            let queue = ann.queue(&queue.parse().expect("a name")).await;
            let queue = queue.expect("the queue");
            assert_eq!((queue.waiting, queue.group.as_str()), (1, "duels"));
        }
        let second = queue_alone(&bob, &ticket("casual")).await;
        let game = session_of(&ann, first.id).await;
        let matched = once(&ann, first.id, TicketState::Placing).await;
        assert_eq!(matched.queue.as_str(), "casual");
        assert_eq!(session_of(&bob, second.id).await, game);
        // It waits in the other no longer.
        let third = queue_alone(&cid, &ticket("ranked")).await;
        let queue = ann.queue(&"ranked".parse().expect("a name")).await;
        assert_eq!(queue.expect("the queue").waiting, 1);
        // No game server comes: it waits again, in both of them.
        world.at(31_000);
        world.run_timers().await;
        let again = once(&ann, first.id, TicketState::Placing).await;
        let with = once(&cid, third.id, TicketState::Placing).await;
        assert_eq!(
            (again.queue.as_str(), again.session),
            ("ranked", with.session)
        );
        assert_eq!(again.created_at, first.created_at);
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        host.open(with.session.expect("a game")).await;
        once(&ann, first.id, TicketState::Found).await;
        world.stop().await;
    });
}

#[test]
fn f10_queues_that_share_no_tickets_are_refused_by_name() {
    run(async {
        let world = World::with(&types()).await;
        let ann = world.player("ann");
        let party = create(&ann, "Party").await.id;
        let many = ["third"; 9];
        let cases: [(&[&str], &str); 4] = [
            (&["ranked", "raid"], "group raids"),
            (&["ranked", "Ranked"], "ranked is there twice"),
            (&[], "name a queue"),
            (&many, "at most 8"),
        ];
        for (queues, why) in cases {
            let (status, detail) = refusal(ann.create_ticket(party, &several(queues)).await);
            assert_eq!(status, 422, "{queues:?}");
            assert!(
                detail.contains("queues") && detail.contains(why),
                "{detail}"
            );
        }
        let both = CreateTicket {
            queue: "ranked".into(),
            ..several(&["casual"])
        };
        refused(ann.create_ticket(party, &both).await, 422, "invalid");
        let unknown = several(&["ranked", "nothing"]);
        refused(ann.create_ticket(party, &unknown).await, 404, "not-found");
        // What any of them reads may be said; what none of them knows may not.
        let said = |attribute: &str| {
            let said = json!({ "queues": ["ranked", "casual"],
                "players": { "ann": { "attributes": { attribute: ["ctf"] } } } });
            serde_json::from_value::<CreateTicket>(said).expect("a ticket")
        };
        let (status, detail) = refusal(ann.create_ticket(party, &said("moed")).await);
        assert_eq!(status, 422);
        assert!(detail.contains("did you mean mode?"), "{detail}");
        let (status, detail) = refusal(ann.create_ticket(party, &said("skill")).await);
        assert_eq!(status, 403, "{detail}");
        ann.create_ticket(party, &said("mode")).await.expect("fits");
        world.stop().await;
    });
}

#[test]
fn a_reload_takes_tickets_along_into_another_group_and_ends_them_with_their_last_queue() {
    run(async {
        let world = World::with(&types()).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let moves = queue_alone(&ann, &ticket("third")).await;
        let both = queue_alone(&bob, &several(&["ranked", "casual"])).await;
        let all = types();
        let without = |name: &str| {
            let named = format!("name: {name}\n");
            let kept = all.split("---\n").filter(|text| !text.contains(&named));
            kept.collect::<Vec<_>>().join("---\n")
        };
        // `third` is of the group of `raid` from now on, and `ranked` is gone.
        let moved = "name: third\ngroup: raids";
        let text = without("ranked").replace("name: third\ngroup: duels", moved);
        assert!(text.contains(moved));
        world.server.reload(&text);
        tests::eventually("the new set", async || {
            let queue = ann.queue(&"third".parse().expect("a name")).await;
            let queue = queue.expect("the queue");
            (queue.group.as_str() == "raids" && queue.waiting == 1).then_some(())
        })
        .await;
        // He meets one who waits in both queues of the group where his is now.
        let meets = queue_alone(&cid, &several(&["raid", "third"])).await;
        let game = session_of(&ann, moves.id).await;
        assert_eq!(session_of(&cid, meets.id).await, game);
        let read = bob.ticket(both.id).await.expect("it");
        assert_eq!(
            read.state,
            TicketState::Searching,
            "one of his queues is left"
        );
        let said = bob.explain_ticket(both.id).await.expect("his own");
        assert!(said.search.is_some(), "{:?}", said.summary);
        assert_eq!(said.queue.as_str(), "casual", "the one that is left");
        world
            .server
            .reload(&text.replace("name: casual\n", "name: other\n"));
        let ended = once(&bob, both.id, TicketState::Canceled).await;
        assert_eq!(ended.reason, Some(EndReason::QueueRemoved));
        world.stop().await;
    });
}

#[test]
fn tickets_in_several_queues_wait_on_after_a_restart_sqlite() {
    run(durable(Kind::Sqlite));
}

#[test]
fn tickets_in_several_queues_wait_on_after_a_restart_postgres() {
    run(durable(Kind::Postgres));
}

async fn durable(kind: Kind) {
    let world = World::on(kind, "several_queues", &types(), Settings::default()).await;
    let Some(world) = world else { return };
    let made = queue_alone(&world.player("ann"), &several(&["third", "casual"])).await;
    let world = world.restart().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    assert_eq!(ann.ticket(made.id).await.expect("it"), made);
    let other = queue_alone(&bob, &ticket("casual")).await;
    let matched = once(&ann, made.id, TicketState::Placing).await;
    assert_eq!(matched.queue.as_str(), "casual");
    assert_eq!(
        session_of(&bob, other.id).await,
        matched.session.expect("it")
    );
    world.stop().await;
}
