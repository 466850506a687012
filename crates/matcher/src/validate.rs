//! What a ticket must look like to be let into a queue: refused at the door, by name.

use std::cmp::Ordering;

use model::queue::{
    Attribute, AttributeType, Comparison, ExpansionTarget, NUMBER_ABS_MAX, Operand, Queue, Reading,
    RuleKind, STRING_BYTES_MAX, STRINGS_MAX, Scope, TeamSettings,
};
use model::ticket::{TicketPlayer, Value};
use model::{Name, PlayerId, Region, Ticket};

use crate::entry::{Apart, Fit, Ping, fit, keyed, number, text, texts, value};
use crate::finals::{base, has_any, shared, steps, summed};
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
    check_keys(&plan.queue, ticket)?;
    check_roles(&plan.queue, ticket)?;
    let party = std::cell::LazyCell::new(|| Party {
        queue: &plan.queue,
        players: ticket.players.iter().collect(),
    });
    for (index, rule) in plan.queue.rules.iter().enumerate() {
        // What the whole match has in common is the key of its pool, which the party has by now; and a party is one
        // number, from which nobody differs, to a distance between parties.
        let is_kept = match &rule.kind {
            RuleKind::Equal { per, .. } => *per == Scope::Match,
            RuleKind::Distance { per, .. } => *per == Scope::Party,
            _ => false,
        };
        if rule.prefer.is_some() || is_kept {
            continue;
        }
        if let Some(limits) = last_limits(&plan.queue, index, &rule.kind) {
            party.judge(&rule.name, &rule.kind, limits)?;
        }
    }
    if fit.anywhere {
        return Ok(fit);
    }
    if fit.pings.is_empty() {
        return Err(Rejection::NoRegionAllowed);
    }
    let last = plan.last_level();
    if !fit.pings.iter().any(|ping| last.accepts(ping)) {
        return Err(too_far(plan, &fit, ticket));
    }
    Ok(fit)
}

