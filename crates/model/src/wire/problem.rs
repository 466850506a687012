//! Errors over HTTP: RFC 9457 problem documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Stable; the last part is a heading of `docs/errors.md`.
    pub r#type: String,
    /// The kind of problem, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence, and what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What the problem is about: a field, a player, a current body; depends on the type.
    #[serde(flatten)]
    pub extensions: serde_json::Map<String, serde_json::Value>,
}
