//! Possible matches that are hard to find in a crowd: nobody starves because most of the others do not fit each other.

use matcher::Event;
use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, RuleKind, Scope,
};
use model::ticket::Value;
use model::{Ticket, TicketId};
use proptest::prelude::*;

use crate::random::cases;
use crate::rare::Crowd;
use crate::rules::ids;
use crate::world::{QueueExt, TicketExt, name, queue, texts, ticket};

/// A search may take as many slices, one in each event, and as many tickets wait for theirs.
const EVENTS_MAX: usize = 64 * 600;

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The place of each of five among so many.
fn spread(all: u64) -> [u64; 5] {
    [all / 7, all / 5, all / 3, all / 2, all - 1]
}

/// Single players who wear this or that.
fn hats(all: u64, of: impl Fn(u64) -> &'static str) -> Vec<Ticket> {
    let one = |n| ticket(n + 1, n as i64, &[20.0]).with("hat", text(of(n)));
    (0..all).map(one).collect()
}

fn different(per: Scope) -> Queue {
    let read = Reading::of(name("hat"));
    queue(&[(3, 3), (3, 3)]).rule("own-hat", RuleKind::Different { read, per })
}

/// All that comes of these tickets.
fn crowd(queue: Queue, tickets: Vec<Ticket>) -> Crowd {
    let now = tickets.len() as i64;
    let mut crowd = Crowd::new(queue);
    for ticket in tickets {
        crowd.put(ticket);
    }
    let events = crowd.settle(now);
    assert!(events <= EVENTS_MAX, "the search never ends");
    crowd
}

#[test]
fn the_oldest_meets_the_only_five_who_differ_among_any_number_of_his_like() {
    for all in [16, 18, 22, 40, 80, 200] {
        let places = spread(all);
        let hat = |n| match places.iter().position(|&place| place == n) {
            Some(at) => ["a", "b", "c", "d", "e"][at],
            None => "x",
        };
        let crowd = crowd(different(Scope::Match), hats(all, hat));
        assert_eq!(crowd.matches.len(), 1, "among {all}");
        let mut wanted: Vec<u128> = places.iter().map(|&n| u128::from(n) + 1).collect();
        wanted.insert(0, 1);
        assert_eq!(ids(&crowd.matches[0]), wanted, "among {all}");
    }
}

#[test]
fn two_teams_of_three_hats_are_found_where_nearly_all_wear_the_same() {
    for all in [12, 16, 20, 40, 60, 100] {
        let [_, a, b, c, d] = spread(all);
        let hat = |n| match n {
            n if n == a || n == c => "red",
            n if n == b || n == d => "green",
            _ => "blue",
        };
        let crowd = crowd(different(Scope::Team), hats(all, hat));
        assert_eq!(crowd.matches.len(), 1, "among {all}");
        let found = ids(&crowd.matches[0]);
        let wanted = [1, 2, a + 1, b + 1, c + 1, d + 1].map(u128::from);
        assert_eq!(found, wanted, "among {all}");
    }
}

#[test]
fn two_teams_that_share_a_mode_are_found_where_hardly_anybody_shares_one() {
    for all in [12, 20, 40, 80] {
        let [a, b, c, d, e] = spread(all);
        let mode = |n| match n {
            n if n == 0 || n == c || n == e => texts(&["ctf"]),
            n if n == a || n == b || n == d => texts(&["dm"]),
            n => texts(&[&format!("mode-{n}")]),
        };
        let one = |n| ticket(n + 1, n as i64, &[20.0]).with("mode", mode(n));
        let shared = RuleKind::Intersect {
            attribute: name("mode"),
            per: Scope::Team,
            min: 1,
        };
        let queue = queue(&[(3, 3), (3, 3)]).rule("shared", shared);
        let crowd = crowd(queue, (0..all).map(one).collect());
        assert_eq!(crowd.matches.len(), 1, "among {all}");
        assert_eq!(ids(&crowd.matches[0])[0], 1, "among {all}");
    }
}

#[test]
fn two_who_break_one_part_of_any_by_themselves_may_play_where_others_keep_another_part() {
    // Nobody of these can share a team by his hat alone, but two who like the mode are enough for all of them.
    let hat = RuleKind::Equal {
        read: Reading::of(name("hat")),
        per: Scope::Team,
    };
    let koth = RuleKind::Contains {
        attribute: name("mode"),
        values: vec!["koth".to_owned()],
        per: Scope::Match,
        team: None,
        min: 2,
        max: None,
    };
    let queue = queue(&[(2, 2), (2, 2)]).rule("any", RuleKind::Any(vec![hat, koth]));
    let who = ["red", "blue", "green", "blue"].into_iter().zip(0_u64..);
    let one = |(hat, n): (&str, u64)| {
        let mode = texts(&[if n < 2 { "koth" } else { "dm" }]);
        let one = ticket(n + 1, n as i64, &[20.0]);
        one.with("hat", text(hat)).with("mode", mode)
    };
    let crowd = crowd(queue, who.map(one).collect());
    assert_eq!(crowd.matches.len(), 1);
}

