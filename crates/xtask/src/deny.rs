//! cargo-deny: found, or built into the target directory.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::child::{self, Job};
use crate::debian::find;
use crate::workspace::{Workspace, cargo};

/// The release that is built where none is installed.
const VERSION: &str = "0.20.2";
/// Where `cargo deny check advisories` fetches its database from.
const DATABASE: (&str, u16) = ("github.com", 443);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The program, or why there is none.
pub(crate) fn program(workspace: &Workspace) -> Result<Result<PathBuf, String>> {
    let tools = workspace.target.join("xtask").join("tools");
    let ours = tools.join("bin").join("cargo-deny");
    if let Some(installed) =
        find("cargo-deny").or_else(|| Path::is_file(&ours).then(|| ours.clone()))
    {
        return Ok(Ok(installed));
    }
    let mut command = cargo();
    command
        .args(["install", "--locked", "--version", VERSION, "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"))
        .arg("cargo-deny");
    let log = workspace.log("cargo-deny");
    let name = "cargo-deny".to_owned();
    let job = Job {
        name,
        command,
        log: log.clone(),
        stdout: None,
        limit: BUILD_LIMIT,
    };
    Ok(match child::run(job)?.ending.failure() {
        None => Ok(ours),
        Some(failure) => Err(format!(
            "cannot build cargo-deny ({failure}), see {}",
            log.display()
        )),
    })
}

/// Whether the database of advisories can be fetched.
pub(crate) fn is_online() -> bool {
    DATABASE.to_socket_addrs().is_ok_and(|mut addresses| {
        addresses.any(|address| TcpStream::connect_timeout(&address, CONNECT_LIMIT).is_ok())
    })
}
