//! Explanations in sentences for people: the one place where they are made.

use model::ticket::{EndReason, TicketState};
use model::{Millis, Name, Ticket, Timestamp};

use crate::explain::{
    Crowd, Explanation, Gate, KeptOut, NearestMiss, Outlook, RegionStanding, RegionView, Search,
    Widening,
};
use crate::explain_sessions::{SessionMiss, Sessions};
use crate::minimum::Fall;
use crate::pool::EXACT_TICKETS_MAX;
use crate::shortage::Shortage;

/// Decimals of a number, where two numbers need not be told apart.
const DECIMALS: i32 = 2;
/// With so many a number stands as it is.
const DECIMALS_MAX: i32 = 15;

/// Where a ticket stands, in one sentence, whether it searches or not.
pub fn ticket_sentence(ticket: &Ticket) -> String {
    let why = match ticket.reason {
        Some(EndReason::Assigned) => "every player has a seat in a session that can be joined",
        Some(EndReason::Backfilled) => {
            "every player has a seat in a session that was played and had free ones"
        }
        Some(EndReason::LeftQueue) => "the leader took it back",
        Some(EndReason::Timeout) => "it waited as long as its party or the queue allows",
        Some(EndReason::PartyChanged) => "somebody joined or left the party",
        Some(EndReason::QueueRemoved) => "its queue is no longer there",
        Some(EndReason::QueueChanged) => "its queue was changed and no longer takes it",
        Some(EndReason::PlacementFailed) => "no host could be found for its match",
        Some(EndReason::SessionEnded) => "its session ended",
        Some(EndReason::NotAccepted) => "somebody of it did not accept a match",
        None => "",
    };
    let state = match ticket.state {
        TicketState::Searching => "The ticket searches.",
        TicketState::Proposed => "The ticket is in a match that waits for everybody's word.",
        TicketState::Placing => "The ticket is in a match whose session waits for its host.",
        TicketState::Found => "The ticket is matched",
        TicketState::Expired => "The ticket has expired",
        TicketState::Canceled => "The ticket is canceled",
        TicketState::Failed => "The ticket has failed",
    };
    match (state.strip_suffix('.'), why) {
        (Some(_), _) => state.to_owned(),
        (None, "") => format!("{state}."),
        (None, why) => format!("{state}: {why}."),
    }
}

/// Of a ticket that waits in several queues: where else it does.
pub fn elsewhere_sentence(others: &[Name]) -> Option<String> {
    let queue = if others.len() == 1 { "queue" } else { "queues" };
    let names: Vec<String> = others.iter().map(Name::to_string).collect();
    (!names.is_empty()).then(|| format!("The ticket waits in {queue} {} too.", list(&names)))
}

/// Of a queue in which a ticket searches no longer: the match in another, if there is one.
pub fn absence_sentence(queue: &Name, matched_in: Option<&Name>) -> String {
    match matched_in {
        Some(other) => format!("A match with this ticket is being made in queue {other}."),
        None => format!("The ticket does not wait in queue {queue} now."),
    }
}

/// What an explanation says, the most telling first.
pub fn sentences(said: &Explanation) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(gate(said));
    if said.search == Search::InMatch {
        all.push("A match with this ticket is being made.".to_owned());
        return all;
    }
    all.push(outlook(said));
    all.extend(falls(said));
    if said.outlook != Outlook::ShortOf && !said.short_of.is_empty() {
        all.push(capital(&format!("{}.", short_of(said))));
    }
    all.extend(
        said.nearest_miss
            .as_ref()
            .map(|miss| nearest(miss, said.now)),
    );
    all.push(candidates(said));
    if let Some(sessions) = &said.sessions {
        all.push(asking(sessions));
        let miss = sessions.nearest_miss.as_ref();
        all.extend(miss.map(|miss| nearest_session(miss, said.now)));
    }
    all.extend(said.regions.iter().map(|view| region(view, said.now)));
    all.extend(position(said));
    all.extend(next(&said.next, said.now));
    all.extend(progress(said));
    all
}

