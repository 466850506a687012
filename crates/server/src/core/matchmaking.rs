//! Tickets over HTTP: queueing a party, taking it back, reading how it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::config::nearest;
use model::queue::{AttributeSource, Queue};
use model::session::{Command, Draft, Member, TicketRef};
use model::ticket::{EndReason, QUEUES_MAX, TicketPlayer, TicketState, Value};
use model::wire;
use model::{Millis, Name, PlayerId, SessionId, Ticket, TicketId, Timeout, Timestamp};
use serde_json::Value as Json;
use store::Item;

use super::asked::Asked;
use super::penalties::Barred;
use super::view;
use super::write::Refusal;
use super::{Core, rows, store_error};
use crate::{Error, Principal};

impl Core {
    /// Queues a party, by its leader; durable before the answer.
    ///
    /// # Errors
    /// 403 for who may not, 404 for an unknown session or queue, 409 when somebody is queued already,
    /// 422 with the attribute's or rule's name when the party does not fit a queue, or for queues that share no
    /// tickets, 429 while the queues' matcher is far behind.
    pub async fn create_ticket(
        &self,
        asked: &Asked<'_>,
        body: wire::CreateTicket,
        idempotency: Option<&str>,
    ) -> Result<wire::Ticket, Error> {
        // What is no round trip is none in any queue, and whatever the party.
        let config = self.config();
        for (player, said) in &body.players {
            super::brought::latencies(player, said.latencies.clone())?;
            super::brought::regions(&config, player, said.latencies.keys())?;
        }
        let queues = self.asked_queues(&body)?;
        let Some(first) = queues.first() else {
            return Err(Error::Internal("a ticket without a queue".into()));
        };
        if self.matchmaker.is_behind(&first.name) {
            return Err(Error::Overloaded);
        }
        if body.time_out_ms == Some(Millis(0)) {
            return Err(Error::Invalid {
                field: "time_out_ms".into(),
                detail: "must be at least 1; leave it out to wait as long as the queue allows"
                    .into(),
            });
        }
        let barred = self.barred(asked.session, &queues).await?;
        let Asked {
            who, session: id, ..
        } = *asked;
        let target = id.to_string();
        let key = self.idempotency(who, idempotency, ("tickets", &target), &body)?;
        let ticket_id: TicketId = self.ids.next(self.now());
        let written = self
            .write_asked(asked, |by, draft, along, now| {
                let members = joined(draft);
                let noted = TicketRef {
                    id: ticket_id,
                    queue: first.name.clone(),
                    state: TicketState::Searching,
                    reason: None,
                };
                draft.apply(by, &Command::SetTicket(noted), now)?;
                draft.check_ticket_data(&body.custom_data)?;
                let players = party(who, &queues, members, &body)?;
                let is_barred =
                    |barred: &&Barred| players.iter().any(|p| p.player == barred.player);
                if let Some(barred) = barred.iter().find(is_barred) {
                    return Err(Refusal::Error(barred.error()));
                }
                let own = body.time_out_ms;
                let mut ticket = new_ticket(ticket_id, id, &queues, players, own, now)?;
                ticket.custom_data.clone_from(&body.custom_data);
                let ticket = Arc::new(ticket);
                along.items.append(&mut self.new_ticket_items(&ticket)?);
                if let Some(key) = &key {
                    along.items.push(key.item(ticket_id, now)?);
                }
                along.tickets.push(ticket.clone());
                Ok(ticket)
            })
            .await;
        match written {
            Ok(written) => {
                metrics::counter!("muster_tickets_total", "queue" => first.name.to_string())
                    .increment(1);
                Ok(self.shown(&written.result))
            }
            // A repeat of a request that was carried out finds the party queued by it.
            Err(error) => match self.made_by(key.as_ref()).await? {
                Some(made) => {
                    let made = made.parse().map_err(|_| Error::IdempotencyKeyReused)?;
                    self.read_ticket(who, made).await
                }
                None => Err(error),
            },
        }
    }

