//! What a thread of the matchmaker is told, some of it read ahead so that the matcher can look ahead at it.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use matcher::{Event, Group, LOOK_AHEAD, Output};
use model::Timestamp;

use super::matchmaker::Message;

/// The messages of a thread, in the order in which they were sent.
pub(super) struct Inbox<'a> {
    messages: &'a Receiver<Message>,
    ahead: VecDeque<Message>,
}

impl<'a> Inbox<'a> {
    pub fn new(messages: &'a Receiver<Message>) -> Inbox<'a> {
        Inbox {
            messages,
            ahead: VecDeque::with_capacity(LOOK_AHEAD),
        }
    }

    /// The next message; if there are more the group looks at their events beforehand.
    ///
    /// # Errors
    /// None came in time, or none will.
    pub fn next(&mut self, wait: Duration, group: &mut Group) -> Result<Message, RecvTimeoutError> {
        if let Some(message) = self.ahead.pop_front() {
            return Ok(message);
        }
        let first = self.messages.recv_timeout(wait)?;
        let more = self.messages.try_iter().take(LOOK_AHEAD - 1);
        self.ahead.extend(more);
        group.expect(self.ahead.iter().filter_map(|message| match message {
            Message::Event(event) => Some(event),
            _ => None,
        }));
        Ok(first)
    }
}

/// What follows from events that are known together.
pub(super) fn handle_all(
    group: &mut Group,
    now: impl Fn() -> Timestamp,
    events: impl Iterator<Item = Event>,
) -> Vec<Output> {
    let events: Vec<Event> = events.collect();
    let mut events = events.into_iter();
    let mut outputs = Vec::new();
    while !events.as_slice().is_empty() {
        group.expect(events.as_slice().iter().take(LOOK_AHEAD));
        for event in events.by_ref().take(LOOK_AHEAD) {
            outputs.extend(group.handle(now(), event));
        }
    }
    outputs
}
