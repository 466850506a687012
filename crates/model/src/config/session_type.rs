//! A raw session type becomes a validated one: every rule between its knobs.

use super::backfill;
use super::check::Set;
use super::diagnostic::Report;
use super::document::Document;
use super::duration::Duration;
use super::formation;
use super::instance;
use super::lint::Lint;
use super::members;
use super::qos;
use super::raw_session_type as raw;
use super::subscriptions;
use crate::Timeout;
use crate::session::bad_keys;
use crate::session_type::{
    Capabilities, Creation, CustomData, CustomDataLimits, InviteSettings, JoinabilityBy,
    SessionType, Size, TeamOverflow, Timeouts,
};
use crate::version::VersionPolicy;

/// Members of a session that is not large, and seats when no team says otherwise.
const MEMBERS_MAX: u32 = 100;

/// Reports what is wrong; the validated type, if it can be told.
pub(super) fn validate(
    raw: &raw::SessionType,
    document: &Document,
    set: &Set,
    reports: &mut Vec<Report>,
) -> Option<SessionType> {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    lint.access();
    let size = lint.size();
    lint.capabilities();
    lint.lifetimes();
    lint.custom_data();
    let instance = raw
        .instance
        .as_ref()
        .and_then(|instance| instance::validate(instance, document, set, lint.reports));
    let players_max = size.max_members.saturating_sub(size.spectators);
    let together = qos::validate(raw, players_max, document, lint.reports);
    let formation = formation::validate(raw, size.max_members, document, lint.reports);
    let roles = members::roles(raw, document, lint.reports);
    let ownership = members::ownership(raw, document, lint.reports);
    let subscriptions = subscriptions::validate(raw, document, lint.reports);
    let backfill = backfill::validate(raw, document, lint.reports);
    let session_empty = match raw.keep_alive_on_empty {
        Some(true) => None,
        _ => timeout(raw.timeouts.session_empty),
    };
    Some(SessionType {
        name: raw.name.clone(),
        revision: raw.revision,
        custom_data: raw.custom_data.clone(),
        creation: Creation {
            by_players: raw.creation.by_players,
            by_servers: raw.creation.by_servers,
            by_matchmaking: raw.creation.by_matchmaking,
        },
        can_join_matchmaking: raw.can_join_matchmaking,
        size,
        large: raw.capabilities.large,
        visibility: raw.visibility,
        joinability: raw.joinability,
        read_restriction: raw.read_restriction,
        version_policy: version_policy(raw.version_policy),
        invites: InviteSettings {
            time_out: raw.invites.time_out.0,
            min_interval: raw.invites.min_interval.0,
            notify_on_reservation: raw.invites.notify_on_reservation,
            allow_members: raw.invites.allow_members,
            reject_stale: raw.invites.reject_stale,
        },
        // A party is a session that can be queued, and of a party the leader decides (A.3 row 30).
        joinability_by: raw.joinability_by.unwrap_or(if raw.can_join_matchmaking {
            JoinabilityBy::Leader
        } else {
            JoinabilityBy::Members
        }),
        capabilities: capabilities(&raw.capabilities),
        timeouts: Timeouts {
            reserved_removal: timeout(raw.timeouts.reserved_removal),
            ready_removal: timeout(raw.timeouts.ready_removal),
            inactive_removal: timeout(raw.timeouts.inactive_removal),
            session_empty,
            presence_window: raw.timeouts.presence_window.0,
        },
        leader_election_grace: timeout(raw.leader.election_grace),
        instance,
        formation,
        roles,
        ownership,
        player_visibility: members::player_visibility(raw),
        custom_data_limits: CustomDataLimits {
            keys: raw.custom_data_limits.keys as usize,
            key_bytes: raw.custom_data_limits.key_bytes as usize,
            value_bytes: raw.custom_data_limits.value_bytes as usize,
        },
        together,
        subscriptions,
        backfill,
    })
}

fn capabilities(raw: &raw::Capabilities) -> Capabilities {
    Capabilities {
        connectivity: raw.connectivity,
        gameplay: raw.gameplay,
        connection_required_for_active_members: raw.connection_required_for_active_members,
        suppress_presence_activity_check: raw.suppress_presence_activity_check,
        cross_play: raw.cross_play,
    }
}

fn version_policy(raw: raw::VersionPolicy) -> VersionPolicy {
    match raw {
        raw::VersionPolicy::Exact => VersionPolicy::Exact,
        raw::VersionPolicy::Compatible => VersionPolicy::Compatible,
        raw::VersionPolicy::Any => VersionPolicy::Any,
    }
}

fn timeout(raw: Option<Duration>) -> Timeout {
    raw.map(|duration| duration.0)
}

