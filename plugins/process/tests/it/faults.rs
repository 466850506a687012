//! The faults that a provider of processes has to bear, over any registry that keeps the contract.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use allocator::conformance::fleet_api::{FleetHarness, FleetKey};
use allocator::conformance::{fresh_id, within};
use allocator::{NewGameServer, Observation};
use async_trait::async_trait;
use model::fleet::Capacity;
use model::game_server::GameServerState;
use model::instance::Addresses;
use model::{GameServer, GameServerId, InstallationId};
use plugin_process::{Found, OnShutdown, Options, of_installation};
use serde_json::{Value, json};

use crate::world::{World, eventually, now};

/// What a registry lends to these scenarios beyond the suite of the contract.
#[async_trait]
pub trait ProviderHarness: FleetHarness {
    /// Like `put_fleet`, with this `config`.
    async fn put_fleet_of(&self, name: &str, capacity: Capacity, config: Value) -> FleetKey;
    /// A command that asks for its assignment and then does what this bash script says.
    fn game(&self, behaviour: &str) -> Vec<String>;
}

/// Lives until it is asked to stop, and then stops in order.
const OBEDIENT: &str = "exec sleep 1000";

macro_rules! provider_conformance {
    ($harness:expr) => {
        $crate::faults::provider_conformance!(@tests $harness;
            keeps_as_many_as_are_wanted,
            a_game_server_that_ends_is_replaced,
            command_not_found_is_tried_again_ever_more_slowly,
            exits_at_once_is_tried_again_ever_more_slowly,
            recovers_as_soon_as_a_start_goes_well,
            never_becomes_ready_is_ended_and_replaced,
            ignores_sigterm_and_is_killed_with_its_children,
            grandchildren_do_not_outlive_their_game_server,
            a_taken_port_is_passed_over,
            no_free_port_is_waited_for,
            what_is_in_use_is_never_ended_as_surplus,
            an_outdated_game_server_is_drained_and_replaced,
            a_removed_fleet_is_ended,
            a_row_without_a_process_is_ended,
            a_row_that_vanishes_ends_its_process,
            a_restart_takes_back_what_is_alive,
            a_restart_takes_back_what_executes_other_programs,
            a_restart_elsewhere_replaces_what_looks_for_the_old_address,
            a_restart_ends_the_rows_of_the_dead,
            a_restart_ends_remnants_of_a_dead_leader,
            a_restart_ends_processes_without_a_row,
            other_installations_are_left_alone,
            crashes_at_any_moment_lose_and_leak_nothing,
            a_registry_that_is_away_costs_no_game_server,
            shutdown_leaves_them_running_when_told,
            a_wrapped_game_is_stopped_by_its_wrapper,
            a_game_does_not_outlive_its_wrapper,
            limits_and_environment_reach_the_process,
            the_log_is_written_without_us_and_stays_small,
            scale_down_and_allocation_never_meet,
            two_hundred_start_and_stop,
        );
    };
    (@tests $harness:expr; $($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let harness = $harness.await;
            $crate::faults::$name(&harness).await;
        }
    )*};
}
pub(crate) use provider_conformance;

fn capacity(min: u32, max: u32) -> Capacity {
    Capacity {
        min,
        buffer: 0,
        max,
        slots: 1,
    }
}

async fn rows(harness: &impl ProviderHarness, key: &FleetKey) -> Vec<GameServer> {
    let api = harness.api();
    let rows = api.list(&key.namespace, &key.fleet, &key.region).await;
    rows.expect("list answers")
}

/// Waits until exactly `count` game servers exist and all are ready.
async fn ready(harness: &impl ProviderHarness, key: &FleetKey, count: usize) -> Vec<GameServer> {
    eventually("ready game servers", async || {
        let rows = rows(harness, key).await;
        let ready = rows.iter().all(|row| row.state == GameServerState::Ready);
        (rows.len() == count && ready).then_some(rows)
    })
    .await
}

async fn no_rows(harness: &impl ProviderHarness, key: &FleetKey) {
    eventually("the end of all rows", async || {
        rows(harness, key).await.is_empty().then_some(())
    })
    .await;
}

fn ids(rows: &[GameServer]) -> Vec<GameServerId> {
    rows.iter().map(|row| row.id).collect()
}

fn port(row: &GameServer) -> u16 {
    row.addresses.ports["default"]
}

async fn end(harness: &impl ProviderHarness, key: &FleetKey, id: GameServerId) {
    let observation = Observation::Ended {
        reason: "the test says so".to_owned(),
    };
    let answer = harness
        .api()
        .observed(&key.namespace, id, observation)
        .await;
    answer.expect("observed answers");
}

