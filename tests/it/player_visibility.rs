//! Which members a player sees (F5), over HTTP.

use serde_json::{Value, json};
use tests::run;

use super::standing::{BACKEND, Table};

/// The members in a document, by name.
fn shown(document: &Value) -> Vec<&str> {
    let members = document["members"].as_array().expect("members");
    members
        .iter()
        .filter_map(|member| member["player"].as_str())
        .collect()
}

#[test]
fn f5_a_player_sees_the_members_that_the_type_shows_him() {
    run(async {
        let everybody = ["ann", "bob", "cid"];
        for (of_type, ann, bob, leader_seen_by_bob) in [
            ("Plaza", &everybody[..], &everybody[..], true),
            ("Masked", &["ann", "cid"], &["bob"], false),
            ("Alone", &["ann"], &["bob"], false),
            ("Nobody", &[], &[], false),
        ] {
            // Ann and cid are on one team, bob is on the other.
            let table = Table::of(of_type, &["bob", "cid"]).await;
            let read = table.ok("ann", "GET", "", Value::Null).await;
            assert_eq!(shown(&read), ann, "{of_type}");
            let read = table.ok("bob", "GET", "", Value::Null).await;
            assert_eq!(shown(&read), bob, "{of_type}");
            assert_eq!(read["leader"] == "ann", leader_seen_by_bob, "{of_type}");
            assert_eq!(
                read["arbiter"], read["leader"],
                "{of_type}: the same player"
            );
            // Nor does inviting all of it tell him who they are.
            let own = json!({ "type": "Plaza" });
            let own = table.ok("bob", "POST", "~/v1/sessions", own).await;
            let seen = table.path.rsplit('/').next().unwrap_or_default();
            let own = own["id"].as_str().unwrap_or_default();
            let path = format!("~/v1/sessions/{own}/invited-sessions/{seen}");
            let told = table.ok("bob", "POST", &path, json!({})).await;
            let invites = told["invites"].as_array().map_or(0, Vec::len);
            let others = bob.iter().filter(|name| **name != "bob").count();
            assert_eq!(invites, others, "{of_type}");
            let seats: u64 = read["teams"]
                .as_array()
                .expect("teams")
                .iter()
                .filter_map(|team| team["taken"].as_u64())
                .sum();
            assert_eq!(seats, 3, "seats are counted all the same");
            // What a write answers is seen the same way, and so is what a refusal shows.
            let write = table
                .ok("bob", "PATCH", "/members/me", json!({ "custom": 1 }))
                .await;
            assert_eq!(shown(&write), bob, "{of_type}");
            let join = json!({ "active": true });
            let again = table.stale("bob", "/members/me", join).await;
            assert_eq!(shown(&again["current"]), bob, "{of_type}");
            let read = table.ok("zoe", "GET", "", Value::Null).await;
            let outside = if of_type == "Plaza" {
                &everybody[..]
            } else {
                &[]
            };
            assert_eq!(shown(&read), outside, "{of_type}");
            let read = table.ok(BACKEND, "GET", "", Value::Null).await;
            assert_eq!(shown(&read), everybody, "{of_type}");
            let made = json!({ "type": of_type });
            let made = table.ok("eve", "POST", "~/v1/sessions", made).await;
            let own: &[&str] = if of_type == "Nobody" { &[] } else { &["eve"] };
            assert_eq!(shown(&made), own, "{of_type}");
            table.world.stop().await;
        }
    });
}
