//! A member: a player with a seat; one JSON document (R24-R28).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, Connectivity, Error, MemberInitialization, Standing};
use crate::session_type::CustomData;
use crate::subscriptions::Subscriptions;
use crate::{Name, PlayerId, Timestamp, ticket};

pub use crate::wire::MemberState;

/// A player with a seat in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Never used twice within the session.
    pub index: u32,
    /// The session's change number when this document was last written.
    pub version: u64,
    /// Who.
    pub player: PlayerId,
    /// Where he stands.
    pub state: MemberState,
    /// Since when; the clock of the state counts from here.
    pub since: Timestamp,
    /// When the seat was reserved, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_at: Option<Timestamp>,
    /// Who reserved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_by: Option<Actor>,
    /// Whether backfill reserved it (F12).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backfilled: bool,
    /// When he joined; `None` while the seat is only reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
    /// His team; teams count from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// The device that he joined with, for joinability `local` (row 31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The attributes of the token that he joined with, for queues with `source: claim` (row 49).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<Name, ticket::Value>,
    /// Whom he follows, as the token says that he joined with, for joinability `followed` (row 31).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<PlayerId>,
    /// The platform that the token named that he joined with (F21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Name>,
    /// The version of his client, if he stated it as he last joined (row 38).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<semver::Version>,
    /// What he is among the others.
    #[serde(default, skip_serializing_if = "Standing::is_plain")]
    pub standing: Standing,
    /// The studio's own data about him.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The studio's own schemaless JSON, set as he joins and never again (R9).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub constants: Value,
    /// The studio's own schemaless JSON, which he alone changes (R9).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub custom: Value,
    /// What he says of his connection; `None` before he has joined, and where the type has no connectivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity: Option<Box<Connectivity>>,
    /// Members who must come through initialization with him, by index (R34).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initialization_group: Vec<u32>,
    /// How he stands in the episode of newcomers that he came with; `None`: in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization: Option<MemberInitialization>,
    /// What he wants to be told of; shown to him alone (R39).
    #[serde(default, skip_serializing_if = "Subscriptions::is_empty")]
    pub subscriptions: Subscriptions,
}

impl Member {
    /// The document as the store keeps it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The document as [`to_json`](Self::to_json) wrote it.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Whether he has joined, in whatever state.
    pub fn is_joined(&self) -> bool {
        self.state != MemberState::Reserved
    }

    /// Whether he is ready or active: there, or on the way.
    pub fn is_engaged(&self) -> bool {
        matches!(self.state, MemberState::Ready | MemberState::Active)
    }
}

/// The states that a member may give himself (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinedState {
    /// On the way in.
    Ready,
    /// Participating.
    Active,
    /// Not engaged.
    Inactive,
}

impl JoinedState {
    /// The state that the two flags of a join mean: neither is inactive; both are an error (R24).
    pub fn from_flags(ready: bool, active: bool) -> Result<Self, Error> {
        match (ready, active) {
            (true, true) => Err(Error::ReadyAndActive),
            (true, false) => Ok(Self::Ready),
            (false, true) => Ok(Self::Active),
            (false, false) => Ok(Self::Inactive),
        }
    }

    /// What an update of the flags makes of a member in state `current`; `None`: nothing is changed.
    ///
    /// Raising one flag lowers the other, unless both are raised in one update (R24).
    pub fn after_update(
        current: MemberState,
        ready: Option<bool>,
        active: Option<bool>,
    ) -> Result<Option<Self>, Error> {
        Ok(match (ready, active) {
            (Some(true), Some(true)) => return Err(Error::ReadyAndActive),
            (_, Some(true)) => Some(Self::Active),
            (Some(true), _) => Some(Self::Ready),
            (Some(false), _) if current == MemberState::Ready => Some(Self::Inactive),
            (_, Some(false)) if current == MemberState::Active => Some(Self::Inactive),
            _ => None,
        })
    }
}

impl From<JoinedState> for MemberState {
    fn from(state: JoinedState) -> Self {
        match state {
            JoinedState::Ready => Self::Ready,
            JoinedState::Active => Self::Active,
            JoinedState::Inactive => Self::Inactive,
        }
    }
}
