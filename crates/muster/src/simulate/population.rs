//! A population as a designer writes it: who queues, when, from where, with whom and with which attributes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use model::config::{nearest, quoted_list};
use model::queue::{Attribute, AttributeType, NUMBER_ABS_MAX, Queue};
use model::{Name, Region, Timestamp, wire};
use serde::Deserialize;

use super::chance::{Shape, Spread, Values, Weighted};
use super::crowd::DAY_MS;

/// The most tickets that one run may make.
pub(super) const TICKETS_MAX: u64 = 20_000_000;
/// A party that is matched plays for so long at least before it queues again: time passes.
const COMES_BACK_SECONDS_MIN: f64 = 1.0;
/// Of what, by the hour; `hours` may name one.
const SHAPES: [(&str, [f64; 24]); 3] = [
    ("flat", [1.0; 24]),
    (
        "evening",
        [
            30.0, 20.0, 14.0, 10.0, 8.0, 8.0, 10.0, 14.0, 20.0, 26.0, 32.0, 38.0, 44.0, 48.0, 52.0,
            60.0, 70.0, 82.0, 92.0, 98.0, 100.0, 92.0, 72.0, 48.0,
        ],
    ),
    (
        "weekend",
        [
            48.0, 36.0, 26.0, 18.0, 12.0, 10.0, 12.0, 20.0, 34.0, 50.0, 64.0, 74.0, 80.0, 86.0,
            90.0, 92.0, 94.0, 96.0, 98.0, 100.0, 100.0, 94.0, 82.0, 64.0,
        ],
    ),
];

/// A Monday, so that opening hours by the day of the week can be relied on.
pub(super) const STARTS: &str = "2026-01-05T00:00:00Z";

/// A population, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Population {
    pub(super) tickets_per_day: u64,
    pub(super) days: u32,
    pub(super) starts: Timestamp,
    /// Relative, by local hour.
    pub(super) hours: [f64; 24],
    pub(super) regions: Vec<Home>,
    pub(super) parties: Weighted<u16>,
    pub(super) attributes: BTreeMap<Name, Values>,
    /// The share of tickets that are taken back if not matched after so many seconds.
    pub(super) cancel: Option<(f64, Spread)>,
    /// The share of matched parties that queue again so many seconds after the match was made.
    pub(super) comes_back: Option<(f64, Spread)>,
}

/// Where some of the players live.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Home {
    pub(super) name: String,
    pub(super) share: f64,
    /// Local time against UTC.
    pub(super) hours_ahead: i32,
    /// Round trips in milliseconds.
    pub(super) latency: Vec<(Region, Spread)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPopulation {
    tickets_per_day: u64,
    #[serde(default = "one")]
    days: u32,
    starts: Option<String>,
    hours: Option<RawHours>,
    #[serde(default)]
    regions: BTreeMap<String, RawHome>,
    #[serde(default)]
    parties: BTreeMap<u16, f64>,
    #[serde(default)]
    attributes: BTreeMap<String, RawValues>,
    cancel: Option<RawLater>,
    come_back: Option<RawLater>,
}

const fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawHours {
    Named(String),
    Curve(Vec<f64>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHome {
    share: f64,
    #[serde(default)]
    hours_ahead: i32,
    #[serde(default)]
    latency: BTreeMap<String, RawValues>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLater {
    share: f64,
    after_seconds: RawValues,
}

/// One of `normal`, `uniform`, `choice`, `any_of` and `numbers`, with what belongs to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValues {
    normal: Option<f64>,
    deviation: Option<f64>,
    uniform: Option<(f64, f64)>,
    choice: Option<BTreeMap<String, f64>>,
    any_of: Option<BTreeMap<String, f64>>,
    numbers: Option<BTreeMap<String, RawValues>>,
    min: Option<f64>,
    max: Option<f64>,
    within_party: Option<f64>,
}

/// Reads a population for these queues.
///
/// # Errors
/// With the place and what to write instead.
pub(super) fn read(path: &Path, queues: &[&Queue]) -> anyhow::Result<Population> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the population {}", path.display()))?;
    parse(&text, queues).with_context(|| format!("the population {} is wrong", path.display()))
}

pub(super) fn parse(text: &str, queues: &[&Queue]) -> anyhow::Result<Population> {
    let raw: RawPopulation = serde_yaml::from_str(text)?;
    ensure!(
        raw.tickets_per_day > 0 && raw.days > 0,
        "tickets_per_day, days: write at least 1"
    );
    let all = raw.tickets_per_day.checked_mul(u64::from(raw.days));
    ensure!(
        all.is_some_and(|all| all <= TICKETS_MAX),
        "tickets_per_day × days: write at most {TICKETS_MAX} together"
    );
    let starts = raw.starts.as_deref().unwrap_or(STARTS);
    let starts: wire::Rfc3339 = serde_json::from_value(starts.into()).map_err(|_| {
        anyhow::anyhow!("starts: {starts:?} is no instant; write it like {STARTS:?}")
    })?;
    // The curve's hours, and those of the reports, are counted from here.
    ensure!(
        starts.0.0.rem_euclid(DAY_MS) == 0,
        "starts: write a midnight in UTC, like {STARTS:?}"
    );
    let hours = hours(raw.hours)?;
    let regions: Vec<Home> = raw
        .regions
        .into_iter()
        .map(|(name, home)| self::home(name, home))
        .collect::<anyhow::Result<_>>()?;
    let regions = match regions.is_empty() {
        true => vec![Home {
            name: "anywhere".into(),
            share: 1.0,
            hours_ahead: 0,
            latency: Vec::new(),
        }],
        false => regions,
    };
    ensure!(
        Weighted::new(regions.iter().map(|home| (home.share, ()))).is_some(),
        "regions: write shares of which none is negative and one is above 0"
    );
    let mut attributes = BTreeMap::new();
    for (name, values) in raw.attributes {
        let at = format!("attributes.{name}");
        let (name, attribute) = declared(&name, queues).map_err(|near| match near {
            Some(near) => {
                anyhow!("{at}: the queue has no such attribute; did you mean {near}?")
            }
            None => anyhow!("{at}: the queue has no such attribute; remove it"),
        })?;
        let drawn = of_attribute(&at, values, attribute)?;
        ensure!(
            attributes.insert(name.clone(), drawn).is_none(),
            "{at}: it is there twice, as names are compared without case; remove one"
        );
    }
    Ok(Population {
        tickets_per_day: raw.tickets_per_day,
        days: raw.days,
        starts: starts.0,
        hours,
        regions,
        parties: parties(raw.parties, queues)?,
        attributes,
        cancel: raw
            .cancel
            .map(|raw| later("cancel", raw, 0.0))
            .transpose()?,
        comes_back: raw
            .come_back
            .map(|raw| later("come_back", raw, COMES_BACK_SECONDS_MIN))
            .transpose()?,
    })
}

fn hours(raw: Option<RawHours>) -> anyhow::Result<[f64; 24]> {
    let names = || quoted_list(SHAPES.map(|(name, _)| name));
    let curve = match raw {
        None => return Ok([1.0; 24]),
        Some(RawHours::Named(named)) => {
            let known = SHAPES.iter().find(|(name, _)| *name == named);
            return known.map(|(_, curve)| *curve).with_context(|| {
                format!(
                    "hours: there is no shape {named:?}; write one of {} or a list of 24 numbers",
                    names()
                )
            });
        }
        Some(RawHours::Curve(curve)) => curve,
    };
    let n = curve.len();
    let curve: [f64; 24] = curve.try_into().map_err(|_| {
        anyhow::anyhow!(
            "hours: {n} numbers are no day; write 24, or one of {}",
            names()
        )
    })?;
    ensure!(
        Weighted::new(curve.map(|weight| (weight, ()))).is_some(),
        "hours: write numbers of which none is negative and one is above 0"
    );
    Ok(curve)
}

fn home(name: String, raw: RawHome) -> anyhow::Result<Home> {
    ensure!(
        (-14..=14).contains(&raw.hours_ahead),
        "regions.{name}.hours_ahead: write a number from -14 to 14"
    );
    let mut latency = Vec::new();
    for (to, values) in raw.latency {
        let at = format!("regions.{name}.latency.{to}");
        let region: Region = to.parse().with_context(|| at.clone())?;
        let mut spread = spread(&at, values)?;
        spread.min = spread.min.max(0.0);
        spread.max = spread.max.min(f64::from(matcher::LATENCY_MS_MAX));
        latency.push((region, spread));
    }
    Ok(Home {
        name,
        share: raw.share,
        hours_ahead: raw.hours_ahead,
        latency,
    })
}

fn parties(raw: BTreeMap<u16, f64>, queues: &[&Queue]) -> anyhow::Result<Weighted<u16>> {
    let max = queues.iter().map(|queue| queue.party_players_max).max();
    let max = max.unwrap_or(1);
    if let Some(size) = raw.keys().find(|&&size| size == 0 || size > max) {
        bail!("parties: a party of {size} cannot queue; write sizes from 1 to {max}");
    }
    let raw = match raw.is_empty() {
        true => BTreeMap::from([(1, 1.0)]),
        false => raw,
    };
    Weighted::new(raw.into_iter().map(|(size, share)| (share, size)))
        .context("parties: write shares of which none is negative and one is above 0")
}

/// The attribute of this name, without regard to case, of the first queue that has one; else the nearest name.
pub(super) fn declared<'q>(
    name: &str,
    queues: &[&'q Queue],
) -> Result<(&'q Name, &'q Attribute), Option<&'q str>> {
    let all = || queues.iter().flat_map(|queue| &queue.attributes);
    let found = all().find(|(known, _)| known.as_str().eq_ignore_ascii_case(name));
    found.ok_or_else(|| nearest(name, all().map(|(known, _)| known.as_str())))
}

