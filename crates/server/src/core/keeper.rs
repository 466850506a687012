//! Keeps so many sessions of a type running in each region as it says (`min_session_count`, rows 19, 39).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use model::session::{Actor, Command};
use model::session_type::SessionType;
use model::{Millis, Name, Region, SessionId, Timestamp};

use super::Core;
use crate::Error;

/// After a session could not be made, the next look is so much later.
const PAUSE: Millis = Millis::seconds(5);

/// When it is to be looked how many there are.
pub(crate) struct Keeper {
    due: AtomicI64,
}

impl Keeper {
    /// At the start it is looked once.
    pub(crate) fn new() -> Self {
        Self {
            due: AtomicI64::new(i64::MIN),
        }
    }
}

impl Core {
    /// Something has changed of what is kept running: the timers look at once.
    pub(crate) fn keep_up(&self) {
        self.keep_up_at(self.now());
    }

    fn keep_up_at(&self, due: Timestamp) {
        self.keeper.due.fetch_min(due.0, Ordering::AcqRel);
        self.timers.hint(due);
    }

    /// Makes sessions that are missing and lets go of those that are too many, if something may have changed since
    /// the last time.
    pub(crate) async fn keep_running(&self) {
        let due = self.keeper.due.load(Ordering::Acquire);
        if due > self.now().0 {
            if due != i64::MAX {
                self.timers.hint(Timestamp(due));
            }
            return;
        }
        self.keeper.due.store(i64::MAX, Ordering::Release);
        let failed = self.keep_all().await;
        if let Some((of_type, error)) = failed {
            tracing::warn!(
                cause = error.cause(),
                session.r#type = %of_type,
                "a session that is to be kept running could not be; trying again in {PAUSE}"
            );
            self.keep_up_at(self.now() + PAUSE);
        }
    }

    /// The last type whose sessions could not be kept; it keeps those of no other from being.
    async fn keep_all(&self) -> Option<(Name, Error)> {
        let mut failed = None;
        let config = self.config();
        let mut wanted: BTreeMap<(Name, Option<Region>), usize> = BTreeMap::new();
        for of_type in config.session_types.values() {
            let count = of_type.formation.min_session_count as usize;
            for region in self.regions_of(of_type).into_iter().filter(|_| count > 0) {
                wanted.insert((of_type.name.clone(), region), count);
            }
        }
        let kept = self.listings.kept();
        for (place, sessions) in &kept {
            let count = wanted.get(place).copied().unwrap_or_default();
            for surplus in sessions.iter().skip(count) {
                if let Err(error) = self.let_go(*surplus).await {
                    failed = Some((place.0.clone(), error));
                }
            }
        }
        for ((of_type, region), count) in wanted {
            let place = (of_type, region);
            let there = kept.get(&place).map_or(0, Vec::len);
            for _ in there..count {
                if let Err(error) = self.make_kept(&place.0, place.1.as_ref()).await {
                    failed = Some((place.0.clone(), error));
                    break;
                }
            }
        }
        failed
    }

    /// Where sessions of a type are kept running: wherever its fleet is.
    fn regions_of(&self, of_type: &SessionType) -> Vec<Option<Region>> {
        let Some(instance) = &of_type.instance else {
            return vec![None];
        };
        let regions = self.regions_for(&instance.fleet, None);
        regions.into_iter().map(Some).collect()
    }

    async fn make_kept(&self, of_type: &Name, region: Option<&Region>) -> Result<(), Error> {
        let Some(constants) = self.revisions.current(of_type.as_str()) else {
            return Ok(());
        };
        let now = self.now();
        let mut new = self.blank_session(constants, Actor::Service, now);
        new.region = region.cloned();
        new.kept = true;
        let (session, changes) = model::Session::create(new, now)?;
        self.insert_session(session, changes, None, now).await?;
        Ok(())
    }

    /// It lives on as any other: while somebody is there.
    async fn let_go(&self, id: SessionId) -> Result<(), Error> {
        let command = Command::Keep { kept: false };
        self.try_command(id, &Actor::Service, &command).await
    }
}
