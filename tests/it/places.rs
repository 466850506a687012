//! Where members sit, over HTTP: full teams (F12) and spectators (row 50).

use serde_json::{Value, json};
use tests::run;

use super::standing::{BACKEND, Table};

/// Who sits on which team, by index of the member.
fn teams(document: &Value) -> Vec<(String, Option<u64>)> {
    let members = document["members"].as_array().expect("members").iter();
    let name = |member: &Value| member["player"].as_str().unwrap_or_default().to_owned();
    members
        .map(|member| (name(member), member["team"].as_u64()))
        .collect()
}

fn party(names: &[&str], team: u8) -> Value {
    let seats = names
        .iter()
        .map(|name| json!({ "player": name, "team": team }));
    json!({ "players": seats.collect::<Vec<_>>() })
}

#[test]
fn f12_what_becomes_of_a_party_that_its_team_does_not_hold() {
    run(async {
        // Ann sits on team 0, where one place is left, and two are on the other.
        let full = |problem| Err((409, problem));
        let overflown = || vec![0, 0, 1, 1];
        for (of_type, three, four) in [
            ("Fail", full("team-full"), full("team-full")),
            ("Allow", Ok(overflown()), full("session-full")),
            ("PartialWith", Ok(overflown()), Ok(overflown())),
            ("PartialWithout", Ok(vec![0, 0]), Ok(vec![0, 0])),
            ("Overfill", Ok(vec![0, 0, 0, 0]), full("session-full")),
        ] {
            for (names, expected) in [
                (&["b", "c", "d"][..], three),
                (&["b", "c", "d", "e"][..], four),
            ] {
                let table = Table::of(of_type, &[]).await;
                let rest = "/reservations";
                match expected {
                    Ok(expected) => {
                        let read = table.ok("ann", "POST", rest, party(names, 0)).await;
                        let sits: Vec<u64> =
                            teams(&read).into_iter().filter_map(|seat| seat.1).collect();
                        assert_eq!(sits, expected, "{of_type} {names:?}");
                    }
                    Err(problem) => {
                        table
                            .no("ann", "POST", rest, party(names, 0), problem)
                            .await;
                    }
                }
                table.world.stop().await;
            }
        }
    });
}

#[test]
fn f12_a_session_created_with_more_players_than_a_team_holds_follows_the_same_rule() {
    run(async {
        let table = Table::of("Fail", &[]).await;
        let full = |problem| Err((409, problem));
        for (of_type, expected) in [
            ("Fail", full("team-full")),
            ("Allow", full("session-full")),
            ("PartialWith", Ok(vec![0, 0, 1, 1])),
            ("PartialWithout", Ok(vec![0, 0])),
            ("Overfill", full("session-full")),
        ] {
            let mut body = json!({ "type": of_type, "me": { "active": true, "team": 0 } });
            body["reserve"] = party(&["b", "c", "d", "e"], 0)["players"].clone();
            match expected {
                Ok(expected) => {
                    let read = table.ok("ann", "POST", "~/v1/sessions", body).await;
                    let sits: Vec<u64> =
                        teams(&read).into_iter().filter_map(|seat| seat.1).collect();
                    assert_eq!(sits, expected, "{of_type}");
                }
                Err(problem) => {
                    table
                        .no("ann", "POST", "~/v1/sessions", body, problem)
                        .await;
                }
            }
        }
        // Nobody of them found a place: then there is no session.
        let held = party(&["b", "c", "d"], 0)["players"].clone();
        let body = json!({ "type": "PartialWithout", "reserve": held });
        let read = table.ok(BACKEND, "POST", "~/v1/sessions", body).await;
        assert_eq!(teams(&read).len(), 2);
        let body = json!({
            "type": "Single",
            "me": { "active": true },
            "reserve": [{ "player": "b", "team": 0 }, { "player": "c", "team": 0 }],
        });
        let full = (409, "team-full");
        table.no("ann", "POST", "~/v1/sessions", body, full).await;
        table.world.stop().await;
    });
}

#[test]
fn f12_a_joiner_sits_elsewhere_or_squeezes_in_as_the_type_says() {
    run(async {
        let wish = json!({ "active": true, "team": 0 });
        for (of_type, expected) in [
            ("Fail", None),
            ("Allow", Some(1)),
            ("PartialWithout", None),
            ("Overfill", Some(0)),
        ] {
            let table = Table::of(of_type, &[]).await;
            table.ok("bob", "PUT", "/members/me", wish.clone()).await;
            match expected {
                Some(team) => {
                    let read = table.ok("cid", "PUT", "/members/me", wish.clone()).await;
                    assert_eq!(teams(&read)[2].1, Some(team), "{of_type}");
                }
                None => {
                    let full = (409, "team-full");
                    table
                        .no("cid", "PUT", "/members/me", wish.clone(), full)
                        .await;
                }
            }
            table.world.stop().await;
        }
    });
}

