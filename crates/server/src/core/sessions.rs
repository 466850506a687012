//! Sessions and members: each request is one command of the law, written through the session's own slot.

use std::sync::Arc;

use model::session::{
    Acquaintance, Actor, Changes, Command, ConnectivityUpdate, Constants, Join, JoinedState,
    NewSeat, NewSession, Session, StandingCommand, Update,
};
use model::wire;
use model::{Name, PlayerId, Region, SessionId, Timestamp};
use store::{CommitError, Item, WriteSet};

use super::asked::{Asked, left_by, reader, seen_by};
use super::hubs::Led;
use super::idempotency::Idempotency;
use super::players::{self, Change, Stand};
use super::subscriptions::{Noticed, Way};
use super::view::{self, Reader};
use super::write::{Document, Held, Refusal, commit_error, not_found};
use super::{Core, actor, rows, standing};
use crate::{Error, Principal};

/// What joining means for somebody who has joined already (F25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinMode {
    /// His state and properties are set.
    JoinOrUpdate,
    /// 412.
    JoinOnly,
}

impl Core {
    /// Makes a session; a player becomes its first member and leader. `false`: of a hub type, and he was led to one
    /// that is there (R78).
    ///
    /// # Errors
    /// 403 when the type or the caller does not allow it, 404 for an unknown type, 409 for a constant
    /// with another value, 422 for a field with a bad value.
    pub async fn create_session(
        &self,
        who: &Principal,
        mut body: wire::CreateSession,
        idempotency: Option<&str>,
    ) -> Result<(bool, wire::Session), Error> {
        // The password is part of what is asked for. What is kept of the request must not help whoever reads the
        // store to guess it, though, and a plain digest would; so its place is taken by what only this server's
        // secret can make of it.
        let password = body.password.take();
        let sealed = password
            .as_ref()
            .map(|it| self.keys.seal("password", &it.0));
        body.password = sealed.transpose()?.map(wire::Password);
        let key = self.idempotency(who, idempotency, ("sessions", ""), &body)?;
        body.password = password;
        let _moving = self.moving_in(who, &body.r#type).await;
        let led = self.lead_creator(who, &mut body, key.as_ref(), false);
        let making = match led.await? {
            Some(Led::Into(session, _)) => return Ok((false, *session)),
            Some(Led::Nowhere(making)) => Some(making),
            None => None,
        };
        let now = self.now();
        let new = self.new_session(who, body, now).await?;
        let (session, changes) = Session::create(new, now)?;
        match self
            .insert_session(session, changes, key.as_ref(), now)
            .await
        {
            Ok(session) => {
                if let (Some(_), Principal::Player { player, .. }) = (&making, who) {
                    let header = session.header();
                    self.leave_other_hubs(player, &header.session_type, header.id)
                        .await?;
                }
                Ok((true, seen_by(who, &session)))
            }
            Err(Error::IdempotencyKeyReused) => {
                let made = self.made_by(key.as_ref()).await?;
                let made = made.and_then(|made| made.parse().ok());
                let made = made.ok_or(Error::IdempotencyKeyReused)?;
                Ok((true, self.read_session(who, made).await?))
            }
            Err(error) => Err(error),
        }
    }

    /// What making it would come to by the law; nothing is written.
    ///
    /// # Errors
    /// As [`Core::create_session`].
    pub async fn rehearse_session(
        &self,
        who: &Principal,
        mut body: wire::CreateSession,
    ) -> Result<wire::Session, Error> {
        if let Some(Led::Into(session, _)) = self.lead_creator(who, &mut body, None, true).await? {
            return Ok(*session);
        }
        let now = self.now();
        let (session, _) = Session::create(self.new_session(who, body, now).await?, now)?;
        Ok(seen_by(who, &session))
    }

    async fn new_session(
        &self,
        who: &Principal,
        body: wire::CreateSession,
        now: Timestamp,
    ) -> Result<NewSession, Error> {
        if body.me.as_ref().is_some_and(|me| me.password.is_some()) {
            return Err(Error::Invalid {
                field: "me.password".into(),
                detail: "who creates a session needs no password to it".into(),
            });
        }
        let constants = self
            .revisions
            .current(&body.r#type)
            .ok_or_else(|| Error::NotFound {
                what: "session type",
                id: body.r#type.clone(),
            })?;
        self.allow_size(&constants.session_type, body.max_members)?;
        let mut new = self.blank_session(constants, actor(who), now);
        new.region = body.region;
        new.joinability = body.joinability;
        if let Some(password) = body.password.filter(|password| !password.0.is_empty()) {
            new.password = Some(self.passwords.keep(&password).await?);
        }
        new.visibility = body.visibility;
        new.max_members = body.max_members;
        new.capabilities = body.capabilities;
        new.keywords = body.keywords;
        new.custom_data = body.custom_data;
        new.custom = body.custom;
        new.constants_custom = body.constants;
        new.initialize = body.initialize;
        match who {
            Principal::Player { player, .. } => {
                let me = body.me.unwrap_or_else(taking_part);
                let mut join = join(who, player.clone(), me)?;
                let way = Way::Makes(&new.constants.session_type.name);
                self.count_subscribed(who, way, &mut join.own.subscriptions)
                    .await?;
                new.members.push(NewSeat::Joined(Box::new(join)));
            }
            _ if body.me.is_some() => {
                return Err(Error::Invalid {
                    field: "me".into(),
                    detail: "only a player joins the session that he creates".into(),
                });
            }
            _ => {}
        }
        for seat in body.reserve {
            new.members.push(standing::new_seat(seat)?);
        }
        Ok(new)
    }

    /// A session of a type with ids of its own, and nothing else yet.
    pub(crate) fn blank_session(
        &self,
        constants: Arc<Constants>,
        by: Actor,
        now: Timestamp,
    ) -> NewSession {
        let mut new = NewSession::new(self.ids.next(now), self.ids.next(now), constants, by);
        new.launch = Some(self.ids.next(now));
        new
    }

    /// Commits a session that is new, with what belongs to it, and tells its members.
    pub(crate) async fn insert_session(
        &self,
        session: Session,
        changes: Changes,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Arc<Session>, Error> {
        self.insert_session_then(session, changes, idempotency, Vec::new(), now, |_| {
            Vec::new()
        })
        .await
    }

    /// The same with items of the caller's in the same write set; `then` runs once they are committed,
    /// before anybody can see the session, and says who else is told of what.
    pub(crate) async fn insert_session_then(
        &self,
        session: Session,
        changes: Changes,
        idempotency: Option<&Idempotency>,
        along: Vec<Item>,
        now: Timestamp,
        then: impl FnOnce(&Core) -> Vec<(PlayerId, Change)>,
    ) -> Result<Arc<Session>, Error> {
        let id = session.header().id;
        let mut items =
            rows::session_items(&self.namespace, None, id, &changes, self.due_of(&changes))?;
        if let Some(idempotency) = idempotency {
            items.push(idempotency.item(id, now)?);
        }
        items.extend(along);
        let mut slot = self.sessions.lock(id).await;
        match self.commits.commit(WriteSet { items }).await {
            Ok(()) => {}
            Err(CommitError::Conflict { keys, .. }) => {
                drop(slot);
                self.sessions.forget(id);
                if idempotency.is_some_and(|one| keys.contains(&one.key)) {
                    return Err(Error::IdempotencyKeyReused);
                }
                self.reload_records(&keys).await?;
                return Err(Error::Overloaded);
            }
            Err(error) => return Err(commit_error(error)),
        }
        if let Some(due) = self.due_of(&changes) {
            self.timers.hint(due);
        }
        let mut told = then(self);
        let session = Arc::new(session);
        let header = session.header();
        *slot = Some(Document::new(session.clone()));
        let of_type = &session.constants().session_type;
        let noticed = Noticed::all(header.change_number);
        told.extend(session.members().map(|member| {
            let stand = Stand::of(of_type, header, &noticed, member);
            (member.player.clone(), Change::Session(id, stand))
        }));
        self.listings
            .put(session.constants(), header, changes.next_timer);
        self.players.tell(told);
        drop(slot);
        self.instance_appeared(&session);
        Ok(session)
    }

    /// Reads a session, settled.
    ///
    /// # Errors
    /// 404 when it does not exist or is not for this caller to see.
    pub async fn read_session(
        &self,
        who: &Principal,
        id: SessionId,
    ) -> Result<wire::Session, Error> {
        let session = self.settled(id).await?;
        let reader = reader(who, &session).ok_or_else(|| not_found(id))?;
        Ok(view::session(&session, reader))
    }

    /// The session, brought up to date.
    pub(crate) async fn settled(&self, id: SessionId) -> Result<Held, Error> {
        if let Some(session) = self.settled_already(id).await {
            return Ok(session);
        }
        // Settling may write, and what follows from a write must happen even if the reader goes away meanwhile.
        let core = self.clone();
        let settling = self
            .tasks
            .spawn(async move { core.write(id, |_, _, _| Ok(())).await });
        let written = settling
            .await
            .map_err(|error| Error::Internal(error.to_string()))??;
        written.session.ok_or_else(|| not_found(id))
    }

    /// The same where the session may have ended: `None` then.
    pub(crate) async fn settled_if_there(&self, id: SessionId) -> Result<Option<Held>, Error> {
        match self.settled(id).await {
            Ok(session) => Ok(Some(session)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The session, if it is in memory and nothing of it is due.
    async fn settled_already(&self, id: SessionId) -> Option<Held> {
        let slot = self.sessions.lock(id).await;
        let session = slot.as_ref()?.session.clone();
        let now = self.clock.now();
        if self.notes_ended_ticket(&session) {
            return None;
        }
        let document = slot.as_ref()?;
        let asks = document.asks_presence(now);
        let draft = self.settled_draft(&session, None, asks, now).ok()?;
        if draft.launch_at().is_some_and(|at| at <= now) || !draft.finish(now).is_empty() {
            return None;
        }
        document.presence_asked(asks, now);
        Some(Held::new(session, slot))
    }

    /// Changes properties of a session.
    ///
    /// # Errors
    /// 403 for who may not, 412 with the current session when `if_match` is stale, 422 for bad values.
    pub async fn update_session(
        &self,
        asked: &Asked<'_>,
        body: wire::UpdateSession,
    ) -> Result<wire::Session, Error> {
        let password = match body.password {
            None => None,
            Some(password) => Some(self.new_password(asked, &password).await?),
        };
        let update = Update {
            password,
            joinability: body.joinability,
            closed: body.closed,
            custom_data: body.custom_data,
            custom: body.custom,
            teams: body.teams,
            keywords: body.keywords,
            turn: body.turn,
        };
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                if body.roles.is_none() || update != Update::default() {
                    draft.apply(by, &Command::Update(update.clone()), now)?;
                }
                if let Some(settings) = body.roles.clone() {
                    let command = StandingCommand::SetRoleSettings { settings };
                    draft.apply(by, &Command::Standing(command), now)?;
                }
                Ok(())
            })
            .await?;
        left_by(asked, &written)
    }

    /// Ends a session with all it holds.
    ///
    /// # Errors
    /// 403 for who may not, 404, 412.
    pub async fn delete_session(&self, asked: &Asked<'_>) -> Result<(), Error> {
        self.command(asked, Command::Delete).await.map(drop)
    }

    /// Joins; again by the member himself: sets state and properties. `true` when the player is newly joined. A hub
    /// that does not take him in leads him to another session of its type (R78).
    ///
    /// # Errors
    /// 400 for ready and active at once, 403 not admitted, 404, 409 full or a server's second join for a member
    /// (R9), 422 bad values.
    pub async fn join(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
        body: wire::JoinSession,
        mode: JoinMode,
    ) -> Result<(bool, wire::Session), Error> {
        let _moving = self.moving_to(asked.session, &player).await;
        let password = body.password.clone();
        let mut join = join(asked.who, player, body)?;
        let way = Way::Comes(asked.session);
        self.count_subscribed(asked.who, way, &mut join.own.subscriptions)
            .await?;
        join.password = self.try_password(asked, &join.player, password).await?;
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                let member = draft.member_of(&join.player);
                let joined = member.filter(|member| member.is_joined());
                if let (Some(member), JoinMode::JoinOnly) = (joined, mode) {
                    return Err(Refusal::Stale(match asked.who {
                        Principal::Player { .. } => Reader::Member(member.index),
                        _ => Reader::Insider,
                    }));
                }
                let joined = joined.is_some();
                draft.apply(by, &Command::Join(join.clone()), now)?;
                Ok(!joined)
            })
            .await;
        if join.password.is_some() {
            self.judge_password(&join.player, written.as_ref().err());
        }
        let joined = written.and_then(|written| Ok((written.result, left_by(asked, &written)?)));
        self.joined_hub(asked, join, joined).await
    }

    /// Changes a member's own state and properties.
    ///
    /// # Errors
    /// 400 for ready and active at once, 403 for another's membership, 404, 412, 422.
    pub async fn update_member(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
        body: wire::UpdateMember,
    ) -> Result<wire::Session, Error> {
        let mut own = standing::changed(&body);
        let way = Way::Stays(asked.session);
        self.count_subscribed(asked.who, way, &mut own.subscriptions)
            .await?;
        let connectivity = ConnectivityUpdate {
            secure_device_address: body.secure_device_address.clone(),
            measurements: body.measurements.clone(),
            server_measurements: body.server_measurements.clone(),
            initialization_group: body.initialization_group.clone(),
        };
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                // Whoever has no seat changes none; the law says why not.
                let state = match draft.member_of(&player) {
                    Some(member) => {
                        JoinedState::after_update(member.state, body.ready, body.active)?
                    }
                    None => None,
                };
                let command = Command::UpdateMember {
                    player: player.clone(),
                    state,
                    custom_data: body.custom_data.clone(),
                    custom: body.custom.clone(),
                };
                draft.apply(by, &command, now)?;
                if !connectivity.is_empty() {
                    let (player, update) = (player.clone(), connectivity.clone());
                    draft.apply(by, &Command::SetConnectivity { player, update }, now)?;
                }
                if !own.is_empty() {
                    let (player, own) = (player.clone(), own.clone());
                    let command = Command::Standing(StandingCommand::SetOwn { player, own });
                    draft.apply(by, &command, now)?;
                }
                Ok(())
            })
            .await?;
        left_by(asked, &written)
    }

