//! The configuration of `muster serve`: built-in values, then a file, the environment and flags, each over the last.

mod layers;
mod limits;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use model::Namespace;
use model::config::Duration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

pub use layers::{Effective, Error, Layers, Source};
pub use limits::Limits;

/// The configuration of `muster serve`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`; empty: `muster.db` in the data directory.
    pub database: String,
    /// Where Muster keeps its own files: embedded database, secret, logs of game servers.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// How game servers and players reach this server; empty: by the address that it listens on.
    pub public_url: String,
    /// The namespace that this server works for.
    pub namespace: Namespace,
    /// The folder of session types, queues and fleets.
    pub session_types: PathBuf,
    /// The secret of tokens itself; empty: see `secret_file`. Better kept out of files, in MUSTER_SECRET.
    pub secret: String,
    /// A file with the secret of tokens; empty: `secret` in the data directory, made on the first start.
    pub secret_file: PathBuf,
    /// How often due sessions are brought up to date although nobody looks; `0s`: never (A.3 row 11).
    pub sweep_interval: Duration,
    /// Seats of the largest session that may be made, where its type has the capability `large`; at most 10,000.
    pub large_members_max: u32,
    /// What the log looks like.
    pub log: Log,
    /// Limits on what comes in.
    pub limits: Limits,
    /// Game servers as processes of this machine.
    pub process: Process,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        D::Error::custom(format_args!(
            "{text:?} is no address with a port; write one such as 127.0.0.1:8080 or [::]:8080"
        ))
    })
}

/// What the log looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged: a level, or directives such as `info,server::http=debug`.
    pub filter: String,
}

/// For people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Game servers as processes of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Process {
    /// Whether this server runs the fleets with `provider: process`.
    pub enabled: bool,
    /// What players connect to.
    pub address: String,
    /// What happens to game servers when this server ends.
    pub on_shutdown: OnShutdown,
}

/// What happens to game servers when `serve` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnShutdown {
    /// They go on; the next start takes them back.
    Leave,
    /// They are ended.
    Stop,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: String::new(),
            data_dir: PathBuf::from("muster-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7350)),
            public_url: String::new(),
            namespace: default_namespace(),
            session_types: PathBuf::from("sessiontypes"),
            secret: String::new(),
            secret_file: PathBuf::new(),
            sweep_interval: Duration::seconds(0),
            large_members_max: 1_000,
            log: Log::default(),
            limits: Limits::default(),
            process: Process::default(),
        }
    }
}

fn default_namespace() -> Namespace {
    const NAME: &str = "default";
    match NAME.parse() {
        Ok(name) => name,
        Err(_) => unreachable!("{NAME} is a name"),
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for Process {
    fn default() -> Self {
        Self {
            enabled: true,
            address: "127.0.0.1".to_owned(),
            on_shutdown: OnShutdown::Leave,
        }
    }
}

impl Config {
    /// The database's URL, with the embedded one filled in.
    pub fn database_url(&self) -> String {
        if self.database.is_empty() {
            format!("sqlite:{}", self.data_dir.join("muster.db").display())
        } else {
            self.database.clone()
        }
    }

    /// The file of the secret, with the one in the data directory filled in.
    pub fn secret_path(&self) -> PathBuf {
        if self.secret_file.as_os_str().is_empty() {
            self.data_dir.join("secret")
        } else {
            self.secret_file.clone()
        }
    }

    /// How this server is reached when it listens on `address`.
    pub fn url(&self, address: SocketAddr) -> String {
        if self.public_url.is_empty() {
            let mut reachable = address;
            // Whoever listens everywhere is reached here.
            if address.ip().is_unspecified() {
                reachable.set_ip(match address {
                    SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            format!("http://{reachable}")
        } else {
            self.public_url.trim_end_matches('/').to_owned()
        }
    }

    /// The same with what must not be shown replaced.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        if !shown.secret.is_empty() {
            shown.secret = HIDDEN.to_owned();
        }
        shown.database = redacted_url(&shown.database);
        shown
    }
}

/// Stands for what must not be shown.
const HIDDEN: &str = "(hidden)";

/// A URL without its password: `postgres://muster:(hidden)@db/muster`.
pub fn redacted_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let path = match path.split_once('?') {
        // Passwords may also stand among the options.
        Some((path, _)) => format!("{path}?{HIDDEN}"),
        None => path.to_owned(),
    };
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = match user.split_once(':') {
                Some((name, _)) => format!("{name}:{HIDDEN}"),
                None => user.to_owned(),
            };
            format!("{scheme}://{user}@{host}{path}")
        }
        None => format!("{scheme}://{authority}{path}"),
    }
}

/// Without secrets.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.redacted();
        let text = serde_json::to_string(&shown).map_err(|_| fmt::Error)?;
        write!(f, "Config {text}")
    }
}
