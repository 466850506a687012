//! The matchmaker: runs the pure matcher of each group of queues on a thread of its own and makes decisions durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use matcher::{Backfill, Event, Explanation, Group, Match, Output};
use model::opening;
use model::queue::Queue;
use model::session::{Actor, InstanceRequest, NewSeat, NewSession, Session};
use model::ticket::{EndReason, TicketState};
use model::{MatchId, Name, SessionId, Ticket, TicketId, Timestamp};
use store::{CommitError, Item, WriteSet};
use tokio::sync::mpsc as tasks;

use super::Core;
use super::busy::{Take, Taken};
use super::inbox::{Inbox, handle_all};
use super::write::{commit_error, ended};
use crate::Error;
use crate::clock::Clock;

/// Without anything due the thread looks up this often, so that a clock that was set is noticed.
const IDLE: Duration = Duration::from_secs(1);
/// Before the tickets of a match that could not be made search again: the matcher would find the same one at once, over
/// and over while the store is away or behind.
pub(super) const FAILED_PAUSE: Duration = Duration::from_millis(600);

#[derive(Debug)]
pub(super) enum Message {
    Event(Event),
    /// Tickets that search, of the start's load.
    Tickets(Vec<Arc<Ticket>>),
    /// Those of its group, and what those of other groups are called.
    Queues(Vec<Arc<Queue>>, Vec<Name>),
    /// Its group has no queues any more, and gets none: it ends once everything is carried out that it decided.
    End(Arc<Thread>),
    Waiting(Name, tokio::sync::oneshot::Sender<u32>),
    /// Of which of its queues the most is said.
    Explain(
        Arc<Ticket>,
        Option<Name>,
        tokio::sync::oneshot::Sender<Vec<Explanation>>,
    ),
}

/// Messages that wait for a group's thread; beyond it new tickets are refused, and what must be told still is.
const MESSAGES_MAX: usize = 65_536;

/// The threads of all groups of queues. A thread takes its messages in the order in which they were sent.
pub(crate) struct Matchmaker {
    runs: OnceLock<Runs>,
}

/// What every thread is made with, and which there are.
struct Runs {
    clock: Clock,
    seed: u64,
    decisions: tasks::UnboundedSender<Decision>,
    threads: RwLock<Threads>,
}

#[derive(Default)]
struct Threads {
    /// By group, of those that have queues.
    by_group: BTreeMap<Name, Arc<Thread>>,
    by_queue: BTreeMap<Name, Arc<Thread>>,
}

/// The handle of one group's thread, which ends when nobody has it any more.
#[derive(Debug)]
pub(crate) struct Thread {
    sender: mpsc::Sender<Message>,
    /// Messages that it has not taken yet.
    behind: Arc<AtomicUsize>,
}

/// An output, and who is to hear what became of it.
struct Decision {
    thread: Option<Arc<Thread>>,
    output: Output,
}

pub(super) type TakenTicket = Taken<TicketId, Ticket>;

impl Message {
    /// As how many it counts among those that were not taken yet.
    fn weight(&self) -> usize {
        match self {
            Message::Tickets(tickets) => tickets.len(),
            _ => 1,
        }
    }
}

impl Thread {
    fn send(&self, message: Message) {
        self.behind.fetch_add(message.weight(), Ordering::Relaxed);
        // While this handle is there the thread ends with the process alone: nobody is there to hear of a failure.
        let _ = self.sender.send(message);
    }

    pub(super) fn event(&self, event: Event) {
        self.send(Message::Event(event));
    }
}

impl Threads {
    /// The thread that a ticket belongs to: that of the first of its queues which is there.
    fn of(&self, ticket: &Ticket) -> Option<&Arc<Thread>> {
        let queues = ticket.all_queues().iter();
        queues
            .into_iter()
            .find_map(|queue| self.by_queue.get(queue))
    }
}

impl Runs {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Threads> {
        self.threads.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what no thread has decided.
    fn decide(&self, output: Output) {
        let thread = None;
        let _ = self.decisions.send(Decision { thread, output });
    }

