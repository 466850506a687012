//! Sessions, members and instances over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Capabilities, Initializing, Password, Rfc3339, RoleType, SessionInvite, Spectators};
use crate::instance::{Addresses, CloseReason, InstanceStatus};
use crate::qos::Qos;
use crate::roles::RoleSettings;
use crate::session::{Failure, Measurement, Permission, Seats, ServerMeasurement};
use crate::session_type::{CustomData, Joinability, StartupParams, Visibility};
use crate::subscriptions::{Subscription, each_once};
use crate::ticket::{EndReason, TicketState};
use crate::{
    AllocationId, GameServerId, InstanceId, MatchId, Name, PlayerId, Region, SessionId, TicketId,
};

/// `POST /v1/sessions`. A player who creates a session joins it as its leader; a server does not join.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The session type, without regard to case.
    pub r#type: String,
    /// Where it is to be hosted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Where the type leaves it open: who may join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joinability: Option<Joinability>,
    /// What joiners must know, unless they have a reservation or an invite: 1 to 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// Where the type leaves it open: who may see it. Never changed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Where the type leaves it open: how many members at most, not more than the type. Never changed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_members: Option<u32>,
    /// Where the type leaves them open: what the session can do besides. Never changed afterwards (R40).
    #[serde(default, skip_serializing_if = "Capabilities::is_none")]
    pub capabilities: Capabilities,
    /// What it is to be found by: at most 20 names, compared without case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keywords: BTreeSet<Name>,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The studio's own schemaless JSON; any joined member may change it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub custom: serde_json::Value,
    /// The studio's own schemaless JSON, never changed afterwards (R7).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// Seats to hold from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reserve: Vec<Reservation>,
    /// Of a hub: the session of the party that the player leads, for whose joined members seats are held beside his.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<SessionId>,
    /// `true`: its first members are brought together before they play, where the type does so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initialize: bool,
    /// The creator's own membership (players only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub me: Option<JoinSession>,
}

/// `PATCH /v1/sessions/{id}`: each field that is present is replaced whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSession {
    /// Who may join from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joinability: Option<Joinability>,
    /// What joiners must know from now on; empty: nothing. For whoever may change the joinability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// `true`: nobody but reserved players gets in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<CustomData>,
    /// The studio's own schemaless JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<serde_json::Value>,
    /// What it is found by: at most 20 names, compared without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords: Option<BTreeSet<Name>>,
    /// Members whose turn it is, by index; at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Vec<u32>>,
    /// The studio's own data of teams by number, from 0; teams that are not named keep theirs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<u8, CustomData>,
    /// Figures of roles by role type and role, where the type calls them mutable; what is not named stays. For the
    /// leader, owners, servers and operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeMap<Name, BTreeMap<Name, RoleSettings>>>,
}

/// `PUT /v1/sessions/{id}/members/{player}`: join. Again by the member himself: sets
/// state and properties; by anybody else for him 409, as they are his alone to write (R9).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinSession {
    /// Participating.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub active: bool,
    /// On the way in. Not together with `active`; neither means inactive (R24).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ready: bool,
    /// The session's password, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// `true`: brought together with the others who come now, where the type does so; for a new member.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initialize: bool,
    /// Members by index: if one of them does not come through initialization, this member does not either. For a new
    /// member; `PATCH` changes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initialization_group: Vec<u32>,
    /// The team to join; omitted: one with space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// The version of his client, a semantic version of at most 128 bytes: with one that does not suit the instance he
    /// does not get into it, and is not shown how to reach it. Stated again by a later join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub client_version: Option<String>,
    /// Take a spectator's seat, on no team.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spectator: bool,
    /// The studio's own data about this member.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The studio's own schemaless JSON, never changed afterwards (R9).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// The studio's own schemaless JSON; this member alone may change it (R9).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub custom: serde_json::Value,
    /// His roles, by role type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, Name>,
    /// How much he would like each role, 0 to 100; for himself alone to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_preference: BTreeMap<Name, u8>,
    /// The groups that he plays in, at most 10; for himself alone to say, and never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// Groups that he passed through just now, at most 10; consumed at once, and never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encounters: Vec<Name>,
    /// What he wants to be told of, as in `PATCH`.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "each_once"
    )]
    pub subscriptions: BTreeMap<Uuid, Option<Subscription>>,
}

