//! The contradictions that designers write are found, and nothing else.

use std::collections::BTreeMap;

use super::possible::{Team, World, conflict};
use crate::Name;
use crate::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, Comparison, Operand, Reading, RuleKind,
    Scope,
};

pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub(super) fn read(text: &str) -> Reading {
    Reading::of(name(text))
}

/// Two numbers, a text and a list of texts.
pub(super) fn attributes() -> BTreeMap<Name, Attribute> {
    let kinds = [
        ("s", AttributeType::Number),
        ("s2", AttributeType::Number),
        ("t", AttributeType::String),
        ("tags", AttributeType::Strings),
    ];
    let attribute = |kind| Attribute {
        kind,
        source: AttributeSource::Server,
        default: None,
    };
    let pairs = kinds.into_iter();
    pairs.map(|(n, kind)| (name(n), attribute(kind))).collect()
}

pub(super) fn teams(sizes: &[(u32, u32)]) -> Vec<Team> {
    let sizes = sizes.iter();
    let team = |&(least, most): &(u32, u32)| Team {
        least,
        most,
        roles: BTreeMap::new(),
    };
    sizes.map(team).collect()
}

fn blamed(sizes: &[(u32, u32)], rules: &[RuleKind]) -> Option<Vec<usize>> {
    let attributes = attributes();
    let teams = teams(sizes);
    let world = World {
        party_most: teams.iter().map(|team| team.most).max().unwrap_or(1),
        teams,
        attributes: &attributes,
        role_attribute: None,
    };
    conflict(&world, &rules.iter().collect::<Vec<_>>())
}

fn compare(per: Scope, of: Aggregate, by: Comparison, with: f64) -> RuleKind {
    RuleKind::Compare {
        read: read("s"),
        per,
        of,
        team: None,
        by,
        with: Operand::Number(with),
    }
}

fn each(by: Comparison, with: f64) -> RuleKind {
    compare(Scope::Player, Aggregate::Mean, by, with)
}

fn other(a: &str, by: Comparison, b: &str) -> RuleKind {
    RuleKind::Compare {
        read: read(a),
        per: Scope::Player,
        of: Aggregate::Mean,
        team: None,
        by,
        with: Operand::Reading(read(b)),
    }
}

fn is_text(by: Comparison, text: &str) -> RuleKind {
    RuleKind::Compare {
        read: read("t"),
        per: Scope::Player,
        of: Aggregate::Mean,
        team: None,
        by,
        with: Operand::Text(text.to_owned()),
    }
}

fn contains(attribute: &str, values: &[&str], min: u32, max: Option<u32>) -> RuleKind {
    RuleKind::Contains {
        attribute: name(attribute),
        values: values.iter().map(|&v| v.to_owned()).collect(),
        per: Scope::Match,
        team: None,
        min,
        max,
    }
}

pub(super) fn equal(attribute: &str, per: Scope) -> RuleKind {
    let read = read(attribute);
    RuleKind::Equal { read, per }
}

pub(super) fn different(attribute: &str, per: Scope) -> RuleKind {
    let read = read(attribute);
    RuleKind::Different { read, per }
}

fn distance(per: Scope, max: f64) -> RuleKind {
    RuleKind::Distance {
        read: read("s"),
        per,
        of: Aggregate::Mean,
        max,
    }
}

fn balance(of: Aggregate, max: f64) -> RuleKind {
    let read = read("s");
    RuleKind::Balance { read, of, max }
}

fn intersect(per: Scope, min: usize) -> RuleKind {
    RuleKind::Intersect {
        attribute: name("tags"),
        per,
        min,
    }
}

pub(super) fn not(kind: RuleKind) -> RuleKind {
    RuleKind::Not(Box::new(kind))
}

