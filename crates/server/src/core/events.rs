//! Change notices by long poll: a cursor is what the client has seen, so nothing is kept for it here.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::session::{Header, Member};
use model::subscriptions::SUBSCRIBED_SESSIONS_MAX;
use model::wire::{EventPage, Notice, NoticeKind};
use model::{Millis, PlayerId, SessionId, TicketId, Timestamp};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use store::Kind;
use uuid::Uuid;

use super::players::{Stand, Things};
use super::subscriptions::{Noticed, Telling};
use super::{Core, rows, store_error};
use crate::Error;

/// The longest a long poll may last; jittered below, so that clients do not come back together.
pub const WAIT_MAX: Millis = Millis::seconds(300);
/// The longest cursor that is read.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

/// Sessions of one player that are told of: first those that he subscribes in, which are never more than this; then
/// the newest ones, by their time-ordered ids, those that he has joined or was matched into before the others, so
/// that nobody can crowd them out by reserving seats for him. A cursor of as many is well below what a URL carries.
const WATCHED_MAX: usize = SUBSCRIBED_SESSIONS_MAX as usize;
/// Invites of one player that are told of: those to the newest sessions.
const INVITES_WATCHED_MAX: usize = 20;

/// What a client has seen.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// Store epoch: in another store nothing has been seen.
    e: Uuid,
    /// Sessions: branch and change number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    s: BTreeMap<SessionId, (Uuid, u64)>,
    /// Sessions that he subscribes to something in: when he was told of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    w: BTreeMap<SessionId, Timestamp>,
    /// The ticket and its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<(TicketId, i64)>,
    /// Invites: the session and its change number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    i: BTreeMap<SessionId, u64>,
}

impl Cursor {
    fn read(text: &str) -> Result<Self, Error> {
        let malformed = || {
            Error::Malformed(
                "the cursor cannot be read; leave it out to begin with the present state".into(),
            )
        };
        if text.len() > CURSOR_BYTES_MAX {
            return Err(malformed());
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        serde_json::from_slice(&json).map_err(|_| malformed())
    }

    fn write(&self) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(rows::body(self)?))
    }

    /// What is there at `now` and was not seen, as far as it is to be told already; and the cursor of whoever knows it.
    fn news(&self, epoch: Uuid, things: &Things, now: Timestamp) -> News {
        let mut news = News {
            notices: Vec::new(),
            held_until: None,
            cursor: Cursor {
                e: epoch,
                t: things.ticket,
                ..Cursor::default()
            },
        };
        for (id, stand) in watched(things) {
            self.news_of(*id, stand, now, &mut news);
        }
        let notice = |kind, id, number| Notice {
            kind,
            resource: format!("/v1/sessions/{id}"),
            change_number: number,
            branch: None,
            subscriptions: Vec::new(),
        };
        let left = self.s.keys().filter(|id| !things.sessions.contains_key(id));
        let left = left.map(|id| notice(NoticeKind::SessionLeft, id, None));
        news.notices.extend(left);
        for (id, number) in watched_invites(things) {
            news.cursor.i.insert(*id, *number);
            if self.i.get(id) != Some(number) {
                let invited = notice(NoticeKind::Invite, id, Some(*number));
                news.notices.push(invited);
            }
        }
        let over = self.i.keys().filter(|id| !things.invites.contains_key(id));
        let over = over.map(|id| notice(NoticeKind::InviteEnded, id, None));
        news.notices.extend(over);
        if let Some((id, number)) = things.ticket
            && self.t.is_none_or(|(seen, at)| seen != id || at < number)
        {
            news.notices.push(Notice {
                kind: NoticeKind::Ticket,
                resource: format!("/v1/tickets/{id}"),
                change_number: u64::try_from(number).ok(),
                branch: None,
                subscriptions: Vec::new(),
            });
        }
        news
    }

    /// Of a change that is held back the cursor goes on saying that it was not seen.
    fn news_of(&self, id: SessionId, stand: &Stand, now: Timestamp, news: &mut News) {
        let (seen, mut told) = (self.s.get(&id).copied(), self.w.get(&id).copied());
        let mut sees = (stand.branch, stand.number);
        match stand.telling(seen, told, now) {
            Telling::Nothing => {}
            Telling::At(at) => {
                sees = seen.unwrap_or(sees);
                news.held_until = Some(news.held_until.map_or(at, |first| first.min(at)));
            }
            Telling::Now(subscriptions) => {
                told = Some(now);
                news.notices.push(Notice {
                    kind: NoticeKind::Session,
                    resource: format!("/v1/sessions/{id}"),
                    change_number: Some(stand.number),
                    branch: Some(stand.branch),
                    subscriptions,
                });
            }
        }
        news.cursor.s.insert(id, sees);
        if let Some(told) = told.filter(|_| !stand.watches.is_empty()) {
            news.cursor.w.insert(id, told);
        }
    }
}

/// What is to be told.
struct News {
    notices: Vec<Notice>,
    /// More is to be told then: subscriptions hold it back.
    held_until: Option<Timestamp>,
    /// What has been seen by then.
    cursor: Cursor,
}

/// What a player has to do with a session that he may be told of, the strongest first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// He asked to be told.
    Subscribed,
    /// He has joined, or was matched into it.
    Wanted,
    /// Somebody holds a seat for him.
    Reserved,
}

