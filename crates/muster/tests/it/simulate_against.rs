//! `muster simulate --against`: in what two folders are compared, and in what they are not.

use std::process::Command;

use serde_json::Value;

use crate::simulate::{Desk, TYPES, count};

/// What is said of one figure of two runs: its verdict, and the words.
fn judged(document: &Value, what: &str) -> (String, String) {
    let all = document["differences"].as_array().expect("differences");
    let one = all
        .iter()
        .find(|one| one["what"] == what)
        .expect("a figure");
    ["verdict", "words"]
        .map(|key| one[key].as_str().expect("words").to_owned())
        .into()
}

/// Read with the types of one folder, a crowd would be refused by the other, which then seems the worse.
#[test]
fn what_a_crowd_brings_has_one_type_in_both_folders() {
    let desk = Desk::new();
    let other = TYPES
        .replace(
            "strings, source: player, default: [tdm]",
            "string, source: player, default: tdm",
        )
        .replace("intersect: mode", "equal: mode");
    desk.write("other/all.yaml", &other);
    desk.write(
        "trace.csv",
        "ticket,time,latency.eu,attribute.mode\na,0,20,tdm\n",
    );
    let crowd = "tickets_per_day: 9\nattributes: { mode: { choice: { tdm: 1 } } }\n";
    desk.write("mode.yaml", crowd);
    let both = " a list of texts in types and a text in other, and a player brings one value to both; write the same type in both, or another name in one";
    for (crowd, place) in [
        (
            ["--players", "trace.csv"],
            "line 1, column 4: attribute.mode is",
        ),
        (
            ["--population", "mode.yaml"],
            "line 2, column 15: attributes.mode: it is",
        ),
    ] {
        let said = desk.refused(&[crowd[0], crowd[1], "--against", "other"]);
        assert!(said.contains(&format!("{place}{both}")), "{said}");
    }
    // Of what nobody brings the type is nobody's concern.
    desk.write(
        "skill.yaml",
        "tickets_per_day: 9\nattributes: { skill: { normal: 1 } }\n",
    );
    desk.said(&["--population", "skill.yaml", "--against", "other"]);
}

/// Who refuses the players that are hard to match has the shorter waits, which is no merit.
#[test]
fn waits_are_compared_only_of_the_same_tickets() {
    let desk = Desk::new();
    let near = TYPES.replace("max_latency: 90ms", "max_latency: 30ms");
    desk.write("near/all.yaml", &near);
    let crowd = ["--population", "population.yaml", "--against"];
    let document = desk.document(&[crowd[0], crowd[1], crowd[2], "near"]);
    let refused = |run: usize| count(&document["runs"][run]["all"], "refused");
    let (few, many) = (refused(0), refused(1));
    assert!(few < many, "{few} {many}");
    for what in [
        "expired",
        "wait p50",
        "wait p99",
        "skill gap p90",
        "latency p50",
    ] {
        let (verdict, words) = judged(&document, what);
        assert_eq!(
            (&*verdict, &*words),
            ("other", "cannot be compared"),
            "{what}"
        );
    }
    assert_eq!(judged(&document, "matched").0, "better");
    assert_eq!(judged(&document, "refused").0, "better");
    let sentence = document["assumptions"]
        .as_array()
        .expect("sentences")
        .last();
    let sentence = sentence.and_then(Value::as_str).expect("a sentence");
    assert!(
        sentence.starts_with("near refused ")
            && sentence.ends_with(" tickets that types took in: of those who came, only how many were matched and refused can be compared."),
        "{sentence}"
    );
    let table = desk.said(&[crowd[0], crowd[1], crowd[2], "near", "--html", "page.html"]);
    let page = std::fs::read_to_string(desk.path("page.html")).expect("a page");
    for text in [&table, &page] {
        assert!(
            text.contains(sentence) && text.contains("cannot be compared"),
            "{text}"
        );
    }
    // Both refuse the same ones.
    let desk = Desk::new();
    desk.write("types/all.yaml", &near);
    desk.write(
        "wide/all.yaml",
        &near.replace("after: 10s, max: 200", "after: 1s, max: 900"),
    );
    let document = desk.document(&[crowd[0], crowd[1], crowd[2], "wide"]);
    assert!(count(&document["runs"][0]["all"], "refused") > 0);
    assert_eq!(judged(&document, "wait p50").0, "worse");
}

/// A rule about what everybody has by default keeps nobody waiting: the edit is not simulated at all.
#[test]
fn nothing_is_better_where_one_queue_alone_reads_what_nobody_brings() {
    let desk = Desk::new();
    desk.write("renamed/all.yaml", &TYPES.replace("skill", "elo"));
    let said = ["--population", "population.yaml", "--against", "renamed"];
    let document = desk.document(&said);
    for one in document["differences"].as_array().expect("differences") {
        let verdict = one["verdict"].as_str().expect("a verdict");
        assert!(["other", "same"].contains(&verdict), "{one}");
    }
    assert_eq!(judged(&document, "wait p50").1, "cannot be compared");
    let sentence =
        "types and renamed cannot be compared until the population says something of `elo`.";
    assert!(desk.said(&said).contains(sentence));
}

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
