//! Whole parties on teams: every split is tried when the game is small, sort and swap when it is large.

use smallvec::{SmallVec, smallvec};

use crate::wishes::Score;

/// Steps of the exhaustive search; enough for every split of 6v6, three teams of three, four pairs.
const EXACT_STEPS_MAX: u32 = 20_000;
/// More parties than this are never split exhaustively.
const EXACT_PARTIES_MAX: usize = 16;
/// Steps spent to find any split of more parties when sorting alone found none.
const RESCUE_STEPS_MAX: u32 = 2_000;
/// The same in a pool that is small enough for trying all: every split of sixteen into alike teams of one size, four teams
/// of four being the most, 7,977,104 steps.
pub(crate) const EXACT_RESCUE_STEPS_MAX: u32 = 1 << 23;
/// Parties, and teams, that are kept without a box.
pub(crate) const FEW: usize = 16;
/// Rounds over all pairs while swaps improve a large game.
const SWAP_ROUNDS_MAX: usize = 4;
/// Pairs tried at most in all rounds.
const SWAP_TRIES_MAX: usize = 5_000;

/// Means that differ by a limit but for rounding keep it: relative to the larger mean.
const ROUNDING: f64 = 1e-9;

/// Seats of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seats {
    pub min: u32,
    pub max: u32,
    /// Teams of one class are interchangeable.
    pub class: usize,
}

/// Whether a split, given by the team of each party, may be, and then what it keeps of the wishes.
pub(crate) type Allowed<'a> = &'a dyn Fn(&[u16]) -> Option<Score>;

/// A party to be placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party<'a> {
    pub players: u32,
    /// Over its players, for each balance limit.
    pub sums: &'a [f64],
}

/// Parties on teams.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    /// For each party the index of its team.
    pub team_of: Vec<u16>,
    /// For each balance limit the largest difference of two teams' means.
    pub gaps: Vec<f64>,
    /// How unevenly the teams are filled above their minimum.
    pub spread: u32,
    /// What it keeps of the wishes.
    pub score: Score,
}

impl Split {
    fn rank(&self) -> Rank {
        Rank {
            score: self.score,
            spread: self.spread,
            gap: self.gaps.first().copied().unwrap_or(0.0),
        }
    }
}

/// What makes one split better than another.
#[derive(Debug, Clone, Copy)]
struct Rank {
    score: Score,
    spread: u32,
    /// The first of [`Split::gaps`].
    gap: f64,
}

impl Rank {
    /// More of the wishes first, then evenly filled teams, then equally strong ones. NaN is never better.
    fn is_better_than(&self, other: &Rank) -> bool {
        if self.score != other.score {
            return self.score.is_better_than(other.score);
        }
        self.spread < other.spread || (self.spread == other.spread && self.gap < other.gap)
    }
}

/// What came of forming teams.
#[derive(Debug)]
pub(crate) struct Formed {
    /// The best split that was found.
    pub split: Option<Split>,
    pub steps: u32,
    /// None was found, and there may be one.
    pub is_given_up: bool,
}

/// The best split within the balance `limits`. No split keeps more of the wishes than `wished`.
///
/// Optimal if there are at most 16 parties and the splits are few enough. Where that finds none, and sorting doesn't, any
/// will do that is found in `rescue_steps` more.
pub(crate) fn form(
    parties: &[Party<'_>],
    seats: &[Seats],
    limits: &[f64],
    (wished, allowed): (Score, Allowed<'_>),
    rescue_steps: Option<u32>,
) -> Formed {
    let mut forming = Forming::new(parties, seats, limits, (wished, allowed));
    let few = parties.len() <= EXACT_PARTIES_MAX;
    if few {
        forming.descend(0, EXACT_STEPS_MAX);
        if !forming.stopped || forming.perfect {
            return forming.done(false);
        }
    }
    forming.sort_and_swap();
    // Of few parties more splits than these were tried.
    let rescue_steps = rescue_steps.or((!few).then_some(RESCUE_STEPS_MAX));
    if forming.best.is_some() {
        return forming.done(false);
    }
    forming.stopped = true;
    if let Some(steps) = rescue_steps {
        forming.any_will_do = true;
        forming.reset();
        forming.descend(0, forming.steps + steps);
    }
    let is_given_up = forming.stopped && forming.best.is_none();
    forming.done(is_given_up)
}

struct Forming<'a> {
    parties: &'a [Party<'a>],
    seats: &'a [Seats],
    limits: &'a [f64],
    wished: Score,
    allowed: Allowed<'a>,
    /// Indices of parties: largest first, then strongest, then as given.
    order: SmallVec<[usize; FEW]>,
    team_of: SmallVec<[u16; FEW]>,
    filled: SmallVec<[u32; FEW]>,
    /// `sums[team * limits.len() + limit]`.
    sums: SmallVec<[f64; FEW]>,
    best: Option<Split>,
    steps: u32,
    stopped: bool,
    perfect: bool,
    any_will_do: bool,
}

