//! The opening hours of a queue: their days, times and zones.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::diagnostic::Report;
use super::document::Document;
use super::nearest::nearest;
use super::raw_queue as raw;
use crate::opening::OpeningHours;

/// The hours that can be told; what is wrong with the others is reported.
pub(super) fn hours(
    raw: &raw::Queue,
    document: &Document,
    reports: &mut Vec<Report>,
) -> Vec<OpeningHours> {
    let mut hours = Vec::new();
    if raw.open.as_ref().is_some_and(Vec::is_empty) {
        let message = "without any hours the queue is always open".to_owned();
        let help = "write hours, or remove `open`; `active: false` pauses the queue";
        let span = document.at(&["open"]);
        reports.push(Report::warning("always-open", span, message).write(help));
    }
    for (index, one) in raw.open.iter().flatten().enumerate() {
        let index = index.to_string();
        let is_unsure = document.is_unsure(&["open", &index, "days"]);
        if one.days.as_ref().is_some_and(Vec::is_empty) && !is_unsure {
            let message = "without any days it opens on every day".to_owned();
            let help = "write days such as `[sat, sun]`, or remove `days`";
            let span = document.at(&["open", &index, "days"]);
            reports.push(Report::warning("every-day", span, message).write(help));
        }
        let mut report = |code, key: &str, message: String, help: &str| {
            let span = document.at(&["open", &index, key]);
            reports.push(Report::error(code, span, message).write(help));
        };
        let (from, to) = (minutes(&one.from), minutes(&one.to));
        for (key, written, found) in [("from", &one.from, from), ("to", &one.to, to)] {
            if found.is_none() {
                let message = format!("`{written}` is no time of day");
                report(
                    "bad-time",
                    key,
                    message,
                    "write hours and minutes, such as `\"18:30\"`",
                );
            }
        }
        if from.is_some() && from == to {
            let message = format!("it would open and close at {}", one.from);
            let help = "write two times, or `from: \"00:00\", to: \"24:00\"` for the whole day";
            report("bad-time", "to", message, help);
        }
        if from == Some(24 * 60) {
            let message = "no day begins at 24:00".to_owned();
            report(
                "bad-time",
                "from",
                message,
                "write `\"00:00\"` and the day after",
            );
        }
        let zone = zone(&one.zone);
        if let Err(help) = &zone {
            let message = format!("there is no time zone `{}`", one.zone);
            report("unknown-zone", "zone", message, help);
        }
        let (Some(from), Some(to), Ok(zone)) = (from, to, zone) else {
            continue;
        };
        hours.push(OpeningHours {
            days: days(one.days.as_deref().unwrap_or_default()),
            from,
            to,
            zone,
        });
    }
    hours
}

/// Without any it is every day.
fn days(written: &[raw::Day]) -> [bool; 7] {
    let all = [
        raw::Day::Mon,
        raw::Day::Tue,
        raw::Day::Wed,
        raw::Day::Thu,
        raw::Day::Fri,
        raw::Day::Sat,
        raw::Day::Sun,
    ];
    all.map(|day| written.is_empty() || written.contains(&day))
}

/// Minutes after midnight of `HH:MM`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_pair = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| is_pair)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 24 * 60).then_some(all)
}

/// A zone of the database that is built in, so that every machine has the same; else what to write.
fn zone(name: &str) -> Result<TimeZone, String> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("write `{near}`"),
            None => "write a name such as `Europe/Berlin`".to_owned(),
        }
    })
}
