//! What goes over HTTP: requests and responses of `/v1`, shared by the server and the SDK.

mod browser;
mod events;
mod explanation;
mod hosting;
mod invites;
mod matchmaking;
mod penalties;
mod problem;
mod sessions;
mod standing;
mod together;
mod token;
mod waits;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

pub use crate::session_type::Capabilities;
pub use browser::{BrowserEntry, BrowserPage, SetBrowserEntry};
pub use events::{EventPage, Notice, NoticeKind};
pub use explanation::{
    CrowdCount, ExpansionExplanation, FallExplanation, KeptFromCount, KeptOutCount,
    MinimumExplanation, MissExplanation, QueueExplanation, QueueGate, RegionExplanation,
    RegionStanding, SearchExplanation, SearchOutlook, SearchProgress, SessionMissExplanation,
    SessionsExplanation, ShortageExplanation, TicketExplanation,
};
pub use hosting::{
    Acknowledge, Allocation, Assignment, AssignmentMember, Assignments, Fleet, GameServer, Health,
    HealthReport, HostUpdate,
};
pub use invites::{
    InvitePlayers, InviteSession, MyInvite, MyInvites, PASSWORD_CHARS_MAX, Password, SessionInvite,
    ShortCode,
};
pub use matchmaking::{
    Acceptance, AnswerMatch, Backfill, BackfilledPlayer, CreateTicket, Queue, QueuePlayer,
    SetBackfill, Ticket, WantedPlayers,
};
pub use penalties::{Penalty, SetPenalty};
pub use problem::Problem;
pub use sessions::{
    CONTRACT, CreateSession, FoundSession, FoundSessions, Instance, InviteSource, JoinSession,
    Member, MemberPage, MemberState, MoveMember, MySession, MySessions, PutServer, RequestInstance,
    Reservation, Reserve, Session, SessionServer, SessionTicket, SessionType, Team, UpdateMember,
    UpdateSession,
};
pub use standing::{RecentPlayer, Role, RoleType, SetRole, Spectators, SwapMembers};
pub use together::{Initializing, PostEvaluation, SetHost};
pub use token::{AUDIENCE, Claims, PrincipalKind};
pub use waits::{Estimate, EstimateBasis, ExpectedWait, PartyWaits, RegionWaits, WaitQuantile};

/// A list in an object, so that fields can be added beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct List<T> {
    /// The things.
    pub items: Vec<T>,
}

/// A timestamp as RFC 3339 text in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rfc3339(pub Timestamp);

impl From<Timestamp> for Rfc3339 {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_millisecond(self.0.0).unwrap_or(if self.0.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        serializer.collect_str(&format_args!("{at:.3}"))
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let at: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(Timestamp(at.as_millisecond())))
    }
}

impl JsonSchema for Rfc3339 {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
