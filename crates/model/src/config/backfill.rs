//! How sessions of a type are refilled while they are played: the rules of the section `backfill`.

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::raw_members as raw;
use super::raw_session_type::SessionType;
use crate::Millis;
use crate::session_type::{BackfillSettings, BackfillUntil};

/// The shortest `ack_timeout`: hosts acknowledge over HTTP, a few times within it.
const ACK_TIMEOUT_MIN: Millis = Millis::seconds(1);

/// Reports what is wrong; how its sessions are refilled, if they are.
pub(super) fn validate(
    raw: &SessionType,
    document: &Document,
    reports: &mut Vec<Report>,
) -> Option<BackfillSettings> {
    let backfill = raw.backfill.as_ref().filter(|raw| raw.enabled)?;
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    if raw.instance.is_none() {
        lint.error(
            "backfill-without-instance",
            &["backfill"],
            "only games with a host are refilled, and these sessions have no `instance`",
            "add an `instance`, or remove `backfill`",
        );
    }
    if !raw.creation.by_matchmaking {
        lint.error(
            "backfill-without-matches",
            &["backfill"],
            "only matches are refilled, and these sessions are not made by matchmaking",
            "set `creation.by_matchmaking: true`, or remove `backfill`",
        );
    }
    if backfill.ack_timeout.0 < ACK_TIMEOUT_MIN {
        let given = backfill.ack_timeout.0;
        lint.error(
            "too-short",
            &["backfill", "ack_timeout"],
            format!("`backfill.ack_timeout` is {given}: no host acknowledges that often"),
            "write at least `1s`",
        );
    }
    Some(BackfillSettings {
        ack_timeout: backfill.ack_timeout.0,
        until: match backfill.until {
            raw::BackfillUntil::Closed => BackfillUntil::Closed,
            raw::BackfillUntil::Full => BackfillUntil::Full,
        },
    })
}
