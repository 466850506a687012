//! Acceptance over HTTP: a match that asks its players first, who may answer, and what follows, also over a restart.

use model::ticket::{EndReason, TicketState};
use model::wire::{AnswerMatch, NoticeKind, Ticket};
use sdk::{Client, Error, Who};
use server::core::Settings;
use tests::queue::{NO, YES, once, queue_alone, ticket};
use tests::world::{World, create, join, refused};
use tests::{Host, Kind, SESSION_TYPES, player, run};

/// Duels, and games of two against two, in which everybody is asked for half a minute.
fn types() -> String {
    let asks = "acceptance: { required: true, timeout: 30s }\nteams:";
    let pairs = "---\napiVersion: v1\nkind: Queue\nname: pairs\nsession_type: Game\n\
                 regions: { allow: [eu-west] }\nteams: { count: 2, size: 2 }\n";
    format!("{SESSION_TYPES}{pairs}")
        .replace("teams:\n  -", "TEAMS\n  -")
        .replace("TEAMS", asks)
        .replace(
            "teams: { count: 2, size: 2 }\n",
            "teams: { count: 2, size: 2 }\nacceptance: { required: true }\n",
        )
}

async fn says(client: &Client, ticket: &Ticket, answer: &AnswerMatch) -> Result<Ticket, Error> {
    client.answer_match(ticket.id, answer).await
}

async fn proposed(client: &Client, ticket: &Ticket) -> Ticket {
    once(client, ticket.id, TicketState::Proposed).await
}

/// Two who meet in a duel.
async fn pair(world: &World) -> [(Client, Ticket); 2] {
    let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
    let first = queue_alone(&ann, &ticket("duel")).await;
    let second = queue_alone(&bob, &ticket("duel")).await;
    [(ann, first), (bob, second)]
}

/// A leader's party of two, queued for a game of pairs.
async fn party(world: &World, leader: &str, other: &str) -> (Client, Ticket) {
    let (leader, other) = (world.player(leader), world.player(other));
    let party = create(&leader, "Party").await.id;
    join(&other, party).await.expect("a seat");
    let queued = leader.create_ticket(party, &ticket("pairs")).await;
    (leader, queued.expect("a ticket"))
}

#[test]
fn a2_a_match_waits_until_everybody_has_accepted_and_shows_how_many_have() {
    run(async {
        let world = World::with(&types()).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let [(ann, first), (bob, second)] = pair(&world).await;
        let seen = ann.events().await.expect("events");
        let waits = proposed(&ann, &first).await;
        let shown = waits.acceptance.clone().expect("how it stands");
        assert_eq!((shown.players, shown.accepted), (2, 0));
        assert_eq!(
            shown.until.0,
            tests::world::START + model::Millis::seconds(30)
        );
        assert_eq!((waits.session, waits.match_id.is_some()), (None, true));
        assert!(
            seen.notices
                .iter()
                .any(|notice| notice.kind == NoticeKind::Ticket)
        );
        // Nobody waits for them, and it is not theirs to take back now.
        let queue = ann.queue(&"duel".parse().expect("a name")).await;
        assert_eq!(queue.expect("it").waiting, 0);
        refused(ann.cancel_ticket(first.party).await, 409, "conflict");
        let once_said = says(&ann, &first, &YES).await.expect("her word");
        assert_eq!(once_said.acceptance.expect("it").accepted, 1);
        // The same again is no second word; another one comes too late.
        let again = says(&ann, &first, &YES).await.expect("the same");
        assert_eq!(again.acceptance.expect("it").accepted, 1);
        refused(says(&ann, &first, &NO).await, 409, "conflict");
        let all = says(&bob, &second, &YES).await.expect("his word");
        assert_eq!(
            (all.state, all.acceptance.is_none()),
            (TicketState::Placing, true)
        );
        assert_eq!(all.match_id, waits.match_id, "the match that they accepted");
        let game = all.session.expect("a game");
        refused(says(&bob, &second, &YES).await, 409, "conflict");
        host.open(game).await;
        for (client, ticket) in [(&ann, &first), (&bob, &second)] {
            let found = once(client, ticket.id, TicketState::Found).await;
            assert_eq!(found.session, Some(game));
        }
        world.stop().await;
    });
}

#[test]
fn a2_a_refusal_ends_the_refusing_party_alone_and_at_once() {
    run(async {
        let world = World::with(&types()).await;
        let [(ann, first), (bob, second)] = pair(&world).await;
        proposed(&ann, &first).await;
        world.at(1_000);
        let ended = says(&ann, &first, &NO).await.expect("her word");
        assert_eq!(
            (ended.state, ended.reason),
            (TicketState::Canceled, Some(EndReason::NotAccepted))
        );
        // He had not answered yet, and had time: he searches again, with his age.
        let back = bob.ticket(second.id).await.expect("it");
        assert_eq!((back.state, back.match_id), (TicketState::Searching, None));
        assert_eq!(back.created_at, second.created_at);
        let cid = world.player("cid");
        let third = queue_alone(&cid, &ticket("duel")).await;
        let again = proposed(&bob, &second).await;
        assert_ne!(again.match_id, ended.match_id);
        says(&bob, &second, &YES).await.expect("his word");
        let made = says(&cid, &third, &YES).await.expect("his word");
        assert_eq!(made.state, TicketState::Placing);
        // She may queue again.
        ann.create_ticket(first.party, &ticket("duel"))
            .await
            .expect("free");
        world.stop().await;
    });
}

