//! Tickets and queues.

use http::Method;
use model::wire::{
    AnswerMatch, CreateTicket, List, Penalty, Queue, SetPenalty, Ticket, TicketExplanation,
};
use model::{Name, PlayerId, SessionId, TicketId};

use crate::call::{Call, encoded};
use crate::{Client, Error, chance};

impl Client {
    /// Queues a party, with an idempotency key of its own, so that a lost answer makes no second ticket.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn create_ticket(
        &self,
        party: SessionId,
        body: &CreateTicket,
    ) -> Result<Ticket, Error> {
        self.create_ticket_keyed(party, body, &chance::idempotency_key())
            .await
    }

    /// Queues a party once for this idempotency key.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn create_ticket_keyed(
        &self,
        party: SessionId,
        body: &CreateTicket,
        key: &str,
    ) -> Result<Ticket, Error> {
        let call = Call::post(format!("/v1/sessions/{party}/ticket")).json(body)?;
        self.read(call.keyed(key)).await
    }

    /// Takes the party's live ticket back.
    ///
    /// # Errors
    /// Anything in [`Error`]. After a lost answer a repeated call may find no live ticket any more; its ticket
    /// is then still readable by [`Client::ticket`].
    pub async fn cancel_ticket(&self, party: SessionId) -> Result<Ticket, Error> {
        let path = format!("/v1/sessions/{party}/ticket");
        self.read(Call::new(Method::DELETE, path)).await
    }

    /// A ticket; readable for a while after it has ended.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn ticket(&self, id: TicketId) -> Result<Ticket, Error> {
        self.read(Call::get(format!("/v1/tickets/{id}"))).await
    }

    /// Where a ticket stands and why; of one that searches what keeps it waiting.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn explain_ticket(&self, id: TicketId) -> Result<TicketExplanation, Error> {
        let path = format!("/v1/tickets/{id}/explanation");
        self.read(Call::get(path)).await
    }

    /// The same, with one of the ticket's queues at the top.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn explain_ticket_in(
        &self,
        id: TicketId,
        queue: &Name,
    ) -> Result<TicketExplanation, Error> {
        let path = format!("/v1/tickets/{id}/explanation?queue={queue}");
        self.read(Call::get(path)).await
    }

    /// Accepts or refuses the match that a ticket is proposed.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn answer_match(&self, id: TicketId, body: &AnswerMatch) -> Result<Ticket, Error> {
        let call = Call::post(format!("/v1/tickets/{id}/acceptance")).json(body)?;
        self.read(call).await
    }

    /// What a player pays for deserting matches.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn penalty(&self, player: &PlayerId, name: &Name) -> Result<Penalty, Error> {
        self.read(Call::get(penalty(player, name))).await
    }

    /// Sets what a player pays; for servers.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn set_penalty(
        &self,
        player: &PlayerId,
        name: &Name,
        body: &SetPenalty,
    ) -> Result<Penalty, Error> {
        let call = Call::new(Method::PUT, penalty(player, name)).json(body)?;
        self.read(call).await
    }

    /// Forgives a player; for servers.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn forgive(&self, player: &PlayerId, name: &Name) -> Result<(), Error> {
        self.tell(Call::delete(penalty(player, name))).await
    }

    /// Every queue.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn queues(&self) -> Result<List<Queue>, Error> {
        self.read(Call::get("/v1/queues".to_owned())).await
    }

    /// One queue.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn queue(&self, name: &Name) -> Result<Queue, Error> {
        self.read(Call::get(format!("/v1/queues/{name}"))).await
    }
}

fn penalty(player: &PlayerId, name: &Name) -> String {
    let (player, name) = (encoded(player.as_str()), encoded(name.as_str()));
    format!("/v1/players/{player}/penalties/{name}")
}
