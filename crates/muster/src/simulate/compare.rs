//! Two configurations before the same crowd: what differs, in words.

use model::queue::Queue;
use serde::Serialize;

use super::crowd::Crowd;
use super::reads::{self, GapsOf};
use super::table::{counted, millis, number, percent, seconds, shown};
use super::tally::Report;

/// Less than this share is chance, as far as one day can tell.
const NOTICED: f64 = 0.01;

/// One figure of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    pub(super) what: &'static str,
    /// Unknown of none, such as the wait where nobody was matched.
    pub(super) this: Option<f64>,
    pub(super) against: Option<f64>,
    /// Both as people read them.
    pub(super) shown: (String, String),
    pub(super) verdict: Verdict,
    /// Such as `12 % shorter`.
    pub(super) words: String,
}

impl Difference {
    /// The words, with the verdict where there is one.
    pub(super) fn judged(&self) -> String {
        let words = &self.words;
        match self.verdict {
            Verdict::Better | Verdict::Worse => format!("{}: {words}", self.verdict.as_str()),
            Verdict::Same | Verdict::Other => words.clone(),
        }
    }
}

/// What players feel of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Better,
    Same,
    Worse,
    /// More or less, which is neither good nor bad; or what cannot be compared.
    Other,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Same => "same",
            Verdict::Worse => "worse",
            Verdict::Other => "other",
        }
    }
}

/// Which way is good, and what more and less are called.
#[derive(Clone, Copy)]
enum Good {
    Less(&'static str, &'static str),
    More(&'static str, &'static str),
    Neither(&'static str, &'static str),
}

/// Why two runs cannot be compared, or not in everything; each with the sentence that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unlike {
    /// One queue alone reads what nobody brings.
    OneSided(String),
    /// One let tickets in that the other refused: of both is only known what became of all who came.
    LetIn(String),
}

impl Unlike {
    /// What keeps two runs of one crowd from being compared; each with the queue that it was of.
    pub(super) fn of(
        crowd: &Crowd,
        (this, own): (&Report, &Queue),
        (against, other): (&Report, &Queue),
    ) -> Option<Unlike> {
        let (folder, elsewhere) = (this.config.as_str(), against.config.as_str());
        let one_sided = reads::one_sided(crowd, (folder, own), (elsewhere, other));
        one_sided
            .map(Unlike::OneSided)
            .or_else(|| let_in(this, against).map(Unlike::LetIn))
    }

    /// What stands below the figures.
    pub(super) fn sentence(&self) -> &str {
        match self {
            Unlike::OneSided(sentence) | Unlike::LetIn(sentence) => sentence,
        }
    }

    fn hides(&self, what: &str) -> bool {
        match self {
            Unlike::OneSided(_) => true,
            Unlike::LetIn(_) => !["matched", "refused"].contains(&what),
        }
    }
}

/// A sentence, where one run let in what the other refused.
fn let_in(this: &Report, against: &Report) -> Option<String> {
    let refused = |one: &Report, other: &Report| {
        let own = one.turned_away.iter();
        let n = own
            .filter(|n| other.turned_away.binary_search(n).is_err())
            .count();
        (n > 0).then(|| {
            let tickets = counted(n as u64, "ticket", "tickets");
            format!(
                "{} refused {tickets} that {} took in",
                one.config, other.config
            )
        })
    };
    let both = [refused(this, against), refused(against, this)];
    let both: Vec<String> = both.into_iter().flatten().collect();
    (!both.is_empty()).then(|| {
        format!(
            "{}: of those who came, only how many were matched and refused can be compared.",
            both.join(", and ")
        )
    })
}

