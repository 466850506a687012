//! The games that the demo can play, each really played by its own players.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use model::wire::Session;
use model::{Name, PlayerId};
use tokio::time::{sleep, timeout};

use super::agent::address;
use super::bzflag;
use crate::arena;

/// How long a player plays.
const PLAYING: Duration = Duration::from_secs(3);
/// How long a player who has joined may be absent from the list of his game server.
const LISTED: Duration = Duration::from_secs(10);

/// A game that the demo can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Game {
    /// The small UDP game that ships with Muster.
    Arena,
    /// Real BZFlag: needs Debian's package bzflag-server.
    Bzflag,
}

/// How it was for one player.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Played {
    /// Round trips to the game server that were answered.
    pub round_trips: Vec<Duration>,
    /// Who was there, by the game's own word, himself included.
    pub seen: BTreeSet<String>,
    /// The most players that he was told of at a time.
    pub players_max: usize,
}

impl Game {
    /// The queue of the sample session types.
    pub(super) fn queue(self) -> &'static str {
        match self {
            Self::Arena => "tdm-4v4",
            Self::Bzflag => "bzflag",
        }
    }

    /// How it is called.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Arena => "the arena",
            Self::Bzflag => "BZFlag",
        }
    }

    /// # Errors
    /// When it cannot be played on this machine: what to install.
    pub(super) fn check_installed(self) -> Result<(), bzflag::Error> {
        match self {
            Self::Arena => Ok(()),
            Self::Bzflag => bzflag::check_installed(),
        }
    }

    /// Connects to the address that the session shows, plays, and leaves the game.
    ///
    /// # Errors
    /// When the session shows no address, or the game is not there, refuses, or does not know the player.
    pub(super) async fn play(self, session: &Session, player: &PlayerId) -> anyhow::Result<Played> {
        let (host, port) = address(session).context("the session shows no address")?;
        match self {
            Self::Arena => {
                let seat = session.members.iter().find(|seat| seat.player == *player);
                let played =
                    arena::play(&format!("{host}:{port}"), session.id, player, PLAYING).await?;
                let team = seat.and_then(|seat| seat.team);
                ensure!(
                    played.team == team,
                    "the game put {player} on team {:?}, the session on {team:?}",
                    played.team
                );
                Ok(Played {
                    round_trips: played.round_trips,
                    seen: BTreeSet::from([player.to_string()]),
                    players_max: played.players_max as usize,
                })
            }
            Self::Bzflag => {
                let inside = bzflag::Player::enter(host, port, player.as_str()).await?;
                // Half of the time passes before the look, so that the others are there too.
                sleep(PLAYING / 2).await;
                let listed = async {
                    loop {
                        let listed = bzflag::query(host, port).await?;
                        if listed.iter().any(|callsign| callsign == player.as_str()) {
                            return Ok::<_, bzflag::Error>(listed);
                        }
                        sleep(Duration::from_millis(200)).await;
                    }
                };
                let listed = timeout(LISTED, listed).await.with_context(|| {
                    format!("{host}:{port} does not list {player}, who has joined it")
                })??;
                sleep(PLAYING / 2).await;
                inside.leave().await?;
                let round_trips = Vec::new();
                let players_max = listed.len();
                let seen = listed.into_iter().collect();
                Ok(Played {
                    round_trips,
                    seen,
                    players_max,
                })
            }
        }
    }
}

/// A name that stands in this program's own text.
pub(super) fn name(text: &'static str) -> Name {
    text.parse().expect("the demo's own names are names")
}
