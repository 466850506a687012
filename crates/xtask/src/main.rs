//! The tasks of this repository: `cargo xtask test`, `cargo xtask ci`, `cargo xtask soak`, `cargo xtask generate`.
//!
//! It is compiled before anything else runs, so it depends on none of our packages and on little besides
//! the standard library. What is run stands as data in `suites.rs`; the house rules that hold for the whole
//! tree are tests of this package, in `tidy/`.

#![expect(
    clippy::print_stdout,
    reason = "a task runner talks to a person at a terminal"
)]

mod cli;
mod generate;
mod requirements;
mod run;
mod suites;

mod debian;
mod deny;
mod executables;
mod postgres;

mod child;
mod interrupt;
mod progress;
mod report;
mod tally;
mod workspace;

#[cfg(test)]
mod tidy;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
