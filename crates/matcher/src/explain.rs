//! Why a ticket is not matched: what is around it now, what keeps the others out, and what its age brings next.
//!
//! Nothing here changes anything or draws on what searches remember, but whether one is still to come. Limits are those
//! of each ticket's age at the asked instant, so an answer does not depend on when the matcher was last told the time.

use std::collections::{BTreeMap, BTreeSet};

use model::queue::{Queue, RuleKind, Scope};
use model::{Name, Region, Ticket, TicketId, Timestamp, opening};

use crate::backfill::Backfills;
use crate::entry::{Cut, Entry, Near, RegionId};
use crate::explain_limits::{next, regions};
use crate::explain_sessions::{Sessions, sessions};
use crate::matcher::{Glimpse, Matcher};
use crate::minimum::{Minimum, minimum, need};
use crate::pairs::{Judge, Obstacle};
use crate::plan::{Counts, Plan, count};
use crate::pool::{EXACT_TICKETS_MAX, Pool, SkillKey, Slot, skill_key};
use crate::shortage::{Known, Shortage, shortages};
use crate::sure::surely_holds;
use crate::wanted::WANTS_MAX;
use crate::window::{Base, Seen, can_grow};

/// Of a ticket's pool at most so many tickets are looked at, the nearest by the first distance rule.
pub(crate) const LOOKED_AT_MAX: usize = 1_024;
/// Where these are not all, one more on each side for so many of them, among those who bring what is wanted, for each
/// want.
const TICKETS_A_HOLDER: usize = 16;
/// Of those who are kept out the nearest so many are asked when they no longer will be.
const REACHES_MAX: usize = 256;
/// Of a queue's pools in which somebody waits at most so many are counted.
const POOLS_MAX: usize = 1_024;
/// So many are looked at to find them.
const POOLS_HELD_MAX: usize = 16_384;
/// Whether candidates can fill the teams is asked in at most so many regions.
const REGIONS_ASKED_MAX: usize = 16;

/// Everything that there is to say of a ticket that searches.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The queue that it is about.
    pub queue: Name,
    /// When it was asked.
    pub now: Timestamp,
    /// Whether the queue makes matches.
    pub gate: Gate,
    /// How its search stands.
    pub search: Search,
    /// Among those of its pool.
    pub position: Position,
    /// Its own regions first, the nearest first.
    pub regions: Vec<RegionView>,
    /// Nobody of the party measured a region, and the queue allows any.
    pub anywhere: bool,
    /// Tickets of the queue that were counted; with [`Explanation::is_sample`] there are more.
    pub looked_at: u64,
    /// The counts are of the nearest only: there may be more of everything.
    pub is_sample: bool,
    /// Those whom no rule keeps out of a match with it, as far as two parties decide that.
    pub candidates: Crowd,
    /// Everybody else by what keeps them out, each counted once; the most first.
    pub kept_out: Vec<KeptOut>,
    /// Whether the candidates can make a match.
    pub outlook: Outlook,
    /// How many players a match takes, in the region where fewest are missing.
    pub minimum: Minimum,
    /// What a match must have there of roles and of texts that `contains` counts, and too few bring; empty where that is
    /// not known for certain.
    pub short_of: Vec<Shortage>,
    /// Who comes within reach next, or the nearest who never does.
    pub nearest_miss: Option<NearestMiss>,
    /// The sessions of its queue that ask for players, if any do.
    pub sessions: Option<Sessions>,
    /// Its own limits that widen next, all at the same time.
    pub next: Vec<Widening>,
}

/// Whether a queue makes matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It does.
    Open,
    /// Not until somebody sets it active.
    Paused,
    /// Not at this hour.
    Closed {
        /// `None`: never.
        opens_at: Option<Timestamp>,
    },
}

/// How a ticket's search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// All was tried that a search tries; it is tried again when a limit widens or somebody comes.
    Done,
    /// It goes on with the next events.
    PutOff,
    /// It was given up before every combination was tried.
    GivenUp {
        /// It had the budget of the oldest, so it is not begun anew for being the oldest.
        as_oldest: bool,
    },
    /// It is done, but that of another ticket in its pool was given up, so not every combination with this one need
    /// have been tried.
    Unsure,
    /// The ticket is in a match that is being made.
    InMatch,
}

