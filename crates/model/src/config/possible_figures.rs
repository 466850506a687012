//! The least, the greatest, the mean and the sum of the numbers of a group of players, and what each says of the others.

use super::differences::{Differences, Limit, Node};
use crate::queue::{Aggregate, NUMBER_ABS_MAX};

/// The figures of one number of the players of a team, or of the match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub min: Node,
    pub max: Node,
    pub mean: Node,
    pub sum: Node,
    /// Players, at least and at most.
    pub least: f64,
    pub most: f64,
}

impl Unit {
    /// One of the four.
    pub fn figure(&self, of: Aggregate) -> Node {
        match of {
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Mean => self.mean,
            Aggregate::Sum => self.sum,
        }
    }
}

/// The least and the greatest of the figures of several groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub low: Node,
    pub high: Node,
}

/// The ends of a figure of all teams.
pub(super) fn range_of_teams(
    system: &mut Differences,
    teams: &[Unit],
    whole: &Unit,
    of: Aggregate,
) -> Range {
    let range = range(system, whole, of);
    let within = teams.iter().map(|team| team.figure(of));
    // The mean of all lies between the means.
    between(
        system,
        range,
        within.chain((of == Aggregate::Mean).then_some(whole.mean)),
    );
    // Teams of one have the numbers of their players.
    if teams.iter().all(|team| team.most <= 1.0) {
        reaches(system, range, whole, [true, true]);
    }
    range
}

/// The ends of a figure of all parties.
pub(super) fn range_of_parties(
    system: &mut Differences,
    teams: &[Unit],
    whole: &Unit,
    of: Aggregate,
) -> Range {
    let range = range(system, whole, of);
    // What a team has lies between what its parties have; how many parties a sum is made of is not known.
    if of != Aggregate::Sum {
        let units = teams.iter().chain([whole]);
        between(system, range, units.map(|unit| unit.figure(of)));
    }
    range
}

fn range(system: &mut Differences, whole: &Unit, of: Aggregate) -> Range {
    let magnitude = whole.most * NUMBER_ABS_MAX;
    let (low, high) = (system.add(magnitude), system.add(magnitude));
    let range = Range { low, high };
    system.relate(low, high, Limit::at_most(0.0));
    if of != Aggregate::Sum {
        system.relate(whole.min, low, Limit::at_most(0.0));
        system.relate(high, whole.max, Limit::at_most(0.0));
    }
    let is_end = [of == Aggregate::Min, of == Aggregate::Max];
    reaches(system, range, whole, is_end);
    range
}

/// The low end is the least number of all, or the high one the greatest.
fn reaches(system: &mut Differences, range: Range, whole: &Unit, [low, high]: [bool; 2]) {
    if low {
        system.relate(range.low, whole.min, Limit::at_most(0.0));
    }
    if high {
        system.relate(whole.max, range.high, Limit::at_most(0.0));
    }
}

fn between(system: &mut Differences, range: Range, figures: impl Iterator<Item = Node>) {
    for figure in figures {
        system.relate(range.low, figure, Limit::at_most(0.0));
        system.relate(figure, range.high, Limit::at_most(0.0));
    }
}

/// The ends of figures are two of them.
pub(super) fn enclose(system: &mut Differences, figures: &[Node], range: Range) -> bool {
    let uppers = figures.iter().map(|&figure| system.upper(figure));
    let lowers = figures.iter().map(|&figure| system.lower(figure));
    let ends = uppers
        .reduce(Limit::looser)
        .zip(lowers.reduce(Limit::looser));
    ends.is_some_and(|(high, low)| system.cap(range.high, high) | system.floor(range.low, low))
}

