//! The SDK's only source of randomness: jitter and idempotency keys.

use std::time::Duration;

use rand::RngExt;

/// A random span between half of `span` and all of it.
///
/// Jitter keeps clients that lost the same server from coming back in step.
pub(crate) fn jittered(span: Duration) -> Duration {
    span.mul_f64(generator().random_range(0.5..=1.0))
}

/// An idempotency key that nobody else chooses: a version 4 UUID.
pub(crate) fn idempotency_key() -> String {
    uuid::Builder::from_random_bytes(generator().random())
        .into_uuid()
        .to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing that is computed or stored depends on these numbers"
)]
fn generator() -> rand::rngs::ThreadRng {
    rand::rng()
}
