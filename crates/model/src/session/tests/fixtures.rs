//! The fixtures of A.4 that this law covers, and the worked example R56.

use super::*;
use crate::ticket::{EndReason, TicketState};

#[test]
fn r51_a_reservation_is_gone_at_30_000_and_not_before() {
    let mut world = World::of(game(), &["host"]);
    world.run(0, &by("host"), &reserve(&["guest"])).unwrap();
    let (number, taken) = (world.number(), world.session.seats_taken());
    assert!(world.read(29_999).is_empty());
    assert_eq!(world.state("guest"), Some(MemberState::Reserved));
    assert_eq!(world.number(), number);

    let changes = world.read(30_000);
    assert_eq!(world.state("guest"), None);
    assert_eq!(world.number(), number + 1);
    assert_eq!(world.session.seats_taken(), taken - 1);
    assert_eq!(
        changes.events,
        [Event::MemberRemoved {
            index: 1,
            player: player("guest"),
            from: MemberState::Reserved,
            reason: RemovalReason::ReservationExpired,
        }]
    );
}

#[test]
fn r50_one_access_never_makes_a_ready_member_inactive_and_removes_him() {
    let mut of_type = game();
    of_type.timeouts.inactive_removal = Some(Millis(0));
    let mut world = World::of(of_type, &["other"]);
    world
        .run(0, &by("late"), &join("late", JoinedState::Ready))
        .unwrap();
    assert!(world.read(179_999).is_empty());
    world.read(180_000);
    assert_eq!(world.state("late"), Some(MemberState::Inactive));
    world.read(180_000);
    assert_eq!(world.state("late"), None);
}

#[test]
fn r53_the_inactive_clock_starts_at_the_access_and_null_is_never() {
    let mut world = World::of(game(), &["a", "b"]);
    world.gone.0.insert(player("b"));
    world.read(50_000);
    assert_eq!(world.state("b"), Some(MemberState::Inactive));
    assert!(world.read(50_000 + 7_199_999).is_empty());
    world.read(50_000 + 7_200_000);
    assert_eq!(world.state("b"), None);

    let mut of_type = game();
    of_type.timeouts.inactive_removal = None;
    let mut world = World::of(of_type, &["a", "b"]);
    world.gone.0.insert(player("b"));
    world.read(50_000);
    assert!(world.read(i64::MAX).is_empty());
    assert_eq!(world.state("b"), Some(MemberState::Inactive));
}

#[test]
fn r24_ready_and_active_at_once_is_400() {
    let both = JoinedState::from_flags(true, true).unwrap_err();
    assert_eq!((both.clone(), both.status()), (Error::ReadyAndActive, 400));
    let update = JoinedState::after_update(MemberState::Inactive, Some(true), Some(true));
    assert_eq!(update, Err(Error::ReadyAndActive));
    assert_eq!(
        JoinedState::from_flags(false, false),
        Ok(JoinedState::Inactive)
    );
    let raise = JoinedState::after_update(MemberState::Ready, None, Some(true));
    assert_eq!(raise, Ok(Some(JoinedState::Active)));
    let lower = JoinedState::after_update(MemberState::Active, None, Some(false));
    assert_eq!(lower, Ok(Some(JoinedState::Inactive)));
    let other = JoinedState::after_update(MemberState::Active, Some(false), None);
    assert_eq!(other, Ok(None));
}

