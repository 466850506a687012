//! Waits that are estimated: what is known, what is not, and that those who still wait count.

use matcher::{
    Basis, CELLS_MAX, ENOUGH_OF_QUEUE, End, Estimator, STEP, WINDOW, Waiter, nearest_region,
};
use model::{Millis, Region, Timestamp};
use proptest::prelude::*;

const QUANTILES: [f64; 3] = [0.4, 0.5, 0.9];

fn region(name: &str) -> Region {
    name.parse().expect("a region")
}

fn waiter(region: &Region, players: u16, created_ms: i64) -> Waiter<'_> {
    Waiter {
        region: Some(region),
        players,
        created_at: Timestamp(created_ms),
    }
}

/// A number below 1 that looks random.
fn share(n: u64) -> f64 {
    let x = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A ticket each half second; each is matched after the wait that is given for its number, or never.
fn stream(
    estimator: &mut Estimator,
    region: &Region,
    tickets: u64,
    wait: impl Fn(u64) -> Option<u64>,
) -> i64 {
    let mut events: Vec<(i64, u64, bool)> = Vec::new();
    for n in 0..tickets {
        let created = n as i64 * 500;
        events.push((created, n, false));
        events.extend(wait(n).map(|ms| (created + ms as i64, n, true)));
    }
    events.sort_unstable();
    let last = (tickets as i64 - 1) * 500;
    for (at, n, ends) in events {
        let waiter = waiter(region, 1, n as i64 * 500);
        match ends {
            _ if at > last => break,
            true => estimator.ended(Timestamp(at), &waiter, End::Matched),
            false => {
                estimator.arrived(Timestamp(at), &waiter);
            }
        }
    }
    last
}

fn waits(estimator: &mut Estimator, now: i64, region: &Region, age: i64) -> Vec<Option<u64>> {
    let estimate = estimator.estimate(Timestamp(now), &waiter(region, 1, now - age));
    let expected = estimate.expect("enough is known").quantiles;
    expected
        .iter()
        .map(|one| one.wait.map(|wait| wait.0))
        .collect()
}

#[test]
fn nothing_is_promised_before_enough_were_matched() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    assert_eq!(estimator.estimate(Timestamp(0), &waiter(&eu, 1, 0)), None);
    for n in 0..i64::from(ENOUGH_OF_QUEUE) {
        let one = waiter(&eu, 1, n);
        assert_eq!(estimator.arrived(Timestamp(n), &one), [None; 3]);
        estimator.ended(Timestamp(n + 1), &one, End::Matched);
    }
    // The running step does not count yet.
    assert_eq!(estimator.estimate(Timestamp(20), &waiter(&eu, 1, 20)), None);
    let later = STEP.0 as i64;
    let known = estimator.estimate(Timestamp(later), &waiter(&eu, 1, later));
    assert_eq!(known.expect("enough").basis, Basis::Queue);
}

#[test]
fn quantiles_are_those_of_the_waits() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    // Evenly between 10 s and 60 s.
    let wait = |n| Some(10_000 + (share(n) * 50_000.0) as u64);
    let now = stream(&mut estimator, &eu, 4_000, wait);
    for (found, exact) in waits(&mut estimator, now, &eu, 0)
        .iter()
        .zip([30_000.0, 35_000.0, 55_000.0])
    {
        let found = found.expect("it is known") as f64;
        assert!(
            found > exact * 0.93 && found < exact * 1.17,
            "{found} for {exact}"
        );
    }
    let all = estimator.waits(&[0.5]);
    assert!(
        (all.matched_per_minute - 120.0).abs() < 6.0,
        "{}",
        all.matched_per_minute
    );
}

#[test]
fn a_queue_and_its_parts_divide_by_the_same_span() {
    let (eu, us) = (region("eu"), region("us"));
    let mut estimator = Estimator::new(&QUANTILES);
    // The queue is watched for five minutes before anybody of this region comes.
    let early = waiter(&us, 1, 0);
    estimator.arrived(Timestamp(0), &early);
    estimator.ended(Timestamp(1), &early, End::Gone);
    for n in 0..20_i64 {
        let at = 300_000 + n * 15_000;
        estimator.arrived(Timestamp(at), &waiter(&eu, 1, at));
        estimator.ended(Timestamp(at + 5), &waiter(&eu, 1, at), End::Matched);
    }
    estimator.advance(Timestamp(600_000));
    assert_eq!(estimator.waits(&[]).matched_per_minute, 2.0);
    let regions = estimator.by_region(&[]);
    let of = regions
        .iter()
        .find(|one| one.region.as_ref() == Some(&eu))
        .expect("its figures");
    assert_eq!(of.waits.matched_per_minute, 2.0);
    let parts: Vec<f64> = of
        .by_party
        .iter()
        .map(|(_, waits)| waits.matched_per_minute)
        .collect();
    assert_eq!(parts, [2.0]);
}

