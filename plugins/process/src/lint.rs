//! What can be wrong with a fleet's `config`: every finding at once, each with the place where it stands.

use std::collections::BTreeMap;

use model::config::{Finding, Part};
use model::fleet::Capacity;
use model::wrap::{
    OF_A_GAME_SERVER, OF_A_SESSION, PlayerLines, ReadyRule, StopSignal, UdpProbe, WrapRules,
    WrapStart, placeholders,
};
use regex::Regex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{Config, MemoryBytes, PortRange};

/// Everything that is wrong with a `config`, each finding with the place where it stands. Empty: the provider can
/// run it.
pub fn lint(config: &Value) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.config(config);
    if findings.0.is_empty()
        && let Err(error) = serde_json::from_value::<Config>(config.clone())
    {
        findings.add("", error.to_string());
    }
    findings.0
}

/// [`lint`], and what only shows beside the fleet's capacity: a port for each game server.
pub fn lint_fleet(config: &Value, capacity: &Capacity) -> Vec<Finding> {
    let mut findings = Findings(lint(config));
    let ports = config.get("ports").cloned();
    let ports: PortRange = ports
        .and_then(|ports| serde_json::from_value(ports).ok())
        .unwrap_or_default();
    if findings.0.is_empty() && ports.count() < capacity.max {
        let message = format!(
            "{ports} is {} ports, but capacity.max allows {} game servers, each with a port of its own",
            ports.count(),
            capacity.max
        );
        findings.propose(
            "/ports",
            message,
            "widen the range, or lower `capacity.max`",
        );
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.0.push(Finding {
            pointer: pointer.to_owned(),
            part: Part::Value,
            message: message.into(),
            proposal: None,
        });
    }

    fn propose(&mut self, pointer: &str, message: impl Into<String>, proposal: impl Into<String>) {
        self.0.push(Finding {
            pointer: pointer.to_owned(),
            part: Part::Value,
            message: message.into(),
            proposal: Some(proposal.into()),
        });
    }

    /// Each part for itself, so that a mistake in one hides none in another.
    fn config(&mut self, config: &Value) {
        let known = ["command", "ports", "environment", "limits", "wrap"];
        self.object(config, "", &known, &["command"]);
        let command = self.field::<Vec<String>>(config, "/command");
        self.field::<PortRange>(config, "/ports");
        let environment = self.field::<BTreeMap<String, String>>(config, "/environment");
        self.environment(&environment.unwrap_or_default());
        if let Some(limits) = config.get("limits") {
            self.object(limits, "/limits", &["memory", "cpu_seconds"], &[]);
            self.field::<Option<MemoryBytes>>(config, "/limits/memory");
            if self.field::<Option<u64>>(config, "/limits/cpu_seconds") == Some(Some(0)) {
                self.propose(
                    "/limits/cpu_seconds",
                    "must be at least 1",
                    "write 1 or more",
                );
            }
        }
        let wrap = config.get("wrap").filter(|wrap| !wrap.is_null());
        let start = wrap.map(|wrap| self.wrap(config, wrap));
        if let Some(command) = command {
            self.command(&command, start);
        }
    }

    fn object(&mut self, value: &Value, pointer: &str, known: &[&str], required: &[&str]) {
        let Some(object) = value.as_object() else {
            return self.add(pointer, "must be a map");
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.0.push(Finding {
                pointer: format!("{pointer}/{}", escape(key)),
                part: Part::Key,
                message: "unknown key".to_owned(),
                proposal: Some(format!("known here: {}", known.join(", "))),
            });
        }
        for key in required.iter().filter(|key| !object.contains_key(**key)) {
            self.propose(
                pointer,
                format!("`{key}` is missing"),
                format!("add `{key}: …`"),
            );
        }
    }

    /// The value at a pointer, if there is one and it is of this type.
    fn field<T: DeserializeOwned>(&mut self, config: &Value, pointer: &str) -> Option<T> {
        match serde_json::from_value(config.pointer(pointer)?.clone()) {
            Ok(value) => Some(value),
            Err(error) => {
                let proposal = match pointer {
                    "/ports" => Some("write the first and the last port, such as `7000-7999`"),
                    "/limits/memory" => Some("write an amount such as `256Mi` or `1Gi`"),
                    _ => None,
                };
                match proposal {
                    Some(proposal) => self.propose(pointer, error.to_string(), proposal),
                    None => self.add(pointer, error.to_string()),
                }
                None
            }
        }
    }

    fn environment(&mut self, environment: &BTreeMap<String, String>) {
        for (name, value) in environment {
            let pointer = format!("/environment/{}", escape(name));
            let mut key = |message: String, proposal: &str| {
                self.0.push(Finding {
                    pointer: pointer.clone(),
                    part: Part::Key,
                    message,
                    proposal: Some(proposal.to_owned()),
                });
            };
            if name.is_empty() || name.contains(['=', '\0']) {
                key(
                    format!("`{name}` is not the name of an environment variable"),
                    "write a name without `=`, and its value behind the colon",
                );
            }
            if name.starts_with("MUSTER_") {
                key(
                    format!("`{name}`: names that begin with MUSTER_ are Muster's own"),
                    "choose a name that begins otherwise; Muster sets its own by itself",
                );
            }
            if value.contains('\0') {
                self.propose(&pointer, "contains a NUL character", "remove it");
            }
        }
    }

    /// `start` is `None` without `wrap`.
    fn command(&mut self, command: &[String], start: Option<WrapStart>) {
        if command.first().is_none_or(String::is_empty) {
            self.propose(
                "/command",
                "must begin with a program",
                "write the program and its arguments, such as `[bzfs, -p, \"{port}\"]`",
            );
        }
        let with_session = start == Some(WrapStart::AtAssignment);
        let known = |name: &str| {
            OF_A_GAME_SERVER.contains(&name)
                || with_session && (OF_A_SESSION.contains(&name) || name.starts_with("custom."))
        };
        for (index, argument) in command.iter().enumerate() {
            let pointer = format!("/command/{index}");
            if argument.contains('\0') {
                self.propose(&pointer, "contains a NUL character", "remove it");
            }
            for name in placeholders(argument)
                .into_iter()
                .filter(|name| !known(name))
            {
                let why = match start {
                    None => "without `wrap` only {port} and {address} are known",
                    Some(WrapStart::Ahead) => {
                        "with `start: ahead` only {port} and {address} are known"
                    }
                    Some(WrapStart::AtAssignment) => {
                        "known are {port}, {address}, {map}, {mode}, {misc_params}, {session}, {player_count} and {custom.KEY}"
                    }
                };
                self.propose(&pointer, format!("{{{name}}} cannot be filled in"), why);
            }
        }
    }

    /// Answers when the program is started, which decides what its command may name.
    fn wrap(&mut self, config: &Value, wrap: &Value) -> WrapStart {
        let known = ["start", "ready", "players", "stop"];
        self.object(wrap, "/wrap", &known, &["ready"]);
        let start = self.field::<WrapStart>(config, "/wrap/start");
        if let Some(ready) = self.field::<ReadyRule>(config, "/wrap/ready") {
            self.ready(&ready);
        }
        if wrap
            .get("players")
            .is_some_and(|players| !players.is_null())
        {
            self.players(config);
        }
        if let Some(stop) = wrap.get("stop") {
            self.object(stop, "/wrap/stop", &["signal", "grace"], &[]);
            self.field::<StopSignal>(config, "/wrap/stop/signal");
            if let Some(grace) = stop.get("grace") {
                // Read as the section has it, which knows how a span is written.
                let alone =
                    serde_json::json!({ "ready": { "log": "" }, "stop": { "grace": grace } });
                if let Err(error) = serde_json::from_value::<WrapRules>(alone) {
                    self.propose(
                        "/wrap/stop/grace",
                        error.to_string(),
                        "write a span such as `10s`",
                    );
                }
            }
        }
        start.unwrap_or(WrapStart::AtAssignment)
    }

    fn ready(&mut self, ready: &ReadyRule) {
        match ready {
            ReadyRule::Tcp(port) if port == "{port}" => {}
            ReadyRule::Tcp(port) => {
                if !port.parse::<u16>().is_ok_and(|port| port > 0) {
                    self.propose(
                        "/wrap/ready/tcp",
                        format!("{port:?} is neither {{port}} nor a port"),
                        "write `\"{port}\"`",
                    );
                }
            }
            ReadyRule::Log(pattern) => {
                self.regex("/wrap/ready/log", pattern);
            }
            ReadyRule::Udp(UdpProbe {
                send_hex,
                expect_hex,
            }) => {
                self.hex("/wrap/ready/udp/send_hex", send_hex);
                self.hex("/wrap/ready/udp/expect_hex", expect_hex);
                if send_hex.is_empty() {
                    self.propose(
                        "/wrap/ready/udp/send_hex",
                        "must have at least one byte",
                        "write the bytes that the game answers, such as `ffffffff`",
                    );
                }
            }
        }
    }

    fn players(&mut self, config: &Value) {
        if self.field::<PlayerLines>(config, "/wrap/players").is_none() {
            return;
        }
        for pointer in ["/wrap/players/joined", "/wrap/players/left"] {
            let pattern = config.pointer(pointer).and_then(Value::as_str);
            if let Some(regex) = pattern.and_then(|pattern| self.regex(pointer, pattern))
                && !regex.capture_names().flatten().any(|name| name == "player")
            {
                self.propose(
                    pointer,
                    "needs a group named player",
                    r"write `(?P<player>\S+)` where the name stands",
                );
            }
        }
    }

    fn regex(&mut self, pointer: &str, pattern: &str) -> Option<Regex> {
        match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                // Of its several lines the last one says what is wrong; the others draw the pattern.
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                self.propose(
                    pointer,
                    format!("is not a regular expression: {why}"),
                    r"write a `\` before a character that stands for itself, such as `\(`",
                );
                None
            }
        }
    }

    fn hex(&mut self, pointer: &str, text: &str) {
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            self.propose(
                pointer,
                format!("{bad:?} is not a hexadecimal digit"),
                "write two of 0-9 and a-f for each byte, with nothing between",
            );
        } else if !text.len().is_multiple_of(2) {
            self.propose(
                pointer,
                "has half a byte",
                "write two hexadecimal digits for each byte",
            );
        }
    }
}

/// A key as a part of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
