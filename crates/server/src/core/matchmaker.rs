//! The matchmaker: runs the pure matcher on a thread of its own and makes its decisions durable.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use matcher::{Event, Match, Matcher, Output};
use model::opening;
use model::queue::Queue;
use model::session::{Actor, InstanceRequest, NewSeat, NewSession, Session};
use model::ticket::{EndReason, TicketState};
use model::{Name, Ticket, TicketId, Timestamp};
use store::{CommitError, Item, WriteSet};
use tokio::sync::mpsc as tasks;

use super::busy::{Take, Taken};
use super::write::{commit_error, ended};
use super::{Core, rows};
use crate::Error;

/// Without anything due the thread looks up this often, so that a clock that was set is noticed.
const IDLE: Duration = Duration::from_secs(1);
/// After a match that could not be made, before its tickets are matched again.
const PAUSE: Duration = Duration::from_millis(100);
/// Before the tickets of a match that the store refused search again, so that an outage is no busy loop.
const FAILED_PAUSE: Duration = Duration::from_millis(500);

enum Message {
    Event(Event),
    Queues(Vec<Arc<Queue>>),
    Waiting(Name, tokio::sync::oneshot::Sender<u32>),
}

/// The handle of the matcher's thread. Messages are taken in the order in which they were sent.
pub(crate) struct Matchmaker {
    sender: OnceLock<mpsc::Sender<Message>>,
}

type TakenTicket = Taken<TicketId, Ticket>;

impl Matchmaker {
    pub(crate) fn new() -> Self {
        Self {
            sender: OnceLock::new(),
        }
    }

    fn send(&self, message: Message) {
        if let Some(sender) = self.sender.get() {
            // The thread ends with the process alone, so nobody is there to hear of a failure.
            let _ = sender.send(message);
        }
    }

    /// A ticket searches.
    pub(crate) fn add(&self, ticket: Arc<Ticket>) {
        self.send(Message::Event(Event::Add(ticket)));
    }

    /// A ticket has ended.
    pub(crate) fn remove(&self, ticket: TicketId) {
        self.send(Message::Event(Event::Remove(ticket)));
    }

    /// What the matcher is to know of backfills and refills.
    pub(crate) fn tell(&self, event: Event) {
        self.send(Message::Event(event));
    }

    /// The queues have changed; tickets keep their age.
    pub(crate) fn set_queues(&self, queues: Vec<Arc<Queue>>) {
        self.send(Message::Queues(queues));
    }

    /// Tickets that wait in a queue now.
    pub(crate) async fn waiting(&self, queue: &Name) -> u32 {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.send(Message::Waiting(queue.clone(), sender));
        receiver.await.unwrap_or(0)
    }

    /// Starts the thread, and the task that makes its decisions durable.
    pub(crate) fn start(
        &self,
        core: &Core,
        queues: Vec<Arc<Queue>>,
        seed: u64,
    ) -> std::io::Result<()> {
        let (sender, receiver) = mpsc::channel();
        let (decisions, mut decided) = tasks::unbounded_channel();
        let clock = core.clock.clone();
        std::thread::Builder::new()
            .name("matcher".into())
            .spawn(move || {
                run(Hours::new(queues), seed, &receiver, &decisions, || {
                    clock.now()
                });
            })?;
        let _ = self.sender.set(sender);
        let core = core.clone();
        self.spawn_decisions(core.clone(), async move {
            while let Some(output) = decided.recv().await {
                let task = core.clone();
                core.spawn(async move { task.decide(output).await });
            }
        });
        Ok(())
    }

    fn spawn_decisions(&self, core: Core, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = core.shutdown.clone();
        core.spawn(async move {
            tokio::select! {
                () = task => {}
                () = shutdown.cancelled() => {}
            }
        });
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
        let paused = |queue: &Arc<Queue>| match opening::is_open(&queue.open, now) {
            true => Arc::clone(queue),
            false => Arc::new(Queue {
                active: false,
                ..Queue::clone(queue)
            }),
        };
        queues.map(paused).collect()
    }

    /// The queues, if any may have opened or closed.
    fn changed(&mut self, now: Timestamp) -> Option<Vec<Arc<Queue>>> {
        let is_due = self.change.is_some_and(|change| change <= now);
        is_due.then(|| self.at(now))
    }
}

