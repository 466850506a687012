//! What queues of one group agree on, and what is asked of players before a match stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Report;
use super::document::Document;
use super::raw_queue as raw;
use crate::Name;
use crate::queue::{Attribute, AttributeSource, AttributeType, Queue, TeamSettings};
use crate::{Millis, Timeout, proposal};

/// The group of a queue, as the first queue of it spells it; reports where a ticket of both could not bring one value.
pub(super) fn group(
    raw: &raw::Queue,
    document: &Document,
    attributes: &BTreeMap<Name, Attribute>,
    others: &BTreeMap<Name, Arc<Queue>>,
    reports: &mut Vec<Report>,
) -> Name {
    let own = raw.group.as_ref().unwrap_or(&raw.name);
    let same = |queue: &&Arc<Queue>| queue.group.as_str().eq_ignore_ascii_case(own.as_str());
    let mut spelt = own.clone();
    for other in others.values().filter(same) {
        spelt.clone_from(&other.group);
        for (name, attribute) in attributes {
            let Some(theirs) = other.attributes.get(name) else {
                continue;
            };
            let (key, is, was) = if attribute.kind != theirs.kind {
                ("type", kind(attribute.kind), kind(theirs.kind))
            } else if attribute.source != theirs.source {
                ("source", source(attribute.source), source(theirs.source))
            } else {
                if attribute.default != theirs.default {
                    let message = format!(
                        "`{name}` has another default in the queue `{}` of the same group: to who waits in both the one of the queue that he names first applies",
                        other.name
                    );
                    let span = document.at(&["attributes", name.as_str(), "default"]);
                    let report = Report::warning("group-default", span, message);
                    reports.push(report.write("write the same default, or choose another `group`"));
                }
                continue;
            };
            let message = format!(
                "`{name}` has the {key} `{is}` here and `{was}` in the queue `{}` of the same group: a ticket in both brings one value",
                other.name
            );
            let span = document.at(&["attributes", name.as_str(), key]);
            let report = Report::error("group-attribute", span, message);
            reports.push(report.write(format!("write `{key}: {was}`, or choose another `group`")));
        }
    }
    spelt
}

/// How long players may take to accept a match; `None`: they are not asked.
pub(super) fn acceptance(
    raw: &raw::Queue,
    teams: &[TeamSettings],
    document: &Document,
    reports: &mut Vec<Report>,
) -> Timeout {
    let timeout = raw.acceptance.timeout.0;
    if timeout == Millis(0) {
        let message = "`acceptance.timeout` is 0: nobody could accept in time".to_owned();
        let span = document.at(&["acceptance", "timeout"]);
        reports.push(Report::error("zero", span, message).write("write `30s`"));
    }
    let players: u32 = teams.iter().map(|team| u32::from(team.players_max)).sum();
    let most = proposal::PLAYERS_MAX;
    if raw.acceptance.required && players > most {
        let message = format!("{players} players of a match cannot be asked, {most} at most");
        let span = document.at(&["acceptance", "required"]);
        let report = Report::error("acceptance-too-large", span, message);
        reports.push(report.write("remove it, or write smaller teams"));
    }
    raw.acceptance.required.then_some(timeout)
}

fn kind(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::Number => "number",
        AttributeType::String => "string",
        AttributeType::Strings => "strings",
        AttributeType::Numbers => "numbers",
    }
}

fn source(source: AttributeSource) -> &'static str {
    match source {
        AttributeSource::Server => "server",
        AttributeSource::Claim => "claim",
        AttributeSource::Player => "player",
    }
}
