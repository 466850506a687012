//! What a ticket must look like to be let into a queue: refused at the door, by name.

use std::cmp::Ordering;

use model::queue::{
    Attribute, AttributeType, NUMBER_ABS_MAX, Queue, STRING_BYTES_MAX, STRINGS_MAX, TeamSettings,
};
use model::ticket::{TicketPlayer, Value};
use model::{Name, PlayerId, Region, Ticket, Timestamp};

use crate::entry::{Apart, Fit, Ping, fit, keyed, texts};
use crate::party::Party;
use crate::plan::{Level, Plan};
use crate::roles;

/// The largest round trip that is believed, in milliseconds.
pub const LATENCY_MS_MAX: u32 = 10_000;
/// The most regions that a player may list.
pub const REGIONS_MAX: usize = 64;

/// One and several of what an attribute holds, in words.
const TEXT: (&str, &str) = ("text", "texts");
/// Of a map of numbers.
const KEY: (&str, &str) = ("key", "keys");

/// Parties of at most so many players are compared each with each.
const COMPARED_ALL_MAX: usize = 8;

/// Why a ticket may not queue.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// A ticket without players.
    #[error("a ticket needs at least one player")]
    NoPlayers,
    /// The same player twice.
    #[error("player {player} is in the party twice")]
    PlayerTwice {
        /// Who.
        player: PlayerId,
    },
    /// `party.max_players`.
    #[error("party.max_players: a party of {players} is more than {max}")]
    PartyTooBig {
        /// In the party.
        players: usize,
        /// The queue's limit.
        max: u16,
    },
    /// No team has so many seats.
    #[error("teams: a party of {players} fits no team, the largest has {max} {}", if *max == 1 { "seat" } else { "seats" })]
    NoTeamFits {
        /// In the party.
        players: usize,
        /// The largest `max_players`.
        max: u16,
    },
    /// No team that has room for the party leaves enough of it for the roles that it does not take.
    #[error(
        "roles: no team has room for this party of {players} and for the roles that none of its players takes; send others as players.ID.attributes.{attribute}"
    )]
    RolesLeftOver {
        /// In the party.
        players: usize,
        /// Where players say what they would take.
        attribute: Name,
    },
    /// An attribute without default is missing.
    #[error(
        "attribute {attribute}: player {player} has none, and the queue no default; send players.{player}.attributes.{attribute}"
    )]
    AttributeMissing {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
    },
    /// An attribute is missing, and its default is none that a player might give.
    #[error(
        "attribute {attribute}: player {player} has none, and the queue's default is no value that may be; send players.{player}.attributes.{attribute}"
    )]
    DefaultUnfit {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
    },
    /// An attribute of another type.
    #[error("attribute {attribute}: player {player} must give {expected}")]
    AttributeType {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
        /// Such as `a number`.
        expected: &'static str,
    },
    /// A number that is not finite or beyond [`NUMBER_ABS_MAX`].
    #[error("attribute {attribute}: player {player} gave a number that is not finite or too large")]
    NumberOutOfRange {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
    },
    /// Too many texts, or too many keys.
    #[error("attribute {attribute}: player {player} gave more than {STRINGS_MAX} {what}: {values}")]
    TooManyTexts {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
        /// How many.
        values: usize,
        /// In words.
        what: &'static str,
    },
    /// A text, or a key, that is too long.
    #[error(
        "attribute {attribute}: player {player} gave a {what} of {bytes} bytes, at most {STRING_BYTES_MAX} may be"
    )]
    TextTooLong {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
        /// How long.
        bytes: usize,
        /// In words.
        what: &'static str,
    },
    /// Of numbers by key, one that a rule reads is missing.
    #[error(
        "rule {rule}: player {player} has no {attribute}.{key}, and the queue no default; send players.{player}.attributes.{attribute}.{key}"
    )]
    KeyMissing {
        /// The rule.
        rule: Name,
        /// The attribute.
        attribute: Name,
        /// Which of its numbers.
        key: String,
        /// Whose.
        player: PlayerId,
    },
    /// No pings where the queue limits them.
    #[error(
        "{rule}: player {player} has measured no region; send players.{player}.latencies, the round trip in milliseconds to each region"
    )]
    LatenciesMissing {
        /// Whose.
        player: PlayerId,
        /// `regions.max_latency` or `regions.max_latency_delta`.
        rule: &'static str,
    },
    /// An absurd ping.
    #[error(
        "latencies: player {player} gave {latency_ms} ms to region {region}, more than {LATENCY_MS_MAX} is not believed"
    )]
    LatencyAbsurd {
        /// Whose.
        player: PlayerId,
        /// To where.
        region: Region,
        /// As given.
        latency_ms: u32,
    },
    /// More than [`REGIONS_MAX`] pings.
    #[error("latencies: player {player} listed more than {REGIONS_MAX} regions")]
    TooManyRegions {
        /// Whose.
        player: PlayerId,
    },
    /// No region that every player of the party listed is allowed.
    #[error("regions.allow: no allowed region is listed by every player of the party")]
    NoRegionAllowed,
    /// Every allowed region is too far for somebody, even when every expansion has come.
    #[error(
        "{rule}: every allowed region is too far for somebody of the party, even after all expansions{}",
        of_nearest(nearest.as_ref())
    )]
    NoRegionWithin {
        /// `regions.max_latency` or `regions.max_latency_delta`.
        rule: &'static str,
        /// The one that comes nearest to it; `None` where it is not known any more who measured what.
        nearest: Option<FarRegion>,
    },
    /// The party itself breaks an `equal` rule.
    #[error("rule {rule}: the players of the party differ")]
    PartyNotEqual {
        /// The rule.
        rule: Name,
    },
    /// Its players name different platforms, and the queue's session type has no `cross_play`.
    #[error("cross_play: the players of the party play on different platforms")]
    PartyCrossPlays,
    /// The party itself breaks an `intersect` rule.
    #[error("rule {rule}: the players of the party share {shared}, at least {min} are needed")]
    PartySharesTooFew {
        /// The rule.
        rule: Name,
        /// Values that all of them have.
        shared: usize,
        /// The rule's limit.
        min: usize,
    },
    /// A list of players to avoid, where the queue takes none.
    #[error(
        "avoid: this queue takes no list of players to avoid; leave out players.{player}.avoid"
    )]
    AvoidNotTaken {
        /// Whose.
        player: PlayerId,
    },
    /// More names than the queue takes.
    #[error(
        "avoid.max_players: player {player} avoids {names} players, at most {max} may be named"
    )]
    AvoidTooMany {
        /// Whose.
        player: PlayerId,
        /// On his list.
        names: usize,
        /// The queue's limit.
        max: u16,
    },
    /// The party itself must not meet.
    #[error("avoid: player {player} avoids {other}, with whom he queues")]
    PartyAvoids {
        /// Whose list.
        player: PlayerId,
        /// Who is on it.
        other: PlayerId,
    },
    /// No match with this party can keep a rule, whoever joins it.
    #[error("rule {rule}: {why}, whoever joins the party")]
    PartyBreaksRule {
        /// The rule.
        rule: Name,
        /// In words.
        why: String,
    },
    /// It would fill whatever team it were on, and breaks a rule there that others could have mended.
    #[error(
        "rule {rule}: {why}, and the party of {players} leaves no seat of its team to others{}",
        if *players > 1 { "; fewer may queue together" } else { "" }
    )]
    PartyFillsTeam {
        /// The rule.
        rule: Name,
        /// In words.
        why: String,
        /// In the party.
        players: usize,
    },
}

