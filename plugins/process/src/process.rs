//! One game server's processes: started or taken back, watched by pidfd, ended without a remnant.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::{GameServerId, InstallationId};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, pidfd_send_signal,
    prlimit,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::config::Limits;
use crate::launch::Launch;
use crate::table::{self, Found, Table};

/// First and longest pause between looks at the process table while processes are to go.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The leader of a game server's process group, and with it everything that it starts.
#[derive(Debug)]
pub(crate) struct Process {
    pub pid: i32,
    pub start: u64,
    installation: InstallationId,
    id: GameServerId,
    pidfd: AsyncFd<OwnedFd>,
    /// Ours to reap; of a process that was taken back somebody else is the parent.
    child: Option<Child>,
}

/// How a leader ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    /// For people.
    pub words: String,
    /// Exit status 0, or not known.
    pub clean: bool,
}

/// Who gets the first signal of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The leader alone: `muster wrap` stops its game by the game's own rule.
    Leader,
    /// Every process of the game server.
    Everyone,
}

impl Process {
    /// Starts it in a process group of its own, with nothing of ours but the log. Blocking, a few milliseconds.
    ///
    /// # Errors
    /// When it cannot be executed, or cannot be limited as it should be; then nothing is left of it.
    pub fn start(
        launch: &Launch,
        limits: &Limits,
        log: File,
        installation: InstallationId,
        id: GameServerId,
    ) -> io::Result<Self> {
        let errors = log.try_clone()?;
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .env_clear()
            .envs(&launch.environment)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()?;
        let held = limit(&child, limits).and_then(|()| hold(&child));
        match held {
            Ok((pid, start, pidfd)) => Ok(Self {
                pid,
                start,
                installation,
                id,
                pidfd,
                child: Some(child),
            }),
            Err(error) => {
                if let Some(group) = pid_of(&child) {
                    // Not reaped yet, so the group is still its own.
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Takes back a process that an earlier life of ours started; `None` when that process is gone.
    ///
    /// # Errors
    /// When it is there but cannot be watched.
    pub fn adopt(found: &Found) -> io::Result<Option<Self>> {
        let (Some(pid), Some(installation), Some(id)) = (
            Pid::from_raw(found.pid),
            found.installation,
            found.game_server,
        ) else {
            return Ok(None);
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The descriptor holds one process; only now does a look at /proc say which.
        if !table::is_alive(found.pid, found.start) {
            return Ok(None);
        }
        Ok(Some(Self {
            pid: found.pid,
            start: found.start,
            installation,
            id,
            pidfd: watched(pidfd)?,
            child: None,
        }))
    }

    /// Waits until the leader has ended. May be dropped and called again.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn exited(&self) -> io::Result<()> {
        self.pidfd.readable().await.map(drop)
    }

    /// Asks it to stop and waits for `grace` at most: whatever has not ended then is killed by [`Process::finish`].
    /// Returns whether everything ended in time.
    pub async fn ask_to_stop(&self, ask: Ask, grace: Duration, table: &Table) -> bool {
        if ask == Ask::Everyone {
            self.signal_others(Signal::TERM, table).await;
        }
        // It may end before the signal arrives, which is what the signal is for.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::TERM);
        let everyone = async {
            let _ = self.exited().await;
            let mut pause = LOOK.0;
            while !self.left(table).await.is_empty() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LOOK.1);
            }
        };
        tokio::time::timeout(grace, everyone).await.is_ok()
    }

    /// Kills what is left, sees to it that nothing is, and reaps.
    pub async fn finish(mut self, table: &Table) -> Exit {
        let mut pause = LOOK.0;
        loop {
            self.kill_group();
            let left = self.left(table).await;
            let exited = tokio::time::timeout(LOOK.0, self.exited()).await.is_ok();
            if left.is_empty() && exited {
                break;
            }
            for found in &left {
                table::signal(found, Signal::KILL);
            }
            let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
            if pause == LOOK.1 {
                tracing::warn!(game_server = %self.id, left = left.len(), "killed processes do not end");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK.1);
        }
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => Exit {
                words: status.to_string(),
                clean: status.success(),
            },
            Some(Err(_)) | None => Exit {
                words: "ended, its exit status is not known".to_owned(),
                clean: true,
            },
        }
    }

    async fn left(&self, table: &Table) -> Vec<Found> {
        table.of(self.installation, self.id).await
    }

    async fn signal_others(&self, signal: Signal, table: &Table) {
        for found in self.left(table).await {
            if found.pid != self.pid {
                table::signal(&found, signal);
            }
        }
    }

    /// Kills the whole group, members that have cleared their environment included. Only for our own child:
    /// until we reap it nobody else can have its pid, so the group is certainly ours.
    fn kill_group(&self) {
        if let Some(group) = self.child.as_ref().and_then(pid_of) {
            // An empty group is what we are after.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Ends every process of a game server that has no leader any more: SIGTERM, `grace`, SIGKILL until none is left.
pub(crate) async fn end_remnants(
    installation: InstallationId,
    id: GameServerId,
    grace: Duration,
    table: &Table,
) {
    for found in table.of(installation, id).await {
        table::signal(&found, Signal::TERM);
    }
    let gone = async |signal: Option<Signal>| {
        let mut pause = LOOK.0;
        loop {
            let left = table.of(installation, id).await;
            if left.is_empty() {
                return;
            }
            for found in left.iter().filter(|_| signal.is_some()) {
                table::signal(found, signal.unwrap_or(Signal::KILL));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK.1);
        }
    };
    if tokio::time::timeout(grace, gone(None)).await.is_err() {
        gone(Some(Signal::KILL)).await;
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn hold(child: &Child) -> io::Result<(i32, u64, AsyncFd<OwnedFd>)> {
    let pid = pid_of(child).ok_or(io::ErrorKind::InvalidData)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let raw = pid.as_raw_nonzero().get();
    let stat = table::stat(raw).ok_or(io::ErrorKind::NotFound)?;
    let pidfd = watched(pidfd)?;
    Ok((raw, stat.start, pidfd))
}

/// Readable as soon as its process has ended.
#[expect(
    deprecated,
    reason = "what it fears is a descriptor that is swapped or closed meanwhile; an `OwnedFd` never is"
)]
fn watched(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// Limits of a process that was started a moment ago, and of the children that it starts from now on.
fn limit(child: &Child, limits: &Limits) -> io::Result<()> {
    let pid = pid_of(child);
    if let Some(memory) = limits.memory {
        let limit = Rlimit {
            current: Some(memory.0),
            maximum: Some(memory.0),
        };
        prlimit(pid, Resource::Data, limit)?;
    }
    if let Some(seconds) = limits.cpu_seconds {
        let limit = Rlimit {
            current: Some(seconds),
            maximum: Some(seconds.saturating_add(1)),
        };
        prlimit(pid, Resource::Cpu, limit)?;
    }
    Ok(())
}
