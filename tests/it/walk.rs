//! The walk: a party queues, is matched, gets a host, plays, and nothing is left behind.

use model::instance::InstanceStatus;
use model::ticket::{EndReason, TicketState};
use model::wire::{CreateSession, CreateTicket, JoinSession, PrincipalKind};
use sdk::Who;
use tests::{Database, Kind, Setup, TestServer, eventually, processes_of, run};

#[test]
fn r81_two_parties_get_a_real_game_server_and_nothing_is_left_sqlite() {
    run(two_parties_play(Kind::Sqlite));
}

#[test]
fn r81_two_parties_get_a_real_game_server_and_nothing_is_left_postgres() {
    run(two_parties_play(Kind::Postgres));
}

async fn two_parties_play(kind: Kind) {
    let Some(database) = Database::new(kind, "two_parties_play").await else {
        return;
    };
    let server = TestServer::start(
        &database,
        Setup {
            process_provider: true,
            ..Setup::default()
        },
    )
    .await;
    let installation = server.core.installation();
    let players = [server.player("ann"), server.player("bob")];
    let mut tickets = Vec::new();
    for client in &players {
        let party = CreateSession {
            r#type: "Party".into(),
            ..CreateSession::default()
        };
        let party = client.create_session(&party).await.expect("a party");
        let ticket = CreateTicket {
            queue: "duel".into(),
            ..CreateTicket::default()
        };
        tickets.push(
            client
                .create_ticket(party.id, &ticket)
                .await
                .expect("a ticket"),
        );
    }
    for (client, ticket) in players.iter().zip(&tickets) {
        let mut watch = client.watch();
        let found = loop {
            watch
                .next(std::time::Duration::from_secs(30))
                .await
                .expect("notices");
            let ticket = client.ticket(ticket.id).await.expect("the ticket");
            if !ticket.state.is_live() {
                break ticket;
            }
        };
        assert_eq!(
            (found.state, found.reason),
            (TicketState::Found, Some(EndReason::Assigned))
        );
        let game = found.session.expect("a session");
        let join = JoinSession {
            active: true,
            ..JoinSession::default()
        };
        let joined = client.join(game, Who::Me, &join).await.expect("a seat");
        let instance = joined.instance.expect("an instance");
        assert_eq!(instance.status, InstanceStatus::Joinable);
        assert!(
            instance
                .addresses
                .expect("an address")
                .ports
                .contains_key("default")
        );
    }
    let game = client_game(&players[0]).await;
    for client in &players {
        client.leave(game, Who::Me).await.expect("a way out");
    }
    let admin = server.client(PrincipalKind::Admin, "root");
    let gone = players[0]
        .session(game)
        .await
        .expect_err("the game has ended");
    assert_eq!(gone.status(), Some(404));
    eventually("the game server to be free again", async || {
        let fleet = admin
            .fleet(&"arena".parse().expect("a name"))
            .await
            .expect("the fleet");
        fleet
            .game_servers
            .iter()
            .all(|server| server.used == 0)
            .then_some(())
    })
    .await;
    server.stop().await;
    assert_eq!(processes_of(installation), []);
}

async fn client_game(client: &sdk::Client) -> model::SessionId {
    let mine = client.my_sessions().await.expect("sessions");
    let game = mine
        .iter()
        .find(|session| session.r#type.as_str() == "Game");
    game.expect("a game").id
}
