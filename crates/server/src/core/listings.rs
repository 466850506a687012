//! Sessions that others than their members look for: hubs, those that are kept running, those in the browser.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::formation::Placement;
use model::session::{Constants, Header, PlayerSeats};
use model::session_type::{CustomData, Joinability, Visibility};
use model::{Millis, Name, Region, SessionId, Timestamp};

/// A full session is looked at so seldom, to learn who of its members is gone.
const LOOK_EVERY: Millis = Millis::seconds(1);

/// What is known of a session without a look at it.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) region: Option<Region>,
    /// Whether it is a hub.
    is_hub: bool,
    /// Whether anybody may join who comes.
    is_open: bool,
    /// Seats of players taken, and places free on its teams.
    taken: u32,
    free: u32,
    created_at: Timestamp,
    /// Something happens to it by itself then; what is known of it is out of date afterwards.
    due: Option<Timestamp>,
    /// When it was looked at last because it had no space.
    looked: Timestamp,
    pub(crate) kept: bool,
    pub(crate) browser_entry: Option<CustomData>,
    keywords: BTreeSet<Name>,
}

/// Whether anybody but its members looks for a session with this header.
pub(crate) fn is_listed(constants: &Constants, header: &Header) -> bool {
    constants.session_type.formation.hub.is_some()
        || header.kept
        || header.browser_entry.is_some()
        || !header.keywords.is_empty()
}

impl Listing {
    /// `None`: nobody looks for it.
    fn of(constants: &Constants, header: &Header, due: Option<Timestamp>) -> Option<Self> {
        if !is_listed(constants, header) {
            return None;
        }
        let of_type = &constants.session_type;
        let visibility = header.visibility.unwrap_or(of_type.visibility);
        let seats = PlayerSeats::of(constants, header);
        Some(Self {
            region: header.region.clone(),
            is_hub: of_type.formation.hub.is_some(),
            is_open: header.joinability == Joinability::Public
                && visibility == Visibility::Open
                && !header.closed
                && header.password.is_none(),
            taken: seats.taken,
            free: seats.open,
            created_at: header.created_at,
            due,
            looked: Timestamp(i64::MIN),
            kept: header.kept,
            browser_entry: header.browser_entry.clone(),
            keywords: header.keywords.clone(),
        })
    }

    fn is_in(&self, region: Option<&Region>) -> bool {
        region.is_none() || self.region.as_ref() == region
    }
}

/// What somebody wants of a hub.
pub(crate) struct Wanted<'a> {
    /// Its session type.
    pub(crate) of_type: &'a Name,
    /// Only there.
    pub(crate) region: Option<&'a Region>,
    /// Seats.
    pub(crate) seats: u32,
    /// Sessions that did not take him in.
    pub(crate) without: &'a BTreeSet<SessionId>,
}

/// All of them, by session type. A lookup is O(listed sessions of the type).
#[derive(Default)]
pub(crate) struct Listings {
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    types: BTreeMap<Name, BTreeMap<SessionId, Listing>>,
    in_browser: BTreeMap<SessionId, Name>,
    by_keyword: BTreeMap<Name, BTreeSet<SessionId>>,
}

impl All {
    /// Takes a session off every list, if it is on one. O(1) for those that never are.
    fn take(&mut self, header: &Header) -> Option<Listing> {
        let of_type = self.types.get_mut(&header.session_type)?;
        let taken = of_type.remove(&header.id)?;
        if of_type.is_empty() {
            self.types.remove(&header.session_type);
        }
        self.in_browser.remove(&header.id);
        for keyword in &taken.keywords {
            if let Some(found) = self.by_keyword.get_mut(keyword) {
                found.remove(&header.id);
                if found.is_empty() {
                    self.by_keyword.remove(keyword);
                }
            }
        }
        Some(taken)
    }
}

/// The ids of sessions that were made before one; all of them without one.
fn older_than(before: Option<SessionId>) -> (Bound<SessionId>, Bound<SessionId>) {
    (
        Bound::Unbounded,
        before.map_or(Bound::Unbounded, Bound::Excluded),
    )
}

impl Listings {
    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session as it was just committed, or read at the start.
    pub(crate) fn put(&self, constants: &Constants, header: &Header, due: Option<Timestamp>) {
        let listing = Listing::of(constants, header, due);
        let mut all = self.all();
        all.take(header);
        let Some(listing) = listing else {
            return;
        };
        let name = &header.session_type;
        if listing.browser_entry.is_some() {
            all.in_browser.insert(header.id, name.clone());
        }
        for keyword in &listing.keywords {
            let found = all.by_keyword.entry(keyword.clone()).or_default();
            found.insert(header.id);
        }
        let of_type = all.types.entry(name.clone()).or_default();
        of_type.insert(header.id, listing);
    }

