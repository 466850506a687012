//! The laws of the matcher over random queues and histories.

use std::sync::Arc;

use matcher::{Event, Matcher, Search, check_match, prepare, validate};
use model::queue::{ExpansionTarget, Queue};
use model::ticket::Value;
use model::{Ticket, TicketId, Timestamp};
use proptest::prelude::*;

use crate::exhaustive::Exhaustive;
use crate::random::{
    Op, cases, crowded_history, draft, history, queue_of_last_rules, random_queue,
};
use crate::world::{QueueExt, World};

/// Pools of up to so many tickets are tried to the end at once.
const WAITING_MAX: usize = 16;
/// After so many events the search of a pool's oldest ticket has ended.
const EVENTS_OF_OLDEST: usize = 64;

fn pick<T: Clone>(of: impl ExactSizeIterator<Item = T>, n: usize) -> Option<T> {
    let len = of.len();
    of.into_iter().nth(n.checked_rem(len)?)
}

fn play(world: &mut World, history: &[Op]) {
    for (id, op) in history.iter().enumerate() {
        // What is due comes first, so that each event meets a settled state.
        world.advance(0);
        match op {
            Op::Add(draft) => {
                let ticket = draft.ticket(id as u64, world.now);
                let full = world.exhaustive && world.waiting.len() >= WAITING_MAX;
                if !full && validate(&world.queue, &ticket).is_ok() {
                    world.add(ticket);
                }
            }
            Op::Remove(n) => {
                let proposed = world.proposed.values().flatten();
                let ids: Vec<TicketId> = world
                    .waiting
                    .values()
                    .chain(proposed)
                    .map(|t| t.id)
                    .collect();
                if let Some(id) = pick(ids.into_iter(), *n) {
                    world.remove(id);
                }
            }
            Op::Advance(ms) => {
                world.advance(i64::from(*ms));
            }
            Op::Commit(n) => {
                if let Some(handle) = pick(world.proposed.keys().copied(), *n) {
                    world.commit(handle);
                }
            }
            Op::Fail(n, gone) => {
                let Some(handle) = pick(world.proposed.keys().copied(), *n) else {
                    continue;
                };
                let back = world.proposed[&handle].len() + world.waiting.len();
                if world.exhaustive && back > WAITING_MAX {
                    continue;
                }
                let tickets = world.proposed[&handle].iter().enumerate();
                let gone = tickets
                    .filter(|(n, _)| gone & (1 << (n % 8)) != 0)
                    .map(|(_, t)| t.id);
                let gone = gone.collect();
                world.fail(handle, gone);
            }
        }
    }
}

/// Opens a queue at a time, some ticks after these tickets came to it, and lets the search of the oldest go on to its end:
/// whether he plays then; `None`: his search was given up.
fn the_oldest_plays(queue: &Queue, tickets: &[Ticket], ticks: &[i64], opens: i64) -> Option<bool> {
    let mut paused = queue.clone();
    paused.active = false;
    let mut matcher = Matcher::new(vec![Arc::new(paused)], 7);
    for ticket in tickets {
        let event = Event::Add(Arc::new(ticket.clone()));
        assert_eq!(matcher.handle(Timestamp(0), event), [], "it is closed yet");
    }
    for at in ticks
        .iter()
        .copied()
        .filter(|&at| at < opens)
        .chain([opens])
    {
        assert_eq!(matcher.handle(Timestamp(at), Event::Tick), []);
    }
    let oldest = tickets.iter().min_by_key(|ticket| ticket.created_at)?;
    let opens = Timestamp(opens);
    matcher.set_queues(opens, vec![Arc::new(queue.clone())]);
    for _ in 1..EVENTS_OF_OLDEST {
        match matcher.explain(oldest.id, oldest, opens)?.search {
            Search::InMatch => return Some(true),
            Search::Done => return Some(false),
            Search::GivenUp { .. } | Search::Unsure => return None,
            Search::PutOff => matcher.handle(opens, Event::Tick),
        };
    }
    panic!("the search of the oldest never ends");
}

