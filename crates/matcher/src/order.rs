//! The order in which a search tries tickets where the queue names one: `sort`.

use model::queue::SortOrder;

use crate::gather::{Gathered, NearKey, Seeker, candidate};
use crate::plan::Plan;
use crate::pool::{SkillKey, Slot, order_bits};
use crate::sorted::Spot;

/// Of those whom the order puts first so many are candidates, however far they are from who searches.
const FIRST_MAX: usize = 64;
/// Tickets looked at for them when a search begins; a search that has found nothing looks farther.
const LOOKED_AT: u32 = 512;
/// It looks at up to `LOOKED_AT << DOUBLINGS_MAX`.
const DOUBLINGS_MAX: u32 = 6;

/// Where a ticket with this number stands in the order of a search: the lesser the earlier.
pub(crate) fn near_key(plan: &Plan, own: f64, (skill, seq): (f64, u64)) -> NearKey {
    let first = match plan.order {
        SortOrder::Nearest => (own - skill).abs().to_bits(),
        SortOrder::Ascending => order_bits(skill),
        SortOrder::Descending => !order_bits(skill),
    };
    (first, seq)
}

/// Adds those whom the order puts first to the candidates, and puts all of them in order.
pub(crate) fn arrange(seeker: Seeker<'_>, out: &mut Gathered) {
    let plan = &seeker.queue.plan;
    if plan.order == SortOrder::Nearest {
        return;
    }
    let own = seeker.entry.skill();
    let level = plan.level(seeker.entry.level).distance.first();
    let limit = level.copied().unwrap_or(f64::INFINITY);
    let (order, up) = (&seeker.pool.by_skill, plan.order == SortOrder::Ascending);
    let mut spot = order.spot(&match up {
        true => SkillKey::new(own - limit, 0),
        false => SkillKey::new(own + limit, u64::MAX),
    });
    let (mut first, mut left) = (0, LOOKED_AT << seeker.widened.min(DOUBLINGS_MAX));
    'walk: loop {
        let step: Option<(Vec<Slot>, Spot)> = match up {
            true => order
                .up(spot, u128::MAX)
                .map(|(items, next)| (items.map(|(_, place)| place.slot).collect(), next)),
            false => order
                .down(spot, u128::MAX)
                .map(|(items, next)| (items.rev().map(|(_, place)| place.slot).collect(), next)),
        };
        let Some((slots, next)) = step else { break };
        spot = next;
        for slot in slots {
            if first == FIRST_MAX || left == 0 {
                break 'walk;
            }
            left -= 1;
            out.looked_at += 1;
            if slot == seeker.slot {
                continue;
            }
            if out.candidates.iter().any(|c| c.slot == slot) {
                first += 1;
            } else if let Some(found) = candidate(seeker, slot) {
                first += 1;
                out.candidates.push(found);
            }
        }
    }
    for candidate in &mut out.candidates {
        candidate.near = near_key(plan, own, (candidate.skill, candidate.near.1));
    }
}
