//! Why a ticket is matched or is not, over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rfc3339;
use crate::ticket::{EndReason, TicketState};
use crate::{MatchId, Name, Region, SessionId, TicketId};

/// Where a ticket stands and why, in words and as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicketExplanation {
    /// Which.
    pub ticket: TicketId,
    /// The queue that `summary` and `search` are about: of several the one that was asked for, or the first in which it
    /// waits.
    pub queue: Name,
    /// Where it stands.
    pub state: TicketState,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// The match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_id: Option<MatchId>,
    /// The session that the match became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What there is to say, in English sentences, the most telling first.
    pub summary: Vec<String>,
    /// What is around it while it searches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchExplanation>,
    /// The same of each of its queues in its own order, while it searches in several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueExplanation>,
}

/// How a ticket stands in one of its queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueExplanation {
    /// Which.
    pub queue: Name,
    /// What there is to say, in English sentences, the most telling first.
    pub summary: Vec<String>,
    /// What is around it there; absent if it does not wait there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchExplanation>,
}

/// What is around a ticket that searches. Rules go by their names; `teams` stands for party sizes that fill no teams
/// together, `regions` for having none in common, `avoid` for being on a list of the ticket's own players, then
/// `regions.max_latency`, `regions.max_latency_delta` and `cross_play`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchExplanation {
    /// Whether its queue makes matches.
    pub queue_is: QueueGate,
    /// When it opens, if its hours alone keep it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Rfc3339>,
    /// How its search stands.
    pub progress: SearchProgress,
    /// Its place among those who wait with the same values of what must be equal; 1 is the oldest.
    pub position: u64,
    /// How many these are, itself among them.
    pub position_of: u64,
    /// How many wait in the queue.
    pub waiting: u64,
    /// The regions that it, its queue or both name.
    pub regions: Vec<RegionExplanation>,
    /// Other tickets that were counted.
    pub looked_at: u64,
    /// More wait than were looked at: the nearest were, and there may be more of everything that is counted.
    pub is_sample: bool,
    /// Those whom nothing keeps out, as far as two parties decide that.
    pub candidates: CrowdCount,
    /// The others, each counted once by the first thing that keeps it out; the most first.
    pub kept_out: Vec<KeptOutCount>,
    /// Whether the candidates can make a match.
    pub outlook: SearchOutlook,
    /// Players that the smallest match still needs, where they are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub players_missing: Option<u64>,
    /// Rules that only a whole match decides, where the outlook is open, without those that hold for all candidates
    /// anyway. `roles` stands for how players take roles, `avoid` for lists of players to avoid, if the queue keeps any
    /// strictly, `teams` for how teams are filled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided_rules: Vec<String>,
    /// How many players a match takes, in the region where fewest are missing.
    pub minimum: MinimumExplanation,
    /// What a match must have of roles and of texts that a rule `contains` counts, and too few within reach bring; only
    /// where that is known for certain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_of: Vec<ShortageExplanation>,
    /// Who comes within reach next; or the nearest, if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_miss: Option<MissExplanation>,
    /// The sessions of its queue that are played and ask for players; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionsExplanation>,
    /// The ticket's own limits that widen next, all at the same time.
    pub next_expansion: Vec<ExpansionExplanation>,
}

/// Whether a queue makes matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueGate {
    /// It does.
    Open,
    /// Not until it is set active.
    Paused,
    /// Not at this hour.
    Closed,
}

/// How a ticket's search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchProgress {
    /// All was tried, until a limit widens or somebody comes.
    Done,
    /// Its budget ended; it goes on at once.
    PutOff,
    /// It was given up for its budget before every combination was tried; `summary` says when it is begun anew.
    GivenUp,
    /// It is done, but that of another ticket was given up, so not every combination with this one need have been tried.
    Unsure,
    /// A match with it is being made.
    InMatch,
}

/// Whether candidates can make a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchOutlook {
    /// They can, now.
    Possible,
    /// They are too few.
    TooFew,
    /// They are enough, but their sizes and the distances between them fill no teams.
    CannotFillTeams,
    /// They are enough, but too few of them bring what a match must have; `short_of` says what.
    ShortOf,
    /// No match of them is known that keeps the rules of whole matches too.
    Open,
}

/// Tickets with their players.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CrowdCount {
    /// Parties.
    pub tickets: u64,
    /// In all of them.
    pub players: u64,
}

