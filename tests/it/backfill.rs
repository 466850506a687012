//! Backfill over HTTP: a game that is played asks its queue for players, and gets them (R71, F11-F13).

use model::instance::InstanceStatus;
use model::ticket::{EndReason, TicketState};
use model::wire::{
    Assignment, BackfilledPlayer, InviteSource, MemberState, SetBackfill, Ticket,
    TicketExplanation, UpdateSession, WantedPlayers,
};
use model::{SessionId, Timestamp};
use sdk::{Client, Condition, Who};
use serde_json::json;
use server::core::Settings;
use tests::queue::{holds, once, queue_alone, session_of, ticket, ticket_of};
use tests::world::{START, World, create, create_with, join, refusal, refused, seat};
use tests::{Host, Kind, SESSION_TYPES, eventually, player, run};

use crate::on_both_databases;

on_both_databases! {
    f13_a_leaver_of_a_2v2_is_replaced,
    a_restart_goes_on_with_what_was_asked,
}

const PAIRS: &str = r#"
---
apiVersion: v1
kind: SessionType
name: Pairs
size: { teams: 2, players_per_team: 2 }
joinability: private
timeouts: { inactive_removal: 0 }
instance: { fleet: arena, startup_params: { map: Arena } }
backfill: { ack_timeout: 30s }
---
apiVersion: v1
kind: Queue
name: pairs
session_type: Pairs
regions: { allow: [eu-west] }
teams: { count: 2, size: 2 }
party: { max_players: 2 }
attributes:
  skill: { type: number, source: server, default: 1500 }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
backfill: { priority: PRIORITY, max_players_per_refill: 2 }
"#;

fn types(priority: &str) -> String {
    format!("{SESSION_TYPES}{}", PAIRS.replace("PRIORITY", priority))
}

/// A game of ann, bob, cid and dan that is played.
struct Game {
    world: World,
    host: Host,
    id: SessionId,
    assignment: Assignment,
}

impl Game {
    async fn new(priority: &str) -> Game {
        let game = Self::on(Kind::Sqlite, "", priority).await;
        game.expect("SQLite is always there")
    }

    async fn on(kind: Kind, test: &str, priority: &str) -> Option<Game> {
        let world = World::on(kind, test, &types(priority), Settings::default()).await?;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let mut tickets = Vec::new();
        for name in ["ann", "bob", "cid", "dan"] {
            tickets.push(queue_alone(&world.player(name), &ticket("pairs")).await);
        }
        let id = session_of(&world.admin(), tickets[0].id).await;
        let assignment = host.open(id).await;
        for name in ["ann", "bob", "cid", "dan"] {
            join(&world.player(name), id).await.expect("his seat");
        }
        Some(Game {
            world,
            host,
            id,
            assignment,
        })
    }

    /// Somebody leaves; the team that lacks one.
    async fn leaves(&self, name: &str) -> u8 {
        let client = self.world.player(name);
        let session = client.session(self.id).await.expect("it");
        let mut members = session.members.into_iter();
        let own = members.find(|member| member.player == player(name));
        client.leave(self.id, Who::Me).await.expect("he may");
        own.and_then(|member| member.team).expect("a team")
    }

    async fn asks(&self, team: u8, players_required: u16) -> model::wire::Backfill {
        let body = want(team, players_required);
        let asked = self.host.client.set_backfill(self.id, &body).await;
        asked.expect("the host's right")
    }

    /// Whether it has a seat for somebody.
    async fn holds(&self, name: &str) -> bool {
        let session = self.world.admin().session(self.id).await.expect("it");
        holds(&session, &player(name))
    }

    async fn stop(self) {
        self.world.stop().await;
    }
}

fn want(team: u8, players_required: u16) -> SetBackfill {
    SetBackfill {
        teams: vec![WantedPlayers {
            team,
            players_required,
        }],
        created_before: None,
    }
}

/// What is said of a ticket once the matcher has heard of a session that asks.
async fn told_of_sessions(client: &Client, made: &Ticket) -> TicketExplanation {
    eventually("a session that asks", async || {
        let said = client.explain_ticket(made.id).await.expect("its right");
        let sessions = said.search.as_ref()?.sessions.as_ref();
        sessions.is_some().then_some(said)
    })
    .await
}

