//! Errors as problem documents (RFC 9457): the only place where an error meets a status.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use model::session::Error as Law;
use model::{Millis, wire};
use serde_json::{Map, Value};

use crate::Error;

/// What every problem's `type` begins with.
pub const TYPE_PREFIX: &str = "urn:muster:problem:";

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// What `Retry-After` says, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident($status:literal, $slug:literal, $title:literal)),* $(,)?) => {
        /// The kinds of problems. Each has a heading in `docs/errors.md`; a kind is never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name),*
        }

        impl Kind {
            /// All of them, by status.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// Its status.
            pub const fn status(self) -> u16 {
                match self { $(Kind::$name => $status),* }
            }

            /// The last part of its `type`; the heading in `docs/errors.md`.
            pub const fn slug(self) -> &'static str {
                match self { $(Kind::$name => $slug),* }
            }

            /// Its title.
            pub const fn title(self) -> &'static str {
                match self { $(Kind::$name => $title),* }
            }
        }
    };
}

kinds! {
    /// The request cannot be read.
    Malformed(400, "malformed", "The request cannot be read"),
    /// No token, or one that is not good.
    Unauthorized(401, "unauthorized", "A valid token is needed"),
    /// The caller may not do that.
    Forbidden(403, "forbidden", "The caller may not do this"),
    /// Visibility or joinability keep the player out.
    NotAdmitted(403, "not-admitted", "The session does not admit this player"),
    /// The session takes reserved players only.
    SessionClosed(403, "session-closed", "The session is closed to new members"),
    /// The session has a password, which was not given or is another one.
    WrongPassword(403, "wrong-password", "The session has a password"),
    /// Only the leader may do it.
    NotLeader(403, "not-leader", "Only the session's leader may do this"),
    /// Only an owner may do it.
    NotOwner(403, "not-owner", "Only an owner of the session may do this"),
    /// An owner keeps the player out.
    Blocked(403, "blocked", "The session's owners have blocked this player"),
    /// Others play on another platform.
    CrossPlay(403, "cross-play", "The session has no cross-play"),
    /// A player pays for deserting matches.
    Penalized(403, "penalized", "A player may not queue yet"),
    /// Only the host may do it.
    NotHost(403, "not-host", "Only the session's host may do this"),
    /// Only joined members may do it.
    NotMember(403, "not-member", "Only a joined member of the session may do this"),
    /// Unknown, ended, or not for this caller to know.
    NotFound(404, "not-found", "There is no such thing"),
    /// No route has this path.
    NoSuchPath(404, "no-such-path", "There is nothing at this path"),
    /// The path exists, for other methods.
    MethodNotAllowed(405, "method-not-allowed", "This path does not answer to this method"),
    /// All seats are taken.
    SessionFull(409, "session-full", "The session is full"),
    /// All places of the team are taken.
    TeamFull(409, "team-full", "The team is full"),
    /// As many invites as there may be.
    TooManyInvites(409, "too-many-invites", "The session has too many invites"),
    /// A member has as many subscriptions as he may, or in as many sessions.
    TooManySubscriptions(409, "too-many-subscriptions", "The player has too many subscriptions"),
    /// As many hold the role as it lets in.
    RoleFull(409, "role-full", "The role is full"),
    /// The player has a seat already.
    AlreadyMember(409, "already-member", "The player already has a seat in the session"),
    /// The player has a reservation only.
    ReservedOnly(409, "reserved-only", "The player has not joined yet"),
    /// The first members could not be brought together.
    InitializationFailed(409, "initialization-failed", "The session's first members failed to start"),
    /// A constant has another value already.
    ConstantsConflict(409, "constants-conflict", "A constant cannot be changed"),
    /// One instance is open already.
    InstanceExists(409, "instance-exists", "The session has an open instance already"),
    /// Nobody gets into the instance now.
    NotJoinable(409, "not-joinable", "The instance is not joinable"),
    /// The instance cannot go from where it stands to there.
    InstanceTransition(409, "instance-transition", "The instance cannot go to that status"),
    /// The instance's version is not one that the type allows.
    VersionMismatch(409, "version-mismatch", "The game's version does not fit"),
    /// A player of the party, or the party itself, is queued already.
    AlreadyQueued(409, "already-queued", "Queued already"),
    /// Sessions of this type cannot be queued.
    NotQueueable(409, "not-queueable", "Sessions of this type cannot be queued"),
    /// No queue made the session, so none refills it.
    NotMatched(409, "not-matched", "No queue made the session"),
    /// The browser entry of sessions of this type is not set by hand.
    NotListable(409, "not-listable", "The browser entry of such sessions is not set by hand"),
    /// The allocation is not the caller's, or no longer.
    ForeignAllocation(409, "foreign-allocation", "The allocation is not the caller's"),
    /// The key was used for another request.
    IdempotencyKeyReused(409, "idempotency-key-reused", "The key was used for another request"),
    /// Things do not stand so that this can be done.
    Conflict(409, "conflict", "This cannot be done as things stand"),
    /// The instance is closed for good.
    InstanceClosed(410, "instance-closed", "The instance is closed"),
    /// Somebody else was faster.
    PreconditionFailed(412, "precondition-failed", "It has changed since that ETag"),
    /// The body is too large.
    BodyTooLarge(413, "body-too-large", "The body is too large"),
    /// The body is not declared to be JSON.
    UnsupportedMediaType(415, "unsupported-media-type", "The body must be JSON"),
    /// A field has a value that is not allowed.
    Invalid(422, "invalid", "A field has a value that is not allowed"),
    /// The player was invited to this session not long ago.
    InvitedLately(429, "invited-lately", "The player was invited not long ago"),
    /// The caller has sent too many wrong passwords.
    TooManyTries(429, "too-many-tries", "Too many wrong passwords"),
    /// Too much at a time.
    Overloaded(429, "overloaded", "Too much at a time"),
    /// A fault of the server's own.
    Internal(500, "internal", "The server failed"),
    /// A part of the server is away.
    Unavailable(503, "unavailable", "Not available now"),
}

