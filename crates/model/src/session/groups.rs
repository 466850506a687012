//! Groups and encounters (R35): who played together, as the members' own clients say.

use std::collections::BTreeSet;

use super::{Draft, Error, Event, Member, MemberState};
use crate::{Millis, Name, PlayerId, Timestamp};

/// The most groups that a member is in at a time.
pub const GROUPS_MAX: usize = 10;
/// The most encounters that a member reports at a time.
pub const ENCOUNTERS_MAX: usize = 10;
/// How long before it is reported an encounter counts as having begun (R35).
pub const ENCOUNTER: Millis = Millis(30_000);
/// The most groups of which it is kept when a member was in them last.
const VISITS_MAX: usize = GROUPS_MAX + ENCOUNTERS_MAX;

impl Member {
    /// Whether he is active in this group now.
    fn is_in(&self, group: &Name) -> bool {
        self.state == MemberState::Active && self.standing.groups.contains(group)
    }

    /// Whether he was in this group within the span of an encounter that is reported now.
    fn was_in(&self, group: &Name, now: Timestamp) -> bool {
        let last = self.standing.visits.get(group);
        last.is_some_and(|&last| now < last + ENCOUNTER)
    }

    /// The groups that he is active in.
    fn present(&self) -> BTreeSet<Name> {
        if self.state == MemberState::Active {
            self.standing.groups.clone()
        } else {
            BTreeSet::new()
        }
    }

    /// Room for one time stamp of each group, so that later ones never make the document longer.
    fn note_visits(&mut self, now: Timestamp) {
        let never = now - ENCOUNTER;
        for group in &self.standing.groups {
            let visits = &mut self.standing.visits;
            visits.entry(group.clone()).or_insert(never);
        }
        let groups = &self.standing.groups;
        let visits = &mut self.standing.visits;
        visits.retain(|group, last| groups.contains(group) || now < *last + ENCOUNTER);
        while visits.len() > VISITS_MAX {
            let passing = visits.iter().filter(|(group, _)| !groups.contains(*group));
            let oldest = passing.min_by_key(|(_, last)| **last);
            let Some(oldest) = oldest.map(|(group, _)| group.clone()) else {
                return;
            };
            visits.remove(&oldest);
        }
    }
}

/// The names without their case (row 46); no more than `most`.
fn folded(names: &[Name], most: usize, refusal: &'static str) -> Result<BTreeSet<Name>, Error> {
    if names.len() > most {
        return Err(Error::Invalid(refusal));
    }
    Ok(names.iter().map(Name::folded).collect())
}

impl Draft<'_> {
    /// Members who are in a group, or were a while ago, some of them twice. O(these + touched).
    fn of_group(&self, group: &Name) -> impl Iterator<Item = &Member> {
        let grouped = self.base.grouped.get(group).into_iter().flatten().copied();
        let touched = self.touched().map(|member| member.index);
        let indexes: Vec<u32> = grouped.chain(touched).collect();
        indexes
            .into_iter()
            .filter_map(|index| self.member(index).map(|member| &**member))
    }

    /// A member comes to groups or leaves them: whoever is active in one of these has played together with him.
    /// Call it before `after` is written. O(members of these groups).
    pub(super) fn meet(&mut self, before: &Member, after: Option<&mut Member>, now: Timestamp) {
        let was = before.present();
        let is = after.as_ref().map(|after| after.present());
        let is = is.unwrap_or_default();
        if was.is_empty() && is.is_empty() {
            return;
        }
        let met = |group: &Name, draft: &Self| -> Vec<PlayerId> {
            let there = draft.of_group(group).filter(|other| other.is_in(group));
            there.map(|other| other.player.clone()).collect()
        };
        let mut others = Vec::new();
        for group in was.symmetric_difference(&is) {
            others.extend(met(group, self));
        }
        for other in others {
            self.played_together(&before.player, other);
        }
        if let Some(after) = after {
            for group in was.difference(&is) {
                // Of groups that he has just dropped from his list, too.
                after.standing.visits.insert(group.clone(), now);
            }
        }
    }

    /// Sets the groups that a member is in from now on; those that he is in already change nothing.
    pub(super) fn set_groups(
        &mut self,
        member: &mut Member,
        groups: &[Name],
        now: Timestamp,
    ) -> Result<(), Error> {
        let groups = folded(groups, GROUPS_MAX, "a member is in at most 10 groups")?;
        if groups == member.standing.groups {
            return Ok(());
        }
        let before = member.clone();
        member.standing.groups = groups;
        self.meet(&before, Some(member), now);
        member.note_visits(now);
        Ok(())
    }

    /// A member passed through groups: he counts as having joined each 30 s ago and leaving it now.
    pub(super) fn encounter(
        &mut self,
        member: &mut Member,
        encounters: &[Name],
        now: Timestamp,
    ) -> Result<(), Error> {
        let most = "a member reports at most 10 encounters at a time";
        for group in folded(encounters, ENCOUNTERS_MAX, most)? {
            let there = |other: &&Member| other.is_in(&group) || other.was_in(&group, now);
            let others = self.of_group(&group).filter(there);
            let others: Vec<PlayerId> = others.map(|other| other.player.clone()).collect();
            for other in others {
                self.played_together(&member.player, other);
            }
            member.standing.visits.insert(group, now);
        }
        member.note_visits(now);
        Ok(())
    }

    fn played_together(&mut self, one: &PlayerId, other: PlayerId) {
        if *one == other {
            return;
        }
        let pair = if *one < other {
            [one.clone(), other]
        } else {
            [other, one.clone()]
        };
        self.work.played.insert(pair);
    }

    /// The events of those who played together.
    pub(super) fn tell_played(&mut self) {
        let played = std::mem::take(&mut self.work.played);
        let events = played.into_iter();
        self.work
            .events
            .extend(events.map(|players| Event::PlayedTogether { players }));
    }
}
