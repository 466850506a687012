//! Roles, permissions and places of members over HTTP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::{Name, PlayerId, SessionId};

/// Roles of one type in a session: a member holds at most one of them (F27).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleType {
    /// Only owners and the studio's servers assign them; otherwise each member his own.
    pub owner_managed: bool,
    /// By name.
    pub roles: BTreeMap<Name, Role>,
}

/// A role as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// Most holders; omitted: as many as there are seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Wanted holders; not enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u32>,
    /// How many hold it.
    pub holders: u32,
}

/// `PUT /v1/sessions/{id}/members/{player}/roles/{name}`: give a role of this role type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRole {
    /// Which; instead of the one that the member holds.
    pub role: Name,
}

/// `POST /v1/sessions/{id}/swap`: two members of different teams change places.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapMembers {
    /// Neither is the leader.
    pub players: [PlayerId; 2],
}

/// Somebody with whom a player was active in one group at the same time (R35).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecentPlayer {
    /// Who.
    pub player: PlayerId,
    /// In which session, last.
    pub session: SessionId,
    /// When they were last together.
    pub at: Rfc3339,
}

/// Seats outside the teams, for spectators alone; `max_members` counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spectators {
    /// Seats taken.
    pub taken: u32,
    /// Seats in all.
    pub size: u32,
}
