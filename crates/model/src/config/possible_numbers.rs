//! Whether there are numbers that keep all rules on them: of each team and of the match the least, the greatest, the
//! mean and the sum, each between limits that the others narrow.

use super::differences::{Differences, Impossible, Limit, Node};
use super::possible::{Demand, World, negated};
use super::possible_figures::{
    Range, Unit, enclose, gather, pass_on, range_of_parties, range_of_teams, unit,
};
use crate::queue::{Aggregate, Comparison, NUMBER_ABS_MAX, Operand, Reading, RuleKind, Scope};

/// More numbers are not looked at: what they cannot be is not found.
const NODES_MAX: usize = 4_000;
/// So often limits are passed on between sums, means and ends.
const ROUNDS_MAX: usize = 8;

const AGGREGATES: [Aggregate; 4] = [
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::Mean,
    Aggregate::Sum,
];

/// Somebody who must be there: a player, a party or a team that breaks a rule which stands under `not`.
#[derive(Debug)]
struct Witness {
    per: Scope,
    of: Aggregate,
    team: Option<usize>,
    /// His figure of each number.
    figures: Vec<Node>,
}

/// What a number is compared with.
#[derive(Debug, Clone, Copy)]
enum Side {
    Value(f64),
    Node(Node),
}

struct Numbers<'a> {
    world: &'a World<'a>,
    readings: Vec<&'a Reading>,
    /// Of each number the teams' figures, then the match's.
    units: Vec<Vec<Unit>>,
    witnesses: Vec<Witness>,
    /// The ends of what teams or parties have, where a rule asks for them.
    ranges: Vec<(usize, Scope, Aggregate, Range)>,
    /// Figures that are not these numbers.
    excluded: Vec<(Node, f64)>,
    system: Differences,
}

/// Whether no numbers keep all of these.
pub(super) fn impossible(world: &World<'_>, demands: &[Demand]) -> bool {
    let mut readings: Vec<&Reading> = Vec::new();
    for read in demands.iter().flat_map(|demand| reads(world, &demand.kind)) {
        if !readings.contains(&read) {
            readings.push(read);
        }
    }
    // Nothing ties numbers to each other that no rule compares; all are looked at together where there are few.
    if readings.len() * (world.teams.len() + 2) * 4 > NODES_MAX {
        return false;
    }
    let mut numbers = Numbers {
        world,
        readings,
        units: Vec::new(),
        witnesses: Vec::new(),
        ranges: Vec::new(),
        excluded: Vec::new(),
        system: Differences::default(),
    };
    numbers.describe();
    for demand in demands.iter().filter(|demand| !demand.holds) {
        numbers.refuse(&demand.kind);
    }
    for demand in demands.iter().filter(|demand| demand.holds) {
        numbers.demand(&demand.kind);
    }
    numbers.solve().is_err()
}

