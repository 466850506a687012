//! The raw YAML of a queue: every knob with its range and default, before any rule between knobs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;
use super::raw::{ApiVersion, QueueKind, choices, sections, unnamed};
use crate::{Name, Region, ticket};

sections! {
    /// How parties become teams of a new session.
    #[schemars(title = "Muster queue", extend("required" = ["apiVersion", "kind", "name", "session_type", "teams"]))]
    struct Queue {
        /// The version of this format.
        #[serde(rename = "apiVersion")]
        api_version: ApiVersion = ApiVersion::V1,
        /// What this document describes.
        kind: QueueKind = QueueKind::Queue,
        /// Unique among queues, without regard to case.
        name: Name = unnamed(),
        /// A ticket may wait in several queues of one group at once. Omitted: the queue's own name.
        group: Option<Name> = None,
        /// `false`: paused, tickets wait.
        active: bool = true,
        /// Opening hours. Omitted: always open.
        open: Option<Vec<OpeningHours>> = None,
        /// The session type that a match becomes.
        session_type: Name = unnamed(),
        /// Where matches may be.
        regions: Regions = Regions::default(),
        /// The teams of a match: `{ count: 2, size: 4 }`, or a list with names for asymmetric games.
        teams: Teams = Teams::List(Vec::new()),
        /// Who may queue together; parties are never split.
        party: Party = Party::default(),
        /// What tickets bring along, by name.
        attributes: BTreeMap<Name, Attribute> = BTreeMap::new(),
        /// Where players say which roles they would take; if teams want `roles`.
        roles: Option<RoleSource> = None,
        /// What must hold in every match, or should.
        #[schemars(length(max = 32))]
        rules: Vec<Rule> = Vec::new(),
        /// In which order those who wait are tried. Omitted: the nearest by the first rule `distance` first.
        sort: Option<Sort> = None,
        /// How limits widen with the age of a ticket; both sides must accept each other.
        #[schemars(length(max = 32))]
        expansions: Vec<Expansion> = Vec::new(),
        /// Whether players are asked before a match becomes a session.
        acceptance: Acceptance = Acceptance::default(),
        /// What players pay who desert a match. Omitted: nothing.
        penalties: Option<Penalties> = None,
        /// Refilling running matches from this queue.
        backfill: Option<QueueBackfill> = None,
        /// Players that a player would rather not meet. Omitted: nobody may name any.
        avoid: Option<Avoid> = None,
        /// The life of a ticket.
        ticket: Ticket = Ticket::default(),
        /// From a match to a host.
        placement: PlacementRetries = PlacementRetries::default(),
        /// What is told about the time still to wait.
        estimates: Estimates = Estimates::default(),
    }

    /// When a queue is open.
    struct OpeningHours {
        /// On which days it opens. Omitted: on every day.
        days: Option<Vec<Day>> = None,
        /// From this time of day, `HH:MM`.
        from: String = "00:00".to_owned(),
        /// To this time of day, `HH:MM`, at most `24:00`; before `from` it is the next day's.
        to: String = "24:00".to_owned(),
        /// Time zone of IANA, such as `Europe/Berlin`.
        zone: String = "UTC".to_owned(),
    }

    /// Where matches may be.
    struct Regions {
        /// Only in these. Omitted: in every region that the party lists and the fleet serves.
        #[schemars(length(min = 1, max = 100))]
        allow: Option<Vec<Region>> = None,
        /// Highest latency of each player. Omitted: no limit.
        max_latency: Option<Duration> = None,
        /// Highest latency of each player above that to his own best region. Omitted: no limit.
        max_latency_delta: Option<Duration> = None,
    }

    /// Who may queue together.
    struct Party {
        /// The largest party. Omitted: as large as the largest team.
        #[schemars(range(min = 1, max = 100))]
        max_players: Option<u16> = None,
        /// How a party's numbers become one.
        aggregate: Aggregate = Aggregate::Mean,
    }

    /// Whether players are asked before a match becomes a session; who accepted goes back with his age.
    struct Acceptance {
        /// They are asked.
        required: bool = false,
        /// How long they may take.
        timeout: Duration = Duration::seconds(30),
    }

    /// What players pay who desert a match: they may not queue for a while, for longer each time.
    #[schemars(extend("required" = ["id"]))]
    struct Penalties {
        /// Queues with the same `id` refuse the same players.
        id: Name = unnamed(),
        /// How long for the first offence, the second, and so on; the last one counts for all further ones.
        #[schemars(length(min = 1, max = 16))]
        steps: Vec<Duration> = vec![Duration::seconds(300), Duration::seconds(900), Duration::seconds(3_600)],
        /// After so long without an offence the next one is the first again.
        forget_after: Duration = Duration::seconds(86_400),
        /// What counts: leaving a match while its game is running, and not accepting one.
        #[serde(rename = "for")]
        #[schemars(length(min = 1, max = 2))]
        offences: Vec<Offence> = vec![Offence::Left, Offence::NotAccepted],
    }

    /// Refilling running matches.
    struct QueueBackfill {
        /// Against new matches.
        priority: Priority = Priority::Normal,
        /// Most players at a time.
        #[schemars(range(min = 1, max = 100))]
        max_players_per_refill: u32 = 4,
    }

    /// Players that a player would rather not meet.
    struct Avoid {
        /// Most names on a player's list.
        #[schemars(range(min = 1, max = 32))]
        max_players: u16 = 3,
        /// `true`: a wish that counts before all others; `false`: they never meet.
        soft: bool = true,
    }

    /// The life of a ticket.
    struct Ticket {
        /// A ticket that found no match for this long expires; `null`: never.
        time_out: Option<Duration> = Some(Duration::seconds(300)),
        /// What a member who joins or leaves the party does to its ticket.
        on_party_change: OnPartyChange = OnPartyChange::Cancel,
    }

    /// From a match to a host.
    struct PlacementRetries {
        /// Failed placements after which tickets fail; before that they wait again with their age.
        #[schemars(range(max = 100))]
        retries: u32 = 3,
    }

    /// What is told about the time still to wait.
    struct Estimates {
        /// Shares of tickets, ascending, each above 0 and below 1: of each, the wait that it does not exceed is told
        /// to who waits.
        #[schemars(length(min = 1, max = 8))]
        quantiles: Vec<f64> = vec![0.5, 0.9],
    }
}

