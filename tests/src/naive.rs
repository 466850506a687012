//! A second opinion on timers and seats, written from the law book alone: a list that is looked through from the
//! start each time, without an index, a draft or a rule that is shared with the server.

use std::collections::{BTreeMap, BTreeSet};

use model::wire::{InviteSource, MemberState, Session};

use MemberState::{Active, Inactive, Ready, Reserved};

#[path = "naive_backfill.rs"]
mod backfill;

pub use backfill::{Asking, BackfillRules, Waits};

/// How long a start or a restart keeps anybody from counting as gone (A.3 row 48).
const START_GRACE: u64 = 60_000;

/// What a session type says; times in milliseconds, `None` is never.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Its name.
    pub name: String,
    /// R51.
    pub reserved_removal: Option<u64>,
    /// R52.
    pub ready_removal: Option<u64>,
    /// R53.
    pub inactive_removal: Option<u64>,
    /// R54.
    pub session_empty: Option<u64>,
    /// Row 41.
    pub election_grace: Option<u64>,
    /// Seats in all.
    pub seats: usize,
    /// Teams, each of which has its share of the seats.
    pub teams: u8,
    /// F13; `None`: it asks nobody for players.
    pub backfill: Option<BackfillRules>,
    /// `connection_required_for_active_members`.
    pub watched: bool,
    /// How long silence is no loss.
    pub presence_window: u64,
}

impl Rules {
    /// The session type as a designer writes it.
    pub fn yaml(&self) -> String {
        let time = |time: Option<u64>| time.map_or("null".to_owned(), |ms| ms.to_string());
        format!(
            "apiVersion: v1\nkind: SessionType\nname: {}\ncreation: {{ by_players: true }}\njoinability: public\n\
             size: {{ teams: {}, players_per_team: {} }}\n\
             capabilities: {{ connection_required_for_active_members: {} }}\n\
             timeouts: {{ reserved_removal: {}, ready_removal: {}, inactive_removal: {}, session_empty: {}, \
             presence_window: {} }}\nleader: {{ election_grace: {} }}\n",
            self.name,
            self.teams,
            self.of_team(),
            self.watched,
            time(self.reserved_removal),
            time(self.ready_removal),
            time(self.inactive_removal),
            time(self.session_empty),
            self.presence_window,
            time(self.election_grace),
        )
    }
}

impl Rules {
    fn of_team(&self) -> usize {
        self.seats / usize::from(self.teams)
    }
}

/// A seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    index: u32,
    player: String,
    team: u8,
    /// He came by backfill.
    backfilled: bool,
    state: MemberState,
    since: u64,
    joined_at: Option<u64>,
}

