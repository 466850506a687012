//! Change notices: a long poll with a cursor, and a small watcher over it.

use std::time::Duration;

use model::wire::{EventPage, Notice};

use crate::call::{Call, encoded, millis};
use crate::{Client, Error};

/// The longest that the server holds a poll.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(300);

impl Client {
    /// The present state as notices, at once, with a cursor to go on from.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn events(&self) -> Result<EventPage, Error> {
        self.read(Call::get("/v1/events".to_owned())).await
    }

    /// What changed since the cursor; waits for it up to `wait` (at most 5 minutes), then answers without notices.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn events_after(&self, cursor: &str, wait: Duration) -> Result<EventPage, Error> {
        let wait = wait.min(WAIT_MAX);
        let path = format!(
            "/v1/events?cursor={}&wait={}",
            encoded(cursor),
            millis(wait)
        );
        self.read(Call::get(path).waiting(wait)).await
    }

    /// Watches what concerns the bearer of the token, from its present state on.
    pub fn watch(&self) -> Watch {
        Watch {
            client: self.clone(),
            cursor: None,
        }
    }
}

/// Follows the notices of one player; the cursor moves by itself and survives restarts of the server.
#[derive(Debug, Clone)]
pub struct Watch {
    client: Client,
    cursor: Option<String>,
}

impl Watch {
    /// The next notices; the first call answers at once with the present state, later ones wait up to `wait`.
    /// May be called again after an error: nothing is missed.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn next(&mut self, wait: Duration) -> Result<Vec<Notice>, Error> {
        let page = match &self.cursor {
            None => self.client.events().await?,
            Some(cursor) => self.client.events_after(cursor, wait).await?,
        };
        self.cursor = Some(page.cursor);
        Ok(page.notices)
    }
}
