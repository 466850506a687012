//! The versions of clients and instances, over HTTP (row 38, A.4).

use model::instance::InstanceStatus;
use serde_json::{Value, json};
use tests::world::{World, create};
use tests::{Host, run};

use super::standing::{BACKEND, Table};

const TYPES: &str = r#"
apiVersion: v1
kind: SessionType
name: Exact
creation: { by_players: true }
joinability: public
version_policy: exact
instance:
  fleet: arena
  version: ">=1.4,<2"
  startup_params: { map: Lobby }
---
apiVersion: v1
kind: SessionType
name: Range
extends: Exact
version_policy: compatible
---
apiVersion: v1
kind: SessionType
name: Any
extends: Exact
version_policy: any
---
apiVersion: v1
kind: SessionType
name: Plaza
extends: Exact
hub: { enabled: true }
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

const MISMATCH: (u16, &str) = (409, "version-mismatch");

/// A session of this type by ann, whose instance is pending, and its host with the allocation.
async fn pending(of_type: &str) -> (Table, Host, model::AllocationId) {
    let world = World::with(TYPES).await;
    let ann = world.player("ann");
    let mut host = Host::start(&world.server, "arena", "eu-west").await;
    let id = create(&ann, of_type).await.id;
    let asked = ann.request_instance(id, &Default::default()).await;
    asked.expect("an instance");
    let allocation = host.assignment(id).await.allocation_id;
    host.client.acknowledge(allocation).await.expect("its own");
    let path = format!("/v1/sessions/{id}");
    (Table { world, path }, host, allocation)
}

/// The host opens the instance, with this version of the game.
async fn open(table: &Table, host: &Host, allocation_id: model::AllocationId, version: &str) {
    let says = model::wire::HostUpdate {
        allocation_id,
        status: Some(InstanceStatus::Joinable),
        version: Some(version.into()),
        join_custom_data: Some([("secret".to_owned(), "word".to_owned())].into()),
        connected: None,
    };
    let id = table.path.rsplit('/').next().expect("an id");
    let id = id.parse().expect("a session's id");
    let opened = host.client.update_instance(id, &says).await;
    opened.expect("the host's right");
}

fn with(version: &str) -> Value {
    json!({ "active": true, "client_version": version })
}

#[test]
fn row38_entering_while_pending_is_409_and_reading_and_joining_are_not() {
    run(async {
        let (table, host, allocation) = pending("Exact").await;
        let enter = "/instance?client_version=1.4.2";
        let (shut, none) = ((409, "not-joinable"), Value::Null);
        table.no("ann", "GET", enter, none.clone(), shut).await;
        let read = table.ok("ann", "GET", "/instance", none.clone()).await;
        assert_eq!(read["status"], "pending");
        table.ok("bob", "PUT", "/members/me", with("1.4.2")).await;
        table.no("bob", "GET", enter, none.clone(), shut).await;
        open(&table, &host, allocation, "1.4.2").await;
        let read = table.ok("bob", "GET", enter, none.clone()).await;
        assert!(read["addresses"].is_object(), "{read}");
        let not_member = (403, "not-member");
        table
            .no("eve", "GET", enter, none.clone(), not_member)
            .await;
        // A server may ask for somebody else.
        table.ok(BACKEND, "GET", enter, none.clone()).await;
        let other = "/instance?client_version=1.4.3";
        table
            .no(BACKEND, "GET", other, none.clone(), MISMATCH)
            .await;
        table.ok("ann", "DELETE", "/instance", none.clone()).await;
        let closed = (410, "instance-closed");
        table.no("bob", "GET", enter, none.clone(), closed).await;
        table.ok("bob", "GET", "/instance", none).await;
        table.world.stop().await;
    });
}

