//! What runs in the background: the poll, the health reports, the lists of connected players.

use model::wire::Assignments;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::changes::Hosted;
use super::outbox::Post;
use super::{Change, Quit, Reporter, Settings};
use crate::Error;
use crate::retry::Backoff;

/// Polls until the game server is to end, and passes on what changed.
///
/// A task of its own, so that whoever waits for a change may stop waiting without losing an answer, and with it
/// the token that the answer carries.
pub(super) async fn poll(reporter: Reporter, changes: mpsc::Sender<Change>, settings: Settings) {
    let mut hosted = Hosted::default();
    let mut seen = None;
    let mut backoff = Backoff::default();
    loop {
        let answer = ask(&reporter, seen, &settings).await;
        let silence = answer.as_ref().is_err_and(|error| error.status().is_none());
        reporter.set_server_away(silence);
        let news = match answer {
            Ok(mut page) => {
                backoff.reset();
                seen = Some(page.version);
                if let Some(token) = page.token.take() {
                    reporter.use_token(&token);
                }
                reporter.set_introduced();
                hosted.replace(page)
            }
            Err(error) if matches!(error.status(), Some(401 | 410)) => {
                tracing::info!(%error, "disowned");
                hosted.end(Quit::Disowned)
            }
            Err(error) => {
                if !backoff.is_running() {
                    tracing::warn!(%error, "Muster does not answer; going on without it until it does");
                }
                sleep(backoff.next()).await;
                continue;
            }
        };
        for change in news {
            let last = matches!(change, Change::Quit(_));
            if changes.send(change).await.is_err() || last {
                return;
            }
        }
    }
}

async fn ask(
    reporter: &Reporter,
    seen: Option<i64>,
    settings: &Settings,
) -> Result<Assignments, Error> {
    match seen {
        None => reporter.client().assignments().await,
        Some(seen) => {
            reporter
                .client()
                .assignments_after(seen, settings.wait)
                .await
        }
    }
}

/// Reports health once in each cadence, from the first answered poll on; a report that does not arrive is replaced
/// by the next one.
pub(super) async fn report_health(reporter: Reporter, settings: Settings) {
    reporter.introduced().await;
    let mut beat = interval(settings.health_cadence);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = reporter.health_changed() => {}
        }
        let health = reporter.health();
        if let Err(error) = reporter.client().report_health(health).await {
            tracing::debug!(%error, "the health report failed");
        }
    }
}

/// Sends what was posted, one after the other.
pub(super) async fn send_posts(reporter: Reporter) {
    let mut backoff = Backoff::default();
    loop {
        let post = reporter.next_post().await;
        match deliver(&reporter, &post).await {
            Ok(()) => {
                backoff.reset();
                reporter.sent(None);
            }
            Err(error) if error.is_temporary() => {
                reporter.sent(Some(post));
                sleep(backoff.next()).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a report was refused");
                reporter.sent(None);
            }
        }
    }
}

async fn deliver(reporter: &Reporter, post: &Post) -> Result<(), Error> {
    let client = reporter.client();
    match &post.update {
        // Any update acknowledges as well.
        Some(update) => client
            .update_instance(post.session, update)
            .await
            .map(|_| ()),
        None => client.acknowledge(post.allocation).await,
    }
}
