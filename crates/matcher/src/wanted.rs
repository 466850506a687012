//! Players whom a match wants, however few there are: those with a role, or with a text that `contains` counts.
//!
//! A pool keeps those who bring what is wanted in an order of their own. So a search finds the nearest healer among
//! thousands who are none, and a set that can't get what it wants any more is left at once.

use model::Name;
use model::queue::{Queue, RuleKind, Scope};
use model::ticket::TicketPlayer;

use crate::entry::Entry;
use crate::finals::{has_any, steps};
use crate::gather::{Gathered, Seeker, bounds, candidate};
use crate::plan::Plan;
use crate::pool::{SkillKey, Slot, skill_key};
use crate::sorted::{LeafId, Sorted, Spot, Tagged};

/// The most roles and rules `contains` of a queue whose players are found like this, roles first; whom the others
/// want is found among the nearest only.
pub(crate) const WANTS_MAX: usize = 8;
/// Of those who bring what is wanted so many are looked at on each side of who searches, doubled with each slice.
const HOLDERS_LOOKED_AT: u32 = 64;
/// A search that has found nothing looks at up to `HOLDERS_LOOKED_AT << HOLDERS_DOUBLINGS_MAX` on each side.
const HOLDERS_DOUBLINGS_MAX: u32 = 6;

/// For each want how many players of a party bring it.
pub(crate) type Brings = [u8; WANTS_MAX];

/// What a queue wants.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    wants: Vec<Want>,
}

#[derive(Debug)]
pub(crate) struct Want {
    pub attribute: Name,
    /// Any of them counts.
    pub texts: Vec<String>,
    /// The fewest players of a match that must bring it, for a ticket of each level.
    fewest: Vec<u32>,
    /// The rule that wants it; `None` of a role, of which no player takes two.
    pub rule: Option<Name>,
    /// How many a search should know of.
    known: u32,
    /// So many players of one party count at most, as they are on one team.
    pub of_party: u32,
}

impl Want {
    /// The fewest players that must bring it in a match of a ticket of this level.
    pub fn fewest(&self, level: u16) -> u32 {
        let of_level = self.fewest.get(usize::from(level));
        of_level.or(self.fewest.last()).copied().unwrap_or(0)
    }
}

impl Tagged for Slot {
    fn tags(&self) -> u128 {
        1
    }
}

impl Wanted {
    /// `afters` are the ages at which levels begin, without the first.
    pub fn new(queue: &Queue, afters: &[u64]) -> Wanted {
        let mut wanted = Wanted::default();
        let levels = afters.len() + 1;
        let mut roles = std::collections::BTreeMap::<&Name, (u32, u32)>::new();
        for (role, n) in queue.teams.iter().flat_map(|team| &team.roles) {
            let (all, of_team) = roles.entry(role).or_default();
            *all += u32::from(*n);
            *of_team = u32::from(*n).max(*of_team);
        }
        for (role, (n, of_team)) in roles {
            let Some(attribute) = &queue.role_attribute else {
                continue;
            };
            wanted.wants.push(Want {
                attribute: attribute.clone(),
                texts: vec![role.as_str().to_owned()],
                fewest: vec![n; levels],
                rule: None,
                known: n,
                of_party: of_team,
            });
        }
        for (index, rule) in queue.rules.iter().enumerate() {
            let ages = std::iter::once(0).chain(afters.iter().copied());
            let hard = rule.prefer.is_none();
            let limits = |age| hard.then(|| least(queue, index, age));
            let limits: Vec<Option<Option<f64>>> = ages.map(limits).collect();
            wanted.add(queue, (&rule.name, &rule.kind), &limits);
        }
        wanted.wants.truncate(WANTS_MAX);
        wanted
    }

