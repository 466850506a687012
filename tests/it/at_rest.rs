//! What stands in the store of invites, passwords and short codes, and that nothing of it outlives them.

use model::SessionId;
use model::session_type::Joinability;
use model::wire::{CreateSession, InvitePlayers, JoinSession, Password, UpdateSession};
use sdk::{Client, Condition, Who};
use store::write_set::ClaimKey;
use store::{Kind, Row, Store};
use tests::world::{LAW_TYPES, World, active, of, players};
use tests::{namespace, player, run};

/// Whose invites there are rows of, in order.
async fn invited(store: &Store) -> Vec<String> {
    let rows = store
        .scan(&namespace(), Kind::Invite, None, 100)
        .await
        .expect("rows");
    let mut names: Vec<String> = rows.into_iter().filter_map(|row| row.player).collect();
    names.sort_unstable();
    names
}

async fn invite(client: &Client, id: SessionId, names: &[&str]) {
    let body = InvitePlayers {
        players: players(names),
        context: String::new(),
    };
    client.invite(id, &body).await.expect("a member's right");
}

#[test]
fn an_invite_has_a_row_for_as_long_as_it_lives_however_it_ends() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let options = store::Options::default();
        let store = Store::open(&world.database.url, options).await.expect("it");
        let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| world.player(name));
        let body = CreateSession {
            joinability: Some(Joinability::Public),
            ..of("Plain")
        };
        let id = ann.create_session(&body).await.expect("a session").id;
        invite(&ann, id, &["bob", "cid", "dan", "eve"]).await;
        assert_eq!(invited(&store).await, ["bob", "cid", "dan", "eve"]);
        bob.join(id, Who::Me, &active()).await.expect("public");
        cid.withdraw_invite(id, Who::Me).await.expect("his own");
        assert_eq!(invited(&store).await, ["dan", "eve"]);
        world.at(30_000);
        invite(&ann, id, &["dan"]).await;
        assert_eq!(invited(&store).await, ["dan", "eve"]);
        world.at(300_000);
        ann.session(id).await.expect("hers");
        assert_eq!(invited(&store).await, ["dan"]);
        invite(&ann, id, &["fay"]).await;
        let tighten = UpdateSession {
            joinability: Some(Joinability::Private),
            ..UpdateSession::default()
        };
        ann.update_session(id, &tighten, Condition::Always)
            .await
            .expect("a member's right");
        assert_eq!(invited(&store).await, [""; 0]);
        invite(&ann, id, &["gus", "hal"]).await;
        // Another session keeps its own.
        let other = ann.create_session(&body).await.expect("a session").id;
        invite(&ann, other, &["gus"]).await;
        ann.delete_session(id).await.expect("the leader's right");
        assert_eq!(invited(&store).await, ["gus"]);
        let row = store.by_player(&namespace(), &player("gus")).await;
        let other = other.to_string();
        let of = |row: &Row| row.parent.clone();
        let parents: Vec<_> = row.expect("rows").iter().map(of).collect();
        assert_eq!(parents, [Some(other)]);
        store.close().await;
        world.stop().await;
    });
}

#[test]
fn f1_the_end_of_a_session_gives_its_code_back() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let options = store::Options::default();
        let store = Store::open(&world.database.url, options).await.expect("it");
        let ann = world.player("ann");
        let id = ann.create_session(&of("Plain")).await.expect("it").id;
        let session = ann.give_short_code(id).await.expect("the leader's right");
        let claim = ClaimKey {
            kind: "short_code",
            key: session.short_code.expect("a code"),
        };
        let holder = async || store.claim_holder(&namespace(), &claim).await.expect("it");
        assert_eq!(holder().await.map(|key| key.id), Some(id.to_string()));
        let left = ann.leave(id, Who::Me).await.expect("her own seat");
        assert_eq!(left, None, "it ended with her");
        assert_eq!(holder().await, None);
        store.close().await;
        world.stop().await;
    });
}

#[test]
fn f6_no_row_says_a_password() {
    run(async {
        let world = World::with(LAW_TYPES).await;
        let options = store::Options::default();
        let store = Store::open(&world.database.url, options).await.expect("it");
        let (ann, bob) = (world.player("ann"), world.player("bob"));
        let sesame = Some(Password("sesame".into()));
        let body = CreateSession {
            joinability: Some(Joinability::Public),
            password: sesame.clone(),
            ..of("Plain")
        };
        let id = ann.create_session_keyed(&body, "once").await;
        let id = id.expect("a session").id;
        let joined = JoinSession {
            password: sesame,
            ..active()
        };
        bob.join(id, Who::Me, &joined).await.expect("the right one");
        let mut looked_at = 0;
        for kind in Kind::ALL {
            for row in store
                .scan(&namespace(), kind, None, 100)
                .await
                .expect("rows")
            {
                assert!(!row.body.contains("sesame"), "{row:?}");
                looked_at += 1;
            }
        }
        assert!(looked_at >= 4, "session, two members, the key: {looked_at}");
        store.close().await;
        world.stop().await;
    });
}
