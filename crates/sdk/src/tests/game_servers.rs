//! The driver of the game-server protocol: what it tells the game, and what it keeps from it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::GameServerId;
use model::wire::{Assignment, Assignments};
use serde_json::json;

use super::harness::{Answer, Asked, Server, json, with_headers};
use crate::game_server::{Change, GameServer, Quit, Settings};

fn me() -> GameServerId {
    uuid::Uuid::from_u128(99).into()
}

fn game(number: u128) -> Assignment {
    let id = uuid::Uuid::from_u128(number);
    serde_json::from_value(json!({
        "allocation_id": id, "acknowledged": false, "session": id, "session_type": "Game", "instance": id,
        "startup_params": { "map": "Arena" }, "members": [],
    }))
    .expect("is an assignment")
}

fn page(version: i64, games: &[Assignment]) -> Assignments {
    Assignments {
        version,
        game_server: me(),
        quit: false,
        assignments: games.to_vec(),
        token: None,
    }
}

/// A server that answers each poll with the next page, then lets polls wait; reports succeed.
async fn server(pages: Vec<Assignments>) -> Server {
    let pages = Mutex::new(pages.into_iter());
    Server::start(move |_, asked| {
        if !is_poll(asked) {
            return with_headers(204, &[], "");
        }
        match pages.lock().expect("is whole").next() {
            Some(page) => json(200, serde_json::to_value(page).expect("is JSON")),
            None => Answer::Hang,
        }
    })
    .await
}

fn is_poll(asked: &Asked) -> bool {
    asked.path.starts_with("/v1/game-servers/me/assignments")
}

fn start(server: &Server) -> GameServer {
    GameServer::start(server.client(), me(), Settings::default())
}

async fn next(game_server: &mut GameServer) -> Change {
    tokio::time::timeout(Duration::from_secs(20), game_server.next_change())
        .await
        .expect("something changes")
}

#[tokio::test]
async fn an_assignment_comes_changes_and_is_over_when_it_is_no_longer_listed() {
    let one = game(1);
    let acknowledged = Assignment {
        acknowledged: true,
        ..one.clone()
    };
    let mut joined = acknowledged.clone();
    joined.members = serde_json::from_value(json!([{ "player": "ann", "state": "active" }]))
        .expect("are members");
    let server = server(vec![
        page(1, &[]),
        page(2, std::slice::from_ref(&one)),
        page(3, std::slice::from_ref(&acknowledged)),
        page(4, std::slice::from_ref(&joined)),
        page(5, &[game(2), game(3)]),
    ])
    .await;
    let mut this = start(&server);
    assert_eq!(next(&mut this).await, Change::Assigned(one));
    assert_eq!(next(&mut this).await, Change::Updated(joined.clone()));
    assert_eq!(next(&mut this).await, Change::Over(joined));
    assert_eq!(next(&mut this).await, Change::Assigned(game(2)));
    assert_eq!(next(&mut this).await, Change::Assigned(game(3)));
    let polls = server.asked().into_iter().filter(is_poll);
    let paths: Vec<String> = polls.map(|asked| asked.path).take(2).collect();
    assert_eq!(
        paths,
        [
            "/v1/game-servers/me/assignments",
            "/v1/game-servers/me/assignments?seen=1&wait=60000"
        ]
    );
}

#[tokio::test]
async fn the_token_of_a_poll_replaces_the_one_before_everywhere() {
    let exchanged = Assignments {
        token: Some("second".to_owned()),
        ..page(1, &[game(1)])
    };
    let server = server(vec![exchanged, page(2, &[])]).await;
    let mut this = start(&server);
    next(&mut this).await;
    let reporter = this.reporter();
    reporter.acknowledge(&game(1)).await.expect("works");
    next(&mut this).await;
    for (number, asked) in server.asked().iter().enumerate() {
        let token = if number == 0 {
            "Bearer first"
        } else {
            "Bearer second"
        };
        assert_eq!(asked.header("authorization"), token, "{}", asked.path);
    }
}

#[tokio::test]
async fn told_to_quit_every_game_is_over_first() {
    let quit = Assignments {
        quit: true,
        ..page(2, &[])
    };
    let server = server(vec![page(1, &[game(1)]), quit]).await;
    let mut this = start(&server);
    assert_eq!(next(&mut this).await, Change::Assigned(game(1)));
    assert_eq!(next(&mut this).await, Change::Over(game(1)));
    assert_eq!(next(&mut this).await, Change::Quit(Quit::Told));
    assert_eq!(next(&mut this).await, Change::Quit(Quit::Told));
}

#[tokio::test]
async fn a_game_server_that_is_no_longer_known_is_disowned() {
    for status in [401, 410] {
        let server = Server::start(move |_, _| with_headers(status, &[], "")).await;
        let mut this = start(&server);
        assert_eq!(next(&mut this).await, Change::Quit(Quit::Disowned));
    }
}

#[tokio::test]
async fn while_the_server_is_away_the_game_goes_on() {
    let first = server(vec![page(1, &[game(1)])]).await;
    let address = first.address;
    let mut this = start(&first);
    assert_eq!(next(&mut this).await, Change::Assigned(game(1)));
    drop(first);
    let reporter = this.reporter();
    let one = game(1);
    let report = reporter.acknowledge(&one);
    let back = async {
        // The report has met a closed door by the time that the server is back; either order is right.
        tokio::task::yield_now().await;
        let page = serde_json::to_value(page(2, &[])).expect("is JSON");
        Server::start_at(address, move |_, asked| match is_poll(asked) {
            true => json(200, page.clone()),
            false => with_headers(204, &[], ""),
        })
        .await
    };
    let (report, second) = tokio::join!(report, back);
    report.expect("arrives at last");
    assert_eq!(next(&mut this).await, Change::Over(game(1)));
    assert!(!second.asked().is_empty());
}

#[tokio::test]
async fn of_the_lists_of_connected_players_the_latest_arrives() {
    let refused = Arc::new(Mutex::new(3));
    let server = Server::start(move |_, asked| {
        if is_poll(asked) && !asked.path.contains("seen") {
            return json(
                200,
                serde_json::to_value(page(1, &[game(1)])).expect("is JSON"),
            );
        }
        if is_poll(asked) {
            return Answer::Hang;
        }
        let mut refused = refused.lock().expect("is whole");
        *refused -= i32::from(*refused > 0);
        let status = if *refused > 0 { 500 } else { 409 };
        with_headers(status, &[], "")
    })
    .await;
    let mut this = start(&server);
    next(&mut this).await;
    let reporter = this.reporter();
    for count in 1..=5 {
        let players = (0..count).map(|n| format!("p{n}")).collect();
        reporter.connected(&game(1), players);
    }
    let all = json!(["p0", "p1", "p2", "p3", "p4"]);
    let arrived = || {
        let asked = server.asked();
        let mut lists = asked.iter().map(|a| a.body["connected"].clone());
        let last = lists.rfind(|list| !list.is_null());
        last == Some(all.clone())
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, async {
        while !arrived() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the last list arrives");
}
