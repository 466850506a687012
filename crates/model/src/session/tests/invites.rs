//! Invites and passwords in the law: what HTTP cannot reach or tell apart.

use super::*;

fn password(digest: &str) -> PasswordDigest {
    PasswordDigest {
        salt: "salt".into(),
        digest: digest.into(),
    }
}

fn with_password(name: &str, digest: &str) -> Command {
    Command::Join(Join {
        password: Some(password(digest)),
        ..Join::new(player(name), JoinedState::Active)
    })
}

#[test]
fn row29_each_end_of_an_invite_is_told_once_with_its_reason() {
    let ends = |changes: &Changes| -> Vec<InviteEnd> {
        let of = |event: &Event| match event {
            Event::InviteEnded { reason, .. } => Some(*reason),
            _ => None,
        };
        changes.events.iter().filter_map(of).collect()
    };
    let mut world = World::of(game(), &["a"]);
    let all = ["b", "c", "d", "e", "f"];
    let changes = world.run(0, &by("a"), &invite(&all)).unwrap();
    assert_eq!(changes.events.len(), 5);
    let joined = world.run(1, &by("b"), &join("b", JoinedState::Active));
    assert_eq!(ends(&joined.unwrap()), [InviteEnd::Seated]);
    let withdraw = |name| Command::Withdraw {
        player: player(name),
    };
    let declined = world.run(1, &by("c"), &withdraw("c"));
    assert_eq!(ends(&declined.unwrap()), [InviteEnd::Declined]);
    let taken = world.run(1, &by("a"), &withdraw("d"));
    assert_eq!(ends(&taken.unwrap()), [InviteEnd::Withdrawn]);
    let tighten = Command::Update(Update {
        joinability: Some(Joinability::Followed),
        ..Update::default()
    });
    let stale = world.run(1, &by("a"), &tighten).unwrap();
    assert_eq!(ends(&stale), [InviteEnd::Stale, InviteEnd::Stale]);
    world.run(30_000, &by("a"), &invite(&["e"])).unwrap();
    world.run(30_001, &by("a"), &invite(&["g"])).unwrap();
    assert!(world.read(329_999).is_empty());
    assert_eq!(ends(&world.read(330_000)), [InviteEnd::Expired]);
    let over = world.run(330_000, &by("a"), &Command::Delete).unwrap();
    assert_eq!(ends(&over), [InviteEnd::SessionEnded]);
}

#[test]
fn r47_invites_become_stale_only_as_the_session_lets_fewer_in_and_the_type_says_so() {
    let tighten = Update {
        joinability: Some(Joinability::Private),
        ..Update::default()
    };
    let open = Update {
        joinability: Some(Joinability::Public),
        ..Update::default()
    };
    let other = Update {
        custom: Some(1.into()),
        ..Update::default()
    };
    for (reject_stale, update, lives) in [
        (true, &tighten, false),
        (false, &tighten, true),
        (true, &open, true),
        (true, &other, true),
    ] {
        let mut of_type = game();
        of_type.joinability = Joinability::Followed;
        of_type.invites.reject_stale = reject_stale;
        let mut world = World::of(of_type, &["a"]);
        world.run(0, &by("a"), &invite(&["b"])).unwrap();
        world
            .run(1, &by("a"), &Command::Update(update.clone()))
            .unwrap();
        let invites = &world.session.header().invites;
        assert_eq!(invites.of(&player("b")).is_some(), lives, "{update:?}");
    }
}

#[test]
fn r69_nobody_is_invited_again_before_the_least_time_is_over() {
    let mut of_type = game();
    of_type.invites.time_out = Millis::seconds(10);
    of_type.invites.min_interval = Millis::seconds(30);
    let mut world = World::of(of_type, &["a"]);
    world.run(1_000, &by("a"), &invite(&["b"])).unwrap();
    let b = player("b");
    for now in [5_000, 11_000, 30_999] {
        let wait = Millis(u64::try_from(31_000 - now).unwrap());
        let refusal = world.run(now, &by("a"), &invite(&["c", "b"]));
        let player = b.clone();
        assert_eq!(refusal, Err(Error::InvitedLately { player, wait }));
        let lives = world.session.header().invites.of(&b).is_some();
        assert_eq!(lives, now < 11_000);
        let all = Command::InviteNewcomers {
            players: ["a", "b"].map(|name| name.parse().unwrap()).into(),
            context: String::new(),
        };
        assert!(world.run(now, &by("a"), &all).unwrap().is_empty());
    }
    world.run(31_000, &by("a"), &invite(&["b"])).unwrap();
    assert_eq!(
        world.session.header().invites.of(&b).unwrap().at,
        at(31_000)
    );
    assert!(world.session.next_timer() == Some(at(41_000)));
}

