//! A group of queues that share tickets: a [`Matcher`], and what one ticket in several queues asks of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::queue::Queue;
use model::ticket::QUEUES_MAX;
use model::{Name, Ticket, TicketId, Timestamp};

use crate::backfill::Backfill;
use crate::event::{Event, Match, MatchTeam, Output, Stats};
use crate::explain::{Explanation, LOOKED_AT_MAX};
use crate::matcher::Matcher;
use crate::validate::{Rejection, prepare, validate};

/// The matcher of a group of queues in which a ticket may wait in several at once.
///
/// The [`Matcher`] inside knows of one queue a ticket. So each queue of a ticket is a *leg* there: a ticket with the
/// same players and the same age, of which the first keeps the ticket's id. A match takes all legs of its tickets
/// out, and so does whatever else ends a ticket; a match that fails puts all of them back. Where two legs of a ticket
/// are matched in one event, the earlier queue of its list wins, the oldest ticket's choice first; the match that
/// loses never leaves here. A ticket in one queue costs nothing of this.
///
/// Which legs a ticket has follows from its list and from which queues there are, here and elsewhere
/// ([`Ticket::waits_in`]); one of which that changes is handed back, to be handed in where it belongs now.
#[derive(Debug)]
pub struct Group {
    matcher: Matcher,
    /// Every queue there is, and whether it is of this group.
    queues: BTreeMap<Name, bool>,
    /// Tickets that wait in several queues, or are in an emitted match.
    several: BTreeMap<TicketId, Several>,
    /// Whose leg it is, and which.
    whole: BTreeMap<TicketId, (TicketId, usize)>,
    /// Emitted matches that hold such tickets.
    emitted: BTreeMap<u64, Vec<TicketId>>,
    /// Legs that came to an end in this event, of which the matcher inside may still have spoken.
    ended: BTreeSet<TicketId>,
    /// Tickets that this event found to belong elsewhere, or here in other queues.
    handed_back: Vec<TicketId>,
    /// Matches that lost and never left.
    lost: u64,
    /// The same of refills.
    lost_refills: u64,
}

/// A ticket that waits in several queues.
#[derive(Debug)]
struct Several {
    ticket: Arc<Ticket>,
    /// By its place in the ticket's list; those that can't be matched any more are gone.
    legs: BTreeMap<usize, TicketId>,
    /// The emitted match that holds it; 0 while it waits.
    emitted: u64,
}

/// What one batch of the matcher's outputs comes to.
#[derive(Default)]
struct Batch {
    /// Legs to take out, before matches fail.
    remove: Vec<TicketId>,
    /// Matches that lost.
    fail: Vec<u64>,
}

impl Group {
    /// A group without tickets. The seed decides what the rules leave open.
    pub fn new(queues: Vec<Arc<Queue>>, seed: u64) -> Group {
        Group {
            queues: all_queues(&queues, []),
            matcher: Matcher::new(queues, seed),
            several: BTreeMap::new(),
            whole: BTreeMap::new(),
            emitted: BTreeMap::new(),
            ended: BTreeSet::new(),
            handed_back: Vec::new(),
            lost: 0,
            lost_refills: 0,
        }
    }

    /// The matcher inside, to look at; it knows a ticket in several queues by its legs.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// As [`Matcher::set_queues`]; `elsewhere` are the queues of other groups. Tickets in several queues that belong
    /// into others than they wait in come back as [`Output::Again`], those in an emitted match once it fails.
    ///
    /// Besides: O(tickets in several queues), and as much as a removal for each that comes back.
    pub fn set_queues(
        &mut self,
        now: Timestamp,
        queues: Vec<Arc<Queue>>,
        elsewhere: impl IntoIterator<Item = Name>,
    ) -> Vec<Output> {
        self.queues = all_queues(&queues, elsewhere);
        let waiting = self.several.iter().filter(|(_, one)| one.emitted == 0);
        let moved = waiting.filter(|(_, one)| !self.is_at_home(one));
        let moved: Vec<TicketId> = moved.map(|(&id, _)| id).collect();
        let legs: Vec<TicketId> = moved.iter().flat_map(|&id| self.hand_back(id)).collect();
        let mut said = self.feed(now, legs.into_iter().map(Event::Remove));
        said.extend(self.matcher.set_queues(now, queues));
        self.say(now, said)
    }

