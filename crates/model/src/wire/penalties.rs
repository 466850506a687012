//! What deserters pay, over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::session_type::CustomData;
use crate::{Name, PlayerId};

/// What a player pays under one name (F14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Penalty {
    /// Who.
    pub player: PlayerId,
    /// The `id` that queues give it.
    pub name: Name,
    /// Whether queues of this penalty refuse him now.
    pub active: bool,
    /// Until then they do.
    pub expiration: Rfc3339,
    /// From then on it is forgotten what he did.
    pub reset: Rfc3339,
    /// What he did so far.
    pub count: u32,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

/// `PUT /v1/players/{player}/penalties/{name}` by servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPenalty {
    /// Until then queues of this penalty refuse him; at most ten years ahead.
    pub expiration: Rfc3339,
    /// From then on it is forgotten what he did; as `expiration` if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Rfc3339>,
    /// What he did so far: which step the next offence takes.
    #[serde(default)]
    pub count: u32,
    /// The studio's own data; at most 1 KiB.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}
