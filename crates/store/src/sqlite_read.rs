//! Reads long pages from SQLite: one connection, each page in one go on a thread that may block.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};
use tokio::sync::Mutex;

use crate::decode::{OfParent, Unknown};
use crate::error::Error;
use crate::row::Row;

const BY_PARENT: &str = "SELECT shard, id, number, due, player, body \
    FROM rows INDEXED BY rows_parent WHERE namespace = ?1 AND kind = ?2 AND parent = ?3 AND ended = 0 \
    AND id > ?4 ORDER BY id LIMIT ?5";

/// The one connection that reads pages; who comes second waits for his turn.
///
/// It is rusqlite's and not sqlx's, which copies each value and hands each row to another thread by
/// itself: of a page of thousands that takes three times as long as the reading.
#[derive(Debug)]
pub(crate) struct PageReader {
    connection: Arc<Mutex<Connection>>,
}

impl PageReader {
    /// Opens a connection of its own to a database that exists and has its schema.
    pub(crate) fn open(file: &Path, busy: Duration) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)
            .and_then(|connection| connection.busy_timeout(busy).map(|()| connection))
            .map_err(Error::read_page("opening a connection to read"))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// The first rows of them.
    pub(crate) async fn by_parent(&self, of: OfParent) -> Result<Vec<Row>, Error> {
        const READING: &str = "reading rows of a parent";
        let connection = Arc::clone(&self.connection).lock_owned().await;
        let reading = tokio::task::spawn_blocking(move || read(&connection, &of));
        match reading.await {
            Ok(read) => read
                .map_err(Error::read_page(READING))?
                .into_iter()
                .collect(),
            Err(gone) => Err(Error::Read {
                operation: READING,
                advice: "the thread that read it is gone; see the log".to_owned(),
                source: gone.into(),
            }),
        }
    }
}

fn read(
    connection: &Connection,
    of: &OfParent,
) -> Result<Vec<Result<Row, Error>>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(BY_PARENT)?;
    let (namespace, kind) = (of.namespace.as_str(), of.kind as i16);
    let wanted = params![namespace, kind, of.parent, of.after, of.limit];
    let rows = statement.query_map(wanted, |row| {
        Ok(of.row(Unknown {
            shard: row.get(0)?,
            id: row.get(1)?,
            number: row.get(2)?,
            due: row.get(3)?,
            player: row.get(4)?,
            body: row.get(5)?,
        }))
    })?;
    rows.collect()
}
