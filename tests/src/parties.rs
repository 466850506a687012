//! Parties that queue again and again at servers that are killed, what these have said yes to, and what must still hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::ticket::{EndReason, TicketState};
use model::wire::{AnswerMatch, PrincipalKind, Session, Ticket};
use model::{MatchId, PlayerId, SessionId, TicketId, Timestamp};
use sdk::{Client, Error, Who};

use crate::kills::Draw;
use crate::queue::{holds, ticket};
use crate::world::{active, of};
use crate::{ServeProcess, eventually};

/// Whether everybody accepts what is proposed to him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Most do; some refuse, and some say nothing.
    AsDrawn,
    /// All do.
    Yes,
}

/// A ticket that a server has told of.
#[derive(Debug, Clone)]
struct Kept {
    first: Ticket,
    last: Ticket,
    /// Who has asked to leave what came of it.
    left: BTreeSet<PlayerId>,
    /// It has ended, nobody is in what came of it, and it was looked at since.
    is_done: bool,
}

/// What the servers have said yes to.
#[derive(Debug, Default)]
struct Said {
    tickets: BTreeMap<TicketId, Kept>,
    /// Who has answered which match, and whether he accepted.
    words: BTreeMap<(MatchId, PlayerId), bool>,
    /// Until when each match waits for words.
    until: BTreeMap<MatchId, Timestamp>,
    /// How often hosts were told of players whom they got.
    told: BTreeMap<(SessionId, PlayerId), usize>,
    /// What a player was refused that he had been promised.
    broken: Vec<String>,
}

/// Everything that was acknowledged, whoever of the servers did.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Said>>);

/// How much was going on.
#[derive(Debug, Clone, Copy)]
pub struct Activity {
    /// Tickets.
    pub tickets: usize,
    /// Of these: who came into a session that had free seats.
    pub backfilled: usize,
    /// Of these: those that became a match of their own.
    pub assigned: usize,
    /// Of these: those that ended as somebody did not accept.
    pub not_accepted: usize,
    /// Words to a match.
    pub words: usize,
    /// Players whom a host was told of.
    pub told: usize,
}

impl Log {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, ticket: &Ticket) {
        let new = || Kept {
            first: ticket.clone(),
            last: ticket.clone(),
            left: BTreeSet::new(),
            is_done: false,
        };
        let mut said = self.said();
        said.tickets.entry(ticket.id).or_insert_with(new).last = ticket.clone();
    }

    /// Who of the ticket's players has not asked to leave what came of it.
    fn staying(&self, ticket: TicketId) -> BTreeSet<PlayerId> {
        let said = self.said();
        let kept = said.tickets.get(&ticket);
        kept.map(Kept::staying).unwrap_or_default()
    }

    fn leaves(&self, ticket: TicketId, player: &PlayerId) {
        if let Some(kept) = self.said().tickets.get_mut(&ticket) {
            kept.left.insert(player.clone());
        }
    }

    fn leaves_everything(&self, player: &PlayerId) {
        for kept in self.said().tickets.values_mut() {
            kept.left.insert(player.clone());
        }
    }

    /// A host was told that it got this player.
    pub fn told(&self, session: SessionId, player: PlayerId) {
        *self.said().told.entry((session, player)).or_default() += 1;
    }

    /// Sessions that came of the tickets and in which somebody may still be.
    pub fn sessions(&self) -> BTreeSet<SessionId> {
        let said = self.said();
        let open = said.tickets.values().filter(|kept| !kept.is_done);
        open.filter_map(|kept| kept.last.session).collect()
    }

    /// Tickets that were live when they were last looked at.
    pub fn live(&self) -> Vec<Ticket> {
        let said = self.said();
        let last = said.tickets.values().map(|kept| &kept.last);
        last.filter(|ticket| ticket.state.is_live())
            .cloned()
            .collect()
    }

    /// How much has happened.
    pub fn activity(&self) -> Activity {
        let said = self.said();
        let ended = |reason: EndReason| {
            let last = said.tickets.values().map(|kept| kept.last.reason);
            last.filter(|&ended| ended == Some(reason)).count()
        };
        Activity {
            tickets: said.tickets.len(),
            backfilled: ended(EndReason::Backfilled),
            assigned: ended(EndReason::Assigned),
            not_accepted: ended(EndReason::NotAccepted),
            words: said.words.len(),
            told: said.told.values().sum(),
        }
    }
}

