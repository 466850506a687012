//! `muster simulate` as designers run it: its table, its document, its page, and what it says of bad input.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) const TYPES: &str = "\
apiVersion: v1
kind: SessionType
name: Game
creation: { by_matchmaking: true }
size: { teams: 2, players_per_team: 2 }
joinability: private
instance: { fleet: arena, startup_params: { map: Arena } }
---
apiVersion: v1
kind: Fleet
name: arena
provider: process
regions: [eu, us]
config: { command: [muster, arena] }
---
apiVersion: v1
kind: Queue
name: pairs
session_type: Game
regions: { max_latency: 90ms }
teams: { count: 2, size: 2 }
attributes:
  skill: { type: number, source: server, default: 1500 }
  mode: { type: strings, source: player, default: [tdm] }
rules:
  - { name: gap, distance: skill, max: 100 }
  - { name: same-mode, intersect: mode }
expansions:
  - { rule: gap, steps: [{ after: 10s, max: 200 }, { after: 40s, max: null }] }
ticket: { time_out: 2m }
";

const POPULATION: &str = "\
tickets_per_day: 8000
hours: evening
regions:
  eu: { share: 2, latency: { eu: { normal: 40, deviation: 20, min: 5 }, us: { normal: 110, deviation: 15 } } }
  us: { share: 1, hours_ahead: -6, latency: { eu: { normal: 110, deviation: 15 }, us: { uniform: [10, 85] } } }
parties: { 1: 3, 2: 1 }
attributes:
  skill: { normal: 1500, deviation: 300, min: 0, max: 3000, within_party: 80 }
  mode: { any_of: { tdm: 1, ctf: 0.5 } }
cancel: { share: 0.2, after_seconds: { uniform: [5, 60] } }
";

/// A folder of types, a population, and whatever else a test needs.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let desk = Desk {
            folder: tempfile::tempdir().expect("a folder"),
        };
        desk.write("types/all.yaml", TYPES);
        desk.write("population.yaml", POPULATION);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        let common = ["simulate", "--queue", "pairs", "--config", "types"];
        command
            .args(common)
            .args(arguments)
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("runs")
    }

    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn document(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.said(&arguments)).expect("a document")
    }

    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        String::from_utf8(output.stderr).expect("text")
    }
}

/// The cells of a column of the first table, from the row of all tickets down; none where there is no such column.
fn column(table: &str, head: &str) -> Vec<String> {
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let lines = table.lines().skip_while(|line| !line.starts_with("| of "));
    let mut lines = lines.take_while(|line| line.starts_with('|')).map(cells);
    let heads = lines.next().expect("a table");
    let at = heads.iter().position(|found| found == head);
    at.map_or_else(Vec::new, |at| {
        lines.skip(1).map(|row| row[at].clone()).collect()
    })
}

pub(crate) fn count(group: &Value, key: &str) -> u64 {
    group[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key}: {group}"))
}

