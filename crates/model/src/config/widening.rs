//! How the limits of a queue widen with the age of a ticket: `expansions` in YAML.

use super::diagnostic::Report;
use super::nearest::{nearest, quoted_list};
use super::queue_rules::RuleLint;
use super::raw_queue as raw;
use crate::queue::{
    Comparison, Expansion, ExpansionStep, ExpansionTarget, Operand, Rule, RuleKind,
};
use crate::{Millis, Name};

/// What the limit of the latency is called.
pub(super) const MAX_LATENCY: &str = "regions.max_latency";
const MAX_LATENCY_DELTA: &str = "regions.max_latency_delta";
const TEAMS_MIN: &str = "teams.min_players";

/// What explanations say instead of a rule's name.
const EXPLAINED: [&str; 8] = [
    "avoid",
    "created_before",
    "cross_play",
    "refused",
    "regions",
    "roles",
    "seats",
    "teams",
];

/// Whether no rule may have this name: it would hide a limit.
pub(super) fn is_reserved(name: &str) -> bool {
    [MAX_LATENCY, MAX_LATENCY_DELTA].contains(&name)
        || name.starts_with("teams.") && name.ends_with(".min_players")
        || name == TEAMS_MIN
}

/// Whether no rule may have this name: explanations would take it for what is no rule.
pub(super) fn is_explained(name: &str) -> bool {
    EXPLAINED.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// What of something can widen, and what it starts from.
#[derive(Default)]
struct Target {
    /// What has an upper limit that may grow.
    max: Option<(ExpansionTarget, f64)>,
    /// What has lower limits that may fall, and how far.
    min: Vec<(ExpansionTarget, f64)>,
    /// The least that `min` may fall to.
    floor: f64,
    /// What may be given up as a whole.
    off: Option<ExpansionTarget>,
    /// A limit that is none. Without it a rule that has no upper limit any more is given up.
    most: Option<f64>,
    /// Its numbers are milliseconds.
    is_latency: bool,
    /// Its numbers are counts.
    is_count: bool,
}

/// What one step does.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Max,
    Min,
    Off,
}

