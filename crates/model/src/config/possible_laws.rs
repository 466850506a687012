//! What is called impossible is so: no match of a small world keeps it, of all that there are.

use proptest::prelude::*;

use super::possible::{Team, World, conflict};
use super::possible_tests::{attributes, different, equal, name, not, read, teams};
use crate::Name;
use crate::queue::{Aggregate, Comparison, Operand, Reading, RuleKind, Scope};

/// A player of a small world.
#[derive(Debug, Clone, Copy)]
struct Player {
    numbers: [f64; 2],
    text: &'static str,
    tags: &'static [&'static str],
}

/// A match: of each team its parties.
type Game = Vec<Vec<Vec<Player>>>;

fn figure(players: &[Player], read: &Reading, of: Aggregate) -> f64 {
    let at = usize::from(read.attribute.as_str() == "s2");
    let numbers = || players.iter().map(|player| player.numbers[at]);
    let sum: f64 = numbers().sum();
    match of {
        Aggregate::Min => numbers().fold(f64::INFINITY, f64::min),
        Aggregate::Max => numbers().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Mean => sum / players.len() as f64,
        Aggregate::Sum => sum,
    }
}

fn units(game: &Game, per: Scope, team: Option<usize>) -> Vec<Vec<Player>> {
    let asked = game.iter().enumerate();
    let asked = asked.filter(|(n, _)| team.is_none_or(|team| team == *n));
    let teams: Vec<&Vec<Vec<Player>>> = asked.map(|(_, parties)| parties).collect();
    let parties = || teams.iter().flat_map(|team| team.iter());
    match per {
        Scope::Player => parties().flatten().map(|player| vec![*player]).collect(),
        Scope::Party => parties().cloned().collect(),
        Scope::Team => teams.iter().map(|team| team.concat()).collect(),
        Scope::Match => vec![parties().flatten().copied().collect()],
    }
}

fn is_same(a: &Player, b: &Player, read: &Reading) -> bool {
    match read.attribute.as_str() {
        "t" => a.text == b.text,
        _ => figure(&[*a], read, Aggregate::Min) == figure(&[*b], read, Aggregate::Min),
    }
}

fn has(player: &Player, attribute: &Name, values: &[String]) -> bool {
    let own: &[&str] = match attribute.as_str() {
        "t" => std::slice::from_ref(&player.text),
        _ => player.tags,
    };
    own.iter()
        .any(|own| values.iter().any(|value| value == own))
}

fn keeps(game: &Game, kind: &RuleKind) -> bool {
    let near = |figures: Vec<f64>, max: f64| {
        let high = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        high - figures.iter().copied().fold(f64::INFINITY, f64::min) <= max
    };
    let figures = |per, read: &Reading, of| -> Vec<f64> {
        let units = units(game, per, None);
        units.iter().map(|unit| figure(unit, read, of)).collect()
    };
    let pairs = |per, read: &Reading, is_equal: bool| {
        units(game, per, None).iter().all(|unit| {
            let others = |n: usize| unit.iter().skip(n + 1);
            let mut each = unit.iter().enumerate();
            each.all(|(n, a)| others(n).all(|b| is_same(a, b, read) == is_equal))
        })
    };
    match kind {
        RuleKind::Distance { read, per, of, max } => near(figures(*per, read, *of), *max),
        RuleKind::Balance { read, of, max } => near(figures(Scope::Team, read, *of), *max),
        RuleKind::Equal { read, per } => pairs(*per, read, true),
        RuleKind::Different { read, per } => pairs(*per, read, false),
        RuleKind::Contains {
            attribute,
            values,
            per,
            team,
            min,
            max,
        } => units(game, *per, *team).iter().all(|unit| {
            let count = unit.iter().filter(|p| has(p, attribute, values)).count() as u32;
            count >= *min && max.is_none_or(|max| count <= max)
        }),
        RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } => units(game, *per, *team).iter().all(|unit| match with {
            Operand::Number(x) => by.holds(figure(unit, read, *of), *x),
            Operand::Reading(other) => by.holds(figure(unit, read, *of), figure(unit, other, *of)),
            Operand::Text(text) => {
                let all = |wanted| unit.iter().all(|p| (p.text == text) == wanted);
                all(*by == Comparison::Equal)
            }
        }),
        RuleKind::All(parts) => parts.iter().all(|part| keeps(game, part)),
        RuleKind::Any(parts) => parts.iter().any(|part| keeps(game, part)),
        RuleKind::Not(part) => !keeps(game, part),
        RuleKind::Intersect { per, min, .. } => units(game, *per, None).iter().all(|unit| {
            let mut all = unit.iter().map(|player| player.tags);
            let first = all.next().unwrap_or_default();
            let is_shared = |text: &&&str| all.clone().all(|tags| tags.contains(*text));
            first.iter().filter(is_shared).count() >= *min
        }),
    }
}

