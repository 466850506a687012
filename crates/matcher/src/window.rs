//! Whether a set of tickets can still grow into a match by distance and party sizes: a sliding window by skill.

use crate::plan::{Counts, Sizes, count};

/// A ticket as the window sees it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// The number of the first distance rule.
    pub skill: f64,
    /// Its own limit of that rule.
    pub limit: f64,
    pub players: u16,
}

/// What stands already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base {
    pub low: f64,
    pub high: f64,
    /// The tightest limit.
    pub limit: f64,
    pub counts: Counts,
    pub players: u32,
}

/// So many are looked at without a box for them.
const INLINE: usize = 32;

/// Whether some of `rest` can join so that the teams are filled and every ticket's limit spans them all.
///
/// Exact where the listed sizes decide (see [`Sizes`]); otherwise a necessary condition. Each of `rest` alone
/// must be acceptable to what stands. O(n log n), and O(n) for each different limit.
pub(crate) fn can_grow(
    sizes: &Sizes,
    base: Base,
    rest: impl Iterator<Item = Seen> + Clone,
) -> bool {
    let (mut low, mut high, mut limit) = (base.low, base.high, base.limit);
    let (mut more, mut players) = (Counts::default(), base.players);
    let mut n = 0;
    for seen in rest.clone() {
        low = low.min(seen.skill);
        high = high.max(seen.skill);
        limit = limit.min(seen.limit);
        count(&mut more, seen.players);
        players += u32::from(seen.players);
        n += 1;
    }
    if !sizes.can_fill(&base.counts, &more, players) {
        return false;
    }
    if high - low <= limit {
        return true;
    }
    let mut inline = [Seen::default(); INLINE];
    let mut boxed = Vec::new();
    let rest = match inline.get_mut(..n) {
        Some(inline) => {
            inline
                .iter_mut()
                .zip(rest)
                .for_each(|(place, seen)| *place = seen);
            inline
        }
        None => {
            boxed.extend(rest);
            &mut boxed
        }
    };
    rest.sort_unstable_by(|a, b| a.skill.total_cmp(&b.skill));
    // Each different limit once, from the tightest on.
    let mut done = f64::NEG_INFINITY;
    loop {
        let limits = rest.iter().map(|seen| seen.limit.min(base.limit));
        let next = limits.filter(|&limit| limit > done);
        let limit = next.fold(f64::INFINITY, f64::min);
        if any_window(sizes, base, limit, rest) {
            return true;
        }
        if limit == f64::INFINITY || limit >= base.limit {
            return false;
        }
        done = limit;
    }
}

/// Slides a window of width `limit` that always covers what stands over those of `rest`, ordered by skill, whose own
/// limit is no less.
fn any_window(sizes: &Sizes, base: Base, limit: f64, rest: &[Seen]) -> bool {
    let (mut in_window, mut players) = ([0_u32; 16], base.players);
    let mut end = 0;
    // A window that only lost tickets since the last look needs no other one.
    let mut unseen = true;
    for first in rest.iter().filter(|seen| seen.limit >= limit) {
        let from = first.skill.min(base.low);
        while let Some(seen) = rest.get(end).filter(|s| s.skill - from <= limit) {
            end += 1;
            if seen.limit < limit {
                continue;
            }
            players += u32::from(seen.players);
            if let Some(n) = in_window.get_mut(usize::from(seen.players) - 1) {
                *n += 1;
            }
            unseen = true;
        }
        if unseen && base.high - from <= limit {
            let counts: Counts = in_window.map(|n| u8::try_from(n).unwrap_or(u8::MAX));
            if sizes.can_fill(&base.counts, &counts, players) {
                return true;
            }
            unseen = false;
        }
        if first.skill > base.low {
            return false;
        }
        players -= u32::from(first.players);
        if let Some(n) = in_window.get_mut(usize::from(first.players) - 1) {
            *n -= 1;
        }
    }
    // What stands by itself, where all of the rest are below it.
    base.high - base.low <= limit && sizes.can_fill(&base.counts, &Counts::default(), base.players)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::queue::{Queue, TeamSettings};

    use super::*;
    use crate::plan::Plan;

    #[test]
    fn what_fills_the_teams_by_itself_can_grow_whoever_is_too_far_below() {
        let team = |name: &str| TeamSettings::new(name.parse().expect("a name"), 2, 3);
        let teams = vec![team("red"), team("blue")];
        let queue = Queue::new("q".parse().expect("a name"), teams);
        let sizes = Sizes::new(&Plan::new(Arc::new(queue)));
        let mut counts = Counts::default();
        for players in [1, 1, 2] {
            count(&mut counts, players);
        }
        let base = Base {
            low: 100.0,
            high: 137.0,
            limit: 46.0,
            counts,
            players: 4,
        };
        let afar = Seen {
            skill: 60.0,
            limit: 200.0,
            players: 1,
        };
        assert!(can_grow(&sizes, base, [].into_iter()));
        assert!(can_grow(&sizes, base, [afar].into_iter()));
        let too_wide = Base {
            limit: 30.0,
            ..base
        };
        assert!(!can_grow(&sizes, too_wide, [afar].into_iter()));
    }
}
