//! Backfill: sessions that are played and ask for players, and which waiting tickets may take their free seats.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds as _};
use std::sync::Arc;

use model::{Millis, Name, Region, SessionId, Ticket, TicketId, Timestamp};

use crate::ages::Seat;
use crate::entry::{AgeKey, Cut, Entry, Expiry, Pings, PoolKey, RegionId, fit};
use crate::event::MatchTeam;
use crate::facts::{Common, Facts, Lexicon};
use crate::plan::{Level, Plan};
use crate::pool::{QueueState, SkillKey, Slot, plays_in};
use crate::sorted::LeafId;

/// Backfills that a matcher holds of one queue; further ones are not taken.
pub const BACKFILLS_MAX: usize = 16_384;
/// Tickets of which one try chooses.
pub(crate) const CANDIDATES_MAX: usize = 16;
/// Sets and seatings that one try looks at.
const STEPS_MAX: u32 = 20_000;
/// Of backfills near enough at most so many are put in order for one ticket; of more all are looked at in their order.
const NEAR_MAX: usize = 1_024;
/// Means that differ by a limit but for rounding keep it: relative to the larger mean.
const ROUNDING: f64 = 1e-9;

/// A session that is played and asks for players.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// Which; a session has one at most.
    pub session: SessionId,
    /// The queue whose rules say who may join, and of whose tickets.
    pub queue: Name,
    /// Where it is played; `None`: where nobody measured anything.
    pub region: Option<Region>,
    /// Since when it asks: the oldest is served first.
    pub created_at: Timestamp,
    /// Only tickets that were created before.
    pub created_before: Option<Timestamp>,
    /// Tickets that the session does not take in.
    pub refused: BTreeSet<TicketId>,
    /// Every team of the queue, in the queue's order.
    pub teams: Vec<BackfillTeam>,
}

/// A team of a match that is played.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillTeam {
    /// The tickets that it was matched of, with those of their players who are still there.
    pub parties: Vec<Arc<Ticket>>,
    /// Players that it wants.
    pub free: u16,
}

/// Tickets that join a session which is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    /// Names the refill in `Committed` and `Failed`, as [`crate::Match::handle`].
    pub handle: u64,
    /// Where they play.
    pub session: SessionId,
    /// The queue whose rules it satisfies.
    pub queue: Name,
    /// Every team of the queue, in the queue's order, with those who join it.
    pub teams: Vec<MatchTeam>,
    /// How long its oldest ticket waited.
    pub oldest_wait: Millis,
}

impl Refill {
    /// The tickets of all teams.
    pub fn tickets(&self) -> impl Iterator<Item = TicketId> + '_ {
        self.teams
            .iter()
            .flat_map(|team| team.tickets.iter().copied())
    }
}

/// Backfills in the order in which they are served.
pub(crate) type BackfillKey = (Timestamp, SessionId);

/// All backfills of a matcher.
#[derive(Debug, Default)]
pub(crate) struct Backfills {
    all: BTreeMap<SessionId, Held>,
    /// How often one was taken in.
    put: u64,
    of_queue: BTreeMap<Name, usize>,
    /// Those that want players now, by queue and pool.
    lines: BTreeMap<u32, BTreeMap<PoolKey, Line>>,
    /// Those to look for players for, with where the last look at their pool ended.
    pub due: BTreeMap<BackfillKey, (Option<AgeKey>, Seat)>,
    /// The same, by queue, of those that look once everybody in it has been searched for; empty again by then.
    pub held_up: BTreeMap<u32, BTreeMap<BackfillKey, (Option<AgeKey>, Seat)>>,
    /// Tickets that have not seen every backfill yet, with the first that they have not.
    pub unfinished: BTreeMap<AgeKey, (Slot, BackfillKey)>,
    /// Refills that were emitted.
    in_flight: BTreeMap<u64, SessionId>,
}

/// Those of one pool that want players.
#[derive(Debug, Default)]
pub(crate) struct Line {
    by_age: BTreeSet<BackfillKey>,
    /// By [`Held::skill`].
    by_skill: BTreeMap<SkillKey, BackfillKey>,
}

