//! What launches by itself, what is kept running, and the browser's entry (R77, R80, rows 19, 39).

use super::*;
use crate::Name;
use crate::formation::{AutoLaunch, Browser, Formation, Hub, Placement};
use crate::instance::CloseReason;
use crate::subscriptions::ChangeType;

fn launching(auto_launch: AutoLaunch) -> SessionType {
    SessionType {
        formation: Formation {
            auto_launch: Some(auto_launch),
            ..Formation::default()
        },
        ..game()
    }
}

fn kept(of_type: SessionType) -> NewSession {
    NewSession {
        kept: true,
        launch: Some(InstanceId(id(30))),
        ..new_session(of_type, Actor::Service)
    }
}

fn launch_at(world: &World) -> Option<Timestamp> {
    world.session.draft().launch_at()
}

fn request(world: &mut World, now: i64, number: u128) {
    let request = InstanceRequest::of_type(InstanceId(id(number)));
    let requested = world.run(now, &Actor::Service, &Command::RequestInstance(request));
    requested.unwrap();
}

#[test]
fn r77_a_type_that_launches_as_its_session_is_made_needs_nobody_to_ask() {
    let new = NewSession {
        launch: Some(InstanceId(id(30))),
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(launching(AutoLaunch::Created), Actor::Server)
    };
    let world = World::new(new);
    assert_eq!(world.status(), Some(InstanceStatus::Requested));
    assert_eq!(launch_at(&world), None, "one is open");
    let plain = NewSession {
        launch: Some(InstanceId(id(30))),
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(game(), Actor::Server)
    };
    assert_eq!(World::new(plain).status(), None);
}

#[test]
fn r77_the_last_member_who_is_waited_for_launches_it_and_reserved_ones_do_not_count() {
    let mut world = World::of(launching(AutoLaunch::MinMembers(2)), &["a"]);
    world.run(1, &by("a"), &reserve(&["b"])).unwrap();
    assert_eq!(launch_at(&world), None);
    world
        .run(2, &by("b"), &join("b", JoinedState::Ready))
        .unwrap();
    assert_eq!(launch_at(&world), Some(at(0)));
    assert_eq!(world.session.next_timer(), Some(at(0)));
    assert_eq!(
        world.session.sweep_at(),
        Some(at(0)),
        "the timers see to it"
    );
    request(&mut world, 2, 30);
    assert_eq!(launch_at(&world), None);
}

#[test]
fn r77_what_failed_is_launched_again_after_a_while_and_what_somebody_closed_is_not() {
    for (reason, again) in [
        (CloseReason::AllocationTimeout, Some(at(15))),
        (CloseReason::BootTimeout, Some(at(15))),
        (CloseReason::HostLost, Some(at(15))),
        (CloseReason::Host, None),
        (CloseReason::Requested, None),
        (CloseReason::SessionEnded, Some(at(10))),
    ] {
        let mut world = World::of(launching(AutoLaunch::Created), &["a"]);
        request(&mut world, 1, 30);
        let close = Command::CloseInstance { reason };
        world.run(10_000, &Actor::Service, &close).unwrap();
        let again = again.map(|at| Timestamp(at.0 * 1_000));
        assert_eq!(launch_at(&world), again, "{reason:?}");
        // Nobody waits any more.
        if !world.deleted {
            let constants = world.session.constants().session_type.clone();
            assert!(constants.formation.hub.is_none());
            world.run(11_000, &by("a"), &leave("a")).unwrap();
            assert!(world.deleted);
        }
    }
}

