//! Reads a folder of YAML files; the one place of this crate that touches the disk, on its caller's behalf.

use std::io;
use std::path::Path;

use super::SourceFile;

/// Why a folder or file could not be read. Boxed into an [`io::Error`] of the same kind by [`read_dir`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or file cannot be opened.
    #[error("cannot read {path}")]
    Open {
        /// What was to be read.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is no UTF-8 text.
    #[error("{path}:{line}: not UTF-8 text (byte {offset} of the file): save the file as UTF-8")]
    NotUtf8 {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// From 0.
        offset: usize,
    },
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        let kind = match &error {
            ReadError::Open { source, .. } => source.kind(),
            ReadError::NotUtf8 { .. } => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// Every `*.yaml` and `*.yml` directly in `dir`, sorted by name. Subfolders, such as `schema/`, are left alone,
/// and so are hidden files, which editors leave behind.
pub fn read_dir(dir: &Path) -> io::Result<Vec<SourceFile>> {
    let open = |source| ReadError::Open {
        path: dir.display().to_string(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(open)? {
        let path = entry.map_err(open)?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|ext| ext == "yaml" || ext == "yml");
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_yaml && !is_hidden && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let files: Result<Vec<SourceFile>, ReadError> = paths.iter().map(|path| read(path)).collect();
    Ok(files?)
}

pub(super) fn read(path: &Path) -> Result<SourceFile, ReadError> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| ReadError::Open {
        path: shown.clone(),
        source,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile { path: shown, text }),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let before = error.as_bytes().iter().take(offset);
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            Err(ReadError::NotUtf8 {
                path: shown,
                line,
                offset,
            })
        }
    }
}
