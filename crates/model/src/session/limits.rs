//! How much fits into a session: seats, custom data, documents.

use std::collections::BTreeSet;
use std::io;
use std::str::FromStr;

use serde::Serialize;

use super::{Constants, Error, Header};
use crate::name::NAME_BYTES_MAX;
use crate::session_type::{CustomData, CustomDataLimits};
use crate::{Name, NameError};

/// The largest that a member's document may be.
pub const MEMBER_BYTES_MAX: usize = 4 * 1024;
/// The largest that a command may make a header; what Muster itself adds to it later stays below 64 KiB.
pub const HEADER_BYTES_MAX: usize = 60 * 1024;
/// The largest that the studio's own data of a session may be, custom data and JSON together: the rest of the header
/// is for what its leader and owners must always be able to do.
pub const SESSION_CUSTOM_BYTES_MAX: usize = 32 * 1024;
/// The largest that the studio's own data of a ticket may be.
pub const TICKET_CUSTOM_BYTES_MAX: usize = 4 * 1024;
/// Members that one settle moves and that one write takes the seats of: more than any but a large session has, and
/// half of what a write may hold.
pub const MEMBERS_AT_ONCE: usize = 500;
/// The most servers that take part in a session.
pub const SERVERS_MAX: usize = 100;
/// The most keywords of a session.
pub const KEYWORDS_MAX: usize = 20;
/// The most members whose turn it is at once.
pub const TURN_MAX: usize = 100;
/// The most players that a host may report as connected.
pub const CONNECTED_MAX: usize = 1_000;

/// Seats in all.
pub(super) fn max_members(constants: &Constants, header: &Header) -> u32 {
    header
        .max_members
        .unwrap_or(constants.session_type.size.max_members)
}

/// Refuses custom data over the type's limits, and keys that are no names or differ only in case (row 46).
/// O(entries).
pub(super) fn check_custom_data(data: &CustomData, limits: &CustomDataLimits) -> Result<(), Error> {
    let refuse = |what, limit| Err(Error::CustomDataLimits { what, limit });
    if data.len() > limits.keys {
        return refuse("keys", limits.keys);
    }
    for (key, value) in data {
        if key.len() > limits.key_bytes {
            return refuse("bytes a key", limits.key_bytes);
        }
        if value.len() > limits.value_bytes {
            return refuse("bytes a value", limits.value_bytes);
        }
    }
    match bad_keys(data).into_iter().next() {
        Some((key, why)) => Err(Error::CustomDataKey {
            key: key.chars().take(NAME_BYTES_MAX).collect(),
            why,
        }),
        None => Ok(()),
    }
}

/// The keys of custom data that may not be there, and why: a key is a name, and names are compared without case
/// (row 46). In order; O(entries).
pub fn bad_keys(data: &CustomData) -> Vec<(&str, KeyError)> {
    let mut seen = BTreeSet::new();
    let judged = data.keys().filter_map(|key| {
        let why = match Name::from_str(key) {
            Err(error) => KeyError::NoName(error),
            Ok(_) if seen.insert(key.to_ascii_lowercase()) => return None,
            Ok(_) => KeyError::Twice,
        };
        Some((key.as_str(), why))
    });
    judged.collect()
}

/// Why a text is no key of custom data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not a name.
    #[error(transparent)]
    NoName(#[from] NameError),
    /// Another key of the same data differs in case only.
    #[error("is there twice; keys are compared without case")]
    Twice,
}

/// Refuses a document larger than `limit` bytes of JSON. O(its size), without storing it.
pub(super) fn check_size(
    document: &'static str,
    limit: usize,
    value: &impl Serialize,
) -> Result<(), Error> {
    let mut room = Room(limit);
    serde_json::to_writer(&mut room, value).map_err(|_| Error::TooLarge { document, limit })
}

/// A writer that counts down and fails at zero.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::WriteZero)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
