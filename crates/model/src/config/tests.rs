//! What the checks of YAML must keep: golden messages, samples, schemas, `extends`, and no panic on any text.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::queue::ExpansionTarget;
use crate::session_type::{Joinability, JoinabilityBy};
use crate::{Millis, Name};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn update() -> bool {
    std::env::var_os("MUSTER_UPDATE").is_some_and(|value| value == "1")
}

/// Like the process plugin's own schema in every shape that the walker has to understand.
fn provider() -> ProviderSchema {
    ProviderSchema {
        provider: "process",
        schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["command", "ports"],
            "properties": {
                "command": {
                    "description": "The program and its arguments.",
                    "type": "array",
                    "items": { "type": "string" },
                    "minItems": 1,
                },
                "ports": {
                    "description": "First and last port.",
                    "type": "string",
                    "pattern": "^[0-9]+-[0-9]+$",
                    "patternErrorMessage": "write first and last port, such as 7000-7999",
                },
                "environment": { "type": "object", "additionalProperties": { "type": "string" } },
                "limits": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "memory": {
                            "description": "Bytes, such as 256Mi or 1Gi.",
                            "type": ["string", "null"],
                            "pattern": "^[0-9]+(Ki|Mi|Gi)$",
                        },
                        "cpu_seconds": { "type": ["integer", "null"], "minimum": 1 },
                    },
                },
                "wrap": { "$ref": "#/$defs/Wrap" },
            },
            "$defs": { "Wrap": wrap_schema() },
        }),
        lint,
    }
}

fn lint(config: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |pointer: &str, part, message: String, proposal: &str| {
        findings.push(Finding {
            pointer: pointer.to_owned(),
            part,
            message,
            proposal: Some(proposal.to_owned()),
        });
    };
    let signal = config.pointer("/wrap/stop/signal").and_then(Value::as_str);
    if let Some(other) = signal.filter(|signal| !["SIGTERM", "SIGINT"].contains(signal)) {
        let message = format!("there is no signal `{other}`");
        add("/wrap/stop/signal", Part::Value, message, "write `SIGTERM`");
    }
    let ports = config["ports"]
        .as_str()
        .and_then(|ports| ports.split_once('-'));
    let port = |text: &str| text.parse::<u16>().unwrap_or_default();
    if ports.is_some_and(|(first, last)| port(first) > port(last)) {
        let message = "the range ends before it begins".to_owned();
        add("/ports", Part::Value, message, "write the lower one first");
    }
    for name in config["environment"].as_object().into_iter().flatten() {
        if name.0.contains('=') {
            let message = format!("`{}` is no name of a variable", name.0);
            let pointer = format!("/environment/{}", name.0);
            add(&pointer, Part::Key, message, "write it without `=`");
        }
    }
    findings
}

fn wrap_schema() -> Value {
    let probe = |key: &str| {
        json!({
            "type": "object", "additionalProperties": false, "required": [key],
            "properties": { key: { "type": "string" } },
        })
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "start": { "enum": ["at_assignment", "ahead"] },
            "ready": { "oneOf": [probe("tcp"), probe("log")] },
            "players": { "type": "object", "additionalProperties": { "type": "string" } },
            "stop": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "signal": { "type": "string" },
                    "grace": { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" },
                },
            },
        },
    })
}

fn check_text(text: &str) -> Checked {
    let file = SourceFile {
        path: "test.yaml".into(),
        text: text.into(),
    };
    check(&[file], &[provider()])
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

fn samples() -> Vec<SourceFile> {
    let folder = read_dir(&here("../../sessiontypes")).expect("the samples can be read");
    assert_eq!(folder.findings, []);
    folder.files
}

/// What `muster check` would print about one broken file.
fn rendered(path: &Path) -> String {
    let mut folder = Folder::default();
    read::read(path, &mut folder);
    let here = format!("{}/", here("testdata/broken").display());
    let shorten = |path: &mut String| *path = path.replace(&here, "");
    folder
        .files
        .iter_mut()
        .for_each(|file| shorten(&mut file.path));
    folder
        .findings
        .iter_mut()
        .for_each(|finding| shorten(&mut finding.path));
    let checked = folder.check(&[provider()]);
    assert!(checked.config.is_none(), "{} is not broken", path.display());
    let text = folder.files.first().map_or("", |file| &file.text);
    let shown: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render(text))
        .collect();
    shown.join("\n")
}

