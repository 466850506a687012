//! The table of all routes.

use super::access::{
    GAME_SERVER, HOST, HOST_TO_BE, INVITER, INVITER_OR_INVITED, LEADER, LEADER_OF_BOTH,
    LEADER_OR_HOST, ME, MEMBER, MEMBER_OF_BOTH, MEMBER_OR_HOST, MOVER, OPERATORS, OWNER, PEOPLE,
    READER, SELF, SELF_OR_KICKER, SELF_OR_MOVER, SELF_OR_OWNER, SERVER, TICKET_PLAYER,
};
use super::backfill_routes as backfill;
use super::examples as shapes;
use super::problem::Kind;
use super::routes::{
    Access, Operation, Query, Reply, ReplyBody, RequestBody, RequestHeader, Route, Verb,
};
use super::shape::Shape;
use crate::PrincipalKind::{Admin, Player, Server};

pub(super) const BASE: Route = Route {
    operation: Operation::ReadRoot,
    verb: Verb::Get,
    path: "/",
    summary: "",
    access: Access::Open,
    query: &[],
    headers: &[],
    body: RequestBody::None,
    replies: &[],
    problems: &[],
};

pub(super) const fn json(status: u16, when: &'static str, shape: Shape) -> Reply {
    Reply {
        status,
        when,
        body: ReplyBody::Json(shape),
    }
}

pub(super) const fn nothing(status: u16, when: &'static str) -> Reply {
    Reply {
        status,
        when,
        body: ReplyBody::Nothing,
    }
}

const fn text(when: &'static str, media_type: &'static str) -> Reply {
    Reply {
        status: 200,
        when,
        body: ReplyBody::Text(media_type),
    }
}

const SESSION_NOW: Reply = json(200, "The session as it is now.", shapes::SESSION);