impl Line {
    /// Those from a key on that a ticket may be near enough to by the first distance rule, the oldest first; all of them
    /// where that rule keeps out few.
    pub fn around<'a>(
        &'a self,
        plan: &Plan,
        entry: &Entry,
        from: Bound<BackfillKey>,
    ) -> impl Iterator<Item = BackfillKey> + use<'a> {
        let (low, high) = reached(plan, (entry.skill(), entry.skill()), entry.level);
        let within = SkillKey::new(low, 0)..=SkillKey::new(high, u64::MAX);
        let near = self.by_skill.range(within).take(NEAR_MAX + 1);
        let mut near: Vec<BackfillKey> = near.map(|(_, key)| *key).collect();
        let are_few = near.len() <= NEAR_MAX;
        near.retain(|key| are_few && (from, Bound::Unbounded).contains(key));
        near.sort_unstable();
        let all = (!are_few).then(|| self.by_age.range((from, Bound::Unbounded)));
        near.into_iter().chain(all.into_iter().flatten().copied())
    }

    /// How many they are.
    pub fn sessions(&self) -> usize {
        self.by_age.len()
    }

    /// The nearest so many to a number of the first distance rule, by the lowest number of those who play, each with
    /// how far away that is; of equal ones the first that asked.
    pub fn nearest(&self, skill: f64, max: usize) -> Vec<(f64, SessionId)> {
        let spot = SkillKey::new(skill, 0);
        let up = self.by_skill.range(spot..).take(max);
        let down = self.by_skill.range(..spot).rev().take(max);
        let gap = |lowest: &SkillKey| (lowest.skill() - skill).abs();
        let near = up.chain(down).map(|(lowest, key)| (gap(lowest), *key));
        let mut near: Vec<(f64, BackfillKey)> = near.collect();
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near.truncate(max);
        near.into_iter().map(|(gap, (_, id))| (gap, id)).collect()
    }
}

/// From where to where numbers of the first distance rule may be of those whom somebody meets at a level, of those whose
/// numbers lie in a span; a little more, as sums are rounded.
pub(crate) fn reached(plan: &Plan, (low, high): (f64, f64), level: u16) -> (f64, f64) {
    let of = |level: &Level| level.distance.first().copied().unwrap_or(f64::INFINITY);
    let limit = of(plan.level(level)).min(of(plan.last_level()));
    let more = limit + ROUNDING * (limit + low.abs().max(high.abs()));
    (high - more, low + more)
}

/// One backfill.
#[derive(Debug)]
struct Held {
    asked: Arc<Backfill>,
    /// `None`: nobody can join by its queue's rules, whoever comes.
    open: Option<Open>,
    /// The lowest number of those who play, of the first distance rule, and which of all this is.
    skill: SkillKey,
    /// The refill that is being made; it gets no other meanwhile.
    busy: Option<u64>,
    /// A refill was made and has not failed, and the session has not said yet what it wants now.
    is_old: bool,
}

impl Backfills {
    /// Whether no ticket can join any session.
    pub fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether something is to be looked at.
    pub fn has_work(&self) -> bool {
        !self.due.is_empty() || !self.held_up.is_empty() || !self.unfinished.is_empty()
    }

    /// Those that want players of this pool, the oldest first.
    pub fn line(&self, queue: u32, key: &PoolKey) -> Option<&Line> {
        self.lines.get(&queue)?.get(key)
    }

    /// All that want players of a queue, by the values of what must be equal.
    pub fn lines_of(&self, queue: u32) -> impl Iterator<Item = (&PoolKey, &Line)> {
        self.lines.get(&queue).into_iter().flatten()
    }

    /// One that wants players.
    pub fn open(&self, id: SessionId) -> Option<&Open> {
        self.all.get(&id)?.open.as_ref()
    }

    /// All, as they were asked for.
    pub fn asked(&self) -> Vec<Arc<Backfill>> {
        let all = self.all.values();
        all.map(|held| Arc::clone(&held.asked)).collect()
    }