#[test]
fn a_pool_that_shrinks_to_sixteen_is_tried_to_the_end_at_once() {
    // Sixteen of a kind whose sum is asked for, and so many before them that the search of the last is given up.
    let sum = RuleKind::Compare {
        read: Reading::of(name("skill")),
        per: Scope::Team,
        of: Aggregate::Sum,
        team: None,
        by: Comparison::Equal,
        with: Operand::Number(2_000.0),
    };
    let skill = |n: u64| if n < 7 { 1.0 } else { 250.0 };
    let one = |n| ticket(n + 1, n as i64, &[skill(n)]);
    let queue = queue(&[(8, 8), (8, 8)]).rule("sum", sum);
    let mut crowd = crowd(queue, (0..23).map(one).collect());
    assert!(crowd.matches.is_empty(), "else this shows nothing");
    assert!(crowd.matcher.stats().given_up > 0, "and it is counted");
    for n in 1..=7 {
        assert!(crowd.matches.is_empty());
        crowd.event(23, Event::Remove(TicketId(uuid::Uuid::from_u128(n))));
    }
    assert_eq!(ids(&crowd.matches[0]), Vec::from_iter(8..=23));
}

#[test]
fn who_demands_more_players_than_wait_is_not_tried_with_them() {
    let queue = queue(&[(100, 100)]).widens(
        ExpansionTarget::TeamMin(0),
        &[(30_000, Some(80.0)), (60_000, Some(60.0))],
    );
    let mut crowd = Crowd::new(queue);
    for n in 0..45 {
        let at = if n < 25 { 0 } else { 61_000 };
        crowd.put(ticket(n + 1, at, &[20.0; 2]));
    }
    assert!(
        crowd.matches.is_empty(),
        "the old are too few for themselves"
    );
    assert_eq!(crowd.matcher.stats().put_off, 0);
    for n in 45..50 {
        crowd.put(ticket(n + 1, 61_000 + n as i64, &[20.0; 2]));
    }
    assert_eq!(crowd.matches.len(), 1);
    assert_eq!(crowd.matches[0].figures.players, 100);
}

/// Two teams of two within a distance of skill and one of rank, with a healer among them.
fn with_a_healer() -> Queue {
    let healer = RuleKind::Contains {
        attribute: name("mode"),
        values: vec!["healer".to_owned()],
        per: Scope::Match,
        team: None,
        min: 1,
        max: None,
    };
    queue(&[(2, 2), (2, 2)])
        .distance("skill", 100.0)
        .distance("rank", 5.0)
        .rule("healer", healer)
}

/// A player of [`with_a_healer`].
#[derive(Debug, Clone)]
struct Player {
    skill: u8,
    rank: u8,
    heals: bool,
}

impl Player {
    fn ticket(&self, n: u64) -> Ticket {
        let one = ticket(n + 1, n as i64, &[f64::from(self.skill)]);
        let one = one.with("rank", Value::Number(f64::from(self.rank)));
        one.with("mode", texts(&[if self.heals { "healer" } else { "dm" }]))
    }
}

#[test]
fn the_oldest_is_not_passed_over_for_a_crowd_that_stands_nearer_to_a_newcomer() {
    for crowded in [13, 20, 60, 200] {
        let mut crowd = Crowd::new(with_a_healer());
        let mut put = |n: u64, skill: u64, rank: u8, heals: bool| {
            let skill = skill as u8;
            crowd.put(Player { skill, rank, heals }.ticket(n - 1));
        };
        put(1, 0, 50, false);
        for n in 0..crowded {
            put(n + 2, 50 * n / crowded, 57, false);
        }
        put(crowded + 2, 90, 50, false);
        put(crowded + 3, 90, 50, false);
        put(crowded + 4, 0, 53, true);
        crowd.settle(1_000);
        assert_eq!(crowd.matches.len(), 1, "beside {crowded}");
        let wanted = [1, crowded + 2, crowded + 3, crowded + 4].map(u128::from);
        assert_eq!(ids(&crowd.matches[0]), wanted, "beside {crowded}");
    }
}