/// A process that carries ids as one of ours would, but was started by the test; ends with it.
struct Stranger(Child);

impl Stranger {
    fn start(installation: InstallationId, game_server: GameServerId) -> Self {
        let child = Command::new("sleep")
            .arg("1000")
            .env("MUSTER_INSTALLATION_ID", installation.to_string())
            .env("MUSTER_GAME_SERVER_ID", game_server.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(child.expect("sleep can be started"))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn kill(found: &Found) {
    let pid = rustix::process::Pid::from_raw(found.pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is there");
}

/// Starts what is wanted, more when more is, and ends the surplus.
pub async fn keeps_as_many_as_are_wanted(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(2, 8), config.clone())
        .await;
    world.start();
    let first = ready(harness, &key, 2).await;
    assert_eq!(world.so_many_processes(2).await.len(), 2);
    assert_ne!(port(&first[0]), port(&first[1]));
    harness.allocate(&key).await.expect("one is ready");
    harness
        .put_fleet_of("fleet", capacity(4, 8), config.clone())
        .await;
    harness.put_fleet_of("fleet", capacity(0, 8), config).await;
    eventually("only the one in use is left", async || {
        let rows = rows(harness, &key).await;
        (rows.len() == 1 && rows[0].used() == 1).then_some(())
    })
    .await;
    world.leaves_nothing().await;
}

/// Whatever ends by itself is told of and replaced.
pub async fn a_game_server_that_ends_is_replaced(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(1, 4), config).await;
    world.start();
    let first = ready(harness, &key, 1).await;
    kill(&world.so_many_processes(1).await[0]);
    let second = eventually("another one", async || {
        let rows = rows(harness, &key).await;
        (rows.len() == 1 && ids(&rows) != ids(&first)).then_some(rows)
    })
    .await;
    assert_ne!(ids(&first), ids(&second));
    let ended = world.spy.ended();
    assert_eq!(ended[0].0, first[0].id);
    assert!(ended[0].1.contains("signal: 9"), "{ended:?}");
    world.leaves_nothing().await;
}

/// Rounds of starts are apart by a wait that doubles, and after the first only one is tried at a time.
async fn tried_ever_more_slowly(harness: &impl ProviderHarness, config: Value, reason: &str) {
    let mut world = World::new(harness.api());
    let key = harness.put_fleet_of("fleet", capacity(3, 8), config).await;
    world.start();
    // Three at once, then one after 50, 100 and 200 ms.
    let tries = eventually("six starts", async || {
        let tries = world.spy.registered();
        (tries.len() >= 6).then_some(tries)
    })
    .await;
    for (index, wait_ms) in [(3, 50), (4, 100), (5, 200)] {
        let waited = tries[index] - tries[index - 1];
        assert!(
            waited >= Duration::from_millis(wait_ms),
            "try {index} after {waited:?}"
        );
    }
    let (_, why) = &world.spy.ended()[0];
    assert!(why.contains(reason), "{why}");
    let lists = world.spy.lists.load(std::sync::atomic::Ordering::SeqCst);
    assert!(lists < 200, "{lists} looks are a hot loop");
    harness.remove_fleet(&key).await;
    no_rows(harness, &key).await;
    world.leaves_nothing().await;
}

/// A program that is not there.
pub async fn command_not_found_is_tried_again_ever_more_slowly(harness: &impl ProviderHarness) {
    let config = json!({ "command": ["/nowhere/game"] });
    tried_ever_more_slowly(harness, config, "cannot start /nowhere/game: No such file").await;
}

/// A program that is there and does not stay.
pub async fn exits_at_once_is_tried_again_ever_more_slowly(harness: &impl ProviderHarness) {
    let config = json!({ "command": ["bash", "-c", "exit 3"] });
    tried_ever_more_slowly(harness, config, "exit status: 3").await;
}

/// One that becomes ready opens the way for the others, without the wait of the past.
pub async fn recovers_as_soon_as_a_start_goes_well(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let gate = world.folder().join("gate");
    let script = format!("test -e {} || exit 1; {OBEDIENT}", gate.display());
    let config = json!({ "command": harness.game(&script) });
    let key = harness.put_fleet_of("fleet", capacity(5, 8), config).await;
    world.start();
    eventually("failed starts", async || {
        (world.spy.ended().len() >= 6).then_some(())
    })
    .await;
    std::fs::write(&gate, "").expect("writes");
    ready(harness, &key, 5).await;
    world.leaves_nothing().await;
}

/// A process that never asks for its assignment does not hold its place for ever.
pub async fn never_becomes_ready_is_ended_and_replaced(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    world.options.start_timeout = Duration::from_millis(200);
    let config = json!({ "command": ["sleep", "1000"] });
    let key = harness.put_fleet_of("fleet", capacity(1, 4), config).await;
    world.start();
    let first = eventually("its row", async || {
        rows(harness, &key).await.first().cloned()
    })
    .await;
    eventually("the word of its end", async || {
        let ended = world.spy.ended();
        ended
            .iter()
            .any(|(id, why)| *id == first.id && why.starts_with("did not become ready in time"))
            .then_some(())
    })
    .await;
    let after = world.processes().await;
    assert!(
        after
            .iter()
            .all(|found| found.game_server != Some(first.id)),
        "it is gone"
    );
    eventually("another try", async || {
        (world.spy.registered().len() > 1).then_some(())
    })
    .await;
    world.leaves_nothing().await;
}

/// Deaf to SIGTERM, it and its child: both are killed after the grace.
pub async fn ignores_sigterm_and_is_killed_with_its_children(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    world.options.stop_grace = Duration::from_millis(300);
    let script = "trap '' TERM; (while :; do sleep 0.05; done) & while :; do sleep 0.05; done";
    let config = json!({ "command": harness.game(script) });
    let key = harness
        .put_fleet_of("fleet", capacity(1, 4), config.clone())
        .await;
    world.start();
    ready(harness, &key, 1).await;
    eventually("its child", async || {
        (world.processes().await.len() >= 2).then_some(())
    })
    .await;
    let began = now();
    harness.put_fleet_of("fleet", capacity(0, 4), config).await;
    no_rows(harness, &key).await;
    assert!(
        now() - began >= world.options.stop_grace,
        "it had its grace"
    );
    assert_eq!(world.processes().await, []);
    assert!(
        world.spy.ended()[0].1.contains("signal: 9"),
        "{:?}",
        world.spy.ended()
    );
    world.leaves_nothing().await;
}

/// The game ends, what it has started does not: a child in its group and one in a session of its own.
pub async fn grandchildren_do_not_outlive_their_game_server(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let gate = world.folder().join("gate");
    let script = format!(
        "sleep 1000 & setsid sleep 1000 & env -i sleep 987.654 & until test -e {}; do sleep 0.02; done; exit 0",
        gate.display()
    );
    let config = json!({ "command": harness.game(&script) });
    let key = harness
        .put_fleet_of("fleet", capacity(1, 1), config.clone())
        .await;
    world.start();
    let first = ready(harness, &key, 1).await;
    eventually("its children", async || {
        (world.processes().await.len() >= 3).then_some(())
    })
    .await;
    let group = group_members(world.processes().await[0].group);
    assert!(
        group.len() >= 3,
        "one without our ids is in the group too: {group:?}"
    );
    std::fs::write(&gate, "").expect("writes");
    eventually("the word of its end", async || {
        world
            .spy
            .ended()
            .iter()
            .any(|(id, _)| *id == first[0].id)
            .then_some(())
    })
    .await;
    let left = world.processes().await;
    assert!(
        left.iter()
            .all(|found| found.game_server != Some(first[0].id)),
        "{left:?}"
    );
    assert_eq!(
        group.iter().filter(|pid| is_alive(**pid)).count(),
        0,
        "{group:?}"
    );
    world.leaves_nothing().await;
}

fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

fn is_alive(pid: i32) -> bool {
    stat_fields(pid).is_some_and(|fields| fields[0] != "Z")
}

fn group_members(group: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("reads");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat_fields(*pid).is_some_and(|fields| fields[2] == group.to_string()))
        .collect()
}

/// A range of ports that nobody has, as two of them are held: one by each protocol.
fn two_held_ports_of_three() -> (u16, UdpSocket, TcpListener) {
    for first in (20_000..30_000).step_by(3) {
        let udp = UdpSocket::bind(("127.0.0.1", first));
        let tcp = TcpListener::bind(("127.0.0.1", first + 1));
        let free = TcpListener::bind(("0.0.0.0", first + 2));
        if let (Ok(udp), Ok(tcp), Ok(_)) = (udp, tcp, free) {
            return (first, udp, tcp);
        }
    }
    panic!("no three ports in a row are free");
}

/// A stranger on a port, by either protocol, is no obstacle while another is free.
pub async fn a_taken_port_is_passed_over(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let (first, _udp, _tcp) = two_held_ports_of_three();
    let range = format!("{first}-{}", first + 2);
    let config = json!({ "command": harness.game(OBEDIENT), "ports": range });
    let key = harness.put_fleet_of("fleet", capacity(1, 3), config).await;
    world.start();
    let rows = ready(harness, &key, 1).await;
    assert_eq!(port(&rows[0]), first + 2);
    world.leaves_nothing().await;
}

/// With every port taken nothing is started; when one is free again, one is.
pub async fn no_free_port_is_waited_for(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let (first, _udp, tcp) = two_held_ports_of_three();
    let range = format!("{first}-{}", first + 1);
    let config = json!({ "command": harness.game(OBEDIENT), "ports": range });
    let key = harness.put_fleet_of("fleet", capacity(1, 2), config).await;
    world.start();
    eventually("some looks", async || {
        (world.spy.lists.load(std::sync::atomic::Ordering::SeqCst) > 5).then_some(())
    })
    .await;
    assert_eq!(rows(harness, &key).await, [], "a row comes after its port");
    drop(tcp);
    let rows = ready(harness, &key, 1).await;
    assert_eq!(port(&rows[0]), first + 1);
    world.leaves_nothing().await;
}

/// Surplus is only what is idle.
pub async fn what_is_in_use_is_never_ended_as_surplus(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(3, 3), config.clone())
        .await;
    world.start();
    ready(harness, &key, 3).await;
    let (used, allocation) = harness.allocate(&key).await.expect("ready");
    // The same content, so that nothing is outdated: only the demand shrinks.
    harness.put_fleet_of("fleet", capacity(0, 3), config).await;
    eventually("the idle are gone", async || {
        (ids(&rows(harness, &key).await) == [used]).then_some(())
    })
    .await;
    let alive = world.processes().await;
    assert!(
        alive.iter().any(|found| found.game_server == Some(used)),
        "{alive:?}"
    );
    harness.release(&key, used, allocation).await;
    no_rows(harness, &key).await;
    world.leaves_nothing().await;
}

