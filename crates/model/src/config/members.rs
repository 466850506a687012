//! Rules between the knobs about members among each other: roles and owners.

use std::collections::BTreeSet;

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::raw_members as raw;
use super::raw_session_type::{self, SessionType};
use crate::Name;
use crate::roles::{
    Migration, Ownership, ROLE_TYPES_MAX, ROLES_MAX, RoleFigure, RoleSettings, RoleType, RoleTypes,
    is_role_name,
};
use crate::session_type::{PlayerVisibility, TeamOverflow};

/// What happens to those who want a team that is full.
pub(super) fn team_overflow(raw: raw_session_type::TeamOverflow) -> TeamOverflow {
    use raw_session_type::TeamOverflow as Raw;
    match raw {
        Raw::Fail => TeamOverflow::Fail,
        Raw::AllowOverflow => TeamOverflow::AllowOverflow,
        Raw::PartialWithOverflow => TeamOverflow::PartialWithOverflow,
        Raw::PartialWithoutOverflow => TeamOverflow::PartialWithoutOverflow,
        Raw::Overfill => TeamOverflow::Overfill,
    }
}

/// Which members a player sees; of a large session himself at most.
pub(super) fn player_visibility(raw: &SessionType) -> PlayerVisibility {
    use raw_session_type::PlayerVisibility as Raw;
    match raw.player_visibility {
        Raw::All | Raw::Team if raw.capabilities.large => PlayerVisibility::Oneself,
        Raw::All => PlayerVisibility::All,
        Raw::Team => PlayerVisibility::Team,
        Raw::Oneself => PlayerVisibility::Oneself,
        Raw::None => PlayerVisibility::None,
    }
}

/// How a type's owned sessions work; `None`: its sessions have no owners.
pub(super) fn ownership(
    raw: &SessionType,
    document: &Document,
    reports: &mut Vec<Report>,
) -> Option<Ownership> {
    if !raw.capabilities.has_owners {
        let unsure = document.is_unsure(&["capabilities"]);
        if document.has(&["ownership", "migration"]) && !unsure {
            let span = document.at(&["ownership", "migration"]);
            let message = "it says nothing: sessions of this type have no owners";
            let report = Report::warning("ownership-without-owners", span, message);
            reports.push(report.write("write `capabilities: { has_owners: true }`, or remove it"));
        }
        return None;
    }
    Some(Ownership {
        migration: match raw.ownership.migration {
            raw::OwnershipMigration::Endsession => Migration::EndSession,
            raw::OwnershipMigration::Oldest => Migration::Oldest,
        },
        allow_non_owner_invites: raw.ownership.allow_non_owner_invites,
    })
}

/// The role types; what does not fit is reported.
pub(super) fn roles(
    raw: &SessionType,
    document: &Document,
    reports: &mut Vec<Report>,
) -> RoleTypes {
    let Some(roles) = &raw.roles else {
        return RoleTypes::new();
    };
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    let types = ["roles", "role_types"];
    lint.count(&types, roles.role_types.len(), ROLE_TYPES_MAX, "role types");
    for (name, of_type) in &roles.role_types {
        lint.name(&types, name);
        let path = ["roles", "role_types", name.as_str()];
        if of_type.owner_managed && !raw.capabilities.has_owners {
            lint.no_owners(&path);
        }
        let path = [&path[..], &["roles"]].concat();
        if of_type.roles.is_empty() {
            let message = format!("the role type `{name}` has no roles");
            let help = "add `roles: { healer: { max: 2 } }`, for example";
            lint.error("no-roles", &path[..3], message, help);
        }
        lint.count(&path, of_type.roles.len(), ROLES_MAX, "roles");
        for (role, figures) in &of_type.roles {
            lint.name(&path, role);
            lint.target(&path, role, figures);
        }
    }
    let types = roles.role_types.iter();
    types
        .map(|(name, of_type)| (name.clone(), role_type(of_type)))
        .collect()
}

fn role_type(raw: &raw::RoleType) -> RoleType {
    let figure = |figure: &raw::RoleFigure| match figure {
        raw::RoleFigure::Max => RoleFigure::Max,
        raw::RoleFigure::Target => RoleFigure::Target,
    };
    let settings = |role: &raw::Role| RoleSettings {
        max: role.max,
        target: role.target,
    };
    RoleType {
        owner_managed: raw.owner_managed,
        mutable: raw.mutable.iter().map(figure).collect::<BTreeSet<_>>(),
        roles: raw
            .roles
            .iter()
            .map(|(name, role)| (name.clone(), settings(role)))
            .collect(),
    }
}

impl Lint<'_, SessionType> {
    fn name(&mut self, path: &[&str], name: &Name) {
        if is_role_name(name) {
            return;
        }
        let span = self.document.key_at(path, name.as_str());
        let message = format!("`{name}` may not be the name of a role or a role type");
        let report = Report::error("role-name", span, message);
        let proposal = "write it in lowercase letters and digits only";
        self.reports.push(report.write(proposal));
    }

    fn count(&mut self, path: &[&str], count: usize, most: usize, what: &str) {
        if count > most {
            let message = format!("{count} {what}, but at most {most} are allowed");
            self.error("too-many-roles", path, message, "remove some");
        }
    }

    fn no_owners(&mut self, path: &[&str]) {
        if self.document.is_unsure(&["capabilities"]) {
            return;
        }
        let path = [path, &["owner_managed"]].concat();
        let message = "only owners could assign these roles, and sessions of this type have none";
        let help = "write `capabilities: { has_owners: true }`";
        self.error("owner-managed", &path, message, help);
    }

    fn target(&mut self, path: &[&str], role: &Name, figures: &raw::Role) {
        let (Some(max), Some(target)) = (figures.max, figures.target) else {
            return;
        };
        if target > max {
            let path = [path, &[role.as_str(), "target"]].concat();
            let message = format!("{target} holders are wanted where at most {max} are let in");
            self.error(
                "role-target",
                &path,
                message,
                format!("write {max} or less"),
            );
        }
    }
}