    fn spawn(&self, group: &Name) -> std::io::Result<Arc<Thread>> {
        let (sender, receiver) = mpsc::channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let thread = Arc::new(Thread {
            sender,
            behind: behind.clone(),
        });
        let handle = Arc::downgrade(&thread);
        let (decisions, clock, seed) = (self.decisions.clone(), self.clock.clone(), self.seed);
        let gauge = metrics::gauge!("muster_matcher_messages", "group" => group.to_string());
        std::thread::Builder::new()
            .name(format!("matcher-{group}"))
            .spawn(move || {
                let say = |output| say(&handle, &decisions, output);
                let took = |message: &Message| {
                    let taken = message.weight();
                    let before = behind.fetch_sub(taken, Ordering::Relaxed);
                    gauge.set(before.saturating_sub(taken) as f64);
                };
                run(seed, &receiver, took, say, || clock.now());
            })?;
        Ok(thread)
    }

    /// Hands every queue to its group's thread, new ones included. What has moved is told to where it was as gone:
    /// its tickets then come to where it is. A thread that is left without queues ends.
    ///
    /// Tickets are handed to threads under the same lock, so a thread has queues and tickets of one configuration.
    fn set_queues(&self, queues: &[Arc<Queue>]) -> std::io::Result<()> {
        let mut threads = self.threads.write().unwrap_or_else(PoisonError::into_inner);
        let mut by_queue = BTreeMap::new();
        for queue in queues {
            let thread = match threads.by_group.get(&queue.group) {
                Some(thread) => thread.clone(),
                None => match (self.spawn(&queue.group), threads.by_group.values().next()) {
                    (Ok(thread), _) => {
                        let group = queue.group.clone();
                        threads.by_group.insert(group, thread.clone());
                        thread
                    }
                    (Err(error), Some(other)) => {
                        tracing::error!(%error, group = %queue.group, "no thread for a group of queues; it shares another's");
                        other.clone()
                    }
                    (Err(error), None) => return Err(error),
                },
            };
            by_queue.insert(queue.name.clone(), thread);
        }
        threads.by_queue = by_queue;
        let Threads { by_group, by_queue } = &mut *threads;
        by_group.retain(|_, thread| {
            let is_its = |queue: &Arc<Queue>| {
                let of = by_queue.get(&queue.name);
                of.is_some_and(|of| Arc::ptr_eq(of, thread))
            };
            let (own, others): (Vec<_>, Vec<_>) = queues.iter().cloned().partition(is_its);
            let stays = !own.is_empty();
            let others = others.into_iter().map(|queue| queue.name.clone());
            thread.send(Message::Queues(own, others.collect()));
            if !stays {
                thread.send(Message::End(thread.clone()));
            }
            stays
        });
        Ok(())
    }
}

/// Hands a decision on; whether anybody is there to take it.
fn say(
    thread: &Weak<Thread>,
    decisions: &tasks::UnboundedSender<Decision>,
    output: Output,
) -> bool {
    // One that is at its end makes no matches, and whatever else it says needs no answer.
    let thread = thread.upgrade();
    decisions.send(Decision { thread, output }).is_ok()
}

impl Matchmaker {
    pub(crate) fn new() -> Self {
        Self {
            runs: OnceLock::new(),
        }
    }

    /// A ticket searches.
    pub(crate) fn add(&self, ticket: Arc<Ticket>) {
        let Some(runs) = self.runs.get() else { return };
        let threads = runs.read();
        match threads.of(&ticket) {
            Some(thread) => thread.event(Event::Add(ticket)),
            None => runs.decide(Output::QueueRemoved(ticket.id)),
        }
    }

    /// Tickets search, in this order.
    pub(crate) fn add_all(&self, tickets: impl IntoIterator<Item = Arc<Ticket>>) {
        let Some(runs) = self.runs.get() else { return };
        let threads = runs.read();
        let mut by_thread: Vec<(&Arc<Thread>, Vec<Arc<Ticket>>)> = Vec::new();
        for ticket in tickets {
            let Some(thread) = threads.of(&ticket) else {
                runs.decide(Output::QueueRemoved(ticket.id));
                continue;
            };
            match by_thread.iter_mut().find(|(t, _)| Arc::ptr_eq(t, thread)) {
                Some((_, some)) => some.push(ticket),
                None => by_thread.push((thread, vec![ticket])),
            }
        }
        for (thread, tickets) in by_thread {
            thread.send(Message::Tickets(tickets));
        }
    }

