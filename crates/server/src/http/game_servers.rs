//! Handlers of the game-server protocol.

use model::wire;

use super::call::Call;
use super::events::{poll, release};
use super::reply::{self, Answer};

pub(super) async fn assignments(mut call: Call) -> Answer {
    let query = call.query()?;
    release(&mut call);
    let wait = query.wait.unwrap_or_default();
    let (core, who) = (call.core(), call.who()?);
    let assignments = poll(&call.http, wait, |wait| {
        core.assignments(who, query.seen, wait)
    })
    .await?;
    reply::ok(&assignments)
}

pub(super) async fn acknowledge(mut call: Call) -> Answer {
    let body: wire::Acknowledge = call.json().await?;
    call.core()
        .acknowledge(call.game_server()?, body.allocation_id)
        .await?;
    reply::nothing()
}

pub(super) async fn health(mut call: Call) -> Answer {
    let body: wire::HealthReport = call.json().await?;
    call.core().health(call.game_server()?, body.health).await?;
    reply::nothing()
}

pub(super) async fn shutdown(call: Call) -> Answer {
    call.core()
        .shutdown_game_server(call.game_server()?)
        .await?;
    reply::nothing()
}