/// A problem on its way out.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    extensions: Map<String, Value>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            extensions: Map::new(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer. `request_id` names a 500 in the log.
    pub(super) fn into_response(mut self, request_id: Option<String>) -> Response {
        if let Some(id) = request_id {
            self.extensions.insert("request_id".to_owned(), id.into());
        }
        let status = self.kind.status();
        let document = wire::Problem {
            r#type: format!("{TYPE_PREFIX}{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status,
            detail: self.detail,
            extensions: self.extensions,
        };
        // A document of texts and JSON values has no way to fail to be written.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, PROBLEM_JSON);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound { what, id } => Problem::new(Kind::NotFound, text)
                .with("what", what)
                .with("id", super::call::repeated(&id)),
            Error::Forbidden(_) => Problem::new(Kind::Forbidden, text),
            Error::Unauthorized(_) => {
                let challenge = challenge(&text);
                Problem::new(Kind::Unauthorized, text).header(header::WWW_AUTHENTICATE, challenge)
            }
            Error::PreconditionFailed { current } => {
                let tag = super::reply::header_value(&crate::etag::of(&current));
                let current = serde_json::to_value(current).unwrap_or_default();
                Problem::new(Kind::PreconditionFailed, text)
                    .with("current", current)
                    .header(header::ETAG, tag)
            }
            Error::Malformed(_) => Problem::new(Kind::Malformed, text),
            Error::Invalid { field, .. } => Problem::new(Kind::Invalid, text).with("field", field),
            Error::AlreadyQueued { player } => {
                Problem::new(Kind::AlreadyQueued, text).with("player", player.as_str())
            }
            Error::Penalized {
                player,
                penalty,
                until,
            } => Problem::new(Kind::Penalized, text)
                .with("player", player.as_str())
                .with("penalty", penalty.as_str())
                .with("until", serde_json::json!(wire::Rfc3339(until))),
            Error::Conflict(_) => Problem::new(Kind::Conflict, text),
            Error::NoSuchSeats { .. } => Problem::new(Kind::TeamFull, text),
            Error::Law(Law::InvitedLately { player, wait }) => {
                Problem::new(Kind::InvitedLately, text)
                    .with("player", player.as_str())
                    .header(header::RETRY_AFTER, seconds(wait))
            }
            Error::TooManyTries { wait } => {
                Problem::new(Kind::TooManyTries, text).header(header::RETRY_AFTER, seconds(wait))
            }
            Error::Law(law) => Problem::new(law_kind(&law), text),
            Error::IdempotencyKeyReused => Problem::new(Kind::IdempotencyKeyReused, text),
            Error::NoSuchPath => Problem::new(Kind::NoSuchPath, text),
            Error::MethodNotAllowed { allow } => Problem::new(Kind::MethodNotAllowed, text)
                .header(header::ALLOW, HeaderValue::from_static(allow)),
            Error::BodyTooLarge { bytes_max } => {
                Problem::new(Kind::BodyTooLarge, text).with("bytes_max", bytes_max)
            }
            Error::UnsupportedMediaType => Problem::new(Kind::UnsupportedMediaType, text),
            Error::Overloaded => {
                Problem::new(Kind::Overloaded, text).header(header::RETRY_AFTER, RETRY_AFTER)
            }
            // What is away, and what failed, is for the log; the caller learns that it was not his fault.
            Error::Unavailable(_) => {
                Problem::new(Kind::Unavailable, text).header(header::RETRY_AFTER, RETRY_AFTER)
            }
            Error::Internal(_) => Problem::new(Kind::Internal, text),
        }
    }
}

