//! The plugin contracts: how a session gets a host ([`Allocator`]) and how game servers are kept running ([`FleetApi`]).

#[cfg(feature = "conformance")]
pub mod conformance;
mod fleet_api;
mod host;

pub use fleet_api::{Demand, FleetApi, FleetSpec, NewGameServer, Observation, Observed};
pub use host::{Allocation, AllocationRequest, AllocationState, Allocator, Capabilities};

/// What may go wrong at a plugin's border.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request can never be served; asking again is no use.
    #[error("refused: {0}")]
    Refused(String),
    /// Something is not reachable or overloaded; ask again.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// This plugin does not do that.
    #[error("{implementer} does not support {operation}")]
    NotSupported {
        /// What was asked.
        operation: &'static str,
        /// Of whom.
        implementer: &'static str,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::NotSupported { .. } => false,
        }
    }
}
