//! Players of different platforms meet in a match only with `cross_play` (F21).

use matcher::{Rejection, validate};
use model::Ticket;
use model::queue::Queue;

use crate::rules::ids;
use crate::world::{World, name, queue, ticket};

/// A ticket of players on these platforms; empty: his token names none.
fn on(id: u64, platforms: &[&str]) -> Ticket {
    let mut ticket = ticket(id, 0, &vec![0.0; platforms.len()]);
    for (player, platform) in ticket.players.iter_mut().zip(platforms) {
        player.platform = (!platform.is_empty()).then(|| name(platform));
    }
    ticket
}

#[test]
fn f21_tickets_of_two_platforms_meet_only_with_cross_play() {
    let apart = queue(&[(1, 1), (1, 1)]);
    let mut world = World::new(apart.clone());
    for (id, platform) in [(1, "xbox"), (2, "psn"), (3, "")] {
        assert!(world.add(on(id, &[platform])).is_empty(), "{platform}");
    }
    for (id, platform, other) in [(4, "psn", 2), (5, "", 3), (6, "xbox", 1)] {
        let found = world.add(on(id, &[platform]));
        assert_eq!(ids(&found[0]), [other, id].map(u128::from), "{platform}");
    }
    let mut world = World::new(Queue {
        cross_play: true,
        ..apart
    });
    world.add(on(1, &["xbox"]));
    assert_eq!(world.add(on(2, &["psn"])).len(), 1);
}

#[test]
fn f21_a_party_is_of_one_platform_and_who_names_none_plays_with_his_party() {
    let apart = queue(&[(2, 2), (2, 2)]);
    let refusal = validate(&apart, &on(1, &["xbox", "psn"]));
    assert_eq!(refusal, Err(Rejection::PartyCrossPlays));
    let together = Queue {
        cross_play: true,
        ..apart.clone()
    };
    assert_eq!(validate(&together, &on(1, &["xbox", "psn"])), Ok(()));
    let mut world = World::new(apart);
    assert!(world.add(on(1, &["", "xbox"])).is_empty());
    assert!(world.add(on(2, &["psn", "psn"])).is_empty());
    let found = world.add(on(3, &["xbox", ""]));
    assert_eq!(ids(&found[0]), [1, 3]);
}
