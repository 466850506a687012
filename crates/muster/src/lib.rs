//! What the `muster` program is made of: one module for each subcommand, and what they share.

pub mod arena;
pub mod demo;
pub mod say;
pub mod wrap;
pub mod wrap_exec;

mod host;
