//! Who gets in, and who has which power over a session (A.3b, B.20).

use super::{Acquaintance, Actor, Constants, Draft, Error, Header, Join, Member, MemberState};
use crate::PlayerId;
use crate::session_type::{Joinability, Visibility};

/// Who may see the session.
pub(super) fn visibility(constants: &Constants, header: &Header) -> Visibility {
    header
        .visibility
        .unwrap_or(constants.session_type.visibility)
}

impl Draft<'_> {
    /// Whether somebody without a seat may take one; the most restrictive rule wins (A.3b).
    ///
    /// Joinability `local` looks at the members that are ready or active, `followed` at all; all else is O(1).
    pub(super) fn admit(&self, actor: &Actor, join: &Join) -> Result<(), Error> {
        if self.work.header.closed {
            return Err(Error::Closed);
        }
        // The studio's servers and Muster itself vouch for whom they bring.
        if !matches!(actor, Actor::Player(_)) {
            return Ok(());
        }
        if visibility(&self.base.constants, &self.work.header) != Visibility::Open {
            return Err(Error::NotAdmitted);
        }
        let admitted = match self.work.header.joinability {
            Joinability::Public => true,
            Joinability::Followed => {
                join.acquaintance == Acquaintance::FollowedByMember
                    || self.is_followed(join)
                    || self.is_local(join)
            }
            Joinability::Local => self.is_local(join),
            Joinability::Private => false,
        };
        if admitted {
            Ok(())
        } else {
            Err(Error::NotAdmitted)
        }
    }

    /// By a joined member: who is only reserved has said nothing yet.
    fn is_followed(&self, join: &Join) -> bool {
        self.members()
            .any(|member| member.is_joined() && member.follows.contains(&join.player))
    }

    fn is_local(&self, join: &Join) -> bool {
        join.device.is_some()
            && self
                .engaged()
                .any(|member| member.state == MemberState::Active && member.device == join.device)
    }

    /// The actor's own seat on which he has joined.
    pub(super) fn joined_actor(&self, player: &PlayerId) -> Result<&Member, Error> {
        let member = self.member_of(player).ok_or(Error::NotAMember)?;
        if member.is_joined() {
            Ok(member)
        } else {
            Err(Error::NotJoined)
        }
    }

    /// The leader, servers, admins, the service; a host has no power over members (R66).
    pub(super) fn require_leader(&self, actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => Ok(()),
            Actor::Host(_) => Err(Error::NotLeader),
            Actor::Player(player) => {
                let member = self.member_of(player).ok_or(Error::NotAMember)?;
                let leads = self.work.header.leader == Some(member.index);
                if leads { Ok(()) } else { Err(Error::NotLeader) }
            }
        }
    }

    /// The player himself, servers, admins, the service.
    pub(super) fn require_self(actor: &Actor, player: &PlayerId) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => Ok(()),
            Actor::Player(own) if own == player => Ok(()),
            Actor::Player(_) | Actor::Host(_) => Err(Error::NotOwnMember),
        }
    }

    /// Muster itself.
    pub(super) fn require_service(actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Service => Ok(()),
            Actor::Player(_) | Actor::Server | Actor::Admin | Actor::Host(_) => {
                Err(Error::NotService)
            }
        }
    }

    /// That a host's allocation is the one that has been acknowledged and not ended.
    pub(super) fn require_host(&self, allocation: crate::AllocationId) -> Result<(), Error> {
        let hosts = self
            .work
            .header
            .open_instance()
            .and_then(|instance| instance.allocation.as_ref())
            .is_some_and(|held| held.acknowledged && held.id == allocation);
        if hosts { Ok(()) } else { Err(Error::NotHost) }
    }
}
