//! Searches of more steps than one event may take: they miss nothing where they go on, and end when it is said.
//!
//! The rule of these queues is a sum that must be met exactly, of the match or of each team, which nothing but a whole
//! set of tickets or a whole split answers; what is possible is known from adding up every one.

use std::sync::Arc;

use matcher::{Event, Match, Matcher, Output, Search, check_match};
use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, RuleKind, Scope, Sort,
    SortOrder,
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
/// Those of an event for all tickets of small pools.
const EXACT_STEPS: u64 = 1 << 22;
/// Slices that one event gives to searches which are unfinished.
const SLICES_OF_EVENT: u64 = 8;

/// A match has so many players, of one team that has this sum or of two of which each has it: whole parties can't always
/// be split in two.
fn sum_queue(players: u16, per: Scope, sum: f64) -> Queue {
    let rule = RuleKind::Compare {
        read: Reading::of(name("skill")),
        per,
        of: Aggregate::Sum,
        team: None,
        by: Comparison::Equal,
        with: Operand::Number(sum),
    };
    let teams = match per {
        Scope::Team => vec![(players / 2, players / 2); 2],
        _ => vec![(players, players)],
    };
    queue(&teams).rule("split-sum", rule)
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

    /// Until nobody is searched for any more.
    fn settle(&mut self) {
        while self
            .matcher
            .next_deadline()
            .is_some_and(|at| at <= self.now)
        {
            self.event(Event::Tick);
        }
    }

    /// Until the oldest is matched or no longer searched for.
    fn settle_oldest(&mut self) {
        while self.matched.is_empty() && self.search(0) == Search::PutOff {
            self.event(Event::Tick);
        }
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

    /// Which of these were not matched and have not gone.
    fn still_waiting(&self, parties: &[Party], gone: &[usize]) -> Vec<Party> {
        let waits = |n: &usize| !self.matched.contains(n) && !gone.contains(n);
        let waiting = (0..parties.len()).filter(waits);
        waiting.map(|n| parties[n].clone()).collect()
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
        let left = players.wrapping_sub(party.skills.len());
        let others = &parties[n + 1..];
        fits && adds_up(others, left, sum - party.sum(), (low, high, gap))
    })
}

/// Whether this one and some of the others are two teams of this size, each of which has this sum.
fn both_add_up(own: &Party, others: &[Party], size: usize, sum: f64) -> bool {
    // Who plays with it, one after the other, and who remains.
    let mut teams = vec![(own.sum(), 0, Vec::new())];
    for _ in 1..size {
        let grown = teams.iter().flat_map(|(have, from, mates)| {
            (*from..others.len()).map(move |n| {
                let mates: Vec<usize> = mates.iter().copied().chain([n]).collect();
                (have + others[n].sum(), n + 1, mates)
            })
        });
        teams = grown.collect();
    }
    let mut teams = teams.iter().filter(|(have, _, _)| *have == sum);
    teams.any(|(_, _, mates)| {
        let rest = (0..others.len()).filter(|n| !mates.contains(n));
        let rest: Vec<Party> = rest.map(|n| others[n].clone()).collect();
        adds_up(&rest, size, sum, (0, u8::MAX, u8::MAX))
    })
}

/// Changes the chosen so that their first half has the same sum as the second, and says which; if it shall be possible.
fn make_even(parties: &mut [Party], chosen: &[usize], is_possible: bool) -> f64 {
    let (red, blue) = chosen.split_at(chosen.len() / 2);
    let sum = |team: &[usize]| team.iter().map(|&n| parties[n].sum()).sum::<f64>();
    let (red, blue) = (sum(red), sum(blue));
    // One of the team that has less gets what it lacks.
    let (gets, all) = match red < blue {
        true => (chosen[0], blue),
        false => (chosen[chosen.len() - 1], red),
    };
    let more = (red - blue).abs() as u32;
    parties[gets].skills[0] += more;
    if is_possible { all } else { all + 0.5 }
}

/// A ticket to be.
#[derive(Debug, Clone)]
struct Party {
    skills: Vec<u32>,
    rank: u8,
}

impl Party {
    fn sum(&self) -> f64 {
        self.skills.iter().map(|&skill| f64::from(skill)).sum()
    }

    fn ticket(&self, n: usize) -> Ticket {
        let skills: Vec<f64> = self.skills.iter().map(|&skill| f64::from(skill)).collect();
        let rank = Value::Number(f64::from(self.rank));
        ticket(n as u64 + 1, n as i64, &skills).with("rank", rank)
    }
}

