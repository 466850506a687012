//! Matches of small pools are nearly the best that there are.

use proptest::prelude::*;

use crate::quality::{Coming, Judge, measure};
use crate::random::cases;
use crate::world::{QueueExt, World, queue, ticket};

/// The gap is the least of any match with the same two oldest tickets, and within 5 % on average of the least with the
/// same oldest; the balance is that of the best split.
#[test]
fn matches_of_small_pools_are_within_5_percent_of_the_best() {
    for coming in [Coming::Arriving, Coming::Opening] {
        let quality = measure(coming, 300, 7, Judge::Exhaustive);
        assert!(quality.matches > 100, "{quality:?}");
        let unjudged = measure(coming, 300, 7, Judge::Nobody);
        assert_eq!(unjudged.matches, quality.matches);
        assert!(quality.gap_loss() <= 1e-9, "{coming:?}: {quality:?}");
        let of_oldest = quality.gap_loss_of_oldest();
        assert!(of_oldest <= 0.05, "{coming:?}: {quality:?}");
        assert!(quality.balance_loss() <= 0.05, "{coming:?}: {quality:?}");
    }
}

/// The least difference of the means of two full teams, over every split; `None`: there is none.
fn best_balance(parties: &[Vec<f64>], size: usize) -> Option<f64> {
    let splits = (0_u32..1 << parties.len()).filter_map(|bits| {
        let (mut players, mut sum, mut all) = (0, 0.0, 0.0);
        for (n, party) in parties.iter().enumerate() {
            let of_party: f64 = party.iter().sum();
            all += of_party;
            if bits & (1 << n) != 0 {
                players += party.len();
                sum += of_party;
            }
        }
        (players == size).then(|| ((all - sum) - sum).abs() / size as f64)
    });
    splits.reduce(f64::min)
}

proptest! {
    #![proptest_config(cases(300))]

    /// Two teams of up to six are as equal as any split makes them, and are split wherever that can be.
    #[test]
    fn two_teams_of_up_to_six_are_balanced_as_well_as_they_can_be(
        size in 2_usize..=6,
        drafts in prop::collection::vec(prop::collection::vec(0_u16..3_000, 1..=4), 12),
    ) {
        let mut parties: Vec<Vec<f64>> = Vec::new();
        let mut free = 2 * size;
        for draft in drafts {
            let players = draft.len().min(free).min(size);
            free -= players;
            if players > 0 {
                parties.push(draft.into_iter().take(players).map(f64::from).collect());
            }
        }
        let seats = (size as u16, size as u16);
        let mut world = World::new(queue(&[seats, seats]).balance("skill", 1e9));
        world.exhaustive = false;
        let mut found = Vec::new();
        for (id, party) in (1..).zip(&parties) {
            prop_assert!(found.is_empty(), "too few for a match");
            found = world.add(ticket(id, 0, party));
        }
        prop_assert_eq!(free, 0);
        let made = found.first().map(|found| found.figures.balance_gap);
        match (made, best_balance(&parties, size)) {
            (Some(made), Some(best)) => prop_assert!((made - best).abs() < 1e-6, "{made}, best {best}"),
            (made, best) => prop_assert_eq!(made, best),
        }
    }
}
