//! The write path of a session: settle, apply, commit with everything that follows from it, then tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use model::instance::InstanceStatus;
use model::session::{
    Actor, Changes, Command, Draft, Event, Header, HostData, InstanceRequest, Member,
    RemovalReason, Session, TicketRef,
};
use model::ticket::{EndReason, TicketState};
use model::{GameServer, Millis, PlayerId, SessionId, Ticket, TicketId, Timestamp};
use store::{CommitError, Item, WriteSet};
use tokio::sync::OwnedMutexGuard;

use super::backfills::Refilled;
use super::consequences::Consequences;
use super::listings::is_listed;
use super::matchmaker::TakenTicket;
use super::players::{Change, Stand};
use super::registry::TakenServer;
use super::subscriptions::Noticed;
use super::tickets::End;
use super::view::{self, Reader};
use super::{Core, ending, rows};
use crate::Error;

/// Times that a command is applied again after it lost to another write.
const ATTEMPTS_MAX: usize = 8;

/// A committed session in its slot.
pub(crate) struct Document {
    pub(crate) session: Arc<Session>,
    /// The last changes that members are told of; a boot step of the host is not one.
    noticed: Noticed,
    /// When the presence of all its members was asked for last.
    asked: AtomicI64,
}

impl Document {
    /// As it was just committed or loaded.
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self {
            noticed: Noticed::all(session.header().change_number),
            session,
            asked: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether it is time to ask for everybody's presence: always, but in a large session, where it takes long, at
    /// most once a second. A loss is noticed that much later.
    pub(crate) fn asks_presence(&self, now: Timestamp) -> bool {
        let every = PRESENCE_OF_LARGE.0;
        let last = self.asked.load(Ordering::Relaxed);
        !self.session.constants().session_type.large || now.0 >= last.saturating_add_unsigned(every)
    }

    /// It has been asked for, if `asks`.
    pub(crate) fn presence_asked(&self, asks: bool, now: Timestamp) {
        if asks {
            self.asked.store(now.0, Ordering::Relaxed);
        }
    }
}

/// How seldom a large session asks who of its members is there.
const PRESENCE_OF_LARGE: Millis = Millis::seconds(1);

/// What a write brings along besides the command on the session.
#[derive(Default)]
pub(crate) struct Along {
    /// Rows of its own, such as a new ticket or an idempotency key.
    pub(crate) items: Vec<Item>,
    /// New live tickets among them, to be noted once they are committed.
    pub(crate) tickets: Vec<Arc<Ticket>>,
    /// The live ticket as it stood before the draft was made, which goes by it.
    pub(crate) ticket: Option<Arc<Ticket>>,
    /// The live ticket is taken back, for this reason.
    pub(crate) cancel: Option<EndReason>,
    /// Tickets that the caller has taken, with what becomes of them.
    pub(crate) moved: Vec<(TakenTicket, Arc<Ticket>)>,
    /// What the players of the session were matched with, the newcomers' tickets too.
    pub(crate) refilled: Option<Refilled>,
    /// Game servers that the caller has taken already, for an allocation.
    pub(crate) servers: Vec<TakenServer>,
}

/// How a command of a write may end.
pub(crate) enum Refusal {
    /// The request is refused; what settling did is kept.
    Error(Error),
    /// The caller's entity tag is not that of the settled session; he gets the session as he may see it.
    Stale(Reader),
}

impl Along {
    fn of(ticket: Option<Arc<Ticket>>) -> Self {
        Self {
            ticket,
            ..Self::default()
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<model::session::Error> for Refusal {
    fn from(error: model::session::Error) -> Self {
        Self::Error(Error::Law(error))
    }
}

/// What a write came to.
pub(crate) struct Written<R> {
    pub(crate) result: R,
    /// The session as it is now; `None`: it has ended with this write.
    pub(crate) session: Option<Held>,
}

/// A session to look at while its slot is locked: nobody has to copy all of it in order to write meanwhile.
pub(crate) struct Held {
    // Let go of before the slot is.
    session: Arc<Session>,
    _slot: OwnedMutexGuard<Option<Document>>,
}

impl Held {
    pub(crate) fn new(session: Arc<Session>, slot: OwnedMutexGuard<Option<Document>>) -> Self {
        Self {
            session,
            _slot: slot,
        }
    }
}

impl std::ops::Deref for Held {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Core {
    /// Settles session `id`, lets `command` work on the draft, and commits both as one write set.
    ///
    /// `command` may run several times, each time on a fresh draft. An error keeps what settling did.
    pub(crate) async fn write<R>(
        &self,
        id: SessionId,
        mut command: impl FnMut(&mut Draft<'_>, &mut Along, Timestamp) -> Result<R, Refusal>,
    ) -> Result<Written<R>, Error> {
        for _ in 0..ATTEMPTS_MAX {
            let mut slot = self.loaded(id).await?;
            let Some(document) = slot.as_ref() else {
                return Err(not_found(id));
            };
            let now = self.clock.now();
            let session = &document.session;
            let ticket = self.live_ticket_of(session);
            let mut along = Along::of(ticket.clone());
            let end = self.end_of_ticket(session, ticket.as_deref()).await?;
            let asks = document.asks_presence(now);
            let mut draft = self.settled_draft(session, end, asks, now)?;
            let result = command(&mut draft, &mut along, now);
            if result.is_err() {
                // A command that is refused half-way has done nothing; what settling did is kept.
                along = Along::of(ticket.clone());
                draft = self.settled_draft(session, end, asks, now)?;
            }
            self.follow_instance(&mut draft, now)?;
            note_matched(&mut draft, ticket.as_deref(), now)?;
            let changes = draft.finish(now);
            let before = session.header().clone();
            let consequences = self.consequences(&before, &changes, &mut along, now).await;
            if consequences.overtaken {
                drop(slot);
                self.give_back(consequences);
                continue;
            }
            along
                .items
                .extend(self.recent_items(id, &changes.events, now).await?);
            let mut paid = self.deserters(&before, &changes, now).await?;
            along.items.append(&mut paid.items);
            let items = self.items(id, session, &changes, &consequences, &along)?;
            if items.is_empty() {
                document.presence_asked(asks, now);
                let session = session.clone();
                return finish(result, Some(Held::new(session, slot)));
            }
            // The slot is empty while the write is under way: should this task be dropped, the next one loads.
            let Some(mut document) = slot.take() else {
                return Err(not_found(id));
            };
            match self.commits.commit(WriteSet { items }).await {
                Ok(()) => {
                    document.presence_asked(asks, now);
                    paid.count();
                    let after =
                        self.committed(&mut document, &before, changes, consequences, along);
                    match after {
                        Some(session) => {
                            *slot = Some(document);
                            return finish(result, Some(Held::new(session, slot)));
                        }
                        None => {
                            drop(slot);
                            self.sessions.forget(id);
                            return finish(result, None);
                        }
                    }
                }
                Err(CommitError::Conflict { keys, claims }) => {
                    drop(slot);
                    self.give_back(consequences);
                    if let Some(error) = self.lost(&keys, &claims, &along).await? {
                        return Err(error);
                    }
                }
                Err(error) => {
                    self.give_back(consequences);
                    return Err(commit_error(error));
                }
            }
        }
        Err(Error::Overloaded)
    }

    /// What the same command would come to by the law; nothing is written, not even what settling did.
    pub(crate) async fn rehearse<R>(
        &self,
        id: SessionId,
        command: impl FnOnce(&mut Draft<'_>, &mut Along, Timestamp) -> Result<R, Refusal>,
    ) -> Result<Written<R>, Error> {
        let slot = self.loaded(id).await?;
        let Some(document) = slot.as_ref() else {
            return Err(not_found(id));
        };
        let now = self.clock.now();
        let mut session = document.session.clone();
        let ticket = self.live_ticket_of(&session);
        let end = self.end_of_ticket(&session, ticket.as_deref()).await?;
        let asks = document.asks_presence(now);
        let mut draft = self.settled_draft(&document.session, end, asks, now)?;
        let result = command(&mut draft, &mut Along::of(ticket.clone()), now);
        if result.is_err() {
            draft = self.settled_draft(&document.session, end, asks, now)?;
        }
        self.follow_instance(&mut draft, now)?;
        note_matched(&mut draft, ticket.as_deref(), now)?;
        let mut changes = draft.finish(now);
        // Nobody is to hold the tag of a version that somebody else will write.
        if let Some(header) = &mut changes.header {
            Arc::make_mut(header).change_number = session.header().change_number;
        }
        let deleted = changes.deleted;
        Arc::make_mut(&mut session).commit(changes);
        finish(result, (!deleted).then(|| Held::new(session, slot)))
    }

    /// The session's slot, with its document in it if there is one.
    async fn loaded(&self, id: SessionId) -> Result<OwnedMutexGuard<Option<Document>>, Error> {
        let mut slot = self.sessions.lock(id).await;
        if slot.is_none() {
            *slot = self.load_session(id).await?;
        }
        if slot.is_none() {
            self.sessions.forget(id);
        }
        Ok(slot)
    }

    /// The write came to nothing: whoever looked for a host meanwhile has passed these game servers over.
    fn give_back(&self, consequences: Consequences) {
        let held: Vec<Arc<GameServer>> = consequences
            .servers
            .iter()
            .map(|(taken, _)| taken.value.clone())
            .collect();
        drop(consequences);
        for server in held {
            self.server_freed(&server);
        }
    }

    /// A draft of the session as time, lost connections and the end of its ticket have left it.
    pub(crate) fn settled_draft<'a>(
        &self,
        session: &'a Session,
        end: Option<(TicketId, End)>,
        asks: bool,
        now: Timestamp,
    ) -> Result<Draft<'a>, Error> {
        let of_type = &session.constants().session_type;
        let capabilities = session.capabilities();
        let required = capabilities.asks_presence() && asks;
        let window = of_type.timeouts.presence_window;
        let mut draft = session.draft();
        draft.settle(now, &self.players.liveness(now, window, required));
        if let Some((id, (state, reason))) = end
            && !draft.is_deleted()
        {
            draft.apply(
                &Actor::Service,
                &Command::ClearTicket { id, state, reason },
                now,
            )?;
        }
        Ok(draft)
    }

    /// The ticket that the session notes as live, if it still is.
    fn live_ticket_of(&self, session: &Session) -> Option<Arc<Ticket>> {
        let noted = session.header().live_ticket()?.id;
        Some(self.tickets.records.get(noted)?.value)
    }

    /// Whether the session notes a ticket as live that has ended: a match never writes the parties' documents, so
    /// they learn of it as they learn of time, when somebody looks.
    pub(crate) fn notes_ended_ticket(&self, session: &Session) -> bool {
        session.header().live_ticket().is_some() && self.live_ticket_of(session).is_none()
    }

    /// The end of a ticket that the session notes as live and that is not. One that is purged ended more than an hour
    /// ago.
    async fn end_of_ticket(
        &self,
        session: &Session,
        live: Option<&Ticket>,
    ) -> Result<Option<(TicketId, End)>, Error> {
        let noted = session.header().live_ticket().filter(|_| live.is_none());
        let Some(noted) = noted.map(|noted| noted.id) else {
            return Ok(None);
        };
        if let Some(end) = self.tickets.end_of(noted) {
            return Ok(Some((noted, end)));
        }
        let end = match self.ticket_document(noted).await {
            Ok(ticket) => ticket.reason.map(|reason| (ticket.state, reason)),
            Err(Error::NotFound { .. }) => Some((TicketState::Expired, EndReason::Timeout)),
            Err(error) => return Err(error),
        };
        Ok(end.map(|end| (noted, end)))
    }

    /// A matchmade session whose instance closed before anybody could enter ends; its tickets try again. An instance
    /// that is to launch by itself is requested (R77).
    fn follow_instance(&self, draft: &mut Draft<'_>, now: Timestamp) -> Result<(), Error> {
        let header = draft.header();
        let lost = header.match_id.is_some()
            && header.instance.as_ref().is_some_and(|instance| {
                instance.status == InstanceStatus::Closed && instance.joinable_at.is_none()
            });
        if lost && !draft.is_deleted() {
            draft.apply(&Actor::Service, &Command::Delete, now)?;
        }
        if draft.launch_at().is_some_and(|at| at <= now) {
            let request = InstanceRequest::of_type(self.ids.next(now));
            draft.apply(&Actor::Service, &Command::RequestInstance(request), now)?;
        }
        Ok(())
    }

    fn items(
        &self,
        id: SessionId,
        base: &Session,
        changes: &Changes,
        consequences: &Consequences,
        along: &Along,
    ) -> Result<Vec<Item>, Error> {
        let mut items = rows::session_items(
            &self.namespace,
            Some(base),
            id,
            changes,
            self.due_of(changes),
        )?;
        for (taken, server) in &consequences.servers {
            let row = rows::game_server_row(&self.namespace, server, taken.number + 1)?;
            items.push(Item::Put {
                row,
                expected: Some(taken.number),
            });
        }
        for (taken, ticket) in &consequences.tickets {
            items.push(self.ticket_item(taken, ticket)?);
        }
        items.extend(along.items.iter().cloned());
        Ok(items)
    }

    /// Takes over in memory what the store has, then tells everybody; the session as it is now.
    fn committed(
        &self,
        document: &mut Document,
        before: &Header,
        changes: Changes,
        consequences: Consequences,
        along: Along,
    ) -> Option<Arc<Session>> {
        let id = before.id;
        let deleted = changes.deleted;
        let events = changes.events.clone();
        let noticeable = events.iter().filter(|event| is_worth_telling(event));
        let worth_telling = noticeable.clone().next().is_some();
        if let Some(due) = self.due_of(&changes) {
            self.timers.hint(due);
        }
        if deleted && ending::takes_several_writes(&document.session) {
            self.timers.hint(ending::AT_ONCE);
        }
        let members_before: Vec<PlayerId> = if deleted {
            document
                .session
                .members()
                .map(|member| member.player.clone())
                .collect()
        } else {
            Vec::new()
        };
        let touched: Vec<u32> = changes.members.iter().map(|(index, _)| *index).collect();
        let due = changes.next_timer;
        Arc::make_mut(&mut document.session).commit(changes);
        self.list(before, &document.session, deleted, due);
        if worth_telling {
            let number = document.session.header().change_number;
            document
                .noticed
                .note(number, noticeable.map(Event::change_type));
        }
        for (mut taken, server) in consequences.servers {
            let number = taken.number + 1;
            taken.committed(server.clone(), number);
            self.registry.committed(server.clone(), number);
            drop(taken);
            self.server_freed(&server);
        }
        let mut told = Vec::new();
        for (mut taken, ticket) in consequences.tickets {
            let number = taken.number + 1;
            if taken.value.state == TicketState::Proposed {
                self.proposal_lost(&ticket, leavers(&events));
            }
            taken.committed(ticket.clone(), number);
            drop(taken);
            self.ticket_moved(ticket, number, &mut told);
        }
        for ticket in along.tickets {
            self.ticket_moved(ticket, 1, &mut told);
        }
        let header = document.session.header();
        told.extend(invites_told(header, &events));
        told.extend(members_before.into_iter().map(|p| (p, Change::Left(id))));
        if !deleted && worth_telling {
            tell_members(document, &events, &touched, &mut told);
        } else if !deleted {
            told.extend(subscribers_told(document, &events));
        }
        self.players.tell(told);
        let after = document.session.header();
        self.backfill_moved(before, &document.session, deleted, along.refilled);
        self.instance_moved(before, after, deleted);
        if deleted {
            None
        } else {
            Some(document.session.clone())
        }
    }

    /// Notes in memory what a session is to those who look for one; of most sessions nobody does.
    fn list(&self, before: &Header, session: &Session, deleted: bool, due: Option<Timestamp>) {
        let (constants, header) = (session.constants(), session.header());
        if !is_listed(constants, before) && !is_listed(constants, header) {
            return;
        }
        if !deleted {
            self.listings.put(constants, header, due);
        } else if self.listings.remove(header) {
            self.keep_up();
        }
    }

    /// When the timers are to look at a session: always when it holds something outside itself, otherwise only
    /// where the operator has set a sweep interval, and then no more often than that (A.3 row 11).
    pub(crate) fn due_of(&self, changes: &Changes) -> Option<Timestamp> {
        let interval = self.settings.sweep_interval;
        if changes.sweep_at.is_some() || interval.0 == 0 {
            return changes.sweep_at;
        }
        let every = i64::try_from(interval.0).unwrap_or(i64::MAX);
        let timer = changes.next_timer?;
        let rounds = timer
            .0
            .div_euclid(every)
            .saturating_add(i64::from(timer.0.rem_euclid(every) > 0));
        Some(Timestamp(rounds.saturating_mul(every)))
    }

    /// Writes where a ticket stands that was taken.
    pub(super) fn ticket_item(&self, taken: &TakenTicket, ticket: &Ticket) -> Result<Item, Error> {
        Ok(Item::Put {
            row: rows::ticket_row(&self.namespace, ticket, taken.number + 1)?,
            expected: Some(taken.number),
        })
    }

    /// Notes where tickets stand that were taken and written: who is to be told.
    pub(super) fn tickets_written<'t>(
        &self,
        tickets: impl Iterator<Item = (&'t mut TakenTicket, Arc<Ticket>)>,
    ) -> Vec<(PlayerId, Change)> {
        let mut told = Vec::new();
        for (taken, ticket) in tickets {
            let number = taken.number + 1;
            taken.committed(ticket.clone(), number);
            self.ticket_moved(ticket, number, &mut told);
        }
        told
    }

    /// Notes in memory where a ticket stands, tells the matcher; adds to `told` who is to be told.
    pub(crate) fn ticket_moved(
        &self,
        ticket: Arc<Ticket>,
        number: i64,
        told: &mut Vec<(PlayerId, Change)>,
    ) {
        if ticket.state != TicketState::Placing
            && let Some(session) = self.tickets.session_of(ticket.id)
        {
            self.tickets.placed(session);
        }
        self.tickets.committed(ticket.clone(), number);
        self.estimates.moved(self.now(), &ticket, || self.config());
        let change = Change::Ticket(ticket.id, number);
        let players = ticket.players.iter().map(|player| player.player.clone());
        told.extend(players.map(|player| (player, change.clone())));
        match ticket.state {
            TicketState::Searching => {
                if let Some(expires_at) = ticket.expires_at {
                    self.timers.hint(expires_at);
                }
                self.matchmaker.add(ticket.clone());
            }
            TicketState::Canceled | TicketState::Expired => {
                self.note_turned_out(&ticket);
                self.matchmaker.remove(&ticket);
            }
            TicketState::Placing
            | TicketState::Proposed
            | TicketState::Found
            | TicketState::Failed => {}
        }
    }

    /// One command, where it is all the same if the session is gone or the law refuses it by now.
    ///
    /// # Errors
    /// 503 while the store is away.
    pub(crate) async fn try_command(
        &self,
        id: SessionId,
        by: &Actor,
        command: &Command,
    ) -> Result<(), Error> {
        let written = self
            .write(id, |draft, _, now| Ok(draft.apply(by, command, now)?))
            .await;
        match written {
            Ok(_) | Err(Error::NotFound { .. } | Error::Law(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// After a lost write: forget what may be stale; an error when trying again is no use.
    async fn lost(
        &self,
        keys: &[store::Key],
        claims: &[(store::write_set::ClaimKey, store::Key)],
        along: &Along,
    ) -> Result<Option<Error>, Error> {
        if let Some((claim, _)) = claims.iter().find(|(claim, _)| claim.kind == "ticket") {
            let player = claim
                .key
                .parse()
                .map_err(|_| Error::Internal("odd claim".into()))?;
            return Ok(Some(Error::AlreadyQueued { player }));
        }
        let reused = along.items.iter().any(|item| match item {
            Item::Put {
                row,
                expected: None,
            } => row.key.kind == store::Kind::Idempotency && keys.contains(&row.key),
            _ => false,
        });
        if reused {
            return Ok(Some(Error::IdempotencyKeyReused));
        }
        self.reload_records(keys).await?;
        Ok(None)
    }

    async fn load_session(&self, id: SessionId) -> Result<Option<Document>, Error> {
        let found = self
            .store
            .session(&self.namespace, id)
            .await
            .map_err(super::store_error)?;
        let Some((header, members)) = found else {
            return Ok(None);
        };
        if header.ended {
            return Ok(None);
        }
        let (header, members) = rows::parse_session(&header, &members)?;
        let constants = self
            .revisions
            .constants(self, header.type_revision, &header.session_type)
            .await?;
        let session = Session::load(constants, header, members);
        Ok(Some(Document::new(Arc::new(session))))
    }
}

/// A ticket that is matched is no longer the party's to void: a draft that has done so, since no match writes the
/// party's document, notes how it stands.
fn note_matched(
    draft: &mut Draft<'_>,
    ticket: Option<&Ticket>,
    now: Timestamp,
) -> Result<(), Error> {
    let is_matched = |ticket: &&Ticket| ticket.state == TicketState::Placing;
    let Some(ticket) = ticket.filter(is_matched) else {
        return Ok(());
    };
    let noted = draft.header().ticket.as_ref();
    let is_void = noted.is_some_and(|noted| noted.id == ticket.id && !noted.state.is_live());
    if is_void && !draft.is_deleted() {
        let noted = TicketRef {
            id: ticket.id,
            queue: ticket.queue.clone(),
            state: ticket.state,
            reason: None,
        };
        draft.apply(&Actor::Service, &Command::SetTicket(noted), now)?;
    }
    Ok(())
}

fn finish<R>(result: Result<R, Refusal>, session: Option<Held>) -> Result<Written<R>, Error> {
    match result {
        Ok(result) => Ok(Written { result, session }),
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::Stale(reader)) => Err(match session {
            Some(session) => Error::PreconditionFailed {
                current: Box::new(view::session(&session, reader)),
            },
            None => Error::Law(model::session::Error::SessionEnded),
        }),
    }
}

/// Each member of a session, and those who lost their seat, are to be told that it changed. O(members); of a large
/// session only those whom it is about, unless it is about all of it.
fn tell_members(
    document: &Document,
    events: &[Event],
    touched: &[u32],
    told: &mut Vec<(PlayerId, Change)>,
) {
    let header = document.session.header();
    for event in events {
        if let Event::MemberRemoved { player, .. } = event {
            told.push((player.clone(), Change::Left(header.id)));
        }
    }
    let of_type = &document.session.constants().session_type;
    let change = |member: &Arc<Member>| {
        let stand = Stand::of(of_type, header, &document.noticed, member);
        (member.player.clone(), Change::Session(header.id, stand))
    };
    let session = &document.session;
    if session.constants().session_type.large && events.iter().all(Event::is_about_members) {
        let members = touched.iter().filter_map(|index| session.member(*index));
        told.extend(members.map(change));
    } else {
        told.extend(session.members().map(change));
    }
}

/// Whoever changed what he subscribes to, and nothing else: from now on that counts.
fn subscribers_told(document: &Document, events: &[Event]) -> Vec<(PlayerId, Change)> {
    let (session, header) = (&document.session, document.session.header());
    let of_type = &session.constants().session_type;
    let subscribers = events.iter().filter_map(|event| match event {
        Event::SubscriptionsChanged { index, .. } => session.member(*index),
        _ => None,
    });
    let told = subscribers.map(|member| {
        let stand = Stand::of(of_type, header, &document.noticed, member);
        (member.player.clone(), Change::Session(header.id, stand))
    });
    told.collect()
}

/// Who gave up his seat of his own will.
fn leavers(events: &[Event]) -> Vec<PlayerId> {
    let left = events.iter().filter_map(|event| match event {
        Event::MemberRemoved {
            player,
            reason: RemovalReason::Left,
            ..
        } => Some(player.clone()),
        _ => None,
    });
    left.collect()
}

/// Who is invited now, and who no longer.
fn invites_told(header: &Header, events: &[Event]) -> impl Iterator<Item = (PlayerId, Change)> {
    let (id, number) = (header.id, header.change_number);
    events.iter().filter_map(move |event| match event {
        Event::Invited { player } => Some((player.clone(), Change::Invited(id, number))),
        Event::InviteEnded { player, .. } => {
            Some((player.clone(), Change::InviteEnded(id, number)))
        }
        _ => None,
    })
}

/// Steps of a host on its way to joinable wake nobody, nor does whom it reports as connected, nor what somebody
/// subscribes to; everything else does.
fn is_worth_telling(event: &Event) -> bool {
    match event {
        Event::InstanceChanged { to, .. } => matches!(
            to,
            InstanceStatus::Joinable | InstanceStatus::Unjoinable | InstanceStatus::Closed
        ),
        Event::InstanceUpdated { data, .. } => *data == HostData::ToJoin,
        Event::PlayedTogether { .. } | Event::SubscriptionsChanged { .. } => false,
        _ => true,
    }
}

/// A ticket that has ended.
pub(crate) fn ended(
    ticket: &Ticket,
    state: TicketState,
    reason: EndReason,
    now: Timestamp,
) -> Ticket {
    Ticket {
        state,
        reason: Some(reason),
        ended_at: Some(now),
        ..ticket.clone()
    }
}

pub(crate) fn not_found(id: SessionId) -> Error {
    Error::NotFound {
        what: "session",
        id: id.to_string(),
    }
}

pub(crate) fn commit_error(error: CommitError) -> Error {
    match error {
        CommitError::Conflict { .. } => Error::Overloaded,
        CommitError::Overloaded => Error::Overloaded,
        CommitError::Unavailable(text) => Error::Unavailable(text),
        CommitError::TooLarge => Error::Invalid {
            field: "body".into(),
            detail: "the result would be too large".into(),
        },
        CommitError::Refused(text) => Error::Internal(text),
    }
}