/// `PATCH /v1/sessions/{id}/members/me`: each field that is present is replaced whole, but `subscriptions` key by key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMember {
    /// `true`: participating; `false`: not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// `true`: on the way in; `false`: not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The studio's own data about this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_data: Option<CustomData>,
    /// The studio's own schemaless JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<serde_json::Value>,
    /// Where peers connect, in base64; empty: nowhere. Needs the capability `connectivity`, as what is measured does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_device_address: Option<String>,
    /// What the member measured, by the device token of each peer; set once, whole. A peer or a figure that is left
    /// out cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<BTreeMap<String, Measurement>>,
    /// What he measured, by name or connection string of each server; set once, whole. Empty: none was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_measurements: Option<BTreeMap<String, ServerMeasurement>>,
    /// Members by index: if one of them does not come through initialization, this member does not either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization_group: Option<Vec<u32>>,
    /// His roles, by role type; roles that owners manage stay as they are unless he is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeMap<Name, Name>>,
    /// How much he would like each role, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_preference: Option<BTreeMap<Name, u8>>,
    /// The groups that he plays in, at most 10; never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Name>>,
    /// Groups that he passed through just now, at most 10: he counts as having joined each 30 s ago and leaving it
    /// now. Consumed at once, and never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encounters: Vec<Name>,
    /// What he wants to be told of, by ids of his own making, at most 10: each that is named is added or replaced, or
    /// removed by null; the others stay. Without any he is told of every change. For active members.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "each_once"
    )]
    pub subscriptions: BTreeMap<Uuid, Option<Subscription>>,
}

/// `POST /v1/sessions/{id}/members/{player}/move`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveMember {
    /// Where to; teams count from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// Instead of a team: among the spectators.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spectator: bool,
}

/// `POST /v1/sessions/{id}/reservations`: hold seats for players.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// All of them get a seat, or none; where the type's `team_overflow` is partial, as many as fit.
    pub players: Vec<Reservation>,
    /// `true`: they are brought together with the others who come now, where the type does so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub initialize: bool,
}

/// A seat to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// For whom.
    pub player: PlayerId,
    /// On which team; omitted: one with space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// Instead of a team: among the spectators.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spectator: bool,
}

/// `POST /v1/sessions/{id}/instance`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestInstance {
    /// Instead of the type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_params: Option<StartupParams>,
}

/// The version of the contract that documents are written by, 100 × major + minor (R13).
pub const CONTRACT: u32 = 100;

/// A session document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its session type.
    pub r#type: Name,
    /// The version of this contract, 100 × major + minor (R13).
    #[serde(default)]
    pub contract: u32,
    /// The designer's revision of its type, as it was when the session was made.
    pub type_revision: u32,
    /// The revision of the YAML, all files of it, that the session was made by.
    #[serde(default)]
    pub yaml_revision: u64,
    /// Where it is hosted or was matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Change numbers count within a branch.
    pub branch: Uuid,
    /// Counts up with each change.
    pub change_number: u64,
    /// When it was made.
    pub created_at: Rfc3339,
    /// When something will happen to it next by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_timer: Option<Rfc3339>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who may join.
    pub joinability: Joinability,
    /// Nobody but reserved players gets in.
    pub closed: bool,
    /// Joiners must know a password, unless they have a reservation or an invite.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_protected: bool,
    /// What its entry in the session browser shows, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_entry: Option<CustomData>,
    /// It is one of those that are kept running: it does not end by being empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// Its short code, if it was given one; for members, servers and operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_code: Option<String>,
    /// Who is invited; for members, servers and operators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invites: Vec<SessionInvite>,
    /// Seats in all.
    pub max_members: u32,
    /// The leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<PlayerId>,
    /// Its teams, in order.
    pub teams: Vec<Team>,
    /// Many members and fewer features (R42): its `members` are the reader's own seat alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub large: bool,
    /// Seats taken, by the state of who holds them.
    #[serde(default)]
    pub seats: Seats,
    /// Seats outside the teams, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectators: Option<Spectators>,
    /// Its members, by index; see `large`.
    pub members: Vec<Member>,
    /// Roles that members may hold, by role type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, RoleType>,
    /// What it is found by, in lowercase.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keywords: BTreeSet<Name>,
    /// Members whose turn it is, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turn: Vec<u32>,
    /// Players whom the owners keep out; for members, servers and operators.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blocked: BTreeSet<PlayerId>,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The type's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub type_custom_data: CustomData,
    /// The creator's own constants.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// The studio's own schemaless JSON.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub custom: serde_json::Value,
    /// The studio's servers that take part, by name; for members, servers and operators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SessionServer>,
    /// Its last ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<SessionTicket>,
    /// The match that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// Its instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// What it can do.
    #[serde(default, skip_serializing_if = "Capabilities::is_none")]
    pub capabilities: Capabilities,
    /// What its members are to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<Qos>,
    /// The episode of newcomers under way, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initializing: Option<Initializing>,
    /// The device token of the member who hosts it, while no instance is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Device tokens of members who could host it, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_candidates: Vec<String>,
    /// The arbiter: the host among the members, else the leader; omitted while an instance is open, whose host it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arbiter: Option<PlayerId>,
}

/// A server that takes part in a session (R10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionServer {
    /// Its name.
    pub name: Name,
    /// The studio's own schemaless JSON, set as it came.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// The studio's own schemaless JSON.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub custom: serde_json::Value,
}

/// `PUT /v1/sessions/{id}/servers/{name}`: take part, or change what stands of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutServer {
    /// Set as it comes and never again; left out, or the same again.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// Replaced whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<serde_json::Value>,
}

/// A team of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Team {
    /// The queue's name for it, in matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Seats taken.
    pub taken: u32,
    /// Seats in all; omitted: not limited by team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
}

