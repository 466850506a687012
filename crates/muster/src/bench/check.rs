//! The check of placements: what the store has of a step's tickets and games, after it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use model::instance::InstanceStatus;
use model::session::{Header, Member};
use model::ticket::TicketState;
use model::{Namespace, PlayerId, SessionId, Ticket, TicketId, Timestamp};
use store::{Key, Kind, Row, Store};

use super::child::Server;
use super::world::{SEATS, World};

/// Rows of one read.
const PAGE: usize = 1_000;
/// Deletions under way at a time.
const DELETING: usize = 64;

/// A game as the store has it.
struct Game {
    header: Header,
    members: Vec<Member>,
}

/// Every ticket was found in a game that has its players; every game is four against four; nobody is in two games at
/// a time. Then the games are deleted, so that the next step finds what the last one found.
pub(super) async fn placements(
    world: &Arc<World>,
    server: &Server,
    tickets: &[TicketId],
) -> anyhow::Result<()> {
    let store = Store::open(&server.database, store::Options::default()).await?;
    let games = games(&store, server.namespace()).await?;
    let rows = read_tickets(&store, server, tickets).await?;
    store.close().await;
    for (id, game) in &games {
        four_against_four(game).with_context(|| format!("game {id}"))?;
    }
    ensure!(
        rows.len() == tickets.len(),
        "{} of {} tickets are in the store",
        rows.len(),
        tickets.len()
    );
    let distinct: HashSet<&TicketId> = tickets.iter().collect();
    ensure!(distinct.len() == tickets.len(), "a ticket was found twice");
    for ticket in &rows {
        placed(ticket, &games).with_context(|| format!("ticket {}", ticket.id))?;
    }
    one_game_at_a_time(&games)?;
    delete(server, games.keys().copied()).await?;
    world.forget_games();
    Ok(())
}

fn four_against_four(game: &Game) -> anyhow::Result<()> {
    let players: HashSet<&PlayerId> = game.members.iter().map(|member| &member.player).collect();
    ensure!(players.len() == SEATS, "has {} players", players.len());
    for team in [0, 1] {
        let size = game
            .members
            .iter()
            .filter(|member| member.team == Some(team))
            .count();
        ensure!(size == SEATS / 2, "has {size} players on team {team}");
    }
    Ok(())
}

fn placed(ticket: &Ticket, games: &BTreeMap<SessionId, Game>) -> anyhow::Result<()> {
    ensure!(
        ticket.state == TicketState::Found,
        "is {:?} ({:?})",
        ticket.state,
        ticket.reason
    );
    let session = ticket.session.context("has no session")?;
    let game = games
        .get(&session)
        .context("has a session that is not there")?;
    ensure!(
        game.header.match_id == ticket.match_id,
        "has another match than its session"
    );
    let teams: HashSet<Option<u8>> = ticket
        .players
        .iter()
        .map(|player| {
            let found = game
                .members
                .iter()
                .find(|seat| seat.player == player.player);
            found.with_context(|| format!("{} has no seat", player.player))
        })
        .map(|found| found.map(|member| member.team))
        .collect::<anyhow::Result<_>>()?;
    ensure!(teams.len() == 1, "its party was split");
    Ok(())
}

/// A player's earlier game was closed before his next one was made.
fn one_game_at_a_time(games: &BTreeMap<SessionId, Game>) -> anyhow::Result<()> {
    let mut of_player: BTreeMap<&PlayerId, Vec<&Header>> = BTreeMap::new();
    for game in games.values() {
        for member in &game.members {
            of_player
                .entry(&member.player)
                .or_default()
                .push(&game.header);
        }
    }
    for (player, mut headers) in of_player {
        headers.sort_by_key(|header| header.created_at);
        for pair in headers.windows(2) {
            let [earlier, later] = pair else { continue };
            let closed = earlier
                .instance
                .as_ref()
                .filter(|instance| instance.status == InstanceStatus::Closed)
                .map(|instance| instance.since);
            let apart = closed.is_some_and(|at: Timestamp| at <= later.created_at);
            ensure!(
                apart,
                "{player} is in {} and {} at a time",
                earlier.id,
                later.id
            );
        }
    }
    Ok(())
}

async fn games(store: &Store, namespace: &Namespace) -> anyhow::Result<BTreeMap<SessionId, Game>> {
    let mut games = BTreeMap::new();
    for row in scan(store, namespace, Kind::Session).await? {
        let header = Header::from_json(&row.body)?;
        if header.match_id.is_some() {
            let members = Vec::with_capacity(SEATS);
            games.insert(header.id, Game { header, members });
        }
    }
    for row in scan(store, namespace, Kind::Member).await? {
        let parent: SessionId = row.parent.as_deref().unwrap_or_default().parse()?;
        if let Some(game) = games.get_mut(&parent) {
            game.members.push(Member::from_json(&row.body)?);
        }
    }
    Ok(games)
}

async fn scan(store: &Store, namespace: &Namespace, kind: Kind) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.key.clone());
        let page = store.scan(namespace, kind, after.as_ref(), PAGE).await?;
        let full = page.len() == PAGE;
        rows.extend(page);
        if !full {
            return Ok(rows);
        }
    }
}

async fn read_tickets(
    store: &Store,
    server: &Server,
    ids: &[TicketId],
) -> anyhow::Result<Vec<Ticket>> {
    let mut tickets = Vec::with_capacity(ids.len());
    for some in ids.chunks(PAGE) {
        let keys: Vec<Key> = some
            .iter()
            .map(|id| Key::new(server.namespace(), Kind::Ticket, id))
            .collect();
        for row in store.get(&keys).await?.into_iter().flatten() {
            tickets.push(serde_json::from_str(&row.body)?);
        }
    }
    Ok(tickets)
}

async fn delete(server: &Server, games: impl Iterator<Item = SessionId>) -> anyhow::Result<()> {
    let operator = server.operator()?;
    let mut deleting = futures_util::stream::iter(games)
        .map(|id| {
            let operator = operator.clone();
            async move { operator.delete_session(id).await }
        })
        .buffer_unordered(DELETING);
    while let Some(deleted) = deleting.next().await {
        deleted?;
    }
    Ok(())
}
