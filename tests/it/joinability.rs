//! Who gets in and who may look (R44, A.3b), over HTTP.

use model::instance::InstanceStatus;
use model::session_type::{Joinability, Visibility};
use model::wire::{
    CreateSession, InvitePlayers, JoinSession, Password, PrincipalKind, UpdateSession,
};
use sdk::{Client, Condition, Who};
use tests::world::{LAW_TYPES, World, active, create, create_with, join, of, refused, seat};
use tests::{Host, player, raw, run};

/// How a player stands to a session that he comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comes {
    Stranger,
    /// A joined member follows him.
    Followed,
    /// A player with a reservation, who has not joined, follows him.
    FollowedByReserved,
    /// From the device of an active member.
    Local,
    /// From the device of a member who is away.
    LocalToInactive,
    Reserved,
    Invited,
    /// Invited before the joinability was tightened.
    InvitedBefore,
    /// A member who joins again.
    Member,
}

/// What a player says when he is asked for the password.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    Wrong,
    Right,
}

/// A session that a player comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rules {
    visibility: Visibility,
    joinability: Joinability,
    closed: bool,
    password: bool,
}

impl Rules {
    fn all() -> Vec<Rules> {
        let mut all = Vec::new();
        for visibility in [Visibility::Open, Visibility::Visible, Visibility::Private] {
            for joinability in [
                Joinability::Public,
                Joinability::Followed,
                Joinability::Local,
                Joinability::Private,
            ] {
                for (closed, password) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    all.push(Rules {
                        visibility,
                        joinability,
                        closed,
                        password,
                    });
                }
            }
        }
        all
    }

    /// Whether A.3b lets him look.
    fn readable(self, comes: Comes) -> bool {
        let with_a_right = matches!(comes, Comes::Reserved | Comes::Invited | Comes::Member);
        self.visibility != Visibility::Private || with_a_right
    }

    /// Whether A.3b lets him in: the most restrictive rule wins, a reservation passes them all, an invite all but
    /// `closed`.
    fn admitted(self, comes: Comes, says: Says) -> Result<(), (u16, &'static str)> {
        if matches!(comes, Comes::Reserved | Comes::Member) {
            return Ok(());
        }
        // Who may not even look learns nothing else.
        if !self.readable(comes) {
            return Err((404, "not-found"));
        }
        if self.closed {
            return Err((403, "session-closed"));
        }
        if comes == Comes::Invited {
            return Ok(());
        }
        let by_joinability = match self.joinability {
            Joinability::Public => true,
            Joinability::Followed => matches!(comes, Comes::Followed | Comes::Local),
            Joinability::Local => comes == Comes::Local,
            Joinability::Private => false,
        };
        if self.visibility != Visibility::Open || !by_joinability {
            return Err((403, "not-admitted"));
        }
        if self.password && says != Says::Right {
            return Err((403, "wrong-password"));
        }
        Ok(())
    }
}

