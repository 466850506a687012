//! Tests of the session law: one world of one session, settled before each command as the shell does.

mod admission;
mod arbiter;
mod backfill;
mod creation;
mod drafts;
mod fixtures;
mod formation;
mod groups;
mod hosting;
mod invites;
mod laws;
mod leading;
mod newcomers;
mod places;
mod seating;
mod standing;
mod subscriptions;
mod tickets;
mod timeouts;
mod together;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::instance::InstanceStatus;
use crate::session_type::{
    Creation, CustomData, CustomDataLimits, HealthSettings, InviteSettings, Joinability,
    JoinabilityBy, SessionType, Size, StartupParams, TeamOverflow, Timeouts,
};
use crate::{AllocationId, GameServerId, InstanceId, Millis, SessionId, TicketId};

/// A game of two teams of four with instances, joinable by anybody; every knob at its default otherwise.
fn game() -> SessionType {
    SessionType {
        name: "Game".parse().unwrap(),
        revision: 1,
        custom_data: CustomData::new(),
        creation: Creation {
            by_players: true,
            by_servers: true,
            by_matchmaking: true,
        },
        can_join_matchmaking: true,
        large: false,
        size: Size {
            teams: Some(2),
            players_per_team: 4,
            max_members: 8,
            can_change_own_team: true,
            spectators: 0,
            team_overflow: TeamOverflow::Fail,
        },
        visibility: Visibility::Open,
        joinability: Joinability::Public,
        read_restriction: Joinability::Public,
        invites: InviteSettings::default(),
        joinability_by: JoinabilityBy::Members,
        capabilities: Default::default(),
        timeouts: Timeouts::default(),
        leader_election_grace: Some(Millis(0)),
        instance: Some(InstanceSettings {
            fleet: "arena".parse().unwrap(),
            allocation_timeout: Millis::seconds(30),
            boot_timeout: Millis::seconds(120),
            version: Some(">=1.4,<2".parse().unwrap()),
            startup_params: Some(StartupParams {
                map: "Arena".into(),
                ..Default::default()
            }),
            health: HealthSettings {
                cadence: Millis::seconds(10),
                missed_before_unknown: 3,
            },
            close_on_empty: true,
        }),
        formation: Default::default(),
        roles: Default::default(),
        ownership: None,
        player_visibility: Default::default(),
        version_policy: Default::default(),
        custom_data_limits: CustomDataLimits::default(),
        subscriptions: Default::default(),
        together: Default::default(),
        backfill: None,
    }
}

/// A party: four seats, no teams to fill, by reservation only, the leader opens it.
fn party() -> SessionType {
    SessionType {
        name: "Party".parse().unwrap(),
        size: Size {
            teams: None,
            players_per_team: 4,
            max_members: 4,
            can_change_own_team: true,
            spectators: 0,
            team_overflow: TeamOverflow::Fail,
        },
        joinability: Joinability::Private,
        joinability_by: JoinabilityBy::Leader,
        instance: None,
        ..game()
    }
}

fn player(name: &str) -> PlayerId {
    name.parse().unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp(ms)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn looker(player: &PlayerId) -> Looker<'_> {
    Looker {
        player,
        device: None,
    }
}

fn by(name: &str) -> Actor {
    Actor::Player(player(name))
}

fn new_session(of_type: SessionType, created_by: Actor) -> NewSession {
    let constants = Arc::new(Constants::new(Arc::new(of_type), 7));
    NewSession::new(SessionId(id(1)), id(2), constants, created_by)
}

fn joined(name: &str, state: JoinedState) -> NewSeat {
    NewSeat::Joined(Box::new(Join::new(player(name), state)))
}

fn join(name: &str, state: JoinedState) -> Command {
    Command::Join(Join::new(player(name), state))
}

fn invite(names: &[&str]) -> Command {
    Command::Invite {
        players: names.iter().map(|name| player(name)).collect(),
        context: String::new(),
    }
}

fn leave(name: &str) -> Command {
    Command::Leave {
        player: player(name),
    }
}

fn promote(name: &str) -> Command {
    Command::Promote {
        player: player(name),
    }
}

fn kick(name: &str) -> Command {
    Command::Kick {
        player: player(name),
    }
}

fn reserve(names: &[&str]) -> Command {
    Command::Reserve {
        players: names.iter().map(|name| (player(name), None)).collect(),
        initialize: false,
    }
}

fn set_state(name: &str, state: JoinedState) -> Command {
    Command::UpdateMember {
        player: player(name),
        state: Some(state),
        custom_data: None,
        custom: None,
    }
}

/// Those whose connection is gone.
#[derive(Default)]
struct Gone(BTreeSet<PlayerId>);

impl Liveness for Gone {
    fn of(&self, player: &PlayerId) -> Presence {
        if self.0.contains(player) {
            Presence::Gone
        } else {
            Presence::Present
        }
    }
}

/// A session and the shell around it: settle, apply, finish, commit.
struct World {
    session: Session,
    gone: Gone,
    deleted: bool,
}

impl World {
    /// A session made at 0 by a server, with these players joined and active.
    fn of(of_type: SessionType, active: &[&str]) -> Self {
        let members = active
            .iter()
            .map(|name| joined(name, JoinedState::Active))
            .collect();
        Self::new(NewSession {
            members,
            ..new_session(of_type, Actor::Server)
        })
    }

    fn new(new: NewSession) -> Self {
        let (session, _) = Session::create(new, at(0)).unwrap();
        Self {
            session,
            gone: Gone::default(),
            deleted: false,
        }
    }

    /// A read: settles and keeps what that did.
    fn read(&mut self, now: i64) -> Changes {
        let mut draft = self.session.draft();
        draft.settle(at(now), &self.gone);
        let changes = draft.finish(at(now));
        self.take(changes)
    }

    /// A write: settles, applies; what settling did is kept even when the command is refused.
    fn run(&mut self, now: i64, actor: &Actor, command: &Command) -> Result<Changes, Error> {
        let mut draft = self.session.draft();
        draft.settle(at(now), &self.gone);
        let result = draft.apply(actor, command, at(now));
        let changes = draft.finish(at(now));
        let changes = self.take(changes);
        result.map(|()| changes)
    }

    fn take(&mut self, changes: Changes) -> Changes {
        self.deleted |= changes.deleted;
        self.session.commit(changes.clone());
        changes
    }

    fn state(&self, name: &str) -> Option<MemberState> {
        self.session
            .member_of(&player(name))
            .map(|member| member.state)
    }

    fn leader(&self) -> Option<&str> {
        self.session.leader().map(|member| member.player.as_str())
    }

    fn number(&self) -> u64 {
        self.session.header().change_number
    }

    fn status(&self) -> Option<InstanceStatus> {
        self.session
            .header()
            .instance
            .as_ref()
            .map(|instance| instance.status)
    }
}
