//! Hosts that go away, and everything else that may happen to an allocation on its way.

use allocator::conformance::fleet_api::FleetKey;
use model::game_server::GameServerState;
use model::instance::{CloseReason, InstanceStatus};
use model::ticket::{EndReason, TicketState};
use model::wire::{CreateSession, JoinSession, PrincipalKind};
use sdk::game_server::{Change, Quit};
use sdk::{Client, Who};
use server::core::{InMemoryFleetApi, Settings};
use tests::world::World;
use tests::{Host, Kind, SESSION_TYPES, Script, Stage, namespace, register, run, status};

use crate::on_both_databases;

on_both_databases! {
    a_host_that_dies_before_its_acknowledgement_is_replaced,
    a_host_that_dies_after_its_acknowledgement_sends_tickets_back_with_their_age,
    placement_that_fails_too_often_is_given_up,
    a_host_that_dies_amid_the_game_closes_the_instance,
    a_host_that_shuts_down_by_its_own_will_is_lost,
    the_boot_timeout_closes_the_instance_and_frees_the_slot,
    the_allocation_timeout_closes_an_instance_without_a_host,
    the_allocation_timeout_closes_an_instance_without_an_acknowledgement,
    a_session_deleted_before_its_host_is_up_frees_the_slot,
    slots_are_filled_one_game_server_at_a_time,
    a_drained_game_server_ends_its_game_first,
    a_restart_goes_on_with_what_was_pending,
    the_first_token_is_good_until_the_next_one_is_used,
    a_game_server_touches_no_session_of_another,
    a_game_server_that_no_longer_polls_is_retired,
}

async fn a_host_that_dies_before_its_acknowledgement_is_replaced(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut first = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    first.assigned().await;
    stage.dies(first.id).await;
    stage.waiting(1).await;
    assert!(matches!(first.change().await, Change::Over(_)));
    assert_eq!(first.change().await, Change::Quit(Quit::Disowned));
    let mut second = stage.game_server("node-1").await;
    assert_eq!(second.hosts().await.session, room);
    stage.waiting(0).await;
    stage.server.stop().await;
}

async fn a_host_that_dies_after_its_acknowledgement_sends_tickets_back_with_their_age(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut first = stage.game_server("node-1").await;
    let tickets = [stage.queued("ann").await, stage.queued("bob").await];
    let game = first.assigned().await;
    first.says().acknowledge(&game).await.expect("a yes");
    let placed = stage.admin().ticket(tickets[0].id).await.expect("it");
    assert_eq!(placed.state, TicketState::Placing);
    stage.dies(first.id).await;
    // No host is there, so they are matched again and wait.
    stage.waiting(1).await;
    let gone = stage.admin().session(game.session).await;
    assert_eq!(gone.expect_err("that game is no more").status(), Some(404));
    let mut second = stage.game_server("node-1").await;
    let again = second.hosts().await;
    assert_ne!(again.session, game.session);
    for ticket in &tickets {
        let found = stage.found(ticket).await;
        assert_eq!(found.session, Some(again.session));
        assert_eq!(found.created_at, ticket.created_at);
        assert_eq!(found.reason, Some(EndReason::Assigned));
    }
    stage.server.stop().await;
}

async fn placement_that_fails_too_often_is_given_up(kind: Kind) {
    let script = Script {
        retries: 1,
        ..Script::default()
    };
    let Some(stage) = Stage::set(kind, script).await else {
        return;
    };
    let tickets = [stage.queued("ann").await, stage.queued("bob").await];
    for _ in 0..2 {
        let mut host = stage.game_server("node-1").await;
        let game = host.assigned().await;
        host.says().acknowledge(&game).await.expect("a yes");
        stage.dies(host.id).await;
    }
    for ticket in &tickets {
        let ended = stage.ticket(ticket, |ticket| !ticket.state.is_live()).await;
        assert_eq!(
            (ended.state, ended.reason),
            (TicketState::Failed, Some(EndReason::PlacementFailed))
        );
    }
    stage.waiting(0).await;
    // They are free to queue again.
    stage.queued("ann").await;
    stage.queued("bob").await;
    let mut host = stage.game_server("node-1").await;
    host.hosts().await;
    stage.server.stop().await;
}

