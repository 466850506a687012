//! What a run is set in: a queue of a folder, and the regions that the server would know of.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use model::config::{self, Config, Severity, nearest, nearest_or_all};
use model::queue::Queue;
use model::{Name, Region};

use crate::say;

/// A queue and what surrounds it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Where it was read from, as people read it.
    pub(super) folder: String,
    pub(super) queue: Arc<Queue>,
    /// Those of all fleets and of all queues of the folder: the server refuses whoever has measured another.
    pub(super) regions: BTreeSet<Region>,
}

impl Setting {
    /// The queue of this name, without regard to case.
    pub(super) fn of(config: &Config, folder: &str, name: &str) -> Option<Setting> {
        Some(Setting {
            folder: folder.to_owned(),
            queue: Arc::clone(config.queue(name)?),
            regions: config.regions().cloned().collect(),
        })
    }

    /// A queue of a folder.
    ///
    /// # Errors
    /// When the folder cannot be read, has errors, or has no such queue.
    pub(super) fn read(folder: &Path, name: &str) -> anyhow::Result<Setting> {
        let read = config::read_dir(folder)?;
        let checked = read.check(&crate::provider_schemas());
        let Some(config) = checked.config else {
            for diagnostic in &checked.diagnostics {
                if diagnostic.severity == Severity::Error {
                    let mut files = read.files.iter();
                    let source = files.find(|file| file.path == diagnostic.path);
                    say::complain(&diagnostic.render(source.map_or("", |file| &file.text)));
                }
            }
            bail!("{} cannot be used: mend it first", folder.display());
        };
        let folder = folder.display().to_string();
        Setting::of(&config, &folder, name).with_context(|| {
            let names = || config.queues.keys().map(Name::as_str);
            match nearest(name, names()) {
                Some(near) => format!("{folder} has no queue {name:?}; did you mean {near}?"),
                None => format!(
                    "{folder} has no queue {name:?}; it has {}",
                    names().collect::<Vec<_>>().join(", ")
                ),
            }
        })
    }
}

/// A region that somebody may have measured: one of a fleet or a queue of any of these.
///
/// # Errors
/// What is wrong with the name, and what to write instead.
pub(super) fn region(name: &str, settings: &[Setting]) -> Result<Region, String> {
    let region: Region = name
        .parse()
        .map_err(|why| format!("{name:?} is no name of a region: it {why}"))?;
    let known: BTreeSet<&Region> = settings.iter().flat_map(|one| &one.regions).collect();
    if known.contains(&region) {
        return Ok(region);
    }
    let help = nearest_or_all(name, known.iter().map(|region| region.as_str()));
    Err(format!(
        "no fleet has a region {name:?}, and no queue in its regions.allow; {help}"
    ))
}

/// An attribute that a crowd brings is of one type in all of these: what one of them reads as a number, another that
/// wants a text would refuse.
///
/// # Errors
/// What it is in which folder, to be put after "it is ", and what to write instead.
pub(super) fn one_type(name: &Name, settings: &[Setting]) -> Result<(), String> {
    let mut declared = settings.iter().filter_map(|one| {
        let attribute = one.queue.attributes.get(name)?;
        Some((attribute.kind, &one.folder))
    });
    let first = declared.next();
    let other = first.and_then(|(kind, _)| declared.find(|(other, _)| *other != kind));
    match first.zip(other) {
        None => Ok(()),
        Some(((kind, folder), (other, elsewhere))) => Err(format!(
            "{} in {folder} and {} in {elsewhere}, and a player brings one value to both; write the same type in both, or another name in one",
            kind.values(),
            other.values()
        )),
    }
}
