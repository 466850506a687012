//! Backfill: sessions that are played ask the queue that made them for players, and get them (R71, F12, F13).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use matcher::{Backfill, BackfillTeam, Event, Refill};
use model::session::{
    Actor, Backfill as Asking, Backfilled, Command, Draft, Error as Law, Header, Member,
    NewSession, Session, backfill_seats,
};
use model::ticket::{EndReason, TicketPlayer, TicketState};
use model::{PlayerId, SessionId, Ticket, TicketId, Timestamp, wire};
use store::Item;

use super::asked::{Asked, reader};
use super::matchmaker::{FAILED_PAUSE, TakenTicket, Thread};
use super::write::{Along, Refusal, ended, not_found};
use super::{Core, rows, store_error, view};
use crate::{Error, Principal};

/// Before the tickets of a refill that came to nothing search again, so that it is not tried over and over.
const PAUSE: Duration = Duration::from_millis(100);
/// Tickets that one session has refused and is not offered again; beyond it the oldest are forgotten.
const REFUSED_MAX: usize = 64;
/// Times that a session's tickets are read again because they have changed meanwhile.
const LOADS_MAX: usize = 4;

/// What the players of a session were matched with, once a refill of it is committed.
pub(crate) struct Refilled {
    tickets: Arc<Vec<Ticket>>,
    row: u64,
}

/// Sessions that ask for players.
#[derive(Default)]
pub(crate) struct Backfills {
    known: Mutex<BTreeMap<SessionId, Known>>,
}

struct Known {
    /// Of whom the session was made, and refilled.
    tickets: Arc<Vec<Ticket>>,
    /// The number of the row that keeps them.
    row: u64,
    refused: BTreeSet<TicketId>,
    /// What the matcher was told last.
    told: Option<Backfill>,
}

impl Backfills {
    fn known(&self) -> MutexGuard<'_, BTreeMap<SessionId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tickets of a session, if those of this row are known.
    fn tickets(&self, session: SessionId, row: u64) -> Option<Arc<Vec<Ticket>>> {
        let known = self.known();
        let known = known.get(&session).filter(|known| known.row == row)?;
        Some(known.tickets.clone())
    }
}

