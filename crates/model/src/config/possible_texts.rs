//! Whether players can have texts that keep all rules on them: of each team and of the match, how many players have
//! one of some texts, between limits that the others narrow.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::possible::{Demand, World, texts_of};
use crate::Name;
use crate::queue::{AttributeType, Comparison, RuleKind, Scope};

/// With more sets of texts nothing is said.
const SETS_MAX: usize = 32;
/// So often limits are passed on.
const ROUNDS_MAX: usize = 32;

/// Texts, by the order in which they were come by.
type Set = BTreeSet<usize>;

/// What rules count: sets of texts.
#[derive(Debug, PartialEq, Default)]
struct Sets {
    all: Vec<Set>,
    /// Whether the first is within the second.
    within: Vec<Vec<bool>>,
    /// Whether they share no text.
    apart: Vec<Vec<bool>>,
}

impl Sets {
    fn new(all: Vec<Set>) -> Sets {
        let pairs = |is: &dyn Fn(&Set, &Set) -> bool| -> Vec<Vec<bool>> {
            let row = |a| all.iter().map(|b| is(a, b)).collect();
            all.iter().map(row).collect()
        };
        let (within, apart) = (pairs(&Set::is_subset), pairs(&Set::is_disjoint));
        Sets { all, within, apart }
    }
}

/// At least and at most so many players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    least: u32,
    most: u32,
}

impl Count {
    fn narrow(&mut self, least: u32, most: u32) {
        self.least = self.least.max(least);
        self.most = self.most.min(most);
    }
}

/// What the players of a team may have, of whom each has one text.
#[derive(Debug, Clone, PartialEq, Default)]
struct Allowed {
    /// One of these; `None`: any.
    only: Option<Set>,
    /// None of these.
    never: Set,
    /// All the same.
    is_equal: bool,
    /// No two the same.
    is_different: bool,
}

impl Allowed {
    fn keep(&mut self, texts: &Set) {
        let kept = match &self.only {
            Some(only) => only.intersection(texts).copied().collect(),
            None => texts.clone(),
        };
        self.only = Some(kept);
        self.forbid(&Set::new());
    }

    fn may(&self, text: usize) -> bool {
        !self.never.contains(&text) && self.only.as_ref().is_none_or(|only| only.contains(&text))
    }

    fn forbid(&mut self, texts: &Set) {
        self.never.extend(texts);
        if let Some(only) = &mut self.only {
            only.retain(|text| !self.never.contains(text));
        }
    }
}

/// How many players have what, of one attribute.
#[derive(Debug, Clone, PartialEq)]
struct Counts {
    sets: Rc<Sets>,
    /// Of each team its players, then of the match.
    sizes: Vec<Count>,
    /// Of each team how many have one of each set, then of the match.
    counts: Vec<Vec<Count>>,
    teams: Vec<Allowed>,
    /// Of each team how many texts all its players share at least, then of the match.
    shared: Vec<usize>,
    /// Each player has one text; otherwise several.
    is_one: bool,
    /// All players of the match have the same.
    is_equal: bool,
    /// No two players of the match have the same.
    is_different: bool,
}

/// Whether no texts keep all of these.
pub(super) fn impossible(world: &World<'_>, demands: &[Demand]) -> bool {
    let mut names: BTreeSet<&Name> = world.role_attribute.into_iter().collect();
    for demand in demands {
        names.extend(texts_of(&demand.kind).map(|(name, _)| name));
        if let RuleKind::Equal { read, .. } | RuleKind::Different { read, .. } = &demand.kind {
            names.insert(&read.attribute);
        }
        if let RuleKind::Intersect { attribute, .. } = &demand.kind {
            names.insert(attribute);
        }
    }
    names.into_iter().any(|name| {
        let kind = world.attributes.get(name).map(|attribute| attribute.kind);
        let is_one = kind == Some(AttributeType::String);
        (is_one || kind == Some(AttributeType::Strings))
            && impossible_of(world, demands, name, is_one)
    })
}

