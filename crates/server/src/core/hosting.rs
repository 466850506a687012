//! Instances of sessions: asking for a host, what the host reports, and the end of it.

use model::instance::{CloseReason, InstanceAllocation, InstanceStatus};
use model::session::{Actor, Command, Header, HostUpdate, InstanceRequest, Session};
use model::wire;
use model::{AllocationId, GameServer, GameServerId, SessionId};

use super::Core;
use super::asked::{Asked, reader, seen_by};
use super::view::{self, Reader};
use super::write::{Held, Refusal, not_found};
use crate::{Error, Principal};

impl Core {
    /// Asks for a host.
    ///
    /// # Errors
    /// 403 for who may not, 409 when one instance is open already, 422 without startup parameters.
    pub async fn request_instance(
        &self,
        asked: &Asked<'_>,
        body: wire::RequestInstance,
        idempotency: Option<&str>,
    ) -> Result<wire::Session, Error> {
        let id = asked.session;
        let target = id.to_string();
        let key = self.idempotency(asked.who, idempotency, ("instances", &target), &body)?;
        let request = InstanceRequest {
            id: self.ids.next(self.now()),
            startup_params: body.startup_params,
            fleet: None,
        };
        let written = self
            .write_asked(asked, |by, draft, along, now| {
                draft.apply(by, &Command::RequestInstance(request.clone()), now)?;
                if let Some(key) = &key {
                    along.items.push(key.item(id, now)?);
                }
                Ok(())
            })
            .await;
        let written = match written {
            Ok(written) => written,
            // A repeat of a request that was carried out finds the instance that it asked for.
            Err(error) => match self.made_by(key.as_ref()).await? {
                Some(_) => return self.read_session(asked.who, id).await,
                None => return Err(error),
            },
        };
        let session = written.session.ok_or_else(|| not_found(id))?;
        Ok(seen_by(asked.who, &session))
    }

    /// Reads the instance of a session.
    ///
    /// # Errors
    /// 404 when there is none, or no such session for this caller, 409 when it does not suit the version that the
    /// caller has stated of his client (A.4).
    pub async fn read_instance(
        &self,
        who: &Principal,
        id: SessionId,
    ) -> Result<wire::Instance, Error> {
        let session = self.settled(id).await?;
        let reader = reader(who, &session).ok_or_else(|| not_found(id))?;
        let instance = session.header().instance.as_ref();
        let instance = instance.ok_or(model::session::Error::NoInstance)?;
        if reader.at_instance(&session) != reader {
            return Err(model::session::Error::ClientMismatch.into());
        }
        Ok(view::instance(instance, reader))
    }

    /// The same for a player who enters it now, with a client of this version; a server may ask for him.
    ///
    /// # Errors
    /// As [`Core::read_instance`], 403 for a player who has not joined, 409 while it is not joinable, 410 when it is
    /// closed (A.4).
    pub async fn enter_instance(
        &self,
        who: &Principal,
        id: SessionId,
        client_version: &semver::Version,
    ) -> Result<wire::Instance, Error> {
        let session = self.settled(id).await?;
        let reader = reader(who, &session).ok_or_else(|| not_found(id))?;
        let instance = match who {
            Principal::Player { player, .. } => session.entrance(player, Some(client_version))?,
            _ => session.open_to(Some(client_version))?,
        };
        Ok(view::instance(instance, reader))
    }

    /// Ends the instance of a session; members keep their seats.
    ///
    /// # Errors
    /// 403 for who may not, 404 when there is none, 410 when it is closed.
    pub async fn close_instance(&self, asked: &Asked<'_>) -> Result<wire::Session, Error> {
        let command = Command::CloseInstance {
            reason: CloseReason::Requested,
        };
        self.change(asked, command).await
    }

    /// What a host says of its instance; acknowledges the allocation if that has not happened yet.
    ///
    /// # Errors
    /// 409 for an allocation that is not this game server's or no longer counts, 410 for a closed instance.
    pub async fn host_update(
        &self,
        game_server: GameServerId,
        id: SessionId,
        body: wire::HostUpdate,
    ) -> Result<wire::Instance, Error> {
        let version = match body
            .version
            .as_deref()
            .map(semver::Version::parse)
            .transpose()
        {
            Ok(version) => version,
            Err(error) => {
                return Err(Error::Invalid {
                    field: "version".into(),
                    detail: format!("{error}; write a semantic version such as 1.4.2"),
                });
            }
        };
        let allocation_id = body.allocation_id;
        let update = HostUpdate {
            allocation_id,
            status: body.status,
            version,
            join_custom_data: body.join_custom_data,
            connected: body.connected,
        };
        let command = Command::HostUpdate(update);
        let session = self
            .as_host(game_server, id, allocation_id, &command)
            .await?;
        let instance = session.header().instance.as_ref();
        Ok(view::instance(
            instance.ok_or(model::session::Error::NoInstance)?,
            Reader::Insider,
        ))
    }

    /// The game server takes an allocation on. The first of two attempts wins (R-table, design of the hedge).
    ///
    /// # Errors
    /// 409 for an allocation that is not this game server's or no longer counts.
    pub async fn acknowledge(
        &self,
        game_server: GameServerId,
        allocation_id: AllocationId,
    ) -> Result<(), Error> {
        let session = self.session_of(game_server, allocation_id)?;
        let command = Command::Acknowledge { allocation_id };
        self.as_host(game_server, session, allocation_id, &command)
            .await
            .map(drop)
    }

