//! A simulated party: it queues, watches its events, and reads where to play, each member on his own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::instance::InstanceStatus;
use model::wire::{CreateSession, CreateTicket, JoinSession, NoticeKind, PrincipalKind, Session};
use model::{SessionId, TicketId};
use sdk::{Client, Error, Who};
use tokio_util::sync::CancellationToken;

use super::child::{QUEUE, Server};
use super::measure;
use super::world::{Found, Party, Player, World};

/// How long one poll waits.
const WAIT: Duration = Duration::from_secs(60);

/// Makes a party of so many players, each of whom has looked at his events once, as a client does at its start.
pub(super) async fn make_party(
    world: &World,
    server: &Server,
    name: usize,
    size: usize,
) -> anyhow::Result<Party> {
    let mut members = Vec::with_capacity(size);
    let mut id = None;
    for n in 0..size {
        let player = format!("p{name}-{n}");
        let token = server.token(PrincipalKind::Player, &player)?;
        let client = world.client(name).with_token(&token)?;
        match id {
            None => id = Some(create(&client).await?),
            Some(id) => join(&client, id).await?,
        }
        let page = client.events().await?;
        members.push(Player {
            client,
            cursor: Some(page.cursor),
            games: HashSet::new(),
        });
    }
    let id = id.ok_or_else(|| anyhow::anyhow!("a party has somebody"))?;
    Ok(Party { id, members })
}

async fn create(client: &Client) -> Result<SessionId, Error> {
    let body = CreateSession {
        r#type: "Party".to_owned(),
        ..CreateSession::default()
    };
    Ok(client.create_session(&body).await?.id)
}

async fn join(client: &Client, party: SessionId) -> Result<(), Error> {
    let body = JoinSession {
        active: true,
        ..JoinSession::default()
    };
    client.join(party, Who::Me, &body).await.map(drop)
}

/// Queues a party and follows its ticket until every member knows where to play, or until `stop`.
pub(super) async fn play(world: Arc<World>, mut party: Party, stop: CancellationToken) {
    let sent = measure::now();
    let outcome = tokio::select! {
        outcome = queue(&mut party) => Some(outcome),
        () = stop.cancelled() => None,
    };
    match outcome {
        Some(Ok((ticket, game, read))) => world.found(Found {
            party,
            ticket,
            game,
            sent,
            read,
        }),
        Some(Err(error)) => world.ticket_failed(&error),
        None => {
            let taken_back = match party.members.first() {
                Some(leader) => leader.client.cancel_ticket(party.id).await.map(drop),
                None => Ok(()),
            };
            match taken_back {
                Ok(()) => {}
                // It became a match in that very moment; its game is deleted with the others.
                Err(error) if error.status() == Some(409) => {}
                Err(error) => return world.ticket_failed(&error),
            }
            world.taken_back(party);
        }
    }
}

async fn queue(party: &mut Party) -> Result<(TicketId, SessionId, Instant), Error> {
    let id = party.id;
    let leader = party.members.first().map(|leader| leader.client.clone());
    let post = async {
        let body = CreateTicket {
            queue: QUEUE.to_owned(),
            ..CreateTicket::default()
        };
        match leader {
            Some(leader) => leader.create_ticket(id, &body).await.map(Some),
            None => Ok(None),
        }
    };
    let members = party.members.iter_mut().map(|player| watch(player, id));
    let watching = futures_util::future::try_join_all(members);
    let (ticket, read) = futures_util::future::try_join(post, watching).await?;
    let last = read.into_iter().max_by_key(|(_, at)| *at);
    match (ticket, last) {
        (Some(ticket), Some((game, at))) => Ok((ticket.id, game, at)),
        _ => unreachable!("a party has a leader"),
    }
}

/// Polls a player's events and reads the session that he was put into, until its instance is joinable.
async fn watch(player: &mut Player, party: SessionId) -> Result<(SessionId, Instant), Error> {
    loop {
        let page = match &player.cursor {
            Some(cursor) => player.client.events_after(cursor, WAIT).await?,
            None => player.client.events().await?,
        };
        player.cursor = Some(page.cursor);
        let news = page.notices.iter().find_map(|notice| {
            let path = notice.resource.strip_prefix("/v1/sessions/");
            let id: SessionId = path?.parse().ok()?;
            let mine = notice.kind == NoticeKind::Session && id != party;
            (mine && !player.games.contains(&id)).then_some(id)
        });
        let Some(game) = news else { continue };
        let session = player.client.session(game).await?;
        if has_address(&session) {
            player.games.insert(game);
            return Ok((game, measure::now()));
        }
    }
}

/// Whether it says where to play. A game that is over already still says so; it is counted as late.
fn has_address(session: &Session) -> bool {
    session.instance.as_ref().is_some_and(|instance| {
        let open = matches!(
            instance.status,
            InstanceStatus::Joinable | InstanceStatus::Unjoinable | InstanceStatus::Closed
        );
        open && instance.addresses.is_some()
    })
}