impl Rejection {
    /// What the request would have to say otherwise: a path in it, such as `players.ann.attributes.skill`; `players`
    /// where it is the party as a whole.
    pub fn place(&self) -> String {
        match self {
            Self::AttributeMissing { attribute, player }
            | Self::DefaultUnfit { attribute, player }
            | Self::AttributeType {
                attribute, player, ..
            }
            | Self::NumberOutOfRange { attribute, player }
            | Self::TooManyTexts {
                attribute, player, ..
            }
            | Self::TextTooLong {
                attribute, player, ..
            } => format!("players.{player}.attributes.{attribute}"),
            Self::KeyMissing {
                attribute,
                key,
                player,
                ..
            } => format!("players.{player}.attributes.{attribute}.{key}"),
            Self::LatencyAbsurd { player, region, .. } => {
                format!("players.{player}.latencies.{region}")
            }
            Self::LatenciesMissing { player, .. } | Self::TooManyRegions { player } => {
                format!("players.{player}.latencies")
            }
            Self::AvoidNotTaken { player }
            | Self::AvoidTooMany { player, .. }
            | Self::PartyAvoids { player, .. } => format!("players.{player}.avoid"),
            _ => "players".to_owned(),
        }
    }
}

/// A region that is too far for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct FarRegion {
    /// Which.
    pub region: Region,
    /// For whom it is the farthest.
    pub player: PlayerId,
    /// What is measured against the limit, in milliseconds.
    pub measured_ms: u32,
    /// The limit that his age will bring at last, in milliseconds.
    pub limit_ms: f64,
}

