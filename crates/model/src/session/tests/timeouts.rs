//! The removal time-outs, lazily and one at a time (R48-R54).

use super::*;

#[test]
fn r49_nothing_happens_without_an_access() {
    let mut world = World::of(game(), &["a"]);
    world
        .run(0, &by("b"), &join("b", JoinedState::Ready))
        .unwrap();
    assert_eq!(world.session.next_timer(), Some(at(180_000)));
    assert_eq!(
        world.session.sweep_at(),
        None,
        "nobody but an access looks at it"
    );
    // Long after: the access itself is what starts the clock of the new state.
    world.read(10_000_000);
    let member = world.session.member_of(&player("b")).unwrap();
    assert_eq!(
        (member.state, member.since),
        (MemberState::Inactive, at(10_000_000))
    );
}

#[test]
fn r52_ready_becomes_inactive_and_keeps_its_seat() {
    let mut world = World::of(game(), &["a"]);
    world
        .run(0, &by("b"), &join("b", JoinedState::Ready))
        .unwrap();
    let taken = world.session.seats_taken();
    let changes = world.read(180_000);
    assert_eq!(
        changes.events,
        [Event::MemberChanged {
            index: 1,
            player: player("b"),
            from: MemberState::Ready,
            to: MemberState::Inactive,
        }]
    );
    assert_eq!(world.session.seats_taken(), taken);
}

#[test]
fn r48_zero_is_immediate_and_null_is_infinite() {
    let mut of_type = game();
    of_type.timeouts.reserved_removal = Some(Millis(0));
    of_type.timeouts.ready_removal = None;
    let mut world = World::of(of_type, &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    assert_eq!(
        world.state("b"),
        Some(MemberState::Reserved),
        "the write itself does not apply it"
    );
    world
        .run(0, &by("c"), &join("c", JoinedState::Ready))
        .unwrap();
    assert_eq!(world.state("b"), None, "the next access does");
    world.read(i64::MAX);
    assert_eq!(world.state("c"), Some(MemberState::Ready));
}

#[test]
fn r54_the_last_leave_deletes_the_session_in_that_very_write() {
    let mut world = World::of(game(), &["a"]);
    let changes = world.run(5, &by("a"), &leave("a")).unwrap();
    assert!(changes.deleted);
    assert_eq!(changes.header.unwrap().change_number, 2);
    assert_eq!(changes.members, [(0, None)]);
    assert_eq!(changes.events.last(), Some(&Event::Deleted));
    assert_eq!((changes.next_timer, changes.sweep_at), (None, None));
}

#[test]
fn r54_an_empty_session_lives_for_session_empty() {
    let mut of_type = game();
    of_type.timeouts.session_empty = Some(Millis(1_000));
    let mut world = World::of(of_type, &["a"]);
    assert!(!world.run(5, &by("a"), &leave("a")).unwrap().deleted);
    assert_eq!(world.session.next_timer(), Some(at(1_005)));
    assert!(world.read(1_004).is_empty());
    world
        .run(1_004, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert!(world.read(1_005).is_empty(), "somebody came");
    world.run(2_000, &by("b"), &leave("b")).unwrap();
    assert!(world.read(3_000).deleted);
}

#[test]
fn what_settling_did_is_kept_when_the_command_is_refused() {
    let mut world = World::of(game(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let number = world.number();
    let refused = world.run(30_000, &by("b"), &leave("b"));
    assert_eq!(refused, Err(Error::NoSuchMember));
    assert_eq!(world.number(), number + 1);
    assert_eq!(world.state("b"), None);
}

#[test]
fn settle_and_write_are_one_change_number() {
    let mut world = World::of(game(), &["a"]);
    world.run(0, &by("a"), &reserve(&["b"])).unwrap();
    let number = world.number();
    let changes = world
        .run(30_000, &by("c"), &join("c", JoinedState::Active))
        .unwrap();
    assert_eq!(changes.members.len(), 2);
    assert_eq!(world.number(), number + 1);
}

#[test]
fn a_draft_can_be_settled_again_after_its_own_writes() {
    let members = ["a", "b"].map(|name| NewSeat::Reserved {
        player: player(name),
        team: None,
    });
    let world = World::new(NewSession {
        members: members.into(),
        match_id: Some(crate::MatchId(id(3))),
        instance: Some(hosting::request(10)),
        ..new_session(game(), Actor::Service)
    });
    let mut draft = world.session.draft();
    let allocate = Command::Allocate {
        allocation: hosting::attempt(hosting::FIRST),
    };
    draft.apply(&Actor::Service, &allocate, at(0)).unwrap();
    let update = hosting::status_update(hosting::FIRST, InstanceStatus::Joinable);
    draft
        .apply(&Actor::Host(hosting::FIRST), &update, at(1_000))
        .unwrap();
    draft
        .apply(&by("a"), &join("a", JoinedState::Ready), at(2_000))
        .unwrap();
    draft.settle(at(30_999), &AllPresent);
    assert_eq!(draft.members().count(), 2);
    draft.settle(at(31_000), &AllPresent);
    assert_eq!(
        draft.member_of(&player("b")),
        None,
        "its clock started in this very draft"
    );
    assert_eq!(draft.next_timer(), Some(at(182_000)));

    let mut world = World::of(game(), &["a"]);
    world
        .run(0, &by("b"), &join("b", JoinedState::Ready))
        .unwrap();
    let mut draft = world.session.draft();
    draft
        .apply(&by("b"), &set_state("b", JoinedState::Active), at(1))
        .unwrap();
    draft.settle(at(180_000), &AllPresent);
    assert_eq!(
        draft.member_of(&player("b")).unwrap().state,
        MemberState::Active
    );
    let ready = join("c", JoinedState::Ready);
    draft.apply(&by("c"), &ready, at(180_000)).unwrap();
    let state = |draft: &Draft<'_>| draft.member_of(&player("c")).unwrap().state;
    for (now, expected) in [
        (359_999, MemberState::Ready),
        (360_000, MemberState::Inactive),
    ] {
        draft.settle(at(now), &AllPresent);
        assert_eq!(state(&draft), expected);
    }
}

#[test]
fn only_gone_makes_a_transition_and_suspects_are_enough() {
    struct Named(Vec<PlayerId>, Presence);
    impl Liveness for Named {
        fn of(&self, _: &PlayerId) -> Presence {
            self.1
        }
        fn suspects(&self) -> Suspects<'_> {
            Suspects::Only(&self.0)
        }
    }
    let world = World::of(game(), &["a", "b"]);
    for presence in [Presence::Present, Presence::Unknown] {
        let mut draft = world.session.draft();
        draft.settle(at(1), &Named(vec![player("a"), player("b")], presence));
        assert!(draft.finish(at(1)).is_empty());
    }
    let mut draft = world.session.draft();
    draft.settle(
        at(1),
        &Named(vec![player("b"), player("nobody")], Presence::Gone),
    );
    assert_eq!(
        draft.member_of(&player("a")).unwrap().state,
        MemberState::Active
    );
    assert_eq!(
        draft.member_of(&player("b")).unwrap().state,
        MemberState::Inactive
    );
}

#[test]
fn a_time_out_ahead_of_the_end_of_time_is_never_reached_and_never_panics() {
    let mut of_type = game();
    of_type.timeouts.reserved_removal = Some(Millis(u64::MAX));
    let mut world = World::of(of_type, &["a"]);
    world.run(i64::MAX - 1, &by("a"), &reserve(&["b"])).unwrap();
    assert!(world.read(i64::MAX - 1).is_empty());
    assert!(world.read(i64::MIN).is_empty());
}
