//! What a member is among the others: owner, permissions, roles; and what the header keeps of all of them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::places::Place;
use super::{Actor, Draft, Error, Join, Member, Subscribe};
use crate::roles::RoleSettings;
use crate::{Name, PlayerId, Timestamp};

/// What a member is among the others; ends with his membership.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether he holds a spectator's seat, on no team (row 50).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spectator: bool,
    /// Whether he is an owner (F28).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner: bool,
    /// What the leader has let him do (F2).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<Permission>,
    /// His role of each role type, if he holds one (F27).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, Name>,
    /// How much he would like each role, 0 to 100; his alone to say (R36).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_preference: BTreeMap<Name, u8>,
    /// The groups that he plays in, in lowercase; never shown (R35).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Name>,
    /// When he was last active in a group, and left it or passed through; never shown (R35).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<Name, Timestamp>,
}

impl Standing {
    /// Whether there is nothing to keep of it.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What the header keeps of the members' standings, and who may have none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    /// How many owners there are; counted anew as the session is loaded.
    #[serde(skip)]
    pub owners: u32,
    /// How many hold a spectator's seat; counted anew as the session is loaded.
    #[serde(skip)]
    pub spectators: u32,
    /// How many hold each role, by role type; counted anew as the session is loaded.
    #[serde(skip)]
    pub held: BTreeMap<Name, BTreeMap<Name, u32>>,
    /// How many have joined from each platform that their tokens named; counted anew as the session is loaded.
    #[serde(skip)]
    pub platforms: BTreeMap<Name, u32>,
    /// Figures of roles that were changed live, by role type; the rest is as the type says (F27).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<Name, BTreeMap<Name, RoleSettings>>,
    /// Players who do not get in again (F28).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blocked: BTreeSet<PlayerId>,
}

impl Ranks {
    /// Whether there is nothing to store.
    pub fn is_plain(&self) -> bool {
        self.settings.is_empty() && self.blocked.is_empty()
    }

    /// How many hold a role.
    pub fn holders(&self, role_type: &Name, role: &Name) -> u32 {
        let roles = self.held.get(role_type);
        roles
            .and_then(|roles| roles.get(role))
            .copied()
            .unwrap_or_default()
    }

    /// Forgets what it has counted.
    pub(super) fn recount(&mut self) {
        self.owners = 0;
        self.spectators = 0;
        self.held.clear();
        self.platforms.clear();
    }

    /// Counts a member in (`1`) or out (`-1`). O(his roles).
    pub(super) fn count(&mut self, member: &Member, by: i32) {
        if member.standing.spectator {
            self.spectators = self.spectators.saturating_add_signed(by);
        }
        if member.standing.owner {
            self.owners = self.owners.saturating_add_signed(by);
        }
        if let Some(platform) = &member.platform {
            let players = self.platforms.entry(platform.clone()).or_default();
            *players = players.saturating_add_signed(by);
            if *players == 0 {
                self.platforms.remove(platform);
            }
        }
        for (role_type, role) in &member.standing.roles {
            let roles = self.held.entry(role_type.clone()).or_default();
            let holders = roles.entry(role.clone()).or_default();
            *holders = holders.saturating_add_signed(by);
            if *holders == 0 {
                roles.remove(role);
            }
            if roles.is_empty() {
                self.held.remove(role_type);
            }
        }
    }
}

/// What the leader may let a member do (F2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Invite players.
    Invite,
    /// Take seats away, but not the leader's and not an owner's.
    Kick,
    /// Put members on other teams.
    Move,
}

impl Permission {
    /// The permission of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "invite" => Some(Self::Invite),
            "kick" => Some(Self::Kick),
            "move" => Some(Self::Move),
            _ => None,
        }
    }
}

/// Properties that a member writes of himself, beside his data; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnProperties {
    /// His roles by role type, replaced whole; those that owners manage stay unless he is one.
    pub roles: Option<BTreeMap<Name, Name>>,
    /// Replaced whole (R36).
    pub role_preference: Option<BTreeMap<Name, u8>>,
    /// The groups that he plays in, replaced whole; at most [`GROUPS_MAX`](super::GROUPS_MAX) (R35).
    pub groups: Option<Vec<Name>>,
    /// Groups that he passed through just now, consumed at once; at most
    /// [`ENCOUNTERS_MAX`](super::ENCOUNTERS_MAX) (R35).
    pub encounters: Vec<Name>,
    /// What he wants to be told of, changed key by key (R11, R39).
    pub subscriptions: Subscribe,
}

impl OwnProperties {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it has anything that a member alone may say.
    fn is_personal(&self) -> bool {
        self.role_preference.is_some() || self.groups.is_some() || !self.encounters.is_empty()
    }
}