impl Claim {
    fn of(stand: &Stand) -> Self {
        match stand {
            _ if !stand.watches.is_empty() => Self::Subscribed,
            _ if stand.wanted => Self::Wanted,
            _ => Self::Reserved,
        }
    }
}

/// The sessions that a player is told of.
fn watched(things: &Things) -> impl Iterator<Item = (&SessionId, &Stand)> {
    if things.sessions.len() > WATCHED_MAX {
        metrics::counter!("muster_events_watched_full_total").increment(1);
    }
    let of = |claim: Claim| {
        let newest = things.sessions.iter().rev();
        newest.filter(move |(_, stand)| stand.told && Claim::of(stand) == claim)
    };
    let rest = of(Claim::Wanted).chain(of(Claim::Reserved));
    of(Claim::Subscribed).chain(rest).take(WATCHED_MAX)
}

/// The invites that a player is told of.
fn watched_invites(things: &Things) -> impl Iterator<Item = (&SessionId, &u64)> {
    things.invites.iter().rev().take(INVITES_WATCHED_MAX)
}

impl Core {
    /// Answers when something of the player's differs from what `cursor` has seen, or `wait` is over.
    /// Without a cursor it answers at once with all there is.
    ///
    /// # Errors
    /// 400 for a cursor that cannot be read.
    pub async fn events(
        &self,
        player: &PlayerId,
        cursor: Option<&str>,
        wait: Millis,
    ) -> Result<EventPage, Error> {
        let seen = cursor.map(Cursor::read).transpose()?;
        // Of another store's cursor nothing can be compared: everything is news.
        let (seen, at_once) = match seen {
            Some(seen) if seen.e == self.epoch => (seen, false),
            _ => (Cursor::default(), true),
        };
        let clock = self.clock.clone();
        let _connected = self.players.poll(player, move || clock.now());
        let notify = self.players.notify(player);
        let deadline = tokio::time::sleep(jittered(wait.min(WAIT_MAX)).duration());
        tokio::pin!(deadline);
        let mut over = at_once;
        loop {
            let woken = notify.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let things = self.things(player).await?;
            let now = self.clock.now();
            let news = seen.news(self.epoch, &things, now);
            if over || !news.notices.is_empty() {
                return Ok(EventPage {
                    cursor: news.cursor.write()?,
                    notices: news.notices,
                });
            }
            let held = news.held_until.map(|at| at.since(now));
            tokio::select! {
                () = &mut woken => {}
                () = over_after(held) => {}
                () = &mut deadline => over = true,
                () = self.shutdown.cancelled() => over = true,
            }
        }
    }

    /// A player's sessions and ticket; read from the store the first time.
    pub(crate) async fn things(&self, player: &PlayerId) -> Result<Things, Error> {
        if let Some(things) = self.players.things(player) {
            return Ok(things);
        }
        self.players.begin_load(player);
        let _loading = Loading { core: self, player };
        let things = self.load_things(player).await?;
        Ok(self.players.end_load(player, things))
    }

    async fn load_things(&self, player: &PlayerId) -> Result<Things, Error> {
        let mut things = Things::default();
        let rows = self
            .store
            .by_player(&self.namespace, player)
            .await
            .map_err(store_error)?;
        let mut keys = Vec::new();
        let mut seats: BTreeMap<SessionId, Member> = BTreeMap::new();
        for row in &rows {
            let parent = row.parent.as_deref().and_then(|parent| parent.parse().ok());
            let Some(id) = parent else { continue };
            if row.key.kind == Kind::Invite {
                things.invites.insert(id, row.number.unsigned_abs());
                continue;
            }
            seats.insert(id, rows::parse(row)?);
            keys.push(rows::session_key(&self.namespace, id));
        }
        let headers = self.store.get(&keys).await.map_err(store_error)?;
        for row in headers.into_iter().flatten().filter(|row| !row.ended) {
            let header: Header = rows::parse(&row)?;
            if let Some(member) = seats.get(&header.id) {
                let (revision, name) = (header.type_revision, &header.session_type);
                let constants = self.revisions.constants(self, revision, name).await?;
                let stand = Stand::of(
                    &constants.session_type,
                    &header,
                    &Noticed::all(header.change_number),
                    member,
                );
                things.sessions.insert(header.id, stand);
            }
        }
        let claim = rows::ticket_claim(player);
        let holder = self
            .store
            .claim_holder(&self.namespace, &claim)
            .await
            .map_err(store_error)?;
        if let Some(key) = holder {
            let found = self
                .store
                .get(std::slice::from_ref(&key))
                .await
                .map_err(store_error)?;
            if let (Some(row), Ok(id)) = (found.into_iter().next().flatten(), key.id.parse()) {
                things.ticket = Some((id, row.number));
            }
        }
        Ok(things)
    }
}

/// A player's things are being read; ends with this, whether they came or the request was dropped.
struct Loading<'a> {
    core: &'a Core,
    player: &'a PlayerId,
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.core.players.load_over(self.player);
    }
}

/// Waits for so long; without a span for ever.
async fn over_after(span: Option<Millis>) {
    match span {
        Some(span) => tokio::time::sleep(span.duration()).await,
        None => std::future::pending().await,
    }
}

/// Between nine tenths of a span and all of it.
fn jittered(span: Millis) -> Millis {
    #[expect(
        clippy::disallowed_methods,
        reason = "only spreads load; nothing repeatable depends on it"
    )]
    let part = rand::rng().random_range(0..=span.0 / 10);
    Millis(span.0 - part)
}
