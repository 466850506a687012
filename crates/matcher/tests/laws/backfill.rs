//! The laws of refills: who joins a match that is played, over random queues and histories and case by case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matcher::{
    Backfill, BackfillTeam, Event, Group, Match, MatchTeam, Matcher, Output, Refill, check_match,
    check_refill,
};
use model::queue::{
    ExpansionTarget, Priority, Queue, QueueBackfill, RuleKind, Scope, TeamSettings,
};
use model::ticket::Value;
use model::{Millis, SessionId, Ticket, TicketId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::random::{Draft, cases, draft, random_queue};
use crate::world::{QueueExt, TicketExt, name, possible, queue, region, texts, ticket};

/// More waiting tickets than this make the exhaustive search of every state too slow.
const WAITING_MAX: usize = 6;

/// A matcher, the tickets that it has, and sessions that are played and always want to be full.
struct Court {
    queue: Arc<Queue>,
    matcher: Matcher,
    now: i64,
    waiting: BTreeMap<(Timestamp, u64), Arc<Ticket>>,
    seq: BTreeMap<TicketId, u64>,
    proposed: BTreeMap<u64, Vec<Arc<Ticket>>>,
    matches: BTreeMap<u64, Match>,
    refills: BTreeMap<u64, Refill>,
    sessions: BTreeMap<SessionId, Backfill>,
    said: Vec<Output>,
    exhaustive: bool,
}

pub fn session(id: u64) -> SessionId {
    SessionId(Uuid::from_u128(u128::from(id)))
}

impl Court {
    fn new(queue: Queue) -> Court {
        let queue = Arc::new(queue);
        Court {
            matcher: Matcher::new(vec![Arc::clone(&queue)], 7),
            queue,
            now: 0,
            waiting: BTreeMap::new(),
            seq: BTreeMap::new(),
            proposed: BTreeMap::new(),
            matches: BTreeMap::new(),
            refills: BTreeMap::new(),
            sessions: BTreeMap::new(),
            said: Vec::new(),
            exhaustive: true,
        }
    }

    fn add(&mut self, ticket: Ticket) -> Vec<Output> {
        let ticket = Arc::new(ticket);
        let seq = self.seq.len() as u64;
        self.seq.insert(ticket.id, seq);
        let key = (ticket.created_at, seq);
        self.waiting.insert(key, Arc::clone(&ticket));
        self.handle(Event::Add(ticket))
    }

    fn ask(&mut self, backfill: Backfill) -> Vec<Output> {
        if backfill.teams.iter().all(|team| team.parties.is_empty()) {
            return self.end(backfill.session);
        }
        self.sessions.insert(backfill.session, backfill.clone());
        self.handle(Event::Backfill(Arc::new(backfill)))
    }

    fn is_busy(&self, session: SessionId) -> bool {
        self.refills.values().any(|r| r.session == session)
    }

    fn commit(&mut self, handle: u64) -> Vec<Output> {
        let tickets = self.proposed.remove(&handle).unwrap_or_default();
        if let Some(found) = self.matches.remove(&handle) {
            let backfill = played(&self.queue, &found, &tickets, handle, self.now);
            let mut said = self.handle(Event::Committed(handle));
            said.extend(self.ask(backfill));
            return said;
        }
        let Some(refill) = self.refills.remove(&handle) else {
            return Vec::new();
        };
        let Some(mut backfill) = self.sessions.get(&refill.session).cloned() else {
            return self.handle(Event::Committed(handle));
        };
        for (team, joined) in backfill.teams.iter_mut().zip(&refill.teams) {
            for party in tickets.iter().filter(|t| joined.tickets.contains(&t.id)) {
                team.free -= party.players.len() as u16;
                team.parties.push(Arc::clone(party));
            }
        }
        // The session says what it wants now before the refill is over.
        self.sessions.insert(refill.session, backfill.clone());
        let asked = self
            .matcher
            .handle(Timestamp(self.now), Event::Backfill(Arc::new(backfill)));
        assert_eq!(asked, [], "a session that waits for a refill gets no other");
        self.handle(Event::Committed(handle))
    }

    fn fail(&mut self, handle: u64, gone: Vec<TicketId>) -> Vec<Output> {
        for ticket in self.proposed.remove(&handle).unwrap_or_default() {
            if !gone.contains(&ticket.id) {
                let key = (ticket.created_at, self.seq[&ticket.id]);
                self.waiting.insert(key, ticket);
            }
        }
        self.matches.remove(&handle);
        self.refills.remove(&handle);
        self.handle(Event::Failed { handle, gone })
    }

    /// One player of a session leaves.
    fn leave(&mut self, id: SessionId, n: usize) -> Vec<Output> {
        let Some(mut backfill) = self.sessions.get(&id).cloned() else {
            return Vec::new();
        };
        let players = backfill
            .teams
            .iter()
            .map(|t| t.parties.len())
            .sum::<usize>();
        let mut at = n.checked_rem(players).unwrap_or(0);
        for team in &mut backfill.teams {
            if at >= team.parties.len() {
                at -= team.parties.len();
                continue;
            }
            let party = Arc::make_mut(&mut team.parties[at]);
            party.players.pop();
            team.free += 1;
            if team.parties[at].players.is_empty() {
                team.parties.remove(at);
            }
            break;
        }
        self.ask(backfill)
    }

    fn end(&mut self, id: SessionId) -> Vec<Output> {
        self.sessions.remove(&id);
        self.handle(Event::EndBackfill(id))
    }

    fn tickets(&self) -> Vec<&Ticket> {
        self.waiting.values().map(|ticket| &**ticket).collect()
    }

    fn handle(&mut self, event: Event) -> Vec<Output> {
        let outputs = self.matcher.handle(Timestamp(self.now), event);
        self.said.extend(outputs.iter().cloned());
        for output in &outputs {
            match output {
                Output::Match(found) => self.check_match(found),
                Output::Refill(refill) => self.check_refill(refill),
                Output::Expired(id) | Output::QueueRemoved(id) | Output::Refused(id, _) => {
                    self.waiting.retain(|_, t| t.id != *id);
                }
                Output::Again(id) => panic!("{id} is asked for again"),
            }
        }
        self.check_rest();
        outputs
    }

    fn hold(&mut self, handle: u64, ids: BTreeSet<TicketId>) {
        let taken = |t: &Arc<Ticket>| ids.contains(&t.id);
        let held = self
            .waiting
            .values()
            .filter(|t| taken(t))
            .cloned()
            .collect();
        assert!(
            self.proposed.insert(handle, held).is_none(),
            "a handle twice"
        );
        self.waiting.retain(|_, t| !taken(t));
    }

    fn check_match(&mut self, found: &Match) {
        let (now, tickets) = (Timestamp(self.now), self.tickets());
        check_match(&self.queue, &tickets, now, found).expect("a match that keeps every rule");
        if self.exhaustive && self.queue.backfill.priority == Priority::High {
            for id in found.tickets() {
                let joins = self.refills_with(Some(id), |_| true);
                assert_eq!(joins, None, "{id} could have joined a session first");
            }
        }
        self.hold(found.handle, found.tickets().collect());
        self.matches.insert(found.handle, found.clone());
    }

    fn check_refill(&mut self, refill: &Refill) {
        let now = Timestamp(self.now);
        let backfill = self.sessions.get(&refill.session).expect("it asked");
        assert!(!self.is_busy(refill.session), "two refills at once");
        let tickets = self.tickets();
        check_refill(&self.queue, backfill, &tickets, now, refill)
            .expect("a refill that keeps every rule");
        let ids: BTreeSet<TicketId> = refill.tickets().collect();
        if self.exhaustive {
            let this = |id| id == refill.session;
            let could = |t: &&&Ticket| self.refills_with(Some(t.id), this).is_some();
            let oldest = tickets.iter().find(could).expect("somebody joined");
            assert!(ids.contains(&oldest.id), "the oldest could have joined");
            if self.queue.backfill.priority == Priority::Low {
                for id in &ids {
                    let found = possible(&self.queue, &tickets, now, Some(*id));
                    assert_eq!(found, None, "a new match comes first");
                }
            }
        }
        self.hold(refill.handle, ids);
        self.refills.insert(refill.handle, refill.clone());
    }

    /// Any refill of a session that gets one now, with this ticket in it: every set and seating is tried.
    fn refills_with(
        &self,
        with: Option<TicketId>,
        of: impl Fn(SessionId) -> bool,
    ) -> Option<Refill> {
        let live = |t: &&&Ticket| t.expires_at.is_none_or(|at| at.0 > self.now);
        let tickets = self.tickets();
        let tickets: Vec<&Ticket> = tickets.iter().filter(live).copied().collect();
        let most = self.queue.backfill.players_per_refill_max as usize;
        let free = self.sessions.values().filter(|b| !self.is_busy(b.session));
        for backfill in free.filter(|b| of(b.session)) {
            for bits in 1_u32..1 << tickets.len() {
                let in_set = tickets.iter().enumerate();
                let in_set = in_set.filter(|(n, _)| bits & (1 << n) != 0);
                let set: Vec<&Ticket> = in_set.map(|(_, t)| *t).collect();
                let players: usize = set.iter().map(|t| t.players.len()).sum();
                if players > most || with.is_some_and(|id| set.iter().all(|t| t.id != id)) {
                    continue;
                }
                let mut refill = nobody(&self.queue, backfill.session);
                if self.try_seats(backfill, &set, &mut refill, 0) {
                    return Some(refill);
                }
            }
        }
        None
    }

    fn try_seats(&self, asked: &Backfill, set: &[&Ticket], refill: &mut Refill, n: usize) -> bool {
        let Some(ticket) = set.get(n) else {
            return check_refill(&self.queue, asked, set, Timestamp(self.now), refill).is_ok();
        };
        for team in 0..refill.teams.len() {
            refill.teams[team].tickets.push(ticket.id);
            if self.try_seats(asked, set, refill, n + 1) {
                return true;
            }
            refill.teams[team].tickets.pop();
        }
        false
    }

    fn check_rest(&self) {
        assert_eq!(self.matcher.len(), self.waiting.len(), "no ticket is lost");
        for ticket in self.waiting.values() {
            assert!(self.matcher.is_waiting(ticket.id));
        }
        for (&handle, tickets) in &self.proposed {
            for ticket in tickets {
                assert_eq!(self.matcher.proposed_in(ticket.id), Some(handle));
            }
        }
        if self.exhaustive {
            let deadline = self.matcher.next_deadline();
            assert!(deadline.is_none_or(|at| at.0 > self.now), "work is left");
            let left = self.refills_with(None, |_| true);
            assert_eq!(left, None, "a refill was left on the table");
        }
    }
}

pub fn nobody(queue: &Queue, session: SessionId) -> Refill {
    let team = |settings: &TeamSettings| MatchTeam {
        name: settings.name.clone(),
        tickets: Vec::new(),
        roles: BTreeMap::new(),
    };
    Refill {
        handle: 0,
        session,
        queue: queue.name.clone(),
        teams: queue.teams.iter().map(team).collect(),
        oldest_wait: Millis(0),
    }
}

/// A match that is played and wants every free seat taken.
pub fn played(
    queue: &Queue,
    found: &Match,
    tickets: &[Arc<Ticket>],
    id: u64,
    now: i64,
) -> Backfill {
    let team = |(of_match, settings): (&MatchTeam, &TeamSettings)| {
        let own = |t: &&Arc<Ticket>| of_match.tickets.contains(&t.id);
        let parties: Vec<Arc<Ticket>> = tickets.iter().filter(own).cloned().collect();
        let players: usize = parties.iter().map(|t| t.players.len()).sum();
        BackfillTeam {
            parties,
            free: settings.players_max - players as u16,
        }
    };
    Backfill {
        session: session(id),
        queue: queue.name.clone(),
        region: found.region.clone(),
        created_at: Timestamp(now),
        created_before: None,
        refused: BTreeSet::new(),
        teams: found.teams.iter().zip(&queue.teams).map(team).collect(),
    }
}

/// A 2v2 of tickets 901 to 904 with these skills, of which some have left.
pub fn duel(at: i64, skills: [f64; 4], left: &[usize]) -> Backfill {
    let mut teams = Vec::new();
    for team in 0..2 {
        let seats = (2 * team..2 * team + 2).filter(|n| !left.contains(n));
        let parties: Vec<Arc<Ticket>> = seats
            .map(|n| Arc::new(ticket(901 + n as u64, at, &[skills[n]])))
            .collect();
        let free = 2 - parties.len() as u16;
        teams.push(BackfillTeam { parties, free });
    }
    Backfill {
        session: session(900),
        queue: name("q"),
        region: None,
        created_at: Timestamp(at),
        created_before: None,
        refused: BTreeSet::new(),
        teams,
    }
}

pub fn with_priority(mut queue: Queue, priority: Priority) -> Queue {
    queue.backfill.priority = priority;
    queue
}

pub fn joined(said: &[Output]) -> Vec<Vec<u128>> {
    let refills = said.iter().filter_map(|output| match output {
        Output::Refill(refill) => Some(refill.tickets().map(|id| id.0.as_u128()).collect()),
        _ => None,
    });
    refills.collect()
}

fn matched(said: &[Output]) -> usize {
    let matches = said.iter().filter(|o| matches!(o, Output::Match(_)));
    matches.count()
}

#[test]
fn f13_a_leaver_is_replaced_by_the_oldest_who_fits() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]).distance("skill", 50.0));
    court.add(ticket(1, 0, &[300.0]));
    court.add(ticket(2, 0, &[20.0]));
    court.add(ticket(3, 0, &[10.0]));
    let said = court.ask(duel(5, [0.0, 10.0, 20.0, 30.0], &[2]));
    assert_eq!(joined(&said), [vec![2]]);
    let Output::Refill(refill) = &said[0] else {
        panic!("a refill");
    };
    let sizes: Vec<usize> = refill.teams.iter().map(|t| t.tickets.len()).collect();
    assert_eq!(sizes, [0, 1], "the team that lost a player gets one");
}

