//! A simulated game server: polls its assignments, hosts each game for a second, is ready again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::instance::InstanceStatus;
use model::wire::{Assignment, Assignments, HostUpdate};
use sdk::{Client, Error};
use tokio_util::sync::CancellationToken;

use super::world::World;

/// How long a game server is away with a game.
const GAME: Duration = Duration::from_secs(1);
/// How long one poll waits.
const WAIT: Duration = Duration::from_secs(120);
/// After a call that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Hosts games until `stop`.
pub(super) async fn host(world: Arc<World>, mut client: Client, stop: CancellationToken) {
    let mut seen = None;
    let mut hosted = HashSet::new();
    loop {
        let page = tokio::select! {
            page = ask(&client, seen) => page,
            () = stop.cancelled() => return,
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                world.failed(&error);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        seen = Some(page.version);
        if let Some(token) = &page.token
            && let Ok(renewed) = client.with_token(token)
        {
            client = renewed;
        }
        hosted.retain(|held| {
            page.assignments
                .iter()
                .any(|one| one.allocation_id == *held)
        });
        for assignment in page.assignments {
            if hosted.insert(assignment.allocation_id) {
                let game = game(Arc::clone(&world), client.clone(), assignment);
                world.tasks.spawn(game);
            }
        }
    }
}

async fn ask(client: &Client, seen: Option<i64>) -> Result<Assignments, Error> {
    match seen {
        Some(seen) => client.assignments_after(seen, WAIT).await,
        None => client.assignments().await,
    }
}

async fn game(world: Arc<World>, client: Client, assignment: Assignment) {
    // Says joinable, which acknowledges as well; a hedge that came too late is refused, which is no fault.
    match update(&client, &assignment, InstanceStatus::Joinable).await {
        Ok(()) => {}
        Err(error) if error.status() == Some(409) => return,
        Err(error) => return world.failed(&error),
    }
    tokio::time::sleep(GAME).await;
    if let Err(error) = update(&client, &assignment, InstanceStatus::Closed).await {
        world.failed(&error);
    }
    world.game_over(assignment.session);
}

async fn update(
    client: &Client,
    assignment: &Assignment,
    status: InstanceStatus,
) -> Result<(), Error> {
    let body = HostUpdate {
        allocation_id: assignment.allocation_id,
        status: Some(status),
        version: None,
        join_custom_data: None,
        connected: None,
    };
    client
        .update_instance(assignment.session, &body)
        .await
        .map(drop)
}
