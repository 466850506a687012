//! The ticket that a session notes: one live at a time, void when the party changes (row 45).

use super::{Actor, Draft, Error, Event, TICKET_CUSTOM_BYTES_MAX, TicketRef, limits};
use crate::TicketId;
use crate::session_type::CustomData;
use crate::ticket::{EndReason, TicketState};

impl Draft<'_> {
    /// Whether the studio's own data of a ticket keeps the limits of the party's type (row 21).
    pub fn check_ticket_data(&self, data: &CustomData) -> Result<(), Error> {
        let limits = &self.base.constants.session_type.custom_data_limits;
        limits::check_custom_data(data, limits)?;
        limits::check_size("ticket's own data", TICKET_CUSTOM_BYTES_MAX, data)
    }

    pub(super) fn set_ticket(&mut self, actor: &Actor, ticket: &TicketRef) -> Result<(), Error> {
        let noted = self.work.header.ticket.as_ref();
        let same = noted.is_some_and(|noted| noted.id == ticket.id);
        if same {
            Self::require_service(actor)?;
            if noted != Some(ticket) {
                self.note_ticket(ticket.clone());
            }
            return Ok(());
        }
        self.require_leader(actor)?;
        if !ticket.state.is_live() {
            return Err(Error::Invalid("a new ticket cannot have ended already"));
        }
        if !self.base.constants.session_type.can_join_matchmaking {
            return Err(Error::NotQueueable);
        }
        if self.work.header.live_ticket().is_some() {
            return Err(Error::AlreadyQueued);
        }
        self.note_ticket(ticket.clone());
        Ok(())
    }

    pub(super) fn clear_ticket(
        &mut self,
        actor: &Actor,
        id: TicketId,
        state: TicketState,
        reason: EndReason,
    ) -> Result<(), Error> {
        self.require_leader(actor)?;
        if state.is_live() {
            return Err(Error::Invalid("a ticket that is cleared cannot be live"));
        }
        if self
            .work
            .header
            .live_ticket()
            .is_some_and(|ticket| ticket.id == id)
        {
            self.end_ticket(state, reason);
        } else if *actor != Actor::Service {
            return Err(Error::NoSuchTicket);
        }
        Ok(())
    }

    /// Somebody joined or left. A ticket that has not become a match yet is void; one that has is not, as
    /// the match holds a seat for each of its players already.
    pub(super) fn party_has_changed(&mut self) {
        self.work.party_changed = true;
        let state = self.work.header.live_ticket().map(|ticket| ticket.state);
        if matches!(state, Some(TicketState::Searching | TicketState::Proposed)) {
            self.end_ticket(TicketState::Canceled, EndReason::PartyChanged);
        }
    }

    /// Ends the live ticket, if there is one.
    pub(super) fn end_ticket(&mut self, state: TicketState, reason: EndReason) {
        if let Some(ticket) = self.work.header.live_ticket() {
            let ticket = TicketRef {
                state,
                reason: Some(reason),
                ..ticket.clone()
            };
            self.note_ticket(ticket);
        }
    }

    fn note_ticket(&mut self, ticket: TicketRef) {
        let (id, state, reason) = (ticket.id, ticket.state, ticket.reason);
        self.work
            .events
            .push(Event::TicketChanged { id, state, reason });
        self.header_mut().ticket = Some(ticket);
    }
}
