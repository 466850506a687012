//! Why the law refuses a command; each variant names its HTTP status (A.3 row 15).

use super::limits::KeyError;
use crate::Name;
use crate::instance::InstanceStatus;
use crate::{Millis, PlayerId};

/// A refusal. Nothing of the refused command is kept; what `settle` did is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 404: the session has ended, perhaps just now by settling.
    #[error("the session has ended")]
    SessionEnded,
    /// 403: visibility or joinability do not let the player in (A.3b).
    #[error("the session does not admit this player")]
    NotAdmitted,
    /// 403: the session has a password, and the player gave none (F6).
    #[error("the session has a password: send it as `password`, or ask for an invite")]
    PasswordNeeded,
    /// 403: the password is another one (F6).
    #[error("that is not the session's password")]
    WrongPassword,
    /// 404: the player has no invite, or no longer.
    #[error("the player has no invite to the session")]
    NoSuchInvite,
    /// 409: as many invites as a session has at most.
    #[error(
        "a session has at most 100 invites at a time, and at most 200 players who were invited lately"
    )]
    TooManyInvites,
    /// 429: the player was invited to this session not long ago (R69).
    #[error("{player} was invited not long ago: invite again in {wait}")]
    InvitedLately {
        /// Who.
        player: PlayerId,
        /// For how long he cannot be invited again.
        wait: Millis,
    },
    /// 403: closed to all but reserved players (row 30).
    #[error("the session is closed to new members")]
    Closed,
    /// 403: only the leader, or the studio's servers, may do this.
    #[error("only the session's leader may do this")]
    NotLeader,
    /// 403: only the host of the open instance may do this.
    #[error("only the host of the session's instance may do this")]
    NotHost,
    /// 403: the actor has no seat in the session.
    #[error("only a member of the session may do this")]
    NotAMember,
    /// 403: the actor's seat is only reserved.
    #[error("only a member who has joined may do this; the seat is reserved")]
    NotJoined,
    /// 403: another member's own affair (R9, R28).
    #[error("only the member himself may do this")]
    NotOwnMember,
    /// 403: for Muster's own drivers.
    #[error("only the service itself may do this")]
    NotService,
    /// 403: what stands of servers is theirs to write.
    #[error("only the studio's servers may do this")]
    NotServer,
    /// 403: only an owner, or the studio's servers, may do this (F28).
    #[error("only an owner of the session may do this")]
    NotOwner,
    /// 403: an owner keeps the player out (F28).
    #[error("the session's owners have blocked this player")]
    Blocked,
    /// 403: others have joined from another platform, and the session has no `cross_play` (F21).
    #[error("the session has no cross-play, and its members play on another platform")]
    CrossPlay,
    /// 409: a session that has owners keeps one (F28).
    #[error("the last owner stays one: make somebody else an owner first")]
    LastOwner,
    /// 409: as many hold the role as it lets in (F27).
    #[error("the role `{0}` is full")]
    RoleFull(Name),
    /// 409: leaders are not swapped (F2).
    #[error("the leader cannot be swapped")]
    LeaderStays,
    /// 409: a spectator is not made the leader (row 50).
    #[error("the player is a spectator, who cannot be made the leader")]
    LooksOn,
    /// 409: only members of different teams are swapped (F2).
    #[error("the two are on the same team")]
    SameTeam,
    /// 422: the type has no `capabilities.has_owners`.
    #[error("sessions of this type have no owners")]
    NoOwners,
    /// 422: the type has no such role or role type.
    #[error("sessions of this type have no role or role type `{0}`")]
    NoSuchRole(Name),
    /// 403: the type does not let members change their own team.
    #[error("members of this session may not change their own team")]
    CannotChangeTeam,
    /// 403: the type does not let this principal create sessions.
    #[error("this principal may not create sessions of this type")]
    CreationNotAllowed,
    /// 404: the player whom the command is about has no seat.
    #[error("the player is not a member of the session")]
    NoSuchMember,
    /// 404: no server of that name takes part.
    #[error("no server of that name takes part in the session")]
    NoSuchServer,
    /// 400: both flags of a member are true (R24).
    #[error("a member cannot be ready and active at once")]
    ReadyAndActive,
    /// 409: all seats are taken, reserved ones included.
    #[error("the session is full")]
    SessionFull,
    /// 409: the seats of spectators are taken, or there are none (row 50).
    #[error("no seat for a spectator is free")]
    SpectatorsFull,
    /// 409: the places of the team, or of all teams, are taken.
    #[error("the team is full")]
    TeamFull,
    /// 409: the player has a seat already.
    #[error("the player already has a seat in the session")]
    AlreadyMember,
    /// 409: the first members could not be brought together; the session takes nobody in any more (F29).
    #[error("the session's first members could not be brought together, so nobody gets in")]
    InitializationFailed,
    /// 409: no episode of newcomers waits for a decision.
    #[error("no decision about newcomers is due")]
    NotEvaluating,
    /// 409: the player has not joined, so cannot lead or be updated.
    #[error("the player has a reservation and has not joined yet")]
    ReservedOnly,
    /// 409: another value than the one set at the start (R7, R9).
    #[error("{0} is a constant and cannot be changed")]
    ConstantsConflict(&'static str),
    /// 409: the type writes out another value, and leaves the creator no choice (R22, row 32).
    #[error("the session type fixes `{0}`: leave it out, or send the type's own value")]
    FixedByType(&'static str),
    /// 409: a feature that a large session does not have (R42, F21).
    #[error("a large session has no {0}")]
    NotOnLarge(&'static str),
    /// 409: subscribing is for whoever takes part (F30).
    #[error("only an active member subscribes to changes")]
    NotActive,
    /// 409: as many subscriptions as a member has at most.
    #[error("a member has at most 10 subscriptions in a session")]
    TooManySubscriptions,
    /// 409: the player is subscribed in as many sessions as he may be (F30).
    #[error(
        "a player is subscribed in at most {most} sessions at once: remove his subscriptions in another"
    )]
    SubscribedElsewhere {
        /// How many.
        most: u32,
    },
    /// 409: one instance is open already.
    #[error("the session has an instance that is not closed")]
    InstanceExists,
    /// 409: nobody gets in: pending, or closed to joiners by the host.
    #[error("the instance is not joinable")]
    NotJoinable,
    /// 409: not the allocation that the instance counts (F7).
    #[error("the instance is not held by this allocation")]
    ForeignAllocation,
    /// 409: the instance cannot go that way (A.2).
    #[error("an instance cannot go from {from:?} to {to:?}")]
    InstanceTransition {
        /// Where it stands.
        from: InstanceStatus,
        /// Where it was to go.
        to: InstanceStatus,
    },
    /// 409: not a version that the type allows.
    #[error("the instance's version is not one that the session type allows")]
    VersionMismatch,
    /// 409: not a version that suits the client's (row 38).
    #[error("the instance's version does not suit the client's")]
    ClientMismatch,
    /// 409: one live ticket a session.
    #[error("the session is queued already")]
    AlreadyQueued,
    /// 409: the session is not queued, or by another ticket.
    #[error("the session has no such live ticket")]
    NoSuchTicket,
    /// 409: the type has no `can_join_matchmaking`.
    #[error("sessions of this type cannot be queued")]
    NotQueueable,
    /// 409: the type has no `browser.allow_manual`.
    #[error("the browser entry of sessions of this type is not set by hand")]
    NotListable,
    /// 404: the session asks for no players, or no longer (F13).
    #[error("the session has no backfill: it was not asked for, or has ended")]
    NoSuchBackfill,
    /// 409: no queue made the session, or nothing is known of what its players were matched with.
    #[error("no queue made this session, so none knows who would fit in")]
    NotMatched,
    /// 422: the type has no `backfill`.
    #[error("sessions of this type are not refilled: their type has no `backfill`")]
    NoBackfill,
    /// 404: there never was an instance.
    #[error("the session has no instance")]
    NoInstance,
    /// 410: the instance is closed, for good.
    #[error("the instance is closed")]
    InstanceClosed,
    /// 422: neither the request nor the type says what to start (R74).
    #[error("neither the request nor the session type has startup parameters")]
    StartupParamsMissing,
    /// 422: the type has no `instance` section.
    #[error("sessions of this type have no instances")]
    NoInstances,
    /// 422: nobody in it, and it would end at once (row 20).
    #[error("a session of this type cannot be created empty: it would end at once")]
    EmptyCreate,
    /// 422: no such team in the session.
    #[error("the session has no team {0}")]
    NoSuchTeam(u8),
    /// 422: a custom data map over the type's limits.
    #[error("custom data is limited to {limit} {what}")]
    CustomDataLimits {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// 422: a key of custom data that is no name (row 46).
    #[error("the key {key:?} of custom data {why}")]
    CustomDataKey {
        /// At most as long as a name.
        key: String,
        /// Why not.
        why: KeyError,
    },
    /// 422: a document over its size limit.
    #[error("the {document} would be larger than {limit} bytes")]
    TooLarge {
        /// Which document.
        document: &'static str,
        /// The most it may be.
        limit: usize,
    },
    /// 422: a value that the command does not allow there.
    #[error("{0}")]
    Invalid(&'static str),
}

impl Error {
    /// The HTTP status that A.3 row 15 gives the refusal.
    pub fn status(&self) -> u16 {
        match self {
            Self::ReadyAndActive => 400,
            Self::NotAdmitted
            | Self::PasswordNeeded
            | Self::WrongPassword
            | Self::Closed
            | Self::NotLeader
            | Self::NotHost
            | Self::NotAMember
            | Self::NotJoined
            | Self::NotOwnMember
            | Self::NotService
            | Self::NotServer
            | Self::NotOwner
            | Self::Blocked
            | Self::CrossPlay
            | Self::CannotChangeTeam
            | Self::CreationNotAllowed => 403,
            Self::SessionEnded
            | Self::NoSuchMember
            | Self::NoSuchServer
            | Self::NoInstance
            | Self::NoSuchBackfill
            | Self::NoSuchInvite => 404,
            Self::InvitedLately { .. } => 429,
            Self::SessionFull
            | Self::SpectatorsFull
            | Self::TeamFull
            | Self::TooManyInvites
            | Self::AlreadyMember
            | Self::ReservedOnly
            | Self::InitializationFailed
            | Self::NotEvaluating
            | Self::LastOwner
            | Self::RoleFull(_)
            | Self::LeaderStays
            | Self::LooksOn
            | Self::SameTeam
            | Self::ConstantsConflict(_)
            | Self::FixedByType(_)
            | Self::NotOnLarge(_)
            | Self::NotActive
            | Self::TooManySubscriptions
            | Self::SubscribedElsewhere { .. }
            | Self::InstanceExists
            | Self::NotJoinable
            | Self::ForeignAllocation
            | Self::InstanceTransition { .. }
            | Self::VersionMismatch
            | Self::ClientMismatch
            | Self::AlreadyQueued
            | Self::NoSuchTicket
            | Self::NotListable
            | Self::NotMatched
            | Self::NotQueueable => 409,
            Self::InstanceClosed => 410,
            Self::StartupParamsMissing
            | Self::NoInstances
            | Self::NoBackfill
            | Self::EmptyCreate
            | Self::NoOwners
            | Self::NoSuchRole(_)
            | Self::NoSuchTeam(_)
            | Self::CustomDataLimits { .. }
            | Self::CustomDataKey { .. }
            | Self::TooLarge { .. }
            | Self::Invalid(_) => 422,
        }
    }
}