/// A place in the order of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// 1 is the oldest.
    pub place: usize,
    /// Who wait with the same values of what must be equal.
    pub of: usize,
    /// Who wait in the queue.
    pub in_queue: usize,
}

/// Tickets with their players.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crowd {
    /// Parties.
    pub tickets: u64,
    /// In all of them.
    pub players: u64,
}

impl Crowd {
    fn add(&mut self, entry: &Entry) {
        self.tickets += 1;
        self.players += u64::from(entry.players);
    }
}

/// A region as a ticket sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionView {
    /// Which.
    pub region: Region,
    /// Of the player who is farthest; `None`: nobody measured it, or not everybody did.
    pub latency_ms: Option<u32>,
    /// Whether it is considered.
    pub standing: RegionStanding,
}

/// Whether a region is considered.
#[derive(Debug, Clone, PartialEq)]
pub enum RegionStanding {
    /// The party may play there.
    Considered {
        /// Candidates who may play there too.
        candidates: Crowd,
    },
    /// Somebody is too far from it.
    TooFar {
        /// `regions.max_latency` or `regions.max_latency_delta`.
        rule: &'static str,
        /// What is measured against it, in milliseconds.
        measured_ms: u32,
        /// The limit in milliseconds.
        limit_ms: f64,
        /// When a widening brings it; `None`: none does.
        opens_at: Option<Timestamp>,
    },
    /// The queue does not allow it.
    NotAllowed,
    /// The queue allows it, but not every player of the party listed it.
    NotListed,
}

/// Who is kept out by one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// The rule's name; `teams` for party sizes that fit no teams together, `regions` where no region is shared,
    /// `regions.max_latency`, `regions.max_latency_delta`, `cross_play`, `avoid`.
    pub rule: String,
    /// Whom it keeps out.
    pub tickets: u64,
}

/// Whether the candidates can make a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// They can, now.
    Possible,
    /// They are too few.
    TooFew {
        /// Players that the smallest match still needs by the minimum that holds now for the most demanding of the
        /// ticket and its candidates, in the region where fewest are missing.
        players: u64,
    },
    /// They are enough, but their sizes and distances to each other fill no teams.
    CannotFillTeams,
    /// They are enough, but too few bring what a match must have: [`Explanation::short_of`].
    ShortOf,
    /// Two by two nothing keeps them apart; whether all rules hold for so many is found by trying.
    Open {
        /// The rules that only a whole match decides, without those that hold for all candidates anyway; `roles`, `teams`
        /// where it is how these are filled, `avoid` where lists of players to avoid are kept strictly.
        rules: Vec<String>,
    },
}

/// Those outside of reach who are nearest.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestMiss {
    /// As [`KeptOut::rule`].
    pub rule: String,
    /// What the rule reads, if it is one of distance.
    pub attribute: Option<String>,
    /// Whom it keeps out and no longer will then.
    pub waiting: Crowd,
    /// Of a distance: how far the farthest of them is.
    pub gap: Option<f64>,
    /// Of a distance: how far the ticket itself reaches; infinite: any distance.
    pub own_limit: Option<f64>,
    /// Of a distance: how far those reach, the one who reaches least.
    pub their_limit: Option<f64>,
    /// When nothing keeps them apart any more; `None`: no expansion brings that while both wait.
    pub reached_at: Option<Timestamp>,
}

/// A limit of the ticket's own that widens.
#[derive(Debug, Clone, PartialEq)]
pub struct Widening {
    /// As [`KeptOut::rule`]; `teams.NAME.min_players` too.
    pub rule: String,
    /// The limit now; infinite without one.
    pub from: f64,
    /// The limit from then on; infinite without one.
    pub to: f64,
    /// From then on it is given up.
    pub off: bool,
    /// When.
    pub at: Timestamp,
}

impl Matcher {
    /// What there is to say of a ticket that is here as `id`; `None` if it is not.
    ///
    /// At most some thousand tickets are looked at, however many wait: where that is not all who may matter, the answer
    /// says so.
    pub fn explain(&self, id: TicketId, ticket: &Ticket, now: Timestamp) -> Option<Explanation> {
        self.explain_among(LOOKED_AT_MAX, id, ticket, now)
    }

