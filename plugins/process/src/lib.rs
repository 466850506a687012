//! Game servers as local processes: starts them on demand, watches them, takes them back after a restart, ends them.
//!
//! The registry decides how many there are and which may end ([`allocator::FleetApi`]); this plugin makes it so on
//! one machine. What it starts carries the installation's and the game server's id in its environment, which is how
//! it knows its own processes again, and how it knows to leave everybody else's alone. Linux only: processes are
//! held by pidfd, so that a signal never meets a stranger who got the same pid.

mod backoff;
mod config;
mod fleet;
mod launch;
mod lint;
mod log;
mod options;
mod plan;
mod ports;
mod process;
mod provider;
mod server;
mod table;

pub use config::{Config, Limits, MemoryBytes, PortRange};
pub use launch::SERVER_AWAY_VARIABLE;
pub use lint::{lint, lint_fleet};
pub use options::{OnShutdown, Options};
pub use provider::ProcessProvider;
pub use table::{Found, of_installation};

/// JSON Schema of a fleet's `config` when its provider is `process`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}