#[test]
fn who_still_waits_counts_against_optimism() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    // Every other one is never matched and says nothing; all matches that were made took ten seconds.
    let now = stream(&mut estimator, &eu, 4_000, |n| {
        n.is_multiple_of(2).then_some(10_000)
    });
    let found = waits(&mut estimator, now, &eu, 0);
    assert!(
        found[0].is_some_and(|ms| (10_000..12_000).contains(&ms)),
        "{found:?}"
    );
    assert_eq!(found[2], None, "nine of ten are not matched at all");
}

#[test]
fn who_leaves_counts_neither_way() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    for n in 0..4_000_i64 {
        let one = waiter(&eu, 1, n * 500);
        estimator.arrived(Timestamp(n * 500), &one);
        // Half are matched after ten seconds, half leave after five.
        if n >= 20 && n % 2 == 0 {
            let first = waiter(&eu, 1, (n - 20) * 500);
            estimator.ended(Timestamp(n * 500), &first, End::Matched);
        }
        if n >= 11 && n % 2 == 0 {
            let first = waiter(&eu, 1, (n - 11) * 500);
            estimator.ended(Timestamp(n * 500), &first, End::Gone);
        }
    }
    let found = waits(&mut estimator, 2_000_000, &eu, 0);
    assert!(
        found[2].is_some_and(|ms| (10_000..12_000).contains(&ms)),
        "{found:?}"
    );
}

#[test]
fn the_longer_one_has_waited_the_longer_it_takes_altogether() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    let wait = |n| Some((-(1.0 - share(n)).ln() * 20_000.0) as u64);
    let now = stream(&mut estimator, &eu, 4_000, wait);
    let fresh = waits(&mut estimator, now, &eu, 0);
    let old = waits(&mut estimator, now, &eu, 30_000);
    for (fresh, old) in fresh.into_iter().zip(old) {
        let (fresh, old) = (
            fresh.expect("known"),
            old.expect("known, as some wait so long"),
        );
        assert!(old > 30_000 && old > fresh, "{old} after {fresh}");
    }
}

#[test]
fn few_speak_through_their_region_or_queue() {
    let (eu, us) = (region("eu"), region("us"));
    let mut estimator = Estimator::new(&QUANTILES);
    let now = stream(&mut estimator, &eu, 1_000, |_| Some(3_000));
    let basis = |estimator: &mut Estimator, one: &Waiter<'_>| {
        estimator
            .estimate(Timestamp(now), one)
            .map(|estimate| estimate.basis)
    };
    assert_eq!(
        basis(&mut estimator, &waiter(&eu, 1, now)),
        Some(Basis::Party)
    );
    assert_eq!(
        basis(&mut estimator, &waiter(&eu, 3, now)),
        Some(Basis::Region)
    );
    assert_eq!(
        basis(&mut estimator, &waiter(&us, 1, now)),
        Some(Basis::Queue)
    );
}

#[test]
fn promises_are_measured() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    let wait = |n| Some((-(1.0 - share(n)).ln() * 8_000.0) as u64);
    stream(&mut estimator, &eu, 8_000, wait);
    for (kept, quantile) in estimator.kept().into_iter().zip(QUANTILES) {
        let kept = kept.expect("an hour's promises have come due");
        assert!((kept - quantile).abs() < 0.05, "{kept} for {quantile}");
    }
}

#[test]
fn what_lies_before_the_window_is_forgotten() {
    let eu = region("eu");
    let mut estimator = Estimator::new(&QUANTILES);
    let now = stream(&mut estimator, &eu, 1_000, |_| Some(3_000));
    let later = now + (WINDOW.0 + 2 * STEP.0) as i64;
    assert_eq!(
        estimator.estimate(Timestamp(later), &waiter(&eu, 1, later)),
        None
    );
    assert_eq!(estimator.waits(&[0.5]).matched, 0);
}

#[test]
fn cells_are_bounded() {
    let mut estimator = Estimator::new(&QUANTILES);
    for n in 0..CELLS_MAX as i64 * 4 {
        let far = region(&format!("r{n}"));
        estimator.arrived(Timestamp(n), &waiter(&far, 1, n));
    }
    assert!(estimator.by_region(&[]).len() <= CELLS_MAX);
    assert_eq!(
        estimator.waits(&[]).waiting,
        4 * CELLS_MAX as u32,
        "all count for the queue"
    );
    for n in 0..CELLS_MAX as i64 * 4 {
        let far = region(&format!("r{n}"));
        estimator.ended(Timestamp(9_999), &waiter(&far, 1, n), End::Gone);
    }
    assert_eq!(estimator.waits(&[]).waiting, 0);
}