    /// The same, of which at most so many tickets of its pool are looked at, and sessions in proportion.
    pub(crate) fn explain_among(
        &self,
        looked_at_max: usize,
        id: TicketId,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Option<Explanation> {
        let glimpse = self.glimpse(id)?;
        let plan = &glimpse.queue.plan;
        let own = glimpse.entry;
        let pool = glimpse.queue.pools.get(own.pool as usize)?;
        let judge = Judge::new(plan, &glimpse.queue.sizes, own);
        let mut look = Look::new(&glimpse, &judge, now);
        look.at_pools(pool);
        look.at_neighbours(pool, looked_at_max);
        let key_of = |slot| glimpse.entries.age_key(slot);
        let regions = regions(&glimpse, ticket, &look.crowds(), now);
        let (outlook, minimum, short_of) = look.outlook();
        Some(Explanation {
            queue: plan.queue.name.clone(),
            now,
            gate: gate(&plan.queue, now),
            search: search_of(&glimpse, pool, self.backfills()),
            position: Position {
                place: pool.by_age.rank(&own.age_key(), key_of) + 1,
                of: pool.by_age.len(),
                in_queue: glimpse.queue.waiting,
            },
            regions,
            anywhere: own.anywhere,
            looked_at: look.looked_at,
            is_sample: look.is_sample || look.is_cut,
            outlook,
            minimum,
            short_of,
            nearest_miss: look.nearest_miss(),
            candidates: look.crowd,
            kept_out: look.kept_out(),
            sessions: sessions(plan, self.backfills(), (own, &pool.key), now, looked_at_max),
            next: next(plan, own, now),
        })
    }
}

fn search_of(glimpse: &Glimpse<'_>, pool: &Pool, backfills: &Backfills) -> Search {
    let own = glimpse.entry;
    if own.proposed > 0 {
        return Search::InMatch;
    }
    if glimpse.is_put_off || backfills.unfinished.contains_key(&own.age_key()) {
        return Search::PutOff;
    }
    match own.cut {
        Cut::Short => Search::GivenUp { as_oldest: false },
        Cut::First => Search::GivenUp { as_oldest: true },
        Cut::No if pool.is_unsure(own) && !all_was_tried(glimpse, pool) => Search::Unsure,
        Cut::No => Search::Done,
    }
}

/// Whether all of a small pool's searches are complete, whatever was given up while it was larger.
fn all_was_tried(glimpse: &Glimpse<'_>, pool: &Pool) -> bool {
    let mut all = pool.by_age.iter(|slot| glimpse.entries.age_key(slot));
    pool.by_age.len() <= EXACT_TICKETS_MAX
        && all.all(|(_, slot)| glimpse.entries.at(slot).cut == Cut::No)
}

fn gate(queue: &Queue, now: Timestamp) -> Gate {
    if queue.active {
        Gate::Open
    } else if opening::is_open(&queue.open, now) {
        Gate::Paused
    } else {
        let opens_at = opening::next_change(&queue.open, now);
        Gate::Closed { opens_at }
    }
}

/// What is seen around a ticket.
struct Look<'a> {
    glimpse: &'a Glimpse<'a>,
    judge: &'a Judge<'a>,
    now: Timestamp,
    looked_at: u64,
    /// Of its own pool not all were judged.
    is_sample: bool,
    /// Of the others not all were counted.
    is_cut: bool,
    /// By want: all who bring it are known.
    holders_known: [bool; WANTS_MAX],
    crowd: Crowd,
    candidates: Vec<&'a Entry>,
    by_obstacle: BTreeMap<Obstacle, u64>,
    /// Of those in other pools.
    by_key: BTreeMap<usize, u64>,
    /// Who is kept out, the nearest first, with what does.
    misses: Vec<(&'a Entry, Obstacle)>,
}

impl<'a> Look<'a> {
    fn new(glimpse: &'a Glimpse<'a>, judge: &'a Judge<'a>, now: Timestamp) -> Look<'a> {
        Look {
            glimpse,
            judge,
            now,
            looked_at: 0,
            is_sample: false,
            is_cut: false,
            holders_known: [true; WANTS_MAX],
            crowd: Crowd::default(),
            candidates: Vec::new(),
            by_obstacle: BTreeMap::new(),
            by_key: BTreeMap::new(),
            misses: Vec::new(),
        }
    }

