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