async fn a_host_that_dies_amid_the_game_closes_the_instance(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let tickets = [stage.queued("ann").await, stage.queued("bob").await];
    let game = host.hosts().await;
    for player in ["ann", "bob"] {
        let join = JoinSession {
            active: true,
            ..JoinSession::default()
        };
        let client = stage.server.player(player);
        client
            .join(game.session, Who::Me, &join)
            .await
            .expect("a seat");
    }
    stage.dies(host.id).await;
    let closed = stage
        .instance(game.session, "its end", |instance| {
            instance.closed.is_some()
        })
        .await;
    assert_eq!(closed.closed, Some(CloseReason::HostLost));
    let session = stage.admin().session(game.session).await.expect("it stays");
    assert_eq!(session.members.len(), 2);
    for ticket in &tickets {
        assert_eq!(stage.found(ticket).await.session, Some(game.session));
    }
    stage.server.stop().await;
}

async fn a_host_that_shuts_down_by_its_own_will_is_lost(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let game = host.hosts().await;
    host.says().shutdown().await.expect("a yes");
    host.over(&game).await;
    assert_eq!(host.change().await, Change::Quit(Quit::Told));
    let closed = stage
        .instance(room, "its end", |instance| instance.closed.is_some())
        .await;
    assert_eq!(closed.closed, Some(CloseReason::HostLost));
    let row = stage.row(host.id).await.expect("its provider ends it");
    assert_eq!((row.state, row.used), (GameServerState::Draining, 0));
    stage.server.stop().await;
}

async fn the_boot_timeout_closes_the_instance_and_frees_the_slot(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let room = stage.room("Hurried", "ann").await;
    let game = host.assigned().await;
    host.says().acknowledge(&game).await.expect("a yes");
    host.over(&game).await;
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.closed, Some(CloseReason::BootTimeout));
    stage.carries(host.id, 0).await;
    let late = status(&game, InstanceStatus::Joinable);
    let late = host.says().client().update_instance(room, &late).await;
    let late = late.expect_err("it is closed").status();
    assert!(matches!(late, Some(409 | 410)), "{late:?}");
    stage.server.stop().await;
}

async fn the_allocation_timeout_closes_an_instance_without_a_host(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let room = stage.room("Hurried", "ann").await;
    stage.waiting(1).await;
    let closed = stage
        .instance(room, "its end", |instance| instance.closed.is_some())
        .await;
    assert_eq!(closed.closed, Some(CloseReason::AllocationTimeout));
    stage.waiting(0).await;
    // Another may be asked for.
    let mut host = stage.game_server("node-1").await;
    let ann = stage.server.player("ann");
    let asked = ann.request_instance(room, &Default::default()).await;
    assert!(asked.is_ok(), "{asked:?}");
    assert_eq!(host.hosts().await.session, room);
    stage.server.stop().await;
}

async fn the_allocation_timeout_closes_an_instance_without_an_acknowledgement(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut silent = [
        stage.game_server("node-1").await,
        stage.game_server("node-2").await,
    ];
    let room = stage.room("Hurried", "ann").await;
    let closed = stage
        .instance(room, "its end", |instance| instance.closed.is_some())
        .await;
    assert_eq!(closed.closed, Some(CloseReason::AllocationTimeout));
    for host in &mut silent {
        let game = host.assigned().await;
        host.over(&game).await;
        stage.carries(host.id, 0).await;
    }
    stage.server.stop().await;
}

async fn a_session_deleted_before_its_host_is_up_frees_the_slot(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let unacknowledged = stage.room("Room", "ann").await;
    let game = host.assigned().await;
    let next = stage.room("Room", "bob").await;
    stage.waiting(1).await;
    let admin = stage.admin();
    admin.delete_session(unacknowledged).await.expect("a yes");
    host.over(&game).await;
    let game = host.assigned().await;
    assert_eq!(game.session, next, "the slot is free for who waits");
    host.says().acknowledge(&game).await.expect("a yes");
    let instance = admin.instance(next).await.expect("its instance");
    assert_eq!(instance.status, InstanceStatus::Pending);
    admin.delete_session(next).await.expect("a yes");
    host.over(&game).await;
    stage.carries(host.id, 0).await;
    stage.server.stop().await;
}