#[test]
fn every_ticket_is_accounted_for_in_the_table_and_in_the_document() {
    let desk = Desk::new();
    let crowd = ["--population", "population.yaml"];
    let document = desk.document(&crowd);
    let run = &document["runs"][0];
    let all = &run["all"];
    assert_eq!(count(all, "tickets"), 8_000);
    let fates = [
        "matched", "expired", "canceled", "refused", "replaced", "waiting",
    ];
    assert_eq!(
        fates.map(|fate| count(all, fate)).iter().sum::<u64>(),
        8_000
    );
    assert!(
        count(all, "matched") > 4_000 && count(all, "canceled") > 50,
        "{all}"
    );
    for parts in ["by_region", "by_hour", "by_party"] {
        for key in fates.iter().chain(&["tickets", "players"]) {
            let parts = run[parts].as_array().expect("parts");
            let sum: u64 = parts.iter().map(|group| count(group, key)).sum();
            assert_eq!(sum, count(all, key), "{key} {parts:?}");
        }
    }
    let in_matches = run["matches_verified"].as_u64().expect("a number") * 4;
    let sizes = run["match_players"].as_object().expect("sizes");
    assert_eq!(sizes.keys().collect::<Vec<_>>(), ["4"]);
    let of_parties = run["by_party"].as_array().expect("parts").iter();
    let of_parties = of_parties.map(|group| {
        let size: u64 = group["name"]
            .as_str()
            .expect("a name")
            .parse()
            .expect("a size");
        count(group, "matched") * size
    });
    assert_eq!(of_parties.sum::<u64>(), in_matches);
    // Latency and waits keep to the queue's limits.
    assert!(all["latency_ms"]["max"].as_f64() <= Some(90.0), "{all}");
    assert!(all["wait_seconds"]["max"].as_f64() <= Some(120.0), "{all}");
    let table = desk.said(&crowd);
    assert!(table.contains("8,000 tickets"), "{table}");
    for row in [
        "| all ",
        "| eu ",
        "| us ",
        "| party of 2 ",
        "| 20:00 UTC ",
        "promised 90.0 %",
    ] {
        assert!(table.contains(row), "{row}: {table}");
    }
    assert!(table.contains("Players do not come back"), "{table}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let desk = Desk::new();
    let said = |seed: &str, page: &str| {
        let arguments = [
            "--population",
            "population.yaml",
            "--seed",
            seed,
            "--json",
            "--html",
            page,
        ];
        let said = desk.said(&arguments);
        (said, std::fs::read(desk.path(page)).expect("a page"))
    };
    let first = said("7", "first.html");
    assert!(first == said("7", "second.html"));
    assert!(first.0 != said("8", "third.html").0);
}

#[test]
fn two_configurations_are_told_apart() {
    let desk = Desk::new();
    desk.write(
        "wide/all.yaml",
        &TYPES.replace("after: 10s, max: 200", "after: 1s, max: 900"),
    );
    let document = desk.document(&[
        "--population",
        "population.yaml",
        "--against",
        "wide",
        "--html",
        "both.html",
    ]);
    let differences = document["differences"].as_array().expect("differences");
    let verdict = |what: &str| {
        let found = differences.iter().find(|one| one["what"] == what);
        found.map(|one| (one["verdict"].clone(), one["words"].clone()))
    };
    // The narrower limit makes players wait longer for closer matches.
    let (waits, words) = verdict("wait p50").expect("a figure");
    assert_eq!(waits, "worse");
    assert!(
        words
            .as_str()
            .is_some_and(|words| words.ends_with("longer")),
        "{words}"
    );
    assert_eq!(verdict("skill gap p50").expect("a figure").0, "better");
    let tickets = |run: usize| document["runs"][run]["all"]["tickets"].clone();
    assert_eq!(tickets(0), tickets(1), "the same crowd");
    let page = std::fs::read_to_string(desk.path("both.html")).expect("a page");
    well_formed(&page);
    for part in [
        "worse: ",
        "better: ",
        "class=\"run0\"",
        "class=\"run1\"",
        "What differs",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let table = desk.said(&["--population", "population.yaml", "--against", "wide"]);
    assert!(
        table.contains("| so it is") && table.contains("better: "),
        "{table}"
    );
}

#[test]
fn the_page_is_well_formed_and_brings_all_it_needs() {
    let desk = Desk::new();
    desk.said(&["--population", "population.yaml", "--html", "page.html"]);
    let page = std::fs::read_to_string(desk.path("page.html")).expect("a page");
    let elements = well_formed(&page);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    assert!(count("svg") >= 12, "{elements:?}");
    assert_eq!(count("svg"), count("figure"));
    assert_eq!((count("script"), count("link"), count("img")), (0, 0, 0));
    for outside in ["http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    for plot in [
        "Wait until matched",
        "Skill gap of the match",
        "Latency in the match",
        "Matches by number of players",
        "Wait by hour",
        "Wait by region",
    ] {
        assert!(page.contains(plot), "{plot}");
    }
    // A folder may be called anything.
    desk.write("a<b>&'c'/all.yaml", TYPES);
    let said = desk.said(&[
        "--population",
        "population.yaml",
        "--against",
        "a<b>&'c'",
        "--html",
        "page.html",
    ]);
    assert!(said.contains("a<b>&'c'"), "{said}");
    well_formed(&std::fs::read_to_string(desk.path("page.html")).expect("a page"));
}

/// Parses a page as strictly as XML is; the names of its elements in order.
fn well_formed(page: &str) -> Vec<String> {
    let mut rest = page
        .strip_prefix("<!DOCTYPE html>\n")
        .expect("it says that it is HTML");
    let mut open: Vec<String> = Vec::new();
    let mut elements = Vec::new();
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        assert!(
            !open.is_empty() || text.trim().is_empty(),
            "outside: {text:?}"
        );
        if open.last().is_none_or(|inner| inner != "style") {
            checked_text(text);
        }
        let end = tag
            .find('>')
            .unwrap_or_else(|| panic!("not closed: {:.80}", tag));
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{:.80}", tag);
            continue;
        }
        let (inner, is_empty) = match inner.strip_suffix('/') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name:?}");
        checked_attributes(attributes);
        elements.push(name.to_owned());
        if !is_empty {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new());
    assert_eq!(elements.first().map(String::as_str), Some("html"));
    elements
}

