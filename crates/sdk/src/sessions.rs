//! Sessions, their members and their instances.

use http::{Method, StatusCode, header};
use model::wire::{
    CreateSession, FoundSession, FoundSessions, Instance, JoinSession, List, MemberPage,
    MoveMember, MySession, MySessions, PutServer, RequestInstance, Reserve, Session, SessionType,
    UpdateMember, UpdateSession,
};
use model::{Name, PlayerId, SessionId};

use crate::call::{Call, encoded};
use crate::client::versioned;
use crate::{Client, Error, Versioned, chance};

/// Which member a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// The bearer of the token.
    Me,
    /// This player.
    Player(&'a PlayerId),
}

/// Whether a write is to happen only while nobody else has changed the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Always.
    Always,
    /// Only while its `ETag` is still this one (`If-Match`); otherwise 412, with the current body in the problem.
    Unchanged(&'a str),
}

fn path(session: SessionId, rest: &str) -> String {
    format!("/v1/sessions/{session}{rest}")
}

fn member_path(session: SessionId, who: Who<'_>, rest: &str) -> String {
    format!("/v1/sessions/{session}/members/{}{rest}", named(who))
}

fn named(who: Who<'_>) -> String {
    match who {
        Who::Me => "me".to_owned(),
        Who::Player(player) => encoded(player.as_str()),
    }
}