/// `GET /v1/sessions/{id}/members`: those that the reader may see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberPage {
    /// By index; fifty at most.
    pub items: Vec<Member>,
    /// There are more: those `after` this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// A member of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Never used twice within the session.
    pub index: u32,
    /// Who.
    pub player: PlayerId,
    /// Where he stands.
    pub state: MemberState,
    /// Since when.
    pub since: Rfc3339,
    /// Who brought him here, if a seat was reserved for him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_source: Option<InviteSource>,
    /// When he joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Rfc3339>,
    /// His team; teams count from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<u8>,
    /// The version of his client, if he has stated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// Whether he holds a spectator's seat, on no team.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spectator: bool,
    /// Whether he is the leader.
    pub leader: bool,
    /// Whether he is an owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
    /// What the leader has let him do.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<Permission>,
    /// His roles, by role type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, Name>,
    /// How much he would like each role, 0 to 100.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_preference: BTreeMap<Name, u8>,
    /// The studio's own data about him.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// What was set when he joined.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub constants: serde_json::Value,
    /// What he alone changes.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub custom: serde_json::Value,
    /// Names his device in this session; several members may share one. For members, as what he measured is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// Where peers connect, in base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secure_device_address: String,
    /// What he measured, by device token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurements: BTreeMap<String, Measurement>,
    /// What he measured, by server; omitted: nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_measurements: Option<BTreeMap<String, ServerMeasurement>>,
    /// Members who must come through initialization with him, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initialization_group: Vec<u32>,
    /// The episode of newcomers that he came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization_episode: Option<u32>,
    /// Why he did not come through it; he is removed when the session is looked at next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization_failure: Option<Failure>,
    /// What he wants to be told of; shown to himself alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subscriptions: BTreeMap<Uuid, Subscription>,
}

/// Who brought a member to a session (F12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteSource {
    /// Somebody who may reserve seats: a player, a host or a server.
    Player,
    /// The match that the session is.
    Matchmaking,
    /// The queue, for a seat that was free in the running session.
    Backfill,
}

/// Where a member stands (A.2); all of them hold a seat.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// A seat is held for him; he has not joined.
    Reserved,
    /// Joined, on the way in.
    Ready,
    /// Participating.
    Active,
    /// Joined, not engaged.
    Inactive,
}

/// The last ticket of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionTicket {
    /// Its id.
    pub id: TicketId,
    /// Its queue.
    pub queue: Name,
    /// Where it stands.
    pub state: TicketState,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
}

/// The instance of a session. Addresses and join data are for members only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Where it stands.
    pub status: InstanceStatus,
    /// Since when.
    pub since: Rfc3339,
    /// The fleet of its host.
    pub fleet: Name,
    /// The allocation that won.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation_id: Option<AllocationId>,
    /// Its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub game_server: Option<GameServerId>,
    /// Where to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Addresses>,
    /// What was started.
    pub startup_params: StartupParams,
    /// What the host reports of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The studio's own join data.
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub join_custom_data: CustomData,
    /// Players that the host sees connected, as the host calls them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connected: Vec<String>,
    /// Why it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<CloseReason>,
}

/// `GET /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSessions {
    /// The sessions with this keyword that the caller may see, the newest first; a hundred at most.
    pub items: Vec<FoundSession>,
    /// There are more: those `after` this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

/// A session that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSession {
    /// Which.
    pub id: SessionId,
    /// Its type.
    pub r#type: Name,
    /// Where it is hosted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Who may join.
    pub joinability: Joinability,
    /// Nobody but reserved players gets in.
    pub closed: bool,
    /// Seats taken, by the state of who holds them.
    pub seats: Seats,
    /// Seats in all.
    pub max_members: u32,
    /// What it is found by, in lowercase.
    pub keywords: BTreeSet<Name>,
    /// Its change number.
    pub change_number: u64,
}

/// `GET /v1/players/{player}/sessions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MySessions {
    /// The sessions that the player is a member of, oldest first; a hundred at most.
    pub items: Vec<MySession>,
    /// There are more: those `after` this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

/// One of a player's sessions (R31).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MySession {
    /// Which.
    pub id: SessionId,
    /// Its type.
    pub r#type: Name,
    /// The player's own state in it.
    pub state: MemberState,
    /// Its change number.
    pub change_number: u64,
}

/// A session type as clients need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionType {
    /// Its name.
    pub name: Name,
    /// The designer's revision.
    pub revision: u32,
    /// Seats in all.
    pub max_members: u32,
    /// Teams.
    pub teams: u8,
    /// Whether players may create such sessions.
    pub by_players: bool,
    /// Whether such a session may be queued.
    pub can_join_matchmaking: bool,
    /// Who may see them.
    pub visibility: Visibility,
    /// Who may join at first.
    pub joinability: Joinability,
    /// Who may look, where anybody may see them, besides those who may join.
    #[serde(default = "anybody")]
    pub read_restriction: Joinability,
}

fn anybody() -> Joinability {
    Joinability::Public
}
