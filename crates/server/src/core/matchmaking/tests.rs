//! A party's own doings while somebody else has its ticket: they see the ticket as it is left.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use matcher::{Figures, Match, MatchTeam};
use model::instance::CloseReason;
use model::session::{Actor, Command, TicketRef};
use model::ticket::{EndReason, TicketState};
use model::wire::{CreateSession, JoinSession, UpdateSession};
use model::{PlayerId, SessionId, Ticket, TicketId};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::core::sessions::JoinMode;
use crate::core::tickets::End;
use crate::core::write::ended;
use crate::core::{Asked, Core};
use crate::http::tests::{core, core_of};
use crate::{Error, Principal};

/// Ann's party with bob in it, which is queued.
struct Queued {
    core: Core,
    party: SessionId,
    ticket: TicketId,
    dir: TempDir,
}

/// Ann's party and cid, in a match whose session waits for a host.
struct Matched {
    queued: Queued,
    other: TicketId,
    game: SessionId,
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

/// A party that anybody may join.
async fn open_party(core: &Core, leader: &str) -> SessionId {
    let leader = player(leader);
    let party: CreateSession = body(json!({ "type": "Party" }));
    let (_, party) = core.create_session(&leader, party, None).await.unwrap();
    let open: UpdateSession = body(json!({ "joinability": "public" }));
    let asked = Asked::always(&leader, party.id);
    core.update_session(&asked, open).await.unwrap();
    party.id
}

async fn join(core: &Core, party: SessionId, name: &str) {
    let (join, mode) = (JoinSession::default(), JoinMode::JoinOnly);
    let who = player(name);
    let asked = Asked::always(&who, party);
    core.join(&asked, id(name), join, mode).await.unwrap();
}

/// Queues a party, whose leader is the first.
async fn queue(core: &Core, party: SessionId, members: &[&str]) -> TicketId {
    let near = json!({ "latencies": { "eu-west": 20 } });
    let players: Value = members.iter().map(|name| (*name, near.clone())).collect();
    let ticket = body(json!({ "queue": "tdm-4v4", "players": players }));
    let leader = player(members[0]);
    let asked = Asked::always(&leader, party);
    core.create_ticket(&asked, ticket, None).await.unwrap().id
}

impl Queued {
    async fn new() -> Self {
        let (dir, core) = core().await;
        let party = open_party(&core, "ann").await;
        join(&core, party, "bob").await;
        let ticket = queue(&core, party, &["ann", "bob"]).await;
        Self {
            party,
            ticket,
            core,
            dir,
        }
    }