fn party() -> impl Strategy<Value = Party> {
    // Numbers so large that hardly two sets have the same sum.
    let skills = prop_oneof![
        5 => prop::collection::vec(0_u32..60_000, 1),
        1 => prop::collection::vec(0_u32..60_000, 2),
    ];
    (skills, 0_u8..100).prop_map(|(skills, rank)| Party { skills, rank })
}

fn single() -> impl Strategy<Value = Party> {
    (0_u32..60_000, 0_u8..100).prop_map(|(skill, rank)| Party {
        skills: vec![skill],
        rank,
    })
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

/// Opens a queue and lets the search of the oldest go on while this happens, until it has ended or has had its events;
/// those of `stay` do not go. Also says who has gone; the oldest counts as if.
fn search_oldest(
    (queue, parties): (Queue, &[Party]),
    stay: &[usize],
    between: Vec<Between>,
) -> (Opening, Vec<usize>) {
    let tickets = parties.iter().enumerate();
    let tickets = tickets.map(|(n, party)| party.ticket(n)).collect();
    let mut opening = Opening::new(queue, tickets);
    let mut gone = vec![0];
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
                if !stay.contains(&leaves) && !opening.matched.contains(&leaves) {
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
    (opening, gone)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 100, ..cases(24) })]

    /// However many slices it takes and whoever comes and goes meanwhile: if there is a match with the oldest, it is
    /// made within the stated number of events.
    #[test]
    fn the_search_of_the_oldest_misses_no_set_where_it_goes_on(
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
        let sum: f64 = chosen.iter().map(|&n| parties[n].sum()).sum();
        let sum = if is_possible { sum } else { sum + 0.5 };
        let mut queue = sum_queue(players as u16, Scope::Match, sum);
        if let Some(gap) = gap {
            queue = queue.distance("rank", f64::from(gap));
        }
        queue.sort = sort;
        let (opening, gone) = search_oldest((queue, &parties), &chosen, between);
        if !opening.matched.contains(&0) {
            prop_assert_eq!(opening.search(0), Search::Done);
            let waiting = opening.still_waiting(&parties, &gone);
            let (oldest, rank) = (&parties[0], parties[0].rank);
            let left = players - oldest.skills.len();
            let span = (rank, rank, gap.unwrap_or(u8::MAX));
            let is_left = adds_up(&waiting, left, sum - oldest.sum(), span);
            prop_assert!(!is_left, "of {} players", players);
        }
    }

    /// The same where most of the work is to split, so that a slice ends in the midst of those with the same few tickets.
    #[test]
    fn the_search_of_the_oldest_misses_no_split_where_it_goes_on(
        parties in prop_oneof![
            4 => prop::collection::vec(single(), 17..=19),
            1 => prop::collection::vec(single(), 23..=37),
        ],
        wanted in prop::collection::vec(any::<u32>(), 40),
        is_possible in proptest::bool::weighted(0.9),
        sort in order(),
        between in between(),
    ) {
        let mut parties = parties;
        // As many as 64 slices are enough for, with the three who may come: of 23 there are 26,334 sets of six with the
        // oldest, some 40 steps each, which are more.
        let size = if parties.len() <= 19 { 3 } else { 2 };
        let mut others: Vec<usize> = (1..parties.len()).collect();
        others.sort_by_key(|&n| wanted[n]);
        let mut chosen: Vec<usize> = std::iter::once(0).chain(others).take(2 * size).collect();
        let sum = make_even(&mut parties, &chosen, is_possible);
        chosen.sort_unstable();
        let mut queue = sum_queue(2 * size as u16, Scope::Team, sum);
        queue.sort = sort;
        let (opening, gone) = search_oldest((queue, &parties), &chosen, between);
        if !opening.matched.contains(&0) {
            prop_assert_eq!(opening.search(0), Search::Done);
            let waiting = opening.still_waiting(&parties, &gone);
            prop_assert!(!both_add_up(&parties[0], &waiting, size, sum));
        }
    }

    /// In a pool of up to sixteen nothing is put off, whatever it takes.
    #[test]
    fn in_pools_of_up_to_sixteen_all_is_tried_at_once(
        parties in prop::collection::vec(single(), 12..=16),
        wanted in prop::collection::vec(any::<u32>(), 16),
        size in prop_oneof![6 => 3_usize..=4, 1 => Just(5)],
        sort in order(),
    ) {
        let mut parties = parties;
        let mut chosen: Vec<usize> = (0..parties.len()).collect();
        chosen.sort_by_key(|&n| wanted[n]);
        chosen.truncate(2 * size);
        let sum = make_even(&mut parties, &chosen, true);
        let mut queue = sum_queue(2 * size as u16, Scope::Team, sum);
        queue.sort = sort;
        let mut opening = Opening::new(queue, Vec::new());
        opening.open();
        for (n, party) in parties.iter().enumerate() {
            let waiting = opening.still_waiting(&parties[..n], &[]);
            let is_possible = both_add_up(party, &waiting, size, sum);
            opening.event(Event::Add(Arc::new(party.ticket(n))));
            prop_assert_eq!(opening.matched.contains(&n), is_possible, "{} wait", n + 1);
            prop_assert_eq!(opening.matcher.next_deadline(), None, "nothing is put off");
        }
        prop_assert!(opening.matched.len() >= 2 * size);
    }
}

