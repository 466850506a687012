//! Who does what to a session: everything that HTTP, a timer, the matcher or a host does is a command.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Backfilled, ConnectivityUpdate, JoinedState, OwnProperties, PasswordDigest, SetPassword,
    StandingCommand, TicketRef,
};
use crate::instance::{CloseReason, InstanceAllocation, InstanceStatus};
use crate::session_type::{CustomData, Joinability, StartupParams};
use crate::ticket::{EndReason, TicketState};
use crate::{AllocationId, InstanceId, Name, PlayerId, TicketId, Timestamp, ticket};

/// Who acts. The shell has checked the token; the law checks the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A player, member or not.
    Player(PlayerId),
    /// A server principal of the studio.
    Server,
    /// An operator.
    Admin,
    /// The game server that holds this allocation; no power over members (row 8, R66).
    Host(AllocationId),
    /// Muster itself: drivers, the matcher.
    Service,
}

/// What is done to a session. Each says who may do it; anybody else is refused with 403.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Take a seat, or the seat that was reserved; again by a member: set state and properties.
    ///
    /// The player himself, if admitted (A.3b); servers, admins and the service for any player who
    /// is not a member, past joinability and visibility.
    Join(Join),
    /// Change a joined member's state or properties: the member alone; the service may set `Inactive` (R9, R28).
    UpdateMember {
        /// Whose.
        player: PlayerId,
        /// The new state.
        state: Option<JoinedState>,
        /// Replaced whole.
        custom_data: Option<CustomData>,
        /// Replaced whole; null removes it.
        custom: Option<Value>,
    },
    /// Change what a joined member says of his connection: the member alone (R9, R33, R37, R38).
    SetConnectivity {
        /// Whose.
        player: PlayerId,
        /// What.
        update: ConnectivityUpdate,
    },
    /// Say whether the episode of newcomers came through: any joined member, the host, servers, admins, the
    /// service; the first decision counts (row 37, R59).
    PostEvaluation {
        /// Whether it did.
        succeeded: bool,
    },
    /// Make the member with this device token the host of a session without an instance, or nobody: while there is
    /// none any joined member, else the host, the leader, servers, admins, the service (R64, F35, row 9).
    SetHost {
        /// Of a ready or active member.
        device_token: Option<String>,
    },
    /// Give the seat up: the member himself, servers, admins, the service.
    Leave {
        /// Who leaves; a reserved player declines.
        player: PlayerId,
    },
    /// Take a seat away: the leader, servers, admins, the service; never a host (rows 8, 12).
    Kick {
        /// Whose.
        player: PlayerId,
    },
    /// Make a joined member, no spectator, the leader: the leader, servers, admins, the service.
    Promote {
        /// Who is to lead.
        player: PlayerId,
    },
    /// Put a member on another team: himself where the type allows, the leader, servers, admins, the service.
    Move {
        /// Who.
        player: PlayerId,
        /// Where to; teams count from 0.
        team: u8,
    },
    /// Hold seats, all or none, unless `size.team_overflow` lets some stay outside: the leader, the host, servers, admins, the service (R25, row 29).
    Reserve {
        /// For whom, on which team; `None`: the one with the fewest seats taken.
        players: Vec<(PlayerId, Option<u8>)>,
        /// Whether they are brought together with the others who come now (row 37).
        initialize: bool,
    },
    /// Invite players, all or none: any joined member or the leader alone, by the type; the host, servers, admins,
    /// the service (rows 8, 29).
    Invite {
        /// Whom; none of them has a seat.
        players: Vec<PlayerId>,
        /// The inviter's own words.
        context: String,
    },
    /// Invite those of the players who have no seat: as [`Command::Invite`] (F3).
    InviteNewcomers {
        /// Whom.
        players: Vec<PlayerId>,
        /// The inviter's own words.
        context: String,
    },
    /// End an invite: the invited player, who sent it, the leader, servers, admins, the service.
    Withdraw {
        /// Whose.
        player: PlayerId,
    },
    /// Take away the seats of those who have one, but the actor's own: as [`Command::Kick`] (F3).
    KickAll {
        /// Whose.
        players: Vec<PlayerId>,
    },
    /// Give the session a short code, if it has none: the leader, servers, admins, the service (F1).
    SetShortCode {
        /// Unique among all sessions; the shell sees to that.
        code: String,
    },
    /// Change properties of the session: any joined member, servers, admins, the service; the host
    /// all but joinability and password (R8, row 30).
    Update(Update),
    /// A server takes part, or changes what stands of it: servers, the service (R10).
    PutServer {
        /// Its name, compared without case.
        name: Name,
        /// Set as it comes; null afterwards, or the same again.
        constants: Value,
        /// Replaced whole; null removes it, `None` leaves it as it is.
        custom: Option<Value>,
    },
    /// A server takes part no longer: servers, the service (R10).
    RemoveServer {
        /// Its name.
        name: Name,
    },
    /// Set the session's entry in the browser whole, or remove it: the leader, the host, servers, admins, the
    /// service; where the type allows it (R80).
    SetBrowserEntry {
        /// What it shows; `None` removes it.
        params: Option<CustomData>,
    },
    /// Ask the queue that made it for players, or for others than before: the host of its instance, servers, admins,
    /// the service (F13).
    SetBackfill {
        /// Players wanted of a team; of those that are not named nobody.
        wanted: Vec<(u8, u16)>,
        /// Only tickets that were created before (F11).
        created_before: Option<Timestamp>,
    },
    /// The host still wants them: as [`Command::SetBackfill`].
    AcknowledgeBackfill,
    /// Ask for players no longer: as [`Command::SetBackfill`].
    RemoveBackfill,
    /// Take in whom the queue has found, all or none: the service (F12).
    Refill {
        /// Who, on which team.
        players: Vec<Backfilled>,
        /// The number that the row of what they were matched with gets with this.
        row: u64,
    },
    /// Count the session among those that are kept running, or no more: the service (row 19).
    Keep {
        /// Whether it is one of them.
        kept: bool,
    },
    /// Change what members are among each other; each says who may.
    Standing(StandingCommand),
    /// Ask for a host: the leader, servers, admins, the service (F7).
    RequestInstance(InstanceRequest),
    /// A host with an address was chosen: the service.
    Allocate {
        /// The attempt; counts as not acknowledged and without a hedge.
        allocation: InstanceAllocation,
    },
    /// A second attempt beside the first, which has not acknowledged: the service.
    Hedge {
        /// The second attempt.
        allocation: InstanceAllocation,
    },
    /// The game server has taken the allocation on: that host, the service. The first of two wins.
    Acknowledge {
        /// Which attempt.
        allocation_id: AllocationId,
    },
    /// The host says how it is: that host, the service. Acknowledges if that has not happened yet.
    HostUpdate(HostUpdate),
    /// The game server of this attempt is gone: the service.
    ///
    /// Before the acknowledgement another attempt takes its place, or none (back to requested);
    /// afterwards the instance is closed (`host_lost`).
    LoseHost {
        /// Which attempt.
        allocation_id: AllocationId,
    },
    /// End the instance: the leader, servers, admins, the service.
    CloseInstance {
        /// Why.
        reason: CloseReason,
    },
    /// Note a ticket: a new one by the leader, servers, admins, the service; by the service alone, where
    /// the noted one stands now, whatever the session thought of it before.
    SetTicket(TicketRef),
    /// The ticket ended: the service, or (taking it back) the leader, servers, admins. When it is not the live
    /// one, the service does nothing by it and everybody else is refused.
    ClearTicket {
        /// Which.
        id: TicketId,
        /// How it ended; not a live state.
        state: TicketState,
        /// Why.
        reason: EndReason,
    },
    /// End the session with all it holds: the leader, servers, admins, the service (row 39).
    Delete,
}

