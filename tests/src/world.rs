//! A server whose clock only the test moves, on a database that outlives it.

use model::wire::{CreateSession, JoinSession, PrincipalKind, Reservation, Session, UpdateMember};
use model::{Millis, PlayerId, SessionId, Timestamp};
use sdk::{Client, Who};
use server::clock::Clock;
use server::core::Settings;

use crate::{Database, Kind, SESSION_TYPES, Setup, TestServer, player};

/// When a world's time begins, in milliseconds since 1970.
pub const START: Timestamp = Timestamp(1_800_000_000_000);

/// Durations of every kind, for the laws of sessions.
pub const LAW_TYPES: &str = include_str!("law_types.yaml");

/// A server, its clock and its database.
pub struct World {
    /// The server that runs now.
    pub server: TestServer,
    /// Its time.
    pub clock: Clock,
    /// What outlives it.
    pub database: Database,
    yaml: String,
    settings: Settings,
}

impl World {
    /// A world with [`SESSION_TYPES`] on SQLite.
    pub async fn new() -> World {
        Self::with(SESSION_TYPES).await
    }

    /// A world with this YAML on SQLite.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with(yaml: &str) -> World {
        let world = Self::on(Kind::Sqlite, "", yaml, Settings::default()).await;
        world.expect("a SQLite database is always there")
    }

    /// A world on a database of this kind; `None`, said aloud, where there is none.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn on(kind: Kind, test: &str, yaml: &str, settings: Settings) -> Option<World> {
        let database = Database::new(kind, test).await?;
        let clock = Clock::manual(START);
        let yaml = yaml.to_owned();
        let server = TestServer::start(&database, setup(&yaml, &clock, &settings)).await;
        Some(World {
            server,
            clock,
            database,
            yaml,
            settings,
        })
    }

    /// This YAML takes effect, also for the next start.
    ///
    /// # Panics
    /// When it does not.
    pub async fn reloaded(&mut self, yaml: &str) {
        self.server.reloaded(yaml).await;
        yaml.clone_into(&mut self.yaml);
    }

    /// The server ends in order and another one starts on the same database, at the same time.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(self) -> World {
        let World {
            server,
            clock,
            database,
            yaml,
            settings,
        } = self;
        server.stop().await;
        let server = TestServer::start(&database, setup(&yaml, &clock, &settings)).await;
        World {
            server,
            clock,
            database,
            yaml,
            settings,
        }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// It is now so many milliseconds after the start.
    pub fn at(&self, millis: u64) {
        self.clock.advance_to(START + Millis(millis));
    }

    /// A player's client.
    pub fn player(&self, name: &str) -> Client {
        self.server.player(name)
    }

    /// An operator's client, whose reading makes nobody present.
    pub fn admin(&self) -> Client {
        self.server.client(PrincipalKind::Admin, "root")
    }

    /// A back end's client.
    pub fn backend(&self) -> Client {
        self.server.client(PrincipalKind::Server, "backend")
    }

    /// Looks once at what is due, as the timers do.
    ///
    /// # Panics
    /// When the store is away.
    pub async fn run_timers(&self) {
        self.server.core.run_timers_once().await.expect("timers");
    }
}

fn setup(yaml: &str, clock: &Clock, settings: &Settings) -> Setup {
    Setup {
        session_types: yaml.to_owned(),
        clock: Some(clock.clone()),
        settings: settings.clone(),
        ..Setup::default()
    }
}

/// A new session of this type by its leader, who is active.
///
/// # Panics
/// When it is refused.
pub async fn create(leader: &Client, of_type: &str) -> Session {
    create_with(leader, of_type, &[]).await
}

/// The same with seats held for these players.
///
/// # Panics
/// When it is refused.
pub async fn create_with(leader: &Client, of_type: &str, reserved: &[&str]) -> Session {
    let body = CreateSession {
        reserve: reserved.iter().map(|name| seat(name)).collect(),
        ..of(of_type)
    };
    leader.create_session(&body).await.expect("a session")
}

/// A request for a session of this type and nothing else.
pub fn of(of_type: &str) -> CreateSession {
    CreateSession {
        r#type: of_type.to_owned(),
        ..CreateSession::default()
    }
}

/// A seat on whatever team has space.
pub fn seat(name: &str) -> Reservation {
    Reservation {
        player: player(name),
        team: None,
        spectator: false,
    }
}

/// Joins, active.
///
/// # Errors
/// Whatever the server says.
pub async fn join(client: &Client, id: SessionId) -> Result<Session, sdk::Error> {
    client.join(id, Who::Me, &active()).await
}

/// A join as an active member.
pub fn active() -> JoinSession {
    JoinSession {
        active: true,
        ..JoinSession::default()
    }
}

/// A member's flags.
pub fn flags(ready: Option<bool>, active: Option<bool>) -> UpdateMember {
    UpdateMember {
        ready,
        active,
        ..UpdateMember::default()
    }
}

/// Who has which state, by index.
pub fn states(session: &Session) -> Vec<(&str, model::wire::MemberState)> {
    let of = |member: &'_ model::wire::Member| member.state;
    session
        .members
        .iter()
        .map(|member| (member.player.as_str(), of(member)))
        .collect()
}

/// Checks that a call was refused with this status and problem.
///
/// # Panics
/// When it was not.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, sdk::Error>, status: u16, problem: &str) {
    let error = result.expect_err("a refusal");
    assert_eq!(
        (error.status(), error.problem_type()),
        (Some(status), Some(problem)),
        "{error}"
    );
}

/// The whole text of a refusal, with its field if it names one.
///
/// # Panics
/// When it is no refusal.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(result: Result<T, sdk::Error>) -> (u16, String) {
    match result.expect_err("a refusal") {
        sdk::Error::Problem {
            status, problem, ..
        } => (status, problem.detail),
        other => panic!("not a refusal: {other}"),
    }
}

/// Players by name.
pub fn players(names: &[&str]) -> Vec<PlayerId> {
    names.iter().map(|name| player(name)).collect()
}
