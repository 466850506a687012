//! The baseline of the HTTP rows: an endpoint of the same server that does nothing.

use std::time::Duration;

use sdk::Client;
use tokio_util::sync::CancellationToken;

use super::measure;

/// Calls under way at a time when the rate is measured.
const CALLERS: usize = 64;
/// Between two calls whose latency is measured beside the load.
const EVERY: Duration = Duration::from_millis(20);

/// How many empty requests a second the server answers to this load generator.
pub(super) async fn rate(client: &Client, span: Duration) -> anyhow::Result<f64> {
    let started = measure::now();
    let calls = (0..CALLERS).map(|_| async {
        let mut done = 0_u64;
        while started.elapsed() < span {
            client.healthz().await?;
            done += 1;
        }
        Ok::<u64, sdk::Error>(done)
    });
    let done: u64 = futures_util::future::try_join_all(calls)
        .await?
        .iter()
        .sum();
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// Milliseconds of single empty requests, sorted, measured beside the load until `stop`.
pub(super) async fn latencies(client: &Client, stop: CancellationToken) -> Vec<f64> {
    let mut took = Vec::new();
    while !stop.is_cancelled() {
        let sent = measure::now();
        if client.healthz().await.is_ok() {
            took.push(measure::millis(sent.elapsed()));
        }
        tokio::time::sleep(EVERY).await;
    }
    took.sort_by(f64::total_cmp);
    took
}
