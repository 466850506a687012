//! How long tickets wait, over HTTP: the figures of a queue, and what is expected of one ticket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Millis, Name, Region};

/// What is expected of a ticket that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Which of the ticket's queues it is of: the one where it is likely to wait least.
    pub queue: Name,
    /// Whose waits it is drawn from: the finest group that has enough of them.
    pub basis: EstimateBasis,
    /// For each of the queue's `estimates.quantiles`.
    pub quantiles: Vec<ExpectedWait>,
}

/// Whose waits an estimate is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstimateBasis {
    /// Parties of the same size whose nearest region is the same.
    Party,
    /// Tickets whose nearest region is the same.
    Region,
    /// All tickets of the queue.
    Queue,
}

/// One quantile of an expected wait.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedWait {
    /// So large a share of such tickets, of those that have waited as long as this one has, is matched by then.
    pub quantile: f64,
    /// Altogether, counted from the ticket's creation, in milliseconds; absent: longer than anything that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<Millis>,
    /// How large a share of tickets was matched within what this queue promised them for the quantile when they came,
    /// as last measured, less the quantile: above 0 it promised too long, below 0 too short a wait. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// One quantile of the waits in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitQuantile {
    /// So large a share of tickets is matched by then; those that still wait count.
    pub quantile: f64,
    /// In milliseconds; absent: not known, as too few were matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<Millis>,
}

/// The waits of tickets whose nearest region is the same, wherever they play in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionWaits {
    /// Absent: of tickets that measured no region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Tickets that search now; those in a match that waits for its players' word do not.
    pub waiting: u32,
    /// Tickets matched by the minute.
    pub matched_per_minute: f64,
    /// Quantiles of their waits.
    pub waits: Vec<WaitQuantile>,
    /// Of those the parties of each size.
    pub by_party: Vec<PartyWaits>,
}

/// The waits of parties of one size in one region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartyWaits {
    /// In the party.
    pub players: u16,
    /// Tickets that search now; those in a match that waits for its players' word do not.
    pub waiting: u32,
    /// Tickets matched by the minute.
    pub matched_per_minute: f64,
    /// Quantiles of their waits.
    pub waits: Vec<WaitQuantile>,
}
