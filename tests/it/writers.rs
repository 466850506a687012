//! The whole table of who may write what in a session (B.20), cell by cell against the server.

use model::session::writers::{Element, WRITERS, Who};
use model::wire::{JoinSession, PrincipalKind, RequestInstance, Reserve};
use model::{AllocationId, SessionId};
use sdk::Who as Member;
use tests::raw::{self, Request};
use tests::world::{World, create, seat};
use tests::{Host, run};

/// Nothing runs out on the way, and members decide.
const TYPES: &str = "
apiVersion: v1
kind: SessionType
name: Table
creation: { by_players: true }
size: { teams: 2, players_per_team: 8 }
joinability: public
capabilities: { connectivity: true }
timeouts: { reserved_removal: null, ready_removal: null, inactive_removal: null }
instance: { fleet: arena, startup_params: { map: A } }
browser: { allow_manual: true }
---
apiVersion: v1
kind: Fleet
name: arena
provider: process
regions: [eu-west]
capacity: { min: 0, buffer: 0, max: 1, slots: 1 }
config: { command: [none] }
";

/// A session in which everybody of the table has his place; amy is the other on whom things are tried.
struct Cell {
    id: SessionId,
    allocation: Option<AllocationId>,
    etag: String,
}

#[test]
fn b_20_every_cell_of_the_table_of_writers_holds_over_http() {
    run(async {
        let world = World::with(TYPES).await;
        let mut host = Host::start(&world.server, "arena", "eu-west").await;
        for &(element, writers) in WRITERS {
            for who in Who::ALL {
                let cell = cell(&world, &mut host, element).await;
                let (method, path, body) = request(element, who, &cell);
                let token = token(&host, who);
                let answer = raw::send(
                    &world.server.url,
                    Request {
                        method,
                        path: &format!("/v1/sessions/{}{path}", cell.id),
                        token: Some(&token),
                        headers: &[("if-match", &cell.etag)],
                        body: body.as_bytes(),
                    },
                )
                .await;
                let may = writers.contains(&who);
                let did = answer.status < 300;
                let what = format!("{who:?} writes {element:?}: {answer:?}");
                assert_eq!(did, may, "{what}");
                assert!(
                    did || [400, 403, 404, 409].contains(&answer.status),
                    "{what}"
                );
                let admin = world.admin();
                match admin.session_versioned(cell.id).await {
                    Ok(now) => assert!(did || now.etag == cell.etag, "nothing is written: {what}"),
                    Err(_) => assert_eq!((did, element), (true, Element::SessionEnd), "{what}"),
                }
                let _ = admin.delete_session(cell.id).await;
            }
        }
        world.stop().await;
    });
}

async fn cell(world: &World, host: &mut Host, element: Element) -> Cell {
    let ann = world.player("ann");
    let id = create(&ann, "Table").await.id;
    let states = [
        ("rex", true, false),
        ("amy", false, true),
        ("act", false, true),
        ("ian", false, false),
    ];
    for (name, ready, active) in states {
        let body = JoinSession {
            ready,
            active,
            ..JoinSession::default()
        };
        let client = world.player(name);
        client.join(id, Member::Me, &body).await.expect("a seat");
    }
    let held = Reserve {
        players: vec![seat("ray")],
        ..Reserve::default()
    };
    ann.reserve(id, &held).await.expect("a seat");
    let token = raw::token(&raw::claims(PrincipalKind::Player, "ann"));
    let invite = Request {
        method: "POST",
        path: &format!("/v1/sessions/{id}/invites"),
        token: Some(&token),
        headers: &[],
        body: br#"{"players":["ivy"]}"#,
    };
    assert_eq!(raw::send(&world.server.url, invite).await.status, 200);
    let mut allocation = None;
    // With an instance no member hosts; without one there is no game server to be the host.
    if element != Element::HostToken {
        let request = RequestInstance::default();
        ann.request_instance(id, &request).await.expect("a host");
        allocation = Some(host.open(id).await.allocation_id);
    }
    let etag = world.admin().session_versioned(id).await.expect("it").etag;
    Cell {
        id,
        allocation,
        etag,
    }
}

