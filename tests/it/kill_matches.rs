//! `muster serve` is killed again and again while matches wait for words, and while games ask for players.

use std::path::Path;
use std::time::Duration;

use model::ticket::TicketState;
use model::wire::{PrincipalKind, SetBackfill, WantedPlayers};
use sdk::Client;
use tests::kills::{Draw, kills};
use tests::parties::{Answers, Log, Party, verify};
use tests::{Database, Kind, SESSION_TYPES, ServeProcess, eventually, run};
use tokio::task::JoinSet;

use crate::kill::end_all;

/// Kills in one test, unless it is told another number.
const KILLS: u32 = 15;
/// A server is killed at some moment within this after its players have come.
const LIFE_MAX_MS: u64 = 900;
/// Seats of a team.
const TEAM: usize = 2;
/// Whoever queues together.
const PARTIES: [&[&str]; 9] = [
    &["ann", "bob"],
    &["cid", "dan"],
    &["eve", "fay"],
    &["gus"],
    &["hal"],
    &["ida"],
    &["jon"],
    &["kim"],
    &["lea"],
];

/// Games of two against two, in which every seat stays for who has it until he gives it up.
const PAIRS: &str = "
---
apiVersion: v1
kind: SessionType
name: Pairs
size: { teams: 2, players_per_team: 2 }
joinability: private
timeouts: { reserved_removal: 10m, ready_removal: null, inactive_removal: null }
instance: { fleet: arena, startup_params: { map: Arena } }
backfill: { ack_timeout: 60s }
---
apiVersion: v1
kind: Queue
name: pairs
session_type: Pairs
regions: { allow: [eu-west] }
teams: { count: 2, size: 2 }
party: { max_players: 2 }
";
const ASKS_FIRST: &str = "acceptance: { required: true, timeout: 2s }\n";
const REFILLS: &str = "backfill: { priority: high, max_players_per_refill: 2 }\n";

#[test]
fn a_match_that_is_proposed_outlives_every_kill_sqlite() {
    run(proposed(Kind::Sqlite, "127.77.0.3:0"));
}

#[test]
fn a_match_that_is_proposed_outlives_every_kill_postgres() {
    run(proposed(Kind::Postgres, "127.77.0.4:0"));
}

#[test]
fn a_game_that_is_refilled_outlives_every_kill_sqlite() {
    run(refilled(Kind::Sqlite, "127.77.0.5:0"));
}

#[test]
fn a_game_that_is_refilled_outlives_every_kill_postgres() {
    run(refilled(Kind::Postgres, "127.77.0.6:0"));
}

/// Whether games ask for players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Games {
    Ask,
    DoNot,
}

async fn proposed(kind: Kind, address: &str) {
    let Some(mut killed) = Killed::new(kind, "proposed", address, ASKS_FIRST).await else {
        return;
    };
    let server = killed.again_and_again(Games::DoNot).await;
    // Nobody says a word any more: each match ends in time, and who had accepted waits on, with his age.
    let admin = server.client(PrincipalKind::Admin, "root");
    for ticket in killed.log.live() {
        eventually("every match to end in time", async || {
            let now = admin.ticket(ticket.id).await.expect("the ticket");
            (now.state != TicketState::Proposed).then_some(())
        })
        .await;
    }
    verify(&server, &killed.log).await;
    killed.everybody_is_found(&server, Games::DoNot).await;
    let activity = killed.log.activity();
    let kills = killed.kills as usize;
    assert!(
        activity.words > kills && activity.assigned > kills / 3 && activity.not_accepted > 1,
        "hardly anything was going on: {activity:?}"
    );
    killed.end(server).await;
}

async fn refilled(kind: Kind, address: &str) {
    let Some(mut killed) = Killed::new(kind, "refilled", address, REFILLS).await else {
        return;
    };
    let server = killed.again_and_again(Games::Ask).await;
    killed.everybody_is_found(&server, Games::Ask).await;
    let activity = killed.log.activity();
    let kills = killed.kills as usize;
    assert!(
        activity.backfilled > kills / 3 && activity.told > kills / 3 && activity.assigned > 1,
        "hardly anything was going on: {activity:?}"
    );
    killed.end(server).await;
}

/// Servers that come and go on one database.
struct Killed {
    database: Database,
    folder: tempfile::TempDir,
    address: String,
    draw: Draw,
    kills: u32,
    log: Log,
}

impl Killed {
    /// `address` is one of this test's own: when a server comes back there, nobody else has its port.
    async fn new(kind: Kind, test: &str, address: &str, queue: &str) -> Option<Killed> {
        let database = Database::new(kind, test).await?;
        let folder = tempfile::tempdir().expect("a folder");
        let types = folder.path().join("types");
        std::fs::create_dir(&types).expect("a folder");
        let text = format!("{SESSION_TYPES}{PAIRS}{queue}");
        std::fs::write(types.join("types.yaml"), text).expect("the session types");
        Some(Killed {
            database,
            folder,
            address: address.to_owned(),
            draw: Draw::new(),
            kills: kills(KILLS),
            log: Log::default(),
        })
    }

