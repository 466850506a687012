//! Who calls: a principal of a namespace, as its token says.

use std::collections::BTreeMap;
use std::fmt;

use model::ticket::Value;
use model::{GameServerId, Name, PlayerId};

/// The kinds of principals; `docs/security.md` says what each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// Nobody: no token.
    Anonymous,
    /// A player, through a game client.
    Player,
    /// A back end of the studio.
    Server,
    /// Whoever keeps game servers running.
    Fleet,
    /// An operator.
    Admin,
    /// One game server.
    GameServer,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Principal {
    /// A player, through a game client.
    Player {
        /// Who.
        player: PlayerId,
        /// Attributes that the token vouches for (A.3 row 49, `source: claim`).
        attributes: BTreeMap<Name, Value>,
        /// The device that he plays on, if the token says so (row 31).
        device: Option<String>,
        /// The platform that he plays on, if the token says so, in lowercase (F21).
        platform: Option<Name>,
        /// Whom he follows, as the token says (row 31).
        follows: Vec<PlayerId>,
    },
    /// A back end of the studio.
    Server {
        /// The token's subject, for logs.
        subject: String,
    },
    /// Whoever keeps game servers running.
    Fleet {
        /// The token's subject, for logs.
        subject: String,
    },
    /// An operator.
    Admin {
        /// The token's subject, for logs.
        subject: String,
    },
    /// One game server; its token acts for nothing else.
    GameServer {
        /// Which.
        id: GameServerId,
        /// The token is the one from its environment, which may be used until the one that replaces it has been.
        first_token: bool,
        /// When the token runs out, in milliseconds since 1970.
        expires_at: i64,
    },
}

impl Principal {
    /// Which kind it is.
    pub fn kind(&self) -> PrincipalKind {
        match self {
            Self::Player { .. } => PrincipalKind::Player,
            Self::Server { .. } => PrincipalKind::Server,
            Self::Fleet { .. } => PrincipalKind::Fleet,
            Self::Admin { .. } => PrincipalKind::Admin,
            Self::GameServer { .. } => PrincipalKind::GameServer,
        }
    }
}

/// For idempotency keys and logs: `player:alice`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Player { player, .. } => write!(f, "player:{player}"),
            Self::Server { subject } => write!(f, "server:{subject}"),
            Self::Fleet { subject } => write!(f, "fleet:{subject}"),
            Self::Admin { subject } => write!(f, "admin:{subject}"),
            Self::GameServer { id, .. } => write!(f, "game_server:{id}"),
        }
    }
}
