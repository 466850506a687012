//! The table of suites, and the last line.

use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::progress::seconds;
use crate::tally::Tally;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The suite, or the test executable of a package.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) tally: Tally,
    /// How long it took.
    pub(crate) duration: Duration,
}

/// Says in one line what came of a row, as soon as it is known.
pub(crate) fn line(row: &Row) {
    let Row {
        name,
        tally,
        duration,
    } = row;
    let verdict = match (tally.failed, tally.skipped.len()) {
        (0, 0) => " ok  ",
        (0, _) => "skip ",
        _ => "FAIL ",
    };
    let skipped = tally.skipped.len();
    let counts = format!(
        "{} passed, {} failed, {skipped} skipped",
        tally.passed, tally.failed
    );
    println!(" {verdict} {name:<24} {:>10}  {counts}", seconds(*duration));
}

/// Prints the table, what was skipped and why, what failed, and the sums as the last line.
pub(crate) fn print(rows: &[Row], skip_is_failure: bool) {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["suite", "passed", "failed", "skipped", "time", "why"]);
    for row in rows {
        table.add_row([
            row.name.clone(),
            row.tally.passed.to_string(),
            row.tally.failed.to_string(),
            row.tally.skipped.len().to_string(),
            seconds(row.duration),
            why(&row.tally),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("\n{table}");
    for row in rows {
        for skip in &row.tally.skipped {
            println!("skipped: {} {}: {}", row.name, skip.test, skip.reason);
        }
    }
    for row in rows {
        for failure in &row.tally.failures {
            println!("failed: {} {failure}", row.name);
        }
    }
    let [passed, failed, skipped] = sums(rows);
    if skip_is_failure && skipped > 0 {
        println!("CI=true: what was skipped counts as a failure of the run");
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
}

/// Passed, failed and skipped tests of all rows.
pub(crate) fn sums(rows: &[Row]) -> [u64; 3] {
    let sum = |count: fn(&Tally) -> u64| rows.iter().map(|row| count(&row.tally)).sum();
    [
        sum(|tally| tally.passed),
        sum(|tally| tally.failed),
        sum(|tally| tally.skipped.len() as u64),
    ]
}

/// The first failure, or the reasons of the skips, each once.
fn why(tally: &Tally) -> String {
    match tally.failures.as_slice() {
        [] => {
            let mut reasons: Vec<&str> = tally
                .skipped
                .iter()
                .map(|skip| skip.reason.as_str())
                .collect();
            reasons.sort_unstable();
            reasons.dedup();
            reasons.join("; ")
        }
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