fn impossible_of(world: &World<'_>, demands: &[Demand], name: &Name, is_one: bool) -> bool {
    let is_role = world.role_attribute == Some(name);
    let roles = world.teams.iter().flat_map(|team| team.roles.keys());
    let roles = roles
        .filter(|_| is_role)
        .map(|role| BTreeSet::from([role.as_str()]));
    let looked_for = demands.iter().filter_map(|demand| texts_of(&demand.kind));
    let looked_for = looked_for.filter(|(of, _)| *of == name).map(|(_, set)| set);
    let mut places: BTreeMap<BTreeSet<&str>, usize> = BTreeMap::new();
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sets: Vec<Set> = Vec::new();
    for set in looked_for.chain(roles) {
        let numbers = set.iter().map(|text| {
            let next = texts.len();
            *texts.entry(text).or_insert(next)
        });
        let numbers: Set = numbers.collect();
        places.entry(set).or_insert_with(|| {
            sets.push(numbers);
            sets.len() - 1
        });
    }
    if sets.len() > SETS_MAX {
        return false;
    }
    let place = |kind: &RuleKind| {
        let (of, set) = texts_of(kind)?;
        places.get(&set).copied().filter(|_| of == name)
    };
    let mut counts = Counts::new(world, Rc::new(Sets::new(sets)), is_one);
    for (index, team) in world.teams.iter().enumerate().filter(|_| is_role) {
        for (role, n) in &team.roles {
            if let Some(&place) = places.get(&BTreeSet::from([role.as_str()])) {
                counts.count(place, Some(index), *n, u32::MAX);
            }
        }
    }
    for demand in demands.iter().filter(|demand| demand.holds) {
        counts.demand(name, &demand.kind, place(&demand.kind));
    }
    for _ in 0..ROUNDS_MAX {
        let before = counts.clone();
        counts.pass_on();
        if counts.are_empty() {
            return true;
        }
        if counts == before {
            break;
        }
    }
    let mut refused = demands.iter().filter(|demand| !demand.holds);
    refused.any(|demand| counts.insist(name, &demand.kind, place(&demand.kind)))
}

impl Counts {
    fn new(world: &World<'_>, sets: Rc<Sets>, is_one: bool) -> Counts {
        let teams = world.teams.iter().map(|team| Count {
            least: team.least,
            most: team.most,
        });
        let mut sizes: Vec<Count> = teams.collect();
        sizes.push(Count {
            least: sizes.iter().map(|team| team.least).sum(),
            most: sizes.iter().map(|team| team.most).sum(),
        });
        let any = |size: &Count| {
            let most = size.most;
            vec![Count { least: 0, most }; sets.all.len()]
        };
        Counts {
            counts: sizes.iter().map(any).collect(),
            teams: vec![Allowed::default(); world.teams.len()],
            shared: vec![0; sizes.len()],
            sets,
            sizes,
            is_one,
            is_equal: false,
            is_different: false,
        }
    }

    /// So many players have one of these: of one team, or of the match.
    fn count(&mut self, place: usize, team: Option<usize>, least: u32, most: u32) {
        let unit = team.unwrap_or(self.teams.len());
        let counts = self.counts.get_mut(unit);
        if let Some(count) = counts.and_then(|counts| counts.get_mut(place)) {
            count.narrow(least, most);
        }
    }

    /// A rule holds; `place` is that of the texts which it looks for.
    fn demand(&mut self, name: &Name, kind: &RuleKind, place: Option<usize>) {
        match (kind, place) {
            (
                RuleKind::Contains {
                    per,
                    team,
                    min,
                    max,
                    ..
                },
                Some(place),
            ) => {
                let most = max.unwrap_or(u32::MAX);
                if *per == Scope::Team && team.is_none() {
                    for team in 0..self.teams.len() {
                        self.count(place, Some(team), *min, most);
                    }
                } else {
                    self.count(place, *team, *min, most);
                }
            }
            (RuleKind::Compare { team, by, .. }, Some(place)) => {
                let sets = self.sets.clone();
                let asked = self.teams.iter_mut().enumerate();
                for (_, allowed) in asked.filter(|(n, _)| team.is_none_or(|team| team == *n)) {
                    match by {
                        Comparison::Equal => allowed.keep(&sets.all[place]),
                        _ => allowed.forbid(&sets.all[place]),
                    }
                }
            }
            (
                RuleKind::Intersect {
                    attribute,
                    per,
                    min,
                },
                _,
            ) if attribute == name => {
                let whole = self.teams.len();
                for (unit, shared) in self.shared.iter_mut().enumerate() {
                    // What all players share those of each team do.
                    if unit < whole || *per == Scope::Match {
                        *shared = (*shared).max(*min);
                    }
                }
            }
            (RuleKind::Equal { read, per }, _) if read.attribute == *name => {
                self.is_equal |= *per == Scope::Match;
                self.teams.iter_mut().for_each(|team| team.is_equal = true);
            }
            (RuleKind::Different { read, per }, _) if read.attribute == *name => {
                self.is_different |= *per == Scope::Match;
                let teams = self.teams.iter_mut();
                teams.for_each(|team| team.is_different = true);
            }
            _ => {}
        }
    }

    fn pass_on(&mut self) {
        if self.is_one {
            self.allow();
            self.families();
            self.whole_teams();
        }
        for (size, counts) in self.sizes.iter_mut().zip(&mut self.counts) {
            for count in counts {
                count.narrow(0, size.most);
                size.narrow(count.least, u32::MAX);
            }
        }
        self.subsets();
        self.add_up();
        self.share();
    }

