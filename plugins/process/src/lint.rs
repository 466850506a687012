//! What can be wrong with a fleet's `config`: every finding at once, each with the place where it stands.

use std::collections::BTreeMap;

use model::fleet::Capacity;
use model::wrap::{
    OF_A_GAME_SERVER, OF_A_SESSION, PlayerLines, ReadyRule, StopRule, WrapRules, WrapStart,
    placeholders,
};
use regex::Regex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{Config, Limits, MemoryBytes, PortRange};

/// Findings: JSON pointer into the value, and what is wrong there. Empty: the provider can run it.
pub fn lint(config: &Value) -> Vec<(String, String)> {
    let mut findings = Findings(Vec::new());
    findings.shape(config);
    if findings.0.is_empty() {
        match serde_json::from_value::<Config>(config.clone()) {
            Ok(config) => findings.meaning(&config),
            Err(error) => findings.add("", error.to_string()),
        }
    }
    findings.0
}

/// [`lint`], and what only shows beside the fleet's capacity: a port for each game server.
pub fn lint_fleet(config: &Value, capacity: &Capacity) -> Vec<(String, String)> {
    let findings = lint(config);
    if !findings.is_empty() {
        return findings;
    }
    let ports: PortRange = config
        .get("ports")
        .and_then(|ports| serde_json::from_value(ports.clone()).ok())
        .unwrap_or_default();
    if ports.count() >= capacity.max {
        return findings;
    }
    let message = format!(
        "{ports} is {} ports, but capacity.max allows {} game servers, each with a port of its own",
        ports.count(),
        capacity.max
    );
    vec![("/ports".to_owned(), message)]
}

struct Findings(Vec<(String, String)>);

impl Findings {
    fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.0.push((pointer.to_owned(), message.into()));
    }

    /// Unknown keys and wrong types, each at its own place.
    fn shape(&mut self, config: &Value) {
        let known = ["command", "ports", "environment", "limits", "wrap"];
        self.object(config, "", &known, &["command"]);
        self.field::<Vec<String>>(config, "/command");
        self.field::<PortRange>(config, "/ports");
        self.field::<BTreeMap<String, String>>(config, "/environment");
        if let Some(limits) = config.get("limits") {
            self.object(limits, "/limits", &["memory", "cpu_seconds"], &[]);
            self.field::<Option<MemoryBytes>>(config, "/limits/memory");
            self.field::<Option<u64>>(config, "/limits/cpu_seconds");
        }
        if let Some(wrap) = config.get("wrap").filter(|wrap| !wrap.is_null()) {
            self.object(
                wrap,
                "/wrap",
                &["start", "ready", "players", "stop"],
                &["ready"],
            );
            self.field::<WrapStart>(config, "/wrap/start");
            self.field::<ReadyRule>(config, "/wrap/ready");
            self.field::<Option<PlayerLines>>(config, "/wrap/players");
            self.field::<StopRule>(config, "/wrap/stop");
        }
    }

    fn object(&mut self, value: &Value, pointer: &str, known: &[&str], required: &[&str]) {
        let Some(object) = value.as_object() else {
            return self.add(pointer, "must be a map");
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let place = format!("{pointer}/{}", escape(key));
            self.add(
                &place,
                format!("unknown key; known here: {}", known.join(", ")),
            );
        }
        for key in required.iter().filter(|key| !object.contains_key(**key)) {
            self.add(pointer, format!("`{key}` is missing"));
        }
    }

    fn field<T: DeserializeOwned>(&mut self, config: &Value, pointer: &str) {
        if let Some(value) = config.pointer(pointer)
            && let Err(error) = serde_json::from_value::<T>(value.clone())
        {
            self.add(pointer, error.to_string());
        }
    }

    fn meaning(&mut self, config: &Config) {
        self.command(config);
        for (name, value) in &config.environment {
            let pointer = format!("/environment/{}", escape(name));
            if name.is_empty() || name.contains(['=', '\0']) {
                self.add(&pointer, "is not the name of an environment variable");
            }
            if name.starts_with("MUSTER_") {
                self.add(&pointer, "names that begin with MUSTER_ are Muster's own");
            }
            if value.contains('\0') {
                self.add(&pointer, "contains a NUL character");
            }
        }
        let Limits { cpu_seconds, .. } = config.limits;
        if cpu_seconds == Some(0) {
            self.add("/limits/cpu_seconds", "must be at least 1");
        }
        if let Some(rules) = &config.wrap {
            self.wrap(rules);
        }
    }

    fn command(&mut self, config: &Config) {
        if config.command.first().is_none_or(String::is_empty) {
            return self.add("/command", "must begin with a program");
        }
        let with_session = config
            .wrap
            .as_ref()
            .is_some_and(|rules| rules.start == WrapStart::AtAssignment);
        let known = |name: &str| {
            OF_A_GAME_SERVER.contains(&name)
                || with_session && (OF_A_SESSION.contains(&name) || name.starts_with("custom."))
        };
        for (index, argument) in config.command.iter().enumerate() {
            let pointer = format!("/command/{index}");
            if argument.contains('\0') {
                self.add(&pointer, "contains a NUL character");
            }
            for name in placeholders(argument) {
                if !known(name) {
                    let why = match &config.wrap {
                        None => "without `wrap` only {port} and {address} are known",
                        Some(rules) if rules.start == WrapStart::Ahead => {
                            "with `start: ahead` only {port} and {address} are known"
                        }
                        Some(_) => {
                            "known are {port}, {address}, {map}, {mode}, {misc_params}, {session}, {player_count} and {custom.KEY}"
                        }
                    };
                    self.add(&pointer, format!("{{{name}}} cannot be filled in: {why}"));
                }
            }
        }
    }

    fn wrap(&mut self, rules: &WrapRules) {
        match &rules.ready {
            ReadyRule::Tcp(port) if port == "{port}" => {}
            ReadyRule::Tcp(port) => {
                if !port.parse::<u16>().is_ok_and(|port| port > 0) {
                    self.add(
                        "/wrap/ready/tcp",
                        format!("{port:?} is neither {{port}} nor a port"),
                    );
                }
            }
            ReadyRule::Log(pattern) => {
                self.regex("/wrap/ready/log", pattern);
            }
            ReadyRule::Udp(probe) => {
                self.hex("/wrap/ready/udp/send_hex", &probe.send_hex);
                self.hex("/wrap/ready/udp/expect_hex", &probe.expect_hex);
                if probe.send_hex.is_empty() {
                    self.add("/wrap/ready/udp/send_hex", "must have at least one byte");
                }
            }
        }
        let Some(players) = &rules.players else {
            return;
        };
        for (pointer, pattern) in [
            ("/wrap/players/joined", &players.joined),
            ("/wrap/players/left", &players.left),
        ] {
            if let Some(regex) = self.regex(pointer, pattern)
                && !regex.capture_names().flatten().any(|name| name == "player")
            {
                self.add(
                    pointer,
                    r"needs a group named player, as in (?P<player>\S+)",
                );
            }
        }
    }

    fn regex(&mut self, pointer: &str, pattern: &str) -> Option<Regex> {
        match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.add(pointer, format!("is not a regular expression: {error}"));
                None
            }
        }
    }

    fn hex(&mut self, pointer: &str, text: &str) {
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            self.add(pointer, format!("{bad:?} is not a hexadecimal digit"));
        } else if !text.len().is_multiple_of(2) {
            self.add(pointer, "has half a byte: two hexadecimal digits make one");
        }
    }
}

/// A key as a part of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
