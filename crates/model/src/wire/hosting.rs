//! The game-server protocol and the fleets over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemberState, Rfc3339};
use crate::game_server::GameServerState;
use crate::instance::{Addresses, InstanceStatus};
use crate::session_type::{CustomData, StartupParams};
use crate::{AllocationId, GameServerId, InstanceId, MatchId, Name, PlayerId, Region, SessionId};

/// `GET /v1/game-servers/me/assignments?seen=VERSION&wait=MS`: answers when the version differs from `seen`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assignments {
    /// Pass it as `seen` to wait for the next change.
    pub version: i64,
    /// This game server.
    pub game_server: GameServerId,
    /// `true`: end now; nothing will be assigned any more.
    pub quit: bool,
    /// What it is to host now; an assignment that is no longer listed is over: stop that game.
    pub assignments: Vec<Assignment>,
    /// Use this token from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// One session to host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assignment {
    /// To be echoed on every write about this session.
    pub allocation_id: AllocationId,
    /// Whether it has been acknowledged.
    pub acknowledged: bool,
    /// The session.
    pub session: SessionId,
    /// Its type.
    pub session_type: Name,
    /// Its instance.
    pub instance: InstanceId,
    /// The match that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What to start.
    pub startup_params: StartupParams,
    /// Custom data of the session.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// Who has a seat, by member index.
    pub members: Vec<AssignmentMember>,
}

/// Somebody with a seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssignmentMember {
    /// Who.
    pub player: PlayerId,
    /// His team; teams count from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// Where he stands.
    pub state: MemberState,
}

/// `POST /v1/game-servers/me/acknowledge`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The assignment that is taken on.
    pub allocation_id: AllocationId,
}

/// `PATCH /v1/sessions/{id}/instance` by its host; acknowledges the allocation if that has not happened yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostUpdate {
    /// The assignment that this is about.
    pub allocation_id: AllocationId,
    /// `joinable`, `unjoinable` or `closed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<InstanceStatus>,
    /// The game's version, semver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The studio's own join data, for members only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_custom_data: Option<CustomData>,
    /// Players that are connected, as the game calls them; at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<Vec<String>>,
}

/// `POST /v1/game-servers/me/health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthReport {
    /// How it is.
    pub health: Health,
}

/// How a game server is (F9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Well.
    Healthy,
    /// Alive, with trouble.
    Degraded,
    /// Not able to host.
    Unhealthy,
    /// Not heard of.
    Unknown,
}

/// `GET /v1/allocations/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The allocation.
    pub id: AllocationId,
    /// Its session.
    pub session: SessionId,
    /// Its game server.
    pub game_server: GameServerId,
    /// Where players connect.
    pub addresses: Addresses,
}

/// A fleet with what it runs, in all its regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fleet {
    /// Its name.
    pub name: Name,
    /// Sessions that wait for a host of it.
    pub waiting: u32,
    /// Its game servers that are not gone, oldest first.
    pub game_servers: Vec<GameServer>,
}

/// A row of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GameServer {
    /// Its id.
    pub id: GameServerId,
    /// Where it runs.
    pub region: Region,
    /// The machine.
    pub node: String,
    /// Where it stands.
    pub state: GameServerState,
    /// Since when.
    pub since: Rfc3339,
    /// How it is.
    pub health: Health,
    /// Slots in use.
    pub used: u16,
    /// Sessions that it can carry at a time.
    pub slots: u16,
    /// Where it is reached.
    pub addresses: Addresses,
    /// What it carries.
    pub sessions: Vec<SessionId>,
}