/// New content: the idle are replaced, the used go on to the end of their session.
pub async fn an_outdated_game_server_is_drained_and_replaced(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(2, 8), config).await;
    world.start();
    let old = ready(harness, &key, 2).await;
    let (used, allocation) = harness.allocate(&key).await.expect("ready");
    let config = json!({ "command": harness.game("true; exec sleep 1000") });
    harness.put_fleet_of("fleet", capacity(2, 8), config).await;
    eventually("the new beside the used", async || {
        let rows = rows(harness, &key).await;
        let state = |row: &GameServer| (ids(&old).contains(&row.id), row.state);
        let count = |wanted| rows.iter().filter(|row| state(row) == wanted).count();
        let new = count((false, GameServerState::Ready));
        let draining = count((true, GameServerState::Draining));
        (rows.len() == 3 && new == 2 && draining == 1).then_some(())
    })
    .await;
    let alive = world.processes().await;
    assert!(
        alive.iter().any(|found| found.game_server == Some(used)),
        "{alive:?}"
    );
    harness.release(&key, used, allocation).await;
    ready(harness, &key, 2).await;
    world.leaves_nothing().await;
}

/// Nothing is left of a fleet that is gone; when it comes back, so do its game servers.
pub async fn a_removed_fleet_is_ended(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(2, 4), config.clone())
        .await;
    world.start();
    ready(harness, &key, 2).await;
    harness.remove_fleet(&key).await;
    no_rows(harness, &key).await;
    assert_eq!(world.processes().await, []);
    harness.put_fleet_of("fleet", capacity(1, 4), config).await;
    ready(harness, &key, 1).await;
    world.leaves_nothing().await;
}

