//! Everything HTTP: one table of routes, from which come the router, the OpenAPI document and the access table.

pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod routes;
pub mod security;
pub mod shape;
mod standing;

mod access;
mod backfill_routes;
mod call;
mod dispatch;
mod examples;
mod reply;
mod serve;
mod table;
mod table_matchmaking;

mod backfills;
mod events;
mod fleets;
mod game_servers;
mod instances;
mod invites;
mod members;
mod numbers;
mod ops;
mod sessions;
mod tickets;
mod together;

pub use dispatch::{Http, router};
pub use serve::serve;

#[cfg(test)]
pub(crate) mod tests;
