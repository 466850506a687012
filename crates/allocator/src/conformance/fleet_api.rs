//! The suite of the [`FleetApi`] contract.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use model::fleet::{Capacity, Provider};
use model::game_server::GameServerState;
use model::instance::Addresses;
use model::{AllocationId, GameServer, GameServerId, Name, Namespace, Region};
use tokio::task::JoinSet;

use super::{fresh_id, within};
use crate::{Demand, Error, FleetApi, NewGameServer, Observation};

/// One fleet in one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FleetKey {
    /// Whose.
    pub namespace: Namespace,
    /// Its name.
    pub fleet: Name,
    /// Where.
    pub region: Region,
}

/// What an implementation lends to the suite.
#[async_trait]
pub trait FleetHarness: Send + Sync {
    /// The implementation under test; always the same registry. It starts without fleets.
    fn api(&self) -> Arc<dyn FleetApi>;
    /// Makes a fleet of [`Provider::Process`] in one region, or gives the one of that name this capacity.
    async fn put_fleet(&self, name: &str, capacity: Capacity) -> FleetKey;
    /// Removes the fleet; its rows stay until they are gone.
    async fn remove_fleet(&self, key: &FleetKey);
    /// The game server asks for its assignment, as its process would: it becomes ready.
    async fn ready(&self, key: &FleetKey, id: GameServerId);
    /// Allocates a ready game server of the fleet to a new session, if one has a free slot: tries once, never waits.
    async fn allocate(&self, key: &FleetKey) -> Option<(GameServerId, AllocationId)>;
    /// Ends what [`FleetHarness::allocate`] gave.
    async fn release(&self, key: &FleetKey, id: GameServerId, allocation: AllocationId);
    /// How often retirement and allocation race for one game server.
    fn race_rounds(&self) -> u32 {
        1_000
    }
}

fn capacity(min: u32, buffer: u32, max: u32) -> Capacity {
    Capacity {
        min,
        buffer,
        max,
        slots: 1,
    }
}

async fn demand(harness: &impl FleetHarness, key: &FleetKey, seen: u64) -> Demand {
    let api = harness.api();
    let answer = api.demand(&key.namespace, &key.fleet, &key.region, seen);
    within("demand", answer).await.expect("demand answers")
}

async fn rows(harness: &impl FleetHarness, key: &FleetKey) -> Vec<GameServer> {
    let api = harness.api();
    let answer = api.list(&key.namespace, &key.fleet, &key.region).await;
    answer.expect("list answers")
}

async fn row(harness: &impl FleetHarness, key: &FleetKey, id: GameServerId) -> GameServer {
    let rows = rows(harness, key).await;
    let row = rows.into_iter().find(|row| row.id == id);
    row.expect("the row is listed")
}

fn new_game_server(key: &FleetKey, id: GameServerId, fleet_revision: u64) -> NewGameServer {
    NewGameServer {
        id,
        fleet: key.fleet.clone(),
        region: key.region.clone(),
        node: "node-1".to_owned(),
        addresses: Addresses {
            external: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("default".to_owned(), 7_000)]),
            ..Addresses::default()
        },
        fleet_revision,
        provider_data: serde_json::json!({ "port": 7_000 }),
    }
}

async fn registered(harness: &impl FleetHarness, key: &FleetKey) -> GameServerId {
    let id: GameServerId = fresh_id();
    let spec = demand(harness, key, 0)
        .await
        .spec
        .expect("the fleet exists");
    let game_server = new_game_server(key, id, spec.fleet_revision);
    let answer = harness.api().register(&key.namespace, game_server).await;
    let observed = answer.expect("there is room");
    assert!(!observed.url.is_empty() && !observed.token.is_empty());
    id
}

async fn made_ready(harness: &impl FleetHarness, key: &FleetKey) -> GameServerId {
    let id = registered(harness, key).await;
    harness.ready(key, id).await;
    assert_eq!(row(harness, key, id).await.state, GameServerState::Ready);
    id
}

