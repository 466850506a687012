//! Who leads, and who follows (row 41, F50).

use super::*;

fn grace(ms: u64) -> SessionType {
    SessionType {
        leader_election_grace: Some(Millis(ms)),
        ..game()
    }
}

#[test]
fn row_41_the_first_joined_member_of_a_servers_session_leads() {
    let members = ["a", "b"].map(|name| NewSeat::Reserved {
        player: player(name),
        team: None,
    });
    let new = new_session(game(), Actor::Server);
    let mut world = World::new(NewSession {
        members: members.into(),
        ..new
    });
    assert_eq!(world.leader(), None);
    let changes = world
        .run(1, &by("b"), &join("b", JoinedState::Inactive))
        .unwrap();
    assert_eq!(world.leader(), Some("b"));
    assert!(changes.events.contains(&Event::LeaderChanged {
        from: None,
        to: Some(1)
    }));
    world
        .run(2, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    assert_eq!(
        world.leader(),
        Some("b"),
        "an inactive first member was not lost"
    );
}

#[test]
fn f50_without_grace_the_oldest_member_leads_in_the_very_write() {
    let mut world = World::of(grace(0), &["a", "b", "c"]);
    let changes = world.run(1, &by("a"), &leave("a")).unwrap();
    assert_eq!(world.leader(), Some("b"));
    assert!(changes.events.contains(&Event::LeaderChanged {
        from: Some(0),
        to: Some(1)
    }));
}

#[test]
fn f50_with_grace_the_session_waits_for_its_leader() {
    let mut world = World::of(grace(30_000), &["a", "b"]);
    world.run(1_000, &by("a"), &leave("a")).unwrap();
    assert_eq!(
        (world.leader(), world.session.next_timer()),
        (None, Some(at(31_000)))
    );
    assert_eq!(
        world.run(2_000, &by("b"), &kick("b")),
        Err(Error::NotLeader)
    );
    let mut back = World {
        session: world.session.clone(),
        ..World::of(game(), &["x"])
    };
    back.run(30_999, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    assert_eq!(back.leader(), Some("a"), "he came back in time");
    assert_eq!(back.session.next_timer(), None);

    let changes = world.read(31_000);
    assert_eq!(world.leader(), Some("b"));
    assert_eq!(
        changes.events,
        [Event::LeaderChanged {
            from: None,
            to: Some(1)
        }]
    );
}

#[test]
fn f50_while_the_session_waits_nobody_else_leads_and_the_leader_only_once_he_is_there() {
    let mut world = World::of(grace(30_000), &["a", "b"]);
    world.run(1_000, &by("a"), &leave("a")).unwrap();
    for (name, state) in [
        ("c", JoinedState::Active),
        ("b", JoinedState::Inactive),
        ("b", JoinedState::Active),
        ("a", JoinedState::Inactive),
    ] {
        world.run(2_000, &by(name), &join(name, state)).unwrap();
        assert_eq!(world.leader(), None, "{name}");
    }
    let active = set_state("a", JoinedState::Active);
    world.run(3_000, &by("a"), &active).unwrap();
    assert_eq!(world.leader(), Some("a"));
}

#[test]
fn row_41_an_inactive_leader_is_replaced_by_who_is_there() {
    let mut world = World::of(grace(10_000), &["a", "b"]);
    world.gone.0.insert(player("a"));
    world.read(5_000);
    assert_eq!(world.leader(), Some("a"));
    assert!(world.read(14_999).is_empty());
    world.read(15_000);
    assert_eq!(world.leader(), Some("b"));
    world
        .run(16_000, &by("a"), &set_state("a", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), Some("b"));
}

#[test]
fn a_leader_whose_time_is_over_leads_no_more_before_his_command_is_looked_at() {
    let mut world = World::of(grace(10_000), &["a", "b"]);
    world
        .run(0, &by("a"), &set_state("a", JoinedState::Inactive))
        .unwrap();
    assert_eq!(
        world.run(10_000, &by("a"), &kick("b")),
        Err(Error::NotLeader)
    );
    assert_eq!(world.leader(), Some("b"), "what settling did is kept");
}

#[test]
fn an_inactive_leader_with_nobody_to_follow_stays() {
    let mut world = World::of(grace(0), &["a"]);
    world
        .run(1, &by("a"), &set_state("a", JoinedState::Inactive))
        .unwrap();
    assert_eq!(world.leader(), Some("a"));
    let inactive_until = world.session.next_timer();
    assert_eq!(
        inactive_until,
        Some(at(1 + 7_200_000)),
        "an election without heirs is no timer"
    );
    world
        .run(2, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), Some("b"));
}

#[test]
fn row_41_who_is_promoted_leads_before_he_has_come_and_until_he_goes() {
    let mut world = World::of(grace(0), &["a", "b"]);
    world
        .run(1, &by("c"), &join("c", JoinedState::Inactive))
        .unwrap();
    world.run(2, &by("a"), &promote("c")).unwrap();
    assert_eq!(world.leader(), Some("c"));
    world.read(60_000);
    assert_eq!(world.leader(), Some("c"), "he was never lost");
    world.run(60_001, &by("c"), &leave("c")).unwrap();
    assert_eq!(world.leader(), Some("a"));
}

#[test]
fn promotion_is_the_leaders() {
    let mut world = World::of(game(), &["a", "b"]);
    assert_eq!(world.run(1, &by("b"), &promote("b")), Err(Error::NotLeader));
    world.run(1, &by("a"), &promote("b")).unwrap();
    assert_eq!(world.leader(), Some("b"));
    assert!(world.run(1, &by("b"), &promote("b")).unwrap().is_empty());
    world.run(1, &by("b"), &reserve(&["c"])).unwrap();
    assert_eq!(
        world.run(1, &by("b"), &promote("c")),
        Err(Error::ReservedOnly)
    );
}

fn watched() -> SessionType {
    let mut of_type = grace(10);
    of_type.size.spectators = 3;
    of_type.size.max_members = 11;
    of_type.timeouts.session_empty = None;
    of_type
}

fn watches(name: &str, state: JoinedState) -> Command {
    Command::Join(Join {
        spectator: true,
        ..Join::new(player(name), state)
    })
}

#[test]
fn row_50_who_looks_on_leads_only_until_a_player_has_joined() {
    let mut world = World::new(new_session(watched(), Actor::Server));
    world
        .run(1, &by("s"), &watches("s", JoinedState::Active))
        .unwrap();
    world
        .run(1, &by("t"), &watches("t", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), Some("s"), "nobody else has joined");
    let refusal = world.run(2, &by("s"), &promote("t"));
    assert_eq!(refusal, Err(Error::LooksOn));
    world
        .run(3, &by("a"), &join("a", JoinedState::Inactive))
        .unwrap();
    assert_eq!(world.leader(), Some("a"), "even a player who is away");
    let refusal = world.run(3, &by("a"), &promote("s"));
    assert_eq!(refusal, Err(Error::LooksOn));
    // A leader who takes to watching leads no longer where somebody plays, and leads on where nobody does.
    let to_the_bench = |name: &str| {
        Command::Standing(StandingCommand::Spectate {
            player: player(name),
        })
    };
    world.run(4, &by("a"), &to_the_bench("a")).unwrap();
    assert_eq!(world.leader(), Some("a"));
    world
        .run(5, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), Some("b"));
}

