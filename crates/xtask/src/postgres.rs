//! A PostgreSQL cluster of our own: in a temporary folder, on a free loopback port, durable, gone afterwards.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, kill_process};

use crate::child::pid;
use crate::debian::find;
use crate::interrupt;
use crate::progress::Stopwatch;
use crate::workspace::output;

/// The variable that tells tests where the cluster is.
pub(crate) const URL_VARIABLE: &str = "MUSTER_TEST_POSTGRES";

const DEBIAN: &str = "/usr/lib/postgresql";
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(20);
/// A free port is looked up and then taken: somebody may be quicker.
const ATTEMPTS: u32 = 5;

/// The folder of the server's programs: Debian's newest version, or wherever `initdb` is on the path.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect();
    versions.sort();
    let newest = versions.pop().map(|(_, bin)| bin);
    newest.or_else(|| find("initdb").and_then(|initdb| initdb.parent().map(Path::to_owned)))
}

/// A running cluster; it is ended and its folder removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// How to reach it: `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub(crate) url: String,
    folder: Folder,
    server: Child,
}

impl Cluster {
    /// Makes and starts one. Its output goes to `log`.
    pub(crate) fn start(programs: &Path, log: &Path) -> Result<Self> {
        let folder = Folder::create()?;
        let data = folder.0.join("data");
        let mut initdb = as_server_user(&programs.join("initdb"));
        initdb
            .current_dir("/")
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            // The new cluster is flushed by its first checkpoint; only what tests write has to survive.
            .arg("--no-sync");
        output(&mut initdb)?;
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let mut server = serve(programs, &folder.0, port, log)?;
            if is_ready(&mut server, &data)? {
                let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
                return Ok(Self {
                    url,
                    folder,
                    server,
                });
            }
        }
        bail!(
            "PostgreSQL did not start; its output is in {}",
            log.display()
        )
    }

    fn stop(&mut self) -> Result<()> {
        let id = pid(self.server.id());
        // SIGINT is PostgreSQL's "fast" shutdown: it ends the connections that tests left open.
        kill_process(id, Signal::INT).context("cannot signal PostgreSQL")?;
        let watch = Stopwatch::start();
        while self
            .server
            .try_wait()
            .context("cannot wait for PostgreSQL")?
            .is_none()
        {
            if watch.elapsed() > STOP_LIMIT {
                // "Immediate": nobody needs this data again. Its other processes follow the first one.
                kill_process(id, Signal::QUIT).context("cannot signal PostgreSQL")?;
                self.server.wait().context("cannot wait for PostgreSQL")?;
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            println!("xtask: {error:#} (folder {})", self.folder.0.display());
        }
    }
}

/// A temporary folder that the server's user owns.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let mut mktemp = as_server_user(Path::new("mktemp"));
        mktemp.args(["--directory", "--tmpdir", "muster-postgres-XXXXXXXX"]);
        let path = String::from_utf8(output(&mut mktemp)?).context("mktemp printed no text")?;
        Ok(Self(PathBuf::from(path.trim_end())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            println!("xtask: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// PostgreSQL refuses to run as root, so root becomes the user that Debian's package made for it.
///
/// The signal on our death ends the server even when we are killed and can end nothing ourselves. It is asked for
/// after the change of user, which would clear it.
fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            "--",
            "setpriv",
        ]);
    }
    command.args(["--pdeathsig=INT", "--"]).arg(program);
    command
}

fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener
        .local_addr()
        .context("no address of a bound port")?
        .port())
}

fn serve(programs: &Path, folder: &Path, port: u16, log: &Path) -> Result<Child> {
    let file =
        std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", folder.display()),
        "max_connections=200".to_owned(),
        // Durability is what the tests are about.
        "fsync=on".to_owned(),
        "synchronous_commit=on".to_owned(),
        "full_page_writes=on".to_owned(),
    ];
    let mut command = as_server_user(&programs.join("postgres"));
    command.current_dir("/").arg("-D").arg(folder.join("data"));
    for setting in settings {
        command.args(["-c", &setting]);
    }
    command
        .stdin(Stdio::null())
        .stdout(
            file.try_clone()
                .context("cannot share the log between two streams")?,
        )
        .stderr(file)
        // Ctrl-C at the terminal is for us; the server ends when its tests have.
        .process_group(0)
        .spawn()
        .context("cannot start PostgreSQL")
}

/// Waits until the server says in its pid file that it takes connections; false if it ended instead.
fn is_ready(server: &mut Child, data: &Path) -> Result<bool> {
    let watch = Stopwatch::start();
    while watch.elapsed() < START_LIMIT && !interrupt::seen() {
        if server
            .try_wait()
            .context("cannot wait for PostgreSQL")?
            .is_some()
        {
            return Ok(false);
        }
        let state = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if state
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
        {
            return Ok(true);
        }
        std::thread::sleep(TICK);
    }
    // It neither runs nor ends: nothing but a kill is left, and the caller tries again.
    server.kill().context("cannot end PostgreSQL")?;
    server.wait().context("cannot wait for PostgreSQL")?;
    Ok(false)
}
