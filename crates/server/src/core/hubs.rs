//! The hub rule: who creates or joins a hub is led to a session with space, else a new one is made (R78, rows 18, 40).

use std::collections::BTreeSet;
use std::sync::Arc;

use model::formation::Hub;
use model::session::{Actor, Command, Draft, Error as Law, Join, NewSeat};
use model::{Name, PlayerId, Region, SessionId, wire};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::asked::{Asked, left_by, reader};
use super::idempotency::Idempotency;
use super::listings::Wanted;
use super::subscriptions::Way;
use super::write::{Refusal, not_found};
use super::{Core, sessions};
use crate::{Error, Principal};

/// Sessions that are tried for one request at most.
const TRIES_MAX: usize = 16;
/// Sessions that are brought up to date in one round before one of them is picked.
const LOOKS_MAX: usize = 64;
/// Such rounds, at most.
const ROUNDS_MAX: usize = 64;

/// Players are told apart by so many locks.
const MOVING: usize = 64;

/// Who waits for whom on the way into hubs. A player's own lock comes first, then that of hubs in the making, then the
/// slot of a session.
pub(crate) struct Hubs {
    /// One at a time, so that two who find no space do not make two.
    making: Arc<Mutex<()>>,
    /// A player moves one step at a time: two hops at once would each leave the other's hub.
    moving: [Arc<Mutex<()>>; MOVING],
}

impl Default for Hubs {
    fn default() -> Self {
        Self {
            making: Arc::default(),
            moving: std::array::from_fn(|_| Arc::default()),
        }
    }
}

impl Hubs {
    /// That nobody else moves this player as long as it is held.
    async fn moving(&self, player: &PlayerId) -> OwnedMutexGuard<()> {
        let bytes = player.as_str().bytes();
        let sum = bytes.fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
        self.moving[sum % MOVING].clone().lock_owned().await
    }
}

/// A player on his way into a hub.
struct Visitor<'a> {
    who: &'a Principal,
    join: Join,
    /// Players of his party, for whom seats are held beside his.
    party: Vec<PlayerId>,
    /// Where he wants to play.
    region: Option<Region>,
    dry_run: bool,
    /// Remembers, in the write set that lets him in, what his request came to.
    key: Option<&'a Idempotency>,
}

/// Where a visitor has got to.
pub(crate) enum Led {
    /// Into this session; `true`: he was no member before.
    Into(Box<wire::Session>, bool),
    /// Nowhere: no session has space, and while this is held nobody else makes one.
    Nowhere(OwnedMutexGuard<()>),
}

/// What came of trying one session.
enum Entered {
    /// The visitor is in; `true`: he was no member before.
    In(Box<wire::Session>, bool),
    /// It is for others for as long as it is there: another platform or version of the game, a full team, an owner
    /// who has blocked him.
    ForOthers,
    /// It does not take him in.
    NotNow,
}

