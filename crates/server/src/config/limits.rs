//! Limits on what comes in over HTTP.

use model::config::Duration;
use serde::{Deserialize, Serialize};

/// Limits on what comes in; meeting one is counted in `muster_http_limit_hits_total`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Long polls that wait at a time.
    pub long_polls_max: usize,
    /// Connections at a time.
    pub connections_max: usize,
    /// The longest that a long poll waits.
    pub wait_max: Duration,
    /// The longest that shutdown waits for connections and requests.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 256 * 1_024,
            long_polls_max: 50_000,
            connections_max: 60_000,
            wait_max: Duration::seconds(300),
            drain_max: Duration::seconds(10),
        }
    }
}
