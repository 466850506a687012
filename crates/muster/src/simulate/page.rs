//! A run, or two side by side, as one page that brings everything it needs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::compare::Difference;
use super::plot::{Series, bars, curve, escaped, lines};
use super::table::{counted, heads, notes, rows};
use super::tally::{Figures, Group, Report};

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1d21; --dim: #667; --line: #dde; --run0: #1d5fd0; --run1: #c2410c; --good: #15803d; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e8ea; --dim: #9aa3ad; --line: #2c323a; --run0: #6ea8fe; --run1: #fb923c; --good: #4ade80; --bad: #f87171; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.note { color: var(--dim); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font-size: 11px; }
.grid { stroke: var(--line); }
path { fill: none; stroke-width: 2; } path.dashed { stroke-dasharray: 5 4; stroke-width: 1.5; }
path.run0 { stroke: var(--run0); } path.run1 { stroke: var(--run1); }
rect.run0 { fill: var(--run0); } rect.run1 { fill: var(--run1); } rect.dashed { opacity: .5; }
.legend { margin: 0; color: var(--dim); font-size: .85rem; }
.key::before { content: ''; display: inline-block; width: 1.4em; border-top: 3px solid; margin-right: .4em; vertical-align: middle; }
.key.dashed::before { border-top-style: dashed; }
.key.run0::before { color: var(--run0); } .key.run1::before { color: var(--run1); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.better { color: var(--good); } .worse { color: var(--bad); } .same { color: var(--dim); }
td.run0 { color: var(--run0); } td.run1 { color: var(--run1); }
";

/// The page. Of two reports the first is the edit, the second what it is compared with.
pub(super) fn page(
    reports: &[Report],
    differences: &[Difference],
    assumptions: &[String],
) -> String {
    let queue = reports.first().map_or("", |report| report.queue.as_str());
    let queue = escaped(queue);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <title>Queue {queue}, simulated</title><style>{STYLE}</style></head><body>\n\
         <h1>Queue {queue}, simulated</h1>\n"
    );
    for (run, report) in reports.iter().enumerate() {
        let _ = writeln!(
            html,
            "<p><span class=\"key run{run}\"><b>{}</b></span>: {}, {}, {}, each verified; seed {}.</p>",
            escaped(&report.config),
            counted(report.all.tickets, "ticket", "tickets"),
            counted(report.all.players, "player", "players"),
            counted(report.matches_verified, "match", "matches"),
            report.seed
        );
    }
    for assumption in assumptions {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(assumption));
    }
    if !differences.is_empty() {
        html += &compared(reports, differences);
    }
    html += "<h2>Plots</h2>\n<div class=\"plots\">\n";
    html += &plots(reports);
    html += "</div>\n<h2>Figures</h2>\n";
    for (run, report) in reports.iter().enumerate() {
        html += &figures(run, report);
    }
    html += "</body></html>\n";
    html
}

fn compared(reports: &[Report], differences: &[Difference]) -> String {
    let name = |at: usize| reports.get(at).map_or("", |report| report.config.as_str());
    let mut html = format!(
        "<h2>What differs</h2>\n<div class=\"scroll\"><table><thead><tr><th>of all tickets</th><th>{}</th><th>{}</th><th>so it is</th></tr></thead><tbody>\n",
        escaped(name(0)),
        escaped(name(1))
    );
    for one in differences {
        let verdict = one.verdict.as_str();
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"run0\">{}</td><td class=\"run1\">{}</td><td class=\"{verdict}\">{}</td></tr>",
            one.what,
            escaped(&one.shown.0),
            escaped(&one.shown.1),
            escaped(&one.judged())
        );
    }
    html += "</tbody></table></div>\n";
    html
}

