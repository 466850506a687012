//! The store's tests against real databases.

#[macro_use]
mod conformance;
mod committer;
mod migrations;
mod model;
mod postgres_only;
mod proxy;
mod sqlite_only;
mod support;
