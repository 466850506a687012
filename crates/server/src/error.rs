//! What a request may come to instead of an answer; `http::problem` turns each into a status and a document.

use model::name::NAME_BYTES_MAX;
use model::wire;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404: unknown, ended, or not for this caller to know.
    #[error("{}", not_found(what, id))]
    NotFound {
        /// `session`, `ticket`, …
        what: &'static str,
        /// As the caller wrote it.
        id: String,
    },
    /// 403: the caller may not do that.
    #[error("{0}")]
    Forbidden(String),
    /// 401: the token is not good for this.
    #[error("{0}")]
    Unauthorized(String),
    /// 412: somebody else was faster.
    #[error("the session has changed since that ETag")]
    PreconditionFailed {
        /// The session as it is now.
        current: Box<wire::Session>,
    },
    /// 400: the request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// 422: a field has a value that is not allowed.
    #[error("{field}: {detail}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong, and what to write instead.
        detail: String,
    },
    /// 409: a player is in a live ticket already.
    #[error("{player} is queued already")]
    AlreadyQueued {
        /// Who.
        player: model::PlayerId,
    },
    /// 403: a player pays for deserting matches, and may not queue yet.
    #[error("{player} left or refused matches and may not queue yet (penalty {penalty})")]
    Penalized {
        /// Who.
        player: model::PlayerId,
        /// The name that the queue gives it.
        penalty: model::Name,
        /// Until when.
        until: model::Timestamp,
    },
    /// 409: things do not stand so that this can be done.
    #[error("{0}")]
    Conflict(String),
    /// 409: a team of a session that asks for players has no such seats.
    #[error("team {team} has {free} seats to give; asked for: {wanted}")]
    NoSuchSeats {
        /// As the queue calls it.
        team: model::Name,
        /// Seats that it can still give.
        free: u16,
        /// Players asked for.
        wanted: u16,
    },
    /// 400, 403, 404, 409, 410, 422: the law of sessions refuses the command; it names the status.
    #[error(transparent)]
    Law(#[from] model::session::Error),
    /// 409: this key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// 404: no route has this path.
    #[error("there is nothing at this path")]
    NoSuchPath,
    /// 405: the path exists, for other methods.
    #[error("this path answers to {allow}")]
    MethodNotAllowed {
        /// What it answers to, as the `Allow` header says it.
        allow: &'static str,
    },
    /// 413: the body is larger than `limits.body_bytes_max`.
    #[error("the body is larger than {bytes_max} bytes")]
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// 415: the body is not declared to be JSON.
    #[error("the body must be JSON: send Content-Type: application/json")]
    UnsupportedMediaType,
    /// 429: the player has sent too many wrong passwords.
    #[error("too many wrong passwords: try again in {wait}")]
    TooManyTries {
        /// For how long he is not listened to.
        wait: model::Millis,
    },
    /// 429: too much at a time; ask again.
    #[error("overloaded, ask again")]
    Overloaded,
    /// 503: the database or another part is away; ask again.
    #[error("unavailable, ask again")]
    Unavailable(String),
    /// 500: our own fault. The text is for the log only.
    #[error("internal error")]
    Internal(String),
}

impl Error {
    /// What happened, for the operator's log: more than a caller is told.
    pub(crate) fn cause(&self) -> String {
        match self {
            Error::Internal(text) | Error::Unavailable(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// A name that a caller wrote is repeated only as far as a name goes.
fn not_found(what: &str, id: &str) -> String {
    if id.is_empty() {
        return format!("a {what} without a name does not exist: name one");
    }
    let mut shown: String = id.chars().take(NAME_BYTES_MAX).collect();
    if shown.len() < id.len() {
        shown.push('…');
    }
    format!("{what} {shown} does not exist")
}