#[test]
fn row38_with_exact_a_client_of_another_version_learns_nothing_of_how_to_connect() {
    run(async {
        let (table, host, allocation) = pending("Exact").await;
        table.ok("bob", "PUT", "/members/me", with("1.4.3")).await;
        table.ok("cid", "PUT", "/members/me", with("1.4.2")).await;
        open(&table, &host, allocation, "1.4.2").await;
        let shown = |read: &Value| {
            let instance = &read["instance"];
            let keys = [
                "addresses",
                "allocation_id",
                "game_server",
                "join_custom_data",
            ];
            keys.iter().filter(|key| !instance[**key].is_null()).count()
        };
        // Ann has stated none, which restricts nothing.
        for (who, expected) in [("ann", 4), ("bob", 0), ("cid", 4), (BACKEND, 4)] {
            let read = table.ok(who, "GET", "", Value::Null).await;
            assert_eq!(shown(&read), expected, "{who}: {read}");
            assert_eq!(read["members"][1]["client_version"], "1.4.3");
            let written = table
                .ok("bob", "PATCH", "/members/me", json!({ "custom": who }))
                .await;
            assert_eq!(shown(&written), 0);
        }
        let none = Value::Null;
        table
            .no("bob", "GET", "/instance", none.clone(), MISMATCH)
            .await;
        let where_to = format!("~/v1/allocations/{allocation}");
        table
            .no("bob", "GET", &where_to, none.clone(), (404, "not-found"))
            .await;
        table.ok("cid", "GET", &where_to, none.clone()).await;
        let enter = "/instance?client_version=1.4.3";
        table.no("ann", "GET", enter, none.clone(), MISMATCH).await;
        // He has updated his client.
        let read = table.ok("bob", "PUT", "/members/me", with("1.4.2")).await;
        assert_eq!(shown(&read), 4);
        table.ok("bob", "GET", "/instance", none.clone()).await;
        // Who does not say it again has not taken it back.
        let read = table
            .ok("bob", "PUT", "/members/me", json!({ "active": true }))
            .await;
        assert_eq!(read["members"][1]["client_version"], "1.4.2");
        table.world.stop().await;
    });
}

#[test]
fn row38_compatible_asks_the_types_range_and_any_asks_nothing() {
    run(async {
        for of_type in ["Range", "Any"] {
            let (table, host, allocation) = pending(of_type).await;
            table.ok("bob", "PUT", "/members/me", with("9.0.0")).await;
            open(&table, &host, allocation, "1.9.0").await;
            let read = table.ok("bob", "GET", "/instance", Value::Null).await;
            assert!(read["addresses"].is_object(), "{of_type}");
            let enter = "/instance?client_version=0.1.0";
            table.ok("bob", "GET", enter, Value::Null).await;
            table.world.stop().await;
        }
    });
}

#[test]
fn row38_a_client_version_is_a_semantic_one_of_at_most_128_bytes() {
    run(async {
        let (table, ..) = pending("Exact").await;
        let longest = format!("1.4.2-{}", "x".repeat(122));
        let read = table.ok("bob", "PUT", "/members/me", with(&longest)).await;
        assert_eq!(read["members"][1]["client_version"], longest);
        let wrong = (422, "invalid");
        for bad in ["", "1.4", "one", &format!("{longest}x")] {
            table
                .no("cid", "PUT", "/members/me", with(bad), wrong)
                .await;
            let enter = format!("/instance?client_version={bad}");
            table
                .no("bob", "GET", &enter, Value::Null, (400, "malformed"))
                .await;
        }
        let body = json!({ "type": "Exact", "me": with("1.4.2") });
        let made = table.ok("dan", "POST", "~/v1/sessions", body).await;
        assert_eq!(made["members"][0]["client_version"], "1.4.2");
        let body = json!({ "type": "Exact", "me": with("1.4") });
        table.no("dan", "POST", "~/v1/sessions", body, wrong).await;
        table.world.stop().await;
    });
}

#[test]
fn row38_a_hub_leads_nobody_to_an_instance_that_does_not_suit_his_client() {
    run(async {
        let (table, host, allocation) = pending("Plaza").await;
        open(&table, &host, allocation, "1.4.2").await;
        let mut places = Vec::new();
        for (who, version) in [("ann", "1.4.3"), ("cid", "1.4.2"), ("bob", "1.4.3")] {
            let body = json!({ "type": "Plaza", "me": with(version) });
            let led = table.ok(who, "POST", "~/v1/sessions", body).await;
            places.push(led["id"].as_str().unwrap_or_default().to_owned());
        }
        let first = table.path.rsplit('/').next().unwrap_or_default();
        // Ann is there already and stays; bob's is a new one.
        assert_eq!((&*places[0], &*places[1]), (first, first));
        assert_ne!(places[2], first);
        table.world.stop().await;
    });
}