    /// Where it was, so that its game servers go on.
    fn start(&mut self) -> ServeProcess {
        let folder = self.folder.path();
        let types = folder.join("types");
        let server = ServeProcess::start_by(&[], &self.address, &self.database, folder, &types);
        self.address = server.url.trim_start_matches("http://").to_owned();
        server
    }

    /// What is going on at a server.
    fn load(&mut self, server: &ServeProcess, games: Games, answers: Answers) -> JoinSet<()> {
        let mut load = JoinSet::new();
        for names in PARTIES {
            let drawn = (self.draw.fork(), answers);
            let party = Party::new(server, names, "pairs", &self.log, drawn);
            load.spawn(party.play());
        }
        if games == Games::Ask {
            let backend = server.client(PrincipalKind::Server, "backend");
            load.spawn(ask(backend, self.log.clone(), self.draw.fork()));
        }
        load
    }

    /// Kills one server after the other, and answers with the last, at which nobody is.
    async fn again_and_again(&mut self, games: Games) -> ServeProcess {
        for _ in 0..self.kills {
            let server = self.start();
            self.verify(&server, games).await;
            let mut load = self.load(&server, games, Answers::AsDrawn);
            let life = Duration::from_millis(self.draw.below(LIFE_MAX_MS));
            tokio::time::sleep(life).await;
            server.kill();
            load.shutdown().await;
        }
        let server = self.start();
        self.verify(&server, games).await;
        server
    }

    async fn verify(&self, server: &ServeProcess, games: Games) {
        verify(server, &self.log).await;
        if games == Games::Ask {
            no_seat_is_given_twice(server, &self.log).await;
        }
    }

    /// Whoever waits at the end is in a game in the end.
    async fn everybody_is_found(&mut self, server: &ServeProcess, games: Games) {
        let waiting = self.log.live();
        let mut load = self.load(server, games, Answers::Yes);
        let admin = server.client(PrincipalKind::Admin, "root");
        for ticket in waiting {
            let what = format!("{ticket:?} to be found");
            eventually(&what, async || {
                let now = admin.ticket(ticket.id).await.expect("the ticket");
                (now.state == TicketState::Found).then_some(())
            })
            .await;
        }
        load.shutdown().await;
        self.verify(server, games).await;
    }

    async fn end(self, server: ServeProcess) {
        let installation = self.database.installation().await;
        let types: &Path = &self.folder.path().join("types");
        end_all(&server, types, installation).await;
    }
}

/// Asks for players wherever seats are free, and acknowledges whoever comes, until a connection breaks.
async fn ask(backend: Client, log: Log, mut draw: Draw) {
    loop {
        for id in log.sessions() {
            let session = match backend.session(id).await {
                Ok(session) => session,
                Err(sdk::Error::Problem { .. }) => continue,
                Err(_) => return,
            };
            let free = |team: u8| {
                let members = session.members.iter();
                let taken = members.filter(|member| member.team == Some(team)).count();
                u16::try_from(TEAM.saturating_sub(taken)).unwrap_or(0)
            };
            let wanted = |team: u8| WantedPlayers {
                team,
                players_required: free(team),
            };
            let body = SetBackfill {
                teams: vec![wanted(0), wanted(1)],
                created_before: None,
            };
            // The session may have changed meanwhile, and then refuses.
            let asked = match draw.below(3) {
                0 => Ok(None),
                _ => backend.set_backfill(id, &body).await.map(Some),
            };
            let heard = match asked {
                Ok(_) | Err(sdk::Error::Problem { .. }) => backend.acknowledge_backfill(id).await,
                Err(_) => return,
            };
            match heard {
                Ok(heard) => {
                    for joins in heard.backfilled_players {
                        log.told(id, joins.player);
                    }
                }
                Err(sdk::Error::Problem { .. }) => {}
                Err(_) => return,
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// No team has more players than seats, and none wants more than it has seats left.
async fn no_seat_is_given_twice(server: &ServeProcess, log: &Log) {
    let admin = server.client(PrincipalKind::Admin, "root");
    for id in log.sessions() {
        let Ok(session) = admin.session(id).await else {
            continue;
        };
        let mut players: Vec<_> = session.members.iter().map(|one| &one.player).collect();
        players.sort();
        players.dedup();
        assert_eq!(players.len(), session.members.len(), "{session:?}");
        let taken = |team: u8| {
            let members = session.members.iter();
            members.filter(|member| member.team == Some(team)).count()
        };
        assert!(taken(0) <= TEAM && taken(1) <= TEAM, "{session:?}");
        // Nobody leaves or joins at this moment but by a refill, which takes a wish for each seat.
        if let Ok(asks) = admin.backfill(id).await {
            for wanted in &asks.teams {
                let all = taken(wanted.team) + usize::from(wanted.players_required);
                assert!(all <= TEAM, "{asks:?} in {session:?}");
            }
        }
    }
}
