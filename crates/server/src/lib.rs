//! The shell of Muster: HTTP, auth, event streams, drivers and wiring around the pure core.

pub mod auth;
pub mod config;
pub mod core;
pub mod http;

mod error;
mod principal;

pub use crate::core::Core;
pub use error::Error;
pub use principal::{Principal, PrincipalKind};