fn row_without_a_process(key: &FleetKey, world: &World) -> NewGameServer {
    NewGameServer {
        id: fresh_id(),
        fleet: key.fleet.clone(),
        region: key.region.clone(),
        node: world.options.node.clone(),
        addresses: Addresses {
            external: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("default".to_owned(), 7_000)]),
            ..Addresses::default()
        },
        fleet_revision: 1,
        provider_data: json!({ "port": 7_000, "wrapped": false, "grace_ms": 1_000 }),
    }
}

/// An earlier life wrote the row and died before it started the process. Rows of other nodes are theirs.
pub async fn a_row_without_a_process_is_ended(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let key = harness
        .put_fleet_of("fleet", capacity(0, 4), json!({ "command": ["true"] }))
        .await;
    let ours = row_without_a_process(&key, &world);
    let theirs = NewGameServer {
        node: "another".to_owned(),
        ..row_without_a_process(&key, &world)
    };
    for row in [&ours, &theirs] {
        let answer = harness.api().register(&key.namespace, row.clone()).await;
        answer.expect("there is room");
    }
    world.start();
    eventually("ours is ended", async || {
        (ids(&rows(harness, &key).await) == [theirs.id]).then_some(())
    })
    .await;
    assert_eq!(
        world
            .spy
            .ended()
            .iter()
            .filter(|(id, _)| *id == theirs.id)
            .count(),
        0
    );
    world.leaves_nothing().await;
}