impl Lint<'_, raw::SessionType> {
    fn access(&mut self) {
        let raw = self.raw;
        if !self.document.has(&["joinability"]) {
            self.warning(
                "joinability-not-stated",
                &["joinability"],
                "it does not say who may join, so nobody may without a reservation or an invite",
                "add `joinability: private`, or `public`",
            );
        }
        let unsure = |key| self.document.is_unsure(&[key]);
        if raw.read_restriction.openness() < raw.joinability.openness()
            && !unsure("joinability")
            && !unsure("read_restriction")
        {
            self.error(
                "read-restriction",
                &["read_restriction"],
                "who may join could not read what he joins".to_owned(),
                "make `read_restriction` at least as open as `joinability`",
            );
        }
        let creation = &raw.creation;
        let anybody = creation.by_players || creation.by_servers || creation.by_matchmaking;
        let kept = raw.min_session_count > 0;
        if !anybody && !kept && !self.document.is_unsure(&["creation"]) {
            self.warning(
                "nobody-creates",
                &["creation"],
                "nobody may create sessions of this type",
                "write `true` for `by_players`, `by_servers` or `by_matchmaking`",
            );
        }
    }

    /// The size with its defaults; what does not fit is reported.
    fn size(&mut self) -> Size {
        let Some(size) = &self.raw.size else {
            let defaults = raw::Size::default();
            return Size {
                teams: None,
                players_per_team: defaults.players_per_team,
                max_members: MEMBERS_MAX,
                can_change_own_team: defaults.can_change_own_team,
                spectators: 0,
                team_overflow: TeamOverflow::default(),
            };
        };
        let unsure = self.document.is_unsure(&["size"]);
        let teams = size.teams.unwrap_or(1);
        let places = match self.raw.capabilities.large {
            true => 0,
            false => u32::from(teams) * u32::from(size.players_per_team),
        };
        let max_members = size.max_members.unwrap_or(match size.teams {
            Some(_) => places.saturating_add(size.spectators),
            None => MEMBERS_MAX,
        });
        if places.saturating_add(size.spectators) > max_members && !unsure {
            let of = if size.spectators > 0 {
                " and spectators"
            } else {
                ""
            };
            self.error(
                "too-few-seats",
                &["size", "max_members"],
                format!(
                    "{teams} × {} team places{of} need {} seats, not {max_members}",
                    size.players_per_team,
                    places + size.spectators,
                ),
                format!(
                    "write `max_members: {}`, or fewer places",
                    places + size.spectators
                ),
            );
        }
        self.spectators(size);
        let unsure = unsure || self.document.is_unsure(&["capabilities"]);
        if max_members > MEMBERS_MAX && !self.raw.capabilities.large && !unsure {
            self.error(
                "too-many-members",
                &["size", "max_members"],
                format!("a session has at most {MEMBERS_MAX} members, not {max_members}, unless it is large"),
                "write 100 or less, or `capabilities: { large: true }`",
            );
        }
        Size {
            // Nobody enforces places in a large session: it has no teams.
            teams: (!self.raw.capabilities.large).then_some(teams),
            players_per_team: size.players_per_team,
            max_members,
            can_change_own_team: size.can_change_own_team,
            spectators: size.spectators,
            team_overflow: members::team_overflow(size.team_overflow),
        }
    }

    /// A party plays, all of it.
    fn spectators(&mut self, size: &raw::Size) {
        if size.spectators > 0 && self.raw.can_join_matchmaking {
            self.error(
                "spectators-in-a-party",
                &["size", "spectators"],
                "who queues plays: a session that can be queued has no spectators".to_owned(),
                "remove it, or `can_join_matchmaking`",
            );
        }
    }

    fn capabilities(&mut self) {
        let raw = self.raw;
        let servers = raw
            .qos
            .as_ref()
            .is_some_and(|qos| !qos.measurement_servers.is_empty());
        if raw.capabilities.large {
            let many_teams = raw.size.as_ref().and_then(|size| size.teams) > Some(1);
            let excluded: [(bool, &[&str]); 5] = [
                (many_teams, &["size", "teams"]),
                (raw.can_join_matchmaking, &["can_join_matchmaking"]),
                (
                    raw.member_initialization.is_some(),
                    &["member_initialization"],
                ),
                (servers, &["qos", "measurement_servers"]),
                (
                    raw.capabilities.connectivity,
                    &["capabilities", "connectivity"],
                ),
            ];
            for (written, path) in excluded {
                if written {
                    let message = format!("a large session has no `{}`", path.join("."));
                    self.error("large-excludes", path, message, "remove it, or `large`");
                }
            }
            self.large_admission();
        }
        let unsure = self.document.is_unsure(&["capabilities"]);
        if raw.qos.is_some() && !raw.capabilities.connectivity && !unsure {
            self.error(
                "qos-without-connectivity",
                &["qos"],
                "nothing is measured without the capability `connectivity`".to_owned(),
                "write `capabilities: { connectivity: true }`",
            );
        }
    }

    /// Who follows whom, and who plays on which device, would have to be looked for among all members.
    fn large_admission(&mut self) {
        let raw = self.raw;
        for (joinability, key) in [
            (raw.joinability, "joinability"),
            (raw.read_restriction, "read_restriction"),
        ] {
            if joinability.asks_members() && !self.document.is_unsure(&[key]) {
                self.error(
                    "large-excludes",
                    &[key],
                    "a large session does not know who follows whom, nor who plays on one device"
                        .to_owned(),
                    "write `public` or `private`",
                );
            }
        }
    }

    fn lifetimes(&mut self) {
        let raw = self.raw;
        let play = &raw.play_session;
        let unsure = self.document.is_unsure(&["play_session"]);
        if play.heartbeat_timeout <= play.heartbeat_interval && !unsure {
            self.error(
                "heartbeat-timeout",
                &["play_session", "heartbeat_timeout"],
                format!(
                    "a lease would end after {} while heartbeats come every {}",
                    play.heartbeat_timeout.0, play.heartbeat_interval.0
                ),
                "make `heartbeat_timeout` longer than `heartbeat_interval`",
            );
        }
        if raw
            .member_initialization
            .as_ref()
            .is_some_and(|init| init.measurement_timeout > Duration::seconds(30))
        {
            self.warning(
                "long-measurement",
                &["member_initialization", "measurement_timeout"],
                "players wait through every measurement; in matchmaking at most 45s count",
                "write `30s` or less",
            );
        }
        if raw.invites.time_out == Duration::seconds(0) && !self.document.is_unsure(&["invites"]) {
            self.error(
                "zero",
                &["invites", "time_out"],
                "`invites.time_out` is 0: every invite would be over at once".to_owned(),
                "write `5m`, or remove the key",
            );
        }
        let kept = raw.timeouts.session_empty.is_none();
        let stated = self.document.has(&["timeouts", "session_empty"]);
        if raw
            .keep_alive_on_empty
            .is_some_and(|keep| stated && keep != kept)
            && !self.document.is_unsure(&["timeouts", "session_empty"])
        {
            self.error(
                "keep-alive",
                &["keep_alive_on_empty"],
                "`keep_alive_on_empty` and `timeouts.session_empty` say different things"
                    .to_owned(),
                "remove one of them; `keep_alive_on_empty: true` is `session_empty: null`",
            );
        }
    }

    /// The type's own data keeps the limits that it sets (counts and bytes).
    fn custom_data(&mut self) {
        let startup = self
            .raw
            .instance
            .as_ref()
            .and_then(|instance| instance.startup_params.as_ref())
            .map(|params| &params.custom_data);
        let raw = self.raw;
        self.data_within_limits(&raw.custom_data, &["custom_data"]);
        self.data_within_limits(&raw.browser.params, &["browser", "params"]);
        if let Some(data) = startup {
            self.data_within_limits(data, &["instance", "startup_params", "custom_data"]);
        }
    }

    fn data_within_limits(&mut self, data: &CustomData, path: &[&str]) {
        if self.document.is_unsure(&["custom_data_limits"]) {
            return;
        }
        let limits = &self.raw.custom_data_limits;
        let (keys, key_bytes, value_bytes) = (
            limits.keys as usize,
            limits.key_bytes as usize,
            limits.value_bytes as usize,
        );
        if data.len() > keys {
            let message = format!("{} entries, but at most {keys} are allowed", data.len());
            self.error(
                "custom-data-limits",
                path,
                message,
                "see `custom_data_limits`",
            );
        }
        for (key, why) in bad_keys(data) {
            let span = self.document.key_at(path, key);
            let shown: String = key.chars().take(60).collect();
            let message = format!("the key `{shown}` of custom data {why}");
            let report = Report::error("custom-data-key", span, message);
            self.reports
                .push(report.write("a key holds letters, digits and . _ - only, 1 to 100 of them"));
        }
        for (key, value) in data {
            let place: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
            let (span, what, bytes, most) = if key.len() > key_bytes {
                (self.document.key_at(path, key), "key", key.len(), key_bytes)
            } else if value.len() > value_bytes {
                (self.document.at(&place), "value", value.len(), value_bytes)
            } else {
                continue;
            };
            let message = format!("a {what} of {bytes} bytes, but at most {most} are allowed");
            let report = Report::error("custom-data-limits", span, message);
            self.reports.push(report.write("see `custom_data_limits`"));
        }
    }
}