/// A figure's name and how its points are read of a report.
type Read<'f, 'r> = (&'f str, &'f dyn Fn(&'r Report) -> Vec<f64>);

/// A series of each run, or two.
fn series<'r>(reports: &'r [Report], figures: &[Read<'_, 'r>]) -> Vec<Series> {
    let runs = reports.iter().enumerate();
    runs.flat_map(|(run, report)| {
        let name = move |figure: &str| match (figure, reports.len()) {
            ("", 1) => "all".to_owned(),
            ("", _) => report.config.clone(),
            (figure, 1) => figure.to_owned(),
            (figure, _) => format!("{}, {figure}", report.config),
        };
        let figures = figures.iter().enumerate();
        figures.map(move |(at, (figure, points))| Series {
            name: name(figure),
            run,
            dashed: at > 0,
            points: points(report),
        })
    })
    .collect()
}

/// Some of the groups of a report.
type Groups = fn(&Report) -> &[Group];
/// Which of the figures of a group.
type Of = fn(&Group) -> &Figures;

fn plots(reports: &[Report]) -> String {
    let mut html = String::new();
    let curves: [(&str, &str, f64, Of); 4] = [
        ("Wait until matched, of how many tickets", " s", 0.1, |g| {
            &g.wait_seconds
        }),
        (
            "Skill gap of the match, of how many tickets",
            "",
            1.0,
            |g| &g.skill_gap,
        ),
        ("Gap between the teams, of how many tickets", "", 1.0, |g| {
            &g.balance_gap
        }),
        (
            "Latency in the match, of how many tickets",
            " ms",
            5.0,
            |g| &g.latency_ms,
        ),
    ];
    for (caption, unit, from, of) in curves {
        let points = |report: &Report| of(&report.all).percentiles.clone();
        html += &curve(caption, unit, from, &series(reports, &[("", &points)]));
    }
    html += &sizes(reports);
    html += &by_hour(reports);
    let parts: [(&str, Groups); 2] = [
        ("region", |r| &r.by_region),
        ("party size", |r| &r.by_party),
    ];
    for (by, groups) in parts {
        let of: [(&str, &str, Of); 3] = [
            ("Wait", " s", |g| &g.wait_seconds),
            ("Skill gap", "", |g| &g.skill_gap),
            ("Latency", " ms", |g| &g.latency_ms),
        ];
        let names: BTreeSet<&str> = reports
            .iter()
            .flat_map(&groups)
            .map(|group| group.name.as_str())
            .collect();
        let labels: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for (what, unit, of) in of {
            let drawn = quantiles(reports, groups, &labels, of);
            html += &bars(&format!("{what} by {by}"), unit, &labels, &drawn);
        }
    }
    html
}

/// Two quantiles of a figure of each of some groups, for each run.
fn quantiles(reports: &[Report], groups: Groups, labels: &[String], of: Of) -> Vec<Series> {
    let p50 = |r: &Report| named(groups(r), labels, |g| of(g).p50.unwrap_or(0.0));
    let p90 = |r: &Report| named(groups(r), labels, |g| of(g).p90.unwrap_or(0.0));
    series(reports, &[("p50", &p50), ("p90", &p90)])
}

/// A figure of each of some groups, in the order of the labels; zero where there is no such group.
fn named(groups: &[Group], labels: &[String], of: impl Fn(&Group) -> f64) -> Vec<f64> {
    let found = |label: &String| groups.iter().find(|group| group.name == *label);
    labels
        .iter()
        .map(|label| found(label).map_or(0.0, &of))
        .collect()
}

fn by_hour(reports: &[Report]) -> String {
    let labels: Vec<String> = (0..24).map(|hour| format!("{hour:02}:00")).collect();
    let mut html = String::new();
    let tickets = |r: &Report| named(&r.by_hour, &labels, |g| g.tickets as f64);
    let matched = |r: &Report| named(&r.by_hour, &labels, |g| g.matched as f64);
    html += &lines(
        "Tickets by hour (UTC)",
        "",
        &labels,
        &series(reports, &[("came", &tickets), ("matched", &matched)]),
    );
    let of: [(&str, &str, Of); 3] = [
        ("Wait by hour (UTC)", " s", |g| &g.wait_seconds),
        ("Skill gap by hour (UTC)", "", |g| &g.skill_gap),
        ("Latency by hour (UTC)", " ms", |g| &g.latency_ms),
    ];
    for (caption, unit, of) in of {
        let drawn = quantiles(reports, |r| &r.by_hour, &labels, of);
        html += &lines(caption, unit, &labels, &drawn);
    }
    html
}

fn sizes(reports: &[Report]) -> String {
    let sizes: BTreeSet<u32> = reports
        .iter()
        .flat_map(|report| report.match_players.keys().copied())
        .collect();
    let labels: Vec<String> = sizes.iter().map(u32::to_string).collect();
    let points = |report: &Report| {
        let n = |size| report.match_players.get(size).copied().unwrap_or(0) as f64;
        sizes.iter().map(n).collect()
    };
    bars(
        "Matches by number of players",
        "",
        &labels,
        &series(reports, &[("", &points)]),
    )
}

fn figures(run: usize, report: &Report) -> String {
    let mut html = format!(
        "<h3><span class=\"key run{run}\">{}</span></h3>\n<div class=\"scroll\"><table><thead><tr>",
        escaped(&report.config)
    );
    for head in heads(report) {
        let _ = write!(html, "<th>{head}</th>");
    }
    html += "</tr></thead><tbody>\n";
    for row in rows(report) {
        html += "<tr>";
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html += "</tr>\n";
    }
    html += "</tbody></table></div>\n";
    for note in notes(report) {
        let _ = writeln!(html, "<p>{}</p>", escaped(&note));
    }
    html
}