fn checked_text(text: &str) {
    assert!(!text.contains('>'), "{text:?}");
    for after in text.split('&').skip(1) {
        let (entity, _) = after.split_once(';').expect("an entity");
        assert!(
            ["amp", "lt", "gt", "quot", "#39"].contains(&entity),
            "{entity:?}"
        );
    }
}

fn checked_attributes(mut attributes: &str) {
    let mut seen = Vec::new();
    while !attributes.trim().is_empty() {
        let (name, rest) = attributes
            .trim_start()
            .split_once("=\"")
            .expect("name=\"value\"");
        let (value, rest) = rest.split_once('"').expect("a value that ends");
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{name:?}"
        );
        assert!(!seen.contains(&name), "{name} twice");
        assert!(
            !value.contains('<') && !value.contains("NaN") && !value.contains("inf"),
            "{name}: {value}"
        );
        checked_text(value);
        seen.push(name);
        attributes = rest;
    }
}

#[test]
fn a_trace_is_played_as_it_was_recorded() {
    let desk = Desk::new();
    let trace = "\
ticket,time,player,leaves,latency.eu,latency.us,attribute.Skill,attribute.mode
a,0,ann,,20,100,1500,tdm
a,0,bob,,25,100,1510,tdm|ctf
b,5.5,cid,,30,,1490,tdm
c,2026-01-05T00:00:07Z,\"dan\",,30,,1480,\"tdm\"
d,100,eve,20,30,,1480,tdm
e,200,fay,,9000,,1480,tdm
";
    desk.write("trace.csv", trace);
    let run = &desk.document(&["--players", "trace.csv"])["runs"][0];
    let all = &run["all"];
    let found = ["tickets", "players", "matched", "canceled", "refused"].map(|key| count(all, key));
    assert_eq!(found, [5, 6, 3, 1, 1]);
    // The last to come completes the match: the others waited 7 s and 1.5 s for him.
    assert_eq!(all["wait_seconds"]["max"], 7.0);
    assert_eq!(all["wait_seconds"]["p50"], 1.5);
    let refused = run["refused"].as_object().expect("reasons");
    assert!(
        refused
            .keys()
            .all(|why| why.starts_with("regions.max_latency")),
        "{refused:?}"
    );
}