    /// As [`Matcher::handle`].
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Output> {
        let said = match event {
            Event::Add(ticket) if ticket.queues.len() > 1 => self.add(now, &ticket),
            Event::Remove(id) if self.several.contains_key(&id) => {
                let legs = self.forget(id);
                self.feed(now, legs.into_iter().map(Event::Remove))
            }
            Event::Committed(handle) => {
                for id in self.emitted.remove(&handle).unwrap_or_default() {
                    if self.is_in(id, handle) {
                        self.forget(id);
                    }
                }
                self.matcher.handle(now, Event::Committed(handle))
            }
            Event::Failed { handle, gone } => self.fail(now, handle, gone),
            Event::Backfill(asked) if !asked.refused.is_empty() => self
                .matcher
                .handle(now, Event::Backfill(refusing_legs(&asked))),
            other => self.matcher.handle(now, other),
        };
        self.say(now, said)
    }

    /// As [`Matcher::expect`]; of a ticket in several queues nothing is looked for.
    pub fn expect<'a>(&mut self, events: impl Iterator<Item = &'a Event> + Clone) {
        let is_one = |event: &&Event| !matches!(event, Event::Add(t) if t.queues.len() > 1);
        self.matcher.expect(events.filter(is_one));
    }

    /// As [`Matcher::next_deadline`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.matcher.next_deadline()
    }

    /// Tickets that wait in any queue. O(tickets in several queues).
    pub fn len(&self) -> usize {
        let waiting = self.several.values().filter(|one| one.emitted == 0);
        let twice: usize = waiting.map(|one| one.legs.len().saturating_sub(1)).sum();
        self.matcher.len().saturating_sub(twice)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// Tickets that wait in a queue, those in other queues too among them.
    pub fn waiting(&self, queue: &Name) -> usize {
        self.matcher.waiting(queue)
    }

    /// Whether a ticket waits.
    pub fn is_waiting(&self, ticket: TicketId) -> bool {
        match self.several.get(&ticket) {
            Some(one) => one.emitted == 0,
            None => self.matcher.is_waiting(ticket),
        }
    }

    /// The emitted match that holds a ticket.
    pub fn proposed_in(&self, ticket: TicketId) -> Option<u64> {
        match self.several.get(&ticket) {
            Some(one) => Some(one.emitted).filter(|&handle| handle != 0),
            None => self.matcher.proposed_in(ticket),
        }
    }

    /// As [`Matcher::explain`], of each of its queues in which it waits or is in a match, in its own order.
    ///
    /// Of `first`, or else of the first of them, as many tickets are looked at as if it waited there alone; all others
    /// together share as many.
    pub fn explain(
        &self,
        ticket: &Ticket,
        first: Option<&Name>,
        now: Timestamp,
    ) -> Vec<Explanation> {
        let Some(one) = self.several.get(&ticket.id) else {
            return self
                .matcher
                .explain(ticket.id, ticket, now)
                .into_iter()
                .collect();
        };
        let knows = |leg: TicketId| self.matcher.glimpse(leg).is_some();
        let mut legs = one.legs.iter();
        let asked = legs.find(|(place, leg)| {
            first.is_some_and(|first| one.ticket.queues.get(**place) == Some(first)) && knows(**leg)
        });
        let whole = asked.or_else(|| one.legs.iter().find(|(_, leg)| knows(**leg)));
        let others = one.legs.len().saturating_sub(1).max(1);
        let legs = one.legs.iter().filter_map(|(place, &leg)| {
            let max = match whole {
                Some((whole, _)) if whole == place => LOOKED_AT_MAX,
                _ => LOOKED_AT_MAX / others,
            };
            self.matcher.explain_among(max, leg, ticket, now)
        });
        legs.collect()
    }

    /// What was done since the group was made.
    pub fn stats(&self) -> Stats {
        let stats = self.matcher.stats();
        Stats {
            matches: stats.matches.saturating_sub(self.lost),
            refills: stats.refills.saturating_sub(self.lost_refills),
            ..stats
        }
    }

    fn feed(&mut self, now: Timestamp, events: impl IntoIterator<Item = Event>) -> Vec<Output> {
        let events = events.into_iter();
        events
            .flat_map(|event| self.matcher.handle(now, event))
            .collect()
    }

    fn add(&mut self, now: Timestamp, ticket: &Arc<Ticket>) -> Vec<Output> {
        let is_known = self.several.contains_key(&ticket.id)
            || self.matcher.is_waiting(ticket.id)
            || self.matcher.proposed_in(ticket.id).is_some();
        if is_known {
            return self.matcher.handle(now, Event::Tick);
        }
        let legs: BTreeMap<usize, TicketId> = self.legs_of(ticket).collect();
        if legs.is_empty() {
            return vec![Output::QueueRemoved(ticket.id)];
        }
        for (&place, &leg) in &legs {
            self.whole.insert(leg, (ticket.id, place));
        }
        let events = events_of(ticket, &legs);
        let one = Several {
            ticket: Arc::clone(ticket),
            legs,
            emitted: 0,
        };
        self.several.insert(ticket.id, one);
        self.feed(now, events)
    }

    /// The legs of a ticket as the queues are.
    fn legs_of(&self, ticket: &Ticket) -> impl Iterator<Item = (usize, TicketId)> {
        let queues = &self.queues;
        let group_of = move |queue: &Name| queues.get(queue).copied();
        let places = ticket.waits_in(group_of);
        let here = places.filter(move |(_, queue)| group_of(queue) == Some(true));
        here.map(|(place, _)| (place, ticket.id.leg(place)))
    }

    /// Whether it has the legs that it would get now. One that its queue's rules refused is tried anew.
    fn is_at_home(&self, one: &Several) -> bool {
        let legs = one.legs.iter().map(|(&place, &leg)| (place, leg));
        self.legs_of(&one.ticket).eq(legs)
    }

    /// [`Group::forget`] of one that is to be handed in again.
    fn hand_back(&mut self, id: TicketId) -> Vec<TicketId> {
        self.handed_back.push(id);
        self.forget(id)
    }

    /// Its legs, which the matcher inside may still know.
    fn forget(&mut self, id: TicketId) -> Vec<TicketId> {
        let legs = self.several.remove(&id).map(|one| one.legs);
        let legs: Vec<TicketId> = legs.unwrap_or_default().into_values().collect();
        for leg in &legs {
            self.whole.remove(leg);
        }
        self.ended.extend(legs.iter().copied());
        legs
    }

    fn is_in(&self, id: TicketId, handle: u64) -> bool {
        self.several
            .get(&id)
            .is_some_and(|one| one.emitted == handle)
    }

    fn fail(&mut self, now: Timestamp, handle: u64, mut gone: Vec<TicketId>) -> Vec<Output> {
        let mut events = Vec::new();
        for id in self.emitted.remove(&handle).unwrap_or_default() {
            if !self.is_in(id, handle) {
                continue;
            }
            let is_at_home = |one| self.is_at_home(one);
            if gone.contains(&id) {
                gone.extend(self.forget(id));
            } else if !self.several.get(&id).is_some_and(is_at_home) {
                gone.extend(self.hand_back(id));
            } else if let Some(one) = self.several.get_mut(&id) {
                one.emitted = 0;
                // The leg that was matched is known still, so handing it in again changes nothing.
                events.extend(events_of(&one.ticket, &one.legs));
            }
        }
        events.push(Event::Failed { handle, gone });
        self.feed(now, events)
    }

    /// What is said outside of what the matcher inside said.
    fn say(&mut self, now: Timestamp, mut said: Vec<Output>) -> Vec<Output> {
        if self.several.is_empty() && self.ended.is_empty() {
            return said;
        }
        let mut out = Vec::new();
        while !said.is_empty() {
            let mut batch = Batch::default();
            self.void(&said, &mut batch);
            for output in said {
                self.say_one(output, &mut batch, &mut out);
            }
            let fail = batch.fail.into_iter().map(|handle| Event::Failed {
                handle,
                gone: Vec::new(),
            });
            let events: Vec<Event> = batch.remove.into_iter().map(Event::Remove).collect();
            said = self.feed(now, events.into_iter().chain(fail));
        }
        self.ended.clear();
        out.extend(self.handed_back.drain(..).map(Output::Again));
        out
    }

    /// Which matches lose: those with a ticket that another match has, that an earlier one of this batch gets, or that ended
    /// by what was said before.
    fn void(&self, said: &[Output], batch: &mut Batch) {
        let mut chosen: BTreeMap<(Timestamp, TicketId), Vec<(usize, u64)>> = BTreeMap::new();
        let mut ended = BTreeSet::new();
        for output in said {
            let (handle, legs): (u64, Vec<TicketId>) = match output {
                Output::Match(found) => (found.handle, found.tickets().collect()),
                Output::Refill(found) => (found.handle, found.tickets().collect()),
                Output::Expired(leg) | Output::Again(leg) | Output::QueueRemoved(leg) => {
                    ended.extend(self.whole.get(leg).map(|&(id, _)| id));
                    continue;
                }
                // The other legs stand; the last one has none.
                Output::Refused(..) => continue,
            };
            for leg in legs {
                let one = self.whole.get(&leg).and_then(|&(id, place)| {
                    let one = self.several.get(&id)?;
                    Some((id, place, one))
                });
                match one {
                    Some((id, ..)) if ended.contains(&id) => batch.fail.push(handle),
                    Some((id, place, one)) if one.emitted == 0 => {
                        let key = (one.ticket.created_at, id);
                        chosen.entry(key).or_default().push((place, handle));
                    }
                    Some(_) => batch.fail.push(handle),
                    None if self.ended.contains(&leg) => batch.fail.push(handle),
                    None => {}
                }
            }
        }
        for mut matches in chosen.into_values() {
            matches.retain(|(_, handle)| !batch.fail.contains(handle));
            matches.sort_unstable();
            batch
                .fail
                .extend(matches.iter().skip(1).map(|&(_, handle)| handle));
        }
        batch.fail.sort_unstable();
        batch.fail.dedup();
    }

    fn say_one(&mut self, output: Output, batch: &mut Batch, out: &mut Vec<Output>) {
        match output {
            Output::Match(found) if batch.fail.contains(&found.handle) => self.lost += 1,
            Output::Match(found) => out.push(Output::Match(self.emit(found, batch))),
            Output::Refill(found) if batch.fail.contains(&found.handle) => self.lost_refills += 1,
            Output::Refill(mut found) => {
                self.whole_tickets(found.handle, &mut found.teams, batch);
                out.push(Output::Refill(found));
            }
            Output::Expired(id) => self.end(id, batch, out, Output::Expired),
            Output::Again(id) => self.end(id, batch, out, Output::Again),
            Output::QueueRemoved(id) => self.end(id, batch, out, Output::QueueRemoved),
            Output::Refused(id, why) => self.refuse(id, batch, out, why),
        }
    }

    /// The match as it is told, with its tickets' own ids; their other legs search no longer.
    fn emit(&mut self, mut found: Match, batch: &mut Batch) -> Match {
        self.whole_tickets(found.handle, &mut found.teams, batch);
        found
    }

    fn whole_tickets(&mut self, handle: u64, teams: &mut [MatchTeam], batch: &mut Batch) {
        let teams = teams.iter_mut();
        for leg in teams.flat_map(|team| team.tickets.iter_mut()) {
            let Some(&(id, _)) = self.whole.get(leg) else {
                continue;
            };
            if let Some(one) = self.several.get_mut(&id) {
                one.emitted = handle;
                let others = one.legs.values().copied();
                batch.remove.extend(others.filter(|other| other != leg));
                self.emitted.entry(handle).or_default().push(id);
            }
            *leg = id;
        }
    }

    /// The end of one leg is that of its ticket, said once.
    fn end(
        &mut self,
        leg: TicketId,
        batch: &mut Batch,
        out: &mut Vec<Output>,
        say: impl FnOnce(TicketId) -> Output,
    ) {
        match self.whole.get(&leg).copied() {
            None if self.ended.contains(&leg) => {}
            None => out.push(say(leg)),
            Some((id, _)) if self.is_in(id, 0) => {
                let legs = self.forget(id);
                batch
                    .remove
                    .extend(legs.into_iter().filter(|&other| other != leg));
                out.push(say(id));
            }
            Some(_) => {}
        }
    }

    /// A leg that can't be matched under its queue's rules; its ticket ends with the last.
    fn refuse(&mut self, leg: TicketId, batch: &mut Batch, out: &mut Vec<Output>, why: Rejection) {
        let say = |id| Output::Refused(id, why);
        let Some(&(id, place)) = self.whole.get(&leg) else {
            return self.end(leg, batch, out, say);
        };
        let is_last = self
            .several
            .get(&id)
            .is_none_or(|one| one.legs.len() == 1 && one.emitted == 0);
        if is_last {
            return self.end(leg, batch, out, say);
        }
        if let Some(one) = self.several.get_mut(&id) {
            one.legs.remove(&place);
            self.whole.remove(&leg);
        }
    }
}

