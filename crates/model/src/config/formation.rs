//! How sessions of a type come about and are found: the rules of hub, auto-launch and browser.

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::raw_instance;
use super::raw_session_type::{AutoLaunchWhen, SessionType};
use crate::formation::{AutoLaunch, Browser, Formation, HiddenWhile, Hub, Placement};
use crate::session::BROWSER_ENTRY_BYTES_MAX;
use crate::session_type::{Joinability, Visibility};

/// Reports what is wrong with the sections; what they come to.
pub(super) fn validate(
    raw: &SessionType,
    max_members: u32,
    document: &Document,
    reports: &mut Vec<Report>,
) -> Formation {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    lint.hub();
    lint.auto_launch(max_members);
    lint.browser();
    let launch = &raw.auto_launch;
    Formation {
        auto_launch: launch.enabled.then_some(match launch.when {
            AutoLaunchWhen::Created => AutoLaunch::Created,
            AutoLaunchWhen::MinMembers => AutoLaunch::MinMembers(launch.min_members),
        }),
        hub: raw.hub.as_ref().filter(|hub| hub.enabled).map(|hub| Hub {
            placement: match hub.placement {
                raw_instance::Placement::Fullest => Placement::Fullest,
                raw_instance::Placement::Emptiest => Placement::Emptiest,
                raw_instance::Placement::Oldest => Placement::Oldest,
            },
            match_region: hub.match_region,
            keep_parties_together: hub.keep_parties_together,
        }),
        min_session_count: raw.min_session_count,
        browser: Browser {
            auto_register: raw.browser.auto_register,
            allow_manual: raw.browser.allow_manual,
            params: raw.browser.params.clone(),
            hidden_while: raw
                .browser
                .auto_remove_when
                .iter()
                .map(|when| match when {
                    raw_instance::RemoveWhen::Full => HiddenWhile::Full,
                    raw_instance::RemoveWhen::Closed => HiddenWhile::Closed,
                    raw_instance::RemoveWhen::Unjoinable => HiddenWhile::Unjoinable,
                })
                .collect(),
        },
    }
}

impl Lint<'_, SessionType> {
    fn unsure(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.document.is_unsure(&[key]))
    }

    fn hub(&mut self) {
        if !self.raw.hub.as_ref().is_some_and(|hub| hub.enabled) {
            return;
        }
        if self.raw.joinability != Joinability::Public && !self.unsure(&["joinability"]) {
            self.error(
                "hub-not-public",
                &["hub"],
                "a hub takes in whoever comes, but this one is not public".to_owned(),
                "write `joinability: public`",
            );
        }
        if self.raw.visibility != Visibility::Open && !self.unsure(&["visibility"]) {
            self.error(
                "hub-not-public",
                &["visibility"],
                "a hub takes in whoever comes, but this one shows itself to nobody or lets nobody in"
                    .to_owned(),
                "write `visibility: open`, or remove the key",
            );
        }
    }

    /// What every session's entry would be refused for later, as it is larger than an entry may be.
    fn browser(&mut self) {
        let params = &self.raw.browser.params;
        let bytes = serde_json::to_string(params).map_or(0, |text| text.len());
        if bytes > BROWSER_ENTRY_BYTES_MAX {
            self.error(
                "browser-entry-too-large",
                &["browser", "params"],
                format!("an entry of {bytes} bytes is more than {BROWSER_ENTRY_BYTES_MAX}"),
                "show less: players search by it, and every page of the browser carries it",
            );
        }
    }

    fn auto_launch(&mut self, max_members: u32) {
        let launch = &self.raw.auto_launch;
        if !launch.enabled || self.unsure(&["instance", "auto_launch"]) {
            return;
        }
        match &self.raw.instance {
            None => self.error(
                "auto-launch-without-instance",
                &["auto_launch", "enabled"],
                "there is no `instance` to launch".to_owned(),
                "add the section `instance`",
            ),
            Some(instance) if instance.startup_params.is_none() => self.error(
                "auto-launch-without-startup-params",
                &["auto_launch", "enabled"],
                "nobody says what the host is to start".to_owned(),
                "add `startup_params: { map: … }` under `instance`",
            ),
            Some(_) => {}
        }
        if launch.when == AutoLaunchWhen::MinMembers
            && launch.min_members > max_members
            && !self.unsure(&["size"])
        {
            let message = format!(
                "it would never launch: {} members are waited for, and there are {max_members} seats",
                launch.min_members
            );
            self.error(
                "auto-launch-never",
                &["auto_launch", "min_members"],
                message,
                format!("write {max_members} or less"),
            );
        }
    }
}
