//! Handlers of the members of a session.

use axum::http::StatusCode;
use model::wire;

use super::call::Call;
use super::reply::{self, Answer};
use super::routes::RequestHeader;
use super::sessions;
use crate::Error;
use crate::core::JoinMode;

pub(super) async fn list(call: Call) -> Answer {
    let id = call.id("session")?;
    let after = call.query()?.after_member;
    reply::ok(&call.core().members(call.who()?, id, after).await?)
}

pub(super) async fn join(mut call: Call) -> Answer {
    let player = call.own_player()?;
    let body: wire::JoinSession = call.json_or_default().await?;
    let mode = match call.header(RequestHeader::IfNoneMatch)? {
        None => JoinMode::JoinOrUpdate,
        Some("*") => JoinMode::JoinOnly,
        Some(_) => {
            return Err(Error::Malformed(
                "If-None-Match must be * here: join only who is no member yet".into(),
            ));
        }
    };
    let asked = call.asked()?;
    let (created, session) = call.core().join(&asked, player, body, mode).await?;
    sessions::arrived(created, &session)
}

pub(super) async fn update(mut call: Call) -> Answer {
    let player = call.own_player()?;
    let body: wire::UpdateMember = call.json().await?;
    let session = call
        .core()
        .update_member(&call.asked()?, player, body)
        .await?;
    reply::session(StatusCode::OK, &session)
}

/// Leaves, or kicks: who may kick is the core's to say.
pub(super) async fn leave(call: Call) -> Answer {
    let player = call.player()?;
    match call.core().leave(&call.asked()?, player).await? {
        Some(session) => reply::session(StatusCode::OK, &session),
        None => reply::nothing(),
    }
}

pub(super) async fn promote(call: Call) -> Answer {
    let player = call.player()?;
    let session = call.core().promote(&call.asked()?, player).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn move_to(mut call: Call) -> Answer {
    let player = call.player()?;
    let body: wire::MoveMember = call.json().await?;
    let session = call
        .core()
        .move_member(&call.asked()?, player, body)
        .await?;
    reply::session(StatusCode::OK, &session)
}
