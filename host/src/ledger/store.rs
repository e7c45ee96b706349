//! The database's one writer thread, what can go wrong with it, and exact sums in SQL.
//!
//! What must hold: one connection writes, on one thread; readers open the file read-only; every amount is summed by
//! [`Decimal`], never by SQLite's float `SUM`; what was done is counted in the ledger's mark before its caller hears of it; a
//! full disk is told as such, and the ballast given back.

pub use super::opening::open_read_only;
use super::{ballast, error::Stored, log::Log, mark::Keeper, opening::open_for_writing};
use crate::fail_point;
use finops_decimal::Decimal;
use rusqlite::{
    Connection,
    functions::{Aggregate, Context, FunctionFlags},
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{Read, Seek},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

/// Version of the schema that this program writes.
pub const SCHEMA_VERSION: i64 = 5;
/// Name of the database file within the state directory.
pub const FILE_NAME: &str = "ledger.db";

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite said no.
    #[error("the ledger's database: {0}{remedy}", remedy = remedy(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// The directory or file cannot be made or read.
    #[error("{path}: {cause}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Not our file, or damaged, or too new.
    #[error("{path}: {what}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// A value in the database is not what the program wrote.
    #[error(
        "the ledger holds a damaged row: {0}; `finops-host check --ledger` names all of them, and `finops-host ledger salvage` carries over what is whole"
    )]
    Damaged(String),
    /// A sum is larger than amounts can be.
    #[error("a sum in the ledger is too large to be held exactly: {0}")]
    TooLarge(String),
    /// There is no space left for what was to be written. Nothing of it is.
    #[error(
        "{path}: the disk is full, or this user's share of it: nothing of this step was written and nothing is lost; free some space, and the next run goes on from here"
    )]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The writer thread has gone.
    #[error("the ledger's writer has stopped")]
    Stopped,
}

impl LedgerError {
    /// Tells a full disk and a damaged file apart from what else SQLite and the system say, naming the file.
    pub(super) fn at(self, file: &Path) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let path = file.to_owned();
        match self {
            Self::Sqlite(error) if ballast::is_full(&error) => Self::Full { path },
            Self::Io { path, cause } if matches!(cause.kind(), StorageFull | QuotaExceeded) => {
                Self::Full { path }
            }
            Self::Sqlite(error) if is_damage(&error) => Self::Refused {
                path,
                what: format!(
                    "the file is damaged ({error}); it is left as it is: `finops-host ledger salvage` carries over what is \
                     whole, or restore a copy of the whole state directory"
                ),
            },
            other => other,
        }
    }
}

/// What to do about what SQLite says, where that is known.
fn remedy(error: &rusqlite::Error) -> &'static str {
    if is_damage(error) {
        "; `finops-host ledger salvage` carries over what is whole"
    } else if ballast::is_full(error) {
        "; free some space on its disk"
    } else {
        ""
    }
}

/// Whether SQLite found the file's pages to make no sense.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// What the writer thread works with.
struct Writer {
    connection: Connection,
    keeper: Keeper,
    directory: PathBuf,
    path: PathBuf,
}

impl Writer {
    fn run<R, E: Stored>(&mut self, job: impl FnOnce(&mut Connection) -> Result<R, E>) -> Result<R, E> {
        let result = job(&mut self.connection);
        fail_point::pass_committed();
        self.keeper.note(&self.connection);
        result.map_err(|error| error.map_storage(|error| self.told(error)))
    }

    fn told(&self, error: LedgerError) -> LedgerError {
        let error = error.at(&self.path);
        if matches!(error, LedgerError::Full { .. }) && ballast::give_back(&self.directory) {
            tracing::warn!(
                "the disk is full: the ballast in {} is given back",
                self.directory.display()
            );
        }
        error
    }
}

type Job = Box<dyn FnOnce(&mut Writer) + Send>;

/// The writing side of a ledger: jobs run one after another on its own thread.
#[derive(Clone, Debug)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
}

