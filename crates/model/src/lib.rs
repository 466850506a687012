//! The vocabulary of Muster and its laws: ids, session types, queues, fleets, sessions, tickets, game servers.
//!
//! Everything here is pure: no clock, no randomness, no IO. `now` and ids are arguments.

pub mod id;
pub mod name;
pub mod time;

pub mod config;
pub mod fleet;
pub mod formation;
pub mod opening;
pub mod qos;
pub mod queue;
pub mod roles;
pub mod session_type;
pub mod subscriptions;
pub mod version;

pub mod game_server;
pub mod instance;
pub mod penalty;
pub mod proposal;
pub mod ticket;

pub mod session;

pub mod wire;
pub mod wrap;

pub use game_server::GameServer;
pub use id::*;
pub use instance::Instance;
pub use name::{Name, NameError, Namespace, PlayerId, Region};
pub use proposal::Proposal;
pub use session::Session;
pub use ticket::Ticket;
pub use time::{Millis, Timeout, Timestamp};
