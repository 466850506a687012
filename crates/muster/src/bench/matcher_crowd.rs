//! Who waits in the rows `matcher-*`: tickets that follow from their numbers, their queues, and the bare loop.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::sync::Arc;

use anyhow::Context as _;
use matcher::{Figures, Match, MatchTeam};
use model::config::SourceFile;
use model::queue::Queue;
use model::ticket::{TicketPlayer, Value};
use model::{Name, Region, SessionId, Ticket, TicketId, Timestamp};
use uuid::Uuid;

use super::measure;
use crate::simulate::Chance;

/// The queues as a designer writes them.
pub(super) const QUEUES: &str = "\
apiVersion: v1
kind: SessionType
name: Game
creation: { by_matchmaking: true }
size: { teams: 2, players_per_team: 50 }
joinability: private
instance: { fleet: bench, startup_params: { map: Arena, mode: tdm } }
---
apiVersion: v1
kind: Fleet
name: bench
provider: process
regions: [ap, eu, sa, us, za]
capacity: { min: 0, buffer: 0, max: 2000, slots: 1 }
config: { command: [muster, arena] }
---
apiVersion: v1
kind: Queue
name: paused-1v1
active: false
session_type: Game
teams: { count: 2, size: 1 }
party: { max_players: 1 }
---
apiVersion: v1
kind: Queue
name: bench-4v4
session_type: Game
regions: { allow: [ap, eu, sa, us, za], max_latency: 80ms }
teams: { count: 2, size: 4 }
party: { max_players: 4, aggregate: mean }
attributes:
  skill: { type: number, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
---
apiVersion: v1
kind: Queue
name: bench-5v5-roles
session_type: Game
regions: { allow: [ap, eu, sa, us, za], max_latency: 80ms }
teams:
  - { name: red, min_players: 5, max_players: 5, roles: { tank: 1, healer: 1 } }
  - { name: blue, min_players: 5, max_players: 5, roles: { tank: 1, healer: 1 } }
party: { max_players: 3, aggregate: mean }
roles: { attribute: role }
attributes:
  skill: { type: number, source: server }
  role: { type: strings, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
---
apiVersion: v1
kind: Queue
name: bench-1v4
session_type: Game
regions: { allow: [ap, eu, sa, us, za], max_latency: 80ms }
teams:
  - { name: monster, min_players: 1, max_players: 1 }
  - { name: hunters, min_players: 4, max_players: 4 }
party: { max_players: 4, aggregate: mean }
attributes:
  skill: { type: number, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
---
apiVersion: v1
kind: Queue
name: bench-compound
session_type: Game
regions: { allow: [ap, eu, sa, us, za], max_latency: 80ms }
teams: { count: 2, size: 4 }
party: { max_players: 4, aggregate: mean }
attributes:
  skill: { type: number, source: server }
  maps: { type: strings, source: server }
  language: { type: string, source: server }
  wishes: { type: strings, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
  - { name: common-map, intersect: maps, min: 1 }
  - name: understand-each-other
    any:
      - { equal: language }
      - not: { contains: wishes, value: own-language }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
---
apiVersion: v1
kind: SessionType
name: LongGame
creation: { by_matchmaking: true }
size: { teams: 2, players_per_team: 4 }
joinability: private
instance: { fleet: bench, startup_params: { map: Arena, mode: tdm } }
backfill: { enabled: true }
---
apiVersion: v1
kind: Queue
name: bench-backfill
session_type: LongGame
backfill: { priority: high, max_players_per_refill: 4 }
regions: { allow: [ap, eu, sa, us, za], max_latency: 80ms }
teams: { count: 2, size: 4 }
party: { max_players: 4, aggregate: mean }
attributes:
  skill: { type: number, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
---
apiVersion: v1
kind: Queue
name: bench-50v50
session_type: Game
teams: { count: 2, size: 50 }
party: { max_players: 4, aggregate: mean }
attributes:
  skill: { type: number, source: server }
rules:
  - { name: skill-gap, distance: skill, max: 100 }
expansions:
  - rule: skill-gap
    steps: [{ after: 10s, max: 200 }, { after: 30s, max: 500 }]
";

const REGIONS: [&str; 5] = ["ap", "eu", "sa", "us", "za"];
/// Seconds within which as many tickets arrive as wait in the steady state.
const TURNOVER_S: u64 = 30;
const ROLES: [&[&str]; 10] = [
    &["tank"],
    &["tank", "fighter"],
    &["healer"],
    &["healer", "fighter"],
    &["fighter"],
    &["fighter"],
    &["fighter"],
    &["fighter"],
    &["fighter", "tank"],
    &["fighter", "healer", "tank"],
];
const MAPS: [&str; 6] = ["arena", "bridge", "canyon", "docks", "estate", "forest"];
const LANGUAGES: [&str; 4] = ["de", "en", "es", "fr"];

/// One of [`QUEUES`].
pub(super) fn queue(name: &str) -> anyhow::Result<Arc<Queue>> {
    let file = SourceFile {
        path: "bench.yaml".into(),
        text: QUEUES.into(),
    };
    let checked = model::config::check(&[file], &crate::provider_schemas());
    let config = checked
        .config
        .with_context(|| format!("{:?}", checked.diagnostics))?;
    config
        .queue(name)
        .cloned()
        .context("there is no such queue")
}

/// What the tickets are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Single players without attributes or pings.
    Duels,
    /// Parties of one to four, five regions, skills over a range that grows with the number who wait.
    Mixed,
    /// 19 of 20 are parties of three of nearly one skill; the others as in `Mixed`.
    Trios,
    /// Parties of one to four of 2,000 skills, without pings.
    Large,
    /// As `Mixed` in parties of one to three, each player with the roles that he would take.
    Roles,
    /// As `Mixed`.
    Hunt,
    /// As `Mixed`, each party with a language, two to four maps and, one in ten, the wish to play in its own language.
    Compound,
    /// As `Mixed`.
    Refills,
}

impl Kind {
    fn queue(self) -> &'static str {
        match self {
            Kind::Duels => "paused-1v1",
            Kind::Mixed | Kind::Trios => "bench-4v4",
            Kind::Large => "bench-50v50",
            Kind::Roles => "bench-5v5-roles",
            Kind::Hunt => "bench-1v4",
            Kind::Compound => "bench-compound",
            Kind::Refills => "bench-backfill",
        }
    }

    /// How far apart in skill those who wait are, on average: so that about n of them do.
    fn spread(self) -> f64 {
        match self {
            Kind::Roles => 30.0,
            Kind::Hunt => 35.0,
            Kind::Compound => 45.0,
            Kind::Duels | Kind::Mixed | Kind::Trios | Kind::Large | Kind::Refills => 56.0,
        }
    }
}

/// Makes tickets; each follows from its number.
#[derive(Debug)]
pub(super) struct Crowd {
    kind: Kind,
    waiting: u64,
    queue: Name,
    skill: Name,
    regions: Vec<Region>,
}

#[expect(clippy::expect_used, reason = "these names are constants")]
impl Crowd {
    /// Of which so many are to wait.
    pub(super) fn new(kind: Kind, waiting: u64) -> Crowd {
        Crowd {
            kind,
            waiting,
            queue: kind.queue().parse().expect("a name"),
            skill: "skill".parse().expect("a name"),
            regions: REGIONS.map(|r| r.parse().expect("a region")).to_vec(),
        }
    }

    /// What rules of distance read.
    pub(super) fn skill(&self) -> &Name {
        &self.skill
    }

    /// A party of one that is out of everybody's reach, but for the first eight, who are of one skill.
    pub(super) fn lone(number: u64) -> Ticket {
        let crowd = Crowd::new(Kind::Mixed, 1);
        let mut ticket = crowd.ticket(number);
        ticket.players.truncate(1);
        let skill = if number < 8 { 0 } else { number * 1_000 };
        for player in &mut ticket.players {
            let skill = Value::Number(skill as f64);
            player.attributes.insert(crowd.skill.clone(), skill);
            player.latencies.iter_mut().for_each(|(_, ms)| *ms = 20);
        }
        ticket
    }

    /// The ticket with this identifier.
    pub(super) fn ticket_of(&self, id: TicketId) -> Ticket {
        self.ticket(id.0.as_u128() as u64)
    }

    /// The ticket with this number.
    pub(super) fn ticket(&self, number: u64) -> Ticket {
        let mut chance = Chance::new(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let range = (self.waiting as f64 * self.kind.spread()) as u64;
        let (players, skill) = match self.kind {
            Kind::Duels => (1, 0),
            Kind::Trios if chance.below(20) > 0 => (3, 1_000 + chance.below(20)),
            Kind::Roles => (1 + chance.below(3), chance.below(range)),
            Kind::Mixed | Kind::Trios | Kind::Hunt | Kind::Compound | Kind::Refills => {
                (1 + chance.below(4), chance.below(range))
            }
            Kind::Large => (1 + chance.below(4), chance.below(2_000)),
        };
        let home = chance.below(REGIONS.len() as u64) as u32;
        let created_at = match self.kind {
            Kind::Mixed | Kind::Roles | Kind::Hunt | Kind::Compound | Kind::Refills => {
                (number * TURNOVER_S * 1_000 / self.waiting) as i64
            }
            Kind::Duels | Kind::Trios | Kind::Large => 0,
        };
        // Version 7, as the server draws them: time in front, the rest as good as random.
        let uuid = Uuid::from_u128((u128::from(created_at as u64) << 80) | u128::from(number));
        let (id, party, at) = (TicketId(uuid), SessionId(uuid), Timestamp(created_at));
        Ticket {
            players: (0..players)
                .map(|n| self.player(number, n, skill, home))
                .collect(),
            ..Ticket::new(id, self.queue.clone(), party, at)
        }
    }

    #[expect(clippy::expect_used, reason = "a number is a player's id")]
    fn player(&self, number: u64, n: u64, skill: u64, home: u32) -> TicketPlayer {
        let measured = !matches!(self.kind, Kind::Duels | Kind::Large);
        let pings = self.regions.iter().zip(0_u32..);
        let latencies = pings
            .filter(|_| measured)
            .map(|(region, at)| (region.clone(), 15 + 40 * at.abs_diff(home)))
            .collect();
        let mut attributes = Vec::new();
        if self.kind != Kind::Duels {
            attributes.push((self.skill.clone(), Value::Number(skill as f64)));
        }
        attributes.extend(self.texts(number, n));
        TicketPlayer {
            attributes: attributes.into_iter().collect(),
            latencies,
            ..TicketPlayer::new(format!("player-{number}-{n}").parse().expect("an id"))
        }
    }

    /// What a player has beside his skill.
    #[expect(clippy::expect_used, reason = "these names are constants")]
    fn texts(&self, number: u64, n: u64) -> Vec<(Name, Value)> {
        let name = |text: &str| text.parse().expect("a name");
        let list = |texts: &[&str]| Value::Strings(texts.iter().map(|t| (*t).to_owned()).collect());
        match self.kind {
            Kind::Roles => {
                let mut chance = Chance::new(!(number * 8 + n));
                let roles = ROLES[chance.below(ROLES.len() as u64) as usize];
                vec![(name("role"), list(roles))]
            }
            Kind::Compound => {
                let mut chance = Chance::new(!number);
                let from = chance.below(MAPS.len() as u64) as usize;
                let maps = MAPS.iter().cycle().skip(from).copied();
                let maps: Vec<&str> = maps.take(2 + chance.below(3) as usize).collect();
                let language = LANGUAGES[chance.below(LANGUAGES.len() as u64) as usize];
                let wishes: &[&str] = match chance.below(10) {
                    0 => &["own-language"],
                    _ => &[],
                };
                vec![
                    (name("maps"), list(&maps)),
                    (name("language"), Value::String(language.to_owned())),
                    (name("wishes"), list(wishes)),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Somebody of those who came last and still wait, if there is anybody.
    pub(super) fn leaver(
        &self,
        last: u64,
        is_waiting: impl Fn(TicketId) -> bool,
    ) -> Option<TicketId> {
        let mut chance = Chance::new(last);
        (0..64).find_map(|_| {
            let number = last.saturating_sub(chance.below(self.waiting * 2));
            Some(self.ticket(number).id).filter(|&id| is_waiting(id))
        })
    }
}

/// Tickets a second of a loop that takes them first come, first served, and makes the same matches of them.
pub(super) fn bare(crowd: &Crowd, queue: &Queue, n: u64) -> f64 {
    let mut waiting: VecDeque<Arc<Ticket>> = (0..n).map(|id| Arc::new(crowd.ticket(id))).collect();
    let wanted: u32 = queue.teams.iter().map(|t| u32::from(t.players_max)).sum();
    let started = measure::now();
    let mut found = Vec::new();
    let mut handle = 0;
    while !waiting.is_empty() {
        let mut teams: Vec<MatchTeam> = queue
            .teams
            .iter()
            .map(|team| MatchTeam {
                name: team.name.clone(),
                tickets: Vec::new(),
                roles: BTreeMap::new(),
            })
            .collect();
        let mut players = 0;
        while players < wanted
            && let Some(ticket) = waiting.pop_front()
        {
            players += ticket.players.len() as u32;
            let fewest = teams.iter_mut().min_by_key(|team| team.tickets.len());
            if let Some(team) = fewest {
                team.tickets.push(ticket.id);
            }
        }
        handle += 1;
        found.push(Match {
            handle,
            queue: queue.name.clone(),
            region: None,
            teams,
            figures: Figures {
                players,
                ..Figures::default()
            },
        });
    }
    let took = started.elapsed();
    black_box(found);
    n as f64 / took.as_secs_f64()
}
