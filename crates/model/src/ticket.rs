//! A ticket: one party waiting in a queue, durable from the reply on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use litemap::LiteMap;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::session_type::CustomData;
use crate::{MatchId, Name, PlayerId, Region, SessionId, TicketId, Timestamp};

/// A party in a queue. Everything that the matcher reads of it is here; the party may have changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Never used twice.
    pub id: TicketId,
    /// The queue, of several the first; once matched, the one that it was matched in.
    pub queue: Name,
    /// All of its queues in the party's own order, where it waits in more than one; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<Name>,
    /// The party session that was queued.
    pub party: SessionId,
    /// When the ticket was created; its age counts from here for ever, also back in `searching`.
    pub created_at: Timestamp,
    /// searching -> expired; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Where it stands.
    pub state: TicketState,
    /// Why it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The match that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// The session that the match became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Placements that failed so far.
    #[serde(default)]
    pub placements_failed: u32,
    /// Why it ends rather than searches again, should its match find no host: the party has changed since it was
    /// matched, or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voided: Option<EndReason>,
    /// The studio's own data (A.3 row 21).
    #[serde(default, skip_serializing_if = "CustomData::is_empty")]
    pub custom_data: CustomData,
    /// The whole party, leader first.
    pub players: Vec<TicketPlayer>,
}

/// The most queues that a ticket may wait in at once (F10).
pub const QUEUES_MAX: usize = 8;

impl Ticket {
    /// One that begins to search: of nobody yet, in one queue, and for as long as it takes.
    pub fn new(id: TicketId, queue: Name, party: SessionId, created_at: Timestamp) -> Ticket {
        Ticket {
            id,
            queue,
            queues: Vec::new(),
            party,
            created_at,
            expires_at: None,
            state: TicketState::Searching,
            reason: None,
            ended_at: None,
            match_id: None,
            session: None,
            placements_failed: 0,
            voided: None,
            custom_data: CustomData::new(),
            players: Vec::new(),
        }
    }

    /// Every queue that it waits in, the dearest first; at least one.
    pub fn all_queues(&self) -> &[Name] {
        match self.queues.as_slice() {
            [] => std::slice::from_ref(&self.queue),
            several => several,
        }
    }

    /// Where it waits: those of its queues that are there and in one group with the first that is, each with its
    /// place in the list. `group_of` says in which group a queue is, `None` that it is not there. O(its queues).
    pub fn waits_in<G: PartialEq>(
        &self,
        group_of: impl Fn(&Name) -> Option<G>,
    ) -> impl Iterator<Item = (usize, &Name)> {
        let mut first = None;
        let queues = self.all_queues().iter().enumerate();
        queues.filter(move |(_, queue)| {
            let group = group_of(queue);
            if first.is_none() {
                first = group;
                return first.is_some();
            }
            group == first
        })
    }

    /// It searches again in all of its queues, with its age.
    pub fn searching_again(&self) -> Ticket {
        Ticket {
            state: TicketState::Searching,
            queue: self.queues.first().unwrap_or(&self.queue).clone(),
            match_id: None,
            session: None,
            ..self.clone()
        }
    }
}

impl TicketId {
    /// As whom the matcher knows a ticket in the queue at this place of its list, of at most eight: the first by its own
    /// id. Ours have version 7; those of the others have versions that nobody draws.
    pub fn leg(self, place: usize) -> TicketId {
        let version = match place {
            0 => 0,
            place => 7 + place as u128,
        };
        TicketId(uuid::Uuid::from_u128(self.0.as_u128() ^ (version << 76)))
    }
}

/// One player of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketPlayer {
    /// Who.
    pub player: PlayerId,
    /// The platform that he plays on, if he has named one, in lowercase (F21).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Name>,
    /// Values of the queue's attributes, defaults filled in.
    #[serde(serialize_with = "as_map")]
    pub attributes: LiteMap<Name, Value>,
    /// Round trip in whole milliseconds, by region.
    #[serde(serialize_with = "as_map")]
    pub latencies: LiteMap<Region, u32>,
    /// Whom he would rather not meet; as many as his queue takes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub avoid: BTreeSet<PlayerId>,
}

impl TicketPlayer {
    /// One of whom nothing is known but who he is.
    pub fn new(player: PlayerId) -> TicketPlayer {
        TicketPlayer {
            player,
            platform: None,
            attributes: LiteMap::new(),
            latencies: LiteMap::new(),
            avoid: BTreeSet::new(),
        }
    }
}