    /// Leaves (one's own seat) or kicks (another's); `None` when the session ended with it.
    ///
    /// # Errors
    /// 403 for who may not, 404 when there is no such seat.
    pub async fn leave(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
    ) -> Result<Option<wire::Session>, Error> {
        let own = matches!(asked.who, Principal::Player { player: me, .. } if *me == player);
        let command = if own {
            Command::Leave { player }
        } else {
            Command::Kick { player }
        };
        self.command(asked, command).await
    }

    /// Makes a joined member the leader.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 for somebody who has not joined.
    pub async fn promote(
        &self,
        asked: &Asked<'_>,
        player: PlayerId,
    ) -> Result<wire::Session, Error> {
        let command = Command::Promote { player };
        self.change(asked, command).await
    }

    /// A server of the studio takes part, or changes what stands of it.
    ///
    /// # Errors
    /// 403 for anybody else, 404, 409 for other constants than it came with, 412, 422.
    pub async fn put_server(
        &self,
        asked: &Asked<'_>,
        name: Name,
        body: wire::PutServer,
    ) -> Result<wire::Session, Error> {
        let command = Command::PutServer {
            name,
            constants: body.constants,
            custom: body.custom,
        };
        self.change(asked, command).await
    }

    /// A server of the studio takes part no longer.
    ///
    /// # Errors
    /// 403 for anybody else, 404, 412.
    pub async fn remove_server(
        &self,
        asked: &Asked<'_>,
        name: Name,
    ) -> Result<wire::Session, Error> {
        self.change(asked, Command::RemoveServer { name }).await
    }

