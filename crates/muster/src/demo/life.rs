//! The life of a player of the demo: party, queue, game, and again when it completes those who wait.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use model::ticket::TicketState;
use model::wire::{
    CreateSession, CreateTicket, JoinSession, MemberState, QueuePlayer, Reservation, Session,
};
use model::{PlayerId, SessionId};
use sdk::{Client, Who};
use tokio::time::sleep;

use super::agent::{Agent, address};
use super::cast::Party;
use super::game::{Game, name};
use super::stage::Stage;

/// What all players share.
pub(super) struct World {
    pub game: Game,
    pub parties: Vec<Party>,
    pub stage: Stage,
    /// The studio's back end, which knows the players' skills (the attribute's `source` is `server`).
    pub back_end: Client,
}

/// One player's part.
pub(super) struct Life {
    pub world: Arc<World>,
    /// The party's number.
    pub party: usize,
    pub agent: Agent,
}

impl Life {
    /// From the arrival to the good-bye.
    pub async fn live(self) -> anyhow::Result<()> {
        let leader = self.plan().people.first();
        match leader.map(|leader| leader.player.clone()) {
            Some(leader) if leader != self.agent.player => self.follow(&leader).await,
            _ => self.lead().await,
        }
    }

    /// From the arrival to the good-bye of who leads a party.
    async fn lead(mut self) -> anyhow::Result<()> {
        let world = Arc::clone(&self.world);
        sleep(self.plan().arrives).await;
        let party = self.gather().await.context("cannot make the party")?;
        loop {
            if !self.queue_and_play(party).await? {
                break;
            }
            world.stage.rests(self.party);
            if !self.is_called().await? {
                break;
            }
        }
        self.agent.leave(party).await?;
        world.stage.gone(self.party);
        Ok(())
    }

    /// The same of who follows his leader: joins his party, plays what it plays, leaves after him.
    async fn follow(mut self, leader: &PlayerId) -> anyhow::Result<()> {
        let party = loop {
            let party = self
                .agent
                .sessions
                .values()
                .find(|session| session.match_id.is_none());
            match party {
                Some(party) => break party.id,
                None => self.agent.refresh().await?,
            }
        };
        self.agent.client.join(party, Who::Me, &active()).await?;
        let mut found = None;
        loop {
            if let Some(game) = self.joinable(&mut found) {
                self.play(&game).await?;
                self.agent.leave(game.id).await?;
                found = None;
                continue;
            }
            let home = self.agent.sessions.get(&party);
            if found.is_none() && !home.is_some_and(|home| has(home, leader)) {
                break;
            }
            self.agent.refresh().await?;
        }
        Ok(self.agent.leave(party).await?)
    }

    /// Rests until the party is asked to play again; `false`: everybody has been given a game.
    async fn is_called(&mut self) -> anyhow::Result<bool> {
        let world = Arc::clone(&self.world);
        loop {
            tokio::select! {
                biased;
                () = world.stage.served.cancelled() => return Ok(false),
                () = world.stage.called(self.party) => return Ok(true),
                news = self.agent.refresh() => news?,
            }
        }
    }

    fn plan(&self) -> &Party {
        &self.world.parties[self.party]
    }

    /// Makes the party, with a seat for everybody, and waits for them.
    async fn gather(&mut self) -> anyhow::Result<SessionId> {
        let mates = self.plan().people.iter().skip(1);
        let size = self.plan().people.len();
        let body = CreateSession {
            r#type: "Party".to_owned(),
            reserve: mates
                .map(|mate| Reservation {
                    player: mate.player.clone(),
                    team: None,
                    spectator: false,
                })
                .collect(),
            me: Some(active()),
            ..CreateSession::default()
        };
        let party = self.agent.client.create_session(&body).await?;
        let id = party.id;
        self.agent.sessions.insert(id, party);
        loop {
            let here = self
                .agent
                .sessions
                .get(&id)
                .context("the party has ended")?;
            let here = here
                .members
                .iter()
                .filter(|member| member.state == MemberState::Active);
            if here.count() == size {
                return Ok(id);
            }
            self.agent.refresh().await?;
        }
    }