#[test]
fn r69_an_invite_that_lives_is_replaced_by_a_newer_one() {
    let mut world = World::of(game(), &["a", "b"]);
    world.run(0, &by("a"), &invite(&["x", "y"])).unwrap();
    let interval = world.session.constants().session_type.invites.min_interval;
    let later = (at(0) + interval).0;
    world.run(later, &by("b"), &invite(&["x"])).unwrap();
    let invites: Vec<_> = world.session.header().invites.iter().collect();
    assert_eq!(invites.len(), 2);
    assert_eq!(
        (invites[0].player.as_str(), &invites[0].by),
        ("y", &by("a"))
    );
    assert_eq!(
        (invites[1].player.as_str(), &invites[1].by),
        ("x", &by("b"))
    );
    let versions = [invites[0].version, invites[1].version];
    assert_eq!(versions, [world.number() - 1, world.number()]);
    let expires: Vec<_> = invites.iter().map(|invite| invite.expires_at).collect();
    assert!(expires[0] < expires[1]);
}

#[test]
fn r69_what_is_over_leaves_no_trace() {
    let mut of_type = game();
    of_type.invites.time_out = Millis::seconds(10);
    of_type.invites.min_interval = Millis::seconds(10);
    let mut world = World::of(of_type, &["a"]);
    world.run(0, &by("a"), &invite(&["guest-1"])).unwrap();
    world.read(10_000);
    assert!(world.session.header().invites.is_empty());
    world.run(10_000, &by("a"), &invite(&["guest-2"])).unwrap();
    let decline = Command::Withdraw {
        player: player("guest-2"),
    };
    world.run(10_001, &by("guest-2"), &decline).unwrap();
    let text = |world: &World| world.session.header().to_json().unwrap();
    assert!(text(&world).contains("guest-2"), "he waits still");
    world.run(20_000, &by("a"), &invite(&["guest-3"])).unwrap();
    assert!(!text(&world).contains("guest-2"));
}

#[test]
fn r68_invites_have_limits_that_hold_at_their_bounds() {
    let mut of_type = game();
    of_type.invites.min_interval = Millis::seconds(60);
    let many = |from: usize, count: usize| Command::Invite {
        players: (from..from + count)
            .map(|number| player(&format!("p{number}")))
            .collect(),
        context: "x".repeat(5),
    };
    let fresh = || World::of(of_type.clone(), &["a"]);
    let one = |context: usize| Command::Invite {
        players: vec![player("b")],
        context: "x".repeat(context),
    };
    fresh()
        .run(0, &by("a"), &one(INVITE_CONTEXT_BYTES_MAX))
        .unwrap();
    for wrong in [
        one(INVITE_CONTEXT_BYTES_MAX + 1),
        invite(&[]),
        invite(&["b", "b"]),
    ] {
        let refusal = fresh().run(0, &by("a"), &wrong).unwrap_err();
        assert!(matches!(refusal, Error::Invalid(_)), "{refusal}");
    }
    let mut world = fresh();
    let refused = world.run(0, &by("a"), &many(0, INVITES_MAX + 1));
    assert_eq!(refused, Err(Error::TooManyInvites));
    world.run(0, &by("a"), &many(0, INVITES_MAX)).unwrap();
    let another = world.run(0, &by("a"), &many(900, 1));
    assert_eq!(another, Err(Error::TooManyInvites));
    // All of them decline, and count until the least time between invites is over.
    let decline = |world: &mut World, from: usize| {
        for number in from..from + 100 {
            let player = player(&format!("p{number}"));
            let by = Actor::Player(player.clone());
            world.run(1, &by, &Command::Withdraw { player }).unwrap();
        }
    };
    decline(&mut world, 0);
    world.run(1, &by("a"), &many(100, 100)).unwrap();
    decline(&mut world, 100);
    let another = world.run(1, &by("a"), &many(900, 1));
    assert_eq!(another, Err(Error::TooManyInvites));
    world.run(60_000, &by("a"), &many(900, 1)).unwrap();
}

#[test]
fn f3_inviting_all_passes_over_who_has_a_seat_is_kept_out_or_was_invited_lately() {
    let mut world = World::of(
        standing::owned(crate::roles::Migration::Oldest),
        &["a", "b"],
    );
    let block = StandingCommand::Block {
        player: player("blocked"),
    };
    world.run(0, &by("a"), &Command::Standing(block)).unwrap();
    world.run(0, &by("a"), &invite(&["lately"])).unwrap();
    let all = Command::InviteNewcomers {
        players: ["a", "b", "blocked", "lately", "new"].map(player).into(),
        context: String::new(),
    };
    let refused = world.run(0, &by("b"), &all);
    assert_eq!(refused, Err(Error::NotOwner));
    let changes = world.run(0, &by("a"), &all).unwrap();
    let invited = Event::Invited {
        player: player("new"),
    };
    assert_eq!(changes.events, [invited]);
}

