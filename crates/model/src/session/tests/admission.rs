//! Who gets in and who may look (R44-R46, A.3b), relation by relation.

use super::*;

const ALL: [Joinability; 4] = [
    Joinability::Public,
    Joinability::Followed,
    Joinability::Local,
    Joinability::Private,
];

/// Everybody who stands in some relation to the session of [`known`], and the device of his token.
const EVERYBODY: [(&str, Option<&str>); 6] = [
    ("stranger", None),
    ("elsewhere", Some("handheld")),
    ("visitor", Some("tablet")),
    ("guest", Some("console")),
    ("fan", None),
    ("invited", None),
];

/// The leader plays on a console and follows the fan; who is only ready holds a tablet; one's device is
/// unknown; one is invited.
fn known(of_type: SessionType) -> World {
    let seat = |name: &str, state, device: &str, follows: Vec<PlayerId>| {
        NewSeat::Joined(Box::new(Join {
            device: Some(device.into()),
            follows,
            ..Join::new(player(name), state)
        }))
    };
    let new = NewSession {
        members: vec![
            seat("a", JoinedState::Active, "console", vec![player("fan")]),
            seat("b", JoinedState::Ready, "tablet", Vec::new()),
            joined("c", JoinedState::Active),
        ],
        ..new_session(of_type, Actor::Server)
    };
    let mut world = World::new(new);
    world.run(0, &by("a"), &invite(&["invited"])).unwrap();
    world
}

/// Of [`EVERYBODY`], who passes this rule.
fn pass(by: Joinability) -> [bool; 6] {
    match by {
        Joinability::Public => [true; 6],
        Joinability::Followed => [false, false, false, true, true, true],
        Joinability::Local => [false, false, false, true, false, true],
        Joinability::Private => [false, false, false, false, false, true],
    }
}

#[test]
fn r44_r46_each_joinability_admits_those_whom_the_members_know() {
    for joinability in ALL {
        let admitted = EVERYBODY.map(|(name, device)| {
            let of_type = SessionType {
                joinability,
                ..game()
            };
            let join = Join {
                device: device.map(str::to_owned),
                ..Join::new(player(name), JoinedState::Active)
            };
            known(of_type)
                .run(1, &by(name), &Command::Join(join))
                .is_ok()
        });
        assert_eq!(admitted, pass(joinability), "{joinability:?}");
    }
}

#[test]
fn r45_f22_reading_is_by_the_more_open_of_read_restriction_and_joinability() {
    for read_restriction in ALL {
        for joinability in ALL {
            let world = known(SessionType {
                read_restriction,
                joinability,
                ..game()
            });
            let seen = EVERYBODY.map(|(name, device)| {
                let player = player(name);
                let looker = Looker {
                    player: &player,
                    device,
                };
                let seen = world.session.is_visible_to(&looker);
                assert_eq!(world.session.draft().is_visible_to(&looker), seen);
                seen
            });
            let more_open = [read_restriction, joinability].map(pass);
            let expected: Vec<bool> = (0..6).map(|n| more_open[0][n] || more_open[1][n]).collect();
            assert_eq!(seen[..], expected, "{read_restriction:?} {joinability:?}");
        }
    }
}

#[test]
fn r45_what_is_visible_is_shown_to_all_and_what_is_private_to_the_invited() {
    for (visibility, stranger) in [(Visibility::Visible, true), (Visibility::Private, false)] {
        let world = known(SessionType {
            visibility,
            read_restriction: Joinability::Private,
            joinability: Joinability::Public,
            ..game()
        });
        for (name, shown) in [("stranger", stranger), ("invited", true), ("b", true)] {
            let player = player(name);
            let draft = world.session.draft();
            assert_eq!(
                world.session.is_visible_to(&looker(&player)),
                shown,
                "{name}"
            );
            assert_eq!(draft.is_visible_to(&looker(&player)), shown, "{name}");
        }
    }
}
