//! Matches that wait for their players' word: proposed, answered, and then made or taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matcher::{Event, Figures, Match, MatchTeam};
use model::penalty::Offence;
use model::proposal::{self, Answer, Asked, Proposal, ProposedTeam, Verdict};
use model::ticket::{EndReason, TicketState};
use model::{MatchId, Millis, PlayerId, Ticket, TicketId, Timestamp, wire};
use store::{CommitError, Item, Kind, WriteSet};

use super::busy::Taken;
use super::matchmaker::{TakenTicket, Thread};
use super::write::{commit_error, ended};
use super::{Core, rows, view};
use crate::{Error, Principal};

/// Times that a write is tried which lost to another one.
const ATTEMPTS_MAX: usize = 4;

type TakenProposal = Taken<MatchId, Proposal>;

impl Core {
    /// Whether the players of a queue's matches are asked, and how long they may take.
    pub(crate) fn asks_for(&self, found: &Match) -> Option<Millis> {
        let config = self.config();
        config.queue(found.queue.as_str())?.acceptance
    }

    /// Puts the tickets of a match into `proposed`, in one write set with the match.
    pub(crate) async fn propose(
        &self,
        found: &Match,
        thread: &Thread,
        taken: &mut BTreeMap<TicketId, TakenTicket>,
        timeout: Millis,
    ) -> Result<(), Error> {
        let now = self.now();
        let proposal = new_proposal(self.ids.next(now), found, taken, now + timeout);
        let id = proposal.id;
        let row = rows::proposal_row(&self.namespace, &proposal, 1, now)?;
        let mut items = vec![Item::Put {
            row,
            expected: None,
        }];
        let mut moved = Vec::new();
        for ticket in taken.values() {
            let proposed = Ticket {
                state: TicketState::Proposed,
                queue: found.queue.clone(),
                match_id: Some(id),
                ..(*ticket.value).clone()
            };
            items.push(self.ticket_item(ticket, &proposed)?);
            moved.push(Arc::new(proposed));
        }
        match self.commits.commit(WriteSet { items }).await {
            Ok(()) => {}
            Err(CommitError::Conflict { keys, .. }) => {
                self.reload_records(&keys).await?;
                return Err(Error::Overloaded);
            }
            Err(error) => return Err(commit_error(error)),
        }
        self.timers.hint(proposal.until);
        self.proposals.put(id, Arc::new(proposal), 1);
        let told = self.tickets_written(taken.values_mut().zip(moved));
        // From here on the proposal's row alone decides, also over a restart.
        thread.event(Event::Committed(found.handle));
        self.players.tell(told);
        metrics::counter!("muster_matches_proposed_total", "queue" => found.queue.to_string())
            .increment(1);
        Ok(())
    }

    /// A player's word to the match that his ticket is in; a server may speak for others.
    ///
    /// # Errors
    /// 403 for a player who speaks for another, 404 for who is not of the ticket, 409 when no match waits for an
    /// answer or another one was given.
    pub async fn answer_match(
        &self,
        who: &Principal,
        id: TicketId,
        body: wire::AnswerMatch,
    ) -> Result<wire::Ticket, Error> {
        let ticket = self.ticket_document(id).await?;
        let players = answering(who, &ticket, body.player)?;
        let answer = match body.accepted {
            true => Answer::Accepted,
            false => Answer::Refused,
        };
        let proposed = ticket
            .match_id
            .filter(|_| ticket.state == TicketState::Proposed);
        let proposed = proposed.ok_or_else(over)?;
        self.note_answer(proposed, id, &players, answer).await?;
        self.settle_match(proposed).await?;
        let ticket = self.ticket_document(id).await?;
        Ok(self.shown(&ticket))
    }

    async fn note_answer(
        &self,
        id: MatchId,
        ticket: TicketId,
        players: &[PlayerId],
        answer: Answer,
    ) -> Result<(), Error> {
        let mut taken = self.proposals.take(id).await.ok_or_else(over)?;
        let now = self.now();
        let mut proposal = (*taken.value).clone();
        let heard = proposal.answer(ticket, players, answer, now);
        let is_news = heard.map_err(|error| match error {
            proposal::Error::NotAsked => not_found(ticket),
            proposal::Error::Over | proposal::Error::Answered => Error::Conflict(error.to_string()),
        })?;
        if !is_news {
            return Ok(());
        }
        let number = taken.number + 1;
        let row = rows::proposal_row(&self.namespace, &proposal, number, now)?;
        if let Some(due) = row.due {
            self.timers.hint(due);
        }
        let items = vec![Item::Put {
            row,
            expected: Some(taken.number),
        }];
        let committed = self.commits.commit(WriteSet { items }).await;
        committed.map_err(commit_error)?;
        taken.committed(Arc::new(proposal), number);
        Ok(())
    }