/// What was not tried, and when it is.
fn progress(said: &Explanation) -> Option<String> {
    let small = match said.position.of {
        0..=EXACT_TICKETS_MAX => "somebody leaves".to_owned(),
        _ => format!("no more than {EXACT_TICKETS_MAX} wait here"),
    };
    match said.search {
        Search::PutOff => Some("Its search is not finished and goes on at once.".to_owned()),
        Search::GivenUp { as_oldest } => {
            let widens = (!said.next.is_empty()).then(|| "its limits widen".to_owned());
            let oldest = (!as_oldest).then(|| "it has become the oldest here".to_owned());
            let fewer = (as_oldest && said.position.of > EXACT_TICKETS_MAX)
                .then(|| "a quarter have gone since".to_owned());
            let again = widens.into_iter().chain(oldest).chain(fewer);
            let again: Vec<String> = again.chain([small]).collect();
            Some(format!(
                "Its last search was given up for its length, so not every combination was tried; it is begun anew when {}, and whoever comes is tried at once.",
                either(&again)
            ))
        }
        Search::Unsure => Some(format!(
            "The search of another ticket here was given up for its length, so not every combination with this one need have been tried; such a search is begun anew when its ticket's limits widen, when that has become the oldest here or {small}."
        )),
        Search::Done | Search::InMatch => None,
    }
}

fn gate(said: &Explanation) -> Option<String> {
    let queue = &said.queue;
    match said.gate {
        Gate::Open => None,
        Gate::Paused => Some(format!("Queue {queue} is paused; tickets wait.")),
        Gate::Closed { opens_at: None } => Some(format!("Queue {queue} is closed; tickets wait.")),
        Gate::Closed { opens_at: Some(at) } => Some(format!(
            "Queue {queue} is closed and opens {}; tickets wait.",
            until(at, said.now)
        )),
    }
}

fn outlook(said: &Explanation) -> String {
    match &said.outlook {
        Outlook::Possible => match said.gate {
            Gate::Open => "A match is possible now and is looked for.".to_owned(),
            Gate::Paused | Gate::Closed { .. } => {
                "A match is possible as soon as the queue makes matches again.".to_owned()
            }
        },
        Outlook::TooFew { players } => match said.nearest_miss.as_ref().and_then(within) {
            Some(within) => format!("{} wanted {within}.", more(*players)),
            None => format!("{} wanted.", more(*players)),
        },
        Outlook::CannotFillTeams => {
            "There are players enough, but their parties' sizes and the distances between them fill no teams."
                .to_owned()
        }
        Outlook::ShortOf => {
            let are = if said.is_sample { "may be" } else { "are" };
            format!("There {are} players enough, but {}.", short_of(said))
        }
        Outlook::Open { rules } => format!(
            "There may be players enough; no match of them is known that keeps {} too.",
            undecided(rules)
        ),
    }
}

/// What a match must have and who comes does not bring enough of.
fn short_of(said: &Explanation) -> String {
    let each: Vec<String> = said.short_of.iter().map(shortage).collect();
    list(&each)
}

fn shortage(short: &Shortage) -> String {
    let (players, is_wanted) = match short.players {
        1 => ("1 player".to_owned(), "is wanted"),
        n => (format!("{n} players"), "are wanted"),
    };
    let here = match short.found {
        0 => "nobody within reach is one".to_owned(),
        1 => "1 is within reach".to_owned(),
        n => format!("{n} are within reach"),
    };
    let values = either(&short.values);
    match &short.rule {
        None => format!("{players} who would take role {values} {is_wanted} ({here})"),
        Some(rule) => format!("{players} with {values} {is_wanted} by rule {rule} ({here})"),
    }
}

/// Rules and the like that are not decided, in words.
fn undecided(rules: &[String]) -> String {
    let words = rules.iter().map(|rule| match rule.as_str() {
        "avoid" => "lists of players to avoid".to_owned(),
        rule => rule.to_owned(),
    });
    list(&words.collect::<Vec<String>>())
}

/// When fewer are enough, while too few are there.
fn falls(said: &Explanation) -> Vec<String> {
    let Outlook::TooFew { .. } = said.outlook else {
        return Vec::new();
    };
    let minimum = &said.minimum;
    let mut all = Vec::new();
    if minimum.of_newcomers > minimum.players {
        all.push(format!(
            "Whoever comes asks for {} players at first.",
            minimum.of_newcomers
        ));
    }
    let each: Vec<String> = minimum
        .falls
        .iter()
        .map(|one| fall(one, said.now))
        .collect();
    if !each.is_empty() {
        all.push(capital(&format!("{}.", list(&each))));
    }
    all
}

fn fall(fall: &Fall, now: Timestamp) -> String {
    let players = match fall.players {
        1 => "1 player is".to_owned(),
        n => format!("{n} players are"),
    };
    let enough = format!("{} {players} enough", until(fall.at, now));
    match fall.missing {
        0 => enough,
        _ => format!("{enough} who have each waited {}", span(fall.waited)),
    }
}

fn more(players: u64) -> String {
    match players {
        1 => "1 more player is".to_owned(),
        n => format!("{n} more players are"),
    }
}

