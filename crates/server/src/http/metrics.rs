//! Metrics of HTTP, and the process's one Prometheus recorder.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ::metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::routes::Route;

/// Upper bounds of the buckets of every `…_seconds` histogram.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 300.0,
];

/// The statuses that are answered; each has its counter for each route.
const STATUSES: [u16; 19] = [
    200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 429, 500, 503, 0,
];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the process's recorder, once; afterwards it returns the same handle again.
///
/// `None` when something else has installed another recorder: then `/metrics` is empty.
pub fn install() -> Option<&'static PrometheusHandle> {
    RECORDER
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
                .and_then(PrometheusBuilder::install_recorder)
                .ok()
        })
        .as_ref()
}

/// Counts a request that met a limit.
pub(super) fn limit_hit(limit: &'static str) {
    counter!("muster_http_limit_hits_total", "limit" => limit).increment(1);
}

/// Open connections.
pub(super) fn connections() -> Gauge {
    gauge!("muster_http_connections")
}

/// Waiting long polls.
pub(super) fn long_polls() -> Gauge {
    gauge!("muster_http_long_polls")
}

/// The handles of one route, looked up once.
pub(super) struct RouteMetrics {
    verb: &'static str,
    path: &'static str,
    seconds: Histogram,
    by_status: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    pub(super) fn new(route: &Route) -> Self {
        Self::named(route.verb.as_str(), route.path)
    }

    /// Of requests that no route takes.
    pub(super) fn unmatched() -> Self {
        Self::named("any", "unmatched")
    }

    fn named(verb: &'static str, path: &'static str) -> Self {
        let seconds = histogram!(
            "muster_http_request_duration_seconds", "method" => verb, "route" => path
        );
        Self {
            verb,
            path,
            seconds,
            by_status: [const { OnceLock::new() }; STATUSES.len()],
        }
    }

    pub(super) fn record(&self, status: u16, took: Duration) {
        self.seconds.record(took);
        let at = STATUSES
            .iter()
            .position(|&s| s == status)
            .unwrap_or(STATUSES.len() - 1);
        if let Some(counter) = self.by_status.get(at) {
            counter.get_or_init(|| self.counter(status)).increment(1);
        }
    }

    fn counter(&self, status: u16) -> Counter {
        counter!(
            "muster_http_requests_total",
            "method" => self.verb, "route" => self.path, "status" => status.to_string()
        )
    }
}

/// The monotonic clock, for durations that are measured and never decided upon.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement decides nothing, so it needs no passed clock"
)]
pub(super) fn instant() -> Instant {
    Instant::now()
}
