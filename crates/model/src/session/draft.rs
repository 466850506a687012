//! A draft: changes to a session that are not committed yet. Reads fall through to the session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::leader::Seniority;
use super::{
    Changes, Constants, Event, Header, Looker, Member, RemovalReason, Session, admission, deadlines,
};
use crate::subscriptions::ChangeType;
use crate::{PlayerId, Timestamp};

/// Changes to a session that are not committed yet. Memory and time are those of what is touched.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(super) base: &'a Session,
    pub(super) work: Work,
}

/// What a draft has written so far; cheap to set aside and to put back.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) header: Arc<Header>,
    members: BTreeMap<u32, Option<Arc<Member>>>,
    by_player: BTreeMap<PlayerId, Option<u32>>,
    pub(super) events: Vec<Event>,
    pub(super) deleted: bool,
    /// Somebody was the last to go: what `close_on_empty` waits for.
    pub(super) became_empty: bool,
    pub(super) party_changed: bool,
    /// The last owner has gone, and nothing has come of it yet.
    pub(super) owner_lost: bool,
    /// Pairs who played together, each in order (R35).
    pub(super) played: BTreeSet<[PlayerId; 2]>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(base: &'a Session) -> Self {
        Self {
            base,
            work: Work {
                header: base.header.clone(),
                members: BTreeMap::new(),
                by_player: BTreeMap::new(),
                events: Vec::new(),
                deleted: false,
                became_empty: false,
                party_changed: false,
                owner_lost: false,
                played: BTreeSet::new(),
            },
        }
    }

    /// What never changes.
    pub fn constants(&self) -> &Constants {
        &self.base.constants
    }

    /// The header as it would be.
    pub fn header(&self) -> &Arc<Header> {
        &self.work.header
    }

    /// The change number of the committed session; what this draft writes gets the next one.
    pub fn base_number(&self) -> u64 {
        self.base.header.change_number
    }

    /// Whether the session is over.
    pub fn is_deleted(&self) -> bool {
        self.work.deleted
    }

    /// The members as they would be, by index. O(members).
    pub fn members(&self) -> impl Iterator<Item = &Arc<Member>> {
        let added = self
            .work
            .members
            .range(self.base.header.next_index..)
            .filter_map(|(_, member)| member.as_ref());
        self.base
            .members
            .iter()
            .filter_map(|(index, member)| match self.work.members.get(index) {
                Some(changed) => changed.as_ref(),
                None => Some(member),
            })
            .chain(added)
    }

    /// The member at this index.
    pub fn member(&self, index: u32) -> Option<&Arc<Member>> {
        match self.work.members.get(&index) {
            Some(changed) => changed.as_ref(),
            None => self.base.members.get(&index),
        }
    }

    /// The seat of this player, reserved or joined.
    pub fn member_of(&self, player: &PlayerId) -> Option<&Arc<Member>> {
        match self.work.by_player.get(player) {
            Some(index) => self.member((*index)?),
            None => self.member(*self.base.by_player.get(player)?),
        }
    }

    /// The leader.
    pub fn leader(&self) -> Option<&Arc<Member>> {
        self.member(self.work.header.leader?)
    }

    /// Whether a player may look at it; see [`Session::is_visible_to`].
    pub fn is_visible_to(&self, looker: &Looker<'_>) -> bool {
        let (constants, header) = (&self.base.constants, &self.work.header);
        self.member_of(looker.player).is_some()
            || admission::may_look(constants, header, looker, self.members())
    }

    /// When something will happen to the document next by itself.
    pub fn next_timer(&self) -> Option<Timestamp> {
        if self.work.deleted {
            return None;
        }
        deadlines::next(
            &self.base.constants,
            &self.work.header,
            self.first_due(),
            self.heir().is_some(),
        )
    }

    /// When the server must look at the session by itself; see [`Session::sweep_at`].
    pub fn sweep_at(&self) -> Option<Timestamp> {
        deadlines::holds_something(&self.base.constants, &self.work.header)
            .then(|| self.next_timer())
            .flatten()
    }

    /// Whether the draft differs from the committed session so far: after settling, whether that did anything.
    pub fn has_changed(&self) -> bool {
        let touched = |(index, member): (&u32, &Option<Arc<Member>>)| {
            member.as_ref() != self.base.members.get(index)
        };
        self.work.deleted
            || self.base.header != self.work.header
            || self.work.members.iter().any(touched)
    }

    /// Closes the draft: deletes an empty session whose time is over, elects a leader if it is time (A.2 step 3),
    /// and counts the change number up once if anything was changed at all.
    #[must_use = "nothing is changed before this is stored and committed"]
    pub fn finish(mut self, now: Timestamp) -> Changes {
        if !self.work.deleted {
            self.elect_leader(now);
            self.settle_emptiness(now);
        }
        self.want_again();
        self.settle_backfill(now);
        self.tell_played();
        let base = &self.base.header;
        if base.leader != self.work.header.leader {
            let (from, to) = (base.leader, self.work.header.leader);
            self.work.events.push(Event::LeaderChanged { from, to });
        }
        if self.work.deleted {
            self.work.events.push(Event::Deleted);
        }
        let (next_timer, sweep_at) = (self.next_timer(), self.sweep_at());
        let mut work = self.work;
        work.members
            .retain(|index, member| member.as_ref() != self.base.members.get(index));
        let untouched = Arc::ptr_eq(base, &work.header) || *base == work.header;
        // A session that was just made has no number yet, and its first document always counts.
        let fresh = base.change_number == 0;
        let changed = fresh || work.deleted || !work.members.is_empty() || !untouched;
        if changed {
            let header = Arc::make_mut(&mut work.header);
            header.change_number = header.change_number.saturating_add(1);
            header.invites.number(header.change_number);
            for member in work.members.values_mut().flatten() {
                Arc::make_mut(member).version = header.change_number;
            }
        }
        Changes {
            header: changed.then_some(work.header),
            members: work.members.into_iter().collect(),
            events: if changed { work.events } else { Vec::new() },
            deleted: work.deleted,
            next_timer,
            sweep_at,
            party_changed: changed && work.party_changed,
        }
    }

    pub(super) fn header_mut(&mut self) -> &mut Header {
        Arc::make_mut(&mut self.work.header)
    }

    /// Tells that a property of the session has changed.
    pub(super) fn header_changed(&mut self, change: ChangeType) {
        self.work.events.push(Event::HeaderChanged(change));
    }

    /// Writes a member that is new or changed, and keeps the counts.
    pub(super) fn put_member(&mut self, member: Member) {
        let index = member.index;
        self.uncount(index);
        let header = self.header_mut();
        header.count(member.state, member.team, 1);
        header.ranks.count(&member, 1);
        header.empty_since = None;
        self.count_newcomer(&member, 1);
        self.work.became_empty = false;
        self.work
            .by_player
            .insert(member.player.clone(), Some(index));
        self.work.members.insert(index, Some(Arc::new(member)));
    }

    /// Frees a seat, whatever depended on it, and tells why.
    pub(super) fn remove_member(&mut self, index: u32, reason: RemovalReason, now: Timestamp) {
        let Some(member) = self.member(index).cloned() else {
            return;
        };
        self.meet(&member, None, now);
        self.uncount(index);
        if member.standing.owner && self.work.header.ranks.owners == 0 {
            self.work.owner_lost = true;
        }
        self.work.by_player.insert(member.player.clone(), None);
        self.work.members.insert(index, None);
        let player = member.player.clone();
        let from = member.state;
        self.work.events.push(Event::MemberRemoved {
            index,
            player,
            from,
            reason,
        });
        if self.work.header.turn.contains(&index) {
            self.header_mut().turn.retain(|turn| *turn != index);
        }
        if self.work.header.seats.taken() == 0 {
            self.header_mut().empty_since = Some(now);
            self.work.became_empty = true;
        }
        if member.is_joined() {
            self.host_follows(&member);
            self.leader_follows_removal(&member, now);
            self.party_has_changed();
        }
    }

    fn uncount(&mut self, index: u32) {
        if let Some(old) = self.member(index).cloned() {
            let header = self.header_mut();
            header.count(old.state, old.team, -1);
            header.ranks.count(&old, -1);
            self.count_newcomer(&old, -1);
        }
    }

    fn count_newcomer(&mut self, member: &Member, by: i32) {
        let together = &self.base.constants.session_type.together;
        let header = Arc::make_mut(&mut self.work.header);
        super::initialization::count(together, header, member, by);
    }

    /// Members whose clock has run out at `now`, by index. O(due + touched), or O(members) in the one draft in
    /// which the clock of the reservations started.
    pub(super) fn due(&self, now: Timestamp) -> BTreeSet<u32> {
        if self.clock_changed() {
            return self
                .members()
                .filter(|member| self.deadline(member).is_some_and(|at| at <= now))
                .map(|member| member.index)
                .collect();
        }
        let untouched = self
            .base
            .due
            .range(..=(now, u32::MAX))
            .map(|&(_, index)| index)
            .filter(|index| !self.work.members.contains_key(index));
        let touched = self
            .touched()
            .filter(|member| self.deadline(member).is_some_and(|at| at <= now))
            .map(|member| member.index);
        untouched.chain(touched).collect()
    }

    fn first_due(&self) -> Option<Timestamp> {
        if self.clock_changed() {
            return self
                .members()
                .filter_map(|member| self.deadline(member))
                .min();
        }
        let untouched = self
            .base
            .due
            .iter()
            .find(|(_, index)| !self.work.members.contains_key(index))
            .map(|&(at, _)| at);
        let touched = self
            .touched()
            .filter_map(|member| self.deadline(member))
            .min();
        untouched.into_iter().chain(touched).min()
    }

    fn clock_changed(&self) -> bool {
        !deadlines::same_clocks(&self.base.header, &self.work.header)
    }

    fn deadline(&self, member: &Member) -> Option<Timestamp> {
        deadlines::member(&self.base.constants, &self.work.header, member)
    }

    /// Members that this draft has written.
    pub(super) fn touched(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.work.members.values().flatten()
    }

    /// Ready and active members in no order. O(ready + active).
    pub(super) fn engaged(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.oldest(&self.base.engaged)
            .chain(self.touched().filter(|member| member.is_engaged()))
    }

    /// Who leads when the leader is lost, or only looks on (row 41, row 50). O(touched).
    pub(super) fn heir(&self) -> Option<Seniority> {
        let leader = self.leader().map(|leader| &**leader);
        super::leader::heir(leader, self.first_engaged(), self.first_away())
    }

    /// The player who joined first, in whatever state; without any the first spectator. O(touched).
    pub(super) fn first_joined(&self) -> Option<&Arc<Member>> {
        let first = self.first_engaged().into_iter().chain(self.first_away());
        self.member(first.min()?.index)
    }

    fn first_engaged(&self) -> Option<Seniority> {
        self.first_of(&self.base.engaged, Member::is_engaged)
    }

    fn first_away(&self) -> Option<Seniority> {
        self.first_of(&self.base.away, |member| {
            member.is_joined() && !member.is_engaged()
        })
    }

    /// The first of one of the session's lines, as this draft leaves it.
    fn first_of(
        &self,
        line: &'a BTreeSet<Seniority>,
        belongs: impl Fn(&Member) -> bool,
    ) -> Option<Seniority> {
        self.oldest(line)
            .take(1)
            .chain(self.touched().filter(|member| belongs(member)))
            .filter_map(|member| Seniority::of(member))
            .min()
    }

    /// Members of one of the session's lines that this draft has not touched, in the line's order.
    fn oldest(&self, line: &'a BTreeSet<Seniority>) -> impl Iterator<Item = &Arc<Member>> {
        line.iter()
            .filter(|member| !self.work.members.contains_key(&member.index))
            .filter_map(|member| self.base.members.get(&member.index))
    }
}
