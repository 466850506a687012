//! Tickets that wait in several queues: in one match at a time, in every queue while they wait, lost in none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use matcher::{
    Backfill, BackfillTeam, Event, Group, Match, Output, check_match, prepare_for, validate,
    validate_for,
};
use model::queue::{Aggregate, Comparison, Queue, RuleKind, Scope};
use model::ticket::Value;
use model::{Name, Ticket, TicketId, Timestamp};
use proptest::prelude::*;

use crate::random::{Op, cases, history, random_queue};
use crate::world::{QueueExt, compare, name, possible, queue, ticket};

/// More waiting tickets than this make the exhaustive search of every queue too slow.
const WAITING_MAX: usize = 6;

/// A group that is watched.
struct World {
    queues: BTreeMap<Name, Arc<Queue>>,
    group: Group,
    now: i64,
    waiting: BTreeMap<TicketId, Arc<Ticket>>,
    proposed: BTreeMap<u64, Vec<Arc<Ticket>>>,
    said: Vec<Output>,
    exhaustive: bool,
}

pub fn named(mut queue: Queue, own: &str) -> Arc<Queue> {
    queue.name = name(own);
    queue.group = name("g");
    Arc::new(queue)
}

impl World {
    fn new(queues: Vec<Arc<Queue>>) -> World {
        World {
            group: Group::new(queues.clone(), 3),
            queues: queues.into_iter().map(|q| (q.name.clone(), q)).collect(),
            now: 0,
            waiting: BTreeMap::new(),
            proposed: BTreeMap::new(),
            said: Vec::new(),
            exhaustive: true,
        }
    }

    fn add(&mut self, ticket: Ticket) -> Vec<Match> {
        let ticket = Arc::new(ticket);
        self.waiting.insert(ticket.id, Arc::clone(&ticket));
        self.handle(Event::Add(ticket))
    }

    fn fail(&mut self, handle: u64, gone: Vec<TicketId>) -> Vec<Match> {
        for ticket in self.proposed.remove(&handle).unwrap_or_default() {
            if !gone.contains(&ticket.id) {
                self.waiting.insert(ticket.id, ticket);
            }
        }
        self.handle(Event::Failed { handle, gone })
    }

    fn handle(&mut self, event: Event) -> Vec<Match> {
        let said = self.group.handle(Timestamp(self.now), event);
        self.hear(said)
    }

    fn reload(&mut self, queues: Vec<Arc<Queue>>) -> Vec<Match> {
        self.queues = queues.iter().map(|q| (q.name.clone(), q.clone())).collect();
        let said = self.group.set_queues(Timestamp(self.now), queues, []);
        self.hear(said)
    }

    fn hear(&mut self, said: Vec<Output>) -> Vec<Match> {
        self.said.extend(said.iter().cloned());
        let (mut matches, mut again) = (Vec::new(), Vec::new());
        for output in said {
            match output {
                Output::Match(found) => {
                    let waiting: Vec<&Ticket> = self.waiting.values().map(|t| &**t).collect();
                    let queue = &self.queues[&found.queue];
                    // The checker knows the tickets by their own ids, and only those that wait: nobody is in two.
                    check_match(queue, &waiting, Timestamp(self.now), &found).expect("a match");
                    let tickets = found.tickets().map(|id| self.waiting.remove(&id));
                    let tickets = tickets.map(|t| t.expect("it waited"));
                    self.proposed.insert(found.handle, tickets.collect());
                    matches.push(found);
                }
                Output::Refill(_) => panic!("no session asked for players"),
                Output::Expired(id) | Output::QueueRemoved(id) | Output::Refused(id, _) => {
                    self.waiting.remove(&id).expect("it waited, and ends once");
                }
                Output::Again(id) => {
                    again.push(self.waiting.remove(&id).expect("it waited"));
                }
            }
        }
        for ticket in again {
            matches.extend(self.add((*ticket).clone()));
        }
        self.check();
        matches
    }