#[test]
fn every_broken_file_says_what_to_write_instead() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(here("testdata/broken"))
        .expect("the broken files are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    assert!(paths.len() >= 40, "only {} broken files", paths.len());
    for path in paths {
        let golden = path.with_extension("txt");
        let shown = rendered(&path);
        if update() {
            std::fs::write(&golden, &shown).expect("the golden message can be written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(
            shown,
            expected,
            "{}: MUSTER_UPDATE=1 rewrites it",
            path.display()
        );
    }
}

#[test]
fn every_sample_is_clean() {
    let files = samples();
    assert!(files.len() >= 5);
    let checked = check(&files, &[provider()]);
    let shown: Vec<String> = checked.diagnostics.iter().map(Diagnostic::github).collect();
    assert_eq!(shown, Vec::<String>::new());
    let config = checked.config.expect("a set without errors");
    assert!(
        config.queue("TDM-4V4").is_some(),
        "names are compared without case"
    );
    let party = config.session_type("party").expect("the type Party");
    assert!(party.can_join_matchmaking);
    assert_eq!(
        Config::from_files(&files, &[provider()]).expect("the same texts"),
        config
    );
}

/// The worked examples, each a set by itself.
fn examples() -> Vec<Folder> {
    let dir = here("../../sessiontypes/examples");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("the examples are there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let folders = paths.iter().map(|path| read_dir(path));
    folders
        .map(|folder| folder.expect("an example can be read"))
        .collect()
}

#[test]
fn every_example_is_accepted_by_itself() {
    let folders = examples();
    assert_eq!(folders.len(), 10);
    for folder in folders {
        let checked = folder.check(&[provider()]);
        // What players say of themselves is what they would like to play.
        let others = checked.diagnostics.iter();
        let others: Vec<&Diagnostic> = others.filter(|d| d.code != "player-attribute").collect();
        assert_eq!(others, Vec::<&Diagnostic>::new());
        let config = checked.config.expect("an example without errors");
        assert_eq!(config.queues.len(), 1);
    }
}

#[test]
fn every_sample_names_the_schema_of_its_first_document() {
    let examples = examples().into_iter().flat_map(|folder| folder.files);
    for file in samples().into_iter().chain(examples) {
        let line = file.text.lines().next().unwrap_or_default();
        let schema = line.strip_prefix("# yaml-language-server: $schema=");
        let folder = Path::new(&file.path).parent().expect("a folder");
        let path = folder.join(schema.unwrap_or("missing"));
        assert!(path.is_file(), "{}: {line}", file.path);
    }
}

#[test]
fn the_committed_schemas_are_fresh() {
    for kind in Kind::ALL {
        let path = here("../../sessiontypes/schema").join(kind.schema_file());
        let fresh = format!("{:#}\n", schema(kind));
        if update() {
            std::fs::write(&path, &fresh).expect("the schema can be written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            committed,
            fresh,
            "{}: MUSTER_UPDATE=1 rewrites it",
            path.display()
        );
    }
}

#[test]
fn every_knob_of_a_schema_is_described() {
    fn undescribed(value: &Value, path: String, out: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                if property.get("description").is_none() {
                    out.push(format!("{path}.{key}"));
                }
            }
        }
        for (key, child) in value.as_object().into_iter().flatten() {
            undescribed(child, format!("{path}/{key}"), out);
        }
    }
    for kind in Kind::ALL {
        let mut out = Vec::new();
        undescribed(&schema(kind), kind.to_string(), &mut out);
        assert_eq!(out, Vec::<String>::new());
    }
}

/// The walker judges by the committed schemas: a keyword that it passes over would be a rule for editors only.
#[test]
fn the_walker_knows_every_keyword_of_the_schemas() {
    const KNOWN: &[&str] = &[
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "patternErrorMessage",
        "patternProperties",
        "properties",
        "required",
        "title",
        "type",
    ];
    fn keywords(schema: &Value, out: &mut BTreeSet<String>) {
        match schema {
            Value::Array(items) => items.iter().for_each(|item| keywords(item, out)),
            Value::Object(map) => {
                for (key, child) in map {
                    out.insert(key.clone());
                    match key.as_str() {
                        "properties" | "patternProperties" | "$defs" => {
                            child
                                .as_object()
                                .into_iter()
                                .flatten()
                                .for_each(|(_, s)| keywords(s, out));
                        }
                        "default" | "const" | "enum" => {}
                        _ => keywords(child, out),
                    }
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    Kind::ALL
        .into_iter()
        .for_each(|kind| keywords(&schema(kind), &mut found));
    found.retain(|keyword| !KNOWN.contains(&keyword.as_str()));
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn every_knob_on_the_unsupported_list_exists() {
    for knob in unsupported::UNSUPPORTED {
        let root = schema(knob.kind);
        let mut at = vec![root.clone()];
        for step in knob.path.split('.') {
            at = at
                .iter()
                .flat_map(|node| super::schema::alternatives(&root, node))
                .filter_map(|node| match step {
                    "*" => node.get("items"),
                    key => super::schema::property(node, key),
                })
                .cloned()
                .collect();
            assert!(!at.is_empty(), "{}: {}", knob.kind, knob.path);
        }
    }
}

#[test]
fn omitted_keys_take_their_defaults() {
    let checked = check_text(
        "apiVersion: v1\nkind: SessionType\nname: Plain\njoinability: public\n\
         ---\napiVersion: v1\nkind: SessionType\nname: Party\njoinability: private\ncan_join_matchmaking: true\n",
    );
    assert_eq!(codes(&checked), Vec::<&str>::new());
    let config = checked.config.expect("no errors");
    let plain = config.session_type("Plain").expect("Plain");
    assert_eq!(plain.size.teams, None, "row 32: no size, no team places");
    assert_eq!(plain.size.max_members, 100);
    assert_eq!(plain.timeouts, crate::session_type::Timeouts::default());
    assert_eq!(plain.joinability, Joinability::Public);
    assert_eq!(plain.joinability_by, JoinabilityBy::Members);
    assert!(plain.instance.is_none());
    let party = config.session_type("Party").expect("Party");
    assert_eq!(party.joinability_by, JoinabilityBy::Leader, "row 30");
}

#[test]
fn r48_zero_is_immediate_null_is_never_omitted_is_the_default() {
    let checked = check_text(
        "apiVersion: v1\nkind: SessionType\nname: T\njoinability: public\n\
         timeouts: { reserved_removal: 0, ready_removal: null, inactive_removal: 1500 }\n",
    );
    let config = checked.config.expect("no errors");
    let timeouts = config.session_type("T").expect("T").timeouts;
    assert_eq!(timeouts.reserved_removal, Some(Millis(0)));
    assert_eq!(timeouts.ready_removal, None);
    assert_eq!(timeouts.inactive_removal, Some(Millis(1_500)));
    assert_eq!(timeouts.session_empty, Some(Millis(0)));
}

const BASE: &str = "apiVersion: v1\nkind: SessionType\nname: Base\njoinability: public\n\
    size: { teams: 2, players_per_team: 4 }\ntimeouts: { inactive_removal: 1m, ready_removal: 2m }\n\
    custom_data: { a: \"1\" }\n---\n";

#[test]
fn extends_merges_each_section_one_level_deep() {
    let checked = check_text(&format!(
        "{BASE}apiVersion: v1\nkind: SessionType\nname: Child\nextends: base\n\
         timeouts: {{ ready_removal: 5m }}\nsize: {{ teams: 1 }}\n"
    ));
    assert_eq!(codes(&checked), Vec::<&str>::new());
    let config = checked.config.expect("no errors");
    let child = config.session_type("Child").expect("Child");
    assert_eq!(child.timeouts.inactive_removal, Some(Millis::seconds(60)));
    assert_eq!(child.timeouts.ready_removal, Some(Millis::seconds(300)));
    assert_eq!(
        (child.size.teams, child.size.players_per_team),
        (Some(1), 4)
    );
    assert_eq!(child.joinability, Joinability::Public);
    let name: Name = "Child".parse().expect("a name");
    let written = &config.written[&name];
    assert!(
        written.contains("timeouts.inactive_removal"),
        "row 32: after extends"
    );
    assert!(!written.contains("visibility"));
}

#[test]
fn a_mistake_in_a_base_is_reported_once_and_where_it_stands() {
    let checked = check_text(
        "apiVersion: v1\nkind: SessionType\nname: Base\njoinability: pubic\n---\n\
         apiVersion: v1\nkind: SessionType\nname: Child\nextends: Base\n",
    );
    assert_eq!(codes(&checked), ["not-allowed"]);
    assert_eq!(
        (checked.diagnostics[0].line, checked.diagnostics[0].column),
        (4, 14)
    );
}

#[test]
fn expansions_find_their_rules_and_units() {
    let config = Config::from_files(&samples(), &[provider()]).expect("the samples are clean");
    let queue = config.queue("tdm-4v4").expect("the queue");
    let targets: Vec<&ExpansionTarget> = queue.expansions.iter().map(|e| &e.target).collect();
    assert_eq!(
        targets,
        [
            &ExpansionTarget::Rule(0),
            &ExpansionTarget::Rule(1),
            &ExpansionTarget::MaxLatencyDelta,
            &ExpansionTarget::MaxLatency,
        ]
    );
    assert_eq!(queue.expansions[2].steps[0].limit, Some(90.0));
    assert_eq!(queue.expansions[2].steps[1].limit, None);
    let teams: Vec<String> = config
        .queue("duel-1v1")
        .expect("the queue")
        .teams
        .iter()
        .map(|t| t.name.to_string())
        .collect();
    assert_eq!(teams, ["team-1", "team-2"]);
}

#[test]
fn a_count_without_an_upper_limit_keeps_its_lower_one() {
    let queue = |steps: &str| {
        check_text(&format!(
            "apiVersion: v1\nkind: Fleet\nname: arena\nprovider: process\nregions: [eu-west]\n\
             config: {{ command: [muster], ports: 7000-7999 }}\n---\n\
             apiVersion: v1\nkind: SessionType\nname: Game\njoinability: private\n\
             instance: {{ fleet: arena, startup_params: {{ map: arena }} }}\n---\n\
             apiVersion: v1\nkind: Queue\nname: q\nsession_type: Game\n\
             teams: {{ count: 2, size: 4 }}\nticket: {{ time_out: 1m }}\n\
             attributes: {{ role: {{ type: string, source: server }} }}\n\
             rules:\n  - {{ name: healers, contains: role, value: healer, min: 1, max: 2 }}\n\
             expansions:\n  - {{ rule: healers, steps: [{steps}] }}\n"
        ))
    };
    let limits = |steps: &str| {
        let checked = queue(steps);
        assert_eq!(codes(&checked), Vec::<&str>::new(), "{steps}");
        let config = checked.config.expect("no errors");
        let queue = config.queue("q").expect("the queue");
        let limits = queue.expansions.iter().map(|expansion| {
            let steps = expansion.steps.iter().map(|step| step.limit);
            (expansion.target.clone(), steps.collect::<Vec<_>>())
        });
        limits.collect::<Vec<_>>()
    };
    let (max, min) = (ExpansionTarget::Rule(0), ExpansionTarget::RuleMin(0));
    let eight = (max.clone(), vec![Some(8.0)]);
    let alone = limits("{ after: 5s, max: none }");
    assert_eq!(alone, std::slice::from_ref(&eight));
    assert_eq!(
        limits("{ after: 5s, max: none }, { after: 10s, min: 0 }"),
        [eight, (min, vec![Some(0.0)])]
    );
    assert_eq!(limits("{ after: 5s, off: true }"), [(max, vec![None])]);
    let narrows = queue("{ after: 5s, max: none }, { after: 10s, max: 3 }");
    assert_eq!(codes(&narrows), ["narrowing"]);
}

#[test]
fn a_fleet_revision_changes_with_what_makes_a_game_server() {
    let config = Config::from_files(&samples(), &[provider()]).expect("the samples are clean");
    let fleet = config.fleet("arena").expect("the fleet");
    let revision = fleet_revision(fleet);
    let mut other = crate::fleet::Fleet::clone(fleet);
    other.capacity.max = 99;
    assert_eq!(
        fleet_revision(&other),
        revision,
        "more game servers are the same game servers"
    );
    other.config = json!({ "ports": "7000-7999", "command": ["muster", "arena"] });
    assert_eq!(
        fleet_revision(&other),
        revision,
        "the order of keys means nothing"
    );
    other.config = json!({ "ports": "7000-7999", "command": ["muster", "arena", "--fast"] });
    assert_ne!(fleet_revision(&other), revision);
    assert_eq!(
        revision, 7_586_695_728_309_783_420,
        "stored with game servers: it may never change for the same content"
    );
}

#[test]
fn json_and_github_forms_carry_the_place() {
    let checked = check_text(
        "apiVersion: v1\nkind: Queue\nname: q\nsesion_type: a,b%\nteams: {count: 1, size: 1}\n",
    );
    let diagnostic = checked
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.code == "unknown-key")
        .expect("the unknown key");
    assert_eq!(
        diagnostic.github(),
        "::error file=test.yaml,line=4,col=1,endColumn=12,title=unknown-key::there is no key `sesion_type`; write `session_type`"
    );
    assert_eq!(
        serde_json::to_value(diagnostic).expect("it serialises"),
        json!({
            "severity": "error", "path": "test.yaml", "line": 4, "column": 1, "length": 11,
            "code": "unknown-key", "message": "there is no key `sesion_type`",
            "proposal": "write `session_type`",
        })
    );
}

#[test]
fn errors_of_all_files_come_in_one_go_and_in_order() {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let files = [
        file(
            "a.yaml",
            "apiVersion: v1\nkind: Queue\nname: q\nteams: {count: 0, size: 1}\nsession_type: Gam\n",
        ),
        file(
            "b.yaml",
            "apiVersion: v1\nkind: SessionType\nname: Game\njoinability: public\n",
        ),
        file("c.yaml", "[\n"),
        file(
            "d.yaml",
            "apiVersion: v1\nkind: SessionType\nname: game\njoinability: public\n",
        ),
    ];
    let found: Vec<(String, usize, &str)> = check(&files, &[])
        .diagnostics
        .into_iter()
        .map(|d| (d.path, d.line, d.code))
        .collect();
    assert_eq!(
        found,
        [
            ("a.yaml".to_owned(), 4, "out-of-range"),
            ("a.yaml".to_owned(), 5, "unknown-session-type"),
            ("c.yaml".to_owned(), 1, "yaml-syntax"),
            ("d.yaml".to_owned(), 3, "duplicate-name"),
        ]
    );
}

#[test]
fn a_chain_of_extends_and_a_heap_of_documents_have_limits() {
    let chained: String = (0..40)
        .map(|i| {
            let extends = if i > 0 {
                format!("extends: T{}\n", i - 1)
            } else {
                String::new()
            };
            format!(
                "---\napiVersion: v1\nkind: SessionType\nname: T{i}\njoinability: public\n{extends}"
            )
        })
        .collect();
    let found = codes(&check_text(&chained));
    assert_eq!(found, vec!["long-extends"; 23]);
    assert_eq!(
        codes(&check_text(&"--- {}\n".repeat(5_000))).last(),
        Some(&"too-large")
    );
    let text = "x".repeat(100_000);
    let bomb = format!("a: &a {text}\nb: [{}]\n", vec!["*a"; 10_000].join(", "));
    assert_eq!(
        codes(&check_text(&bomb)),
        ["too-large"],
        "long texts count for more"
    );
}

#[test]
fn a_windows_file_with_a_mark_at_its_start_reads_like_any_other() {
    let text = "\u{feff}apiVersion: v1\r\nkind: SessionType\r\nname: T\r\njoinability: public\r\n";
    assert_eq!(codes(&check_text(text)), Vec::<&str>::new());
}

fn never_panics(text: &str) {
    let checked = check_text(text);
    let failed = checked
        .diagnostics
        .iter()
        .any(|d| d.severity == Severity::Error);
    assert_eq!(checked.config.is_none(), failed);
    for diagnostic in checked.diagnostics {
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1 && diagnostic.length >= 1);
        assert!(diagnostic.line <= text.split('\n').count());
        diagnostic.render(text);
        diagnostic.github();
    }
}

/// A folder with a file that is no text, one that nobody may read, one that leads nowhere and one in a subfolder.
#[test]
fn what_cannot_be_read_is_reported_beside_everything_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(at(name), bytes).expect("a file");
    write(
        "a.yaml",
        b"kind: Fleet\nname: \"\xe9\xe9\"\nregiones: [x]\n",
    );
    write(
        "b.yaml",
        b"apiVersion: v1\nkind: SessionType\nname: T\njoinability: pubic\n",
    );
    std::os::unix::fs::symlink(at("nowhere"), at("c.yaml")).expect("a link");
    std::fs::create_dir_all(at("sub/deeper")).expect("a folder");
    write("sub/deeper/d.yml", b"kind: Nothing\n");
    write("sub/readme.md", b"text");
    let folder = read_dir(dir.path()).expect("the folder can be read");
    let checked = folder.check(&[provider()]);
    let prefix = format!("{}/", dir.path().display());
    let found: Vec<(String, usize, usize, &str)> = checked
        .diagnostics
        .iter()
        .map(|d| (d.path.replace(&prefix, ""), d.line, d.column, d.code))
        .collect();
    let expected = [
        ("a.yaml", 1, 1, "missing-key"),
        ("a.yaml", 2, 7, "bad-text"),
        ("a.yaml", 2, 8, "not-utf-8"),
        ("a.yaml", 3, 1, "unknown-key"),
        ("a.yaml", 1, 1, "missing-key"),
        ("b.yaml", 4, 14, "not-allowed"),
        ("c.yaml", 1, 1, "unreadable"),
        ("sub/deeper/d.yml", 1, 1, "subfolder"),
    ];
    for (path, line, column, code) in expected {
        assert!(
            found.contains(&(path.to_owned(), line, column, code)),
            "{path}:{line}:{column} {code}: {found:?}"
        );
    }
    assert!(checked.config.is_none());
    let shown = checked.diagnostics.last().expect("a finding").render("");
    assert_eq!(shown.lines().count(), 3, "no line of source: {shown}");
}

proptest! {
    #[test]
    fn no_text_makes_check_panic(text in "(?s).{0,200}") {
        never_panics(&text);
    }

    #[test]
    fn no_yaml_like_text_makes_check_panic(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "apiVersion: v1\n", "kind: Queue\n", "kind: SessionType\n", "kind: Fleet\n", "name: a\n",
            "- ", "  ", "? ", ": ", "[", "]", "{", "}", ",", "&a ", "*a ", "---\n", "...\n", "\n", "\t",
            "!!str ", "!x ", "\"", "'", "|\n", "\0", "é", "<<: *a\n", "teams: ", "rules: ", "config: ",
            "1e999", "-1", "null", "# c\n", "extends: a\n", "%YAML 1.2\n", "\r\n", "\u{feff}",
        ]), 0..60)
    ) {
        never_panics(&parts.concat());
    }

    #[test]
    fn no_mutation_of_a_sample_makes_check_panic(
        file in 0..5usize,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0..12usize, "[\\PC\n\t]{0,4}"), 1..6)
    ) {
        let mut text: Vec<char> = samples()[file].text.chars().collect();
        for (at, length, insert) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, insert.chars());
        }
        never_panics(&text.into_iter().collect::<String>());
    }
}