impl Core {
    /// Leads a player who creates a session of a hub type; `None` for everybody and everything else. Seats of his
    /// party are added to those that a new session is to hold.
    ///
    /// # Errors
    /// 403 for who does not lead the party that he names, 404 for an unknown one, 422 for a party where there is no
    /// hub; what the law has against him wherever he comes.
    pub(crate) async fn lead_creator(
        &self,
        who: &Principal,
        body: &mut wire::CreateSession,
        key: Option<&Idempotency>,
        dry_run: bool,
    ) -> Result<Option<Led>, Error> {
        let constants = self.revisions.current(&body.r#type);
        let of_type = constants.as_ref().map(|constants| &constants.session_type);
        let hub = of_type.and_then(|of_type| Some((of_type.name.clone(), of_type.formation.hub?)));
        let (Principal::Player { player, .. }, Some((name, hub))) = (who, hub) else {
            if body.party.is_some() {
                return Err(Error::Invalid {
                    field: "party".into(),
                    detail: "only players bring their party along, and only to a hub".into(),
                });
            }
            return Ok(None);
        };
        if let Some(field) = said_of_new(body) {
            return Err(Error::Invalid {
                field: field.into(),
                detail: "who comes to a hub may be led to one that is there, so a player cannot say this; name your \
                         `party` to bring others along"
                    .into(),
            });
        }
        if let Some(made) = self.made_by(key).await? {
            let made = made.parse().map_err(|_| Error::IdempotencyKeyReused)?;
            let session = self.read_session(who, made).await?;
            return Ok(Some(Led::Into(Box::new(session), false)));
        }
        let party = match body.party {
            Some(party) if hub.keep_parties_together => self.party(who, player, party).await?,
            _ => Vec::new(),
        };
        let me = body.me.clone().unwrap_or_else(sessions::taking_part);
        let mut join = sessions::join(who, player.clone(), me)?;
        let way = Way::Makes(&name);
        self.count_subscribed(who, way, &mut join.own.subscriptions)
            .await?;
        let visitor = Visitor {
            who,
            join,
            party,
            region: body.region.clone(),
            dry_run,
            key,
        };
        let led = self.lead(&visitor, &name, hub, BTreeSet::new()).await?;
        let seats = visitor.party.into_iter().map(|player| wire::Reservation {
            player,
            team: None,
            spectator: false,
        });
        body.reserve.extend(seats);
        Ok(Some(led))
    }

    /// That nobody else moves a player who creates a session of this type; `None` where it is no hub.
    pub(crate) async fn moving_in(
        &self,
        who: &Principal,
        of_type: &str,
    ) -> Option<OwnedMutexGuard<()>> {
        let Principal::Player { player, .. } = who else {
            return None;
        };
        let constants = self.revisions.current(of_type)?;
        constants.session_type.formation.hub?;
        Some(self.hubs.moving(player).await)
    }

    /// The same while somebody joins a session by its id.
    pub(crate) async fn moving_to(
        &self,
        id: SessionId,
        player: &PlayerId,
    ) -> Option<OwnedMutexGuard<()>> {
        self.listings.hub(id)?;
        Some(self.hubs.moving(player).await)
    }

    /// What a join of a hub by its id comes to in the end: who got in leaves his other sessions of the type (a hop
    /// between layers, row 40); a player whom it did not take in is led to another one.
    ///
    /// # Errors
    /// As the join, where no other session of the type takes him in either.
    pub(crate) async fn joined_hub(
        &self,
        asked: &Asked<'_>,
        join: Join,
        outcome: Result<(bool, wire::Session), Error>,
    ) -> Result<(bool, wire::Session), Error> {
        let Some((name, region)) = self.listings.hub(asked.session) else {
            return outcome;
        };
        let is_player = matches!(asked.who, Principal::Player { .. });
        let visitor = Visitor {
            who: asked.who,
            join,
            party: Vec::new(),
            region,
            dry_run: asked.dry_run,
            key: None,
        };
        let refused = match outcome {
            Ok((true, session)) => {
                self.has_come(&visitor, &name, asked.session).await?;
                return Ok((true, session));
            }
            Err(error) if is_player && (leads_on(&error) || for_others(&error)) => error,
            outcome => return outcome,
        };
        let Some(constants) = self.revisions.current(name.as_str()) else {
            return Err(refused);
        };
        let of_type = constants.session_type.clone();
        let Some(hub) = of_type.formation.hub else {
            return Err(refused);
        };
        let without = BTreeSet::from([asked.session]);
        let _making = match self.lead(&visitor, &name, hub, without).await? {
            Led::Into(session, joined) => return Ok((joined, *session)),
            Led::Nowhere(_) if !of_type.creation.by_players => return Err(refused),
            Led::Nowhere(making) => making,
        };
        let now = self.now();
        let mut new = self.blank_session(constants, super::actor(asked.who), now);
        new.region.clone_from(&visitor.region);
        new.members
            .push(NewSeat::Joined(Box::new(visitor.join.clone())));
        let session = self.make_hub(&visitor, new, now).await?;
        Ok((true, session))
    }

    async fn make_hub(
        &self,
        visitor: &Visitor<'_>,
        new: model::session::NewSession,
        now: model::Timestamp,
    ) -> Result<wire::Session, Error> {
        let (session, changes) = model::Session::create(new, now)?;
        if visitor.dry_run {
            return Ok(super::asked::seen_by(visitor.who, &session));
        }
        let session = self.insert_session(session, changes, None, now).await?;
        let header = session.header();
        self.has_come(visitor, &header.session_type, header.id)
            .await?;
        Ok(super::asked::seen_by(visitor.who, &session))
    }

    /// Leads a visitor into a session of a hub type: his own if he has one, else one with space.
    async fn lead(
        &self,
        visitor: &Visitor<'_>,
        of_type: &Name,
        hub: Hub,
        mut without: BTreeSet<SessionId>,
    ) -> Result<Led, Error> {
        let region = visitor.region.as_ref().filter(|_| hub.match_region);
        for (own, joined) in self.own_hubs(&visitor.join.player, of_type).await? {
            // Anybody may hold a seat for anybody: it leads nobody away from where he wants to play.
            let elsewhere = !joined && !self.listings.is_in(of_type, own, region);
            if !elsewhere
                && without.insert(own)
                && let Entered::In(session, _) = self.try_enter(visitor, own).await?
            {
                count("own");
                self.has_come(visitor, of_type, own).await?;
                return Ok(Led::Into(session, false));
            }
        }
        let mut making = None;
        let mut others = false;
        for _ in 0..TRIES_MAX {
            let wanted = Wanted {
                of_type,
                region,
                seats: u32::try_from(1 + visitor.party.len()).unwrap_or(u32::MAX),
                without: &without,
            };
            self.refresh(&wanted).await?;
            match (self.listings.pick(&wanted, hub.placement), making.take()) {
                (Some(id), _) => {
                    match self.try_enter(visitor, id).await? {
                        Entered::In(session, joined) => {
                            count("existing");
                            self.has_come(visitor, of_type, id).await?;
                            return Ok(Led::Into(session, joined));
                        }
                        Entered::ForOthers => others = true,
                        Entered::NotNow => {}
                    }
                    without.insert(id);
                }
                // Whoever had his turn before may have made one: it is looked once more.
                (None, None) => making = Some(self.hubs.making.clone().lock_owned().await),
                (None, Some(making)) => {
                    count("new");
                    return Ok(Led::Nowhere(making));
                }
            }
        }
        if others {
            // Where most sessions are for others, those for him are not found by trying.
            count("new");
            let making = self.hubs.making.clone().lock_owned().await;
            return Ok(Led::Nowhere(making));
        }
        metrics::counter!("muster_hub_tries_full_total").increment(1);
        Err(Error::Overloaded)
    }

    /// A visitor is where he wanted to be: he leaves his other hubs.
    async fn has_come(
        &self,
        visitor: &Visitor<'_>,
        of_type: &Name,
        here: SessionId,
    ) -> Result<(), Error> {
        if visitor.dry_run {
            return Ok(());
        }
        self.leave_other_hubs(&visitor.join.player, of_type, here)
            .await
    }

    /// Brings up to date what is listed of hubs, all that it takes to say whether one has space.
    async fn refresh(&self, wanted: &Wanted<'_>) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            let stale = self.listings.stale(wanted, self.now(), LOOKS_MAX);
            let all = stale.len() < LOOKS_MAX;
            for id in stale {
                self.settled_if_there(id).await?;
            }
            if all {
                break;
            }
        }
        Ok(())
    }