#[test]
fn parties_stay_whole_and_need_seats_of_one_team() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    court.add(ticket(1, 0, &[0.0, 0.0]));
    assert_eq!(joined(&court.ask(duel(5, [0.0; 4], &[0, 2]))).len(), 0);
    assert_eq!(joined(&court.ask(duel(5, [0.0; 4], &[0, 1]))), [vec![1]]);
}

#[test]
fn a_refill_has_no_more_players_than_the_queue_says() {
    let mut q = queue(&[(2, 2), (2, 2)]);
    q.backfill.players_per_refill_max = 1;
    let mut court = Court::new(q);
    court.add(ticket(1, 0, &[0.0]));
    court.add(ticket(2, 0, &[0.0]));
    assert_eq!(joined(&court.ask(duel(5, [0.0; 4], &[0, 2]))), [vec![1]]);
    assert_eq!(joined(&court.commit(1)), [vec![2]]);
}

#[test]
fn limits_are_the_newcomers_own_and_widen_with_his_age() {
    use model::queue::ExpansionTarget::Rule;
    let q = queue(&[(2, 2), (2, 2)]).distance("skill", 10.0);
    let mut court = Court::new(q.widens(Rule(0), &[(1_000, Some(40.0))]));
    assert_eq!(court.ask(duel(0, [0.0, 0.0, 30.0, 30.0], &[0])), []);
    assert_eq!(court.add(ticket(1, 0, &[0.0])), []);
    court.now = 999;
    assert_eq!(court.handle(Event::Tick), []);
    court.now = 1_000;
    assert_eq!(joined(&court.handle(Event::Tick)), [vec![1]]);
}