    fn check(&self) {
        assert_eq!(self.group.len(), self.waiting.len(), "no ticket is lost");
        for id in self.waiting.keys() {
            assert!(self.group.is_waiting(*id));
            assert_eq!(self.group.proposed_in(*id), None);
        }
        for (&handle, tickets) in &self.proposed {
            for ticket in tickets {
                assert!(!self.group.is_waiting(ticket.id));
                assert_eq!(self.group.proposed_in(ticket.id), Some(handle));
            }
        }
        for queue in self.queues.values() {
            let of_it: Vec<&Ticket> = self.of(queue);
            if self.exhaustive {
                let left = possible(queue, &of_it, Timestamp(self.now), None);
                assert_eq!(left, None, "a match of {} was left", queue.name);
            }
        }
    }

    /// Who waits in a queue.
    fn of(&self, queue: &Queue) -> Vec<&Ticket> {
        let waiting = self.waiting.values().map(|t| &**t);
        let fits = |t: &&Ticket| t.all_queues().contains(&queue.name) && validate(queue, t).is_ok();
        waiting.filter(fits).collect()
    }

    /// The first of its queues in which a ticket that arrives now can be matched, by trying everything.
    fn first_choice(&self, ticket: &Ticket) -> Option<Name> {
        let mut all = ticket.all_queues().iter();
        let can = |own: &&Name| {
            let queue = &self.queues[*own];
            let mut others = self.of(queue);
            others.push(ticket);
            let id = Some(ticket.id);
            possible(queue, &others, Timestamp(self.now), id).is_some()
        };
        all.find(can).cloned()
    }

    fn play(&mut self, history: &[(Op, Vec<usize>)]) {
        let names: Vec<Name> = self.queues.keys().cloned().collect();
        for (id, (op, wants)) in history.iter().enumerate() {
            // What is due comes first, so that each event meets a settled state.
            self.handle(Event::Tick);
            match op {
                Op::Add(draft) => {
                    let mut ticket = draft.ticket(id as u64, self.now);
                    let mut seen = BTreeSet::new();
                    let wants = wants.iter().map(|n| names[n % names.len()].clone());
                    let fits = |own: &Name| validate(&self.queues[own], &ticket).is_ok();
                    let wants: Vec<Name> = wants
                        .filter(|own| seen.insert(own.clone()) && fits(own))
                        .collect();
                    let full = self.exhaustive && self.waiting.len() >= WAITING_MAX;
                    let Some(first) = wants.first().filter(|_| !full) else {
                        continue;
                    };
                    ticket.queue = first.clone();
                    ticket.queues = if wants.len() > 1 { wants } else { Vec::new() };
                    let choice = self.exhaustive.then(|| self.first_choice(&ticket));
                    let id = ticket.id;
                    let matches = self.add(ticket);
                    let own = matches.iter().find(|m| m.tickets().any(|t| t == id));
                    let Some(choice) = choice else { continue };
                    assert_eq!(own.is_some(), choice.is_some());
                    let chosen = own.filter(|m| Some(&m.queue) != choice.as_ref());
                    // An older one's choice comes first.
                    if let Some(found) = chosen {
                        let with = &self.proposed[&found.handle];
                        assert!(with.iter().any(|t| t.id != id && !t.queues.is_empty()));
                    }
                }
                Op::Remove(n) => {
                    let proposed = self.proposed.values().flatten().map(|t| t.id);
                    let ids: Vec<TicketId> = self.waiting.keys().copied().chain(proposed).collect();
                    if let Some(id) = n.checked_rem(ids.len()).map(|n| ids[n]) {
                        self.waiting.remove(&id);
                        for tickets in self.proposed.values_mut() {
                            tickets.retain(|t| t.id != id);
                        }
                        let matches = self.handle(Event::Remove(id));
                        assert!(matches.is_empty(), "who leaves makes no match possible");
                    }
                }
                Op::Advance(ms) => {
                    self.now += i64::from(*ms);
                    self.handle(Event::Tick);
                }
                Op::Commit(n) => {
                    let handles: Vec<u64> = self.proposed.keys().copied().collect();
                    if let Some(handle) = n.checked_rem(handles.len()).map(|n| handles[n]) {
                        self.proposed.remove(&handle);
                        self.handle(Event::Committed(handle));
                    }
                }
                Op::Fail(n, gone) => {
                    let handles: Vec<u64> = self.proposed.keys().copied().collect();
                    let Some(handle) = n.checked_rem(handles.len()).map(|n| handles[n]) else {
                        continue;
                    };
                    let tickets = &self.proposed[&handle];
                    if self.exhaustive && tickets.len() + self.waiting.len() > WAITING_MAX {
                        continue;
                    }
                    let gone = tickets
                        .iter()
                        .enumerate()
                        .filter(|(n, _)| gone & (1 << (n % 8)) != 0)
                        .map(|(_, t)| t.id)
                        .collect();
                    self.fail(handle, gone);
                }
            }
        }
    }
}

