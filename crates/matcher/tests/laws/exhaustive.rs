//! The search that the matcher is compared with: every set of tickets, in every region, on every split.
//!
//! It knows the rules from the independent checker alone. Two things make pools of 16 tickets bearable: a set is not
//! grown any further where two of its tickets break what no third one mends, and a set that was no match is not tried
//! again until one of its tickets has passed a step of an expansion.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use matcher::{Figures, Match, MatchTeam, check_match};
use model::queue::{ExpansionTarget, Queue, RuleKind, Scope, TeamSettings};
use model::{Region, Ticket, TicketId, Timestamp};

use crate::world::name;

/// A ticket as its rules see it for a while: with the number of steps that it has passed.
type Form = (TicketId, usize);

/// What was found out about one queue's tickets so far.
#[derive(Debug, Default)]
pub struct Exhaustive {
    /// Sets that are no match, anywhere and however they are split.
    hopeless: HashSet<Vec<Form>>,
    /// Where two tickets may play together; a ticket with itself: where it may play.
    together: HashMap<(Form, Form), Vec<Option<Region>>>,
}

/// Any match among `tickets`, with `containing` in it if given.
pub fn possible(
    queue: &Queue,
    tickets: &[&Ticket],
    now: Timestamp,
    containing: Option<TicketId>,
) -> Option<Match> {
    Exhaustive::default().possible(queue, tickets, now, containing)
}

impl Exhaustive {
    /// The same, remembering what is no match; of always the same queue.
    pub fn possible(
        &mut self,
        queue: &Queue,
        tickets: &[&Ticket],
        now: Timestamp,
        containing: Option<TicketId>,
    ) -> Option<Match> {
        let live = tickets
            .iter()
            .copied()
            .filter(|t| t.expires_at.is_none_or(|at| at > now));
        let mut live: Vec<&Ticket> = live.collect();
        // Who has to be in it comes first, and nobody else does.
        let has = |ticket: &&Ticket| containing.is_none_or(|id| ticket.id == id);
        live.sort_by_key(|ticket| !has(ticket));
        let firsts = live.iter().filter(|ticket| has(ticket)).count();
        let players = queue.teams.iter().fold((0, 0), |(min, max), team| {
            let most = usize::from(team.players_max);
            (min + least(queue, team), max + most)
        });
        let mut regions: BTreeSet<Option<Region>> = BTreeSet::from([None]);
        regions.extend(queue.regions.allow.iter().flatten().cloned().map(Some));
        let listed = live.iter().flat_map(|t| &t.players);
        let listed = listed.flat_map(|p| p.latencies.keys());
        regions.extend(listed.cloned().map(Some));
        let mut look = Look {
            known: self,
            queue,
            of_pairs: of_pairs(queue),
            forms: live.iter().map(|t| form(queue, t, now)).collect(),
            live,
            now,
            players,
            regions: regions.into_iter().collect(),
            set: Vec::new(),
        };
        let meets = look.meets();
        let everywhere = vec![u32::MAX; look.regions.len()];
        look.grow(0..firsts, &everywhere, &meets)
    }
}

/// One look at some tickets.
struct Look<'a> {
    known: &'a mut Exhaustive,
    queue: &'a Queue,
    of_pairs: Queue,
    live: Vec<&'a Ticket>,
    forms: Vec<Form>,
    now: Timestamp,
    /// Of a match: fewest, most.
    players: (usize, usize),
    regions: Vec<Option<Region>>,
    /// By index.
    set: Vec<usize>,
}

