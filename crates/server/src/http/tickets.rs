//! Handlers of tickets and queues.

use model::{TicketId, wire};

use super::call::Call;
use super::reply::{self, Answer};
use super::routes::RequestHeader;

pub(super) async fn create(mut call: Call) -> Answer {
    let body: wire::CreateTicket = call.json().await?;
    let key = call.header(RequestHeader::IdempotencyKey)?;
    let ticket = call.core().create_ticket(&call.asked()?, body, key).await?;
    reply::created(&format!("/v1/tickets/{}", ticket.id), &ticket)
}

pub(super) async fn cancel(call: Call) -> Answer {
    reply::ok(&call.core().cancel_ticket(&call.asked()?).await?)
}

pub(super) async fn read(call: Call) -> Answer {
    let id: TicketId = call.id("ticket")?;
    reply::ok(&call.core().read_ticket(call.who()?, id).await?)
}

pub(super) async fn explain(call: Call) -> Answer {
    let id: TicketId = call.id("ticket")?;
    let queue = call.query()?.queue;
    let said = call.core().explain_ticket(call.who()?, id, queue.as_ref());
    reply::ok(&said.await?)
}

pub(super) async fn answer(mut call: Call) -> Answer {
    let id: TicketId = call.id("ticket")?;
    let body: wire::AnswerMatch = call.json().await?;
    reply::ok(&call.core().answer_match(call.who()?, id, body).await?)
}

pub(super) async fn read_penalty(call: Call) -> Answer {
    let (player, name) = (call.player()?, call.name("penalty")?);
    reply::ok(&call.core().penalty(call.who()?, &player, &name).await?)
}

pub(super) async fn set_penalty(mut call: Call) -> Answer {
    let (player, name) = (call.player()?, call.name("penalty")?);
    let body: wire::SetPenalty = call.json().await?;
    reply::ok(&call.core().set_penalty(&player, &name, body).await?)
}

pub(super) async fn forgive(call: Call) -> Answer {
    let (player, name) = (call.player()?, call.name("penalty")?);
    call.core().forgive(&player, &name).await?;
    reply::nothing()
}

pub(super) async fn queues(call: Call) -> Answer {
    reply::ok(&call.core().queues().await)
}

pub(super) async fn read_queue(call: Call) -> Answer {
    let name = call.name("queue")?;
    reply::ok(&call.core().queue(name.as_str()).await?)
}
