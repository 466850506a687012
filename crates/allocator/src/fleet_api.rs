//! `FleetApi`: for whoever keeps game servers running; demand in, observations out, retire before you end.

use std::fmt;

use async_trait::async_trait;
use model::instance::Addresses;
use model::{GameServer, GameServerId, Name, Namespace, Region};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a provider must run: one for each fleet and region of an active revision.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSpec {
    /// Whose fleet.
    pub namespace: Namespace,
    /// The fleet, with its validated settings.
    pub fleet: std::sync::Arc<model::fleet::Fleet>,
    /// The region.
    pub region: Region,
    /// Revision of what its game servers are made of: its `config`, `version` and `slots`. Game servers of another one
    /// are to be drained; a change of how many there should be (`min`, `buffer`, `max`) therefore leaves it as it is.
    pub fleet_revision: u64,
}

/// What is wanted of one fleet in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Counts up with every change; pass it back to wait for the next.
    pub version: u64,
    /// What to run; `None`: the fleet is gone, drain everything.
    pub spec: Option<FleetSpec>,
    /// Sessions that wait for a host of this fleet now.
    pub waiting: u32,
    /// How many game servers should exist (starting or ready, in use or not): within the fleet's capacity.
    pub desired: u32,
}

/// A game server that a provider is about to start.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGameServer {
    /// Chosen by the provider.
    pub id: GameServerId,
    /// Its fleet.
    pub fleet: Name,
    /// Its region.
    pub region: Region,
    /// The machine.
    pub node: String,
    /// Where it will be reached.
    pub addresses: Addresses,
    /// Of [`FleetSpec`].
    pub fleet_revision: u64,
    /// Whatever the provider needs to recognise it after a restart.
    pub provider_data: serde_json::Value,
}

/// What the registry gives for a new game server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Goes into `MUSTER_URL`.
    pub url: String,
    /// Goes into `MUSTER_TOKEN`: single use.
    pub token: String,
}

/// What a provider sees of a process.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// It runs; `provider_data` replaces what was noted.
    Running {
        /// Pid, start time and the like.
        provider_data: serde_json::Value,
    },
    /// It has ended (or was never started); its row becomes `gone`, and what it carried loses its host.
    Ended {
        /// Why, for people: exit status, signal, "could not be started".
        reason: String,
    },
}

/// The registry as a provider sees it. Every call may be repeated.
#[async_trait]
pub trait FleetApi: fmt::Debug + Send + Sync {
    /// Every (namespace, fleet, region) that has a provider of this kind, now or with game servers left over;
    /// waits until it differs from `seen` (a version), then answers; 0 answers at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn fleets(
        &self,
        provider: model::fleet::Provider,
        seen: u64,
    ) -> Result<(u64, Vec<(Namespace, Name, Region)>), Error>;

    /// What is wanted of one fleet; waits until `Demand::version` differs from `seen`; 0 answers at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn demand(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
        seen: u64,
    ) -> Result<Demand, Error>;

    /// The rows of one fleet that are not `gone`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn list(
        &self,
        namespace: &Namespace,
        fleet: &Name,
        region: &Region,
    ) -> Result<Vec<GameServer>, Error>;

    /// Writes the row, before the process is started. Again with the same id: a new token for the same row.
    ///
    /// # Errors
    /// [`Error::Refused`] when the fleet has reached its `max`, [`Error::Unavailable`] to ask again.
    async fn register(
        &self,
        namespace: &Namespace,
        game_server: NewGameServer,
    ) -> Result<Observed, Error>;

    /// Tells what the provider sees. Of an unknown or gone game server: succeeds, nothing happens.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn observed(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        observation: Observation,
    ) -> Result<(), Error>;

    /// Asks for leave to end a game server: `true` once its row says `draining` with nothing in use.
    /// `drain`: take the row out of service even if it is in use now (then `false` until it is idle).
    /// Without `drain`, a row in use stays as it is and the answer is `false`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] to ask again.
    async fn retire(
        &self,
        namespace: &Namespace,
        id: GameServerId,
        drain: bool,
    ) -> Result<bool, Error>;
}
