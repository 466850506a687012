//! Roles (F27, R36): one of each role type and member, never more holders than the role lets in.

use std::collections::BTreeMap;

use super::{Actor, Draft, Error, HEADER_BYTES_MAX, Header, Member, Session, limits};
use crate::roles::{ROLE_HOLDERS_MAX, RoleFigure, RoleSettings, RoleType, RoleTypes};
use crate::subscriptions::ChangeType;
use crate::{Name, PlayerId};

/// The most that a member may want a role (R36).
pub const ROLE_WEIGHT_MAX: u8 = 100;

/// The key in a member's custom data under which a match says his role, where the session's type has no such role.
pub const MATCH_ROLE: &str = "role";

/// The figures of a role as they are now; `None`: there is no such role.
fn settings(
    types: &RoleTypes,
    header: &Header,
    role_type: &Name,
    role: &Name,
) -> Option<RoleSettings> {
    let base = *types.get(role_type)?.roles.get(role)?;
    let live = header.ranks.settings.get(role_type);
    let live = live.and_then(|roles| roles.get(role)).copied();
    Some(live.unwrap_or_default().over(base))
}

impl Session {
    /// The figures of a role as they are now; `None`: there is no such role.
    pub fn role_settings(&self, role_type: &Name, role: &Name) -> Option<RoleSettings> {
        let types = &self.constants().session_type.roles;
        settings(types, self.header(), role_type, role)
    }
}

