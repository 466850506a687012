//! The suites that every implementation of the two contracts passes; a plugin's tests stamp them out by macro.
//!
//! ```text
//! allocator::fleet_api_conformance!(async { MyHarness::new().await });
//! allocator::allocator_conformance!(async { MyHarness::new().await });
//! ```
//! The expression is a future of a fresh harness, awaited once in each test. With `optional` before it, it is one of
//! an `Option`: a test whose harness cannot be had here, such as one on a database that is not there, ends at once.

pub mod fleet_api;
pub mod hosts;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// After this a wait counts as lost: far above anything that a healthy implementation needs.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// An id that no other call in this process has given.
pub fn fresh_id<T: From<uuid::Uuid>>() -> T {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // The process id keeps suites apart that share one database.
    T::from(uuid::Uuid::from_u64_pair(
        u64::from(std::process::id()),
        number,
    ))
}

/// Waits for `future`, and fails the test with `what` when it takes longer than [`WAIT_MAX`].
///
/// # Panics
/// When the wait is over and nothing came.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(WAIT_MAX, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {WAIT_MAX:?} in vain: {what}"),
    }
}

/// Stamps out one named test for each rule of the `FleetApi` contract.
#[macro_export]
macro_rules! fleet_api_conformance {
    (optional $harness:expr) => {
        $crate::fleet_api_conformance!(@tests $harness;
            register_is_idempotent_by_id,
            register_beyond_max_is_refused,
            register_of_an_unknown_fleet_is_refused,
            demand_answers_at_once_when_it_has_news,
            demand_waits_until_it_changes,
            demand_never_loses_a_wake,
            demand_grows_with_what_is_in_use,
            demand_of_a_removed_fleet_says_so,
            only_new_content_changes_the_revision,
            fleets_names_what_exists_and_what_is_left_over,
            list_gives_the_rows_of_one_fleet,
            observed_running_notes_the_provider_data,
            observed_ended_makes_gone_and_repeats,
            observed_of_an_unknown_id_succeeds,
            an_ended_game_server_is_never_allocated,
            retire_refuses_what_is_in_use,
            retire_with_drain_takes_it_out_of_service,
            retire_repeats,
            retire_of_an_unknown_id_gives_leave,
            retire_and_allocate_never_both_win,
            two_hundred_in_parallel_leave_nothing,
        );
    };
    ($harness:expr) => {
        $crate::fleet_api_conformance!(optional async { Some($harness.await) });
    };
    (@tests $harness:expr; $($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(harness) = $harness.await else { return };
            $crate::conformance::fleet_api::$name(&harness).await;
        }
    )*};
}

/// Stamps out one named test for each rule of the `Allocator` contract.
#[macro_export]
macro_rules! allocator_conformance {
    (optional $harness:expr) => {
        $crate::allocator_conformance!(@tests $harness;
            ensure_is_idempotent_by_id,
            ensure_in_parallel_with_one_id_makes_one_allocation,
            a_host_goes_to_one_request_only,
            release_repeats_and_takes_unknown_ids,
            a_released_id_leaves_the_list,
            list_contains_what_lives,
            waiting_becomes_allocated_when_a_host_appears,
            what_can_never_be_served_says_why,
            two_hundred_in_parallel_leave_nothing,
        );
    };
    ($harness:expr) => {
        $crate::allocator_conformance!(optional async { Some($harness.await) });
    };
    (@tests $harness:expr; $($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let Some(harness) = $harness.await else { return };
            $crate::conformance::hosts::$name(&harness).await;
        }
    )*};
}