impl Look<'_> {
    /// By region and ticket, as bits: with whom it may play there.
    fn meets(&mut self) -> Vec<Vec<u32>> {
        let all = self.live.len();
        let mut meets = vec![vec![0_u32; all]; self.regions.len()];
        for a in 0..all {
            for b in 0..=a {
                let places = self.together(a, b);
                for (place, meets) in self.regions.iter().zip(&mut meets) {
                    if places.contains(place) {
                        meets[a] |= 1 << b;
                        meets[b] |= 1 << a;
                    }
                }
            }
        }
        meets
    }

    /// Where these two may play.
    fn together(&mut self, a: usize, b: usize) -> Vec<Option<Region>> {
        let key = (self.forms[a], self.forms[b]);
        if let Some(known) = self.known.together.get(&key) {
            return known.clone();
        }
        let mut both = vec![self.live[a], self.live[b]];
        both.truncate(if a == b { 1 } else { 2 });
        let mut places = self.regions.clone();
        places.retain(|region| self.may_join(&both, region.as_ref()));
        self.known.together.insert(key, places.clone());
        places
    }

    /// Whether nothing that more tickets can't mend keeps these from a region.
    fn may_join(&self, set: &[&Ticket], region: Option<&Region>) -> bool {
        let mut all = empty(&self.of_pairs, region);
        all.teams[0].tickets = set.iter().map(|t| t.id).collect();
        check_match(&self.of_pairs, set, self.now, &all).is_ok()
    }

    /// A match of the chosen tickets and one of these by index, and perhaps others after it; `open` says for each region
    /// who may still join there.
    fn grow(
        &mut self,
        next: std::ops::Range<usize>,
        open: &[u32],
        meets: &[Vec<u32>],
    ) -> Option<Match> {
        for index in next {
            let players = |n: &usize| self.live[*n].players.len();
            let have: usize = self.set.iter().map(players).sum::<usize>() + players(&index);
            let at = |(open, meets): (&u32, &Vec<u32>)| match open & (1 << index) {
                0 => 0,
                _ => open & meets[index],
            };
            let open: Vec<u32> = open.iter().zip(meets).map(at).collect();
            let others = open.iter().fold(0, |all, open| all | open);
            if others == 0 || have > self.players.1 {
                continue;
            }
            let later = index + 1..self.live.len();
            let more = later.clone().filter(|n| others & (1 << n) != 0);
            let more: usize = more.map(|n| players(&n)).sum();
            if have + more < self.players.0 {
                continue;
            }
            self.set.push(index);
            let found = match have >= self.players.0 {
                true => self.try_set(),
                false => None,
            };
            let found = found.or_else(|| self.grow(later, &open, meets));
            self.set.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A match of the chosen tickets and nobody else.
    fn try_set(&mut self) -> Option<Match> {
        let mut key: Vec<Form> = self.set.iter().map(|&n| self.forms[n]).collect();
        key.sort_unstable();
        if self.known.hopeless.contains(&key) {
            return None;
        }
        let set: Vec<&Ticket> = self.set.iter().map(|&n| self.live[n]).collect();
        // Of the split nobody asks where it is played.
        let mut regions = self.regions.iter();
        let region = regions.find(|region| self.may_join(&set, region.as_ref()));
        if let Some(region) = region {
            let mut found = empty(self.queue, region.as_ref());
            if try_splits(self.queue, &set, self.now, &mut found, 0) == Tried::Found {
                return Some(found);
            }
        }
        self.known.hopeless.insert(key);
        None
    }
}

/// A match of nobody.
fn empty(queue: &Queue, region: Option<&Region>) -> Match {
    let teams = queue.teams.iter().map(|team| MatchTeam {
        name: team.name.clone(),
        tickets: vec![],
        roles: BTreeMap::new(),
    });
    Match {
        handle: 0,
        queue: queue.name.clone(),
        region: region.cloned(),
        teams: teams.collect(),
        figures: Figures::default(),
    }
}

fn form(queue: &Queue, ticket: &Ticket, now: Timestamp) -> Form {
    let age = now.since(ticket.created_at);
    let steps = queue.expansions.iter().flat_map(|e| &e.steps);
    (ticket.id, steps.filter(|step| step.after <= age).count())
}

/// The queue with what alone any two tickets of a match have to keep: no teams, and of the rules those that stay broken
/// whoever joins. The others are left as wishes, so that each keeps its place.
fn of_pairs(queue: &Queue) -> Queue {
    let mut of_pairs = queue.clone();
    let most = queue.teams.iter().map(|team| team.players_max).sum();
    of_pairs.teams = vec![TeamSettings::new(name("all"), 1, most)];
    of_pairs
        .expansions
        .retain(|e| !matches!(e.target, ExpansionTarget::TeamMin(_)));
    for rule in &mut of_pairs.rules {
        let stays_broken = match &rule.kind {
            RuleKind::Distance { .. } => true,
            RuleKind::Equal { per, .. }
            | RuleKind::Different { per, .. }
            | RuleKind::Intersect { per, .. } => *per == Scope::Match,
            RuleKind::Compare { per, team, .. } => {
                matches!(per, Scope::Player | Scope::Party) && team.is_none()
            }
            _ => false,
        };
        if !stays_broken {
            rule.prefer = Some(1.0);
        }
    }
    of_pairs
}

/// The fewest players that a team may ever have.
fn least(queue: &Queue, team: &TeamSettings) -> usize {
    let index = queue.teams.iter().position(|other| other == team);
    let target = index.map(ExpansionTarget::TeamMin);
    let widenings = queue.expansions.iter();
    let falls = widenings.filter(|e| Some(&e.target) == target.as_ref());
    let limits = falls
        .flat_map(|e| &e.steps)
        .map(|s| s.limit.unwrap_or(1.0) as usize);
    limits.fold(usize::from(team.players_min), usize::min)
}

#[derive(PartialEq)]
enum Tried {
    Found,
    /// Another split might do.
    Nothing,
    /// No split helps.
    Hopeless,
}

fn try_splits(
    queue: &Queue,
    set: &[&Ticket],
    now: Timestamp,
    m: &mut Match,
    depth: usize,
) -> Tried {
    let Some(ticket) = set.get(depth) else {
        return match check_match(queue, set, now, m) {
            Ok(()) => Tried::Found,
            Err(why) if why.contains("balance") || why.starts_with("team") => Tried::Nothing,
            // What is asked of a team another split may keep.
            Err(why) if why.contains("split") => Tried::Nothing,
            Err(_) => Tried::Hopeless,
        };
    };
    for team in 0..m.teams.len() {
        let on_team = |id: &TicketId| {
            set.iter()
                .find(|t| t.id == *id)
                .map_or(0, |t| t.players.len())
        };
        let players: usize = m.teams[team].tickets.iter().map(on_team).sum();
        if players + ticket.players.len() > usize::from(queue.teams[team].players_max) {
            continue;
        }
        m.teams[team].tickets.push(ticket.id);
        let tried = try_splits(queue, set, now, m, depth + 1);
        if tried != Tried::Nothing {
            return tried;
        }
        m.teams[team].tickets.pop();
    }
    Tried::Nothing
}