    /// A ticket has ended.
    pub(crate) fn remove(&self, ticket: &Ticket) {
        let Some(runs) = self.runs.get() else { return };
        let threads = runs.read();
        let mut told: Vec<&Arc<Thread>> = Vec::new();
        // One whose queues have moved may be with any of them.
        for queue in ticket.all_queues() {
            let thread = threads.by_queue.get(queue);
            let is_new =
                |thread: &&Arc<Thread>| !told.iter().any(|known| Arc::ptr_eq(known, thread));
            if let Some(thread) = thread.filter(is_new) {
                thread.event(Event::Remove(ticket.id));
                told.push(thread);
            }
        }
    }

    /// A session asks for players, or for others than before.
    pub(crate) fn put_backfill(&self, backfill: Arc<Backfill>) {
        let Some(runs) = self.runs.get() else { return };
        if let Some(thread) = runs.read().by_queue.get(&backfill.queue) {
            thread.event(Event::Backfill(backfill));
        }
    }

    /// A session asks for players no longer. Its queue may have moved, so every thread hears of it.
    pub(crate) fn end_backfill(&self, session: SessionId) {
        let Some(runs) = self.runs.get() else { return };
        for thread in runs.read().by_group.values() {
            thread.event(Event::EndBackfill(session));
        }
    }

    /// The queues have changed; tickets keep their age.
    pub(crate) fn set_queues(&self, queues: &[Arc<Queue>]) {
        let Some(runs) = self.runs.get() else { return };
        if let Err(error) = runs.set_queues(queues) {
            tracing::error!(%error, "the matcher has no thread");
        }
    }

    /// Whether the thread of a queue has so much to do that no ticket should be added.
    pub(crate) fn is_behind(&self, queue: &Name) -> bool {
        let behind = |runs: &Runs| {
            let threads = runs.read();
            let thread = threads.by_queue.get(queue)?;
            Some(thread.behind.load(Ordering::Relaxed))
        };
        self.runs.get().and_then(behind).unwrap_or(0) >= MESSAGES_MAX
    }

    /// Whether any of a ticket's queues is there.
    fn knows(&self, ticket: &Ticket) -> bool {
        let runs = self.runs.get();
        runs.is_some_and(|runs| runs.read().of(ticket).is_some())
    }

    /// Tickets that wait in a queue now.
    pub(crate) async fn waiting(&self, queue: &Name) -> u32 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        if let Some(runs) = self.runs.get()
            && let Some(thread) = runs.read().by_queue.get(queue)
        {
            thread.send(Message::Waiting(queue.clone(), sender));
        }
        receiver.await.unwrap_or(0)
    }

    /// What keeps a ticket waiting in each of its queues, `first` above all; nothing if the matcher does not have it.
    pub(crate) async fn explain(
        &self,
        ticket: Arc<Ticket>,
        first: Option<Name>,
    ) -> Vec<Explanation> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        if let Some(runs) = self.runs.get() {
            let threads = runs.read();
            if let Some(thread) = threads.of(&ticket) {
                thread.send(Message::Explain(ticket, first, sender));
            }
        }
        receiver.await.unwrap_or_default()
    }

    /// Starts the threads, and the task that makes their decisions durable.
    pub(crate) fn start(
        &self,
        core: &Core,
        queues: &[Arc<Queue>],
        seed: u64,
    ) -> std::io::Result<()> {
        let (decisions, mut decided) = tasks::unbounded_channel();
        let runs = self.runs.get_or_init(|| Runs {
            clock: core.clock.clone(),
            seed,
            decisions,
            threads: RwLock::default(),
        });
        runs.set_queues(queues)?;
        let task = core.clone();
        core.spawn(async move {
            loop {
                let decision = tokio::select! {
                    decision = decided.recv() => decision,
                    () = task.shutdown.cancelled() => None,
                };
                let Some(decision) = decision else { return };
                let core = task.clone();
                task.spawn(async move { core.decide(decision).await });
            }
        });
        Ok(())
    }
}

/// The queues as configured, and which of them are open.
struct Hours {
    queues: Vec<Arc<Queue>>,
    /// When the hours of any of them begin or end next.
    change: Option<Timestamp>,
}

impl Hours {
    fn new(queues: Vec<Arc<Queue>>) -> Self {
        Self {
            queues,
            change: None,
        }
    }

    /// The queues at this instant: one that is not open is paused.
    fn at(&mut self, now: Timestamp) -> Vec<Arc<Queue>> {
        let changes = self.queues.iter();
        self.change = changes
            .filter_map(|queue| opening::next_change(&queue.open, now))
            .min();
        let queues = self.queues.iter();
        queues.map(|queue| queue.as_of(now)).collect()
    }