fn of_nearest(nearest: Option<&FarRegion>) -> String {
    let words = nearest.map(|far| {
        format!(
            "; the least too far is {}: {} ms for player {}, {} may be",
            far.region, far.measured_ms, far.player, far.limit_ms
        )
    });
    words.unwrap_or_default()
}

/// Whether a ticket may search in a queue. A missing attribute counts as its default.
///
/// Pings to regions that the queue does not allow are no error, as a player measures all there are: they are
/// ignored, and [`prepare`] drops them; whether they are regions at all is asked before, where all queues are known.
/// Attributes that it does not declare are refused before, where the request that brought them is known; here they are
/// ignored, as those of an older version of the queue are.
pub fn validate(queue: &Queue, ticket: &Ticket) -> Result<(), Rejection> {
    check_party(queue, ticket)?;
    for player in &ticket.players {
        check_attributes(queue, player)?;
        check_measured(queue, player)?;
        if player.latencies.len() > REGIONS_MAX {
            return Err(Rejection::TooManyRegions {
                player: player.player.clone(),
            });
        }
        let mut latencies = player.latencies.iter();
        if let Some((region, &latency_ms)) = latencies.find(|(_, ms)| **ms > LATENCY_MS_MAX) {
            return Err(Rejection::LatencyAbsurd {
                player: player.player.clone(),
                region: region.clone(),
                latency_ms,
            });
        }
    }
    check_avoid(queue, ticket)?;
    let plan = Plan::new(std::sync::Arc::new(queue.clone()));
    check_rules(&plan, ticket).map(|_| ())
}

/// Asked at the door only: who is in when his queue takes shorter lists, or none, stays as he is.
fn check_avoid(queue: &Queue, ticket: &Ticket) -> Result<(), Rejection> {
    for player in ticket.players.iter().filter(|p| !p.avoid.is_empty()) {
        let whose = || player.player.clone();
        let Some(avoid) = queue.avoid else {
            return Err(Rejection::AvoidNotTaken { player: whose() });
        };
        let names = player.avoid.len();
        if names > usize::from(avoid.players_max) {
            return Err(Rejection::AvoidTooMany {
                player: whose(),
                names,
                max: avoid.players_max,
            });
        }
        let mut party = ticket.players.iter().map(|other| &other.player);
        let other = party.find(|other| player.avoid.contains(*other));
        if let (false, Some(other)) = (avoid.soft, other) {
            return Err(Rejection::PartyAvoids {
                player: whose(),
                other: other.clone(),
            });
        }
    }
    Ok(())
}

