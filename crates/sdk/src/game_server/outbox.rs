//! Reports on their way to Muster: what is newer replaces what has not been sent yet. Pure.

use std::collections::BTreeMap;

use model::instance::InstanceStatus;
use model::wire::{Assignment, HostUpdate};
use model::{AllocationId, SessionId};

use super::report::empty_update;

/// Something to say about a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It is taken on.
    Acknowledge,
    /// Members may come in.
    Joinable,
    /// Nobody comes in any more.
    Unjoinable,
    /// It is over, for good.
    Closed,
    /// Who is connected, as the game calls them.
    Connected(Vec<String>),
}

/// What is to be sent about one game.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post {
    pub allocation: AllocationId,
    pub session: SessionId,
    /// `None`: nothing but the acknowledgement.
    pub update: Option<HostUpdate>,
}

/// What has been posted and not been delivered.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<AllocationId, Post>,
    /// One is being sent.
    sending: bool,
}

impl Outbox {
    pub(crate) fn add(&mut self, game: &Assignment, report: Report) {
        let post = self.waiting.entry(game.allocation_id).or_insert(Post {
            allocation: game.allocation_id,
            session: game.session,
            update: None,
        });
        let mut update = empty_update(game.allocation_id);
        match report {
            Report::Acknowledge => return,
            Report::Joinable => update.status = Some(InstanceStatus::Joinable),
            Report::Unjoinable => update.status = Some(InstanceStatus::Unjoinable),
            Report::Closed => update.status = Some(InstanceStatus::Closed),
            Report::Connected(players) => update.connected = Some(players),
        }
        post.update = Some(merged(post.update.take(), update));
    }

    /// The next to send; there is one at a time.
    pub(crate) fn take(&mut self) -> Option<Post> {
        if self.sending {
            return None;
        }
        let (_, post) = self.waiting.pop_first()?;
        self.sending = true;
        Some(post)
    }

    /// What was taken is done with, or is to be sent again.
    pub(crate) fn settle(&mut self, again: Option<Post>) {
        self.sending = false;
        let Some(mut post) = again else { return };
        if let Some(newer) = self.waiting.remove(&post.allocation) {
            post.update = match (post.update, newer.update) {
                (older, Some(newer)) => Some(merged(older, newer)),
                (older, None) => older,
            };
        }
        self.waiting.insert(post.allocation, post);
    }

    /// Nothing waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing waits and nothing is being sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.sending
    }
}

fn merged(older: Option<HostUpdate>, newer: HostUpdate) -> HostUpdate {
    let Some(older) = older else { return newer };
    HostUpdate {
        allocation_id: newer.allocation_id,
        // Closed is final, whatever is said afterwards.
        status: match older.status {
            Some(InstanceStatus::Closed) => older.status,
            _ => newer.status.or(older.status),
        },
        version: newer.version.or(older.version),
        join_custom_data: newer.join_custom_data.or(older.join_custom_data),
        connected: newer.connected.or(older.connected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn game() -> Assignment {
        let id = uuid::Uuid::from_u128(1);
        serde_json::from_value(serde_json::json!({
            "allocation_id": id, "acknowledged": false, "session": id, "session_type": "Game",
            "instance": id, "startup_params": { "map": "Arena" }, "members": [],
        }))
        .expect("is an assignment")
    }

    #[test]
    fn what_is_newer_replaces_what_has_not_arrived() {
        let mut outbox = Outbox::default();
        outbox.add(&game(), Report::Acknowledge);
        let first = outbox.take().expect("something to send");
        assert_eq!(first.update, None);
        assert!(!outbox.is_idle());
        outbox.add(&game(), Report::Joinable);
        outbox.add(&game(), Report::Connected(vec!["ann".to_owned()]));
        assert_eq!(outbox.take(), None, "one at a time");
        outbox.settle(Some(first));
        outbox.add(&game(), Report::Closed);
        outbox.add(&game(), Report::Joinable);
        let all = outbox
            .take()
            .and_then(|post| post.update)
            .expect("an update");
        assert_eq!(all.status, Some(InstanceStatus::Closed));
        assert_eq!(all.connected, Some(vec!["ann".to_owned()]));
        outbox.settle(None);
        assert!(outbox.is_idle());
    }
}
