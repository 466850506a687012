//! What a queue says about who fits together, over HTTP: refused by name at the door, and who meets whom.

use model::ticket::TicketState;
use serde_json::json;
use tests::queue::{session_of, ticket_of};
use tests::world::{World, create, refusal};
use tests::{SESSION_TYPES, run};

/// Two hunters, one of them a healer, against a monster who is worthy of them.
const HUNT: &str = r#"
---
apiVersion: v1
kind: Queue
name: hunt
session_type: Game
regions: { allow: [eu-west] }
teams:
  - { name: monster, min_players: 1, max_players: 1 }
  - { name: hunters, min_players: 2, max_players: 2, roles: { healer: 1 } }
attributes:
  rating: { type: numbers, default: { monster: 1000, hunter: 1000 } }
  role: { type: strings, source: player, default: [fighter] }
  tag: { type: string, default: none }
roles: { attribute: role }
rules:
  - { name: hunters-alike, distance: rating, key: hunter, max: 200 }
  - { name: worthy, compare: rating, key: monster, team: monster, op: ">=", value: 1500 }
  - { name: grown, compare: rating, key: hunter, op: ">", value: 0 }
  - name: few-streamers
    any: [{ contains: tag, value: streamer, max: 1 }, { equal: tag }]
"#;

#[test]
fn hunters_meet_a_worthy_monster_and_have_their_healer() {
    run(async {
        let world = World::with(&format!("{SESSION_TYPES}{HUNT}")).await;
        let (backend, admin) = (world.backend(), world.admin());
        let refusals = [
            (
                json!({ "attributes": { "rating": { "hunter": 0 } } }),
                "rule grown: player ann has rating.hunter 0, not > 0",
            ),
            (
                json!({ "attributes": { "rating": 7 } }),
                "players.ann.attributes.rating: must be a map of numbers, not a number",
            ),
        ];
        let party = create(&world.player("ann"), "Party").await.id;
        for (said, why) in refusals {
            let body = ticket_of("hunt", "ann", said);
            let (status, detail) = refusal(backend.create_ticket(party, &body).await);
            assert_eq!(status, 422, "{detail}");
            assert!(detail.contains(why), "{detail}");
        }
        let rating = |monster: u32| json!({ "monster": monster, "hunter": 1000 });
        let cases = [
            ("weak", json!({ "rating": rating(1400) })),
            ("too", json!({ "rating": rating(1000), "tag": "streamer" })),
            (
                "healer",
                json!({ "rating": rating(1000), "role": ["healer"], "tag": "streamer" }),
            ),
            ("strong", json!({ "rating": rating(1600) })),
        ];
        let mut tickets = Vec::new();
        for (name, attributes) in cases {
            let party = create(&world.player(name), "Party").await.id;
            let body = ticket_of("hunt", name, json!({ "attributes": attributes }));
            tickets.push(backend.create_ticket(party, &body).await.expect("one"));
        }
        let game = session_of(&admin, tickets[3].id).await;
        let game = admin.session(game).await.expect("it");
        let members = game.members.iter();
        let mut seats: Vec<(String, Option<u8>)> = members
            .map(|member| (member.player.to_string(), member.team))
            .collect();
        seats.sort();
        let wanted = [("healer", Some(1)), ("strong", Some(0)), ("weak", Some(1))];
        let wanted = wanted.map(|(name, team)| (name.to_owned(), team));
        assert_eq!(seats, wanted);
        let read = admin.ticket(tickets[1].id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching, "one streamer is enough");
        world.stop().await;
    });
}
