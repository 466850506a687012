//! Handlers of invites and short codes.

use axum::http::StatusCode;
use model::{SessionId, wire};

use super::call::Call;
use super::reply::{self, Answer};

pub(super) async fn invite(mut call: Call) -> Answer {
    let body: wire::InvitePlayers = call.json().await?;
    let session = call.core().invite(&call.asked()?, body).await?;
    reply::session(StatusCode::OK, &session)
}

/// Declines, or takes back: who may take back is the law's to say.
pub(super) async fn withdraw(call: Call) -> Answer {
    let player = call.player()?;
    match call.core().withdraw(&call.asked()?, player).await? {
        Some(session) => reply::session(StatusCode::OK, &session),
        None => reply::nothing(),
    }
}

pub(super) async fn invite_session(mut call: Call) -> Answer {
    let other = other(&call)?;
    let body: wire::InviteSession = call.json_or_default().await?;
    let asked = call.asked()?;
    let session = call.core().invite_session(&asked, other, body).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn kick_session(call: Call) -> Answer {
    let other = other(&call)?;
    match call.core().kick_session(&call.asked()?, other).await? {
        Some(session) => reply::session(StatusCode::OK, &session),
        None => reply::nothing(),
    }
}

pub(super) async fn mine(call: Call) -> Answer {
    let after = call.query()?.after;
    reply::ok(&call.core().my_invites(call.who()?, after).await?)
}

pub(super) async fn give_short_code(call: Call) -> Answer {
    let session = call.core().give_short_code(&call.asked()?).await?;
    reply::session(StatusCode::OK, &session)
}

pub(super) async fn short_code(call: Call) -> Answer {
    reply::ok(&call.core().short_code(call.who()?, call.code()).await?)
}

fn other(call: &Call) -> Result<SessionId, crate::Error> {
    call.id_named("other", "session")
}
