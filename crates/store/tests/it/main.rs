//! The store's tests against real databases.

//mod committer;
mod conformance;
//mod migrations;
//mod model;
//mod postgres_only;
//mod proxy;
//mod sqlite_only;
mod support;
