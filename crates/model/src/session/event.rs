//! What a draft changed: the documents to store and the events to tell.

use std::sync::Arc;

use super::{Header, Member, MemberState, Stage};
use crate::instance::{CloseReason, InstanceStatus};
use crate::subscriptions::ChangeType;
use crate::ticket::{EndReason, TicketState};
use crate::{AllocationId, GameServerId, InstanceId, PlayerId, TicketId, Timestamp};

/// Everything that a draft changed; all of it stands or falls together.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The new header; `None`: nothing was changed at all.
    pub header: Option<Arc<Header>>,
    /// Members that were written, or removed (`None`), by index.
    pub members: Vec<(u32, Option<Arc<Member>>)>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Whether the session is over; its header and members are then to be removed.
    pub deleted: bool,
    /// When something will happen to the document next by itself.
    pub next_timer: Option<Timestamp>,
    /// When the server must look at the session by itself; see [`Session::sweep_at`](super::Session::sweep_at).
    pub sweep_at: Option<Timestamp>,
    pub(super) party_changed: bool,
}

impl Changes {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.header.is_none()
    }

    /// Whether somebody joined or left (row 45): a live ticket of the session is void.
    ///
    /// Reservations made or run out do not count: a reserved player is in no ticket.
    pub fn party_changed(&self) -> bool {
        self.party_changed
    }
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A seat is held.
    MemberReserved {
        /// The seat's index.
        index: u32,
        /// For whom.
        player: PlayerId,
    },
    /// Somebody joined, on a reserved seat or a new one.
    MemberJoined {
        /// The seat's index.
        index: u32,
        /// Who.
        player: PlayerId,
        /// In which state.
        state: MemberState,
    },
    /// A joined member's state changed.
    MemberChanged {
        /// The seat's index.
        index: u32,
        /// Whose.
        player: PlayerId,
        /// Before.
        from: MemberState,
        /// After.
        to: MemberState,
    },
    /// A member's data or team changed.
    MemberUpdated {
        /// The seat's index.
        index: u32,
        /// Whose.
        player: PlayerId,
        /// What of it.
        change: ChangeType,
    },
    /// What a member subscribes to changed; nobody else's affair (R39).
    SubscriptionsChanged {
        /// The seat's index.
        index: u32,
        /// Whose.
        player: PlayerId,
    },
    /// A seat is free again.
    MemberRemoved {
        /// The seat's index.
        index: u32,
        /// Who held it.
        player: PlayerId,
        /// The state before.
        from: MemberState,
        /// Why.
        reason: RemovalReason,
    },
    /// Two members were active in one group at the same time, until now (R35).
    PlayedTogether {
        /// In order.
        players: [PlayerId; 2],
    },
    /// Somebody else leads, or nobody.
    LeaderChanged {
        /// Before, by member index.
        from: Option<u32>,
        /// After, by member index.
        to: Option<u32>,
    },
    /// A player is invited, perhaps again.
    Invited {
        /// Who.
        player: PlayerId,
    },
    /// An invite is over.
    InviteEnded {
        /// Whose.
        player: PlayerId,
        /// Why.
        reason: InviteEnd,
    },
    /// Properties of the session changed: joinability, closed, custom data, teams.
    HeaderChanged(ChangeType),
    /// The newcomers' episode entered another stage, or the next one began.
    InitializationChanged {
        /// Which.
        episode: u32,
        /// Its stage now.
        stage: Stage,
    },
    /// The instance moved on.
    InstanceChanged {
        /// Which.
        id: InstanceId,
        /// Before; `None`: it is new.
        from: Option<InstanceStatus>,
        /// After; the same as before where only an attempt was added or lost.
        to: InstanceStatus,
        /// Why it was closed.
        reason: Option<CloseReason>,
        /// Allocations that no longer count; whoever holds them is to be let go.
        released: Vec<Released>,
    },
    /// The host reported data of its own.
    InstanceUpdated {
        /// Which.
        id: InstanceId,
        /// What.
        data: HostData,
    },
    /// The ticket moved on.
    TicketChanged {
        /// Which.
        id: TicketId,
        /// Where it stands now.
        state: TicketState,
        /// Why it ended.
        reason: Option<EndReason>,
    },
    /// The session is over.
    Deleted,
}

impl Event {
    /// Whether it says something of members only, and nothing of what they share.
    pub fn is_about_members(&self) -> bool {
        matches!(
            self,
            Self::MemberReserved { .. }
                | Self::MemberJoined { .. }
                | Self::MemberChanged { .. }
                | Self::MemberUpdated { .. }
                | Self::SubscriptionsChanged { .. }
                | Self::MemberRemoved { .. }
        )
    }

    /// What kind of change it is to whoever subscribes; `Everything`: none that has a name (F30).
    pub fn change_type(&self) -> ChangeType {
        match self {
            Self::MemberReserved { .. }
            | Self::MemberJoined { .. }
            | Self::MemberRemoved { .. } => ChangeType::MembersList,
            Self::MemberChanged { .. } | Self::LeaderChanged { .. } => ChangeType::MembersStatus,
            Self::MemberUpdated { change, .. } | Self::HeaderChanged(change) => *change,
            Self::InitializationChanged { .. } => ChangeType::Initialization,
            Self::InstanceChanged { .. } | Self::InstanceUpdated { .. } => ChangeType::Host,
            Self::TicketChanged { .. } => ChangeType::MatchmakingStatus,
            Self::SubscriptionsChanged { .. }
            | Self::PlayedTogether { .. }
            | Self::Invited { .. }
            | Self::InviteEnded { .. }
            | Self::Deleted => ChangeType::Everything,
        }
    }
}

/// What data of its own a host reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostData {
    /// What members need to get in has become another: join data, or the game's version.
    ToJoin,
    /// No more than who is connected; or the host is still on its way, and members hear when it is there.
    Passing,
}

/// An allocation that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The attempt.
    pub allocation: AllocationId,
    /// Who held it.
    pub game_server: GameServerId,
}

/// Why an invite is over (row 29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteEnd {
    /// The player has a seat now, by the invite or without it.
    Seated,
    /// The player does not want it.
    Declined,
    /// Somebody with the power to do so took it back.
    Withdrawn,
    /// Its time is over.
    Expired,
    /// The joinability was tightened after it was made.
    Stale,
    /// The session is over.
    SessionEnded,
}

/// Why a seat became free (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// The member left.
    Left,
    /// Somebody with the power to do so took the seat away.
    Kicked,
    /// The reserved player does not want it.
    Declined,
    /// The reserved player did not come in time.
    ReservationExpired,
    /// The member was inactive for too long.
    InactiveExpired,
    /// The member did not come through initialization (F29).
    InitFailed,
    /// The session is over.
    SessionEnded,
}

impl RemovalReason {
    /// The reason as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Kicked => "kicked",
            Self::Declined => "declined",
            Self::ReservationExpired => "reservation_expired",
            Self::InactiveExpired => "inactive_expired",
            Self::InitFailed => "init_failed",
            Self::SessionEnded => "session_ended",
        }
    }
}
