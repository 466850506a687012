//! A player of the arena, for demos and tests: joins, pings for a while, leaves.

use std::time::Duration;

use model::{PlayerId, SessionId};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// How long a player tries to get in: the game may learn a moment later than he that he is a member.
const JOINING: Duration = Duration::from_secs(10);
/// Until a datagram counts as lost.
const LOST: Duration = Duration::from_millis(500);
/// The pause between two pings, and between two tries to join.
const PAUSE: Duration = Duration::from_millis(50);
/// Tries to say good-bye.
const LEAVES: u32 = 3;
/// Pings lost in a row after which the game counts as gone.
const LOST_MAX: u32 = 6;

/// How it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The player's team, if the game has teams; teams count from 0.
    pub team: Option<u8>,
    /// The map.
    pub map: String,
    /// One for each ping that was answered; never empty.
    pub round_trips: Vec<Duration>,
    /// The most players that were seen at a time, this one included.
    pub players_max: u32,
}

/// Why somebody could not play.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No socket, or no such address.
    #[error("cannot reach {address}")]
    Unreachable {
        /// Where the game should be.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The game does not let the player in.
    #[error("{address} does not let {player} in: {said}")]
    Refused {
        /// Where the game is.
        address: String,
        /// Who.
        player: PlayerId,
        /// What it said last; "no answer" if nothing.
        said: String,
    },
    /// The game stopped answering.
    #[error("{address} does not answer {player} any more")]
    Lost {
        /// Where the game was.
        address: String,
        /// Who.
        player: PlayerId,
    },
}

/// Plays in the arena at `address` (`host:port`) for about `duration`.
///
/// # Errors
/// [`Error`]; whoever got in has left by then.
pub async fn play(
    address: &str,
    session: SessionId,
    player: &PlayerId,
    duration: Duration,
) -> Result<Played, Error> {
    let unreachable = |source| Error::Unreachable {
        address: address.to_owned(),
        source,
    };
    let socket = UdpSocket::bind("0.0.0.0:0").await.map_err(unreachable)?;
    socket.connect(address).await.map_err(unreachable)?;
    let (team, map) = joined(&socket, address, session, player).await?;
    let mut played = Played {
        team,
        map,
        round_trips: Vec::new(),
        players_max: 0,
    };
    let mut lost = 0;
    let pinged = timeout(duration, ping(&socket, &mut played, &mut lost)).await;
    leave(&socket, session, player).await;
    if pinged.is_ok() || played.round_trips.is_empty() {
        return Err(Error::Lost {
            address: address.to_owned(),
            player: player.clone(),
        });
    }
    Ok(played)
}

async fn joined(
    socket: &UdpSocket,
    address: &str,
    session: SessionId,
    player: &PlayerId,
) -> Result<(Option<u8>, String), Error> {
    let question = format!("join {session} {player}");
    let mut said = "no answer".to_owned();
    let welcome = async {
        loop {
            let answer = ask(socket, &question).await;
            if let Some(words) = answer
                .as_deref()
                .and_then(|text| text.strip_prefix("welcome "))
            {
                let (team, map) = words.split_once(' ').unwrap_or((words, ""));
                return (team.parse().ok(), map.to_owned());
            }
            said = answer.unwrap_or(std::mem::take(&mut said));
            sleep(PAUSE).await;
        }
    };
    let welcome = timeout(JOINING, welcome).await;
    welcome.map_err(|_| Error::Refused {
        address: address.to_owned(),
        player: player.clone(),
        said,
    })
}

/// Pings until it is stopped; comes back only when the game is gone.
async fn ping(socket: &UdpSocket, played: &mut Played, lost: &mut u32) {
    while *lost < LOST_MAX {
        let asked = now();
        let answer = ask(socket, "ping").await;
        match answer
            .as_deref()
            .and_then(|text| text.strip_prefix("pong "))
        {
            Some(players) => {
                played.round_trips.push(asked.elapsed());
                played.players_max = played.players_max.max(players.parse().unwrap_or(0));
                *lost = 0;
            }
            None => *lost += 1,
        }
        sleep(PAUSE).await;
    }
}

async fn leave(socket: &UdpSocket, session: SessionId, player: &PlayerId) {
    for _ in 0..LEAVES {
        let answer = ask(socket, &format!("leave {session} {player}")).await;
        // An answer to an earlier ping may come first.
        if answer.as_deref() == Some("bye") {
            return;
        }
    }
}

/// One datagram there, one back; `None`: lost, or nobody is there.
async fn ask(socket: &UdpSocket, question: &str) -> Option<String> {
    socket.send(question.as_bytes()).await.ok()?;
    let mut answer = [0; 512];
    let length = timeout(LOST, socket.recv(&mut answer)).await.ok()?.ok()?;
    let answer = answer.get(..length)?;
    Some(String::from_utf8_lossy(answer).into_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a player measures real round trips; nothing is decided by them"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