impl RuleLint<'_> {
    fn target(&mut self, name: &Name, index: &str) -> Option<Target> {
        let raw = self.raw;
        let same = |rule: &raw::Rule| rule.name.as_str().eq_ignore_ascii_case(name.as_str());
        let latency = |target, limit: Option<super::duration::Duration>| match limit {
            Some(limit) => Ok(Target {
                max: Some((target, limit.0.0 as f64)),
                is_latency: true,
                ..Target::default()
            }),
            None => Err((
                format!("`{name}` has no limit that could widen"),
                format!(
                    "add `{}` under `regions`",
                    name.as_str().trim_start_matches("regions.")
                ),
            )),
        };
        let found = match (name.as_str(), raw.rules.iter().position(same)) {
            (MAX_LATENCY, _) => latency(ExpansionTarget::MaxLatency, raw.regions.max_latency),
            (MAX_LATENCY_DELTA, _) => latency(
                ExpansionTarget::MaxLatencyDelta,
                raw.regions.max_latency_delta,
            ),
            (_, Some(at)) => return self.rule_target(at),
            (other, None) => match self.team_target(other) {
                Some(target) => Ok(target),
                None => Err(self.unknown(other)),
            },
        };
        let unsure = ["rules", "regions", "teams"].map(|key| self.document.is_unsure(&[key]));
        match found {
            Ok(target) => Some(target),
            Err(_) if unsure.contains(&true) => None,
            Err((message, help)) => {
                let path = ["expansions", index, "rule"];
                self.error("unknown-rule", &path, message, &help);
                None
            }
        }
    }

    fn unknown(&self, name: &str) -> (String, String) {
        let rules = self.raw.rules.iter().map(|rule| rule.name.as_str());
        let others = [MAX_LATENCY, MAX_LATENCY_DELTA, TEAMS_MIN];
        let names: Vec<&str> = rules.chain(others).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("write `{near}`"),
            None => format!("what can widen: {}", quoted_list(names)),
        };
        (format!("there is no rule `{name}` in this queue"), help)
    }

    /// `teams.min_players` of all teams, or `teams.NAME.min_players` of one.
    fn team_target(&self, name: &str) -> Option<Target> {
        let one = name.strip_prefix("teams.")?.strip_suffix("min_players")?;
        let one = one.strip_suffix('.');
        let teams = self.teams.iter().enumerate();
        let meant = teams
            .filter(|(_, team)| one.is_none_or(|one| team.name.as_str().eq_ignore_ascii_case(one)));
        let meant: Vec<_> = meant.collect();
        let roles = |team: &crate::queue::TeamSettings| team.roles.values().sum::<u16>();
        let floor = meant.iter().map(|(_, team)| roles(team).max(1)).max()?;
        Some(Target {
            min: meant
                .iter()
                .map(|(n, team)| (ExpansionTarget::TeamMin(*n), f64::from(team.players_min)))
                .collect(),
            floor: f64::from(floor),
            is_count: true,
            ..Target::default()
        })
    }

    /// What widens in a rule; read from the raw one, as the others may be broken.
    fn rule_target(&mut self, at: usize) -> Option<Target> {
        let rule = self.judged.get(at)?.as_ref()?;
        let mut target = rule_target(rule, at);
        // Its `min` holds on without its `max`.
        if let RuleKind::Contains { min: 1.., .. } = rule.kind {
            let players = self.teams.iter().map(|team| f64::from(team.players_max));
            target.most = Some(players.sum());
        }
        Some(target)
    }

    /// One entry becomes as many expansions as it has limits.
    pub(super) fn expansion(
        &mut self,
        raw: &raw::Expansion,
        index: &str,
    ) -> Option<Vec<Expansion>> {
        let target = self.target(&raw.rule, index)?;
        let mut upper: Vec<ExpansionStep> = Vec::new();
        let mut lower: Vec<ExpansionStep> = Vec::new();
        let mut limit = target.max.as_ref().map(|(_, base)| *base);
        let mut least = target.min.iter().map(|(_, base)| *base).reduce(f64::max);
        let (mut age, mut is_off): (Option<Millis>, bool) = (None, false);
        for (number, step) in raw.steps.iter().enumerate() {
            let number = number.to_string();
            let at = |key| ["expansions", index, "steps", number.as_str(), key];
            if age.is_some_and(|age| step.after.0 <= age) {
                let message = "this step does not come after the one before it".to_owned();
                let help = "order the steps by `after`";
                self.error("step-order", &at("after"), message, help);
                return None;
            }
            age = Some(step.after.0);
            self.never_comes(step.after.0, &at("after"));
            let way = self.way(raw, step, &target, index, &number)?;
            let after = step.after.0;
            if is_off {
                return self.has_no_limit(&at("after"));
            }
            match way {
                Way::Off => {
                    is_off = true;
                    upper.push(ExpansionStep { after, limit: None });
                }
                Way::Max => {
                    let max = self.limit(step.max, target.is_latency, &at("max"))?;
                    if max.is_some_and(|max| limit.is_some_and(|before| max <= before)) {
                        let before = limit.unwrap_or_default();
                        let before = match target.is_latency {
                            true => Millis(before as u64).to_string(),
                            false => before.to_string(),
                        };
                        return self.narrows(before, &at("max"));
                    }
                    let most = target
                        .most
                        .map(|most| limit.map_or(most, |max| most.max(max)));
                    let max = max.or(most);
                    is_off = max.is_none();
                    limit = max;
                    upper.push(ExpansionStep { after, limit: max });
                }
                Way::Min => {
                    let min = step.min.unwrap_or_default();
                    self.lower(min, least.unwrap_or_default(), &target, &at("min"))?;
                    least = Some(min);
                    let limit = Some(min);
                    lower.push(ExpansionStep { after, limit });
                }
            }
        }
        let upper_target = target.max.map(|(target, _)| target).or(target.off);
        let upper = upper_target.map(|target| (target, upper));
        let lower = target.min.into_iter().map(|(target, base)| {
            let falls = |step: &&ExpansionStep| step.limit.is_some_and(|limit| limit < base);
            (target, lower.iter().filter(falls).copied().collect())
        });
        let all = upper.into_iter().chain(lower);
        let all = all.filter(|(_, steps): &(_, Vec<ExpansionStep>)| !steps.is_empty());
        Some(
            all.map(|(target, steps)| Expansion { target, steps })
                .collect(),
        )
    }

    /// Warns of a step that no ticket lives to see.
    fn never_comes(&mut self, after: Millis, path: &[&str]) {
        let limit = self.raw.ticket.time_out.map(|limit| limit.0);
        let Some(limit) = limit.filter(|limit| after >= *limit) else {
            return;
        };
        if self.document.is_unsure(&["ticket"]) {
            return;
        }
        let message = format!("this step never comes: tickets expire after {limit}");
        let help = format!("write less than `{limit}`, or a longer `ticket.time_out`");
        let report = Report::warning("step-never-comes", self.document.at(path), message);
        self.reports.push(report.write(help));
    }

    fn has_no_limit<T>(&mut self, path: &[&str]) -> Option<T> {
        let message = "nothing is left to widen: the step before gives the limit up".to_owned();
        let help = "remove this step, or the one before";
        self.error("narrowing", path, message, help);
        None
    }

    fn narrows<T>(&mut self, before: String, path: &[&str]) -> Option<T> {
        let message = format!("the limit must widen with age, but it was {before} before");
        let help = format!("write more than {before}, or remove the step");
        self.error("narrowing", path, message, &help);
        None
    }

    /// Whether a lower limit may fall from one number to another.
    fn lower(&mut self, min: f64, before: f64, target: &Target, path: &[&str]) -> Option<()> {
        if min >= before {
            let message = format!("the limit must widen with age, but it was {before} before");
            let help = format!("write less than {before}, or remove the step");
            self.error("narrowing", path, message, &help);
            return None;
        }
        if target.is_count && (min < target.floor || min.fract() != 0.0) {
            let floor = target.floor;
            let message = format!("a whole number of at least {floor} is needed, not {min}");
            let help = format!("write {floor} or more");
            self.error("out-of-range", path, message, &help);
            return None;
        }
        Some(())
    }

    /// What a step does, if what it widens can do that.
    fn way(
        &mut self,
        raw: &raw::Expansion,
        step: &raw::Step,
        target: &Target,
        index: &str,
        number: &str,
    ) -> Option<Way> {
        let written = [step.max.is_some(), step.min.is_some(), step.off];
        let at = ["expansions", index, "steps", number];
        if written.into_iter().filter(|is| *is).count() > 1 {
            let message = "a step does one thing: `max`, `min` or `off`".to_owned();
            self.error("one-of", &at, message, "keep one of them");
            return None;
        }
        let mut max_at = at.to_vec();
        max_at.push("max");
        let is_null = self.document.has(&max_at);
        if written == [false; 3] && !is_null && target.max.is_some() {
            let message = "this step does not say to what the limit widens".to_owned();
            let mut after_at = at.to_vec();
            after_at.push("after");
            let limit = if target.is_latency { "90ms" } else { "500" };
            let help = format!("write `max: {limit}`, or `max: none` for no limit");
            self.error("missing-key", &after_at, message, &help);
            return None;
        }
        let (way, can, word) = match (step.off, step.min) {
            (true, _) => (Way::Off, target.off.is_some(), "way to be given up"),
            (false, Some(_)) => (Way::Min, !target.min.is_empty(), "`min` that could fall"),
            (false, None) => (Way::Max, target.max.is_some(), "`max` that could widen"),
        };
        if can {
            return Some(way);
        }
        let ways = [
            (target.max.is_some(), "`max: …`"),
            (!target.min.is_empty(), "`min: …`"),
            (target.off.is_some(), "`off: true`"),
        ];
        let ways: Vec<&str> = ways
            .iter()
            .filter_map(|(is, way)| is.then_some(*way))
            .collect();
        let help = match ways.as_slice() {
            [] => "remove the expansion: an `equal` of the whole match sorts tickets for good, and a preference never keeps anybody out".to_owned(),
            ways => format!("write {}", ways.join(" or ")),
        };
        let message = format!("`{}` has no {word}", raw.rule);
        self.error(
            "unknown-rule",
            &["expansions", index, "rule"],
            message,
            &help,
        );
        None
    }

    /// The limit of a step in the unit of what it widens; the outer `None` if it is of the wrong sort.
    fn limit(
        &mut self,
        raw: Option<raw::Limit>,
        is_latency: bool,
        path: &[&str],
    ) -> Option<Option<f64>> {
        match raw {
            None | Some(raw::Limit::None(_)) => Some(None),
            Some(raw::Limit::Number(number)) => Some(Some(number)),
            Some(raw::Limit::Duration(duration)) if is_latency => Some(Some(duration.0.0 as f64)),
            Some(raw::Limit::Duration(duration)) => {
                let message = format!(
                    "this rule compares numbers, not times such as `{}`",
                    duration.0
                );
                self.error("wrong-type", path, message, "write a plain number");
                None
            }
        }
    }
}