#[test]
fn the_region_is_the_sessions() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    let mut asked = duel(0, [0.0; 4], &[0]);
    asked.region = Some(region("eu"));
    court.ask(asked);
    assert_eq!(court.add(ticket(1, 0, &[0.0]).pings(&[("us", 20)])), []);
    let said = court.add(ticket(3, 0, &[0.0]).pings(&[("us", 20), ("eu", 90)]));
    assert_eq!(joined(&said), [vec![3]]);
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    court.ask(duel(0, [0.0; 4], &[0]));
    let measured = ticket(1, 0, &[0.0]).pings(&[("us", 20)]);
    assert_eq!(court.add(measured), [], "nobody knows where it is played");
}

#[test]
fn f11_created_before_takes_only_tickets_from_then() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    let mut asked = duel(100, [0.0; 4], &[0, 1]);
    asked.created_before = Some(Timestamp(100));
    court.ask(asked);
    court.now = 100;
    assert_eq!(court.add(ticket(1, 100, &[0.0])), []);
    assert_eq!(joined(&court.add(ticket(2, 99, &[0.0]))), [vec![2]]);
}

#[test]
fn a_ticket_that_the_session_refuses_does_not_come_back_to_it() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    court.add(ticket(1, 0, &[0.0]));
    assert_eq!(joined(&court.ask(duel(5, [0.0; 4], &[0]))), [vec![1]]);
    let mut asked = duel(5, [0.0; 4], &[0]);
    asked.refused.insert(TicketId(Uuid::from_u128(1)));
    assert_eq!(court.ask(asked), []);
    assert_eq!(court.fail(1, Vec::new()), []);
    assert_eq!(joined(&court.add(ticket(2, 0, &[0.0]))), [vec![2]]);
}

