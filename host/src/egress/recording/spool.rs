//! Bytes that are kept aside until they have their place: the first in memory, the others in a file that has no name.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Most bytes that are kept in memory.
const MEMORY: usize = 256 << 10;

/// Bytes kept aside.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// An empty one; its file, should it need one, is made in that directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            memory: Vec::new(),
            file: None,
        }
    }

    /// Writes all of it.
    pub(super) fn pour(self, into: &mut impl Write) -> io::Result<()> {
        if let Some(mut file) = self.file {
            file.seek(SeekFrom::Start(0))?;
            io::copy(&mut file, into)?;
        }
        into.write_all(&self.memory)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.memory.len() + bytes.len() > MEMORY {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(nameless(&self.directory)?),
            };
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        self.memory.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that only this process has, and that is gone with it.
pub(super) fn nameless(directory: &Path) -> io::Result<File> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Relaxed);
    let path = directory.join(format!(".finops-host-spool.{}.{number}", std::process::id()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