/// The teams of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Teams {
    /// Each team by name.
    List(#[schemars(length(min = 1, max = 50))] Vec<Team>),
    /// Equal teams.
    Equal(EqualTeams),
}

/// Equal teams, named `team-1`, `team-2` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EqualTeams {
    /// How many teams.
    #[schemars(range(min = 1, max = 50))]
    pub count: u8,
    /// Players of each.
    #[schemars(range(min = 1, max = 100))]
    pub size: u16,
}

/// One team of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Team {
    /// Unique in its queue.
    pub name: Name,
    /// Fewest players.
    #[schemars(range(min = 1, max = 100))]
    pub min_players: u16,
    /// Most players.
    #[schemars(range(min = 1, max = 100))]
    pub max_players: u16,
    /// Players wanted of each role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, u32>,
}

/// What tickets bring along.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attribute {
    /// What it holds.
    pub r#type: AttributeType,
    /// Who may set it.
    #[serde(default)]
    pub source: AttributeSource,
    /// Of tickets that bring none. Omitted: such tickets are refused.
    #[serde(default)]
    pub default: Option<ticket::Value>,
}

/// In which order those who wait are tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sort {
    /// An attribute of type `number` or `numbers`.
    pub by: Name,
    /// Which number of an attribute of type `numbers`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    pub key: Option<String>,
    /// Which come first.
    #[serde(default)]
    pub order: SortOrder,
}

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SortOrder {
    /// Those nearest to the number of the party that searches.
    #[default]
    Nearest,
    /// The lowest numbers.
    Ascending,
    /// The highest numbers.
    Descending,
}

/// Where players say which roles they would take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleSource {
    /// An attribute of type `strings`: the roles that a player would take, the dearest first.
    pub attribute: Name,
}

