//! Reload: a valid set is for new sessions only, an invalid one is reported and the last good one stays.

use std::path::Path;

use model::ticket::{EndReason, TicketState};
use model::wire::PrincipalKind;
use serde_json::json;
use tests::log::logged;
use tests::queue::{once, queue_alone, ticket, ticket_of};
use tests::world::{LAW_TYPES, World, create, join, of, refused};
use tests::{Database, Kind, SESSION_TYPES, ServeProcess, eventually, run};

/// A type more.
const EXTRA: &str = r"
---
apiVersion: v1
kind: SessionType
name: Extra
creation: { by_players: true }
joinability: public
";

/// The same set with three seats fewer in a room, and a type more.
fn smaller() -> String {
    let room =
        "name: Room\ncreation: { by_players: true }\nsize: { teams: 2, players_per_team: 2 }";
    let small = "name: Room\nrevision: 2\ncreation: { by_players: true }\nsize: { teams: 1, players_per_team: 1 }";
    let changed = SESSION_TYPES.replace(room, small);
    assert_ne!(changed, SESSION_TYPES);
    format!("{changed}{EXTRA}")
}

#[test]
fn row16_a_valid_set_takes_effect_for_new_sessions_only_and_survives_a_restart() {
    run(async {
        let world = World::new().await;
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let old = create(&ann, "Room").await;
        assert_eq!((old.max_members, old.yaml_revision), (4, 1));
        refused(ann.create_session(&of("Extra")).await, 404, "not-found");
        world.server.reload(&smaller());
        let extra = eventually("the new set", async || {
            ann.create_session(&of("Extra")).await.ok()
        })
        .await;
        assert_eq!(extra.yaml_revision, 2);
        let new = create(&ann, "Room").await;
        assert_eq!((new.max_members, new.yaml_revision), (1, 2));
        refused(join(&bob, new.id).await, 409, "session-full");
        let joined = join(&bob, old.id)
            .await
            .expect("the old one has four seats");
        assert_eq!((joined.max_members, joined.yaml_revision), (4, 1));
        // What a later start reads of the store is the old revision for the old session.
        world.server.reload(SESSION_TYPES);
        eventually("the first set again", async || {
            let made = ann.create_session(&of("Extra")).await;
            made.is_err().then_some(())
        })
        .await;
        let world = world.restart().await;
        let ann = world.player("ann");
        let read = ann.session(new.id).await.expect("it");
        assert_eq!((read.max_members, read.yaml_revision), (1, 2));
        refused(
            join(&world.player("bob"), new.id).await,
            409,
            "session-full",
        );
        world.stop().await;
    });
}

#[test]
fn files_are_read_again_when_they_change_and_on_sighup_and_a_broken_set_changes_nothing() {
    run(async {
        let database = Database::new(Kind::Sqlite, "").await.expect("SQLite");
        let folder = tempfile::tempdir().expect("a folder");
        let types = folder.path().join("types");
        std::fs::create_dir(&types).expect("a folder");
        let write = |text: &str| std::fs::write(types.join("types.yaml"), text).expect("a file");
        write(LAW_TYPES);
        let server = ServeProcess::start(&database, folder.path(), &types);
        let ann = server.client(PrincipalKind::Player, "ann");
        create(&ann, "Teams").await;
        write(&LAW_TYPES.replace("joinability: public", "joinabilty: public"));
        server.signal(rustix::process::Signal::HUP);
        eventually("the report", async || {
            let log = log(folder.path());
            let said = log.contains("joinabilty") && log.contains("the last good set stays active");
            said.then_some(())
        })
        .await;
        let made = create(&ann, "Teams").await;
        assert_eq!(made.yaml_revision, 1);
        write(&format!("{LAW_TYPES}{EXTRA}"));
        server.signal(rustix::process::Signal::HUP);
        let extra = eventually("the new set", async || {
            ann.create_session(&of("Extra")).await.ok()
        });
        assert_eq!(extra.await.yaml_revision, 2);
        // Without a signal the change of the files is enough.
        write(LAW_TYPES);
        eventually("the change to be seen", async || {
            let made = ann.create_session(&of("Extra")).await;
            made.is_err().then_some(())
        })
        .await;
        assert_eq!(create(&ann, "Teams").await.yaml_revision, 3);
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(server.wait(), 0);
        // A start with a broken set goes on with the store's last good one.
        write("kind: Nonsense\n");
        let server = ServeProcess::start(&database, folder.path(), &types);
        let ann = server.client(PrincipalKind::Player, "ann");
        assert_eq!(create(&ann, "Teams").await.yaml_revision, 3);
    });
}

