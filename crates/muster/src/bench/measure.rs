//! What is measured with: the monotonic clock, processor time, the machine's load, quantiles.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The present, for durations that are measured.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement is about the real clock, and decides nothing in the server"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Processor time that this process has used so far.
pub(super) fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or(0),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

/// Processor time that another process has used so far, in steps of 10 ms; zero when it is gone.
pub(super) fn processor_time_of(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; after it utime and stime are the 12th and 13th fields.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Bytes of this process that are in memory, in steps of a page.
pub(super) fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok());
    pages.unwrap_or(0) as f64 * rustix::param::page_size() as f64
}

/// The machine's load average of the last minute, as the kernel writes it.
pub(super) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

/// The quantile `q` of `sorted`, by the nearest rank; 0 of nothing.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

/// Milliseconds of a duration.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
