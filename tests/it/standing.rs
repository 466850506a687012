//! What members are among each other, over HTTP: roles, owners, permissions, places.

use model::SessionId;
use model::wire::PrincipalKind;
use serde_json::{Value, json};
use tests::world::World;
use tests::{raw, run};

/// Sessions with and without owners; roles that members take, and a rank that owners give.
const TYPES: &str = r#"
apiVersion: v1
kind: SessionType
name: Raid
creation: { by_players: true }
joinability: public
size: { teams: 2, players_per_team: 3, can_change_own_team: false }
capabilities: { has_owners: true }
ownership: { migration: oldest }
roles:
  role_types:
    class: { mutable: [target], roles: { healer: { max: 1, target: 1 }, tank: { max: 2 } } }
    rank: { owner_managed: true, roles: { officer: { max: 1 } } }
---
apiVersion: v1
kind: SessionType
name: Fief
creation: { by_players: true }
joinability: public
capabilities: { has_owners: true }
---
apiVersion: v1
kind: SessionType
name: Plain
creation: { by_players: true }
joinability: public
size: { teams: 2, players_per_team: 1, can_change_own_team: false }
---
apiVersion: v1
kind: SessionType
name: Plaza
creation: { by_players: true }
joinability: public
---
apiVersion: v1
kind: SessionType
name: Masked
creation: { by_players: true }
joinability: public
size: { teams: 2, players_per_team: 2 }
player_visibility: team
---
apiVersion: v1
kind: SessionType
name: Alone
extends: Masked
player_visibility: self
---
apiVersion: v1
kind: SessionType
name: Nobody
extends: Masked
player_visibility: none
---
apiVersion: v1
kind: SessionType
name: Stadium
creation: { by_players: true }
joinability: public
size: { teams: 2, players_per_team: 1, spectators: 2 }
roles: { role_types: { class: { roles: { healer: { max: 1 } } } } }
---
apiVersion: v1
kind: SessionType
name: Fail
creation: { by_players: true }
joinability: public
size: { teams: 2, players_per_team: 2 }
---
apiVersion: v1
kind: SessionType
name: Allow
extends: Fail
size: { team_overflow: allow_overflow }
---
apiVersion: v1
kind: SessionType
name: PartialWith
extends: Fail
size: { team_overflow: partial_with_overflow }
---
apiVersion: v1
kind: SessionType
name: PartialWithout
extends: Fail
size: { team_overflow: partial_without_overflow }
---
apiVersion: v1
kind: SessionType
name: Single
extends: PartialWithout
size: { players_per_team: 1 }
---
apiVersion: v1
kind: SessionType
name: Overfill
extends: Fail
size: { team_overflow: overfill }
"#;

/// A session and those who talk about it.
pub(super) struct Table {
    pub(super) world: World,
    pub(super) path: String,
}

/// Who calls.
pub(super) const BACKEND: &str = "a server";

impl Table {
    /// A session of this type by ann, and these players in it.
    pub(super) async fn of(of_type: &str, players: &[&str]) -> Table {
        let world = World::with(TYPES).await;
        let made = tests::world::create(&world.player("ann"), of_type).await;
        let table = Table {
            world,
            path: format!("/v1/sessions/{}", made.id),
        };
        for player in players {
            table
                .ok(player, "PUT", "/members/me", json!({ "active": true }))
                .await;
        }
        table
    }

    /// The problem of a join that is for newcomers alone, by a member.
    pub(super) async fn stale(&self, who: &str, rest: &str, body: Value) -> Value {
        let token = raw::token(&raw::claims(PrincipalKind::Player, who));
        let (path, body) = (format!("{}{rest}", self.path), body.to_string());
        let request = raw::Request {
            method: "PUT",
            path: &path,
            token: Some(&token),
            headers: &[("if-none-match", "*")],
            body: body.as_bytes(),
        };
        let answer = raw::send(&self.world.server.url, request).await;
        assert_eq!(answer.status, 412, "{answer:?}");
        answer.body
    }

