//! The game as a process: its own process group, its output as lines, an end that leaves nothing behind.

use std::ffi::OsStr;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use model::wrap::{StopRule, StopSignal};
use rustix::process::{Pid, Signal, getpid, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::lines::Lines;

/// This very program, also when its file has been replaced meanwhile.
pub const OURSELVES: &str = "/proc/self/exe";

/// Lines that may wait; then the game waits.
const LINES_MAX: usize = 1_024;
/// How long the last lines of a game that has ended are waited for: something else may hold its output open.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Bytes read at a time.
const READ_BYTES: usize = 8 * 1024;

/// A running game. Dropped, its leader is killed; ended by [`Game::stop`] or by itself, its whole group is.
#[derive(Debug)]
pub struct Game {
    child: Child,
    group: Pid,
    lines: mpsc::Receiver<String>,
    ended: Option<ExitStatus>,
    _readers: JoinSet<()>,
}

/// What a game does.
#[derive(Debug)]
pub enum Event {
    /// It has written a line.
    Line(String),
    /// It has ended.
    Exited(ExitStatus),
}

impl Game {
    /// Starts a command by way of `wrap-exec` of the program at `launcher` ([`OURSELVES`]), so that it dies with
    /// the calling thread.
    ///
    /// # Errors
    /// When the launcher cannot be started; that a command cannot be, shows as an early end.
    pub fn start(launcher: &Path, command: &[impl AsRef<OsStr>]) -> anyhow::Result<Self> {
        let mut child = Command::new(launcher)
            .args(["wrap-exec", "--parent", &getpid().as_raw_pid().to_string()])
            .arg("--")
            .args(command)
            // The token acts for the game server; the game has no use for it.
            .env_remove("MUSTER_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the game")?;
        let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let group = group.context("the game has no process id")?;
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let mut readers = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            readers.spawn(read(stdout, sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.spawn(read(stderr, sender));
        }
        Ok(Self {
            child,
            group,
            lines,
            ended: None,
            _readers: readers,
        })
    }

    /// The process id of its leader, and of its group.
    pub fn id(&self) -> i32 {
        self.group.as_raw_pid()
    }

    /// The next line, or its end after the last line. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            if let Some(status) = self.ended {
                let line = timeout(LAST_WORDS, self.lines.recv()).await.ok().flatten();
                return Ok(line.map_or(Event::Exited(status), Event::Line));
            }
            tokio::select! {
                biased;
                Some(line) = self.lines.recv() => return Ok(Event::Line(line)),
                status = self.child.wait() => {
                    self.ended = Some(status.context("cannot wait for the game")?);
                    // Whatever the game has left behind in its group. Its number is not used again so soon.
                    self.signal(Signal::KILL);
                }
            }
        }
    }

    /// Asks the whole group to end, kills it after the grace, and waits; `line` is told what is written meanwhile.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(
        &mut self,
        rule: StopRule,
        mut line: impl FnMut(String),
    ) -> anyhow::Result<ExitStatus> {
        self.signal(signal(rule.signal));
        let mut grace = pin!(sleep(rule.grace.duration()));
        let mut patient = true;
        loop {
            tokio::select! {
                event = self.next() => match event? {
                    Event::Line(text) => line(text),
                    Event::Exited(status) => return Ok(status),
                },
                () = &mut grace, if patient => {
                    tracing::warn!(grace = %rule.grace, "the game did not end in time; killing it");
                    patient = false;
                    self.signal(Signal::KILL);
                }
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // The group may be gone already, which is as well.
        let _ = kill_process_group(self.group, signal);
    }
}

async fn read(mut output: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut cut = Lines::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = output.read(&mut buffer).await.unwrap_or(0);
        let bytes = buffer.get(..length).unwrap_or_default();
        let (complete, end) = if bytes.is_empty() {
            (Vec::from_iter(cut.finish()), true)
        } else {
            (cut.push(bytes), false)
        };
        for line in complete {
            if lines.send(line).await.is_err() {
                return;
            }
        }
        if end {
            return;
        }
    }
}

fn signal(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Quit => Signal::QUIT,
        StopSignal::Hup => Signal::HUP,
        StopSignal::Usr1 => Signal::USR1,
        StopSignal::Usr2 => Signal::USR2,
        StopSignal::Kill => Signal::KILL,
    }
}