/// Queues in which everybody waits on, by name and what else they say.
fn paused(queues: &[(&str, &str)]) -> String {
    let queue = |(name, more): &(&str, &str)| {
        format!(
            "---\napiVersion: v1\nkind: Queue\nname: {name}\nsession_type: Game\nactive: false\n\
             regions: {{ allow: [eu-west] }}\n{more}"
        )
    };
    let queues: String = queues.iter().map(queue).collect();
    format!("{SESSION_TYPES}{queues}")
}

#[test]
fn a_reload_keeps_who_still_fits_and_says_of_all_others_why_they_no_longer_wait() {
    let teams = |size| format!("teams: {{ count: 2, size: {size} }}\n");
    let (two, one) = (teams(2), teams(1));
    let mode = |kind| format!("{two}attributes: {{ mode: {{ type: {kind}, source: player }} }}\n");
    let needs = format!("{two}attributes: {{ rank: {{ type: number, source: server }} }}\n");
    let (before, after) = (mode("string"), mode("number"));
    let text = logged(async {
        let first = [
            ("gone", two.as_str()),
            ("kept", &two),
            ("needs", &two),
            ("small", &two),
            ("typed", &before),
        ];
        let mut world = World::with(&paused(&first)).await;
        let names = ["ann", "bob", "cid", "dan", "eve", "fay", "gus"];
        let [ann, bob, cid, dan, eve, fay, gus] = names.map(|name| world.player(name));
        let gone = [
            (&ann, queue_alone(&ann, &ticket("gone")).await),
            (&bob, queue_alone(&bob, &ticket("gone")).await),
        ];
        let kept = queue_alone(&cid, &ticket("kept")).await;
        let needs_rank = queue_alone(&dan, &ticket("needs")).await;
        let brings = json!({ "attributes": { "mode": "tdm" } });
        let typed = queue_alone(&eve, &ticket_of("typed", "eve", brings)).await;
        let party = create(&fay, "Party").await.id;
        join(&gus, party).await.expect("a seat");
        let pair = fay.create_ticket(party, &ticket("small")).await;
        let changed = [
            (&dan, needs_rank),
            (&eve, typed),
            (&fay, pair.expect("a ticket")),
        ];
        let second = [
            ("kept", one.as_str()),
            ("needs", &needs),
            ("small", &one),
            ("typed", &after),
        ];
        world.reloaded(&paused(&second)).await;
        for (client, ticket) in gone {
            let ended = once(client, ticket.id, TicketState::Canceled).await;
            assert_eq!(ended.reason, Some(EndReason::QueueRemoved));
        }
        for (client, ticket) in changed {
            let ended = once(client, ticket.id, TicketState::Canceled).await;
            assert_eq!(
                ended.reason,
                Some(EndReason::QueueChanged),
                "{}",
                ended.queue
            );
        }
        let read = cid.ticket(kept.id).await.expect("it");
        assert_eq!(read.state, TicketState::Searching);
        assert_eq!(read.created_at, kept.created_at, "with its age");
        world.stop().await;
    });
    for (queue, reason, canceled) in [
        ("gone", "queue_removed", 2),
        ("needs", "queue_changed", 1),
        ("small", "queue_changed", 1),
        ("typed", "queue_changed", 1),
    ] {
        let told = format!("queue={queue} reason=\"{reason}\" canceled={canceled}");
        let times = text.lines().filter(|line| line.contains(&told)).count();
        assert_eq!(times, 1, "{told}: {text}");
    }
    assert!(!text.contains("queue=kept"), "{text}");
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("serve.log")).unwrap_or_default()
}