/// Fills in the defaults of the queue's attributes and drops what the queue does not read.
pub fn prepare(queue: &Queue, ticket: &mut Ticket) {
    for player in &mut ticket.players {
        player
            .attributes
            .retain(|name, _| queue.attributes.contains_key(name) || reads(queue, name));
        for (name, attribute) in &queue.attributes {
            if let (Some(default), false) =
                (&attribute.default, player.attributes.contains_key(name))
            {
                player.attributes.insert(name.clone(), default.clone());
            }
        }
        // A player whose pings are all elsewhere must not turn into one who measured nothing.
        if let Some(allow) = &queue.regions.allow
            && player.latencies.keys().any(|region| allow.contains(region))
        {
            player.latencies.retain(|region, _| allow.contains(region));
        }
    }
}

/// The part that a compiled queue checks: also asked for each ticket when its queue is reloaded.
pub(crate) fn admit<'a>(plan: &'a Plan, ticket: &'a Ticket) -> Result<Fit<'a>, Rejection> {
    check_party(&plan.queue, ticket)?;
    for player in &ticket.players {
        check_attributes(&plan.queue, player)?;
        check_measured(&plan.queue, player)?;
    }
    check_rules(plan, ticket)
}

fn check_party(queue: &Queue, ticket: &Ticket) -> Result<(), Rejection> {
    let players = ticket.players.len();
    if players == 0 {
        return Err(Rejection::NoPlayers);
    }
    if players > usize::from(queue.party_players_max) {
        return Err(Rejection::PartyTooBig {
            players,
            max: queue.party_players_max,
        });
    }
    let max = queue.teams.iter().map(|t| t.players_max).max().unwrap_or(0);
    if players > usize::from(max) {
        return Err(Rejection::NoTeamFits { players, max });
    }
    let mut rest = ticket.players.iter();
    let twice = |rest: &mut std::slice::Iter<'_, TicketPlayer>| {
        let player = rest.next();
        player.is_some_and(|p| rest.clone().any(|other| other.player == p.player))
    };
    if players <= COMPARED_ALL_MAX && !(0..players).any(|_| twice(&mut rest)) {
        return Ok(());
    }
    let mut names: Vec<&PlayerId> = ticket.players.iter().map(|p| &p.player).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => Err(Rejection::PlayerTwice {
            player: pair
                .iter()
                .copied()
                .next()
                .cloned()
                .ok_or(Rejection::NoPlayers)?,
        }),
        None => Ok(()),
    }
}

/// Who measured nothing could be put anywhere, past every limit of latency.
fn check_measured(queue: &Queue, player: &TicketPlayer) -> Result<(), Rejection> {
    let rule = match (queue.regions.max_latency, queue.regions.max_latency_delta) {
        (Some(_), _) => "regions.max_latency",
        (None, Some(_)) => "regions.max_latency_delta",
        (None, None) => return Ok(()),
    };
    if player.latencies.is_empty() {
        let player = player.player.clone();
        return Err(Rejection::LatenciesMissing { player, rule });
    }
    Ok(())
}

fn check_attributes(queue: &Queue, player: &TicketPlayer) -> Result<(), Rejection> {
    // Both are ordered by name and walked side by side.
    let mut brought = player.attributes.iter().peekable();
    for (name, attribute) in &queue.attributes {
        let own = loop {
            match brought.peek().map(|(own, _)| (*own).cmp(name)) {
                Some(Ordering::Less) => brought.next(),
                Some(Ordering::Equal) => break brought.next().map(|(_, value)| value),
                Some(Ordering::Greater) | None => break None,
            };
        };
        match (own, &attribute.default) {
            (Some(own), _) => check_value(name, attribute, player, own)?,
            (None, Some(default)) => {
                // He gave nothing: it is the queue that is wrong.
                let unfit = |_| Rejection::DefaultUnfit {
                    attribute: name.clone(),
                    player: player.player.clone(),
                };
                check_value(name, attribute, player, default).map_err(unfit)?;
            }
            (None, None) => {
                return Err(Rejection::AttributeMissing {
                    attribute: name.clone(),
                    player: player.player.clone(),
                });
            }
        }
    }
    Ok(())
}

