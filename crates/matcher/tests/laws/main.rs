//! The matcher's tests: its laws over random queues and histories, its rules one by one, its door.

mod backfill;
mod door;
mod history;
mod language;
mod platforms;
mod random;
mod rules;
mod world;
