//! A log for each game server: written by the game server itself, kept small by us.
//!
//! A game server's output goes to its file directly, never through us, so we may die and come back. The file is
//! opened for appending; when it has grown too large it is copied to `.log.1` and cut to nothing, and as every write
//! of the game server goes to the end, its next line is the first of the emptied file. It never has to open its
//! file again. Lines that are written between copying and cutting are lost: at most what comes in that moment.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use model::{GameServerId, Name, Namespace};

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// Bytes of a log until it is cut.
    pub log_bytes_max: u64,
    /// Files of game servers that have ended.
    pub ended_max: usize,
    /// Bytes of those files.
    pub ended_bytes_max: u64,
}

/// Where the log of a game server lies. One folder for each fleet; `@` cannot be part of a name.
pub(crate) fn path(root: &Path, namespace: &Namespace, fleet: &Name, id: GameServerId) -> PathBuf {
    root.join(format!("{namespace}@{fleet}"))
        .join(format!("{id}.log"))
}

/// Opens a log for a process to append to, with its folder.
///
/// # Errors
/// When the folder or the file cannot be made.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o640)
        .open(path)
}

/// Cuts logs that are too large and removes the oldest of those that nobody writes any more. Blocking.
///
/// # Errors
/// The first one; everything that can be done is done nevertheless.
pub(crate) fn tidy(root: &Path, alive: &BTreeSet<GameServerId>, keep: Keep) -> io::Result<()> {
    let mut ended: Vec<(SystemTime, PathBuf, u64)> = Vec::new();
    let mut first_error = Ok(());
    let mut note = |result: io::Result<()>| {
        if let (Ok(()), Err(error)) = (&first_error, result) {
            first_error = Err(error);
        }
    };
    for path in files(root)? {
        // A file may vanish meanwhile; then there is nothing to do about it.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if owner(&path).is_some_and(|id| alive.contains(&id)) {
            if is_written(&path) && metadata.len() > keep.log_bytes_max {
                note(cut(&path));
            }
        } else {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            ended.push((modified, path, metadata.len()));
        }
    }
    ended.sort_by(|one, other| other.cmp(one));
    let (mut count, mut bytes) = (0_usize, 0_u64);
    for (_, path, length) in ended {
        count += 1;
        bytes = bytes.saturating_add(length);
        if count > keep.ended_max || bytes > keep.ended_bytes_max {
            note(fs::remove_file(path));
        }
    }
    first_error
}

/// Copies the log aside and empties it; empties it even when there is no room for the copy.
fn cut(path: &Path) -> io::Result<()> {
    let copied = fs::copy(path, path.with_extension("log.1")).map(drop);
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    copied
}

fn is_written(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// The game server whose log it is, by the file's name.
fn owner(path: &Path) -> Option<GameServerId> {
    path.file_name()?.to_str()?.split_once('.')?.0.parse().ok()
}

fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let folders = match fs::read_dir(root) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(error),
    };
    for folder in folders {
        for file in fs::read_dir(folder?.path())? {
            let path = file?.path();
            // Whatever else lies here is not ours to remove.
            if owner(&path).is_some() {
                files.push(path);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
