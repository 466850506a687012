//! Who may look at an open session (A.3b, F22), over HTTP: `read_restriction`, and what strangers do not see.

use model::session_type::Joinability;
use model::wire::{CreateSession, InvitePlayers, PrincipalKind, UpdateSession};
use model::{Name, SessionId};
use sdk::{Client, Condition};
use tests::world::{LAW_TYPES, World, create, create_with, join, of, players, refused, seat};
use tests::{Host, SESSION_TYPES, player, raw, run};

/// A type for each restriction; the joinability is the creator's and the leader's to choose.
const RESTRICTED: &str = "
---
apiVersion: v1
kind: SessionType
name: read-public
creation: { by_players: true }
read_restriction: public
---
apiVersion: v1
kind: SessionType
name: read-followed
creation: { by_players: true }
read_restriction: followed
---
apiVersion: v1
kind: SessionType
name: read-local
creation: { by_players: true }
read_restriction: local
---
apiVersion: v1
kind: SessionType
name: read-private
creation: { by_players: true }
read_restriction: private
---
apiVersion: v1
kind: SessionType
name: shown-private
creation: { by_players: true }
visibility: visible
read_restriction: private
";

/// The same for a type with instances.
const ROOM: &str = "
---
apiVersion: v1
kind: SessionType
name: room-private
creation: { by_players: true }
joinability: private
read_restriction: private
instance: { host_type: dedicated, fleet: arena, startup_params: { map: Lobby } }
";

/// From open to shut.
const ALL: [(Joinability, &str); 4] = [
    (Joinability::Public, "read-public"),
    (Joinability::Followed, "read-followed"),
    (Joinability::Local, "read-local"),
    (Joinability::Private, "read-private"),
];

async fn world() -> World {
    World::with(&format!("{LAW_TYPES}{RESTRICTED}")).await
}

fn client(world: &World, name: &str, device: Option<&str>, follows: &[&str]) -> Client {
    let mut claims = raw::claims(PrincipalKind::Player, name);
    claims.device = device.map(str::to_owned);
    claims.follows = follows.iter().map(|name| player(name)).collect();
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

async fn set(leader: &Client, id: SessionId, joinability: Joinability) {
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
fn f22_a3b_reading_is_by_the_more_open_of_read_restriction_and_joinability() {
    run(async {
        let world = world().await;
        let ann = client(&world, "ann", Some("console"), &["fan"]);
        let mut looked_at = 0;
        for (restricted, of_type) in ALL {
            let name: Name = of_type.parse().expect("a name");
            let shown = ann.session_type(&name).await.expect("a type");
            assert_eq!(shown.read_restriction, restricted);
            for (joinability, _) in ALL {
                let body = CreateSession {
                    joinability: Some(joinability),
                    reserve: vec![seat("expected")],
                    ..of(of_type)
                };
                let id = ann.create_session(&body).await.expect("a session").id;
                let invite = InvitePlayers {
                    players: players(&["invited"]),
                    context: String::new(),
                };
                ann.invite(id, &invite).await.expect("a member's right");
                // How open it must be for each of them; a seat or an invite needs nothing.
                for (name, device, needs) in [
                    ("stranger", None, 3),
                    ("fan", None, 2),
                    ("guest", Some("console"), 1),
                    ("elsewhere", Some("handheld"), 3),
                    ("expected", None, 0),
                    ("invited", None, 0),
                    ("ann", None, 0),
                ] {
                    let looker = client(&world, name, device, &[]);
                    let open = restricted.openness().max(joinability.openness());
                    let what = format!("{restricted:?} {joinability:?} {name}");
                    let (read, instance) = (looker.session(id).await, looker.instance(id).await);
                    assert_eq!(read.is_ok(), open >= needs, "{what}");
                    if let Err(error) = read {
                        assert_eq!(error.problem_type(), Some("not-found"), "{what}");
                        // Nor by another door.
                        refused(instance, 404, "not-found");
                        refused(looker.delete_session(id).await, 404, "not-found");
                        if name != "ann" {
                            refused(join(&looker, id).await, 404, "not-found");
                        }
                    }
                    looked_at += 1;
                }
                for server in [world.backend(), world.admin()] {
                    server.session(id).await.expect("the studio may look");
                }
            }
        }
        assert_eq!(looked_at, 4 * 4 * 7);
        world.stop().await;
    });
}

#[test]
fn f22_who_may_join_may_look_whatever_the_type_restricts_as_soon_as_it_is_so() {
    run(async {
        let world = world().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let id = create(&ann, "read-private").await.id;
        let code = ann.give_short_code(id).await.expect("the leader's right");
        let code = code.short_code.expect("a code");
        refused(bob.session(id).await, 404, "not-found");
        refused(bob.short_code(&code).await, 404, "not-found");
        set(&ann, id, Joinability::Public).await;
        bob.session(id).await.expect("he may join it");
        assert_eq!(bob.short_code(&code).await.expect("it").session, id);
        set(&ann, id, Joinability::Private).await;
        refused(bob.session(id).await, 404, "not-found");
        // `visible` is for all to read, and says so itself.
        let id = create(&ann, "shown-private").await.id;
        bob.session(id).await.expect("anybody may look");
        refused(join(&bob, id).await, 403, "not-admitted");
        world.stop().await;
    });
}

#[test]
fn f4_who_has_no_seat_sees_no_invites_no_code_no_servers_and_no_connection_data() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{ROOM}")).await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let id = create_with(&ann, "room-private", &["cid"]).await.id;
        ann.request_instance(id, &Default::default())
            .await
            .expect("an instance");
        host.open(id).await;
        let invite = InvitePlayers {
            players: players(&["bob", "dan"]),
            context: "come".into(),
        };
        ann.invite(id, &invite).await.expect("a member's right");
        ann.give_short_code(id).await.expect("the leader's right");
        let director: Name = "director".parse().expect("a name");
        world
            .backend()
            .put_server(id, &director, &Default::default())
            .await
            .expect("a server");
        let seen = bob.session(id).await.expect("invited");
        let shown = serde_json::to_value(&seen).expect("JSON");
        for hidden in ["invites", "short_code", "servers"] {
            assert_eq!(shown.get(hidden), None, "{hidden}");
        }
        let instance = seen.instance.expect("it");
        assert_eq!((instance.addresses, instance.game_server), (None, None));
        let seen = world.player("cid").session(id).await.expect("a seat");
        assert_eq!((seen.invites.len(), seen.servers.len()), (2, 1));
        assert!(seen.short_code.is_some());
        world.stop().await;
    });
}
