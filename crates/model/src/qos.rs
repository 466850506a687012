//! What a session type says of its members' connections and of starting together (R55, R57-R59, F20, F21).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Millis, Name};

/// The longest that measuring may take in a session made by a match (R58, A.3 row 23).
pub const MATCH_MEASUREMENT_MAX: Millis = Millis::seconds(45);
/// The most servers that a session type lets its members measure against.
pub const MEASUREMENT_SERVERS_MAX: usize = 32;

/// How members get connected and start together; everything off by default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Together {
    /// What is measured and demanded; `None`: nothing.
    pub qos: Option<Qos>,
    /// How newcomers are brought together before they play; `None`: not at all.
    pub initialization: Option<InitializationSettings>,
}

/// What members measure, and what is demanded of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Qos {
    /// What each member measures of his peers.
    pub metrics: Metrics,
    /// Demands between members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_to_peer: Option<PeerToPeer>,
    /// Demands between members and the host among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_to_host: Option<PeerToHost>,
    /// Servers to measure against, `host:port` by name (R59).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurement_servers: BTreeMap<Name, String>,
}

/// Which figures a member measures of each peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Round trip.
    pub latency: bool,
    /// Bandwidth from the peer to the member.
    pub bandwidth_down: bool,
    /// Bandwidth from the member to the peer.
    pub bandwidth_up: bool,
    /// The game's own figure.
    pub custom: bool,
}

impl Metrics {
    /// Whether anything is measured of peers at all.
    pub fn any(self) -> bool {
        self.latency || self.bandwidth_down || self.bandwidth_up || self.custom
    }
}

/// Demands between members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerToPeer {
    /// Milliseconds at most.
    pub latency_maximum: u32,
    /// Kilobits a second at least, in both directions.
    pub bandwidth_minimum_kbps: u32,
}

/// Demands between members and the host among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerToHost {
    /// Milliseconds at most.
    pub latency_maximum: u32,
    /// Kilobits a second from the host to the member at least.
    pub bandwidth_down_minimum_kbps: u32,
    /// Kilobits a second from the member to the host at least.
    pub bandwidth_up_minimum_kbps: u32,
    /// By which figure candidates for the host are put in order.
    pub host_selection_metric: HostSelectionMetric,
}

/// By which figure candidates for the host are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostSelectionMetric {
    /// The lowest latency of the member that is farthest from it.
    Latency,
    /// The highest bandwidth from it to the member that gets least.
    BandwidthDown,
    /// The highest bandwidth to it from the member that sends least.
    BandwidthUp,
    /// The highest sum of both, of the member with the lowest.
    Bandwidth,
}

/// How newcomers are brought together (R55, R57).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitializationSettings {
    /// To join; instead of the time-outs of reserved and ready members.
    pub join_timeout: Millis,
    /// To measure.
    pub measurement_timeout: Millis,
    /// To post the decision.
    pub evaluation_timeout: Millis,
    /// Whether a joined member or the host decides, instead of Muster by the measurements.
    pub external_evaluation: bool,
    /// Members, not spectators, that must come through the first episode.
    pub members_needed_to_start: u32,
}