/// Every route, by area.
pub static ROUTES: &[Route] = &[
    // Sessions.
    Route {
        operation: Operation::CreateSession,
        verb: Verb::Post,
        path: "/v1/sessions",
        summary: "Create a session; a player becomes its leader. Of a hub: be led to one with space, if there is one.",
        access: Access::Only(&[(Player, "if the type says so"), (Server, ""), (Admin, "")]),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IdempotencyKey],
        body: RequestBody::Required(shapes::CREATE_SESSION),
        replies: &[
            json(201, "Created.", shapes::SESSION),
            json(
                200,
                "Of a hub: led to the session that the Location header names.",
                shapes::SESSION,
            ),
        ],
        problems: &[
            Kind::NotLeader,
            Kind::RoleFull,
            Kind::NotFound,
            Kind::Invalid,
            Kind::SessionFull,
            Kind::ConstantsConflict,
            Kind::Conflict,
            Kind::TooManySubscriptions,
        ],
    },
    Route {
        operation: Operation::ReadSession,
        path: "/v1/sessions/{id}",
        summary: "Read a session, brought up to date first.",
        access: Access::Only(READER),
        headers: &[RequestHeader::IfNoneMatch],
        replies: &[
            SESSION_NOW,
            nothing(304, "It still is what the If-None-Match header names."),
        ],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::UpdateSession,
        verb: Verb::Patch,
        path: "/v1/sessions/{id}",
        summary: "Replace fields of a session, each one whole.",
        access: Access::Only(MEMBER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::UPDATE_SESSION),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::ConstantsConflict,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotLeader,
        ],
    },
    Route {
        operation: Operation::DeleteSession,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}",
        summary: "End a session with all that belongs to it.",
        access: Access::Only(LEADER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[nothing(204, "Ended.")],
        problems: &[Kind::NotFound, Kind::NotLeader],
        ..BASE
    },
    Route {
        operation: Operation::ReserveSeats,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/reservations",
        summary: "Hold seats for players: for all of them or for none, unless the type says that some may stay outside.",
        access: Access::Only(LEADER_OR_HOST),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::RESERVE),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::Blocked,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotLeader,
            Kind::NotHost,
            Kind::SessionFull,
            Kind::TeamFull,
            Kind::AlreadyMember,
            Kind::InitializationFailed,
        ],
    },
    Route {
        operation: Operation::PostEvaluation,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/initialization",
        summary: "Decide whether the newcomers came through; the first decision counts.",
        access: Access::Only(MEMBER_OR_HOST),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::POST_EVALUATION),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotHost,
            Kind::Conflict,
            Kind::ConstantsConflict,
        ],
    },
    Route {
        operation: Operation::SetHost,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/host",
        summary: "Make a member the host of a session without an instance; If-Match is needed.",
        access: Access::Only(HOST_TO_BE),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::SET_HOST),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::InstanceExists,
            Kind::Invalid,
        ],
    },
    Route {
        operation: Operation::InvitePlayers,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/invites",
        summary: "Invite players: all of them, or none; an invite holds no seat.",
        access: Access::Only(INVITER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::INVITE_PLAYERS),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::NotHost,
            Kind::AlreadyMember,
            Kind::TooManyInvites,
            Kind::InvitedLately,
        ],
    },
    Route {
        operation: Operation::WithdrawInvite,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/invites/{player}",
        summary: "Decline an invite; of somebody else: take it back.",
        access: Access::Only(INVITER_OR_INVITED),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[
            SESSION_NOW,
            nothing(204, "Declined; the session is not for him to see any more."),
        ],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::NotHost,
        ],
        ..BASE
    },
    Route {
        operation: Operation::InviteSession,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/invited-sessions/{other}",
        summary: "Invite every joined member of another session: all who have no seat, or none.",
        access: Access::Only(MEMBER_OF_BOTH),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Optional(shapes::INVITE_SESSION),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::TooManyInvites,
            Kind::InvitedLately,
        ],
    },
    Route {
        operation: Operation::KickSession,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/kicked-sessions/{other}",
        summary: "Take away the seats of all joined members of another session but the caller's own.",
        access: Access::Only(LEADER_OF_BOTH),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW, nothing(204, "The session ended with it.")],
        problems: &[Kind::NotFound, Kind::NotMember, Kind::NotLeader],
        ..BASE
    },
    Route {
        operation: Operation::GiveShortCode,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/short-code",
        summary: "Give a session a code that people can say, if it has none yet; a dry run shows no new one.",
        access: Access::Only(LEADER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::Conflict,
        ],
        ..BASE
    },
    Route {
        operation: Operation::ReadShortCode,
        path: "/v1/short-codes/{code}",
        summary: "Find the session that has a short code.",
        access: Access::Only(READER),
        replies: &[json(200, "The session that has it.", shapes::SHORT_CODE)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ListMyInvites,
        path: "/v1/players/me/invites",
        summary: "List the invites of the player, those to the oldest sessions first.",
        access: Access::Only(ME),
        query: &[Query::After],
        replies: &[json(200, "His invites.", shapes::MY_INVITES)],
        ..BASE
    },
    Route {
        operation: Operation::PutServer,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/servers/{name}",
        summary: "Take part as a server of the studio, without a seat; again: change what stands of it.",
        access: Access::Only(SERVER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Optional(shapes::PUT_SERVER),
        replies: &[SESSION_NOW],
        problems: &[Kind::NotFound, Kind::ConstantsConflict, Kind::Invalid],
    },
    Route {
        operation: Operation::RemoveServer,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/servers/{name}",
        summary: "Take part no longer, as a server of the studio.",
        access: Access::Only(SERVER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::SetBrowserEntry,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/browser-entry",
        summary: "Set the session's entry in the browser, whole.",
        access: Access::Only(LEADER_OR_HOST),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Optional(shapes::SET_BROWSER_ENTRY),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::NotHost,
            Kind::NotListable,
            Kind::Invalid,
        ],
    },
    Route {
        operation: Operation::RemoveBrowserEntry,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/browser-entry",
        summary: "Take the session's entry out of the browser.",
        access: Access::Only(LEADER_OR_HOST),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::NotHost,
            Kind::NotListable,
        ],
        ..BASE
    },
    backfill::SET,
    backfill::READ,
    backfill::ACKNOWLEDGE,
    backfill::REMOVE,
    Route {
        operation: Operation::Browse,
        path: "/v1/browser",
        summary: "Search the sessions that have an entry in the browser, the newest first.",
        access: Access::Only(&[(Player, ""), (Server, ""), (Admin, "")]),
        query: &[Query::Type, Query::Region, Query::Param, Query::After],
        replies: &[json(200, "A page of entries.", shapes::BROWSER_PAGE)],
        ..BASE
    },
    Route {
        operation: Operation::ListMembers,
        path: "/v1/sessions/{id}/members",
        summary: "List the members of a session that the caller may see, by index.",
        access: Access::Only(READER),
        query: &[Query::AfterMember],
        replies: &[json(200, "Its members.", shapes::MEMBER_PAGE)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::FindSessions,
        path: "/v1/sessions",
        summary: "Find sessions by a keyword, those that the caller may see, the newest first.",
        access: Access::Only(&[(Player, ""), (Server, ""), (Admin, "")]),
        query: &[Query::Keyword, Query::After],
        replies: &[json(200, "A page of them.", shapes::FOUND_SESSIONS)],
        ..BASE
    },
    Route {
        operation: Operation::ListMySessions,
        path: "/v1/players/{player}/sessions",
        summary: "List the sessions that a player is a member of, oldest first.",
        access: Access::Only(SELF),
        query: &[Query::After],
        replies: &[json(200, "His sessions.", shapes::MY_SESSIONS)],
        ..BASE
    },
    Route {
        operation: Operation::ListSessionTypes,
        path: "/v1/session-types",
        summary: "List the session types.",
        access: Access::Only(PEOPLE),
        replies: &[json(
            200,
            "All session types, by name.",
            shapes::SESSION_TYPES,
        )],
        ..BASE
    },
    Route {
        operation: Operation::ReadSessionType,
        path: "/v1/session-types/{name}",
        summary: "Read a session type.",
        access: Access::Only(PEOPLE),
        replies: &[json(200, "The session type.", shapes::SESSION_TYPE)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    // Members.
    Route {
        operation: Operation::JoinSession,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/members/{player}",
        summary: "Join a session, or the one that a hub leads on to; by the member himself: set state and properties.",
        access: Access::Only(SELF),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch, RequestHeader::IfNoneMatch],
        body: RequestBody::Optional(shapes::JOIN_SESSION),
        replies: &[json(201, "Joined.", shapes::SESSION), SESSION_NOW],
        problems: &[
            Kind::Blocked,
            Kind::CrossPlay,
            Kind::NotOwner,
            Kind::RoleFull,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotAdmitted,
            Kind::SessionClosed,
            Kind::WrongPassword,
            Kind::TooManyTries,
            Kind::SessionFull,
            Kind::TeamFull,
            Kind::AlreadyMember,
            Kind::ConstantsConflict,
            Kind::InitializationFailed,
            Kind::Conflict,
            Kind::TooManySubscriptions,
        ],
    },
    Route {
        operation: Operation::UpdateMember,
        verb: Verb::Patch,
        path: "/v1/sessions/{id}/members/{player}",
        summary: "Replace fields of a member, each one whole; `subscriptions` key by key.",
        access: Access::Only(ME),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::UPDATE_MEMBER),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotOwner,
            Kind::RoleFull,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::ReservedOnly,
            Kind::ConstantsConflict,
            Kind::Conflict,
            Kind::TooManySubscriptions,
        ],
    },
    Route {
        operation: Operation::LeaveSession,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/members/{player}",
        summary: "Leave a session; of somebody else: kick.",
        access: Access::Only(SELF_OR_KICKER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW, nothing(204, "The session ended with it.")],
        problems: &[Kind::NotFound, Kind::NotLeader, Kind::NotOwner],
        ..BASE
    },
    Route {
        operation: Operation::PromoteMember,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/members/{player}/promote",
        summary: "Make a member the leader.",
        access: Access::Only(LEADER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotLeader,
            Kind::ReservedOnly,
            Kind::Conflict,
        ],
        ..BASE
    },
    Route {
        operation: Operation::MoveMember,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/members/{player}/move",
        summary: "Move a member to another team, or among the spectators.",
        access: Access::Only(SELF_OR_MOVER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::MOVE_MEMBER),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::SessionFull,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotLeader,
            Kind::TeamFull,
        ],
    },
    // What members are among each other.
    Route {
        operation: Operation::PutRole,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/members/{player}/roles/{name}",
        summary: "Give a member a role of this role type, instead of the one that he holds.",
        access: Access::Only(SELF_OR_OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::SET_ROLE),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
            Kind::ReservedOnly,
            Kind::RoleFull,
        ],
    },
    Route {
        operation: Operation::RemoveRole,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/members/{player}/roles/{name}",
        summary: "Take a member's role of this role type away.",
        access: Access::Only(SELF_OR_OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
            Kind::ReservedOnly,
        ],
        ..BASE
    },
    Route {
        operation: Operation::AddOwner,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/members/{player}/owner",
        summary: "Make a member an owner.",
        access: Access::Only(OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
            Kind::ReservedOnly,
        ],
        ..BASE
    },
    Route {
        operation: Operation::RemoveOwner,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/members/{player}/owner",
        summary: "Make an owner a plain member; the last one stays an owner.",
        access: Access::Only(OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
            Kind::ReservedOnly,
            Kind::Conflict,
        ],
        ..BASE
    },
    Route {
        operation: Operation::BlockPlayer,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/blocked/{player}",
        summary: "Keep a player out, and take his seat away if he has one.",
        access: Access::Only(OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW, nothing(204, "The session ended with it.")],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
        ],
        ..BASE
    },
    Route {
        operation: Operation::UnblockPlayer,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/blocked/{player}",
        summary: "Keep a player out no longer.",
        access: Access::Only(OWNER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotOwner,
        ],
        ..BASE
    },
    Route {
        operation: Operation::GrantPermission,
        verb: Verb::Put,
        path: "/v1/sessions/{id}/members/{player}/permissions/{name}",
        summary: "Let a member invite, kick or move.",
        access: Access::Only(LEADER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::ReservedOnly,
        ],
        ..BASE
    },
    Route {
        operation: Operation::RevokePermission,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/members/{player}/permissions/{name}",
        summary: "Take a permission back.",
        access: Access::Only(LEADER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::ReservedOnly,
        ],
        ..BASE
    },
    Route {
        operation: Operation::SwapMembers,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/swap",
        summary: "Let two members of different teams change places.",
        access: Access::Only(MOVER),
        query: &[Query::DryRun],
        headers: &[RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::SWAP_MEMBERS),
        replies: &[SESSION_NOW],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotMember,
            Kind::NotLeader,
            Kind::Conflict,
        ],
    },
    Route {
        operation: Operation::ListRecentPlayers,
        path: "/v1/players/me/recent-players",
        summary: "List those with whom the player was active in one group at the same time, newest first.",
        access: Access::Only(ME),
        replies: &[json(
            200,
            "A hundred at most, of the last seven days.",
            shapes::RECENT_PLAYERS,
        )],
        ..BASE
    },
    // Instances.
    Route {
        operation: Operation::RequestInstance,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/instance",
        summary: "Ask for a host for a session.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IdempotencyKey, RequestHeader::IfMatch],
        body: RequestBody::Optional(shapes::REQUEST_INSTANCE),
        replies: &[json(201, "The session with its instance.", shapes::SESSION)],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotLeader,
            Kind::InstanceExists,
        ],
        ..BASE
    },
    Route {
        operation: Operation::ReadInstance,
        path: "/v1/sessions/{id}/instance",
        summary: "Read the instance of a session, or enter it; addresses are for members only.",
        access: Access::Only(READER),
        query: &[Query::ClientVersion],
        replies: &[json(200, "The instance.", shapes::INSTANCE)],
        problems: &[
            Kind::NotFound,
            Kind::NotMember,
            Kind::NotJoinable,
            Kind::VersionMismatch,
            Kind::InstanceClosed,
        ],
        ..BASE
    },
    Route {
        operation: Operation::UpdateInstance,
        verb: Verb::Patch,
        path: "/v1/sessions/{id}/instance",
        summary: "Report how the hosted session is; acknowledges its allocation.",
        access: Access::Only(HOST),
        body: RequestBody::Required(shapes::HOST_UPDATE),
        replies: &[json(200, "The instance.", shapes::INSTANCE)],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotHost,
            Kind::ForeignAllocation,
            Kind::InstanceTransition,
            Kind::VersionMismatch,
            Kind::InstanceClosed,
        ],
        ..BASE
    },
    Route {
        operation: Operation::CloseInstance,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/instance",
        summary: "Close the instance of a session.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IfMatch],
        replies: &[json(
            200,
            "The session with its closed instance.",
            shapes::SESSION,
        )],
        problems: &[Kind::NotFound, Kind::NotLeader, Kind::InstanceClosed],
        ..BASE
    },
    Route {
        operation: Operation::ReadAllocation,
        path: "/v1/allocations/{id}",
        summary: "Read an allocation: which game server, and where players connect.",
        access: Access::Only(MEMBER),
        replies: &[json(200, "The allocation.", shapes::ALLOCATION)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    // Tickets and queues.
    Route {
        operation: Operation::CreateTicket,
        verb: Verb::Post,
        path: "/v1/sessions/{id}/ticket",
        summary: "Queue a party; the ticket is durable before the answer.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IdempotencyKey, RequestHeader::IfMatch],
        body: RequestBody::Required(shapes::CREATE_TICKET),
        replies: &[json(201, "The ticket.", shapes::TICKET)],
        problems: &[
            Kind::Conflict,
            Kind::NotFound,
            Kind::Invalid,
            Kind::NotLeader,
            Kind::AlreadyQueued,
            Kind::NotQueueable,
            Kind::Penalized,
        ],
        ..BASE
    },
    Route {
        operation: Operation::CancelTicket,
        verb: Verb::Delete,
        path: "/v1/sessions/{id}/ticket",
        summary: "Take a party out of its queue.",
        access: Access::Only(LEADER),
        headers: &[RequestHeader::IfMatch],
        replies: &[json(200, "The canceled ticket.", shapes::TICKET)],
        problems: &[Kind::Conflict, Kind::NotFound, Kind::NotLeader],
        ..BASE
    },
    Route {
        operation: Operation::ReadTicket,
        path: "/v1/tickets/{id}",
        summary: "Read a ticket; an ended one is kept for an hour.",
        access: Access::Only(TICKET_PLAYER),
        replies: &[json(200, "The ticket.", shapes::TICKET)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ExplainTicket,
        path: "/v1/tickets/{id}/explanation",
        summary: "Say where a ticket stands and why: who could play with it, what keeps out whom, what widens next.",
        access: Access::Only(TICKET_PLAYER),
        replies: &[json(200, "The explanation.", shapes::EXPLANATION)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::AnswerMatch,
        verb: Verb::Post,
        path: "/v1/tickets/{id}/acceptance",
        summary: "Accept or refuse the match that a ticket is proposed; each player for himself.",
        access: Access::Only(TICKET_PLAYER),
        body: RequestBody::Required(shapes::ANSWER_MATCH),
        replies: &[json(200, "The ticket.", shapes::TICKET)],
        problems: &[
            Kind::NotFound,
            Kind::Invalid,
            Kind::Forbidden,
            Kind::Conflict,
        ],
        ..BASE
    },
    Route {
        operation: Operation::ReadPenalty,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Read what a player pays for deserting matches.",
        access: Access::Only(SELF),
        replies: &[json(200, "What he pays.", shapes::PENALTY)],
        problems: &[Kind::NotFound, Kind::Forbidden],
        ..BASE
    },
    Route {
        operation: Operation::SetPenalty,
        verb: Verb::Put,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Set what a player pays, under a name that a queue gives.",
        access: Access::Only(&[(Server, ""), (Admin, "")]),
        body: RequestBody::Required(shapes::SET_PENALTY),
        replies: &[json(200, "What he pays.", shapes::PENALTY)],
        problems: &[Kind::NotFound, Kind::Invalid],
        ..BASE
    },
    Route {
        operation: Operation::RemovePenalty,
        verb: Verb::Delete,
        path: "/v1/players/{player}/penalties/{name}",
        summary: "Forgive a player.",
        access: Access::Only(&[(Server, ""), (Admin, "")]),
        replies: &[nothing(204, "Forgiven.")],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ListQueues,
        path: "/v1/queues",
        summary: "List the queues.",
        access: Access::Only(PEOPLE),
        replies: &[json(200, "All queues, by name.", shapes::QUEUES)],
        ..BASE
    },
    Route {
        operation: Operation::ReadQueue,
        path: "/v1/queues/{name}",
        summary: "Read a queue.",
        access: Access::Only(PEOPLE),
        replies: &[json(200, "The queue.", shapes::QUEUE)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    // Events.
    Route {
        operation: Operation::ReadEvents,
        path: "/v1/events",
        summary: "Wait for something of the player's to change since the cursor.",
        access: Access::Only(ME),
        query: &[Query::Cursor, Query::Wait],
        replies: &[json(
            200,
            "What changed; nothing when the wait ran out.",
            shapes::EVENT_PAGE,
        )],
        ..BASE
    },
    // Game servers and fleets.
    Route {
        operation: Operation::ReadAssignments,
        path: "/v1/game-servers/me/assignments",
        summary: "Wait for the game server's assignments to change; the first call makes it ready.",
        access: Access::Only(GAME_SERVER),
        query: &[Query::Seen, Query::Wait],
        replies: &[json(
            200,
            "All that it is to host now.",
            shapes::ASSIGNMENTS,
        )],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::Acknowledge,
        verb: Verb::Post,
        path: "/v1/game-servers/me/acknowledge",
        summary: "Take an assignment on.",
        access: Access::Only(GAME_SERVER),
        body: RequestBody::Required(shapes::ACKNOWLEDGE),
        replies: &[nothing(204, "Taken on; the session is this game server's.")],
        problems: &[Kind::NotFound, Kind::ForeignAllocation],
        ..BASE
    },
    Route {
        operation: Operation::ReportHealth,
        verb: Verb::Post,
        path: "/v1/game-servers/me/health",
        summary: "Report the game server's health.",
        access: Access::Only(GAME_SERVER),
        body: RequestBody::Required(shapes::HEALTH_REPORT),
        replies: &[nothing(204, "Noted.")],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ShutdownGameServer,
        verb: Verb::Post,
        path: "/v1/game-servers/me/shutdown",
        summary: "Say that the game server ends: it gets nothing more, and what it hosts is closed.",
        access: Access::Only(GAME_SERVER),
        replies: &[nothing(204, "Noted.")],
        problems: &[Kind::NotFound],
        ..BASE
    },
    Route {
        operation: Operation::ListFleets,
        path: "/v1/fleets",
        summary: "List the fleets with their game servers.",
        access: Access::Only(OPERATORS),
        replies: &[json(200, "All fleets, by name.", shapes::FLEETS)],
        ..BASE
    },
    Route {
        operation: Operation::ReadFleet,
        path: "/v1/fleets/{name}",
        summary: "Read a fleet with its game servers.",
        access: Access::Only(OPERATORS),
        replies: &[json(200, "The fleet.", shapes::FLEET)],
        problems: &[Kind::NotFound],
        ..BASE
    },
    // Operations, without a token.
    Route {
        operation: Operation::ReadRoot,
        path: "/",
        summary: "Say what this is.",
        replies: &[text("A few lines for people.", "text/plain")],
        ..BASE
    },
    Route {
        operation: Operation::ReadHealth,
        path: "/healthz",
        summary: "Say that the process is alive.",
        replies: &[text("`ok`", "text/plain")],
        ..BASE
    },
    Route {
        operation: Operation::ReadReadiness,
        path: "/readyz",
        summary: "Say whether requests can be served: the database answers.",
        replies: &[text("`ok`", "text/plain")],
        problems: &[Kind::Unavailable],
        ..BASE
    },
    Route {
        operation: Operation::ReadMetrics,
        path: "/metrics",
        summary: "Metrics in the Prometheus text format.",
        replies: &[text("Metrics.", "text/plain")],
        ..BASE
    },
    Route {
        operation: Operation::ReadOpenApi,
        path: "/openapi.json",
        summary: "This API as an OpenAPI 3.1 document.",
        replies: &[text("The document.", "application/json")],
        ..BASE
    },
];
