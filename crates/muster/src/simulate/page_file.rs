//! The file of the page, taken before the run: no day is played for a page that cannot be written.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file that can be written. What was in it stays until then.
#[derive(Debug)]
pub(super) struct PageFile {
    path: PathBuf,
    file: File,
    /// It was made for the page, and goes if there is none.
    is_ours: bool,
}

impl PageFile {
    /// Opens it, or makes an empty one.
    ///
    /// # Errors
    /// When neither can be done.
    pub(super) fn take(path: &Path) -> anyhow::Result<PageFile> {
        let mut options = OpenOptions::new();
        options.write(true);
        let made = options.clone().create_new(true).open(path);
        let is_ours = made.is_ok();
        let file = match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(path),
            made => made,
        };
        Ok(PageFile {
            path: path.to_owned(),
            file: file.with_context(|| wrong(path))?,
            is_ours,
        })
    }

    /// Puts the page in the place of what was there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(mut self, page: &str) -> anyhow::Result<()> {
        self.replace(page).with_context(|| wrong(&self.path))?;
        self.is_ours = false;
        Ok(())
    }

    fn replace(&mut self, page: &str) -> std::io::Result<()> {
        // A pipe or a device has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(page.as_bytes())
    }
}

impl Drop for PageFile {
    fn drop(&mut self) {
        if self.is_ours {
            // It is empty: who finds it all the same is not misled.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn wrong(path: &Path) -> String {
    format!("cannot write the page {}", path.display())
}
