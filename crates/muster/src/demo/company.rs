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

/// The fewest players who have to join those in the queue (`sizes` of their parties) so that all of them can be
/// put into whole matches, the nearest in skill first; nobody if that is so already, `None` if there are not enough.
pub(super) fn helpers(
    sizes: impl Iterator<Item = usize>,
    mut candidates: Vec<Candidate>,
) -> Option<Vec<usize>> {
    let mut waiting = [0; TEAM];
    for size in sizes {
        *count_of(&mut waiting, size)? += 1;
    }
    let mut at_hand = [0; TEAM];
    for candidate in &candidates {
        *count_of(&mut at_hand, candidate.size)? += 1;
    }
    let most = |size: usize| at_hand[size - 1].min(MATCH);
    let mut best: Option<([usize; TEAM], usize)> = None;
    for ones in 0..=most(1) {
        for twos in 0..=most(2) {
            for threes in 0..=most(3) {
                for fours in 0..=most(4) {
                    let more = [ones, twos, threes, fours];
                    let all: [usize; TEAM] = std::array::from_fn(|at| waiting[at] + more[at]);
                    let players = players(&more);
                    if fits(&all) && best.is_none_or(|(_, fewest)| players < fewest) {
                        best = Some((more, players));
                    }
                }
            }
        }
    }
    let (mut wanted, _) = best?;
    candidates.sort_by(|a, b| {
        a.distance
            .total_cmp(&b.distance)
            .then(a.party.cmp(&b.party))
    });
    let mut chosen = Vec::new();
    for candidate in candidates {
        let wanted = count_of(&mut wanted, candidate.size)?;
        if *wanted > 0 {
            *wanted -= 1;
            chosen.push(candidate.party);
        }
    }
    Some(chosen)
}

/// The count of parties of a size; `None`: no party is that large.
fn count_of(counts: &mut [usize; TEAM], size: usize) -> Option<&mut usize> {
    counts.get_mut(size.checked_sub(1)?)
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

    fn asked(waiting: &[usize], resting: &[usize]) -> Option<Vec<usize>> {
        let candidates = resting.iter().enumerate().map(|(party, &size)| Candidate {
            party,
            size,
            distance: 100.0 - party as f64,
        });
        helpers(waiting.iter().copied(), candidates.collect())
    }

    #[test]
    fn nobody_is_asked_when_those_who_wait_can_play() {
        assert_eq!(asked(&[4, 4], &[1, 1]), Some(vec![]));
        assert_eq!(asked(&[3, 1, 2, 1, 1], &[1]), Some(vec![]));
        assert_eq!(asked(&[], &[1]), Some(vec![]));
    }

    #[test]
    fn the_fewest_are_asked_and_the_nearest_first() {
        assert_eq!(asked(&[4, 3], &[1, 1, 4, 3]), Some(vec![1]));
        assert_eq!(asked(&[3], &[1, 4, 2]), Some(vec![1, 0]));
        // Eight players, but two threes and a two make no teams.
        assert_eq!(asked(&[3, 3, 2], &[1, 1, 1, 4]), None);
        assert_eq!(asked(&[3, 3, 2], &[1, 1, 2, 4]), Some(vec![3, 2, 1, 0]));
    }

    #[test]
    fn nobody_is_asked_in_vain() {
        assert_eq!(asked(&[3], &[2, 2, 4]), None);
        assert_eq!(asked(&[9], &[2]), None);
    }
}
