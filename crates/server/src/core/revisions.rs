//! Revisions of the YAML: kept in the store, made active by one row, looked up by the sessions they made.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::Name;
use model::config::{Config, Diagnostic, Folder, ProviderSchema, Severity, SourceFile};
use model::session::{Constants, TypeConstant};
use serde::{Deserialize, Serialize};
use store::{CommitError, Item, Key, Kind, Row, WriteSet};

use super::write::commit_error;
use super::{Core, rows, store_error};
use crate::Error;

/// The singleton that names the active revision.
const ACTIVE: &str = "active-revision";

/// What became of a set of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activated {
    /// It is a new revision, active from now on.
    New(u64),
    /// The active revision has these very files.
    Unchanged(u64),
}

#[derive(Serialize, Deserialize)]
struct Active {
    revision: u64,
}

/// One revision, read and checked.
struct Revision {
    number: u64,
    files: Vec<SourceFile>,
    config: Arc<Config>,
    constants: HashMap<Name, Arc<Constants>>,
}

/// The active revision and those that running sessions were made by.
pub(crate) struct Revisions {
    active: ArcSwap<Revision>,
    older: Mutex<HashMap<u64, Arc<Revision>>>,
    providers: Vec<ProviderSchema>,
}

impl Revision {
    fn new(number: u64, files: Vec<SourceFile>, config: Config) -> Self {
        let constants = config
            .session_types
            .iter()
            .map(|(name, of_type)| {
                let mut constants = Constants::new(of_type.clone(), number);
                let written = config.written.get(name);
                let is_written = |key: &str| written.is_some_and(|keys| keys.contains(key));
                constants.written = [
                    TypeConstant::Visibility,
                    TypeConstant::MaxMembers,
                    TypeConstant::Capabilities,
                    TypeConstant::Joinability,
                ]
                .into_iter()
                .filter(|constant| is_written(constant.key()))
                .collect::<BTreeSet<_>>();
                (name.clone(), Arc::new(constants))
            })
            .collect();
        Self {
            number,
            files,
            config: Arc::new(config),
            constants,
        }
    }
}

impl Revisions {
    pub(crate) fn new(providers: Vec<ProviderSchema>) -> Self {
        let none = Revision::new(0, Vec::new(), Config::default());
        Self {
            active: ArcSwap::from_pointee(none),
            older: Mutex::default(),
            providers,
        }
    }

    pub(crate) fn active(&self) -> Arc<Config> {
        self.active.load().config.clone()
    }

    /// The constants for a new session of this type, without regard to case.
    pub(crate) fn current(&self, name: &str) -> Option<Arc<Constants>> {
        let active = self.active.load();
        let name = &active.config.session_type(name)?.name;
        active.constants.get(name).cloned()
    }

    /// The constants of a session that revision `number` made.
    pub(crate) async fn constants(
        &self,
        core: &Core,
        number: u64,
        name: &Name,
    ) -> Result<Arc<Constants>, Error> {
        let known = {
            let active = self.active.load();
            if active.number == number {
                Some(active.clone())
            } else {
                self.older
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(&number)
                    .cloned()
            }
        };
        let revision = match known {
            Some(revision) => revision,
            None => {
                let revision = Arc::new(self.read(core, number).await?);
                let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
                older.entry(number).or_insert(revision).clone()
            }
        };
        let constants = revision.constants.get(name).cloned();
        constants.ok_or_else(|| Error::Internal(format!("revision {number} has no type {name}")))
    }

    async fn read(&self, core: &Core, number: u64) -> Result<Revision, Error> {
        let key = revision_key(core, number);
        let found = core
            .store
            .get(std::slice::from_ref(&key))
            .await
            .map_err(store_error)?;
        let row = found.into_iter().next().flatten();
        let row = row.ok_or_else(|| Error::Internal(format!("revision {number} is missing")))?;
        let files: Vec<SourceFile> = rows::parse(&row)?;
        let config = Config::from_files(&files, &self.providers).map_err(|diagnostics| {
            let mut errors = diagnostics
                .iter()
                .filter(|one| one.severity == Severity::Error);
            let first = errors.next().map_or("", |one| &one.message);
            Error::Internal(format!(
                "revision {number} cannot be read by this version: {first}"
            ))
        })?;
        Ok(Revision::new(number, files, config))
    }
}

