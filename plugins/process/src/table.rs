//! The processes of this machine as `/proc` shows them, and which of them are ours.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{GameServerId, InstallationId};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::Mutex;

use crate::launch::{GAME_SERVER_VARIABLE, INSTALLATION_VARIABLE, URL_VARIABLE};

/// How often, and how long apart, a process that goes from one program to the next is looked at again.
const LOOKS_AGAIN: u32 = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// So many looks only may find it without any environment, as many have none.
const LOOKS_AGAIN_IF_BARE: u32 = 3;
/// Read of an environment at once, so that all of it is of one program; few are larger.
const ENVIRONMENT_BYTES: usize = 64 * 1024;
/// In the flags of a process: it is the kernel's own, without an environment.
const KERNEL_THREAD: u32 = 0x0020_0000;

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

/// Every live process of this machine, other than this one, that carries the installation's id, in the order of their
/// process ids. Blocking.
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
    flags: u32,
    /// Where its environment begins and ends in its memory; it ends at zero until there is one.
    environment: (u64, u64),
}

impl Stat {
    fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }

    /// What it is to have been shown this environment.
    fn sight(&self, environment: &[u8]) -> Sight {
        let shown = environment.len() as u64;
        match self.environment {
            _ if self.flags & KERNEL_THREAD != 0 => Sight::Whole,
            _ if of_muster(environment).any(|variable| !variable.contains(&b'=')) => Sight::Half,
            (_, 0) if shown == 0 => Sight::Half,
            (_, 0) => Sight::Whole,
            (begins, ends) if shown != ends.saturating_sub(begins) => Sight::Half,
            _ if shown == 0 => Sight::Bare,
            _ => Sight::Whole,
        }
    }
}

/// How much of a process a look shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// All of it.
    Whole,
    /// No environment: it was given none, has cleared it, or has none for a moment.
    Bare,
    /// Not all of its environment: it goes from one program to the next; or a name cut off from its value, as bash
    /// does in place for a moment while it reads what it was given.
    Half,
}

/// What an environment says in variables of Muster, each as `NAME=value`.
fn of_muster(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    let variables = environment.split(|byte| *byte == 0);
    variables.filter(|variable| variable.starts_with(b"MUSTER_"))
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
        flags: fields.get(6)?.parse().ok()?,
        environment: (fields.get(47)?.parse().ok()?, fields.get(48)?.parse().ok()?),
    })
}

/// Looks at one process; `None`: gone, a zombie, or not to be read by us.
fn look(pid: i32) -> Option<(Found, Sight)> {
    let mut environment = vec![0; ENVIRONMENT_BYTES];
    let mut file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    let at_once = file.read(&mut environment).ok()?;
    environment.truncate(at_once);
    if at_once == ENVIRONMENT_BYTES {
        file.read_to_end(&mut environment).ok()?;
    }
    let stat = stat(pid).filter(Stat::is_alive)?;
    let variables: BTreeMap<&str, &str> = of_muster(&environment)
        .filter_map(|variable| std::str::from_utf8(variable).ok()?.split_once('='))
        .collect();
    let id = |name: &str| variables.get(name)?.parse::<uuid::Uuid>().ok();
    let found = Found {
        pid,
        group: stat.group,
        start: stat.start,
        installation: id(INSTALLATION_VARIABLE).map(InstallationId),
        game_server: id(GAME_SERVER_VARIABLE).map(GameServerId),
        url: variables.get(URL_VARIABLE).map(|url| (*url).to_owned()),
    };
    Some((found, stat.sight(&environment)))
}

/// Every live process, other than this one, that carries an installation's id, in the order of their process ids.
/// Blocking, for half a second at most while one of them executes another program.
fn scan() -> Vec<Found> {
    let own = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut pids: Vec<(i32, u32)> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| Some(*pid) != own)
        .map(|pid| (pid, LOOKS_AGAIN_IF_BARE))
        .collect();
    let mut all = Vec::new();
    for looks_left in (0..=LOOKS_AGAIN).rev() {
        pids.retain_mut(|(pid, bare_left)| {
            let Some((found, sight)) = look(*pid) else {
                return false;
            };
            let again = match sight {
                Sight::Whole => false,
                Sight::Half => looks_left > 0,
                Sight::Bare => {
                    let again = *bare_left > 0 && looks_left > 0;
                    *bare_left = bare_left.saturating_sub(1);
                    again
                }
            };
            if !again && found.installation.is_some() {
                all.push(found);
            }
            again
        });
        if pids.is_empty() {
            break;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    // Who was looked at again came last.
    all.sort_unstable_by_key(|found| found.pid);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "7 (a) b (c) S 1 70 3 0 -1 4 228 0 1 0 0 0 0 0 20 0 1 0 128101 43 33 0 0 0 0 0 0 0 0 0 0 0 \
                    17 0 0 0 0 0 0 0 0 0 0 0 0 0 91 95 0";
        let stat = parse_stat(line).expect("reads");
        assert_eq!((stat.state, stat.group, stat.start), ('S', 70, 128_101));
        assert_eq!((stat.flags, stat.environment), (4, (91, 95)));
        assert_eq!(parse_stat("7 (a) S 1 70"), None);
    }

    #[test]
    fn a_name_without_its_value_is_half_a_sight() {
        let bytes = |text: &str| text.replace(' ', "\0").into_bytes();
        let sight = |text: &str| {
            let stat = Stat {
                state: 'R',
                group: 1,
                start: 1,
                flags: 0,
                environment: (9, 9 + text.len() as u64),
            };
            stat.sight(&bytes(text))
        };
        assert_eq!(sight("A=1 MUSTER_URL=x "), Sight::Whole);
        assert_eq!(sight("A=1 MUSTER_URL x "), Sight::Half);
        assert_eq!(sight("A 1 MUSTER_URL=x "), Sight::Whole);
        assert_eq!(sight(""), Sight::Bare);
    }

    #[test]
    fn this_process_has_a_start_and_a_process_that_is_not_there_has_none() {
        let own = i32::try_from(std::process::id()).expect("small");
        assert!(stat(own).is_some_and(|stat| stat.start > 0));
        assert_eq!(stat(0), None);
    }

    /// It shows no environment for a moment again and again, is never missing, and stands before who came after it.
    #[test]
    fn a_process_that_executes_other_programs_is_always_found_at_its_place() {
        let installation = uuid::Uuid::from_u128(u128::from(std::process::id()));
        let start = |program: &str, arguments: &[&str]| {
            std::process::Command::new(program)
                .args(arguments)
                .env("AGAIN", "exec bash -c \"$AGAIN\"")
                .env(INSTALLATION_VARIABLE, installation.to_string())
                .spawn()
                .expect("it starts")
        };
        let mut children = [
            start("bash", &["-c", "exec bash -c \"$AGAIN\""]),
            start("sleep", &["600"]),
        ];
        let mut pids = children.each_ref().map(|child| child.id().cast_signed());
        // The numbers begin anew one day.
        pids.sort_unstable();
        let in_order = |_: &u32| {
            let found = of_installation(InstallationId(installation));
            found.iter().map(|found| found.pid).eq(pids)
        };
        let seen = (0..200).filter(in_order).count();
        for child in &mut children {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
        assert_eq!(seen, 200);
        assert_eq!(of_installation(InstallationId(installation)), []);
    }
}
