//! Whether a queue is refused goes by what its rules come to at last.

use serde_json::json;

use super::diagnostic::Severity;
use super::{ProviderSchema, SourceFile, check};

/// What is said of the rules of a queue of two teams of one player each: the severities and messages.
fn said(rest: &str) -> Vec<(&'static str, String)> {
    let text = format!(
        "apiVersion: v1\nkind: Fleet\nname: arena\nprovider: process\nregions: [eu-west]\n---\n\
         apiVersion: v1\nkind: SessionType\nname: Game\njoinability: private\n\
         instance: {{ fleet: arena, startup_params: {{ map: arena }} }}\n---\n\
         apiVersion: v1\nkind: Queue\nname: duel\nsession_type: Game\n\
         teams: {{ count: 2, size: 1 }}\nticket: {{ time_out: 1m }}\nattributes:\n  \
         tags: {{ type: strings, source: server }}\n  k: {{ type: number, source: server }}\n{rest}"
    );
    let path = "test.yaml".into();
    let provider = ProviderSchema {
        provider: "process",
        schema: json!({ "type": "object" }),
        lint: |_| Vec::new(),
    };
    let said = check(&[SourceFile { path, text }], &[provider]).diagnostics;
    let said = said.into_iter();
    let of_rules = said.filter(|one| one.severity == Severity::Error || one.code == "never-met");
    of_rules
        .map(|one| (one.severity.word(), one.message))
        .collect()
}

fn widening(rule: &str, steps: &str) -> Vec<(&'static str, String)> {
    said(&format!(
        "rules:\n  - {rule}\nexpansions:\n  - {{ rule: r, steps: [{steps}] }}\n"
    ))
}

const TWO: &str = "{ name: r, contains: tags, value: a, min: 2, per: team }";
const NEVER_TWO: &str = "2 players can never be in a team of at most 1";

#[test]
fn a_count_that_falls_to_what_a_team_has_is_not_refused() {
    assert_eq!(widening(TWO, "{ after: 5s, min: 1 }"), []);
    let three = "{ name: r, contains: tags, value: a, min: 3 }";
    assert_eq!(widening(three, "{ after: 5s, min: 2 }"), []);
}

#[test]
fn a_count_that_stays_too_large_is_refused_whatever_widens() {
    let refused = |message: &str| [("error", message.to_owned())];
    assert_eq!(said(&format!("rules:\n  - {TWO}\n")), refused(NEVER_TWO));
    for too_late in ["{ after: 60s, min: 1 }", "{ after: 2m, off: true }"] {
        assert_eq!(widening(TWO, too_late), refused(NEVER_TWO), "{too_late}");
    }
    let three = "{ name: r, contains: tags, value: a, min: 3, per: team }";
    let never_three = NEVER_TWO.replace('2', "3");
    let steps = "{ after: 5s, min: 2 }";
    assert_eq!(widening(three, steps), refused(&never_three));
    let part = format!("{{ name: r, all: [{}] }}", TWO.replace("name: r, ", ""));
    assert_eq!(said(&format!("rules:\n  - {part}\n")), refused(NEVER_TWO));
}

#[test]
fn a_rule_that_is_given_up_or_only_a_wish_warns_that_it_is_never_kept() {
    let warned = |of: &str| [("warning", format!("{NEVER_TWO}, so {of} is never kept"))];
    let off = "{ after: 5s, off: true }";
    assert_eq!(widening(TWO, off), warned("the rule `r`"));
    let wish = TWO.replace("min: 2", "min: 2, prefer: 1");
    let said = said(&format!("rules:\n  - {wish}\n"));
    assert_eq!(said, warned("the rule `r`"));
    let part = format!("{{ name: r, all: [{}] }}", TWO.replace("name: r, ", ""));
    assert_eq!(widening(&part, off), warned("this part"));
}

#[test]
fn a_number_less_than_itself_is_refused_unless_its_rule_is_given_up() {
    let rule = "{ name: r, compare: k, op: \"<\", other: k }";
    let never = "no match of these teams can keep `r`".to_owned();
    assert_eq!(said(&format!("rules:\n  - {rule}\n")), [("error", never)]);
    assert_eq!(widening(rule, "{ after: 5s, off: true }"), []);
    let kept = rule.replace('<', "<=");
    assert_eq!(said(&format!("rules:\n  - {kept}\n")), []);
}
