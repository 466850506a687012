//! A raw queue becomes a validated one: its teams, its session type, its regions and its party.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Found, Set, missing};
use super::diagnostic::Report;
use super::document::Document;
use super::lint::Lint;
use super::queue_rules::RuleLint;
use super::raw_queue as raw;
use super::schema::Kind;
use super::widening;
use crate::queue::{
    Aggregate, Attribute, AttributeSource, AttributeType, Avoid, CLIENT_VERSION, NUMBER_ABS_MAX,
    Priority, Queue, QueueBackfill, RegionRules, STRING_BYTES_MAX, STRINGS_MAX, TeamSettings,
};
use crate::session_type::SessionType;
use crate::{Millis, Name, Region, ticket};

/// Reports what is wrong; the validated queue, if it can be told.
pub(super) fn validate(
    raw: &raw::Queue,
    document: &Document,
    set: &Set,
    reports: &mut Vec<Report>,
) -> Option<Queue> {
    let mut lint = Lint {
        raw,
        document,
        reports,
    };
    let teams = lint.teams();
    let largest = teams.iter().map(|team| team.players_max).max().unwrap_or(1);
    let party_players_max = lint.party(largest);
    lint.regions();
    lint.ticket();
    lint.estimates();
    let attributes = lint.attributes();
    let mut session_type_name = raw.session_type.clone();
    let mut cross_play = false;
    let mut allow = raw.regions.allow.clone();
    // Of a queue without one there is nothing to look up.
    let unsure = document.is_unsure(&["session_type"]);
    match set.session_type(&raw.session_type) {
        Found::Valid(session_type) => {
            session_type_name = session_type.name.clone();
            cross_play = session_type.capabilities.cross_play;
            if let Some(served) = lint.session_type(session_type, &teams, set) {
                allow = Some(served);
            }
        }
        Found::Broken => {}
        Found::Missing(_) if unsure => {}
        Found::Missing(near) => {
            let span = document.at(&["session_type"]);
            let name = &raw.session_type;
            lint.reports.push(missing(
                Kind::SessionType,
                "unknown-session-type",
                name,
                near,
                span,
            ));
        }
    }
    let mut rules_lint = RuleLint {
        raw,
        attributes: &attributes,
        teams: &teams,
        party_players_max,
        document,
        judged: Vec::new(),
        reports,
    };
    let role_attribute = rules_lint.role_attribute();
    let rules = rules_lint.rules();
    let sort = rules_lint.sort();
    let expansions = rules_lint.expansions();
    if let Some(expansions) = &expansions {
        rules_lint.sense(rules.as_deref(), expansions);
    }
    let penalties = super::queue_group::penalties(raw, document, set.queues(), reports);
    let acceptance = super::queue_group::acceptance(raw, &teams, document, reports);
    let open = super::opening::hours(raw, document, reports);
    let group = super::queue_group::group(raw, document, &attributes, set.queues(), reports);
    Some(Queue {
        name: raw.name.clone(),
        group,
        active: raw.active,
        open,
        session_type: session_type_name,
        cross_play,
        regions: RegionRules {
            allow,
            max_latency: raw.regions.max_latency.map(|d| d.0),
            max_latency_delta: raw.regions.max_latency_delta.map(|d| d.0),
        },
        teams,
        party_players_max,
        party_aggregate: match raw.party.aggregate {
            raw::Aggregate::Min => Aggregate::Min,
            raw::Aggregate::Max => Aggregate::Max,
            raw::Aggregate::Mean => Aggregate::Mean,
            raw::Aggregate::Sum => Aggregate::Sum,
        },
        attributes,
        role_attribute: role_attribute?,
        rules: rules?,
        sort: sort?,
        avoid: raw.avoid.as_ref().map(|avoid| Avoid {
            players_max: avoid.max_players,
            soft: avoid.soft,
        }),
        expansions: expansions?,
        ticket_time_out: raw.ticket.time_out.map(|d| d.0),
        placement_retries: raw.placement.retries,
        backfill: backfill(raw.backfill.clone().unwrap_or_default()),
        estimate_quantiles: raw.estimates.quantiles.clone(),
        acceptance,
        penalties,
    })
}

/// How tickets join sessions that are played.
fn backfill(raw: raw::QueueBackfill) -> QueueBackfill {
    QueueBackfill {
        priority: match raw.priority {
            raw::Priority::High => Priority::High,
            raw::Priority::Normal => Priority::Normal,
            raw::Priority::Low => Priority::Low,
        },
        players_per_refill_max: raw.max_players_per_refill,
    }
}