    /// The row of a new ticket, and the claims by which none of its players is in another.
    fn new_ticket_items(&self, ticket: &Ticket) -> Result<Vec<Item>, Error> {
        let mut items = vec![Item::Put {
            row: rows::ticket_row(&self.namespace, ticket, 1)?,
            expected: None,
        }];
        items.extend(ticket.players.iter().map(|player| Item::Claim {
            claim: rows::ticket_claim(&player.player),
            holder: rows::ticket_key(&self.namespace, ticket.id),
        }));
        Ok(items)
    }

    /// The queues that a request names, as they are spelt.
    fn asked_queues(&self, body: &wire::CreateTicket) -> Result<Vec<Arc<Queue>>, Error> {
        let config = self.config();
        let invalid = |detail: String| Error::Invalid {
            field: "queues".into(),
            detail,
        };
        let names: Vec<&String> = match (body.queue.as_str(), body.queues.as_slice()) {
            ("", []) => return Err(invalid("name a queue: send `queue` or `queues`".into())),
            ("", several) => several.iter().collect(),
            (_, []) => vec![&body.queue],
            (_, _) => return Err(invalid("send either `queue` or `queues`".into())),
        };
        if names.len() > QUEUES_MAX {
            let detail = format!("a ticket waits in at most {QUEUES_MAX} queues");
            return Err(invalid(detail));
        }
        let mut queues: Vec<Arc<Queue>> = Vec::new();
        for name in names {
            let queue = config.queue(name).ok_or_else(|| Error::NotFound {
                what: "queue",
                id: name.clone(),
            })?;
            if queues.iter().any(|other| other.name == queue.name) {
                return Err(invalid(format!("queue {} is there twice", queue.name)));
            }
            if let Some(first) = queues.first().filter(|other| other.group != queue.group) {
                return Err(invalid(format!(
                    "queue {} is of group {}, queue {} of group {}: only queues of one group share tickets",
                    first.name, first.group, queue.name, queue.group
                )));
            }
            queues.push(queue.clone());
        }
        Ok(queues)
    }

    /// Takes the party's ticket back, by its leader.
    ///
    /// # Errors
    /// 403 for who may not, 404, 409 when there is no live ticket or it has become a match already.
    pub async fn cancel_ticket(&self, asked: &Asked<'_>) -> Result<wire::Ticket, Error> {
        let written = self
            .write_asked(asked, |by, draft, along, now| {
                let live = draft.header().live_ticket().cloned();
                let live = live.ok_or(Refusal::from(model::session::Error::NoSuchTicket))?;
                let state = along.ticket.as_ref().map(|ticket| ticket.state);
                if state == Some(TicketState::Proposed) {
                    return Err(Refusal::Error(Error::Conflict(
                        "the ticket is in a match that waits for its players' word; refuse that instead".into(),
                    )));
                }
                if state.is_some_and(|state| state != TicketState::Searching) {
                    return Err(Refusal::Error(Error::Conflict(
                        "the ticket has become a match; leave its session instead".into(),
                    )));
                }
                let (state, reason) = (TicketState::Canceled, EndReason::LeftQueue);
                draft.apply(
                    by,
                    &Command::ClearTicket {
                        id: live.id,
                        state,
                        reason,
                    },
                    now,
                )?;
                along.cancel = Some(reason);
                Ok(live.id)
            })
            .await?;
        self.ticket_document(written.result)
            .await
            .map(|ticket| self.shown(&ticket))
    }

    /// Reads a ticket; ended ones for an hour.
    ///
    /// # Errors
    /// 404 when it does not exist or is another party's.
    pub async fn read_ticket(&self, who: &Principal, id: TicketId) -> Result<wire::Ticket, Error> {
        Ok(self.shown(&*self.ticket_for(who, id).await?))
    }

    /// A ticket, for whoever may read it; for others it is not there.
    pub(crate) async fn ticket_for(
        &self,
        who: &Principal,
        id: TicketId,
    ) -> Result<Arc<Ticket>, Error> {
        let ticket = self.ticket_document(id).await?;
        let may = match who {
            Principal::Player { player, .. } => view::is_of(&ticket, player),
            _ => true,
        };
        if !may {
            return Err(Error::NotFound {
                what: "ticket",
                id: id.to_string(),
            });
        }
        Ok(ticket)
    }

