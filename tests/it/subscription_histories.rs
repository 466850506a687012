//! What a subscriber is told of and when, over random histories, against a list of all that happened.

use std::collections::{BTreeMap, BTreeSet};

use model::subscriptions::{ChangeType, Profile, Subscription};
use model::wire::{Notice, UpdateMember, UpdateSession};
use model::{Millis, SessionId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sdk::{Client, Condition, Who};
use serde_json::json;
use tests::world::{World, create, flags, join};
use tests::{player, run};
use uuid::Uuid;

const TYPES: &str = "
apiVersion: v1
kind: SessionType
name: Room
creation: { by_players: true }
joinability: public
timeouts: { ready_removal: null, inactive_removal: null }
subscriptions:
  profiles:
    roster: { changes: [members_status], min_interval: 1s }
    queue: { changes: [custom_property, joinability], min_interval: 2s }
    party: { changes: [everything], min_interval: 5s }
";

/// What the type says, once more: a profile, what it covers, and its interval in milliseconds.
const PROFILES: [(Profile, &[ChangeType], u64); 3] = [
    (Profile::Roster, &[ChangeType::MembersStatus], 1_000),
    (
        Profile::Queue,
        &[ChangeType::CustomProperty, ChangeType::Joinability],
        2_000,
    ),
    (Profile::Party, &KINDS, 5_000),
];
/// What ann changes.
const KINDS: [ChangeType; 4] = [
    ChangeType::MembersStatus,
    ChangeType::MembersCustomProperty,
    ChangeType::CustomProperty,
    ChangeType::Joinability,
];
const HISTORIES: usize = 25;
const STEPS: usize = 60;

/// What bob must be told by all that happened.
#[derive(Default)]
struct Oracle {
    now: u64,
    /// Each change: its number and its kind.
    changes: Vec<(u64, ChangeType)>,
    /// Bob's subscriptions.
    held: BTreeMap<Uuid, Profile>,
    /// The last change that he has seen, or does not want to know of.
    seen: u64,
    /// When he was told last.
    told: Option<u64>,
}

impl Oracle {
    fn last(&self) -> u64 {
        self.changes.last().map_or(self.seen, |(number, _)| *number)
    }

    /// The subscriptions that he is to be told for by now; `None`: nothing is to be told.
    fn poll(&mut self) -> Option<BTreeSet<Uuid>> {
        let news: Vec<ChangeType> = self
            .changes
            .iter()
            .filter(|(number, _)| *number > self.seen)
            .map(|(_, kind)| *kind)
            .collect();
        let mut ids = BTreeSet::new();
        let mut due = Vec::new();
        for (profile, covers, interval) in PROFILES {
            let held = self.held.iter().filter(|(_, held)| **held == profile);
            let held: Vec<Uuid> = held.map(|(id, _)| *id).collect();
            if !held.is_empty() && news.iter().any(|kind| covers.contains(kind)) {
                ids.extend(held);
                due.push(self.told.map_or(0, |told| told + interval));
            }
        }
        let tells = match self.held.is_empty() {
            true => !news.is_empty(),
            false => due.iter().any(|due| *due <= self.now),
        };
        if tells || due.is_empty() {
            self.seen = self.last().max(self.seen);
        }
        if self.held.is_empty() {
            self.told = None;
        } else if tells {
            self.told = Some(self.now);
        }
        tells.then_some(ids)
    }
}

#[test]
fn r60_no_history_tells_a_subscriber_of_other_changes_too_often_or_too_late() {
    let seed = tests::seed("MUSTER_SEED");
    run(async {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::with(TYPES).await;
        let mut oracle = Oracle::default();
        let mut told = 0;
        for _ in 0..HISTORIES {
            told += history(&world, &mut random, &mut oracle).await;
        }
        assert!(told > HISTORIES, "only {told} notices");
        world.stop().await;
    });
}

/// One session's life; how often bob was told of it.
async fn history(world: &World, random: &mut StdRng, oracle: &mut Oracle) -> usize {
    let (ann, bob) = (world.player("ann"), world.player("bob"));
    let mut cursor = bob.events().await.expect("a page").cursor;
    let id = create(&ann, "Room").await.id;
    let joined = join(&bob, id).await.expect("a seat").change_number;
    *oracle = Oracle {
        now: oracle.now,
        seen: joined,
        ..Oracle::default()
    };
    let first = poll(world, &mut cursor, id).await.expect("a new session");
    assert_eq!(first.change_number, Some(joined));
    let mut told = 0;
    for step in 0..STEPS {
        oracle.now += *[0, 0, 300, 700, 1_000, 3_000].choose(random).expect("one");
        world.at(oracle.now);
        match random.random_range(0..10) {
            0 => subscribe(&bob, id, random, oracle).await,
            1..6 => {
                let kind = *KINDS.choose(random).expect("one");
                let number = change(&ann, id, kind, step).await;
                oracle.changes.push((number, kind));
            }
            _ => {}
        }
        if random.random_range(0..3) > 0 {
            let heard = poll(world, &mut cursor, id).await;
            let must = oracle.poll();
            let ids = heard.as_ref().map(|notice| &notice.subscriptions);
            let ids = ids.map(|ids| ids.iter().copied().collect());
            assert_eq!(ids, must, "step {step} at {}: {heard:?}", oracle.now);
            if let Some(notice) = heard {
                assert_eq!(notice.change_number, Some(oracle.last()), "the newest");
                told += 1;
            }
        }
    }
    bob.leave(id, Who::Me).await.expect("his seat");
    ann.leave(id, Who::Me).await.expect("hers");
    told
}

/// What bob is told of a session, without waiting.
async fn poll(world: &World, cursor: &mut String, id: SessionId) -> Option<Notice> {
    let bob = player("bob");
    let page = world
        .server
        .core
        .events(&bob, Some(cursor), Millis(0))
        .await;
    let page = page.expect("a page");
    *cursor = page.cursor;
    let path = format!("/v1/sessions/{id}");
    page.notices.into_iter().find(|one| one.resource == path)
}

/// Bob takes a subscription up or gives one up.
async fn subscribe(bob: &Client, id: SessionId, random: &mut StdRng, oracle: &mut Oracle) {
    let key = Uuid::from_u128(random.random_range(0..4));
    let profile = random.random_range(0..5_usize);
    let profile = PROFILES.get(profile).map(|(profile, ..)| *profile);
    match profile {
        Some(profile) => drop(oracle.held.insert(key, profile)),
        None => drop(oracle.held.remove(&key)),
    }
    let change = profile.map(|profile| Subscription {
        profile,
        on_behalf_of_title: None,
    });
    let body = UpdateMember {
        subscriptions: [(key, change)].into(),
        ..UpdateMember::default()
    };
    bob.update_member(id, Who::Me, &body).await.expect("his");
}

/// Ann makes a change of this kind; its number.
async fn change(ann: &Client, id: SessionId, kind: ChangeType, step: usize) -> u64 {
    let read = match kind {
        ChangeType::MembersStatus | ChangeType::MembersCustomProperty => {
            let before = ann.session(id).await.expect("hers");
            let ready = before.members[0].state == model::wire::MemberState::Ready;
            let body = match kind {
                ChangeType::MembersStatus if ready => flags(None, Some(true)),
                ChangeType::MembersStatus => flags(Some(true), None),
                _ => UpdateMember {
                    custom: Some(json!(step)),
                    ..UpdateMember::default()
                },
            };
            ann.update_member(id, Who::Me, &body).await
        }
        _ => {
            let before = ann.session(id).await.expect("hers");
            let mut body = UpdateSession::default();
            match kind {
                ChangeType::Joinability => body.closed = Some(!before.closed),
                _ => body.custom = Some(json!(step)),
            }
            ann.update_session(id, &body, Condition::Always).await
        }
    };
    read.expect("hers to change").change_number
}
