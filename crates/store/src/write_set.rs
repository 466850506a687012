//! A write set: the outcome of commands, which stands or falls whole.

use crate::row::{Key, Row};

/// Rows that a write set may touch at most.
pub const WRITE_SET_ITEMS_MAX: usize = 1_000;

/// The outcome of one or more commands. All of it is written, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// In any order; at most one `Put`, `Delete` or `Check` for a key.
    pub items: Vec<Item>,
}

/// One part of a write set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Write this row. `expected`: the number it was read at; `None`: it must not exist.
    Put {
        /// The row as it shall be.
        row: Row,
        /// The number that the stored row must have.
        expected: Option<i64>,
    },
    /// Delete the row that is at this number.
    Delete {
        /// Which.
        key: Key,
        /// The number that the stored row must have.
        expected: i64,
    },
    /// The row must still be at this number (`None`: must not exist); nothing is written to it.
    Check {
        /// Which.
        key: Key,
        /// The number that the stored row must have.
        expected: Option<i64>,
    },
    /// Count the number of this row up by one; made with number 1 if absent. Commutative: never conflicts.
    Bump {
        /// Which.
        key: Key,
    },
    /// Take a unique name. Free when nobody holds it, when its holder's row has ended or is absent,
    /// or when `holder` itself holds it already.
    Claim {
        /// Kind and key of the name: `("ticket", "<player>")`.
        claim: ClaimKey,
        /// The row that holds it from now on.
        holder: Key,
    },
    /// Give a unique name back, if `holder` holds it; otherwise nothing happens.
    Free {
        /// Which name.
        claim: ClaimKey,
        /// Who gives it back.
        holder: Key,
    },
}

/// A unique name within a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// What kind of name, such as `ticket`.
    pub kind: &'static str,
    /// The name, such as a player's id.
    pub key: String,
}
