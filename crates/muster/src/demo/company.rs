//! Who plays once more, so that parties that fit into no match by themselves can be completed. Pure.

/// Players of a team.
const TEAM: usize = 4;
/// Players of a match of two teams.
const MATCH: usize = 2 * TEAM;

/// A party that has played and could do so again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub party: usize,
    /// Players, one to four.
    pub size: usize,
    /// How far it is in skill from those who wait.
    pub distance: f64,
}

/// Who has to join the queue so that those who wait there for their first game (`first`: the sizes of their parties)
/// can be put into whole matches with those who wait to play once more (`again`); the fewest players, and of parties
/// of a size the nearest in skill. Nobody, if that is so already or cannot be reached.
///
/// As long as it can be helped those who play once more are too few for a match of their own, so that each match
/// brings somebody his first game; if not all who wait can be completed in this way, one party of them is.
pub(super) fn helpers(first: &[usize], again: &[usize], candidates: Vec<Candidate>) -> Vec<usize> {
    let at_hand = counts(candidates.iter().map(|candidate| candidate.size));
    let (all, queued) = (counts(first.iter().copied()), counts(again.iter().copied()));
    let few = MATCH - 1;
    let wanted = fewest(&all, &queued, &at_hand, few).or_else(|| {
        let one = |size: &usize| fewest(&counts([*size].into_iter()), &queued, &at_hand, few);
        let found = first.iter().filter_map(one);
        found.min_by_key(players)
    });
    match wanted.or_else(|| fewest(&all, &queued, &at_hand, usize::MAX)) {
        Some(wanted) => nearest(wanted, candidates),
        None => Vec::new(),
    }
}

/// The fewest players to add, by the sizes of their parties; they and those who play again are at most `few`.
fn fewest(
    first: &[usize; TEAM],
    again: &[usize; TEAM],
    at_hand: &[usize; TEAM],
    few: usize,
) -> Option<[usize; TEAM]> {
    let most = at_hand.map(|count| count.min(MATCH));
    let mut best: Option<[usize; TEAM]> = None;
    for ones in 0..=most[0] {
        for twos in 0..=most[1] {
            for threes in 0..=most[2] {
                for fours in 0..=most[3] {
                    let more = [ones, twos, threes, fours];
                    let all = std::array::from_fn(|at| first[at] + again[at] + more[at]);
                    let helping = players(again) + players(&more);
                    let is_best = best.is_none_or(|best| players(&more) < players(&best));
                    if fits(&all) && helping <= few && is_best {
                        best = Some(more);
                    }
                }
            }
        }
    }
    best
}

/// As many parties of each size, the nearest first.
fn nearest(mut wanted: [usize; TEAM], mut candidates: Vec<Candidate>) -> Vec<usize> {
    candidates.sort_by(|a, b| {
        let by_distance = a.distance.total_cmp(&b.distance);
        by_distance.then(a.party.cmp(&b.party))
    });
    let mut chosen = Vec::new();
    for candidate in candidates {
        let wanted = candidate
            .size
            .checked_sub(1)
            .and_then(|at| wanted.get_mut(at));
        if let Some(wanted @ 1..) = wanted {
            *wanted -= 1;
            chosen.push(candidate.party);
        }
    }
    chosen
}

/// How many parties there are of each size; one of another size than one to four is nobody's concern.
fn counts(sizes: impl Iterator<Item = usize>) -> [usize; TEAM] {
    let mut counts = [0; TEAM];
    for size in sizes {
        if let Some(count) = size.checked_sub(1).and_then(|at| counts.get_mut(at)) {
            *count += 1;
        }
    }
    counts
}

fn players(counts: &[usize; TEAM]) -> usize {
    counts
        .iter()
        .zip(1..)
        .map(|(count, size)| count * size)
        .sum()
}

/// Whether parties, by their sizes, can be put into teams of four and these into matches of two.
fn fits(counts: &[usize; TEAM]) -> bool {
    let [ones, twos, threes, _] = *counts;
    // Each three takes a one, and a two without a second one takes two; the ones that are left divide by four.
    let odd_two = 2 * (twos % 2);
    players(counts).is_multiple_of(MATCH) && ones >= threes + odd_two
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(first: &[usize], again: &[usize], resting: &[usize]) -> Vec<usize> {
        let candidates = resting.iter().enumerate().map(|(party, &size)| Candidate {
            party,
            size,
            distance: 100.0 - party as f64,
        });
        helpers(first, again, candidates.collect())
    }

    #[test]
    fn nobody_is_asked_when_those_who_wait_can_play() {
        assert_eq!(asked(&[4, 4], &[], &[1, 1]), [0; 0]);
        assert_eq!(asked(&[3, 1, 2, 1], &[1], &[1]), [0; 0]);
        assert_eq!(
            asked(&[3, 3], &[1, 4], &[1, 2, 4]),
            [0; 0],
            "one of the threes can"
        );
    }

    #[test]
    fn the_fewest_are_asked_and_the_nearest_first() {
        assert_eq!(asked(&[4, 3], &[], &[1, 1, 4, 3]), [1]);
        assert_eq!(asked(&[3], &[], &[1, 4, 2]), [1, 0]);
        assert_eq!(asked(&[3], &[2], &[1, 2, 1, 2]), [3, 2]);
    }

    #[test]
    fn those_who_play_again_are_too_few_for_a_match_of_their_own() {
        // Two threes and a two need two ones and six more players, which would be a match.
        assert_eq!(asked(&[3, 3, 2], &[], &[1, 1, 2, 4, 1, 1]), [5, 3]);
        assert_eq!(asked(&[3, 3, 3], &[], &[1, 1, 1, 4]), [3, 2, 1, 0]);
    }

    #[test]
    fn nobody_is_asked_in_vain() {
        assert_eq!(asked(&[3], &[], &[2, 2, 4]), [0; 0]);
        assert_eq!(asked(&[], &[1], &[]), [0; 0]);
    }
}