#[test]
fn of_high_priority_the_session_comes_first() {
    let q = with_priority(queue(&[(1, 1), (1, 1)]), Priority::High);
    let mut court = Court::new(Queue {
        teams: queue(&[(2, 2), (2, 2)]).teams,
        ..q
    });
    for n in 1..=3 {
        court.add(ticket(n, 0, &[0.0]));
    }
    // The fourth makes a match possible; the session is younger than everybody.
    court.sessions.clear();
    let said = court.ask(duel(50, [0.0; 4], &[0]));
    assert_eq!(joined(&said), [vec![1]]);
    court.fail(1, Vec::new());
    let _ = court.commit(2);
    let said = court.add(ticket(4, 60, &[0.0]));
    assert_eq!((joined(&said).len(), matched(&said)), (0, 0));
}

/// Three wait for a 2v2 and do not fit the session; the fourth fits both.
fn torn(priority: Priority, asked_at: i64) -> (usize, usize) {
    let q = queue(&[(2, 2), (2, 2)]).rule(
        "modes",
        RuleKind::Intersect {
            attribute: name("mode"),
            per: Scope::Match,
            min: 1,
        },
    );
    let mut court = Court::new(with_priority(q, priority));
    let mut asked = duel(asked_at, [0.0; 4], &[0]);
    for team in &mut asked.teams {
        for party in &mut team.parties {
            *party = Arc::new(Ticket::clone(party).with("mode", texts(&["ctf"])));
        }
    }
    court.ask(asked);
    for n in 1..=3 {
        court.add(ticket(n, 100, &[0.0]).with("mode", texts(&["dm"])));
    }
    court.now = 200;
    let said = court.add(ticket(4, 200, &[0.0]).with("mode", texts(&["dm", "ctf"])));
    (joined(&said).len(), matched(&said))
}

