//! The end-to-end suites: the real server over HTTP, on both databases, with real game servers.

mod conformance;
// The process plugin's own scenarios, here over the real registry.
#[path = "../../plugins/process/tests/it/faults.rs"]
mod faults;
mod kill;
mod race;
mod walk;
#[path = "../../plugins/process/tests/it/world.rs"]
mod world;