impl Draft<'_> {
    fn role_type(&self, name: &Name) -> Result<&RoleType, Error> {
        let types = &self.base.constants.session_type.roles;
        types
            .get(name)
            .ok_or_else(|| Error::NoSuchRole(name.clone()))
    }

    fn role_settings(&self, role_type: &Name, role: &Name) -> Result<RoleSettings, Error> {
        let types = &self.base.constants.session_type.roles;
        settings(types, &self.work.header, role_type, role)
            .ok_or_else(|| Error::NoSuchRole(role.clone()))
    }

    /// That the role exists and has room for one more, unless `holder` holds it already.
    fn require_room(&self, holder: &Member, role_type: &Name, role: &Name) -> Result<(), Error> {
        let figures = self.role_settings(role_type, role)?;
        if holder.standing.spectator {
            return Err(Error::Invalid("a spectator holds no role"));
        }
        if holder.standing.roles.get(role_type) == Some(role) {
            return Ok(());
        }
        let holders = self.work.header.ranks.holders(role_type, role);
        if figures.max.is_none_or(|max| holders < max) {
            Ok(())
        } else {
            Err(Error::RoleFull(role.clone()))
        }
    }

    /// The roles that a member has once his wish is fulfilled: all of it, or it is refused. O(role types).
    pub(super) fn roles_wished(
        &self,
        actor: &Actor,
        member: &Member,
        wished: &BTreeMap<Name, Name>,
    ) -> Result<BTreeMap<Name, Name>, Error> {
        let mut wish = BTreeMap::new();
        for (role_type, role) in wished {
            let role_type = role_type.folded();
            self.role_type(&role_type)?;
            if wish.insert(role_type, role.folded()).is_some() {
                return Err(Error::Invalid("a role type is there twice"));
            }
        }
        let manages = self.require_owner(actor).is_ok();
        let mut roles = BTreeMap::new();
        for (role_type, of_type) in &self.base.constants.session_type.roles {
            let held = member.standing.roles.get(role_type);
            let mut wanted = wish.get(role_type);
            if of_type.owner_managed && !manages {
                if wanted.is_some() && wanted != held {
                    return Err(Error::NotOwner);
                }
                wanted = held;
            }
            if let Some(role) = wanted {
                self.require_room(member, role_type, role)?;
                roles.insert(role_type.clone(), role.clone());
            }
        }
        Ok(roles)
    }

    /// A member's wishes, if each is for a role of the type (R36). O(wishes · role types).
    pub(super) fn preference(
        &self,
        wishes: &BTreeMap<Name, u8>,
    ) -> Result<BTreeMap<Name, u8>, Error> {
        let types = &self.base.constants.session_type.roles;
        let mut preference = BTreeMap::new();
        for (role, &weight) in wishes {
            let role = role.folded();
            if !types
                .values()
                .any(|of_type| of_type.roles.contains_key(&role))
            {
                return Err(Error::NoSuchRole(role));
            }
            if weight > ROLE_WEIGHT_MAX {
                return Err(Error::Invalid("a role's weight is at most 100"));
            }
            if preference.insert(role, weight).is_some() {
                return Err(Error::Invalid("a role is there twice"));
            }
        }
        Ok(preference)
    }

    /// Gives reserved members the roles that a match gave them: one of the type's own where it has one of this name
    /// with room, otherwise the name as [`MATCH_ROLE`] in the member's custom data, as far as its limits let it.
    /// O(players · role types).
    pub(super) fn give_roles(&mut self, roles: &BTreeMap<PlayerId, Name>) -> Result<(), Error> {
        for (player, role) in roles {
            let Some(member) = self.member_of(player) else {
                continue;
            };
            let mut member = Member::clone(member);
            let folded = role.folded();
            let types = &self.base.constants.session_type;
            let declared = types.roles.iter();
            let of_type = declared.filter(|(_, of_type)| of_type.roles.contains_key(&folded));
            let has_room =
                |(name, _): &(&Name, &RoleType)| self.require_room(&member, name, &folded).is_ok();
            let found = { of_type }.find(has_room).map(|(name, _)| name.clone());
            match found {
                Some(role_type) => {
                    member.standing.roles.insert(role_type, folded);
                }
                None => {
                    let mut data = member.custom_data.clone();
                    data.insert(MATCH_ROLE.to_owned(), role.as_str().to_owned());
                    if limits::check_custom_data(&data, &types.custom_data_limits).is_ok() {
                        member.custom_data = data;
                    }
                }
            }
            self.write_member(member)?;
        }
        Ok(())
    }

    pub(super) fn set_role(
        &mut self,
        actor: &Actor,
        player: &PlayerId,
        role_type: &Name,
        role: Option<&Name>,
    ) -> Result<(), Error> {
        let role_type = role_type.folded();
        let own = *actor == Actor::Player(player.clone());
        if self.role_type(&role_type)?.owner_managed {
            self.require_owner(actor)?;
        } else if !own {
            return Err(Error::NotOwnMember);
        } else if self.member_of(player).is_none() {
            return Err(Error::NotAMember);
        }
        let mut member = Member::clone(self.joined_target(player)?);
        match role.map(Name::folded) {
            Some(role) => {
                self.require_room(&member, &role_type, &role)?;
                member.standing.roles.insert(role_type, role);
            }
            None => {
                member.standing.roles.remove(&role_type);
            }
        }
        self.write_member(member)
    }

    /// Changes figures live. Who holds a role keeps it when fewer are let in; nobody new gets it then.
    pub(super) fn set_role_settings(
        &mut self,
        actor: &Actor,
        changes: &BTreeMap<Name, BTreeMap<Name, RoleSettings>>,
    ) -> Result<(), Error> {
        if self.require_owner(actor).is_err() {
            self.require_leader(actor)?;
        }
        let before = self.work.header.clone();
        for (role_type, roles) in changes {
            let role_type = role_type.folded();
            for (role, change) in roles {
                self.change_settings(&role_type, &role.folded(), *change)?;
            }
        }
        if before.ranks == self.work.header.ranks {
            return Ok(());
        }
        limits::check_size("session", HEADER_BYTES_MAX, &self.work.header)?;
        self.header_changed(ChangeType::Everything);
        Ok(())
    }

    fn change_settings(
        &mut self,
        role_type: &Name,
        role: &Name,
        change: RoleSettings,
    ) -> Result<(), Error> {
        let of_type = self.role_type(role_type)?;
        let now = self.role_settings(role_type, role)?;
        let new = change.over(now);
        if new.max != now.max && !of_type.mutable.contains(&RoleFigure::Max) {
            return Err(Error::FixedByType("max"));
        }
        if new.target != now.target && !of_type.mutable.contains(&RoleFigure::Target) {
            return Err(Error::FixedByType("target"));
        }
        let max = new.max.unwrap_or(ROLE_HOLDERS_MAX);
        if max == 0 || max > ROLE_HOLDERS_MAX {
            return Err(Error::Invalid("a role's `max` is 1 to 1000"));
        }
        if new.target.is_some_and(|target| target > max) {
            return Err(Error::Invalid("a role's `target` is at most its `max`"));
        }
        if new != now {
            let settings = &mut self.header_mut().ranks.settings;
            let roles = settings.entry(role_type.clone()).or_default();
            roles.insert(role.clone(), new);
        }
        Ok(())
    }
}
