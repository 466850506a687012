//! One command at a time: its log, its live line, its time limit, and what it left running.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::interrupt;
use crate::progress::{Progress, Stopwatch, seconds};
use crate::tally::test_line;

/// How often the command and its log are looked at.
const TICK: Duration = Duration::from_millis(50);
/// What a command may take to end after SIGTERM, and its children to follow it.
const GRACE: Duration = Duration::from_secs(5);
/// Every process that a command starts inherits this variable; what still carries it afterwards was left behind.
const MARK: &str = "XTASK_RUN";

/// A command to run.
#[derive(Debug)]
pub(crate) struct Job {
    /// What the live line calls it.
    pub(crate) name: String,
    /// The command; its standard streams are set here.
    pub(crate) command: Command,
    /// Where its output goes; truncated first.
    pub(crate) log: PathBuf,
    /// Where its standard output goes if not to the log.
    pub(crate) stdout: Option<PathBuf>,
    /// When it is ended.
    pub(crate) limit: Duration,
}

/// How a command came to its end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By itself.
    Exited(ExitStatus),
    /// It was ended at its time limit.
    TimedOut(Duration),
    /// It was ended because somebody wants us to stop.
    Interrupted,
}

impl Ending {
    /// Why this is a failure; `None` if it is none.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Exited(status) if status.success() => None,
            Self::Exited(status) => Some(status.to_string()),
            Self::TimedOut(limit) => Some(format!("took longer than {}", seconds(*limit))),
            Self::Interrupted => Some("interrupted".to_owned()),
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How it ended.
    pub(crate) ending: Ending,
    /// How long it took.
    pub(crate) duration: Duration,
    /// What it had started and left running, ended now: process id and name.
    pub(crate) left_behind: Vec<String>,
}

/// Runs a command to its end, without standard input.
pub(crate) fn run(job: Job) -> Result<Outcome> {
    let Job {
        name,
        mut command,
        log,
        stdout,
        limit,
    } = job;
    let mark = format!("{}.{name}", std::process::id());
    let file = create(&log)?;
    let out = match stdout {
        Some(path) => create(&path)?,
        None => file
            .try_clone()
            .context("cannot share the log between two streams")?,
    };
    let shown = format!("{command:?}");
    let mut child = command
        .env(MARK, &mark)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;

    let mut progress = Progress::start(&name);
    let mut tail = Tail::open(&log)?;
    let ending = loop {
        if let Some(status) = child.try_wait().context("cannot wait for a child")? {
            break Ending::Exited(status);
        }
        if interrupt::seen() {
            end_group(&mut child)?;
            break Ending::Interrupted;
        }
        if progress.elapsed() > limit {
            end_group(&mut child)?;
            break Ending::TimedOut(limit);
        }
        tail.advance();
        progress.show(&tail.summary());
        std::thread::sleep(TICK);
    };
    let duration = progress.elapsed();
    let left_behind = end_left_behind(&mark);
    progress.clear();
    Ok(Outcome {
        ending,
        duration,
        left_behind,
    })
}

fn create(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// SIGTERM to the command's process group, SIGKILL after the grace.
fn end_group(child: &mut Child) -> Result<()> {
    let group = pid(child.id());
    // An error here means that the group has gone already, which the wait below sees.
    let _ = kill_process_group(group, Signal::TERM);
    let watch = Stopwatch::start();
    while child
        .try_wait()
        .context("cannot wait for a child")?
        .is_none()
    {
        if watch.elapsed() > GRACE {
            let _ = kill_process_group(group, Signal::KILL);
        }
        std::thread::sleep(TICK);
    }
    Ok(())
}

/// Waits a moment for what carries the mark to end, then ends it and says what it was.
fn end_left_behind(mark: &str) -> Vec<String> {
    let watch = Stopwatch::start();
    while !marked(mark).is_empty() && watch.elapsed() < GRACE && !interrupt::seen() {
        std::thread::sleep(TICK);
    }
    marked(mark)
        .into_iter()
        .map(|(id, name)| {
            // It may have ended since it was listed.
            let _ = kill_process(pid(id), Signal::KILL);
            format!("{name} ({id})")
        })
        .collect()
}

/// The live processes whose environment carries the mark. A zombie has no environment and is not listed.
fn marked(mark: &str) -> Vec<(u32, String)> {
    let entry = format!("{MARK}={mark}");
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|process| {
            let process = process.ok()?;
            let id: u32 = process.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let carries = environment
                .split(|byte| *byte == 0)
                .any(|line| line == entry.as_bytes());
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            carries.then(|| (id, name.trim().to_owned()))
        })
        .collect()
}

/// The process id of a child of ours.
pub(crate) fn pid(id: u32) -> Pid {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .expect("the kernel gives positive process ids")
}

/// What a log says so far: how many tests are done, or its last line.
#[derive(Debug)]
struct Tail {
    file: File,
    partial: Vec<u8>,
    tests: u64,
    last: String,
}

impl Tail {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            file,
            partial: Vec::new(),
            tests: 0,
            last: String::new(),
        })
    }

    /// Reads what was written since the last time. A log that cannot be read costs only the live line.
    fn advance(&mut self) {
        let _ = self.file.read_to_end(&mut self.partial);
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let partial = self.partial.split_off(end + 1);
        for line in std::mem::replace(&mut self.partial, partial).split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if test_line(line).is_some() {
                self.tests += 1;
            }
            if !line.is_empty() {
                line.clone_into(&mut self.last);
            }
        }
    }

    fn summary(&self) -> String {
        match self.tests {
            0 => self.last.clone(),
            tests => format!("{tests} tests done"),
        }
    }
}
