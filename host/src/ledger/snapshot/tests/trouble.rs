//! Crashes, failing files, strangers' directories, strange names.

use super::*;
use crate::ledger::mark;
use std::path::PathBuf;

/// A ledger that forgot what happened since: a copy of the database from before.
fn before(files: &Files, name: &str) -> PathBuf {
    let directory = files.bench.directory.path().join(name);
    fs::create_dir(&directory).unwrap();
    mark::copy(files.bench.directory.path(), &directory).unwrap();
    let target = directory.join("ledger.db");
    open_read_only(files.bench.directory.path())
        .unwrap()
        .execute("VACUUM INTO ?1", [target.to_string_lossy()])
        .unwrap();
    directory
}

#[test]
fn a_crash_between_a_file_and_its_bookkeeping_only_renders_again() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "1")]);
    files.render();
    files.month(JULY, Finality::Final, &[("Compute", "7")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    let forgot = before(&files, "forgot");
    files.render();
    let stood = files.bytes();
    // Left behind by the process that died.
    let unfinished = files
        .config
        .directory
        .join("billed/.finops-host-1-acme-2026-08.csv");
    fs::write(unfinished, "half").unwrap();
    let ledger = Ledger::open(&forgot, files.bench.clock.clone()).unwrap();
    let report = files.try_render_of(&ledger).unwrap();
    assert_eq!(report.failed, [""; 0]);
    assert_eq!(files.bytes(), stood, "the same files, and nothing else");
    assert_eq!(files.sums(), files.booked());
}

#[test]
fn a_file_that_cannot_be_written_holds_up_no_other_and_is_tried_again() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    let obstacle = files.config.directory.join("billed/acme-2026-07.csv/full");
    fs::create_dir_all(&obstacle).unwrap();
    let report = files.try_render();
    assert_eq!(written(&report), ["billed/acme-2026-08.csv"]);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].contains("acme-2026-07.csv"), "{report:?}");
    let connection = open_read_only(files.bench.directory.path()).unwrap();
    let [row] = snapshots(&connection).unwrap().try_into().unwrap();
    assert!(row.error.unwrap().contains("acme-2026-07.csv"));
    assert_eq!((row.files, row.waiting), (1, 1));
    fs::remove_dir_all(files.config.directory.join("billed/acme-2026-07.csv")).unwrap();
    assert_eq!(written(&files.render()), ["billed/acme-2026-07.csv"]);
    let [row] = snapshots(&connection).unwrap().try_into().unwrap();
    assert_eq!((row.error, row.files, row.waiting), (None, 2, 0));
}

#[test]
fn a_paused_snapshot_is_left_alone_until_it_is_resumed() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.render();
    let store = files.bench.ledger.store();
    let id = |connection: &rusqlite::Connection| outbox::destination_row(connection, "focus").unwrap();
    store
        .with_blocking(move |connection| outbox::pause(connection, id(connection), "by the operator"))
        .unwrap();
    files.month(JULY, Finality::Open, &[("Compute", "6")]);
    let report = files.try_render();
    assert_eq!(
        (report.paused.as_deref(), report.written.len()),
        (Some("by the operator"), 0)
    );
    store
        .with_blocking(move |connection| outbox::resume(connection, id(connection)))
        .unwrap();
    assert_eq!(files.render().written.len(), 1);
}

#[test]
fn a_directory_of_another_ledger_or_with_a_strange_manifest_is_left_alone() {
    let files = Files::new();
    files.month(JULY, Finality::Open, &[("Compute", "5")]);
    files.render();
    let mut other = Files::new();
    other.month(JULY, Finality::Open, &[("Compute", "9")]);
    other.config.directory.clone_from(&files.config.directory);
    let stood = files.bytes();
    let error = other.try_render_of(&other.bench.ledger).unwrap_err().to_string();
    assert!(error.contains("another ledger"), "{error}");
    assert_eq!(files.bytes(), stood);
    fs::write(files.config.directory.join("manifest.json"), "{}").unwrap();
    let error = files.try_render_of(&files.bench.ledger).unwrap_err().to_string();
    assert!(error.contains("no manifest of finops-host"), "{error}");
}

#[test]
fn whatever_a_provider_is_called_its_file_lies_in_the_directory() {
    let files = Files::new();
    let stream = sample::stream("monthly", Grain::Month);
    let long = "x".repeat(300);
    for provider in ["../../etc", "a/b", "Ärger", long.as_str()] {
        let source = crate::ledger::record::Source {
            provider: provider.to_owned(),
            ..sample::source()
        };
        files.bench.block(async {
            let (ledger, run) = (&files.bench.ledger, files.bench.run);
            let writer = ledger
                .open_writer(run, &stream, &source, vec![sample::at(JULY)])
                .await
                .unwrap();
            ledger
                .write(writer, vec![sample::record(JULY, "Compute", "1")])
                .await
                .unwrap();
            ledger
                .seal(writer, sample::seal(Completeness::Complete))
                .await
                .unwrap();
            ledger
                .commit(run, vec![writer], sample::trusting())
                .await
                .unwrap();
        });
    }
    assert_eq!(files.render().written.len(), 4);
    assert_eq!(files.names().len(), 5);
}
