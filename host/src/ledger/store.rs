//! The database file: opening it safely, its one writer thread, and exact sums in SQL.
//!
//! What must hold: one connection writes, on one thread; readers open the file read-only; every amount is summed by
//! [`Decimal`], never by SQLite's float `SUM`; a file that is damaged or of a newer version is refused, never recreated.

use finops_decimal::Decimal;
use rusqlite::{
    Connection, OpenFlags,
    functions::{Aggregate, Context, FunctionFlags},
};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Version of the schema that this program writes.
pub const SCHEMA_VERSION: i64 = 3;
/// Name of the database file within the state directory.
pub const FILE_NAME: &str = "ledger.db";

const BUSY: Duration = Duration::from_secs(30);
/// Page cache of the writer (negative: KiB). Keys are hashes, so a large commit touches its indexes all over.
const CACHE_KIB: i64 = -64 * 1024;
const MIN_SQLITE: i32 = 3_051_003;
/// Marks the file as ours ("fino").
const APPLICATION_ID: i32 = 0x6669_6e6f;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite said no.
    #[error("the ledger's database: {0}")]
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
        "the ledger holds a damaged row: {0}; `finops-host check --ledger` names all of them; restore a copy of the file, since this version cannot salvage one"
    )]
    Damaged(String),
    /// The writer thread has gone.
    #[error("the ledger's writer has stopped")]
    Stopped,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

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
        create_private(directory)?;
        let path = directory.join(FILE_NAME);
        let (jobs, queue) = mpsc::channel::<Job>();
        let (ready, opened) = mpsc::channel();
        let file = path.clone();
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                let mut connection = match open_for_writing(&file) {
                    Ok(connection) => {
                        let _ = ready.send(Ok(()));
                        connection
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                for job in queue {
                    job(&mut connection);
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
        let (done, result) = tokio::sync::oneshot::channel();
        self.jobs
            .send(Box::new(move |connection| {
                let _ = done.send(job(connection));
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
            .send(Box::new(move |connection| {
                let _ = done.send(job(connection));
            }))
            .map_err(|_| LedgerError::Stopped)?;
        result.recv().map_err(|_| LedgerError::Stopped)?
    }
}

/// Opens a ledger read-only, beside a running host. One of an older schema is brought up to this one first.
///
/// # Errors
/// [`LedgerError::Refused`] where there is none.
pub fn open_read_only(directory: &Path) -> Result<Connection, LedgerError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        let what = "there is no ledger here yet; `finops-host run` makes one".to_owned();
        return Err(LedgerError::Refused { path, what });
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    add_functions(&connection)?;
    if check_version(&connection, &path)? < SCHEMA_VERSION {
        drop(open_for_writing(&path)?);
    }
    Ok(connection)
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

fn open_for_writing(path: &Path) -> Result<Connection, LedgerError> {
    if rusqlite::version_number() < MIN_SQLITE {
        let what = format!("SQLite {} is too old, 3.51.3 is needed", rusqlite::version());
        return Err(LedgerError::Refused {
            path: path.to_owned(),
            what,
        });
    }
    let fresh = !path.exists() || path.metadata().is_ok_and(|file| file.len() == 0);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    add_functions(&connection)?;
    if fresh {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(include_str!("schema.sql"))?;
            super::snapshot::add_tables(&transaction)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        transaction.commit()?;
    }
    if check_version(&connection, path)? < SCHEMA_VERSION {
        super::migrate::migrate(&mut connection)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    // A commit runs some forty statements for each record; all of them stay prepared.
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// The schema's version, where this program knows it.
fn check_version(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let refused = |what: String| LedgerError::Refused {
        path: path.to_owned(),
        what,
    };
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application = match pragma("application_id") {
        Ok(id) => id,
        Err(error) if is_damage(&error) => {
            return Err(refused(format!(
                "the file is damaged ({error}); it is left as it is: restore a copy, since this version cannot salvage one"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    if application != i64::from(APPLICATION_ID) {
        return Err(refused(
            "this is no finops-host ledger; choose another --state-dir".to_owned(),
        ));
    }
    let version = pragma("user_version")?;
    if version > SCHEMA_VERSION {
        return Err(refused(format!(
            "the ledger has schema version {version}, this program knows up to {SCHEMA_VERSION}; use the newer finops-host that wrote it"
        )));
    }
    Ok(version)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

fn create_private(directory: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|cause| LedgerError::Io {
            path: directory.to_owned(),
            cause,
        })
}

fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
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
        if let Some(text) = context.get::<Option<String>>(0)? {
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

/// The SHA-256 over parts, each preceded by its length so that no two lists of parts agree; lower-case hex.
pub fn hash_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(hex_digit)
        .collect()
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
    fn a_foreign_or_damaged_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        std::fs::write(&path, vec![7_u8; 8192]).unwrap();
        let error = Store::open(directory.path()).unwrap_err().to_string();
        assert!(error.contains("salvage"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), vec![7_u8; 8192]);
    }

    #[test]
    fn readers_find_no_ledger_kindly() {
        let directory = tempfile::tempdir().unwrap();
        let error = open_read_only(directory.path()).unwrap_err().to_string();
        assert!(error.contains("finops-host run"), "{error}");
    }
}
