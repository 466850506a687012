//! What needs no process of its own: limits, and the populations that are shipped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use model::queue::Queue;

use super::crowd::Crowd;
use super::day::{self, Halt};
use super::progress::Progress;
use super::setting::Setting;
use super::{population, reads, tally, trace, yaml};

/// The populations of the repository, each with the queue and the folder that its first lines name.
const SHIPPED: [(&str, &str, &str); 3] = [
    ("evening.yaml", "tdm-4v4", "sessiontypes"),
    ("small.yaml", "duel-1v1", "sessiontypes"),
    ("every-key.yaml", "every-type", "populations/every-key"),
];

fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../populations");
    std::fs::read_to_string(path.join(file)).expect("a population")
}

fn folder(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[test]
fn the_populations_that_are_shipped_play() {
    for (file, name, config) in SHIPPED {
        let text = shipped(file);
        assert!(text.contains(&format!("--queue {name} ")), "{file}");
        let setting = Setting::read(&folder(config), name).expect("a queue");
        let mut population =
            population::parse(&text, std::slice::from_ref(&setting)).expect("a population");
        population.tickets_per_day = 500;
        let crowd = Crowd::Population {
            population: Box::new(population),
            seed: 1,
        };
        let stop = AtomicBool::new(false);
        let mut progress = Progress::new(file, crowd.tickets());
        let day =
            day::run(&setting.queue, &crowd, 1, &mut progress, Halt::at(&stop)).expect("a day");
        let report = tally::report(day, config, 1, crowd.starts());
        assert!(report.all.matched > 100, "{file}: {:?}", report.all);
        assert_eq!(report.all.refused, 0, "{file}: {:?}", report.refused);
    }
}

#[test]
fn one_population_shows_every_key() {
    let text = shipped("every-key.yaml");
    let document = yaml::Document::parse(&text).expect("a document");
    let shown = document.keys();
    for key in population::keys() {
        assert!(shown.contains(key), "{key}");
    }
}

#[test]
fn who_comes_back_counts_against_the_limit() {
    let setting = Setting::read(&folder("sessiontypes"), "duel-1v1").expect("a queue");
    let text = "tickets_per_day: 100\nregions: { eu: { share: 1, latency: { eu-west: { normal: 20 } } } }\n\
        come_back: { share: 1, after_seconds: { uniform: [0, 0] } }\n";
    let crowd = Crowd::Population {
        population: Box::new(
            population::parse(text, std::slice::from_ref(&setting)).expect("a population"),
        ),
        seed: 1,
    };
    let stop = AtomicBool::new(false);
    let halt = Halt {
        stop: &stop,
        tickets_max: 2_000,
    };
    let mut progress = Progress::new("test", crowd.tickets());
    let error =
        day::run(&setting.queue, &crowd, 1, &mut progress, halt).expect_err("they are too many");
    let said = format!("{error:#}");
    for part in [
        "more than 2000 tickets with those who come back",
        "write a smaller come_back.share",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

/// One of an odd number waits for ever where nobody is turned away: what he was promised came due all the same.
#[test]
fn a_promise_to_who_still_waits_at_the_end_was_not_kept() {
    let setting = Setting::read(&folder("sessiontypes"), "duel-1v1").expect("a queue");
    let queue = Arc::new(Queue {
        ticket_time_out: None,
        ..Queue::clone(&setting.queue)
    });
    let text = "tickets_per_day: 20001\nregions: { eu: { share: 1, latency: { eu-west: { normal: 20 } } } }\n";
    let crowd = Crowd::Population {
        population: Box::new(
            population::parse(text, std::slice::from_ref(&setting)).expect("a population"),
        ),
        seed: 1,
    };
    let stop = AtomicBool::new(false);
    let mut progress = Progress::new("test", crowd.tickets());
    let day = day::run(&queue, &crowd, 1, &mut progress, Halt::at(&stop)).expect("a day");
    let report = tally::report(day, "test", 1, crowd.starts());
    assert_eq!((report.all.tickets, report.all.waiting), (20_001, 1));
    assert!(!report.promises.is_empty(), "else this shows nothing");
    for promise in &report.promises {
        assert_eq!(promise.promised + promise.without, 20_001, "{promise:?}");
    }
}

/// Populations, each with what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("", "line 1, column 1: this is no population"),
    ("days: 1", "line 1, column 1: tickets_per_day is missing"),
    ("[1]", "line 1, column 1: this is no population"),
    (
        "tickets_per_day: ten",
        "line 1, column 18: tickets_per_day: write a whole number from 1 to 20000000",
    ),
    (
        "tickets_per_day: -1",
        "line 1, column 18: tickets_per_day: write a whole number from 1",
    ),
    (
        "tickets_per_day: 1.5",
        "line 1, column 18: tickets_per_day: write a whole number from 1",
    ),
    (
        "tickets_per_day: 99999999999999999999999999",
        "line 1, column 18: tickets_per_day: write a whole",
    ),
    (
        "tickets_per_day: 1\ntickets_per_day: 2",
        "line 2, column 1: duplicate mapping key: tickets_per_day; remove one",
    ),
    (
        "tickets_per_day: 9\ndays: 400",
        "line 2, column 7: days: write a whole number from 1 to 366",
    ),
    (
        "tickets_per_day: 20000000\ndays: 2",
        "line 1, column 18: tickets_per_day: 20000000 on each of 2 days are too many; write at most 10000000",
    ),
    (
        "tickets_per_day: 9\nstart: x",
        "line 2, column 1: start: there is no such key here; did you mean starts?",
    ),
    (
        "tickets_per_day: 9\nstarts: 9999-12-31T00:00:00Z",
        "line 2, column 9: starts: this is no instant of the years 1970 to 9998",
    ),
    (
        "tickets_per_day: 9\nstarts: 1969-12-31T00:00:00Z",
        "of the years 1970 to 9998",
    ),
    (
        "tickets_per_day: 9\nstarts: 7",
        "line 2, column 9: starts: this is no instant",
    ),
    (
        "tickets_per_day: 9\nhours: [1, x]",
        "line 2, column 8: hours: 2 numbers are no day",
    ),
    (
        "tickets_per_day: 9\nhours: 7",
        "line 2, column 8: hours: write 24 numbers",
    ),
    (
        "tickets_per_day: 9\nparties: [1]",
        "line 2, column 10: parties: write shares",
    ),
    (
        "tickets_per_day: 9\nparties: { 4: 1 }",
        "line 2, column 12: parties.4: a party of 4 cannot queue",
    ),
    (
        "tickets_per_day: 9\nparties: { x: 1 }",
        "line 2, column 12: parties.x: a party of x cannot queue",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: x }",
        "line 3, column 16: regions.eu.share: write a share",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { latency: {} }",
        "line 3, column 7: regions.eu: share is missing",
    ),
];

/// The same, of what is drawn.
const WRONG_DRAWS: &[(&str, &str)] = &[
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { eu-west: { normal: -20 } } }",
        "line 3, column 49: regions.eu.latency.eu-west.normal: write milliseconds from 0 to 10000",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { eu-west: { uniform: [-20, -10] } } }",
        "line 3, column 51: regions.eu.latency.eu-west.uniform.0: write milliseconds from 0 to 10000",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { eu-west: { normal: 20, max: -10 } } }",
        "regions.eu.latency.eu-west.max: write milliseconds from 0 to 10000",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { \"e u\": { normal: 20 } } }",
        "\"e u\" is no name of a region",
    ),
    (
        "tickets_per_day: 9\ncancel: { share: 1, after_seconds: { uniform: [-9, 1] } }",
        "line 2, column 48: cancel.after_seconds.uniform.0: write seconds from 0 to 2592000, which are 30 days",
    ),
    (
        "tickets_per_day: 9\ncome_back: { share: 1, after_seconds: { normal: -600 } }",
        "line 2, column 49: come_back.after_seconds.normal: write seconds from 0",
    ),
    (
        "tickets_per_day: 9\ncome_back: { share: 1, after_seconds: { choice: { -1: 1 } } }",
        "line 2, column 51: come_back.after_seconds.choice.-1: \"-1\" is wrong; write seconds from 0",
    ),
    (
        "tickets_per_day: 9\ncancel: { share: 1 }",
        "line 2, column 9: cancel: write { share: SHARE, after_seconds",
    ),
    (
        "tickets_per_day: 9\nattributes: { skill: { normal: 1, meen: 2 } }",
        "attributes.skill.meen: there is no such key here",
    ),
    (
        "tickets_per_day: 9\nattributes: { platform_pool: { any_of: { a: 1 } } }",
        "attributes.platform_pool: it is a text; write choice",
    ),
    (
        "tickets_per_day: 9\nattributes: { maps: { any_of: { a: 1 }, choice: { a: 1 } } }",
        "attributes.maps.choice: write any_of or choice, not both",
    ),
    (
        "tickets_per_day: 9\nattributes: { rating: { normal: 1 } }",
        "attributes.rating",
    ),
    (
        "tickets_per_day: 9\nattributes: { skill: 7 }",
        "line 2, column 22: attributes.skill: write { normal",
    ),
    (
        "tickets_per_day: 9\nattributes: { skill: { uniform: 7 } }",
        "attributes.skill.uniform: write [FROM, TO]",
    ),
    ("tickets_per_day: { a", "line 1, column "),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { eu-wst: { normal: 20 } } }",
        "line 3, column 30: regions.eu.latency.eu-wst: no fleet has a region \"eu-wst\", and no queue in its regions.allow; did you mean eu-west?",
    ),
    (
        "tickets_per_day: 9\nregions:\n  eu: { share: 1, latency: { antarctica: { normal: 20 } } }",
        "no fleet has a region \"antarctica\", and no queue in its regions.allow; there are eu-west, us-east",
    ),
];

