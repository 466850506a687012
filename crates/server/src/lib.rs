//! The shell of Muster: HTTP, auth, event streams, drivers and wiring around the pure core.

mod error;
mod principal;

pub use error::Error;
pub use principal::{Principal, PrincipalKind};