async fn slots_are_filled_one_game_server_at_a_time(kind: Kind) {
    let script = Script {
        slots: 3,
        ..Script::default()
    };
    let Some(stage) = Stage::set(kind, script).await else {
        return;
    };
    let mut first = stage.game_server("node-1").await;
    let mut games = Vec::new();
    let mut rooms = vec![stage.room("Room", "ann").await];
    games.push(first.hosts().await);
    // Both have a free slot now; the fuller one is filled first.
    let mut second = stage.game_server("node-1").await;
    for player in ["bob", "cid"] {
        rooms.push(stage.room("Room", player).await);
        games.push(first.hosts().await);
    }
    let hosted: Vec<_> = games.iter().map(|game| game.session).collect();
    assert_eq!(hosted, rooms);
    stage.carries(first.id, 3).await;
    stage.room("Room", "dan").await;
    second.hosts().await;
    stage.admin().delete_session(rooms[1]).await.expect("a yes");
    first.over(&games[1]).await;
    stage.carries(first.id, 2).await;
    let eve = stage.room("Room", "eve").await;
    assert_eq!(first.hosts().await.session, eve);
    stage.carries(second.id, 1).await;
    stage.server.stop().await;
}

async fn a_drained_game_server_ends_its_game_first(kind: Kind) {
    use allocator::FleetApi;
    let script = Script {
        slots: 2,
        ..Script::default()
    };
    let Some(stage) = Stage::set(kind, script).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let game = host.hosts().await;
    let (api, namespace) = (stage.api(), &stage.key.namespace);
    let leave = api.retire(namespace, host.id, true).await.expect("answers");
    assert!(!leave, "it is in use");
    stage.room("Room", "bob").await;
    stage.waiting(1).await;
    let join = JoinSession::default();
    let cid = stage.server.player("cid");
    cid.join(room, Who::Me, &join).await.expect("a seat");
    let unjoinable = host.says().unjoinable(&game).await;
    unjoinable.expect("it still hosts");
    stage.admin().delete_session(room).await.expect("a yes");
    host.over(&game).await;
    assert_eq!(host.change().await, Change::Quit(Quit::Told));
    let leave = api.retire(namespace, host.id, true).await.expect("answers");
    assert!(leave, "it is idle");
    stage.waiting(1).await;
    stage.server.stop().await;
}

async fn a_restart_goes_on_with_what_was_pending(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    // One that has acknowledged, one that has not, one that waits, and a match that waits.
    let mut pending = stage.game_server("node-1").await;
    let first = stage.room("Room", "ann").await;
    let of_first = pending.assigned().await;
    pending.says().acknowledge(&of_first).await.expect("a yes");
    let mut silent = stage.game_server("node-2").await;
    let second = stage.room("Room", "bob").await;
    let of_second = silent.assigned().await;
    let third = stage.room("Room", "cid").await;
    stage.waiting(1).await;
    let tickets = [stage.queued("dan").await, stage.queued("eve").await];
    stage.waiting(2).await;
    let (pending_id, silent_id) = (pending.id, silent.id);
    drop(pending);
    drop(silent);

    let stage = stage.restart().await;
    stage.waiting(2).await;
    let joinable = status(&of_first, InstanceStatus::Joinable);
    // The same game server at the server's new address, as if that had stayed the same.
    let moved = stage
        .server
        .client(PrincipalKind::GameServer, &pending_id.to_string());
    let page = moved.assignments().await.expect("its assignments");
    assert_eq!(page.assignments.len(), 1);
    assert_eq!(page.assignments[0].allocation_id, of_first.allocation_id);
    assert!(page.assignments[0].acknowledged);
    let up = moved.update_instance(first, &joinable).await;
    assert_eq!(up.expect("a yes").status, InstanceStatus::Joinable);
    // The silent one is hedged by whoever comes, before or after those who wait.
    let mut hosted = Vec::new();
    let mut hosts = Vec::new();
    for _ in 0..3 {
        let mut host = stage.game_server("node-3").await;
        hosted.push(host.hosts().await.session);
        hosts.push(host);
    }
    assert!(hosted.contains(&second) && hosted.contains(&third));
    let instance = stage.admin().instance(second).await.expect("its instance");
    assert_ne!(instance.allocation_id, Some(of_second.allocation_id));
    stage.carries(silent_id, 0).await;
    for ticket in &tickets {
        let found = stage.found(ticket).await;
        assert!(hosted.contains(&found.session.expect("a game")));
    }
    stage.server.stop().await;
}