/// The ticket's own reach.
fn within(miss: &NearestMiss) -> Option<String> {
    let (attribute, limit) = miss.attribute.as_ref().zip(miss.own_limit)?;
    match limit.is_finite() {
        true => Some(format!("within {attribute} {}", beside(limit, miss))),
        false => None,
    }
}

fn nearest(miss: &NearestMiss, now: Timestamp) -> String {
    let who = crowd(miss.waiting);
    let waits = verb(miss.waiting, "waits", "wait");
    let rule = &miss.rule;
    let far = match (&miss.attribute, miss.gap) {
        (Some(attribute), Some(gap)) => {
            let theirs = match (miss.own_limit, miss.their_limit) {
                (Some(own), Some(their)) if their < own => {
                    format!(
                        ", where {} to be within {}",
                        verb(miss.waiting, "it asks", "they ask"),
                        beside(their, miss)
                    )
                }
                _ => String::new(),
            };
            format!(
                "{who} {waits} at {attribute} {} from yours{theirs}",
                beside(gap, miss)
            )
        }
        _ => format!("{who} {waits} behind {}", thing(rule)),
    };
    match miss.reached_at {
        Some(at) => format!("{far}; you reach each other {}.", until(at, now)),
        None => format!("{far}; no widening brings you together."),
    }
}

fn candidates(said: &Explanation) -> String {
    let least = if said.is_sample { "at least " } else { "" };
    let could = format!("{least}{} could play with you", crowd(said.candidates));
    let kept: Vec<String> = said
        .kept_out
        .iter()
        .map(|kept| kept_out(kept, least))
        .collect();
    let all = match kept.as_slice() {
        [] => format!("{could}."),
        kept => format!("{could}; kept out are {}.", list(kept)),
    };
    capital(&all)
}

fn kept_out(kept: &KeptOut, least: &str) -> String {
    format!("{least}{} by {}", kept.tickets, thing(&kept.rule))
}

/// How many sessions ask for players, and what keeps the ticket from them.
fn asking(said: &Sessions) -> String {
    let least = if said.is_sample { "at least " } else { "" };
    let ask = match said.asking {
        1 => format!("{least}1 session that is played asks for players"),
        n => format!("{least}{n} sessions that are played ask for players"),
    };
    let mut all = vec![ask];
    let open = format!("{least}{}", said.open);
    match (said.open, said.undecided.as_slice()) {
        (0, _) => {}
        (_, []) => all.push(format!("you could join {open}")),
        (_, rules) => all.push(format!(
            "nothing keeps you from {open}, but no seat is known there that keeps {} too",
            undecided(rules)
        )),
    }
    let kept = said.kept_from.iter().map(|kept| {
        let what = match kept.rule.as_str() {
            "seats" => "having too many players for the seats of a team".to_owned(),
            "created_before" => "having been queued too late for it".to_owned(),
            "refused" => "the session itself, which does not take you".to_owned(),
            rule => thing(rule),
        };
        format!("from {least}{} by {what}", kept.sessions)
    });
    let kept: Vec<String> = kept.collect();
    if !kept.is_empty() {
        all.push(format!("you are kept {}", list(&kept)));
    }
    capital(&format!("{}.", all.join("; ")))
}

fn nearest_session(miss: &SessionMiss, now: Timestamp) -> String {
    let SessionMiss { rule, .. } = miss;
    let far = match (&miss.attribute, miss.gap, miss.limit) {
        (Some(attribute), Some(gap), Some(limit)) => format!(
            "With you in it the nearest of them would span {attribute} {}, where {rule} allows you {}",
            rounded(gap, decimals(gap, [limit])),
            rounded(limit, decimals(gap, [limit]))
        ),
        _ => format!("From the nearest of them you are kept by {}", thing(rule)),
    };
    match miss.reached_at {
        Some(at) => format!("{far}; you come within its reach {}.", until(at, now)),
        None => format!("{far}; no widening brings you there."),
    }
}

/// What a rule's name stands for.
fn thing(rule: &str) -> String {
    match rule {
        "teams" => "party sizes that fill no teams with yours".to_owned(),
        "regions" => "having no region in common".to_owned(),
        "cross_play" => "their platform".to_owned(),
        "avoid" => "your party's lists of players to avoid".to_owned(),
        rule => format!("rule {rule}"),
    }
}