async fn joined_by_backfill(admin: &Client, made: &Ticket, game: SessionId) {
    let found = once(admin, made.id, TicketState::Found).await;
    assert_eq!(found.reason, Some(EndReason::Backfilled));
    assert_eq!(found.session, Some(game));
}

async fn f13_a_leaver_of_a_2v2_is_replaced(kind: Kind) {
    let Some(game) = Game::on(kind, "backfill", "high").await else {
        return;
    };
    let (world, admin) = (&game.world, game.world.admin());
    let team = game.leaves("bob").await;
    let asked = game.asks(team, 1).await;
    assert_eq!(asked.queue.as_str(), "pairs");
    assert_eq!(asked.teams.len(), 2, "every team is named");
    assert_eq!(asked.expires_at.0, START + model::Millis::seconds(30));
    let eve = world.player("eve");
    let made = queue_alone(&eve, &ticket("pairs")).await;
    joined_by_backfill(&admin, &made, game.id).await;
    let session = eve.session(game.id).await.expect("hers");
    let mut members = session.members.iter();
    let seat = members.find(|member| member.player == player("eve"));
    let seat = seat.expect("a seat");
    assert_eq!((seat.state, seat.team), (MemberState::Reserved, Some(team)));
    assert_eq!(seat.invite_source, Some(InviteSource::Backfill));
    let first = session.members.first().expect("ann");
    assert_eq!(first.invite_source, Some(InviteSource::Matchmaking));
    // Her party has learned of it, so it may queue again.
    let party = eve.session(made.party).await.expect("hers");
    let noted = party.ticket.expect("a ticket");
    assert_eq!(noted.reason, Some(EndReason::Backfilled));
    // The host hears of her once.
    let heard = game
        .host
        .client
        .acknowledge_backfill(game.id)
        .await
        .expect("its right");
    let expected = BackfilledPlayer {
        player: player("eve"),
        team,
    };
    assert_eq!(heard.backfilled_players, [expected]);
    assert!(heard.teams.iter().all(|team| team.players_required == 0));
    let again = game
        .host
        .client
        .acknowledge_backfill(game.id)
        .await
        .expect("its right");
    assert_eq!(again.backfilled_players, []);
    join(&eve, game.id).await.expect("her seat");
    // Full as it is, nobody else joins until the host asks again.
    let fay = queue_alone(&world.player("fay"), &ticket("pairs")).await;
    let other = game.leaves("cid").await;
    game.asks(other, 1).await;
    joined_by_backfill(&admin, &fay, game.id).await;
    let metrics = admin.metrics().await.expect("metrics");
    let counted = "muster_refills_total{queue=\"pairs\"}";
    assert!(metrics.contains(counted), "{metrics}");
    admin.delete_session(game.id).await.expect("it ends");
    let gone = game.host.client.acknowledge_backfill(game.id).await;
    refused(gone, 404, "not-found");
    game.stop().await;
}

async fn a_restart_goes_on_with_what_was_asked(kind: Kind) {
    let Some(game) = Game::on(kind, "backfill_restart", "high").await else {
        return;
    };
    let team = game.leaves("bob").await;
    game.asks(team, 1).await;
    let Game {
        world, host, id, ..
    } = game;
    drop(host);
    let world = world.restart().await;
    let admin = world.admin();
    // Too far from those who play: what they were matched with is still known.
    let said = json!({ "attributes": { "skill": 1900 } });
    let far = create(&world.player("far"), "Party").await.id;
    let body = ticket_of("pairs", "far", said);
    let far = world
        .backend()
        .create_ticket(far, &body)
        .await
        .expect("a ticket");
    let eve = queue_alone(&world.player("eve"), &ticket("pairs")).await;
    joined_by_backfill(&admin, &eve, id).await;
    let waits = admin.ticket(far.id).await.expect("it");
    assert_eq!(waits.state, TicketState::Searching);
    let heard = world
        .backend()
        .acknowledge_backfill(id)
        .await
        .expect("it goes on");
    assert_eq!(heard.backfilled_players.len(), 1);
    world.stop().await;
}

