//! The row `matcher-backfill`: players taken into sessions that are played, while 10,000 of them ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use matcher::{Backfill, BackfillTeam, Event, Refill, check_refill};
use model::queue::Queue;
use model::ticket::Value;
use model::{SessionId, Ticket, Timestamp};

use super::Length;
use super::figure::{Figure, Outcome};
use super::matcher::{BARE, Run, events};
use super::matcher_crowd::{Crowd, Kind, bare, queue};
use super::matcher_shapes::players_of_a_ticket;

/// Sessions that ask at any time.
const ASKING: u64 = 10_000;
/// Events after which the sessions that were refilled say what they want now.
const TOLD_AFTER: u64 = 100;
/// Who plays has numbers from here on, eight a session.
const PLAYING: u64 = 1 << 40;
/// Seats of a team.
const TEAM: u64 = 4;

/// The sessions that are played.
pub(super) struct Sessions {
    asking: BTreeMap<SessionId, Arc<Backfill>>,
    made: u64,
    /// Those that were refilled and have not said yet what they want now.
    refilled: Vec<Refill>,
    /// Players who joined any.
    pub(super) joined: u64,
}

impl Sessions {
    pub(super) fn new() -> Sessions {
        Sessions {
            asking: BTreeMap::new(),
            made: 0,
            refilled: Vec::new(),
            joined: 0,
        }
    }

    /// One more 4v4 in which one to three seats of each team are free.
    fn open(&mut self, crowd: &Crowd, now: Timestamp) -> Event {
        let number = self.made;
        self.made += 1;
        let first = crowd.ticket(PLAYING + number * 2 * TEAM);
        let skill = first
            .players
            .iter()
            .find_map(|player| player.attributes.get(crowd.skill()).cloned());
        let skill = skill.unwrap_or(Value::Number(0.0));
        let player = |at: u64| {
            let mut ticket = crowd.ticket(PLAYING + number * 2 * TEAM + at);
            ticket.players.truncate(1);
            for player in &mut ticket.players {
                let attributes = &mut player.attributes;
                attributes.insert(crowd.skill().clone(), skill.clone());
            }
            Arc::new(ticket)
        };
        let team = |team: u64| {
            let free = 1 + (number + team) % (TEAM - 1);
            BackfillTeam {
                parties: (free..TEAM).map(|at| player(team * TEAM + at)).collect(),
                free: free as u16,
            }
        };
        let best = first.players.first().and_then(|player| {
            let nearest = player.latencies.iter().min_by_key(|(_, ms)| **ms);
            nearest.map(|(region, _)| region.clone())
        });
        let asked = Arc::new(Backfill {
            session: SessionId(uuid::Uuid::from_u128(u128::from(number))),
            queue: first.queue,
            region: best,
            created_at: now,
            created_before: None,
            refused: Default::default(),
            teams: (0..2).map(team).collect(),
        });
        self.asking.insert(asked.session, Arc::clone(&asked));
        Event::Backfill(asked)
    }

    /// What the sessions say that were refilled: how many they want now, or that they are full. For each that is, one
    /// more begins.
    fn told(&mut self, crowd: &Crowd, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        for refill in std::mem::take(&mut self.refilled) {
            let Some(asked) = self.asking.get_mut(&refill.session) else {
                continue;
            };
            let wants = Arc::make_mut(asked);
            for (team, joined) in wants.teams.iter_mut().zip(&refill.teams) {
                for ticket in joined.tickets.iter().map(|id| crowd.ticket_of(*id)) {
                    team.free -= ticket.players.len() as u16;
                    team.parties.push(Arc::new(ticket));
                }
            }
            if wants.teams.iter().any(|team| team.free > 0) {
                events.push(Event::Backfill(Arc::clone(asked)));
                continue;
            }
            self.asking.remove(&refill.session);
            events.push(Event::EndBackfill(refill.session));
            events.push(self.open(crowd, now));
        }
        events
    }

    /// Verifies a refill, of which every ticket follows from its number.
    pub(super) fn verify(
        &mut self,
        queue: &Queue,
        tickets: &[&Ticket],
        now: Timestamp,
        refill: Refill,
    ) -> anyhow::Result<()> {
        let asked = self.asking.get(&refill.session);
        let asked = asked.context("a session that does not ask is refilled")?;
        check_refill(queue, asked, tickets, now, &refill)
            .map_err(anyhow::Error::msg)
            .context("a refill breaks a rule")?;
        self.joined += tickets.iter().map(|t| t.players.len() as u64).sum::<u64>();
        self.refilled.push(refill);
        Ok(())
    }
}

/// A stream of tickets as in `matcher-4v4` with some 10,000 waiting, each of which first looks for a session that wants
/// it; counted are the players who found one.
pub(super) fn run(length: Length) -> anyhow::Result<Outcome> {
    let mut run = Run::new(Crowd::new(Kind::Refills, ASKING), queue("bench-backfill")?);
    let (warm, measured) = match length {
        Length::Full => (ASKING * 4, 100_000),
        Length::Quick => (ASKING, 10_000),
    };
    for _ in 0..ASKING {
        let asks = run.sessions.open(&run.crowd, Timestamp(0));
        run.handle(Timestamp(0), asks);
    }
    for next in (0..warm + measured).step_by(TOLD_AFTER as usize) {
        if next == warm {
            run.forget_figures()?;
        }
        let now = run.crowd.ticket(next).created_at;
        let told = run.sessions.told(&run.crowd, now);
        ensure!(run.sessions.asking.len() as u64 == ASKING, "too few ask");
        // The shell keeps its tickets: to drop them is not the matcher's work.
        let events = events(&run, next, TOLD_AFTER);
        let kept = (told.clone(), events.clone());
        run.timed(|run| {
            for event in told {
                run.handle(now, event);
            }
            for (now, event) in events {
                run.handle(now, event);
                // What it has put off is its work too.
                while run.matcher.next_deadline().is_some_and(|at| at <= now) {
                    run.handle(now, Event::Tick);
                }
            }
        })?;
        drop(kept);
    }
    crate::say::complain(&format_args!(
        "  matcher-backfill: {} wait, {} players joined, {} were matched, {:?}",
        run.matcher.len(),
        run.sessions.joined,
        run.players,
        run.matcher.stats()
    ));
    let of_a_ticket = players_of_a_ticket(&run.crowd);
    Ok(Outcome::Measured(Figure {
        row: "matcher-backfill",
        unit: "players/s",
        value: run.sessions.joined as f64 / run.spent.as_secs_f64(),
        baseline: bare(&run.crowd, &run.queue, BARE) * of_a_ticket,
        n: run.sessions.joined,
    }))
}