/// The figures of a group of players.
pub(super) fn unit(system: &mut Differences, least: f64, most: f64) -> Unit {
    let unit = Unit {
        min: system.add(NUMBER_ABS_MAX),
        max: system.add(NUMBER_ABS_MAX),
        mean: system.add(NUMBER_ABS_MAX),
        sum: system.add(most * NUMBER_ABS_MAX),
        least,
        most,
    };
    system.relate(unit.min, unit.mean, Limit::at_most(0.0));
    system.relate(unit.mean, unit.max, Limit::at_most(0.0));
    if most <= 1.0 {
        system.same(unit.min, unit.max);
        system.same(unit.mean, unit.sum);
    }
    unit
}

/// Between the sum, the mean and the ends of one group.
pub(super) fn pass_on(system: &mut Differences, unit: &Unit) -> bool {
    let ends = |limit: &dyn Fn(f64) -> Limit| limit(unit.least).looser(limit(unit.most));
    // One player has the number at one end, all others at most that at the other.
    let spread = |one: Limit, others: Limit, n: f64| match n > 1.0 {
        true => one.plus(others.times(n - 1.0)),
        false => one,
    };
    let (mean, sum) = (system.upper(unit.mean), system.upper(unit.sum));
    let (min, max) = (system.upper(unit.min), system.upper(unit.max));
    let mut is_news = system.cap(unit.sum, ends(&|n| mean.times(n)));
    is_news |= system.cap(unit.sum, ends(&|n| spread(min, max, n)));
    is_news |= system.cap(unit.mean, ends(&|n| sum.over(n)));
    is_news |= system.cap(unit.mean, ends(&|n| spread(min, max, n).over(n)));
    let (mean, sum) = (system.lower(unit.mean), system.lower(unit.sum));
    let (min, max) = (system.lower(unit.min), system.lower(unit.max));
    is_news |= system.floor(unit.sum, ends(&|n| mean.times(n)));
    is_news |= system.floor(unit.sum, ends(&|n| spread(max, min, n)));
    is_news |= system.floor(unit.mean, ends(&|n| sum.over(n)));
    is_news | system.floor(unit.mean, ends(&|n| spread(max, min, n).over(n)))
}

/// Between the teams and the match.
pub(super) fn gather(system: &mut Differences, teams: &[Unit], whole: &Unit) -> bool {
    let mut is_news = false;
    let loosest = |limits: &mut dyn Iterator<Item = Limit>| limits.reduce(Limit::looser);
    let upper = |system: &Differences, of: fn(&Unit) -> Node| {
        loosest(&mut teams.iter().map(|team| system.upper(of(team))))
    };
    let lower = |system: &Differences, of: fn(&Unit) -> Node| {
        loosest(&mut teams.iter().map(|team| system.lower(of(team))))
    };
    if let Some(limit) = upper(system, |team| team.max) {
        is_news |= system.cap(whole.max, limit);
    }
    if let Some(limit) = lower(system, |team| team.min) {
        is_news |= system.floor(whole.min, limit);
    }
    if let Some(limit) = upper(system, |team| team.mean) {
        is_news |= system.cap(whole.mean, limit);
    }
    if let Some(limit) = lower(system, |team| team.mean) {
        is_news |= system.floor(whole.mean, limit);
    }
    let highs: Vec<Limit> = teams.iter().map(|team| system.upper(team.sum)).collect();
    let lows: Vec<Limit> = teams.iter().map(|team| system.lower(team.sum)).collect();
    let all = |limits: &[Limit], but: Option<usize>| {
        let others = limits.iter().enumerate();
        let others = others.filter(|(index, _)| Some(*index) != but);
        others.fold(Limit::at_most(0.0), |sum, (_, limit)| sum.plus(*limit))
    };
    is_news |= system.cap(whole.sum, all(&highs, None));
    is_news |= system.floor(whole.sum, all(&lows, None));
    let (high, low) = (system.upper(whole.sum), system.lower(whole.sum));
    for (index, team) in teams.iter().enumerate() {
        // What the others have at least is not left for this one.
        is_news |= system.cap(team.sum, high.plus(all(&lows, Some(index))));
        is_news |= system.floor(team.sum, low.plus(all(&highs, Some(index))));
    }
    is_news
}