/// The sizes of teams and of their parties, of all matches of such teams.
fn shapes(teams: &[Team], party_most: u32) -> Vec<Vec<Vec<usize>>> {
    fn parties(players: u32, most: u32) -> Vec<Vec<usize>> {
        if players == 0 {
            return vec![Vec::new()];
        }
        let first = 1..=most.min(players);
        let all = first.flat_map(|first| {
            let rest = parties(players - first, first);
            rest.into_iter()
                .map(move |rest| [vec![first as usize], rest].concat())
        });
        all.collect()
    }
    let mut shapes = vec![Vec::new()];
    for team in teams {
        let sizes = (team.least..=team.most).flat_map(|n| parties(n, party_most));
        let sizes: Vec<Vec<usize>> = sizes.collect();
        let longer = shapes.iter().flat_map(|shape: &Vec<Vec<usize>>| {
            sizes
                .iter()
                .map(|team| [shape.clone(), vec![team.clone()]].concat())
        });
        shapes = longer.collect();
    }
    shapes
}

/// Some match of these players that keeps all rules.
fn find(teams: &[Team], party_most: u32, players: &[Player], rules: &[RuleKind]) -> Option<Game> {
    shapes(teams, party_most).into_iter().find_map(|shape| {
        let seats: usize = shape.iter().flatten().sum();
        let games = players.len().pow(seats as u32);
        (0..games).find_map(|mut number| {
            let mut next = || {
                let player = players[number % players.len()];
                number /= players.len();
                player
            };
            let mut party = |&n: &usize| (0..n).map(|_| next()).collect::<Vec<_>>();
            let mut team = |parties: &Vec<usize>| parties.iter().map(&mut party).collect();
            let game: Game = shape.iter().map(&mut team).collect();
            rules.iter().all(|rule| keeps(&game, rule)).then_some(game)
        })
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Player),
        Just(Scope::Party),
        Just(Scope::Team),
        Just(Scope::Match)
    ]
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    prop_oneof![
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        Just(Aggregate::Mean),
        Just(Aggregate::Sum)
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Less),
        Just(Comparison::AtMost),
        Just(Comparison::Equal),
        Just(Comparison::Unequal),
        Just(Comparison::AtLeast),
        Just(Comparison::Greater)
    ]
}

fn number() -> impl Strategy<Value = Reading> {
    prop_oneof![3 => Just(read("s")), 1 => Just(read("s2"))]
}

fn limit() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
}

/// Of a match no team is asked alone, and a team of the world.
fn asked(per: Scope, team: Option<usize>) -> Option<usize> {
    team.filter(|_| per != Scope::Match)
}

fn rule_on_numbers() -> impl Strategy<Value = RuleKind> {
    let per = prop_oneof![Just(Scope::Player), Just(Scope::Party)];
    let wide = prop_oneof![Just(Scope::Team), Just(Scope::Match)];
    let team = prop::option::weighted(0.3, 0..2_usize);
    let with = prop_oneof![
        3 => limit().prop_map(Operand::Number),
        1 => number().prop_map(Operand::Reading),
    ];
    prop_oneof![
        1 => (number(), per, aggregate(), 0..3_u8).prop_map(|(read, per, of, max)| {
            let max = f64::from(max);
            RuleKind::Distance { read, per, of, max }
        }),
        1 => (number(), aggregate(), 0..3_u8).prop_map(|(read, of, max)| {
            let max = f64::from(max);
            RuleKind::Balance { read, of, max }
        }),
        1 => (number(), wide.clone()).prop_map(|(read, per)| RuleKind::Equal { read, per }),
        1 => (number(), wide).prop_map(|(read, per)| RuleKind::Different { read, per }),
        6 => (number(), scope(), aggregate(), team, comparison(), with).prop_map(
            |(read, per, of, team, by, with)| RuleKind::Compare {
                read, per, of, team: asked(per, team), by, with
            }
        ),
    ]
}

