//! The host among the members and the arbiter (R63-R66, row 9).

use super::*;
use crate::subscriptions::ChangeType;

/// A game with device tokens; each member is on the device that is named here.
fn on(devices: &[(&str, &str)]) -> World {
    let mut of_type = game();
    of_type.capabilities.connectivity = true;
    let seat = |(name, device): &(&str, &str)| {
        NewSeat::Joined(Box::new(Join {
            device: Some((*device).into()),
            ..Join::new(player(name), JoinedState::Active)
        }))
    };
    World::new(NewSession {
        members: devices.iter().map(seat).collect(),
        ..new_session(of_type, Actor::Server)
    })
}

fn set_host(token: Option<&str>) -> Command {
    Command::SetHost {
        device_token: token.map(str::to_owned),
    }
}

fn host(world: &World) -> Option<&str> {
    world.session.host().map(|member| member.player.as_str())
}

fn arbiter(world: &World) -> Option<&str> {
    world.session.arbiter().map(|member| member.player.as_str())
}

#[test]
fn r63_r64_joined_members_and_servers_name_the_host_who_is_the_arbiter() {
    let mut world = on(&[("a", "x"), ("b", "y"), ("c", "y")]);
    world.run(0, &by("a"), &reserve(&["r"])).unwrap();
    assert_eq!((host(&world), arbiter(&world)), (None, Some("a")));
    let d1 = set_host(Some("d1"));
    for (actor, refusal) in [
        (by("s"), Error::NotAMember),
        (by("r"), Error::NotJoined),
        (Actor::Host(hosting::FIRST), Error::NotAMember),
    ] {
        assert_eq!(world.run(0, &actor, &d1), Err(refusal));
    }
    for nobody in ["d2", "d3", "d9"] {
        let refusal = world.run(0, &by("a"), &set_host(Some(nobody)));
        assert_eq!(refusal.unwrap_err().status(), 422, "{nobody}");
    }
    for actor in [by("c"), Actor::Server, Actor::Admin, Actor::Service] {
        let changes = world.run(0, &actor, &d1).unwrap();
        assert_eq!(changes.events, [Event::HeaderChanged(ChangeType::Host)]);
        assert_eq!((host(&world), arbiter(&world)), (Some("b"), Some("b")));
        assert!(world.run(0, &actor, &d1).unwrap().is_empty());
        world.run(0, &actor, &set_host(None)).unwrap();
        assert_eq!((host(&world), arbiter(&world)), (None, Some("a")));
    }
}

#[test]
fn r63_while_an_instance_is_open_its_host_is_the_arbiter() {
    let mut world = on(&[("a", "x"), ("b", "y")]);
    world.run(0, &by("a"), &set_host(Some("d1"))).unwrap();
    let ask = Command::RequestInstance(hosting::request(10));
    let changes = world.run(0, &by("a"), &ask).unwrap();
    assert!(
        changes
            .events
            .contains(&Event::HeaderChanged(ChangeType::Host))
    );
    assert_eq!((host(&world), arbiter(&world)), (None, None));
    let refusal = world.run(0, &by("a"), &set_host(Some("d1")));
    assert_eq!(refusal, Err(Error::InstanceExists));
    let close = Command::CloseInstance {
        reason: crate::instance::CloseReason::Requested,
    };
    world.run(0, &by("a"), &close).unwrap();
    assert_eq!(arbiter(&world), Some("a"));
    world.run(0, &by("a"), &set_host(Some("d1"))).unwrap();
}

#[test]
fn r64_a_host_who_goes_or_is_away_hosts_no_longer_unless_his_device_is_there() {
    let active = JoinedState::Active;
    let away = |name: &str| set_state(name, JoinedState::Inactive);
    let ways: [&dyn Fn(&str) -> Command; 2] = [&leave, &away];
    for go in ways {
        let mut world = on(&[("a", "x"), ("b", "y"), ("c", "y")]);
        world.run(0, &by("a"), &set_host(Some("d1"))).unwrap();
        // Somebody else's going changes nothing.
        world.run(0, &by("d"), &join("d", active)).unwrap();
        world.run(1, &by("d"), &go("d")).unwrap();
        world.run(1, &by("b"), &go("b")).unwrap();
        assert_eq!(host(&world), Some("c"));
        let changes = world.run(2, &by("c"), &go("c")).unwrap();
        assert!(
            changes
                .events
                .contains(&Event::HeaderChanged(ChangeType::Host))
        );
        assert_eq!(world.session.header().host, None);
        assert_eq!(host(&world), None);
    }
}

#[test]
fn r65_a_host_among_the_members_reserves_while_he_is_there() {
    let mut world = on(&[("a", "x"), ("b", "y"), ("c", "y"), ("d", "z")]);
    world.run(0, &by("a"), &set_host(Some("d1"))).unwrap();
    for (name, seat) in [("b", "e"), ("c", "f")] {
        world.run(0, &by(name), &reserve(&[seat])).unwrap();
    }
    let refusal = world.run(0, &by("d"), &reserve(&["g"]));
    assert_eq!(refusal, Err(Error::NotLeader));
    world
        .run(1, &by("c"), &set_state("c", JoinedState::Inactive))
        .unwrap();
    let refusal = world.run(1, &by("c"), &reserve(&["g"]));
    assert_eq!(refusal, Err(Error::NotLeader));
    // Without a host, nobody is it for want of a token.
    let mut world = World::of(game(), &["a", "b"]);
    let refusal = world.run(0, &by("b"), &reserve(&["g"]));
    assert_eq!(refusal, Err(Error::NotLeader));
}

#[test]
fn r66_the_host_has_no_power_over_members() {
    let mut world = on(&[("a", "x"), ("b", "y")]);
    world.run(0, &by("a"), &set_host(Some("d1"))).unwrap();
    for command in [kick("a"), promote("b"), Command::Delete] {
        assert_eq!(world.run(0, &by("b"), &command), Err(Error::NotLeader));
    }
}
