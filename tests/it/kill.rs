//! `muster serve` is killed again and again under a running queue; what was acknowledged is still there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::ticket::TicketState;
use model::wire::{CreateSession, CreateTicket, JoinSession, MemberState, PrincipalKind};
use model::{GameServerId, InstallationId, PlayerId, SessionId, TicketId};
use sdk::{Client, Who};
use tests::{
    Database, Kind, SESSION_TYPES, ServeProcess, client, eventually, player, processes_of, run,
};
use tokio::task::JoinSet;

/// Kills in one test.
const KILLS: u32 = 50;
/// Players that queue while one server lives.
const PLAYERS: u32 = 8;

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged_sqlite() {
    run(fifty_kills(Kind::Sqlite));
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged_postgres() {
    run(fifty_kills(Kind::Postgres));
}

/// What the server has said yes to.
#[derive(Debug, Clone)]
struct Acknowledged {
    player: PlayerId,
    party: SessionId,
    ticket: Option<TicketId>,
    /// The game that he joined and has not asked to leave.
    playing: Option<SessionId>,
}

type Log = Arc<Mutex<Vec<Acknowledged>>>;

async fn fifty_kills(kind: Kind) {
    let Some(database) = Database::new(kind, "fifty_kills").await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let types = folder.path().join("types");
    std::fs::create_dir(&types).expect("a folder");
    let printing = SESSION_TYPES.replace("[muster, arena]", "[muster, arena, --print-every, 10ms]");
    std::fs::write(types.join("types.yaml"), printing).expect("the session types");
    let log: Log = Arc::default();
    let mut installation = None;
    for round in 0..KILLS {
        let server = ServeProcess::start(&database, folder.path(), &types);
        let installation = *installation.get_or_insert(database.installation().await);
        verify(&server, &log, installation).await;
        let mut queueing = JoinSet::new();
        for number in 0..PLAYERS {
            let name = format!("player-{round}-{number}");
            let client = server.client(PrincipalKind::Player, &name);
            queueing.spawn(play(client, player(&name), Arc::clone(&log)));
        }
        // Any moment will do; these differ by a prime, so that all phases of a match are met.
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 37 % 400)).await;
        server.kill();
        queueing.shutdown().await;
    }
    let server = ServeProcess::start(&database, folder.path(), &types);
    let installation = database.installation().await;
    verify(&server, &log, installation).await;
    assert!(
        log.lock().expect("the log").len() > KILLS as usize,
        "hardly anything was going on"
    );
    end_all(&server, &types, installation).await;
}

/// Queues, plays what it is given, leaves, and notes each yes; a connection that breaks ends it.
async fn play(client: Client, player: PlayerId, log: Log) -> Option<()> {
    let party = CreateSession {
        r#type: "Party".into(),
        ..CreateSession::default()
    };
    let party = client.create_session(&party).await.ok()?.id;
    let place = {
        let mut log = log.lock().expect("the log");
        log.push(Acknowledged {
            player,
            party,
            ticket: None,
            playing: None,
        });
        log.len() - 1
    };
    let note =
        |change: &dyn Fn(&mut Acknowledged)| change(&mut log.lock().expect("the log")[place]);
    let ticket = CreateTicket {
        queue: "duel".into(),
        ..CreateTicket::default()
    };
    let ticket = client.create_ticket(party, &ticket).await.ok()?;
    note(&|said| said.ticket = Some(ticket.id));
    let mut watch = client.watch();
    let game = loop {
        watch.next(Duration::from_secs(30)).await.ok()?;
        let ticket = client.ticket(ticket.id).await.ok()?;
        if ticket.state == TicketState::Found {
            break ticket.session?;
        }
    };
    let join = JoinSession {
        active: true,
        ..JoinSession::default()
    };
    client.join(game, Who::Me, &join).await.ok()?;
    note(&|said| said.playing = Some(game));
    tokio::time::sleep(Duration::from_millis(20)).await;
    note(&|said| said.playing = None);
    client.leave(game, Who::Me).await.ok()?;
    Some(())
}

/// Everything that was acknowledged is there, nobody is in two games, and no game server is forgotten.
async fn verify(server: &ServeProcess, log: &Log, installation: InstallationId) {
    let admin = server.client(PrincipalKind::Admin, "root");
    let acknowledged = log.lock().expect("the log").clone();
    for said in &acknowledged {
        let party = admin
            .session(said.party)
            .await
            .expect("an acknowledged party");
        assert!(
            party
                .members
                .iter()
                .any(|member| member.player == said.player),
            "{said:?}"
        );
        if let Some(id) = said.ticket {
            let ticket = admin.ticket(id).await.expect("an acknowledged ticket");
            assert_eq!(ticket.players, std::slice::from_ref(&said.player));
        }
        if let Some(game) = said.playing {
            let game = admin
                .session(game)
                .await
                .expect("a game with a member in it");
            let seat = game
                .members
                .iter()
                .find(|member| member.player == said.player);
            assert_eq!(
                seat.map(|seat| seat.state),
                Some(MemberState::Active),
                "{said:?}"
            );
        }
        let mine = client(&server.url, PrincipalKind::Player, said.player.as_str());
        let mine = mine.my_sessions().await.expect("his sessions").items;
        let games = mine
            .iter()
            .filter(|session| session.r#type.as_str() == "Game")
            .count();
        assert!(games <= 1, "{} is in {games} games: {mine:?}", said.player);
    }
    // Those who were killed amid their game leave it, so that its server can be used again.
    for said in acknowledged.iter() {
        if let Some(game) = said.playing {
            let _ = admin.leave(game, Who::Player(&said.player)).await;
        }
    }
    for said in log.lock().expect("the log").iter_mut() {
        said.playing = None;
    }
    eventually("every game server to be taken back or ended", async || {
        let known = registered(&admin).await;
        let running = game_servers_of(installation);
        running.is_subset(&known).then_some(())
    })
    .await;
}

async fn registered(admin: &Client) -> BTreeSet<GameServerId> {
    let fleets = admin.fleets().await.expect("fleets").items;
    fleets
        .iter()
        .flat_map(|fleet| &fleet.game_servers)
        .map(|server| server.id)
        .collect()
}

fn game_servers_of(installation: InstallationId) -> BTreeSet<GameServerId> {
    let mut ids = BTreeSet::new();
    for (pid, _) in processes_of(installation) {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&environment).into_owned();
        let id = text
            .split('\0')
            .find_map(|one| one.strip_prefix("MUSTER_GAME_SERVER_ID="));
        ids.extend(id.and_then(|id| id.parse::<GameServerId>().ok()));
    }
    ids
}

/// A set without fleets drains and ends every game server.
async fn end_all(server: &ServeProcess, types: &Path, installation: InstallationId) {
    let party_alone = SESSION_TYPES.split("---").next().expect("a first document");
    std::fs::write(types.join("types.yaml"), party_alone).expect("the session types");
    let admin = server.client(PrincipalKind::Admin, "root");
    eventually("every game server to end", async || {
        let fleets = admin.fleets().await.expect("fleets").items;
        for game in fleets
            .iter()
            .flat_map(|fleet| &fleet.game_servers)
            .flat_map(|one| &one.sessions)
        {
            let _ = admin.delete_session(*game).await;
        }
        processes_of(installation).is_empty().then_some(())
    })
    .await;
}