/// Whatever a population holds, it is taken or refused with a place in it.
#[test]
fn complaints_name_line_and_column() {
    let setting = Setting::read(&folder("populations/every-key"), "every-type").expect("a queue");
    for (text, wanted) in WRONG.iter().chain(WRONG_DRAWS) {
        let error = population::parse(text, std::slice::from_ref(&setting)).expect_err(text);
        let said = format!("{error:#}");
        assert!(said.contains(wanted), "{text:?}: {said}");
        assert!(
            !said.contains("<input>") && !said.contains("u64"),
            "{text:?}: {said}"
        );
    }
}

#[test]
fn an_instant_beyond_the_calendar_is_refused() {
    let setting = Setting::read(&folder("sessiontypes"), "duel-1v1").expect("a queue");
    for at in ["9999-12-31T00:00:00Z", "1969-12-31T23:59:59Z"] {
        let text = format!("ticket,time,latency.eu-west\na,{at},20\n");
        let error = trace::parse(&text, std::slice::from_ref(&setting)).expect_err("no instant");
        let said = format!("{error:#}");
        assert!(
            said.contains("line 2, column 2: ") && said.contains("1970 to 9998"),
            "{said}"
        );
    }
}

/// At five seconds the limits of the second widen to where the first is, whose are wider already.
#[test]
fn who_leaves_when_a_widening_comes_is_matched_and_before_it_is_not() {
    let setting = Setting::read(&folder("sessiontypes"), "duel-1v1").expect("a queue");
    for (leaves, matched) in [("4.999", 0), ("5", 2), ("5.001", 2)] {
        let text = format!(
            "ticket,time,player,leaves,latency.eu-west,attribute.skill\n\
             a,0,ann,,20,1500\nb,2,bob,{leaves},20,1650\n"
        );
        let arrivals = trace::parse(&text, std::slice::from_ref(&setting)).expect("a trace");
        let crowd = Crowd::Trace(arrivals);
        let stop = AtomicBool::new(false);
        let mut progress = Progress::new("test", crowd.tickets());
        let day = day::run(&setting.queue, &crowd, 1, &mut progress, Halt::at(&stop));
        let report = tally::report(day.expect("a day"), "test", 1, crowd.starts());
        assert_eq!(report.all.matched, matched, "it leaves after {leaves} s");
    }
}