    /// `limits` says for each level whether the rule is demanded, and to what its lower limit has fallen.
    fn add(
        &mut self,
        queue: &Queue,
        (rule, kind): (&Name, &RuleKind),
        limits: &[Option<Option<f64>>],
    ) {
        match kind {
            RuleKind::All(parts) => {
                // Parts do not widen by themselves.
                for part in parts {
                    self.add(queue, (rule, part), limits);
                }
            }
            RuleKind::Contains {
                attribute,
                values,
                per,
                team,
                min: min @ 1..,
                ..
            } => {
                let times = match (per, team) {
                    (Scope::Team, None) => queue.teams.len() as u32,
                    _ => 1,
                };
                let fewest = limits.iter().map(|limit| match limit {
                    None => 0,
                    Some(fallen) => fallen.map_or(*min, |fallen| (*min).min(fallen as u32)) * times,
                });
                self.wants.push(Want {
                    attribute: attribute.clone(),
                    texts: values.clone(),
                    fewest: fewest.collect(),
                    rule: Some(rule.clone()),
                    known: *min * times,
                    of_party: match times {
                        1 => u32::MAX,
                        _ => *min,
                    },
                });
            }
            _ => {}
        }
    }

    pub fn len(&self) -> usize {
        self.wants.len()
    }

    /// What it is, with its place among [`Entry::brings`].
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Want)> {
        self.wants.iter().enumerate()
    }

    /// What a party brings of it.
    pub fn brought(&self, queue: &Queue, players: &[TicketPlayer]) -> Brings {
        let mut brings = Brings::default();
        for (n, want) in brings.iter_mut().zip(&self.wants) {
            let has = |player: &&TicketPlayer| has_any(queue, player, &want.attribute, &want.texts);
            *n = u8::try_from(players.iter().filter(has).count()).unwrap_or(u8::MAX);
        }
        brings
    }

    /// Whether these tickets and some of the others, with so many seats left, may still bring what is wanted.
    pub fn can_be_met<'e>(
        &self,
        chosen: impl Iterator<Item = &'e Entry> + Clone,
        rest: impl Iterator<Item = &'e Entry> + Clone,
        seats: u32,
    ) -> bool {
        let (mut missing_roles, mut all) = (0, true);
        for (n, want) in self.wants.iter().enumerate() {
            let fewest = |entry: &Entry| want.fewest(entry.level);
            let brings = |entry: &Entry| u32::from(entry.brings[n]);
            let wanted = chosen.clone().map(fewest).max().unwrap_or(0);
            let missing = wanted.saturating_sub(chosen.clone().map(brings).sum());
            if missing == 0 {
                continue;
            }
            missing_roles += missing * u32::from(want.rule.is_none());
            let mut rest = rest.clone().map(brings);
            let mut found = 0;
            while found < missing {
                match rest.next() {
                    Some(more) => found += more,
                    None => return false,
                }
            }
            all &= missing <= seats;
        }
        all && missing_roles <= seats
    }
}

/// To what the lower limit of a rule has fallen at an age: the outer `None` where it is given up.
fn least(queue: &Queue, index: usize, age: u64) -> Option<f64> {
    use model::queue::ExpansionTarget::{Rule, RuleMin};
    if steps(queue, &Rule(index), age).any(|limit| limit.is_none()) {
        return Some(0.0);
    }
    let target = RuleMin(index);
    let fallen = steps(queue, &target, age);
    fallen.map(|limit| limit.unwrap_or(0.0)).reduce(f64::min)
}

/// Those of a pool who bring what is wanted, by want: each ordered as the pool is.
#[derive(Debug, Default)]
pub(crate) struct Holders(Vec<Sorted<SkillKey, Slot>>);

impl Holders {
    pub fn insert(&mut self, plan: &Plan, slot: Slot, entry: &Entry) {
        if self.0.len() < plan.wanted.len() {
            self.0.resize_with(plan.wanted.len(), Sorted::default);
        }
        for (holders, n) in self.0.iter_mut().zip(entry.brings) {
            if n > 0 {
                holders.insert(skill_key(entry), slot);
            }
        }
    }

    pub fn remove(&mut self, entry: &Entry) {
        for (holders, n) in self.0.iter_mut().zip(entry.brings) {
            if n > 0 {
                holders.remove(LeafId::NONE, &skill_key(entry));
            }
        }
    }

