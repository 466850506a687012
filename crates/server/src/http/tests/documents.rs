//! The documents that are made of the table are fresh, complete and true.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::http::problem::Kind;
use crate::http::routes::{Access, ROUTES, ReplyBody, RequestBody};
use crate::http::{openapi, security};

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(file)
}

/// Compares a committed file with what it should be; with MUSTER_UPDATE=1 it writes it instead.
fn fresh(file: &str, expected: &str) {
    if std::env::var_os("MUSTER_UPDATE").is_some() {
        std::fs::write(docs(file), expected).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(docs(file)).unwrap();
    assert!(
        committed == expected,
        "docs/{file} is stale: run the tests with MUSTER_UPDATE=1"
    );
}

#[test]
fn openapi_json_is_fresh() {
    fresh("openapi.json", openapi::text());
}

#[test]
fn the_table_of_security_md_is_fresh() {
    let text = std::fs::read_to_string(docs("security.md")).unwrap();
    let (before, rest) = text.split_once(security::BEGIN).unwrap();
    let (_, after) = rest.split_once(security::END).unwrap();
    let expected = format!(
        "{before}{}\n{}{}{after}",
        security::BEGIN,
        security::table(),
        security::END
    );
    fresh("security.md", &expected);
}

#[test]
fn every_problem_type_has_its_heading_in_errors_md() {
    let text = std::fs::read_to_string(docs("errors.md")).unwrap();
    let mut status = 0;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if let Some(slug) = line.strip_prefix("### ") {
            let kind = Kind::ALL.iter().find(|kind| kind.slug() == slug);
            let kind = kind.unwrap_or_else(|| panic!("{slug} is no problem"));
            assert_eq!(
                kind.status(),
                status,
                "{slug} stands under the wrong status"
            );
            assert!(found.insert(*kind), "{slug} stands there twice");
        } else if let Some(heading) = line.strip_prefix("## ") {
            status = heading.parse().unwrap();
        }
    }
    assert_eq!(found, Kind::ALL.iter().copied().collect());
}

#[test]
fn operations_paths_and_slugs_are_unique() {
    let operations: BTreeSet<_> = ROUTES.iter().map(|route| route.operation).collect();
    let endpoints: BTreeSet<_> = ROUTES
        .iter()
        .map(|route| (route.path, route.verb))
        .collect();
    let slugs: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
    assert_eq!(operations.len(), ROUTES.len());
    assert_eq!(endpoints.len(), ROUTES.len());
    assert_eq!(slugs.len(), Kind::ALL.len());
}

#[test]
fn every_example_can_be_read_as_its_type() {
    for route in ROUTES {
        let mut shapes = Vec::new();
        if let RequestBody::Optional(shape) | RequestBody::Required(shape) = route.body {
            shapes.push(shape);
        }
        for reply in route.replies {
            if let ReplyBody::Json(shape) = reply.body {
                shapes.push(shape);
            }
        }
        for shape in shapes {
            assert_eq!((shape.check)(&(shape.example)()), Ok(()), "{}", route.path);
        }
    }
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value.as_str() {
                        Some(target) if key == "$ref" => found.push(target),
                        _ => walk(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let document = openapi::document();
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn the_document_has_no_operation_that_the_table_has_not() {
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap();
    let count: usize = paths
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(count, ROUTES.len());
    for route in ROUTES {
        let operation = &paths[route.path][route.verb.as_str().to_lowercase()];
        let open = operation["security"] == Value::Array(Vec::new());
        assert_eq!(open, route.access == Access::Open, "{}", route.path);
        assert!(
            operation["responses"]
                .as_object()
                .is_some_and(|all| !all.is_empty())
        );
    }
}
