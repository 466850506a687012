//! A population as a designer writes it: who queues, when, from where, with whom and with which attributes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use model::config::{nearest, quoted_list};
use model::queue::{Attribute, AttributeType, NUMBER_ABS_MAX};
use model::{Name, Region, Timestamp, wire};

use super::chance::{Shape, Spread, Values, Weighted};
use super::crowd::DAY_MS;
use super::setting::{Setting, one_type, region};
use super::yaml::{Document, Value};

/// The most tickets that one run may make.
pub(super) const TICKETS_MAX: u64 = 20_000_000;
/// The most days of one run.
const DAYS_MAX: u64 = 366;
/// The most seconds after which something may happen.
const SECONDS_MAX: f64 = 30.0 * 86_400.0;
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
/// From 1970 on, and before the calendar's last year, so that whatever follows can be told.
const INSTANTS: RangeInclusive<i64> = 0..=253_370_764_799_999;

const POPULATION_KEYS: [&str; 9] = [
    "tickets_per_day",
    "days",
    "starts",
    "hours",
    "regions",
    "parties",
    "attributes",
    "cancel",
    "come_back",
];
const HOME_KEYS: [&str; 3] = ["share", "hours_ahead", "latency"];
const LATER_KEYS: [&str; 2] = ["share", "after_seconds"];
const SPREAD_KEYS: [&str; 7] = [
    "normal",
    "deviation",
    "uniform",
    "choice",
    "min",
    "max",
    "within_party",
];
const TEXT_KEYS: [&str; 1] = ["choice"];
const TEXTS_KEYS: [&str; 2] = ["any_of", "choice"];
const NUMBERS_KEYS: [&str; 1] = ["numbers"];

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

/// Every key that a population may have.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    let all: [&[&str]; 7] = [
        &POPULATION_KEYS,
        &HOME_KEYS,
        &LATER_KEYS,
        &SPREAD_KEYS,
        &TEXT_KEYS,
        &TEXTS_KEYS,
        &NUMBERS_KEYS,
    ];
    all.into_iter().flatten().copied()
}

/// Reads a population for these queues.
///
/// # Errors
/// With line, column and what to write instead.
pub(super) fn read(path: &Path, settings: &[Setting]) -> anyhow::Result<Population> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the population {}", path.display()))?;
    parse(&text, settings).with_context(|| format!("the population {} is wrong", path.display()))
}

pub(super) fn parse(text: &str, settings: &[Setting]) -> anyhow::Result<Population> {
    let document = Document::parse(text)?;
    let root = document.root();
    let all = root.map(
        &POPULATION_KEYS,
        "this is no population; begin with a line such as tickets_per_day: 1000",
    )?;
    let Some(a_day) = all.get("tickets_per_day") else {
        bail!(root.wrong("tickets_per_day is missing; write how many tickets come each day"));
    };
    let tickets_per_day = count(a_day, TICKETS_MAX)?;
    let days = all.get("days").map_or(Ok(1), |it| count(it, DAYS_MAX))?;
    ensure!(
        tickets_per_day * days <= TICKETS_MAX,
        a_day.wrong(format_args!(
            "{tickets_per_day} on each of {days} days are too many; write at most {}, for {TICKETS_MAX} altogether",
            TICKETS_MAX / days
        ))
    );
    let later = |key, seconds_min| {
        let it = all.get(key);
        it.map(|it| later(it, seconds_min)).transpose()
    };
    Ok(Population {
        tickets_per_day,
        days: u32::try_from(days)?,
        starts: starts(all.get("starts"))?,
        hours: all.get("hours").map_or(Ok([1.0; 24]), hours)?,
        regions: regions(all.get("regions"), settings)?,
        parties: parties(all.get("parties"), settings)?,
        attributes: attributes(all.get("attributes"), settings)?,
        cancel: later("cancel", 0.0)?,
        comes_back: later("come_back", COMES_BACK_SECONDS_MIN)?,
    })
}

fn count(it: &Value<'_>, max: u64) -> anyhow::Result<u64> {
    let write = format!("write a whole number from 1 to {max}");
    let max = i32::try_from(max).unwrap_or(i32::MAX);
    Ok(u64::try_from(it.whole(1..=max, write)?)?)
}

/// An instant that can be reckoned with.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let at: wire::Rfc3339 = serde_json::from_value(text.into()).ok()?;
    INSTANTS.contains(&at.0.0).then_some(at.0)
}

