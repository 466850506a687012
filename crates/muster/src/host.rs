//! What `arena` and `wrap` have in common as game servers: log, signals, environment, a quiet end.

use std::time::Duration;

use anyhow::Context;
use sdk::game_server::Reporter;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long the last words to Muster may take; whoever ends a game server follows with SIGKILL.
const FAREWELL: Duration = Duration::from_secs(2);

/// Logs to standard error; `MUSTER_LOG` filters, as in `MUSTER_LOG=debug`.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Whoever runs this in a test has set up a log of his own.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// A game server whose server has been away for so long ends itself once it plays no session: nobody may be left
/// to end it. One that only starts again is back long before.
pub(crate) const SERVER_AWAY_MAX: &str = "60s";

/// A span such as `10ms` or `1s`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a span such as 10ms or 1s");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1_000),
    };
    match number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)) {
        None | Some(0) => Err(wrong()),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

/// A runtime on the calling thread alone.
///
/// A machine runs many game servers, each of which does little: one thread for each is enough. `wrap` depends on
/// it: the death signal of a child is tied to the thread that started it, and this one lives to the end.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct EndSignals {
    term: Signal,
    int: Signal,
}

impl EndSignals {
    /// From now on these signals no longer end the process by themselves.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let install = |kind| signal(kind).context("cannot install a signal handler");
        Ok(Self {
            term: install(SignalKind::terminate())?,
            int: install(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Where players reach this game server: `MUSTER_ADDRESS` and `MUSTER_PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub address: String,
    pub port: u16,
}

impl Place {
    /// As the provider has set it.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let port = std::env::var("MUSTER_PORT").context("MUSTER_PORT is not set")?;
        let port = port
            .parse()
            .with_context(|| format!("MUSTER_PORT is {port:?}, which is not a port"))?;
        let address = std::env::var("MUSTER_ADDRESS").unwrap_or_else(|_| "127.0.0.1".to_owned());
        Ok(Self { address, port })
    }
}

/// What is to be known when [`SERVER_AWAY_MAX`] has passed.
pub(crate) fn say_server_gone(limit: Duration) {
    tracing::warn!("the server has not answered for {limit:?} and no session is played: ending");
}

/// Delivers what is still to be said, then says that this game server ends; gives up after a moment.
pub(crate) async fn say_farewell(reporter: &Reporter) {
    let words = async {
        reporter.posted().await;
        reporter.shutdown().await
    };
    match tokio::time::timeout(FAREWELL, words).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%error, "Muster did not take the farewell"),
        Err(_) => tracing::info!("Muster does not answer; ending without a farewell"),
    }
}
