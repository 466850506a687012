//! Who takes which role: as the players of a team like it best together.

use std::collections::BTreeMap;

use model::queue::Queue;
use model::{Name, PlayerId, Ticket};
use proptest::prelude::*;

use crate::random::cases;
use crate::world::{TicketExt, World, name, queue, texts, ticket};

const ROLES: [&str; 4] = ["tank", "healer", "scout", "mage"];

fn with_roles(players: u16, roles: &[(&str, u16)]) -> Queue {
    let mut q = queue(&[(players, players)]);
    q.teams[0].roles = roles.iter().map(|(role, n)| (name(role), *n)).collect();
    q
}

fn of(id: u64, likes: &[&str]) -> Ticket {
    ticket(id, 0, &[0.0]).with("mode", texts(likes))
}

/// The roles of the match that the last of these tickets completes.
fn given(q: Queue, tickets: Vec<Ticket>) -> BTreeMap<PlayerId, Name> {
    let mut world = World::new(q);
    let mut matches: Vec<_> = tickets.into_iter().flat_map(|t| world.add(t)).collect();
    matches.remove(0).teams.remove(0).roles
}

fn shown(roles: &BTreeMap<PlayerId, Name>) -> Vec<String> {
    let each = roles.iter();
    each.map(|(player, role)| format!("{player} {role}"))
        .collect()
}

#[test]
fn each_gets_the_role_that_is_dearest_to_him_as_far_as_the_others_let_him() {
    let q = with_roles(3, &[("tank", 1), ("healer", 1)]);
    let tickets = vec![
        of(1, &["healer", "tank"]),
        of(2, &["tank", "healer"]),
        of(3, &["scout"]),
    ];
    assert_eq!(
        shown(&given(q.clone(), tickets)),
        ["p1-0 healer", "p2-0 tank"],
        "the third is free"
    );
    // The first would rather be a healer, but nobody else would take the tank.
    let tickets = vec![of(1, &["healer", "tank"]), of(2, &["healer"]), of(3, &[])];
    assert_eq!(shown(&given(q, tickets)), ["p1-0 tank", "p2-0 healer"]);
    let q = with_roles(2, &[("tank", 2)]);
    let tickets = vec![of(1, &["mage", "tank"]), of(2, &["tank"])];
    assert_eq!(shown(&given(q, tickets)), ["p1-0 tank", "p2-0 tank"]);
}

/// The least sum of places on the lists over all ways to give out these seats.
fn least(seats: &[&str], likes: &[Vec<&str>], used: &mut Vec<bool>) -> Option<usize> {
    let Some((seat, rest)) = seats.split_first() else {
        return Some(0);
    };
    let mut best: Option<usize> = None;
    for n in 0..likes.len() {
        let place = likes[n].iter().position(|own| own == seat);
        if let (Some(place), false) = (place, used[n]) {
            used[n] = true;
            let sum = least(rest, likes, used).map(|sum| sum + place);
            best = best.into_iter().chain(sum).min();
            used[n] = false;
        }
    }
    best
}

proptest! {
    #![proptest_config(cases(256))]
    #[test]
    fn roles_are_given_out_at_the_least_sum_of_places_on_the_lists(
        wanted in prop::collection::vec(0_u16..3, 4),
        drawn in prop::collection::vec(Just(ROLES.to_vec()).prop_shuffle(), 5),
        lengths in prop::collection::vec(0_usize..5, 5),
    ) {
        let seats: Vec<&str> = ROLES.iter().zip(&wanted)
            .flat_map(|(role, n)| std::iter::repeat_n(*role, usize::from(*n))).take(5).collect();
        let mut roles: BTreeMap<&str, u16> = BTreeMap::new();
        seats.iter().for_each(|seat| *roles.entry(seat).or_default() += 1);
        let roles: Vec<(&str, u16)> = roles.into_iter().collect();
        let likes: Vec<Vec<&str>> = drawn.iter().zip(&lengths)
            .map(|(likes, n)| likes[..*n].to_vec()).collect();
        let mut world = World::new(with_roles(5, &roles));
        let matches: Vec<_> = (1..).zip(&likes)
            .flat_map(|(id, likes)| world.add(of(id, likes))).collect();
        let best = least(&seats, &likes, &mut vec![false; 5]);
        prop_assert_eq!(matches.is_empty(), best.is_none());
        if let Some(found) = matches.first() {
            let roles = &found.teams[0].roles;
            prop_assert_eq!(roles.len(), seats.len());
            let place = |player: &PlayerId, role: &Name| {
                let id: usize = player.as_str()[1..2].parse().expect("an id");
                likes[id - 1].iter().position(|own| *own == role.as_str())
            };
            let sum: Option<usize> = roles.iter().map(|(player, role)| place(player, role)).sum();
            prop_assert_eq!(sum, best);
        }
    }
}
