//! A run as text for people.

use comfy_table::{CellAlignment, Table, presets};

use super::compare::Difference;
use super::tally::{Group, Promise, Report};

/// The figures of one run.
pub(super) fn report(report: &Report) -> String {
    let all = &report.all;
    let mut text = format!(
        "queue {} of {}: {}, {}; {}, each verified; seed {}\n\n{}\n",
        report.queue,
        report.config,
        counted(all.tickets, "ticket", "tickets"),
        counted(all.players, "player", "players"),
        counted(report.matches_verified, "match", "matches"),
        report.seed,
        groups(report)
    );
    let sizes = report.match_players.iter();
    let sizes: Vec<String> = sizes
        .map(|(players, n)| {
            let players = counted((*players).into(), "player", "players");
            format!("{players}: {}", grouped(*n))
        })
        .collect();
    if !sizes.is_empty() {
        text += &format!("\nmatch size: {}\n", sizes.join("; "));
    }
    for note in notes(report) {
        text += &format!("{note}\n");
    }
    text
}

/// What stands below the figures, each in a sentence or so: promises, and what did not go as it should.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if report.all.replaced > 0 {
        notes.push(format!(
            "replaced {}: a player of the ticket came again in a later one while it still waited",
            grouped(report.all.replaced)
        ));
    }
    notes.extend(report.promises.iter().map(promised));
    let refused = report.refused.iter();
    notes.extend(refused.map(|(why, n)| format!("refused {}: {why}", grouped(*n))));
    if report.searches_put_off > 0 {
        notes.push(format!(
            "searches that took more than one event: {}, given up: {}",
            grouped(report.searches_put_off),
            grouped(report.searches_given_up)
        ));
    }
    notes
}

fn promised(promise: &Promise) -> String {
    let of = percent(promise.quantile);
    let without = grouped(promise.without);
    match (promise.kept_share, promise.mean_seconds) {
        (Some(kept), Some(mean)) => format!(
            "promised {of} of tickets: {} kept of {of} ({} promises, {} on average; {without} came when nothing was known)",
            percent(kept),
            grouped(promise.promised),
            seconds(mean),
        ),
        _ => format!(
            "promised {of} of tickets: there were no promises that came due ({without} came when nothing was known)"
        ),
    }
}

/// A column: what it is called, and how it is read of some tickets. A quantile is of what was named last.
type Column = (&'static str, fn(&Group) -> String);

/// The columns of a run's figures; what happened to no ticket of it and rarely does has none.
fn columns(report: &Report) -> impl Iterator<Item = Column> {
    let all: [Column; 17] = [
        ("tickets", |g| grouped(g.tickets)),
        ("matched", |g| share(g, g.matched)),
        ("expired", |g| share(g, g.expired)),
        ("canceled", |g| share(g, g.canceled)),
        ("refused", |g| share(g, g.refused)),
        ("replaced", |g| share(g, g.replaced)),
        ("waiting", |g| grouped(g.waiting)),
        ("wait p50", |g| shown(g.wait_seconds.p50, seconds)),
        ("p90", |g| shown(g.wait_seconds.p90, seconds)),
        ("p99", |g| shown(g.wait_seconds.p99, seconds)),
        ("max", |g| shown(g.wait_seconds.max, seconds)),
        ("skill gap p50", |g| shown(g.skill_gap.p50, number)),
        ("p90", |g| shown(g.skill_gap.p90, number)),
        ("teams p50", |g| shown(g.balance_gap.p50, number)),
        ("p90", |g| shown(g.balance_gap.p90, number)),
        ("latency p50", |g| shown(g.latency_ms.p50, millis)),
        ("p90", |g| shown(g.latency_ms.p90, millis)),
    ];
    let Group {
        refused, replaced, ..
    } = report.all;
    let is_shown = move |name| match name {
        "refused" => refused > 0,
        "replaced" => replaced > 0,
        _ => true,
    };
    all.into_iter().filter(move |(name, _)| is_shown(*name))
}

/// What the columns of [`rows`] are called.
pub(super) fn heads(report: &Report) -> Vec<&'static str> {
    let columns = columns(report).map(|(name, _)| name);
    std::iter::once("of").chain(columns).collect()
}

/// The figures of all tickets, then those of each region, party size and hour.
pub(super) fn rows(report: &Report) -> Vec<Vec<String>> {
    let row = |name: String, group: &Group| {
        let cells = columns(report).map(|(_, cell)| cell(group));
        std::iter::once(name).chain(cells).collect()
    };
    let all = std::iter::once(row("all".into(), &report.all));
    let regions = report.by_region.iter();
    let regions = regions.map(|group| row(group.name.clone(), group));
    let parties = report.by_party.iter();
    let parties = parties.map(|group| row(format!("party of {}", group.name), group));
    let hours = report.by_hour.iter();
    let hours = hours.map(|group| row(format!("{} UTC", group.name), group));
    all.chain(regions).chain(parties).chain(hours).collect()
}

fn share(group: &Group, n: u64) -> String {
    percent(n as f64 / group.tickets.max(1) as f64)
}

fn groups(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(heads(report));
    table.add_rows(rows(report));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What the first run changes, compared with the second.
pub(super) fn differences(this: &Report, against: &Report, differences: &[Difference]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["of all tickets", &this.config, &against.config, "so it is"]);
    for one in differences {
        table.add_row([one.what, &one.shown.0, &one.shown.1, &one.judged()]);
    }
    format!("{table}\n")
}

/// A figure that may not be known.
pub(super) fn shown(value: Option<f64>, how: fn(f64) -> String) -> String {
    value.map_or_else(|| "-".into(), how)
}

/// A share as people read it.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Seconds, in words for long ones.
pub(super) fn seconds(s: f64) -> String {
    match s {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// Milliseconds.
pub(super) fn millis(ms: f64) -> String {
    format!("{ms:.0} ms")
}

/// A number that has no unit.
pub(super) fn number(x: f64) -> String {
    if x.abs() < 10.0 && x.fract() != 0.0 {
        format!("{x:.2}")
    } else {
        format!("{x:.0}")
    }
}

/// So many of something.
pub(super) fn counted(n: u64, one: &str, several: &str) -> String {
    let what = if n == 1 { one } else { several };
    format!("{} {what}", grouped(n))
}

/// A count with its thousands apart.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_counted_as_one() {
        let matches = |n| counted(n, "match", "matches");
        assert_eq!(matches(0), "0 matches");
        assert_eq!(matches(1), "1 match");
        assert_eq!(matches(1_001), "1,001 matches");
    }
}
