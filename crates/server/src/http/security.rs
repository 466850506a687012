//! Who may call what, in words: the table of `docs/security.md`.

use std::fmt::Write as _;

use super::routes::{Access, ROUTES, Route};
use crate::PrincipalKind;

/// The line after which the table stands in `docs/security.md`.
pub const BEGIN: &str = "<!-- generated: endpoints -->";
/// The line before which it ends.
pub const END: &str = "<!-- end of generated -->";

/// The columns of the table.
pub const COLUMNS: [PrincipalKind; 6] = [
    PrincipalKind::Anonymous,
    PrincipalKind::Player,
    PrincipalKind::Server,
    PrincipalKind::Fleet,
    PrincipalKind::Admin,
    PrincipalKind::GameServer,
];

/// The table as Markdown: a row for each route, a column for each kind of principal.
///
/// `yes`: may call it; a relation: may, when in that relation to the resource; empty: 403, without a token 401.
pub fn table() -> String {
    let mut text = String::from(
        "| endpoint | no token | player | server | fleet | admin | game server |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for route in ROUTES {
        let cells: Vec<&str> = COLUMNS.iter().map(|&kind| cell(route, kind)).collect();
        let endpoint = format!("`{} {}`", route.verb.as_str(), route.path);
        // Writing to a string has no way to fail.
        let _ = writeln!(text, "| {endpoint} | {} |", cells.join(" | "));
    }
    text
}

fn cell(route: &Route, kind: PrincipalKind) -> &'static str {
    match route.access {
        Access::Open => "yes",
        Access::Only(kinds) => match kinds.iter().find(|&&(allowed, _)| allowed == kind) {
            None => "",
            Some((_, "")) => "yes",
            Some((_, relation)) => relation,
        },
    }
}

/// Who may call a route, in a sentence.
pub(super) fn who_may(route: &Route) -> String {
    let Access::Only(kinds) = route.access else {
        return "Needs no token.".to_owned();
    };
    let who: Vec<String> = kinds
        .iter()
        .map(|&(kind, relation)| {
            let kind = super::dispatch::kind_name(kind);
            if relation.is_empty() {
                kind.to_owned()
            } else {
                format!("{kind} ({relation})")
            }
        })
        .collect();
    format!("May be called by: {}.", who.join(", "))
}