/// Somebody else has ended the row: nothing can be allocated there any more.
pub async fn a_row_that_vanishes_ends_its_process(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(1, 4), config).await;
    world.start();
    let first = ready(harness, &key, 1).await;
    end(harness, &key, first[0].id).await;
    eventually("its process is gone, another is there", async || {
        let processes = world.processes().await;
        let old = processes
            .iter()
            .any(|found| found.game_server == Some(first[0].id));
        (processes.len() == 1 && !old).then_some(())
    })
    .await;
    world.leaves_nothing().await;
}

/// The same processes, the same rows; and their end is seen although they are nobody's children any more.
pub async fn a_restart_takes_back_what_is_alive(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(3, 3), config.clone())
        .await;
    world.start();
    let before = ids(&ready(harness, &key, 3).await);
    let before = (before, world.so_many_processes(3).await);
    world.crash().await;
    assert_eq!(world.processes().await, before.1, "they go on");
    world.start();
    kill(&before.1[0]);
    let dead = before.1[0].game_server.expect("it carries its id");
    eventually("the dead one is replaced", async || {
        let now = ids(&rows(harness, &key).await);
        (now.len() == 3 && !now.contains(&dead)).then_some(())
    })
    .await;
    let after = ids(&ready(harness, &key, 3).await);
    assert_eq!(after.iter().filter(|id| before.0.contains(id)).count(), 2);
    let alive = world.so_many_processes(3).await;
    assert!(
        before.1[1..].iter().all(|found| alive.contains(found)),
        "{alive:?}"
    );
    assert_eq!(
        world.spy.registered().len(),
        4,
        "nothing was started in vain"
    );
    harness.put_fleet_of("fleet", capacity(0, 3), config).await;
    no_rows(harness, &key).await;
    assert_eq!(
        world.processes().await,
        [],
        "what was taken back can be ended"
    );
    world.leaves_nothing().await;
}

/// A process shows no environment while it executes another program, and is the same process all the time.
pub async fn a_restart_takes_back_what_executes_other_programs(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let again = r#"export AGAIN='exec bash -c "$AGAIN"'; exec bash -c "$AGAIN""#;
    let config = json!({ "command": harness.game(again) });
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    world.start();
    ready(harness, &key, 1).await;
    for _ in 0..20 {
        world.crash().await;
        let lives = world.spy.running.load(Ordering::SeqCst);
        world.start();
        let running = || world.spy.running.load(Ordering::SeqCst) > lives;
        eventually("its fate", async || {
            (running() || !world.spy.ended().is_empty()).then_some(())
        })
        .await;
        assert_eq!(world.spy.ended(), [], "it is alive");
    }
    world.leaves_nothing().await;
}

/// Whoever was told the server's old address cannot reach it: alive or not, it is no capacity.
pub async fn a_restart_elsewhere_replaces_what_looks_for_the_old_address(
    harness: &impl ProviderHarness,
) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(2, 2), config).await;
    world.start();
    let before = ids(&ready(harness, &key, 2).await);
    world.so_many_processes(2).await;
    world.crash().await;
    world.options.url = Some("http://127.0.0.1:1".to_owned());
    world.start();
    let all_new = eventually("all are replaced", async || {
        let now = ids(&rows(harness, &key).await);
        (now.len() == 2 && !now.iter().any(|id| before.contains(id))).then_some(now)
    })
    .await;
    for (id, reason) in world.spy.ended() {
        assert!(before.contains(&id), "{reason}");
        assert!(reason.contains("another address"), "{reason}");
    }
    // A row whose process has not begun yet would be replaced once more.
    eventually("their processes", async || {
        let processes = world.processes().await;
        let begun =
            |id: &GameServerId| processes.iter().any(|found| found.game_server == Some(*id));
        all_new.iter().all(begun).then_some(())
    })
    .await;
    // What was started by the registry's word is of that address again.
    world.crash().await;
    world.options.url = None;
    world.start();
    assert_eq!(ids(&ready(harness, &key, 2).await), all_new);
    world.leaves_nothing().await;
}

/// What died while nobody looked is told of.
pub async fn a_restart_ends_the_rows_of_the_dead(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(2, 2), config).await;
    world.start();
    let before = ready(harness, &key, 2).await;
    world.so_many_processes(2).await;
    world.crash().await;
    for found in world.processes().await {
        kill(&found);
    }
    world.start();
    eventually("both are told of", async || {
        let ended = world.spy.ended();
        let told = |row: &GameServer| ended.iter().any(|(id, _)| *id == row.id);
        before.iter().all(told).then_some(())
    })
    .await;
    ready(harness, &key, 2).await;
    world.leaves_nothing().await;
}