fn client(world: &World, name: &str, device: Option<&str>, follows: &[&str]) -> Client {
    let mut claims = raw::claims(PrincipalKind::Player, name);
    claims.device = device.map(str::to_owned);
    claims.follows = follows.iter().map(|name| player(name)).collect();
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

/// How players come, by what name and from which device.
const COMERS: [(Comes, &str, Option<&str>); 9] = [
    (Comes::Stranger, "stranger", None),
    (Comes::Followed, "fan", None),
    (Comes::FollowedByReserved, "acquaintance", None),
    (Comes::Local, "guest", Some("console")),
    (Comes::LocalToInactive, "visitor", Some("handheld")),
    (Comes::Reserved, "expected", None),
    (Comes::Invited, "invited", None),
    (Comes::InvitedBefore, "forgotten", None),
    (Comes::Member, "member", None),
];
const SAYINGS: [Says; 3] = [Says::Nothing, Says::Wrong, Says::Right];

fn named(name: &str, says: Says) -> String {
    format!("{name}-{says:?}")
}

/// Those who come in this way, whatever they say.
fn all_of(comes: Comes) -> Vec<String> {
    let of = COMERS.iter().filter(|(how, ..)| *how == comes);
    of.flat_map(|(_, name, _)| SAYINGS.map(|says| named(name, says)))
        .collect()
}

/// A session by these rules; `ann` leads it.
async fn by_rules(world: &World, ann: &Client, rules: Rules) -> model::SessionId {
    let ids = |names: Vec<String>| names.iter().map(|name| player(name)).collect();
    let waited = [all_of(Comes::Reserved), all_of(Comes::Member)].concat();
    let mut reserve = ["held", "away"].map(seat).to_vec();
    reserve.extend(waited.iter().map(|name| seat(name)));
    let body = CreateSession {
        visibility: Some(rules.visibility),
        joinability: Some(Joinability::Public),
        password: rules.password.then(|| Password("sesame".into())),
        reserve,
        ..of("Plain")
    };
    let id = ann.create_session(&body).await.expect("a session").id;
    let away = client(world, "away", Some("handheld"), &[]);
    away.join(id, Who::Me, &JoinSession::default())
        .await
        .expect("a seat");
    for name in all_of(Comes::Member) {
        join(&world.player(&name), id).await.expect("a seat");
    }
    let invite = async |comes| {
        let body = InvitePlayers {
            players: ids(all_of(comes)),
            context: String::new(),
        };
        ann.invite(id, &body).await.expect("a member's right");
    };
    invite(Comes::InvitedBefore).await;
    set(ann, id, Joinability::Private).await;
    let rules = UpdateSession {
        joinability: Some(rules.joinability),
        closed: Some(rules.closed),
        ..UpdateSession::default()
    };
    ann.update_session(id, &rules, Condition::Always)
        .await
        .expect("a member's right");
    invite(Comes::Invited).await;
    id
}

#[test]
fn r44_r45_r46_r47_r68_every_combination_of_who_may_look_who_may_join_and_who_comes() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let everybody = |name: &str| SAYINGS.map(|says| named(name, says));
        let follows = [everybody("fan").to_vec(), vec!["zoe".into()]].concat();
        let follows: Vec<&str> = follows.iter().map(String::as_str).collect();
        let ann = client(&world, "ann", Some("console"), &follows);
        let known = everybody("acquaintance");
        let held = client(&world, "held", None, &known.each_ref().map(String::as_str));
        // She has said whom she follows elsewhere, which counts nothing here.
        create(&held, "Plain").await;
        let mut looked_at = 0;
        for (round, rules) in (0..).zip(Rules::all()) {
            // Wrong passwords count for a minute.
            world.at(round * 61_000);
            let id = by_rules(&world, &ann, rules).await;
            for (comes, name, device) in COMERS {
                for says in SAYINGS {
                    let comer = client(&world, &named(name, says), device, &[]);
                    let what = format!("{rules:?} {comes:?} {says:?}");
                    let read = comer.session(id).await;
                    assert_eq!(read.is_ok(), rules.readable(comes), "{what}");
                    if let Ok(read) = read {
                        assert_eq!(read.password_protected, rules.password, "{what}");
                    }
                    let body = JoinSession {
                        password: match says {
                            Says::Nothing => None,
                            Says::Wrong => Some(Password("simsala".into())),
                            Says::Right => Some(Password("sesame".into())),
                        },
                        ..active()
                    };
                    let got = comer.join(id, Who::Me, &body).await;
                    let got = got.map(drop).map_err(|error| {
                        let problem = error.problem_type().unwrap_or_default().to_owned();
                        (error.status().unwrap_or_default(), problem)
                    });
                    let expected = rules.admitted(comes, says);
                    let expected = expected.map_err(|(status, of)| (status, of.to_owned()));
                    assert_eq!(got, expected, "{what}");
                    // Who has come from a device of his own is not to open the door for the next one.
                    if got.is_ok() && comes == Comes::LocalToInactive {
                        comer.leave(id, Who::Me).await.expect("his own seat");
                    }
                    looked_at += 1;
                }
            }
        }
        assert_eq!(looked_at, 3 * 4 * 2 * 2 * 9 * 3);
        world.stop().await;
    });
}

