//! What queues of one group agree on, and what is asked of players before a match stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Report;
use super::document::Document;
use super::duration::Duration;
use super::lint::Lint;
use super::raw_queue as raw;
use crate::Name;
use crate::penalty::{self, Offence, Penalties};
use crate::queue::{Attribute, Queue, TeamSettings};
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
                ("type", attribute.kind.word(), theirs.kind.word())
            } else if attribute.source != theirs.source {
                ("source", attribute.source.word(), theirs.source.word())
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
    let lives = raw.ticket.time_out.map(|limit| limit.0);
    let is_unsure = ["acceptance", "ticket"].map(|key| document.is_unsure(&[key]));
    if let Some(lives) = lives.filter(|lives| timeout >= *lives)
        && raw.acceptance.required
        && is_unsure == [false; 2]
    {
        // Whoever has accepted searches again with his age.
        let message = format!(
            "tickets expire after {lives}: when a match falls because its {timeout} are over, nobody of it searches again"
        );
        let span = document.at(&["acceptance", "timeout"]);
        let report = Report::warning("acceptance-outlives-tickets", span, message);
        let help = format!("write less than `{lives}`, or a longer `ticket.time_out`");
        reports.push(report.write(help));
    }
    raw.acceptance.required.then_some(timeout)
}

/// What deserters pay.
pub(super) fn penalties(
    raw: &raw::Queue,
    document: &Document,
    others: &BTreeMap<Name, Arc<Queue>>,
    reports: &mut Vec<Report>,
) -> Option<Penalties> {
    let is_asked = raw.acceptance.required || document.is_unsure(&["acceptance"]);
    let raw = raw.penalties.as_ref()?;
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    if raw.id.as_str().len() > penalty::NAME_BYTES_MAX {
        let message = format!(
            "the `id` has at most {} characters",
            penalty::NAME_BYTES_MAX
        );
        lint.error(
            "too-long",
            &["penalties", "id"],
            message,
            "choose a shorter one",
        );
    }
    let zero = |span: &Duration| span.0 == Millis(0);
    if let Some(place) = raw.steps.iter().position(zero) {
        let place = place.to_string();
        let message = "a step of 0 bars nobody".to_owned();
        lint.error(
            "zero",
            &["penalties", "steps", &place],
            message,
            "write `5m`, or leave it out",
        );
    }
    let falls = raw
        .steps
        .windows(2)
        .position(|pair| pair.first() > pair.last());
    if let Some(place) = falls {
        let place = (place + 1).to_string();
        let message = "a step is shorter than the one before".to_owned();
        let help = "order them; each offence takes the next one";
        lint.error("steps-fall", &["penalties", "steps", &place], message, help);
    }
    let spans = raw.steps.iter().chain([&raw.forget_after]);
    if spans.into_iter().any(|span| span.0 > penalty::AHEAD_MAX) {
        let message = "nobody is barred for more than ten years".to_owned();
        lint.error(
            "too-long",
            &["penalties"],
            message,
            "write a shorter duration",
        );
    }
    if zero(&raw.forget_after) {
        let message = "`forget_after` is 0: every offence would be the first".to_owned();
        lint.error(
            "zero",
            &["penalties", "forget_after"],
            message,
            "write `24h`",
        );
    }
    penalties_in_vain(&mut lint, others, is_asked);
    let offences = raw.offences.iter().map(|offence| match offence {
        raw::Offence::Left => Offence::Left,
        raw::Offence::NotAccepted => Offence::NotAccepted,
    });
    let mut offences: Vec<Offence> = offences.collect();
    offences.sort_unstable();
    offences.dedup();
    Some(Penalties {
        name: raw.id.clone(),
        steps: raw.steps.iter().map(|step| step.0).collect(),
        forget_after: raw.forget_after.0,
        offences,
    })
}

/// Warns of penalties that nobody ever pays, and of those that queues which share them do not agree on.
fn penalties_in_vain(
    lint: &mut Lint<'_, raw::Penalties>,
    others: &BTreeMap<Name, Arc<Queue>>,
    is_asked: bool,
) {
    let raw = lint.raw;
    let is_left = |offence: &raw::Offence| *offence == raw::Offence::Left;
    if !is_asked && !raw.offences.iter().any(is_left) {
        let message = "nobody is asked to accept a match of this queue, so nobody ever pays";
        let help = "write `acceptance: { required: true }`, or `for: [left]`";
        lint.warning(
            "offence-never-happens",
            &["penalties", "for"],
            message,
            help,
        );
    }
    let same = |other: &&Penalties| other.name.as_str().eq_ignore_ascii_case(raw.id.as_str());
    let other = others.values().find_map(|queue| {
        let penalties = queue.penalties.as_ref().filter(same)?;
        Some((&queue.name, penalties))
    });
    let Some((queue, other)) = other else {
        return;
    };
    let steps = raw.steps.iter().map(|step| step.0);
    let key = if !steps.eq(other.steps.iter().copied()) {
        "steps"
    } else if other.forget_after != raw.forget_after.0 {
        "forget_after"
    } else {
        return;
    };
    let message = format!(
        "the queue `{queue}` has other `{key}` for `{}`: an offence counts in both, and what it costs depends on where it happens",
        raw.id
    );
    let help = format!("write the same `{key}`, or choose another `id`");
    lint.warning("penalty-differs", &["penalties", key], message, help);
}
