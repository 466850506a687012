//! Keeps so many sessions of a type running in each region as it says (`min_session_count`, rows 19, 39).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use model::session::{Actor, Command};
use model::session_type::SessionType;
use model::{Name, Region, SessionId};

use super::Core;
use crate::Error;

/// Whether it is to be looked how many there are.
pub(crate) struct Keeper {
    asked: AtomicBool,
}

impl Keeper {
    /// At the start it is looked once.
    pub(crate) fn new() -> Self {
        Self {
            asked: AtomicBool::new(true),
        }
    }
}

impl Core {
    /// Something has changed of what is kept running: the timers look at once.
    pub(crate) fn keep_up(&self) {
        self.keeper.asked.store(true, Ordering::Release);
        self.timers.hint(self.now());
    }

    /// Makes sessions that are missing and lets go of those that are too many, if something may have changed since
    /// the last time; whether that went well.
    pub(crate) async fn keep_running(&self) -> bool {
        if !self.keeper.asked.swap(false, Ordering::AcqRel) {
            return true;
        }
        match self.keep_all().await {
            Ok(()) => true,
            Err(error) => {
                self.keeper.asked.store(true, Ordering::Release);
                tracing::warn!(
                    cause = error.cause(),
                    "sessions that are to be kept running could not be made; trying again"
                );
                false
            }
        }
    }

    async fn keep_all(&self) -> Result<(), Error> {
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
                self.let_go(*surplus).await?;
            }
        }
        for ((of_type, region), count) in wanted {
            let place = (of_type, region);
            let there = kept.get(&place).map_or(0, Vec::len);
            for _ in there..count {
                self.make_kept(&place.0, place.1.as_ref()).await?;
            }
        }
        Ok(())
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
        let written = self
            .write(id, |draft, _, now| {
                Ok(draft.apply(&Actor::Service, &command, now)?)
            })
            .await;
        match written {
            Ok(_) | Err(Error::NotFound { .. } | Error::Law(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
