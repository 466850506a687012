//! A request on a session: who asks, for which one, and which version of it he has seen.

use model::session::{Actor, Command, Draft, Looker, Session};
use model::wire;
use model::{SessionId, Timestamp};

use super::view::{self, Reader};
use super::write::{Along, Refusal, Written, not_found};
use super::{Core, actor};
use crate::{Error, Principal, etag};

/// What every request on a session carries.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub who: &'a Principal,
    /// The session.
    pub session: SessionId,
    /// `If-Match`: the request is refused with 412 unless the session has one of these tags.
    pub if_match: Option<&'a str>,
    /// Whether it is only asked what the request would come to.
    pub dry_run: bool,
}

impl<'a> Asked<'a> {
    /// Of whatever version the session is.
    pub fn always(who: &'a Principal, session: SessionId) -> Self {
        Self {
            who,
            session,
            if_match: None,
            dry_run: false,
        }
    }

    /// 404 for who may not even know that it exists, then 412 for who has seen another version. Both come before
    /// the law has a say, whose refusals would tell more.
    fn check(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let header = draft.header();
        let reader = match self.who {
            Principal::Player { player, device, .. } => {
                let member = draft.member_of(player).map(|member| member.index);
                let device = device.as_deref();
                player_sees(member, || draft.is_visible_to(&Looker { player, device }))
            }
            _ => Some(Reader::Insider),
        };
        let reader = reader.ok_or(Refusal::Error(not_found(self.session)))?;
        // What settling changed has no number yet; the one that it will get is nobody's tag.
        let number = (!draft.has_changed()).then_some(header.change_number);
        let matches = |tag| etag::names(tag, header.branch, number);
        if self.if_match.is_none_or(matches) {
            Ok(())
        } else {
            Err(Refusal::Stale(reader))
        }
    }
}

impl Core {
    /// [`Core::write`] for a caller, once he may and has seen the right version. `command` gets him as the law knows
    /// him.
    pub(crate) async fn write_asked<R>(
        &self,
        asked: &Asked<'_>,
        mut command: impl FnMut(&Actor, &mut Draft<'_>, &mut Along, Timestamp) -> Result<R, Refusal>,
    ) -> Result<Written<R>, Error> {
        let by = self.actor_in(asked)?;
        let command = |draft: &mut Draft<'_>, along: &mut Along, now| {
            asked.check(draft)?;
            command(&by, draft, along, now)
        };
        if asked.dry_run {
            self.rehearse(asked.session, command).await
        } else {
            self.write(asked.session, command).await
        }
    }

    /// One command; the session as the caller may see it, `None` when it ended with this.
    pub(crate) async fn command(
        &self,
        asked: &Asked<'_>,
        command: Command,
    ) -> Result<Option<wire::Session>, Error> {
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                Ok(draft.apply(by, &command, now)?)
            })
            .await?;
        Ok(written.session.map(|session| seen_by(asked.who, &session)))
    }

    /// The same for a command that does not end the session: 404 if it has ended all the same.
    pub(crate) async fn change(
        &self,
        asked: &Asked<'_>,
        command: Command,
    ) -> Result<wire::Session, Error> {
        self.command(asked, command)
            .await?
            .ok_or_else(|| not_found(asked.session))
    }

    /// A game server acts under the allocation that it holds in the session; without one it knows of none.
    fn actor_in(&self, asked: &Asked<'_>) -> Result<Actor, Error> {
        let Principal::GameServer { id: server, .. } = asked.who else {
            return Ok(actor(asked.who));
        };
        let record = self.registry.records.get(*server);
        let held = record.and_then(|record| {
            let mut held = record.value.allocations.iter();
            held.find(|held| held.session == asked.session)
                .map(|held| held.allocation)
        });
        held.map(Actor::Host)
            .ok_or_else(|| not_found(asked.session))
    }
}

/// What a write has left of the session, as its caller may see it; 404 if it has ended.
pub(crate) fn left_by<R>(asked: &Asked<'_>, written: &Written<R>) -> Result<wire::Session, Error> {
    let session = written.session.as_ref();
    let session = session.ok_or_else(|| not_found(asked.session))?;
    Ok(seen_by(asked.who, session))
}

/// The session as somebody sees it who has just written to it.
pub(crate) fn seen_by(who: &Principal, session: &Session) -> wire::Session {
    view::session(session, reader(who, session).unwrap_or(Reader::Outsider))
}

fn player_sees(member: Option<u32>, visible: impl FnOnce() -> bool) -> Option<Reader> {
    match member {
        Some(index) => Some(Reader::Member(index)),
        None => visible().then_some(Reader::Outsider),
    }
}

/// How much of a session somebody may see; `None`: not even that it exists (A.3b).
pub(crate) fn reader(who: &Principal, session: &Session) -> Option<Reader> {
    match who {
        Principal::Player { player, device, .. } => {
            let member = session.member_of(player).map(|member| member.index);
            let device = device.as_deref();
            player_sees(member, || session.is_visible_to(&Looker { player, device }))
        }
        Principal::Server { .. } | Principal::Admin { .. } => Some(Reader::Insider),
        Principal::GameServer { id, .. } => {
            let instance = session.header().instance.as_ref();
            let allocation = instance.and_then(|instance| instance.allocation.as_ref());
            let hosts =
                allocation.is_some_and(|first| first.attempts().any(|one| one.game_server == *id));
            hosts.then_some(Reader::Insider)
        }
        Principal::Fleet { .. } => None,
    }
}
