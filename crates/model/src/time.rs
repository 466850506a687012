//! Points in time and spans of it, in whole milliseconds (A.3 row 2).

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. In a store a number; over HTTP RFC 3339 (`wire::Rfc3339`).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A span of time in milliseconds.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// A time-out: `Some(0)` is immediate, `None` is never (R48).
pub type Timeout = Option<Millis>;

impl Timestamp {
    /// The instant `timeout` after this one; `None` if that is never. Saturates.
    pub fn after(self, timeout: Timeout) -> Option<Timestamp> {
        timeout.map(|span| self + span)
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

impl Add<Millis> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Millis) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Millis) -> Timestamp {
        Timestamp(
            self.0
                .saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)),
        )
    }
}

impl Millis {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Millis {
        Millis(seconds * 1_000)
    }

    /// The same span as the standard library's type.
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

/// Written for people, as in YAML: `500ms`, `30s`, `2m`, `2h`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit): (u64, Cow<'_, str>) = match self.0 {
            0 => (0, "s".into()),
            ms if ms % 3_600_000 == 0 => (ms / 3_600_000, "h".into()),
            ms if ms % 60_000 == 0 => (ms / 60_000, "m".into()),
            ms if ms % 1_000 == 0 => (ms / 1_000, "s".into()),
            ms => (ms, "ms".into()),
        };
        write!(f, "{value}{unit}")
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
