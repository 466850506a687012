//! What deserters pay (F14): a row for each player and penalty, asked before he queues, written with what he did.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::instance::InstanceStatus;
use model::penalty::{
    AHEAD_MAX, CUSTOM_DATA_BYTES_MAX, NAME_BYTES_MAX, Offence, Penalties, Penalty,
};
use model::queue::Queue;
use model::session::{Changes, Event, Header, RemovalReason};
use model::wire;
use model::{Name, PlayerId, SessionId, Timestamp};
use store::{CommitError, Item, Key, Kind, Row, WriteSet};

use super::write::commit_error;
use super::{Core, rows, store_error};
use crate::{Error, Principal};

/// Times that a write is tried which lost to another one.
const ATTEMPTS_MAX: usize = 8;

/// A player who may not queue.
pub(crate) struct Barred {
    pub(crate) player: PlayerId,
    name: Name,
    until: Timestamp,
}

impl Barred {
    pub(crate) fn error(&self) -> Error {
        Error::Penalized {
            player: self.player.clone(),
            penalty: self.name.clone(),
            until: self.until,
        }
    }
}

/// What some players pay for an offence.
#[derive(Default)]
pub(crate) struct Paid {
    /// The rows, to be written with the offence.
    pub(crate) items: Vec<Item>,
    /// Under which name, and how many.
    counted: Option<(Name, u64)>,
}

impl Paid {
    /// The rows are written.
    pub(crate) fn count(self) {
        if let Some((name, players)) = self.counted {
            let name = name.to_string();
            metrics::counter!("muster_penalties_total", "penalty" => name).increment(players);
        }
    }
}

impl Core {
    fn penalty_key(&self, player: &PlayerId, name: &Name) -> Key {
        let name = name.folded();
        let id = format_args!("{player}/{name}");
        Key::beside(&self.namespace, Kind::Penalty, id, player.as_str())
    }