/// The later ticket counts, as whoever queues anew has stopped waiting: the earlier one ends, and its party with it.
#[test]
fn a_player_who_comes_again_waits_in_the_later_ticket_alone() {
    let desk = Desk::new();
    let trace = "\
ticket,time,player,latency.eu,attribute.skill
a,0,ann,20,1500
a,0,bob,20,1500
b,5,ann,20,1500
c,6,cid,20,1500
d,7,dan,20,1500
e,7,eve,20,1500
f,8,eve,20,1500
f,8,bob,20,1500
";
    desk.write("trace.csv", trace);
    let document = desk.document(&["--players", "trace.csv"]);
    let all = &document["runs"][0]["all"];
    let found = ["tickets", "matched", "replaced", "expired"].map(|key| count(all, key));
    // At 7 s ann, cid, dan and eve are together; at 8 s eve waits no more, so only f is left with bob.
    assert_eq!(found, [6, 4, 1, 1]);
    let table = desk.said(&["--players", "trace.csv"]);
    assert!(
        table.contains("replaced 1: a player of the ticket came again"),
        "{table}"
    );
    assert_eq!(
        column(&table, "replaced"),
        ["16.7 %", "16.7 %", "0.0 %", "50.0 %", "16.7 %"],
        "{table}"
    );
    let alone = "ticket,time,player,latency.eu\na,0,ann,20\nb,60,ann,20\nc,61,ann,20\n";
    desk.write("trace.csv", alone);
    let document = desk.document(&["--players", "trace.csv"]);
    let all = &document["runs"][0]["all"];
    let found = ["tickets", "matched", "replaced", "expired"].map(|key| count(all, key));
    assert_eq!(found, [3, 0, 2, 1]);
}

/// Who is not named is nobody else, whatever others are called.
#[test]
fn a_player_without_a_name_is_nobody_who_has_one() {
    let desk = Desk::new();
    let trace = "\
ticket,time,player,latency.eu
a,0,,20
b,1,p0-0,20
c,2,,20
d,3,p1-0,20
";
    desk.write("trace.csv", trace);
    let document = desk.document(&["--players", "trace.csv"]);
    let all = &document["runs"][0]["all"];
    assert_eq!(["matched", "replaced"].map(|key| count(all, key)), [4, 0]);
}

#[test]
fn what_nobody_knows_is_no_zero() {
    let desk = Desk::new();
    desk.write("trace.csv", "ticket,time,latency.eu\na,0,20\n");
    let text = desk.said(&["--players", "trace.csv", "--json"]);
    assert!(!text.contains("-0.0"), "{text}");
    let document: Value = serde_json::from_str(&text).expect("a document");
    let run = &document["runs"][0];
    let wait = &run["all"]["wait_seconds"];
    assert_eq!(wait["n"], 0);
    for key in ["mean", "p50", "p90", "p99", "max"] {
        assert_eq!(wait[key], Value::Null, "{key}");
    }
    assert_eq!(run["promises"][0]["promised"], 0);
    assert_eq!(run["promises"][0]["kept_share"], Value::Null);
    assert_eq!(run["promises"][0]["mean_seconds"], Value::Null);
    let arguments = [
        "--players",
        "trace.csv",
        "--against",
        "types",
        "--html",
        "page.html",
    ];
    let table = desk.said(&arguments);
    assert!(
        table.contains("there were no promises that came due"),
        "{table}"
    );
    assert!(
        table.contains("there is none") && !table.contains("0.0 % kept"),
        "{table}"
    );
    let page = std::fs::read_to_string(desk.path("page.html")).expect("a page");
    well_formed(&page);
    assert!(page.contains("<td>-</td>"), "{page}");
}