impl Client {
    /// Creates a session, with an idempotency key of its own, so that a lost answer makes no second one.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn create_session(&self, body: &CreateSession) -> Result<Session, Error> {
        self.create_session_keyed(body, &chance::idempotency_key())
            .await
    }

    /// Creates a session once for this idempotency key.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn create_session_keyed(
        &self,
        body: &CreateSession,
        key: &str,
    ) -> Result<Session, Error> {
        let call = Call::post("/v1/sessions".to_owned()).json(body)?;
        self.read(call.keyed(key)).await
    }

    /// A session as the bearer of the token may see it.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn session(&self, id: SessionId) -> Result<Session, Error> {
        self.read(Call::get(path(id, ""))).await
    }

    /// The same with its `ETag`.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn session_versioned(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        self.read_versioned(Call::get(path(id, ""))).await
    }

    /// A session, unless it still has this `ETag` (`If-None-Match`); then `None`.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn session_if_changed(
        &self,
        id: SessionId,
        etag: &str,
    ) -> Result<Option<Versioned<Session>>, Error> {
        let call = Call::get(path(id, "")).header(header::IF_NONE_MATCH, etag);
        let reply = self.send(call).await?;
        if reply.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        versioned(reply).map(Some)
    }

    /// Changes a session; fields that are present are replaced whole.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn update_session(
        &self,
        id: SessionId,
        body: &UpdateSession,
        condition: Condition<'_>,
    ) -> Result<Session, Error> {
        let call = Call::new(Method::PATCH, path(id, "")).json(body)?;
        self.read(match condition {
            Condition::Always => call,
            Condition::Unchanged(etag) => call.header(header::IF_MATCH, etag),
        })
        .await
    }

    /// Deletes a session with everything in it.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn delete_session(&self, id: SessionId) -> Result<(), Error> {
        self.tell(Call::delete(path(id, ""))).await
    }

    /// Joins; again by the member himself: sets state and properties (by a server for him: 409 `already-member`).
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn join(
        &self,
        id: SessionId,
        who: Who<'_>,
        body: &JoinSession,
    ) -> Result<Session, Error> {
        let call = Call::new(Method::PUT, member_path(id, who, ""));
        self.read(call.json(body)?).await
    }

    /// Changes a member; fields that are present are replaced whole.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn update_member(
        &self,
        id: SessionId,
        who: Who<'_>,
        body: &UpdateMember,
    ) -> Result<Session, Error> {
        let call = Call::new(Method::PATCH, member_path(id, who, ""));
        self.read(call.json(body)?).await
    }

    /// Leaves ([`Who::Me`]) or kicks; `None`: the session ended with it (or a lost answer hides how it went on).
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn leave(&self, id: SessionId, who: Who<'_>) -> Result<Option<Session>, Error> {
        let reply = self.send(Call::delete(member_path(id, who, ""))).await?;
        if reply.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        reply.decode().map(Some)
    }

    /// Makes a member the leader.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn promote(&self, id: SessionId, player: &PlayerId) -> Result<Session, Error> {
        let path = member_path(id, Who::Player(player), "/promote");
        self.read(Call::post(path)).await
    }

    /// Moves a member to another team; teams count from 0.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn move_member(
        &self,
        id: SessionId,
        who: Who<'_>,
        team: u8,
    ) -> Result<Session, Error> {
        // Moved twice is moved once.
        let body = MoveMember {
            team: Some(team),
            spectator: false,
        };
        let call = Call::post(member_path(id, who, "/move")).json(&body)?;
        self.read(call.repeatable()).await
    }

    /// Takes part as a server of the studio, or changes what stands of it.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn put_server(
        &self,
        id: SessionId,
        name: &Name,
        body: &PutServer,
    ) -> Result<Session, Error> {
        let call = Call::new(Method::PUT, path(id, &format!("/servers/{name}")));
        self.read(call.json(body)?).await
    }

    /// Takes part no longer.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn remove_server(&self, id: SessionId, name: &Name) -> Result<Session, Error> {
        let call = Call::new(Method::DELETE, path(id, &format!("/servers/{name}")));
        self.read(call).await
    }

    /// Holds seats for players: for all of them or for none.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn reserve(&self, id: SessionId, body: &Reserve) -> Result<Session, Error> {
        self.read(Call::post(path(id, "/reservations")).json(body)?)
            .await
    }

    /// A page of the session's members that the caller may see, those `after` an index.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn members(&self, id: SessionId, after: Option<u32>) -> Result<MemberPage, Error> {
        let rest = match after {
            Some(after) => format!("/members?after={after}"),
            None => "/members".to_owned(),
        };
        self.read(Call::get(path(id, &rest))).await
    }

    /// The sessions that the player is a member of, all pages of them.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn my_sessions(&self) -> Result<Vec<MySession>, Error> {
        self.sessions_of(Who::Me).await
    }

    /// The sessions that a player is a member of, all pages of them; of another player for servers and operators.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn sessions_of(&self, who: Who<'_>) -> Result<Vec<MySession>, Error> {
        let path = format!("/v1/players/{}/sessions", named(who));
        let mut page: MySessions = self.read(Call::get(path.clone())).await?;
        let mut all = page.items;
        while let Some(last) = page.next {
            page = self.read(Call::get(format!("{path}?after={last}"))).await?;
            all.append(&mut page.items);
        }
        Ok(all)
    }

    /// The sessions with a keyword that the caller may see, the newest first, all pages of them.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn find_sessions(&self, keyword: &Name) -> Result<Vec<FoundSession>, Error> {
        let path = format!("/v1/sessions?keyword={keyword}");
        let mut page: FoundSessions = self.read(Call::get(path.clone())).await?;
        let mut all = page.items;
        while let Some(last) = page.next {
            page = self.read(Call::get(format!("{path}&after={last}"))).await?;
            all.append(&mut page.items);
        }
        Ok(all)
    }

    /// Asks for a host.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn request_instance(
        &self,
        id: SessionId,
        body: &RequestInstance,
    ) -> Result<Session, Error> {
        self.read(Call::post(path(id, "/instance")).json(body)?)
            .await
    }

    /// The session's instance; addresses for members only.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn instance(&self, id: SessionId) -> Result<Instance, Error> {
        self.read(Call::get(path(id, "/instance"))).await
    }

    /// Closes the session's instance.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn close_instance(&self, id: SessionId) -> Result<Session, Error> {
        let reply = self
            .send(Call::new(Method::DELETE, path(id, "/instance")))
            .await?;
        if reply.status == StatusCode::NO_CONTENT {
            return self.session(id).await;
        }
        reply.decode()
    }

    /// Every session type.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn session_types(&self) -> Result<List<SessionType>, Error> {
        self.read(Call::get("/v1/session-types".to_owned())).await
    }

    /// One session type.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn session_type(&self, name: &Name) -> Result<SessionType, Error> {
        self.read(Call::get(format!("/v1/session-types/{name}")))
            .await
    }
}