/// So many of whom nothing but the oldest and the last eleven have the sum.
fn oldest_and_last(tickets: usize) -> (Queue, Vec<Ticket>) {
    let skill = |n: usize| f64::from(1_u32 << n);
    let sum = skill(0) + (tickets - 11..tickets).map(skill).sum::<f64>();
    let nth = |n: usize| ticket(n as u64 + 1, n as i64, &[skill(n)]);
    let tickets = (0..tickets).map(nth).collect();
    (sum_queue(12, Scope::Match, sum), tickets)
}

#[test]
fn the_oldest_is_searched_for_again_after_the_search_of_a_later_one_was_given_up() {
    let (queue, tickets) = oldest_and_last(21);
    let mut opening = Opening::new(queue, Vec::new());
    opening.open();
    for ticket in tickets {
        opening.event(Event::Add(Arc::new(ticket)));
        opening.settle();
    }
    assert!(opening.matcher.stats().given_up > 0, "it is too easy");
    assert_eq!(opening.matched.len(), 12);
}

#[test]
fn the_oldest_is_searched_for_again_when_a_quarter_have_gone_since_it_was_given_up() {
    let (queue, tickets) = oldest_and_last(23);
    let mut opening = Opening::new(queue, tickets);
    opening.open();
    opening.settle_oldest();
    assert_eq!(opening.search(0), Search::GivenUp { as_oldest: true });
    for n in 1..=6 {
        assert!(opening.matched.is_empty(), "{n} would not have gone");
        opening.event(Event::Remove(opening.tickets[n].id));
    }
    opening.settle_oldest();
    assert_eq!(opening.matched.len(), 12);
}

/// Seventeen whom no split of two teams of this size suits, each of whom looks at the other sixteen in every slice.
fn in_vain(size: u16) -> Opening {
    let skill = |n: u64| (n * n + 1) as f64;
    let tickets = (0..17).map(|n| ticket(n + 1, n as i64, &[skill(n)]));
    Opening::new(sum_queue(2 * size, Scope::Team, 0.5), tickets.collect())
}

/// The same of so many, with a limit of something else that widens after ten seconds.
fn in_vain_and_widening(tickets: u64) -> Opening {
    let skill = |n: u64| (n * n + 1) as f64;
    let tickets = (0..tickets).map(|n| ticket(n + 1, n as i64, &[skill(n)]));
    let queue = sum_queue(12, Scope::Team, 0.5).distance("rank", 1.0);
    let queue = queue.widens(ExpansionTarget::Rule(1), &[(10_000, Some(2.0))]);
    Opening::new(queue, tickets.collect())
}

#[test]
fn a_search_has_its_number_of_slices_and_an_event_its_own() {
    let mut opening = in_vain(6);
    let slices = |opening: &Opening| opening.matcher.stats().looked_at / 16;
    let (mut events, mut before) = (1, 0);
    opening.open();
    let mut go_on = |opening: &mut Opening, given_up| {
        while opening.matcher.stats().given_up < given_up {
            let now = slices(opening);
            assert!(
                now - before <= SLICES_OF_EVENT,
                "{} in one event",
                now - before
            );
            before = now;
            assert!(
                events < SLICES_OF_OLDEST + SLICES_OF_OTHERS,
                "it never ends"
            );
            opening.event(Event::Tick);
            events += 1;
        }
        slices(opening)
    };
    // What is left of the event in which a search ends goes to the next ticket's.
    let of_oldest = SLICES_OF_OLDEST..SLICES_OF_OLDEST + SLICES_OF_EVENT;
    let had = go_on(&mut opening, 1);
    assert!(of_oldest.contains(&had), "the oldest had {had}");
    assert_eq!(opening.search(0), Search::GivenUp { as_oldest: true });
    assert_eq!(opening.search(1), Search::PutOff);
    let of_both = of_oldest.start + SLICES_OF_OTHERS..of_oldest.end + SLICES_OF_OTHERS;
    let had = go_on(&mut opening, 2);
    assert!(of_both.contains(&had), "both had {had}");
    assert_eq!(opening.search(1), Search::GivenUp { as_oldest: false });
}

