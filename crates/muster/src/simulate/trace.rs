//! A crowd that was recorded: CSV with a line for each player; every complaint names the line and the column.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use model::config::quoted_list;
use model::queue::AttributeType;
use model::ticket::{TicketPlayer, Value};
use model::{Millis, Name, NameError, PlayerId, Region, Timestamp};

use super::crowd::{Arrival, player};
use super::population::{self, STARTS, TICKETS_MAX, declared};
use super::setting::{self, Setting};

/// What the columns may be called.
const COLUMNS: [&str; 7] = [
    "ticket",
    "time",
    "player",
    "leaves",
    "platform",
    "latency.REGION",
    "attribute.NAME",
];

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    /// Lines with the same one are one party.
    Ticket,
    /// When it came: seconds from midnight of [`STARTS`], or an instant.
    Time,
    Player,
    /// Seconds after which the ticket is taken back.
    Leaves,
    Platform,
    Latency(Region),
    Attribute(Name, AttributeType),
}

/// Reads a trace for these queues.
///
/// # Errors
/// With line, column and what to write instead.
pub(super) fn read(path: &Path, settings: &[Setting]) -> anyhow::Result<Vec<Arrival>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the trace {}", path.display()))?;
    parse(&text, settings).with_context(|| format!("the trace {} is wrong", path.display()))
}

pub(super) fn parse(text: &str, settings: &[Setting]) -> anyhow::Result<Vec<Arrival>> {
    let starts = population::instant(STARTS).context("a Monday")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1_u64..);
    let (header, _) = lines
        .next()
        .context("line 1: it is empty; begin with a header such as ticket,time,latency.eu-west")?;
    let columns = columns(header, settings)?;
    let players = columns.iter().position(|one| *one == Column::Player);
    let player_at = players.unwrap_or(0);
    let mut tickets: BTreeMap<String, usize> = BTreeMap::new();
    let mut arrivals: Vec<Arrival> = Vec::new();
    // In which line a named player was written into a ticket.
    let mut written: BTreeMap<(PlayerId, usize), u64> = BTreeMap::new();
    let mut nameless: Vec<(usize, usize)> = Vec::new();
    for (line, number) in lines {
        if line.trim().is_empty() {
            continue;
        }
        let fields = fields(line).with_context(|| format!("line {number}"))?;
        ensure!(
            fields.len() == columns.len(),
            "line {number}: {} fields, but the header has {}; write as many",
            fields.len(),
            columns.len()
        );
        let one = person(&columns, &fields, starts, number)?;
        let at = *tickets.entry(one.ticket.clone()).or_insert_with(|| {
            arrivals.push(Arrival {
                at: one.time,
                players: Vec::new(),
                leaves_after: one.leaves,
                comes_back_after: None,
            });
            arrivals.len() - 1
        });
        ensure!(
            arrivals.len() as u64 <= TICKETS_MAX,
            "line {number}: more than {TICKETS_MAX} tickets; cut the trace"
        );
        let arrival = &mut arrivals[at];
        ensure!(
            arrival.at == one.time && arrival.leaves_after == one.leaves,
            "line {number}: the same ticket has another time or leaves at another time above; write the same on every line of a party"
        );
        let mut who = one.who;
        match one.named {
            Some(named) => {
                if let Some(before) = written.insert((named.clone(), at), number) {
                    bail!(
                        "line {number}, column {}: the player {named} is in the ticket {:?} twice, in line {before} too; write each player of a party once",
                        player_at + 1,
                        one.ticket
                    );
                }
                who.player = named;
            }
            None => nameless.push((at, arrival.players.len())),
        }
        arrival.players.push(who);
    }
    name(&mut arrivals, &nameless, written)?;
    ensure!(
        !arrivals.is_empty(),
        "line 2: there is no player; write a line for each"
    );
    arrivals.sort_by_key(|arrival| arrival.at);
    Ok(arrivals)
}

/// Gives those without a name one that nobody has.
fn name(
    arrivals: &mut [Arrival],
    nameless: &[(usize, usize)],
    written: BTreeMap<(PlayerId, usize), u64>,
) -> anyhow::Result<()> {
    let named: BTreeSet<PlayerId> = written.into_keys().map(|(named, _)| named).collect();
    let mut number = 0;
    for &(ticket, member) in nameless {
        let id = loop {
            let id = player(number, 0).context("a player's id")?;
            number += 1;
            if !named.contains(&id) {
                break id;
            }
        };
        let arrival = arrivals.get_mut(ticket);
        if let Some(one) = arrival.and_then(|arrival| arrival.players.get_mut(member)) {
            one.player = id;
        }
    }
    Ok(())
}

fn columns(header: &str, settings: &[Setting]) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for (name, at) in fields(header).context("line 1")?.into_iter().zip(1..) {
        ensure!(
            !name.contains([';', '\t']),
            "line 1, column {at}: there is no column {name:?}; separate columns by commas"
        );
        let name = name.trim();
        let column = match name.split_once('.') {
            None => match name {
                "ticket" => Column::Ticket,
                "time" => Column::Time,
                "player" => Column::Player,
                "leaves" => Column::Leaves,
                "platform" => Column::Platform,
                _ => bail!(
                    "line 1, column {at}: there is no column {name:?}; write one of {}",
                    quoted_list(COLUMNS)
                ),
            },
            Some(("latency", region)) => Column::Latency(
                setting::region(region, settings)
                    .map_err(|wrong| anyhow!("line 1, column {at}: {wrong}"))?,
            ),
            Some(("attribute", attribute)) => {
                let (name, declared) = declared(attribute, settings).map_err(|near| match near {
                    Some(near) => anyhow!(
                        "line 1, column {at}: the queue has no attribute {attribute:?}; did you mean attribute.{near}?"
                    ),
                    None => anyhow!(
                        "line 1, column {at}: the queue has no attribute {attribute:?}; remove the column"
                    ),
                })?;
                setting::one_type(name, settings)
                    .map_err(|wrong| anyhow!("line 1, column {at}: attribute.{name} is {wrong}"))?;
                Column::Attribute(name.clone(), declared.kind)
            }
            Some(_) => bail!(
                "line 1, column {at}: there is no column {name:?}; write one of {}",
                quoted_list(COLUMNS)
            ),
        };
        ensure!(
            !columns.contains(&column),
            "line 1, column {at}: {name} is there twice; remove one"
        );
        columns.push(column);
    }
    for (needed, name) in [(Column::Ticket, "ticket"), (Column::Time, "time")] {
        ensure!(
            columns.contains(&needed),
            "line 1: the column {name:?} is missing; add it"
        );
    }
    Ok(columns)
}