    /// Takes one in, or what it wants now; whether there was room for it.
    pub fn put(&mut self, asked: Arc<Backfill>, open: Option<Open>) -> bool {
        let id = asked.session;
        let busy = match self.all.get(&id) {
            Some(held) => held.busy,
            None if self.of_queue.get(&asked.queue) >= Some(&BACKFILLS_MAX) => return false,
            None => None,
        };
        self.remove(id);
        *self.of_queue.entry(asked.queue.clone()).or_default() += 1;
        self.put += 1;
        let held = Held {
            asked,
            skill: SkillKey::new(lowest(open.as_ref()), self.put),
            open,
            busy,
            is_old: false,
        };
        self.all.insert(id, held);
        if busy.is_none() {
            self.line_up(id);
        }
        true
    }

    /// Makes one ready anew, as the queues are others now. It wants what it wanted before.
    pub fn reopen(&mut self, id: SessionId, open: Option<Open>) {
        self.step_back(id);
        let Some(held) = self.all.get_mut(&id) else {
            return;
        };
        held.skill = SkillKey::new(lowest(open.as_ref()), held.skill.seq());
        held.open = open;
        if held.busy.is_none() && !held.is_old {
            self.line_up(id);
        }
    }

    /// Forgets one. Tickets of a refill of it that was emitted are not touched by that.
    pub fn remove(&mut self, id: SessionId) {
        self.step_back(id);
        if let Some(held) = self.all.remove(&id)
            && let Some(left) = self.of_queue.get_mut(&held.asked.queue)
        {
            *left -= 1;
            if *left == 0 {
                self.of_queue.remove(&held.asked.queue);
            }
        }
    }

    /// Puts one where tickets find it, if it wants any, and has players looked for.
    fn line_up(&mut self, id: SessionId) {
        let Some(held) = self.all.get(&id) else {
            return;
        };
        let Some(open) = held.open.as_ref().filter(|open| open.room() > 0) else {
            return;
        };
        let key = (held.asked.created_at, id);
        let lines = self.lines.entry(open.queue).or_default();
        let line = lines.entry(open.key.clone()).or_default();
        line.by_age.insert(key);
        line.by_skill.insert(held.skill, key);
        self.due.insert(key, (None, Seat::default()));
    }

    fn step_back(&mut self, id: SessionId) {
        let Some(held) = self.all.get(&id) else {
            return;
        };
        let key = (held.asked.created_at, id);
        self.due.remove(&key);
        let Some(open) = &held.open else { return };
        if let Some(of_queue) = self.held_up.get_mut(&open.queue) {
            of_queue.remove(&key);
        }
        let Some(lines) = self.lines.get_mut(&open.queue) else {
            return;
        };
        if let Some(line) = lines.get_mut(&open.key) {
            line.by_age.remove(&key);
            line.by_skill.remove(&held.skill);
            if line.by_age.is_empty() {
                lines.remove(&open.key);
            }
        }
        if lines.is_empty() {
            self.lines.remove(&open.queue);
        }
    }

    /// A refill of it was emitted.
    pub fn busy(&mut self, id: SessionId, handle: u64) {
        self.step_back(id);
        self.in_flight.insert(handle, id);
        if let Some(held) = self.all.get_mut(&id) {
            held.busy = Some(handle);
            held.is_old = true;
        }
    }

    /// The refill of this handle stands: until the session has said what it wants now, it wants nobody.
    pub fn committed(&mut self, handle: u64) {
        if let Some(id) = self.over(handle)
            && self.all.get(&id).is_some_and(|held| !held.is_old)
        {
            self.line_up(id);
        }
    }

    /// The refill of this handle came to nothing.
    pub fn failed(&mut self, handle: u64) {
        if let Some(id) = self.over(handle) {
            if let Some(held) = self.all.get_mut(&id) {
                held.is_old = false;
            }
            self.line_up(id);
        }
    }

    fn over(&mut self, handle: u64) -> Option<SessionId> {
        let id = self.in_flight.remove(&handle)?;
        let held = self.all.get_mut(&id)?;
        (held.busy == Some(handle)).then(|| held.busy = None)?;
        Some(id)
    }
}