/// As a map also where it is empty: of no keys a list would be made, as nobody knows what they are.
fn as_map<S: Serializer>(
    map: &LiteMap<impl Serialize, impl Serialize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter())
}

/// A value of an attribute as it is stored and sent: a finite number, a text, a list of texts or numbers by key.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// Finite.
    Number(f64),
    /// At most 128 bytes.
    String(String),
    /// At most 64 of at most 128 bytes.
    Strings(Vec<String>),
    /// At most 64 finite ones, each with a key of at most 128 bytes.
    Numbers(BTreeMap<String, f64>),
}

/// By hand, as the derived one takes a copy of whatever it is before it looks what it is, for each value of each ticket.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, a list of texts or numbers by key")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(texts)).map(Value::Strings)
    }

    fn visit_map<A: MapAccess<'de>>(self, numbers: A) -> Result<Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(numbers)).map(Value::Numbers)
    }
}

/// Where a ticket stands (A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Waiting for a match.
    Searching,
    /// In a match that waits for everybody's word.
    Proposed,
    /// Matched; the session waits for its host.
    Placing,
    /// The session's instance is joinable.
    Found,
    /// Waited longer than the queue allows.
    Expired,
    /// Taken back.
    Canceled,
    /// No host could be found for good.
    Failed,
}

impl TicketState {
    /// Whether the ticket still counts as its players' one live ticket.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Searching | Self::Proposed | Self::Placing)
    }
}

/// Why a ticket ended (F10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Everybody has a seat in a session whose instance is joinable.
    Assigned,
    /// Everybody has a seat in a session that is played and had free ones.
    Backfilled,
    /// The leader took it back.
    LeftQueue,
    /// Waited too long.
    Timeout,
    /// Somebody joined or left the party.
    PartyChanged,
    /// The queue is no longer configured.
    QueueRemoved,
    /// The queue is there, but was changed so that it no longer takes the ticket.
    QueueChanged,
    /// No host could be found.
    PlacementFailed,
    /// The party session was deleted.
    SessionEnded,
    /// Somebody of the party refused a match, or did not answer in time.
    NotAccepted,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        /// As what a value is read follows from its shape alone; what has none of the four is refused.
        #[test]
        fn a_value_is_read_as_it_is_written(
            number in -1e15..1e15_f64,
            whole in any::<i32>(),
            texts in prop::collection::vec("[a-z]{0,8}", 0..4),
            numbers in prop::collection::btree_map("[a-z]{1,4}", -1e15..1e15_f64, 0..4),
        ) {
            let text = texts.concat();
            let values = [
                Value::Number(number),
                Value::String(text),
                Value::Strings(texts),
                Value::Numbers(numbers),
            ];
            for value in values {
                let written = serde_json::to_string(&value).unwrap();
                prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
            }
            let read: Value = serde_json::from_value(json!(whole)).unwrap();
            prop_assert_eq!(read, Value::Number(f64::from(whole)));
        }
    }

    #[test]
    fn a_ticket_waits_in_the_queues_that_are_with_the_first_that_is_there() {
        let names = ["a", "b", "c", "d"].map(|name| name.parse::<Name>().unwrap());
        let nobody = uuid::Uuid::nil();
        let mut ticket = Ticket::new(
            TicketId(nobody),
            names[0].clone(),
            SessionId(nobody),
            Timestamp(0),
        );
        ticket.queues = names.to_vec();
        let cases: [(&str, &[usize]); 6] = [
            ("gggg", &[0, 1, 2, 3]),
            ("ghgh", &[0, 2]),
            ("-hgh", &[1, 3]),
            ("--g-", &[2]),
            ("g---", &[0]),
            ("----", &[]),
        ];
        for (groups, expected) in cases {
            let group_of = |queue: &Name| {
                let place = names.iter().position(|name| name == queue)?;
                groups.chars().nth(place).filter(|&group| group != '-')
            };
            let places: Vec<usize> = ticket.waits_in(group_of).map(|(place, _)| place).collect();
            assert_eq!(places, expected, "{groups}");
        }
        ticket.queues.clear();
        let of_one: Vec<_> = ticket.waits_in(|_| Some(())).collect();
        assert_eq!(of_one, [(0, &names[0])]);
    }

    #[test]
    fn a_value_of_no_known_shape_is_refused() {
        let others = [
            json!(null),
            json!(true),
            json!(["a", 1]),
            json!([["a"]]),
            json!({ "a": "b" }),
            json!({ "a": null }),
        ];
        for other in others {
            let read: Result<Value, _> = serde_json::from_value(other.clone());
            assert!(read.is_err(), "{other} was read as {read:?}");
        }
    }
}
