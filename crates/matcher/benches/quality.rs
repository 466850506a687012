//! Matches of small pools beside the best that there are: how good they are, printed, and what either costs, measured.

#[path = "../tests/laws/quality.rs"]
mod quality;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use quality::{Coming, Judge, Quality, measure};

/// Pools of which the figures are made.
const POOLS: u32 = 2_000;

#[expect(clippy::print_stdout, reason = "figures are what a bench is run for")]
fn print(coming: Coming, quality: &Quality) {
    let mean = |sum: f64| sum / f64::from(quality.matches);
    println!(
        "{coming:?}: {} matches of pools of at most {} tickets",
        quality.matches,
        quality::TICKETS_MAX
    );
    println!(
        "  mean skill gap {:.1}, best {:.1}: {:+.1} %; best for the oldest alone {:.1}: {:+.1} %",
        mean(quality.gap),
        mean(quality.best_gap),
        quality.gap_loss() * 100.0,
        mean(quality.best_gap_of_oldest),
        quality.gap_loss_of_oldest() * 100.0
    );
    println!(
        "  mean balance {:.1}, best {:.1}: {:+.1} %",
        mean(quality.balance),
        mean(quality.best_balance),
        quality.balance_loss() * 100.0
    );
}

fn small_pools(criterion: &mut Criterion) {
    for coming in [Coming::Arriving, Coming::Opening] {
        print(coming, &measure(coming, POOLS, 7, Judge::Exhaustive));
        let mut group = criterion.benchmark_group(format!("{coming:?}"));
        group.bench_function("matcher", |b| {
            b.iter(|| black_box(measure(coming, 10, 7, Judge::Nobody)));
        });
        group.bench_function("with the exhaustive reference", |b| {
            b.iter(|| black_box(measure(coming, 10, 7, Judge::Exhaustive)));
        });
        group.finish();
    }
}

criterion_group!(quality_of_matches, small_pools);
criterion_main!(quality_of_matches);