    pub(super) async fn call(
        &self,
        who: &str,
        method: &str,
        rest: &str,
        body: Value,
    ) -> raw::Answer {
        let kind = match who {
            BACKEND => PrincipalKind::Server,
            _ => PrincipalKind::Player,
        };
        let token = raw::token(&raw::claims(kind, who));
        let path = match rest.strip_prefix("~") {
            Some(whole) => whole.to_owned(),
            None => format!("{}{rest}", self.path),
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = raw::Request {
            method,
            path: &path,
            token: Some(&token),
            headers: &[],
            body: body.as_bytes(),
        };
        raw::send(&self.world.server.url, request).await
    }

    #[track_caller]
    pub(super) fn ok<'a>(
        &'a self,
        who: &'a str,
        method: &'a str,
        rest: &'a str,
        body: Value,
    ) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.call(who, method, rest, body).await;
            assert!(answer.status < 300, "{place}: {answer:?}");
            answer.body
        }
    }

    #[track_caller]
    pub(super) fn no<'a>(
        &'a self,
        who: &'a str,
        method: &'a str,
        rest: &'a str,
        body: Value,
        problem: (u16, &'a str),
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let before = self.ok("ann", "GET", "", Value::Null).await;
            let answer = self.call(who, method, rest, body).await;
            assert_eq!(
                (answer.status, answer.problem()),
                problem,
                "{place}: {answer:?}"
            );
            let after = self.ok("ann", "GET", "", Value::Null).await;
            assert_eq!(before, after, "{place}: a refusal changes nothing");
        }
    }

    /// The member's part of the document.
    async fn member(&self, player: &str) -> Value {
        let document = self.ok("ann", "GET", "", Value::Null).await;
        let members = document["members"].as_array().expect("members");
        let member = members.iter().find(|member| member["player"] == player);
        member.cloned().unwrap_or(Value::Null)
    }

    async fn owners(&self, who: &str) -> Vec<String> {
        let document = self.ok(who, "GET", "", Value::Null).await;
        let members = document["members"].as_array().expect("members");
        let owners = members.iter().filter(|member| member["owner"] == true);
        owners
            .map(|member| member["player"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[test]
fn r36_f27_a_role_lets_in_as_many_as_its_max_and_the_document_counts_them() {
    run(async {
        let table = Table::of("Raid", &[]).await;
        let join = json!({ "active": true, "roles": { "class": "Healer" } });
        let read = table.ok("bob", "PUT", "/members/me", join.clone()).await;
        assert_eq!(read["members"][1]["roles"], json!({ "class": "healer" }));
        let healer = &read["roles"]["class"]["roles"]["healer"];
        assert_eq!(*healer, json!({ "max": 1, "target": 1, "holders": 1 }));
        assert_eq!(read["roles"]["rank"]["owner_managed"], true);
        // The write is refused whole: cid does not get in without the role.
        let full = (409, "role-full");
        table.no("cid", "PUT", "/members/me", join, full).await;
        assert_eq!(table.member("cid").await, Value::Null);
        table
            .ok("cid", "PUT", "/members/me", json!({ "active": true }))
            .await;
        let wish = json!({ "roles": { "class": "healer" }, "custom": 7 });
        table
            .no("cid", "PATCH", "/members/me", wish.clone(), full)
            .await;
        let one = json!({ "role": "healer" });
        table
            .no("cid", "PUT", "/members/me/roles/class", one, full)
            .await;
        for unknown in [
            json!({ "roles": { "class": "mage" } }),
            json!({ "roles": { "job": "healer" } }),
            json!({ "roles": { "class": "tank", "CLASS": "healer" } }),
        ] {
            table
                .no("cid", "PATCH", "/members/me", unknown, (422, "invalid"))
                .await;
        }
        // Another role, none, and gone: each makes room.
        table
            .ok(
                "bob",
                "PUT",
                "/members/bob/roles/class",
                json!({ "role": "tank" }),
            )
            .await;
        table.ok("cid", "PATCH", "/members/me", wish).await;
        table
            .ok("cid", "PATCH", "/members/me", json!({ "roles": {} }))
            .await;
        table
            .ok(
                "bob",
                "PUT",
                "/members/me",
                json!({ "roles": { "class": "healer" } }),
            )
            .await;
        let read = table.ok("bob", "DELETE", "/members/me", Value::Null).await;
        assert_eq!(read["roles"]["class"]["roles"]["healer"]["holders"], 0);
        // The counts are those of the members after a restart as well.
        table
            .ok(
                "cid",
                "PUT",
                "/members/me/roles/class",
                json!({ "role": "healer" }),
            )
            .await;
        let Table { world, path } = table;
        let table = Table {
            world: world.restart().await,
            path,
        };
        let read = table.ok("ann", "GET", "", Value::Null).await;
        assert_eq!(read["roles"]["class"]["roles"]["healer"]["holders"], 1);
        table
            .no(
                "ann",
                "PATCH",
                "/members/me",
                json!({ "roles": { "class": "healer" } }),
                full,
            )
            .await;
        table
            .ok("cid", "DELETE", "/members/me/roles/class", Value::Null)
            .await;
        table
            .ok(
                "ann",
                "PATCH",
                "/members/me",
                json!({ "roles": { "class": "healer" } }),
            )
            .await;
        table.world.stop().await;
    });
}

#[test]
fn r36_f27_only_owners_and_servers_give_the_roles_that_owners_manage() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid"]).await;
        let officer = json!({ "role": "officer" });
        let theirs = (403, "not-owner");
        table
            .no(
                "bob",
                "PUT",
                "/members/me/roles/rank",
                officer.clone(),
                theirs,
            )
            .await;
        let wish = json!({ "roles": { "rank": "officer" } });
        table
            .no("bob", "PATCH", "/members/me", wish.clone(), theirs)
            .await;
        let join = json!({ "active": true, "roles": { "rank": "officer" } });
        table.no("dan", "PUT", "/members/me", join, theirs).await;
        table
            .ok("ann", "PUT", "/members/bob/roles/rank", officer.clone())
            .await;
        table
            .no(
                "ann",
                "PUT",
                "/members/cid/roles/rank",
                officer.clone(),
                (409, "role-full"),
            )
            .await;
        // What is his own he changes; the rank stays.
        table
            .ok(
                "bob",
                "PATCH",
                "/members/me",
                json!({ "roles": { "class": "tank" } }),
            )
            .await;
        let both = json!({ "class": "tank", "rank": "officer" });
        assert_eq!(table.member("bob").await["roles"], both);
        let forbidden = (403, "forbidden");
        let tank = json!({ "role": "tank" });
        for other in ["ann", BACKEND] {
            table
                .no(
                    other,
                    "PUT",
                    "/members/bob/roles/class",
                    tank.clone(),
                    forbidden,
                )
                .await;
        }
        table
            .ok(BACKEND, "DELETE", "/members/bob/roles/rank", Value::Null)
            .await;
        table.ok("ann", "PATCH", "/members/me", wish).await;
        table
            .no(
                "ann",
                "PUT",
                "/members/nobody/roles/rank",
                officer,
                (404, "not-found"),
            )
            .await;
        table.world.stop().await;
    });
}