/// The file holds every knob with a value; what is not built yet is refused, and nothing is unknown.
#[test]
fn every_knob_is_known_and_what_is_missing_is_refused() {
    let path = here("testdata/every-knob.yaml");
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let shown: String = check_text(&text)
        .diagnostics
        .iter()
        .map(|d| {
            format!(
                "{}:{}: {}[{}]: {}\n",
                d.line,
                d.column,
                d.severity.word(),
                d.code,
                d.message
            )
        })
        .collect();
    let golden = path.with_extension("txt");
    if update() {
        std::fs::write(&golden, &shown).expect("the golden file can be written");
    }
    assert_eq!(shown, std::fs::read_to_string(&golden).unwrap_or_default());
}

/// Every key of every schema stands in `every-knob.yaml`.
#[test]
fn no_knob_is_left_out_of_the_file_of_all_knobs() {
    fn unseen(root: &Value, schema: &Value, values: &[Value], path: String, out: &mut Vec<String>) {
        for option in super::schema::alternatives(root, schema) {
            for (key, property) in option
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let below: Vec<Value> = values.iter().filter_map(|v| v.get(key)).cloned().collect();
                let path = format!("{path}.{key}");
                // A condition inside of another has the keys of a rule.
                let is_inner = ["all", "any", "not"].contains(&key.as_str()) && !below.is_empty();
                if is_inner {
                    continue;
                }
                if below.is_empty() {
                    out.push(path);
                } else {
                    unseen(root, property, &below, path, out);
                }
            }
            let items = option.get("items").into_iter();
            let entries = option.get("patternProperties").and_then(Value::as_object);
            for child in items.chain(entries.into_iter().flat_map(|map| map.values())) {
                let below: Vec<Value> = values
                    .iter()
                    .flat_map(|value| match value {
                        Value::Array(items) => items.clone(),
                        Value::Object(map) => map.values().cloned().collect(),
                        _ => Vec::new(),
                    })
                    .collect();
                unseen(root, child, &below, format!("{path}[]"), out);
            }
        }
    }
    let text =
        std::fs::read_to_string(here("testdata/every-knob.yaml")).expect("the file is there");
    let mut reports = Vec::new();
    let trees: Vec<Value> = build::parse(0, &text, &mut reports)
        .iter()
        .map(super::tree::Node::json)
        .collect();
    let mut out = Vec::new();
    for kind in Kind::ALL {
        let values: Vec<Value> = trees
            .iter()
            .filter(|tree| tree["kind"] == kind.as_str())
            .cloned()
            .collect();
        let root = schema(kind);
        unseen(&root, &root, &values, kind.to_string(), &mut out);
    }
    assert_eq!(out, Vec::<String>::new());
}
