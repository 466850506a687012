//! When each clock of a session runs out (R48, A.2); due when the deadline is not after now.

use super::{Constants, Header, Initialization, Member, MemberState, ReservationClock, Stage};
use crate::formation::AutoLaunch;
use crate::instance::{CloseReason, InstanceStatus};
use crate::qos::MATCH_MEASUREMENT_MAX;
use crate::{Millis, Timestamp};

/// After an instance failed that launches by itself, the next one is asked for so much later.
const RELAUNCH_PAUSE: Millis = Millis::seconds(5);

/// Before any time at all: at the next look, whatever the clock says.
const AT_ONCE: Timestamp = Timestamp(i64::MIN);

/// When the member's state ends by itself; `None`: never (R51-R53).
pub(super) fn member(constants: &Constants, header: &Header, member: &Member) -> Option<Timestamp> {
    let timeouts = &constants.session_type.timeouts;
    if member.initialization.is_some_and(|of| of.failure.is_some()) {
        return Some(AT_ONCE);
    }
    let episode = episode(header, member);
    match member.state {
        MemberState::Reserved => {
            let (since, timeout) = match (episode, constants.session_type.together.initialization) {
                (Some(init), Some(settings)) => {
                    // Who waits for the next episode has no clock yet.
                    if member
                        .initialization
                        .is_some_and(|of| of.episode > init.episode)
                    {
                        return None;
                    }
                    let since = member.since.max(init.stage_started_at);
                    (since, Some(settings.join_timeout))
                }
                _ => (member.since, timeouts.reserved_removal),
            };
            let start = match header.reservation_clock {
                ReservationClock::Running => since,
                ReservationClock::AwaitsInstance => return None,
                ReservationClock::From(at) => since.max(at),
            };
            start.after(timeout)
        }
        MemberState::Ready if episode.is_some() => None,
        MemberState::Ready => member.since.after(timeouts.ready_removal),
        MemberState::Active => None,
        MemberState::Inactive => member.since.after(timeouts.inactive_removal),
    }
}

/// The episode, where the member is of it or waits for the next: its time-outs replace his own (F29).
fn episode<'h>(header: &'h Header, member: &Member) -> Option<&'h Initialization> {
    let of = member.initialization?;
    let init = header.initialization.as_ref();
    init.filter(|init| init.concerns(of.episode))
}

/// When the newcomers' episode goes on to its next stage; at once, when nobody is waited for (R55, R57, R58).
pub(super) fn stage(constants: &Constants, header: &Header) -> Option<Timestamp> {
    let settings = constants.session_type.together.initialization?;
    let init = header.initialization.as_ref()?;
    let since = init.stage_started_at;
    match init.stage {
        // Whoever is still to join has a clock of his own.
        Stage::Joining => (init.pending == 0).then_some(since),
        Stage::Measuring if init.pending == 0 => Some(since),
        Stage::Measuring if header.match_id.is_some() => {
            Some(since + settings.measurement_timeout.min(MATCH_MEASUREMENT_MAX))
        }
        Stage::Measuring => Some(since + settings.measurement_timeout),
        Stage::Evaluating if init.decision.is_some() => Some(since),
        Stage::Evaluating => Some(since + settings.evaluation_timeout),
        // After a first episode that failed nobody gets in, so nobody waits.
        Stage::Done | Stage::Failed => (init.waiting > 0).then_some(since),
    }
}

/// Whether no clock of many members at once differs between the two.
pub(super) fn same_clocks(a: &Header, b: &Header) -> bool {
    let episode = |header: &Header| {
        let init = header.initialization.as_ref();
        init.map(|init| (init.episode, init.stage, init.stage_started_at))
    };
    a.reservation_clock == b.reservation_clock && episode(a) == episode(b)
}

/// When the instance is closed for want of a host, or of a host that is ready (A.2).
pub(super) fn instance(constants: &Constants, header: &Header) -> Option<Timestamp> {
    let settings = constants.session_type.instance.as_ref()?;
    let instance = header.instance.as_ref()?;
    match instance.status {
        InstanceStatus::Requested | InstanceStatus::Allocated => {
            Some(instance.requested_at + settings.allocation_timeout)
        }
        InstanceStatus::Pending => Some(instance.since + settings.boot_timeout),
        InstanceStatus::Joinable | InstanceStatus::Unjoinable | InstanceStatus::Closed => None,
    }
}

/// When the type's instance is launched without anybody asking (R77).
///
/// What somebody closed stays closed, unless the session is one of those that are kept running. What was closed because
/// nobody was there comes back with the next member; what failed is tried again after a while, as long as somebody
/// waits for it.
pub(super) fn launch(constants: &Constants, header: &Header) -> Option<Timestamp> {
    let of_type = &constants.session_type;
    let enough = match of_type.formation.auto_launch? {
        AutoLaunch::Created => true,
        AutoLaunch::MinMembers(members) => header.seats.joined() >= members,
    };
    of_type.instance.as_ref().filter(|_| enough)?;
    let Some(last) = &header.instance else {
        return Some(header.created_at);
    };
    let is_wanted = header.kept || header.seats.taken() > 0;
    match last.closed? {
        CloseReason::Requested if !header.kept => None,
        CloseReason::SessionEnded => is_wanted.then_some(last.since),
        // The host of a hub goes to come back; that of a game has played it.
        CloseReason::Host if of_type.formation.hub.is_none() && !header.kept => None,
        CloseReason::Host
        | CloseReason::Requested
        | CloseReason::AllocationTimeout
        | CloseReason::BootTimeout
        | CloseReason::HostLost => is_wanted.then(|| last.since + RELAUNCH_PAUSE),
    }
}

/// When the empty session is deleted (R54); one that is kept running never is (row 39).
pub(super) fn empty(constants: &Constants, header: &Header) -> Option<Timestamp> {
    if header.kept {
        return None;
    }
    header
        .empty_since?
        .after(constants.session_type.timeouts.session_empty)
}

/// When the session waits no longer for its leader (row 41).
pub(super) fn election(constants: &Constants, header: &Header) -> Option<Timestamp> {
    let lost = header.leader_lost.as_ref()?;
    lost.at.after(constants.session_type.leader_election_grace)
}

/// The first of all of them; `first_member` is the earliest of the members'.
pub(super) fn next(
    constants: &Constants,
    header: &Header,
    first_member: Option<Timestamp>,
    has_heir: bool,
) -> Option<Timestamp> {
    let election = if has_heir {
        election(constants, header)
    } else {
        None
    };
    [
        first_member,
        stage(constants, header),
        instance(constants, header),
        empty(constants, header),
        launch(constants, header),
        election,
        header.invites.first_expiry(),
        super::backfill::deadline(constants, header),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Whether the session holds anything outside itself (row 11).
pub(super) fn holds_something(constants: &Constants, header: &Header) -> bool {
    header.open_instance().is_some()
        || header.live_ticket().is_some()
        || header.browser_entry.is_some()
        || header.kept
        || launch(constants, header).is_some()
}
