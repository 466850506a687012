//! The committer's decision, pure: which write sets of a batch win, and what is to be written then.
//!
//! A batch is judged in order over an overlay of what the database holds, so a write set sees the
//! winners before it. What one batch does to a row is folded into one write.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Namespace, Timestamp};

use crate::row::{Key, Row};
use crate::write_set::{ClaimKey, Item, WriteSet};

/// Every row and claim that a batch touches, each once, in key order.
#[derive(Debug)]
pub struct Footprint<'a> {
    /// Rows.
    pub keys: Vec<&'a Key>,
    /// Claims with their namespace.
    pub claims: Vec<(&'a Namespace, &'a ClaimKey)>,
    /// For every item of every set in order, its place in `keys` or `claims`.
    slots: Vec<usize>,
}

/// What the comparison needs to know of a stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its change number.
    pub number: i64,
    /// As stored.
    pub ended: bool,
    /// As stored.
    pub due: Option<Timestamp>,
    /// As stored.
    pub parent: Option<String>,
    /// As stored.
    pub player: Option<String>,
}

/// What was found of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// There is none.
    Absent,
    /// Another transaction is at it.
    Locked,
    /// It is there, and locked by the batch.
    At(Stored),
}

/// What was found of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenClaim {
    /// Nobody has it.
    Free,
    /// Another transaction is at it.
    Locked,
    /// This row has it.
    Held(Key),
}

/// What the database showed of a footprint, place by place.
#[derive(Debug)]
pub struct View {
    /// One for each of [`Footprint::keys`].
    pub rows: Vec<Seen>,
    /// One for each of [`Footprint::claims`].
    pub claims: Vec<SeenClaim>,
    /// Whether the row of each holder named by [`holders`] exists and has not ended.
    pub live: BTreeMap<Key, bool>,
}

/// What becomes of one write set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is written.
    Won,
    /// None of it is; what it lost against.
    Lost {
        /// Rows at another number than expected.
        keys: Vec<Key>,
        /// Names that somebody else holds.
        claims: Vec<(ClaimKey, Key)>,
    },
    /// Something of it is locked elsewhere: try again in the next batch.
    Deferred,
}

/// A row as it is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowOut<'a> {
    /// Where.
    pub key: &'a Key,
    /// The new number.
    pub number: i64,
    /// As in [`Row`].
    pub due: Option<Timestamp>,
    /// As in [`Row`].
    pub ended: bool,
    /// As in [`Row`].
    pub parent: Option<&'a str>,
    /// As in [`Row`].
    pub player: Option<&'a str>,
    /// As in [`Row`].
    pub body: &'a str,
}

/// A claim as it is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimOut<'a> {
    /// The name's namespace.
    pub namespace: &'a Namespace,
    /// The name.
    pub claim: &'a ClaimKey,
    /// Who has it from now on.
    pub holder: &'a Key,
}

/// What the winners of a batch come to, each list in key order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Rows that do not exist yet.
    pub inserts: Vec<RowOut<'a>>,
    /// Rows of which indexed columns change.
    pub moves: Vec<RowOut<'a>>,
    /// Rows of which only number and body change; these touch no index.
    pub updates: Vec<RowOut<'a>>,
    /// Rows of which only the number changes.
    pub bumps: Vec<(&'a Key, i64)>,
    /// Rows that go.
    pub deletes: Vec<&'a Key>,
    /// Claims that nobody had.
    pub claim_inserts: Vec<ClaimOut<'a>>,
    /// Claims that change hands.
    pub claim_updates: Vec<ClaimOut<'a>>,
    /// Claims that become free.
    pub claim_deletes: Vec<(&'a Namespace, &'a ClaimKey)>,
}

/// The body of a row that a bump made.
pub const BUMPED_BODY: &str = "{}";

