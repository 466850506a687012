//! What one rule of a queue demands, alone or inside of `all`, `any` and `not`.

use super::nearest::{nearest, quoted_list};
use super::queue_rules::RuleLint;
use super::raw_queue as raw;
use crate::Name;
use crate::queue::{Aggregate, AttributeType, Comparison, Operand, Reading, RuleKind, Scope};

/// Compounds inside of compounds; more are refused.
const DEPTH_MAX: usize = 4;

/// Everything that can be demanded.
const DEMANDS: [&str; 10] = [
    "distance",
    "balance",
    "equal",
    "different",
    "intersect",
    "contains",
    "compare",
    "all",
    "any",
    "not",
];

/// One condition and where it stands.
struct Place<'a> {
    raw: &'a raw::Condition,
    /// From the root of the document.
    path: Vec<String>,
    /// What it demands: one of [`DEMANDS`].
    demand: &'static str,
    /// Where to point when something is missing.
    head: Vec<String>,
    /// `the rule X` or `this condition`.
    subject: String,
    /// One: it is the rule.
    depth: usize,
}

impl Place<'_> {
    fn at(&self, key: &str) -> Vec<String> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        path
    }
}

/// What is written of everything that can be demanded.
fn demands(raw: &raw::Condition) -> Vec<&'static str> {
    let written = [
        raw.distance.is_some(),
        raw.balance.is_some(),
        raw.equal.is_some(),
        raw.different.is_some(),
        raw.intersect.is_some(),
        raw.contains.is_some(),
        raw.compare.is_some(),
        raw.all.is_some(),
        raw.any.is_some(),
        raw.not.is_some(),
    ];
    let pairs = DEMANDS.into_iter().zip(written);
    pairs.filter_map(|(key, is)| is.then_some(key)).collect()
}

/// What is written besides, and what may be written besides a demand.
fn parameters(raw: &raw::Condition) -> Vec<&'static str> {
    let written = [
        ("key", raw.key.is_some()),
        ("per", raw.per.is_some()),
        ("of", raw.of.is_some()),
        ("team", raw.team.is_some()),
        ("op", raw.op.is_some()),
        ("value", raw.value.is_some()),
        ("values", raw.values.is_some()),
        ("other", raw.other.is_some()),
        ("max", raw.max.is_some()),
        ("min", raw.min.is_some()),
    ];
    let written = written.into_iter();
    written.filter_map(|(key, is)| is.then_some(key)).collect()
}

fn takes(demand: &str) -> &'static [&'static str] {
    match demand {
        "distance" => &["key", "per", "of", "max"],
        "balance" => &["key", "of", "max"],
        "equal" | "different" => &["key", "per"],
        "intersect" => &["per", "min"],
        "contains" => &["value", "values", "per", "team", "min", "max"],
        "compare" => &["key", "per", "of", "team", "op", "value", "other"],
        _ => &[],
    }
}

fn aggregate(raw: raw::Aggregate) -> Aggregate {
    match raw {
        raw::Aggregate::Min => Aggregate::Min,
        raw::Aggregate::Max => Aggregate::Max,
        raw::Aggregate::Mean => Aggregate::Mean,
        raw::Aggregate::Sum => Aggregate::Sum,
    }
}

fn scope(raw: raw::Scope) -> (Scope, &'static str) {
    match raw {
        raw::Scope::Player => (Scope::Player, "player"),
        raw::Scope::Party => (Scope::Party, "party"),
        raw::Scope::Team => (Scope::Team, "team"),
        raw::Scope::Match => (Scope::Match, "match"),
    }
}