impl Core {
    /// Asks for players, or for others than before, and acknowledges.
    ///
    /// # Errors
    /// 403 for who may not and for a closed session, 404, 409 where no queue made the session, its instance is not
    /// joinable or a team has no such seats, 422 where its type has no backfill or for a team that does not exist.
    pub async fn set_backfill(
        &self,
        asked: &Asked<'_>,
        body: wire::SetBackfill,
    ) -> Result<wire::Backfill, Error> {
        let mut wanted = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, team) in body.teams.iter().enumerate() {
            if !seen.insert(team.team) {
                return Err(Error::Invalid {
                    field: format!("teams[{at}].team"),
                    detail: format!("names team {} twice", team.team),
                });
            }
            wanted.push((team.team, team.players_required));
        }
        let command = Command::SetBackfill {
            wanted: wanted.clone(),
            created_before: body.created_before.map(|at| at.0),
        };
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                match draft.apply(by, &command, now) {
                    Err(Law::TeamFull) => Err(self.full_team(draft, &wanted, now))?,
                    applied => applied?,
                };
                self.require_served(draft)?;
                Ok(())
            })
            .await?;
        let session = written.session.ok_or_else(|| not_found(asked.session))?;
        backfill_of(&session, None)
    }

    /// That a queue may still serve a backfill: it is configured, its teams are those asked for and have seats for as
    /// many, and it has not too many already.
    fn require_served(&self, draft: &Draft<'_>) -> Result<(), Error> {
        let header = draft.header();
        let (Some(matched), Some(backfill)) = (&header.matched, &header.backfill) else {
            return Ok(());
        };
        let config = self.config();
        let Some(queue) = config.queue(matched.queue.as_str()) else {
            let name = &matched.queue;
            return Err(Error::Conflict(format!(
                "queue {name} is not configured any more"
            )));
        };
        let beyond = backfill.wanted.iter().skip(queue.teams.len());
        if beyond.copied().any(|wanted| wanted > 0) {
            return Err(Error::Invalid {
                field: "teams".into(),
                detail: match queue.teams.len() {
                    1 => format!("queue {} has 1 team", queue.name),
                    n => format!("queue {} has {n} teams", queue.name),
                },
            });
        }
        for ((team, &wanted), settings) in (0_u8..).zip(&backfill.wanted).zip(&queue.teams) {
            let (name, most) = (&settings.name, settings.players_max);
            if wanted > most {
                return Err(Error::Invalid {
                    field: "teams".into(),
                    detail: format!(
                        "{wanted} players are asked for on team {name}, of which queue {} has {most} at most",
                        queue.name
                    ),
                });
            }
            // Who came otherwise takes a seat of the session, but the queue knows nothing of him.
            let is_queued = |member: &&Arc<Member>| {
                member.team == Some(team) && member.reserved_by == Some(Actor::Service)
            };
            let playing = draft.members().filter(is_queued).count();
            let free = most.saturating_sub(u16::try_from(playing).unwrap_or(u16::MAX));
            if wanted > free {
                return Err(Error::NoSuchSeats {
                    team: name.clone(),
                    free,
                    wanted,
                });
            }
        }
        let known = self.backfills.known();
        let served = known.values().filter_map(|known| known.told.as_ref());
        let others = served.filter(|told| told.queue == queue.name && told.session != header.id);
        match known.len() >= matcher::BACKFILLS_MAX && others.count() >= matcher::BACKFILLS_MAX {
            true => Err(Error::Overloaded),
            false => Ok(()),
        }
    }

    /// Which team has too few seats for those that were just asked for.
    fn full_team(&self, draft: &Draft<'_>, asked: &[(u8, u16)], now: Timestamp) -> Error {
        let mut header = Header::clone(draft.header());
        let teams = 0_u8..u8::try_from(header.teams.len()).unwrap_or(u8::MAX);
        let of_team = |team| asked.iter().find(|(other, _)| *other == team);
        header.backfill = Some(Asking {
            created_at: now,
            acknowledged_at: now,
            wanted: teams
                .map(|team| of_team(team).map_or(0, |(_, players)| *players))
                .collect(),
            created_before: None,
            added: Vec::new(),
        });
        let config = self.config();
        let queue = header.matched.as_ref();
        let queue = queue.and_then(|matched| config.queue(matched.queue.as_str()));
        let seats = backfill_seats(draft.constants(), &header);
        let wanted = header.backfill.iter().flat_map(|backfill| &backfill.wanted);
        let teams = queue.iter().flat_map(|queue| &queue.teams);
        let mut asked = teams.zip(wanted.zip(seats));
        match asked.find(|(_, (wanted, free))| *wanted > free) {
            Some((team, (&wanted, free))) => Error::NoSuchSeats {
                team: team.name.clone(),
                free,
                wanted,
            },
            None => Law::TeamFull.into(),
        }
    }

    /// The host goes on, and hears who was added since it did so last.
    ///
    /// # Errors
    /// 403 for who may not, 404 for no such session or none that asks for players.
    pub async fn acknowledge_backfill(&self, asked: &Asked<'_>) -> Result<wire::Backfill, Error> {
        let written = self
            .write_asked(asked, |by, draft, _, now| {
                let backfill = draft.header().backfill.as_ref();
                let added = backfill.map(|backfill| backfill.added.clone());
                draft.apply(by, &Command::AcknowledgeBackfill, now)?;
                Ok(added.unwrap_or_default())
            })
            .await?;
        let session = written.session.ok_or_else(|| not_found(asked.session))?;
        backfill_of(&session, Some(&written.result))
    }

    /// What the session asks for, without acknowledging.
    ///
    /// # Errors
    /// 404 for no such session for this caller, or none that asks for players.
    pub async fn read_backfill(
        &self,
        who: &Principal,
        id: SessionId,
    ) -> Result<wire::Backfill, Error> {
        let session = self.settled(id).await?;
        reader(who, &session).ok_or_else(|| not_found(id))?;
        backfill_of(&session, None)
    }

    /// Asks for players no longer.
    ///
    /// # Errors
    /// As [`Core::acknowledge_backfill`].
    pub async fn remove_backfill(&self, asked: &Asked<'_>) -> Result<(), Error> {
        self.command(asked, Command::RemoveBackfill).await.map(drop)
    }

    /// Notes the tickets of a new match where its sessions may ask for players later: the row to store.
    pub(crate) fn tickets_kept<'t>(
        &self,
        new: &mut NewSession,
        tickets: impl Iterator<Item = &'t Ticket>,
    ) -> Result<Option<Item>, Error> {
        if new.constants.session_type.backfill.is_none() {
            return Ok(None);
        }
        let tickets: Vec<Ticket> = tickets.cloned().collect();
        let row = rows::match_row(&self.namespace, new.id, &tickets, 1)?;
        new.keeps_tickets = row.is_some();
        Ok(row.map(|row| Item::Put {
            row,
            expected: None,
        }))
    }

    /// Tells the matcher what a session wants now that it was committed, if that has changed.
    pub(crate) fn backfill_moved(
        &self,
        before: &Header,
        session: &Session,
        deleted: bool,
        refilled: Option<Refilled>,
    ) {
        let header = session.header();
        if before.backfill.is_none() && header.backfill.is_none() {
            return;
        }
        let id = header.id;
        if deleted || header.backfill.is_none() {
            self.backfills.known().remove(&id);
            self.matchmaker.end_backfill(id);
            return;
        }
        let row = header.matched.as_ref().and_then(|matched| matched.tickets);
        let mut known = self.backfills.known();
        if let (Some(refilled), Some(known)) = (refilled, known.get_mut(&id)) {
            (known.tickets, known.row) = (refilled.tickets, refilled.row);
        }
        match known.get_mut(&id) {
            Some(known) if Some(known.row) == row => self.tell_backfill(session, known),
            _ => {
                drop(known);
                let core = self.clone();
                self.spawn(async move {
                    if let Err(error) = core.load_backfill(id).await {
                        tracing::warn!(cause = error.cause(), session.id = %id, "a session cannot be refilled until it asks again");
                    }
                });
            }
        }
    }

    /// Reads what the players of a session were matched with, and tells the matcher what it wants.
    pub(crate) async fn load_backfill(&self, id: SessionId) -> Result<(), Error> {
        let key = rows::match_key(&self.namespace, id);
        for _ in 0..LOADS_MAX {
            let found = self.store.get(std::slice::from_ref(&key)).await;
            let Some(row) = found.map_err(store_error)?.into_iter().next().flatten() else {
                return Ok(());
            };
            let tickets: Vec<Ticket> = rows::parse(&row)?;
            let Some(session) = self.settled_if_there(id).await? else {
                return Ok(());
            };
            let header = session.header();
            if header.backfill.is_none() {
                return Ok(());
            }
            let kept = header.matched.as_ref().and_then(|matched| matched.tickets);
            let kept = kept.filter(|kept| rows::number(*kept) == row.number);
            if let Some(row) = kept {
                let mut known = self.backfills.known();
                let known = known.entry(id).or_insert_with(|| Known {
                    tickets: Arc::default(),
                    row,
                    refused: BTreeSet::new(),
                    told: None,
                });
                (known.tickets, known.row) = (Arc::new(tickets), row);
                self.tell_backfill(&session, known);
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    fn tell_backfill(&self, session: &Session, known: &mut Known) {
        let Some(asks) = self.asks(session, &known.tickets, known.refused.clone()) else {
            return;
        };
        if known.told.as_ref() != Some(&asks) {
            known.told = Some(asks.clone());
            self.matchmaker.put_backfill(Arc::new(asks));
        }
    }

    /// What a session wants, and who plays in it: of each ticket those who have a seat, by the team that they are on
    /// now. Who came otherwise takes a seat, but no rule knows anything of him.
    fn asks(
        &self,
        session: &Session,
        tickets: &[Ticket],
        refused: BTreeSet<TicketId>,
    ) -> Option<Backfill> {
        let header = session.header();
        let (backfill, matched) = (header.backfill.as_ref()?, header.matched.as_ref()?);
        let config = self.config();
        let queue = config.queue(matched.queue.as_str())?;
        let seats = backfill_seats(session.constants(), header);
        let on_team = |at: usize| {
            let is_on = |ticket: &Ticket| {
                let mut ticket = ticket.clone();
                ticket.players.retain(|player| {
                    let team = session.member_of(&player.player).and_then(|seat| seat.team);
                    team.is_some_and(|team| usize::from(team) == at)
                });
                (!ticket.players.is_empty()).then(|| Arc::new(ticket))
            };
            BackfillTeam {
                parties: tickets.iter().filter_map(is_on).collect(),
                free: seats.get(at).copied().unwrap_or(0),
            }
        };
        Some(Backfill {
            session: header.id,
            queue: queue.name.clone(),
            region: header.region.clone(),
            created_at: backfill.created_at,
            created_before: backfill.created_before,
            refused,
            teams: (0..queue.teams.len()).map(on_team).collect(),
        })
    }

    /// Makes a refill durable: seats reserved and tickets ended in one write set, or neither.
    pub(crate) async fn refill(&self, found: &Refill, matcher: &Thread) {
        let handle = found.handle;
        let (mut gone, mut refused) = (Vec::new(), Vec::new());
        let written = self
            .write(found.session, |draft, along, now| {
                (gone, refused) = (Vec::new(), Vec::new());
                self.take_in(found, draft, along, (&mut gone, &mut refused), now)
            })
            .await;
        let error = match written {
            Ok(_) => {
                let queue = found.queue.to_string();
                metrics::counter!("muster_refills_total", "queue" => queue).increment(1);
                matcher.event(Event::Committed(handle));
                return;
            }
            Err(error) => error,
        };
        tracing::debug!(
            cause = error.cause(), session.id = %found.session,
            "a refill came to nothing; its tickets search again"
        );
        self.refuse(found.session, &refused);
        let pause = match error {
            Error::Law(_) | Error::Conflict(_) | Error::NotFound { .. } => PAUSE,
            _ => FAILED_PAUSE,
        };
        if gone.is_empty() {
            self.pause(pause).await;
        }
        let back = gone.clone();
        matcher.event(Event::Failed { handle, gone });
        // Only now: what the matcher still has in a refill it would not take again.
        self.add_again(&back);
    }

    /// The refill, by the session's law. Says which tickets have gone meanwhile, and which it will never take in.
    fn take_in(
        &self,
        found: &Refill,
        draft: &mut Draft<'_>,
        along: &mut Along,
        (gone, refused): (&mut Vec<TicketId>, &mut Vec<TicketId>),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let header = draft.header().clone();
        let kept = header.matched.as_ref().and_then(|matched| matched.tickets);
        let tickets = kept.and_then(|row| self.backfills.tickets(header.id, row));
        let tickets = tickets.ok_or(Law::NoSuchBackfill)?;
        let team_of = teams_of(found);
        let taken = self.take_searching(team_of.keys().copied());
        let taken = taken.map_err(|ids| {
            *gone = ids;
            Error::Conflict("a ticket has gone meanwhile".into())
        })?;
        let has_seat = |player: &TicketPlayer| draft.member_of(&player.player).is_some();
        let twice = taken
            .values()
            .filter(|one| one.value.players.iter().any(has_seat));
        refused.extend(twice.map(|ticket| ticket.key));
        let seat = |ticket: &TakenTicket| {
            let team = team_of.get(&ticket.key).copied().unwrap_or(0);
            let players = ticket.value.players.clone().into_iter();
            players.map(move |TicketPlayer { player, .. }| Backfilled { player, team })
        };
        let players = taken.values().flat_map(seat).collect();
        // The row is written with the session, whose number this write counts up.
        let row = draft.base_number() + 1;
        let command = Command::Refill { players, row };
        if let Err(error) = draft.apply(&Actor::Service, &command, now) {
            let is_about_seats = matches!(
                error,
                Law::TeamFull | Law::SessionFull | Law::NoSuchBackfill | Law::SessionEnded
            );
            if !is_about_seats && refused.is_empty() {
                refused.extend(team_of.keys().copied());
            }
            return Err(error.into());
        }
        let tickets = kept_tickets(&tickets, &taken, draft);
        let Some(kept_row) = rows::match_row(&self.namespace, header.id, &tickets, row)? else {
            refused.extend(team_of.keys().copied());
            return Err(Error::Conflict("its tickets are too much for one row".into()).into());
        };
        along.items.push(Item::Put {
            row: kept_row,
            expected: kept.map(rows::number),
        });
        along.refilled = Some(Refilled {
            tickets: Arc::new(tickets),
            row,
        });
        let (state, reason) = (TicketState::Found, EndReason::Backfilled);
        along.moved.extend(taken.into_values().map(|ticket| {
            let joins = Ticket {
                queue: found.queue.clone(),
                match_id: header.match_id,
                session: Some(header.id),
                ..ended(&ticket.value, state, reason, now)
            };
            (ticket, Arc::new(joins))
        }));
        Ok(())
    }

    /// The queues have changed, perhaps the threads too that they are on.
    pub(crate) fn retell_backfills(&self) {
        for known in self.backfills.known().values() {
            if let Some(told) = &known.told {
                self.matchmaker.put_backfill(Arc::new(told.clone()));
            }
        }
    }

    /// A session will not take these tickets in, so it is not offered them again, from whichever of their queues.
    fn refuse(&self, session: SessionId, tickets: &[TicketId]) {
        let mut known = self.backfills.known();
        let Some(known) = known.get_mut(&session).filter(|_| !tickets.is_empty()) else {
            return;
        };
        known.refused.extend(tickets);
        while known.refused.len() > REFUSED_MAX {
            known.refused.pop_first();
        }
        if let Some(told) = &mut known.told {
            told.refused.clone_from(&known.refused);
            self.matchmaker.put_backfill(Arc::new(told.clone()));
        }
    }
}

/// Which team each ticket of a refill joins.
fn teams_of(found: &Refill) -> BTreeMap<TicketId, u8> {
    let teams = (0_u8..).zip(&found.teams);
    let of_team = teams.flat_map(|(team, joins)| joins.tickets.iter().map(move |id| (*id, team)));
    of_team.collect()
}

/// What the players of a session were matched with, once these tickets have come in too.
fn kept_tickets(
    before: &[Ticket],
    come: &BTreeMap<TicketId, TakenTicket>,
    draft: &Draft<'_>,
) -> Vec<Ticket> {
    let come = || come.values().map(|ticket| &*ticket.value);
    let players = come().flat_map(|ticket| &ticket.players);
    let players: BTreeSet<&PlayerId> = players.map(|player| &player.player).collect();
    // Who comes back is there once: with what he was matched with now.
    let stay = |ticket: &Ticket| {
        let mut ticket = ticket.clone();
        ticket.players.retain(|one| !players.contains(&one.player));
        ticket
    };
    let plays = |ticket: &Ticket| {
        let mut players = ticket.players.iter();
        players.any(|player| draft.member_of(&player.player).is_some())
    };
    let before = before.iter().map(stay).filter(plays);
    before.chain(come().cloned()).collect()
}

/// 404 without one.
fn backfill_of(session: &Session, added: Option<&[Backfilled]>) -> Result<wire::Backfill, Error> {
    let (of_type, header) = (&session.constants().session_type, session.header());
    let backfill = header.backfill.as_ref();
    let unheard = backfill.map(|backfill| backfill.added.as_slice());
    let added = added.or(unheard).unwrap_or_default();
    view::backfill(of_type, header, added).ok_or_else(|| Law::NoSuchBackfill.into())
}