#[test]
fn r36_f27_the_leader_and_the_owners_change_the_figures_that_the_type_calls_mutable() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid"]).await;
        table
            .ok("ann", "PUT", "/members/bob/owner", Value::Null)
            .await;
        table
            .ok("ann", "POST", "/members/cid/promote", Value::Null)
            .await;
        let figure =
            |of: &str, role: &str, figures: Value| json!({ "roles": { of: { role: figures } } });
        for (who, target) in [("ann", 2), ("bob", 0), ("cid", 1), (BACKEND, 2)] {
            let change = figure("class", "tank", json!({ "target": target }));
            let read = table.ok(who, "PATCH", "", change).await;
            let tank = &read["roles"]["class"]["roles"]["tank"];
            assert_eq!(*tank, json!({ "max": 2, "target": target, "holders": 0 }));
        }
        let fixed = (409, "constants-conflict");
        let wrong = [
            (figure("class", "tank", json!({ "max": 3 })), fixed),
            (figure("rank", "officer", json!({ "target": 1 })), fixed),
            (
                figure("class", "tank", json!({ "target": 3 })),
                (422, "invalid"),
            ),
            (
                figure("class", "mage", json!({ "target": 1 })),
                (422, "invalid"),
            ),
            (
                figure("job", "tank", json!({ "target": 1 })),
                (422, "invalid"),
            ),
            (
                figure("class", "tank", json!({ "least": 1 })),
                (400, "malformed"),
            ),
        ];
        for (body, problem) in wrong {
            table.no("ann", "PATCH", "", body, problem).await;
        }
        table
            .ok("dan", "PUT", "/members/me", json!({ "active": true }))
            .await;
        let change = figure("class", "tank", json!({ "target": 1 }));
        table
            .no("dan", "PATCH", "", change.clone(), (403, "not-leader"))
            .await;
        // One body, all or nothing.
        let mut body = change;
        body["custom"] = json!({ "map": 1 });
        table
            .no("dan", "PATCH", "", body.clone(), (403, "not-leader"))
            .await;
        assert_eq!(
            table.ok("ann", "PATCH", "", body).await["custom"],
            json!({ "map": 1 })
        );
        table.world.stop().await;
    });
}

