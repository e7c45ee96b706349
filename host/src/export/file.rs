//! Where a file goes: to a temporary name beside its own and then in its place, or to standard output.
//! What must hold: under its own name a file is whole or the one before; what was written is hashed as it was written.

use super::ExportError;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// What the name of a file that is not whole yet begins with.
pub(super) const UNFINISHED: &str = ".finops-host-";

enum Way {
    File {
        file: BufWriter<File>,
        unfinished: Unfinished,
    },
    Output(Box<dyn Write + Send>),
}

/// Takes the bytes of a file.
pub struct Sink {
    way: Way,
    path: PathBuf,
    hasher: Sha256,
    bytes: u64,
}

/// A temporary file that is deleted unless it was put in its place.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

impl Sink {
    /// A file that will stand at a path, in a directory that is there.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn file(path: &Path) -> Result<Self, ExportError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = path.with_file_name(format!("{UNFINISHED}{}-{name}", std::process::id()));
        let create = || OpenOptions::new().write(true).create_new(true).open(&unfinished);
        // Only one that this process's number left behind can be there. A link is never followed.
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&unfinished).and_then(|()| create())
            }
            other => other,
        };
        let file = file.map_err(|cause| ExportError::io(path, cause))?;
        Ok(Self {
            way: Way::File {
                file: BufWriter::with_capacity(256 * 1024, file),
                unfinished: Unfinished(Some(unfinished)),
            },
            path: path.to_owned(),
            hasher: Sha256::new(),
            bytes: 0,
        })
    }

    /// Bytes that go on at once.
    #[must_use]
    pub fn output(output: Box<dyn Write + Send>) -> Self {
        Self {
            way: Way::Output(output),
            path: PathBuf::from("-"),
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    /// Where the file will stand; `-` for standard output.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the file: all of it is on the disk, still under its temporary name.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn finish(self) -> Result<Finished, ExportError> {
        let failed = |cause| ExportError::io(&self.path, cause);
        let unfinished = match self.way {
            Way::Output(mut output) => {
                output.flush().map_err(failed)?;
                Unfinished(None)
            }
            Way::File { file, unfinished } => {
                let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
                file.sync_all().map_err(failed)?;
                unfinished
            }
        };
        let digest: [u8; 32] = self.hasher.finalize().into();
        Ok(Finished {
            unfinished,
            path: self.path,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes: self.bytes,
        })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.way {
            Way::File { file, .. } => file.write(bytes)?,
            Way::Output(output) => output.write(bytes)?,
        };
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::File { file, .. } => file.flush(),
            Way::Output(output) => output.flush(),
        }
    }
}

/// A file that is whole and not in its place yet. Dropped, it is gone.
pub struct Finished {
    unfinished: Unfinished,
    path: PathBuf,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

impl Finished {
    /// Puts it in its place, instead of what was there.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn put(mut self) -> Result<(), ExportError> {
        let Some(unfinished) = &self.unfinished.0 else {
            return Ok(());
        };
        fs::rename(unfinished, &self.path).map_err(|cause| ExportError::io(&self.path, cause))?;
        self.unfinished.0 = None;
        sync_directory(&self.path)
    }
}

/// Brings a directory's own entries to the disk: a file was put into it, or taken out.
pub(super) fn sync_directory(file: &Path) -> Result<(), ExportError> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|cause| ExportError::io(directory, cause))
}
