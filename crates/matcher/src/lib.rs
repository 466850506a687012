//! The matchmaking decision: which waiting tickets become which match, in which region, on which teams.
//!
//! Everything here is pure: `now` is an argument, chance is a seed, and the only input besides them is
//! [`Event`]. The same events give the same [`Output`]s, bit for bit.
//!
//! How it stays fast: whatever makes a match possible that was not possible before is a change of
//! *one* ticket (it arrived, it came back, its own age widened its limits). So each such change is
//! answered by one search for matches that contain that ticket, and a ticket that leaves costs no
//! search at all. A search sees the ticket's own pools only: same queue, same values of the
//! attributes that must be equal, same region, and there the nearest tickets of each party size.

mod ages;
mod avoid;
mod backfill;
mod backlog;
mod check;
mod check_refill;
mod demands;
mod duel;
mod entry;
mod estimate;
mod event;
mod explain;
mod explain_limits;
mod explain_sessions;
mod explain_words;
mod facts;
mod finals;
mod gather;
mod group;
mod ids;
mod matcher;
mod minimum;
mod order;
mod pairs;
mod party;
mod plan;
mod pool;
mod prefetch;
mod question;
mod roles;
mod search;
mod shortage;
mod sorted;
mod sure;
mod teams;
mod validate;
mod wanted;
mod window;
mod wishes;

pub use backfill::{BACKFILLS_MAX, Backfill, BackfillTeam, Refill};
pub use check::check_match;
pub use check_refill::check_refill;
pub use estimate::{
    Basis, CELLS_MAX, ENOUGH, ENOUGH_OF_QUEUE, End, Estimate, Estimator, Expected, RegionWaits,
    STEP, WINDOW, Waiter, Waits, nearest_region,
};
pub use event::{Event, Figures, Match, MatchTeam, Output, Stats};
pub use explain::{
    Crowd, Explanation, Gate, KeptOut, NearestMiss, Outlook, Position, RegionStanding, RegionView,
    Search, Widening,
};
pub use explain_sessions::{KeptFrom, SessionMiss, Sessions};
pub use explain_words::{absence_sentence, elsewhere_sentence, sentences, ticket_sentence};
pub use group::{Group, prepare_for, validate_for};
pub use matcher::{LOOK_AHEAD, Matcher};
pub use minimum::{Fall, Minimum};
pub use shortage::Shortage;
pub use validate::{FarRegion, LATENCY_MS_MAX, REGIONS_MAX, Rejection, prepare, validate};
