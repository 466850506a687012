//! What a figure looks like to those who read it by program, and what counts as sustained.

use super::child::SESSION_TYPES;
use super::figure::{Figure, Outcome};
use super::matcher_crowd::{Crowd, Kind, queue};
use super::{BENCHES, chosen, measure};

#[test]
fn the_session_types_of_the_bench_have_no_errors() {
    let file = model::config::SourceFile {
        path: "bench.yaml".into(),
        text: SESSION_TYPES.into(),
    };
    let checked = model::config::check(&[file], &crate::provider_schemas());
    assert!(checked.config.is_some(), "{:?}", checked.diagnostics);
}

#[test]
fn a_figure_is_one_line_of_json_with_the_agreed_keys() {
    let outcome = Outcome::Measured(Figure {
        row: "ticket-to-assignment.p50",
        unit: "ms",
        value: 12.345_67,
        baseline: 0.5,
        n: 750,
    });
    let json: serde_json::Value = serde_json::from_str(&outcome.json()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "row": "ticket-to-assignment.p50", "unit": "ms", "value": 12.346, "baseline": 0.5,
            "ratio": 24.691, "n": 750
        })
    );
    assert!(!outcome.json().contains('\n'));
}

#[test]
fn quantiles_are_those_of_the_nearest_rank() {
    let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(measure::quantile(&sorted, 0.5), 50.0);
    assert_eq!(measure::quantile(&sorted, 0.99), 99.0);
    assert_eq!(measure::quantile(&sorted, 1.0), 100.0);
    assert_eq!(measure::quantile(&[], 0.5), 0.0);
    assert_eq!(measure::quantile(&[7.0], 0.99), 7.0);
}

#[test]
fn an_unknown_bench_is_refused_with_the_known_ones() {
    let error = chosen(&["sessionwrites".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("session-writes"), "{error}");
    assert_eq!(chosen(&[]).unwrap().len(), BENCHES.len());
}

#[test]
fn the_tickets_of_the_matchers_crowds_are_let_into_their_queues() {
    let crowds = [
        (Kind::Duels, "paused-1v1"),
        (Kind::Mixed, "bench-4v4"),
        (Kind::Trios, "bench-4v4"),
        (Kind::Large, "bench-50v50"),
        (Kind::Roles, "bench-5v5-roles"),
        (Kind::Hunt, "bench-1v4"),
        (Kind::Compound, "bench-compound"),
        (Kind::Refills, "bench-backfill"),
    ];
    for (kind, name) in crowds {
        let queue = queue(name).unwrap();
        let crowd = Crowd::new(kind, 1_000);
        for number in 0..100 {
            let ticket = crowd.ticket(number);
            assert_eq!(matcher::validate(&queue, &ticket), Ok(()), "{kind:?}");
            assert_eq!(crowd.ticket_of(ticket.id), ticket, "{kind:?}");
        }
    }
}