fn region(view: &RegionView, now: Timestamp) -> String {
    let name = &view.region;
    let at = view
        .latency_ms
        .map(|ms| format!(" ({ms} ms)"))
        .unwrap_or_default();
    match &view.standing {
        RegionStanding::Considered { candidates } if candidates.tickets == 0 => {
            format!("Region {name}{at} is considered; nobody who could play with you is there.")
        }
        RegionStanding::Considered { candidates } => {
            format!(
                "Region {name}{at} is considered; {} could play there.",
                crowd(*candidates)
            )
        }
        RegionStanding::TooFar {
            rule,
            measured_ms,
            limit_ms,
            opens_at,
        } => {
            let when = opens_at.map_or_else(
                || "no widening brings it".to_owned(),
                |at| format!("it is considered {}", until(at, now)),
            );
            format!(
                "Region {name} is too far: {rule} is {} ms, yours {measured_ms} ms; {when}.",
                number(*limit_ms)
            )
        }
        RegionStanding::NotAllowed => format!("Region {name} is not among those of the queue."),
        RegionStanding::NotListed => {
            format!("Region {name} is left out, as not every player of the party measured it.")
        }
    }
}

fn position(said: &Explanation) -> Option<String> {
    let position = said.position;
    (position.of > 0).then(|| {
        let others = position.in_queue.saturating_sub(position.of);
        let beside = match others {
            0 => String::new(),
            1 => " (and 1 waits with other values of what must be equal)".to_owned(),
            n => format!(" (and {n} wait with other values of what must be equal)"),
        };
        format!(
            "By age it is number {} of {}{beside}.",
            position.place, position.of
        )
    })
}

fn next(next: &[Widening], now: Timestamp) -> Option<String> {
    let at = next.first()?.at;
    let each: Vec<String> = next.iter().map(widening).collect();
    Some(capital(&format!("{} {}.", until(at, now), list(&each))))
}

fn widening(widening: &Widening) -> String {
    let Widening {
        rule,
        from,
        to,
        off,
        ..
    } = widening;
    let unit = if rule.starts_with("regions.") {
        " ms"
    } else {
        ""
    };
    let (from, to, ends) = (number(*from), number(*to), !to.is_finite());
    match *off || ends {
        true => format!("{rule} no longer holds for you"),
        false => format!("{rule} widens from {from}{unit} to {to}{unit}"),
    }
}

fn crowd(crowd: Crowd) -> String {
    match (crowd.tickets, crowd.players) {
        (0, _) => "nobody".to_owned(),
        (1, 1) => "1 player".to_owned(),
        (tickets, players) if tickets == players => format!("{players} players"),
        (1, players) => format!("1 party of {players}"),
        (tickets, players) => format!("{tickets} parties with {players} players"),
    }
}

fn verb(crowd: Crowd, one: &'static str, many: &'static str) -> &'static str {
    if crowd.tickets == 1 { one } else { many }
}

fn list(items: &[String]) -> String {
    joined(items, "and")
}

fn either(items: &[String]) -> String {
    joined(items, "or")
}

fn joined(items: &[String], by: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {by} {last}", most.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}

/// A number of a nearest miss, so that its gap reads as more than the limits that it is beyond.
fn beside(x: f64, miss: &NearestMiss) -> String {
    let limits = [miss.own_limit, miss.their_limit].map(|limit| limit.unwrap_or(f64::INFINITY));
    rounded(x, decimals(miss.gap.unwrap_or(0.0), limits))
}

/// How many decimals tell a gap from the limits that it is beyond.
fn decimals<const N: usize>(gap: f64, limits: [f64; N]) -> i32 {
    let differs = |decimals: &i32| {
        let mut passed = limits.iter().filter(|limit| **limit < gap);
        passed.all(|limit| round(*limit, *decimals) < round(gap, *decimals))
    };
    (DECIMALS..DECIMALS_MAX)
        .find(differs)
        .unwrap_or(DECIMALS_MAX)
}

fn number(x: f64) -> String {
    rounded(x, DECIMALS)
}

/// With so many decimals at most.
fn rounded(x: f64, decimals: i32) -> String {
    format!("{}", round(x, decimals) + 0.0)
}

fn round(x: f64, decimals: i32) -> f64 {
    if decimals == DECIMALS_MAX {
        return x;
    }
    let scale = 10_f64.powi(decimals);
    (x * scale).round() / scale
}

/// How long from now, rounded up, so that it is so by then.
fn until(at: Timestamp, now: Timestamp) -> String {
    match at.since(now) {
        Millis(0) => "now".to_owned(),
        left => format!("in {}", span(left)),
    }
}

/// A span of time, rounded up.
fn span(Millis(ms): Millis) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..172_800 => {
            let minutes = seconds.div_ceil(60);
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
#[path = "explain_words_tests.rs"]
mod tests;
