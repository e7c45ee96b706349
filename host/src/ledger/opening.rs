//! Opening the database file, and making it where there never was one.
//!
//! What must hold: a file that is damaged, of a newer version, an older state of itself or on a network file system is refused
//! and left as it is; one that is gone is never silently made anew; a new one appears whole or not at all.

use super::{
    archive, ballast,
    lock::{self, Lock},
    mark::{self, Keeper},
    store::{FILE_NAME, LedgerError, SCHEMA_VERSION, add_functions},
};
use crate::fail_point;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::File,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

const BUSY: Duration = Duration::from_secs(30);
/// Bytes of a page of a new ledger: records are about a kilobyte, and large commits write long stretches of them.
const PAGE: i64 = 16 * 1024;
/// Page cache of the writer (negative: KiB). SQLite sorts in as much memory again before it goes on in files.
const CACHE_KIB: i64 = -32 * 1024;
const MIN_SQLITE: i32 = 3_051_003;
/// Marks the file as ours ("fino").
const APPLICATION_ID: i32 = 0x6669_6e6f;
/// The new file until it is whole.
const NEW: &str = "ledger.db.new";
/// Where salvage keeps what it found; a number of seconds follows.
pub(super) const DAMAGED: &str = "ledger.db.damaged-";
/// What salvage has made, whole, until it stands in its place.
pub(super) const SALVAGED: &str = "ledger.db.salvaged";

/// File systems on which the locks and the shared memory of SQLite's log do not hold between machines: statfs(2).
const NETWORK: [(u32, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB2"),
    (0xFF53_4D42, "CIFS"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "CODA"),
    (0x564C, "NCP"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
];

/// Opens a ledger read-only, beside a running host. One of an older schema is brought up to this one first.
///
/// # Errors
/// [`LedgerError::Refused`] where there is none.
pub fn open_read_only(directory: &Path) -> Result<Connection, LedgerError> {
    let path = directory.join(FILE_NAME);
    if is_missing(&path) {
        refuse_lost(directory)?;
        let what = "there is no ledger here yet; `finops-host run` makes one".to_owned();
        return Err(LedgerError::Refused { path, what });
    }
    match read_only(directory) {
        // Even reading needs some pages, for the index of the log.
        Err(LedgerError::Full { .. }) if ballast::give_back(directory) => read_only(directory),
        result => result,
    }
}

fn read_only(directory: &Path) -> Result<Connection, LedgerError> {
    let path = directory.join(FILE_NAME);
    let open = || -> Result<_, LedgerError> {
        let before = mark::read(directory)?;
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        add_functions(&connection)?;
        let version = check_version(&connection, &path)?;
        mark::agree(directory, &connection, before)?;
        archive::attach(&connection, directory)?;
        Ok((connection, version))
    };
    let (connection, version) = open().map_err(|error| error.at(&path))?;
    if version < SCHEMA_VERSION {
        drop(open_for_writing(directory)?);
    }
    Ok(connection)
}

/// Opens the ledger of a state directory for writing, and lets it count its changes.
///
/// # Errors
/// See [`LedgerError`].
pub(super) fn open_for_writing(directory: &Path) -> Result<(Connection, Keeper), LedgerError> {
    let path = directory.join(FILE_NAME);
    match open(directory, &path).map_err(|error| error.at(&path)) {
        Err(LedgerError::Full { .. }) if ballast::give_back(directory) => {
            open(directory, &path).map_err(|error| error.at(&path))
        }
        result => result,
    }
}

fn open(directory: &Path, path: &Path) -> Result<(Connection, Keeper), LedgerError> {
    refuse_old_sqlite(path)?;
    create_private(directory)?;
    refuse_network(directory)?;
    if is_missing(path) {
        create(directory, path)?;
    }
    let before = mark::read(directory)?;
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    add_functions(&connection)?;
    fail_point::watch(&mut connection)?;
    let version = check_version(&connection, path)?;
    mark::agree(directory, &connection, before)?;
    if version < SCHEMA_VERSION {
        super::migrate::migrate(&mut connection)?;
    }
    set_up(&connection)?;
    archive::attach(&connection, directory)?;
    let keeper = mark::begin(directory, &connection)?;
    fail_point::pass_committed();
    Ok((connection, keeper))
}

/// How every writing connection works.
pub(super) fn set_up(connection: &Connection) -> Result<(), LedgerError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    // A commit runs some forty statements for each partition; all of them stay prepared.
    connection.set_prepared_statement_cache_capacity(128);
    super::temporary::lay(connection)
}

/// Whether there is no database: a file of no length is none.
pub(super) fn is_missing(path: &Path) -> bool {
    path.metadata().map_or(true, |file| file.len() == 0)
}

/// Makes the ledger where there never was one: whole under another name, then in its place.
fn create(directory: &Path, path: &Path) -> Result<(), LedgerError> {
    let _turn = lock::acquire_now(directory, Lock::Opening)?;
    // Another process may have been faster.
    if !is_missing(path) {
        return Ok(());
    }
    refuse_lost(directory)?;
    let new = directory.join(NEW);
    let failed = |cause| LedgerError::Io {
        path: new.clone(),
        cause,
    };
    if new.exists() {
        std::fs::remove_file(&new).map_err(failed)?;
    }
    fill(&new)?;
    std::fs::rename(&new, path)
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(failed)
}

/// A new database with the present schema, on disk.
pub(super) fn fill(path: &Path) -> Result<(), LedgerError> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|cause| LedgerError::Io {
        path: path.to_owned(),
        cause,
    })?;
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    super::snapshot::add_tables(&transaction)?;
    archive::add_tables(&transaction)?;
    super::tags::add_tables(&transaction)?;
    super::control::add_tables(&transaction)?;
    super::outbox::bodies::add_table(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Refuses to begin anew where something shows that there was a ledger. Locks are no trace: every command may leave them.
fn refuse_lost(directory: &Path) -> Result<(), LedgerError> {
    let mut traces: Vec<String> = Vec::new();
    for name in ["ledger.db-wal", ballast::FILE_NAME, SALVAGED] {
        if directory.join(name).exists() {
            traces.push(name.to_owned());
        }
    }
    // A mark that counts nothing is left by a ledger that never held anything.
    if mark::read(directory).map_or(true, |mark| mark.is_some_and(|mark| mark.is_used())) {
        traces.push(mark::FILE_NAME.to_owned());
    }
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten();
    traces.extend(
        names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(DAMAGED)),
    );
    if traces.is_empty() {
        return Ok(());
    }
    traces.sort();
    Err(LedgerError::Refused {
        path: directory.join(FILE_NAME),
        what: format!(
            "the ledger is gone, but {} show that there was one, and a new one would send again what its destinations have: \
             put ledger.db back (`finops-host ledger salvage` then takes an old copy knowingly), or, to begin anew, name \
             another --state-dir or move these files away",
            traces.join(", ")
        ),
    })
}

