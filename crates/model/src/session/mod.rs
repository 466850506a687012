//! A session and its law: `settle` brings it up to date, `apply` changes it, both on a draft (A.2).
//!
//! A [`Session`] is what is committed: a header, members and a few indexes over them. It is changed in three
//! steps: [`Session::draft`] opens a draft, [`Draft::settle`] and [`Draft::apply`] write to the draft,
//! [`Draft::finish`] says what is to be stored; once it is, [`Session::commit`] takes it over. Nothing here
//! reads a clock, draws a random number or looks at more members than are touched or due; where a cost is
//! higher the function says so.

mod admission;
mod apply;
mod backfill;
mod command;
mod compact;
mod connectivity;
mod constants;
mod create;
mod deadlines;
mod draft;
mod entrance;
mod error;
mod event;
mod formation;
mod groups;
mod header;
mod host;
mod hosting;
mod initialization;
mod invites;
mod leader;
mod limits;
mod liveness;
mod member;
mod owners;
mod password;
mod permissions;
mod places;
mod platforms;
mod quality;
mod roles;
mod seats;
mod servers;
mod settle;
mod standing;
mod subscriptions;
mod tickets;
mod whole_session;
pub mod writers;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::session_type::{Capabilities, InstanceSettings, Visibility};
use crate::{Name, PlayerId, Timestamp};

use leader::Seniority;

pub use admission::Looker;
pub use backfill::{BACKFILLED_MAX, Backfill, Backfilled, Matched, backfill_seats};
pub use command::{Acquaintance, Actor, Command, HostUpdate, InstanceRequest, Join, Update};
pub use connectivity::{
    Connectivity, ConnectivityUpdate, DEVICE_TOKEN_MAX, INITIALIZATION_GROUP_MAX, MEASUREMENTS_MAX,
    Measurement, SECURE_DEVICE_ADDRESS_MAX, SERVER_KEY_BYTES_MAX, SERVER_MEASUREMENTS_MAX,
    ServerMeasurement,
};
pub use constants::{Constants, TypeConstant};
pub use create::{NewSeat, NewSession};
pub use draft::Draft;
pub use error::Error;
pub use event::{Changes, Event, HostData, InviteEnd, Released, RemovalReason};
pub use groups::{ENCOUNTER, ENCOUNTERS_MAX, GROUPS_MAX};
pub use header::{Header, LeaderLost, Participant, ReservationClock, Seats, Team, TicketRef};
pub use initialization::{Failure, Initialization, MemberInitialization, Stage};
pub use invites::{INVITE_CONTEXT_BYTES_MAX, INVITED_LATELY_MAX, INVITES_MAX, Invite, Invites};
pub use limits::{
    BROWSER_ENTRY_BYTES_MAX, CONNECTED_MAX, HEADER_BYTES_MAX, KEYWORDS_MAX, KeyError,
    MEMBER_BYTES_MAX, MEMBERS_AT_ONCE, SERVERS_MAX, SESSION_CUSTOM_BYTES_MAX,
    TICKET_CUSTOM_BYTES_MAX, TURN_MAX, bad_keys,
};
pub use liveness::{AllPresent, Liveness, Presence, Suspects};
pub use member::{JoinedState, Member, MemberState};
pub use owners::BLOCKED_MAX;
pub use password::{PasswordDigest, SetPassword};
pub use places::PlayerSeats;
pub use roles::{MATCH_ROLE, ROLE_WEIGHT_MAX};
pub use standing::{OwnProperties, Permission, Ranks, Standing, StandingCommand};
pub use subscriptions::{SUBSCRIPTIONS_MAX, Subscribe, TITLE_DIGITS_MAX};

/// A committed session. Memory: the documents and about 100 bytes of index a member.
#[derive(Debug, Clone)]
pub struct Session {
    constants: Arc<Constants>,
    header: Arc<Header>,
    members: BTreeMap<u32, Arc<Member>>,
    by_player: BTreeMap<PlayerId, u32>,
    /// Members with a clock that runs, by when it runs out.
    due: BTreeSet<(Timestamp, u32)>,
    /// Ready and active members: the line of succession, and who is asked for.
    engaged: BTreeSet<Seniority>,
    /// Inactive members.
    away: BTreeSet<Seniority>,
    /// Members who are in a group or were a while ago, by group (R35).
    grouped: BTreeMap<Name, BTreeSet<u32>>,
}

impl Session {
    /// The constants of its type.
    pub fn constants(&self) -> &Arc<Constants> {
        &self.constants
    }

