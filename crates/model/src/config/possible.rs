//! Whether some match could keep all hard rules of a queue, and if none does, which of the rules are to blame.
//!
//! What is found impossible is so, whoever comes; what cannot be decided counts as possible. Numbers are judged by
//! the limits that rules set to players, teams and the match, texts by how many players may have which.

use std::collections::{BTreeMap, BTreeSet};

use super::{possible_numbers, possible_texts};
use crate::Name;
use crate::queue::{Attribute, AttributeType, Comparison, Operand, RuleKind, Scope};

/// So many ways to keep rules `any` are tried; with more of them nothing is said.
const WAYS_MAX: u32 = 200;

/// One team of a match.
#[derive(Debug, Clone, Default)]
pub(super) struct Team {
    /// The fewest players, as low as they ever fall.
    pub least: u32,
    /// The most players.
    pub most: u32,
    /// Players wanted of each role.
    pub roles: BTreeMap<Name, u32>,
}

/// What rules speak of.
#[derive(Debug, Clone)]
pub(super) struct World<'a> {
    /// At least one.
    pub teams: Vec<Team>,
    /// The largest party.
    pub party_most: u32,
    /// What players bring.
    pub attributes: &'a BTreeMap<Name, Attribute>,
    /// Where players say which roles they would take.
    pub role_attribute: Option<&'a Name>,
}

impl World<'_> {
    /// Whether an attribute holds a number, or several of which a rule reads one.
    pub fn is_number(&self, name: &Name) -> bool {
        let kind = self.attributes.get(name).map(|attribute| attribute.kind);
        matches!(kind, Some(AttributeType::Number | AttributeType::Numbers))
    }

    /// The most players of a match.
    pub fn most(&self) -> u32 {
        self.teams.iter().map(|team| team.most).sum()
    }
}

/// A rule that is no compound, and whether it has to hold or must not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    pub kind: RuleKind,
    pub holds: bool,
}

/// Everything that is demanded of one match.
#[derive(Debug, Clone, Default)]
struct Demands {
    all: Vec<Demand>,
    /// Of each of these at least one.
    any: Vec<Vec<Demand>>,
}

/// The rules, by their places, that no match can keep together: none of them can be left out. `None`: no such are
/// known.
pub(super) fn conflict(world: &World<'_>, rules: &[&RuleKind]) -> Option<Vec<usize>> {
    let blamed = |places: &[usize]| {
        let rules = places.iter().filter_map(|&place| rules.get(place).copied());
        is_impossible(world, rules)
    };
    let mut places: Vec<usize> = (0..rules.len()).collect();
    if !blamed(&places) {
        return None;
    }
    for place in 0..rules.len() {
        let without: Vec<usize> = places.iter().copied().filter(|p| *p != place).collect();
        if blamed(&without) {
            places = without;
        }
    }
    Some(places)
}

/// Whether no match keeps all of these.
pub(super) fn is_impossible<'a>(
    world: &World<'_>,
    rules: impl Iterator<Item = &'a RuleKind>,
) -> bool {
    let mut demands = Demands::default();
    for rule in rules {
        demands.add(world, rule, true);
    }
    let mut ways = WAYS_MAX;
    demands.are_impossible(world, &mut ways)
}

impl Demands {
    /// Takes compounds apart.
    fn add(&mut self, world: &World<'_>, kind: &RuleKind, holds: bool) {
        let demand = |kind: &RuleKind| Demand {
            kind: kind.clone(),
            holds,
        };
        match (kind, holds) {
            (RuleKind::All(parts), true) | (RuleKind::Any(parts), false) => {
                parts.iter().for_each(|part| self.add(world, part, holds));
            }
            (RuleKind::All(parts), false) | (RuleKind::Any(parts), true) => {
                self.any.push(parts.iter().map(demand).collect());
            }
            (RuleKind::Not(part), _) => self.add(world, part, !holds),
            (RuleKind::Contains { .. }, false) => self.any.push(other_counts(world, kind)),
            _ => self.all.push(demand(kind)),
        }
    }