/// Whether three of these can play with one.
fn can_play(own: &Player, others: &[&Player]) -> bool {
    let near =
        |a: &Player, b: &Player| a.skill.abs_diff(b.skill) <= 100 && a.rank.abs_diff(b.rank) <= 5;
    let of_own: Vec<&Player> = others
        .iter()
        .copied()
        .filter(|other| near(own, other))
        .collect();
    let pairs = of_own.iter().enumerate().flat_map(|(n, a)| {
        let rest = of_own[n + 1..].iter().enumerate();
        let rest = rest.filter(move |(_, b)| near(a, b));
        rest.map(move |(m, b)| (*a, *b, n + m + 2))
    });
    let mut sets = pairs.flat_map(|(a, b, next)| {
        let last = of_own[next..]
            .iter()
            .filter(move |c| near(a, c) && near(b, c));
        last.map(move |c| a.heals || b.heals || c.heals)
    });
    sets.any(|heals| heals || own.heals)
}

/// Of many who stand near and can play with each other, a few who stand farther and can't play with those.
fn waiting() -> impl Strategy<Value = Player> {
    let near = (0_u8..=60, 56_u8..=58);
    let far = (70_u8..=110, 48_u8..=53);
    let place = prop_oneof![14 => near, 1 => far];
    place.prop_map(|(skill, rank)| Player {
        skill,
        rank,
        heals: false,
    })
}

/// Who can play with either.
fn healer() -> impl Strategy<Value = Player> {
    let place = (0_u8..=30, 51_u8..=55);
    place.prop_map(|(skill, rank)| Player {
        skill,
        rank,
        heals: true,
    })
}

proptest! {
    #![proptest_config(cases(200))]

    /// Whoever comes, and however many stand nearer to him: the oldest of those who wait has a match as soon as there is
    /// one.
    #[test]
    fn the_oldest_does_not_wait_beside_a_match(
        skill in 0_u8..=20,
        others in prop::collection::vec(waiting(), 20..70),
        healers in prop::collection::vec(healer(), 1..6),
    ) {
        let oldest = Player { skill, rank: 50, heals: false };
        let players: Vec<Player> = std::iter::once(oldest).chain(others).chain(healers).collect();
        let mut crowd = Crowd::new(with_a_healer());
        let mut waiting: Vec<(u128, &Player)> = Vec::new();
        for (player, n) in players.iter().zip(0..) {
            crowd.put(player.ticket(n));
            crowd.settle(n as i64);
            waiting.push((u128::from(n) + 1, player));
            let (oldest, others) = waiting.split_first().expect("somebody");
            let others: Vec<&Player> = others.iter().map(|&(_, player)| player).collect();
            let (id, can_play) = (oldest.0, can_play(oldest.1, &others));
            let matched: Vec<u128> = crowd.matches.iter().flat_map(ids).collect();
            prop_assert_eq!(matched.contains(&id), can_play, "{}", id);
            waiting.retain(|(id, _)| !matched.contains(id));
        }
    }
}

/// As many factions as teams, each on a team of its own; by strength they stand such that the only split is among the last
/// that are tried, as the strongest plays with the weakest.
fn factions(teams: u16, size: u16) -> (Queue, Vec<Ticket>) {
    let faction = RuleKind::Equal {
        read: Reading::of(name("hat")),
        per: Scope::Team,
    };
    let queue = queue(&vec![(size, size); usize::from(teams)])
        .distance("skill", 1_000.0)
        .rule("faction", faction);
    let all = u64::from(teams * size);
    let mut left = vec![size; usize::from(teams)];
    let one = |n: u64| {
        let mut own = match n {
            0 => 0,
            n => ((all - 1 - n) / u64::from(size)) as usize,
        };
        while left[own] == 0 {
            own = (own + 1) % left.len();
        }
        left[own] -= 1;
        let hat = ["red", "blue", "green", "white"][own];
        ticket(n + 1, n as i64, &[(1_000 - n) as f64]).with("hat", text(hat))
    };
    (queue, (0..all).map(one).collect())
}

#[test]
fn sixteen_are_split_in_the_only_way_that_there_is() {
    for (teams, size) in [(2, 7), (2, 8), (3, 4), (3, 5), (4, 3), (4, 4)] {
        let (queue, tickets) = factions(teams, size);
        let crowd = crowd(queue, tickets);
        assert_eq!(crowd.matches.len(), 1, "{teams} teams of {size}");
    }
}

#[test]
fn of_seventeen_a_split_that_is_not_found_is_counted_and_found_when_one_goes() {
    let (queue, mut tickets) = factions(4, 4);
    tickets.insert(0, ticket(100, 0, &[100_000.0]));
    let mut crowd = crowd(queue, tickets);
    assert!(crowd.matches.is_empty(), "else this shows nothing");
    assert!(crowd.matcher.stats().given_up > 0);
    crowd.event(17, Event::Remove(TicketId(uuid::Uuid::from_u128(100))));
    crowd.settle(17);
    assert_eq!(crowd.matches.len(), 1);
}
