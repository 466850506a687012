//! A match that waits for its players' word: who was asked, who has answered, and what follows (A.2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{MatchId, Name, PlayerId, Region, TicketId, Timestamp};

/// The most players of a match that may be asked; one row holds what all of them have said.
pub const PLAYERS_MAX: u32 = 200;

/// A match whose players are asked before it becomes a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The match.
    pub id: MatchId,
    /// The queue that it was made in.
    pub queue: Name,
    /// Where it is to be played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Every team, in the queue's order.
    pub teams: Vec<ProposedTeam>,
    /// Who is asked.
    pub players: BTreeMap<PlayerId, Asked>,
    /// Whoever has not answered by then has not accepted.
    pub until: Timestamp,
}

/// A team of a proposed match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedTeam {
    /// As the queue names it.
    pub name: Name,
    /// Whole parties.
    pub tickets: Vec<TicketId>,
    /// Who takes which of the team's roles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<PlayerId, Name>,
}

/// A player who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// His ticket.
    pub ticket: TicketId,
    /// What he said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// What a player says to a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// He plays.
    Accepted,
    /// He does not.
    Refused,
}

/// Why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 409: it is over.
    #[error("the match no longer waits for an answer")]
    Over,
    /// 409: he has said something else before.
    #[error("the player has answered already, and the first answer counts")]
    Answered,
    /// 404: he is not asked.
    #[error("the player is not of this ticket")]
    NotAsked,
}

/// How a proposed match stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody has still time to answer.
    Waits,
    /// Everybody plays.
    Stands,
    /// It comes to nothing, and these players are why: who refused, or let the time pass.
    Falls(BTreeSet<PlayerId>),
}

