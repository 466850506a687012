//! Rules that hold in every match that some tickets could make, so that they are not what keeps them from one.

use model::Timestamp;
use model::queue::RuleKind;

use crate::entry::Entry;
use crate::facts::Common;
use crate::plan::{Plan, nth_of_kind};

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
    let nth = nth_of_kind(&plan.queue, index, &rule.kind);
    match &rule.kind {
        RuleKind::Balance { .. } => {
            // The mean of a team is between those of its parties.
            let means = entries.iter().filter_map(|entry| {
                let sum = entry.sums.get(nth)?;
                Some(sum / f64::from(entry.players))
            });
            let limits = levels.filter_map(|level| plan.level(level).balance.get(nth).copied());
            are_within(means, limits)
        }
        RuleKind::Distance { .. } => {
            let nth = nth + plan.first_rule;
            let numbers = entries.iter();
            let numbers = numbers.filter_map(|entry| entry.numbers.get(nth).copied());
            let limits = levels.filter_map(|level| plan.level(level).distance.get(nth).copied());
            are_within(numbers, limits)
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

/// Whether all of these numbers lie within the least of these limits of each other.
fn are_within(numbers: impl Iterator<Item = f64>, limits: impl Iterator<Item = f64>) -> bool {
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = numbers.fold(none, |(low, high), x| (low.min(x), high.max(x)));
    high - low <= limits.fold(f64::INFINITY, f64::min)
}
