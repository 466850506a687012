//! The shell of Muster: HTTP, auth, event streams, drivers and wiring around the pure core.

pub mod auth;
pub mod clock;
pub mod config;
pub mod core;
pub mod etag;
pub mod http;
pub mod ids;

mod error;
mod holder;
mod principal;
mod run;

pub use crate::core::Core;
pub use error::Error;
pub use principal::{Principal, PrincipalKind};
pub use run::{Options, Server, StartError, check_free};
