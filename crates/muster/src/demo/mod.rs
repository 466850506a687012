//! What the demo needs to play real games.

pub mod bzflag;