#[test]
fn r77_it_is_launched_again_only_where_somebody_is_or_it_is_kept() {
    let hub = Hub {
        placement: Placement::Oldest,
        match_region: false,
        keep_parties_together: false,
    };
    let later = Some(at(15_000));
    for (is_hub, is_kept, somebody, lost, closed) in [
        (false, false, false, None, None),
        (false, false, true, later, None),
        (false, true, false, later, later),
        (true, false, false, None, None),
        (true, false, true, later, later),
    ] {
        let mut of_type = launching(AutoLaunch::Created);
        of_type.timeouts.session_empty = None;
        of_type.formation.hub = is_hub.then_some(hub);
        for (reason, again) in [(CloseReason::HostLost, lost), (CloseReason::Host, closed)] {
            let new = NewSession {
                kept: is_kept,
                ..new_session(of_type.clone(), Actor::Service)
            };
            let mut world = World::new(new);
            if somebody {
                let active = join("a", JoinedState::Active);
                world.run(0, &by("a"), &active).unwrap();
            }
            request(&mut world, 1, 30);
            let close = Command::CloseInstance { reason };
            world.run(10_000, &Actor::Service, &close).unwrap();
            assert_eq!(launch_at(&world), again, "{reason:?} {is_kept} {is_hub}");
            assert_eq!(world.session.next_timer(), again);
            assert_eq!(world.session.sweep_at(), again);
        }
    }
}

#[test]
fn row19_row39_what_is_kept_running_is_not_ended_by_being_empty() {
    let mut world = World::new(kept(launching(AutoLaunch::Created)));
    assert_eq!(world.status(), Some(InstanceStatus::Requested));
    world
        .run(1, &by("a"), &join("a", JoinedState::Active))
        .unwrap();
    world.run(2, &by("a"), &leave("a")).unwrap();
    assert!(!world.deleted);
    assert_eq!(
        world.status(),
        Some(InstanceStatus::Requested),
        "not closed either"
    );
    // Whoever closes its host: the next one comes, though nobody is there.
    let close = Command::CloseInstance {
        reason: CloseReason::Requested,
    };
    world.run(3, &Actor::Admin, &close).unwrap();
    assert_eq!(launch_at(&world), Some(at(5_003)));
    world.read(1_000_000_000);
    assert!(!world.deleted);
    let keep = |kept| Command::Keep { kept };
    for nobody in [by("a"), Actor::Server, Actor::Admin] {
        assert_eq!(
            world.run(1_000_000_000, &nobody, &keep(false)),
            Err(Error::NotService)
        );
    }
    let number = world.number();
    world
        .run(1_000_000_000, &Actor::Service, &keep(true))
        .unwrap();
    assert_eq!(world.number(), number, "it is kept already");
    world
        .run(1_000_000_001, &Actor::Service, &keep(false))
        .unwrap();
    assert!(world.deleted, "as any other that is empty");
}

#[test]
fn r80_the_entry_is_set_by_leader_and_host_where_the_type_lets_it_be() {
    let browser = Browser {
        auto_register: true,
        allow_manual: true,
        params: [("map".to_owned(), "A".to_owned())].into(),
        ..Browser::default()
    };
    let listed = |allow_manual| SessionType {
        formation: Formation {
            browser: Browser {
                allow_manual,
                ..browser.clone()
            },
            ..Formation::default()
        },
        ..game()
    };
    let mut world = World::of(listed(true), &["a", "b"]);
    let entry = |world: &World| world.session.header().browser_entry.clone();
    assert_eq!(entry(&world), Some(browser.params.clone()));
    assert!(world.session.sweep_at().is_none(), "nothing is due");
    let set = |value: &str| Command::SetBrowserEntry {
        params: Some([("map".to_owned(), value.to_owned())].into()),
    };
    assert_eq!(world.run(1, &by("b"), &set("B")), Err(Error::NotLeader));
    let number = world.number();
    world.run(1, &by("a"), &set("A")).unwrap();
    assert_eq!(world.number(), number, "it is that already");
    let changes = world.run(1, &by("a"), &set("B")).unwrap();
    assert_eq!(
        changes.events,
        [Event::HeaderChanged(ChangeType::Everything)]
    );
    let none = Command::SetBrowserEntry { params: None };
    world.run(2, &Actor::Server, &none).unwrap();
    assert_eq!(entry(&world), None);
    let mut world = World::of(listed(false), &["a"]);
    assert_eq!(world.run(1, &by("a"), &set("B")), Err(Error::NotListable));
    // Whatever holds an entry is looked at by the timers.
    world.run(2, &by("a"), &reserve(&["b"])).unwrap();
    assert_eq!(world.session.sweep_at(), Some(at(30_002)));
}