/// Where all are refused, the table says so of every row, and whose tickets they were.
#[test]
fn who_was_refused_has_a_column_of_its_own() {
    let desk = Desk::new();
    desk.write(
        "nowhere.yaml",
        "tickets_per_day: 40\nparties: { 1: 1, 2: 1 }\n",
    );
    let table = desk.said(&["--population", "nowhere.yaml", "--html", "page.html"]);
    let refused = column(&table, "refused");
    assert!(
        refused.len() > 4 && refused.iter().all(|cell| cell == "100.0 %"),
        "{table}"
    );
    let page = std::fs::read_to_string(desk.path("page.html")).expect("a page");
    well_formed(&page);
    assert!(
        page.contains("<th>refused</th>") && page.contains("<td>100.0 %</td>"),
        "{page}"
    );
    assert!(!page.contains("<th>replaced</th>"), "{page}");
    desk.write(
        "near.yaml",
        "tickets_per_day: 40\nregions: { eu: { share: 1, latency: { eu: { normal: 9 } } } }\n",
    );
    let table = desk.said(&["--population", "near.yaml"]);
    assert_eq!(column(&table, "refused"), Vec::<String>::new(), "{table}");
    assert_eq!(column(&table, "replaced"), Vec::<String>::new(), "{table}");
}

#[test]
fn who_comes_back_queues_again() {
    let desk = Desk::new();
    let back = "come_back: { share: 0.5, after_seconds: { normal: 300, min: 300 } }\n";
    desk.write("again.yaml", &format!("{POPULATION}{back}"));
    let document = desk.document(&["--population", "again.yaml"]);
    let tickets = count(&document["runs"][0]["all"], "tickets");
    // Each match brings half of its tickets back: twice as many, if all are matched.
    assert!((10_000..17_000).contains(&tickets), "{tickets}");
    assert_eq!(count(&document["runs"][0]["all"], "replaced"), 0);
    let said = document["assumptions"].to_string();
    assert!(said.contains("queues again"), "{said}");
}

/// However soon it is to come back, a party plays a while: a day that ends is simulated.
#[test]
fn who_comes_back_at_once_does_not_keep_the_clock_from_moving() {
    let desk = Desk::new();
    let population = "tickets_per_day: 2\n\
        hours: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]\nattributes: { skill: { normal: 1500 } }\n\
        regions: { eu: { share: 1, latency: { eu: { normal: 20 } } } }\nparties: { 2: 1 }\n\
        come_back: { share: 1, after_seconds: { uniform: [0, 0] } }\n";
    desk.write("again.yaml", population);
    let types = TYPES.replace("time_out: 2m", "time_out: null");
    desk.write("types/all.yaml", &types);
    let document = desk.document(&["--population", "again.yaml"]);
    let tickets = count(&document["runs"][0]["all"], "tickets");
    assert!((2..=2 * 3_600).contains(&tickets), "{tickets}");
}

#[test]
fn who_came_before_the_queue_opened_is_matched_when_it_does() {
    let desk = Desk::new();
    let open = "ticket: { time_out: null }\nopen: [{ from: \"18:00\", to: \"20:00\" }]";
    let types = TYPES.replace("ticket: { time_out: 2m }", open);
    desk.write("types/all.yaml", &types);
    let trace = "ticket,time,latency.eu\na,0,20\na,0,20\nb,36000,20\nb,36000,20\n";
    desk.write("trace.csv", trace);
    let run = &desk.document(&["--players", "trace.csv"])["runs"][0];
    assert_eq!(count(&run["all"], "matched"), 2);
    assert_eq!(run["all"]["wait_seconds"]["max"], 64_800.0);
}