impl RuleLint<'_> {
    /// What a condition demands; `None` if that cannot be told. `name` is its rule's, if it is a whole rule,
    /// of `depth` 1.
    pub(super) fn condition(
        &mut self,
        raw: &raw::Condition,
        path: &[&str],
        name: Option<&Name>,
        depth: usize,
    ) -> Option<RuleKind> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let mut head = path.clone();
        head.extend(name.map(|_| "name".to_owned()));
        let subject = match name {
            Some(name) => format!("the rule `{name}`"),
            None => "this condition".to_owned(),
        };
        if depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} conditions inside of each other");
            self.wrong("rule-kind", &head, message, "write it flatter");
            return None;
        }
        let [demand] = demands(raw)[..] else {
            let message = format!("{subject} must demand exactly one thing");
            let help = format!(
                "write one of {}",
                quoted_list(DEMANDS).replace(" and ", " or ")
            );
            self.wrong("rule-kind", &head, message, &help);
            return None;
        };
        let place = Place {
            raw,
            path,
            demand,
            head,
            subject,
            depth,
        };
        let foreign = |key: &&str| !takes(demand).contains(key);
        if let Some(key) = parameters(raw).into_iter().find(foreign) {
            let message = format!("`{demand}` has no `{key}`");
            self.wrong("rule-kind", &place.at(key), message, "remove it");
            return None;
        }
        match demand {
            "distance" => self.distance(&place),
            "balance" => self.balance(&place),
            "equal" | "different" => self.sameness(&place),
            "intersect" => self.intersect(&place),
            "contains" => self.contains(&place),
            "compare" => self.compare(&place),
            _ => self.compound(&place),
        }
    }

    fn compound(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let mut part = |raw: &raw::Condition, steps: &[&str]| {
            let path = place.path.iter().map(String::as_str);
            let path: Vec<&str> = path.chain(steps.iter().copied()).collect();
            self.condition(raw, &path, None, place.depth + 1)
        };
        if let Some(raw) = &place.raw.not {
            return Some(RuleKind::Not(Box::new(part(raw, &["not"])?)));
        }
        let parts = place.raw.all.as_ref().or(place.raw.any.as_ref())?;
        let judged: Vec<Option<RuleKind>> = parts
            .iter()
            .enumerate()
            .map(|(index, raw)| part(raw, &[place.demand, &index.to_string()]))
            .collect();
        let parts = judged.into_iter().collect::<Option<Vec<RuleKind>>>()?;
        Some(match place.demand {
            "all" => RuleKind::All(parts),
            _ => RuleKind::Any(parts),
        })
    }

    fn distance(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let read = self.reads(place, place.raw.distance.as_ref(), &[AttributeType::Number]);
        let max = self.max(place);
        let per = self.scope(place, &[Scope::Party, Scope::Player]);
        let of = self.of(place, per.unwrap_or(Scope::Party));
        Some(RuleKind::Distance {
            read: read?,
            per: per?,
            of: of?,
            max: max?,
        })
    }

    fn balance(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let read = self.reads(place, place.raw.balance.as_ref(), &[AttributeType::Number]);
        let max = self.max(place);
        Some(RuleKind::Balance {
            read: read?,
            of: place.raw.of.map_or(Aggregate::Mean, aggregate),
            max: max?,
        })
    }

    fn sameness(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let raw = place.raw;
        let name = raw.equal.as_ref().or(raw.different.as_ref());
        let read = self.reads(place, name, &[AttributeType::String, AttributeType::Number]);
        let per = self.scope(place, &[Scope::Match, Scope::Team])?;
        let read = read?;
        Some(match place.demand {
            "equal" => RuleKind::Equal { read, per },
            _ => RuleKind::Different { read, per },
        })
    }

    fn intersect(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let read = self.reads(
            place,
            place.raw.intersect.as_ref(),
            &[AttributeType::Strings],
        );
        let per = self.scope(place, &[Scope::Match, Scope::Team])?;
        let min = place.raw.min.unwrap_or(1);
        if !(1..=64).contains(&min) {
            let message = format!("`min` must be between 1 and 64, not {min}");
            let help = if min == 0 {
                "write 1 or more"
            } else {
                "write 64 or less"
            };
            self.wrong("out-of-range", &place.at("min"), message, help);
            return None;
        }
        Some(RuleKind::Intersect {
            attribute: read?.attribute,
            per,
            min: min as usize,
        })
    }

    fn contains(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let raw = place.raw;
        let kinds = [AttributeType::Strings, AttributeType::String];
        let read = self.reads(place, raw.contains.as_ref(), &kinds);
        let team = self.team(place)?;
        let per = match team {
            Some(_) => self.scope(place, &[Scope::Team])?,
            None => self.scope(place, &[Scope::Match, Scope::Team])?,
        };
        let values = match (&raw.value, &raw.values) {
            (Some(raw::NumberOrText::Text(text)), None) => vec![text.clone()],
            (None, Some(values)) => values.clone(),
            (Some(raw::NumberOrText::Number(number)), None) => {
                let message = format!("`contains` looks for texts, not for {number}");
                let help = format!("write `\"{number}\"`, or a rule `compare`");
                self.wrong("wrong-type", &place.at("value"), message, &help);
                return None;
            }
            _ => {
                let message = format!("{} must name what it looks for, once", place.subject);
                let help = "write `value: …` or `values: […]`";
                self.wrong("missing-key", &place.head, message, help);
                return None;
            }
        };
        let max = match raw.max {
            Some(max) if max.fract() != 0.0 || max > 5_000.0 => {
                let message = format!("`max` counts players, {max} is no such number");
                self.wrong(
                    "out-of-range",
                    &place.at("max"),
                    message,
                    "write a whole number",
                );
                return None;
            }
            max => max.map(|max| max as u32),
        };
        // Who only limits how many there may be does not demand that there be one.
        let min = raw.min.unwrap_or(u32::from(max.is_none()));
        if let Some(max) = max.filter(|max| min > *max) {
            let message = format!("at least {min} and at most {max} players cannot be");
            let help = "make `min` no greater than `max`";
            self.wrong("min-above-max", &place.at("min"), message, help);
            return None;
        }
        Some(RuleKind::Contains {
            attribute: read?.attribute,
            values,
            per,
            team,
            min,
            max,
        })
    }

    fn compare(&mut self, place: &Place<'_>) -> Option<RuleKind> {
        let raw = place.raw;
        let by = match raw.op {
            Some(raw::Comparison::Less) => Comparison::Less,
            Some(raw::Comparison::AtMost) => Comparison::AtMost,
            Some(raw::Comparison::Equal) => Comparison::Equal,
            Some(raw::Comparison::Unequal) => Comparison::Unequal,
            Some(raw::Comparison::AtLeast) => Comparison::AtLeast,
            Some(raw::Comparison::Greater) => Comparison::Greater,
            None => {
                let message = format!("{} does not say how it compares", place.subject);
                let help = "add `op: …`, one of `<`, `<=`, `=`, `!=`, `>=` and `>`";
                self.wrong("missing-key", &place.head, message, help);
                return None;
            }
        };
        let with = match (&raw.value, &raw.other) {
            (Some(raw::NumberOrText::Number(number)), None) => Operand::Number(*number),
            (Some(raw::NumberOrText::Text(text)), None) => Operand::Text(text.clone()),
            (None, Some(other)) => {
                let key = raw.key.as_ref().filter(|_| self.has_keys(other));
                let path = place.at("other");
                Operand::Reading(self.reading(other, key, &[AttributeType::Number], &path)?)
            }
            _ => {
                let message = format!("{} must compare with exactly one thing", place.subject);
                let help = "write `value: …` or `other: …`";
                self.wrong("missing-key", &place.head, message, help);
                return None;
            }
        };
        let is_text = matches!(with, Operand::Text(_));
        let kind = if is_text {
            AttributeType::String
        } else {
            AttributeType::Number
        };
        let read = self.reads(place, raw.compare.as_ref(), &[kind])?;
        let team = self.team(place)?;
        let scopes = match (is_text, team) {
            (true, _) => &[Scope::Player][..],
            (false, Some(_)) => &[Scope::Player, Scope::Party, Scope::Team],
            (false, None) => &[Scope::Player, Scope::Party, Scope::Team, Scope::Match],
        };
        let per = self.scope(place, scopes)?;
        let of = self.of(place, per)?;
        if is_text && !matches!(by, Comparison::Equal | Comparison::Unequal) {
            let message = "texts are the same or not, none is greater".to_owned();
            self.wrong("rule-kind", &place.at("op"), message, "write `=` or `!=`");
            return None;
        }
        Some(RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        })
    }

    fn has_keys(&self, name: &Name) -> bool {
        let attribute = self.attributes.get(name);
        attribute.is_some_and(|attribute| attribute.kind == AttributeType::Numbers)
    }

    fn reads(
        &mut self,
        place: &Place<'_>,
        name: Option<&Name>,
        kinds: &[AttributeType],
    ) -> Option<Reading> {
        self.reading(
            name?,
            place.raw.key.as_ref(),
            kinds,
            &place.at(place.demand),
        )
    }

    fn max(&mut self, place: &Place<'_>) -> Option<f64> {
        if place.raw.max.is_none() {
            let message = format!("{} lacks its limit `max`", place.subject);
            self.wrong("missing-key", &place.head, message, "add `max: …`");
        }
        place.raw.max
    }

    /// Of whom it speaks; the first of `allowed` if it does not say.
    fn scope(&mut self, place: &Place<'_>, allowed: &[Scope]) -> Option<Scope> {
        let Some((written, word)) = place.raw.per.map(scope) else {
            return allowed.first().copied();
        };
        if allowed.contains(&written) {
            return Some(written);
        }
        let all = [
            raw::Scope::Player,
            raw::Scope::Party,
            raw::Scope::Team,
            raw::Scope::Match,
        ];
        let words = all.into_iter().map(scope);
        let words = words.filter(|(scope, _)| allowed.contains(scope));
        let list = quoted_list(words.map(|(_, word)| word)).replace(" and ", " or ");
        let message = format!("this `{}` cannot be judged per {word}", place.demand);
        let help = format!("write {list}");
        self.wrong("rule-kind", &place.at("per"), message, &help);
        None
    }

    /// How the numbers become one.
    fn of(&mut self, place: &Place<'_>, per: Scope) -> Option<Aggregate> {
        if per == Scope::Player && place.raw.of.is_some() {
            let message = "a player has one number, there is nothing to put together".to_owned();
            let help = "remove it, or write `per: party`, `per: team` or `per: match`";
            self.wrong("rule-kind", &place.at("of"), message, help);
            return None;
        }
        let default = match per {
            Scope::Party => self.raw.party.aggregate,
            _ => raw::Aggregate::Mean,
        };
        Some(aggregate(place.raw.of.unwrap_or(default)))
    }

    /// The index of the team that it names; the outer `None` if there is none of that name.
    fn team(&mut self, place: &Place<'_>) -> Option<Option<usize>> {
        let Some(name) = &place.raw.team else {
            return Some(None);
        };
        let teams = self.teams;
        let same = |team: &crate::queue::TeamSettings| {
            team.name.as_str().eq_ignore_ascii_case(name.as_str())
        };
        if let Some(index) = teams.iter().position(same) {
            return Some(Some(index));
        }
        if !self.document.is_unsure(&["teams"]) {
            let names = || teams.iter().map(|team| team.name.as_str());
            let help = match nearest(name.as_str(), names()) {
                Some(near) => format!("write `{near}`"),
                None => format!("the teams are {}", quoted_list(names())),
            };
            let message = format!("there is no team `{name}` in this queue");
            self.wrong("unknown-team", &place.at("team"), message, &help);
        }
        None
    }
}
