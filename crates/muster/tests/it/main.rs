//! Tests of the program with real processes.

mod bzflag;
mod demo;
mod simulate;
mod simulate_against;
mod wrapped;
