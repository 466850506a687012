//! Searches of more steps than one event may take: they miss nothing where they go on, and end when it is said.
//!
//! The rule of these queues is a sum that must be met exactly, which nothing but a whole set of tickets answers; what
//! is possible is known from adding up every set.

use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output, Search, check_match};
use model::queue::{
    Aggregate, Comparison, Operand, Queue, Reading, RuleKind, Scope, Sort, SortOrder,
};
use model::ticket::Value;
use model::{Ticket, Timestamp};
use proptest::prelude::*;

use crate::random::cases;
use crate::world::{QueueExt, TicketExt, name, queue, ticket};

/// The search of a pool's oldest ticket has so many slices, and each event that it is unfinished gives it one.
const SLICES_OF_OLDEST: u64 = 64;
/// That of any other.
const SLICES_OF_OTHERS: u64 = 16;
/// Sets and splits that a slice tries.
const STEPS: u64 = 16_384;

/// A match has so many players.
fn sum_queue(players: u16, sum: f64) -> Queue {
    let rule = RuleKind::Compare {
        read: Reading::of(name("skill")),
        per: Scope::Match,
        of: Aggregate::Sum,
        team: None,
        by: Comparison::Equal,
        with: Operand::Number(sum),
    };
    let red = players / 2;
    queue(&[(red, red), (players - red, players - red)]).rule("sum", rule)
}

/// A queue that opens when all wait, so that nobody is searched for before the oldest is.
struct Opening {
    matcher: Matcher,
    queue: Arc<Queue>,
    now: Timestamp,
    tickets: Vec<Arc<Ticket>>,
    /// Of `tickets`, by index.
    matched: Vec<usize>,
}

impl Opening {
    fn new(queue: Queue, tickets: Vec<Ticket>) -> Opening {
        let mut paused = queue.clone();
        paused.active = false;
        let mut opening = Opening {
            matcher: Matcher::new(vec![Arc::new(paused)], 1),
            queue: Arc::new(queue),
            now: Timestamp(tickets.len() as i64),
            tickets: Vec::new(),
            matched: Vec::new(),
        };
        for ticket in tickets {
            opening.event(Event::Add(Arc::new(ticket)));
        }
        assert!(opening.matched.is_empty(), "it is closed yet");
        opening
    }

    /// The first event after which the oldest is searched for.
    fn open(&mut self) {
        let queue = Arc::clone(&self.queue);
        let said = self.matcher.set_queues(self.now, vec![queue]);
        self.take(said);
    }

    fn event(&mut self, event: Event) {
        if let Event::Add(ticket) = &event {
            self.tickets.push(Arc::clone(ticket));
        }
        let said = self.matcher.handle(self.now, event);
        self.take(said);
    }

    fn take(&mut self, said: Vec<Output>) {
        for output in said {
            let Output::Match(found) = output else {
                panic!("nothing but matches may come of it: {output:?}");
            };
            self.judge(&found);
        }
    }

    fn judge(&mut self, found: &Match) {
        let waiting = (0..self.tickets.len()).filter(|n| !self.matched.contains(n));
        let waiting: Vec<&Ticket> = waiting.map(|n| &*self.tickets[n]).collect();
        check_match(&self.queue, &waiting, self.now, found).expect("every rule");
        let is_in = |n: &usize| found.tickets().any(|id| id == self.tickets[*n].id);
        let matched: Vec<usize> = (0..self.tickets.len()).filter(is_in).collect();
        self.matched.extend(matched);
    }

    /// How the search of a ticket stands that is here.
    fn search(&self, ticket: usize) -> Search {
        let ticket = &self.tickets[ticket];
        let said = self.matcher.explain(ticket.id, ticket, self.now);
        said.expect("it is here").search
    }
}

/// Whether some of these are so many players with this sum, whose ranks span no more than this.
fn adds_up(parties: &[Party], players: usize, sum: f64, (low, high, gap): (u8, u8, u8)) -> bool {
    if players == 0 {
        return sum == 0.0;
    }
    parties.iter().enumerate().any(|(n, party)| {
        let (low, high) = (low.min(party.rank), high.max(party.rank));
        let fits = party.skills.len() <= players && high - low <= gap;
        let own: f64 = party.skills.iter().map(|&skill| f64::from(skill)).sum();
        let left = players.wrapping_sub(party.skills.len());
        fits && adds_up(&parties[n + 1..], left, sum - own, (low, high, gap))
    })
}

/// A ticket to be.
#[derive(Debug, Clone)]
struct Party {
    skills: Vec<u16>,
    rank: u8,
}

impl Party {
    fn ticket(&self, n: usize) -> Ticket {
        let skills: Vec<f64> = self.skills.iter().map(|&skill| f64::from(skill)).collect();
        let rank = Value::Number(f64::from(self.rank));
        ticket(n as u64 + 1, n as i64, &skills).with("rank", rank)
    }
}

