//! Whatever is read of tickets beforehand, rules are kept as the independent checker says.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, Comparison, Operand, Queue, Reading,
    Rule, RuleKind, Scope, TeamSettings,
};
use model::ticket::{TicketPlayer, Value};
use model::{Name, SessionId, Ticket, TicketId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::backfill::seated;
use crate::check::{Game, written};
use crate::entry::Entry;
use crate::facts::Lexicon;
use crate::plan::Plan;

const TEXTS: [&str; 5] = [
    "",
    "red",
    "blue",
    "green",
    "a text of more letters than most have",
];

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A player: numbers in eighths, so that sums of them are exact, and texts.
#[derive(Debug, Clone)]
struct Draft {
    skill: i8,
    duel: Option<i8>,
    hat: Option<usize>,
    /// As bits.
    modes: u8,
}

fn eighths(n: i8) -> f64 {
    f64::from(n) / 8.0
}

impl Draft {
    fn player(&self, n: usize, of: usize) -> TicketPlayer {
        let modes = (0..5).filter(|mode| self.modes & (1 << mode) != 0);
        let modes: Vec<String> = modes.map(|mode| TEXTS[mode].to_owned()).collect();
        let mut attributes = BTreeMap::from([
            (name("skill"), Value::Number(eighths(self.skill))),
            (name("mode"), Value::Strings(modes)),
        ]);
        let hat = self.hat.map(|hat| Value::String(TEXTS[hat].to_owned()));
        attributes.extend(hat.map(|hat| (name("hat"), hat)));
        let duel = self.duel.map(|duel| ("duel".to_owned(), eighths(duel)));
        let level = BTreeMap::from_iter(duel);
        attributes.insert(name("level"), Value::Numbers(level));
        TicketPlayer {
            attributes: attributes.into_iter().collect(),
            ..TicketPlayer::new(format!("p{n}-{of}").parse().expect("a player"))
        }
    }
}

fn party(n: usize, players: Vec<TicketPlayer>) -> Arc<Ticket> {
    let uuid = Uuid::from_u128(n as u128);
    Arc::new(Ticket {
        players,
        ..Ticket::new(TicketId(uuid), name("q"), SessionId(uuid), Timestamp(0))
    })
}

fn queue(rules: &[RuleKind]) -> Queue {
    let attribute = |kind, default| Attribute {
        kind,
        source: AttributeSource::Server,
        default: Some(default),
    };
    let numbers = BTreeMap::from([("duel".to_owned(), 0.5)]);
    let team = |team| TeamSettings::new(name(&format!("team{team}")), 1, 50);
    Queue {
        cross_play: true,
        attributes: BTreeMap::from([
            (
                name("skill"),
                attribute(AttributeType::Number, Value::Number(0.0)),
            ),
            (
                name("mode"),
                attribute(AttributeType::Strings, Value::Strings(Vec::new())),
            ),
            (
                name("hat"),
                attribute(AttributeType::String, Value::String("red".into())),
            ),
            (
                name("level"),
                attribute(AttributeType::Numbers, Value::Numbers(numbers)),
            ),
        ]),
        rules: rules
            .iter()
            .enumerate()
            .map(|(n, kind)| Rule {
                name: name(&format!("rule{n}")),
                // Each has a bit of its own in the sum of what is kept.
                prefer: Some(f64::from(1_u32 << n)),
                kind: kind.clone(),
            })
            .collect(),
        ..Queue::new(name("q"), (0..3).map(team).collect())
    }
}

fn number() -> impl Strategy<Value = Reading> {
    let duel = || Reading {
        attribute: name("level"),
        key: Some("duel".into()),
    };
    prop_oneof![Just(Reading::of(name("skill"))), Just(duel())]
}

fn same() -> impl Strategy<Value = Reading> {
    prop_oneof![number(), Just(Reading::of(name("hat")))]
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    use Aggregate::{Max, Mean, Min, Sum};
    prop_oneof![Just(Min), Just(Max), Just(Mean), Just(Sum)]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    prop_oneof![
        Just(Less),
        Just(AtMost),
        Just(Equal),
        Just(Unequal),
        Just(AtLeast),
        Just(Greater)
    ]
}

/// A comparison with a number, another number or a text.
fn compare() -> impl Strategy<Value = RuleKind> {
    use Scope::{Match, Party, Player, Team};
    let per = prop_oneof![Just(Player), Just(Party), Just(Team), Just(Match)];
    let with = prop_oneof![
        2 => (-20_i8..20).prop_map(|n| Operand::Number(eighths(n))),
        1 => number().prop_map(Operand::Reading),
        1 => (0..TEXTS.len()).prop_map(|n| Operand::Text(TEXTS[n].into())),
    ];
    let team = proptest::option::of(0_usize..3);
    (number(), per, aggregate(), team, comparison(), with).prop_map(
        |(read, per, of, team, by, with)| match with {
            Operand::Text(_) => RuleKind::Compare {
                read: Reading::of(name("hat")),
                per: Scope::Player,
                of,
                team,
                by: match by {
                    Comparison::Less | Comparison::AtMost | Comparison::Equal => Comparison::Equal,
                    _ => Comparison::Unequal,
                },
                with,
            },
            with => RuleKind::Compare {
                read,
                per,
                of,
                team,
                by,
                with,
            },
        },
    )
}

fn rule() -> impl Strategy<Value = RuleKind> {
    let wide = || prop_oneof![Just(Scope::Team), Just(Scope::Match)];
    let max = || (0_i8..30).prop_map(eighths);
    let near = prop_oneof![Just(Scope::Player), Just(Scope::Party)];
    let team = proptest::option::of(0_usize..3);
    let values = prop::collection::vec(0..TEXTS.len(), 1..3);
    let limits = (0_u32..3, proptest::option::of(0_u32..4));
    let attribute = prop_oneof![Just(name("mode")), Just(name("hat"))];
    let one =
        prop_oneof![
            (number(), near, aggregate(), max())
                .prop_map(|(read, per, of, max)| RuleKind::Distance { read, per, of, max }),
            (number(), aggregate(), max()).prop_map(|(read, of, max)| RuleKind::Balance {
                read,
                of,
                max
            }),
            (same(), wide()).prop_map(|(read, per)| RuleKind::Equal { read, per }),
            (same(), wide()).prop_map(|(read, per)| RuleKind::Different { read, per }),
            (wide(), 1_usize..3).prop_map(|(per, min)| RuleKind::Intersect {
                attribute: name("mode"),
                per,
                min,
            }),
            (attribute, values, wide(), team, limits).prop_map(
                |(attribute, values, per, team, (min, max))| RuleKind::Contains {
                    attribute,
                    values: values.into_iter().map(|n| TEXTS[n].to_owned()).collect(),
                    per,
                    team,
                    min,
                    max,
                }
            ),
            compare(),
        ];
    one.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(RuleKind::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(RuleKind::Any),
            inner.prop_map(|kind| RuleKind::Not(Box::new(kind))),
        ]
    })
}