#[test]
fn priority_decides_between_a_session_and_a_new_match() {
    assert_eq!(torn(Priority::High, 150), (1, 0));
    assert_eq!(torn(Priority::Low, 50), (0, 1));
    assert_eq!(
        torn(Priority::Normal, 50),
        (1, 0),
        "it asked before the oldest came"
    );
    assert_eq!(
        torn(Priority::Normal, 100),
        (0, 1),
        "it asked no earlier than that"
    );
    assert_eq!(torn(Priority::Normal, 150), (0, 1));
}

#[test]
fn a_role_may_wait_for_a_seat_that_stays_free_but_not_for_the_last() {
    let mut q = queue(&[(2, 2), (2, 2)]);
    for team in &mut q.teams {
        team.roles = BTreeMap::from([(name("tank"), 1)]);
    }
    let tank = |t: Ticket| t.with("mode", texts(&["tank"]));
    let mut asked = duel(0, [0.0; 4], &[0, 1]);
    asked.teams[1].parties[0] = Arc::new(tank(ticket(903, 0, &[0.0])));
    let mut court = Court::new(q);
    court.ask(asked);
    let said = court.add(ticket(1, 1, &[0.0]));
    assert_eq!(joined(&said), [vec![1]], "a seat is left for the tank");
    assert_eq!(court.commit(1), []);
    assert_eq!(
        court.add(ticket(2, 2, &[0.0])),
        [],
        "the last seat is the tank's"
    );
    assert_eq!(joined(&court.add(tank(ticket(3, 3, &[0.0])))), [vec![3]]);
}

/// Goes on until somebody joins or nothing is left to do: how many events that takes, with the first.
fn events_until_said(matcher: &mut Matcher, now: Timestamp, event: Event) -> (Vec<Output>, usize) {
    let mut said = matcher.handle(now, event);
    let mut events = 1;
    while said.is_empty() && matcher.next_deadline() == Some(now) {
        said = matcher.handle(now, Event::Tick);
        events += 1;
    }
    (said, events)
}

/// Thousands queue of whom no game that asked before has any use, and then one asks for whoever is like the last of
/// them: what is said, after how many events.
fn asks_for_the_last(matcher: &mut Matcher, now: Timestamp) -> (Vec<Output>, usize) {
    for n in 2..3_000 {
        let lone = ticket(n, 0, &[-10.0 * n as f64]);
        assert_eq!(matcher.handle(now, Event::Add(Arc::new(lone))), []);
    }
    matcher.handle(now, Event::Add(Arc::new(ticket(5_000, 1, &[-50_000.0]))));
    let mut asked = duel(0, [-50_000.0; 4], &[0]);
    asked.session = session(20_000);
    asked.created_at = Timestamp(1);
    events_until_said(matcher, now, Event::Backfill(Arc::new(asked)))
}

