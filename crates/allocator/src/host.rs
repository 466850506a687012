//! `Allocator`: brings a host for one session at a time.

use std::fmt;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use model::instance::Addresses;
use model::session_type::StartupParams;
use model::{AllocationId, GameServerId, Name, Namespace, PlayerId, Region, SessionId};

use crate::Error;

/// A session that needs a host. A plugin sees this and never a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationRequest {
    /// Chosen by the caller; the same id is the same request.
    pub id: AllocationId,
    /// Whose session.
    pub namespace: Namespace,
    /// Which session.
    pub session: SessionId,
    /// The fleet that the session type names.
    pub fleet: Name,
    /// Where; `None`: anywhere.
    pub region: Option<Region>,
    /// What the host is to start.
    pub startup_params: StartupParams,
    /// Who will play; hosts among the members are picked from these.
    pub members: Vec<PlayerId>,
}

/// A host that has been promised to a session, or not yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// The request's id.
    pub id: AllocationId,
    /// Where it stands.
    pub state: AllocationState,
}

/// Where an allocation stands.
#[derive(Debug, Clone, PartialEq)]
pub enum AllocationState {
    /// Accepted; no host yet. `watch` tells when to ask again.
    Waiting,
    /// A host is there.
    Allocated {
        /// The game server, when the host is one of the registry.
        game_server: Option<GameServerId>,
        /// Where players connect.
        addresses: Addresses,
    },
    /// There will be no host.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// What an allocator can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Hosts outlive one session.
    pub reuses_hosts: bool,
    /// Hosts are members of the session.
    pub player_hosts: bool,
}

/// Brings hosts. Level-triggered; every call may be repeated, by the same or another replica.
#[async_trait]
pub trait Allocator: fmt::Debug + Send + Sync {
    /// Makes `request.id` exist and says where it stands; the same id again gives the same allocation.
    ///
    /// # Errors
    /// [`Error::Refused`] when the request can never be served, [`Error::Unavailable`] to ask again.
    async fn ensure(&self, request: AllocationRequest) -> Result<Allocation, Error>;

    /// Gives it back; succeeds if it is already gone or was never there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn release(&self, id: AllocationId) -> Result<(), Error>;

    /// Everything this allocator believes is alive, for reconciliation after a restart.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn list(&self) -> Result<Vec<Allocation>, Error>;

    /// Hints that something changed; a missed hint costs latency only.
    fn watch(&self) -> BoxStream<'static, AllocationId>;

    /// What it can do; constant.
    fn capabilities(&self) -> Capabilities;
}
