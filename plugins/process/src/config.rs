//! The `config` section of a fleet whose provider is `process`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use model::config::{Finding, Part};
use model::wrap::WrapRules;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::lint;

/// How the game servers of a fleet are run on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Program and arguments; no shell reads them. The program `muster` is Muster's own. `{port}` and `{address}`
    /// are filled in; with `wrap` also `{map}`, `{mode}`, `{session}` and `{custom.KEY}`.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The ports that are given out, each to one game server at a time.
    #[serde(default)]
    pub ports: PortRange,
    /// Added to the environment; names that begin with `MUSTER_` are not allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What one process may use.
    #[serde(default)]
    pub limits: Limits,
    /// For programs that do not speak the game-server protocol: run them under `muster wrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap: Option<WrapRules>,
}

impl Config {
    /// Reads and checks the `config` section of a fleet.
    ///
    /// # Errors
    /// Every finding of [`lint()`](crate::lint).
    pub fn read(config: &Value) -> Result<Self, Vec<Finding>> {
        let findings = lint::lint(config);
        if !findings.is_empty() {
            return Err(findings);
        }
        serde_json::from_value(config.clone()).map_err(|error| {
            vec![Finding {
                pointer: String::new(),
                part: Part::Value,
                message: error.to_string(),
                proposal: None,
            }]
        })
    }
}

/// What one process may use; its children may use as much each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of private writable memory (RLIMIT_DATA), such as `256Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryBytes>,
    /// Seconds of processor time (RLIMIT_CPU).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub cpu_seconds: Option<u64>,
}

/// A range of ports, both ends included: `7000-7999`, or one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// How many ports; at least one.
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }
}

impl Default for PortRange {
    fn default() -> Self {
        Self {
            first: 7_000,
            last: 7_999,
        }
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("{:?} is not a port (1 to 65535)", text.trim())),
        };
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(format!(
                "the range ends ({last}) before it begins ({first})"
            ));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// A number of bytes: `268435456`, `256Mi`, `1Gi`, `500M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBytes(pub u64);

impl FromStr for MemoryBytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let unit: u64 = match unit {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            _ => return Err(format!("{text:?} is not an amount such as 256Mi or 1Gi")),
        };
        let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        match bytes {
            Some(bytes) if bytes > 0 => Ok(Self(bytes)),
            _ => Err(format!("{text:?} is not an amount such as 256Mi or 1Gi")),
        }
    }
}

impl fmt::Display for MemoryBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")] {
            if self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// Both are text in YAML, or a bare number where that says the same.
macro_rules! text_or_number {
    ($name:ident, $schema:tt) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged, expecting = "expected text or a whole number")]
                enum Written {
                    Text(String),
                    Number(u64),
                }
                let text = match Written::deserialize(deserializer)? {
                    Written::Text(text) => text,
                    Written::Number(number) => number.to_string(),
                };
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_or_number!(PortRange, {
    "description": "Both ends included, such as 7000-7999; or one port.",
    "anyOf": [
        { "type": "string", "pattern": "^ *[0-9]+ *(- *[0-9]+ *)?$" },
        { "type": "integer", "minimum": 1, "maximum": 65535 },
    ]
});
text_or_number!(MemoryBytes, {
    "description": "Bytes, such as 256Mi or 1Gi.",
    "anyOf": [
        { "type": "string", "pattern": "^[0-9]+(k|M|G|Ki|Mi|Gi)?$" },
        { "type": "integer", "minimum": 1 },
    ]
});