fn revision_key(core: &Core, number: u64) -> Key {
    Key::new(
        &core.namespace,
        Kind::Revision,
        format_args!("{number:010}"),
    )
}

impl Core {
    /// [`Core::activate`] of a folder as it was read; a file that cannot be read is an error like any other.
    ///
    /// # Errors
    /// As [`Core::activate`].
    pub async fn activate_folder(
        &self,
        folder: &Folder,
    ) -> Result<Result<(Activated, Vec<Diagnostic>), Vec<Diagnostic>>, Error> {
        if folder.is_broken() {
            return Ok(Err(folder.check(&self.revisions.providers).diagnostics));
        }
        let activated = self.activate(folder.files.clone()).await?;
        Ok(match activated {
            Ok((revision, warnings)) => Ok((revision, folder.with_findings(warnings))),
            Err(errors) => Err(folder.with_findings(errors)),
        })
    }

    /// Checks a set of files and makes it the active revision; on errors the last good one stays.
    ///
    /// # Errors
    /// The outer one when the store fails; the inner one with everything that is wrong with the files.
    pub async fn activate(
        &self,
        files: Vec<SourceFile>,
    ) -> Result<Result<(Activated, Vec<Diagnostic>), Vec<Diagnostic>>, Error> {
        let checked = model::config::check(&files, &self.revisions.providers);
        let Some(config) = checked.config else {
            return Ok(Err(checked.diagnostics));
        };
        loop {
            let (active, number) = self.active_row().await?;
            let current = self.revisions.active.load().clone();
            if current.number == active && current.files == files && active > 0 {
                return Ok(Ok((Activated::Unchanged(active), checked.diagnostics)));
            }
            let next = active + 1;
            let revision = Row {
                key: revision_key(self, next),
                number: 1,
                due: None,
                ended: false,
                parent: None,
                player: None,
                body: rows::body(&files)?,
            };
            let pointer = Row {
                key: Key::new(&self.namespace, Kind::Setting, ACTIVE),
                number: number.unwrap_or(0) + 1,
                due: None,
                ended: false,
                parent: None,
                player: None,
                body: rows::body(&Active { revision: next })?,
            };
            let items = vec![
                Item::Put {
                    row: revision,
                    expected: None,
                },
                Item::Put {
                    row: pointer,
                    expected: number,
                },
            ];
            match self.commits.commit(WriteSet { items }).await {
                Ok(()) => {
                    self.take_over(Revision::new(next, files, config));
                    return Ok(Ok((Activated::New(next), checked.diagnostics)));
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(commit_error(error)),
            }
        }
    }

    async fn active_row(&self) -> Result<(u64, Option<i64>), Error> {
        let key = Key::new(&self.namespace, Kind::Setting, ACTIVE);
        let found = self
            .store
            .get(std::slice::from_ref(&key))
            .await
            .map_err(store_error)?;
        match found.into_iter().next().flatten() {
            Some(row) => Ok((rows::parse::<Active>(&row)?.revision, Some(row.number))),
            None => Ok((0, None)),
        }
    }

    /// Loads the active revision of the store; `false` when there is none yet.
    pub(crate) async fn load_active_revision(&self) -> Result<bool, Error> {
        let (active, _) = self.active_row().await?;
        if active == 0 {
            return Ok(false);
        }
        let revision = self.revisions.read(self, active).await?;
        self.take_over(revision);
        Ok(true)
    }

    fn take_over(&self, revision: Revision) {
        let queues: Vec<_> = revision.config.queues.values().cloned().collect();
        let old = self.revisions.active.swap(Arc::new(revision));
        if old.number > 0 {
            let mut older = self
                .revisions
                .older
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            older.insert(old.number, old);
        }
        self.matchmaker.set_queues(&queues);
        let tickets = std::iter::once_with(|| self.tickets.records.values()).flatten();
        let several = tickets.filter(|ticket| !ticket.queues.is_empty());
        self.estimates
            .all_moved(self.now(), several, || self.config());
        self.retell_backfills();
        self.registry.touch();
        self.keep_up();
    }
}