impl Kept {
    fn staying(&self) -> BTreeSet<PlayerId> {
        let players = self.first.players.iter().cloned();
        players
            .filter(|player| !self.left.contains(player))
            .collect()
    }
}

/// A party that queues, plays what it is given, leaves it, and that again; notes each yes.
#[derive(Debug)]
pub struct Party {
    /// Leader first.
    players: Vec<(PlayerId, Client)>,
    queue: &'static str,
    log: Log,
    draw: Draw,
    answers: Answers,
    /// The match that it has given its words to in this life of the server.
    answered: Option<MatchId>,
}

impl Party {
    /// A party of these players, as far as `server` goes.
    ///
    /// # Panics
    /// When a name is no player's id.
    pub fn new(
        server: &ServeProcess,
        names: &[&str],
        queue: &'static str,
        log: &Log,
        (draw, answers): (Draw, Answers),
    ) -> Party {
        let player = |name: &&str| {
            let client = server.client(PrincipalKind::Player, name);
            (crate::player(name), client)
        };
        Party {
            players: names.iter().map(player).collect(),
            queue,
            log: log.clone(),
            draw,
            answers,
            answered: None,
        }
    }

    /// Goes on until a connection breaks.
    pub async fn play(mut self) {
        while self.one_game().await.is_some() {}
    }

    fn leader(&self) -> &Client {
        &self.players[0].1
    }

    async fn one_game(&mut self) -> Option<()> {
        let id = self.current().await?.id;
        let mut watch = self.leader().watch();
        let found = loop {
            let ticket = self.leader().ticket(id).await.ok()?;
            self.log.note(&ticket);
            match ticket.state {
                TicketState::Found => break ticket,
                TicketState::Proposed => self.answer(&ticket).await?,
                TicketState::Searching | TicketState::Placing => {}
                TicketState::Expired | TicketState::Canceled | TicketState::Failed => {
                    return Some(());
                }
            }
            watch.next(Duration::from_secs(30)).await.ok()?;
        };
        let game = found.session?;
        let staying = self.log.staying(id);
        for (player, client) in &self.players {
            if !staying.contains(player) {
                continue;
            }
            match client.join(game, Who::Me, &active()).await {
                Ok(_) => {}
                Err(error @ Error::Problem { .. }) => {
                    let broken = format!("{player} has ticket {id} and cannot join: {error}");
                    self.log.said().broken.push(broken);
                }
                Err(_) => return None,
            }
        }
        let stays = Duration::from_millis(20 + self.draw.below(600));
        tokio::time::sleep(stays).await;
        for (player, client) in &self.players {
            if staying.contains(player) {
                self.log.leaves(id, player);
                unless_cut(client.leave(game, Who::Me).await)?;
            }
        }
        Some(())
    }

    /// The ticket that is live or whose game somebody of them is still in; otherwise a new one.
    async fn current(&self) -> Option<Ticket> {
        let leader = self.leader();
        let mut party = None;
        for known in leader.my_sessions().await.ok()? {
            if known.r#type.as_str() != "Party" {
                continue;
            }
            party = Some(known.id);
            let Some(ticket) = leader.session(known.id).await.ok()?.ticket else {
                continue;
            };
            let ticket = leader.ticket(ticket.id).await.ok()?;
            self.log.note(&ticket);
            let plays = ticket.state == TicketState::Found;
            if ticket.state.is_live() || plays && !self.log.staying(ticket.id).is_empty() {
                return Some(ticket);
            }
        }
        for (player, client) in &self.players {
            self.log.leaves_everything(player);
            for game in client.my_sessions().await.ok()? {
                if game.r#type.as_str() != "Party" {
                    unless_cut(client.leave(game.id, Who::Me).await)?;
                }
            }
        }
        let party = match party {
            Some(party) => party,
            None => leader.create_session(&of("Party")).await.ok()?.id,
        };
        let session = leader.session(party).await.ok()?;
        for (player, client) in &self.players {
            if !holds(&session, player) {
                client.join(party, Who::Me, &active()).await.ok()?;
            }
        }
        let made = leader.create_ticket(party, &ticket(self.queue)).await;
        let made = made.ok()?;
        self.log.note(&made);
        Some(made)
    }

    /// Everybody says what he says to the match, once in each life of the server.
    async fn answer(&mut self, ticket: &Ticket) -> Option<()> {
        let id = ticket.match_id?;
        if self.answered == Some(id) {
            return Some(());
        }
        self.answered = Some(id);
        for (player, client) in &self.players {
            let accepted = match (self.answers, self.draw.below(12)) {
                (Answers::Yes, _) | (Answers::AsDrawn, 2..) => true,
                (Answers::AsDrawn, 1) => false,
                (Answers::AsDrawn, _) => continue,
            };
            let word = AnswerMatch {
                accepted,
                player: None,
            };
            match client.answer_match(ticket.id, &word).await {
                // He may have said something else before a kill, or be too late.
                Err(Error::Problem { .. }) => {}
                Err(_) => return None,
                Ok(_) => {
                    self.log.said().words.insert((id, player.clone()), accepted);
                }
            }
        }
        Some(())
    }
}