impl Seat {
    fn engaged(&self) -> bool {
        matches!(self.state, Ready | Active)
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    seats: Vec<Seat>,
    next_index: u32,
    leader: Option<u32>,
    /// Who led, and since when he is away.
    lost: Option<(String, u64)>,
    empty_since: Option<u64>,
    closed: bool,
    ended: bool,
    /// Its instance takes players in.
    joinable: bool,
    /// What it asks for.
    asking: Option<Asking>,
    /// Whom the queue has brought, as far as they were there when it brought somebody last.
    brought: BTreeSet<String>,
}

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// A player.
    Player(&'a str),
    /// A server of the studio's.
    Backend,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reads.
    Read,
    /// Joins in this state, himself; on this team, if he has no seat yet.
    Join(MemberState, u8),
    /// Sets both flags of his own: ready, active.
    Flags(bool, bool),
    /// Leaves.
    Leave,
    /// Takes another's seat away.
    Kick(String),
    /// Makes another the leader.
    Promote(String),
    /// Holds seats on a team, all or none.
    Reserve(Vec<String>, u8),
    /// Closes or opens the session.
    Close(bool),
    /// Its instance takes players in, or no more.
    Joinable(bool),
    /// Asks for so many players by team, of those who queued before a time if one is given.
    Ask(Vec<u16>, Option<u64>),
    /// The host goes on asking.
    Acknowledge,
    /// Asks no longer.
    StopAsking,
}

/// A refusal: status and type of the problem.
pub type Refusal = (u16, &'static str);

/// The session, its rules, and when each player was heard of last.
#[derive(Debug)]
pub struct Naive {
    rules: Rules,
    document: Document,
    number: u64,
    started: u64,
    heard: BTreeMap<String, u64>,
}

impl Naive {
    /// Made by a player, who is active in it and leads.
    pub fn created(rules: Rules, by: &str, now: u64, world: &Naive) -> Naive {
        let mut naive = Naive::world(rules, world.started);
        naive.heard.clone_from(&world.heard);
        naive.heard.insert(by.to_owned(), now);
        naive.number = 1;
        naive.document.next_index = 1;
        naive.document.leader = Some(0);
        naive.document.empty_since = None;
        naive.document.ended = false;
        naive.document.seats.push(Seat {
            index: 0,
            player: by.to_owned(),
            team: 0,
            backfilled: false,
            state: Active,
            since: now,
            joined_at: Some(now),
        });
        naive
    }

    /// No session yet, on a server that started then.
    pub fn world(rules: Rules, started: u64) -> Naive {
        Naive {
            rules,
            document: Document {
                seats: Vec::new(),
                next_index: 0,
                leader: None,
                lost: None,
                empty_since: None,
                closed: false,
                ended: true,
                joinable: false,
                asking: None,
                brought: BTreeSet::new(),
            },
            number: 0,
            started,
            heard: BTreeMap::new(),
        }
    }

    /// What its type says.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether it is over.
    pub fn ended(&self) -> bool {
        self.document.ended
    }

    /// When something happens to it next by itself, for steps that are worth taking.
    pub fn next_timer(&self) -> Option<u64> {
        let seats = self
            .document
            .seats
            .iter()
            .filter_map(|seat| self.ends(seat));
        let empty = self.document.empty_since;
        let empty = empty.and_then(|since| Some(since + self.rules.session_empty?));
        let silent = self.silence_ends();
        seats
            .chain(empty)
            .chain(self.election())
            .chain(silent)
            .min()
    }

    fn ends(&self, seat: &Seat) -> Option<u64> {
        let span = match seat.state {
            Reserved => self.rules.reserved_removal,
            Ready => self.rules.ready_removal,
            Active => None,
            Inactive => self.rules.inactive_removal,
        };
        Some(seat.since + span?)
    }

    fn election(&self) -> Option<u64> {
        let (_, since) = self.document.lost.as_ref()?;
        self.heir()?;
        Some(since + self.rules.election_grace?)
    }

    /// The oldest joined member who takes part; where nobody leads, one who is away rather than nobody.
    fn heir(&self) -> Option<u32> {
        let oldest = |wanted: &dyn Fn(&&Seat) -> bool| {
            let seats = self.document.seats.iter().filter(wanted);
            seats
                .min_by_key(|seat| (seat.joined_at, seat.index))
                .map(|seat| seat.index)
        };
        let engaged = oldest(&|seat| seat.engaged());
        match self.document.leader {
            Some(_) => engaged,
            None => engaged.or_else(|| oldest(&|seat| seat.joined_at.is_some())),
        }
    }

    /// Somebody asks for something; the number of a success is 204 where the session is over with it.
    ///
    /// # Errors
    /// What the server is to refuse it with.
    pub fn step(&mut self, by: By<'_>, step: &Step, now: u64) -> Result<(), Refusal> {
        if let By::Player(player) = by {
            self.heard.insert(player.to_owned(), now);
        }
        if self.document.ended {
            return Err((404, "not-found"));
        }
        let before = self.document.clone();
        self.settle(now);
        let settled = self.document.clone();
        let outcome = match self.document.ended {
            true => Err((404, "not-found")),
            false => self.apply(by, step, now),
        };
        if outcome.is_err() {
            self.document = settled;
        }
        self.elect(now);
        self.end_if_empty(now);
        self.end_asking(now);
        if self.document != before {
            self.number += 1;
        }
        outcome
    }

    /// Step 1 to 3 of the law: each seat one step at most.
    fn settle(&mut self, now: u64) {
        for seat in self.document.seats.clone() {
            let gone = seat.state == Active && self.is_gone(&seat.player, now);
            let due = self.ends(&seat).is_some_and(|at| at <= now);
            match seat.state {
                Reserved if due => {
                    self.remove(&seat.player, now);
                    self.want_again(&seat);
                }
                Inactive if due => self.remove(&seat.player, now),
                Ready if due => self.put(&seat.player, Inactive, now),
                Active if gone => self.put(&seat.player, Inactive, now),
                Reserved | Ready | Active | Inactive => {}
            }
        }
        self.elect(now);
        self.end_if_empty(now);
        self.end_asking(now);
    }

    fn is_gone(&self, player: &str, now: u64) -> bool {
        let heard = self.heard.get(player);
        let silent = heard.is_none_or(|at| now >= at + self.rules.presence_window);
        self.rules.watched && silent && now > self.started + START_GRACE
    }

    fn end_if_empty(&mut self, now: u64) {
        let empty = self.document.empty_since;
        let over = empty.and_then(|since| Some(since + self.rules.session_empty?));
        if over.is_some_and(|at| at <= now) {
            self.document.ended = true;
        }
    }

    fn elect(&mut self, now: u64) {
        if self.election().is_some_and(|at| at <= now) {
            self.document.leader = self.heir();
            self.document.lost = None;
        }
    }

    fn seat(&self, player: &str) -> Option<&Seat> {
        self.document
            .seats
            .iter()
            .find(|seat| seat.player == player)
    }

    fn remove(&mut self, player: &str, now: u64) {
        let Some(seat) = self.seat(player).cloned() else {
            return;
        };
        let document = &mut self.document;
        document.seats.retain(|other| other.player != player);
        if document.seats.is_empty() {
            document.empty_since = Some(now);
        }
        if document.leader == Some(seat.index) {
            document.leader = None;
            if document.lost.is_none() {
                document.lost = Some((seat.player, now));
            }
        }
        if document.seats.iter().all(|seat| seat.joined_at.is_none()) {
            document.lost = None;
        }
    }

    /// A joined member goes into another state.
    fn put(&mut self, player: &str, state: MemberState, now: u64) {
        let Some(seat) = self
            .document
            .seats
            .iter_mut()
            .find(|seat| seat.player == player && seat.state != state)
        else {
            return;
        };
        (seat.state, seat.since) = (state, now);
        let (engaged, index) = (seat.engaged(), seat.index);
        let document = &mut self.document;
        let leads = document.leader == Some(index);
        let led = document.leader.is_none()
            && document
                .lost
                .as_ref()
                .is_some_and(|(name, _)| name == player);
        if engaged && (leads || led) {
            document.leader = Some(index);
            document.lost = None;
        } else if leads {
            document.lost = Some((player.to_owned(), now));
        }
    }

    fn apply(&mut self, by: By<'_>, step: &Step, now: u64) -> Result<(), Refusal> {
        match (by, step) {
            (_, Step::Read) => Ok(()),
            (By::Player(player), Step::Join(state, team)) => self.join(player, *state, *team, now),
            (By::Player(player), Step::Flags(ready, active)) => {
                let seat = self.seat(player).ok_or((403, "not-member"))?.clone();
                let state = match (ready, active) {
                    (true, true) => return Err((400, "malformed")),
                    (true, false) => Ready,
                    (false, true) => Active,
                    (false, false) => Inactive,
                };
                if seat.joined_at.is_none() {
                    return Err((409, "reserved-only"));
                }
                self.put(player, state, now);
                Ok(())
            }
            (By::Player(player), Step::Leave) => {
                let seat = self.seat(player).ok_or((404, "not-found"))?.clone();
                self.remove(player, now);
                self.want_again(&seat);
                Ok(())
            }
            (_, Step::Kick(player)) => {
                // One's own seat is anybody's to give up.
                if by != By::Player(player) {
                    self.leads(by)?;
                }
                let seat = self.seat(player).ok_or((404, "not-found"))?.clone();
                self.remove(player, now);
                if by == By::Player(player) {
                    self.want_again(&seat);
                }
                Ok(())
            }
            (_, Step::Promote(player)) => {
                self.leads(by)?;
                let seat = self.seat(player).ok_or((404, "not-found"))?.clone();
                if seat.joined_at.is_none() {
                    return Err((409, "reserved-only"));
                }
                if self.document.leader != Some(seat.index) {
                    self.document.leader = Some(seat.index);
                    self.document.lost = None;
                }
                Ok(())
            }
            (_, Step::Reserve(players, team)) => {
                self.leads(by)?;
                for player in players {
                    if self.seat(player).is_some() {
                        return Err((409, "already-member"));
                    }
                    self.add(player, *team, Reserved, now, None)?;
                }
                Ok(())
            }
            (By::Player(player), Step::Close(closed)) => {
                let joined = self
                    .seat(player)
                    .is_some_and(|seat| seat.joined_at.is_some());
                if !joined {
                    return Err((403, "not-member"));
                }
                self.document.closed = *closed;
                Ok(())
            }
            (By::Backend, Step::Close(closed)) => {
                self.document.closed = *closed;
                Ok(())
            }
            (By::Backend, Step::Joinable(joinable)) => {
                self.document.joinable = *joinable;
                Ok(())
            }
            (By::Backend, Step::Ask(wanted, before)) => self.ask(wanted, *before, now),
            (By::Backend, Step::Acknowledge) => self.acknowledge(now),
            (By::Backend, Step::StopAsking) => self.stop_asking(),
            (By::Backend, Step::Join(..) | Step::Flags(..) | Step::Leave)
            | (
                By::Player(_),
                Step::Joinable(_) | Step::Ask(..) | Step::Acknowledge | Step::StopAsking,
            ) => unreachable!("no step of theirs"),
        }
    }

    fn leads(&self, by: By<'_>) -> Result<(), Refusal> {
        let By::Player(player) = by else {
            return Ok(());
        };
        let seat = self.seat(player).ok_or((403, "not-member"))?;
        match self.document.leader == Some(seat.index) {
            true => Ok(()),
            false => Err((403, "not-leader")),
        }
    }

    fn add(
        &mut self,
        player: &str,
        team: u8,
        state: MemberState,
        now: u64,
        joined_at: Option<u64>,
    ) -> Result<(), Refusal> {
        if self.document.seats.len() >= self.rules.seats {
            return Err((409, "session-full"));
        }
        if self.taken(team) >= self.rules.of_team() {
            return Err((409, "team-full"));
        }
        self.document.seats.push(Seat {
            index: self.document.next_index,
            player: player.to_owned(),
            team,
            backfilled: false,
            state,
            since: now,
            joined_at,
        });
        self.document.next_index += 1;
        self.document.empty_since = None;
        Ok(())
    }

    fn join(
        &mut self,
        player: &str,
        state: MemberState,
        team: u8,
        now: u64,
    ) -> Result<(), Refusal> {
        match self.seat(player).cloned() {
            None => {
                if self.document.closed {
                    return Err((403, "session-closed"));
                }
                self.add(player, team, state, now, Some(now))?;
            }
            Some(seat) if seat.joined_at.is_some() => {
                self.put(player, state, now);
                return Ok(());
            }
            Some(_) => {
                let seats = self.document.seats.iter_mut();
                for seat in seats.filter(|seat| seat.player == player) {
                    (seat.state, seat.since, seat.joined_at) = (state, now, Some(now));
                }
            }
        }
        self.led_by_newcomer(player);
        Ok(())
    }

    /// The first to join leads, and so does whoever is waited for.
    fn led_by_newcomer(&mut self, player: &str) {
        let Some(seat) = self.seat(player).cloned() else {
            return;
        };
        let document = &mut self.document;
        let joined = document
            .seats
            .iter()
            .filter(|seat| seat.joined_at.is_some());
        let alone = joined.count() == 1;
        let waited_for = document.lost.as_ref().map(|(name, _)| name == player);
        let leads = alone || waited_for.is_none() || waited_for == Some(true) && seat.engaged();
        if document.leader.is_none() && leads {
            document.leader = Some(seat.index);
            document.lost = None;
        }
    }

    /// Where the server's document differs from this one.
    pub fn differs(&self, seen: &Session) -> Option<String> {
        let seats = seats(seen);
        let leader = self.document.leader;
        let leader = self
            .document
            .seats
            .iter()
            .find(|seat| Some(seat.index) == leader);
        let ours = (
            &self.document.seats,
            leader.map(|seat| seat.player.as_str()),
            self.document.closed,
            self.number,
            self.next_timer(),
        );
        let theirs = (
            &seats,
            seen.leader.as_ref().map(|leader| leader.as_str()),
            seen.closed,
            seen.change_number,
            seen.next_timer.as_ref().map(ms),
        );
        (ours != theirs).then(|| format!("expected {ours:#?}\nthe server has {theirs:#?}"))
    }
}

fn ms(at: &model::wire::Rfc3339) -> u64 {
    u64::try_from(at.0.0).unwrap_or(0)
}

fn seats(seen: &Session) -> Vec<Seat> {
    let of = |member: &model::wire::Member| Seat {
        index: member.index,
        player: member.player.to_string(),
        team: member.team.unwrap_or(0),
        backfilled: member.invite_source == Some(InviteSource::Backfill),
        state: member.state,
        since: ms(&member.since),
        joined_at: member.joined_at.as_ref().map(ms),
    };
    seen.members.iter().map(of).collect()
}
