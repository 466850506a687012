//! What a game has started outside its own process group: the wrapper inherits it, and ends it with the game.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};
use tokio::time::sleep;

/// Pause between two looks, in which what was killed ends.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Looks after which what is left is somebody else's to end: it hangs in the kernel.
const LOOKS_MAX: u32 = 400;

/// From now on a process whose parent dies becomes ours, if it descends from us.
pub(super) fn inherit() -> anyhow::Result<()> {
    set_child_subreaper(Some(getpid())).context("cannot inherit the game's processes")
}

/// Ends all children. To be called when the game has ended: they are what it has left behind.
pub(super) async fn end() {
    for _ in 0..LOOKS_MAX {
        // The children of what is killed here are ours at the next look.
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            tracing::debug!(
                pid = child.as_raw_pid(),
                "the game has left a process behind; killing it"
            );
            // A child that has not been waited for keeps its number, so this meets nobody else.
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::NOHANG);
        }
        sleep(LOOK_AGAIN).await;
    }
    tracing::warn!("processes of the game do not end");
}

/// The processes whose parent we are, those that have ended included.
fn children() -> Vec<Pid> {
    let own = getpid().as_raw_pid();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = numbers.filter(|number| parent_of(*number) == Some(own));
    ours.filter_map(Pid::from_raw).collect()
}

/// Field 4 of `/proc/<pid>/stat`; the name before it may itself contain brackets and spaces.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}