async fn retire(
    harness: &impl FleetHarness,
    key: &FleetKey,
    id: GameServerId,
    drain: bool,
) -> bool {
    let answer = harness.api().retire(&key.namespace, id, drain).await;
    answer.expect("retire answers")
}

async fn end(harness: &impl FleetHarness, key: &FleetKey, id: GameServerId) {
    let observation = Observation::Ended {
        reason: "exit status 0".to_owned(),
    };
    let answer = harness
        .api()
        .observed(&key.namespace, id, observation)
        .await;
    answer.expect("observed answers");
}

/// The same id again is the same row, with a token that works.
pub async fn register_is_idempotent_by_id(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(0, 1, 1)).await;
    let id = registered(harness, &key).await;
    let before = rows(harness, &key).await;
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].state, GameServerState::Starting);
    let again = new_game_server(&key, id, before[0].fleet_revision);
    let answer = harness.api().register(&key.namespace, again).await;
    assert!(
        !answer
            .expect("the row exists, full or not")
            .token
            .is_empty()
    );
    assert_eq!(rows(harness, &key).await, before, "one row, unchanged");
}

/// A fleet never has more rows than its `max`, however many ask at once.
pub async fn register_beyond_max_is_refused(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(0, 1, 3)).await;
    let revision = demand(harness, &key, 0)
        .await
        .spec
        .expect("exists")
        .fleet_revision;
    let api = harness.api();
    let tries =
        (0..10).map(|_| api.register(&key.namespace, new_game_server(&key, fresh_id(), revision)));
    let answers = join_all(tries).await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Error::Refused(_))))
        .count();
    assert_eq!((accepted, refused), (3, 7));
    let alive = rows(harness, &key).await;
    assert_eq!(alive.len(), 3);
    end(harness, &key, alive[0].id).await;
    registered(harness, &key).await;
}

/// Nothing can be started for a fleet that is not there.
pub async fn register_of_an_unknown_fleet_is_refused(harness: &impl FleetHarness) {
    let mut key = harness.put_fleet("fleet", capacity(0, 1, 3)).await;
    key.fleet = "another".parse().expect("a name");
    let game_server = new_game_server(&key, fresh_id(), 1);
    let answer = harness.api().register(&key.namespace, game_server).await;
    assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
}

/// Zero, or a version of the past, is answered at once with how things stand.
pub async fn demand_answers_at_once_when_it_has_news(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(2, 1, 4)).await;
    let first = demand(harness, &key, 0).await;
    assert!(
        first.version > 0,
        "0 is what a caller says who has seen nothing"
    );
    assert_eq!(first.desired, 2, "min is kept running");
    assert_eq!(first.waiting, 0);
    let spec = first.spec.as_ref().expect("the fleet exists");
    assert_eq!((&spec.fleet.name, &spec.region), (&key.fleet, &key.region));
    harness.put_fleet("fleet", capacity(3, 1, 4)).await;
    let second = demand(harness, &key, first.version).await;
    assert!(second.version > first.version);
    assert_eq!(second.desired, 3);
}

/// Who has seen the latest waits for the next.
pub async fn demand_waits_until_it_changes(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 1, 4)).await;
    let seen = demand(harness, &key, 0).await.version;
    let api = harness.api();
    let mut poll = api.demand(&key.namespace, &key.fleet, &key.region, seen);
    assert!(
        futures_util::poll!(&mut poll).is_pending(),
        "nothing has changed"
    );
    harness.put_fleet("fleet", capacity(2, 1, 4)).await;
    let answer = within("the change", poll).await.expect("demand answers");
    assert_eq!(answer.desired, 2);
}

