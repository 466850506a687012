//! Who leads (row 41): the first to join; once he is gone or away for too long, the oldest joined member. Who only
//! looks on leads as long as no player has joined, and not longer (row 50).

use super::{Draft, LeaderLost, Member, deadlines};
use crate::Timestamp;

/// Where a joined member stands in the line of succession: players before spectators, each from the oldest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seniority {
    pub(super) spectator: bool,
    joined_at: Timestamp,
    pub(super) index: u32,
}

impl Seniority {
    /// `None` before he has joined.
    pub(super) fn of(member: &Member) -> Option<Self> {
        Some(Self {
            spectator: member.standing.spectator,
            joined_at: member.joined_at?,
            index: member.index,
        })
    }
}

/// Who follows this leader, of the first who is ready or active and the first who is inactive. A player follows a
/// player only if he is there; without a leader, or after a spectator, an inactive player rather than a spectator,
/// and an inactive spectator rather than nobody.
pub(super) fn heir(
    leader: Option<&Member>,
    engaged: Option<Seniority>,
    away: Option<Seniority>,
) -> Option<Seniority> {
    let plays = |member: &Seniority| !member.spectator;
    let there = engaged.filter(plays);
    if leader.is_some_and(|leader| !leader.standing.spectator) {
        return there;
    }
    let player = there.or(away.filter(plays));
    player.or(engaged).or(away.filter(|_| leader.is_none()))
}

impl Draft<'_> {
    /// A member joined. The first leads, as no leader is lost where nobody is; so does a lost leader who is back in
    /// time.
    pub(super) fn leader_follows_join(&mut self, member: &Member) {
        let header = &self.work.header;
        if header.leader.is_some() {
            return;
        }
        let came_back = member.is_engaged()
            && !member.standing.spectator
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
        let leads = header.leader == Some(member.index);
        if member.is_engaged() {
            if awaited && (leads || !member.standing.spectator) {
                self.install_leader(member.index);
            }
        } else if leads {
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

    /// Elects the heir if the session has waited long enough for its leader, or if a spectator leads and there is a
    /// player now.
    pub(super) fn elect_leader(&mut self, now: Timestamp) {
        let due = deadlines::election(&self.base.constants, &self.work.header);
        let over = due.is_some_and(|at| at <= now);
        let looks_on = self
            .leader()
            .is_some_and(|leader| leader.standing.spectator);
        if !over && !looks_on {
            return;
        }
        if let Some(heir) = self.heir()
            && (over || !heir.spectator)
        {
            self.install_leader(heir.index);
        }
    }
}