#[test]
fn row50_spectators_have_seats_outside_the_teams() {
    run(async {
        let table = Table::of("Stadium", &["bob"]).await;
        let watch = json!({ "active": true, "spectator": true });
        let play = json!({ "active": true });
        let full = (409, "session-full");
        table
            .no("cid", "PUT", "/members/me", play.clone(), full)
            .await;
        let read = table.ok("cid", "PUT", "/members/me", watch.clone()).await;
        assert_eq!((&read["max_members"], teams(&read)[2].1), (&json!(4), None));
        assert_eq!(read["members"][2]["spectator"], true);
        assert_eq!(read["spectators"], json!({ "taken": 1, "size": 2 }));
        let held = json!({ "players": [{ "player": "dan", "spectator": true }] });
        let read = table.ok("ann", "POST", "/reservations", held).await;
        assert_eq!(read["spectators"]["taken"], 2);
        table
            .no("eve", "PUT", "/members/me", watch.clone(), full)
            .await;
        // A free place on a team is not for spectators, and he may take it himself.
        table.ok("bob", "DELETE", "/members/me", Value::Null).await;
        table
            .no("eve", "PUT", "/members/me", watch.clone(), full)
            .await;
        let role = json!({ "role": "healer" });
        table
            .no(
                "cid",
                "PUT",
                "/members/me/roles/class",
                role.clone(),
                (422, "invalid"),
            )
            .await;
        table
            .ok("cid", "POST", "/members/me/move", json!({ "team": 1 }))
            .await;
        table
            .ok("cid", "PUT", "/members/me/roles/class", role)
            .await;
        let read = table.ok("dan", "PUT", "/members/me", play.clone()).await;
        assert_eq!(read["spectators"]["taken"], 1, "his seat was held there");
        // The other way round he gives up his role and his place.
        let move_me = json!({ "spectator": true });
        let read = table
            .ok("cid", "POST", "/members/me/move", move_me.clone())
            .await;
        assert_eq!(read["roles"]["class"]["roles"]["healer"]["holders"], 0);
        assert_eq!(read["teams"][1]["taken"], 0);
        table
            .no("ann", "POST", "/members/me/move", move_me, full)
            .await;
        let wrong = (422, "invalid");
        for body in [json!({ "team": 1, "spectator": true }), json!({})] {
            table
                .no("cid", "POST", "/members/me/move", body, wrong)
                .await;
        }
        let both = json!({ "active": true, "team": 1, "spectator": true });
        table.no("eve", "PUT", "/members/me", both, wrong).await;
        let both = json!({ "players": [{ "player": "eve", "team": 1, "spectator": true }] });
        table
            .no(BACKEND, "POST", "/reservations", both, wrong)
            .await;
        // Nor does he lead, whoever else is there.
        let promote = "/members/cid/promote";
        table
            .no("ann", "POST", promote, Value::Null, (409, "conflict"))
            .await;
        let swap = json!({ "players": ["cid", "dan"] });
        table.no("ann", "POST", "/swap", swap, wrong).await;
        // The counts are those of the members after a restart as well.
        let Table { world, path } = table;
        let world = world.restart().await;
        let table = Table { world, path };
        table
            .no("eve", "PUT", "/members/me", watch.clone(), full)
            .await;
        table.ok("eve", "PUT", "/members/me", play).await;
        table.world.stop().await;
        // Without the knob there are none.
        let table = Table::of("Plaza", &[]).await;
        table.no("bob", "PUT", "/members/me", watch, full).await;
        table.world.stop().await;
    });
}

#[test]
fn row50_a_spectator_leads_only_until_somebody_plays() {
    run(async {
        let table = Table::of("Stadium", &[]).await;
        let body = json!({ "type": "Stadium", "me": { "active": true, "spectator": true } });
        let made = table.ok("wim", "POST", "~/v1/sessions", body).await;
        assert_eq!(made["leader"], "wim");
        let id = made["id"].as_str().expect("an id");
        let me = format!("~/v1/sessions/{id}/members/me");
        let read = table.ok("bob", "PUT", &me, json!({ "active": true })).await;
        assert_eq!(read["leader"], "bob");
        table.ok("bob", "DELETE", &me, Value::Null).await;
        let read = table.ok("wim", "PUT", &me, json!({ "active": true })).await;
        assert_eq!(read["leader"], "wim");
        table.world.stop().await;
    });
}
