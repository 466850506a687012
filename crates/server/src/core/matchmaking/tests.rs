//! A party's own doings while somebody else has its ticket: they see the ticket as it is left.

use std::pin::pin;

use futures_util::FutureExt as _;
use model::session::TicketRef;
use model::ticket::{EndReason, TicketState};
use model::wire::{CreateSession, CreateTicket, JoinSession, UpdateSession};
use model::{PlayerId, SessionId, Ticket, TicketId};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::core::sessions::JoinMode;
use crate::core::write::ended;
use crate::core::{Asked, Core};
use crate::http::tests::core;
use crate::{Error, Principal};

/// Ann's party with bob in it, which is queued.
struct Queued {
    core: Core,
    party: SessionId,
    ticket: TicketId,
    _dir: TempDir,
}

fn player(name: &str) -> Principal {
    Principal::Player {
        player: id(name),
        attributes: Default::default(),
        device: None,
        platform: None,
        follows: Vec::new(),
    }
}

fn id(name: &str) -> PlayerId {
    name.parse().unwrap()
}

fn body<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

impl Queued {
    async fn new() -> Self {
        let (dir, core) = core().await;
        let (ann, bob) = (player("ann"), player("bob"));
        let party: CreateSession = body(json!({ "type": "Party" }));
        let (_, party) = core.create_session(&ann, party, None).await.unwrap();
        let open: UpdateSession = body(json!({ "joinability": "public" }));
        let asked = Asked::always(&ann, party.id);
        core.update_session(&asked, open).await.unwrap();
        let (join, mode) = (JoinSession::default(), JoinMode::JoinOnly);
        let asked = Asked::always(&bob, party.id);
        core.join(&asked, id("bob"), join, mode).await.unwrap();
        let near = json!({ "latencies": { "eu-west": 20 } });
        let ticket: CreateTicket = body(json!({
            "queue": "tdm-4v4", "players": { "ann": near, "bob": near },
        }));
        let asked = Asked::always(&ann, party.id);
        let ticket = core.create_ticket(&asked, ticket, None).await.unwrap();
        Self {
            party: party.id,
            ticket: ticket.id,
            core,
            _dir: dir,
        }
    }

    /// Whoever has the ticket leaves it like this while `asked` waits for it.
    async fn meanwhile<T>(
        &self,
        left: impl FnOnce(&Ticket) -> Ticket,
        asked: impl Future<Output = T>,
    ) -> T {
        let mut taken = self.core.tickets.records.take(self.ticket).await.unwrap();
        let mut asked = pin!(asked);
        assert!(
            asked.as_mut().now_or_never().is_none(),
            "it waits for the ticket"
        );
        let left = left(&taken.value);
        self.core
            .commit_tickets(vec![(&mut taken, left)], Vec::new())
            .await
            .unwrap();
        drop(taken);
        asked.await
    }

    async fn cancel(&self) -> Result<model::wire::Ticket, Error> {
        let ann = player("ann");
        self.core
            .cancel_ticket(&Asked::always(&ann, self.party))
            .await
    }

    async fn bob_leaves(&self) -> Option<TicketRef> {
        let bob = player("bob");
        let asked = Asked::always(&bob, self.party);
        self.core.leave(&asked, id("bob")).await.unwrap();
        self.noted().await
    }

    /// The ticket as the party's document has it.
    async fn noted(&self) -> Option<TicketRef> {
        let party = self.core.settled(self.party).await.unwrap();
        assert!(party.header().ticket.as_ref().unwrap().id == self.ticket);
        party.header().ticket.clone()
    }

    async fn state(&self) -> TicketState {
        let ticket = self.core.ticket_document(self.ticket).await;
        ticket.unwrap().state
    }

    fn found(&self, ticket: &Ticket) -> Ticket {
        let (state, reason) = (TicketState::Found, EndReason::Assigned);
        ended(ticket, state, reason, self.core.now())
    }
}

fn placing(ticket: &Ticket) -> Ticket {
    Ticket {
        state: TicketState::Placing,
        session: Some(SessionId(uuid::Uuid::from_u128(7))),
        ..ticket.clone()
    }
}

fn proposed(ticket: &Ticket) -> Ticket {
    Ticket {
        state: TicketState::Proposed,
        ..ticket.clone()
    }
}

/// What is refused, in words.
fn why<T>(refused: Result<T, Error>) -> String {
    match refused {
        Err(error @ (Error::Conflict(_) | Error::Law(_))) => error.to_string(),
        Err(error) => panic!("not refused but {error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test]
async fn who_cancels_while_a_match_is_made_is_told_as_one_who_comes_later() {
    let queued = Queued::new().await;
    let refused = why(queued.meanwhile(placing, queued.cancel()).await);
    assert!(refused.contains("has become a match"), "{refused}");
    assert_eq!(refused, why(queued.cancel().await));
    assert_eq!(queued.state().await, TicketState::Placing);
    assert!(queued.noted().await.unwrap().state.is_live());
}

#[tokio::test]
async fn who_cancels_while_a_match_is_proposed_is_told_to_refuse_that() {
    let queued = Queued::new().await;
    let refused = why(queued.meanwhile(proposed, queued.cancel()).await);
    assert!(refused.contains("refuse that instead"), "{refused}");
    assert_eq!(refused, why(queued.cancel().await));
    assert_eq!(queued.state().await, TicketState::Proposed);
}

#[tokio::test]
async fn who_cancels_while_the_ticket_ends_is_told_that_there_is_none() {
    let queued = Queued::new().await;
    let found = |ticket: &Ticket| queued.found(ticket);
    let refused = why(queued.meanwhile(found, queued.cancel()).await);
    assert_eq!(refused, why(queued.cancel().await));
    assert_eq!(queued.state().await, TicketState::Found);
    assert_eq!(queued.noted().await.unwrap().state, TicketState::Found);
}

#[tokio::test]
async fn who_cancels_while_a_match_comes_to_nothing_takes_the_ticket_back() {
    let queued = Queued::new().await;
    let canceled = queued.meanwhile(Ticket::clone, queued.cancel()).await;
    let canceled = canceled.unwrap();
    assert_eq!(canceled.state, TicketState::Canceled);
    assert_eq!(canceled.reason, Some(EndReason::LeftQueue));
    assert_eq!(queued.state().await, TicketState::Canceled);
}

#[tokio::test]
async fn a_party_that_is_left_while_its_match_is_made_notes_that_it_is_matched() {
    let queued = Queued::new().await;
    let noted = queued
        .meanwhile(placing, queued.bob_leaves())
        .await
        .unwrap();
    assert_eq!((noted.state, noted.reason), (TicketState::Placing, None));
    assert_eq!(queued.state().await, TicketState::Placing);
}

#[tokio::test]
async fn a_party_that_is_left_while_its_ticket_finds_notes_that_it_has_found() {
    let queued = Queued::new().await;
    let found = |ticket: &Ticket| queued.found(ticket);
    let noted = queued.meanwhile(found, queued.bob_leaves()).await.unwrap();
    let found = (TicketState::Found, Some(EndReason::Assigned));
    assert_eq!((noted.state, noted.reason), found);
}

#[tokio::test]
async fn a_party_that_is_left_while_its_match_is_proposed_takes_its_ticket_back() {
    let queued = Queued::new().await;
    let noted = queued
        .meanwhile(proposed, queued.bob_leaves())
        .await
        .unwrap();
    let canceled = (TicketState::Canceled, Some(EndReason::PartyChanged));
    assert_eq!((noted.state, noted.reason), canceled);
    assert_eq!(queued.state().await, TicketState::Canceled);
}
