//! Who leads (row 41): the first to join; once he is gone or away for too long, the oldest joined member.

use super::{Draft, LeaderLost, Member, deadlines};
use crate::Timestamp;

impl Draft<'_> {
    /// A member joined. The first leads, as no leader is lost where nobody is; so does a lost leader who is back in
    /// time.
    pub(super) fn leader_follows_join(&mut self, member: &Member) {
        let header = &self.work.header;
        if header.leader.is_some() {
            return;
        }
        let came_back = member.is_engaged()
            && header
                .leader_lost
                .as_ref()
                .is_some_and(|lost| lost.player == member.player);
        if came_back || header.leader_lost.is_none() {
            self.install_leader(member.index);
        }
    }

    /// A joined member's state changed: a leader who becomes inactive is waited for, and found again.
    pub(super) fn leader_follows_change(&mut self, member: &Member, now: Timestamp) {
        let header = &self.work.header;
        let lost = header.leader_lost.as_ref();
        let awaited = lost.is_some_and(|lost| lost.player == member.player);
        if member.is_engaged() {
            if awaited {
                self.install_leader(member.index);
            }
        } else if header.leader == Some(member.index) {
            let player = member.player.clone();
            self.header_mut().leader_lost = Some(LeaderLost { player, at: now });
        }
    }

    /// A joined member's seat is free. The clock of a leader who was away already goes on.
    pub(super) fn leader_follows_removal(&mut self, member: &Member, now: Timestamp) {
        let header = self.header_mut();
        if header.leader == Some(member.index) {
            header.leader = None;
            let player = member.player.clone();
            header
                .leader_lost
                .get_or_insert(LeaderLost { player, at: now });
        }
        if header.seats.joined() == 0 {
            header.leader_lost = None;
        }
    }

    /// Makes a joined member the leader. The session waits only for a leader who goes, so one who has not come yet
    /// leads until he comes and goes again.
    pub(super) fn install_leader(&mut self, index: u32) {
        let header = self.header_mut();
        header.leader = Some(index);
        header.leader_lost = None;
    }

    /// Elects the heir if the session has waited long enough for its leader.
    pub(super) fn elect_leader(&mut self, now: Timestamp) {
        let due = deadlines::election(&self.base.constants, &self.work.header);
        if due.is_none_or(|at| at > now) {
            return;
        }
        if let Some(index) = self.heir().map(|heir| heir.index) {
            self.install_leader(index);
        }
    }
}
