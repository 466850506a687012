//! The clocks of newcomers and what becomes of their episodes (R34, R55, R57-R59).

use super::together::{demanding, failure, figures, measuring, stage, uploads};
use super::*;
use crate::qos::Qos;

/// A joining takes 10 s, measuring 30 s, deciding 5 s; one is enough to start.
fn newcomers() -> SessionType {
    demanding(1, Qos::default())
}

fn reserve_newcomers(names: &[&str]) -> Command {
    Command::Reserve {
        players: names.iter().map(|name| (player(name), None)).collect(),
        initialize: true,
    }
}

fn newcomer(name: &str, state: JoinedState) -> Command {
    Command::Join(Join {
        initialize: true,
        ..Join::new(player(name), state)
    })
}

/// Everybody has measured somebody, so the measuring is over.
fn all_measure(world: &mut World, now: i64, names: &[&str]) {
    for name in names {
        let peer = [("d9", figures(1, 9_000, 9_000))];
        world.run(now, &by(name), &uploads(name, &peer)).unwrap();
    }
}

#[test]
fn r55_r57_a_newcomers_reservation_lasts_for_the_join_timeout() {
    let mut world = World::of(newcomers(), &["a"]);
    world
        .run(1_000, &Actor::Server, &reserve_newcomers(&["b"]))
        .unwrap();
    world.run(1_000, &by("a"), &reserve(&["c"])).unwrap();
    assert_eq!(world.session.next_timer(), Some(at(11_000)));
    world.read(10_999);
    assert_eq!(world.state("b"), Some(MemberState::Reserved));
    world.read(11_000);
    assert_eq!(world.state("b"), None);
    world.read(30_999);
    assert_eq!(
        world.state("c"),
        Some(MemberState::Reserved),
        "who did not ask for it waits as long as anybody"
    );
    world.read(31_000);
    assert_eq!(world.state("c"), None);
}

#[test]
fn r57_who_waits_for_the_next_episode_has_no_clock_before_it_begins() {
    let mut world = measuring(newcomers(), &["a", "b"]);
    world
        .run(1_000, &Actor::Server, &reserve_newcomers(&["c"]))
        .unwrap();
    world.read(25_000);
    assert_eq!(world.state("c"), Some(MemberState::Reserved));
    all_measure(&mut world, 25_000, &["a", "b"]);
    world.read(25_000);
    assert_eq!(stage(&world), (1, Stage::Done));
    world.read(25_000);
    assert_eq!(stage(&world), (2, Stage::Joining));
    world.read(34_999);
    assert_eq!(world.state("c"), Some(MemberState::Reserved));
    world.read(35_000);
    assert_eq!(world.state("c"), None);
}

#[test]
fn r57_who_is_ready_is_not_made_inactive_while_he_is_brought_in() {
    let mut of_type = newcomers();
    of_type.timeouts.ready_removal = Some(Millis::seconds(1));
    let mut world = World::new(NewSession {
        members: ["a", "b"]
            .map(|name| joined(name, JoinedState::Ready))
            .into(),
        initialize: true,
        ..new_session(of_type, Actor::Server)
    });
    world.read(0);
    all_measure(&mut world, 29_999, &["a", "b"]);
    assert_eq!(world.state("a"), Some(MemberState::Ready));
    world.read(29_999);
    assert_eq!(stage(&world), (1, Stage::Done));
    world.read(29_999);
    assert_eq!(world.state("a"), Some(MemberState::Inactive));
}

#[test]
fn r57_r58_measuring_ends_in_time_and_while_matching_after_45_s_at_most() {
    for (timeout, matched, ends) in [
        (60_000, false, 60_000),
        (60_000, true, 45_000),
        (30_000, true, 30_000),
    ] {
        let mut of_type = newcomers();
        let settings = of_type.together.initialization.as_mut().unwrap();
        settings.measurement_timeout = Millis(timeout);
        let mut world = World::new(NewSession {
            members: ["a", "b"]
                .map(|name| joined(name, JoinedState::Active))
                .into(),
            match_id: matched.then_some(crate::MatchId(id(3))),
            initialize: true,
            ..new_session(of_type, Actor::Service)
        });
        world.read(0);
        assert_eq!(world.session.next_timer(), Some(at(ends)));
        world.read(ends - 1);
        assert_eq!(stage(&world), (1, Stage::Measuring));
        world.read(ends);
        assert_eq!(stage(&world), (1, Stage::Failed));
        assert_eq!(failure(&world, "a"), Some(Failure::Timeout));
    }
}

#[test]
fn r57_after_a_later_episode_failed_the_next_begins() {
    let mut world = World::of(newcomers(), &["a"]);
    let active = JoinedState::Active;
    world.run(0, &by("b"), &newcomer("b", active)).unwrap();
    world.read(0);
    assert_eq!(stage(&world), (2, Stage::Measuring));
    world.run(0, &by("c"), &newcomer("c", active)).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (2, Stage::Failed));
    assert_eq!(world.session.next_timer(), Some(at(i64::MIN)));
    world.read(30_000);
    assert_eq!(stage(&world), (3, Stage::Joining));
    assert_eq!((world.state("b"), failure(&world, "c")), (None, None));
}

#[test]
fn r57_after_the_first_episode_failed_nobody_waits_and_nobody_gets_in() {
    let mut world = measuring(newcomers(), &["a", "b"]);
    let active = JoinedState::Active;
    world.run(0, &by("c"), &newcomer("c", active)).unwrap();
    world.read(30_000);
    assert_eq!(stage(&world), (1, Stage::Failed));
    assert_eq!(failure(&world, "c"), Some(Failure::Episode));
    world.read(30_000);
    assert_eq!(world.session.seats_taken(), 0);
    assert_eq!(world.session.next_timer(), None);
    for refused in [
        world.run(30_000, &by("d"), &join("d", active)),
        world.run(30_000, &Actor::Server, &reserve(&["d"])),
    ] {
        assert_eq!(refused, Err(Error::InitializationFailed));
    }
}

#[test]
fn r57_r59_each_stage_has_a_clock_of_its_own_and_without_a_decision_all_fail() {
    let mut of_type = newcomers();
    let settings = of_type.together.initialization.as_mut().unwrap();
    settings.external_evaluation = true;
    let mut world = measuring(of_type, &["a", "b"]);
    all_measure(&mut world, 20_000, &["a", "b"]);
    world.read(20_000);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    world.read(24_999);
    assert_eq!(stage(&world), (1, Stage::Evaluating));
    world.read(25_000);
    assert_eq!(stage(&world), (1, Stage::Failed));
    assert_eq!(failure(&world, "a"), Some(Failure::Episode));
}