#[test]
fn f22_a_session_has_twenty_keywords_in_lowercase_and_no_more() {
    let keywords = |count: usize| (0..count).map(|n| format!("K{n}").parse().unwrap());
    let made = |count| NewSession {
        keywords: keywords(count).collect(),
        members: vec![joined("a", JoinedState::Active)],
        ..new_session(game(), Actor::Server)
    };
    assert!(Session::create(made(KEYWORDS_MAX + 1), at(0)).is_err());
    let mut world = World::new(made(KEYWORDS_MAX));
    let folded: BTreeSet<Name> = (0..KEYWORDS_MAX)
        .map(|n| format!("k{n}").parse().unwrap())
        .collect();
    assert_eq!(world.session.header().keywords, folded);
    let set = |count| {
        Command::Update(Update {
            keywords: Some(keywords(count).collect()),
            ..Update::default()
        })
    };
    let refused = world.run(1, &by("a"), &set(KEYWORDS_MAX + 1));
    assert!(matches!(refused, Err(Error::Invalid(_))));
    let number = world.number();
    world.run(1, &by("a"), &set(KEYWORDS_MAX)).unwrap();
    assert_eq!(world.number(), number, "they are that already");
    world.run(1, &by("a"), &set(1)).unwrap();
    assert_eq!(world.session.header().keywords.len(), 1);
}

#[test]
fn f22_turns_are_those_of_joined_members_each_once() {
    let mut world = World::of(game(), &["a", "b"]);
    world.run(1, &by("a"), &reserve(&["c"])).unwrap();
    let turn = |turn: &[u32]| {
        Command::Update(Update {
            turn: Some(turn.to_vec()),
            ..Update::default()
        })
    };
    for bad in [&[2_u32][..], &[3], &[1, 1]] {
        let refused = world.run(1, &by("a"), &turn(bad));
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad:?}");
    }
    world.run(1, &by("b"), &turn(&[1, 0])).unwrap();
    world.run(2, &by("a"), &leave("a")).unwrap();
    assert_eq!(world.session.header().turn, [1]);
    let many: Vec<u32> = (0..=u32::try_from(TURN_MAX).unwrap()).collect();
    assert!(world.run(3, &by("b"), &turn(&many)).is_err());
}

#[test]
fn row19_what_visitors_did_to_what_is_kept_running_is_undone_once_nobody_is_there() {
    let browser = Browser {
        auto_register: true,
        allow_manual: true,
        params: [("map".to_owned(), "A".to_owned())].into(),
        ..Browser::default()
    };
    let of_type = SessionType {
        formation: Formation {
            browser: browser.clone(),
            ..Formation::default()
        },
        ..game()
    };
    let shut = Command::Update(Update {
        joinability: Some(Joinability::Private),
        closed: Some(true),
        ..Update::default()
    });
    let unlist = Command::SetBrowserEntry { params: None };
    for is_kept in [true, false] {
        let mut new = kept(of_type.clone());
        new.kept = is_kept;
        new.members = vec![
            joined("a", JoinedState::Active),
            joined("b", JoinedState::Active),
        ];
        let mut of_type = (*new.constants.session_type).clone();
        of_type.timeouts.session_empty = None;
        new.constants = Arc::new(Constants::new(Arc::new(of_type), 7));
        new.created_by = Actor::Server;
        let mut world = World::new(new);
        world.run(1, &by("a"), &shut).unwrap();
        world.run(1, &by("a"), &unlist).unwrap();
        world.run(2, &by("a"), &leave("a")).unwrap();
        assert!(world.session.header().closed, "b is still there");
        let changes = world.run(3, &by("b"), &leave("b")).unwrap();
        let told = |event: &Event| matches!(event, Event::HeaderChanged(_));
        assert_eq!(changes.events.iter().any(told), is_kept);
        let header = world.session.header();
        let open = header.joinability == Joinability::Public && !header.closed;
        assert_eq!(open, is_kept);
        let entry = header.browser_entry.as_ref();
        assert_eq!(entry == Some(&browser.params), is_kept);
    }
}