    /// The sessions that a player is a member of, each settled, with his own state (R31): a page of them.
    ///
    /// # Errors
    /// 503 while the store is away.
    pub async fn sessions_of(
        &self,
        player: &PlayerId,
        after: Option<SessionId>,
    ) -> Result<wire::MySessions, Error> {
        let things = self.things(player).await?;
        let (page, next) = players::page(&things.sessions, after);
        let mut items = Vec::new();
        for id in page {
            let Some(session) = self.settled_if_there(id).await? else {
                continue;
            };
            if let Some(member) = session.member_of(player) {
                items.push(wire::MySession {
                    id,
                    r#type: session.header().session_type.clone(),
                    state: member.state,
                    change_number: session.header().change_number,
                });
            }
        }
        Ok(wire::MySessions { items, next })
    }

    /// Session types as clients need them.
    pub fn session_types(&self) -> wire::List<wire::SessionType> {
        let config = self.config();
        wire::List {
            items: config
                .session_types
                .values()
                .map(|of_type| session_type(of_type))
                .collect(),
        }
    }

    /// One session type.
    ///
    /// # Errors
    /// 404 when there is none of that name.
    pub fn session_type(&self, name: &str) -> Result<wire::SessionType, Error> {
        let config = self.config();
        let found = config.session_type(name);
        found
            .map(|of_type| session_type(of_type))
            .ok_or_else(|| Error::NotFound {
                what: "session type",
                id: name.to_owned(),
            })
    }