impl<'a> Changes<'a> {
    /// What the sets come to without any comparison; only for measuring.
    pub(crate) fn unchecked(sets: &'a [Arc<WriteSet>]) -> Self {
        let mut changes = Self::default();
        for item in sets.iter().flat_map(|set| &set.items) {
            match item {
                Item::Put {
                    row,
                    expected: None,
                } => changes.inserts.push(row.into()),
                Item::Put {
                    row,
                    expected: Some(_),
                } => changes.updates.push(row.into()),
                Item::Delete { key, .. } => changes.deletes.push(key),
                // The real number is the database's business; any that changes costs the same.
                Item::Bump { key } => changes.bumps.push((key, 2)),
                Item::Check { .. } | Item::Claim { .. } | Item::Free { .. } => {}
            }
        }
        // In key order, as judged ones are: that is faster for both databases.
        changes.inserts.sort_unstable_by_key(|row| row.key);
        changes.updates.sort_unstable_by_key(|row| row.key);
        changes.bumps.sort_unstable();
        changes.deletes.sort_unstable();
        changes
    }
}

impl<'a> From<&'a Row> for RowOut<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            key: &row.key,
            number: row.number,
            due: row.due,
            ended: row.ended,
            parent: row.parent.as_deref(),
            player: row.player.as_deref(),
            body: &row.body,
        }
    }
}

