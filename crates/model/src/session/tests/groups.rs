//! Groups and encounters (R35): who played together, and when.

use super::standing::name;
use super::*;

fn says(who: &str, groups: Option<&[&str]>, encounters: &[&str]) -> Command {
    let names = |names: &[&str]| names.iter().map(|text| name(text)).collect();
    Command::Standing(StandingCommand::SetOwn {
        player: player(who),
        own: OwnProperties {
            groups: groups.map(names),
            encounters: names(encounters),
            ..OwnProperties::default()
        },
    })
}

/// The pairs that a write tells of.
fn pairs(changes: &Changes) -> Vec<String> {
    let pair = |event: &Event| match event {
        Event::PlayedTogether {
            players: [one, other],
        } => Some(format!("{one}+{other}")),
        _ => None,
    };
    changes.events.iter().filter_map(pair).collect()
}

fn run(world: &mut World, now: i64, command: &Command) -> Vec<String> {
    let who = match command {
        Command::Standing(StandingCommand::SetOwn { player, .. })
        | Command::UpdateMember { player, .. }
        | Command::Leave { player } => player.clone(),
        Command::Join(join) => join.player.clone(),
        other => panic!("{other:?}"),
    };
    pairs(&world.run(now, &Actor::Player(who), command).unwrap())
}

const NOBODY: [&str; 0] = [];

#[test]
fn r35_members_active_in_a_common_group_at_the_same_time_played_together() {
    let mut world = World::of(game(), &["a", "b", "c"]);
    assert_eq!(
        run(&mut world, 1, &says("a", Some(&["Arena", "lobby"]), &[])),
        NOBODY
    );
    assert_eq!(
        run(&mut world, 2, &says("b", Some(&["arena"]), &[])),
        ["a+b"]
    );
    assert_eq!(
        run(&mut world, 3, &says("c", Some(&["garden"]), &[])),
        NOBODY
    );
    // Both were together until he left; who is not active is in no group.
    let away = set_state("a", JoinedState::Inactive);
    assert_eq!(run(&mut world, 4, &away), ["a+b"]);
    assert_eq!(
        run(&mut world, 5, &says("c", Some(&["arena", "LOBBY"]), &[])),
        ["b+c"]
    );
    let back = set_state("a", JoinedState::Active);
    assert_eq!(run(&mut world, 6, &back), ["a+b", "a+c"]);
    // The list replaced by itself is no news; an empty one leaves all.
    assert_eq!(
        run(&mut world, 7, &says("c", Some(&["lobby", "arena"]), &[])),
        NOBODY
    );
    assert_eq!(
        run(&mut world, 8, &says("c", Some(&[]), &[])),
        ["a+c", "b+c"]
    );
    assert_eq!(run(&mut world, 9, &leave("b")), ["a+b"]);
    // Time does it as well.
    assert_eq!(
        run(&mut world, 10, &says("c", Some(&["lobby"]), &[])),
        ["a+c"]
    );
    world.gone.0.insert(player("c"));
    assert_eq!(pairs(&world.read(50_000)), ["a+c"]);
}

#[test]
fn r35_without_groups_nobody_played_together() {
    let mut world = World::of(game(), &["a", "b"]);
    let later = join("c", JoinedState::Active);
    assert_eq!(run(&mut world, 1, &later), NOBODY);
    assert_eq!(run(&mut world, 2, &leave("a")), NOBODY);
}

