//! What members are among each other, over HTTP: roles, owners, permissions, places.

use std::collections::BTreeMap;

use model::Name;
use model::session::{Command, Header, OwnProperties, Session, StandingCommand};
use model::wire;

use super::Core;
use super::asked::Asked;
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
}

/// What a player brings of himself as he joins.
pub(crate) fn brought(body: &wire::JoinSession) -> OwnProperties {
    let given = |roles: &BTreeMap<Name, Name>| (!roles.is_empty()).then(|| roles.clone());
    OwnProperties {
        roles: given(&body.roles),
        role_preference: (!body.role_preference.is_empty()).then(|| body.role_preference.clone()),
        groups: (!body.groups.is_empty()).then(|| body.groups.clone()),
        encounters: body.encounters.clone(),
    }
}

/// What a member changes of himself.
pub(crate) fn changed(body: &wire::UpdateMember) -> OwnProperties {
    OwnProperties {
        roles: body.roles.clone(),
        role_preference: body.role_preference.clone(),
        groups: body.groups.clone(),
        encounters: body.encounters.clone(),
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
