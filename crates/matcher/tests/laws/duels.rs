//! One against one: the partner is the oldest whom both accept, the region the best for both.

use matcher::Match;
use model::Ticket;
use proptest::prelude::*;

use crate::random::cases;
use crate::world::{QueueExt, TicketExt, World, queue, ticket};

const REGIONS: [&str; 3] = ["ap", "eu", "us"];
/// The farthest apart that two may be in skill.
const WINDOW: u16 = 20;

/// Skill, and the round trip to each region that was measured.
type Duellist = (u16, [Option<u32>; 3]);

fn duellist(skills: u16) -> impl Strategy<Value = Duellist> {
    let ms = || prop::option::weighted(0.6, 10_u32..14);
    // Who measured nothing may play anywhere.
    let pings = prop_oneof![
        3 => [ms(), ms(), ms()],
        1 => Just([None; 3]),
    ];
    (0..skills, pings)
}

fn joins(id: u64, (skill, pings): Duellist) -> Ticket {
    let measured = REGIONS.into_iter().zip(pings);
    let pings: Vec<(&str, u32)> = measured.filter_map(|(r, ms)| Some((r, ms?))).collect();
    ticket(id, id as i64, &[f64::from(skill)]).pings(&pings)
}

/// The least of the longest round trips of any region where both may play; `Some(None)`: nobody measured any.
fn best_ms([a, b]: [Duellist; 2]) -> Option<Option<u32>> {
    let anywhere = |(_, pings): Duellist| pings == [None; 3];
    if anywhere(a) && anywhere(b) {
        return Some(None);
    }
    let plays = |who: Duellist, ms: Option<u32>| ms.is_some() || anywhere(who);
    let both = a.1.into_iter().zip(b.1);
    let both = both.filter(|&(x, y)| plays(a, x) && plays(b, y) && x.max(y).is_some());
    both.map(|(x, y)| x.max(y)).min()
}

proptest! {
    #![proptest_config(cases(300))]

    /// In pools of any size, whoever else is nearer.
    #[test]
    fn a_duel_is_fought_with_the_oldest_in_the_region_that_is_best_for_both(
        all in (1_u16..1_500).prop_flat_map(|skills| prop::collection::vec(duellist(skills), 1..80)),
    ) {
        let rules = queue(&[(1, 1), (1, 1)]).distance("skill", f64::from(WINDOW));
        let mut world = World::new(rules);
        world.exhaustive = false;
        let mut waiting: Vec<(u64, Duellist)> = Vec::new();
        for (id, own) in (1_u64..).zip(all) {
            world.now = id as i64;
            let found = world.add(joins(id, own));
            let partner = waiting.iter().position(|&(_, other)| {
                other.0.abs_diff(own.0) <= WINDOW && best_ms([own, other]).is_some()
            });
            let Some(at) = partner else {
                prop_assert!(found.is_empty(), "nobody accepts {own:?}: {found:?}");
                waiting.push((id, own));
                continue;
            };
            let (partner, other) = waiting.remove(at);
            let [Match { region, figures, .. }] = &found[..] else {
                panic!("{own:?} and {other:?} accept each other: {found:?}");
            };
            let both = [joins(id, own).id, joins(partner, other).id];
            prop_assert!(found[0].tickets().all(|ticket| both.contains(&ticket)));
            prop_assert_eq!(Some(figures.latency_worst_ms), best_ms([own, other]));
            let at = REGIONS.iter().position(|known| region.as_ref().is_some_and(|r| r.as_str() == *known));
            let there = at.and_then(|at| own.1[at].max(other.1[at]));
            prop_assert_eq!(there, figures.latency_worst_ms);
        }
    }
}