/// What is said of rules about numbers under `not`, and of texts that all share.
#[test]
fn what_holds_and_must_not_is_found_by_its_limits() {
    use Aggregate::{Max, Mean, Sum};
    use Comparison::{AtMost, Equal};
    use Scope::{Match, Party, Player, Team};
    let sum_by_party = |max| RuleKind::Distance {
        read: read("s"),
        per: Party,
        of: Sum,
        max,
    };
    let cases: Vec<Vec<RuleKind>> = vec![
        vec![balance(Mean, 50.0), not(balance(Mean, 100.0))],
        vec![balance(Sum, 50.0), not(balance(Sum, 100.0))],
        vec![compare(Team, Sum, Equal, 10.0), not(balance(Sum, 1.0))],
        vec![distance(Player, 50.0), not(balance(Mean, 100.0))],
        vec![distance(Party, 50.0), not(balance(Mean, 100.0))],
        vec![
            balance(Max, 5.0),
            compare(Match, Max, AtMost, 5.0),
            not(each(AtMost, 5.0)),
        ],
        vec![distance(Party, 100.0), not(distance(Party, 200.0))],
        vec![sum_by_party(100.0), not(sum_by_party(200.0))],
        vec![compare(Party, Mean, Equal, 5.0), not(distance(Party, 1.0))],
        vec![intersect(Match, 2), not(intersect(Match, 1))],
        vec![intersect(Match, 2), not(intersect(Team, 2))],
        vec![intersect(Team, 2), not(intersect(Team, 1))],
        vec![contains("tags", &["p"], 8, None), not(intersect(Match, 1))],
        vec![
            contains("tags", &["p"], 8, None),
            contains("tags", &["q"], 8, None),
            not(intersect(Team, 2)),
        ],
        vec![
            equal("t", Team),
            contains("t", &["x"], 1, None),
            contains("t", &["y"], 1, None),
            contains("t", &["z"], 1, None),
        ],
        vec![
            equal("t", Team),
            contains("t", &["x"], 5, None),
            contains("t", &["y", "z"], 1, None),
        ],
    ];
    for rules in cases {
        let blames = blamed(&[(4, 4), (4, 4)], &rules);
        assert!(blames.is_some(), "{rules:?}");
    }
    let left: Vec<Vec<RuleKind>> = vec![
        vec![balance(Mean, 100.0), not(balance(Mean, 50.0))],
        vec![balance(Mean, 0.0), not(balance(Max, 100.0))],
        vec![balance(Mean, 0.0), not(distance(Party, 100.0))],
        vec![distance(Party, 200.0), not(distance(Party, 100.0))],
        vec![sum_by_party(1.0), not(distance(Party, 100.0))],
        vec![intersect(Match, 1), not(intersect(Match, 2))],
        vec![intersect(Team, 2), not(intersect(Match, 1))],
        vec![contains("tags", &["p"], 7, None), not(intersect(Match, 1))],
        vec![
            contains("tags", &["p", "q"], 8, None),
            not(intersect(Match, 1)),
        ],
        vec![
            equal("t", Team),
            contains("t", &["x"], 1, None),
            contains("t", &["y"], 1, None),
        ],
    ];
    for rules in left {
        assert_eq!(blamed(&[(4, 4), (4, 4)], &rules), None, "{rules:?}");
    }
}

/// Each of these is said of two teams of four, and all of the rules are to blame.
#[test]
fn rules_that_no_match_keeps_are_found() {
    use Aggregate::{Max, Mean, Min, Sum};
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    let cases: Vec<Vec<RuleKind>> = vec![
        vec![
            contains("t", &["x"], 0, Some(0)),
            contains("t", &["x"], 1, None),
        ],
        vec![
            contains("tags", &["x", "y"], 0, Some(1)),
            contains("tags", &["x"], 2, None),
        ],
        vec![
            compare(Scope::Match, Max, AtMost, 10.0),
            compare(Scope::Match, Min, AtLeast, 20.0),
        ],
        vec![RuleKind::All(vec![each(Greater, 5.0), each(Less, 3.0)])],
        vec![RuleKind::All(vec![
            equal("t", Scope::Match),
            not(equal("t", Scope::Match)),
        ])],
        vec![other("s", Less, "s2"), other("s2", Less, "s")],
        vec![other("s", Equal, "s2"), other("s", Unequal, "s2")],
        vec![different("t", Scope::Match), is_text(Equal, "x")],
        vec![different("t", Scope::Team), is_text(Equal, "x")],
        vec![is_text(Equal, "x"), contains("t", &["y"], 1, None)],
        vec![is_text(Unequal, "y"), contains("t", &["y"], 1, None)],
        vec![
            contains("t", &["x"], 1, None),
            contains("t", &["y"], 1, None),
            equal("t", Scope::Match),
        ],
        vec![compare(Scope::Match, Mean, AtLeast, 5.0), each(Less, 5.0)],
        vec![
            compare(Scope::Team, Sum, AtLeast, 1000.0),
            each(AtMost, 100.0),
        ],
        vec![
            compare(Scope::Match, Sum, AtLeast, 1000.0),
            each(AtMost, 100.0),
        ],
        vec![
            compare(Scope::Party, Sum, AtMost, 10.0),
            each(AtLeast, 20.0),
        ],
        vec![each(Greater, 2e15)],
        vec![each(Greater, 1e15)],
        vec![not(compare(Scope::Match, Sum, Less, 2e18))],
        vec![
            distance(Scope::Player, 5.0),
            not(distance(Scope::Party, 10.0)),
        ],
        vec![each(Equal, 7.0), different("s", Scope::Team)],
        vec![not(each(Less, 5.0)), compare(Scope::Match, Max, Less, 5.0)],
        vec![not(other("s", Less, "s2")), other("s", Less, "s2")],
        vec![
            each(Less, 3.0),
            RuleKind::Any(vec![
                compare(Scope::Team, Mean, AtLeast, 3.0),
                compare(Scope::Match, Max, Greater, 9.0),
            ]),
        ],
        vec![
            contains("t", &["x"], 5, None),
            contains("t", &["y", "z"], 4, None),
        ],
        vec![not(contains("t", &["x"], 0, Some(8)))],
        vec![different("s", Scope::Match), equal("s", Scope::Team)],
        vec![
            is_text(Unequal, "y"),
            different("t", Scope::Match),
            contains("t", &["x", "y"], 2, None),
        ],
    ];
    for rules in cases {
        let sizes = [(4, 4), (4, 4)];
        let all: Vec<usize> = (0..rules.len()).collect();
        assert_eq!(blamed(&sizes, &rules), Some(all), "{rules:?}");
    }
}

