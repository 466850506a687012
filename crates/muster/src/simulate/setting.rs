//! What a run is set in: a queue of a folder, and the regions that the server would know of.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use model::Region;
use model::config::{self, Config, Severity, nearest, nearest_or_all};
use model::queue::Queue;

use crate::say;

/// A queue and what surrounds it.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) queue: Arc<Queue>,
    /// Those of all fleets and of all queues of the folder: the server refuses whoever has measured another.
    pub(super) regions: BTreeSet<Region>,
}

impl Setting {
    /// The queue of this name, without regard to case.
    pub(super) fn of(config: &Config, name: &str) -> Option<Setting> {
        Some(Setting {
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
        Setting::of(&config, name).with_context(|| {
            let names = || config.queues.keys().map(model::Name::as_str);
            match nearest(name, names()) {
                Some(near) => format!(
                    "{} has no queue {name:?}; did you mean {near}?",
                    folder.display()
                ),
                None => format!(
                    "{} has no queue {name:?}; it has {}",
                    folder.display(),
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
