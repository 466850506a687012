//! `muster serve` is killed again and again under a running queue; what was acknowledged is still there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::ticket::TicketState;
use model::wire::{CreateSession, CreateTicket, JoinSession, MemberState, PrincipalKind};
use model::{GameServerId, InstallationId, PlayerId, SessionId, TicketId};
use sdk::{Client, Who};
use tests::kills::{Draw, kills};
use tests::{
    Database, Kind, SESSION_TYPES, ServeProcess, client, eventually, player, processes_of, run,
};
use tokio::task::JoinSet;

/// Kills in one test, unless it is told another number.
const KILLS: u32 = 50;
/// Players that queue again and again while the servers come and go.
const PLAYERS: u32 = 8;
/// A server is killed after it has said yes to fewer than so many tickets and joins, on a machine of any pace,
const YESES_MAX: u64 = 16;
/// after this long at the latest, where all of them wait,
const LIFE_MAX: Duration = Duration::from_secs(3);
/// and at some moment within this.
const MOMENT_MAX_MS: u64 = 50;

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged_sqlite() {
    run(fifty_kills(Kind::Sqlite, "127.77.0.1:0"));
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged_postgres() {
    run(fifty_kills(Kind::Postgres, "127.77.0.2:0"));
}

/// What the server has said yes to.
#[derive(Debug, Clone)]
struct Acknowledged {
    player: PlayerId,
    party: SessionId,
    ticket: TicketId,
    /// The game that he joined and has not asked to leave.
    playing: Option<SessionId>,
    /// Whether he ever was in a game.
    played: bool,
}

type Log = Arc<Mutex<Vec<Acknowledged>>>;

/// `elsewhere` is an address of this test's own: when a server comes back there, nobody else has its port.
async fn fifty_kills(kind: Kind, elsewhere: &str) {
    let Some(database) = Database::new(kind, "fifty_kills").await else {
        return;
    };
    let mut draw = Draw::new();
    let folder = tempfile::tempdir().expect("a folder");
    let types = folder.path().join("types");
    std::fs::create_dir(&types).expect("a folder");
    let printing = SESSION_TYPES.replace("[muster, arena]", "[muster, arena, --print-every, 10ms]");
    std::fs::write(types.join("types.yaml"), printing).expect("the session types");
    let log: Log = Arc::default();
    let mut address = elsewhere.to_owned();
    let start =
        |address: &str| ServeProcess::start_by(&[], address, &database, folder.path(), &types);
    let mut verified = 0;
    let kills = kills(KILLS);
    for _ in 0..kills {
        // Mostly where it was, and game servers go on; now and then elsewhere, and they are replaced.
        if draw.below(8) == 0 {
            address = elsewhere.to_owned();
        }
        let server = start(&address);
        address = server.url.trim_start_matches("http://").to_owned();
        verified = verify(&server, &log, verified, database.installation().await).await;
        let mut queueing = JoinSet::new();
        for number in 0..PLAYERS {
            let name = format!("player-{number}");
            let client = server.client(PrincipalKind::Player, &name);
            queueing.spawn(play(client, player(&name), Arc::clone(&log)));
        }
        let enough = yeses(&log) + draw.below(YESES_MAX) as usize;
        let lived = async {
            while yeses(&log) < enough {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(LIFE_MAX, lived).await;
        tokio::time::sleep(Duration::from_millis(draw.below(MOMENT_MAX_MS))).await;
        server.kill();
        queueing.shutdown().await;
    }
    let server = start(&address);
    let installation = database.installation().await;
    let all = verify(&server, &log, 0, installation).await;
    let played = played(&log);
    let kills = kills as usize;
    assert!(
        all > kills && played > kills / 2,
        "hardly anything was going on: {all} tickets, {played} played"
    );
    end_all(&server, &types, installation).await;
}

/// How many tickets were taken and how many of them were played.
fn yeses(log: &Log) -> usize {
    let taken = log.lock().expect("the log").len();
    taken + played(log)
}

/// How many tickets brought their player into a game.
fn played(log: &Log) -> usize {
    let log = log.lock().expect("the log");
    log.iter().filter(|said| said.played).count()
}

/// Queues, plays what it is given, leaves, and that again; notes each yes. A connection that breaks ends it.
async fn play(client: Client, player: PlayerId, log: Log) -> Option<()> {
    loop {
        let (party, ticket) = queue(&client).await?;
        let place = {
            let mut log = log.lock().expect("the log");
            log.push(Acknowledged {
                player: player.clone(),
                party,
                ticket,
                playing: None,
                played: false,
            });
            log.len() - 1
        };
        let note = |playing: Option<SessionId>| {
            let said = &mut log.lock().expect("the log")[place];
            said.playing = playing;
            said.played |= playing.is_some();
        };
        let mut watch = client.watch();
        let game = loop {
            let ticket = client.ticket(ticket).await.ok()?;
            if ticket.state == TicketState::Found {
                break ticket.session?;
            }
            watch.next(Duration::from_secs(30)).await.ok()?;
        };
        let join = JoinSession {
            active: true,
            ..JoinSession::default()
        };
        client.join(game, Who::Me, &join).await.ok()?;
        note(Some(game));
        tokio::time::sleep(Duration::from_millis(20)).await;
        note(None);
        client.leave(game, Who::Me).await.ok()?;
    }
}

/// A ticket, with its party: the one that an earlier life of the server has taken, or a new one.
async fn queue(client: &Client) -> Option<(SessionId, TicketId)> {
    let of_type = async |name: &'static str| {
        let mine = client.my_sessions().await.ok()?;
        Some(
            mine.into_iter()
                .filter(move |one| one.r#type.as_str() == name),
        )
    };
    let mut party = None;
    for known in of_type("Party").await? {
        party = Some(known.id);
        let Some(ticket) = client.session(known.id).await.ok()?.ticket else {
            continue;
        };
        // The party may not have heard yet what became of it.
        if client.ticket(ticket.id).await.ok()?.state.is_live() {
            return Some((known.id, ticket.id));
        }
    }
    // Without a live ticket no further game can come, so he is in none once he has left these.
    for game in of_type("Game").await? {
        client.leave(game.id, Who::Me).await.ok()?;
    }
    let party = match party {
        Some(party) => party,
        None => {
            let party = CreateSession {
                r#type: "Party".into(),
                ..CreateSession::default()
            };
            client.create_session(&party).await.ok()?.id
        }
    };
    let ticket = CreateTicket {
        queue: "duel".into(),
        ..CreateTicket::default()
    };
    let ticket = client.create_ticket(party, &ticket).await.ok()?;
    Some((party, ticket.id))
}

/// Everything that was acknowledged since the place `from` of the log is there, nobody is in two games, and no game
/// server is forgotten. Answers how long the log is.
async fn verify(
    server: &ServeProcess,
    log: &Log,
    from: usize,
    installation: InstallationId,
) -> usize {
    let admin = server.client(PrincipalKind::Admin, "root");
    let acknowledged = log.lock().expect("the log").clone();
    for said in &acknowledged[from..] {
        let party = admin.session(said.party).await;
        let party = party.expect("an acknowledged party");
        let mut members = party.members.iter();
        assert!(members.any(|one| one.player == said.player), "{said:?}");
        let ticket = admin.ticket(said.ticket).await;
        let ticket = ticket.expect("an acknowledged ticket");
        assert_eq!(ticket.players, std::slice::from_ref(&said.player));
        if let Some(game) = said.playing {
            let game = admin.session(game).await;
            let game = game.expect("a game with a member in it");
            let mut members = game.members.iter();
            let seat = members.find(|one| one.player == said.player);
            let state = seat.map(|seat| seat.state);
            assert_eq!(state, Some(MemberState::Active), "{said:?}");
        }
    }
    let players: BTreeSet<_> = acknowledged.iter().map(|said| &said.player).collect();
    for player in players {
        let client = client(&server.url, PrincipalKind::Player, player.as_str());
        let mine = client.my_sessions().await.expect("his sessions");
        let games = mine.iter().filter(|one| one.r#type.as_str() == "Game");
        let games: Vec<_> = games.collect();
        assert!(games.len() <= 1, "{player} is in several games: {games:?}");
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
    acknowledged.len()
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
pub(crate) async fn end_all(server: &ServeProcess, types: &Path, installation: InstallationId) {
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
