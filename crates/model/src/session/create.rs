//! Making a session (R7, R22, rows 16, 20, 32).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::{
    Actor, Changes, Constants, Draft, Error, HEADER_BYTES_MAX, Header, InstanceRequest, Join,
    KEYWORDS_MAX, Matched, PasswordDigest, ReservationClock, SESSION_CUSTOM_BYTES_MAX, Seats,
    Session, Team, TypeConstant, limits, places::Place,
};
use crate::session_type::{Capabilities, CustomData, Joinability, Visibility};
use crate::{InstanceId, MatchId, Name, PlayerId, Region, SessionId, Timestamp};

/// A session to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// Never used before.
    pub id: SessionId,
    /// Change numbers count within it.
    pub branch: Uuid,
    /// The constants of its type.
    pub constants: Arc<Constants>,
    /// Where it is to be hosted.
    pub region: Option<Region>,
    /// Who makes it.
    pub created_by: Actor,
    /// Instead of the type's, where the type leaves it open (row 32).
    pub joinability: Option<Joinability>,
    /// What joiners must know (F6).
    pub password: Option<PasswordDigest>,
    /// Instead of the type's, where the type leaves it open (row 32).
    pub visibility: Option<Visibility>,
    /// Instead of the type's, where the type leaves it open (row 32).
    pub max_members: Option<u32>,
    /// Added to the type's, where the type leaves them open (R23).
    pub capabilities: Capabilities,
    /// What it is searched by.
    pub keywords: BTreeSet<Name>,
    /// The studio's own data.
    pub custom_data: CustomData,
    /// The studio's own schemaless JSON.
    pub custom: Value,
    /// The studio's own schemaless constants (R7).
    pub constants_custom: Value,
    /// The queue's names for the teams; may be empty.
    pub team_names: Vec<Name>,
    /// Who gets a seat from the start: first those who are in, then those with a reservation, then spectators with
    /// one, each in order. A player seats himself and leads.
    pub members: Vec<NewSeat>,
    /// The roles that a match gave to players who get a seat.
    pub roles: BTreeMap<PlayerId, Name>,
    /// Whether they are brought together before they play, as the first episode (F29).
    pub initialize: bool,
    /// A host to ask for at once.
    pub instance: Option<InstanceRequest>,
    /// The match that it is made by.
    pub match_id: Option<MatchId>,
    /// The queue whose match it is.
    pub queue: Option<Name>,
    /// Whether a row beside it keeps what its players were matched with.
    pub keeps_tickets: bool,
    /// The id of the instance that its type launches by itself; never used before.
    pub launch: Option<InstanceId>,
    /// Whether it is one of those that are kept running.
    pub kept: bool,
}

/// Somebody who gets a seat as the session is made.
#[derive(Debug, Clone, PartialEq)]
pub enum NewSeat {
    /// A seat is held for him.
    Reserved {
        /// For whom.
        player: PlayerId,
        /// On which team; `None`: the one with the fewest seats taken.
        team: Option<u8>,
    },
    /// A seat among the spectators is held for him.
    ReservedSpectator {
        /// For whom.
        player: PlayerId,
    },
    /// He is in from the start.
    Joined(Box<Join>),
}

impl NewSession {
    /// A session with nothing but what it must have.
    pub fn new(id: SessionId, branch: Uuid, constants: Arc<Constants>, created_by: Actor) -> Self {
        Self {
            id,
            branch,
            constants,
            region: None,
            created_by,
            joinability: None,
            password: None,
            visibility: None,
            max_members: None,
            capabilities: Capabilities::default(),
            keywords: BTreeSet::new(),
            custom_data: CustomData::new(),
            custom: Value::Null,
            constants_custom: Value::Null,
            team_names: Vec::new(),
            members: Vec::new(),
            roles: BTreeMap::new(),
            initialize: false,
            instance: None,
            match_id: None,
            queue: None,
            keeps_tickets: false,
            launch: None,
            kept: false,
        }
    }

