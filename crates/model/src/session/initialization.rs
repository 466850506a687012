//! Bringing newcomers together before they play: episodes and their stages (R34, R55, R57-R59, F29, row 37).
//!
//! An episode is a group of members who came with `initialize`: those of one write. Who comes while an episode
//! is under way waits for the next one. Members who came otherwise, or earlier, are exempt from all of it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, Draft, Error, Event, Header, Member, MemberState, deadlines, quality};
use crate::Timestamp;
use crate::qos::{InitializationSettings, Together};
use crate::subscriptions::ChangeType;

/// The episode under way, or the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initialization {
    /// 1: those whom the session was made with; later ones count up.
    pub episode: u32,
    /// How far it is.
    pub stage: Stage,
    /// Since when.
    pub stage_started_at: Timestamp,
    /// While it measures, and until it is decided: who is measured, by member index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<u32>,
    /// The first decision that was posted (R59).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<bool>,
    /// Its members that the stage waits for; counted, never stored.
    #[serde(skip)]
    pub pending: u32,
    /// Members who wait for the next episode; counted, never stored.
    #[serde(skip)]
    pub waiting: u32,
}

/// How far an episode is; it never goes back.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its members take their seats.
    Joining,
    /// They measure their connections.
    Measuring,
    /// A member or the host decides.
    Evaluating,
    /// Who is left came through.
    Done,
    /// Nobody did; after the first episode the session takes nobody in any more.
    Failed,
}

/// Why a member did not come through, in the order of what is said first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Failure {
    /// His measurements did not come in time.
    Timeout,
    /// Too far from a peer or the host.
    Latency,
    /// Too little bandwidth from a peer or the host.
    BandwidthDown,
    /// Too little bandwidth to a peer or the host.
    BandwidthUp,
    /// A peer or the host cannot be reached.
    Network,
    /// Somebody of his `initialization_group` did not come through.
    Group,
    /// The episode failed as a whole.
    Episode,
}

/// How a member stands in the episode that he came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberInitialization {
    /// Which.
    pub episode: u32,
    /// Why he did not come through; the next settle removes him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Stage {
    /// Whether the episode is still under way.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Joining | Self::Measuring | Self::Evaluating)
    }
}

impl Initialization {
    fn begin(episode: u32, now: Timestamp) -> Self {
        Self {
            episode,
            stage: Stage::Joining,
            stage_started_at: now,
            peers: Vec::new(),
            decision: None,
            pending: 0,
            waiting: 0,
        }
    }

    /// Whether somebody of that episode is still on his way, or waits to be.
    pub(super) fn concerns(&self, episode: u32) -> bool {
        episode > self.episode || episode == self.episode && self.stage.is_running()
    }
}

impl Header {
    /// Whether the first members could not be brought together: nobody gets in any more (F29).
    pub fn is_unusable(&self) -> bool {
        self.initialization
            .as_ref()
            .is_some_and(|init| init.episode == 1 && init.stage == Stage::Failed)
    }
}

/// Counts a member in (`1`) or out (`-1`) of those that the episode waits for, or that wait for the next.
pub(super) fn count(together: &Together, header: &mut Header, member: &Member, by: i32) {
    let Some(init) = &mut header.initialization else {
        return;
    };
    if waits_for(together, init, member) {
        init.pending = init.pending.saturating_add_signed(by);
    }
    if episode_of(member).is_some_and(|episode| episode > init.episode) {
        init.waiting = init.waiting.saturating_add_signed(by);
    }
}

/// The episode of a member who has not failed.
fn episode_of(member: &Member) -> Option<u32> {
    let of = member.initialization.filter(|of| of.failure.is_none());
    of.map(|of| of.episode)
}

fn waits_for(together: &Together, init: &Initialization, member: &Member) -> bool {
    if episode_of(member) != Some(init.episode) {
        return false;
    }
    match init.stage {
        Stage::Joining => member.state == MemberState::Reserved,
        Stage::Measuring => !has_measured(together, init, member),
        Stage::Evaluating | Stage::Done | Stage::Failed => false,
    }
}

