//! An instance: the hosted connection point of a session (R72, F7).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::session_type::{CustomData, StartupParams};
use crate::{AllocationId, GameServerId, InstanceId, MatchId, Name, Timestamp};

/// The hosted connection point of a session; part of the session's header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Never used twice.
    pub id: InstanceId,
    /// Where it stands.
    pub status: InstanceStatus,
    /// Since when it stands there.
    pub since: Timestamp,
    /// The fleet that its host comes from.
    pub fleet: Name,
    /// When the host was asked for; `allocation_timeout` counts from here.
    pub requested_at: Timestamp,
    /// What the host is to start.
    pub startup_params: StartupParams,
    /// The allocation that won, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<InstanceAllocation>,
    /// What the host reports of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<semver::Version>,
    /// The studio's own join data, for members only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub join_custom_data: CustomData,
    /// Players that the host sees connected, as the host calls them; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connected: Vec<String>,
    /// The match that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// When it first became joinable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joinable_at: Option<Timestamp>,
    /// Why it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<CloseReason>,
}

impl Instance {
    /// Whether it is not closed yet.
    pub fn is_open(&self) -> bool {
        self.status != InstanceStatus::Closed
    }
}

/// Attempts of one instance to get a host: at most two at a time (the second hedges the first).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceAllocation {
    /// The attempt.
    pub id: AllocationId,
    /// Who it went to.
    pub game_server: GameServerId,
    /// When.
    pub at: Timestamp,
    /// Whether the game server has acknowledged it; after that nobody else can win.
    pub acknowledged: bool,
    /// Where players connect.
    pub addresses: Addresses,
    /// A second attempt that runs beside the first until one acknowledges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<Box<InstanceAllocation>>,
}

impl InstanceAllocation {
    /// This attempt, and the one that runs beside it.
    pub fn attempts(&self) -> impl Iterator<Item = &InstanceAllocation> {
        std::iter::once(self).chain(self.hedge.as_deref())
    }
}

/// Where a game server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Addresses {
    /// Host name or address for players.
    pub external: String,
    /// Host name or address inside the studio's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal: Option<String>,
    /// IPv6 address for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<String>,
    /// Ports by name; `default` is the one that players connect to.
    pub ports: BTreeMap<String, u16>,
}

/// Where an instance stands (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Waits for a host.
    Requested,
    /// A host with an address has been chosen.
    Allocated,
    /// The host has acknowledged and starts the map.
    Pending,
    /// Members may enter.
    Joinable,
    /// The host lets nobody in.
    Unjoinable,
    /// Over, for good.
    Closed,
}

/// Why an instance was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The host said so.
    Host,
    /// The leader or a server said so.
    Requested,
    /// No host in time.
    AllocationTimeout,
    /// The host did not become joinable in time.
    BootTimeout,
    /// The session became empty or was deleted.
    SessionEnded,
    /// The game server is gone.
    HostLost,
}