/// What a player brings along as he joins.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Who.
    pub player: PlayerId,
    /// In which state; see [`JoinedState::from_flags`].
    pub state: JoinedState,
    /// Whether he is brought together with the others who come now; for a new member (row 37).
    pub initialize: bool,
    /// Members who must come through initialization with him, by index (R34).
    pub initialization_group: Vec<u32>,
    /// The team wished for; `None`: the reserved one, else the one with the fewest seats taken.
    pub team: Option<u8>,
    /// Whether he takes a spectator's seat, on no team (row 50).
    pub spectator: bool,
    /// The device of his token, for joinability `local`.
    pub device: Option<String>,
    /// The attributes of his token (row 49).
    pub claims: BTreeMap<Name, ticket::Value>,
    /// Whom he follows, as his token says (row 31).
    pub follows: Vec<PlayerId>,
    /// The platform that his token names, in lowercase (F21).
    pub platform: Option<Name>,
    /// The version of his client, if he states it (row 38); in place of the one that he stated before.
    pub client_version: Option<Box<semver::Version>>,
    /// Of the password that he gave and the session's salt.
    pub password: Option<PasswordDigest>,
    /// Whether a joined member follows him, for joinability `followed`.
    pub acquaintance: Acquaintance,
    /// His data.
    pub custom_data: CustomData,
    /// His constants (R9).
    pub constants: Value,
    /// His properties (R9).
    pub custom: Value,
    /// His roles and what he would like.
    pub own: Box<OwnProperties>,
}

