//! `muster wrap-exec`: becomes a command that cannot outlive the process that started it.
//!
//! `muster wrap` owns the game that it runs, and if it is killed, the game must not stay behind without anybody who
//! watches it. Linux can see to that (`PR_SET_PDEATHSIG`), but only a process itself can ask for it, after it has
//! been started and before it becomes the game. So `wrap` does not start the game: it starts this, which asks for
//! the signal and then turns into the game (`execvp`): same process id, same pipes, nothing in between.
//!
//! The signal is tied to the thread that started the process, not to its whole process; `wrap` has but one. It is
//! not inherited: what the game starts itself, its provider finds by the environment that it carries.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// As shells have it: the command could not be executed.
const NOT_EXECUTABLE: u8 = 126;
/// As shells have it: there is no such command.
const NOT_FOUND: u8 = 127;

/// Becomes a command that is killed when its parent is; started by `muster wrap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The parent; if it is somebody else by now, the parent has died already.
    #[arg(long)]
    parent: i32,
    /// The command.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Becomes the command; comes back only when that fails.
///
/// # Errors
/// When the death signal cannot be set.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the line above has sent no signal.
    if getppid().map(Pid::as_raw_pid) != Some(args.parent) {
        return Ok(ExitCode::FAILURE);
    }
    let Some((program, rest)) = args.command.split_first() else {
        return Ok(ExitCode::FAILURE);
    };
    let error = Command::new(program).args(rest).exec();
    crate::say::complain(&format_args!(
        "cannot run {}: {error}",
        program.to_string_lossy()
    ));
    Ok(ExitCode::from(match error.kind() {
        std::io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_EXECUTABLE,
    }))
}