fn starts(it: Option<&Value<'_>>) -> anyhow::Result<Timestamp> {
    let Some(it) = it else {
        return instant(STARTS).context("a Monday");
    };
    let Some(at) = it.text().and_then(instant) else {
        bail!(it.wrong(format_args!(
            "this is no instant of the years 1970 to 9998; write it like {STARTS:?}"
        )));
    };
    // The curve's hours, and those of the reports, are counted from here.
    ensure!(
        at.0.rem_euclid(DAY_MS) == 0,
        it.wrong(format_args!("write a midnight in UTC, like {STARTS:?}"))
    );
    Ok(at)
}

fn hours(it: &Value<'_>) -> anyhow::Result<[f64; 24]> {
    let names = || quoted_list(SHAPES.map(|(name, _)| name));
    if let Some(named) = it.text() {
        let known = SHAPES.iter().find(|(name, _)| *name == named);
        return known.map(|(_, curve)| *curve).with_context(|| {
            it.wrong(format_args!(
                "there is no shape {named:?}; write one of {} or a list of 24 numbers",
                names()
            ))
            .to_string()
        });
    }
    let Some(list) = it.list() else {
        bail!(it.wrong(format_args!("write 24 numbers, or one of {}", names())));
    };
    ensure!(
        list.len() == 24,
        it.wrong(format_args!(
            "{} numbers are no day; write 24, or one of {}",
            list.len(),
            names()
        ))
    );
    let mut curve = [0.0; 24];
    for (hour, one) in curve.iter_mut().zip(&list) {
        *hour = one.number(0.0..=NUMBER_ABS_MAX, "write a number of 0 or more")?;
    }
    ensure!(
        curve.iter().any(|&hour| hour > 0.0),
        it.wrong("write numbers of which one is above 0")
    );
    Ok(curve)
}

/// Names or numbers with their shares.
fn shares<'d>(it: &Value<'d>) -> anyhow::Result<Vec<(f64, &'d str, Value<'d>)>> {
    const WRITE: &str = "write shares of which none is negative and one is above 0";
    let mut shares = Vec::new();
    for (name, share) in it.named(WRITE)? {
        shares.push((share.number(0.0..=NUMBER_ABS_MAX, WRITE)?, name, share));
    }
    ensure!(
        shares.iter().any(|&(share, ..)| share > 0.0),
        it.wrong(WRITE)
    );
    Ok(shares)
}

fn weighted<T>(it: &Value<'_>, items: Vec<(f64, T)>) -> anyhow::Result<Weighted<T>> {
    Weighted::new(items).with_context(|| it.wrong("write smaller shares").to_string())
}

fn regions(it: Option<&Value<'_>>, settings: &[Setting]) -> anyhow::Result<Vec<Home>> {
    let Some(it) = it else {
        return Ok(vec![Home {
            name: "anywhere".into(),
            share: 1.0,
            hours_ahead: 0,
            latency: Vec::new(),
        }]);
    };
    let named =
        it.named("write { REGION: { share: SHARE, latency: { REGION: { normal: MS } } } }")?;
    let homes = named
        .into_iter()
        .map(|(name, it)| home(name, &it, settings));
    let homes: Vec<Home> = homes.collect::<anyhow::Result<_>>()?;
    ensure!(
        homes.iter().any(|home| home.share > 0.0),
        it.wrong("write shares of which none is negative and one is above 0")
    );
    Ok(homes)
}

fn home(name: &str, it: &Value<'_>, settings: &[Setting]) -> anyhow::Result<Home> {
    let all = it.map(
        &HOME_KEYS,
        "write { share: SHARE, latency: { REGION: { normal: MS } } }",
    )?;
    let Some(share) = all.get("share") else {
        bail!(it.wrong("share is missing; write share: 1, or more, compared with the others"));
    };
    let share = share.number(0.0..=NUMBER_ABS_MAX, "write a share of 0 or more")?;
    let ahead = all.get("hours_ahead").map(|ahead| {
        ahead.whole(
            -14..=14,
            "write a number from -14 to 14, without a fraction",
        )
    });
    let mut latency = Vec::new();
    if let Some(it) = all.get("latency") {
        for (to, it) in it.named("write { REGION: { normal: MS } }")? {
            let region = region(to, settings).map_err(|wrong| it.wrong_key(wrong))?;
            latency.push((region, spread(&it, Of::Latency)?));
        }
    }
    Ok(Home {
        name: name.to_owned(),
        share,
        hours_ahead: ahead.transpose()?.unwrap_or(0),
        latency,
    })
}