    fn plan(&self) -> &'a Plan {
        &self.glimpse.queue.plan
    }

    /// Counts who waits with other values of what must be equal, by the first of them that differs.
    fn at_pools(&mut self, own: &Pool) {
        let held = self.glimpse.queue.pools.iter().take(POOLS_HELD_MAX);
        let held = held.filter(|pool| pool.by_age.len() > 0);
        self.is_cut = self.glimpse.queue.pools.len() > POOLS_HELD_MAX;
        for (seen, pool) in held.enumerate() {
            if seen >= POOLS_MAX {
                self.is_cut = true;
                return;
            }
            let tickets = pool.by_age.len() as u64;
            let mut keys = pool.key.iter().zip(&own.key);
            if let Some(differs) = keys.position(|(a, b)| a != b).filter(|_| tickets > 0) {
                *self.by_key.entry(differs).or_default() += tickets;
                self.looked_at += tickets;
            }
        }
    }

    /// Judges the nearest of its own pool; those farther away than the widest limits are counted unseen.
    fn at_neighbours(&mut self, pool: &'a Pool, max: usize) {
        let reach = self.reach();
        let near = nearest(self.glimpse, pool, max);
        let (all, last_gap) = (
            near.len() + usize::from(self.glimpse.entry.proposed == 0),
            near.last().map_or(0.0, |&(gap, _)| gap),
        );
        for &(_, slot) in &near {
            self.look_at(slot);
        }
        let mut unseen = pool.by_age.len().saturating_sub(all) as u64;
        match reach {
            // The walk went on in the order of that distance, so whoever was not met is farther away.
            Some((index, limit)) if unseen > 0 && last_gap > limit => {
                *self.by_obstacle.entry(Obstacle::Rule(index)).or_default() += unseen;
                self.looked_at += unseen;
            }
            _ if unseen > 0 => {
                let met: BTreeSet<Slot> = near.iter().map(|(_, slot)| *slot).collect();
                let reach = reach.map_or(f64::INFINITY, |(_, limit)| limit);
                let more = self.holders(pool, met, reach, max / TICKETS_A_HOLDER);
                unseen = unseen.saturating_sub(more);
                self.is_sample |= unseen > 0;
            }
            _ => {}
        }
    }

    /// Judges another ticket of the pool.
    fn look_at(&mut self, slot: Slot) {
        let other = self.glimpse.entries.at(slot);
        if other.is_expired(self.now) {
            return;
        }
        self.looked_at += 1;
        match self.judge.obstacle(other, self.now) {
            None => {
                self.crowd.add(other);
                self.candidates.push(other);
            }
            Some(obstacle) => {
                *self.by_obstacle.entry(obstacle).or_default() += 1;
                self.misses.push((other, obstacle));
            }
        }
    }

    /// Judges those who bring what is wanted and are not among the nearest of all; says how many these are.
    fn holders(&mut self, pool: &'a Pool, mut met: BTreeSet<Slot>, reach: f64, max: usize) -> u64 {
        let own = self.glimpse.entry;
        met.insert(self.glimpse.slot);
        let before = met.len();
        for (want, _) in self.plan().wanted.iter() {
            let (slots, is_all) = pool.holders.near(want, own, reach, max);
            if let Some(known) = self.holders_known.get_mut(want) {
                *known = is_all;
            }
            for slot in slots {
                if met.insert(slot) {
                    self.look_at(slot);
                }
            }
        }
        (met.len() - before) as u64
    }

    /// The first distance rule, with the ticket's own limit, if pools are ordered by it.
    fn reach(&self) -> Option<(usize, f64)> {
        let plan = self.plan();
        let own = self.glimpse.entry;
        let level = plan.level_at(self.now.since(own.created_at).0);
        let limit = *plan.level(level).distance.first()?;
        let index = plan.first_distance().filter(|_| plan.first_rule == 0)?;
        Some((index, limit))
    }

    fn kept_out(&self) -> Vec<KeptOut> {
        let plan = self.plan();
        let mut kept: BTreeMap<String, u64> = BTreeMap::new();
        for (obstacle, tickets) in &self.by_obstacle {
            *kept.entry(self.name(*obstacle)).or_default() += tickets;
        }
        for (key, tickets) in &self.by_key {
            *kept.entry(key_name(plan, *key)).or_default() += tickets;
        }
        let kept = kept.into_iter();
        let mut kept: Vec<KeptOut> = kept
            .map(|(rule, tickets)| KeptOut { rule, tickets })
            .collect();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.tickets));
        kept
    }

    fn name(&self, obstacle: Obstacle) -> String {
        obstacle_name(&self.plan().queue, obstacle)
    }

    /// Candidates by the region where they and the ticket may play; the last for those who may play anywhere.
    fn by_region(&self) -> Vec<(Option<RegionId>, Vec<&'a Entry>)> {
        let mut here: BTreeMap<Option<RegionId>, Vec<&Entry>> = BTreeMap::new();
        if self.glimpse.entry.anywhere {
            let mut regions: BTreeSet<Option<RegionId>> = BTreeSet::from([None]);
            for other in &self.candidates {
                regions.extend(self.near_of(other).map(|ping| Some(ping.region)));
            }
            for region in regions {
                let may = |other: &&&Entry| {
                    let mut near = self.near_of(other);
                    other.anywhere || near.any(|ping| Some(ping.region) == region)
                };
                here.insert(
                    region,
                    self.candidates.iter().filter(may).copied().collect(),
                );
            }
        } else {
            for &other in &self.candidates {
                for ping in self.judge.regions(other, self.now) {
                    here.entry(Some(ping.region)).or_default().push(other);
                }
            }
        }
        let mut here: Vec<_> = here.into_iter().collect();
        here.sort_by_key(|(region, entries)| (std::cmp::Reverse(entries.len()), *region));
        here
    }

    /// Candidates by region.
    fn crowds(&self) -> BTreeMap<RegionId, Crowd> {
        let mut crowds: BTreeMap<RegionId, Crowd> = BTreeMap::new();
        for other in &self.candidates {
            for ping in self.judge.regions(other, self.now) {
                crowds.entry(ping.region).or_default().add(other);
            }
        }
        crowds
    }

    fn near_of(&self, entry: &'a Entry) -> impl Iterator<Item = &'a Near> {
        let plan = self.plan();
        let level = plan.level(plan.level_at(self.now.since(entry.created_at).0));
        entry.pings.iter().filter(move |ping| level.is_near(ping))
    }

    fn outlook(&self) -> (Outlook, Minimum, Vec<Shortage>) {
        let plan = self.plan();
        let own = self.glimpse.entry;
        let by_region = self.by_region();
        let nowhere = [(None, Vec::new())];
        let places = match by_region.is_empty() {
            true => &nowhere[..],
            false => &by_region,
        };
        let known = Known {
            all: !self.is_sample,
            holders: self.holders_known,
        };
        let views = places.iter().map(|(_, there)| {
            let short = shortages(plan, (own, there), known, self.now);
            let lacks: u64 = short.iter().map(Shortage::missing).sum();
            (need(plan, own, there, self.now), lacks, short, &**there)
        });
        let views: Vec<_> = views.collect();
        // Where nobody is missing, or nobody knows, everybody lacks something.
        let mut others = views
            .iter()
            .filter(|(need, ..)| self.is_sample || need.0 == 0);
        let is_short = others.all(|(_, lacks, ..)| *lacks > 0);
        let least = views
            .into_iter()
            .min_by_key(|((missing, players), lacks, ..)| (*missing, *lacks, *players));
        let Some(((missing, _), _, mut short_of, there)) = least else {
            unreachable!("there is one at least");
        };
        let minimum = minimum(plan, own, there, self.now);
        if !is_short {
            short_of.clear();
        }
        let outlook = match self.outlook_of(&by_region, missing) {
            Outlook::Open { .. } if !short_of.is_empty() => Outlook::ShortOf,
            outlook => outlook,
        };
        (outlook, minimum, short_of)
    }

    fn outlook_of(
        &self,
        by_region: &[(Option<RegionId>, Vec<&'a Entry>)],
        missing: u64,
    ) -> Outlook {
        let plan = self.plan();
        if missing > 0 && !self.is_sample {
            return Outlook::TooFew { players: missing };
        }
        let asked = by_region.iter().take(REGIONS_ASKED_MAX);
        let mut grows = asked.map(|(_, entries)| self.can_grow(entries));
        let own = self.glimpse.entry;
        let plays = own.anywhere || self.near_of(own).next().is_some();
        let can_grow = grows.any(|grows| grows) || (plays && self.can_grow(&[]));
        let is_decided = plan.is_simple() && self.glimpse.queue.sizes.is_exact();
        if can_grow && is_decided {
            return Outlook::Possible;
        }
        let is_whole = !self.is_sample && by_region.len() <= REGIONS_ASKED_MAX;
        match can_grow || !is_whole {
            true => Outlook::Open {
                rules: self.undecided(),
            },
            false => Outlook::CannotFillTeams,
        }
    }

    /// What only a whole match decides, without the rules that hold for all candidates anyway; `teams` for teams too
    /// large to list how they are filled, and where nothing else is to be named.
    fn undecided(&self) -> Vec<String> {
        let plan = self.plan();
        let mut all = vec![self.glimpse.entry];
        all.extend(&self.candidates);
        let is_open = |index: &usize| self.is_sample || !surely_holds(plan, *index, &all, self.now);
        let mut open: Vec<usize> = by_whole(plan).filter(is_open).collect();
        if open.is_empty() && !self.is_sample {
            // What two parties decide need not hold between any two of the others; whether distances do is known.
            let rules = plan.queue.rules.iter().enumerate();
            let hard = rules.filter(|(_, rule)| rule.prefer.is_none());
            let first = plan.first_distance().filter(|_| plan.first_rule == 0);
            let others = hard
                .map(|(index, _)| index)
                .filter(|index| Some(*index) != first);
            open = others.filter(is_open).collect();
        }
        let named = open.into_iter().map(|index| rule_name(&plan.queue, index));
        let mut rules: Vec<String> = named.chain(besides_rules(plan)).collect();
        if !self.glimpse.queue.sizes.is_exact() || rules.is_empty() {
            rules.push("teams".to_owned());
        }
        rules
    }

    /// Whether sizes and distances let some of these fill the teams with the ticket.
    fn can_grow(&self, entries: &[&Entry]) -> bool {
        let plan = self.plan();
        let limit = |entry: &Entry| {
            let level = plan.level_at(self.now.since(entry.created_at).0);
            let limit = plan.level(level).distance.first();
            limit.copied().unwrap_or(f64::INFINITY)
        };
        let own = self.glimpse.entry;
        let mut counts = Counts::default();
        count(&mut counts, own.players);
        let base = Base {
            low: own.skill(),
            high: own.skill(),
            limit: limit(own),
            counts,
            players: u32::from(own.players),
        };
        let seen = entries.iter().map(|entry| Seen {
            skill: entry.skill(),
            limit: limit(entry),
            players: entry.players,
        });
        can_grow(&self.glimpse.queue.sizes, base, seen)
    }

    fn nearest_miss(&self) -> Option<NearestMiss> {
        let asked = self.misses.iter().take(REACHES_MAX);
        let times: Vec<_> = asked
            .map(|&(other, obstacle)| (other, obstacle, self.judge.reached_at(other, self.now)))
            .collect();
        let reached = times.iter().filter_map(|(_, _, at)| *at).min();
        // Who comes first; where nobody ever does, the nearest alone.
        let first = times.iter().find(|(_, _, at)| *at == reached)?;
        let obstacle = first.1;
        let together = times
            .iter()
            .filter(|(_, other, at)| reached.is_some() && *at == reached && *other == obstacle);
        let mut group: Vec<&Entry> = together.map(|(entry, _, _)| *entry).collect();
        if group.is_empty() {
            group.push(first.0);
        }
        let mut waiting = Crowd::default();
        group.iter().for_each(|entry| waiting.add(entry));
        let gaps: Vec<_> = match obstacle {
            Obstacle::Rule(index) => group
                .iter()
                .filter_map(|other| self.judge.distance(index, other, self.now))
                .collect(),
            _ => Vec::new(),
        };
        let queue = &self.plan().queue;
        Some(NearestMiss {
            rule: self.name(obstacle),
            attribute: match obstacle {
                Obstacle::Rule(index) if !gaps.is_empty() => distance_reads(queue, index),
                _ => None,
            },
            waiting,
            gap: gaps.iter().map(|gap| gap.gap).reduce(f64::max),
            own_limit: gaps.first().map(|gap| gap.own),
            their_limit: gaps.iter().map(|gap| gap.other).reduce(f64::min),
            reached_at: reached,
        })
    }
}

/// The nearest of a pool by the order of its first distance, without the ticket itself; ties by arrival.
fn nearest(glimpse: &Glimpse<'_>, pool: &Pool, max: usize) -> Vec<(f64, Slot)> {
    let own = glimpse.entry;
    let start = pool.by_skill.spot(&skill_key(own));
    let mut near: Vec<(f64, u64, Slot)> = Vec::new();
    let mut take = |key: &SkillKey, slot: Slot| {
        if slot != glimpse.slot {
            near.push(((own.skill() - key.skill()).abs(), key.seq(), slot));
        }
    };
    let (mut spot, mut taken) = (start, 0);
    while taken < max
        && let Some((items, next)) = pool.by_skill.up(spot, u128::MAX)
    {
        for (key, place) in items {
            take(&key, place.slot);
            taken += 1;
        }
        spot = next;
    }
    let (mut spot, mut taken) = (start, 0);
    while taken < max
        && let Some((items, next)) = pool.by_skill.down(spot, u128::MAX)
    {
        for (key, place) in items {
            take(&key, place.slot);
            taken += 1;
        }
        spot = next;
    }
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.truncate(max);
    near.into_iter().map(|(gap, _, slot)| (gap, slot)).collect()
}

/// As [`KeptOut::rule`].
pub(crate) fn obstacle_name(queue: &Queue, obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::Rule(index) => rule_name(queue, index),
        Obstacle::Sizes => "teams".to_owned(),
        Obstacle::Avoided => "avoid".to_owned(),
        Obstacle::NoSharedRegion => "regions".to_owned(),
        Obstacle::Latency => "regions.max_latency".to_owned(),
        Obstacle::LatencyDelta => "regions.max_latency_delta".to_owned(),
    }
}

/// The rule of a value of a pool's key.
pub(crate) fn key_name(plan: &Plan, place: usize) -> String {
    let rule = plan.equal.get(place).map(|(_, rule)| rule.to_string());
    rule.unwrap_or_else(|| "cross_play".to_owned())
}

pub(crate) fn rule_name(queue: &Queue, index: usize) -> String {
    let rule = queue.rules.get(index);
    rule.map(|rule| rule.name.to_string()).unwrap_or_default()
}

/// What a rule of distance reads.
pub(crate) fn distance_reads(queue: &Queue, index: usize) -> Option<String> {
    match &queue.rules.get(index)?.kind {
        RuleKind::Distance { read, .. } => Some(read.to_string()),
        _ => None,
    }
}

/// The rules that no two parties decide, by their places.
pub(crate) fn by_whole(plan: &Plan) -> impl Iterator<Item = usize> {
    use RuleKind::{
        All, Any, Balance, Compare, Contains, Different, Distance, Equal, Intersect, Not,
    };
    let by_whole = |kind: &RuleKind| match kind {
        Balance { .. } | Intersect { .. } | All(_) | Any(_) | Not(_) => true,
        Distance { .. } => false,
        Equal { per, .. } | Different { per, .. } => *per == Scope::Team,
        Contains { .. } => true,
        Compare { per, team, .. } => matches!(per, Scope::Team | Scope::Match) || team.is_some(),
    };
    let rules = plan.queue.rules.iter().enumerate();
    let hard = rules.filter(move |(_, rule)| rule.prefer.is_none() && by_whole(&rule.kind));
    hard.map(|(index, _)| index)
}

/// What two parties do not decide besides rules: `roles`, and whether some of the others avoid each other or the ticket.
pub(crate) fn besides_rules(plan: &Plan) -> impl Iterator<Item = String> {
    let has_roles = plan.queue.teams.iter().any(|team| !team.roles.is_empty());
    let all = [("roles", has_roles), ("avoid", plan.finals.parts())];
    let named = all.into_iter().filter(|(_, is)| *is);
    named.map(|(name, _)| name.to_owned())
}
