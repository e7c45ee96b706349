//! A full disk, by SQLite's own limit of pages: what is under way is refused whole, and goes on once there is space.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::{Completeness, LedgerError, WriteError, ballast, record::CostRecord, sample};
use crate::component::descriptor::Grain;

const DAY: &str = "2026-08-01T00:00:00Z";
const LINES: u32 = 300;

fn lines() -> Vec<CostRecord> {
    let line = |line: u32| {
        let mut record = sample::record(DAY, &format!("Service {line}"), "1");
        record.charge_description = Some("d".repeat(500));
        record
    };
    (0..LINES).map(line).collect()
}

/// Lets the file have so many pages more; none: as many as it likes.
fn allow(bench: &sample::Bench, more: Option<u32>) {
    let job = move |connection: &mut rusqlite::Connection| {
        let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let most = more.map_or(u32::MAX - 1, |more| pages + more);
        Ok(connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?)
    };
    bench.ledger.store().with_blocking(job).unwrap();
}

#[test]
fn a_disk_that_is_full_at_any_page_of_staging_sealing_or_committing_leaves_the_books_as_they_were() {
    let mut bench = sample::Bench::posting();
    let stream = sample::stream("daily", Grain::Day);
    bench
        .commit(&stream, &[DAY], vec![sample::record(DAY, "Service 0", "1")])
        .unwrap();
    let stood = bench.entries();
    let mut refused = 0;
    for more in (0..).step_by(7) {
        assert_eq!(
            ballast::ensure(bench.directory.path()).unwrap(),
            ballast::Ballast::There
        );
        allow(&bench, Some(more));
        let result = bench.commit_as(&stream, &[DAY], lines(), Completeness::Complete);
        allow(&bench, None);
        match result {
            Ok(receipt) => {
                assert_eq!(receipt.written, u64::from(LINES));
                break;
            }
            Err(WriteError::Ledger(error @ LedgerError::Full { .. })) => {
                let said = error.to_string();
                assert!(
                    said.contains("ledger.db: the disk is full") && said.contains("free some space"),
                    "{said}"
                );
                assert!(
                    !bench.directory.path().join("ballast").exists(),
                    "it was given back"
                );
                refused += 1;
            }
            Err(error) => panic!("{more} pages: {error}"),
        }
        assert_eq!(bench.entries(), stood, "{more} pages");
        assert_eq!(bench.findings(), [""; 0], "{more} pages");
        // The run ends and the next begins, which forgets what was staged.
        bench.reopen();
    }
    assert!(refused > 3, "{refused}");
    assert_eq!(
        bench.rows("SELECT exact_sum(amount) FROM entry"),
        [LINES.to_string()]
    );
    assert_eq!(bench.findings(), [""; 0]);
}
