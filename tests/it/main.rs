//! The end-to-end suites: the real server over HTTP, on both databases, with real game servers.

mod bad_input;
mod events;
mod idempotency;
mod joinability;
mod kill;
mod laws;
mod members;
mod reload;
mod security;
mod start;
mod tickets;
mod walk;