    /// A text that every player has is one that all share.
    fn share(&mut self) {
        let sets = self.sets.clone();
        let units = self.shared.iter_mut().zip(&self.counts).zip(&self.sizes);
        for ((shared, counts), size) in units {
            let pairs = sets.all.iter().zip(counts);
            let everybody = pairs.filter(|(set, count)| set.len() == 1 && count.least >= size.most);
            *shared = (*shared).max(everybody.count());
        }
        if let Some((whole, teams)) = self.shared.split_last_mut() {
            teams
                .iter_mut()
                .for_each(|team| *team = (*team).max(*whole));
            if let [team] = teams {
                *whole = (*whole).max(*team);
            }
        }
    }

    /// Where each team has one text, texts that differ are those of different teams.
    fn whole_teams(&mut self) {
        if !self.teams.iter().all(|team| team.is_equal) {
            return;
        }
        let (Some((whole, teams)), Some(counts)) = (self.sizes.split_last(), self.counts.last())
        else {
            return;
        };
        let mut largest: Vec<u32> = teams.iter().map(|team| team.most).collect();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        // As few teams as have so many players.
        let teams_of = |players: u32| {
            let mut seats = 0;
            let filled = largest.iter().take_while(|&&most| {
                let is_short = seats < players;
                seats += most;
                is_short
            });
            filled.count()
        };
        let mut family: Vec<usize> = Vec::new();
        let mut taken = 0;
        for (place, count) in counts.iter().enumerate() {
            if count.least > 0 && family.iter().all(|&other| self.sets.apart[other][place]) {
                family.push(place);
                taken += teams_of(count.least);
            }
        }
        if taken > teams.len() {
            let most = whole.most;
            self.sizes
                .iter_mut()
                .for_each(|size| size.narrow(most + 1, 0));
        }
    }

    /// Between what players may have and how many have it.
    fn allow(&mut self) {
        let whole = self.teams.len();
        for unit in 0..=whole {
            let (teams, is_different) = match self.teams.get(unit) {
                Some(team) => (std::slice::from_ref(team), team.is_different),
                None => (self.teams.as_slice(), self.is_different),
            };
            for (set, count) in self.sets.all.iter().zip(&mut self.counts[unit]) {
                // Each of the texts once, if anybody may have it.
                if is_different {
                    let used = set
                        .iter()
                        .filter(|text| teams.iter().any(|t| t.may(**text)));
                    count.narrow(0, u32::try_from(used.count()).unwrap_or(u32::MAX));
                }
            }
        }
        for (set, place) in self.sets.all.iter().zip(0..) {
            // If all have the same and one has it, all do.
            let is_there = |counts: &Vec<Count>| counts[place].least > 0;
            if self.is_equal && self.counts.iter().any(is_there) {
                self.teams.iter_mut().for_each(|team| team.keep(set));
            }
        }
        let pairs = self.teams.iter_mut().zip(&mut self.counts);
        for ((team, counts), size) in pairs.zip(&mut self.sizes) {
            for (set, count) in self.sets.all.iter().zip(counts) {
                if team.is_equal && count.least > 0 || count.least >= size.most {
                    team.keep(set);
                }
                if count.most == 0 {
                    team.forbid(set);
                }
                if let Some(only) = &team.only {
                    if only.is_subset(set) {
                        count.narrow(size.least, u32::MAX);
                    }
                    if only.is_disjoint(set) {
                        count.narrow(0, 0);
                    }
                }
                if set.is_subset(&team.never) {
                    count.narrow(0, 0);
                }
            }
            if let (Some(only), true) = (&team.only, team.is_different) {
                size.narrow(0, u32::try_from(only.len()).unwrap_or(u32::MAX));
            }
            if team.is_equal && team.is_different {
                size.narrow(0, 1);
            }
            if team.only.as_ref().is_some_and(BTreeSet::is_empty) {
                size.narrow(0, 0);
            }
        }
        self.match_wide();
    }

    /// What all players of a match have the same, or no two of them.
    fn match_wide(&mut self) {
        if self.is_equal {
            let never: Vec<Set> = self.teams.iter().map(|team| team.never.clone()).collect();
            let only: Vec<Set> = self.teams.iter().filter_map(|t| t.only.clone()).collect();
            for team in &mut self.teams {
                never.iter().for_each(|set| team.forbid(set));
                only.iter().for_each(|set| team.keep(set));
            }
        }
        let Some(whole) = self.sizes.last_mut() else {
            return;
        };
        if self.is_different {
            let only: Option<Vec<&Set>> = self.teams.iter().map(|t| t.only.as_ref()).collect();
            let known: Option<Set> = only.map(|sets| sets.into_iter().flatten().copied().collect());
            if let Some(known) = known {
                whole.narrow(0, u32::try_from(known.len()).unwrap_or(u32::MAX));
            }
            if self.is_equal {
                whole.narrow(0, 1);
            }
        }
    }