#[test]
fn many_sessions_and_many_tickets_are_looked_at_in_slices() {
    // Whoever plays would meet anybody, so that their numbers keep out none.
    let q = queue(&[(2, 2), (2, 2)])
        .distance("skill", 1.0)
        .widens(ExpansionTarget::Rule(0), &[(600_000, None)]);
    let mut matcher = Matcher::new(vec![Arc::new(q)], 1);
    let now = Timestamp(0);
    for n in 0..6_000 {
        let mut asked = duel(0, [0.0; 4], &[0]);
        asked.session = session(10_000 + n);
        // The last in line is the one who fits.
        asked.created_before = Some(now).filter(|_| n < 5_999);
        let said = matcher.handle(now, Event::Backfill(Arc::new(asked)));
        assert_eq!(said, []);
    }
    let comes = Event::Add(Arc::new(ticket(1, 0, &[0.0])));
    let (said, events) = events_until_said(&mut matcher, now, comes);
    assert_eq!(joined(&said), [vec![1]]);
    assert!((2..=20).contains(&events), "{events} events");
    let (said, events) = asks_for_the_last(&mut matcher, now);
    assert_eq!(joined(&said), [vec![5_000]]);
    assert!(events < 2_000, "{events} events");
}

#[test]
fn who_is_too_far_is_passed_over_unseen() {
    let q = queue(&[(2, 2), (2, 2)]).distance("skill", 1.0);
    let mut matcher = Matcher::new(vec![Arc::new(q)], 1);
    let now = Timestamp(0);
    for n in 0..6_000 {
        let mut asked = duel(0, [f64::from(n) * 10.0; 4], &[0]);
        asked.session = session(10_000 + n as u64);
        let said = matcher.handle(now, Event::Backfill(Arc::new(asked)));
        assert_eq!(said, []);
    }
    let comes = Event::Add(Arc::new(ticket(1, 0, &[59_990.0])));
    let (said, events) = events_until_said(&mut matcher, now, comes);
    assert_eq!((joined(&said), events), (vec![vec![1]], 1));
    let (said, events) = asks_for_the_last(&mut matcher, now);
    assert_eq!((joined(&said), events), (vec![vec![5_000]], 1));
}

#[test]
fn a_queue_that_changes_serves_its_backfills_by_the_new_rules() {
    let narrow = queue(&[(2, 2), (2, 2)]).distance("skill", 1.0);
    let mut court = Court::new(narrow);
    court.ask(duel(0, [0.0; 4], &[0]));
    assert_eq!(court.add(ticket(1, 0, &[30.0])), []);
    let wide = queue(&[(2, 2), (2, 2)]).distance("skill", 50.0);
    let said = court.matcher.set_queues(Timestamp(0), vec![Arc::new(wide)]);
    assert_eq!(joined(&said), [vec![1]]);
    let said = court.matcher.set_queues(Timestamp(0), Vec::new());
    assert_eq!(joined(&said).len(), 0);
}

#[test]
fn a_reload_asks_for_nobody_whom_the_session_did_not_ask_for_since_its_last_refill() {
    for in_flight in [false, true] {
        let queue = Arc::new(queue(&[(2, 2), (2, 2)]));
        let mut matcher = Matcher::new(vec![Arc::clone(&queue)], 1);
        let mut handle = |event| match event {
            Some(event) => matcher.handle(Timestamp(0), event),
            None => matcher.set_queues(Timestamp(0), vec![Arc::clone(&queue)]),
        };
        let asked = || Some(Event::Backfill(Arc::new(duel(0, [0.0; 4], &[0]))));
        let waits = |id| Some(Event::Add(Arc::new(ticket(id, 0, &[0.0]))));
        assert_eq!(handle(asked()), []);
        assert_eq!(joined(&handle(waits(1))), [vec![1]]);
        assert_eq!(handle(waits(2)), []);
        if !in_flight {
            assert_eq!(handle(Some(Event::Committed(1))), []);
        }
        assert_eq!(handle(None), [], "in flight: {in_flight}");
        if in_flight {
            assert_eq!(handle(Some(Event::Committed(1))), []);
        }
        assert_eq!(handle(Some(Event::Tick)), []);
        assert_eq!(joined(&handle(asked())), [vec![2]], "it has spoken");
    }
}

