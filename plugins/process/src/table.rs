//! The processes of this machine as `/proc` shows them, and which of them are ours.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{GameServerId, InstallationId};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::Mutex;

use crate::launch::{GAME_SERVER_VARIABLE, INSTALLATION_VARIABLE, URL_VARIABLE};

/// A live process (not a zombie) that carries ids of Muster in its environment, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its process id.
    pub pid: i32,
    /// Its process group.
    pub group: i32,
    /// When it began, in clock ticks since the machine did; with the pid it names one process for good.
    pub start: u64,
    /// Of which installation its environment says that it is.
    pub installation: Option<InstallationId>,
    /// Which game server its environment says that it is of.
    pub game_server: Option<GameServerId>,
    /// Where its environment says that the server is.
    pub url: Option<String>,
}

impl Found {
    /// Whether it was started for this game server of this installation.
    pub(crate) fn is_of(&self, installation: InstallationId, id: GameServerId) -> bool {
        self.installation == Some(installation) && self.game_server == Some(id)
    }
}

/// Every live process of this machine, other than this one, that carries the installation's id. Blocking.
pub fn of_installation(installation: InstallationId) -> Vec<Found> {
    let mut found = scan();
    found.retain(|found| found.installation == Some(installation));
    found
}

/// Reads the process table for many callers: those who ask while a scan runs share the next one.
#[derive(Debug, Default)]
pub(crate) struct Table {
    begun: AtomicU64,
    last: Mutex<(u64, Arc<Vec<Found>>)>,
}

impl Table {
    /// The processes as they are after this call began.
    pub async fn scan(&self) -> Arc<Vec<Found>> {
        let wanted = self.begun.load(Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if last.0 < wanted {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let found = tokio::task::spawn_blocking(scan).await.unwrap_or_default();
            *last = (number, Arc::new(found));
        }
        Arc::clone(&last.1)
    }

    /// The processes of one game server.
    pub async fn of(&self, installation: InstallationId, id: GameServerId) -> Vec<Found> {
        let found = self.scan().await;
        let ours = found.iter().filter(|found| found.is_of(installation, id));
        ours.cloned().collect()
    }
}

/// Sends a signal to exactly this process; if it is gone, to nobody, whoever has its pid now.
pub(crate) fn signal(found: &Found, signal: Signal) {
    let Some(pid) = Pid::from_raw(found.pid) else {
        return;
    };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    // The descriptor holds one process; only now does a look at /proc say which.
    if is_alive(found.pid, found.start) {
        // It may end before the signal arrives, which is what the signal is for.
        let _ = pidfd_send_signal(&pidfd, signal);
    }
}

/// What `/proc/<pid>/stat` says of a process, zombies included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub state: char,
    pub group: i32,
    pub start: u64,
}

impl Stat {
    fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

/// Whether this very process is alive, whatever it executes now.
pub(crate) fn is_alive(pid: i32, start: u64) -> bool {
    stat(pid).is_some_and(|stat| stat.is_alive() && stat.start == start)
}

/// Reads `/proc/<pid>/stat`; `None`: there is no such process.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command's name stands in brackets and may itself contain brackets and spaces: count from the last one.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// One live process with its ids; `None`: gone, a zombie, or not to be read by us.
pub(crate) fn read(pid: i32) -> Option<Found> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let stat = stat(pid).filter(Stat::is_alive)?;
    let variables: BTreeMap<&str, &str> = environment
        .split(|byte| *byte == 0)
        .filter(|variable| variable.starts_with(b"MUSTER_"))
        .filter_map(|variable| std::str::from_utf8(variable).ok()?.split_once('='))
        .collect();
    let id = |name: &str| variables.get(name)?.parse::<uuid::Uuid>().ok();
    Some(Found {
        pid,
        group: stat.group,
        start: stat.start,
        installation: id(INSTALLATION_VARIABLE).map(InstallationId),
        game_server: id(GAME_SERVER_VARIABLE).map(GameServerId),
        url: variables.get(URL_VARIABLE).map(|url| (*url).to_owned()),
    })
}

fn scan() -> Vec<Found> {
    let own = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| Some(*pid) != own)
        .filter_map(read)
        .filter(|found| found.installation.is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "7 (a) b (c) S 1 70 3 0 -1 4 228 0 1 0 0 0 0 0 20 0 1 0 128101 43 33";
        let stat = parse_stat(line).expect("reads");
        assert_eq!((stat.state, stat.group, stat.start), ('S', 70, 128_101));
        assert_eq!(parse_stat("7 (a) S 1 70"), None);
    }

    #[test]
    fn this_process_has_a_start_and_a_process_that_is_not_there_has_none() {
        let own = i32::try_from(std::process::id()).expect("small");
        assert!(stat(own).is_some_and(|stat| stat.start > 0));
        assert_eq!(stat(0), None);
    }
}