fn queues() -> impl Strategy<Value = Vec<Arc<Queue>>> {
    [random_queue(), random_queue(), random_queue()].prop_map(|queues| {
        let names = ["a", "b", "c"].into_iter();
        names.zip(queues).map(|(own, q)| named(q, own)).collect()
    })
}

/// The same with limits of distance that are ten times as wide.
fn wider(queue: &Queue) -> Queue {
    let mut wider = queue.clone();
    for rule in &mut wider.rules {
        if let RuleKind::Distance { max, .. } = &mut rule.kind {
            *max *= 10.0;
        }
    }
    wider
}

fn histories(length: usize) -> impl Strategy<Value = Vec<(Op, Vec<usize>)>> {
    let wants = prop::collection::vec(prop::collection::vec(0_usize..3, 1..4), length);
    (history(length), wants).prop_map(|(ops, wants)| ops.into_iter().zip(wants).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(200) })]

    /// Nobody is in two matches, every match keeps the rules of its queue, who arrives is matched in the first of his
    /// queues where that is possible, nobody is lost and no possible match of any queue is left.
    #[test]
    fn a_ticket_in_several_queues_is_matched_once_and_lost_in_none(
        queues in queues(),
        history in histories(40),
    ) {
        World::new(queues).play(&history);
    }

    /// The same without a bound on the pools, and with queues that are taken away and come back.
    #[test]
    fn several_queues_may_go_and_come(
        queues in queues(),
        first in histories(60),
        second in histories(60),
        kept in 1_usize..3,
    ) {
        let mut world = World::new(queues.clone());
        world.exhaustive = false;
        world.play(&first);
        world.reload(queues[..kept].to_vec());
        let names: Vec<&Name> = queues[..kept].iter().map(|q| &q.name).collect();
        for ticket in world.waiting.values() {
            prop_assert!(ticket.all_queues().iter().any(|own| names.contains(&own)));
        }
        world.reload(queues);
        world.waiting.clear();
        let mut fresh = World::new(world.queues.values().cloned().collect());
        fresh.exhaustive = false;
        fresh.play(&second);
    }

    /// The same with queues that change their rules, and back.
    #[test]
    fn several_queues_may_change(
        queues in queues(),
        others in queues(),
        how in prop::collection::vec(0..3, 3),
        history in histories(60),
    ) {
        let mut world = World::new(queues.clone());
        world.exhaustive = false;
        world.play(&history);
        let all = queues.iter().zip(others).zip(how);
        let changed = all.map(|((own, other), how)| match how {
            0 => Arc::clone(own),
            1 => Arc::new(wider(own)),
            _ => other,
        });
        for queues in [changed.collect(), queues] {
            world.reload(queues);
            for _ in 0..8 {
                world.now += 5_000;
                world.handle(Event::Tick);
            }
        }
    }

    #[test]
    fn several_queues_give_the_same_output_for_the_same_input(
        queues in queues(),
        history in histories(80),
    ) {
        let mut runs = [World::new(queues.clone()), World::new(queues)];
        for world in &mut runs {
            world.exhaustive = false;
            world.play(&history);
        }
        prop_assert_eq!(&runs[0].said, &runs[1].said);
    }
}

pub fn in_queues(id: u64, at: i64, skill: f64, queues: &[&str]) -> Ticket {
    let mut ticket = ticket(id, at, &[skill]);
    ticket.queue = name(queues[0]);
    ticket.queues = queues.iter().map(|own| name(own)).collect();
    ticket
}

fn duels() -> Vec<Arc<Queue>> {
    let of = |own| named(queue(&[(1, 1), (1, 1)]).distance("skill", 10.0), own);
    vec![of("a"), of("b"), of("c")]
}