    /// Makes a proposed match, takes it back, or leaves it waiting, as its players' words and the time demand. Looks
    /// at what is there alone, so that it may be asked at any time, also after a restart.
    ///
    /// # Errors
    /// 503 while the store is away; then it is due still.
    pub(crate) async fn settle_match(&self, id: MatchId) -> Result<(), Error> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(proposal) = self.proposals.take(id).await else {
                return Ok(());
            };
            let mut tickets = BTreeMap::new();
            for ticket in proposal.value.tickets() {
                let taken = self.tickets.records.take(ticket).await;
                let is_in = |taken: &TakenTicket| {
                    taken.value.state == TicketState::Proposed && taken.value.match_id == Some(id)
                };
                if let Some(taken) = taken.filter(is_in) {
                    tickets.insert(ticket, taken);
                }
            }
            let is_whole = tickets.len() == proposal.value.tickets().len();
            let to_blame = match proposal.value.verdict(self.now()) {
                Verdict::Falls(to_blame) => to_blame,
                // A party has changed: nobody is to blame for what was not asked of him again.
                Verdict::Waits | Verdict::Stands if !is_whole => BTreeSet::new(),
                Verdict::Waits => return Ok(()),
                Verdict::Stands => match self.make_proposed(&proposal, &mut tickets).await {
                    Ok(()) => return Ok(()),
                    Err(error @ (Error::Unavailable(_) | Error::Overloaded)) => return Err(error),
                    Err(error) => {
                        tracing::warn!(cause = error.cause(), queue = %proposal.value.queue, "an accepted match could not be made; its tickets search again");
                        BTreeSet::new()
                    }
                },
            };
            if self.take_back(&proposal, tickets, &to_blame).await? {
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// Everybody has accepted: the match becomes a session, as one does that nobody is asked about.
    async fn make_proposed(
        &self,
        proposal: &TakenProposal,
        tickets: &mut BTreeMap<TicketId, TakenTicket>,
    ) -> Result<(), Error> {
        let key = rows::proposal_key(&self.namespace, proposal.key);
        let gone = Item::Delete {
            key,
            expected: proposal.number,
        };
        let found = as_match(&proposal.value);
        self.commit_match(&found, None, Some((proposal.key, gone)), tickets)
            .await?;
        self.proposals.remove(proposal.key);
        Ok(())
    }

    /// The tickets of whoever is to blame end, the others search again with their age; `false`: something was written
    /// meanwhile, look again.
    async fn take_back(
        &self,
        proposal: &TakenProposal,
        mut tickets: BTreeMap<TicketId, TakenTicket>,
        to_blame: &BTreeSet<PlayerId>,
    ) -> Result<bool, Error> {
        let now = self.now();
        let ending = proposal.value.ending(to_blame);
        let key = rows::proposal_key(&self.namespace, proposal.key);
        let mut items = vec![Item::Delete {
            key,
            expected: proposal.number,
        }];
        let (queue, offence) = (&proposal.value.queue, Offence::NotAccepted);
        let mut paid = self.offences(queue, offence, to_blame, now).await?;
        items.append(&mut paid.items);
        let moved = tickets.iter_mut().map(|(id, taken)| {
            let ticket = match ending.contains(id) {
                true => ended(
                    &taken.value,
                    TicketState::Canceled,
                    EndReason::NotAccepted,
                    now,
                ),
                false => taken.value.searching_again(),
            };
            (taken, ticket)
        });
        match self.commit_tickets(moved.collect(), items).await {
            Ok(()) => {}
            Err(CommitError::Conflict { keys, .. }) => {
                drop(tickets);
                self.reload_records(&keys).await?;
                return Ok(false);
            }
            Err(error) => return Err(commit_error(error)),
        }
        self.proposals.remove(proposal.key);
        paid.count();
        let queue = proposal.value.queue.to_string();
        metrics::counter!("muster_matches_not_accepted_total", "queue" => queue).increment(1);
        Ok(true)
    }

    /// A ticket left its proposed match, as its party changed: the match falls. Who left the party has refused by it.
    pub(crate) fn proposal_lost(&self, ticket: &Ticket, left: Vec<PlayerId>) {
        let Some(id) = ticket.match_id else { return };
        let (core, ticket) = (self.clone(), ticket.id);
        self.spawn(async move {
            for player in left {
                // Who had accepted before has said so.
                let _ = core
                    .note_answer(id, ticket, &[player], Answer::Refused)
                    .await;
            }
            if let Err(error) = core.settle_match(id).await {
                tracing::warn!(
                    cause = error.cause(),
                    "a proposed match could not be taken back; trying again"
                );
                core.timers.hint(core.now());
            }
        });
    }

    /// Proposed matches go on waiting; those that were decided meanwhile, or have lost a ticket, are settled.
    pub(crate) async fn load_proposals(&self) -> Result<(), Error> {
        for row in self.scan(Kind::Proposal).await? {
            let proposal: Proposal = rows::parse(&row)?;
            self.timers.hint(proposal.until);
            let id = proposal.id;
            self.proposals.put(id, Arc::new(proposal), row.number);
            let core = self.clone();
            self.spawn(async move {
                if let Err(error) = core.settle_match(id).await {
                    tracing::warn!(
                        cause = error.cause(),
                        "a proposed match could not be settled; trying again"
                    );
                }
            });
        }
        Ok(())
    }

    /// A ticket as clients see it, with how the match stands that it is proposed.
    pub(crate) fn shown(&self, ticket: &Ticket) -> wire::Ticket {
        let mut shown = view::ticket(ticket);
        shown.estimate = self.estimate_of(ticket);
        let proposed = ticket
            .match_id
            .filter(|_| ticket.state == TicketState::Proposed);
        if let Some(record) = proposed.and_then(|id| self.proposals.get(id)) {
            let proposal = &record.value;
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            shown.acceptance = Some(wire::Acceptance {
                until: proposal.until.into(),
                players: count(proposal.players.len()),
                accepted: count(proposal.accepted()),
            });
        }
        shown
    }
}

/// For whom somebody answers.
fn answering(
    who: &Principal,
    ticket: &Ticket,
    named: Option<PlayerId>,
) -> Result<Vec<PlayerId>, Error> {
    match (who, named) {
        (Principal::Player { player, .. }, _) if !view::is_of(ticket, player) => {
            Err(not_found(ticket.id))
        }
        (Principal::Player { player, .. }, Some(other)) if other != *player => Err(
            Error::Forbidden("a player accepts or refuses a match for himself alone".into()),
        ),
        (Principal::Player { player, .. }, _) => Ok(vec![player.clone()]),
        (_, Some(named)) if !view::is_of(ticket, &named) => Err(Error::Invalid {
            field: "player".into(),
            detail: "is not of this ticket".into(),
        }),
        (_, Some(named)) => Ok(vec![named]),
        (_, None) => Ok(ticket
            .players
            .iter()
            .map(|one| one.player.clone())
            .collect()),
    }
}

/// No match waits for an answer.
fn over() -> Error {
    Error::Conflict(proposal::Error::Over.to_string())
}

fn not_found(ticket: TicketId) -> Error {
    Error::NotFound {
        what: "ticket",
        id: ticket.to_string(),
    }
}

fn new_proposal(
    id: MatchId,
    found: &Match,
    taken: &BTreeMap<TicketId, TakenTicket>,
    until: Timestamp,
) -> Proposal {
    let mut players = BTreeMap::new();
    for (&ticket, taken) in taken {
        for player in &taken.value.players {
            let answer = None;
            players.insert(player.player.clone(), Asked { ticket, answer });
        }
    }
    let teams = found.teams.iter().map(|team| ProposedTeam {
        name: team.name.clone(),
        tickets: team.tickets.clone(),
        roles: team.roles.clone(),
    });
    Proposal {
        id,
        queue: found.queue.clone(),
        region: found.region.clone(),
        teams: teams.collect(),
        players,
        until,
    }
}

/// The match as the matcher had found it.
fn as_match(proposal: &Proposal) -> Match {
    let teams = proposal.teams.iter().map(|team| MatchTeam {
        name: team.name.clone(),
        tickets: team.tickets.clone(),
        roles: team.roles.clone(),
    });
    Match {
        handle: 0,
        queue: proposal.queue.clone(),
        region: proposal.region.clone(),
        teams: teams.collect(),
        figures: Figures::default(),
    }
}
