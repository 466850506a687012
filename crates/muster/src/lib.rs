//! What the `muster` program is made of: one module for each subcommand, and what they share.

pub mod arena;
pub mod bench;
pub mod check;
pub mod demo;
pub mod say;
pub mod schema;
pub mod serve;
pub mod simulate;
pub mod token;
pub mod wrap;
pub mod wrap_exec;

mod configuration;
pub use configuration::provider_schemas;
mod files;
mod host;
