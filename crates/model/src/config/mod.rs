//! The YAML of designers: session types, queues and fleets, checked as one set and turned into validated types.
//!
//! Text becomes trees that know their places (`tree`), the trees are walked against the generated JSON
//! Schemas ([`schema`], `walk`), then raw structs are judged by the rules between knobs. Nothing stops at
//! the first mistake, and nothing here panics on any text.

mod backfill;
mod build;
mod check;
mod conditions;
mod diagnostic;
mod differences;
mod document;
mod duration;
mod fleet;
mod formation;
mod instance;
mod lint;
mod members;
mod nearest;
mod opening;
mod possible;
mod possible_figures;
mod possible_numbers;
mod possible_texts;
mod qos;
mod queue;
mod queue_group;
mod queue_rules;
mod queue_sense;
mod raw;
mod raw_fleet;
mod raw_instance;
mod raw_members;
mod raw_queue;
mod raw_session_type;
mod read;
mod repair;
mod revision;
mod scalar;
mod schema;
mod session_type;
mod subscriptions;
mod syntax;
mod tree;
pub mod unsupported;
mod walk;
mod widening;
mod wording;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod possible_laws;

#[cfg(test)]
mod possible_tests;

#[cfg(test)]
mod queue_sense_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use check::check;
pub use diagnostic::{Diagnostic, Severity};
pub use duration::{Duration, Error as DurationError};
pub use nearest::{nearest, nearest_or_all, quoted_list};
pub use read::{Folder, ReadError, read_dir};
pub use revision::fleet_revision;
pub use schema::{Kind, schema};

use crate::Name;
use crate::fleet::Fleet;
use crate::queue::Queue;
use crate::session_type::SessionType;

/// A YAML file of a set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceFile {
    /// As it is shown in messages.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// The schema of a plugin's part of a fleet: its `config`.
#[derive(Debug, Clone)]
pub struct ProviderSchema {
    /// The value of the fleet's `provider` or `allocator` that it belongs to.
    pub provider: &'static str,
    /// JSON Schema of `config`; `type`, `properties`, `required`, `additionalProperties`, `patternProperties`,
    /// `items`, `anyOf`, `oneOf`, `enum`, `const`, `$ref` into itself and the usual limits are understood, and
    /// `patternErrorMessage` says in words what to write.
    pub schema: serde_json::Value,
    /// What the schema cannot say, all of it at once. Also called with what does not fit the schema: findings there
    /// are left out, as the schema's have been reported.
    pub lint: fn(&serde_json::Value) -> Vec<Finding>,
}

/// What a plugin finds wrong in its part of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer into `config`.
    pub pointer: String,
    /// Whether the key at the pointer is wrong, or its value.
    pub part: Part,
    /// What is wrong there, in one clause without a full stop.
    pub message: String,
    /// What to write instead, as an imperative.
    pub proposal: Option<String>,
}

/// What of an entry of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Sorted by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The validated set; `None` if any diagnostic is an error.
    pub config: Option<Config>,
}

/// A validated set of session types, queues and fleets. The keys are the names as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// By name.
    pub session_types: BTreeMap<Name, Arc<SessionType>>,
    /// By name.
    pub queues: BTreeMap<Name, Arc<Queue>>,
    /// By name.
    pub fleets: BTreeMap<Name, Arc<Fleet>>,
    /// Of each session type the keys that are written, after `extends`, as `size` and `size.teams`: what a
    /// creator may only repeat (A.3 row 32).
    pub written: BTreeMap<Name, BTreeSet<String>>,
}

impl Config {
    /// The set that these texts describe; the diagnostics if they describe none. The same texts and providers
    /// always give the same set: a revision in the store is its texts.
    pub fn from_files(
        files: &[SourceFile],
        providers: &[ProviderSchema],
    ) -> Result<Config, Vec<Diagnostic>> {
        let Checked {
            diagnostics,
            config,
        } = check(files, providers);
        config.ok_or(diagnostics)
    }

    /// The session type of this name, without regard to case (A.3 row 46).
    pub fn session_type(&self, name: &str) -> Option<&Arc<SessionType>> {
        by_name(&self.session_types, name)
    }

    /// The queue of this name, without regard to case.
    pub fn queue(&self, name: &str) -> Option<&Arc<Queue>> {
        by_name(&self.queues, name)
    }

    /// The regions that are somewhere: those of all fleets, then those that queues allow.
    pub fn regions(&self) -> impl Iterator<Item = &crate::Region> {
        let fleets = self.fleets.values().flat_map(|fleet| &fleet.regions);
        let queues = self.queues.values();
        fleets.chain(queues.flat_map(|queue| queue.regions.allow.iter().flatten()))
    }

    /// The fleet of this name, without regard to case.
    pub fn fleet(&self, name: &str) -> Option<&Arc<Fleet>> {
        by_name(&self.fleets, name)
    }
}

/// O(log n) for the spelling that was written, O(n) for another.
fn by_name<'m, T>(map: &'m BTreeMap<Name, T>, name: &str) -> Option<&'m T> {
    map.get(name).or_else(|| {
        map.iter()
            .find(|(written, _)| written.as_str().eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}
