//! Archive files that are lost or changed, and what a death left: named, never read over, and mended where that can be.

use super::*;
use crate::ledger::{
    archive::{Shelf, shelf},
    salvage,
};

#[test]
fn damage_to_an_archive_is_found_and_never_read_over() {
    for (damage, finding) in [
        (Damage::Gone, "No such file"),
        (Damage::Cut, "it has"),
        (Damage::Flipped, "their SHA-256 is not its name"),
        (
            Damage::Sql("UPDATE archive SET records = 1"),
            "row: the checksum of the archive",
        ),
        (
            Damage::Sql("UPDATE archive_balance SET billed = '1'"),
            "archive: the balance of the archived partition 1 in USD",
        ),
        (
            Damage::Sql("DELETE FROM archive_balance WHERE currency = 'EUR'"),
            "archive: the balance of the archived partition 2 in EUR",
        ),
        (
            Damage::Sql("UPDATE partition SET archived = 0"),
            "archive: partition 1 is not archived, and",
        ),
        (
            Damage::Sql("DELETE FROM archive_balance; DELETE FROM archive"),
            "archive: record 1 of partition 1 has its content",
        ),
        (
            Damage::Sql("UPDATE record SET billed = '4' WHERE billed = '3.25'"),
            "row: the column billed of record",
        ),
        (
            Damage::Sql("DELETE FROM record WHERE billed = '1.5'"),
            "archive: partition 1 has 3 records",
        ),
    ] {
        let bench = books();
        archive(&bench);
        damage.strike(&bench);
        let findings = bench.findings();
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{finding:?} is not among {findings:?}"
        );
        if let Damage::Sql(_) = damage {
            continue;
        }
        let reader = open_read_only(bench.directory.path()).unwrap();
        let refused = costs(&reader, &CostFilter::default()).unwrap_err().to_string();
        assert!(
            refused.contains("archived detail") && refused.contains("ledger salvage"),
            "{refused}"
        );
        let restated = vec![line(DAYS[0], "Compute", "1.25"), line(DAYS[0], "Archive", "2.5")];
        let before = bench.entries();
        let both = [DAYS[0], DAYS[1]];
        let refused = bench.commit(&daily(), &both, restated).unwrap_err().to_string();
        assert!(refused.contains("archived detail"), "{refused}");
        assert_eq!(bench.entries(), before);
    }
}

/// A way to damage the archives of [`books`].
enum Damage {
    Gone,
    Cut,
    Flipped,
    Sql(&'static str),
}

impl Damage {
    fn strike(&self, bench: &Bench) {
        let file = files(bench).pop();
        let path = || file.clone().unwrap();
        match self {
            Self::Gone => fs::remove_file(path()).unwrap(),
            Self::Cut => {
                let bytes = fs::read(path()).unwrap();
                fs::write(path(), &bytes[..bytes.len() / 2]).unwrap();
            }
            Self::Flipped => {
                let mut bytes = fs::read(path()).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path(), bytes).unwrap();
            }
            Self::Sql(sql) => bench.doctor(sql),
        }
    }
}

#[test]
fn a_death_between_file_and_rows_is_undone_by_the_next_run() {
    let bench = books();
    archive(&bench);
    let stands = files(&bench);
    let shelf = stands[0].parent().unwrap();
    for name in [".unfinished-9".to_owned(), format!("{}.parquet", "a".repeat(64))] {
        fs::write(shelf.join(name), "PAR1").unwrap();
    }
    fs::write(shelf.join("notes.txt"), "not ours").unwrap();
    assert_eq!(archive(&bench), 0);
    let mut wanted = stands.clone();
    wanted.push(shelf.join("notes.txt"));
    wanted.sort();
    assert_eq!(files(&bench), wanted);
}

#[test]
fn salvage_brings_all_detail_back_and_names_what_its_archive_lost() {
    for lost in [false, true] {
        let mut bench = books();
        archive(&bench);
        let before = said(&bench);
        if lost {
            Damage::Gone.strike(&bench);
        } else {
            bench.doctor("DELETE FROM commit_partition WHERE commit_id = 1");
        }
        let entries = bench.rows("SELECT exact_sum(amount) FROM entry");
        let copy = bench.closed();
        fs::rename(bench.directory.path().join(FOLDER), copy.path().join(FOLDER)).unwrap();
        let outcome = salvage::salvage(copy.path(), None, sample::at("2026-08-13T00:00:00Z")).unwrap();
        let salvage::Outcome::Salvaged(salvaged) = outcome else {
            unreachable!("{outcome:?}")
        };
        bench = Bench::on(copy);
        assert_eq!((archived(&bench), files(&bench)), (Vec::new(), Vec::new()));
        let named: Vec<&str> = salvaged.lost.iter().map(|lost| lost.table.as_str()).collect();
        assert!(named.iter().all(|table| *table == "record"), "{salvaged:?}");
        assert_eq!(named.is_empty(), !lost, "{salvaged:?}");
        assert_eq!(bench.findings(), [""; 0]);
        if !lost {
            assert_eq!(said(&bench), before);
            assert_eq!(bench.rows("SELECT exact_sum(amount) FROM entry"), entries);
        }
        let kept = fs::read_dir(bench.directory.path()).unwrap();
        let kept = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(
            kept.filter(|name| name.starts_with("archive.damaged-")).count(),
            1
        );
    }
}

#[test]
fn a_file_of_many_row_groups_gives_every_record_in_any_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("unnamed");
    let mut writer = file::Writer::new(fs::File::create_new(&path).unwrap(), Vec::new()).unwrap();
    let count = 9_000_u64;
    // Each key has three records: a key is met on both sides of a border between groups.
    let line = |number: u64| {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(number / 3).to_be_bytes());
        let content = format!("content {number}");
        file::Line {
            record: i64::try_from(count - number).unwrap(),
            key,
            revision: crate::ledger::key::revision(&content),
            from_commit: 1,
            until_commit: number.is_multiple_of(2).then_some(2),
            service: "Compute".to_owned(),
            currency: "USD".to_owned(),
            billed: "0.1".to_owned(),
            effective: "0.1".to_owned(),
            list: None,
            contracted: number.is_multiple_of(3).then(|| "1".to_owned()),
            content,
        }
    };
    for number in 0..count {
        writer.add(line(number)).unwrap();
    }
    let written = writer.finish().unwrap();
    assert_eq!(written.records, i64::try_from(count).unwrap());
    let name = format!("x/{}{}", written.sha256, shelf::ENDING);
    let folder = directory.path().join(FOLDER);
    fs::create_dir_all(folder.join("x")).unwrap();
    fs::rename(&path, folder.join(&name)).unwrap();
    let mut shelf = Shelf::of(directory.path());
    for number in (0..count).rev().step_by(7).chain((0..count).step_by(97)) {
        let line = line(number);
        let content = shelf.content(Some(&name), &line.key, line.record, &line.revision);
        assert_eq!(content.unwrap(), line.content);
    }
    let (first, second) = (line(0), line(1));
    for (record, revision) in [(0, first.revision), (first.record, second.revision)] {
        let refused = shelf
            .content(Some(&name), &first.key, record, &revision)
            .unwrap_err();
        assert!(refused.to_string().contains("as it was"), "{refused}");
    }
    let refused = shelf.content(Some("../x.parquet"), &first.key, 1, &first.revision);
    assert!(refused.unwrap_err().to_string().contains("no name"));
}
