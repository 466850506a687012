//! A validated session type: how a kind of session works (R16); made from YAML by `config`, never by hand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::roles::{Ownership, RoleTypes};
use crate::{Millis, Name, Timeout};

/// String to string data of the studio's own, opaque to Muster (R3).
pub type CustomData = BTreeMap<String, String>;

/// A session type with every default filled in and every rule of the YAML page checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionType {
    /// Unique without regard to case.
    pub name: Name,
    /// The designer's own revision number, snapshotted into sessions.
    pub revision: u32,
    /// Constants of the type.
    pub custom_data: CustomData,
    /// Who may create sessions of this type.
    pub creation: Creation,
    /// Whether a session of this type may be queued.
    pub can_join_matchmaking: bool,
    /// Seats and teams.
    pub size: Size,
    /// Many members and fewer features: nobody sees the others, presence is asked for seldom (R42).
    pub large: bool,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who may join it at first; changed live.
    pub joinability: Joinability,
    /// Who may read sessions with visibility `open`, besides those who may join them.
    pub read_restriction: Joinability,
    /// Which instances suit a member's client (row 38).
    pub version_policy: crate::version::VersionPolicy,
    /// How players are invited.
    pub invites: InviteSettings,
    /// Who may change the joinability.
    pub joinability_by: JoinabilityBy,
    /// What each of its sessions can do; a creator adds to it where the YAML leaves it open (R23, R40).
    pub capabilities: Capabilities,
    /// The removal time-outs.
    pub timeouts: Timeouts,
    /// How long a session waits for its leader before the oldest joined member takes over.
    pub leader_election_grace: Timeout,
    /// How sessions of this type get a host; `None`: they have no instances.
    pub instance: Option<InstanceSettings>,
    /// How they come about and are found.
    pub formation: crate::formation::Formation,
    /// Roles that members may hold (F27).
    pub roles: RoleTypes,
    /// How its owned sessions work; `None`: its sessions have no owners (F28).
    pub ownership: Option<Ownership>,
    /// Which members a player sees in a session's document (F5).
    pub player_visibility: PlayerVisibility,
    /// Limits of custom data maps.
    pub custom_data_limits: CustomDataLimits,
    /// How its members get connected and start together.
    pub together: crate::qos::Together,
    /// What its members may subscribe to.
    pub subscriptions: crate::subscriptions::SubscriptionSettings,
    /// How its sessions ask a queue for players; `None`: they do not (F13).
    pub backfill: Option<BackfillSettings>,
}

/// How sessions of a type ask the queue that made them for players (F13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillSettings {
    /// A host that has not acknowledged for so long asks no longer.
    pub ack_timeout: Millis,
    /// When it ends for good.
    pub until: BackfillUntil,
}

/// When a session's backfill ends for good; it always does when nobody can get in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillUntil {
    /// Not before.
    Closed,
    /// As soon as it has no seat to give: it wants nobody, or others have taken the seats.
    Full,
}

/// Who may create sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// Players, directly.
    pub by_players: bool,
    /// Server principals.
    pub by_servers: bool,
    /// Matches.
    pub by_matchmaking: bool,
}

/// What a session can do, for life (R40); what it cannot do is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Members have addresses of their own and measure their connections.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub connectivity: bool,
    /// A game is played in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gameplay: bool,
    /// An active member whose connection is lost becomes inactive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub connection_required_for_active_members: bool,
    /// Nobody asks whether its members are there, so none becomes inactive by a lost connection, whatever
    /// `connection_required_for_active_members` says (F21).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppress_presence_activity_check: bool,
    /// Players of different platforms may meet in it (F21).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cross_play: bool,
}

impl Capabilities {
    /// Whether the presence of its active members is asked for (A.2).
    pub fn asks_presence(self) -> bool {
        self.connection_required_for_active_members && !self.suppress_presence_activity_check
    }

    /// Whether it can do none of these.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What either can do.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            connectivity: self.connectivity || other.connectivity,
            gameplay: self.gameplay || other.gameplay,
            connection_required_for_active_members: self.connection_required_for_active_members
                || other.connection_required_for_active_members,
            suppress_presence_activity_check: self.suppress_presence_activity_check
                || other.suppress_presence_activity_check,
            cross_play: self.cross_play || other.cross_play,
        }
    }
}

/// Seats and teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Number of teams; `None` when the YAML has no `size`: one team, no team places enforced (A.3 row 32).
    pub teams: Option<u8>,
    /// Places in each team.
    pub players_per_team: u16,
    /// Seats in all, spectators included.
    pub max_members: u32,
    /// Whether a member may move himself to another team.
    pub can_change_own_team: bool,
    /// Of all seats, those outside the teams, for spectators alone (row 50).
    pub spectators: u32,
    /// What happens to those who want a team that is full (F12).
    pub team_overflow: TeamOverflow,
}

