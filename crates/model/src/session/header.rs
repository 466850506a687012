//! The header of a session: everything durable of it but its members; one JSON document.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Actor, Backfill, Initialization, Invites, Matched, PasswordDigest, Ranks};
use crate::session_type::{Capabilities, CustomData, Joinability, Visibility};
use crate::ticket::{EndReason, TicketState};
use crate::{Instance, MatchId, Name, PlayerId, Region, SessionId, TicketId, Timestamp};

/// Everything durable of a session but its members and the constants of its type.
///
/// Only [`Draft`](super::Draft) changes one; whoever holds a copy may read all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Never used twice (R2).
    pub id: SessionId,
    /// The session type (R1).
    pub session_type: Name,
    /// The store's revision of the YAML that it was made by.
    pub type_revision: u64,
    /// Where it is hosted or was matched (R2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Change numbers count within a branch (F23).
    pub branch: Uuid,
    /// One more with each change; the first document has 1.
    pub change_number: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// The visibility, where the type left it to the creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// The capabilities that the creator added, where the type left them to him (R23).
    #[serde(default, skip_serializing_if = "Capabilities::is_none")]
    pub capabilities: Capabilities,
    /// Seats in all, where the type left them to the creator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_members: Option<u32>,
    /// Who may join; changed live (row 7).
    pub joinability: Joinability,
    /// Nobody but reserved players gets in (row 30).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// What whoever needs no invite must know to join (F6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordDigest>,
    /// Who may come besides (row 29).
    #[serde(default, skip_serializing_if = "Invites::is_empty")]
    pub invites: Invites,
    /// A name that people can say, unique while the session lasts (F1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code: Option<String>,
    /// The index that the next new member gets; none is used twice.
    pub next_index: u32,
    /// The leader's member index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<u32>,
    /// Set while the session waits for its leader to come back (row 41).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_lost: Option<LeaderLost>,
    /// Since when nobody holds a seat; `session_empty` counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_since: Option<Timestamp>,
    /// Seats by the state of who holds them.
    pub seats: Seats,
    /// Its teams, in order; never empty.
    pub teams: Vec<Team>,
    /// Whether the time-out of reservations counts (row 47).
    #[serde(default, skip_serializing_if = "ReservationClock::is_running")]
    pub reservation_clock: ReservationClock,
    /// What it is searched by, in lowercase (F22).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keywords: BTreeSet<Name>,
    /// Members whose turn it is, by index, in the order in which the members say so (F22).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turn: Vec<u32>,
    /// The studio's own data (R3).
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The studio's own schemaless JSON; any joined member may change it (R8).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub custom: Value,
    /// The creator's own schemaless constants (R7).
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub constants_custom: Value,
    /// The studio's servers that take part, by name: no seat, never leader, not counted (R10, row 42).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub servers: BTreeMap<Name, Participant>,
    /// Owners and roles in sum, and who is kept out (F27, F28).
    #[serde(default, skip_serializing_if = "Ranks::is_plain")]
    pub ranks: Ranks,
    /// Its last ticket, with how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRef>,
    /// The match that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// Its last instance; at most one is not closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// The episode of newcomers under way, or the last one (F29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization: Option<Initialization>,
    /// The device token of the member who hosts it; only while no instance is open (R64, F22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Device tokens of members who could host it, best first; empty once there is a host (F29).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_candidates: Vec<String>,
    /// What its entry in the session browser shows; `None`: it has none (R80).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_entry: Option<CustomData>,
    /// The queue whose match it is; `None`: no queue made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
    /// What it asks of that queue, while it does (F13).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Backfill>,
    /// It is one of those that are kept running: it does not end by being empty (rows 19, 39).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// A server that takes part in a session (R10); all of it is the servers' to write.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    /// The studio's own schemaless JSON, set as it comes and never again.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub constants: Value,
    /// The studio's own schemaless JSON.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub custom: Value,
}

impl Header {
    /// The document as the store keeps it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The document as [`to_json`](Self::to_json) wrote it.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The entity tag of the document, without quotes: branch and change number.
    pub fn etag(&self) -> String {
        format!("{}.{}", self.branch.simple(), self.change_number)
    }

    /// The instance, while it is not closed.
    pub fn open_instance(&self) -> Option<&Instance> {
        self.instance.as_ref().filter(|instance| instance.is_open())
    }

    /// The ticket, while it is live.
    pub fn live_ticket(&self) -> Option<&TicketRef> {
        self.ticket.as_ref().filter(|ticket| ticket.state.is_live())
    }
}

/// A team of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Team {
    /// The queue's name for it, in matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Seats taken, reserved ones included.
    pub taken: u32,
    /// The studio's own data (R3).
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

/// Seats taken, by the state of who holds them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seats {
    /// Held for players who have not joined.
    pub reserved: u32,
    /// On the way in.
    pub ready: u32,
    /// Participating.
    pub active: u32,
    /// Not engaged.
    pub inactive: u32,
}

impl Seats {
    /// All seats taken (A.2: reserved ones count).
    pub fn taken(&self) -> u32 {
        self.reserved.saturating_add(self.joined())
    }

    /// Seats of joined members.
    pub fn joined(&self) -> u32 {
        self.ready
            .saturating_add(self.active)
            .saturating_add(self.inactive)
    }
}

/// The leader whom a session waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderLost {
    /// Who it was; he leads again if he comes back in time.
    pub player: PlayerId,
    /// When he left or became inactive; `election_grace` counts from here.
    pub at: Timestamp,
}

/// Whether the time-out of reservations counts (row 47).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationClock {
    /// From each reservation on.
    #[default]
    Running,
    /// Not before the instance is joinable for the first time.
    AwaitsInstance,
    /// From each reservation on, but not before this.
    From(Timestamp),
}

impl ReservationClock {
    fn is_running(&self) -> bool {
        *self == Self::Running
    }
}

/// A ticket as its party sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRef {
    /// Which.
    pub id: TicketId,
    /// In which queue.
    pub queue: Name,
    /// Where it stands, as far as the party has learned.
    pub state: TicketState,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
}

impl Header {
    /// Counts a seat in (`1`) or out (`-1`).
    pub(super) fn count(&mut self, state: super::MemberState, team: Option<u8>, by: i32) {
        use super::MemberState::{Active, Inactive, Ready, Reserved};
        let seats = match state {
            Reserved => &mut self.seats.reserved,
            Ready => &mut self.seats.ready,
            Active => &mut self.seats.active,
            Inactive => &mut self.seats.inactive,
        };
        *seats = seats.saturating_add_signed(by);
        if let Some(team) = team.and_then(|team| self.teams.get_mut(usize::from(team))) {
            team.taken = team.taken.saturating_add_signed(by);
        }
    }
}