struct Person {
    ticket: String,
    time: Timestamp,
    leaves: Option<Millis>,
    named: Option<PlayerId>,
    who: TicketPlayer,
}

fn person(
    columns: &[Column],
    fields: &[String],
    starts: Timestamp,
    line: u64,
) -> anyhow::Result<Person> {
    let nobody = player(0, 0).context("a player's id")?;
    let mut person = Person {
        ticket: String::new(),
        time: starts,
        leaves: None,
        named: None,
        who: TicketPlayer::new(nobody),
    };
    for ((column, field), at) in columns.iter().zip(fields).zip(1..) {
        let field = field.trim();
        let wrong = |write: &str| anyhow!("line {line}, column {at}: {field:?} is wrong; {write}");
        let no = |what: &str, why: NameError| {
            anyhow!("line {line}, column {at}: {field:?} is no {what}: it {why}")
        };
        match column {
            Column::Ticket if field.is_empty() => {
                return Err(wrong(
                    "write what the ticket is called, the same for all of a party",
                ));
            }
            Column::Ticket => person.ticket = field.to_owned(),
            Column::Time => {
                person.time = instant(field, starts).ok_or_else(|| {
                    wrong("write seconds from the first midnight, such as 61.5, or an instant such as 2026-01-05T18:00:00Z, of the years 1970 to 9998")
                })?;
            }
            _ if field.is_empty() => {}
            Column::Player => {
                let named = field.parse().map_err(|why| no("player's id", why))?;
                person.named = Some(named);
            }
            Column::Leaves => {
                let leaves = millis(field).ok_or_else(|| wrong("write seconds, such as 45"))?;
                person.leaves = Some(leaves);
            }
            Column::Platform => {
                let platform = field.parse().map_err(|why| no("platform", why))?;
                person.who.platform = Some(platform);
            }
            Column::Latency(region) => {
                let ms: f64 = field.parse().unwrap_or(f64::NAN);
                if !(0.0..=f64::from(matcher::LATENCY_MS_MAX)).contains(&ms) {
                    return Err(wrong(
                        "write milliseconds from 0 to 10000, or nothing if it was not measured",
                    ));
                }
                person
                    .who
                    .latencies
                    .insert(region.clone(), ms.round() as u32);
            }
            Column::Attribute(name, kind) => {
                let value = value(field, *kind).map_err(wrong)?;
                person.who.attributes.insert(name.clone(), value);
            }
        }
    }
    Ok(person)
}

/// At most a century.
fn millis(field: &str) -> Option<Millis> {
    let seconds: f64 = field.parse().ok()?;
    let fine = (0.0..=3.2e9).contains(&seconds);
    fine.then(|| Millis((seconds * 1_000.0).round() as u64))
}

fn instant(field: &str, starts: Timestamp) -> Option<Timestamp> {
    if let Some(since) = millis(field) {
        return Some(starts + since);
    }
    population::instant(field)
}

fn value(field: &str, kind: AttributeType) -> Result<Value, &'static str> {
    const NUMBERS: &str = "write numbers by key, such as duel=1500|raid=1400";
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    Ok(match kind {
        AttributeType::Number => Value::Number(number(field).ok_or("write a number")?),
        AttributeType::String => Value::String(field.to_owned()),
        AttributeType::Strings => {
            let texts = field.split('|').map(|text| text.trim().to_owned());
            Value::Strings(texts.collect())
        }
        AttributeType::Numbers => {
            let one = |pair: &str| {
                let (key, x) = pair.split_once('=')?;
                Some((key.trim().to_owned(), number(x)?))
            };
            let all: Option<BTreeMap<_, _>> = field.split('|').map(one).collect();
            Value::Numbers(all.ok_or(NUMBERS)?)
        }
    })
}

/// The fields of a line; one that begins with a quotation mark ends with one, and may hold commas.
fn fields(line: &str) -> anyhow::Result<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let Some(quoted) = rest.trim_start().strip_prefix('"') else {
            match rest.split_once(',') {
                Some((field, after)) => {
                    fields.push(field.to_owned());
                    rest = after;
                    continue;
                }
                None => {
                    fields.push(rest.to_owned());
                    return Ok(fields);
                }
            }
        };
        let mut field = String::new();
        let mut chars = quoted.char_indices().peekable();
        let end = loop {
            match chars.next() {
                Some((_, '"')) if chars.next_if(|&(_, c)| c == '"').is_some() => field.push('"'),
                Some((at, '"')) => break at + 1,
                Some((_, c)) => field.push(c),
                None => bail!(
                    "column {}: the quotation mark is not closed; write \" at the end",
                    fields.len() + 1
                ),
            }
        };
        fields.push(field);
        let after = quoted.get(end..).unwrap_or_default().trim_start();
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(fields),
            None => bail!(
                "column {}: {after:?} follows the closing quotation mark; remove it",
                fields.len()
            ),
        }
    }
}