#[test]
fn a_session_whose_refill_came_to_nothing_asks_on_after_a_reload() {
    let queue = Arc::new(queue(&[(2, 2), (2, 2)]));
    let mut matcher = Matcher::new(vec![Arc::clone(&queue)], 1);
    let at = Timestamp(0);
    let asked = Event::Backfill(Arc::new(duel(0, [0.0; 4], &[0])));
    assert_eq!(matcher.handle(at, asked), []);
    let waits = |id| Event::Add(Arc::new(ticket(id, 0, &[0.0])));
    assert_eq!(joined(&matcher.handle(at, waits(1))), [vec![1]]);
    let gone = vec![ticket(1, 0, &[0.0]).id];
    let failed = Event::Failed { handle: 1, gone };
    assert_eq!(matcher.handle(at, failed), []);
    assert_eq!(matcher.set_queues(at, vec![queue]), []);
    assert_eq!(joined(&matcher.handle(at, waits(2))), [vec![2]]);
}

#[test]
fn a_session_with_more_on_a_team_than_a_reload_allows_gets_nobody() {
    let mut court = Court::new(queue(&[(2, 2), (2, 2)]));
    court.ask(duel(0, [0.0; 4], &[0]));
    court.queue = Arc::new(queue(&[(2, 2), (1, 1)]));
    let small = vec![Arc::clone(&court.queue)];
    assert_eq!(court.matcher.set_queues(Timestamp(0), small), []);
    assert_eq!(court.add(ticket(1, 0, &[0.0])), []);
}

#[test]
fn a_ticket_in_two_queues_joins_a_session_of_either_by_its_own_id() {
    let other = Queue {
        name: name("other"),
        ..queue(&[(2, 2), (2, 2)])
    };
    let queues = vec![Arc::new(other), Arc::new(queue(&[(2, 2), (2, 2)]))];
    let mut group = Group::new(queues, 7);
    let now = Timestamp(10);
    let mut both = ticket(1, 0, &[0.0]);
    both.queue = name("other");
    both.queues = vec![name("other"), name("q")];
    assert_eq!(group.handle(now, Event::Add(Arc::new(both.clone()))), []);
    let ask = Event::Backfill(Arc::new(duel(5, [0.0; 4], &[0])));
    let said = group.handle(now, ask);
    assert_eq!(joined(&said), [vec![1]]);
    assert_eq!((group.len(), group.proposed_in(both.id)), (0, Some(1)));
    assert_eq!(group.waiting(&name("other")), 0, "it waits nowhere else");
    group.handle(now, Event::EndBackfill(session(900)));
    let gone = Vec::new();
    assert_eq!(group.handle(now, Event::Failed { handle: 1, gone }), []);
    assert!(group.is_waiting(both.id));
    assert_eq!(
        (group.waiting(&name("other")), group.waiting(&name("q"))),
        (1, 1)
    );
    // A match and a session at once: it gets into one of them, and nobody is lost.
    let mut said = Vec::new();
    let ask = Event::Backfill(Arc::new(duel(5, [0.0; 4], &[0])));
    for n in 2..=4 {
        let mut one = ticket(n, 0, &[0.0]);
        one.queue = name("other");
        said.extend(group.handle(now, Event::Add(Arc::new(one))));
    }
    assert_eq!((matched(&said), joined(&said).len()), (1, 0));
    assert_eq!(group.handle(now, ask), [], "it plays elsewhere");
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Move {
    Add(Draft),
    Remove(usize),
    Advance(u16),
    Commit(usize),
    Fail(usize, u8),
    Leave(usize, usize),
    End(usize),
}

fn moves(length: usize) -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        9 => draft().prop_map(Move::Add),
        1 => any::<usize>().prop_map(Move::Remove),
        2 => (0_u16..3_000).prop_map(Move::Advance),
        5 => any::<usize>().prop_map(Move::Commit),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(n, gone)| Move::Fail(n, gone)),
        5 => (any::<usize>(), any::<usize>()).prop_map(|(n, m)| Move::Leave(n, m)),
        1 => any::<usize>().prop_map(Move::End),
    ];
    prop::collection::vec(one, 1..length)
}