#[test]
fn a_bad_trace_is_refused_with_its_place_and_what_to_write() {
    let desk = Desk::new();
    let traces = [
        ("", "line 1: it is empty"),
        (
            "ticket,when\na,1\n",
            "line 1, column 2: there is no column \"when\"",
        ),
        ("ticket\na\n", "the column \"time\" is missing"),
        (
            "ticket;time;attribute.skill\na;1;2\n",
            "line 1, column 1: there is no column \"ticket;time;attribute.skill\"; separate columns by commas",
        ),
        (
            "ticket,time,time\na,1,1\n",
            "line 1, column 3: time is there twice",
        ),
        (
            "ticket,time,attribute.skil\na,1,2\n",
            "did you mean attribute.skill?",
        ),
        ("ticket,time\na\n", "line 2: 1 fields, but the header has 2"),
        (
            "ticket,time\na,soon\n",
            "line 2, column 2: \"soon\" is wrong; write seconds",
        ),
        (
            "ticket,time,latency.eu\na,1,NaN\n",
            "line 2, column 3: \"NaN\" is wrong; write milliseconds",
        ),
        (
            "ticket,time,latency.eu\na,1,-4\n",
            "line 2, column 3: \"-4\" is wrong",
        ),
        (
            "ticket,time,attribute.skill\na,1,2\nb,1,inf\n",
            "line 3, column 3: \"inf\" is wrong; write a number",
        ),
        (
            "ticket,time\na,1\na,2\n",
            "line 3: the same ticket has another time",
        ),
        (
            "ticket,time\na,\"1\n",
            "line 2: column 2: the quotation mark is not closed",
        ),
        (
            "ticket,time\n,1\n",
            "line 2, column 1: \"\" is wrong; write what the ticket is called",
        ),
        ("ticket,time\n", "there is no player"),
        (
            "ticket,time,player\na,1,\"x,y\"\n",
            "line 2, column 3: \"x,y\" is no player's id: it may not contain ','; allowed are 1 to 100 letters, digits and . _ - : | @",
        ),
        (
            "ticket,time,player\na,1,me\n",
            "line 2, column 3: \"me\" is no player's id: it may not be \"me\", which stands for whoever calls",
        ),
        (
            "ticket,time,platform\na,1,play station\n",
            "line 2, column 3: \"play station\" is no platform: it may not contain ' '; allowed are 1 to 100 letters, digits and . _ -",
        ),
        (
            "ticket,time,player\na,1,ann\na,1,bob\na,1,ann\n",
            "line 4, column 3: the player ann is in the ticket \"a\" twice, in line 2 too; write each player of a party once",
        ),
    ];
    for (trace, wanted) in traces {
        desk.write("trace.csv", trace);
        let said = desk.refused(&["--players", "trace.csv"]);
        assert!(said.contains(wanted), "{trace:?}: {said}");
    }
}

#[test]
fn a_bad_population_is_refused_with_its_place_and_what_to_write() {
    let desk = Desk::new();
    let populations = [
        (
            "tickets_per_day: 0",
            "line 1, column 18: tickets_per_day: write a whole number from 1",
        ),
        ("tickets_per_day: 90000000", "to 20000000"),
        ("tickets_per_day: 10\nhour: flat", "hour"),
        (
            "tickets_per_day: 10\nhours: [1, 2]",
            "hours: 2 numbers are no day; write 24",
        ),
        (
            "tickets_per_day: 10\nhours: noon",
            "hours: there is no shape \"noon\"",
        ),
        (
            "tickets_per_day: 10\nparties: { 3: 1 }",
            "a party of 3 cannot queue; write sizes from 1 to 2",
        ),
        (
            "tickets_per_day: 10\nparties: { 1: -1 }",
            "line 2, column 15: parties.1: write shares",
        ),
        (
            "tickets_per_day: 10\nattributes: { skil: { normal: 1 } }",
            "did you mean skill?",
        ),
        (
            "tickets_per_day: 10\nattributes: { skill: { normal: 1 }, Skill: { normal: 2 } }",
            "it is there twice, as names are compared without case",
        ),
        (
            "tickets_per_day: 10\nattributes: { skill: { normal: .nan } }",
            "attributes.skill.normal: write finite numbers",
        ),
        (
            "tickets_per_day: 10\nattributes: { skill: { uniform: [2, 1] } }",
            "write the smaller number first",
        ),
        (
            "tickets_per_day: 10\nattributes: { mode: { normal: 1 } }",
            "attributes.mode: it is a list of texts",
        ),
        (
            "tickets_per_day: 10\ncancel: { share: 10, after_seconds: { normal: 1 } }",
            "cancel.share: write a share from 0 to 1",
        ),
        (
            "tickets_per_day: 10\nregions: { eu: { share: 1, hours_ahead: 99 } }",
            "write a number from -14 to 14",
        ),
        (
            "tickets_per_day: 10\nregions: { eu: { share: 1, hours_ahead: -2147483648 } }",
            "write a number from -14 to 14",
        ),
        ("tickets_per_day: 10\nstarts: noon", "is no instant"),
        (
            "tickets_per_day: 10\nstarts: 2026-01-05T18:00:00Z",
            "starts: write a midnight in UTC",
        ),
        ("tickets_per_day: ten", "line 1, column 18"),
    ];
    for (population, wanted) in populations {
        desk.write("bad.yaml", population);
        let said = desk.refused(&["--population", "bad.yaml"]);
        assert!(said.contains(wanted), "{population:?}: {said}");
    }
}

