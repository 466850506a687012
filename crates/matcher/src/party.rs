//! What a party breaks by itself: rules that no match with it can keep, whoever joins.

use std::collections::BTreeSet;

use model::queue::{
    Aggregate, Comparison, ExpansionTarget, Operand, Queue, Reading, Rule, RuleKind, Scope,
};
use model::ticket::{TicketPlayer, Value};
use model::{Name, Ticket};

use crate::entry::{number, text, value};
use crate::finals::{base, has_any, named, shared, steps, summed};
use crate::question::widening;
use crate::validate::Rejection;

/// A party that asks whether any match could have it.
pub(crate) struct Party<'a> {
    queue: &'a Queue,
    players: &'a [TicketPlayer],
    /// The oldest that it is matched at, in milliseconds.
    age: u64,
}

/// Where in a match the party is.
#[derive(Debug, Clone, Copy)]
struct Place {
    team: usize,
    /// Nobody else has room on the team.
    is_full: bool,
}

/// Those of a match whom a rule judges, as far as the party is among them.
#[derive(Debug, Clone, Copy)]
struct Judged {
    /// Nobody joins those who are judged together with the party.
    is_closed: bool,
    /// No others are judged beside them.
    is_all: bool,
}

impl Judged {
    /// Whether it is certain that a rule is kept, if `held`, or broken: by the party alone it is as `is_kept` says, and
    /// if it `stays` whoever joins.
    fn is_certain(self, is_kept: bool, stays: bool, held: bool) -> bool {
        is_kept == held && (stays || self.is_closed) && (self.is_all || !held)
    }
}

/// The limits of a rule when every expansion has come by an age; `None`: it is given up.
fn last_limits(queue: &Queue, index: usize, kind: &RuleKind, age: u64) -> Option<(f64, f64)> {
    let (mut max, mut min) = base(kind);
    for limit in steps(queue, &ExpansionTarget::Rule(index), age) {
        max = max.max(limit?);
    }
    for limit in steps(queue, &ExpansionTarget::RuleMin(index), age) {
        min = min.min(limit.unwrap_or(f64::NEG_INFINITY));
    }
    Some((max, min))
}

