//! Invites: of players, of whole sessions, and as those see them who are invited.

use model::session::{Actor, Command, Invite, MEMBERS_AT_ONCE};
use model::wire;
use model::{PlayerId, SessionId};

use super::asked::{Asked, reader, seen_by};
use super::write::not_found;
use super::{Core, players};
use crate::{Error, Principal};

/// Which members of another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    /// All, where nothing tells the caller who they are.
    All,
    /// Those whom the caller sees there (F5).
    Seen,
}

impl Core {
    /// Invites players, all or none.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 for who has a seat or when there are too many, 422, 429 for who was invited
    /// lately.
    pub async fn invite(
        &self,
        asked: &Asked<'_>,
        body: wire::InvitePlayers,
    ) -> Result<wire::Session, Error> {
        let wire::InvitePlayers { players, context } = body;
        let command = Command::Invite { players, context };
        self.change(asked, command).await
    }

    /// Ends an invite: the invited player declines, anybody else takes it back.
    ///
    /// # Errors
    /// 403 for who may not, 404.
    pub async fn withdraw(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
    ) -> Result<Option<wire::Session>, Error> {
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                let player = player.clone();
                Ok(draft.apply(by, &Command::Withdraw { player }, now)?)
            })
            .await?;
        // Who has declined may have nothing to see of the session any more.
        let session = written
            .session
            .filter(|one| reader(asked.who, one).is_some());
        Ok(session.map(|session| seen_by(asked.who, &session)))
    }

    /// Invites every joined member of another session that has no seat in this one (F3).
    ///
    /// # Errors
    /// As [`Core::invite`]; 403 for a player who is no joined member of the other one.
    pub async fn invite_session(
        &self,
        asked: &Asked<'_>,
        other: SessionId,
        body: wire::InviteSession,
    ) -> Result<wire::Session, Error> {
        let players = self.joined_in(asked.who, other, Whom::Seen).await?;
        let context = body.context;
        let command = Command::InviteNewcomers { players, context };
        self.change(asked, command).await
    }

    /// Takes away the seats of all joined members of another session but the caller's own (F3), several hundred in a
    /// write; `None` when the session ended with it.
    ///
    /// # Errors
    /// 403 for who may not, 404.
    pub async fn kick_session(
        &self,
        asked: &Asked<'_>,
        other: SessionId,
    ) -> Result<Option<wire::Session>, Error> {
        let players = self.joined_in(asked.who, other, Whom::All).await?;
        let mut left = players.chunks(MEMBERS_AT_ONCE);
        let kick = |players: &[PlayerId]| Command::KickAll {
            players: players.to_vec(),
        };
        // Whether he may at all is for the law to say, even where there is nobody to kick.
        let mut session = self
            .command(asked, kick(left.next().unwrap_or_default()))
            .await?;
        for players in left {
            if session.is_none() {
                break;
            }
            let asked = Asked {
                if_match: None,
                ..*asked
            };
            session = self.command(&asked, kick(players)).await?;
        }
        Ok(session)
    }

    /// The joined members of a session, for one of them or a server. The other session is not held meanwhile: what
    /// becomes of it afterwards is another matter.
    async fn joined_in(
        &self,
        who: &Principal,
        session: SessionId,
        whom: Whom,
    ) -> Result<Vec<PlayerId>, Error> {
        let found = self.settled(session).await?;
        let reader = reader(who, &found).ok_or_else(|| not_found(session))?;
        if let Principal::Player { player, .. } = who {
            let joined = found.member_of(player).is_some_and(|one| one.is_joined());
            if !joined {
                return Err(Error::Law(model::session::Error::NotAMember));
            }
        }
        let joined = found.members().filter(|member| {
            member.is_joined() && (whom == Whom::All || reader.sees(&found, member))
        });
        Ok(joined.map(|member| member.player.clone()).collect())
    }

    /// The invites of a player, each session settled: a page of them.
    ///
    /// # Errors
    /// 403 for anybody but a player.
    pub async fn my_invites(
        &self,
        who: &Principal,
        after: Option<SessionId>,
    ) -> Result<wire::MyInvites, Error> {
        let Principal::Player { player, .. } = who else {
            return Err(Error::Forbidden("only a player is invited".into()));
        };
        let things = self.things(player).await?;
        let (page, next) = players::page(&things.invites, after);
        let mut items = Vec::new();
        for id in page {
            let Some(session) = self.settled_if_there(id).await? else {
                continue;
            };
            if let Some(invite) = session.header().invites.of(player) {
                items.push(wire::MyInvite {
                    session: id,
                    r#type: session.header().session_type.clone(),
                    by: inviter(invite),
                    created_at: invite.at.into(),
                    expires_at: invite.expires_at.into(),
                    context: invite.context.clone(),
                });
            }
        }
        Ok(wire::MyInvites { items, next })
    }
}

/// An invite as members see it.
pub(crate) fn shown(invite: &Invite) -> wire::SessionInvite {
    wire::SessionInvite {
        player: invite.player.clone(),
        by: inviter(invite),
        created_at: invite.at.into(),
        expires_at: invite.expires_at.into(),
        context: invite.context.clone(),
    }
}

fn inviter(invite: &Invite) -> Option<PlayerId> {
    match &invite.by {
        Actor::Player(player) => Some(player.clone()),
        Actor::Server | Actor::Admin | Actor::Host(_) | Actor::Service => None,
    }
}