    /// The visitor's seat and those of his party, all or none, in one write set.
    async fn try_enter(&self, visitor: &Visitor<'_>, id: SessionId) -> Result<Entered, Error> {
        let asked = Asked {
            dry_run: visitor.dry_run,
            ..Asked::always(visitor.who, id)
        };
        let entered = self
            .write_asked(&asked, |by, draft, along, now| {
                let known = draft.member_of(&visitor.join.player);
                let joined = known.is_none_or(|member| !member.is_joined());
                // Nobody is led to where he would not be let in; who is there already stays (rows 38, 40).
                if joined && !draft.suits(visitor.join.client_version.as_deref()) {
                    return Err(Law::ClientMismatch.into());
                }
                draft.apply(by, &Command::Join(visitor.join.clone()), now)?;
                hold_seats(draft, &visitor.party, now)?;
                if let Some(key) = visitor.key {
                    along.items.push(key.item(id, now)?);
                }
                Ok(joined)
            })
            .await;
        match entered {
            Ok(written) => {
                let session = Box::new(left_by(&asked, &written)?);
                Ok(Entered::In(session, written.result))
            }
            Err(error) if for_others(&error) => Ok(Entered::ForOthers),
            Err(error) if leads_on(&error) => Ok(Entered::NotNow),
            Err(error) => Err(error),
        }
    }

