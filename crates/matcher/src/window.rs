//! Whether a set of tickets can still grow into a match by distance and party sizes: a sliding window by skill.

use crate::plan::{Counts, Sizes, count};

/// A ticket as the window sees it.
#[derive(Debug, Clone, Copy)]
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

/// Whether some of `rest` can join so that the teams are filled and every ticket's limit spans them all.
///
/// Exact where the listed sizes decide (see [`Sizes`]); otherwise a necessary condition. Each of `rest` alone
/// must be acceptable to what stands. O(n log n) for each different limit.
pub(crate) fn can_grow(
    sizes: &Sizes,
    base: Base,
    rest: impl Iterator<Item = Seen> + Clone,
) -> bool {
    let (mut low, mut high, mut limit) = (base.low, base.high, base.limit);
    let (mut more, mut players) = (Counts::default(), base.players);
    for seen in rest.clone() {
        low = low.min(seen.skill);
        high = high.max(seen.skill);
        limit = limit.min(seen.limit);
        count(&mut more, seen.players);
        players += u32::from(seen.players);
    }
    if !sizes.can_fill(&base.counts, &more, players) {
        return false;
    }
    if high - low <= limit {
        return true;
    }
    let rest: Vec<Seen> = rest.collect();
    let mut limits: Vec<f64> = rest.iter().map(|seen| seen.limit.min(base.limit)).collect();
    limits.sort_unstable_by(f64::total_cmp);
    limits.dedup();
    limits.iter().any(|&limit| {
        let mut willing: Vec<Seen> = rest.iter().copied().filter(|s| s.limit >= limit).collect();
        willing.sort_unstable_by(|a, b| a.skill.total_cmp(&b.skill));
        any_window(sizes, base, limit, &willing)
    })
}

/// Slides a window of width `limit` that always covers what stands over `willing`, ordered by skill.
fn any_window(sizes: &Sizes, base: Base, limit: f64, willing: &[Seen]) -> bool {
    let (mut in_window, mut players) = ([0_u32; 16], base.players);
    let mut end = 0;
    // A window that only lost tickets since the last look needs no other one.
    let mut unseen = true;
    for first in willing {
        let from = first.skill.min(base.low);
        while let Some(seen) = willing.get(end).filter(|s| s.skill - from <= limit) {
            players += u32::from(seen.players);
            if let Some(n) = in_window.get_mut(usize::from(seen.players) - 1) {
                *n += 1;
            }
            end += 1;
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
    false
}
