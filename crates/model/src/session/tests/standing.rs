//! Owners, roles, permissions and places of members.

use std::collections::BTreeMap;

use super::*;
use crate::Name;
use crate::roles::{Migration, Ownership, RoleFigure, RoleSettings, RoleType};
use crate::session::MATCH_ROLE;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The game with owners, a class for everybody (two healers at most) and a rank that owners give.
pub(super) fn owned(migration: Migration) -> SessionType {
    let role = |max| RoleSettings {
        max: Some(max),
        target: None,
    };
    let class = RoleType {
        owner_managed: false,
        mutable: [RoleFigure::Max].into(),
        roles: [(name("healer"), role(2)), (name("tank"), role(1))].into(),
    };
    let rank = RoleType {
        owner_managed: true,
        mutable: [RoleFigure::Target].into(),
        roles: [(name("officer"), role(1))].into(),
    };
    SessionType {
        ownership: Some(Ownership {
            migration,
            allow_non_owner_invites: false,
        }),
        roles: [(name("class"), class), (name("rank"), rank)].into(),
        ..game()
    }
}

fn does(command: StandingCommand) -> Command {
    Command::Standing(command)
}

fn take(who: &str, role_type: &str, role: Option<&str>) -> Command {
    does(StandingCommand::SetRole {
        player: player(who),
        role_type: name(role_type),
        role: role.map(name),
    })
}

fn own_roles(who: &str, roles: &[(&str, &str)]) -> Command {
    let roles = roles.iter().map(|(of, role)| (name(of), name(role)));
    does(StandingCommand::SetOwn {
        player: player(who),
        own: OwnProperties {
            roles: Some(roles.collect()),
            ..OwnProperties::default()
        },
    })
}

fn owners(world: &World) -> Vec<&str> {
    let owners = world.session.members();
    owners
        .filter(|member| member.standing.owner)
        .map(|member| member.player.as_str())
        .collect()
}

#[test]
fn f27_a_full_role_refuses_the_write_and_what_is_held_stays() {
    let mut world = World::of(owned(Migration::Oldest), &["a", "b", "c"]);
    for who in ["a", "b"] {
        let healer = take(who, "CLASS", Some("Healer"));
        world.run(1, &by(who), &healer).unwrap();
    }
    let refusal = world.run(2, &by("c"), &take("c", "class", Some("healer")));
    assert_eq!(refusal, Err(Error::RoleFull(name("healer"))));
    // Taking another one makes room, and so does leaving.
    world
        .run(3, &by("a"), &own_roles("a", &[("class", "tank")]))
        .unwrap();
    world
        .run(4, &by("c"), &own_roles("c", &[("class", "healer")]))
        .unwrap();
    assert_eq!(
        world
            .session
            .header()
            .ranks
            .holders(&name("class"), &name("tank")),
        1
    );
    world.run(5, &by("a"), &leave("a")).unwrap();
    assert_eq!(
        world
            .session
            .header()
            .ranks
            .holders(&name("class"), &name("tank")),
        0
    );
    // With fewer let in, those who hold it keep it and nobody new gets it.
    let lower = |max| {
        let role = [(
            name("healer"),
            RoleSettings {
                max: Some(max),
                target: None,
            },
        )];
        does(StandingCommand::SetRoleSettings {
            settings: [(name("class"), BTreeMap::from(role))].into(),
        })
    };
    world.run(6, &by("b"), &lower(1)).unwrap();
    assert_eq!(
        world
            .session
            .header()
            .ranks
            .holders(&name("class"), &name("healer")),
        2
    );
    let again = own_roles("c", &[("class", "healer")]);
    assert!(world.run(7, &by("c"), &again).unwrap().is_empty());
    world.run(8, &by("c"), &take("c", "class", None)).unwrap();
    let refusal = world.run(9, &by("c"), &again);
    assert_eq!(refusal, Err(Error::RoleFull(name("healer"))));
    assert_eq!(world.run(9, &by("b"), &lower(0)).unwrap_err().status(), 422);
    assert_eq!(world.run(9, &by("c"), &lower(2)), Err(Error::NotLeader));
}

