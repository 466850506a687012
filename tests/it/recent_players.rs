//! Groups, encounters and recent players over HTTP (R35).

use serde_json::{Value, json};
use tests::run;

use super::standing::{BACKEND, Table};

impl Table {
    /// With whom the player was together lately, newest first.
    async fn recent(&self, who: &str) -> Vec<String> {
        let path = "~/v1/players/me/recent-players";
        let read = self.ok(who, "GET", path, Value::Null).await;
        let items = read["items"].as_array().expect("a list").clone();
        let name = |item: &Value| item["player"].as_str().unwrap_or_default().to_owned();
        items.iter().map(name).collect()
    }

    async fn says(&self, who: &str, body: Value) -> Value {
        self.ok(who, "PATCH", "/members/me", body).await
    }
}

const NOBODY: [&str; 0] = [];

#[test]
fn r35_who_was_active_in_a_common_group_is_a_recent_player_of_the_other() {
    run(async {
        let table = Table::of("Plaza", &["bob"]).await;
        let join = json!({ "active": true, "groups": ["arena"] });
        table.ok("cid", "PUT", "/members/me", join).await;
        table.says("bob", json!({ "groups": ["garden"] })).await;
        assert_eq!(table.recent("cid").await, NOBODY, "ann is in no group");
        table.world.at(5_000);
        table
            .says("ann", json!({ "groups": ["Arena", "lobby"] }))
            .await;
        assert_eq!(table.recent("ann").await, ["cid"]);
        assert_eq!(table.recent("cid").await, ["ann"]);
        assert_eq!(table.recent("bob").await, NOBODY);
        table.world.at(9_000);
        table.says("bob", json!({ "groups": ["LOBBY"] })).await;
        assert_eq!(table.recent("ann").await, ["bob", "cid"], "newest first");
        // They were together until one of them left.
        table.world.at(11_000);
        table.ok("cid", "DELETE", "/members/me", Value::Null).await;
        let path = "~/v1/players/me/recent-players";
        let read = table.ok("ann", "GET", path, Value::Null).await;
        let session = table.path.rsplit('/').next();
        let cid = json!({ "player": "cid", "session": session, "at": "2027-01-15T08:00:11.000Z" });
        assert_eq!(read["items"][0], cid);
        table
            .no(BACKEND, "GET", path, Value::Null, (403, "forbidden"))
            .await;
        // It outlives the session, and the server.
        table.ok("bob", "DELETE", "/members/me", Value::Null).await;
        let left = table
            .call("ann", "DELETE", "/members/me", Value::Null)
            .await;
        assert_eq!(left.status, 204);
        let Table { world, path } = table;
        let world = world.restart().await;
        let table = Table { world, path };
        assert_eq!(table.recent("ann").await, ["bob", "cid"]);
        table.world.stop().await;
    });
}

#[test]
fn r35_an_encounter_is_consumed_at_once_and_in_no_response() {
    run(async {
        let table = Table::of("Plaza", &["bob", "cid"]).await;
        table.says("ann", json!({ "groups": ["arena"] })).await;
        let read = table.says("bob", json!({ "encounters": ["arena"] })).await;
        assert_eq!(table.recent("bob").await, ["ann"]);
        assert_eq!(table.recent("ann").await, ["bob"]);
        for who in ["ann", "bob", "zoe", BACKEND] {
            let seen = table.ok(who, "GET", "", Value::Null).await.to_string();
            assert!(
                !seen.contains("arena") && !seen.contains("visits"),
                "{seen}"
            );
        }
        assert!(!read.to_string().contains("arena"), "{read}");
        // Thirty seconds later nobody meets him any more; a second less, and they had.
        table.world.at(29_999);
        table.says("cid", json!({ "encounters": ["arena"] })).await;
        assert_eq!(table.recent("cid").await, ["ann", "bob"]);
        table
            .ok("dan", "PUT", "/members/me", json!({ "active": true }))
            .await;
        table.says("ann", json!({ "groups": [] })).await;
        table.world.at(60_000);
        table.says("dan", json!({ "encounters": ["arena"] })).await;
        assert_eq!(table.recent("dan").await, NOBODY);
        table.world.stop().await;
    });
}

#[test]
fn r35_groups_and_encounters_are_his_own_named_by_the_rule_and_limited() {
    run(async {
        let table = Table::of("Plaza", &["bob"]).await;
        let forbidden = (403, "forbidden");
        for body in [json!({ "groups": ["x"] }), json!({ "encounters": ["x"] })] {
            table
                .no("ann", "PATCH", "/members/bob", body.clone(), forbidden)
                .await;
            table
                .no(BACKEND, "PATCH", "/members/bob", body.clone(), forbidden)
                .await;
            table
                .no(BACKEND, "PUT", "/members/eve", body, forbidden)
                .await;
        }
        let names = |count: usize| -> Vec<String> { (0..count).map(|n| format!("g{n}")).collect() };
        for key in ["groups", "encounters"] {
            let list = |names: Value| json!({ key: names });
            table.says("bob", list(json!(names(10)))).await;
            let many = list(json!(names(11)));
            table
                .no("bob", "PATCH", "/members/me", many, (422, "invalid"))
                .await;
            table.says("bob", list(json!(["x".repeat(100)]))).await;
            for wrong in [
                json!(["x".repeat(101)]),
                json!(["a b"]),
                json!([""]),
                json!("x"),
            ] {
                let body = list(wrong);
                table
                    .no("bob", "PATCH", "/members/me", body, (400, "malformed"))
                    .await;
            }
        }
        table.world.stop().await;
    });
}

#[test]
fn r35_the_newest_hundred_are_kept_for_seven_days() {
    run(async {
        let table = Table::of("Plaza", &[]).await;
        let join = json!({ "active": true, "groups": ["arena"] });
        for number in 0..101 {
            table.world.at(number * 1_000);
            let who = format!("p{number}");
            table.says("ann", json!({ "encounters": [] })).await;
            table.ok(&who, "PUT", "/members/me", join.clone()).await;
            if number == 0 {
                table.says("ann", json!({ "groups": ["arena"] })).await;
            }
            if number < 100 {
                table
                    .ok(&who, "PATCH", "/members/me", json!({ "groups": [] }))
                    .await;
            }
            table.ok(&who, "DELETE", "/members/me", Value::Null).await;
        }
        let recent = table.recent("ann").await;
        assert_eq!(recent.len(), 100);
        assert_eq!((recent[0].as_str(), recent[99].as_str()), ("p100", "p1"));
        const DAY: u64 = 86_400_000;
        table.world.at(7 * DAY + 99_999);
        assert_eq!(table.recent("ann").await, ["p100"]);
        table.world.run_timers().await;
        assert_eq!(table.recent("ann").await, ["p100"]);
        assert_eq!(table.recent("p5").await, NOBODY);
        table.world.at(7 * DAY + 100_000);
        assert_eq!(table.recent("ann").await, NOBODY);
        table.world.run_timers().await;
        assert_eq!(table.recent("ann").await, NOBODY);
        table.world.stop().await;
    });
}
