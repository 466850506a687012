//! A validated queue: how parties become teams of a new session; made from YAML by `config`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::opening::{self, OpeningHours};
use crate::penalty::Penalties;
use crate::ticket::Value;
use crate::{Millis, Name, Region, Timeout, Timestamp};

/// The attribute that a rule `equal` may read without the queue declaring it: the build of a player's client. It is
/// then a text without default that players set themselves.
pub const CLIENT_VERSION: &str = "client_version";

/// The largest magnitude of a number attribute; sums over a match stay exact enough below it.
pub const NUMBER_ABS_MAX: f64 = 1e15;
/// The longest text or key of an attribute, in bytes.
pub const STRING_BYTES_MAX: usize = 128;
/// The most texts of an attribute, and the most of its numbers by key.
pub const STRINGS_MAX: usize = 64;

/// A queue with every default filled in and every rule of the YAML page checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Unique without regard to case.
    pub name: Name,
    /// Queues of one group may share tickets, and are matched on one thread. Its own name, if it shares none.
    pub group: Name,
    /// `false`: paused, tickets wait.
    pub active: bool,
    /// Outside of these hours it is as if it were paused. Empty: always open.
    pub open: Vec<OpeningHours>,
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
    /// The strings attribute that lists the roles which a player would take, the dearest first; if teams want roles.
    pub role_attribute: Option<Name>,
    /// What must hold in a match, or should.
    pub rules: Vec<Rule>,
    /// In which order those who wait are tried; `None`: the nearest by the first distance rule first.
    pub sort: Option<Sort>,
    /// Whether players may name others whom they would rather not meet; `None`: lists are refused.
    pub avoid: Option<Avoid>,
    /// Widenings of rules, by each ticket's own age.
    pub expansions: Vec<Expansion>,
    /// searching -> expired.
    pub ticket_time_out: Timeout,
    /// Failed placements after which a ticket fails for good.
    pub placement_retries: u32,
    /// How its tickets join sessions that are played.
    pub backfill: QueueBackfill,
    /// Shares of tickets whose wait is told to players who wait: ascending, each between 0 and 1.
    pub estimate_quantiles: Vec<f64>,
    /// Players are asked before a match becomes a session, and may take so long; `None`: they are not asked.
    pub acceptance: Timeout,
    /// What deserters pay, who may not queue here meanwhile.
    pub penalties: Option<Penalties>,
}

impl Queue {
    /// One without rules, attributes, limits and time-outs, whose parties may be as large as its largest team. It makes
    /// sessions of a type of its own name, and promises no waits.
    pub fn new(name: Name, teams: Vec<TeamSettings>) -> Queue {
        Queue {
            group: name.clone(),
            active: true,
            open: Vec::new(),
            session_type: name.clone(),
            name,
            cross_play: false,
            regions: RegionRules::default(),
            party_players_max: teams.iter().map(|team| team.players_max).max().unwrap_or(1),
            teams,
            party_aggregate: Aggregate::Mean,
            attributes: BTreeMap::new(),
            role_attribute: None,
            rules: Vec::new(),
            sort: None,
            avoid: None,
            expansions: Vec::new(),
            ticket_time_out: None,
            placement_retries: 0,
            backfill: QueueBackfill::default(),
            estimate_quantiles: Vec::new(),
            acceptance: None,
            penalties: None,
        }
    }

    /// The queue as it is at an instant: paused outside of its hours.
    pub fn as_of(self: &Arc<Self>, now: Timestamp) -> Arc<Queue> {
        match opening::is_open(&self.open, now) {
            true => Arc::clone(self),
            false => Arc::new(Queue {
                active: false,
                ..Queue::clone(self)
            }),
        }
    }
}

/// How tickets of a queue join sessions that are played and ask for players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBackfill {
    /// Against new matches.
    pub priority: Priority,
    /// Most players that one session gets at a time.
    pub players_per_refill_max: u32,
}

impl Default for QueueBackfill {
    fn default() -> Self {
        Self {
            priority: Priority::Normal,
            players_per_refill_max: 4,
        }
    }
}