#[test]
fn f27_roles_that_owners_manage_are_not_the_member_s_own() {
    let mut world = World::of(owned(Migration::Oldest), &["a", "b"]);
    let officer = take("b", "rank", Some("officer"));
    assert_eq!(world.run(1, &by("b"), &officer), Err(Error::NotOwner));
    world.run(1, &by("a"), &officer).unwrap();
    // His own write leaves it alone; naming it again is no change.
    world
        .run(2, &by("b"), &own_roles("b", &[("class", "tank")]))
        .unwrap();
    world
        .run(2, &by("b"), &own_roles("b", &[("rank", "officer")]))
        .unwrap();
    let standing = &world.session.member_of(&player("b")).unwrap().standing;
    assert_eq!(standing.roles, [(name("rank"), name("officer"))].into());
    // An owner has no say in what each member takes himself.
    let tank = take("b", "class", Some("tank"));
    assert_eq!(world.run(3, &by("a"), &tank), Err(Error::NotOwnMember));
    world
        .run(4, &Actor::Server, &take("b", "rank", None))
        .unwrap();
    let fixed = does(StandingCommand::SetRoleSettings {
        settings: [(
            name("rank"),
            [(
                name("officer"),
                RoleSettings {
                    max: Some(2),
                    target: None,
                },
            )]
            .into(),
        )]
        .into(),
    });
    assert_eq!(
        world.run(5, &by("a"), &fixed),
        Err(Error::FixedByType("max"))
    );
}

#[test]
fn f28_the_last_owner_s_leaving_ends_the_session_or_makes_the_oldest_the_owner() {
    let mut world = World::of(owned(Migration::Oldest), &["a"]);
    for (at, who) in [(10, "b"), (20, "c")] {
        let join = join(who, JoinedState::Active);
        world.run(at, &by(who), &join).unwrap();
    }
    assert_eq!(owners(&world), ["a"]);
    // Being away does not make him younger.
    world
        .run(25, &by("b"), &set_state("b", JoinedState::Inactive))
        .unwrap();
    world.run(30, &by("a"), &leave("a")).unwrap();
    assert_eq!(owners(&world), ["b"]);

    let mut world = World::of(owned(Migration::EndSession), &["a", "b"]);
    let second = does(StandingCommand::AddOwner {
        player: player("b"),
    });
    world.run(6, &by("a"), &second).unwrap();
    let last = does(StandingCommand::RemoveOwner {
        player: player("b"),
    });
    world.run(7, &by("a"), &last).unwrap();
    let resign = does(StandingCommand::RemoveOwner {
        player: player("a"),
    });
    assert_eq!(world.run(8, &by("a"), &resign), Err(Error::LastOwner));
    world.run(8, &by("a"), &second).unwrap();
    world.run(9, &by("a"), &leave("a")).unwrap();
    assert!(!world.deleted);
    let changes = world.run(10, &by("b"), &leave("b")).unwrap();
    assert!(changes.deleted);
}

#[test]
fn f28_a_session_that_had_no_owner_yet_does_not_end_for_want_of_one() {
    for migration in [Migration::EndSession, Migration::Oldest] {
        let members = ["a", "b"].map(|name| NewSeat::Reserved {
            player: player(name),
            team: None,
        });
        let mut world = World::new(NewSession {
            members: members.into(),
            ..new_session(owned(migration), Actor::Server)
        });
        assert!(!world.run(0, &by("a"), &leave("a")).unwrap().deleted);
        assert_eq!(world.state("b"), Some(MemberState::Reserved));
        assert!(owners(&world).is_empty());
        let first = join("b", JoinedState::Active);
        world.run(1, &by("b"), &first).unwrap();
        assert_eq!(owners(&world), ["b"]);
    }
}

