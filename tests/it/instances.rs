//! Instances over HTTP: who asks for one, with what, who opens it, and one after another (R67, R72-R75).

use model::instance::InstanceStatus;
use model::session_type::StartupParams;
use model::wire::RequestInstance;
use tests::world::{World, create, join, refused};
use tests::{Host, SESSION_TYPES, run};

/// A type whose sessions may have hosts, but that does not say what to start.
const BARE: &str = "
---
apiVersion: v1
kind: SessionType
name: Bare
creation: { by_players: true }
joinability: public
instance: { host_type: dedicated, fleet: arena }
";

#[test]
fn r67_r72_r75_a_dedicated_server_is_allocated_and_joinable_once_it_says_so() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let room = create(&ann, "Room").await.id;
        join(&bob, room).await.expect("a seat");
        let asked = RequestInstance::default();
        refused(bob.request_instance(room, &asked).await, 403, "not-leader");
        ann.request_instance(room, &asked).await.expect("hers");
        let assignment = host.assignment(room).await;
        host.client
            .acknowledge(assignment.allocation_id)
            .await
            .expect("its own");
        // Allocated and taken on, it is not joinable; nobody but the host makes it so.
        let read = bob.instance(room).await.expect("a member's");
        assert_eq!(read.status, InstanceStatus::Pending);
        assert_eq!(read.game_server, Some(host.id));
        let said = host.says(room, assignment.allocation_id, InstanceStatus::Joinable);
        said.await.expect("its own");
        let read = bob.instance(room).await.expect("a member's");
        assert_eq!(read.status, InstanceStatus::Joinable);
        // It is where people connect: the address is the game server's.
        let addresses = read.addresses.expect("for members");
        assert_eq!(addresses.external, "192.0.2.7");
        let shut = host.says(room, assignment.allocation_id, InstanceStatus::Unjoinable);
        assert_eq!(
            shut.await.expect("its own").status,
            InstanceStatus::Unjoinable
        );
        world.stop().await;
    });
}

#[test]
fn r73_a_session_owns_its_instances_one_after_another_and_keeps_its_players() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let room = create(&ann, "Room").await.id;
        join(&bob, room).await.expect("a seat");
        let mut seen = Vec::new();
        for _ in 0..3 {
            let asked = RequestInstance::default();
            let session = ann.request_instance(room, &asked).await.expect("hers");
            seen.push(session.instance.expect("it").id);
            let again = ann.request_instance(room, &asked).await;
            refused(again, 409, "instance-exists");
            host.open(room).await;
            ann.close_instance(room).await.expect("hers");
            let read = ann.session(room).await.expect("it");
            let closed = read.instance.expect("the last one").status;
            assert_eq!((closed, read.members.len()), (InstanceStatus::Closed, 2));
        }
        seen.dedup();
        assert_eq!(seen.len(), 3, "each is one of its own");
        // With the session its instance ends.
        ann.request_instance(room, &RequestInstance::default())
            .await
            .expect("hers");
        host.open(room).await;
        ann.delete_session(room).await.expect("hers");
        refused(ann.instance(room).await, 404, "not-found");
        world.stop().await;
    });
}

#[test]
fn r74_an_instance_is_asked_for_with_startup_parameters_which_the_host_is_told() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{BARE}")).await;
        let ann = world.player("ann");
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        let bare = create(&ann, "Bare").await.id;
        let nothing = ann
            .request_instance(bare, &RequestInstance::default())
            .await;
        refused(nothing, 422, "invalid");
        let params = StartupParams {
            map: "Cliff".to_owned(),
            mode: "ctf".to_owned(),
            ..StartupParams::default()
        };
        let asked = RequestInstance {
            startup_params: Some(params.clone()),
        };
        ann.request_instance(bare, &asked).await.expect("hers");
        assert_eq!(host.assignment(bare).await.startup_params, params);
        world.stop().await;
    });
}
