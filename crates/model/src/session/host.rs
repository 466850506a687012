//! The member who hosts a session without an instance (R63-R66, row 9, F22): found, followed, with no power
//! over members.

use std::sync::Arc;

use super::{Actor, Draft, Error, Member, Session};
use crate::PlayerId;
use crate::subscriptions::ChangeType;

impl Member {
    /// The token of his device; `None` before he has joined, and where the type has no connectivity.
    pub fn token(&self) -> Option<&str> {
        self.connectivity
            .as_deref()
            .map(|said| said.device_token.as_str())
    }
}

impl Session {
    /// The member who hosts it: of several on the host's device the oldest. O(members).
    pub fn host(&self) -> Option<&Arc<Member>> {
        let host = self.header().host.as_deref()?;
        self.members()
            .find(|member| member.is_engaged() && member.token() == Some(host))
    }

    /// Who is the arbiter (R63, row 9): while an instance is open its host, which is no member; else the host,
    /// else the leader. O(members).
    pub fn arbiter(&self) -> Option<&Arc<Member>> {
        if self.header().open_instance().is_some() {
            return None;
        }
        self.host().or_else(|| self.leader())
    }
}

impl Draft<'_> {
    /// Names the host, or nobody. Host is a property of the session, which its members write (R8, R64, F22), so while
    /// there is none any joined member may become it: the first by `If-Match` does (F35, row 9), and what he gains is
    /// to hold open seats and to invite, no power over members (R25, R66, row 8). A host who is there is not displaced
    /// by just anybody: he himself picks another (F35), as do the leader, who was the arbiter from the start (R63),
    /// and servers. One who goes or becomes inactive hosts no longer, so nobody has to wait for him.
    pub(super) fn set_host(
        &mut self,
        actor: &Actor,
        device_token: Option<&str>,
    ) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => {}
            Actor::Host(_) => return Err(Error::NotAMember),
            Actor::Player(player) => {
                self.joined_actor(player)?;
            }
        }
        if self.work.header.open_instance().is_some() {
            return Err(Error::InstanceExists);
        }
        if let Some(token) = device_token
            && !self.engaged().any(|member| member.token() == Some(token))
        {
            return Err(Error::Invalid(
                "`device_token` must be that of a ready or active member",
            ));
        }
        if self.work.header.host.as_deref() == device_token {
            return Ok(());
        }
        let is_own = matches!(actor, Actor::Player(player) if self.is_host(player));
        if self.work.header.host.is_some() && !is_own {
            self.require_leader(actor)?;
        }
        let header = self.header_mut();
        header.host = device_token.map(str::to_owned);
        if header.host.is_some() {
            header.host_candidates.clear();
        }
        self.header_changed(ChangeType::Host);
        Ok(())
    }

    /// Whether this player is the host, or shares his device.
    pub(super) fn is_host(&self, player: &PlayerId) -> bool {
        let host = self.work.header.host.as_deref();
        host.is_some()
            && self
                .member_of(player)
                .is_some_and(|member| member.is_engaged() && member.token() == host)
    }

    /// A member left or went inactive: he hosts no longer, unless another is there on his device (F22). O(ready and
    /// active members) if he was the host or a candidate, else O(1).
    pub(super) fn host_follows(&mut self, member: &Member) {
        let header = &self.work.header;
        let Some(token) = member.token() else { return };
        let hosts = header.host.as_deref() == Some(token);
        let stands = header.host_candidates.iter().any(|other| other == token);
        if !hosts && !stands {
            return;
        }
        let shared = self
            .engaged()
            .any(|other| other.index != member.index && other.token() == Some(token));
        if shared {
            return;
        }
        let gone = self.member(member.index).is_none();
        let header = self.header_mut();
        if hosts {
            header.host = None;
            self.header_changed(ChangeType::Host);
        } else if gone {
            header.host_candidates.retain(|other| other != token);
        }
    }

    /// An instance is asked for: from now on it is hosted there.
    pub(super) fn no_host_among_members(&mut self) {
        let header = self.header_mut();
        header.host_candidates.clear();
        if header.host.take().is_some() {
            self.header_changed(ChangeType::Host);
        }
    }
}