/// The leader died while nobody looked, its child did not: the child is ended, not taken for the leader.
pub async fn a_restart_ends_remnants_of_a_dead_leader(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let script = "setsid sleep 1000 & sleep 1000 & wait";
    let config = json!({ "command": harness.game(script) });
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    world.start();
    let before = ready(harness, &key, 1).await;
    let leader = eventually("its children", async || {
        let processes = world.processes().await;
        let leader = processes
            .iter()
            .find(|found| found.pid == found.group)
            .cloned();
        (processes.len() == 3).then_some(leader)?
    })
    .await;
    world.crash().await;
    kill(&leader);
    world.start();
    eventually("another one, and nothing of the first", async || {
        let processes = world.processes().await;
        let old = processes
            .iter()
            .any(|found| found.game_server == Some(before[0].id));
        let rows = rows(harness, &key).await;
        (!old && rows.len() == 1 && rows[0].id != before[0].id).then_some(())
    })
    .await;
    world.leaves_nothing().await;
}

/// Whatever carries our id and has no row is a remnant.
pub async fn a_restart_ends_processes_without_a_row(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    harness
        .put_fleet_of("fleet", capacity(0, 4), json!({ "command": ["true"] }))
        .await;
    let mut remnant = Stranger::start(world.installation, fresh_id());
    assert_eq!(world.processes().await.len(), 1);
    world.start();
    let wait = tokio::task::spawn_blocking(move || remnant.0.wait());
    let status = within("its end", wait)
        .await
        .expect("joins")
        .expect("waits");
    assert!(!status.success());
    world.leaves_nothing().await;
}

/// Not ours: neither at the start, nor while we run, nor at the end, not even with the id of one of our rows.
pub async fn other_installations_are_left_alone(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    world.options.audit = Duration::from_millis(20);
    let other: InstallationId = fresh_id();
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    let first = Stranger::start(other, fresh_id());
    world.start();
    let rows = ready(harness, &key, 1).await;
    let second = Stranger::start(other, rows[0].id);
    kill(&world.so_many_processes(1).await[0]);
    eventually("its end", async || {
        (!world.spy.ended().is_empty()).then_some(())
    })
    .await;
    ready(harness, &key, 1).await;
    world.leaves_nothing().await;
    let left = tokio::task::spawn_blocking(move || of_installation(other))
        .await
        .expect("joins");
    assert_eq!(left.len(), 2, "{left:?}");
    drop((first, second));
}

/// The provider dies in the middle of starts and stops, again and again.
pub async fn crashes_at_any_moment_lose_and_leak_nothing(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(0, 12), config.clone())
        .await;
    for round in 0..30_u64 {
        let min = if round % 2 == 0 { 12 } else { 2 };
        harness
            .put_fleet_of("fleet", capacity(min, 12), config.clone())
            .await;
        world.start();
        // The moment is the point: a few milliseconds later each round, while up to twelve starts are under way.
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        world.crash().await;
        assert!(rows(harness, &key).await.len() <= 12);
    }
    harness.put_fleet_of("fleet", capacity(5, 12), config).await;
    world.start();
    let rows = ready(harness, &key, 5).await;
    eventually("a process for each row and none beside", async || {
        let mut processes: Vec<_> = world.processes().await.into_iter().collect();
        processes.sort_by_key(|found| found.game_server);
        let owners: Vec<_> = processes
            .iter()
            .filter_map(|found| found.game_server)
            .collect();
        let mut ids = ids(&rows);
        ids.sort();
        (owners == ids).then_some(())
    })
    .await;
    world.leaves_nothing().await;
}

/// While the registry cannot be reached, games go on; afterwards everything is told.
pub async fn a_registry_that_is_away_costs_no_game_server(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(3, 3), config).await;
    world.start();
    let before = ready(harness, &key, 3).await;
    world.set_away(true);
    let processes = world.so_many_processes(3).await;
    kill(&processes[0]);
    let dead = processes[0].game_server.expect("it carries its id");
    eventually("only its process is gone", async || {
        (world.processes().await == processes[1..]).then_some(())
    })
    .await;
    assert_eq!(ids(&rows(harness, &key).await), ids(&before));
    world.set_away(false);
    eventually("it is told of and replaced", async || {
        let now = ids(&rows(harness, &key).await);
        (now.len() == 3 && !now.contains(&dead)).then_some(())
    })
    .await;
    ready(harness, &key, 3).await;
    assert_eq!(world.spy.registered().len(), 4);
    world.leaves_nothing().await;
}