#[test]
fn what_cannot_be_read_or_used_is_named() {
    let desk = Desk::new();
    let said = desk.refused(&["--population", "nowhere.yaml"]);
    assert!(
        said.contains("cannot read the population nowhere.yaml"),
        "{said}"
    );
    let crowd = ["--population", "population.yaml"];
    let said = desk.refused(&[crowd[0], crowd[1], "--against", "nowhere"]);
    assert!(said.contains("nowhere"), "{said}");
    let said = desk.refused(&[crowd[0], crowd[1], "--queue", "pair"]);
    assert!(said.contains("cannot be used multiple times"), "{said}");
    desk.write("broken/all.yaml", &TYPES.replace("max: 100 }", "max: -1 }"));
    let said = desk.refused(&[crowd[0], crowd[1], "--against", "broken"]);
    assert!(
        said.contains("broken cannot be used: mend it first"),
        "{said}"
    );
    assert!(!Path::new(&desk.path("page.html")).exists());
}

#[test]
fn a_page_that_cannot_be_written_is_told_and_costs_no_table() {
    let desk = Desk::new();
    desk.write("small.yaml", &POPULATION.replace("8000", "20"));
    let run = |page| desk.run(&["--population", "small.yaml", "--html", page]);
    for (page, is_told_before) in [
        ("nowhere/page.html", true),
        ("types", true),
        ("/dev/full", false),
    ] {
        let output = run(page);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(&format!("cannot write the page {page}: ")),
            "{said}"
        );
        let table = String::from_utf8_lossy(&output.stdout);
        assert_eq!(table.is_empty(), is_told_before, "{page}: {table}");
    }
    // What is longer and was there before goes, and no other.
    desk.write("page.html", &"x".repeat(1_000_000));
    assert!(run("page.html").status.success());
    well_formed(&std::fs::read_to_string(desk.path("page.html")).expect("a page"));
    assert!(run("/dev/null").status.success());
}

#[test]
fn ctrl_c_ends_it_and_nothing_is_written() {
    let desk = Desk::new();
    let many = POPULATION.replace("8000", "5000000");
    desk.write("many.yaml", &many);
    let mut command = desk.command(&["--population", "many.yaml", "--html", "page.html"]);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let running = command.spawn().expect("runs");
    let pid = Pid::from_raw(running.id().cast_signed()).expect("a process");
    // Until it listens the signal would end it without a word.
    let status = format!("/proc/{}/task", running.id());
    let listens = || {
        let tasks = std::fs::read_dir(&status).expect("its threads");
        let names =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.into_iter().any(|name| name.trim() == "ctrl-c")
            && caught(&format!("/proc/{}/status", running.id()))
    };
    while !listens() {
        std::thread::yield_now();
    }
    assert!(desk.path("page.html").exists(), "the page has its place");
    kill_process(pid, Signal::INT).expect("a signal");
    let output = running.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("stopped; nothing was written"),
        "{said}"
    );
    assert!(!desk.path("page.html").exists());
}

/// Whether a process has a handler for SIGINT.
fn caught(status: &str) -> bool {
    let status = std::fs::read_to_string(status).expect("its status");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 2 != 0)
}