    /// Refuses another value for a key that the YAML writes out (R22, row 16).
    fn require_open<T: PartialEq>(
        &self,
        key: TypeConstant,
        asked: Option<T>,
        written: T,
    ) -> Result<(), Error> {
        let conflict = self.constants.written.contains(&key);
        match asked {
            Some(asked) if conflict && asked != written => Err(Error::FixedByType(key.key())),
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let of_type = &self.constants.session_type;
        let may = match self.created_by {
            Actor::Player(_) => of_type.creation.by_players,
            Actor::Server => of_type.creation.by_servers,
            Actor::Admin => true,
            Actor::Host(_) => false,
            Actor::Service => self.match_id.is_none() || of_type.creation.by_matchmaking,
        };
        if !may {
            return Err(Error::CreationNotAllowed);
        }
        self.require_open(
            TypeConstant::Joinability,
            self.joinability,
            of_type.joinability,
        )?;
        self.require_open(
            TypeConstant::Visibility,
            self.visibility,
            of_type.visibility,
        )?;
        let added = self.capabilities.or(of_type.capabilities) != of_type.capabilities;
        if added && self.constants.written.contains(&TypeConstant::Capabilities) {
            return Err(Error::FixedByType(TypeConstant::Capabilities.key()));
        }
        if of_type.large && self.capabilities.connectivity {
            return Err(Error::NotOnLarge("capability `connectivity`"));
        }
        if of_type.large && self.joinability.is_some_and(Joinability::asks_members) {
            return Err(Error::NotOnLarge("joinability that asks its members"));
        }
        let max_members = of_type.size.max_members;
        self.require_open(TypeConstant::MaxMembers, self.max_members, max_members)?;
        if self.max_members == Some(0) {
            return Err(Error::Invalid("`max_members` must be at least 1"));
        }
        let spectators = of_type.size.spectators;
        if self.max_members.is_some_and(|asked| asked <= spectators) {
            return Err(Error::Invalid(
                "`max_members` leaves no seat for a player beside the spectators",
            ));
        }
        // A type's own maximum is what its large or small size was checked against.
        if self.max_members.is_some_and(|asked| asked > max_members) {
            return Err(Error::Invalid(
                "`max_members` is more than the session type allows",
            ));
        }
        let ends_at_once = of_type
            .timeouts
            .session_empty
            .is_some_and(|span| span == crate::Millis(0));
        if self.members.is_empty() && ends_at_once && !self.kept {
            return Err(Error::EmptyCreate);
        }
        check_keywords(&self.keywords)?;
        let own = (&self.custom, &self.custom_data);
        limits::check_size("session's own data", SESSION_CUSTOM_BYTES_MAX, &own)?;
        limits::check_custom_data(&self.custom_data, &of_type.custom_data_limits)
    }

    fn header(&self, now: Timestamp) -> Header {
        let of_type = &self.constants.session_type;
        let browser = &of_type.formation.browser;
        let teams = usize::from(of_type.size.teams.unwrap_or(1).max(1));
        let awaits = self.match_id.is_some() && self.instance.is_some();
        Header {
            id: self.id,
            session_type: of_type.name.clone(),
            type_revision: self.constants.type_revision,
            region: self.region.clone(),
            branch: self.branch,
            change_number: 0,
            created_at: now,
            created_by: self.created_by.clone(),
            visibility: self.visibility.filter(|&asked| asked != of_type.visibility),
            capabilities: self.capabilities,
            max_members: self
                .max_members
                .filter(|&asked| asked != of_type.size.max_members),
            joinability: self.joinability.unwrap_or(of_type.joinability),
            closed: false,
            password: self.password.clone(),
            invites: Default::default(),
            short_code: None,
            next_index: 0,
            leader: None,
            leader_lost: None,
            empty_since: Some(now),
            seats: Seats::default(),
            teams: (0..teams)
                .map(|team| Team {
                    name: self.team_names.get(team).cloned(),
                    ..Team::default()
                })
                .collect(),
            reservation_clock: if awaits {
                ReservationClock::AwaitsInstance
            } else {
                ReservationClock::Running
            },
            keywords: folded(&self.keywords),
            turn: Vec::new(),
            custom_data: self.custom_data.clone(),
            custom: self.custom.clone(),
            constants_custom: self.constants_custom.clone(),
            servers: Default::default(),
            ranks: Default::default(),
            ticket: None,
            match_id: self.match_id,
            instance: None,
            initialization: None,
            host: None,
            host_candidates: Vec::new(),
            browser_entry: browser.auto_register.then(|| browser.params.clone()),
            matched: self.queue.clone().map(|queue| Matched {
                queue,
                tickets: self.keeps_tickets.then_some(1),
            }),
            backfill: None,
            kept: self.kept,
        }
    }
}

/// Keywords are compared without case.
pub(super) fn folded(keywords: &BTreeSet<Name>) -> BTreeSet<Name> {
    keywords.iter().map(Name::folded).collect()
}

pub(super) fn check_keywords(keywords: &BTreeSet<Name>) -> Result<(), Error> {
    if keywords.len() > KEYWORDS_MAX {
        return Err(Error::Invalid("a session has at most 20 `keywords`"));
    }
    Ok(())
}

impl Session {
    /// Makes a session: what to store, and the session as it is once that is stored. O(members).
    pub fn create(new: NewSession, now: Timestamp) -> Result<(Session, Changes), Error> {
        new.check()?;
        let header = new.header(now);
        limits::check_size("session", HEADER_BYTES_MAX, &header)?;
        let mut session = Session::bare(new.constants.clone(), header);
        let mut draft = session.draft();
        draft.seat_all(&new, now)?;
        draft.enlist_from(0, new.initialize, now)?;
        if let Some(request) = &new.instance {
            draft.request_instance(request, now)?;
        }
        if let Some(id) = new.launch.filter(|_| draft.launch_at().is_some()) {
            draft.request_instance(&InstanceRequest::of_type(id), now)?;
        }
        let changes = draft.finish(now);
        session.commit(changes.clone());
        Ok((session, changes))
    }
}

impl Draft<'_> {
    /// Seats whom the creator brings along. A player joins only himself, and does so before he reserves; what
    /// becomes of those whom a team does not hold is the rule of every reservation (F12).
    fn seat_all(&mut self, new: &NewSession, now: Timestamp) -> Result<(), Error> {
        let (mut players, mut spectators) = (Vec::new(), Vec::new());
        for seat in &new.members {
            match seat {
                NewSeat::Reserved { player, team } => {
                    players.push((player.clone(), team.map_or(Place::Any, Place::Team)));
                }
                NewSeat::ReservedSpectator { player } => {
                    spectators.push((player.clone(), Place::Spectators));
                }
                NewSeat::Joined(join) => self.seat_joined(&new.created_by, join, now)?,
            }
        }
        for seats in [players, spectators] {
            if !seats.is_empty() {
                self.reserve(&new.created_by, &seats, now)?;
            }
        }
        self.give_roles(&new.roles)
    }

    fn seat_joined(&mut self, creator: &Actor, join: &Join, now: Timestamp) -> Result<(), Error> {
        Self::require_self(creator, &join.player)?;
        if self.member_of(&join.player).is_some() {
            return Err(Error::AlreadyMember);
        }
        let member = self.new_member(join, now)?;
        self.seat(member, join, now)?;
        self.bring(creator, join, now)
    }
}
