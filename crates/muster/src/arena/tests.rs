//! Players in a running arena, with Muster away all the time: the game goes on.

use model::wire::Assignment;
use sdk::Client;
use sdk::game_server::Settings;

use super::*;

fn assignment(number: u128, players: &[&str]) -> Assignment {
    let id = uuid::Uuid::from_u128(number);
    let members = players
        .iter()
        .map(|player| serde_json::json!({ "player": player, "team": 1, "state": "reserved" }));
    serde_json::from_value(serde_json::json!({
        "allocation_id": id, "acknowledged": false, "session": id, "session_type": "Game", "instance": id,
        "startup_params": { "map": format!("Map{number}") }, "members": members.collect::<Vec<_>>(),
    }))
    .expect("is an assignment")
}

const AWAY_MAX: Duration = Duration::from_secs(60);

/// An arena that hosts these games, and its address.
async fn arena(games: &[Assignment]) -> (JoinSet<()>, String) {
    // A port that was free a moment ago: nobody answers there.
    let nobody = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", nobody.local_addr().expect("is bound"));
    let client = Client::new(&url, "token").expect("is a client");
    let id = uuid::Uuid::from_u128(9).into();
    let server = GameServer::start(client, id, Settings::default());
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let address = socket.local_addr().expect("is bound").to_string();
    let mut arena = Arena {
        reporter: server.reporter(),
        socket,
        games: BTreeMap::new(),
        loading: JoinSet::new(),
        now: 0,
    };
    for game in games {
        arena.begin(game.clone());
    }
    let signals = EndSignals::new().expect("are installed");
    let mut tasks = JoinSet::new();
    tasks.spawn(arena.run(server, signals, None, AWAY_MAX));
    (tasks, address)
}

#[tokio::test]
async fn several_games_are_played_at_a_time() {
    let games = [assignment(1, &["ann", "bob"]), assignment(2, &["cid"])];
    let (_arena, address) = arena(&games).await;
    let players = [(0, "ann"), (0, "bob"), (1, "cid")].map(|(game, player): (usize, &str)| {
        let (session, address) = (games[game].session, address.clone());
        let player: model::PlayerId = player.parse().expect("is a player");
        async move { play(&address, session, &player, Duration::from_millis(300)).await }
    });
    let [ann, bob, cid] = players;
    let (ann, bob, cid) = tokio::join!(ann, bob, cid);
    let (ann, bob, cid) = (
        ann.expect("plays"),
        bob.expect("plays"),
        cid.expect("plays"),
    );
    assert_eq!(
        (ann.map.as_str(), ann.team, ann.players_max),
        ("Map1", Some(1), 2)
    );
    assert_eq!((bob.map.as_str(), cid.map.as_str()), ("Map1", "Map2"));
    assert_eq!(cid.players_max, 1);
    assert!(!ann.round_trips.is_empty());
}

#[tokio::test(start_paused = true)]
async fn strangers_are_refused_and_silent_addresses_are_given_up() {
    let games = [assignment(1, &["ann"])];
    let (_arena, address) = arena(&games).await;
    let stranger: model::PlayerId = "eve".parse().expect("is a player");
    let refused = play(&address, games[0].session, &stranger, Duration::ZERO).await;
    assert!(
        matches!(&refused, Err(PlayError::Refused { said, .. }) if said.contains("not a member")),
        "{refused:?}"
    );
    let nobody = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
    let address = nobody.local_addr().expect("is bound").to_string();
    let silent = play(&address, games[0].session, &stranger, Duration::ZERO).await;
    assert!(
        matches!(&silent, Err(PlayError::Refused { said, .. }) if said == "no answer"),
        "{silent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_arena_whose_server_is_gone_ends_once_nothing_is_played() {
    let began = tokio::time::sleep(Duration::ZERO).deadline();
    let (mut idle, _) = arena(&[]).await;
    idle.join_next()
        .await
        .expect("is there")
        .expect("ends well");
    let took = tokio::time::sleep(Duration::ZERO).deadline() - began;
    assert!(took >= AWAY_MAX, "{took:?}");
    // Somebody is expected in this one.
    let (mut playing, _) = arena(&[assignment(1, &["ann"])]).await;
    let (mut idle, _) = arena(&[]).await;
    tokio::select! {
        _ = playing.join_next() => panic!("it plays"),
        _ = idle.join_next() => {}
    }
}

#[test]
fn spans_are_read_or_refused() {
    assert_eq!(span("10ms"), Ok(Duration::from_millis(10)));
    assert_eq!(span("2s"), Ok(Duration::from_secs(2)));
    for bad in ["", "10", "0ms", "-1s", "ms", "99999999999999999999s"] {
        assert!(span(bad).is_err(), "{bad}");
    }
}
