//! Hedged allocations: who does not acknowledge within 250 ms gets a rival, and one of the two hosts.

use model::instance::InstanceStatus;
use sdk::game_server::Change;
use tests::{Kind, Script, Stage, eventually, run, status};

use crate::on_both_databases;

on_both_databases! {
    one_that_never_acknowledges_loses_to_a_second,
    one_that_acknowledges_late_is_refused,
    one_that_acknowledges_first_wins_over_its_rival,
    a_rival_is_found_on_the_same_machine,
    a_rival_that_comes_up_later_is_asked_too,
    a_dead_rival_is_replaced,
    the_machine_of_a_miss_is_suspect_until_it_polls_again,
}

async fn one_that_never_acknowledges_loses_to_a_second(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut silent = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let lost = silent.assigned().await;
    let mut second = stage.game_server("node-2").await;
    let won = second.hosts().await;
    assert_eq!(won.session, room);
    assert_ne!(won.allocation_id, lost.allocation_id);
    silent.over(&lost).await;
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.status, InstanceStatus::Joinable);
    assert_eq!(instance.game_server, Some(second.id));
    stage.carries(silent.id, 0).await;
    stage.carries(second.id, 1).await;
    stage.server.stop().await;
}

async fn one_that_acknowledges_late_is_refused(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut late = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let lost = late.assigned().await;
    let mut second = stage.game_server("node-2").await;
    second.hosts().await;
    let refused = late.says().acknowledge(&lost).await.expect_err("a no");
    assert_eq!(refused.status(), Some(409), "{refused}");
    let problem = refused.problem_type().unwrap_or_default();
    assert!(problem.ends_with("foreign-allocation"), "{problem}");
    let joinable = status(&lost, InstanceStatus::Joinable);
    let client = late.says().client();
    let refused = client.update_instance(room, &joinable).await;
    assert_eq!(refused.expect_err("a no").status(), Some(409));
    late.over(&lost).await;
    let page = client.assignments().await.expect("its assignments");
    assert_eq!((page.assignments, page.quit), (Vec::new(), false));
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.game_server, Some(second.id), "nothing changed");
    stage.server.stop().await;
}

async fn one_that_acknowledges_first_wins_over_its_rival(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut slow = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let won = slow.assigned().await;
    let mut rival = stage.game_server("node-2").await;
    let lost = rival.assigned().await;
    slow.says().acknowledge(&won).await.expect("the first wins");
    rival.over(&lost).await;
    let refused = rival.says().acknowledge(&lost).await;
    assert_eq!(refused.expect_err("a no").status(), Some(409));
    slow.says().joinable(&won).await.expect("a yes");
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.game_server, Some(slow.id));
    stage.carries(rival.id, 0).await;
    stage.server.stop().await;
}

async fn a_rival_is_found_on_the_same_machine(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut first = stage.game_server("node-1").await;
    let mut second = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    // Whichever is asked first keeps silent; the other one then hosts.
    let (silent, rival, lost) = tokio::select! {
        game = first.assigned() => (&mut first, &mut second, game),
        game = second.assigned() => (&mut second, &mut first, game),
    };
    rival.hosts().await;
    silent.over(&lost).await;
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.game_server, Some(rival.id));
    stage.server.stop().await;
}

async fn a_rival_that_comes_up_later_is_asked_too(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut silent = stage.game_server("node-1").await;
    stage.room("Room", "ann").await;
    silent.assigned().await;
    // Twice the time after which a rival is looked for in vain.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut second = stage.game_server("node-1").await;
    second.hosts().await;
    stage.server.stop().await;
}

async fn a_dead_rival_is_replaced(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let mut silent = stage.game_server("node-1").await;
    let room = stage.room("Room", "ann").await;
    let held = silent.assigned().await;
    let mut second = stage.game_server("node-2").await;
    second.assigned().await;
    stage.dies(second.id).await;
    assert!(matches!(second.change().await, Change::Over(_)));
    let mut third = stage.game_server("node-3").await;
    third.hosts().await;
    silent.over(&held).await;
    let instance = stage.admin().instance(room).await.expect("its instance");
    assert_eq!(instance.game_server, Some(third.id));
    stage.server.stop().await;
}

async fn the_machine_of_a_miss_is_suspect_until_it_polls_again(kind: Kind) {
    let Some(stage) = Stage::set(kind, Script::default()).await else {
        return;
    };
    let (missing, client) = stage.registered("node-1").await;
    let page = client.assignments().await.expect("its first poll");
    let client = client
        .with_token(&page.token.expect("a token"))
        .expect("a client");
    let room = stage.room("Room", "ann").await;
    stage.carries(missing, 1).await;
    let mut second = stage.game_server("node-2").await;
    second.hosts().await;
    stage.carries(missing, 0).await;
    let next = stage.room("Room", "bob").await;
    stage.waiting(1).await;
    stage.carries(missing, 0).await;
    let page = client.assignments().await.expect("it polls again");
    assert_eq!(page.assignments, [], "the first room is not its own");
    let game = eventually("its next game", async || {
        let page = client.assignments().await.expect("its assignments");
        page.assignments.into_iter().next()
    })
    .await;
    assert_eq!(game.session, next);
    assert_ne!(game.session, room);
    client.acknowledge(game.allocation_id).await.expect("a yes");
    stage.server.stop().await;
}
