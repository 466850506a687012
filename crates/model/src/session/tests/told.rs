//! The events name every part of the document that changed: what is replayed of those parts alone is the document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

/// What follows from the members, and is counted rather than told.
const COUNTED: &[&str] = &["change_number", "empty_since", "next_index", "seats"];

/// A document as the store keeps it: keys of the header, and members by index.
#[derive(Debug, PartialEq)]
struct Document {
    header: BTreeMap<String, Value>,
    members: BTreeMap<u32, Value>,
}

impl Document {
    fn of(session: &Session) -> Self {
        let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let mut header = json(session.header().to_json().unwrap());
        // Of the host's own keeping of his backfill nobody is told: it is in the answer to what he said.
        if let Some(backfill) = header.get_mut("backfill").and_then(Value::as_object_mut) {
            backfill.remove("acknowledged_at");
            backfill.remove("added");
        }
        let member = |member: &Arc<Member>| (member.index, json(member.to_json().unwrap()));
        Self {
            header: header.as_object().unwrap().clone().into_iter().collect(),
            members: session.members().map(member).collect(),
        }
    }

    fn take_key(&mut self, key: &str, from: &Document) {
        match from.header.get(key) {
            Some(value) => self.header.insert(key.to_owned(), value.clone()),
            None => self.header.remove(key),
        };
    }

    /// Takes over the parts that an event names, as they are now.
    fn replay(&mut self, event: &Event, now: &Document) {
        let (seat, keys) = named(event);
        if let Some(index) = seat {
            match now.members.get(&index) {
                Some(member) => self.members.insert(index, member.clone()),
                None => self.members.remove(&index),
            };
        }
        for key in keys {
            self.take_key(key, now);
        }
    }
}

/// A member, and keys of the header.
fn named(event: &Event) -> (Option<u32>, &'static [&'static str]) {
    match event {
        // A seat is counted in its team, by roles and owners, and among the newcomers; it may have been his turn, he
        // may have hosted, or been about to; the seat of one whom a queue has sent, and who never came, is wanted again.
        Event::MemberReserved { index, .. }
        | Event::MemberJoined { index, .. }
        | Event::MemberChanged { index, .. }
        | Event::MemberUpdated { index, .. }
        | Event::SubscriptionsChanged { index, .. }
        | Event::MemberRemoved { index, .. } => (
            Some(*index),
            &[
                "teams",
                "ranks",
                "initialization",
                "turn",
                "host",
                "host_candidates",
                "leader_lost",
                "backfill",
            ],
        ),
        Event::LeaderChanged { .. } => (None, &["leader", "leader_lost"]),
        Event::Invited { .. } | Event::InviteEnded { .. } => (None, &["invites"]),
        Event::HeaderChanged(_) => (
            None,
            &[
                "joinability",
                "closed",
                "password",
                "short_code",
                "keywords",
                "turn",
                "custom_data",
                "custom",
                "teams",
                "servers",
                "ranks",
                "host",
                "host_candidates",
                "browser_entry",
                "kept",
                "initialization",
                "backfill",
            ],
        ),
        Event::InitializationChanged { .. } => (None, &["initialization", "host_candidates"]),
        Event::InstanceChanged { .. } | Event::InstanceUpdated { .. } => (
            None,
            &["instance", "reservation_clock", "host", "host_candidates"],
        ),
        Event::TicketChanged { .. } => (None, &["ticket"]),
        Event::PlayedTogether { .. } | Event::Deleted => (None, &[]),
    }
}

/// Replaying the events on the document before gives the document after.
pub(super) fn assert_told(before: &Session, after: &Session, events: &[Event]) {
    let now = Document::of(after);
    let mut replayed = Document::of(before);
    for event in events {
        replayed.replay(event, &now);
    }
    for key in COUNTED {
        replayed.take_key(key, &now);
    }
    let differs: Vec<&String> = (replayed.header.iter())
        .chain(&now.header)
        .filter(|(key, _)| replayed.header.get(*key) != now.header.get(*key))
        .map(|(key, _)| key)
        .collect();
    assert!(
        differs.is_empty(),
        "{differs:?} changed, and {events:?} do not say so"
    );
    assert_eq!(replayed, now, "{events:?}");
}
