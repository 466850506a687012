//! `muster` in processes of its own: the binary, `muster serve` that may be killed, and what is left of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use model::InstallationId;
use model::wire::PrincipalKind;

use crate::in_process::client;
use crate::{Database, SECRET};

/// The program and what it is made of.
pub mod muster {
    use std::path::PathBuf;
    use std::process::Command;
    use std::sync::OnceLock;

    /// The `muster` program of this build; built once if need be.
    ///
    /// # Panics
    /// When it cannot be built.
    pub fn executable() -> PathBuf {
        static PATH: OnceLock<PathBuf> = OnceLock::new();
        PATH.get_or_init(|| {
            let test = std::env::current_exe().expect("this test's own path");
            let folder = test
                .parent()
                .and_then(|deps| deps.parent())
                .expect("a target folder");
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "muster", "--bin", "muster"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            build.env(
                "CARGO_TARGET_DIR",
                folder.parent().expect("a target folder"),
            );
            assert!(
                build.status().expect("cargo runs").success(),
                "muster does not build"
            );
            folder.join("muster")
        })
        .clone()
    }

    pub use ::muster::provider_schemas;
}

/// `muster serve` in a process of its own; killed when dropped.
pub struct ServeProcess {
    /// Where it is.
    pub url: String,
    child: Child,
}

impl ServeProcess {
    /// Starts it on `database` with its data in `folder` and waits until it listens.
    ///
    /// # Panics
    /// When it ends before.
    pub fn start(database: &Database, folder: &Path, session_types: &Path) -> ServeProcess {
        Self::start_by(&[], "127.0.0.1:0", database, folder, session_types)
    }

    /// The same at this address, by another program, whose words are `before` and which becomes `muster` in the end.
    ///
    /// # Panics
    /// When it ends before.
    pub fn start_by(
        before: &[String],
        listen: &str,
        database: &Database,
        folder: &Path,
        session_types: &Path,
    ) -> ServeProcess {
        let secret = folder.join("secret");
        std::fs::write(&secret, SECRET).expect("the secret");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("serve.log"))
            .expect("a log");
        let mut words = before
            .iter()
            .map(std::ffi::OsString::from)
            .collect::<Vec<_>>();
        words.push(muster::executable().into());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .arg("serve")
            .args([
                "--listen",
                listen,
                "--log",
                "json",
                "--database",
                &database.url,
            ])
            .arg("--session-types")
            .arg(session_types)
            .arg("--data-dir")
            .arg(folder)
            .arg("--secret-file")
            .arg(&secret)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("muster starts");
        let stderr = child.stderr.take().expect("a pipe");
        let (found, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || follow(stderr, &log, &found));
        match address.recv_timeout(std::time::Duration::from_secs(60)) {
            Ok(url) => ServeProcess { url, child },
            Err(_) => {
                let _ = child.kill();
                let text = std::fs::read_to_string(folder.join("serve.log")).unwrap_or_default();
                panic!("muster serve does not listen:\n{text}");
            }
        }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// Waits for its end by itself; its exit code.
    ///
    /// # Panics
    /// When it was ended by a signal.
    pub fn wait(mut self) -> i32 {
        let status = self.child.wait().expect("an end");
        status.code().expect("an exit code")
    }

    /// Its exit code, if it has ended by itself.
    ///
    /// # Panics
    /// When it was ended by a signal.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("a child")?;
        Some(status.code().expect("an exit code"))
    }

    /// Kills it as a power cut would: no handler runs.
    ///
    /// # Panics
    /// When it has ended by itself.
    pub fn kill(mut self) {
        assert!(
            self.child.try_wait().expect("a child").is_none(),
            "muster serve has ended by itself"
        );
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("an end");
    }

    /// A client of a principal.
    pub fn client(&self, kind: PrincipalKind, subject: &str) -> sdk::Client {
        client(&self.url, kind, subject)
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies the log and finds the address in it.
fn follow(
    stderr: std::process::ChildStderr,
    mut log: &std::fs::File,
    found: &std::sync::mpsc::Sender<String>,
) {
    use std::io::Write;
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let _ = writeln!(log, "{line}");
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address: String = rest
                .chars()
                .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                .collect();
            let _ = found.send(format!("http://{address}"));
        }
    }
}

/// Processes on this machine whose environment carries the installation's id, with their command lines.
pub fn processes_of(installation: InstallationId) -> Vec<(u32, String)> {
    let carried = format!("MUSTER_INSTALLATION_ID={installation}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|one| one == carried.as_bytes())
        {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&command).replace('\0', " ")));
        }
    }
    found
}

/// The repository's own session types.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sessiontypes")
}
