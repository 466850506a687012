//! What exactly is executed for one game server: pure, from its fleet's config and the facts of this start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{GameServerId, InstallationId};

use crate::config::Config;

/// Carries the installation's id in the environment of everything that we start.
pub(crate) const INSTALLATION_VARIABLE: &str = "MUSTER_INSTALLATION_ID";
/// Carries the game server's id beside it.
pub(crate) const GAME_SERVER_VARIABLE: &str = "MUSTER_GAME_SERVER_ID";
/// Carries where the server is.
pub(crate) const URL_VARIABLE: &str = "MUSTER_URL";
/// How long game servers of our own wait for a server that is away before they end themselves, such as `5s`.
pub const SERVER_AWAY_VARIABLE: &str = "MUSTER_SERVER_AWAY_MAX";

/// What game servers inherit of our own environment. Nothing else: it may hold secrets.
const INHERITED: [&str; 8] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
];

/// What is known when a game server is started.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub installation: InstallationId,
    pub id: GameServerId,
    pub address: &'a str,
    pub port: u16,
    pub url: &'a str,
    pub token: &'a str,
    pub executable: &'a Path,
    pub server_away_max: Option<Duration>,
}

/// A program with its arguments and its whole environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

/// What to execute. `inherited` reads a variable of our own environment.
pub(crate) fn launch(
    config: &Config,
    facts: &Facts<'_>,
    inherited: impl Fn(&str) -> Option<String>,
) -> Launch {
    let mut words = config.command.iter();
    let program = match words.next().map(String::as_str) {
        Some("muster") | None => facts.executable.to_path_buf(),
        Some(program) => PathBuf::from(program),
    };
    let (program, arguments) = match &config.wrap {
        None => (program, words.map(|word| filled(word, facts)).collect()),
        Some(rules) => {
            let rules = serde_json::to_string(rules);
            let rules = rules.expect("rules are plain data with text for keys");
            let mut arguments = vec!["wrap".to_owned(), "--rules".to_owned(), rules];
            arguments.push("--".to_owned());
            arguments.push(program.to_string_lossy().into_owned());
            arguments.extend(words.cloned());
            (facts.executable.to_path_buf(), arguments)
        }
    };
    let mut environment: BTreeMap<String, String> = INHERITED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), inherited(name)?)))
        .collect();
    environment.extend(config.environment.clone());
    environment.extend([
        (URL_VARIABLE.to_owned(), facts.url.to_owned()),
        ("MUSTER_TOKEN".to_owned(), facts.token.to_owned()),
        (GAME_SERVER_VARIABLE.to_owned(), facts.id.to_string()),
        (
            INSTALLATION_VARIABLE.to_owned(),
            facts.installation.to_string(),
        ),
        ("MUSTER_ADDRESS".to_owned(), facts.address.to_owned()),
        ("MUSTER_PORT".to_owned(), facts.port.to_string()),
    ]);
    environment.extend(facts.server_away_max.map(|limit| {
        let limit = format!("{}ms", limit.as_millis());
        (SERVER_AWAY_VARIABLE.to_owned(), limit)
    }));
    Launch {
        program,
        arguments,
        environment,
    }
}

fn filled(word: &str, facts: &Facts<'_>) -> String {
    model::wrap::fill(word, |name| match name {
        "port" => Some(facts.port.to_string()),
        "address" => Some(facts.address.to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn launched(config: serde_json::Value) -> Launch {
        let config = Config::read(&config).expect("clean");
        let facts = Facts {
            installation: InstallationId(uuid::Uuid::from_u128(1)),
            id: GameServerId(uuid::Uuid::from_u128(2)),
            address: "10.0.0.1",
            port: 7_001,
            url: "http://127.0.0.1:1",
            token: "secret",
            executable: Path::new("/opt/muster"),
            server_away_max: None,
        };
        launch(&config, &facts, |name| {
            (name == "PATH" || name == "DATABASE_URL").then(|| "ours".to_owned())
        })
    }

    #[test]
    fn port_and_address_are_filled_in() {
        let launch = launched(json!({ "command": ["game", "-p={port}", "{address}:{port}"] }));
        assert_eq!(launch.program, Path::new("game"));
        assert_eq!(launch.arguments, ["-p=7001", "10.0.0.1:7001"]);
    }

    #[test]
    fn muster_is_our_own_executable() {
        let launch = launched(json!({ "command": ["muster", "arena"] }));
        assert_eq!(launch.program, Path::new("/opt/muster"));
        assert_eq!(launch.arguments, ["arena"]);
    }

    #[test]
    fn wrap_gets_the_rules_and_fills_in_itself() {
        let rules = json!({ "ready": { "tcp": "{port}" } });
        let launch = launched(json!({ "command": ["game", "{port}", "{map}"], "wrap": rules }));
        assert_eq!(launch.program, Path::new("/opt/muster"));
        let [wrap, flag, rules, dashes, rest @ ..] = launch.arguments.as_slice() else {
            panic!("too few: {:?}", launch.arguments);
        };
        assert_eq!(
            (wrap.as_str(), flag.as_str(), dashes.as_str()),
            ("wrap", "--rules", "--")
        );
        assert!(serde_json::from_str::<model::wrap::WrapRules>(rules).is_ok());
        assert_eq!(rest, ["game", "{port}", "{map}"]);
    }

    #[test]
    fn the_environment_is_ours_by_choice_only() {
        let launch = launched(json!({ "command": ["game"], "environment": { "PATH": "theirs" } }));
        let names: Vec<&str> = launch.environment.keys().map(String::as_str).collect();
        let expected = [
            "MUSTER_ADDRESS",
            "MUSTER_GAME_SERVER_ID",
            "MUSTER_INSTALLATION_ID",
            "MUSTER_PORT",
            "MUSTER_TOKEN",
            "MUSTER_URL",
            "PATH",
        ];
        assert_eq!(names, expected);
        assert_eq!(launch.environment["PATH"], "theirs");
    }
}