impl<'a> Forming<'a> {
    fn new(
        parties: &'a [Party<'a>],
        seats: &'a [Seats],
        limits: &'a [f64],
        (wished, allowed): (Score, Allowed<'a>),
    ) -> Forming<'a> {
        let strength = |party: &Party<'_>| party.sums.first().copied().unwrap_or(0.0);
        let mut order: SmallVec<[usize; FEW]> = (0..parties.len()).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&parties[a], &parties[b]);
            let by_size = b.players.cmp(&a.players);
            by_size.then(strength(b).total_cmp(&strength(a)))
        });
        Forming {
            parties,
            seats,
            limits,
            wished,
            allowed,
            order,
            team_of: smallvec![u16::MAX; parties.len()],
            filled: smallvec![0; seats.len()],
            sums: smallvec![0.0; seats.len() * limits.len()],
            best: None,
            steps: 0,
            stopped: false,
            perfect: false,
            any_will_do: false,
        }
    }

    fn done(self, is_given_up: bool) -> Formed {
        Formed {
            split: self.best,
            steps: self.steps,
            is_given_up,
        }
    }

    fn reset(&mut self) {
        self.filled.fill(0);
        self.sums.fill(0.0);
        self.team_of.fill(u16::MAX);
        self.stopped = false;
    }

    /// Places the parties from `depth` on in every way that can still fill all teams.
    fn descend(&mut self, depth: usize, steps_max: u32) {
        if self.perfect || self.stopped {
            return;
        }
        self.steps += 1;
        if self.steps > steps_max {
            self.stopped = true;
            return;
        }
        let Some(&party) = self.order.get(depth) else {
            self.consider();
            return;
        };
        let rest = self
            .order
            .iter()
            .skip(depth)
            .map(|&p| self.parties[p].players);
        if self.missing() > rest.sum() {
            return;
        }
        let limits = self.limits.len();
        for team in 0..self.seats.len() {
            if self.room(team) >= self.parties[party].players && !self.is_twin_of_empty(team) {
                // What it was, rather than less: so rounding never depends on the way here.
                let of_team = team * limits..(team + 1) * limits;
                let before = SmallVec::<[f64; 1]>::from_slice(&self.sums[of_team.clone()]);
                self.put(party, team);
                self.descend(depth + 1, steps_max);
                self.filled[team] -= self.parties[party].players;
                self.sums[of_team].copy_from_slice(&before);
                self.team_of[party] = u16::MAX;
            }
        }
    }

    /// Whether an earlier team is as empty and has as many seats: placing here would be the same again.
    fn is_twin_of_empty(&self, team: usize) -> bool {
        self.filled[team] == 0
            && (0..team).any(|t| self.filled[t] == 0 && self.seats[t] == self.seats[team])
    }

    fn room(&self, team: usize) -> u32 {
        self.seats[team].max - self.filled[team]
    }

    /// Players that the teams still need.
    fn missing(&self) -> u32 {
        let pairs = self.seats.iter().zip(&self.filled);
        pairs
            .map(|(seats, &filled)| seats.min.saturating_sub(filled))
            .sum()
    }

    fn put(&mut self, party: usize, team: usize) {
        self.team_of[party] = u16::try_from(team).unwrap_or(u16::MAX);
        self.filled[team] += self.parties[party].players;
        let of_team = self.sums.iter_mut().skip(team * self.limits.len());
        of_team
            .zip(self.parties[party].sums)
            .for_each(|(sum, more)| *sum += more);
    }

    fn take(&mut self, party: usize, team: usize) {
        self.filled[team] -= self.parties[party].players;
        // Recomputed rather than subtracted, so that rounding never depends on the way here.
        let limits = self.limits.len();
        for limit in 0..limits {
            let on_team = self
                .order
                .iter()
                .filter(|&&p| p != party && self.is_on(p, team));
            self.sums[team * limits + limit] = on_team
                .filter_map(|&p| self.parties[p].sums.get(limit))
                .sum();
        }
        self.team_of[party] = u16::MAX;
    }

    fn is_on(&self, party: usize, team: usize) -> bool {
        usize::from(self.team_of[party]) == team
    }

    fn gap(&self, limit: usize) -> f64 {
        let (low, high) = self.means(limit);
        high - low
    }

    /// The gap that makes one split better than another; nothing without a limit.
    fn first_gap(&self) -> f64 {
        if self.limits.is_empty() {
            0.0
        } else {
            self.gap(0)
        }
    }

    fn is_within(&self, limit: usize) -> bool {
        let (low, high) = self.means(limit);
        let max = self.limits.get(limit).copied().unwrap_or(f64::INFINITY);
        // Written so that a NaN is out of bounds.
        high - low <= max + ROUNDING * low.abs().max(high.abs())
    }

    /// The lowest and the highest mean of a team.
    fn means(&self, limit: usize) -> (f64, f64) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (team, &filled) in self.filled.iter().enumerate() {
            let mean = self.sums[team * self.limits.len() + limit] / f64::from(filled.max(1));
            low = low.min(mean);
            high = high.max(mean);
        }
        (low, high)
    }

    fn spread(&self) -> u32 {
        let above = self
            .seats
            .iter()
            .zip(&self.filled)
            .map(|(s, &f)| f.saturating_sub(s.min));
        let (low, high) = above.fold((u32::MAX, 0), |(l, h), n| (l.min(n), h.max(n)));
        high.saturating_sub(low)
    }

    /// Keeps the split that stands if it is allowed and better than the best so far.
    fn consider(&mut self) {
        if self.missing() > 0 {
            return;
        }
        if !(0..self.limits.len()).all(|limit| self.is_within(limit)) {
            return;
        }
        let mut rank = Rank {
            score: self.wished,
            spread: self.spread(),
            gap: self.first_gap(),
        };
        // With everything kept that can be wished it would have to be better; without wishes this decides.
        let best = self.best.as_ref().map(Split::rank);
        if best.is_some_and(|best| !rank.is_better_than(&best)) {
            return;
        }
        let Some(score) = (self.allowed)(&self.team_of) else {
            return;
        };
        rank.score = score;
        if best.is_none_or(|best| rank.is_better_than(&best)) {
            let even = rank.spread == 0 && rank.gap == 0.0;
            self.perfect = (even && score == self.wished) || self.any_will_do;
            self.best = Some(Split {
                team_of: self.team_of.to_vec(),
                gaps: (0..self.limits.len()).map(|at| self.gap(at)).collect(),
                spread: rank.spread,
                score,
            });
        }
    }

    /// The largest parties first, each where most seats are missing, there to the weakest team; then swaps.
    fn sort_and_swap(&mut self) {
        self.reset();
        for party in self.order.clone() {
            self.steps += 1;
            let Some(team) = self.neediest(self.parties[party].players) else {
                return;
            };
            self.put(party, team);
        }
        self.consider();
        let mut tries = 0;
        for _ in 0..SWAP_ROUNDS_MAX {
            if !self.swap_round(&mut tries) {
                break;
            }
        }
    }

    fn neediest(&self, players: u32) -> Option<usize> {
        let limits = self.limits.len();
        let key = |team: usize| {
            let need = self.seats[team].min.saturating_sub(self.filled[team]);
            let strength = self.sums.get(team * limits).copied().unwrap_or(0.0);
            (need, self.room(team), strength)
        };
        (0..self.seats.len())
            .filter(|&team| self.room(team) >= players)
            .min_by(|&a, &b| {
                let ((need_a, room_a, strong_a), (need_b, room_b, strong_b)) = (key(a), key(b));
                let by_seats = (need_b, room_b).cmp(&(need_a, room_a));
                by_seats.then(strong_a.total_cmp(&strong_b))
            })
    }

    /// Swaps parties of one size between teams wherever that brings the means closer.
    fn swap_round(&mut self, tries: &mut usize) -> bool {
        let mut improved = false;
        for i in 0..self.order.len() {
            for j in i + 1..self.order.len() {
                let (a, b) = (self.order[i], self.order[j]);
                if self.parties[a].players != self.parties[b].players {
                    break;
                }
                if self.team_of[a] == self.team_of[b] {
                    continue;
                }
                *tries += 1;
                self.steps += 1;
                if *tries > SWAP_TRIES_MAX {
                    return false;
                }
                let before = self.badness();
                self.swap(a, b);
                if self.badness() < before {
                    improved = true;
                    self.consider();
                } else {
                    self.swap(a, b);
                }
            }
        }
        improved
    }

    fn swap(&mut self, a: usize, b: usize) {
        let (team_a, team_b) = (usize::from(self.team_of[a]), usize::from(self.team_of[b]));
        self.take(a, team_a);
        self.take(b, team_b);
        self.put(a, team_b);
        self.put(b, team_a);
    }

    /// How far the gaps are beyond their limits; within them the first gap alone counts.
    fn badness(&self) -> f64 {
        let limits = self.limits.iter().enumerate();
        let beyond: f64 = limits
            .map(|(n, limit)| (self.gap(n) - limit).max(0.0))
            .sum();
        beyond * 1e6 + self.first_gap()
    }
}
