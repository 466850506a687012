//! `muster simulate --against`: in what two folders are compared, and in what they are not.

use std::process::Command;

use serde_json::Value;

use crate::simulate::{Desk, TYPES};

/// Where the edit reads what the crowd does not bring, a gap of nothing is no better than a gap.
#[test]
fn gaps_of_different_attributes_are_not_compared() {
    let desk = Desk::new();
    desk.write("renamed/all.yaml", &TYPES.replace("skill", "elo"));
    desk.write(
        "free/all.yaml",
        &TYPES
            .replace(
                "distance: skill, max: 100 }",
                "compare: skill, op: \">\", value: 0 }",
            )
            .replace("max: 200 }, { after: 40s, max: null }", "off: true }"),
    );
    let said =
        "The population says nothing of `elo`, which renamed reads: everybody has its default.";
    let gaps =
        "The skill gap is of `elo` in renamed and of `skill` in types: they cannot be compared.";
    let arguments = |folder| {
        [
            "simulate",
            "--queue",
            "pairs",
            "--population",
            "population.yaml",
            "--config",
            folder,
            "--against",
            "types",
        ]
    };
    let run = |folder, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        let output = command
            .args(arguments(folder))
            .args(more)
            .current_dir(desk.folder.path());
        let output = output.output().expect("runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let table = run("renamed", &["--html", "page.html"]);
    let page = std::fs::read_to_string(desk.path("page.html")).expect("a page");
    for text in [&table, &page] {
        assert!(text.contains(said) && text.contains(gaps), "{text}");
        assert!(text.contains("of different attributes"), "{text}");
    }
    let document: Value = serde_json::from_str(&run("renamed", &["--json"])).expect("a document");
    let all = document["assumptions"].as_array().expect("sentences");
    assert!(
        all.contains(&said.into()) && all.contains(&gaps.into()),
        "{all:?}"
    );
    assert_eq!(document["runs"][0]["gaps_of"]["skill_gap"], "elo");
    let gap = |document: &Value| {
        let all = document["differences"]
            .as_array()
            .expect("differences")
            .clone();
        all.into_iter()
            .find(|one| one["what"] == "skill gap p50")
            .expect("a gap")
    };
    assert_eq!(gap(&document)["verdict"], "other");
    // Without a distance there is no gap, which is not one of 0.
    let document: Value = serde_json::from_str(&run("free", &["--json"])).expect("a document");
    assert_eq!(gap(&document)["this"], Value::Null);
    assert_eq!(gap(&document)["verdict"], "other");
}