    /// A session that is over; whether it was one of those that are kept running.
    pub(crate) fn remove(&self, header: &Header) -> bool {
        self.all().take(header).is_some_and(|listing| listing.kept)
    }

    /// Sessions with this keyword, in lowercase; the newest first, older than `before`; at most `most`.
    pub(crate) fn with_keyword(
        &self,
        keyword: &Name,
        before: Option<SessionId>,
        most: usize,
    ) -> Vec<SessionId> {
        let all = self.all();
        let Some(found) = all.by_keyword.get(keyword) else {
            return Vec::new();
        };
        let older = found.range(older_than(before));
        older.rev().take(most).copied().collect()
    }

    /// Of which hub type a session is, and where.
    pub(crate) fn hub(&self, id: SessionId) -> Option<(Name, Option<Region>)> {
        let all = self.all();
        all.types.iter().find_map(|(name, sessions)| {
            let listing = sessions.get(&id).filter(|listing| listing.is_hub)?;
            Some((name.clone(), listing.region.clone()))
        })
    }

    /// Whether a session of this type is there.
    pub(crate) fn is_in(&self, of_type: &Name, id: SessionId, region: Option<&Region>) -> bool {
        let all = self.all();
        let listing = all.types.get(of_type).and_then(|of_type| of_type.get(&id));
        listing.is_some_and(|listing| listing.is_in(region))
    }

    /// Hubs that have to be looked at before it can be said that none of them has space: first those to which time has
    /// done something, then those that are full, as long as nobody has looked at them lately.
    pub(crate) fn stale(&self, wanted: &Wanted<'_>, now: Timestamp, most: usize) -> Vec<SessionId> {
        let mut all = self.all();
        let Some(sessions) = all.types.get_mut(wanted.of_type) else {
            return Vec::new();
        };
        let there = sessions
            .iter_mut()
            .filter(|(_, listing)| listing.is_hub && listing.is_in(wanted.region));
        let (mut due, mut full) = (Vec::new(), Vec::new());
        for (id, listing) in there {
            if listing.due.is_some_and(|at| at <= now) {
                due.push((*id, listing));
            } else if listing.free < wanted.seats && listing.looked + LOOK_EVERY <= now {
                full.push((*id, listing));
            }
        }
        let stale = due.into_iter().chain(full).take(most);
        stale
            .map(|(id, listing)| {
                listing.looked = now;
                id
            })
            .collect()
    }

    /// The hub that is taken first of those with space (R78).
    pub(crate) fn pick(&self, wanted: &Wanted<'_>, placement: Placement) -> Option<SessionId> {
        let all = self.all();
        let sessions = all.types.get(wanted.of_type)?.iter();
        let fits = sessions.filter(|(id, listing)| {
            listing.is_hub
                && listing.is_open
                && listing.free >= wanted.seats
                && listing.is_in(wanted.region)
                && !wanted.without.contains(id)
        });
        let order = |listing: &Listing| match placement {
            Placement::Fullest => listing.free,
            Placement::Emptiest => listing.taken,
            Placement::Oldest => 0,
        };
        fits.min_by_key(|(id, listing)| (order(listing), listing.created_at, **id))
            .map(|(id, _)| *id)
    }

    /// Those that are kept running: by type and region, the oldest first.
    pub(crate) fn kept(&self) -> BTreeMap<(Name, Option<Region>), Vec<SessionId>> {
        let all = self.all();
        let mut kept: BTreeMap<_, Vec<SessionId>> = BTreeMap::new();
        for (name, sessions) in &all.types {
            for (id, listing) in sessions.iter().filter(|(_, listing)| listing.kept) {
                let place = (name.clone(), listing.region.clone());
                kept.entry(place).or_default().push(*id);
            }
        }
        kept
    }

    /// Sessions with an entry in the browser that fits, the newest first, older than `before`; at most `most`.
    pub(crate) fn in_browser(
        &self,
        fits: impl Fn(&Name, &Listing) -> bool,
        before: Option<SessionId>,
        most: usize,
    ) -> Vec<SessionId> {
        let all = self.all();
        let older = all.in_browser.range(older_than(before));
        let mut newest = Vec::new();
        for (id, name) in older.rev() {
            let listing = all.types.get(name).and_then(|of_type| of_type.get(id));
            if listing.is_some_and(|listing| fits(name, listing)) {
                newest.push(*id);
            }
            if newest.len() == most {
                break;
            }
        }
        newest
    }
}
