//! Handlers of fleets.

use super::call::Call;
use super::reply::{self, Answer};

pub(super) async fn list(call: Call) -> Answer {
    reply::ok(&call.core().fleets(call.who()?).await?)
}

pub(super) async fn read(call: Call) -> Answer {
    let name = call.name("fleet")?;
    reply::ok(&call.core().fleet(call.who()?, name.as_str()).await?)
}