/// What comes first: a session that asks for players, or a new match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// The session.
    High,
    /// The session, if it asked before the oldest ticket of the new match was created.
    Normal,
    /// The new match.
    Low,
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
    /// Players wanted of each role; who fills none is free.
    pub roles: BTreeMap<Name, u16>,
}

impl TeamSettings {
    /// One that wants no roles.
    pub fn new(name: Name, players_min: u16, players_max: u16) -> TeamSettings {
        TeamSettings {
            name,
            players_min,
            players_max,
            roles: BTreeMap::new(),
        }
    }
}

/// How the numbers of several players become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The arithmetic mean.
    Mean,
    /// All together.
    Sum,
}

/// In which order those who wait are tried for a match with the one who searches. Whom the oldest may play with is
/// decided before: nobody waits longer for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// A number; of a party as [`Queue::party_aggregate`] says.
    pub read: Reading,
    /// Which come first.
    pub order: SortOrder,
}

/// Which numbers come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// Those nearest to the number of the party that searches.
    Nearest,
    /// The lowest.
    Ascending,
    /// The highest.
    Descending,
}

/// How far a queue goes along with players who would rather not meet somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avoid {
    /// The most names on a player's list.
    pub players_max: u16,
    /// A wish before all others; `false`: they never meet.
    pub soft: bool,
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

impl AttributeSource {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            AttributeSource::Server => "server",
            AttributeSource::Claim => "claim",
            AttributeSource::Player => "player",
        }
    }
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
    /// At most 64 finite numbers, each with a text of at most 128 bytes as its key: skill by mode, for example.
    Numbers,
}

impl AttributeType {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            AttributeType::Number => "number",
            AttributeType::String => "string",
            AttributeType::Strings => "strings",
            AttributeType::Numbers => "numbers",
        }
    }

    /// What its values are, in words.
    pub fn values(self) -> &'static str {
        match self {
            AttributeType::Number => "a number",
            AttributeType::String => "a text",
            AttributeType::Strings => "a list of texts",
            AttributeType::Numbers => "a map of numbers",
        }
    }

    /// Whether a value is of this type, whether or not it may be so large or so long.
    pub fn holds(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (AttributeType::Number, Value::Number(_))
                | (AttributeType::String, Value::String(_))
                | (AttributeType::Strings, Value::Strings(_))
                | (AttributeType::Numbers, Value::Numbers(_))
        )
    }
}

/// An attribute that a queue declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// What it holds.
    pub kind: AttributeType,
    /// Who may set it.
    pub source: AttributeSource,
    /// `None`: a ticket without it is refused.
    pub default: Option<Value>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique in its queue; expansions and explanations name it.
    pub name: Name,
    /// `None`: it holds in every match. Else a match that keeps it is better by so much.
    pub prefer: Option<f64>,
    /// What it demands.
    pub kind: RuleKind,
}

impl RuleKind {
    /// Calls `see` with every attribute that the rule reads, its parts too, and its key if it reads one number of several.
    pub fn readings<'a>(&'a self, see: &mut dyn FnMut(&'a Name, Option<&'a String>)) {
        match self {
            RuleKind::Distance { read, .. }
            | RuleKind::Balance { read, .. }
            | RuleKind::Equal { read, .. }
            | RuleKind::Different { read, .. } => see(&read.attribute, read.key.as_ref()),
            RuleKind::Intersect { attribute, .. } | RuleKind::Contains { attribute, .. } => {
                see(attribute, None);
            }
            RuleKind::Compare { read, with, .. } => {
                see(&read.attribute, read.key.as_ref());
                if let Operand::Reading(other) = with {
                    see(&other.attribute, other.key.as_ref());
                }
            }
            RuleKind::All(parts) | RuleKind::Any(parts) => {
                parts.iter().for_each(|part| part.readings(see));
            }
            RuleKind::Not(part) => part.readings(see),
        }
    }
}

/// What a rule reads of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Declared by the queue.
    pub attribute: Name,
    /// Of an attribute of type [`AttributeType::Numbers`]: which of them.
    pub key: Option<String>,
}

