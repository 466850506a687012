//! What deserters pay, over HTTP: who leaves a running match or does not accept one, what follows, who may change it.

use model::SessionId;
use model::ticket::TicketState;
use model::wire::{AnswerMatch, SetPenalty};
use sdk::{Client, Error, Who};
use serde_json::json;
use server::core::Settings;
use tests::queue::{once, queue_alone, session_of, ticket};
use tests::world::{START, World, create, flags, join, refused};
use tests::{Host, Kind, SESSION_TYPES, player, run};

const MINUTE: u64 = 60_000;

/// Duels, and duels that ask first; both name the same penalty. `tdm` has none.
fn types() -> String {
    let pays = "penalties: { id: Ranked, steps: [5m, 15m], forget_after: 2h }\n";
    let asks = format!(
        "---\napiVersion: v1\nkind: Queue\nname: asks\nsession_type: Game\n\
         regions: {{ allow: [eu-west] }}\nteams: {{ count: 2, size: 1 }}\n\
         acceptance: {{ required: true, timeout: 30s }}\n{pays}"
    );
    let duel = format!("name: duel\n{pays}");
    let game = "timeouts: { inactive_removal: 0 }";
    let types = SESSION_TYPES.replace("name: duel\n", &duel);
    let types = types.replace(game, "timeouts: { inactive_removal: 10s }");
    types + &asks
}

/// Two in a running duel.
async fn game(world: &World, host: &mut Host, names: [&str; 2]) -> ([Client; 2], SessionId) {
    let clients = names.map(|name| world.player(name));
    let first = queue_alone(&clients[0], &ticket("duel")).await;
    queue_alone(&clients[1], &ticket("duel")).await;
    let game = session_of(&clients[0], first.id).await;
    host.open(game).await;
    once(&clients[0], first.id, TicketState::Found).await;
    for client in &clients {
        join(client, game).await.expect("a seat");
    }
    (clients, game)
}

