//! What members say of their connections over HTTP: addresses, device tokens, measurements.

use std::collections::BTreeMap;

use model::session::{
    DEVICE_TOKEN_MAX, MEASUREMENTS_MAX, Measurement, SECURE_DEVICE_ADDRESS_MAX,
    SERVER_KEY_BYTES_MAX, SERVER_MEASUREMENTS_MAX, ServerMeasurement,
};
use model::session_type::{Joinability, Visibility};
use model::wire::{CreateSession, PrincipalKind, UpdateMember};
use sdk::{Client, Who};
use tests::world::{World, create, create_with, join, of, refused};
use tests::{player, raw, run};

const TYPES: &str = include_str!("../src/together_types.yaml");

fn address(text: &str) -> UpdateMember {
    UpdateMember {
        secure_device_address: Some(text.to_owned()),
        ..UpdateMember::default()
    }
}

fn measured(peers: &[(&str, u32)]) -> UpdateMember {
    let of = |latency| Measurement {
        latency: Some(latency),
        ..Measurement::default()
    };
    UpdateMember {
        measurements: Some(
            peers
                .iter()
                .map(|(token, latency)| ((*token).to_owned(), of(*latency)))
                .collect(),
        ),
        ..UpdateMember::default()
    }
}

fn servers(latencies: &[(&str, u32)]) -> UpdateMember {
    let of = |latency| ServerMeasurement { latency };
    UpdateMember {
        server_measurements: Some(
            latencies
                .iter()
                .map(|(name, latency)| ((*name).to_owned(), of(*latency)))
                .collect(),
        ),
        ..UpdateMember::default()
    }
}

fn on_device(world: &World, name: &str, device: &str) -> Client {
    let mut claims = raw::claims(PrincipalKind::Player, name);
    claims.device = Some(device.to_owned());
    Client::new(&world.server.url, &raw::token(&claims)).expect("a client")
}

#[test]
fn r33_the_address_is_base64_the_member_s_own_and_for_members_alone() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| world.player(name));
        let made = create(&ann, "Linked").await;
        assert!(made.capabilities.connectivity && made.capabilities.gameplay);
        let id = made.id;
        let read = ann.update_member(id, Who::Me, &address("QUJD")).await;
        let read = read.expect("hers");
        assert_eq!(read.members[0].secure_device_address, "QUJD");
        join(&bob, id).await.expect("a seat");
        let seen = bob.session(id).await.expect("a member's");
        assert_eq!(seen.members[0].secure_device_address, "QUJD");
        // Who is no member sees that she is there, not where.
        let seen = eve.session(id).await.expect("anybody's");
        assert_eq!(seen.members[0].secure_device_address, "");
        assert_eq!(seen.members[0].device_token, None);
        // R9: not another member's, not a server's.
        let anns = player("ann");
        for other in [&bob, &world.backend(), &world.admin()] {
            let (whose, body) = (Who::Player(&anns), address("QUJE"));
            refused(
                other.update_member(id, whose, &body).await,
                403,
                "forbidden",
            );
        }
        let longest = "A".repeat(SECURE_DEVICE_ADDRESS_MAX);
        let read = ann.update_member(id, Who::Me, &address(&longest)).await;
        assert_eq!(
            read.expect("at the limit").members[0].secure_device_address,
            longest
        );
        let before = ann.session(id).await.expect("it").change_number;
        for bad in [
            &format!("{longest}AAAA"),
            "QUJ",
            "Q===",
            "QU D",
            "=AAA",
            "QUJ\u{e9}",
        ] {
            let refusal = ann.update_member(id, Who::Me, &address(bad)).await;
            refused(refusal, 422, "invalid");
        }
        assert_eq!(ann.session(id).await.expect("it").change_number, before);
        // R12: empty is not present.
        let read = ann.update_member(id, Who::Me, &address("")).await;
        assert_eq!(read.expect("hers").members[0].secure_device_address, "");
        world.stop().await;
    });
}