/// Many callers, many changes: each caller ends with the last.
pub async fn demand_never_loses_a_wake(harness: &impl FleetHarness) {
    const LAST: u32 = 60;
    let key = harness.put_fleet("fleet", capacity(0, 0, 100)).await;
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let (api, key) = (harness.api(), key.clone());
        callers.spawn(async move {
            let mut seen = 0;
            loop {
                let answer = api
                    .demand(&key.namespace, &key.fleet, &key.region, seen)
                    .await;
                let answer = answer.expect("demand answers");
                assert!(answer.version > seen, "versions count up");
                if answer.desired == LAST {
                    return;
                }
                seen = answer.version;
            }
        });
    }
    for min in 1..=LAST {
        harness.put_fleet("fleet", capacity(min, 0, 100)).await;
        tokio::task::yield_now().await;
    }
    within("every caller sees the last change", async {
        while let Some(ended) = callers.join_next().await {
            ended.expect("a caller ended well");
        }
    })
    .await;
}

/// What is in use is wanted, with the buffer on top; never more than `max`.
pub async fn demand_grows_with_what_is_in_use(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(0, 1, 2)).await;
    let first = demand(harness, &key, 0).await;
    assert_eq!(first.desired, 1, "the buffer");
    made_ready(harness, &key).await;
    let (id, allocation) = harness.allocate(&key).await.expect("one is ready");
    let grown = within("more demand", async {
        let mut answer = demand(harness, &key, 0).await;
        while answer.desired != 2 {
            answer = demand(harness, &key, answer.version).await;
        }
        answer
    })
    .await;
    made_ready(harness, &key).await;
    harness.allocate(&key).await.expect("the second is ready");
    assert_eq!(demand(harness, &key, 0).await.desired, 2, "max");
    assert!(grown.version > first.version);
    harness.release(&key, id, allocation).await;
    assert_eq!(
        demand(harness, &key, 0).await.desired,
        2,
        "one in use, one buffer"
    );
}

/// A fleet that was removed has demand without a spec.
pub async fn demand_of_a_removed_fleet_says_so(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    registered(harness, &key).await;
    let seen = demand(harness, &key, 0).await.version;
    let (_, answer) = join(harness.remove_fleet(&key), async {
        let mut answer = demand(harness, &key, seen).await;
        while answer.spec.is_some() {
            answer = demand(harness, &key, answer.version).await;
        }
        answer
    })
    .await;
    assert_eq!(answer.desired, 0);
}

/// A provider can tell the game servers of old content from the new; other numbers alone are no new content.
pub async fn only_new_content_changes_the_revision(harness: &impl FleetHarness) {
    let revision = async |key: &FleetKey| {
        let spec = demand(harness, key, 0).await.spec.expect("exists");
        spec.fleet_revision
    };
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let old = revision(&key).await;
    let id = registered(harness, &key).await;
    harness.put_fleet("fleet", capacity(2, 1, 5)).await;
    assert_eq!(revision(&key).await, old, "more of the same");
    let two_slots = Capacity {
        slots: 2,
        ..capacity(2, 1, 5)
    };
    harness.put_fleet("fleet", two_slots).await;
    assert_ne!(revision(&key).await, old);
    assert_eq!(row(harness, &key, id).await.fleet_revision, old);
}

/// A provider hears of every fleet that it has to care for, and of one that is gone until its rows are.
pub async fn fleets_names_what_exists_and_what_is_left_over(harness: &impl FleetHarness) {
    let api = harness.api();
    let first = harness.put_fleet("first", capacity(1, 0, 4)).await;
    let (seen, fleets) = api
        .fleets(Provider::Process, 0)
        .await
        .expect("fleets answers");
    let flat = |key: &FleetKey| (key.namespace.clone(), key.fleet.clone(), key.region.clone());
    assert_eq!(fleets, [flat(&first)]);
    assert!(seen > 0);
    let mut poll = api.fleets(Provider::Process, seen);
    assert!(
        futures_util::poll!(&mut poll).is_pending(),
        "nothing has changed"
    );
    let second = harness.put_fleet("second", capacity(1, 0, 4)).await;
    let (seen, fleets) = within("the second fleet", poll)
        .await
        .expect("fleets answers");
    assert_eq!(
        fleets.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([flat(&first), flat(&second)])
    );
    let id = registered(harness, &first).await;
    harness.remove_fleet(&first).await;
    let (_, fleets) = api
        .fleets(Provider::Process, 0)
        .await
        .expect("fleets answers");
    assert!(fleets.contains(&flat(&first)), "it has a row");
    end(harness, &first, id).await;
    within("the removed fleet is forgotten", async {
        let (mut seen, mut fleets) = api.fleets(Provider::Process, seen).await.expect("answers");
        while fleets.contains(&flat(&first)) {
            (seen, fleets) = api.fleets(Provider::Process, seen).await.expect("answers");
        }
    })
    .await;
}

