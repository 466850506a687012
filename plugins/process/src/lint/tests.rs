//! Each mistake in a fleet's `config`, with the place and the words that it gets.

use serde_json::json;

use super::*;

fn check(config: Value, expected: &[(&str, &str)]) {
    let findings = lint(&config);
    let places: Vec<&str> = findings
        .iter()
        .map(|finding| finding.pointer.as_str())
        .collect();
    let wanted: Vec<&str> = expected.iter().map(|(pointer, _)| *pointer).collect();
    assert_eq!(places, wanted, "{config}: {findings:?}");
    for (finding, (_, words)) in findings.iter().zip(expected) {
        let proposal = finding.proposal.as_deref().unwrap_or_default();
        let said = format!("{}; {proposal}", finding.message);
        assert!(said.contains(words), "{said:?} should say {words:?}");
    }
}

#[test]
fn the_sample_of_the_specification_is_clean() {
    let config = json!({
        "command": ["bzfs", "-p", "{port}", "-mp", "0,{custom.red},{custom.blue},0,0,4", "-i", "{address}"],
        "ports": "7000-7999",
        "environment": {},
        "limits": { "memory": "256Mi", "cpu_seconds": null },
        "wrap": {
            "start": "at_assignment",
            "ready": { "tcp": "{port}" },
            "players": { "joined": r"Player (?P<player>\S+) \[\d+\] has joined", "left": r"(?P<player>\S+) left" },
            "stop": { "signal": "SIGTERM", "grace": "10s" },
        },
    });
    check(config.clone(), &[]);
    let read = Config::read(&config).expect("clean");
    assert_eq!(read.limits.memory, Some(MemoryBytes(256 << 20)));
    assert_eq!(read.ports.count(), 1_000);
    let written = serde_json::to_value(&read).expect("writes");
    assert_eq!(
        Config::read(&written).expect("clean"),
        read,
        "what is written reads the same"
    );
}

#[test]
fn shapes_that_are_wrong_are_found_all_at_once() {
    check(json!(7), &[("", "must be a map")]);
    check(json!({}), &[("", "`command` is missing")]);
    check(
        json!({ "comand": ["x"], "ports": "9-", "limits": { "memory": "2 elephants", "cpu": 1 } }),
        &[
            ("/comand", "known here: command, ports"),
            ("", "`command` is missing"),
            ("/ports", "\"\" is not a port"),
            ("/limits/cpu", "unknown key"),
            ("/limits/memory", "256Mi"),
        ],
    );
    check(
        json!({ "command": "game", "environment": { "A": 1 }, "wrap": { "ready": { "smell": 1 } } }),
        &[
            ("/command", "expected a sequence"),
            ("/environment", "expected a string"),
            ("/wrap/ready", "unknown variant `smell`"),
        ],
    );
    check(
        json!({ "command": ["x"], "wrap": {} }),
        &[("/wrap", "`ready` is missing")],
    );
}

#[test]
fn ports_are_a_range_that_goes_up() {
    for (ports, words) in [
        (json!("8000-7000"), "ends (7000) before it begins (8000)"),
        (json!("0-10"), "\"0\" is not a port"),
        (json!("1-65536"), "\"65536\" is not a port"),
        (json!([1]), "text or a whole number"),
    ] {
        check(
            json!({ "command": ["x"], "ports": ports }),
            &[("/ports", words)],
        );
    }
    check(json!({ "command": ["x"], "ports": 7000 }), &[]);
}

#[test]
fn a_range_smaller_than_the_capacity_is_found() {
    let config = json!({ "command": ["x"], "ports": "7000-7009" });
    let capacity = |max| Capacity {
        max,
        ..Capacity::default()
    };
    assert_eq!(lint_fleet(&config, &capacity(10)), []);
    let findings = lint_fleet(&config, &capacity(11));
    assert_eq!(findings[0].pointer, "/ports");
    assert!(findings[0].message.contains("10 ports"), "{findings:?}");
}

#[test]
fn placeholders_are_those_that_can_be_filled() {
    check(
        json!({ "command": ["g", "{port}", "{address}", "${HOME}", "{}", "{ \"a\": 1 }"] }),
        &[],
    );
    check(
        json!({ "command": ["g", "-m", "{map}"] }),
        &[("/command/2", "without `wrap`")],
    );
    check(
        json!({ "command": ["g", "{prot}"] }),
        &[("/command/1", "{prot} cannot be filled in; without")],
    );
    let wrapped = |start: &str, word: &str| json!({ "command": ["g", word], "wrap": { "start": start, "ready": { "tcp": "{port}" } } });
    check(
        wrapped("at_assignment", "{map},{mode},{session},{custom.red}"),
        &[],
    );
    check(
        wrapped("ahead", "{custom.red}"),
        &[("/command/1", "start: ahead")],
    );
    check(
        wrapped("at_assignment", "{colour}"),
        &[("/command/1", "{custom.KEY}")],
    );
}

