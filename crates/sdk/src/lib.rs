//! The Rust client of Muster, for players, game servers, providers and tools; the only HTTP client in the tree.
//!
//! [`Client`] has a typed method for every endpoint; a clone is cheap and shares the connections.
//! [`game_server::GameServer`] is the game's side of the game-server protocol, as a small driver.
//! [`token`] makes tokens for tools and tests.

mod backfill;
mod browser;
mod call;
mod chance;
mod client;
mod error;
mod retry;

mod events;
mod fleets;
mod hosting;
mod invites;
mod ops;
mod sessions;
mod tickets;
mod together;

pub mod game_server;
pub mod token;

pub use browser::BrowserSearch;
pub use client::{Client, Settings, Versioned};
pub use error::Error;
pub use events::Watch;
pub use game_server::GameServer;
pub use sessions::{Condition, Who};

#[cfg(test)]
mod tests;