fn of_attribute(at: &str, raw: RawValues, attribute: &Attribute) -> anyhow::Result<Values> {
    let texts = |texts: Option<BTreeMap<String, f64>>| {
        let texts = texts.unwrap_or_default();
        Weighted::new(texts.into_iter().map(|(text, share)| (share, text)))
    };
    Ok(match attribute.kind {
        AttributeType::Number => Values::Number(spread(at, raw)?),
        AttributeType::String => Values::Text(
            texts(raw.choice)
                .with_context(|| format!("{at}: it is a text; write choice: {{ TEXT: SHARE }}"))?,
        ),
        AttributeType::Strings => match (raw.any_of, raw.choice) {
            (Some(any), None) => {
                let mut all = Vec::new();
                for (text, share) in any {
                    ensure!(
                        (0.0..=1.0).contains(&share),
                        "{at}.any_of.{text}: write a probability from 0 to 1"
                    );
                    all.push((share, text));
                }
                Values::Texts(all)
            }
            (None, choice) => Values::OneText(texts(choice).with_context(|| {
                format!(
                    "{at}: it is a list of texts; write any_of: {{ TEXT: PROBABILITY }} or choice: {{ TEXT: SHARE }}"
                )
            })?),
            (Some(_), Some(_)) => bail!("{at}: write any_of or choice, not both"),
        },
        AttributeType::Numbers => {
            let numbers = raw.numbers.with_context(|| {
                format!("{at}: it is numbers by key; write numbers: {{ KEY: {{ normal: … }} }}")
            })?;
            let one = |(key, raw)| {
                let spread = spread(&format!("{at}.numbers.{key}"), raw)?;
                Ok((key, spread))
            };
            Values::Numbers(
                numbers
                    .into_iter()
                    .map(one)
                    .collect::<anyhow::Result<_>>()?,
            )
        }
    })
}

/// What happens to a share of tickets, so many seconds later at least.
fn later(at: &str, raw: RawLater, seconds_min: f64) -> anyhow::Result<(f64, Spread)> {
    ensure!(
        (0.0..=1.0).contains(&raw.share),
        "{at}.share: write a share from 0 to 1"
    );
    let mut spread = spread(&format!("{at}.after_seconds"), raw.after_seconds)?;
    spread.min = spread.min.max(seconds_min);
    spread.max = spread.max.min(30.0 * 86_400.0).max(seconds_min);
    Ok((raw.share, spread))
}

fn spread(at: &str, raw: RawValues) -> anyhow::Result<Spread> {
    const WRITE: &str = "write { normal: MEAN, deviation: D }, { uniform: [FROM, TO] } or { choice: { NUMBER: SHARE } }, each with min and max if need be";
    ensure!(
        raw.any_of.is_none() && raw.numbers.is_none(),
        "{at}: {WRITE}"
    );
    let shape = match (raw.normal, raw.uniform, raw.choice) {
        (Some(mean), None, None) => Shape::Normal {
            mean,
            deviation: raw.deviation.unwrap_or(0.0),
        },
        (None, Some((from, to)), None) => Shape::Uniform { from, to },
        (None, None, Some(choice)) => {
            let mut values = Vec::new();
            for (text, share) in choice {
                let number: f64 = text
                    .parse()
                    .map_err(|_| anyhow::anyhow!("{at}.choice: {text:?} is no number"))?;
                values.push((share, number));
            }
            Shape::Choice(Weighted::new(values).with_context(|| {
                format!("{at}.choice: write shares of which none is negative and one is above 0")
            })?)
        }
        _ => bail!("{at}: {WRITE}"),
    };
    ensure!(
        raw.deviation.is_none() || raw.normal.is_some(),
        "{at}.deviation: it belongs to normal; remove it"
    );
    let said = [
        raw.normal,
        raw.deviation,
        raw.uniform.map(|(from, _)| from),
        raw.uniform.map(|(_, to)| to),
        raw.min,
        raw.max,
        raw.within_party,
    ];
    let finite = said.iter().flatten().all(|x| x.abs() <= NUMBER_ABS_MAX);
    ensure!(finite, "{at}: write finite numbers");
    let negative = [raw.deviation, raw.within_party]
        .into_iter()
        .flatten()
        .any(|x| x < 0.0);
    ensure!(
        !negative,
        "{at}: deviation and within_party are not negative"
    );
    let (min, max) = (
        raw.min.unwrap_or(-NUMBER_ABS_MAX),
        raw.max.unwrap_or(NUMBER_ABS_MAX),
    );
    ensure!(min <= max, "{at}: make min no greater than max");
    if let Some((from, to)) = raw.uniform {
        ensure!(from <= to, "{at}.uniform: write the smaller number first");
    }
    Ok(Spread {
        shape,
        min,
        max,
        within_party: raw.within_party,
    })
}
