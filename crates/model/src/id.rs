//! Typed identifiers: one type for each thing, so that a session's id never stands where a ticket's should.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(with = "String", extend("format" = "uuid"))]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

uuid_ids! {
    /// A session (R2); never used twice.
    SessionId,
    /// A ticket: one party waiting in a queue.
    TicketId,
    /// A match: the decision that put tickets together.
    MatchId,
    /// An instance: the hosted connection point of a session (R72).
    InstanceId,
    /// One attempt to allocate a host for an instance; each attempt has its own.
    AllocationId,
    /// A game server: a process that can host sessions; a row of the registry.
    GameServerId,
    /// An installation: one store and everything that was started for it.
    InstallationId,
}

/// The shard of a key: FNV-1a of its text, modulo 256. O(length).
///
/// The same on every replica and in every version, as it is part of every row's key.
pub fn shard_of(key: &str) -> u8 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in key.bytes() {
        hash ^= u32::from(byte);
        hash = hash.wrapping_mul(0x0100_0193);
    }
    (hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24)) as u8
}
