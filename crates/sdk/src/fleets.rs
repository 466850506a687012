//! Fleets and what they run.

use model::Name;
use model::wire::{Fleet, List};

use crate::call::Call;
use crate::{Client, Error};

impl Client {
    /// Every fleet with its game servers.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn fleets(&self) -> Result<List<Fleet>, Error> {
        self.read(Call::get("/v1/fleets".to_owned())).await
    }

    /// One fleet with its game servers.
    ///
    /// # Errors
    /// Anything in [`Error`].
    pub async fn fleet(&self, name: &Name) -> Result<Fleet, Error> {
        self.read(Call::get(format!("/v1/fleets/{name}"))).await
    }
}
