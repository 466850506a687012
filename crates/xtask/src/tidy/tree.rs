//! What may never be in a package's tree, however deep.

use super::{WORKSPACE, assert_none};
use crate::workspace::{cargo, output};

/// Packages, and what is never among the normal dependencies of their normal dependencies.
///
/// `getrandom` is how a library would draw randomness by itself; a seeded generator needs only `rand_core`.
const NEVER: &[(&str, &[&str])] = &[
    (
        "model",
        &[
            "tokio",
            "sqlx",
            "axum",
            "hyper",
            "kube",
            "getrandom",
            "anyhow",
        ],
    ),
    (
        "matcher",
        &[
            "tokio",
            "sqlx",
            "axum",
            "hyper",
            "kube",
            "getrandom",
            "anyhow",
        ],
    ),
    ("allocator", &["sqlx", "axum", "hyper", "kube"]),
    ("store", &["axum", "hyper", "kube"]),
    ("server", &["kube"]),
    ("sdk", &["sqlx", "axum", "kube"]),
    ("plugin-process", &["sqlx", "axum", "kube"]),
    ("muster", &["openssl-sys", "native-tls"]),
    ("xtask", &["tokio", "sqlx", "axum", "serde_derive"]),
];

#[test]
fn nothing_is_in_a_tree_where_it_never_may_be() {
    let mut findings = Vec::new();
    for (package, never) in NEVER {
        let mut command = cargo();
        command
            .current_dir(&WORKSPACE.root)
            .args(["tree", "--edges", "normal", "--prefix", "none"]);
        command.args(["--format", "{p}", "--package", package]);
        let tree = output(&mut command).expect("cargo prints a tree");
        let tree = String::from_utf8(tree).expect("cargo prints text");
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if never.contains(&name) {
                findings.push(format!("{name} is in the tree of {package}"));
            }
        }
    }
    findings.dedup();
    assert_none(&findings);
}