/// Some team has seats enough for the party and for whoever takes the roles that it leaves over.
fn check_roles(queue: &Queue, ticket: &Ticket) -> Result<(), Rejection> {
    let Some(attribute) = &queue.role_attribute else {
        return Ok(());
    };
    let players = ticket.players.len();
    let takes = |team: &TeamSettings| {
        let Some(others) = usize::from(team.players_max).checked_sub(players) else {
            return false;
        };
        let wanted: usize = team.roles.values().copied().map(usize::from).sum();
        // Most often others can take all of them.
        wanted <= others || fills(queue, ticket, team, attribute, others as u32)
    };
    if queue.teams.iter().any(takes) {
        return Ok(());
    }
    Err(Rejection::RolesLeftOver {
        players,
        attribute: attribute.clone(),
    })
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
fn check_keys(queue: &Queue, ticket: &Ticket) -> Result<(), Rejection> {
    for rule in &queue.rules {
        let mut read: Vec<(&Name, &String)> = Vec::new();
        rule.kind.readings(&mut |name, key| {
            read.extend(key.map(|key| (name, key)));
        });
        for (name, key) in read {
            let lacks = |player: &&TicketPlayer| keyed(queue, player, name, key).is_none();
            if let Some(player) = ticket.players.iter().find(lacks) {
                return Err(Rejection::KeyMissing {
                    rule: rule.name.clone(),
                    attribute: name.clone(),
                    key: key.clone(),
                    player: player.player.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The limits of a rule when every expansion has come; `None`: it will be given up.
fn last_limits(queue: &Queue, index: usize, kind: &RuleKind) -> Option<(f64, f64)> {
    let (mut max, mut min) = base(kind);
    for limit in steps(queue, &ExpansionTarget::Rule(index), u64::MAX) {
        max = max.max(limit?);
    }
    for limit in steps(queue, &ExpansionTarget::RuleMin(index), u64::MAX) {
        min = min.min(limit.unwrap_or(f64::NEG_INFINITY));
    }
    Some((max, min))
}

/// A party that asks whether any match could have it.
struct Party<'a> {
    queue: &'a Queue,
    players: Vec<&'a TicketPlayer>,
}

impl Party<'_> {
    /// Refuses what no other players can mend.
    fn judge(&self, rule: &Name, kind: &RuleKind, limits: (f64, f64)) -> Result<(), Rejection> {
        match self.breaks(kind, limits) {
            None => Ok(()),
            Some(_) if matches!(kind, RuleKind::Equal { .. }) => {
                Err(Rejection::PartyNotEqual { rule: rule.clone() })
            }
            Some(why) => match kind {
                RuleKind::Intersect { attribute, .. } => Err(Rejection::PartySharesTooFew {
                    rule: rule.clone(),
                    shared: shared(self.queue, &self.players, attribute),
                    min: limits.1 as usize,
                }),
                _ => Err(Rejection::PartyBreaksRule {
                    rule: rule.clone(),
                    why,
                }),
            },
        }
    }

    /// How the party alone already breaks a rule, in words.
    fn breaks(&self, kind: &RuleKind, (max, min): (f64, f64)) -> Option<String> {
        let part = |kind: &RuleKind| self.breaks(kind, base(kind));
        match kind {
            RuleKind::Distance {
                read,
                per: Scope::Player,
                ..
            } => {
                let numbers = || self.players.iter().map(|p| number(self.queue, p, read));
                let high = numbers().fold(f64::NEG_INFINITY, f64::max);
                let gap = high - numbers().fold(f64::INFINITY, f64::min);
                (gap > max).then(|| format!("its players differ by {gap} in {read}, {max} may be"))
            }
            RuleKind::Equal { read, .. } => {
                let mut texts = self.players.iter().map(|p| text(self.queue, p, read));
                let first = texts.next();
                let differ = texts.any(|text| Some(&text) != first.as_ref());
                differ.then(|| format!("its players differ in {read}"))
            }
            RuleKind::Different { read, .. } => (self.kinds(read) < self.players.len())
                .then(|| format!("two of its players have the same {read}")),
            RuleKind::Intersect { attribute, .. } => {
                let n = shared(self.queue, &self.players, attribute);
                ((n as f64) < min).then(|| format!("its players share {n} of {attribute}"))
            }
            RuleKind::Contains {
                attribute,
                values,
                team: None,
                ..
            } => {
                let has = |p: &&&TicketPlayer| has_any(self.queue, p, attribute, values);
                let n = self.players.iter().filter(has).count();
                let list = values.join(" or ");
                let have = if n == 1 { "has" } else { "have" };
                (n as f64 > max).then(|| format!("{n} of its players {have} {list}, {max} may"))
            }
            RuleKind::Compare { team: None, .. } => self.breaks_compare(kind, (max, min)),
            RuleKind::All(parts) => parts.iter().find_map(part),
            RuleKind::Any(parts) => {
                let broken = parts.iter().map(part);
                let all = broken.collect::<Option<Vec<String>>>()?;
                (!all.is_empty()).then(|| all.join(" and "))
            }
            _ => None,
        }
    }

    fn breaks_compare(&self, kind: &RuleKind, (max, min): (f64, f64)) -> Option<String> {
        let RuleKind::Compare {
            read,
            per,
            of,
            by,
            with,
            ..
        } = kind
        else {
            return None;
        };
        let figure = |players: &[&TicketPlayer], read: &Reading| {
            summed(*of, players.iter().map(|p| number(self.queue, p, read)))
        };
        let judge = |players: &[&TicketPlayer], whose: &str| {
            let own = figure(players, read);
            let other = match with {
                Operand::Number(_) if matches!(by, Comparison::Less | Comparison::AtMost) => max,
                Operand::Number(_) => min,
                Operand::Reading(other) => figure(players, other),
                Operand::Text(_) => return None,
            };
            (!by.holds(own, other)).then(|| {
                let given = players.iter().any(|player| is_given(player, read));
                let by_default = if given { "" } else { " by default" };
                format!("{whose} has {read} {own}{by_default}, not {by} {other}")
            })
        };
        match (per, with) {
            (Scope::Player, Operand::Text(wanted)) => self.players.iter().find_map(|player| {
                let own = value(self.queue, player, &read.attribute);
                let is = matches!(own, Some(model::ticket::Value::String(own)) if own == wanted);
                (is != (*by == Comparison::Equal)).then(|| {
                    let own = text(self.queue, player, read);
                    let given = is_given(player, read);
                    let by_default = if given { "" } else { " by default" };
                    format!(
                        "player {} has {read} {own}{by_default}, not {by} {wanted}",
                        player.player
                    )
                })
            }),
            (Scope::Player, _) => self
                .players
                .iter()
                .find_map(|player| judge(&[player], &format!("player {}", player.player))),
            (Scope::Party, _) => judge(&self.players, "the party"),
            (Scope::Team | Scope::Match, _) => None,
        }
    }

    /// How many different values its players have.
    fn kinds(&self, read: &Reading) -> usize {
        let texts = self.players.iter().map(|p| text(self.queue, p, read));
        texts.collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// Whether a player brought it himself; otherwise it is the queue's default.
fn is_given(player: &TicketPlayer, read: &Reading) -> bool {
    match (player.attributes.get(&read.attribute), &read.key) {
        (Some(Value::Numbers(numbers)), Some(key)) => numbers.contains_key(key),
        (own, _) => own.is_some(),
    }
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
fn too_far(plan: &Plan, fit: &Fit<'_>, ticket: &Ticket) -> Rejection {
    let worst_ms = fit.pings.iter().map(|ping| ping.worst_ms);
    let (rule, limit_ms) = far_rule(worst_ms, plan.last_level());
    let is_allowed = |region: &Region| {
        let allow = plan.queue.regions.allow.as_ref();
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
