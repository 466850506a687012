//! From what a database returns to [`Row`]; the columns and their order are the same in both.

use model::{Namespace, Timestamp};
use sqlx::{ColumnIndex, Database, Decode, Type};

use crate::error::Error;
use crate::row::{Key, Kind, Row};

/// A stored row before its texts and numbers are known to make sense.
pub(crate) struct Raw {
    namespace: String,
    shard: i16,
    kind: i16,
    id: String,
    number: i64,
    due: Option<i64>,
    ended: bool,
    parent: Option<String>,
    player: Option<String>,
    body: String,
}

impl Raw {
    /// Reads the ten columns from the one at `first` on.
    pub(crate) fn read<'r, R>(row: &'r R, first: usize) -> Result<Raw, sqlx::Error>
    where
        R: sqlx::Row,
        usize: ColumnIndex<R>,
        String: Decode<'r, R::Database> + Type<R::Database>,
        i16: Decode<'r, R::Database> + Type<R::Database>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
        bool: Decode<'r, R::Database> + Type<R::Database>,
        R::Database: Database<Row = R>,
    {
        Ok(Raw {
            namespace: row.try_get(first)?,
            shard: row.try_get(first + 1)?,
            kind: row.try_get(first + 2)?,
            id: row.try_get(first + 3)?,
            number: row.try_get(first + 4)?,
            due: row.try_get(first + 5)?,
            ended: row.try_get(first + 6)?,
            parent: row.try_get(first + 7)?,
            player: row.try_get(first + 8)?,
            body: row.try_get(first + 9)?,
        })
    }

    /// The row that it is.
    pub(crate) fn row(self) -> Result<Row, Error> {
        Ok(Row {
            key: key(self.namespace, self.shard, self.kind, self.id)?,
            number: self.number,
            due: self.due.map(Timestamp),
            ended: self.ended,
            parent: self.parent,
            player: self.player,
            body: self.body,
        })
    }
}

/// Rows of a parent that have not ended, by id.
#[derive(Debug)]
pub(crate) struct OfParent {
    pub(crate) namespace: Namespace,
    pub(crate) kind: Kind,
    pub(crate) parent: String,
    /// Only those with ids behind it.
    pub(crate) after: String,
    pub(crate) limit: i64,
}

/// The columns of such a row that are not known beforehand: the others are not read.
pub(crate) struct Unknown {
    pub(crate) shard: i16,
    pub(crate) id: String,
    pub(crate) number: i64,
    pub(crate) due: Option<i64>,
    pub(crate) player: Option<String>,
    pub(crate) body: String,
}

impl OfParent {
    pub(crate) fn new(
        namespace: &Namespace,
        kind: Kind,
        parent: &str,
        after: Option<&str>,
        limit: i64,
    ) -> OfParent {
        OfParent {
            namespace: namespace.clone(),
            kind,
            parent: parent.to_owned(),
            after: after.unwrap_or_default().to_owned(),
            limit,
        }
    }

    /// One of them.
    pub(crate) fn row(&self, unknown: Unknown) -> Result<Row, Error> {
        let Unknown { shard, id, .. } = unknown;
        Ok(Row {
            key: Key {
                namespace: self.namespace.clone(),
                shard: shard_number(shard, &id)?,
                kind: self.kind,
                id,
            },
            number: unknown.number,
            due: unknown.due.map(Timestamp),
            ended: false,
            parent: Some(self.parent.clone()),
            player: unknown.player,
            body: unknown.body,
        })
    }
}

fn shard_number(shard: i16, id: &str) -> Result<u8, Error> {
    u8::try_from(shard).map_err(|_| Error::Row {
        id: id.to_owned(),
        reason: format!("there is no shard {shard}"),
    })
}

/// The key of stored columns.
pub(crate) fn key(namespace: String, shard: i16, kind: i16, id: String) -> Result<Key, Error> {
    let because = |reason: String| Error::Row {
        id: id.clone(),
        reason,
    };
    let namespace: Namespace = namespace
        .parse()
        .map_err(|e| because(format!("its namespace {e}")))?;
    let shard = shard_number(shard, &id)?;
    let kind =
        Kind::from_number(kind).ok_or_else(|| because(format!("there is no kind {kind}")))?;
    Ok(Key {
        namespace,
        shard,
        kind,
        id,
    })
}

/// All of them, or the first that makes no sense.
pub(crate) fn rows<'r, R>(found: &'r [R], operation: &'static str) -> Result<Vec<Row>, Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i16: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    R::Database: Database<Row = R>,
{
    found
        .iter()
        .map(|row| Raw::read(row, 0).map_err(Error::read(operation))?.row())
        .collect()
}

/// Splits what [`Backend::session`](crate::Backend::session) finds: the header has the lowest kind.
pub(crate) fn header_and_members(mut rows: Vec<Row>) -> Option<(Row, Vec<Row>)> {
    let header = rows.iter().position(|row| row.key.kind == Kind::Session)?;
    let header = rows.remove(header);
    Some((header, rows))
}
