//! The start's load of live tickets: oldest first, in pages, into a matcher that matches meanwhile.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use model::ticket::TicketState;
use model::{Namespace, Ticket, TicketId, Timestamp};
use store::{Kind, Row, Store};
use tokio::sync::mpsc;

use super::{Core, rows, store_error};
use crate::Error;

/// Rows of a page: of a queue that nobody waits in anything less would do, of a million tickets each page is a query.
const PAGE: usize = 2_000;
/// Tickets that are handed over at a time: the shorter, the sooner they are matched; the longer, the fewer locks.
const HANDED_OVER: usize = 256;
/// Pages of a queue that are read and parsed ahead of what the matcher is given.
const PAGES_AHEAD: usize = 2;

/// A ticket with its number in the store.
type Stored = (Arc<Ticket>, i64);
type Page = Result<Vec<Stored>, Error>;

/// The tickets of one queue, read ahead by a task of its own.
struct Ahead {
    pages: mpsc::Receiver<Page>,
    page: std::vec::IntoIter<Stored>,
}

impl Ahead {
    fn of(core: &Core, queue: String) -> Ahead {
        let (sender, pages) = mpsc::channel(PAGES_AHEAD);
        let (store, namespace) = (core.store.clone(), core.namespace.clone());
        core.spawn(async move { read_ahead(&store, &namespace, &queue, &sender).await });
        Ahead {
            pages,
            page: Vec::new().into_iter(),
        }
    }

    async fn next(&mut self) -> Result<Option<Stored>, Error> {
        loop {
            if let Some(next) = self.page.next() {
                return Ok(Some(next));
            }
            match self.pages.recv().await {
                Some(page) => self.page = page?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// While one page is parsed the next is read. Ends early when nobody wants more.
async fn read_ahead(store: &Store, namespace: &Namespace, queue: &str, to: &mpsc::Sender<Page>) {
    let mut after: Option<String> = None;
    let mut parsing = None;
    loop {
        let read = store.by_parent(namespace, Kind::Ticket, queue, after.as_deref(), PAGE);
        let read = read.await.map_err(store_error);
        if let Some(parsing) = parsing.take()
            && to.send(parsed(parsing).await).await.is_err()
        {
            return;
        }
        let rows = match read {
            Ok(rows) => rows,
            Err(error) => {
                let _ = to.send(Err(error)).await;
                return;
            }
        };
        let is_last = rows.len() < PAGE;
        after = rows.last().map(|row| row.key.id.clone());
        parsing = Some(tokio::task::spawn_blocking(move || parse(&rows)));
        if is_last {
            break;
        }
    }
    if let Some(parsing) = parsing {
        let _ = to.send(parsed(parsing).await).await;
    }
}

fn parse(rows: &[Row]) -> Page {
    let stored = |row: &Row| {
        let mut ticket: Ticket = rows::parse(row)?;
        // It was made for four, and of a million tickets most are of one.
        ticket.players.shrink_to_fit();
        Ok((Arc::new(ticket), row.number))
    };
    rows.iter().map(stored).collect()
}

async fn parsed(parsing: tokio::task::JoinHandle<Page>) -> Page {
    let parsed = parsing.await;
    parsed.map_err(|error| Error::Internal(format!("tickets could not be parsed: {error}")))?
}

impl Core {
    /// Hands every live ticket to whom it concerns. Queues are read side by side and merged by age.
    pub(super) async fn load_tickets(&self) -> Result<(), Error> {
        let queues = self.store.parents(&self.namespace, Kind::Ticket).await;
        let queues = queues.map_err(store_error)?.into_iter();
        let mut queues: Vec<Ahead> = queues.map(|queue| Ahead::of(self, queue)).collect();
        let mut heads: BinaryHeap<Reverse<(Timestamp, TicketId, usize)>> = BinaryHeap::new();
        let mut first: Vec<Option<Stored>> = Vec::new();
        for (index, queue) in queues.iter_mut().enumerate() {
            let head = queue.next().await?;
            heads.extend(
                head.iter()
                    .map(|(t, _)| Reverse((t.created_at, t.id, index))),
            );
            first.push(head);
        }
        let mut merged = Vec::with_capacity(HANDED_OVER);
        while let Some(Reverse((_, _, index))) = heads.pop() {
            let (Some(head), Some(queue)) = (first.get_mut(index), queues.get_mut(index)) else {
                continue;
            };
            let next = queue.next().await?;
            heads.extend(
                next.iter()
                    .map(|(t, _)| Reverse((t.created_at, t.id, index))),
            );
            merged.extend(std::mem::replace(head, next));
            if merged.len() == HANDED_OVER {
                self.hand_over(&mut merged);
            }
        }
        self.hand_over(&mut merged);
        Ok(())
    }

    /// The matcher hears of them last: a match of it looks for them among the records.
    fn hand_over(&self, merged: &mut Vec<Stored>) {
        self.tickets.loaded(merged);
        let tickets = merged.iter().map(|(ticket, _)| &**ticket);
        self.estimates
            .all_moved(self.now(), tickets, || self.config());
        let tickets = merged.drain(..).map(|(ticket, _)| ticket);
        let searching = tickets.filter(|ticket| ticket.state == TicketState::Searching);
        self.matchmaker.add_all(searching);
    }
}
