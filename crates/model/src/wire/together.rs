//! Getting connected and starting together over HTTP: capabilities, episodes of newcomers, the host among members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::session::Stage;

/// The episode of newcomers under way, or the last one (F23, F29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Initializing {
    /// 1: those whom the session was made with; later ones count up.
    pub episode: u32,
    /// How far it is; it never goes back.
    pub stage: Stage,
    /// Since when.
    pub stage_started_at: Rfc3339,
}

/// `PUT /v1/sessions/{id}/initialization`: whether the newcomers came through; the first decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostEvaluation {
    /// `false`: all of them fail.
    pub succeeded: bool,
}

/// `PUT /v1/sessions/{id}/host`: who hosts a session without an instance. Needs `If-Match`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetHost {
    /// The `device_token` of a ready or active member; null or left out: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}