    async fn as_host(
        &self,
        game_server: GameServerId,
        id: SessionId,
        allocation: AllocationId,
        command: &Command,
    ) -> Result<Held, Error> {
        let by = Actor::Host(allocation);
        // Heard of from here on: should the store be slow, that is no fault of the host.
        let _writes = self.registry.host_writes(allocation);
        let written = self
            .write(id, |draft, _, now| {
                if !holds(draft.header(), game_server, allocation) {
                    return Err(Refusal::from(model::session::Error::ForeignAllocation));
                }
                Ok(draft.apply(&by, command, now)?)
            })
            .await;
        match written {
            Ok(written) => written.session.ok_or_else(|| not_found(id)),
            // A host whose session is gone holds nothing any more.
            Err(Error::NotFound { .. }) => Err(model::session::Error::ForeignAllocation.into()),
            Err(error) => Err(error),
        }
    }

    fn session_of(
        &self,
        game_server: GameServerId,
        allocation: AllocationId,
    ) -> Result<SessionId, Error> {
        let record = self.registry.records.get(game_server);
        let held = record.and_then(|record| {
            record
                .value
                .allocations
                .iter()
                .find(|held| held.allocation == allocation)
                .cloned()
        });
        Ok(held
            .ok_or(model::session::Error::ForeignAllocation)?
            .session)
    }

    /// Where an allocation stands, for whoever was given its id.
    ///
    /// # Errors
    /// 404 when no game server holds it.
    pub async fn read_allocation(
        &self,
        who: &Principal,
        id: AllocationId,
    ) -> Result<wire::Allocation, Error> {
        let of_caller = |server: &GameServer| match who {
            Principal::GameServer { id, .. } => server.id == *id,
            _ => true,
        };
        for server in self.registry.records.values() {
            let held = server.allocations.iter().find(|held| held.allocation == id);
            if let Some(held) = held.filter(|_| of_caller(&server)) {
                if matches!(who, Principal::Player { .. }) {
                    // Addresses are for those with a seat (A.3b) and a client that suits (A.4).
                    let session = self.settled(held.session).await?;
                    let reader = reader(who, &session).map(|one| one.at_instance(&session));
                    if !reader.is_some_and(Reader::is_inside) {
                        break;
                    }
                }
                return Ok(wire::Allocation {
                    id,
                    session: held.session,
                    game_server: server.id,
                    addresses: server.addresses.clone(),
                });
            }
        }
        Err(Error::NotFound {
            what: "allocation",
            id: id.to_string(),
        })
    }

    /// A game server is gone: every session that it hosted loses its host.
    pub(crate) fn hosts_lost(&self, server: &GameServer) {
        for held in server.allocations.clone() {
            let core = self.clone();
            self.spawn(async move { core.lose_host(held.session, held.allocation).await });
        }
    }

    /// The host of one allocation is gone.
    pub(crate) async fn lose_host(&self, session: SessionId, allocation_id: AllocationId) {
        let command = Command::LoseHost { allocation_id };
        if let Err(error) = self.try_command(session, &Actor::Service, &command).await {
            tracing::warn!(%error, session.id = %session, "a session could not be told that its host is gone");
        }
    }

    /// What the drivers have to do when the instance of a session moved on.
    pub(crate) fn instance_moved(&self, before: &Header, after: &Header, deleted: bool) {
        let requested = |header: &Header| {
            header
                .open_instance()
                .filter(|instance| instance.status == InstanceStatus::Requested)
                .cloned()
        };
        let (was, is) = (
            requested(before),
            if deleted { None } else { requested(after) },
        );
        if let Some(instance) = was
            && is.as_ref().is_none_or(|now| now.id != instance.id)
        {
            self.registry
                .wait_over(&instance.fleet, instance.requested_at, before.id);
        }
        if is.is_some() {
            self.ask_for_host(before.id);
        }
        if !deleted && let Some(allocation) = awaits_acknowledgement(after) {
            let known = awaits_acknowledgement(before);
            if known.is_none_or(|known| known != allocation) {
                self.expect_acknowledgement(before.id, allocation);
            }
        }
    }

    /// The same for a session that is new.
    pub(crate) fn instance_appeared(&self, session: &Session) {
        if let Some(instance) = session.header().open_instance()
            && instance.status == InstanceStatus::Requested
        {
            self.ask_for_host(session.header().id);
        }
    }
}

/// The first attempt of an instance that nobody has acknowledged and that has no hedge beside it.
pub(crate) fn awaits_acknowledgement(header: &Header) -> Option<AllocationId> {
    let instance = header.open_instance()?;
    let allocation = instance.allocation.as_ref()?;
    (!allocation.acknowledged && allocation.hedge.is_none()).then_some(allocation.id)
}

fn holds(header: &Header, game_server: GameServerId, allocation: AllocationId) -> bool {
    let instance = header.instance.as_ref();
    let first = instance.and_then(|instance| instance.allocation.as_ref());
    first
        .into_iter()
        .flat_map(InstanceAllocation::attempts)
        .any(|attempt| attempt.id == allocation && attempt.game_server == game_server)
}

/// The longest version that a client states of itself, in bytes.
pub const CLIENT_VERSION_BYTES_MAX: usize = 128;

/// The version that a client states of itself; why it is none.
pub(crate) fn parse_client_version(text: &str) -> Result<semver::Version, String> {
    if text.len() > CLIENT_VERSION_BYTES_MAX {
        return Err(format!("it has at most {CLIENT_VERSION_BYTES_MAX} bytes"));
    }
    semver::Version::parse(text)
        .map_err(|error| format!("{error}; write a semantic version such as 1.4.2"))
}