    /// Matched with cid, who is queued alone; no game server is there for their session.
    async fn matched() -> Matched {
        let queued = Self::new().await;
        let core = &queued.core;
        let other = open_party(core, "cid").await;
        let other = queue(core, other, &["cid"]).await;
        let team = |name: &str, ticket| MatchTeam {
            name: name.parse().unwrap(),
            tickets: vec![ticket],
            roles: BTreeMap::new(),
        };
        let found = Match {
            handle: 0,
            queue: "tdm-4v4".parse().unwrap(),
            region: Some("eu-west".parse().unwrap()),
            teams: vec![team("red", queued.ticket), team("blue", other)],
            figures: Figures::default(),
        };
        let mut taken = core.take_searching(found.tickets()).unwrap();
        core.commit_match(&found, None, None, &mut taken)
            .await
            .unwrap();
        drop(taken);
        let game = queued.document().await.session.unwrap();
        Matched {
            queued,
            other,
            game,
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

    /// Why a cancel is refused that waits while the ticket is left like this: as one who comes later is.
    async fn cancel_refused(&self, left: impl FnOnce(&Ticket) -> Ticket) -> String {
        let refused = why(self.meanwhile(left, self.cancel()).await);
        assert_eq!(refused, why(self.cancel().await));
        refused
    }

    async fn bob_leaves(&self) -> Option<TicketRef> {
        self.removes("bob", "bob").await;
        self.noted().await
    }

    /// `by` has a member leave the party, himself or another.
    async fn removes(&self, by: &str, member: &str) {
        let by = player(by);
        let asked = Asked::always(&by, self.party);
        self.core.leave(&asked, id(member)).await.unwrap();
    }

    /// The ticket as the party's document has it.
    async fn noted(&self) -> Option<TicketRef> {
        let party = self.core.settled(self.party).await.unwrap();
        assert!(party.header().ticket.as_ref().unwrap().id == self.ticket);
        party.header().ticket.clone()
    }

    async fn document(&self) -> Arc<Ticket> {
        self.core.ticket_document(self.ticket).await.unwrap()
    }

    async fn state(&self) -> TicketState {
        self.document().await.state
    }

    fn found(&self, ticket: &Ticket) -> Ticket {
        let (state, reason) = (TicketState::Found, EndReason::Assigned);
        ended(ticket, state, reason, self.core.now())
    }
}

/// No host is found for a match.
async fn fails(core: &Core, game: SessionId) {
    let reason = CloseReason::Requested;
    let close = Command::CloseInstance { reason };
    core.try_command(game, &Actor::Service, &close)
        .await
        .unwrap();
}

impl Matched {
    /// How ann's ticket ends once no host is found for the match; cid's searches on.
    async fn end_of_failed(&self) -> Option<End> {
        fails(&self.queued.core, self.game).await;
        self.end().await
    }

    async fn end(&self) -> Option<End> {
        let other = self.queued.core.ticket_document(self.other).await.unwrap();
        let again = (TicketState::Searching, None, 1);
        assert_eq!((other.state, other.session, other.placements_failed), again);
        let ticket = self.queued.document().await;
        assert_eq!(ticket.state.is_live(), ticket.reason.is_none());
        ticket.reason.map(|reason| (ticket.state, reason))
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
    let refused = queued.cancel_refused(placing).await;
    assert!(refused.contains("has become a match"), "{refused}");
    assert_eq!(queued.state().await, TicketState::Placing);
    assert!(queued.noted().await.unwrap().state.is_live());
}

#[tokio::test]
async fn who_cancels_while_a_match_is_proposed_is_told_to_refuse_that() {
    let queued = Queued::new().await;
    let refused = queued.cancel_refused(proposed).await;
    assert!(refused.contains("refuse that instead"), "{refused}");
    assert_eq!(queued.state().await, TicketState::Proposed);
}

#[tokio::test]
async fn who_cancels_while_the_ticket_ends_is_told_that_there_is_none() {
    let queued = Queued::new().await;
    queued.cancel_refused(|ticket| queued.found(ticket)).await;
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

const CHANGED: End = (TicketState::Canceled, EndReason::PartyChanged);

#[tokio::test]
async fn a_party_that_stays_as_it_is_searches_again_when_its_match_finds_no_host() {
    let matched = Queued::matched().await;
    let before = matched.queued.document().await;
    assert_eq!(matched.end_of_failed().await, None);
    let after = matched.queued.document().await;
    assert_eq!(after.state, TicketState::Searching);
    assert_eq!(after.created_at, before.created_at);
}

#[tokio::test]
async fn a_party_that_is_left_searches_no_more_when_its_match_finds_no_host() {
    let matched = Queued::matched().await;
    let noted = matched.queued.bob_leaves().await.unwrap();
    assert_eq!((noted.state, noted.reason), (TicketState::Placing, None));
    assert_eq!(matched.end_of_failed().await, Some(CHANGED));
    let noted = matched.queued.noted().await.unwrap();
    assert_eq!((noted.state, noted.reason), (CHANGED.0, Some(CHANGED.1)));
    // Who left is free, and so are those who stayed.
    let (core, party) = (&matched.queued.core, matched.queued.party);
    let own = open_party(core, "bob").await;
    queue(core, own, &["bob"]).await;
    queue(core, party, &["ann"]).await;
}

#[tokio::test]
async fn a_party_whose_member_is_kicked_searches_no_more_when_its_match_finds_no_host() {
    let matched = Queued::matched().await;
    matched.queued.removes("ann", "bob").await;
    assert_eq!(matched.end_of_failed().await, Some(CHANGED));
}

#[tokio::test]
async fn a_party_that_is_joined_searches_no_more_when_its_match_finds_no_host() {
    let matched = Queued::matched().await;
    join(&matched.queued.core, matched.queued.party, "dan").await;
    assert_eq!(matched.end_of_failed().await, Some(CHANGED));
}

/// As one that is left and joined while it searches (row 45).
#[tokio::test]
async fn a_party_to_which_its_member_comes_back_has_changed_all_the_same() {
    let matched = Queued::matched().await;
    matched.queued.bob_leaves().await;
    join(&matched.queued.core, matched.queued.party, "bob").await;
    assert_eq!(matched.end_of_failed().await, Some(CHANGED));
}

#[tokio::test]
async fn a_party_that_is_gone_searches_no_more_when_its_match_finds_no_host() {
    let matched = Queued::matched().await;
    let (core, party) = (&matched.queued.core, matched.queued.party);
    core.try_command(party, &Actor::Admin, &Command::Delete)
        .await
        .unwrap();
    assert_eq!(matched.queued.state().await, TicketState::Placing);
    let gone = (TicketState::Canceled, EndReason::SessionEnded);
    assert_eq!(matched.end_of_failed().await, Some(gone));
}

#[tokio::test]
async fn a_party_that_is_left_while_its_match_fails_takes_its_ticket_back() {
    let queued = Queued::matched().await.queued;
    let again = Ticket::searching_again;
    let noted = queued.meanwhile(again, queued.bob_leaves()).await.unwrap();
    assert_eq!((noted.state, noted.reason), (CHANGED.0, Some(CHANGED.1)));
    assert_eq!(queued.state().await, TicketState::Canceled);
}

#[tokio::test]
async fn a_match_that_fails_while_a_party_is_left_does_not_have_it_search_again() {
    let matched = Queued::matched().await;
    let left = |ticket: &Ticket| Ticket {
        voided: Some(EndReason::PartyChanged),
        ..ticket.clone()
    };
    let (queued, game) = (&matched.queued, matched.game);
    queued.meanwhile(left, fails(&queued.core, game)).await;
    assert_eq!(matched.end().await, Some(CHANGED));
}

#[tokio::test]
async fn that_a_party_was_left_outlives_a_restart() {
    let matched = Queued::matched().await;
    matched.queued.bob_leaves().await;
    matched.queued.core.begin_shutdown();
    matched.queued.core.stop_tasks().await;
    let core = core_of(matched.queued.dir.path(), 2).await;
    let queued = Queued {
        core,
        ..matched.queued
    };
    let matched = Matched { queued, ..matched };
    assert_eq!(matched.end_of_failed().await, Some(CHANGED));
}
