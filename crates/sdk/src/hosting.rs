//! The game-server protocol, call by call; [`crate::game_server`] drives it.

use std::time::Duration;

use http::Method;
use model::wire::{
    Acknowledge, Allocation, Assignments, Health, HealthReport, HostUpdate, Instance,
};
use model::{AllocationId, SessionId};

use crate::call::{Call, millis};
use crate::events::WAIT_MAX;
use crate::{Client, Error};

impl Client {
    /// What this game server is to host, at once.
    ///
    /// # Errors
    /// Anything in [`Error`]; 401 or 410: this game server is no longer wanted and ends itself.
    pub async fn assignments(&self) -> Result<Assignments, Error> {
        self.read(Call::get("/v1/game-servers/me/assignments".to_owned()))
            .await
    }

    /// What this game server is to host, as soon as its version differs from `seen`; waits at most `wait`.
    ///
    /// # Errors
    /// As [`Client::assignments`].
    pub async fn assignments_after(&self, seen: i64, wait: Duration) -> Result<Assignments, Error> {
        let wait = wait.min(WAIT_MAX);
        let path = format!(
            "/v1/game-servers/me/assignments?seen={seen}&wait={}",
            millis(wait)
        );
        self.read(Call::get(path).waiting(wait)).await
    }

    /// Takes an assignment on.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn acknowledge(&self, allocation_id: AllocationId) -> Result<(), Error> {
        let call = Call::post("/v1/game-servers/me/acknowledge".to_owned())
            .json(&Acknowledge { allocation_id })?;
        self.tell(call.repeatable()).await
    }

    /// Says how this game server is.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn report_health(&self, health: Health) -> Result<(), Error> {
        let call =
            Call::post("/v1/game-servers/me/health".to_owned()).json(&HealthReport { health })?;
        self.tell(call.repeatable()).await
    }

    /// Says that this game server ends by its own will.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn report_shutdown(&self) -> Result<(), Error> {
        let call = Call::post("/v1/game-servers/me/shutdown".to_owned());
        self.tell(call.repeatable()).await
    }

    /// What the host of a session says about its instance.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn update_instance(
        &self,
        session: SessionId,
        body: &HostUpdate,
    ) -> Result<Instance, Error> {
        // Its fields are absolute and bound to one allocation: twice is the same as once.
        let call = Call::new(Method::PATCH, format!("/v1/sessions/{session}/instance"));
        self.read(call.json(body)?.repeatable()).await
    }

    /// An allocation, for a host that knows its allocation only.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn allocation(&self, id: AllocationId) -> Result<Allocation, Error> {
        self.read(Call::get(format!("/v1/allocations/{id}"))).await
    }
}
