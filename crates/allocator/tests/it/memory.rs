//! The `Allocator` contract in memory, as small as it can be kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allocator::conformance::{fresh_id, hosts::AllocatorHarness};
use allocator::{Allocation, AllocationRequest, AllocationState, Allocator, Capabilities, Error};
use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use model::AllocationId;
use model::instance::Addresses;
use tokio::sync::broadcast;

#[derive(Debug, Default)]
struct Hosts {
    free: usize,
    /// In order of age; true: has a host.
    requests: BTreeMap<AllocationId, bool>,
}

#[derive(Debug)]
pub struct Memory {
    hosts: Mutex<Hosts>,
    hints: broadcast::Sender<AllocationId>,
}

impl Memory {
    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives free hosts to those who wait and tells them.
    fn deal(&self, hosts: &mut Hosts) {
        for (id, has_host) in &mut hosts.requests {
            if hosts.free > 0 && !*has_host {
                hosts.free -= 1;
                *has_host = true;
                // Nobody listening is no loss: a hint costs latency only.
                let _ = self.hints.send(*id);
            }
        }
    }
}

fn allocation(id: AllocationId, has_host: bool) -> Allocation {
    let state = if has_host {
        AllocationState::Allocated {
            game_server: None,
            addresses: Addresses::default(),
        }
    } else {
        AllocationState::Waiting
    };
    Allocation { id, state }
}

#[async_trait]
impl Allocator for Memory {
    async fn ensure(&self, request: AllocationRequest) -> Result<Allocation, Error> {
        if request.fleet.as_str() == "doomed" {
            return Err(Error::Refused("there is no such fleet".to_owned()));
        }
        let mut hosts = self.hosts();
        hosts.requests.entry(request.id).or_insert(false);
        self.deal(&mut hosts);
        let has_host = hosts.requests.get(&request.id).copied().unwrap_or(false);
        Ok(allocation(request.id, has_host))
    }

    async fn release(&self, id: AllocationId) -> Result<(), Error> {
        let mut hosts = self.hosts();
        if hosts.requests.remove(&id) == Some(true) {
            hosts.free += 1;
            self.deal(&mut hosts);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Allocation>, Error> {
        let hosts = self.hosts();
        let alive = hosts.requests.iter();
        Ok(alive
            .map(|(&id, &has_host)| allocation(id, has_host))
            .collect())
    }

    fn watch(&self) -> BoxStream<'static, AllocationId> {
        stream::unfold(self.hints.subscribe(), async |mut hints| {
            loop {
                match hints.recv().await {
                    Ok(id) => return Some((id, hints)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }
}

pub struct Harness(Arc<Memory>);

impl Default for Harness {
    fn default() -> Self {
        Self(Arc::new(Memory {
            hosts: Mutex::default(),
            hints: broadcast::channel(1_024).0,
        }))
    }
}

#[async_trait]
impl AllocatorHarness for Harness {
    fn allocator(&self) -> Arc<dyn Allocator> {
        Arc::<Memory>::clone(&self.0)
    }

    fn request(&self) -> AllocationRequest {
        AllocationRequest {
            id: fresh_id(),
            namespace: "test".parse().expect("a name"),
            session: fresh_id(),
            fleet: "fleet".parse().expect("a name"),
            region: None,
            startup_params: model::session_type::StartupParams::default(),
            members: Vec::new(),
        }
    }

    fn doomed_request(&self) -> AllocationRequest {
        AllocationRequest {
            fleet: "doomed".parse().expect("a name"),
            ..self.request()
        }
    }

    async fn add_hosts(&self, count: usize) {
        let mut hosts = self.0.hosts();
        hosts.free += count;
        self.0.deal(&mut hosts);
    }
}
