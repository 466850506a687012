//! The timer driver: one due index over the rows; what is due is looked at, level-triggered and idempotent.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::game_server::GameServerState;
use model::ticket::{EndReason, TicketState};
use model::{GameServer, Millis, SessionId, Ticket, Timestamp};
use store::{Item, Kind, Row, WriteSet};
use tokio::sync::Notify;

use super::{Core, registry, rows, store_error};
use crate::Error;

/// Rows that one look takes at most.
const DUE_MAX: usize = 256;
/// Looks at the index at least this often, whatever the hints said.
const IDLE: Millis = Millis::seconds(5);
/// After a look that failed, or that left something due behind.
const PAUSE: Millis = Millis(200);
/// The shortest sleep.
const GRAIN: Duration = Duration::from_millis(1);

/// How often it is looked which game servers do not poll.
const SILENCE_LOOK: Millis = Millis::seconds(5);

/// When the next row is due, as far as this process has seen.
pub(crate) struct Timers {
    next: AtomicI64,
    hinted: Notify,
    /// When it was last looked which game servers do not poll.
    silence_looked: AtomicI64,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicI64::new(i64::MAX),
            hinted: Notify::new(),
            silence_looked: AtomicI64::new(i64::MIN),
        }
    }

    /// A row that was committed is due then.
    pub(crate) fn hint(&self, due: Timestamp) {
        if self.next.fetch_min(due.0, Ordering::AcqRel) > due.0 {
            self.hinted.notify_one();
        }
    }
}

impl Core {
    /// Looks at what is due until shutdown. With a manual clock, [`Core::run_timers_once`] does it instead.
    pub(crate) async fn run_timers(&self) {
        let mut failing = false;
        while !self.shutdown.is_cancelled() {
            let looked = self.run_timers_once().await;
            match &looked {
                Ok(_) if failing => tracing::warn!("due rows can be read again"),
                // Said once: the next looks follow in a moment.
                Err(error) if !failing => {
                    tracing::warn!(
                        cause = error.cause(),
                        "due rows could not be read; trying again"
                    );
                }
                Ok(_) | Err(_) => {}
            }
            failing = looked.is_err();
            let wait = match looked {
                Ok(false) => IDLE,
                Ok(true) | Err(_) => PAUSE,
            };
            let latest = self.now() + wait;
            // A hint alone is no reason to look at the index: only that something is due.
            loop {
                let next = Timestamp(self.timers.next.load(Ordering::Acquire)).min(latest);
                let until = next.since(self.now()).duration();
                tokio::select! {
                    () = tokio::time::sleep(until.max(GRAIN)) => {}
                    () = self.timers.hinted.notified() => {}
                    () = self.shutdown.cancelled() => return,
                }
                let next = Timestamp(self.timers.next.load(Ordering::Acquire)).min(latest);
                if next <= self.now() {
                    break;
                }
            }
        }
    }

    /// Looks once at everything that is due; whether something is still due afterwards.
    ///
    /// # Errors
    /// 503 while the store is away.
    pub async fn run_timers_once(&self) -> Result<bool, Error> {
        self.timers.next.store(i64::MAX, Ordering::Release);
        let now = self.now();
        let due = self.store.due(&self.namespace, now, DUE_MAX).await;
        let due = due.map_err(store_error)?;
        let more = due.len() == DUE_MAX;
        let mut failed = false;
        for row in due {
            if let Err(error) = self.due(&row, now).await {
                failed = true;
                let news = "a due row could not be settled; trying again";
                // That nothing can be written is said where it began, not for each row again and again.
                match self.store.outage() {
                    None => tracing::warn!(cause = error.cause(), row = ?row.key, "{news}"),
                    Some(_) => tracing::debug!(cause = error.cause(), row = ?row.key, "{news}"),
                }
            }
        }
        failed |= !self.retire_silent(now).await;
        self.keep_running().await;
        let next = self.store.next_due(&self.namespace).await;
        if let Some(next) = next.map_err(store_error)? {
            self.timers.hint(next);
        }
        Ok(more || failed)
    }

    /// Takes those out of service that have not polled for too long, so that their provider replaces them; whether
    /// that went well. Who carries a game goes on with it.
    async fn retire_silent(&self, now: Timestamp) -> bool {
        let looked = self.timers.silence_looked.load(Ordering::Acquire);
        if now.0 < looked.saturating_add_unsigned(SILENCE_LOOK.0) {
            return true;
        }
        self.timers.silence_looked.store(now.0, Ordering::Release);
        for id in self.registry.silent(now) {
            let retired = self.change_server(id, |server| {
                if server.state == GameServerState::Ready {
                    server.state = GameServerState::Draining;
                    server.since = now;
                }
            });
            match retired.await {
                Ok(_) => tracing::warn!(
                    game_server.id = %id,
                    "a game server has not asked for its assignment for {}; it is retired", registry::SILENCE_MAX
                ),
                Err(error) => {
                    tracing::debug!(cause = error.cause(), game_server.id = %id, "a silent game server could not be retired; trying again");
                    return false;
                }
            }
        }
        true
    }

    async fn due(&self, row: &Row, now: Timestamp) -> Result<(), Error> {
        match row.key.kind {
            Kind::Session => self.sweep(row).await,
            Kind::Ticket if row.ended => self.purge_ticket(row).await,
            Kind::Ticket => {
                let ticket: Ticket = rows::parse(row)?;
                if ticket.expires_at.is_some_and(|at| at <= now) {
                    self.end_ticket(ticket.id, TicketState::Expired, EndReason::Timeout)
                        .await;
                }
                Ok(())
            }
            Kind::GameServer => {
                let server: GameServer = rows::parse(row)?;
                if server.state == GameServerState::Gone {
                    self.purge(row, Vec::new()).await
                } else {
                    Ok(())
                }
            }
            Kind::Idempotency | Kind::RecentPlayers | Kind::Penalty => {
                self.purge(row, Vec::new()).await
            }
            Kind::Proposal => match row.key.id.parse() {
                Ok(id) => self.settle_match(id).await,
                Err(_) => Err(Error::Internal("odd match id".into())),
            },
            Kind::Match
            | Kind::Member
            | Kind::Invite
            | Kind::Player
            | Kind::Revision
            | Kind::Setting => Ok(()),
        }
    }

    /// A system read: settles the session, and asks again for a host that it still lacks.
    async fn sweep(&self, row: &Row) -> Result<(), Error> {
        let id: SessionId = row
            .key
            .id
            .parse()
            .map_err(|_| Error::Internal("odd session id".into()))?;
        if row.ended {
            return self.clear_away(id).await;
        }
        match self.write(id, |_, _, _| Ok(())).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn purge_ticket(&self, row: &Row) -> Result<(), Error> {
        let ticket: Ticket = rows::parse(row)?;
        let free = ticket.players.iter().map(|player| Item::Free {
            claim: rows::ticket_claim(&player.player),
            holder: row.key.clone(),
        });
        self.purge(row, free.collect()).await
    }

    async fn purge(&self, row: &Row, mut items: Vec<Item>) -> Result<(), Error> {
        items.push(Item::Delete {
            key: row.key.clone(),
            expected: row.number,
        });
        match self.commits.commit(WriteSet { items }).await {
            Ok(()) | Err(store::CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(super::write::commit_error(error)),
        }
    }
}