/// The lowest number of those who play, of the first distance rule.
fn lowest(open: Option<&Open>) -> f64 {
    open.map_or(0.0, |open| open.span().0)
}

/// A backfill made ready for matching.
#[derive(Debug)]
pub(crate) struct Open {
    pub asked: Arc<Backfill>,
    pub queue: u32,
    pub key: PoolKey,
    pub region: Option<RegionId>,
    /// Parties who play. They have accepted this match, so of them the widest limits are asked.
    pub playing: Vec<Entry>,
    team_of: Vec<u16>,
    /// For each distance rule the lowest and the highest of those who play.
    pub spans: Vec<(f64, f64)>,
    /// For each intersect rule what all who play have.
    pub shared: Vec<Common>,
    /// By team.
    free: Vec<u32>,
    players_per_refill: u32,
}

impl Open {
    /// `None` if nobody may join whoever comes: nobody is left whose match it was, or those who are left would not be
    /// matched by the rules as they are now.
    pub fn new(state: &mut QueueState, queue: u32, asked: &Arc<Backfill>) -> Option<Open> {
        let region = asked.region.as_ref();
        let region = region.map(|region| state.regions.number(region));
        let plan = &state.plan;
        if asked.teams.len() != plan.queue.teams.len() {
            return None;
        }
        let (mut playing, mut team_of, mut keys) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (team, of_team) in (0..).zip(&asked.teams) {
            for party in of_team.parties.iter().filter(|p| !p.players.is_empty()) {
                let (key, entry) = seated(plan, &mut state.lexicon, party)?;
                keys.insert(key);
                playing.push(entry);
                team_of.push(team);
            }
        }
        let key = keys.pop_first().filter(|_| keys.is_empty())?;
        let numbers = |rule: usize| {
            let all = playing.iter().filter_map(move |e| e.numbers.get(rule));
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
                (low.min(x), high.max(x))
            })
        };
        let shared = |&(cell, _): &(usize, usize)| {
            let mut all = playing.iter().map(|e| &e.facts);
            let mut shared = all
                .next()
                .map(|own| Common::of(own, cell))
                .unwrap_or_default();
            all.for_each(|facts| shared.meet(facts, cell));
            shared
        };
        let free = |(team, settings): (usize, &model::queue::TeamSettings)| {
            let on_team = team_of.iter().zip(&playing);
            let taken: u32 = on_team
                .filter(|&(&t, _)| usize::from(t) == team)
                .map(|(_, entry)| u32::from(entry.players))
                .sum();
            let asked = asked.teams.get(team).map_or(0, |team| u32::from(team.free));
            let left = u32::from(settings.players_max).checked_sub(taken)?;
            Some(asked.min(left))
        };
        let free: Option<_> = plan.queue.teams.iter().enumerate().map(free).collect();
        Some(Open {
            spans: (0..plan.distance.len()).map(numbers).collect(),
            shared: plan.intersect.iter().map(shared).collect(),
            free: free?,
            players_per_refill: plan.queue.backfill.players_per_refill_max,
            asked: Arc::clone(asked),
            queue,
            key,
            region,
            playing,
            team_of,
        })
    }

    /// The lowest and the highest number of those who play, of the first distance rule.
    pub fn span(&self) -> (f64, f64) {
        self.spans.first().copied().unwrap_or((0.0, 0.0))
    }

    /// The most players that may come at once.
    fn room(&self) -> u32 {
        self.free.iter().sum::<u32>().min(self.players_per_refill)
    }

    /// Whether some team wants as many as a party has, and so many may come at once.
    pub fn has_seats_for(&self, entry: &Entry) -> bool {
        let players = u32::from(entry.players);
        players <= self.players_per_refill && self.free.iter().any(|&free| players <= free)
    }

    /// Whether a ticket may join as far as it and those who play decide: all but the rules that are asked at last.
    pub fn accepts(&self, plan: &Plan, entry: &Entry, now: Timestamp) -> bool {
        self.has_seats_for(entry)
            && !entry.is_expired(now)
            && (self.asked.created_before).is_none_or(|before| entry.created_at < before)
            && !self.asked.refused.contains(&entry.id)
            && plays_in(plan, entry, self.region)
            && self.is_near(plan, [entry])
    }

    /// Whether these tickets and those who play stay within every ticket's limits of distance and share enough.
    fn is_near<'e>(
        &self,
        plan: &Plan,
        entries: impl IntoIterator<Item = &'e Entry> + Clone,
    ) -> bool {
        let near = self.spans.iter().enumerate().all(|(rule, &(low, high))| {
            let (mut low, mut high) = (low, high);
            let mut limit = plan.last_level().distance[rule];
            for entry in entries.clone() {
                low = low.min(entry.numbers[rule]);
                high = high.max(entry.numbers[rule]);
                limit = limit.min(plan.level(entry.level).distance[rule]);
            }
            high - low <= limit
        });
        let mut rules = self.shared.iter().zip(&plan.intersect);
        near && rules.all(|(have, &(cell, min))| {
            let mut all = entries.clone().into_iter().map(|e| &e.facts).peekable();
            if all.peek().is_none() {
                return true;
            }
            let mut left = have.clone();
            all.for_each(|facts| left.meet(facts, cell));
            left.len() >= min
        })
    }

    /// Who joins on which team: of these tickets, the oldest first, as many as may; `must` is one of them who must be
    /// among those. Also whether everything was tried.
    pub fn choose(&self, plan: &Plan, candidates: &[&Entry], must: Option<usize>) -> Choice {
        let mut choosing = Choosing {
            open: self,
            plan,
            candidates,
            must,
            chosen: must.into_iter().collect(),
            steps: 0,
        };
        let seated = choosing.descend(0);
        let everything = choosing.steps < STEPS_MAX;
        Choice {
            joining: seated.map(|team_of| choosing.chosen.iter().copied().zip(team_of).collect()),
            everything,
        }
    }
}

