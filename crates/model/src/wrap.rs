//! `WrapRules`: how `muster wrap` runs a dedicated server that knows nothing of Muster.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Millis;

/// How an unmodified program is started, watched and stopped: the `wrap` section of a fleet's `config`.
///
/// Data only: regular expressions and bytes are checked by whoever reads the fleet, compiled by whoever runs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrapRules {
    /// When the program is started.
    #[serde(default)]
    pub start: WrapStart,
    /// How to see that players can connect; the time-out is the instance's `boot_timeout`.
    pub ready: ReadyRule,
    /// How to see in its log who is connected; without it nobody's connection is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub players: Option<PlayerLines>,
    /// How it is asked to stop.
    #[serde(default)]
    pub stop: StopRule,
}

/// When a wrapped program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrapStart {
    /// When its session is known, so that its arguments may name the map, the mode and custom data.
    #[default]
    AtAssignment,
    /// At once, so that a session finds it running; its arguments may name the port and the address only.
    Ahead,
}

/// How to see that a program lets players in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadyRule {
    /// A TCP connection to this port succeeds; a number or `{port}`.
    Tcp(String),
    /// A line of its output matches this regular expression.
    Log(String),
    /// It answers a datagram to its port.
    Udp(UdpProbe),
}

/// A datagram and the reply to expect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UdpProbe {
    /// The bytes to send, two hexadecimal digits each.
    pub send_hex: String,
    /// The bytes that the reply must begin with, two hexadecimal digits each; empty: any reply.
    pub expect_hex: String,
}

/// Regular expressions over lines of output; each has a group named `player`, as in `(?P<player>\S+)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlayerLines {
    /// Somebody has connected.
    pub joined: String,
    /// Somebody has disconnected.
    pub left: String,
}

/// How a program is asked to stop, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopRule {
    /// Sent first, to the program's process group.
    pub signal: StopSignal,
    /// After this SIGKILL follows: `10s`, or a number of milliseconds.
    #[serde(with = "span")]
    #[schemars(schema_with = "span::schema")]
    pub grace: Millis,
}

impl Default for StopRule {
    fn default() -> Self {
        Self {
            signal: StopSignal::Term,
            grace: Millis::seconds(10),
        }
    }
}

/// A signal that asks a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum StopSignal {
    /// SIGTERM.
    #[default]
    #[serde(rename = "SIGTERM")]
    Term,
    /// SIGINT, as Ctrl-C sends it.
    #[serde(rename = "SIGINT")]
    Int,
    /// SIGQUIT.
    #[serde(rename = "SIGQUIT")]
    Quit,
    /// SIGHUP.
    #[serde(rename = "SIGHUP")]
    Hup,
    /// SIGUSR1.
    #[serde(rename = "SIGUSR1")]
    Usr1,
    /// SIGUSR2.
    #[serde(rename = "SIGUSR2")]
    Usr2,
    /// SIGKILL: without asking.
    #[serde(rename = "SIGKILL")]
    Kill,
}

/// Placeholders that every program may have in its command.
pub const OF_A_GAME_SERVER: [&str; 2] = ["port", "address"];

/// Placeholders that are known once there is a session, beside `custom.KEY`.
pub const OF_A_SESSION: [&str; 5] = ["map", "mode", "misc_params", "session", "player_count"];

/// The names between braces in a word of a command: `{port}`, `{custom.red}`.
///
/// Braces around anything else are the program's own, and so is a shell's `${NAME}`.
pub fn placeholders(word: &str) -> Vec<&str> {
    pieces(word)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
        .collect()
}