#[test]
fn a_slice_has_its_number_of_steps() {
    let mut opening = in_vain(3);
    opening.open();
    opening.settle_oldest();
    assert_eq!(opening.search(0), Search::Done);
    // Of sixteen others five. To split six in every way takes 34 times to place one, the first of them aside, and to
    // do so well no more than as much again.
    let steps = 4_368 * 35;
    let slices = opening.matcher.stats().looked_at / 16;
    let wanted = steps / STEPS..2 * steps / STEPS;
    assert!(wanted.contains(&slices), "{slices}");
}

#[test]
fn what_is_tried_in_one_event_has_its_number_in_pools_of_up_to_sixteen_too() {
    // No three of these teams are ever balanced: with the sixteenth there are 1,365 sets, of 18,378 splits each.
    let skill = |n: u64| f64::from(1_u32 << n);
    let queue = queue(&[(4, 4); 3]).balance("skill", 1.0);
    let mut opening = Opening::new(queue, Vec::new());
    opening.open();
    let (mut events, mut before) = (0, 0);
    let mut event = |opening: &mut Opening, event| {
        opening.event(event);
        let now = opening.matcher.stats().steps;
        // One goes on in any case, and each ends after a set.
        let most = EXACT_STEPS + EXACT_STEPS / 2 + 2 * 18_378;
        assert!(now - before < most, "{} in one event", now - before);
        before = now;
        events += 1;
    };
    for n in 0..16 {
        let ticket = ticket(n + 1, n as i64, &[skill(n)]);
        event(&mut opening, Event::Add(Arc::new(ticket)));
        while opening.search(n as usize) == Search::PutOff {
            event(&mut opening, Event::Tick);
        }
        assert_eq!(opening.search(n as usize), Search::Done);
    }
    assert!(events > 16, "it is too easy");
    assert_eq!(opening.matcher.stats().given_up, 0);
}

#[test]
fn the_search_of_the_oldest_goes_on_whoever_else_widens() {
    let (queue, tickets) = oldest_and_last(21);
    let queue = queue
        .distance("rank", 1_000.0)
        .widens(ExpansionTarget::Rule(1), &[(10_000, Some(1_001.0))]);
    // Two of a kind of whom no other thinks widen in every event.
    let afar = (0..2 * SLICES_OF_OLDEST).map(|n| {
        let at = 100 + 10 * (n / 2) as i64;
        ticket(1_000 + n, at, &[0.25]).with("rank", Value::Number(50_000.0))
    });
    let mut opening = Opening::new(queue, tickets.into_iter().chain(afar).collect());
    opening.now = Timestamp(10_090);
    opening.event(Event::Tick);
    opening.open();
    let mut events = 0;
    while opening.matched.is_empty() {
        assert!(events < SLICES_OF_OLDEST, "it never ends");
        assert_eq!(opening.search(0), Search::PutOff);
        opening.now = Timestamp(opening.now.0 + 10);
        opening.event(Event::Tick);
        events += 1;
    }
    assert!(events > 1, "it is too easy");
    assert!(opening.matched.contains(&0));
}

#[test]
fn a_search_that_goes_on_is_not_begun_again_for_who_leaves() {
    let mut opening = in_vain_and_widening(30);
    opening.open();
    while opening.matcher.stats().given_up < 2 {
        opening.event(Event::Tick);
    }
    opening.now = Timestamp(10_100);
    opening.event(Event::Tick);
    assert_eq!(opening.search(0), Search::PutOff, "it has widened");
    opening.event(Event::Remove(opening.tickets[29].id));
    for _ in 0..SLICES_OF_OLDEST / SLICES_OF_EVENT {
        opening.event(Event::Tick);
    }
    assert_eq!(opening.search(0), Search::GivenUp { as_oldest: true });
}
