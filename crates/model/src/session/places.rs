//! Where a member sits: on a team, whose places are limited (F12), or among the spectators (row 50).

use super::{Actor, Constants, Draft, Error, Header, Join, Member, Session, Team, limits};
use crate::PlayerId;
use crate::Timestamp;
use crate::session_type::TeamOverflow;

/// Where somebody wants to sit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Wherever there is a place; a member stays where he is.
    Any,
    /// On this team.
    Team(u8),
    /// Among the spectators.
    Spectators,
}

impl Place {
    fn of(member: &Member) -> Self {
        match member.team {
            _ if member.standing.spectator => Self::Spectators,
            Some(team) => Self::Team(team),
            None => Self::Any,
        }
    }

    /// Whether a member sits elsewhere.
    pub(super) fn is_elsewhere(self, member: &Member) -> bool {
        self != Self::Any && self != Self::of(member)
    }
}

impl Join {
    /// Where he wants to sit.
    pub(super) fn place(&self) -> Result<Place, Error> {
        match self.team {
            Some(_) if self.spectator => Err(Error::Invalid("a spectator is on no team")),
            _ if self.spectator => Ok(Place::Spectators),
            Some(team) => Ok(Place::Team(team)),
            None => Ok(Place::Any),
        }
    }
}

impl Session {
    /// Seats that are free for players; those of spectators are not among them (row 50).
    pub fn player_seats_free(&self) -> u32 {
        let seats = PlayerSeats::of(self.constants(), self.header());
        seats.all.saturating_sub(seats.taken)
    }
}

/// Seats of a session that are for players, not for spectators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayerSeats {
    /// All of them.
    pub all: u32,
    /// Taken, reserved ones included.
    pub taken: u32,
    /// Free for whoever takes any place: no more than the teams have.
    pub open: u32,
}

impl PlayerSeats {
    /// Of a session with this header. O(teams).
    pub fn of(constants: &Constants, header: &Header) -> Self {
        let size = &constants.session_type.size;
        let all = limits::max_members(constants, header).saturating_sub(size.spectators);
        let taken = header.seats.taken().saturating_sub(header.ranks.spectators);
        let places = |team: &Team| u32::from(size.players_per_team).saturating_sub(team.taken);
        let in_teams = match (size.teams, size.team_overflow) {
            (None, _) | (_, TeamOverflow::Overfill) => u32::MAX,
            (Some(_), _) => header.teams.iter().map(places).sum(),
        };
        let open = all.saturating_sub(taken).min(in_teams);
        Self { all, taken, open }
    }
}

impl Draft<'_> {
    /// That a seat is free for a player; reserved ones are taken (A.2).
    pub(super) fn require_seat(&self) -> Result<(), Error> {
        self.require_usable()?;
        let header = &self.work.header;
        let spectators = self.base.constants.session_type.size.spectators;
        let seats = limits::max_members(&self.base.constants, header).saturating_sub(spectators);
        let players = header.seats.taken().saturating_sub(header.ranks.spectators);
        if players < seats {
            Ok(())
        } else {
            Err(Error::SessionFull)
        }
    }

    fn require_spectator_seat(&self) -> Result<(), Error> {
        self.require_usable()?;
        let seats = self.base.constants.session_type.size.spectators;
        if self.work.header.ranks.spectators < seats {
            Ok(())
        } else {
            Err(Error::SpectatorsFull)
        }
    }

    /// The team of somebody who takes a seat; a spectator has none. O(teams).
    pub(super) fn new_place(&self, wish: Place) -> Result<Option<u8>, Error> {
        let wish = match wish {
            Place::Spectators => {
                self.require_spectator_seat()?;
                return Ok(None);
            }
            Place::Team(team) => Some(team),
            Place::Any => None,
        };
        self.require_seat()?;
        let overflow = self.base.constants.session_type.size.team_overflow;
        match (self.place(wish), overflow) {
            (
                Err(Error::TeamFull),
                TeamOverflow::AllowOverflow | TeamOverflow::PartialWithOverflow,
            ) => self.place(None),
            (Err(Error::TeamFull), TeamOverflow::Overfill) => Ok(wish.or(self.emptiest())),
            (placed, _) => placed,
        }
    }

    /// The team with the fewest seats taken, full or not. O(teams).
    fn emptiest(&self) -> Option<u8> {
        let teams = (0u8..).zip(&self.work.header.teams);
        teams
            .min_by_key(|(_, team)| team.taken)
            .map(|(index, _)| index)
    }

    /// Puts a member elsewhere, if there is a place. Who only looks on holds no role.
    pub(super) fn change_place(&self, member: &mut Member, wish: Place) -> Result<(), Error> {
        match wish {
            Place::Any => {}
            Place::Team(team) => {
                if member.standing.spectator {
                    self.require_seat()?;
                }
                member.team = self.place(Some(team))?;
                member.standing.spectator = false;
            }
            Place::Spectators => {
                self.require_spectator_seat()?;
                member.team = None;
                member.standing.spectator = true;
                member.standing.roles.clear();
            }
        }
        Ok(())
    }

    /// Whether one who finds no place stays outside alone, and the others of the request do not.
    fn leaves_some_outside(&self) -> bool {
        matches!(
            self.base.constants.session_type.size.team_overflow,
            TeamOverflow::PartialWithOverflow | TeamOverflow::PartialWithoutOverflow
        )
    }

    /// Holds seats: all of them or, by the error, none; where the type lets some stay outside, as many as fit.
    pub(super) fn reserve_places(
        &mut self,
        actor: &Actor,
        players: &[(PlayerId, Place)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut outside = None;
        let mut seated = players.is_empty();
        for (player, place) in players {
            match self.reserve_place(actor, player, *place, now) {
                Ok(()) => seated = true,
                Err(full @ (Error::TeamFull | Error::SessionFull))
                    if self.leaves_some_outside() =>
                {
                    outside.get_or_insert(full);
                }
                Err(error) => return Err(error),
            }
        }
        match outside {
            Some(full) if !seated => Err(full),
            _ => Ok(()),
        }
    }
}
