//! Handlers for operators and tools, without a token.

use super::call::Call;
use super::openapi;
use super::reply::{self, Answer};

const PLAIN: &str = "text/plain; charset=utf-8";

const ROOT: &str = concat!(
    "Muster ",
    env!("CARGO_PKG_VERSION"),
    ": matchmaking and game-server hosting.\n",
    "The API is at /v1 and described at /openapi.json; every error document has a heading in docs/errors.md.\n",
    "/healthz  /readyz  /metrics\n",
);

pub(super) async fn root(_: Call) -> Answer {
    reply::text(PLAIN, ROOT)
}

pub(super) async fn healthz(_: Call) -> Answer {
    reply::text(PLAIN, "ok\n")
}

pub(super) async fn readyz(call: Call) -> Answer {
    call.core().ready().await?;
    reply::text(PLAIN, "ok\n")
}

pub(super) async fn metrics(call: Call) -> Answer {
    call.core().publish_estimates();
    let text = call
        .http
        .recorder
        .map(|recorder| recorder.render())
        .unwrap_or_default();
    reply::text("text/plain; version=0.0.4; charset=utf-8", text)
}

pub(super) async fn openapi(_: Call) -> Answer {
    reply::text("application/json", openapi::text())
}
