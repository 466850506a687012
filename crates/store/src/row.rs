//! A row: the one shape in which everything durable is kept.

use model::{Namespace, Timestamp, shard_of};

/// What a row is; part of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum Kind {
    /// A session's header; id: the session's.
    Session = 1,
    /// A member; id: `<session>/<index, ten digits>`, in the shard of the session; parent: the session; player: his.
    Member = 2,
    /// A ticket; parent: the queue; in the shard of the ticket.
    Ticket = 3,
    /// A game server; parent: `<fleet>/<region>`, in the shard of that.
    GameServer = 4,
    /// A player's number, which counts up when something of his changes.
    Player = 5,
    /// A revision of the YAML; body: the files.
    Revision = 6,
    /// The answer to a request with an `Idempotency-Key`.
    Idempotency = 7,
    /// Singletons such as the active revision and the installation's id.
    Setting = 8,
    /// That a player is invited; id: `<session>/<player>`, in the shard of the session; parent: the session; player:
    /// his. What the invite says stands in the session's header.
    Invite = 9,
    /// With whom a player was together lately; id: the player.
    RecentPlayers = 10,
    /// What the players of a match were matched with; id: the session's, in its shard. Kept for its backfill.
    Match = 11,
    /// A match that waits for its players' word; id: the match's; parent: the queue.
    Proposal = 12,
    /// What a player pays for desertions of one name; id: `<player>/<name>`, in the shard of the player; player: he.
    Penalty = 13,
}

/// Where a row is. `id` has at most 200 bytes and no NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace it belongs to.
    pub namespace: Namespace,
    /// [`shard_of`] of the id, or of the parent for rows that live beside it.
    pub shard: u8,
    /// What it is.
    pub kind: Kind,
    /// Unique within namespace, shard and kind.
    pub id: String,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 13] = [
        Kind::Session,
        Kind::Member,
        Kind::Ticket,
        Kind::GameServer,
        Kind::Player,
        Kind::Revision,
        Kind::Idempotency,
        Kind::Setting,
        Kind::Invite,
        Kind::RecentPlayers,
        Kind::Match,
        Kind::Proposal,
        Kind::Penalty,
    ];

    /// The kind that is stored as this number.
    pub fn from_number(number: i16) -> Option<Kind> {
        Kind::ALL.into_iter().find(|&kind| kind as i16 == number)
    }

    /// The longest a body of this kind may be, in bytes.
    pub const fn body_bytes_max(self) -> usize {
        match self {
            // The law lets a member write 4 KiB; what time does to him later adds to that, and must never fail.
            Kind::Member => 5 * 1024,
            // A revision holds every YAML file of a namespace and is written rarely.
            Kind::Revision => 1024 * 1024,
            // All tickets of a match, each with what the queue's rules read of its players; written rarely too.
            Kind::Match => 512 * 1024,
            _ => 64 * 1024,
        }
    }
}

/// The longest an id, parent, player or claim may be, in bytes.
pub const ID_BYTES_MAX: usize = 200;

impl Key {
    /// A key in the shard of its own id.
    pub fn new(namespace: &Namespace, kind: Kind, id: impl ToString) -> Self {
        let id = id.to_string();
        Self {
            namespace: namespace.clone(),
            shard: shard_of(&id),
            kind,
            id,
        }
    }

    /// A key in the shard of something else, such as a member in the shard of its session.
    pub fn beside(namespace: &Namespace, kind: Kind, id: impl ToString, beside: &str) -> Self {
        Self {
            namespace: namespace.clone(),
            shard: shard_of(beside),
            kind,
            id: id.to_string(),
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it is.
    pub key: Key,
    /// Its change number: of a new row 1 or more, then strictly greater with every write.
    pub number: i64,
    /// When something must happen to it next; `None`: nothing, and no index entry.
    pub due: Option<Timestamp>,
    /// Whether what it is about has ended; claims of an ended holder are free.
    pub ended: bool,
    /// What it belongs to (see [`Kind`]); indexed with `ended = false`.
    pub parent: Option<String>,
    /// Whose it is (members and invites only); indexed.
    pub player: Option<String>,
    /// The document, JSON; no NUL.
    pub body: String,
}
