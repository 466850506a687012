//! What the tests need besides Rust, and how Debian calls it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::child::{self, Job};
use crate::postgres;
use crate::workspace::Workspace;

/// Debian puts games here, which is on nobody's PATH in a container.
const GAMES: &str = "/usr/games";
const BZFLAG: &[&str] = &["bzfs", "bzadmin", "bzfquery"];
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Something that has to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// The programs of a PostgreSQL server.
    Postgres,
    /// A BZFlag server, its text client and its query tool.
    Bzflag,
}

impl Need {
    /// The Debian package that brings it.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Bzflag => "bzflag-server",
        }
    }

    /// Whether it is here.
    pub(crate) fn is_met(self) -> bool {
        match self {
            Self::Postgres => postgres::programs().is_some(),
            Self::Bzflag => BZFLAG.iter().all(|program| find(program).is_some()),
        }
    }

    /// Why a suite that needs it is skipped.
    pub(crate) fn reason(self) -> String {
        let package = self.package();
        format!("{package} is not installed (apt-get install --no-install-recommends {package})")
    }
}

/// Installs what is missing if we may; otherwise says what to install. Returns what is still missing.
pub(crate) fn provide(workspace: &Workspace, needs: &[Need]) -> Result<Vec<Need>> {
    let missing: Vec<Need> = needs
        .iter()
        .copied()
        .filter(|need| !need.is_met())
        .collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package()).collect();
    let packages = packages.join(" ");
    if !rustix::process::geteuid().is_root() || find("apt-get").is_none() {
        println!("Missing, and not ours to install without root and apt-get. As root on Debian:");
        println!("  apt-get update && apt-get install -y --no-install-recommends {packages}");
        return Ok(missing);
    }
    println!("Installing {packages}");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!(
            "apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 {packages}"
        )])
        .env("DEBIAN_FRONTEND", "noninteractive");
    let log = workspace.log("install");
    let job = Job {
        name: "install".into(),
        command,
        log: log.clone(),
        stdout: None,
        limit: LIMIT,
    };
    // The leftovers of an installation are services that Debian starts; they are none of our business.
    if let Some(failure) = child::run(job)?.ending.failure() {
        println!(
            "The installation failed ({failure}); its output is in {}",
            log.display()
        );
    }
    Ok(missing.into_iter().filter(|need| !need.is_met()).collect())
}

/// PATH with the folder of games at its end.
pub(crate) fn path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from(GAMES)]);
    std::env::join_paths(folders).unwrap_or(path)
}

/// A program on [`path`].
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path())
        .map(|folder| folder.join(program))
        .find(|file| Path::is_file(file))
}
