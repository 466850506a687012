//! The `muster` program: a thin list of its subcommands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use muster::{check, schema, serve, token};

/// Sessions, matchmaking and game servers.
#[derive(Debug, Parser)]
#[command(name = "muster", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Schema(schema::Args),
    Serve(serve::Args),
    Token(token::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Token(args) => token::run(&args),
    };
    result.unwrap_or_else(|error| {
        muster::say::complain(&format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}
