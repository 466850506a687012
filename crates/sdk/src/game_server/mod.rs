//! The game's side of the game-server protocol: assignments in, reports out, the server may come and go meanwhile.
//!
//! ```no_run
//! # async fn game() -> Result<(), sdk::Error> {
//! use sdk::game_server::{Change, GameServer};
//!
//! let mut server = GameServer::from_env()?;
//! loop {
//!     match server.next_change().await {
//!         Change::Assigned(game) => {
//!             let reporter = server.reporter();
//!             reporter.acknowledge(&game).await?;
//!             // ... load the map, open the port ...
//!             reporter.joinable(&game).await?;
//!         }
//!         Change::Updated(_game) => { /* somebody joined or left the session */ }
//!         Change::Over(_game) => { /* stop it, be ready for the next */ }
//!         Change::Quit(_) => return Ok(()),
//!     }
//! }
//! # }
//! ```

mod changes;
mod outbox;
mod report;
mod run;

use std::time::Duration;

use model::GameServerId;
use model::wire::Assignment;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::{Client, Error};

pub use outbox::Report;
pub use report::Reporter;

/// Changes that may wait for [`GameServer::next_change`]; then the poll waits too.
const CHANGES_MAX: usize = 64;

/// What a game server has to react to.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A session to host: acknowledge it, start the map, mark it joinable.
    Assigned(Assignment),
    /// Something about a session that it hosts has changed, its members mostly.
    Updated(Assignment),
    /// Over: stop that game and write nothing more about it; the next assignment may come.
    Over(Assignment),
    /// End the process: nothing will be assigned any more.
    Quit(Quit),
}

/// Why a game server is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quit {
    /// Muster said so.
    Told,
    /// Muster does not know this game server any more (401 or 410): its sessions have other hosts.
    Disowned,
}

/// How the driver behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long one poll waits.
    pub wait: Duration,
    /// One health report in this span (F9: 10 s).
    pub health_cadence: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(60),
            health_cadence: Duration::from_secs(10),
        }
    }
}

/// A game server on its way through its assignments. Polls and reports health in the background until it is dropped.
///
/// While Muster is away it goes on trying: the games go on.
#[derive(Debug)]
pub struct GameServer {
    changes: mpsc::Receiver<Change>,
    reporter: Reporter,
    /// Dropped with it, so that nothing polls for a game server that has ended.
    _tasks: JoinSet<()>,
}

impl GameServer {
    /// Starts with what Muster gave the process: `MUSTER_URL`, `MUSTER_GAME_SERVER_ID`, `MUSTER_TOKEN`.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Environment`], [`Error::Url`], [`Error::Token`].
    pub fn from_env() -> Result<Self, Error> {
        let id = variable("MUSTER_GAME_SERVER_ID")?;
        let id = id.parse().map_err(|_| Error::Environment {
            variable: "MUSTER_GAME_SERVER_ID",
            reason: format!("is {id:?}, which is not an id"),
        })?;
        let client = Client::new(&variable("MUSTER_URL")?, &variable("MUSTER_TOKEN")?)?;
        Ok(Self::start(client, id, Settings::default()))
    }

    /// Starts with a client that bears the game server's token.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(client: Client, id: GameServerId, settings: Settings) -> Self {
        let reporter = Reporter::new(client, id);
        let (sender, changes) = mpsc::channel(CHANGES_MAX);
        let mut tasks = JoinSet::new();
        tasks.spawn(run::poll(reporter.clone(), sender, settings.clone()));
        tasks.spawn(run::report_health(reporter.clone(), settings));
        tasks.spawn(run::send_posts(reporter.clone()));
        Self {
            changes,
            reporter,
            _tasks: tasks,
        }
    }

    /// The next thing to react to; waits as long as it takes. Dropping the future loses nothing.
    pub async fn next_change(&mut self) -> Change {
        // The poll ends by itself only after it has said why.
        let ended = Change::Quit(Quit::Told);
        self.changes.recv().await.unwrap_or(ended)
    }

    /// To report with, from any task.
    pub fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }
}

fn variable(name: &'static str) -> Result<String, Error> {
    let value = std::env::var(name).map_err(|error| Error::Environment {
        variable: name,
        reason: match error {
            std::env::VarError::NotPresent => "is not set".to_owned(),
            std::env::VarError::NotUnicode(_) => "is not text".to_owned(),
        },
    })?;
    if value.is_empty() {
        return Err(Error::Environment {
            variable: name,
            reason: "is empty".to_owned(),
        });
    }
    Ok(value)
}