fn rule_on_texts() -> impl Strategy<Value = RuleKind> {
    let wide = prop_oneof![Just(Scope::Team), Just(Scope::Match)];
    let team = prop::option::weighted(0.3, 0..2_usize);
    let texts = || prop::sample::subsequence(vec!["x", "y", "z"], 1..3);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    let is = prop_oneof![Just(Comparison::Equal), Just(Comparison::Unequal)];
    prop_oneof![
        1 => wide.clone().prop_map(|per| equal("t", per)),
        1 => wide.clone().prop_map(|per| different("t", per)),
        2 => (wide.clone(), 1..4_usize).prop_map(|(per, min)| RuleKind::Intersect {
            attribute: name("tags"), per, min
        }),
        1 => (team.clone(), is, prop::sample::select(vec!["x", "y"])).prop_map(|(team, by, text)| {
            RuleKind::Compare {
                read: read("t"),
                per: Scope::Player,
                of: Aggregate::Mean,
                team,
                by,
                with: Operand::Text(text.to_owned()),
            }
        }),
        4 => (any::<bool>(), texts(), wide, team, 0..3_u32, prop::option::of(0..2_u32)).prop_map(
            move |(is_one, texts, per, team, min, more)| RuleKind::Contains {
                attribute: name(if is_one { "t" } else { "tags" }),
                values: owned(texts),
                per,
                team: team.filter(|_| per == Scope::Team),
                min,
                max: more.map(|more| min + more),
            }
        ),
    ]
}

/// Rules, some of them put together.
fn rules(one: BoxedStrategy<RuleKind>) -> impl Strategy<Value = Vec<RuleKind>> {
    let compound = one.prop_recursive(2, 6, 2, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            parts().prop_map(RuleKind::All),
            parts().prop_map(RuleKind::Any),
            inner.clone().prop_map(not),
        ]
    });
    prop::collection::vec(compound, 1..4)
}

/// Two teams of at most two, a team of one to three, or any two.
fn sizes() -> impl Strategy<Value = Vec<(u32, u32)>> {
    let size = prop_oneof![Just((1, 1)), Just((1, 2)), Just((2, 2))];
    prop_oneof![
        3 => prop::collection::vec(size, 2),
        1 => Just(vec![(1, 3)]),
        1 => Just(vec![(1, 1)]),
    ]
}

/// Rules that ask a team which is not there ask the first one.
fn within(kind: RuleKind, teams: usize) -> RuleKind {
    let mut kind = kind;
    match &mut kind {
        RuleKind::Contains { team, .. } | RuleKind::Compare { team, .. } => {
            *team = team.map(|team| team.min(teams - 1));
        }
        RuleKind::All(parts) | RuleKind::Any(parts) => {
            for part in parts {
                *part = within(part.clone(), teams);
            }
        }
        RuleKind::Not(part) => **part = within((**part).clone(), teams),
        _ => {}
    }
    kind
}

fn never_wrong(
    sizes: &[(u32, u32)],
    party_most: u32,
    rules: Vec<RuleKind>,
    players: &[Player],
) -> Result<(), TestCaseError> {
    let rules: Vec<RuleKind> = rules.into_iter().map(|r| within(r, sizes.len())).collect();
    let (attributes, teams) = (attributes(), teams(sizes));
    let world = World {
        party_most,
        teams: teams.clone(),
        attributes: &attributes,
        role_attribute: None,
    };
    let Some(blamed) = conflict(&world, &rules.iter().collect::<Vec<_>>()) else {
        return Ok(());
    };
    let blamed: Vec<RuleKind> = blamed.into_iter().map(|n| rules[n].clone()).collect();
    let found = find(&teams, party_most, players, &blamed);
    prop_assert!(found.is_none(), "{blamed:?} is kept by {found:?}");
    Ok(())
}

fn players(first: &[f64], second: &[f64]) -> Vec<Player> {
    let all = first.iter().flat_map(|&s| {
        second.iter().map(move |&s2| Player {
            numbers: [s, s2],
            text: "x",
            tags: &[],
        })
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_numbers_keep_what_is_called_impossible(
        sizes in sizes(), party in 1..3_u32, rules in rules(rule_on_numbers().boxed())
    ) {
        let players = players(&[-1.0, 0.0, 0.5, 2.0], &[0.0, 1.0]);
        never_wrong(&sizes, party, rules, &players)?;
    }

    #[test]
    fn no_texts_keep_what_is_called_impossible(
        sizes in sizes(), party in 1..3_u32, rules in rules(rule_on_texts().boxed())
    ) {
        let tags: [&[&str]; 3] = [&[], &["x"], &["x", "y", "z"]];
        let texts = ["x", "y", "z", "w"];
        let players = texts.into_iter().flat_map(|text| {
            tags.map(|tags| Player { numbers: [0.0, 0.0], text, tags })
        });
        never_wrong(&sizes, party, rules, &players.take(10).collect::<Vec<_>>())?;
    }
}
