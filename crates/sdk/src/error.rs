//! What can go wrong with a call, and what was asked of whom.

use std::time::Duration;

use model::wire::Problem;

/// Why a call failed. `call` names what was asked of whom: `POST /v1/sessions to http://127.0.0.1:8080`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered, and it is not a success (RFC 9457).
    #[error("{call}: {status} {}", explained(.problem))]
    Problem {
        /// What was asked of whom.
        call: Box<str>,
        /// The HTTP status.
        status: u16,
        /// What the server says about it.
        problem: Box<Problem>,
        /// When to come back, if the server says so.
        retry_after: Option<Duration>,
    },
    /// No answer, or half of one.
    #[error("{call}: no answer")]
    Transport {
        /// What was asked of whom.
        call: Box<str>,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{call}: no answer within {after:?}")]
    TimedOut {
        /// What was asked of whom.
        call: Box<str>,
        /// How long the answer was waited for.
        after: Duration,
    },
    /// The answer is a success, but not what this client understands.
    #[error("{call}: the answer is not what this client understands: {excerpt:?}")]
    Decode {
        /// What was asked of whom.
        call: Box<str>,
        /// How it begins.
        excerpt: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The answer lacks a header that this call needs.
    #[error("{call}: the answer has no {header} header")]
    MissingHeader {
        /// What was asked of whom.
        call: Box<str>,
        /// Which.
        header: &'static str,
    },
    /// The request cannot be written.
    #[error("{call}: the request cannot be written")]
    Encode {
        /// What was to be asked of whom.
        call: Box<str>,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address of the server is of no use.
    #[error("{url:?} is not an address of a Muster server: {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// The token cannot stand in a header.
    #[error("the token contains characters that cannot stand in a header")]
    Token,
    /// An environment variable of the game-server protocol is absent or unusable.
    #[error(
        "the environment variable {variable} {reason}; Muster sets it for the game servers that it starts"
    )]
    Environment {
        /// Which.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// The HTTP status, if the server answered with an error.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The last part of the problem's type (`session-full`), if the server answered with an error.
    pub fn problem_type(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } => Some(short_type(problem)),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything: no answer, 429, or 5xx.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::TimedOut { .. } => true,
            Self::Problem { status, .. } => *status == 429 || *status >= 500,
            Self::Decode { .. }
            | Self::MissingHeader { .. }
            | Self::Encode { .. }
            | Self::Url { .. }
            | Self::Token
            | Self::Environment { .. } => false,
        }
    }
}

/// `session-full` of `urn:muster:problem:session-full`; of a proxy's own problem the last part of its address.
fn short_type(problem: &Problem) -> &str {
    let of_type = problem.r#type.as_str();
    if of_type == NO_TYPE {
        return NO_TYPE;
    }
    of_type.rsplit(['/', '#', ':']).next().unwrap_or_default()
}

/// The type of a problem that says no more than its status (RFC 9457, 4.2.1).
const NO_TYPE: &str = "about:blank";

fn explained(problem: &Problem) -> String {
    let detail = if problem.detail.is_empty() {
        &problem.title
    } else {
        &problem.detail
    };
    match short_type(problem) {
        "" | NO_TYPE => detail.clone(),
        name => format!("{name}: {detail}"),
    }
}