/// What widens in a rule.
fn rule_target(rule: &Rule, at: usize) -> Target {
    let (upper, lower) = (ExpansionTarget::Rule(at), ExpansionTarget::RuleMin(at));
    let (max, min, is_count) = match &rule.kind {
        RuleKind::Distance { max, .. } | RuleKind::Balance { max, .. } => (Some(*max), None, false),
        RuleKind::Intersect { min, .. } => (None, Some(*min as f64), true),
        RuleKind::Contains { min, max, .. } => (max.map(f64::from), Some(f64::from(*min)), true),
        RuleKind::Compare {
            by,
            with: Operand::Number(limit),
            ..
        } => match by {
            Comparison::Less | Comparison::AtMost => (Some(*limit), None, false),
            Comparison::Greater | Comparison::AtLeast => (None, Some(*limit), false),
            Comparison::Equal | Comparison::Unequal => (None, None, false),
        },
        _ => (None, None, false),
    };
    let sorts = matches!(
        rule.kind,
        RuleKind::Equal {
            per: crate::queue::Scope::Match,
            ..
        }
    );
    if rule.prefer.is_some() || sorts {
        return Target::default();
    }
    Target {
        max: max.map(|max| (upper.clone(), max)),
        min: min.map(|min| (lower, min)).into_iter().collect(),
        floor: 0.0,
        off: Some(upper),
        most: None,
        is_latency: false,
        is_count,
    }
}
