//! Subscriptions of members: written key by key, by active members alone, within limits; and what kind each change is.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::*;
use crate::subscriptions::{ChangeType, Profile, Subscription, SubscriptionSettings};

fn to(profile: Profile) -> Option<Subscription> {
    Some(Subscription {
        profile,
        on_behalf_of_title: None,
    })
}

fn for_title(title: &str) -> Option<Subscription> {
    Some(Subscription {
        profile: Profile::Queue,
        on_behalf_of_title: Some(title.to_owned()),
    })
}

/// Some change to the subscriptions of whom it may concern, for histories.
pub(super) fn a_change() -> impl Strategy<Value = Subscribe> {
    let title = proptest::option::of(select(vec!["7", "", "x", "123456789012345678901"]));
    let one = (select(Profile::ALL.to_vec()), title).prop_map(|(profile, title)| Subscription {
        profile,
        on_behalf_of_title: title.map(str::to_owned),
    });
    let changes = (0u128..14, proptest::option::weighted(0.8, one));
    let changes = changes.prop_map(|(number, one)| (id(number), one));
    (
        proptest::collection::btree_map((0u128..14).prop_map(id), changes, 0..5),
        0usize..12,
    )
        .prop_map(|(changes, elsewhere)| Subscribe {
            changes: changes.into_values().collect(),
            elsewhere,
        })
}

/// No seat has more than it may, and one that is only held has none.
pub(super) fn assert_in_order(session: &Session) {
    for member in session.members() {
        let count = member.subscriptions.len();
        assert!(count <= SUBSCRIPTIONS_MAX);
        assert!(count == 0 || member.is_joined());
    }
}

fn change(who: &str, changes: &[(u128, Option<Subscription>)], elsewhere: usize) -> Command {
    let changes = changes.iter().map(|(key, to)| (id(*key), to.clone()));
    Command::Standing(StandingCommand::SetOwn {
        player: player(who),
        own: OwnProperties {
            subscriptions: Subscribe {
                changes: changes.collect(),
                elsewhere,
            },
            ..OwnProperties::default()
        },
    })
}

fn held(world: &World, who: &str) -> Vec<(u128, Profile)> {
    let member = world.session.member_of(&player(who)).unwrap();
    let held = member.subscriptions.iter();
    held.map(|(key, one)| (key.as_u128(), one.profile))
        .collect()
}

#[test]
fn r11_subscriptions_are_added_and_removed_one_by_one() {
    let mut world = World::of(game(), &["a", "b"]);
    let two = [(1, to(Profile::Roster)), (2, to(Profile::Party))];
    let changes = world.run(1, &by("b"), &change("b", &two, 0)).unwrap();
    let (index, player) = (1, player("b"));
    let told = [Event::SubscriptionsChanged { index, player }];
    assert_eq!(changes.events, told, "nobody else's affair");
    let more = [(1, None), (3, to(Profile::Queue)), (9, None)];
    world.run(2, &by("b"), &change("b", &more, 0)).unwrap();
    assert_eq!(
        held(&world, "b"),
        [(2, Profile::Party), (3, Profile::Queue)]
    );
    let other = [(2, to(Profile::Queuehost))];
    world.run(3, &by("b"), &change("b", &other, 0)).unwrap();
    assert_eq!(held(&world, "b")[0], (2, Profile::Queuehost));
    // The same again is no change.
    let number = world.number();
    let same = world.run(4, &by("b"), &change("b", &other, 0)).unwrap();
    assert!(same.is_empty());
    assert_eq!(world.number(), number);
    assert_eq!(held(&world, "a"), []);
}

