//! Handlers of backfill: a session that is played asks its queue for players.

use model::{SessionId, wire};

use super::call::Call;
use super::reply::{self, Answer};

pub(super) async fn set(mut call: Call) -> Answer {
    let body: wire::SetBackfill = call.json().await?;
    reply::ok(&call.core().set_backfill(&call.asked()?, body).await?)
}

pub(super) async fn read(call: Call) -> Answer {
    let id: SessionId = call.id("session")?;
    reply::ok(&call.core().read_backfill(call.who()?, id).await?)
}

pub(super) async fn acknowledge(call: Call) -> Answer {
    reply::ok(&call.core().acknowledge_backfill(&call.asked()?).await?)
}

pub(super) async fn remove(call: Call) -> Answer {
    call.core().remove_backfill(&call.asked()?).await?;
    reply::nothing()
}