/// The schema's version, where this program knows it.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let refused = |what: String| LedgerError::Refused {
        path: path.to_owned(),
        what,
    };
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application = pragma("application_id")?;
    if application != i64::from(APPLICATION_ID) {
        return Err(refused(
            "this is no finops-host ledger; choose another --state-dir, or, if it was one, `finops-host ledger salvage` \
             carries over what is whole"
                .to_owned(),
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

fn refuse_old_sqlite(path: &Path) -> Result<(), LedgerError> {
    if rusqlite::version_number() < MIN_SQLITE {
        let what = format!("SQLite {} is too old, 3.51.3 is needed", rusqlite::version());
        return Err(LedgerError::Refused {
            path: path.to_owned(),
            what,
        });
    }
    Ok(())
}

pub(super) fn refuse_network(directory: &Path) -> Result<(), LedgerError> {
    let kind = rustix::fs::statfs(directory).map_err(|errno| LedgerError::Io {
        path: directory.to_owned(),
        cause: errno.into(),
    })?;
    match network_name(kind.f_type as u32) {
        None => Ok(()),
        Some(name) => Err(LedgerError::Refused {
            path: directory.to_owned(),
            what: format!(
                "this is a network file system ({name}), on which a ledger is damaged sooner or later: name a directory of a \
                 local disk with --state-dir"
            ),
        }),
    }
}

fn network_name(magic: u32) -> Option<&'static str> {
    NETWORK
        .iter()
        .find(|(known, _)| *known == magic)
        .map(|(_, name)| *name)
}

pub(super) fn create_private(directory: &Path) -> Result<(), LedgerError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|cause| LedgerError::Io {
            path: directory.to_owned(),
            cause,
        })
}

#[cfg(test)]
mod tests;