#[test]
fn r36_what_a_member_would_like_is_his_own_to_say() {
    run(async {
        let table = Table::of("Raid", &["bob"]).await;
        let wish = json!({ "role_preference": { "healer": 100, "Tank": 0 } });
        table.ok("bob", "PATCH", "/members/me", wish.clone()).await;
        let wished = json!({ "healer": 100, "tank": 0 });
        assert_eq!(table.member("bob").await["role_preference"], wished);
        table
            .no(
                "ann",
                "PATCH",
                "/members/bob",
                wish.clone(),
                (403, "forbidden"),
            )
            .await;
        table
            .no(
                BACKEND,
                "PATCH",
                "/members/bob",
                wish.clone(),
                (403, "forbidden"),
            )
            .await;
        table
            .no(BACKEND, "PUT", "/members/cid", wish, (403, "forbidden"))
            .await;
        for wrong in [
            json!({ "mage": 1 }),
            json!({ "tank": 101 }),
            json!({ "tank": 1, "TANK": 1 }),
        ] {
            let body = json!({ "role_preference": wrong });
            table
                .no("bob", "PATCH", "/members/me", body, (422, "invalid"))
                .await;
        }
        let read = table
            .ok(
                "bob",
                "PATCH",
                "/members/me",
                json!({ "role_preference": {} }),
            )
            .await;
        assert_eq!(read["members"][1].get("role_preference"), None);
        table.world.stop().await;
    });
}

#[test]
fn f28_owners_name_owners_and_the_last_one_stays() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid"]).await;
        assert_eq!(table.owners("ann").await, ["ann"]);
        table
            .no(
                "bob",
                "PUT",
                "/members/bob/owner",
                Value::Null,
                (403, "not-owner"),
            )
            .await;
        table
            .no(
                "ann",
                "DELETE",
                "/members/ann/owner",
                Value::Null,
                (409, "conflict"),
            )
            .await;
        table
            .ok(
                "ann",
                "POST",
                "/reservations",
                json!({ "players": [{ "player": "eve" }] }),
            )
            .await;
        table
            .no(
                "ann",
                "PUT",
                "/members/eve/owner",
                Value::Null,
                (409, "reserved-only"),
            )
            .await;
        table
            .no(
                "ann",
                "PUT",
                "/members/zoe/owner",
                Value::Null,
                (404, "not-found"),
            )
            .await;
        table
            .ok("ann", "PUT", "/members/bob/owner", Value::Null)
            .await;
        table
            .ok("bob", "DELETE", "/members/ann/owner", Value::Null)
            .await;
        assert_eq!(table.owners("ann").await, ["bob"]);
        table
            .no(
                "ann",
                "PUT",
                "/members/cid/owner",
                Value::Null,
                (403, "not-owner"),
            )
            .await;
        table
            .ok(BACKEND, "PUT", "/members/cid/owner", Value::Null)
            .await;
        assert_eq!(table.owners("ann").await, ["bob", "cid"]);
        // An owner kicks anybody, the leader no owner.
        table
            .no(
                "ann",
                "DELETE",
                "/members/cid",
                Value::Null,
                (403, "not-owner"),
            )
            .await;
        table.ok("bob", "DELETE", "/members/ann", Value::Null).await;
        // Both go: whoever joined first of those who are left owns it.
        table
            .ok("dan", "PUT", "/members/me", json!({ "active": true }))
            .await;
        table
            .ok("fay", "PUT", "/members/me", json!({ "active": true }))
            .await;
        table.ok("bob", "DELETE", "/members/me", Value::Null).await;
        table.ok("cid", "DELETE", "/members/me", Value::Null).await;
        assert_eq!(table.owners("fay").await, ["dan"]);
        table.world.stop().await;
        let table = Table::of("Plain", &["bob"]).await;
        let none = (422, "invalid");
        table
            .no("ann", "PUT", "/members/bob/owner", Value::Null, none)
            .await;
        table
            .no("ann", "PUT", "/blocked/bob", Value::Null, none)
            .await;
        table.world.stop().await;
    });
}

#[test]
fn f28_with_its_last_owner_the_session_ends() {
    run(async {
        let table = Table::of("Fief", &["bob"]).await;
        let id: SessionId = table
            .path
            .rsplit('/')
            .next()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        let left = table
            .call("ann", "DELETE", "/members/me", Value::Null)
            .await;
        assert_eq!(left.status, 204, "{left:?}");
        let bob = table.world.player("bob");
        tests::world::refused(bob.session(id).await, 404, "not-found");
        assert_eq!(bob.my_sessions().await.expect("his"), []);
        table.world.stop().await;
    });
}

