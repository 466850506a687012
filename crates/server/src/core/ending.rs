//! The end of a session with more members than one write holds: first it is marked as ended, then cleared away.

use model::session::{Header, MEMBERS_AT_ONCE, Session};
use model::{Namespace, SessionId, Timestamp};
use store::{CommitError, Item, Row, WriteSet};

use super::write::commit_error;
use super::{Core, rows, store_error};
use crate::Error;

/// When the rest is to be cleared away: a time that has passed.
pub(crate) const AT_ONCE: Timestamp = Timestamp(0);

/// Whether the session has too many members to end in one write.
pub(crate) fn takes_several_writes(session: &Session) -> bool {
    session.seats_taken() as usize > MEMBERS_AT_ONCE
}

/// Marks the session as ended: from here on nobody finds it, and the timers clear it away, whoever works by then.
pub(crate) fn first_items(
    ns: &Namespace,
    base: &Session,
    header: &Header,
) -> Result<Vec<Item>, Error> {
    let row = rows::session_row(ns, header, Some(AT_ONCE), rows::Life::HasEnded)?;
    let expected = Some(rows::number(base.header().change_number));
    Ok(vec![Item::Put { row, expected }])
}

impl Core {
    /// Removes the rows of a session that has ended, its header last. Harmless when repeated.
    ///
    /// # Errors
    /// 503 while the store is away; the timers try again.
    pub(crate) async fn clear_away(&self, id: SessionId) -> Result<(), Error> {
        let found = self.store.session(&self.namespace, id).await;
        let Some((header, members)) = found.map_err(store_error)? else {
            return Ok(());
        };
        if !header.ended {
            return Ok(());
        }
        let rows: Vec<Row> = members.into_iter().chain([header]).collect();
        for chunk in rows.chunks(MEMBERS_AT_ONCE) {
            let items = chunk.iter().map(|row| Item::Delete {
                key: row.key.clone(),
                expected: row.number,
            });
            let set = WriteSet {
                items: items.collect(),
            };
            match self.commits.commit(set).await {
                Ok(()) => {}
                // Somebody else clears it away.
                Err(CommitError::Conflict { .. }) => return Ok(()),
                Err(error) => return Err(commit_error(error)),
            }
        }
        Ok(())
    }
}
