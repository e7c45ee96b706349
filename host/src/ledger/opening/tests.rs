#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use crate::{
    component::descriptor::Grain,
    ledger::{sample, store::Store},
};
use std::fs;

const DAY: &str = "2026-08-01T00:00:00Z";

fn words(directory: &Path) -> String {
    let writing = Store::open(directory).unwrap_err().to_string();
    let reading = open_read_only(directory).unwrap_err().to_string();
    assert_eq!(writing, reading, "readers and writers say the same");
    writing
}

/// A ledger with a commit, closed: all of it is in one file.
fn closed() -> tempfile::TempDir {
    let bench = sample::Bench::posting();
    let records = vec![sample::record(DAY, "Compute", "1")];
    bench
        .commit(&sample::stream("daily", Grain::Day), &[DAY], records)
        .unwrap();
    bench.closed()
}

#[test]
fn a_foreign_or_damaged_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    fs::write(&path, vec![7_u8; 8192]).unwrap();
    let error = words(directory.path());
    assert!(error.contains("ledger salvage"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), vec![7_u8; 8192]);
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let error = words(directory.path());
    assert!(error.contains("no finops-host ledger"), "{error}");
}

#[test]
fn readers_find_no_ledger_kindly() {
    let directory = tempfile::tempdir().unwrap();
    let error = open_read_only(directory.path()).unwrap_err().to_string();
    assert!(error.contains("finops-host run"), "{error}");
}

#[test]
fn a_ledger_that_is_gone_or_empty_is_not_made_anew_beside_its_traces() {
    for emptied in [false, true] {
        let directory = closed();
        let path = directory.path().join(FILE_NAME);
        fs::remove_file(&path).unwrap();
        if emptied {
            fs::write(&path, "").unwrap();
        }
        let error = words(directory.path());
        assert!(
            error.contains("ledger.mark") && error.contains("there was one"),
            "{error}"
        );
        assert_eq!(path.exists(), emptied, "nothing was made");
    }
    for trace in [
        "ledger.db-wal",
        "ballast",
        "ledger.db.damaged-7",
        "ledger.db.salvaged",
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(trace), "x").unwrap();
        let error = words(directory.path());
        assert!(error.contains(trace), "{error}");
    }
}

#[test]
fn locks_and_what_a_killed_creation_leaves_are_no_traces() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("locks")).unwrap();
    fs::write(directory.path().join(NEW), "half").unwrap();
    fs::write(directory.path().join(FILE_NAME), "").unwrap();
    // As a creation that was killed before anything was written leaves its mark.
    let other = tempfile::tempdir().unwrap();
    drop(Store::open(other.path()).unwrap());
    mark::copy(other.path(), directory.path()).unwrap();
    drop(Store::open(directory.path()).unwrap());
    drop(open_read_only(directory.path()).unwrap());
    assert!(!directory.path().join(NEW).exists());
}

#[test]
fn an_older_state_is_refused_by_its_mark() {
    let directory = closed();
    let path = directory.path().join(FILE_NAME);
    let old = fs::read(&path).unwrap();
    let store = Store::open(directory.path()).unwrap();
    store
        .with_blocking(|connection| {
            connection.execute_batch(
                "UPDATE destination SET attempt = 1; PRAGMA wal_checkpoint(TRUNCATE); UPDATE destination SET attempt = 2",
            )?;
            Ok(())
        })
        .unwrap();
    let now = fs::read(&path).unwrap();
    let wal = fs::read(directory.path().join("ledger.db-wal")).unwrap();
    assert!(!wal.is_empty());
    let lay = |database: &[u8], log: Option<&[u8]>| {
        let copy = tempfile::tempdir().unwrap();
        mark::copy(directory.path(), copy.path()).unwrap();
        fs::write(copy.path().join(FILE_NAME), database).unwrap();
        if let Some(log) = log {
            fs::write(copy.path().join("ledger.db-wal"), log).unwrap();
        }
        copy
    };
    drop(open_read_only(lay(&now, Some(&wal)).path()).unwrap());
    for (what, copy) in [
        ("the log was deleted", lay(&now, None)),
        ("the log was emptied", lay(&now, Some(b""))),
        ("the log was cut", lay(&now, wal.get(..wal.len() - 1))),
        ("an old copy was put back", lay(&old, None)),
    ] {
        let error = words(copy.path());
        assert!(
            error.contains("older state") && error.contains("ledger salvage"),
            "{what}: {error}"
        );
        // A reader that came first has made an empty log, which changes nothing.
        assert_eq!(words(copy.path()), error, "{what}");
    }
}

#[test]
fn a_copy_without_its_mark_and_a_mark_of_another_ledger_are_refused() {
    let directory = closed();
    let theirs = closed();
    fs::copy(
        theirs.path().join(mark::FILE_NAME),
        directory.path().join(mark::FILE_NAME),
    )
    .unwrap();
    assert!(words(directory.path()).contains("another ledger's"));
    fs::write(directory.path().join(mark::FILE_NAME), "garbage").unwrap();
    assert!(words(directory.path()).contains("is damaged"));
    fs::remove_file(directory.path().join(mark::FILE_NAME)).unwrap();
    assert!(words(directory.path()).contains("copy without its mark"));
}

