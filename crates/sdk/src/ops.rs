//! What operators and tools ask: health, readiness, metrics, the API's description.

use crate::call::Call;
use crate::{Client, Error};

impl Client {
    /// Whether the server runs.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn healthz(&self) -> Result<(), Error> {
        self.tell(Call::get("/healthz".to_owned())).await
    }

    /// Whether the server can serve: its database answers.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn readyz(&self) -> Result<(), Error> {
        self.tell(Call::get("/readyz".to_owned())).await
    }

    /// The server's metrics in Prometheus' text format.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn metrics(&self) -> Result<String, Error> {
        let reply = self.send(Call::get("/metrics".to_owned())).await?;
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }

    /// The OpenAPI document of the server.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn openapi(&self) -> Result<serde_json::Value, Error> {
        self.read(Call::get("/openapi.json".to_owned())).await
    }
}