/// The matcher's loop: one event, its decisions, and a sleep until the next deadline.
fn run(
    mut hours: Hours,
    seed: u64,
    messages: &mpsc::Receiver<Message>,
    decisions: &tasks::UnboundedSender<Output>,
    now: impl Fn() -> Timestamp,
) {
    let mut matcher = Matcher::new(hours.at(now()), seed);
    loop {
        let outputs = match hours.changed(now()) {
            Some(queues) => matcher.set_queues(now(), queues),
            None => Vec::new(),
        };
        if outputs
            .into_iter()
            .any(|output| decisions.send(output).is_err())
        {
            return;
        }
        let wait = match matcher.next_deadline() {
            Some(deadline) => deadline.since(now()).duration().min(IDLE),
            None => IDLE,
        };
        let outputs = match messages.recv_timeout(wait) {
            Ok(Message::Event(event)) => matcher.handle(now(), event),
            Ok(Message::Queues(queues)) => {
                hours = Hours::new(queues);
                let queues = hours.at(now());
                matcher.set_queues(now(), queues)
            }
            Ok(Message::Waiting(queue, answer)) => {
                let waiting = u32::try_from(matcher.waiting(&queue)).unwrap_or(u32::MAX);
                let _ = answer.send(waiting);
                Vec::new()
            }
            Err(mpsc::RecvTimeoutError::Timeout) => matcher.handle(now(), Event::Tick),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        for output in outputs {
            if decisions.send(output).is_err() {
                return;
            }
        }
    }
}

impl Core {
    async fn decide(&self, output: Output) {
        match output {
            Output::Match(found) => {
                // `Committed` is sent from within the commit: should the placement fail at once, the
                // matcher must have forgotten the tickets before they come back to it.
                if let Err(gone) = self.make_match(&found).await {
                    let handle = found.handle;
                    self.matchmaker
                        .send(Message::Event(Event::Failed { handle, gone }));
                }
            }
            Output::Refill(found) => self.refill(&found).await,
            Output::Expired(id) => {
                self.end_ticket(id, TicketState::Expired, EndReason::Timeout)
                    .await;
            }
            Output::Again(id) => self.add_again(&[id]),
            Output::QueueRemoved(id) => {
                self.end_ticket(id, TicketState::Canceled, EndReason::QueueRemoved)
                    .await;
            }
            Output::Refused(id, rejection) => {
                tracing::info!(ticket.id = %id, %rejection, "a ticket no longer fits its queue");
                self.end_ticket(id, TicketState::Canceled, EndReason::QueueRemoved)
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
    async fn commit_tickets(
        &self,
        mut tickets: Vec<(&mut TakenTicket, Ticket)>,
        mut items: Vec<Item>,
    ) -> Result<(), CommitError> {
        for (taken, ticket) in &tickets {
            let row = rows::ticket_row(&self.namespace, ticket, taken.number + 1)
                .map_err(|error| CommitError::Refused(error.to_string()))?;
            items.push(Item::Put {
                row,
                expected: Some(taken.number),
            });
        }
        self.commits.commit(WriteSet { items }).await?;
        let mut told = Vec::new();
        for (taken, ticket) in &mut tickets {
            let ticket = Arc::new(ticket.clone());
            let number = taken.number + 1;
            taken.committed(ticket.clone(), number);
            self.ticket_moved(ticket, number, &mut told);
        }
        self.players.tell(told);
        Ok(())
    }

    /// Makes a match durable: tickets taken, everyone reserved on a team, the host asked for, in one write set.
    /// An error names the tickets that are not to come back.
    async fn make_match(&self, found: &Match) -> Result<(), Vec<TicketId>> {
        let mut ids: Vec<TicketId> = found.tickets().collect();
        ids.sort();
        let mut taken = BTreeMap::new();
        let mut gone = Vec::new();
        for id in ids {
            match self.tickets.records.try_take(id) {
                Take::Taken(ticket) if ticket.value.state == TicketState::Searching => {
                    taken.insert(id, ticket);
                }
                // Whoever has it is about to end it; should that fail, its write puts it back.
                Take::Taken(_) | Take::Busy | Take::Absent => gone.push(id),
            }
        }
        if !gone.is_empty() {
            drop(taken);
            self.add_again(&gone);
            return Err(gone);
        }
        match self.commit_match(found, &mut taken).await {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(taken);
                tracing::warn!(cause = error.cause(), queue = %found.queue, "a match could not be made; its tickets search again");
                tokio::select! {
                    () = tokio::time::sleep(FAILED_PAUSE) => {}
                    () = self.shutdown.cancelled() => {}
                }
                // The matcher would find the same match at once, over and over while the store is behind.
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = self.shutdown.cancelled() => {}
                }
                Err(Vec::new())
            }
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

    async fn commit_match(
        &self,
        found: &Match,
        taken: &mut BTreeMap<TicketId, TakenTicket>,
    ) -> Result<(), Error> {
        let now = self.now();
        let mut new = self.new_match_session(found, taken, now)?;
        let (session, match_id) = (new.id, new.match_id);
        let kept = self.tickets_kept(&mut new, taken.values().map(|ticket| &*ticket.value))?;
        let (mut document, mut changes) = Session::create(new, now)?;
        let mut items = Vec::from_iter(kept);
        let mut host = self.host_for_new(&mut document, &mut changes, now)?;
        if let Some(host) = &host {
            items.push(host.item(&self.namespace)?);
        }
        let mut moved = Vec::new();
        for ticket in taken.values() {
            let placing = Ticket {
                state: TicketState::Placing,
                match_id,
                session: Some(session),
                ..(*ticket.value).clone()
            };
            let row = rows::ticket_row(&self.namespace, &placing, ticket.number + 1)?;
            items.push(Item::Put {
                row,
                expected: Some(ticket.number),
            });
            moved.push(Arc::new(placing));
        }
        // The tickets are noted before the session's host can become joinable, which looks for them.
        let note = |core: &Core, taken: &mut BTreeMap<TicketId, TakenTicket>| {
            let mut told = Vec::new();
            for (ticket, placing) in taken.values_mut().zip(&moved) {
                let number = ticket.number + 1;
                ticket.committed(placing.clone(), number);
                core.ticket_moved(placing.clone(), number, &mut told);
            }
            core.matchmaker
                .send(Message::Event(Event::Committed(found.handle)));
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
    use model::queue::{Aggregate, RegionRules};

    use super::*;

    fn queue(name: &str, active: bool, open: Vec<opening::OpeningHours>) -> Arc<Queue> {
        let name: Name = name.parse().expect("a name");
        Arc::new(Queue {
            session_type: name.clone(),
            group: name.clone(),
            name,
            active,
            open,
            cross_play: false,
            regions: RegionRules::default(),
            teams: Vec::new(),
            party_players_max: 1,
            party_aggregate: Aggregate::Mean,
            attributes: BTreeMap::new(),
            role_attribute: None,
            rules: Vec::new(),
            sort: None,
            avoid: None,
            expansions: Vec::new(),
            ticket_time_out: None,
            placement_retries: 0,
            backfill: Default::default(),
            estimate_quantiles: vec![0.5, 0.9],
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
