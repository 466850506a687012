//! Full teams and spectators (F12, row 50).

use super::*;

fn overflowing(team_overflow: TeamOverflow) -> SessionType {
    let mut of_type = game();
    of_type.size = Size {
        teams: Some(2),
        players_per_team: 2,
        max_members: 4,
        team_overflow,
        ..of_type.size
    };
    of_type
}

fn party(names: &[&str], team: u8) -> Command {
    Command::Reserve {
        initialize: false,
        players: names
            .iter()
            .map(|name| (player(name), Some(team)))
            .collect(),
    }
}

/// Who sits on which team, in order.
fn teams(world: &World) -> Vec<(&str, u8)> {
    let members = world.session.members();
    members
        .filter_map(|member| Some((member.player.as_str(), member.team?)))
        .collect()
}

#[test]
fn f12_a_party_that_its_team_does_not_hold() {
    use TeamOverflow::*;
    // The leader sits on team 0, where one place is free; then a party of three, then one of two.
    let three = ["b", "c", "d"];
    for (overflow, after, too_many) in [
        (Fail, Err(Error::TeamFull), Err(Error::TeamFull)),
        (
            AllowOverflow,
            Ok(vec![("a", 0), ("b", 0), ("c", 1), ("d", 1)]),
            Err(Error::TeamFull),
        ),
        (
            PartialWithOverflow,
            Ok(vec![("a", 0), ("b", 0), ("c", 1), ("d", 1)]),
            Ok(4),
        ),
        (PartialWithoutOverflow, Ok(vec![("a", 0), ("b", 0)]), Ok(2)),
        (
            Overfill,
            Ok(vec![("a", 0), ("b", 0), ("c", 0), ("d", 0)]),
            Err(Error::SessionFull),
        ),
    ] {
        let mut world = World::of(overflowing(overflow), &["a"]);
        let got = world.run(1, &by("a"), &party(&three, 0)).map(drop);
        let expected = after.clone().map(drop);
        assert_eq!(got, expected, "{overflow:?}");
        if let Ok(after) = after {
            assert_eq!(teams(&world), after, "{overflow:?}");
        }
        let mut world = World::of(overflowing(overflow), &["a"]);
        let five = ["b", "c", "d", "e", "f"];
        let got = world.run(1, &by("a"), &party(&five, 0));
        match too_many {
            Ok(seats) => {
                got.unwrap();
                assert_eq!(world.session.seats_taken(), seats, "{overflow:?}");
            }
            Err(error) if overflow == AllowOverflow => {
                assert!(
                    matches!(got, Err(Error::TeamFull | Error::SessionFull)),
                    "{error}"
                );
                assert_eq!(world.session.seats_taken(), 1);
            }
            Err(error) => {
                assert_eq!(got, Err(error), "{overflow:?}");
                assert_eq!(world.session.seats_taken(), 1, "all or none");
            }
        }
    }
}

#[test]
fn f12_a_party_of_which_nobody_finds_a_place_is_refused() {
    let of_type = overflowing(TeamOverflow::PartialWithoutOverflow);
    let mut world = World::of(of_type, &["a", "b", "c"]);
    let refusal = world.run(1, &by("a"), &party(&["d", "e"], 0));
    assert_eq!(refusal, Err(Error::TeamFull));
    // Who names no team sits where there is a place.
    world.run(2, &by("a"), &reserve(&["d", "e"])).unwrap();
    assert_eq!(world.state("d"), Some(MemberState::Reserved));
    assert_eq!(world.state("e"), None);
}

#[test]
fn row50_spectators_have_seats_of_their_own() {
    let mut of_type = game();
    of_type.size = Size {
        teams: Some(1),
        players_per_team: 2,
        max_members: 4,
        spectators: 2,
        can_change_own_team: true,
        team_overflow: TeamOverflow::Fail,
    };
    let mut world = World::of(of_type, &["a", "b"]);
    let looks_on = |who: &str| {
        Command::Join(Join {
            spectator: true,
            ..Join::new(player(who), JoinedState::Active)
        })
    };
    // No player takes a spectator's seat, and no spectator a player's.
    let refusal = world.run(1, &by("c"), &join("c", JoinedState::Active));
    assert_eq!(refusal, Err(Error::SessionFull));
    assert_eq!(world.session.player_seats_free(), 0);
    world.run(2, &by("c"), &looks_on("c")).unwrap();
    let hold = Command::Standing(StandingCommand::ReserveSpectators {
        players: vec![player("d")],
    });
    world.run(2, &by("a"), &hold).unwrap();
    assert_eq!(
        world.run(3, &by("e"), &looks_on("e")),
        Err(Error::SpectatorsFull)
    );
    world.run(4, &by("b"), &leave("b")).unwrap();
    assert_eq!(
        world.run(5, &by("e"), &looks_on("e")),
        Err(Error::SpectatorsFull)
    );
    assert_eq!(world.session.player_seats_free(), 1);
    // A spectator becomes a player where there is a place, and the other way round.
    let plays = |who: &str| Command::Move {
        player: player(who),
        team: 0,
    };
    world.run(6, &by("c"), &plays("c")).unwrap();
    world
        .run(7, &by("d"), &join("d", JoinedState::Active))
        .unwrap();
    assert!(
        world
            .session
            .member_of(&player("d"))
            .unwrap()
            .standing
            .spectator
    );
    assert_eq!(world.run(8, &by("d"), &plays("d")), Err(Error::SessionFull));
    let spectate = Command::Standing(StandingCommand::Spectate {
        player: player("c"),
    });
    world.run(9, &by("c"), &spectate).unwrap();
    assert_eq!(world.session.header().ranks.spectators, 2);
    let both = Command::Join(Join {
        spectator: true,
        team: Some(0),
        ..Join::new(player("e"), JoinedState::Active)
    });
    assert_eq!(world.run(10, &by("e"), &both).unwrap_err().status(), 422);
}