/// The default: an upgrade of Muster ends no game.
pub async fn shutdown_leaves_them_running_when_told(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    world.options.on_shutdown = OnShutdown::Leave;
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness.put_fleet_of("fleet", capacity(2, 2), config).await;
    world.start();
    ready(harness, &key, 2).await;
    let before = world.so_many_processes(2).await;
    world.shut_down().await;
    assert_eq!(world.processes().await, before);
    world.options.on_shutdown = OnShutdown::Stop;
    world.start();
    world.leaves_nothing().await;
    assert_eq!(rows(harness, &key).await, [], "what was stopped has no row");
}

/// Makes `muster` a script that notes how it was called, asks for its assignment, runs a game in a group of its own,
/// and stops it by a signal of the game's own choice. The game notes what it gets.
fn wrap(harness: &impl ProviderHarness, world: &mut World) -> Value {
    let folder = world.folder().display().to_string();
    // Both signals are noted where the loop is checked, so that neither can hide the other.
    let game = format!(
        "trap 'echo TERM >> {folder}/got' TERM; trap 'stop=1' USR1; touch {folder}/up; \
         while [ -z \\$stop ]; do sleep 0.02; done; echo USR1 >> {folder}/got"
    );
    let behaviour = format!(
        "setsid bash -c \"{game}\" & trap 'kill -USR1 $!; wait $!; exit' TERM; \
         while :; do wait; done"
    );
    let words: Vec<String> = (harness.game(&behaviour).iter())
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    let wrapper = world.folder().join("muster");
    let script = format!(
        "#!/bin/bash\nprintf '%s\\n' \"$@\" > {folder}/arguments\nexec {}\n",
        words.join(" ")
    );
    std::fs::write(&wrapper, script).expect("writes");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&wrapper, mode).expect("sets");
    world.options.executable = wrapper;
    json!({
        "command": ["game", "{port}"],
        "wrap": { "ready": { "tcp": "{port}" }, "stop": { "signal": "SIGUSR1", "grace": "5s" } },
    })
}

/// Only the wrapper is asked to stop: it knows how its game likes to be.
pub async fn a_wrapped_game_is_stopped_by_its_wrapper(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = wrap(harness, &mut world);
    let key = harness
        .put_fleet_of("fleet", capacity(1, 1), config.clone())
        .await;
    world.start();
    ready(harness, &key, 1).await;
    let up = world.folder().join("up");
    eventually("the game is up", async || up.exists().then_some(())).await;
    let arguments = std::fs::read_to_string(world.folder().join("arguments")).expect("reads");
    let arguments: Vec<&str> = arguments.lines().collect();
    assert_eq!(arguments[..2], ["wrap", "--rules"]);
    assert_eq!(
        arguments[3..],
        ["--", "game", "{port}"],
        "the wrapper fills in"
    );
    harness.put_fleet_of("fleet", capacity(0, 1), config).await;
    no_rows(harness, &key).await;
    let got = std::fs::read_to_string(world.folder().join("got")).expect("reads");
    assert_eq!(got, "USR1\n");
    world.leaves_nothing().await;
}

/// The wrapper is killed: its game, in another process group, is found by its environment.
pub async fn a_game_does_not_outlive_its_wrapper(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = wrap(harness, &mut world);
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    world.start();
    let rows = ready(harness, &key, 1).await;
    let up = world.folder().join("up");
    eventually("the game is up", async || up.exists().then_some(())).await;
    let leader = eventually("the note of its pid", async || {
        let row = self::rows(harness, &key).await.remove(0);
        row.provider_data["process"]["pid"].as_i64()
    })
    .await;
    let processes = world.processes().await;
    let leader = processes
        .iter()
        .find(|found| i64::from(found.pid) == leader);
    kill(leader.expect("it runs"));
    eventually("the word of its end", async || {
        let ended = world.spy.ended();
        ended.iter().any(|(id, _)| *id == rows[0].id).then_some(())
    })
    .await;
    let left = world.processes().await;
    assert!(
        left.iter()
            .all(|found| found.game_server != Some(rows[0].id)),
        "{left:?}"
    );
    world.leaves_nothing().await;
}

/// The process is limited, knows what it must, and nothing else of ours.
pub async fn limits_and_environment_reach_the_process(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({
        "command": harness.game(OBEDIENT),
        "environment": { "FLAVOUR": "salty" },
        "limits": { "memory": "64Mi", "cpu_seconds": 77 },
    });
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    world.start();
    let rows = ready(harness, &key, 1).await;
    let pid = world.so_many_processes(1).await[0].pid;
    // They are set right after the process has begun.
    eventually("its limits", async || {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("reads");
        let limit = |name: &str| {
            let mut lines = limits.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            let mut words = line.expect("listed").split_ascii_whitespace();
            words.next().map(str::to_owned)
        };
        let memory = limit("Max data size").as_deref() == Some("67108864");
        (memory && limit("Max cpu time").as_deref() == Some("77")).then_some(())
    })
    .await;
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).expect("reads");
    let variables: BTreeMap<&str, &str> = environment
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .collect();
    assert_eq!(variables["FLAVOUR"], "salty");
    assert_eq!(variables["MUSTER_PORT"], port(&rows[0]).to_string());
    assert_eq!(variables["MUSTER_ADDRESS"], "127.0.0.1");
    assert!(variables.contains_key("MUSTER_TOKEN") && variables.contains_key("MUSTER_URL"));
    assert!(
        variables.keys().all(|name| !name.starts_with("CARGO")),
        "{variables:?}"
    );
    world.leaves_nothing().await;
}