impl<'a> Footprint<'a> {
    /// O(n log n) in the items of all sets.
    pub fn new(sets: &[&'a WriteSet]) -> Self {
        let mut keys = Vec::new();
        let mut claims = Vec::new();
        let mut items = 0;
        for item in sets.iter().flat_map(|set| &set.items) {
            match item {
                Item::Put { row, .. } => keys.push((&row.key, items)),
                Item::Delete { key, .. } | Item::Check { key, .. } | Item::Bump { key } => {
                    keys.push((key, items));
                }
                Item::Claim { claim, holder } | Item::Free { claim, holder } => {
                    claims.push(((&holder.namespace, claim), items));
                }
            }
            items += 1;
        }
        let mut slots = vec![0; items];
        let keys = distinct(keys, &mut slots);
        let claims = distinct(claims, &mut slots);
        Self {
            keys,
            claims,
            slots,
        }
    }
}

fn distinct<T: Ord + Copy>(mut found: Vec<(T, usize)>, slots: &mut [usize]) -> Vec<T> {
    found.sort_unstable();
    let mut distinct: Vec<T> = Vec::with_capacity(found.len());
    for (thing, item) in found {
        if distinct.last() != Some(&thing) {
            distinct.push(thing);
        }
        slots[item] = distinct.len() - 1;
    }
    distinct
}

/// The holders whose life must be known before the batch can be judged: those that have a claim of
/// the footprint, and those that want one but are not rows of the batch.
pub fn holders(sets: &[&WriteSet], footprint: &Footprint<'_>, seen: &[SeenClaim]) -> Vec<Key> {
    let mut wanted: Vec<Key> = Vec::new();
    for claim in seen {
        if let SeenClaim::Held(holder) = claim {
            wanted.push(holder.clone());
        }
    }
    for item in sets.iter().flat_map(|set| &set.items) {
        if let Item::Claim { holder, .. } = item
            && footprint.keys.binary_search(&holder).is_err()
        {
            wanted.push(holder.clone());
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Judges the sets in order. O(n log n) in their items.
pub fn judge<'a>(
    sets: &[&'a WriteSet],
    footprint: &Footprint<'a>,
    view: &'a View,
) -> (Vec<Verdict>, Changes<'a>) {
    assert_eq!(footprint.keys.len(), view.rows.len(), "a view of every row");
    assert_eq!(
        footprint.claims.len(),
        view.claims.len(),
        "a view of every claim"
    );
    let mut overlay = Overlay::new(footprint, view);
    let mut slots = footprint.slots.as_slice();
    let mut verdicts = Vec::with_capacity(sets.len());
    for set in sets {
        let (own, rest) = slots.split_at(set.items.len());
        slots = rest;
        verdicts.push(overlay.judge(&set.items, own));
    }
    (verdicts, overlay.changes())
}

/// Whether the item's slot is one of the claims and not of the keys.
fn is_claim(item: &Item) -> bool {
    matches!(item, Item::Claim { .. } | Item::Free { .. })
}

/// A row as the winners so far leave it.
#[derive(Debug, Clone, Copy)]
struct Cell<'a> {
    blocked: bool,
    number: Option<i64>,
    ended: bool,
    write: Write<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Write<'a> {
    Nothing,
    Put(&'a Row),
    /// Only the number of the stored row.
    Bump,
    /// A row that a bump made, possibly where another was deleted before.
    Fresh,
    Delete,
}

#[derive(Debug, Clone, Copy)]
struct ClaimCell<'a> {
    blocked: bool,
    holder: Option<&'a Key>,
}

struct Overlay<'a, 'f> {
    footprint: &'f Footprint<'a>,
    view: &'a View,
    cells: Vec<Cell<'a>>,
    claims: Vec<ClaimCell<'a>>,
}

impl<'a, 'f> Overlay<'a, 'f> {
    fn new(footprint: &'f Footprint<'a>, view: &'a View) -> Self {
        let cells = view.rows.iter().map(|seen| {
            let (number, ended) = match seen {
                Seen::At(stored) => (Some(stored.number), stored.ended),
                Seen::Absent | Seen::Locked => (None, false),
            };
            Cell {
                blocked: *seen == Seen::Locked,
                number,
                ended,
                write: Write::Nothing,
            }
        });
        let claims = view.claims.iter().map(|seen| match seen {
            SeenClaim::Free => ClaimCell {
                blocked: false,
                holder: None,
            },
            SeenClaim::Locked => ClaimCell {
                blocked: true,
                holder: None,
            },
            SeenClaim::Held(holder) => ClaimCell {
                blocked: false,
                holder: Some(holder),
            },
        });
        Self {
            footprint,
            view,
            cells: cells.collect(),
            claims: claims.collect(),
        }
    }

    fn judge(&mut self, items: &'a [Item], slots: &[usize]) -> Verdict {
        let blocked = items
            .iter()
            .zip(slots)
            .any(|(item, &slot)| match is_claim(item) {
                true => self.claims[slot].blocked,
                false => self.cells[slot].blocked,
            });
        if blocked {
            // A later write set on the same things must not overtake this one.
            for (item, &slot) in items.iter().zip(slots) {
                match is_claim(item) {
                    true => self.claims[slot].blocked = true,
                    false => self.cells[slot].blocked = true,
                }
            }
            return Verdict::Deferred;
        }
        let mut lost: Vec<Key> = Vec::new();
        for (item, &slot) in items.iter().zip(slots) {
            let expected = match item {
                Item::Put { expected, .. } | Item::Check { expected, .. } => *expected,
                Item::Delete { expected, .. } => Some(*expected),
                Item::Bump { .. } | Item::Claim { .. } | Item::Free { .. } => continue,
            };
            if self.cells[slot].number != expected {
                lost.push(self.footprint.keys[slot].clone());
            }
        }
        let before: Vec<(usize, Cell<'a>)> = items
            .iter()
            .zip(slots)
            .filter(|(item, _)| !is_claim(item))
            .map(|(_, &slot)| (slot, self.cells[slot]))
            .collect();
        self.apply_rows(items, slots);
        let mut taken = self.taken(items, slots);
        if lost.is_empty() && taken.is_empty() {
            self.apply_claims(items, slots);
            return Verdict::Won;
        }
        for (slot, cell) in before.into_iter().rev() {
            self.cells[slot] = cell;
        }
        lost.sort_unstable();
        taken.sort_unstable();
        Verdict::Lost {
            keys: lost,
            claims: taken,
        }
    }

    fn apply_rows(&mut self, items: &'a [Item], slots: &[usize]) {
        for (item, &slot) in items.iter().zip(slots) {
            let (number, ended, write) = match item {
                Item::Put { row, .. } => (Some(row.number), row.ended, Write::Put(row)),
                Item::Delete { .. } => (None, false, Write::Delete),
                _ => continue,
            };
            let blocked = false;
            self.cells[slot] = Cell {
                blocked,
                number,
                ended,
                write,
            };
        }
        // Bumps come after the puts of the same set, whatever their order in it.
        for (item, &slot) in items.iter().zip(slots) {
            let Item::Bump { .. } = item else { continue };
            let cell = &mut self.cells[slot];
            cell.write = match (cell.number, cell.write) {
                (None, _) => Write::Fresh,
                (Some(_), Write::Nothing) => Write::Bump,
                (Some(_), write) => write,
            };
            cell.number = Some(cell.number.unwrap_or(0).saturating_add(1));
        }
    }

    /// The names that somebody else holds, after what this set frees.
    fn taken(&self, items: &'a [Item], slots: &[usize]) -> Vec<(ClaimKey, Key)> {
        let mut taken = Vec::new();
        for (item, &slot) in items.iter().zip(slots) {
            let Item::Claim { claim, holder } = item else {
                continue;
            };
            let Some(current) = self.claims[slot].holder else {
                continue;
            };
            let freed = items.iter().zip(slots).any(|(other, &at)| {
                at == slot && matches!(other, Item::Free { holder, .. } if holder == current)
            });
            if current != holder && !freed && self.is_live(current) {
                taken.push((claim.clone(), current.clone()));
            }
        }
        taken
    }

    fn is_live(&self, holder: &Key) -> bool {
        if let Ok(slot) = self.footprint.keys.binary_search(&holder)
            && self.view.rows[slot] != Seen::Locked
        {
            let cell = &self.cells[slot];
            return cell.number.is_some() && !cell.ended;
        }
        self.view.live.get(holder).copied().unwrap_or(false)
    }

    fn apply_claims(&mut self, items: &'a [Item], slots: &[usize]) {
        for (item, &slot) in items.iter().zip(slots) {
            if let Item::Free { holder, .. } = item
                && self.claims[slot].holder == Some(holder)
            {
                self.claims[slot].holder = None;
            }
        }
        for (item, &slot) in items.iter().zip(slots) {
            if let Item::Claim { holder, .. } = item {
                self.claims[slot].holder = Some(holder);
            }
        }
    }

    fn changes(self) -> Changes<'a> {
        let mut changes = Changes::default();
        for ((&key, cell), seen) in self
            .footprint
            .keys
            .iter()
            .zip(&self.cells)
            .zip(&self.view.rows)
        {
            let stored = match seen {
                Seen::At(stored) => Some(stored),
                Seen::Absent | Seen::Locked => None,
            };
            changes.add_row(key, cell, stored);
        }
        let claims = self
            .footprint
            .claims
            .iter()
            .zip(&self.claims)
            .zip(&self.view.claims);
        for ((&(namespace, claim), cell), seen) in claims {
            let stored = match seen {
                SeenClaim::Held(holder) => Some(holder),
                SeenClaim::Free | SeenClaim::Locked => None,
            };
            match (stored, cell.holder) {
                (None, Some(holder)) => {
                    changes.claim_inserts.push(ClaimOut {
                        namespace,
                        claim,
                        holder,
                    });
                }
                (Some(old), Some(holder)) if old != holder => {
                    changes.claim_updates.push(ClaimOut {
                        namespace,
                        claim,
                        holder,
                    });
                }
                (Some(_), None) => changes.claim_deletes.push((namespace, claim)),
                _ => {}
            }
        }
        changes
    }
}

impl<'a> Changes<'a> {
    fn add_row(&mut self, key: &'a Key, cell: &Cell<'a>, stored: Option<&Stored>) {
        let number = cell.number.unwrap_or(0);
        let out = match (cell.write, stored) {
            (Write::Nothing, _) | (Write::Delete, None) => return,
            (Write::Delete, Some(_)) => return self.deletes.push(key),
            (Write::Bump, _) => return self.bumps.push((key, number)),
            (Write::Put(row), _) => RowOut {
                key,
                number,
                due: row.due,
                ended: row.ended,
                parent: row.parent.as_deref(),
                player: row.player.as_deref(),
                body: &row.body,
            },
            (Write::Fresh, _) => RowOut {
                key,
                number,
                due: None,
                ended: false,
                parent: None,
                player: None,
                body: BUMPED_BODY,
            },
        };
        match stored {
            None => self.inserts.push(out),
            Some(stored)
                if (stored.due, stored.ended) == (out.due, out.ended)
                    && stored.parent.as_deref() == out.parent
                    && stored.player.as_deref() == out.player =>
            {
                self.updates.push(out);
            }
            Some(_) => self.moves.push(out),
        }
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}