/// Rows of another fleet are not listed.
pub async fn list_gives_the_rows_of_one_fleet(harness: &impl FleetHarness) {
    let first = harness.put_fleet("first", capacity(1, 0, 4)).await;
    let second = harness.put_fleet("second", capacity(1, 0, 4)).await;
    let id = registered(harness, &first).await;
    let other = registered(harness, &second).await;
    let ids = |rows: Vec<GameServer>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(rows(harness, &first).await), [id]);
    assert_eq!(ids(rows(harness, &second).await), [other]);
}

/// What the provider notes comes back to it after its restart.
pub async fn observed_running_notes_the_provider_data(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let id = registered(harness, &key).await;
    let noted = row(harness, &key, id).await.provider_data;
    assert_eq!(noted, serde_json::json!({ "port": 7_000 }), "as registered");
    let data = serde_json::json!({ "pid": 1_234, "start": 5 });
    for _ in 0..2 {
        let observation = Observation::Running {
            provider_data: data.clone(),
        };
        let answer = harness
            .api()
            .observed(&key.namespace, id, observation)
            .await;
        answer.expect("observed answers");
        let row = row(harness, &key, id).await;
        assert_eq!(row.provider_data, data);
        assert_eq!(
            row.state,
            GameServerState::Starting,
            "only its own poll makes it ready"
        );
    }
}

/// An ending may be told as often as the provider likes.
pub async fn observed_ended_makes_gone_and_repeats(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let id = made_ready(harness, &key).await;
    let other = made_ready(harness, &key).await;
    for _ in 0..3 {
        end(harness, &key, id).await;
        let left: Vec<_> = rows(harness, &key)
            .await
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(left, [other]);
    }
    // A late word of its life does not bring it back.
    let observation = Observation::Running {
        provider_data: serde_json::Value::Null,
    };
    let answer = harness
        .api()
        .observed(&key.namespace, id, observation)
        .await;
    answer.expect("observed answers");
    assert_eq!(rows(harness, &key).await.len(), 1);
}

/// What nobody knows may be told.
pub async fn observed_of_an_unknown_id_succeeds(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    end(harness, &key, fresh_id()).await;
    assert_eq!(rows(harness, &key).await, []);
}

/// The dead host nobody.
pub async fn an_ended_game_server_is_never_allocated(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let id = made_ready(harness, &key).await;
    end(harness, &key, id).await;
    assert_eq!(harness.allocate(&key).await, None);
}

/// Without `drain` a row in use stays as it is.
pub async fn retire_refuses_what_is_in_use(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let id = made_ready(harness, &key).await;
    let (got, allocation) = harness.allocate(&key).await.expect("one is ready");
    assert_eq!(got, id);
    let before = row(harness, &key, id).await;
    assert_eq!(before.used(), 1);
    assert!(!retire(harness, &key, id, false).await);
    assert_eq!(row(harness, &key, id).await, before);
    harness.release(&key, id, allocation).await;
    assert!(retire(harness, &key, id, false).await);
    assert_eq!(
        row(harness, &key, id).await.state,
        GameServerState::Draining
    );
}