#[test]
fn row29_who_takes_an_invite_back() {
    let withdraw = Command::Withdraw {
        player: player("x"),
    };
    let fresh = |sender: &Actor| {
        let mut world = World::of(game(), &["a", "b", "c"]);
        world.run(0, sender, &invite(&["x"])).unwrap();
        world
    };
    for (sender, actor, refusal) in [
        (by("b"), by("x"), None),
        (by("b"), by("b"), None),
        (by("b"), by("a"), None),
        (by("b"), Actor::Server, None),
        (by("b"), Actor::Admin, None),
        (by("b"), Actor::Service, None),
        (by("b"), by("c"), Some(Error::NotLeader)),
        (by("b"), by("s"), Some(Error::NotAMember)),
        (Actor::Server, by("c"), Some(Error::NotLeader)),
    ] {
        let result = fresh(&sender).run(1, &actor, &withdraw).map(drop);
        assert_eq!(result.err(), refusal, "{sender:?} {actor:?}");
    }
    let mut world = World::of(game(), &["a"]);
    let refusal = world.run(1, &by("a"), &withdraw);
    assert_eq!(refusal, Err(Error::NoSuchInvite));
}

#[test]
fn invites_that_would_make_the_document_too_large_are_refused_and_change_nothing() {
    let mut world = World::of(game(), &["a"]);
    let large = Command::Update(Update {
        custom: Some("x".repeat(32_000).into()),
        ..Update::default()
    });
    world.run(0, &by("a"), &large).unwrap();
    let before = world.session.header().clone();
    let many = Command::Invite {
        players: (0..INVITES_MAX).map(|n| player(&format!("p{n}"))).collect(),
        context: "x".repeat(INVITE_CONTEXT_BYTES_MAX),
    };
    let refusal = world.run(0, &by("a"), &many).unwrap_err();
    assert_eq!(refusal.status(), 422, "{refusal}");
    assert_eq!(*world.session.header(), before);
    let Command::Invite { players, .. } = many else {
        unreachable!("it is an invite")
    };
    let few = Command::Invite {
        players: players[..50].to_vec(),
        context: String::new(),
    };
    world.run(0, &by("a"), &few).unwrap();
}

#[test]
fn a_document_from_before_there_were_invites_is_read_as_it_was() {
    let world = World::of(game(), &["a"]);
    let text = world.session.header().to_json().unwrap();
    for field in ["invites", "password", "short_code"] {
        assert!(!text.contains(field), "{text}");
    }
    let header = Header::from_json(&text).unwrap();
    assert!(header.invites.is_empty() && header.password.is_none());
}

#[test]
fn row8_a_host_that_has_been_replaced_invites_nobody() {
    let mut world = hosting::joinable(&["a"]);
    let host = Actor::Host(hosting::FIRST);
    world.run(2_000, &host, &invite(&["b"])).unwrap();
    let foreign = Actor::Host(hosting::SECOND);
    for command in [
        invite(&["c"]),
        Command::Withdraw {
            player: player("b"),
        },
    ] {
        let refusal = world.run(2_000, &foreign, &command).unwrap_err();
        assert_eq!((&refusal, refusal.status()), (&Error::NotHost, 403));
    }
}

#[test]
fn f6_the_password_is_asked_of_those_whom_everything_else_lets_in() {
    let mut new = new_session(game(), Actor::Server);
    new.password = Some(password("right"));
    new.members = vec![joined("a", JoinedState::Active)];
    let mut world = World::new(new);
    let refusal = |world: &mut World, command: &Command| {
        let Command::Join(join) = command else {
            unreachable!("only joins")
        };
        let by = Actor::Player(join.player.clone());
        world.run(0, &by, command).unwrap_err()
    };
    let without = join("b", JoinedState::Active);
    assert_eq!(refusal(&mut world, &without), Error::PasswordNeeded);
    let wrong = with_password("b", "wrong");
    assert_eq!(refusal(&mut world, &wrong), Error::WrongPassword);
    let right = with_password("b", "right");
    world.run(0, &by("b"), &right).unwrap();
    // The studio vouches for whom it brings; a held seat and an invite pass.
    world
        .run(0, &Actor::Server, &join("c", JoinedState::Active))
        .unwrap();
    world.run(0, &by("a"), &invite(&["d"])).unwrap();
    world
        .run(0, &by("d"), &join("d", JoinedState::Active))
        .unwrap();
    // The most restrictive rule wins: the password opens nothing that is shut.
    let private = Command::Update(Update {
        joinability: Some(Joinability::Private),
        ..Update::default()
    });
    world.run(0, &by("a"), &private).unwrap();
    let right = with_password("e", "right");
    assert_eq!(refusal(&mut world, &right), Error::NotAdmitted);
}

#[test]
fn f3_kicking_a_whole_session_spares_the_actor_and_passes_over_who_is_not_there() {
    let mut world = World::of(game(), &["a", "b", "c"]);
    let all = Command::KickAll {
        players: ["a", "b", "z"].map(player).into(),
    };
    let refusal = world.run(0, &by("b"), &all).unwrap_err();
    assert_eq!(refusal, Error::NotLeader);
    world.run(0, &by("a"), &all).unwrap();
    assert_eq!(world.state("a"), Some(MemberState::Active));
    assert_eq!(world.state("b"), None);
    assert_eq!(world.state("c"), Some(MemberState::Active));
}