    /// Of sets that share no text each player is counted in one.
    fn families(&mut self) {
        let sets = self.sets.clone();
        let places = 0..sets.all.len();
        for (size, counts) in self.sizes.iter_mut().zip(&mut self.counts) {
            for first in places.clone() {
                let mut family = vec![first];
                for next in places.clone() {
                    let is_apart = |&other: &usize| sets.apart[other][next];
                    if counts[next].least > 0 && family.iter().all(is_apart) {
                        family.push(next);
                    }
                }
                let sum: u32 = family.iter().map(|&place| counts[place].least).sum();
                size.narrow(sum, u32::MAX);
                // What the others want is not left for this one.
                let others = sum - counts[first].least;
                counts[first].narrow(0, size.most.saturating_sub(others));
                for place in places.clone() {
                    let inside = family.iter().filter(|&&part| sets.within[part][place]);
                    let sum = inside.map(|&part| counts[part].least).sum();
                    counts[place].narrow(sum, u32::MAX);
                }
            }
        }
    }

    /// Whoever has one of a few has one of more.
    fn subsets(&mut self) {
        for counts in &mut self.counts {
            for (few, row) in self.sets.within.iter().enumerate() {
                for (more, &is_within) in row.iter().enumerate() {
                    if few != more && is_within {
                        let (low, high) = (counts[few].least, counts[more].most);
                        counts[more].narrow(low, u32::MAX);
                        counts[few].narrow(0, high);
                    }
                }
            }
        }
    }

    /// The match is its teams together.
    fn add_up(&mut self) {
        let Some((whole, teams)) = self.counts.split_last_mut() else {
            return;
        };
        for (place, all) in whole.iter_mut().enumerate() {
            let mut parts: Vec<&mut Count> = teams.iter_mut().map(|t| &mut t[place]).collect();
            sum_up(all, &mut parts);
        }
        if let Some((whole, teams)) = self.sizes.split_last_mut() {
            sum_up(whole, &mut teams.iter_mut().collect::<Vec<_>>());
        }
    }

    fn are_empty(&self) -> bool {
        let counts = self.counts.iter().flatten().chain(&self.sizes);
        let mut all = counts.map(|count| count.least > count.most);
        all.any(|is_empty| is_empty)
    }

    /// Whether a rule that must not hold holds in any case; `place` is that of the texts which it looks for.
    fn insist(&self, name: &Name, kind: &RuleKind, place: Option<usize>) -> bool {
        let is_one_text = |team: &&Allowed| team.only.as_ref().is_some_and(|only| only.len() == 1);
        match kind {
            RuleKind::Equal { read, per } if read.attribute == *name => match per {
                Scope::Match => {
                    let first = self.teams.first().and_then(|team| team.only.as_ref());
                    let all = self.teams.iter();
                    self.is_equal
                        || first.is_some_and(|first| first.len() == 1)
                            && all.map(|team| team.only.as_ref()).all(|only| only == first)
                }
                _ => {
                    let mut teams = self.teams.iter().zip(&self.sizes);
                    teams.all(|(team, size)| size.most < 2 || team.is_equal || is_one_text(&team))
                }
            },
            RuleKind::Different { read, per } if read.attribute == *name => match per {
                Scope::Match => self.is_different,
                _ => {
                    let mut teams = self.teams.iter().zip(&self.sizes);
                    teams.all(|(team, size)| size.most < 2 || team.is_different)
                }
            },
            RuleKind::Intersect {
                attribute,
                per,
                min,
            } if attribute == name => {
                let whole = self.teams.len();
                let mut units = self.shared.iter().enumerate();
                let is_asked = |unit| (unit == whole) == (*per == Scope::Match);
                units.all(|(unit, shared)| !is_asked(unit) || shared >= min)
            }
            RuleKind::Compare { team, by, .. } => {
                let unit = team.unwrap_or(self.teams.len());
                let (Some(place), Some(size)) = (place, self.sizes.get(unit)) else {
                    return false;
                };
                let count = self.counts[unit][place];
                match by {
                    Comparison::Equal => count.least >= size.most,
                    _ => count.most == 0,
                }
            }
            _ => false,
        }
    }
}

/// Between a whole and its parts.
fn sum_up(whole: &mut Count, parts: &mut [&mut Count]) {
    let least: u32 = parts.iter().map(|part| part.least).sum();
    let most: u32 = parts.iter().map(|part| part.most).sum();
    whole.narrow(least, most);
    for part in parts {
        // What the others have at most is too little, what they have at least is taken.
        let low = whole.least.saturating_sub(most - part.most);
        let high = whole.most.saturating_sub(least.saturating_sub(part.least));
        part.narrow(low, high);
    }
}