    /// Everything but the members.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// The members, by index.
    pub fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.values()
    }

    /// The members from an index on, by index.
    pub fn members_from(&self, from: Bound<u32>) -> impl Iterator<Item = &Arc<Member>> {
        self.members
            .range((from, Bound::Unbounded))
            .map(|(_, member)| member)
    }

    /// The member at this index.
    pub fn member(&self, index: u32) -> Option<&Arc<Member>> {
        self.members.get(&index)
    }

    /// The seat of this player, reserved or joined.
    pub fn member_of(&self, player: &PlayerId) -> Option<&Arc<Member>> {
        self.members.get(self.by_player.get(player)?)
    }

    /// The leader.
    pub fn leader(&self) -> Option<&Arc<Member>> {
        self.members.get(&self.header.leader?)
    }

    /// Seats taken, reserved ones included.
    pub fn seats_taken(&self) -> u32 {
        self.header.seats.taken()
    }

    /// Seats in all.
    pub fn max_members(&self) -> u32 {
        limits::max_members(&self.constants, &self.header)
    }

    /// What it can do: what its type says, and what its creator added (R40).
    pub fn capabilities(&self) -> Capabilities {
        let of_type = self.constants.session_type.capabilities;
        of_type.or(self.header.capabilities)
    }

    /// Who may see it.
    pub fn visibility(&self) -> Visibility {
        admission::visibility(&self.constants, &self.header)
    }

    /// When something will happen to the document next by itself, presence aside. O(1).
    pub fn next_timer(&self) -> Option<Timestamp> {
        let first = self.due.first().map(|&(at, _)| at);
        deadlines::next(&self.constants, &self.header, first, self.has_heir())
    }

    /// When the server must look at the session by itself (row 11). O(1).
    ///
    /// A session that holds something outside itself (an open instance, a live ticket) is looked at whenever
    /// a timer is due; any other only if a sweep interval is configured, at [`next_timer`](Self::next_timer).
    pub fn sweep_at(&self) -> Option<Timestamp> {
        deadlines::holds_something(&self.constants, &self.header)
            .then(|| self.next_timer())
            .flatten()
    }

    /// Whether a player may look at the session, and not just guess that it exists (A.3b). O(members) where
    /// reading is restricted to those whom a member follows or who are near one, else O(invites).
    pub fn is_visible_to(&self, looker: &Looker<'_>) -> bool {
        self.by_player.contains_key(looker.player)
            || admission::may_look(&self.constants, &self.header, looker, self.members())
    }

    fn has_heir(&self) -> bool {
        let (engaged, away) = (self.engaged.first(), self.away.first());
        let leader = self.leader().map(|leader| &**leader);
        leader::heir(leader, engaged.copied(), away.copied()).is_some()
    }

    fn instance_settings(&self) -> Option<&InstanceSettings> {
        self.constants.session_type.instance.as_ref()
    }

    /// A session as the store has it. O(members · log members).
    ///
    /// Seat counts are taken from the members, whatever the header says.
    pub fn load(constants: Arc<Constants>, mut header: Header, members: Vec<Member>) -> Session {
        header.seats = Seats::default();
        for team in &mut header.teams {
            team.taken = 0;
        }
        header.ranks.recount();
        for member in &members {
            header.count(member.state, member.team, 1);
            initialization::count(&constants.session_type.together, &mut header, member, 1);
            header.ranks.count(member, 1);
        }
        let mut session = Session::bare(constants, header);
        for member in members {
            session.insert(Arc::new(member));
        }
        session
    }

    /// A session without members. Callers that have members insert them.
    fn bare(constants: Arc<Constants>, header: Header) -> Session {
        Session {
            constants,
            header: Arc::new(header),
            members: BTreeMap::new(),
            by_player: BTreeMap::new(),
            due: BTreeSet::new(),
            engaged: BTreeSet::new(),
            away: BTreeSet::new(),
            grouped: BTreeMap::new(),
        }
    }

    /// A place to settle and change the session without touching it. O(1).
    pub fn draft(&self) -> Draft<'_> {
        Draft::new(self)
    }

    /// Takes over what a draft of this very session changed, after the store has it. O(changed · log members),
    /// or O(members · log members) when a clock of many members changed (row 47, F29).
    ///
    /// Of a deleted session nothing but the last header is left.
    pub fn commit(&mut self, changes: Changes) {
        let Some(header) = changes.header else { return };
        let clock_changed = !deadlines::same_clocks(&self.header, &header);
        for (index, member) in changes.members {
            self.remove(index);
            if let Some(member) = member {
                self.insert(member);
            }
        }
        self.header = header;
        if clock_changed {
            self.due = self
                .members
                .values()
                .filter_map(|member| {
                    Some((
                        deadlines::member(&self.constants, &self.header, member)?,
                        member.index,
                    ))
                })
                .collect();
        }
    }

    fn insert(&mut self, member: Arc<Member>) {
        let index = member.index;
        if let Some(at) = deadlines::member(&self.constants, &self.header, &member) {
            self.due.insert((at, index));
        }
        if let Some(seniority) = Seniority::of(&member) {
            let line = if member.is_engaged() {
                &mut self.engaged
            } else {
                &mut self.away
            };
            line.insert(seniority);
        }
        for group in member.standing.visits.keys() {
            self.grouped.entry(group.clone()).or_default().insert(index);
        }
        self.by_player.insert(member.player.clone(), index);
        self.members.insert(index, member);
    }

    fn remove(&mut self, index: u32) {
        let Some(member) = self.members.remove(&index) else {
            return;
        };
        if let Some(at) = deadlines::member(&self.constants, &self.header, &member) {
            self.due.remove(&(at, index));
        }
        if let Some(seniority) = Seniority::of(&member) {
            self.engaged.remove(&seniority);
            self.away.remove(&seniority);
        }
        for group in member.standing.visits.keys() {
            if let Some(of_group) = self.grouped.get_mut(group) {
                of_group.remove(&index);
                if of_group.is_empty() {
                    self.grouped.remove(group);
                }
            }
        }
        if self.by_player.get(&member.player) == Some(&index) {
            self.by_player.remove(&member.player);
        }
    }
}
