//! Invites and short codes.

use model::SessionId;
use model::wire::{InvitePlayers, InviteSession, MyInvite, MyInvites, Session, ShortCode};

use crate::call::{Call, encoded};
use crate::{Client, Error, Who};

impl Client {
    /// Invites players: all of them, or none.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn invite(&self, id: SessionId, body: &InvitePlayers) -> Result<Session, Error> {
        let call = Call::post(format!("/v1/sessions/{id}/invites"));
        self.read(call.json(body)?).await
    }

    /// Declines an invite ([`Who::Me`]) or takes one back; `None`: the session is not for the bearer to see any more.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn withdraw_invite(
        &self,
        id: SessionId,
        who: Who<'_>,
    ) -> Result<Option<Session>, Error> {
        let who = match who {
            Who::Me => "me".to_owned(),
            Who::Player(player) => encoded(player.as_str()),
        };
        let call = Call::delete(format!("/v1/sessions/{id}/invites/{who}"));
        let reply = self.send(call).await?;
        if reply.status == http::StatusCode::NO_CONTENT {
            return Ok(None);
        }
        reply.decode().map(Some)
    }

    /// The invites of the player, all pages of them.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn my_invites(&self) -> Result<Vec<MyInvite>, Error> {
        const PATH: &str = "/v1/players/me/invites";
        let mut page: MyInvites = self.read(Call::get(PATH.to_owned())).await?;
        let mut all = page.items;
        while let Some(last) = page.next {
            page = self.read(Call::get(format!("{PATH}?after={last}"))).await?;
            all.append(&mut page.items);
        }
        Ok(all)
    }

    /// Invites every joined member of another session who has no seat in this one.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn invite_session(
        &self,
        id: SessionId,
        other: SessionId,
        body: &InviteSession,
    ) -> Result<Session, Error> {
        let call = Call::post(format!("/v1/sessions/{id}/invited-sessions/{other}"));
        self.read(call.json(body)?).await
    }

    /// Takes away the seats of all joined members of another session but the bearer's own; `None`: the session ended.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn kick_session(
        &self,
        id: SessionId,
        other: SessionId,
    ) -> Result<Option<Session>, Error> {
        let call = Call::delete(format!("/v1/sessions/{id}/kicked-sessions/{other}"));
        let reply = self.send(call).await?;
        if reply.status == http::StatusCode::NO_CONTENT {
            return Ok(None);
        }
        reply.decode().map(Some)
    }

    /// Gives a session a short code, if it has none; it stands in the document.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn give_short_code(&self, id: SessionId) -> Result<Session, Error> {
        // Given twice is given once.
        let call = Call::post(format!("/v1/sessions/{id}/short-code"));
        self.read(call.repeatable()).await
    }

    /// The session that has this short code.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn short_code(&self, code: &str) -> Result<ShortCode, Error> {
        let code = encoded(code);
        self.read(Call::get(format!("/v1/short-codes/{code}")))
            .await
    }
}
