//! Backfill: a game that is played asks its queue for players.

use http::Method;
use model::SessionId;
use model::wire::{Backfill, SetBackfill};

use crate::call::Call;
use crate::{Client, Error};

impl Client {
    /// Asks the queue that made a session for players, or for others than before; acknowledges.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn set_backfill(&self, id: SessionId, body: &SetBackfill) -> Result<Backfill, Error> {
        let path = format!("/v1/sessions/{id}/backfill");
        self.read(Call::new(Method::PUT, path).json(body)?).await
    }

    /// What a session asks its queue for.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn backfill(&self, id: SessionId) -> Result<Backfill, Error> {
        let path = format!("/v1/sessions/{id}/backfill");
        self.read(Call::get(path)).await
    }

    /// Goes on asking, which a host has to say within its type's `ack_timeout`, and hears who was added meanwhile.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn acknowledge_backfill(&self, id: SessionId) -> Result<Backfill, Error> {
        let path = format!("/v1/sessions/{id}/backfill");
        self.read(Call::new(Method::POST, path)).await
    }

    /// Asks for players no longer.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn remove_backfill(&self, id: SessionId) -> Result<(), Error> {
        let path = format!("/v1/sessions/{id}/backfill");
        self.tell(Call::delete(path)).await
    }
}
