//! Recent players (R35): with whom each player was together lately, a row for each player.

use std::collections::BTreeMap;

use model::session::Event;
use model::wire;
use model::{Millis, PlayerId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Item, Key, Kind, Row};

use super::{Core, rows, store_error};
use crate::{Error, Principal};

/// Records kept of one player: the newest.
const RECORDS_MAX: usize = 100;
/// How long a record is kept.
const KEPT: Millis = Millis::seconds(7 * 86_400);
/// Players whose records one write of a session brings along at most; a write set has room for them beside the
/// session's own rows.
const WRITTEN_MAX: usize = 200;

/// A player's records, newest first.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Records {
    players: Vec<Record>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    player: PlayerId,
    session: SessionId,
    at: Timestamp,
}

impl Records {
    /// Those that still count.
    fn fresh(mut self, now: Timestamp) -> Self {
        self.players.retain(|record| now < record.at + KEPT);
        self
    }

    /// With these players now: one record for each player, the newest first.
    fn with(self, others: Vec<PlayerId>, session: SessionId, now: Timestamp) -> Self {
        let mut known = self.fresh(now).players;
        known.retain(|record| !others.contains(&record.player));
        let met = others.into_iter().map(|player| Record {
            player,
            session,
            at: now,
        });
        let mut players: Vec<Record> = met.chain(known).collect();
        players.truncate(RECORDS_MAX);
        Self { players }
    }
}

impl Core {
    fn recent_key(&self, player: &PlayerId) -> Key {
        Key::new(&self.namespace, Kind::RecentPlayers, player)
    }

    /// The rows of those who played together by these events, to be written with what made the events.
    pub(crate) async fn recent_items(
        &self,
        session: SessionId,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Vec<Item>, Error> {
        let mut met: BTreeMap<&PlayerId, Vec<PlayerId>> = BTreeMap::new();
        for event in events {
            if let Event::PlayedTogether { players } = event {
                let [one, other] = players;
                met.entry(one).or_default().push(other.clone());
                met.entry(other).or_default().push(one.clone());
            }
        }
        if met.is_empty() {
            return Ok(Vec::new());
        }
        let mut met: Vec<(&PlayerId, Vec<PlayerId>)> = met.into_iter().collect();
        // Whoever came to a large group first, then as many of those who were there as there is room for.
        met.sort_by_key(|(_, others)| std::cmp::Reverse(others.len()));
        met.truncate(WRITTEN_MAX);
        let keys: Vec<Key> = met
            .iter()
            .map(|(player, _)| self.recent_key(player))
            .collect();
        let found = self.store.get(&keys).await.map_err(store_error)?;
        let mut items = Vec::with_capacity(met.len());
        for ((key, row), (_, others)) in keys.into_iter().zip(found).zip(met) {
            let known = row.as_ref().map(rows::parse::<Records>).transpose()?;
            let records = known.unwrap_or_default().with(others, session, now);
            let expected = row.map(|row| row.number);
            let row = Row {
                key,
                number: expected.unwrap_or_default() + 1,
                due: Some(now + KEPT),
                ended: false,
                parent: None,
                player: None,
                body: rows::body(&records)?,
            };
            items.push(Item::Put { row, expected });
        }
        Ok(items)
    }

    /// With whom the player was active in one group at the same time, newest first.
    ///
    /// # Errors
    /// 403 for anybody but a player.
    pub async fn recent_players(
        &self,
        who: &Principal,
    ) -> Result<wire::List<wire::RecentPlayer>, Error> {
        let Principal::Player { player, .. } = who else {
            return Err(Error::Forbidden("only a player has recent players".into()));
        };
        let found = self.store.get(&[self.recent_key(player)]).await;
        let found = found.map_err(store_error)?.into_iter().flatten().next();
        let records = found.as_ref().map(rows::parse::<Records>).transpose()?;
        let records = records.unwrap_or_default().fresh(self.now());
        let items = records
            .players
            .into_iter()
            .map(|record| wire::RecentPlayer {
                player: record.player,
                session: record.session,
                at: record.at.into(),
            });
        Ok(wire::List {
            items: items.collect(),
        })
    }
}