    /// One round; `false`: nobody waits any more, so the ticket was taken back.
    async fn queue_and_play(&mut self, party: SessionId) -> anyhow::Result<bool> {
        let world = Arc::clone(&self.world);
        let body = CreateTicket {
            queue: world.game.queue().to_owned(),
            players: self.plan().people.iter().map(bring).collect(),
            ..CreateTicket::default()
        };
        world.stage.queues(self.party);
        let ticket = world.back_end.create_ticket(party, &body).await;
        let ticket = ticket.context("cannot queue the party")?.id;
        let mut found = None;
        let game = loop {
            if let Some(game) = self.joinable(&mut found) {
                break game;
            }
            let seen = self.agent.ticket.as_ref().filter(|seen| seen.id == ticket);
            match seen.map(|seen| (seen.state, seen.reason)) {
                Some((
                    state @ (TicketState::Expired | TicketState::Canceled | TicketState::Failed),
                    why,
                )) => {
                    bail!("the ticket has ended as {state:?}: {why:?}");
                }
                Some((TicketState::Searching, _)) if world.stage.served.is_cancelled() => {
                    match self.agent.client.cancel_ticket(party).await {
                        Ok(_) => return Ok(false),
                        // A match was quicker.
                        Err(error) if error.status() == Some(409) => {}
                        Err(error) => return Err(error.into()),
                    }
                    self.agent.refresh().await?;
                }
                _ => tokio::select! {
                    news = self.agent.refresh() => news?,
                    () = world.stage.served.cancelled(), if !world.stage.served.is_cancelled() => {}
                },
            }
        };
        self.play(&game).await?;
        // The leader goes last, so that he knows everybody back when he queues again.
        let mates: Vec<PlayerId> = self.plan().people[1..]
            .iter()
            .map(|mate| mate.player.clone())
            .collect();
        while let Some(game) = self.agent.sessions.get(&game.id)
            && mates.iter().any(|mate| has(game, mate))
        {
            self.agent.refresh().await?;
        }
        self.agent.leave(game.id).await?;
        Ok(true)
    }

    /// The game that was given to the player, once he may enter. `found`: the match that he knows of.
    fn joinable(&self, found: &mut Option<SessionId>) -> Option<Session> {
        let Some(game) = self.agent.given() else {
            if found.take().is_some() {
                self.world.stage.waits_on(self.party);
            }
            return None;
        };
        if *found != Some(game.id) {
            *found = Some(game.id);
            self.world.stage.found(self.party);
        }
        address(game).map(|_| game.clone())
    }

    /// Joins the session, plays its game, and follows the events all the while.
    async fn play(&mut self, game: &Session) -> anyhow::Result<()> {
        let world = Arc::clone(&self.world);
        let player = self.agent.player.clone();
        world.stage.addressed(self.party, &player, game);
        let joined = self.agent.client.join(game.id, Who::Me, &active()).await;
        joined.context("cannot join the match")?;
        let play = world.game.play(game, &player);
        tokio::pin!(play);
        let how = loop {
            tokio::select! {
                how = &mut play => break how.context("cannot play")?,
                news = self.agent.refresh() => news?,
            }
        };
        world.stage.played(self.party, &player, game.id, how);
        Ok(())
    }
}

fn active() -> JoinSession {
    JoinSession {
        active: true,
        ..JoinSession::default()
    }
}

fn has(session: &Session, player: &PlayerId) -> bool {
    session
        .members
        .iter()
        .any(|member| member.player == *player)
}

fn bring(person: &super::cast::Person) -> (PlayerId, QueuePlayer) {
    let brings = QueuePlayer {
        attributes: [(name("skill"), person.skill.into())].into(),
        latencies: person
            .latencies
            .iter()
            .map(|(region, ms)| (region.clone(), (*ms).into()))
            .collect(),
        avoid: Vec::new(),
    };
    (person.player.clone(), brings)
}
