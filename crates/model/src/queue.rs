//! A validated queue: how parties become teams of a new session; made from YAML by `config`.

use std::collections::BTreeMap;

use crate::{Millis, Name, Region, Timeout};

/// The attribute that a rule `equal` may read without the queue declaring it: the build of a player's client. It is
/// then a text without default that players set themselves.
pub const CLIENT_VERSION: &str = "client_version";

/// A queue with every default filled in and every rule of the YAML page checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Unique without regard to case.
    pub name: Name,
    /// `false`: paused, tickets wait.
    pub active: bool,
    /// What a match becomes.
    pub session_type: Name,
    /// Whether players of different platforms may meet in a match: the capability of its session type (F21). If not,
    /// parties that name none wait in a pool of their own.
    pub cross_play: bool,
    /// Where matches may be.
    pub regions: RegionRules,
    /// At least one; at most 50.
    pub teams: Vec<TeamSettings>,
    /// The largest party that may queue.
    pub party_players_max: u16,
    /// How a party's number is summed up.
    pub party_aggregate: Aggregate,
    /// What tickets must or may bring; [`CLIENT_VERSION`] too, where a rule reads it.
    pub attributes: BTreeMap<Name, Attribute>,
    /// What must hold in a match.
    pub rules: Vec<Rule>,
    /// Widenings of rules, by each ticket's own age.
    pub expansions: Vec<Expansion>,
    /// searching -> expired.
    pub ticket_time_out: Timeout,
    /// Failed placements after which a ticket fails for good.
    pub placement_retries: u32,
}

/// Where matches may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegionRules {
    /// `None`: every region that the party lists.
    pub allow: Option<Vec<Region>>,
    /// Of each player, absolute.
    pub max_latency: Option<Millis>,
    /// Of each player, over his own best region.
    pub max_latency_delta: Option<Millis>,
}

/// One team of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamSettings {
    /// Unique in its queue.
    pub name: Name,
    /// At least one.
    pub players_min: u16,
    /// At least `players_min`.
    pub players_max: u16,
}

/// How a party's numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The arithmetic mean.
    Mean,
}

/// Who may set an attribute (A.3 row 49).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeSource {
    /// Server principals.
    Server,
    /// A claim of the player's token.
    Claim,
    /// The player himself; a claim of his token stands in for what he does not say.
    Player,
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// A finite number.
    Number,
    /// A text of at most 128 bytes.
    String,
    /// At most 64 texts of at most 128 bytes.
    Strings,
}

/// An attribute that a queue declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// What it holds.
    pub kind: AttributeType,
    /// Who may set it.
    pub source: AttributeSource,
    /// `None`: a ticket without it is refused.
    pub default: Option<crate::ticket::Value>,
}

/// One rule, hard: it holds in every match.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique in its queue; expansions and explanations name it.
    pub name: Name,
    /// What it demands.
    pub kind: RuleKind,
}

/// What a rule demands.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// The numbers of any two tickets in a match differ by at most `max`.
    Distance {
        /// A number attribute.
        attribute: Name,
        /// Inclusive.
        max: f64,
    },
    /// The means of any two teams differ by at most `max`.
    Balance {
        /// A number attribute.
        attribute: Name,
        /// Inclusive.
        max: f64,
    },
    /// All players have the same value; part of the pool's key.
    Equal {
        /// A string attribute.
        attribute: Name,
    },
    /// All players share at least `min` values.
    Intersect {
        /// A strings attribute.
        attribute: Name,
        /// At least one.
        min: usize,
    },
}

/// A widening of one limit by a ticket's own age.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// Whose limit.
    pub target: ExpansionTarget,
    /// Ordered by `after`; limits only grow.
    pub steps: Vec<ExpansionStep>,
}

/// What an expansion widens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpansionTarget {
    /// The `max` of the rule at this index of [`Queue::rules`].
    Rule(usize),
    /// [`RegionRules::max_latency`].
    MaxLatency,
    /// [`RegionRules::max_latency_delta`].
    MaxLatencyDelta,
}

/// One step of an expansion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpansionStep {
    /// Since the ticket was created.
    pub after: Millis,
    /// The limit from then on; `None`: no limit.
    pub max: Option<f64>,
}