    /// Sessions of a hub type in which a player has a seat, and whether he has joined: first where he has, each the
    /// oldest first.
    async fn own_hubs(
        &self,
        player: &PlayerId,
        of_type: &Name,
    ) -> Result<Vec<(SessionId, bool)>, Error> {
        let things = self.things(player).await?;
        let of_hub = |id: &SessionId| {
            self.listings
                .hub(*id)
                .is_some_and(|(name, _)| name == *of_type)
        };
        let own = things.sessions.into_iter().filter(|(id, _)| of_hub(id));
        let mut own: Vec<_> = own.map(|(id, stand)| (id, stand.wanted)).collect();
        own.sort_by_key(|(_, joined)| !joined);
        Ok(own)
    }

    /// A player is in one session of a hub type. Should the process end before he has left the others, his next hop
    /// leaves them.
    pub(crate) async fn leave_other_hubs(
        &self,
        player: &PlayerId,
        of_type: &Name,
        here: SessionId,
    ) -> Result<(), Error> {
        for (other, joined) in self.own_hubs(player, of_type).await? {
            // A seat that is held for him is for him to take or to let go.
            if other == here || !joined {
                continue;
            }
            let leave = Command::Leave {
                player: player.clone(),
            };
            let by = Actor::Player(player.clone());
            self.try_command(other, &by, &leave).await?;
        }
        Ok(())
    }

    /// The joined members of the party that a player leads, but himself.
    async fn party(
        &self,
        who: &Principal,
        player: &PlayerId,
        id: SessionId,
    ) -> Result<Vec<PlayerId>, Error> {
        let party = self.settled(id).await?;
        reader(who, &party).ok_or_else(|| not_found(id))?;
        if party.constants().session_type.large {
            return Err(Law::NotOnLarge("party of a hub's visitors").into());
        }
        let leads = party
            .leader()
            .is_some_and(|leader| leader.player == *player);
        if !leads {
            return Err(Law::NotLeader.into());
        }
        let others = party
            .members()
            .filter(|member| member.is_joined() && member.player != *player);
        Ok(others.map(|member| member.player.clone()).collect())
    }
}

/// Seats for those of a party who have none; a party that does not fit as a whole is not taken in at all (row 18).
fn hold_seats(
    draft: &mut Draft<'_>,
    party: &[PlayerId],
    now: model::Timestamp,
) -> Result<(), Refusal> {
    let without: Vec<_> = party
        .iter()
        .filter(|player| draft.member_of(player).is_none())
        .map(|player| (player.clone(), None))
        .collect();
    if without.is_empty() {
        return Ok(());
    }
    let command = Command::Reserve {
        players: without,
        initialize: false,
    };
    draft.apply(&Actor::Service, &command, now)?;
    if party.iter().all(|player| draft.member_of(player).is_some()) {
        Ok(())
    } else {
        Err(Law::SessionFull.into())
    }
}

/// Whether another session may take in whom this one did not. Who has mistyped its password is told so.
fn leads_on(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Law(law) => matches!(
            law,
            Law::SessionFull
                | Law::Closed
                | Law::NotAdmitted
                | Law::PasswordNeeded
                | Law::SessionEnded
        ),
        _ => false,
    }
}

/// Whether it will not take him in later either.
fn for_others(error: &Error) -> bool {
    let Error::Law(law) = error else { return false };
    matches!(
        law,
        Law::CrossPlay
            | Law::ClientMismatch
            | Law::Blocked
            | Law::TeamFull
            | Law::SpectatorsFull
            | Law::InitializationFailed
    )
}

/// What a player says of a session that only a new one could be, by its field.
fn said_of_new(body: &wire::CreateSession) -> Option<&'static str> {
    let said = [
        ("reserve", !body.reserve.is_empty()),
        ("password", body.password.is_some()),
        ("max_members", body.max_members.is_some()),
        ("visibility", body.visibility.is_some()),
        ("joinability", body.joinability.is_some()),
        ("capabilities", !body.capabilities.is_none()),
    ];
    let first = said.into_iter().find(|(_, said)| *said);
    first.map(|(field, _)| field)
}

fn count(outcome: &'static str) {
    metrics::counter!("muster_hub_routes_total", "outcome" => outcome).increment(1);
}
