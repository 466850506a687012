//! Members who subscribe: which changes each is told of, and how often at most (R60, F30).

use std::collections::{BTreeMap, BTreeSet};

use model::session::{Member, Subscribe};
use model::subscriptions::{ChangeType, Profile, SubscriptionSettings};
use model::{Millis, Name, SessionId, Timestamp};
use uuid::Uuid;

use super::Core;
use super::players::Stand;
use crate::{Error, Principal};

/// The last change of each kind that members are told of, by the change number that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noticed {
    any: u64,
    /// Before this nothing is known of kinds: each may have changed then.
    since: u64,
    of: BTreeMap<ChangeType, u64>,
}

impl Noticed {
    /// Of a document that was just made or loaded: one notice too many rather than one too few.
    pub(crate) fn all(number: u64) -> Self {
        Self {
            any: number,
            since: number,
            of: BTreeMap::new(),
        }
    }

    /// Changes of these kinds got this number.
    pub(crate) fn note(&mut self, number: u64, kinds: impl Iterator<Item = ChangeType>) {
        self.any = number;
        self.of.extend(kinds.map(|kind| (kind, number)));
    }

    /// The last change of any kind.
    pub(crate) fn any(&self) -> u64 {
        self.any
    }

    /// The last change of one of these kinds.
    fn of(&self, kinds: &BTreeSet<ChangeType>) -> u64 {
        if kinds.contains(&ChangeType::Everything) {
            return self.any;
        }
        let changed = kinds.iter().filter_map(|kind| self.of.get(kind));
        changed.copied().max().unwrap_or(0).max(self.since)
    }
}

/// A profile that a member subscribes to in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watch {
    profile: Profile,
    /// The last change that it covers.
    number: u64,
    min_interval: Millis,
    /// His subscriptions to it, in order.
    ids: Vec<Uuid>,
}

/// What a member subscribes to, by profile. O(his subscriptions); nothing is allocated where he has none.
pub(crate) fn watches(
    settings: &SubscriptionSettings,
    noticed: &Noticed,
    member: &Member,
) -> Vec<Watch> {
    let mut watches: Vec<Watch> = Vec::new();
    for (id, subscription) in &member.subscriptions {
        let profile = subscription.profile;
        if let Some(known) = watches.iter_mut().find(|watch| watch.profile == profile) {
            known.ids.push(*id);
            continue;
        }
        let covers = settings.profile(profile);
        watches.push(Watch {
            profile,
            number: noticed.of(&covers.changes),
            min_interval: covers.min_interval,
            ids: vec![*id],
        });
    }
    watches
}

/// Whether a member is to be told of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Telling {
    /// There is nothing that he wants to know.
    Nothing,
    /// At once, for these subscriptions of his.
    Now(Vec<Uuid>),
    /// Not before this.
    At(Timestamp),
}

impl Stand {
    /// Whether a member who has seen change `seen` of a branch, and was told last at `told`, is to be told.
    ///
    /// A session that is new to him always is. Without subscriptions he is told of every change, at once; with some
    /// when one of his profiles covers a change, and its interval since he was told is over: the profile that is
    /// first to tell takes along what waits for the others.
    pub(crate) fn telling(
        &self,
        seen: Option<(Uuid, u64)>,
        told: Option<Timestamp>,
        now: Timestamp,
    ) -> Telling {
        let seen = seen.filter(|(branch, _)| *branch == self.branch);
        let Some((_, seen)) = seen else {
            return Telling::Now(ids(self.watches.iter()));
        };
        if self.watches.is_empty() {
            return match seen < self.number {
                true => Telling::Now(Vec::new()),
                false => Telling::Nothing,
            };
        }
        let pending = || self.watches.iter().filter(|watch| watch.number > seen);
        // What was told later than now holds nothing back: a clock that was set, or a cursor of somebody's own making.
        let told = told.filter(|told| *told <= now);
        let due = |watch: &Watch| told.map_or(now, |told| told + watch.min_interval);
        match pending().map(due).min() {
            None => Telling::Nothing,
            Some(at) if at <= now => Telling::Now(ids(pending())),
            Some(at) => Telling::At(at),
        }
    }
}

fn ids<'a>(watches: impl Iterator<Item = &'a Watch>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = watches
        .flat_map(|watch| watch.ids.iter().copied())
        .collect();
    ids.sort_unstable();
    ids
}

/// How a player comes to the session that he subscribes in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// He has a seat there.
    Stays(SessionId),
    /// He joins it, perhaps once more; into a hub he comes from his other ones.
    Comes(SessionId),
    /// He makes one of this type, or is led to one.
    Makes(&'a Name),
}

impl Core {
    /// Tells the law in how many sessions a player is subscribed beside the one that he is about to subscribe in; of
    /// anybody but the member himself the law refuses that whatever their number. Hubs that he leaves on this way do
    /// not count (row 40). Two requests at the very same moment may each find room for one more.
    pub(crate) async fn count_subscribed(
        &self,
        who: &Principal,
        way: Way<'_>,
        subscribe: &mut Subscribe,
    ) -> Result<(), Error> {
        let (Principal::Player { player, .. }, true) = (who, subscribe.adds()) else {
            return Ok(());
        };
        let things = self.things(player).await?;
        let hub_type = |id: SessionId| self.listings.hub(id).map(|(name, _)| name);
        let (here, left) = match way {
            Way::Stays(id) => (Some(id), None),
            Way::Comes(id) => {
                let is_in = things.sessions.get(&id).is_some_and(|stand| stand.wanted);
                (Some(id), hub_type(id).filter(|_| !is_in))
            }
            Way::Makes(name) => (None, Some(name.clone())),
        };
        let elsewhere = things.sessions.iter().filter(|(id, stand)| {
            let stays = || left.is_none() || hub_type(**id) != left;
            Some(**id) != here && !stand.watches.is_empty() && stays()
        });
        subscribe.elsewhere = elsewhere.count();
        Ok(())
    }
}
