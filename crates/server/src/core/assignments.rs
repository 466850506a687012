//! The game-server protocol: the assignment long poll, health, and a game server's own end.

use std::sync::Arc;

use model::game_server::{Allocated, GameServerState};
use model::wire;
use model::{GameServer, GameServerId, Millis};
use store::{Item, WriteSet};

use super::write::commit_error;
use super::{Core, rows};
use crate::{Error, Principal};

/// A token is renewed when less than this share of its life is left.
const RENEW_BELOW: u64 = 2;

impl Core {
    /// Answers when what the game server is to do differs from version `seen`, or `wait` is over.
    ///
    /// Its first poll makes it ready. The token of its environment is good until the one given here is used.
    ///
    /// # Errors
    /// 401 when the game server is gone or its first token was used up.
    pub async fn assignments(
        &self,
        who: &Principal,
        seen: Option<i64>,
        wait: Millis,
    ) -> Result<wire::Assignments, Error> {
        let Principal::GameServer {
            id,
            first_token,
            expires_at,
        } = who
        else {
            return Err(Error::Forbidden(
                "only a game server has assignments".into(),
            ));
        };
        self.came_to_poll(*id, *first_token).await?;
        let gone = || Error::Unauthorized("this game server is no longer registered".into());
        let notify = self.registry.poll_opens(*id).ok_or_else(gone)?;
        let _ends = PollGuard {
            core: self,
            id: *id,
        };
        if let Some(record) = self.registry.records.get(*id) {
            self.server_freed(&record.value);
        }
        let deadline = tokio::time::sleep(wait.duration());
        tokio::pin!(deadline);
        let mut over = false;
        loop {
            let woken = notify.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let record = self.registry.records.get(*id).ok_or_else(gone)?;
            let moved = seen != Some(record.number);
            if moved || over || self.registry.is_suspect(*id) {
                let token = self.renewed(*id, *first_token, *expires_at);
                return self.answer(&record.value, record.number, token).await;
            }
            tokio::select! {
                () = &mut woken => {}
                () = &mut deadline => over = true,
                () = self.shutdown.cancelled() => over = true,
            }
        }
    }

    fn renewed(&self, id: GameServerId, first: bool, expires_at: i64) -> Option<String> {
        let now = self.now();
        let ttl = self.settings.game_server_token_ttl;
        let left = expires_at.saturating_sub(now.0);
        let half = i64::try_from(ttl.0 / RENEW_BELOW).unwrap_or(i64::MAX);
        (first || left < half).then(|| {
            self.keys
                .mint_game_server(&self.namespace, id, false, now, ttl)
        })
    }

    /// Whether the principal of a good token may still act: a game server that is registered, by a token that has
    /// not been exchanged.
    ///
    /// # Errors
    /// 401 otherwise.
    pub(crate) fn still_registered(
        &self,
        id: GameServerId,
        first_token: bool,
    ) -> Result<Arc<GameServer>, Error> {
        let record = self.registry.records.get(id).ok_or_else(|| {
            Error::Unauthorized("this game server is no longer registered".into())
        })?;
        if first_token && record.value.first_token_spent {
            return Err(Error::Unauthorized(
                "this token was exchanged for another one".into(),
            ));
        }
        Ok(record.value)
    }

    /// The first poll makes a game server ready; the first one with a renewed token spends the first token.
    async fn came_to_poll(&self, id: GameServerId, first_token: bool) -> Result<(), Error> {
        let server = self.still_registered(id, first_token)?;
        let starts = server.state == GameServerState::Starting;
        let spends = !first_token && !server.first_token_spent;
        if !starts && !spends {
            return Ok(());
        }
        let now = self.now();
        self.change_server(id, |server| {
            if server.state == GameServerState::Starting {
                server.state = GameServerState::Ready;
                server.since = now;
            }
            server.first_token_spent |= !first_token;
        })
        .await
        .map(drop)
    }

    /// Changes a row of the registry on its own; `None` when it is not there.
    pub(crate) async fn change_server(
        &self,
        id: GameServerId,
        change: impl Fn(&mut GameServer),
    ) -> Result<Option<Arc<GameServer>>, Error> {
        loop {
            let Some(mut taken) = self.registry.records.take(id).await else {
                return Ok(None);
            };
            let mut server = (*taken.value).clone();
            change(&mut server);
            if server == *taken.value {
                let unchanged = taken.value.clone();
                drop(taken);
                // Whoever looked for a host meanwhile has passed it over.
                self.server_freed(&unchanged);
                return Ok(Some(unchanged));
            }
            let number = taken.number + 1;
            let row = rows::game_server_row(&self.namespace, &server, number)?;
            let items = vec![Item::Put {
                row,
                expected: Some(taken.number),
            }];
            match self.commits.commit(WriteSet { items }).await {
                Ok(()) => {
                    let server = Arc::new(server);
                    taken.committed(server.clone(), number);
                    self.registry.committed(server.clone(), number);
                    drop(taken);
                    self.server_freed(&server);
                    return Ok(Some(server));
                }
                Err(store::CommitError::Conflict { keys, .. }) => {
                    drop(taken);
                    self.reload_records(&keys).await?;
                }
                Err(error) => return Err(commit_error(error)),
            }
        }
    }