#[test]
fn a_trace_measures_no_region_that_the_server_would_refuse() {
    let setting = Setting::read(&folder("sessiontypes"), "duel-1v1").expect("a queue");
    let text = "ticket,time,latency.eu-west,latency.us-eas\na,0,20,90\n";
    let error = trace::parse(text, std::slice::from_ref(&setting)).expect_err("no region");
    let said = format!("{error:#}");
    assert!(
        said.contains("line 1, column 4: no fleet has a region \"us-eas\"")
            && said.contains("did you mean us-east?"),
        "{said}"
    );
}

/// An attribute that only one of two queues reads, and of which nobody brings anything.
#[test]
fn what_a_crowd_says_nothing_of_is_told() {
    let setting = Setting::read(&folder("populations/every-key"), "every-type").expect("a queue");
    let mut other = setting.clone();
    let queue = Arc::make_mut(&mut other.queue);
    queue.attributes.clear();
    queue.rules.clear();
    let settings = [setting, other];
    let named = [("a", &*settings[0].queue), ("b", &*settings[1].queue)];
    let drawn = |attributes: &str| {
        let text = format!("tickets_per_day: 9\nattributes: {{ {attributes} }}");
        Crowd::Population {
            population: Box::new(population::parse(&text, &settings).expect("a population")),
            seed: 1,
        }
    };
    let most = "platform_pool: { choice: { a: 1 } }, maps: { any_of: { a: 1 } }, favourite: { choice: { a: 1 } }";
    let said = reads::unsaid(
        &drawn(&format!(
            "{most}, rating: {{ numbers: {{ duel: {{ normal: 1 }} }} }}"
        )),
        &named,
    );
    let wanted = ["skill", "rating.raid"].map(|read| {
        format!(
            "The population says nothing of `{read}`, which a reads: everybody has its default."
        )
    });
    assert_eq!(said, wanted);
    let said = reads::unsaid(
        &drawn(&format!(
            "{most}, skill: {{ normal: 1 }}, rating: {{ numbers: {{ raid: {{ normal: 1 }} }} }}"
        )),
        &named,
    );
    assert_eq!(said, Vec::<String>::new());
    let text = "ticket,time,attribute.skill\na,0,\nb,0,\n";
    let trace = Crowd::Trace(trace::parse(text, &settings).expect("a trace"));
    let said = reads::unsaid(&trace, &named[..1]);
    assert_eq!(
        said.first().map(String::as_str),
        Some("The trace says nothing of `skill`: everybody has its default.")
    );
    // What happens without it may differ from folder to folder.
    let mut other = settings[0].clone();
    for attribute in Arc::make_mut(&mut other.queue).attributes.values_mut() {
        attribute.default = None;
    }
    let named = [named[0], ("b", &*other.queue)];
    let said = reads::unsaid(&trace, &named);
    for wanted in [
        "The trace says nothing of `skill`, which a reads: everybody has its default.",
        "The trace says nothing of `skill`, which b reads: as it has no default, everybody is refused.",
    ] {
        assert!(said.iter().any(|one| one == wanted), "{said:?}");
    }
}