    pub(crate) async fn ticket_document(&self, id: TicketId) -> Result<Arc<Ticket>, Error> {
        if let Some(record) = self.tickets.records.get(id) {
            return Ok(record.value);
        }
        let key = rows::ticket_key(&self.namespace, id);
        let found = self
            .store
            .get(std::slice::from_ref(&key))
            .await
            .map_err(store_error)?;
        match found.into_iter().next().flatten() {
            Some(row) => Ok(Arc::new(rows::parse(&row)?)),
            None => Err(Error::NotFound {
                what: "ticket",
                id: id.to_string(),
            }),
        }
    }

    /// All queues with how many tickets wait.
    pub async fn queues(&self) -> wire::List<wire::Queue> {
        let config = self.config();
        let mut items = Vec::new();
        for queue in config.queues.values() {
            items.push(self.queue_view(queue).await);
        }
        wire::List { items }
    }

    /// One queue.
    ///
    /// # Errors
    /// 404 when there is none of that name.
    pub async fn queue(&self, name: &str) -> Result<wire::Queue, Error> {
        let config = self.config();
        match config.queue(name) {
            Some(queue) => Ok(self.queue_view(queue).await),
            None => Err(Error::NotFound {
                what: "queue",
                id: name.to_owned(),
            }),
        }
    }
}

/// The joined members of a party, the leader first.
fn joined(draft: &Draft<'_>) -> Vec<Arc<Member>> {
    let joined = draft.members().filter(|member| member.is_joined());
    let mut members: Vec<Arc<Member>> = joined.cloned().collect();
    let leader = draft.leader().map(|member| &member.player);
    members.sort_by_key(|member| Some(&member.player) != leader);
    members
}

/// The party as it is queued: its members with what the caller may say of them.
fn party(
    who: &Principal,
    queues: &[Arc<Queue>],
    members: Vec<Arc<Member>>,
    body: &wire::CreateTicket,
) -> Result<Vec<TicketPlayer>, Error> {
    let is_member = |player: &PlayerId| members.iter().any(|member| member.player == *player);
    if let Some(stranger) = body.players.keys().find(|player| !is_member(player)) {
        return Err(Error::Invalid {
            field: format!("players.{stranger}"),
            detail: "is not a joined member of the party".into(),
        });
    }
    let mut players = Vec::with_capacity(members.len());
    for member in members {
        let said = body
            .players
            .get(&member.player)
            .cloned()
            .unwrap_or_default();
        let attributes = attributes(who, queues, &member, said.attributes)?;
        players.push(TicketPlayer {
            player: member.player.clone(),
            platform: member.platform.clone(),
            attributes: attributes.into_iter().collect(),
            latencies: super::brought::latencies(&member.player, said.latencies)?
                .into_iter()
                .collect(),
            avoid: said.avoid.into_iter().collect(),
        });
    }
    Ok(players)
}

