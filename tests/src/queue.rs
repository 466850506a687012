//! Queueing, in a line or two.

use model::ticket::TicketState;
use model::wire::{AnswerMatch, CreateTicket, QueuePlayer, Ticket};
use model::{PlayerId, SessionId, TicketId};
use sdk::Client;

use crate::world::create;
use crate::{eventually, player};

/// To a match that is proposed.
pub const YES: AnswerMatch = AnswerMatch {
    accepted: true,
    player: None,
};
/// The other answer.
pub const NO: AnswerMatch = AnswerMatch {
    accepted: false,
    player: None,
};

/// A request to queue without a word about the players.
pub fn ticket(queue: &str) -> CreateTicket {
    CreateTicket {
        queue: queue.to_owned(),
        ..CreateTicket::default()
    }
}

/// The same with what is known of one player, as JSON: `{"attributes": {…}, "latencies": {…}}`.
///
/// # Panics
/// When the JSON is not that.
pub fn ticket_of(queue: &str, name: &str, said: serde_json::Value) -> CreateTicket {
    let said: QueuePlayer = serde_json::from_value(said).expect("what a player brings");
    CreateTicket {
        players: std::iter::once((player(name), said)).collect(),
        ..ticket(queue)
    }
}

/// A party of one that queues.
///
/// # Panics
/// When it is refused.
pub async fn queue_alone(client: &Client, body: &CreateTicket) -> Ticket {
    let party = create(client, "Party").await;
    client
        .create_ticket(party.id, body)
        .await
        .expect("a ticket")
}

/// The ticket, once it stands so.
pub async fn once(client: &Client, id: TicketId, state: TicketState) -> Ticket {
    eventually(&format!("ticket {id} to be {state:?}"), async || {
        let ticket = client.ticket(id).await.expect("the ticket");
        (ticket.state == state).then_some(ticket)
    })
    .await
}

/// The session that a match made of the ticket.
pub async fn session_of(client: &Client, id: TicketId) -> SessionId {
    let ticket = once(client, id, TicketState::Placing).await;
    ticket.session.expect("a session")
}

/// Whether a session holds a seat for this player.
pub fn holds(session: &model::wire::Session, player: &PlayerId) -> bool {
    session
        .members
        .iter()
        .any(|member| member.player == *player)
}