fn backfilled_queue() -> impl Strategy<Value = Queue> {
    let priority = prop_oneof![
        Just(Priority::High),
        Just(Priority::Normal),
        Just(Priority::Low)
    ];
    (random_queue(), priority, 1_u32..5).prop_map(|(mut queue, priority, most)| {
        queue.backfill = QueueBackfill {
            priority,
            players_per_refill_max: most,
        };
        queue
    })
}

fn pick<T: Clone>(of: Vec<T>, n: usize) -> Option<T> {
    of.get(n.checked_rem(of.len())?).cloned()
}

fn play(court: &mut Court, history: &[Move]) {
    for (id, what) in (0..).zip(history) {
        court.handle(Event::Tick);
        let full = court.exhaustive && court.waiting.len() >= WAITING_MAX;
        match what {
            Move::Add(draft) => {
                let ticket = draft.ticket(id, court.now);
                if !full && matcher::validate(&court.queue, &ticket).is_ok() {
                    court.add(ticket);
                }
            }
            Move::Remove(n) => {
                let all = court
                    .waiting
                    .values()
                    .chain(court.proposed.values().flatten());
                let all: Vec<TicketId> = all.map(|t| t.id).collect();
                let Some(gone) = pick(all, *n) else { continue };
                court.waiting.retain(|_, t| t.id != gone);
                for tickets in court.proposed.values_mut() {
                    tickets.retain(|t| t.id != gone);
                }
                court.handle(Event::Remove(gone));
            }
            Move::Advance(ms) => {
                court.now += i64::from(*ms);
                court.handle(Event::Tick);
            }
            Move::Commit(n) => {
                if let Some(handle) = pick(court.proposed.keys().copied().collect(), *n) {
                    court.commit(handle);
                }
            }
            Move::Fail(n, gone) => {
                let Some(handle) = pick(court.proposed.keys().copied().collect(), *n) else {
                    continue;
                };
                let back = &court.proposed[&handle];
                if court.exhaustive && back.len() + court.waiting.len() > WAITING_MAX {
                    continue;
                }
                let numbered = back.iter().enumerate();
                let gone = numbered.filter(|(n, _)| gone & (1 << (n % 8)) != 0);
                let gone = gone.map(|(_, t)| t.id).collect();
                court.fail(handle, gone);
            }
            Move::Leave(n, who) => {
                if let Some(id) = pick(court.sessions.keys().copied().collect(), *n) {
                    court.leave(id, *who);
                }
            }
            Move::End(n) => {
                if let Some(id) = pick(court.sessions.keys().copied().collect(), *n) {
                    court.end(id);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(200) })]

    /// No ticket is lost and no seat given twice, every rule holds for who plays and who comes, the oldest who may
    /// joins first, priorities are kept, and no possible refill is left: in every state, against exhaustive search.
    #[test]
    fn every_possible_refill_is_made_by_priority_with_the_oldest_first(
        queue in backfilled_queue(),
        history in moves(50),
    ) {
        play(&mut Court::new(queue), &history);
    }

    /// The same without a bound on the pool, but for what only exhaustive search can tell.
    #[test]
    fn in_large_pools_refills_keep_every_rule_and_lose_nobody(
        queue in backfilled_queue(),
        history in moves(200),
    ) {
        let mut court = Court::new(queue);
        court.exhaustive = false;
        play(&mut court, &history);
    }

    #[test]
    fn the_same_input_and_seed_give_the_same_refills(
        queue in backfilled_queue(),
        history in moves(80),
    ) {
        let mut runs = [Court::new(queue.clone()), Court::new(queue)];
        for court in &mut runs {
            court.exhaustive = false;
            play(court, &history);
        }
        prop_assert_eq!(&runs[0].said, &runs[1].said);
    }
}

#[test]
fn who_plays_by_other_values_of_an_equal_rule_is_not_met() {
    let q = queue(&[(2, 2), (2, 2)]).rule(
        "build",
        RuleKind::Equal {
            read: model::queue::Reading::of(name("build")),
            per: Scope::Match,
        },
    );
    let mut court = Court::new(q);
    court.ask(duel(0, [0.0; 4], &[0]));
    let other = ticket(1, 0, &[0.0]).with("build", Value::String("2".into()));
    assert_eq!(court.add(other), []);
    assert_eq!(joined(&court.add(ticket(2, 0, &[0.0]))), [vec![2]]);
}