impl<'a> Party<'a> {
    /// That of a ticket which is matched at this age at the oldest.
    pub fn new(queue: &'a Queue, ticket: &'a Ticket, age: u64) -> Party<'a> {
        Party {
            queue,
            players: &ticket.players,
            age,
        }
    }

    /// Refuses what no other players can mend, whichever of these teams the party is on.
    pub fn judge(&self, teams: impl Iterator<Item = usize>) -> Result<(), Rejection> {
        let each: Option<Vec<_>> = teams.map(|team| self.rejection(team)).collect();
        let most_said = each.into_iter().flatten().min_by_key(|(rank, _)| *rank);
        most_said.map_or(Ok(()), |(_, rejection)| Err(rejection))
    }

    /// The first rule that no match with the party on a team can keep.
    /// With it what is better not said where there is something else: that it is so for want of seats, or on one team.
    fn rejection(&self, team: usize) -> Option<((bool, bool), Rejection)> {
        let seats = self
            .queue
            .teams
            .get(team)
            .map_or(0, |team| team.players_max);
        let place = Place {
            team,
            is_full: self.players.len() >= usize::from(seats),
        };
        let mut rules = self.queue.rules.iter().enumerate();
        rules.find_map(|(index, rule)| {
            // What the whole match has in common is the key of its pool, which the party has by now; and a party is one
            // number, from which nobody differs, to a distance between parties.
            let is_kept = match &rule.kind {
                RuleKind::Equal { per, .. } => *per == Scope::Match,
                RuleKind::Distance { per, .. } => *per == Scope::Party,
                _ => false,
            };
            if rule.prefer.is_some() || is_kept {
                return None;
            }
            let limits = last_limits(self.queue, index, &rule.kind, self.age)?;
            let why = self.certain(&rule.kind, limits, false, place)?;
            let with_seats = Place {
                is_full: false,
                ..place
            };
            let fills = self
                .certain(&rule.kind, limits, false, with_seats)
                .is_none();
            let on_team = self.on_team(&rule.kind, team);
            let rank = (fills, on_team.is_some());
            let why = format!("{}{why}", on_team.unwrap_or_default());
            Some((rank, self.refused(rule, limits, why, fills)))
        })
    }

    fn refused(&self, rule: &Rule, limits: (f64, f64), why: String, fills: bool) -> Rejection {
        let name = rule.name.clone();
        match &rule.kind {
            RuleKind::Equal { .. } => Rejection::PartyNotEqual { rule: name },
            RuleKind::Intersect { attribute, .. } => Rejection::PartySharesTooFew {
                rule: name,
                shared: self.shared(attribute),
                min: limits.1 as usize,
            },
            _ if fills => Rejection::PartyFillsTeam {
                rule: name,
                why,
                players: self.players.len(),
            },
            _ => Rejection::PartyBreaksRule { rule: name, why },
        }
    }

    /// On which team it is so, where a rule tells teams apart.
    fn on_team(&self, kind: &RuleKind, team: usize) -> Option<String> {
        let mut teams = BTreeSet::new();
        named(kind, &mut teams);
        let team = self.queue.teams.get(team).filter(|_| !teams.is_empty())?;
        Some(format!("on team {} ", team.name))
    }

    /// Whom a rule judges; `None`: not the party.
    fn judged(&self, per: Scope, team: Option<usize>, place: Place) -> Option<Judged> {
        if team.is_some_and(|team| team != place.team) {
            return None;
        }
        let is_only_team = self.queue.teams.len() == 1;
        let is_only_party = place.is_full && (is_only_team || team.is_some());
        Some(match per {
            Scope::Player | Scope::Party => Judged {
                is_closed: true,
                is_all: is_only_party,
            },
            Scope::Team => Judged {
                is_closed: place.is_full,
                is_all: is_only_team || team.is_some(),
            },
            Scope::Match => Judged {
                is_closed: is_only_party,
                is_all: true,
            },
        })
    }

    /// Why every match with the party at this place breaks a rule or, if `held`, keeps it; `None`: that is not certain.
    fn certain(
        &self,
        kind: &RuleKind,
        (max, min): (f64, f64),
        held: bool,
        place: Place,
    ) -> Option<String> {
        let part = |kind: &RuleKind| self.certain(kind, base(kind), held, place);
        let judged = |per, team| self.judged(per, team, place);
        match kind {
            RuleKind::Distance {
                read,
                per: Scope::Player,
                ..
            } => {
                let numbers = || self.players.iter().map(|p| number(self.queue, p, read));
                let high = numbers().fold(f64::NEG_INFINITY, f64::max);
                let gap = high - numbers().fold(f64::INFINITY, f64::min);
                // Any two of the match are judged.
                let judged = judged(Scope::Match, None)?;
                let is_certain = judged.is_certain(gap <= max, gap > max, held);
                let limit = || match held {
                    true => String::new(),
                    false => format!(", {max} may be"),
                };
                is_certain.then(|| format!("its players differ by {gap} in {read}{}", limit()))
            }
            RuleKind::Equal { read, per } => {
                let mut texts = self.players.iter().map(|p| text(self.queue, p, read));
                let first = texts.next();
                let is_kept = texts.all(|text| Some(&text) == first.as_ref());
                let is_certain = judged(*per, None)?.is_certain(is_kept, !is_kept, held);
                let how = if held { "are alike" } else { "differ" };
                is_certain.then(|| format!("its players {how} in {read}"))
            }
            RuleKind::Different { read, per } => {
                let is_kept = self.kinds(read) == self.players.len();
                let is_certain = judged(*per, None)?.is_certain(is_kept, !is_kept, held);
                is_certain.then(|| match held {
                    true => format!("no two of its players have the same {read}"),
                    false => format!("two of its players have the same {read}"),
                })
            }
            RuleKind::Intersect { attribute, per, .. } => {
                let n = self.shared(attribute);
                let is_kept = n as f64 >= min;
                let is_certain = judged(*per, None)?.is_certain(is_kept, !is_kept, held);
                is_certain.then(|| format!("its players share {n} of {attribute}"))
            }
            RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                ..
            } => {
                let has = |p: &&TicketPlayer| has_any(self.queue, p, attribute, values);
                let n = self.players.iter().filter(has).count();
                let (is_few, is_many) = ((n as f64) < min, n as f64 > max);
                // More may come, and nobody goes.
                let stays = is_many || !is_few && max.is_infinite();
                let judged = judged(*per, *team)?;
                let is_certain = judged.is_certain(!is_few && !is_many, stays, held);
                is_certain.then(|| {
                    let list = values.join(" or ");
                    let have = if n == 1 { "has" } else { "have" };
                    let limit = match (is_many, is_few) {
                        (true, _) => format!(", {max} may"),
                        (_, true) => format!(", {min} must"),
                        _ => String::new(),
                    };
                    format!("{n} of its players {have} {list}{limit}")
                })
            }
            RuleKind::Compare { .. } => self.compares(kind, (max, min), held, place),
            RuleKind::Not(inner) => {
                let why = self.certain(inner, base(inner), !held, place)?;
                Some(match held {
                    true => why,
                    false => format!("{why}, which may not be"),
                })
            }
            RuleKind::All(parts) if !held => parts.iter().find_map(part),
            RuleKind::Any(parts) if held => parts.iter().find_map(part),
            RuleKind::All(parts) | RuleKind::Any(parts) => {
                let each = parts.iter().map(part).collect::<Option<Vec<String>>>()?;
                (!each.is_empty()).then(|| each.join(" and "))
            }
            RuleKind::Distance { .. } | RuleKind::Balance { .. } => None,
        }
    }

    /// The same of a rule `compare`.
    fn compares(
        &self,
        kind: &RuleKind,
        (max, min): (f64, f64),
        held: bool,
        place: Place,
    ) -> Option<String> {
        let RuleKind::Compare {
            read,
            per,
            of,
            team,
            by,
            with,
        } = kind
        else {
            return None;
        };
        let judged = self.judged(*per, *team, place)?;
        let is_each = *per == Scope::Player || matches!(with, Operand::Text(_));
        let limit = widening(*by, max, min);
        let judge = |players: &[TicketPlayer]| {
            let figure = |read| self.figure(players, read, *per, *of);
            let (is_kept, stays) = match with {
                Operand::Number(_) => {
                    let own = figure(read);
                    (by.holds(own, limit), stays(*of, *by, own, limit))
                }
                Operand::Reading(other) => (by.holds(figure(read), figure(other)), false),
                Operand::Text(wanted) => {
                    let own = value(self.queue, players.first()?, &read.attribute);
                    let is = matches!(own, Some(Value::String(own)) if own == wanted);
                    (is == (*by == Comparison::Equal), false)
                }
            };
            judged.is_certain(is_kept, stays, held).then(|| {
                let whose = match (players, per, of) {
                    ([player], ..) if is_each => format!("player {}", player.player),
                    (_, Scope::Team | Scope::Match, Aggregate::Min) => "its lowest".to_owned(),
                    (_, Scope::Team | Scope::Match, Aggregate::Max) => "its highest".to_owned(),
                    _ => "the party".to_owned(),
                };
                let given = players.iter().any(|player| is_given(player, read));
                let by_default = if given { "" } else { " by default" };
                let own = match (with, players.first()) {
                    (Operand::Text(_), Some(player)) => text(self.queue, player, read),
                    _ => figure(read).to_string().into(),
                };
                let has = format!("{whose} has {read} {own}{by_default}");
                match (held, with) {
                    (true, _) => has,
                    (_, Operand::Number(_)) => format!("{has}, not {by} {limit}"),
                    (_, Operand::Reading(other)) => format!("{has}, not {by} {}", figure(other)),
                    (_, Operand::Text(wanted)) => format!("{has}, not {by} {wanted}"),
                }
            })
        };
        let size = if is_each { 1 } else { self.players.len() };
        let each = self.players.chunks(size.max(1)).map(judge);
        match held {
            true => each.collect::<Option<Vec<String>>>()?.into_iter().next(),
            false => each.flatten().next(),
        }
    }

    /// Several numbers as one: a party's as they stand, those of a team or a match from the lowest up, as they are added
    /// there.
    fn figure(&self, players: &[TicketPlayer], read: &Reading, per: Scope, of: Aggregate) -> f64 {
        let numbers = players.iter().map(|p| number(self.queue, p, read));
        if matches!(per, Scope::Player | Scope::Party) {
            return summed(of, numbers);
        }
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_unstable_by(f64::total_cmp);
        summed(of, numbers.into_iter())
    }

    /// How many texts all its players have.
    fn shared(&self, attribute: &Name) -> usize {
        let players: Vec<&TicketPlayer> = self.players.iter().collect();
        shared(self.queue, &players, attribute)
    }

    /// How many different values its players have.
    fn kinds(&self, read: &Reading) -> usize {
        let texts = self.players.iter().map(|p| text(self.queue, p, read));
        texts.collect::<BTreeSet<_>>().len()
    }
}

/// Whether a figure compares with a limit as it does now whoever joins: the highest only rises, the lowest only falls.
fn stays(of: Aggregate, by: Comparison, own: f64, limit: f64) -> bool {
    use Comparison::{AtLeast, AtMost, Greater, Less};
    match of {
        Aggregate::Max => own > limit || own == limit && matches!(by, AtLeast | Less),
        Aggregate::Min => own < limit || own == limit && matches!(by, AtMost | Greater),
        Aggregate::Mean | Aggregate::Sum => false,
    }
}

/// Whether a player brought it himself; otherwise it is the queue's default.
fn is_given(player: &TicketPlayer, read: &Reading) -> bool {
    match (player.attributes.get(&read.attribute), &read.key) {
        (Some(Value::Numbers(numbers)), Some(key)) => numbers.contains_key(key),
        (own, _) => own.is_some(),
    }
}