/// Whether a member has uploaded all that is asked of him.
fn has_measured(together: &Together, init: &Initialization, member: &Member) -> bool {
    let Some(said) = member.connectivity.as_deref() else {
        return false;
    };
    (init.peers.is_empty() || !said.measurements.is_empty())
        && (!measures_servers(together) || said.server_measurements.is_some())
}

fn measures_servers(together: &Together) -> bool {
    let servers = together.qos.as_ref().map(|qos| &qos.measurement_servers);
    servers.is_some_and(|servers| !servers.is_empty())
}

impl Draft<'_> {
    fn together(&self) -> &Together {
        &self.base.constants.session_type.together
    }

    /// That newcomers of this type are brought together at all.
    pub(super) fn require_initialization(&self) -> Result<&InitializationSettings, Error> {
        self.together()
            .initialization
            .as_ref()
            .ok_or(Error::Invalid(
                "sessions of this type have no `member_initialization`",
            ))
    }

    /// That the session still takes anybody in.
    pub(super) fn require_usable(&self) -> Result<(), Error> {
        if self.work.header.is_unusable() {
            Err(Error::InitializationFailed)
        } else {
            Ok(())
        }
    }

    /// Puts a newcomer into the episode of his group: one that begins with him, or the next. The caller writes him.
    pub(super) fn enlist(&mut self, member: &mut Member, now: Timestamp) -> Result<(), Error> {
        self.require_initialization()?;
        if member.initialization.is_some() {
            return Ok(());
        }
        let before = self.base.header.initialization.as_ref();
        let began_before = before.map(|init| init.episode);
        // Only those whom a session begins with are its first episode; whoever comes later fails for himself.
        let first = if self.base.header.next_index == 0 {
            1
        } else {
            2
        };
        let episode = match &self.work.header.initialization {
            None => first,
            // Others of his group came just before him.
            Some(init) if began_before != Some(init.episode) && init.stage == Stage::Joining => {
                init.episode
            }
            Some(init) => init.episode.saturating_add(1),
        };
        let begins = match &self.work.header.initialization {
            None => true,
            Some(init) => !init.stage.is_running() && init.waiting == 0,
        };
        if begins {
            let stage = Stage::Joining;
            self.header_mut().initialization = Some(Initialization::begin(episode, now));
            self.work
                .events
                .push(Event::InitializationChanged { episode, stage });
        }
        member.initialization = Some(super::MemberInitialization {
            episode,
            failure: None,
        });
        Ok(())
    }

    /// Puts everybody who got a seat from index `first` on into an episode, if that is asked for. O(they).
    pub(super) fn enlist_from(
        &mut self,
        first: u32,
        initialize: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !initialize {
            return Ok(());
        }
        self.require_initialization()?;
        for index in first..self.work.header.next_index {
            if let Some(mut member) = self.member(index).map(|member| (**member).clone()) {
                self.enlist(&mut member, now)?;
                self.put_member(member);
            }
        }
        Ok(())
    }

    pub(super) fn post_evaluation(&mut self, actor: &Actor, succeeded: bool) -> Result<(), Error> {
        match actor {
            Actor::Server | Actor::Admin | Actor::Service => {}
            Actor::Host(allocation) => self.require_host(*allocation)?,
            Actor::Player(player) => {
                self.joined_actor(player)?;
            }
        }
        let evaluates = |header: &Header| {
            header
                .initialization
                .as_ref()
                .is_some_and(|init| init.stage == Stage::Evaluating)
        };
        if !evaluates(&self.work.header) {
            return Err(Error::NotEvaluating);
        }
        let Some(init) = &mut self.header_mut().initialization else {
            return Err(Error::NotEvaluating);
        };
        match init.decision {
            Some(first) if first == succeeded => {}
            Some(_) => return Err(Error::ConstantsConflict("the first decision")),
            None => {
                init.decision = Some(succeeded);
                self.header_changed(ChangeType::Initialization);
            }
        }
        Ok(())
    }

    /// Takes the episode on by one stage, if it is time (A.2 step 2). O(members) when it is, else O(1).
    pub(super) fn settle_initialization(&mut self, now: Timestamp) {
        let due = deadlines::stage(&self.base.constants, &self.work.header);
        if due.is_none_or(|at| at > now) {
            return;
        }
        let Some(init) = self.work.header.initialization.clone() else {
            return;
        };
        match init.stage {
            Stage::Joining => self.conclude(&init, BTreeMap::new(), now),
            Stage::Measuring => {
                let failures = self.judge(&init);
                self.conclude(&init, failures, now);
            }
            Stage::Evaluating => {
                let failures = match init.decision {
                    Some(true) => BTreeMap::new(),
                    Some(false) | None => self
                        .newcomers(init.episode)
                        .map(|member| (member.index, Failure::Episode))
                        .collect(),
                };
                self.conclude(&init, failures, now);
            }
            Stage::Done | Stage::Failed => {
                let next = Initialization::begin(init.episode.saturating_add(1), now);
                self.enter_stage(next);
            }
        }
    }

    /// Members of an episode who have not failed. O(members).
    fn newcomers(&self, episode: u32) -> impl Iterator<Item = &Member> {
        self.members()
            .map(|member| &**member)
            .filter(move |member| episode_of(member) == Some(episode))
    }

    /// Who fails by what was measured, or was not.
    fn judge(&self, init: &Initialization) -> BTreeMap<u32, Failure> {
        let present = |index: &u32| self.member(*index).map(|member| &**member);
        let mut peers: Vec<&Member> = init.peers.iter().filter_map(present).collect();
        let newcomers: Vec<&Member> = self.newcomers(init.episode).collect();
        let alone = |member: &Member| !peers.iter().any(|peer| quality::is_apart(member, peer));
        let servers = measures_servers(self.together());
        // Who has nobody left to measure is asked for nothing but the servers.
        let is_late = |member: &&&Member| {
            let said = member.connectivity.as_deref();
            let peers_missing = said.is_none_or(|said| said.measurements.is_empty());
            let servers_missing = said.is_none_or(|said| said.server_measurements.is_none());
            peers_missing && !alone(member) || servers_missing && servers
        };
        let mut failures: BTreeMap<u32, Failure> = newcomers
            .iter()
            .filter(is_late)
            .map(|member| (member.index, Failure::Timeout))
            .collect();
        let external = self
            .together()
            .initialization
            .is_some_and(|settings| settings.external_evaluation);
        if let Some(qos) = self.together().qos.as_ref().filter(|_| !external) {
            peers.retain(|member| !failures.contains_key(&member.index));
            let newcomers: Vec<&Member> = newcomers
                .into_iter()
                .filter(|member| !failures.contains_key(&member.index))
                .collect();
            let host = self.work.header.host.as_deref();
            let choose = init.episode == 1;
            failures.extend(quality::failures(qos, &newcomers, &peers, host, choose));
        }
        failures
    }

    /// Ends a stage: marks who failed, and enters the next one.
    fn conclude(
        &mut self,
        init: &Initialization,
        mut failures: BTreeMap<u32, Failure>,
        now: Timestamp,
    ) {
        self.fail_groups(init.episode, &mut failures);
        let through = || {
            self.newcomers(init.episode)
                .filter(|member| !failures.contains_key(&member.index))
        };
        // It takes players to start; who only looks on is none of them (row 50).
        let players = through()
            .filter(|member| !member.standing.spectator)
            .count();
        let anybody = through().next().is_some();
        let settings = self.together().initialization;
        let needed = settings.map_or(0, |settings| settings.members_needed_to_start) as usize;
        let mut next = Initialization {
            stage_started_at: now,
            pending: 0,
            waiting: 0,
            ..init.clone()
        };
        let started = anybody && (init.episode > 1 || players >= needed);
        if started {
            next.stage = self.stage_after(init.stage);
        } else {
            next.stage = Stage::Failed;
            // After the first episode nobody gets in, so whoever waits for the next one fails with it.
            let all: Vec<u32> = self
                .members()
                .filter(|member| {
                    episode_of(member)
                        .is_some_and(|episode| episode == init.episode || init.episode == 1)
                })
                .map(|member| member.index)
                .collect();
            for index in all {
                failures.entry(index).or_insert(Failure::Episode);
            }
        }
        for (index, failure) in failures {
            self.mark_failed(index, failure);
        }
        match next.stage {
            Stage::Measuring => next.peers = self.peers(),
            Stage::Done | Stage::Failed => next.peers.clear(),
            Stage::Joining | Stage::Evaluating => {}
        }
        let done = next.stage == Stage::Done;
        self.enter_stage(next);
        if done && init.episode == 1 {
            self.propose_hosts();
        }
    }

    /// Who lists somebody that fails, or that is gone, fails too (R34). O(newcomers · listed), at most as many
    /// rounds as there are newcomers.
    fn fail_groups(&self, episode: u32, failures: &mut BTreeMap<u32, Failure>) {
        let groups: Vec<(u32, &[u32])> = self
            .newcomers(episode)
            .filter(|member| !member.initialization_group.is_empty())
            .map(|member| (member.index, member.initialization_group.as_slice()))
            .collect();
        loop {
            let is_lost = |index: &u32| {
                failures.contains_key(index)
                    || self.member(*index).is_none_or(|member| {
                        member.initialization.is_some_and(|of| of.failure.is_some())
                    })
            };
            let lost: Vec<u32> = groups
                .iter()
                .filter(|(index, _)| !failures.contains_key(index))
                .filter(|(_, group)| group.iter().any(is_lost))
                .map(|(index, _)| *index)
                .collect();
            if lost.is_empty() {
                return;
            }
            failures.extend(lost.into_iter().map(|index| (index, Failure::Group)));
        }
    }

    fn stage_after(&self, stage: Stage) -> Stage {
        let external = self
            .together()
            .initialization
            .is_some_and(|settings| settings.external_evaluation);
        let measures = measures_servers(self.together()) || !self.peers().is_empty();
        match stage {
            Stage::Joining if measures => Stage::Measuring,
            Stage::Joining | Stage::Measuring if external => Stage::Evaluating,
            _ => Stage::Done,
        }
    }

    /// Who is measured: all who have joined and do not wait for a later episode; nobody when there are no two
    /// devices, or nothing is measured of peers.
    fn peers(&self) -> Vec<u32> {
        let qos = self.together().qos.as_ref();
        let Some(init) = &self.work.header.initialization else {
            return Vec::new();
        };
        if !qos.is_some_and(|qos| qos.metrics.any()) {
            return Vec::new();
        }
        let there: Vec<&Member> = self
            .members()
            .map(|member| &**member)
            .filter(|member| {
                member.is_joined()
                    && member
                        .initialization
                        .is_none_or(|of| of.failure.is_none() && of.episode <= init.episode)
            })
            .collect();
        let devices: BTreeSet<&str> = there.iter().filter_map(|member| member.token()).collect();
        if devices.len() < 2 {
            return Vec::new();
        }
        there.iter().map(|member| member.index).collect()
    }

    fn mark_failed(&mut self, index: u32, failure: Failure) {
        let Some(mut member) = self.member(index).map(|member| (**member).clone()) else {
            return;
        };
        if let Some(of) = &mut member.initialization {
            of.failure = Some(failure);
        }
        let player = member.player.clone();
        self.work.events.push(Event::MemberUpdated {
            index,
            player,
            change: ChangeType::Initialization,
        });
        self.put_member(member);
    }

    fn enter_stage(&mut self, next: Initialization) {
        let (episode, stage) = (next.episode, next.stage);
        let mut counted = next.clone();
        let together = self.together();
        for member in self.members() {
            counted.pending += u32::from(waits_for(together, &next, member));
            counted.waiting += u32::from(episode_of(member).is_some_and(|of| of > episode));
        }
        self.header_mut().initialization = Some(counted);
        self.work
            .events
            .push(Event::InitializationChanged { episode, stage });
    }

    /// After the first episode, where the type demands something towards a host and there is none (F29).
    fn propose_hosts(&mut self) {
        let qos = self.together().qos.as_ref();
        let demand = qos.and_then(|qos| qos.peer_to_host);
        let header = &self.work.header;
        if header.host.is_some() || header.open_instance().is_some() {
            return;
        }
        let Some(demand) = demand else { return };
        let there: Vec<&Member> = self.newcomers(1).collect();
        let candidates = quality::candidates(&demand, &there);
        self.header_mut().host_candidates = candidates;
    }
}