#[test]
fn r35_an_encounter_is_thirty_seconds_that_end_as_it_is_reported() {
    let mut world = World::of(game(), &["a", "b", "c", "d"]);
    run(&mut world, 0, &says("a", Some(&["arena"]), &[]));
    // He met who is there now, and leaves no trace in it: nobody meets him afterwards.
    assert_eq!(
        run(&mut world, 10_000, &says("b", None, &["ARENA"])),
        ["a+b"]
    );
    assert_eq!(
        run(&mut world, 10_001, &says("c", Some(&["arena"]), &[])),
        ["a+c"]
    );
    // He meets who left less than 30 s ago, and another who passed through meanwhile.
    run(&mut world, 20_000, &says("c", Some(&[]), &[]));
    let met = run(&mut world, 39_999, &says("d", None, &["arena"]));
    assert_eq!(met, ["a+d", "b+d", "c+d"]);
    let mut later = World::of(game(), &["a", "b", "c"]);
    run(&mut later, 0, &says("a", Some(&["arena"]), &[]));
    run(&mut later, 20_000, &says("a", Some(&[]), &["garden"]));
    assert_eq!(
        run(&mut later, 49_999, &says("b", None, &["garden"])),
        ["a+b"]
    );
    assert_eq!(
        run(&mut later, 50_000, &says("c", None, &["arena"])),
        NOBODY
    );
    assert_eq!(
        run(&mut later, 79_999, &says("c", None, &["garden"])),
        NOBODY,
        "30 s after b"
    );
}

#[test]
fn r35_groups_are_his_own_and_limited() {
    let mut world = World::of(game(), &["a", "b"]);
    for actor in [by("b"), Actor::Server, Actor::Service] {
        for command in [says("a", Some(&["x"]), &[]), says("a", None, &["x"])] {
            let refusal = world.run(1, &actor, &command);
            assert_eq!(refusal, Err(Error::NotOwnMember));
        }
    }
    let names: Vec<String> = (0..30).map(|number| format!("group{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    run(&mut world, 2, &says("a", Some(&names[..GROUPS_MAX]), &[]));
    for command in [
        says("a", Some(&names[..=GROUPS_MAX]), &[]),
        says("a", None, &names[..=ENCOUNTERS_MAX]),
    ] {
        let refusal = world.run(3, &by("a"), &command).unwrap_err();
        assert_eq!(refusal.status(), 422);
    }
    // What is kept of the past is bounded, and is forgotten.
    for at in [4, 5] {
        run(&mut world, at, &says("a", None, &names[10..20]));
        run(&mut world, at, &says("a", None, &names[20..30]));
    }
    let kept = |world: &World| {
        let member = world.session.member_of(&player("a")).unwrap();
        member.standing.visits.len()
    };
    assert_eq!(kept(&world), GROUPS_MAX + ENCOUNTERS_MAX);
    run(&mut world, 40_000, &says("a", Some(&[]), &["x"]));
    assert_eq!(
        kept(&world),
        GROUPS_MAX + 1,
        "those that he has just left, and the last one"
    );
}

#[test]
fn r35_what_time_does_never_makes_a_member_s_document_longer() {
    let mut world = World::of(game(), &["a"]);
    let long: Vec<String> = (0..10)
        .map(|number| format!("{number}{}", "x".repeat(99)))
        .collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let now = 1_800_000_000_000;
    run(&mut world, now, &says("a", Some(&long), &[]));
    let bytes = |world: &World| {
        let member = Member::clone(world.session.member_of(&player("a")).unwrap());
        serde_json::to_string(&member.standing).unwrap().len()
    };
    let before = bytes(&world);
    world.gone.0.insert(player("a"));
    world.read(now + 60_000);
    assert_eq!(world.state("a"), Some(MemberState::Inactive));
    assert_eq!(bytes(&world), before);
}

#[test]
fn r35_groups_that_are_set_to_what_they_are_change_nothing() {
    let mut world = World::of(game(), &["a"]);
    run(&mut world, 1, &says("a", Some(&["arena", "lobby"]), &[]));
    run(&mut world, 2, &says("a", Some(&["lobby"]), &[]));
    let before = world.number();
    // By then it is of no use any more when he was in the arena.
    run(&mut world, 60_000, &says("a", Some(&["Lobby"]), &[]));
    assert_eq!(world.number(), before);
    run(
        &mut world,
        60_001,
        &says("a", Some(&["lobby", "arena"]), &[]),
    );
    assert_eq!(world.number(), before + 1);
}