#[test]
fn what_is_in_the_log_alone_is_whole_after_a_kill_and_with_any_other_program_closing_it() {
    let directory = closed();
    let store = Store::open(directory.path()).unwrap();
    store
        .with_blocking(|connection| Ok(connection.execute_batch("UPDATE destination SET attempt = 1")?))
        .unwrap();
    let copy = tempfile::tempdir().unwrap();
    for name in [FILE_NAME, mark::FILE_NAME, "ledger.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    drop(open_read_only(copy.path()).unwrap());
    let other = Connection::open(copy.path().join(FILE_NAME)).unwrap();
    other.execute_batch("UPDATE destination SET attempt = 3").unwrap();
    other.close().unwrap();
    drop(open_read_only(copy.path()).unwrap());
    drop(Store::open(copy.path()).unwrap());
}

#[test]
fn a_network_file_system_is_refused_by_name() {
    assert_eq!(network_name(0x6969), Some("NFS"));
    assert_eq!(network_name(0xFF53_4D42), Some("CIFS"));
    assert_eq!(network_name(0xEF53), None, "ext4");
    assert_eq!(network_name(0x0102_1994), None, "tmpfs");
    let directory = tempfile::tempdir().unwrap();
    refuse_network(directory.path()).unwrap();
}

/// Everything that is said of money: costs, current records, entries with their states.
fn books(connection: &Connection) -> Result<Vec<String>, LedgerError> {
    let mut said = Vec::new();
    for row in crate::ledger::query::costs(connection, &crate::ledger::query::CostFilter::default())? {
        said.push(format!("{row:?}"));
    }
    for sql in [
        "SELECT partition || hex(key) || content || effective || counts FROM record WHERE until_commit IS NULL ORDER BY id",
        "SELECT entry_id || amount || total_after || state FROM entry ORDER BY id",
        "SELECT hex(value) FROM checkpoint",
    ] {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        said.extend(rows.collect::<Result<Vec<String>, _>>()?);
    }
    Ok(said)
}

/// A ledger that was restated and delivered in part: the database and log of a program that was killed, and its mark.
struct Killed {
    database: Vec<u8>,
    log: Vec<u8>,
    mark: Vec<u8>,
    books: Vec<String>,
}

impl Killed {
    fn new() -> Self {
        let bench = sample::Bench::posting();
        let stream = sample::stream("daily", Grain::Day);
        let lines = |cost: &str| {
            ["Compute", "Storage", "Support"]
                .map(|name| sample::record(DAY, name, cost))
                .to_vec()
        };
        bench.commit(&stream, &[DAY], lines("1.25")).unwrap();
        bench.doctor("UPDATE entry SET state = 'settled'; PRAGMA wal_checkpoint(TRUNCATE)");
        let seal = crate::ledger::Seal {
            checkpoint: Some(vec![7; 40]),
            ..sample::seal(crate::ledger::Completeness::Complete)
        };
        let writer = bench.sealed(&stream, &[DAY], lines("2.5"), seal).unwrap();
        bench
            .block(bench.ledger.commit(bench.run, vec![writer], sample::trusting()))
            .unwrap();
        let read = |name| fs::read(bench.directory.path().join(name)).unwrap();
        Self {
            database: read(FILE_NAME),
            log: read("ledger.db-wal"),
            mark: read(mark::FILE_NAME),
            books: books(&open_read_only(bench.directory.path()).unwrap()).unwrap(),
        }
    }

    /// The same with all of it in the database.
    fn closed(&self) -> Vec<u8> {
        let directory = self.lay(&self.database, &self.log);
        let path = directory.path().join(FILE_NAME);
        Connection::open(&path)
            .unwrap()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        fs::read(path).unwrap()
    }

    fn lay(&self, database: &[u8], log: &[u8]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            (FILE_NAME, database),
            ("ledger.db-wal", log),
            (mark::FILE_NAME, &self.mark),
        ] {
            if !bytes.is_empty() {
                fs::write(directory.path().join(name), bytes).unwrap();
            }
        }
        directory
    }

    /// Opening refuses, or the checker finds something or fails, or the books are right.
    fn assert_honest(&self, database: &[u8], log: &[u8]) -> Result<bool, String> {
        let directory = self.lay(database, log);
        let Ok(connection) = open_read_only(directory.path()) else {
            return Ok(true);
        };
        match crate::ledger::check::check(&connection) {
            Ok(report) if report.findings.is_empty() => {}
            _ => return Ok(true),
        }
        match books(&connection) {
            Ok(said) if said == self.books => Ok(false),
            said => Err(format!("wrong books pass for right: {said:?}")),
        }
    }
}

#[test]
fn a_flipped_bit_or_a_cut_anywhere_is_refused_or_found_or_harmless() {
    let killed = Killed::new();
    let closed = killed.closed();
    assert_eq!(killed.assert_honest(&closed, b""), Ok(false));
    assert_eq!(killed.assert_honest(&killed.database, &killed.log), Ok(false));
    // A generator of fixed points, so that a failure comes back.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut noticed = 0;
    for round in 0..300 {
        let (mut database, mut log) = if round % 3 == 0 {
            (killed.database.clone(), killed.log.clone())
        } else {
            (closed.clone(), Vec::new())
        };
        let whole = if log.is_empty() { &mut database } else { &mut log };
        let what = if round % 5 == 0 {
            whole.truncate(draw(whole.len()).max(1));
            format!("cut to {} bytes", whole.len())
        } else {
            let (place, bit) = (draw(whole.len()), draw(8));
            whole[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} flipped")
        };
        let honest = killed.assert_honest(&database, &log);
        noticed += u32::from(honest.unwrap_or_else(|error| panic!("round {round}, {what}: {error}")));
    }
    assert!(noticed > 100, "{noticed}");
}