#[test]
fn f28_a_blocked_player_neither_joins_nor_gets_a_reservation() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid"]).await;
        table
            .no(
                "bob",
                "PUT",
                "/blocked/cid",
                Value::Null,
                (403, "not-owner"),
            )
            .await;
        table
            .no("ann", "PUT", "/blocked/ann", Value::Null, (422, "invalid"))
            .await;
        let read = table.ok("ann", "PUT", "/blocked/cid", Value::Null).await;
        assert_eq!(read["blocked"], json!(["cid"]));
        assert_eq!(table.member("cid").await, Value::Null);
        let blocked = (403, "blocked");
        let active = json!({ "active": true });
        table
            .no("cid", "PUT", "/members/me", active.clone(), blocked)
            .await;
        table
            .no(BACKEND, "PUT", "/members/cid", active.clone(), blocked)
            .await;
        let seat = json!({ "players": [{ "player": "cid" }] });
        table
            .no("ann", "POST", "/reservations", seat.clone(), blocked)
            .await;
        // A reservation that he had is gone with the block.
        table
            .ok(
                "ann",
                "POST",
                "/reservations",
                json!({ "players": [{ "player": "dan" }] }),
            )
            .await;
        table.ok("ann", "PUT", "/blocked/dan", Value::Null).await;
        table
            .no("dan", "PUT", "/members/me", active.clone(), blocked)
            .await;
        // Strangers do not read who is kept out.
        let seen = table.ok("zoe", "GET", "", Value::Null).await;
        assert_eq!(seen.get("blocked"), None);
        table
            .ok(BACKEND, "DELETE", "/blocked/cid", Value::Null)
            .await;
        table.ok("cid", "PUT", "/members/me", active).await;
        table.world.stop().await;
    });
}

#[test]
fn f2_permissions_are_the_leader_s_to_give_and_end_with_the_membership() {
    run(async {
        let table = Table::of("Plain", &["bob"]).await;
        let theirs = (403, "not-leader");
        table
            .no(
                "bob",
                "PUT",
                "/members/bob/permissions/kick",
                Value::Null,
                theirs,
            )
            .await;
        table
            .no(
                "ann",
                "PUT",
                "/members/bob/permissions/fly",
                Value::Null,
                (404, "not-found"),
            )
            .await;
        for permission in ["move", "invite", "kick"] {
            let path = format!("/members/bob/permissions/{permission}");
            table.ok("ann", "PUT", &path, Value::Null).await;
        }
        let held = json!(["invite", "kick", "move"]);
        assert_eq!(table.member("bob").await["permissions"], held);
        table
            .no("bob", "DELETE", "/members/ann", Value::Null, theirs)
            .await;
        table
            .ok(
                "ann",
                "DELETE",
                "/members/bob/permissions/kick",
                Value::Null,
            )
            .await;
        assert_eq!(
            table.member("bob").await["permissions"],
            json!(["invite", "move"])
        );
        table.ok("bob", "DELETE", "/members/me", Value::Null).await;
        table
            .ok("bob", "PUT", "/members/me", json!({ "active": true }))
            .await;
        assert_eq!(table.member("bob").await.get("permissions"), None);
        // With `kick` he takes another's seat, a reserved one too.
        table
            .ok("ann", "PUT", "/members/bob/permissions/kick", Value::Null)
            .await;
        table.world.stop().await;
        let table = Table::of("Raid", &["bob", "cid"]).await;
        table
            .no("bob", "DELETE", "/members/cid", Value::Null, theirs)
            .await;
        table
            .ok("ann", "PUT", "/members/bob/permissions/kick", Value::Null)
            .await;
        table.ok("bob", "DELETE", "/members/cid", Value::Null).await;
        table
            .ok(
                "ann",
                "POST",
                "/reservations",
                json!({ "players": [{ "player": "eve" }] }),
            )
            .await;
        table
            .no(
                "ann",
                "PUT",
                "/members/eve/permissions/kick",
                Value::Null,
                (409, "reserved-only"),
            )
            .await;
        table.ok("bob", "DELETE", "/members/eve", Value::Null).await;
        table.world.stop().await;
    });
}