#[test]
fn row_50_a_leader_who_comes_back_to_look_on_is_not_waited_for_and_one_who_leads_stays() {
    let of_type = SessionType {
        leader_election_grace: Some(Millis(30_000)),
        ..watched()
    };
    let mut world = World::of(of_type.clone(), &["a", "b"]);
    world.run(1_000, &by("a"), &leave("a")).unwrap();
    let back = watches("a", JoinedState::Inactive);
    world.run(2_000, &by("a"), &back).unwrap();
    let active = set_state("a", JoinedState::Active);
    world.run(3_000, &by("a"), &active).unwrap();
    assert_eq!(world.leader(), None);
    world.read(31_000);
    assert_eq!(world.leader(), Some("b"));

    let mut world = World::new(new_session(of_type, Actor::Server));
    let looks_on = watches("a", JoinedState::Active);
    world.run(0, &by("a"), &looks_on).unwrap();
    let away = set_state("a", JoinedState::Inactive);
    world.run(1_000, &by("a"), &away).unwrap();
    world.run(2_000, &by("a"), &active).unwrap();
    assert_eq!(world.leader(), Some("a"));
    assert_eq!(world.session.header().leader_lost, None);
}

#[test]
fn row_41_a_lost_leader_is_followed_by_a_player_however_long_others_have_watched() {
    let mut world = World::new(new_session(watched(), Actor::Server));
    for name in ["s", "t"] {
        world
            .run(1, &by(name), &watches(name, JoinedState::Active))
            .unwrap();
    }
    for name in ["a", "b"] {
        world
            .run(2, &by(name), &join(name, JoinedState::Active))
            .unwrap();
    }
    world
        .run(3, &by("a"), &set_state("a", JoinedState::Inactive))
        .unwrap();
    world
        .run(4, &by("b"), &set_state("b", JoinedState::Inactive))
        .unwrap();
    world.read(100);
    assert_eq!(world.leader(), Some("a"), "nobody is there who could");
    assert_eq!(
        world.session.next_timer(),
        world.session.draft().next_timer()
    );
    world
        .run(101, &by("b"), &set_state("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), Some("b"));
    // Without any player the first of those who watch leads, after the grace.
    world.run(102, &by("a"), &leave("a")).unwrap();
    world.run(102, &by("b"), &leave("b")).unwrap();
    assert_eq!(
        (world.leader(), world.session.next_timer()),
        (None, Some(at(112)))
    );
    // Coming back to watch is not coming back to lead.
    world
        .run(103, &by("b"), &watches("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.leader(), None);
    world.read(112);
    assert_eq!(world.leader(), Some("s"));
}
