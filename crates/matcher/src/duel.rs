//! The short way to a match of two parties, where each distance and size is known to do: the oldest of those nearby.

use crate::entry::{Entry, RegionId};
use crate::gather::{Candidate, Seeker, candidate};
use crate::pool::{Slot, bit};
use crate::search::{Found, Scene};
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
    let age = |c: &Candidate| scene.entries.age_key(c.slot);
    let mut oldest = alike.clone().min_by_key(|c| age(c))?;
    loop {
        // Where the two may play is asked of the oldest alone, as in most cases there is such a region.
        if let Some(region) = region(scene, own, oldest) {
            return Some(found(scene, slot, own, oldest, region));
        }
        let younger = alike.clone().filter(|c| age(c) > age(oldest));
        oldest = younger.min_by_key(|c| age(c))?;
    }
}

/// The same, if the pool's oldest ticket is the one: then nobody else needs to be looked at.
pub(crate) fn duel_with_oldest(scene: Scene<'_>, seeker: Seeker<'_>) -> Option<Found> {
    let (own, slot) = (seeker.entry, seeker.slot);
    let mut classes = seeker.pool.classes.iter();
    if own.anywhere && !classes.all(|(class, _)| class.anywhere) {
        return None;
    }
    let mut others = seeker.pool.by_age.iter(|slot| scene.entries.age_key(slot));
    let (_, oldest) = others.find(|&(_, other)| other != slot)?;
    let oldest = candidate(seeker, oldest)?;
    if oldest.anywhere != own.anywhere || oldest.players != own.players {
        return None;
    }
    let region = region(scene, own, &oldest)?;
    Some(found(scene, slot, own, &oldest, region))
}

/// The match of these two.
fn found(
    scene: Scene<'_>,
    slot: Slot,
    own: &Entry,
    candidate: &Candidate,
    region: Option<RegionId>,
) -> Found {
    let other = scene.entries.at(candidate.slot);
    let strength = |entry: &Entry| entry.sums.first().copied().unwrap_or(0.0);
    let stronger = strength(other).total_cmp(&strength(own)).is_gt();
    let players = f64::from(own.players.max(1));
    let sums = own.sums.iter().zip(&other.sums);
    Found {
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
    }
}

/// The region that is best for both; `None`: there is none.
fn region(scene: Scene<'_>, own: &Entry, candidate: &Candidate) -> Option<Option<RegionId>> {
    if own.anywhere {
        return Some(None);
    }
    let plan = &scene.queue.plan;
    let other = scene.entries.at(candidate.slot);
    let (level, level_of_other) = (plan.level(own.level), plan.level(other.level));
    let near = own
        .pings
        .iter()
        .filter(|ping| candidate.mask & bit(ping.region) != 0 && level.is_near(ping));
    let shared = near.filter_map(|ping| {
        let of_other = other.ping(ping.region)?;
        let worst_ms = ping.measured_ms().max(of_other.measured_ms());
        level_of_other
            .is_near(of_other)
            .then_some((worst_ms, ping.region))
    });
    let best = shared.min_by_key(|&(worst_ms, _)| worst_ms);
    best.map(|(_, region)| Some(region))
}
