//! What a session type says of its members among each other: roles (F27) and owners (F28).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Name;

/// The most role types of a session type.
pub const ROLE_TYPES_MAX: usize = 8;
/// The most roles of one role type.
pub const ROLES_MAX: usize = 32;
/// The most that `max` and `target` of a role may be: the seats of the largest session.
pub const ROLE_HOLDERS_MAX: u32 = 1_000;

/// Role types by name; a member holds at most one role of each (F27).
pub type RoleTypes = BTreeMap<Name, RoleType>;

/// Roles that exclude each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleType {
    /// Only owners and the studio's servers assign them; otherwise each member his own.
    pub owner_managed: bool,
    /// Which figures may change in a running session.
    pub mutable: BTreeSet<RoleFigure>,
    /// By name.
    pub roles: BTreeMap<Name, RoleSettings>,
}

/// A figure of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleFigure {
    /// Most holders.
    Max,
    /// Wanted holders.
    Target,
}

/// How many hold a role at most, and how many should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleSettings {
    /// Most holders, enforced; omitted: the type's figure, or as many as there are seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<u32>,
    /// Wanted holders, at most `max`; not enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub target: Option<u32>,
}

impl RoleSettings {
    /// These figures where they are given, else those of `base`.
    pub fn over(self, base: RoleSettings) -> RoleSettings {
        RoleSettings {
            max: self.max.or(base.max),
            target: self.target.or(base.target),
        }
    }
}

/// Whether a name may be that of a role or role type: lowercase letters and digits (F27).
pub fn is_role_name(name: &Name) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.as_str().bytes().all(fits)
}

/// How sessions with owners work (F28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// What happens when the last owner leaves.
    pub migration: Migration,
    /// Whether members who are no owners may invite.
    pub allow_non_owner_invites: bool,
}

/// What happens when the last owner leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migration {
    /// The session ends.
    EndSession,
    /// The member who joined first owns it.
    Oldest,
}
