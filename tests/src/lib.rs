//! The harness of the end-to-end suites: databases, servers in this process or in one of their own, clients.

mod cast;
mod database;
mod fleets;
mod host;
mod in_process;
pub mod kills;
pub mod log;
pub mod naive;
pub mod parties;
mod process;
pub mod queue;
pub mod raw;
pub mod world;

use std::hash::{BuildHasher as _, RandomState};

pub use cast::{Player, Script, Stage, status};
pub use database::{Database, Kind};
pub use fleets::{Fleets, Hosts, register};
pub use host::Host;
pub use in_process::{Setup, TestServer, client, namespace, player};
pub use process::{ServeProcess, muster, processes_of, samples};

/// What every test signs its tokens with.
pub const SECRET: &[u8] = b"a secret of tests, thirty-two bytes or more";

/// The session types of most suites; durations are short, so that nothing is waited for long.
pub const SESSION_TYPES: &str = include_str!("session_types.yaml");

/// Runs an async test to its end on a runtime of its own.
///
/// # Panics
/// When the runtime cannot be made.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

/// The seed of a test that draws random numbers: what this variable of the environment says, else another one in each
/// run. Printed, so that a failure shows how to repeat it.
///
/// # Panics
/// When the variable holds something else than a whole number.
#[expect(clippy::print_stdout, reason = "a failure shows it")]
pub fn seed(variable: &str) -> u64 {
    let given = std::env::var(variable).ok();
    let given = given.map(|text| text.parse().expect("a seed is a whole number"));
    // The standard library's own source of randomness.
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(variable));
    println!("{variable}={seed} repeats it");
    seed
}

/// Waits until `state` gives a value; asks again every few milliseconds.
///
/// # Panics
/// When that takes longer than a minute; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut state: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            if let Some(value) = state().await {
                return value;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    match waited.await {
        Ok(value) => value,
        Err(_) => panic!("waited a minute in vain for {what}"),
    }
}