/// `None` where the connection broke, whatever the server said otherwise.
fn unless_cut<T>(result: Result<T, Error>) -> Option<()> {
    match result {
        Ok(_) | Err(Error::Problem { .. }) => Some(()),
        Err(_) => None,
    }
}

/// Everything that was acknowledged still holds: no ticket is lost, nobody is in two matches, words and clocks are kept.
///
/// # Panics
/// When something does not.
pub async fn verify(server: &ServeProcess, log: &Log) {
    let broken = std::mem::take(&mut log.said().broken);
    assert!(broken.is_empty(), "{broken:#?}");
    note_unanswered(server, log).await;
    let open: Vec<Kept> = {
        let said = log.said();
        let open = said.tickets.values().filter(|kept| !kept.is_done);
        open.cloned().collect()
    };
    let admin = server.client(PrincipalKind::Admin, "root");
    let mut live: BTreeMap<PlayerId, TicketId> = BTreeMap::new();
    let mut played_by: BTreeMap<MatchId, SessionId> = BTreeMap::new();
    let mut seats: BTreeMap<PlayerId, SessionId> = BTreeMap::new();
    for kept in &open {
        let owner = server.client(PrincipalKind::Player, kept.first.players[0].as_str());
        let ticket = one_ticket(&owner, &admin, kept, log).await;
        for player in &ticket.players {
            if ticket.state.is_live() {
                let other = live.insert(player.clone(), ticket.id);
                assert_eq!(other, None, "{player} has two live tickets: {ticket:?}");
            }
            let game = ticket.session;
            let stays = !kept.left.contains(player);
            if let Some(game) = game.filter(|_| stays) {
                let other = seats.insert(player.clone(), game);
                assert_eq!(other, None, "{player} is in two matches: {ticket:?}");
            }
        }
        // A refill takes tickets into a match that is there already.
        if let (Some(id), Some(session)) = (ticket.match_id, ticket.session) {
            let other = played_by.insert(id, session).unwrap_or(session);
            assert_eq!(other, session, "one match, two sessions: {ticket:?}");
        }
        let mut said = log.said();
        if let Some(kept) = said.tickets.get_mut(&ticket.id) {
            kept.is_done = !ticket.state.is_live()
                && (ticket.state != TicketState::Found || kept.staying().is_empty());
            kept.last = ticket;
        }
    }
    let everybody: BTreeSet<&PlayerId> = open.iter().flat_map(|kept| &kept.first.players).collect();
    for player in everybody {
        let client = server.client(PrincipalKind::Player, player.as_str());
        let mine = client.my_sessions().await.expect("his sessions");
        let games = mine.iter().filter(|one| one.r#type.as_str() != "Party");
        let games: Vec<SessionId> = games.map(|one| one.id).collect();
        assert!(games.len() <= 1, "{player} is in several games: {games:?}");
        let promised = seats.get(player);
        let has = games.first();
        assert!(promised.is_none() || promised == has, "{player}: {has:?}");
    }
    told_once(log);
}

/// Notes tickets that were made though the answer was cut off: a host may have been told of their players before the party
/// found them.
async fn note_unanswered(server: &ServeProcess, log: &Log) {
    let told: BTreeSet<PlayerId> = {
        let said = log.said();
        said.told.keys().map(|(_, player)| player.clone()).collect()
    };
    for player in told {
        let client = server.client(PrincipalKind::Player, player.as_str());
        for mine in client.my_sessions().await.expect("his sessions") {
            let session = client.session(mine.id).await.expect("his session");
            if let Some(ticket) = session.ticket {
                log.note(&client.ticket(ticket.id).await.expect("his ticket"));
            }
        }
    }
}

/// A ticket as its owner reads it, once it stands still for as long as it takes to look at it.
async fn one_ticket(owner: &Client, admin: &Client, kept: &Kept, log: &Log) -> Ticket {
    let first = &kept.first;
    let what = format!("{:?} to be as it was promised", kept.last);
    eventually(&what, async || {
        let ticket = owner.ticket(first.id).await;
        let ticket = ticket.expect("an acknowledged ticket");
        assert_eq!(ticket.created_at, first.created_at, "its age: {ticket:?}");
        assert_eq!(ticket.players, first.players);
        let game = match ticket.session {
            Some(game) => admin.session(game).await.ok(),
            None => None,
        };
        let again = owner.ticket(first.id).await;
        if again.expect("an acknowledged ticket") != ticket {
            return None;
        }
        stands(&ticket, game.as_ref(), &kept.staying());
        words_are_kept(&ticket, &mut log.said()).then_some(ticket)
    })
    .await
}

/// It waits, is proposed, is in a session, or has ended with a reason.
fn stands(ticket: &Ticket, game: Option<&Session>, staying: &BTreeSet<PlayerId>) {
    match ticket.state {
        TicketState::Searching => {
            assert_eq!(
                (ticket.match_id, ticket.session),
                (None, None),
                "{ticket:?}"
            );
        }
        TicketState::Proposed => {
            assert!(ticket.match_id.is_some(), "{ticket:?}");
            assert!(ticket.acceptance.is_some(), "{ticket:?}");
        }
        TicketState::Placing | TicketState::Found => {
            let has_seat = |player| game.is_some_and(|game| holds(game, player));
            let without: Vec<_> = staying.iter().filter(|player| !has_seat(player)).collect();
            assert!(without.is_empty(), "{without:?} of {ticket:?} in {game:?}");
        }
        TicketState::Expired | TicketState::Canceled | TicketState::Failed => {
            assert!(ticket.reason.is_some(), "{ticket:?}");
        }
    }
}

/// Whether the words that were taken have had their effect, as far as it does not take time.
fn words_are_kept(ticket: &Ticket, said: &mut Said) -> bool {
    let of = |player: &PlayerId| {
        let id = ticket.match_id?;
        said.words.get(&(id, player.clone())).copied()
    };
    let refused = ticket
        .players
        .iter()
        .any(|player| of(player) == Some(false));
    let accepted = ticket.players.iter().all(|player| of(player) == Some(true));
    match ticket.state {
        TicketState::Proposed => {
            let (Some(id), Some(shown)) = (ticket.match_id, &ticket.acceptance) else {
                return false;
            };
            let until = *said.until.entry(id).or_insert(shown.until.0);
            assert_eq!(shown.until.0, until, "its clock was turned: {ticket:?}");
            let yes = said
                .words
                .iter()
                .filter(|((of, _), yes)| *of == id && **yes);
            let yes = yes.count();
            assert!(
                usize::try_from(shown.accepted).is_ok_and(|n| n >= yes),
                "{ticket:?}"
            );
            // A refusal ends it, if not at once then when the server has started.
            !refused
        }
        TicketState::Placing | TicketState::Found => {
            assert!(!refused, "a match was made that was refused: {ticket:?}");
            true
        }
        TicketState::Canceled => {
            let blamed = ticket.reason == Some(EndReason::NotAccepted);
            assert!(!(blamed && accepted), "who accepted pays: {ticket:?}");
            true
        }
        TicketState::Searching | TicketState::Expired | TicketState::Failed => true,
    }
}

/// No host was told of a player more often than he came by backfill.
fn told_once(log: &Log) {
    let said = log.said();
    for ((session, player), times) in &said.told {
        let came = said.tickets.values().filter(|kept| {
            let ticket = &kept.last;
            let by_backfill = ticket.reason == Some(EndReason::Backfilled);
            by_backfill && ticket.session == Some(*session) && ticket.players.contains(player)
        });
        let came = came.count();
        assert!(
            *times <= came,
            "{player} came {came} times into {session}, told {times} times"
        );
    }
}