    fn are_impossible(&self, world: &World<'_>, ways: &mut u32) -> bool {
        if *ways == 0 {
            return false;
        }
        *ways -= 1;
        if self.all.iter().any(|demand| !fits(world, demand))
            || self.contradict()
            || possible_texts::impossible(world, &self.all)
            || possible_numbers::impossible(world, &self.all)
        {
            return true;
        }
        let Some((parts, rest)) = self.any.split_last() else {
            return false;
        };
        parts.iter().all(|part| {
            let mut way = Demands {
                all: self.all.clone(),
                any: rest.to_vec(),
            };
            way.add(world, &part.kind, part.holds);
            way.are_impossible(world, ways)
        })
    }

    /// Whether one demand is the opposite of another.
    fn contradict(&self) -> bool {
        self.all.iter().enumerate().any(|(n, one)| {
            let mut others = self.all.iter().take(n);
            others.any(|other| are_opposites(one, other))
        })
    }
}

fn are_opposites(one: &Demand, other: &Demand) -> bool {
    if one.kind == other.kind {
        return one.holds != other.holds;
    }
    let (RuleKind::Compare { by, .. }, RuleKind::Compare { by: with, .. }) =
        (&one.kind, &other.kind)
    else {
        return false;
    };
    // Somebody is asked in any match.
    let mut same = other.kind.clone();
    if let RuleKind::Compare { by: with, .. } = &mut same {
        *with = *by;
    }
    one.holds && other.holds && *with == negated(*by) && one.kind == same
}

/// What a comparison is when it does not hold.
pub(super) fn negated(by: Comparison) -> Comparison {
    match by {
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtMost => Comparison::Greater,
        Comparison::Equal => Comparison::Unequal,
        Comparison::Unequal => Comparison::Equal,
        Comparison::AtLeast => Comparison::Less,
        Comparison::Greater => Comparison::AtMost,
    }
}

/// Whether there are as many players and teams as it takes.
fn fits(world: &World<'_>, demand: &Demand) -> bool {
    let two_of_a_team = || world.teams.iter().any(|team| team.most >= 2);
    match &demand.kind {
        _ if demand.holds => true,
        RuleKind::Equal { per, .. } | RuleKind::Different { per, .. } => match per {
            Scope::Team => two_of_a_team(),
            _ => world.most() >= 2,
        },
        RuleKind::Distance { .. } => world.most() >= 2,
        RuleKind::Balance { .. } => world.teams.len() >= 2,
        _ => true,
    }
}

/// The ways in which a rule `contains` does not hold: too few, or too many, in the match or in some team.
fn other_counts(world: &World<'_>, kind: &RuleKind) -> Vec<Demand> {
    let RuleKind::Contains {
        attribute,
        values,
        per,
        team,
        min,
        max,
    } = kind
    else {
        return Vec::new();
    };
    let places: Vec<Option<usize>> = match (per, team) {
        (Scope::Team, None) => (0..world.teams.len()).map(Some).collect(),
        _ => vec![*team],
    };
    let counts = [
        min.checked_sub(1).map(|most| (0, Some(most))),
        max.map(|max| (max.saturating_add(1), None)),
    ];
    let ways = places.into_iter().flat_map(|team| {
        counts.into_iter().flatten().map(move |(min, max)| Demand {
            kind: RuleKind::Contains {
                attribute: attribute.clone(),
                values: values.clone(),
                per: *per,
                team,
                min,
                max,
            },
            holds: true,
        })
    });
    ways.collect()
}

/// The texts that a rule looks for, as a set.
pub(super) fn texts_of(kind: &RuleKind) -> Option<(&Name, BTreeSet<&str>)> {
    match kind {
        RuleKind::Contains {
            attribute, values, ..
        } => Some((attribute, values.iter().map(String::as_str).collect())),
        RuleKind::Compare {
            read,
            with: Operand::Text(text),
            ..
        } => Some((&read.attribute, BTreeSet::from([text.as_str()]))),
        _ => None,
    }
}