#[test]
fn f28_the_session_ends_with_its_last_owner_by_time_as_well() {
    let mut world = World::of(owned(Migration::EndSession), &["a", "b"]);
    world
        .run(0, &by("a"), &set_state("a", JoinedState::Inactive))
        .unwrap();
    let changes = world.read(7_200_000);
    assert!(changes.deleted);
    let reasons: Vec<_> = changes
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MemberRemoved { player, reason, .. } => Some((player.as_str(), *reason)),
            _ => None,
        })
        .collect();
    let expected = [
        ("a", RemovalReason::InactiveExpired),
        ("b", RemovalReason::SessionEnded),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn f28_who_is_blocked_loses_his_seat_and_gets_none_again() {
    let mut world = World::of(owned(Migration::Oldest), &["a", "b"]);
    let block = |who: &str| {
        does(StandingCommand::Block {
            player: player(who),
        })
    };
    assert_eq!(world.run(1, &by("b"), &block("a")), Err(Error::NotOwner));
    assert_eq!(
        world.run(1, &by("a"), &block("a")).unwrap_err().status(),
        422
    );
    world.run(1, &by("a"), &block("b")).unwrap();
    assert_eq!(world.state("b"), None);
    for actor in [by("b"), Actor::Server] {
        let join = join("b", JoinedState::Active);
        assert_eq!(world.run(2, &actor, &join), Err(Error::Blocked));
    }
    assert_eq!(
        world.run(2, &by("a"), &reserve(&["b"])),
        Err(Error::Blocked)
    );
    for number in 1..BLOCKED_MAX {
        world
            .run(3, &by("a"), &block(&format!("p{number}")))
            .unwrap();
    }
    assert_eq!(
        world.run(4, &by("a"), &block("z")).unwrap_err().status(),
        422
    );
    let unblock = does(StandingCommand::Unblock {
        player: player("b"),
    });
    world.run(5, &by("a"), &unblock).unwrap();
    world.run(6, &by("a"), &block("z")).unwrap();
    world
        .run(7, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
}

#[test]
fn f2_a_permission_to_kick_reaches_neither_the_leader_nor_an_owner() {
    let mut world = World::of(
        owned(Migration::Oldest),
        &["owner", "boss", "deputy", "plain"],
    );
    world.run(1, &by("owner"), &promote("boss")).unwrap();
    let grant = |who: &str, permission| {
        does(StandingCommand::Grant {
            player: player(who),
            permission,
        })
    };
    let refusal = world.run(1, &by("owner"), &grant("deputy", Permission::Kick));
    assert_eq!(refusal, Err(Error::NotLeader));
    assert_eq!(
        world.run(1, &by("deputy"), &kick("plain")),
        Err(Error::NotLeader)
    );
    world
        .run(2, &by("boss"), &grant("deputy", Permission::Kick))
        .unwrap();
    assert_eq!(
        world.run(3, &by("deputy"), &kick("boss")),
        Err(Error::NotLeader)
    );
    assert_eq!(
        world.run(3, &by("deputy"), &kick("owner")),
        Err(Error::NotOwner)
    );
    assert_eq!(
        world.run(3, &by("boss"), &kick("owner")),
        Err(Error::NotOwner)
    );
    world.run(4, &by("deputy"), &kick("plain")).unwrap();
    world.run(5, &by("owner"), &kick("boss")).unwrap();
    // It ends with the membership.
    world.run(6, &by("deputy"), &leave("deputy")).unwrap();
    world
        .run(7, &by("deputy"), &join("deputy", JoinedState::Active))
        .unwrap();
    let standing = &world.session.member_of(&player("deputy")).unwrap().standing;
    assert!(standing.is_plain());
}

#[test]
fn f2_members_of_full_teams_change_places_and_leaders_do_not() {
    let mut of_type = game();
    of_type.size.players_per_team = 2;
    of_type.size.max_members = 4;
    of_type.size.can_change_own_team = false;
    let mut world = World::of(of_type, &["a", "b", "c", "d"]);
    let team = |world: &World, who: &str| world.session.member_of(&player(who)).unwrap().team;
    assert_eq!((team(&world, "b"), team(&world, "c")), (Some(1), Some(0)));
    let swap = |players: [&str; 2]| {
        does(StandingCommand::Swap {
            players: players.map(player),
        })
    };
    assert_eq!(
        world.run(1, &by("b"), &swap(["b", "c"])),
        Err(Error::NotLeader)
    );
    assert_eq!(
        world.run(1, &by("a"), &swap(["a", "b"])),
        Err(Error::LeaderStays)
    );
    assert_eq!(
        world.run(1, &by("a"), &swap(["b", "d"])),
        Err(Error::SameTeam)
    );
    assert_eq!(
        world.run(1, &by("a"), &swap(["b", "b"])),
        Err(Error::SameTeam)
    );
    assert_eq!(
        world.run(1, &by("a"), &swap(["b", "x"])),
        Err(Error::NoSuchMember)
    );
    world.run(2, &by("a"), &swap(["b", "c"])).unwrap();
    assert_eq!((team(&world, "b"), team(&world, "c")), (Some(0), Some(1)));
    assert!(
        world
            .session
            .header()
            .teams
            .iter()
            .all(|team| team.taken == 2)
    );
    let grant = StandingCommand::Grant {
        player: player("d"),
        permission: Permission::Move,
    };
    world.run(3, &by("a"), &does(grant)).unwrap();
    world.run(4, &by("d"), &swap(["c", "b"])).unwrap();
    assert_eq!((team(&world, "b"), team(&world, "c")), (Some(1), Some(0)));
}

#[test]
fn f2_a_permission_to_move_puts_nobody_among_the_spectators() {
    let mut of_type = game();
    of_type.size.spectators = 2;
    let mut world = World::of(of_type, &["a", "b", "c"]);
    let grant = StandingCommand::Grant {
        player: player("b"),
        permission: Permission::Move,
    };
    world.run(1, &by("a"), &does(grant)).unwrap();
    let over = |team| Command::Move {
        player: player("c"),
        team,
    };
    world.run(2, &by("b"), &over(1)).unwrap();
    world.run(2, &by("b"), &over(0)).unwrap();
    let spectate = |who: &str| {
        does(StandingCommand::Spectate {
            player: player(who),
        })
    };
    assert_eq!(
        world.run(3, &by("b"), &spectate("c")),
        Err(Error::NotLeader)
    );
    world.run(4, &by("b"), &spectate("b")).unwrap();
    world.run(4, &by("a"), &spectate("c")).unwrap();
    assert_eq!(world.session.header().ranks.spectators, 2);
}

#[test]
fn r36_a_preference_is_his_own_and_names_roles_of_the_type() {
    let mut world = World::of(owned(Migration::Oldest), &["a", "b"]);
    let wish = |who: &str, weights: &[(&str, u8)]| {
        let weights = weights.iter().map(|(role, weight)| (name(role), *weight));
        does(StandingCommand::SetOwn {
            player: player(who),
            own: OwnProperties {
                role_preference: Some(weights.collect()),
                ..OwnProperties::default()
            },
        })
    };
    world
        .run(1, &by("a"), &wish("a", &[("Healer", 100), ("tank", 0)]))
        .unwrap();
    for actor in [by("b"), Actor::Server] {
        let refusal = world.run(2, &actor, &wish("a", &[("tank", 1)]));
        assert_eq!(refusal, Err(Error::NotOwnMember));
    }
    for wrong in [
        &[("healer", 101)][..],
        &[("mage", 1)],
        &[("tank", 1), ("TANK", 2)],
    ] {
        let refusal = world.run(2, &by("a"), &wish("a", wrong)).unwrap_err();
        assert_eq!(refusal.status(), 422, "{wrong:?}");
    }
    let standing = &world.session.member_of(&player("a")).unwrap().standing;
    assert_eq!(standing.role_preference[&name("healer")], 100);
}

#[test]
fn a_match_gives_a_role_of_the_type_while_there_is_room_and_else_says_it_in_the_data() {
    let healer = RoleSettings {
        max: Some(1),
        target: None,
    };
    let class = RoleType {
        roles: [(name("healer"), healer)].into(),
        ..RoleType::default()
    };
    let mut of = game();
    of.roles = [(name("class"), class)].into();
    let names = ["a", "b", "c", "d"];
    let members = names.map(|who| NewSeat::Reserved {
        player: player(who),
        team: None,
    });
    let roles = [
        ("a", "Healer"),
        ("b", "healer"),
        ("c", "scout"),
        ("zoe", "x"),
    ];
    let mut world = World::new(NewSession {
        members: members.into(),
        roles: roles.map(|(who, role)| (player(who), name(role))).into(),
        ..new_session(of, Actor::Service)
    });
    let said: Vec<String> = names
        .iter()
        .map(|who| {
            let member = world.session.member_of(&player(who)).expect("a member");
            let class = member.standing.roles.get(&name("class"));
            let data = member.custom_data.get(MATCH_ROLE);
            format!("{class:?} {data:?}")
        })
        .collect();
    let expected = [
        r#"Some("healer") None"#,
        r#"None Some("healer")"#,
        r#"None Some("scout")"#,
        "None None",
    ];
    assert_eq!(said, expected);
    // Who joins and wishes for nothing keeps what he was given.
    world
        .run(1, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    let member = world.session.member_of(&player("a")).expect("a member");
    assert_eq!(member.standing.roles.len(), 1);
}