#[test]
fn r37_measurements_go_by_device_token_once_and_whole() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let id = create(&ann, "Linked").await.id;
        let joined = join(&bob, id).await.expect("a seat");
        let token = joined.members[1].device_token.clone().expect("a token");
        assert_eq!(token, "d1");
        let mut figures = BTreeMap::new();
        figures.insert(
            token.clone(),
            Measurement {
                latency: Some(40),
                bandwidth_down: None,
                bandwidth_up: Some(1_500),
                custom: serde_json::json!({ "jitter": 1.5 }),
            },
        );
        // R12: an empty map is nothing yet.
        let read = ann.update_member(id, Who::Me, &measured(&[])).await;
        assert!(read.expect("hers").members[0].measurements.is_empty());
        let body = UpdateMember {
            measurements: Some(figures.clone()),
            ..UpdateMember::default()
        };
        for _ in 0..2 {
            let read = ann.update_member(id, Who::Me, &body).await.expect("hers");
            assert_eq!(read.members[0].measurements, figures, "again is the same");
        }
        let other = ann
            .update_member(id, Who::Me, &measured(&[("d1", 41)]))
            .await;
        refused(other, 409, "constants-conflict");
        let nothing = ann.update_member(id, Who::Me, &measured(&[])).await;
        assert_eq!(nothing.expect("hers").members[0].measurements, figures);
        // The committed document says the same after a restart.
        let world = world.restart().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let read = ann.session(id).await.expect("it");
        assert_eq!(read.members[0].measurements, figures);
        let longest = "d".repeat(DEVICE_TOKEN_MAX);
        for bad in ["D1", "", "d 1", &format!("{longest}d"), "é"] {
            let refusal = bob.update_member(id, Who::Me, &measured(&[(bad, 1)])).await;
            refused(refusal, 422, "invalid");
        }
        let cid = world.player("cid");
        join(&cid, id).await.expect("a seat");
        let body = measured(&[(&longest, 1)]);
        let read = cid.update_member(id, Who::Me, &body).await;
        read.expect("at the limit");
        // As many peers as there can be, with all figures and an address, fit into a member's document.
        let full: BTreeMap<String, Measurement> = (0..MEASUREMENTS_MAX)
            .map(|peer| {
                let figures = Measurement {
                    latency: Some(250),
                    bandwidth_down: Some(100_000),
                    bandwidth_up: Some(10_000),
                    ..Measurement::default()
                };
                (format!("d{peer}"), figures)
            })
            .collect();
        let mut more = full.clone();
        more.insert("x".into(), Measurement::default());
        let all = |measurements| UpdateMember {
            measurements: Some(measurements),
            ..address(&"A".repeat(SECURE_DEVICE_ADDRESS_MAX))
        };
        refused(
            bob.update_member(id, Who::Me, &all(more)).await,
            422,
            "invalid",
        );
        let read = bob.update_member(id, Who::Me, &all(full.clone())).await;
        assert_eq!(read.expect("at the limit").members[1].measurements, full);
        world.stop().await;
    });
}

#[test]
fn r38_server_measurements_are_set_once_and_empty_counts() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, bob] = ["ann", "bob"].map(|name| world.player(name));
        let made = create(&ann, "Linked").await;
        let named = made.qos.expect("what to measure").measurement_servers;
        assert_eq!(named.values().collect::<Vec<_>>(), ["192.0.2.1:9000"]);
        let id = made.id;
        assert_eq!(made.members[0].server_measurements, None);
        let read = ann.update_member(id, Who::Me, &servers(&[])).await;
        let said = read.expect("hers").members[0].server_measurements.clone();
        assert_eq!(said, Some(BTreeMap::new()), "row 45: uploaded");
        let later = ann
            .update_member(id, Who::Me, &servers(&[("eu", 20)]))
            .await;
        refused(later, 409, "constants-conflict");
        join(&bob, id).await.expect("a seat");
        let full: Vec<String> = (0..SERVER_MEASUREMENTS_MAX)
            .map(|server| format!("server{server}:9000"))
            .collect();
        let mut full: Vec<(&str, u32)> = full.iter().map(|name| (name.as_str(), 5)).collect();
        let read = bob.update_member(id, Who::Me, &servers(&full)).await;
        let said = read.expect("at the limit").members[1]
            .server_measurements
            .clone();
        assert_eq!(said.expect("uploaded").len(), SERVER_MEASUREMENTS_MAX);
        let cid = world.player("cid");
        join(&cid, id).await.expect("a seat");
        full.push(("one more", 5));
        let longest = "x".repeat(SERVER_KEY_BYTES_MAX);
        for bad in [full, vec![("", 5)], vec![(&format!("{longest}x"), 5)]] {
            let refusal = cid.update_member(id, Who::Me, &servers(&bad)).await;
            refused(refusal, 422, "invalid");
        }
        let body = servers(&[(&longest, 5)]);
        let read = cid.update_member(id, Who::Me, &body).await;
        read.expect("at the limit");
        world.stop().await;
    });
}