/// What happens to those who want a team that is full (F12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TeamOverflow {
    /// They are refused, all of them.
    #[default]
    Fail,
    /// Whom the team does not hold goes to other teams; if there is no place for all, all are refused.
    AllowOverflow,
    /// The same, but who finds no place anywhere stays outside alone.
    PartialWithOverflow,
    /// Whom the team does not hold stays outside.
    PartialWithoutOverflow,
    /// The team grows beyond its places, up to the seats of the session.
    Overfill,
}

/// Who may see a session (A.3b); constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Anybody may read; joinability decides who joins.
    Open,
    /// Anybody may read; only reserved or invited players join.
    Visible,
    /// Only members and reserved or invited players read and join.
    Private,
}

/// Who may join (A.3b); changed live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Joinability {
    /// Anybody with the id.
    Public,
    /// Those whom a joined member follows, and local players.
    Followed,
    /// Players on the device of an active member.
    Local,
    /// Those with a reservation or an invite.
    Private,
}

impl Joinability {
    /// Whether it takes a look at the members to tell who may join; a large session has too many (F21).
    pub fn asks_members(self) -> bool {
        matches!(self, Self::Followed | Self::Local)
    }

    /// Greater is open to more people.
    pub fn openness(self) -> u8 {
        match self {
            Self::Public => 3,
            Self::Followed => 2,
            Self::Local => 1,
            Self::Private => 0,
        }
    }
}

/// How players are invited (rows 22, 29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteSettings {
    /// How long an invite lives.
    pub time_out: Millis,
    /// At least so long between two invites of one player to one session (R69).
    pub min_interval: Millis,
    /// Whether players are told of seats that are held for them.
    pub notify_on_reservation: bool,
    /// Whether any joined member may invite, and not only the leader.
    pub allow_members: bool,
    /// Whether invites from before the joinability was tightened are void (R47).
    pub reject_stale: bool,
}

impl Default for InviteSettings {
    fn default() -> Self {
        Self {
            time_out: Millis::seconds(300),
            min_interval: Millis::seconds(30),
            notify_on_reservation: true,
            allow_members: true,
            reject_stale: true,
        }
    }
}

/// Which members a player sees in a session's document (F5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlayerVisibility {
    /// Everybody.
    #[default]
    All,
    /// A member those of his team, himself included; others nobody.
    Team,
    /// A member himself alone; others nobody.
    Oneself,
    /// Nobody.
    None,
}

impl PlayerVisibility {
    /// Whether a player sees a member; `is_himself` and `is_of_his_team` are false for one who is no member.
    pub fn shows(self, is_himself: bool, is_of_his_team: bool) -> bool {
        match self {
            Self::All => true,
            Self::Team => is_himself || is_of_his_team,
            Self::Oneself => is_himself,
            Self::None => false,
        }
    }
}

/// Who may change joinability (A.3 row 30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinabilityBy {
    /// Any joined member.
    Members,
    /// The leader alone.
    Leader,
}

/// The four removal time-outs and the presence window (R48-R54).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A reservation is deleted.
    pub reserved_removal: Timeout,
    /// ready -> inactive.
    pub ready_removal: Timeout,
    /// inactive -> removed.
    pub inactive_removal: Timeout,
    /// An empty session is deleted.
    pub session_empty: Timeout,
    /// Silent loss of a connection until the member counts as gone.
    pub presence_window: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            reserved_removal: Some(Millis::seconds(30)),
            ready_removal: Some(Millis::seconds(180)),
            inactive_removal: Some(Millis::seconds(7_200)),
            session_empty: Some(Millis(0)),
            presence_window: Millis::seconds(20),
        }
    }
}

/// How sessions of a type get a host.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSettings {
    /// The fleet that dedicated hosts come from.
    pub fleet: Name,
    /// requested -> closed (`allocation_timeout`).
    pub allocation_timeout: Millis,
    /// pending -> closed (`boot_timeout`).
    pub boot_timeout: Millis,
    /// Versions that instances may report; `None`: any.
    pub version: Option<semver::VersionReq>,
    /// What the host is to start; `None`: the request must say so, else 422.
    pub startup_params: Option<StartupParams>,
    /// How often the host reports its health, and how many reports may be missed.
    pub health: HealthSettings,
    /// Whether the instance is closed when the session becomes empty.
    pub close_on_empty: bool,
}

/// What a host is to start (R74).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartupParams {
    /// The map.
    pub map: String,
    /// The mode, if the game has several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Anything else, as the game reads it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub misc_params: String,
    /// The studio's own data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_data: CustomData,
}

/// Health reports of a host (F9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSettings {
    /// One report in this span.
    pub cadence: Millis,
    /// Reports missed in a row until the health is unknown.
    pub missed_before_unknown: u32,
}

/// Limits of each custom data map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomDataLimits {
    /// Entries.
    pub keys: usize,
    /// Bytes of a key.
    pub key_bytes: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
}

impl Default for CustomDataLimits {
    fn default() -> Self {
        Self {
            keys: 64,
            key_bytes: 128,
            value_bytes: 4096,
        }
    }
}
