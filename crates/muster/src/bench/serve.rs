//! `muster bench-serve`: the server under load as a process of its own, with game servers registered beforehand.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use allocator::{FleetApi as _, NewGameServer};
use anyhow::Context as _;
use futures_util::StreamExt as _;
use model::instance::Addresses;
use model::{GameServerId, Namespace};
use serde::{Deserialize, Serialize};
use server::config::{Config, Limits};
use server::core::{Drivers, InMemoryFleetApi, Settings};
use server::{Options, Server};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{configuration, say};

/// The fleet of the game servers, as the session types of the load generator name it.
pub(super) const FLEET: &str = "bench";
/// Their region.
pub(super) const REGION: &str = "eu-west";
/// Game servers of one machine.
const SERVERS_PER_NODE: usize = 40;
/// Registrations under way at a time, so that they share commits.
const REGISTERING: usize = 64;

/// Serve for the load generator of `muster bench` until standard input ends.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder with the database, the session types and the secret.
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// How many game servers are registered.
    #[arg(long, default_value_t = 2_000)]
    game_servers: usize,
}

/// A line of what it prints: first where it listens, then each game server with its first token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// Where it listens.
    Listening { url: String, database: String },
    /// A game server that is registered and has not polled yet.
    GameServer { id: GameServerId, token: String },
    /// All are registered.
    Ready,
}

/// Serves.
///
/// # Errors
/// When the server cannot start.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("warn"))
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(serve(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &Args) -> anyhow::Result<()> {
    let namespace = Config::default().namespace;
    let database = format!("sqlite://{}", args.folder.join("muster.db").display());
    let secret = std::fs::read(args.folder.join("secret")).context("cannot read the secret")?;
    let server = Server::start(Options {
        database: database.clone(),
        namespace: namespace.clone(),
        secret,
        listen: ([127, 0, 0, 1], 0).into(),
        public_url: None,
        session_types: Some(args.folder.join("sessiontypes")),
        providers: configuration::provider_schemas(),
        limits: Limits::default(),
        settings: Settings {
            large_members_max: 10_000,
            ..Settings::default()
        },
        clock: None,
        drivers: Drivers::Running,
    })
    .await?;
    let url = format!("http://{}", server.address());
    tell(&Line::Listening { url, database })?;
    let api = InMemoryFleetApi::new(server.core().clone());
    let mut registering = futures_util::stream::iter(0..args.game_servers)
        .map(|n| register(&api, &namespace, n))
        .buffer_unordered(REGISTERING);
    while let Some(registered) = registering.next().await {
        tell(&registered?)?;
    }
    drop(registering);
    tell(&Line::Ready)?;
    let shutdown = CancellationToken::new();
    let ended = shutdown.clone();
    // Standard input ends with the load generator, whichever way that ends.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.cancel();
    });
    server.run(shutdown, Arc::new(Notify::new())).await?;
    Ok(())
}

async fn register(api: &InMemoryFleetApi, namespace: &Namespace, n: usize) -> anyhow::Result<Line> {
    let id = GameServerId(uuid::Uuid::from_u128(0x5e44_0000 + n as u128));
    let port = u16::try_from(10_000 + n % 50_000).context("no such port")?;
    let new = NewGameServer {
        id,
        fleet: FLEET.parse()?,
        region: REGION.parse()?,
        node: format!("node-{}", n / SERVERS_PER_NODE),
        addresses: Addresses {
            external: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("game".to_owned(), port)]),
            ..Addresses::default()
        },
        fleet_revision: 1,
        provider_data: serde_json::Value::Null,
    };
    let observed = api.register(namespace, new).await?;
    Ok(Line::GameServer {
        id,
        token: observed.token,
    })
}

fn tell(line: &Line) -> anyhow::Result<()> {
    say::line(&serde_json::to_string(line)?);
    Ok(())
}
