//! When months are final, and what becomes of them afterwards.

use super::*;

#[test]
fn a_bill_restated_after_its_month_was_final_is_corrected_in_the_next_open_month() {
    let files = Files::new();
    files.month(JULY, Finality::Final, &[("Compute", "5"), ("Storage", "1")]);
    assert_eq!(files.render().closed, ["acme 2026-07"]);
    let july = files.bytes()["billed/acme-2026-07.csv"].clone();

    files.month(JULY, Finality::Final, &[("Compute", "7"), ("Network", "0.5")]);
    assert_eq!(written(&files.render()), ["billed/acme-2026-08.csv"]);
    assert_eq!(
        files.bytes()["billed/acme-2026-07.csv"],
        july,
        "it stays as it was"
    );
    let mut told = files.told("billed/acme-2026-08.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "Correction 2026-08 2026-07-01 -1",
            "Correction 2026-08 2026-07-01 -5",
            "Correction 2026-08 2026-07-01 0.5",
            "Correction 2026-08 2026-07-01 7",
        ]
    );

    // The open month takes its own charges, and a correction that is taken back leaves it.
    files.month(AUGUST, Finality::Open, &[("Compute", "3")]);
    files.month(JULY, Finality::Final, &[("Compute", "7"), ("Storage", "1")]);
    files.render();
    let mut told = files.told("billed/acme-2026-08.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "- 2026-08 2026-08-01 3",
            "Correction 2026-08 2026-07-01 -1",
            "Correction 2026-08 2026-07-01 -5",
            "Correction 2026-08 2026-07-01 1",
            "Correction 2026-08 2026-07-01 7",
        ]
    );

    // August is final with its corrections; what comes then is told in September.
    files.go_to("2026-09-10T12:00:00Z");
    files.month(AUGUST, Finality::Final, &[("Compute", "3")]);
    assert_eq!(files.render().closed, ["acme 2026-08"]);
    let before = files.bytes();
    files.month(JULY, Finality::Final, &[("Compute", "6"), ("Storage", "1")]);
    files.month(AUGUST, Finality::Final, &[]);
    assert_eq!(written(&files.render()), ["billed/acme-2026-09.csv"]);
    for name in ["billed/acme-2026-07.csv", "billed/acme-2026-08.csv"] {
        assert_eq!(files.bytes()[name], before[name]);
    }
    let mut told = files.told("billed/acme-2026-09.csv");
    told.sort();
    assert_eq!(
        told,
        [
            "Correction 2026-09 2026-07-01 -7",
            "Correction 2026-09 2026-07-01 6",
            "Correction 2026-09 2026-08-01 -3",
        ]
    );
    assert_eq!(files.render(), SnapshotReport::default());
}

#[test]
fn a_month_stays_open_while_it_lasts_or_anything_of_it_is_open_partial_or_missing() {
    let files = Files::new();
    let closed = |files: &Files| files.render().closed.len();
    let stream = sample::stream("daily", Grain::Day);
    let days: Vec<String> = (1..=31)
        .map(|day| format!("2026-07-{day:02}T00:00:00Z"))
        .collect();
    let commit = |day: &str, finality, completeness| {
        let record = CostRecord {
            finality,
            ..sample::record(day, "Compute", "1")
        };
        files
            .bench
            .commit_as(&stream, &[day], vec![record], completeness)
            .unwrap();
    };
    files.go_to("2026-07-31T12:00:00Z");
    for day in days.iter().filter(|day| !day.starts_with("2026-07-20")) {
        commit(day, Finality::Final, Completeness::Complete);
    }
    assert_eq!(closed(&files), 0, "it lasts");
    files.go_to("2026-08-01T12:00:00Z");
    commit(&days[19], Finality::Open, Completeness::Complete);
    assert_eq!(closed(&files), 0, "a day is open");
    commit(&days[19], Finality::Final, Completeness::Partial);
    assert_eq!(closed(&files), 0, "a day is partial");
    commit(&days[19], Finality::Final, Completeness::Complete);
    let report = files.render();
    assert_eq!(
        (report.closed.len(), report.written.len()),
        (1, 0),
        "no record changed, and still it is final now"
    );
    assert_eq!(files.manifest()["files"][0]["final"], true);
}

#[test]
fn a_month_becomes_final_by_its_end_alone() {
    let files = Files::new();
    files.go_to("2026-07-20T12:00:00Z");
    files.month(JULY, Finality::Final, &[("Compute", "5")]);
    assert_eq!(files.render().closed.len(), 0);
    files.go_to("2026-08-01T00:00:00Z");
    assert_eq!(files.render().closed, ["acme 2026-07"]);
    assert_eq!(files.render(), SnapshotReport::default());
}

#[test]
fn a_month_with_a_gap_stays_open() {
    let files = Files::new();
    let stream = sample::stream("daily", Grain::Day);
    let day = |day: u32| format!("2026-07-{day:02}T00:00:00Z");
    let commit = |start: &str| {
        let record = CostRecord {
            finality: Finality::Final,
            ..sample::record(start, "Compute", "1")
        };
        files.bench.commit(&stream, &[start], vec![record]).unwrap();
    };
    for number in (1..=31).filter(|number| *number != 20) {
        commit(&day(number));
    }
    assert_eq!(files.render().closed.len(), 0);
    commit(&day(20));
    assert_eq!(files.render().closed.len(), 1);
}