fn name_of(who: Who) -> Option<&'static str> {
    match who {
        Who::Stranger => Some("sam"),
        Who::Invited => Some("ivy"),
        Who::Reserved => Some("ray"),
        Who::Ready => Some("rex"),
        Who::Active => Some("act"),
        Who::Inactive => Some("ian"),
        Who::Leader => Some("ann"),
        Who::Host | Who::Server | Who::Admin | Who::Fleet => None,
    }
}

fn token(host: &Host, who: Who) -> String {
    let (kind, subject) = match (who, name_of(who)) {
        (_, Some(name)) => (PrincipalKind::Player, name),
        (Who::Host, _) => return host.token.clone(),
        (Who::Server, _) => (PrincipalKind::Server, "backend"),
        (Who::Fleet, _) => (PrincipalKind::Fleet, "racks"),
        _ => (PrincipalKind::Admin, "root"),
    };
    raw::token(&raw::claims(kind, subject))
}

/// The request that writes an element: method, path below the session, body.
fn request(element: Element, who: Who, cell: &Cell) -> (&'static str, String, String) {
    // Who is no player has nothing of his own; he tries amy's.
    let own = name_of(who).unwrap_or("amy");
    let patch = |body: &str| ("PATCH", String::new(), body.to_owned());
    let member = |name: &str, rest: &str| format!("/members/{name}{rest}");
    let none = String::new();
    match element {
        Element::SessionConstants => patch(r#"{"constants":{"seed":8}}"#),
        Element::SessionProperties => {
            patch(r#"{"custom":{"round":2},"custom_data":{"a":"b"},"closed":true}"#)
        }
        Element::Joinability => patch(r#"{"joinability":"private"}"#),
        Element::Password => patch(r#"{"password":"open sesame"}"#),
        Element::HostToken => ("PUT", "/host".into(), r#"{"device_token":"d0"}"#.into()),
        Element::OwnConstants => ("PATCH", member(own, ""), r#"{"constants":{"x":1}}"#.into()),
        Element::OwnProperties => ("PATCH", member(own, ""), r#"{"custom":{"x":1}}"#.into()),
        Element::OwnSubscriptions => (
            "PATCH",
            member(own, ""),
            r#"{"subscriptions":{"00000000-0000-4000-8000-000000000001":{"profile":"roster"}}}"#
                .into(),
        ),
        Element::OthersProperties => ("PATCH", member("amy", ""), r#"{"active":false}"#.into()),
        Element::OwnTeam => {
            let team = usize::from(matches!(own, "ann" | "amy" | "ian"));
            (
                "POST",
                member(own, "/move"),
                format!(r#"{{"team":{team}}}"#),
            )
        }
        Element::OthersTeam => ("POST", member("amy", "/move"), r#"{"team":1}"#.into()),
        Element::Leader => ("POST", member("amy", "/promote"), none),
        Element::Permissions => ("PUT", member("amy", "/permissions/kick"), none),
        Element::Reservations => {
            let body = r#"{"players":[{"player":"new"}]}"#;
            ("POST", "/reservations".into(), body.into())
        }
        Element::Invites => ("POST", "/invites".into(), r#"{"players":["new"]}"#.into()),
        Element::OthersSeat => ("DELETE", member("amy", ""), none),
        Element::BrowserEntry => {
            let body = r#"{"params":{"map":"x"}}"#;
            ("PUT", "/browser-entry".into(), body.into())
        }
        Element::Servers => ("PUT", "/servers/director".into(), r#"{"custom":1}"#.into()),
        Element::InstanceStatus => {
            let allocation = cell.allocation.map(|id| id.to_string()).unwrap_or_default();
            let body = format!(r#"{{"allocation_id":"{allocation}","status":"unjoinable"}}"#);
            ("PATCH", "/instance".into(), body)
        }
        Element::InstanceEnd => ("DELETE", "/instance".into(), none),
        Element::SessionEnd => ("DELETE", none.clone(), none),
    }
}
