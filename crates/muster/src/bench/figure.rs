//! Figures: what was measured, beside its baseline, as JSON or as a table.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

/// What came of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// A figure that counts.
    Measured(Figure),
    /// Nothing was measured, for this reason.
    Skipped { row: &'static str, why: String },
    /// Something was measured that does not count, for this reason.
    Void { row: &'static str, why: String },
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// Which row of the table.
    pub(super) row: &'static str,
    /// What `value` and `baseline` are in.
    pub(super) unit: &'static str,
    /// What was measured.
    pub(super) value: f64,
    /// What the baseline came to in the same run.
    pub(super) baseline: f64,
    /// Observations behind `value`.
    pub(super) n: u64,
}

impl Figure {
    /// `value` by `baseline`.
    pub(super) fn ratio(&self) -> f64 {
        self.value / self.baseline
    }
}

impl Outcome {
    /// One line of JSON.
    pub(super) fn json(&self) -> String {
        match self {
            Outcome::Measured(figure) => json!({
                "row": figure.row,
                "unit": figure.unit,
                "value": rounded(figure.value),
                "baseline": rounded(figure.baseline),
                "ratio": rounded(figure.ratio()),
                "n": figure.n,
            }),
            Outcome::Skipped { row, why } => json!({ "row": row, "skipped": why }),
            Outcome::Void { row, why } => json!({ "row": row, "void": why }),
        }
        .to_string()
    }

    pub(super) fn is_void(&self) -> bool {
        matches!(self, Outcome::Void { .. })
    }
}

/// All of them for people.
pub(super) fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["row", "value", "unit", "baseline", "ratio", "n"]);
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(figure) => table.add_row([
                figure.row.to_owned(),
                shown(figure.value),
                figure.unit.to_owned(),
                shown(figure.baseline),
                shown(figure.ratio()),
                figure.n.to_string(),
            ]),
            Outcome::Skipped { row, why } => {
                table.add_row([(*row).to_owned(), format!("skipped: {why}")])
            }
            Outcome::Void { row, why } => {
                table.add_row([(*row).to_owned(), format!("void: {why}")])
            }
        };
    }
    for column in [1, 3, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Three decimals are more than a measurement is worth.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn shown(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
