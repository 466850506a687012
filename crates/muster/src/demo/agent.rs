//! One player's view of Muster: what `GET /v1/events` tells, read again when it changes, and nothing polled.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::instance::InstanceStatus;
use model::wire::{Notice, NoticeKind, Session, Ticket};
use model::{PlayerId, SessionId};
use sdk::{Client, Watch, Who};

/// How long one long poll waits.
const WAIT: Duration = Duration::from_secs(60);

/// A player with what he has seen.
pub(super) struct Agent {
    pub player: PlayerId,
    pub client: Client,
    watch: Watch,
    /// Told of, not read yet.
    pending: VecDeque<Notice>,
    /// What he is a member of, as last read.
    pub sessions: BTreeMap<SessionId, Session>,
    /// The last ticket that he was told of.
    pub ticket: Option<Ticket>,
    /// Matches that he has played.
    played: BTreeSet<SessionId>,
}

impl Agent {
    pub fn new(player: PlayerId, client: Client) -> Self {
        Self {
            watch: client.watch(),
            player,
            client,
            pending: VecDeque::new(),
            sessions: BTreeMap::new(),
            ticket: None,
            played: BTreeSet::new(),
        }
    }

    /// Waits for news and reads what changed. May be dropped at any await: nothing is missed.
    pub async fn refresh(&mut self) -> Result<(), sdk::Error> {
        if self.pending.is_empty() {
            self.pending.extend(self.watch.next(WAIT).await?);
        }
        while let Some(notice) = self.pending.front() {
            self.read(&notice.clone()).await?;
            self.pending.pop_front();
        }
        Ok(())
    }

    async fn read(&mut self, notice: &Notice) -> Result<(), sdk::Error> {
        let id = notice.resource.rsplit('/').next().unwrap_or_default();
        match notice.kind {
            NoticeKind::Session => {
                let Ok(id) = id.parse() else { return Ok(()) };
                match self.client.session(id).await {
                    Ok(session) => drop(self.sessions.insert(id, session)),
                    // It ended, or he left it, between the notice and the look.
                    Err(error) if matches!(error.status(), Some(403 | 404)) => {
                        self.sessions.remove(&id);
                    }
                    Err(error) => return Err(error),
                }
            }
            NoticeKind::SessionLeft => {
                if let Ok(id) = id.parse() {
                    self.sessions.remove(&id);
                }
            }
            // The players of the demo queue by themselves.
            NoticeKind::Invite | NoticeKind::InviteEnded => {}
            NoticeKind::Ticket => {
                let Ok(id) = id.parse() else { return Ok(()) };
                match self.client.ticket(id).await {
                    Ok(ticket) => self.ticket = Some(ticket),
                    Err(error) if error.status() == Some(404) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The match that he has a seat in and has not played yet.
    pub fn given(&self) -> Option<&Session> {
        let mut sessions = self.sessions.values();
        sessions.find(|session| session.match_id.is_some() && !self.played.contains(&session.id))
    }

    /// Leaves a session; it is not given to him again.
    pub async fn leave(&mut self, session: SessionId) -> Result<(), sdk::Error> {
        self.played.insert(session);
        self.sessions.remove(&session);
        match self.client.leave(session, Who::Me).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Leaves whatever an earlier run that was interrupted left him in.
    pub async fn begin_afresh(&mut self) -> Result<(), sdk::Error> {
        for old in self.client.my_sessions().await? {
            self.leave(old.id).await?;
        }
        Ok(())
    }
}

/// Where members connect, once they may: host and port.
pub(super) fn address(session: &Session) -> Option<(&str, u16)> {
    let instance = session.instance.as_ref()?;
    let addresses = instance.addresses.as_ref()?;
    let port = addresses.ports.get("default")?;
    (instance.status == InstanceStatus::Joinable).then_some((addresses.external.as_str(), *port))
}