impl Join {
    /// A join that brings nothing along.
    pub fn new(player: PlayerId, state: JoinedState) -> Self {
        Self {
            player,
            state,
            initialize: false,
            initialization_group: Vec::new(),
            team: None,
            spectator: false,
            device: None,
            claims: BTreeMap::new(),
            follows: Vec::new(),
            platform: None,
            client_version: None,
            password: None,
            acquaintance: Acquaintance::Stranger,
            custom_data: CustomData::new(),
            constants: Value::Null,
            custom: Value::Null,
            own: Box::default(),
        }
    }
}

/// What a relation source says of a joiner, beside what the members' own tokens say (row 31).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// A joined member follows him.
    FollowedByMember,
    /// None does, or there is no relation source.
    Stranger,
}

/// Properties of a session to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// Who may join from now on.
    pub joinability: Option<Joinability>,
    /// Who may change the joinability may change it.
    pub password: Option<SetPassword>,
    /// Whether nobody but reserved players gets in.
    pub closed: Option<bool>,
    /// Replaced whole.
    pub custom_data: Option<CustomData>,
    /// Replaced whole; null removes it.
    pub custom: Option<Value>,
    /// Data of teams, each replaced whole.
    pub teams: BTreeMap<u8, CustomData>,
    /// Replaced whole; compared and kept in lowercase.
    pub keywords: Option<BTreeSet<Name>>,
    /// Joined members by index, replaced whole.
    pub turn: Option<Vec<u32>>,
}

/// A host to ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRequest {
    /// The new instance's id.
    pub id: InstanceId,
    /// What to start; `None`: what the type says.
    pub startup_params: Option<StartupParams>,
    /// The fleet; `None`: the type's.
    pub fleet: Option<Name>,
}

impl InstanceRequest {
    /// As the type says.
    pub fn of_type(id: InstanceId) -> Self {
        Self {
            id,
            startup_params: None,
            fleet: None,
        }
    }
}

/// What a host reports of its instance; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HostUpdate {
    /// The allocation that it acts under, echoed on every write (F7).
    pub allocation_id: AllocationId,
    /// `Joinable`, `Unjoinable` or `Closed`.
    pub status: Option<InstanceStatus>,
    /// The game's version.
    pub version: Option<semver::Version>,
    /// The studio's own join data.
    pub join_custom_data: Option<CustomData>,
    /// Players that it sees connected; at most 1,000.
    pub connected: Option<Vec<String>>,
}