fn check_value(
    name: &Name,
    attribute: &Attribute,
    player: &TicketPlayer,
    value: &Value,
) -> Result<(), Rejection> {
    let out_of_range = || Rejection::NumberOutOfRange {
        attribute: name.clone(),
        player: player.player.clone(),
    };
    // Written so that a NaN is out of range.
    let in_range = |x: &f64| x.abs() <= NUMBER_ABS_MAX;
    match (attribute.kind, value) {
        (AttributeType::Number, Value::Number(x)) if in_range(x) => Ok(()),
        (AttributeType::Number, Value::Number(_)) => Err(out_of_range()),
        (AttributeType::String, Value::String(text)) => {
            check_texts(name, player, std::iter::once(text), TEXT)
        }
        (AttributeType::Strings, Value::Strings(texts)) => {
            check_texts(name, player, texts.iter(), TEXT)
        }
        (AttributeType::Numbers, Value::Numbers(numbers)) => {
            check_texts(name, player, numbers.keys(), KEY)?;
            match numbers.values().all(in_range) {
                true => Ok(()),
                false => Err(out_of_range()),
            }
        }
        (kind, _) => Err(Rejection::AttributeType {
            attribute: name.clone(),
            player: player.player.clone(),
            expected: kind.values(),
        }),
    }
}

/// Texts or keys: neither too many nor one too long.
fn check_texts<'t>(
    name: &Name,
    player: &TicketPlayer,
    texts: impl ExactSizeIterator<Item = &'t String>,
    (one, several): (&'static str, &'static str),
) -> Result<(), Rejection> {
    let (attribute, whose) = (|| name.clone(), || player.player.clone());
    let values = texts.len();
    if values > STRINGS_MAX {
        return Err(Rejection::TooManyTexts {
            attribute: attribute(),
            player: whose(),
            values,
            what: several,
        });
    }
    let mut lengths = texts.map(String::len);
    match lengths.find(|bytes| *bytes > STRING_BYTES_MAX) {
        Some(bytes) => Err(Rejection::TextTooLong {
            attribute: attribute(),
            player: whose(),
            bytes,
            what: one,
        }),
        None => Ok(()),
    }
}

fn check_rules<'a>(plan: &'a Plan, ticket: &'a Ticket) -> Result<Fit<'a>, Rejection> {
    let fit = fit(plan, ticket).map_err(|apart| match apart {
        Apart::Rule(rule) => Rejection::PartyNotEqual { rule },
        Apart::Platform => Rejection::PartyCrossPlays,
    })?;
    let queue = &*plan.queue;
    check_keys(plan, ticket)?;
    let teams = queue.teams.iter().enumerate();
    let has_room = |(_, team): &(usize, &TeamSettings)| has_room(queue, ticket, team);
    let mut teams = teams.filter(has_room).map(|(index, _)| index).peekable();
    if let (None, Some(attribute)) = (teams.peek(), &queue.role_attribute) {
        return Err(Rejection::RolesLeftOver {
            players: ticket.players.len(),
            attribute: attribute.clone(),
        });
    }
    let age = last_age(ticket.created_at, ticket.expires_at);
    Party::new(queue, ticket, age).judge(teams)?;
    if fit.anywhere {
        return Ok(fit);
    }
    if fit.pings.is_empty() {
        return Err(Rejection::NoRegionAllowed);
    }
    let last = plan.level(plan.level_at(age));
    if !fit.pings.iter().any(|ping| last.accepts(ping)) {
        return Err(too_far(queue, &fit, ticket, last));
    }
    Ok(fit)
}

/// The oldest that a ticket is matched at, in milliseconds: when its time is over it expires.
pub(crate) fn last_age(created_at: Timestamp, expires_at: Option<Timestamp>) -> u64 {
    let lives = expires_at.map(|at| at.since(created_at).0);
    lives.map_or(u64::MAX, |lives| lives.saturating_sub(1))
}

/// Whether a team has seats enough for the party and for whoever takes the roles that it leaves over.
fn has_room(queue: &Queue, ticket: &Ticket, team: &TeamSettings) -> bool {
    let Some(others) = usize::from(team.players_max).checked_sub(ticket.players.len()) else {
        return false;
    };
    let Some(attribute) = &queue.role_attribute else {
        return true;
    };
    let wanted: usize = team.roles.values().copied().map(usize::from).sum();
    // Most often others can take all of them.
    wanted <= others || fills(queue, ticket, team, attribute, others as u32)
}