#[test]
fn f13_a_host_that_is_silent_asks_no_longer() {
    run(async {
        let game = Game::new("high").await;
        let team = game.leaves("bob").await;
        game.asks(team, 1).await;
        game.world.at(29_999);
        game.host
            .client
            .acknowledge_backfill(game.id)
            .await
            .expect("in time");
        game.world.at(59_998);
        game.world.run_timers().await;
        let read = game.host.client.backfill(game.id).await;
        assert!(read.is_ok(), "{read:?}");
        game.world.at(59_999);
        // Nobody looks at the session: the timers do.
        game.world.run_timers().await;
        let eve = queue_alone(&game.world.player("eve"), &ticket("pairs")).await;
        refused(game.host.client.backfill(game.id).await, 404, "not-found");
        refused(
            game.host.client.acknowledge_backfill(game.id).await,
            404,
            "not-found",
        );
        let waits = game.world.admin().ticket(eve.id).await.expect("it");
        assert_eq!(waits.state, TicketState::Searching);
        // It may ask anew, and she is still there.
        game.asks(team, 1).await;
        joined_by_backfill(&game.world.admin(), &eve, game.id).await;
        game.stop().await;
    });
}

#[test]
fn f13_who_may_ask_and_what_for() {
    run(async {
        let game = Game::new("normal").await;
        let (world, id) = (&game.world, game.id);
        let host = &game.host.client;
        refused(host.backfill(id).await, 404, "not-found");
        refused(host.remove_backfill(id).await, 404, "not-found");
        refused(host.set_backfill(id, &want(0, 1)).await, 409, "team-full");
        refused(host.set_backfill(id, &want(2, 1)).await, 422, "invalid");
        let mut twice = want(0, 0);
        twice.teams.extend(want(0, 0).teams);
        refused(host.set_backfill(id, &twice).await, 422, "invalid");
        let ann = world.player("ann");
        refused(ann.set_backfill(id, &want(0, 0)).await, 403, "forbidden");
        refused(ann.backfill(id).await, 403, "forbidden");
        let other = Host::start(&world.server, "arena", "eu-west").await;
        refused(
            other.client.set_backfill(id, &want(0, 0)).await,
            404,
            "not-found",
        );
        let room = create(&ann, "Room").await.id;
        let backend = world.backend();
        refused(
            backend.set_backfill(room, &want(0, 1)).await,
            422,
            "invalid",
        );
        let by_hand = create_with(&backend, "Pairs", &["x"]).await.id;
        refused(
            backend.set_backfill(by_hand, &want(0, 1)).await,
            409,
            "not-matched",
        );
        // Two who ask change one and the same.
        let team = game.leaves("ann").await;
        game.asks(team, 1).await;
        let both = backend
            .set_backfill(id, &want(team, 0))
            .await
            .expect("its right");
        assert!(both.teams.iter().all(|team| team.players_required == 0));
        assert_eq!(host.backfill(id).await.expect("it"), both);
        let closed = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        backend
            .update_session(id, &closed, Condition::Always)
            .await
            .expect("closed");
        refused(host.backfill(id).await, 404, "not-found");
        refused(
            host.set_backfill(id, &want(team, 1)).await,
            403,
            "session-closed",
        );
        let open = UpdateSession {
            closed: Some(false),
            ..UpdateSession::default()
        };
        backend
            .update_session(id, &open, Condition::Always)
            .await
            .expect("open");
        let allocation = game.assignment.allocation_id;
        let said = game
            .host
            .says(id, allocation, InstanceStatus::Unjoinable)
            .await;
        said.expect("its word");
        refused(
            host.set_backfill(id, &want(team, 1)).await,
            409,
            "not-joinable",
        );
        game.stop().await;
    });
}

/// Sessions with more seats than the queue fills.
const DUELS: &str = r#"
---
apiVersion: v1
kind: SessionType
name: Hall
size: { teams: 2, players_per_team: 4 }
joinability: private
instance: { fleet: arena, startup_params: { map: Arena } }
backfill: { ack_timeout: 30s }
---
apiVersion: v1
kind: Queue
name: duels
session_type: Hall
regions: { allow: [eu-west] }
teams:
  - { name: red, min_players: 1, max_players: 1 }
  - { name: blue, min_players: 1, max_players: 2 }
"#;

