//! Who gets in and who may look (R44, A.3b), over HTTP.

use model::instance::InstanceStatus;
use model::session_type::{Joinability, Visibility};
use model::wire::{CreateSession, JoinSession, PrincipalKind, UpdateSession};
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
}

/// Whether A.3b lets him in: the most restrictive rule wins, and a reservation passes them all.
fn admitted(
    visibility: Visibility,
    joinability: Joinability,
    closed: bool,
    comes: Comes,
) -> Result<(), (u16, &'static str)> {
    if comes == Comes::Reserved {
        return Ok(());
    }
    // Who may not even look learns nothing else.
    if visibility == Visibility::Private {
        return Err((404, "not-found"));
    }
    if closed {
        return Err((403, "session-closed"));
    }
    let by_joinability = match joinability {
        Joinability::Public => true,
        Joinability::Followed => matches!(comes, Comes::Followed | Comes::Local),
        Joinability::Local => comes == Comes::Local,
        Joinability::Private => false,
    };
    if visibility == Visibility::Open && by_joinability {
        Ok(())
    } else {
        Err((403, "not-admitted"))
    }
}

fn client(world: &World, name: &str, device: Option<&str>, follows: &[&str]) -> Client {
    let mut claims = raw::claims(PrincipalKind::Player, name);
    claims.device = device.map(str::to_owned);
    claims.follows = follows.iter().map(|name| player(name)).collect();
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

#[test]
fn r44_r45_r46_every_combination_of_who_may_look_who_may_join_and_who_comes() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let ann = client(&world, "ann", Some("console"), &["fan", "zoe"]);
        let away = client(&world, "away", Some("handheld"), &[]);
        let held = client(&world, "held", None, &["acquaintance"]);
        // She has said whom she follows elsewhere, which counts nothing here.
        create(&held, "Plain").await;
        let visibilities = [Visibility::Open, Visibility::Visible, Visibility::Private];
        let joinabilities = [
            Joinability::Public,
            Joinability::Followed,
            Joinability::Local,
            Joinability::Private,
        ];
        let mut looked_at = 0;
        for visibility in visibilities {
            for joinability in joinabilities {
                for closed in [false, true] {
                    for (comes, name, device) in [
                        (Comes::Stranger, "stranger", None),
                        (Comes::Followed, "fan", None),
                        (Comes::FollowedByReserved, "acquaintance", None),
                        (Comes::Local, "guest", Some("console")),
                        (Comes::LocalToInactive, "visitor", Some("handheld")),
                        (Comes::Reserved, "expected", None),
                    ] {
                        let body = CreateSession {
                            visibility: Some(visibility),
                            reserve: ["held", "expected", "away"].map(seat).into(),
                            ..of("Plain")
                        };
                        let id = ann.create_session(&body).await.expect("a session").id;
                        let inactive = JoinSession::default();
                        away.join(id, Who::Me, &inactive).await.expect("a seat");
                        let rules = UpdateSession {
                            joinability: Some(joinability),
                            closed: Some(closed),
                            ..UpdateSession::default()
                        };
                        ann.update_session(id, &rules, Condition::Always)
                            .await
                            .expect("a member's right");
                        let comer = client(&world, name, device, &[]);
                        let got = join(&comer, id).await.map(drop).map_err(|error| {
                            let problem = error.problem_type().unwrap_or_default().to_owned();
                            (error.status().unwrap_or_default(), problem)
                        });
                        let expected = admitted(visibility, joinability, closed, comes);
                        let expected = expected.map_err(|(status, of)| (status, of.to_owned()));
                        let what =
                            format!("{visibility:?} {joinability:?} closed {closed} {comes:?}");
                        assert_eq!(got, expected, "{what}");
                        looked_at += 1;
                    }
                }
            }
        }
        assert_eq!(looked_at, 3 * 4 * 2 * 6);
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
