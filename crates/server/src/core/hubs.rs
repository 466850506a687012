//! The hub rule: who creates or joins a hub is led to a session with space, else a new one is made (R78, rows 18, 40).

use std::collections::BTreeSet;
use std::sync::Arc;

use model::formation::Hub;
use model::session::{Actor, Command, Draft, Error as Law, Join, NewSeat};
use model::{Name, PlayerId, Region, SessionId, wire};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::asked::{Asked, left_by, reader};
use super::listings::Wanted;
use super::subscriptions::Way;
use super::write::{Refusal, not_found};
use super::{Core, sessions};
use crate::{Error, Principal};

/// Sessions that are tried for one request at most.
const TRIES_MAX: usize = 16;
/// Sessions that are brought up to date before one of them is picked, at most.
const LOOKS_MAX: usize = 64;

/// Hubs in the making: one at a time, so that two who find no space do not make two.
#[derive(Default)]
pub(crate) struct Hubs {
    making: Arc<Mutex<()>>,
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
    /// It is for players of other platforms, or with other versions of the game.
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

    /// What a player's join of a hub by its id comes to in the end: who got in leaves his other sessions of the type
    /// (a hop between layers, row 40); whom it did not take in is led to another one.
    ///
    /// # Errors
    /// As the join, where no other session of the type takes him in either.
    pub(crate) async fn joined_hub(
        &self,
        asked: &Asked<'_>,
        join: Join,
        outcome: Result<(bool, wire::Session), Error>,
    ) -> Result<(bool, wire::Session), Error> {
        let hub = self.listings.hub(asked.session);
        let (Principal::Player { .. }, Some((name, region))) = (asked.who, hub) else {
            return outcome;
        };
        let visitor = Visitor {
            who: asked.who,
            join,
            party: Vec::new(),
            region,
            dry_run: asked.dry_run,
        };
        let refused = match outcome {
            Ok((true, session)) => {
                if !asked.dry_run {
                    let player = &visitor.join.player;
                    self.leave_other_hubs(player, &name, asked.session).await?;
                }
                return Ok((true, session));
            }
            Err(error) if leads_on(&error) => error,
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
        let player = &visitor.join.player;
        self.leave_other_hubs(player, &header.session_type, header.id)
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
        for own in self.own_hubs(&visitor.join.player, of_type).await? {
            if without.insert(own)
                && let Entered::In(session, _) = self.try_enter(visitor, own).await?
            {
                count("own");
                return Ok(Led::Into(session, false));
            }
        }
        let mut making = None;
        let mut others = false;
        for _ in 0..TRIES_MAX {
            let wanted = Wanted {
                of_type,
                region: visitor.region.as_ref().filter(|_| hub.match_region),
                seats: u32::try_from(1 + visitor.party.len()).unwrap_or(u32::MAX),
                without: &without,
            };
            for id in self.listings.stale(&wanted, self.now(), LOOKS_MAX) {
                match self.settled(id).await {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            match (self.listings.pick(&wanted, hub.placement), making.take()) {
                (Some(id), _) => {
                    match self.try_enter(visitor, id).await? {
                        Entered::In(session, joined) => {
                            count("existing");
                            if !visitor.dry_run {
                                let player = &visitor.join.player;
                                self.leave_other_hubs(player, of_type, id).await?;
                            }
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
            // Where most sessions are for other platforms or versions, those of his own are not found by trying.
            count("new");
            let making = self.hubs.making.clone().lock_owned().await;
            return Ok(Led::Nowhere(making));
        }
        metrics::counter!("muster_hub_tries_full_total").increment(1);
        Err(Error::Overloaded)
    }

    /// The visitor's seat and those of his party, all or none, in one write set.
    async fn try_enter(&self, visitor: &Visitor<'_>, id: SessionId) -> Result<Entered, Error> {
        let asked = Asked {
            dry_run: visitor.dry_run,
            ..Asked::always(visitor.who, id)
        };
        let entered = self
            .write_asked(&asked, |by, draft, _, now| {
                let known = draft.member_of(&visitor.join.player);
                let joined = known.is_none_or(|member| !member.is_joined());
                // Nobody is led to where he would not be let in; who is there already stays (rows 38, 40).
                if joined && !draft.suits(visitor.join.client_version.as_deref()) {
                    return Err(Law::ClientMismatch.into());
                }
                draft.apply(by, &Command::Join(visitor.join.clone()), now)?;
                hold_seats(draft, &visitor.party, now)?;
                Ok(joined)
            })
            .await;
        match entered {
            Ok(written) => {
                let session = Box::new(left_by(&asked, &written)?);
                Ok(Entered::In(session, written.result))
            }
            Err(Error::Law(Law::CrossPlay | Law::ClientMismatch)) => Ok(Entered::ForOthers),
            Err(error) if leads_on(&error) => Ok(Entered::NotNow),
            Err(error) => Err(error),
        }
    }

    /// Sessions of a hub type in which a player has a seat, the oldest first.
    async fn own_hubs(&self, player: &PlayerId, of_type: &Name) -> Result<Vec<SessionId>, Error> {
        let things = self.things(player).await?;
        let of_hub = |id: &SessionId| {
            self.listings
                .hub(*id)
                .is_some_and(|(name, _)| name == *of_type)
        };
        Ok(things.sessions.into_keys().filter(of_hub).collect())
    }

    /// A player is in one session of a hub type. Should the process end before he has left the others, his next hop
    /// leaves them.
    pub(crate) async fn leave_other_hubs(
        &self,
        player: &PlayerId,
        of_type: &Name,
        here: SessionId,
    ) -> Result<(), Error> {
        for other in self.own_hubs(player, of_type).await? {
            if other == here {
                continue;
            }
            let leave = Command::Leave {
                player: player.clone(),
            };
            let by = Actor::Player(player.clone());
            let left = self
                .write(other, |draft, _, now| Ok(draft.apply(&by, &leave, now)?))
                .await;
            match left {
                Ok(_) | Err(Error::NotFound { .. } | Error::Law(_)) => {}
                Err(error) => return Err(error),
            }
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

/// Whether another session may take in whom this one did not.
fn leads_on(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Law(law) => matches!(
            law,
            Law::SessionFull
                | Law::SpectatorsFull
                | Law::TeamFull
                | Law::Closed
                | Law::NotAdmitted
                | Law::Blocked
                | Law::CrossPlay
                | Law::ClientMismatch
                | Law::WrongPassword
                | Law::InitializationFailed
                | Law::SessionEnded
        ),
        _ => false,
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("muster_hub_routes_total", "outcome" => outcome).increment(1);
}
