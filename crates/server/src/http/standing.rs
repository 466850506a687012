//! Handlers of what members are among each other: roles, owners, permissions, places.

use axum::http::StatusCode;
use model::session::{Permission, StandingCommand};
use model::wire;

use super::call::Call;
use super::reply::{self, Answer};
use crate::Error;

pub(super) async fn put_role(mut call: Call) -> Answer {
    let (player, role_type) = (call.player()?, call.name("role type")?);
    let body: wire::SetRole = call.json().await?;
    let role = Some(body.role);
    let command = StandingCommand::SetRole {
        player,
        role_type,
        role,
    };
    change(call, command).await
}

pub(super) async fn remove_role(call: Call) -> Answer {
    let (player, role_type) = (call.player()?, call.name("role type")?);
    let command = StandingCommand::SetRole {
        player,
        role_type,
        role: None,
    };
    change(call, command).await
}

pub(super) async fn add_owner(call: Call) -> Answer {
    let player = call.player()?;
    change(call, StandingCommand::AddOwner { player }).await
}

pub(super) async fn remove_owner(call: Call) -> Answer {
    let player = call.player()?;
    change(call, StandingCommand::RemoveOwner { player }).await
}

pub(super) async fn block(call: Call) -> Answer {
    let player = call.player()?;
    change(call, StandingCommand::Block { player }).await
}

pub(super) async fn unblock(call: Call) -> Answer {
    let player = call.player()?;
    change(call, StandingCommand::Unblock { player }).await
}

pub(super) async fn grant(call: Call) -> Answer {
    let (player, permission) = (call.player()?, permission(&call)?);
    change(call, StandingCommand::Grant { player, permission }).await
}

pub(super) async fn revoke(call: Call) -> Answer {
    let (player, permission) = (call.player()?, permission(&call)?);
    change(call, StandingCommand::Revoke { player, permission }).await
}

pub(super) async fn swap(mut call: Call) -> Answer {
    let wire::SwapMembers { players } = call.json().await?;
    change(call, StandingCommand::Swap { players }).await
}

pub(super) async fn recent_players(call: Call) -> Answer {
    reply::ok(&call.core().recent_players(call.who()?).await?)
}

async fn change(call: Call, command: StandingCommand) -> Answer {
    match call.core().change_standing(&call.asked()?, command).await? {
        Some(session) => reply::session(StatusCode::OK, &session),
        None => reply::nothing(),
    }
}

/// The path's `{name}`, as a permission.
fn permission(call: &Call) -> Result<Permission, Error> {
    let name = call.name("permission")?;
    Permission::from_name(name.as_str()).ok_or_else(|| Error::NotFound {
        what: "permission",
        id: name.to_string(),
    })
}
