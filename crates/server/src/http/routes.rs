//! What a route is: everything that the router, the OpenAPI document and the access table need to know of it.

use super::problem::Kind;
use super::shape::Shape;
use crate::PrincipalKind;

pub use super::table::ROUTES;

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Which handler it is; also the `operationId`.
    pub operation: Operation,
    /// Its method.
    pub verb: Verb,
    /// Its path, with `{parameters}`.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The query parameters that it takes; any other is refused.
    pub query: &'static [Query],
    /// Request headers that it looks at, beside `Authorization` and `Content-Type`.
    pub headers: &'static [RequestHeader],
    /// What it takes.
    pub body: RequestBody,
    /// What it answers when it succeeds.
    pub replies: &'static [Reply],
    /// Problems of its own, beside those that [`Route::problems`] adds.
    pub problems: &'static [Kind],
}

/// The methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads.
    Get,
    /// Creates or commands.
    Post,
    /// Creates or replaces.
    Put,
    /// Changes fields.
    Patch,
    /// Ends.
    Delete,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Open,
    /// These kinds of principals. The text says in what relation to the resource; empty: in any.
    Only(&'static [(PrincipalKind, &'static str)]),
}

/// A query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    /// The last one of the page before.
    After,
    /// The version of the client that enters.
    ClientVersion,
    /// The same, by member index.
    AfterMember,
    /// Where an event stream was left; opaque.
    Cursor,
    /// Whether to answer what the request would come to, and write nothing.
    DryRun,
    /// A keyword of the sessions that are looked for.
    Keyword,
    /// What an entry of the browser shows, `key:value`; may be given several times.
    Param,
    /// Of several queues of a ticket the one that is asked about.
    Queue,
    /// Only of this region.
    Region,
    /// Only of this session type.
    Type,
    /// The version of the assignments that the game server knows.
    Seen,
    /// How long to wait for news, in milliseconds.
    Wait,
}

/// A request header that a route looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestHeader {
    /// Changes only what has this ETag.
    IfMatch,
    /// Answers 304 when the ETag is still this one.
    IfNoneMatch,
    /// Makes a repeated request harmless.
    IdempotencyKey,
}

/// What a route takes.
#[derive(Debug, Clone, Copy)]
pub enum RequestBody {
    /// Nothing.
    None,
    /// A document, which may be left away when all its defaults are meant.
    Optional(Shape),
    /// A document.
    Required(Shape),
}

/// What a route answers when it succeeds.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// When it is this one.
    pub when: &'static str,
    /// What the body is.
    pub body: ReplyBody,
}

/// What the body of an answer is.
#[derive(Debug, Clone, Copy)]
pub enum ReplyBody {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Shape),
    /// Text of this media type.
    Text(&'static str),
}

/// Every handler that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each is a row of ROUTES, whose summary says what it does"
)]
pub enum Operation {
    CreateSession,
    ReadSession,
    UpdateSession,
    DeleteSession,
    ListMembers,
    JoinSession,
    UpdateMember,
    LeaveSession,
    PromoteMember,
    MoveMember,
    PutRole,
    RemoveRole,
    AddOwner,
    RemoveOwner,
    BlockPlayer,
    UnblockPlayer,
    GrantPermission,
    RevokePermission,
    SwapMembers,
    ListRecentPlayers,
    ReserveSeats,
    InvitePlayers,
    WithdrawInvite,
    InviteSession,
    KickSession,
    ListMyInvites,
    GiveShortCode,
    ReadShortCode,
    PostEvaluation,
    SetHost,
    RequestInstance,
    ReadInstance,
    UpdateInstance,
    CloseInstance,
    ReadAllocation,
    CreateTicket,
    CancelTicket,
    ReadTicket,
    ExplainTicket,
    AnswerMatch,
    ReadPenalty,
    SetPenalty,
    RemovePenalty,
    ListQueues,
    ReadQueue,
    ListSessionTypes,
    ReadSessionType,
    /// `PUT /v1/sessions/{id}/servers/{name}`.
    PutServer,
    /// `DELETE /v1/sessions/{id}/servers/{name}`.
    RemoveServer,
    SetBrowserEntry,
    RemoveBrowserEntry,
    SetBackfill,
    ReadBackfill,
    AcknowledgeBackfill,
    RemoveBackfill,
    Browse,
    FindSessions,
    ListMySessions,
    ReadEvents,
    ReadAssignments,
    Acknowledge,
    ReportHealth,
    ShutdownGameServer,
    ListFleets,
    ReadFleet,
    ReadRoot,
    ReadHealth,
    ReadReadiness,
    ReadMetrics,
    ReadOpenApi,
}

impl Verb {
    /// As it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it may change something.
    pub const fn is_mutating(self) -> bool {
        !matches!(self, Self::Get)
    }
}

impl Access {
    /// Whether this kind of principal gets as far as the handler.
    pub fn admits(self, kind: PrincipalKind) -> bool {
        match self {
            Self::Open => true,
            Self::Only(kinds) => kinds.iter().any(|&(allowed, _)| allowed == kind),
        }
    }
}

impl Query {
    /// Its name in the query string.
    pub const fn name(self) -> &'static str {
        match self {
            Self::After | Self::AfterMember => "after",
            Self::ClientVersion => "client_version",
            Self::Cursor => "cursor",
            Self::DryRun => "dry_run",
            Self::Keyword => "keyword",
            Self::Param => "param",
            Self::Queue => "queue",
            Self::Region => "region",
            Self::Type => "type",
            Self::Seen => "seen",
            Self::Wait => "wait",
        }
    }
}

impl RequestHeader {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfMatch => "If-Match",
            Self::IfNoneMatch => "If-None-Match",
            Self::IdempotencyKey => "Idempotency-Key",
        }
    }
}

impl Route {
    /// Every problem that it may answer with, its own and those that follow from what it takes; sorted.
    pub fn problems(&self) -> Vec<Kind> {
        let mut kinds = self.problems.to_vec();
        if self.access != Access::Open {
            kinds.extend([Kind::Malformed, Kind::Unauthorized, Kind::Forbidden]);
            kinds.extend([Kind::Overloaded, Kind::Internal, Kind::Unavailable]);
        }
        if !matches!(self.body, RequestBody::None) {
            kinds.extend([Kind::BodyTooLarge, Kind::UnsupportedMediaType]);
        }
        if self.headers.contains(&RequestHeader::IfMatch) {
            kinds.push(Kind::PreconditionFailed);
        }
        if self.headers.contains(&RequestHeader::IdempotencyKey) {
            kinds.push(Kind::IdempotencyKeyReused);
        }
        kinds.sort_by_key(|kind| (kind.status(), kind.slug()));
        kinds.dedup();
        kinds
    }

    /// The names of its path parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| {
            part.strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
        })
    }
}