#[test]
fn f2_two_members_of_full_teams_are_swapped_and_leaders_are_not() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid", "dan", "eve", "fay"]).await;
        let teams = async |who: &str| table.member(who).await["team"].clone();
        let (bob, cid) = (teams("bob").await, teams("cid").await);
        assert_eq!((&bob, &cid), (&json!(1), &json!(0)), "full teams of three");
        let swap = |one: &str, other: &str| json!({ "players": [one, other] });
        table
            .no(
                "bob",
                "POST",
                "/swap",
                swap("bob", "cid"),
                (403, "not-leader"),
            )
            .await;
        table
            .no(
                "ann",
                "POST",
                "/swap",
                swap("ann", "bob"),
                (409, "conflict"),
            )
            .await;
        table
            .no(
                "ann",
                "POST",
                "/swap",
                swap("bob", "dan"),
                (409, "conflict"),
            )
            .await;
        table
            .no(
                "ann",
                "POST",
                "/swap",
                swap("bob", "zoe"),
                (404, "not-found"),
            )
            .await;
        table
            .no(
                "ann",
                "POST",
                "/swap",
                json!({ "players": ["bob"] }),
                (400, "malformed"),
            )
            .await;
        let full = json!({ "team": 0 });
        table
            .no(
                "ann",
                "POST",
                "/members/bob/move",
                full.clone(),
                (409, "team-full"),
            )
            .await;
        table.ok("ann", "POST", "/swap", swap("bob", "cid")).await;
        assert_eq!((teams("bob").await, teams("cid").await), (cid, bob));
        // The type keeps members on their team; the permission lets him move others, and himself.
        table.ok("fay", "DELETE", "/members/me", Value::Null).await;
        let one = json!({ "team": 1 });
        table
            .no(
                "eve",
                "POST",
                "/members/eve/move",
                one.clone(),
                (403, "forbidden"),
            )
            .await;
        table
            .no(
                "eve",
                "POST",
                "/members/bob/move",
                one.clone(),
                (403, "not-leader"),
            )
            .await;
        table
            .ok("ann", "PUT", "/members/eve/permissions/move", Value::Null)
            .await;
        table.ok("eve", "POST", "/swap", swap("cid", "bob")).await;
        table.ok("eve", "POST", "/members/eve/move", one).await;
        table.ok("eve", "POST", "/members/dan/move", full).await;
        assert_eq!(
            (teams("eve").await, teams("dan").await),
            (json!(1), json!(0))
        );
        table.world.stop().await;
    });
}

#[test]
fn f2_the_permission_to_move_stops_before_leader_and_owners_and_takes_no_roles() {
    run(async {
        let table = Table::of("Raid", &["bob", "cid"]).await;
        let grant = "/members/bob/permissions/move";
        table.ok("ann", "PUT", grant, Value::Null).await;
        let path = "/members/cid/roles/class";
        table
            .ok("cid", "PUT", path, json!({ "role": "tank" }))
            .await;
        let elsewhere = |of: &Value| json!({ "team": 1 - of["team"].as_u64().unwrap_or(0) });
        let cid = table.member("cid").await;
        table
            .ok("bob", "POST", "/members/cid/move", elsewhere(&cid))
            .await;
        let ann = elsewhere(&table.member("ann").await);
        table
            .no("bob", "POST", "/members/ann/move", ann, (403, "not-owner"))
            .await;
        let aside = json!({ "spectator": true });
        table
            .no(
                "bob",
                "POST",
                "/members/cid/move",
                aside,
                (403, "not-leader"),
            )
            .await;
        assert_eq!(table.member("cid").await["roles"]["class"], "tank");
        table.world.stop().await;
    });
}

#[test]
fn who_is_no_member_has_nothing_of_his_own_to_change() {
    run(async {
        let table = Table::of("Raid", &["bob"]).await;
        let not_member = (403, "not-member");
        for body in [json!({}), json!({ "active": true }), json!({ "custom": 1 })] {
            table
                .no("eve", "PATCH", "/members/me", body.clone(), not_member)
                .await;
            // Whose seat it is not, he learns nothing of.
            for whose in ["/members/bob", "/members/zoe"] {
                let forbidden = (403, "forbidden");
                table
                    .no("eve", "PATCH", whose, body.clone(), forbidden)
                    .await;
            }
        }
        let role = "/members/me/roles/class";
        let healer = json!({ "role": "healer" });
        table.no("eve", "PUT", role, healer, not_member).await;
        table
            .no("eve", "DELETE", role, Value::Null, not_member)
            .await;
        table.world.stop().await;
    });
}
