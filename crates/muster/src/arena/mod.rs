//! `muster arena`: a small UDP game server that speaks the game-server protocol; the example to copy.
//!
//! What a game server has to do is in `Arena::run`: react to what [`GameServer::next_change`] tells, post what
//! happens, end when told. Everything else is the game: players send `join SESSION PLAYER`, are welcomed to a team
//! and a map, `ping` for a while, and `leave SESSION PLAYER`.

mod game;
mod play;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use model::AllocationId;
use model::wire::Assignment;
use sdk::game_server::{Change, GameServer, Report, Reporter};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::game::{Game, Message, TICKS_PER_SECOND};
use crate::host::{
    EndSignals, Place, SERVER_AWAY_MAX, log_to_stderr, runtime, say_farewell, say_server_gone, span,
};
use crate::say;

pub use self::play::{Error as PlayError, Played, play};

/// How long it takes to load a map.
const LOADING: Duration = Duration::from_millis(5);
/// The largest datagram that players send.
const DATAGRAM_BYTES: usize = 512;

/// Run the small UDP game server that ships with Muster.
///
/// Muster starts it with MUSTER_URL, MUSTER_GAME_SERVER_ID, MUSTER_TOKEN, MUSTER_ADDRESS and MUSTER_PORT in its
/// environment. It is reused: after a game it waits for the next, and it plays several at a time if it gets several.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print a line in this cadence (`10ms`, `1s`), to show that the games go on.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    print_every: Option<Duration>,
    /// End when the server has not answered for so long and no session is played.
    #[arg(long, value_name = "SPAN", value_parser = span, env = plugin_process::SERVER_AWAY_VARIABLE,
        default_value = SERVER_AWAY_MAX, hide = true)]
    server_away_max: Duration,
}

/// Runs until it is told to quit.
///
/// # Errors
/// When its environment cannot be used or its port is taken.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    log_to_stderr();
    runtime()?.block_on(async {
        let place = Place::from_env()?;
        let signals = EndSignals::new()?;
        let socket = UdpSocket::bind((place.address.as_str(), place.port))
            .await
            .with_context(|| format!("cannot bind {}:{}/udp", place.address, place.port))?;
        // Asking for an assignment makes a game server ready, so its port is open by then.
        let server = GameServer::from_env()?;
        let arena = Arena {
            reporter: server.reporter(),
            socket,
            games: BTreeMap::new(),
            loading: JoinSet::new(),
            now: 0,
        };
        arena
            .run(server, signals, args.print_every, args.server_away_max)
            .await;
        Ok(ExitCode::SUCCESS)
    })
}

struct Arena {
    reporter: Reporter,
    socket: UdpSocket,
    /// Games whose map is being loaded or that are played.
    games: BTreeMap<AllocationId, Game>,
    loading: JoinSet<AllocationId>,
    /// Ticks since the start.
    now: u64,
}

impl Arena {
    async fn run(
        mut self,
        mut server: GameServer,
        mut signals: EndSignals,
        print_every: Option<Duration>,
        server_away_max: Duration,
    ) {
        let mut ticks = interval(Duration::from_millis(1_000 / TICKS_PER_SECOND));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut prints = print_every.map(interval);
        let mut printed = 0_u64;
        let mut datagram = [0; DATAGRAM_BYTES];
        loop {
            tokio::select! {
                change = server.next_change() => match change {
                    Change::Assigned(assignment) => self.begin(assignment),
                    Change::Updated(assignment) => {
                        if let Some(game) = self.games.get_mut(&assignment.allocation_id) {
                            game.assignment = assignment;
                        }
                    }
                    Change::Over(assignment) => drop(self.games.remove(&assignment.allocation_id)),
                    Change::Quit(_) => return,
                },
                Some(Ok(loaded)) = self.loading.join_next() => {
                    if let Some(game) = self.games.get(&loaded) {
                        self.reporter.post(&game.assignment, Report::Joinable);
                    }
                }
                Ok((length, from)) = self.socket.recv_from(&mut datagram) => {
                    let said = datagram.get(..length).and_then(Message::read);
                    self.hear(from, said).await;
                }
                _ = ticks.tick() => self.tick(),
                () = next(&mut prints) => {
                    printed += 1;
                    let games = self.games.len();
                    say::line(&format_args!("arena {} {printed} games {games}", self.reporter.game_server()));
                }
                () = self.reporter.server_away_for(server_away_max), if self.games.is_empty() => {
                    say_server_gone(server_away_max);
                    return;
                }
                () = signals.received() => break,
            }
        }
        for game in self.games.values() {
            self.reporter.post(&game.assignment, Report::Closed);
        }
        say_farewell(&self.reporter).await;
    }

    /// An assignment: take it on at once, then load its map.
    fn begin(&mut self, assignment: Assignment) {
        self.reporter.post(&assignment, Report::Acknowledge);
        let id = assignment.allocation_id;
        match Game::new(assignment.clone(), self.now) {
            Ok(game) => {
                tracing::info!(session = %assignment.session, map = assignment.startup_params.map, "hosting");
                self.games.insert(id, game);
                self.loading.spawn(async move {
                    sleep(LOADING).await;
                    id
                });
            }
            Err(error) => {
                tracing::error!(session = %assignment.session, "cannot host: {error:#}");
                self.reporter.post(&assignment, Report::Closed);
            }
        }
    }

    async fn hear(&mut self, from: SocketAddr, said: Option<Message>) {
        let now = self.now;
        let answer = match said {
            Some(Message::Join(session, player)) => match self.game_of(session) {
                Some(game) => Some(game.join(from, player, now)),
                None => Some("refused there is no such game here".to_owned()),
            },
            Some(Message::Leave(session, player)) => {
                let game = self.game_of(session);
                Some(game.map_or("bye".to_owned(), |game| game.leave(&player)))
            }
            Some(Message::Ping) => {
                let mut games = self.games.values_mut();
                games.find_map(|game| game.ping(from, now))
            }
            None => None,
        };
        if let Some(answer) = answer {
            // A lost datagram is asked for again.
            let _ = self.socket.send_to(answer.as_bytes(), from).await;
        }
    }

    fn game_of(&mut self, session: model::SessionId) -> Option<&mut Game> {
        let mut games = self.games.values_mut();
        games.find(|game| game.assignment.session == session)
    }

    fn tick(&mut self) {
        self.now += 1;
        let (now, reporter) = (self.now, &self.reporter);
        self.games.retain(|_, game| {
            let over = game.is_over(now);
            if let Some(players) = game.news() {
                reporter.connected(&game.assignment, players);
            }
            if over {
                tracing::info!(session = %game.assignment.session, "the game is over");
                reporter.post(&game.assignment, Report::Closed);
            }
            !over
        });
    }
}

/// The next tick of an interval that there may not be.
async fn next(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