/// The kind of each refusal of the law.
fn law_kind(error: &Law) -> Kind {
    match error {
        Law::ReadyAndActive => Kind::Malformed,
        Law::NotAdmitted => Kind::NotAdmitted,
        Law::Closed => Kind::SessionClosed,
        Law::PasswordNeeded | Law::WrongPassword => Kind::WrongPassword,
        Law::TooManyInvites => Kind::TooManyInvites,
        Law::InvitedLately { .. } => Kind::InvitedLately,
        Law::NotLeader => Kind::NotLeader,
        Law::NotOwner => Kind::NotOwner,
        Law::Blocked => Kind::Blocked,
        Law::CrossPlay => Kind::CrossPlay,
        Law::RoleFull(_) => Kind::RoleFull,
        Law::LastOwner | Law::LeaderStays | Law::LooksOn | Law::SameTeam => Kind::Conflict,
        Law::NotHost => Kind::NotHost,
        Law::NotAMember | Law::NotJoined => Kind::NotMember,
        Law::NotOwnMember
        | Law::NotService
        | Law::NotServer
        | Law::CannotChangeTeam
        | Law::CreationNotAllowed => Kind::Forbidden,
        Law::SessionEnded
        | Law::NoSuchMember
        | Law::NoSuchServer
        | Law::NoSuchInvite
        | Law::NoSuchBackfill
        | Law::NoInstance => Kind::NotFound,
        Law::SessionFull | Law::SpectatorsFull => Kind::SessionFull,
        Law::TeamFull => Kind::TeamFull,
        Law::AlreadyMember => Kind::AlreadyMember,
        Law::ReservedOnly => Kind::ReservedOnly,
        Law::InitializationFailed => Kind::InitializationFailed,
        Law::NotEvaluating => Kind::Conflict,
        Law::ConstantsConflict(_) | Law::FixedByType(_) => Kind::ConstantsConflict,
        Law::InstanceExists => Kind::InstanceExists,
        Law::NotJoinable => Kind::NotJoinable,
        Law::ForeignAllocation => Kind::ForeignAllocation,
        Law::InstanceTransition { .. } => Kind::InstanceTransition,
        Law::VersionMismatch | Law::ClientMismatch => Kind::VersionMismatch,
        Law::AlreadyQueued => Kind::AlreadyQueued,
        Law::NoSuchTicket | Law::NotOnLarge(_) | Law::NotActive => Kind::Conflict,
        Law::TooManySubscriptions | Law::SubscribedElsewhere { .. } => Kind::TooManySubscriptions,
        Law::NotQueueable => Kind::NotQueueable,
        Law::NotListable => Kind::NotListable,
        Law::NotMatched => Kind::NotMatched,
        Law::InstanceClosed => Kind::InstanceClosed,
        Law::StartupParamsMissing
        | Law::NoInstances
        | Law::EmptyCreate
        | Law::NoOwners
        | Law::NoBackfill
        | Law::NoSuchRole(_)
        | Law::NoSuchTeam(_)
        | Law::CustomDataLimits { .. }
        | Law::CustomDataKey { .. }
        | Law::TooLarge { .. }
        | Law::Invalid(_) => Kind::Invalid,
    }
}

/// A span as `Retry-After` has it: whole seconds, none too early.
fn seconds(wait: Millis) -> HeaderValue {
    HeaderValue::from(wait.0.div_ceil(1_000))
}

/// `WWW-Authenticate` (RFC 6750): what is wrong with the token. The text is our own, without quotes.
fn challenge(text: &str) -> HeaderValue {
    let text = text.replace(['"', '\\'], "'");
    HeaderValue::try_from(format!(
        "Bearer realm=\"muster\", error=\"invalid_token\", error_description=\"{text}\""
    ))
    .unwrap_or(HeaderValue::from_static("Bearer realm=\"muster\""))
}