/// Something done to the standing of members.
#[derive(Debug, Clone, PartialEq)]
pub enum StandingCommand {
    /// Write one's own properties: the member alone.
    SetOwn {
        /// Whose.
        player: PlayerId,
        /// Which.
        own: OwnProperties,
    },
    /// Give or take a role: the member himself; of role types that owners manage, an owner, servers, admins.
    SetRole {
        /// Whose.
        player: PlayerId,
        /// Of which role type.
        role_type: Name,
        /// `None`: none of them.
        role: Option<Name>,
    },
    /// Change figures of roles that the type calls mutable: the leader, owners, servers, admins, the service.
    SetRoleSettings {
        /// By role type and role; a figure that is not given stays as it is.
        settings: BTreeMap<Name, BTreeMap<Name, RoleSettings>>,
    },
    /// Make a joined member an owner: owners, servers, admins, the service.
    AddOwner {
        /// Whom.
        player: PlayerId,
    },
    /// Make an owner a plain member, but not the last one: owners, servers, admins, the service.
    RemoveOwner {
        /// Whom.
        player: PlayerId,
    },
    /// Take a player's seat away, and let him have none again: owners, servers, admins, the service.
    Block {
        /// Whom.
        player: PlayerId,
    },
    /// Let a player in again: owners, servers, admins, the service.
    Unblock {
        /// Whom.
        player: PlayerId,
    },
    /// Let a joined member do something: the leader, servers, admins, the service.
    Grant {
        /// Whom.
        player: PlayerId,
        /// What.
        permission: Permission,
    },
    /// Take that back: the leader, servers, admins, the service.
    Revoke {
        /// Whose.
        player: PlayerId,
        /// What.
        permission: Permission,
    },
    /// Put a member among the spectators: as [`Command::Move`](super::Command::Move).
    Spectate {
        /// Whom.
        player: PlayerId,
    },
    /// Hold seats among the spectators, all or none: as [`Command::Reserve`](super::Command::Reserve).
    ReserveSpectators {
        /// For whom.
        players: Vec<PlayerId>,
    },
    /// Two members of different teams change places: the leader, who has `move`, servers, admins, the service.
    Swap {
        /// Neither is the leader.
        players: [PlayerId; 2],
    },
}

impl Draft<'_> {
    pub(super) fn apply_standing(
        &mut self,
        actor: &Actor,
        command: &StandingCommand,
        now: Timestamp,
    ) -> Result<(), Error> {
        match command {
            StandingCommand::SetOwn { player, own } => {
                let index = self.joined_target(player)?.index;
                self.set_own(actor, index, own, now)?;
                self.subscribe(actor, index, &own.subscriptions)
            }
            StandingCommand::SetRole {
                player,
                role_type,
                role,
            } => self.set_role(actor, player, role_type, role.as_ref()),
            StandingCommand::SetRoleSettings { settings } => {
                self.set_role_settings(actor, settings)
            }
            StandingCommand::AddOwner { player } => self.add_owner(actor, player),
            StandingCommand::RemoveOwner { player } => self.remove_owner(actor, player),
            StandingCommand::Block { player } => self.block(actor, player, now),
            StandingCommand::Unblock { player } => self.unblock(actor, player),
            StandingCommand::Grant { player, permission } => {
                self.permit(actor, player, |held| held.insert(*permission))
            }
            StandingCommand::Revoke { player, permission } => {
                self.permit(actor, player, |held| held.remove(permission))
            }
            StandingCommand::Spectate { player } => {
                self.move_member(actor, player, Place::Spectators)
            }
            StandingCommand::ReserveSpectators { players } => {
                let seats = players.iter();
                let seats: Vec<_> = seats
                    .map(|player| (player.clone(), Place::Spectators))
                    .collect();
                self.reserve(actor, &seats, now)
            }
            StandingCommand::Swap { players } => self.swap(actor, players),
        }
    }

    /// A member who has joined, of whom something is said.
    pub(super) fn joined_target(&self, player: &PlayerId) -> Result<&Member, Error> {
        let member = self.member_of(player).ok_or(Error::NoSuchMember)?;
        if member.is_joined() {
            Ok(member)
        } else {
            Err(Error::ReservedOnly)
        }
    }

    /// Gives a member who has just joined what he brought along.
    pub(super) fn bring(
        &mut self,
        actor: &Actor,
        join: &Join,
        now: Timestamp,
    ) -> Result<(), Error> {
        match self.member_of(&join.player).map(|member| member.index) {
            Some(index) => {
                self.set_own(actor, index, &join.own, now)?;
                self.subscribe(actor, index, &join.own.subscriptions)
            }
            None => Ok(()),
        }
    }

    /// Writes what a member says of himself. A server that brings him may bring roles along, and nothing else.
    pub(super) fn set_own(
        &mut self,
        actor: &Actor,
        index: u32,
        own: &OwnProperties,
        now: Timestamp,
    ) -> Result<(), Error> {
        if own.is_empty() {
            return Ok(());
        }
        let mut member = Member::clone(self.member(index).ok_or(Error::NoSuchMember)?);
        let himself = matches!(actor, Actor::Player(player) if *player == member.player);
        let server = matches!(actor, Actor::Server | Actor::Admin | Actor::Service);
        if !himself && (!server || own.is_personal()) {
            return Err(Error::NotOwnMember);
        }
        if let Some(wished) = &own.roles {
            member.standing.roles = self.roles_wished(actor, &member, wished)?;
        }
        if let Some(preference) = &own.role_preference {
            member.standing.role_preference = self.preference(preference)?;
        }
        if let Some(groups) = &own.groups {
            self.set_groups(&mut member, groups, now)?;
        }
        if !own.encounters.is_empty() {
            self.encounter(&mut member, &own.encounters, now)?;
        }
        self.write_member(member)
    }
}