#[test]
fn r40_without_the_capability_nobody_has_a_connection_to_speak_of() {
    run(async {
        let world = World::with(TYPES).await;
        let ann = world.player("ann");
        let made = create(&ann, "Unlinked").await;
        assert!(made.capabilities.is_none());
        assert_eq!(made.members[0].device_token, None);
        for body in [address("QUJD"), measured(&[("d0", 1)]), servers(&[])] {
            let refusal = ann.update_member(made.id, Who::Me, &body).await;
            refused(refusal, 422, "invalid");
        }
        // R34 needs an initialization to depend on.
        let group = UpdateMember {
            initialization_group: Some(vec![0]),
            ..UpdateMember::default()
        };
        refused(
            ann.update_member(made.id, Who::Me, &group).await,
            422,
            "invalid",
        );
        world.stop().await;
    });
}

#[test]
fn f23_members_on_one_device_share_its_token_and_a_reservation_has_none() {
    run(async {
        let world = World::with(TYPES).await;
        let ann = on_device(&world, "ann", "console");
        let ben = on_device(&world, "ben", "console");
        let id = create_with(&ann, "Linked", &["eve"]).await.id;
        let read = join(&ben, id).await.expect("a seat");
        let tokens: Vec<_> = read
            .members
            .iter()
            .map(|member| member.device_token.as_deref())
            .collect();
        assert_eq!(tokens, [Some("d0"), None, Some("d0")]);
        // It outlives whoever was first on the device, and is not given to anybody else's.
        ann.leave(id, Who::Me).await.expect("hers");
        let read = join(&on_device(&world, "cid", "console"), id).await;
        let read = read.expect("a seat");
        let read = match join(&world.player("dan"), id).await {
            Ok(read) => read,
            Err(error) => panic!("{error}: {read:?}"),
        };
        let tokens: Vec<_> = read
            .members
            .iter()
            .map(|member| member.device_token.as_deref())
            .collect();
        assert_eq!(tokens, [None, Some("d0"), Some("d0"), Some("d4")]);
        world.stop().await;
    });
}

#[test]
fn a3b_what_members_say_of_their_connections_never_reaches_who_is_none() {
    run(async {
        let world = World::with(TYPES).await;
        let [ann, eve] = ["ann", "eve"].map(|name| world.player(name));
        let body = CreateSession {
            visibility: Some(Visibility::Visible),
            joinability: Some(Joinability::Public),
            ..of("Linked")
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        let mut said = address("U0VDUkVU");
        said.measurements = measured(&[("d7", 4_711)]).measurements;
        said.server_measurements = servers(&[("secret.example:1", 4_712)]).server_measurements;
        ann.update_member(id, Who::Me, &said).await.expect("hers");
        for reader in [&eve] {
            let text = serde_json::to_string(&reader.session(id).await.expect("anybody's"));
            let text = text.expect("a document");
            // With what stands around them, as ids hold any digits.
            for secret in ["U0VDUkVU", ":4711", ":4712", "secret.example", "\"d7\""] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        world.stop().await;
    });
}