/// Declares what has the keys of a condition, with keys of its own before them.
macro_rules! conditions {
    ($(
        $(#[$struct_meta:meta])*
        struct $name:ident { $( $(#[$meta:meta])* $field:ident: $type:ty, )* }
    )*) => {$(
        $(#[$struct_meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $( $(#[$meta])* pub $field: $type, )*
            /// The numbers of any two parties, or players, differ by at most `max`.
            #[serde(default)]
            pub distance: Option<Name>,
            /// The numbers of any two teams differ by at most `max`.
            #[serde(default)]
            pub balance: Option<Name>,
            /// All players have the same text or number. `client_version`, the build that a player's client says it
            /// is, need not be declared.
            #[serde(default)]
            pub equal: Option<Name>,
            /// No two players have the same text or number.
            #[serde(default)]
            pub different: Option<Name>,
            /// All players share at least `min` texts.
            #[serde(default)]
            pub intersect: Option<Name>,
            /// At least `min` and at most `max` players have one of `values`.
            #[serde(default)]
            pub contains: Option<Name>,
            /// A number compares with `value`, or with the attribute `other`, as `op` says.
            #[serde(default)]
            pub compare: Option<Name>,
            /// Every one of these holds.
            #[serde(default)]
            #[schemars(length(min = 1, max = 16))]
            pub all: Option<Vec<Condition>>,
            /// At least one of these holds.
            #[serde(default)]
            #[schemars(length(min = 1, max = 16))]
            pub any: Option<Vec<Condition>>,
            /// This does not hold.
            #[serde(default)]
            pub not: Option<Box<Condition>>,
            /// Which number of an attribute of type `numbers`.
            #[serde(default)]
            #[schemars(length(min = 1, max = 128))]
            pub key: Option<String>,
            /// Of whom the rule speaks: any two players or parties, each team, the match.
            #[serde(default)]
            pub per: Option<Scope>,
            /// How the numbers of a party, a team or the match become one. Omitted: of parties as `party.aggregate`
            /// says, else the mean.
            #[serde(default)]
            pub of: Option<Aggregate>,
            /// The only team that the rule speaks of, by name.
            #[serde(default)]
            pub team: Option<Name>,
            /// How numbers compare.
            #[serde(default)]
            pub op: Option<Comparison>,
            /// What is looked for, or compared with.
            #[serde(default)]
            pub value: Option<NumberOrText>,
            /// What is looked for: any of these.
            #[serde(default)]
            #[schemars(length(min = 1, max = 64))]
            pub values: Option<Vec<String>>,
            /// The attribute to compare with.
            #[serde(default)]
            pub other: Option<Name>,
            /// The largest difference, or the most players.
            #[serde(default)]
            #[schemars(range(min = 0))]
            pub max: Option<f64>,
            /// The fewest texts or players. Omitted: 0 if `max` is given, else 1.
            #[serde(default)]
            #[schemars(range(min = 0, max = 5000))]
            pub min: Option<u32>,
        }
    )*};
}

conditions! {
    /// What must hold in every match: one of `distance`, `balance`, `equal`, `different`, `intersect`, `contains` and
    /// `compare`, each naming an attribute, or `all`, `any` or `not` of such.
    struct Rule {
        /// Unique in its queue; expansions name it. None of `avoid`, `created_before`, `cross_play`, `refused`, `regions`,
        /// `roles`, `seats` and `teams`, which explanations say of other things.
        name: Name,
        /// It need not hold: a match that keeps it is better by this weight.
        #[serde(default)]
        #[schemars(range(min = 0, max = 1000000))]
        prefer: Option<f64>,
    }
    /// Part of a rule `all`, `any` or `not`: a rule without a name.
    struct Condition {}
}

impl Rule {
    /// What it demands.
    pub fn condition(&self) -> Condition {
        let rule = self.clone();
        Condition {
            distance: rule.distance,
            balance: rule.balance,
            equal: rule.equal,
            different: rule.different,
            intersect: rule.intersect,
            contains: rule.contains,
            compare: rule.compare,
            all: rule.all,
            any: rule.any,
            not: rule.not,
            key: rule.key,
            per: rule.per,
            of: rule.of,
            team: rule.team,
            op: rule.op,
            value: rule.value,
            values: rule.values,
            other: rule.other,
            max: rule.max,
            min: rule.min,
        }
    }
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    /// Finite.
    Number(f64),
    /// As players have it.
    Text(String),
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Comparison {
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// The same; a text too.
    #[serde(rename = "=")]
    Equal,
    /// Not the same; a text too.
    #[serde(rename = "!=")]
    Unequal,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// More.
    #[serde(rename = ">")]
    Greater,
}

/// How one limit widens with the age of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expansion {
    /// The name of a rule, `regions.max_latency`, `regions.max_latency_delta`, or `teams.min_players`, of one team
    /// `teams.NAME.min_players`.
    pub rule: Name,
    /// Ordered by `after`; limits only grow.
    #[schemars(length(min = 1, max = 16))]
    pub steps: Vec<Step>,
}

/// One step of an expansion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Age of the ticket.
    pub after: Duration,
    /// The upper limit from then on: a number, of latencies a duration; `none` is no limit.
    #[serde(default)]
    pub max: Option<Limit>,
    /// The lower limit from then on.
    #[serde(default)]
    pub min: Option<f64>,
    /// The rule is given up from then on.
    #[serde(default)]
    pub off: bool,
}

/// A number, or a duration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Limit {
    /// Of a rule; of a latency, milliseconds.
    Number(#[schemars(range(min = 0))] f64),
    /// Of a latency.
    Duration(Duration),
    /// None at all.
    None(NoLimit),
}

/// The word for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoLimit {
    /// `none`.
    None,
}

/// Who may set an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttributeSource {
    /// Your own servers.
    #[default]
    Server,
    /// A claim of the player's token.
    Claim,
    /// The player himself: he may say what he likes; a claim of his token stands in for what he does not say.
    Player,
}

choices! {
    /// A day of the week.
    enum Day { Mon, Tue, Wed, Thu, Fri, Sat, Sun, }

    /// How the numbers of several players become one.
    enum Aggregate {
        /// The smallest.
        Min,
        /// The largest.
        Max,
        /// The arithmetic mean.
        Mean,
        /// All together.
        Sum,
    }

    /// Of whom a rule speaks.
    enum Scope {
        /// Each player, or any two of them.
        Player,
        /// Each party, or any two of them.
        Party,
        /// Each team.
        Team,
        /// All players.
        Match,
    }

    /// What an attribute holds.
    enum AttributeType {
        /// A number.
        Number,
        /// One text.
        String,
        /// A list of texts.
        Strings,
        /// Numbers by key.
        Numbers,
    }

    /// What a player pays for.
    enum Offence {
        /// He left while the game was running, or was lost and did not come back in time.
        Left,
        /// He refused a match, or did not answer in time.
        NotAccepted,
    }

    /// Against new matches.
    enum Priority { High, Normal, Low, }

    /// What a change of the party does to its ticket.
    enum OnPartyChange {
        /// It is canceled.
        Cancel,
    }
}