/// Whether the party takes all roles of a team but so many.
fn fills(
    queue: &Queue,
    ticket: &Ticket,
    team: &TeamSettings,
    attribute: &Name,
    spare: u32,
) -> bool {
    let names: Vec<Name> = team.roles.keys().cloned().collect();
    let takes = ticket.players.iter().map(|player| {
        let own = texts(queue, player, attribute);
        roles::bits(own, &names).collect()
    });
    let takes: Vec<Vec<u64>> = takes.collect();
    let players: Vec<&[u64]> = takes.iter().map(Vec::as_slice).collect();
    roles::fill_roles(&players, &roles::seats(&team.roles), spare)
}

/// Whether any rule reads an attribute that the queue does not declare.
fn reads(queue: &Queue, name: &Name) -> bool {
    let mut found = false;
    for rule in &queue.rules {
        rule.kind
            .readings(&mut |attribute, _| found |= attribute == name);
    }
    found
}

/// Everybody has the number of every key that a rule reads.
fn check_keys(plan: &Plan, ticket: &Ticket) -> Result<(), Rejection> {
    let queue = &*plan.queue;
    for (rule, name, key) in &plan.keys {
        let lacks = |player: &&TicketPlayer| keyed(queue, player, name, key).is_none();
        if let Some(player) = ticket.players.iter().find(lacks) {
            return Err(Rejection::KeyMissing {
                rule: rule.clone(),
                attribute: name.clone(),
                key: key.clone(),
                player: player.player.clone(),
            });
        }
    }
    Ok(())
}

/// Which rule keeps a party out of every region, by its longest round trip to each.
pub(crate) fn no_region_within(worst_ms: impl Iterator<Item = u32>, last: &Level) -> Rejection {
    let rule = far_rule(worst_ms, last).0;
    Rejection::NoRegionWithin {
        rule,
        nearest: None,
    }
}

/// The same with its limit.
fn far_rule(mut worst_ms: impl Iterator<Item = u32>, last: &Level) -> (&'static str, f64) {
    match worst_ms.all(|ms| f64::from(ms) > last.max_latency) {
        true => ("regions.max_latency", last.max_latency),
        false => ("regions.max_latency_delta", last.max_latency_delta),
    }
}

/// Which region comes nearest to being no longer too far, and for whom it is.
fn too_far(queue: &Queue, fit: &Fit<'_>, ticket: &Ticket, last: &Level) -> Rejection {
    let worst_ms = fit.pings.iter().map(|ping| ping.worst_ms);
    let (rule, limit_ms) = far_rule(worst_ms, last);
    let is_allowed = |region: &Region| {
        let allow = queue.regions.allow.as_ref();
        allow.is_none_or(|allow| allow.contains(region))
    };
    let is_far = rule == "regions.max_latency";
    let measured = |ping: &Ping<'_>| match is_far {
        true => ping.worst_ms,
        false => ping.worst_delta_ms,
    };
    // What is within the one limit is beyond the other.
    let far = fit
        .pings
        .iter()
        .filter(|p| f64::from(measured(p)) > limit_ms);
    let nearest = far.min_by_key(|ping| measured(ping)).and_then(|ping| {
        let own_ms = |player: &TicketPlayer| {
            let allowed = player.latencies.iter().filter(|(to, _)| is_allowed(to));
            let best = allowed.map(|(_, ms)| *ms).min().filter(|_| !is_far);
            let own = player.latencies.get(ping.region);
            own.map(|ms| ms.saturating_sub(best.unwrap_or(0)))
        };
        let player = ticket.players.iter().max_by_key(|player| own_ms(player))?;
        Some(FarRegion {
            region: ping.region.clone(),
            player: player.player.clone(),
            measured_ms: measured(ping),
            limit_ms,
        })
    });
    Rejection::NoRegionWithin { rule, nearest }
}