    /// Those who bring the want at this place and are no farther than `reach`, at most about so many on each side of a
    /// ticket; and whether these are all.
    pub fn near(&self, want: usize, own: &Entry, reach: f64, max: usize) -> (Vec<Slot>, bool) {
        let Some(holders) = self.0.get(want) else {
            return (Vec::new(), true);
        };
        let start = holders.spot(&skill_key(own));
        let (mut found, mut is_all) = (Vec::new(), true);
        for is_upward in [true, false] {
            let (mut spot, mut left, mut is_near) = (start, max, true);
            while is_near {
                let step: Option<(Vec<(SkillKey, Slot)>, Spot)> = match is_upward {
                    true => (holders.up(spot, 1)).map(|(items, next)| (items.collect(), next)),
                    false => {
                        (holders.down(spot, 1)).map(|(items, next)| (items.rev().collect(), next))
                    }
                };
                let Some((items, next)) = step else { break };
                if left == 0 {
                    is_all = false;
                    break;
                }
                spot = next;
                left = left.saturating_sub(items.len());
                let gap = |key: SkillKey| (own.skill() - key.skill()).abs();
                let near = items.iter().take_while(|(key, _)| gap(*key) <= reach);
                let near: Vec<Slot> = near.map(|(_, slot)| *slot).collect();
                is_near = near.len() == items.len();
                found.extend(near);
            }
        }
        (found, is_all)
    }
}

/// Adds the nearest who bring what is wanted to the candidates, where these have too few of them.
pub(crate) fn gather_wanted(seeker: Seeker<'_>, out: &mut Gathered) {
    let wants = &seeker.queue.plan.wanted.wants;
    for (n, (want, holders)) in wants.iter().zip(&seeker.pool.holders.0).enumerate() {
        let brings = |slot: Slot| u32::from(seeker.entries.at(slot).brings[n]);
        let known = out.candidates.iter().map(|c| brings(c.slot));
        let mut missing = (2 * want.known).saturating_sub(known.sum());
        if missing == 0 {
            continue;
        }
        let looked_at = HOLDERS_LOOKED_AT << seeker.widened.min(HOLDERS_DOUBLINGS_MAX);
        let start = holders.spot(&skill_key(seeker.entry));
        let (low, high) = bounds(seeker);
        let mut sides = [(start, false), (start, true)];
        let mut left = [looked_at; 2];
        // Leaf by leaf on both sides in turn, so that neither uses up what is missing.
        let mut is_done = [false; 2];
        while missing > 0 && is_done.contains(&false) {
            for side in 0..2 {
                let (spot, up) = sides[side];
                let is_near = |&(key, _): &(SkillKey, Slot)| low <= key && key <= high;
                let step: Option<(Vec<Slot>, Spot)> = match up {
                    true => holders.up_until(spot, 1, Some(high)).map(|(items, next)| {
                        (items.filter(is_near).map(|(_, slot)| slot).collect(), next)
                    }),
                    false => holders.down_until(spot, 1, Some(low)).map(|(items, next)| {
                        let items = items.rev().filter(is_near);
                        (items.map(|(_, slot)| slot).collect(), next)
                    }),
                };
                let is_more = step.is_some();
                let Some((slots, next)) = step.filter(|_| left[side] > 0) else {
                    out.truncated |=
                        is_more && !is_done[side] && seeker.widened < HOLDERS_DOUBLINGS_MAX;
                    is_done[side] = true;
                    continue;
                };
                sides[side].0 = next;
                for slot in slots {
                    if missing == 0 || left[side] == 0 {
                        break;
                    }
                    left[side] -= 1;
                    out.looked_at += 1;
                    if slot == seeker.slot || out.candidates.iter().any(|c| c.slot == slot) {
                        continue;
                    }
                    if let Some(found) = candidate(seeker, slot) {
                        missing = missing.saturating_sub(brings(slot));
                        out.candidates.push(found);
                    }
                }
            }
        }
    }
}
