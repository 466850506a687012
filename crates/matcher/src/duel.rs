//! The short way to a match of two parties, where each distance and size is known to do: the oldest of those nearby.

use crate::entry::{Entry, RegionId};
use crate::gather::Candidate;
use crate::pool::{Slot, bit, plays_in};
use crate::search::{Found, Scene, worst_ms};
use crate::teams::Split;
use crate::wishes::Score;

/// Whether every match of a queue is two parties of one size on two teams alike, and no rule asks more of it than that
/// its parties accept each other.
pub(crate) fn is_duel(scene: Scene<'_>) -> bool {
    let plan = &scene.queue.plan;
    scene.queue.sizes.are_pairs() && plan.is_simple() && plan.twins.iter().all(|t| t.len() == 2)
}

/// The match with the oldest of the candidates: what the search for any number of parties would find.
///
/// `None` where that has to be asked: nobody of the size is there, or some party may play anywhere and another not.
pub(crate) fn duel(
    scene: Scene<'_>,
    slot: Slot,
    own: &Entry,
    candidates: &[Candidate],
) -> Option<Found> {
    if candidates.iter().any(|c| c.anywhere != own.anywhere) {
        return None;
    }
    let alike = candidates.iter().filter(|c| c.players == own.players);
    let placed = alike.filter_map(|c| Some((c, region(scene, own, c)?)));
    let (candidate, region) = placed.min_by_key(|(c, _)| scene.entries.age_key(c.slot))?;
    let other = scene.entries.at(candidate.slot);
    let strength = |entry: &Entry| entry.sums.first().copied().unwrap_or(0.0);
    let stronger = strength(other).total_cmp(&strength(own)).is_gt();
    let players = f64::from(own.players.max(1));
    let sums = own.sums.iter().zip(&other.sums);
    Some(Found {
        slots: vec![slot, candidate.slot],
        split: Split {
            score: Score::default(),
            team_of: if stronger { vec![1, 0] } else { vec![0, 1] },
            gaps: sums
                .map(|(a, b)| (a / players - b / players).abs())
                .collect(),
            spread: 0,
        },
        region,
    })
}

/// The region that is best for both; `None`: there is none.
fn region(scene: Scene<'_>, own: &Entry, candidate: &Candidate) -> Option<Option<RegionId>> {
    if own.anywhere {
        return Some(None);
    }
    let plan = &scene.queue.plan;
    let other = scene.entries.at(candidate.slot);
    let level = plan.level(own.level);
    let near = own.pings.iter().filter(|ping| {
        candidate.mask & bit(ping.region) != 0
            && level.is_near(ping)
            && plays_in(plan, other, Some(ping.region))
    });
    let best = near.min_by_key(|ping| worst_ms([own, other], Some(ping.region)))?;
    Some(Some(best.region))
}