/// The numbers that a rule reads.
fn reads<'a>(world: &World<'_>, kind: &'a RuleKind) -> Vec<&'a Reading> {
    match kind {
        RuleKind::Distance { read, .. } | RuleKind::Balance { read, .. } => vec![read],
        RuleKind::Equal { read, .. } | RuleKind::Different { read, .. }
            if world.is_number(&read.attribute) =>
        {
            vec![read]
        }
        RuleKind::Compare { read, with, .. } => match with {
            Operand::Number(_) => vec![read],
            Operand::Reading(other) => vec![read, other],
            Operand::Text(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

impl Numbers<'_> {
    /// What is true of any numbers.
    fn describe(&mut self) {
        for _ in 0..self.readings.len() {
            let teams = self.world.teams.iter();
            let mut units: Vec<Unit> = teams
                .map(|team| unit(&mut self.system, team.least.into(), team.most.into()))
                .collect();
            let whole = match units.as_slice() {
                [only] => *only,
                teams => {
                    let sum = |of: fn(&Unit) -> f64| teams.iter().map(of).sum();
                    let (least, most) = (sum(|unit| unit.least), sum(|unit| unit.most));
                    unit(&mut self.system, least, most)
                }
            };
            for team in &units {
                self.system.relate(whole.min, team.min, Limit::at_most(0.0));
                self.system.relate(team.max, whole.max, Limit::at_most(0.0));
            }
            units.push(whole);
            self.units.push(units);
        }
    }

    fn place(&self, read: &Reading) -> Option<usize> {
        self.readings.iter().position(|other| *other == read)
    }

    /// The figures of the teams that a rule asks, of the number at this place.
    fn teams(&self, place: usize, team: Option<usize>) -> Vec<Unit> {
        let units = self.units[place].iter().take(self.world.teams.len());
        let asked = units.enumerate();
        let asked = asked.filter(|(index, _)| team.is_none_or(|team| team == *index));
        asked.map(|(_, unit)| *unit).collect()
    }

    /// The figures of the match, or of one team.
    fn whole(&self, place: usize, team: Option<usize>) -> Option<Unit> {
        let units = &self.units[place];
        units.get(team.unwrap_or(units.len() - 1)).copied()
    }

    /// Parties of one are players.
    fn scope(&self, per: Scope) -> Scope {
        match per {
            Scope::Party if self.world.party_most <= 1 => Scope::Player,
            per => per,
        }
    }

    fn relate(&mut self, node: Node, by: Comparison, side: Side) {
        let limit = |value, is_strict| match is_strict {
            true => Limit::below(value),
            false => Limit::at_most(value),
        };
        match (by, side) {
            (Comparison::Less | Comparison::AtMost, Side::Value(value)) => {
                let limit = limit(value, by == Comparison::Less);
                self.system.cap(node, limit);
            }
            (Comparison::Greater | Comparison::AtLeast, Side::Value(value)) => {
                let limit = limit(-value, by == Comparison::Greater);
                self.system.floor(node, limit);
            }
            (Comparison::Less | Comparison::AtMost, Side::Node(other)) => {
                let limit = limit(0.0, by == Comparison::Less);
                self.system.relate(node, other, limit);
            }
            (Comparison::Greater | Comparison::AtLeast, Side::Node(other)) => {
                let limit = limit(0.0, by == Comparison::Greater);
                self.system.relate(other, node, limit);
            }
            (Comparison::Equal, _) => {
                self.relate(node, Comparison::AtMost, side);
                self.relate(node, Comparison::AtLeast, side);
            }
            (Comparison::Unequal, Side::Value(value)) => self.excluded.push((node, value)),
            // Which of the two is the greater one is not known.
            (Comparison::Unequal, Side::Node(_)) => {}
        }
    }

    /// The least and the greatest figure of all players, parties or teams.
    fn range(&mut self, place: usize, (per, of): (Scope, Aggregate)) -> Option<Range> {
        let whole = self.whole(place, None)?;
        let per = self.scope(per);
        if per == Scope::Player {
            let (low, high) = (whole.min, whole.max);
            return Some(Range { low, high });
        }
        let known = |(at, with, by, _): &&(usize, Scope, Aggregate, Range)| {
            (*at, *with, *by) == (place, per, of)
        };
        if let Some((.., range)) = self.ranges.iter().find(known) {
            return Some(*range);
        }
        let teams = self.teams(place, None);
        let range = match per {
            Scope::Party => range_of_parties(&mut self.system, &teams, &whole, of),
            _ => range_of_teams(&mut self.system, &teams, &whole, of),
        };
        let others = self.ranges.iter();
        let mut others = others.filter(|(at, _, by, _)| (*at, *by) == (place, of));
        // What teams have lies between what parties have; a sum does not.
        if let Some((.., other)) = others.next().filter(|_| of != Aggregate::Sum) {
            let (teams, parties) = match per {
                Scope::Party => (*other, range),
                _ => (range, *other),
            };
            let nothing = Limit::at_most(0.0);
            self.system.relate(parties.low, teams.low, nothing);
            self.system.relate(teams.high, parties.high, nothing);
        }
        self.ranges.push((place, per, of, range));
        Some(range)
    }

    /// The two ends of such figures are related: of what is answered the first is at most the second plus a limit.
    fn spread(
        &mut self,
        read: &Reading,
        of_what: (Scope, Aggregate),
        relation: &dyn Fn(Node, Node) -> (Node, Node, Limit),
    ) {
        let place = self.place(read);
        let Some(range) = place.and_then(|place| self.range(place, of_what)) else {
            return;
        };
        let (a, b, by) = relation(range.low, range.high);
        self.system.relate(a, b, by);
    }

    /// A rule holds.
    fn demand(&mut self, kind: &RuleKind) {
        match kind {
            RuleKind::Distance { read, per, of, max } => {
                self.spread(read, (*per, *of), &|low, high| {
                    (high, low, Limit::at_most(*max))
                });
            }
            RuleKind::Balance { read, of, max } => {
                self.spread(read, (Scope::Team, *of), &|low, high| {
                    (high, low, Limit::about(*max))
                });
            }
            RuleKind::Equal { read, per } => self.sameness(read, *per, true),
            RuleKind::Different { read, per } => self.sameness(read, *per, false),
            RuleKind::Compare { .. } => self.compare(kind),
            _ => {}
        }
    }

    /// All players of a match, or of each team, have the same number, or no two of them.
    fn sameness(&mut self, read: &Reading, per: Scope, is_equal: bool) {
        let Some(place) = self.place(read) else {
            return;
        };
        let mut units = Vec::new();
        // Whom a whole match tells apart each of its teams does too, and whom it makes the same.
        if per != Scope::Match || !is_equal {
            units = self.teams(place, None);
        }
        if per == Scope::Match {
            units.extend(self.whole(place, None));
        }
        for unit in units {
            if is_equal {
                self.system.relate(unit.max, unit.min, Limit::at_most(0.0));
            } else if unit.least >= 2.0 {
                self.system.relate(unit.min, unit.max, Limit::below(0.0));
            }
        }
    }

    fn compare(&mut self, kind: &RuleKind) {
        let RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } = kind
        else {
            return;
        };
        let (Some(place), per) = (self.place(read), self.scope(*per)) else {
            return;
        };
        match with {
            Operand::Number(value) => self.compare_value(place, (per, *of, *team), *by, *value),
            Operand::Reading(other) => {
                if let Some(other) = self.place(other) {
                    self.compare_other(place, other, (per, *of, *team), *by);
                }
            }
            Operand::Text(_) => {}
        }
        self.convince(place, (per, *of, *team), *by, with);
    }

    fn compare_value(
        &mut self,
        place: usize,
        (per, of, team): (Scope, Aggregate, Option<usize>),
        by: Comparison,
        value: f64,
    ) {
        let side = Side::Value(value);
        if per == Scope::Match {
            if let Some(whole) = self.whole(place, None) {
                self.relate(whole.figure(of), by, side);
            }
            return;
        }
        let is_of_all = per == Scope::Party && team.is_none();
        let range = is_of_all.then(|| self.range(place, (per, of))).flatten();
        if let Some(range) = range {
            // Each end is the figure of a party.
            for end in [range.low, range.high] {
                self.relate(end, by, side);
            }
        }
        for unit in self.teams(place, team) {
            match (per, by) {
                (Scope::Player, _) => {
                    self.relate(unit.min, by, side);
                    self.relate(unit.max, by, side);
                }
                (Scope::Party, Comparison::Unequal) => {}
                (Scope::Party, _) if of == Aggregate::Sum => self.party_sum(unit, by, value),
                // The figure of a team lies between those of its parties, or is one of them.
                _ => self.relate(unit.figure(of), by, side),
            }
        }
    }

    /// The numbers of each party of a team sum up to this.
    fn party_sum(&mut self, unit: Unit, by: Comparison, value: f64) {
        let parties = (unit.least / f64::from(self.world.party_most)).ceil();
        // Of at most so many and of at least so many parties, as many as demand the least.
        let many = |is_upper: bool| match (value >= 0.0) == is_upper {
            true => unit.most,
            false => parties,
        };
        if by != Comparison::Greater && by != Comparison::AtLeast {
            let upper = match by {
                Comparison::Less => Limit::below(value),
                _ => Limit::at_most(value),
            };
            self.system.cap(unit.sum, upper.times(many(true)));
        }
        if by != Comparison::Less && by != Comparison::AtMost {
            let lower = match by {
                Comparison::Greater => Limit::below(-value),
                _ => Limit::at_most(-value),
            };
            self.system.floor(unit.sum, lower.times(many(false)));
        }
    }

    fn compare_other(
        &mut self,
        place: usize,
        other: usize,
        (per, of, team): (Scope, Aggregate, Option<usize>),
        by: Comparison,
    ) {
        let figures: &[Aggregate] = match (per, of) {
            (Scope::Player, _) => &AGGREGATES,
            // Both are made of as many players.
            (_, Aggregate::Mean | Aggregate::Sum) => &[Aggregate::Mean, Aggregate::Sum],
            (_, Aggregate::Min) => &[Aggregate::Min],
            (_, Aggregate::Max) => &[Aggregate::Max],
        };
        let teams = match per {
            Scope::Match => Vec::new(),
            _ => self.teams(place, team),
        };
        let others = self.teams(other, team);
        let mut pairs: Vec<(Unit, Unit)> = teams.into_iter().zip(others).collect();
        if team.is_none() {
            pairs.extend(self.whole(place, None).zip(self.whole(other, None)));
        }
        for (own, other) in pairs {
            for &figure in figures {
                let side = Side::Node(other.figure(figure));
                self.relate(own.figure(figure), by, side);
            }
        }
    }

    /// Whoever must be there keeps a rule that speaks of him.
    fn convince(
        &mut self,
        place: usize,
        (per, of, team): (Scope, Aggregate, Option<usize>),
        by: Comparison,
        with: &Operand,
    ) {
        let other = match with {
            Operand::Reading(other) => self.place(other),
            _ => None,
        };
        let mut figures = Vec::new();
        for witness in &self.witnesses {
            let is_asked = team.is_none() || team == witness.team;
            let is_alike = witness.per == per && (per == Scope::Player || witness.of == of);
            // What holds player by player holds for what is made of their numbers.
            let is_made_of = per == Scope::Player && other.is_some() && by != Comparison::Unequal;
            if is_asked && (is_alike || is_made_of) {
                let own = witness.figures[place];
                figures.push((own, other.map(|other| witness.figures[other])));
            }
        }
        for (own, other) in figures {
            match (with, other) {
                (Operand::Number(value), _) => self.relate(own, by, Side::Value(*value)),
                (_, Some(other)) => self.relate(own, by, Side::Node(other)),
                _ => {}
            }
        }
    }

    /// A rule does not hold.
    fn refuse(&mut self, kind: &RuleKind) {
        match kind {
            RuleKind::Distance { read, per, of, max } => {
                self.spread(read, (*per, *of), &|low, high| {
                    (low, high, Limit::below(-*max))
                });
            }
            RuleKind::Balance { read, of, max } => {
                self.spread(read, (Scope::Team, *of), &|low, high| {
                    (low, high, Limit::below(-*max))
                });
            }
            RuleKind::Equal { read, .. } => {
                self.spread(read, (Scope::Player, Aggregate::Mean), &|low, high| {
                    (low, high, Limit::below(0.0))
                });
            }
            RuleKind::Compare { .. } => self.refuse_compare(kind),
            _ => {}
        }
    }

    fn refuse_compare(&mut self, kind: &RuleKind) {
        let RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } = kind
        else {
            return;
        };
        let (Some(place), per, by) = (self.place(read), self.scope(*per), negated(*by)) else {
            return;
        };
        let other = match with {
            Operand::Reading(other) => self.place(other),
            _ => None,
        };
        let is_one = per == Scope::Match
            || per == Scope::Team && (team.is_some() || self.world.teams.len() == 1);
        if is_one {
            match (with, other) {
                (Operand::Number(value), _) => {
                    self.compare_value(place, (per, *of, *team), by, *value);
                }
                (_, Some(other)) => self.compare_other(place, other, (per, *of, *team), by),
                _ => {}
            }
            return;
        }
        let figures = self.witness(per, *of, *team);
        let own = figures[place];
        match (with, other) {
            (Operand::Number(value), _) => self.relate(own, by, Side::Value(*value)),
            (_, Some(other)) => self.relate(own, by, Side::Node(figures[other])),
            _ => {}
        }
        self.witnesses.push(Witness {
            per,
            of: *of,
            team: *team,
            figures,
        });
    }

    /// The figures of somebody of the match, or of a team.
    fn witness(&mut self, per: Scope, of: Aggregate, team: Option<usize>) -> Vec<Node> {
        let places = 0..self.readings.len();
        let of_one = per == Scope::Player || of != Aggregate::Sum;
        let figures = places.map(|place| {
            let Some(whole) = self.whole(place, team) else {
                return self.system.add(f64::MAX);
            };
            if !of_one {
                return self.system.add(whole.most * NUMBER_ABS_MAX);
            }
            let figure = self.system.add(NUMBER_ABS_MAX);
            self.system.relate(whole.min, figure, Limit::at_most(0.0));
            self.system.relate(figure, whole.max, Limit::at_most(0.0));
            figure
        });
        let figures: Vec<Node> = figures.collect();
        for (place, &figure) in figures.iter().enumerate() {
            if let Some(range) = self.range(place, (per, of)) {
                self.system.relate(range.low, figure, Limit::at_most(0.0));
                self.system.relate(figure, range.high, Limit::at_most(0.0));
            }
        }
        figures
    }

    fn solve(&mut self) -> Result<(), Impossible> {
        if self.system.len() > NODES_MAX {
            return Ok(());
        }
        self.system.go_round()?;
        for _ in 0..ROUNDS_MAX {
            self.system.settle()?;
            let mut is_news = false;
            for &(node, value) in &self.excluded {
                is_news |= self.system.exclude(node, value);
            }
            for &(place, per, of, range) in &self.ranges {
                if per == Scope::Team {
                    let teams = self.units[place].iter().take(self.world.teams.len());
                    let figures: Vec<Node> = teams.map(|unit| unit.figure(of)).collect();
                    is_news |= enclose(&mut self.system, &figures, range);
                }
            }
            for units in &self.units {
                for unit in units {
                    is_news |= pass_on(&mut self.system, unit);
                }
                if let [teams @ .., whole] = units.as_slice()
                    && teams.len() > 1
                {
                    is_news |= gather(&mut self.system, teams, whole);
                }
            }
            if !is_news {
                return Ok(());
            }
        }
        self.system.settle()
    }
}
