//! The server under load: a child process with a database of its own in a temporary folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use model::wire::{Claims, PrincipalKind};
use model::{GameServerId, Millis, Namespace, Timestamp};
use sdk::Client;
use server::auth::Keys;
use server::config::Config;
use tempfile::TempDir;

use super::serve::Line;

/// What the server is configured with: no rules, one region, so that what is measured is the way of a ticket.
pub(super) const SESSION_TYPES: &str = "\
apiVersion: v1
kind: SessionType
name: Party
creation: { by_players: true, by_servers: true, by_matchmaking: false }
can_join_matchmaking: true
size: { teams: 1, players_per_team: 4 }
visibility: open
joinability: public
timeouts: { inactive_removal: null, session_empty: 0 }
---
apiVersion: v1
kind: SessionType
name: Game
creation: { by_players: false, by_servers: true, by_matchmaking: true }
size: { teams: 2, players_per_team: 4 }
visibility: visible
joinability: private
timeouts: { reserved_removal: 1h, session_empty: 0 }
instance:
  fleet: bench
  allocation_timeout: 30s
  boot_timeout: 30s
  startup_params: { map: Bench, mode: tdm }
---
apiVersion: v1
kind: SessionType
name: Crowd
creation: { by_players: true }
size: { max_members: 10000 }
joinability: public
capabilities: { large: true }
---
apiVersion: v1
kind: Queue
name: bench-4v4
session_type: Game
regions: { allow: [eu-west] }
teams:
  - { name: red, min_players: 4, max_players: 4 }
  - { name: blue, min_players: 4, max_players: 4 }
party: { max_players: 4 }
---
apiVersion: v1
kind: Fleet
name: bench
provider: process
regions: [eu-west]
capacity: { min: 0, buffer: 0, max: 2000, slots: 1 }
config: { command: [muster, arena] }
";

/// The queue of [`SESSION_TYPES`].
pub(super) const QUEUE: &str = "bench-4v4";
/// How long the tokens of players are good.
const TOKEN_TTL: Millis = Millis::seconds(24 * 3_600);

/// The child; ends with this value.
pub(super) struct Server {
    process: Child,
    /// Where it listens.
    pub(super) url: String,
    /// Its database.
    pub(super) database: String,
    /// Its game servers with their first tokens.
    pub(super) game_servers: Vec<(GameServerId, String)>,
    keys: Keys,
    namespace: Namespace,
    now: Timestamp,
    _folder: TempDir,
}

impl Server {
    /// Starts the server with so many game servers, and waits until they are registered.
    pub(super) fn start(game_servers: usize) -> anyhow::Result<Server> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        // The database is of this run alone, so its secret may be known.
        let secret = [0x5a; 32];
        fs::write(folder.path().join("secret"), secret)?;
        fs::create_dir(folder.path().join("sessiontypes"))?;
        fs::write(folder.path().join("sessiontypes/bench.yaml"), SESSION_TYPES)?;
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut process = Command::new(program)
            .arg("bench-serve")
            .arg("--folder")
            .arg(folder.path())
            .arg("--game-servers")
            .arg(game_servers.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let output = process.stdout.take().context("no standard output")?;
        let namespace = Config::default().namespace;
        let mut server = Server {
            process,
            url: String::new(),
            database: String::new(),
            game_servers: Vec::new(),
            keys: Keys::new(namespace.clone(), &secret)?,
            namespace,
            now: crate::token::now()?,
            _folder: folder,
        };
        for line in BufReader::new(output).lines() {
            match serde_json::from_str(&line?)? {
                Line::Listening { url, database } => {
                    server.url = url;
                    server.database = database;
                }
                Line::GameServer { id, token } => server.game_servers.push((id, token)),
                Line::Ready => return Ok(server),
            }
        }
        anyhow::bail!("the server did not start")
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// A token.
    pub(super) fn token(&self, kind: PrincipalKind, sub: &str) -> anyhow::Result<String> {
        let claims = Claims::new(self.namespace.clone(), kind, sub, self.now, TOKEN_TTL);
        Ok(self.keys.mint(&claims)?)
    }

    /// A client of its own connections for an operator.
    pub(super) fn operator(&self) -> anyhow::Result<Client> {
        let token = self.token(PrincipalKind::Admin, "bench")?;
        Ok(Client::new(&self.url, &token)?)
    }

    /// The namespace that is served.
    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
