//! Tickets and queues over HTTP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use super::explanation::QueueGate;
use super::waits::{Estimate, RegionWaits, WaitQuantile};
use crate::session_type::CustomData;
use crate::ticket::{EndReason, TicketState, Value};
use crate::{MatchId, Millis, Name, PlayerId, Region, SessionId, TicketId};

/// `POST /v1/sessions/{id}/ticket` by the leader.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTicket {
    /// The queue, without regard to case; or `queues`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub queue: String,
    /// Several queues of one group, the dearest first: the party waits in all of them, and is matched in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub queues: Vec<String>,
    /// What is known of the party's players; those not named bring nothing but the queue's defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub players: BTreeMap<PlayerId, QueuePlayer>,
    /// How long the party is willing to wait (F34), at least 1; it waits no longer than the queue's `ticket.time_out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_out_ms: Option<Millis>,
    /// The studio's own data; within the limits of the party's type.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

/// What a player brings to the queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueuePlayer {
    /// Values of the queue's attributes that the caller may set (A.3 row 49); one that the queue does not have is
    /// refused. `client_version` is the build of this player's client, where the queue keeps builds apart.
    // Any JSON, as only the queue knows of which type each has to be: one of another is refused by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<Name, Value>")]
    pub attributes: BTreeMap<Name, serde_json::Value>,
    /// Round trip in whole milliseconds, by region. Must not be empty where the queue limits latency. Regions that the
    /// queue does not allow are ignored; one that no fleet and no queue has is refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<Region, u32>")]
    pub latencies: BTreeMap<Region, serde_json::Value>,
    /// Whom he would rather not meet, at most as many as the queue takes; who is named twice counts once. Only where
    /// the queue has `avoid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<PlayerId>,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Its queue; of several the first, once matched the one that it was matched in.
    pub queue: Name,
    /// All of its queues in the party's own order, if it waits in several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<Name>,
    /// The party that was queued.
    pub party: SessionId,
    /// Where it stands.
    pub state: TicketState,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// Its age counts from here.
    pub created_at: Rfc3339,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Rfc3339>,
    /// Whose ticket it is, leader first.
    pub players: Vec<PlayerId>,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// How long it may wait, while it does; absent until enough tickets were matched since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// The session that the match became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// While it is `proposed`: how many have accepted the match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Acceptance>,
}

/// `POST /v1/tickets/{id}/acceptance`, while the ticket is `proposed`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerMatch {
    /// Whether he plays. Once everybody does, the match becomes a session; a refusal ends it.
    pub accepted: bool,
    /// Whose answer it is. A player answers for himself alone; a server that names nobody answers for all of the
    /// ticket's players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<PlayerId>,
}

/// How a match stands that waits for its players' word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Acceptance {
    /// Whoever has not accepted by then has not.
    pub until: Rfc3339,
    /// Players of the match.
    pub players: u32,
    /// Those who have accepted.
    pub accepted: u32,
}

/// `PUT /v1/sessions/{id}/backfill` by the host of a session that a queue has made: it asks for players (F13).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBackfill {
    /// How many players are wanted, by team; of teams that are not named nobody. No team twice.
    #[schemars(length(max = 50))]
    pub teams: Vec<WantedPlayers>,
    /// Only tickets that were created before this time join: those who had waited when the game began, for example
    /// (F11). Omitted: whoever fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Rfc3339>,
}

/// Players that a team wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedPlayers {
    /// Teams count from 0.
    pub team: u8,
    /// How many, besides those who have a seat; no more than the team has free in the session and by its queue's
    /// `max_players`.
    pub players_required: u16,
}

/// What a session asks of the queue that made it, while it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backfill {
    /// The queue.
    pub queue: Name,
    /// Since when; who asked first is served first.
    pub created_at: Rfc3339,
    /// When it ends unless the host acknowledges before.
    pub expires_at: Rfc3339,
    /// Players still wanted, by team; every team is named.
    pub teams: Vec<WantedPlayers>,
    /// Only tickets that were created before this time join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Rfc3339>,
    /// Players for whom a seat was reserved since the host acknowledged last, in that order; at most the last 100. The
    /// answer to an acknowledgement is the last that names them.
    pub backfilled_players: Vec<BackfilledPlayer>,
}

/// A player for whom a seat was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackfilledPlayer {
    /// Who.
    pub player: PlayerId,
    /// On which team; teams count from 0.
    pub team: u8,
}

/// A queue as clients need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Its name.
    pub name: Name,
    /// A ticket may wait in several queues of one group.
    pub group: Name,
    /// `false`: paused, tickets wait. It says nothing of opening hours.
    pub active: bool,
    /// Whether it makes matches now.
    pub queue_is: QueueGate,
    /// When it opens, if its hours alone keep it closed; absent then: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Rfc3339>,
    /// When its hours end, if it is open; absent then: it never closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Rfc3339>,
    /// What a match becomes.
    pub session_type: Name,
    /// The largest party that may queue.
    pub party_players_max: u16,
    /// Tickets that search now; those in a match that waits for its players' word do not.
    pub waiting: u32,
    /// The figures that follow are of this long, in milliseconds, or since the server started.
    #[serde(default)]
    pub window_ms: Millis,
    /// Tickets matched by the minute.
    #[serde(default)]
    pub matched_per_minute: f64,
    /// Quantiles of the wait until a match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<WaitQuantile>,
    /// The same by region and party size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_region: Vec<RegionWaits>,
}