async fn the_first_token_is_good_until_the_next_one_is_used(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let (_, first) = stage.registered("node-1").await;
    let lost = first.assignments().await.expect("its first poll");
    let lost = lost.token.expect("a token");
    // The answer may have been lost, so it asks again and gets another.
    let second = first.assignments().await.expect("good still");
    let second = second.token.expect("a token");
    let second = first.with_token(&second).expect("a client");
    let page = second.assignments().await.expect("the next one is good");
    assert_eq!(page.token, None, "it has half of its life left");
    let refused = first.assignments().await.expect_err("it is used up");
    assert_eq!(refused.status(), Some(401));
    let lost = first.with_token(&lost).expect("a client");
    lost.assignments()
        .await
        .expect("it is as good as the other");
    stage.server.stop().await;
}

async fn a_game_server_touches_no_session_of_another(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut host = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let game = host.hosts().await;
    let thief = stage.game_server("node-2").await.says().client();
    let before = stage.admin().session(room).await.expect("the room");
    let closed = status(&game, InstanceStatus::Closed);
    let answers = [
        thief.acknowledge(game.allocation_id).await.err(),
        thief.update_instance(room, &closed).await.err(),
        thief.allocation(game.allocation_id).await.err(),
        thief.delete_session(room).await.err(),
        thief.close_instance(room).await.err(),
        thief.session(room).await.err(),
        thief.create_session(&CreateSession::default()).await.err(),
        thief
            .leave(room, Who::Player(&tests::player("ann")))
            .await
            .err(),
    ];
    let statuses = answers.map(|answer| answer.and_then(|error| error.status()));
    let [
        acknowledge,
        update,
        allocation,
        delete,
        close,
        read,
        create,
        kick,
    ] = statuses;
    assert_eq!((acknowledge, update), (Some(409), Some(409)));
    assert_eq!(allocation, Some(403), "only those who play there read it");
    assert_eq!(
        (delete, close, create, kick),
        (Some(403), Some(403), Some(403), Some(403))
    );
    assert!(matches!(read, Some(403 | 404)), "{read:?}");
    assert_eq!(stage.admin().session(room).await.expect("the room"), before);
    stage.server.stop().await;
}

async fn a_game_server_that_no_longer_polls_is_retired(kind: Kind) {
    let settings = Settings::default();
    let Some(world) = World::on(kind, "silent", SESSION_TYPES, settings).await else {
        return;
    };
    let polling = Host::start(&world.server, "arena", "eu-west").await;
    let api = InMemoryFleetApi::new(world.server.core.clone());
    let key = FleetKey {
        namespace: namespace(),
        fleet: "arena".parse().expect("a name"),
        region: "eu-west".parse().expect("a region"),
    };
    // It polls once, and no more.
    let (silent, observed) = register(&api, &key, "node-1").await;
    let client = Client::new(&observed.url, &observed.token).expect("a client");
    client.assignments().await.expect("its first poll");
    let states = async || {
        let fleet = world.admin().fleet(&key.fleet).await.expect("the fleet");
        [polling.id, silent].map(|id| {
            let mut rows = fleet.game_servers.iter();
            rows.find(|row| row.id == id).expect("its row").state
        })
    };
    let ready = GameServerState::Ready;
    // However far the clock jumps, one look is not enough.
    for at in [1_000_000, 1_059_999] {
        world.at(at);
        world.run_timers().await;
        assert_eq!(states().await, [ready, ready]);
    }
    world.at(1_065_000);
    world.run_timers().await;
    assert_eq!(states().await, [ready, GameServerState::Draining]);
    let page = client.with_token(&observed.token).expect("a client");
    let page = page.assignments().await.expect("it is known still");
    assert!(page.quit, "should it come back, it is to end");
    world.stop().await;
}
