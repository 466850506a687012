//! Which layer wins, who is named when a value is wrong, and what is never shown.

use std::path::PathBuf;

use super::{Config, Layers, LogFormat, Source, redacted_url};

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("muster.yaml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_what_is_built_in() {
    let (_dir, path) =
        file("namespace: a\nlog:\n  format: json\n  filter: a\nsweep_interval: 30s\n");
    let effective = Layers::new()
        .file(&path)
        .unwrap()
        .environment([
            variable("MUSTER_LOG_FILTER", "b"),
            variable("MUSTER_NAMESPACE", "b"),
            variable("MUSTER_LIMITS_DRAIN_MAX", "2s"),
        ])
        .unwrap()
        .flag("--namespace", "namespace", "c")
        .unwrap()
        .finish()
        .unwrap();
    let config = &effective.config;
    assert_eq!(config.namespace.as_str(), "c");
    assert_eq!(config.log.filter, "b");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.sweep_interval.0.0, 30_000);
    assert_eq!(config.data_dir, Config::default().data_dir);
    assert_eq!(
        effective.sources["namespace"],
        Source::Flag("--namespace".into())
    );
    assert_eq!(
        effective.sources["log.filter"],
        Source::Environment("MUSTER_LOG_FILTER".into())
    );
    assert_eq!(effective.sources["log.format"], Source::File(path));
    assert_eq!(effective.sources["data_dir"], Source::BuiltIn);
}

#[test]
fn a_duration_that_is_zero_by_default_can_be_set_with_its_unit() {
    let effective = Layers::new()
        .environment([variable("MUSTER_SWEEP_INTERVAL", "30s")])
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(effective.config.sweep_interval.0.0, 30_000);
}

#[test]
fn a_wrong_value_names_its_source_and_what_is_wrong() {
    for (name, value, words) in [
        ("MUSTER_LISTEN", "here", "127.0.0.1:8080 or [::]:8080"),
        ("MUSTER_LOG_FORMAT", "xml", "xml"),
        ("MUSTER_PROCESS_ENABLED", "maybe", "true or false"),
        ("MUSTER_LIMITS_BODY_BYTES_MAX", "-1", "whole number"),
        ("MUSTER_NAMESPACE", "a b", "may not contain ' '"),
        ("MUSTER_SWEEP_INTERVAL", "often", "duration"),
    ] {
        let error = Layers::new()
            .environment([variable(name, value)])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(name) && error.contains(words), "{error}");
    }
}

#[test]
fn a_wrong_file_is_named_with_its_place() {
    for (text, words) in [
        ("lisen: 127.0.0.1:1\n", "lisen"),
        ("log:\n  colour: red\n", "colour"),
        ("listen: [1]\n", "line 1"),
        ("limits:\n  wait_max: soon\n", "duration"),
        (": :\n  -", "line"),
    ] {
        let (_dir, path) = file(text);
        let error = Layers::new().file(&path).unwrap_err().to_string();
        assert!(
            error.contains("muster.yaml: ") && error.contains(words),
            "{error}"
        );
    }
    let error = Layers::new()
        .file("/nowhere/muster.yaml".as_ref())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "cannot read the configuration file /nowhere/muster.yaml"
    );
}

#[test]
fn an_empty_file_changes_nothing() {
    for text in ["", "# nothing\n\n"] {
        let (_dir, path) = file(text);
        let effective = Layers::new().file(&path).unwrap().finish().unwrap();
        assert_eq!(effective.config, Config::default());
    }
}

#[test]
fn a_variable_that_is_no_key_is_told() {
    let variables = [variable("MUSTER_DATABSE", "x"), variable("MUSTER_URL", "x")];
    let effective = Layers::new()
        .environment(variables)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(effective.unknown_variables, ["MUSTER_DATABSE"]);
}

#[test]
fn secrets_are_never_shown() {
    let effective = Layers::new()
        .environment([
            variable("MUSTER_SECRET", "hunter2hunter2hunter2hunter2hunter2"),
            variable(
                "MUSTER_DATABASE",
                "postgres://muster:hunter2@db:5432/muster?password=hunter2",
            ),
        ])
        .unwrap()
        .finish()
        .unwrap();
    let shown = format!("{:?}\n{}", effective.config, effective.lines().join("\n"));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("postgres://muster:(hidden)@db:5432/muster"),
        "{shown}"
    );
    assert_eq!(redacted_url("sqlite:a/b.db"), "sqlite:a/b.db");
    assert_eq!(redacted_url("postgres://db/muster"), "postgres://db/muster");
    assert_eq!(
        redacted_url("postgres://a:b@c@db"),
        "postgres://a:(hidden)@db"
    );
}

#[test]
fn a_server_that_listens_everywhere_is_reached_here() {
    let mut config = Config::default();
    assert_eq!(
        config.url("0.0.0.0:80".parse().unwrap()),
        "http://127.0.0.1:80"
    );
    assert_eq!(config.url("[::]:80".parse().unwrap()), "http://[::1]:80");
    config.public_url = "https://muster.example/".to_owned();
    assert_eq!(
        config.url("0.0.0.0:80".parse().unwrap()),
        "https://muster.example"
    );
}
