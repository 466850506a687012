//! How much fits into a session: seats, custom data, documents.

use std::io;

use serde::Serialize;

use super::{Constants, Error, Header};
use crate::session_type::{CustomData, CustomDataLimits};

/// The largest that a member's document may be.
pub const MEMBER_BYTES_MAX: usize = 4 * 1024;
/// The largest that a command may make a header; what Muster itself adds to it later stays below 64 KiB.
pub const HEADER_BYTES_MAX: usize = 60 * 1024;
/// The most players that a host may report as connected.
pub const CONNECTED_MAX: usize = 1_000;

/// Seats in all.
pub(super) fn max_members(constants: &Constants, header: &Header) -> u32 {
    header
        .max_members
        .unwrap_or(constants.session_type.size.max_members)
}

/// Refuses custom data over the type's limits. O(entries).
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
    Ok(())
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