#[test]
fn r28_nobody_but_the_member_or_the_service_sets_inactive() {
    let mut world = hosting::joinable(&["a", "b"]);
    let inactive = set_state("b", JoinedState::Inactive);
    let host = Actor::Host(hosting::FIRST);
    for actor in [by("a"), host, Actor::Server, Actor::Admin] {
        let refusal = world.run(2_000, &actor, &inactive).unwrap_err();
        assert_eq!(
            (refusal.clone(), refusal.status()),
            (Error::NotOwnMember, 403)
        );
    }
    assert_eq!(world.state("b"), Some(MemberState::Active));
    world.run(2_000, &Actor::Service, &inactive).unwrap();
    assert_eq!(world.state("b"), Some(MemberState::Inactive));
    world
        .run(2_000, &by("b"), &set_state("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.state("b"), Some(MemberState::Active));
}

#[test]
fn r66_a_host_kicks_nobody_and_reserves_seats() {
    let mut world = hosting::joinable(&["a", "b"]);
    let host = Actor::Host(hosting::FIRST);
    for command in [kick("b"), leave("b"), Command::Delete] {
        assert_eq!(world.run(2_000, &host, &command).unwrap_err().status(), 403);
    }
    world.run(2_000, &host, &reserve(&["c"])).unwrap();
    assert_eq!(world.state("c"), Some(MemberState::Reserved));
    let stranger = Actor::Host(AllocationId(id(99)));
    assert_eq!(
        world.run(2_000, &stranger, &reserve(&["d"])),
        Err(Error::NotHost)
    );
}

#[test]
fn r44_a_private_session_admits_by_reservation_only() {
    let mut world = World::of(party(), &["a"]);
    let refusal = world
        .run(1, &by("b"), &join("b", JoinedState::Active))
        .unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::NotAdmitted, 403)
    );
    world.run(2, &by("a"), &reserve(&["b"])).unwrap();
    world
        .run(3, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    assert_eq!(world.state("b"), Some(MemberState::Active));

    let open = Update {
        joinability: Some(Joinability::Public),
        ..Update::default()
    };
    world.run(4, &by("a"), &Command::Update(open)).unwrap();
    world
        .run(5, &by("c"), &join("c", JoinedState::Active))
        .unwrap();
}

#[test]
fn f7_an_instance_update_with_a_foreign_allocation_is_409() {
    let mut world = hosting::allocated(&["a"]);
    let update = hosting::status_update(AllocationId(id(99)), InstanceStatus::Joinable);
    for actor in [
        Actor::Host(AllocationId(id(99))),
        Actor::Host(hosting::FIRST),
    ] {
        let refusal = world.run(1_000, &actor, &update).unwrap_err();
        assert_eq!(
            (refusal.clone(), refusal.status()),
            (Error::ForeignAllocation, 409)
        );
    }
    let echoed = hosting::status_update(hosting::FIRST, InstanceStatus::Joinable);
    let stranger = Actor::Host(AllocationId(id(99)));
    assert_eq!(
        world.run(1_000, &stranger, &echoed),
        Err(Error::ForeignAllocation)
    );
}

#[test]
fn r75_entering_while_pending_is_409_and_joining_the_session_is_fine() {
    let mut world = hosting::allocated(&["a"]);
    world
        .run(1_000, &by("b"), &join("b", JoinedState::Active))
        .unwrap();
    let refusal = world.session.entrance(&player("b"), None).unwrap_err();
    assert_eq!(
        (refusal.clone(), refusal.status()),
        (Error::NotJoinable, 409)
    );
    let host = Actor::Host(hosting::FIRST);
    let update = hosting::status_update(hosting::FIRST, InstanceStatus::Joinable);
    world.run(2_000, &host, &update).unwrap();
    assert!(world.session.entrance(&player("b"), None).is_ok());
    assert_eq!(
        world.session.entrance(&player("c"), None),
        Err(Error::NotAMember)
    );
}

#[test]
fn r45_a_member_leaving_a_queued_party_cancels_its_ticket() {
    let mut world = World::of(party(), &["a", "b"]);
    let ticket = tickets::searching(5);
    world
        .run(1, &by("a"), &Command::SetTicket(ticket.clone()))
        .unwrap();
    let changes = world.run(2, &by("b"), &leave("b")).unwrap();
    assert!(changes.party_changed());
    let noted = world.session.header().ticket.clone().unwrap();
    assert_eq!(
        (noted.state, noted.reason),
        (TicketState::Canceled, Some(EndReason::PartyChanged))
    );
}

/// Days later only B has lost its connection: B's clock starts when A looks, and the session is gone
/// once both are.
#[test]
fn r56_power_loss() {
    let days = 3 * 86_400_000;
    for inactive_removal in [0, 600_000] {
        let mut of_type = game();
        of_type.timeouts.inactive_removal = Some(Millis(inactive_removal));
        let mut world = World::of(of_type, &["a", "b", "c", "d"]);
        // Inside the presence window both A and B are unknown, not gone.
        world.run(5_000, &by("c"), &leave("c")).unwrap();
        world.run(6_000, &by("d"), &leave("d")).unwrap();
        assert_eq!(world.state("a"), Some(MemberState::Active));
        assert_eq!(world.state("b"), Some(MemberState::Active));

        world.gone.0.insert(player("b"));
        world.read(days);
        assert_eq!(world.state("a"), Some(MemberState::Active));
        assert_eq!(world.state("b"), Some(MemberState::Inactive));
        let since = world.session.member_of(&player("b")).unwrap().since;
        assert_eq!(since, at(days));

        let changes = world.run(days, &by("a"), &leave("a")).unwrap();
        if inactive_removal == 0 {
            assert!(
                changes.deleted,
                "B went in A's own write, so nobody was left"
            );
        } else {
            assert!(!changes.deleted);
            let end = days + i64::try_from(inactive_removal).unwrap();
            assert!(world.read(end - 1).is_empty());
            assert!(world.read(end).deleted);
        }
    }
}
