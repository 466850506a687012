//! A server whose game servers are played by the test: registered like a provider's, polled through the SDK.

use allocator::conformance::fleet_api::FleetKey;
use allocator::{FleetApi, Observation};
use model::instance::InstanceStatus;
use model::ticket::TicketState;
use model::wire::{
    Assignment, CreateSession, CreateTicket, GameServer as Row, HostUpdate, Instance,
    PrincipalKind, RequestInstance, Ticket,
};
use model::{GameServerId, SessionId};
use sdk::Client;
use sdk::game_server::{Change, GameServer, Reporter, Settings};
use server::core::InMemoryFleetApi;

use crate::{Database, Kind, Setup, TestServer, eventually, namespace, register};

/// A fleet of `provider: process` that nobody runs, its session types and a queue. `{slots}` and `{retries}` are
/// filled in.
const TYPES: &str = include_str!("cast.yaml");

/// What the fleet and the queue are like.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Sessions on one game server.
    pub slots: u16,
    /// Failed placements that a ticket survives.
    pub retries: u32,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            slots: 1,
            retries: 3,
        }
    }
}

/// The server and its fleet.
pub struct Stage {
    /// The server.
    pub server: TestServer,
    /// Where it keeps everything.
    pub database: Database,
    /// The fleet.
    pub key: FleetKey,
    script: Script,
}

/// One game server, as its process would be.
pub struct Player {
    /// Its id.
    pub id: GameServerId,
    /// Polls by itself.
    pub game: GameServer,
}

impl Stage {
    /// A server on an empty database; `None` where that is not to be had.
    pub async fn set(kind: Kind, script: Script) -> Option<Stage> {
        let database = Database::new(kind, "game servers played by the test").await?;
        Some(Self::on(database, script).await)
    }

    async fn on(database: Database, script: Script) -> Stage {
        let session_types = TYPES
            .replace("{slots}", &script.slots.to_string())
            .replace("{retries}", &script.retries.to_string());
        let setup = Setup {
            session_types,
            ..Setup::default()
        };
        let key = FleetKey {
            namespace: namespace(),
            fleet: "arena".parse().expect("a name"),
            region: "eu-west".parse().expect("a region"),
        };
        Stage {
            server: TestServer::start(&database, setup).await,
            database,
            key,
            script,
        }
    }

    /// Stops the server in order and starts another on the same database; its address is another, too.
    pub async fn restart(self) -> Stage {
        self.server.stop().await;
        Self::on(self.database, self.script).await
    }

    /// The fleet API.
    pub fn api(&self) -> InMemoryFleetApi {
        InMemoryFleetApi::new(self.server.core.clone())
    }

    /// A client of an operator.
    pub fn admin(&self) -> Client {
        self.server.client(PrincipalKind::Admin, "root")
    }

    /// Registers a game server and gives a client with the token of its environment; it has not polled yet.
    ///
    /// # Panics
    /// When there is no room for it.
    pub async fn registered(&self, node: &str) -> (GameServerId, Client) {
        let (id, observed) = register(&self.api(), &self.key, node).await;
        assert_eq!(observed.url, self.server.url);
        let client = Client::new(&observed.url, &observed.token).expect("a client");
        (id, client)
    }

    /// A game server that polls by itself, and is ready.
    pub async fn game_server(&self, node: &str) -> Player {
        let (id, client) = self.registered(node).await;
        let settings = Settings {
            wait: std::time::Duration::from_secs(30),
            ..Settings::default()
        };
        let game = GameServer::start(client, id, settings);
        eventually("the game server to be ready", async || {
            let row = self.row(id).await?;
            (row.state == model::game_server::GameServerState::Ready).then_some(())
        })
        .await;
        Player { id, game }
    }

    /// How the registry shows a game server; `None` once it is gone.
    ///
    /// # Panics
    /// When the fleet is not there.
    pub async fn row(&self, id: GameServerId) -> Option<Row> {
        let fleet = self.admin().fleet(&self.key.fleet).await;
        let fleet = fleet.expect("the fleet");
        fleet.game_servers.into_iter().find(|row| row.id == id)
    }