/// The queues of a group and those of others, each with whether it is of this one.
fn all_queues(
    own: &[Arc<Queue>],
    elsewhere: impl IntoIterator<Item = Name>,
) -> BTreeMap<Name, bool> {
    let elsewhere = elsewhere.into_iter().map(|queue| (queue, false));
    let own = own.iter().map(|queue| (queue.name.clone(), true));
    elsewhere.chain(own).collect()
}

/// Whom a session does not take in it does not take in by any leg.
fn refusing_legs(asked: &Backfill) -> Arc<Backfill> {
    let mut asked = asked.clone();
    let refused = std::mem::take(&mut asked.refused).into_iter();
    asked.refused = refused
        .flat_map(|id| (0..QUEUES_MAX).map(move |place| id.leg(place)))
        .collect();
    Arc::new(asked)
}

/// Every leg of a ticket is added.
fn events_of(ticket: &Ticket, legs: &BTreeMap<usize, TicketId>) -> Vec<Event> {
    let leg = |(&place, &id): (&usize, &TicketId)| {
        let queue = ticket.queues.get(place)?.clone();
        Some(Event::Add(Arc::new(Ticket {
            id,
            queue,
            queues: Vec::new(),
            ..ticket.clone()
        })))
    };
    legs.iter().filter_map(leg).collect()
}