    /// The first region of a fleet: where sessions go that state none.
    pub(crate) fn regions_for(&self, fleet: &model::Name, region: Option<&Region>) -> Vec<Region> {
        match region {
            Some(region) => vec![region.clone()],
            None => self
                .config()
                .fleet(fleet.as_str())
                .map(|fleet| fleet.regions.clone())
                .unwrap_or_default(),
        }
    }
}

fn session_type(of_type: &model::session_type::SessionType) -> wire::SessionType {
    wire::SessionType {
        name: of_type.name.clone(),
        revision: of_type.revision,
        max_members: of_type.size.max_members,
        teams: of_type.size.teams.unwrap_or(1),
        by_players: of_type.creation.by_players,
        can_join_matchmaking: of_type.can_join_matchmaking,
        visibility: of_type.visibility,
        joinability: of_type.joinability,
        read_restriction: of_type.read_restriction,
    }
}

/// How a player joins who does not say.
pub(crate) fn taking_part() -> wire::JoinSession {
    wire::JoinSession {
        active: true,
        ..Default::default()
    }
}

/// What the law is told of a join.
pub(crate) fn join(
    who: &Principal,
    player: PlayerId,
    body: wire::JoinSession,
) -> Result<Join, Error> {
    let (claims, device, platform, follows) = match who {
        Principal::Player {
            attributes,
            device,
            platform,
            follows,
            ..
        } => (
            attributes.clone(),
            device.clone(),
            platform.clone(),
            follows.clone(),
        ),
        _ => Default::default(),
    };
    Ok(Join {
        own: Box::new(standing::brought(&body)),
        state: JoinedState::from_flags(body.ready, body.active)?,
        initialize: body.initialize,
        initialization_group: body.initialization_group,
        player,
        team: body.team,
        spectator: body.spectator,
        device,
        claims,
        follows,
        platform,
        client_version: client_version(body.client_version.as_deref())?.map(Box::new),
        password: None,
        acquaintance: Acquaintance::Stranger,
        custom_data: body.custom_data,
        constants: body.constants,
        custom: body.custom,
    })
}

/// The version that a client states of itself.
fn client_version(text: Option<&str>) -> Result<Option<semver::Version>, Error> {
    let parsed = text.map(super::hosting::parse_client_version).transpose();
    parsed.map_err(|detail| Error::Invalid {
        field: "client_version".into(),
        detail,
    })
}
