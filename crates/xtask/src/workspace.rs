//! What cargo and git know about this workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace as `cargo metadata` describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory of the root manifest.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the caller put it.
    pub(crate) target: PathBuf,
    /// The packages of this workspace, by name.
    pub(crate) members: Vec<Member>,
    /// The whole answer of `cargo metadata`.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "only the tidy tests look at other people's packages"
        )
    )]
    pub(crate) metadata: Value,
}

/// One package of this workspace.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its id, as cargo's messages name it.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// Its version.
    pub(crate) version: String,
    /// Whether it has a library, which the row of its tests is then named after.
    pub(crate) has_library: bool,
}

impl Workspace {
    /// Asks cargo, from the current directory.
    pub(crate) fn load() -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1"]);
        let metadata: Value = serde_json::from_slice(&output(&mut command)?)
            .context("`cargo metadata` printed something that is not JSON")?;
        let root = PathBuf::from(text(&metadata, "workspace_root")?);
        let target = PathBuf::from(text(&metadata, "target_directory")?);
        let ids = array(&metadata, "workspace_members")?;
        let mut members = array(&metadata, "packages")?
            .iter()
            .filter(|package| ids.contains(&package["id"]))
            .map(member)
            .collect::<Result<Vec<_>>>()?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root,
            target,
            members,
            metadata,
        })
    }

    /// The directory of the suites' logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.target.join("xtask").join("logs")
    }

    /// The log of one suite; names with a slash stay in the one flat folder.
    pub(crate) fn log(&self, suite: &str) -> PathBuf {
        self.logs().join(format!("{}.log", suite.replace('/', "-")))
    }
}

fn member(package: &Value) -> Result<Member> {
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    let has_library = array(package, "targets")?.iter().any(|target| {
        target["kind"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib"))
    });
    Ok(Member {
        id: text(package, "id")?.to_owned(),
        name: text(package, "name")?.to_owned(),
        directory: manifest.parent().unwrap_or(Path::new(".")).to_owned(),
        version: text(package, "version")?.to_owned(),
        has_library,
    })
}

/// The cargo that runs us, or the one on the path.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.env("CARGO_TERM_COLOR", "never");
    command
}

/// Runs a short command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let shown = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        bail!(
            "{shown} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

/// A field that cargo promises to be an array.
pub(crate) fn array<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    value[field]
        .as_array()
        .with_context(|| format!("no array `{field}` in cargo's answer"))
}

/// A field that cargo promises to be a string.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field]
        .as_str()
        .with_context(|| format!("no string `{field}` in cargo's answer"))
}