fn tickets() -> impl Strategy<Value = Drafts> {
    let draft = (
        -10_i8..10,
        proptest::option::of(-10_i8..10),
        proptest::option::weighted(0.8, prop_oneof![3 => 1_usize..3, 1 => 0..TEXTS.len()]),
        prop_oneof![3 => 0_u8..4, 1 => 0_u8..32],
    );
    let draft = draft.prop_map(|(skill, duel, hat, modes)| Draft {
        skill,
        duel,
        hat,
        modes,
    });
    prop::collection::vec((prop::collection::vec(draft, 1..5), 0_u16..3), 1..8)
}

/// Gives all the numbers away that texts of an attribute may have.
fn crowd(plan: &Plan, lexicon: &mut Lexicon) {
    for n in 0..64 {
        let text = format!("text{n}");
        let mut player = Draft {
            skill: 0,
            duel: None,
            hat: None,
            modes: 0,
        }
        .player(999, n);
        let modes = Value::Strings(vec![text.clone()]);
        player.attributes.insert(name("mode"), modes);
        player.attributes.insert(name("hat"), Value::String(text));
        seated(plan, lexicon, &party(999, vec![player])).expect("no rule keeps it out");
    }
}

/// Parties and the team of each.
type Drafts = Vec<(Vec<Draft>, u16)>;

/// The bits of the rules that are kept: as they are asked, and as the checker says.
fn kept(rules: &[RuleKind], drafts: &Drafts, is_crowded: bool) -> (f64, f64) {
    let queue = Arc::new(queue(rules));
    let plan = Plan::new(Arc::clone(&queue));
    let mut lexicon = Lexicon::default();
    if is_crowded {
        crowd(&plan, &mut lexicon);
    }
    let mut parties = Vec::new();
    for (n, (players, _)) in drafts.iter().enumerate() {
        let players = players.iter().enumerate();
        let players = players.map(|(of, draft)| draft.player(n, of));
        parties.push(party(n, players.collect()));
    }
    let mut all = Vec::new();
    for party in &parties {
        let (_, entry) = seated(&plan, &mut lexicon, party).expect("no rule keeps it out");
        all.push(entry);
    }
    let entries: Vec<&Entry> = all.iter().collect();
    let team_of: Vec<u16> = drafts.iter().map(|&(_, team)| team).collect();
    let on_team = |team| {
        let own = parties
            .iter()
            .zip(&team_of)
            .filter(move |(_, t)| **t == team);
        own.map(|(party, _)| &**party).collect()
    };
    let teams: Vec<Vec<&Ticket>> = (0..3).map(on_team).collect();
    let game = Game {
        queue: &queue,
        teams: &teams,
    };
    let kept = rules.iter().enumerate();
    let kept = kept.filter(|(_, kind)| game.keeps(kind, written(kind)));
    let expected: u32 = kept.map(|(n, _)| 1 << n).sum();
    let of_split = plan.finals.of_split(&entries, &team_of);
    let of_split = of_split.expect("nothing is hard");
    let score = plan.finals.score(&entries).and(of_split);
    (score.preference, f64::from(expected))
}

#[test]
fn the_sum_of_nobody_is_zero_and_no_other_figure_of_nobody_compares() {
    let player = Draft {
        skill: 8,
        duel: None,
        hat: None,
        modes: 0,
    };
    // The team that is asked has no players.
    let drafts = vec![(vec![player], 0)];
    for (of, is_kept) in [
        (Aggregate::Sum, 1.0),
        (Aggregate::Mean, 0.0),
        (Aggregate::Min, 0.0),
        (Aggregate::Max, 0.0),
    ] {
        let rule = RuleKind::Compare {
            read: Reading::of(name("skill")),
            per: Scope::Match,
            of,
            team: Some(1),
            by: Comparison::Less,
            with: Operand::Number(0.125),
        };
        assert_eq!(kept(&[rule], &drafts, false), (is_kept, is_kept), "{of:?}");
    }
}

proptest! {
    #[test]
    fn rules_are_kept_as_the_checker_says(
        rules in prop::collection::vec(rule(), 1..4),
        drafts in tickets(),
        is_crowded in any::<bool>(),
    ) {
        let (asked, checked) = kept(&rules, &drafts, is_crowded);
        prop_assert_eq!(asked, checked);
    }
}