/// A chatty game server: its log is cut while it runs, and it goes on writing to the same file.
pub async fn the_log_is_written_without_us_and_stays_small(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    world.options.log_bytes_max = 20_000;
    let script =
        "i=0; while :; do i=$((i+1)); echo \"line $i of a chatty game\"; sleep 0.0005; done";
    let config = json!({ "command": harness.game(script) });
    let key = harness.put_fleet_of("fleet", capacity(1, 1), config).await;
    world.start();
    let rows = ready(harness, &key, 1).await;
    let log = world
        .folder()
        .join(format!("logs/{}@fleet/{}.log", key.namespace, rows[0].id));
    let aside = log.with_extension("log.1");
    eventually("the log is cut", async || aside.exists().then_some(())).await;
    eventually("the game goes on in the emptied file", async || {
        let text = std::fs::read_to_string(&log).ok()?;
        (text.contains("chatty") && !text.contains('\0')).then_some(())
    })
    .await;
    world.crash().await;
    let length = || {
        std::fs::metadata(&log)
            .map(|metadata| metadata.len())
            .unwrap_or(0)
    };
    let before = length();
    eventually("it writes although nobody is there", async || {
        (length() > before).then_some(())
    })
    .await;
    world.start();
    ready(harness, &key, 1).await;
    world.leaves_nothing().await;
}

/// Demand falls and rises while sessions come and go: nobody loses the process that was allocated.
pub async fn scale_down_and_allocation_never_meet(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let config = json!({ "command": harness.game(OBEDIENT) });
    let key = harness
        .put_fleet_of("fleet", capacity(6, 6), config.clone())
        .await;
    world.start();
    ready(harness, &key, 6).await;
    for round in 0..15 {
        let min = if round % 2 == 0 { 0 } else { 6 };
        let change = harness.put_fleet_of("fleet", capacity(min, 6), config.clone());
        let (_, held) = tokio::join!(change, async {
            let mut held = Vec::new();
            while held.len() < 2 {
                match harness.allocate(&key).await {
                    Some(allocated) => held.push(allocated),
                    None => break,
                }
            }
            held
        });
        eventually("a pass", async || {
            let lists = world.spy.lists.load(std::sync::atomic::Ordering::SeqCst);
            (lists > round * 2).then_some(())
        })
        .await;
        for (id, allocation) in held {
            // It hides for a moment while it executes another program; one that was ended would not come back.
            eventually("the process that was allocated", async || {
                let processes = world.processes().await;
                let is_there = processes.iter().any(|found| found.game_server == Some(id));
                is_there.then_some(())
            })
            .await;
            assert!(
                rows(harness, &key).await.iter().any(|row| row.id == id),
                "round {round}"
            );
            harness.release(&key, id, allocation).await;
        }
        if min == 6 {
            ready(harness, &key, 6).await;
        }
    }
    world.leaves_nothing().await;
}

/// Many at once: all start, all are used and given back, all end.
pub async fn two_hundred_start_and_stop(harness: &impl ProviderHarness) {
    let mut world = World::new(harness.api());
    let Options { starts_at_once, .. } = world.options;
    assert!(starts_at_once < 200, "the bound is worth its name");
    let config = json!({ "command": harness.game(OBEDIENT), "ports": "30000-31999" });
    let key = harness
        .put_fleet_of("fleet", capacity(200, 200), config.clone())
        .await;
    world.start();
    let rows = ready(harness, &key, 200).await;
    let mut ports: Vec<u16> = rows.iter().map(port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 200, "a port for each");
    let mut held = Vec::new();
    while let Some(allocated) = harness.allocate(&key).await {
        held.push(allocated);
    }
    assert_eq!(held.len(), 200);
    harness
        .put_fleet_of("fleet", capacity(0, 200), config)
        .await;
    for (id, allocation) in held {
        harness.release(&key, id, allocation).await;
    }
    no_rows(harness, &key).await;
    assert_eq!(world.processes().await, []);
    world.leaves_nothing().await;
}
