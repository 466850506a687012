//! What a ticket must look like to be let into a queue: refused at the door, by name.

use model::queue::{Attribute, AttributeType, Queue, RuleKind};
use model::ticket::{TicketPlayer, Value};
use model::{Name, PlayerId, Ticket};

use crate::entry::{Apart, Fit, fit, rules_read};
use crate::plan::{Level, Plan};

/// The largest round trip that is believed, in milliseconds.
pub const LATENCY_MS_MAX: u32 = 10_000;
/// The largest magnitude of a number attribute; sums over a match stay exact enough below it.
pub const NUMBER_ABS_MAX: f64 = 1e15;
/// The most regions that a player may list.
pub const REGIONS_MAX: usize = 64;
/// The longest text of an attribute, in bytes.
pub const STRING_BYTES_MAX: usize = 128;
/// The most texts in an attribute of texts.
pub const STRINGS_MAX: usize = 64;

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
    #[error("teams: a party of {players} fits no team, the largest has {max} seats")]
    NoTeamFits {
        /// In the party.
        players: usize,
        /// The largest `max_players`.
        max: u16,
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
    /// An attribute of another type.
    #[error("attribute {attribute}: player {player} must give a {expected}")]
    AttributeType {
        /// The attribute.
        attribute: Name,
        /// Whose.
        player: PlayerId,
        /// In words.
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
    /// Too many texts, or one too long.
    #[error(
        "attribute {attribute}: player {player} gave more than {STRINGS_MAX} texts or one longer than {STRING_BYTES_MAX} bytes"
    )]
    TextTooLong {
        /// The attribute.
        attribute: Name,
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
        "latencies: player {player} gave {latency_ms} ms, more than {LATENCY_MS_MAX} is not believed"
    )]
    LatencyAbsurd {
        /// Whose.
        player: PlayerId,
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
        "{rule}: every allowed region is too far for somebody of the party, even after all expansions"
    )]
    NoRegionWithin {
        /// `regions.max_latency` or `regions.max_latency_delta`.
        rule: &'static str,
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
}

/// Whether a ticket may search in a queue. A missing attribute counts as its default.
///
/// Pings to regions that the queue does not allow are no error, as a player measures all there are: they are
/// ignored, and [`prepare`] drops them. Attributes that it does not declare are refused before, where the request
/// that brought them is known; here they are ignored, as those of an older version of the queue are.
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
        if let Some(&latency_ms) = player.latencies.values().find(|&&ms| ms > LATENCY_MS_MAX) {
            return Err(Rejection::LatencyAbsurd {
                player: player.player.clone(),
                latency_ms,
            });
        }
    }
    let plan = Plan::new(std::sync::Arc::new(queue.clone()));
    check_rules(&plan, ticket).map(|_| ())
}

/// Fills in the defaults of the queue's attributes and drops what the queue does not read.
pub fn prepare(queue: &Queue, ticket: &mut Ticket) {
    for player in &mut ticket.players {
        player
            .attributes
            .retain(|name, _| queue.attributes.contains_key(name) || rules_read(queue, name));
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
pub(crate) fn admit(plan: &Plan, ticket: &Ticket) -> Result<Fit, Rejection> {
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
    if players == 1 {
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
    for (name, attribute) in &queue.attributes {
        match player.attributes.get(name).or(attribute.default.as_ref()) {
            Some(value) => check_value(name, attribute, player, value)?,
            None => {
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
    let wrong = |expected| Rejection::AttributeType {
        attribute: name.clone(),
        player: player.player.clone(),
        expected,
    };
    let too_long = || Rejection::TextTooLong {
        attribute: name.clone(),
        player: player.player.clone(),
    };
    match (attribute.kind, value) {
        (AttributeType::Number, Value::Number(x)) if x.abs() <= NUMBER_ABS_MAX => Ok(()),
        (AttributeType::Number, Value::Number(_)) => Err(Rejection::NumberOutOfRange {
            attribute: name.clone(),
            player: player.player.clone(),
        }),
        (AttributeType::String, Value::String(text)) if text.len() <= STRING_BYTES_MAX => Ok(()),
        (AttributeType::String, Value::String(_)) => Err(too_long()),
        (AttributeType::Strings, Value::Strings(texts)) => {
            let fits = texts.len() <= STRINGS_MAX
                && texts.iter().all(|text| text.len() <= STRING_BYTES_MAX);
            if fits { Ok(()) } else { Err(too_long()) }
        }
        (AttributeType::Number, _) => Err(wrong("number")),
        (AttributeType::String, _) => Err(wrong("text")),
        (AttributeType::Strings, _) => Err(wrong("list of texts")),
    }
}

fn check_rules(plan: &Plan, ticket: &Ticket) -> Result<Fit, Rejection> {
    let fit = fit(plan, ticket).map_err(|apart| match apart {
        Apart::Rule(rule) => Rejection::PartyNotEqual { rule },
        Apart::Platform => Rejection::PartyCrossPlays,
    })?;
    let mut shared = fit.shared.iter();
    for rule in &plan.queue.rules {
        if let RuleKind::Intersect { min, .. } = rule.kind
            && let Some(values) = shared.next()
            && values.len() < min
        {
            return Err(Rejection::PartySharesTooFew {
                rule: rule.name.clone(),
                shared: values.len(),
                min,
            });
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
        let worst_ms = fit.pings.iter().map(|ping| ping.worst_ms);
        return Err(no_region_within(worst_ms, last));
    }
    Ok(fit)
}

/// Which rule keeps a party out of every region, by its longest round trip to each.
pub(crate) fn no_region_within(mut worst_ms: impl Iterator<Item = u32>, last: &Level) -> Rejection {
    let far = worst_ms.all(|ms| f64::from(ms) > last.max_latency);
    let rule = if far {
        "regions.max_latency"
    } else {
        "regions.max_latency_delta"
    };
    Rejection::NoRegionWithin { rule }
}
