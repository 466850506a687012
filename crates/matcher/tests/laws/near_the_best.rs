//! Matches of small pools are nearly the best that there are.

use crate::quality::{Coming, Judge, measure};

/// Within 5 % of the best, on average: the gap beside the best match with the same two oldest tickets, the balance
/// beside the best split.
#[test]
fn matches_of_small_pools_are_within_5_percent_of_the_best() {
    for coming in [Coming::Arriving, Coming::Opening] {
        let quality = measure(coming, 300, 7, Judge::Exhaustive);
        assert!(quality.matches > 100, "{quality:?}");
        let unjudged = measure(coming, 300, 7, Judge::Nobody);
        assert_eq!(unjudged.matches, quality.matches);
        assert!(quality.gap_loss() <= 0.05, "{coming:?}: {quality:?}");
        assert!(quality.balance_loss() <= 0.05, "{coming:?}: {quality:?}");
    }
}
