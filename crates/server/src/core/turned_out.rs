//! Tickets that a change of the configuration ended, told to the operator in one line for each queue.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::ticket::EndReason;
use model::{Name, Ticket};

use super::Core;

/// So long tickets are counted together: a reload ends them one by one.
const TOGETHER: Duration = Duration::from_secs(1);

/// How many tickets of a queue ended for a reason, since that was last told.
type Counts = BTreeMap<(Name, &'static str), u64>;

/// Those that were not told yet.
#[derive(Default)]
pub(crate) struct TurnedOut(Mutex<Counts>);

impl TurnedOut {
    /// Counts a ticket; whether it is the first.
    fn note(&self, queue: &Name, reason: &'static str) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = counts.is_empty();
        *counts.entry((queue.clone(), reason)).or_default() += 1;
        is_first
    }

    fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Core {
    /// A ticket has ended. If it did because its queue was removed or changed, that is told within a second.
    pub(crate) fn note_turned_out(&self, ticket: &Ticket) {
        let reason = match ticket.reason {
            Some(EndReason::QueueRemoved) => "queue_removed",
            Some(EndReason::QueueChanged) => "queue_changed",
            _ => return,
        };
        if !self.turned_out.note(&ticket.queue, reason) {
            return;
        }
        let core = self.clone();
        self.spawn(async move {
            let _ = tokio::time::timeout(TOGETHER, core.shutdown.cancelled()).await;
            for ((queue, reason), canceled) in core.turned_out.take() {
                tracing::warn!(%queue, reason, canceled, "tickets lost their queue or no longer fit it");
            }
        });
    }
}
