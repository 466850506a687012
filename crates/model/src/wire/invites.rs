//! Invites, passwords and short codes over HTTP: how players get into a session.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::{Name, PlayerId, SessionId};

/// The longest password of a session, in characters (F6).
pub const PASSWORD_CHARS_MAX: usize = 128;

/// `POST /v1/sessions/{id}/invites`: invite players, all of them or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitePlayers {
    /// Whom, a hundred at most; each of them is told.
    pub players: Vec<PlayerId>,
    /// Words of the inviter's own for them, at most 256 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
}

/// `POST /v1/sessions/{id}/invited-sessions/{other}`: invite every joined member of another session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteSession {
    /// Words of the inviter's own for them, at most 256 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
}

/// An invite to a session, as its members see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionInvite {
    /// Who is invited; he has no seat.
    pub player: PlayerId,
    /// The player who invited him; omitted: a server or the host did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PlayerId>,
    /// When.
    pub created_at: Rfc3339,
    /// When it ends by itself.
    pub expires_at: Rfc3339,
    /// The inviter's own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
}

/// `GET /v1/players/me/invites`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MyInvites {
    /// The player's invites, those to the oldest sessions first; a hundred at most.
    pub items: Vec<MyInvite>,
    /// There are more: those to sessions `after` this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

/// One of a player's invites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MyInvite {
    /// To which session.
    pub session: SessionId,
    /// Its type.
    pub r#type: Name,
    /// The player who invited him; omitted: a server or the host did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PlayerId>,
    /// When.
    pub created_at: Rfc3339,
    /// When it ends by itself.
    pub expires_at: Rfc3339,
    /// The inviter's own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context: String,
}

/// `GET /v1/short-codes/{code}`: the session that people mean by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShortCode {
    /// The code, in capitals.
    pub code: String,
    /// The session.
    pub session: SessionId,
}

/// A password on its way to the server, which never shows or logs it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl JsonSchema for Password {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Password".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": PASSWORD_CHARS_MAX, "writeOnly": true })
    }
}
