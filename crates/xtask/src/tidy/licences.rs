//! The licence and the origin of everything that is linked, by the list of `deny.toml`.

use super::{WORKSPACE, assert_none, file};
use crate::workspace::array;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_licence_is_one_that_we_allow() {
    let allowed = allowed();
    assert!(!allowed.is_empty(), "deny.toml lists the allowed licences");
    let mut findings = Vec::new();
    for package in array(&WORKSPACE.metadata, "packages").expect("cargo lists packages") {
        // Cargo still accepts the slash of old manifests for OR.
        let licence = package["license"]
            .as_str()
            .unwrap_or_default()
            .replace('/', " OR ");
        if !Expression::new(&licence).any(&allowed) {
            findings.push(format!(
                "{} {}: {licence:?}",
                package["name"], package["version"]
            ));
        }
    }
    assert_none(&findings);
}

#[test]
fn everything_comes_from_the_public_registry() {
    let packages = array(&WORKSPACE.metadata, "packages").expect("cargo lists packages");
    let findings: Vec<String> = packages
        .iter()
        .filter(|package| {
            package["source"]
                .as_str()
                .is_some_and(|source| source != REGISTRY)
        })
        .map(|package| format!("{} comes from {}", package["name"], package["source"]))
        .collect();
    assert_none(&findings);
}

#[test]
fn an_expression_needs_one_side_of_or_and_both_of_and() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    let accepts = |licence: &str| Expression::new(licence).any(&allowed);
    assert!(accepts("MIT"));
    assert!(accepts("GPL-3.0 OR MIT"));
    assert!(accepts("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(accepts("Apache-2.0 WITH LLVM-exception OR MIT"));
    assert!(!accepts("MIT AND GPL-3.0"));
    assert!(!accepts("(GPL-3.0 OR MPL-2.0) AND MIT"));
    assert!(!accepts("MIT WITH Some-exception"));
    assert!(!accepts(""));
}

/// The strings of the array `allow` in the section `[licenses]`.
fn allowed() -> Vec<String> {
    let page = &file("deny.toml").text;
    let section = page.split_once("[licenses]").map_or("", |(_, rest)| rest);
    let list = section.split_once("allow = [").map_or("", |(_, rest)| rest);
    let list = list.split_once(']').map_or("", |(list, _)| list);
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The words of an SPDX expression that are still to be read.
#[derive(Debug)]
struct Expression {
    words: Vec<String>,
    next: usize,
}

impl Expression {
    fn new(licence: &str) -> Self {
        let spaced = licence.replace('(', " ( ").replace(')', " ) ");
        Self {
            words: spaced.split_whitespace().map(str::to_owned).collect(),
            next: 0,
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.next).is_some_and(|next| next == word);
        self.next += usize::from(found);
        found
    }

    /// `all OR all …`
    fn any(&mut self, allowed: &[String]) -> bool {
        let mut accepted = self.all(allowed);
        while self.take("OR") {
            accepted |= self.all(allowed);
        }
        accepted
    }

    /// `one AND one …`
    fn all(&mut self, allowed: &[String]) -> bool {
        let mut accepted = self.one(allowed);
        while self.take("AND") {
            accepted &= self.one(allowed);
        }
        accepted
    }

    /// A licence, a licence with an exception, or an expression in parentheses.
    fn one(&mut self, allowed: &[String]) -> bool {
        if self.take("(") {
            let accepted = self.any(allowed);
            return self.take(")") && accepted;
        }
        let Some(mut name) = self.words.get(self.next).cloned() else {
            return false;
        };
        self.next += 1;
        if self.take("WITH") {
            name = format!(
                "{name} WITH {}",
                self.words.get(self.next).map_or("", String::as_str)
            );
            self.next += 1;
        }
        allowed.contains(&name)
    }
}
