//! What members are among each other, over HTTP: roles, owners, permissions, places.

use std::collections::BTreeMap;

use model::session::{
    Command, Header, NewSeat, OwnProperties, Session, StandingCommand, Subscribe,
};
use model::subscriptions::Subscription;
use model::wire;
use model::{Name, PlayerId};
use uuid::Uuid;

use super::Core;
use super::asked::{Asked, left_by};
use crate::Error;

impl Core {
    /// One change to the standing of members; `None` when the session ended with it.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 for what does not fit, 412, 422 for what the type does not know.
    pub async fn change_standing(
        &self,
        asked: &Asked<'_>,
        command: StandingCommand,
    ) -> Result<Option<wire::Session>, Error> {
        self.command(asked, Command::Standing(command)).await
    }

    /// Puts a member on another team, or among the spectators.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 when there is no place, 422 for a team that is not there.
    pub async fn move_member(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
        body: wire::MoveMember,
    ) -> Result<wire::Session, Error> {
        let command = match (body.team, body.spectator) {
            (Some(team), false) => Command::Move { player, team },
            (None, true) => Command::Standing(StandingCommand::Spectate { player }),
            _ => return Err(either("team")),
        };
        self.change(asked, command).await
    }

    /// Holds seats for players, all or none, or as many as fit where the type says so.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 when there is no space.
    pub async fn reserve(
        &self,
        asked: &Asked<'_>,
        body: wire::Reserve,
    ) -> Result<wire::Session, Error> {
        let (mut players, mut spectators) = (Vec::new(), Vec::new());
        for seat in body.players {
            match new_seat(seat)? {
                NewSeat::ReservedSpectator { player } => spectators.push(player),
                NewSeat::Reserved { player, team } => players.push((player, team)),
                NewSeat::Joined(_) => {}
            }
        }
        let mut commands = Vec::new();
        if !players.is_empty() || spectators.is_empty() {
            commands.push(Command::Reserve {
                players,
                initialize: body.initialize,
            });
        }
        if !spectators.is_empty() {
            let players = spectators;
            commands.push(Command::Standing(StandingCommand::ReserveSpectators {
                players,
            }));
        }
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                for command in &commands {
                    draft.apply(by, command, now)?;
                }
                Ok(())
            })
            .await?;
        left_by(asked, &written)
    }
}

/// What a player brings of himself as he joins.
pub(crate) fn brought(body: &wire::JoinSession) -> OwnProperties {
    let given = |roles: &BTreeMap<Name, Name>| (!roles.is_empty()).then(|| roles.clone());
    OwnProperties {
        roles: given(&body.roles),
        role_preference: (!body.role_preference.is_empty()).then(|| body.role_preference.clone()),
        groups: (!body.groups.is_empty()).then(|| body.groups.clone()),
        encounters: body.encounters.clone(),
        subscriptions: subscribe(&body.subscriptions),
    }
}

/// What a member changes of himself.
pub(crate) fn changed(body: &wire::UpdateMember) -> OwnProperties {
    OwnProperties {
        roles: body.roles.clone(),
        role_preference: body.role_preference.clone(),
        groups: body.groups.clone(),
        encounters: body.encounters.clone(),
        subscriptions: subscribe(&body.subscriptions),
    }
}

fn subscribe(changes: &BTreeMap<Uuid, Option<Subscription>>) -> Subscribe {
    Subscribe {
        changes: changes.clone(),
        elsewhere: 0,
    }
}

/// The seats outside the teams, where the type has any.
pub(crate) fn spectators(session: &Session) -> Option<wire::Spectators> {
    let size = session.constants().session_type.size.spectators;
    let taken = session.header().ranks.spectators;
    (size > 0).then_some(wire::Spectators { taken, size })
}

/// A seat to hold from the start.
pub(crate) fn new_seat(seat: wire::Reservation) -> Result<NewSeat, Error> {
    let wire::Reservation {
        player,
        team,
        spectator,
    } = seat;
    match (team, spectator) {
        (Some(_), true) => Err(either("reserve")),
        (None, true) => Ok(NewSeat::ReservedSpectator { player }),
        (team, false) => Ok(NewSeat::Reserved { player, team }),
    }
}

fn either(field: &str) -> Error {
    Error::Invalid {
        field: field.to_owned(),
        detail: "a spectator is on no team: give one of `team` and `spectator`".into(),
    }
}

/// The role types of a session as its readers see them. O(roles of the type).
pub(crate) fn roles(session: &Session) -> BTreeMap<Name, wire::RoleType> {
    let header: &Header = session.header();
    let types = session.constants().session_type.roles.iter();
    types
        .map(|(name, of_type)| {
            let role = |role: &Name| {
                let figures = session.role_settings(name, role).unwrap_or_default();
                wire::Role {
                    max: figures.max,
                    target: figures.target,
                    holders: header.ranks.holders(name, role),
                }
            };
            let roles = of_type.roles.keys();
            let shown = wire::RoleType {
                owner_managed: of_type.owner_managed,
                roles: roles.map(|name| (name.clone(), role(name))).collect(),
            };
            (name.clone(), shown)
        })
        .collect()
}