#[test]
fn the_nearest_region_is_that_of_the_whole_party() {
    let mut ticket = crate::world::ticket(1, 0, &[1_500.0, 1_500.0]);
    let queue = crate::world::queue(&[(1, 1), (2, 2)]);
    let mut ping = |at: usize, pings: &[(&str, u32)]| {
        ticket.players[at].latencies = pings.iter().map(|(r, ms)| (region(r), *ms)).collect();
    };
    ping(0, &[("eu", 20), ("us", 90), ("ap", 200)]);
    ping(1, &[("eu", 120), ("us", 95)]);
    assert_eq!(nearest_region(&queue, &ticket), Some(&region("us")));
    let mut only = queue.clone();
    only.regions.allow = Some(vec![region("eu")]);
    assert_eq!(nearest_region(&only, &ticket), Some(&region("eu")));
    for player in &mut ticket.players {
        player.latencies.clear();
    }
    assert_eq!(nearest_region(&queue, &ticket), None);
}

/// What happens next: a ticket comes, or one of those who wait ends, after so many milliseconds.
#[derive(Debug, Clone)]
enum Step {
    Come {
        region: u8,
        players: u16,
        age: u64,
    },
    End {
        which: prop::sample::Index,
        matched: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let come = (
        0..3_u8,
        1..4_u16,
        prop_oneof![4 => Just(0), 1 => 0..400_000_u64],
    );
    let come = come.prop_map(|(region, players, age)| Step::Come {
        region,
        players,
        age,
    });
    let end = (any::<prop::sample::Index>(), any::<bool>());
    let end = end.prop_map(|(which, matched)| Step::End { which, matched });
    let passes = prop_oneof![20 => 0..3_000_i64, 1 => 0..1_500_000_i64, 1 => -5_000..0_i64];
    prop::collection::vec((passes, prop_oneof![come, end]), 1..400)
}

proptest! {
    /// Counts are those of a list of all that happened; quantiles ascend and lie beyond the ticket's age.
    #[test]
    fn figures_are_those_of_a_list(steps in steps()) {
        let names = ["eu", "us", "ap"].map(region);
        let mut estimator = Estimator::new(&QUANTILES);
        let mut waiting: Vec<(u8, u16, i64)> = Vec::new();
        let mut matched: Vec<i64> = Vec::new();
        let (mut now, mut latest) = (1_000_000_000_i64, 0);
        for (passes, step) in steps {
            now += passes;
            latest = latest.max(now);
            // Also where nobody is left who could end, so that both count by the same clock.
            estimator.advance(Timestamp(now));
            match step {
                Step::Come { region, players, age } => {
                    let created = now - age as i64;
                    let one = waiter(&names[usize::from(region)], players, created);
                    let promised = estimator.arrived(Timestamp(now), &one);
                    prop_assert_eq!(promised.len(), QUANTILES.len());
                    waiting.push((region, players, created));
                }
                Step::End { which, matched: in_match } if !waiting.is_empty() => {
                    let (region, players, created) = waiting.swap_remove(which.index(waiting.len()));
                    let one = waiter(&names[usize::from(region)], players, created);
                    let end = if in_match { End::Matched } else { End::Gone };
                    estimator.ended(Timestamp(now), &one, end);
                    if in_match {
                        matched.push(latest);
                    }
                }
                Step::End { .. } => {}
            }
            let of = |region: u8| waiting.iter().filter(|one| one.0 == region).count();
            let by_region = estimator.by_region(&[0.5]);
            for (at, name) in names.iter().enumerate() {
                let found = by_region.iter().find(|one| one.region.as_ref() == Some(name));
                let count = found.map_or(0, |one| one.waits.waiting as usize);
                prop_assert_eq!(count, of(at as u8));
                let parts = found.into_iter().flat_map(|one| &one.by_party);
                prop_assert_eq!(parts.map(|(_, waits)| waits.waiting as usize).sum::<usize>(), count);
            }
            prop_assert_eq!(estimator.waits(&[]).waiting as usize, waiting.len());
            for &(region, players, created) in waiting.iter().take(3) {
                let one = waiter(&names[usize::from(region)], players, created);
                let Some(estimate) = estimator.estimate(Timestamp(now), &one) else { continue };
                let known: Vec<Millis> = estimate.quantiles.iter().filter_map(|q| q.wait).collect();
                prop_assert!(known.is_sorted());
                let age = Timestamp(now).since(one.created_at);
                prop_assert!(known.iter().all(|wait| *wait > age || age.0 > 80_000_000));
            }
        }
        // The window ends where its running step began.
        estimator.advance(Timestamp(latest));
        let step = STEP.0 as i64;
        let until = latest.div_euclid(step) * step;
        let from = until - WINDOW.0 as i64;
        let within = matched.iter().filter(|&&at| at >= from && at < until).count();
        prop_assert_eq!(estimator.waits(&[]).matched as usize, within);
    }
}