/// Tickets that one thing keeps out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptOutCount {
    /// What does.
    pub rule: String,
    /// Whom.
    pub tickets: u64,
}

/// A region as a ticket sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionExplanation {
    /// Which.
    pub region: Region,
    /// Whether the ticket may be played there.
    pub standing: RegionStanding,
    /// The round trip of the player who is farthest, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Candidates who may be played there too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<CrowdCount>,
    /// The limit that it is beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is measured against that limit, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_ms: Option<u32>,
    /// The limit, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<f64>,
    /// When a widening brings it; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub considered_at: Option<Rfc3339>,
}

/// Whether a ticket may be played in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionStanding {
    /// It may.
    Considered,
    /// Somebody's latency is above a limit.
    TooFar,
    /// The queue does not allow the region.
    NotAllowed,
    /// Not every player of the party listed it.
    NotListed,
}

/// Those outside of reach who are nearest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MissExplanation {
    /// What keeps them out now.
    pub rule: String,
    /// What that rule reads, if it is one of distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Parties.
    pub tickets: u64,
    /// Their players.
    pub players: u64,
    /// How far the farthest of them is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// How far the ticket itself reaches; absent: any distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_limit: Option<f64>,
    /// How far they reach, the one who reaches least; absent: any distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub their_limit: Option<f64>,
    /// When nothing keeps them apart any more; absent: no widening brings that while both wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<Rfc3339>,
    /// The same from now, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_in_ms: Option<u64>,
}

/// A limit that widens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpansionExplanation {
    /// Whose limit; `teams.NAME.min_players` for that of a team.
    pub rule: String,
    /// The limit now; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// The limit from then on; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// From then on the rule no longer holds for the ticket.
    pub off: bool,
    /// When.
    pub at: Rfc3339,
    /// The same from now, in milliseconds.
    pub in_ms: u64,
}

/// How many players a match takes, which may fall as tickets grow older.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MinimumExplanation {
    /// Players of the smallest match now, by the most demanding of the ticket and those who could play with it.
    pub players: u64,
    /// Players that whoever comes asks for at first.
    pub of_newcomers: u64,
    /// While too few are there: when fewer are enough for those who wait now, the next first, at most eight.
    pub falls: Vec<FallExplanation>,
}

/// A role or a text that too few bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShortageExplanation {
    /// The role that players are to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Or the rule `contains` that counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The texts of which that rule counts any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The attribute in which players bring it.
    pub attribute: Name,
    /// Players of the smallest match who must bring it.
    pub players: u64,
    /// Players of the ticket and of those who could play with it who do; of one party as many as a team has use for.
    pub found: u64,
    /// Players who are still missing.
    pub players_missing: u64,
}

/// From when on fewer players are enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FallExplanation {
    /// Players of the smallest match from then on.
    pub players: u64,
    /// Players who are then still missing.
    pub players_missing: u64,
    /// How long each of these must have waited, in milliseconds.
    pub waited_ms: u64,
    /// When.
    pub at: Rfc3339,
    /// The same from now, in milliseconds.
    pub in_ms: u64,
}

/// Sessions that are played and ask a queue for players, as a ticket sees them. What keeps it from them goes by names as
/// for tickets; besides, `seats` where no team wants so many players as the party has, `created_before` where only
/// tickets join that were created earlier, `refused` where the session does not take it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsExplanation {
    /// How many ask now.
    pub asking: u64,
    /// More ask than were looked at: the nearest were, and there may be more of everything that is counted.
    pub is_sample: bool,
    /// From how many nothing keeps the ticket, as far as it and each party who plays decide that.
    pub open: u64,
    /// The others, each counted once by the first thing that keeps the ticket from it; the most first.
    pub kept_from: Vec<KeptFromCount>,
    /// Rules that only all who would play together decide, where some are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided_rules: Vec<String>,
    /// What comes within reach next; or the nearest by a distance, if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest_miss: Option<SessionMissExplanation>,
}

/// Sessions that one thing keeps a ticket from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptFromCount {
    /// What does.
    pub rule: String,
    /// How many.
    pub sessions: u64,
}

/// A session outside of reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionMissExplanation {
    /// What keeps the ticket from it now.
    pub rule: String,
    /// What that rule reads, if it is one of distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// How far apart those who play would be at most, the ticket among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// How far the ticket accepts; absent: any distance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// When nothing keeps the ticket from it any more; absent: no widening brings that while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<Rfc3339>,
    /// The same from now, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_in_ms: Option<u64>,
}