#[test]
fn the_earliest_queue_of_the_tickets_own_list_wins() {
    let mut world = World::new(duels());
    world.add(in_queues(1, 0, 0.0, &["a", "b"]));
    world.add(in_queues(2, 0, 0.0, &["c"]));
    let found = world.add(in_queues(3, 1, 5.0, &["c", "a"]));
    assert_eq!(found[0].queue, name("c"));
    assert_eq!(world.group.matcher().len(), 2, "only the first one's legs");
    // Where both of a match wait in both, the older one's order counts.
    let found = world.add(in_queues(4, 1, 5.0, &["b", "a"]));
    assert_eq!(found[0].queue, name("a"));
    assert_eq!(world.group.matcher().len(), 0, "no leg searches on");
}

#[test]
fn a_match_that_fails_puts_its_tickets_back_into_all_of_their_queues() {
    let mut world = World::new(duels());
    world.add(in_queues(1, 0, 0.0, &["a", "b"]));
    let found = world.add(in_queues(2, 0, 0.0, &["a", "c"]));
    let gone = world.proposed[&found[0].handle][1].id;
    world.fail(found[0].handle, vec![gone]);
    let found = world.add(in_queues(3, 0, 0.0, &["b"]));
    assert_eq!(
        found[0].queue,
        name("b"),
        "the one who is left still waits there"
    );
}

#[test]
fn a_ticket_waits_on_in_the_queues_that_a_reload_leaves_and_ends_with_the_last() {
    let mut world = World::new(duels());
    world.add(in_queues(1, 0, 0.0, &["a", "b"]));
    let queues = duels();
    world.reload(queues[1..].to_vec());
    let id = TicketId(uuid::Uuid::from_u128(1));
    assert_eq!(std::mem::take(&mut world.said), [Output::Again(id)]);
    assert_eq!(world.group.waiting(&name("b")), 1);
    world.reload(queues[2..].to_vec());
    assert_eq!(
        world.said,
        [Output::Again(id), Output::QueueRemoved(id)],
        "no queue of it is left when it is handed in again"
    );
    assert!(world.group.is_empty());
}

#[test]
fn a_ticket_is_handed_back_when_a_reload_changes_where_it_belongs() {
    let id = TicketId(uuid::Uuid::from_u128(1));
    let own = || Event::Add(Arc::new(in_queues(1, 0, 0.0, &["a", "b"])));
    let at = Timestamp(0);
    let (all, [a, b, _]) = (duels(), ["a", "b", "c"].map(name));
    let mut group = Group::new(all.clone(), 1);
    group.handle(at, own());
    let again = [Output::Again(id)];
    // The first of its queues is with others, comes back, and is alone here.
    assert_eq!(group.set_queues(at, all[1..].to_vec(), [a.clone()]), again);
    assert!(group.is_empty());
    assert_eq!(group.handle(at, own()), [Output::QueueRemoved(id)]);
    assert_eq!(group.set_queues(at, all.clone(), []), []);
    group.handle(at, own());
    assert_eq!((group.waiting(&a), group.waiting(&b)), (1, 1));
    assert_eq!(group.set_queues(at, all[..1].to_vec(), [b.clone()]), again);
    group.handle(at, own());
    assert_eq!((group.waiting(&a), group.waiting(&b)), (1, 0));
    assert_eq!(group.set_queues(at, all.clone(), []), again);
    group.handle(at, own());
    assert_eq!(group.matcher().len(), 2);
    // With what it is not in, nothing changes for it.
    assert_eq!(group.set_queues(at, all[..2].to_vec(), [name("d")]), []);
}

#[test]
fn a_ticket_that_a_reload_hands_back_is_in_no_match_of_that_reload() {
    // Its one queue reads other things now, the other one's limit has widened so that it can be matched there.
    for own in [["a", "b"], ["b", "a"]] {
        let [a, b, c] = <[_; 3]>::try_from(duels()).expect("three");
        let mut world = World::new(vec![Arc::clone(&a), Arc::clone(&b), c]);
        world.add(in_queues(1, 0, 0.0, &own));
        world.add(in_queues(2, 0, 15.0, &["b"]));
        let reads_more = (*a).clone().balance("rank", 5.0);
        let wide = queue(&[(1, 1), (1, 1)]).distance("skill", 20.0);
        let found = world.reload(vec![Arc::new(reads_more), named(wide, "b")]);
        // It is handed in again as it was asked for, and only then matched.
        assert_eq!(found.len(), 1, "{own:?}");
        assert_eq!(found[0].queue, name("b"));
        let id = TicketId(uuid::Uuid::from_u128(1));
        assert_eq!(world.said[0], Output::Again(id), "{own:?}");
    }
}