/// What several queues are called in a sentence.
fn called(queues: &[Arc<Queue>]) -> String {
    let names = queues.iter().map(|queue| queue.name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// What is said of a player, as the queues spell it. What none of them knows is refused: left out, it would match
/// him by its default without anybody noticing.
fn known(
    queues: &[Arc<Queue>],
    player: &PlayerId,
    said: BTreeMap<Name, Json>,
) -> Result<BTreeMap<Name, Json>, Error> {
    let mut known = BTreeMap::new();
    for (name, value) in said {
        let same = |other: &&Name| other.as_str().eq_ignore_ascii_case(name.as_str());
        let field = format!("players.{player}.attributes.{name}");
        let refuse = |detail: String| Error::Invalid {
            field: field.clone(),
            detail,
        };
        let declared = || queues.iter().flat_map(|queue| &queue.attributes);
        let Some((spelt, _)) = declared().find(|(other, _)| same(other)) else {
            let names: BTreeSet<&str> = declared().map(|(name, _)| name.as_str()).collect();
            let help = match nearest(name.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None if names.is_empty() => "it has none".to_owned(),
                None => format!(
                    "it has {}",
                    names.into_iter().collect::<Vec<_>>().join(", ")
                ),
            };
            let queue = called(queues);
            return Err(refuse(format!(
                "queue {queue} has no such attribute; {help}"
            )));
        };
        if known.insert(spelt.clone(), value).is_some() {
            return Err(refuse(
                "is there twice; names are compared without case".into(),
            ));
        }
    }
    Ok(known)
}

/// The values of known attributes, of the types that the queues declare.
fn values(
    queues: &[Arc<Queue>],
    player: &PlayerId,
    known: BTreeMap<Name, Json>,
) -> Result<BTreeMap<Name, Value>, Error> {
    let declared = |name: &Name| queues.iter().find_map(|queue| queue.attributes.get(name));
    let read = known.into_iter().filter_map(|(name, said)| {
        let kind = declared(&name)?.kind;
        let field = format!("players.{player}.attributes.{name}");
        Some(super::brought::value(&field, said, kind).map(|value| (name, value)))
    });
    read.collect()
}

/// Who may set which attribute (A.3 row 49): servers all; a player those with `source: player`. Those with
/// `source: claim` come from the token of each, as he joined or as he asks now; a server may overrule them.
/// A claim also stands in for what a player might say himself and does not.
fn attributes(
    who: &Principal,
    queues: &[Arc<Queue>],
    member: &Member,
    said: BTreeMap<Name, Json>,
) -> Result<BTreeMap<Name, Value>, Error> {
    let said = known(queues, &member.player, said)?;
    // Queues of one group agree on it.
    let source = |name: &Name| {
        let mut declared = queues.iter().filter_map(|queue| queue.attributes.get(name));
        declared.next().map(|attribute| attribute.source)
    };
    let decided_elsewhere = |name: &&Name| {
        let source = source(name);
        source == Some(AttributeSource::Server) || source == Some(AttributeSource::Claim)
    };
    let mut claims = &member.claims;
    if let Principal::Player {
        player, attributes, ..
    } = who
    {
        if let Some(name) = said.keys().find(decided_elsewhere) {
            return Err(Error::Forbidden(format!(
                "attribute {name} of queue {} is not for players to set; a server's word or a claim of the token decides it",
                called(queues)
            )));
        }
        if *player == member.player {
            claims = attributes;
        }
    }
    let mut attributes = values(queues, &member.player, said)?;
    for (name, value) in claims {
        let counts = matches!(
            source(name),
            Some(AttributeSource::Claim | AttributeSource::Player)
        );
        if counts && !attributes.contains_key(name) {
            attributes.insert(name.clone(), value.clone());
        }
    }
    Ok(attributes)
}

/// It expires as soon as one of its queues or the party itself (`own`, F34) would have it expire.
fn new_ticket(
    id: TicketId,
    party: SessionId,
    queues: &[Arc<Queue>],
    players: Vec<TicketPlayer>,
    own: Timeout,
    now: Timestamp,
) -> Result<Ticket, Error> {
    let names: Vec<Name> = queues.iter().map(|queue| queue.name.clone()).collect();
    let first = names.first().cloned();
    let first = first.ok_or_else(|| Error::Internal("a ticket without a queue".into()))?;
    let time_outs = queues.iter().map(|queue| queue.ticket_time_out);
    let shortest = time_outs.chain([own]).flatten().min();
    let mut ticket = Ticket {
        queues: if names.len() > 1 { names } else { Vec::new() },
        expires_at: now.after(shortest),
        players,
        ..Ticket::new(id, first, party, now)
    };
    let queues: Vec<&Queue> = queues.iter().map(|queue| &**queue).collect();
    matcher::validate_for(&queues, &ticket).map_err(|(queue, rejection)| Error::Invalid {
        field: rejection.place(),
        detail: format!("queue {queue}: {rejection}"),
    })?;
    matcher::prepare_for(&queues, &mut ticket);
    Ok(ticket)
}

#[cfg(test)]
mod tests;