fn party() -> impl Strategy<Value = Party> {
    // Numbers so large that hardly two sets have the same sum.
    let skills = prop_oneof![
        5 => prop::collection::vec(0_u16..60_000, 1),
        1 => prop::collection::vec(0_u16..60_000, 2),
    ];
    (skills, 0_u8..100).prop_map(|(skills, rank)| Party { skills, rank })
}

/// So many players that those of them with the oldest are more sets than a slice tries, if there are so many at all, and
/// no more than a few slices do.
fn players_of(tickets: usize) -> usize {
    let sets =
        |players: usize| -> usize { (1..players).fold(1, |sets, n| sets * (tickets - n) / n) };
    let enough = (3..tickets / 2).find(|&players| sets(players) > 20_000);
    enough.unwrap_or(tickets / 2)
}

/// What happens between two slices.
#[derive(Debug, Clone)]
enum Between {
    Nothing,
    Leave(usize),
    Come(Party),
}

fn between() -> impl Strategy<Value = Vec<Between>> {
    let one = prop_oneof![
        4 => Just(Between::Nothing),
        1 => any::<usize>().prop_map(Between::Leave),
        1 => party().prop_map(Between::Come),
    ];
    prop::collection::vec(one, 0..4)
}

fn order() -> impl Strategy<Value = Option<Sort>> {
    let order = prop_oneof![
        Just(SortOrder::Nearest),
        Just(SortOrder::Ascending),
        Just(SortOrder::Descending)
    ];
    let order = (order, any::<bool>());
    let sort = order.prop_map(|(order, rank)| Sort {
        read: Reading::of(name(if rank { "rank" } else { "skill" })),
        order,
    });
    proptest::option::of(sort)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 100, ..cases(40) })]

    /// However many slices it takes and whoever comes and goes meanwhile: if there is a match with the oldest, it is
    /// made within the stated number of events.
    #[test]
    fn the_search_of_the_oldest_misses_nothing_where_it_goes_on(
        parties in prop::collection::vec(party(), 17..=40),
        wanted in prop::collection::vec(any::<u32>(), 40),
        is_possible in proptest::bool::weighted(0.8),
        gap in proptest::option::weighted(0.3, 40_u8..100),
        sort in order(),
        between in between(),
    ) {
        // Some of them are chosen to add up.
        let players = players_of(parties.len());
        let mut others: Vec<usize> = (1..parties.len()).collect();
        others.sort_by_key(|&n| wanted[n]);
        let mut chosen = vec![0];
        let size = |set: &[usize]| set.iter().map(|&n| parties[n].skills.len()).sum::<usize>();
        for n in others {
            if size(&chosen) + parties[n].skills.len() <= players {
                chosen.push(n);
            }
        }
        let skills = chosen.iter().flat_map(|&n| &parties[n].skills);
        let sum: f64 = skills.map(|&skill| f64::from(skill)).sum();
        let sum = if is_possible { sum } else { sum + 0.5 };
        let mut queue = sum_queue(players as u16, sum);
        if let Some(gap) = gap {
            queue = queue.distance("rank", f64::from(gap));
        }
        queue.sort = sort;
        let tickets = parties.iter().enumerate().map(|(n, party)| party.ticket(n));
        let mut opening = Opening::new(queue, tickets.collect());
        let mut gone: Vec<usize> = Vec::new();
        let mut between = between.into_iter();
        opening.open();
        for _ in 1..SLICES_OF_OLDEST {
            if opening.search(0) != Search::PutOff {
                break;
            }
            opening.event(Event::Tick);
            match between.next() {
                Some(Between::Leave(n)) => {
                    let leaves = 1 + n % (parties.len() - 1);
                    if !chosen.contains(&leaves) {
                        opening.event(Event::Remove(opening.tickets[leaves].id));
                        gone.push(leaves);
                    }
                }
                Some(Between::Come(party)) => {
                    let ticket = party.ticket(opening.tickets.len());
                    opening.event(Event::Add(Arc::new(ticket)));
                }
                Some(Between::Nothing) | None => {}
            }
        }
        if !opening.matched.contains(&0) {
            prop_assert_eq!(opening.search(0), Search::Done);
            let waits = |n: &usize| !opening.matched.contains(n) && !gone.contains(n);
            let waiting = (1..parties.len()).filter(waits);
            let waiting: Vec<Party> = waiting.map(|n| parties[n].clone()).collect();
            let (oldest, rank) = (&parties[0], parties[0].rank);
            let own: f64 = oldest.skills.iter().map(|&skill| f64::from(skill)).sum();
            let left = players - oldest.skills.len();
            let span = (rank, rank, gap.unwrap_or(u8::MAX));
            prop_assert!(!adds_up(&waiting, left, sum - own, span), "of {} players", players);
        }
    }
}