fn parties(it: Option<&Value<'_>>, settings: &[Setting]) -> anyhow::Result<Weighted<u16>> {
    let Some(it) = it else {
        return Weighted::new([(1.0, 1)]).context("one in a party");
    };
    let sizes = settings.iter().map(|one| one.queue.party_players_max);
    let max = sizes.max();
    let max = max.unwrap_or(1);
    let mut sizes = Vec::new();
    for (share, size, at) in shares(it)? {
        let known = size.parse().ok().filter(|size| (1..=max).contains(size));
        let Some(size) = known else {
            bail!(at.wrong_key(format_args!(
                "a party of {size} cannot queue; write sizes from 1 to {max}"
            )));
        };
        sizes.push((share, size));
    }
    weighted(it, sizes)
}

fn attributes(
    it: Option<&Value<'_>>,
    settings: &[Setting],
) -> anyhow::Result<BTreeMap<Name, Values>> {
    let mut attributes = BTreeMap::new();
    let Some(it) = it else {
        return Ok(attributes);
    };
    for (name, it) in it.named("write { ATTRIBUTE: { normal: MEAN, deviation: D } }")? {
        let (name, attribute) = declared(name, settings).map_err(|near| match near {
            Some(near) => it.wrong_key(format_args!(
                "the queue has no such attribute; did you mean {near}?"
            )),
            None => it.wrong_key("the queue has no such attribute; remove it"),
        })?;
        one_type(name, settings).map_err(|wrong| it.wrong_key(format_args!("it is {wrong}")))?;
        let values = of_attribute(&it, attribute)?;
        ensure!(
            attributes.insert(name.clone(), values).is_none(),
            it.wrong_key("it is there twice, as names are compared without case; remove one")
        );
    }
    Ok(attributes)
}

/// The attribute of this name, without regard to case, of the first queue that has one; else the nearest name.
pub(super) fn declared<'q>(
    name: &str,
    settings: &'q [Setting],
) -> Result<(&'q Name, &'q Attribute), Option<&'q str>> {
    let all = || settings.iter().flat_map(|one| &one.queue.attributes);
    let found = all().find(|(known, _)| known.as_str().eq_ignore_ascii_case(name));
    found.ok_or_else(|| nearest(name, all().map(|(known, _)| known.as_str())))
}

fn of_attribute(it: &Value<'_>, attribute: &Attribute) -> anyhow::Result<Values> {
    Ok(match attribute.kind {
        AttributeType::Number => Values::Number(spread(it, Of::Attribute)?),
        AttributeType::String => {
            const WRITE: &str = "it is a text; write choice: { TEXT: SHARE }";
            let all = it.map(&TEXT_KEYS, WRITE)?;
            let choice = all
                .get("choice")
                .with_context(|| it.wrong(WRITE).to_string())?;
            Values::Text(texts(choice)?)
        }
        AttributeType::Strings => {
            const WRITE: &str = "it is a list of texts; write any_of: { TEXT: PROBABILITY } or choice: { TEXT: SHARE }";
            let all = it.map(&TEXTS_KEYS, WRITE)?;
            match (all.get("any_of"), all.get("choice")) {
                (Some(any), None) => Values::Texts(any_of(any)?),
                (None, Some(choice)) => Values::OneText(texts(choice)?),
                (Some(_), Some(choice)) => {
                    bail!(choice.wrong_key("write any_of or choice, not both"))
                }
                (None, None) => bail!(it.wrong(WRITE)),
            }
        }
        AttributeType::Numbers => {
            const WRITE: &str = "it is numbers by key; write numbers: { KEY: { normal: MEAN } }";
            let all = it.map(&NUMBERS_KEYS, WRITE)?;
            let numbers = all
                .get("numbers")
                .with_context(|| it.wrong(WRITE).to_string())?;
            let mut spreads = BTreeMap::new();
            for (key, it) in numbers.named(WRITE)? {
                spreads.insert(key.to_owned(), spread(&it, Of::Attribute)?);
            }
            Values::Numbers(spreads)
        }
    })
}

fn texts(choice: &Value<'_>) -> anyhow::Result<Weighted<String>> {
    let shares = shares(choice)?.into_iter();
    let texts = shares.map(|(share, text, _)| (share, text.to_owned()));
    weighted(choice, texts.collect())
}