#[test]
fn f13_more_players_than_the_queue_gives_a_team_are_refused_by_its_name() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{DUELS}")).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let mut tickets = Vec::new();
        for name in ["ann", "bob"] {
            tickets.push(queue_alone(&world.player(name), &ticket("duels")).await);
        }
        let id = session_of(&world.admin(), tickets[0].id).await;
        host.open(id).await;
        for name in ["ann", "bob"] {
            join(&world.player(name), id).await.expect("his seat");
        }
        let asked = |team, n| {
            let (client, body) = (host.client.clone(), want(team, n));
            async move { client.set_backfill(id, &body).await }
        };
        let (status, detail) = refusal(asked(0, 3).await);
        assert_eq!(status, 422);
        let said = "3 players are asked for on team red, of which queue duels has 1 at most";
        assert!(detail.contains(said), "{detail}");
        let (status, detail) = refusal(asked(0, 1).await);
        let said = "team red has 0 seats to give; asked for: 1";
        assert_eq!((status, detail.as_str()), (409, said));
        // The session has no such seats either.
        let (status, detail) = refusal(asked(1, 4).await);
        let said = "team blue has 3 seats to give; asked for: 4";
        assert_eq!((status, detail.as_str()), (409, said));
        refused(asked(1, 2).await, 409, "team-full");
        asked(1, 1).await.expect("a seat of blue is free");
        world.stop().await;
    });
}

#[test]
fn a_seat_that_was_taken_meanwhile_is_not_given_twice() {
    run(async {
        let game = Game::new("high").await;
        let (world, admin) = (&game.world, game.world.admin());
        let team = game.leaves("bob").await;
        game.asks(team, 1).await;
        // A hundred contend for one seat: some by the queue, and a server that reserves.
        let mut queued = Vec::new();
        let backend = world.backend();
        for n in 0..6 {
            let client = world.player(&format!("q{n}"));
            queued.push(queue_alone(&client, &ticket("pairs")).await);
            if n == 0 {
                let body = model::wire::Reserve {
                    players: vec![seat("vip")],
                    ..Default::default()
                };
                let _ = backend.reserve(game.id, &body).await;
            }
        }
        let taken = |session: &model::wire::Session| {
            let on_team = session.members.iter().filter(|m| m.team == Some(team));
            on_team.count()
        };
        eventually("the seat to be taken", async || {
            let session = admin.session(game.id).await.expect("it");
            (taken(&session) == 2).then_some(())
        })
        .await;
        let session = admin.session(game.id).await.expect("it");
        assert_eq!(session.members.len(), 4, "no more than there are seats");
        // Whoever did not get it plays elsewhere or still waits.
        for ticket in &queued {
            let now = admin.ticket(ticket.id).await.expect("it");
            let in_it = now.session == Some(game.id);
            let name = &now.players[0];
            assert_eq!(in_it, holds(&session, name), "{now:?}");
        }
        game.stop().await;
    });
}

#[test]
fn a_player_who_left_the_game_does_not_come_back_to_it_twice() {
    run(async {
        let game = Game::new("high").await;
        let (world, admin) = (&game.world, game.world.admin());
        let team = game.leaves("bob").await;
        // Ann still plays and queues with another party: she cannot take a second seat.
        let again = queue_alone(&world.player("ann"), &ticket("pairs")).await;
        game.asks(team, 1).await;
        let bob = queue_alone(&world.player("bob"), &ticket("pairs")).await;
        joined_by_backfill(&admin, &bob, game.id).await;
        let waits = admin.ticket(again.id).await.expect("it");
        assert_eq!(waits.state, TicketState::Searching);
        game.stop().await;
    });
}

#[test]
fn a_player_who_comes_back_by_backfill_takes_one_seat() {
    run(async {
        let game = Game::new("high").await;
        let (world, admin) = (&game.world, game.world.admin());
        let team = game.leaves("bob").await;
        game.asks(team, 1).await;
        let bob = world.player("bob");
        let back = queue_alone(&bob, &ticket("pairs")).await;
        joined_by_backfill(&admin, &back, game.id).await;
        join(&bob, game.id).await.expect("his seat");
        // His team's other seat is free for somebody else.
        let session = admin.session(game.id).await.expect("it");
        let mut mates = session.members.iter();
        let mate = mates.find(|one| one.team == Some(team) && one.player != player("bob"));
        assert_eq!(game.leaves(mate.expect("two").player.as_str()).await, team);
        game.asks(team, 1).await;
        let eve = queue_alone(&world.player("eve"), &ticket("pairs")).await;
        joined_by_backfill(&admin, &eve, game.id).await;
        game.stop().await;
    });
}

