//! `muster wrap`: runs an unmodified dedicated server and speaks the game-server protocol for it.

mod fill;
mod game;
mod lines;
mod orphans;
mod ready;

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use model::wire::Assignment;
use model::wrap::{StopRule, WrapRules, WrapStart};
use sdk::game_server::{Change, GameServer, Report, Reporter};

use self::fill::Values;
use self::lines::Players;
use self::ready::Ready;
use crate::host::{
    EndSignals, Place, SERVER_AWAY_MAX, log_to_stderr, runtime, say_farewell, say_server_gone, span,
};
use crate::say;

pub use self::fill::Error as FillError;
pub use self::game::{Event, Game, OURSELVES};

/// Run an unmodified dedicated server as a game server.
///
/// Waits for its assignment, starts the command, marks the instance joinable when the game is ready, stops the game
/// when the session has ended, and waits for the next. Muster starts it with MUSTER_URL, MUSTER_GAME_SERVER_ID,
/// MUSTER_TOKEN, MUSTER_ADDRESS and MUSTER_PORT in its environment.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Placeholders in the command: {port} {address} {map} {mode} {misc_params} \
{custom.KEY} {session} {player_count}.

Example:
  muster wrap --rules '{\"ready\":{\"log\":\"^LIBCURL version\"}}' -- /usr/games/bzfs -p {port} -i {address} -d"
)]
pub struct Args {
    /// When to start the game, when it is ready, who is connected, how to stop it: the `wrap` section of a fleet's
    /// `config`, as JSON. Without it the game is started when assigned and is ready at once.
    #[arg(long, value_name = "JSON", value_parser = rules)]
    rules: Option<WrapRules>,
    /// End when the server has not answered for so long and no session is played.
    #[arg(long, value_name = "SPAN", value_parser = span, env = plugin_process::SERVER_AWAY_VARIABLE,
        default_value = SERVER_AWAY_MAX, hide = true)]
    server_away_max: Duration,
    /// The game's command.
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn rules(text: &str) -> Result<WrapRules, serde_json::Error> {
    serde_json::from_str(text)
}

/// Runs until it is told to quit.
///
/// # Errors
/// When its environment or its rules cannot be used, or a game that was started ahead ends.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    log_to_stderr();
    runtime()?.block_on(async {
        let mut wrapper = Wrapper::new(args)?;
        orphans::inherit()?;
        match args.rules.as_ref().map(|rules| rules.start) {
            None | Some(WrapStart::AtAssignment) => wrapper.run_at_assignment().await,
            Some(WrapStart::Ahead) => wrapper.run_ahead().await,
        }
    })
}

struct Wrapper {
    command: Vec<String>,
    place: Place,
    ready: Ready,
    players: Option<Players>,
    stop: StopRule,
    signals: EndSignals,
    server_away_max: Duration,
}

/// What happens after a game.
enum Next {
    /// The next assignment may come.
    Wait,
    /// The wrapper ends as well.
    End,
}

/// What ended a game, or is about to.
enum Ended {
    /// The game itself: it has exited.
    Itself,
    /// Its session.
    Over,
    /// Muster, for good.
    Quit,
    /// A signal to the wrapper.
    Signal,
}