/// The same in which time passes in small steps, so that seldom several tickets widen at once.
fn one_widens_after_the_other(history: &[Op]) -> Vec<Op> {
    let parted = |op: &Op| match op {
        Op::Advance(ms) => vec![Op::Advance(ms / 16); 16],
        op => vec![op.clone()],
    };
    history.iter().flat_map(parted).collect()
}

/// The queue with a distance rule before its others that alone grows with age: each step comes so much later and is so
/// much wider than the one before.
fn only_reach_widens(mut queue: Queue, first: u8, steps: &[(u64, u8)]) -> Queue {
    queue.sort = None;
    queue.expansions.clear();
    let others = std::mem::take(&mut queue.rules);
    let mut queue = queue.distance("skill", f64::from(first));
    queue.rules.extend(others);
    let (mut at, mut max) = (0, f64::from(first));
    let steps = steps.iter().map(|&(after, more)| {
        (at, max) = (at + after, max + f64::from(more));
        (at, Some(max))
    });
    let steps: Vec<_> = steps.collect();
    queue.widens(ExpansionTarget::Rule(0), &steps)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..cases(400) })]

    /// Parties stay whole, every rule holds for everybody, nobody is lost, the oldest goes first and no
    /// possible match is left: in every state, against exhaustive search.
    #[test]
    fn every_possible_match_is_made_with_the_oldest_first_and_keeps_every_rule(
        queue in random_queue(),
        history in history(40),
    ) {
        play(&mut World::new(queue), &history);
    }

    /// The same where nothing but the reach of the first distance rule grows with age: who widens is tried then with
    /// those alone who reach beyond what he reached before.
    #[test]
    fn no_match_is_missed_where_only_the_reach_widens(
        queue in random_queue(),
        alone in any::<bool>(),
        first in 0_u8..20,
        steps in prop::collection::vec((500_u64..3_000, 5_u8..50), 1..4),
        history in history(60),
    ) {
        let mut queue = only_reach_widens(queue, first, &steps);
        if alone {
            queue.rules.truncate(1);
        }
        play(&mut World::new(queue), &one_widens_after_the_other(&history));
    }

    /// The same without a bound on the pool, where the search may be put off.
    #[test]
    fn large_pools_keep_every_rule_and_lose_nobody(
        queue in random_queue(),
        history in history(150),
    ) {
        let mut world = World::new(queue);
        world.exhaustive = false;
        play(&mut world, &history);
    }

    #[test]
    fn the_same_input_and_seed_give_the_same_output(
        queue in random_queue(),
        history in history(80),
    ) {
        let mut runs = [World::new(queue.clone()), World::new(queue)];
        for world in &mut runs {
            world.exhaustive = false;
            play(world, &history);
        }
        prop_assert_eq!(&runs[0].said, &runs[1].said);
    }

    #[test]
    fn ranges_only_widen(queue in random_queue(), history in history(60), later in 0_i64..20_000) {
        let mut world = World::new(queue);
        world.exhaustive = false;
        let mut all: Vec<Ticket> = Vec::new();
        for (id, op) in history.iter().enumerate() {
            let Op::Add(draft) = op else { continue };
            let ticket = draft.ticket(id as u64, world.now);
            if validate(&world.queue, &ticket).is_err() {
                continue;
            }
            all.push(ticket.clone());
            for found in world.add(ticket) {
                let then = Timestamp(world.now + later);
                let tickets: Vec<&Ticket> = all.iter().collect();
                prop_assert_eq!(check_match(&world.queue, &tickets, then, &found), Ok(()));
            }
            world.advance(37);
        }
    }

    /// What the oldest could play he can play later too, if nobody else comes or goes: whether the matcher saw everybody
    /// grow older or everybody has passed several steps at once, and in pools too large for trying all as well.
    #[test]
    fn whom_the_oldest_could_play_with_he_plays_with_later_too(
        queue in prop_oneof![random_queue(), queue_of_last_rules()],
        drafts in prop_oneof![prop::collection::vec(draft(), 2..=16), prop::collection::vec(draft(), 17..30)],
        ticks in prop::collection::btree_set(1_i64..12_000, 0..6),
        opens in prop::collection::btree_set(0_i64..12_000, 2..5),
    ) {
        let tickets = (0..).zip(&drafts).map(|(id, draft)| Ticket {
            expires_at: None,
            ..draft.ticket(id, 0)
        });
        let tickets: Vec<Ticket> = tickets.filter(|t| validate(&queue, t).is_ok()).collect();
        let ticks: Vec<i64> = ticks.into_iter().collect();
        let all: Vec<&Ticket> = tickets.iter().collect();
        let oldest = tickets.iter().min_by_key(|ticket| ticket.created_at).map(|t| t.id);
        let (mut played, mut judge) = (false, Exhaustive::default());
        for at in opens {
            let plays = the_oldest_plays(&queue, &tickets, &ticks, at);
            prop_assert!(plays.is_none_or(|plays| plays || !played), "no more at {}", at);
            played |= plays == Some(true);
            let seats: u16 = queue.teams.iter().map(|team| team.players_max).sum();
            let is_small = (1..=WAITING_MAX).contains(&all.len());
            if is_small || (seats <= 4 && plays.is_some()) {
                let could = judge.possible(&queue, &all, Timestamp(at), oldest).is_some();
                prop_assert_eq!(plays, Some(could), "at {}", at);
            }
        }
    }

    /// What `prepare` fills in and drops changes nothing for the matcher.
    #[test]
    fn a_prepared_ticket_is_judged_as_before(queue in random_queue(), draft in draft()) {
        let ticket = draft.ticket(1, 0);
        let mut prepared = ticket.clone();
        prepare(&queue, &mut prepared);
        prop_assert_eq!(validate(&queue, &ticket), validate(&queue, &prepared));
    }

    /// Nothing that is put in ends the process, whether it was validated or not.
    #[test]
    fn odd_values_never_panic(
        queue in random_queue(),
        odd in prop::collection::vec((draft(), odd_number(), any::<u32>(), any::<i64>(), any::<Option<i64>>()), 1..30),
        narrow in odd_number(),
    ) {
        let odd_queue = spoil(queue.clone(), narrow);
        let mut matcher = Matcher::new(vec![Arc::new(queue)], 1);
        for (id, (draft, number, ping, at, expires)) in odd.into_iter().enumerate() {
            let mut ticket = draft.ticket(id as u64 / 2, 0);
            ticket.created_at = Timestamp(at);
            ticket.expires_at = expires.map(Timestamp);
            if let Some(player) = ticket.players.first_mut() {
                player.attributes.insert(crate::world::name("skill"), Value::Number(number));
                player.latencies.iter_mut().for_each(|(_, ms)| *ms = ping);
            }
            if ping % 7 == 0 {
                ticket.players.clear();
            }
            if ping % 5 == 0 {
                matcher.set_queues(Timestamp(at), vec![Arc::new(odd_queue.clone())]);
            }
            let _ = validate(&odd_queue, &ticket);
            matcher.handle(Timestamp(at.wrapping_mul(3)), Event::Add(Arc::new(ticket)));
            matcher.handle(Timestamp(at), Event::Failed { handle: u64::from(ping % 4), gone: vec![] });
            matcher.handle(Timestamp(i64::MAX), Event::Committed(u64::from(ping)));
            matcher.handle(Timestamp(i64::MIN), Event::Tick);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 1_000, ..cases(500) })]

    /// The first law where nearly all that is asked is asked of whole matches and of splits.
    #[test]
    fn no_match_is_missed_where_nearly_all_is_asked_at_last(
        queue in queue_of_last_rules(),
        history in history(60),
    ) {
        play(&mut World::new(queue), &history);
    }

    /// The first law where as many wait as are tried to the end at once.
    #[test]
    fn no_match_is_missed_in_pools_of_up_to_sixteen(
        queue in prop_oneof![1 => random_queue(), 3 => queue_of_last_rules()],
        history in crowded_history(80),
    ) {
        play(&mut World::new(queue), &history);
    }
}

fn odd_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(-0.0),
        Just(1e15),
    ]
}

fn spoil(mut queue: Queue, max: f64) -> Queue {
    use model::queue::RuleKind;
    for rule in &mut queue.rules {
        match &mut rule.kind {
            RuleKind::Distance { max: old, .. } | RuleKind::Balance { max: old, .. } => *old = max,
            RuleKind::Intersect { min, .. } => *min = usize::MAX,
            _ => {}
        }
    }
    queue
}
