//! What the `muster` program is made of: one module for each subcommand, and what they share.

pub mod check;
pub mod say;
pub mod schema;
pub mod serve;
pub mod token;

mod configuration;
