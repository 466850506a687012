//! A write set: the outcome of commands, which stands or falls whole.

use crate::error::CommitError;
use crate::row::{ID_BYTES_MAX, Key, Row};

/// Rows that a write set may touch at most.
pub const WRITE_SET_ITEMS_MAX: usize = 1_000;

/// The outcome of one or more commands. All of it is written, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteSet {
    /// In any order; at most one `Put`, `Delete` or `Check` for a key and one `Claim` for a name.
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

impl WriteSet {
    /// Whether it may go to a database at all: sizes, NUL characters, numbers that grow, one write a row.
    /// O(n log n) in its items.
    pub fn check(&self) -> Result<(), CommitError> {
        if self.items.len() > WRITE_SET_ITEMS_MAX {
            return Err(CommitError::TooLarge);
        }
        let mut written: Vec<&Key> = Vec::with_capacity(self.items.len());
        let mut claimed: Vec<&ClaimKey> = Vec::new();
        for item in &self.items {
            item.check()?;
            match item {
                Item::Put { row, .. } => written.push(&row.key),
                Item::Delete { key, .. } | Item::Check { key, .. } => written.push(key),
                Item::Claim { claim, .. } => claimed.push(claim),
                Item::Bump { .. } | Item::Free { .. } => {}
            }
        }
        written.sort_unstable();
        if let Some([key, _]) = written.array_windows().find(|[a, b]| a == b) {
            return Err(refused(format!("{:?} is written twice", key.id)));
        }
        claimed.sort_unstable();
        if let Some([claim, _]) = claimed.array_windows().find(|[a, b]| a == b) {
            return Err(refused(format!("{:?} is claimed twice", claim.key)));
        }
        Ok(())
    }
}

impl Item {
    fn check(&self) -> Result<(), CommitError> {
        match self {
            Item::Put { row, expected } => {
                text(&row.key.id, ID_BYTES_MAX)?;
                text(row.parent.as_deref().unwrap_or_default(), ID_BYTES_MAX)?;
                text(row.player.as_deref().unwrap_or_default(), ID_BYTES_MAX)?;
                text(&row.body, row.key.kind.body_bytes_max())?;
                if row.number <= expected.unwrap_or(0) {
                    let id = &row.key.id;
                    return Err(refused(format!("the number of {id:?} does not grow")));
                }
                Ok(())
            }
            Item::Delete { key, .. } | Item::Check { key, .. } | Item::Bump { key } => {
                text(&key.id, ID_BYTES_MAX)
            }
            Item::Claim { claim, holder } | Item::Free { claim, holder } => {
                text(claim.kind, ID_BYTES_MAX)?;
                text(&claim.key, ID_BYTES_MAX)?;
                text(&holder.id, ID_BYTES_MAX)
            }
        }
    }
}

fn text(text: &str, bytes_max: usize) -> Result<(), CommitError> {
    if text.len() > bytes_max {
        return Err(CommitError::TooLarge);
    }
    if text.as_bytes().contains(&0) {
        return Err(refused("a text contains a NUL character".into()));
    }
    Ok(())
}

fn refused(why: String) -> CommitError {
    CommitError::Refused(why)
}