/// The word with its [`placeholders`] replaced by what `value` gives; those that it does not know stay as they are.
/// What is filled in is not looked at again.
pub fn fill(word: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let pieces = pieces(word).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => value(name).unwrap_or_else(|| format!("{{{name}}}")),
    });
    pieces.collect()
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut text_from, mut at) = (0, 0);
    while let Some(open) = word
        .get(at..)
        .and_then(|rest| rest.find('{'))
        .map(|open| at + open)
    {
        at = open + 1;
        let Some(length) = word.get(at..).and_then(|rest| rest.find('}')) else {
            break;
        };
        let (before, name) = (word.get(text_from..open), word.get(at..at + length));
        if let (Some(before), Some(name)) = (before, name)
            && is_name(name)
            && !before.ends_with('$')
        {
            pieces.extend([Piece::Text(before), Piece::Name(name)]);
            at += length + 1;
            text_from = at;
        }
    }
    pieces.extend(word.get(text_from..).map(Piece::Text));
    pieces
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// A span written for people: text such as `500ms`, `30s`, `2m`, `2h`, or a number of milliseconds.
mod span {
    use super::*;

    pub fn serialize<S: Serializer>(span: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(span)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Millis;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span such as 500ms, 30s, 2m or 2h")
            }
            fn visit_u64<E>(self, millis: u64) -> Result<Millis, E> {
                Ok(Millis(millis))
            }
            fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Millis, E> {
                u64::try_from(millis)
                    .map(Millis)
                    .map_err(|_| E::custom("a span is not negative"))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Millis, E> {
                parse(text).ok_or_else(|| {
                    E::custom(format_args!(
                        "{text:?} is not a span such as 500ms, 30s, 2m or 2h"
                    ))
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }

    fn parse(text: &str) -> Option<Millis> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        number.checked_mul(unit).map(Millis)
    }

    pub fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" },
                { "type": "integer", "minimum": 0 },
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yaml_shape_of_a_fleet_reads_and_writes_the_same_rules() {
        let rules: WrapRules = serde_json::from_value(serde_json::json!({
            "start": "at_assignment",
            "ready": { "udp": { "send_hex": "ffff", "expect_hex": "00" } },
            "players": { "joined": "(?P<player>x)", "left": "(?P<player>y)" },
            "stop": { "signal": "SIGINT", "grace": "2m" },
        }))
        .expect("reads");
        assert_eq!(rules.stop.grace, Millis(120_000));
        let text = serde_json::to_string(&rules).expect("writes");
        assert_eq!(
            serde_json::from_str::<WrapRules>(&text).expect("reads"),
            rules
        );
    }

    #[test]
    fn names_in_braces_are_filled_in_and_everything_else_is_left_alone() {
        let fill = |word| {
            fill(word, |name| match name {
                "port" => Some("7000".to_owned()),
                "custom.red" => Some("{port}".to_owned()),
                _ => None,
            })
        };
        for (word, filled) in [
            ("{port}", "7000"),
            ("a{port}b{port}", "a7000b7000"),
            ("0,{custom.red}", "0,{port}"),
            ("{colour}{port}", "{colour}7000"),
            ("${port} {} { port } {{port}}", "${port} {} { port } {7000}"),
            ("{port", "{port"),
            ("é{é{port}", "é{é7000"),
            ("", ""),
        ] {
            assert_eq!(fill(word), filled, "{word}");
        }
        assert_eq!(
            placeholders("{port}:{custom.red}${x}{1}"),
            ["port", "custom.red"]
        );
    }

    #[test]
    fn what_is_left_out_has_a_default_and_what_is_unknown_is_refused() {
        let rules: WrapRules =
            serde_json::from_str(r#"{"ready":{"tcp":"{port}"}}"#).expect("reads");
        assert_eq!(rules.start, WrapStart::AtAssignment);
        assert_eq!(rules.stop, StopRule::default());
        for bad in [
            r#"{}"#,
            r#"{"ready":{"tcp":"1","log":"x"}}"#,
            r#"{"ready":{"tcp":"1"},"stopp":{}}"#,
            r#"{"ready":{"tcp":"1"},"stop":{"signal":"SIGSTOP"}}"#,
            r#"{"ready":{"tcp":"1"},"stop":{"grace":"10 parsecs"}}"#,
        ] {
            assert!(serde_json::from_str::<WrapRules>(bad).is_err(), "{bad}");
        }
    }
}