#[test]
fn a_ticket_of_a_match_is_handed_back_when_that_fails_where_it_does_not_belong_any_more() {
    let mut group = Group::new(duels(), 1);
    let at = Timestamp(0);
    for ticket in [
        in_queues(1, 0, 0.0, &["a", "b"]),
        in_queues(2, 0, 0.0, &["a"]),
    ] {
        group.handle(at, Event::Add(Arc::new(ticket)));
    }
    let id = TicketId(uuid::Uuid::from_u128(1));
    assert_eq!(group.proposed_in(id), Some(1));
    assert_eq!(group.set_queues(at, duels()[1..].to_vec(), [name("a")]), []);
    let said = group.handle(
        at,
        Event::Failed {
            handle: 1,
            gone: Vec::new(),
        },
    );
    let alone = Output::QueueRemoved(TicketId(uuid::Uuid::from_u128(2)));
    assert_eq!(said, [alone, Output::Again(id)]);
    assert!(group.is_empty());
    assert_eq!(group.matcher().len(), 0);
}

#[test]
fn a_session_that_refuses_a_ticket_does_not_get_it_by_another_of_its_queues() {
    let mut group = Group::new(duels(), 1);
    let ask = |refused: &[TicketId]| {
        Event::Backfill(Arc::new(Backfill {
            session: model::SessionId(uuid::Uuid::from_u128(7)),
            queue: name("b"),
            region: None,
            created_at: Timestamp(0),
            created_before: None,
            refused: refused.iter().copied().collect(),
            teams: vec![
                BackfillTeam {
                    parties: vec![Arc::new(in_queues(9, 0, 0.0, &["b"]))],
                    free: 0,
                },
                BackfillTeam {
                    parties: Vec::new(),
                    free: 1,
                },
            ],
        }))
    };
    assert_eq!(group.handle(Timestamp(0), ask(&[])), []);
    let waits = in_queues(1, 0, 0.0, &["a", "b"]);
    let id = waits.id;
    let said = group.handle(Timestamp(0), Event::Add(Arc::new(waits)));
    let [Output::Refill(found)] = said.as_slice() else {
        panic!("it joins the session: {said:?}");
    };
    assert_eq!(found.tickets().collect::<Vec<_>>(), [id], "by its own id");
    assert_eq!(group.proposed_in(id), Some(found.handle));
    assert_eq!(group.matcher().len(), 0, "no leg searches on");
    group.handle(Timestamp(0), ask(&[id]));
    let handle = found.handle;
    let gone = Vec::new();
    assert_eq!(
        group.handle(Timestamp(0), Event::Failed { handle, gone }),
        []
    );
    assert_eq!((group.is_waiting(id), group.matcher().len()), (true, 2));
}

#[test]
fn each_queue_judges_by_the_first_default_as_it_matches_by_it() {
    let with_default = |own: &str, default: f64, at_least: f64| {
        let least = compare(
            Scope::Player,
            Aggregate::Min,
            None,
            Comparison::AtLeast,
            at_least,
        );
        let mut queue = queue(&[(1, 1), (1, 1)]).rule("least", least);
        if let Some(skill) = queue.attributes.get_mut(&name("skill")) {
            skill.default = Some(Value::Number(default));
        }
        named(queue, own)
    };
    let (low, high) = (
        with_default("low", 1.0, 0.0),
        with_default("high", 5.0, 3.0),
    );
    let mut brings_nothing = ticket(1, 0, &[0.0]);
    brings_nothing.players[0].attributes.clear();
    assert_eq!(validate_for(&[&high, &low], &brings_nothing), Ok(()));
    let refused = validate_for(&[&low, &high], &brings_nothing);
    assert_eq!(refused.map_err(|(queue, _)| queue), Err(name("high")));
    for queues in [[&*high, &*low], [&*low, &*high]] {
        let mut made = brings_nothing.clone();
        prepare_for(&queues, &mut made);
        let is_matched = queues.iter().all(|queue| validate(queue, &made).is_ok());
        let is_let_in = validate_for(&queues, &brings_nothing).is_ok();
        assert_eq!(is_let_in, is_matched);
    }
}