    async fn answer(
        &self,
        server: &GameServer,
        version: i64,
        token: Option<String>,
    ) -> Result<wire::Assignments, Error> {
        let mut assignments = Vec::new();
        for held in &server.allocations {
            if let Some(assignment) = self.assignment(held).await? {
                assignments.push(assignment);
            }
        }
        let quit = server.state == GameServerState::Draining && server.allocations.is_empty();
        Ok(wire::Assignments {
            version,
            game_server: server.id,
            quit,
            assignments,
            token,
        })
    }

    /// `None` when the session is gone, or has forgotten the allocation since.
    async fn assignment(&self, held: &Allocated) -> Result<Option<wire::Assignment>, Error> {
        let session = match self.settled(held.session).await {
            Ok(session) => session,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let header = session.header();
        let Some(instance) = header.open_instance() else {
            return Ok(None);
        };
        let acknowledged = instance
            .allocation
            .as_ref()
            .is_some_and(|allocation| allocation.id == held.allocation && allocation.acknowledged);
        Ok(Some(wire::Assignment {
            allocation_id: held.allocation,
            acknowledged,
            session: header.id,
            session_type: header.session_type.clone(),
            instance: instance.id,
            match_id: header.match_id,
            region: header.region.clone(),
            startup_params: instance.startup_params.clone(),
            custom_data: header.custom_data.clone(),
            members: session
                .members()
                .map(|member| wire::AssignmentMember {
                    player: member.player.clone(),
                    team: member.team,
                    state: member.state,
                })
                .collect(),
        }))
    }

    /// The game server says how it is.
    ///
    /// # Errors
    /// 401 when it is no longer registered.
    pub async fn health(&self, id: GameServerId, health: wire::Health) -> Result<(), Error> {
        if self.registry.set_health(id, health, self.now()) {
            Ok(())
        } else {
            Err(Error::Unauthorized(
                "this game server is no longer registered".into(),
            ))
        }
    }

    /// The game server ends by its own will: nothing is given to it any more, what it hosted loses its host.
    ///
    /// # Errors
    /// 503 while the store is away.
    pub async fn shutdown_game_server(&self, id: GameServerId) -> Result<(), Error> {
        let now = self.now();
        let server = self
            .change_server(id, |server| {
                if server.state != GameServerState::Gone {
                    server.state = GameServerState::Draining;
                    server.since = now;
                }
            })
            .await?;
        if let Some(server) = server {
            self.hosts_lost(&server);
        }
        Ok(())
    }

    /// All fleets with what they run.
    ///
    /// # Errors
    /// None at present; the type leaves room for a store that is away.
    pub async fn fleets(&self, _who: &Principal) -> Result<wire::List<wire::Fleet>, Error> {
        let config = self.config();
        let mut names: Vec<_> = config.fleets.keys().cloned().collect();
        names.extend(self.registry.fleets().into_iter().map(|(name, _)| name));
        names.sort();
        names.dedup();
        Ok(wire::List {
            items: names
                .into_iter()
                .map(|name| self.fleet_view(name))
                .collect(),
        })
    }

    /// One fleet with what it runs.
    ///
    /// # Errors
    /// 404 when there is none of that name.
    pub async fn fleet(&self, who: &Principal, name: &str) -> Result<wire::Fleet, Error> {
        let fleets = self.fleets(who).await?;
        let found = fleets
            .items
            .into_iter()
            .find(|fleet| fleet.name.as_str().eq_ignore_ascii_case(name));
        found.ok_or_else(|| Error::NotFound {
            what: "fleet",
            id: name.to_owned(),
        })
    }

    fn fleet_view(&self, name: model::Name) -> wire::Fleet {
        let now = self.now();
        let mut waiting = 0;
        let mut game_servers = Vec::new();
        for key in self
            .registry
            .fleets()
            .into_iter()
            .filter(|(fleet, _)| *fleet == name)
        {
            waiting += self.registry.load(&key).0;
            for server in self.registry.of_fleet(&key) {
                let patience = self.health_patience();
                let health = self.registry.health(server.id, now, patience);
                game_servers.push(super::view::game_server(&server, health));
            }
        }
        game_servers.sort_by_key(|server| server.id);
        wire::Fleet {
            name,
            waiting,
            game_servers,
        }
    }

    /// Without a report for this long a game server's health is unknown.
    fn health_patience(&self) -> Millis {
        let config = self.config();
        let longest = config.session_types.values().filter_map(|of_type| {
            let health = of_type.instance.as_ref()?.health;
            Some(
                health
                    .cadence
                    .0
                    .saturating_mul(u64::from(health.missed_before_unknown)),
            )
        });
        Millis(longest.max().unwrap_or(30_000))
    }
}

struct PollGuard<'a> {
    core: &'a Core,
    id: GameServerId,
}

impl Drop for PollGuard<'_> {
    fn drop(&mut self) {
        self.core.registry.poll_ends(self.id, self.core.now());
    }
}