fn any_of(it: &Value<'_>) -> anyhow::Result<Vec<(f64, String)>> {
    let mut all = Vec::new();
    for (text, probability) in it.named("write { TEXT: PROBABILITY }")? {
        let share = probability.number(0.0..=1.0, "write a probability from 0 to 1")?;
        all.push((share, text.to_owned()));
    }
    Ok(all)
}

/// What happens to a share of tickets, so many seconds later at least.
fn later(it: &Value<'_>, seconds_min: f64) -> anyhow::Result<(f64, Spread)> {
    const WRITE: &str = "write { share: SHARE, after_seconds: { uniform: [FROM, TO] } }";
    let all = it.map(&LATER_KEYS, WRITE)?;
    let (Some(share), Some(after)) = (all.get("share"), all.get("after_seconds")) else {
        bail!(it.wrong(WRITE));
    };
    let share = share.number(0.0..=1.0, "write a share from 0 to 1")?;
    let mut spread = spread(after, Of::Seconds)?;
    spread.min = spread.min.max(seconds_min);
    spread.max = spread.max.max(seconds_min);
    Ok((share, spread))
}

/// What numbers are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Attribute,
    Latency,
    Seconds,
}

impl Of {
    /// Beyond these it means nothing.
    fn within(self) -> RangeInclusive<f64> {
        match self {
            Of::Attribute => -NUMBER_ABS_MAX..=NUMBER_ABS_MAX,
            Of::Latency => 0.0..=f64::from(matcher::LATENCY_MS_MAX),
            Of::Seconds => 0.0..=SECONDS_MAX,
        }
    }

    fn write(self) -> String {
        let (from, to) = self.within().into_inner();
        match self {
            Of::Attribute => "write finite numbers, at most 10^15 either way".to_owned(),
            Of::Latency => format!("write milliseconds from {from} to {to}"),
            Of::Seconds => format!("write seconds from {from} to {to}, which are 30 days"),
        }
    }
}

fn spread(it: &Value<'_>, of: Of) -> anyhow::Result<Spread> {
    const WRITE: &str = "write { normal: MEAN, deviation: D }, { uniform: [FROM, TO] } or { choice: { NUMBER: SHARE } }, each with min and max if need be";
    let all = it.map(&SPREAD_KEYS, WRITE)?;
    let number = |it: &Value<'_>| it.number(of.within(), of.write());
    let wide = |key| {
        let it = all.get(key);
        it.map(|it: &Value<'_>| it.number(0.0..=NUMBER_ABS_MAX, "write a number of 0 or more"))
            .transpose()
    };
    let deviation = wide("deviation")?;
    let shape = match (all.get("normal"), all.get("uniform"), all.get("choice")) {
        (Some(mean), None, None) => Shape::Normal {
            mean: number(mean)?,
            deviation: deviation.unwrap_or(0.0),
        },
        (None, Some(ends), None) => uniform(ends, of)?,
        (None, None, Some(choice)) => Shape::Choice(numbers(choice, of)?),
        _ => bail!(it.wrong(WRITE)),
    };
    if let (Some(deviation), None) = (all.get("deviation"), all.get("normal")) {
        bail!(deviation.wrong_key("it belongs to normal; remove it"));
    }
    let (least, most) = of.within().into_inner();
    let min = all.get("min").map_or(Ok(least), number)?;
    let max = all.get("max").map_or(Ok(most), number)?;
    ensure!(min <= max, it.wrong("make min no greater than max"));
    Ok(Spread {
        shape,
        min,
        max,
        within_party: wide("within_party")?,
    })
}

fn uniform(it: &Value<'_>, of: Of) -> anyhow::Result<Shape> {
    let ends = it.list().unwrap_or_default();
    let [from, to] = ends.as_slice() else {
        bail!(it.wrong("write [FROM, TO]"));
    };
    let (from, to) = (
        from.number(of.within(), of.write())?,
        to.number(of.within(), of.write())?,
    );
    ensure!(from <= to, it.wrong("write the smaller number first"));
    Ok(Shape::Uniform { from, to })
}

fn numbers(it: &Value<'_>, of: Of) -> anyhow::Result<Weighted<f64>> {
    let mut values = Vec::new();
    for (share, text, at) in shares(it)? {
        let number = text.parse().ok().filter(|x| of.within().contains(x));
        let Some(number) = number else {
            bail!(at.wrong_key(format_args!("{text:?} is wrong; {}", of.write())));
        };
        values.push((share, number));
    }
    weighted(it, values)
}