#[test]
fn what_takes_two_players_is_impossible_for_one() {
    let ones = [(1, 1), (1, 1)];
    for rule in [equal("t", Scope::Team), different("s", Scope::Team)] {
        assert_eq!(blamed(&ones, &[not(rule)]), Some(vec![0]));
    }
    let one = [(1, 1)];
    for rule in [
        distance(Scope::Party, 5.0),
        distance(Scope::Player, 5.0),
        equal("t", Scope::Match),
        different("s", Scope::Match),
    ] {
        assert_eq!(blamed(&one, &[not(rule)]), Some(vec![0]));
    }
}

#[test]
fn what_somebody_may_keep_is_let_be() {
    use Aggregate::{Max, Mean, Sum};
    use Comparison::{AtLeast, AtMost, Equal, Less, Unequal};
    let cases: Vec<Vec<RuleKind>> = vec![
        vec![
            contains("t", &["x"], 0, Some(4)),
            contains("t", &["x"], 1, None),
        ],
        vec![
            contains("tags", &["x"], 4, None),
            contains("tags", &["y"], 4, None),
        ],
        vec![compare(Scope::Match, Mean, AtLeast, 5.0), each(AtMost, 5.0)],
        vec![
            compare(Scope::Match, Sum, AtLeast, 800.0),
            each(AtMost, 100.0),
        ],
        vec![other("s", AtMost, "s2"), other("s2", AtMost, "s")],
        vec![other("s", Less, "s2"), not(distance(Scope::Party, 10.0))],
        vec![not(each(Less, 5.0)), not(each(AtLeast, 5.0))],
        vec![each(Unequal, 5.0), compare(Scope::Match, Mean, Equal, 5.0)],
        vec![each(AtMost, 3.0), compare(Scope::Party, Max, AtLeast, 3.0)],
        vec![
            RuleKind::Any(vec![each(Less, 3.0), each(AtLeast, 5.0)]),
            compare(Scope::Team, Mean, AtLeast, 4.0),
        ],
        vec![different("t", Scope::Match), contains("t", &["x"], 1, None)],
    ];
    for rules in cases {
        assert_eq!(blamed(&[(4, 4), (4, 4)], &rules), None, "{rules:?}");
    }
}

/// Whom a contradiction has nothing to do with is not named.
#[test]
fn only_who_is_to_blame_is_named() {
    use Comparison::{AtLeast, AtMost, Less};
    let rules = [
        equal("t", Scope::Match),
        compare(Scope::Match, Aggregate::Max, AtMost, 10.0),
        each(Less, 1000.0),
        distance(Scope::Party, 5.0),
        compare(Scope::Team, Aggregate::Mean, AtLeast, 20.0),
    ];
    assert_eq!(blamed(&[(1, 4), (1, 4)], &rules), Some(vec![1, 4]));
}
