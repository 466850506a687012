//! Bringing a session up to date before each read and write (A.2, R49, R50).

use super::{
    Draft, Event, Liveness, MEMBERS_AT_ONCE, MemberState, Presence, RemovalReason, Suspects,
    deadlines,
};
use crate::Timestamp;
use crate::instance::{CloseReason, InstanceStatus};

impl Draft<'_> {
    /// Applies what time and lost connections have done to the session by `now`.
    ///
    /// Each member makes at most one transition, in index order, and his new clock starts at `now` (R50); then
    /// one stage of the newcomers' episode, invites and the instance's time-outs, the election of a leader, and the end
    /// of an empty session. O(due) and one
    /// question for each suspect of `liveness`, which by default is everybody who is ready or active.
    ///
    /// At most [`MEMBERS_AT_ONCE`] members move at once; the others are due still, so the next look moves them.
    pub fn settle(&mut self, now: Timestamp, liveness: &dyn Liveness) {
        if self.work.deleted {
            return;
        }
        let mut moving = self.due(now);
        moving.extend(self.gone(liveness));
        for index in moving.into_iter().take(MEMBERS_AT_ONCE) {
            let Some((state, of)) = self
                .member(index)
                .map(|member| (member.state, member.initialization))
            else {
                continue;
            };
            if of.is_some_and(|of| of.failure.is_some()) {
                self.remove_member(index, RemovalReason::InitFailed, now);
                continue;
            }
            match state {
                MemberState::Reserved => {
                    self.remove_member(index, RemovalReason::ReservationExpired, now);
                }
                MemberState::Inactive => {
                    self.remove_member(index, RemovalReason::InactiveExpired, now);
                }
                MemberState::Ready | MemberState::Active => {
                    self.change_state(index, MemberState::Inactive, now);
                }
            }
        }
        self.settle_initialization(now);
        self.settle_invites(now);
        self.settle_ownership(now);
        if self.work.deleted {
            return;
        }
        self.settle_instance(now);
        self.settle_backfill(now);
        self.elect_leader(now);
        self.settle_emptiness(now);
    }

    /// A.2 step 3: deletes an empty session when its time is over; before that, `close_on_empty`.
    pub(super) fn settle_emptiness(&mut self, now: Timestamp) {
        if self.work.header.empty_since.is_none() {
            return;
        }
        let closes = self
            .base
            .instance_settings()
            .is_some_and(|settings| settings.close_on_empty);
        if closes && self.work.became_empty && !self.work.header.kept {
            self.close_instance(CloseReason::SessionEnded, now);
        }
        if self.work.header.kept && self.work.became_empty {
            self.open_again();
        }
        let due = deadlines::empty(&self.base.constants, &self.work.header);
        if due.is_some_and(|at| at <= now) {
            self.delete(now);
        }
    }

    /// Puts a joined member into another state; its clock starts at `now`.
    pub(super) fn change_state(&mut self, index: u32, to: MemberState, now: Timestamp) {
        let Some(member) = self.member(index) else {
            return;
        };
        let from = member.state;
        if from == to {
            return;
        }
        let mut member = (**member).clone();
        let before = member.clone();
        member.state = to;
        member.since = now;
        self.meet(&before, Some(&mut member), now);
        let player = member.player.clone();
        self.work.events.push(Event::MemberChanged {
            index,
            player,
            from,
            to,
        });
        self.put_member(member.clone());
        if !member.is_engaged() {
            self.host_follows(&member);
        }
        self.leader_follows_change(&member, now);
    }

    /// Active members whose connection is gone, by index.
    fn gone(&self, liveness: &dyn Liveness) -> Vec<u32> {
        let is_gone = |member: &super::Member| {
            member.state == MemberState::Active && liveness.of(&member.player) == Presence::Gone
        };
        match liveness.suspects() {
            Suspects::Anybody => self
                .engaged()
                .filter(|member| is_gone(member))
                .map(|member| member.index)
                .collect(),
            Suspects::Only(players) => players
                .iter()
                .filter_map(|player| self.member_of(player))
                .filter(|member| is_gone(member))
                .map(|member| member.index)
                .collect(),
        }
    }

    fn settle_instance(&mut self, now: Timestamp) {
        let due = deadlines::instance(&self.base.constants, &self.work.header);
        if due.is_none_or(|at| at > now) {
            return;
        }
        let Some(instance) = &self.work.header.instance else {
            return;
        };
        let reason = match instance.status {
            InstanceStatus::Pending => CloseReason::BootTimeout,
            _ => CloseReason::AllocationTimeout,
        };
        self.close_instance(reason, now);
    }
}