impl Store {
    /// Opens the ledger of a state directory for writing, creating directory (0700) and file where they are missing.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let directory = directory.to_owned();
        let path = directory.join(FILE_NAME);
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, opened) = mpsc::channel();
        let file = path.clone();
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                let opened = open_for_writing(&directory).and_then(|(mut connection, keeper)| {
                    let log = Log::of(&mut connection, &file)?;
                    Ok((connection, keeper, log))
                });
                let (mut writer, mut log) = match opened {
                    Ok((connection, keeper, log)) => {
                        let _ = ready.send(Ok(()));
                        let writer = Writer {
                            connection,
                            keeper,
                            directory,
                            path: file,
                        };
                        (writer, log)
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                for job in queue {
                    job(&mut writer);
                    log.tidy();
                }
            })
            .map_err(|cause| LedgerError::Io {
                path: path.clone(),
                cause,
            })?;
        opened.recv().map_err(|_| LedgerError::Stopped)??;
        Ok(Self { jobs, path })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a job on the writer thread and waits for it without blocking the async runtime.
    ///
    /// # Errors
    /// The job's own, or [`LedgerError::Stopped`].
    pub async fn with<R, F>(&self, job: F) -> Result<R, LedgerError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<R, LedgerError> + Send + 'static,
    {
        self.decide(job).await
    }

    /// Like [`Store::with`], for jobs that may refuse for other reasons than storage.
    ///
    /// # Errors
    /// The job's own, or [`LedgerError::Stopped`].
    pub async fn decide<R, E, F>(&self, job: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: Stored + Send + 'static,
        F: FnOnce(&mut Connection) -> Result<R, E> + Send + 'static,
    {
        let (done, result) = tokio::sync::oneshot::channel();
        self.jobs
            .send(Box::new(move |writer| {
                let _ = done.send(writer.run(job));
            }))
            .map_err(|_| LedgerError::Stopped)?;
        result.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Like [`Store::with`], for callers without a runtime.
    ///
    /// # Errors
    /// The job's own, or [`LedgerError::Stopped`].
    pub fn with_blocking<R, F>(&self, job: F) -> Result<R, LedgerError>
    where
        R: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<R, LedgerError> + Send + 'static,
    {
        let (done, result) = mpsc::channel();
        self.jobs
            .send(Box::new(move |writer| {
                let _ = done.send(writer.run(job));
            }))
            .map_err(|_| LedgerError::Stopped)?;
        result.recv().map_err(|_| LedgerError::Stopped)?
    }

    /// Runs a job on the writer thread for which nobody waits, and which the ledger can do without.
    pub(super) fn later<F>(&self, job: F)
    where
        F: FnOnce(&mut Connection) -> Result<(), LedgerError> + Send + 'static,
    {
        let job: Job = Box::new(move |writer| {
            if let Err(error) = writer.run(job) {
                tracing::debug!("a job of the ledger's failed: {error}");
            }
        });
        // Where the thread has gone, so has what the job was about.
        let _ = self.jobs.send(job);
    }
}

/// Lets SQLite put its temporary files, which hold costs too, into a directory instead of the system's. For the whole process:
/// to be called before ledgers are used.
///
/// # Errors
/// Where the directory cannot be used.
pub fn temporary_files_in(directory: &Path) -> Result<(), LedgerError> {
    Ok(Connection::open_in_memory()?.pragma_update(
        None,
        "temp_store_directory",
        directory.to_string_lossy(),
    )?)
}

pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("exact_sum", 1, flags, ExactSum)
}

/// `exact_sum(text)`: the exact sum of decimal texts, as text; NULLs are left out, no rows give `0`.
struct ExactSum;

impl Aggregate<Decimal, String> for ExactSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Decimal> {
        Ok(Decimal::ZERO)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Decimal) -> rusqlite::Result<()> {
        if let Some(text) = context.get_raw(0).as_str_or_null()? {
            *sum = text
                .parse()
                .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
                .and_then(|amount| {
                    sum.checked_add(amount)
                        .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))
                })?;
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Decimal>) -> rusqlite::Result<String> {
        Ok(sum.unwrap_or_default().to_string())
    }
}

/// A SHA-256.
pub type Hash = [u8; 32];

/// The SHA-256 over parts, each preceded by its length so that no two lists of parts agree.
pub fn digest_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The SHA-256 of a file in lower-case hex, and its length; it stands at its beginning again.
///
/// # Errors
/// Where it cannot be read.
pub fn digest_file(file: &mut File) -> std::io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        length += read as u64;
    }
    file.rewind()?;
    let digest: Hash = hasher.finalize().into();
    Ok((hex(&digest), length))
}

/// [`digest_parts`] in lower-case hex.
pub fn hash_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    hex(&digest_parts(parts))
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(byte & 15));
    }
    text
}

/// A SHA-256 from its lower-case hex.
///
/// # Errors
/// [`LedgerError::Damaged`] where it is none.
pub fn unhex(text: &str) -> Result<Hash, LedgerError> {
    from_hex(text).ok_or_else(|| LedgerError::Damaged(format!("hash: {text}")))
}

/// So many bytes from their lower-case hex; none where they are not.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |hex: u8| match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

fn hex_digit(nibble: u8) -> char {
    char::from(if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    })
}

/// A row's checksum: the first 16 hex digits of [`hash_parts`].
pub fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = hash_parts(parts);
    hash.truncate(16);
    hash
}

/// An amount read from the database.
///
/// # Errors
/// [`LedgerError::Damaged`] where it is no decimal.
pub fn amount(text: &str) -> Result<Decimal, LedgerError> {
    text.parse()
        .map_err(|error| LedgerError::Damaged(format!("amount {text:?}: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_new_ledger_opens_again_and_sums_exactly() {
        let directory = tempfile::tempdir().unwrap();
        drop(Store::open(directory.path()).unwrap());
        let store = Store::open(directory.path()).unwrap();
        let sum = store
            .with_blocking(|connection| {
                let sql =
                    "SELECT exact_sum(x) FROM (SELECT '0.1' x UNION ALL SELECT '0.2' UNION ALL SELECT NULL)";
                Ok(connection.query_row(sql, [], |row| row.get::<_, String>(0))?)
            })
            .unwrap();
        assert_eq!(sum, "0.3");
    }

    #[test]
    fn only_whole_lower_case_hex_is_a_hash() {
        let text = hash_parts([b"a".as_slice()]);
        assert_eq!(unhex(&text).unwrap(), digest_parts([b"a".as_slice()]));
        assert!(unhex(&text.to_uppercase()).is_err());
        assert!(unhex("00").is_err());
        assert!(unhex(&format!("{text}0")).is_err());
    }
}
