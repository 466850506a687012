//! Handlers of instances and allocations.

use axum::http::StatusCode;
use model::{AllocationId, SessionId, wire};

use super::call::Call;
use super::reply::{self, Answer};
use super::routes::RequestHeader;
use super::sessions::located;

pub(super) async fn request(mut call: Call) -> Answer {
    let body: wire::RequestInstance = call.json_or_default().await?;
    let key = call.header(RequestHeader::IdempotencyKey)?;
    let asked = call.asked()?;
    let session = call.core().request_instance(&asked, body, key).await?;
    let response = reply::session(StatusCode::CREATED, &session)?;
    located(
        response,
        &format!("/v1/sessions/{}/instance", asked.session),
    )
}

pub(super) async fn read(call: Call) -> Answer {
    let id: SessionId = call.id("session")?;
    let (core, who) = (call.core(), call.who()?);
    let instance = match call.query()?.client_version {
        Some(version) => core.enter_instance(who, id, &version).await?,
        None => core.read_instance(who, id).await?,
    };
    reply::ok(&instance)
}

pub(super) async fn update(mut call: Call) -> Answer {
    let id: SessionId = call.id("session")?;
    let body: wire::HostUpdate = call.json().await?;
    reply::ok(
        &call
            .core()
            .host_update(call.game_server()?, id, body)
            .await?,
    )
}

pub(super) async fn close(call: Call) -> Answer {
    let session = call.core().close_instance(&call.asked()?).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn read_allocation(call: Call) -> Answer {
    let id: AllocationId = call.id("allocation")?;
    reply::ok(&call.core().read_allocation(call.who()?, id).await?)
}