async fn paid(world: &World, name: &str) -> Option<(u32, u64, bool)> {
    let (admin, ranked) = (world.admin(), "ranked".parse().expect("a name"));
    match admin.penalty(&player(name), &ranked).await {
        Ok(found) => {
            let minutes = found.expiration.0.since(START).0 / MINUTE;
            Some((found.count, minutes, found.active))
        }
        Err(Error::Problem { status: 404, .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Who a refusal names, and for how many minutes since the start.
fn barred<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, u64) {
    let Err(Error::Problem {
        status, problem, ..
    }) = result
    else {
        panic!("must be refused: {result:?}");
    };
    assert_eq!(
        (status, problem.r#type.as_str()),
        (403, "urn:muster:problem:penalized")
    );
    assert_eq!(problem.extensions["penalty"], "Ranked");
    let until: model::wire::Rfc3339 =
        serde_json::from_value(problem.extensions["until"].clone()).expect("a time");
    let who = problem.extensions["player"].as_str().expect("a player");
    (who.to_owned(), until.0.since(START).0 / MINUTE)
}

#[test]
fn f14_who_leaves_a_running_match_may_not_queue_for_a_while() {
    run(async {
        let world = World::with(&types()).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let ([ann, bob], first) = game(&world, &mut host, ["ann", "bob"]).await;
        ann.leave(first, Who::Me).await.expect("a way out");
        assert_eq!(paid(&world, "ann").await, Some((1, 5, true)));
        // Every queue of that penalty refuses her, with whomever she comes; others do not.
        let party = create(&ann, "Party").await.id;
        let cid = world.player("cid");
        join(&cid, party).await.expect("a seat");
        for queue in ["duel", "asks"] {
            let refused = ann.create_ticket(party, &ticket(queue)).await;
            assert_eq!(barred(refused), ("ann".to_owned(), 5));
        }
        ann.create_ticket(party, &ticket("tdm"))
            .await
            .expect("no penalty there");
        ann.cancel_ticket(party).await.expect("taken back");
        // He stays to the end, so he pays nothing.
        world.admin().delete_session(first).await.expect("the end");
        assert_eq!(paid(&world, "bob").await, None);
        world.at(5 * MINUTE);
        queue_alone(&bob, &ticket("duel")).await;
        assert_eq!(paid(&world, "ann").await, Some((1, 5, false)));
        cid.leave(party, Who::Me).await.expect("a way out");
        let again = ann
            .create_ticket(party, &ticket("duel"))
            .await
            .expect("over");
        let second = session_of(&ann, again.id).await;
        host.open(second).await;
        join(&ann, second).await.expect("a seat");
        ann.leave(second, Who::Me).await.expect("a way out");
        assert_eq!(
            paid(&world, "ann").await,
            Some((2, 20, true)),
            "the next step"
        );
        // Two hours later nothing is left of it.
        world.at(125 * MINUTE - 1);
        world.run_timers().await;
        assert_eq!(paid(&world, "ann").await, Some((2, 20, false)));
        world.at(125 * MINUTE);
        assert_eq!(paid(&world, "ann").await, None, "though its row is there");
        let ranked = "ranked".parse().expect("a name");
        let forgiven = world.backend().forgive(&player("ann"), &ranked).await;
        refused(forgiven, 404, "not-found");
        world.run_timers().await;
        assert_eq!(paid(&world, "ann").await, None);
        world.stop().await;
    });
}

#[test]
fn f14_who_is_removed_or_comes_back_in_time_pays_nothing_and_who_is_lost_does() {
    run(async {
        let world = World::with(&types()).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let ([ann, bob], first) = game(&world, &mut host, ["ann", "bob"]).await;
        let gone = flags(Some(false), Some(false));
        let back = flags(None, Some(true));
        ann.update_member(first, Who::Me, &gone)
            .await
            .expect("inactive");
        world.at(9_000);
        ann.update_member(first, Who::Me, &back)
            .await
            .expect("back");
        world.at(30_000);
        world.admin().session(first).await.expect("it");
        assert_eq!(paid(&world, "ann").await, None, "back in time");
        bob.update_member(first, Who::Me, &gone)
            .await
            .expect("inactive");
        world.at(41_000);
        let read = world.admin().session(first).await.expect("it");
        assert_eq!(read.members.len(), 1, "his seat is free");
        assert_eq!(paid(&world, "bob").await.map(|(count, ..)| count), Some(1));
        let removed = world
            .backend()
            .leave(first, Who::Player(&player("ann")))
            .await;
        removed.expect("a server's right");
        assert_eq!(paid(&world, "ann").await, None, "a server has removed her");
        world.stop().await;
    });
}

#[test]
fn f14_who_does_not_accept_pays_and_who_did_does_not() {
    run(async {
        let world = World::with(&types()).await;
        let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|name| world.player(name));
        let mut made = Vec::new();
        for client in [&ann, &bob, &cid, &dan] {
            made.push(queue_alone(client, &ticket("asks")).await);
        }
        for (client, ticket) in [&ann, &bob, &cid, &dan].iter().zip(&made) {
            once(client, ticket.id, TicketState::Proposed).await;
        }
        let says = |accepted| AnswerMatch {
            accepted,
            player: None,
        };
        let first = ann.ticket(made[0].id).await.expect("it");
        let mate = [&bob, &cid, &dan].into_iter().zip(&made[1..]);
        let mut others = Vec::new();
        for (client, ticket) in mate {
            let ticket = client.ticket(ticket.id).await.expect("it");
            others.push((client, ticket));
        }
        // With whom she was to play has not said a word yet when she refuses.
        ann.answer_match(first.id, &says(false))
            .await
            .expect("her word");
        assert_eq!(paid(&world, "ann").await, Some((1, 5, true)));
        let with_her = others
            .iter()
            .position(|(_, t)| t.match_id == first.match_id);
        let (mate, ticket) = others.remove(with_her.expect("one"));
        let back = mate.ticket(ticket.id).await.expect("it");
        assert_eq!(back.state, TicketState::Searching);
        let (silent, silents) = others.remove(1);
        let (accepts, his) = others.remove(0);
        accepts
            .answer_match(his.id, &says(true))
            .await
            .expect("his word");
        world.at(30_000);
        world.run_timers().await;
        once(silent, silents.id, TicketState::Canceled).await;
        let mut paying = Vec::new();
        for name in ["ann", "bob", "cid", "dan"] {
            paying.extend(paid(&world, name).await.map(|_| player(name)));
        }
        assert_eq!(paying, [player("ann"), silents.players[0].clone()]);
        assert_eq!(
            barred(silent.create_ticket(silents.party, &asking()).await).1,
            5
        );
        world.stop().await;
    });
}

fn asking() -> model::wire::CreateTicket {
    ticket("asks")
}

#[test]
fn f14_servers_read_set_and_forgive_penalties_over_a_restart_sqlite() {
    run(by_servers(Kind::Sqlite));
}

#[test]
fn f14_servers_read_set_and_forgive_penalties_over_a_restart_postgres() {
    run(by_servers(Kind::Postgres));
}

async fn by_servers(kind: Kind) {
    let world = World::on(kind, "penalties", &types(), Settings::default()).await;
    let Some(world) = world else { return };
    let (backend, ann, bob) = (world.backend(), world.player("ann"), world.player("bob"));
    let ranked = "RANKED".parse().expect("a name");
    let whose = player("ann");
    refused(backend.penalty(&whose, &ranked).await, 404, "not-found");
    let until = |minutes: u64| (START + model::Millis(minutes * MINUTE)).into();
    let body = |minutes| SetPenalty {
        expiration: until(minutes),
        reset: Some(until(2 * minutes)),
        count: 1,
        custom_data: [("by".to_owned(), "moderator".to_owned())].into(),
    };
    let set = backend
        .set_penalty(&whose, &ranked, &body(30))
        .await
        .expect("it");
    assert_eq!(
        (set.name.as_str(), set.count, set.active),
        ("Ranked", 1, true)
    );
    assert_eq!(ann.penalty(&whose, &ranked).await.expect("her own"), set);
    refused(bob.penalty(&whose, &ranked).await, 403, "forbidden");
    refused(
        ann.set_penalty(&whose, &ranked, &body(1)).await,
        403,
        "forbidden",
    );
    refused(ann.forgive(&whose, &ranked).await, 403, "forbidden");
    let unknown = "nothing".parse().expect("a name");
    refused(
        backend.set_penalty(&whose, &unknown, &body(1)).await,
        404,
        "not-found",
    );
    refused(backend.forgive(&whose, &unknown).await, 404, "not-found");
    let long = "n".repeat(100).parse().expect("a name");
    refused(backend.penalty(&whose, &long).await, 404, "not-found");
    for minutes in [0, 11 * 365 * 24 * 60] {
        let result = backend.set_penalty(&whose, &ranked, &body(minutes)).await;
        refused(result, 422, "invalid");
    }
    let mut large = body(1);
    large
        .custom_data
        .insert("more".to_owned(), "x".repeat(1_024));
    refused(
        backend.set_penalty(&whose, &ranked, &large).await,
        422,
        "invalid",
    );
    let world = world.restart().await;
    let (backend, ann) = (world.backend(), world.player("ann"));
    let party = create(&ann, "Party").await.id;
    assert_eq!(
        barred(ann.create_ticket(party, &ticket("duel")).await).1,
        30
    );
    // A server is told the same: only who sets penalties may forgive them.
    assert_eq!(
        barred(backend.create_ticket(party, &ticket("duel")).await).1,
        30
    );
    let less = backend
        .set_penalty(&whose, &ranked, &body(20))
        .await
        .expect("it");
    assert_eq!(json!(less.custom_data), json!({ "by": "moderator" }));
    backend.forgive(&whose, &ranked).await.expect("forgiven");
    refused(backend.penalty(&whose, &ranked).await, 404, "not-found");
    ann.create_ticket(party, &ticket("duel"))
        .await
        .expect("free");
    world.stop().await;
}