    /// The queues, if any may have opened or closed.
    fn changed(&mut self, now: Timestamp) -> Option<Vec<Arc<Queue>>> {
        let is_due = self.change.is_some_and(|change| change <= now);
        is_due.then(|| self.at(now))
    }
}

/// A group's loop: one event, its decisions, and a sleep until the next deadline.
fn run(
    seed: u64,
    messages: &mpsc::Receiver<Message>,
    took: impl Fn(&Message),
    say: impl Fn(Output) -> bool,
    now: impl Fn() -> Timestamp,
) {
    let (mut hours, mut elsewhere) = (Hours::new(Vec::new()), Vec::new());
    let mut group = Group::new(Vec::new(), seed);
    let mut inbox = Inbox::new(messages);
    loop {
        let mut outputs = match hours.changed(now()) {
            Some(queues) => group.set_queues(now(), queues, elsewhere.clone()),
            None => Vec::new(),
        };
        if !outputs.drain(..).all(&say) {
            return;
        }
        let wait = match group.next_deadline() {
            Some(deadline) => deadline.since(now()).duration().min(IDLE),
            None => IDLE,
        };
        let message = inbox.next(wait, &mut group);
        if let Ok(message) = &message {
            took(message);
        }
        let mut outputs = match message {
            Ok(Message::Event(event)) => group.handle(now(), event),
            Ok(Message::Tickets(tickets)) => {
                handle_all(&mut group, &now, tickets.into_iter().map(Event::Add))
            }
            Ok(Message::Queues(queues, others)) => {
                (hours, elsewhere) = (Hours::new(queues), others);
                let queues = hours.at(now());
                group.set_queues(now(), queues, elsewhere.clone())
            }
            Ok(Message::End(own)) => {
                drop(own);
                Vec::new()
            }
            Ok(Message::Waiting(queue, answer)) => {
                let waiting = u32::try_from(group.waiting(&queue)).unwrap_or(u32::MAX);
                let _ = answer.send(waiting);
                Vec::new()
            }
            Ok(Message::Explain(ticket, first, answer)) => {
                let _ = answer.send(group.explain(&ticket, first.as_ref(), now()));
                Vec::new()
            }
            Err(mpsc::RecvTimeoutError::Timeout) => group.handle(now(), Event::Tick),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        if !outputs.drain(..).all(&say) {
            return;
        }
    }
}

impl Core {
    async fn decide(&self, Decision { thread, output }: Decision) {
        match output {
            Output::Match(found) => {
                let Some(thread) = thread else { return };
                // `Committed` is sent from within the commit: should the placement fail at once, the
                // matcher must have forgotten the tickets before they come back to it.
                if let Err(gone) = self.make_match(&found, &thread).await {
                    let handle = found.handle;
                    let back: Vec<TicketId> = gone.clone();
                    thread.event(Event::Failed { handle, gone });
                    // Only now: what the matcher still has in a match it would not take again.
                    self.add_again(&back);
                }
            }
            Output::Refill(found) => {
                let Some(thread) = thread else { return };
                self.refill(&found, &thread).await;
            }
            Output::Expired(id) => {
                self.end_ticket(id, TicketState::Expired, EndReason::Timeout)
                    .await;
            }
            Output::Again(id) => self.add_again(&[id]),
            Output::QueueRemoved(id) => {
                let record = self.tickets.records.get(id);
                if record.is_some_and(|record| self.matchmaker.knows(&record.value)) {
                    // It has moved to another group.
                    self.add_again(&[id]);
                    return;
                }
                self.end_ticket(id, TicketState::Canceled, EndReason::QueueRemoved)
                    .await;
            }
            Output::Refused(id, rejection) => {
                tracing::info!(ticket.id = %id, %rejection, "a ticket no longer fits its queue");
                self.end_ticket(id, TicketState::Canceled, EndReason::QueueChanged)
                    .await;
            }
        }
    }

    /// Ends a ticket that searches; one that somebody matched or ended meanwhile stays as it is.
    pub(crate) async fn end_ticket(&self, id: TicketId, state: TicketState, reason: EndReason) {
        loop {
            let Some(mut taken) = self.tickets.records.take(id).await else {
                return;
            };
            if taken.value.state != TicketState::Searching {
                return;
            }
            let ticket = ended(&taken.value, state, reason, self.now());
            match self
                .commit_tickets(vec![(&mut taken, ticket)], Vec::new())
                .await
            {
                Ok(()) => return,
                Err(CommitError::Conflict { keys, .. }) => {
                    drop(taken);
                    if self.reload_records(&keys).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    // The row is still due, so the timers come back to it.
                    tracing::warn!(ticket.id = %id, cause = commit_error(error).cause(), "a ticket could not be ended");
                    return;
                }
            }
        }
    }

    /// Writes tickets that were taken, with what else belongs to the same write set, and tells their players.
    pub(super) async fn commit_tickets(
        &self,
        tickets: Vec<(&mut TakenTicket, Ticket)>,
        mut items: Vec<Item>,
    ) -> Result<(), CommitError> {
        for (taken, ticket) in &tickets {
            let item = self.ticket_item(taken, ticket);
            items.push(item.map_err(|error| CommitError::Refused(error.to_string()))?);
        }
        self.commits.commit(WriteSet { items }).await?;
        let written = tickets.into_iter();
        let written = written.map(|(taken, ticket)| (taken, Arc::new(ticket)));
        self.players.tell(self.tickets_written(written));
        Ok(())
    }

    /// Makes a match durable: tickets taken, everyone reserved on a team, the host asked for, in one write set.
    /// An error names the tickets that are not to come back.
    async fn make_match(&self, found: &Match, thread: &Thread) -> Result<(), Vec<TicketId>> {
        let mut taken = self.take_searching(found.tickets())?;
        let made = match self.asks_for(found) {
            Some(timeout) => self.propose(found, thread, &mut taken, timeout).await,
            None => {
                self.commit_match(found, Some(thread), None, &mut taken)
                    .await
            }
        };
        match made {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(taken);
                tracing::warn!(cause = error.cause(), queue = %found.queue, "a match could not be made; its tickets search again");
                self.pause(FAILED_PAUSE).await;
                Err(Vec::new())
            }
        }
    }

    /// Takes tickets of which the matcher has decided, if all of them search still; else those that do not.
    pub(super) fn take_searching(
        &self,
        ids: impl Iterator<Item = TicketId>,
    ) -> Result<BTreeMap<TicketId, TakenTicket>, Vec<TicketId>> {
        let mut taken = BTreeMap::new();
        let mut gone = Vec::new();
        for id in ids.collect::<BTreeSet<TicketId>>() {
            match self.tickets.records.try_take(id) {
                Take::Taken(ticket) if ticket.value.state == TicketState::Searching => {
                    taken.insert(id, ticket);
                }
                // Whoever has it is about to end it; should that fail, its write puts it back.
                Take::Taken(_) | Take::Busy | Take::Absent => gone.push(id),
            }
        }
        if gone.is_empty() {
            Ok(taken)
        } else {
            Err(gone)
        }
    }

    /// Lets some time pass, unless the server shuts down.
    pub(super) async fn pause(&self, span: Duration) {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    /// A ticket that was busy and still searches afterwards must not be lost to the matcher.
    pub(crate) fn add_again(&self, tickets: &[TicketId]) {
        for id in tickets.iter().copied() {
            let core = self.clone();
            self.spawn(async move {
                if let Some(taken) = core.tickets.records.take(id).await
                    && taken.value.state == TicketState::Searching
                {
                    core.matchmaker.add(taken.value.clone());
                }
            });
        }
    }

    /// `thread`: where the match comes from, to be told. `accepted`: the match that its players have accepted, and
    /// what ends that.
    pub(super) async fn commit_match(
        &self,
        found: &Match,
        thread: Option<&Thread>,
        accepted: Option<(MatchId, Item)>,
        taken: &mut BTreeMap<TicketId, TakenTicket>,
    ) -> Result<(), Error> {
        let now = self.now();
        let mut new = self.new_match_session(found, taken, now)?;
        let (accepted, ends) = accepted.unzip();
        new.match_id = accepted.or(new.match_id);
        let (session, match_id) = (new.id, new.match_id);
        let kept = self.tickets_kept(&mut new, taken.values().map(|ticket| &*ticket.value))?;
        let (mut document, mut changes) = Session::create(new, now)?;
        let mut items: Vec<Item> = ends.into_iter().chain(kept).collect();
        let mut host = self.host_for_new(&mut document, &mut changes, now)?;
        if let Some(host) = &host {
            items.push(host.item(&self.namespace)?);
        }
        let mut moved = Vec::new();
        for ticket in taken.values() {
            let placing = Ticket {
                state: TicketState::Placing,
                queue: found.queue.clone(),
                match_id,
                session: Some(session),
                ..(*ticket.value).clone()
            };
            items.push(self.ticket_item(ticket, &placing)?);
            moved.push(Arc::new(placing));
        }
        // The tickets are noted before the session's host can become joinable, which looks for them.
        let note = |core: &Core, taken: &mut BTreeMap<TicketId, TakenTicket>| {
            let told = core.tickets_written(taken.values_mut().zip(moved));
            if let Some(thread) = thread {
                thread.event(Event::Committed(found.handle));
            }
            told
        };
        self.insert_session_then(document, changes, None, items, now, |core| {
            if let Some(host) = host.take() {
                core.host_taken(session, host);
            }
            note(core, taken)
        })
        .await?;
        metrics::counter!("muster_matches_total", "queue" => found.queue.to_string()).increment(1);
        Ok(())
    }

    fn new_match_session(
        &self,
        found: &Match,
        taken: &BTreeMap<TicketId, TakenTicket>,
        now: Timestamp,
    ) -> Result<NewSession, Error> {
        let config = self.config();
        let queue = config
            .queue(found.queue.as_str())
            .ok_or_else(|| Error::NotFound {
                what: "queue",
                id: found.queue.to_string(),
            })?;
        let constants = self
            .revisions
            .current(queue.session_type.as_str())
            .ok_or_else(|| Error::NotFound {
                what: "session type",
                id: queue.session_type.to_string(),
            })?;
        let has_instances = constants.session_type.instance.is_some();
        let mut new = self.blank_session(constants, Actor::Service, now);
        new.region = found.region.clone();
        new.match_id = Some(self.ids.next(now));
        new.queue = Some(found.queue.clone());
        new.team_names = found.teams.iter().map(|team| team.name.clone()).collect();
        for (index, team) in found.teams.iter().enumerate() {
            let team_index = u8::try_from(index).ok();
            let players = team.tickets.iter().filter_map(|id| taken.get(id));
            for player in players.flat_map(|ticket| ticket.value.players.iter()) {
                new.members.push(NewSeat::Reserved {
                    player: player.player.clone(),
                    team: team_index,
                });
            }
        }
        let roles = found.teams.iter().flat_map(|team| &team.roles);
        new.roles = roles
            .map(|(player, role)| (player.clone(), role.clone()))
            .collect();
        // Matches ask for it wherever the type has it (row 37).
        new.initialize = new.constants.session_type.together.initialization.is_some();
        new.instance = has_instances.then(|| InstanceRequest::of_type(self.ids.next(now)));
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, active: bool, open: Vec<opening::OpeningHours>) -> Arc<Queue> {
        let name: Name = name.parse().expect("a name");
        Arc::new(Queue {
            active,
            open,
            ..Queue::new(name, Vec::new())
        })
    }

    #[test]
    fn a_queue_is_paused_outside_of_its_hours() {
        const HOUR: i64 = 3_600_000;
        let hours = opening::OpeningHours {
            days: [true; 7],
            from: 10 * 60,
            to: 12 * 60,
            zone: jiff::tz::TimeZone::UTC,
        };
        let mut hours = Hours::new(vec![
            queue("always", true, Vec::new()),
            queue("morning", true, vec![hours.clone()]),
            queue("paused", false, vec![hours]),
        ]);
        let active = |queues: Vec<Arc<Queue>>| queues.iter().map(|q| q.active).collect::<Vec<_>>();
        assert_eq!(active(hours.at(Timestamp(0))), [true, false, false]);
        assert!(hours.changed(Timestamp(10 * HOUR - 1)).is_none());
        let opened = hours.changed(Timestamp(10 * HOUR)).map(active);
        assert_eq!(opened, Some(vec![true, true, false]));
        assert!(hours.changed(Timestamp(12 * HOUR - 1)).is_none());
        let closed = hours.changed(Timestamp(12 * HOUR)).map(active);
        assert_eq!(closed, Some(vec![true, false, false]));
        assert_eq!(hours.change, Some(Timestamp(34 * HOUR)));
    }
}
