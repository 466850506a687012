//! The session browser over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::instance::InstanceStatus;
use crate::session_type::{CustomData, Joinability};
use crate::{Name, Region, SessionId};

/// `PUT /v1/sessions/{id}/browser-entry`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBrowserEntry {
    /// What the entry shows and is searched by.
    #[serde(default)]
    pub params: CustomData,
}

/// A session as the browser shows it. Whether one may join is another matter: the session's own rules govern that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BrowserEntry {
    /// The session.
    pub session: SessionId,
    /// Its session type.
    pub r#type: Name,
    /// Where it is hosted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// When the session was made.
    pub created_at: Rfc3339,
    /// Seats taken, reserved ones included.
    pub players: u32,
    /// Seats in all.
    pub max_players: u32,
    /// Who may join.
    pub joinability: Joinability,
    /// Nobody but reserved players gets in.
    pub closed: bool,
    /// Joiners must know a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_protected: bool,
    /// Where its instance stands, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceStatus>,
    /// What the entry shows.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub params: CustomData,
}

/// A page of the browser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BrowserPage {
    /// At most 50 sessions, the newest first.
    pub items: Vec<BrowserEntry>,
    /// What to give as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}
