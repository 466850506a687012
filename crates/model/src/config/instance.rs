//! How sessions of a type get a host: the rules of the section `instance`.

use super::check::{Found, Set, missing};
use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::raw_instance::{HostType, Instance};
use super::schema::Kind;
use crate::session_type::{HealthSettings, InstanceSettings};
use crate::{Millis, Name};

/// Reports what is wrong with the section; what is left of it for dedicated hosts, if it names their fleet.
pub(super) fn validate(
    raw: &Instance,
    document: &Document,
    set: &Set,
    reports: &mut Vec<Report>,
) -> Option<InstanceSettings> {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    lint.times();
    let version = lint.version();
    let fleet = lint.fleet(version.as_ref(), set)?;
    Some(InstanceSettings {
        fleet,
        allocation_timeout: raw.allocation_timeout.0,
        boot_timeout: raw.boot_timeout.0,
        version,
        startup_params: raw.startup_params.clone(),
        health: HealthSettings {
            cadence: raw.health.cadence.0,
            missed_before_unknown: raw.health.missed_before_unknown,
        },
        close_on_empty: raw.close_on_empty,
    })
}

impl Lint<'_, Instance> {
    /// Spans of time that would end everything before it began.
    fn times(&mut self) {
        let (closed, mute) = (
            "every instance would be closed at once",
            "the host could never report often enough",
        );
        let times: [(&[&str], Millis, &str); 3] = [
            (
                &["instance", "allocation_timeout"],
                self.raw.allocation_timeout.0,
                closed,
            ),
            (
                &["instance", "boot_timeout"],
                self.raw.boot_timeout.0,
                closed,
            ),
            (
                &["instance", "health", "cadence"],
                self.raw.health.cadence.0,
                mute,
            ),
        ];
        for (path, span, why) in times {
            if span == Millis(0) {
                let message = format!("`{}` is 0: {why}", path.join("."));
                self.error(
                    "zero",
                    path,
                    message,
                    "write a longer time, or remove the key",
                );
            }
        }
    }

    fn version(&mut self) -> Option<semver::VersionReq> {
        let text = self.raw.version.as_ref()?;
        match text.parse() {
            Ok(version) => Some(version),
            Err(error) => {
                let message = format!("`{text}` is no range of versions: {error}");
                let help = "write a range such as `\">=1.4,<2\"` or `\"1.4\"`";
                self.error("bad-version", &["instance", "version"], message, help);
                None
            }
        }
    }

    /// The fleet's name as the fleet spells it.
    fn fleet(&mut self, version: Option<&semver::VersionReq>, set: &Set) -> Option<Name> {
        let Some(name) = &self.raw.fleet else {
            let unsure = self.document.is_unsure(&["instance", "fleet"])
                || self.document.is_unsure(&["instance", "host_type"]);
            if self.raw.host_type == HostType::Dedicated && !unsure {
                let message = "dedicated hosts come from a fleet, and none is named".to_owned();
                let help = "add `fleet: …` under `instance`";
                self.error("no-fleet", &["instance"], message, help);
            }
            return None;
        };
        let fleet = match set.fleet(name) {
            Found::Valid(fleet) => fleet,
            Found::Broken => return Some(name.clone()),
            Found::Missing(near) => {
                let span = self.document.at(&["instance", "fleet"]);
                self.reports
                    .push(missing(Kind::Fleet, "unknown-fleet", name, near, span));
                return Some(name.clone());
            }
        };
        if let (Some(wanted), Some(offered)) = (version, &fleet.version)
            && !wanted.matches(offered)
        {
            let message = format!("no instance would ever do: fleet `{name}` reports {offered}");
            let help = "write a range that holds the fleet's version";
            self.error(
                "version-never-matches",
                &["instance", "version"],
                message,
                help,
            );
        }
        Some(fleet.name.clone())
    }
}
