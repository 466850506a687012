//! Change notices over HTTP: they carry no data, only what changed and its change number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `GET /v1/events?cursor=CURSOR&wait=MS`: answers when something of the player's has changed since the cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// Pass it back to wait for what comes next; it carries all state, survives restarts and works anywhere.
    pub cursor: String,
    /// What changed; empty when the wait ran out.
    pub notices: Vec<Notice>,
}

/// Something changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// Its path, to read it again: `/v1/sessions/{id}`, `/v1/tickets/{id}`.
    pub resource: String,
    /// Its change number now; omitted when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_number: Option<u64>,
    /// Change numbers count within a branch (sessions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Uuid>,
    /// The player's own subscriptions in the session that it is for; omitted where he has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<Uuid>,
}

/// What kind of thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A session that the player is a member of changed, or he became one.
    Session,
    /// The player is no longer a member, or the session is gone.
    SessionLeft,
    /// The player's ticket changed.
    Ticket,
    /// The player is invited to the session, perhaps again.
    Invite,
    /// The player's invite to the session is over: used, declined, taken back, or its time ran out.
    InviteEnded,
}