impl Wrapper {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let rules = args.rules.as_ref();
        let players = rules.and_then(|rules| rules.players.as_ref());
        Ok(Self {
            command: args.command.clone(),
            place: Place::from_env()?,
            ready: Ready::new(rules.map(|rules| &rules.ready))?,
            players: players.map(Players::new).transpose()?,
            stop: rules.map(|rules| rules.stop).unwrap_or_default(),
            signals: EndSignals::new()?,
            server_away_max: args.server_away_max,
        })
    }

    /// A game for each assignment.
    async fn run_at_assignment(&mut self) -> anyhow::Result<ExitCode> {
        let mut server = GameServer::from_env()?;
        let reporter = server.reporter();
        loop {
            let change = tokio::select! {
                change = server.next_change() => change,
                () = reporter.server_away_for(self.server_away_max) => {
                    say_server_gone(self.server_away_max);
                    return Ok(ExitCode::SUCCESS);
                }
                () = self.signals.received() => break,
            };
            match change {
                Change::Assigned(session) => {
                    match self.host(&mut server, &reporter, session).await? {
                        Next::Wait => {}
                        Next::End => break,
                    }
                }
                Change::Updated(_) | Change::Over(_) => {}
                Change::Quit(_) => return Ok(ExitCode::SUCCESS),
            }
        }
        say_farewell(&reporter).await;
        Ok(ExitCode::SUCCESS)
    }

    /// One game for one assignment, from its acknowledgement to its end.
    async fn host(
        &mut self,
        server: &mut GameServer,
        reporter: &Reporter,
        session: Assignment,
    ) -> anyhow::Result<Next> {
        reporter.post(&session, Report::Acknowledge);
        let (mut game, probe) = match self.start(Some(&session)) {
            Ok(started) => started,
            Err(error) => {
                tracing::error!(session = %session.session, "cannot host: {error:#}");
                reporter.post(&session, Report::Closed);
                return Ok(Next::Wait);
            }
        };
        let sessions = [session.clone()];
        let ended = self
            .watch(server, reporter, &sessions, &mut game, probe)
            .await?;
        let (next, report) = match ended {
            Ended::Itself => (Next::Wait, Some(Report::Closed)),
            Ended::Over => (Next::Wait, None),
            Ended::Quit => (Next::End, None),
            Ended::Signal => (Next::End, Some(Report::Closed)),
        };
        if matches!(ended, Ended::Itself) {
            orphans::end().await;
        } else {
            // Who was connected no longer matters to a session that is over.
            self.end(&mut game, reporter, &[]).await?;
        }
        if let Some(report) = report {
            reporter.post(&session, report);
        }
        if let Some(players) = &mut self.players {
            players.clear();
        }
        Ok(next)
    }

    /// Watches a game until something ends it; marks its instance joinable when it is ready.
    async fn watch(
        &mut self,
        server: &mut GameServer,
        reporter: &Reporter,
        sessions: &[Assignment; 1],
        game: &mut Game,
        probe: ready::Probe,
    ) -> anyhow::Result<Ended> {
        let [session] = sessions;
        let mut probe = pin!(probe.succeeded());
        let mut is_ready = false;
        loop {
            let said_ready = tokio::select! {
                event = game.next() => match event? {
                    Event::Line(line) => {
                        self.read(&line, reporter, sessions);
                        self.ready.is_said_by(&line)
                    }
                    Event::Exited(status) => {
                        tracing::info!(session = %session.session, %status, "the game has ended");
                        return Ok(Ended::Itself);
                    }
                },
                () = &mut probe, if !is_ready => true,
                change = server.next_change() => match change {
                    Change::Over(over) if over.allocation_id == session.allocation_id => {
                        return Ok(Ended::Over);
                    }
                    Change::Quit(_) => return Ok(Ended::Quit),
                    Change::Assigned(other) => {
                        tracing::error!(session = %other.session, "cannot host a second session beside the first; \
                            set the fleet's `slots` to 1 or start the game ahead");
                        reporter.post(&other, Report::Closed);
                        false
                    }
                    Change::Over(_) | Change::Updated(_) => false,
                },
                () = reporter.server_away_for(self.server_away_max), if self.is_idle(sessions) => {
                    say_server_gone(self.server_away_max);
                    return Ok(Ended::Quit);
                }
                () = self.signals.received() => return Ok(Ended::Signal),
            };
            if said_ready && !is_ready {
                is_ready = true;
                reporter.post(session, Report::Joinable);
            }
        }
    }

    /// Whether nobody plays, as far as that can be known: a session whose players are not counted is played.
    fn is_idle(&self, sessions: &[Assignment]) -> bool {
        let nobody = |players: &Players| players.here().is_empty();
        sessions.is_empty() || self.players.as_ref().is_some_and(nobody)
    }

    /// One game for every assignment; it runs and is ready before Muster hears of this game server.
    async fn run_ahead(&mut self) -> anyhow::Result<ExitCode> {
        let (mut game, probe) = self.start(None)?;
        if !self.becomes_ready(&mut game, probe).await? {
            return Ok(ExitCode::SUCCESS);
        }
        let mut server = GameServer::from_env()?;
        let reporter = server.reporter();
        let mut sessions: Vec<Assignment> = Vec::new();
        let code = loop {
            tokio::select! {
                event = game.next() => match event? {
                    Event::Line(line) => self.read(&line, &reporter, &sessions),
                    Event::Exited(status) => {
                        tracing::error!(%status, "the game has ended, and this game server with it");
                        orphans::end().await;
                        for session in &sessions {
                            reporter.post(session, Report::Closed);
                        }
                        break ExitCode::FAILURE;
                    }
                },
                change = server.next_change() => match change {
                    Change::Assigned(session) => {
                        reporter.post(&session, Report::Joinable);
                        if let Some(players) = &self.players {
                            reporter.connected(&session, players.here());
                        }
                        sessions.push(session);
                    }
                    Change::Updated(_) => {}
                    Change::Over(over) => {
                        sessions.retain(|session| session.allocation_id != over.allocation_id);
                    }
                    Change::Quit(_) => {
                        self.end(&mut game, &reporter, &sessions).await?;
                        return Ok(ExitCode::SUCCESS);
                    }
                },
                () = reporter.server_away_for(self.server_away_max), if self.is_idle(&sessions) => {
                    say_server_gone(self.server_away_max);
                    self.end(&mut game, &reporter, &sessions).await?;
                    return Ok(ExitCode::SUCCESS);
                }
                () = self.signals.received() => {
                    self.end(&mut game, &reporter, &sessions).await?;
                    for session in &sessions {
                        reporter.post(session, Report::Closed);
                    }
                    break ExitCode::SUCCESS;
                }
            }
        };
        say_farewell(&reporter).await;
        Ok(code)
    }

    /// Waits until a game that was started ahead is ready; `false`: told to end before.
    async fn becomes_ready(
        &mut self,
        game: &mut Game,
        probe: ready::Probe,
    ) -> anyhow::Result<bool> {
        let mut probe = pin!(probe.succeeded());
        loop {
            tokio::select! {
                event = game.next() => match event? {
                    Event::Line(line) => {
                        say::line(&line);
                        if let Some(players) = &mut self.players {
                            players.read(&line);
                        }
                        if self.ready.is_said_by(&line) {
                            return Ok(true);
                        }
                    }
                    Event::Exited(status) => {
                        orphans::end().await;
                        anyhow::bail!("the game ended before it was ready: {status}");
                    }
                },
                () = &mut probe => return Ok(true),
                () = self.signals.received() => {
                    game.stop(self.stop, |line| say::line(&line)).await?;
                    orphans::end().await;
                    return Ok(false);
                }
            }
        }
    }

    fn start(&self, session: Option<&Assignment>) -> anyhow::Result<(Game, ready::Probe)> {
        let values = Values {
            place: &self.place,
            game: session,
        };
        let command: Result<Vec<String>, _> =
            self.command.iter().map(|word| values.fill(word)).collect();
        let command = command.context("the command cannot be filled in")?;
        let probe = self.ready.probe(values)?;
        let game = Game::start(Path::new(OURSELVES), &command)?;
        tracing::info!(id = game.id(), ?command, "the game is started");
        Ok((game, probe))
    }

    /// Passes a line on and reports who is connected if the line changed that.
    fn read(&mut self, line: &str, reporter: &Reporter, sessions: &[Assignment]) {
        say::line(&line);
        let Some(players) = &mut self.players else {
            return;
        };
        if players.read(line) {
            for session in sessions {
                reporter.connected(session, players.here());
            }
        }
    }

    async fn end(
        &mut self,
        game: &mut Game,
        reporter: &Reporter,
        sessions: &[Assignment],
    ) -> anyhow::Result<()> {
        let status = game
            .stop(self.stop, |line| self.read(&line, reporter, sessions))
            .await?;
        tracing::info!(%status, "the game is stopped");
        orphans::end().await;
        Ok(())
    }
}
