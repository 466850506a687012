//! The matcher's tests: its laws over random queues and histories, its rules one by one, its door.

mod avoid;
mod backfill;
mod door;
mod duels;
mod estimates;
mod examples;
mod exhaustive;
mod explain;
mod explain_sessions;
mod explain_several;
mod explain_short;
mod history;
mod language;
mod near_the_best;
mod platforms;
mod quality;
mod random;
mod rare;
mod refill_order;
mod roles;
mod rules;
mod several;
mod slices;
mod starvation;
mod wishes;
mod world;