/// With `drain` it takes nothing new, and may end once it is idle.
pub async fn retire_with_drain_takes_it_out_of_service(harness: &impl FleetHarness) {
    let two_slots = Capacity {
        slots: 2,
        ..capacity(1, 0, 4)
    };
    let key = harness.put_fleet("fleet", two_slots).await;
    let id = made_ready(harness, &key).await;
    let (_, allocation) = harness.allocate(&key).await.expect("two slots are free");
    assert!(!retire(harness, &key, id, true).await, "it is in use");
    let drained = row(harness, &key, id).await;
    assert_eq!(
        (drained.state, drained.used()),
        (GameServerState::Draining, 1)
    );
    assert_eq!(
        harness.allocate(&key).await,
        None,
        "its free slot is out of service"
    );
    assert!(!retire(harness, &key, id, true).await, "it is still in use");
    harness.release(&key, id, allocation).await;
    assert!(retire(harness, &key, id, true).await);
}

/// Leave to end, once given, is never taken back.
pub async fn retire_repeats(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    let id = made_ready(harness, &key).await;
    let starting = registered(harness, &key).await;
    for drain in [false, true, false] {
        assert!(retire(harness, &key, id, drain).await);
        assert!(
            retire(harness, &key, starting, drain).await,
            "one that starts is idle"
        );
        assert_eq!(
            row(harness, &key, id).await.state,
            GameServerState::Draining
        );
        assert_eq!(harness.allocate(&key).await, None);
        // Asking for its assignment does not bring it back into service.
        harness.ready(&key, id).await;
    }
}

/// What the registry does not know, or knows as gone, may be ended.
pub async fn retire_of_an_unknown_id_gives_leave(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(1, 0, 4)).await;
    assert!(retire(harness, &key, fresh_id(), false).await);
    let id = made_ready(harness, &key).await;
    end(harness, &key, id).await;
    assert!(retire(harness, &key, id, true).await);
}

/// Retirement and allocation of one game server at the same moment: exactly one of them wins.
pub async fn retire_and_allocate_never_both_win(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(0, 1, 4)).await;
    let (mut retired, mut used) = (0, 0);
    for round in 0..harness.race_rounds() {
        let id = made_ready(harness, &key).await;
        let api = harness.api();
        let (namespace, start) = (
            key.namespace.clone(),
            Arc::new(tokio::sync::Barrier::new(2)),
        );
        let mut race = JoinSet::new();
        let gate = Arc::clone(&start);
        race.spawn(async move {
            gate.wait().await;
            api.retire(&namespace, id, false).await
        });
        start.wait().await;
        let allocated = harness.allocate(&key).await;
        let leave = race.join_next().await.expect("one task");
        let leave = leave.expect("it ended well").expect("retire answers");
        let row = row(harness, &key, id).await;
        match allocated {
            Some((got, allocation)) => {
                assert_eq!(got, id);
                assert!(
                    !leave,
                    "round {round}: leave to end what was just allocated"
                );
                assert_eq!((row.state, row.used()), (GameServerState::Ready, 1));
                harness.release(&key, id, allocation).await;
                used += 1;
            }
            None => {
                assert!(leave, "round {round}: neither won");
                assert_eq!((row.state, row.used()), (GameServerState::Draining, 0));
                retired += 1;
            }
        }
        end(harness, &key, id).await;
    }
    assert_eq!(retired + used, harness.race_rounds());
}

/// Many game servers at once, each registered, used, retired and ended: nothing is left.
pub async fn two_hundred_in_parallel_leave_nothing(harness: &impl FleetHarness) {
    let key = harness.put_fleet("fleet", capacity(0, 1, 200)).await;
    join_all((0..200).map(|_| async {
        made_ready(harness, &key).await;
        let (id, allocation) = harness.allocate(&key).await.expect("one is ready for each");
        assert!(!retire(harness, &key, id, true).await);
        harness.release(&key, id, allocation).await;
        assert!(retire(harness, &key, id, false).await);
        end(harness, &key, id).await;
    }))
    .await;
    assert_eq!(rows(harness, &key).await, []);
}
