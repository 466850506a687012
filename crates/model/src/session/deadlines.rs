//! When each clock of a session runs out (R48, A.2); due when the deadline is not after now.

use super::{Constants, Header, Member, MemberState, ReservationClock};
use crate::Timestamp;
use crate::instance::InstanceStatus;

/// When the member's state ends by itself; `None`: never (R51-R53).
pub(super) fn member(constants: &Constants, header: &Header, member: &Member) -> Option<Timestamp> {
    let timeouts = &constants.session_type.timeouts;
    match member.state {
        MemberState::Reserved => {
            let start = match header.reservation_clock {
                ReservationClock::Running => member.since,
                ReservationClock::AwaitsInstance => return None,
                ReservationClock::From(at) => member.since.max(at),
            };
            start.after(timeouts.reserved_removal)
        }
        MemberState::Ready => member.since.after(timeouts.ready_removal),
        MemberState::Active => None,
        MemberState::Inactive => member.since.after(timeouts.inactive_removal),
    }
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

/// When the empty session is deleted (R54).
pub(super) fn empty(constants: &Constants, header: &Header) -> Option<Timestamp> {
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
        instance(constants, header),
        empty(constants, header),
        election,
        header.invites.first_expiry(),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Whether the session holds anything outside itself (row 11).
pub(super) fn holds_something(header: &Header) -> bool {
    header.open_instance().is_some() || header.live_ticket().is_some()
}