/// What came of a try to refill.
pub(crate) struct Choice {
    /// Candidates, by index, and their teams.
    pub joining: Option<Vec<(usize, u16)>>,
    /// Whether every set was tried, or one was found.
    pub everything: bool,
}

/// A party who plays, as the matcher sees a ticket.
pub(crate) fn seated(
    plan: &Plan,
    lexicon: &mut Lexicon,
    party: &Arc<Ticket>,
) -> Option<(PoolKey, Entry)> {
    let fit = fit(plan, party).ok()?;
    let entry = Entry {
        id: party.id,
        created_at: party.created_at,
        expires: Expiry::NEVER,
        seq: 0,
        deadline: None,
        queue: 0,
        pool: 0,
        class: 0,
        seat: Seat::default(),
        leaf: LeafId::NONE,
        cut: Cut::No,
        level: u16::MAX,
        players: fit.players,
        anywhere: fit.anywhere,
        proposed: 0,
        numbers: fit.numbers,
        sums: fit.sums,
        facts: Facts::read(&plan.finals.columns, &plan.queue, lexicon, &party.players),
        pings: Pings::new(std::iter::empty()),
        brings: Default::default(),
        ticket: plan.reads_tickets.then(|| Arc::clone(party)),
    };
    Some((fit.key, entry))
}

/// A search through sets of candidates, those with older ones first.
struct Choosing<'a> {
    open: &'a Open,
    plan: &'a Plan,
    candidates: &'a [&'a Entry],
    must: Option<usize>,
    chosen: Vec<usize>,
    steps: u32,
}

