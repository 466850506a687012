//! One call on its way to the server: what to send, and how the answer is taken apart.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode, header};
use model::wire::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::retry::Repeat;

/// How much of an answer that cannot be read is shown, in characters.
const EXCERPT_CHARS: usize = 200;

/// The header of RFC draft `idempotency-key-header`.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What to send.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    /// Path and query, percent-encoded, from the root: `/v1/sessions`.
    pub path: String,
    /// JSON; empty: no body.
    pub body: Bytes,
    pub repeat: Repeat,
    /// How much longer than usual the answer may take: a long poll.
    pub wait: Duration,
    /// A header of this call alone.
    pub header: Option<(HeaderName, String)>,
}

impl Call {
    /// A call that may be sent twice if HTTP says so of its method (RFC 9110, 9.2.2).
    pub(crate) fn new(method: Method, path: String) -> Self {
        let repeat = if method.is_idempotent() {
            Repeat::Safe
        } else {
            Repeat::OnlyIfRefused
        };
        Self {
            method,
            path,
            body: Bytes::new(),
            repeat,
            wait: Duration::ZERO,
            header: None,
        }
    }

    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: String) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        self.body = serde_json::to_vec(body)
            .map_err(|source| Error::Encode {
                call: format!("{} {}", self.method, self.path).into(),
                source: Box::new(source),
            })?
            .into();
        Ok(self)
    }

    /// For calls whose meaning makes a second time harmless.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// For deletions whose answer matters less than that they are done.
    pub(crate) fn delete(path: String) -> Self {
        let mut call = Self::new(Method::DELETE, path);
        call.repeat = Repeat::Deletion;
        call
    }

    pub(crate) fn keyed(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY, key).repeatable()
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        debug_assert!(self.header.is_none(), "one header of its own per call");
        self.header = Some((name, value.to_owned()));
        self
    }

    pub(crate) fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// An answer, success or not.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What was asked of whom, for errors.
    pub call: CallName,
}

/// What was asked of whom; written out only when an error needs it.
#[derive(Debug, Clone)]
pub(crate) struct CallName {
    pub method: Method,
    pub path: String,
    pub server: std::sync::Arc<str>,
}

impl CallName {
    pub(crate) fn text(&self) -> Box<str> {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path} to {}", self.method, self.server).into()
    }
}

impl Reply {
    /// The body of a success.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|source| Error::Decode {
            call: self.call.text(),
            excerpt: excerpt(&self.body),
            source,
        })
    }

    /// The error of an answer that is not a success.
    pub(crate) fn into_error(self) -> Error {
        let status = self.status.as_u16();
        let problem = serde_json::from_slice(&self.body).unwrap_or_else(|_| Problem {
            r#type: "about:blank".to_owned(),
            title: match self.status.canonical_reason() {
                Some(reason) if self.body.is_empty() => reason.to_owned(),
                _ => excerpt(&self.body),
            },
            status,
            detail: String::new(),
            extensions: serde_json::Map::new(),
        });
        Error::Problem {
            call: self.call.text(),
            status,
            problem: Box::new(problem),
            retry_after: retry_after(&self.headers),
        }
    }

    /// The value of a header of the answer, if it is there and is text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// `Retry-After` in whole seconds; its other form, a date, needs a clock and is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .chars()
        .take(EXCERPT_CHARS)
        .collect()
}

/// Percent-encodes a part of a path or a value of a query (RFC 3986, 2.3: all but unreserved characters).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Whole milliseconds, as the `wait` of a long poll.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
