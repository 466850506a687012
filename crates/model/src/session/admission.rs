//! Who gets in, and who has which power over a session (A.3b, B.20).

use std::sync::Arc;

use super::{Acquaintance, Actor, Constants, Draft, Error, Header, Join, Member, MemberState};
use crate::PlayerId;
use crate::session_type::{Joinability, Visibility};

/// Who may see the session.
pub(super) fn visibility(constants: &Constants, header: &Header) -> Visibility {
    header
        .visibility
        .unwrap_or(constants.session_type.visibility)
}

/// A player who looks at a session.
#[derive(Debug, Clone, Copy)]
pub struct Looker<'a> {
    /// Who.
    pub player: &'a PlayerId,
    /// The device of his token.
    pub device: Option<&'a str>,
}

/// Whether somebody without a seat may look (A.3b). He may always look at what he may join, however restricted the
/// reading is otherwise (F22).
pub(super) fn may_look<'m>(
    constants: &Constants,
    header: &Header,
    looker: &Looker<'_>,
    mut members: impl Iterator<Item = &'m Arc<Member>>,
) -> bool {
    let invited = || header.invites.of(looker.player).is_some();
    match visibility(constants, header) {
        Visibility::Visible => return true,
        Visibility::Private => return invited(),
        Visibility::Open => {}
    }
    let restriction = constants.session_type.read_restriction;
    let by_joinability = header.joinability.openness() > restriction.openness();
    let restriction = if by_joinability {
        header.joinability
    } else {
        restriction
    };
    match restriction {
        Joinability::Public => true,
        Joinability::Followed => {
            invited()
                || members.any(|one| follows(one, looker.player) || is_near(one, looker.device))
        }
        Joinability::Local => invited() || members.any(|one| is_near(one, looker.device)),
        Joinability::Private => invited(),
    }
}

/// By a joined member: who is only reserved has said nothing yet.
fn follows(member: &Member, player: &PlayerId) -> bool {
    member.is_joined() && member.follows.contains(player)
}

/// On the device of an active member.
fn is_near(member: &Member, device: Option<&str>) -> bool {
    device.is_some() && member.state == MemberState::Active && member.device.as_deref() == device
}

impl Draft<'_> {
    /// Whether somebody without a seat may take one; the most restrictive rule wins (A.3b). An invite
    /// passes all but `closed`.
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
        // Settling has ended the invites that are over.
        if self.work.header.invites.of(&join.player).is_some() {
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
        if !admitted {
            return Err(Error::NotAdmitted);
        }
        self.require_password(join)
    }

    fn is_followed(&self, join: &Join) -> bool {
        self.members().any(|member| follows(member, &join.player))
    }

    fn is_local(&self, join: &Join) -> bool {
        let device = join.device.as_deref();
        self.engaged().any(|member| is_near(member, device))
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