impl<'a> Choosing<'a> {
    fn entries(&self) -> impl Iterator<Item = &'a Entry> + Clone + use<'a, '_> {
        let candidates = self.candidates;
        self.chosen.iter().map(move |&at| candidates[at])
    }

    fn room(&self) -> u32 {
        let taken: u32 = self.entries().map(|e| u32::from(e.players)).sum();
        self.open.room().saturating_sub(taken)
    }

    /// Tries the sets with what is chosen and some of the candidates from `at` on: the team of each chosen one.
    fn descend(&mut self, at: usize) -> Option<Vec<u16>> {
        self.steps += 1;
        if self.steps >= STEPS_MAX {
            return None;
        }
        let room = self.room();
        if at == self.candidates.len() || room == 0 {
            return self.seat();
        }
        let fits = u32::from(self.candidates[at].players) <= room;
        if fits && self.must != Some(at) {
            self.chosen.push(at);
            if self.open.is_near(self.plan, self.entries())
                && let Some(seats) = self.descend(at + 1)
            {
                return Some(seats);
            }
            self.chosen.pop();
        }
        self.descend(at + 1)
    }

    /// The best seating of those who are chosen, if any keeps the rules.
    fn seat(&mut self) -> Option<Vec<u16>> {
        if self.chosen.is_empty() {
            return None;
        }
        let open = self.open;
        let all: Vec<&Entry> = open.playing.iter().chain(self.entries()).collect();
        if !self.plan.finals.set_holds(&all) {
            return None;
        }
        let limits = |rule: usize| {
            let own = all.iter().map(|e| self.plan.level(e.level).balance[rule]);
            own.fold(f64::INFINITY, f64::min)
        };
        let mut seating = Seating {
            plan: self.plan,
            limits: (0..self.plan.balance.len()).map(limits).collect(),
            team_of: open.team_of.clone(),
            free: open.free.clone(),
            all,
            best: None,
            steps: self.steps,
        };
        seating.descend();
        self.steps = seating.steps;
        let (_, _, team_of) = seating.best?;
        Some(team_of.into_iter().skip(open.playing.len()).collect())
    }
}

/// A search through the teams that a set of tickets may join.
struct Seating<'a> {
    plan: &'a Plan,
    /// Those who play, then those who join.
    all: Vec<&'a Entry>,
    team_of: Vec<u16>,
    limits: Vec<f64>,
    free: Vec<u32>,
    /// How unevenly seats stay free, the first balance, the teams.
    best: Option<(u32, f64, Vec<u16>)>,
    steps: u32,
}

impl Seating<'_> {
    fn descend(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS_MAX {
            return;
        }
        let Some(entry) = self.all.get(self.team_of.len()) else {
            return self.consider();
        };
        let players = u32::from(entry.players);
        for team in 0..self.free.len() {
            if self.free[team] >= players {
                self.free[team] -= players;
                self.team_of.push(u16::try_from(team).unwrap_or(u16::MAX));
                self.descend();
                self.team_of.pop();
                self.free[team] += players;
            }
        }
    }

    fn consider(&mut self) {
        let (low, high) = self.free.iter().fold((u32::MAX, 0), |(low, high), &free| {
            (low.min(free), high.max(free))
        });
        let uneven = high.saturating_sub(low);
        let mut gaps = Vec::with_capacity(self.limits.len());
        for (rule, limit) in self.limits.iter().enumerate() {
            let (low, high) = self.means(rule);
            let within = high - low <= limit + ROUNDING * low.abs().max(high.abs());
            // A NaN is out of bounds.
            if !within {
                return;
            }
            gaps.push(high - low);
        }
        let gap = gaps.first().copied().unwrap_or(0.0);
        let better = (self.best.as_ref())
            .is_none_or(|(than, of, _)| uneven < *than || (uneven == *than && gap < *of));
        let finals = &self.plan.finals;
        if better
            && finals.rules_hold(&self.all, &self.team_of)
            && finals.roles_filled(&self.all, &self.team_of, &self.free)
        {
            self.best = Some((uneven, gap, self.team_of.clone()));
        }
    }

    fn of_team(&self, team: usize) -> impl Iterator<Item = &&Entry> {
        let seats = self.all.iter().zip(&self.team_of);
        seats
            .filter(move |&(_, &t)| usize::from(t) == team)
            .map(|(entry, _)| entry)
    }

    /// The lowest and the highest mean of a team that has players.
    fn means(&self, rule: usize) -> (f64, f64) {
        let teams = 0..self.free.len();
        let means = teams.filter_map(|team| {
            let players: u32 = self.of_team(team).map(|e| u32::from(e.players)).sum();
            let sum: f64 = self.of_team(team).map(|e| e.sums[rule]).sum();
            (players > 0).then(|| sum / f64::from(players))
        });
        means.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), mean| {
            (low.min(mean), high.max(mean))
        })
    }
}