#[test]
fn a2_who_says_nothing_in_time_goes_and_who_accepted_keeps_his_age() {
    run(async {
        let world = World::with(&types()).await;
        let [(ann, first), (bob, second)] = pair(&world).await;
        proposed(&ann, &first).await;
        says(&ann, &first, &YES).await.expect("her word");
        world.at(29_999);
        world.run_timers().await;
        assert_eq!(proposed(&bob, &second).await.state, TicketState::Proposed);
        world.at(30_000);
        refused(says(&bob, &second, &YES).await, 409, "conflict");
        world.run_timers().await;
        let ended = once(&bob, second.id, TicketState::Canceled).await;
        assert_eq!(ended.reason, Some(EndReason::NotAccepted));
        let back = once(&ann, first.id, TicketState::Searching).await;
        assert_eq!(back.created_at, first.created_at);
        world.stop().await;
    });
}

#[test]
fn a2_each_answers_for_himself_but_servers_for_anybody() {
    run(async {
        let world = World::with(&types()).await;
        let (ann, first) = party(&world, "ann", "bob").await;
        refused(says(&ann, &first, &YES).await, 409, "conflict");
        let (cid, second) = party(&world, "cid", "dan").await;
        proposed(&ann, &first).await;
        let of_bob = AnswerMatch {
            player: Some(player("bob")),
            ..YES
        };
        refused(says(&ann, &first, &of_bob).await, 403, "forbidden");
        refused(says(&cid, &first, &YES).await, 404, "not-found");
        let backend = world.backend();
        refused(says(&backend, &second, &of_bob).await, 422, "invalid");
        says(&backend, &first, &of_bob).await.expect("his server's");
        says(&backend, &second, &YES).await.expect("for both");
        let waits = ann.ticket(first.id).await.expect("it").acceptance;
        assert_eq!(waits.expect("it").accepted, 3);
        let made = says(&ann, &first, &YES).await.expect("the last");
        assert_eq!(made.state, TicketState::Placing);
        world.stop().await;
    });
}

#[test]
fn a2_a_party_that_changes_meanwhile_voids_the_match_for_nobody_else() {
    run(async {
        let world = World::with(&types()).await;
        let (ann, first) = party(&world, "ann", "bob").await;
        let (cid, second) = party(&world, "cid", "dan").await;
        proposed(&ann, &first).await;
        says(&cid, &second, &YES).await.expect("his word");
        let bob = world.player("bob");
        bob.leave(first.party, Who::Me).await.expect("a way out");
        let ended = ann.ticket(first.id).await.expect("it");
        assert_eq!(
            (ended.state, ended.reason),
            (TicketState::Canceled, Some(EndReason::PartyChanged))
        );
        let back = once(&cid, second.id, TicketState::Searching).await;
        assert_eq!(back.created_at, second.created_at);
        world.stop().await;
    });
}

#[test]
fn a2_a_proposed_match_outlives_a_restart_sqlite() {
    run(restarts(Kind::Sqlite));
}

#[test]
fn a2_a_proposed_match_outlives_a_restart_postgres() {
    run(restarts(Kind::Postgres));
}

async fn restarts(kind: Kind) {
    let world = World::on(kind, "acceptance", &types(), Settings::default()).await;
    let Some(world) = world else { return };
    let [(ann, first), (_, second)] = pair(&world).await;
    proposed(&ann, &first).await;
    says(&ann, &first, &YES).await.expect("her word");
    let world = world.restart().await;
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let shown = bob.ticket(second.id).await.expect("it").acceptance;
    assert_eq!(
        shown.expect("how it stands").accepted,
        1,
        "her word is kept"
    );
    let mut host = Host::start(&world.server, "arena", "eu-west").await;
    let made = says(&bob, &second, &YES).await.expect("his word");
    host.open(made.session.expect("a game")).await;
    once(&ann, first.id, TicketState::Found).await;
    drop(host);
    // Another pair lets the time pass while nobody is there to notice.
    let [cid, dan] = ["cid", "dan"].map(|name| world.player(name));
    let third = queue_alone(&cid, &ticket("duel")).await;
    let fourth = queue_alone(&dan, &ticket("duel")).await;
    proposed(&cid, &third).await;
    says(&cid, &third, &YES).await.expect("his word");
    world.at(60_000);
    let world = world.restart().await;
    let (cid, dan) = (world.player("cid"), world.player("dan"));
    once(&cid, third.id, TicketState::Searching).await;
    let ended = once(&dan, fourth.id, TicketState::Canceled).await;
    assert_eq!(ended.reason, Some(EndReason::NotAccepted));
    // What is left of it is a ticket as any other.
    let eve = world.player("eve");
    let fifth = queue_alone(&eve, &ticket("duel")).await;
    proposed(&cid, &third).await;
    says(&cid, &third, &YES).await.expect("his word");
    let made = says(&eve, &fifth, &YES).await.expect("her word");
    assert_eq!(made.state, TicketState::Placing);
    world.stop().await;
}
