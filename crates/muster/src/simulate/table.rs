//! A run as text for people.

use comfy_table::{CellAlignment, Table, presets};

use super::compare::Difference;
use super::tally::{Figures, Group, Report};

/// The figures of one run.
pub(super) fn report(report: &Report) -> String {
    let all = &report.all;
    let mut text = format!(
        "queue {} of {}: {} tickets, {} players; {} matches, each verified; seed {}\n\n{}\n",
        report.queue,
        report.config,
        grouped(all.tickets),
        grouped(all.players),
        grouped(report.matches_verified),
        report.seed,
        groups(report)
    );
    let sizes = report.match_players.iter();
    let sizes: Vec<String> = sizes
        .map(|(players, n)| format!("{players} players: {}", grouped(*n)))
        .collect();
    if !sizes.is_empty() {
        text += &format!("\nmatch size: {}\n", sizes.join("; "));
    }
    for promise in &report.promises {
        text += &format!(
            "promised {} of tickets: {} kept of {} ({} promises, {} on average; {} came when nothing was known)\n",
            percent(promise.quantile),
            percent(promise.kept_share),
            percent(promise.quantile),
            grouped(promise.promised),
            seconds(promise.mean_seconds),
            grouped(promise.without)
        );
    }
    for (why, n) in &report.refused {
        text += &format!("refused {}: {why}\n", grouped(*n));
    }
    if report.searches_put_off > 0 {
        text += &format!(
            "searches that took more than one event: {}, given up: {}\n",
            grouped(report.searches_put_off),
            grouped(report.searches_given_up)
        );
    }
    text
}

fn groups(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "of",
        "tickets",
        "matched",
        "expired",
        "canceled",
        "waiting",
        "wait p50",
        "p90",
        "p99",
        "max",
        "gap p50",
        "p90",
        "teams p50",
        "p90",
        "ping p50",
        "p90",
    ]);
    let mut row = |name: String, group: &Group| {
        let count = |n: u64| grouped(n);
        let Group {
            wait_seconds: wait,
            skill_gap: gap,
            balance_gap: teams,
            latency_ms: ping,
            ..
        } = group;
        table.add_row([
            name,
            count(group.tickets),
            share(group.matched, group.tickets),
            share(group.expired, group.tickets),
            share(group.canceled, group.tickets),
            count(group.waiting),
            shown(wait, wait.p50, seconds),
            shown(wait, wait.p90, seconds),
            shown(wait, wait.p99, seconds),
            shown(wait, wait.max, seconds),
            shown(gap, gap.p50, number),
            shown(gap, gap.p90, number),
            shown(teams, teams.p50, number),
            shown(teams, teams.p90, number),
            shown(ping, ping.p50, millis),
            shown(ping, ping.p90, millis),
        ]);
    };
    row("all".into(), &report.all);
    for group in &report.by_region {
        row(group.name.clone(), group);
    }
    for group in &report.by_party {
        row(format!("party of {}", group.name), group);
    }
    for group in &report.by_hour {
        row(format!("{} UTC", group.name), group);
    }
    for column in 1..16 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
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

fn shown(of: &Figures, value: f64, how: fn(f64) -> String) -> String {
    match of.n {
        0 => "-".into(),
        _ => how(value),
    }
}

/// A share as people read it.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn share(n: u64, of: u64) -> String {
    percent(n as f64 / of.max(1) as f64)
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