impl Reading {
    /// A whole attribute.
    pub fn of(attribute: Name) -> Reading {
        Reading {
            attribute,
            key: None,
        }
    }
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}.{key}", self.attribute),
            None => write!(f, "{}", self.attribute),
        }
    }
}

/// Of whom a rule speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each player by himself, or any two of them.
    Player,
    /// Each party by itself, or any two of them.
    Party,
    /// Each team by itself.
    Team,
    /// All players of the match.
    Match,
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

impl Comparison {
    /// Whether `a` compares with `b` like this; of a NaN nothing is true but that it is unequal.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::AtLeast => a >= b,
            Self::Greater => a > b,
        }
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        })
    }
}

/// What the value of a rule `compare` is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A finite number.
    Number(f64),
    /// A text; only [`Comparison::Equal`] and [`Comparison::Unequal`], and only player by player.
    Text(String),
    /// Another number of the same players, taken together in the same way.
    Reading(Reading),
}

/// What a rule demands. A match is judged by the tightest limit that any of its tickets still demands.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// The numbers of any two parties, or of any two players, differ by at most `max`.
    Distance {
        /// A number.
        read: Reading,
        /// `Party` or `Player`.
        per: Scope,
        /// How a party's numbers become one; of parties only.
        of: Aggregate,
        /// Inclusive.
        max: f64,
    },
    /// The numbers of any two teams differ by at most `max`.
    Balance {
        /// A number.
        read: Reading,
        /// How the numbers of a team's players become one.
        of: Aggregate,
        /// Inclusive.
        max: f64,
    },
    /// All players of a match, or of each team, have the same value. Of a match it is part of the pool's key.
    Equal {
        /// A text or a number.
        read: Reading,
        /// `Match` or `Team`.
        per: Scope,
    },
    /// No two players of a match, or of a team, have the same value.
    Different {
        /// A text or a number.
        read: Reading,
        /// `Match` or `Team`.
        per: Scope,
    },
    /// All players of a match, or of each team, share at least `min` values.
    Intersect {
        /// A strings attribute.
        attribute: Name,
        /// `Match` or `Team`.
        per: Scope,
        /// At least one.
        min: usize,
    },
    /// So many players of a match, of each team or of one team have one of some texts.
    Contains {
        /// A string or strings attribute.
        attribute: Name,
        /// Any of them counts.
        values: Vec<String>,
        /// `Match` or `Team`.
        per: Scope,
        /// The index of the only team that is counted.
        team: Option<usize>,
        /// Fewest players.
        min: u32,
        /// Most players.
        max: Option<u32>,
    },
    /// A number compares with another as it should: of each player, of each party, of each team or of the match.
    Compare {
        /// A number; compared with a text, a text.
        read: Reading,
        /// Whose.
        per: Scope,
        /// How the numbers become one; not of single players.
        of: Aggregate,
        /// The index of the only team that is asked; players and parties of others are not.
        team: Option<usize>,
        /// How.
        by: Comparison,
        /// With what.
        with: Operand,
    },
    /// Every one of these.
    All(Vec<RuleKind>),
    /// At least one of these.
    Any(Vec<RuleKind>),
    /// Not this.
    Not(Box<RuleKind>),
}

/// A widening of one limit by a ticket's own age.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// Whose limit.
    pub target: ExpansionTarget,
    /// Ordered by `after`; limits only widen.
    pub steps: Vec<ExpansionStep>,
}

/// What an expansion widens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpansionTarget {
    /// The upper limit of the rule at this index of [`Queue::rules`], which grows; without one the rule is off.
    Rule(usize),
    /// The lower limit of the rule at this index, which falls.
    RuleMin(usize),
    /// [`RegionRules::max_latency`].
    MaxLatency,
    /// [`RegionRules::max_latency_delta`].
    MaxLatencyDelta,
    /// [`TeamSettings::players_min`] of the team at this index, which falls.
    TeamMin(usize),
}

/// One step of an expansion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpansionStep {
    /// Since the ticket was created.
    pub after: Millis,
    /// The limit from then on; `None`: no limit.
    pub limit: Option<f64>,
}
