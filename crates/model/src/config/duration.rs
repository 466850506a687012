//! Durations as people write them: `500ms`, `30s`, `2m`, `2h`; a bare integer is milliseconds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Millis;

/// The `format` keyword by which the walker knows a duration's schema.
pub(super) const FORMAT: &str = "muster-duration";

/// The `pattern` of its textual form.
pub(super) const PATTERN: &str = "^[0-9]+(ms|s|m|h)$";

/// What is allowed, in words.
pub(super) const WORDS: &str =
    "a duration such as `500ms`, `30s`, `2m` or `2h` (a bare integer is milliseconds)";

/// The same where a bare integer is not.
pub(super) const TEXT_WORDS: &str = "a duration such as `500ms`, `30s`, `2m` or `2h`";

/// A span of time in a YAML file; a plugin's own settings may use it too, with its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub Millis);

/// The longest: a hundred years of 365 days, so that no point in time ever overflows.
pub(super) const MAX: Millis = Millis(100 * 365 * 24 * 3_600_000);

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not written like one.
    #[error("must be {WORDS}")]
    Form,
    /// Longer than a hundred years.
    #[error("must be at most {MAX}")]
    TooLong,
}

impl Duration {
    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Duration(Millis::seconds(seconds))
    }
}

impl FromStr for Duration {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let at = text
            .find(|c: char| !c.is_ascii_digit())
            .filter(|at| *at > 0)
            .ok_or(Error::Form)?;
        let (digits, unit) = text.split_at(at);
        let factor: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(Error::Form),
        };
        digits
            .parse()
            .ok()
            .and_then(|number: u64| number.checked_mul(factor))
            .filter(|ms| *ms <= MAX.0)
            .map(|ms| Duration(Millis(ms)))
            .ok_or(Error::TooLong)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Millis(0) => serializer.serialize_u64(0),
            span => serializer.collect_str(&span),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Duration;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WORDS)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Duration, E> {
                Ok(Duration(Millis(value)))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "format": FORMAT,
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": MAX.0 },
                {
                    "type": "string",
                    "pattern": PATTERN,
                    "patternErrorMessage": format!("write {WORDS}"),
                },
            ],
        })
    }
}

/// What somebody meant by a text that is nearly a duration: `30 sec`, `1m30s`, `1.5h`, `PT30S`.
pub(super) fn guess(text: &str) -> Option<Millis> {
    let text = text.trim().to_ascii_lowercase();
    let mut rest = text.strip_prefix("pt").unwrap_or(&text);
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(end);
        let tail = tail.trim_start();
        let end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
            "m" | "min" | "mins" | "minute" | "minutes" => 6e4,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3.6e6,
            "d" | "day" | "days" => 8.64e7,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail.trim_start_matches([' ', ',']);
    }
    // Beyond this a guess helps nobody, and every such number is exact.
    (total > 0.0 && total < 1e12).then_some(Millis(total.round() as u64))
}
