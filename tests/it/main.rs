//! The end-to-end suites: the real server over HTTP, on both databases, with real game servers.

mod joinability;
mod kill;
mod laws;
mod members;
mod walk;