#[test]
fn values_that_cannot_work_are_found() {
    check(
        json!({ "command": [] }),
        &[("/command", "must begin with a program")],
    );
    check(
        json!({ "command": [""] }),
        &[("/command", "must begin with a program")],
    );
    check(json!({ "command": ["a", "b\0"] }), &[("/command/1", "NUL")]);
    check(
        json!({ "command": ["a"], "environment": { "A=B": "", "MUSTER_URL": "x", "C/D": "\0" } }),
        &[
            ("/environment/A=B", "not the name"),
            ("/environment/C~1D", "NUL"),
            ("/environment/MUSTER_URL", "Muster's own"),
        ],
    );
    check(
        json!({ "command": ["a"], "limits": { "cpu_seconds": 0 } }),
        &[("/limits/cpu_seconds", "at least 1")],
    );
}

#[test]
fn rules_of_wrap_are_compiled_before_they_are_needed() {
    let wrapped = |wrap: Value| json!({ "command": ["a"], "wrap": wrap });
    check(
        wrapped(json!({
            "ready": { "log": "(" },
            "players": { "joined": "[", "left": "somebody left" },
        })),
        &[
            ("/wrap/ready/log", "is not a regular expression"),
            ("/wrap/players/joined", "is not a regular expression"),
            ("/wrap/players/left", "needs a group named player"),
        ],
    );
    check(
        wrapped(json!({ "ready": { "udp": { "send_hex": "0g", "expect_hex": "abc" } } })),
        &[
            ("/wrap/ready/udp/send_hex", "'g' is not a hexadecimal digit"),
            ("/wrap/ready/udp/expect_hex", "half a byte"),
        ],
    );
    check(
        wrapped(json!({ "ready": { "tcp": "http" } })),
        &[("/wrap/ready/tcp", "neither {port}")],
    );
    check(
        wrapped(json!({ "ready": { "udp": { "send_hex": "", "expect_hex": "" } } })),
        &[("/wrap/ready/udp/send_hex", "at least one byte")],
    );
    check(
        wrapped(
            json!({ "ready": { "log": "x" }, "stop": { "grace": "soon", "signal": "SIGTERM" } }),
        ),
        &[("/wrap/stop/grace", "\"soon\" is not a span")],
    );
}

#[test]
fn a_mistake_in_one_part_hides_none_in_another() {
    check(
        json!({
            "command": ["g", "{prot}"],
            "ports": "9-5",
            "environment": { "A=B": "", "MUSTER_TOKEN": "x" },
            "wrap": {
                "ready": { "log": "(" },
                "players": { "joined": "joined", "left": "[" },
                "stop": { "signal": "SIGFOO", "grace": "soon" },
            },
        }),
        &[
            ("/ports", "ends (5) before it begins (9); write the first"),
            ("/environment/A=B", "`A=B` is not the name"),
            ("/environment/MUSTER_TOKEN", "`MUSTER_TOKEN`: names that"),
            ("/wrap/ready/log", "unclosed group; write a `\\`"),
            ("/wrap/players/joined", "group named player; write"),
            ("/wrap/players/left", "unclosed character class"),
            ("/wrap/stop/signal", "unknown variant `SIGFOO`"),
            ("/wrap/stop/grace", "not a span"),
            ("/command/1", "{prot} cannot be filled in"),
        ],
    );
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema = crate::schema();
    let properties = schema["properties"]
        .as_object()
        .expect("a map of properties");
    let mut keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["command", "environment", "limits", "ports", "wrap"]);
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(schema["required"], json!(["command"]));
}

proptest::proptest! {
    /// Whatever is clean can be read, and nothing makes it panic.
    #[test]
    fn clean_means_readable(command in proptest::collection::vec(".{0,8}", 0..3), ports in "[0-9-]{0,9}") {
        let config = json!({ "command": command, "ports": ports });
        proptest::prop_assert_eq!(lint(&config).is_empty(), Config::read(&config).is_ok());
    }
}
