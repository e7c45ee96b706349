//! The files of a salvage: the damaged ones copied, the new one put in their place.
//! What must hold: a kill at any point leaves a ledger that is refused, or the new one; what was damaged is kept under another
//! name; the log of the old database never lies beside the new one.

use crate::ledger::{
    archive, mark,
    opening::{self, DAMAGED, SALVAGED},
    store::{FILE_NAME, LedgerError, add_functions},
};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::{
    cell::Cell,
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
};

/// Sizes of a page: of ledgers before schema 3, and of newer ones.
const PAGES: [u16; 2] = [4096, 16_384];
/// The first bytes of a database: <https://www.sqlite.org/fileformat2.html#the_database_header>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LedgerError {
    let path = path.to_owned();
    move |cause| {
        let file = path.clone();
        LedgerError::Io {
            path: path.clone(),
            cause,
        }
        .at(&file)
    }
}

/// A place to work in, deleted at the end.
pub(super) struct Work {
    directory: PathBuf,
    kept: Cell<bool>,
}

impl Work {
    /// A place within `target` with copies of the damaged database and its log: opening them may change them.
    pub(super) fn copy_of(state: &Path, target: &Path) -> Result<Self, LedgerError> {
        let directory = target.join(format!("salvage.{}", std::process::id()));
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(failed(&directory))?;
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(failed(&directory))?;
        let work = Self {
            directory,
            kept: Cell::new(false),
        };
        for ending in ["", "-wal"] {
            let from = state.join(format!("{FILE_NAME}{ending}"));
            let to = work.directory.join(format!("damaged.db{ending}"));
            match fs::copy(&from, &to) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound && ending == "-wal" => {}
                Err(error) => return Err(failed(&from)(error)),
            }
        }
        mend_header(&work.damaged()).map_err(failed(&work.damaged()))?;
        Ok(work)
    }

    fn damaged(&self) -> PathBuf {
        self.directory.join("damaged.db")
    }

    /// The copy of the damaged database, with the archives of its state directory.
    pub(super) fn open(&self, state: &Path) -> Result<Connection, LedgerError> {
        let connection = Connection::open_with_flags(self.damaged(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        add_functions(&connection)?;
        archive::attach(&connection, state)?;
        // What says where the rows are must be readable.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Where the new one is made.
    pub(super) fn new_ledger(&self) -> PathBuf {
        self.directory.join(FILE_NAME)
    }

    /// Leaves it for people to look at.
    pub(super) fn keep(&self) -> PathBuf {
        self.kept.set(true);
        self.directory.clone()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.kept.get()
            && let Err(error) = fs::remove_dir_all(&self.directory)
        {
            tracing::warn!("could not delete {}: {error}", self.directory.display());
        }
    }
}

/// Puts what is the same in every ledger back into the head of a database, and the number of pages that there are.
fn mend_header(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let page = page_size(&file, length)?;
    let pages = length.div_ceil(page.into()).max(1);
    file.set_len(pages * u64::from(page))?;
    let mut head = [0_u8; 100];
    file.read_exact_at(&mut head, 0)?;
    let mut put = |place: usize, bytes: &[u8]| {
        if let Some(target) = head.get_mut(place..place + bytes.len()) {
            target.copy_from_slice(bytes);
        }
    };
    put(0, MAGIC);
    put(16, &page.to_be_bytes());
    // Log mode, nothing reserved, the fixed fractions.
    put(18, &[2, 2, 0, 64, 32, 32]);
    // The number of pages is believed where the two counters agree.
    put(24, &1_u32.to_be_bytes());
    put(28, &u32::try_from(pages).unwrap_or(u32::MAX).to_be_bytes());
    put(44, &4_u32.to_be_bytes());
    put(52, &0_u32.to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    put(92, &1_u32.to_be_bytes());
    file.write_all_at(&head, 0)
}

/// What the head says where it is a size that this program ever used; else what lies where the second of the older, smaller pages
/// would begin tells.
fn page_size(file: &File, length: u64) -> std::io::Result<u16> {
    let mut said = [0_u8; 2];
    if length >= 18 {
        file.read_exact_at(&mut said, 16)?;
    }
    let said = u16::from_be_bytes(said);
    if PAGES.contains(&said) {
        return Ok(said);
    }
    let [old, new] = PAGES;
    let mut kind = [0_u8; 1];
    if length > u64::from(old) {
        file.read_exact_at(&mut kind, old.into())?;
    }
    // The kinds of pages that tables and indexes are made of.
    Ok(if [[2], [5], [10], [13]].contains(&kind) {
        old
    } else {
        new
    })
}

/// Puts the new ledger in its place; where it is, and where the damaged one is.
pub(super) fn place(
    work: &Work,
    new: Connection,
    directory: &Path,
    into: Option<&Path>,
    now: Timestamp,
) -> Result<(PathBuf, PathBuf), LedgerError> {
    let made = work.new_ledger();
    let marked = |target: &Path| mark::put_of(target, &new);
    let sync = |path: &Path| {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(failed(path))
    };
    sync(&made)?;
    if let Some(target) = into {
        marked(target)?;
        drop(new);
        let ledger = target.join(FILE_NAME);
        fs::rename(&made, &ledger).map_err(failed(&ledger))?;
        sync(target)?;
        return Ok((ledger, directory.join(FILE_NAME)));
    }
    drop(new);
    let salvaged = directory.join(SALVAGED);
    fs::rename(&made, &salvaged).map_err(failed(&salvaged))?;
    sync(directory)?;
    Ok((directory.join(FILE_NAME), swap(directory, now)?))
}

/// Finishes a salvage that was killed once its ledger was made: whether there was one.
pub(super) fn finish(directory: &Path, now: Timestamp) -> Result<bool, LedgerError> {
    if !directory.join(SALVAGED).exists() {
        return Ok(false);
    }
    swap(directory, now)?;
    Ok(true)
}

/// Keeps the damaged files under another name, takes their log away, and puts the new database there with its mark.
fn swap(directory: &Path, now: Timestamp) -> Result<PathBuf, LedgerError> {
    let sync = || {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(failed(directory))
    };
    let kept = directory.join(format!("{DAMAGED}{}", now.as_second()));
    for ending in ["", "-wal"] {
        let from = directory.join(format!("{FILE_NAME}{ending}"));
        let mut to = kept.clone().into_os_string();
        to.push(ending);
        let to = PathBuf::from(to);
        if from.exists() && !to.exists() {
            fs::hard_link(&from, &to)
                .or_else(|_| fs::copy(&from, &to).map(drop))
                .map_err(failed(&to))?;
        }
    }
    sync()?;
    for ending in ["-wal", "-shm"] {
        let path = directory.join(format!("{FILE_NAME}{ending}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&path)(error)),
            _ => {}
        }
    }
    let salvaged = directory.join(SALVAGED);
    let new = Connection::open_with_flags(&salvaged, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    opening::check_version(&new, &salvaged)?;
    mark::put_of(directory, &new)?;
    drop(new);
    let ledger = directory.join(FILE_NAME);
    fs::rename(&salvaged, &ledger).map_err(failed(&ledger))?;
    sync()?;
    keep_archives(directory, now)?;
    Ok(kept)
}

/// The new ledger has all content within itself: the archives that the damaged one names are kept with it.
fn keep_archives(directory: &Path, now: Timestamp) -> Result<(), LedgerError> {
    let archives = directory.join(archive::FOLDER);
    let kept = directory.join(format!("{}.damaged-{}", archive::FOLDER, now.as_second()));
    match fs::rename(&archives, &kept) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&kept)(error)),
        _ => Ok(()),
    }
}