#[test]
fn r46_whom_a_member_follows_is_what_his_newest_token_says() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let body = CreateSession {
            joinability: Some(Joinability::Followed),
            ..of("Plain")
        };
        let ann = client(&world, "ann", None, &["bob"]);
        let id = ann.create_session(&body).await.expect("a session").id;
        let bob = world.player("bob");
        let cid = world.player("cid");
        refused(join(&cid, id).await, 403, "not-admitted");
        join(&client(&world, "ann", None, &["cid"]), id)
            .await
            .expect("her newest token");
        refused(join(&bob, id).await, 403, "not-admitted");
        join(&cid, id).await.expect("followed now");
        // It is kept over a restart, and goes with her.
        let world = world.restart().await;
        let dan = world.player("dan");
        refused(join(&dan, id).await, 403, "not-admitted");
        join(&client(&world, "cid", None, &["dan"]), id)
            .await
            .expect("his newest token");
        let cid = world.player("cid");
        cid.leave(id, Who::Me).await.expect("his own seat");
        refused(join(&dan, id).await, 403, "not-admitted");
        world.stop().await;
    });
}

async fn set(leader: &Client, id: model::SessionId, joinability: Joinability) {
    let update = UpdateSession {
        joinability: Some(joinability),
        ..UpdateSession::default()
    };
    leader
        .update_session(id, &update, Condition::Always)
        .await
        .expect("a member's right");
}

#[test]
fn r44_public_is_anybody_with_the_id_and_private_needs_a_reservation() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        // Private is the default (row 26).
        let id = create_with(&ann, "Plain", &["cid"]).await.id;
        refused(join(&bob, id).await, 403, "not-admitted");
        join(&cid, id).await.expect("a reservation admits");
        set(&ann, id, Joinability::Public).await;
        join(&bob, id).await.expect("anybody with the id");
        set(&cid, id, Joinability::Private).await;
        refused(join(&world.player("dan"), id).await, 403, "not-admitted");
        // Whoever is in stays in, and may join again.
        join(&bob, id).await.expect("a member already");
        world.stop().await;
    });
}

#[test]
fn row30_closed_keeps_all_out_but_those_with_a_reservation_and_never_makes_room() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let id = create_with(&ann, "Pair", &["cid"]).await.id;
        let close = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        ann.update_session(id, &close, Condition::Always)
            .await
            .expect("a member's right");
        refused(join(&bob, id).await, 403, "session-closed");
        let bobs = player("bob");
        refused(
            world
                .backend()
                .join(id, Who::Player(&bobs), &active())
                .await,
            403,
            "session-closed",
        );
        join(&cid, id).await.expect("a reservation passes closed");
        let reserve = model::wire::Reserve {
            players: vec![seat("bob")],
            initialize: false,
        };
        refused(ann.reserve(id, &reserve).await, 409, "session-full");
        world.stop().await;
    });
}

