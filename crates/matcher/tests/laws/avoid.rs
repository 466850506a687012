//! Players who would rather not meet: refused lists, and who meets whom all the same.

use matcher::{Rejection, validate};
use model::queue::{Avoid, Queue};
use model::{PlayerId, Ticket};

use crate::rules::ids;
use crate::world::{World, queue, ticket};

fn player(text: &str) -> PlayerId {
    text.parse().expect("a player")
}

fn avoids(mut ticket: Ticket, others: &[&str]) -> Ticket {
    ticket.players[0].avoid = others.iter().map(|other| player(other)).collect();
    ticket
}

fn with(teams: &[(u16, u16)], players_max: u16, soft: bool) -> Queue {
    let mut q = queue(teams);
    q.avoid = Some(Avoid { players_max, soft });
    q
}

#[test]
fn lists_are_refused_where_none_is_taken_or_beyond_the_limit() {
    let solo = ticket(1, 0, &[0.0]);
    let listed = |n: usize| {
        let names: Vec<String> = (0..n).map(|n| format!("enemy-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        avoids(solo.clone(), &names)
    };
    let said = validate(&queue(&[(1, 1), (1, 1)]), &listed(1)).expect_err("a refusal");
    assert_eq!(
        said.to_string(),
        "avoid: this queue takes no list of players to avoid; leave out players.p1-0.avoid"
    );
    let q = with(&[(2, 2), (2, 2)], 3, false);
    assert_eq!(validate(&q, &listed(3)), Ok(()));
    for n in [4, 100] {
        let said = validate(&q, &listed(n)).expect_err("a refusal").to_string();
        let expected =
            format!("avoid.max_players: player p1-0 avoids {n} players, at most 3 may be named");
        assert_eq!(said, expected);
    }
    let party = avoids(ticket(1, 0, &[0.0; 2]), &["p1-1"]);
    let apart = Rejection::PartyAvoids {
        player: player("p1-0"),
        other: player("p1-1"),
    };
    assert_eq!(validate(&q, &party), Err(apart));
    let soft = with(&[(2, 2), (2, 2)], 3, true);
    assert_eq!(validate(&soft, &party), Ok(()), "a wish that they give up");
}

#[test]
fn nobody_meets_whom_he_avoids_either_way_round() {
    let q = || with(&[(1, 1), (1, 1)], 3, false);
    for he_lists in [true, false] {
        let mut world = World::new(q());
        let (mut a, mut b) = (ticket(1, 0, &[0.0]), ticket(2, 0, &[0.0]));
        match he_lists {
            true => a = avoids(a, &["p2-0"]),
            false => b = avoids(b, &["p1-0"]),
        }
        assert!(world.add(a).is_empty());
        assert!(world.add(b).is_empty());
        assert_eq!(ids(&world.add(ticket(3, 0, &[9.0]))[0]), [1, 3]);
    }
    // Neither on the same side nor with any of a party.
    let mut world = World::new(with(&[(2, 2), (2, 2)], 3, false));
    world.add(avoids(ticket(1, 0, &[0.0]), &["p2-1"]));
    world.add(ticket(2, 0, &[0.0; 2]));
    assert!(world.add(ticket(3, 0, &[0.0])).is_empty());
    assert_eq!(ids(&world.add(ticket(4, 0, &[0.0; 2]))[0]), [1, 3, 4]);
}

#[test]
fn a_queue_that_takes_no_lists_any_more_forgets_them() {
    let q = with(&[(1, 1), (1, 1)], 3, false);
    let mut world = World::new(q.clone());
    world.add(avoids(ticket(1, 0, &[0.0]), &["p2-0"]));
    world.add(ticket(2, 0, &[0.0]));
    let free = Queue { avoid: None, ..q };
    let said = world
        .matcher
        .set_queues(model::Timestamp(0), vec![std::sync::Arc::new(free)]);
    assert!(
        said.iter()
            .all(|said| matches!(said, matcher::Output::Again(_))),
        "{said:?}"
    );
    assert_eq!(said.len(), 2, "they come in again and meet");
}
