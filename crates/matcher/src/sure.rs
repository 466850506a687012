//! Rules that hold in every match that some tickets could make, so that they are not what keeps them from one.

use model::Timestamp;
use model::queue::{Queue, RuleKind};

use crate::entry::Entry;
use crate::facts::Common;
use crate::finals::is_indexed;
use crate::plan::Plan;

/// Whether the rule at an index of the queue's holds in every match of the first of these tickets with some of the
/// others: only where that is seen at once. O(players · log players).
pub(crate) fn surely_holds(plan: &Plan, index: usize, entries: &[&Entry], now: Timestamp) -> bool {
    let levels = entries
        .iter()
        .map(|entry| plan.level_at(now.since(entry.created_at).0));
    if let Some(rule) = plan.finals.rule(index) {
        return plan.finals.surely_holds(rule, entries, levels);
    }
    let Some(rule) = plan.queue.rules.get(index) else {
        return true;
    };
    let nth = before(&plan.queue, index);
    match &rule.kind {
        RuleKind::Balance { .. } => {
            // The mean of a team is between those of its parties.
            let means = entries.iter().filter_map(|entry| {
                let sum = entry.sums.get(nth)?;
                Some(sum / f64::from(entry.players))
            });
            let none = (f64::INFINITY, f64::NEG_INFINITY);
            let (low, high) = means.fold(none, |(low, high), x| (low.min(x), high.max(x)));
            let limits = levels.filter_map(|level| plan.level(level).balance.get(nth).copied());
            high - low <= limits.fold(f64::INFINITY, f64::min)
        }
        RuleKind::Distance { .. } => {
            let nth = nth + plan.first_rule;
            let numbers = entries.iter().filter_map(|entry| entry.numbers.get(nth));
            let none = (f64::INFINITY, f64::NEG_INFINITY);
            let (low, high) = numbers.fold(none, |(low, high), x| (low.min(*x), high.max(*x)));
            let limits = levels.filter_map(|level| plan.level(level).distance.get(nth).copied());
            high - low <= limits.fold(f64::INFINITY, f64::min)
        }
        RuleKind::Intersect { .. } => {
            let Some((&(cell, min), (first, others))) =
                plan.intersect.get(nth).zip(entries.split_first())
            else {
                return false;
            };
            let mut common = Common::of(&first.facts, cell);
            others
                .iter()
                .for_each(|other| common.meet(&other.facts, cell));
            common.len() >= min
        }
        // Such as what the whole pool has in common.
        _ => true,
    }
}

/// How many rules of its kind that are kept by indexes stand before a rule.
fn before(queue: &Queue, index: usize) -> usize {
    let Some(rule) = queue.rules.get(index) else {
        return 0;
    };
    let same = std::mem::discriminant(&rule.kind);
    let before = queue.rules.iter().enumerate().take(index);
    before
        .filter(|(at, other)| {
            is_indexed(queue, *at, other) && std::mem::discriminant(&other.kind) == same
        })
        .count()
}