/// What `this` changes, compared with `against`.
pub(super) fn differences(
    this: &Report,
    against: &Report,
    unlike: Option<&Unlike>,
) -> Vec<Difference> {
    const TIME: Good = Good::Less("longer", "shorter");
    const GAP: Good = Good::Less("wider", "narrower");
    const PING: Good = Good::Less("higher", "lower");
    const FEWER: Good = Good::Less("more", "less");
    type Read = fn(&Report) -> Option<f64>;
    type Shown = fn(f64) -> String;
    let rows: [(&'static str, Read, Shown, Good); 14] = [
        (
            "matched",
            |r| share(r, r.all.matched),
            percent,
            Good::More("more", "less"),
        ),
        ("expired", |r| share(r, r.all.expired), percent, FEWER),
        ("canceled", |r| share(r, r.all.canceled), percent, FEWER),
        ("refused", |r| share(r, r.all.refused), percent, FEWER),
        ("wait p50", |r| r.all.wait_seconds.p50, seconds, TIME),
        ("wait p90", |r| r.all.wait_seconds.p90, seconds, TIME),
        ("wait p99", |r| r.all.wait_seconds.p99, seconds, TIME),
        ("skill gap p50", |r| r.all.skill_gap.p50, number, GAP),
        ("skill gap p90", |r| r.all.skill_gap.p90, number, GAP),
        ("between teams p50", |r| r.all.balance_gap.p50, number, GAP),
        ("between teams p90", |r| r.all.balance_gap.p90, number, GAP),
        ("latency p50", |r| r.all.latency_ms.p50, millis, PING),
        ("latency p90", |r| r.all.latency_ms.p90, millis, PING),
        (
            "players a match",
            players_a_match,
            number,
            Good::Neither("more", "fewer"),
        ),
    ];
    rows.into_iter()
        .map(|(what, read, how, good)| {
            let of = |report: &Report| gap_of(what, &report.gaps_of);
            let is_of_another = of(this) != of(against);
            let (this, against) = (read(this), read(against));
            let (verdict, words) = match (this, against) {
                (Some(_), Some(_)) if is_of_another => {
                    (Verdict::Other, "of different attributes".into())
                }
                (Some(_), Some(_)) if unlike.is_some_and(|unlike| unlike.hides(what)) => {
                    (Verdict::Other, "cannot be compared".into())
                }
                (Some(this), Some(against)) => judged(this, against, good),
                (None, None) => (Verdict::Same, "there is none".into()),
                (Some(_), None) => (Verdict::Other, "there was none".into()),
                (None, Some(_)) => (Verdict::Other, "there is none any more".into()),
            };
            Difference {
                what,
                this,
                against,
                shown: (shown(this, how), shown(against, how)),
                verdict,
                words,
            }
        })
        .collect()
}

/// What a figure with this name is a gap of.
fn gap_of(what: &str, gaps_of: &GapsOf) -> Option<String> {
    match what {
        "skill gap p50" | "skill gap p90" => gaps_of.skill_gap.clone(),
        "between teams p50" | "between teams p90" => gaps_of.balance_gap.clone(),
        _ => None,
    }
}

fn share(report: &Report, n: u64) -> Option<f64> {
    Some(n as f64 / report.all.tickets.max(1) as f64)
}

fn players_a_match(report: &Report) -> Option<f64> {
    let sizes = &report.match_players;
    let players: u64 = sizes.iter().map(|(&size, &n)| u64::from(size) * n).sum();
    let matches = sizes.values().sum::<u64>();
    (matches > 0).then(|| players as f64 / matches as f64)
}

fn judged(this: f64, against: f64, good: Good) -> (Verdict, String) {
    let base = this.abs().max(against.abs());
    if base == 0.0 || (this - against).abs() / base < NOTICED {
        return (Verdict::Same, "the same".into());
    }
    let is_more = this > against;
    let (more, less) = match good {
        Good::Less(more, less) | Good::More(more, less) | Good::Neither(more, less) => (more, less),
    };
    let verdict = match (good, is_more) {
        (Good::Less(..), false) | (Good::More(..), true) => Verdict::Better,
        (Good::Less(..), true) | (Good::More(..), false) => Verdict::Worse,
        (Good::Neither(..), _) => Verdict::Other,
    };
    let word = if is_more { more } else { less };
    let words = match against {
        0.0 => format!("{word}; there was none"),
        _ => format!(
            "{:.0} % {word}",
            ((this - against).abs() / against.abs() * 100.0).max(1.0)
        ),
    };
    (verdict, words)
}