#[test]
fn r39_only_the_member_himself_subscribes_and_only_while_he_is_active() {
    let mut world = World::of(game(), &["a", "b"]);
    let one = change("b", &[(1, to(Profile::Roster))], 0);
    for other in [by("a"), Actor::Server, Actor::Admin, Actor::Service] {
        let refused = world.run(1, &other, &one);
        assert_eq!(refused.unwrap_err(), Error::NotOwnMember, "{other:?}");
    }
    for state in [JoinedState::Ready, JoinedState::Inactive] {
        world.run(2, &by("b"), &set_state("b", state)).unwrap();
        let refused = world.run(2, &by("b"), &one);
        assert_eq!(refused.unwrap_err(), Error::NotActive);
    }
    let active = set_state("b", JoinedState::Active);
    world.run(3, &by("b"), &active).unwrap();
    world.run(3, &by("b"), &one).unwrap();
    // What he has stays while he is away; he may give it up, but not change it.
    let away = set_state("b", JoinedState::Inactive);
    world.run(4, &by("b"), &away).unwrap();
    assert_eq!(held(&world, "b"), [(1, Profile::Roster)]);
    let other = change("b", &[(1, to(Profile::Party))], 0);
    assert_eq!(
        world.run(5, &by("b"), &other).unwrap_err(),
        Error::NotActive
    );
    let none = change("b", &[(1, None)], 0);
    world.run(6, &by("b"), &none).unwrap();
    assert_eq!(held(&world, "b"), []);
}

#[test]
fn r39_whoever_joins_as_active_brings_subscriptions_along_and_loses_them_with_his_seat() {
    let mut world = World::of(game(), &["a"]);
    let brings = |state| {
        let Command::Join(mut join) = join("b", state) else {
            unreachable!("a join");
        };
        join.own.subscriptions.changes = [(id(1), to(Profile::Queue))].into();
        Command::Join(join)
    };
    let refused = world.run(1, &by("b"), &brings(JoinedState::Ready));
    assert_eq!(refused.unwrap_err(), Error::NotActive);
    assert_eq!(world.state("b"), None);
    let active = brings(JoinedState::Active);
    world.run(1, &by("b"), &active).unwrap();
    assert_eq!(held(&world, "b"), [(1, Profile::Queue)]);
    world.run(2, &by("b"), &leave("b")).unwrap();
    let again = join("b", JoinedState::Inactive);
    world.run(3, &by("b"), &again).unwrap();
    assert_eq!(held(&world, "b"), []);
    // A member who joins again and becomes active by it may bring some.
    world.run(4, &by("b"), &active).unwrap();
    assert_eq!(held(&world, "b"), [(1, Profile::Queue)]);
}

#[test]
fn r39_subscriptions_have_limits_and_large_sessions_have_none() {
    let mut world = World::of(game(), &["a"]);
    let ten: Vec<_> = (1..=10).map(|key| (key, to(Profile::Roster))).collect();
    world.run(1, &by("a"), &change("a", &ten, 9)).unwrap();
    let one_more = change("a", &[(11, to(Profile::Roster))], 9);
    let refused = world.run(2, &by("a"), &one_more).unwrap_err();
    assert_eq!(refused, Error::TooManySubscriptions);
    let instead = change("a", &[(11, to(Profile::Roster)), (1, None)], 9);
    world.run(2, &by("a"), &instead).unwrap();
    assert_eq!(held(&world, "a").len(), 10);
    for bad in ["12a", "-1", " 1", "123456789012345678901"] {
        let refused = world.run(3, &by("a"), &change("a", &[(11, for_title(bad))], 0));
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad:?}");
    }
    world
        .run(3, &by("a"), &change("a", &[(11, for_title(""))], 0))
        .unwrap();
    let member = world.session.member_of(&player("a")).unwrap();
    let title = &member.subscriptions[&Uuid::from_u128(11)].on_behalf_of_title;
    assert_eq!(*title, None, "R12: empty is absent");
    let longest = change("a", &[(11, for_title("12345678901234567890"))], 0);
    world.run(3, &by("a"), &longest).unwrap();

    let mut few = game();
    few.subscriptions.max_per_connection = 2;
    let mut world = World::of(few, &["a"]);
    let one = [(1, to(Profile::Roster))];
    let refused = world.run(1, &by("a"), &change("a", &one, 2)).unwrap_err();
    assert_eq!(refused, Error::SubscribedElsewhere { most: 2 });
    world.run(1, &by("a"), &change("a", &one, 1)).unwrap();
    // Who is subscribed here takes no further session by another subscription.
    let second = [(2, to(Profile::Party))];
    world.run(2, &by("a"), &change("a", &second, 2)).unwrap();

    let mut crowd = game();
    (crowd.large, crowd.size.teams, crowd.can_join_matchmaking) = (true, None, false);
    let mut world = World::of(crowd, &["a"]);
    let refused = world.run(1, &by("a"), &change("a", &one, 0)).unwrap_err();
    assert_eq!(refused, Error::NotOnLarge("subscriptions"));
}