    /// Who of a party's members may not queue for these queues now.
    pub(crate) async fn barred(
        &self,
        party: SessionId,
        queues: &[Arc<Queue>],
    ) -> Result<Vec<Barred>, Error> {
        let names = queues.iter().filter_map(|queue| queue.penalties.as_ref());
        let names: BTreeSet<Name> = names.map(|penalties| penalties.name.clone()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let members: Vec<PlayerId> = match self.settled_if_there(party).await? {
            Some(session) => session.members().map(|one| one.player.clone()).collect(),
            None => return Ok(Vec::new()),
        };
        let mut asked = Vec::new();
        for player in &members {
            asked.extend(names.iter().map(|name| (player, name)));
        }
        let keys: Vec<Key> = asked
            .iter()
            .map(|(p, name)| self.penalty_key(p, name))
            .collect();
        let found = self.store.get(&keys).await.map_err(store_error)?;
        let now = self.now();
        let mut barred = Vec::new();
        for ((player, name), row) in asked.into_iter().zip(found) {
            let penalty = row.as_ref().map(rows::parse::<Penalty>).transpose()?;
            if let Some(penalty) = penalty.filter(|penalty| penalty.runs(now)) {
                barred.push(Barred {
                    player: player.clone(),
                    name: name.clone(),
                    until: penalty.expiration,
                });
            }
        }
        Ok(barred)
    }

    /// What some players pay for an offence in a queue.
    pub(crate) async fn offences(
        &self,
        queue: &Name,
        offence: Offence,
        players: &BTreeSet<PlayerId>,
        now: Timestamp,
    ) -> Result<Paid, Error> {
        let config = self.config();
        let penalties = config
            .queue(queue.as_str())
            .and_then(|queue| queue.penalties.as_ref());
        let counts = |penalties: &&Penalties| penalties.offences.contains(&offence);
        let Some(penalties) = penalties.filter(counts) else {
            return Ok(Paid::default());
        };
        let keys: Vec<Key> = players
            .iter()
            .map(|player| self.penalty_key(player, &penalties.name))
            .collect();
        if keys.is_empty() {
            return Ok(Paid::default());
        }
        let found = self.store.get(&keys).await.map_err(store_error)?;
        let mut items = Vec::new();
        for (key, row) in keys.into_iter().zip(found) {
            let known = row.as_ref().map(rows::parse::<Penalty>).transpose()?;
            let penalty = penalties.after(known.as_ref(), now);
            let expected = row.map(|row| row.number);
            items.push(put(key, &penalty, expected)?);
        }
        Ok(Paid {
            counted: Some((penalties.name.clone(), items.len() as u64)),
            items,
        })
    }

    /// What those pay who leave a match while its game is running.
    pub(crate) async fn deserters(
        &self,
        before: &Header,
        changes: &Changes,
        now: Timestamp,
    ) -> Result<Paid, Error> {
        let Some(queue) = before.matched.as_ref().map(|matched| &matched.queue) else {
            return Ok(Paid::default());
        };
        if changes.deleted || !is_running(before) {
            return Ok(Paid::default());
        }
        let left = changes.events.iter().filter_map(|event| match event {
            Event::MemberRemoved {
                player,
                reason: RemovalReason::Left | RemovalReason::InactiveExpired,
                ..
            } => Some(player.clone()),
            _ => None,
        });
        let left: BTreeSet<PlayerId> = left.collect();
        self.offences(queue, Offence::Left, &left, now).await
    }

    /// What a player pays.
    ///
    /// # Errors
    /// 403 for another player, 404 when he pays nothing under this name.
    pub async fn penalty(
        &self,
        who: &Principal,
        player: &PlayerId,
        name: &Name,
    ) -> Result<wire::Penalty, Error> {
        if let Principal::Player { player: own, .. } = who
            && own != player
        {
            let why = "a player reads his own penalties".to_owned();
            return Err(Error::Forbidden(why));
        }
        match self.read_penalty(player, name).await?.0 {
            Some(penalty) => {
                let name = self.spelt(name).unwrap_or_else(|| name.clone());
                Ok(shown(player, &name, penalty, self.now()))
            }
            None => Err(not_found(name)),
        }
    }

    /// Sets what a player pays, whatever it was.
    ///
    /// # Errors
    /// 404 for a name that no queue gives, 422 for what lasts more than ten years or holds too much.
    pub async fn set_penalty(
        &self,
        player: &PlayerId,
        name: &Name,
        body: wire::SetPenalty,
    ) -> Result<wire::Penalty, Error> {
        let name = &self.spelt(name).ok_or_else(|| not_found(name))?;
        let now = self.now();
        let invalid = |field: &str, detail: &str| Error::Invalid {
            field: field.into(),
            detail: detail.into(),
        };
        let penalty = Penalty {
            expiration: body.expiration.0,
            reset: body.reset.unwrap_or(body.expiration).0,
            count: body.count,
            custom_data: body.custom_data,
        };
        if penalty.ends() > now + AHEAD_MAX {
            return Err(invalid("expiration", "is more than ten years ahead"));
        }
        if penalty.ends() <= now {
            return Err(invalid("expiration", "is over; delete the penalty instead"));
        }
        if rows::body(&penalty.custom_data)?.len() > CUSTOM_DATA_BYTES_MAX {
            return Err(invalid("custom_data", "is more than 1 KiB"));
        }
        for _ in 0..ATTEMPTS_MAX {
            let (_, expected) = self.read_penalty(player, name).await?;
            let item = put(self.penalty_key(player, name), &penalty, expected)?;
            if self.commit_penalty(item).await? {
                return Ok(shown(player, name, penalty, now));
            }
        }
        Err(Error::Overloaded)
    }

    /// Forgives a player.
    ///
    /// # Errors
    /// 404 when he pays nothing under this name.
    pub async fn forgive(&self, player: &PlayerId, name: &Name) -> Result<(), Error> {
        for _ in 0..ATTEMPTS_MAX {
            let (penalty, number) = self.read_penalty(player, name).await?;
            let item = Item::Delete {
                key: self.penalty_key(player, name),
                expected: penalty.and(number).ok_or_else(|| not_found(name))?,
            };
            if self.commit_penalty(item).await? {
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// The name of a penalty as the queues have it, if any does.
    fn spelt(&self, name: &Name) -> Option<Name> {
        let (config, folded) = (self.config(), name.folded());
        let mut known = config
            .queues
            .values()
            .filter_map(|queue| queue.penalties.as_ref());
        let same = known.find(|penalties| penalties.name.folded() == folded);
        same.map(|penalties| penalties.name.clone())
    }

    /// What a player pays, and the number of its row: one that has ended is there until it is swept.
    async fn read_penalty(
        &self,
        player: &PlayerId,
        name: &Name,
    ) -> Result<(Option<Penalty>, Option<i64>), Error> {
        if name.as_str().len() > NAME_BYTES_MAX {
            return Ok((None, None));
        }
        let key = self.penalty_key(player, name);
        let found = self.store.get(&[key]).await.map_err(store_error)?;
        let Some(row) = found.into_iter().next().flatten() else {
            return Ok((None, None));
        };
        let penalty: Penalty = rows::parse(&row)?;
        let counts = self.now() < penalty.ends();
        Ok((counts.then_some(penalty), Some(row.number)))
    }

    /// Whether it was written; `false`: something else was meanwhile.
    async fn commit_penalty(&self, item: Item) -> Result<bool, Error> {
        if let Item::Put { row, .. } = &item
            && let Some(due) = row.due
        {
            self.timers.hint(due);
        }
        let items = vec![item];
        match self.commits.commit(WriteSet { items }).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(error) => Err(commit_error(error)),
        }
    }
}

fn put(key: Key, penalty: &Penalty, expected: Option<i64>) -> Result<Item, Error> {
    let row = Row {
        key,
        number: expected.unwrap_or_default() + 1,
        due: Some(penalty.ends()),
        ended: false,
        parent: None,
        player: None,
        body: rows::body(penalty)?,
    };
    Ok(Item::Put { row, expected })
}

/// Whether the players of a match could play it by then, and still can.
fn is_running(header: &Header) -> bool {
    header.open_instance().is_some_and(|instance| {
        let is_up = [InstanceStatus::Joinable, InstanceStatus::Unjoinable];
        instance.joinable_at.is_some() && is_up.contains(&instance.status)
    })
}

fn shown(player: &PlayerId, name: &Name, penalty: Penalty, now: Timestamp) -> wire::Penalty {
    wire::Penalty {
        player: player.clone(),
        name: name.clone(),
        active: penalty.runs(now),
        expiration: penalty.expiration.into(),
        reset: penalty.reset.into(),
        count: penalty.count,
        custom_data: penalty.custom_data,
    }
}

fn not_found(name: &Name) -> Error {
    Error::NotFound {
        what: "penalty",
        id: name.to_string(),
    }
}
