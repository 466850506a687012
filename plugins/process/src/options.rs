//! What the provider is told about the machine, and its limits.

use std::path::PathBuf;
use std::time::Duration;

use model::InstallationId;

/// Settings of a [`crate::ProcessProvider`]. [`Options::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose processes these are: everything that is started carries it, nothing else is touched.
    pub installation: InstallationId,
    /// The name of this machine in the registry; rows of other nodes are left alone. Default: `local`.
    pub node: String,
    /// Logs of game servers lie in `logs/` under this folder.
    pub data_dir: PathBuf,
    /// What players connect to. Default: `127.0.0.1`.
    pub address: String,
    /// Where the server is now, as new game servers are told. One of an earlier life that was told something else
    /// cannot reach it, and is ended instead of taken back. Default: `None`, everything is taken back.
    pub url: Option<String>,
    /// How long `muster arena` and `muster wrap` wait for a server that is away before they end themselves, if they
    /// play no session. Default: `None`, their own default of 60 s.
    pub server_away_max: Option<Duration>,
    /// What the word `muster` at the start of a command means, and what runs `wrap`.
    pub executable: PathBuf,
    /// What happens to game servers when the provider ends. Default: [`OnShutdown::Leave`].
    pub on_shutdown: OnShutdown,
    /// From SIGTERM to SIGKILL for programs without `wrap.stop.grace`. Default: 10 s.
    pub stop_grace: Duration,
    /// A game server that has not asked for its assignment for so long is ended. Default: 60 s.
    pub start_timeout: Duration,
    /// Game servers that are registered and spawned at the same moment. Default: 8.
    pub starts_at_once: usize,
    /// Wait after the first failed start; doubles with each further one. Default: 500 ms.
    pub backoff_first: Duration,
    /// The longest wait after failed starts. Default: 60 s.
    pub backoff_max: Duration,
    /// How often rows are read again although nobody said that they changed. Default: 1 s.
    pub resync: Duration,
    /// How often processes are looked for that carry our id but have no row. Default: 60 s.
    pub audit: Duration,
    /// With [`OnShutdown::Stop`]: how long game servers in use may go on. Default: 10 s.
    pub drain_max: Duration,
    /// How often logs are measured. Default: 5 s.
    pub log_check: Duration,
    /// A log of more bytes is moved to `.log.1` (replacing the last one) and begun anew. Default: 16 MiB.
    pub log_bytes_max: u64,
    /// Logs of game servers that have ended, kept at most: files. Default: 200.
    pub ended_logs_max: usize,
    /// Logs of game servers that have ended, kept at most: bytes. Default: 1 GiB.
    pub ended_logs_bytes_max: u64,
}

/// What happens to game servers when the provider ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnShutdown {
    /// They go on, and the next start of this installation takes them back.
    Leave,
    /// They are drained for [`Options::drain_max`] and ended; no process is left.
    Stop,
}

impl Options {
    /// Defaults for everything but what has none.
    pub fn new(installation: InstallationId, data_dir: PathBuf, executable: PathBuf) -> Self {
        Self {
            installation,
            node: "local".to_owned(),
            data_dir,
            address: "127.0.0.1".to_owned(),
            url: None,
            server_away_max: None,
            executable,
            on_shutdown: OnShutdown::Leave,
            stop_grace: Duration::from_secs(10),
            start_timeout: Duration::from_secs(60),
            starts_at_once: 8,
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            resync: Duration::from_secs(1),
            audit: Duration::from_secs(60),
            drain_max: Duration::from_secs(10),
            log_check: Duration::from_secs(5),
            log_bytes_max: 16 << 20,
            ended_logs_max: 200,
            ended_logs_bytes_max: 1 << 30,
        }
    }
}