    /// Waits until this many sessions wait for a host.
    pub async fn waiting(&self, count: u32) {
        eventually("waiting sessions", async || {
            let fleet = self.admin().fleet(&self.key.fleet).await.ok()?;
            (fleet.waiting == count).then_some(())
        })
        .await;
    }

    /// Waits until a game server carries this many sessions.
    pub async fn carries(&self, id: GameServerId, used: u16) {
        eventually("a game server's load", async || {
            (self.row(id).await?.used == used).then_some(())
        })
        .await;
    }

    /// The process of a game server has ended.
    ///
    /// # Panics
    /// When the registry cannot be told.
    pub async fn dies(&self, id: GameServerId) {
        let observation = Observation::Ended {
            reason: "signal: 9".to_owned(),
        };
        let api = self.api();
        let told = api.observed(&self.key.namespace, id, observation).await;
        told.expect("the registry listens");
    }

    /// A room that asks for a host, with one player in it.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn room(&self, of_type: &str, player: &str) -> SessionId {
        let body = CreateSession {
            r#type: of_type.to_owned(),
            ..CreateSession::default()
        };
        let client = self.server.player(player);
        let room = client.create_session(&body).await.expect("a room").id;
        let asked = client
            .request_instance(room, &RequestInstance::default())
            .await;
        asked.expect("a host may be asked for");
        room
    }

    /// Waits until the instance of a session is as it should be.
    pub async fn instance(
        &self,
        session: SessionId,
        what: &str,
        fits: impl Fn(&Instance) -> bool,
    ) -> Instance {
        let admin = self.admin();
        eventually(what, async || {
            let instance = admin.instance(session).await.ok()?;
            fits(&instance).then_some(instance)
        })
        .await
    }

    /// A party of one player that queues for a duel.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn queued(&self, player: &str) -> Ticket {
        let client = self.server.player(player);
        let party = CreateSession {
            r#type: "Party".into(),
            ..CreateSession::default()
        };
        let party = client.create_session(&party).await.expect("a party");
        let ticket = CreateTicket {
            queue: "duel".into(),
            ..CreateTicket::default()
        };
        let ticket = client.create_ticket(party.id, &ticket).await;
        ticket.expect("a ticket")
    }

    /// Waits until a ticket is as it should be.
    pub async fn ticket(&self, ticket: &Ticket, fits: impl Fn(&Ticket) -> bool) -> Ticket {
        let admin = self.admin();
        eventually("a ticket's state", async || {
            let ticket = admin.ticket(ticket.id).await.expect("the ticket");
            fits(&ticket).then_some(ticket)
        })
        .await
    }

    /// Waits until a ticket has ended with a game.
    pub async fn found(&self, ticket: &Ticket) -> Ticket {
        self.ticket(ticket, |ticket| ticket.state == TicketState::Found)
            .await
    }
}

impl Player {
    /// The next change, within a minute.
    pub async fn change(&mut self) -> Change {
        let next = self.game.next_change();
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), next);
        next.await.expect("a change within a minute")
    }

    /// The next thing to host; updates of other games are passed over.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn assigned(&mut self) -> Assignment {
        loop {
            match self.change().await {
                Change::Assigned(game) => return game,
                Change::Updated(_) => {}
                other => panic!("no assignment but {other:?}"),
            }
        }
    }

    /// Waits until a game is over.
    ///
    /// # Panics
    /// When something else ends first.
    pub async fn over(&mut self, game: &Assignment) {
        loop {
            match self.change().await {
                Change::Over(ended) if ended.allocation_id == game.allocation_id => return,
                Change::Updated(_) => {}
                other => panic!("not the end of that game but {other:?}"),
            }
        }
    }

    /// What it says.
    pub fn says(&self) -> Reporter {
        self.game.reporter()
    }

    /// Takes the next game on and lets members in.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn hosts(&mut self) -> Assignment {
        let game = self.assigned().await;
        self.says().acknowledge(&game).await.expect("a yes");
        self.says().joinable(&game).await.expect("a yes");
        game
    }
}

/// What a host says of its instance, and nothing else.
pub fn status(game: &Assignment, status: InstanceStatus) -> HostUpdate {
    HostUpdate {
        allocation_id: game.allocation_id,
        status: Some(status),
        version: None,
        join_custom_data: None,
        connected: None,
    }
}