#[test]
fn r60_each_change_is_of_the_kinds_that_subscribers_know() {
    use ChangeType::{
        CustomProperty, Joinability as Access, MatchmakingStatus, MembersCustomProperty,
        MembersList, MembersStatus,
    };
    let mut world = World::of(game(), &["a", "b"]);
    let update = |update: Update| Command::Update(update);
    let own = |custom, data: Option<CustomData>| Command::UpdateMember {
        player: player("a"),
        state: None,
        custom_data: data,
        custom,
    };
    let data = CustomData::from([("k".to_owned(), "v".to_owned())]);
    let team = Command::Move {
        player: player("a"),
        team: 1,
    };
    let ticket = Command::SetTicket(TicketRef {
        id: TicketId(id(7)),
        queue: "duel".parse().unwrap(),
        state: crate::ticket::TicketState::Searching,
        reason: None,
    });
    let cases: Vec<(Command, &[ChangeType])> = vec![
        (reserve(&["c"]), &[MembersList]),
        (team, &[MembersStatus]),
        (own(Some(json!(1)), None), &[MembersCustomProperty]),
        (own(None, Some(data.clone())), &[MembersCustomProperty]),
        (
            update(Update {
                closed: Some(true),
                ..Update::default()
            }),
            &[Access],
        ),
        (
            update(Update {
                custom: Some(json!(2)),
                ..Update::default()
            }),
            &[CustomProperty],
        ),
        (
            update(Update {
                turn: Some(vec![0]),
                ..Update::default()
            }),
            &[CustomProperty],
        ),
        (
            update(Update {
                closed: Some(false),
                custom_data: Some(data),
                ..Update::default()
            }),
            &[Access, CustomProperty],
        ),
        (ticket, &[MatchmakingStatus]),
        (
            change("a", &[(1, to(Profile::Party))], 0),
            &[ChangeType::Everything],
        ),
    ];
    // Asking for a host is what subscribers to the host hear of.
    let request = Command::RequestInstance(InstanceRequest {
        id: InstanceId(id(9)),
        startup_params: None,
        fleet: None,
    });
    let cases = cases
        .into_iter()
        .chain([(request, &[ChangeType::Host][..])]);
    // Last, as the leadership goes with it.
    let cases = cases.chain([
        (promote("b"), &[MembersStatus][..]),
        (set_state("a", JoinedState::Inactive), &[MembersStatus]),
    ]);
    for (command, kinds) in cases {
        let changes = world.run(1, &by("a"), &command).unwrap();
        let told: Vec<ChangeType> = changes.events.iter().map(Event::change_type).collect();
        assert_eq!(told, kinds, "{command:?}: {:?}", changes.events);
    }
}

#[test]
fn row_44_every_profile_covers_something_and_has_an_interval_of_its_own() {
    let usual = SubscriptionSettings::default();
    assert_eq!(usual.max_per_connection, 10);
    for profile in Profile::ALL {
        assert!(!usual.profile(profile).changes.is_empty());
        assert_eq!(usual.profile(profile).min_interval, Millis::seconds(1));
        let json = serde_json::to_value(profile).unwrap();
        assert_eq!(json, profile.as_str());
    }
    let covered = |profile: Profile| usual.profile(profile).changes.clone();
    assert_eq!(covered(Profile::Party), [ChangeType::Everything].into());
    assert_eq!(
        covered(Profile::Roster),
        [ChangeType::MembersList, ChangeType::MembersStatus].into()
    );
}
