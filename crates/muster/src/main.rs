//! The `muster` program: a thin list of its subcommands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use muster::{arena, bench, check, demo, schema, serve, simulate, token, wrap, wrap_exec};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sessions, matchmaking and game servers.
#[derive(Debug, Parser)]
#[command(name = "muster", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Arena(arena::Args),
    Bench(bench::Args),
    #[command(hide = true)]
    BenchServe(bench::ServeArgs),
    Check(check::Args),
    Demo(demo::Args),
    Schema(schema::Args),
    Serve(serve::Args),
    Simulate(simulate::Args),
    Token(token::Args),
    Wrap(wrap::Args),
    #[command(hide = true)]
    WrapExec(wrap_exec::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Arena(args) => arena::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchServe(args) => bench::serve(&args),
        Command::Check(args) => check::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Wrap(args) => wrap::run(&args),
        Command::WrapExec(args) => wrap_exec::run(&args),
    };
    result.unwrap_or_else(|error| {
        muster::say::complain(&format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}