#[test]
fn r45_a3b_visible_is_for_all_to_read_and_private_for_members_and_reserved_players_alone() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let shown = create_with(&ann, "Shown", &["cid"]).await.id;
        bob.session(shown).await.expect("anybody may look");
        // The most restrictive of visibility and joinability wins: public joinability does not help.
        refused(join(&bob, shown).await, 403, "not-admitted");
        join(&cid, shown).await.expect("a reservation admits");
        let secret = create_with(&ann, "Secret", &["cid"]).await.id;
        refused(bob.session(secret).await, 404, "not-found");
        refused(bob.instance(secret).await, 404, "not-found");
        cid.session(secret)
            .await
            .expect("a reserved player may look");
        join(&cid, secret).await.expect("and get in");
        // Not by the back door either: a stale tag is answered with the document, to those who may see it.
        let update = UpdateSession {
            closed: Some(true),
            ..UpdateSession::default()
        };
        let never = Condition::Unchanged("\"00000000-0000-0000-0000-000000000000:1\"");
        refused(
            bob.update_session(secret, &update, never).await,
            404,
            "not-found",
        );
        refused(
            bob.update_session(shown, &update, never).await,
            412,
            "precondition-failed",
        );
        cid.leave(secret, Who::Me).await.expect("a way out");
        refused(cid.session(secret).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn a3b_connection_data_is_for_members_only() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&ann, "Room").await.id;
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        let assignment = host.assignment(id).await;
        let says = model::wire::HostUpdate {
            allocation_id: assignment.allocation_id,
            status: Some(InstanceStatus::Joinable),
            version: Some("1.4.2".into()),
            join_custom_data: Some([("secret".to_owned(), "word".to_owned())].into()),
            connected: Some(vec!["ann".into()]),
        };
        host.client
            .update_instance(id, &says)
            .await
            .expect("the host's right");
        let seen = ann.instance(id).await.expect("a member");
        assert!(seen.addresses.is_some() && seen.join_custom_data.contains_key("secret"));
        let outside = [
            bob.instance(id).await.expect("anybody may look"),
            bob.session(id).await.expect("it").instance.expect("it"),
        ];
        for seen in outside {
            assert_eq!(seen.status, InstanceStatus::Joinable);
            assert_eq!(
                (seen.addresses, seen.game_server, seen.allocation_id),
                (None, None, None)
            );
            assert!(seen.join_custom_data.is_empty() && seen.connected.is_empty());
        }
        refused(
            bob.allocation(assignment.allocation_id).await,
            404,
            "not-found",
        );
        ann.allocation(assignment.allocation_id)
            .await
            .expect("a member");
        world.stop().await;
    });
}

#[test]
fn row38_a_pending_instance_lets_nobody_in_and_a_foreign_allocation_moves_nothing() {
    run(async {
        let world = World::with(VERSIONED).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create(&ann, "Room").await.id;
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        refused(
            ann.request_instance(id, &Default::default()).await,
            409,
            "instance-exists",
        );
        let mine = host.assignment(id).await.allocation_id;
        host.client.acknowledge(mine).await.expect("its own");
        // Joining the session is fine while the instance is pending.
        let joined = join(&bob, id).await.expect("a seat");
        assert_eq!(joined.instance.expect("it").status, InstanceStatus::Pending);
        let foreign = model::AllocationId(uuid::Uuid::from_u128(7));
        let joinable = InstanceStatus::Joinable;
        refused(
            host.says(id, foreign, joinable).await,
            409,
            "foreign-allocation",
        );
        refused(
            host.client.acknowledge(foreign).await,
            409,
            "foreign-allocation",
        );
        let wrong = model::wire::HostUpdate {
            allocation_id: mine,
            status: Some(joinable),
            version: Some("3.0.0".into()),
            join_custom_data: None,
            connected: None,
        };
        refused(
            host.client.update_instance(id, &wrong).await,
            409,
            "version-mismatch",
        );
        let still = ann.instance(id).await.expect("it");
        assert_eq!(still.status, InstanceStatus::Pending);
        let right = model::wire::HostUpdate {
            version: Some("1.4.9".into()),
            ..wrong
        };
        host.client
            .update_instance(id, &right)
            .await
            .expect("joinable");
        host.says(id, mine, InstanceStatus::Closed)
            .await
            .expect("closed");
        let after = host.says(id, mine, joinable).await;
        let (status, _) = tests::world::refusal(after);
        assert!(
            [403, 409, 410].contains(&status),
            "closed is final: {status}"
        );
        refused(ann.close_instance(id).await, 410, "instance-closed");
        world.stop().await;
    });
}

/// A room whose instances must have a version.
const VERSIONED: &str = r#"
apiVersion: v1
kind: SessionType
name: Room
creation: { by_players: true }
size: { teams: 2, players_per_team: 2 }
joinability: public
instance:
  host_type: dedicated
  fleet: arena
  version: ">=1.4,<2"
  startup_params: { map: Lobby }
---
apiVersion: v1
kind: Fleet
name: arena
provider: process
regions: [eu-west]
version: "1.4.0"
capacity: { max: 8 }
config:
  command: [muster, arena]
  ports: 21000-21999
"#;
