//! The end-to-end suites: the real server over HTTP, on both databases, with real game servers.

mod acceptance;
mod arbiter;
mod at_rest;
mod conformance;
mod connectivity;
mod documents;
mod estimates;
// The process plugin's own scenarios, here over the real registry.
mod backfill;
mod bad_input;
mod browser;
mod capabilities;
mod events;
mod explanation;
#[path = "../../plugins/process/tests/it/faults.rs"]
mod faults;
mod finding;
mod fuzz;
mod hedge;
mod hosts;
mod hubs;
mod idempotency;
mod initialization;
mod instances;
mod invites;
mod joinability;
mod kill;
mod kill_matches;
mod large;
mod laws;
mod members;
mod moved_queues;
mod passwords;
mod penalties;
mod places;
mod player_visibility;
mod queue_rules;
mod race;
mod reading;
mod recent_players;
mod reload;
mod second_opinion;
mod second_opinion_backfill;
mod security;
mod several_queues;
mod short_codes;
mod standing;
mod start;
mod subscription_histories;
mod subscriptions;
mod tickets;
mod versions;
mod walk;
mod who_fits;
#[path = "../../plugins/process/tests/it/world.rs"]
mod world;
mod writers;

/// Stamps out two tests of each scenario: `NAME::sqlite` and `NAME::postgres`.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                super::run(super::$name(super::Kind::Sqlite));
            }

            #[test]
            fn postgres() {
                super::run(super::$name(super::Kind::Postgres));
            }
        }
    )*};
}
pub(crate) use on_both_databases;
