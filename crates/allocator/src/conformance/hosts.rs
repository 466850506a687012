//! The suite of the [`Allocator`] contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::join_all;
use model::AllocationId;

use super::{fresh_id, within};
use crate::{Allocation, AllocationRequest, AllocationState, Allocator, Error};

/// What an implementation lends to the suite.
#[async_trait]
pub trait AllocatorHarness: Send + Sync {
    /// The implementation under test; always the same one. It starts without any host.
    fn allocator(&self) -> Arc<dyn Allocator>;
    /// A request that can be served, with an id that was never used.
    fn request(&self) -> AllocationRequest;
    /// A request that can never be served.
    fn doomed_request(&self) -> AllocationRequest;
    /// Makes `count` more hosts free for requests of [`AllocatorHarness::request`].
    async fn add_hosts(&self, count: usize);
}

fn ids(allocations: &[Allocation]) -> BTreeSet<AllocationId> {
    allocations.iter().map(|allocation| allocation.id).collect()
}

async fn ensured(harness: &impl AllocatorHarness, request: &AllocationRequest) -> Allocation {
    let allocation = harness.allocator().ensure(request.clone()).await;
    let allocation = allocation.expect("a request that can be served is accepted");
    assert_eq!(
        allocation.id, request.id,
        "the answer carries the request's id"
    );
    allocation
}

async fn allocated(harness: &impl AllocatorHarness, request: &AllocationRequest) -> Allocation {
    let mut hints = harness.allocator().watch();
    within("an allocation", async {
        loop {
            let allocation = ensured(harness, request).await;
            match allocation.state {
                AllocationState::Allocated { .. } => return allocation,
                AllocationState::Waiting => assert!(hints.next().await.is_some(), "hints go on"),
                AllocationState::Failed { reason } => panic!("a host was there, yet: {reason}"),
            }
        }
    })
    .await
}

/// The same id again gives the same allocation.
pub async fn ensure_is_idempotent_by_id(harness: &impl AllocatorHarness) {
    harness.add_hosts(3).await;
    let request = harness.request();
    let first = allocated(harness, &request).await;
    for _ in 0..3 {
        assert_eq!(ensured(harness, &request).await, first);
    }
    let alive = harness.allocator().list().await.expect("list");
    assert_eq!(alive.len(), 1, "one id, one allocation");
}

/// Callers that race with one id agree on what they got.
pub async fn ensure_in_parallel_with_one_id_makes_one_allocation(harness: &impl AllocatorHarness) {
    harness.add_hosts(8).await;
    let request = harness.request();
    let got = join_all((0..8).map(|_| allocated(harness, &request))).await;
    assert!(got.windows(2).all(|pair| pair[0] == pair[1]), "{got:?}");
    assert_eq!(harness.allocator().list().await.expect("list").len(), 1);
}

/// Two requests never share what only one host can give.
pub async fn a_host_goes_to_one_request_only(harness: &impl AllocatorHarness) {
    harness.add_hosts(1).await;
    let (first, second) = (harness.request(), harness.request());
    allocated(harness, &first).await;
    assert_eq!(
        ensured(harness, &second).await.state,
        AllocationState::Waiting
    );
}

/// Giving back succeeds as often as it is asked, of whatever id.
pub async fn release_repeats_and_takes_unknown_ids(harness: &impl AllocatorHarness) {
    harness.add_hosts(1).await;
    let request = harness.request();
    allocated(harness, &request).await;
    for _ in 0..3 {
        harness
            .allocator()
            .release(request.id)
            .await
            .expect("release repeats");
    }
    let unknown = harness.allocator().release(fresh_id()).await;
    unknown.expect("release of an unknown id succeeds");
}

/// What was given back is not alive.
pub async fn a_released_id_leaves_the_list(harness: &impl AllocatorHarness) {
    harness.add_hosts(1).await;
    let (held, waiting) = (harness.request(), harness.request());
    allocated(harness, &held).await;
    ensured(harness, &waiting).await;
    for request in [&held, &waiting] {
        harness
            .allocator()
            .release(request.id)
            .await
            .expect("release");
        let alive = harness.allocator().list().await.expect("list");
        assert!(!ids(&alive).contains(&request.id), "{alive:?}");
    }
}

/// A restart finds everything that lives.
pub async fn list_contains_what_lives(harness: &impl AllocatorHarness) {
    harness.add_hosts(3).await;
    let requests: Vec<_> = (0..3).map(|_| harness.request()).collect();
    for request in &requests {
        allocated(harness, request).await;
    }
    let alive = harness.allocator().list().await.expect("list");
    assert_eq!(
        ids(&alive),
        requests.iter().map(|request| request.id).collect()
    );
}

/// Who waits is told when there is a host, and then has it.
pub async fn waiting_becomes_allocated_when_a_host_appears(harness: &impl AllocatorHarness) {
    let mut hints = harness.allocator().watch();
    let request = harness.request();
    assert_eq!(
        ensured(harness, &request).await.state,
        AllocationState::Waiting
    );
    harness.add_hosts(1).await;
    within("a hint", async {
        while hints.next().await.expect("hints go on") != request.id {}
    })
    .await;
    let state = ensured(harness, &request).await.state;
    assert!(
        matches!(state, AllocationState::Allocated { .. }),
        "{state:?}"
    );
}

/// A refusal has words, at the door or later.
pub async fn what_can_never_be_served_says_why(harness: &impl AllocatorHarness) {
    harness.add_hosts(1).await;
    let request = harness.doomed_request();
    let mut hints = harness.allocator().watch();
    let reason = within("a refusal", async {
        loop {
            match harness.allocator().ensure(request.clone()).await {
                Err(Error::Refused(reason)) => return reason,
                Ok(Allocation {
                    state: AllocationState::Failed { reason },
                    ..
                }) => return reason,
                Ok(Allocation {
                    state: AllocationState::Waiting,
                    ..
                }) => {
                    assert!(hints.next().await.is_some(), "hints go on");
                }
                other => panic!("it can never be served, yet: {other:?}"),
            }
        }
    })
    .await;
    assert!(!reason.is_empty(), "the reason has words");
}

/// Many at once, each allocated and given back: nothing is left, and every host can be had again.
pub async fn two_hundred_in_parallel_leave_nothing(harness: &impl AllocatorHarness) {
    harness.add_hosts(20).await;
    join_all((0..200).map(|_| async {
        let request = harness.request();
        allocated(harness, &request).await;
        harness
            .allocator()
            .release(request.id)
            .await
            .expect("release");
    }))
    .await;
    assert_eq!(harness.allocator().list().await.expect("list"), []);
    join_all((0..20).map(|_| async { allocated(harness, &harness.request()).await })).await;
}