/// [`validate`] for all queues of a ticket together: where several have a default for an attribute, each judges by the
/// first queue's, as [`prepare_for`] fills it in.
///
/// # Errors
/// The first queue that refuses it, and why.
pub fn validate_for(queues: &[&Queue], ticket: &Ticket) -> Result<(), (Name, Rejection)> {
    for (place, queue) in queues.iter().enumerate() {
        let mut seen = Cow::Borrowed(ticket);
        let own = |name: &Name| queue.attributes.get(name)?.default.as_ref();
        let names = queue.attributes.keys().filter(|name| own(name).is_some());
        for name in names {
            let mut defaults = queues[..=place]
                .iter()
                .filter_map(|queue| queue.attributes.get(name)?.default.as_ref());
            let Some(first) = defaults.next().filter(|first| Some(*first) != own(name)) else {
                continue;
            };
            for player in &mut seen.to_mut().players {
                let brought = player.attributes.entry(name.clone());
                brought.or_insert(first.clone());
            }
        }
        validate(queue, &seen).map_err(|why| (queue.name.clone(), why))?;
    }
    Ok(())
}

/// [`prepare`] for all queues of a ticket together: what any of them reads is kept, of several defaults the
/// first queue's counts.
pub fn prepare_for(queues: &[&Queue], ticket: &mut Ticket) {
    let as_sent = ticket.clone();
    for (place, queue) in queues.iter().enumerate() {
        let mut own = as_sent.clone();
        prepare(queue, &mut own);
        if place == 0 {
            *ticket = own;
            continue;
        }
        for (player, own) in ticket.players.iter_mut().zip(own.players) {
            for (name, value) in own.attributes {
                player.attributes.entry(name).or_insert(value);
            }
            for (region, ms) in own.latencies {
                player.latencies.entry(region).or_insert(ms);
            }
        }
    }
}