impl Proposal {
    /// Notes what some players of a ticket say; whether that is news. The first answer of each counts: the same again
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error`]; then nothing has changed.
    pub fn answer(
        &mut self,
        ticket: TicketId,
        players: &[PlayerId],
        answer: Answer,
        now: Timestamp,
    ) -> Result<bool, Error> {
        for player in players {
            let asked = self.players.get(player);
            let asked = asked.filter(|asked| asked.ticket == ticket);
            match asked.ok_or(Error::NotAsked)?.answer {
                Some(said) if said == answer => {}
                Some(_) => return Err(Error::Answered),
                None if self.verdict(now) != Verdict::Waits => return Err(Error::Over),
                None => {}
            }
        }
        let mut is_news = false;
        for player in players {
            if let Some(asked) = self.players.get_mut(player) {
                is_news |= asked.answer.is_none();
                asked.answer = Some(answer);
            }
        }
        Ok(is_news)
    }

    /// How it stands now. Once everybody has accepted it stands, however late it is noticed; a refusal ends it at once,
    /// and then only who refused is to blame, as the others had still time.
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        let of = |answer: Option<Answer>| {
            let players = self.players.iter();
            players
                .filter(move |(_, asked)| asked.answer == answer)
                .map(|(player, _)| player.clone())
        };
        let refused: BTreeSet<PlayerId> = of(Some(Answer::Refused)).collect();
        if of(None).next().is_none() && refused.is_empty() {
            Verdict::Stands
        } else if now >= self.until {
            Verdict::Falls(refused.into_iter().chain(of(None)).collect())
        } else if refused.is_empty() {
            Verdict::Waits
        } else {
            Verdict::Falls(refused)
        }
    }

    /// The tickets that end with a match which falls: those of whoever is to blame. The others search again.
    pub fn ending(&self, to_blame: &BTreeSet<PlayerId>) -> BTreeSet<TicketId> {
        let asked = self.players.iter();
        asked
            .filter(|(player, _)| to_blame.contains(*player))
            .map(|(_, asked)| asked.ticket)
            .collect()
    }

    /// How many have accepted.
    pub fn accepted(&self) -> usize {
        let asked = self.players.values();
        asked
            .filter(|asked| asked.answer == Some(Answer::Accepted))
            .count()
    }

    /// Its tickets, in order of their ids.
    pub fn tickets(&self) -> BTreeSet<TicketId> {
        let teams = self.teams.iter();
        teams
            .flat_map(|team| team.tickets.iter().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn ticket(n: u128) -> TicketId {
        TicketId(Uuid::from_u128(n))
    }

    fn player(n: usize) -> PlayerId {
        format!("p{n}").parse().expect("a player's id")
    }

    /// Players by twos on tickets.
    fn proposal(players: usize) -> Proposal {
        let asked = |n: usize| Asked {
            ticket: ticket(n as u128 / 2),
            answer: None,
        };
        Proposal {
            id: MatchId(Uuid::from_u128(1)),
            queue: "duel".parse().expect("a name"),
            region: None,
            teams: Vec::new(),
            players: (0..players).map(|n| (player(n), asked(n))).collect(),
            until: Timestamp(1_000),
        }
    }

    #[test]
    fn everybodys_word_is_needed_and_the_first_one_counts() {
        let mut waits = proposal(2);
        let both = [player(0), player(1)];
        let accepts = Answer::Accepted;
        assert_eq!(
            waits.answer(ticket(0), &both[..1], accepts, Timestamp(0)),
            Ok(true)
        );
        assert_eq!(
            waits.answer(ticket(0), &both[..1], accepts, Timestamp(0)),
            Ok(false)
        );
        let again = waits.answer(ticket(0), &both, Answer::Refused, Timestamp(0));
        assert_eq!(again, Err(Error::Answered));
        let other = waits.answer(ticket(9), &both[1..], accepts, Timestamp(0));
        assert_eq!(other, Err(Error::NotAsked));
        assert_eq!(
            (waits.accepted(), waits.verdict(Timestamp(0))),
            (1, Verdict::Waits)
        );
        let mut late = waits.clone();
        let too_late = late.answer(ticket(0), &both[1..], accepts, Timestamp(1_000));
        assert_eq!(too_late, Err(Error::Over));
        assert_eq!(
            late.verdict(Timestamp(1_000)),
            Verdict::Falls([player(1)].into())
        );
        assert_eq!(
            waits.answer(ticket(0), &both, accepts, Timestamp(999)),
            Ok(true)
        );
        assert_eq!(waits.verdict(Timestamp(5_000)), Verdict::Stands);
    }

    proptest! {
        /// Whatever is said when: who accepted never pays, who refused always does, who says nothing only by the
        /// time-out; and what is decided stays decided.
        #[test]
        fn a_match_stands_for_all_or_falls_by_those_who_did_not_accept(
            players in 1_usize..9,
            said in prop::collection::vec((0_usize..9, any::<bool>(), 0_i64..300), 0..20),
        ) {
            let mut proposal = proposal(players);
            let mut now = 0;
            let mut decided = None;
            for (who, accepts, later) in said {
                now += later;
                let answer = if accepts { Answer::Accepted } else { Answer::Refused };
                let own = ticket((who % players) as u128 / 2);
                let before = proposal.clone();
                let heard = proposal.answer(own, &[player(who % players)], answer, Timestamp(now));
                if heard != Ok(true) {
                    prop_assert_eq!(&before, &proposal);
                }
                let verdict = proposal.verdict(Timestamp(now));
                if let Some(decided) = &decided {
                    prop_assert!(heard != Ok(true));
                    let falls = |verdict: &Verdict| matches!(verdict, Verdict::Falls(_));
                    prop_assert_eq!(falls(decided), falls(&verdict));
                } else if verdict != Verdict::Waits {
                    decided = Some(verdict.clone());
                }
                if let Verdict::Falls(to_blame) = verdict {
                    prop_assert!(!to_blame.is_empty());
                    for (player, asked) in &proposal.players {
                        let blamed = to_blame.contains(player);
                        match asked.answer {
                            Some(answer) => prop_assert_eq!(blamed, answer == Answer::Refused),
                            None => prop_assert_eq!(blamed, now >= 1_000),
                        }
                    }
                }
            }
        }
    }
}
