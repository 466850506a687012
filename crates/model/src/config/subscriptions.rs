//! The YAML of subscriptions: what each profile covers, and how often it is told.

use std::collections::BTreeSet;

use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::raw_members as raw;
use super::raw_session_type::SessionType;
use crate::subscriptions::{
    ChangeType, MIN_INTERVAL_MAX, Profile, ProfileSettings, SubscriptionSettings,
};

/// Reports what is wrong, and the settings as they are written.
pub(super) fn validate(
    raw: &SessionType,
    document: &Document,
    reports: &mut Vec<Report>,
) -> SubscriptionSettings {
    let subscriptions = &raw.subscriptions;
    if !document.is_unsure(&["subscriptions"]) {
        let mut lint = Lint {
            raw,
            document,
            reports,
        };
        if raw.capabilities.large && document.has(&["subscriptions"]) {
            lint.large();
        }
        for profile in Profile::ALL {
            lint.profile(profile, of(&subscriptions.profiles, profile));
        }
    }
    SubscriptionSettings::new(subscriptions.max_per_connection, |profile| {
        settings(profile, of(&subscriptions.profiles, profile))
    })
}

fn of(profiles: &raw::Profiles, profile: Profile) -> &raw::Profile {
    match profile {
        Profile::Party => &profiles.party,
        Profile::Matchmaking => &profiles.matchmaking,
        Profile::Initialization => &profiles.initialization,
        Profile::Roster => &profiles.roster,
        Profile::Queuehost => &profiles.queuehost,
        Profile::Queue => &profiles.queue,
    }
}

fn settings(profile: Profile, raw: &raw::Profile) -> ProfileSettings {
    let changes = raw.changes.as_deref().unwrap_or(profile.usual_changes());
    ProfileSettings {
        changes: changes.iter().copied().collect(),
        min_interval: raw.min_interval.0,
    }
}

impl Lint<'_, SessionType> {
    fn large(&mut self) {
        let message = "a large session has no `subscriptions`";
        let help = "remove it, or `large`";
        self.error("large-excludes", &["subscriptions"], message, help);
    }

    fn profile(&mut self, profile: Profile, raw: &raw::Profile) {
        let path = |knob| ["subscriptions", "profiles", profile.as_str(), knob];
        if raw.min_interval.0 > MIN_INTERVAL_MAX {
            let message = format!(
                "a change would be held back for {}, longer than anybody waits for one",
                raw.min_interval.0
            );
            let help = format!("write `{MIN_INTERVAL_MAX}` or less");
            self.error("long-interval", &path("min_interval"), message, help);
        }
        let Some(changes) = &raw.changes else { return };
        let path = path("changes");
        let distinct: BTreeSet<ChangeType> = changes.iter().copied().collect();
        if distinct.is_empty() {
            let message = format!(
                "who subscribes to `{}` would hear nothing",
                profile.as_str()
            );
            let help = "add a change, `everything` for example, or remove the key";
            self.error("profile-of-nothing", &path, message, help);
        } else if distinct.contains(&ChangeType::Everything) && distinct.len() > 1 {
            let message = "`everything` covers the other changes as well";
            let help = "write `[everything]`";
            self.warning("more-than-everything", &path, message, help);
        }
    }
}