#[test]
fn f11_created_before_lets_only_those_in_who_waited_then() {
    run(async {
        let game = Game::new("high").await;
        let (world, admin) = (&game.world, game.world.admin());
        let team = game.leaves("bob").await;
        world.at(5_000);
        let body = SetBackfill {
            created_before: Some((START + model::Millis(5_000)).into()),
            ..want(team, 1)
        };
        let asked = game
            .host
            .client
            .set_backfill(game.id, &body)
            .await
            .expect("its right");
        assert_eq!(asked.created_before, body.created_before);
        let late = queue_alone(&world.player("late"), &ticket("pairs")).await;
        assert!(late.created_at.0 >= Timestamp(START.0 + 5_000));
        let queue = admin.queue(&"pairs".parse().expect("a name")).await;
        assert_eq!(queue.expect("it").waiting, 1);
        assert!(!game.holds("late").await);
        let said = admin.explain_ticket(late.id).await.expect("his right");
        let sessions = said.search.and_then(|search| search.sessions);
        let kept = sessions.expect("one asks").kept_from;
        assert_eq!(
            json!(kept),
            json!([{ "rule": "created_before", "sessions": 1 }])
        );
        game.asks(team, 1).await;
        joined_by_backfill(&admin, &late, game.id).await;
        game.stop().await;
    });
}

#[test]
fn a_ticket_is_told_what_keeps_it_from_a_session_that_asks() {
    run(async {
        let game = Game::new("high").await;
        let world = &game.world;
        let team = game.leaves("bob").await;
        let eve = world.player("eve");
        let party = create(&eve, "Party").await.id;
        let said = json!({ "attributes": { "skill": 1_601 } });
        let body = ticket_of("pairs", "eve", said);
        let made = world.backend().create_ticket(party, &body).await;
        let made = made.expect("a ticket");
        let before = eve.explain_ticket(made.id).await.expect("hers");
        assert_eq!(before.search.expect("it searches").sessions, None);
        game.asks(team, 1).await;
        let said = told_of_sessions(&eve, &made).await;
        assert_eq!(
            said.summary[3..5],
            [
                "1 session that is played asks for players; you are kept from 1 by rule skill-gap.",
                "With you in it the nearest of them would span skill 101, where skill-gap allows you 100; no widening brings you there.",
            ]
        );
        let sessions = said.search.expect("it searches").sessions;
        let expected = json!({
            "asking": 1, "is_sample": false, "open": 0,
            "kept_from": [{ "rule": "skill-gap", "sessions": 1 }],
            "nearest_miss": { "rule": "skill-gap", "attribute": "skill", "gap": 101.0, "limit": 100.0 },
        });
        assert_eq!(json!(sessions), expected);
        game.stop().await;
    });
}

#[test]
fn priority_decides_between_the_game_and_a_new_match() {
    for (priority, joins) in [("high", true), ("low", false)] {
        run(async {
            let game = Game::new(priority).await;
            let (world, admin) = (&game.world, game.world.admin());
            // Three who are too far from those who play, and one who is not.
            let backend = world.backend();
            let queue = async |name: &str, skill: f64| {
                let party = create(&world.player(name), "Party").await.id;
                let said = json!({ "attributes": { "skill": skill } });
                let body = ticket_of("pairs", name, said);
                backend.create_ticket(party, &body).await.expect("a ticket")
            };
            let team = game.leaves("bob").await;
            game.asks(team, 1).await;
            for name in ["eve", "fay", "gus"] {
                queue(name, 1650.0).await;
            }
            let hal = queue("hal", 1590.0).await;
            let moved = eventually("hal to be matched", async || {
                let now = admin.ticket(hal.id).await.expect("it");
                (now.state != TicketState::Searching).then_some(now)
            })
            .await;
            assert_eq!(moved.session == Some(game.id), joins, "{priority}");
            game.stop().await;
        });
    }
}
