//! A validated fleet: where dedicated hosts come from; made from YAML by `config`.

use crate::{Name, Region};

/// A fleet with every default filled in and every rule of the YAML page checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// Unique without regard to case.
    pub name: Name,
    /// Who keeps its game servers running.
    pub provider: Provider,
    /// At least one.
    pub regions: Vec<Region>,
    /// What instances on these game servers report.
    pub version: Option<semver::Version>,
    /// How many game servers, per region.
    pub capacity: Capacity,
    /// The provider's own settings, already checked against the provider's schema.
    pub config: serde_json::Value,
}

/// Who keeps game servers running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Local processes.
    Process,
}

/// How many game servers, per region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Kept running always.
    pub min: u32,
    /// Ready above demand.
    pub buffer: u32,
    /// Never more than this.
    pub max: u32,
    /// Sessions that one game server carries at a time.
    pub slots: u16,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            min: 0,
            buffer: 1,
            max: 64,
            slots: 1,
        }
    }
}