impl Lint<'_, raw::Queue> {
    fn teams(&mut self) -> Vec<TeamSettings> {
        let teams = match &self.raw.teams {
            raw::Teams::Equal(equal) => {
                return (1..=equal.count)
                    .filter_map(|number| format!("team-{number}").parse().ok())
                    .map(|name| TeamSettings {
                        name,
                        players_min: equal.size,
                        players_max: equal.size,
                        roles: BTreeMap::new(),
                    })
                    .collect();
            }
            raw::Teams::List(teams) => teams,
        };
        let mut names = BTreeSet::new();
        let mut valid = Vec::new();
        for (index, team) in teams.iter().enumerate() {
            let index = index.to_string();
            if !names.insert(team.name.as_str().to_ascii_lowercase()) {
                let message = format!("there already is a team `{}`", team.name);
                let help = "choose another name; names are compared without case";
                self.error("duplicate-name", &["teams", &index, "name"], message, help);
            }
            if team.min_players > team.max_players {
                let message = format!(
                    "at least {} and at most {} players cannot be",
                    team.min_players, team.max_players
                );
                let help = "make `min_players` no greater than `max_players`";
                self.error(
                    "min-above-max",
                    &["teams", &index, "min_players"],
                    message,
                    help,
                );
            }
            let roles = self.team_roles(team, &index);
            valid.push(TeamSettings {
                name: team.name.clone(),
                players_min: team.min_players,
                players_max: team.max_players,
                roles,
            });
        }
        valid
    }

    /// How many players of each role a team wants; they must fit into its smallest size.
    fn team_roles(&mut self, team: &raw::Team, index: &str) -> BTreeMap<Name, u16> {
        let wanted: u32 = team.roles.values().fold(0, |sum, n| sum.saturating_add(*n));
        if wanted > u32::from(team.min_players) {
            let message = format!(
                "{wanted} players with roles, but a team of {} may do",
                team.min_players
            );
            let help = format!("want {} or fewer, or raise `min_players`", team.min_players);
            self.error(
                "roles-do-not-fit",
                &["teams", index, "roles"],
                message,
                &help,
            );
        }
        if wanted > 0 && self.raw.roles.is_none() && !self.document.is_unsure(&["roles"]) {
            let message = "nobody knows which roles players would take".to_owned();
            let help = "add `roles: { attribute: … }`, an attribute of type strings";
            self.error("missing-key", &["teams", index, "roles"], message, help);
        }
        if let Some((role, _)) = team.roles.iter().find(|(_, n)| **n == 0) {
            let path = ["teams", index, "roles", role.as_str()];
            let message = format!("no player is wanted as `{role}`");
            self.warning("zero", &path, message, "write `1` or more, or leave it out");
        }
        let small = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
        let roles = team.roles.iter().filter(|(_, n)| **n > 0);
        roles.map(|(role, n)| (role.clone(), small(*n))).collect()
    }

    /// The largest party that may queue.
    fn party(&mut self, largest_team: u16) -> u16 {
        let Some(players) = self.raw.party.max_players else {
            return largest_team;
        };
        if players > largest_team && !self.document.is_unsure(&["teams"]) {
            self.error(
                "party-too-big",
                &["party", "max_players"],
                format!("a party of {players} fits into no team, and parties are never split"),
                format!("write {largest_team} or less, or make a team larger"),
            );
        }
        players
    }

    fn regions(&mut self) {
        if let Some(allow) = &self.raw.regions.allow {
            let twice = repeated(allow);
            for (index, region) in twice {
                let path = ["regions", "allow", &index.to_string()];
                let message = format!("the region `{region}` is there twice");
                self.error("duplicate-region", &path, message, "keep one of them");
            }
        }
        let is_zero = self
            .raw
            .regions
            .max_latency
            .is_some_and(|d| d.0 == Millis(0));
        let widens = |expansion: &raw::Expansion| expansion.rule.as_str() == widening::MAX_LATENCY;
        let is_unsure = self.document.is_unsure(&["expansions"]);
        if is_zero && !is_unsure && !self.raw.expansions.iter().any(widens) {
            let message = "`max_latency` is 0: only who measures 0 ms to a region can play";
            let help = "write `80ms`, or `null` for no limit";
            self.warning("zero", &["regions", "max_latency"], message, help);
        }
    }

    fn ticket(&mut self) {
        if self.raw.ticket.time_out.is_some_and(|d| d.0 == Millis(0)) {
            let message = "`ticket.time_out` is 0: every ticket would expire at once".to_owned();
            self.error(
                "zero",
                &["ticket", "time_out"],
                message,
                "write `5m`, or `null` for never",
            );
        }
    }

    fn estimates(&mut self) {
        let quantiles = &self.raw.estimates.quantiles;
        for (at, &quantile) in quantiles.iter().enumerate() {
            let index = at.to_string();
            let path = ["estimates", "quantiles", &index];
            if !(quantile > 0.0 && quantile < 1.0) {
                let message = format!("{quantile} is no share of tickets that can be told");
                let help = "write a number above 0 and below 1, such as `0.9`";
                self.error("out-of-range", &path, message, help);
            } else if at > 0 && quantiles[at - 1] >= quantile {
                let message = format!("{quantile} does not follow {}", quantiles[at - 1]);
                let help = "write the quantiles in ascending order, each once";
                self.error("not-ascending", &path, message, help);
            }
        }
    }

    fn attributes(&mut self) -> BTreeMap<Name, Attribute> {
        let raw = self.raw;
        let mut names: BTreeSet<String> = BTreeSet::new();
        // In the order in which they are written: the second of two is the one too many.
        let written = self.document.node.get("attributes");
        for entry in written.iter().flat_map(|node| node.entries()) {
            if !names.insert(entry.key.to_ascii_lowercase()) {
                let message = format!("there already is an attribute `{}`", entry.key);
                let help = "choose another name; names are compared without case";
                self.error("duplicate-name", &["attributes", &entry.key], message, help);
            }
        }
        let mut attributes: BTreeMap<Name, Attribute> = self.client_version().into_iter().collect();
        for (name, attribute) in &raw.attributes {
            attributes.insert(name.clone(), self.attribute(name, attribute));
        }
        attributes
    }

    /// The one attribute that is there when a rule asks for it. The client alone knows its build, and who lies
    /// about it gets into a match whose host turns him away.
    fn client_version(&self) -> Option<(Name, Attribute)> {
        let mut rules = self.raw.rules.iter();
        let name = rules.find_map(|rule| reads_client_version(&rule.condition()))?;
        let attribute = Attribute {
            kind: AttributeType::String,
            source: AttributeSource::Player,
            default: None,
        };
        Some((name, attribute))
    }

    fn attribute(&mut self, name: &Name, raw: &raw::Attribute) -> Attribute {
        let kind = match raw.r#type {
            raw::AttributeType::Number => AttributeType::Number,
            raw::AttributeType::String => AttributeType::String,
            raw::AttributeType::Strings => AttributeType::Strings,
            raw::AttributeType::Numbers => AttributeType::Numbers,
        };
        let path = ["attributes", name.as_str(), "default"];
        if raw.default.as_ref().is_some_and(|value| !kind.holds(value)) {
            let message = format!("the default of `{name}` must be {}", kind.values());
            self.error(
                "default-type",
                &path,
                message,
                "change the default or the type",
            );
        }
        let (texts, keys, numbers): (&[String], Vec<&String>, Vec<f64>) = match &raw.default {
            Some(ticket::Value::Number(number)) => (&[], Vec::new(), vec![*number]),
            Some(ticket::Value::String(text)) => {
                (std::slice::from_ref(text), Vec::new(), Vec::new())
            }
            Some(ticket::Value::Strings(texts)) => (texts, Vec::new(), Vec::new()),
            Some(ticket::Value::Numbers(numbers)) => {
                let values = numbers.values().copied();
                (&[], numbers.keys().collect(), values.collect())
            }
            None => (&[], Vec::new(), Vec::new()),
        };
        let word = if keys.is_empty() { "text" } else { "key" };
        let many = texts.len().max(keys.len());
        if many > STRINGS_MAX {
            let message = format!("the default of `{name}` has {many} {word}s");
            let help = format!("write {STRINGS_MAX} {word}s at most");
            self.error("default-too-long", &path, message, help);
        }
        let longest = texts.iter().chain(keys).map(String::len).max();
        if let Some(bytes) = longest.filter(|bytes| *bytes > STRING_BYTES_MAX) {
            let message = format!("the default of `{name}` has a {word} of {bytes} bytes");
            let help = format!("write {STRING_BYTES_MAX} bytes at most");
            self.error("default-too-long", &path, message, help);
        }
        // Whoever brings nothing would be refused for it.
        if numbers.iter().any(|x| x.abs() > NUMBER_ABS_MAX) {
            let message = format!("the default of `{name}` is too large");
            let help = "write numbers of at most 10^15 either way";
            self.error("default-too-large", &path, message, help);
        }
        Attribute {
            kind,
            source: match raw.source {
                raw::AttributeSource::Server => AttributeSource::Server,
                raw::AttributeSource::Claim => AttributeSource::Claim,
                raw::AttributeSource::Player => AttributeSource::Player,
            },
            default: raw.default.clone(),
        }
    }

    /// A match of these teams must be able to become a session of this type, with a host. Answers the regions
    /// where that is so: those that the queue allows and the fleet serves, as the fleet spells them.
    fn session_type(
        &mut self,
        session_type: &SessionType,
        teams: &[TeamSettings],
        set: &Set,
    ) -> Option<Vec<Region>> {
        let name = &session_type.name;
        if !session_type.creation.by_matchmaking {
            let message = format!("sessions of type `{name}` may not be created by matchmaking");
            let help = format!("write `creation: {{ by_matchmaking: true }}` in `{name}`");
            self.error("not-by-matchmaking", &["session_type"], message, &help);
        }
        self.teams_fit(session_type, teams);
        if self.raw.backfill.is_some() && session_type.backfill.is_none() {
            let message =
                format!("sessions of type `{name}` ask for no players: `backfill` does nothing");
            let help =
                format!("write `backfill: {{ enabled: true }}` in `{name}`, or remove it here");
            self.warning("backfill-unused", &["backfill"], message, &help);
        }
        let Some(instance) = &session_type.instance else {
            let message =
                format!("sessions of type `{name}` have no instance: a match would have no host");
            let help = format!("add the section `instance` to `{name}`");
            self.error("no-instance", &["session_type"], message, &help);
            return None;
        };
        if instance.startup_params.is_none() {
            let message = format!(
                "the instance of `{name}` has no `startup_params`: nobody says what a match's host is to start"
            );
            let help = format!("add `startup_params: {{ map: … }}` under `instance` in `{name}`");
            self.error("no-startup-params", &["session_type"], message, &help);
        }
        let Found::Valid(fleet) = set.fleet(&instance.fleet) else {
            return None;
        };
        let raw = self.raw;
        let Some(allow) = &raw.regions.allow else {
            return Some(fleet.regions.clone());
        };
        let mut served = Vec::new();
        for (index, region) in allow.iter().enumerate() {
            let same = |other: &&Region| other.as_str().eq_ignore_ascii_case(region.as_str());
            if let Some(spelt) = fleet.regions.iter().find(same) {
                served.push(spelt.clone());
                continue;
            }
            let message = format!(
                "the fleet `{}` has no game servers in `{region}`",
                fleet.name
            );
            let regions = super::nearest::quoted_list(fleet.regions.iter().map(Region::as_str));
            let help = format!("the fleet serves {regions}");
            let path = ["regions", "allow", &index.to_string()];
            self.error("region-not-served", &path, message, &help);
        }
        Some(served)
    }

    fn teams_fit(&mut self, session_type: &SessionType, teams: &[TeamSettings]) {
        let (name, size) = (&session_type.name, &session_type.size);
        if let Some(most) = size.teams {
            if teams.len() > usize::from(most) {
                let message = format!("{} teams, but a `{name}` session has {most}", teams.len());
                let help = format!(
                    "write fewer teams, or `size: {{ teams: {} }}` in `{name}`",
                    teams.len()
                );
                self.error("teams-do-not-fit", &["teams"], message, &help);
            }
            let too_large = teams
                .iter()
                .find(|team| team.players_max > size.players_per_team);
            if let Some(team) = too_large {
                let message = format!(
                    "a team of {} players, but a team of a `{name}` session has {} places",
                    team.players_max, size.players_per_team
                );
                let help = format!(
                    "write {} or less, or `size: {{ players_per_team: {} }}` in `{name}`",
                    size.players_per_team, team.players_max
                );
                self.error("teams-do-not-fit", &["teams"], message, &help);
            }
        }
        let players: u32 = teams.iter().map(|team| u32::from(team.players_max)).sum();
        if players > size.max_members {
            let message = format!(
                "{players} players, but a `{name}` session has {} seats",
                size.max_members
            );
            let help = format!("write smaller teams, or a larger `size` in `{name}`");
            self.error("teams-do-not-fit", &["teams"], message, &help);
        }
    }
}

/// The name of the client's build, where a rule `equal` or a part of it reads it.
fn reads_client_version(condition: &raw::Condition) -> Option<Name> {
    let own = condition.equal.as_ref();
    let lists = condition.all.iter().chain(&condition.any).flatten();
    let mut parts = lists.chain(condition.not.as_deref());
    own.filter(|name| name.as_str() == CLIENT_VERSION)
        .cloned()
        .or_else(|| parts.find_map(reads_client_version))
}

/// Every region that stands a second time, without regard to case, with its index.
pub(super) fn repeated(regions: &[Region]) -> Vec<(usize, &Region)> {
    let mut seen = BTreeSet::new();
    regions
        .iter()
        .enumerate()
        .filter(|(_, region)| !seen.insert(region.as_str().to_ascii_lowercase()))
        .collect()
}
