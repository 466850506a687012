//! Entity tags of sessions: `"<branch>:<change number>"`.

use model::wire;
use uuid::Uuid;

/// The entity tag of a session as it is now, with its quotes.
pub fn of(session: &wire::Session) -> String {
    format!("\"{}:{}\"", session.branch, session.change_number)
}

/// Whether an `If-Match` or `If-None-Match` header names this version: `*`, or a list that holds its tag.
///
/// A weak tag counts like a strong one, as a proxy may have weakened it.
/// `None` stands for a version that has no number yet: only `*` names it.
pub fn names(header: &str, branch: Uuid, change_number: Option<u64>) -> bool {
    header.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*"
            || tag
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'))
                .and_then(|tag| tag.split_once(':'))
                .is_some_and(|(of, number)| {
                    of.parse() == Ok(branch)
                        && number.parse().ok() == change_number
                        && change_number.is_some()
                })
    })
}
