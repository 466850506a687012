//! Real players in a real BZFlag server, on loopback.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use model::wrap::StopRule;
use muster::demo::bzflag::{self, Error, Player};
use muster::wrap::{Event, Game};

const BZFS: &str = "/usr/games/bzfs";

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("has an address").port()
}

#[tokio::test]
async fn players_join_are_listed_and_leave() {
    if !Path::new(BZFS).is_file() {
        assert!(
            std::env::var_os("CI").is_none(),
            "bzflag-server is not installed"
        );
        return;
    }
    let port = free_port();
    let at = port.to_string();
    let command = [
        BZFS,
        "-p",
        &at,
        "-i",
        "127.0.0.1",
        "-mp",
        "0,4,4,0,0,2",
        "-noMasterBanlist",
        "-disableBots",
        "-d",
    ];
    let mut game = Game::start(Path::new(env!("CARGO_BIN_EXE_muster")), &command).expect("starts");
    loop {
        match game.next().await.expect("works") {
            Event::Line(line) if line.starts_with("LIBCURL version") => break,
            Event::Line(_) => {}
            Event::Exited(status) => panic!("ended with {status}"),
        }
    }
    let ann = Player::enter("127.0.0.1", port, "Ann")
        .await
        .expect("is let in");
    let bob = Player::enter("127.0.0.1", port, "Bob.2")
        .await
        .expect("is let in");
    let mut seen = bzflag::query("127.0.0.1", port).await.expect("answers");
    seen.sort();
    assert_eq!(seen, ["Ann", "Bob.2"]);
    let full = bzflag::join("127.0.0.1", port, "Cid", Duration::ZERO).await;
    assert!(matches!(full, Err(Error::Refused { said, .. }) if said.contains("full")));
    ann.leave().await.expect("leaves");
    bob.leave().await.expect("leaves");
    assert!(
        bzflag::query("127.0.0.1", port)
            .await
            .expect("answers")
            .is_empty()
    );
    game.stop(StopRule::default(), drop).await.expect("ends");
    let gone = bzflag::query("127.0.0.1", port).await;
    assert!(matches!(gone, Err(Error::Query { .. })), "{gone:?}");
}
