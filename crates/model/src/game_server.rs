//! A game server: a process that can host sessions; a row of the registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instance::Addresses;
use crate::{AllocationId, GameServerId, Name, Region, SessionId, Timestamp};

/// A row of the registry. Allocation, acknowledgement and retirement are compare-and-sets on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameServer {
    /// Chosen by the provider before it starts the process.
    pub id: GameServerId,
    /// Its fleet.
    pub fleet: Name,
    /// Where it runs.
    pub region: Region,
    /// The machine that it runs on.
    pub node: String,
    /// What it reports as its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<semver::Version>,
    /// Where it is reached.
    pub addresses: Addresses,
    /// Where it stands.
    pub state: GameServerState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// Sessions that it can carry at a time.
    pub slots: u16,
    /// What it carries now; never longer than `slots`.
    pub allocations: Vec<Allocated>,
    /// The content revision of the fleet that it was started for; of an older one it is drained when idle.
    pub fleet_revision: u64,
    /// The token of its environment has been exchanged for another, which was used since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_token_spent: bool,
    /// What the provider notes to recognise the process again: pid, start time and the like.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub provider_data: serde_json::Value,
}

impl GameServer {
    /// Slots in use.
    pub fn used(&self) -> u16 {
        u16::try_from(self.allocations.len()).unwrap_or(u16::MAX)
    }

    /// Whether it can be allocated once more.
    pub fn has_free_slot(&self) -> bool {
        self.state == GameServerState::Ready && self.used() < self.slots
    }
}

/// One slot in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocated {
    /// The attempt.
    pub allocation: AllocationId,
    /// For which session.
    pub session: SessionId,
    /// When. Whether it was acknowledged stands in the session's instance, which decides it.
    pub at: Timestamp,
}

/// Where a game server stands (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GameServerState {
    /// Its provider is starting it; it has not yet asked for its assignment.
    Starting,
    /// Has asked for its assignment.
    Ready,
    /// Takes nothing new; ends when idle.
    Draining,
    /// Has ended.
    Gone,
}
